//! Changes behind the client's back, from within and over HTTP.

use desktop_operator::sim::{CloudDesktopEdit, Edit, Kind};
use serde_json::{Value, json};

use super::client::start;
use crate::sim_client::{strict, text};

#[tokio::test]
async fn what_is_changed_by_hand_shows_on_the_wire_and_not_in_the_ledger() {
    let (sim, client) = start(strict()).await;
    let id = client.desktop(&sim, &[]).await;
    let before = sim.ledger().position();
    let desktop = || id.clone();
    for edit in [
        CloudDesktopEdit::RenameDesktop {
            desktop: desktop(),
            name: "theirs".to_owned(),
        },
        CloudDesktopEdit::SetDesktopStatus {
            desktop: "theirs".to_owned(),
            status: "Levitating".to_owned(),
        },
        CloudDesktopEdit::SetUser {
            desktop: desktop(),
            user_name: "bob".to_owned(),
            user_group: "Administrators".to_owned(),
        },
        CloudDesktopEdit::SetDesktopImage {
            desktop: desktop(),
            image_id: "img-win2016".to_owned(),
        },
        CloudDesktopEdit::SetExpiry {
            desktop: desktop(),
            at: Some("2031-02-03T04:05:06Z".parse().unwrap()),
        },
    ] {
        assert_eq!(sim.edit(edit).unwrap(), id);
    }
    let row = client.call("DescribeDesktops", &[]).await["Desktops"][0].clone();
    let expected = json!({
        "DesktopName": "theirs", "Status": "Levitating", "UserName": "bob", "UserGroup": "Administrators",
        "ImageId": "img-win2016", "ExpiredDate": "2031-02-03 12:05:06", "DesktopChargeType": "PREPAY",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&row[field], value, "{field}");
    }
    assert!(sim.ledger().writes_since(before).is_empty());
    sim.edit(CloudDesktopEdit::DeleteDesktop { desktop: desktop() })
        .unwrap();
    assert_eq!(client.call("DescribeDesktops", &[]).await["Total"], 0);
    assert!(
        sim.edit(CloudDesktopEdit::DeleteDesktop { desktop: desktop() })
            .is_err()
    );
}

#[tokio::test]
async fn users_images_and_stock_can_be_changed_by_hand() {
    let (sim, client) = start(strict()).await;
    let account = || "testid".to_owned();
    sim.edit(CloudDesktopEdit::AddUser {
        account: account(),
        name: "nomail".to_owned(),
        email: "now@corp.example".to_owned(),
    })
    .unwrap();
    client.desktop(&sim, &[]).await;
    sim.edit(CloudDesktopEdit::DeleteUser {
        account: account(),
        name: "nomail".to_owned(),
    })
    .unwrap();
    let found = client
        .call("DescribeActivityDirectoryUsers", &[("userName", "nomail")])
        .await;
    assert_eq!(found["Users"], json!([]));
    sim.edit(CloudDesktopEdit::SetMakeable {
        account: account(),
        user: "dave".to_owned(),
        makeable: false,
    })
    .unwrap();
    let dave = [("UserName", "dave"), ("Email", "dave@corp.example")];
    let failed = (200, "Create user #dave# failed!".to_owned());
    assert_eq!(client.refused("CreateUser", &dave).await, failed);

    let image = sim
        .edit(CloudDesktopEdit::AddImage {
            account: account(),
            name: "golden".to_owned(),
            desktop_type: "common".to_owned(),
        })
        .unwrap();
    sim.edit(CloudDesktopEdit::SetImageStatus {
        image: "golden".to_owned(),
        status: "Creating".to_owned(),
        progress: 40,
    })
    .unwrap();
    let row = client.call("DescribeImages", &[("ImageId", &image)]).await["Images"][0].clone();
    assert_eq!((&row["Status"], &row["Process"]), (&json!("Creating"), &json!("40%")));
    sim.edit(CloudDesktopEdit::DeleteImage { image }).unwrap();
    assert_eq!(client.call("DescribeImages", &[]).await["Total"], 0);
}

#[tokio::test]
async fn edits_and_state_are_there_over_http() {
    let (sim, client) = start(strict()).await;
    let edit = json!({"target": "cloudDesktop", "edit": "addDesktop", "account": "testid", "name": "orphan"});
    assert!(matches!(
        serde_json::from_value(edit.clone()).unwrap(),
        Edit::CloudDesktop(CloudDesktopEdit::AddDesktop { .. })
    ));
    let post = client.0.http.post(format!("{}/_sim/edit", sim.url())).json(&edit);
    let made: Value = post.send().await.unwrap().json().await.unwrap();
    let state = client.0.http.get(format!("{}/_sim/state", sim.url()));
    let state: Value = state.send().await.unwrap().json().await.unwrap();
    let id = text(&made, "id");
    assert_eq!(state["cloudDesktop"]["desktops"][&id]["name"], "orphan");
    let ledger = sim.ledger();
    assert_eq!(
        (
            ledger.existing(Kind::Instance).len(),
            ledger.ever_created(Kind::Instance).len()
        ),
        (1, 0)
    );
}
