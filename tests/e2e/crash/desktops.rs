//! The operator dies at every request in the life of a desktop.

use serde_json::json;

use desktop_operator::api::{Desktop, DesktopCluster};
use desktop_operator::sim::{GwsEdit, SimConfig};

use super::bench::{Bench, creations, points};
use crate::harness::object;
use crate::proxy::{Moment, Verdict};
use crate::world::{IMAGE, Seen};

/// Fewer would mean that the proxies see less than they should.
const AT_LEAST: usize = 40;

#[tokio::test]
async fn a_desktop_survives_a_crash_at_every_request() {
    let mut bench = Bench::start(SimConfig::fast(20.0), &["--leader-elect=false"]).await;
    let office = bench.world.office().await.status.unwrap().id.unwrap();
    let foreign = bench.world.edit(GwsEdit::AddInstance {
        cluster: office,
        name: "somebody-else".into(),
        instance_type: "ecs.g6.large".into(),
        image_id: IMAGE.into(),
    });
    bench.world.ready_desktop("bystander", json!({})).await;
    let bystander = bench.world.id("bystander").await;
    let (made, gone) = bench.reference::<Desktop>("reference").await;
    let start = bench.world.ledger().position();

    for (prefix, moment) in [("b", Moment::Before), ("a", Moment::After)] {
        let all = points(prefix, made);
        bench.crash_making::<Desktop>(&all, moment).await;
        bench.crash_deleting::<Desktop>(&all, gone, moment).await;
        bench
            .give_up::<Desktop>(&points(&format!("g{prefix}"), made), moment)
            .await;
    }
    let late = points("late", made);
    bench.arrive_late::<Desktop>(&late).await;
    bench.crash_twice::<Desktop>(&points("twice", made)).await;

    bench.no_orphans("office").await;
    let ledger = bench.world.ledger();
    for untouched in [foreign, bystander] {
        let touched: Vec<_> = ledger
            .writes_since(start)
            .into_iter()
            .filter(|e| e.ids.contains(&untouched))
            .collect();
        assert!(touched.is_empty(), "{touched:?}");
    }
    bench.report.show("a desktop survives a crash at every request");
    assert!(bench.report.distinct() >= AT_LEAST);
}

/// What no protocol without a token can prevent: the vendor carries out, after it was given up, what a dead operator
/// had sent. It must be seen, and nothing may be deleted that nobody asked to delete.
#[tokio::test]
async fn what_arrives_after_it_was_given_up_is_said_and_kept() {
    let mut bench = Bench::start(SimConfig::fast(20.0), &["--leader-elect=false"]).await;
    bench.world.office().await;
    bench.begin_creation::<Desktop>("alice", Moment::Before).await;
    bench.crash();
    bench.succeed(&[]).await;
    bench.judge_made::<Desktop>("alice").await;
    let used = bench.world.id("alice").await;
    bench.script.release("alice", Verdict::GoOn);
    let alice: Desktop = bench.world.reason("alice", "Duplicate", "Duplicate").await;
    let ledger = bench.world.ledger();
    let made = creations::<Desktop>(&ledger, "alice");
    let other = &made[1].ids[0];
    assert!(made.len() == 2 && made[0].ids[0] == used);
    assert!(alice.says("Duplicate").contains(other.as_str()));
    assert_eq!(bench.world.id("alice").await, used);

    bench.world.delete::<Desktop>("alice").await;
    bench.world.gone::<Desktop>("alice").await;
    object(
        &bench.world.api::<DesktopCluster>(),
        "office",
        "names the orphan",
        |c| {
            c.status
                .as_ref()
                .is_some_and(|s| s.orphans.iter().any(|o| o.id == *other))
        },
    )
    .await;
    let ledger = bench.world.ledger();
    assert_eq!(
        ledger
            .committed("DeleteInstance")
            .iter()
            .filter(|e| e.ids != [used.clone()])
            .count(),
        0
    );
    assert_eq!(bench.world.instances(), 1);
}
