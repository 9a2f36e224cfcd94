//! What the operator counts.
//!
//! The names of the `controller_runtime_*` and `leader_election_*` families are those of operators written with
//! controller-runtime, so that dashboards and alerts made for those work here too.

mod labels;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use self::labels::{Account, Action, Call, Controller, Drift, Election, Kind, Outcome};
use crate::http::observe::CallObserver;

/// What [`Metrics::encode`] writes, as the value of `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const RECONCILE_SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
const REQUEST_SECONDS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const READY_SECONDS: [f64; 11] = [
    15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
];

/// How a pass can end.
const RESULTS: [&str; 4] = ["success", "error", "requeue", "panic"];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Every metric of the operator.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<Outcome, Counter>,
    reconcile_errors: Family<Controller, Counter>,
    reconcile_panics: Family<Controller, Counter>,
    reconcile_seconds: Histograms<Controller>,
    active_workers: Family<Controller, Gauge>,
    most_workers: Family<Controller, Gauge>,
    leader: Family<Election, Gauge>,
    requests: Family<Call, Counter>,
    request_seconds: Histograms<Action>,
    throttled_seconds: Family<Account, Counter<f64, AtomicU64>>,
    time_to_ready: Histograms<Kind>,
    drift_healed: Family<Drift, Counter>,
    pool_removals: Counter,
    rollouts_halted: Counter,
    orphans: Family<Account, Gauge>,
    /// What the gauge sums up, by account and cluster: clusters come and go, and are no label.
    orphans_of_clusters: Mutex<BTreeMap<(String, String), usize>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            reconciles: Family::default(),
            reconcile_errors: Family::default(),
            reconcile_panics: Family::default(),
            reconcile_seconds: Family::new_with_constructor(|| Histogram::new(RECONCILE_SECONDS)),
            active_workers: Family::default(),
            most_workers: Family::default(),
            leader: Family::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            throttled_seconds: Family::default(),
            time_to_ready: Family::new_with_constructor(|| Histogram::new(READY_SECONDS)),
            drift_healed: Family::default(),
            pool_removals: Counter::default(),
            rollouts_halted: Counter::default(),
            orphans: Family::default(),
            orphans_of_clusters: Mutex::default(),
        };
        metrics.register();
        metrics
    }

    /// Counters are registered without `_total` and the version without `_info`: the encoder adds both.
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "controller_runtime_reconcile",
            "Passes over an object, by controller and result",
            self.reconciles.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Passes that ended with an error or panicked",
            self.reconcile_errors.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_panics",
            "Passes that panicked",
            self.reconcile_panics.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "How long a pass took",
            self.reconcile_seconds.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "Passes under way",
            self.active_workers.clone(),
        );
        registry.register(
            "controller_runtime_max_concurrent_reconciles",
            "Passes that may be under way at the same time",
            self.most_workers.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "1 while this process holds the Lease of that name, 0 while it does not",
            self.leader.clone(),
        );
        registry.register(
            "desktop_operator_vendor_requests",
            "Calls to the vendor, by account, action and outcome",
            self.requests.clone(),
        );
        registry.register(
            "desktop_operator_vendor_request_seconds",
            "How long a call to the vendor took",
            self.request_seconds.clone(),
        );
        registry.register(
            "desktop_operator_throttled_seconds",
            "Time that calls waited for a rate limit",
            self.throttled_seconds.clone(),
        );
        registry.register(
            "desktop_operator_time_to_ready_seconds",
            "Time from the creation of an object until it was Ready for the first time",
            self.time_to_ready.clone(),
        );
        registry.register(
            "desktop_operator_drift_healed",
            "Changes made behind the operator's back that were put right",
            self.drift_healed.clone(),
        );
        registry.register(
            "desktop_operator_pool_removals",
            "Desktops that pools removed because there were too many, or because the pool was deleted",
            self.pool_removals.clone(),
        );
        registry.register(
            "desktop_operator_rollouts_halted",
            "Roll-outs that stopped because changed desktops had failed",
            self.rollouts_halted.clone(),
        );
        registry.register(
            "desktop_operator_orphans",
            "Desktops at the vendor whose resource is gone",
            self.orphans.clone(),
        );
        registry.register(
            "desktop_operator_build",
            "What was built",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
    }

    /// All metrics in the OpenMetrics text format; see [`CONTENT_TYPE`].
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        if let Err(error) = text::encode(&mut text, &self.registry) {
            // Writing to a string does not fail; an encoder that does must not take the process with it.
            tracing::error!(%error, "the metrics cannot be encoded");
        }
        text
    }

    /// Whether this process holds the Lease of this name.
    pub fn leader(&self, name: &str, leads: bool) {
        let labels = Election { name: name.to_owned() };
        self.leader.get_or_create(&labels).set(leads.into());
    }

    /// A controller starts, and has so many passes under way at most.
    ///
    /// Its counters begin at zero here. One that first appears with a one looks to Prometheus as if it had never
    /// risen, and an alert would miss the first panic.
    pub fn controller_started(&self, controller: &'static str, most: u16) {
        let labels = Controller { controller };
        self.most_workers.get_or_create(&labels).set(most.into());
        drop(self.active_workers.get_or_create(&labels));
        drop(self.reconcile_seconds.get_or_create(&labels));
        drop(self.reconcile_errors.get_or_create(&labels));
        drop(self.reconcile_panics.get_or_create(&labels));
        for result in RESULTS {
            drop(self.reconciles.get_or_create(&Outcome { controller, result }));
        }
    }

    /// A pass of a controller began.
    pub fn reconcile_started(&self, controller: &'static str) {
        self.active_workers.get_or_create(&Controller { controller }).inc();
    }

    /// A pass ended: `result` is `success`, `error`, `requeue` or `panic`.
    pub fn reconcile_ended(&self, controller: &'static str, result: &'static str, took: Duration) {
        let labels = Controller { controller };
        self.active_workers.get_or_create(&labels).dec();
        self.reconcile_seconds
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        self.reconciles.get_or_create(&Outcome { controller, result }).inc();
        if result == "panic" {
            self.reconcile_panics.get_or_create(&labels).inc();
        }
        // A panic is an error too: an alert on errors should not miss the worst ones.
        if matches!(result, "error" | "panic") {
            self.reconcile_errors.get_or_create(&labels).inc();
        }
    }

    /// An object of `kind` became Ready for the first time, this long after its creation.
    pub fn became_ready(&self, kind: &'static str, after: Duration) {
        self.time_to_ready
            .get_or_create(&Kind { kind })
            .observe(after.as_secs_f64());
    }

    /// Something changed behind our back was put right.
    pub fn drift_healed(&self, kind: &'static str, field: &'static str) {
        self.drift_healed.get_or_create(&Drift { kind, field }).inc();
    }

    /// A pool removed so many desktops, because there were too many or because it was deleted.
    pub fn pool_removed(&self, count: usize) {
        self.pool_removals.inc_by(u64::try_from(count).unwrap_or_default());
    }

    /// The roll-out of a pool stopped, because changed desktops had failed.
    pub fn rollout_halted(&self) {
        self.rollouts_halted.inc();
    }

    /// Vendor desktops of a cluster whose resource is gone; `None` when the cluster is gone too. Shown is the sum over
    /// the clusters of the provider's account.
    pub fn orphans(&self, provider: &str, cluster_id: &str, count: Option<usize>) {
        let mut clusters = self.orphans_of_clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = (provider.to_owned(), cluster_id.to_owned());
        match count {
            Some(count) => clusters.insert(cluster, count),
            None => clusters.remove(&cluster),
        };
        let account = Account {
            account: provider.to_owned(),
        };
        let counts = clusters
            .iter()
            .filter(|((of, _), _)| of == provider)
            .map(|(_, count)| *count);
        match counts.reduce(usize::saturating_add) {
            Some(sum) => {
                self.orphans
                    .get_or_create(&account)
                    .set(i64::try_from(sum).unwrap_or(i64::MAX));
            }
            None => {
                self.orphans.remove(&account);
            }
        }
    }
}

impl CallObserver for Metrics {
    fn called(&self, account: &str, action: &'static str, outcome: &'static str, took: Duration) {
        let account = account.to_owned();
        self.requests
            .get_or_create(&Call {
                account,
                action,
                outcome,
            })
            .inc();
        self.request_seconds
            .get_or_create(&Action { action })
            .observe(took.as_secs_f64());
    }

    fn throttled(&self, account: &str, waited: Duration) {
        let account = account.to_owned();
        self.throttled_seconds
            .get_or_create(&Account { account })
            .inc_by(waited.as_secs_f64());
    }
}
