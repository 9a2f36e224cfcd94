//! One crash for many objects, each stopped at a point of its own.

use super::bench::{Bench, Mortal, Point};
use crate::harness::{eventually, object};
use crate::proxy::{Moment, Verdict};

pub const fn how(moment: Moment) -> &'static str {
    match moment {
        Moment::Before => "killed before it took effect",
        Moment::After => "killed after it took effect",
    }
}

/// For an operator that is to wait for what was sent until it arrives, however slow the machine.
pub const PATIENT: &str = "--settle=5m";

impl Bench {
    /// Every one comes to its point and stops there.
    pub async fn begin_making<K: Mortal>(&self, all: &[Point], moment: Moment) {
        self.hold(all, moment);
        for (name, _) in all {
            K::apply(self, name).await;
        }
        self.all_held::<K>(all, false).await;
    }

    /// The operator dies while these are made; what was held is lost; all become Ready.
    pub async fn crash_making<K: Mortal>(&mut self, all: &[Point], moment: Moment) {
        self.begin_making::<K>(all, moment).await;
        self.crash();
        self.lose(all);
        self.succeed(&[]).await;
        for (name, _) in all {
            self.judge_made::<K>(name).await;
        }
        self.note("create", all, how(moment));
    }

    /// The operator dies while these are made, and what it had sent arrives when its successor is at work.
    pub async fn arrive_late<K: Mortal>(&mut self, all: &[Point]) {
        self.begin_making::<K>(all, Moment::Before).await;
        self.crash();
        self.succeed(&[PATIENT]).await;
        self.deliver::<K>(all).await;
        self.note("create", all, "killed, and it takes effect later");
    }

    /// Lets what was held arrive: a creation once it was looked for in vain, the rest when all is done without it.
    pub async fn deliver<K: Mortal>(&self, all: &[Point]) {
        let creation = |name: &str| self.script.struck(name).as_deref() == Some(K::CREATE);
        for (name, _) in all.iter().filter(|(name, _)| creation(name)) {
            object(&self.world.api::<K>(), name, "was looked for", |o| {
                o.intent().is_some_and(|i| i.empty_listings > 0)
            })
            .await;
            self.script.release(name, Verdict::GoOn);
        }
        for (name, _) in all {
            self.judge_made::<K>(name).await;
        }
        for (name, number) in all.iter().filter(|(name, _)| self.script.holds(name)) {
            self.script.release(name, Verdict::GoOn);
            let outcome = eventually(&format!("what {name} was held at is answered"), async || {
                self.script.outcome(name, *number).ok_or("not yet")
            })
            .await;
            let label = self.script.struck(name).unwrap();
            let to_api = label.starts_with("PUT") || label.starts_with("PATCH");
            assert!(!to_api || outcome == 409, "{name}: {label}: {outcome}");
            self.judge_made::<K>(name).await;
        }
    }

    /// The successor dies as well, after the first thing it does about each of these.
    pub async fn crash_twice<K: Mortal>(&mut self, all: &[Point]) {
        self.begin_making::<K>(all, Moment::After).await;
        let first: Vec<_> = all.iter().map(|(name, _)| self.script.struck(name)).collect();
        self.crash();
        let again: Vec<Point> = all.iter().map(|(name, _)| (name.clone(), 1)).collect();
        self.hold(&again, Moment::After);
        self.succeed(&[]).await;
        self.all_held::<K>(&again, false).await;
        self.crash();
        self.lose(&again);
        self.succeed(&[]).await;
        for ((name, number), first) in all.iter().zip(first) {
            self.judge_made::<K>(name).await;
            match (first, self.script.struck(name)) {
                (Some(first), Some(second)) => {
                    let label = format!("{first}; {second}");
                    self.report
                        .survived("create", *number, &label, "killed after it, and again");
                }
                _ => self.report.passed_by(),
            }
        }
    }

    /// The operator dies while these are made; before there is a successor they are deleted. Nothing remains.
    pub async fn give_up<K: Mortal>(&mut self, all: &[Point], moment: Moment) {
        self.begin_making::<K>(all, moment).await;
        self.crash();
        self.lose(all);
        for (name, _) in all {
            self.world.delete::<K>(name).await;
        }
        self.succeed(&[]).await;
        for (name, _) in all {
            self.judge_gone::<K>(name).await;
        }
        self.note("create, then delete", all, how(moment));
    }

    /// The operator dies when each of these, while it is deleted, has come to one of `count` points; then all go.
    pub async fn crash_deleting<K: Mortal>(&mut self, all: &[Point], count: usize, moment: Moment) {
        let numbers = (1..=count).cycle();
        let all: Vec<Point> = all
            .iter()
            .zip(numbers)
            .map(|((name, _), n)| (name.clone(), n))
            .collect();
        self.hold(&all, moment);
        for (name, _) in &all {
            self.world.delete::<K>(name).await;
        }
        self.all_held::<K>(&all, true).await;
        self.crash();
        self.lose(&all);
        self.succeed(&[]).await;
        for (name, _) in &all {
            self.judge_gone::<K>(name).await;
        }
        self.note("delete", &all, how(moment));
    }
}
