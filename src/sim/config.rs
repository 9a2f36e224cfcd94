//! What a simulator is started with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use super::capital_online::Edition;

/// How a simulator behaves. The default suits tests: one account, a random port, the vendor's odd types.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Accounts whose signatures are accepted.
    pub accounts: Vec<Account>,
    /// Everything that takes time takes this many times less.
    pub speed: f64,
    /// How long things take at speed 1.
    pub durations: Durations,
    /// Answer with the odd types of the vendor's examples instead of the declared ones.
    pub quirks: bool,
    /// Networks that exist beside `vpc-1` to `vpc-9`.
    pub vpcs: Vec<String>,
    /// NAT gateways whose network is known beside `ngw-1` (in `vpc-1`) to `ngw-9`; any other `ngw-` fits anywhere.
    pub nats: BTreeMap<String, String>,
    /// Instance types that exist beside the usual ones.
    pub instance_types: Vec<String>,
    /// Refuse to make an image of a desktop that is not stopped. The document does not say.
    pub capture_needs_stopped: bool,
    /// Edition of CapitalOnline's document that is served.
    pub capital_online: Edition,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            accounts: vec![Account::new("testid", "testsecret")],
            speed: 1.0,
            durations: Durations::default(),
            quirks: true,
            vpcs: Vec::new(),
            nats: BTreeMap::new(),
            instance_types: Vec::new(),
            capture_needs_stopped: false,
            capital_online: Edition::default(),
        }
    }
}

impl SimConfig {
    /// The default, `speed` times faster.
    #[must_use]
    pub fn fast(speed: f64) -> Self {
        Self {
            speed,
            ..Self::default()
        }
    }

    /// Without odd types, as the vendor's published clients need it.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.quirks = false;
        self
    }
}

/// An account with its first key. The account goes by the key's id.
#[derive(Clone)]
pub struct Account {
    /// Access key id.
    pub id: String,
    /// Access key secret.
    pub secret: String,
}

impl Account {
    /// An account with its first key.
    #[must_use]
    pub fn new(id: &str, secret: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

impl FromStr for Account {
    type Err = &'static str;

    /// Reads `ID:SECRET`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some((id, secret)) if !id.is_empty() && !secret.is_empty() => Ok(Self::new(id, secret)),
            _ => Err("want ID:SECRET"),
        }
    }
}

/// How long things take before `speed` divides them.
#[derive(Clone, Debug)]
pub struct Durations {
    /// A new cluster until it runs.
    pub cluster: Duration,
    /// A new desktop until it is registered.
    pub instance: Duration,
    /// Starting, and stopping.
    pub power: Duration,
    /// Deleting anything.
    pub delete: Duration,
    /// Asynchronous tasks.
    pub task: Duration,
    /// Making an image.
    pub image: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            cluster: Duration::from_millis(1500),
            instance: Duration::from_secs(2),
            power: Duration::from_millis(700),
            delete: Duration::from_secs(1),
            task: Duration::from_millis(500),
            image: Duration::from_secs(3),
        }
    }
}

impl Durations {
    /// In milliseconds, divided by `speed`; nothing takes less than a millisecond.
    #[must_use]
    pub(crate) fn scaled(&self, speed: f64) -> ScaledDurations {
        let scale = |duration: Duration| {
            let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
            let scaled = Duration::try_from_secs_f64(duration.as_secs_f64() / speed).unwrap_or(duration);
            u64::try_from(scaled.as_millis()).unwrap_or(u64::MAX / 4).max(1)
        };
        ScaledDurations {
            cluster: scale(self.cluster),
            instance: scale(self.instance),
            power: scale(self.power),
            delete: scale(self.delete),
            task: scale(self.task),
            image: scale(self.image),
        }
    }
}

/// [`Durations`] as the state machines use them: milliseconds, speed applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScaledDurations {
    pub cluster: u64,
    pub instance: u64,
    pub power: u64,
    pub delete: u64,
    pub task: u64,
    pub image: u64,
}
