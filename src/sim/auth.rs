//! Checks of Alibaba's RPC signature, version 1: written from its description, not from the operator's signer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;

use super::vendor::ApiError;
use super::world::World;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How far a client's clock may be off.
const SKEW: SignedDuration = SignedDuration::from_mins(15);

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The string that `method` and `params` (all of them, from query and body) must have been signed over.
pub(crate) fn string_to_sign(method: &str, params: &BTreeMap<String, String>) -> String {
    let canonical: Vec<String> = params
        .iter()
        .filter(|(name, _)| *name != "Signature")
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    format!("{method}&%2F&{}", encode(&canonical.join("&")))
}

/// Whether `signature` is that of `text` under `secret`. Compares in constant time, as a server should.
fn signed_by(secret: &str, text: &str, signature: &str) -> bool {
    let Ok(given) = STANDARD.decode(signature) else {
        return false;
    };
    // HMAC takes keys of any length, so this does not fail; a failure would refuse the request.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()) else {
        return false;
    };
    mac.update(text.as_bytes());
    mac.verify_slice(&given).is_ok()
}

/// The account that signed a request, or why it is refused. A nonce counts as used only once the signature holds.
pub(crate) fn admit(world: &mut World, method: &str, params: &BTreeMap<String, String>) -> Result<String, ApiError> {
    let required = |name: &str| {
        params
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| {
                ApiError::new(
                    400,
                    &format!("Missing{name}"),
                    &format!("{name} is mandatory for this action."),
                )
            })
    };
    let key_id = required("AccessKeyId")?;
    let key = world
        .key(key_id)
        .ok_or_else(|| ApiError::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."))?
        .clone();
    if !key.active {
        return Err(ApiError::new(
            400,
            "InvalidAccessKeyId.Inactive",
            "Specified access key is disabled.",
        ));
    }
    if required("SignatureMethod")? != "HMAC-SHA1" || required("SignatureVersion")? != "1.0" {
        return Err(ApiError::new(
            400,
            "InvalidSignatureMethod",
            "Specified signature method is not valid.",
        ));
    }
    let stamp = required("Timestamp")?;
    let signed_at: Timestamp = (stamp.len() == 20)
        .then(|| stamp.parse().ok())
        .flatten()
        .ok_or_else(|| {
            ApiError::new(
                400,
                "InvalidTimeStamp.Format",
                "Specified time stamp is not well formatted.",
            )
        })?;
    let now = Timestamp::now();
    if now.duration_since(signed_at).abs() > SKEW {
        return Err(ApiError::new(
            400,
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ));
    }
    let nonce = required("SignatureNonce")?;
    let text = string_to_sign(method, params);
    if !signed_by(&key.secret, &text, required("Signature")?) {
        return Err(ApiError::new(
            400,
            "SignatureDoesNotMatch",
            &format!("Specified signature is not matched with our calculation. server string to sign is:{text}"),
        ));
    }
    if !world.use_nonce(key_id, nonce, now) {
        return Err(ApiError::new(
            400,
            "SignatureNonceUsed",
            "Specified signature nonce was used already.",
        ));
    }
    Ok(key.account)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the ECS documentation.
    #[test]
    fn published_example() {
        let params = [
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Format", "XML"),
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("Version", "2014-05-26"),
            ("SignatureVersion", "1.0"),
            ("Signature", "OLeaidS1JvxuMvnyHOwuJ+uX5qY="),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let text = string_to_sign("GET", &params);
        assert!(text.starts_with("GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML"));
        assert!(signed_by("testsecret", &text, &params["Signature"]));
        assert!(!signed_by("other", &text, &params["Signature"]));
        assert!(!signed_by("testsecret", &text, "AAAA"));
    }

    /// What the vendors' published clients agree on, CloudDesktop's calls among them.
    #[test]
    fn vectors_of_the_published_clients() {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Vector {
            name: String,
            method: String,
            secret: String,
            params: BTreeMap<String, String>,
            string_to_sign: String,
            signature: String,
        }
        let text = include_str!("../../tests/data/signing-vectors.json");
        let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
        assert!(vectors.iter().any(|vector| vector.params["Version"] == "2017-03-01"));
        for vector in vectors {
            let text = string_to_sign(&vector.method, &vector.params);
            assert_eq!(text, vector.string_to_sign, "{}", vector.name);
            assert!(signed_by(&vector.secret, &text, &vector.signature), "{}", vector.name);
            assert!(!signed_by("other", &text, &vector.signature), "{}", vector.name);
        }
    }
}
