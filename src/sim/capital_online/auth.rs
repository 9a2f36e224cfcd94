//! Checks of the vendor's signature: written from its description, not from the operator's signer.
//!
//! Which errors the live gateway answers here is not documented; the words are those of its sister products.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha1::Sha1;

use crate::sim::vendor::ApiError;
use crate::sim::world::World;

/// How far a client's clock may be off.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

/// Percent-encodes all but letters, digits and `-_.~`.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The string that a request with this query must have been signed over. The body is no part of it, nor is the path.
pub(super) fn string_to_sign(method: &str, query: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = query
        .iter()
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| encode(name) + "=" + &encode(value))
        .collect();
    [method, &encode("/"), &encode(&pairs.join("&"))].join("&")
}

/// Whether `signature` is that of `text` under the bare secret.
fn holds(secret: &str, text: &str, signature: &str) -> bool {
    match (
        STANDARD.decode(signature),
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()),
    ) {
        (Ok(given), Ok(mac)) => mac.chain_update(text).verify_slice(&given).is_ok(),
        _ => false,
    }
}

fn invalid(name: &str) -> ApiError {
    ApiError::new(400, "InvalidParameter", &format!("The parameter {name} is not valid."))
}

/// The account that signed a request, or why it is refused. A nonce counts as used only once the signature holds.
pub(super) fn admit(world: &mut World, method: &str, query: &BTreeMap<String, String>) -> Result<String, ApiError> {
    let required = |name: &str| {
        let value = query.get(name).map(String::as_str).unwrap_or_default();
        if value.is_empty() {
            let message = format!("The parameter {name} is missing.");
            return Err(ApiError::new(400, "MissingParameter", &message));
        }
        Ok(value)
    };
    let key_id = required("AccessKeyId")?;
    let Some(key) = world.key(key_id).cloned() else {
        return Err(ApiError::new(
            403,
            "InvalidAccessKeyId",
            "The access key does not exist.",
        ));
    };
    if !key.active {
        return Err(ApiError::new(403, "AccessDenied", "The access key is disabled."));
    }
    if required("SignatureMethod")? != "HMAC-SHA1" {
        return Err(invalid("SignatureMethod"));
    }
    if required("SignatureVersion")? != "1.0" {
        return Err(invalid("SignatureVersion"));
    }
    let stamp = required("Timestamp")?;
    let signed_at: Option<Timestamp> = stamp.parse().ok().filter(|_| stamp.len() == 20);
    let signed_at = signed_at.ok_or_else(|| invalid("Timestamp"))?;
    let now = Timestamp::now();
    if now.duration_since(signed_at).abs() > SKEW {
        return Err(ApiError::new(400, "RequestExpired", "The request has expired."));
    }
    let nonce = required("SignatureNonce")?;
    let text = string_to_sign(method, query);
    if !holds(&key.secret, &text, required("Signature")?) {
        let message = format!("The signature does not match. String to sign: {text}");
        return Err(ApiError::new(403, "SignatureDoesNotMatch", &message));
    }
    if !world.use_nonce(key_id, nonce, now) {
        return Err(ApiError::new(400, "SignatureNonceUsed", "The nonce was used already."));
    }
    Ok(key.account)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "6bca6bbd-58f2-427e-acdc-2eeb4c7328c7";

    fn query(action: &str, own: &[(&str, &str)]) -> BTreeMap<String, String> {
        let system = [
            ("AccessKeyId", "cdsak"),
            ("Action", action),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", NONCE),
            ("SignatureVersion", "1.0"),
            ("Timestamp", "2026-11-23T08:00:00Z"),
            ("Version", "2019-08-08"),
        ];
        system
            .iter()
            .chain(own)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Signatures that the vendor's published client makes.
    #[test]
    fn the_published_clients_signatures_hold() {
        let task = [
            ("taskId", "53b150e2-bb27-4db1-8dc6-650eaba66fc2"),
            ("requestId", "6ca9ed98-27c8-4431-995f-59cc6d743dab"),
        ];
        let vms = [
            ("siteId", "ebbfcb70-a98f-11ec-926b-8aaa763f849e"),
            ("email", "a+b@163.com"),
            ("vpcName", "娄底-云桌面 默认*VPC~"),
        ];
        let rebuild = [("vmId", "vm-1"), ("imageId", "img-1"), ("requestId", "r-1")];
        for (method, action, own, signature, with_ampersand) in [
            (
                "GET",
                "QueryTask",
                &task[..],
                "0Qx10HmOcG6IqEsShhsu7K2b+qI=",
                "U4itxi72+D7h07TXfayb+WS6xYE=",
            ),
            (
                "POST",
                "CreateVm",
                &[],
                "0e9ZxoSwGFRsW3RbGo9sj7IaJcE=",
                "WTRA/81p1wFVffOUR/pgJsRBbiA=",
            ),
            (
                "GET",
                "QueryVms",
                &vms,
                "GedNX2MiurIODb7iXi9rVA1Prxo=",
                "Hm4iOh4527c2nh7EL0ryK6vJxtc=",
            ),
            (
                "GET",
                "RebuildVm",
                &rebuild,
                "fmbCCi118NYH5EBiySSLF3P2mzk=",
                "B587WjHFnbBNhALFUdIY82q6xuE=",
            ),
        ] {
            let text = string_to_sign(method, &query(action, own));
            assert!(holds("cdssk", &text, signature), "{action}: {text}");
            assert!(!holds("cdssk", &text, with_ampersand), "{action}");
            assert!(!holds("other", &text, signature), "{action}");
            assert!(!holds("cdssk", &text, "no base64"), "{action}");
        }
    }
}
