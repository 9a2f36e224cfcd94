//! Signatures against vectors that the vendor's published clients agree on.

use std::collections::BTreeMap;

use desktop_operator::http::sign::rpc::{ALIBABA_KEY_SUFFIX, sign, string_to_sign};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    method: String,
    secret: String,
    params: BTreeMap<String, String>,
    string_to_sign: String,
    signature: String,
}

#[test]
fn signatures_agree_with_the_published_clients() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../data/signing-vectors.json")).unwrap();
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        // In no order, and with a signature of their own, as a verifier gets them.
        let params = vector
            .params
            .iter()
            .rev()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let text = string_to_sign(&vector.method, params.chain([("Signature", "anything")]));
        assert_eq!(text, vector.string_to_sign, "{}", vector.name);
        assert_eq!(
            sign(vector.secret.as_bytes(), ALIBABA_KEY_SUFFIX, &text),
            vector.signature,
            "{}",
            vector.name
        );
        assert_ne!(
            sign(vector.secret.as_bytes(), "", &text),
            vector.signature,
            "{}",
            vector.name
        );
    }
}
