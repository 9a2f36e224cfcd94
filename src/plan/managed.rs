//! What the statuses of everything that is made at a vendor have in common, and what becomes of it when the vendor has
//! answered.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{Failure, Limits, Notice, after, attempted, last_error, retry_wait, until};
use crate::api::common::{Binding, CreateIntent, CreatePhase, LastError, OperationStatus, RetryStatus};
use crate::api::condition::Stamp;
use crate::api::{DesktopClusterStatus, DesktopImageStatus, DesktopPoolStatus, DesktopStatus};
use crate::backend::{BackendError, ErrorClass, Operation, Receipt, Task, TaskKind};

/// A status of something that is made at a vendor.
pub trait Managed {
    /// The parts that all such statuses have.
    fn parts(&mut self) -> Parts<'_>;
}

/// The parts that all statuses of made things have.
pub struct Parts<'a> {
    /// The vendor's id.
    pub id: &'a mut Option<String>,
    /// To which resource, account and place the id belongs.
    pub binding: &'a mut Option<Binding>,
    /// A creation that is not finished.
    pub create: &'a mut Option<CreateIntent>,
    /// What the vendor is doing.
    pub operation: &'a mut Option<OperationStatus>,
    /// Last error, while there is one.
    pub last_error: &'a mut Option<LastError>,
    /// When what failed is tried again.
    pub retry: &'a mut Option<RetryStatus>,
    /// Conditions.
    pub conditions: &'a mut Vec<Condition>,
}

macro_rules! managed {
    ($status:ty) => {
        impl Managed for $status {
            fn parts(&mut self) -> Parts<'_> {
                Parts {
                    id: &mut self.id,
                    binding: &mut self.binding,
                    create: &mut self.create,
                    operation: &mut self.operation,
                    last_error: &mut self.last_error,
                    retry: &mut self.retry,
                    conditions: &mut self.conditions,
                }
            }
        }
    };
}

managed!(DesktopClusterStatus);
managed!(DesktopStatus);
managed!(DesktopImageStatus);
managed!(DesktopPoolStatus);

/// The operation shown while the task of a creation runs.
pub const CREATION: &str = "Create";

/// Whether a call may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Now.
    Now,
    /// It was sent; its effect is waited for that much longer before it is repeated.
    Sent(Duration),
    /// It failed and is tried again after that time; what failed is already said.
    Refused(Duration),
}

impl Parts<'_> {
    /// Whether a call of `action` may be sent now.
    #[must_use]
    pub fn turn(&self, action: &str, generation: i64, limits: &Limits, now: Timestamp) -> Turn {
        if let Some(wait) = retry_wait(self.retry.as_ref(), generation, now) {
            return Turn::Refused(wait);
        }
        // After a refusal there is no effect to wait for.
        let sent = self
            .operation
            .as_ref()
            .filter(|o| o.action == action && self.retry.is_none());
        let pending = sent.map(|operation| {
            let doublings = u32::try_from(operation.attempts.saturating_sub(1))
                .unwrap_or_default()
                .min(4);
            until(
                now,
                after(operation.start_time.0, limits.resend.saturating_mul(1 << doublings)),
            )
        });
        match pending {
            Some(left) if !left.is_zero() => Turn::Sent(left),
            _ => Turn::Now,
        }
    }

    /// The task that is still worth polling, as long as its time has not run out.
    #[must_use]
    pub fn task(&self, kind: TaskKind, object_id: &str, limits: &Limits, now: Timestamp) -> Option<Task> {
        let operation = self.operation.as_ref()?;
        let task_id = operation.task_id.clone()?;
        let late = now > after(operation.start_time.0, limits.task_deadline);
        (!late).then(|| Task::new(kind, object_id, task_id))
    }

    /// A task ended, or cannot be polled any more: what was reached is read without it. A failure is recorded like that
    /// of a call; what a human should be told of it comes back.
    pub fn task_ended(
        &mut self,
        failure: Option<&BackendError>,
        uid: &str,
        limits: &Limits,
        stamp: Stamp,
    ) -> Option<Notice> {
        if let Some(operation) = self.operation.as_mut() {
            operation.task_id = None;
        }
        failure.and_then(|error| self.failed(error, uid, limits, stamp))
    }

    /// The task of a creation whose object has no id yet ended.
    pub fn creation_ended(
        &mut self,
        failure: Option<&BackendError>,
        uid: &str,
        limits: &Limits,
        stamp: Stamp,
    ) -> Option<Notice> {
        let intent = self.create.as_mut()?;
        intent.task_id = None;
        let error = failure?;
        intent.phase = CreatePhase::Failed;
        self.failed(error, uid, limits, stamp)
    }

    /// Nothing is going on and nothing has failed.
    pub fn settle(&mut self) {
        *self.operation = None;
        *self.last_error = None;
        *self.retry = None;
    }

    /// Records which vendor object belongs to the resource.
    pub fn bind(&mut self, id: String, binding: Binding) {
        *self.id = Some(id);
        *self.binding = Some(binding);
        *self.create = None;
        self.settle();
    }

    /// An operation was answered; what a human should be told comes back.
    pub fn answered(
        &mut self,
        operation: &Operation,
        answer: &Result<Receipt, BackendError>,
        uid: &str,
        limits: &Limits,
        stamp: Stamp,
    ) -> Option<Notice> {
        self.answered_as(operation.name(), answer, uid, limits, stamp)
    }

    /// As [`answered`](Self::answered), of what is called `action`.
    pub fn answered_as(
        &mut self,
        action: &str,
        answer: &Result<Receipt, BackendError>,
        uid: &str,
        limits: &Limits,
        stamp: Stamp,
    ) -> Option<Notice> {
        let task = answer.as_ref().ok().and_then(|receipt| receipt.task.as_ref());
        let task_id = task.map(|task| task.task_id.clone());
        *self.operation = Some(attempted(self.operation.as_ref(), action, task_id, stamp.now));
        match answer {
            Ok(_) => {
                *self.last_error = None;
                *self.retry = None;
                None
            }
            Err(error) => self.failed(error, uid, limits, stamp),
        }
    }

    /// A creation was answered. When the answer is in doubt the intent stays open, and the object is looked for.
    pub fn created(
        &mut self,
        intent: &CreateIntent,
        mut binding: Binding,
        answer: &Result<Receipt, BackendError>,
        limits: &Limits,
        stamp: Stamp,
    ) -> Option<Notice> {
        match answer {
            Ok(Receipt { id: Some(id), .. }) => {
                // What lives in no cluster is one itself.
                binding.cluster_id.get_or_insert_with(|| id.clone());
                self.bind(id.clone(), binding);
                if let Ok(Receipt { task: Some(task), .. }) = answer {
                    *self.operation = Some(OperationStatus {
                        action: CREATION.into(),
                        task_id: Some(task.task_id.clone()),
                        start_time: Time(stamp.now),
                        attempts: intent.attempt,
                    });
                }
            }
            // Made by a task that does not yet say what: it is found by its mark.
            Ok(receipt) => {
                if let (Some(task), Some(open)) = (&receipt.task, self.create.as_mut()) {
                    open.task_id = Some(task.task_id.clone());
                }
                *self.last_error = None;
            }
            // A refusal of the same attempt sent again says nothing about the first time it was sent.
            Err(error) if error.class == ErrorClass::Ambiguous || intent.first_start_time.is_some() => {
                *self.last_error = Some(last_error(error));
            }
            Err(error) => {
                *self.create = Some(CreateIntent {
                    phase: CreatePhase::Failed,
                    ..intent.clone()
                });
                return self.failed(error, &binding.uid, limits, stamp);
            }
        }
        None
    }

    fn failed(&mut self, error: &BackendError, uid: &str, limits: &Limits, stamp: Stamp) -> Option<Notice> {
        let failure = Failure {
            last_error: self.last_error,
            retry: self.retry,
            conditions: self.conditions,
        };
        failure.record(error, uid, limits, stamp)
    }
}
