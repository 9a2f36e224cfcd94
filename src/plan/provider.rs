//! What to say about one DesktopProvider.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Failure, Limits, Notice, waits_for};
use crate::api::condition::{self, Stamp};
use crate::api::provider::{AvailableClusterType, AvailableFlavor, DesktopProviderSpec, DesktopProviderStatus};
use crate::backend::{BackendError, Catalog};

/// The account an object lives in, as far as the object cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderView {
    /// It does not exist, is not ready, or may not be used from this namespace.
    Unusable {
        /// Condition reason.
        reason: &'static str,
        /// Plain words.
        message: String,
        /// Whether it needs a human to change something.
        stalled: bool,
    },
    /// It can be called.
    Usable,
}

/// How the account could be reached.
#[derive(Clone, Debug)]
pub enum Connection {
    /// It could not, for want of something in the cluster.
    Refused {
        /// Condition reason.
        reason: &'static str,
        /// Plain words.
        message: String,
        /// Whether it needs a human to change what is there, rather than something still to come.
        stalled: bool,
    },
    /// The vendor was asked and refused.
    Failed(BackendError),
    /// The vendor was asked and answered.
    Checked {
        /// What the account may create.
        catalog: Catalog,
        /// The service-linked role exists; `None` where the vendor has none.
        service_linked_role: Option<bool>,
        /// Digest of the id the account is known by.
        identity: String,
    },
    /// Nothing had to be asked.
    Unchanged,
}

/// The status to write, and what to tell.
#[must_use]
pub fn plan(
    spec: &DesktopProviderSpec,
    status: &DesktopProviderStatus,
    connection: Connection,
    uid: &str,
    limits: &Limits,
    stamp: Stamp,
) -> (DesktopProviderStatus, Vec<Notice>) {
    let mut status = status.clone();
    let mut notices = Vec::new();
    status.observed_generation = stamp.generation;
    let (vendor, location) = spec.vendor();
    status.vendor = Some(vendor.into());
    status.location = Some(location.to_owned());
    match connection {
        Connection::Refused {
            reason,
            message,
            stalled,
        } => {
            status.last_error = None;
            if !stalled {
                stamp.working(&mut status.conditions, reason, &message);
            } else if stamp.stalled(&mut status.conditions, reason, &message) {
                notices.push(Notice::warning(reason, message));
            }
        }
        Connection::Failed(error) => {
            let failure = Failure {
                last_error: &mut status.last_error,
                retry: &mut status.retry,
                conditions: &mut status.conditions,
            };
            notices.extend(failure.record(&error, uid, limits, stamp));
        }
        Connection::Checked {
            catalog,
            service_linked_role,
            identity,
        } => {
            status.identity = Some(identity);
            if !condition::is_true(&status.conditions, condition::READY) {
                notices.push(Notice::normal("Connected", "The account can be used.".into()));
            }
            status.service_linked_role = service_linked_role;
            catalog_into(&mut status, catalog, stamp.now);
            connected(&mut status, stamp);
        }
        Connection::Unchanged => {
            if condition::is_true(&status.conditions, condition::READY) {
                connected(&mut status, stamp);
            }
        }
    }
    (status, notices)
}

fn connected(status: &mut DesktopProviderStatus, stamp: Stamp) {
    status.last_error = None;
    status.retry = None;
    stamp.ready(&mut status.conditions, "Connected", "The account can be used.");
}

/// Why an account is not used after its credentials began to name another one: what its objects have recorded is not
/// there. Taken for the old account, it would make everything look deleted.
#[must_use]
pub fn wrong_account(recorded: &[String], identity: &str) -> String {
    format!(
        "The credentials name another account than before, and nothing of what objects of this provider have recorded \
         ({}) is in it. Nothing is called there, so that nothing is taken for deleted. Put the right credentials into the \
         Secret; if this is the account and they are gone, annotate this object with {}={identity}.",
        recorded.iter().take(5).cloned().collect::<Vec<_>>().join(", "),
        crate::api::ACCEPT_IDENTITY_ANNOTATION
    )
}

/// The time of the catalog moves only with its contents: a status that ticks is never at rest.
fn catalog_into(status: &mut DesktopProviderStatus, catalog: Catalog, now: Timestamp) {
    let mut types: Vec<_> = catalog
        .cluster_types
        .into_iter()
        .map(|(zone, cluster_type)| AvailableClusterType {
            zone: condition::truncate(&zone, 128),
            cluster_type: condition::truncate(&cluster_type, 128),
        })
        .collect();
    types.sort();
    types.dedup();
    types.truncate(200);
    let short = |text: String| condition::truncate(&text, 128);
    let flavors: Vec<_> = catalog
        .flavors
        .into_iter()
        .take(200)
        .map(|flavor| AvailableFlavor {
            id: short(flavor.id),
            cpus: flavor.cpus,
            memory_gib: flavor.memory_gib,
            gpu: flavor.gpu.map(short),
            price: flavor.price.map(short),
            available: flavor.available,
        })
        .collect();
    let regions: Vec<_> = catalog
        .regions
        .iter()
        .take(100)
        .map(|r| condition::truncate(r, 64))
        .collect();
    let same = types == status.cluster_types && flavors == status.flavors && regions == status.regions;
    if status.catalog_time.is_none() || !same {
        status.catalog_time = Some(Time(now));
    }
    status.regions = regions;
    status.cluster_types = types;
    status.flavors = flavors;
}

/// A deleted provider that is still needed says by whom. `None` when nobody needs it.
#[must_use]
pub fn in_use(
    status: &DesktopProviderStatus,
    users: &[String],
    stamp: Stamp,
) -> Option<(DesktopProviderStatus, Vec<Notice>)> {
    if users.is_empty() {
        return None;
    }
    let mut status = status.clone();
    status.observed_generation = stamp.generation;
    let message = waits_for(users);
    let mut notices = Vec::new();
    if stamp.deletion_blocked(&mut status.conditions, "InUse", &message) {
        notices.push(Notice::warning("DeletionBlocked", message));
    }
    Some((status, notices))
}
