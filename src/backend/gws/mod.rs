//! Alibaba Cloud GWS, wire version 2019-06-18.

mod calls;
#[cfg(test)]
mod fuzz;
mod map;

use async_trait::async_trait;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};

use self::calls::{Change, Yields};
use super::capabilities::{
    ClusterOrigin, CreateIdentity, ImageChange, Naming, Payment, Rename, SystemDiskChoice, Users,
};
use super::client::{self, Account};
use super::decode::{Fields, Odd};
use super::model::{TaskKind, TicketRequest};
use super::region::{self, InvalidRegion};
use super::rpc::{Client, Params, errors};
use super::{
    Backend, BackendError, Capabilities, Catalog, DirectoryState, ErrorClass, ObservedCluster, ObservedDesktop,
    ObservedImage, Operation, PolicyValues, Receipt, Result, Session, Task, TaskState, Ticket,
};
use crate::http::credentials::AccessKey;
use crate::http::transport::{Effect, SetupError};

/// Host name of the vendor's endpoint for a region.
pub fn host(region: &str) -> std::result::Result<String, InvalidRegion> {
    Ok(match region::check(region)? {
        // The two exceptions in the vendor's own list of endpoints.
        "ap-southeast-3" => "gws.ap-northeast-3.aliyuncs.com".to_owned(),
        "cn-hangzhou-finance" => "ecd.cn-hangzhou-finance.aliyuncs.com".to_owned(),
        region => format!("gws.{region}.aliyuncs.com"),
    })
}

/// The version of the wire, which is not the date on the document.
const VERSION: &str = "2019-06-18";

/// What GWS can do.
pub static CAPABILITIES: Capabilities = Capabilities {
    vendor: "gws",
    service_linked_role: true,
    clusters: ClusterOrigin::Created,
    rename_cluster: true,
    create_identity: CreateIdentity::Mark,
    observe_desktops: true,
    naming: Naming::Marked,
    policy_fields: &["clipboard", "localDrive", "udp", "usbRedirection", "watermark"],
    nat: true,
    directory: true,
    power: true,
    rename: Rename::Free,
    system_disk: SystemDiskChoice::Required,
    needs_subnet: false,
    needs_zone: false,
    label: false,
    public_address: true,
    users: Users {
        assign: true,
        required: false,
        needs_uid: true,
        unassign: false,
        change_needs_stop: false,
    },
    change_image: ImageChange::No,
    observe_image: true,
    applications: true,
    display_policy: true,
    payment: Payment {
        subscription: true,
        weeks: true,
        convert: false,
        renew: false,
        delete_prepaid: true,
        price: false,
    },
    capture_image: true,
    rename_image: true,
    delete_image: true,
    sessions: true,
    native_pools: false,
};

/// Tickets come in one line or in several, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// One GWS account in one region.
pub struct Gws {
    client: Client,
}

impl Gws {
    /// Sets the account up; calls nobody yet.
    pub fn new(account: &Account<'_>, key: AccessKey) -> std::result::Result<Self, SetupError> {
        let client = Client::new(account, key, VERSION)?;
        Ok(Self { client })
    }

    /// Begins something that is read like a change is made: by a task.
    async fn begin(&self, action: &'static str, params: &Params) -> Result<String> {
        let started = self.client.read(action, params, map::task_id).await?;
        started.ok_or_else(|| client::odd(action, Effect::Read, "the answer names no task"))
    }
}

fn cluster(id: &str) -> Params {
    Params::new().set("ClusterId", id)
}

fn desktop(id: &str) -> Params {
    Params::new().set("InstanceId", id)
}

fn sessions(cluster_id: &str, from: Date, to: Date) -> Params {
    cluster(cluster_id)
        .set("StartTime", &from.strftime("%Y-%m-%d"))
        .set("EndTime", &to.strftime("%Y-%m-%d"))
}

fn ticket(request: &TicketRequest) -> Params {
    let params = desktop(&request.desktop_id)
        .set_some("AppName", request.application.as_ref())
        .set("AsyncMode", "true");
    match &request.credentials {
        Some((user, password)) => params.set("UserName", user).secret("Password", password.clone()),
        None => params,
    }
}

/// The days a task for sessions was started for. They must be repeated with its id.
fn days(task: &Task, action: &'static str) -> Result<(Date, Date)> {
    task.from.zip(task.to).ok_or_else(|| {
        BackendError::new(
            ErrorClass::Invalid,
            action,
            "the task lacks the days it was started for",
        )
    })
}

fn receipt(yields: Yields, object_id: &str, fields: Fields<'_>) -> std::result::Result<Receipt, Odd> {
    let created = |name| fields.id(name)?.ok_or(Odd::missing(name)).map(Some);
    let mut receipt = Receipt {
        request_id: fields.text("RequestId")?,
        ..Receipt::default()
    };
    match yields {
        Yields::Nothing => {}
        Yields::ClusterId => receipt.id = created("ClusterId")?,
        Yields::InstanceId => receipt.id = created("InstanceId")?,
        Yields::ImageId => receipt.id = created("ImageId")?,
        Yields::Task(kind) => {
            receipt.task = map::task_id(fields)?.map(|task_id| Task::new(kind, object_id, task_id));
        }
    }
    Ok(receipt)
}

#[async_trait]
impl Backend for Gws {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    async fn prepare(&self) -> Result<()> {
        const ACTION: &str = "CreateServiceLinkedRole";
        // Safe to repeat, so it is treated as a read.
        match self
            .client
            .read(ACTION, &Params::new(), |fields| fields.flag("AlreadyExists"))
            .await
        {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .code
                    .as_deref()
                    .is_some_and(|code| code.starts_with("EntityAlreadyExist")) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn catalog(&self) -> Result<Catalog> {
        let cluster_types = self
            .client
            .read("DescribeAvailableResource", &Params::new(), map::cluster_types)
            .await?;
        Ok(Catalog {
            cluster_types,
            ..Catalog::default()
        })
    }

    async fn list_clusters(&self) -> Result<Vec<ObservedCluster>> {
        self.client.list(&Params::new()).await
    }

    async fn get_cluster(&self, cluster_id: &str) -> Result<Option<ObservedCluster>> {
        match self.client.list(&cluster(cluster_id)).await {
            Ok(found) => Ok(found.into_iter().find(|found: &ObservedCluster| found.id == cluster_id)),
            Err(error) if errors::says_gone(&error, "cluster") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list_desktops(&self, cluster_id: &str) -> Result<Vec<ObservedDesktop>> {
        let mut desktops: Vec<ObservedDesktop> = match self.client.list(&cluster(cluster_id)).await {
            // A cluster that is gone has no desktops.
            Err(error) if errors::says_gone(&error, "cluster") => return Ok(Vec::new()),
            listed => listed?,
        };
        // Whoever ignores the filter lists other clusters as well.
        desktops.retain(|desktop| desktop.cluster_id.as_deref().is_none_or(|id| id == cluster_id));
        Ok(desktops)
    }

    async fn list_images(&self) -> Result<Vec<ObservedImage>> {
        self.client.list(&Params::new()).await
    }

    async fn get_policy(&self, cluster_id: &str) -> Result<PolicyValues> {
        self.client
            .read("DescribeClusterPolicy", &cluster(cluster_id), map::policy)
            .await
    }

    async fn get_display_policy(&self, desktop_id: &str) -> Result<PolicyValues> {
        self.client
            .read("DescribeInstancePolicy", &desktop(desktop_id), map::display_policy)
            .await
    }

    async fn get_directory(&self, cluster_id: &str) -> Result<DirectoryState> {
        self.client
            .read("DescribeClusterADDomain", &cluster(cluster_id), map::directory)
            .await
    }

    async fn request_sessions(&self, cluster_id: &str, from: Date, to: Date) -> Result<Task> {
        let task_id = self
            .begin("DescribeClusterConnections", &sessions(cluster_id, from, to))
            .await?;
        Ok(Task {
            kind: TaskKind::Sessions,
            object_id: cluster_id.to_owned(),
            task_id,
            from: Some(from),
            to: Some(to),
        })
    }

    async fn fetch_sessions(&self, task: &Task) -> Result<Option<Vec<Session>>> {
        const ACTION: &str = "DescribeClusterConnections";
        let (from, to) = days(task, ACTION)?;
        let params = sessions(&task.object_id, from, to).set("TaskId", &task.task_id);
        self.client.read(ACTION, &params, map::sessions).await
    }

    async fn submit(&self, operation: &Operation) -> Result<Receipt> {
        let Change { action, params, yields } = calls::change(operation)?;
        let (object_id, deletes) = (calls::object_id(operation), calls::deletes(operation));
        let result = self
            .client
            .change(action, &params, |fields| receipt(yields, object_id, fields))
            .await;
        match (result, deletes) {
            // What is to be deleted and is not there is deleted.
            (Err(error), Some(noun)) if errors::says_gone(&error, noun) => Ok(Receipt {
                request_id: error.request_id,
                gone: true,
                ..Receipt::default()
            }),
            (result, _) => result,
        }
    }

    async fn poll(&self, task: &Task) -> Result<TaskState> {
        let (action, params) = match task.kind {
            TaskKind::Policy => (
                "DescribeClusterPolicy",
                cluster(&task.object_id).set("AsyncMode", "true"),
            ),
            TaskKind::Directory => ("DescribeClusterADDomain", cluster(&task.object_id)),
            TaskKind::DisplayPolicy => (
                "DescribeInstancePolicy",
                desktop(&task.object_id).set("AsyncMode", "true"),
            ),
            TaskKind::Sessions => {
                let (from, to) = days(task, "DescribeClusterConnections")?;
                ("DescribeClusterConnections", sessions(&task.object_id, from, to))
            }
            TaskKind::Ticket => ("GetConnectTicket", desktop(&task.object_id).set("AsyncMode", "true")),
            TaskKind::Job => return Err(self.unsupported("Poll")),
        };
        let finished = self
            .client
            .read(action, &params.set("TaskId", &task.task_id), map::finished)
            .await?;
        Ok(if finished {
            TaskState::Finished
        } else {
            TaskState::Running
        })
    }

    async fn request_ticket(&self, request: &TicketRequest) -> Result<Task> {
        let task_id = self.begin("GetConnectTicket", &ticket(request)).await?;
        Ok(Task::new(TaskKind::Ticket, &request.desktop_id, task_id))
    }

    async fn fetch_ticket(&self, request: &TicketRequest, task: &Task) -> Result<Option<Ticket>> {
        const ACTION: &str = "GetConnectTicket";
        let params = ticket(request).set("TaskId", &task.task_id);
        let Some(encoded) = self.client.read(ACTION, &params, map::ticket).await? else {
            return Ok(None);
        };
        match decode_ticket(&encoded) {
            Some(content) => Ok(Some(Ticket { content })),
            None => Err(BackendError::new(
                ErrorClass::Transient,
                ACTION,
                "the ticket is not text in base64",
            )),
        }
    }
}

fn decode_ticket(encoded: &SecretString) -> Option<SecretString> {
    let encoded: Vec<u8> = encoded
        .expose_secret()
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    let content = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    (!content.is_empty()).then(|| content.into())
}
