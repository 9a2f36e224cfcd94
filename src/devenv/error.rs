//! Why the control plane could not do as asked.

use std::path::PathBuf;

/// Why the control plane could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum DevenvError {
    /// The binaries are neither given nor buildable from here.
    #[error(
        "KUBEBUILDER_ASSETS is not set, and tests/control-plane/build.sh is in no folder above {from}: run from within \
         the repository, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager and kubectl"
    )]
    NoAssets {
        /// Where the search began.
        from: PathBuf,
    },
    /// A folder that should hold the binaries lacks one.
    #[error("{folder} has no {tool}")]
    MissingTool {
        /// The folder.
        folder: PathBuf,
        /// The file that is not in it.
        tool: &'static str,
    },
    /// The build script failed; it said why on standard error.
    #[error("{script} failed: {status}")]
    Build {
        /// The script.
        script: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// A file or process could not be handled.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A part ended although it should run.
    #[error("{name} ended ({status}); its last words:\n{log}")]
    Exited {
        /// Name of the part.
        name: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// End of its log.
        log: String,
    },
    /// The API server did not become ready.
    #[error("the API server is not ready after {after:?}: {last}; its last words:\n{log}")]
    NotReady {
        /// How long it was waited for.
        after: std::time::Duration,
        /// Last answer.
        last: String,
        /// End of its log.
        log: String,
    },
    /// A kubeconfig could not be written or read.
    #[error("kubeconfig: {0}")]
    Kubeconfig(String),
    /// The API server refused a request, or could not be asked.
    #[error("{what}: {source}")]
    Kube {
        /// What was being done.
        what: String,
        /// What the client said.
        source: Box<kube::Error>,
    },
    /// A CRD did not become usable.
    #[error("the CRD {name} did not become usable: {why}")]
    Crd {
        /// Name of the CRD.
        name: String,
        /// What went wrong.
        why: String,
    },
    /// No user of that name was named in the options.
    #[error("the control plane knows no user {0}")]
    UnknownUser(String),
}

/// Says what was being done when the system refused.
pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> DevenvError {
    move |source| DevenvError::Io {
        what: what.into(),
        source,
    }
}

/// Says what was being asked of the API server.
pub(super) fn kube(what: impl Into<String>) -> impl FnOnce(kube::Error) -> DevenvError {
    move |source| DevenvError::Kube {
        what: what.into(),
        source: Box::new(source),
    }
}
