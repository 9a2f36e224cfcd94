//! Who may use which account, and what becomes of that when it changes.

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider};
use desktop_operator::sim::{Account as SimAccount, AccountEdit, SimConfig};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{Seen, World};

async fn label(world: &World, value: Value) {
    let namespaces: Api<Namespace> = world.env.all();
    let patch = json!({"metadata": {"labels": {"desktops": value}}});
    namespaces
        .patch(&world.env.namespace, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_namespace_uses_an_account_only_while_it_may() {
    let mut world = World::start().await;
    let home = world.env.namespace.clone();
    let only = json!({"spec": {"allowedNamespaces": {"matchLabels": {"desktops": "allowed"}}}});
    world.patch::<DesktopProvider>("acme", only).await;
    world.ready::<DesktopProvider>("acme").await;
    world.env.namespace = world.env.create_namespace("office-", &[]).await;

    // Both ways of enforcing a policy: neither is about who may spend the account's money.
    world.cluster("office", json!({})).await;
    let lenient = json!({"network": {"vpcId": "vpc-2"}, "policyEnforcement": "BestEffort"});
    world.cluster("lenient", lenient).await;
    world.desktop("early", json!({})).await;
    for name in ["office", "lenient"] {
        let refused: DesktopCluster = world.reason(name, "Stalled", "NamespaceNotAllowed").await;
        let says = refused.says("Stalled");
        for word in [
            "acme",
            &world.env.namespace,
            "spec.allowedNamespaces",
            "Label the namespace",
        ] {
            assert!(says.contains(word), "no {word} in {says}");
        }
        world.event(name, "NamespaceNotAllowed").await;
    }
    world.reason::<Desktop>("early", "Ready", "ClusterNotReady").await;
    let asked = [
        "CreateCluster",
        "DescribeClusters",
        "CreateInstance",
        "DescribeInstances",
    ];
    for action in asked {
        assert!(world.ledger().calls(action).is_empty(), "{action}");
    }

    label(&world, json!("allowed")).await;
    world.ready::<Desktop>("early").await;
    world.ready::<DesktopCluster>("lenient").await;
    world
        .ready_desktop("kept", json!({"clusterRef": {"name": "lenient"}}))
        .await;

    label(&world, Value::Null).await;
    for name in ["office", "lenient"] {
        world
            .reason::<DesktopCluster>(name, "Stalled", "NamespaceNotAllowed")
            .await;
    }
    world.desktop("late", json!({})).await;
    world
        .desktop("too-late", json!({"clusterRef": {"name": "lenient"}}))
        .await;
    for name in ["late", "too-late"] {
        let late: Desktop = world.reason(name, "Ready", "ClusterNotReady").await;
        assert!(late.says("Ready").contains("NamespaceNotAllowed"));
    }
    let before = world.ledger().position();
    world.calls_since(before, "DescribeInstances", 3).await;
    assert_eq!(world.committed("CreateInstance"), 2);

    // A namespace that lost the right can still clean up.
    for name in ["early", "kept", "late", "too-late"] {
        world.delete::<Desktop>(name).await;
        world.gone::<Desktop>(name).await;
    }
    for name in ["office", "lenient"] {
        world.delete::<DesktopCluster>(name).await;
        world.gone::<DesktopCluster>(name).await;
    }
    let ledger = world.ledger();
    assert!(
        ledger
            .lifetimes()
            .iter()
            .all(|l| l.gone.is_some() || l.created_by.is_none())
    );
    world.env.namespace = home;
}

/// The cluster looks at its namespace now and then, here once an hour: nothing is bought meanwhile.
#[tokio::test]
async fn a_right_that_was_taken_away_counts_at_once() {
    let mut world = World::start_with(SimConfig::fast(4.0), |o| o.arg("--cluster-slow=1h")).await;
    let home = world.env.namespace.clone();
    let only = json!({"spec": {"allowedNamespaces": {"matchLabels": {"desktops": "allowed"}}}});
    world.patch::<DesktopProvider>("acme", only).await;
    world.ready::<DesktopProvider>("acme").await;
    world.env.namespace = world.env.create_namespace("office-", &[("desktops", "allowed")]).await;
    world.office().await;
    world.ready_desktop("early", json!({})).await;

    label(&world, Value::Null).await;
    world.desktop("late", json!({})).await;
    let late: Desktop = world.reason("late", "Ready", "NamespaceNotAllowed").await;
    assert!(late.says("Ready").contains("Label the namespace"), "{late:?}");
    assert!(late.status.unwrap().create.is_none(), "nothing was about to be sent");
    let before = world.ledger().position();
    world.calls_since(before, "DescribeInstances", 3).await;
    assert_eq!(world.ledger().calls("CreateInstance").len(), 1);
    assert!(world.get::<Desktop>("early").await.is("Ready", "True"));
    assert!(world.get::<DesktopCluster>("office").await.is("Ready", "True"));

    label(&world, json!("allowed")).await;
    world.ready::<Desktop>("late").await;
    assert_eq!(world.committed("CreateInstance"), 2);
    world.env.namespace = home;
}

#[tokio::test]
async fn a_desktop_cannot_name_a_cluster_of_another_namespace() {
    let mut world = World::start().await;
    world.office().await;
    let home = world.env.namespace.clone();
    world.env.namespace = world.env.create_namespace("elsewhere-", &[]).await;
    world.desktop("stranger", json!({})).await;
    let stranger: Desktop = world.reason("stranger", "Ready", "ClusterNotFound").await;
    assert!(stranger.says("Ready").contains("spec.clusterRef"));
    // There is no way to say another namespace: the field is unknown, and a name with one in it is nobody's.
    for reference in [
        json!({"name": "office", "namespace": home}),
        json!({"name": format!("{home}/office")}),
    ] {
        let manifest = json!({
            "apiVersion": "desktop-operator.io/v1alpha1", "kind": "Desktop", "metadata": {"name": "spy"},
            "spec": {"clusterRef": reference, "flavor": "ecs.g6.large", "image": {"id": crate::world::IMAGE},
                "systemDisk": {"category": "cloud_essd", "sizeGiB": 80}},
        });
        if world.env.try_apply(&manifest.to_string()).await.is_ok() {
            world.reason::<Desktop>("spy", "Ready", "ClusterNotFound").await;
        }
    }
    assert_eq!(world.ledger().calls("CreateInstance").len(), 0);
    world.env.namespace = home;
}

#[tokio::test]
async fn keys_are_rotated_and_lost_without_a_restart() {
    let world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;

    // As it should be done: the new key first. Nobody notices.
    let add = |key_id: &str| AccountEdit::AddKey {
        account: "testid".into(),
        key_id: key_id.into(),
        secret: "second-secret".into(),
    };
    let off = |key_id: &str| AccountEdit::SetKeyActive {
        key_id: key_id.into(),
        active: false,
    };
    world.edit(add("second"));
    world.credentials("second", "second-secret").await;
    let before = world.ledger().position();
    world.calls_since(before, "DescribeInstances", 3).await;
    world.ready::<DesktopProvider>("acme").await;

    // As it happens: the old key is gone before the new one is in place.
    world.edit(add("third"));
    world.edit(off("testid"));
    world.edit(off("second"));
    let acme: DesktopProvider = world.reason("acme", "Stalled", "CredentialsInvalid").await;
    assert!(acme.says("Stalled").contains("without a restart"));
    world.credentials("third", "second-secret").await;
    world.ready::<DesktopProvider>("acme").await;
    world.ready::<DesktopCluster>("office").await;
    world.ready::<Desktop>("alice").await;
    world.ready_desktop("bob", json!({})).await;

    let secrets = world.env.api::<Secret>();
    secrets.delete("acme", &DeleteParams::default()).await.unwrap();
    let acme: DesktopProvider = world.reason("acme", "Ready", "SecretNotFound").await;
    assert!(acme.says("Ready").contains("spec.credentialsSecretRef"));
    let alice: Desktop = world.reason("alice", "Ready", "ProviderNotConnected").await;
    assert!(
        alice.is("Ready", "Unknown") && alice.says("Ready").contains("Create it"),
        "{alice:?}"
    );
    let before = world.ledger().position();
    world.desktop("carol", json!({})).await;
    world.reason::<Desktop>("carol", "Ready", "ProviderNotConnected").await;
    assert_eq!(
        world.ledger().position(),
        before,
        "nothing is called without credentials"
    );
    world.credentials("third", "second-secret").await;
    world.ready::<Desktop>("carol").await;
    world.ready::<Desktop>("alice").await;
    assert_eq!((world.committed("CreateInstance"), world.instances()), (3, 3));
}

/// A key of another account would show everything as deleted; it is noticed first.
#[tokio::test]
async fn a_key_of_another_account_makes_nothing_look_deleted() {
    let mut config = SimConfig::fast(4.0);
    config.accounts.push(SimAccount::new("other", "other-secret"));
    let world = World::start_with(config, |operator| operator).await;
    world.office().await;
    world.ready_desktop("alice", json!({"onLoss": "Recreate"})).await;
    world.credentials("other", "other-secret").await;
    let acme: DesktopProvider = world.reason("acme", "Stalled", "WrongAccount").await;
    let identity = acme.status.as_ref().unwrap().identity.clone().unwrap();
    assert!(acme.says("Stalled").contains("accept-identity"), "{acme:?}");
    let alice: Desktop = world.reason("alice", "Ready", "ProviderNotConnected").await;
    assert!(alice.is("Ready", "Unknown"), "{alice:?}");
    // Deleting waits as well, instead of taking it for gone.
    world.delete::<Desktop>("alice").await;
    world
        .reason::<Desktop>("alice", "DeletionBlocked", "ProviderNotConnected")
        .await;
    assert_eq!(world.instances(), 1);
    world.credentials("testid", "testsecret").await;
    let acme = world.ready::<DesktopProvider>("acme").await;
    assert_eq!(acme.status.unwrap().identity.unwrap(), identity);
    world.gone::<Desktop>("alice").await;
    assert_eq!((world.committed("CreateInstance"), world.instances()), (1, 0));
    world.ready::<DesktopCluster>("office").await;
}
