//! The simulator lets in whoever signs by the book or shows a good token, and nobody else.

use desktop_operator::sim::{AccountEdit, HuaweiEdit, Outcome};
use serde_json::{Value, json};

use super::client::{Client, PROJECT, refusal, start};
use crate::sim_client::strict;

/// Sends a read with these headers signed, and these sent.
async fn read(client: &Client, query: &str, signed: &[(&str, &str)], sent: &[(&str, &str)]) -> reqwest::Response {
    let path = format!("/v2/{PROJECT}/desktops/detail");
    let authorization = client.authorization("GET", &path, query, signed, "");
    let mut request = client.http.get(format!("{}{path}?{query}", client.url));
    for (name, value) in sent {
        request = request.header(*name, *value);
    }
    request
        .header("authorization", authorization)
        .send()
        .await
        .expect("an answer")
}

#[tokio::test]
async fn any_list_of_signed_headers_will_do_that_has_host_and_date() {
    let (_sim, client) = start(strict()).await;
    let host = client.url.trim_start_matches("http://").to_owned();
    let date = Client::date(0);
    let needed = [("host", host.as_str()), ("x-sdk-date", &date)];
    assert!(read(&client, "limit=1", &needed, &needed).await.status().is_success());
    let many = [
        ("content-type", "application/json"),
        ("host", &host),
        ("user-agent", "huaweicloud-usdk-python/3.0"),
        ("x-project-id", PROJECT),
        ("x-sdk-date", &date),
    ];
    assert!(
        read(&client, "computer_name=a%20b%2A&limit=1", &many, &many)
            .await
            .status()
            .is_success()
    );

    for lacking in [&needed[..1], &needed[1..]] {
        let answer = refusal(read(&client, "limit=1", lacking, &needed).await).await;
        assert_eq!(answer, (401, "APIGW.0301".to_owned()));
    }
    let unsorted = [needed[1], needed[0]];
    let answer = refusal(read(&client, "limit=1", &unsorted, &needed).await).await;
    assert_eq!(answer, (401, "APIGW.0301".to_owned()));
    let mut changed = many;
    changed[2].1 = "another";
    let answer = refusal(read(&client, "limit=1", &many, &changed).await).await;
    assert_eq!(
        answer,
        (401, "APIGW.0301".to_owned()),
        "a signed header was changed on the way"
    );
}

#[tokio::test]
async fn what_is_not_signed_right_is_refused() {
    let (sim, client) = start(strict()).await;
    let host = client.url.trim_start_matches("http://").to_owned();
    for minutes in [-16, 16] {
        let date = Client::date(minutes);
        let headers = [("host", host.as_str()), ("x-sdk-date", &date)];
        let answer = refusal(read(&client, "limit=1", &headers, &headers).await).await;
        assert_eq!(answer, (401, "APIGW.0301".to_owned()), "{minutes} minutes off");
    }
    for minutes in [-14, 14] {
        let date = Client::date(minutes);
        let headers = [("host", host.as_str()), ("x-sdk-date", &date)];
        assert!(read(&client, "limit=1", &headers, &headers).await.status().is_success());
    }
    let date = "2026-11-23T08:00:00Z";
    let headers = [("host", host.as_str()), ("x-sdk-date", date)];
    let answer = refusal(read(&client, "limit=1", &headers, &headers).await).await;
    assert_eq!(answer, (401, "APIGW.0301".to_owned()));

    for (key_id, secret) in [("testid", "wrong"), ("nobody", "testsecret")] {
        let stranger = Client::new(&sim, key_id, secret, PROJECT);
        let answer = stranger.refused("GET", "workspaces", &Value::Null).await;
        assert_eq!(answer, (401, "APIGW.0301".to_owned()));
    }
    let plain = client.http.get(format!("{}/v2/{PROJECT}/workspaces", client.url));
    assert_eq!(
        refusal(plain.send().await.unwrap()).await,
        (401, "APIGW.0301".to_owned())
    );
    sim.read(|world| assert!(world.ledger.entries().all(|entry| entry.outcome != Outcome::Committed)));
}

#[tokio::test]
async fn the_body_is_signed_too() {
    let (sim, client) = start(strict()).await;
    let host = client.url.trim_start_matches("http://").to_owned();
    let date = Client::date(0);
    let path = format!("/v2/{PROJECT}/users");
    let headers = [("host", host.as_str()), ("x-sdk-date", &date)];
    let signed = json!({"user_name": "alice", "user_email": "a@office.example"}).to_string();
    let send = async |body: String| {
        let authorization = client.authorization("POST", &path, "", &headers, &signed);
        let request = client.http.post(format!("{}{path}", client.url));
        let request = request
            .header("x-sdk-date", &date)
            .header("authorization", authorization);
        request.body(body).send().await.unwrap()
    };
    let answer = refusal(send(signed.replace("alice", "mallory")).await).await;
    assert_eq!(answer, (401, "APIGW.0301".to_owned()));
    assert!(send(signed.clone()).await.status().is_success());
    sim.read(|world| assert!(world.huawei.user("mallory").is_none() && world.huawei.user("alice").is_some()));
}

#[tokio::test]
async fn a_token_is_good_for_its_project_until_it_is_stale() {
    let (sim, client) = start(strict()).await;
    let answer = client
        .token("testid", "testsecret", json!({"name": "cn-north-4"}))
        .await;
    assert_eq!(answer.status().as_u16(), 201);
    let token = answer.headers()["x-subject-token"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["token"]["project"]["id"], PROJECT);
    let get = async |project: &str, token: &str| {
        let url = format!("{}/v2/{project}/workspaces", client.url);
        client.http.get(url).header("x-auth-token", token).send().await.unwrap()
    };
    assert!(get(PROJECT, &token).await.status().is_success());
    let other = "f".repeat(32);
    assert_eq!(refusal(get(&other, &token).await).await, (403, "APIGW.0302".to_owned()));
    assert_eq!(
        refusal(get(PROJECT, "made up").await).await,
        (401, "APIGW.0301".to_owned())
    );

    sim.edit(HuaweiEdit::ExpireTokens {
        account: "testid".to_owned(),
    })
    .unwrap();
    let stale = get(PROJECT, &token).await;
    assert_eq!(stale.status().as_u16(), 401);
    assert!(stale.text().await.unwrap().contains("The token must be updated"));
    let again = client.token("testid", "testsecret", json!({"id": PROJECT})).await;
    let again = again.headers()["x-subject-token"].to_str().unwrap().to_owned();
    assert!(get(PROJECT, &again).await.status().is_success());
    sim.edit(AccountEdit::Advance {
        milliseconds: 24 * 60 * 60 * 1000,
    })
    .unwrap();
    assert_eq!(get(PROJECT, &again).await.status().as_u16(), 401, "a day has passed");

    let wrong = client.token("testid", "wrong", json!({"id": PROJECT})).await;
    assert_eq!(refusal(wrong).await, (401, "401".to_owned()));
    let elsewhere = client.token("testid", "testsecret", json!({"name": "eu-west-0"})).await;
    assert_eq!(refusal(elsewhere).await, (404, "404".to_owned()));
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let (sim, client) = start(strict()).await;
    let desktop = client.desktop(&sim, "dsk-1").await;
    sim.edit(AccountEdit::AddKey {
        account: "neighbour".to_owned(),
        key_id: "neighbour".to_owned(),
        secret: "other".to_owned(),
    })
    .unwrap();
    let project = "a".repeat(32);
    sim.edit(HuaweiEdit::AddProject {
        account: "neighbour".to_owned(),
        project: project.clone(),
        region: "cn-north-4".to_owned(),
    })
    .unwrap();
    let trespasser = Client::new(&sim, "neighbour", "other", PROJECT);
    let answer = trespasser.refused("GET", "desktops", &Value::Null).await;
    assert_eq!(answer, (403, "APIGW.0302".to_owned()));
    let neighbour = Client::new(&sim, "neighbour", "other", &project);
    assert_eq!(neighbour.get("desktops").await["total_count"], 0);
    let answer = neighbour
        .refused("DELETE", &format!("desktops/{desktop}"), &Value::Null)
        .await;
    assert_eq!(answer, (404, "WKS.0202".to_owned()));
    neighbour.desktop(&sim, "dsk-1").await;
}

#[tokio::test]
async fn paths_that_are_none_and_bodies_that_are_none_are_refused() {
    let (_sim, client) = start(strict()).await;
    for (method, path) in [
        ("GET", "desktops-pools/1"),
        ("PATCH", "desktops"),
        ("DELETE", "desktops"),
        ("GET", "users/1/2"),
    ] {
        let answer = client.refused(method, path, &Value::Null).await;
        assert_eq!(answer, (404, "APIGW.0101".to_owned()), "{method} {path}");
    }
    let answer = client.refused("POST", "desktops", &Value::Null).await;
    assert_eq!(answer, (400, "WKS.0001".to_owned()));
    let answer = client.refused("POST", "users", &json!([1])).await;
    assert_eq!(answer, (400, "WKS.0001".to_owned()));
}
