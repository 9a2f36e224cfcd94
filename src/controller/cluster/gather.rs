//! Everything a cluster's plan depends on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::{Timestamp, ToSpan};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Resource, ResourceExt};
use secrecy::SecretString;

use super::{is_due, provider_of};
use crate::api::cluster::Orphan;
use crate::api::condition;
use crate::api::{
    ABANDON_ANNOTATION, DesktopCluster, DesktopClusterStatus, PAUSED_ANNOTATION, RETRY_CREATE_ANNOTATION,
};
use crate::backend::model::ClusterState;
use crate::backend::{Backend, ErrorClass, naming};
use crate::controller::context::Context;
use crate::controller::error::{Error, is_forbidden, is_not_found};
use crate::controller::inventory::Snapshot;
use crate::controller::observations::{ClusterRead, SessionStep};
use crate::controller::status::{Stored, uid};
use crate::controller::{annotation, permission, provider, reference};
use crate::plan::Limits;
use crate::plan::cluster::{Inputs, Observation, Password, ProviderView, is_there};

/// What was gathered, owned, so that the inputs can borrow it.
pub(super) struct Gathered {
    pub(super) backend: Option<Arc<dyn Backend>>,
    provider: ProviderView,
    read: ClusterRead,
    claimed: Vec<String>,
    password: Password,
    used_by: Vec<String>,
    listed_desktops: Option<i32>,
    orphans: Option<Vec<Orphan>>,
    sessions: Option<crate::api::cluster::SessionSummary>,
    in_flight: bool,
    writer: String,
}

impl Gathered {
    pub(super) fn inputs<'a>(
        &'a self,
        object: &'a DesktopCluster,
        status: &'a DesktopClusterStatus,
        limits: &'a Limits,
        now: Timestamp,
    ) -> Result<Inputs<'a>, Error> {
        let observed = match (&self.read.cluster, self.read.absent) {
            _ if self.backend.is_none() => Observation::Unknown,
            (Some(cluster), _) => Observation::Present(cluster),
            (None, 0) => Observation::Unknown,
            (None, count) => Observation::Absent { confirmed: count >= 2 },
        };
        Ok(Inputs {
            name: object.meta().name.as_deref().ok_or(Error::Malformed("name"))?,
            uid: uid(object)?,
            generation: object.metadata.generation.unwrap_or_default(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            paused: annotation(object, PAUSED_ANNOTATION) == Some("true"),
            abandon: annotation(object, ABANDON_ANNOTATION),
            retry_create: annotation(object, RETRY_CREATE_ANNOTATION).and_then(|n| n.parse().ok()),
            spec: &object.spec,
            status,
            provider: self.provider.clone(),
            capabilities: self.backend.as_ref().map(|b| b.capabilities()),
            observed,
            error: self.read.lasting_error(),
            listing_started: self.read.listing_started,
            in_network: &self.read.in_network,
            elsewhere: &self.read.elsewhere,
            claimed: &self.claimed,
            policy: self.read.policy.as_ref(),
            directory: self.read.directory.as_ref(),
            password: self.password.clone(),
            used_by: &self.used_by,
            listed_desktops: self.listed_desktops,
            orphans: self.orphans.clone(),
            sessions: self.sessions.clone(),
            in_flight: self.in_flight,
            writer: &self.writer,
            limits,
            now,
        })
    }
}

pub(super) async fn gather(context: &Arc<Context>, object: &DesktopCluster) -> Result<Gathered, Error> {
    let uid = uid(object)?.to_owned();
    let deleting = object.metadata.deletion_timestamp.is_some();
    let paused = annotation(object, PAUSED_ANNOTATION) == Some("true");
    let namespace = object.namespace().unwrap_or_default();
    let provider = provider::view(context, provider_of(object), &namespace).await?;
    let account = context.accounts.get(provider_of(object));
    let backend = account.map(|a| a.backend).filter(|_| !paused);
    let usable = match &provider {
        ProviderView::Usable => true,
        // What is there may still be watched and cleaned up.
        ProviderView::Unusable { reason, .. } => *reason == permission::NOT_ALLOWED && deleting,
    };
    let backend = backend.filter(|_| usable);
    let read = match &backend {
        Some(backend) => read(context, object, &uid, &**backend).await?,
        None => ClusterRead::empty(0),
    };
    if let Some(error) = read.lasting_error()
        && error.class == ErrorClass::Auth
    {
        provider::suspect(context, provider_of(object));
    }
    let status = object.status();
    let listing = match (&status.id, &backend) {
        (Some(id), Some(backend)) if read.cluster.is_some() && backend.capabilities().observe_desktops => Some(
            context
                .inventory
                .owned_listing(provider_of(object), id, backend, reference(object)),
        ),
        _ => None,
    };
    if let (Some(id), Some(backend)) = (&status.id, &backend)
        && read.cluster.as_ref().is_some_and(|c| c.state == ClusterState::Running)
        && !deleting
        && backend.capabilities().sessions
    {
        sessions(context, id, &**backend).await;
    }
    let snapshot = listing
        .as_ref()
        .map(|l| l.view(None).snapshot)
        .filter(|s| s.started.is_some());
    let orphans = snapshot.as_deref().map(|s| orphans(context, s));
    if let (Some(id), Some(orphans)) = (&status.id, &orphans) {
        context.metrics.orphans(provider_of(object), id, Some(orphans.len()));
    }
    Ok(Gathered {
        provider,
        read,
        claimed: claimed(context, &uid),
        password: password(context, object).await?,
        used_by: if deleting { used_by(context, object) } else { Vec::new() },
        listed_desktops: snapshot.as_ref().map(|s| i32::try_from(s.len()).unwrap_or(i32::MAX)),
        orphans,
        sessions: status.id.as_deref().and_then(|id| context.sessions.summary(id)),
        in_flight: context.is_in_flight(&uid),
        writer: uuid::Uuid::new_v4().to_string(),
        backend,
    })
}

/// Reads the vendor when it is time to, and keeps the result.
async fn read(
    context: &Context,
    object: &DesktopCluster,
    uid: &str,
    backend: &dyn Backend,
) -> Result<ClusterRead, Error> {
    let generation = object.metadata.generation.unwrap_or_default();
    let known = context.cluster_reads.get(uid);
    if let Some(known) = known.as_ref().filter(|k| !is_due(Some(k), generation, context)) {
        return Ok(known.clone());
    }
    let mut read = known.unwrap_or_else(|| ClusterRead::empty(generation));
    read.at = Instant::now();
    read.generation = generation;
    match fill(object, backend, &mut read).await {
        Ok(()) => {
            read.failures = 0;
            read.error = None;
        }
        Err(error) => {
            tracing::warn!(%error, "the cluster could not be read");
            read.failures = read.failures.saturating_add(1);
            read.error = Some(error);
        }
    }
    context.cluster_reads.put(uid, read.clone());
    Ok(read)
}

async fn fill(object: &DesktopCluster, backend: &dyn Backend, read: &mut ClusterRead) -> crate::backend::Result<()> {
    let status = object.status();
    read.policy = None;
    read.directory = None;
    let Some(id) = status.id.as_ref().or(object.spec.existing_id.as_ref()) else {
        let started = Timestamp::now();
        let listed = backend.list_clusters().await?;
        let (spec, origin) = (&object.spec, backend.capabilities().clusters);
        let (here, elsewhere): (Vec<_>, Vec<_>) = listed.into_iter().partition(|c| is_there(spec, origin, c));
        read.in_network = here.into_iter().map(|c| c.id).collect();
        read.elsewhere = elsewhere.into_iter().filter_map(|c| c.vpc_id).take(10).collect();
        read.listing_started = Some(started);
        return Ok(());
    };
    match backend.get_cluster(id).await {
        Ok(Some(cluster)) => {
            read.absent = 0;
            read.cluster = Some(cluster);
        }
        Ok(None) => {
            read.absent = read.absent.saturating_add(1);
            read.cluster = None;
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let running = read.cluster.as_ref().is_some_and(|c| c.state == ClusterState::Running);
    let busy = status.operation.as_ref().is_some_and(|o| o.task_id.is_some());
    if !running || busy || status.id.is_none() || object.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let capabilities = backend.capabilities();
    if object.spec.policy.is_some() && !capabilities.policy_fields.is_empty() {
        read.policy = Some(backend.get_policy(id).await?);
    }
    if capabilities.directory && (object.spec.directory.is_some() || status.directory_secret_version.is_some()) {
        read.directory = Some(backend.get_directory(id).await?);
    }
    Ok(())
}

/// Ids that other resources have recorded.
fn claimed(context: &Context, uid: &str) -> Vec<String> {
    let of = |c: &DesktopCluster| c.status.as_ref().and_then(|s| s.id.clone());
    context
        .clusters
        .state()
        .iter()
        .filter_map(|c| c.0.as_ref().ok())
        .filter(|c| c.meta().uid.as_deref() != Some(uid))
        .filter_map(of)
        .collect()
}

/// Pools and desktops that name this cluster.
fn used_by(context: &Context, object: &DesktopCluster) -> Vec<String> {
    let (namespace, name) = (object.namespace(), object.name_any());
    let mut pools: Vec<String> = context
        .pools
        .state()
        .iter()
        .filter(|p| p.namespace() == namespace)
        .filter(|p| {
            p.0.as_ref()
                .is_ok_and(|p| p.spec.template.spec.cluster_ref.name == name)
        })
        .map(|p| format!("DesktopPool {}", p.name_any()))
        .collect();
    pools.sort();
    let mut desktops: Vec<String> = context
        .desktops
        .state()
        .iter()
        .filter(|d| d.namespace() == namespace)
        .filter(|d| d.0.as_ref().is_ok_and(|d| d.spec.cluster_ref.name == name))
        .map(|d| format!("Desktop {}", d.name_any()))
        .collect();
    desktops.sort();
    pools.extend(desktops);
    pools
}

/// Desktops of ours whose resource is gone.
fn orphans(context: &Context, snapshot: &Snapshot) -> Vec<Orphan> {
    if snapshot.is_empty() {
        return Vec::new();
    }
    let desktops = context.desktops.state();
    let known: HashSet<String> = desktops
        .iter()
        .filter_map(|d| d.meta().uid.as_deref())
        .flat_map(|uid| [naming::marker(uid), naming::short_marker(uid)])
        .collect();
    let recorded: HashSet<&str> = desktops
        .iter()
        .filter_map(|d| d.0.as_ref().ok()?.status.as_ref()?.id.as_deref())
        .collect();
    let mut found: Vec<Orphan> = snapshot
        .markers()
        .filter(|(marker, _)| !known.contains(*marker))
        .flat_map(|(_, ids)| ids)
        .filter(|id| !recorded.contains(id.as_str()))
        .filter_map(|id| snapshot.get(id))
        .map(|d| Orphan {
            id: condition::truncate(&d.id, 256),
            name: condition::truncate(d.name.as_deref().unwrap_or_default(), 256),
        })
        .collect();
    found.sort();
    found
}

async fn password(context: &Context, object: &DesktopCluster) -> Result<Password, Error> {
    let Some(directory) = &object.spec.directory else {
        return Ok(Password::NotNeeded);
    };
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(Password::NotNeeded);
    }
    let reference = &directory.password_secret_ref;
    let namespace = object.namespace().unwrap_or_default();
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let place = format!("{namespace}/{}", reference.name);
    let secret = match secrets.get(&reference.name).await {
        Ok(secret) => secret,
        Err(error) if is_not_found(&error) => {
            let words = format!("Secret {place} (spec.directory.passwordSecretRef) does not exist. Create it.");
            return Ok(Password::Missing(words));
        }
        Err(error) if is_forbidden(&error) => {
            let words = format!(
                "The operator may not read Secret {place} (spec.directory.passwordSecretRef). Grant it `get` on \
                 Secrets in namespace {namespace}."
            );
            return Ok(Password::Missing(words));
        }
        Err(error) => return Err(error.into()),
    };
    let version = format!(
        "{}/{}",
        secret.metadata.uid.as_deref().unwrap_or_default(),
        secret.metadata.resource_version.as_deref().unwrap_or_default()
    );
    let value = secret
        .data
        .as_ref()
        .and_then(|d| d.get(&reference.key))
        .and_then(|v| String::from_utf8(v.0.clone()).ok());
    match value
        .map(|v| v.trim_end_matches(['\r', '\n']).to_owned())
        .filter(|v| !v.is_empty())
    {
        Some(value) => Ok(Password::Found {
            secret: SecretString::from(value),
            version,
        }),
        None => Ok(Password::Missing(format!(
            "Secret {place} has no text under key {}.",
            reference.key
        ))),
    }
}

/// Keeps the sessions of the cluster fresh; a failure here harms nothing else.
async fn sessions(context: &Context, cluster_id: &str, backend: &dyn Backend) {
    let next = Instant::now() + context.settings.session_interval;
    match context.sessions.due(cluster_id) {
        SessionStep::Nothing => {}
        SessionStep::Request => {
            let today = context.now().to_zoned(jiff::tz::TimeZone::UTC).date();
            let from = today.checked_sub(7.days()).unwrap_or(today);
            let to = today.checked_add(1.days()).unwrap_or(today);
            match backend.request_sessions(cluster_id, from, to).await {
                Ok(task) => context.sessions.requested(cluster_id, Some(task), next),
                Err(error) => {
                    tracing::debug!(%error, "sessions could not be asked for");
                    context.sessions.requested(cluster_id, None, next);
                }
            }
        }
        SessionStep::Fetch(task) => match backend.fetch_sessions(&task).await {
            Ok(None) => {}
            Ok(Some(sessions)) => {
                let changed = context.sessions.answered(cluster_id, &sessions, next);
                wake(context, cluster_id, &changed);
            }
            Err(error) => {
                tracing::debug!(%error, "sessions could not be fetched");
                context.sessions.requested(cluster_id, None, next);
            }
        },
    }
}

fn wake(context: &Context, cluster_id: &str, desktop_ids: &[String]) {
    if desktop_ids.is_empty() {
        return;
    }
    for desktop in context.desktops.state() {
        let Ok(desktop) = &desktop.0 else { continue };
        let Some(status) = &desktop.status else { continue };
        let here = status.binding.as_ref().and_then(|b| b.cluster_id.as_deref()) == Some(cluster_id);
        if here && status.id.as_ref().is_some_and(|id| desktop_ids.contains(id)) {
            let _ = context.wake_desktop.send(reference(desktop));
        }
    }
}
