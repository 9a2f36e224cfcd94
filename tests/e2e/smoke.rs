//! The harness and the control plane themselves.

use desktop_operator::api::DesktopProvider;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{DeleteParams, PostParams};
use kube::{Resource, ResourceExt};

use crate::harness::{Env, NOBODY, eventually, gone, object};

const PROVIDER: &str = "
apiVersion: desktop-operator.io/v1alpha1
kind: DesktopProvider
metadata: {name: smoke}
spec:
  gws: {region: cn-hangzhou}
  credentialsSecretRef: {namespace: default, name: none}
  allowedNamespaces: {}
";

#[tokio::test]
async fn a_namespace_of_ones_own_goes_away_with_what_is_in_it() {
    let env = Env::shared().await;
    env.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}")
        .await;
    object(&env.api::<ConfigMap>(), "one", "is there", |_| true).await;
    env.all::<Namespace>()
        .delete(&env.namespace, &DeleteParams::default())
        .await
        .unwrap();
    gone(&env.all::<Namespace>(), &env.namespace).await;
}

#[tokio::test]
async fn what_an_object_owns_is_collected_with_it() {
    let env = Env::shared().await;
    let maps = env.api::<ConfigMap>();
    let owner = env
        .apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: owner}}")
        .await
        .remove(0);
    let mut owned = ConfigMap::default();
    owned.meta_mut().name = Some("owned".into());
    owned
        .owner_references_mut()
        .push(k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            name: owner.name_any(),
            uid: owner.uid().unwrap(),
            ..Default::default()
        });
    maps.create(&PostParams::default(), &owned).await.unwrap();
    maps.delete("owner", &DeleteParams::background()).await.unwrap();
    gone(&maps, "owned").await;
}

#[tokio::test]
async fn rights_are_checked() {
    let env = Env::shared().await;
    let kubeconfig = env.plane().kubeconfig_for_user(NOBODY).unwrap();
    let client = desktop_operator::devenv::client_for(&kubeconfig).await.unwrap();
    let providers: kube::Api<DesktopProvider> = kube::Api::all(client);
    let error = providers.list(&Default::default()).await.unwrap_err();
    assert!(
        matches!(&error, kube::Error::Api(status) if status.code == 403),
        "{error}"
    );
}

#[tokio::test]
async fn objects_survive_a_crash_of_the_api_server() {
    let env = Env::own().await;
    env.apply(PROVIDER).await;
    env.plane().restart_apiserver().await.unwrap();
    let providers = env.all::<DesktopProvider>();
    eventually("the provider is still there", async || providers.get("smoke").await).await;
}
