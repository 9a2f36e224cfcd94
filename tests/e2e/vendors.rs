//! The same three kinds at the other vendors: every call of their documents that the kinds have a use for is reached
//! from a manifest and found in the vendor's ledger.

mod calls;

use desktop_operator::api::desktop::DesktopState;
use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider, RESTART_ANNOTATION};
use desktop_operator::sim::{CapitalOnlineEdit, CloudDesktopEdit, HuaweiEdit, Kind, SimConfig};
use serde_json::{Value, json};

pub use self::calls::{CAPITAL_ONLINE, CLOUD_DESKTOP, GWS, HUAWEI};
use crate::harness::object;
use crate::world::{PROJECT, Seen, Vendor, World};

async fn world(vendor: Vendor) -> World {
    World::start_at(vendor, SimConfig::fast(4.0), |operator| operator).await
}

async fn patch(world: &World, spec: Value) {
    world.patch::<Desktop>("alice", json!({"spec": spec})).await;
}

async fn restarted(world: &World) {
    world.annotate::<Desktop>("alice", RESTART_ANNOTATION, "now").await;
    object(&world.api::<Desktop>(), "alice", "was restarted", |d| {
        d.status.as_ref().is_some_and(|s| s.restart.as_deref() == Some("now")) && d.is("Ready", "True")
    })
    .await;
}

/// Waits until the desktop is Ready and this user's, or nobody's.
async fn belongs_to(world: &World, user: Option<&str>) {
    let what = format!("is {user:?}'s");
    object(&world.api::<Desktop>(), "alice", &what, |d| {
        let status = d.status.as_ref();
        let seen = status.and_then(|s| s.user.as_ref()).map(|u| u.name.as_str());
        status.is_some() && seen == user && d.is("Ready", "True")
    })
    .await;
}

/// Everything is deleted, and the vendor is as it was; so many desktops were declared in all.
async fn farewell(world: &World, desktops: usize) {
    world.delete::<Desktop>("alice").await;
    world.gone::<Desktop>("alice").await;
    assert_eq!(world.instances(), 0);
    world.delete::<DesktopCluster>("office").await;
    world.gone::<DesktopCluster>("office").await;
    world.delete::<DesktopProvider>("acme").await;
    world.gone::<DesktopProvider>("acme").await;
    let made = world.ledger().ever_created(Kind::Instance).len();
    assert_eq!(made, desktops, "one for each that was declared");
}

/// Each of these was called.
pub fn reached(world: &World, actions: &[&str]) {
    let ledger = world.ledger();
    let missing: Vec<_> = actions
        .iter()
        .filter(|action| ledger.calls(action).is_empty())
        .collect();
    assert!(missing.is_empty(), "never called: {missing:?}");
}

#[tokio::test]
async fn a_desktop_lives_at_capital_online() {
    let world = world(Vendor::capital_online()).await;
    for (name, email) in [("alice", "alice@example.com"), ("bob", "bob@example.com")] {
        world.edit(CapitalOnlineEdit::AddSubAccount {
            account: "testid".into(),
            email: email.into(),
            name: name.into(),
        });
    }
    let office = world.office().await.status.unwrap();
    // A part of the network goes missing, and the vendor is asked to supply it.
    world.edit(CapitalOnlineEdit::BreakNet {
        net: office.id.unwrap(),
    });
    let whole = office.gateways.len();
    object(&world.api::<DesktopCluster>(), "office", "is whole again", |c| {
        let gateways = c.status.as_ref().map(|s| s.gateways.len());
        gateways == Some(whole) && c.is("Ready", "True") && world.committed("SupplyDefaultNet") > 0
    })
    .await;
    assert!(whole > 1 && world.committed("SupplyDefaultNet") == 1);
    let alice = json!({"user": {"name": "alice", "email": "alice@example.com"}});
    let seen = world.ready_desktop("alice", alice).await.status.unwrap();
    assert_eq!(seen.user.unwrap().email.as_deref(), Some("alice@example.com"));
    patch(&world, json!({"displayName": "drawing board"})).await;
    world.ready::<Desktop>("alice").await;
    restarted(&world).await;
    // Another user, and then nobody: each needs the desktop stopped, and it runs again afterwards.
    patch(&world, json!({"user": {"name": "bob", "email": "bob@example.com"}})).await;
    belongs_to(&world, Some("bob")).await;
    patch(&world, json!({"user": null})).await;
    belongs_to(&world, None).await;
    // Another image only when the manifest says that the disk may be lost, and then once.
    let other = "1a6e5a10-0000-4000-8000-000000000002";
    patch(&world, json!({"image": {"id": other}})).await;
    world.reason::<Desktop>("alice", "Stalled", "ImageChanged").await;
    assert!(world.ledger().calls("RebuildVm").is_empty());
    patch(&world, json!({"onImageChange": "Rebuild"})).await;
    object(&world.api::<Desktop>(), "alice", "has the other image", |d| {
        d.status.as_ref().and_then(|s| s.image_id.as_deref()) == Some(other) && d.is("Ready", "True")
    })
    .await;
    assert_eq!(world.committed("RebuildVm"), 1);
    // From paid by use to a subscription, and another term.
    let month = json!({"count": 1, "unit": "Month"});
    patch(&world, json!({"billing": {"mode": "Subscription", "period": month}})).await;
    let bought = object(&world.api::<Desktop>(), "alice", "is a subscription", |d| {
        d.status.as_ref().is_some_and(|s| s.expires_at.is_some()) && d.is("Ready", "True")
    })
    .await;
    let end = bought.status.unwrap().expires_at.unwrap().0;
    let wanted = end + jiff::SignedDuration::from_hours(24);
    patch(&world, json!({"billing": {"paidUntil": wanted.to_string()}})).await;
    object(&world.api::<Desktop>(), "alice", "is paid for longer", |d| {
        let until = d.status.as_ref().and_then(|s| s.expires_at.as_ref());
        until.is_some_and(|at| at.0 >= wanted) && d.is("Ready", "True")
    })
    .await;
    assert_eq!(
        (world.committed("UpdateOrder"), world.committed("RenewalOrder")),
        (1, 1)
    );
    object(&world.api::<Desktop>(), "alice", "has a price", |d| {
        d.status.as_ref().is_some_and(|s| s.price.is_some())
    })
    .await;
    patch(&world, json!({"power": "Stopped"})).await;
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    patch(&world, json!({"billing": {"onDelete": "DeleteNow"}})).await;
    farewell(&world, 1).await;
    reached(&world, CAPITAL_ONLINE.reached);
    reached(&world, CAPITAL_ONLINE.images);
}

#[tokio::test]
async fn a_policy_that_capital_online_cannot_enforce_keeps_desktops_from_being_made() {
    let world = world(Vendor::capital_online()).await;
    let policy = json!({"policy": {"clipboard": "Disabled"}});
    world.cluster("office", policy).await;
    let office: DesktopCluster = world.reason("office", "Stalled", "Unsupported").await;
    assert!(office.says("Stalled").contains("spec.policy.clipboard"), "{office:?}");
    world.desktop("alice", json!({})).await;
    world.reason::<Desktop>("alice", "Ready", "ClusterNotReady").await;
    assert!(world.ledger().calls("CreateVm").is_empty());
    world
        .patch::<DesktopCluster>("office", json!({"spec": {"policyEnforcement": "BestEffort"}}))
        .await;
    world.ready::<Desktop>("alice").await;
    let office: DesktopCluster = world.reason("office", "PolicyEnforced", "Unsupported").await;
    assert!(office.says("PolicyEnforced").contains("clipboard"));
}

#[tokio::test]
async fn a_desktop_lives_at_huawei_workspace() {
    let world = world(Vendor::huawei()).await;
    for name in ["alice", "bob"] {
        world.edit(HuaweiEdit::AddUser {
            project: PROJECT.into(),
            name: name.into(),
        });
    }
    // Who has no access key logs in.
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
        "stringData": {"domainName": "office", "userName": "testid", "password": "testsecret"},
    });
    world.env.apply(&secret.to_string()).await;
    let mut login: Value = serde_json::from_str(&world.provider()).unwrap();
    login["metadata"]["name"] = json!("login");
    login["spec"]["credentialsSecretRef"]["name"] = json!("login");
    login["spec"]["huaweiWorkspace"]["iamEndpoint"] = json!(world.sim.url());
    world.env.apply(&login.to_string()).await;
    world.ready::<DesktopProvider>("login").await;

    let office = world.office().await;
    assert!(office.is("PolicyEnforced", "True"), "{office:?}");
    world.ready_desktop("alice", json!({"user": {"name": "alice"}})).await;
    restarted(&world).await;
    patch(&world, json!({"user": {"name": "bob"}})).await;
    belongs_to(&world, Some("bob")).await;
    // A new name restarts the desktop, so it has to be allowed.
    patch(&world, json!({"displayName": "board"})).await;
    let refused: Desktop = world.reason("alice", "Stalled", "Unsupported").await;
    assert!(refused.says("Stalled").contains("spec.displayName"), "{refused:?}");
    patch(&world, json!({"huaweiWorkspace": {"renameByRestart": true}})).await;
    object(&world.api::<Desktop>(), "alice", "has its name", |d| {
        d.status.as_ref().and_then(|s| s.display_name.as_deref()) == Some("board") && d.is("Ready", "True")
    })
    .await;
    let other = "d6b368bc-a24d-4fb5-a8fb-727356a53f33";
    patch(&world, json!({"image": {"id": other}, "onImageChange": "Rebuild"})).await;
    object(&world.api::<Desktop>(), "alice", "has the other image", |d| {
        d.status.as_ref().and_then(|s| s.image_id.as_deref()) == Some(other) && d.is("Ready", "True")
    })
    .await;
    // Its policy is changed behind our back.
    let before = world.ledger().position();
    let group = world.ledger().existing(Kind::PolicyGroup)[0].id.clone();
    world.edit(HuaweiEdit::ClearTargets { group });
    world.event("office", "DriftDetected").await;
    world.ready::<DesktopCluster>("office").await;
    assert!(!world.ledger().writes_since(before).is_empty());
    patch(&world, json!({"power": "Stopped"})).await;
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    patch(&world, json!({"power": "Running"})).await;
    world.reason::<Desktop>("alice", "Ready", "Running").await;
    patch(&world, json!({"user": null})).await;
    belongs_to(&world, None).await;
    farewell(&world, 1).await;
    reached(&world, HUAWEI.reached);
    // Desktops ask for the images that they are made from.
    reached(&world, &["ListImages"]);
}

#[tokio::test]
async fn a_desktop_lives_at_cloud_desktop_with_the_extended_api() {
    let world = world(Vendor::cloud_desktop(true)).await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    restarted(&world).await;
    patch(&world, json!({"displayName": "board", "user": {"name": "bob"}})).await;
    belongs_to(&world, Some("bob")).await;
    patch(&world, json!({"power": "Stopped"})).await;
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    patch(&world, json!({"power": "Running"})).await;
    world.reason::<Desktop>("alice", "Ready", "Running").await;
    let other = "img-win2016";
    patch(&world, json!({"image": {"id": other}, "onImageChange": "Rebuild"})).await;
    object(&world.api::<Desktop>(), "alice", "has the other image", |d| {
        d.status.as_ref().and_then(|s| s.image_id.as_deref()) == Some(other) && d.is("Ready", "True")
    })
    .await;
    assert_eq!(world.committed("ReplaceDesktopImage"), 1);
    renewed_at_cloud_desktop(&world).await;
    farewell(&world, 2).await;
    reached(&world, CLOUD_DESKTOP.reached);
    reached(&world, CLOUD_DESKTOP.images);
}

/// A desktop that is paid in advance is paid for longer because its manifest says so, and then ends with its term.
async fn renewed_at_cloud_desktop(world: &World) {
    let month = json!({"count": 1, "unit": "Month"});
    let bought = json!({"billing": {"mode": "Subscription", "period": month}});
    let bob = world.ready_desktop("bob", bought).await.status.unwrap();
    let wanted = bob.expires_at.unwrap().0 + jiff::SignedDuration::from_hours(24);
    let longer = json!({"spec": {"billing": {"paidUntil": wanted.to_string()}}});
    world.patch::<Desktop>("bob", longer).await;
    object(&world.api::<Desktop>(), "bob", "is paid for longer", |d| {
        let until = d.status.as_ref().and_then(|s| s.expires_at.as_ref());
        until.is_some_and(|at| at.0 >= wanted) && d.is("Ready", "True")
    })
    .await;
    let ledger = world.ledger();
    let renewals = ledger.committed("RenewDesktop");
    assert!(renewals.len() == 1 && renewals[0].param("ClientToken").is_some());
    world.delete::<Desktop>("bob").await;
    world.reason::<Desktop>("bob", "DeletionBlocked", "Prepaid").await;
    world.edit(CloudDesktopEdit::DeleteDesktop {
        desktop: bob.id.unwrap(),
    });
    world.gone::<Desktop>("bob").await;
    assert!(world.ledger().calls("DeleteDesktop").is_empty());
}

/// With the documented calls alone a desktop can be made and deleted, and nothing is claimed to be known of it.
#[tokio::test]
async fn what_cloud_desktop_does_not_tell_is_not_made_up() {
    let world = world(Vendor::cloud_desktop(false)).await;
    world.office().await;
    world.desktop("alice", json!({})).await;
    let alice: Desktop = world.reason("alice", "Ready", "NotObservable").await;
    assert!(alice.is("Ready", "Unknown"), "{alice:?}");
    let status = alice.status.unwrap();
    assert!(status.id.is_some() && status.state != Some(DesktopState::Running));
    patch(&world, json!({"power": "Stopped"})).await;
    let alice: Desktop = world.reason("alice", "Stalled", "Unsupported").await;
    assert!(alice.says("Stalled").contains("spec.power"));
    farewell(&world, 1).await;
}
