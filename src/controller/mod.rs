//! Gathers inputs, asks `plan`, carries out one action, writes status once.

pub mod accounts;
pub mod cluster;
pub mod context;
pub mod creation;
pub mod desktop;
pub mod error;
pub mod image;
pub mod inventory;
pub mod kind;
pub mod lock;
pub mod namespace;
pub mod observations;
pub mod permission;
pub mod pool;
pub mod provider;
pub mod relations;
pub mod run;
pub mod settings;
pub mod status;

use kube::Resource;
use kube::runtime::reflector::ObjectRef;

use context::Guarded;

/// Refers to an object as the controllers' queues do.
#[must_use]
pub fn reference<K>(object: &K) -> ObjectRef<Guarded<K>>
where
    K: Resource<DynamicType = ()> + Clone,
{
    let meta = object.meta();
    let reference = ObjectRef::<Guarded<K>>::new(meta.name.as_deref().unwrap_or_default());
    match meta.namespace.as_deref() {
        Some(namespace) => reference.within(namespace),
        None => reference,
    }
}

/// The value of an annotation.
#[must_use]
pub fn annotation<'a, K: Resource>(object: &'a K, name: &str) -> Option<&'a str> {
    object.meta().annotations.as_ref()?.get(name).map(String::as_str)
}
