//! What each operation sends.

use serde_json::{Map, Value, json};

use super::client::Ask;
use super::errors::of_one;
use super::map::Image;
use crate::api::desktop::{BillingMode, DesktopUser, UserGroup, WorkMode};
use crate::backend::decode::{Fields, Odd};
use crate::backend::model::DesktopSpec;
use crate::backend::{BackendError, ErrorClass, Result, naming};

/// The call that makes desktops.
const CREATE: &str = "CreateDesktop";
/// Smallest system disk, which grows in steps of ten.
const LEAST_DISK: i32 = 80;

fn invalid(message: &str) -> BackendError {
    BackendError::new(ErrorClass::Invalid, CREATE, message)
}

/// Refuses what the vendor would refuse, before anything is asked.
pub(super) fn check(spec: &DesktopSpec) -> Result<()> {
    if spec.billing.mode != BillingMode::PayAsYouGo {
        return Err(invalid("a desktop can only be paid by use here (spec.billing.mode)"));
    }
    if spec.work_mode != WorkMode::Desktop || !spec.applications.is_empty() {
        return Err(invalid("applications cannot be published here (spec.workMode)"));
    }
    if spec.public_address.is_some() {
        return Err(invalid(
            "a desktop has no public address of its own here (spec.publicAddress)",
        ));
    }
    let Some(disk) = &spec.disk else {
        return Err(invalid("a desktop needs a system disk (spec.systemDisk)"));
    };
    if disk.size_gib < LEAST_DISK || disk.size_gib % 10 != 0 {
        return Err(invalid(
            "a system disk has 80 GiB or more, in tens (spec.systemDisk.sizeGiB)",
        ));
    }
    Ok(())
}

/// Whether the image fits the system disk.
pub(super) fn check_disk(spec: &DesktopSpec, image: &Image) -> Result<()> {
    let size = spec.disk.as_ref().map(|disk| i64::from(disk.size_gib));
    match (size, image.seen.size_gib) {
        (Some(size), Some(least)) if size < least => {
            let message = format!("the image needs a system disk of {least} GiB (spec.systemDisk.sizeGiB)");
            Err(invalid(&message))
        }
        _ => Ok(()),
    }
}

/// What a user may do, in the word of the desktop's system.
fn group(user: &DesktopUser, linux: bool) -> &'static str {
    match (user.group, linux) {
        (Some(UserGroup::Administrators), true) => "sudo",
        (Some(UserGroup::Administrators), false) => "administrators",
        (_, true) => "default",
        (_, false) => "users",
    }
}

fn assigned(user: &DesktopUser, linux: bool) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("user_name".to_owned(), json!(user.name));
    fields.insert("user_group".to_owned(), json!(group(user, linux)));
    if let Some(email) = &user.email {
        fields.insert("user_email".to_owned(), json!(email));
    }
    fields
}

/// A new desktop. Its name and its tag are what a lost answer is found again by; nobody is sent mail.
pub(super) fn create(spec: &DesktopSpec, image: &Image) -> Ask {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("desktop_type", json!("DEDICATED"));
    put("product_id", json!(spec.flavor));
    put("image_type", json!(image.kind));
    put("image_id", json!(spec.image_id));
    if let Some(disk) = &spec.disk {
        put("root_volume", json!({"type": disk.category, "size": disk.size_gib}));
    }
    if let Some(zone) = &spec.place.zone_id {
        put("availability_zone", json!(zone));
    }
    if let Some(subnet) = &spec.place.subnet_id {
        put("nics", json!([{"subnet_id": subnet}]));
    }
    if !spec.place.security_groups.is_empty() {
        let groups: Vec<Value> = spec.place.security_groups.iter().map(|id| json!({"id": id})).collect();
        put("security_groups", Value::Array(groups));
    }
    put("email_notification", json!(false));
    put("tags", json!([{"key": naming::TAG, "value": spec.uid}]));
    if let Some(user) = &spec.user {
        let mut desktop = assigned(user, image.linux);
        desktop.insert("computer_name".to_owned(), json!(spec.name));
        put("desktops", json!([desktop]));
    } else {
        put("size", json!(1));
        put("desktop_name", json!(spec.name));
    }
    Ask::post(CREATE, &["desktops"], Value::Object(body))
}

/// The end of a desktop; its user stays, and nobody is sent mail.
pub(super) fn delete(desktop_id: &str) -> Ask {
    Ask::delete("DeleteDesktop", &["desktops", desktop_id])
        .with("delete_users", "false")
        .with("email_notification", "false")
}

pub(super) fn rename(desktop_id: &str, name: &str) -> Ask {
    let body = json!({"desktop": {"computer_name": name}});
    Ask::put("UpdateDesktop", &["desktops", desktop_id], body)
}

pub(super) fn power(desktop_id: &str, operation: &str) -> Ask {
    let body = json!({"desktop_ids": [desktop_id], "op_type": operation, "type": "SOFT"});
    Ask::post("BatchRunDesktops", &["desktops", "action"], body)
}

pub(super) fn attach(desktop_id: &str, user: &DesktopUser, linux: bool) -> Ask {
    let mut desktop = assigned(user, linux);
    desktop.insert("desktop_id".to_owned(), json!(desktop_id));
    Ask::post(
        "AttachInstances",
        &["desktops", "attach"],
        json!({"desktops": [desktop]}),
    )
}

pub(super) fn detach(desktop_id: &str) -> Ask {
    let body = json!({"desktop_ids": [desktop_id]});
    Ask::post("DetachInstances", &["desktops", "detach"], body)
}

pub(super) fn rebuild(desktop_id: &str, image: &Image) -> Ask {
    let body = json!({"desktop_ids": [desktop_id], "image_type": image.kind, "image_id": image.seen.id});
    Ask::post("BatchRebuildDesktopsSystemDisk", &["desktops", "rebuild"], body)
}

/// An image of a desktop, prepared so that desktops made from it get identities of their own.
pub(super) fn capture(desktop_id: &str, name: &str) -> Ask {
    let body = json!({"desktop_id": desktop_id, "image_name": name, "execute_sysprep": true});
    Ask::post("ChangeDesktopToImage", &["desktops", "desktop-to-image"], body)
}

/// The refusal of one desktop in an answer that counts as successful.
pub(super) fn refusal(
    action: &'static str,
    desktop_id: &str,
    fields: Fields<'_>,
) -> std::result::Result<Option<BackendError>, Odd> {
    const FAILED: &str = "failed_operation_list";
    for row in fields.rows(FAILED, &["desktop_id"])?.unwrap_or_default() {
        if row.id("desktop_id")?.ok_or(Odd::missing("desktop_id"))? == desktop_id {
            return Ok(Some(of_one(action, row.text("error_code")?, row.text("error_msg")?)));
        }
    }
    Ok(None)
}
