//! Who looks again when an object changes, and who does not.

use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

type Woken<K> = UnboundedReceiver<ObjectRef<Guarded<K>>>;

/// Objects of a kind, and who of them was woken.
struct Side<K: Kind> {
    writer: Writer<Guarded<K>>,
    woken: Woken<K>,
}

impl<K: Kind> Side<K> {
    fn woken(&mut self) -> Vec<String> {
        let mut names: Vec<String> = std::iter::from_fn(|| self.woken.try_recv().ok())
            .map(|at| at.name)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

struct World {
    relations: Relations,
    providers: Side<DesktopProvider>,
    clusters: Side<DesktopCluster>,
    desktops: Side<Desktop>,
    images: Side<DesktopImage>,
    pools: Side<DesktopPool>,
}

fn side<K: Kind>() -> (kube::runtime::reflector::Store<Guarded<K>>, Waker<K>, Side<K>) {
    let (store, writer) = kube::runtime::reflector::store();
    let (waker, woken) = unbounded_channel();
    (store, waker, Side { writer, woken })
}

impl World {
    fn new() -> Self {
        let ((providers, provider, of_providers), (clusters, cluster, of_clusters)) = (side(), side());
        let ((desktops, desktop, of_desktops), (images, image, of_images)) = (side(), side());
        let (pools, pool, of_pools) = side();
        let stores = Stores {
            providers,
            clusters,
            desktops,
            images,
            pools,
        };
        let wakers = Wakers {
            provider,
            cluster,
            desktop,
            image,
            pool,
        };
        Self {
            relations: Relations::new(stores, wakers),
            providers: of_providers,
            clusters: of_clusters,
            desktops: of_desktops,
            images: of_images,
            pools: of_pools,
        }
    }

    /// Who is woken by now, kind by kind: `cluster/a desktop/b`.
    fn woken(&mut self) -> String {
        let kinds = [
            ("provider", self.providers.woken()),
            ("cluster", self.clusters.woken()),
            ("desktop", self.desktops.woken()),
            ("image", self.images.woken()),
            ("pool", self.pools.woken()),
        ];
        let words = |(kind, names): (&str, Vec<String>)| names.into_iter().map(|n| format!("{kind}/{n}")).collect();
        let all: Vec<Vec<String>> = kinds.into_iter().map(words).collect();
        all.concat().join(" ")
    }
}

/// An object of a namespace of its own choice, with what its metadata and its spec say besides.
fn object<K: Kind>(namespace: &str, name: &str, spec: &Value, more: &Value) -> Guarded<K> {
    let mut metadata = json!({"name": name, "uid": format!("{namespace}-{name}"), "generation": 1});
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    let mut all = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": metadata, "spec": spec,
    });
    for (key, value) in more.as_object().unwrap() {
        if key == "metadata" {
            let extra = value.as_object().unwrap().clone();
            all["metadata"].as_object_mut().unwrap().extend(extra);
        } else {
            all[key] = value.clone();
        }
    }
    let guarded: Guarded<K> = serde_json::from_value(all).unwrap();
    assert!(guarded.0.is_ok(), "{:?}", guarded.0.as_ref().err());
    guarded
}

fn deleted() -> Value {
    json!({"metadata": {"deletionTimestamp": "2026-11-25T00:00:00Z"}})
}

fn provider(more: &Value) -> Guarded<DesktopProvider> {
    let spec = json!({
        "gws": {"region": "cn-hangzhou"},
        "credentialsSecretRef": {"namespace": "system", "name": "acme"},
        "allowedNamespaces": {},
    });
    object("", "acme", &spec, more)
}

fn cluster(namespace: &str, name: &str, more: &Value) -> Guarded<DesktopCluster> {
    let spec = json!({"providerRef": {"name": "acme"}, "network": {"vpcId": "vpc-1"}});
    object(namespace, name, &spec, more)
}

fn desktop(namespace: &str, name: &str, image: &Value, more: &Value) -> Guarded<Desktop> {
    let spec = json!({"clusterRef": {"name": "office"}, "flavor": "small", "image": image});
    object(namespace, name, &spec, more)
}

fn image(name: &str, source: &str, more: &Value) -> Guarded<DesktopImage> {
    let spec = json!({"providerRef": {"name": "acme"}, "capture": {"desktopRef": {"name": source}}});
    object("design", name, &spec, more)
}

fn pool(name: &str, image: &Value) -> Guarded<DesktopPool> {
    let template = json!({"spec": {"clusterRef": {"name": "office"}, "flavor": "small", "image": image}});
    object(
        "design",
        name,
        &json!({"replicas": 1, "template": template}),
        &json!({}),
    )
}

fn put<K: Kind>(side: &mut Side<K>, objects: impl IntoIterator<Item = Guarded<K>>) {
    for object in objects {
        side.writer.apply_watcher_event(&Event::Apply(object));
    }
}

/// Everything that there is in the tests, at rest.
fn world() -> World {
    let (none, golden) = (json!({}), json!({"ref": {"name": "golden"}}));
    let bare = json!({"id": "m-1"});
    let mut world = World::new();
    put(&mut world.providers, [provider(&none)]);
    put(
        &mut world.clusters,
        [cluster("design", "office", &none), cluster("other", "office", &none)],
    );
    let desktops = [
        desktop("design", "alice", &golden, &none),
        desktop("design", "builder", &bare, &none),
        desktop("other", "carol", &golden, &none),
    ];
    put(&mut world.desktops, desktops);
    put(&mut world.images, [image("golden", "builder", &none)]);
    put(&mut world.pools, [pool("class", &golden), pool("lab", &bare)]);
    world
}

#[test]
fn a_change_wakes_those_who_decide_from_it_and_nobody_else() {
    let (none, golden) = (json!({}), json!({"ref": {"name": "golden"}}));
    let mut world = world();
    DesktopProvider::changed(&world.relations, &provider(&none));
    assert_eq!(world.woken(), "cluster/office image/golden");
    DesktopCluster::changed(&world.relations, &cluster("design", "office", &none));
    assert_eq!(world.woken(), "desktop/alice desktop/builder pool/class pool/lab");
    DesktopImage::changed(&world.relations, &image("golden", "builder", &none));
    assert_eq!(world.woken(), "desktop/alice desktop/builder pool/class");
    Desktop::changed(&world.relations, &desktop("design", "builder", &none, &none));
    assert_eq!(world.woken(), "image/golden");
    for (namespace, name) in [("design", "alice"), ("other", "builder")] {
        Desktop::changed(&world.relations, &desktop(namespace, name, &golden, &none));
        assert_eq!(world.woken(), "", "{namespace}/{name}");
    }
    let owner = json!([{"apiVersion": "desktop-operator.io/v1alpha1", "kind": "DesktopPool", "name": "class", "uid": "u",
        "controller": true}]);
    let child = desktop(
        "design",
        "class-0",
        &none,
        &json!({"metadata": {"ownerReferences": owner}}),
    );
    Desktop::changed(&world.relations, &child);
    assert_eq!(world.woken(), "pool/class");
}

#[test]
fn what_is_being_deleted_looks_again_when_one_it_waits_for_changes() {
    let (none, golden) = (json!({}), json!({"ref": {"name": "golden"}}));
    let mut world = world();
    put(&mut world.providers, [provider(&deleted())]);
    put(&mut world.clusters, [cluster("design", "office", &deleted())]);
    put(&mut world.images, [image("golden", "builder", &deleted())]);
    Desktop::changed(&world.relations, &desktop("design", "alice", &golden, &none));
    assert_eq!(world.woken(), "cluster/office image/golden");
    DesktopPool::changed(&world.relations, &pool("class", &golden));
    assert_eq!(world.woken(), "cluster/office image/golden");
    // It may have referred to the image until now.
    DesktopPool::changed(&world.relations, &pool("lab", &json!({"id": "m-1"})));
    assert_eq!(world.woken(), "cluster/office image/golden");
    DesktopImage::changed(&world.relations, &image("other", "nobody", &none));
    assert_eq!(world.woken(), "provider/acme");
    Desktop::changed(&world.relations, &desktop("other", "carol", &golden, &none));
    assert_eq!(world.woken(), "");
}

#[test]
fn a_cluster_wakes_its_desktops_when_it_shows_them_something_new() {
    let ready = |status: &str, generation: i64| {
        json!([{"type": "Ready", "status": status, "reason": "Running", "message": "-",
            "observedGeneration": generation, "lastTransitionTime": "2026-11-25T00:00:00Z"}])
    };
    let said = |desktops: i32, status: &str| {
        json!({"status": {"observedGeneration": 1, "id": "c-1", "state": "Running", "desktops": desktops,
            "conditions": ready(status, 1)}})
    };
    let mut world = world();
    let mut wakes = |more: &Value| {
        let cluster = cluster("design", "office", more);
        put(&mut world.clusters, [cluster.clone()]);
        DesktopCluster::changed(&world.relations, &cluster);
        !world.woken().is_empty()
    };
    assert!(wakes(&said(0, "False")));
    assert!(wakes(&said(0, "True")));
    // Its desktops are counted while they are made: a thousand need not look a thousand times.
    assert!(!wakes(&said(1, "True")));
    assert!(!wakes(&said(2, "True")));
    assert!(wakes(&said(2, "False")));
    let mut edited = said(2, "False");
    edited["metadata"] = json!({"generation": 2});
    assert!(wakes(&edited));
    edited["metadata"]["deletionTimestamp"] = "2026-11-25T00:00:00Z".into();
    assert!(wakes(&edited));
    // It goes, and another comes under its name.
    let gone = cluster("design", "office", &edited);
    world.clusters.writer.apply_watcher_event(&Event::Delete(gone.clone()));
    DesktopCluster::changed(&world.relations, &gone);
    assert_ne!(world.woken(), "");
    assert!(lock(&world.relations.clusters).is_empty());
}
