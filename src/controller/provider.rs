//! `DesktopProvider`: connects the account, checks it, keeps its credentials fresh.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Resource, ResourceExt};
use sha2::{Digest, Sha256};

use super::accounts::Account;
use super::context::Context;
use super::error::{Error, is_forbidden, is_not_found};
use super::kind::Kind;
use super::status::{Stored, add_finalizer, has_finalizer, remove_finalizer, uid, write};
use super::{annotation, permission};
use crate::api::condition::Stamp;
use crate::api::{ACCEPT_IDENTITY_ANNOTATION, DesktopProvider, DesktopProviderStatus, PROVIDER_FINALIZER, condition};
use crate::backend::connect::connect;
use crate::backend::{Backend, BackendError, ErrorClass};
use crate::plan::provider::{Connection, ProviderView, in_use, plan, wrong_account};
use crate::plan::{retry_wait, span, until};

impl Stored for DesktopProvider {
    type Status = DesktopProviderStatus;
    const FINALIZER: &'static str = PROVIDER_FINALIZER;

    fn api(context: &Context, _: Option<&str>) -> Api<Self> {
        Api::all(context.client.clone())
    }

    fn status(&self) -> DesktopProviderStatus {
        self.status.clone().unwrap_or_default()
    }

    fn set_status(&mut self, status: DesktopProviderStatus) {
        self.status = Some(status);
    }
}

impl Kind for DesktopProvider {
    const CONTROLLER: &'static str = "desktopprovider";

    async fn reconcile(context: &Arc<Context>, object: &Arc<Self>) -> Result<Duration, Error> {
        if object.meta().deletion_timestamp.is_some() {
            return delete(context, object).await;
        }
        if !has_finalizer(&**object) {
            add_finalizer(context, &**object).await?;
            return Ok(context.settings.secret_interval);
        }
        converge(context, object).await
    }
}

fn stamp(context: &Context, object: &DesktopProvider) -> Stamp {
    Stamp {
        generation: object.metadata.generation.unwrap_or_default(),
        now: context.now(),
    }
}

/// The account cannot be called at all: nobody uses it any more.
async fn disconnected(
    context: &Arc<Context>,
    object: &DesktopProvider,
    reason: &'static str,
    message: String,
    stalled: bool,
) -> Result<Duration, Error> {
    let name = object.name_any();
    if context.accounts.remove(&name) {
        end_listings(context, &name);
        wake_users(context, &name);
    }
    let refused = Connection::Refused {
        reason,
        message,
        stalled,
    };
    finish(context, object, refused).await
}

async fn converge(context: &Arc<Context>, object: &DesktopProvider) -> Result<Duration, Error> {
    let name = object.name_any();
    let settings = &context.settings;
    let status = object.status();
    let generation = object.metadata.generation.unwrap_or_default();
    let (identity, connected_anew) = match credentials(context, object).await? {
        Credentials::Refused {
            reason,
            message,
            stalled,
        } => {
            return disconnected(context, object, reason, message, stalled).await;
        }
        Credentials::Found { version, data } => {
            let identity = identity_of(&data);
            if context.accounts.connected(&name).is_some_and(|a| a.version == version) {
                (identity, false)
            } else {
                // What was in use a moment ago, by this process or the one before it, stays in use meanwhile; but not if
                // it is another account now.
                let same = status.identity.as_ref().is_none_or(|known| *known == identity);
                let usable = same && condition::is_true(&status.conditions, condition::READY);
                match connect(&name, &object.spec, &data, &context.accounts.connect) {
                    Ok(backend) => {
                        let account = Account {
                            version,
                            usable,
                            backend,
                        };
                        context.accounts.put(&name, account);
                    }
                    Err(error) => {
                        let (reason, message) = (error.reason(), error.to_string());
                        return disconnected(context, object, reason, message, true).await;
                    }
                }
                wake_users(context, &name);
                (identity, true)
            }
        }
    };
    let Some(account) = context.accounts.connected(&name) else {
        return Err(Error::Stale);
    };
    let fresh = status.observed_generation == generation
        && condition::is_true(&status.conditions, condition::READY)
        && context.accounts.checked_within(&name, settings.catalog_interval);
    if fresh && !connected_anew {
        return finish(context, object, Connection::Unchanged).await;
    }
    let now = context.now();
    if !connected_anew && let Some(wait) = retry_wait(status.retry.as_ref(), generation, now) {
        return Ok(wait.min(settings.secret_interval));
    }
    let connection = match check(context, object, &*account.backend, &status, identity).await {
        Ok(refused @ Connection::Refused { .. }) => {
            if context.accounts.set_usable(&name, false) {
                end_listings(context, &name);
                wake_users(context, &name);
            }
            return finish(context, object, refused).await;
        }
        Ok(connection) => {
            context.accounts.checked(&name);
            connection
        }
        Err(error) => Connection::Failed(error),
    };
    let usable = match &connection {
        Connection::Failed(error) if error.class == ErrorClass::Auth => Some(false),
        // It may be reached again any moment, or was never there: what holds goes on to hold.
        Connection::Failed(error) if error.class.heals_by_itself() => None,
        _ => Some(true),
    };
    if let Some(usable) = usable
        && context.accounts.set_usable(&name, usable)
    {
        if !usable {
            end_listings(context, &name);
        }
        wake_users(context, &name);
    }
    finish(context, object, connection).await
}

/// What an account is known by, without showing it.
fn identity_of(secret: &BTreeMap<String, Vec<u8>>) -> String {
    let mut digest = Sha256::new();
    for key in ["accessKeyId", "domainName", "userName"] {
        digest.update(secret.get(key).map_or(&[][..], |value| value.trim_ascii()));
        digest.update([0]);
    }
    hex::encode(&digest.finalize()[..8])
}

/// Clusters that objects have recorded as theirs in this account.
fn recorded(context: &Context, provider: &str) -> Vec<String> {
    let clusters = context.clusters.state();
    let of_clusters = clusters
        .iter()
        .filter_map(|c| c.0.as_ref().ok()?.status.as_ref()?.binding.clone());
    let desktops = context.desktops.state();
    let of_desktops = desktops
        .iter()
        .filter_map(|d| d.0.as_ref().ok()?.status.as_ref()?.binding.clone());
    let mut ids: Vec<String> = of_clusters
        .chain(of_desktops)
        .filter(|binding| binding.provider == provider)
        .filter_map(|binding| binding.cluster_id)
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Images that were made for objects in this account. The vendor's own are in every account.
fn recorded_images(context: &Context, provider: &str) -> Vec<String> {
    let images = context.images.state();
    let bound = images.iter().filter_map(|i| i.0.as_ref().ok()?.status.as_ref());
    let mut ids: Vec<String> = bound
        .filter(|s| s.binding.as_ref().is_some_and(|b| !b.adopted && b.provider == provider))
        .filter_map(|s| s.id.clone())
        .collect();
    ids.sort();
    ids
}

/// Whether credentials still name the account that the provider's objects live in: known by the same id as before,
/// confirmed by a human, or holding one of the clusters or images that were recorded. Keys of another account would
/// make everything look deleted.
async fn is_right_account(
    context: &Context,
    object: &DesktopProvider,
    backend: &dyn Backend,
    identity: &str,
) -> Result<bool, BackendError> {
    let same = object.status().identity.is_none_or(|known| known == identity);
    if same || annotation(object, ACCEPT_IDENTITY_ANNOTATION) == Some(identity) {
        return Ok(true);
    }
    let name = object.name_any();
    let (clusters, images) = (recorded(context, &name), recorded_images(context, &name));
    if clusters.is_empty() && images.is_empty() {
        return Ok(true);
    }
    if !clusters.is_empty() {
        let there = backend.list_clusters().await?;
        if there.iter().any(|cluster| clusters.contains(&cluster.id)) {
            return Ok(true);
        }
    }
    if images.is_empty() {
        return Ok(false);
    }
    let there = backend.list_images().await?;
    Ok(there.iter().any(|image| images.contains(&image.id)))
}

async fn check(
    context: &Context,
    object: &DesktopProvider,
    backend: &dyn Backend,
    status: &DesktopProviderStatus,
    identity: String,
) -> Result<Connection, BackendError> {
    if !is_right_account(context, object, backend, &identity).await? {
        let name = object.name_any();
        let mut lost = recorded(context, &name);
        lost.extend(recorded_images(context, &name));
        return Ok(Connection::Refused {
            reason: "WrongAccount",
            message: wrong_account(&lost, &identity),
            stalled: true,
        });
    }
    let needs_role = backend.capabilities().service_linked_role;
    if needs_role && status.service_linked_role != Some(true) {
        backend.prepare().await?;
    }
    let catalog = backend.catalog().await?;
    Ok(Connection::Checked {
        catalog,
        service_linked_role: needs_role.then_some(true),
        identity,
    })
}

async fn finish(context: &Arc<Context>, object: &DesktopProvider, connection: Connection) -> Result<Duration, Error> {
    let uid = uid(object)?.to_owned();
    let settings = &context.settings;
    let limits = context.limits(settings.cluster_fast, settings.secret_interval);
    let stamp = stamp(context, object);
    let (status, notices) = plan(&object.spec, &object.status(), connection, &uid, &limits, stamp);
    let retry = status.retry.as_ref().map(|r| until(stamp.now, r.next_attempt_time.0));
    write(context, object, status).await?;
    context.publish(object, notices).await;
    Ok(retry.unwrap_or(settings.secret_interval).min(settings.secret_interval))
}

enum Credentials {
    Refused {
        reason: &'static str,
        message: String,
        stalled: bool,
    },
    Found {
        version: String,
        data: BTreeMap<String, Vec<u8>>,
    },
}

async fn credentials(context: &Context, object: &DesktopProvider) -> Result<Credentials, Error> {
    let reference = &object.spec.credentials_secret_ref;
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &reference.namespace);
    let place = format!("{}/{}", reference.namespace, reference.name);
    match api.get(&reference.name).await {
        Ok(secret) => {
            let version = format!(
                "{}/{}/{}",
                secret.metadata.uid.as_deref().unwrap_or_default(),
                secret.metadata.resource_version.as_deref().unwrap_or_default(),
                object.metadata.generation.unwrap_or_default()
            );
            let data = secret
                .data
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, value.0))
                .collect();
            Ok(Credentials::Found { version, data })
        }
        Err(error) if is_not_found(&error) => Ok(Credentials::Refused {
            reason: "SecretNotFound",
            message: format!(
                "Secret {place} (spec.credentialsSecretRef) does not exist. Create it; it is looked for every {}.",
                span(context.settings.secret_interval)
            ),
            stalled: false,
        }),
        Err(error) if is_forbidden(&error) => Ok(Credentials::Refused {
            reason: "SecretForbidden",
            message: format!(
                "The operator may not read Secret {place} (spec.credentialsSecretRef). Grant it `get` on Secrets in \
                 namespace {}: the chart does so for the namespaces in credentials.namespaces.",
                reference.namespace
            ),
            stalled: true,
        }),
        Err(error) => Err(error.into()),
    }
}

async fn delete(context: &Arc<Context>, object: &DesktopProvider) -> Result<Duration, Error> {
    if !has_finalizer(object) {
        context.forget(uid(object)?);
        return Ok(context.settings.secret_interval);
    }
    let name = object.name_any();
    let users = users(context, &name);
    let Some((status, notices)) = in_use(&object.status(), &users, stamp(context, object)) else {
        remove_finalizer(context, object).await?;
        context.accounts.remove(&name);
        end_listings(context, &name);
        return Ok(context.settings.secret_interval);
    };
    write(context, object, status).await?;
    context.publish(object, notices).await;
    // The users must still be able to clean up: keep the account connected, with keys that were changed meanwhile, too.
    if let Credentials::Found { version, data } = credentials(context, object).await?
        && context.accounts.get(&name).is_none_or(|a| a.version != version)
        && let Ok(backend) = connect(&name, &object.spec, &data, &context.accounts.connect)
        && is_right_account(context, object, &*backend, &identity_of(&data))
            .await
            .unwrap_or(false)
    {
        let account = Account {
            version,
            usable: true,
            backend,
        };
        context.accounts.put(&name, account);
        wake_users(context, &name);
    }
    Ok(context.settings.cluster_fast)
}

/// Clusters, desktops and images that need the account, by namespace and name.
fn users(context: &Context, provider: &str) -> Vec<String> {
    let mut users: Vec<String> = Vec::new();
    for cluster in context.clusters.state() {
        if let Ok(cluster) = &cluster.0
            && super::cluster::provider_of(cluster) == provider
        {
            users.push(format!(
                "DesktopCluster {}/{}",
                cluster.namespace().unwrap_or_default(),
                cluster.name_any()
            ));
        }
    }
    for desktop in context.desktops.state() {
        if let Ok(desktop) = &desktop.0
            && desktop
                .status
                .as_ref()
                .and_then(|s| s.binding.as_ref())
                .is_some_and(|b| b.provider == provider)
        {
            users.push(format!(
                "Desktop {}/{}",
                desktop.namespace().unwrap_or_default(),
                desktop.name_any()
            ));
        }
    }
    for image in context.images.state() {
        if let Ok(image) = &image.0
            && super::image::provider_of(image) == provider
        {
            users.push(format!(
                "DesktopImage {}/{}",
                image.namespace().unwrap_or_default(),
                image.name_any()
            ));
        }
    }
    users.sort();
    users
}

/// The account may not be used any more: its listings end.
fn end_listings(context: &Context, provider: &str) {
    context.inventory.end_account(provider);
    context.image_reads.end_account(provider);
}

/// Everybody who waits for the account looks again.
fn wake_users(context: &Context, provider: &str) {
    for cluster in context.clusters.state() {
        if let Ok(cluster) = &cluster.0
            && super::cluster::provider_of(cluster) == provider
        {
            let _ = context.wake_cluster.send(super::reference(cluster));
        }
    }
    for desktop in context.desktops.state() {
        if let Ok(desktop) = &desktop.0 {
            let _ = context.wake_desktop.send(super::reference(desktop));
        }
    }
    for image in context.images.state() {
        if let Ok(image) = &image.0
            && super::image::provider_of(image) == provider
        {
            let _ = context.wake_image.send(super::reference(image));
        }
    }
}

/// How soon an object looks again whose account is being connected.
pub const CONNECTING: Duration = Duration::from_millis(500);

/// Whether the account was usable when last looked at and only has to be connected by this process.
#[must_use]
pub fn is_connecting(context: &Context, provider: &str) -> bool {
    if context.accounts.get(provider).is_some() {
        return false;
    }
    let found = context.providers.find(|p| p.meta().name.as_deref() == Some(provider));
    found.is_some_and(|p| {
        let status = p.0.as_ref().ok().and_then(|p| p.status.as_ref());
        status.is_some_and(|s| condition::is_true(&s.conditions, condition::READY))
    })
}

/// The account of a provider, as far as an object of this namespace may use it.
pub async fn view(context: &Context, name: &str, namespace: &str) -> Result<ProviderView, Error> {
    let found = context.providers.find(|p| p.meta().name.as_deref() == Some(name));
    let Some(Ok(found)) = found.as_deref().map(|p| &p.0) else {
        return Ok(ProviderView::Unusable {
            reason: "ProviderNotFound",
            message: format!("DesktopProvider {name} (spec.providerRef) does not exist."),
            stalled: false,
        });
    };
    if let Some(message) = permission::refusal(context, found, namespace).await? {
        return Ok(ProviderView::Unusable {
            reason: permission::NOT_ALLOWED,
            message,
            stalled: true,
        });
    }
    if context.accounts.get(name).is_some() {
        return Ok(ProviderView::Usable);
    }
    Ok(ProviderView::Unusable {
        reason: "ProviderNotReady",
        message: unusable_words(context, name),
        stalled: false,
    })
}

/// What the provider says of its account while it cannot be used.
pub fn unusable_words(context: &Context, provider: &str) -> String {
    let found = context.providers.find(|p| p.meta().name.as_deref() == Some(provider));
    let Some(Ok(found)) = found.as_deref().map(|p| &p.0) else {
        return format!("DesktopProvider {provider} does not exist.");
    };
    let status = found.status();
    let ready = condition::find(&status.conditions, condition::READY).filter(|c| c.status != "True");
    let words = ready.map_or("its account is being connected.", |c| c.message.as_str());
    format!("DesktopProvider {provider} is not ready: {words}")
}

/// The account was refused elsewhere: check it soon, but not more often than its failures allow.
pub fn suspect(context: &Context, provider: &str) {
    if context.accounts.suspect(provider)
        && let Some(object) = context.providers.find(|p| p.meta().name.as_deref() == Some(provider))
        && let Ok(object) = &object.0
    {
        let _ = context.wake_provider.send(super::reference(object));
    }
}
