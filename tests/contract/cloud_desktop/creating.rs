//! What keeps a desktop from being bought, what leaves it open whether one was, and how the question is asked again.

use desktop_operator::api::desktop::DesktopUser;
use desktop_operator::backend::{DesktopSpec, ErrorClass, Operation};
use desktop_operator::sim::{CloudDesktopEdit, Fault, Kind, Outcome, Sim, SimConfig};
use serde_json::json;

use super::account::{at, at_sim, desktop, example_desktop, examples_but, user};
use crate::gws::vendor::Reply;

fn create(spec: DesktopSpec) -> Operation {
    Operation::CreateDesktop(Box::new(spec))
}

fn account() -> String {
    "testid".to_owned()
}

/// The same attempt once more.
fn again(spec: DesktopSpec) -> Operation {
    create(DesktopSpec { resent: true, ..spec })
}

#[tokio::test]
async fn what_is_not_there_is_named_and_nothing_is_bought() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, false, "testsecret");
    sim.edit(CloudDesktopEdit::SetStock {
        type_item_id: "desktop.n1.small".into(),
        zone_id: "cn-hangzhou-g".into(),
        in_stock: false,
    })
    .unwrap();
    let with = |change: fn(&mut DesktopSpec)| {
        let mut spec = desktop();
        change(&mut spec);
        spec
    };
    for (spec, class, words) in [
        (
            with(|d| d.image_id = "img-gone".into()),
            ErrorClass::NotFound,
            "there is no image img-gone",
        ),
        (
            with(|d| d.user = Some(user("nobody"))),
            ErrorClass::NotFound,
            "there is no user nobody",
        ),
        (
            with(|d| d.user = Some(user("nomail"))),
            ErrorClass::Invalid,
            "the user nomail has no e-mail address",
        ),
        (
            with(|d| d.place.zone_id = Some("cn-hangzhou-g".into())),
            ErrorClass::OutOfStock,
            "there is no desktop.n1.small left in zone cn-hangzhou-g",
        ),
        (
            with(|d| d.flavor = "desktop.n9.huge".into()),
            ErrorClass::NotFound,
            "The specified TypeItemId desktop.n9.huge does not exist",
        ),
    ] {
        let error = backend.submit(&create(spec)).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.starts_with(words), "{error}");
    }
    let ledger = sim.ledger();
    assert!(ledger.calls("CreateDesktop").is_empty());
    assert!(ledger.writes_since(0).is_empty());
}

#[tokio::test]
async fn what_the_vendor_refuses_is_refused() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, false, "testsecret");
    let elsewhere = |change: fn(&mut DesktopSpec)| {
        let mut spec = desktop();
        change(&mut spec);
        create(spec)
    };
    for (operation, class) in [
        (
            elsewhere(|d| d.place.vpc_id = Some("vpc-9".into())),
            ErrorClass::NotFound,
        ),
        (
            elsewhere(|d| d.place.subnet_id = Some("subnet-1".into())),
            ErrorClass::NotFound,
        ),
        (elsewhere(|d| d.image_id = "img-win2019gpu".into()), ErrorClass::Invalid),
    ] {
        assert_eq!(backend.submit(&operation).await.unwrap_err().class, class);
    }
    sim.edit(CloudDesktopEdit::SetOwnerStatus {
        account: account(),
        status: "Config".into(),
    })
    .unwrap();
    let error = backend.submit(&create(desktop())).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict, "{error}");
    sim.edit(CloudDesktopEdit::SetOwnerStatus {
        account: account(),
        status: "Active".into(),
    })
    .unwrap();
    sim.edit(CloudDesktopEdit::SetReseller {
        account: account(),
        reseller: true,
    })
    .unwrap();
    let error = backend.submit(&create(desktop())).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Invalid, "{error}");
    assert!(sim.ledger().ever_created(Kind::Instance).is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_given_again() {
    for fault in [
        Fault::on("CreateDesktop").after_commit().reset(),
        Fault::on("CreateDesktop").after_commit().status_page(502),
        Fault::on("CreateDesktop").truncated(),
        Fault::on("CreateDesktop").html(),
        Fault::on("CreateDesktop").wrong_types(),
        Fault::on("CreateDesktop").oversize(),
        Fault::on("CreateDesktop")
            .after_commit()
            .code(500, "InternalError", "oops"),
        Fault::on("CreateDesktop")
            .after_commit()
            .code(400, "NeverHeardOf", "oops"),
    ] {
        let name = fault.kind.name();
        let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
        let backend = at_sim(&sim, false, "testsecret");
        sim.fault(fault);
        let error = backend.submit(&create(desktop())).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{name}: {error}");
        // Whatever has changed meanwhile: the vendor is asked, and answers.
        sim.edit(CloudDesktopEdit::SetStock {
            type_item_id: "desktop.n1.small".into(),
            zone_id: "cn-hangzhou-h".into(),
            in_stock: false,
        })
        .unwrap();
        sim.edit(CloudDesktopEdit::DeleteUser {
            account: account(),
            name: "alice".into(),
        })
        .unwrap();
        let ledger = sim.ledger();
        let made = ledger.ever_created(Kind::Instance);
        if made.is_empty() {
            // The fault came before the effect; asked again, the vendor says no, as it would have.
            assert_eq!(name, "html");
            backend.submit(&again(desktop())).await.unwrap_err();
            continue;
        }
        let receipt = backend.submit(&again(desktop())).await.unwrap();
        assert_eq!(receipt.id.as_deref(), Some(made[0].id.as_str()), "{name}");
        assert_eq!(sim.ledger().ever_created(Kind::Instance).len(), 1, "{name}");
        // The next attempt is another one.
        sim.edit(CloudDesktopEdit::AddUser {
            account: account(),
            name: "alice".into(),
            email: "alice@corp.example".into(),
        })
        .unwrap();
        sim.edit(CloudDesktopEdit::SetStock {
            type_item_id: "desktop.n1.small".into(),
            zone_id: "cn-hangzhou-h".into(),
            in_stock: true,
        })
        .unwrap();
        let next = DesktopSpec {
            attempt: 2,
            ..desktop()
        };
        let second = backend.submit(&create(next)).await.unwrap();
        assert_ne!(second.id, receipt.id);
    }
}

#[tokio::test]
async fn silence_is_an_open_question_too() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, false, "testsecret");
    sim.fault(Fault::on("CreateDesktop").after_commit().hold());
    let operation = create(desktop());
    let first = backend.submit(&operation);
    let observer = async {
        sim.wait_for_held(1).await.unwrap();
        // While the first answer is on its way somebody else asks the same.
        let receipt = backend.submit(&again(desktop())).await.unwrap();
        sim.release_all();
        receipt
    };
    let (first, second) = tokio::join!(first, observer);
    assert_eq!(first.unwrap().id, second.id);
    assert_eq!(sim.ledger().ever_created(Kind::Instance).len(), 1);
}

#[tokio::test]
async fn a_token_that_was_used_for_something_else_leaves_the_question_open() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, false, "testsecret");
    backend.submit(&create(desktop())).await.unwrap();
    let changed = DesktopSpec {
        user: Some(user("bob")),
        ..desktop()
    };
    let error = backend.submit(&again(changed)).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("IdempotentParameterMismatch"));
    assert_eq!(error.class, ErrorClass::Ambiguous);
}

#[tokio::test]
async fn what_fails_before_anything_is_bought_leaves_nothing_open() {
    for action in [
        "DescribeImages",
        "DescribeActivityDirectoryUsers",
        "DescribeAvailableResource",
    ] {
        let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
        let backend = at_sim(&sim, false, "testsecret");
        sim.fault(Fault::on(action).always().status(503));
        let error = backend.submit(&create(desktop())).await.unwrap_err();
        assert_eq!((error.class, error.action), (ErrorClass::Transient, action));
        let ledger = sim.ledger();
        assert!(ledger.calls("CreateDesktop").is_empty());
        assert!(ledger.entries().all(|entry| entry.outcome != Outcome::Committed));
    }
}

#[tokio::test]
async fn a_creation_without_a_usable_id_is_in_doubt_and_an_odd_order_is_not() {
    let saying = async |body: serde_json::Value| {
        let vendor = examples_but(move |action| (action == "CreateDesktop").then(|| Reply::ok(body.clone()))).await;
        at(&vendor).submit(&create(example_desktop())).await
    };
    for id in [
        json!(null),
        json!(""),
        json!({}),
        json!(["d"]),
        json!("d 1"),
        json!("x".repeat(129)),
    ] {
        let error = saying(json!({"RequestId": "r", "DesktopId": id})).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{id}");
    }
    let error = saying(json!({"DesktopId": "d-1"})).await.unwrap_err();
    assert_eq!(
        error.class,
        ErrorClass::Ambiguous,
        "nobody but the vendor answers without a request id"
    );
    for order in [json!(null), json!([7]), json!("x".repeat(200))] {
        let receipt = saying(json!({"RequestId": "r", "DesktopId": "d-1", "OrderId": order}))
            .await
            .unwrap();
        assert_eq!((receipt.id.as_deref(), receipt.order_id), (Some("d-1"), None));
    }
}

#[tokio::test]
async fn who_is_only_part_of_a_name_is_nobody() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    sim.edit(CloudDesktopEdit::AddUser {
        account: account(),
        name: "alice2".into(),
        email: String::new(),
    })
    .unwrap();
    // The vendor searches by part of a name.
    let backend = at_sim(&sim, false, "testsecret");
    let part = DesktopSpec {
        user: Some(DesktopUser {
            name: "lic".into(),
            ..user("x")
        }),
        ..desktop()
    };
    let error = backend.submit(&create(part)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound);
    backend.submit(&create(desktop())).await.unwrap();
}
