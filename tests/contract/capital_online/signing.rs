//! The operator's signature against what the vendor's published client makes, and where it stands.

use std::collections::BTreeMap;

use desktop_operator::backend::Operation;
use desktop_operator::http::sign::rpc::{sign, string_to_sign};
use desktop_operator::sim::capital_online::Edition;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::vendor::Vendor;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    method: String,
    secret: String,
    params: BTreeMap<String, String>,
    string_to_sign: String,
    signature: String,
    with_ampersand: String,
}

#[test]
fn signatures_agree_with_the_published_client() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../data/capital-online-vectors.json")).unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let params = vector.params.iter().rev();
        let params = params.map(|(name, value)| (name.as_str(), value.as_str()));
        let text = string_to_sign(&vector.method, params.chain([("Signature", "anything")]));
        assert_eq!(text, vector.string_to_sign, "{}", vector.name);
        assert_eq!(
            sign(vector.secret.as_bytes(), "", &text),
            vector.signature,
            "{}",
            vector.name
        );
        assert_eq!(
            sign(vector.secret.as_bytes(), "&", &text),
            vector.with_ampersand,
            "{}",
            vector.name
        );
    }
}

#[tokio::test]
async fn a_post_carries_what_it_is_about_in_its_body_and_a_get_in_its_query() {
    let vendor = Vendor::saying(json!(null)).await;
    let backend = vendor.backend(Edition::Y2022);
    let rename = Operation::RenameDesktop {
        desktop_id: "vm-1".to_owned(),
        name: "研发 *~/+&=".to_owned(),
    };
    backend.submit(&rename).await.unwrap();
    let seen = vendor.only("ChangeVmName");
    assert_eq!((seen.method.clone(), seen.path.as_str()), (Method::POST, "/gcw/"));
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.body["name"], "研发 *~/+&=");
    assert_eq!(seen.query.len(), 8, "{:?}", seen.query);
    assert_eq!(seen.query["Version"], "2019-08-08");

    backend.list_users().await.unwrap_err();
    let seen = vendor.seen();
    let reads: Vec<_> = seen.iter().filter(|seen| seen.action() == "QuerySubAccounts").collect();
    assert_eq!(reads[0].method, Method::GET);
    // Made again, each time signed anew.
    assert_eq!(reads.len(), 3);
    assert_ne!(reads[0].query["SignatureNonce"], reads[1].query["SignatureNonce"]);
}
