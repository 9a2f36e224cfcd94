//! Every kind of misbehaviour happens on this vendor's wire too, before or after the effect.

use std::time::Duration;

use desktop_operator::sim::{Fault, Kind, Outcome};
use serde_json::{Value, json};

use super::client::{desktop_body, pool_body, refusal, start};
use crate::sim_client::strict;

#[tokio::test]
async fn throttling_has_the_vendors_code_and_header() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("ListDesktops").throttle(1500));
    let response = client.send("GET", "desktops", None).await;
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(refusal(response).await, (429, "APIG.0308".to_owned()));
    client.get("desktops").await;
}

#[tokio::test]
async fn errors_come_in_three_forms() {
    let (sim, client) = start(strict()).await;
    for (http, code, field) in [
        (409, "WKS.00010032", "/error_code"),
        (500, "APIGW.0201", "/error_code"),
        (403, "CBC.30000052", "/errorCode"),
    ] {
        sim.fault(Fault::on("ListUsers").code(http, code, "no"));
        let response = client.send("GET", "users", None).await;
        assert_eq!(response.status().as_u16(), http);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body.pointer(field), Some(&json!(code)), "{body}");
    }
    sim.fault(Fault::on("ListUsers").code(401, "IAM.401", "no"));
    let body: Value = client.send("GET", "users", None).await.json().await.unwrap();
    assert_eq!(body["error"]["code"], 401);
}

#[tokio::test]
async fn answers_can_be_spoilt_in_every_way() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("ListDesktops").status(502));
    sim.fault(Fault::on("ListDesktops").status_page(504));
    sim.fault(Fault::on("ListDesktops").html());
    for (status, page) in [(502, false), (504, true), (200, true)] {
        let response = client.send("GET", "desktops", None).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.text().await.unwrap().contains("<html>"), page);
    }
    sim.fault(Fault::on("ListDesktops").wrong_types());
    assert_eq!(client.get("desktops").await["desktops"], 7);
    sim.fault(Fault::on("ListDesktops").oversize());
    let long = client.send("GET", "desktops", None).await.text().await.unwrap();
    assert!(long.len() > 1 << 20);
    sim.fault(Fault::on("ListDesktops").truncated());
    assert!(client.send("GET", "desktops", None).await.text().await.is_err());
    sim.fault(Fault::on("ListDesktops").slow(1000));
    assert_eq!(client.get("desktops").await["total_count"], 0);
    sim.fault(Fault::on("ListDesktops").echo("canary-4711"));
    let body: Value = client.send("GET", "desktops", None).await.json().await.unwrap();
    assert_eq!(
        (&body["error_code"], &body["error_msg"]),
        (&json!("InvalidParameter"), &json!("canary-4711"))
    );
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_effect_leaves_the_desktop() {
    let (sim, client) = start(strict()).await;
    let create = async |name: &str| {
        let body = desktop_body(name).to_string();
        let path = format!("/v2/{}/desktops", client.project);
        let date = super::client::Client::date(0);
        let host = client.url.trim_start_matches("http://");
        let headers = [("host", host), ("x-sdk-date", date.as_str())];
        let authorization = client.authorization("POST", &path, "", &headers, &body);
        client
            .http
            .post(format!("{}{path}", client.url))
            .header("x-sdk-date", &date)
            .header("authorization", authorization)
            .timeout(Duration::from_secs(20))
            .body(body)
            .send()
            .await
    };
    sim.fault(Fault::on("CreateDesktop").reset());
    assert!(create("one").await.is_err());
    sim.read(|world| assert!(world.huawei.desktop("one").is_none()));
    sim.fault(Fault::on("CreateDesktop").after_commit().reset());
    assert!(create("two").await.is_err());
    let ledger = sim.ledger();
    assert_eq!(ledger.calls("CreateDesktop").len(), 2);
    assert_eq!(ledger.calls("CreateDesktop")[0].outcome, Outcome::Faulted);
    assert_eq!(ledger.ever_created(Kind::Instance).len(), 1);
}

#[tokio::test]
async fn a_job_may_never_end_and_its_desktop_never_be_ready() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("CreateDesktop").never_finish_task());
    let job = client.post("desktops", desktop_body("dsk-1")).await["job_id"].clone();
    sim.wait_for(|world| world.huawei.desktop("dsk-1").unwrap().task_status == "spawning")
        .await
        .unwrap();
    sim.edit(desktop_operator::sim::AccountEdit::Advance {
        milliseconds: 3_600_000,
    })
    .unwrap();
    let shown = client.get(&format!("workspace-jobs/{}", job.as_str().unwrap())).await;
    assert_eq!(shown["status"], "RUNNING");
    let desktops = client.get("desktops").await;
    assert_eq!(desktops["desktops"][0]["task_status"], "spawning");
}

#[tokio::test]
async fn new_objects_can_be_late() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("CreateDesktop").late_visibility(3_600_000));
    sim.fault(Fault::on("CreateDesktopPool").late_visibility(3_600_000));
    client.post("desktops", desktop_body("dsk-1")).await;
    client.post("desktop-pools", pool_body("late", 0)).await;
    assert_eq!(client.get("desktops/detail").await["total_count"], 0);
    assert_eq!(client.get("desktop-pools").await["total_count"], 0);
    sim.edit(desktop_operator::sim::AccountEdit::Advance {
        milliseconds: 3_600_000,
    })
    .unwrap();
    assert_eq!(client.get("desktops/detail").await["total_count"], 1);
    assert_eq!(client.get("desktop-pools").await["total_count"], 1);
}

#[tokio::test]
async fn a_request_can_be_held_and_picked_by_its_parameters() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("CreateDesktopUser").with("user_name", "bob").hold());
    let alice = json!({"user_name": "alice", "user_email": "a@office.example"});
    client.post("users", alice).await;
    let bob = json!({"user_name": "bob", "user_email": "b@office.example"});
    let held = client.post("users", bob);
    let release = async {
        sim.wait_for(|world| !world.held.is_empty()).await.unwrap();
        assert!(sim.read(|world| world.huawei.user("bob").is_none()));
        sim.release_all();
    };
    let (answer, ()) = tokio::join!(held, release);
    assert!(answer["id"].is_string());
}
