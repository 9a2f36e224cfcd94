//! What many desktops cost: how long it takes from their manifests to all of them Ready, what is written to the API
//! server and asked of the vendor for each, and what is written at rest.
//!
//! `make bench` runs it, with the settings that the operator has by default, but for the account's rate: this is about the
//! operator, not about its limit. Nothing is required of the figures.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers, which may end with an error"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider};
use desktop_operator::devenv::{ControlPlane, Options, install_crds};
use desktop_operator::sim::{Kind, Sim, SimConfig};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const DESKTOPS: usize = 300;
/// Calls a second that the account may make.
const RATE: u32 = 100;
/// Between the last change and rest; and how long rest is looked at, longer than any default interval of listings.
const CALM: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(90);

async fn create<K>(api: &Api<K>, name: &str, spec: Value)
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    let version = K::api_version(&K::DynamicType::default()).into_owned();
    let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec});
    let object: K = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// What was written to the API server so far: to our kinds, and events.
#[derive(Clone, Copy)]
struct Written {
    ours: u64,
    events: u64,
}

impl Written {
    /// From the API server's own count.
    fn so_far(plane: &ControlPlane) -> Self {
        let output = Command::new(plane.kubectl())
            .env("KUBECONFIG", plane.kubeconfig())
            .args(["get", "--raw", "/metrics"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let writes = text.lines().filter(|line| {
            line.starts_with("apiserver_request_total{")
                && ["POST", "PUT", "PATCH", "APPLY", "DELETE"]
                    .iter()
                    .any(|verb| line.contains(&format!("verb=\"{verb}\"")))
        });
        let mut written = Self { ours: 0, events: 0 };
        for line in writes {
            let count: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of requests"
            )]
            let count = count as u64;
            if line.contains("group=\"desktop-operator.io\"") {
                written.ours += count;
            } else if line.contains("resource=\"events\"") {
                written.events += count;
            }
        }
        written
    }

    fn since(self, before: Self) -> Self {
        Self {
            ours: self.ours - before.ours,
            events: self.events - before.events,
        }
    }
}

fn each(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(DESKTOPS).unwrap())
}

async fn until_ready(what: &str, ready: impl AsyncFn() -> usize, wanted: usize) {
    let begun = Instant::now();
    loop {
        let seen = ready().await;
        if seen == wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(15), "{what}: {seen} of {wanted}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// An account and a cluster that is ready.
async fn office(client: &Client, sim: &Sim) {
    let secret = json!({
        "metadata": {"name": "acme"},
        "stringData": {"accessKeyId": "testid", "accessKeySecret": "testsecret"},
    });
    let secret: Secret = serde_json::from_value(secret).unwrap();
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    secrets.create(&PostParams::default(), &secret).await.unwrap();
    let provider = json!({
        "gws": {"region": "cn-hangzhou", "endpoint": sim.url()},
        "credentialsSecretRef": {"namespace": "default", "name": "acme"},
        "allowedNamespaces": {},
        "rateLimit": {"requestsPerSecond": RATE, "burst": RATE},
    });
    create::<DesktopProvider>(&Api::all(client.clone()), "acme", provider).await;
    let clusters: Api<DesktopCluster> = Api::default_namespaced(client.clone());
    let cluster = json!({"providerRef": {"name": "acme"}, "network": {"vpcId": "vpc-1"}});
    create(&clusters, "office", cluster).await;
    let ready = async || {
        let cluster = clusters.get("office").await.unwrap();
        let conditions = cluster.status.map(|s| s.conditions).unwrap_or_default();
        usize::from(is_ready(&conditions))
    };
    until_ready("the cluster", ready, 1).await;
}

fn is_ready(conditions: &[Condition]) -> bool {
    conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True")
}

#[tokio::main]
async fn main() {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    let client = plane.client().await.unwrap();
    install_crds(&client).await.unwrap();
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_desktop-operator"));
    command
        .env("KUBECONFIG", plane.kubeconfig())
        .args(["--leader-elect=false", "--address=127.0.0.1:0", "--namespace=default"])
        .arg(format!("--allow-endpoint={}", sim.url()));
    let log = plane.folder().join("operator.log");
    let _operator = plane.process_group().spawn("operator", &mut command, &log).unwrap();
    office(&client, &sim).await;

    let desktops: Api<Desktop> = Api::default_namespaced(client.clone());
    let (before, asked) = (Written::so_far(&plane), sim.ledger().position());
    let begun = Instant::now();
    for number in 0..DESKTOPS {
        let spec = json!({
            "clusterRef": {"name": "office"},
            "flavor": "ecs.g6.large",
            "image": {"id": "m-windows2019"},
            "systemDisk": {"category": "cloud_essd", "sizeGiB": 80},
        });
        create(&desktops, &format!("d{number}"), spec).await;
    }
    let applied = begun.elapsed();
    let ready = async || {
        let all = desktops.list(&ListParams::default()).await.unwrap();
        let conditions = |d: &Desktop| d.status.as_ref().is_some_and(|s| is_ready(&s.conditions));
        all.iter().filter(|d| conditions(d)).count()
    };
    until_ready("desktops", ready, DESKTOPS).await;
    let took = begun.elapsed();
    tokio::time::sleep(CALM).await;
    let (written, calls) = (Written::so_far(&plane).since(before), calls(&sim, asked));
    let ours = written.ours - u64::try_from(DESKTOPS).unwrap();
    println!("{DESKTOPS} desktops at GWS, all defaults, {RATE} calls a second at most");
    println!("  from the first manifest to all Ready: {took:.1?}, of which applying took {applied:.1?}");
    println!(
        "  writes of the operator: {:.1} a desktop, and {:.1} events",
        each(ours),
        each(written.events)
    );
    println!("  calls to the vendor:    {:.1} a desktop", each(calls));
    println!(
        "  desktops ever made:     {}",
        sim.ledger().ever_created(Kind::Instance).len()
    );

    let (before, asked) = (Written::so_far(&plane), sim.ledger().position());
    tokio::time::sleep(REST).await;
    let written = Written::so_far(&plane).since(before);
    println!(
        "  at rest for {REST:?}: {} writes, {} events, {} calls to the vendor",
        written.ours,
        written.events,
        self::calls(&sim, asked)
    );
}

fn calls(sim: &Sim, since: u64) -> u64 {
    u64::try_from(sim.ledger().since(since).count()).unwrap()
}
