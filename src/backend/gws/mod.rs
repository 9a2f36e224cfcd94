//! Alibaba Cloud GWS (graphic workstation): all 27 actions of the vendor's document of 2020-10-26.

pub mod client;
pub mod errors;
pub mod map;
pub mod wire;

use std::collections::HashSet;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};

use super::model::TicketRequest;
use super::{
    Backend, BackendError, Capabilities, Catalog, DirectoryState, ErrorClass, ObservedCluster, ObservedDesktop,
    ObservedImage, Operation, PolicyValues, Receipt, Result, Session, Task, TaskKind, TaskState, Ticket,
};
use client::{Client, Parameters};
use map::{DISPLAY_FIELDS, SESSION_FIELDS};
use wire::{Described, Done};

/// What GWS can do.
pub static CAPABILITIES: Capabilities = Capabilities {
    vendor: "gws",
    service_linked_role: true,
    create_cluster: true,
    named_create: true,
    policy_fields: &["clipboard", "localDrive", "udp", "usbRedirection", "watermark"],
    nat: true,
    directory: true,
    unassign_user: false,
    user_needs_uid: true,
    change_image: false,
    change_flavor: false,
    change_disk: false,
    applications: true,
    display_policy: true,
    capture_image: true,
};

/// Largest page that is known to be accepted.
const PAGE: usize = 50;
/// Pages after which a listing is taken for endless.
const MAX_PAGES: usize = 2000;
/// How often a listing is begun anew because it changed while it was read.
const LISTING_ATTEMPTS: usize = 3;

/// Host of a region. Two regions are elsewhere, says the vendor's public metadata.
#[must_use]
pub fn host(region: &str) -> String {
    match region {
        "ap-southeast-3" => "gws.ap-northeast-3.aliyuncs.com".to_owned(),
        "cn-hangzhou-finance" => "ecd.cn-hangzhou-finance.aliyuncs.com".to_owned(),
        _ => format!("gws.{region}.aliyuncs.com"),
    }
}

/// One GWS account in one region.
pub struct Gws {
    client: Client,
}

impl Gws {
    /// Speaks through this client.
    #[must_use]
    pub const fn new(client: Client) -> Self {
        Self { client }
    }

    async fn done(&self, action: &'static str, parameters: Parameters) -> Result<Done> {
        self.client.write(action, parameters).await
    }

    /// Reads every page; the count must agree and no id may appear twice, or the listing changed under our hands.
    async fn listing<T>(
        &self,
        action: &'static str,
        filter: &Parameters,
        take: impl Fn(&mut Described) -> Option<Vec<T>> + Send + Sync,
        id: impl Fn(&T) -> &str + Send + Sync,
    ) -> Result<Vec<T>>
    where
        T: Send,
    {
        for _ in 0..LISTING_ATTEMPTS {
            if let Some(all) = self.pages(action, filter, &take, &id).await? {
                return Ok(all);
            }
        }
        Err(BackendError::new(
            ErrorClass::Transient,
            action,
            "the listing changed while it was read",
        ))
    }

    /// `None` when the pages do not fit together.
    async fn pages<T: Send>(
        &self,
        action: &'static str,
        filter: &Parameters,
        take: &(impl Fn(&mut Described) -> Option<Vec<T>> + Send + Sync),
        id: &(impl Fn(&T) -> &str + Send + Sync),
    ) -> Result<Option<Vec<T>>> {
        let mut all: Vec<T> = Vec::new();
        let mut total = None;
        for page in 1..=MAX_PAGES {
            let mut parameters = filter.clone();
            parameters.insert("PageNumber".into(), page.to_string());
            parameters.insert("PageSize".into(), PAGE.to_string());
            let mut answer: Described = self.client.read(action, parameters).await?;
            let unreadable = || BackendError::new(ErrorClass::Transient, action, "the listing cannot be read");
            let count = answer
                .total_count
                .and_then(|n| usize::try_from(n).ok())
                .ok_or_else(unreadable)?;
            let items = take(&mut answer).ok_or_else(unreadable)?;
            if *total.get_or_insert(count) != count {
                return Ok(None);
            }
            let more = !items.is_empty();
            all.extend(items);
            if all.len() >= count || !more {
                break;
            }
        }
        let unique: HashSet<&str> = all.iter().map(id).collect();
        let whole = Some(all.len()) == total && unique.len() == all.len();
        Ok(whole.then_some(all))
    }

    async fn clusters(&self, filter: &Parameters) -> Result<Vec<ObservedCluster>> {
        let take = |d: &mut Described| match d.clusters.take() {
            Some(clusters) => clusters.into_iter().map(map::cluster).collect::<Option<Vec<_>>>(),
            None => nothing(d),
        };
        self.listing("DescribeClusters", filter, take, |c: &ObservedCluster| &c.id)
            .await
    }

    async fn task_state(&self, action: &'static str, parameters: Parameters) -> Result<TaskState> {
        let answer: Described = self.client.read(action, parameters).await?;
        Ok(if answer.task_finished == Some(true) {
            TaskState::Finished
        } else {
            TaskState::Running
        })
    }
}

/// An answer without the list holds nothing only if it says so.
fn nothing<T>(described: &Described) -> Option<Vec<T>> {
    (described.total_count == Some(0)).then(Vec::new)
}

/// Parameters from pairs.
fn with<const N: usize>(pairs: [(&str, &str); N]) -> Parameters {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn task(kind: TaskKind, object_id: &str, task_id: Option<String>) -> Option<Task> {
    let task_id = task_id?;
    Some(Task {
        kind,
        object_id: object_id.to_owned(),
        task_id,
        from: None,
        to: None,
    })
}

fn receipt(done: Done, id: Option<String>, task: Option<Task>) -> Receipt {
    Receipt {
        id,
        task,
        request_id: done.request_id,
    }
}

/// An answer to a creation that names nothing leaves open what was created.
fn created(action: &'static str, id: Option<String>, request_id: Option<String>) -> Result<Receipt> {
    match id {
        Some(id) => Ok(Receipt {
            id: Some(id),
            task: None,
            request_id,
        }),
        None => Err(BackendError {
            request_id,
            ..BackendError::new(ErrorClass::Ambiguous, action, "the answer names no id")
        }),
    }
}

fn session_parameters(cluster_id: &str, from: Date, to: Date) -> Parameters {
    with([
        ("ClusterId", cluster_id),
        ("StartTime", &from.to_string()),
        ("EndTime", &to.to_string()),
    ])
}

fn ticket_parameters(request: &TicketRequest) -> Parameters {
    let mut parameters = with([("InstanceId", &request.desktop_id), ("AsyncMode", "true")]);
    if let Some(application) = &request.application {
        parameters.insert("AppName".into(), application.clone());
    }
    if let Some((user, password)) = &request.credentials {
        parameters.insert("UserName".into(), user.clone());
        parameters.insert("Password".into(), password.expose_secret().to_owned());
    }
    parameters
}

#[async_trait]
impl Backend for Gws {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    async fn prepare(&self) -> Result<()> {
        // `AlreadyExists` is as good as created: there is nothing to tell apart.
        let _: Described = self.client.read("CreateServiceLinkedRole", Parameters::new()).await?;
        Ok(())
    }

    async fn catalog(&self) -> Result<Catalog> {
        let answer: Described = self.client.read("DescribeAvailableResource", Parameters::new()).await?;
        let resources = answer.available_resources.unwrap_or_default();
        let mut cluster_types: Vec<_> = resources
            .into_iter()
            .filter_map(|r| Some((r.zone.unwrap_or_default(), r.cluster_type?)))
            .collect();
        cluster_types.sort();
        Ok(Catalog { cluster_types })
    }

    async fn list_clusters(&self) -> Result<Vec<ObservedCluster>> {
        self.clusters(&Parameters::new()).await
    }

    async fn get_cluster(&self, cluster_id: &str) -> Result<Option<ObservedCluster>> {
        match self.clusters(&with([("ClusterId", cluster_id)])).await {
            Ok(found) => Ok(found.into_iter().find(|c| c.id == cluster_id)),
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list_desktops(&self, cluster_id: &str) -> Result<Vec<ObservedDesktop>> {
        let take = |d: &mut Described| match d.instances.take() {
            // The document's own example has an element with nothing but applications: it is no desktop.
            Some(instances) => instances
                .into_iter()
                .filter(|i| i.instance_id.is_some() || i.app_list.is_none() || i.status.is_some())
                .map(map::desktop)
                .collect::<Option<Vec<_>>>(),
            None => nothing(d),
        };
        let filter = with([("ClusterId", cluster_id)]);
        match self
            .listing("DescribeInstances", &filter, take, |d: &ObservedDesktop| &d.id)
            .await
        {
            Ok(all) => Ok(all
                .into_iter()
                .filter(|d| d.cluster_id.as_deref().is_none_or(|c| c == cluster_id))
                .collect()),
            // A cluster that is gone has no desktops.
            Err(error) if error.class == ErrorClass::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn list_images(&self) -> Result<Vec<ObservedImage>> {
        let take = |d: &mut Described| match d.images.take() {
            Some(images) => images.into_iter().map(map::image).collect::<Option<Vec<_>>>(),
            None => nothing(d),
        };
        self.listing("DescribeImages", &Parameters::new(), take, |i: &ObservedImage| &i.id)
            .await
    }

    async fn get_policy(&self, cluster_id: &str) -> Result<PolicyValues> {
        let d: Described = self
            .client
            .read("DescribeClusterPolicy", with([("ClusterId", cluster_id)]))
            .await?;
        let reported = [
            ("Clipboard", d.clipboard.as_ref()),
            ("LocalDrive", d.local_drive.as_ref()),
            ("UdpPort", d.udp_port.as_ref()),
            ("UsbRedirect", d.usb_redirect.as_ref()),
            ("Watermark", d.watermark.as_ref()),
        ];
        Ok(map::policy_values(&SESSION_FIELDS, &reported))
    }

    async fn get_display_policy(&self, desktop_id: &str) -> Result<PolicyValues> {
        let d: Described = self
            .client
            .read("DescribeInstancePolicy", with([("InstanceId", desktop_id)]))
            .await?;
        let reported = [
            ("OptimizeFor3d", d.optimize_for3d.as_ref()),
            ("VisualLossless", d.visual_lossless.as_ref()),
        ];
        Ok(map::policy_values(&DISPLAY_FIELDS, &reported))
    }

    async fn get_directory(&self, cluster_id: &str) -> Result<DirectoryState> {
        let d: Described = self
            .client
            .read("DescribeClusterADDomain", with([("ClusterId", cluster_id)]))
            .await?;
        Ok(DirectoryState {
            supported: d.is_supported,
            domain_name: d.domain_name,
            dns_ip: d.domain_dns_ip,
        })
    }

    async fn request_sessions(&self, cluster_id: &str, from: Date, to: Date) -> Result<Task> {
        let action = "DescribeClusterConnections";
        let d: Described = self
            .client
            .read(action, session_parameters(cluster_id, from, to))
            .await?;
        let no_task = || BackendError::new(ErrorClass::Transient, action, "the answer names no task");
        let task_id = d.task_id.ok_or_else(no_task)?;
        let object_id = cluster_id.to_owned();
        Ok(Task {
            kind: TaskKind::Sessions,
            object_id,
            task_id,
            from: Some(from),
            to: Some(to),
        })
    }

    async fn fetch_sessions(&self, task: &Task) -> Result<Option<Vec<Session>>> {
        let from = task.from.unwrap_or(Date::ZERO);
        let mut parameters = session_parameters(&task.object_id, from, task.to.unwrap_or(from));
        parameters.insert("TaskId".into(), task.task_id.clone());
        let d: Described = self.client.read("DescribeClusterConnections", parameters).await?;
        if d.task_finished != Some(true) {
            return Ok(None);
        }
        Ok(Some(
            d.connections
                .unwrap_or_default()
                .into_iter()
                .filter_map(map::session)
                .collect(),
        ))
    }

    async fn submit(&self, operation: &Operation) -> Result<Receipt> {
        match operation {
            Operation::CreateCluster(spec) => {
                let mut parameters = with([("ClusterType", &spec.cluster_type), ("VpcId", &spec.vpc_id)]);
                if let Some(subnet) = &spec.subnet_id {
                    parameters.insert("VSwitchId".into(), subnet.clone());
                }
                let done = self.done("CreateCluster", parameters).await?;
                created("CreateCluster", done.cluster_id, done.request_id)
            }
            Operation::CreateDesktop(spec) => {
                let done = self.done("CreateInstance", map::create_instance(spec)).await?;
                created("CreateInstance", done.instance_id, done.request_id)
            }
            Operation::CreateImage { desktop_id, name } => {
                let done = self
                    .done("CreateImage", with([("InstanceId", desktop_id), ("Name", name)]))
                    .await?;
                created("CreateImage", done.image_id, done.request_id)
            }
            Operation::SetPolicy { .. }
            | Operation::SetDirectory { .. }
            | Operation::RemoveDirectory { .. }
            | Operation::SetDisplayPolicy { .. } => self.submit_task(operation).await,
            _ => self.submit_plain(operation).await,
        }
    }

    async fn poll(&self, task: &Task) -> Result<TaskState> {
        let (id, asynchronous) = (task.object_id.as_str(), ("AsyncMode", "true"));
        let task_id = ("TaskId", task.task_id.as_str());
        let (action, parameters) = match task.kind {
            TaskKind::Policy => (
                "DescribeClusterPolicy",
                with([("ClusterId", id), task_id, asynchronous]),
            ),
            TaskKind::DisplayPolicy => (
                "DescribeInstancePolicy",
                with([("InstanceId", id), task_id, asynchronous]),
            ),
            TaskKind::Directory => ("DescribeClusterADDomain", with([("ClusterId", id), task_id])),
            TaskKind::Sessions | TaskKind::Ticket => return Ok(TaskState::Running),
        };
        self.task_state(action, parameters).await
    }

    async fn request_ticket(&self, request: &TicketRequest) -> Result<Task> {
        let done = self.done("GetConnectTicket", ticket_parameters(request)).await?;
        let no_task = || BackendError::new(ErrorClass::Transient, "GetConnectTicket", "the answer names no task");
        task(TaskKind::Ticket, &request.desktop_id, done.task_id).ok_or_else(no_task)
    }

    async fn fetch_ticket(&self, request: &TicketRequest, task: &Task) -> Result<Option<Ticket>> {
        let mut parameters = ticket_parameters(request);
        parameters.insert("TaskId".into(), task.task_id.clone());
        let done: Done = self.client.read("GetConnectTicket", parameters).await?;
        if done.task_finished != Some(true) {
            return Ok(None);
        }
        let broken = || BackendError::new(ErrorClass::Transient, "GetConnectTicket", "the ticket cannot be read");
        let decoded = done
            .ticket
            .and_then(|t| STANDARD.decode(t.trim()).ok())
            .ok_or_else(broken)?;
        let content = String::from_utf8(decoded).map_err(|_| broken())?;
        Ok(Some(Ticket {
            content: SecretString::from(content),
        }))
    }
}

impl Gws {
    /// Changes that the vendor carries out in a task.
    async fn submit_task(&self, operation: &Operation) -> Result<Receipt> {
        let (action, kind, id, parameters) = match operation {
            Operation::SetPolicy { cluster_id, values } => {
                // All fields are required on each call.
                let mut parameters = map::policy_parameters(&SESSION_FIELDS, values);
                parameters.extend(with([("ClusterId", cluster_id), ("AsyncMode", "true")]));
                ("SetClusterPolicy", TaskKind::Policy, cluster_id, parameters)
            }
            Operation::SetDirectory {
                cluster_id,
                domain_name,
                dns_ip,
                admin,
                password,
            } => {
                let parameters = with([
                    ("ClusterId", cluster_id),
                    ("DomainName", domain_name),
                    ("DomainDnsIp", dns_ip),
                    ("DomainAdmin", admin),
                    ("DomainPassword", password.expose_secret()),
                    ("DomainDelete", "false"),
                ]);
                ("SetClusterADDomain", TaskKind::Directory, cluster_id, parameters)
            }
            Operation::RemoveDirectory {
                cluster_id,
                domain_name,
                dns_ip,
            } => {
                // The document requires a password here too, though unlinking cannot need it: an empty one is sent.
                let parameters = with([
                    ("ClusterId", cluster_id),
                    ("DomainName", domain_name),
                    ("DomainDnsIp", dns_ip),
                    ("DomainPassword", ""),
                    ("DomainDelete", "true"),
                ]);
                ("SetClusterADDomain", TaskKind::Directory, cluster_id, parameters)
            }
            Operation::SetDisplayPolicy {
                desktop_id,
                visual_lossless,
                optimize_for3d,
            } => {
                let switch = |on: &bool| if *on { "on" } else { "off" };
                let parameters = with([
                    ("InstanceId", desktop_id),
                    ("VisualLossless", switch(visual_lossless)),
                    ("OptimizeFor3d", switch(optimize_for3d)),
                    ("AsyncMode", "true"),
                ]);
                ("SetInstancePolicy", TaskKind::DisplayPolicy, desktop_id, parameters)
            }
            other => return Err(unsupported(other)),
        };
        let mut done = self.done(action, parameters).await?;
        let task = task(kind, id, done.task_id.take());
        Ok(receipt(done, None, task))
    }

    /// Changes that are done, or at least accepted, with the answer.
    async fn submit_plain(&self, operation: &Operation) -> Result<Receipt> {
        let (action, parameters) = match operation {
            Operation::RenameCluster { cluster_id, name } => {
                ("SetClusterName", with([("ClusterId", cluster_id), ("Name", name)]))
            }
            Operation::DeleteCluster { cluster_id } => ("DeleteCluster", with([("ClusterId", cluster_id)])),
            Operation::SetNat { cluster_id, nat } => {
                // An empty NatId detaches; it is sent and signed like any other.
                let (id, eip) = nat.clone().unwrap_or_default();
                let mut parameters = with([("ClusterId", cluster_id), ("NatId", &id)]);
                if let Some(eip) = eip {
                    parameters.insert("NatEip".into(), eip);
                }
                ("SetClusterDnat", parameters)
            }
            Operation::DeleteDesktop { desktop_id } => ("DeleteInstance", with([("InstanceId", desktop_id)])),
            Operation::RenameDesktop { desktop_id, name } => {
                ("SetInstanceName", with([("InstanceId", desktop_id), ("Name", name)]))
            }
            Operation::StartDesktop { desktop_id } => ("StartInstance", with([("InstanceId", desktop_id)])),
            Operation::StopDesktop { desktop_id } => ("StopInstance", with([("InstanceId", desktop_id)])),
            Operation::RestartDesktop { desktop_id } => ("RestartInstance", with([("InstanceId", desktop_id)])),
            Operation::AssignUser { desktop_id, name, uid } => {
                let mut parameters = with([("InstanceId", desktop_id), ("UserName", name)]);
                if let Some(uid) = uid {
                    // The document says UserId, the published client UserUid: both are sent.
                    parameters.insert("UserId".into(), uid.clone());
                    parameters.insert("UserUid".into(), uid.clone());
                }
                ("SetInstanceUser", parameters)
            }
            Operation::RenameImage { image_id, name } => {
                ("SetImageName", with([("ImageId", image_id), ("Name", name)]))
            }
            Operation::DeleteImage { image_id } => ("DeleteImage", with([("ImageId", image_id)])),
            other => return Err(unsupported(other)),
        };
        match self.done(action, parameters).await {
            Ok(done) => Ok(receipt(done, None, None)),
            // What is to be deleted and is not there is deleted; the listing has the last word.
            Err(error) if error.class == ErrorClass::NotFound && action.starts_with("Delete") => Ok(Receipt::default()),
            Err(error) => Err(error),
        }
    }
}

fn unsupported(operation: &Operation) -> BackendError {
    BackendError::new(ErrorClass::Invalid, operation.name(), "GWS has no such operation")
}
