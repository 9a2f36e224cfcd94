//! `Desktop`: gathers what is known, asks the plan, carries out one action.

use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use super::context::Context;
use super::creation::{self, Sent};
use super::error::Error;
use super::inventory::{Listing, View};
use super::kind::Kind;
use super::status::{Stored, add_finalizer, has_finalizer, remove_finalizer, uid, write};
use super::{annotation, cluster, image, permission, provider, reference};
use crate::api::cluster::{ClusterState, PolicyEnforcement};
use crate::api::common::Binding;
use crate::api::desktop::EstimatedPrice;
use crate::api::{
    ABANDON_ANNOTATION, DESKTOP_FINALIZER, Desktop, DesktopCluster, DesktopStatus, PAUSED_ANNOTATION,
    RESTART_ANNOTATION, RETRY_CREATE_ANNOTATION, SETTLE_ANNOTATION, condition,
};
use crate::backend::{
    Backend, BackendError, DesktopSpec, ErrorClass, Operation, Place, PolicyValues, Receipt, Task, TaskState,
};
use crate::plan::Notice;
use crate::plan::desktop::{Action, ClusterView, Hold, Inputs, Observation, Plan, answered, plan, polled};
use crate::plan::image::ImageView;
use crate::plan::stalled_by;

impl Stored for Desktop {
    type Status = DesktopStatus;
    const FINALIZER: &'static str = DESKTOP_FINALIZER;

    fn api(context: &Context, namespace: Option<&str>) -> Api<Self> {
        Api::namespaced(context.client.clone(), namespace.unwrap_or_default())
    }

    fn status(&self) -> DesktopStatus {
        self.status.clone().unwrap_or_default()
    }

    fn set_status(&mut self, status: DesktopStatus) {
        self.status = Some(status);
    }
}

impl Kind for Desktop {
    const CONTROLLER: &'static str = "desktop";

    async fn reconcile(context: &Arc<Context>, object: &Arc<Self>) -> Result<Duration, Error> {
        let deleting = object.meta().deletion_timestamp.is_some();
        if !has_finalizer(&**object) {
            if deleting {
                forget(context, object)?;
            } else {
                add_finalizer(context, &**object).await?;
            }
            return Ok(context.settings.inventory_slow);
        }
        let gathered = gather(context, object);
        if gathered.connecting {
            return Ok(provider::CONNECTING);
        }
        let status = object.status();
        let limits = context.limits(context.settings.inventory_fast, context.settings.inventory_slow);
        let object_uid = uid(&**object)?;
        let candidates = gathered.candidates(context, object_uid, &status);
        let observed = gathered.observation();
        let inputs = Inputs {
            name: object.meta().name.as_deref().ok_or(Error::Malformed("name"))?,
            uid: object_uid,
            generation: object.metadata.generation.unwrap_or_default(),
            deleting,
            paused: annotation(&**object, PAUSED_ANNOTATION) == Some("true"),
            restart: annotation(&**object, RESTART_ANNOTATION),
            abandon: annotation(&**object, ABANDON_ANNOTATION),
            retry_create: annotation(&**object, RETRY_CREATE_ANNOTATION).and_then(|n| n.parse().ok()),
            settle: annotation(&**object, SETTLE_ANNOTATION),
            spec: &object.spec,
            status: &status,
            cluster: gathered.cluster.clone(),
            image: gathered.image.as_ref(),
            hold: gathered.hold.clone(),
            capabilities: gathered.backend.as_ref().map(|b| b.capabilities()),
            observed,
            listing_started: gathered.view.as_ref().and_then(|v| v.snapshot.started),
            listing_error: gathered.view.as_ref().and_then(|v| v.error.as_ref()),
            candidates: &candidates,
            claimed_by: gathered.claimed_by.as_deref(),
            session: gathered.session(context, &status),
            display: gathered.display.as_ref(),
            display_failure: gathered.display_failure.as_ref(),
            price_due: context.price_reads.is_due(object_uid),
            in_flight: context.is_in_flight(object_uid),
            writer: &gathered.writer,
            limits: &limits,
            now: context.now(),
        };
        let plan = plan(&inputs);
        if let Some(listing) = &gathered.listing {
            listing.watch(
                reference(&**object),
                plan.status.id.as_deref().or(gathered.asked.as_deref()),
                Some(plan.pace),
            );
        }
        // On the heap: it is large, and held while a vendor answers.
        Box::pin(carry_out(context, object, &inputs, plan, gathered.backend.clone())).await
    }
}

/// What was gathered, owned, so that the inputs can borrow it.
struct Gathered {
    backend: Option<Arc<dyn Backend>>,
    /// The account was usable a moment ago and is being connected, as after a restart: nothing is said about it.
    connecting: bool,
    cluster: ClusterView,
    image: Option<ImageView>,
    hold: Option<Hold>,
    listing: Option<Arc<Listing>>,
    view: Option<View>,
    /// The id that is looked for: the recorded one, else the one to adopt.
    asked: Option<String>,
    claimed_by: Option<String>,
    display: Option<PolicyValues>,
    display_failure: Option<(BackendError, Duration)>,
    cluster_id: Option<String>,
    writer: String,
}

fn gather(context: &Arc<Context>, object: &Desktop) -> Gathered {
    let status = object.status();
    let deleting = object.metadata.deletion_timestamp.is_some();
    let own_uid = object.meta().uid.as_deref().unwrap_or_default();
    let namespace = object.namespace();
    let name = &object.spec.cluster_ref.name;
    let found = context
        .clusters
        .get(&ObjectRef::new(name).within(namespace.as_deref().unwrap_or_default()));
    let found = found.as_ref().and_then(|c| c.0.as_ref().ok());
    let binding = status.binding.as_ref().filter(|b| b.uid == own_uid);
    // The recorded place wins: what it was when the money was spent, not what it is called now.
    let place = binding
        .and_then(|b| Some((b.provider.clone(), b.cluster_id.clone()?)))
        .or_else(|| {
            let cluster = found?;
            let id = cluster.status.as_ref()?.id.clone()?;
            Some((cluster::provider_of(cluster).to_owned(), id))
        });
    let paused = annotation(object, PAUSED_ANNOTATION) == Some("true");
    let backend = place
        .as_ref()
        .and_then(|(p, _)| context.accounts.get(p))
        .map(|a| a.backend)
        .filter(|_| !paused);
    let connecting = !paused && place.as_ref().is_some_and(|(p, _)| provider::is_connecting(context, p));
    let listing = match (&place, &backend) {
        (Some((provider, id)), Some(backend)) if backend.capabilities().observe_desktops => {
            Some(context.inventory.listing(provider, id, backend))
        }
        _ => None,
    };
    let asked = status.id.clone().or_else(|| object.spec.existing_id.clone());
    if let Some(listing) = &listing {
        // Asking is what makes absence count.
        listing.watch(reference(object), asked.as_deref(), None);
    }
    let view = listing.as_ref().map(|l| l.view(asked.as_deref()));
    let account = place
        .as_ref()
        .filter(|_| backend.is_none())
        .map(|(provider, _)| provider::unusable_words(context, provider));
    let cluster = cluster_view(found, name, account, deleting);
    // An id of ours carries our mark; one that was adopted could be wanted by two.
    let claimed_by = object
        .spec
        .existing_id
        .as_ref()
        .and_then(|id| claimant(context, id, own_uid));
    let image = object.spec.image.as_ref().map(|source| {
        let namespace = namespace.as_deref().unwrap_or_default();
        image::resolve(context, namespace, source)
    });
    let generation = object.metadata.generation.unwrap_or_default();
    let display = context
        .display_reads
        .get(own_uid, generation, context.settings.display_policy_interval);
    Gathered {
        backend,
        connecting,
        cluster,
        image,
        hold: image::hold(context, object),
        listing,
        view,
        asked,
        claimed_by,
        display,
        display_failure: context.display_reads.failure(own_uid),
        cluster_id: place.map(|(_, id)| id),
        writer: uuid::Uuid::new_v4().to_string(),
    }
}

impl Gathered {
    fn observation(&self) -> Observation<'_> {
        let (Some(view), Some(id)) = (&self.view, &self.asked) else {
            return Observation::Unknown;
        };
        // What was listed before a lasting failure may no longer hold.
        if view.error.is_some() {
            return Observation::Unknown;
        }
        match view.snapshot.get(id) {
            Some(observed) => Observation::Present(observed),
            None if view.snapshot.started.is_none() || view.absent == 0 => Observation::Unknown,
            None => Observation::Absent {
                confirmed: view.absent >= 2,
            },
        }
    }

    /// Desktops with our mark that no other resource has recorded.
    fn candidates(&self, context: &Context, own_uid: &str, status: &DesktopStatus) -> Vec<String> {
        let Some(view) = &self.view else { return Vec::new() };
        let ours = |id: &String| status.id.as_ref() == Some(id) || claimant(context, id, own_uid).is_none();
        view.snapshot.marked(own_uid).into_iter().filter(ours).collect()
    }

    fn session(&self, context: &Context, status: &DesktopStatus) -> Option<crate::api::desktop::SessionStatus> {
        // They are read with the cluster's passes; a few that failed are no reason to forget.
        let settings = &context.settings;
        let max_age = settings.session_interval.max(settings.cluster_slow).saturating_mul(5);
        context
            .sessions
            .of(self.cluster_id.as_deref()?, status.id.as_deref()?, max_age)
    }
}

/// Another Desktop that has recorded this vendor id.
fn claimant(context: &Context, id: &str, own_uid: &str) -> Option<String> {
    let holds = |d: &Desktop| d.status.as_ref().is_some_and(|s| s.id.as_deref() == Some(id));
    let other = context
        .desktops
        .find(|d| d.meta().uid.as_deref() != Some(own_uid) && d.0.as_ref().is_ok_and(holds))?;
    Some(format!(
        "Desktop {}/{}",
        other.namespace().unwrap_or_default(),
        other.name_any()
    ))
}

/// Where the desktops of a cluster are made.
fn place_of(cluster: &DesktopCluster, cluster_id: String) -> Place {
    let spec = &cluster.spec;
    let (cloud_desktop, capital_online, huawei) = (&spec.cloud_desktop, &spec.capital_online, &spec.huawei_workspace);
    Place {
        cluster_id,
        vpc_id: spec.network.vpc_id.clone(),
        subnet_id: spec.network.subnet_id.clone(),
        zone_id: cloud_desktop
            .as_ref()
            .map(|c| c.zone_id.clone())
            .or_else(|| huawei.as_ref()?.availability_zone.clone()),
        gateway_id: capital_online.as_ref().and_then(|c| c.gateway_id.clone()),
        security_groups: huawei.as_ref().map(|h| h.security_groups.clone()).unwrap_or_default(),
    }
}

/// Whether the cluster can take a desktop: it exists, is as declared, and its policy is enforced. `unconnected` says why
/// its account cannot be used, if so.
pub(super) fn cluster_view(
    found: Option<&DesktopCluster>,
    name: &str,
    unconnected: Option<String>,
    deleting: bool,
) -> ClusterView {
    let unusable = |reason, message| ClusterView::Unusable { reason, message };
    if let Some(words) = unconnected {
        return unusable("ProviderNotConnected", words);
    }
    let Some(cluster) = found else {
        return unusable(
            "ClusterNotFound",
            format!("DesktopCluster {name} (spec.clusterRef) does not exist."),
        );
    };
    let status = cluster.status.clone().unwrap_or_default();
    let ready = condition::find(&status.conditions, condition::READY);
    // Its words change with every retry, and would be written again for each desktop that waits.
    let words = ready.map_or_else(
        || "nothing is known of it yet.".to_owned(),
        |c| format!("{}; what that means is in its own conditions.", c.reason),
    );
    let Some(id) = status.id.clone() else {
        return unusable(
            "ClusterNotReady",
            format!("DesktopCluster {name} is not ready: {words}"),
        );
    };
    let usable = ClusterView::Usable {
        provider: cluster::provider_of(cluster).to_owned(),
        place: place_of(cluster, id),
    };
    if deleting {
        // Cleaning up needs the place, not its readiness.
        return usable;
    }
    if cluster.metadata.deletion_timestamp.is_some() {
        return unusable("ClusterDeleting", format!("DesktopCluster {name} is being deleted."));
    }
    // What was ready before the manifest was changed says nothing of what it asks for now.
    let current = cluster.metadata.generation == Some(status.observed_generation)
        && ready.and_then(|c| c.observed_generation) == cluster.metadata.generation;
    let is_ready = current && ready.is_some_and(|c| c.status == "True");
    let best_effort = cluster.spec.policy_enforcement == PolicyEnforcement::BestEffort
        && current
        && status.state == Some(ClusterState::Running)
        // Best effort is about the policy, not about who may spend the account's money.
        && ready.is_none_or(|c| c.reason != permission::NOT_ALLOWED);
    if is_ready || best_effort {
        return usable;
    }
    unusable(
        "ClusterNotReady",
        format!("DesktopCluster {name} is not ready: {words}"),
    )
}

async fn carry_out(
    context: &Arc<Context>,
    object: &Desktop,
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
        (Action::Release, _) => return release(context, object, notices).await,
        (Action::None, _) => None,
        (_, Some(backend)) => Some(backend),
        (_, None) => return Err(Error::Stale),
    };
    let mut object = object.clone();
    let Some(backend) = backend else {
        creation::count_ready(context, "Desktop", &object, &status);
        let written = write(context, &object, status).await?;
        context.publish(&written, notices).await;
        return Ok(again);
    };
    match action {
        Action::None | Action::Release => {}
        Action::Create(request) => {
            create(
                context,
                &object,
                inputs,
                status,
                backend,
                Operation::CreateDesktop(request),
            )
            .await?;
            context.publish(&object, notices).await;
            return Ok(again);
        }
        Action::RecordThenSubmit(operation) => {
            object = write(context, &object, status.clone()).await?;
            let answer = submit(context, &*backend, &operation, inputs).await?;
            let (after, told) = answered(inputs, status, &operation, &answer);
            status = after;
            notices.extend(told.filter(|t| !stalled_by(&inputs.status.conditions, t.reason)));
        }
        Action::Submit(operation) => {
            let answer = submit(context, &*backend, &operation, inputs).await?;
            if answer.is_ok() {
                for field in healing {
                    context.metrics.drift_healed("Desktop", field);
                }
            } else {
                notices.retain(|n| n.reason != "DriftDetected");
            }
            let (after, told) = answered(inputs, status, &operation, &answer);
            status = after;
            notices.extend(told.filter(|t| !stalled_by(&inputs.status.conditions, t.reason)));
        }
        Action::Poll(task) => {
            let (after, told) = poll(context, &*backend, &task, inputs, status).await;
            status = after;
            notices.extend(told);
        }
        Action::Estimate(request) => {
            if let Some(price) = price(context, &*backend, &request, inputs).await {
                status.price = Some(price);
            }
        }
        Action::ReadDisplayPolicy => {
            let id = status.id.clone().unwrap_or_default();
            match backend.get_display_policy(&id).await {
                Ok(values) => {
                    context.display_reads.put(inputs.uid, inputs.generation, values);
                    let written = write(context, &object, status).await?;
                    context.publish(&written, notices).await;
                    return Ok(Duration::from_millis(1));
                }
                Err(error) => {
                    tracing::warn!(%error, "the display policy could not be read");
                    refused(context, inputs, &error);
                    let settings = &context.settings;
                    let base = settings.inventory_fast.max(settings.backoff_base / 4);
                    context
                        .display_reads
                        .failed(inputs.uid, error, base, settings.backoff_max);
                }
            }
        }
    }
    creation::count_ready(context, "Desktop", &object, &status);
    let written = write(context, &object, status).await?;
    context.publish(&written, notices).await;
    Ok(again.min(context.settings.inventory_fast))
}

/// Asks how far a task got and takes the answer into the status.
async fn poll(
    context: &Context,
    backend: &dyn Backend,
    task: &Task,
    inputs: &Inputs<'_>,
    status: DesktopStatus,
) -> (DesktopStatus, Option<Notice>) {
    match backend.poll(task).await {
        Ok(TaskState::Running) => (status, None),
        Ok(TaskState::Finished) => ended(context, inputs, status, Ok(())),
        Ok(TaskState::Failed(error)) => {
            tracing::warn!(%error, "a task failed");
            ended(context, inputs, status, Err(&error))
        }
        Err(error) => {
            tracing::warn!(%error, "a task could not be polled");
            if error.class.heals_by_itself() {
                (status, None)
            } else {
                (ended(context, inputs, status, Ok(())).0, None)
            }
        }
    }
}

/// What such a desktop costs; a failure harms nothing else.
async fn price(
    context: &Context,
    backend: &dyn Backend,
    request: &DesktopSpec,
    inputs: &Inputs<'_>,
) -> Option<EstimatedPrice> {
    match backend.estimate(request).await {
        Ok(estimate) => Some(EstimatedPrice {
            desktop: condition::truncate(&estimate.desktop, 64),
            address: estimate.address.map(|price| condition::truncate(&price, 64)),
            per: condition::truncate(&estimate.per, 32),
            generation: inputs.generation,
        }),
        Err(error) => {
            tracing::info!(%error, "the price could not be read");
            context
                .price_reads
                .failed(inputs.uid, context.settings.catalog_interval);
            None
        }
    }
}

fn ended(
    context: &Context,
    inputs: &Inputs<'_>,
    status: DesktopStatus,
    outcome: Result<(), &BackendError>,
) -> (DesktopStatus, Option<Notice>) {
    context.display_reads.forget(inputs.uid);
    polled(inputs, status, outcome)
}

async fn submit(
    context: &Context,
    backend: &dyn Backend,
    operation: &Operation,
    inputs: &Inputs<'_>,
) -> Result<Result<Receipt, BackendError>, Error> {
    if !context.leadership.may_send() {
        return Err(Error::Stale);
    }
    let answer = backend.submit(operation).await;
    match &answer {
        Ok(_) => tracing::info!(operation = operation.name(), "sent"),
        Err(error) => {
            tracing::warn!(operation = operation.name(), %error, "refused");
            refused(context, inputs, error);
        }
    }
    if matches!(operation, Operation::SetDisplayPolicy { .. }) {
        context.display_reads.forget(inputs.uid);
    }
    Ok(answer)
}

/// Credentials that are refused here are checked at the provider, which says so for all.
fn refused(context: &Context, inputs: &Inputs<'_>, error: &BackendError) {
    if error.class == ErrorClass::Auth
        && let Some(binding) = &inputs.status.binding
    {
        provider::suspect(context, &binding.provider);
    }
}

async fn create(
    context: &Arc<Context>,
    object: &Desktop,
    inputs: &Inputs<'_>,
    status: DesktopStatus,
    backend: Arc<dyn Backend>,
    operation: Operation,
) -> Result<(), Error> {
    let (ClusterView::Usable { place, provider }, Some(intent)) = (&inputs.cluster, status.create.clone()) else {
        return Err(Error::Stale);
    };
    if permission::withheld(context, object, provider).await? {
        return Ok(());
    }
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
    creation::create(context, object, status, sent, backend, operation).await
}

async fn release(context: &Arc<Context>, object: &Desktop, notices: Vec<Notice>) -> Result<Duration, Error> {
    context.publish(object, notices).await;
    remove_finalizer(context, object).await?;
    forget(context, object)?;
    Ok(context.settings.inventory_slow)
}

fn forget(context: &Context, object: &Desktop) -> Result<(), Error> {
    context.forget(uid(object)?);
    context.inventory.unwatch(&reference(object));
    Ok(())
}
