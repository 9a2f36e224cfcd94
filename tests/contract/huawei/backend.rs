//! The backend at a simulator, with the odd forms of the document's examples.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::waiting::until;
use desktop_operator::api::DesktopProviderSpec;
use desktop_operator::api::desktop::{Billing, BillingMode, DesktopState, DesktopUser, OnDelete, SystemDisk, WorkMode};
use desktop_operator::backend::connect::{ConnectError, ConnectSettings, connect};
use desktop_operator::backend::{
    Backend, DesktopSpec, ObservedDesktop, Operation, Place, PolicyValues, Receipt, TaskState, UserSpec, naming,
};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::Unobserved;
use desktop_operator::sim::{Sim, SimConfig};
use serde_json::json;

use super::client::{IMAGE, PRODUCT, PROJECT};

pub const UID: &str = "3f2a0c1e-0000-4000-8000-000000000001";

/// An account with these values in its Secret.
pub fn connected(sim: &Sim, secret: &[(&str, &str)], deadline: Duration) -> Result<Arc<dyn Backend>, ConnectError> {
    let settings = ConnectSettings {
        endpoints: EndpointPolicy::new(&[sim.url().to_owned()]).unwrap(),
        observer: Arc::new(Unobserved),
        deadline,
    };
    let spec: DesktopProviderSpec = serde_json::from_value(json!({
        "huaweiWorkspace": {
            "region": "cn-north-4",
            "projectId": PROJECT,
            "endpoint": sim.url(),
            "iamEndpoint": sim.url(),
        },
        "credentialsSecretRef": {"namespace": "n", "name": "s"},
        "allowedNamespaces": {},
        "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
    }))
    .unwrap();
    let secret: BTreeMap<String, Vec<u8>> = secret
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    connect("account", &spec, &secret, &settings)
}

pub fn with_key(sim: &Sim) -> Arc<dyn Backend> {
    let secret = [("accessKeyId", "testid"), ("accessKeySecret", "testsecret")];
    connected(sim, &secret, Duration::from_secs(30)).unwrap()
}

pub fn with_login(sim: &Sim, password: &str) -> Arc<dyn Backend> {
    let secret = [("domainName", "office"), ("userName", "testid"), ("password", password)];
    connected(sim, &secret, Duration::from_secs(30)).unwrap()
}

/// A simulator with odd forms in which nothing takes long, and an account at it.
pub async fn start() -> (Sim, Arc<dyn Backend>) {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = with_key(&sim);
    (sim, backend)
}

pub fn desktop() -> DesktopSpec {
    DesktopSpec {
        uid: UID.into(),
        attempt: 1,
        resent: false,
        name: naming::short_name(UID),
        place: Place {
            cluster_id: PROJECT.into(),
            subnet_id: Some("subnet-2".into()),
            zone_id: Some("cn-north-7a".into()),
            security_groups: vec!["sg-1".into()],
            ..Place::default()
        },
        flavor: PRODUCT.into(),
        image_id: IMAGE.into(),
        disk: Some(SystemDisk {
            category: "SAS".into(),
            size_gib: 80,
        }),
        work_mode: WorkMode::Desktop,
        applications: Vec::new(),
        public_address: None,
        user: None,
        billing: Billing {
            mode: BillingMode::PayAsYouGo,
            period: None,
            paid_until: None,
            auto_renew: false,
            on_delete: OnDelete::default(),
        },
    }
}

pub fn create() -> Operation {
    Operation::CreateDesktop(Box::new(desktop()))
}

pub fn user(name: &str) -> DesktopUser {
    DesktopUser {
        name: name.into(),
        uid: None,
        email: None,
        group: None,
    }
}

pub fn named(name: &str) -> UserSpec {
    UserSpec {
        name: name.into(),
        email: Some(format!("{name}@office.example")),
        remark: Some("design".into()),
    }
}

pub fn policy(clipboard: &str, watermark: bool) -> PolicyValues {
    PolicyValues(vec![
        ("clipboard", clipboard.into()),
        ("localDrive", "ReadOnly".into()),
        ("usbRedirection", "false".into()),
        ("watermark", watermark.to_string()),
    ])
}

/// Submits and waits for the end of the job, which must be a good one.
pub async fn submit(backend: &dyn Backend, operation: Operation) -> Receipt {
    let receipt = backend.submit(&operation).await.unwrap();
    done(backend, receipt).await
}

pub async fn done(backend: &dyn Backend, receipt: Receipt) -> Receipt {
    if let Some(task) = &receipt.task {
        until(|| async {
            match backend.poll(task).await.unwrap() {
                TaskState::Running => None,
                TaskState::Finished => Some(()),
                TaskState::Failed(error) => panic!("{error}"),
            }
        })
        .await;
    }
    receipt
}

/// The desktop of our mark, once it is in a state.
pub async fn ours(backend: &dyn Backend, state: DesktopState) -> ObservedDesktop {
    let mark = naming::marker(UID);
    until(|| async {
        let listed = backend.list_desktops(PROJECT).await.unwrap();
        let found = listed
            .into_iter()
            .find(|desktop| desktop.marker.as_ref() == Some(&mark));
        found.filter(|desktop| desktop.state == state)
    })
    .await
}

/// Makes the desktop of our mark.
pub async fn made(backend: &dyn Backend) -> ObservedDesktop {
    submit(backend, create()).await;
    ours(backend, DesktopState::Running).await
}
