//! Request signing of Alibaba's RPC style, version 1.0 (HMAC-SHA1). Pure: time and nonce are inputs.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;

/// Everything but the unreserved characters of RFC 3986 is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The string that is signed: query and form parameters together, sorted by key in byte order, whatever the path is.
/// A parameter with an empty value takes part.
#[must_use]
pub fn string_to_sign(method: &str, parameters: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .filter(|(key, _)| *key != "Signature")
        .map(|(key, value)| format!("{}={}", encoded(key), encoded(value)))
        .collect();
    format!("{method}&{}&{}", encoded("/"), encoded(&pairs.join("&")))
}

/// The signature under a key. Alibaba's key is the secret followed by `&`; CapitalOnline's is the bare secret.
#[must_use]
pub fn signature(key: &[u8], string_to_sign: &str) -> String {
    // HMAC takes keys of any length; the error type only exists for other algorithms.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
