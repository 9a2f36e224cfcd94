//! The operator's rights exactly as the chart gives them.

use std::path::PathBuf;
use std::sync::LazyLock;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::Value;

use crate::harness::{Env, documents, eventually};
use crate::helm;
use desktop_operator::api::Desktop;
use desktop_operator::devenv::client_for;

/// Kinds that decide who the operator is and what it may do.
const IDENTITY: [&str; 5] = [
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
];

/// Stands in the rendered chart where the test's namespace belongs. A name, so that it passes the chart's own checks.
const PLACE: &str = "namespace-of-the-test";

/// The chart with its defaults, rendered once: every test with an operator needs it.
static DEFAULT: LazyLock<String> = LazyLock::new(|| helm::template(PLACE, PLACE, &[]));

/// Installs account, roles and bindings of the chart for a release in the test's namespace, with more arguments for
/// helm; answers the name of the service account.
pub async fn install_rbac(env: &Env, args: &[&str]) -> String {
    // Cluster roles are named after the release: the namespace's name keeps tests of one cluster apart.
    let rendered = if args.is_empty() {
        DEFAULT.replace(PLACE, &env.namespace)
    } else {
        helm::template(&env.namespace, &env.namespace, args)
    };
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

/// As [`operator_kubeconfig`], once the API server has learnt of the roles: it does so a moment after they are written.
pub async fn settled_operator_kubeconfig(env: &Env) -> PathBuf {
    let kubeconfig = operator_kubeconfig(env).await;
    let client = client_for(&kubeconfig).await.unwrap();
    let desktops: Api<Desktop> = Api::all(client.clone());
    let secrets: Api<Secret> = Api::namespaced(client, &env.namespace);
    eventually("the operator may do its work", async || {
        desktops.list(&ListParams::default()).await?;
        secrets.get_opt("any").await
    })
    .await;
    kubeconfig
}
