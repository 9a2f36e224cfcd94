//! Answers that are none. For a change each of them leaves open what was done; a read is simply made again.

use std::time::Duration;

use desktop_operator::backend::{ErrorClass, Operation};
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{Fault, FaultKind};
use futures::future::join_all;

use super::backend::{connect_with, create, desktop, start, stopped, term};
use super::client::{OTHER_IMAGE, SITE};

/// Everything that can come instead of an answer and comes at once.
fn faults() -> Vec<FaultKind> {
    vec![
        FaultKind::Status { http: 500, page: false },
        FaultKind::Status { http: 502, page: true },
        FaultKind::Status { http: 404, page: true },
        FaultKind::Html,
        FaultKind::Truncated,
        FaultKind::WrongTypes,
        FaultKind::Oversize,
        FaultKind::Reset,
        FaultKind::Code {
            http: 500,
            code: "InternalError".to_owned(),
            message: "oops".to_owned(),
        },
    ]
}

#[tokio::test]
async fn every_change_is_sent_once() {
    let (sim, backend) = start(Edition::Y2022).await;
    let id = stopped(&sim, &*backend).await;
    let vm = || id.clone();
    let month = || term(1, desktop_operator::api::desktop::PeriodUnit::Month, false);
    let changes = [
        ("DeleteVm", Operation::DeleteDesktop { desktop_id: vm() }),
        ("OperateVm", Operation::StartDesktop { desktop_id: vm() }),
        ("OperateVm", Operation::StopDesktop { desktop_id: vm() }),
        ("OperateVm", Operation::RestartDesktop { desktop_id: vm() }),
        ("UnbindAccounts", Operation::UnassignUser { desktop_id: vm() }),
        (
            "ChangeVmName",
            Operation::RenameDesktop {
                desktop_id: vm(),
                name: "a".to_owned(),
            },
        ),
        (
            "UpdateVmLabels",
            Operation::LabelDesktop {
                desktop_id: vm(),
                label: "l".to_owned(),
            },
        ),
        (
            "RebuildVm",
            Operation::RebuildDesktop {
                desktop_id: vm(),
                image_id: OTHER_IMAGE.to_owned(),
            },
        ),
        (
            "UpdateOrder",
            Operation::ConvertBilling {
                desktop_id: vm(),
                term: month(),
            },
        ),
        (
            "RenewalOrder",
            Operation::RenewDesktop {
                desktop_id: vm(),
                term: month(),
            },
        ),
    ];
    for (action, operation) in changes {
        for kind in faults() {
            let before = sim.ledger().calls(action).len();
            sim.fault(Fault::on(action).before_commit().kind(kind.clone()));
            let error = backend.submit(&operation).await.unwrap_err();
            assert_eq!(error.class, ErrorClass::Ambiguous, "{action} {kind:?}: {error}");
            assert_eq!(sim.ledger().calls(action).len(), before + 1, "{action} {kind:?}");
        }
    }
}

#[tokio::test]
async fn a_read_is_made_again_and_then_given_up() {
    join_all(faults().into_iter().map(|kind| async move {
        let (sim, backend) = start(Edition::Y2022).await;
        sim.fault(Fault::on("QuerySubAccounts").always().kind(kind.clone()));
        let error = backend.list_users().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient, "{kind:?}: {error}");
        assert_eq!(sim.ledger().calls("QuerySubAccounts").len(), 3, "{kind:?}");
        sim.clear_faults();
        sim.fault(Fault::on("QuerySubAccounts").kind(kind.clone()));
        assert!(backend.list_users().await.unwrap().is_empty(), "{kind:?}");
    }))
    .await;
}

#[tokio::test]
async fn slow_answers_are_answers_and_held_calls_wait() {
    let (sim, backend) = start(Edition::Y2022).await;
    sim.fault(Fault::on("CreateVm").after_commit().slow(50_000));
    assert!(backend.submit(&create(desktop(&sim))).await.unwrap().id.is_some());
    sim.fault(Fault::on("CreateVm").hold());
    let operation = create(desktop(&sim));
    let (answer, ()) = tokio::join!(backend.submit(&operation), async {
        let held = sim.wait_for_held(1).await.unwrap();
        sim.release(held[0].id);
    });
    assert!(answer.unwrap().id.is_some());
}

#[tokio::test]
async fn an_echo_is_shown_without_what_is_secret() {
    let (sim, backend) = start(Edition::Y2022).await;
    sim.fault(Fault::on("QuerySubAccounts").echo("Signature=abc testsecret"));
    let error = backend.list_users().await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("testsecret") && !shown.contains("abc"), "{shown}");
}

#[tokio::test]
async fn wrong_credentials_and_sites_are_told() {
    let (sim, backend) = start(Edition::Y2022).await;
    backend.prepare().await.unwrap();
    let block = serde_json::json!({"siteId": "elsewhere", "endpoint": sim.url()});
    let lost = connect_with(sim.url(), &block, Duration::from_secs(30));
    let error = lost.prepare().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Invalid);
    assert!(error.message.contains("spec.capitalOnline.siteId"), "{error}");
    sim.edit(desktop_operator::sim::AccountEdit::AddKey {
        account: "testid".to_owned(),
        key_id: "testid".to_owned(),
        secret: "changed".to_owned(),
    })
    .unwrap();
    let block = serde_json::json!({"siteId": SITE, "endpoint": sim.url()});
    let wrong = connect_with(sim.url(), &block, Duration::from_secs(30));
    let error = wrong.prepare().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Auth);
    assert!(!error.message.contains("AccessKeyId"), "{error}");
}
