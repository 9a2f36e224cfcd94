//! Every fault does at CloudDesktop's gateway what its name says.

use desktop_operator::sim::{AccountEdit, Fault, FaultKind, Kind, Outcome, Sim, When};
use serde_json::{Value, json};

use super::client::{start, usual};
use crate::sim_client::{refusal, strict, text};

/// Desktops that requests have made.
fn made(sim: &Sim) -> usize {
    sim.ledger().ever_created(Kind::Instance).len()
}

#[tokio::test]
async fn errors_come_before_or_after_the_effect() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("CreateDesktop").throttle(1500));
    let response = client.send("CreateDesktop", &usual()).await;
    assert_eq!(response.headers()["x-acs-retry-after"], "1500");
    assert_eq!(refusal(response).await, (429, "Throttling.User".to_owned()));
    let oops = || Fault::on("CreateDesktop").with("UserName", "alice");
    sim.fault(oops().code(500, "InternalError", "oops"));
    sim.fault(oops().after_commit().code(500, "InternalError", "oops"));
    for effects in [0, 1] {
        let refused = client.refused("CreateDesktop", &usual()).await;
        assert_eq!(refused, (500, "InternalError".to_owned()));
        assert_eq!(made(&sim), effects);
    }
    let ledger = sim.ledger();
    let created = ledger.committed("CreateDesktop");
    assert_eq!(created[0].fault.as_ref().unwrap().when, When::AfterCommit);
    let outcomes: Vec<_> = ledger.calls("CreateDesktop").iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [Outcome::Faulted, Outcome::Faulted, Outcome::Committed]);
}

#[tokio::test]
async fn answers_are_spoilt_in_every_way() {
    let (sim, client) = start(strict()).await;
    let on = || Fault::on("DescribeDesktopOwner");
    sim.fault(on().status(502));
    assert_eq!(client.send("DescribeDesktopOwner", &[]).await.status(), 502);
    sim.fault(on().html());
    let response = client.send("DescribeDesktopOwner", &[]).await;
    assert_eq!(response.headers()["content-type"], "text/html");
    sim.fault(on().truncated());
    assert!(client.send("DescribeDesktopOwner", &[]).await.bytes().await.is_err());
    sim.fault(on().wrong_types());
    let spoilt: Value = client.send("DescribeDesktopOwner", &[]).await.json().await.unwrap();
    assert!(spoilt["Status"].is_array(), "{spoilt}");
    sim.fault(on().oversize());
    let long = client.send("DescribeDesktopOwner", &[]).await.bytes().await.unwrap();
    assert!(long.len() > 1 << 20);
    sim.fault(on().slow(2000));
    let whole: Value = client.send("DescribeDesktopOwner", &[]).await.json().await.unwrap();
    assert_eq!(whole["Status"], "Active");
    sim.fault(on().echo("canary-0815"));
    let response = client.send("DescribeDesktopOwner", &[]).await;
    assert_eq!(response.headers()["x-acs-message"], "canary-0815");
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["Message"], &body["HostId"], &body["Code"]),
        (&json!("canary-0815"), &json!("canary-0815"), &json!("InvalidParameter"))
    );
}

#[tokio::test]
async fn lost_answers_and_tokens_make_one_desktop() {
    let (sim, client) = start(strict()).await;
    let with_token = [&usual()[..], &[("ClientToken", "t")]].concat();
    sim.fault(Fault::on("CreateDesktop").after_commit().reset());
    let signed = client.0.sign("POST", client.params("CreateDesktop", &with_token));
    let lost = client
        .0
        .http
        .post(format!("{}/", client.0.url))
        .form(&signed)
        .send()
        .await;
    assert!(lost.is_err());
    let answer = client.call("CreateDesktop", &with_token).await;
    assert_eq!(made(&sim), 1);
    assert_eq!(sim.ledger().existing(Kind::Instance)[0].id, text(&answer, "DesktopId"));
}

#[tokio::test]
async fn a_held_request_waits() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("CreateDesktop").kind(FaultKind::Hold));
    let observer = async {
        let held = sim.wait_for_held(1).await.unwrap();
        assert_eq!(made(&sim), 0);
        sim.release(held[0].id);
    };
    let params = usual();
    let (_, ()) = tokio::join!(client.call("CreateDesktop", &params), observer);
    assert_eq!(made(&sim), 1);
}

#[tokio::test]
async fn a_desktop_may_stay_on_its_way_or_appear_late() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("CreateDesktop").never_finish_task());
    let stuck = text(&client.call("CreateDesktop", &usual()).await, "DesktopId");
    let second = client.desktop(&sim, &[]).await;
    sim.read(|world| assert_eq!(world.cloud_desktop.desktops[&stuck].status, "Creating"));
    sim.fault(Fault::on("StopDesktop").never_finish_task());
    client.call("StopDesktop", &[("DesktopId", &second)]).await;

    sim.fault(Fault::on("CreateDesktop").late_visibility(3_600_000));
    client.desktop(&sim, &[]).await;
    assert_eq!(client.call("DescribeDesktops", &[]).await["Total"], 2);
    sim.edit(AccountEdit::Advance {
        milliseconds: 3_600_000,
    })
    .unwrap();
    assert_eq!(client.call("DescribeDesktops", &[]).await["Total"], 3);
    sim.read(|world| {
        assert_eq!(world.cloud_desktop.desktops[&stuck].status, "Creating");
        assert_eq!(world.cloud_desktop.desktops[&second].status, "Stopping");
    });
}
