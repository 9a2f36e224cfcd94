//! `DesktopCluster`: gathers what is known, asks the plan, carries out one action.

mod gather;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Api;
use kube::Resource;

use super::context::Context;
use super::creation::{self, Sent};
use super::error::Error;
use super::kind::Kind;
use super::observations::ClusterRead;
use super::status::{Stored, add_finalizer, has_finalizer, remove_finalizer, uid, write};
use super::{lock, provider, reference};
use crate::api::common::{Binding, CreatePhase};
use crate::api::{CLUSTER_FINALIZER, DesktopCluster, DesktopClusterStatus};
use crate::backend::{Backend, BackendError, ErrorClass, Operation, TaskState};
use crate::plan::cluster::{Action, Inputs, Plan, answered, plan, polled};
use crate::plan::stalled_by;
use crate::plan::{Notice, Pace};

impl Stored for DesktopCluster {
    type Status = DesktopClusterStatus;
    const FINALIZER: &'static str = CLUSTER_FINALIZER;

    fn api(context: &Context, namespace: Option<&str>) -> Api<Self> {
        Api::namespaced(context.client.clone(), namespace.unwrap_or_default())
    }

    fn status(&self) -> DesktopClusterStatus {
        self.status.clone().unwrap_or_default()
    }

    fn set_status(&mut self, status: DesktopClusterStatus) {
        self.status = Some(status);
    }
}

/// The provider a cluster belongs to: the recorded one, else the declared one.
#[must_use]
pub fn provider_of(cluster: &DesktopCluster) -> &str {
    let recorded = cluster
        .status
        .as_ref()
        .and_then(|s| s.binding.as_ref())
        .map(|b| b.provider.as_str());
    recorded.unwrap_or(&cluster.spec.provider_ref.name)
}

/// Where one cluster is created at a time: its network, or the site's default one.
fn network_of(cluster: &DesktopCluster) -> &str {
    cluster.spec.network.vpc_id.as_deref().unwrap_or("default network")
}

impl Kind for DesktopCluster {
    const CONTROLLER: &'static str = "desktopcluster";

    async fn reconcile(context: &Arc<Context>, object: &Arc<Self>) -> Result<Duration, Error> {
        let deleting = object.meta().deletion_timestamp.is_some();
        if !has_finalizer(&**object) {
            if deleting {
                context.forget(uid(&**object)?);
            } else {
                add_finalizer(context, &**object).await?;
            }
            return Ok(context.settings.cluster_slow);
        }
        if provider::is_connecting(context, provider_of(object)) {
            return Ok(provider::CONNECTING);
        }
        let gathered = gather::gather(context, object).await?;
        let status = object.status();
        let limits = context.limits(context.settings.cluster_fast, context.settings.cluster_slow);
        let inputs = gathered.inputs(object, &status, &limits, context.now())?;
        let plan = plan(&inputs);
        context.cluster_reads.set_pace(inputs.uid, plan.pace);
        carry_out(context, object, &inputs, plan, gathered.backend.clone()).await
    }
}

async fn carry_out(
    context: &Arc<Context>,
    object: &DesktopCluster,
    inputs: &Inputs<'_>,
    plan: Plan,
    backend: Option<Arc<dyn Backend>>,
) -> Result<Duration, Error> {
    let Plan {
        action,
        mut status,
        mut notices,
        healing,
        again,
        ..
    } = plan;
    let backend = match (&action, backend) {
        (Action::None, _) => None,
        (Action::Release, _) => return release(context, object, status, notices).await,
        (_, Some(backend)) => Some(backend),
        (_, None) => return Err(Error::Stale),
    };
    let Some(backend) = backend else {
        settle_lock(context, object, &status).await?;
        creation::count_ready(context, "DesktopCluster", object, &status);
        let written = write(context, object, status).await?;
        context.publish(&written, notices).await;
        return Ok(again);
    };
    match action {
        Action::None | Action::Release => {}
        Action::Create(request) => {
            create(
                context,
                object,
                inputs,
                status,
                backend,
                Operation::CreateCluster(request),
            )
            .await?;
            context.publish(object, notices).await;
            return Ok(again);
        }
        Action::Submit(operation) => {
            if !context.leadership.may_send() {
                return Err(Error::Stale);
            }
            let answer = backend.submit(&operation).await;
            log(&operation, &answer);
            if answer.is_ok() {
                for field in healing {
                    context.metrics.drift_healed("DesktopCluster", field);
                }
            } else {
                notices.retain(|n| n.reason != "DriftDetected");
            }
            refused(context, inputs.status.binding.as_ref(), &answer);
            let (after, told) = answered(inputs, status, &operation, &answer);
            status = after;
            notices.extend(told.filter(|t| !stalled_by(&inputs.status.conditions, t.reason)));
            // What was read before the change says nothing of what is now.
            context.cluster_reads.forget(inputs.uid);
        }
        Action::Poll(task) => match backend.poll(&task).await {
            Ok(TaskState::Running) => {}
            Ok(TaskState::Finished) => {
                let (after, _) = polled(inputs, status, Ok(()));
                context.cluster_reads.forget(inputs.uid);
                write(context, object, after).await?;
                context.publish(object, notices).await;
                return Ok(Duration::ZERO);
            }
            Ok(TaskState::Failed(error)) => {
                tracing::warn!(%error, "a task failed");
                let (after, told) = polled(inputs, status, Err(&error));
                status = after;
                notices.extend(told);
                context.cluster_reads.forget(inputs.uid);
            }
            Err(error) => {
                tracing::warn!(%error, "a task could not be polled");
                if !error.class.heals_by_itself() {
                    status = polled(inputs, status, Ok(())).0;
                }
            }
        },
    }
    creation::count_ready(context, "DesktopCluster", object, &status);
    let written = write(context, object, status).await?;
    context.publish(&written, notices).await;
    Ok(again.min(context.settings.cluster_fast))
}

fn log<T>(operation: &Operation, answer: &Result<T, BackendError>) {
    match answer {
        Ok(_) => tracing::info!(operation = operation.name(), "sent"),
        Err(error) => tracing::warn!(operation = operation.name(), %error, "refused"),
    }
}

/// Credentials that are refused here are checked at the provider, which says so for all.
fn refused<T>(context: &Context, binding: Option<&Binding>, answer: &Result<T, BackendError>) {
    if let (Some(binding), Err(error)) = (binding, answer)
        && error.class == ErrorClass::Auth
    {
        provider::suspect(context, &binding.provider);
    }
}

async fn create(
    context: &Arc<Context>,
    object: &DesktopCluster,
    inputs: &Inputs<'_>,
    mut status: DesktopClusterStatus,
    backend: Arc<dyn Backend>,
    operation: Operation,
) -> Result<(), Error> {
    let provider = object.spec.provider_ref.name.clone();
    let network = network_of(object);
    let creating = |holder: &str| {
        context
            .clusters
            .find(|c| c.meta().uid.as_deref() == Some(holder))
            .is_some_and(|c| {
                let intent =
                    c.0.as_ref()
                        .ok()
                        .and_then(|c| c.status.as_ref())
                        .and_then(|s| s.create.as_ref());
                intent.is_some_and(|i| i.phase == CreatePhase::Open)
            })
    };
    if !lock::acquire(context, &provider, network, inputs.uid, creating).await? {
        status.create.clone_from(&inputs.status.create);
        let stamp = crate::api::condition::Stamp {
            generation: inputs.generation,
            now: inputs.now,
        };
        let message = format!(
            "Another cluster is being created in {network}; clusters carry no name while they are \
                               created, so it is waited for."
        );
        stamp.working(&mut status.conditions, "WaitingForOther", &message);
        write(context, object, status).await?;
        return Ok(());
    }
    let Some(intent) = status.create.clone() else {
        return Err(Error::Stale);
    };
    let binding = Binding {
        uid: inputs.uid.to_owned(),
        provider,
        cluster_id: None,
        since_time: intent.start_time.clone(),
        adopted: false,
    };
    // The listing that proves nothing is there must be newer than the lock.
    context.cluster_reads.forget(inputs.uid);
    let sent = Sent {
        intent,
        binding,
        limits: *inputs.limits,
    };
    creation::create(context, object, status, sent, backend, operation).await
}

/// Lets go of the creation lock once nothing is being created.
async fn settle_lock(context: &Context, object: &DesktopCluster, status: &DesktopClusterStatus) -> Result<(), Error> {
    let had = object
        .status
        .as_ref()
        .is_some_and(|s| s.create.is_some() || (s.id.is_some() && s.state.is_none()));
    let open = status.create.as_ref().is_some_and(|i| i.phase == CreatePhase::Open);
    if had && !open && !status.binding.as_ref().is_some_and(|b| b.adopted) {
        lock::release(context, provider_of(object), network_of(object), uid(object)?).await?;
    }
    Ok(())
}

async fn release(
    context: &Arc<Context>,
    object: &DesktopCluster,
    status: DesktopClusterStatus,
    notices: Vec<Notice>,
) -> Result<Duration, Error> {
    context.publish(object, notices).await;
    if object.status.as_ref().is_some_and(|s| s.create.is_some()) {
        lock::release(context, provider_of(object), network_of(object), uid(object)?).await?;
    }
    remove_finalizer(context, object).await?;
    if let Some(id) = &status.id {
        context.inventory.end(provider_of(object), id);
        context.metrics.orphans(provider_of(object), id, None);
    }
    context.forget(uid(object)?);
    // A provider that waits for its last user looks again.
    let name = provider_of(object).to_owned();
    if let Some(provider) = context
        .providers
        .find(|p| p.meta().name.as_deref() == Some(name.as_str()))
        && let Ok(provider) = &provider.0
    {
        let _ = context.wake_provider.send(reference(provider));
    }
    Ok(context.settings.cluster_slow)
}

/// Whether what was last read is old enough to read again.
fn is_due(read: Option<&ClusterRead>, generation: i64, context: &Context) -> bool {
    let Some(read) = read else { return true };
    let interval = match read.pace {
        Pace::Fast => context.settings.cluster_fast,
        Pace::Slow => context.settings.cluster_slow,
    };
    let interval = interval
        .saturating_mul(1 << read.failures.min(4))
        .min(context.settings.cluster_slow.max(interval));
    // Half a beat early is on time: the pass itself was woken by a timer of this very length.
    read.generation != generation || Instant::now() + interval / 2 >= read.at + interval
}
