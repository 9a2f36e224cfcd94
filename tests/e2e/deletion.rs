//! Deletion when things go wrong: it says what it waits for and when it tries again, goes on by itself, and leaves
//! nothing behind.

use desktop_operator::api::{ABANDON_ANNOTATION, Desktop, DesktopCluster, DesktopProvider};
use desktop_operator::sim::{AccountEdit, Fault, GwsEdit, Kind};
use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use serde_json::json;

use crate::harness::{Operator, object};
use crate::world::{Seen, World};

/// Nothing that the operator made is left at the vendor.
fn nothing_left(world: &World) {
    let ledger = world.ledger();
    let left: Vec<_> = ledger
        .lifetimes()
        .iter()
        .filter(|l| l.gone.is_none() && l.created_by.is_some())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Waits until deletion says that it is blocked for this reason, in both places, and returns the message.
async fn blocked<K: Seen>(world: &World, name: &str, reason: &str, words: &[&str]) -> String {
    let seen = object(&world.api::<K>(), name, &format!("waits: {reason} {words:?}"), |o| {
        o.condition("DeletionBlocked")
            .is_some_and(|c| c.1 == reason && words.iter().all(|word| c.2.contains(word)))
    })
    .await;
    assert_eq!(seen.condition("Ready").unwrap().1, "DeletionBlocked");
    assert_eq!(seen.says("Ready"), seen.says("DeletionBlocked"));
    assert!(seen.condition("Stalled").is_none() && seen.condition("Reconciling").is_none());
    world.event(name, "DeletionBlocked").await;
    seen.says("Ready")
}

async fn restart(world: &mut World) {
    world.operator.kill();
    world.operator = Operator::builder(&world.env)
        .allow_endpoint(world.sim.url())
        .arg("--leader-elect=false")
        .start();
    world.operator.ready().await;
}

#[tokio::test]
async fn without_credentials_deletion_waits_and_says_so() {
    let mut world = World::start().await;
    world.office().await;
    world.cluster("annex", json!({"network": {"vpcId": "vpc-2"}})).await;
    world.ready_desktop("alice", json!({})).await;
    world.ready::<DesktopCluster>("annex").await;
    let secrets = world.env.api::<Secret>();
    secrets.delete("acme", &DeleteParams::default()).await.unwrap();
    world.reason::<DesktopProvider>("acme", "Ready", "SecretNotFound").await;
    world.delete::<Desktop>("alice").await;
    world.delete::<DesktopCluster>("annex").await;
    let needed = [
        "Deletion waits",
        "spec.credentialsSecretRef",
        "Create it",
        "looked for every",
    ];
    blocked::<Desktop>(&world, "alice", "ProviderNotConnected", &needed).await;
    blocked::<DesktopCluster>(&world, "annex", "ProviderNotReady", &needed).await;
    // One that has never known the account says the same.
    restart(&mut world).await;
    world.reason::<DesktopProvider>("acme", "Ready", "SecretNotFound").await;
    blocked::<Desktop>(&world, "alice", "ProviderNotConnected", &needed).await;
    assert_eq!(world.instances(), 1);
    world.credentials("testid", "testsecret").await;
    world.gone::<Desktop>("alice").await;
    world.gone::<DesktopCluster>("annex").await;

    // What is gone at the vendor already is let go, whoever removed it.
    world.ready_desktop("bob", json!({})).await;
    let id = world.id("bob").await;
    let before = world.ledger().position();
    world.edit(GwsEdit::DeleteInstance { instance: id });
    world.delete::<Desktop>("bob").await;
    world.gone::<Desktop>("bob").await;
    let cluster = world.get::<DesktopCluster>("office").await.status.unwrap().id.unwrap();
    world.edit(GwsEdit::DeleteCluster { cluster });
    world.delete::<DesktopCluster>("office").await;
    world.gone::<DesktopCluster>("office").await;
    assert!(world.ledger().writes_since(before).is_empty());
    nothing_left(&world);
}

#[tokio::test]
async fn a_provider_that_is_deleted_first_stays_until_everything_is_gone() {
    let mut world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    world.delete::<DesktopProvider>("acme").await;
    blocked::<DesktopProvider>(&world, "acme", "InUse", &["office", "alice", "to be deleted first"]).await;
    world.delete::<DesktopCluster>("office").await;
    blocked::<DesktopCluster>(&world, "office", "InUse", &["alice", "to be deleted first"]).await;

    // Keys are changed meanwhile, and the operator dies in the middle of it all.
    world.edit(AccountEdit::AddKey {
        account: "testid".into(),
        key_id: "second".into(),
        secret: "second-secret".into(),
    });
    world.edit(AccountEdit::SetKeyActive {
        key_id: "testid".into(),
        active: false,
    });
    world.credentials("second", "second-secret").await;
    world.sim.fault(Fault::on("DeleteInstance").hold());
    world.delete::<Desktop>("alice").await;
    world.sim.wait_for_held(1).await.unwrap();
    restart(&mut world).await;
    world.sim.release_all();
    world.gone::<Desktop>("alice").await;
    world.gone::<DesktopCluster>("office").await;
    world.gone::<DesktopProvider>("acme").await;
    nothing_left(&world);
}

#[tokio::test]
async fn while_the_vendor_is_down_deletion_says_when_it_tries_next() {
    let world = World::start().await;
    world.office().await;
    world.cluster("annex", json!({"network": {"vpcId": "vpc-2"}})).await;
    for name in ["alice", "bob"] {
        world.desktop(name, json!({})).await;
    }
    for name in ["alice", "bob"] {
        world.ready::<Desktop>(name).await;
    }
    world.ready::<DesktopCluster>("annex").await;

    // Refused, then without a clear answer: said with the time of the next attempt.
    world.sim.fault(
        Fault::on("DeleteInstance")
            .always()
            .code(403, "Forbidden.RAM", "User not authorized."),
    );
    world.delete::<Desktop>("alice").await;
    blocked::<Desktop>(
        &world,
        "alice",
        "AccessDenied",
        &["Grant the account", "Next attempt after"],
    )
    .await;
    world.sim.clear_faults();
    world.gone::<Desktop>("alice").await;
    world.sim.fault(Fault::on("DeleteInstance").always().status_page(503));
    world.delete::<Desktop>("bob").await;
    blocked::<Desktop>(&world, "bob", "OutcomeUnknown", &["HTTP 503", "Next attempt after"]).await;

    // Nothing answers at all.
    world.sim.fault(Fault::on("*").always().status_page(503));
    world.delete::<DesktopCluster>("annex").await;
    let words = ["Deletion waits", "tried at least every"];
    blocked::<Desktop>(&world, "bob", "VendorUnavailable", &words).await;
    blocked::<DesktopCluster>(&world, "annex", "VendorUnavailable", &words).await;
    assert_eq!(world.instances(), 1);
    world.sim.clear_faults();
    world.gone::<Desktop>("bob").await;
    world.gone::<DesktopCluster>("annex").await;
    world.delete::<DesktopCluster>("office").await;
    world.gone::<DesktopCluster>("office").await;
    assert_eq!(world.ledger().existing(Kind::Cluster).len(), 0);
    nothing_left(&world);
}

#[tokio::test]
async fn a_human_can_let_go_by_naming_the_vendors_id() {
    let world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    let id = world.id("alice").await;
    world.sim.fault(
        Fault::on("DeleteInstance")
            .always()
            .code(403, "Forbidden.RAM", "User not authorized."),
    );
    world.delete::<Desktop>("alice").await;
    blocked::<Desktop>(&world, "alice", "AccessDenied", &["Next attempt after"]).await;
    for wrong in ["", "none", "true", "i-other", &id[..id.len() - 1]] {
        world.annotate::<Desktop>("alice", ABANDON_ANNOTATION, wrong).await;
        // A pass later it is still there: each one that is refused is a pass.
        let before = world.ledger().position();
        world.calls_since(before, "DeleteInstance", 1).await;
        world.get::<Desktop>("alice").await;
    }
    world.annotate::<Desktop>("alice", ABANDON_ANNOTATION, &id).await;
    world.gone::<Desktop>("alice").await;
    let event = world.event("alice", "Abandoned").await;
    assert!(event.note.unwrap().contains(&id));
    assert_eq!((world.instances(), world.committed("DeleteInstance")), (1, 0));

    // The cluster still holds it, says so, and is let go the same way.
    world.delete::<DesktopCluster>("office").await;
    blocked::<DesktopCluster>(&world, "office", "NotEmpty", &["belong to no Desktop resource"]).await;
    let cluster = world.get::<DesktopCluster>("office").await.status.unwrap().id.unwrap();
    world
        .annotate::<DesktopCluster>("office", ABANDON_ANNOTATION, &cluster)
        .await;
    world.gone::<DesktopCluster>("office").await;
    world.event("office", "Abandoned").await;
    assert_eq!(world.committed("DeleteCluster"), 0);
    world.delete::<DesktopProvider>("acme").await;
    world.gone::<DesktopProvider>("acme").await;
}
