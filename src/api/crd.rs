//! The CustomResourceDefinitions as they are published in `crds/`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::Value;

use super::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider};

/// Every CRD of the group, in the order in which they should be read.
#[must_use]
pub fn all_crds() -> Vec<CustomResourceDefinition> {
    [
        DesktopProvider::crd(),
        DesktopCluster::crd(),
        Desktop::crd(),
        DesktopImage::crd(),
        DesktopPool::crd(),
    ]
    .into_iter()
    .map(canonical)
    .collect()
}

/// Takes out what makes GitOps tools see a difference for ever (`nullable`, zero values) and lets a fresh object
/// say that nobody has looked at it yet (`status.observedGeneration: -1`).
fn canonical(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) {
            clean(schema);
            schema.description = schema
                .properties
                .as_ref()
                .and_then(|p| p.get("spec")?.description.clone());
            if let Some(status) = schema.properties.as_mut().and_then(|p| p.get_mut("status")) {
                status.default = Some(JSON(serde_json::json!({"observedGeneration": -1})));
                status.description = Some("What the operator knows and does.".into());
            }
        }
    }
    crd
}

fn clean(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    // Formats the API server does not check only make noise in its log.
    if matches!(schema.format.as_deref(), Some(f) if f.starts_with("uint")) {
        schema.format = None;
    }
    for child in schema.properties.iter_mut().flat_map(|m| m.values_mut()) {
        clean(child);
    }
    match schema.items.as_mut() {
        Some(JSONSchemaPropsOrArray::Schema(s)) => clean(s),
        Some(JSONSchemaPropsOrArray::Schemas(all)) => all.iter_mut().for_each(clean),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(s)) = schema.additional_properties.as_mut() {
        clean(s);
    }
}

/// The file name and canonical YAML of each CRD.
pub fn crd_files() -> Result<Vec<(String, String)>, CrdError> {
    all_crds()
        .into_iter()
        .map(|crd| {
            let mut value = serde_json::to_value(&crd)?;
            prune(&mut value);
            let name = format!("{}.yaml", crd.spec.names.plural);
            Ok((name, serde_saphyr::to_string(&value)?))
        })
        .collect()
}

/// Removes nulls, and writes whole numbers as such: the API server does, and a difference would be seen for ever.
fn prune(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Number(n) => {
            if let Some(whole) = n.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e15) {
                #[allow(clippy::cast_possible_truncation, reason = "checked to be a small whole number")]
                let whole = whole as i64;
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// A CRD could not be written as YAML.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    /// It has no JSON form.
    #[error("the CRD has no JSON form: {0}")]
    Json(#[from] serde_json::Error),
    /// It has no YAML form.
    #[error("the CRD has no YAML form: {0}")]
    Yaml(#[from] serde_saphyr::SerializeError),
}
