//! The life of a pool: made, observed, scaled, changed, adopted, deleted.

use desktop_operator::api::DesktopPool;
use desktop_operator::sim::HuaweiEdit;
use serde_json::json;

use super::{IMAGE, OTHER, PROJECT, farewell, has, most_at_once, patch, pool, rolled, world};
use crate::harness::{eventually, object};
use crate::world::{Seen, World};

fn user(world: &World, name: &str) -> String {
    world.edit(HuaweiEdit::AddUser {
        project: PROJECT.into(),
        name: name.into(),
    })
}

/// The row of a pool, as the vendor would show it.
async fn vendor(world: &World) -> desktop_operator::api::pool::VendorPool {
    world.get::<DesktopPool>("desk").await.status.unwrap().vendor.unwrap()
}

#[tokio::test]
async fn a_pool_lives_at_huawei_workspace() {
    let world = world(8.0, |o| o).await;
    for name in ["alice", "bob"] {
        user(&world, name);
    }
    let block = json!({"description": "drawing boards", "groups": [{"id": "g-1", "name": "designers"}]});
    let users = json!([{"name": "alice"}, {"name": "bob", "group": "Administrators"}]);
    pool(
        &world,
        "desk",
        json!({"replicas": 3, "users": users, "huaweiWorkspace": block}),
    )
    .await;
    let desk = has(&world, 3).await;
    let status = desk.status.unwrap();
    let seen = status.vendor.unwrap();
    assert_eq!(seen.state.as_deref(), Some("STEADY"));
    assert!(seen.name.unwrap().starts_with("desk-dsk"));
    assert_eq!((seen.desktops, seen.assigned), (Some(3), Some(0)));
    assert_eq!(
        (seen.image_id.as_deref(), seen.image_name.is_some()),
        (Some(IMAGE), true)
    );
    assert_eq!(seen.description.as_deref(), Some("drawing boards"));
    assert_eq!((seen.users, seen.groups), (Some(2), Some(1)));
    assert_eq!(seen.system_disk.as_deref(), Some("SAS 80 GiB"));
    assert!(seen.created_at.is_some() && seen.zone.is_some() && seen.vpc_id.is_some() && !seen.subnet_ids.is_empty());
    assert_eq!((seen.maintenance, seen.autoscaling), (Some(false), Some(false)));
    // At rest nothing is written, and little is asked.
    let before = world.ledger().position();
    world.calls_since(before, "ListPoolDesktopsDetail", 3).await;
    assert!(world.ledger().writes_since(before).is_empty());

    // `kubectl scale`, up and down.
    let (code, said) = world.env.kubectl(&["scale", "desktoppool/desk", "--replicas=5"]);
    assert_eq!(code, 0, "{said}");
    has(&world, 5).await;
    world.env.kubectl(&["scale", "desktoppool/desk", "--replicas=2"]);
    has(&world, 2).await;
    assert_eq!(most_at_once(&world), (5, 2));

    // A desktop is deleted behind our back, and another is added.
    let gone = world.ledger().existing(desktop_operator::sim::Kind::Instance)[0]
        .id
        .clone();
    world.edit(HuaweiEdit::DeleteDesktop { desktop: gone.clone() });
    world.event("desk", "DriftDetected").await;
    eventually("it is replaced", async || {
        let there = world.instances();
        let ledger = world.ledger();
        let known = ledger.committed("ExpandDesktopPool").len();
        if there == 2 && known == 2 {
            Ok(())
        } else {
            Err(format!("{there} desktops, {known} expansions"))
        }
    })
    .await;
    has(&world, 2).await;
    let pool_id = world.get::<DesktopPool>("desk").await.status.unwrap().id.unwrap();
    world.edit(HuaweiEdit::AddDesktop {
        project: PROJECT.into(),
        name: "stray".into(),
        pool: Some(pool_id.clone()),
    });
    eventually("the stray is removed", async || {
        let there = world.instances();
        if there == 2 { Ok(()) } else { Err(format!("{there}")) }
    })
    .await;
    has(&world, 2).await;

    // Settings and members, by us and behind our back.
    patch(
        &world,
        json!({"huaweiWorkspace": {"maintenance": true, "description": "closed"}}),
    )
    .await;
    object(&world.api::<DesktopPool>(), "desk", "is in maintenance", |p| {
        let vendor = p.status.as_ref().and_then(|s| s.vendor.as_ref());
        p.is("Ready", "True") && vendor.is_some_and(|v| v.maintenance == Some(true))
    })
    .await;
    assert_eq!(vendor(&world).await.description.as_deref(), Some("closed"));
    patch(
        &world,
        json!({"users": [{"name": "alice"}], "huaweiWorkspace": {"groups": null}}),
    )
    .await;
    object(&world.api::<DesktopPool>(), "desk", "has one user", |p| {
        let vendor = p.status.as_ref().and_then(|s| s.vendor.as_ref());
        p.is("Ready", "True") && vendor.is_some_and(|v| v.users == Some(1) && v.groups.is_none())
    })
    .await;
    let before = world.committed("CreateDesktopPoolAuthorizedObjects");
    world.edit(HuaweiEdit::ClearMembers { pool: pool_id.clone() });
    eventually("alice is let in again", async || {
        let now = world.committed("CreateDesktopPoolAuthorizedObjects");
        if now > before {
            Ok(())
        } else {
            Err(format!("{now} calls"))
        }
    })
    .await;
    patch(&world, json!({"users": [{"name": "alice"}, {"name": "nobody"}]})).await;
    let desk: DesktopPool = world.reason("desk", "Stalled", "UserNotFound").await;
    assert!(desk.says("Stalled").contains("nobody"));
    patch(&world, json!({"users": [{"name": "alice"}]})).await;

    // Power.
    patch(&world, json!({"template": {"spec": {"power": "Stopped"}}})).await;
    has(&world, 2).await;
    assert_eq!(world.committed("ExecuteDesktopPoolAction"), 1);
    patch(&world, json!({"template": {"spec": {"power": "Running"}}})).await;
    has(&world, 2).await;

    // What cannot be changed is said by its field.
    let flavor = "workspace.x86.ultimate.large2";
    patch(&world, json!({"template": {"spec": {"flavor": "workspace.x86.other"}}})).await;
    let desk: DesktopPool = world.reason("desk", "Stalled", "Unsupported").await;
    assert!(desk.says("Stalled").contains("spec.template.spec.flavor"));
    patch(&world, json!({"template": {"spec": {"flavor": flavor}}})).await;
    has(&world, 2).await;

    // Another image, all at once.
    patch(
        &world,
        json!({"update": {"maxUnavailable": "100%"}, "template": {"spec": {"image": {"id": OTHER}}}}),
    )
    .await;
    rolled(&world, OTHER).await;
    assert_eq!(world.committed("RebuildDesktopPool"), 1);
    assert_eq!(world.committed("BatchRebuildDesktopsSystemDisk"), 0);
    farewell(&world).await;
}
