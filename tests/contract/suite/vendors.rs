//! What the suite has to know of each vendor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use desktop_operator::api::DesktopProviderSpec;
use desktop_operator::api::desktop::SystemDisk;
use desktop_operator::backend::connect::{ConnectSettings, connect};
use desktop_operator::backend::{Backend, DesktopSpec};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::Unobserved;
use desktop_operator::sim::{CapitalOnlineEdit, CloudDesktopEdit, GwsEdit, HuaweiEdit, Sim, SimConfig};
use serde_json::{Value, json};

use crate::{capital_online, cloud_desktop, huawei};

/// A vendor, as far as it differs from the others.
pub trait Vendor: Send + Sync {
    /// Name of the provider's block.
    fn word(&self) -> &'static str;

    /// What the block says beside the endpoint.
    fn block(&self) -> Value;

    /// The action by which a desktop is made.
    fn create(&self) -> &'static str;

    /// The action by which desktops are listed.
    fn list(&self) -> &'static str;

    /// A cluster in which desktops can be made.
    fn home(&self, sim: &Sim) -> String;

    /// A desktop that can be made there.
    fn desktop(&self, home: &str) -> DesktopSpec;

    /// Puts a desktop into a state of this name.
    fn set_state(&self, sim: &Sim, desktop: &str, state: &str);
}

pub fn all() -> Vec<Arc<dyn Vendor>> {
    vec![
        Arc::new(Gws),
        Arc::new(CapitalOnline),
        Arc::new(CloudDesktop),
        Arc::new(Huawei),
    ]
}

/// A simulator with the odd forms of the vendors' examples, in which nothing takes long.
pub async fn sim() -> Sim {
    Sim::start(SimConfig::fast(20.0)).await.unwrap()
}

/// The usual account at a simulator, connected as the controllers connect it.
pub fn account(vendor: &dyn Vendor, sim: &Sim, deadline: Duration) -> Arc<dyn Backend> {
    let settings = ConnectSettings {
        endpoints: EndpointPolicy::new(&[sim.url().to_owned()]).unwrap(),
        observer: Arc::new(Unobserved),
        deadline,
    };
    let mut block = vendor.block();
    block["endpoint"] = json!(sim.url());
    let spec: DesktopProviderSpec = serde_json::from_value(json!({
        vendor.word(): block,
        "credentialsSecretRef": {"namespace": "n", "name": "s"},
        "allowedNamespaces": {},
        "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
    }))
    .unwrap();
    let secret: BTreeMap<String, Vec<u8>> = [("accessKeyId", "testid"), ("accessKeySecret", "testsecret")]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .into();
    connect("account", &spec, &secret, &settings).unwrap()
}

struct Gws;

impl Vendor for Gws {
    fn word(&self) -> &'static str {
        "gws"
    }

    fn block(&self) -> Value {
        json!({"region": "cn-hangzhou"})
    }

    fn create(&self) -> &'static str {
        "CreateInstance"
    }

    fn list(&self) -> &'static str {
        "DescribeInstances"
    }

    fn home(&self, sim: &Sim) -> String {
        let cluster = GwsEdit::AddCluster {
            account: "testid".into(),
            vpc_id: "vpc-1".into(),
            name: "office".into(),
        };
        sim.edit(cluster).unwrap()
    }

    fn desktop(&self, home: &str) -> DesktopSpec {
        let mut spec = capital_online::desktop_in(home);
        spec.flavor = "ecs.g6.large".into();
        spec.image_id = "m-windows2019".into();
        spec.disk = Some(SystemDisk {
            category: "cloud_essd".into(),
            size_gib: 80,
        });
        spec
    }

    fn set_state(&self, sim: &Sim, desktop: &str, state: &str) {
        let edit = GwsEdit::SetInstanceStatus {
            instance: desktop.into(),
            status: state.into(),
        };
        sim.edit(edit).unwrap();
    }
}

struct CapitalOnline;

impl Vendor for CapitalOnline {
    fn word(&self) -> &'static str {
        "capitalOnline"
    }

    fn block(&self) -> Value {
        json!({"siteId": capital_online::SITE})
    }

    fn create(&self) -> &'static str {
        "CreateVm"
    }

    fn list(&self) -> &'static str {
        "QueryVms"
    }

    fn home(&self, sim: &Sim) -> String {
        capital_online::own_net(sim).id
    }

    fn desktop(&self, home: &str) -> DesktopSpec {
        capital_online::desktop_in(home)
    }

    fn set_state(&self, sim: &Sim, desktop: &str, state: &str) {
        let edit = CapitalOnlineEdit::SetVmStatus {
            vm: desktop.into(),
            status: state.into(),
        };
        sim.edit(edit).unwrap();
    }
}

struct CloudDesktop;

impl Vendor for CloudDesktop {
    fn word(&self) -> &'static str {
        "cloudDesktop"
    }

    fn block(&self) -> Value {
        json!({"region": "cn-hangzhou", "extendedApi": true})
    }

    fn create(&self) -> &'static str {
        "CreateDesktop"
    }

    fn list(&self) -> &'static str {
        "DescribeDesktops"
    }

    fn home(&self, _sim: &Sim) -> String {
        "vpc-1".to_owned()
    }

    fn desktop(&self, _home: &str) -> DesktopSpec {
        cloud_desktop::desktop()
    }

    fn set_state(&self, sim: &Sim, desktop: &str, state: &str) {
        let edit = CloudDesktopEdit::SetDesktopStatus {
            desktop: desktop.into(),
            status: state.into(),
        };
        sim.edit(edit).unwrap();
    }
}

struct Huawei;

impl Vendor for Huawei {
    fn word(&self) -> &'static str {
        "huaweiWorkspace"
    }

    fn block(&self) -> Value {
        json!({"region": "cn-north-4", "projectId": huawei::PROJECT})
    }

    fn create(&self) -> &'static str {
        "CreateDesktop"
    }

    fn list(&self) -> &'static str {
        "ListDesktopsDetail"
    }

    fn home(&self, _sim: &Sim) -> String {
        huawei::PROJECT.to_owned()
    }

    fn desktop(&self, _home: &str) -> DesktopSpec {
        huawei::desktop()
    }

    fn set_state(&self, sim: &Sim, desktop: &str, state: &str) {
        let edit = HuaweiEdit::SetDesktopState {
            desktop: desktop.into(),
            status: state.into(),
            task: String::new(),
            login: "REGISTERED".into(),
        };
        sim.edit(edit).unwrap();
    }
}
