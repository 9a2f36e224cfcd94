//! What can stop a pass over an object. Vendor errors are not here: they end in the object's status.

/// A pass could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or could not be reached.
    #[error("the API server: {0}")]
    Kube(#[from] Box<kube::Error>),
    /// The object changed while the pass was under way; the newer one is on its way.
    #[error("the object has changed meanwhile")]
    Stale,
    /// The object lacks what every stored object has.
    #[error("the object has no {0}")]
    Malformed(&'static str),
    /// The pass took longer than it may.
    #[error("the pass took longer than it may")]
    Deadline,
    /// A fault of the operator; only this object is affected.
    #[error("a fault of the operator: {0}")]
    Panicked(String),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.is_conflict() => Self::Stale,
            _ => Self::Kube(Box::new(error)),
        }
    }
}

/// Whether the API server says that there is no such object.
#[must_use]
pub fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}

/// Whether the API server says that the operator may not do this.
#[must_use]
pub fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_forbidden())
}
