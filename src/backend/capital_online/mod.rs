//! CapitalOnline gcw, wire version 2019-08-08, in both known editions of its document.

mod batch;
mod client;
mod create;
mod errors;
#[cfg(test)]
mod fuzz;
mod inventory;
mod map;
mod submit;
mod users;

use std::sync::Arc;

use async_trait::async_trait;

use self::batch::{Batches, Shared};
use self::client::{Call, Client};
use self::create::bit;
use self::inventory::Inventory;
use self::map::{Image, Network, Product};
use super::capabilities::{
    ClusterOrigin, CreateIdentity, ImageChange, Naming, Payment, Rename, SystemDiskChoice, Users,
};
use super::client::Account;
use super::decode::{Fields, Odd};
use super::{
    Backend, BackendError, Capabilities, Catalog, DesktopSpec, ErrorClass, Estimate, ObservedCluster, ObservedDesktop,
    ObservedImage, ObservedUser, Operation, Receipt, Result, Task, TaskKind, TaskState, Term, UserSpec,
};
use crate::api::desktop::{DesktopState, PeriodUnit};
use crate::api::provider::{CapitalOnlineArea, CapitalOnlineEdition, CapitalOnlineProvider, Currency};
use crate::http::credentials::AccessKey;
use crate::http::transport::SetupError;

/// Host name of the vendor's gateway for an area.
#[must_use]
pub const fn host(area: CapitalOnlineArea) -> &'static str {
    match area {
        CapitalOnlineArea::China => "cdsapi.capitalonline.net",
        CapitalOnlineArea::Asia => "cdsapi-asia.capitalonline.net",
        CapitalOnlineArea::America => "cdsapi-us.capitalonline.net",
    }
}

/// What gcw can do.
pub static CAPABILITIES: Capabilities = Capabilities {
    vendor: "capitalOnline",
    service_linked_role: false,
    clusters: ClusterOrigin::Network,
    rename_cluster: false,
    create_identity: CreateIdentity::Mark,
    observe_desktops: true,
    naming: Naming::Marked,
    policy_fields: &[],
    nat: false,
    directory: false,
    power: true,
    rename: Rename::Free,
    system_disk: SystemDiskChoice::Fixed,
    needs_subnet: false,
    needs_zone: false,
    label: true,
    public_address: true,
    users: Users {
        assign: true,
        required: false,
        needs_uid: false,
        unassign: true,
        change_needs_stop: true,
    },
    change_image: ImageChange::Stopped,
    observe_image: false,
    applications: false,
    display_policy: false,
    payment: Payment {
        subscription: true,
        weeks: false,
        convert: true,
        renew: true,
        delete_prepaid: true,
        price: true,
    },
    capture_image: false,
    rename_image: false,
    delete_image: false,
    sessions: false,
    native_pools: false,
};

/// One account at one site.
pub struct CapitalOnline {
    client: Arc<Client>,
    batches: Arc<Batches>,
    inventory: Inventory,
    site: String,
    edition: CapitalOnlineEdition,
    currency: Option<Currency>,
}

impl CapitalOnline {
    /// Sets the account up; calls nobody yet.
    pub fn new(
        account: &Account<'_>,
        key: AccessKey,
        provider: &CapitalOnlineProvider,
    ) -> std::result::Result<Self, SetupError> {
        Ok(Self {
            client: Arc::new(Client::new(account, key)?),
            batches: Arc::default(),
            inventory: Inventory::default(),
            site: provider.site_id.clone(),
            edition: provider.api_edition,
            currency: provider.currency,
        })
    }

    fn at_site(&self, action: &'static str) -> Call {
        Call::get(action).set("siteId", self.site.as_str())
    }

    async fn products(&self) -> Result<Vec<Product>> {
        let call = self.at_site("QueryProducts");
        self.client
            .send(&call, |fields| map::products(&self.site, fields))
            .await
    }

    async fn images(&self) -> Result<Vec<Image>> {
        let call = self.at_site("QueryImages");
        self.client.send(&call, |fields| map::images(&self.site, fields)).await
    }

    /// Lines by which networks of the newer edition are told apart; one without a line in the older.
    async fn net_lines(&self) -> Result<Vec<Option<String>>> {
        if self.edition == CapitalOnlineEdition::Edition2022 {
            return Ok(vec![None]);
        }
        let lines = self.client.send(&self.at_site("GetVpcBandwidth"), map::lines).await?;
        Ok(lines.into_iter().map(|line| Some(line.id)).collect())
    }

    /// Every network of the site, default ones first.
    async fn networks(&self) -> Result<Vec<Network>> {
        let mut networks: Vec<Network> = Vec::new();
        let mut custom = Vec::new();
        for line in self.net_lines().await? {
            let call = |action| {
                let call = self.at_site(action).numbered();
                call.set_some("bandwidthConfIdStr", line.clone())
            };
            networks.extend(self.client.send(&call("GetDefaultNet"), map::default_network).await?);
            custom.extend(self.client.send(&call("GetCustomNet"), map::custom_networks).await?);
        }
        // A default network may be listed among the others as well.
        for network in custom {
            if networks.iter().all(|known| known.cluster.id != network.cluster.id) {
                networks.push(network);
            }
        }
        Ok(networks)
    }

    /// A change of one desktop together with others that are asked for at the same moment.
    async fn together(&self, what: Shared, desktop_id: &str) -> Result<Receipt> {
        self.batches.submit(&self.client, what, desktop_id).await
    }

    /// A change that starts a task on an object.
    async fn task(&self, call: &Call, object_id: &str) -> Result<Receipt> {
        let number = call.request_id();
        let task = |fields: Fields<'_>| submit::task_id(number, map::data(fields)?);
        let task_id = self.client.send(call, task).await?;
        Ok(Receipt {
            task: Some(Task::new(TaskKind::Job, object_id, task_id)),
            request_id: Some(number.to_owned()),
            ..Receipt::default()
        })
    }

    /// Makes the default network of the site; in the newer edition the one of its first line.
    async fn create_network(&self) -> Result<Receipt> {
        const ACTION: &str = "CreateDefaultNet";
        let line = self.net_lines().await?.into_iter().next().ok_or_else(|| {
            BackendError::new(ErrorClass::OutOfStock, ACTION, "the site offers no line at the moment")
        })?;
        let call = Call::change(ACTION)
            .set("siteId", self.site.as_str())
            .set_some("bandwidthConfIdStr", line);
        self.task(&call, "").await
    }

    async fn repair_network(&self, cluster_id: &str) -> Result<Receipt> {
        const ACTION: &str = "SupplyDefaultNet";
        let networks = self.networks().await?;
        let network = networks.iter().find(|network| network.cluster.id == cluster_id);
        let network = network
            .filter(|network| network.cluster.default_network)
            .ok_or_else(|| {
                let message = format!("the site has no default network {cluster_id}");
                BackendError::new(ErrorClass::NotFound, ACTION, &message)
            })?;
        let call = Call::change(ACTION)
            .set("siteId", self.site.as_str())
            .set_some("bandwidthConfIdStr", network.line.clone());
        self.task(&call, cluster_id).await
    }

    async fn create_desktop(&self, spec: &DesktopSpec) -> Result<Receipt> {
        let call = self.create_call(spec).await?;
        let number = call.request_id();
        let created = |fields: Fields<'_>| submit::created(number, fields);
        let (id, task_id) = self.client.send(&call, created).await?;
        self.inventory.touch(&id);
        Ok(Receipt {
            task: Some(Task::new(TaskKind::Job, &id, task_id)),
            id: Some(id),
            request_id: Some(number.to_owned()),
            ..Receipt::default()
        })
    }

    /// Wipes a disk, so that everything that can be known beforehand is.
    async fn rebuild(&self, desktop_id: &str, image_id: &str) -> Result<Receipt> {
        const ACTION: &str = "RebuildVm";
        let refused = |class, message: &str| BackendError::new(class, ACTION, message);
        let desktop = inventory::fresh(&self.client, desktop_id).await?;
        let desktop = desktop.ok_or_else(|| refused(ErrorClass::NotFound, "the desktop does not exist"))?;
        if desktop.state != DesktopState::Stopped {
            return Err(refused(ErrorClass::Conflict, "the desktop is not stopped"));
        }
        let product = desktop.flavor.as_deref().unwrap_or_default();
        self.usable_image(ACTION, image_id, product).await?;
        let call = Call::change_by_get(ACTION)
            .set("vmId", desktop_id)
            .set("imageId", image_id);
        self.task(&call, desktop_id).await
    }

    /// A desktop whose network is broken is not restarted but repaired, where the vendor has a call for that.
    async fn restart(&self, desktop_id: &str) -> Result<Receipt> {
        let ids = serde_json::json!([desktop_id]);
        if self.edition == CapitalOnlineEdition::Edition2023 {
            let desktop = inventory::fresh(&self.client, desktop_id).await?;
            if desktop.is_some_and(|desktop| desktop.state == DesktopState::Unregistered) {
                return self
                    .task(&Call::change("ConfigNet").set("vmIds", ids), desktop_id)
                    .await;
            }
        }
        // Not together with others: what is refused as a whole is sent again one by one, and this must not be.
        let call = Call::change("OperateVm").set("action", "reboot").set("vmIds", ids);
        self.task(&call, desktop_id).await
    }

    async fn order(&self, action: &'static str, desktop_id: &str, term: &Term) -> Result<Receipt> {
        if term.period.unit != PeriodUnit::Month {
            let message = "a subscription is bought by the month (spec.billing.period)";
            return Err(BackendError::new(ErrorClass::Invalid, action, message));
        }
        let call = Call::change(action)
            .set("vmIds", serde_json::json!([desktop_id]))
            .set("duration", term.period.count.to_string())
            .set("isToMonth", bit(false))
            // The two calls have opposite defaults.
            .set("isAutoRenewal", bit(term.auto_renew));
        let outcome = self
            .client
            .send(&call, |fields| submit::order(desktop_id, fields))
            .await?;
        match outcome {
            Ok(()) => Ok(Receipt {
                request_id: Some(call.request_id().to_owned()),
                ..Receipt::default()
            }),
            Err(reason) => Err(submit::failure(ErrorClass::Conflict, action, &reason)),
        }
    }
}

/// An amount as it came: a price is shown and never calculated with.
fn number(fields: Fields<'_>, name: &'static str) -> std::result::Result<String, Odd> {
    let text = fields.raw(name)?.ok_or(Odd::missing(name))?;
    let amount = text.parse::<f64>().ok().filter(|amount| amount.is_finite());
    amount.map(|_| text).ok_or(Odd::missing(name))
}

/// The desktop that an operation changes.
fn desktop_of(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::DeleteDesktop { desktop_id }
        | Operation::RenameDesktop { desktop_id, .. }
        | Operation::StartDesktop { desktop_id }
        | Operation::StopDesktop { desktop_id }
        | Operation::RestartDesktop { desktop_id }
        | Operation::AssignUser { desktop_id, .. }
        | Operation::UnassignUser { desktop_id }
        | Operation::LabelDesktop { desktop_id, .. }
        | Operation::RebuildDesktop { desktop_id, .. }
        | Operation::ConvertBilling { desktop_id, .. }
        | Operation::RenewDesktop { desktop_id, .. } => Some(desktop_id),
        _ => None,
    }
}

#[async_trait]
impl Backend for CapitalOnline {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    async fn prepare(&self) -> Result<()> {
        const ACTION: &str = "QuerySites";
        let call = self.at_site(ACTION);
        if self
            .client
            .send(&call, |fields| map::has_site(&self.site, fields))
            .await?
        {
            return Ok(());
        }
        let message = "the account has no such site (spec.capitalOnline.siteId)";
        Err(BackendError::new(ErrorClass::Invalid, ACTION, message))
    }

    async fn catalog(&self) -> Result<Catalog> {
        self.prepare().await?;
        let products = self.products().await?;
        let call = self.at_site("GetLineBillingScheme").numbered();
        let mut lines = self.client.send(&call, map::lines).await?;
        lines.sort_unstable();
        Ok(Catalog {
            flavors: products.into_iter().map(|product| product.flavor).collect(),
            lines,
            ..Catalog::default()
        })
    }

    async fn list_clusters(&self) -> Result<Vec<ObservedCluster>> {
        let networks = self.networks().await?;
        Ok(networks.into_iter().map(|network| network.cluster).collect())
    }

    async fn list_desktops(&self, cluster_id: &str) -> Result<Vec<ObservedDesktop>> {
        self.inventory.list(&self.client, &self.site, cluster_id).await
    }

    async fn list_images(&self) -> Result<Vec<ObservedImage>> {
        Ok(self.images().await?.into_iter().map(|image| image.image).collect())
    }

    async fn list_users(&self) -> Result<Vec<ObservedUser>> {
        self.users().await
    }

    async fn create_users(&self, users: &[UserSpec]) -> Result<Vec<Result<()>>> {
        self.create_all(users).await
    }

    async fn rename_user(&self, email: &str, name: &str) -> Result<()> {
        self.rename(email, name).await
    }

    async fn remark_users(&self, emails: &[String], remark: &str) -> Result<()> {
        self.remark(emails, remark).await
    }

    async fn estimate(&self, spec: &DesktopSpec) -> Result<Estimate> {
        self.price(spec).await
    }

    async fn submit(&self, operation: &Operation) -> Result<Receipt> {
        let desktop = desktop_of(operation);
        if let Some(id) = desktop {
            self.inventory.touch(id);
        }
        let result = match operation {
            Operation::CreateCluster(spec) if spec.vpc_id.is_none() => self.create_network().await,
            Operation::RepairCluster { cluster_id } => self.repair_network(cluster_id).await,
            Operation::CreateDesktop(spec) => self.create_desktop(spec).await,
            Operation::DeleteDesktop { desktop_id } => {
                let call = Call::change("DeleteVm").set("vmId", desktop_id.as_str());
                Self::unless_gone(self.task(&call, desktop_id).await)
            }
            Operation::RenameDesktop { desktop_id, name } => {
                let call = Call::change("ChangeVmName").set("vmId", desktop_id.as_str());
                self.plain(&call.set("name", name.as_str())).await
            }
            Operation::StartDesktop { desktop_id } => self.together(Shared::Power("on"), desktop_id).await,
            Operation::StopDesktop { desktop_id } => self.together(Shared::Power("off"), desktop_id).await,
            Operation::RestartDesktop { desktop_id } => self.restart(desktop_id).await,
            Operation::AssignUser { desktop_id, user } => self.assign(desktop_id, user).await,
            Operation::UnassignUser { desktop_id } => self.together(Shared::Unbind, desktop_id).await,
            Operation::LabelDesktop { desktop_id, label } => {
                self.together(Shared::Label(label.clone()), desktop_id).await
            }
            Operation::RebuildDesktop { desktop_id, image_id } => self.rebuild(desktop_id, image_id).await,
            Operation::ConvertBilling { desktop_id, term } => self.order("UpdateOrder", desktop_id, term).await,
            Operation::RenewDesktop { desktop_id, term } => self.order("RenewalOrder", desktop_id, term).await,
            _ => Err(self.unsupported(operation.name())),
        };
        // Again, because the change may have taken long.
        if let Some(id) = desktop {
            self.inventory.touch(id);
        }
        result
    }

    async fn poll(&self, task: &Task) -> Result<TaskState> {
        const ACTION: &str = "QueryTask";
        let parts = submit::task_parts(&task.task_id).filter(|_| task.kind == TaskKind::Job);
        let Some((task_id, request_id)) = parts else {
            return Err(BackendError::new(
                ErrorClass::Invalid,
                ACTION,
                "not a task of this vendor",
            ));
        };
        let call = Call::get(ACTION).set("taskId", task_id).set("requestId", request_id);
        let (status, reason) = self.client.send(&call, submit::progress).await?;
        match status.to_ascii_lowercase().as_str() {
            "running" => Ok(TaskState::Running),
            "completed" => Ok(TaskState::Finished),
            "failed" => {
                let reason = reason.unwrap_or_else(|| "the vendor gives no reason".to_owned());
                // The reason is free text; what became of the object shows in its state.
                Ok(TaskState::Failed(submit::failure(
                    ErrorClass::Transient,
                    ACTION,
                    &reason,
                )))
            }
            _ => Err(BackendError::new(
                ErrorClass::Transient,
                ACTION,
                &format!("the task is in a state that is not known: {status}"),
            )),
        }
    }
}
