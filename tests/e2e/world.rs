//! A control plane, a simulated vendor and the operator between them, with the manifests most scenarios begin with.

use std::fmt::Debug;

use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider};
use desktop_operator::sim::{Edit, Kind, Ledger, Sim, SimConfig};

use crate::harness::{Env, Operator, OperatorBuilder, eventually, object};

/// A control plane, a simulated vendor and the operator between them.
///
/// The operator comes first: it is dropped first, and shows its log while the folder is still there.
pub struct World {
    pub operator: Operator,
    pub sim: Sim,
    pub env: Env,
    pub vendor: Vendor,
}

/// Where a world's desktops live: the provider's block without its endpoint, and the usual cluster and desktop there.
pub struct Vendor {
    /// Name of the block.
    pub word: &'static str,
    /// What it says beside the endpoint.
    pub block: Value,
    /// Spec of the usual cluster, without its provider.
    pub cluster: Value,
    /// Spec of the usual desktop, without its cluster.
    pub desktop: Value,
}

impl Vendor {
    /// Alibaba GWS.
    pub fn gws() -> Self {
        Self {
            word: "gws",
            block: json!({"region": "cn-hangzhou"}),
            cluster: json!({
                "network": {"vpcId": "vpc-1"},
                "policy": {"clipboard": "ClientToDesktop", "localDrive": "ReadOnly", "watermark": {"enabled": true}},
            }),
            desktop: json!({
                "flavor": "ecs.g6.large",
                "image": {"id": IMAGE},
                "systemDisk": {"category": "cloud_essd", "sizeGiB": 80},
            }),
        }
    }

    /// CapitalOnline gcw, in the default network of a site.
    pub fn capital_online() -> Self {
        Self {
            word: "capitalOnline",
            block: json!({"siteId": SITE}),
            cluster: json!({"network": {}, "capitalOnline": {"defaultNetwork": true}}),
            desktop: json!({
                "flavor": "900d5a10-0000-4000-8000-000000000001",
                "image": {"id": "1a6e5a10-0000-4000-8000-000000000001"},
            }),
        }
    }

    /// Alibaba CloudDesktop, with the calls of its document alone or with those of its published client as well.
    pub fn cloud_desktop(extended: bool) -> Self {
        Self {
            word: "cloudDesktop",
            block: json!({"region": "cn-hangzhou", "extendedApi": extended}),
            cluster: json!({
                "network": {"vpcId": "vpc-1", "subnetId": "vsw-1"},
                "cloudDesktop": {"zoneId": "cn-hangzhou-i"},
            }),
            desktop: json!({
                "flavor": "desktop.n1.small",
                "image": {"id": "img-win2019"},
                "user": {"name": "alice"},
            }),
        }
    }

    /// Huawei Workspace.
    pub fn huawei() -> Self {
        Self {
            word: "huaweiWorkspace",
            block: json!({"region": "cn-north-4", "projectId": PROJECT}),
            cluster: json!({
                "network": {"vpcId": "vpc-1"},
                "policy": {"clipboard": "ClientToDesktop", "localDrive": "ReadOnly", "watermark": {"enabled": true}},
            }),
            desktop: json!({
                "flavor": "workspace.x86.ultimate.large2",
                "image": {"id": "cc3bbc0b-9441-461b-b80b-48c52f3aed08"},
                "systemDisk": {"category": "SAS", "sizeGiB": 80},
            }),
        }
    }
}

impl World {
    /// Everything up, with a provider `acme` that every namespace may use.
    pub async fn start() -> Self {
        Self::start_with(SimConfig::fast(4.0), |operator| operator).await
    }

    /// As [`World::start`], with another simulator and other flags.
    pub async fn start_with(config: SimConfig, flags: impl FnOnce(OperatorBuilder<'_>) -> OperatorBuilder<'_>) -> Self {
        Self::start_at(Vendor::gws(), config, flags).await
    }

    /// As [`World::start_with`], at another vendor.
    pub async fn start_at(
        vendor: Vendor,
        config: SimConfig,
        flags: impl FnOnce(OperatorBuilder<'_>) -> OperatorBuilder<'_>,
    ) -> Self {
        let env = Env::own().await;
        let sim = Sim::start(config).await.unwrap();
        let builder = Operator::builder(&env)
            .allow_endpoint(sim.url())
            .arg("--leader-elect=false");
        let mut operator = flags(builder).start();
        operator.ready().await;
        let world = Self {
            operator,
            sim,
            env,
            vendor,
        };
        world.credentials("testid", "testsecret").await;
        world.env.apply(&world.provider()).await;
        world
    }

    /// Kills the operator and starts another like it.
    pub async fn restart(&mut self, flags: impl FnOnce(OperatorBuilder<'_>) -> OperatorBuilder<'_>) {
        self.operator.kill();
        self.operator.wait().await;
        let builder = Operator::builder(&self.env)
            .allow_endpoint(self.sim.url())
            .arg("--leader-elect=false");
        let mut next = flags(builder).start();
        next.ready().await;
        self.operator = next;
    }

    /// Writes the credentials Secret.
    pub async fn credentials(&self, id: &str, secret: &str) {
        self.env
            .apply(&format!(
                "{{apiVersion: v1, kind: Secret, metadata: {{name: acme}}, \
                 stringData: {{accessKeyId: {id}, accessKeySecret: {secret}}}}}"
            ))
            .await;
    }

    /// The provider's manifest.
    pub fn provider(&self) -> String {
        let block = merged(self.vendor.block.clone(), json!({"endpoint": self.sim.url()}));
        let manifest = json!({
            "apiVersion": "desktop-operator.io/v1alpha1",
            "kind": "DesktopProvider",
            "metadata": {"name": "acme"},
            "spec": {
                self.vendor.word: block,
                "credentialsSecretRef": {"namespace": self.env.namespace, "name": "acme"},
                "allowedNamespaces": {},
                "rateLimit": {"requestsPerSecond": 500, "burst": 500},
            },
        });
        manifest.to_string()
    }

    /// Applies a cluster; `spec` is merged over the usual one.
    pub async fn cluster(&self, name: &str, spec: Value) {
        let usual = merged(json!({"providerRef": {"name": "acme"}}), self.vendor.cluster.clone());
        self.put("DesktopCluster", name, merged(usual, spec)).await;
    }

    /// Applies a desktop; `spec` is merged over the usual one.
    pub async fn desktop(&self, name: &str, spec: Value) {
        let usual = merged(json!({"clusterRef": {"name": "office"}}), self.vendor.desktop.clone());
        self.put("Desktop", name, merged(usual, spec)).await;
    }

    /// Applies an image of the account.
    pub async fn image(&self, name: &str, spec: Value) {
        let usual = json!({"providerRef": {"name": "acme"}});
        self.put("DesktopImage", name, merged(usual, spec)).await;
    }

    /// Applies a pool of the usual desktops; `spec` is merged over it.
    pub async fn pool(&self, name: &str, spec: Value) {
        let desktop = merged(json!({"clusterRef": {"name": "office"}}), self.vendor.desktop.clone());
        let usual = json!({"template": {"spec": desktop}});
        self.put("DesktopPool", name, merged(usual, spec)).await;
    }

    /// Another provider, at a vendor of its own; the Secret goes by the same name, as does the account.
    pub async fn provider_at(&self, name: &str, vendor: &Vendor, endpoint: &str, (key, secret): (&str, &str)) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "stringData": {"accessKeyId": key, "accessKeySecret": secret},
        });
        self.env.apply(&secret.to_string()).await;
        let spec = json!({
            vendor.word: merged(vendor.block.clone(), json!({"endpoint": endpoint})),
            "credentialsSecretRef": {"namespace": self.env.namespace, "name": name},
            "allowedNamespaces": {},
            "rateLimit": {"requestsPerSecond": 500, "burst": 500},
        });
        self.put("DesktopProvider", name, spec).await;
    }

    /// The usual cluster of a vendor, at this provider and with its name.
    pub async fn cluster_at(&self, provider: &str, vendor: &Vendor) {
        let spec = merged(vendor.cluster.clone(), json!({"providerRef": {"name": provider}}));
        self.put("DesktopCluster", provider, spec).await;
    }

    /// The usual desktop of a vendor, in a cluster; `spec` is merged over it.
    pub async fn desktop_at(&self, name: &str, cluster: &str, vendor: &Vendor, spec: Value) {
        let usual = merged(vendor.desktop.clone(), json!({"clusterRef": {"name": cluster}}));
        self.put("Desktop", name, merged(usual, spec)).await;
    }

    async fn put(&self, kind: &str, name: &str, spec: Value) {
        let manifest = json!({
            "apiVersion": "desktop-operator.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        });
        self.env.apply(&manifest.to_string()).await;
    }

    /// A cluster `office` that is ready.
    pub async fn office(&self) -> DesktopCluster {
        self.cluster("office", json!({})).await;
        self.ready::<DesktopCluster>("office").await
    }

    /// A desktop of the usual kind that is ready.
    pub async fn ready_desktop(&self, name: &str, spec: Value) -> Desktop {
        self.desktop(name, spec).await;
        self.ready::<Desktop>(name).await
    }

    /// Waits until an object is Ready for the generation it has.
    pub async fn ready<K: Seen>(&self, name: &str) -> K {
        object(&self.api::<K>(), name, "is ready", |o| o.is("Ready", "True")).await
    }

    /// Waits until a condition has this reason.
    pub async fn reason<K: Seen>(&self, name: &str, kind: &str, reason: &str) -> K {
        let what = format!("says {kind}: {reason}");
        object(&self.api::<K>(), name, &what, |o| {
            o.condition(kind).is_some_and(|c| c.1 == reason)
        })
        .await
    }

    /// Objects of a kind of ours in the test's namespace, or of the cluster-scoped one.
    pub fn api<K: Seen>(&self) -> Api<K> {
        K::api(&self.env)
    }

    /// The object now.
    pub async fn get<K: Seen>(&self, name: &str) -> K {
        self.api::<K>().get(name).await.unwrap()
    }

    /// Changes an object by merge patch.
    pub async fn patch<K: Seen>(&self, name: &str, patch: Value) {
        self.api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// Sets an annotation.
    pub async fn annotate<K: Seen>(&self, name: &str, key: &str, value: &str) {
        self.patch::<K>(name, json!({"metadata": {"annotations": {key: value}}}))
            .await;
    }

    /// Asks for deletion.
    pub async fn delete<K: Seen>(&self, name: &str) {
        self.api::<K>().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until an object is gone.
    pub async fn gone<K: Seen>(&self, name: &str) {
        crate::harness::gone(&self.api::<K>(), name).await;
    }

    /// Makes a change at the vendor behind the operator's back.
    pub fn edit(&self, edit: impl Into<Edit>) -> String {
        self.sim.edit(edit).unwrap()
    }

    /// Waits for an event with this reason about an object.
    pub async fn event(&self, name: &str, reason: &str) -> Event {
        // Events about what lives in no namespace are kept in `default`.
        let events: Api<Event> = self.env.all();
        eventually(&format!("an event {reason} about {name}"), async || {
            let all = events.list(&ListParams::default()).await.map_err(|e| e.to_string())?;
            let about = |e: &&Event| e.regarding.as_ref().is_some_and(|r| r.name.as_deref() == Some(name));
            let found = all.iter().filter(about).find(|e| e.reason.as_deref() == Some(reason));
            found.cloned().ok_or_else(|| {
                all.iter()
                    .filter(about)
                    .filter_map(|e| Some(format!("{}: {}", e.reason.as_ref()?, e.note.as_ref()?)))
                    .collect::<Vec<_>>()
                    .join("\n")
            })
        })
        .await
    }

    /// The vendor's ledger.
    pub fn ledger(&self) -> Ledger {
        self.sim.ledger()
    }

    /// How often an action took effect.
    pub fn committed(&self, action: &str) -> usize {
        self.ledger().committed(action).len()
    }

    /// Desktops that exist at the vendor.
    pub fn instances(&self) -> usize {
        self.ledger().existing(Kind::Instance).len()
    }

    /// Waits until the vendor has answered this action so often since.
    pub async fn calls_since(&self, position: u64, action: &str, count: usize) {
        eventually(&format!("{count} calls of {action}"), async || {
            let seen = self.ledger().since(position).filter(|e| e.action == action).count();
            if seen >= count {
                Ok(())
            } else {
                Err(format!("{seen} so far"))
            }
        })
        .await;
    }

    /// The vendor id of a desktop.
    pub async fn id(&self, desktop: &str) -> String {
        self.get::<Desktop>(desktop).await.status.unwrap().id.unwrap()
    }
}

/// An image every simulated account has.
pub const IMAGE: &str = "m-windows2019";

/// The site of the usual account at CapitalOnline.
pub const SITE: &str = "51735a10-0000-4000-8000-000000000001";

/// The project of the usual account at Huawei Workspace.
pub const PROJECT: &str = "0bec5db98280d2d02fd6c00c2de791ce";

/// A kind of ours, as a test looks at it.
pub trait Seen: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug {
    /// Where it is found.
    fn api(env: &Env) -> Api<Self>;

    /// Status, reason and message of a condition that speaks of the present generation.
    fn condition(&self, kind: &str) -> Option<(String, String, String)> {
        let value = serde_json::to_value(self).unwrap();
        let found = value["status"]["conditions"]
            .as_array()?
            .iter()
            .find(|c| c["type"] == kind)?
            .clone();
        if found["observedGeneration"] != json!(self.meta().generation) {
            return None;
        }
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        Some((text("status"), text("reason"), text("message")))
    }

    /// Whether a condition has this value for the present generation.
    fn is(&self, kind: &str, status: &str) -> bool {
        self.condition(kind).is_some_and(|c| c.0 == status)
    }

    /// The message of a condition.
    fn says(&self, kind: &str) -> String {
        let Some((_, _, message)) = self.condition(kind) else {
            panic!("{} has no condition {kind}", self.name_any())
        };
        message
    }
}

impl Seen for Desktop {
    fn api(env: &Env) -> Api<Self> {
        env.api()
    }
}

impl Seen for DesktopCluster {
    fn api(env: &Env) -> Api<Self> {
        env.api()
    }
}

impl Seen for DesktopImage {
    fn api(env: &Env) -> Api<Self> {
        env.api()
    }
}

impl Seen for DesktopPool {
    fn api(env: &Env) -> Api<Self> {
        env.api()
    }
}

impl Seen for DesktopProvider {
    fn api(env: &Env) -> Api<Self> {
        env.all()
    }
}

/// `over` laid over `base`, object by object; null takes a field out.
pub fn merged(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let below = base.remove(&key).unwrap_or_default();
                if !value.is_null() {
                    base.insert(key, merged(below, value));
                }
            }
            Value::Object(base)
        }
        (_, over) => over,
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- last calls at the vendor ---");
            let ledger = self.sim.ledger();
            let telling: Vec<_> = ledger
                .entries()
                .filter(|e| !e.action.ends_with("Instances") && !e.action.ends_with("Resource"))
                .collect();
            for e in telling.iter().skip(telling.len().saturating_sub(40)) {
                eprintln!(
                    "{} {} {:?} {} {:?} {:?}",
                    e.at, e.action, e.outcome, e.status, e.code, e.ids
                );
            }
        }
    }
}
