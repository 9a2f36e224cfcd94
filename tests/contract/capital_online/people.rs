//! Sub-accounts: one or many at once, their names and remarks.

use desktop_operator::backend::{ErrorClass, UserSpec};
use desktop_operator::sim::Fault;
use desktop_operator::sim::capital_online::Edition;
use serde_json::json;

use super::backend::start;
use super::vendor::Vendor;

fn person(name: &str, remark: Option<&str>) -> UserSpec {
    UserSpec {
        name: name.to_owned(),
        email: Some(format!("{name}@example.com")),
        remark: remark.map(str::to_owned),
    }
}

#[tokio::test]
async fn one_is_made_and_becomes_usable() {
    for edition in [Edition::Y2022, Edition::Y2023] {
        let (sim, backend) = start(edition).await;
        assert!(backend.list_users().await.unwrap().is_empty());
        assert_eq!(backend.create_users(&[person("a", Some("r"))]).await.unwrap(), [Ok(())]);
        assert_eq!(sim.ledger().committed("CreateSubAccount").len(), 1);
        sim.wait_for(|world| {
            let mut users = world.capital_online.sub_accounts.values();
            users.all(|user| user.status == "create")
        })
        .await
        .unwrap();
        let users = backend.list_users().await.unwrap();
        assert!(users[0].usable);
        assert_eq!(users[0].remark.as_deref(), Some("r"));
        assert_eq!(users[0].email.as_deref(), Some("a@example.com"));
        // The newer edition lists passwords, which go no further.
        assert!(!format!("{users:?}").contains("Generated"));
    }
}

#[tokio::test]
async fn many_are_made_in_one_call_and_each_has_its_own_outcome() {
    let (sim, backend) = start(Edition::Y2022).await;
    backend.create_users(&[person("taken", None)]).await.unwrap();
    let nameless = UserSpec {
        name: "n".to_owned(),
        ..UserSpec::default()
    };
    let users = [
        person("a", None),
        nameless,
        person("taken", None),
        person("b", Some(&"x".repeat(31))),
        person("c", Some(&"研".repeat(30))),
    ];
    let made = backend.create_users(&users).await.unwrap();
    let classes: Vec<_> = made
        .iter()
        .map(|made| made.as_ref().err().map(|error| error.class))
        .collect();
    let invalid = Some(ErrorClass::Invalid);
    assert_eq!(classes, [None, invalid, invalid, invalid, None]);
    assert_eq!(sim.ledger().calls("CreateSubAccounts").len(), 1);
    let sent = sim.ledger();
    let sent = sent.calls("CreateSubAccounts");
    assert!(sent[0].param("createAccountParams.2.email").is_some());
    assert!(sent[0].param("createAccountParams.3.email").is_none());
}

#[tokio::test]
async fn an_answer_that_does_not_account_for_all_is_in_doubt() {
    for data in [
        json!(null),
        json!({"successNum": 1, "failedNum": 0, "failedMsgs": []}),
        json!({"successNum": 1, "failedNum": 1, "failedMsgs": []}),
        json!({"successNum": 1, "failedNum": 1, "failedMsgs": [{"email": "x@example.com", "messsage": "m"}]}),
        json!({"failedNum": 0, "failedMsgs": []}),
        json!({"successNum": "two"}),
    ] {
        let vendor = Vendor::saying(data.clone()).await;
        let users = [person("a", None), person("b", None)];
        let error = vendor.backend(Edition::Y2022).create_users(&users).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{data}");
        vendor.only("CreateSubAccounts");
    }
    let data =
        json!({"successNum": "1", "failedNum": "1", "failedMsgs": [{"email": "b@example.com", "messsage": "m"}]});
    let vendor = Vendor::saying(data).await;
    let users = [person("a", None), person("b", None)];
    let made = vendor.backend(Edition::Y2022).create_users(&users).await.unwrap();
    assert!(made[0].is_ok() && made[1].is_err());
}

#[tokio::test]
async fn names_and_remarks() {
    let (sim, backend) = start(Edition::Y2022).await;
    backend
        .create_users(&[person("a", None), person("b", None)])
        .await
        .unwrap();
    sim.wait_for(|world| {
        let mut users = world.capital_online.sub_accounts.values();
        users.all(|user| user.status == "create")
    })
    .await
    .unwrap();
    let emails = ["a@example.com".to_owned(), "b@example.com".to_owned()];
    backend.rename_user(&emails[0], "研发").await.unwrap();
    backend.remark_users(&emails, "r").await.unwrap();
    let users = backend.list_users().await.unwrap();
    assert!(users.iter().all(|user| user.remark.as_deref() == Some("r")));
    assert!(users.iter().any(|user| user.name == "研发"));
    let error = backend.rename_user("x@example.com", "x").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound);
    let error = backend.remark_users(&emails, &"x".repeat(31)).await.unwrap_err();
    assert_eq!((error.class, error.code), (ErrorClass::Invalid, None));
    for (action, code) in [("ChangeSubAccountName", "10211"), ("ChangeSubAccountRemark", "11013")] {
        sim.fault(Fault::on(action).code(200, code, "words"));
    }
    assert_eq!(
        backend.rename_user(&emails[0], "x").await.unwrap_err().class,
        ErrorClass::Ambiguous
    );
    assert_eq!(
        backend.remark_users(&emails, "x").await.unwrap_err().class,
        ErrorClass::Ambiguous
    );
}

#[tokio::test]
async fn a_creation_that_fails_or_whose_answer_is_lost() {
    let (sim, backend) = start(Edition::Y2022).await;
    sim.fault(Fault::on("CreateSubAccount").after_commit().reset());
    let made = backend.create_users(&[person("a", None)]).await.unwrap();
    assert_eq!(made[0].as_ref().unwrap_err().class, ErrorClass::Ambiguous);
    let made = backend.create_users(&[person("a", None)]).await.unwrap();
    // The code for an address that is taken says as little as that.
    assert_eq!(made[0].as_ref().unwrap_err().code.as_deref(), Some("11000"));
    assert_eq!(made[0].as_ref().unwrap_err().class, ErrorClass::Ambiguous);
    assert_eq!(backend.list_users().await.unwrap().len(), 1);
}
