//! Starts the controllers and keeps them running until the process is asked to end.

use std::sync::Arc;

use anyhow::Context as _;
use futures::StreamExt;
use kube::runtime::controller::{Config, Controller};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accounts::Accounts;
use super::context::{Context, Guarded, Parts, Stores, Wakers};
use super::kind::{Failures, Kind, pass};
use super::reference;
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
    let (wake_provider, provider_wakes) = unbounded_channel();
    let (wake_cluster, cluster_wakes) = unbounded_channel();
    let (wake_desktop, desktop_wakes) = unbounded_channel();
    let (wake_image, image_wakes) = unbounded_channel();
    let (wake_pool, pool_wakes) = unbounded_channel();
    let (providers, providers_filled) = controller::<DesktopProvider>(&client);
    let (clusters, clusters_filled) = controller::<DesktopCluster>(&client);
    let (desktops, desktops_filled) = controller::<Desktop>(&client);
    let (images, images_filled) = controller::<DesktopImage>(&client);
    let (pools, pools_filled) = controller::<DesktopPool>(&client);
    let stores = Stores {
        providers: providers.store(),
        clusters: clusters.store(),
        desktops: desktops.store(),
        images: images.store(),
        pools: pools.store(),
    };
    let reporter = Reporter {
        controller: FIELD_MANAGER.into(),
        instance: std::env::var("POD_NAME").ok(),
    };
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
        wakers: Wakers {
            provider: wake_provider,
            cluster: wake_cluster,
            desktop: wake_desktop,
            image: wake_image,
            pool: wake_pool,
        },
    }));

    let providers = providers
        .watches(
            Api::<Guarded<DesktopCluster>>::all(client.clone()),
            watch(),
            awaited_provider(context.providers.clone()),
        )
        .watches(
            Api::<Guarded<DesktopImage>>::all(client.clone()),
            watch(),
            provider_awaiting_image(context.providers.clone()),
        );
    let clusters = clusters
        .watches(
            Api::<Guarded<DesktopProvider>>::all(client.clone()),
            watch(),
            clusters_of(context.clusters.clone()),
        )
        .watches(
            Api::<Guarded<Desktop>>::all(client.clone()),
            watch(),
            awaited_cluster(context.clusters.clone()),
        )
        .watches(
            Api::<Guarded<DesktopPool>>::all(client.clone()),
            watch(),
            cluster_awaiting_pool(context.clusters.clone()),
        );
    let desktops = watching_desktops(desktops, &context);
    let images = watching_images(images, &context);
    let pools = watching_pools(pools, &context);

    let mut running = JoinSet::new();
    let readiness = runtime.readiness;
    // Each kind decides from all stores: none starts before all are filled.
    let stores = [
        providers_filled,
        clusters_filled,
        desktops_filled,
        images_filled,
        pools_filled,
    ];
    let filled = Filled {
        context: Arc::clone(&context),
        readiness,
        stores,
    };
    running.spawn(drive(providers, provider_wakes, filled.clone()));
    running.spawn(drive(clusters, cluster_wakes, filled.clone()));
    running.spawn(drive(desktops, desktop_wakes, filled.clone()));
    running.spawn(drive(images, image_wakes, filled.clone()));
    running.spawn(drive(pools, pool_wakes, filled));
    while let Some(ended) = running.join_next().await {
        let name = ended.context("a controller panicked")?;
        anyhow::ensure!(context.shutdown.is_cancelled(), "controller {name} ended by itself");
    }
    Ok(())
}

/// Desktops, and what they look again for.
fn watching_desktops(desktops: Controller<Guarded<Desktop>>, context: &Context) -> Controller<Guarded<Desktop>> {
    desktops
        .watches(
            Api::<Guarded<DesktopCluster>>::all(context.client.clone()),
            watch(),
            desktops_of(context.desktops.clone()),
        )
        .watches(
            Api::<Guarded<DesktopImage>>::all(context.client.clone()),
            watch(),
            desktops_of_image(context.desktops.clone()),
        )
}

/// Images, and what they look again for.
fn watching_images(images: Controller<Guarded<DesktopImage>>, context: &Context) -> Controller<Guarded<DesktopImage>> {
    images
        .watches(
            Api::<Guarded<DesktopProvider>>::all(context.client.clone()),
            watch(),
            images_of_provider(context.images.clone()),
        )
        .watches(
            Api::<Guarded<Desktop>>::all(context.client.clone()),
            watch(),
            images_of_desktop(context.images.clone()),
        )
        .watches(
            Api::<Guarded<DesktopPool>>::all(context.client.clone()),
            watch(),
            image_awaiting_pool(context.images.clone()),
        )
}

/// Pools look again when what they are made of or made from changes.
fn watching_pools(pools: Controller<Guarded<DesktopPool>>, context: &Context) -> Controller<Guarded<DesktopPool>> {
    let client = &context.client;
    pools
        .watches(Api::<Guarded<Desktop>>::all(client.clone()), watch(), |desktop| {
            pool_of(&desktop)
        })
        .watches(
            Api::<Guarded<DesktopCluster>>::all(client.clone()),
            watch(),
            pools_of(context.pools.clone()),
        )
        .watches(
            Api::<Guarded<DesktopImage>>::all(client.clone()),
            watch(),
            pools_of_image(context.pools.clone()),
        )
}

fn watch() -> watcher::Config {
    watcher::Config::default().timeout(WATCH_SECONDS)
}

/// Becomes true with the first complete listing of a kind.
type Flag = tokio::sync::watch::Receiver<bool>;

/// A controller over its own watch, and a flag of our own for its first listing: only one task may wait for a store
/// itself, and the controller does.
fn controller<K>(client: &Client) -> (Controller<Guarded<K>>, Flag)
where
    K: Kind,
{
    let (reader, writer) = kube::runtime::reflector::store();
    let (filled, flag) = tokio::sync::watch::channel(false);
    let stream = watcher(Api::<Guarded<K>>::all(client.clone()), watch())
        .default_backoff()
        .modify(|object| object.meta_mut().managed_fields = None)
        .reflect(writer)
        .inspect(move |event| match event {
            Ok(watcher::Event::InitDone) => {
                filled.send_replace(true);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(controller = K::CONTROLLER, %error, "the watch is interrupted"),
        })
        .applied_objects();
    (Controller::for_stream(stream, reader), flag)
}

#[derive(Clone)]
struct Filled {
    context: Arc<Context>,
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

async fn drive<K>(controller: Controller<Guarded<K>>, wakes: Wakes<K>, filled: Filled) -> &'static str
where
    K: Kind,
{
    let part = K::CONTROLLER;
    let context = Arc::clone(&filled.context);
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

/// A provider that is being deleted looks again when one of its clusters changes or goes.
fn awaited_provider(
    providers: Store<Guarded<DesktopProvider>>,
) -> impl Fn(Guarded<DesktopCluster>) -> Option<ObjectRef<Guarded<DesktopProvider>>> {
    move |cluster| {
        let cluster = cluster.0.ok()?;
        let name = super::cluster::provider_of(&cluster);
        let provider = providers.find(|p| p.meta().name.as_deref() == Some(name))?;
        let waits = provider.meta().deletion_timestamp.is_some();
        waits.then(|| ObjectRef::new(name))
    }
}

/// Clusters look again when their provider changes.
fn clusters_of(
    clusters: Store<Guarded<DesktopCluster>>,
) -> impl Fn(Guarded<DesktopProvider>) -> Vec<ObjectRef<Guarded<DesktopCluster>>> {
    move |provider| {
        let name = provider.name_any();
        let of = |c: &Guarded<DesktopCluster>| {
            c.0.as_ref()
                .ok()
                .filter(|c| super::cluster::provider_of(c) == name)
                .map(reference)
        };
        clusters.state().iter().filter_map(|c| of(c)).collect()
    }
}

/// A cluster that is being deleted looks again when one of its desktops changes or goes.
fn awaited_cluster(
    clusters: Store<Guarded<DesktopCluster>>,
) -> impl Fn(Guarded<Desktop>) -> Option<ObjectRef<Guarded<DesktopCluster>>> {
    move |desktop| {
        let desktop = desktop.0.ok()?;
        let namespace = desktop.namespace()?;
        let name = desktop.spec.cluster_ref.name;
        let at = ObjectRef::<Guarded<DesktopCluster>>::new(&name).within(&namespace);
        let cluster = clusters.get(&at)?;
        cluster.meta().deletion_timestamp.is_some().then_some(at)
    }
}

/// Desktops look again when their cluster changes.
fn desktops_of(
    desktops: Store<Guarded<Desktop>>,
) -> impl Fn(Guarded<DesktopCluster>) -> Vec<ObjectRef<Guarded<Desktop>>> {
    move |cluster| {
        let (namespace, name) = (cluster.namespace(), cluster.name_any());
        let of = |d: &Guarded<Desktop>| {
            let here = d.namespace() == namespace;
            d.0.as_ref()
                .ok()
                .filter(|d| here && d.spec.cluster_ref.name == name)
                .map(reference)
        };
        desktops.state().iter().filter_map(|d| of(d)).collect()
    }
}

/// A provider that is being deleted looks again when one of its images changes or goes.
fn provider_awaiting_image(
    providers: Store<Guarded<DesktopProvider>>,
) -> impl Fn(Guarded<DesktopImage>) -> Option<ObjectRef<Guarded<DesktopProvider>>> {
    move |image| {
        let image = image.0.ok()?;
        let name = super::image::provider_of(&image);
        let provider = providers.find(|p| p.meta().name.as_deref() == Some(name))?;
        let waits = provider.meta().deletion_timestamp.is_some();
        waits.then(|| ObjectRef::new(name))
    }
}

/// Desktops look again when the image changes that they are made from, or that is made from them.
fn desktops_of_image(
    desktops: Store<Guarded<Desktop>>,
) -> impl Fn(Guarded<DesktopImage>) -> Vec<ObjectRef<Guarded<Desktop>>> {
    move |image| {
        let (namespace, name) = (image.namespace(), image.name_any());
        let source = image.0.as_ref().ok().and_then(super::image::captured_from);
        let concerned = |d: &Desktop| {
            let reference = d.spec.image.as_ref().and_then(|image| image.reference.as_ref());
            reference.is_some_and(|r| r.name == name) || d.metadata.name.as_deref() == source
        };
        let of = |d: &Guarded<Desktop>| {
            let here = d.namespace() == namespace;
            d.0.as_ref().ok().filter(|d| here && concerned(d)).map(reference)
        };
        desktops.state().iter().filter_map(|d| of(d)).collect()
    }
}

/// Images look again when their provider changes.
fn images_of_provider(
    images: Store<Guarded<DesktopImage>>,
) -> impl Fn(Guarded<DesktopProvider>) -> Vec<ObjectRef<Guarded<DesktopImage>>> {
    move |provider| {
        let name = provider.name_any();
        let of = |i: &Guarded<DesktopImage>| {
            i.0.as_ref()
                .ok()
                .filter(|i| super::image::provider_of(i) == name)
                .map(reference)
        };
        images.state().iter().filter_map(|i| of(i)).collect()
    }
}

/// Images look again when the Desktop changes that they are made from, and while they are being deleted when one
/// changes or goes that refers to them.
fn images_of_desktop(
    images: Store<Guarded<DesktopImage>>,
) -> impl Fn(Guarded<Desktop>) -> Vec<ObjectRef<Guarded<DesktopImage>>> {
    move |desktop| {
        let (namespace, name) = (desktop.namespace(), desktop.name_any());
        let image = desktop.0.as_ref().ok().and_then(|d| d.spec.image.as_ref());
        let used = image.and_then(|i| i.reference.as_ref()).map(|r| r.name.as_str());
        let concerned = |i: &DesktopImage| {
            let made = i
                .status
                .as_ref()
                .is_some_and(|s| s.id.is_some() && s.held_desktop_id.is_none());
            (super::image::captured_from(i) == Some(name.as_str()) && !made)
                || (i.metadata.deletion_timestamp.is_some() && i.metadata.name.as_deref() == used)
        };
        let of = |i: &Guarded<DesktopImage>| {
            let here = i.namespace() == namespace;
            i.0.as_ref().ok().filter(|i| here && concerned(i)).map(reference)
        };
        images.state().iter().filter_map(|i| of(i)).collect()
    }
}

/// An image that is being deleted looks again when a pool changes or goes that refers to it.
fn image_awaiting_pool(
    images: Store<Guarded<DesktopImage>>,
) -> impl Fn(Guarded<DesktopPool>) -> Option<ObjectRef<Guarded<DesktopImage>>> {
    move |pool| {
        let pool = pool.0.ok()?;
        let namespace = pool.namespace()?;
        let name = pool.spec.template.spec.image.reference?.name;
        let at = ObjectRef::<Guarded<DesktopImage>>::new(&name).within(&namespace);
        let image = images.get(&at)?;
        image.meta().deletion_timestamp.is_some().then_some(at)
    }
}

/// A cluster that is being deleted looks again when one of its pools changes or goes.
fn cluster_awaiting_pool(
    clusters: Store<Guarded<DesktopCluster>>,
) -> impl Fn(Guarded<DesktopPool>) -> Option<ObjectRef<Guarded<DesktopCluster>>> {
    move |pool| {
        let pool = pool.0.ok()?;
        let namespace = pool.namespace()?;
        let name = pool.spec.template.spec.cluster_ref.name;
        let at = ObjectRef::<Guarded<DesktopCluster>>::new(&name).within(&namespace);
        let cluster = clusters.get(&at)?;
        cluster.meta().deletion_timestamp.is_some().then_some(at)
    }
}

/// The pool that a Desktop belongs to looks again when it changes or goes.
fn pool_of(desktop: &Guarded<Desktop>) -> Option<ObjectRef<Guarded<DesktopPool>>> {
    let owners = desktop.meta().owner_references.iter().flatten();
    let owner = owners
        .into_iter()
        .find(|o| o.controller == Some(true) && o.kind == DesktopPool::kind(&()))?;
    let namespace = desktop.namespace()?;
    Some(ObjectRef::<Guarded<DesktopPool>>::new(&owner.name).within(&namespace))
}

/// Pools look again when their cluster changes.
fn pools_of(
    pools: Store<Guarded<DesktopPool>>,
) -> impl Fn(Guarded<DesktopCluster>) -> Vec<ObjectRef<Guarded<DesktopPool>>> {
    move |cluster| {
        let (namespace, name) = (cluster.namespace(), cluster.name_any());
        let of = |p: &Guarded<DesktopPool>| {
            let here = p.namespace() == namespace;
            p.0.as_ref()
                .ok()
                .filter(|p| here && p.spec.template.spec.cluster_ref.name == name)
                .map(reference)
        };
        pools.state().iter().filter_map(|p| of(p)).collect()
    }
}

/// Pools look again when the image of their template changes.
fn pools_of_image(
    pools: Store<Guarded<DesktopPool>>,
) -> impl Fn(Guarded<DesktopImage>) -> Vec<ObjectRef<Guarded<DesktopPool>>> {
    move |image| {
        let (namespace, name) = (image.namespace(), image.name_any());
        let named = |p: &DesktopPool| {
            let reference = p.spec.template.spec.image.reference.as_ref();
            reference.is_some_and(|r| r.name == name)
        };
        let of = |p: &Guarded<DesktopPool>| {
            let here = p.namespace() == namespace;
            p.0.as_ref().ok().filter(|p| here && named(p)).map(reference)
        };
        pools.state().iter().filter_map(|p| of(p)).collect()
    }
}
