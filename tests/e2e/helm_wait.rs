//! `helm --wait` on our objects, with an operator that works, one that refuses, and none.

use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool};
use desktop_operator::sim::Kind;

use crate::chart::helm_in;
use crate::harness::eventually;
use crate::helm;
use crate::world::{Seen, World};

/// What helm says when it has waited in vain.
const TIMED_OUT: &str = "context deadline exceeded";

/// Runs helm on the chart of a cluster and a desktop, waiting, with more arguments. The simulator is served by other
/// threads meanwhile.
fn office(world: &World, what: &str, release: &str, args: &[&str]) -> Result<String, String> {
    let chart = helm::root().join("tests/data/office");
    let mut all = vec![what, release, chart.to_str().unwrap(), "--wait"];
    all.extend(args);
    helm_in(&world.env, &all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_waits_for_what_is_ready_and_gives_up_on_what_never_will_be() {
    let mut world = World::start().await;

    office(&world, "install", "office", &["--timeout=5m"]).unwrap();
    let alice: Desktop = world.get("alice").await;
    assert_eq!(alice.condition("Ready").unwrap().1, "Running");
    assert!(world.get::<DesktopCluster>("office").await.is("Ready", "True"));

    // Stopped on purpose is as wanted.
    let stop = ["--set=spec.power=Stopped", "--timeout=5m"];
    office(&world, "upgrade", "office", &stop).unwrap();
    let alice: Desktop = world.get("alice").await;
    assert_eq!(alice.condition("Ready").unwrap().1, "Stopped");

    // It does not wait for the end of the time when the operator has said that it is in vain: a user without a number
    // cannot be assigned.
    let nobody = ["--set=cluster=,desktop=bob,spec.user.uid=null", "--timeout=5m"];
    let refused = office(&world, "install", "bob", &nobody).unwrap_err();
    let bob: Desktop = world.get("bob").await;
    assert_eq!(bob.condition("Stalled").unwrap().1, "Unsupported");
    let message = bob.says("Stalled");
    assert!(message.contains("spec.user.uid"), "{message}");
    assert!(refused.contains(&message), "{refused}\nlacks\n{message}");
    assert!(refused.contains("Failed") && !refused.contains(TIMED_OUT), "{refused}");

    // Corrected, it becomes ready.
    let corrected = ["--set=cluster=,desktop=bob", "--timeout=5m"];
    office(&world, "upgrade", "bob", &corrected).unwrap();
    assert!(world.get::<Desktop>("bob").await.is("Ready", "True"));

    // A pool is waited for until its desktops are there, and with it the image that it waits for itself.
    let class = ["--set=cluster=,desktop=carol,image=golden,pool=class", "--timeout=5m"];
    office(&world, "install", "class", &class).unwrap();
    assert!(world.get::<DesktopImage>("golden").await.is("Ready", "True"));
    let pool: DesktopPool = world.get("class").await;
    assert!(pool.is("Ready", "True"));
    assert_eq!(pool.status.unwrap().ready_replicas, 2);

    // What helm says is gone is gone at the vendor, too.
    for release in ["class", "bob", "office"] {
        helm_in(&world.env, &["uninstall", release, "--wait", "--timeout=5m"]).unwrap();
    }
    assert!(world.api::<Desktop>().get_opt("alice").await.unwrap().is_none());
    assert!(world.api::<DesktopPool>().get_opt("class").await.unwrap().is_none());
    assert!(world.api::<DesktopImage>().get_opt("golden").await.unwrap().is_none());
    assert!(world.api::<DesktopCluster>().get_opt("office").await.unwrap().is_none());
    // A deleted cluster stays in the vendor's books for a moment.
    eventually("nothing is left at the vendor", async || {
        let ledger = world.ledger();
        let left = ledger.existing(Kind::Instance).len() + ledger.existing(Kind::Cluster).len();
        if left == 0 { Ok(()) } else { Err(format!("{left} left")) }
    })
    .await;

    // Nobody is there to look: new objects must not pass for ready ones.
    world.operator.kill();
    world.operator.wait().await;
    let unseen = office(&world, "install", "office", &["--timeout=10s"]).unwrap_err();
    assert!(unseen.contains(TIMED_OUT), "{unseen}");
    for expected in ["InProgress", "latest observed generation is -1"] {
        assert!(unseen.contains(expected), "{unseen}\nlacks {expected}");
    }
}
