//! One pass over one object: a span, a deadline, a net for panics, backoff per object, metrics.

use std::any::Any;
use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use tracing::Instrument;

use super::context::{Context, Guarded, lock};
use super::error::Error;
use super::status::{Stored, uid};
use crate::api::condition;
use crate::plan::Notice;

/// How soon the API server is asked again when the watch is behind our own writes.
const BEHIND: Duration = Duration::from_millis(200);
/// Longest wait after a failed pass.
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

/// A kind that is reconciled.
pub trait Kind: Stored {
    /// Name of its controller, in logs and metrics.
    const CONTROLLER: &'static str;

    /// One pass. Vendor errors end in the status; what is returned is when to look again at the latest.
    fn reconcile(context: &Arc<Context>, object: &Arc<Self>) -> impl Future<Output = Result<Duration, Error>> + Send;
}

/// Failures in a row, by object.
#[derive(Debug, Default)]
pub struct Failures(Mutex<HashMap<String, u32>>);

impl Failures {
    fn clear(&self, key: &str) {
        lock(&self.0).remove(key);
    }

    fn next_wait(&self, key: &str) -> Duration {
        let mut all = lock(&self.0);
        let count = all.entry(key.to_owned()).or_default();
        *count = count.saturating_add(1);
        Duration::from_millis(500)
            .saturating_mul(1 << (*count).min(12))
            .min(LONGEST_BACKOFF)
    }
}

/// One pass, whatever happens in it.
pub async fn pass<K: Kind>(
    object: Arc<Guarded<K>>,
    context: Arc<Context>,
    failures: Arc<Failures>,
) -> Result<Action, Infallible> {
    let started = Instant::now();
    let name = object.name_any();
    let namespace = object.namespace().unwrap_or_default();
    let span = tracing::info_span!("reconcile", controller = K::CONTROLLER, namespace, name);
    context.metrics.reconcile_started(K::CONTROLLER);
    let result = guarded(&object, &context).instrument(span.clone()).await;
    let key = format!("{namespace}/{name}");
    let (label, action) = span.in_scope(|| match result {
        Ok(wait) => {
            failures.clear(&key);
            ("success", Action::requeue(wait))
        }
        Err(Error::Stale) => ("requeue", Action::requeue(BEHIND)),
        Err(error) => {
            let wait = failures.next_wait(&key);
            tracing::warn!(%error, retry_in = ?wait, "the pass could not be finished");
            let label = if matches!(error, Error::Panicked(_)) {
                "panic"
            } else {
                "error"
            };
            (label, Action::requeue(wait))
        }
    });
    context.metrics.reconcile_ended(K::CONTROLLER, label, started.elapsed());
    Ok(action)
}

async fn guarded<K: Kind>(object: &Guarded<K>, context: &Arc<Context>) -> Result<Duration, Error> {
    let object = match &object.0 {
        Ok(object) => object,
        Err(invalid) => {
            // The others go on; this one is looked at again when it changes.
            tracing::error!(error = invalid.error, "the object cannot be read; correct or delete it");
            let note = format!(
                "The object cannot be read and is left alone: {}. Correct it; what it stands for at the vendor stays \
                 as it is meanwhile.",
                condition::truncate(&invalid.error, 512)
            );
            let notice = Notice::warning("Unreadable", note);
            context.publish(object, vec![notice]).await;
            return Ok(LONGEST_BACKOFF);
        }
    };
    let version = object.meta().resource_version.as_deref().unwrap_or_default();
    if context.is_superseded(uid(object)?, version) {
        return Err(Error::Stale);
    }
    let object = Arc::new(object.clone());
    net(context.settings.reconcile_deadline, K::reconcile(context, &object)).await
}

/// Lets a pass run until its deadline, and catches it when it panics: both end this pass and nothing else.
async fn net<T>(deadline: Duration, pass: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let pass = AssertUnwindSafe(pass).catch_unwind();
    match tokio::time::timeout(deadline, pass).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(Error::Panicked(words(&*panic))),
        Err(_) => Err(Error::Deadline),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without words".to_owned())
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_pass_that_ends_is_left_as_it_is() {
        assert_eq!(net(LONG, ready(Ok(7))).await.unwrap(), 7);
        let stale = net(LONG, ready(Err::<(), _>(Error::Stale))).await;
        assert!(matches!(stale, Err(Error::Stale)), "{stale:?}");
    }

    #[tokio::test]
    async fn a_panic_ends_its_pass_alone_and_keeps_its_words() {
        let said = |result: Result<(), Error>| match result {
            Err(Error::Panicked(words)) => words,
            other => panic!("{other:?}"),
        };
        assert_eq!(said(net(LONG, async { panic!("plain") }).await), "plain");
        let number = 7;
        assert_eq!(said(net(LONG, async { panic!("number {number}") }).await), "number 7");
        let odd = async { std::panic::panic_any(number) };
        assert_eq!(said(net(LONG, odd).await), "without words");
        // Also one that comes after a wait.
        let late = async {
            tokio::task::yield_now().await;
            panic!("late")
        };
        assert_eq!(said(net(LONG, late).await), "late");
    }

    #[tokio::test]
    async fn a_pass_that_does_not_end_is_ended() {
        let result = net(SHORT, pending::<Result<(), Error>>()).await;
        assert!(matches!(result, Err(Error::Deadline)), "{result:?}");
    }

    #[test]
    fn failures_in_a_row_wait_longer_up_to_a_limit() {
        let failures = Failures::default();
        let waits: Vec<Duration> = (0..20).map(|_| failures.next_wait("design/alice")).collect();
        assert!(waits.is_sorted(), "{waits:?}");
        assert!(waits.first() < waits.get(1), "{waits:?}");
        assert_eq!(waits.last(), Some(&LONGEST_BACKOFF));
        // One object's failures are no other's, and success forgets them.
        assert_eq!(Some(&failures.next_wait("design/bob")), waits.first());
        failures.clear("design/alice");
        assert_eq!(Some(&failures.next_wait("design/alice")), waits.first());
    }
}
