//! Access keys, and how they are read from a Secret.

use std::collections::BTreeMap;

use secrecy::SecretString;

/// Key of a Secret that holds the id of an access key.
pub const ACCESS_KEY_ID: &str = "accessKeyId";
/// Key of a Secret that holds the secret of an access key.
pub const ACCESS_KEY_SECRET: &str = "accessKeySecret";
/// Key of a Secret that holds the token of a temporary access key.
pub const SECURITY_TOKEN: &str = "securityToken";

/// Key of a Secret that holds the name of a login's domain, which is the vendor's word for a company's account.
pub const DOMAIN_NAME: &str = "domainName";
/// Key of a Secret that holds the name of a login.
pub const USER_NAME: &str = "userName";
/// Key of a Secret that holds the password of a login.
pub const PASSWORD: &str = "password";

/// A login, for vendors that give a token for it. Nothing of it is ever shown.
#[derive(Clone, Debug)]
pub struct Login {
    /// The company's account.
    pub domain: SecretString,
    /// User in it.
    pub user: SecretString,
    /// Its password.
    pub password: SecretString,
}

impl Login {
    /// Whether a Secret is meant to hold a login: it has one of a login's keys, and no access key.
    #[must_use]
    pub fn is_meant(data: &BTreeMap<String, Vec<u8>>) -> bool {
        let has = |key: &str| data.contains_key(key);
        !has(ACCESS_KEY_ID) && !has(ACCESS_KEY_SECRET) && [DOMAIN_NAME, USER_NAME, PASSWORD].into_iter().any(has)
    }

    /// Reads `domainName`, `userName` and `password`, which unlike keys may hold any printable character. One line
    /// break at the end of a value is dropped.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, CredentialsError> {
        Ok(Self {
            domain: printable(data, DOMAIN_NAME)?,
            user: printable(data, USER_NAME)?,
            password: printable(data, PASSWORD)?,
        })
    }
}

/// An access key. Nothing of it is ever shown.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Id of the key.
    pub id: SecretString,
    /// Its secret.
    pub secret: SecretString,
    /// Token that belongs to a temporary key.
    pub security_token: Option<SecretString>,
}

/// Why no access key could be read from a Secret. Names keys, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// A key is missing.
    #[error("the Secret has no key {key}{}. Add it.", similar.as_ref().map(|s| format!(", but one called {s:?}")).unwrap_or_default())]
    Missing {
        /// The key looked for.
        key: &'static str,
        /// A key that differs only in its spelling.
        similar: Option<String>,
    },
    /// A key has no value.
    #[error("key {key} of the Secret is empty. Put the value in.")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// A value holds characters that no access key has.
    #[error(
        "key {key} of the Secret holds a blank, a line break or another character that an access key cannot have. \
         Store the bare value, without quotes or further lines."
    )]
    OddCharacter {
        /// The key.
        key: &'static str,
    },
}

impl AccessKey {
    /// Reads `accessKeyId`, `accessKeySecret` and, if present, `securityToken`. One line break at the end of a value
    /// is dropped, because that is what `echo` and editors leave there; anything else odd is refused.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, CredentialsError> {
        Ok(Self {
            id: required(data, ACCESS_KEY_ID)?,
            secret: required(data, ACCESS_KEY_SECRET)?,
            security_token: match data.get(SECURITY_TOKEN) {
                Some(value) => Some(clean(SECURITY_TOKEN, value)?),
                None => None,
            },
        })
    }
}

fn required(data: &BTreeMap<String, Vec<u8>>, key: &'static str) -> Result<SecretString, CredentialsError> {
    clean(key, present(data, key)?)
}

fn printable(data: &BTreeMap<String, Vec<u8>>, key: &'static str) -> Result<SecretString, CredentialsError> {
    match std::str::from_utf8(bare(key, present(data, key)?)?) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.into()),
        _ => Err(CredentialsError::OddCharacter { key }),
    }
}

fn present<'a>(data: &'a BTreeMap<String, Vec<u8>>, key: &'static str) -> Result<&'a [u8], CredentialsError> {
    let missing = || CredentialsError::Missing {
        key,
        similar: data.keys().find(|other| letters(other) == letters(key)).cloned(),
    };
    data.get(key).map(Vec::as_slice).ok_or_else(missing)
}

/// The value without the line break that `echo` and editors leave at its end.
fn bare<'a>(key: &'static str, value: &'a [u8]) -> Result<&'a [u8], CredentialsError> {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    if value.is_empty() {
        return Err(CredentialsError::Empty { key });
    }
    Ok(value)
}

fn letters(key: &str) -> String {
    key.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

fn clean(key: &'static str, value: &[u8]) -> Result<SecretString, CredentialsError> {
    match std::str::from_utf8(bare(key, value)?) {
        Ok(text) if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(text.into()),
        _ => Err(CredentialsError::OddCharacter { key }),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn secret(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn a_line_break_at_the_end_is_dropped() {
        for end in ["", "\n", "\r\n"] {
            let id = format!("LTAI{end}");
            let key = AccessKey::from_secret(&secret(&[(ACCESS_KEY_ID, &id), (ACCESS_KEY_SECRET, "s3cret")])).unwrap();
            assert_eq!(key.id.expose_secret(), "LTAI");
            assert!(key.security_token.is_none());
        }
    }

    #[test]
    fn what_is_wrong_is_named_without_the_value() {
        let odd = CredentialsError::OddCharacter { key: ACCESS_KEY_SECRET };
        for value in ["can ary", "canary\n\n", "\ncanary", "canary\t", "\"can ary\"", "canäry"] {
            let error = AccessKey::from_secret(&secret(&[(ACCESS_KEY_ID, "a"), (ACCESS_KEY_SECRET, value)]));
            assert_eq!(error.unwrap_err(), odd, "{value:?}");
        }
        assert!(!odd.to_string().contains("canary"));
        let empty = AccessKey::from_secret(&secret(&[(ACCESS_KEY_ID, "\n"), (ACCESS_KEY_SECRET, "a")]));
        assert_eq!(empty.unwrap_err(), CredentialsError::Empty { key: ACCESS_KEY_ID });
        let missing = AccessKey::from_secret(&secret(&[("access-key-ID", "a")])).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the Secret has no key accessKeyId, but one called \"access-key-ID\". Add it."
        );
    }

    #[test]
    fn a_login_is_meant_where_no_key_is() {
        let login = [
            (DOMAIN_NAME, "办公\n"),
            (USER_NAME, "op erator"),
            (PASSWORD, "p w\u{20ac}"),
        ];
        assert!(Login::is_meant(&secret(&login)));
        let read = Login::from_secret(&secret(&login)).unwrap();
        assert_eq!(read.domain.expose_secret(), "办公");
        assert_eq!(read.password.expose_secret(), "p w\u{20ac}");
        assert!(!format!("{read:?}").contains("erator"));
        assert!(!Login::is_meant(&secret(&[(PASSWORD, "a"), (ACCESS_KEY_ID, "b")])));
        assert!(!Login::is_meant(&secret(&[("other", "a")])));
        let odd = Login::from_secret(&secret(&[(DOMAIN_NAME, "a\tb")])).unwrap_err();
        assert_eq!(odd, CredentialsError::OddCharacter { key: DOMAIN_NAME });
        let missing = Login::from_secret(&secret(&[(DOMAIN_NAME, "a"), (USER_NAME, "b")])).unwrap_err();
        assert!(missing.to_string().contains("password"));
    }

    #[test]
    fn debug_shows_nothing() {
        let key = AccessKey::from_secret(&secret(&[
            (ACCESS_KEY_ID, "canary1"),
            (ACCESS_KEY_SECRET, "canary2"),
            (SECURITY_TOKEN, "canary3"),
        ]))
        .unwrap();
        assert!(!format!("{key:?}").contains("canary"));
    }
}
