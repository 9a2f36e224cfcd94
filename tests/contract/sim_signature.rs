//! The simulator lets in whoever signs by the book, wherever the parameters stand, and nobody else.

use desktop_operator::sim::{AccountEdit, Outcome};
use reqwest::header::CONTENT_TYPE;

use crate::sim_client::{Client, Params, encoded, refusal, start, strict};

async fn post(client: &Client, query: &Params, form: &Params) -> reqwest::Response {
    client
        .http
        .post(format!("{}/?{}", client.url, encoded(query)))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(encoded(form))
        .send()
        .await
        .expect("an answer")
}

#[tokio::test]
async fn parameters_may_stand_in_the_query_or_the_body_or_both() {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    let own = [("ClusterId", cluster.as_str()), ("Name", "研发 集群*~/+&=")];
    let signed = || client.sign("POST", client.params("SetClusterName", &own));
    let nothing = Params::new();

    assert!(post(&client, &signed(), &nothing).await.status().is_success());
    assert!(post(&client, &nothing, &signed()).await.status().is_success());
    let (form, query) = signed()
        .into_iter()
        .partition(|(name, _)| own.iter().any(|(own, _)| own == name));
    assert!(post(&client, &query, &form).await.status().is_success());
    assert_eq!(sim.ledger().committed("SetClusterName").len(), 3);
    sim.read(|world| assert_eq!(world.gws.clusters[&cluster].name, "研发 集群*~/+&="));
}

#[tokio::test]
async fn what_is_not_signed_right_is_refused_and_says_why() {
    let (sim, client) = start(strict()).await;
    let good = client.params("DescribeClusters", &[]);
    let with = |name: &str, value: &str| {
        let mut params = good.clone();
        params.insert(name.to_owned(), value.to_owned());
        client.sign("GET", params)
    };
    let mut tampered = client.sign("GET", good.clone());
    tampered.insert("PageSize".to_owned(), "50".to_owned());
    let mut unsigned = good.clone();
    unsigned.insert("Signature".to_owned(), String::new());
    let method = client.sign("POST", good.clone());

    let cases = [
        (tampered, 400, "SignatureDoesNotMatch"),
        (method, 400, "SignatureDoesNotMatch"),
        (unsigned, 400, "MissingSignature"),
        (with("AccessKeyId", "nobody"), 404, "InvalidAccessKeyId.NotFound"),
        (with("SignatureMethod", "HMAC-SHA256"), 400, "InvalidSignatureMethod"),
        (
            with("Timestamp", "2020-01-01T00:00:00Z"),
            400,
            "InvalidTimeStamp.Expired",
        ),
        (with("Timestamp", "2020-01-01 00:00:00"), 400, "InvalidTimeStamp.Format"),
        (with("Version", "2015-01-01"), 400, "InvalidVersion"),
        (with("Action", "DescribeWeather"), 404, "InvalidApi.NotFound"),
        (with("Format", "XML"), 400, "InvalidFormat"),
    ];
    for (n, (mut params, status, code)) in cases.into_iter().enumerate() {
        // Those that fail late have used their nonce; each gets its own.
        if code.starts_with("InvalidV") || code.starts_with("InvalidApi") || code == "InvalidFormat" {
            params.remove("Signature");
            params.insert("SignatureNonce".to_owned(), format!("nonce-{n}"));
            params = client.sign("GET", params);
        }
        let answer = refusal(client.get(&params).await.unwrap()).await;
        assert_eq!(answer, (status, code.to_owned()));
    }
    sim.read(|world| assert!(world.ledger.entries().all(|entry| entry.outcome == Outcome::Refused)));
}

#[tokio::test]
async fn a_mismatch_shows_the_string_that_should_have_been_signed() {
    let (sim, client) = start(strict()).await;
    let stranger = Client::new(&sim, "testid", "wrong");
    let response = stranger.send("DescribeClusters", &[("PageSize", "10")]).await.unwrap();
    let body: serde_json::Value = response.json().await.unwrap();
    let message = body["Message"].as_str().unwrap();
    let (_, text) = message.split_once(':').unwrap();
    assert!(
        text.starts_with("GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeClusters"),
        "{text}"
    );
    assert!(
        client
            .send("DescribeClusters", &[])
            .await
            .unwrap()
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn a_nonce_serves_once() {
    let (_sim, client) = start(strict()).await;
    let params = client.sign("GET", client.params("DescribeClusters", &[]));
    assert!(client.get(&params).await.unwrap().status().is_success());
    let again = refusal(client.get(&params).await.unwrap()).await;
    assert_eq!(again, (400, "SignatureNonceUsed".to_owned()));
}

#[tokio::test]
async fn keys_can_be_added_switched_off_and_changed() {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    sim.edit(AccountEdit::AddKey {
        account: "testid".to_owned(),
        key_id: "second".to_owned(),
        secret: "other".to_owned(),
    })
    .unwrap();
    let second = Client::new(&sim, "second", "other");
    let listed = second.call("DescribeClusters", &[]).await;
    assert_eq!(listed["Clusters"][0]["ClusterId"], cluster.as_str());

    sim.edit(AccountEdit::SetKeyActive {
        key_id: "testid".to_owned(),
        active: false,
    })
    .unwrap();
    let refused = client.refused("DescribeClusters", &[]).await;
    assert_eq!(refused, (400, "InvalidAccessKeyId.Inactive".to_owned()));
    second.call("DescribeClusters", &[]).await;
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    sim.edit(AccountEdit::AddKey {
        account: "neighbour".to_owned(),
        key_id: "neighbour".to_owned(),
        secret: "other".to_owned(),
    })
    .unwrap();
    let neighbour = Client::new(&sim, "neighbour", "other");
    assert_eq!(neighbour.call("DescribeClusters", &[]).await["TotalCount"], 0);
    let refused = neighbour.refused("DeleteCluster", &[("ClusterId", &cluster)]).await;
    assert_eq!(refused, (404, "InvalidClusterId.NotFound".to_owned()));
}

#[tokio::test]
async fn secrets_do_not_reach_the_ledger() {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    let desktop = client.desktop(&sim, &cluster, "a").await;
    let own = [
        ("InstanceId", desktop.as_str()),
        ("UserName", "alice"),
        ("Password", "canary-4711"),
    ];
    client.call("GetConnectTicket", &own).await;
    let ledger = serde_json::to_string(&sim.ledger()).unwrap();
    assert!(ledger.contains("alice") && !ledger.contains("canary-4711") && !ledger.contains("testsecret"));
}
