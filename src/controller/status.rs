//! Writes to the API server: status by PUT with a resourceVersion precondition, finalizers by a patch with one.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::context::Context;
use super::error::{Error, is_not_found};
use crate::api::FIELD_MANAGER;

/// A kind of ours, as far as writing it goes.
pub trait Stored:
    Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Its status.
    type Status: Clone + Default + PartialEq + Send + Sync;
    /// Its finalizer.
    const FINALIZER: &'static str;
    /// The API it is written through.
    fn api(context: &Context, namespace: Option<&str>) -> Api<Self>;
    /// Its status, default when there is none.
    fn status(&self) -> Self::Status;
    /// Replaces its status.
    fn set_status(&mut self, status: Self::Status);
}

/// The UID of an object that was read from the API server.
pub fn uid<K: Resource>(object: &K) -> Result<&str, Error> {
    object.meta().uid.as_deref().ok_or(Error::Malformed("uid"))
}

/// Writes the status if it differs, provided that the object is still the one that was read.
pub async fn write<K: Stored>(context: &Context, object: &K, status: K::Status) -> Result<K, Error> {
    if object.status() == status {
        return Ok(object.clone());
    }
    let api = K::api(context, object.namespace().as_deref());
    let mut changed = object.clone();
    changed.set_status(status);
    changed.meta_mut().managed_fields = None;
    let written = api
        .replace_status(&object.name_any(), &PostParams::default(), &changed)
        .await?;
    remember(context, object, written.meta())?;
    Ok(written)
}

/// Remembers that what was read is outdated by a write of ours. A write that the API server found to change nothing,
/// such as a time that differs by less than the second it keeps, outdates nothing: no news of it will ever come.
pub fn remember<K: Stored>(context: &Context, replaced: &K, written: &ObjectMeta) -> Result<(), Error> {
    let version = |meta: &ObjectMeta| meta.resource_version.clone().ok_or(Error::Malformed("resourceVersion"));
    let (old, new) = (version(replaced.meta())?, version(written)?);
    if old != new {
        context.supersede(uid(replaced)?, &old);
    }
    Ok(())
}

/// Whether our finalizer is on the object.
pub fn has_finalizer<K: Stored>(object: &K) -> bool {
    object.finalizers().iter().any(|f| f == K::FINALIZER)
}

/// Adds our finalizer.
pub async fn add_finalizer<K: Stored>(context: &Context, object: &K) -> Result<(), Error> {
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(K::FINALIZER.to_owned());
    patch_finalizers(context, object, &finalizers).await
}

/// Takes our finalizer off: nothing is left to do for the object.
pub async fn remove_finalizer<K: Stored>(context: &Context, object: &K) -> Result<(), Error> {
    let finalizers: Vec<String> = object
        .finalizers()
        .iter()
        .filter(|f| *f != K::FINALIZER)
        .cloned()
        .collect();
    patch_finalizers(context, object, &finalizers).await
}

async fn patch_finalizers<K: Stored>(context: &Context, object: &K, finalizers: &[String]) -> Result<(), Error> {
    let api = K::api(context, object.namespace().as_deref());
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.into()),
        ..PatchParams::default()
    };
    match api
        .patch_metadata(&object.name_any(), &parameters, &Patch::Merge(patch))
        .await
    {
        Ok(patched) => remember(context, object, &patched.metadata),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
