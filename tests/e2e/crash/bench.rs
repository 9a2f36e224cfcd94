//! A world whose operator can be stopped at any request, and the judge.

use std::path::PathBuf;

use serde_json::json;

use desktop_operator::api::common::CreateIntent;
use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage};
use desktop_operator::sim::{Entry, Kind, Ledger, Sim, SimConfig};

use super::report::Report;
use crate::harness::{Env, Operator, OperatorBuilder, eventually};
use crate::proxy::{At, Cut, Effect, Moment, Proxy, Script, Verdict};
use crate::world::{Seen, Vendor, World};

/// The name of a resource and which of its requests is cut, from 1.
pub type Point = (String, usize);

/// A world with proxies around the operator.
pub struct Bench {
    pub world: World,
    pub script: Script,
    pub report: Report,
    flags: Vec<String>,
    kubeconfig: PathBuf,
    vendor: Proxy,
    _api: Proxy,
}

/// A kind whose life is cut.
pub trait Mortal: Seen {
    const KIND: Kind;
    const CREATE: &'static str;
    const DELETE: &'static str;

    /// Applies one.
    async fn apply(bench: &Bench, name: &str);
    /// The recorded vendor id.
    fn vendor_id(&self) -> Option<String>;
    /// The creation in doubt, if there is one.
    fn intent(&self) -> Option<&CreateIntent>;
    /// Whether a request at the vendor was the creation of this one.
    fn is_creation(entry: &Entry, name: &str) -> bool;
}

impl Mortal for Desktop {
    const KIND: Kind = Kind::Instance;
    const CREATE: &'static str = "CreateInstance";
    const DELETE: &'static str = "DeleteInstance";

    /// With something of everything, so that there is much to be interrupted in.
    async fn apply(bench: &Bench, name: &str) {
        let spec = json!({
            "flavor": "ecs.gn6i-c4g1.xlarge",
            "user": {"name": "alice", "uid": "1234"},
            "displayPolicy": {"visualLossless": true},
        });
        bench.world.desktop(name, spec).await;
    }

    fn vendor_id(&self) -> Option<String> {
        self.status.as_ref()?.id.clone()
    }

    fn intent(&self) -> Option<&CreateIntent> {
        self.status.as_ref()?.create.as_ref()
    }

    fn is_creation(entry: &Entry, name: &str) -> bool {
        let ours = |n: &str| n.strip_prefix(name).is_some_and(|rest| rest.starts_with("-dsk"));
        entry.action == Self::CREATE && entry.param("Name").is_some_and(ours)
    }
}

impl Mortal for DesktopCluster {
    const KIND: Kind = Kind::Cluster;
    const CREATE: &'static str = "CreateCluster";
    const DELETE: &'static str = "DeleteCluster";

    /// In a network of its own: that is what clusters are told apart by while they have no name.
    async fn apply(bench: &Bench, name: &str) {
        let spec = json!({"network": {"vpcId": format!("vpc-{name}")}});
        bench.world.cluster(name, spec).await;
    }

    fn vendor_id(&self) -> Option<String> {
        self.status.as_ref()?.id.clone()
    }

    fn intent(&self) -> Option<&CreateIntent> {
        self.status.as_ref()?.create.as_ref()
    }

    fn is_creation(entry: &Entry, name: &str) -> bool {
        entry.action == Self::CREATE && entry.param("VpcId").and_then(|v| v.strip_prefix("vpc-")) == Some(name)
    }
}

impl Mortal for DesktopImage {
    const KIND: Kind = Kind::Image;
    const CREATE: &'static str = "CreateImage";
    const DELETE: &'static str = "DeleteImage";

    /// From a desktop of its own, which is stopped for it and started again.
    async fn apply(bench: &Bench, name: &str) {
        let source = source_of(name);
        bench.world.desktop(&source, json!({})).await;
        bench
            .world
            .image(name, json!({"capture": {"desktopRef": {"name": source}}}))
            .await;
    }

    fn vendor_id(&self) -> Option<String> {
        self.status.as_ref()?.id.clone()
    }

    fn intent(&self) -> Option<&CreateIntent> {
        self.status.as_ref()?.create.as_ref()
    }

    fn is_creation(entry: &Entry, name: &str) -> bool {
        let ours = |n: &str| n.strip_prefix(name).is_some_and(|rest| rest.starts_with("-dsk"));
        entry.action == Self::CREATE && entry.param("Name").is_some_and(ours)
    }
}

/// The Desktop that an image is made from.
pub fn source_of(image: &str) -> String {
    format!("of-{image}")
}

impl Bench {
    /// Everything up and the operator ready. `flags` are those of every operator of this bench.
    pub async fn start(config: SimConfig, flags: &[&str]) -> Self {
        let env = Env::own().await;
        let sim = Sim::start(config).await.unwrap();
        let script = Script::default();
        let api = Proxy::to_api(&env, &script).await;
        let vendor = Proxy::to_vendor(sim.url(), &script).await;
        let kubeconfig = api.kubeconfig(&env);
        let flags: Vec<String> = flags.iter().map(|&f| f.to_owned()).collect();
        let operator = launch(&env, &flags, &kubeconfig, vendor.url());
        let world = World {
            operator,
            sim,
            env,
            vendor: Vendor::gws(),
        };
        let mut bench = Self {
            world,
            script,
            report: Report::default(),
            flags,
            kubeconfig,
            vendor,
            _api: api,
        };
        bench.world.operator.ready().await;
        bench.world.credentials("testid", "testsecret").await;
        let provider = bench.world.provider();
        let provider = provider.replace(bench.world.sim.url(), bench.vendor.url());
        bench.world.env.apply(&provider).await;
        bench
    }

    /// Where the operator finds the vendor.
    pub fn place(&self) -> &str {
        self.vendor.url()
    }

    /// Another operator, as the first one was started, with more flags.
    pub fn operator(&self, more: &[&str]) -> Operator {
        let mut flags = self.flags.clone();
        flags.extend(more.iter().map(|&f| f.to_owned()));
        launch(&self.world.env, &flags, &self.kubeconfig, self.vendor.url())
    }

    /// SIGKILL.
    pub fn crash(&mut self) {
        self.world.operator.kill();
    }

    /// A successor, ready.
    pub async fn succeed(&mut self, more: &[&str]) {
        self.world.operator = self.operator(more);
        self.world.operator.ready().await;
    }

    /// How many requests it takes to make one, and to delete it.
    pub async fn reference<K: Mortal>(&self, name: &str) -> (usize, usize) {
        self.script.cut(name, None);
        K::apply(self, name).await;
        self.judge_made::<K>(name).await;
        let made = self.script.passed(name);
        self.script.cut(name, None);
        self.world.delete::<K>(name).await;
        self.judge_gone::<K>(name).await;
        let gone = self.script.passed(name);
        assert!(made.len() > 3 && gone.len() > 1, "{made:?}\n{gone:?}");
        (made.len(), gone.len())
    }

    /// Strikes each of these at its point.
    pub fn arm(&self, points: &[Point], moment: Moment, effect: Effect) {
        for (name, number) in points {
            let cut = Cut {
                at: At::Number(*number),
                moment,
                effect,
            };
            self.script.cut(name, Some(cut));
        }
    }

    /// Stops each of these at its point.
    pub fn hold(&self, points: &[Point], moment: Moment) {
        self.arm(points, moment, Effect::Hold);
    }

    /// Makes one whose creation is held at the vendor.
    pub async fn begin_creation<K: Mortal>(&self, name: &str, moment: Moment) {
        let cut = Cut {
            at: At::First(K::CREATE),
            moment,
            effect: Effect::Hold,
        };
        self.script.cut(name, Some(cut));
        K::apply(self, name).await;
        eventually("its creation is held", async || {
            if self.script.holds(name) {
                Ok(())
            } else {
                Err(format!("{:?}", self.script.passed(name)))
            }
        })
        .await;
    }

    /// Waits until each of these is held, or has reached its end with fewer requests.
    pub async fn all_held<K: Mortal>(&self, points: &[Point], deleting: bool) {
        for (name, number) in points {
            eventually(&format!("{name} comes to request {number}"), async || {
                if self.script.holds(name) {
                    return Ok(());
                }
                let object = self.world.api::<K>().get_opt(name).await.map_err(|e| e.to_string())?;
                let ended = match object {
                    // Of some a vendor tells nothing, so that they cannot be Ready.
                    Some(o) => {
                        !deleting
                            && (o.is("Ready", "True") || o.condition("Ready").is_some_and(|c| c.1 == "NotObservable"))
                    }
                    None => deleting,
                };
                let passed = self.script.passed(name);
                if ended && passed.len() < *number {
                    return Ok(());
                }
                Err(format!("{passed:#?}"))
            })
            .await;
        }
        for (name, _) in points {
            self.script.disarm(name);
        }
    }

    /// What was held is lost, or its answer is.
    pub fn lose(&self, points: &[Point]) {
        for (name, _) in points {
            self.script.release(name, Verdict::Drop);
        }
    }

    /// Notes what was cut.
    pub fn note(&mut self, scene: &str, points: &[Point], how: &str) {
        for (name, number) in points {
            match self.script.struck(name) {
                Some(label) => self.report.survived(scene, *number, &label, how),
                None => self.report.passed_by(),
            }
        }
    }

    /// It is Ready, exactly one was ever made, that one exists and is the recorded one.
    pub async fn judge_made<K: Mortal>(&self, name: &str) {
        let object = self.world.ready::<K>(name).await;
        let ledger = self.world.ledger();
        let made = creations::<K>(&ledger, name);
        assert_eq!(made.len(), 1, "{name}: {made:#?}");
        // A request may name what it works on beside what it makes.
        assert_eq!(made[0].ids.first(), object.vendor_id().as_ref(), "{name}");
        let existing = ledger.existing(K::KIND);
        let of_it = existing.iter().filter(|life| life.created_by == Some(made[0].seq));
        assert_eq!(of_it.count(), 1, "{name}");
        assert!(
            object.condition("Duplicate").is_none(),
            "{name}: {}",
            object.says("Duplicate")
        );
    }

    /// It is gone, and what was made for it is gone by requests that named nothing else.
    pub async fn judge_gone<K: Mortal>(&self, name: &str) {
        self.world.gone::<K>(name).await;
        let ledger = self.world.ledger();
        for made in creations::<K>(&ledger, name) {
            let existing = ledger.existing(K::KIND);
            assert!(existing.iter().all(|life| life.created_by != Some(made.seq)), "{name}");
            let deletions = ledger.committed(K::DELETE);
            let asked = deletions.iter().filter(|e| e.ids.first() == made.ids.first()).count();
            assert!((1..=2).contains(&asked), "{name}: deleted {asked} times");
        }
    }

    /// No cluster sees a desktop of ours without its resource.
    pub async fn no_orphans(&self, cluster: &str) {
        let cluster: DesktopCluster = self.world.get(cluster).await;
        let orphans = cluster.status.unwrap().orphans;
        assert!(orphans.is_empty(), "{orphans:?}");
    }
}

/// The requests that made what belongs to a resource.
pub fn creations<'a, K: Mortal>(ledger: &'a Ledger, name: &str) -> Vec<&'a Entry> {
    ledger
        .entries()
        .filter(|e| K::is_creation(e, name) && !e.ids.is_empty())
        .collect()
}

/// One point for each of so many requests.
pub fn points(prefix: &str, count: usize) -> Vec<Point> {
    (1..=count)
        .map(|number| (format!("{prefix}{number:02}"), number))
        .collect()
}

fn launch(env: &Env, flags: &[String], kubeconfig: &std::path::Path, vendor: &str) -> Operator {
    let builder = Operator::builder(env)
        .allow_endpoint(vendor)
        .kubeconfig(kubeconfig.to_owned());
    flags.iter().fold(builder, OperatorBuilder::arg).start()
}
