//! What is to happen to which request, and what has passed so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::describe::{Names, Step};

/// Whether the request has taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has not.
    Before,
    /// It has; its answer is at stake.
    After,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It waits for a verdict.
    Hold,
    /// The connection breaks in the middle of the answer.
    Break,
    /// The API server says this instead.
    Status(u16),
}

/// Which request is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The how-manieth of its object, from 1.
    Number(usize),
    /// The first with this label.
    First(&'static str),
}

/// Strikes one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Which.
    pub at: At,
    /// Before or after it takes effect.
    pub moment: Moment,
    /// What happens to it.
    pub effect: Effect,
}

/// What becomes of a request that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It, or its answer, goes on.
    GoOn,
    /// It, or its answer, is lost.
    Drop,
}

/// Shared by the proxies of one operator, so that requests to either side have one order.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    names: Names,
    subjects: HashMap<String, Subject>,
}

#[derive(Default)]
struct Subject {
    passed: Vec<Step>,
    cut: Option<Cut>,
    struck: Option<String>,
    held: Option<oneshot::Sender<Verdict>>,
    concluded: HashMap<usize, u16>,
}

impl Script {
    /// Counts a resource's requests anew, and strikes one of them.
    pub fn cut(&self, subject: &str, cut: Option<Cut>) {
        let fresh = Subject {
            cut,
            ..Subject::default()
        };
        self.lock().subjects.insert(subject.to_owned(), fresh);
    }

    /// Strikes no more of a resource's requests. What is held stays held.
    pub fn disarm(&self, subject: &str) {
        if let Some(subject) = self.lock().subjects.get_mut(subject) {
            subject.cut = None;
        }
    }

    /// What has arrived about a resource since its requests were counted anew.
    pub fn passed(&self, subject: &str) -> Vec<String> {
        let state = self.lock();
        let of = state.subjects.get(subject);
        of.map(|s| s.passed.iter().map(|step| step.label.clone()).collect())
            .unwrap_or_default()
    }

    /// What the cut has struck.
    pub fn struck(&self, subject: &str) -> Option<String> {
        self.lock().subjects.get(subject)?.struck.clone()
    }

    /// What the upstream answered to a resource's request of this number.
    pub fn outcome(&self, subject: &str, number: usize) -> Option<u16> {
        self.lock().subjects.get(subject)?.concluded.get(&number).copied()
    }

    /// Whether one of a resource's requests is held.
    pub fn holds(&self, subject: &str) -> bool {
        self.lock().subjects.get(subject).is_some_and(|s| s.held.is_some())
    }

    /// Decides on what is held, if anything is.
    pub fn release(&self, subject: &str, verdict: Verdict) {
        let held = self.lock().subjects.get_mut(subject).and_then(|s| s.held.take());
        if let Some(held) = held {
            let _ = held.send(verdict);
        }
    }

    /// A request has arrived; what is to happen to it.
    pub(super) fn arrived(&self, step: &mut Step) -> Option<Cut> {
        let mut state = self.lock();
        let subject = state.subjects.entry(step.subject.clone()).or_default();
        step.number = subject.passed.len() + 1;
        subject.passed.push(step.clone());
        let cut = subject.cut.filter(|cut| match cut.at {
            At::Number(number) => number == step.number,
            At::First(label) => label == step.label,
        })?;
        subject.cut = None;
        if cut.effect != Effect::Hold {
            subject.struck = Some(step.label.clone());
        }
        Some(cut)
    }

    /// The upstream has answered.
    pub(super) fn concluded(&self, step: &Step, status: u16) {
        if let Some(subject) = self.lock().subjects.get_mut(&step.subject) {
            subject.concluded.insert(step.number, status);
        }
    }

    /// Holds a request until there is a verdict.
    pub(super) async fn hold(&self, step: &Step) -> Verdict {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.lock();
            let subject = state.subjects.entry(step.subject.clone()).or_default();
            subject.struck = Some(step.label.clone());
            subject.held = Some(sender);
        }
        receiver.await.unwrap_or(Verdict::Drop)
    }

    pub(super) fn with_names<T>(&self, look: impl FnOnce(&mut Names) -> T) -> T {
        look(&mut self.lock().names)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
