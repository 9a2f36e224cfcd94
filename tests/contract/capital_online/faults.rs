//! Every fault does what its name says with this vendor's answers.

use std::time::Duration;

use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{Fault, Kind, Outcome, Sim};
use serde_json::{Value, json};

use super::client::{quick, uuid, vm_params};

fn made(sim: &Sim) -> usize {
    sim.ledger().ever_created(Kind::Instance).len()
}

#[tokio::test]
async fn throttling_says_how_long_to_wait() {
    let (sim, client) = quick(Edition::Y2022).await;
    sim.fault(Fault::on("QueryVms").throttle(1500));
    let response = client.send("QueryVms", &json!({})).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"2".parse().unwrap())
    );
    assert_eq!(response.json::<Value>().await.unwrap()["Code"], "RequestLimitExceeded");
    client.call("QueryVms", json!({})).await;
    let ledger = sim.ledger();
    let outcomes: Vec<Outcome> = ledger.calls("QueryVms").iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [Outcome::Faulted, Outcome::Read]);
}

#[tokio::test]
async fn an_error_may_hide_that_the_request_took_effect() {
    let (sim, client) = quick(Edition::Y2022).await;
    sim.fault(Fault::on("CreateVm").code(200, "13001", "创建失败"));
    sim.fault(Fault::on("CreateVm").after_commit().code(500, "InternalError", "oops"));
    assert_eq!(client.refused("CreateVm", vm_params(&sim, "a")).await, "13001");
    assert_eq!(made(&sim), 0);
    assert_eq!(client.refused("CreateVm", vm_params(&sim, "a")).await, "InternalError");
    assert_eq!(made(&sim), 1);
    let ledger = sim.ledger();
    assert_eq!(
        ledger.committed("CreateVm")[0].ids,
        [ledger.existing(Kind::Instance)[0].id.clone()]
    );
}

#[tokio::test]
async fn answers_come_cut_long_odd_or_not_at_all() {
    let (sim, client) = quick(Edition::Y2022).await;
    let create = async || {
        let mut params = vm_params(&sim, "a");
        params["requestId"] = json!(uuid());
        client.send("CreateVm", &params).await
    };
    sim.fault(Fault::on("CreateVm").truncated());
    assert!(create().await.unwrap().bytes().await.is_err());
    sim.fault(Fault::on("CreateVm").wrong_types());
    assert!(create().await.unwrap().json::<Value>().await.unwrap()["Code"].is_array());
    sim.fault(Fault::on("CreateVm").after_commit().oversize());
    assert!(create().await.unwrap().bytes().await.unwrap().len() > 1 << 20);
    sim.fault(Fault::on("CreateVm").after_commit().reset());
    assert!(create().await.is_err());
    sim.fault(Fault::on("CreateVm").after_commit().html());
    assert!(
        create()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
    sim.fault(Fault::on("CreateVm").after_commit().slow(100_000));
    assert_eq!(
        create().await.unwrap().json::<Value>().await.unwrap()["Code"],
        "Success"
    );
    assert_eq!(made(&sim), 6);
    sim.fault(Fault::on("CreateVm").status_page(502));
    assert_eq!(create().await.unwrap().status(), 502);
    sim.fault(Fault::on("CreateVm").reset());
    assert!(create().await.is_err());
    assert_eq!(made(&sim), 6);
}

#[tokio::test]
async fn a_silent_vendor_says_nothing() {
    let (sim, client) = quick(Edition::Y2022).await;
    sim.fault(Fault::on("QueryVms").timeout());
    let query = client.sign("GET", client.query("QueryVms", &[]));
    let url = format!("{}/gcw?{}", client.url, super::client::encoded(&query));
    let silent = client.http.get(url).timeout(Duration::from_millis(200)).send().await;
    assert!(silent.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_request_can_be_held_by_its_parameters() {
    let (sim, client) = quick(Edition::Y2022).await;
    sim.fault(Fault::on("CreateVm").with("name", "held").hold());
    let held = vm_params(&sim, "held");
    let (answer, ()) = tokio::join!(client.call("CreateVm", held), async {
        let held = sim.wait_for_held(1).await.unwrap();
        assert_eq!(held[0].action, "CreateVm");
        assert_eq!(made(&sim), 0);
        sim.release(held[0].id);
    });
    assert!(answer["vmIds"][0].is_string());
}

#[tokio::test]
async fn a_task_may_never_end_and_a_desktop_may_show_late() {
    let (sim, client) = quick(Edition::Y2022).await;
    sim.fault(Fault::on("CreateVm").never_finish_task());
    let request_id = uuid();
    let mut params = vm_params(&sim, "a");
    params["requestId"] = json!(request_id);
    let created = client.call("CreateVm", params).await;
    let vm = created["vmIds"][0].as_str().unwrap();
    sim.wait_for(|world| world.capital_online.vms[vm].status == "using")
        .await
        .unwrap();
    let asked = json!({"taskId": created["taskId"], "requestId": request_id});
    assert_eq!(client.call("QueryTask", asked).await["status"], "Running");

    sim.fault(Fault::on("CreateVm").late_visibility(3_600_000));
    let hidden = client.create(&sim, "b").await;
    assert_eq!(client.call("QueryVms", json!({})).await["vmIds"], json!([vm]));
    assert_eq!(client.refused("QueryVm", json!({"vmId": hidden})).await, "10006");
}

#[tokio::test]
async fn an_echo_repeats_the_text() {
    let (sim, client) = quick(Edition::Y2022).await;
    sim.fault(Fault::on("QueryVms").echo("canary"));
    let body = client.whole("QueryVms", json!({})).await;
    assert_eq!((&body["Message"], &body["Data"]), (&json!("canary"), &json!("canary")));
}
