//! Desktops of the simulator change state as time passes and refuse what their state does not allow.

use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, Kind, Sim};
use serde_json::{Value, json};

use super::client::{
    Client, IMAGE, OFFICE_IMAGE, OTHER_IMAGE, OTHER_SITE, PRODUCT, SECOND, SITE, SMALL, own_net, pass, still, uuid,
    vm_params, vm_params_with,
};

/// A desktop that is on.
pub async fn on(sim: &Sim, client: &Client, name: &str) -> String {
    let vm = client.create(sim, name).await;
    pass(sim, 3 * SECOND);
    vm
}

/// A desktop that is off.
pub async fn off(sim: &Sim, client: &Client, name: &str) -> String {
    let vm = on(sim, client, name).await;
    client.call("OperateVm", json!({"action": "off", "vmIds": [vm]})).await;
    pass(sim, SECOND);
    vm
}

/// A usable sub-account's id.
fn person(sim: &Sim, email: &str) -> String {
    sim.edit(CapitalOnlineEdit::AddSubAccount {
        account: "testid".to_owned(),
        email: email.to_owned(),
        name: email.split('@').next().unwrap().to_owned(),
    })
    .unwrap()
}

fn set_status(sim: &Sim, vm: &str, status: &str) {
    sim.edit(CapitalOnlineEdit::SetVmStatus {
        vm: vm.to_owned(),
        status: status.to_owned(),
    })
    .unwrap();
}

#[tokio::test]
async fn a_desktop_lives_from_configuring_to_gone() {
    let (sim, client) = still(Edition::Y2022).await;
    let request_id = uuid();
    let mut params = vm_params(&sim, "alice");
    params["requestId"] = json!(request_id);
    let created = client.call("CreateVm", params).await;
    let (vm, task) = (created["vmIds"][0].as_str().unwrap(), &created["taskId"]);
    assert!(created["requestContent"].as_str().unwrap().contains("alice"));
    let ask = json!({"taskId": task, "requestId": request_id});
    assert_eq!(client.call("QueryTask", ask.clone()).await["status"], "Running");
    assert_eq!(
        client
            .refused("QueryTask", json!({"taskId": task, "requestId": uuid()}))
            .await,
        "10006"
    );
    assert_eq!(
        client
            .refused("QueryTask", json!({"taskId": uuid(), "requestId": request_id}))
            .await,
        "10006"
    );

    assert_eq!(client.status(vm).await, "configuring");
    assert_eq!(client.refused("DeleteVm", json!({"vmId": vm})).await, "13002");
    pass(&sim, 3 * SECOND);
    assert_eq!(client.call("QueryTask", ask).await["status"], "Completed");
    let row = client.call("QueryVm", json!({"vmId": vm})).await;
    assert_eq!(
        (&row["status"], &row["vmName"], &row["billMethod"], &row["expireTime"]),
        (
            &json!("using"),
            &json!("alice"),
            &json!(0),
            &json!("2098-12-31T16:00:00.000+0000")
        )
    );
    assert!(row["eip"].as_str().unwrap().starts_with("电信:"));
    assert!(row["privateIp"].as_str().unwrap().starts_with("vlan"));
    assert!(row.get("vmId").is_none() && row.get("imageId").is_none());

    for (action, during, after) in [
        ("reboot", "rebooting", "using"),
        ("off", "stoping", "stop"),
        ("on", "starting", "using"),
    ] {
        client.call("OperateVm", json!({"action": action, "vmIds": [vm]})).await;
        assert_eq!(client.status(vm).await, during);
        assert_eq!(
            client
                .refused("OperateVm", json!({"action": action, "vmIds": [vm]}))
                .await,
            "13002"
        );
        pass(&sim, SECOND);
        assert_eq!(client.status(vm).await, after);
    }

    client.call("DeleteVm", json!({"vmId": vm})).await;
    assert_eq!(client.status(vm).await, "deleteing");
    assert_eq!(client.call("QueryVms", json!({})).await["vmIds"], json!([vm]));
    assert_eq!(client.refused("DeleteVm", json!({"vmId": vm})).await, "13002");
    pass(&sim, SECOND * 3 / 4);
    assert_eq!(client.status(vm).await, "deleted");
    assert_eq!(client.call("QueryVms", json!({})).await["vmIds"], json!([]));
    pass(&sim, SECOND);
    for action in ["QueryVm", "DeleteVm"] {
        assert_eq!(client.refused(action, json!({"vmId": vm})).await, "10006");
    }
    assert!(sim.ledger().existing(Kind::Instance).is_empty());
}

#[tokio::test]
async fn what_cannot_be_made_is_refused() {
    let (sim, client) = still(Edition::Y2022).await;
    let net = own_net(&sim);
    for (own, code) in [
        (json!({"requestId": "1"}), "10003"),
        (json!({"name": null}), "10003"),
        (json!({"qos": null}), "10003"),
        (json!({"qos": "fast"}), "10003"),
        (json!({"num": "0"}), "10003"),
        (json!({"hostNo": "0"}), "10003"),
        (json!({"billCycle": "week"}), "10003"),
        (json!({"isToMonth": "2"}), "10003"),
        (json!({"isAutoRenewal": "yes"}), "10003"),
        (json!({"moneyType": "EU"}), "10003"),
        (json!({"siteId": uuid()}), "10006"),
        (json!({"productId": uuid()}), "10006"),
        // Not offered at this site.
        (json!({"siteId": OTHER_SITE, "productId": SMALL}), "10006"),
        (json!({"imageId": uuid()}), "10006"),
        (json!({"imageId": OFFICE_IMAGE}), "10006"),
        // There, but not usable there.
        (json!({"siteId": OTHER_SITE, "imageId": OTHER_IMAGE}), "13001"),
        (json!({"vpcId": uuid()}), "13505"),
        // A network of another site.
        (json!({"siteId": OTHER_SITE}), "13505"),
        (json!({"subnetNetId": net.gateways[0].id}), "13505"),
        (json!({"vGatewayNetId": null}), "10003"),
        (json!({"vGatewayConfId": null}), "10003"),
        (json!({"vGatewayConfId": "10307"}), "13505"),
        (json!({"vGatewayNetId": net.subnets[0].id}), "13505"),
    ] {
        let params = vm_params_with(&sim, &own);
        assert_eq!(client.refused("CreateVm", params).await, code, "{own}");
    }
    for (cycle, code) in [("minute", "12502"), ("month", "12501")] {
        sim.edit(CapitalOnlineEdit::SetQuota {
            cycle: cycle.to_owned(),
            used_up: true,
        })
        .unwrap();
        let params = vm_params_with(&sim, &json!({"billCycle": cycle}));
        assert_eq!(client.refused("CreateVm", params).await, code);
        sim.edit(CapitalOnlineEdit::SetQuota {
            cycle: cycle.to_owned(),
            used_up: false,
        })
        .unwrap();
    }
    sim.edit(CapitalOnlineEdit::SetStock {
        product: PRODUCT.to_owned(),
        in_stock: false,
    })
    .unwrap();
    assert_eq!(client.refused("CreateVm", vm_params(&sim, "a")).await, "13000");
    assert!(sim.ledger().ever_created(Kind::Instance).is_empty());
}

#[tokio::test]
async fn both_spellings_of_the_gateway_and_native_numbers_are_taken() {
    let (sim, client) = still(Edition::Y2022).await;
    let mut params = vm_params_with(&sim, &json!({"num": 1, "qos": 5}));
    for (table, sample) in [("vGatewayNetId", "vgatewayNetId"), ("vGatewayConfId", "vgatewayConfId")] {
        let value = params.as_object_mut().unwrap().remove(table).unwrap();
        params[sample] = value;
    }
    client.call("CreateVm", params).await;
}

#[tokio::test]
async fn several_at_once_are_numbered_from_the_second_on() {
    let (sim, client) = still(Edition::Y2022).await;
    let params = vm_params_with(&sim, &json!({"num": "3", "hostNo": "8", "name": "class"}));
    let ids = client.call("CreateVm", params).await["vmIds"].clone();
    let mut names = Vec::new();
    for id in ids.as_array().unwrap() {
        names.push(client.call("QueryVm", json!({"vmId": id})).await["vmName"].clone());
    }
    assert_eq!(names, ["class", "class_008", "class_009"]);
}

#[tokio::test]
async fn the_same_request_id_twice_makes_two_desktops() {
    let (sim, client) = still(Edition::Y2022).await;
    let params = vm_params_with(&sim, &json!({"requestId": uuid()}));
    client.call("CreateVm", params.clone()).await;
    client.call("CreateVm", params).await;
    assert_eq!(sim.ledger().ever_created(Kind::Instance).len(), 2);
}

#[tokio::test]
async fn a_new_image_wipes_the_disk_of_a_desktop_that_is_off() {
    let (sim, client) = still(Edition::Y2022).await;
    let vm = on(&sim, &client, "a").await;
    let rebuild = json!({"vmId": vm, "imageId": OTHER_IMAGE});
    assert_eq!(client.refused("RebuildVm", rebuild.clone()).await, "13004");
    client.call("OperateVm", json!({"action": "off", "vmIds": [vm]})).await;
    pass(&sim, SECOND);
    for (own, code) in [
        (json!({"vmId": uuid(), "imageId": OTHER_IMAGE}), "10006"),
        (json!({"vmId": vm, "imageId": uuid()}), "10006"),
        (json!({"vmId": vm}), "10003"),
    ] {
        assert_eq!(client.refused("RebuildVm", own).await, code);
    }
    sim.read(|world| assert_eq!(world.capital_online.vms[&vm].wipes, 0));

    client.call("RebuildVm", rebuild.clone()).await;
    assert_eq!(client.status(&vm).await, "configuring");
    assert_eq!(client.refused("RebuildVm", rebuild).await, "13004");
    pass(&sim, 4 * SECOND);
    sim.read(|world| {
        let vm = &world.capital_online.vms[&vm];
        assert_eq!(
            (vm.wipes, vm.image_id.as_str(), vm.status.as_str()),
            (1, OTHER_IMAGE, "stop")
        );
    });
    let synchronizing = json!({"vmId": vm, "imageId": IMAGE});
    sim.edit(CapitalOnlineEdit::SetImageStatus {
        image: IMAGE.to_owned(),
        site: SITE.to_owned(),
        status: Some("Synchronizing".to_owned()),
    })
    .unwrap();
    assert_eq!(client.refused("RebuildVm", synchronizing).await, "13002");
}

#[tokio::test]
async fn a_user_changes_only_while_the_desktop_is_off() {
    let (sim, client) = still(Edition::Y2022).await;
    let (alice, bob) = (person(&sim, "alice@example.com"), person(&sim, "bob@example.com"));
    let vm = on(&sim, &client, "a").await;
    let bind = |user: &str| json!({"vmIds": [vm], "accountId": user});
    let change = |user: &str| json!({"vmId": vm, "accountId": user});
    assert_eq!(client.refused("BindAccounts", bind(&uuid())).await, "13013");
    assert_eq!(client.refused("ChangeAccount", change(&uuid())).await, "13011");

    // The first bind is allowed on and off.
    client.call("BindAccounts", bind(&alice)).await;
    let row = client.call("QueryVm", json!({"vmId": vm})).await;
    assert_eq!(
        (&row["accountName"], &row["accountEmail"]),
        (&json!("alice"), &json!("alice@example.com"))
    );
    let found = client.call("QueryVms", json!({"email": "alice@example.com"})).await;
    assert_eq!(found["vmIds"], json!([vm]));
    assert_eq!(client.refused("BindAccounts", bind(&bob)).await, "13013");
    assert_eq!(client.refused("ChangeAccount", change(&bob)).await, "13011");
    assert_eq!(client.refused("UnbindAccounts", json!({"vmIds": [vm]})).await, "13012");
    client.call("OperateVm", json!({"action": "off", "vmIds": [vm]})).await;
    assert_eq!(client.refused("ChangeAccount", change(&bob)).await, "13011");
    pass(&sim, SECOND);
    client.call("ChangeAccount", change(&bob)).await;
    let people = client.call("QuerySubAccounts", json!({"email": "bob"})).await;
    assert_eq!(
        (&people[0]["accountId"], &people[0]["bindNum"]),
        (&json!(bob), &json!(1))
    );
    client.call("UnbindAccounts", json!({"vmIds": [vm]})).await;
    client.call("ChangeAccount", change(&alice)).await;
    sim.read(|world| assert_eq!(world.capital_online.vms[&vm].user.as_deref(), Some(alice.as_str())));
}

#[tokio::test]
async fn the_newer_edition_binds_each_that_it_can() {
    let (sim, client) = still(Edition::Y2023).await;
    let alice = person(&sim, "alice@example.com");
    let (a, b) = (on(&sim, &client, "a").await, on(&sim, &client, "b").await);
    let data = client
        .call("BindAccounts", json!({"vmIds": [a, "gcw-0"], "accountId": alice}))
        .await;
    assert_eq!((&data["successNum"], &data["failedNum"]), (&json!(1), &json!(1)));
    assert_eq!(data["failedMsgs"][0]["vmId"], "gcw-0");
    assert!(data["failedMsgs"][0]["messsage"].is_string());
    let data = client.call("UnbindAccounts", json!({"vmIds": [a, b]})).await;
    assert_eq!((&data["successNum"], &data["failedNum"]), (&json!(0), &json!(2)));

    client.call("OffAndUnbind", json!({"vmIds": [a]})).await;
    assert_eq!(client.status(&a).await, "stoping");
    pass(&sim, SECOND);
    assert_eq!(client.status(&a).await, "stop");
    sim.read(|world| assert_eq!(world.capital_online.vms[&a].user, None));
    set_status(&sim, &b, "netErr");
    client.call("ConfigNet", json!({"vmIds": [b]})).await;
    pass(&sim, SECOND);
    assert_eq!(client.status(&b).await, "using");
    assert_eq!(client.refused("ConfigNet", json!({"vmIds": [b]})).await, "13002");
}

#[tokio::test]
async fn orders_may_succeed_in_part() {
    let (sim, client) = still(Edition::Y2022).await;
    let (a, b) = (on(&sim, &client, "a").await, on(&sim, &client, "b").await);
    assert_eq!(client.refused("RenewalOrder", json!({"vmIds": [a]})).await, "12504");
    assert_eq!(client.refused("UpdateOrder", json!({"vmIds": [uuid()]})).await, "10006");
    assert_eq!(client.refused("UpdateOrder", json!({"vmIds": []})).await, "10003");
    assert_eq!(
        client
            .refused("UpdateOrder", json!({"vmIds": [a], "duration": "0"}))
            .await,
        "10003"
    );
    sim.edit(CapitalOnlineEdit::RefuseOrders {
        vm: b.clone(),
        refuse: true,
    })
    .unwrap();
    let data = client
        .call(
            "UpdateOrder",
            json!({"vmIds": [a, b], "duration": "3", "isAutoRenewal": "0"}),
        )
        .await;
    assert_eq!(
        (&data["successVmIds"], &data["failedVmIds"]),
        (&json!([a]), &json!([b]))
    );
    assert_ne!(data["failedMsg"], "");
    assert_eq!(client.refused("UpdateOrder", json!({"vmIds": [a]})).await, "12503");
    let row = client.call("QueryVm", json!({"vmId": a})).await;
    assert_eq!(row["billMethod"], 1);
    let end = row["expireTime"].as_str().unwrap().to_owned();
    assert!(end.ends_with(".000+0000") || end.contains('.'), "{end}");
    client
        .call("RenewalOrder", json!({"vmIds": [a], "isAutoRenewal": "0"}))
        .await;
    let later = client.call("QueryVm", json!({"vmId": a})).await["expireTime"].clone();
    assert!(later.as_str().unwrap() > end.as_str());
    sim.read(|world| assert!(!world.capital_online.vms[&a].auto_renew));
    // The default of this call, unlike that of the other.
    client.call("RenewalOrder", json!({"vmIds": [a]})).await;
    sim.read(|world| assert!(world.capital_online.vms[&a].auto_renew));
    sim.edit(CapitalOnlineEdit::SetQuota {
        cycle: "month".to_owned(),
        used_up: true,
    })
    .unwrap();
    assert_eq!(client.refused("UpdateOrder", json!({"vmIds": [b]})).await, "12501");
}

#[tokio::test]
async fn a_term_ends() {
    const DAY: u64 = 24 * 3600 * 1000;
    let (sim, client) = still(Edition::Y2022).await;
    let monthly = json!({"billCycle": "month", "duration": "1", "isAutoRenewal": "0"});
    let vm = client.call("CreateVm", vm_params_with(&sim, &monthly)).await["vmIds"][0].clone();
    let renewing = json!({"billCycle": "month", "isAutoRenewal": "1", "isToMonth": "1", "name": "b"});
    let other = client.call("CreateVm", vm_params_with(&sim, &renewing)).await["vmIds"][0].clone();
    pass(&sim, 20 * DAY);
    assert_eq!(client.status(vm.as_str().unwrap()).await, "using");
    pass(&sim, 12 * DAY);
    assert_eq!(client.status(vm.as_str().unwrap()).await, "asMonthExpiring");
    pass(&sim, SECOND);
    assert_eq!(client.status(vm.as_str().unwrap()).await, "asMonthExpired");
    assert_eq!(client.status(other.as_str().unwrap()).await, "using");
    let listed = client.call("QueryExpireVms", json!({})).await;
    let names: Vec<&Value> = listed.as_array().unwrap().iter().map(|row| &row["vmName"]).collect();
    assert!(names.contains(&&json!("a")), "{listed}");
    assert!(listed[0].get("vmId").is_none());
    assert_eq!(
        client
            .refused("OperateVm", json!({"action": "on", "vmIds": [vm]}))
            .await,
        "13002"
    );
    client
        .call("RenewalOrder", json!({"vmIds": [vm], "isAutoRenewal": "0"}))
        .await;
    assert_eq!(client.status(vm.as_str().unwrap()).await, "stop");
}

#[tokio::test]
async fn names_and_labels() {
    let (sim, client) = still(Edition::Y2022).await;
    let (a, b) = (on(&sim, &client, "a").await, on(&sim, &client, "b").await);
    client
        .call("ChangeVmName", json!({"vmId": a, "name": "openapi_改名"}))
        .await;
    client
        .call("UpdateVmLabels", json!({"vmIds": [a, b], "label": "备注"}))
        .await;
    let row = client.call("QueryVm", json!({"vmId": a})).await;
    assert_eq!(
        (&row["vmName"], &row["label"]),
        (&json!("openapi_改名"), &json!("备注"))
    );
    assert_eq!(
        client
            .refused("ChangeVmName", json!({"vmId": uuid(), "name": "x"}))
            .await,
        "10006"
    );
    assert_eq!(
        client
            .refused("UpdateVmLabels", json!({"vmIds": [a, uuid()], "label": "x"}))
            .await,
        "13015"
    );
}
