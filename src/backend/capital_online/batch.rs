//! Calls that take many desktops: what is asked for within a moment goes out as one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::client::{Call, Client};
use super::submit;
use crate::backend::error::{BackendError, ErrorClass};
use crate::backend::{Receipt, Result};

/// How long others are waited for.
const MOMENT: Duration = Duration::from_millis(30);
/// Most desktops in one call.
const MOST: usize = 50;

/// What is done to each of the desktops.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shared {
    /// Power on or off.
    Power(&'static str),
    /// A first user, by id.
    Bind(String),
    /// No user.
    Unbind,
    /// A label.
    Label(String),
}

impl Shared {
    pub(super) fn call(&self, ids: &[String]) -> Call {
        let call = |action| Call::change(action).set("vmIds", json!(ids));
        match self {
            Self::Power(action) => call("OperateVm").set("action", *action),
            Self::Bind(account) => call("BindAccounts").set("accountId", account.as_str()),
            Self::Unbind => call("UnbindAccounts"),
            Self::Label(label) => call("UpdateVmLabels").set("label", Value::from(label.as_str())),
        }
    }

    /// Whether the answer names a task.
    pub(super) const fn starts_task(&self) -> bool {
        matches!(self, Self::Power(_))
    }
}

/// Who waits for a call: the desktop, and where the answer goes.
type Waiting = (String, oneshot::Sender<Result<Receipt>>);

/// Collects what may go out together.
#[derive(Default)]
pub(super) struct Batches {
    waiting: Mutex<HashMap<Shared, Vec<Waiting>>>,
}

impl Batches {
    /// Does something to a desktop, together with whoever asks for the same within a moment.
    pub(super) async fn submit(self: &Arc<Self>, client: &Arc<Client>, what: Shared, id: &str) -> Result<Receipt> {
        let action = what.call(&[]).action;
        let (sender, answer) = oneshot::channel();
        let first = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = waiting.entry(what.clone()).or_default();
            queue.push((id.to_owned(), sender));
            queue.len() == 1
        };
        if first {
            // In a task of its own, so that nobody's giving up leaves the others without an answer.
            let (batches, client) = (Arc::clone(self), Arc::clone(client));
            tokio::spawn(async move {
                tokio::time::sleep(MOMENT).await;
                let queue = batches
                    .waiting
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&what)
                    .unwrap_or_default();
                send(&client, &what, queue).await;
            });
        }
        let lost = || BackendError::new(ErrorClass::Ambiguous, action, "the call was given up");
        answer.await.unwrap_or_else(|_| Err(lost()))
    }
}

async fn send(client: &Client, what: &Shared, queue: Vec<Waiting>) {
    let mut queue = queue;
    while !queue.is_empty() {
        let rest = queue.split_off(queue.len().min(MOST));
        send_one(client, what, queue).await;
        queue = rest;
    }
}

async fn send_one(client: &Client, what: &Shared, queue: Vec<Waiting>) {
    let mut ids: Vec<String> = queue.iter().map(|(id, _)| id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let result = once(client, what, &ids).await;
    // One desktop that does not allow it has all of them refused; each then gets its own answer.
    let refused = result.as_ref().is_err_and(|error| is_about_one(error.class));
    if refused && ids.len() > 1 {
        for (id, sender) in queue {
            let alone = once(client, what, std::slice::from_ref(&id)).await;
            let _ = sender.send(alone.and_then(|answer| answer.of(&id)));
        }
        return;
    }
    for (id, sender) in queue {
        let _ = sender.send(result.clone().and_then(|answer| answer.of(&id)));
    }
}

/// Whether a refusal may be about one desktop only, and says for certain that nothing was done.
const fn is_about_one(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Conflict | ErrorClass::Invalid | ErrorClass::NotFound)
}

async fn once(client: &Client, what: &Shared, ids: &[String]) -> Result<submit::Answer> {
    let call = what.call(ids);
    let number = call.request_id().to_owned();
    let action = call.action;
    let task = what.starts_task();
    client
        .send(&call, move |fields| submit::answer(action, task, &number, fields))
        .await
}
