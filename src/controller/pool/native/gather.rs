//! Everything a native pool's plan depends on.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use kube::{Resource, ResourceExt};

use crate::api::{
    ABANDON_ANNOTATION, DesktopPool, DesktopPoolStatus, PAUSED_ANNOTATION, PROTECT_ANNOTATION, REMOVE_FIRST_ANNOTATION,
    RETRY_CREATE_ANNOTATION, SETTLE_ANNOTATION,
};
use crate::backend::pool::PoolBackend;
use crate::backend::{Backend, ErrorClass};
use crate::controller::context::Context;
use crate::controller::desktop::cluster_view;
use crate::controller::error::Error;
use crate::controller::observations::PoolRead;
use crate::controller::status::uid;
use crate::controller::{annotation, cluster, provider};
use crate::plan::desktop::ClusterView;
use crate::plan::image::Obstacle;
use crate::plan::pool::brake::Facts;
use crate::plan::pool::native::{Inputs, Observation, is_in_doubt, is_same_user, vendor_name};
use crate::plan::{Limits, Pace};

/// What was gathered, owned, so that the inputs can borrow it.
pub(super) struct Gathered {
    pub(super) backend: Option<Arc<dyn Backend>>,
    cluster: ClusterView,
    subnets: Vec<String>,
    image: Result<String, Obstacle>,
    read: Arc<PoolRead>,
    fresh: bool,
    claimed_by: Option<String>,
    protect: Vec<String>,
    remove_first: Vec<String>,
    writer: String,
}

impl Gathered {
    pub(super) fn inputs<'a>(
        &'a self,
        context: &Context,
        object: &'a DesktopPool,
        status: &'a DesktopPoolStatus,
        limits: &'a Limits,
        facts: &'a Facts,
    ) -> Result<Inputs<'a>, Error> {
        let read = &*self.read;
        let observed = match (&read.pool, read.absent) {
            // What was read before a lasting failure may no longer hold.
            _ if self.backend.is_none() || read.lasting_error().is_some() => Observation::Unknown,
            (Some(pool), _) => Observation::Present(pool),
            (None, 0) => Observation::Unknown,
            (None, count) => Observation::Absent { confirmed: count >= 2 },
        };
        let uid = uid(object)?;
        Ok(Inputs {
            name: object.meta().name.as_deref().ok_or(Error::Malformed("name"))?,
            uid,
            generation: object.metadata.generation.unwrap_or_default(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            paused: is_paused(object),
            abandon: annotation(object, ABANDON_ANNOTATION),
            retry_create: annotation(object, RETRY_CREATE_ANNOTATION).and_then(|n| n.parse().ok()),
            settle: annotation(object, SETTLE_ANNOTATION),
            protect: &self.protect,
            remove_first: &self.remove_first,
            spec: &object.spec,
            status,
            cluster: self.cluster.clone(),
            subnets: &self.subnets,
            image: &self.image,
            capabilities: self.backend.as_ref().map(|b| b.capabilities()),
            observed,
            desktops: &read.desktops,
            listing_started: read.started.filter(|_| self.backend.is_some()),
            fresh: self.fresh,
            error: read.lasting_error(),
            candidates: &read.candidates,
            members: read.members.as_deref(),
            users: read.users.as_deref(),
            busy: read.busy,
            claimed_by: self.claimed_by.as_deref(),
            brake: facts,
            in_flight: context.is_in_flight(uid),
            writer: &self.writer,
            limits,
            now: context.now(),
        })
    }
}

fn is_paused(object: &DesktopPool) -> bool {
    annotation(object, PAUSED_ANNOTATION) == Some("true")
}

/// Ids in an annotation, separated by commas.
fn ids(object: &DesktopPool, name: &str) -> Vec<String> {
    let text = annotation(object, name).unwrap_or_default();
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(str::to_owned).collect()
}

/// `None` while the account is being connected, as after a restart: nothing is said about it.
pub(super) async fn gather(context: &Arc<Context>, object: &DesktopPool) -> Result<Option<Gathered>, Error> {
    let deleting = object.metadata.deletion_timestamp.is_some();
    let status = object.status.clone().unwrap_or_default();
    let own_uid = uid(object)?;
    let found = super::super::cluster_of(context, object);
    let binding = status.binding.as_ref().filter(|b| b.uid == own_uid);
    // The recorded account wins: where the money was spent, not where it would be spent now.
    let account = binding
        .map(|b| b.provider.clone())
        .or_else(|| found.as_ref().map(|c| cluster::provider_of(c).to_owned()));
    let paused = is_paused(object);
    if let Some(account) = account.as_ref().filter(|_| !paused)
        && provider::is_connecting(context, account)
    {
        return Ok(None);
    }
    let backend = account
        .as_ref()
        .and_then(|name| context.accounts.get(name))
        .map(|a| a.backend)
        .filter(|_| !paused);
    let unconnected = account
        .as_ref()
        .filter(|_| backend.is_none())
        .map(|name| provider::unusable_words(context, name));
    let name = &object.spec.template.spec.cluster_ref.name;
    let cluster = cluster_view(found.as_ref(), name, unconnected, deleting);
    let (read, fresh) = match backend.as_ref().and_then(|b| b.pools().map(|pools| (b, pools))) {
        Some((backend, pools)) => read(context, object, &**backend, pools).await?,
        None => (Arc::new(PoolRead::empty(0)), false),
    };
    if let (Some(error), Some(account)) = (read.lasting_error(), &account)
        && error.class == ErrorClass::Auth
    {
        provider::suspect(context, account);
    }
    let subnets = found
        .and_then(|c| c.status)
        .map(|status| status.subnets.into_iter().map(|part| part.id).collect())
        .unwrap_or_default();
    let claimed_by = object
        .spec
        .existing_id
        .as_ref()
        .and_then(|id| claimant(context, id, own_uid));
    Ok(Some(Gathered {
        backend,
        cluster,
        subnets,
        image: super::super::image(context, object),
        read,
        fresh,
        claimed_by,
        protect: ids(object, PROTECT_ANNOTATION),
        remove_first: ids(object, REMOVE_FIRST_ANNOTATION),
        writer: uuid::Uuid::new_v4().to_string(),
    }))
}

/// Another pool that has recorded this vendor id, or wants to.
fn claimant(context: &Context, id: &str, own_uid: &str) -> Option<String> {
    let holds = |p: &DesktopPool| p.status.as_ref().is_some_and(|s| s.id.as_deref() == Some(id));
    let other = context
        .pools
        .find(|p| p.meta().uid.as_deref() != Some(own_uid) && p.0.as_ref().is_ok_and(holds))?;
    Some(format!(
        "DesktopPool {}/{}",
        other.namespace().unwrap_or_default(),
        other.name_any()
    ))
}

/// Reads the vendor when it is time to, and keeps the result; whether it was read now.
async fn read(
    context: &Context,
    object: &DesktopPool,
    backend: &dyn Backend,
    pools: &dyn PoolBackend,
) -> Result<(Arc<PoolRead>, bool), Error> {
    let uid = uid(object)?;
    let generation = object.metadata.generation.unwrap_or_default();
    let known = context.pool_reads.get(uid);
    if let Some(known) = known.as_ref().filter(|k| !is_due(k, generation, context)) {
        return Ok((Arc::clone(known), false));
    }
    let mut read = known.map_or_else(|| PoolRead::empty(generation), |known| (*known).clone());
    read.at = Instant::now();
    read.generation = generation;
    read.expired = false;
    let limits = context.limits(context.settings.inventory_fast, context.settings.inventory_slow);
    let status = object.status.as_ref();
    let in_doubt = status.is_some_and(|status| is_in_doubt(status, &limits, context.now()));
    let fresh = match fill(object, backend, pools, in_doubt, &mut read).await {
        Ok(()) => {
            read.failures = 0;
            read.error = None;
            true
        }
        Err(error) => {
            tracing::warn!(%error, "the pool could not be read");
            read.failures = read.failures.saturating_add(1);
            read.error = Some(error);
            false
        }
    };
    let read = Arc::new(read);
    context.pool_reads.put(uid, Arc::clone(&read));
    Ok((read, fresh))
}

/// Whether what was last read is old enough to read again.
fn is_due(read: &PoolRead, generation: i64, context: &Context) -> bool {
    let interval = match read.pace {
        Pace::Fast => context.settings.inventory_fast,
        Pace::Slow => context.settings.inventory_slow,
    };
    let interval = interval
        .saturating_mul(1 << read.failures.min(4))
        .min(context.settings.inventory_slow.max(interval));
    // Half a beat early is on time: the pass itself was woken by a timer of this very length.
    let on_time = Instant::now() + interval / 2 >= read.at + interval;
    on_time || read.generation != generation || (read.expired && read.failures == 0)
}

async fn fill(
    object: &DesktopPool,
    backend: &dyn Backend,
    pools: &dyn PoolBackend,
    in_doubt: bool,
    read: &mut PoolRead,
) -> crate::backend::Result<()> {
    let status = object.status.clone().unwrap_or_default();
    let started = Timestamp::now();
    let Some(id) = status.id.as_ref().or(object.spec.existing_id.as_ref()) else {
        let name = vendor_name(&object.name_any(), object.meta().uid.as_deref().unwrap_or_default());
        let found = pools.find_pool(&name).await?;
        read.candidates = found.into_iter().map(|pool| pool.id).collect();
        read.started = Some(started);
        return Ok(());
    };
    let Some(pool) = pools.get_pool(id).await? else {
        read.absent = read.absent.saturating_add(1);
        read.pool = None;
        read.desktops.clear();
        return Ok(());
    };
    let busy = if in_doubt {
        Some(pools.is_pool_busy(id).await?)
    } else {
        None
    };
    let desktops = pools.list_pool_desktops(id).await?;
    let declared = object.spec.users.is_some()
        || object
            .spec
            .huawei_workspace
            .as_ref()
            .is_some_and(|h| h.groups.is_some());
    if declared && object.metadata.deletion_timestamp.is_none() {
        let members = pools.list_pool_members(id).await?;
        let missing = |name: &str| !members.iter().any(|m| !m.group && is_same_user(&m.name, name));
        let wanted = object.spec.users.iter().flatten();
        read.users = if wanted.into_iter().any(|user| missing(&user.name)) {
            Some(backend.list_users().await?)
        } else {
            None
        };
        read.members = Some(members);
    } else {
        read.members = None;
    }
    read.absent = 0;
    read.busy = busy;
    read.desktops = desktops;
    read.pool = Some(pool);
    read.started = Some(started);
    Ok(())
}
