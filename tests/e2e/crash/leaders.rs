//! A leader that is not scheduled for longer than its Lease lasts, at every request; and two that both believe they
//! lead.

use std::io::Write as _;

use desktop_operator::api::{Desktop, DesktopCluster};
use desktop_operator::sim::SimConfig;

use super::bench::{Bench, Mortal, Point, creations, points};
use super::waves::PATIENT;
use crate::harness::{Operator, eventually};
use crate::leader::until_it_leads;
use crate::proxy::{Moment, Verdict};

/// Flags of an operator that is elected soon.
pub const ELECTED: [&str; 2] = ["--lease-duration=3s", "--lease-renew=500ms"];

#[tokio::test]
async fn a_leader_that_slept_at_any_request_does_no_harm() {
    let mut bench = Bench::start(SimConfig::fast(20.0), &ELECTED).await;
    bench.world.office().await;
    let (made, _) = bench.reference::<Desktop>("reference").await;

    // What it had sent arrives while its successor is at work.
    let all = points("b", made);
    bench.begin_making::<Desktop>(&all, Moment::Before).await;
    let sleeper = bench.replace_sleeper(&[PATIENT]).await;
    bench.deliver::<Desktop>(&all).await;
    bench.wake(sleeper).await;
    bench.judge_all::<Desktop>(&all).await;
    bench.note("create", &all, "asleep before it took effect");

    // The answers wait for it.
    let all = points("a", made);
    bench.begin_making::<Desktop>(&all, Moment::After).await;
    let sleeper = bench.replace_sleeper(&[]).await;
    for (name, _) in &all {
        bench.script.release(name, Verdict::GoOn);
    }
    bench.judge_all::<Desktop>(&all).await;
    bench.wake(sleeper).await;
    bench.judge_all::<Desktop>(&all).await;
    bench.note("create", &all, "asleep after it took effect");

    bench.no_orphans("office").await;
    bench.report.show("a leader that slept at any request does no harm");
    assert!(bench.report.distinct() >= made);
}

#[tokio::test]
async fn two_that_both_lead_make_one_of_each() {
    const DESKTOPS: usize = 16;
    const CLUSTERS: usize = 6;
    let clusters = points("c", CLUSTERS);
    let mut config = SimConfig::fast(20.0);
    config.vpcs = clusters.iter().map(|(name, _)| format!("vpc-{name}")).collect();
    let bench = Bench::start(config, &["--leader-elect=false"]).await;
    let mut other = bench.operator(&[]);
    other.ready().await;
    bench.world.office().await;
    let desktops = points("d", DESKTOPS);
    for (name, _) in &desktops {
        Desktop::apply(&bench, name).await;
    }
    for (name, _) in &clusters {
        DesktopCluster::apply(&bench, name).await;
    }
    bench.judge_all::<Desktop>(&desktops).await;
    bench.judge_all::<DesktopCluster>(&clusters).await;
    bench.no_orphans("office").await;
    for (name, _) in &desktops {
        bench.world.delete::<Desktop>(name).await;
    }
    for (name, _) in &clusters {
        bench.world.delete::<DesktopCluster>(name).await;
    }
    for (name, _) in &desktops {
        bench.judge_gone::<Desktop>(name).await;
    }
    for (name, _) in &clusters {
        bench.judge_gone::<DesktopCluster>(name).await;
    }
    assert!(other.running());
    let said = format!("\ntwo that both lead: {DESKTOPS} desktops and {CLUSTERS} clusters, one of each made\n");
    let _ = std::io::stdout().lock().write_all(said.as_bytes());
}

#[tokio::test]
async fn an_orderly_end_records_what_was_bought() {
    let mut bench = Bench::start(SimConfig::fast(20.0), &["--leader-elect=false"]).await;
    bench.world.office().await;
    bench.begin_creation::<Desktop>("alice", Moment::After).await;
    let operator = &mut bench.world.operator;
    operator.terminate();
    eventually("it is asked to end", async || {
        let log = operator.log();
        if log.contains("asked to end") { Ok(()) } else { Err(log) }
    })
    .await;
    bench.script.release("alice", Verdict::GoOn);
    assert!(bench.world.operator.wait().await.success());
    let alice: Desktop = bench.world.get("alice").await;
    let ledger = bench.world.ledger();
    let made = creations::<Desktop>(&ledger, "alice");
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].ids, [alice.vendor_id().unwrap()]);
    bench.succeed(&[]).await;
    bench.judge_made::<Desktop>("alice").await;
}

impl Bench {
    /// Puts the leader to sleep and waits until a successor, with more flags, works in its place.
    pub async fn replace_sleeper(&mut self, more: &[&str]) -> Operator {
        self.world.operator.pause();
        let successor = self.operator(more);
        let sleeper = std::mem::replace(&mut self.world.operator, successor);
        until_it_leads(&mut self.world.operator).await;
        sleeper
    }

    /// Wakes a former leader: it ends, and neither the vendor nor a resource is touched by it.
    pub async fn wake(&self, mut sleeper: Operator) {
        let before = self.world.ledger().position();
        sleeper.resume();
        let status = sleeper.wait().await;
        assert!(!status.success(), "{status}\n{}", sleeper.log());
        let writes: Vec<_> = self.world.ledger().writes_since(before).into_iter().cloned().collect();
        assert!(writes.is_empty(), "{writes:#?}");
    }

    async fn judge_all<K: Mortal>(&self, all: &[Point]) {
        for (name, _) in all {
            self.judge_made::<K>(name).await;
        }
    }
}
