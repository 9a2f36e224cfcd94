//! A pool of the vendor's own: gathers what is known, asks the plan, carries out one action.

mod gather;

use std::sync::Arc;
use std::time::Duration;

use kube::Resource;

use crate::api::common::Binding;
use crate::api::{DesktopCluster, DesktopPool, DesktopPoolStatus};
use crate::backend::pool::PoolChange;
use crate::backend::{Backend, BackendError, ErrorClass, Receipt, TaskState};
use crate::controller::context::Context;
use crate::controller::creation::{self, Order, Sent};
use crate::controller::error::Error;
use crate::controller::status::{add_finalizer, has_finalizer, remove_finalizer, uid, write};
use crate::controller::{permission, provider, reference};
use crate::plan::desktop::ClusterView;
use crate::plan::pool::brake::Facts;
use crate::plan::pool::native::{Action, Inputs, Plan, answered, plan, polled, unpollable};
use crate::plan::{Notice, stalled_by};

/// One pass.
pub(super) async fn reconcile(context: &Arc<Context>, object: &Arc<DesktopPool>) -> Result<Duration, Error> {
    let deleting = object.meta().deletion_timestamp.is_some();
    if !has_finalizer(&**object) {
        if deleting {
            context.forget(uid(&**object)?);
        } else {
            add_finalizer(context, &**object).await?;
        }
        return Ok(context.settings.inventory_slow);
    }
    // On the heap: it holds everything that was read, across calls of the vendor.
    let gathered = Box::pin(gather::gather(context, object)).await?;
    let Some(gathered) = gathered else {
        return Ok(provider::CONNECTING);
    };
    let status = object.status.clone().unwrap_or_default();
    let limits = context.limits(context.settings.inventory_fast, context.settings.inventory_slow);
    let unbraked = Facts::default();
    let inputs = gathered.inputs(context, object, &status, &limits, &unbraked)?;
    let made = plan(&inputs);
    context.pool_reads.set_pace(inputs.uid, made.pace);
    let removes = matches!(made.action, Action::RecordThenChange(PoolChange::DeleteDesktops { .. }));
    // The namespace is asked only when something is to be removed, or was.
    if !removes && status.removals.is_empty() {
        return Box::pin(carry_out(
            context,
            object,
            &inputs,
            made,
            (gathered.backend.clone(), None),
        ))
        .await;
    }
    let gate = context.pool_memory.gate.lock().await;
    let facts = super::brake::facts(context, object).await?;
    let inputs = Inputs {
        brake: &facts,
        ..inputs.clone()
    };
    let made = plan(&inputs);
    Box::pin(carry_out(
        context,
        object,
        &inputs,
        made,
        (gathered.backend.clone(), Some(gate)),
    ))
    .await
}

/// Held until what is removed is written.
type Gate<'a> = Option<tokio::sync::MutexGuard<'a, ()>>;

async fn carry_out(
    context: &Arc<Context>,
    object: &DesktopPool,
    inputs: &Inputs<'_>,
    plan: Plan,
    (backend, gate): (Option<Arc<dyn Backend>>, Gate<'_>),
) -> Result<Duration, Error> {
    // What waits for a vendor keeps no other pool waiting.
    let gate = gate.filter(|_| matches!(plan.action, Action::RecordThenChange(_)));
    let Plan {
        action,
        mut status,
        mut notices,
        healing,
        mut again,
        ..
    } = plan;
    let fast = context.settings.inventory_fast;
    if notices.iter().any(|n| n.reason == "RolloutHalted") {
        context.metrics.rollout_halted();
    }
    let backend = match (&action, backend) {
        (Action::Release, _) => return release(context, object, notices).await,
        (Action::None | Action::Reread, _) => None,
        (_, Some(backend)) => Some(backend),
        (_, None) => return Err(Error::Stale),
    };
    let Some(backend) = backend else {
        if matches!(action, Action::Reread) {
            let failing = context.pool_reads.expire(inputs.uid);
            again = if failing { fast } else { Duration::ZERO };
        }
        creation::count_ready(context, "DesktopPool", object, &status);
        let written = write(context, object, status).await?;
        context.publish(&written, notices).await;
        return Ok(again);
    };
    let buys = matches!(
        action,
        Action::Create(_) | Action::RecordThenChange(PoolChange::Expand { .. })
    );
    if buys
        && let ClusterView::Usable { provider, .. } = &inputs.cluster
        && permission::withheld(context, object, provider).await?
    {
        return Ok(fast);
    }
    let mut object = object.clone();
    match action {
        Action::None | Action::Reread | Action::Release => {}
        Action::Create(spec) => {
            context.pool_reads.expire(inputs.uid);
            let change = PoolChange::Create(spec);
            Box::pin(create(context, &object, inputs, status, backend, change)).await?;
            context.publish(&object, notices).await;
            return Ok(again);
        }
        Action::RecordThenChange(change) => {
            object = write(context, &object, status.clone()).await?;
            context.pool_memory.wrote_removals(inputs.uid, status.removals.clone());
            drop(gate);
            let answer = send(context, &*backend, &change, inputs).await?;
            if let (PoolChange::DeleteDesktops { desktop_ids, .. }, Ok(_)) = (&change, &answer) {
                context.metrics.pool_removed(desktop_ids.len());
            }
            let (after, told) = conclude(context, inputs, status, &change, &answer, (healing, &mut notices));
            status = after;
            notices.extend(told);
        }
        Action::Change(change) => {
            let answer = send(context, &*backend, &change, inputs).await?;
            let (after, told) = conclude(context, inputs, status, &change, &answer, (healing, &mut notices));
            status = after;
            notices.extend(told);
        }
        Action::Poll(task) => match backend.poll(&task).await {
            Ok(TaskState::Running) => {}
            Ok(TaskState::Finished) => {
                status = ended(context, inputs, status, Ok(())).0;
                again = Duration::ZERO;
            }
            Ok(TaskState::Failed(error)) => {
                tracing::warn!(%error, "a task failed");
                let (after, told) = ended(context, inputs, status, Err(&error));
                status = after;
                notices.extend(told);
            }
            Err(error) => {
                tracing::warn!(%error, "a task could not be polled");
                if !error.class.heals_by_itself() {
                    context.pool_reads.expire(inputs.uid);
                    status = unpollable(inputs, status);
                }
            }
        },
    }
    let removals = status.removals.clone();
    let written = write(context, &object, status).await?;
    context.pool_memory.wrote_removals(inputs.uid, removals);
    context.publish(&written, notices).await;
    Ok(again.min(fast))
}

/// Takes the answer of a change into the status.
fn conclude(
    context: &Context,
    inputs: &Inputs<'_>,
    status: DesktopPoolStatus,
    change: &PoolChange,
    answer: &Result<Receipt, BackendError>,
    (healing, notices): (Vec<&'static str>, &mut Vec<Notice>),
) -> (DesktopPoolStatus, Option<Notice>) {
    if answer.is_ok() {
        for field in healing {
            context.metrics.drift_healed("DesktopPool", field);
        }
    } else {
        notices.retain(|n| n.reason != "DriftDetected");
    }
    // What was read before the change says nothing of what is now.
    context.pool_reads.expire(inputs.uid);
    let (after, told) = answered(inputs, status, change, answer);
    (after, told.filter(|t| !stalled_by(&inputs.status.conditions, t.reason)))
}

fn ended(
    context: &Context,
    inputs: &Inputs<'_>,
    status: DesktopPoolStatus,
    outcome: Result<(), &BackendError>,
) -> (DesktopPoolStatus, Option<Notice>) {
    context.pool_reads.expire(inputs.uid);
    polled(inputs, status, outcome)
}

async fn send(
    context: &Context,
    backend: &dyn Backend,
    change: &PoolChange,
    inputs: &Inputs<'_>,
) -> Result<Result<Receipt, BackendError>, Error> {
    if !context.leadership.may_send() {
        return Err(Error::Stale);
    }
    let answer = match backend.pools() {
        Some(pools) => pools.change_pool(change).await,
        None => Err(backend.unsupported(change.name())),
    };
    match &answer {
        Ok(_) => tracing::info!(operation = change.name(), "sent"),
        Err(error) => {
            tracing::warn!(operation = change.name(), %error, "refused");
            refused(context, inputs.status.binding.as_ref(), error);
        }
    }
    Ok(answer)
}

/// Credentials that are refused here are checked at the provider, which says so for all.
fn refused(context: &Context, binding: Option<&Binding>, error: &BackendError) {
    if let Some(binding) = binding
        && error.class == ErrorClass::Auth
    {
        provider::suspect(context, &binding.provider);
    }
}

async fn create(
    context: &Arc<Context>,
    object: &DesktopPool,
    inputs: &Inputs<'_>,
    status: DesktopPoolStatus,
    backend: Arc<dyn Backend>,
    change: PoolChange,
) -> Result<(), Error> {
    let (ClusterView::Usable { place, provider }, Some(intent)) = (&inputs.cluster, status.create.clone()) else {
        return Err(Error::Stale);
    };
    let binding = Binding {
        uid: inputs.uid.to_owned(),
        provider: provider.clone(),
        cluster_id: Some(place.cluster_id.clone()),
        since_time: intent.start_time.clone(),
        adopted: false,
    };
    let sent = Sent {
        intent,
        binding,
        limits: *inputs.limits,
    };
    creation::create(context, object, status, sent, backend, Order::Pool(change)).await
}

async fn release(context: &Arc<Context>, object: &DesktopPool, notices: Vec<Notice>) -> Result<Duration, Error> {
    context.publish(object, notices).await;
    remove_finalizer(context, object).await?;
    context.forget(uid(object)?);
    context.pool_memory.forget(uid(object)?);
    // A cluster that waits for its last user looks again.
    if let Some(cluster) = super::cluster_of(context, object) {
        let _ = context.wake_cluster.send(reference::<DesktopCluster>(&cluster));
    }
    Ok(context.settings.inventory_slow)
}
