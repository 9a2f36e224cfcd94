//! Answers nobody would think of: reading them never panics, and never finds more in them than there is.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::errors::read;
use super::{create, map, submit, users};
use crate::backend::ErrorClass;
use crate::backend::client::Scrubber;
use crate::backend::decode::Fields;
use crate::backend::fuzz::{self, answer, cut, spoilt, status, value};
use crate::http::transport::Effect;

/// Field names that mean something, so that arbitrary objects get past the first look.
const NAMES: &[&str] = &[
    "Code",
    "Data",
    "Message",
    "accountEmail",
    "accountId",
    "billMethod",
    "code",
    "conf_id",
    "data",
    "eip",
    "email",
    "expireTime",
    "failedMsgs",
    "failedNum",
    "failedVmIds",
    "id",
    "imageId",
    "imageSites",
    "imageSize",
    "messsage",
    "msg",
    "productId",
    "publicImages",
    "requestId",
    "siteId",
    "status",
    "subnets",
    "successNum",
    "successVmIds",
    "taskId",
    "total_price",
    "tradeAmount",
    "vgateways",
    "vmId",
    "vmIds",
    "vmName",
    "vpcId",
];

/// Values that are nearly right.
const TEXTS: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "Success",
    "success",
    "10006",
    "13004",
    "Available",
    "using",
    "ok",
    "vm-1",
    "RequestLimitExceeded",
    "2098-12-31T16:00:00.000+0000",
    "2022-05-07 14:03:44",
    "99999-99-99 99:99:99",
    "移动:120.226.84.70",
    ":",
];

fn examples() -> Vec<String> {
    fuzz::examples("capital_online")
}

/// Reads an envelope in every way there is.
fn read_all(object: &Map<String, Value>) {
    let fields = Fields::new(object);
    let data = &object["Data"];
    if let Ok(ids) = map::vm_ids(fields) {
        // No list of ids is never an empty one.
        assert!(data["vmIds"].is_array());
        assert!(ids.is_sorted() && ids.iter().all(|id| !id.is_empty()));
    }
    if let Ok(Some(desktop)) = map::desktop("vm-1", fields) {
        assert_eq!(desktop.id, "vm-1");
        assert!(desktop.prepaid != Some(false) || desktop.expires.is_none());
    }
    if let Ok(Some(network)) = map::default_network(fields) {
        assert!(!network.cluster.id.is_empty() && network.cluster.default_network);
    }
    let _ = map::custom_networks(fields);
    let _ = map::expiring(fields);
    let _ = map::has_site("s", fields);
    let _ = map::lines(fields);
    let _ = map::users(fields);
    let _ = map::products("s", fields);
    for image in map::images("s", fields).unwrap_or_default() {
        assert!(!image.products.is_empty());
    }
    if let Ok((id, task)) = submit::created("r-1", fields) {
        assert_eq!(data["vmIds"], json!([id]));
        assert!(submit::task_parts(&task).is_some_and(|(task, request)| !task.is_empty() && !request.is_empty()));
    }
    for starts_task in [false, true] {
        if let Ok(answer) = submit::answer("Action", starts_task, "r-1", fields) {
            assert!(
                !answer
                    .of("vm-1")
                    .is_ok_and(|receipt| receipt.task.is_some() != starts_task)
            );
        }
    }
    if let Ok(Ok(())) = submit::order("vm-1", fields) {
        assert!(data["successVmIds"].as_array().unwrap().contains(&json!("vm-1")));
    }
    if let Ok(made) = users::made(fields) {
        let told = Fields::new(data.as_object().unwrap()).int("failedNum");
        assert_eq!(told.unwrap().unwrap_or(0), i64::try_from(made.failed.len()).unwrap());
    }
    let _ = submit::progress(fields);
    let _ = create::total_price(fields);
}

/// Reads bytes as the answer to a read and to a change.
fn judge(status: u16, body: &[u8]) {
    fuzz::judge(
        status,
        body,
        |effect, answer| read("DeleteVm", effect, answer, &Scrubber::new([])),
        |object| read_all(&object),
        |error| assert!(error.code.is_some()),
    );
}

#[test]
fn very_many_answers() {
    fuzz::many(NAMES, TEXTS, &examples(), judge);
}

proptest! {
    #[test]
    fn any_data(data in value(NAMES, TEXTS)) {
        read_all(&Map::from_iter([("Data".to_owned(), data)]));
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
        let body = json!({"Code": "10003", "Message": format!("{before}{secret}{after}")});
        let key = secrecy::SecretString::from(secret.clone());
        let answer = answer(400, body.to_string().as_bytes());
        let error = read("Action", Effect::Read, &answer, &Scrubber::new([&key])).unwrap_err();
        prop_assert!(!error.message.contains(&secret), "{}", error.message);
    }
}
