//! Errors of vendor calls. The class is decided where the answer is read, once.

use std::fmt;
use std::time::Duration;

/// What an error means for whoever sent the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Too many calls; nothing was done. Slow down.
    Throttled,
    /// A passing fault; a read may simply be repeated.
    Transient,
    /// The credentials are wrong, expired or disabled, or the clock is off.
    Auth,
    /// The account may not do this.
    Forbidden,
    /// The object does not exist.
    NotFound,
    /// The request is wrong and will stay wrong.
    Invalid,
    /// The object's present state does not allow it.
    Conflict,
    /// A quota is used up.
    Quota,
    /// The vendor has no such machine to give at the moment.
    OutOfStock,
    /// Unpaid bills or a service that is not bought.
    Billing,
    /// The call may have taken effect: no answer, or one that cannot be trusted.
    Ambiguous,
}

impl ErrorClass {
    /// Name as shown in status and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "Throttled",
            Self::Transient => "Transient",
            Self::Auth => "Auth",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::Invalid => "Invalid",
            Self::Conflict => "Conflict",
            Self::Quota => "Quota",
            Self::OutOfStock => "OutOfStock",
            Self::Billing => "Billing",
            Self::Ambiguous => "Ambiguous",
        }
    }

    /// Whether it can be expected to pass without anybody doing anything.
    #[must_use]
    pub const fn heals_by_itself(self) -> bool {
        matches!(
            self,
            Self::Throttled | Self::Transient | Self::Conflict | Self::OutOfStock | Self::Ambiguous
        )
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A vendor call that did not succeed. Its text never holds a URL, a body, a signature or a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {class}{}: {message}", code.as_ref().map(|c| format!(" ({c})")).unwrap_or_default())]
pub struct BackendError {
    /// What it means.
    pub class: ErrorClass,
    /// The vendor's action, e.g. `CreateInstance`.
    pub action: &'static str,
    /// The vendor's error code.
    pub code: Option<String>,
    /// The vendor's request id.
    pub request_id: Option<String>,
    /// At most 256 printable characters of explanation.
    pub message: String,
    /// How long the vendor asked to wait.
    pub retry_after: Option<Duration>,
}

impl BackendError {
    /// An error without a vendor's code.
    #[must_use]
    pub fn new(class: ErrorClass, action: &'static str, message: &str) -> Self {
        Self {
            class,
            action,
            code: None,
            request_id: None,
            message: explanation(message),
            retry_after: None,
        }
    }
}

/// At most 256 characters, control characters replaced: vendors' texts reach conditions and logs.
#[must_use]
pub fn sanitize(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(256)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// As [`sanitize`], and what looks like a ticket or a key is left out: for explanations, which may repeat anything.
#[must_use]
pub fn explanation(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c == ' ').map(without_tokens);
    sanitize(&words.collect::<Vec<_>>().join(" "))
}

/// No id, name or address that a vendor would tell is as long as this in one piece.
const TOKEN: usize = 40;

/// What is behind one of these words is nobody's business.
const SECRET_WORDS: [&str; 5] = ["password", "secret", "signature", "ticket", "token"];

fn without_tokens(word: &str) -> String {
    // Words of a language and codes have no digits.
    let piece = |c: char| c.is_ascii_alphanumeric() || "+/=_-%".contains(c);
    let is_token = |piece: &str| piece.len() >= TOKEN && piece.bytes().any(|b| b.is_ascii_digit());
    if word.split(|c| !piece(c)).any(is_token) {
        return "***".to_owned();
    }
    match word.split_once(['=', ':']) {
        Some((name, value)) if !value.is_empty() && names_secret(name) => format!("{name}=***"),
        _ => word.to_owned(),
    }
}

fn names_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|secret| lower.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_ticket_is_left_out() {
        let ticket = "W0VuY29kaW5nXQpJbnB1dEVuY29kaW5nPVVURjgKW1dGQ2xpZW50XQ==";
        for text in [
            format!("ticket is {ticket} end"),
            format!("a\n\"{ticket}\"\nb"),
            format!("LogonTicket={ticket}"),
            "W0VuY29kaW5nXQpJbnB1dEVuY29kaW5nPVVUFTicket12345==".to_owned(),
        ] {
            assert!(!explanation(&text).contains("W0Vu"), "{}", explanation(&text));
        }
        assert_eq!(
            explanation("LogonTicket=A1B2 Password:x"),
            "LogonTicket=*** Password=***"
        );
        let plain = "The specified ImageId m-bp1example0123456789 is not found: 2C3E4A5B-5349-4D00-8000-000000000007.";
        assert_eq!(explanation(plain), plain);
        let code = "InvalidSystemDiskCategoryOfInstanceType.ValueNotSupported";
        assert_eq!(explanation(code), code);
        assert_eq!(explanation(&"word ".repeat(100)).chars().count(), 256);
    }
}
