//! Whether a namespace may use an account.

use kube::{Resource, ResourceExt};

use super::context::Context;
use super::error::Error;
use super::namespace;
use super::status::{Stored, write};
use crate::api::DesktopProvider;
use crate::api::condition::Stamp;
use crate::plan::managed::Managed;

/// The reason for a condition.
pub const NOT_ALLOWED: &str = "NamespaceNotAllowed";

/// Why this namespace may not use the account of a provider, in plain words; `None` when it may. The namespace is read
/// now, because rights that were taken away count at once.
pub async fn refusal(context: &Context, provider: &DesktopProvider, namespace: &str) -> Result<Option<String>, Error> {
    let labels = namespace::metadata(context, namespace)
        .await?
        .labels
        .unwrap_or_default();
    let allowed = provider.spec.allowed_namespaces.matches(&labels);
    Ok((!allowed).then(|| {
        format!(
            "DesktopProvider {} does not allow namespace {namespace}: its spec.allowedNamespaces asks for labels the \
             namespace does not carry. Label the namespace, or change the provider.",
            provider.name_any()
        )
    }))
}

/// As [`refusal`], for a provider by its name; one that is gone or cannot be read allows nothing.
pub async fn refusal_of(context: &Context, provider: &str, namespace: &str) -> Result<Option<String>, Error> {
    let found = context.providers.find(|p| p.meta().name.as_deref() == Some(provider));
    match found.as_deref().map(|p| &p.0) {
        Some(Ok(provider)) => refusal(context, provider, namespace).await,
        _ => Ok(Some(format!(
            "DesktopProvider {provider} does not exist or cannot be read."
        ))),
    }
}

/// Whether the account may not be used just now for what costs money: the object's status then says so. Whoever asks has
/// looked at the namespace a while ago; nothing is bought on the strength of that.
pub async fn withheld<K>(context: &Context, object: &K, provider: &str) -> Result<bool, Error>
where
    K: Stored<Status: Managed>,
{
    let namespace = object.namespace().unwrap_or_default();
    let Some(message) = refusal_of(context, provider, &namespace).await? else {
        return Ok(false);
    };
    let mut status = object.status();
    let stamp = Stamp {
        generation: object.meta().generation.unwrap_or_default(),
        now: context.now(),
    };
    stamp.working(status.parts().conditions, NOT_ALLOWED, &message);
    write(context, object, status).await?;
    Ok(true)
}
