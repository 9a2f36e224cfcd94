//! What is changed behind the operator's back is put right and said so; what is lost is not replaced unasked.

use desktop_operator::api::{Desktop, DesktopCluster, PAUSED_ANNOTATION};
use desktop_operator::sim::{Fault, GwsEdit};
use serde_json::json;

use crate::harness::{eventually, object};
use crate::world::{Seen, World};

#[tokio::test]
async fn a_cluster_changed_by_hand_is_set_back() {
    let world = World::start().await;
    world
        .cluster("office", json!({"network": {"nat": {"id": "ngw-1"}}}))
        .await;
    let office: DesktopCluster = world.ready("office").await;
    let cluster = office.status.unwrap().id.unwrap();

    world.edit(GwsEdit::SetPolicy {
        cluster: cluster.clone(),
        field: "Clipboard".into(),
        value: "readwrite".into(),
    });
    let event = world.event("office", "DriftDetected").await;
    assert!(event.note.unwrap().contains("clipboard"));
    let policy = |field: &'static str| {
        let cluster = cluster.clone();
        world.sim.read(move |w| w.gws.clusters[&cluster].policy[field].clone())
    };
    eventually("the clipboard is set back", async || {
        let now = policy("Clipboard");
        if now == "read" { Ok(()) } else { Err(now) }
    })
    .await;
    world.ready::<DesktopCluster>("office").await;

    world.edit(GwsEdit::RenameCluster {
        cluster: cluster.clone(),
        name: "mine now".into(),
    });
    world
        .sim
        .wait_for(|w| w.gws.clusters[&cluster].name == "office")
        .await
        .unwrap();
    world.edit(GwsEdit::DetachNat {
        cluster: cluster.clone(),
    });
    world
        .sim
        .wait_for(|w| w.gws.clusters[&cluster].nat.is_some())
        .await
        .unwrap();
    world.ready::<DesktopCluster>("office").await;

    // Taking the gateway out of the manifest detaches it: an empty NatId, sent and signed.
    world
        .patch::<DesktopCluster>("office", json!({"spec": {"network": {"nat": null}}}))
        .await;
    world
        .sim
        .wait_for(|w| w.gws.clusters[&cluster].nat.is_none())
        .await
        .unwrap();
    world.ready::<DesktopCluster>("office").await;
    let ledger = world.ledger();
    assert_eq!(
        ledger.committed("SetClusterDnat").last().unwrap().param("NatId"),
        Some("")
    );
}

#[tokio::test]
async fn a_desktop_changed_by_hand_is_set_back() {
    let world = World::start().await;
    world.office().await;
    let spec = json!({
        "flavor": "ecs.gn6i-c4g1.xlarge",
        "user": {"name": "alice", "uid": "1"},
        "displayPolicy": {"visualLossless": true},
    });
    let alice = world.ready_desktop("alice", spec).await;
    assert!(alice.is("PolicyEnforced", "True"), "{:?}", alice.status);
    let id = alice.status.unwrap().id.unwrap();
    let instance = || id.clone();

    world.edit(GwsEdit::StopInstance { instance: instance() });
    let event = world.event("alice", "DriftDetected").await;
    assert!(event.note.unwrap().contains("power"));
    world
        .sim
        .wait_for(|w| w.gws.instances[&id].status == "Registered")
        .await
        .unwrap();
    world.ready::<Desktop>("alice").await;

    let name = world
        .get::<Desktop>("alice")
        .await
        .status
        .unwrap()
        .display_name
        .unwrap();
    world.edit(GwsEdit::RenameInstance {
        instance: instance(),
        name: "renamed".into(),
    });
    world.sim.wait_for(|w| w.gws.instances[&id].name == name).await.unwrap();
    world.ready::<Desktop>("alice").await;
    world.edit(GwsEdit::SetUser {
        instance: instance(),
        user: Some(("mallory".into(), "9".into())),
    });
    world
        .sim
        .wait_for(|w| w.gws.instances[&id].user == Some(("alice".into(), "1".into())))
        .await
        .unwrap();
    let off = "off".to_owned();
    world.edit(GwsEdit::SetDisplayPolicy {
        instance: instance(),
        field: "VisualLossless".into(),
        value: off,
    });
    world
        .sim
        .wait_for(|w| w.gws.instances[&id].display.as_ref().unwrap()["VisualLossless"] == "on")
        .await
        .unwrap();
    world.ready::<Desktop>("alice").await;
    let metrics = &mut { world }.operator.metrics().await;
    for field in ["power", "displayName", "user", "displayPolicy"] {
        let line = metrics
            .lines()
            .find(|l| l.contains("drift_healed") && l.contains(&format!("\"{field}\"")));
        assert!(line.is_some(), "{field} in {metrics}");
    }
}

#[tokio::test]
async fn a_display_policy_on_a_desktop_without_gpu_is_not_applicable() {
    let world = World::start().await;
    world.office().await;
    let plain = world
        .ready_desktop("plain", json!({"displayPolicy": {"optimizeFor3d": true}}))
        .await;
    assert_eq!(plain.condition("PolicyEnforced").unwrap().1, "NotApplicable");
    assert_eq!(world.committed("SetInstancePolicy"), 0);
}

#[tokio::test]
async fn a_desktop_deleted_by_hand_is_reported_and_not_replaced() {
    let world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    world.edit(GwsEdit::DeleteInstance {
        instance: world.id("alice").await,
    });
    let lost: Desktop = world.reason("alice", "Stalled", "Lost").await;
    assert!(lost.says("Stalled").contains("spec.onLoss"));
    let before = world.ledger().position();
    world.calls_since(before, "DescribeInstances", 3).await;
    assert_eq!(world.committed("CreateInstance"), 1);
    world
        .patch::<Desktop>("alice", json!({"spec": {"onLoss": "Recreate"}}))
        .await;
    world.ready::<Desktop>("alice").await;
    assert_eq!((world.committed("CreateInstance"), world.instances()), (2, 1));
    world.delete::<Desktop>("alice").await;
    world.gone::<Desktop>("alice").await;
    assert_eq!(world.instances(), 0);
}

#[tokio::test]
async fn states_nobody_knows_and_missing_machines_cause_no_action() {
    let world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    let id = world.id("alice").await;
    let before = world.ledger().position();
    for (raw, reason) in [
        ("Teleporting", "UnknownState"),
        ("Missing", "Missing"),
        ("Cloning", "Imaging"),
    ] {
        world.edit(GwsEdit::SetInstanceStatus {
            instance: id.clone(),
            status: raw.into(),
        });
        let seen: Desktop = world.reason("alice", "Ready", reason).await;
        assert_eq!(seen.status.unwrap().vendor_state.as_deref(), Some(raw));
    }
    assert!(world.ledger().writes_since(before).is_empty());
    world.edit(GwsEdit::SetInstanceStatus {
        instance: id,
        status: "InUse".into(),
    });
    world.ready::<Desktop>("alice").await;
}

#[tokio::test]
async fn a_paused_desktop_is_left_alone() {
    let world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    let id = world.id("alice").await;
    world.annotate::<Desktop>("alice", PAUSED_ANNOTATION, "true").await;
    world.reason::<Desktop>("alice", "Paused", "Paused").await;
    world.edit(GwsEdit::StopInstance { instance: id.clone() });
    let before = world.ledger().position();
    world.delete::<Desktop>("alice").await;
    world.calls_since(before, "DescribeInstances", 3).await;
    assert!(world.ledger().writes_since(before).is_empty());
    world.annotate::<Desktop>("alice", PAUSED_ANNOTATION, "false").await;
    world.gone::<Desktop>("alice").await;
    assert_eq!(world.instances(), 0);
}

/// What a cluster was ready for before its policy was changed says nothing of the new one, whoever holds it up.
#[tokio::test]
async fn no_desktop_is_made_under_a_policy_that_nobody_has_looked_at() {
    let world = World::start().await;
    world.office().await;
    world
        .annotate::<DesktopCluster>("office", PAUSED_ANNOTATION, "true")
        .await;
    world.reason::<DesktopCluster>("office", "Paused", "Paused").await;
    let stricter = json!({"policy": {"clipboard": "Disabled", "watermark": {"enabled": true}}});
    world.cluster("office", stricter.clone()).await;
    world.desktop("alice", json!({})).await;
    let alice: Desktop = world.reason("alice", "Ready", "ClusterNotReady").await;
    assert!(alice.says("Ready").contains("office"), "{alice:?}");
    let office: DesktopCluster = world.reason("office", "Paused", "Paused").await;
    assert_ne!(
        Some(office.status.as_ref().unwrap().observed_generation),
        office.metadata.generation,
        "nobody has looked at the new policy"
    );
    assert_eq!(world.ledger().calls("CreateInstance").len(), 0);
    world
        .annotate::<DesktopCluster>("office", PAUSED_ANNOTATION, "false")
        .await;
    world.ready::<DesktopCluster>("office").await;
    world.ready::<Desktop>("alice").await;
}

#[tokio::test]
async fn no_desktop_is_made_before_its_protection_is_enforced() {
    let world = World::start().await;
    world.sim.fault(
        Fault::on("SetClusterPolicy")
            .always()
            .code(403, "Forbidden.RAM", "not allowed"),
    );
    world.cluster("office", json!({})).await;
    world.desktop("alice", json!({})).await;
    let office: DesktopCluster = world.reason("office", "Stalled", "AccessDenied").await;
    assert!(office.is("PolicyEnforced", "False"));
    let alice: Desktop = world.reason("alice", "Ready", "ClusterNotReady").await;
    assert!(alice.says("Ready").contains("office"));
    assert_eq!(world.ledger().calls("CreateInstance").len(), 0);
    world.sim.clear_faults();
    world.ready::<Desktop>("alice").await;
}

#[tokio::test]
async fn a_policy_task_that_never_finishes_does_not_hold_the_cluster_for_ever() {
    let world = World::start_with(desktop_operator::sim::SimConfig::fast(4.0), |o| {
        o.arg("--task-deadline=1s").arg("--resend=500ms")
    })
    .await;
    world.sim.fault(Fault::on("SetClusterPolicy").never_finish_task());
    world.cluster("office", json!({})).await;
    world.ready::<DesktopCluster>("office").await;
}

#[tokio::test]
async fn unpaid_bills_are_said() {
    let world = World::start().await;
    let office = world.office().await;
    let cluster = office.status.unwrap().id.unwrap();
    world.edit(GwsEdit::SetClusterStatus {
        cluster: cluster.clone(),
        status: "indebt".into(),
    });
    let office: DesktopCluster = world.reason("office", "Stalled", "BillingProblem").await;
    assert!(office.says("Stalled").contains("bills"));
    world.desktop("alice", json!({})).await;
    world.reason::<Desktop>("alice", "Ready", "ClusterNotReady").await;
    world.edit(GwsEdit::SetClusterStatus {
        cluster,
        status: "running".into(),
    });
    world.ready::<Desktop>("alice").await;
}

#[tokio::test]
async fn sessions_show_who_is_connected() {
    let world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    let id = world.id("alice").await;
    world.edit(GwsEdit::OpenSession {
        instance: id.clone(),
        client: "laptop-7".into(),
        at: None,
    });
    let alice = object(&world.api::<Desktop>(), "alice", "is connected", |d| {
        d.status
            .as_ref()
            .and_then(|s| s.session.as_ref())
            .is_some_and(|s| s.connected)
    })
    .await;
    assert_eq!(
        alice.status.unwrap().session.unwrap().client_name.as_deref(),
        Some("laptop-7")
    );
    object(&world.api::<DesktopCluster>(), "office", "counts it", |c| {
        c.status
            .as_ref()
            .and_then(|s| s.sessions.as_ref())
            .is_some_and(|s| s.connected == 1)
    })
    .await;
    world.edit(GwsEdit::CloseSessions { instance: id, at: None });
    object(&world.api::<Desktop>(), "alice", "is not connected", |d| {
        d.status
            .as_ref()
            .and_then(|s| s.session.as_ref())
            .is_some_and(|s| !s.connected && s.last_logoff_time.is_some())
    })
    .await;
}

#[tokio::test]
async fn a_directory_is_joined_and_left() {
    let world = World::start().await;
    let directory =
        json!({"domainName": "corp.example.com", "dnsIp": "192.168.12.34", "passwordSecretRef": {"name": "ad"}});
    world
        .cluster(
            "office",
            json!({"gws": {"clusterType": "gws.s1.advanced"}, "directory": directory}),
        )
        .await;
    let waiting: DesktopCluster = world.reason("office", "DirectoryJoined", "SecretNotFound").await;
    assert!(
        waiting
            .says("DirectoryJoined")
            .contains("spec.directory.passwordSecretRef")
    );
    world
        .env
        .create_secret("ad", &[("password", "Ad-Passw0rd-canary\n")])
        .await;
    let office: DesktopCluster = world.ready("office").await;
    assert_eq!(office.condition("DirectoryJoined").unwrap().1, "Joined");
    assert_eq!(
        office.status.as_ref().unwrap().domain_name.as_deref(),
        Some("corp.example.com")
    );
    world
        .patch::<DesktopCluster>("office", json!({"spec": {"directory": null}}))
        .await;
    let office = object(&world.api::<DesktopCluster>(), "office", "has left", |c| {
        c.status
            .as_ref()
            .is_some_and(|s| s.domain_name.is_none() && s.directory_secret_version.is_none())
            && c.is("Ready", "True")
    })
    .await;
    assert!(office.condition("DirectoryJoined").is_none());
    let ledger = world.ledger();
    let calls = ledger.committed("SetClusterADDomain");
    assert_eq!(calls.len(), 2);
    assert_eq!(
        calls[1].param("DomainDelete").map(str::to_lowercase).as_deref(),
        Some("true")
    );
    assert!(!world.operator.log().contains("canary"));

    world
        .cluster(
            "plain",
            json!({"network": {"vpcId": "vpc-2"}, "directory": directory_of("ad")}),
        )
        .await;
    let plain: DesktopCluster = world.reason("plain", "DirectoryJoined", "Unsupported").await;
    assert!(plain.says("Stalled").contains("gws.s1.advanced"));
}

fn directory_of(secret: &str) -> serde_json::Value {
    json!({"domainName": "corp.example.com", "dnsIp": "192.168.12.34", "passwordSecretRef": {"name": secret}})
}
