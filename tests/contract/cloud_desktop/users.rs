//! Users of the directory: created once, whatever is answered.

use desktop_operator::backend::{Backend, ErrorClass, UserSpec};
use desktop_operator::sim::{CloudDesktopEdit, Fault, Kind, Sim, SimConfig};
use serde_json::json;

use super::account::{at, at_sim, examples_but};
use crate::gws::vendor::Reply;

fn account() -> String {
    "testid".to_owned()
}

fn user(name: &str) -> UserSpec {
    UserSpec {
        name: name.into(),
        email: Some(format!("{name}@corp.example")),
        remark: None,
    }
}

/// The class of what became of the only user, or none if it was created.
async fn created(backend: &dyn Backend, user: UserSpec) -> Option<ErrorClass> {
    let mut answers = backend.create_users(&[user]).await.unwrap();
    assert_eq!(answers.len(), 1);
    answers.remove(0).err().map(|error| error.class)
}

#[tokio::test]
async fn users_are_created_each_with_an_answer() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, false, "testsecret");
    let without_email = UserSpec {
        email: None,
        ..user("erin")
    };
    let answers = backend
        .create_users(&[user("carol"), without_email, user("dave")])
        .await
        .unwrap();
    let classes: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().err().map(|error| error.class))
        .collect();
    assert_eq!(classes, [None, Some(ErrorClass::Invalid), None]);
    let listed = backend.list_users().await.unwrap();
    let names: Vec<_> = listed
        .iter()
        .filter(|user| user.usable)
        .map(|user| user.name.as_str())
        .collect();
    assert_eq!(names, ["alice", "bob", "carol", "dave"]);
}

#[tokio::test]
async fn one_that_is_there_already_is_created() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, false, "testsecret");
    assert_eq!(created(&*backend, user("carol")).await, None);
    assert_eq!(created(&*backend, user("carol")).await, None);
    assert_eq!(created(&*backend, user("CAROL")).await, None);
    assert_eq!(sim.ledger().ever_created(Kind::User).len(), 1);
    let other = UserSpec {
        email: Some("somebody@corp.example".into()),
        ..user("carol")
    };
    assert_eq!(created(&*backend, other).await, Some(ErrorClass::Conflict));
}

#[tokio::test]
async fn what_the_directory_says_with_status_200() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, false, "testsecret");
    sim.edit(CloudDesktopEdit::SetMakeable {
        account: account(),
        user: "carol".into(),
        makeable: false,
    })
    .unwrap();
    assert_eq!(created(&*backend, user("carol")).await, Some(ErrorClass::Transient));
    sim.edit(CloudDesktopEdit::SetDirectoryUp {
        account: account(),
        up: false,
    })
    .unwrap();
    assert_eq!(created(&*backend, user("dave")).await, Some(ErrorClass::Transient));
    sim.edit(CloudDesktopEdit::SetDomain {
        account: account(),
        domain_name: String::new(),
    })
    .unwrap();
    assert_eq!(created(&*backend, user("dave")).await, Some(ErrorClass::Invalid));
    assert!(sim.ledger().ever_created(Kind::User).is_empty());
}

#[tokio::test]
async fn the_directory_settles_what_an_answer_leaves_open() {
    for (fault, made) in [
        (Fault::on("CreateUser").after_commit().reset(), true),
        (Fault::on("CreateUser").before_commit().reset(), false),
        (Fault::on("CreateUser").truncated(), true),
        (Fault::on("CreateUser").html(), false),
        (Fault::on("CreateUser").wrong_types(), true),
    ] {
        let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
        let backend = at_sim(&sim, false, "testsecret");
        let name = fault.kind.name();
        sim.fault(fault);
        let expected = (!made).then_some(ErrorClass::Ambiguous);
        assert_eq!(created(&*backend, user("carol")).await, expected, "{name}");
        assert_eq!(sim.ledger().committed("CreateUser").len(), usize::from(made), "{name}");
        assert_eq!(sim.ledger().calls("CreateUser").len(), 1, "{name}");
    }
    // And where the directory does not answer either, it stays open.
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, false, "testsecret");
    sim.fault(Fault::on("CreateUser").after_commit().reset());
    sim.fault(Fault::on("DescribeActivityDirectoryUsers").always().status(503));
    assert_eq!(created(&*backend, user("carol")).await, Some(ErrorClass::Ambiguous));
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_none() {
    for info in [
        json!({"Name": "somebody", "Email": "a@b"}),
        json!([]),
        json!([{"Name": "carol"}, {"Name": "dave"}]),
        json!(7),
    ] {
        let shown = info.to_string();
        let vendor = examples_but(move |action| {
            (action == "CreateUser").then(|| Reply::ok(json!({"RequestId": "r", "UserInfo": info})))
        })
        .await;
        assert_eq!(
            created(&*at(&vendor), user("carol")).await,
            Some(ErrorClass::Ambiguous),
            "{shown}"
        );
    }
}
