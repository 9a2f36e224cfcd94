//! Every call of the GWS document that providers, clusters and desktops have a use for is reached from a manifest.

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider, RESTART_ANNOTATION};
use serde_json::json;

use crate::harness::object;
use crate::vendors::{GWS, reached};
use crate::world::{Seen, World};

#[tokio::test]
async fn every_call_is_reached_from_a_manifest() {
    let world = World::start().await;
    world.env.create_secret("ad", &[("password", "Ad-Passw0rd")]).await;
    let directory = json!({
        "domainName": "corp.example.com",
        "dnsIp": "192.168.12.34",
        "passwordSecretRef": {"name": "ad"},
    });
    let cluster = json!({
        "gws": {"clusterType": "gws.s1.advanced"},
        "network": {"nat": {"id": "ngw-1"}},
        "directory": directory,
    });
    world.cluster("office", cluster).await;
    world.ready::<DesktopCluster>("office").await;
    let spec = json!({
        "flavor": "ecs.gn6i-c4g1.xlarge",
        "user": {"name": "alice", "uid": "1"},
        "displayPolicy": {"visualLossless": true, "optimizeFor3d": true},
    });
    world.ready_desktop("alice", spec).await;
    world
        .patch::<Desktop>("alice", json!({"spec": {"displayName": "renamed", "power": "Stopped"}}))
        .await;
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    world
        .patch::<Desktop>("alice", json!({"spec": {"power": "Running"}}))
        .await;
    world.reason::<Desktop>("alice", "Ready", "Running").await;
    world.annotate::<Desktop>("alice", RESTART_ANNOTATION, "now").await;
    object(&world.api::<Desktop>(), "alice", "was restarted", |d| {
        d.status.as_ref().is_some_and(|s| s.restart.as_deref() == Some("now")) && d.is("Ready", "True")
    })
    .await;
    world.delete::<Desktop>("alice").await;
    world.gone::<Desktop>("alice").await;
    world.delete::<DesktopCluster>("office").await;
    world.gone::<DesktopCluster>("office").await;
    world.delete::<DesktopProvider>("acme").await;
    world.gone::<DesktopProvider>("acme").await;
    let ledger = world.ledger();
    reached(&world, GWS.reached);
    let refused: Vec<_> = ledger
        .entries()
        .filter(|e| e.status >= 400)
        .map(|e| (&e.action, &e.code))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}
