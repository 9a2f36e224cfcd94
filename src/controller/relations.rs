//! Who looks again when an object has changed or gone: those that decide from it.

use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use super::context::{Context, Guarded, Waker};
use super::kind::Kind;
use super::{cluster, image, reference};
use crate::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider};

/// A kind that others decide from.
pub trait Related: Kind {
    /// Wakes whoever decides from this object. It is in its store as it is now, or has gone from it.
    fn changed(context: &Context, object: &Guarded<Self>);
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
fn wake_deleted_provider(context: &Context, name: &str) {
    let at = ObjectRef::<Guarded<DesktopProvider>>::new(name);
    let deleted = context
        .providers
        .get(&at)
        .is_some_and(|p| p.meta().deletion_timestamp.is_some());
    if deleted {
        let _ = context.wake_provider.send(at);
    }
}

/// A cluster that is being deleted waits for its desktops and pools.
fn wake_deleted_cluster(context: &Context, namespace: &str, name: &str) {
    let at = ObjectRef::<Guarded<DesktopCluster>>::new(name).within(namespace);
    let deleted = context
        .clusters
        .get(&at)
        .is_some_and(|c| c.meta().deletion_timestamp.is_some());
    if deleted {
        let _ = context.wake_cluster.send(at);
    }
}

impl Related for DesktopProvider {
    fn changed(context: &Context, object: &Guarded<Self>) {
        let name = object.name_any();
        wake(&context.clusters.state(), &context.wake_cluster, |c| {
            cluster::provider_of(c) == name
        });
        wake(&context.images.state(), &context.wake_image, |i| {
            image::provider_of(i) == name
        });
    }
}

impl Related for DesktopCluster {
    fn changed(context: &Context, object: &Guarded<Self>) {
        let (namespace, name) = (object.namespace(), object.name_any());
        wake(&context.desktops.state(), &context.wake_desktop, |d| {
            d.spec.cluster_ref.name == name && d.namespace() == namespace
        });
        wake(&context.pools.state(), &context.wake_pool, |p| {
            p.spec.template.spec.cluster_ref.name == name && p.namespace() == namespace
        });
        if let Ok(cluster) = &object.0 {
            wake_deleted_provider(context, cluster::provider_of(cluster));
        }
    }
}

impl Related for Desktop {
    fn changed(context: &Context, object: &Guarded<Self>) {
        let namespace = object.namespace().unwrap_or_default();
        if let Some(pool) = pool_of(object) {
            let _ = context.wake_pool.send(pool);
        }
        let Ok(desktop) = &object.0 else { return };
        wake_deleted_cluster(context, &namespace, &desktop.spec.cluster_ref.name);
        // An image looks at the desktop that it is made from, and one that is being deleted at those made from it.
        let name = desktop.name_any();
        wake(&context.images.state(), &context.wake_image, |i| {
            let status = i.status.as_ref();
            let made = status.is_some_and(|s| s.id.is_some() && s.held_desktop_id.is_none());
            let source = image::captured_from(i) == Some(name.as_str()) && !made;
            // Also when it has just ceased to refer to it, which it does not tell any more.
            let awaited = i.metadata.deletion_timestamp.is_some();
            i.namespace().as_deref() == Some(&namespace) && (source || awaited)
        });
    }
}

impl Related for DesktopImage {
    fn changed(context: &Context, object: &Guarded<Self>) {
        let (namespace, name) = (object.namespace(), object.name_any());
        let source = object.0.as_ref().ok().and_then(image::captured_from);
        wake(&context.desktops.state(), &context.wake_desktop, |d| {
            let used = d.spec.image.as_ref().and_then(|i| i.reference.as_ref());
            let concerned = used.is_some_and(|r| r.name == name) || d.metadata.name.as_deref() == source;
            concerned && d.namespace() == namespace
        });
        wake(&context.pools.state(), &context.wake_pool, |p| {
            let used = p.spec.template.spec.image.reference.as_ref();
            used.is_some_and(|r| r.name == name) && p.namespace() == namespace
        });
        if let Ok(image) = &object.0 {
            wake_deleted_provider(context, image::provider_of(image));
        }
    }
}

impl Related for DesktopPool {
    fn changed(context: &Context, object: &Guarded<Self>) {
        let Ok(pool) = &object.0 else { return };
        let namespace = pool.namespace().unwrap_or_default();
        let template = &pool.spec.template.spec;
        wake_deleted_cluster(context, &namespace, &template.cluster_ref.name);
        wake(&context.images.state(), &context.wake_image, |i| {
            i.metadata.deletion_timestamp.is_some() && i.namespace().as_deref() == Some(&namespace)
        });
    }
}

/// The pool that a Desktop belongs to.
fn pool_of(desktop: &Guarded<Desktop>) -> Option<ObjectRef<Guarded<DesktopPool>>> {
    let mut owners = desktop.meta().owner_references.iter().flatten();
    let owner = owners.find(|o| o.controller == Some(true) && o.kind == DesktopPool::kind(&()))?;
    Some(ObjectRef::<Guarded<DesktopPool>>::new(&owner.name).within(&desktop.namespace()?))
}
