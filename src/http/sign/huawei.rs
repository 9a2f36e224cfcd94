//! Huawei's SDK-HMAC-SHA256: HMAC-SHA256 with the bare secret over the digest of a canonical request.

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Name of the scheme.
pub const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// How a time is written in the header `x-sdk-date`.
pub const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// What is signed of a request: `path` and `query` in the spelling they are sent in, the query sorted by name and then
/// by value; `headers` in small letters, sorted, with bare values. For signing alone a path ends in a slash.
#[must_use]
pub fn canonical_request(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    let slash = if path.ends_with('/') { "" } else { "/" };
    let lines = headers.iter().fold(String::new(), |lines, (name, value)| {
        let value = value.trim();
        lines + name + ":" + value + "\n"
    });
    let names = signed_headers(headers);
    let digest = hex::encode(Sha256::digest(body));
    format!("{method}\n{path}{slash}\n{query}\n{lines}\n{names}\n{digest}")
}

/// The names of the signed headers, as the signature lists them.
#[must_use]
pub fn signed_headers(headers: &[(&str, &str)]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.join(";")
}

/// The signature of a canonical request at a time, in hexadecimal digits.
#[must_use]
pub fn sign(secret: &[u8], date: &str, canonical_request: &str) -> String {
    let digest = hex::encode(Sha256::digest(canonical_request));
    let mut mac = Hmac::<Sha256>::new(&block(secret));
    mac.update(format!("{ALGORITHM}\n{date}\n{digest}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// The value of the header `authorization`.
#[must_use]
pub fn authorization(key_id: &str, signed_headers: &str, signature: &str) -> String {
    format!("{ALGORITHM} Access={key_id}, SignedHeaders={signed_headers}, Signature={signature}")
}

/// The key as HMAC defines it (RFC 2104): filled with zeros to a block, or its digest when it is longer than one.
/// Made here because the library's way for keys of any length returns an error that cannot happen.
fn block(secret: &[u8]) -> Key<Hmac<Sha256>> {
    let mut block = Key::<Hmac<Sha256>>::default();
    let digest;
    let bytes = if secret.len() > block.len() {
        digest = Sha256::digest(secret);
        digest.as_slice()
    } else {
        secret
    };
    for (place, byte) in block.iter_mut().zip(bytes) {
        *place = *byte;
    }
    block
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Also for keys longer than a block.
        #[test]
        fn keys_of_any_length(secret in prop::collection::vec(any::<u8>(), 0..200)) {
            let canonical = canonical_request("GET", "/", "", &[("host", "h")], b"");
            let text = format!("{ALGORITHM}\nd\n{}", hex::encode(Sha256::digest(&canonical)));
            let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
            mac.update(text.as_bytes());
            prop_assert_eq!(sign(&secret, "d", &canonical), hex::encode(mac.finalize().into_bytes()));
        }
    }
}
