//! The account as the controllers see it, at a server that says exactly what a test wants to be said, or at the
//! simulator.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use desktop_operator::api::DesktopProviderSpec;
use desktop_operator::api::desktop::{Billing, DesktopUser, WorkMode};
use desktop_operator::backend::connect::{ConnectSettings, connect};
use desktop_operator::backend::{Backend, DesktopSpec, Place};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::{CallObserver, Unobserved};
use desktop_operator::sim::Sim;
use serde_json::{Value, json};

use crate::gws::vendor::{Notes, Reply, Vendor, secret};

pub const UID: &str = "3f2a0c1e-0000-4000-8000-000000000001";
/// What a first attempt for this UID is known by.
pub const TOKEN: &str = "3f2a0c1e000040008000000000000001-1";

pub fn spec(endpoint: Option<&str>, extended: bool) -> DesktopProviderSpec {
    serde_json::from_value(json!({
        "cloudDesktop": {"region": "cn-hangzhou", "endpoint": endpoint, "extendedApi": extended},
        "credentialsSecretRef": {"namespace": "n", "name": "s"},
        "allowedNamespaces": {},
        "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
    }))
    .unwrap()
}

/// The account of a spec.
pub fn connected(
    spec: &DesktopProviderSpec,
    secret: &BTreeMap<String, Vec<u8>>,
    observer: Arc<dyn CallObserver>,
) -> Arc<dyn Backend> {
    let endpoint = spec.cloud_desktop.as_ref().unwrap().endpoint.clone().unwrap();
    let settings = ConnectSettings {
        endpoints: EndpointPolicy::new(&[endpoint]).unwrap(),
        observer,
        deadline: Duration::from_secs(30),
    };
    connect("account", spec, secret, &settings).unwrap()
}

/// The account at a scripted server, with the calls beyond the document.
pub fn at(vendor: &Vendor) -> Arc<dyn Backend> {
    connected(&spec(Some(&vendor.url), true), &secret(), Arc::new(Notes::default()))
}

/// The account at a scripted server, by the document alone.
pub fn documented_at(vendor: &Vendor) -> Arc<dyn Backend> {
    connected(&spec(Some(&vendor.url), false), &secret(), Arc::new(Notes::default()))
}

/// The account at a simulator.
pub fn at_sim(sim: &Sim, extended: bool, secret: &str) -> Arc<dyn Backend> {
    let secret = [("accessKeyId", "testid"), ("accessKeySecret", secret)]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .into();
    connected(&spec(Some(sim.url()), extended), &secret, Arc::new(Unobserved))
}

/// What the examples say to an action.
pub fn example(action: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/cloud-desktop")
        .join(format!("{action}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// A server that answers every action with its example, but for those that the script answers.
pub async fn examples_but(script: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static) -> Vendor {
    Vendor::start(move |seen, _| script(seen.action()).unwrap_or_else(|| Reply::ok(example(seen.action())))).await
}

/// A server that answers every action with its example.
pub async fn examples() -> Vendor {
    examples_but(|_| None).await
}

/// A usual desktop, as the simulator can make it.
pub fn desktop() -> DesktopSpec {
    DesktopSpec {
        uid: UID.into(),
        attempt: 1,
        resent: false,
        name: "ignored".into(),
        place: Place {
            cluster_id: "vpc-1".into(),
            vpc_id: Some("vpc-1".into()),
            subnet_id: Some("vsw-1".into()),
            zone_id: Some("cn-hangzhou-h".into()),
            ..Place::default()
        },
        flavor: "desktop.n1.small".into(),
        image_id: "img-win2019".into(),
        disk: None,
        work_mode: WorkMode::Desktop,
        applications: Vec::new(),
        public_address: None,
        user: Some(user("alice")),
        billing: Billing::default(),
    }
}

/// As [`desktop`], of the examples' image and for their user.
pub fn example_desktop() -> DesktopSpec {
    DesktopSpec {
        image_id: "img-xxx".into(),
        user: Some(user("user-xxx")),
        ..desktop()
    }
}

pub fn user(name: &str) -> DesktopUser {
    DesktopUser {
        name: name.into(),
        uid: None,
        email: None,
        group: None,
    }
}
