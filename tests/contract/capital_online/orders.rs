//! Subscriptions: each order's outcome is that of the one desktop it is for.

use desktop_operator::api::desktop::PeriodUnit;
use desktop_operator::backend::{ErrorClass, Operation};
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, Fault};
use serde_json::json;

use super::backend::{created, start, term};
use super::client::own_net;
use super::vendor::Vendor;

fn convert(id: &str, months: i32, auto_renew: bool) -> Operation {
    Operation::ConvertBilling {
        desktop_id: id.to_owned(),
        term: term(months, PeriodUnit::Month, auto_renew),
    }
}

fn renew(id: &str, months: i32, auto_renew: bool) -> Operation {
    Operation::RenewDesktop {
        desktop_id: id.to_owned(),
        term: term(months, PeriodUnit::Month, auto_renew),
    }
}

#[tokio::test]
async fn a_desktop_becomes_a_subscription_and_is_prolonged() {
    let (sim, backend) = start(Edition::Y2022).await;
    let net = own_net(&sim).id;
    let id = created(&sim, &*backend).await;
    let error = backend.submit(&renew(&id, 1, false)).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::Invalid, Some("12504"))
    );
    backend.submit(&convert(&id, 3, true)).await.unwrap();
    let first = backend.list_desktops(&net).await.unwrap()[0].clone();
    assert_eq!(first.prepaid, Some(true));
    let error = backend.submit(&convert(&id, 3, true)).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::Invalid, Some("12503"))
    );
    backend.submit(&renew(&id, 1, false)).await.unwrap();
    let second = backend.list_desktops(&net).await.unwrap()[0].clone();
    assert!(second.expires > first.expires);
    // The default of the call is the opposite.
    sim.read(|world| assert!(!world.capital_online.vms[&id].auto_renew));
    for action in ["UpdateOrder", "RenewalOrder"] {
        let ledger = sim.ledger();
        let sent = ledger.calls(action);
        let sent = sent.last().unwrap();
        assert!(sent.param("isAutoRenewal").is_some() && sent.param("isToMonth") == Some("0"));
        assert_eq!(sent.param("priceToMonth"), None, "{action}");
    }
}

#[tokio::test]
async fn success_in_part_is_no_success_of_those_that_failed() {
    let (sim, backend) = start(Edition::Y2022).await;
    let id = created(&sim, &*backend).await;
    sim.edit(CapitalOnlineEdit::RefuseOrders {
        vm: id.clone(),
        refuse: true,
    })
    .unwrap();
    let error = backend.submit(&convert(&id, 1, false)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict, "{error}");
    assert!(error.message.contains("失败"), "{error}");
    sim.read(|world| assert!(!world.capital_online.vms[&id].monthly()));
}

#[tokio::test]
async fn an_answer_that_does_not_name_the_desktop_is_in_doubt() {
    for data in [
        json!(null),
        json!({}),
        json!({"successVmIds": [], "failedVmIds": []}),
        json!({"successVmIds": ["vm-2"]}),
        json!({"successVmIds": ["vm-1"], "failedVmIds": ["vm-1"]}),
        json!({"successVmIds": "vm-1"}),
    ] {
        let vendor = Vendor::saying(data.clone()).await;
        let error = vendor
            .backend(Edition::Y2022)
            .submit(&convert("vm-1", 1, false))
            .await
            .unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{data}");
        vendor.only("UpdateOrder");
    }
}

#[tokio::test]
async fn orders_are_refused_or_in_doubt() {
    let (sim, backend) = start(Edition::Y2022).await;
    let id = created(&sim, &*backend).await;
    for (code, class) in [
        ("12501", ErrorClass::Quota),
        ("12503", ErrorClass::Invalid),
        ("10006", ErrorClass::NotFound),
        ("12506", ErrorClass::Ambiguous),
        ("12500", ErrorClass::Ambiguous),
        ("10005", ErrorClass::Ambiguous),
    ] {
        sim.fault(Fault::on("UpdateOrder").code(200, code, "words"));
        let error = backend.submit(&convert(&id, 1, false)).await.unwrap_err();
        assert_eq!(error.class, class, "{code}");
    }
    let weeks = Operation::ConvertBilling {
        desktop_id: id.clone(),
        term: term(1, PeriodUnit::Week, false),
    };
    assert_eq!(backend.submit(&weeks).await.unwrap_err().class, ErrorClass::Invalid);
    sim.fault(Fault::on("UpdateOrder").after_commit().truncated());
    assert_eq!(
        backend.submit(&convert(&id, 1, false)).await.unwrap_err().class,
        ErrorClass::Ambiguous
    );
    // It took effect, and that is seen.
    assert_eq!(
        backend.list_desktops(&own_net(&sim).id).await.unwrap()[0].prepaid,
        Some(true)
    );
}
