//! What to do about one DesktopCluster.

mod deletion;
mod steady;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use secrecy::SecretString;

use super::managed::{Managed, Turn};
pub use super::provider::ProviderView;
use super::{Limits, Notice, Pace, create, explain, last_error};
use crate::api::cluster::{
    ClusterState, DEFAULT_GWS_CLUSTER_TYPE, DesktopClusterSpec, DesktopClusterStatus, Orphan, SessionSummary,
};
use crate::api::common::Binding;
use crate::api::condition::{self, Truth};
use crate::backend::capabilities::ClusterOrigin;
use crate::backend::{
    BackendError, Capabilities, ClusterSpec, DirectoryState, ObservedCluster, Operation, PolicyValues, Receipt, Task,
    TaskKind,
};

/// What the vendor says of the recorded id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    /// Not asked, or no answer that can be trusted.
    Unknown,
    /// Not there; `confirmed` when two answers in a row agree.
    Absent {
        /// Two answers in a row agree.
        confirmed: bool,
    },
    /// As answered.
    Present(&'a ObservedCluster),
}

/// The password of the directory's account.
#[derive(Clone, Debug)]
pub enum Password {
    /// Not needed.
    NotNeeded,
    /// The Secret or its key is missing.
    Missing(String),
    /// There it is, with the version of the Secret it came from.
    Found {
        /// The password.
        secret: SecretString,
        /// `uid/resourceVersion` of the Secret.
        version: String,
    },
}

/// Everything a decision depends on.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Name of the resource.
    pub name: &'a str,
    /// UID of the resource.
    pub uid: &'a str,
    /// Its generation.
    pub generation: i64,
    /// Deletion was asked for.
    pub deleting: bool,
    /// It is paused by annotation.
    pub paused: bool,
    /// Value of the abandon annotation.
    pub abandon: Option<&'a str>,
    /// Value of the retry-create annotation.
    pub retry_create: Option<i32>,
    /// Spec.
    pub spec: &'a DesktopClusterSpec,
    /// Status as last written.
    pub status: &'a DesktopClusterStatus,
    /// Its account.
    pub provider: ProviderView,
    /// What the vendor can do; `None` while the account is not connected.
    pub capabilities: Option<&'a Capabilities>,
    /// The recorded or adopted id.
    pub observed: Observation<'a>,
    /// Why the vendor could not be asked.
    pub error: Option<&'a BackendError>,
    /// When the latest complete listing of clusters was begun, if one was needed.
    pub listing_started: Option<Timestamp>,
    /// Clusters listed where this one is to be ([`is_there`]).
    pub in_network: &'a [String],
    /// Networks of the other clusters listed, for a hint.
    pub elsewhere: &'a [String],
    /// Ids that other resources have recorded.
    pub claimed: &'a [String],
    /// Session policy, when it was read since the last change.
    pub policy: Option<&'a PolicyValues>,
    /// Directory, when it was read since the last change.
    pub directory: Option<&'a DirectoryState>,
    /// The directory account's password.
    pub password: Password,
    /// Desktop resources that name this cluster.
    pub used_by: &'a [String],
    /// Desktops the vendor lists in it, once listed.
    pub listed_desktops: Option<i32>,
    /// Desktops of ours whose resource is gone, once listed.
    pub orphans: Option<Vec<Orphan>>,
    /// Who is connected.
    pub sessions: Option<SessionSummary>,
    /// This process is sending the creation now.
    pub in_flight: bool,
    /// A value no other writer of an intent has.
    pub writer: &'a str,
    /// Limits.
    pub limits: &'a Limits,
    /// Now.
    pub now: Timestamp,
}

/// What to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing.
    None,
    /// Write the status, which holds the intent, and only then send the creation.
    Create(ClusterSpec),
    /// Send one change.
    Submit(Operation),
    /// Poll a task.
    Poll(Task),
    /// Nothing is left to do for a deleted object: let it go.
    Release,
}

/// The decision.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At most one action.
    pub action: Action,
    /// The status to write, before the action's own result.
    pub status: DesktopClusterStatus,
    /// Events to publish once the status is written.
    pub notices: Vec<Notice>,
    /// Fields whose drift the action heals.
    pub healing: Vec<&'static str>,
    /// How soon the vendor should be asked again.
    pub pace: Pace,
    /// When to look again at the latest.
    pub again: Duration,
}

/// Whether a listed cluster is where the manifest wants its own.
#[must_use]
pub fn is_there(spec: &DesktopClusterSpec, origin: ClusterOrigin, listed: &ObservedCluster) -> bool {
    let wants_default = spec.capital_online.as_ref().is_some_and(|c| c.default_network);
    match (origin, &spec.network.vpc_id) {
        _ if listed.state == ClusterState::Deleted => false,
        (_, Some(vpc_id)) => listed.vpc_id.as_ref() == Some(vpc_id),
        (ClusterOrigin::Network, None) => wants_default && listed.default_network,
        (ClusterOrigin::Tenant, None) => true,
        (ClusterOrigin::Created, None) => false,
    }
}

/// Decides.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let mut draft = Draft::new(inputs);
    if inputs.paused {
        draft.paused();
    } else if inputs.deleting {
        draft.delete();
    } else {
        draft.converge();
    }
    draft.finish()
}

/// The status after an action was answered, and what a human should be told of it.
#[must_use]
pub fn answered(
    inputs: &Inputs<'_>,
    mut status: DesktopClusterStatus,
    operation: &Operation,
    answer: &Result<Receipt, BackendError>,
) -> (DesktopClusterStatus, Option<Notice>) {
    let stamp = condition::Stamp {
        generation: inputs.generation,
        now: inputs.now,
    };
    let told = status
        .parts()
        .answered(operation, answer, inputs.uid, inputs.limits, stamp);
    if answer.is_ok() {
        match (operation, &inputs.password) {
            (Operation::SetDirectory { .. }, Password::Found { version, .. }) => {
                status.directory_secret_version = Some(version.clone());
            }
            (Operation::SetNat { nat, .. }, _) => status.nat_managed = nat.is_some(),
            _ => {}
        }
    }
    (status, told)
}

/// The status after a task was asked about and does not run any more.
#[must_use]
pub fn polled(
    inputs: &Inputs<'_>,
    mut status: DesktopClusterStatus,
    outcome: Result<(), &BackendError>,
) -> (DesktopClusterStatus, Option<Notice>) {
    let stamp = condition::Stamp {
        generation: inputs.generation,
        now: inputs.now,
    };
    let (failure, uid, limits) = (outcome.err(), inputs.uid, inputs.limits);
    let told = if status.id.is_none() {
        status.parts().creation_ended(failure, uid, limits, stamp)
    } else {
        status.parts().task_ended(failure, uid, limits, stamp)
    };
    (status, told)
}

/// A plan while it is being made.
struct Draft<'a> {
    inputs: &'a Inputs<'a>,
    status: DesktopClusterStatus,
    action: Action,
    notices: Vec<Notice>,
    healing: Vec<&'static str>,
    pace: Pace,
    again: Duration,
}

impl<'a> Draft<'a> {
    crate::plan::draft::drafting!("cluster");

    fn new(inputs: &'a Inputs<'a>) -> Self {
        let mut status = inputs.status.clone();
        status.observed_generation = inputs.generation;
        if !inputs.paused {
            condition::clear(&mut status.conditions, condition::PAUSED);
        }
        let (action, notices, healing) = (Action::None, Vec::new(), Vec::new());
        Self {
            inputs,
            status,
            action,
            notices,
            healing,
            pace: Pace::Slow,
            again: inputs.limits.slow,
        }
    }

    fn finish(mut self) -> Plan {
        super::speak_of_generation(
            &self.status.conditions,
            &mut self.status.observed_generation,
            self.inputs.status.observed_generation,
        );
        let fast = if self.pace == Pace::Fast {
            self.inputs.limits.fast
        } else {
            self.inputs.limits.slow
        };
        Plan {
            action: self.action,
            status: self.status,
            notices: self.notices,
            healing: self.healing,
            pace: self.pace,
            again: self.again.min(fast),
        }
    }

    fn paused(&mut self) {
        let message = "Paused by annotation: nothing is called at the vendor, deletion included.";
        self.set(condition::PAUSED, Truth::True, "Paused", message);
    }

    fn converge(&mut self) {
        condition::clear(&mut self.status.conditions, condition::DELETION_BLOCKED);
        if self.foreign_binding() {
            return;
        }
        if let ProviderView::Unusable {
            reason,
            message,
            stalled,
        } = &self.inputs.provider
        {
            if *stalled {
                return self.stalled(reason, message);
            }
            self.stamp().working(&mut self.status.conditions, reason, message);
            return;
        }
        if let Some(id) = self
            .inputs
            .spec
            .existing_id
            .as_ref()
            .filter(|id| self.inputs.claimed.contains(id))
        {
            // Both stop, whoever came first: nobody knows which of them was meant.
            let message = format!(
                "spec.existingId {id} belongs to another DesktopCluster too; delete the one that should not have it."
            );
            return self.stalled("AlreadyClaimed", &message);
        }
        if self.status.id.is_some() {
            match self.inputs.observed {
                Observation::Unknown => self.unobserved(),
                Observation::Absent { .. } if self.not_yet_listed() => {
                    self.working("Creating", "The cluster was created; the vendor does not list it yet.");
                }
                Observation::Absent { confirmed: false } => self.pace = Pace::Fast,
                Observation::Absent { confirmed: true } => self.lost(),
                Observation::Present(observed) => self.steady(observed),
            }
        } else if let Some(existing) = &self.inputs.spec.existing_id {
            self.adopt_existing(existing);
        } else {
            self.create();
        }
    }

    /// Unknown is not absent: what was last known stays, and a failure is said.
    fn unobserved(&mut self) {
        if self.status.state.is_none() {
            // It was just recorded, and is not read yet: waited for, not left alone.
            self.pace = Pace::Fast;
        }
        let Some(error) = self.inputs.error else { return };
        self.status.last_error = Some(last_error(error));
        let message = format!("The cluster cannot be observed. {}", explain::message(error));
        if error.class.heals_by_itself() {
            self.stamp()
                .unknown(&mut self.status.conditions, explain::reason(error.class), &message);
        } else {
            self.stalled(explain::reason(error.class), &message);
        }
    }

    /// Recorded a short while ago and never yet listed: vendors list new objects late.
    fn not_yet_listed(&self) -> bool {
        let young = |b: &Binding| self.inputs.now < super::after(b.since_time.0, self.inputs.limits.settle);
        self.status.state.is_none() && self.status.binding.as_ref().is_some_and(young)
    }

    fn lost(&mut self) {
        let id = self.status.id.clone().unwrap_or_default();
        self.status.state = Some(ClusterState::Deleted);
        self.status.vendor_state = None;
        let message = format!(
            "Cluster {id} has vanished at the vendor, and its desktops with it. It is not created again; delete this \
             object when nothing of it is needed."
        );
        self.stalled("Lost", &message);
    }

    fn adopt_existing(&mut self, id: &str) {
        match self.inputs.observed {
            Observation::Present(observed) => {
                if let (Some(wanted), Some(vpc)) = (&self.inputs.spec.network.vpc_id, &observed.vpc_id)
                    && wanted != vpc
                {
                    let message = format!("spec.network.vpcId is {wanted}, but cluster {id} is in {vpc}.");
                    return self.stalled("WrongNetwork", &message);
                }
                self.bind(id.to_owned(), true);
                self.notices
                    .push(Notice::normal("Adopted", format!("Cluster {id} was adopted.")));
                self.working("Adopting", "The cluster was adopted.");
            }
            Observation::Absent { confirmed: true } => {
                self.stalled(
                    "NotFoundAtVendor",
                    &format!("spec.existingId {id} does not exist in this account."),
                );
            }
            Observation::Absent { confirmed: false } => self.working("Adopting", "Looking for the cluster to adopt."),
            Observation::Unknown => self.unlisted(),
        }
    }

    fn bind(&mut self, id: String, adopted: bool) {
        let binding = Binding {
            uid: self.inputs.uid.to_owned(),
            provider: self.inputs.spec.provider_ref.name.clone(),
            cluster_id: Some(id.clone()),
            since_time: Time(self.inputs.now),
            adopted,
        };
        self.status.parts().bind(id, binding);
    }

    fn unlisted(&mut self) {
        match self.inputs.error {
            Some(error) => {
                self.status.last_error = Some(last_error(error));
                let (reason, message) = (explain::reason(error.class), explain::message(error));
                if error.class.heals_by_itself() {
                    self.stamp().working(&mut self.status.conditions, reason, &message);
                } else {
                    self.stalled(reason, &message);
                }
            }
            None => self.working("Listing", "Waiting for a listing of what exists at the vendor."),
        }
    }

    fn create(&mut self) {
        if self.inputs.listing_started.is_none() && !self.inputs.in_flight {
            return self.unlisted();
        }
        if self.origin() != ClusterOrigin::Created && self.take_existing() {
            return;
        }
        let candidates = self.candidates();
        match create::decide(&self.create_inputs(&candidates)) {
            create::Decision::Adopt { id, .. } => {
                self.bind(id.clone(), self.origin() != ClusterOrigin::Created);
                self.notices
                    .push(Notice::normal("Found", format!("Cluster {id} was found and recorded.")));
                self.working("Creating", "The cluster was found at the vendor.");
            }
            create::Decision::Wait { intent, message, again } => {
                self.status.create = intent;
                self.working("Creating", &message);
                self.again = again;
            }
            create::Decision::Stall { intent, message } => {
                self.status.create = Some(intent);
                self.stalled("CreateOutcomeUnknown", &message);
            }
            create::Decision::Attempt(attempt) => self.attempt(attempt),
            create::Decision::Poll(task_id) => self.wait_for_creation(task_id),
            // No cluster is created by token.
            create::Decision::Resend => {}
        }
    }

    fn wait_for_creation(&mut self, task_id: String) {
        self.working("Creating", "The vendor is making the cluster.");
        self.action = Action::Poll(Task::new(TaskKind::Job, "", task_id));
    }

    fn origin(&self) -> ClusterOrigin {
        self.inputs.capabilities.map_or(ClusterOrigin::Created, |c| c.clusters)
    }

    /// Uses what the account has, where clusters are not created like desktops. False when the site's default network
    /// has to be made first.
    fn take_existing(&mut self) -> bool {
        let vendor = self.inputs.capabilities.map_or("The vendor", |c| c.vendor);
        let [id, rest @ ..] = self.inputs.in_network else {
            let spec = self.inputs.spec;
            if spec.capital_online.as_ref().is_some_and(|c| c.default_network) {
                return false;
            }
            let hint = match self.inputs.elsewhere {
                [] => "the account has none".to_owned(),
                others => format!("the account has {}", others.join(", ")),
            };
            let message = format!(
                "{vendor} has no place for desktops in spec.network.vpcId {}; {hint}. Set it up at the vendor, or                  create this object again with another network.",
                spec.network.vpc_id.as_deref().unwrap_or("(none)")
            );
            self.stalled("NotFoundAtVendor", &message);
            return true;
        };
        if !rest.is_empty() {
            let all = self.inputs.in_network.join(", ");
            let message = format!("More than one cluster is there ({all}): name one of them in spec.existingId.");
            self.stalled("Ambiguous", &message);
            return true;
        }
        if self.inputs.claimed.contains(id) {
            let message = format!("{id} belongs to another DesktopCluster; delete the one that should not have it.");
            self.stalled("AlreadyClaimed", &message);
            return true;
        }
        // What a vendor has once is never deleted by us, whoever had it made.
        self.bind(id.clone(), true);
        self.notices.push(Notice::normal(
            "Adopted",
            format!("{id} was found at {vendor} and is used."),
        ));
        self.working("Adopting", "The cluster was found at the vendor.");
        true
    }

    /// Clusters that appeared in our network since the intent and that nobody else has recorded.
    fn candidates(&self) -> Vec<String> {
        let Some(intent) = self.inputs.status.create.as_ref() else {
            return Vec::new();
        };
        let unknown = |id: &&String| !intent.known_ids.contains(id) && !self.inputs.claimed.contains(id);
        self.inputs.in_network.iter().filter(unknown).cloned().collect()
    }

    fn create_inputs<'b>(&'b self, candidates: &'b [String]) -> create::Inputs<'b> {
        create::Inputs {
            intent: self.inputs.status.create.as_ref(),
            in_flight: self.inputs.in_flight,
            listing_started: self.inputs.listing_started,
            candidates,
            identity: match self.origin() {
                ClusterOrigin::Created => create::Identity::Nameless,
                ClusterOrigin::Network | ClusterOrigin::Tenant => create::Identity::Marked,
            },
            prepaid: false,
            allowed_by_human: self.inputs.retry_create,
            limits: self.inputs.limits,
            now: self.inputs.now,
        }
    }

    fn attempt(&mut self, attempt: i32) {
        if self.inputs.in_flight {
            self.again = self.inputs.limits.fast;
            return;
        }
        if let Turn::Refused(wait) = self.turn("CreateCluster") {
            self.again = wait;
            return;
        }
        let spec = self.inputs.spec;
        if self.origin() == ClusterOrigin::Created && spec.network.vpc_id.is_none() {
            let message = "spec.network.vpcId is needed: this vendor makes a cluster in a network of yours.";
            return self.stalled("InvalidSpec", message);
        }
        let request = ClusterSpec {
            cluster_type: spec
                .gws
                .as_ref()
                .map_or_else(|| DEFAULT_GWS_CLUSTER_TYPE.to_owned(), |g| g.cluster_type.clone()),
            vpc_id: spec.network.vpc_id.clone(),
            subnet_id: spec.network.subnet_id.clone(),
        };
        let known = self.inputs.in_network.to_vec();
        let writer = self.inputs.writer.to_owned();
        self.status.create = Some(create::intent(
            attempt,
            None,
            known,
            writer,
            self.inputs.limits,
            self.inputs.now,
        ));
        self.working("Creating", "The cluster is being created at the vendor.");
        self.action = Action::Create(request);
    }
}
