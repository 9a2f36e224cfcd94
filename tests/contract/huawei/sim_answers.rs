//! Answers as the vendor gives them: what is said, what is left out, what is refused, and the odd forms.

use desktop_operator::sim::{Fault, HuaweiEdit, Kind, SimConfig};
use serde_json::{Value, json};

use super::client::{Client, IMAGE, PRODUCT, PROJECT, desktop_body, pool_body, start};
use crate::sim_client::strict;

fn quirky() -> SimConfig {
    SimConfig::fast(20.0)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[tokio::test]
async fn creations_that_make_no_sense_are_refused() {
    let (sim, client) = start(strict()).await;
    client.desktop(&sim, "taken").await;
    let with = |field: &str, value: Value| {
        let mut body = desktop_body("dsk-1");
        body[field] = value;
        body
    };
    for body in [
        with("desktop_type", json!("SHARED")),
        with("product_id", json!("workspace.none")),
        with("product_id", json!("workspace.x86.ultimate.2xlarge4")),
        with("image_id", json!("nothing")),
        with("image_type", json!("private")),
        with("root_volume", json!({"type": "SAS", "size": 85})),
        with("root_volume", json!({"type": "SAS", "size": 70})),
        with("root_volume", json!({"type": "cloud_ssd", "size": 80})),
        with("size", json!("1")),
        with("size", Value::Null),
        with("desktop_name", json!("-dsk")),
        with("desktop_name", json!("sixteen-letters-")),
        with("desktop_name", json!("TAKEN")),
        with("nics", json!([{"subnet_id": "subnet-9"}])),
        with("availability_zone", json!("cn-north-9z")),
        with("tags", json!([{"key": "_sys_a"}])),
    ] {
        let answer = client.refused("POST", "desktops", &body).await;
        assert_eq!(answer, (400, "WKS.0001".to_owned()), "{body}");
    }
    sim.edit(HuaweiEdit::SetQuota {
        project: PROJECT.to_owned(),
        resource: "general_instances".to_owned(),
        limit: 1,
    })
    .unwrap();
    let (status, _) = client.refused("POST", "desktops", &desktop_body("dsk-1")).await;
    assert_eq!(status, 400);
    assert_eq!(sim.ledger().ever_created(Kind::Instance).len(), 1);
}

#[tokio::test]
async fn operations_wait_for_the_state_they_need() {
    let (sim, client) = start(strict()).await;
    // It stays in the making for as long as the test looks at it.
    sim.fault(Fault::on("CreateDesktop").never_finish_task());
    client.post("desktops", desktop_body("dsk-1")).await;
    let id = sim.read(|world| world.huawei.desktop("dsk-1").unwrap().id.clone());
    let conflict = (409, "WKS.00010032".to_owned());
    let delete = format!("desktops/{id}");
    assert_eq!(client.refused("DELETE", &delete, &Value::Null).await, conflict);
    let rename = json!({"desktop": {"computer_name": "other"}});
    assert_eq!(client.refused("PUT", &delete, &rename).await, conflict);
    let capture = json!({"desktop_id": id, "image_name": "golden"});
    assert_eq!(
        client.refused("POST", "desktops/desktop-to-image", &capture).await,
        conflict
    );
    let rebuild = json!({"desktop_ids": [id], "image_type": "gold", "image_id": IMAGE});
    assert_eq!(client.refused("POST", "desktops/rebuild", &rebuild).await, conflict);
    let started = client
        .post(
            "desktops/action",
            json!({"desktop_ids": [id, "nothing"], "op_type": "os-start"}),
        )
        .await;
    let codes: Vec<&str> = started["failed_operation_list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(&row["error_code"]))
        .collect();
    assert_eq!(codes, ["WKS.00010032", "WKS.0202"]);
    assert_eq!(started.get("job_id"), None);
    let forced = client
        .change("DELETE", &format!("{delete}?is_force_delete=true"), &Value::Null)
        .await;
    assert_eq!(forced, (204, Value::Null));
    sim.wait_for(|world| world.huawei.desktops.is_empty()).await.unwrap();
}

#[tokio::test]
async fn a_desktop_lags_behind_its_job() {
    let (sim, client) = start(strict()).await;
    let id = client.desktop(&sim, "dsk-1").await;
    let answer = client
        .post("desktops/action", json!({"desktop_ids": [id], "op_type": "os-stop"}))
        .await;
    let job = text(&answer["job_id"]).to_owned();
    let mut seen = Vec::new();
    sim.wait_for(|world| {
        let desktop = &world.huawei.desktops[&id];
        seen.push((world.huawei.jobs[&job].ended(), desktop.status.clone()));
        desktop.status == "SHUTOFF"
    })
    .await
    .unwrap();
    let last = seen.pop().unwrap();
    assert_eq!(last, (true, "SHUTOFF".to_owned()));
    assert!(seen.iter().all(|(_, status)| status == "ACTIVE"), "{seen:?}");
}

#[tokio::test]
async fn a_new_name_is_a_boot() {
    let (sim, client) = start(strict()).await;
    let id = client.desktop(&sim, "dsk-1").await;
    let path = format!("desktops/{id}");
    let body = json!({"desktop": {"computer_name": "other"}});
    let boots = sim.wait_for(|world| world.huawei.desktops[&id].task_status == "rebooting");
    let (boots, (status, _)) = tokio::join!(boots, client.change("PUT", &path, &body));
    boots.unwrap();
    assert_eq!(status, 200);
    sim.wait_for(|world| world.huawei.desktop("other").unwrap().task_status.is_empty())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failed_job_leaves_a_broken_desktop_and_says_why() {
    let (sim, client) = start(strict()).await;
    sim.fault(Fault::on("CreateDesktop").never_finish_task());
    let job = client.post("desktops", desktop_body("dsk-1")).await["job_id"].clone();
    sim.edit(HuaweiEdit::FailJob {
        job: text(&job).to_owned(),
        code: "WKS.00010110".to_owned(),
        reason: "no address".to_owned(),
    })
    .unwrap();
    let shown = client.get(&format!("workspace-jobs/{}", text(&job))).await;
    assert_eq!(shown["status"], "FAIL");
    assert_eq!(shown["job_error_code"], "WKS.00010110");
    let parts = client
        .get(&format!("workspace-sub-jobs?job_id={}&status=FAILED", text(&job)))
        .await;
    assert_eq!(parts["total_count"], 1);
    assert_eq!(client.get("desktops").await["desktops"][0]["status"], "ERROR");
    let answer = client.refused("GET", "workspace-jobs/nothing", &Value::Null).await;
    assert_eq!(answer, (404, "WKS.0202".to_owned()));
}

#[tokio::test]
async fn a_pool_is_steady_before_its_desktops_are_there() {
    let (sim, client) = start(strict()).await;
    client.post("desktop-pools", pool_body("class", 2)).await;
    let pool = sim.read(|world| world.huawei.pool("class").unwrap().id.clone());
    let path = format!("desktop-pools/{pool}");
    assert_eq!(client.refused("DELETE", &path, &Value::Null).await.0, 409);
    sim.wait_for(|world| world.huawei.desktops_of(&pool).count() == 2)
        .await
        .unwrap();
    let made = sim.ledger();
    let seq = made.calls("CreateDesktopPool")[0].seq;
    assert!(
        made.ever_created(Kind::Instance)
            .iter()
            .all(|life| life.created_by == Some(seq))
    );
    let missing = client.refused("GET", "desktop-pools/nothing", &Value::Null).await;
    assert_eq!(
        missing,
        (400, "WKS.0001".to_owned()),
        "as the vendor does it, not as its page says"
    );
    let again = client.refused("POST", "desktop-pools", &pool_body("class", 0)).await;
    assert_eq!(again.0, 400);
    let mut bad = pool_body("other", 0);
    bad["disconnected_retention_period"] = json!(30);
    assert_eq!(
        client.refused("POST", "desktop-pools", &bad).await.0,
        400,
        "static pools keep their users"
    );
}

#[tokio::test]
async fn odd_forms_depend_on_the_object_and_stay() {
    let (sim, client) = start(quirky()).await;
    for name in ["dsk-1", "dsk-2"] {
        client.desktop(&sim, name).await;
    }
    let ids: Vec<(String, bool)> = sim.read(|world| {
        let desktops = world.huawei.desktops.values();
        desktops
            .map(|desktop| (desktop.id.clone(), desktop.attach_state.is_empty()))
            .collect()
    });
    for (id, _) in &ids {
        let shown = client.get(&format!("desktops/{id}")).await;
        assert_eq!(shown, client.get(&format!("desktops/{id}")).await);
        let row = match &shown["desktop"] {
            Value::Array(rows) => rows[0].clone(),
            row => row.clone(),
        };
        assert_eq!(row["desktop_id"], json!(id));
        assert!(row["addresses"].is_array() || row["addresses"].is_object());
    }
    let one = client.get(&format!("products?product_id={PRODUCT}")).await;
    assert!(one["products"].is_object(), "a single product is no list: {one}");
    let images = client.get("images").await;
    assert!(images["images"].as_array().unwrap().len() > 1);
    assert_eq!(images["total_count"], 1, "as in the document's example");
}

#[tokio::test]
async fn changes_by_hand_are_seen() {
    let (sim, client) = start(strict()).await;
    let edit = |edit: HuaweiEdit| sim.edit(edit).unwrap();
    let desktop = edit(HuaweiEdit::AddDesktop {
        project: PROJECT.to_owned(),
        name: "by-hand".to_owned(),
        pool: None,
    });
    edit(HuaweiEdit::AddUser {
        project: PROJECT.to_owned(),
        name: "alice".to_owned(),
    });
    edit(HuaweiEdit::SetDesktopUser {
        desktop: "by-hand".to_owned(),
        user: Some(("alice".to_owned(), "users".to_owned())),
    });
    edit(HuaweiEdit::SetDesktopTag {
        desktop: "by-hand".to_owned(),
        key: "k".to_owned(),
        value: Some("v".to_owned()),
    });
    edit(HuaweiEdit::SetFrozen {
        desktop: "by-hand".to_owned(),
        frozen: true,
    });
    edit(HuaweiEdit::SetDesktopState {
        desktop: "by-hand".to_owned(),
        status: "SOMETHING_NEW".to_owned(),
        task: "pondering".to_owned(),
        login: "CONNECTED".to_owned(),
    });
    edit(HuaweiEdit::RenameDesktop {
        desktop: "by-hand".to_owned(),
        name: "renamed".to_owned(),
    });
    let row = client.get(&format!("desktops/{desktop}")).await["desktop"].clone();
    assert_eq!(row["computer_name"], "renamed");
    assert_eq!(row["user_name"], "alice");
    assert_eq!(row["is_freeze"], true);
    assert_eq!(row["status"], "SOMETHING_NEW");
    assert_eq!(row["tags"], json!([{"key": "k", "value": "v"}]));
    edit(HuaweiEdit::DeleteDesktop { desktop });
    assert_eq!(client.get("desktops").await["total_count"], 0);
    edit(HuaweiEdit::SetUserLocked {
        user: "alice".to_owned(),
        locked: true,
    });
    assert_eq!(client.get("users").await["users"][0]["locked"], true);
    edit(HuaweiEdit::DeleteUser {
        user: "alice".to_owned(),
    });
    edit(HuaweiEdit::AddImage {
        project: PROJECT.to_owned(),
        name: "golden".to_owned(),
    });
    assert_eq!(client.get("images?image_type=private").await["total_count"], 1);
    edit(HuaweiEdit::SetStock {
        product: PRODUCT.to_owned(),
        in_stock: false,
    });
    assert_eq!(client.refused("POST", "desktops", &desktop_body("dsk-1")).await.0, 400);
    edit_policies(&client, &edit).await;
    edit_pools(&client, &edit).await;
    let unknown = HuaweiEdit::DeletePool {
        pool: "nothing".to_owned(),
    };
    assert!(sim.edit(unknown).is_err());
}

async fn edit_policies(client: &Client, edit: &impl Fn(HuaweiEdit) -> String) {
    let target = json!({"target_type": "ALL", "target_id": "default-apply-all-targets"});
    let group = json!({"policy_group": {"policy_group_name": "ours", "targets": [target]}});
    let id = client.post("policy-groups", group).await["id"].clone();
    edit(HuaweiEdit::SetPolicy {
        group: "ours".to_owned(),
        leaf: "/watermark/watermark_enable".to_owned(),
        value: json!(true),
    });
    edit(HuaweiEdit::ClearTargets {
        group: "ours".to_owned(),
    });
    let shown = client.get(&format!("policy-groups/{}", text(&id))).await;
    assert_eq!(shown["policy_group"]["policies"]["watermark"]["watermark_enable"], true);
    assert_eq!(shown["policy_group"]["targets"], json!([]));
    let bad = json!({"policies": {"file_and_clipboard": {"clipboard_redirection": "ON"}}});
    let path = format!("policy-groups/{}/policies", text(&id));
    assert_eq!(client.refused("PUT", &path, &bad).await.0, 400);
    edit(HuaweiEdit::DeletePolicyGroup {
        group: "ours".to_owned(),
    });
    let gone = client.refused("GET", &path, &Value::Null).await;
    assert_eq!(gone, (404, "WKS.00081104".to_owned()));
}

async fn edit_pools(client: &Client, edit: &impl Fn(HuaweiEdit) -> String) {
    edit(HuaweiEdit::SetStock {
        product: PRODUCT.to_owned(),
        in_stock: true,
    });
    client.post("desktop-pools", pool_body("class", 0)).await;
    edit(HuaweiEdit::AddDesktop {
        project: PROJECT.to_owned(),
        name: "in-pool".to_owned(),
        pool: Some("class".to_owned()),
    });
    edit(HuaweiEdit::SetFrozen {
        desktop: "in-pool".to_owned(),
        frozen: true,
    });
    let pool = |rows: &Value| rows["desktop_pools"][0].clone();
    assert_eq!(pool(&client.get("desktop-pools").await)["status"], "EXIST_FROZEN");
    edit(HuaweiEdit::SetPoolStatus {
        pool: "class".to_owned(),
        status: Some("ERROR".to_owned()),
    });
    edit(HuaweiEdit::SetPoolAutoscale {
        pool: "class".to_owned(),
        enabled: true,
        policy: json!({"autoscale_type": "ACCESS_CREATED"}),
    });
    edit(HuaweiEdit::ClearMembers {
        pool: "class".to_owned(),
    });
    edit(HuaweiEdit::RenamePool {
        pool: "class".to_owned(),
        name: "other".to_owned(),
    });
    let row = pool(&client.get("desktop-pools").await);
    assert_eq!((&row["name"], &row["status"]), (&json!("other"), &json!("ERROR")));
    assert_eq!(row["autoscale_policy"]["autoscale_type"], "ACCESS_CREATED");
    edit(HuaweiEdit::DeletePool {
        pool: "other".to_owned(),
    });
    assert_eq!(client.get("desktops").await["total_count"], 0);
}
