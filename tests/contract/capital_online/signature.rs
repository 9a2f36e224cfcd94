//! The simulator lets in whoever signs by the book, and nobody else.

use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{AccountEdit, Outcome};
use serde_json::{Value, json};

use super::client::{Client, SITE, encoded, quick, uuid};

/// Status and code of a refusal at the door.
async fn refusal(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.expect("JSON");
    assert!(body["Message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    (status, body["Code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn both_paths_lead_to_the_vendor_and_no_other() {
    let (_sim, client) = quick(Edition::Y2022).await;
    for (path, status) in [("/gcw", 200), ("/gcw/", 200), ("/gcw/x", 404), ("/cds", 404)] {
        let query = client.sign("GET", client.query("QuerySites", &[]));
        let url = format!("{}{path}?{}", client.url, encoded(&query));
        assert_eq!(client.http.get(url).send().await.unwrap().status(), status, "{path}");
    }
}

#[tokio::test]
async fn the_body_is_not_signed_and_the_whole_query_is() {
    let (sim, client) = quick(Edition::Y2022).await;
    let body = json!({"requestId": uuid(), "email": "a@example.com", "name": "研发 *~/+&="});
    // The published client repeats the parameters in the query.
    let query = client.query("CreateSubAccount", &[("email", "a@example.com"), ("vmIds.0", "x y+z")]);
    let answer = client.post(&client.sign("POST", query), &body).await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["Code"], "Success");
    sim.read(|world| {
        let user = world.capital_online.sub_account("a@example.com").unwrap();
        assert_eq!(user.name, "研发 *~/+&=");
    });

    let mut tampered = client.sign("POST", client.query("CreateSubAccount", &[]));
    tampered.insert("email".to_owned(), "b@example.com".to_owned());
    let refused = refusal(client.post(&tampered, &body).await.unwrap()).await;
    assert_eq!(refused, (403, "SignatureDoesNotMatch".to_owned()));
}

#[tokio::test]
async fn what_a_post_is_about_stands_in_its_body() {
    let (_sim, client) = quick(Edition::Y2022).await;
    let query = client.query("CreateSubAccount", &[("email", "a@example.com"), ("name", "a")]);
    let body = json!({"requestId": uuid()});
    let answer = client.post(&client.sign("POST", query), &body).await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["Code"], "10003");
    let query = client.sign("POST", client.query("CreateSubAccount", &[]));
    let refused = refusal(client.post(&query, &json!([1])).await.unwrap()).await;
    assert_eq!(refused, (400, "ParamParseError".to_owned()));
}

#[tokio::test]
async fn what_is_not_signed_right_is_refused_and_says_why() {
    let (sim, client) = quick(Edition::Y2022).await;
    let with = |name: &str, value: &str| {
        let mut query = client.query("QuerySites", &[]);
        query.insert(name.to_owned(), value.to_owned());
        client.sign("GET", query)
    };
    let mut unsigned = with("siteId", SITE);
    unsigned.remove("Signature");
    let mut alibaba = Client::new(&sim, "testid", "testsecret&");
    let suffixed = alibaba.sign("GET", alibaba.query("QuerySites", &[]));
    alibaba.secret = "other".to_owned();
    let skewed = |minutes: i64| {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        with("Timestamp", &time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    };

    for (query, status, code) in [
        (suffixed, 403, "SignatureDoesNotMatch"),
        (
            alibaba.sign("GET", alibaba.query("QuerySites", &[])),
            403,
            "SignatureDoesNotMatch",
        ),
        (
            client.sign("POST", client.query("QuerySites", &[])),
            403,
            "SignatureDoesNotMatch",
        ),
        (unsigned, 400, "MissingParameter"),
        (with("SignatureNonce", ""), 400, "MissingParameter"),
        (with("AccessKeyId", "nobody"), 403, "InvalidAccessKeyId"),
        (with("SignatureMethod", "HMAC-SHA256"), 400, "InvalidParameter"),
        (with("SignatureVersion", "2.0"), 400, "InvalidParameter"),
        (with("Timestamp", "2026-11-23 08:00:00"), 400, "InvalidParameter"),
        (skewed(-16), 400, "RequestExpired"),
        (skewed(16), 400, "RequestExpired"),
        (with("Version", "2019-06-18"), 400, "InvalidParameter"),
        (with("Action", "QueryWeather"), 400, "UnsupportedAction"),
        (with("Action", "CreateVm"), 405, "UnsupportedHTTPMethod"),
    ] {
        let answer = refusal(client.get(&query).await.unwrap()).await;
        assert_eq!(answer, (status, code.to_owned()), "{query:?}");
    }
    sim.read(|world| assert!(world.ledger.entries().all(|entry| entry.outcome == Outcome::Refused)));
}

#[tokio::test]
async fn a_nonce_serves_once() {
    let (_sim, client) = quick(Edition::Y2022).await;
    let query = client.sign("GET", client.query("QuerySites", &[]));
    assert!(client.get(&query).await.unwrap().status().is_success());
    let again = refusal(client.get(&query).await.unwrap()).await;
    assert_eq!(again, (400, "SignatureNonceUsed".to_owned()));
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let (sim, client) = quick(Edition::Y2022).await;
    let vm = client.create(&sim, "a").await;
    sim.edit(AccountEdit::AddKey {
        account: "neighbour".to_owned(),
        key_id: "neighbour".to_owned(),
        secret: "other".to_owned(),
    })
    .unwrap();
    let neighbour = Client::new(&sim, "neighbour", "other");
    assert_eq!(neighbour.call("QueryVms", json!({})).await["vmIds"], json!([]));
    assert_eq!(neighbour.refused("QueryVm", json!({"vmId": vm})).await, "10006");
    assert_eq!(neighbour.refused("DeleteVm", json!({"vmId": vm})).await, "10006");
    assert_eq!(neighbour.call("GetCustomNet", json!({"siteId": SITE})).await, json!([]));
    sim.edit(AccountEdit::SetKeyActive {
        key_id: "neighbour".to_owned(),
        active: false,
    })
    .unwrap();
    assert_eq!(neighbour.refused("QueryVms", json!({})).await, "AccessDenied");
}

#[tokio::test]
async fn secrets_do_not_reach_the_ledger() {
    let (sim, client) = quick(Edition::Y2023).await;
    let people = json!([{"email": "b@example.com", "name": "b", "password": "Canary4711b"}]);
    client
        .call(
            "CreateSubAccount",
            json!({"email": "a@example.com", "name": "a", "password": "Canary4711a"}),
        )
        .await;
    client
        .call("CreateSubAccounts", json!({"createAccountParams": people}))
        .await;
    let listed = client.call("QuerySubAccounts", json!({})).await;
    assert_eq!(listed[0]["password"], "Canary4711a");
    let ledger = serde_json::to_string(&sim.ledger()).unwrap();
    assert!(ledger.contains("b@example.com") && !ledger.contains("Canary") && !ledger.contains("testsecret"));
}
