//! Who looks again when an object has changed or gone: those that decide from it.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Mutex;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use super::context::{Guarded, Stores, Waker, Wakers, lock};
use super::kind::Kind;
use super::{cluster, image, reference};
use crate::api::cluster::{ClusterState, SessionSummary};
use crate::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider, condition};

/// The objects of every kind, how to wake them, and what they were last told.
pub struct Relations {
    stores: Stores,
    wakers: Wakers,
    /// What was last seen of each cluster, by its UID.
    clusters: Mutex<HashMap<String, Shown>>,
}

impl Relations {
    /// Between these objects; nobody was told anything yet.
    #[must_use]
    pub fn new(stores: Stores, wakers: Wakers) -> Self {
        Self {
            stores,
            wakers,
            clusters: Mutex::default(),
        }
    }
}

/// What desktops and pools decide from in a cluster. A status holds more, and is written often while desktops are made: a
/// thousand of them need not look each time.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    generation: Option<i64>,
    deleting: bool,
    observed_generation: i64,
    provider: String,
    id: Option<String>,
    state: Option<ClusterState>,
    sessions: Option<SessionSummary>,
    ready: Option<(String, String, Option<i64>)>,
}

impl Shown {
    fn of(cluster: &DesktopCluster) -> Self {
        let status = cluster.status.as_ref();
        let ready = status.and_then(|s| condition::find(&s.conditions, condition::READY));
        let words = |c: &Condition| (c.status.clone(), c.reason.clone(), c.observed_generation);
        Self {
            generation: cluster.metadata.generation,
            deleting: cluster.metadata.deletion_timestamp.is_some(),
            observed_generation: status.map_or(-1, |s| s.observed_generation),
            provider: cluster::provider_of(cluster).to_owned(),
            id: status.and_then(|s| s.id.clone()),
            state: status.and_then(|s| s.state),
            sessions: status.and_then(|s| s.sessions.clone()),
            ready: ready.map(words),
        }
    }
}

/// Whether a cluster shows its desktops and pools something that it did not show before.
fn is_news(relations: &Relations, cluster: &Guarded<DesktopCluster>) -> bool {
    let uid = cluster.meta().uid.clone().unwrap_or_default();
    let at = reference_of(cluster);
    let there = relations
        .stores
        .clusters
        .get(&at)
        .is_some_and(|c| c.meta().uid == cluster.meta().uid);
    let mut shown = lock(&relations.clusters);
    let Some(now) = cluster.0.as_ref().ok().filter(|_| there).map(Shown::of) else {
        shown.remove(&uid);
        return true;
    };
    shown.insert(uid, now.clone()) != Some(now)
}

fn reference_of<K: Kind>(object: &Guarded<K>) -> ObjectRef<Guarded<K>> {
    let at = ObjectRef::<Guarded<K>>::new(&object.name_any());
    match object.namespace() {
        Some(namespace) => at.within(&namespace),
        None => at,
    }
}

/// A kind that others decide from.
pub trait Related: Kind {
    /// Wakes whoever decides from this object. It is in its store as it is now, or has gone from it.
    fn changed(relations: &Relations, object: &Guarded<Self>);
}

/// Wakes those objects of a store that are concerned.
fn wake<K: Kind>(objects: &[std::sync::Arc<Guarded<K>>], waker: &Waker<K>, concerned: impl Fn(&K) -> bool) {
    for object in objects.iter().filter_map(|object| object.0.as_ref().ok()) {
        if concerned(object) {
            let _ = waker.send(reference(object));
        }
    }
}

/// A provider that is being deleted waits for what is in its account.
fn wake_deleted_provider(relations: &Relations, name: &str) {
    let at = ObjectRef::<Guarded<DesktopProvider>>::new(name);
    let deleted = relations
        .stores
        .providers
        .get(&at)
        .is_some_and(|p| p.meta().deletion_timestamp.is_some());
    if deleted {
        let _ = relations.wakers.provider.send(at);
    }
}

/// A cluster that is being deleted waits for its desktops and pools.
fn wake_deleted_cluster(relations: &Relations, namespace: &str, name: &str) {
    let at = ObjectRef::<Guarded<DesktopCluster>>::new(name).within(namespace);
    let deleted = relations
        .stores
        .clusters
        .get(&at)
        .is_some_and(|c| c.meta().deletion_timestamp.is_some());
    if deleted {
        let _ = relations.wakers.cluster.send(at);
    }
}

impl Related for DesktopProvider {
    fn changed(relations: &Relations, object: &Guarded<Self>) {
        let name = object.name_any();
        wake(&relations.stores.clusters.state(), &relations.wakers.cluster, |c| {
            cluster::provider_of(c) == name
        });
        wake(&relations.stores.images.state(), &relations.wakers.image, |i| {
            image::provider_of(i) == name
        });
    }
}

impl Related for DesktopCluster {
    fn changed(relations: &Relations, object: &Guarded<Self>) {
        if is_news(relations, object) {
            let (namespace, name) = (object.meta().namespace.as_ref(), object.name_any());
            wake(&relations.stores.desktops.state(), &relations.wakers.desktop, |d| {
                d.spec.cluster_ref.name == name && d.metadata.namespace.as_ref() == namespace
            });
            wake(&relations.stores.pools.state(), &relations.wakers.pool, |p| {
                p.spec.template.spec.cluster_ref.name == name && p.metadata.namespace.as_ref() == namespace
            });
        }
        if let Ok(cluster) = &object.0 {
            wake_deleted_provider(relations, cluster::provider_of(cluster));
        }
    }
}

impl Related for Desktop {
    fn changed(relations: &Relations, object: &Guarded<Self>) {
        let namespace = object.namespace().unwrap_or_default();
        if let Some(pool) = pool_of(object) {
            let _ = relations.wakers.pool.send(pool);
        }
        let Ok(desktop) = &object.0 else { return };
        wake_deleted_cluster(relations, &namespace, &desktop.spec.cluster_ref.name);
        // An image looks at the desktop that it is made from, and one that is being deleted at those made from it.
        let name = desktop.name_any();
        wake(&relations.stores.images.state(), &relations.wakers.image, |i| {
            if i.metadata.namespace.as_ref() != Some(&namespace) {
                return false;
            }
            let status = i.status.as_ref();
            let made = status.is_some_and(|s| s.id.is_some() && s.held_desktop_id.is_none());
            let source = image::captured_from(i) == Some(name.as_str()) && !made;
            // Also when it has just ceased to refer to it, which it does not tell any more.
            source || i.metadata.deletion_timestamp.is_some()
        });
    }
}

impl Related for DesktopImage {
    fn changed(relations: &Relations, object: &Guarded<Self>) {
        let (namespace, name) = (object.namespace(), object.name_any());
        let source = object.0.as_ref().ok().and_then(image::captured_from);
        wake(&relations.stores.desktops.state(), &relations.wakers.desktop, |d| {
            let used = d.spec.image.as_ref().and_then(|i| i.reference.as_ref());
            let concerned = used.is_some_and(|r| r.name == name) || d.metadata.name.as_deref() == source;
            concerned && d.namespace() == namespace
        });
        wake(&relations.stores.pools.state(), &relations.wakers.pool, |p| {
            let used = p.spec.template.spec.image.reference.as_ref();
            used.is_some_and(|r| r.name == name) && p.namespace() == namespace
        });
        if let Ok(image) = &object.0 {
            wake_deleted_provider(relations, image::provider_of(image));
        }
    }
}

impl Related for DesktopPool {
    fn changed(relations: &Relations, object: &Guarded<Self>) {
        let Ok(pool) = &object.0 else { return };
        let namespace = pool.namespace().unwrap_or_default();
        let template = &pool.spec.template.spec;
        wake_deleted_cluster(relations, &namespace, &template.cluster_ref.name);
        // Also one that it has just ceased to refer to, which it does not tell any more.
        wake(&relations.stores.images.state(), &relations.wakers.image, |i| {
            i.metadata.deletion_timestamp.is_some() && i.metadata.namespace.as_ref() == Some(&namespace)
        });
    }
}

/// The pool that a Desktop belongs to.
fn pool_of(desktop: &Guarded<Desktop>) -> Option<ObjectRef<Guarded<DesktopPool>>> {
    let mut owners = desktop.meta().owner_references.iter().flatten();
    let owner = owners.find(|o| o.controller == Some(true) && o.kind == DesktopPool::kind(&()))?;
    Some(ObjectRef::<Guarded<DesktopPool>>::new(&owner.name).within(&desktop.namespace()?))
}
