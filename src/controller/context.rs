//! What all controllers share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, Resource};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::Accounts;
use super::image::ImageReads;
use super::inventory::InventoryHub;
use super::observations::{ClusterReads, DisplayReads, PoolReads, PriceReads, Sessions};
use super::pool::memory::PoolMemory;
use super::settings::{Settings, UnknownCreate};
use crate::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider};
use crate::ops::leader::Leadership;
use crate::ops::metrics::Metrics;
use crate::plan::{Limits, Notice};

/// An object as watched: one that cannot be decoded does not stop the others.
pub type Guarded<K> = DeserializeGuard<K>;

/// Asks a controller to look at an object.
pub type Waker<K> = UnboundedSender<ObjectRef<Guarded<K>>>;

/// What all controllers share.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// Settings.
    pub settings: Settings,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether this process may change anything at a vendor.
    pub leadership: Leadership,
    /// Calls that must be finished before the process ends.
    pub tasks: TaskTracker,
    /// The process is asked to end.
    pub shutdown: CancellationToken,
    /// Publishes events.
    pub recorder: Recorder,
    /// Vendor accounts in use.
    pub accounts: Accounts,
    /// Listings of desktops, shared by all of a cluster.
    pub inventory: InventoryHub,
    /// What was last read of each cluster.
    pub cluster_reads: ClusterReads,
    /// What was last listed of each account's images.
    pub image_reads: ImageReads,
    /// What was last read of each desktop's display policy.
    pub display_reads: DisplayReads,
    /// What was last read of each pool of a vendor's own.
    pub pool_reads: PoolReads,
    /// Which prices could not be read.
    pub price_reads: PriceReads,
    /// Who is connected where.
    pub sessions: Sessions,
    /// What was done to pools of Desktops a moment ago.
    pub pool_memory: PoolMemory,
    /// Providers, as watched.
    pub providers: Store<Guarded<DesktopProvider>>,
    /// Clusters, as watched.
    pub clusters: Store<Guarded<DesktopCluster>>,
    /// Desktops, as watched.
    pub desktops: Store<Guarded<Desktop>>,
    /// Images, as watched.
    pub images: Store<Guarded<DesktopImage>>,
    /// Pools, as watched.
    pub pools: Store<Guarded<DesktopPool>>,
    /// Wakes a provider.
    pub wake_provider: Waker<DesktopProvider>,
    /// Wakes a cluster.
    pub wake_cluster: Waker<DesktopCluster>,
    /// Wakes a desktop.
    pub wake_desktop: Waker<Desktop>,
    /// Wakes an image.
    pub wake_image: Waker<DesktopImage>,
    /// Wakes a pool.
    pub wake_pool: Waker<DesktopPool>,
    in_flight: Mutex<HashSet<String>>,
    superseded: Mutex<HashMap<String, String>>,
}

/// The objects of every kind, as watched.
#[derive(Clone)]
pub struct Stores {
    /// See [`Context::providers`].
    pub providers: Store<Guarded<DesktopProvider>>,
    /// See [`Context::clusters`].
    pub clusters: Store<Guarded<DesktopCluster>>,
    /// See [`Context::desktops`].
    pub desktops: Store<Guarded<Desktop>>,
    /// See [`Context::images`].
    pub images: Store<Guarded<DesktopImage>>,
    /// See [`Context::pools`].
    pub pools: Store<Guarded<DesktopPool>>,
}

/// Wakers of every kind.
#[derive(Clone)]
pub struct Wakers {
    /// See [`Context::wake_provider`].
    pub provider: Waker<DesktopProvider>,
    /// See [`Context::wake_cluster`].
    pub cluster: Waker<DesktopCluster>,
    /// See [`Context::wake_desktop`].
    pub desktop: Waker<Desktop>,
    /// See [`Context::wake_image`].
    pub image: Waker<DesktopImage>,
    /// See [`Context::wake_pool`].
    pub pool: Waker<DesktopPool>,
}

/// What a [`Context`] is made of.
pub struct Parts {
    /// See [`Context::client`].
    pub client: Client,
    /// See [`Context::settings`].
    pub settings: Settings,
    /// See [`Context::metrics`].
    pub metrics: Arc<Metrics>,
    /// See [`Context::leadership`].
    pub leadership: Leadership,
    /// See [`Context::tasks`].
    pub tasks: TaskTracker,
    /// See [`Context::shutdown`].
    pub shutdown: CancellationToken,
    /// See [`Context::recorder`].
    pub recorder: Recorder,
    /// See [`Context::accounts`].
    pub accounts: Accounts,
    /// The objects of every kind.
    pub stores: Stores,
    /// Wakers of every kind.
    pub wakers: Wakers,
}

impl Context {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (stores, wakers) = (parts.stores, parts.wakers);
        let inventory = InventoryHub::new(
            parts.settings.clone(),
            parts.shutdown.clone(),
            wakers.desktop.clone(),
            wakers.cluster.clone(),
        );
        Self {
            client: parts.client,
            settings: parts.settings,
            metrics: parts.metrics,
            leadership: parts.leadership,
            tasks: parts.tasks,
            shutdown: parts.shutdown,
            recorder: parts.recorder,
            accounts: parts.accounts,
            inventory,
            cluster_reads: ClusterReads::default(),
            image_reads: ImageReads::default(),
            display_reads: DisplayReads::default(),
            pool_reads: PoolReads::default(),
            price_reads: PriceReads::default(),
            sessions: Sessions::default(),
            pool_memory: PoolMemory::default(),
            providers: stores.providers,
            clusters: stores.clusters,
            desktops: stores.desktops,
            images: stores.images,
            pools: stores.pools,
            wake_provider: wakers.provider,
            wake_cluster: wakers.cluster,
            wake_desktop: wakers.desktop,
            wake_image: wakers.image,
            wake_pool: wakers.pool,
            in_flight: Mutex::default(),
            superseded: Mutex::default(),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// The limits planning works with.
    #[must_use]
    pub fn limits(&self, fast: std::time::Duration, slow: std::time::Duration) -> Limits {
        let settings = &self.settings;
        Limits {
            intent_lifetime: settings.intent_lifetime,
            settle: settings.settle,
            empty_listing_gap: settings.empty_listing_gap,
            retry_unknown_create: settings.unknown_create == UnknownCreate::Retry,
            backoff_base: settings.backoff_base,
            backoff_max: settings.backoff_max,
            task_deadline: settings.task_deadline,
            resend: settings.resend,
            fast,
            slow,
            expiry_warning: settings.expiry_warning,
        }
    }

    /// Publishes notices as events; a failure to do so is only logged.
    pub async fn publish<K>(&self, object: &K, notices: Vec<Notice>)
    where
        K: Resource<DynamicType = ()>,
    {
        for notice in notices {
            let type_ = if notice.warning {
                EventType::Warning
            } else {
                EventType::Normal
            };
            let event = Event {
                type_,
                reason: notice.reason.into(),
                note: Some(notice.note),
                action: "Reconcile".into(),
                secondary: None,
            };
            if let Err(error) = self.recorder.publish(&event, &object.object_ref(&())).await {
                tracing::warn!(%error, reason = event.reason, "an event could not be published");
            }
        }
    }

    /// Marks that the creation for this UID is being sent; false when it already is.
    pub fn begin_flight(&self, uid: &str) -> bool {
        lock(&self.in_flight).insert(uid.to_owned())
    }

    /// The creation for this UID has been answered and recorded.
    pub fn end_flight(&self, uid: &str) {
        lock(&self.in_flight).remove(uid);
    }

    /// Whether the creation for this UID is being sent by this process.
    #[must_use]
    pub fn is_in_flight(&self, uid: &str) -> bool {
        lock(&self.in_flight).contains(uid)
    }

    /// Remembers that this version of the object was replaced by a write of ours.
    pub fn supersede(&self, uid: &str, old_version: &str) {
        lock(&self.superseded).insert(uid.to_owned(), old_version.to_owned());
    }

    /// Whether the watch has not yet delivered what we wrote ourselves.
    #[must_use]
    pub fn is_superseded(&self, uid: &str, version: &str) -> bool {
        let mut superseded = lock(&self.superseded);
        match superseded.get(uid) {
            Some(old) if old == version => true,
            Some(_) => {
                superseded.remove(uid);
                false
            }
            None => false,
        }
    }

    /// Forgets everything about an object that is gone.
    pub fn forget(&self, uid: &str) {
        lock(&self.superseded).remove(uid);
        self.cluster_reads.forget(uid);
        self.image_reads.forget(uid);
        self.display_reads.forget(uid);
        self.pool_reads.forget(uid);
        self.price_reads.forget(uid);
    }
}

/// Locks, whatever a panicking pass left behind: the maps here are always whole between statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
