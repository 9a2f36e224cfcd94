//! Sub-accounts: the people who use desktops.

use serde_json::{Value, json};

use super::model::{Edition, SubAccount};
use super::net::uuid;
use super::params::{Args, Result, refused, unknown, wrong};
use super::wire::data;
use crate::sim::ledger::Kind;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// Longest remark, in characters.
const REMARK: usize = 30;

/// Why a remark is refused, in the document's words for batches.
const LONG_REMARK: &str = "子账户备注长度应长度不大于30位，支持汉字、英文、数字、符号";

pub(super) fn query(world: &mut World, call: &Call) -> Done {
    let args = Args(call);
    let now = world.now();
    // How the vendor compares is not said; the loosest reading shows clients that do not compare themselves.
    let matches = |name: &str, value: &str| args.optional(name).is_none_or(|wanted| value.contains(wanted));
    let capital = &world.capital_online;
    let rows: Vec<Value> = capital
        .sub_accounts
        .values()
        .filter(|user| user.account == call.account && user.visible_from <= now)
        .filter(|user| matches("email", &user.email) && matches("name", &user.name) && matches("remark", &user.remark))
        .map(|user| {
            let bound = capital.vms.values().filter(|vm| vm.user.as_ref() == Some(&user.id));
            let mut row = json!({
                "accountId": user.id,
                "bindNum": bound.count(),
                "email": user.email,
                "name": user.name,
                "remark": user.remark,
                "status": user.status,
            });
            if capital.edition == Edition::Y2023 {
                row["password"] = json!(user.password);
            }
            // The document's example has no status.
            if let (true, Some(fields)) = (world.settings.quirks, row.as_object_mut()) {
                fields.retain(|name, value| name != "status" || value != "create" || !user.number.is_multiple_of(2));
            }
            row
        })
        .collect();
    Done::read(data(json!(rows)))
}

/// What a new person must be like; the reason why not.
fn check(world: &World, account: &str, person: &Person<'_>) -> std::result::Result<(), (u16, &'static str)> {
    let plausible = person
        .email
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !person.email.contains(' '));
    if !plausible {
        return Err((10003, "邮箱格式不正确"));
    }
    if person.name.is_empty() {
        return Err((10003, "用户名不能为空"));
    }
    if person.remark.chars().count() > REMARK {
        return Err((10003, LONG_REMARK));
    }
    let has = |kind: fn(&char) -> bool| person.password.is_none_or(|text| text.chars().any(|c| kind(&c)));
    let strong = has(char::is_ascii_digit) && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
    let sized = person.password.is_none_or(|text| (8..=20).contains(&text.len()));
    if world.capital_online.edition == Edition::Y2023 && !(strong && sized) {
        return Err((10003, "密码不符合要求"));
    }
    let taken = world
        .capital_online
        .sub_accounts
        .values()
        .any(|user| user.account == account && user.email == person.email);
    if taken {
        Err((11000, "创建用户错误: 邮箱已存在"))
    } else {
        Ok(())
    }
}

struct Person<'a> {
    email: &'a str,
    name: &'a str,
    remark: &'a str,
    password: Option<&'a str>,
}

fn person<'a>(args: Args<'a>, prefix: &str) -> Person<'a> {
    let field = |name: &str| args.optional(&format!("{prefix}{name}"));
    Person {
        email: field("email").unwrap_or_default(),
        name: field("name").unwrap_or_default(),
        remark: field("remark").unwrap_or_default(),
        password: field("password"),
    }
}

/// Adds a sub-account that is still being made.
fn admit(world: &mut World, account: &str, person: &Person<'_>) -> String {
    let ready = world.now() + world.settings.durations.task;
    let id = add(world, account, person.email, person.name, person.remark, true);
    if let Some(user) = world.capital_online.sub_accounts.get_mut(&id) {
        "creating".clone_into(&mut user.status);
        user.ready_at = Some(ready);
        if let Some(password) = person.password {
            password.clone_into(&mut user.password);
        }
    }
    world.wake_at(ready);
    id
}

/// Adds a usable sub-account.
pub(super) fn add(world: &mut World, account: &str, email: &str, name: &str, remark: &str, by_request: bool) -> String {
    let number = world.capital_online.serial();
    let id = uuid("acc00000", number);
    let user = SubAccount {
        id: id.clone(),
        account: account.to_owned(),
        name: name.to_owned(),
        email: email.to_owned(),
        remark: remark.to_owned(),
        status: "create".to_owned(),
        password: format!("Generated{number:06}"),
        number,
        visible_from: 0,
        ready_at: None,
    };
    world.capital_online.sub_accounts.insert(id.clone(), user);
    world.born(Kind::User, &id, account, by_request);
    id
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let person = person(args, "");
    check(world, &call.account, &person).map_err(|(code, message)| refused(code, message))?;
    let id = admit(world, &call.account, &person);
    let mut done = Done::wrote(&id);
    // The answer does not tell the id.
    done.made = Some((Kind::User, id));
    Ok(done)
}

pub(super) fn create_many(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let prefixes: Vec<String> = (0..call.params.len())
        .map(|n| format!("createAccountParams.{n}."))
        .take_while(|prefix| call.params.keys().any(|name| name.starts_with(prefix)))
        .collect();
    if prefixes.is_empty() {
        return Err(wrong("createAccountParams"));
    }
    let mut made = Vec::new();
    let mut failed = Vec::new();
    for prefix in prefixes {
        let person = person(args, &prefix);
        match check(world, &call.account, &person) {
            Ok(()) => made.push(admit(world, &call.account, &person)),
            Err((_, reason)) => failed.push(json!({
                "name": person.name,
                "email": person.email,
                "remark": person.remark,
                // Three s, as the vendor has it.
                "messsage": reason,
            })),
        }
    }
    let mut done = Done::read(data(json!({
        "failedNum": failed.len(),
        "successNum": made.len(),
        "failedMsgs": failed,
    })));
    done.wrote = !made.is_empty();
    done.made = made.first().map(|id| (Kind::User, id.clone()));
    done.ids = made;
    Ok(done)
}

/// The sub-account of the caller's own with this address.
fn own<'w>(world: &'w mut World, call: &Call, email: &str) -> Result<&'w mut SubAccount> {
    world
        .capital_online
        .sub_accounts
        .values_mut()
        .find(|user| user.account == call.account && user.email == email)
        .ok_or_else(|| unknown("对应账户"))
}

pub(super) fn rename(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let (email, name) = (args.required("email")?, args.required("name")?);
    let user = own(world, call, email)?;
    if user.status != "create" {
        return Err(refused(10211, "修改用户名失败"));
    }
    name.clone_into(&mut user.name);
    Ok(Done::wrote(&user.id))
}

pub(super) fn remark(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let (emails, remark) = (args.list("emails")?, args.required("remark")?);
    if remark.chars().count() > REMARK {
        return Err(refused(10003, LONG_REMARK));
    }
    // All of them, or none.
    for email in &emails {
        if own(world, call, email)?.status != "create" {
            return Err(refused(11013, "修改用户备注失败"));
        }
    }
    let mut done = Done {
        wrote: true,
        ..Done::default()
    };
    for email in emails {
        let user = own(world, call, email)?;
        remark.clone_into(&mut user.remark);
        done.ids.push(user.id.clone());
    }
    Ok(done)
}
