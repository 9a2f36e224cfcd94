//! The chart against a real API server: what it renders is accepted, installed, upgraded and removed.

use std::process::Output;

use crate::harness::{Env, documents, eventually, gone, message, object};
use crate::helm;
use desktop_operator::api::DesktopProvider;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, PostParams};

/// What Prometheus's operator adds to a cluster, as far as the chart uses it.
const MONITORING: &str = include_str!("../data/monitoring-crds.yaml");
const FOREIGN: [&str; 2] = ["ServiceMonitor", "PrometheusRule"];

const RESTRICTED: &[(&str, &str)] = &[
    ("pod-security.kubernetes.io/enforce", "restricted"),
    ("pod-security.kubernetes.io/enforce-version", "latest"),
];

const PROVIDER: &str = "
apiVersion: desktop-operator.io/v1alpha1
kind: DesktopProvider
metadata: {name: kept}
spec:
  gws: {region: cn-hangzhou}
  credentialsSecretRef: {namespace: default, name: none}
  allowedNamespaces: {}
";

#[tokio::test]
async fn the_api_server_accepts_every_object_whatever_the_values() {
    let env = Env::shared().await;
    env.apply(MONITORING).await;
    let crds = env.all::<CustomResourceDefinition>();
    for crd in ["servicemonitors", "prometheusrules"] {
        object(
            &crds,
            &format!("{crd}.monitoring.coreos.com"),
            "is established",
            established,
        )
        .await;
    }
    let mut monitored = Vec::new();
    for entry in std::fs::read_dir(helm::root().join("tests/data/chart")).unwrap() {
        let values = entry.unwrap().path();
        let rendered = helm::template(&env.namespace, &env.namespace, &["--values", values.to_str().unwrap()]);
        for object in documents(&rendered) {
            let foreign = FOREIGN.iter().any(|kind| object["kind"] == *kind);
            let yaml = serde_saphyr::to_string(&object).unwrap();
            // A kind can be established a moment before it is served.
            let answer = match env.dry_run(&yaml).await {
                Err(error) if foreign && message(&error).contains("not found") => {
                    eventually("the kind is served", async || {
                        env.dry_run(&yaml).await.map_err(|error| message(&error))
                    })
                    .await;
                    Ok(())
                }
                answer => answer.map(|_| ()),
            };
            if let Err(error) = answer {
                panic!("{}: {}\n{yaml}", values.display(), message(&error));
            }
            if foreign {
                monitored.push(object);
            }
        }
    }
    assert_eq!(monitored.len(), FOREIGN.len());
    // They are looked at: what their CRDs do not know is refused.
    for object in &mut monitored {
        let monitor = object["kind"] == FOREIGN[0];
        let item = if monitor {
            "/spec/endpoints/0"
        } else {
            "/spec/groups/0/rules/0"
        };
        object.pointer_mut(item).unwrap()["evry"] = "1m".into();
        let yaml = serde_saphyr::to_string(&object).unwrap();
        let refused = message(&env.dry_run(&yaml).await.unwrap_err());
        assert!(refused.contains("evry"), "{refused}");
    }
}

#[tokio::test]
async fn its_pods_run_where_only_restricted_pods_may() {
    let env = Env::shared().await;
    let namespace = env.create_namespace("restricted-", RESTRICTED).await;
    let rendered = helm::template("test", &namespace, &[]);
    let deployment = documents(&rendered)
        .into_iter()
        .find(|object| object["kind"] == "Deployment")
        .unwrap();
    let deployment: Deployment = serde_json::from_value(deployment).unwrap();
    let template = deployment.spec.template;
    let mut pod = Pod {
        metadata: template.metadata.unwrap(),
        spec: template.spec,
        ..Pod::default()
    };
    pod.metadata.name = Some("operator".into());
    let pods = kube::Api::<Pod>::namespaced(env.client.clone(), &namespace);
    pods.create(&PostParams::default(), &pod).await.unwrap();
    // The same pod with one loosened screw is refused: the namespace does check.
    pod.metadata.name = Some("loose".into());
    pod.spec.as_mut().unwrap().containers[0].security_context = None;
    let error = pods.create(&PostParams::default(), &pod).await.unwrap_err();
    assert!(message(&error).contains("PodSecurity"), "{error}");
}

/// Runs helm as administrator of the test's cluster, in the test's namespace.
pub fn helm_in(env: &Env, args: &[&str]) -> Result<String, String> {
    let home = env.plane().folder().join("helm");
    let output: Output = helm::command(&home)
        .args(args)
        .arg(format!("--kubeconfig={}", env.kubeconfig.display()))
        .arg(format!("--namespace={}", env.namespace))
        .output()
        .unwrap();
    helm::answer(&output)
}

#[tokio::test]
async fn install_upgrade_uninstall_and_install_again() {
    let env = Env::own().await;
    let crds = env.all::<CustomResourceDefinition>();
    for crd in crds.list(&ListParams::default()).await.unwrap() {
        crds.delete(&crd.name_any(), &DeleteParams::default()).await.unwrap();
        gone(&crds, &crd.name_any()).await;
    }
    let chart = helm::chart();
    let chart = chart.to_str().unwrap();

    let notes = helm_in(&env, &["install", "vdi", chart]).unwrap();
    for needed in ["create secret generic", "kind: DesktopProvider", &env.namespace] {
        assert!(notes.contains(needed), "the notes lack {needed}:\n{notes}");
    }
    let deployments = env.api::<Deployment>();
    let name = "vdi-desktop-operator";
    object(&deployments, name, "has two replicas", |d| replicas(d) == Some(2)).await;
    let desktops_crd = "desktopproviders.desktop-operator.io";
    object(&crds, desktops_crd, "is established", established).await;
    env.apply(PROVIDER).await;

    helm_in(&env, &["upgrade", "vdi", chart, "--set", "replicas=1"]).unwrap();
    object(&deployments, name, "has one replica", |d| replicas(d) == Some(1)).await;

    helm_in(&env, &["uninstall", "vdi"]).unwrap();
    gone(&deployments, name).await;
    assert_eq!(crds.list(&ListParams::default()).await.unwrap().items.len(), 5);
    env.all::<DesktopProvider>().get("kept").await.unwrap();

    helm_in(&env, &["install", "vdi", chart]).unwrap();
    env.all::<DesktopProvider>().get("kept").await.unwrap();
    helm_in(&env, &["upgrade", "vdi", chart, "--set", "crds.keep=false"]).unwrap();
    helm_in(&env, &["uninstall", "vdi"]).unwrap();
    gone(&crds, desktops_crd).await;
}

#[tokio::test]
async fn crds_that_are_there_already_are_left_alone_or_taken_over_on_request() {
    let env = Env::own().await;
    let chart = helm::chart();
    let chart = chart.to_str().unwrap();
    let refused = helm_in(&env, &["install", "vdi", chart]).unwrap_err();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");

    helm_in(&env, &["install", "vdi", chart, "--set", "crds.enabled=false"]).unwrap();
    let crds = env.all::<CustomResourceDefinition>();
    let owner = async || {
        let crd = crds.get("desktops.desktop-operator.io").await.unwrap();
        crd.annotations().get("meta.helm.sh/release-name").cloned()
    };
    assert_eq!(owner().await, None);
    helm_in(&env, &["uninstall", "vdi"]).unwrap();

    // Forced, because whoever installed the CRDs still owns their fields, and may have had others than the chart.
    let take = ["install", "vdi", chart, "--take-ownership", "--force-conflicts"];
    helm_in(&env, &take).unwrap();
    assert_eq!(owner().await.as_deref(), Some("vdi"));
}

fn replicas(deployment: &Deployment) -> Option<i32> {
    deployment.spec.replicas
}

fn established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|c| c.type_ == "Established" && c.status == "True")
}
