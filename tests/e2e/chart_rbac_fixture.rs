//! The operator's rights exactly as the chart gives them.

use std::path::PathBuf;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use serde_json::Value;

use crate::harness::{Env, documents};
use crate::helm;

/// Kinds that decide who the operator is and what it may do.
const IDENTITY: [&str; 5] = [
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
];

/// Installs account, roles and bindings of the chart for a release in the test's namespace, with more arguments for
/// helm; answers the name of the service account.
pub async fn install_rbac(env: &Env, args: &[&str]) -> String {
    // Cluster roles are named after the release: the namespace's name keeps tests of one cluster apart.
    let rendered = helm::template(&env.namespace, &env.namespace, args);
    let identity: Vec<Value> = documents(&rendered)
        .into_iter()
        .filter(|object| IDENTITY.iter().any(|kind| object["kind"] == *kind))
        .collect();
    env.apply(&serde_saphyr::to_string_multiple(&identity).unwrap()).await;
    let account = identity
        .iter()
        .find(|object| object["kind"] == "ServiceAccount")
        .unwrap();
    account["metadata"]["name"].as_str().unwrap().to_owned()
}

/// A kubeconfig with which the operator is what it is in a cluster where the chart was installed in the test's
/// namespace: the same service account under the same roles, and nothing beyond. It may read Secrets in the test's
/// namespace only.
pub async fn operator_kubeconfig(env: &Env) -> PathBuf {
    let account = install_rbac(env, &[]).await;
    let request = TokenRequest {
        spec: Some(TokenRequestSpec::default()),
        ..TokenRequest::default()
    };
    let issued = env
        .api::<ServiceAccount>()
        .create_token_request(&account, &PostParams::default(), &request)
        .await
        .unwrap();
    let token = issued.status.unwrap().token.unwrap();
    env.plane().kubeconfig_for_token(&token).unwrap()
}
