//! What the demo runs on: a control plane, a simulated vendor and the operator.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider};
use desktop_operator::devenv::{ControlPlane, Options, Process, install_crds};
use desktop_operator::sim::{Account, Sim, SimConfig};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::{Api, Client};
use rustix::process::Signal;

use crate::vendor::Vendor;

/// Namespace of the demo's cluster and desktops.
pub const NAMESPACE: &str = "design";
/// What an account of a real vendor takes minutes for is done in seconds here, so the operator looks more often.
const OPERATOR_FLAGS: [&str; 6] = [
    "--leader-elect=false",
    "--inventory-fast=300ms",
    "--inventory-slow=1s",
    "--cluster-fast=300ms",
    "--cluster-slow=1s",
    "--secret-interval=1s",
];
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that runs. Dropping it ends all of it.
pub struct Stage {
    operator: Process,
    /// Where the operator's log stays after the demo.
    pub operator_log: PathBuf,
    /// The vendor.
    pub vendor: Sim,
    account: Account,
    plane: ControlPlane,
    /// A client with the rights of an administrator.
    pub client: Client,
}

impl Stage {
    /// Starts everything and waits until the API server knows the kinds.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = std::env::current_exe()?
            .parent()
            .context("the program is in no folder")?
            .to_owned();
        let binary = folder.join("desktop-operator");
        if !binary.is_file() {
            bail!("there is no {}: start the demo with `make demo`", binary.display());
        }
        let account = Account::new("demo", &uuid::Uuid::new_v4().simple().to_string());
        let vendor = Sim::start(SimConfig {
            accounts: vec![account.clone()],
            ..SimConfig::default()
        })
        .await?;
        let plane = ControlPlane::start(Options::default()).await?;
        let client = plane.client().await?;
        install_crds(&client).await?;
        let operator_log = folder.join("demo-operator.log");
        File::create(&operator_log).with_context(|| format!("write {}", operator_log.display()))?;
        let mut command = Command::new(&binary);
        command
            .args(OPERATOR_FLAGS)
            .arg("--address=127.0.0.1:0")
            .arg(format!("--allow-endpoint={}", vendor.url()))
            .env("KUBECONFIG", plane.kubeconfig());
        let operator = plane
            .process_group()
            .spawn("desktop-operator", &mut command, &operator_log)
            .context("start the operator")?;
        Ok(Self {
            operator,
            operator_log,
            vendor,
            account,
            plane,
            client,
        })
    }

    /// Where an administrator's kubeconfig is, as long as the demo runs.
    pub fn kubeconfig(&self) -> PathBuf {
        self.plane.kubeconfig()
    }

    /// An error once the operator has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.operator.exited()? {
            None => Ok(()),
            Some(status) => bail!("the operator ended ({status})"),
        }
    }

    /// The operator's last words.
    pub fn operator_tail(&self) -> String {
        self.operator.tail()
    }

    /// Applies the manifests for a vendor, who knows the people in them.
    pub async fn apply(&self, vendor: Vendor) -> anyhow::Result<()> {
        vendor.invite(&self.vendor, &self.account.id)?;
        for text in vendor.manifests() {
            let text = text
                .replace("${ENDPOINT}", self.vendor.url())
                .replace("${ACCESS_KEY_ID}", &self.account.id)
                .replace("${ACCESS_KEY_SECRET}", &self.account.secret);
            self.apply_text(&text).await?;
        }
        Ok(())
    }

    /// Applies manifests as they are.
    pub async fn apply_text(&self, text: &str) -> anyhow::Result<()> {
        for object in serde_saphyr::from_multiple::<DynamicObject>(text)? {
            self.apply_one(&object).await?;
        }
        Ok(())
    }

    /// Does what `kubectl scale` does.
    pub async fn scale(&self, pool: &str, replicas: usize) -> anyhow::Result<()> {
        let scale = Patch::Merge(serde_json::json!({"spec": {"replicas": replicas}}));
        Api::<DesktopPool>::namespaced(self.client.clone(), NAMESPACE)
            .patch_scale(pool, &PatchParams::default(), &scale)
            .await
            .with_context(|| format!("scale DesktopPool {pool}"))?;
        Ok(())
    }

    async fn apply_one(&self, object: &DynamicObject) -> anyhow::Result<()> {
        let name = object.metadata.name.as_deref().context("a manifest without a name")?;
        let kind = object.types.as_ref().map(|t| t.kind.as_str()).unwrap_or_default();
        let resource = match kind {
            "Namespace" => ApiResource::erase::<Namespace>(&()),
            "Secret" => ApiResource::erase::<Secret>(&()),
            "DesktopProvider" => ApiResource::erase::<DesktopProvider>(&()),
            "DesktopCluster" => ApiResource::erase::<DesktopCluster>(&()),
            "Desktop" => ApiResource::erase::<Desktop>(&()),
            "DesktopImage" => ApiResource::erase::<DesktopImage>(&()),
            "DesktopPool" => ApiResource::erase::<DesktopPool>(&()),
            other => bail!("the demo has no {other}"),
        };
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        api.patch(name, &PatchParams::apply("demo"), &Patch::Apply(object))
            .await
            .with_context(|| format!("apply {kind} {name}"))?;
        Ok(())
    }

    /// Asks for the deletion of all objects of the demo at once, and in the wrong order: the account first.
    pub async fn delete(&self) -> anyhow::Result<()> {
        let params = DeleteParams::background();
        let all = kube::api::ListParams::default();
        Api::<DesktopProvider>::all(self.client.clone())
            .delete_collection(&params, &all)
            .await?;
        Api::<DesktopCluster>::namespaced(self.client.clone(), NAMESPACE)
            .delete_collection(&params, &all)
            .await?;
        Api::<DesktopImage>::namespaced(self.client.clone(), NAMESPACE)
            .delete_collection(&params, &all)
            .await?;
        Api::<Desktop>::namespaced(self.client.clone(), NAMESPACE)
            .delete_collection(&params, &all)
            .await?;
        Api::<DesktopPool>::namespaced(self.client.clone(), NAMESPACE)
            .delete_collection(&params, &all)
            .await?;
        Ok(())
    }

    /// Ends everything, the operator as Kubernetes would end it.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.operator.signal(Signal::TERM)?;
        let ended = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(status) = self.operator.exited()? {
                    return anyhow::Ok(status);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .context("the operator did not end when asked to")??;
        if !ended.success() {
            bail!("the operator did not end well ({ended})");
        }
        self.plane.stop()?;
        Ok(())
    }
}
