//! What can come of a call: refusals, faults, and nothing at all, as far as it is not the same at every vendor.

use std::time::Duration;

use desktop_operator::api::cluster::ClusterState;
use desktop_operator::api::desktop::{BillingMode, DesktopState};
use desktop_operator::backend::{ErrorClass, Operation, TaskState};
use desktop_operator::sim::{Fault, FaultKind, HuaweiEdit};

use super::backend::{connected, create, desktop, made, ours, start};
use super::client::PROJECT;

#[tokio::test]
async fn every_change_without_a_clear_answer_is_in_doubt() {
    let (sim, backend) = start().await;
    let desktop_id = made(&*backend).await.id;
    let id = || desktop_id.clone();
    let rename = Operation::RenameDesktop {
        desktop_id: id(),
        name: "other".into(),
    };
    let capture = Operation::CreateImage {
        desktop_id: id(),
        name: "golden".into(),
    };
    for (action, operation) in [
        ("BatchRunDesktops", Operation::StopDesktop { desktop_id: id() }),
        ("DetachInstances", Operation::UnassignUser { desktop_id: id() }),
        ("UpdateDesktop", rename),
        ("ChangeDesktopToImage", capture),
        ("DeleteDesktop", Operation::DeleteDesktop { desktop_id: id() }),
    ] {
        for kind in [
            FaultKind::Status { http: 502, page: true },
            FaultKind::Html,
            FaultKind::Reset,
        ] {
            sim.fault(Fault::on(action).before_commit().kind(kind.clone()));
            let error = backend.submit(&operation).await.unwrap_err();
            assert_eq!(error.class, ErrorClass::Ambiguous, "{action} {kind:?}: {error}");
        }
    }
    assert!(sim.read(|world| world.huawei.desktops.contains_key(&desktop_id)));
}

#[tokio::test]
async fn refusals_have_the_class_of_their_rule() {
    let (sim, backend) = start().await;
    for (http, code, message, class) in [
        (429, "APIG.0308", "canary", ErrorClass::Throttled),
        (401, "APIGW.0301", "canary", ErrorClass::Auth),
        (403, "APIGW.0302", "no", ErrorClass::Forbidden),
        (403, "WKS.00010099", "disabled", ErrorClass::Billing),
        (400, "WKS.0001", "empty", ErrorClass::Invalid),
        (404, "APIGW.0101", "no such API", ErrorClass::Invalid),
        (409, "WKS.00010032", "busy", ErrorClass::Conflict),
        (403, "CBC.30000052", "arrears", ErrorClass::Billing),
        (500, "WKS.0202", "gone", ErrorClass::Ambiguous),
        (504, "APIGW.0201", "late", ErrorClass::Ambiguous),
        (200, "WKS.00010032", "busy", ErrorClass::Conflict),
        (200, "WKS.00010306", "odd", ErrorClass::Ambiguous),
    ] {
        sim.fault(Fault::on("CreateDesktop").code(http, code, message));
        let error = backend.submit(&create()).await.unwrap_err();
        assert_eq!((error.class, error.code.as_deref()), (class, Some(code)), "{error}");
        assert!(error.request_id.is_some());
        assert!(class != ErrorClass::Auth || !error.message.contains("canary"));
    }
    sim.fault(Fault::on("CreateDesktop").echo("testsecret"));
    let error = backend.submit(&create()).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("testsecret"));
    let wrong = [("accessKeyId", "testid"), ("accessKeySecret", "wrong")];
    let stranger = connected(&sim, &wrong, Duration::from_secs(30)).unwrap();
    assert_eq!(stranger.list_clusters().await.unwrap_err().class, ErrorClass::Auth);
    assert!(connected(&sim, &[("userName", "a")], Duration::from_secs(30)).is_err());
}

#[tokio::test]
async fn what_cannot_be_made_is_said_before_anything_is_sent() {
    let (sim, backend) = start().await;
    let with = |change: fn(&mut desktop_operator::backend::DesktopSpec)| {
        let mut spec = desktop();
        change(&mut spec);
        Operation::CreateDesktop(Box::new(spec))
    };
    sim.edit(HuaweiEdit::SetQuota {
        project: PROJECT.into(),
        resource: "gpu_instances".into(),
        limit: 0,
    })
    .unwrap();
    for (operation, class, words) in [
        (
            with(|spec| spec.billing.mode = BillingMode::Subscription),
            ErrorClass::Invalid,
            "billing",
        ),
        (with(|spec| spec.disk = None), ErrorClass::Invalid, "systemDisk"),
        (
            with(|spec| spec.disk.as_mut().unwrap().size_gib = 85),
            ErrorClass::Invalid,
            "tens",
        ),
        (
            with(|spec| spec.image_id = "nothing".into()),
            ErrorClass::NotFound,
            "image nothing",
        ),
        (
            with(|spec| spec.flavor = "nothing".into()),
            ErrorClass::NotFound,
            "product nothing",
        ),
        (
            with(|spec| spec.flavor = "workspace.x86.ultimate.2xlarge4".into()),
            ErrorClass::OutOfStock,
            "sold out",
        ),
        (
            with(|spec| spec.flavor = "workspace.x86.workstation.2xlarge4".into()),
            ErrorClass::Quota,
            "gpu_instances",
        ),
    ] {
        let error = backend.submit(&operation).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    assert!(sim.ledger().calls("CreateDesktop").is_empty());
}

#[tokio::test]
async fn jobs_fail_hang_and_are_forgotten() {
    let (sim, backend) = start().await;
    sim.fault(Fault::on("CreateDesktop").never_finish_task());
    let task = backend.submit(&create()).await.unwrap().task.unwrap();
    assert_eq!(backend.poll(&task).await.unwrap(), TaskState::Running);
    sim.edit(HuaweiEdit::FailJob {
        job: task.task_id.clone(),
        code: "WKS.00010110".into(),
        reason: "no address".into(),
    })
    .unwrap();
    let TaskState::Failed(error) = backend.poll(&task).await.unwrap() else {
        panic!("a failed job did not fail")
    };
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::Conflict, Some("WKS.00010110"))
    );
    ours(&*backend, DesktopState::Failed).await;
    let forgotten = desktop_operator::backend::Task {
        task_id: "nothing".into(),
        ..task
    };
    assert_eq!(backend.poll(&forgotten).await.unwrap_err().class, ErrorClass::NotFound);
}

#[tokio::test]
async fn a_listing_is_complete_or_an_error() {
    let (sim, backend) = start().await;
    for number in 0..230 {
        sim.edit(HuaweiEdit::AddDesktop {
            project: PROJECT.into(),
            name: format!("d-{number}"),
            pool: None,
        })
        .unwrap();
    }
    assert_eq!(backend.list_desktops(PROJECT).await.unwrap().len(), 230);
    assert_eq!(sim.ledger().calls("ListDesktopsDetail").len(), 3);
    sim.fault(Fault::on("ListDesktopsDetail").nth(2).always().status(500));
    assert_eq!(
        backend.list_desktops(PROJECT).await.unwrap_err().class,
        ErrorClass::Transient
    );
    sim.clear_faults();
    for number in 0..130 {
        sim.edit(HuaweiEdit::AddImage {
            project: PROJECT.into(),
            name: format!("i-{number}"),
        })
        .unwrap();
    }
    assert_eq!(
        backend.list_images().await.unwrap().len(),
        133,
        "although the total says one"
    );
    let elsewhere = backend.list_desktops("another").await.unwrap_err();
    assert_eq!(elsewhere.class, ErrorClass::NotFound);
}

#[tokio::test]
async fn a_tenant_that_is_no_more_is_said_to_be_so() {
    let (sim, backend) = start().await;
    for (status, state) in [
        ("PREPARING", ClusterState::Creating),
        ("SUBSCRIBING", ClusterState::Creating),
        ("SUBSCRIPTION_FAILED", ClusterState::Failed),
        ("DEREGISTERING", ClusterState::Failed),
        ("CLOSED", ClusterState::Failed),
        ("SOMETHING_NEW", ClusterState::Unknown),
    ] {
        sim.edit(HuaweiEdit::SetTenantStatus {
            project: PROJECT.into(),
            status: status.into(),
        })
        .unwrap();
        let tenant = backend.list_clusters().await.unwrap().remove(0);
        assert_eq!((tenant.state, tenant.vendor_state.as_str()), (state, status));
        assert_eq!(tenant.id, PROJECT);
        let error = backend.list_desktops(PROJECT).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Billing, "{error}");
    }
}
