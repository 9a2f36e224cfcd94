//! Conditions by the Kubernetes API conventions and kstatus: `Ready` always, `Reconciling` and `Stalled` only while
//! true, each with the generation it speaks of.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// Actual equals wanted.
pub const READY: &str = "Ready";
/// The operator or the vendor is working towards the spec.
pub const RECONCILING: &str = "Reconciling";
/// Nothing more happens until a human changes something.
pub const STALLED: &str = "Stalled";
/// The session policy (cluster) or display policy (desktop) is as declared.
pub const POLICY_ENFORCED: &str = "PolicyEnforced";
/// The directory link is as declared.
pub const DIRECTORY_JOINED: &str = "DirectoryJoined";
/// The object is paused by annotation.
pub const PAUSED: &str = "Paused";
/// Deletion was asked for and waits for what the message says.
pub const DELETION_BLOCKED: &str = "DeletionBlocked";
/// A roll-out was stopped, because desktops that were changed have failed.
pub const ROLLOUT_HALTED: &str = "RolloutHalted";
/// A pool has more desktops than it should, and may not remove them.
pub const SCALE_IN_BLOCKED: &str = "ScaleInBlocked";
/// The term that was paid for ends soon.
pub const EXPIRING_SOON: &str = "ExpiringSoon";
/// More than one vendor object carries this resource's name.
pub const DUPLICATE: &str = "Duplicate";

/// Longest message a condition may carry.
pub const MAX_MESSAGE: usize = 1024;

/// The value of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// `True`
    True,
    /// `False`
    False,
    /// `Unknown`
    Unknown,
}

impl Truth {
    /// The API's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Sets one condition; the transition time moves only when the value does.
pub fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    truth: Truth,
    reason: &str,
    message: &str,
    generation: i64,
    now: Timestamp,
) {
    let message = truncate(message, MAX_MESSAGE);
    if let Some(existing) = conditions.iter_mut().find(|c| c.type_ == kind) {
        if existing.status != truth.as_str() {
            existing.status = truth.as_str().into();
            existing.last_transition_time = Time(now);
        }
        existing.reason = reason.into();
        existing.message = message;
        existing.observed_generation = Some(generation);
        return;
    }
    conditions.push(Condition {
        type_: kind.into(),
        status: truth.as_str().into(),
        reason: reason.into(),
        message,
        observed_generation: Some(generation),
        last_transition_time: Time(now),
    });
    conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
}

/// The generation and moment that a pass stamps its conditions with.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Generation of the object the pass looked at.
    pub generation: i64,
    /// When it looked.
    pub now: Timestamp,
}

impl Stamp {
    /// Sets one condition.
    pub fn set(&self, conditions: &mut Vec<Condition>, kind: &str, truth: Truth, reason: &str, message: &str) {
        set(conditions, kind, truth, reason, message, self.generation, self.now);
    }

    /// Actual equals wanted.
    pub fn ready(&self, conditions: &mut Vec<Condition>, reason: &str, message: &str) {
        self.set(conditions, READY, Truth::True, reason, message);
        clear(conditions, RECONCILING);
        clear(conditions, STALLED);
    }

    /// Work is going on, or is waited for.
    pub fn working(&self, conditions: &mut Vec<Condition>, reason: &str, message: &str) {
        self.set(conditions, READY, Truth::False, reason, message);
        self.set(conditions, RECONCILING, Truth::True, reason, message);
        clear(conditions, STALLED);
    }

    /// Nothing more happens until a human changes something. True when that was not said before.
    pub fn stalled(&self, conditions: &mut Vec<Condition>, reason: &str, message: &str) -> bool {
        let news = find(conditions, STALLED).is_none_or(|c| c.reason != reason);
        self.set(conditions, READY, Truth::False, reason, message);
        self.set(conditions, STALLED, Truth::True, reason, message);
        clear(conditions, RECONCILING);
        news
    }

    /// Nothing is known at the moment.
    pub fn unknown(&self, conditions: &mut Vec<Condition>, reason: &str, message: &str) {
        self.set(conditions, READY, Truth::Unknown, reason, message);
    }

    /// Deletion cannot go on; said in `Ready` too, where people look first. True when that was not said before.
    pub fn deletion_blocked(&self, conditions: &mut Vec<Condition>, reason: &str, message: &str) -> bool {
        let news = find(conditions, DELETION_BLOCKED).is_none_or(|c| c.reason != reason);
        self.set(conditions, DELETION_BLOCKED, Truth::True, reason, message);
        self.set(conditions, READY, Truth::False, "DeletionBlocked", message);
        clear(conditions, RECONCILING);
        clear(conditions, STALLED);
        news
    }
}

/// Removes a condition that is only present while true.
pub fn clear(conditions: &mut Vec<Condition>, kind: &str) {
    conditions.retain(|c| c.type_ != kind);
}

/// The condition of this type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}

/// Whether the condition is `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|c| c.status == "True")
}

/// Cuts a text to at most `max` bytes on a character boundary.
#[must_use]
pub fn truncate(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max.saturating_sub(3))
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0);
    format!("{}…", &text[..end])
}
