//! Reading parameters, with the vendor's errors for those that are missing or wrong.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::Value;
use uuid::Uuid;

use super::model::{Edition, SubAccount, Vm};
use crate::sim::vendor::{ApiError, Call};
use crate::sim::world::World;

pub(super) type Result<T> = std::result::Result<T, ApiError>;

/// A refusal by the service itself, which comes with status 200.
pub(super) fn refused(code: u16, message: &str) -> ApiError {
    ApiError::new(200, &code.to_string(), message)
}

/// 10003: a parameter is missing or not as it must be.
pub(super) fn wrong(name: &str) -> ApiError {
    refused(10003, &format!("传入参数不符合要求: {name}"))
}

/// 10006: what a parameter names does not exist, or cannot be used so.
pub(super) fn unknown(what: &str) -> ApiError {
    refused(10006, &format!("参数错误,{what}不存在"))
}

/// A JSON body as flat as a query: `vmIds.0`, `createAccountParams.0.email`. `None` when it is no object.
pub(super) fn flatten(body: &[u8]) -> Option<BTreeMap<String, String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.is_object().then(|| {
        let mut flat = BTreeMap::new();
        flatten_into(&mut flat, "", &body);
        flat
    })
}

fn flatten_into(flat: &mut BTreeMap<String, String>, at: &str, value: &Value) {
    let below = |name: &str| {
        if at.is_empty() {
            name.to_owned()
        } else {
            format!("{at}.{name}")
        }
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, inner) in fields {
                flatten_into(flat, &below(name), inner);
            }
        }
        Value::Array(items) => {
            for (number, inner) in items.iter().enumerate() {
                flatten_into(flat, &below(&number.to_string()), inner);
            }
        }
        Value::String(text) => {
            flat.insert(at.to_owned(), text.clone());
        }
        Value::Bool(_) | Value::Number(_) => {
            flat.insert(at.to_owned(), value.to_string());
        }
    }
}

/// The parameters of a call.
#[derive(Clone, Copy)]
pub(super) struct Args<'a>(pub &'a Call);

impl<'a> Args<'a> {
    /// A parameter that is there and not empty.
    pub fn optional(self, name: &str) -> Option<&'a str> {
        let value = self.0.params.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// A parameter that must be there and not empty.
    pub fn required(self, name: &str) -> Result<&'a str> {
        self.optional(name).ok_or_else(|| wrong(name))
    }

    /// The client's own number of the request.
    pub fn request_id(self) -> Result<&'a str> {
        let id = self.required("requestId")?;
        // "requestId: uuid".
        Uuid::try_parse(id).map(|_| id).map_err(|_| wrong("requestId"))
    }

    /// A list that must be there and not empty.
    pub fn list(self, name: &str) -> Result<Vec<&'a str>> {
        let items: Vec<&str> = (0..)
            .map_while(|n| self.0.params.get(&format!("{name}.{n}")))
            .map(String::as_str)
            .collect();
        if items.is_empty() || items.contains(&"") {
            return Err(wrong(name));
        }
        Ok(items)
    }

    /// A number within bounds; numbers are sent as text.
    pub fn number(self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let Some(text) = self.optional(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(wrong(name)),
        }
    }

    /// `0` or `1`.
    pub fn bit(self, name: &str) -> Result<Option<bool>> {
        Ok(self.number(name, 0..=1)?.map(|bit| bit == 1))
    }

    /// One of several words.
    pub fn word(self, name: &str, words: &[&str]) -> Result<Option<&'a str>> {
        match self.optional(name) {
            Some(word) if !words.contains(&word) => Err(wrong(name)),
            word => Ok(word),
        }
    }

    /// The site that `siteId` must name.
    pub fn site(self, world: &World) -> Result<&'a str> {
        let id = self.required("siteId")?;
        match world.capital_online.site(id) {
            Some(_) => Ok(id),
            None => Err(unknown("对应站点信息")),
        }
    }

    /// The line that a parameter must name.
    pub fn line(self, world: &World, name: &str, refusal: u16) -> Result<i64> {
        let line = self.number(name, 1..=i64::MAX)?.ok_or_else(|| wrong(name))?;
        match world.capital_online.line(line) {
            Some(_) => Ok(line),
            None => Err(refused(refusal, "线路不存在")),
        }
    }

    /// The line of the network in question, which only the newer edition asks for.
    pub fn net_line(self, world: &World, refusal: u16) -> Result<Option<i64>> {
        match world.capital_online.edition {
            Edition::Y2022 => Ok(None),
            Edition::Y2023 => self.line(world, "bandwidthConfIdStr", refusal).map(Some),
        }
    }

    /// The desktop of the caller's own with this id, if the vendor still knows it.
    pub fn own_vm<'w>(self, world: &'w mut World, id: &str) -> Option<&'w mut Vm> {
        let vms = &mut world.capital_online.vms;
        vms.get_mut(id).filter(|vm| vm.account == self.0.account)
    }

    /// The desktop that `vmId` must name.
    pub fn vm(self, world: &mut World) -> Result<&mut Vm> {
        let id = self.required("vmId")?;
        self.own_vm(world, id).ok_or_else(|| unknown("云桌面"))
    }

    /// The sub-account of the caller's own that `accountId` must name, complete and usable.
    pub fn user(self, world: &World) -> Result<Option<&SubAccount>> {
        let id = self.required("accountId")?;
        let user = world.capital_online.sub_accounts.get(id);
        Ok(user.filter(|user| user.account == self.0.account && user.status == "create"))
    }
}
