//! The document's example, odd forms, and answers nobody would think of: reading them never panics, and never finds
//! more in them than there is.

use http::{HeaderValue, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::errors::{class_of, read};
use super::paging::Row;
use super::{calls, job, map, paging, policy};
use crate::api::desktop::DesktopState;
use crate::backend::client::Scrubber;
use crate::backend::decode::Fields;
use crate::backend::fuzz::{self, answer, cut, object, spoilt, status, value};
use crate::backend::pool::{ObservedPool, PoolMember, PoolState};
use crate::backend::{ErrorClass, ObservedDesktop, ObservedUser, TaskState};
use crate::http::transport::{Answer, Effect};

const POOL: &str = include_str!("../../../tests/data/huawei/ShowDesktopPoolDetail.json");

/// Field names that mean something, so that arbitrary objects get past the first look.
const NAMES: &[&str] = &[
    "addresses",
    "attach_user_infos",
    "autoscale_policy",
    "availability_zones",
    "charge_mode",
    "cpu",
    "data_volumes",
    "desktop",
    "desktop_id",
    "desktop_pools",
    "desktops",
    "enable_autoscale",
    "error",
    "error_code",
    "errorCode",
    "failed_operation_list",
    "id",
    "images",
    "ip_addresses",
    "is_freeze",
    "job_id",
    "jobs",
    "key",
    "memory",
    "metadata",
    "objects",
    "object_id",
    "policies",
    "policy_group",
    "product",
    "product_id",
    "products",
    "quotas",
    "resources",
    "root_volume",
    "status",
    "sub_jobs",
    "subnet_ids",
    "tags",
    "targets",
    "task_status",
    "total_count",
    "user_name",
    "users",
];

/// Values that are nearly right.
const TEXTS: &[&str] = &[
    "",
    "true",
    "1",
    "-1",
    "4096",
    "ACTIVE",
    "SUCCESS",
    "FAIL",
    "WKS.0001",
    "desktop-operator-uid",
    "2022-05-11T11:45:42.000Z",
];

/// A desktop as it is usually told.
fn desktop() -> Value {
    json!({
        "desktop_id": "21616aa6-061d-4b2f-bd83-b230d7a9a14c",
        "computer_name": "dsk0123456789ab",
        "addresses": [{"addr": "10.0.9.55"}],
        "ip_addresses": ["10.0.9.55"],
        "created": "2022-01-21T06:57:47.459Z",
        "login_status": "REGISTERED",
        "metadata": {"metering.image_id": "39efed30-a0db-4520-8134-19a086e14c7e", "os_type": "Linux"},
        "product": {"charge_mode": "1", "product_id": "p-1"},
        "product_id": "p-1",
        "status": "ACTIVE",
        "tags": [{"key": "desktop-operator-uid", "value": "3f2a0c1e-0000-4000-8000-000000000001"}],
        "task_status": null,
        "user_name": "bob",
    })
}

fn examples() -> Vec<String> {
    let documents = [
        serde_json::from_str(POOL).unwrap(),
        json!({"desktops": [desktop()], "total_count": 1}),
        json!({"desktop": [desktop()]}),
        json!({"id": "j", "status": "FAIL", "sub_jobs_total": 1, "sub_jobs": [{"id": "s", "status": "FAILED"}]}),
        json!({"policy_group": {"policies": {"watermark": {"watermark_enable": true}}, "targets": []}}),
        json!({"products": {"product_id": "p", "cpu": "2", "memory": "4096", "status": "normal"}, "total_count": 1}),
    ];
    documents.iter().map(Value::to_string).collect()
}

/// Reads an object in every way there is.
fn read_all(object: &Map<String, Value>) {
    let fields = Fields::new(object);
    let _ = paging::page::<ObservedDesktop>(fields);
    let _ = paging::page::<map::Image>(fields);
    let _ = paging::page::<map::Product>(fields);
    let _ = paging::page::<ObservedUser>(fields);
    let _ = paging::page::<ObservedPool>(fields);
    let _ = paging::page::<PoolMember>(fields);
    let _ = paging::page::<job::Part>(fields);
    let _ = paging::page::<policy::Group>(fields);
    let _ = map::tenant(fields, "p");
    let _ = map::zones(fields);
    let _ = map::room(fields, "general_instances");
    let _ = map::one_desktop(fields);
    let _ = policy::in_force(fields);
    let _ = calls::refusal("Action", "d", fields);
    let _ = ObservedPool::read(fields);
    if let Ok(job) = job::read(fields) {
        let outcome = job::outcome(&job, &job.parts);
        let failed = job.parts.iter().any(|part| part.stand == job::Stand::Failed);
        assert!(
            !failed || matches!(outcome, TaskState::Failed(_)),
            "a failed part is a failed job"
        );
    }
    assert!(job::started(fields).is_err() || object["job_id"] != "");
}

/// Reads bytes as the answer to a read and to a change.
fn judge(status: u16, body: &[u8]) {
    fuzz::judge(
        status,
        body,
        |effect, answer| read("Action", effect, answer, &Scrubber::new([])),
        |found| {
            assert!(!body.is_empty());
            read_all(&found.fields);
        },
        |error| assert!(error.code.is_some()),
    );
}

#[test]
fn very_many_answers() {
    fuzz::many(NAMES, TEXTS, &examples(), judge);
}

proptest! {
    #[test]
    fn any_object(object in object(NAMES, TEXTS)) {
        read_all(&object);
    }

    #[test]
    fn any_document(status in status(), document in value(NAMES, TEXTS)) {
        judge(status, document.to_string().as_bytes());
    }

    #[test]
    fn any_bytes(status in status(), body in vec(any::<u8>(), 0..200)) {
        judge(status, &body);
    }

    #[test]
    fn any_spoilt_example(status in status(), document in spoilt(examples(), value(NAMES, TEXTS))) {
        judge(status, document.to_string().as_bytes());
    }

    #[test]
    fn any_cut_example(example in select(examples()), end in any::<Index>()) {
        let cut = cut(&example, end);
        let result = read("Action", Effect::Change, &answer(200, cut), &Scrubber::new([]));
        prop_assert_eq!(result.unwrap_err().class, ErrorClass::Ambiguous);
    }

    #[test]
    fn any_secret_is_taken_out(secret in "[A-Za-z0-9/+=]{4,20}", before in ".*", after in ".*") {
        let body = json!({"error_code": "WKS.0001", "error_msg": format!("{before}{secret}{after}")});
        let key = secrecy::SecretString::from(secret.clone());
        let answer = answer(400, body.to_string().as_bytes());
        let error = read("Action", Effect::Read, &answer, &Scrubber::new([&key])).unwrap_err();
        prop_assert!(!error.message.contains(&secret), "{}", error.message);
    }
}

fn fields(value: &Value) -> Fields<'_> {
    Fields::new(value.as_object().unwrap())
}

/// Every field of the document's example.
#[test]
fn the_documents_example() {
    let document: Value = serde_json::from_str(POOL).unwrap();
    let pool = ObservedPool::read(fields(&document)).unwrap();
    assert_eq!(pool.id, "1ad74b36-0de7-45fe-aed3-6cb047d69e99");
    assert_eq!(pool.name.as_deref(), Some("yay-test"));
    assert_eq!(
        (pool.dynamic, pool.prepaid, pool.maintenance),
        (Some(false), Some(false), Some(false))
    );
    assert_eq!(pool.description, None);
    assert_eq!(pool.created, Some("2025-05-22T09:48:47Z".parse().unwrap()));
    assert_eq!((pool.desktops, pool.assigned), (Some(10), Some(0)));
    assert_eq!(pool.zone_id.as_deref(), Some("cn-north-7c"));
    assert_eq!(pool.subnet_ids, ["c7f30df4-f3ac-4807-9599-18950b05455f"]);
    assert_eq!(pool.flavor.as_deref(), Some("workspace.x86.ultimate.large2"));
    assert_eq!((pool.cpus, pool.memory_gib), (Some(2), Some(4)));
    assert_eq!(pool.flavor_state.as_deref(), Some("normal"));
    assert_eq!(pool.image_id.as_deref(), Some("cc3bbc0b-9441-461b-b80b-48c52f3aed08"));
    assert_eq!(pool.image_name.as_deref(), Some("WKS_WIN1064_UserImage"));
    let os = ["Windows", "Windows 10 64bit", "Windows"].map(|text| Some(text.to_owned()));
    assert_eq!((pool.image_os, pool.image_product_code), (os, None));
    // The product's disk of 140 GB is not the pool's.
    assert_eq!(pool.system_disk.unwrap().size_gib, Some(80));
    assert_eq!(pool.data_disks.len(), 2);
    assert!(pool.security_groups.is_empty());
    assert_eq!(pool.retention_minutes, Some(0));
    let autoscale = pool.autoscale.unwrap();
    assert_eq!(autoscale.kind, Some(crate::backend::pool::AutoscaleType::AutoCreated));
    assert_eq!(
        (autoscale.max_created, autoscale.min_idle, autoscale.step),
        (Some(1), Some(10), Some(1))
    );
    assert_eq!((pool.state, pool.vendor_state.as_str()), (PoolState::Steady, "STEADY"));
    assert_eq!(pool.enterprise_project_id.as_deref(), Some("0"));
    assert_eq!((pool.vpc_id, pool.name_policy_id), (None, None));
}

#[test]
fn a_desktop_is_found_again_by_its_tag_and_by_its_name() {
    let mark = |value: &Value| ObservedDesktop::read(fields(value)).unwrap().marker;
    let mut row = desktop();
    assert_eq!(mark(&row).as_deref(), Some("3f2a0c1e000040008000000000000001"));
    row["tags"] = json!([{"key": "other", "value": "x"}]);
    assert_eq!(mark(&row).as_deref(), Some("0123456789ab"));
    row["computer_name"] = json!("CHENMIN01");
    assert_eq!(mark(&row), None);
}

#[test]
fn words_for_the_state_of_a_desktop() {
    let state = |status: &str, task: &str, login: &str, frozen: Value| {
        let mut row = desktop();
        row["status"] = json!(status);
        row["task_status"] = json!(task);
        row["login_status"] = json!(login);
        row["is_freeze"] = frozen;
        ObservedDesktop::read(fields(&row)).unwrap().state
    };
    let no = || json!(false);
    for (status, task, login, expected) in [
        ("", "scheduling", "UNREGISTER", DesktopState::Creating),
        ("", "spawning", "", DesktopState::Creating),
        ("ACTIVE", "", "REGISTERED", DesktopState::Running),
        ("ACTIVE", "", "CONNECTED", DesktopState::Running),
        ("ACTIVE", "", "DISCONNECTED", DesktopState::Running),
        ("ACTIVE", "", "UNREGISTER", DesktopState::Unregistered),
        ("ACTIVE", "", "SOMETHING", DesktopState::Unknown),
        ("ACTIVE", "powering-off", "UNREGISTER", DesktopState::Stopping),
        ("SHUTOFF", "powering-on", "UNREGISTER", DesktopState::Starting),
        ("SHUTOFF", "", "UNREGISTER", DesktopState::Stopped),
        ("HIBERNATED", "", "UNREGISTER", DesktopState::Stopped),
        ("ACTIVE", "reboot_started_hard", "", DesktopState::Restarting),
        ("ACTIVE", "rebuild_spawning", "", DesktopState::Restarting),
        ("ACTIVE", "resize_finish", "", DesktopState::Restarting),
        ("ACTIVE", "deleting", "", DesktopState::Deleting),
        ("ACTIVE", "deleteFailed", "", DesktopState::Failed),
        ("ERROR", "", "", DesktopState::Failed),
        ("ACTIVE", "pondering", "REGISTERED", DesktopState::Unknown),
        ("SOMETHING", "", "REGISTERED", DesktopState::Unknown),
        ("", "", "", DesktopState::Unknown),
    ] {
        assert_eq!(state(status, task, login, no()), expected, "{status} {task} {login}");
    }
    assert_eq!(
        state("ACTIVE", "", "REGISTERED", json!("true")),
        DesktopState::Suspended
    );
    assert_eq!(state("ACTIVE", "deleting", "", json!(true)), DesktopState::Deleting);
}

#[test]
fn classes_of_errors() {
    use ErrorClass as C;
    for (status, code, message, expected) in [
        (429, "APIG.0308", "", Some(C::Throttled)),
        (200, "APIGW.0308", "", Some(C::Throttled)),
        (401, "APIGW.0301", "", Some(C::Auth)),
        (401, "401", "", Some(C::Auth)),
        (403, "APIGW.0302", "", Some(C::Forbidden)),
        (403, "WKS.00010099", "", Some(C::Billing)),
        (403, "WKS.00081105", "", Some(C::Quota)),
        (400, "WKS.0001", "The quota of users is used up", Some(C::Quota)),
        (400, "WKS.0001", "the product is sold out", Some(C::OutOfStock)),
        (400, "WKS.0001", "no", Some(C::Invalid)),
        (404, "APIGW.0101", "", Some(C::Invalid)),
        (404, "WKS.00081104", "", Some(C::NotFound)),
        (404, "WKS.9", "", Some(C::NotFound)),
        (500, "WKS.0202", "", Some(C::NotFound)),
        (409, "WKS.00010032", "", Some(C::Conflict)),
        (409, "WKS.00081101", "", Some(C::Conflict)),
        (409, "X", "", Some(C::Conflict)),
        (500, "WKS.1", "", Some(C::Transient)),
        (504, "APIGW.0201", "", Some(C::Transient)),
        (413, "APIGW.0201", "", Some(C::Invalid)),
        (200, "CBC.30000052", "", Some(C::Billing)),
        (200, "WKS.00010306", "", None),
        (418, "X", "", None),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(class_of(code, status, message), expected, "{status} {code} {message}");
    }
}

#[test]
fn an_empty_answer_to_a_change_needs_the_vendors_header() {
    let mut empty = answer(204, b"");
    let class = |answer: &Answer, effect| read("Action", effect, answer, &Scrubber::new([])).map_err(|e| e.class);
    assert_eq!(class(&empty, Effect::Change).unwrap_err(), ErrorClass::Ambiguous);
    empty.headers.insert("x-request-id", HeaderValue::from_static("r-1"));
    assert_eq!(
        class(&empty, Effect::Change).unwrap().request_id.as_deref(),
        Some("r-1")
    );
    assert_eq!(class(&empty, Effect::Read).unwrap_err(), ErrorClass::Transient);
}

#[test]
fn a_job_has_succeeded_only_with_all_its_parts() {
    let outcome = |value: Value| {
        let job = job::read(fields(&value)).unwrap();
        job::outcome(&job, &job.parts)
    };
    let with = |status: &str, parts: &[&str]| {
        let parts: Vec<Value> = parts.iter().map(|part| json!({"id": part, "status": part})).collect();
        json!({"status": status, "sub_jobs": parts})
    };
    assert_eq!(outcome(with("SUCCESS", &["SUCCESS"])), TaskState::Finished);
    assert_eq!(outcome(with("COMPLETE", &["SUCCESS"])), TaskState::Finished);
    assert!(matches!(
        outcome(with("COMPLETE", &["SUCCESS", "FAILED"])),
        TaskState::Failed(_)
    ));
    assert!(matches!(outcome(with("FAIL", &[])), TaskState::Failed(_)));
    assert_eq!(outcome(with("SUCCESS", &["RUNNING"])), TaskState::Running);
    assert!(
        job::read(fields(&json!({"status": ""}))).is_err(),
        "nothing is concluded from no status"
    );
}
