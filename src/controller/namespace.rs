//! What is read of a namespace: its labels and its annotations, now and not from a watch.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;

use super::context::Context;
use super::error::{Error, is_not_found};

/// The metadata of a namespace; nothing but defaults for one that is gone.
pub async fn metadata(context: &Context, name: &str) -> Result<ObjectMeta, Error> {
    match Api::<Namespace>::all(context.client.clone()).get_metadata(name).await {
        Ok(found) => Ok(found.metadata),
        Err(error) if is_not_found(&error) => Ok(ObjectMeta::default()),
        Err(error) => Err(error.into()),
    }
}
