//! Credentials that do not print themselves.

use secrecy::{ExposeSecret, SecretString};

/// An access key, with the token that temporary ones need.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Identifies the key; still kept out of logs.
    pub id: SecretString,
    /// Signs.
    pub secret: SecretString,
    /// Sent along with temporary keys.
    pub security_token: Option<SecretString>,
}

impl AccessKey {
    /// Replaces every credential that a text repeats: vendors echo what they were sent.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in [Some(&self.secret), Some(&self.id), self.security_token.as_ref()]
            .into_iter()
            .flatten()
        {
            clean = clean.replace(secret.expose_secret(), "***");
        }
        clean
    }
}
