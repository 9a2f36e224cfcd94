//! Sub-accounts: the people desktops are bound to.

use serde_json::{Value, json};

use super::CapitalOnline;
use super::batch::Shared;
use super::client::Call;
use super::errors::says_gone;
use super::{inventory, map, submit};
use crate::api::desktop::DesktopUser;
use crate::backend::client::odd;
use crate::backend::decode::{Fields, Odd};
use crate::backend::error::{BackendError, ErrorClass};
use crate::backend::{ObservedUser, Receipt, Result, UserSpec};
use crate::http::transport::Effect;

/// Longest remark, in characters.
const REMARK: usize = 30;

fn invalid(action: &'static str, message: &str) -> BackendError {
    BackendError::new(ErrorClass::Invalid, action, message)
}

fn check_remark(action: &'static str, remark: Option<&str>) -> Result<()> {
    match remark {
        Some(remark) if remark.chars().count() > REMARK => {
            Err(invalid(action, &format!("a remark has at most {REMARK} characters")))
        }
        _ => Ok(()),
    }
}

/// What a batch came to: how many were made, and whose creation failed and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) count: usize,
    pub(super) failed: Vec<(String, String)>,
}

pub(super) fn made(fields: Fields<'_>) -> std::result::Result<Made, Odd> {
    let data = map::data(fields)?;
    let count = data.int("successNum")?.ok_or(Odd::missing("successNum"))?;
    let mut failed = Vec::new();
    for row in data.array("failedMsgs")?.unwrap_or_default() {
        let email = row.text("email")?.ok_or(Odd::missing("email"))?;
        failed.push((email, submit::reason(row)?));
    }
    let told = data.int("failedNum")?.unwrap_or(0);
    if usize::try_from(told) != Ok(failed.len()) {
        return Err(Odd::missing("failedMsgs"));
    }
    Ok(Made {
        count: usize::try_from(count).map_err(|_| Odd::missing("successNum"))?,
        failed,
    })
}

impl CapitalOnline {
    pub(super) async fn users(&self) -> Result<Vec<ObservedUser>> {
        self.client.send(&Call::get("QuerySubAccounts"), map::users).await
    }

    /// The sub-account of a user: by address where one is given, else by a name that only one has.
    async fn account_of(&self, action: &'static str, user: &DesktopUser) -> Result<ObservedUser> {
        let users = self.users().await?;
        let wanted = |found: &&ObservedUser| match &user.email {
            // How the vendor compares is not said, so it is asked for all and compared here.
            Some(email) => found
                .email
                .as_ref()
                .is_some_and(|other| other.eq_ignore_ascii_case(email)),
            None => found.name == user.name,
        };
        let found: Vec<&ObservedUser> = users.iter().filter(wanted).collect();
        let shown = user.email.as_ref().unwrap_or(&user.name);
        match found[..] {
            [one] if one.usable => Ok(one.clone()),
            [one] => {
                let state = one.vendor_state.as_deref().unwrap_or_default();
                let message = format!("the sub-account {shown} cannot be used: {state}");
                Err(BackendError::new(ErrorClass::Conflict, action, &message))
            }
            [] => {
                let message = format!("there is no sub-account {shown}; create it, or a DesktopUser for it");
                Err(BackendError::new(ErrorClass::NotFound, action, &message))
            }
            _ => Err(invalid(
                action,
                &format!("several sub-accounts are called {shown}; name one by its e-mail address (spec.user.email)"),
            )),
        }
    }

    /// Binds a desktop to a user: for the first time, which it may be on for, or to another one.
    pub(super) async fn assign(&self, desktop_id: &str, user: &DesktopUser) -> Result<Receipt> {
        const ACTION: &str = "ChangeAccount";
        let account = self.account_of(ACTION, user).await?;
        let gone = || BackendError::new(ErrorClass::NotFound, ACTION, "the desktop does not exist");
        let desktop = inventory::fresh(&self.client, desktop_id).await?.ok_or_else(gone)?;
        let id = account
            .id
            .ok_or_else(|| odd(ACTION, Effect::Read, "the sub-account has no id"))?;
        if desktop.user_email.is_none() && desktop.user_name.is_none() {
            return self.together(Shared::Bind(id), desktop_id).await;
        }
        let call = Call::change(ACTION).set("vmId", desktop_id).set("accountId", id);
        self.plain(&call).await
    }

    pub(super) async fn create_all(&self, users: &[UserSpec]) -> Result<Vec<Result<()>>> {
        const ACTION: &str = "CreateSubAccounts";
        let mut checked: Vec<Result<()>> = users.iter().map(|user| check(ACTION, user)).collect();
        let good: Vec<&UserSpec> = users
            .iter()
            .zip(&checked)
            .filter_map(|(user, check)| check.is_ok().then_some(user))
            .collect();
        match good[..] {
            [] => return Ok(checked),
            [one] => {
                let result = self.create_one(one).await;
                // Of a single one a refusal is its own.
                for (user, check) in users.iter().zip(&mut checked) {
                    if std::ptr::eq(user, one) {
                        check.clone_from(&result);
                    }
                }
                return Ok(checked);
            }
            _ => {}
        }
        let people: Vec<Value> = good.iter().map(|user| person(user)).collect();
        let call = Call::change(ACTION).set("createAccountParams", json!(people));
        let made = self.client.send(&call, made).await?;
        let ours = |email: &String| good.iter().any(|user| user.email.as_ref() == Some(email));
        if made.count + made.failed.len() != good.len() || !made.failed.iter().all(|(email, _)| ours(email)) {
            return Err(odd(ACTION, Effect::Change, "the answer does not say who was created"));
        }
        for (user, check) in users.iter().zip(&mut checked).filter(|(_, check)| check.is_ok()) {
            let failed = made.failed.iter().find(|(email, _)| Some(email) == user.email.as_ref());
            if let Some((_, reason)) = failed {
                *check = Err(submit::failure(ErrorClass::Invalid, ACTION, reason));
            }
        }
        Ok(checked)
    }

    async fn create_one(&self, user: &UserSpec) -> Result<()> {
        let call = Call::change("CreateSubAccount")
            .set("email", user.email.clone().unwrap_or_default())
            .set("name", user.name.as_str())
            .set_some("remark", user.remark.clone());
        self.plain(&call).await.map(|_| ())
    }

    pub(super) async fn rename(&self, email: &str, name: &str) -> Result<()> {
        let call = Call::change("ChangeSubAccountName")
            .set("email", email)
            .set("name", name);
        self.plain(&call).await.map(|_| ())
    }

    pub(super) async fn remark(&self, emails: &[String], remark: &str) -> Result<()> {
        const ACTION: &str = "ChangeSubAccountRemark";
        check_remark(ACTION, Some(remark))?;
        let call = Call::change(ACTION).set("emails", json!(emails)).set("remark", remark);
        self.plain(&call).await.map(|_| ())
    }

    /// A change whose answer holds nothing.
    pub(super) async fn plain(&self, call: &Call) -> Result<Receipt> {
        let number = call.request_id().to_owned();
        self.client
            .send(call, |fields| {
                submit::answer(call.action, false, &number, fields).map(|_| ())
            })
            .await?;
        Ok(Receipt {
            request_id: Some(number.clone()),
            ..Receipt::default()
        })
    }

    /// What is to be deleted and is not there is deleted.
    pub(super) fn unless_gone(result: Result<Receipt>) -> Result<Receipt> {
        match result {
            Err(error) if says_gone(&error) => Ok(Receipt {
                gone: true,
                ..Receipt::default()
            }),
            result => result,
        }
    }
}

fn check(action: &'static str, user: &UserSpec) -> Result<()> {
    if user.email.is_none() {
        return Err(invalid(action, "a sub-account needs an e-mail address"));
    }
    check_remark(action, user.remark.as_deref())
}

fn person(user: &UserSpec) -> Value {
    let mut person = json!({"email": user.email, "name": user.name});
    if let Some(remark) = &user.remark {
        person["remark"] = json!(remark);
    }
    person
}
