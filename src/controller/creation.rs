//! Carrying out the create protocol: intent first, then one detached call, then its answer into the status.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::PostParams;

use super::context::Context;
use super::error::{Error, is_not_found};
use super::status::{Stored, remember, uid, write};
use crate::api::common::{Binding, CreateIntent};
use crate::api::condition::{self, Stamp};
use crate::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool};
use crate::backend::pool::PoolChange;
use crate::backend::{Backend, BackendError, Operation, Receipt};
use crate::plan::Limits;
use crate::plan::managed::{Managed, Parts};

/// A kind that is created at a vendor.
pub trait Created: Stored<Status: Managed> {
    /// Asks its controller to look at it.
    fn wake(&self, context: &Context);
}

/// A creation that is sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The intent it was recorded with.
    pub intent: CreateIntent,
    /// What the id will be bound to.
    pub binding: Binding,
    /// Limits.
    pub limits: Limits,
}

/// What is sent to create something.
#[derive(Clone, Debug)]
pub enum Order {
    /// To the vendor as a whole.
    Operation(Operation),
    /// To its pools.
    Pool(PoolChange),
}

impl From<Operation> for Order {
    fn from(operation: Operation) -> Self {
        Self::Operation(operation)
    }
}

impl Order {
    async fn submit(&self, backend: &dyn Backend) -> Result<Receipt, BackendError> {
        match (self, backend.pools()) {
            (Self::Operation(operation), _) => backend.submit(operation).await,
            (Self::Pool(change), Some(pools)) => pools.change_pool(change).await,
            (Self::Pool(change), None) => Err(backend.unsupported(change.name())),
        }
    }
}

impl Created for Desktop {
    fn wake(&self, context: &Context) {
        let _ = context.wake_desktop.send(super::reference(self));
    }
}

impl Created for DesktopCluster {
    fn wake(&self, context: &Context) {
        let _ = context.wake_cluster.send(super::reference(self));
    }
}

impl Created for DesktopImage {
    fn wake(&self, context: &Context) {
        let _ = context.wake_image.send(super::reference(self));
    }
}

impl Created for DesktopPool {
    fn wake(&self, context: &Context) {
        let _ = context.wake_pool.send(super::reference(self));
    }
}

/// Counts the time from creation to the first readiness, for objects that were made and not adopted.
pub fn count_ready<K: Created>(context: &Context, kind: &'static str, object: &K, status: &K::Status) {
    let (mut before, mut after) = (object.status(), status.clone());
    let (before, after) = (before.parts(), after.parts());
    let Some(binding) = after.binding.as_ref().filter(|b| !b.adopted) else {
        return;
    };
    // The condition's time moves with its value: one older than the binding was never true since.
    let waiting = condition::find(before.conditions, condition::READY)
        .is_some_and(|c| c.status != "True" && c.last_transition_time.0 <= binding.since_time.0);
    if waiting
        && condition::is_true(after.conditions, condition::READY)
        && let Some(created) = &object.meta().creation_timestamp
    {
        let took = Duration::try_from(Timestamp::now().duration_since(created.0)).unwrap_or_default();
        context.metrics.became_ready(kind, took);
    }
}

/// Records the intent that `status` holds and, once that is certain, sends `order` in a task of its own: neither
/// a deadline nor a lost Lease nor a shutdown comes between the vendor's answer and its record.
pub async fn create<K: Created>(
    context: &Arc<Context>,
    object: &K,
    status: K::Status,
    sent: Sent,
    backend: Arc<dyn Backend>,
    order: impl Into<Order>,
) -> Result<(), Error> {
    let order = order.into();
    if !context.leadership.may_send() {
        return Err(Error::Stale);
    }
    let recorded = record(context, object, status, &sent.intent).await?;
    let uid = uid(&recorded)?.to_owned();
    if !context.begin_flight(&uid) {
        return Err(Error::Stale);
    }
    let context_of_task = Arc::clone(context);
    context.tasks.spawn(async move {
        let context = context_of_task;
        send(&context, &recorded, &sent, &*backend, &order).await;
        context.end_flight(&uid);
        recorded.wake(&context);
    });
    Ok(())
}

/// Writes the intent. One writer wins: the write carries the resourceVersion that was read.
async fn record<K: Created>(
    context: &Context,
    object: &K,
    status: K::Status,
    intent: &CreateIntent,
) -> Result<K, Error> {
    match write(context, object, status).await {
        Ok(written) => Ok(written),
        Err(Error::Malformed(what)) => Err(Error::Malformed(what)),
        Err(error) => {
            // The answer may have been lost after the write: our own intent, word for word, is as good as an answer.
            let live = K::api(context, object.namespace().as_deref())
                .get(&object.name_any())
                .await?;
            let same_object = live.meta().uid == object.meta().uid && live.meta().deletion_timestamp.is_none();
            let mut status = live.status();
            let Parts { id, create, .. } = status.parts();
            let written = create.as_ref();
            let ours = written.is_some_and(|i| i.writer == intent.writer && i.attempt == intent.attempt);
            if same_object && ours && id.is_none() {
                Ok(live)
            } else {
                Err(error)
            }
        }
    }
}

async fn send<K: Created>(context: &Context, object: &K, sent: &Sent, backend: &dyn Backend, order: &Order) {
    if Timestamp::now() >= sent.intent.not_after_time.0 || !context.leadership.may_send() {
        tracing::warn!(
            attempt = sent.intent.attempt,
            "the creation was not sent: its time or the lease ran out"
        );
        return;
    }
    let answer = order.submit(backend).await;
    match &answer {
        Ok(receipt) => {
            tracing::info!(
                id = receipt.id,
                request_id = receipt.request_id,
                "created at the vendor"
            );
        }
        Err(error) => tracing::warn!(%error, request_id = error.request_id, "the creation did not succeed"),
    }
    persist(context, object, sent, &answer).await;
}

/// Takes the answer into the status, however often the write has to be tried.
async fn persist<K: Created>(context: &Context, object: &K, sent: &Sent, answer: &Result<Receipt, BackendError>) {
    let mut wait = Duration::from_millis(50);
    loop {
        // A connection that swallows everything must not keep the record of what was bought waiting.
        let attempt = tokio::time::timeout(Duration::from_secs(10), try_persist(context, object, sent, answer));
        match attempt.await.unwrap_or(Err(Error::Deadline)) {
            Ok(()) => return,
            // The watch of another writer was quicker; the answer is written onto what is there now.
            Err(Error::Stale) => tracing::debug!("the status had changed meanwhile"),
            Err(error) => {
                tracing::warn!(%error, id = answer.as_ref().ok().and_then(|r| r.id.as_deref()), "the answer to the \
                    creation could not be recorded yet");
            }
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(Duration::from_secs(5));
    }
}

async fn try_persist<K: Created>(
    context: &Context,
    object: &K,
    sent: &Sent,
    answer: &Result<Receipt, BackendError>,
) -> Result<(), Error> {
    let api = K::api(context, object.namespace().as_deref());
    let mut live = match api.get(&object.name_any()).await {
        Ok(live) => live,
        Err(error) if is_not_found(&error) => {
            tracing::error!(?answer, "the object vanished while its creation was being sent");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if live.meta().uid != object.meta().uid {
        tracing::error!(?answer, "the object was replaced while its creation was being sent");
        return Ok(());
    }
    let mut status = live.status();
    let created = answer.as_ref().ok().and_then(|r| r.id.as_deref());
    let mut parts = status.parts();
    match (parts.id.as_deref(), created) {
        (Some(recorded), Some(created)) if recorded != created => {
            tracing::error!(recorded, created, "two vendor objects exist for one resource");
            return Ok(());
        }
        (Some(_), _) => return Ok(()),
        (None, _) => {}
    }
    let same_attempt = parts.create.as_ref().is_some_and(|i| i.attempt == sent.intent.attempt);
    if !same_attempt {
        tracing::error!(?answer, "another attempt was begun while this one was being answered");
        return Ok(());
    }
    let stamp = Stamp {
        generation: live.meta().generation.unwrap_or_default(),
        now: Timestamp::now(),
    };
    let told = parts.created(&sent.intent, sent.binding.clone(), answer, &sent.limits, stamp);
    if status == live.status() {
        return Ok(());
    }
    live.set_status(status);
    live.meta_mut().managed_fields = None;
    let written = api
        .replace_status(&live.name_any(), &PostParams::default(), &live)
        .await?;
    remember(context, &live, written.meta())?;
    context.publish(&live, told.into_iter().collect()).await;
    Ok(())
}
