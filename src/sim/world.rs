//! Everything a simulator knows.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::capital_online::CapitalOnline;
use super::clock::Clock;
use super::cloud_desktop::CloudDesktop;
use super::config::{ScaledDurations, SimConfig};
use super::fault::{Armed, When};
use super::gws::Gws;
use super::huawei::Huawei;
use super::ledger::{Kind, Ledger, Lifetime};

/// A request that waits to be released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Number to release it by.
    pub id: u64,
    /// Account.
    pub account: String,
    /// Action.
    pub action: String,
    /// Parameters; secrets read `***`.
    pub params: BTreeMap<String, String>,
    /// Whether it has taken effect already.
    pub when: When,
}

/// An access key.
#[derive(Clone)]
pub(crate) struct Key {
    pub account: String,
    pub secret: String,
    pub active: bool,
}

/// Settings that the state machines need.
pub(crate) struct Settings {
    pub durations: ScaledDurations,
    pub quirks: bool,
    pub vpcs: Vec<String>,
    pub nats: BTreeMap<String, String>,
    pub instance_types: Vec<String>,
    pub capture_needs_stopped: bool,
}

/// Everything a simulator knows: the ledger, the vendors' objects, the armed faults.
pub struct World {
    /// Every request.
    pub ledger: Ledger,
    /// Alibaba GWS.
    pub gws: Gws,
    /// Huawei Workspace.
    pub huawei: Huawei,
    /// Alibaba CloudDesktop.
    pub cloud_desktop: CloudDesktop,
    /// CapitalOnline gcw.
    pub capital_online: CapitalOnline,
    /// Time.
    pub clock: Clock,
    /// Requests that wait to be released.
    pub held: Vec<Held>,
    /// Faults, in the order in which they were armed.
    pub faults: Vec<Armed>,
    pub(crate) settings: Settings,
    keys: BTreeMap<String, Key>,
    nonces: HashMap<(String, String), Timestamp>,
    serial: u64,
    next_due: Option<u64>,
}

impl World {
    pub(crate) fn new(config: &SimConfig) -> Self {
        let keys = config
            .accounts
            .iter()
            .map(|account| {
                let key = Key {
                    account: account.id.clone(),
                    secret: account.secret.clone(),
                    active: true,
                };
                (account.id.clone(), key)
            })
            .collect();
        let numbered = |prefix: &'static str| (1..10).map(move |n| format!("{prefix}-{n}"));
        let clock = Clock::default();
        let mut world = Self {
            ledger: Ledger::default(),
            gws: Gws::seeded(&clock),
            huawei: Huawei::seeded(&clock, config),
            cloud_desktop: CloudDesktop::seeded(&clock),
            capital_online: CapitalOnline::seeded(config.capital_online),
            clock,
            held: Vec::new(),
            faults: Vec::new(),
            settings: Settings {
                durations: config.durations.scaled(config.speed),
                quirks: config.quirks,
                vpcs: numbered("vpc").chain(config.vpcs.iter().cloned()).collect(),
                nats: numbered("ngw")
                    .zip(numbered("vpc"))
                    .chain(config.nats.clone())
                    .collect(),
                instance_types: config.instance_types.clone(),
                capture_needs_stopped: config.capture_needs_stopped,
            },
            keys,
            nonces: HashMap::new(),
            serial: 0,
            next_due: None,
        };
        for (number, account) in (1..).zip(&config.accounts) {
            super::capital_online::endow(&mut world, &account.id, number);
        }
        world
    }

    /// Milliseconds since the start.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// A number never given before.
    pub(crate) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// A fresh id, e.g. `gws-000007`.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-{:06}", self.serial())
    }

    /// A fresh request id in the vendor's form.
    pub(crate) fn request_id(&mut self) -> String {
        let n = self.serial();
        format!(
            "{:08X}-5349-4D00-8000-{n:012X}",
            n.wrapping_mul(2_654_435_761) & 0xFFFF_FFFF
        )
    }

    pub(crate) fn key(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    pub(crate) fn key_mut(&mut self, id: &str) -> Option<&mut Key> {
        self.keys.get_mut(id)
    }

    pub(crate) fn add_key(&mut self, id: &str, key: Key) {
        self.keys.insert(id.to_owned(), key);
    }

    /// Notes a nonce; false when it was used before. Those too old to pass the clock check are forgotten.
    pub(crate) fn use_nonce(&mut self, key_id: &str, nonce: &str, now: Timestamp) -> bool {
        if self.nonces.len() > 100_000 {
            self.nonces
                .retain(|_, used| now.duration_since(*used) < SignedDuration::from_mins(31));
        }
        self.nonces.insert((key_id.to_owned(), nonce.to_owned()), now).is_none()
    }

    /// Sees to it that the state machines are looked at again at a moment.
    pub(crate) fn wake_at(&mut self, moment: u64) {
        self.next_due = Some(self.next_due.map_or(moment, |due| due.min(moment)));
    }

    /// When the next state change is due.
    pub(crate) const fn next_due(&self) -> Option<u64> {
        self.next_due
    }

    /// Lets every state change happen whose time has come; true when there was one to look at.
    pub(crate) fn advance(&mut self) -> bool {
        let now = self.now();
        if self.next_due.is_none_or(|due| due > now) {
            return false;
        }
        self.next_due = None;
        super::gws::time::advance(self, now);
        super::huawei::time::advance(self, now);
        super::cloud_desktop::time::advance(self, now);
        super::capital_online::time::advance(self, now);
        true
    }

    /// Records that an object came into being; `by_request` says whether the current request made it.
    pub(crate) fn born(&mut self, kind: Kind, id: &str, account: &str, by_request: bool) {
        let maker = by_request.then(|| self.ledger.next());
        self.born_of(kind, id, account, maker);
    }

    /// Records that an object came into being, and the request that made it, which may be long past.
    pub(crate) fn born_of(&mut self, kind: Kind, id: &str, account: &str, created_by: Option<u64>) {
        let life = Lifetime {
            kind,
            id: id.to_owned(),
            account: account.to_owned(),
            created_by,
            created: self.now(),
            gone: None,
        };
        self.ledger.born(life);
    }
}
