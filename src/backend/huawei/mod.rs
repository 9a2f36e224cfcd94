//! Huawei Cloud Workspace: REST below one project, signed by access key or with a token.

mod calls;
mod client;
mod errors;
#[cfg(test)]
mod fuzz;
mod job;
mod map;
mod paging;
mod policy;
mod pool;
mod users;

use async_trait::async_trait;

pub use self::client::Credentials;
use self::client::{Ask, Client};
use self::errors::says_gone;
use super::capabilities::{
    ClusterOrigin, CreateIdentity, ImageChange, Naming, Payment, Rename, SystemDiskChoice, Users,
};
use super::client::Account;
use super::model::TaskKind;
use super::pool::PoolBackend;
use super::region::{self, InvalidRegion};
use super::{
    Backend, BackendError, Capabilities, Catalog, ErrorClass, ObservedCluster, ObservedDesktop, ObservedImage,
    ObservedUser, Operation, PolicyValues, Receipt, Result, Task, TaskState, UserSpec,
};
use crate::http::transport::SetupError;

/// Host names of the vendor's endpoints for a region: Workspace's, and where one logs in.
pub fn hosts(region: &str) -> std::result::Result<(String, String), InvalidRegion> {
    let region = region::check(region)?;
    Ok((
        format!("workspace.{region}.myhuaweicloud.com"),
        format!("iam.{region}.myhuaweicloud.com"),
    ))
}

/// What Workspace can do.
pub static CAPABILITIES: Capabilities = Capabilities {
    vendor: "huaweiWorkspace",
    service_linked_role: false,
    clusters: ClusterOrigin::Tenant,
    rename_cluster: false,
    create_identity: CreateIdentity::Mark,
    observe_desktops: true,
    naming: Naming::Short,
    policy_fields: policy::FIELDS,
    nat: false,
    directory: false,
    power: true,
    rename: Rename::Restarts,
    system_disk: SystemDiskChoice::Required,
    needs_subnet: false,
    needs_zone: false,
    label: false,
    public_address: false,
    users: Users {
        assign: true,
        required: false,
        needs_uid: false,
        unassign: true,
        change_needs_stop: false,
    },
    change_image: ImageChange::Running,
    observe_image: true,
    applications: false,
    display_policy: false,
    payment: Payment {
        subscription: false,
        weeks: false,
        convert: false,
        renew: false,
        delete_prepaid: false,
        price: false,
    },
    capture_image: true,
    rename_image: false,
    delete_image: false,
    sessions: false,
    native_pools: true,
};

/// One Workspace tenant: a project of an account.
pub struct Huawei {
    client: Client,
}

impl Huawei {
    /// Sets the account up; calls nobody yet. `iam` is where it logs in, if it does.
    pub fn new(
        account: &Account<'_>,
        iam: &Account<'_>,
        project: &str,
        credentials: Credentials,
    ) -> std::result::Result<Self, SetupError> {
        let client = Client::new(account, iam, project, credentials)?;
        Ok(Self { client })
    }

    /// The desktop, or the error that says why it cannot be read.
    async fn detail(&self, desktop_id: &str) -> Result<map::Detail> {
        let ask = Ask::get("ShowDesktopDetail", &["desktops", desktop_id]);
        self.client.send(&ask, |fields, _| map::one_desktop(fields)).await
    }

    /// The image of an id.
    async fn image(&self, image_id: &str) -> Result<map::Image> {
        const ACTION: &str = "ListImages";
        let ask = Ask::get(ACTION, &["images"]).with("image_id", image_id);
        let images: Vec<map::Image> = self.client.list(&ask).await?;
        let found = images.into_iter().find(|image| image.seen.id == image_id);
        found.ok_or_else(|| absent(ACTION, "image", &format!("{image_id} (spec.image.id)")))
    }

    /// The product of an id, if it can be had.
    async fn product(&self, product_id: &str) -> Result<map::Product> {
        const ACTION: &str = "ListProducts";
        let ask = Ask::get(ACTION, &["products"]).with("product_id", product_id);
        let products: Vec<map::Product> = self.client.list(&ask).await?;
        let found = products.into_iter().find(|product| product.flavor.id == product_id);
        let product = found.ok_or_else(|| absent(ACTION, "product", &format!("{product_id} (spec.flavor)")))?;
        match product.status.as_str() {
            "sellout" => {
                let message = format!("the product {product_id} is sold out");
                Err(BackendError::new(ErrorClass::OutOfStock, ACTION, &message))
            }
            "abandon" => {
                let message = format!("the product {product_id} is not sold any more");
                Err(BackendError::new(ErrorClass::Invalid, ACTION, &message))
            }
            _ => Ok(product),
        }
    }

    /// Whether the tenant's quota has room for so many desktops of a product.
    async fn check_quota(&self, product: &map::Product, more: i64) -> Result<()> {
        const ACTION: &str = "ShowQuotas";
        let resource = if product.flavor.gpu.is_some() {
            "gpu_instances"
        } else {
            "general_instances"
        };
        let ask = Ask::get(ACTION, &["quotas"]);
        let room = self.client.send(&ask, |fields, _| map::room(fields, resource)).await?;
        match room {
            Some(room) if room < more => {
                let message = format!("the quota of {resource} has room for {} more", room.max(0));
                Err(BackendError::new(ErrorClass::Quota, ACTION, &message))
            }
            _ => Ok(()),
        }
    }

    /// Sends a change that starts a job.
    async fn start(&self, ask: &Ask, object_id: &str) -> Result<Receipt> {
        self.client
            .send(ask, |fields, request_id| {
                Ok(Receipt {
                    task: Some(Task::new(TaskKind::Job, object_id, job::started(fields)?)),
                    request_id: request_id.map(str::to_owned),
                    ..Receipt::default()
                })
            })
            .await
    }

    /// Sends a change that is done when it is answered.
    async fn do_at_once(&self, ask: &Ask) -> Result<Receipt> {
        self.client
            .send(ask, |_, request_id| {
                Ok(Receipt {
                    request_id: request_id.map(str::to_owned),
                    ..Receipt::default()
                })
            })
            .await
    }

    /// Sends a change of one of many desktops: its refusal stands in an answer that counts as successful.
    async fn start_one(&self, ask: &Ask, desktop_id: &str) -> Result<Receipt> {
        let action = ask.action;
        self.client
            .send(ask, |fields, request_id| {
                if let Some(refusal) = calls::refusal(action, desktop_id, fields)? {
                    return Ok(Err(BackendError {
                        request_id: request_id.map(str::to_owned),
                        ..refusal
                    }));
                }
                Ok(Ok(Receipt {
                    task: Some(Task::new(TaskKind::Job, desktop_id, job::started(fields)?)),
                    request_id: request_id.map(str::to_owned),
                    ..Receipt::default()
                }))
            })
            .await?
    }

    /// Gives a desktop to a user. One that belongs to somebody else is first taken from them: that is a job of its own,
    /// and whoever wants the user asks again after it.
    async fn assign(&self, desktop_id: &str, user: &crate::api::desktop::DesktopUser) -> Result<Receipt> {
        let detail = self.detail(desktop_id).await?;
        if detail.desktop.user_name.as_ref().is_some_and(|name| *name != user.name) {
            return self.start_one(&calls::detach(desktop_id), desktop_id).await;
        }
        self.start(&calls::attach(desktop_id, user, detail.linux), desktop_id)
            .await
    }
}

fn absent(action: &'static str, what: &str, id: &str) -> BackendError {
    BackendError::new(ErrorClass::NotFound, action, &format!("there is no {what} {id}"))
}

#[async_trait]
impl Backend for Huawei {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    async fn catalog(&self) -> Result<Catalog> {
        let products: Vec<map::Product> = self.client.list(&Ask::get("ListProducts", &["products"])).await?;
        let ask = Ask::get("ListAvailabilityZones", &["availability-zones"]);
        let zones = self.client.send(&ask, |fields, _| map::zones(fields)).await?;
        let mut flavors: Vec<_> = products.into_iter().map(|product| product.flavor).collect();
        for flavor in &mut flavors {
            let sold_out = !zones.is_empty() && zones.iter().all(|(_, sold_out)| sold_out.contains(&flavor.id));
            if sold_out {
                flavor.available = Some(false);
            }
        }
        flavors.sort();
        Ok(Catalog {
            flavors,
            ..Catalog::default()
        })
    }

    async fn list_clusters(&self) -> Result<Vec<ObservedCluster>> {
        let project = self.client.project();
        let ask = Ask::get("ListWorkspaces", &["workspaces"]);
        let tenant = self.client.send(&ask, |fields, _| map::tenant(fields, project)).await?;
        Ok(vec![tenant])
    }

    async fn list_desktops(&self, cluster_id: &str) -> Result<Vec<ObservedDesktop>> {
        const ACTION: &str = "ListDesktopsDetail";
        if cluster_id != self.client.project() {
            return Err(absent(ACTION, "tenant", cluster_id));
        }
        let mut desktops: Vec<ObservedDesktop> = self.client.list(&Ask::get(ACTION, &["desktops", "detail"])).await?;
        for desktop in &mut desktops {
            desktop.cluster_id = Some(cluster_id.to_owned());
        }
        Ok(desktops)
    }

    async fn list_images(&self) -> Result<Vec<ObservedImage>> {
        let images: Vec<map::Image> = self.client.list(&Ask::get("ListImages", &["images"])).await?;
        Ok(images.into_iter().map(|image| image.seen).collect())
    }

    async fn list_users(&self) -> Result<Vec<ObservedUser>> {
        self.client.list(&Ask::get("ListUsers", &["users"])).await
    }

    async fn get_policy(&self, cluster_id: &str) -> Result<PolicyValues> {
        self.check_tenant("ListPolicyGroup", cluster_id)?;
        self.client.policy().await
    }

    async fn submit(&self, operation: &Operation) -> Result<Receipt> {
        match operation {
            Operation::SetPolicy { cluster_id, values } => {
                self.check_tenant("SetPolicy", cluster_id)?;
                self.client.set_policy(values).await
            }
            Operation::CreateDesktop(spec) => {
                calls::check(spec)?;
                let image = self.image(&spec.image_id).await?;
                calls::check_disk(spec, &image)?;
                let product = self.product(&spec.flavor).await?;
                self.check_quota(&product, 1).await?;
                self.start(&calls::create(spec, &image), "").await
            }
            Operation::DeleteDesktop { desktop_id } => match self.do_at_once(&calls::delete(desktop_id)).await {
                // What is to be deleted and is not there is deleted.
                Err(error) if says_gone(&error) => Ok(Receipt {
                    request_id: error.request_id,
                    gone: true,
                    ..Receipt::default()
                }),
                result => result,
            },
            Operation::RenameDesktop { desktop_id, name } => self.do_at_once(&calls::rename(desktop_id, name)).await,
            Operation::StartDesktop { desktop_id } => {
                self.start_one(&calls::power(desktop_id, "os-start"), desktop_id).await
            }
            Operation::StopDesktop { desktop_id } => {
                self.start_one(&calls::power(desktop_id, "os-stop"), desktop_id).await
            }
            Operation::RestartDesktop { desktop_id } => {
                self.start_one(&calls::power(desktop_id, "reboot"), desktop_id).await
            }
            Operation::AssignUser { desktop_id, user } => self.assign(desktop_id, user).await,
            Operation::UnassignUser { desktop_id } => self.start_one(&calls::detach(desktop_id), desktop_id).await,
            Operation::RebuildDesktop { desktop_id, image_id } => {
                let image = self.image(image_id).await?;
                self.start(&calls::rebuild(desktop_id, &image), desktop_id).await
            }
            Operation::CreateImage { desktop_id, name } => {
                self.start(&calls::capture(desktop_id, name), desktop_id).await
            }
            other => Err(self.unsupported(other.name())),
        }
    }

    async fn create_users(&self, users: &[UserSpec]) -> Result<Vec<Result<()>>> {
        self.client.create_users(users).await
    }

    async fn poll(&self, task: &Task) -> Result<TaskState> {
        match task.kind {
            TaskKind::Job => self.client.job(&task.task_id).await,
            _ => Err(self.unsupported("Poll")),
        }
    }

    fn pools(&self) -> Option<&dyn PoolBackend> {
        Some(self)
    }
}

impl Huawei {
    fn check_tenant(&self, action: &'static str, cluster_id: &str) -> Result<()> {
        if cluster_id == self.client.project() {
            Ok(())
        } else {
            Err(absent(action, "tenant", cluster_id))
        }
    }
}
