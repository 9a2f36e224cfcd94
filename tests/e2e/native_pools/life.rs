//! The life of a pool: made, observed, scaled, changed, adopted, deleted.

use desktop_operator::api::DesktopPool;
use desktop_operator::sim::{Fault, FaultKind, HuaweiEdit};
use serde_json::json;

use super::{IMAGE, OTHER, PROJECT, farewell, has, most_at_once, patch, pool, rolled, scale, world};
use crate::harness::{eventually, object};
use crate::vendors::{HUAWEI, reached};
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

    // `kubectl scale`, up and down. An answer is lost, and the vendor's jobs tell what is still to come.
    world
        .sim
        .fault(Fault::on("ExpandDesktopPool").after_commit().kind(FaultKind::Reset));
    scale(&world, 5);
    has(&world, 5).await;
    scale(&world, 2);
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
    reached(&world, HUAWEI.pools);
}

/// Whoever grows by itself is not corrected, neither up nor down, as long as it stays within what was declared.
#[tokio::test]
async fn a_dynamic_pool_grows_by_itself() {
    let world = world(8.0, |o| o).await;
    let growth = json!({"min": 1, "max": 4, "minIdle": 2, "step": 1});
    let spec = json!({"type": "Dynamic", "autoscale": growth, "disconnectedRetentionMinutes": 30});
    pool(&world, "desk", spec).await;
    // One is made by us, and as many by the vendor as two idle ones need.
    has(&world, 2).await;
    let seen = vendor(&world).await;
    assert_eq!(seen.disconnected_retention_minutes, Some(30));
    let growth = seen.autoscale.unwrap();
    assert_eq!(
        (growth.max_created, growth.min_idle, growth.step),
        (Some(3), Some(2), Some(1))
    );
    let pool_id = world.get::<DesktopPool>("desk").await.status.unwrap().id.unwrap();
    let add = |name: &str| {
        world.edit(HuaweiEdit::AddDesktop {
            project: PROJECT.into(),
            name: name.into(),
            pool: Some(pool_id.clone()),
        })
    };
    // Within the limits nothing is corrected.
    let before = world.ledger().position();
    let third = add("third");
    has(&world, 3).await;
    world.edit(HuaweiEdit::DeleteDesktop { desktop: third });
    has(&world, 2).await;
    assert!(world.ledger().writes_since(before).is_empty());
    // Above the most the surplus goes.
    for name in ["third", "fourth", "fifth"] {
        add(name);
    }
    has(&world, 4).await;
    assert_eq!(world.committed("BatchDeleteDesktops"), 1);
    // Growth is switched off behind our back, and back on; so is its rule.
    for (enabled, policy) in [
        (false, json!(null)),
        (
            true,
            json!({"autoscale_type": "AUTO_CREATED", "max_auto_created": 50, "min_idle": 2, "once_auto_created": 1}),
        ),
    ] {
        let before = world.committed("UpdateDesktopPool");
        world.edit(HuaweiEdit::SetPoolAutoscale {
            pool: pool_id.clone(),
            enabled,
            policy,
        });
        eventually("it is set back", async || {
            let now = world.committed("UpdateDesktopPool");
            if now == before + 1 {
                Ok(())
            } else {
                Err(format!("{now} updates"))
            }
        })
        .await;
        object(&world.api::<DesktopPool>(), "desk", "grows as declared", |p| {
            let vendor = p.status.as_ref().and_then(|s| s.vendor.as_ref());
            let most = vendor.and_then(|v| v.autoscale.as_ref()).and_then(|a| a.max_created);
            p.is("Ready", "True") && most == Some(3)
        })
        .await;
    }
    world.event("desk", "DriftDetected").await;
    // From a share to a number: growth ends.
    patch(
        &world,
        json!({"autoscale": null, "replicas": 2, "disconnectedRetentionMinutes": 60}),
    )
    .await;
    has(&world, 2).await;
    let seen = vendor(&world).await;
    assert_eq!(
        (seen.autoscaling, seen.disconnected_retention_minutes),
        (Some(false), Some(60))
    );
    farewell(&world).await;
}

/// A change is tried on some first; one that fails goes no further, and the old image heals everything.
#[tokio::test]
async fn a_bad_image_is_halted_at_the_canary_and_rolled_back() {
    let world = world(8.0, |o| o).await;
    user(&world, "alice");
    pool(&world, "desk", json!({"replicas": 6})).await;
    has(&world, 6).await;
    let desktops: Vec<String> = world
        .ledger()
        .existing(desktop_operator::sim::Kind::Instance)
        .iter()
        .map(|life| life.id.clone())
        .collect();
    // One is somebody's, who is at work; one is protected.
    let (busy, kept) = (desktops[0].clone(), desktops[1].clone());
    world.edit(HuaweiEdit::SetDesktopUser {
        desktop: busy.clone(),
        user: Some(("alice".into(), "users".into())),
    });
    world.edit(HuaweiEdit::SetDesktopState {
        desktop: busy.clone(),
        status: "ACTIVE".into(),
        task: String::new(),
        login: "CONNECTED".into(),
    });
    world
        .annotate::<DesktopPool>("desk", desktop_operator::api::PROTECT_ANNOTATION, &kept)
        .await;
    world.edit(HuaweiEdit::SetImageBroken {
        image: OTHER.into(),
        broken: true,
    });
    let canary = json!({"percent": 20, "soakSeconds": 1});
    patch(
        &world,
        json!({"update": {"maxUnavailable": 2, "canary": canary}, "template": {"spec": {"image": {"id": OTHER}}}}),
    )
    .await;
    let desk: DesktopPool = world.reason("desk", "RolloutHalted", "CanaryFailed").await;
    assert!(desk.says("Stalled").contains("spec.template.spec.image"), "{desk:?}");
    assert_eq!(desk.status.unwrap().updated_replicas, 2);
    assert_eq!(
        (
            world.committed("BatchRebuildDesktopsSystemDisk"),
            world.committed("RebuildDesktopPool")
        ),
        (1, 0)
    );
    // The old image again: what has failed is replaced.
    patch(&world, json!({"template": {"spec": {"image": {"id": IMAGE}}}})).await;
    rolled(&world, IMAGE).await;
    let desk = has(&world, 6).await;
    assert!(desk.condition("RolloutHalted").is_none());
    assert_eq!(most_at_once(&world), (6, 6));
    // A good one goes through, but for who is at work and what is protected.
    world.edit(HuaweiEdit::SetImageBroken {
        image: OTHER.into(),
        broken: false,
    });
    patch(&world, json!({"template": {"spec": {"image": {"id": OTHER}}}})).await;
    let desk: DesktopPool = world.reason("desk", "Ready", "RolloutWaiting").await;
    assert_eq!(desk.status.unwrap().updated_replicas, 4);
    world.edit(HuaweiEdit::SetDesktopState {
        desktop: busy.clone(),
        status: "ACTIVE".into(),
        task: String::new(),
        login: "REGISTERED".into(),
    });
    object(
        &world.api::<DesktopPool>(),
        "desk",
        "has changed alice's desktop",
        |p| p.status.as_ref().is_some_and(|s| s.updated_replicas == 5),
    )
    .await;
    // What is protected is no fault of the pool's.
    let desk: DesktopPool = world.ready("desk").await;
    assert!(desk.says("Ready").contains("1 of them keep another image"), "{desk:?}");
    patch(&world, json!({"update": {"paused": true}})).await;
    world
        .patch::<DesktopPool>(
            "desk",
            json!({"metadata": {"annotations": {desktop_operator::api::PROTECT_ANNOTATION: null}}}),
        )
        .await;
    world.reason::<DesktopPool>("desk", "Ready", "RolloutPaused").await;
    patch(&world, json!({"update": {"paused": false}})).await;
    rolled(&world, OTHER).await;
    let touched = |id: &str| {
        let ledger = world.ledger();
        let all = ledger.committed("BatchRebuildDesktopsSystemDisk");
        all.iter().filter(|e| e.ids.iter().any(|i| i == id)).count()
    };
    assert_eq!((touched(&busy), touched(&kept)), (1, 1));
    // Alice keeps hers when the pool shrinks, as long as the manifest does not say otherwise.
    scale(&world, 0);
    let desk: DesktopPool = world.reason("desk", "ScaleInBlocked", "DesktopsInUse").await;
    assert!(desk.says("ScaleInBlocked").contains("spec.scaleIn.assigned"));
    object(&world.api::<DesktopPool>(), "desk", "has one left", |p| {
        p.status.as_ref().is_some_and(|s| s.replicas == 1)
    })
    .await;
    patch(&world, json!({"scaleIn": {"assigned": "RemoveDisconnected"}})).await;
    has(&world, 0).await;
    farewell(&world).await;
}

#[tokio::test]
async fn a_pool_is_adopted_and_left() {
    let world = world(8.0, |o| o).await;
    pool(&world, "desk", json!({"replicas": 1, "deletionPolicy": "Retain"})).await;
    let id = has(&world, 1).await.status.unwrap().id.unwrap();
    world.delete::<DesktopPool>("desk").await;
    world.gone::<DesktopPool>("desk").await;
    pool(&world, "desk", json!({"replicas": 2, "existingId": id})).await;
    let desk = has(&world, 2).await;
    assert!(desk.status.unwrap().binding.unwrap().adopted);
    assert_eq!(world.committed("CreateDesktopPool"), 1);
    // A second one that wants it stops both.
    pool(&world, "other", json!({"replicas": 2, "existingId": id})).await;
    world.reason::<DesktopPool>("other", "Stalled", "AlreadyClaimed").await;
    world.delete::<DesktopPool>("other").await;
    world.gone::<DesktopPool>("other").await;
    has(&world, 2).await;
    // Adopted, it stays.
    world.delete::<DesktopPool>("desk").await;
    world.gone::<DesktopPool>("desk").await;
    assert_eq!(world.instances(), 2);
    // Unless the manifest says that it goes.
    pool(
        &world,
        "desk",
        json!({"replicas": 2, "existingId": id, "deletionPolicy": "Delete"}),
    )
    .await;
    has(&world, 2).await;
    pool(&world, "other", json!({"replicas": 2, "existingId": "no-such-pool"})).await;
    world
        .reason::<DesktopPool>("other", "Stalled", "NotFoundAtVendor")
        .await;
    world.delete::<DesktopPool>("other").await;
    world.gone::<DesktopPool>("other").await;
    farewell(&world).await;
}
