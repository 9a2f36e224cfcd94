//! Changes to GWS objects behind the client's back.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Instance, Session};
use super::{cluster, image, instance, time};
use crate::sim::edit::EditError;
use crate::sim::world::World;

type Result<T> = std::result::Result<T, EditError>;

/// A change made by hand. Where an object is named, its id or its name will do. Everything takes effect at once, and a
/// status that is set replaces whatever the object was on its way to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum GwsEdit {
    /// Sets one field of a cluster's policy.
    SetPolicy {
        /// Cluster.
        cluster: String,
        /// Field as on the wire, e.g. `Clipboard`.
        field: String,
        /// Value; not checked.
        value: String,
    },
    /// Renames a cluster.
    RenameCluster {
        /// Cluster.
        cluster: String,
        /// New name.
        name: String,
    },
    /// Sets a cluster's status to any text; `indebt` is that of unpaid bills.
    SetClusterStatus {
        /// Cluster.
        cluster: String,
        /// Status.
        status: String,
    },
    /// Takes the NAT gateway off a cluster.
    DetachNat {
        /// Cluster.
        cluster: String,
    },
    /// Removes a cluster with everything in it.
    DeleteCluster {
        /// Cluster.
        cluster: String,
    },
    /// Adds a network.
    AddVpc {
        /// Its id.
        vpc_id: String,
    },
    /// Adds a running cluster.
    AddCluster {
        /// Account.
        account: String,
        /// Network.
        vpc_id: String,
        /// Name; empty for one that the vendor gives.
        #[serde(default)]
        name: String,
    },
    /// Renames a desktop.
    RenameInstance {
        /// Desktop.
        instance: String,
        /// New name.
        name: String,
    },
    /// Sets a desktop's status to any text, e.g. `Missing`.
    SetInstanceStatus {
        /// Desktop.
        instance: String,
        /// Status.
        status: String,
    },
    /// Shuts a desktop down from the inside: it stays paid for.
    StopInstance {
        /// Desktop.
        instance: String,
    },
    /// Starts a desktop.
    StartInstance {
        /// Desktop.
        instance: String,
    },
    /// Removes a desktop.
    DeleteInstance {
        /// Desktop.
        instance: String,
    },
    /// Assigns a desktop, or takes it from its user.
    SetUser {
        /// Desktop.
        instance: String,
        /// Name and number.
        user: Option<(String, String)>,
    },
    /// Sets one field of a desktop's display policy.
    SetDisplayPolicy {
        /// Desktop.
        instance: String,
        /// Field as on the wire, e.g. `VisualLossless`.
        field: String,
        /// Value; not checked.
        value: String,
    },
    /// Sets when a desktop ends; with a date it is paid in advance, without one by use.
    SetExpiry {
        /// Desktop.
        instance: String,
        /// When.
        at: Option<Timestamp>,
    },
    /// Adds a registered desktop that no request asked for.
    AddInstance {
        /// Cluster.
        cluster: String,
        /// Name.
        name: String,
        /// Instance type.
        #[serde(default = "usual_type")]
        instance_type: String,
        /// Image.
        #[serde(default = "usual_image")]
        image_id: String,
    },
    /// Opens a session on a desktop.
    OpenSession {
        /// Desktop.
        instance: String,
        /// Name of the user's computer.
        client: String,
        /// When; now if not given.
        #[serde(default)]
        at: Option<Timestamp>,
    },
    /// Closes every open session of a desktop.
    CloseSessions {
        /// Desktop.
        instance: String,
        /// When; now if not given.
        #[serde(default)]
        at: Option<Timestamp>,
    },
    /// Adds a usable image.
    AddImage {
        /// Account.
        account: String,
        /// Name.
        name: String,
        /// Size in GB.
        size: i64,
    },
    /// Renames an image.
    RenameImage {
        /// Image.
        image: String,
        /// New name.
        name: String,
    },
    /// Sets an image's status to any text, e.g. `CreateFailed`.
    SetImageStatus {
        /// Image.
        image: String,
        /// Status.
        status: String,
    },
    /// Removes an image.
    DeleteImage {
        /// Image.
        image: String,
    },
    /// Puts an instance type in or out of stock.
    SetStock {
        /// Instance type.
        instance_type: String,
        /// Whether there is any.
        in_stock: bool,
    },
}

fn usual_type() -> String {
    "ecs.g6.large".to_owned()
}

fn usual_image() -> String {
    "m-windows2019".to_owned()
}

/// Makes an edit; returns the id of the object it concerned, or made.
pub(crate) fn apply(world: &mut World, edit: GwsEdit) -> Result<String> {
    use GwsEdit as E;
    match edit {
        E::AddVpc { vpc_id } => {
            world.settings.vpcs.push(vpc_id.clone());
            Ok(vpc_id)
        }
        E::SetPolicy { .. }
        | E::RenameCluster { .. }
        | E::SetClusterStatus { .. }
        | E::DetachNat { .. }
        | E::DeleteCluster { .. }
        | E::AddCluster { .. } => edit_cluster(world, edit),
        E::AddImage { .. } | E::RenameImage { .. } | E::SetImageStatus { .. } | E::DeleteImage { .. } => {
            edit_image(world, edit)
        }
        E::SetStock {
            instance_type,
            in_stock,
        } => {
            if in_stock {
                world.gws.out_of_stock.remove(&instance_type);
            } else {
                world.gws.out_of_stock.insert(instance_type.clone());
            }
            Ok(instance_type)
        }
        edit => edit_instance(world, edit),
    }
}

fn cluster_id(world: &World, cluster: &str) -> Result<String> {
    let found = world.gws.cluster(cluster).map(|cluster| cluster.id.clone());
    found.ok_or_else(|| EditError::NotFound(format!("cluster {cluster}")))
}

fn edit_cluster(world: &mut World, edit: GwsEdit) -> Result<String> {
    use GwsEdit as E;
    let named = match &edit {
        E::AddCluster { account, vpc_id, name } => {
            let id = cluster::add(world, account, "gws.s1.standard", vpc_id, "vsw-auto", false);
            if let Some(cluster) = world.gws.clusters.get_mut(&id).filter(|_| !name.is_empty()) {
                cluster.name.clone_from(name);
            }
            return Ok(id);
        }
        E::SetPolicy { cluster, .. }
        | E::RenameCluster { cluster, .. }
        | E::SetClusterStatus { cluster, .. }
        | E::DetachNat { cluster }
        | E::DeleteCluster { cluster } => cluster.clone(),
        _ => return Err(EditError::Invalid("not an edit of a cluster".to_owned())),
    };
    let id = cluster_id(world, &named)?;
    if matches!(edit, E::DeleteCluster { .. }) {
        let now = world.now();
        let inside: Vec<String> = world
            .gws
            .instances_of(&id)
            .map(|instance| instance.id.clone())
            .collect();
        for gone in inside.iter().chain([&id]) {
            time::remove(world, gone, now);
        }
        return Ok(id);
    }
    let Some(cluster) = world.gws.clusters.get_mut(&id) else {
        return Err(EditError::NotFound(named));
    };
    match edit {
        E::SetPolicy { field, value, .. } => {
            cluster.policy.insert(field, value);
        }
        E::RenameCluster { name, .. } => cluster.name = name,
        E::SetClusterStatus { status, .. } => {
            cluster.status = status;
            cluster.steps.clear();
        }
        _ => cluster.nat = None,
    }
    Ok(id)
}

fn edit_image(world: &mut World, edit: GwsEdit) -> Result<String> {
    use GwsEdit as E;
    let named = match &edit {
        E::AddImage { account, name, size } => return Ok(image::add(world, account, Some(name), *size, false)),
        E::RenameImage { image, .. } | E::SetImageStatus { image, .. } | E::DeleteImage { image } => image.clone(),
        _ => return Err(EditError::Invalid("not an edit of an image".to_owned())),
    };
    let found = world.gws.image(&named).map(|image| image.id.clone());
    let id = found.ok_or_else(|| EditError::NotFound(format!("image {named}")))?;
    let now = world.now();
    match (world.gws.images.get_mut(&id), edit) {
        (Some(image), E::RenameImage { name, .. }) => image.name = name,
        (Some(image), E::SetImageStatus { status, .. }) => {
            image.status = status;
            image.steps.clear();
        }
        _ => time::remove(world, &id, now),
    }
    Ok(id)
}

fn edit_instance(world: &mut World, edit: GwsEdit) -> Result<String> {
    use GwsEdit as E;
    let named = match &edit {
        E::AddInstance {
            cluster,
            name,
            instance_type,
            image_id,
        } => return add_instance(world, cluster, name, instance_type, image_id),
        E::RenameInstance { instance, .. }
        | E::SetInstanceStatus { instance, .. }
        | E::StopInstance { instance }
        | E::StartInstance { instance }
        | E::DeleteInstance { instance }
        | E::SetUser { instance, .. }
        | E::SetDisplayPolicy { instance, .. }
        | E::SetExpiry { instance, .. }
        | E::OpenSession { instance, .. }
        | E::CloseSessions { instance, .. } => instance.clone(),
        _ => return Err(EditError::Invalid("not an edit of a desktop".to_owned())),
    };
    let found = world.gws.instance(&named).map(|instance| instance.id.clone());
    let id = found.ok_or_else(|| EditError::NotFound(format!("desktop {named}")))?;
    let now = world.now();
    let today = world.clock.date(now);
    let Some(instance) = world.gws.instances.get_mut(&id) else {
        return Err(EditError::NotFound(named));
    };
    match edit {
        E::RenameInstance { name, .. } => instance.name = name,
        E::SetInstanceStatus { status, .. } => set_status(instance, &status, None),
        E::StopInstance { .. } => {
            let mode = if instance.charge_type == "PrePaid" {
                "Not-applicable"
            } else {
                "KeepCharging"
            };
            set_status(instance, "Stopped", Some(mode));
        }
        E::StartInstance { .. } => set_status(instance, "Registered", None),
        E::SetUser { user, .. } => instance.user = user,
        E::SetDisplayPolicy { field, value, .. } => {
            instance.display.get_or_insert_default().insert(field, value);
        }
        E::SetExpiry { at, .. } => {
            instance.expires = at;
            let charge_type = if at.is_some() { "PrePaid" } else { "PostPaid" };
            charge_type.clone_into(&mut instance.charge_type);
        }
        E::OpenSession { client, at, .. } => {
            let session = Session {
                instance_id: id.clone(),
                cluster_id: instance.cluster_id.clone(),
                client,
                logon: at.unwrap_or(today),
                logoff: None,
            };
            world.gws.sessions.push(session);
        }
        E::CloseSessions { at, .. } => {
            let open = |session: &&mut Session| session.instance_id == id && session.logoff.is_none();
            for session in world.gws.sessions.iter_mut().filter(open) {
                session.logoff = Some(at.unwrap_or(today));
            }
        }
        _ => time::remove(world, &id, now),
    }
    Ok(id)
}

fn set_status(instance: &mut Instance, status: &str, stopped_mode: Option<&str>) {
    status.clone_into(&mut instance.status);
    instance.stopped_mode = stopped_mode.map(str::to_owned);
    instance.steps.clear();
}

fn add_instance(world: &mut World, cluster: &str, name: &str, instance_type: &str, image_id: &str) -> Result<String> {
    let cluster_id = cluster_id(world, cluster)?;
    let Some(cluster) = world.gws.clusters.get(&cluster_id) else {
        return Err(EditError::NotFound(cluster.to_owned()));
    };
    let instance = Instance {
        id: String::new(),
        account: cluster.account.clone(),
        cluster_id,
        name: name.to_owned(),
        status: "Registered".to_owned(),
        stopped_mode: None,
        instance_type: instance_type.to_owned(),
        image_id: image_id.to_owned(),
        disk_category: "cloud_ssd".to_owned(),
        disk_size: 80,
        v_switch_id: cluster.v_switch_id.clone(),
        work_mode: "Desktop".to_owned(),
        apps: Vec::new(),
        public_address: false,
        internet_charge_type: "PayByTraffic".to_owned(),
        bandwidth: (4, 4),
        charge_type: "PostPaid".to_owned(),
        auto_renew: false,
        expires: None,
        user: None,
        display: instance::default_display(instance_type),
        created: world.clock.date(world.now()),
        deleting: false,
        number: 0,
        visible_from: 0,
        steps: VecDeque::new(),
    };
    Ok(instance::add(world, instance, false))
}
