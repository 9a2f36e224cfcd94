//! The vendor lists ids only; what is behind them is read when it matters.

use desktop_operator::api::desktop::DesktopState;
use desktop_operator::backend::{ErrorClass, Operation};
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, Fault, Sim};
use serde_json::{Value, json};

use super::backend::{created, start};
use super::client::own_net;
use super::vendor::{Vendor, refusal, success};

fn add(sim: &Sim, name: &str) -> String {
    sim.edit(CapitalOnlineEdit::AddVm {
        net: own_net(sim).id,
        name: name.to_owned(),
    })
    .unwrap()
}

#[tokio::test]
async fn each_desktop_is_read_once_and_then_when_it_matters() {
    let (sim, backend) = start(Edition::Y2022).await;
    let net = own_net(&sim).id;
    let ids: Vec<String> = (0..20).map(|n| add(&sim, &format!("desktop {n}"))).collect();
    assert_eq!(backend.list_desktops(&net).await.unwrap().len(), 20);
    let reads = |id: &String| {
        let ledger = sim.ledger();
        let calls = ledger.calls("QueryVm");
        calls.iter().filter(|call| call.param("vmId") == Some(id)).count()
    };
    assert!(ids.iter().all(|id| reads(id) == 1));
    // They are at rest: of them only the few whose turn it is.
    backend.list_desktops(&net).await.unwrap();
    assert!(ids.iter().map(reads).sum::<usize>() <= 25);
    // What is new is read, and what we change.
    let another = add(&sim, "another");
    let rename = Operation::RenameDesktop {
        desktop_id: ids[3].clone(),
        name: "b".to_owned(),
    };
    backend.submit(&rename).await.unwrap();
    let before = reads(&ids[3]);
    let listed = backend.list_desktops(&net).await.unwrap();
    assert_eq!((listed.len(), reads(&another), reads(&ids[3])), (21, 1, before + 1));
    assert!(listed.iter().any(|desktop| desktop.name.as_deref() == Some("b")));
    // What vanishes is gone with the next listing, without being read.
    sim.edit(CapitalOnlineEdit::DeleteVm { vm: ids[7].clone() }).unwrap();
    let listed = backend.list_desktops(&net).await.unwrap();
    assert!(listed.iter().all(|desktop| desktop.id != ids[7]));
    assert_eq!(listed.len(), 20);
}

#[tokio::test]
async fn what_is_on_its_way_is_read_with_every_listing() {
    let (sim, backend) = start(Edition::Y2022).await;
    let net = own_net(&sim).id;
    let id = add(&sim, "a");
    let set = |status: &str| {
        sim.edit(CapitalOnlineEdit::SetVmStatus {
            vm: id.clone(),
            status: status.to_owned(),
        })
        .unwrap();
    };
    set("starting");
    assert_eq!(
        backend.list_desktops(&net).await.unwrap()[0].state,
        DesktopState::Starting
    );
    for (word, state) in [
        ("configuring", DesktopState::Creating),
        ("rebooting", DesktopState::Restarting),
        ("stoping", DesktopState::Stopping),
        ("deleteing", DesktopState::Deleting),
        ("destroying", DesktopState::Deleting),
        ("dataMoving", DesktopState::Unknown),
        ("somethingNew", DesktopState::Unknown),
        ("using", DesktopState::Running),
    ] {
        set(word);
        let listed = backend.list_desktops(&net).await.unwrap();
        assert_eq!((listed[0].state, listed[0].vendor_state.as_str()), (state, word));
    }
}

#[tokio::test]
async fn states_at_rest() {
    for (word, state) in [
        ("stop", Some(DesktopState::Stopped)),
        ("asNeedExpiring", Some(DesktopState::Suspended)),
        ("asNeedExpired", Some(DesktopState::Suspended)),
        ("asMonthExpiring", Some(DesktopState::Suspended)),
        ("asMonthExpired", Some(DesktopState::Suspended)),
        ("error", Some(DesktopState::Failed)),
        ("invisibleError", Some(DesktopState::Failed)),
        ("netErr", Some(DesktopState::Unregistered)),
        ("deleted", None),
        ("logicalDeleted", None),
        ("destroy", None),
    ] {
        let vendor = Vendor::start(move |seen| match seen.action() {
            "QueryVms" => (200, success(&json!({"vmIds": ["vm-1"]}))),
            _ => (200, success(&json!({"status": word, "vpcId": "vpc-1"}))),
        })
        .await;
        let listed = vendor.backend(Edition::Y2022).list_desktops("vpc-1").await.unwrap();
        assert_eq!(listed.first().map(|desktop| desktop.state), state, "{word}");
    }
}

/// The list of what ends soon has no ids, and tells by the name whom to look at.
#[tokio::test]
async fn the_end_of_a_term_is_seen() {
    let (sim, backend) = start(Edition::Y2022).await;
    let net = own_net(&sim).id;
    let id = created(&sim, &*backend).await;
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    sim.edit(CapitalOnlineEdit::SetVmExpiry {
        vm: id.clone(),
        at: Some(soon),
    })
    .unwrap();
    let listed = backend.list_desktops(&net).await.unwrap();
    assert_eq!(listed[0].prepaid, Some(true));
    let read = listed[0].expires.unwrap();
    assert!(
        read.duration_since(soon).abs() < jiff::SignedDuration::from_secs(1),
        "{read}"
    );
    backend.list_desktops(&net).await.unwrap();
    assert_eq!(sim.ledger().calls("QueryExpireVms").len(), 1);
}

#[tokio::test]
async fn a_listing_is_complete_or_an_error() {
    for (data, class) in [
        (json!(null), ErrorClass::Transient),
        (json!({}), ErrorClass::Transient),
        (json!({"vmIds": null}), ErrorClass::Transient),
        (json!({"vmIds": "vm-1"}), ErrorClass::Transient),
        (json!({"vmIds": [1]}), ErrorClass::Transient),
        (json!({"vmIds": ["a b"]}), ErrorClass::Transient),
        (json!([]), ErrorClass::Transient),
    ] {
        let vendor = Vendor::saying(data.clone()).await;
        let error = vendor.backend(Edition::Y2022).list_desktops("vpc").await.unwrap_err();
        assert_eq!(error.class, class, "{data}");
    }
    let vendor = Vendor::saying(json!({"vmIds": []})).await;
    assert!(
        vendor
            .backend(Edition::Y2022)
            .list_desktops("vpc")
            .await
            .unwrap()
            .is_empty()
    );

    // One whose details cannot be had.
    let (sim, backend) = start(Edition::Y2022).await;
    let (net, id) = (own_net(&sim).id, add(&sim, "a"));
    sim.fault(Fault::on("QueryVm").with("vmId", &id).always().html());
    assert!(backend.list_desktops(&net).await.is_err());
    sim.clear_faults();
    assert_eq!(backend.list_desktops(&net).await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_that_is_listed_and_not_there_makes_the_listing_be_read_again() {
    let vendor = Vendor::start(|seen| match seen.action() {
        "QueryVms" => (200, success(&json!({"vmIds": ["vm-1"]}))),
        _ => (200, refusal("10006")),
    })
    .await;
    let error = vendor.backend(Edition::Y2022).list_desktops("vpc").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient, "{error}");
    let listings = vendor.seen().iter().filter(|seen| seen.action() == "QueryVms").count();
    assert_eq!(listings, 3);
}

#[tokio::test]
async fn whoever_ignores_the_filter_lists_other_networks_as_well() {
    let vendor = Vendor::start(|seen| {
        let vpc = if seen.query.get("vmId").map(String::as_str) == Some("vm-1") {
            "vpc-1"
        } else {
            "vpc-2"
        };
        match seen.action() {
            "QueryVms" => (200, success(&json!({"vmIds": ["vm-1", "vm-2", "vm-1"]}))),
            _ => (200, success(&json!({"status": "using", "vpcId": vpc}))),
        }
    })
    .await;
    let listed = vendor.backend(Edition::Y2022).list_desktops("vpc-1").await.unwrap();
    assert_eq!(
        listed.iter().map(|desktop| desktop.id.as_str()).collect::<Vec<_>>(),
        ["vm-1"]
    );
}

#[tokio::test]
async fn the_envelope_comes_in_two_spellings() {
    for body in [
        json!({"Code": "Success", "Message": null, "Data": {"vmIds": []}}),
        json!({"code": "Success", "msg": null, "data": {"vmIds": []}, "requestId": null, "status": 0}),
        json!({"CODE": "Success", "DATA": {"vmIds": []}, "More": [1]}),
        json!({"Code": "Success", "code": "Success", "Data": {"vmIds": []}}),
    ] {
        let vendor = Vendor::start(move |_| (200, body.clone())).await;
        assert!(vendor.backend(Edition::Y2022).list_desktops("vpc").await.is_ok());
    }
    for body in [
        json!({"Code": "Success", "code": "10003", "Data": {"vmIds": []}}),
        json!({"Data": {"vmIds": []}}),
        json!({"Code": "", "Data": {"vmIds": []}}),
        json!({"Code": null, "Data": {"vmIds": []}}),
        json!({"Code": "success!", "Message": "m", "Data": {"vmIds": []}}),
        json!({"Code": ["Success"], "Data": {"vmIds": []}}),
        Value::Null,
    ] {
        let vendor = Vendor::start(move |_| (200, body.clone())).await;
        assert!(vendor.backend(Edition::Y2022).list_desktops("vpc").await.is_err());
    }
}
