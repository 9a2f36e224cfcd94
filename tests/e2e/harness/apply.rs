//! Manifests in.

use kube::api::{Api, Patch, PatchParams};
use kube::core::{DynamicObject, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use kube::{Client, ResourceExt};
use serde_json::Value;

/// Field manager of the tests.
pub const MANAGER: &str = "e2e";

/// The documents of a YAML text, empty ones left out.
pub fn documents(yaml: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\nin\n{yaml}"));
    all.into_iter().filter(|document| !document.is_null()).collect()
}

/// The message of the API server's refusal.
pub fn message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

pub async fn apply(client: &Client, namespace: &str, yaml: &str, dry_run: bool) -> kube::Result<Vec<DynamicObject>> {
    // Strict: a misspelt field in a test must not pass as a field left out.
    let mut params = PatchParams::apply(MANAGER).force().validation_strict();
    params.dry_run = dry_run;
    let mut applied = Vec::new();
    for document in documents(yaml) {
        let object: DynamicObject = serde_json::from_value(document).unwrap();
        let api = api_for(client, namespace, &object).await?;
        applied.push(api.patch(&object.name_any(), &params, &Patch::Apply(&object)).await?);
    }
    Ok(applied)
}

async fn api_for(client: &Client, namespace: &str, object: &DynamicObject) -> kube::Result<Api<DynamicObject>> {
    let types = object.types.as_ref().expect("a document with apiVersion and kind");
    let kind = GroupVersionKind::try_from(types).unwrap();
    let (resource, capabilities) = pinned_kind(client, &kind).await?;
    Ok(match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => {
            let namespace = object.namespace().unwrap_or_else(|| namespace.to_owned());
            Api::namespaced_with(client.clone(), &namespace, &resource)
        }
    })
}
