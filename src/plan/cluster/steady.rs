//! A cluster that exists: report it, and correct one thing at a time.

use super::{Action, Draft, Password};
use crate::api::cluster::{Directory, NetworkPart, PolicyEnforcement, PolicyState};
use crate::api::condition::{self, Truth};
use crate::backend::model::{self as backend, ClusterState};
use crate::backend::{ObservedCluster, Operation, TaskKind};
use crate::plan::managed::{Managed, Turn};
use crate::plan::{Notice, Pace, after, policy, readable};

fn parts(of: &[backend::NetworkPart]) -> Vec<NetworkPart> {
    let short = |text: &Option<String>, max| text.as_deref().map(|t| condition::truncate(t, max));
    let shown = of.iter().take(50).map(|part| NetworkPart {
        id: condition::truncate(&part.id, 256),
        name: short(&part.name, 256),
        state: short(&part.state, 64),
    });
    shown.collect()
}

/// How one part of the cluster stands.
enum Part {
    /// As wanted, or nothing is wanted.
    Settled,
    /// Something is going on; the draft says what.
    Busy,
    /// It cannot be had; the rest of the cluster goes on.
    Broken { reason: &'static str, message: String },
}

impl Draft<'_> {
    /// Writes what the vendor reports into the status.
    pub(super) fn report(&mut self, observed: &ObservedCluster) {
        let short = |text: &Option<String>| text.as_deref().map(|t| condition::truncate(t, 256));
        let status = &mut self.status;
        status.state = Some(observed.state);
        status.vendor_state = Some(condition::truncate(&observed.vendor_state, 256));
        status.display_name = short(&observed.name);
        status.domain_name = short(&observed.domain_name);
        status.nat_id = short(&observed.nat_id);
        status.nat_eip = observed.nat_eip.as_deref().map(|t| condition::truncate(t, 64));
        status.subnets = parts(&observed.subnets);
        status.gateways = parts(&observed.gateways);
        status.desktops = self
            .inputs
            .listed_desktops
            .or_else(|| {
                observed
                    .desktops
                    .and_then(|n| i32::try_from(n).ok())
                    .filter(|n| *n >= 0)
            })
            .or(status.desktops);
        // What is not known yet, as after a restart, does not replace what was.
        if self.inputs.sessions.is_some() {
            status.sessions.clone_from(&self.inputs.sessions);
        }
        if let Some(orphans) = &self.inputs.orphans {
            status.orphans = orphans.iter().take(50).cloned().collect();
        }
    }

    pub(super) fn steady(&mut self, observed: &ObservedCluster) {
        self.report(observed);
        match observed.state {
            ClusterState::Creating => {
                self.session_policy(None);
                self.working("Creating", "The vendor is making the cluster.");
            }
            ClusterState::InDebt => {
                let message = "The vendor holds the cluster back for unpaid bills (indebt): settle them there.";
                self.stalled("BillingProblem", message);
            }
            ClusterState::Failed => {
                self.stalled(
                    "FailedAtVendor",
                    "The vendor reports a fault of the cluster: look into its console.",
                );
            }
            ClusterState::Deleted => self.lost(),
            ClusterState::Unknown => {
                let message = format!(
                    "The vendor reports a state that is not known here: {:?}. Nothing is done because of it.",
                    condition::truncate(&observed.vendor_state, 128)
                );
                self.stamp()
                    .unknown(&mut self.status.conditions, "UnknownState", &message);
                condition::clear(&mut self.status.conditions, condition::RECONCILING);
                condition::clear(&mut self.status.conditions, condition::STALLED);
            }
            ClusterState::Running => self.correct(observed),
        }
    }

    /// One correction at a time, in this order: what is missing of it, name, policy, directory, NAT.
    fn correct(&mut self, observed: &ObservedCluster) {
        if self.wait_for_task(observed) {
            return;
        }
        let parts = [Self::repair, Self::name, Self::policy, Self::directory, Self::nat];
        let mut broken = None;
        for part in parts {
            match part(self, observed) {
                Part::Settled => {}
                Part::Busy => return,
                Part::Broken { reason, message } => broken = broken.or(Some((reason, message))),
            }
        }
        if let Some((reason, message)) = broken {
            return self.stalled(reason, &message);
        }
        self.conclude();
    }

    fn conclude(&mut self) {
        let unsupported = policy::fields_in(&self.status.policy, PolicyState::Unsupported);
        let words = if unsupported.is_empty() {
            "The cluster runs and is as declared.".to_owned()
        } else {
            format!(
                "The cluster runs. The vendor cannot enforce: {} (BestEffort).",
                unsupported.join(", ")
            )
        };
        if !condition::is_true(&self.status.conditions, condition::READY) {
            self.notices.push(Notice::normal("Ready", words.clone()));
        }
        self.stamp().ready(&mut self.status.conditions, "Running", &words);
        self.status.parts().settle();
        self.pace = Pace::Slow;
    }

    /// True while a task of the vendor is worth polling.
    fn wait_for_task(&mut self, observed: &ObservedCluster) -> bool {
        let Some(operation) = self.status.operation.clone() else {
            return false;
        };
        if operation.task_id.is_none() {
            return false;
        }
        let kind = match operation.action.as_str() {
            "SetPolicy" => TaskKind::Policy,
            "SetDirectory" | "RemoveDirectory" => TaskKind::Directory,
            _ => TaskKind::Job,
        };
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        let Some(task) = self.status.parts().task(kind, &observed.id, limits, now) else {
            // A task that never ends: what was reached is read without it.
            if let Some(kept) = self.status.operation.as_mut() {
                kept.task_id = None;
            }
            return false;
        };
        self.action = Action::Poll(task);
        let until = readable(after(operation.start_time.0, self.inputs.limits.task_deadline));
        let waiting = format!("The vendor's task is waited for until {until}; then the result is read without it.");
        match kind {
            TaskKind::Policy => {
                self.session_policy(None);
                self.working("SettingPolicy", &format!("The session policy is being set. {waiting}"));
            }
            TaskKind::Directory => {
                let words = format!("The link to the directory is being set. {waiting}");
                self.working("JoiningDirectory", &words);
            }
            _ => self.working("Working", &format!("{} is under way. {waiting}", operation.action)),
        }
        true
    }

    /// Has the vendor supply what is missing of a network that was made for us.
    fn repair(&mut self, observed: &ObservedCluster) -> Part {
        let ours = self
            .inputs
            .spec
            .capital_online
            .as_ref()
            .is_some_and(|c| c.default_network);
        if !observed.incomplete || !ours {
            return Part::Settled;
        }
        let operation = Operation::RepairCluster {
            cluster_id: observed.id.clone(),
        };
        let words = "Something of the network is missing; the vendor is asked to supply it.";
        self.submit(operation, "network", false, "Repairing", words)
    }

    fn name(&mut self, observed: &ObservedCluster) -> Part {
        let adopted = self.status.binding.as_ref().is_some_and(|b| b.adopted);
        if let Some(capabilities) = self.inputs.capabilities.filter(|c| !c.rename_cluster) {
            if self.inputs.spec.display_name.is_none() {
                return Part::Settled;
            }
            let message = format!(
                "spec.displayName cannot be set: {} has no name for this.",
                capabilities.vendor
            );
            return Part::Broken {
                reason: "Unsupported",
                message,
            };
        }
        let wanted = match &self.inputs.spec.display_name {
            Some(name) => name.clone(),
            None if adopted => return Part::Settled,
            None => self.inputs.name.to_owned(),
        };
        if observed.name.as_ref() == Some(&wanted) {
            return Part::Settled;
        }
        let words = format!("The name is being set to {wanted}.");
        let drifted = self.inputs.status.display_name.as_ref() == Some(&wanted);
        let operation = Operation::RenameCluster {
            cluster_id: observed.id.clone(),
            name: wanted,
        };
        self.submit(operation, "displayName", drifted, "Renaming", &words)
    }

    /// Rows from what was read, or from what is known when nothing was.
    fn session_policy(&mut self, read: Option<&crate::backend::PolicyValues>) {
        let (Some(wanted), Some(capabilities)) = (&self.inputs.spec.policy, self.inputs.capabilities) else {
            self.status.policy.clear();
            policy::set_condition(
                &mut self.status.conditions,
                &[],
                self.inputs.generation,
                self.inputs.now,
            );
            return;
        };
        let values = policy::session_values(wanted, capabilities.policy_fields);
        self.status.policy = policy::rows(&values, read, capabilities.policy_fields, &self.inputs.status.policy);
        let rows = self.status.policy.clone();
        policy::set_condition(
            &mut self.status.conditions,
            &rows,
            self.inputs.generation,
            self.inputs.now,
        );
    }

    fn policy(&mut self, observed: &ObservedCluster) -> Part {
        self.session_policy(self.inputs.policy);
        if self.inputs.error.is_some() && self.inputs.policy.is_none() && policy::needs_change(&self.status.policy) {
            self.unobserved();
            return Part::Busy;
        }
        let Some(wanted) = &self.inputs.spec.policy else {
            return Part::Settled;
        };
        if policy::needs_change(&self.status.policy) {
            if self.inputs.policy.is_none() {
                self.working("ReadingPolicy", "The session policy is being read.");
                return Part::Busy;
            }
            let drifted = policy::fields_in(&self.status.policy, PolicyState::Drifted).join(", ");
            let words = if drifted.is_empty() {
                "The session policy is being set.".to_owned()
            } else {
                format!("The session policy ({drifted}) is being set again.")
            };
            let supported = self.inputs.capabilities.map_or(&[][..], |c| c.policy_fields);
            let values = policy::session_values(wanted, supported);
            let operation = Operation::SetPolicy {
                cluster_id: observed.id.clone(),
                values,
            };
            return self.submit(operation, "policy", !drifted.is_empty(), "SettingPolicy", &words);
        }
        let unsupported = policy::fields_in(&self.status.policy, PolicyState::Unsupported);
        if !unsupported.is_empty() && self.inputs.spec.policy_enforcement == PolicyEnforcement::Strict {
            let vendor = self.inputs.capabilities.map_or("this vendor", |c| c.vendor);
            let message = format!(
                "{vendor} cannot enforce spec.policy.{}. With policyEnforcement Strict no desktop is created; take the \
                 field out, or set BestEffort to accept that.",
                unsupported.join(", spec.policy.")
            );
            return Part::Broken {
                reason: "Unsupported",
                message,
            };
        }
        Part::Settled
    }

    fn directory(&mut self, observed: &ObservedCluster) -> Part {
        match &self.inputs.spec.directory {
            Some(wanted) => self.join(observed, wanted),
            None => self.leave(observed),
        }
    }

    fn join(&mut self, observed: &ObservedCluster, wanted: &Directory) -> Part {
        let not_joined = |draft: &mut Self, reason: &'static str, message: String| {
            draft.set(condition::DIRECTORY_JOINED, Truth::False, reason, &message);
            Part::Broken { reason, message }
        };
        if self.inputs.capabilities.is_some_and(|c| !c.directory) {
            return not_joined(
                self,
                "Unsupported",
                "spec.directory cannot be set at this vendor.".into(),
            );
        }
        let Some(seen) = self.inputs.directory else {
            self.working("ReadingDirectory", "The link to the directory is being read.");
            return Part::Busy;
        };
        if seen.supported == Some(false) {
            let message = "spec.directory: this cluster cannot be linked to a directory; only spec.gws.clusterType \
                           gws.s1.advanced can.";
            return not_joined(self, "Unsupported", message.into());
        }
        let (secret, version) = match &self.inputs.password {
            Password::Found { secret, version } => (secret.clone(), version.clone()),
            Password::Missing(message) => return not_joined(self, "SecretNotFound", message.clone()),
            Password::NotNeeded => return Part::Settled,
        };
        let same = |a: Option<&String>, b: &str| a.is_some_and(|a| a.eq_ignore_ascii_case(b));
        let linked = same(seen.domain_name.as_ref(), &wanted.domain_name) && same(seen.dns_ip.as_ref(), &wanted.dns_ip);
        let applied = self.status.directory_secret_version.clone();
        if linked && applied.as_ref().is_none_or(|v| *v == version) {
            self.status.directory_secret_version = Some(version);
            let message = format!("Linked to {}.", wanted.domain_name);
            self.set(condition::DIRECTORY_JOINED, Truth::True, "Joined", &message);
            return Part::Settled;
        }
        let words = format!("The cluster is being linked to {}.", wanted.domain_name);
        let drifted = !linked && condition::is_true(&self.inputs.status.conditions, condition::DIRECTORY_JOINED);
        self.set(condition::DIRECTORY_JOINED, Truth::False, "Joining", &words);
        let operation = Operation::SetDirectory {
            cluster_id: observed.id.clone(),
            domain_name: wanted.domain_name.clone(),
            dns_ip: wanted.dns_ip.clone(),
            admin: wanted.admin.clone(),
            password: secret,
        };
        self.submit(operation, "directory", drifted, "JoiningDirectory", &words)
    }

    /// Takes back a link that was ours; anybody else's is left alone.
    fn leave(&mut self, observed: &ObservedCluster) -> Part {
        condition::clear(&mut self.status.conditions, condition::DIRECTORY_JOINED);
        if self.status.directory_secret_version.is_none() {
            return Part::Settled;
        }
        let Some(seen) = self.inputs.directory else {
            self.working("ReadingDirectory", "The link to the directory is being read.");
            return Part::Busy;
        };
        let Some(domain_name) = seen.domain_name.clone() else {
            self.status.directory_secret_version = None;
            return Part::Settled;
        };
        let words = format!("The link to {domain_name} is being removed.");
        let dns_ip = seen.dns_ip.clone().unwrap_or_default();
        let operation = Operation::RemoveDirectory {
            cluster_id: observed.id.clone(),
            domain_name,
            dns_ip,
        };
        self.submit(operation, "directory", false, "LeavingDirectory", &words)
    }

    fn nat(&mut self, observed: &ObservedCluster) -> Part {
        let Some(wanted) = &self.inputs.spec.network.nat else {
            if !self.status.nat_managed {
                return Part::Settled;
            }
            if observed.nat_id.is_none() {
                self.status.nat_managed = false;
                return Part::Settled;
            }
            let operation = Operation::SetNat {
                cluster_id: observed.id.clone(),
                nat: None,
            };
            return self.submit(
                operation,
                "network.nat",
                false,
                "DetachingNat",
                "The NAT gateway is being detached.",
            );
        };
        if self.inputs.capabilities.is_some_and(|c| !c.nat) {
            let message = "spec.network.nat cannot be set at this vendor.".to_owned();
            return Part::Broken {
                reason: "Unsupported",
                message,
            };
        }
        let right_eip = wanted.eip.is_none() || wanted.eip == observed.nat_eip;
        if observed.nat_id.as_ref() == Some(&wanted.id) && right_eip {
            self.status.nat_managed = true;
            return Part::Settled;
        }
        let words = format!("NAT gateway {} is being attached.", wanted.id);
        let drifted = self.inputs.status.nat_id.as_ref() == Some(&wanted.id);
        let nat = Some((wanted.id.clone(), wanted.eip.clone()));
        let operation = Operation::SetNat {
            cluster_id: observed.id.clone(),
            nat,
        };
        self.submit(operation, "network.nat", drifted, "AttachingNat", &words)
    }

    /// Sends a correction, unless its effect is still awaited or its failure backed off. `drifted`: it was as declared
    /// before.
    fn submit(&mut self, operation: Operation, field: &'static str, drifted: bool, reason: &str, words: &str) -> Part {
        match self.turn(operation.name()) {
            Turn::Now => {}
            Turn::Sent(left) => {
                self.working(reason, words);
                self.again = left;
                return Part::Busy;
            }
            Turn::Refused(wait) => {
                self.again = wait;
                return Part::Busy;
            }
        }
        // What the last status showed as declared by this very generation, and is not any more, somebody has changed.
        if drifted && self.inputs.status.observed_generation == self.inputs.generation {
            self.healing.push(field);
            let note = format!("{field} was changed behind our back and is set back. {words}");
            self.notices.push(Notice::warning("DriftDetected", note));
        }
        self.working(reason, words);
        self.action = Action::Submit(operation);
        Part::Busy
    }
}
