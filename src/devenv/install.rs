//! Installs what the operator needs in a cluster.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::DynamicObject;
use kube::discovery::ApiResource;
use kube::runtime::wait::{await_condition, conditions::is_crd_established};
use kube::{Api, Client};

use super::error::{DevenvError, kube};
use crate::api::{GROUP, VERSION, crd::all_crds};

const USABLE_WITHIN: Duration = Duration::from_secs(30);

/// Applies the operator's CRDs and waits until the API server serves them.
pub async fn install_crds(client: &Client) -> Result<(), DevenvError> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("devenv").force();
    for crd in all_crds() {
        let name = crd.metadata.name.clone().unwrap_or_default();
        crds.patch(&name, &params, &Patch::Apply(&crd))
            .await
            .map_err(kube(format!("apply the CRD {name}")))?;
    }
    for crd in all_crds() {
        let name = crd.metadata.name.clone().unwrap_or_default();
        tokio::time::timeout(USABLE_WITHIN, usable(client, &crds, &name, &crd))
            .await
            .unwrap_or_else(|_| Err(format!("not within {USABLE_WITHIN:?}")))
            .map_err(|why| DevenvError::Crd { name, why })?;
    }
    Ok(())
}

/// A CRD can be established an instant before its path is served.
async fn usable(
    client: &Client,
    crds: &Api<CustomResourceDefinition>,
    name: &str,
    crd: &CustomResourceDefinition,
) -> Result<(), String> {
    await_condition(crds.clone(), name, is_crd_established())
        .await
        .map_err(|e| e.to_string())?;
    let resource = ApiResource {
        group: GROUP.into(),
        version: VERSION.into(),
        api_version: format!("{GROUP}/{VERSION}"),
        kind: crd.spec.names.kind.clone(),
        plural: crd.spec.names.plural.clone(),
    };
    let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    while let Err(error) = objects.list(&ListParams::default().limit(1)).await {
        match error {
            kube::Error::Api(status) if status.code == 404 => tokio::time::sleep(Duration::from_millis(20)).await,
            other => return Err(other.to_string()),
        }
    }
    Ok(())
}
