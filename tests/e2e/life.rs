//! A desktop's whole life, and that of what it lives in.

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider, RESTART_ANNOTATION};
use desktop_operator::sim::{GwsEdit, SimConfig};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;

use crate::harness::{gone, object};
use crate::world::{Seen, World};

#[tokio::test]
async fn from_a_manifest_to_a_desktop_and_back_to_nothing() {
    let world = World::start().await;
    let provider: DesktopProvider = world.ready("acme").await;
    let status = provider.status.unwrap();
    assert_eq!(status.service_linked_role, Some(true));
    assert!(
        status.cluster_types.iter().any(|t| t.cluster_type == "gws.s1.standard"),
        "{:?}",
        status.cluster_types
    );

    world
        .cluster(
            "office",
            json!({"displayName": "Head office", "network": {"nat": {"id": "ngw-1"}}}),
        )
        .await;
    let office: DesktopCluster = world.ready("office").await;
    let status = office.status.unwrap();
    assert_eq!(status.display_name.as_deref(), Some("Head office"));
    assert_eq!(status.nat_id.as_deref(), Some("ngw-1"));
    assert!(status.nat_eip.is_some());
    let rows: Vec<_> = status
        .policy
        .iter()
        .map(|r| (r.field.as_str(), r.observed.as_deref().unwrap_or("?")))
        .collect();
    assert_eq!(
        rows,
        [
            ("clipboard", "ClientToDesktop"),
            ("localDrive", "ReadOnly"),
            ("udp", "true"),
            ("usbRedirection", "false"),
            ("watermark", "true")
        ]
    );

    let alice: Desktop = world
        .ready_desktop("alice", json!({"user": {"name": "alice", "uid": "1234"}}))
        .await;
    let id = alice.status.clone().unwrap().id.unwrap();
    let status = alice.status.unwrap();
    assert_eq!(status.user.as_ref().map(|u| u.name.as_str()), Some("alice"));
    assert_eq!(status.user.unwrap().uid.as_deref(), Some("1234"));
    assert!(status.expires_at.is_none() && status.create.is_none());

    it_follows_its_manifest(&world).await;
    everything_goes_in_the_right_order(&world, &id).await;
}

/// Name, user, power and restarts.
async fn it_follows_its_manifest(world: &World) {
    world
        .patch::<Desktop>(
            "alice",
            json!({"spec": {"displayName": "Alice's", "user": {"name": "bob", "uid": "77"}}}),
        )
        .await;
    let renamed: Desktop = world.ready("alice").await;
    assert!(
        renamed
            .status
            .as_ref()
            .unwrap()
            .display_name
            .as_ref()
            .unwrap()
            .starts_with("Alice's-dsk")
    );
    assert_eq!(renamed.status.unwrap().user.unwrap().name, "bob");
    world
        .patch::<Desktop>("alice", json!({"spec": {"power": "Stopped"}}))
        .await;
    let stopped: Desktop = world.reason("alice", "Ready", "Stopped").await;
    assert!(stopped.is("Ready", "True") && stopped.condition("Stalled").is_none());
    world
        .patch::<Desktop>("alice", json!({"spec": {"power": "Running"}}))
        .await;
    world.reason::<Desktop>("alice", "Ready", "Running").await;

    // A restart is carried out once a request.
    world.annotate::<Desktop>("alice", RESTART_ANNOTATION, "monday").await;
    object(&world.api::<Desktop>(), "alice", "was restarted", |d| {
        d.status
            .as_ref()
            .is_some_and(|s| s.restart.as_deref() == Some("monday"))
            && d.is("Ready", "True")
    })
    .await;
    assert_eq!(world.committed("RestartInstance"), 1);
}

/// Everything at once: the order is the operator's.
async fn everything_goes_in_the_right_order(world: &World, id: &str) {
    world.delete::<DesktopProvider>("acme").await;
    world.delete::<DesktopCluster>("office").await;
    let blocked: DesktopCluster = world.reason("office", "DeletionBlocked", "InUse").await;
    assert!(blocked.says("DeletionBlocked").contains("alice"));
    let blocked: DesktopProvider = world.reason("acme", "DeletionBlocked", "InUse").await;
    assert!(blocked.says("DeletionBlocked").contains("office"));
    world.delete::<Desktop>("alice").await;
    world.gone::<Desktop>("alice").await;
    world.gone::<DesktopCluster>("office").await;
    world.gone::<DesktopProvider>("acme").await;
    let ledger = world.ledger();
    assert_eq!(ledger.committed("CreateInstance").len(), 1);
    assert_eq!(ledger.committed("DeleteInstance")[0].ids, [id]);
    assert!(
        ledger
            .lifetimes()
            .iter()
            .all(|l| l.gone.is_some() || l.created_by.is_none()),
        "{:?}",
        ledger.lifetimes()
    );
}

#[tokio::test]
async fn a_namespace_with_everything_in_it_ends_clean() {
    let mut world = World::start().await;
    // The operator and the credentials stay out of it: they are in another namespace, as documented.
    world.env.namespace = world.env.create_namespace("office-", &[]).await;
    world.office().await;
    for name in ["one", "two", "three"] {
        world.desktop(name, json!({})).await;
    }
    for name in ["one", "two", "three"] {
        world.ready::<Desktop>(name).await;
    }
    let namespaces: Api<Namespace> = world.env.all();
    namespaces
        .delete(&world.env.namespace, &DeleteParams::default())
        .await
        .unwrap();
    gone(&namespaces, &world.env.namespace).await;
    let ledger = world.ledger();
    assert!(
        ledger
            .lifetimes()
            .iter()
            .all(|l| l.gone.is_some() || l.created_by.is_none()),
        "{:?}",
        ledger.lifetimes()
    );
    let last_desktop = ledger.committed("DeleteInstance").iter().map(|e| e.seq).max();
    let cluster = ledger.committed("DeleteCluster").iter().map(|e| e.seq).min();
    assert!(last_desktop < cluster, "desktops go first");
}

#[tokio::test]
async fn what_others_made_in_a_cluster_keeps_it() {
    let world = World::start().await;
    let office = world.office().await;
    let cluster = office.status.unwrap().id.unwrap();
    let foreign = world.edit(GwsEdit::AddInstance {
        cluster,
        name: "somebody-else".into(),
        instance_type: "ecs.g6.large".into(),
        image_id: crate::world::IMAGE.into(),
    });
    object(&world.api::<DesktopCluster>(), "office", "counts it", |c| {
        c.status.as_ref().unwrap().desktops == Some(1)
    })
    .await;
    world.delete::<DesktopCluster>("office").await;
    world
        .reason::<DesktopCluster>("office", "DeletionBlocked", "NotEmpty")
        .await;
    world.edit(GwsEdit::DeleteInstance { instance: foreign });
    world.gone::<DesktopCluster>("office").await;
    assert_eq!(
        world.committed("DeleteInstance"),
        0,
        "nothing that is not ours is deleted"
    );
}

#[tokio::test]
async fn an_existing_desktop_is_adopted_and_retained() {
    let world = World::start().await;
    let office = world.office().await;
    let cluster = office.status.unwrap().id.unwrap();
    let id = world.edit(GwsEdit::AddInstance {
        cluster,
        name: "old-hand".into(),
        instance_type: "ecs.g6.large".into(),
        image_id: crate::world::IMAGE.into(),
    });
    let spec = json!({"existingId": id, "flavor": null, "image": null, "systemDisk": null});
    let adopted = world.ready_desktop("adopted", spec.clone()).await;
    assert_eq!(adopted.status.as_ref().unwrap().id.as_ref(), Some(&id));
    assert_eq!(
        adopted.status.unwrap().display_name.as_deref(),
        Some("old-hand"),
        "an adopted desktop keeps its name"
    );
    world.desktop("thief", spec).await;
    let thief: Desktop = world.reason("thief", "Stalled", "AlreadyClaimed").await;
    assert!(thief.says("Stalled").contains("adopted"));
    world
        .desktop(
            "nobody",
            json!({"existingId": "i-none", "flavor": null, "image": null, "systemDisk": null}),
        )
        .await;
    let nobody: Desktop = world.reason("nobody", "Stalled", "NotFoundAtVendor").await;
    assert!(nobody.says("Stalled").contains("spec.existingId"));
    for name in ["adopted", "thief", "nobody"] {
        world.delete::<Desktop>(name).await;
        world.gone::<Desktop>(name).await;
    }
    assert_eq!(world.instances(), 1);
    assert_eq!(
        world.committed("DeleteInstance") + world.committed("SetInstanceName"),
        0
    );
}

#[tokio::test]
async fn an_existing_cluster_is_adopted_by_id() {
    let world = World::start().await;
    let account = "testid".to_owned();
    let id = world.edit(GwsEdit::AddCluster {
        account,
        vpc_id: "vpc-1".into(),
        name: "by hand".into(),
    });
    world.cluster("office", json!({"existingId": id})).await;
    let office: DesktopCluster = world.ready("office").await;
    assert_eq!(office.status.unwrap().display_name.as_deref(), Some("by hand"));
    world.cluster("wrong", json!({"existingId": "gws-none"})).await;
    world
        .reason::<DesktopCluster>("wrong", "Stalled", "NotFoundAtVendor")
        .await;
    world.delete::<DesktopCluster>("office").await;
    world.gone::<DesktopCluster>("office").await;
    assert_eq!(world.committed("DeleteCluster") + world.committed("CreateCluster"), 0);
}

#[tokio::test]
async fn applications_and_subscriptions_reach_the_vendor_as_declared() {
    let world = World::start().await;
    world.office().await;
    let spec = json!({
        "workMode": "Application",
        "applications": [
            {"name": "notepad", "path": "C:\\Windows\\System32\\notepad.exe", "args": "c:/temp.txt"},
            {"name": "calc", "path": "C:\\calc.exe"},
        ],
        "network": {"publicAddress": {"chargeType": "PayByBandwidth", "bandwidthIn": 10, "bandwidthOut": 20}},
        "billing": {"mode": "Subscription", "period": {"count": 1, "unit": "Month"}, "autoRenew": false},
    });
    let apps = world.ready_desktop("apps", spec).await;
    assert!(apps.status.as_ref().unwrap().expires_at.is_some());
    let ledger = world.ledger();
    let call = ledger.committed("CreateInstance")[0];
    for (name, value) in [
        ("WorkMode", "Application"),
        ("AppList.1.AppName", "notepad"),
        ("AppList.1.AppArgs", "c:/temp.txt"),
        ("AppList.2.AppPath", "C:\\calc.exe"),
        ("InternetMaxBandwidthIn", "10"),
        ("InternetMaxBandwidthOut", "20"),
        ("InternetChargeType", "PayByBandwidth"),
        ("InstanceChargeType", "PrePaid"),
        ("Period", "1"),
        ("PeriodUnit", "Month"),
        ("SystemDiskSize", "80"),
    ] {
        assert_eq!(call.param(name), Some(value), "{name}");
    }
    assert_eq!(
        call.param("AllocatePublicAddress").map(str::to_lowercase).as_deref(),
        Some("true")
    );
    assert_eq!(call.param("AppList.2.AppArgs"), None);

    // A subscription is not thrown away by a deletion, unless the manifest says so.
    world.delete::<Desktop>("apps").await;
    let kept: Desktop = world.reason("apps", "DeletionBlocked", "Prepaid").await;
    assert!(kept.says("DeletionBlocked").contains("DeleteNow"));
    assert_eq!(world.committed("DeleteInstance"), 0);
    world
        .patch::<Desktop>("apps", json!({"spec": {"billing": {"onDelete": "DeleteNow"}}}))
        .await;
    // This vendor refuses, which is said; once the term has ended, deletion goes on by itself.
    let refused: Desktop = world.reason("apps", "DeletionBlocked", "RefusedByVendor").await;
    assert!(refused.says("DeletionBlocked").contains("Next attempt after"));
    let id = world.id("apps").await;
    let at = Some("2020-01-01T00:00:00Z".parse().unwrap());
    world.edit(GwsEdit::SetExpiry { instance: id, at });
    world.gone::<Desktop>("apps").await;
    assert_eq!(world.instances(), 0);
}

#[tokio::test]
async fn at_rest_nothing_is_written_and_desktops_share_one_listing() {
    const FLAGS: [&str; 2] = ["--session-interval=1h", "--catalog-interval=1h"];
    let mut world = World::start_with(SimConfig::fast(8.0), |o| o.arg(FLAGS[0]).arg(FLAGS[1])).await;
    world.office().await;
    let names: Vec<String> = (0..12).map(|n| format!("d{n}")).collect();
    for name in &names {
        world.desktop(name, json!({})).await;
    }
    for name in &names {
        world.ready::<Desktop>(name).await;
    }
    let versions = versions(&world, &names).await;
    // A few more listings come and go.
    let before = world.ledger().position();
    world.calls_since(before, "DescribeInstances", 3).await;
    let ledger = world.ledger();
    let writes = ledger.writes_since(before);
    assert!(writes.is_empty(), "{writes:?}");
    let listings = ledger.since(before).filter(|e| e.action == "DescribeInstances").count();
    assert!(listings <= 4, "{listings} listings for 12 desktops");

    // A restart reads, and neither creates nor writes anything.
    let before = world.ledger().position();
    world.restart(|o| o.arg(FLAGS[0]).arg(FLAGS[1])).await;
    world.calls_since(before, "DescribeInstances", 3).await;
    world.calls_since(before, "DescribeClusterPolicy", 2).await;
    let ledger = world.ledger();
    let writes = ledger.writes_since(before);
    assert!(writes.is_empty(), "{writes:?}");
    assert_eq!(self::versions(&world, &names).await, versions);
}

/// The versions of the desktops, of their cluster and of the provider.
async fn versions(world: &World, desktops: &[String]) -> Vec<Option<String>> {
    let mut versions = Vec::new();
    for name in desktops {
        versions.push(world.get::<Desktop>(name).await.metadata.resource_version);
    }
    versions.push(world.get::<DesktopCluster>("office").await.metadata.resource_version);
    versions.push(world.get::<DesktopProvider>("acme").await.metadata.resource_version);
    versions
}
