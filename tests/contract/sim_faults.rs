//! Every fault does what its name says, before or after the request takes effect.

use std::time::Duration;

use desktop_operator::sim::{Fault, Kind, Outcome, Sim, SimConfig, When};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sim_client::{Client, as_refs, desktop_params, encoded, refusal, start, strict, text};

/// A simulator with a running cluster.
async fn with_cluster() -> (Sim, Client, String) {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    (sim, client, cluster)
}

/// Desktops that requests have made.
fn made(sim: &Sim) -> usize {
    sim.ledger().ever_created(Kind::Instance).len()
}

#[tokio::test]
async fn throttling_says_how_long_to_wait() {
    let (sim, client, _) = with_cluster().await;
    sim.fault(Fault::on("DescribeInstances").times(2).throttle(1500));
    for _ in 0..2 {
        let response = client.send("DescribeInstances", &[]).await.unwrap();
        assert_eq!(response.headers()["x-acs-retry-after"], "1500");
        assert_eq!(refusal(response).await, (429, "Throttling.User".to_owned()));
    }
    client.call("DescribeInstances", &[]).await;
    let ledger = sim.ledger();
    let calls = ledger.calls("DescribeInstances");
    let outcomes: Vec<Outcome> = calls.iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [Outcome::Faulted, Outcome::Faulted, Outcome::Read]);
    assert_eq!(calls[0].fault.as_ref().unwrap().kind, "throttle");
}

#[tokio::test]
async fn an_error_may_hide_that_the_request_took_effect() {
    let (sim, client, cluster) = with_cluster().await;
    let params = desktop_params(&cluster, "a");
    sim.fault(Fault::on("CreateInstance").code(500, "InternalError", "oops"));
    sim.fault(
        Fault::on("CreateInstance")
            .after_commit()
            .code(500, "InternalError", "oops"),
    );

    let internal = (500, "InternalError".to_owned());
    assert_eq!(client.refused("CreateInstance", &as_refs(&params)).await, internal);
    assert_eq!(made(&sim), 0);
    assert_eq!(client.refused("CreateInstance", &as_refs(&params)).await, internal);
    assert_eq!(made(&sim), 1);
    let ledger = sim.ledger();
    let created = ledger.committed("CreateInstance");
    assert_eq!(created.len(), 1);
    assert_eq!(created[0].fault.as_ref().unwrap().when, When::AfterCommit);
    assert_eq!(created[0].ids, [ledger.existing(Kind::Instance)[0].id.clone()]);
}

#[tokio::test]
async fn gateways_answer_with_pages_or_with_nothing() {
    let (sim, client, _) = with_cluster().await;
    for status in [500, 502, 503, 504] {
        sim.fault(Fault::on("DescribeClusters").status(status));
        let response = client.send("DescribeClusters", &[]).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.text().await.unwrap(), "");
        sim.fault(Fault::on("DescribeClusters").status_page(status));
        let response = client.send("DescribeClusters", &[]).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    }
    sim.fault(Fault::on("DescribeClusters").html());
    let response = client.send("DescribeClusters", &[]).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"text/html".parse().unwrap())
    );
}

#[tokio::test]
async fn a_truncated_answer_breaks_off() {
    let (sim, client, cluster) = with_cluster().await;
    sim.fault(Fault::on("CreateInstance").truncated());
    let response = client
        .send("CreateInstance", &as_refs(&desktop_params(&cluster, "a")))
        .await
        .unwrap();
    assert!(response.status().is_success());
    assert!(response.bytes().await.is_err());
    assert_eq!(made(&sim), 1);
}

#[tokio::test]
async fn wrong_types_keep_the_keys() {
    let (sim, client, _) = with_cluster().await;
    sim.fault(Fault::on("DescribeClusters").wrong_types());
    let answer = client.call("DescribeClusters", &[]).await;
    assert_eq!(answer["Clusters"], 7);
    assert_eq!(answer["TotalCount"], "a number");
    sim.fault(Fault::on("DescribeClusters").before_commit().wrong_types());
    assert!(client.call("DescribeClusters", &[]).await["RequestId"].is_array());
}

#[tokio::test]
async fn an_oversize_answer_is_more_than_a_mebibyte() {
    let (sim, client, _) = with_cluster().await;
    sim.fault(Fault::on("DescribeClusters").oversize());
    let body = client
        .send("DescribeClusters", &[])
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert!(body.len() > 1 << 20);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["TotalCount"], 1);
}

#[tokio::test]
async fn a_slow_answer_comes_in_pieces_and_whole() {
    let (sim, client, _) = with_cluster().await;
    sim.fault(Fault::on("DescribeClusters").slow(2000));
    let mut response = client.send("DescribeClusters", &[]).await.unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        pieces.push(piece);
    }
    assert!(pieces.len() > 1, "it came at once");
    assert_eq!(
        serde_json::from_slice::<Value>(&pieces.concat()).unwrap()["TotalCount"],
        1
    );
}

/// Sends a signed request over a bare connection.
async fn bare(sim: &Sim, client: &Client, action: &str, own: &[(&str, &str)]) -> TcpStream {
    let address = sim.url().strip_prefix("http://").unwrap();
    let query = encoded(&client.sign("GET", client.params(action, own)));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /?{query} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_reset_is_one_on_the_wire() {
    let (sim, client, cluster) = with_cluster().await;
    sim.fault(Fault::on("CreateInstance").reset());
    sim.fault(Fault::on("CreateInstance").after_commit().reset());
    for effects in [0, 1] {
        let mut stream = bare(
            &sim,
            &client,
            "CreateInstance",
            &as_refs(&desktop_params(&cluster, "a")),
        )
        .await;
        let mut answer = Vec::new();
        let error = stream.read_to_end(&mut answer).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        assert!(answer.is_empty());
        assert_eq!(made(&sim), effects);
    }
}

#[tokio::test]
async fn a_timeout_keeps_the_connection_open_without_an_answer() {
    let (sim, client, cluster) = with_cluster().await;
    sim.fault(Fault::on("CreateInstance").after_commit().timeout());
    let mut stream = bare(
        &sim,
        &client,
        "CreateInstance",
        &as_refs(&desktop_params(&cluster, "a")),
    )
    .await;
    sim.wait_for(|world| world.ledger.committed("CreateInstance").len() == 1)
        .await
        .unwrap();
    // Whatever the simulator had to say has been said by the time it answers somebody else.
    client.call("DescribeInstances", &[]).await;
    let mut byte = [0];
    assert!(
        stream
            .try_read(&mut byte)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    );

    let patient = client
        .http
        .get(format!(
            "{}/?{}",
            client.url,
            encoded(&client.sign("GET", client.params("DescribeImages", &[])))
        ))
        .timeout(Duration::from_millis(50));
    sim.fault(Fault::on("DescribeImages").timeout());
    assert!(patient.send().await.unwrap_err().is_timeout());
    sim.stop().await;
    assert!(stream.read(&mut byte).await.is_err(), "stopping ends what hangs");
}

#[tokio::test]
async fn a_held_request_waits_before_or_after_its_effect() {
    for (when, effects_while_held) in [(When::Before, 0), (When::AfterCommit, 1)] {
        let (sim, client, cluster) = with_cluster().await;
        let point = Fault::on("CreateInstance").with("Name", "a");
        sim.fault(match when {
            When::Before => point.before_commit().hold(),
            When::AfterCommit => point.after_commit().hold(),
        });
        let params = desktop_params(&cluster, "a");
        let request = async {
            let created = client.call("CreateInstance", &as_refs(&params)).await;
            text(&created, "InstanceId")
        };
        let observer = async {
            let held = sim.wait_for_held(1).await.unwrap();
            assert_eq!((held[0].action.as_str(), held[0].when), ("CreateInstance", when));
            assert_eq!(made(&sim), effects_while_held);
            sim.release(held[0].id);
        };
        let (id, ()) = tokio::join!(request, observer);
        assert!(sim.held().is_empty());
        assert_eq!(sim.ledger().existing(Kind::Instance)[0].id, id);
    }
}

#[tokio::test]
async fn a_held_request_takes_effect_although_its_client_has_gone() {
    let (sim, client, cluster) = with_cluster().await;
    sim.fault(Fault::on("CreateInstance").hold());
    let stream = bare(
        &sim,
        &client,
        "CreateInstance",
        &as_refs(&desktop_params(&cluster, "a")),
    )
    .await;
    sim.wait_for_held(1).await.unwrap();
    drop(stream);
    assert_eq!(made(&sim), 0);
    sim.release_all();
    sim.wait_for(|world| world.gws.instance("a").is_some()).await.unwrap();
}

#[tokio::test]
async fn a_task_may_never_finish() {
    let (sim, client, cluster) = with_cluster().await;
    sim.fault(Fault::on("SetClusterPolicy").never_finish_task());
    let policy = [
        ("ClusterId", cluster.as_str()),
        ("Clipboard", "off"),
        ("LocalDrive", "off"),
        ("UsbRedirect", "off"),
        ("Watermark", "on"),
        ("AsyncMode", "true"),
    ];
    let task = text(&client.call("SetClusterPolicy", &policy).await, "TaskId");
    // The next one finishes, so the time for the first was long enough.
    let second = text(&client.call("SetClusterPolicy", &policy).await, "TaskId");
    sim.wait_for(|world| world.gws.clusters[&cluster].policy["Clipboard"] == "off")
        .await
        .unwrap();
    let poll = async |task: &str| {
        let own = [("ClusterId", cluster.as_str()), ("TaskId", task), ("AsyncMode", "true")];
        client.call("DescribeClusterPolicy", &own).await["TaskFinished"].clone()
    };
    assert_eq!((poll(&task).await, poll(&second).await), (json!(false), json!(true)));
}

#[tokio::test]
async fn a_new_object_may_appear_late() {
    let (sim, client, cluster) = with_cluster().await;
    sim.fault(Fault::on("CreateInstance").late_visibility(3_600_000));
    let id = client.desktop(&sim, &cluster, "a").await;
    assert_eq!(client.call("DescribeInstances", &[]).await["TotalCount"], 0);
    client
        .call("SetInstanceName", &[("InstanceId", &id), ("Name", "b")])
        .await;
    sim.edit(desktop_operator::sim::AccountEdit::Advance {
        milliseconds: 3_600_000,
    })
    .unwrap();
    assert_eq!(client.call("DescribeInstances", &[]).await["Instances"][0]["Name"], "b");
}

#[tokio::test]
async fn an_echo_repeats_the_callers_text() {
    let (sim, client, _) = with_cluster().await;
    sim.fault(Fault::on("DescribeClusters").echo("canary-0815"));
    let response = client.send("DescribeClusters", &[]).await.unwrap();
    assert_eq!(response.headers()["x-acs-message"], "canary-0815");
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["Message"], &body["HostId"]),
        (&json!("canary-0815"), &json!("canary-0815"))
    );
}

#[tokio::test]
async fn faults_strike_whom_they_are_meant_for() {
    let (sim, client, _) = with_cluster().await;
    sim.fault(Fault::on("DescribeClusters").nth(2).status(503));
    sim.fault(Fault::on("DescribeImages").by("somebody else").status(503));
    sim.fault(Fault::on("*").with("PageSize", "7").always().status(502));
    let status = async |action: &str, own: &[(&str, &str)]| client.send(action, own).await.unwrap().status().as_u16();
    assert_eq!(status("DescribeClusters", &[]).await, 200);
    assert_eq!(status("DescribeClusters", &[]).await, 503);
    assert_eq!(status("DescribeClusters", &[]).await, 200);
    assert_eq!(status("DescribeImages", &[]).await, 200);
    assert_eq!(status("DescribeImages", &[("PageSize", "7")]).await, 502);
    assert_eq!(status("DescribeInstances", &[("PageSize", "7")]).await, 502);
    sim.clear_faults();
    assert_eq!(status("DescribeInstances", &[("PageSize", "7")]).await, 200);
}

#[tokio::test]
async fn faults_can_be_scripted_over_http() {
    let (sim, client, _) = with_cluster().await;
    let faults = format!("{}/_sim/faults", sim.url());
    let script = json!({"action": "DescribeClusters", "times": 2, "kind": "throttle", "retryAfterMs": 10});
    let expected = Fault::on("DescribeClusters").times(2).throttle(10);
    assert_eq!(serde_json::from_value::<Fault>(script.clone()).unwrap(), expected);
    assert_eq!(
        client.http.post(&faults).json(&script).send().await.unwrap().status(),
        201
    );
    assert_eq!(client.refused("DescribeClusters", &[]).await.0, 429);
    let armed: Value = client.http.get(&faults).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&armed[0]["struck"], &armed[0]["kind"]),
        (&json!(1), &json!("throttle"))
    );
    assert_eq!(client.http.delete(&faults).send().await.unwrap().status(), 204);
    client.call("DescribeClusters", &[]).await;

    let hold = json!({"action": "DescribeImages", "kind": "hold"});
    client.http.post(&faults).json(&hold).send().await.unwrap();
    let release = async {
        sim.wait_for_held(1).await.unwrap();
        let url = format!("{}/_sim/release", sim.url());
        let released: Value = client.http.post(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(released["released"], 1);
    };
    tokio::join!(client.call("DescribeImages", &[]), release);
}

#[tokio::test]
async fn a_stopped_simulator_is_gone() {
    let (sim, client) = start(SimConfig::default()).await;
    let url = sim.url().to_owned();
    client.call("CreateServiceLinkedRole", &[]).await;
    sim.stop().await;
    let address = url.strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
