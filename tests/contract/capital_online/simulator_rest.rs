//! Networks, people, prices and tasks of the simulator.

use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, SimConfig};
use serde_json::{Value, json};

use super::client::{OTHER_IMAGE, PRODUCT, SECOND, SITE, begin, pass, quick, still, uuid, vm_params_with};
use super::simulator::{off, on};

#[tokio::test]
async fn the_default_network_is_made_broken_and_repaired() {
    let (sim, client) = still(Edition::Y2022).await;
    let at = json!({"siteId": SITE});
    assert_eq!(client.call("GetDefaultNet", at.clone()).await, Value::Null);
    assert_eq!(client.refused("SupplyDefaultNet", at.clone()).await, "13506");
    for action in ["CreateDefaultNet", "SupplyDefaultNet", "GetDefaultNet", "GetCustomNet"] {
        assert_eq!(client.refused(action, json!({"siteId": uuid()})).await, "10006");
        assert_eq!(client.refused(action, json!({})).await, "10003");
    }
    client.call("CreateDefaultNet", at.clone()).await;
    assert_eq!(client.refused("CreateDefaultNet", at.clone()).await, "13500");
    let net = client.call("GetDefaultNet", at.clone()).await;
    assert_eq!(net["subnets"][0]["status"], "creating");
    assert_eq!(client.refused("SupplyDefaultNet", at.clone()).await, "13506");
    pass(&sim, 2 * SECOND);
    let net = client.call("GetDefaultNet", at.clone()).await;
    assert_eq!(net["subnets"][0]["status"], "ok");
    assert_eq!(net["vgateways"].as_array().unwrap().len(), 2);
    assert_eq!(net["vgateways"][0]["conf_id"], "10289");
    assert!(net["subnets"][0]["dns"].as_str().unwrap().starts_with("[\""));

    sim.edit(CapitalOnlineEdit::BreakNet {
        net: net["vpcId"].as_str().unwrap().to_owned(),
    })
    .unwrap();
    let broken = client.call("GetDefaultNet", at.clone()).await;
    assert_eq!(
        (broken["subnets"].clone(), broken["vgateways"].as_array().unwrap().len()),
        (json!([]), 1)
    );
    client.call("SupplyDefaultNet", at.clone()).await;
    pass(&sim, 2 * SECOND);
    let whole = client.call("GetDefaultNet", at.clone()).await;
    assert_eq!(whole["vpcId"], net["vpcId"]);
    assert_eq!(whole["vgateways"].as_array().unwrap().len(), 2);
    let custom = client.call("GetCustomNet", at).await;
    assert_eq!(custom.as_array().unwrap().len(), 1);
    assert_ne!(custom[0]["vpcId"], net["vpcId"]);
}

#[tokio::test]
async fn the_newer_edition_has_a_network_for_each_line() {
    let (sim, client) = still(Edition::Y2023).await;
    assert_eq!(
        client.refused("GetVpcBandwidth", json!({"siteId": uuid()})).await,
        "13507"
    );
    let lines = client.call("GetVpcBandwidth", json!({"siteId": SITE})).await;
    assert_eq!(lines[1], json!({"conf_id": 10298, "conf_name": "移动"}));
    let at = |line: &str| json!({"siteId": SITE, "bandwidthConfIdStr": line});
    assert_eq!(client.refused("GetDefaultNet", json!({"siteId": SITE})).await, "10003");
    client.call("CreateDefaultNet", at("10289")).await;
    client.call("CreateDefaultNet", at("10298")).await;
    assert_eq!(client.refused("CreateDefaultNet", at("10298")).await, "13500");
    pass(&sim, 2 * SECOND);
    let net = client.call("GetDefaultNet", at("10298")).await;
    assert_eq!(
        (&net["bandwidth_conf_id"], &net["bandwidth_conf_name"]),
        (&json!("10298"), &json!("移动"))
    );
    assert!(net.get("vgateways").is_none());
    assert_eq!(client.call("GetDefaultNet", at("10307")).await, Value::Null);

    let own = json!({"vpcId": net["vpcId"], "subnetNetId": net["subnets"][0]["id"], "sysVolume": "ssd"});
    for (size, code) in [("100", "10003"), ("72", "10003"), ("many", "10003")] {
        let mut params = vm_params_with(&sim, &own);
        params["sysVolumeSize"] = json!(size);
        assert_eq!(client.refused("CreateVm", params).await, code, "{size}");
    }
    let mut params = vm_params_with(&sim, &own);
    params["sysVolumeSize"] = json!("80");
    let vm = client.call("CreateVm", params).await["vmIds"][0].clone();
    assert!(vm.as_str().unwrap().starts_with("gcw-"));
    let products = client.call("QueryProducts", json!({"siteId": SITE})).await;
    assert_eq!(products[0]["isAllowSsd"], 1);
    assert!(products[0].get("os").is_none());
}

#[tokio::test]
async fn people_are_made_renamed_and_refused() {
    let (sim, client) = still(Edition::Y2022).await;
    let long = "x".repeat(31);
    for (own, code) in [
        (json!({"name": "a"}), "10003"),
        (json!({"name": "a", "email": "nowhere"}), "10003"),
        (json!({"email": "a@example.com"}), "10003"),
        (json!({"name": "a", "email": "a@example.com", "remark": long}), "10003"),
    ] {
        assert_eq!(client.refused("CreateSubAccount", own).await, code);
    }
    let made = client
        .call("CreateSubAccount", json!({"name": "a", "email": "a@example.com"}))
        .await;
    assert_eq!(made, Value::Null);
    let again = json!({"name": "a", "email": "a@example.com"});
    assert_eq!(client.refused("CreateSubAccount", again).await, "11000");
    let status = async || client.call("QuerySubAccounts", json!({})).await[0]["status"].clone();
    assert_eq!(status().await, "creating");
    let rename = json!({"email": "a@example.com", "name": "b"});
    let remark = json!({"emails": ["a@example.com"], "remark": "r"});
    assert_eq!(client.refused("ChangeSubAccountName", rename.clone()).await, "10211");
    assert_eq!(client.refused("ChangeSubAccountRemark", remark.clone()).await, "11013");
    pass(&sim, SECOND);
    assert_eq!(status().await, "create");
    client.call("ChangeSubAccountName", rename).await;
    client.call("ChangeSubAccountRemark", remark).await;
    assert_eq!(
        client
            .refused(
                "ChangeSubAccountRemark",
                json!({"emails": ["a@example.com"], "remark": long})
            )
            .await,
        "10003"
    );
    assert_eq!(
        client
            .refused("ChangeSubAccountName", json!({"email": "x@example.com", "name": "b"}))
            .await,
        "10006"
    );
    let batch = json!([
        {"name": "c", "email": "c@example.com", "remark": "new"},
        {"name": "d", "email": "d@example.com", "remark": long},
        {"name": "e", "email": "a@example.com"},
    ]);
    let data = client
        .call("CreateSubAccounts", json!({"createAccountParams": batch}))
        .await;
    assert_eq!((&data["successNum"], &data["failedNum"]), (&json!(1), &json!(2)));
    assert_eq!(data["failedMsgs"][0]["email"], "d@example.com");
    assert!(data["failedMsgs"][0]["messsage"].as_str().unwrap().contains("30"));
    assert_eq!(
        client
            .refused("CreateSubAccounts", json!({"createAccountParams": []}))
            .await,
        "10003"
    );
    sim.read(|world| {
        let user = world.capital_online.sub_account("a@example.com").unwrap();
        assert_eq!((user.name.as_str(), user.remark.as_str()), ("b", "r"));
    });
    let (_sim, newer) = quick(Edition::Y2023).await;
    for password in ["short1A", "nodigitsHere", "noupper123"] {
        let own = json!({"name": "a", "email": "a@example.com", "password": password});
        assert_eq!(newer.refused("CreateSubAccount", own).await, "10003");
    }
}

#[tokio::test]
async fn prices_and_catalogs() {
    let (_sim, client) = still(Edition::Y2022).await;
    let sites = client.call("QuerySites", json!({})).await;
    assert_eq!(sites.as_array().unwrap().len(), 2);
    let products = client.call("QueryProducts", json!({"siteId": SITE})).await;
    let goods = &products[0]["goodsId"];
    let ask = |own: Value| {
        let mut params = json!({"siteId": SITE, "goodsId": goods.to_string()});
        params.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        params
    };
    let price = async |own: Value| client.call("QueryVmPrice", ask(own)).await["tradeAmount"].clone();
    assert_eq!(price(json!({})).await, 11.21);
    assert_eq!(
        price(json!({"billCycle": "month", "duration": "2", "num": "3"})).await,
        20184.0
    );
    for (own, code) in [
        (json!({"billCycle": "century"}), "10003"),
        (json!({"siteId": uuid()}), "10006"),
        (json!({"goodsId": "1"}), "12505"),
    ] {
        assert_eq!(client.refused("QueryVmPrice", ask(own)).await, code);
    }
    let schemes = client.call("GetLineBillingScheme", json!({"siteId": SITE})).await;
    assert_eq!(schemes[0]["conf_id"], 10289);
    let eip = json!({"siteId": SITE, "size": "1", "bandwidthConfId": "10289", "qos": "5"});
    let prices = client.call("GetEipPrice", eip.clone()).await;
    assert_eq!(
        (&prices["total_price"]["price"], &prices["total_price"]["price_str"]),
        (&json!(2.0), &json!("2.00"))
    );
    let mut wrong = eip;
    wrong["bandwidthConfId"] = json!("1");
    assert_eq!(client.refused("GetEipPrice", wrong).await, "13503");

    let images = client.call("QueryImages", json!({"productId": PRODUCT})).await;
    assert_eq!(images[0]["publicImages"].as_array().unwrap().len(), 2);
    assert_eq!(images[0]["privateImages"][0]["imageType"], "Private");
    for own in [json!({"productId": uuid()}), json!({"siteId": uuid()})] {
        assert_eq!(client.refused("QueryImages", own).await, "10006");
    }
    let listed = client.call("QueryVms", json!({"billMethod": "1"})).await;
    assert_eq!(listed["vmIds"], json!([]));
    assert_eq!(client.refused("QueryVms", json!({"billMethod": "2"})).await, "10003");
}

#[tokio::test]
async fn a_failed_task_tells_why_and_leaves_things_as_they_were() {
    let (sim, client) = still(Edition::Y2022).await;
    let vm = off(&sim, &client, "a").await;
    let before = |action: &str| {
        sim.edit(CapitalOnlineEdit::FailTask {
            action: action.to_owned(),
            reason: "失败原因:平台".to_owned(),
        })
        .unwrap();
    };
    for (action, own, during, after) in [
        ("OperateVm", json!({"action": "on", "vmIds": [vm]}), "starting", "stop"),
        ("DeleteVm", json!({"vmId": vm}), "deleteing", "stop"),
        (
            "RebuildVm",
            json!({"vmId": vm, "imageId": OTHER_IMAGE}),
            "configuring",
            "error",
        ),
    ] {
        before(action);
        let request_id = uuid();
        let mut params = own;
        params["requestId"] = json!(request_id);
        let task = client.call(action, params).await["taskId"].clone();
        assert_eq!(client.status(&vm).await, during);
        pass(&sim, 4 * SECOND);
        let ended = client
            .call("QueryTask", json!({"taskId": task, "requestId": request_id}))
            .await;
        assert_eq!(
            (&ended["status"], &ended["failReason"]),
            (&json!("Failed"), &json!("失败原因:平台"))
        );
        assert_eq!(client.status(&vm).await, after);
    }
    before("CreateVm");
    let vm = on(&sim, &client, "b").await;
    assert_eq!(client.status(&vm).await, "error");
    before("CreateDefaultNet");
    client.call("CreateDefaultNet", json!({"siteId": SITE})).await;
    pass(&sim, 2 * SECOND);
    let net = client.call("GetDefaultNet", json!({"siteId": SITE})).await;
    assert_eq!(net["subnets"][0]["status"], "erro");
}

#[tokio::test]
async fn the_older_edition_has_no_newer_actions() {
    let (_sim, client) = quick(Edition::Y2022).await;
    for action in ["ConfigNet", "GetVpcBandwidth", "OffAndUnbind"] {
        assert_eq!(client.refused(action, json!({})).await, "UnsupportedAction");
    }
}

#[tokio::test]
async fn with_odd_types_some_answers_look_like_the_examples() {
    let (sim, client) = begin(SimConfig::fast(20.0)).await;
    let images = client.whole("QueryImages", json!({})).await;
    assert_eq!((&images["code"], &images["msg"]), (&json!("Success"), &Value::Null));
    assert!(images["data"].is_array() && images.get("Code").is_none());
    let (first, second) = (client.create(&sim, "a").await, client.create(&sim, "b").await);
    let mut kinds = Vec::new();
    for vm in [first, second] {
        kinds.push(client.call("QueryVm", json!({"vmId": vm})).await["billMethod"].is_string());
    }
    assert!(kinds.contains(&true) && kinds.contains(&false), "{kinds:?}");
}
