//! What was read of the vendor and is still fresh: kept in memory, so that events cause no calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::context::lock;
use crate::api::cluster::SessionSummary;
use crate::api::desktop::SessionStatus;
use crate::backend::pool::{ObservedPool, PoolMember};
use crate::backend::{
    BackendError, DirectoryState, ObservedCluster, ObservedDesktop, ObservedUser, PolicyValues, Session, Task,
};
use crate::plan::{Pace, whole_seconds};

/// Failures in a row before a passing fault is worth saying.
pub const PERSISTENT: u32 = 3;

/// A failure, once it is worth saying after so many in a row.
#[must_use]
pub fn lasting(error: Option<&BackendError>, failures: u32) -> Option<&BackendError> {
    error.filter(|e| failures >= PERSISTENT || !e.class.heals_by_itself())
}

/// What was last read of a cluster.
#[derive(Clone, Debug)]
pub struct ClusterRead {
    /// When.
    pub at: Instant,
    /// Generation it was read for.
    pub generation: i64,
    /// The cluster; `None` when it was not there.
    pub cluster: Option<ObservedCluster>,
    /// Answers in a row that did not hold it.
    pub absent: u32,
    /// Failures in a row.
    pub failures: u32,
    /// The latest failure.
    pub error: Option<BackendError>,
    /// Session policy.
    pub policy: Option<PolicyValues>,
    /// Directory.
    pub directory: Option<DirectoryState>,
    /// When a listing of all clusters was begun.
    pub listing_started: Option<Timestamp>,
    /// Clusters listed in the network.
    pub in_network: Vec<String>,
    /// Networks of the other clusters.
    pub elsewhere: Vec<String>,
    /// How soon it should be read again.
    pub pace: Pace,
}

impl ClusterRead {
    /// Nothing read yet.
    #[must_use]
    pub fn empty(generation: i64) -> Self {
        Self {
            at: Instant::now(),
            generation,
            cluster: None,
            absent: 0,
            failures: 0,
            error: None,
            policy: None,
            directory: None,
            listing_started: None,
            in_network: Vec::new(),
            elsewhere: Vec::new(),
            pace: Pace::Fast,
        }
    }

    /// The failure, once it is worth saying.
    #[must_use]
    pub fn lasting_error(&self) -> Option<&BackendError> {
        lasting(self.error.as_ref(), self.failures)
    }
}

/// What was last read of each cluster, by UID.
#[derive(Debug, Default)]
pub struct ClusterReads(Mutex<HashMap<String, ClusterRead>>);

impl ClusterReads {
    /// The last read.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<ClusterRead> {
        lock(&self.0).get(uid).cloned()
    }

    /// Keeps a read.
    pub fn put(&self, uid: &str, read: ClusterRead) {
        lock(&self.0).insert(uid.to_owned(), read);
    }

    /// Sets how soon it should be read again.
    pub fn set_pace(&self, uid: &str, pace: Pace) {
        if let Some(read) = lock(&self.0).get_mut(uid) {
            read.pace = pace;
        }
    }

    /// What was read may no longer hold.
    pub fn forget(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }
}

/// What was last read of a pool of the vendor's own.
#[derive(Clone, Debug)]
pub struct PoolRead {
    /// When.
    pub at: Instant,
    /// Generation it was read for.
    pub generation: i64,
    /// It may no longer hold.
    pub expired: bool,
    /// The pool; `None` when it was not there.
    pub pool: Option<ObservedPool>,
    /// Answers in a row that did not hold it.
    pub absent: u32,
    /// Its desktops.
    pub desktops: Vec<ObservedDesktop>,
    /// Pools that carry the name of one that is being created.
    pub candidates: Vec<String>,
    /// Who may use it, where that is declared.
    pub members: Option<Vec<PoolMember>>,
    /// Users of the account, when one that is declared is no member.
    pub users: Option<Vec<ObservedUser>>,
    /// Whether the vendor has jobs on it, when that was asked.
    pub busy: Option<bool>,
    /// When the latest complete read was begun.
    pub started: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// The latest failure.
    pub error: Option<BackendError>,
    /// How soon it should be read again.
    pub pace: Pace,
}

impl PoolRead {
    /// Nothing read yet.
    #[must_use]
    pub fn empty(generation: i64) -> Self {
        Self {
            at: Instant::now(),
            generation,
            expired: true,
            pool: None,
            absent: 0,
            desktops: Vec::new(),
            candidates: Vec::new(),
            members: None,
            users: None,
            busy: None,
            started: None,
            failures: 0,
            error: None,
            pace: Pace::Fast,
        }
    }

    /// The failure, once it is worth saying.
    #[must_use]
    pub fn lasting_error(&self) -> Option<&BackendError> {
        lasting(self.error.as_ref(), self.failures)
    }
}

/// What was last read of each pool of a vendor's own, by UID. Shared, because it holds every desktop of it.
#[derive(Debug, Default)]
pub struct PoolReads(Mutex<HashMap<String, Arc<PoolRead>>>);

impl PoolReads {
    /// The last read.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<Arc<PoolRead>> {
        lock(&self.0).get(uid).cloned()
    }

    /// Keeps a read.
    pub fn put(&self, uid: &str, read: Arc<PoolRead>) {
        lock(&self.0).insert(uid.to_owned(), read);
    }

    /// Sets how soon it should be read again.
    pub fn set_pace(&self, uid: &str, pace: Pace) {
        // A change copies what a pass still holds.
        if lock(&self.0).get(uid).is_some_and(|read| read.pace != pace) {
            self.change(uid, |read| read.pace = pace);
        }
    }

    /// What was read may no longer hold. True when it cannot be read at the moment.
    pub fn expire(&self, uid: &str) -> bool {
        self.change(uid, |read| read.expired = true);
        lock(&self.0).get(uid).is_some_and(|read| read.failures > 0)
    }

    /// The pool is gone.
    pub fn forget(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }

    fn change(&self, uid: &str, change: impl FnOnce(&mut PoolRead)) {
        if let Some(read) = lock(&self.0).get_mut(uid) {
            change(Arc::make_mut(read));
        }
    }
}

/// When a price that could not be read may be asked for again, by UID of the desktop.
#[derive(Debug, Default)]
pub struct PriceReads(Mutex<HashMap<String, Instant>>);

impl PriceReads {
    /// Whether it may be asked for now.
    #[must_use]
    pub fn is_due(&self, uid: &str) -> bool {
        lock(&self.0).get(uid).is_none_or(|next| *next <= Instant::now())
    }

    /// It could not be read: not before `wait` has passed again.
    pub fn failed(&self, uid: &str, wait: Duration) {
        lock(&self.0).insert(uid.to_owned(), Instant::now() + wait);
    }

    /// The desktop is gone.
    pub fn forget(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }
}

/// What was last read of a desktop's display policy.
#[derive(Clone, Debug)]
enum DisplayRead {
    Values {
        at: Instant,
        generation: i64,
        values: PolicyValues,
    },
    Failed {
        error: BackendError,
        failures: u32,
        next: Instant,
    },
}

/// What was last read of each desktop's display policy, by UID.
#[derive(Debug, Default)]
pub struct DisplayReads(Mutex<HashMap<String, DisplayRead>>);

impl DisplayReads {
    /// The last read for this generation, if it is not older than `max_age`.
    #[must_use]
    pub fn get(&self, uid: &str, generation: i64, max_age: Duration) -> Option<PolicyValues> {
        match lock(&self.0).get(uid)? {
            DisplayRead::Values {
                at,
                generation: read_for,
                values,
            } => (*read_for == generation && at.elapsed() <= max_age).then(|| values.clone()),
            DisplayRead::Failed { .. } => None,
        }
    }

    /// Why the last read failed, and how long the next one waits.
    #[must_use]
    pub fn failure(&self, uid: &str) -> Option<(BackendError, Duration)> {
        match lock(&self.0).get(uid)? {
            DisplayRead::Failed { error, next, .. } => {
                let wait = next.saturating_duration_since(Instant::now());
                (!wait.is_zero()).then(|| (error.clone(), wait))
            }
            DisplayRead::Values { .. } => None,
        }
    }

    /// Keeps a read.
    pub fn put(&self, uid: &str, generation: i64, values: PolicyValues) {
        lock(&self.0).insert(
            uid.to_owned(),
            DisplayRead::Values {
                at: Instant::now(),
                generation,
                values,
            },
        );
    }

    /// Keeps a failure; the next read waits longer each time.
    pub fn failed(&self, uid: &str, error: BackendError, base: Duration, longest: Duration) {
        let mut reads = lock(&self.0);
        let failures = match reads.get(uid) {
            Some(DisplayRead::Failed { failures, .. }) => failures.saturating_add(1),
            _ => 1,
        };
        let wait = base.saturating_mul(1 << (failures - 1).min(16)).min(longest);
        reads.insert(
            uid.to_owned(),
            DisplayRead::Failed {
                error,
                failures,
                next: Instant::now() + wait,
            },
        );
    }

    /// What was read may no longer hold.
    pub fn forget(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }
}

/// Sessions of one cluster.
#[derive(Debug)]
pub struct ClusterSessions {
    /// When they are asked for next.
    pub next: Instant,
    /// The request under way.
    pub task: Option<Task>,
    /// When the latest answer came, since this process began.
    answered: Option<Instant>,
    by_desktop: HashMap<String, SessionStatus>,
}

impl ClusterSessions {
    fn unknown(next: Instant) -> Self {
        Self {
            next,
            task: None,
            answered: None,
            by_desktop: HashMap::new(),
        }
    }
}

/// Who is connected where, by the vendor's cluster id.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<String, ClusterSessions>>);

impl Sessions {
    /// What is to be done about a cluster's sessions now.
    #[must_use]
    pub fn due(&self, cluster_id: &str) -> SessionStep {
        match lock(&self.0).get(cluster_id) {
            None => SessionStep::Request,
            Some(ClusterSessions { task: Some(task), .. }) => SessionStep::Fetch(task.clone()),
            Some(known) if known.next <= Instant::now() => SessionStep::Request,
            Some(_) => SessionStep::Nothing,
        }
    }

    /// A request is under way, or failed and is made again at `next`.
    pub fn requested(&self, cluster_id: &str, task: Option<Task>, next: Instant) {
        let mut all = lock(&self.0);
        let known = all
            .entry(cluster_id.to_owned())
            .or_insert_with(|| ClusterSessions::unknown(next));
        known.task = task;
        known.next = next;
    }

    /// The answer came; returns the desktops whose session changed.
    pub fn answered(&self, cluster_id: &str, sessions: &[Session], next: Instant) -> Vec<String> {
        let fresh = latest(sessions);
        let mut all = lock(&self.0);
        let known = all
            .entry(cluster_id.to_owned())
            .or_insert_with(|| ClusterSessions::unknown(next));
        known.task = None;
        known.next = next;
        known.answered = Some(Instant::now());
        let mut changed: Vec<String> = fresh
            .iter()
            .filter(|(id, s)| known.by_desktop.get(*id) != Some(s))
            .map(|(id, _)| id.clone())
            .collect();
        changed.extend(known.by_desktop.keys().filter(|id| !fresh.contains_key(*id)).cloned());
        known.by_desktop = fresh;
        changed
    }

    /// The latest session on a desktop; one without any times when there was none. `None` before the first answer, and
    /// when the latest is older than `max_age`: who was connected then says nothing of now.
    #[must_use]
    pub fn of(&self, cluster_id: &str, desktop_id: &str, max_age: Duration) -> Option<SessionStatus> {
        let all = lock(&self.0);
        let known = all
            .get(cluster_id)
            .filter(|known| known.answered.is_some_and(|at| at.elapsed() <= max_age))?;
        Some(known.by_desktop.get(desktop_id).cloned().unwrap_or_else(no_session))
    }

    /// Who is connected to a cluster's desktops.
    #[must_use]
    pub fn summary(&self, cluster_id: &str) -> Option<SessionSummary> {
        let all = lock(&self.0);
        let sessions = &all.get(cluster_id).filter(|known| known.answered.is_some())?.by_desktop;
        let connected = sessions.values().filter(|s| s.connected).count();
        Some(SessionSummary {
            connected: i32::try_from(connected).unwrap_or(i32::MAX),
            last_logon_time: sessions.values().filter_map(|s| s.last_logon_time.clone()).max(),
        })
    }
}

fn no_session() -> SessionStatus {
    SessionStatus {
        connected: false,
        client_name: None,
        last_logon_time: None,
        last_logoff_time: None,
    }
}

/// What is to be done about a cluster's sessions.
#[derive(Clone, Debug)]
pub enum SessionStep {
    /// They are fresh.
    Nothing,
    /// Ask for them.
    Request,
    /// Fetch what was asked for.
    Fetch(Task),
}

/// One status a desktop: open sessions win, then the latest.
fn latest(sessions: &[Session]) -> HashMap<String, SessionStatus> {
    let mut found: HashMap<String, SessionStatus> = HashMap::new();
    let mut ordered: Vec<&Session> = sessions.iter().collect();
    ordered.sort_by_key(|s| s.logon);
    for session in ordered {
        let entry = found.entry(session.desktop_id.clone()).or_insert_with(no_session);
        entry.connected |= session.open;
        entry.client_name = session
            .client_name
            .as_deref()
            .map(|n| crate::api::condition::truncate(n, 256));
        entry.last_logon_time = session
            .logon
            .map(whole_seconds)
            .or_else(|| entry.last_logon_time.clone());
        entry.last_logoff_time = entry.last_logoff_time.clone().max(session.logoff.map(whole_seconds));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_connected_long_ago_says_nothing_of_now() {
        let (sessions, minute) = (Sessions::default(), Duration::from_mins(1));
        assert_eq!(sessions.of("c-1", "i-1", minute), None, "nobody was asked yet");
        sessions.answered("c-1", &[], Instant::now() + minute);
        assert!(sessions.of("c-1", "i-1", minute).is_some_and(|s| !s.connected));
        lock(&sessions.0).get_mut("c-1").unwrap().answered = Instant::now().checked_sub(2 * minute);
        assert_eq!(sessions.of("c-1", "i-1", minute), None);
        assert!(sessions.of("c-1", "i-1", 3 * minute).is_some());
    }
}
