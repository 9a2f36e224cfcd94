//! One shared, paged listing per account and cluster feeds all its Desktops.
//!
//! It runs fast while one of them is in transition and slowly at rest, and wakes only what changed: vendor calls
//! grow with pages, not with desktops.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::{Guarded, Waker, lock};
use super::observations::{PERSISTENT, lasting};
use super::settings::Settings;
use crate::api::{Desktop, DesktopCluster};
use crate::backend::{Backend, BackendError, ObservedDesktop, naming};
use crate::plan::Pace;

/// A complete listing.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// When it was begun: what happened before that is in it.
    pub started: Option<Timestamp>,
    by_id: HashMap<String, ObservedDesktop>,
    by_marker: HashMap<String, Vec<String>>,
}

impl Snapshot {
    fn new(started: Timestamp, desktops: Vec<ObservedDesktop>) -> Self {
        let mut by_marker: HashMap<String, Vec<String>> = HashMap::new();
        for desktop in &desktops {
            if let Some(marker) = &desktop.marker {
                by_marker.entry(marker.clone()).or_default().push(desktop.id.clone());
            }
        }
        for ids in by_marker.values_mut() {
            ids.sort();
        }
        let by_id = desktops.into_iter().map(|d| (d.id.clone(), d)).collect();
        Self {
            started: Some(started),
            by_id,
            by_marker,
        }
    }

    /// One desktop.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&ObservedDesktop> {
        self.by_id.get(id)
    }

    /// Desktops that carry the mark of this UID, whole or short, lowest id first.
    #[must_use]
    pub fn marked(&self, uid: &str) -> Vec<String> {
        let marks = [naming::marker(uid), naming::short_marker(uid)];
        let mut ids: Vec<String> = marks
            .iter()
            .filter_map(|mark| self.by_marker.get(mark))
            .flatten()
            .cloned()
            .collect();
        ids.sort();
        ids
    }

    /// How many desktops there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Every mark with its desktops.
    pub fn markers(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.by_marker
            .iter()
            .map(|(marker, ids)| (marker.as_str(), ids.as_slice()))
    }
}

/// What a desktop waits for in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Watch {
    vendor_id: Option<String>,
    pace: Pace,
}

#[derive(Default)]
struct State {
    snapshot: Arc<Snapshot>,
    absent: HashMap<String, u32>,
    failures: u32,
    error: Option<BackendError>,
    watches: HashMap<ObjectRef<Guarded<Desktop>>, Watch>,
}

/// The listing of one cluster.
pub struct Listing {
    state: Mutex<State>,
    backend: Mutex<Arc<dyn Backend>>,
    cluster_id: String,
    owner: Mutex<Option<ObjectRef<Guarded<DesktopCluster>>>>,
    sooner: Notify,
    stop: CancellationToken,
}

/// What a listing says, at one moment.
pub struct View {
    /// The latest complete listing.
    pub snapshot: Arc<Snapshot>,
    /// Complete listings in a row that did not hold the id asked for.
    pub absent: u32,
    /// Why there is no newer one, once that is worth saying.
    pub error: Option<BackendError>,
}

impl Listing {
    fn new(backend: &Arc<dyn Backend>, cluster_id: &str, stop: CancellationToken) -> Self {
        Self {
            state: Mutex::default(),
            backend: Mutex::new(Arc::clone(backend)),
            cluster_id: cluster_id.to_owned(),
            owner: Mutex::default(),
            sooner: Notify::new(),
            stop,
        }
    }

    /// What the listing says about an id.
    #[must_use]
    pub fn view(&self, vendor_id: Option<&str>) -> View {
        let state = lock(&self.state);
        View {
            snapshot: Arc::clone(&state.snapshot),
            absent: vendor_id
                .and_then(|id| state.absent.get(id))
                .copied()
                .unwrap_or_default(),
            error: lasting(state.error.as_ref(), state.failures).cloned(),
        }
    }

    /// Registers what a desktop waits for. Without a pace it keeps the one it has; who comes new without an id is in a
    /// hurry.
    pub fn watch(&self, desktop: ObjectRef<Guarded<Desktop>>, vendor_id: Option<&str>, pace: Option<Pace>) {
        let mut state = lock(&self.state);
        let usual = if vendor_id.is_none() { Pace::Fast } else { Pace::Slow };
        let pace = pace
            .or_else(|| state.watches.get(&desktop).map(|watch| watch.pace))
            .unwrap_or(usual);
        if let Some(id) = vendor_id
            && state.snapshot.get(id).is_none()
        {
            // Absence is counted from when somebody began to ask.
            state.absent.entry(id.to_owned()).or_default();
        }
        let watch = Watch {
            vendor_id: vendor_id.map(str::to_owned),
            pace,
        };
        let before = state.watches.insert(desktop, watch);
        drop(state);
        if pace == Pace::Fast && before.is_none_or(|w| w.pace == Pace::Slow) {
            self.sooner.notify_one();
        }
    }

    fn unwatch(&self, desktop: &ObjectRef<Guarded<Desktop>>) {
        let mut state = lock(&self.state);
        if let Some(Watch {
            vendor_id: Some(id), ..
        }) = state.watches.remove(desktop)
        {
            state.absent.remove(&id);
        }
    }

    fn pace(&self) -> Pace {
        let state = lock(&self.state);
        let busy = state.watches.values().any(|w| w.pace == Pace::Fast) || state.snapshot.started.is_none();
        if busy { Pace::Fast } else { Pace::Slow }
    }

    /// Takes in a complete listing; returns who has to be woken.
    fn succeeded(&self, started: Timestamp, desktops: Vec<ObservedDesktop>) -> Vec<ObjectRef<Guarded<Desktop>>> {
        let fresh = Snapshot::new(started, desktops);
        let mut state = lock(&self.state);
        let first = state.snapshot.started.is_none();
        let recovered = state.error.take().is_some();
        state.failures = 0;
        let old = std::mem::replace(&mut state.snapshot, Arc::new(fresh));
        let State {
            snapshot,
            absent,
            watches,
            ..
        } = &mut *state;
        let mut woken = Vec::new();
        for (desktop, watch) in watches.iter() {
            let wake = match &watch.vendor_id {
                None => true,
                Some(id) if snapshot.get(id).is_some() => {
                    absent.remove(id);
                    snapshot.get(id) != old.get(id)
                }
                Some(id) => {
                    let count = absent.entry(id.clone()).or_default();
                    *count = count.saturating_add(1);
                    *count <= 2
                }
            };
            if wake || first || recovered {
                woken.push(desktop.clone());
            }
        }
        woken
    }

    /// Takes in a failure; returns who has to be woken.
    fn failed(&self, error: BackendError) -> Vec<ObjectRef<Guarded<Desktop>>> {
        let mut state = lock(&self.state);
        state.failures = state.failures.saturating_add(1);
        let news = state.error.as_ref().map(|e| e.class) != Some(error.class);
        let worth_saying = state.failures == PERSISTENT || (news && !error.class.heals_by_itself());
        state.error = Some(error);
        if worth_saying {
            state.watches.keys().cloned().collect()
        } else {
            Vec::new()
        }
    }

    async fn run(self: Arc<Self>, settings: Settings, desktops: Waker<Desktop>, clusters: Waker<DesktopCluster>) {
        loop {
            let backend = Arc::clone(&lock(&self.backend));
            let started = Timestamp::now();
            let before = lock(&self.state).snapshot.len();
            let woken = match backend.list_desktops(&self.cluster_id).await {
                Ok(listed) => {
                    let count = listed.len();
                    let first = lock(&self.state).snapshot.started.is_none();
                    let woken = self.succeeded(started, listed);
                    if (first || count != before)
                        && let Some(owner) = lock(&self.owner).clone()
                    {
                        let _ = clusters.send(owner);
                    }
                    woken
                }
                Err(error) => {
                    tracing::warn!(cluster = self.cluster_id, %error, "desktops could not be listed");
                    self.failed(error)
                }
            };
            for desktop in woken {
                let _ = desktops.send(desktop);
            }
            if self.wait(&settings).await {
                return;
            }
        }
    }

    /// Waits for the next turn; true when there is none.
    async fn wait(&self, settings: &Settings) -> bool {
        let failures = lock(&self.state).failures;
        let interval = match self.pace() {
            Pace::Fast => settings.inventory_fast,
            Pace::Slow => settings.inventory_slow,
        };
        // A vendor that fails is asked less and less often, but not more rarely than at rest.
        let interval = interval
            .saturating_mul(1 << failures.min(5))
            .min(settings.inventory_slow.max(interval));
        let turn = tokio::time::sleep(interval);
        tokio::select! {
            () = self.stop.cancelled() => true,
            () = turn => false,
            () = self.hurried(settings.inventory_fast) => false,
        }
    }

    async fn hurried(&self, fast: Duration) {
        self.sooner.notified().await;
        tokio::time::sleep(fast).await;
    }
}

/// All listings.
pub struct InventoryHub {
    settings: Settings,
    shutdown: CancellationToken,
    desktops: Waker<Desktop>,
    clusters: Waker<DesktopCluster>,
    listings: Mutex<HashMap<(String, String), Arc<Listing>>>,
}

impl InventoryHub {
    /// No listing yet.
    #[must_use]
    pub fn new(
        settings: Settings,
        shutdown: CancellationToken,
        desktops: Waker<Desktop>,
        clusters: Waker<DesktopCluster>,
    ) -> Self {
        Self {
            settings,
            shutdown,
            desktops,
            clusters,
            listings: Mutex::default(),
        }
    }

    /// The listing of a cluster; begun with the first who asks.
    #[must_use]
    pub fn listing(&self, provider: &str, cluster_id: &str, backend: &Arc<dyn Backend>) -> Arc<Listing> {
        let mut listings = lock(&self.listings);
        let key = (provider.to_owned(), cluster_id.to_owned());
        if let Some(listing) = listings.get(&key) {
            let mut current = lock(&listing.backend);
            if !Arc::ptr_eq(&current, backend) {
                *current = Arc::clone(backend);
                listing.sooner.notify_one();
            }
            drop(current);
            return Arc::clone(listing);
        }
        let listing = Arc::new(Listing::new(backend, cluster_id, self.shutdown.child_token()));
        listings.insert(key, Arc::clone(&listing));
        let run = Arc::clone(&listing).run(self.settings.clone(), self.desktops.clone(), self.clusters.clone());
        tokio::spawn(run);
        listing
    }

    /// The listing of a cluster, for the resource that owns it.
    #[must_use]
    pub fn owned_listing(
        &self,
        provider: &str,
        cluster_id: &str,
        backend: &Arc<dyn Backend>,
        owner: ObjectRef<Guarded<DesktopCluster>>,
    ) -> Arc<Listing> {
        let listing = self.listing(provider, cluster_id, backend);
        *lock(&listing.owner) = Some(owner);
        listing
    }

    /// A desktop is gone: nobody waits for it any more.
    pub fn unwatch(&self, desktop: &ObjectRef<Guarded<Desktop>>) {
        for listing in lock(&self.listings).values() {
            listing.unwatch(desktop);
        }
    }

    /// A cluster is gone: its listing ends.
    pub fn end(&self, provider: &str, cluster_id: &str) {
        let key = (provider.to_owned(), cluster_id.to_owned());
        if let Some(listing) = lock(&self.listings).remove(&key) {
            listing.stop.cancel();
        }
    }

    /// An account may not be used any more: its listings end.
    pub fn end_account(&self, provider: &str) {
        lock(&self.listings).retain(|(of, _), listing| {
            let keep = of != provider;
            if !keep {
                listing.stop.cancel();
            }
            keep
        });
    }
}
