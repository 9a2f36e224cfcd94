//! The harness and the control plane themselves.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use desktop_operator::api::DesktopProvider;
use desktop_operator::devenv::client_for;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Resource, ResourceExt};

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
    let mut dependent = ConfigMap::default();
    dependent.meta_mut().name = Some("dependent".into());
    dependent.owner_references_mut().push(OwnerReference {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        name: owner.name_any(),
        uid: owner.uid().unwrap(),
        ..OwnerReference::default()
    });
    maps.create(&PostParams::default(), &dependent).await.unwrap();
    maps.delete("owner", &DeleteParams::background()).await.unwrap();
    gone(&maps, "dependent").await;
}

#[tokio::test]
async fn rights_are_checked() {
    let env = Env::shared().await;
    let kubeconfig = env.plane().kubeconfig_for_user(NOBODY).unwrap();
    let client = client_for(&kubeconfig).await.unwrap();
    let providers: Api<DesktopProvider> = Api::all(client);
    let error = providers.list(&ListParams::default()).await.unwrap_err();
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

const VICTIM: &str = "E2E_VICTIM";

/// Not a test of its own: the process that [`nothing_outlives_a_killed_process`] kills.
#[tokio::test]
#[ignore = "waits to be killed"]
async fn victim() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    let env = Env::own().await;
    println!("\nvictim {} {}", env.plane().url(), env.plane().folder().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn nothing_outlives_a_killed_process() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["smoke::victim", "--exact", "--ignored", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = BufReader::new(victim.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("victim "))
        .unwrap();
    let [_, url, folder] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    let address = url.strip_prefix("https://").unwrap();
    TcpStream::connect(address).unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    eventually("the API server ends", async || match TcpStream::connect(address) {
        Ok(_) => Err("it accepts connections"),
        Err(_) => Ok(()),
    })
    .await;
    eventually("the files go", async || {
        if Path::new(folder).exists() {
            Err(folder)
        } else {
            Ok(())
        }
    })
    .await;
}
