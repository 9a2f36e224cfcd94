//! Answers nobody would think of: reading them never panics, and never finds more in them than there is.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use super::calls::Yields;
use super::{map, receipt};
use crate::backend::ErrorClass;
use crate::backend::client::Scrubber;
use crate::backend::decode::Fields;
use crate::backend::fuzz::{self, answer, cut, object, spoilt, status, value};
use crate::backend::rpc::errors::read;
use crate::backend::rpc::paging;
use crate::http::transport::Effect;

/// Field names that mean something, so that arbitrary objects get past the first look.
const NAMES: &[&str] = &[
    "Available",
    "Code",
    "Cpu",
    "CreateDate",
    "DesktopChargeType",
    "DesktopId",
    "Desktops",
    "Email",
    "ExpiredDate",
    "Gpu",
    "GpuSpec",
    "ImageId",
    "Images",
    "Message",
    "Name",
    "OrderId",
    "OwnerVpcId",
    "Process",
    "RegionId",
    "Regions",
    "RequestId",
    "Status",
    "Total",
    "TypeItemId",
    "TypeItems",
    "UserInfo",
    "Users",
];

/// Values that are nearly right.
const TEXTS: &[&str] = &[
    "",
    "true",
    "1",
    "-1",
    "100%",
    "Active",
    "PREPAY",
    "vpc-1",
    "OK",
    "Create user #x# failed!",
    "AD access failed！",
    "Throttling",
    "[{\"RegionId\":\"cn-hangzhou\"}]",
    "2022-05-07 14:03:44",
    "9999-99-99 99:99:99",
];

fn examples() -> Vec<String> {
    fuzz::examples("cloud-desktop")
}

/// Reads an object in every way there is.
fn read_all(object: &Map<String, Value>) {
    let fields = Fields::new(object);
    let _ = paging::page::<map::Desktop>(fields);
    let _ = paging::page::<map::Image>(fields);
    let _ = map::regions(fields);
    if let Ok(flavors) = map::flavors(fields) {
        assert!(!flavors.is_empty() && flavors.iter().all(|flavor| !flavor.id.is_empty()));
    }
    if let Ok(available) = map::available(fields) {
        assert!(object.contains_key("Available"), "{available}");
    }
    if let Ok(owner) = map::owner(fields) {
        assert_eq!(owner.cluster.map(|cluster| cluster.id), owner.vpc_id);
    }
    if let Ok(users) = map::users(fields) {
        assert!(users.iter().all(|user| user.usable == user.email.is_some()));
    }
    let _ = map::created_user(fields, "x");
    for yields in [Yields::Nothing, Yields::Order, Yields::Desktop] {
        let receipt = receipt(yields, fields);
        if let Ok(id) = receipt.as_ref().map(|receipt| receipt.id.as_deref()) {
            assert_eq!(id.is_some(), yields == Yields::Desktop);
            assert_ne!(id, Some(""));
        }
    }
}

/// Reads bytes as the answer to a read and to a change.
fn judge(status: u16, body: &[u8]) {
    fuzz::judge(
        status,
        body,
        |effect, answer| read("Action", effect, answer, &Scrubber::new([])),
        |object| read_all(&object),
        |_| {
            let document: Value = serde_json::from_slice(body).unwrap();
            assert!(document["Code"].is_string() && document["RequestId"].is_string());
        },
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
}
