//! Winning the Lease, keeping it, giving it back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::record::{Seen, Step, fresh, held, holder, released, step};
use super::{LEASE, Leadership, LeaseOptions, Tenure};
use crate::ops::metrics::Metrics;
use crate::ops::readiness::Readiness;

/// What a standby that cannot read the Lease is not ready for.
const PART: &str = "leader election";

/// Longest wait after a renewal that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Longest time the Lease is given back for; then it is left to run out.
const RELEASE: Duration = Duration::from_secs(5);

/// Why the Lease is not held any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// It could not be renewed in time.
    #[error("the Lease ran out before it could be renewed")]
    Expired,
    /// Somebody else holds it.
    #[error("the Lease is held by {0:?}")]
    Taken(String),
    /// Somebody deleted it.
    #[error("the Lease was deleted")]
    Gone,
    /// The task that renews it ended by itself.
    #[error("the renewal of the Lease failed: {0}")]
    Failed(String),
}

enum Failure {
    Lost(Lost),
    Api(kube::Error),
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.is_not_found() => Self::Lost(Lost::Gone),
            error => Self::Api(error),
        }
    }
}

/// A process that stands for election.
pub struct Candidate {
    api: Api<Lease>,
    me: String,
    options: LeaseOptions,
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

impl Candidate {
    /// A candidate for the Lease in `namespace`. `me` must be nobody else's name.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        me: String,
        options: LeaseOptions,
        metrics: Arc<Metrics>,
        readiness: Readiness,
    ) -> Self {
        metrics.leader(LEASE, false);
        Self {
            api: Api::namespaced(client, namespace),
            me,
            options,
            metrics,
            readiness,
        }
    }

    /// Waits until the Lease is won, and starts to keep it. `None` when `shutdown` came first. If the Lease is lost
    /// later, `shutdown` is cancelled.
    pub async fn win(self, shutdown: &CancellationToken) -> Option<Keeper> {
        tracing::info!(lease = LEASE, identity = self.me, "standing for election");
        let mut seen = None;
        let mut told = None;
        loop {
            // The Lease counts from before it was asked for: what others see of it can only be later.
            let started = Instant::now();
            let wait = tokio::select! {
                () = shutdown.cancelled() => return None,
                attempt = timeout(self.options.lease_duration, self.attempt(&mut seen)) => match attempt {
                    Ok(Ok(Attempt::Won(lease))) => return Some(self.keep(*lease, started, shutdown)),
                    Ok(Ok(Attempt::Wait(wait))) => {
                        self.readiness.ready(PART);
                        wait
                    }
                    Ok(Err(error)) => self.unreadable(&error.to_string()),
                    Err(_) => self.unreadable("no answer in time"),
                },
            };
            let by = seen.as_ref().and_then(|s: &Seen| holder(&s.lease)).map(str::to_owned);
            if by != told {
                tracing::info!(lease = LEASE, leader = by, "standing by");
                told = by;
            }
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = sleep(wait.min(self.options.lease_renew)) => {}
            }
        }
    }

    fn unreadable(&self, error: &str) -> Duration {
        tracing::warn!(lease = LEASE, error, "the Lease cannot be taken");
        self.readiness.waiting(PART, error);
        RETRY
    }

    async fn attempt(&self, seen: &mut Option<Seen>) -> kube::Result<Attempt> {
        let found = self.api.get_opt(LEASE).await?;
        let now = Instant::now();
        *seen = found.map(|lease| Seen::next(seen.take(), lease, now));
        let parameters = PostParams::default();
        let result = match (step(seen.as_ref(), &self.me, self.options.lease_duration, now), seen) {
            (Step::Wait(left), _) => return Ok(Attempt::Wait(left)),
            (Step::Take, Some(seen)) => {
                let lease = held(&seen.lease, &self.me, &self.options, Timestamp::now());
                self.api.replace(LEASE, &parameters, &lease).await
            }
            (Step::Create | Step::Take, _) => {
                let lease = fresh(&self.me, &self.options, Timestamp::now());
                self.api.create(&parameters, &lease).await
            }
        };
        match result {
            Ok(lease) => Ok(Attempt::Won(Box::new(lease))),
            // Another was faster.
            Err(kube::Error::Api(s)) if s.is_conflict() || s.is_already_exists() => Ok(Attempt::Wait(Duration::ZERO)),
            Err(error) => Err(error),
        }
    }

    fn keep(self, lease: Lease, started: Instant, shutdown: &CancellationToken) -> Keeper {
        tracing::info!(lease = LEASE, identity = self.me, "leading");
        self.readiness.ready(PART);
        self.metrics.leader(LEASE, true);
        let until = started + self.options.lease_duration;
        let tenure = Arc::new(Tenure::new(until, self.options.margin()));
        let stop = CancellationToken::new();
        let renewal = Renewal {
            candidate: self,
            tenure: Arc::clone(&tenure),
            stop: stop.clone(),
            shutdown: shutdown.clone(),
        };
        Keeper {
            tenure,
            stop,
            task: tokio::spawn(renewal.run(lease)),
        }
    }
}

enum Attempt {
    Won(Box<Lease>),
    Wait(Duration),
}

/// Keeps the Lease until it is given back or lost. Dropping it stops neither.
pub struct Keeper {
    tenure: Arc<Tenure>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Lost>>,
}

impl Keeper {
    /// What others ask whether they may act.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        Leadership(Some(Arc::clone(&self.tenure)))
    }

    /// Gives the Lease back, so that another need not wait until it runs out; says so if it was lost before. Call it
    /// when nothing is under way any more.
    pub async fn release(self) -> Result<(), Lost> {
        self.stop.cancel();
        let ended = self.task.await;
        self.tenure.end();
        ended.unwrap_or_else(|error| Err(Lost::Failed(error.to_string())))
    }
}

/// The task behind a [`Keeper`].
struct Renewal {
    candidate: Candidate,
    tenure: Arc<Tenure>,
    stop: CancellationToken,
    shutdown: CancellationToken,
}

impl Renewal {
    async fn run(self, lease: Lease) -> Result<(), Lost> {
        // However this ends, by a panic too, the process comes to its end.
        let _shutdown = self.shutdown.clone().drop_guard();
        let kept = self.renew_until_stopped(lease).await;
        self.tenure.end();
        self.candidate.metrics.leader(LEASE, false);
        match kept {
            Ok(lease) => {
                self.give_back(lease).await;
                Ok(())
            }
            Err(lost) => {
                tracing::error!(lease = LEASE, reason = %lost, "leadership lost; the process ends");
                Err(lost)
            }
        }
    }

    async fn renew_until_stopped(&self, mut lease: Lease) -> Result<Lease, Lost> {
        let options = self.candidate.options;
        let mut pause = options.lease_renew;
        loop {
            let left = self.tenure.left(Instant::now()).ok_or(Lost::Expired)?;
            tokio::select! {
                () = self.stop.cancelled() => return Ok(lease),
                () = sleep(pause.min(left)) => {}
            }
            let started = Instant::now();
            let left = self.tenure.left(started).ok_or(Lost::Expired)?;
            // Half of what is left: a request that hangs must leave time for another.
            let error = match timeout((left / 2).max(RETRY.min(left)), self.renew(&lease)).await {
                Ok(Ok(renewed)) => {
                    self.tenure.extend(started + options.lease_duration);
                    lease = renewed;
                    pause = options.lease_renew;
                    continue;
                }
                Ok(Err(Failure::Lost(lost))) => return Err(lost),
                Ok(Err(Failure::Api(error))) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            tracing::warn!(lease = LEASE, error, ?left, "the Lease could not be renewed");
            pause = RETRY.min(options.lease_renew);
        }
    }

    /// Renews once. The version read last may be old because somebody put a label on the Lease, or because a renewal
    /// took effect whose answer never came.
    async fn renew(&self, lease: &Lease) -> Result<Lease, Failure> {
        match self.replace(lease).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            result => return Ok(result?),
        }
        let now = self.read().await?;
        Ok(self.replace(&now).await?)
    }

    async fn replace(&self, lease: &Lease) -> kube::Result<Lease> {
        let Candidate { api, me, options, .. } = &self.candidate;
        let lease = held(lease, me, options, Timestamp::now());
        api.replace(LEASE, &PostParams::default(), &lease).await
    }

    async fn read(&self) -> Result<Lease, Failure> {
        let lease = self.candidate.api.get(LEASE).await?;
        match holder(&lease) {
            Some(by) if by == self.candidate.me => Ok(lease),
            by => Err(Failure::Lost(Lost::Taken(by.unwrap_or_default().to_owned()))),
        }
    }

    async fn give_back(&self, lease: Lease) {
        let parameters = PostParams::default();
        let api = &self.candidate.api;
        let give_back = async {
            match api
                .replace(LEASE, &parameters, &released(&lease, Timestamp::now()))
                .await
            {
                Err(kube::Error::Api(status)) if status.is_conflict() => {}
                result => return result.map(drop).map_err(Failure::from),
            }
            let now = self.read().await?;
            api.replace(LEASE, &parameters, &released(&now, Timestamp::now()))
                .await?;
            Ok(())
        };
        let left_to_run_out = "the Lease could not be given back and is left to run out";
        match timeout(RELEASE, give_back).await {
            Ok(Ok(())) => tracing::info!(lease = LEASE, "the Lease is given back"),
            Ok(Err(Failure::Lost(lost))) => tracing::warn!(lease = LEASE, reason = %lost, "{left_to_run_out}"),
            Ok(Err(Failure::Api(error))) => tracing::warn!(lease = LEASE, %error, "{left_to_run_out}"),
            Err(_) => tracing::warn!(lease = LEASE, "{left_to_run_out}"),
        }
    }
}
