//! What can be changed behind the client's back, also over the simulator's own HTTP interface.

use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, EditError, Kind};
use serde_json::{Value, json};

use super::client::{SITE, own_net, quick};

#[tokio::test]
async fn desktops_drift_and_vanish() {
    let (sim, client) = quick(Edition::Y2022).await;
    let net = own_net(&sim).id;
    let edit = async |change: Value| {
        let mut change = change;
        change["target"] = json!("capitalOnline");
        let url = format!("{}/_sim/edit", client.url);
        let answer = client.http.post(url).json(&change).send().await.unwrap();
        assert!(answer.status().is_success(), "{change}");
        answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let vm = edit(json!({"edit": "addVm", "net": net, "name": "console"})).await;
    assert_eq!(client.status(&vm).await, "using");
    edit(json!({"edit": "renameVm", "vm": vm, "name": "other"})).await;
    edit(json!({"edit": "setVmStatus", "vm": vm, "status": "asNeedExpired"})).await;
    edit(json!({"edit": "setVmLabel", "vm": vm, "label": "l"})).await;
    let user = json!({"edit": "addSubAccount", "account": "testid", "email": "a@example.com", "name": "a"});
    edit(user).await;
    edit(json!({"edit": "setVmUser", "vm": vm, "user": "a@example.com"})).await;
    edit(json!({"edit": "setVmExpiry", "vm": vm, "at": "2098-01-01T00:00:00Z"})).await;
    edit(json!({"edit": "renameSubAccount", "user": "a@example.com", "name": "b"})).await;
    let row = client.call("QueryVm", json!({"vmId": vm})).await;
    assert_eq!(row["vmName"], "other");
    assert_eq!(row["status"], "asNeedExpired");
    assert_eq!(row["label"], "l");
    assert_eq!(row["accountName"], "b");
    assert_eq!(
        (&row["billMethod"], &row["expireTime"]),
        (&json!(1), &json!("2098-01-01T00:00:00.000+0000"))
    );
    edit(json!({"edit": "deleteSubAccount", "user": "a@example.com"})).await;
    assert_eq!(client.call("QueryVm", json!({"vmId": vm})).await["accountEmail"], "");
    edit(json!({"edit": "deleteVm", "vm": "other"})).await;
    assert_eq!(client.refused("QueryVm", json!({"vmId": vm})).await, "10006");
    assert!(sim.ledger().existing(Kind::Instance).is_empty());
}

#[tokio::test]
async fn networks_images_and_people_drift() {
    let (sim, client) = quick(Edition::Y2022).await;
    let net = sim
        .edit(CapitalOnlineEdit::AddNet {
            account: "testid".to_owned(),
            site: SITE.to_owned(),
            name: "实验室".to_owned(),
        })
        .unwrap();
    sim.edit(CapitalOnlineEdit::SetNetStatus {
        net: net.clone(),
        status: "erro".to_owned(),
    })
    .unwrap();
    let nets = client.call("GetCustomNet", json!({"siteId": SITE})).await;
    let found = nets
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["vpcId"] == net.as_str())
        .unwrap();
    assert_eq!(found["subnets"][0]["status"], "erro");
    assert_eq!(found["subnets"][0]["status_str"], "错误");
    sim.edit(CapitalOnlineEdit::DeleteNet { net }).unwrap();
    let nets = client.call("GetCustomNet", json!({"siteId": SITE})).await;
    assert_eq!(nets.as_array().unwrap().len(), 1);

    let image = sim
        .edit(CapitalOnlineEdit::AddImage {
            account: "testid".to_owned(),
            name: "golden".to_owned(),
        })
        .unwrap();
    sim.edit(CapitalOnlineEdit::SetImageStatus {
        image: image.clone(),
        site: SITE.to_owned(),
        status: None,
    })
    .unwrap();
    let listed = client.call("QueryImages", json!({"siteId": SITE})).await;
    assert!(!listed.to_string().contains(&image));
    let listed = client.call("QueryImages", json!({})).await;
    assert!(listed.to_string().contains(&image));

    sim.edit(CapitalOnlineEdit::AddSubAccount {
        account: "testid".to_owned(),
        email: "a@example.com".to_owned(),
        name: "a".to_owned(),
    })
    .unwrap();
    sim.edit(CapitalOnlineEdit::SetSubAccountStatus {
        user: "a@example.com".to_owned(),
        status: "error".to_owned(),
    })
    .unwrap();
    let people = client.call("QuerySubAccounts", json!({})).await;
    assert_eq!(people[0]["status"], "error");
}

#[tokio::test]
async fn what_does_not_exist_cannot_be_changed() {
    let (sim, _client) = quick(Edition::Y2022).await;
    let missing = sim.edit(CapitalOnlineEdit::DeleteVm {
        vm: "nobody".to_owned(),
    });
    assert_eq!(missing, Err(EditError::NotFound("desktop nobody".to_owned())));
}
