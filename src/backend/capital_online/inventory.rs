//! What is known of the account's desktops. A listing of the vendor holds ids only, so that each desktop costs a call
//! of its own: those that matter now are read with each listing, the others in turn.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::client::{Call, Client};
use super::errors::says_gone;
use super::map::{self, Expiring};
use crate::api::desktop::DesktopState;
use crate::backend::error::{BackendError, ErrorClass};
use crate::backend::{ObservedDesktop, Result};

/// How long a desktop that we changed is read with each listing.
const TOUCHED_FOR: Duration = Duration::from_mins(2);
/// What was read this long ago needs no reading.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// How many desktops at rest are read with a listing at least, and which share of them.
const AT_LEAST: usize = 5;
const SHARE: usize = 50;
/// How often the vendor is asked what ends soon.
const EXPIRY_EVERY: Duration = Duration::from_mins(1);
/// Reads under way at the same time.
const AT_ONCE: usize = 4;
/// Listings that are begun before giving up on one that keeps changing.
const ATTEMPTS: u32 = 3;

/// A desktop as it was when it was last read.
#[derive(Clone, Debug)]
struct Known {
    /// None for one that the vendor still lists although it is gone.
    desktop: Option<ObservedDesktop>,
    read: Instant,
    /// It differs from what the vendor's list of ending terms says.
    outdated: bool,
}

/// Details of desktops by id.
#[derive(Default)]
pub(super) struct Inventory {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, Known>,
    /// Desktops that we changed, and when.
    touched: HashMap<String, Instant>,
    expiry_read: Option<Instant>,
}

impl State {
    /// Which of the listed desktops are to be read now. What was never read, is on its way to another state, was
    /// changed by us or is known to be outdated always is; of the others those that were read longest ago.
    fn due(&self, ids: &[String], now: Instant) -> Vec<String> {
        let mut due = Vec::new();
        let mut at_rest = Vec::new();
        for id in ids {
            let touched = self.touched.get(id);
            let touched = touched.is_some_and(|at| now.saturating_duration_since(*at) < TOUCHED_FOR);
            match self.known.get(id) {
                Some(known) if !touched && !known.outdated && known.desktop.as_ref().is_none_or(at_rest_state) => {
                    at_rest.push((known.read, id));
                }
                _ => due.push(id.clone()),
            }
        }
        let count = AT_LEAST.max(at_rest.len() / SHARE);
        at_rest.retain(|(read, _)| now.saturating_duration_since(*read) >= FRESH_FOR);
        at_rest.sort_unstable();
        due.extend(at_rest.into_iter().take(count).map(|(_, id)| id.clone()));
        due
    }

    /// Forgets the desktops of a network that are not listed any more.
    fn keep(&mut self, cluster_id: &str, ids: &[String], now: Instant) {
        self.known.retain(|id, known| {
            let cluster = known.desktop.as_ref().and_then(|desktop| desktop.cluster_id.as_deref());
            cluster.is_some_and(|cluster| cluster != cluster_id) || ids.binary_search(id).is_ok()
        });
        self.touched
            .retain(|_, at| now.saturating_duration_since(*at) < TOUCHED_FOR);
    }

    /// Marks the desktops of which the vendor's list of ending terms says something else than we know.
    fn compare(&mut self, rows: &[Expiring]) {
        for known in self.known.values_mut() {
            let Some(desktop) = &known.desktop else { continue };
            let row = rows.iter().find(|row| Some(&row.name) == desktop.name.as_ref());
            if let Some(row) = row {
                let state = row
                    .vendor_state
                    .as_ref()
                    .is_some_and(|word| *word != desktop.vendor_state);
                let end = row.expires.is_some() && row.expires != desktop.expires;
                known.outdated |= state || end;
            }
        }
    }
}

/// Whether nothing is happening to it.
fn at_rest_state(desktop: &ObservedDesktop) -> bool {
    matches!(
        desktop.state,
        DesktopState::Running
            | DesktopState::Stopped
            | DesktopState::Unregistered
            | DesktopState::Suspended
            | DesktopState::Failed
            | DesktopState::Missing
    )
}

impl Inventory {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// We change a desktop: for a while it is read with each listing.
    pub(super) fn touch(&self, id: &str) {
        self.state().touched.insert(id.to_owned(), Instant::now());
    }

    /// Every desktop of a network, or an error.
    pub(super) async fn list(&self, client: &Client, site: &str, cluster_id: &str) -> Result<Vec<ObservedDesktop>> {
        for _ in 0..ATTEMPTS {
            let call = Call::get("QueryVms").set("siteId", site).set("vpcId", cluster_id);
            let ids = client.send(&call, map::vm_ids).await?;
            self.state().keep(cluster_id, &ids, Instant::now());
            self.look_at_expiry(client).await;
            let due = self.state().due(&ids, Instant::now());
            let mut reads = stream::iter(due)
                .map(|id| async move {
                    let read = read(client, &id).await?;
                    Ok::<_, BackendError>((id, read))
                })
                .buffer_unordered(AT_ONCE);
            let mut vanished = false;
            while let Some((id, found)) = reads.try_next().await? {
                match found {
                    Some(desktop) => self.learn(id, desktop),
                    // It is listed and not there: the listing is of another moment.
                    None => vanished = true,
                }
            }
            if !vanished {
                return Ok(self.all(&ids, cluster_id));
            }
        }
        Err(BackendError::new(
            ErrorClass::Transient,
            "QueryVms",
            "the listing holds desktops that cannot be read",
        ))
    }

    fn learn(&self, id: String, desktop: Option<ObservedDesktop>) {
        let known = Known {
            desktop,
            read: Instant::now(),
            outdated: false,
        };
        self.state().known.insert(id, known);
    }

    /// Whoever ignores the filter lists other networks as well.
    fn all(&self, ids: &[String], cluster_id: &str) -> Vec<ObservedDesktop> {
        let state = self.state();
        let listed = ids.iter().filter_map(|id| state.known.get(id)?.desktop.clone());
        listed
            .filter(|desktop| desktop.cluster_id.as_deref().is_none_or(|id| id == cluster_id))
            .collect()
    }

    /// A hint only: what it does not bring is found in turn.
    async fn look_at_expiry(&self, client: &Client) {
        {
            let mut state = self.state();
            let recent = state.expiry_read.is_some_and(|at| at.elapsed() < EXPIRY_EVERY);
            if recent || state.known.values().all(|known| !has_term(known)) {
                return;
            }
            state.expiry_read = Some(Instant::now());
        }
        match client.send(&Call::get("QueryExpireVms"), map::expiring).await {
            Ok(rows) => self.state().compare(&rows),
            Err(error) => tracing::debug!(%error, "what ends soon could not be read"),
        }
    }
}

fn has_term(known: &Known) -> bool {
    known
        .desktop
        .as_ref()
        .is_some_and(|desktop| desktop.prepaid == Some(true))
}

/// One desktop: the outer `None` when the vendor knows none of this id, the inner when it says that it is gone.
#[allow(clippy::option_option, reason = "not known and gone are two things")]
async fn read(client: &Client, id: &str) -> Result<Option<Option<ObservedDesktop>>> {
    let call = Call::get("QueryVm").set("vmId", id);
    match client.send(&call, |fields| map::desktop(id, fields)).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if says_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// One desktop as it is now; `None` when it is gone.
pub(super) async fn fresh(client: &Client, id: &str) -> Result<Option<ObservedDesktop>> {
    Ok(read(client, id).await?.flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(state: DesktopState, read: Instant) -> Known {
        Known {
            desktop: Some(ObservedDesktop {
                cluster_id: Some("vpc-1".to_owned()),
                name: Some("a".to_owned()),
                vendor_state: "using".to_owned(),
                state,
                ..ObservedDesktop::default()
            }),
            read,
            outdated: false,
        }
    }

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("vm-{n:04}")).collect()
    }

    #[test]
    fn what_is_new_moving_touched_or_outdated_is_read_and_the_rest_in_turn() {
        let start = Instant::now();
        let now = start + Duration::from_mins(10);
        let ids = ids(1000);
        let mut state = State::default();
        assert_eq!(state.due(&ids, now).len(), 1000);
        for (n, id) in ids.iter().enumerate() {
            let read = start + Duration::from_millis(n as u64);
            state.known.insert(id.clone(), known(DesktopState::Running, read));
        }
        // A fiftieth, longest ago first.
        assert_eq!(state.due(&ids, now), ids[..19.max(1000 / SHARE)]);
        state.known.insert(ids[900].clone(), known(DesktopState::Starting, now));
        state.known.remove(&ids[901]);
        state.touched.insert(ids[902].clone(), now);
        state.touched.insert(ids[903].clone(), start);
        if let Some(known) = state.known.get_mut(&ids[904]) {
            known.outdated = true;
        }
        let due = state.due(&ids, now);
        for id in [&ids[900], &ids[901], &ids[902], &ids[904]] {
            assert!(due.contains(id), "{id}");
        }
        assert!(!due.contains(&ids[903]));
        assert_eq!(due.len(), 4 + 996 / SHARE);
    }

    #[test]
    fn small_accounts_are_read_whole_but_not_twice_at_once() {
        let start = Instant::now();
        let ids = ids(4);
        let mut state = State::default();
        for id in &ids {
            state.known.insert(id.clone(), known(DesktopState::Stopped, start));
        }
        assert!(state.due(&ids, start + FRESH_FOR / 2).is_empty());
        assert_eq!(state.due(&ids, start + FRESH_FOR), ids);
    }

    #[test]
    fn what_is_not_listed_is_forgotten_unless_it_is_elsewhere() {
        let now = Instant::now();
        let mut state = State::default();
        state.known.insert("a".to_owned(), known(DesktopState::Running, now));
        state.known.insert("b".to_owned(), known(DesktopState::Running, now));
        state.keep("vpc-2", &[], now);
        assert_eq!(state.known.len(), 2);
        state.keep("vpc-1", &["a".to_owned()], now);
        assert_eq!(state.known.keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_term_that_ends_or_ended_makes_the_desktop_be_read() {
        let now = Instant::now();
        let mut state = State::default();
        state.known.insert("a".to_owned(), known(DesktopState::Running, now));
        let row = |name: &str, word: &str| Expiring {
            name: name.to_owned(),
            vendor_state: Some(word.to_owned()),
            expires: None,
        };
        state.compare(&[row("b", "asMonthExpired"), row("a", "using")]);
        assert!(!state.known["a"].outdated);
        state.compare(&[row("a", "asMonthExpired")]);
        assert!(state.known["a"].outdated);
    }
}
