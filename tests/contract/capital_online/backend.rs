//! The backend at a simulator, connected as the controllers connect it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use desktop_operator::api::DesktopProviderSpec;
use desktop_operator::api::desktop::{Billing, BillingMode, DesktopUser, Period, PeriodUnit, PublicAddress, WorkMode};
use desktop_operator::backend::connect::{ConnectSettings, connect};
use desktop_operator::backend::{Backend, DesktopSpec, Operation, Place, Receipt, Task, TaskState, Term};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::Unobserved;
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{Sim, SimConfig, World};
use serde_json::json;

use super::client::{IMAGE, PRODUCT, SITE, own_net};

/// A simulator with the odd types of the vendor's examples in which nothing takes long, and the account there.
pub async fn start(edition: Edition) -> (Sim, Arc<dyn Backend>) {
    let config = SimConfig {
        capital_online: edition,
        ..SimConfig::fast(50.0)
    };
    let sim = Sim::start(config).await.expect("the simulator starts");
    let backend = backend_at(sim.url(), edition, Duration::from_secs(30));
    (sim, backend)
}

/// The account at a place.
pub fn backend_at(url: &str, edition: Edition, deadline: Duration) -> Arc<dyn Backend> {
    let edition = match edition {
        Edition::Y2022 => "2022",
        Edition::Y2023 => "2023",
    };
    let block = json!({"siteId": SITE, "endpoint": url, "apiEdition": edition});
    connect_with(url, &block, deadline)
}

/// The account of a provider with this block.
pub fn connect_with(url: &str, block: &serde_json::Value, deadline: Duration) -> Arc<dyn Backend> {
    let settings = ConnectSettings {
        endpoints: EndpointPolicy::new(&[url.to_owned()]).unwrap(),
        observer: Arc::new(Unobserved),
        deadline,
    };
    connect("account", &provider(block), &secret(), &settings).expect("the account connects")
}

pub fn provider(block: &serde_json::Value) -> DesktopProviderSpec {
    serde_json::from_value(json!({
        "capitalOnline": block,
        "credentialsSecretRef": {"namespace": "n", "name": "s"},
        "allowedNamespaces": {},
        "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
    }))
    .unwrap()
}

pub fn secret() -> BTreeMap<String, Vec<u8>> {
    [("accessKeyId", "testid"), ("accessKeySecret", "testsecret")]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .into()
}

/// A usual desktop in the network that the account has from the beginning.
pub fn desktop(sim: &Sim) -> DesktopSpec {
    let net = own_net(sim);
    desktop_in(&net.id)
}

pub fn desktop_in(cluster_id: &str) -> DesktopSpec {
    DesktopSpec {
        uid: "0123abcd-0000-4000-8000-000000000001".to_owned(),
        attempt: 1,
        resent: false,
        name: "alice-dsk0123abcd000040008000000000000001".to_owned(),
        place: Place {
            cluster_id: cluster_id.to_owned(),
            ..Place::default()
        },
        flavor: PRODUCT.to_owned(),
        image_id: IMAGE.to_owned(),
        disk: None,
        work_mode: WorkMode::Desktop,
        applications: Vec::new(),
        public_address: None,
        user: None,
        billing: Billing::default(),
    }
}

pub fn monthly(count: i32, auto_renew: bool) -> Billing {
    Billing {
        mode: BillingMode::Subscription,
        period: Some(period(count, PeriodUnit::Month)),
        auto_renew,
        ..Billing::default()
    }
}

pub const fn period(count: i32, unit: PeriodUnit) -> Period {
    Period { count, unit }
}

pub fn term(count: i32, unit: PeriodUnit, auto_renew: bool) -> Term {
    Term {
        period: period(count, unit),
        auto_renew,
        token: "t".to_owned(),
    }
}

pub fn address(bandwidth: i32) -> PublicAddress {
    serde_json::from_value(json!({"bandwidthOut": bandwidth})).unwrap()
}

pub fn user(name: &str, email: Option<&str>) -> DesktopUser {
    serde_json::from_value(json!({"name": name, "email": email})).unwrap()
}

pub fn create(spec: DesktopSpec) -> Operation {
    Operation::CreateDesktop(Box::new(spec))
}

/// Makes a usual desktop and waits until it is on.
pub async fn created(sim: &Sim, backend: &dyn Backend) -> String {
    let receipt = backend.submit(&create(desktop(sim))).await.expect("it is created");
    let id = receipt.id.clone().expect("an id");
    ended(sim, backend, &receipt).await.expect("it ends well");
    id
}

/// Makes a usual desktop that is off.
pub async fn stopped(sim: &Sim, backend: &dyn Backend) -> String {
    let id = created(sim, backend).await;
    let stop = Operation::StopDesktop { desktop_id: id.clone() };
    let receipt = backend.submit(&stop).await.expect("it is stopped");
    ended(sim, backend, &receipt).await.expect("it ends well");
    id
}

/// Waits for the end of a task, and says how it ended.
pub async fn ended(sim: &Sim, backend: &dyn Backend, receipt: &Receipt) -> Result<(), String> {
    let task = receipt.task.as_ref().expect("a task");
    loop {
        let position = sim.read(World::now);
        match backend.poll(task).await.expect("it can be asked for") {
            TaskState::Finished => return Ok(()),
            TaskState::Failed(error) => return Err(error.message),
            // Every step of the simulator is a moment it can be waited for.
            TaskState::Running => sim.wait_for(|world| world.now() > position).await.unwrap(),
        }
    }
}

/// A task that nobody began.
pub fn job(task_id: &str) -> Task {
    Task {
        kind: desktop_operator::backend::TaskKind::Job,
        object_id: "vm".to_owned(),
        task_id: task_id.to_owned(),
        from: None,
        to: None,
    }
}
