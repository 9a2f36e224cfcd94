//! A pool of two hundred at each vendor that has none of its own: up, larger, smaller, another image, a bad image and
//! back, gone; and the operator is killed in the middle of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use desktop_operator::api::pool::RolloutPhase;
use desktop_operator::api::{Desktop, DesktopPool};
use desktop_operator::sim::{CloudDesktopEdit, Kind, SimConfig};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::{OperatorBuilder, eventually, object};
use crate::pools::{complete, moment, peak};
use crate::world::{Seen, Vendor, World};

/// Desktops at first, at most and in the end.
const FIRST: i32 = 200;
const MOST: i32 = 250;
const LAST: i32 = 100;
/// Percent that may be out of service, and on which a change is tried.
const OUT: usize = 25;
const CANARY: usize = 5;

/// A pool of this size at a vendor.
struct Bar {
    vendor: Vendor,
    /// Another image that it has.
    other: &'static str,
    /// What the pool says beside.
    pool: Value,
    /// Whether another image needs another desktop.
    anew: bool,
}

/// Fast enough, and few enough calls, for two cores.
fn flags(vendor: &str) -> impl for<'a> FnOnce(OperatorBuilder<'a>) -> OperatorBuilder<'a> + use<> {
    // A creation that is in doubt is waited for no longer than it takes this simulator to finish what it was asked. A
    // vendor that is asked again with a token needs an operator that is back by then.
    let settle = if vendor == "cloudDesktop" { "20s" } else { "5s" };
    move |operator| {
        operator
            .arg("--inventory-fast=300ms")
            .arg("--inventory-slow=5s")
            .arg("--display-policy-interval=1h")
            .arg(format!("--settle={settle}"))
            .arg("--resend=1s")
    }
}

/// Keeps an eye on how many desktops are Ready.
struct Watch {
    fewest: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Watch {
    fn begin(desktops: Api<Desktop>) -> Self {
        let fewest = Arc::new(AtomicUsize::new(usize::MAX));
        let seen = Arc::clone(&fewest);
        let task = tokio::spawn(async move {
            loop {
                if let Ok(all) = desktops.list(&ListParams::default()).await {
                    let staying = all.iter().filter(|d| d.metadata.deletion_timestamp.is_none());
                    seen.fetch_min(staying.filter(|d| d.is("Ready", "True")).count(), Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        });
        Self { fewest, task }
    }

    /// The fewest that were Ready at a time.
    fn end(self) -> usize {
        self.task.abort();
        self.fewest.load(Ordering::Relaxed)
    }
}

async fn declare(world: &World, spec: Value) {
    world.patch::<DesktopPool>("class", json!({"spec": spec})).await;
}

async fn updated(world: &World, image: &str) {
    declare(world, json!({"template": {"spec": {"image": {"id": image}}}})).await;
}

/// Waits until the pool's status is like this, and kills the operator at that moment.
async fn killed_when(world: &mut World, what: &str, is: impl Fn(&DesktopPool) -> bool) {
    object(&world.api::<DesktopPool>(), "class", what, is).await;
    world.restart(flags(world.vendor.word)).await;
}

fn replicas(pool: &DesktopPool) -> i32 {
    pool.status.as_ref().map_or(0, |s| s.replicas)
}

async fn only(world: &World, count: i32) {
    let count = usize::try_from(count).unwrap();
    eventually(&format!("{count} are left"), async || match world.instances() {
        left if left == count => Ok(()),
        left => Err(left),
    })
    .await;
}

async fn life(bar: Bar) {
    let started = std::time::Instant::now();
    let done = |what: &str| println!("{what} after {:?}", started.elapsed());
    let flags = flags(bar.vendor.word);
    let mut world = World::start_at(bar.vendor, SimConfig::fast(20.0), flags).await;
    for user in bar.pool["users"].as_array().into_iter().flatten() {
        world.edit(CloudDesktopEdit::AddUser {
            account: "testid".into(),
            name: user["name"].as_str().unwrap().to_owned(),
            email: format!("{}@example.com", user["name"].as_str().unwrap()),
        });
    }
    world.office().await;
    let update = json!({
        "maxUnavailable": format!("{OUT}%"),
        "canary": {"percent": CANARY, "soakSeconds": 1},
        "whenAssigned": "Now",
    });
    let mut pool = json!({"replicas": FIRST, "update": update});
    pool.as_object_mut()
        .unwrap()
        .extend(bar.pool.as_object().unwrap().clone());
    world.pool("class", pool).await;
    killed_when(&mut world, "is being filled", |p| replicas(p) > 0).await;
    complete(&world, "class", FIRST).await;

    done("up");
    declare(&world, json!({"replicas": MOST})).await;
    killed_when(&mut world, "grows", |p| replicas(p) > FIRST).await;
    complete(&world, "class", MOST).await;
    let most = usize::try_from(MOST).unwrap();
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), most);

    done("grown");
    declare(&world, json!({"replicas": LAST})).await;
    killed_when(&mut world, "shrinks", |p| replicas(p) < MOST).await;
    complete(&world, "class", LAST).await;
    only(&world, LAST).await;
    let down = moment(&world);
    let last = usize::try_from(LAST).unwrap();

    done("shrunk");
    let watch = Watch::begin(world.env.api());
    updated(&world, bar.other).await;
    killed_when(&mut world, "rolls", |p| {
        let status = p.status.as_ref();
        let rolling = status
            .and_then(|s| s.rollout.as_ref())
            .is_some_and(|r| r.phase == RolloutPhase::Rolling);
        rolling && status.is_some_and(|s| s.updated_replicas > LAST / 4)
    })
    .await;
    let rolled = object(&world.api::<DesktopPool>(), "class", "is rolled over", |p| {
        let status = p.status.as_ref();
        p.is("Ready", "True") && status.is_some_and(|s| s.updated_replicas == LAST && s.rollout.is_none())
    })
    .await;
    assert_eq!(replicas(&rolled), LAST);

    done("rolled");
    updated(&world, "m-none").await;
    let halted = |p: &DesktopPool| p.is("RolloutHalted", "True");
    killed_when(&mut world, "halts", halted).await;
    let pool: DesktopPool = object(&world.api::<DesktopPool>(), "class", "is halted still", halted).await;
    let canaries = (last * CANARY).div_ceil(100);
    let touched = pool.status.as_ref().unwrap().updated_replicas;
    assert!(usize::try_from(touched).unwrap() <= canaries, "{touched}");
    done("halted");
    updated(&world, bar.other).await;
    object(&world.api::<DesktopPool>(), "class", "is as it was", |p| {
        let status = p.status.as_ref();
        p.is("Ready", "True") && status.is_some_and(|s| s.updated_replicas == LAST && s.rollout.is_none())
    })
    .await;
    let fewest = watch.end();
    assert!(fewest >= last - last * OUT / 100, "{fewest} were Ready");
    let anew = if bar.anew { last + canaries } else { 0 };
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), most + anew);
    assert!(peak(&world.ledger(), down) <= last);

    done("back");
    world.delete::<DesktopPool>("class").await;
    killed_when(&mut world, "goes", |p| replicas(p) < LAST).await;
    world.gone::<DesktopPool>("class").await;
    only(&world, 0).await;
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), most + anew);
    assert!(peak(&world.ledger(), 0) <= most);
    done("gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_gws() {
    Box::pin(life(Bar {
        vendor: Vendor::gws(),
        other: "m-windows2016",
        pool: json!({}),
        anew: true,
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_capital_online() {
    Box::pin(life(Bar {
        vendor: Vendor::capital_online(),
        other: "1a6e5a10-0000-4000-8000-000000000002",
        pool: json!({}),
        anew: false,
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_cloud_desktop() {
    let mut vendor = Vendor::cloud_desktop(true);
    vendor.desktop.as_object_mut().unwrap().remove("user");
    let users: Vec<Value> = (0..MOST).map(|n| json!({"name": format!("user{n}")})).collect();
    Box::pin(life(Bar {
        vendor,
        other: "img-win2016",
        pool: json!({"users": users, "scaleIn": {"assigned": "Remove"}}),
        anew: false,
    }))
    .await;
}
