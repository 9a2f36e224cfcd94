//! A desktop is created from what the manifests say, and from what is found to exist.

use std::time::Duration;

use desktop_operator::api::desktop::{Billing, BillingMode, PeriodUnit};
use desktop_operator::backend::{DesktopSpec, ErrorClass};
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, Fault, Kind, Sim};
use serde_json::json;

use super::backend::{address, connect_with, create, desktop, desktop_in, ended, monthly, period, start};
use super::client::{IMAGE, OFFICE_IMAGE, OTHER_IMAGE, PRODUCT, SITE, own_net};

fn param(sim: &Sim, name: &str) -> Option<String> {
    let ledger = sim.ledger();
    let sent = ledger.calls("CreateVm");
    sent.last().expect("a creation").param(name).map(str::to_owned)
}

#[tokio::test]
async fn the_answer_names_the_desktop_and_its_task() {
    let (sim, backend) = start(Edition::Y2022).await;
    let receipt = backend.submit(&create(desktop(&sim))).await.unwrap();
    let id = receipt.id.clone().unwrap();
    assert_eq!(receipt.task.as_ref().unwrap().object_id, id);
    ended(&sim, &*backend, &receipt).await.unwrap();
    sim.read(|world| {
        let vm = &world.capital_online.vms[&id];
        assert_eq!((vm.status.as_str(), vm.image_id.as_str()), ("using", IMAGE));
        assert_eq!((vm.bandwidth, vm.monthly(), vm.line), (5, false, 10289));
    });
    for absent in [
        "duration",
        "isAutoRenewal",
        "priceToMonth",
        "moneyType",
        "sysVolume",
        "hostNo",
    ] {
        assert_eq!(param(&sim, absent), None, "{absent}");
    }
    assert_eq!(param(&sim, "num").as_deref(), Some("1"));
    let net = own_net(&sim);
    for spelling in ["vGatewayNetId", "vgatewayNetId"] {
        assert_eq!(param(&sim, spelling), Some(net.gateways[0].id.clone()));
    }
}

#[tokio::test]
async fn subnet_gateway_bandwidth_and_term_are_as_asked() {
    let (sim, backend) = start(Edition::Y2022).await;
    let net = own_net(&sim);
    let mut spec = desktop(&sim);
    spec.place.subnet_id = Some(net.subnets[0].id.clone());
    spec.place.gateway_id = Some(net.gateways[1].id.clone());
    spec.public_address = Some(address(20));
    spec.billing = monthly(3, true);
    let id = backend.submit(&create(spec)).await.unwrap().id.unwrap();
    sim.read(|world| {
        let vm = &world.capital_online.vms[&id];
        assert_eq!((vm.bandwidth, vm.line, vm.auto_renew), (20, 10298, true));
        assert!(vm.monthly());
    });
    assert_eq!(param(&sim, "isToMonth").as_deref(), Some("0"));
    assert_eq!(param(&sim, "priceToMonth"), None);
}

#[tokio::test]
async fn the_currency_is_the_providers() {
    let (sim, _) = start(Edition::Y2022).await;
    let block = json!({"siteId": SITE, "endpoint": sim.url(), "currency": "USD"});
    let backend = connect_with(sim.url(), &block, Duration::from_secs(30));
    backend.submit(&create(desktop(&sim))).await.unwrap();
    assert_eq!(param(&sim, "moneyType").as_deref(), Some("US"));
}

/// What is found out beforehand costs no creation.
#[tokio::test]
async fn what_cannot_be_made_is_not_sent() {
    let (sim, backend) = start(Edition::Y2022).await;
    let with = |change: &dyn Fn(&mut DesktopSpec)| {
        let mut spec = desktop(&sim);
        change(&mut spec);
        create(spec)
    };
    let weeks = Billing {
        period: Some(period(1, PeriodUnit::Week)),
        ..monthly(1, false)
    };
    let endless = Billing {
        mode: BillingMode::Subscription,
        ..Billing::default()
    };
    let cases = [
        (
            with(&|spec| spec.image_id = "image-x".to_owned()),
            ErrorClass::NotFound,
            "image-x",
        ),
        (
            with(&|spec| spec.image_id = OFFICE_IMAGE.to_owned()),
            ErrorClass::Invalid,
            "not for flavor",
        ),
        (
            with(&|spec| spec.flavor = "flavor-x".to_owned()),
            ErrorClass::NotFound,
            "does not offer flavor flavor-x",
        ),
        (
            with(&|spec| spec.place.cluster_id = "vpc-x".to_owned()),
            ErrorClass::NotFound,
            "vpc-x",
        ),
        (
            with(&|spec| spec.place.subnet_id = Some("net-x".to_owned())),
            ErrorClass::NotFound,
            "net-x",
        ),
        (
            with(&|spec| spec.place.gateway_id = Some("gw-x".to_owned())),
            ErrorClass::NotFound,
            "gw-x",
        ),
        (
            with(&|spec| spec.billing = weeks.clone()),
            ErrorClass::Invalid,
            "by the month",
        ),
        (
            with(&|spec| spec.billing = endless.clone()),
            ErrorClass::Invalid,
            "by the month",
        ),
    ];
    for (operation, class, words) in cases {
        let error = backend.submit(&operation).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    sim.edit(CapitalOnlineEdit::SetNetStatus {
        net: own_net(&sim).id,
        status: "updating".to_owned(),
    })
    .unwrap();
    let error = backend.submit(&create(desktop(&sim))).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict, "{error}");
    sim.edit(CapitalOnlineEdit::SetNetStatus {
        net: own_net(&sim).id,
        status: "ok".to_owned(),
    })
    .unwrap();
    sim.edit(CapitalOnlineEdit::SetImageStatus {
        image: OTHER_IMAGE.to_owned(),
        site: SITE.to_owned(),
        status: Some("Synchronizing".to_owned()),
    })
    .unwrap();
    let error = backend
        .submit(&with(&|spec| spec.image_id = OTHER_IMAGE.to_owned()))
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict, "{error}");
    assert!(error.message.contains("Synchronizing"), "{error}");
    assert!(sim.ledger().calls("CreateVm").is_empty());
}

#[tokio::test]
async fn the_vendors_refusals_are_definite() {
    let (sim, backend) = start(Edition::Y2022).await;
    sim.edit(CapitalOnlineEdit::SetStock {
        product: PRODUCT.to_owned(),
        in_stock: false,
    })
    .unwrap();
    let error = backend.submit(&create(desktop(&sim))).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::OutOfStock, Some("13000"))
    );
    for (cycle, billing) in [("minute", Billing::default()), ("month", monthly(1, false))] {
        sim.edit(CapitalOnlineEdit::SetQuota {
            cycle: cycle.to_owned(),
            used_up: true,
        })
        .unwrap();
        let spec = DesktopSpec {
            billing,
            ..desktop(&sim)
        };
        assert_eq!(
            backend.submit(&create(spec)).await.unwrap_err().class,
            ErrorClass::Quota
        );
    }
    assert!(sim.ledger().ever_created(Kind::Instance).is_empty());
}

#[tokio::test]
async fn a_creation_can_fail_after_it_was_accepted() {
    let (sim, backend) = start(Edition::Y2022).await;
    sim.edit(CapitalOnlineEdit::FailTask {
        action: "CreateVm".to_owned(),
        reason: "失败原因:平台".to_owned(),
    })
    .unwrap();
    let receipt = backend.submit(&create(desktop(&sim))).await.unwrap();
    let reason = ended(&sim, &*backend, &receipt).await.unwrap_err();
    assert_eq!(reason, "失败原因:平台");
    let listed = backend.list_desktops(&own_net(&sim).id).await.unwrap();
    assert_eq!(listed[0].vendor_state, "error");
}

/// The answer is lost; the mark in the name finds what it was about.
#[tokio::test]
async fn a_lost_answer_is_found_by_the_mark() {
    let (sim, backend) = start(Edition::Y2022).await;
    sim.fault(Fault::on("CreateVm").after_commit().reset());
    let error = backend.submit(&create(desktop(&sim))).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
    let listed = backend.list_desktops(&own_net(&sim).id).await.unwrap();
    assert_eq!(listed[0].marker.as_deref(), Some("0123abcd000040008000000000000001"));
    assert_eq!(sim.ledger().ever_created(Kind::Instance).len(), 1);
}

#[tokio::test]
async fn the_newer_edition_has_lines_and_disks() {
    let (sim, backend) = start(Edition::Y2023).await;
    let net = own_net(&sim);
    let id = backend.submit(&create(desktop_in(&net.id))).await.unwrap().id.unwrap();
    assert!(id.starts_with("gcw-"));
    assert_eq!(param(&sim, "sysVolume").as_deref(), Some("local"));
    assert_eq!(param(&sim, "vGatewayNetId"), None);
    let mut spec = desktop_in(&net.id);
    spec.place.gateway_id = Some("10298".to_owned());
    let error = backend.submit(&create(spec.clone())).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Invalid, "{error}");
    spec.place.gateway_id = Some("10289".to_owned());
    backend.submit(&create(spec)).await.unwrap();
}

#[tokio::test]
async fn prices_of_both_editions() {
    for edition in [Edition::Y2022, Edition::Y2023] {
        let (sim, backend) = start(edition).await;
        let by_use = backend.estimate(&desktop(&sim)).await.unwrap();
        assert_eq!((by_use.desktop.as_str(), by_use.per.as_str()), ("11.21", "Hour"));
        assert_eq!(by_use.address.as_deref(), Some("2.0/天"));
        let mut spec = desktop(&sim);
        spec.billing = monthly(3, false);
        spec.public_address = Some(address(10));
        let term = backend.estimate(&spec).await.unwrap();
        assert_eq!((term.desktop.as_str(), term.per.as_str()), ("10092.0", "3 months"));
        let expected = if edition == Edition::Y2022 {
            "3.5/天"
        } else {
            "105.0/月"
        };
        assert_eq!(term.address.as_deref(), Some(expected));
        spec.place.cluster_id = "nowhere".to_owned();
        assert_eq!(backend.estimate(&spec).await.unwrap().address, None);
        spec.flavor = "flavor-x".to_owned();
        assert_eq!(backend.estimate(&spec).await.unwrap_err().class, ErrorClass::NotFound);
    }
}
