//! The same three kinds at the other vendors: every call of their documents that the kinds have a use for is reached
//! from a manifest and found in the vendor's ledger.

use desktop_operator::api::desktop::DesktopState;
use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider, RESTART_ANNOTATION};
use desktop_operator::sim::{CapitalOnlineEdit, HuaweiEdit, Kind, SimConfig};
use serde_json::{Value, json};

use crate::harness::object;
use crate::world::{Seen, Vendor, World};

const SITE: &str = "51735a10-0000-4000-8000-000000000001";
const PRODUCT: &str = "900d5a10-0000-4000-8000-000000000001";
const IMAGE: &str = "1a6e5a10-0000-4000-8000-000000000001";
pub const PROJECT: &str = "0bec5db98280d2d02fd6c00c2de791ce";

pub fn capital_online() -> Vendor {
    Vendor {
        word: "capitalOnline",
        block: json!({"siteId": SITE}),
        cluster: json!({"network": {}, "capitalOnline": {"defaultNetwork": true}}),
        desktop: json!({"flavor": PRODUCT, "image": {"id": IMAGE}}),
    }
}

pub fn cloud_desktop(extended: bool) -> Vendor {
    Vendor {
        word: "cloudDesktop",
        block: json!({"region": "cn-hangzhou", "extendedApi": extended}),
        cluster: json!({
            "network": {"vpcId": "vpc-1", "subnetId": "vsw-1"},
            "cloudDesktop": {"zoneId": "cn-hangzhou-i"},
        }),
        desktop: json!({
            "flavor": "desktop.n1.small",
            "image": {"id": "img-win2019"},
            "user": {"name": "alice"},
        }),
    }
}

pub fn huawei() -> Vendor {
    Vendor {
        word: "huaweiWorkspace",
        block: json!({"region": "cn-north-4", "projectId": PROJECT}),
        cluster: json!({
            "network": {"vpcId": "vpc-1"},
            "policy": {"clipboard": "ClientToDesktop", "localDrive": "ReadOnly", "watermark": {"enabled": true}},
        }),
        desktop: json!({
            "flavor": "workspace.x86.ultimate.large2",
            "image": {"id": "cc3bbc0b-9441-461b-b80b-48c52f3aed08"},
            "systemDisk": {"category": "SAS", "sizeGiB": 80},
        }),
    }
}

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

/// Everything is deleted, and the vendor is as it was.
async fn farewell(world: &World) {
    world.delete::<Desktop>("alice").await;
    world.gone::<Desktop>("alice").await;
    assert_eq!(world.instances(), 0);
    world.delete::<DesktopCluster>("office").await;
    world.gone::<DesktopCluster>("office").await;
    world.delete::<DesktopProvider>("acme").await;
    world.gone::<DesktopProvider>("acme").await;
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), 1);
}

fn reached(world: &World, actions: &[&str]) {
    let ledger = world.ledger();
    let missing: Vec<_> = actions
        .iter()
        .filter(|action| ledger.calls(action).is_empty())
        .collect();
    assert!(missing.is_empty(), "never called: {missing:?}");
}

#[tokio::test]
async fn a_desktop_lives_at_capital_online() {
    let world = world(capital_online()).await;
    for (name, email) in [("alice", "alice@example.com"), ("bob", "bob@example.com")] {
        world.edit(CapitalOnlineEdit::AddSubAccount {
            account: "testid".into(),
            email: email.into(),
            name: name.into(),
        });
    }
    let office = world.office().await;
    assert!(!office.status.unwrap().gateways.is_empty());
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
    farewell(&world).await;
    reached(
        &world,
        &[
            "QuerySites",
            "QueryProducts",
            "GetLineBillingScheme",
            "GetDefaultNet",
            "GetCustomNet",
            "CreateDefaultNet",
            "QueryTask",
            "QueryImages",
            "CreateVm",
            "QueryVms",
            "QueryVm",
            "QueryExpireVms",
            "QueryVmPrice",
            "GetEipPrice",
            "QuerySubAccounts",
            "BindAccounts",
            "ChangeAccount",
            "UnbindAccounts",
            "ChangeVmName",
            "UpdateVmLabels",
            "OperateVm",
            "RebuildVm",
            "UpdateOrder",
            "RenewalOrder",
            "DeleteVm",
        ],
    );
}

#[tokio::test]
async fn a_policy_that_capital_online_cannot_enforce_keeps_desktops_from_being_made() {
    let world = world(capital_online()).await;
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
    let world = world(huawei()).await;
    for name in ["alice", "bob"] {
        world.edit(HuaweiEdit::AddUser {
            project: PROJECT.into(),
            name: name.into(),
        });
    }
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
    farewell(&world).await;
}

#[tokio::test]
async fn a_desktop_lives_at_cloud_desktop_with_the_extended_api() {
    let world = world(cloud_desktop(true)).await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    restarted(&world).await;
    patch(&world, json!({"displayName": "board", "user": {"name": "bob"}})).await;
    belongs_to(&world, Some("bob")).await;
    patch(&world, json!({"power": "Stopped"})).await;
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    patch(&world, json!({"power": "Running"})).await;
    world.reason::<Desktop>("alice", "Ready", "Running").await;
    farewell(&world).await;
    reached(
        &world,
        &[
            "DescribeRegions",
            "DescribeDesktopTypeItems",
            "DescribeAvailableResource",
            "DescribeDesktopOwner",
            "CreateDesktop",
            "DeleteDesktop",
            "DescribeDesktops",
        ],
    );
}

/// With the documented calls alone a desktop can be made and deleted, and nothing is claimed to be known of it.
#[tokio::test]
async fn what_cloud_desktop_does_not_tell_is_not_made_up() {
    let world = world(cloud_desktop(false)).await;
    world.office().await;
    world.desktop("alice", json!({})).await;
    let alice: Desktop = world.reason("alice", "Ready", "NotObservable").await;
    assert!(alice.is("Ready", "Unknown"), "{alice:?}");
    let status = alice.status.unwrap();
    assert!(status.id.is_some() && status.state != Some(DesktopState::Running));
    patch(&world, json!({"power": "Stopped"})).await;
    let alice: Desktop = world.reason("alice", "Stalled", "Unsupported").await;
    assert!(alice.says("Stalled").contains("spec.power"));
    farewell(&world).await;
}
