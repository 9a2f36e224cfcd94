//! The operator dies at every request in the life of a desktop at the other vendors, each of which has its own way to
//! find out what became of a creation: a token that is sent again, a name, a tag and a job. One crash serves all of
//! them.

use serde_json::json;

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider};
use desktop_operator::sim::{Account, CapitalOnlineEdit, CloudDesktopEdit, HuaweiEdit, Kind, SimConfig};

use super::bench::{Bench, Point, points};
use super::leaders::ELECTED;
use super::waves::{PATIENT, how};
use crate::harness::object;
use crate::proxy::{Moment, Verdict};
use crate::world::{PROJECT, Seen, Vendor};

/// Fewer would mean that the proxies see less than they should.
const AT_LEAST: usize = 60;

/// A vendor beside others in one world: its provider, its cluster and its secret go by its name.
struct Place {
    name: &'static str,
    vendor: Vendor,
    /// Beside the usual desktop.
    more: serde_json::Value,
    /// A creation that may have been lost is sent again with its token: nothing else tells what became of it.
    token: bool,
    /// Requests in the making of a desktop, and in its deletion.
    made: usize,
    gone: usize,
}

fn places() -> [Place; 4] {
    let place = |name, vendor, more, token| Place {
        name,
        vendor,
        more,
        token,
        made: 0,
        gone: 0,
    };
    // No two tenants share a network.
    let mut extended = Vendor::cloud_desktop(true);
    extended.cluster["network"]["vpcId"] = json!("vpc-2");
    let alice = json!({"user": {"name": "alice"}});
    let mailed = json!({"user": {"name": "alice", "email": "alice@example.com"}});
    [
        // The first account of a simulator is that of the usual project.
        place("huawei", Vendor::huawei(), alice, false),
        place("capital", Vendor::capital_online(), mailed, false),
        place("plain", Vendor::cloud_desktop(false), json!({}), true),
        place("extended", extended, json!({}), true),
    ]
}

impl Bench {
    /// A provider and a cluster that is ready.
    async fn settle_at(&self, place: &Place) {
        let (world, key) = (&self.world, (place.name, "testsecret"));
        world.provider_at(place.name, &place.vendor, self.place(), key).await;
        world.cluster_at(place.name, &place.vendor).await;
        world.ready::<DesktopProvider>(place.name).await;
        world.ready::<DesktopCluster>(place.name).await;
    }

    async fn declare(&self, place: &Place, name: &str) {
        let more = place.more.clone();
        self.world.desktop_at(name, place.name, &place.vendor, more).await;
    }

    /// It is as ready as it gets; answers the vendor's id.
    async fn finished(&self, name: &str) -> String {
        let desktop = object(&self.world.api::<Desktop>(), name, "is made", |d: &Desktop| {
            let known = d.status.as_ref().is_some_and(|s| s.id.is_some());
            known && (d.is("Ready", "True") || d.condition("Ready").is_some_and(|c| c.1 == "NotObservable"))
        })
        .await;
        desktop.status.unwrap().id.unwrap()
    }

    /// The vendors have one desktop for each of these resources and no other, and never had another since a position
    /// in the books.
    async fn books_agree(&self, all: &[Point], before: usize) {
        let mut recorded = Vec::new();
        for (name, _) in all {
            recorded.push(self.finished(name).await);
        }
        recorded.sort();
        let ledger = self.world.ledger();
        let mut existing: Vec<String> = ledger
            .existing(Kind::Instance)
            .iter()
            .map(|life| life.id.clone())
            .collect();
        existing.sort();
        assert_eq!(existing, recorded);
        assert_eq!(self.ever_made() - before, all.len());
    }

    fn ever_made(&self) -> usize {
        self.world.ledger().ever_created(Kind::Instance).len()
    }

    async fn all_gone(&self, all: &[Point]) {
        for (name, _) in all {
            self.world.gone::<Desktop>(name).await;
        }
        assert_eq!(self.world.instances(), 0);
    }
}

/// Where a wave is struck: so many points of each of these places.
fn wave(places: &[&Place], prefix: &str) -> Vec<Point> {
    let of = |place: &&Place| points(&format!("{}-{prefix}", place.name), place.made);
    places.iter().flat_map(of).collect()
}

fn place_of<'a>(places: &'a [Place], name: &str) -> &'a Place {
    places.iter().find(|place| name.starts_with(place.name)).unwrap()
}

/// An operator with these flags, and each of the vendors settled; how many requests a life takes there is counted.
async fn settled(flags: &[&str]) -> (Bench, [Place; 4]) {
    let mut config = SimConfig::fast(20.0);
    let mut places = places();
    config.accounts = places
        .iter()
        .map(|place| Account::new(place.name, "testsecret"))
        .chain([Account::new("testid", "testsecret")])
        .collect();
    // Half of these vendors tell what became of a call only when it is sent again. And whoever is held works on: all are
    // to be held at the same time.
    let flags = [flags, &["--resend=1s", "--concurrency=128"]].concat();
    let bench = Bench::start(config, &flags).await;
    bench.world.edit(CapitalOnlineEdit::AddSubAccount {
        account: "capital".into(),
        email: "alice@example.com".into(),
        name: "alice".into(),
    });
    bench.world.edit(HuaweiEdit::AddUser {
        project: PROJECT.into(),
        name: "alice".into(),
    });
    bench.world.edit(CloudDesktopEdit::SetOwnerVpc {
        account: "extended".into(),
        vpc_id: "vpc-2".into(),
    });
    for place in &mut places {
        bench.settle_at(place).await;
        let name = format!("{}-reference", place.name);
        bench.script.cut(&name, None);
        bench.declare(place, &name).await;
        bench.finished(&name).await;
        let made = bench.script.passed(&name);
        bench.script.cut(&name, None);
        bench.world.delete::<Desktop>(&name).await;
        bench.world.gone::<Desktop>(&name).await;
        let gone = bench.script.passed(&name);
        assert!(made.len() > 3 && gone.len() > 1, "{name}: {made:?}\n{gone:?}");
        (place.made, place.gone) = (made.len(), gone.len());
    }
    (bench, places)
}

#[tokio::test]
async fn desktops_of_all_vendors_survive_a_crash_at_every_request() {
    let (mut bench, places) = settled(&["--leader-elect=false"]).await;
    let by = |token| {
        places
            .iter()
            .filter(move |place| place.token == token)
            .collect::<Vec<_>>()
    };
    let (marked, tokens) = (by(false), by(true));

    // Where marks tell, what took effect is found, and what was lost before is looked for in vain and made once more.
    let (lost, found) = (wave(&marked, "b"), wave(&marked, "a"));
    let first = [lost.clone(), found.clone()].concat();
    let before = bench.ever_made();
    bench.hold(&lost, Moment::Before);
    bench.hold(&found, Moment::After);
    bench.struck_in_making(&places, &first, &[]).await;
    bench.books_agree(&first, before).await;
    bench.note_each(&places, "create", &lost, how(Moment::Before));
    bench.note_each(&places, "create", &found, how(Moment::After));

    // With a token both are asked for again, for as long as the vendor is sure to remember it.
    let (again, answered) = (wave(&tokens, "b"), wave(&tokens, "a"));
    bench.hold(&again, Moment::Before);
    bench.hold(&answered, Moment::After);
    let second = [again.clone(), answered.clone()].concat();
    bench.struck_in_making(&places, &second, &[PATIENT]).await;
    bench.books_agree(&[first.clone(), second].concat(), before).await;
    bench.note_each(&places, "create", &again, how(Moment::Before));
    bench.note_each(&places, "create", &answered, how(Moment::After));

    // They are deleted, with another crash.
    let turn = |all: &[Point]| -> Vec<Point> {
        let points = all.iter().zip(0..);
        points
            .map(|((name, _), n)| (name.clone(), 1 + n % place_of(&places, name).gone))
            .collect()
    };
    let (after, before) = (turn(&[lost, answered].concat()), turn(&[found, again].concat()));
    bench.hold(&after, Moment::After);
    bench.hold(&before, Moment::Before);
    let all = [after.clone(), before.clone()].concat();
    for (name, _) in &all {
        bench.world.delete::<Desktop>(name).await;
    }
    bench.all_held::<Desktop>(&all, true).await;
    bench.crash();
    bench.lose(&all);
    bench.succeed(&[]).await;
    bench.all_gone(&all).await;
    bench.note_each(&places, "delete", &after, how(Moment::After));
    bench.note_each(&places, "delete", &before, how(Moment::Before));

    // Those that are deleted before there is a successor leave nothing behind.
    for (of, more) in [(&marked, &[][..]), (&tokens, &[PATIENT][..])] {
        let given_up = wave(of, "g");
        bench.hold(&given_up, Moment::After);
        for (name, _) in &given_up {
            bench.declare(place_of(&places, name), name).await;
        }
        bench.all_held::<Desktop>(&given_up, false).await;
        bench.crash();
        bench.lose(&given_up);
        for (name, _) in &given_up {
            bench.world.delete::<Desktop>(name).await;
        }
        bench.succeed(more).await;
        bench.all_gone(&given_up).await;
        bench.note_each(&places, "create, then delete", &given_up, how(Moment::After));
    }

    for place in &places {
        bench.no_orphans(place.name).await;
    }
    bench
        .report
        .show("desktops of all vendors survive a crash at every request");
    assert!(bench.report.distinct() >= AT_LEAST);
}

#[tokio::test]
async fn a_leader_that_slept_does_no_harm_at_any_vendor() {
    let (mut bench, places) = settled(&ELECTED).await;
    // An intent that nothing came of is given up after a while, and one with a token is asked for as long as it is known.
    for (token, more) in [(false, &[][..]), (true, &[PATIENT][..])] {
        let of: Vec<&Place> = places.iter().filter(|place| place.token == token).collect();
        let all = wave(&of, "s");
        let before = bench.ever_made();
        bench.hold(&all, Moment::After);
        for (name, _) in &all {
            bench.declare(place_of(&places, name), name).await;
        }
        bench.all_held::<Desktop>(&all, false).await;
        // The answers wait for it, and its successor finds out by itself.
        let sleeper = bench.replace_sleeper(more).await;
        for (name, _) in &all {
            bench.script.release(name, Verdict::GoOn);
        }
        for (name, _) in &all {
            bench.finished(name).await;
        }
        bench.wake(sleeper).await;
        for (name, _) in &all {
            bench.finished(name).await;
        }
        assert_eq!(bench.ever_made() - before, all.len());
        bench.note_each(&places, "create", &all, "asleep after it took effect");
    }
    for place in &places {
        bench.no_orphans(place.name).await;
    }
    bench.report.show("a leader that slept does no harm at any vendor");
}

impl Bench {
    /// Notes what was cut, for each vendor.
    fn note_each(&mut self, places: &[Place], scene: &str, all: &[Point], how: &str) {
        for place in places {
            let of = |point: &&Point| point.0.starts_with(place.name);
            let own: Vec<Point> = all.iter().filter(of).cloned().collect();
            self.note(&format!("{}: {scene}", place.name), &own, how);
        }
    }

    /// All come to their points, the operator dies, and what was held is lost; its successor has these flags.
    async fn struck_in_making(&mut self, places: &[Place], all: &[Point], more: &[&str]) {
        for (name, _) in all {
            self.declare(place_of(places, name), name).await;
        }
        self.all_held::<Desktop>(all, false).await;
        self.crash();
        self.lose(all);
        self.succeed(more).await;
    }
}
