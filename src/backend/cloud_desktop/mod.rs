//! Alibaba Cloud CloudDesktop, wire version 2017-03-01.
//!
//! The vendor's document has ten calls; the listing of desktops and everything that is done to an existing one come
//! from its published client and are used only where the provider's `extendedApi` allows them.

mod calls;
mod create;
#[cfg(test)]
mod fuzz;
mod map;
mod users;

use async_trait::async_trait;

use self::calls::{Change, Yields};
use super::capabilities::{
    ClusterOrigin, CreateIdentity, ImageChange, Naming, Payment, Rename, SystemDiskChoice, Users,
};
use super::client::Account;
use super::decode::{Fields, Odd};
use super::region::{self, InvalidRegion};
use super::rpc::{Client, Params, errors};
use super::{
    Backend, BackendError, Capabilities, Catalog, DirectoryState, ErrorClass, ObservedCluster, ObservedDesktop,
    ObservedImage, ObservedUser, Operation, Receipt, Result, Task, TaskState, UserSpec,
};
use crate::http::credentials::AccessKey;
use crate::http::transport::SetupError;

/// Host name of the vendor's endpoint for a region.
pub fn host(region: &str) -> std::result::Result<String, InvalidRegion> {
    Ok(format!("clouddesktop.{}.aliyuncs.com", region::check(region)?))
}

/// The version of the wire.
const VERSION: &str = "2017-03-01";

/// What CloudDesktop can do by its document.
pub static CAPABILITIES: Capabilities = Capabilities {
    vendor: "cloudDesktop",
    service_linked_role: false,
    clusters: ClusterOrigin::Tenant,
    rename_cluster: false,
    create_identity: CreateIdentity::Token,
    observe_desktops: false,
    naming: Naming::Vendor,
    policy_fields: &[],
    nat: false,
    directory: false,
    power: false,
    rename: Rename::No,
    label: false,
    system_disk: SystemDiskChoice::Fixed,
    needs_subnet: true,
    needs_zone: true,
    public_address: false,
    users: Users {
        assign: false,
        required: true,
        needs_uid: false,
        unassign: false,
        change_needs_stop: false,
    },
    change_image: ImageChange::No,
    observe_image: false,
    applications: false,
    display_policy: false,
    payment: Payment {
        subscription: true,
        weeks: false,
        convert: false,
        renew: true,
        delete_prepaid: false,
        price: false,
    },
    capture_image: false,
    rename_image: false,
    delete_image: false,
    sessions: false,
    native_pools: false,
};

/// What it can do with the calls that only its published client has.
pub static EXTENDED_CAPABILITIES: Capabilities = Capabilities {
    observe_desktops: true,
    power: true,
    rename: Rename::Free,
    users: Users {
        assign: true,
        ..CAPABILITIES.users
    },
    // No document says from which state; a stopped desktop cannot be the wrong one, for its disk is not in use.
    change_image: ImageChange::Stopped,
    observe_image: true,
    ..CAPABILITIES
};

/// One CloudDesktop account in one region.
pub struct CloudDesktop {
    client: Client,
    /// For whom a reseller's account acts.
    owner_id: Option<String>,
    /// Whether the calls beyond the document may be used.
    extended: bool,
}

impl CloudDesktop {
    /// Sets the account up; calls nobody yet.
    pub fn new(
        account: &Account<'_>,
        key: AccessKey,
        owner_id: Option<String>,
        extended: bool,
    ) -> std::result::Result<Self, SetupError> {
        Ok(Self {
            client: Client::new(account, key, VERSION)?,
            owner_id,
            extended,
        })
    }

    async fn owner(&self) -> Result<map::Owner> {
        self.client
            .read("DescribeDesktopOwner", &Params::new(), map::owner)
            .await
    }

    /// Sends a change that was made ready.
    async fn send(&self, change: Change) -> Result<Receipt> {
        let Change { action, params, yields } = change;
        self.client
            .change(action, &params, |fields| receipt(yields, fields))
            .await
    }
}

fn receipt(yields: Yields, fields: Fields<'_>) -> std::result::Result<Receipt, Odd> {
    let id = match yields {
        Yields::Nothing | Yields::Order => None,
        Yields::Desktop => Some(fields.id("DesktopId")?.ok_or(Odd::missing("DesktopId"))?),
    };
    Ok(Receipt {
        id,
        order_id: match yields {
            Yields::Nothing => None,
            // What was bought is bought, also if the order cannot be told.
            Yields::Order | Yields::Desktop => fields.id("OrderId").ok().flatten(),
        },
        request_id: fields.text("RequestId")?,
        ..Receipt::default()
    })
}

/// Whether an error says in so many words that the desktop asked for does not exist: the desktop itself, not something
/// that belongs to it.
fn desktop_is_gone(error: &BackendError) -> bool {
    let about_another = error.code.as_ref().is_some_and(|code| {
        let code = code.to_ascii_lowercase();
        [
            "desktopowner",
            "desktopuser",
            "desktopimage",
            "desktoppolicy",
            "desktopgroup",
        ]
        .iter()
        .any(|other| code.contains(other))
    });
    errors::says_gone(error, "desktop") && !about_another
}

#[async_trait]
impl Backend for CloudDesktop {
    fn capabilities(&self) -> &'static Capabilities {
        if self.extended {
            &EXTENDED_CAPABILITIES
        } else {
            &CAPABILITIES
        }
    }

    async fn catalog(&self) -> Result<Catalog> {
        let regions = self
            .client
            .read("DescribeRegions", &Params::new(), map::regions)
            .await?;
        let flavors = self
            .client
            .read("DescribeDesktopTypeItems", &Params::new(), map::flavors)
            .await?;
        Ok(Catalog {
            flavors,
            regions,
            ..Catalog::default()
        })
    }

    async fn list_clusters(&self) -> Result<Vec<ObservedCluster>> {
        let owner = self.owner().await?;
        // Before it is set up a tenant has no network, and nothing by which it could be known again.
        Ok(owner.cluster.into_iter().collect())
    }

    async fn list_desktops(&self, cluster_id: &str) -> Result<Vec<ObservedDesktop>> {
        if !self.extended {
            return Err(self.unsupported("DescribeDesktops"));
        }
        let desktops: Vec<map::Desktop> = self.client.list(&Params::new()).await?;
        // The account has one tenant, in which all its desktops are.
        let cluster_id = Some(cluster_id.to_owned());
        let placed = |map::Desktop(desktop)| ObservedDesktop {
            cluster_id: cluster_id.clone(),
            ..desktop
        };
        Ok(desktops.into_iter().map(placed).collect())
    }

    async fn list_images(&self) -> Result<Vec<ObservedImage>> {
        let mut images = Vec::new();
        for (image_type, custom) in [(create::PRIVATE, true), (create::DEFAULT, false)] {
            let of_type: Vec<map::Image> = self.client.list(&Params::new().set("ImageType", image_type)).await?;
            images.extend(
                of_type
                    .into_iter()
                    .map(|map::Image(image)| ObservedImage { custom, ..image }),
            );
        }
        Ok(images)
    }

    async fn list_users(&self) -> Result<Vec<ObservedUser>> {
        self.client
            .read("DescribeActivityDirectoryUsers", &Params::new(), map::users)
            .await
    }

    async fn get_directory(&self, _cluster_id: &str) -> Result<DirectoryState> {
        Ok(self.owner().await?.directory)
    }

    async fn submit(&self, operation: &Operation) -> Result<Receipt> {
        match operation {
            Operation::CreateDesktop(spec) => self.create_desktop(spec).await,
            Operation::RebuildDesktop { desktop_id, image_id } if self.extended => {
                let image_type = self.image_type("ReplaceDesktopImage", image_id).await?;
                self.send(calls::rebuild(desktop_id, image_id, image_type)).await
            }
            Operation::DeleteDesktop { .. } => match self.send(self.change(operation)?).await {
                // What is to be deleted and is not there is deleted.
                Err(error) if desktop_is_gone(&error) => Ok(Receipt {
                    request_id: error.request_id,
                    gone: true,
                    ..Receipt::default()
                }),
                result => result,
            },
            _ => self.send(self.change(operation)?).await,
        }
    }

    async fn create_users(&self, users: &[UserSpec]) -> Result<Vec<Result<()>>> {
        let mut answers = Vec::with_capacity(users.len());
        for user in users {
            answers.push(self.create_user(user).await);
        }
        Ok(answers)
    }

    async fn poll(&self, _task: &Task) -> Result<TaskState> {
        Err(self.unsupported("Poll"))
    }
}

fn invalid(action: &'static str, message: &str) -> BackendError {
    BackendError::new(ErrorClass::Invalid, action, message)
}
