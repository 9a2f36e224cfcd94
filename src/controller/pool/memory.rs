//! What is remembered of pools until the watch shows it. All of it may be lost: each step is carried out only on what is
//! still as it was seen, so forgetting costs a call that is refused.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::api::pool::Removal;
use crate::controller::context::lock;

/// How long a step is waited for. A Desktop that was deleted again before the watch showed it never shows.
const LONGEST: Duration = Duration::from_secs(5);

/// A Desktop that was made, changed or deleted.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Its name.
    pub name: String,
    /// The version that it had; none when it was made.
    pub version: Option<String>,
}

#[derive(Debug)]
struct Steps {
    at: Instant,
    touched: Vec<Touched>,
}

/// What is remembered of all pools.
#[derive(Debug, Default)]
pub struct PoolMemory {
    steps: Mutex<HashMap<String, Steps>>,
    passes: Mutex<HashMap<String, Instant>>,
    removals: Mutex<HashMap<String, (Instant, Vec<Removal>)>>,
    refusals: Mutex<HashMap<String, String>>,
    /// Held from reading what was removed from the pools of a namespace until what is to be removed is written: two pools
    /// at the same time would both take the same share.
    pub gate: tokio::sync::Mutex<()>,
}

impl PoolMemory {
    /// Steps of this pool were carried out.
    pub fn touched(&self, pool: &str, touched: Vec<Touched>) {
        let at = Instant::now();
        lock(&self.steps).insert(pool.to_owned(), Steps { at, touched });
    }

    /// Whether the watch has not yet shown all steps; `version` is that of the Desktop of a name, as watched.
    pub fn is_behind(&self, pool: &str, version: impl Fn(&str) -> Option<String>) -> bool {
        let mut steps = lock(&self.steps);
        let Some(under_way) = steps.get(pool) else { return false };
        let unseen = |t: &Touched| version(&t.name) == t.version;
        if under_way.at.elapsed() < LONGEST && under_way.touched.iter().any(unseen) {
            return true;
        }
        steps.remove(pool);
        false
    }

    /// How long this pass should wait, so that passes of a pool are not closer together than `pace`. When it need not, it
    /// counts as one.
    pub fn pace(&self, pool: &str, pace: Duration) -> Option<Duration> {
        let mut passes = lock(&self.passes);
        let left = passes.get(pool).map(|last| pace.saturating_sub(last.elapsed()));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return Some(left);
        }
        passes.insert(pool.to_owned(), Instant::now());
        None
    }

    /// What this process wrote of the removals of a pool a moment ago. Later the watch knows better: another process may
    /// have led meanwhile.
    pub fn removals_of(&self, pool: &str) -> Option<Vec<Removal>> {
        let mut all = lock(&self.removals);
        all.retain(|_, (at, _)| at.elapsed() < LONGEST);
        all.get(pool).map(|(_, removals)| removals.clone())
    }

    /// The removals of a pool were written.
    pub fn wrote_removals(&self, pool: &str, removals: Vec<Removal>) {
        lock(&self.removals).insert(pool.to_owned(), (Instant::now(), removals));
    }

    /// Why the API server refused a step of the last pass of this pool.
    pub fn refused(&self, pool: &str) -> Option<String> {
        lock(&self.refusals).get(pool).cloned()
    }

    /// The last pass was refused a step in these words, or none.
    pub fn was_refused(&self, pool: &str, words: Option<String>) {
        let mut all = lock(&self.refusals);
        match words {
            Some(words) => all.insert(pool.to_owned(), words),
            None => all.remove(pool),
        };
    }

    /// The pool is gone.
    pub fn forget(&self, pool: &str) {
        lock(&self.steps).remove(pool);
        lock(&self.passes).remove(pool);
        lock(&self.removals).remove(pool);
        lock(&self.refusals).remove(pool);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_waits_until_the_steps_of_the_last_one_are_seen() {
        let memory = PoolMemory::default();
        let touched = |name: &str, version: Option<&str>| Touched {
            name: name.into(),
            version: version.map(str::to_owned),
        };
        memory.touched("uid", vec![touched("a-0", None), touched("a-1", Some("7"))]);
        let seen = |made: Option<&'static str>, changed: Option<&'static str>| {
            move |name: &str| if name == "a-0" { made } else { changed }.map(str::to_owned)
        };
        assert!(memory.is_behind("uid", seen(None, Some("7"))));
        assert!(memory.is_behind("uid", seen(Some("9"), Some("7"))));
        assert!(memory.is_behind("uid", seen(None, None)));
        assert!(!memory.is_behind("other", seen(None, Some("7"))));
        assert!(!memory.is_behind("uid", seen(Some("9"), None)));
        // What was seen once is not asked again.
        assert!(!memory.is_behind("uid", seen(None, Some("7"))));
    }

    #[test]
    fn passes_keep_their_distance() {
        let memory = PoolMemory::default();
        let long = Duration::from_hours(1);
        assert_eq!(memory.pace("uid", long), None);
        assert!(memory.pace("uid", long).is_some_and(|left| left <= long));
        assert_eq!(memory.pace("uid", Duration::ZERO), None);
        assert_eq!(memory.pace("other", long), None);
        memory.forget("uid");
        assert_eq!(memory.pace("uid", long), None);
    }
}
