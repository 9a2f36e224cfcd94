//! Everything about the controllers that an administrator, or a test, may set.

use std::time::Duration;

use crate::ops::duration::duration;

/// Settings of the controllers.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Namespace of the operator: Leases are kept there.
    #[arg(long, env = "POD_NAMESPACE", default_value = "desktop-system")]
    pub namespace: String,
    /// Another endpoint that a provider may name, as `https://host[:port]`. May be repeated. `http://` and private
    /// addresses are only reachable when listed here.
    #[arg(long = "allow-endpoint", env = "ALLOW_ENDPOINTS", value_delimiter = ',')]
    pub allow_endpoints: Vec<String>,
    /// How often the desktops of a cluster are listed while one of them is in transition.
    #[arg(long, default_value = "3s", value_parser = duration)]
    pub inventory_fast: Duration,
    /// How often the desktops of a cluster are listed at rest.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub inventory_slow: Duration,
    /// How often a cluster that is in transition, or its running task, is looked at, and the images of an account are
    /// listed while one of them is in transition.
    #[arg(long, default_value = "3s", value_parser = duration)]
    pub cluster_fast: Duration,
    /// How often session policy, directory and network of a cluster at rest are compared, and the images of an account
    /// are listed.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub cluster_slow: Duration,
    /// How often the sessions of a cluster are read.
    #[arg(long, default_value = "2m", value_parser = duration)]
    pub session_interval: Duration,
    /// How often the display policy of a desktop at rest is compared; the only call made per desktop at rest, and
    /// only where a display policy is declared.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub display_policy_interval: Duration,
    /// How often the catalog of an account is read.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub catalog_interval: Duration,
    /// How often a provider looks at its credentials Secret.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub secret_interval: Duration,
    /// After this time a recorded intent to create is not sent any more.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub intent_lifetime: Duration,
    /// How long, after that, a desktop whose creation ended in doubt may still appear.
    #[arg(long, default_value = "10m", value_parser = duration)]
    pub settle: Duration,
    /// Least time between two listings that count as proof that it did not appear.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub empty_listing_gap: Duration,
    /// What to do when a creation ended in doubt and nothing appeared.
    #[arg(long, value_enum, default_value = "retry")]
    pub unknown_create: UnknownCreate,
    /// First wait after a refused attempt; doubles up to `--backoff-max`.
    #[arg(long, default_value = "1m", value_parser = duration)]
    pub backoff_base: Duration,
    /// Longest wait between attempts.
    #[arg(long, default_value = "30m", value_parser = duration)]
    pub backoff_max: Duration,
    /// How long a task of the vendor may run before its result is read without it.
    #[arg(long, default_value = "30m", value_parser = duration)]
    pub task_deadline: Duration,
    /// How long the effect of a call is waited for before the call is repeated; doubles with each attempt.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub resend: Duration,
    /// How long before its term ends a desktop is said to expire soon.
    #[arg(long, default_value = "168h", value_parser = duration)]
    pub expiry_warning: Duration,
    /// Longest time one vendor call may take.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub call_deadline: Duration,
    /// Longest time one pass over an object may take.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub reconcile_deadline: Duration,
    /// Objects of a kind that are worked on at the same time.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
}

/// What to do when a creation ended in doubt and nothing appeared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum UnknownCreate {
    /// Try again after the settle time and three complete listings without it.
    Retry,
    /// Leave it to a human.
    Stall,
}
