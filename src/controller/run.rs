//! Starts the controllers and keeps them running until the process is asked to end.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Context as _;
use futures::StreamExt;
use kube::runtime::controller::{Config, Controller};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::Accounts;
use super::context::{Context, Guarded, Parts, Stores, Waker, Wakers};
use super::kind::{Failures, Kind, pass};
use super::relations::{Related, Relations};
use super::settings::Settings;
use crate::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider, FIELD_MANAGER};
use crate::backend::connect::ConnectSettings;
use crate::http::endpoint::EndpointPolicy;
use crate::ops::leader::Leadership;
use crate::ops::metrics::Metrics;
use crate::ops::readiness::Readiness;

/// Load balancers drop idle connections: a watch is renewed before they do.
const WATCH_SECONDS: u32 = 200;

/// What the process gives to the controllers.
pub struct Runtime {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is waited for.
    pub readiness: Readiness,
    /// Whether this process may change anything at a vendor.
    pub leadership: Leadership,
    /// The process is asked to end.
    pub shutdown: CancellationToken,
    /// Calls that must be finished before the process ends.
    pub tasks: TaskTracker,
}

type Wakes<K> = tokio::sync::mpsc::UnboundedReceiver<ObjectRef<Guarded<K>>>;

/// Runs until `runtime.shutdown` is cancelled and every pass under way is finished; an error when a controller died.
pub async fn run(client: Client, settings: Settings, runtime: Runtime) -> anyhow::Result<()> {
    let endpoints = EndpointPolicy::new(&settings.allow_endpoints).context("--allow-endpoint")?;
    let connect = ConnectSettings {
        endpoints,
        observer: Arc::clone(&runtime.metrics) as _,
        deadline: settings.call_deadline,
    };
    let providers = Source::<DesktopProvider>::new();
    let clusters = Source::<DesktopCluster>::new();
    let desktops = Source::<Desktop>::new();
    let images = Source::<DesktopImage>::new();
    let pools = Source::<DesktopPool>::new();
    let reporter = Reporter {
        controller: FIELD_MANAGER.into(),
        instance: std::env::var("POD_NAME").ok(),
    };
    let stores = Stores {
        providers: providers.store.clone(),
        clusters: clusters.store.clone(),
        desktops: desktops.store.clone(),
        images: images.store.clone(),
        pools: pools.store.clone(),
    };
    let wakers = Wakers {
        provider: providers.waker.clone(),
        cluster: clusters.waker.clone(),
        desktop: desktops.waker.clone(),
        image: images.waker.clone(),
        pool: pools.waker.clone(),
    };
    let relations = Arc::new(Relations::new(stores.clone(), wakers.clone()));
    let context = Arc::new(Context::new(Parts {
        client: client.clone(),
        settings,
        metrics: Arc::clone(&runtime.metrics),
        leadership: runtime.leadership,
        tasks: runtime.tasks,
        shutdown: runtime.shutdown.clone(),
        recorder: Recorder::new(client.clone(), reporter),
        accounts: Accounts::new(connect),
        stores,
        wakers,
    }));

    let mut running = JoinSet::new();
    let readiness = runtime.readiness;
    // Each kind decides from all stores: none starts before all are filled.
    let stores = [
        providers.flag.clone(),
        clusters.flag.clone(),
        desktops.flag.clone(),
        images.flag.clone(),
        pools.flag.clone(),
    ];
    let filled = Filled {
        context: Arc::clone(&context),
        relations,
        readiness,
        stores,
    };
    running.spawn(drive(providers, filled.clone()));
    running.spawn(drive(clusters, filled.clone()));
    running.spawn(drive(desktops, filled.clone()));
    running.spawn(drive(images, filled.clone()));
    running.spawn(drive(pools, filled));
    while let Some(ended) = running.join_next().await {
        let name = ended.context("a controller panicked")?;
        anyhow::ensure!(context.shutdown.is_cancelled(), "controller {name} ended by itself");
    }
    Ok(())
}

/// Becomes true with the first complete listing of a kind.
type Flag = tokio::sync::watch::Receiver<bool>;

/// Where the objects of a kind are kept, and how its controller is asked to look at one.
struct Source<K: Kind> {
    store: Store<Guarded<K>>,
    writer: Writer<Guarded<K>>,
    waker: Waker<K>,
    wakes: Wakes<K>,
    /// A flag of our own: only one task may wait for a store itself, and the controller does.
    flag: Flag,
    filled: tokio::sync::watch::Sender<bool>,
}

impl<K: Kind> Source<K> {
    fn new() -> Self {
        let (store, writer) = kube::runtime::reflector::store();
        let (waker, woken) = unbounded_channel();
        let (filled, flag) = tokio::sync::watch::channel(false);
        Self {
            store,
            writer,
            waker,
            wakes: woken,
            flag,
            filled,
        }
    }
}

/// A controller over the one watch of its kind. Whoever decides from such an object is woken by the same watch, once the
/// store holds the news: woken by a watch of its own it might look too early, and see what was.
fn controller<K: Related>(
    client: &Client,
    relations: Arc<Relations>,
    source: Source<K>,
) -> (Controller<Guarded<K>>, Wakes<K>) {
    let (store, filled) = (source.store.clone(), source.filled);
    // What went while the watch was interrupted is told of by no event: it is missing from the next listing.
    let mut before = Vec::new();
    let watch = watcher::Config::default().timeout(WATCH_SECONDS);
    let stream = watcher(Api::<Guarded<K>>::all(client.clone()), watch)
        .default_backoff()
        .modify(|object| object.meta_mut().managed_fields = None)
        .reflect(source.writer)
        .inspect(move |event| match event {
            Ok(watcher::Event::InitDone) => {
                filled.send_replace(true);
                let now = store.state();
                for object in vanished(&now, std::mem::take(&mut before)) {
                    K::changed(&relations, &object);
                }
                for object in &now {
                    K::changed(&relations, object);
                }
            }
            Ok(watcher::Event::Apply(object) | watcher::Event::Delete(object)) => K::changed(&relations, object),
            Ok(watcher::Event::Init) => before = store.state(),
            Ok(watcher::Event::InitApply(_)) => {}
            Err(error) => tracing::warn!(controller = K::CONTROLLER, %error, "the watch is interrupted"),
        })
        .applied_objects();
    (Controller::for_stream(stream, source.store), source.wakes)
}

/// Those of the objects before that are not among those now.
fn vanished<K: Kind>(now: &[Arc<Guarded<K>>], before: Vec<Arc<Guarded<K>>>) -> impl Iterator<Item = Arc<Guarded<K>>> {
    let uid = |object: &Arc<Guarded<K>>| object.meta().uid.clone();
    let there: HashSet<Option<String>> = now.iter().map(uid).collect();
    before.into_iter().filter(move |object| !there.contains(&uid(object)))
}

#[derive(Clone)]
struct Filled {
    context: Arc<Context>,
    relations: Arc<Relations>,
    readiness: Readiness,
    stores: [Flag; 5],
}

impl Filled {
    async fn wait(mut self) {
        for flag in &mut self.stores {
            if flag.wait_for(|filled| *filled).await.is_err() {
                // That controller has ended before it was filled: nobody may decide from its empty store.
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn drive<K: Related>(source: Source<K>, filled: Filled) -> &'static str {
    let part = K::CONTROLLER;
    let context = Arc::clone(&filled.context);
    let (controller, wakes) = controller(&context.client, Arc::clone(&filled.relations), source);
    let readiness = filled.readiness.clone();
    readiness.waiting(
        part,
        "waiting for the first listing of the kinds desktop-operator.io/v1alpha1",
    );
    let first = filled.clone();
    tokio::spawn(async move {
        first.wait().await;
        readiness.ready(part);
    });
    let (stop, early) = (context.shutdown.clone(), context.shutdown.clone());
    let listed = filled.clone();
    let failures = Arc::new(Failures::default());
    let wakes = futures::stream::unfold(wakes, |mut wakes| async move {
        wakes.recv().await.map(|wake| (wake, wakes))
    });
    let reconcile = move |object: Arc<Guarded<K>>, context: Arc<Context>| {
        let (failures, filled) = (Arc::clone(&failures), filled.clone());
        async move {
            filled.wait().await;
            pass(object, context, failures).await
        }
    };
    // Before the first listings no pass has begun, and a controller that is stopped then would wait for its own for
    // ever: it is dropped instead.
    let stopped_early = async move {
        tokio::select! {
            biased;
            () = listed.wait() => std::future::pending().await,
            () = early.cancelled() => {}
        }
    };
    let concurrency = context.settings.concurrency;
    context.metrics.controller_started(part, concurrency);
    let running = controller
        .with_config(Config::default().concurrency(concurrency))
        .reconcile_on(wakes)
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(reconcile, |_, never, _| match *never {}, context)
        .for_each(|result| async move {
            if let Err(error) = result {
                tracing::debug!(controller = part, %error, "the controller's queue");
            }
        });
    tokio::select! {
        () = running => {}
        () = stopped_early => {}
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, uid: &str) -> Arc<Guarded<Desktop>> {
        let metadata = serde_json::json!({"name": name, "namespace": "design", "uid": uid});
        let spec = serde_json::json!({"clusterRef": {"name": "office"}});
        let all = serde_json::json!({
            "apiVersion": Desktop::api_version(&()), "kind": Desktop::kind(&()), "metadata": metadata, "spec": spec,
        });
        Arc::new(serde_json::from_value(all).unwrap())
    }

    #[test]
    fn what_went_while_nobody_watched_is_known_by_its_uid() {
        let before = vec![named("alice", "1"), named("bob", "2"), named("carol", "3")];
        let now = [named("alice", "1"), named("bob", "4")];
        let gone: Vec<Option<String>> = vanished(&now, before).map(|d| d.meta().uid.clone()).collect();
        assert_eq!(gone, [Some("2".to_owned()), Some("3".to_owned())]);
    }
}
