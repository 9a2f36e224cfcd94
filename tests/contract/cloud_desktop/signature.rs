//! CloudDesktop's gateway lets in whoever signs by the book, and nobody else.

use desktop_operator::sim::{AccountEdit, Outcome};

use super::client::{Client, start};
use crate::sim_client::{self, encoded, refusal, strict};

#[tokio::test]
async fn the_version_tells_the_products_apart() {
    let (sim, client) = start(strict()).await;
    // The same action of both products, by GET and by POST.
    assert!(client.call("DescribeImages", &[]).await.get("Total").is_some());
    let signed = client.0.sign("GET", client.params("DescribeImages", &[]));
    let answer = client.0.get(&signed).await.unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    assert!(answer.get("Total").is_some(), "{answer}");
    let of_gws = client.0.call("DescribeImages", &[]).await;
    assert!(of_gws.get("TotalCount").is_some(), "{of_gws}");
    assert_eq!(sim.ledger().calls("DescribeImages").len(), 3);
}

#[tokio::test]
async fn what_is_not_signed_right_is_refused() {
    let (sim, client) = start(strict()).await;
    let signed_with = |name: &str, value: &str| {
        let mut params = client.params("DescribeRegions", &[]);
        params.insert(name.to_owned(), value.to_owned());
        client.0.sign("POST", params)
    };
    let mut tampered = client.0.sign("POST", client.params("DescribeRegions", &[]));
    tampered.insert("RegionId".to_owned(), "cn-beijing".to_owned());
    let by_get = client.0.sign("GET", client.params("DescribeRegions", &[]));
    for (params, status, code) in [
        (tampered, 400, "SignatureDoesNotMatch"),
        (by_get, 400, "SignatureDoesNotMatch"),
        (signed_with("AccessKeyId", "nobody"), 404, "InvalidAccessKeyId.NotFound"),
        (
            signed_with("Timestamp", "2020-01-01T00:00:00Z"),
            400,
            "InvalidTimeStamp.Expired",
        ),
        (signed_with("Action", "DescribeClusters"), 404, "InvalidApi.NotFound"),
        (signed_with("Format", "XML"), 400, "InvalidFormat"),
    ] {
        let refused = refusal(client.post(&params).await).await;
        assert_eq!(refused, (status, code.to_owned()));
    }
    let replayed = client.0.sign("POST", client.params("DescribeRegions", &[]));
    assert!(client.post(&replayed).await.status().is_success());
    let again = refusal(client.post(&replayed).await).await;
    assert_eq!(again, (400, "SignatureNonceUsed".to_owned()));
    let put = client.0.http.put(format!("{}/?{}", client.0.url, encoded(&replayed)));
    let refused = refusal(put.send().await.unwrap()).await;
    assert_eq!(refused, (400, "UnsupportedHTTPMethod".to_owned()));
    let ledger = sim.ledger();
    let heard = ledger.entries().filter(|entry| entry.outcome != Outcome::Refused);
    assert_eq!(heard.count(), 1);
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let (sim, client) = start(strict()).await;
    let desktop = client.desktop(&sim, &[("ClientToken", "t")]).await;
    sim.edit(AccountEdit::AddKey {
        account: "neighbour".to_owned(),
        key_id: "neighbour".to_owned(),
        secret: "other".to_owned(),
    })
    .unwrap();
    let neighbour = Client(sim_client::Client::new(&sim, "neighbour", "other"));
    assert_eq!(neighbour.call("DescribeDesktops", &[]).await["Total"], 0);
    let refused = neighbour.refused("DeleteDesktop", &[("DesktopId", &desktop)]).await;
    assert_eq!(refused, (404, "InvalidDesktopId.NotFound".to_owned()));
    // The same token of another account is another token.
    let theirs = neighbour.desktop(&sim, &[("ClientToken", "t")]).await;
    assert_ne!(theirs, desktop);
}
