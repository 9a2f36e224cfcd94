//! Signatures against vectors of the published client.

use desktop_operator::http::sign::huawei::{authorization, canonical_request, sign, signed_headers};

const HOST: (&str, &str) = ("host", "workspace.cn-north-4.myhuaweicloud.com");
const DATE: (&str, &str) = ("x-sdk-date", "20261123T080000Z");
const PROJECT: (&str, &str) = ("x-project-id", "0bec5db98280d2d02fd6c00c2de791ce");
const JSON: (&str, &str) = ("content-type", "application/json");
const POOL: &str = "/v2/0bec5db98280d2d02fd6c00c2de791ce/desktop-pools/a130ab3a-72bf-4b71-baa9-af4987c8e338";

/// Method, path, query, headers, body and the signature that they must give.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

#[test]
fn signatures_agree_with_the_published_client() {
    let desktops = "/v2/0bec5db98280d2d02fd6c00c2de791ce/desktops";
    let query =
        "is_share_desktop=true&limit=10&pool_id=p%2Cq&tag=k%3D%E4%B8%AD%20%E6%96%87%2A~&user_name=a&user_name=b";
    let pools = "/v2/0bec5db98280d2d02fd6c00c2de791ce/desktop-pools";
    let body = r#"{"name":"pool-1","type":"STATIC","size":2}"#;
    let all = [JSON, HOST, PROJECT, DATE];
    let temporary = [HOST, PROJECT, DATE, ("x-security-token", "tok")];
    let cases: [Case<'_>; 4] = [
        (
            "GET",
            POOL,
            "",
            &[HOST, DATE],
            "",
            "f2a13dc5b08c1021284a961f5983ee9bfd10cbbc6e990a50d89f11c9285b962c",
        ),
        (
            "GET",
            desktops,
            query,
            &all,
            "",
            "206ac2b230e35af4fe33d3a58e78e7f75b4bd76e4b67de23945bc27d049fa193",
        ),
        (
            "POST",
            pools,
            "",
            &all,
            body,
            "d71d513b53e7ee3a70c0bd6a06aaec1d5f8a8923e1a3f29865fe58d327ef95cc",
        ),
        (
            "GET",
            POOL,
            "",
            &temporary,
            "",
            "645b9056ad1c01e340e0790faeb95735a670848638e035d6fdea29aafe7750a9",
        ),
    ];
    for (method, path, query, headers, body, expected) in cases {
        let canonical = canonical_request(method, path, query, headers, body.as_bytes());
        assert_eq!(sign(b"testsecret", DATE.1, &canonical), expected, "{canonical}");
        assert_ne!(sign(b"testsecret&", DATE.1, &canonical), expected);
    }
    let header = authorization("testid", &signed_headers(&[HOST, DATE]), "00ff");
    assert_eq!(
        header,
        "SDK-HMAC-SHA256 Access=testid, SignedHeaders=host;x-sdk-date, Signature=00ff"
    );
}
