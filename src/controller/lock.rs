//! One creation at a time where a created thing carries no name: a Lease per account and network.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Api;
use kube::api::{DeleteParams, PostParams, Preconditions};
use sha2::{Digest, Sha256};

use super::context::Context;
use super::error::{Error, is_not_found};
use crate::plan::after;

/// Beyond the time in which an intent may be sent, how long a holder without an intent keeps the lock.
const GRACE: Duration = Duration::from_secs(30);

fn name(provider: &str, network: &str) -> String {
    let digest = Sha256::digest(format!("{provider}\n{network}"));
    format!("create-{}", hex::encode(&digest[..10]))
}

fn lease(name: &str, holder: &str) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            acquire_time: Some(MicroTime(Timestamp::now())),
            ..LeaseSpec::default()
        }),
    }
}

fn api(context: &Context) -> Api<Lease> {
    Api::namespaced(context.client.clone(), &context.settings.namespace)
}

/// Takes the lock for the resource with this UID. `still_creating` tells whether another holder has a creation under
/// way; a holder that has none, and not only just begun, has forgotten to let go.
pub async fn acquire(
    context: &Context,
    provider: &str,
    network: &str,
    holder: &str,
    still_creating: impl Fn(&str) -> bool + Send,
) -> Result<bool, Error> {
    let (api, name) = (api(context), name(provider, network));
    match api.create(&PostParams::default(), &lease(&name, holder)).await {
        Ok(_) => return Ok(true),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => return Err(error.into()),
    }
    let held = match api.get(&name).await {
        Ok(held) => held,
        Err(error) if is_not_found(&error) => return Err(Error::Stale),
        Err(error) => return Err(error.into()),
    };
    let spec = held.spec.clone().unwrap_or_default();
    let by = spec.holder_identity.unwrap_or_default();
    let begun = spec.acquire_time.map_or(Timestamp::MIN, |t| t.0);
    if by == holder {
        return Ok(true);
    }
    let patience = context.settings.intent_lifetime + GRACE;
    if still_creating(&by) || Timestamp::now() < after(begun, patience) {
        return Ok(false);
    }
    let mut taken = lease(&name, holder);
    taken.metadata.resource_version = held.metadata.resource_version;
    api.replace(&name, &PostParams::default(), &taken).await?;
    Ok(true)
}

/// Lets go of the lock if this UID holds it.
pub async fn release(context: &Context, provider: &str, network: &str, holder: &str) -> Result<(), Error> {
    let (api, name) = (api(context), name(provider, network));
    let held = match api.get(&name).await {
        Ok(held) => held,
        Err(error) if is_not_found(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if held.spec.as_ref().and_then(|s| s.holder_identity.as_deref()) != Some(holder) {
        return Ok(());
    }
    let preconditions = Preconditions {
        uid: held.metadata.uid,
        resource_version: held.metadata.resource_version,
    };
    let parameters = DeleteParams {
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    match api.delete(&name, &parameters).await {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
