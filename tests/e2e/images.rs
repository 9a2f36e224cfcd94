//! Images: captured from a Desktop, adopted, used and deleted, at every vendor.

use desktop_operator::api::desktop::DesktopState;
use desktop_operator::api::image::ImageState;
use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage, DesktopProvider, PAUSED_ANNOTATION};
use desktop_operator::sim::{
    CapitalOnlineEdit, CloudDesktopEdit, Fault, FaultKind, GwsEdit, HuaweiEdit, Kind, SimConfig,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::harness::object;
use crate::vendors::{CAPITAL_ONLINE, CLOUD_DESKTOP, GWS, HUAWEI, reached};
use crate::world::{SITE, Seen, Vendor, World};

async fn world(vendor: Vendor) -> World {
    World::start_at(vendor, SimConfig::fast(4.0), |operator| operator).await
}

/// A world whose vendor makes no image of a desktop that runs.
async fn strict(vendor: Vendor) -> World {
    let mut config = SimConfig::fast(4.0);
    config.capture_needs_stopped = true;
    World::start_at(vendor, config, |operator| operator).await
}

fn capture(desktop: &str) -> Value {
    json!({"capture": {"desktopRef": {"name": desktop}}})
}

fn reference(image: &str) -> Value {
    json!({"image": {"id": null, "ref": {"name": image}}})
}

async fn image_id(world: &World, name: &str) -> String {
    world.get::<DesktopImage>(name).await.status.unwrap().id.unwrap()
}

/// Waits until the desktop is as it was before an image was made from it.
async fn put_back(world: &World, name: &str, state: DesktopState) {
    let what = format!("is {state:?} again");
    object(&world.api::<Desktop>(), name, &what, |d| {
        let status = d.status.as_ref();
        status.is_some_and(|s| s.state == Some(state) && s.held.is_none()) && d.is("Ready", "True")
    })
    .await;
}

/// What the vendor was asked to do to a desktop, in order.
fn verbs(world: &World, since: u64, desktop: &str) -> Vec<String> {
    let ledger = world.ledger();
    let writes = ledger.writes_since(since);
    let of = writes.iter().filter(|e| e.ids.iter().any(|id| id == desktop));
    of.map(|e| e.action.clone()).collect()
}

#[tokio::test]
async fn an_image_is_captured_at_gws_and_desktops_are_made_from_it() {
    let world = strict(Vendor::gws()).await;
    world.office().await;
    world.ready_desktop("builder", json!({})).await;
    let builder = world.id("builder").await;
    let before = world.ledger().position();
    // Who needs the image may come before it.
    world.desktop("alice", reference("golden")).await;
    let alice: Desktop = world.reason("alice", "Ready", "ImageNotFound").await;
    assert!(alice.says("Ready").contains("DesktopImage golden"), "{alice:?}");
    world.image("golden", capture("builder")).await;
    object(&world.api::<DesktopImage>(), "golden", "shows how far it is", |i| {
        let progress = i.status.as_ref().and_then(|s| s.progress);
        progress.is_some_and(|percent| percent < 100) && i.is("Reconciling", "True")
    })
    .await;
    world.reason::<Desktop>("alice", "Ready", "ImageNotReady").await;
    let golden = world.ready::<DesktopImage>("golden").await;
    let status = golden.status.clone().unwrap();
    assert_eq!(
        (status.state, status.progress, status.size_gib),
        (Some(ImageState::Available), Some(100), Some(80))
    );
    assert_eq!(status.source_desktop_id.as_ref(), Some(&builder));
    let uid = golden.uid().unwrap().replace('-', "");
    assert_eq!(status.display_name, Some(format!("golden-dsk{uid}")));
    put_back(&world, "builder", DesktopState::Running).await;
    assert_eq!(
        verbs(&world, before, &builder),
        ["StopInstance", "CreateImage", "StartInstance"]
    );

    world.ready::<Desktop>("alice").await;
    let made = world.ledger();
    let of_alice = made
        .committed("CreateInstance")
        .last()
        .unwrap()
        .param("ImageId")
        .map(str::to_owned);
    assert_eq!(of_alice, status.id);
    // It needs a disk as large as the one it was made from.
    let small = json!({"systemDisk": {"sizeGiB": 60}, "image": {"id": null, "ref": {"name": "golden"}}});
    world.desktop("small", small).await;
    let small: Desktop = world.reason("small", "Stalled", "DiskTooSmall").await;
    assert!(small.says("Stalled").contains("systemDisk.sizeGiB is 60"), "{small:?}");
    assert_eq!(world.committed("CreateInstance"), 2);

    // Its name is set back, and changed with the manifest.
    let id = status.id.unwrap();
    world.edit(GwsEdit::RenameImage {
        image: id.clone(),
        name: "meddled".into(),
    });
    world.event("golden", "DriftDetected").await;
    world.ready::<DesktopImage>("golden").await;
    world
        .patch::<DesktopImage>("golden", json!({"spec": {"displayName": "Windows of May"}}))
        .await;
    object(&world.api::<DesktopImage>(), "golden", "has its new name", |i| {
        let name = i.status.as_ref().and_then(|s| s.display_name.as_deref());
        name.is_some_and(|n| n.starts_with("Windows of May-dsk")) && i.is("Ready", "True")
    })
    .await;

    // Nobody deletes what is in use, and a provider waits for its images.
    world.delete::<DesktopImage>("golden").await;
    let golden: DesktopImage = world.reason("golden", "DeletionBlocked", "InUse").await;
    let says = golden.says("DeletionBlocked");
    assert!(
        says.contains("Desktop alice") && says.contains("Desktop small"),
        "{says}"
    );
    // The desktop it was made from does not use it.
    for name in ["builder", "alice", "small"] {
        assert!(world.ledger().calls("DeleteImage").is_empty(), "before {name} is gone");
        world.delete::<Desktop>(name).await;
        world.gone::<Desktop>(name).await;
    }
    world.gone::<DesktopImage>("golden").await;
    assert!(world.ledger().existing(Kind::Image).is_empty());
    assert_eq!(world.committed("CreateImage"), 1);
    reached(&world, GWS.images);
}

#[tokio::test]
async fn an_image_is_captured_at_huawei_workspace_by_a_job() {
    let world = strict(Vendor::huawei()).await;
    world.office().await;
    // Nobody looks after its power, so it is put back as it was.
    world.ready_desktop("builder", json!({"power": "Unmanaged"})).await;
    // The vendor tells of a session by the desktop's state alone.
    let builder = world.id("builder").await;
    let login = |word: &str| {
        world.edit(HuaweiEdit::SetDesktopState {
            desktop: builder.clone(),
            status: "ACTIVE".into(),
            task: String::new(),
            login: word.into(),
        })
    };
    login("CONNECTED");
    object(&world.api::<Desktop>(), "builder", "has a user connected", |d| {
        let session = d.status.as_ref().and_then(|s| s.session.as_ref());
        session.is_some_and(|s| s.connected)
    })
    .await;
    world.image("golden", capture("builder")).await;
    let golden: DesktopImage = world.reason("golden", "Ready", "WaitingForDesktop").await;
    assert!(
        golden.says("Ready").contains("connected to Desktop builder"),
        "{golden:?}"
    );
    login("DISCONNECTED");
    let golden = world.ready::<DesktopImage>("golden").await;
    assert!(golden.says("Ready").contains("left at the vendor"), "{golden:?}");
    put_back(&world, "builder", DesktopState::Running).await;
    let id = image_id(&world, "golden").await;
    let ledger = world.ledger();
    assert_eq!(ledger.committed("ChangeDesktopToImage").len(), 1);
    let lives = ledger.existing(Kind::Image);
    assert_eq!(
        lives.iter().map(|life| life.id.as_str()).collect::<Vec<_>>(),
        [id.as_str()]
    );

    world.desktop("alice", reference("golden")).await;
    let alice = world.ready::<Desktop>("alice").await;
    assert_eq!(alice.status.unwrap().image_id.as_ref(), Some(&id));
    world
        .patch::<DesktopImage>("golden", json!({"spec": {"displayName": "another"}}))
        .await;
    let golden: DesktopImage = world.reason("golden", "Stalled", "Unsupported").await;
    assert!(golden.says("Stalled").contains("spec.displayName"), "{golden:?}");
    for name in ["alice", "builder"] {
        world.delete::<Desktop>(name).await;
        world.gone::<Desktop>(name).await;
    }
    // Its document has no call that deletes an image: it stays, and that is said.
    world.delete::<DesktopImage>("golden").await;
    world.gone::<DesktopImage>("golden").await;
    world.event("golden", "Retained").await;
    assert_eq!(world.ledger().existing(Kind::Image).len(), 1);
    // What is there can be adopted, by what its name begins with.
    world
        .image(
            "adopted",
            json!({"filter": {"namePrefix": "golden-dsk", "owner": "Account"}}),
        )
        .await;
    world.ready::<DesktopImage>("adopted").await;
    assert_eq!(image_id(&world, "adopted").await, id);
    world.edit(HuaweiEdit::DeleteImage { image: id });
    let adopted: DesktopImage = world.reason("adopted", "Stalled", "Lost").await;
    assert_eq!(adopted.status.unwrap().state, Some(ImageState::Lost));
    reached(&world, HUAWEI.images);
}

#[tokio::test]
async fn nobody_is_thrown_off_a_desktop_for_an_image() {
    let world = strict(Vendor::gws()).await;
    world.office().await;
    world.ready_desktop("builder", json!({})).await;
    let builder = world.id("builder").await;
    world.edit(GwsEdit::OpenSession {
        instance: builder.clone(),
        client: "laptop".into(),
        at: None,
    });
    object(&world.api::<Desktop>(), "builder", "has a user connected", |d| {
        let session = d.status.as_ref().and_then(|s| s.session.as_ref());
        session.is_some_and(|s| s.connected)
    })
    .await;
    let before = world.ledger().position();
    world.image("golden", capture("builder")).await;
    let golden: DesktopImage = world.reason("golden", "Ready", "WaitingForDesktop").await;
    assert!(
        golden.says("Ready").contains("connected to Desktop builder"),
        "{golden:?}"
    );
    world.calls_since(before, "DescribeInstances", 5).await;
    assert!(verbs(&world, before, &builder).is_empty());
    // A desktop that an image is to be made from is not deleted under it.
    world.delete::<Desktop>("builder").await;
    let held: Desktop = world.reason("builder", "DeletionBlocked", "HeldForImage").await;
    assert!(held.says("DeletionBlocked").contains("DesktopImage golden"), "{held:?}");
    world.edit(GwsEdit::CloseSessions {
        instance: builder.clone(),
        at: None,
    });
    world.ready::<DesktopImage>("golden").await;
    world.gone::<Desktop>("builder").await;
    assert_eq!(
        verbs(&world, before, &builder),
        ["StopInstance", "CreateImage", "DeleteInstance"]
    );
}

#[tokio::test]
async fn a_desktop_can_be_imaged_as_it_is_and_two_images_take_turns() {
    let world = world(Vendor::gws()).await;
    world.office().await;
    world.ready_desktop("builder", json!({})).await;
    let builder = world.id("builder").await;
    let before = world.ledger().position();
    for name in ["first", "second"] {
        let spec = json!({"capture": {"desktopRef": {"name": "builder"}, "power": "AsIs"}});
        world.image(name, spec).await;
    }
    for name in ["first", "second"] {
        world.ready::<DesktopImage>(name).await;
    }
    put_back(&world, "builder", DesktopState::Running).await;
    let sent = verbs(&world, before, &builder);
    assert_eq!(sent, ["CreateImage", "CreateImage"]);
    assert_ne!(image_id(&world, "first").await, image_id(&world, "second").await);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_image() {
    for (when, kind) in [
        ("after", FaultKind::Reset),
        ("after", FaultKind::Timeout),
        ("before", FaultKind::Reset),
    ] {
        let mut config = SimConfig::fast(4.0);
        config.capture_needs_stopped = true;
        let world = World::start_at(Vendor::gws(), config, |o| o.arg("--call-deadline=1s")).await;
        world.office().await;
        world.ready_desktop("builder", json!({"power": "Stopped"})).await;
        let point = Fault::on("CreateImage");
        let point = if when == "after" {
            point.after_commit()
        } else {
            point.before_commit()
        };
        world.sim.fault(point.kind(kind.clone()));
        world.image("golden", capture("builder")).await;
        world.ready::<DesktopImage>("golden").await;
        let ledger = world.ledger();
        assert_eq!(ledger.ever_created(Kind::Image).len(), 1, "{when} {kind:?}");
        assert_eq!(ledger.existing(Kind::Image)[0].id, image_id(&world, "golden").await);
        put_back(&world, "builder", DesktopState::Stopped).await;
    }
}

#[tokio::test]
async fn a_refused_capture_lets_its_desktop_go() {
    let world = strict(Vendor::gws()).await;
    world.office().await;
    world.ready_desktop("builder", json!({})).await;
    let refusal = Fault::on("CreateImage").code(403, "QuotaExceeded.Image", "no more images");
    world.sim.fault(refusal);
    world.image("golden", capture("builder")).await;
    let golden: DesktopImage = object(&world.api(), "golden", "asks a human", |i: &DesktopImage| {
        i.is("Stalled", "True") && i.says("Stalled").contains("retry-create=1")
    })
    .await;
    assert_eq!(golden.status.unwrap().held_desktop_id, None);
    put_back(&world, "builder", DesktopState::Running).await;
    assert_eq!(world.ledger().ever_created(Kind::Image).len(), 0);
    world
        .annotate::<DesktopImage>("golden", desktop_operator::api::RETRY_CREATE_ANNOTATION, "1")
        .await;
    world.ready::<DesktopImage>("golden").await;
    assert_eq!(world.committed("CreateImage"), 1);
}

#[tokio::test]
async fn an_image_is_adopted_by_its_id_or_by_what_only_one_is() {
    let world = world(Vendor::gws()).await;
    let mine = world.edit(GwsEdit::AddImage {
        account: "testid".into(),
        name: "cad 2025".into(),
        size: 60,
    });
    world.image("by-id", json!({"existingId": mine})).await;
    world.image("by-name", json!({"filter": {"name": "cad 2025"}})).await;
    world
        .image(
            "theirs",
            json!({"filter": {"namePrefix": "windows 2016", "owner": "Vendor"}}),
        )
        .await;
    world
        .image("several", json!({"filter": {"namePrefix": "windows"}}))
        .await;
    world.image("none", json!({"filter": {"name": "cad 2026"}})).await;
    world.image("wrong", json!({"existingId": "m-nobodys"})).await;
    for name in ["by-id", "by-name", "theirs"] {
        world.ready::<DesktopImage>(name).await;
    }
    assert_eq!(image_id(&world, "by-name").await, mine);
    assert_eq!(image_id(&world, "theirs").await, "m-windows2016");
    let several: DesktopImage = world.reason("several", "Stalled", "SeveralMatch").await;
    for id in ["m-windows2016", "m-windows2019", "m-windows2019gpu"] {
        assert!(several.says("Stalled").contains(id), "{several:?}");
    }
    world
        .reason::<DesktopImage>("wrong", "Stalled", "NotFoundAtVendor")
        .await;
    let none: DesktopImage = world.reason("none", "Reconciling", "NoMatch").await;
    assert!(none.status.unwrap().id.is_none());
    let late = world.edit(GwsEdit::AddImage {
        account: "testid".into(),
        name: "cad 2026".into(),
        size: 60,
    });
    world.ready::<DesktopImage>("none").await;
    assert_eq!(image_id(&world, "none").await, late);

    // One name for two objects would never be at rest.
    let named = json!({"spec": {"displayName": "CAD"}});
    world.patch::<DesktopImage>("by-id", named).await;
    let claimed: DesktopImage = world.reason("by-id", "Stalled", "AlreadyClaimed").await;
    assert!(claimed.says("Stalled").contains("by-name"), "{claimed:?}");
    world.delete::<DesktopImage>("by-name").await;
    world.gone::<DesktopImage>("by-name").await;
    world.ready::<DesktopImage>("by-id").await;
    assert_eq!(world.committed("SetImageName"), 1);
    // What was adopted stays, unless the manifest says otherwise; the vendor's own always does.
    world
        .patch::<DesktopImage>("none", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await;
    world
        .patch::<DesktopImage>("theirs", json!({"spec": {"deletionPolicy": "Delete"}}))
        .await;
    world.reason::<DesktopImage>("theirs", "Stalled", "Unsupported").await;
    for name in ["by-id", "none", "theirs", "several", "wrong"] {
        world.delete::<DesktopImage>(name).await;
        world.gone::<DesktopImage>(name).await;
    }
    let ledger = world.ledger();
    let deleted: Vec<_> = ledger
        .committed("DeleteImage")
        .iter()
        .flat_map(|e| e.ids.clone())
        .collect();
    assert_eq!(deleted, [late]);
    world.delete::<DesktopProvider>("acme").await;
    world.gone::<DesktopProvider>("acme").await;
}

#[tokio::test]
async fn a_provider_waits_for_its_images_and_a_paused_one_for_nobody() {
    let world = world(Vendor::gws()).await;
    world.image("theirs", json!({"existingId": "m-windows2016"})).await;
    world.ready::<DesktopImage>("theirs").await;
    world
        .annotate::<DesktopImage>("theirs", PAUSED_ANNOTATION, "true")
        .await;
    world.reason::<DesktopImage>("theirs", "Paused", "Paused").await;
    world.delete::<DesktopProvider>("acme").await;
    let acme: DesktopProvider = world.reason("acme", "DeletionBlocked", "InUse").await;
    assert!(acme.says("DeletionBlocked").contains("/theirs"), "{acme:?}");
    world.delete::<DesktopImage>("theirs").await;
    world
        .annotate::<DesktopImage>("theirs", PAUSED_ANNOTATION, "false")
        .await;
    world.gone::<DesktopImage>("theirs").await;
    world.gone::<DesktopProvider>("acme").await;
}

#[tokio::test]
async fn an_image_of_capital_online_is_ready_where_it_can_be_used() {
    let world = world(Vendor::capital_online()).await;
    let image = world.edit(CapitalOnlineEdit::AddImage {
        account: "testid".into(),
        name: "cad".into(),
    });
    let at = |status: Option<&str>| {
        world.edit(CapitalOnlineEdit::SetImageStatus {
            image: image.clone(),
            site: SITE.into(),
            status: status.map(str::to_owned),
        })
    };
    at(Some("Synchronizing"));
    world.image("cad", json!({"filter": {"name": "cad"}})).await;
    let cad: DesktopImage = world.reason("cad", "Ready", "Creating").await;
    let sites = cad.status.unwrap().sites;
    let here: Vec<_> = sites.iter().map(|site| (site.id.as_str(), site.usable)).collect();
    assert_eq!(here, [(SITE, false)]);
    world.office().await;
    world.desktop("alice", reference("cad")).await;
    world.reason::<Desktop>("alice", "Ready", "ImageNotReady").await;
    at(None);
    world.reason::<DesktopImage>("cad", "Stalled", "Lost").await;
    assert!(world.ledger().calls("CreateVm").is_empty());
    // What is there again is used again.
    at(Some("Using"));
    world.ready::<DesktopImage>("cad").await;
    world.ready::<Desktop>("alice").await;
    // A desktop that exists is left alone, whatever becomes of its image.
    let before = world.ledger().position();
    at(Some("Error"));
    world.reason::<DesktopImage>("cad", "Stalled", "FailedAtVendor").await;
    world.calls_since(before, "QueryVms", 2).await;
    assert!(world.get::<Desktop>("alice").await.is("Ready", "True"));
    assert!(verbs(&world, before, &world.id("alice").await).is_empty());

    // There is no call that makes an image, and no desktop is stopped for nothing.
    world.image("golden", capture("alice")).await;
    let golden: DesktopImage = world.reason("golden", "Stalled", "Unsupported").await;
    assert!(golden.says("Stalled").contains("spec.capture"), "{golden:?}");
    assert!(world.ledger().writes_since(before).is_empty());
    reached(&world, CAPITAL_ONLINE.images);
}

#[tokio::test]
async fn the_images_of_cloud_desktop_are_told_apart_by_their_owner() {
    let world = world(Vendor::cloud_desktop(true)).await;
    let mine = world.edit(CloudDesktopEdit::AddImage {
        account: "testid".into(),
        name: "windows-2019-common".into(),
        desktop_type: "common".into(),
    });
    world
        .image("several", json!({"filter": {"name": "windows-2019-common"}}))
        .await;
    world.reason::<DesktopImage>("several", "Stalled", "SeveralMatch").await;
    for owner in ["Account", "Vendor"] {
        let filter = json!({"filter": {"name": "windows-2019-common", "owner": owner}});
        world.image(&owner.to_lowercase(), filter).await;
        world.ready::<DesktopImage>(&owner.to_lowercase()).await;
    }
    assert_eq!(image_id(&world, "account").await, mine);
    assert_eq!(image_id(&world, "vendor").await, "img-win2019");
    world.office().await;
    world.desktop("alice", reference("account")).await;
    world.ready::<Desktop>("alice").await;
    let ledger = world.ledger();
    let created = ledger.committed("CreateDesktop");
    assert_eq!(created[0].param("ImageId"), Some(mine.as_str()));
    reached(&world, CLOUD_DESKTOP.images);
}

/// At rest images are listed for all of an account at once, and nothing is written.
#[tokio::test]
async fn at_rest_one_listing_serves_all_images_and_nothing_is_written() {
    let world = world(Vendor::gws()).await;
    for number in 0..6 {
        world
            .image(&format!("i{number}"), json!({"existingId": "m-windows2016"}))
            .await;
    }
    let mut versions = Vec::new();
    for number in 0..6 {
        let image = world.ready::<DesktopImage>(&format!("i{number}")).await;
        versions.push(image.resource_version());
    }
    let before = world.ledger().position();
    world.calls_since(before, "DescribeImages", 3).await;
    let ledger = world.ledger();
    let span = ledger.since(before).map(|e| e.at).max().unwrap() - ledger.since(before).map(|e| e.at).min().unwrap();
    let calls = ledger.since(before).filter(|e| e.action == "DescribeImages").count();
    // Every object looks once a second; half a second passes between two listings, whoever asks.
    assert!(u64::try_from(calls).unwrap() <= span / 400 + 2, "{calls} in {span} ms");
    for (number, version) in versions.iter().enumerate() {
        let now = world
            .get::<DesktopImage>(&format!("i{number}"))
            .await
            .resource_version();
        assert_eq!(&now, version, "i{number}");
    }
}

/// A capture lives in the account of its Desktop.
#[tokio::test]
async fn a_desktop_of_another_account_is_not_imaged() {
    let world = world(Vendor::gws()).await;
    world.office().await;
    world.ready_desktop("builder", json!({})).await;
    let other = world
        .provider()
        .replace("\"name\":\"acme\"},\"spec\"", "\"name\":\"other\"},\"spec\"");
    assert!(other.contains("other"));
    world.env.apply(&other).await;
    world.ready::<DesktopProvider>("other").await;
    let before = world.ledger().position();
    let spec = json!({
        "providerRef": {"name": "other"},
        "capture": {"desktopRef": {"name": "builder"}},
    });
    world.image("golden", spec).await;
    let golden: DesktopImage = world.reason("golden", "Stalled", "WrongProvider").await;
    assert!(
        golden.says("Stalled").contains("spec.providerRef is other"),
        "{golden:?}"
    );
    // And a desktop is not made from the image of another.
    world
        .image(
            "theirs",
            json!({"providerRef": {"name": "other"}, "existingId": "m-windows2016"}),
        )
        .await;
    world.ready::<DesktopImage>("theirs").await;
    world.desktop("alice", reference("theirs")).await;
    let alice: Desktop = world.reason("alice", "Stalled", "WrongProvider").await;
    assert!(alice.says("Stalled").contains("spec.image.ref"), "{alice:?}");
    assert!(world.ledger().writes_since(before).is_empty());
    let office = world.get::<DesktopCluster>("office").await;
    assert!(office.is("Ready", "True"));
}
