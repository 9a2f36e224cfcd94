//! The operator.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use desktop_operator::controller::run::{Runtime, run};
use desktop_operator::controller::settings::Settings;
use desktop_operator::ops::leader::{Candidate, Leadership, LeaseOptions, identity};
use desktop_operator::ops::metrics::Metrics;
use desktop_operator::ops::readiness::Readiness;
use desktop_operator::ops::server::Server;
use desktop_operator::ops::telemetry::{self, LogOptions};

/// How long calls that were sent may take to end before the process does.
const DRAIN: Duration = Duration::from_secs(45);

/// How long the controllers may take to stop beyond the longest pass.
const STOP: Duration = Duration::from_secs(5);

/// The controllers' watches are renewed after 200 s: silence for longer means a dead connection.
const READ_TIMEOUT: Duration = Duration::from_secs(230);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Manages cloud desktops as Kubernetes resources.
#[derive(Debug, Parser)]
#[command(name = "desktop-operator", version, args_override_self = true)]
struct Options {
    /// Where health and metrics are served.
    #[arg(long, default_value = "0.0.0.0:8080")]
    address: SocketAddr,
    /// Work only while holding a Lease, so that several replicas can run. `--leader-elect=false` is for a single one.
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true",
        action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true)]
    leader_elect: bool,
    #[command(flatten)]
    lease: LeaseOptions,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    settings: Settings,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = telemetry::init(options.log) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    // An error only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match operate(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the operator failed");
            ExitCode::FAILURE
        }
    }
}

/// From the first signal that everything is up to the last Lease given back.
async fn operate(options: Options) -> anyhow::Result<()> {
    options.lease.validate()?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
    let shutdown = CancellationToken::new();
    on_signal(shutdown.clone()).context("cannot listen for signals")?;
    let metrics = Arc::new(Metrics::new());
    let readiness = Readiness::default();
    // First of all, so that a standby, or one that cannot reach the API server, is seen to be alive.
    let server = Server::bind(options.address, Arc::clone(&metrics), readiness.clone())
        .await
        .with_context(|| format!("cannot listen on {}", options.address))?;
    tokio::spawn(server.serve());

    let client = connect().await?;
    let (leadership, keeper) = if options.leader_elect {
        let candidate = Candidate::new(
            client.clone(),
            &options.settings.namespace,
            identity(),
            options.lease,
            Arc::clone(&metrics),
            readiness.clone(),
        );
        let Some(keeper) = candidate.win(&shutdown).await else {
            tracing::info!("ended before it led");
            return Ok(());
        };
        (keeper.leadership(), Some(keeper))
    } else {
        (Leadership::alone(), None)
    };

    let tasks = TaskTracker::new();
    let runtime = Runtime {
        metrics,
        readiness,
        leadership,
        shutdown: shutdown.clone(),
        tasks: tasks.clone(),
    };
    let longest = options.settings.reconcile_deadline.saturating_add(STOP);
    let overdue = async {
        shutdown.cancelled().await;
        sleep(longest).await;
    };
    let ran = tokio::select! {
        ran = run(client, options.settings, runtime) => ran,
        () = overdue => Err(anyhow::anyhow!("not stopped after {longest:?}")),
    };
    shutdown.cancel();
    tasks.close();
    let drained = timeout(DRAIN, tasks.wait()).await.is_ok();
    let kept = match keeper {
        Some(keeper) if drained => keeper.release().await,
        // With calls still under way the next leader had better wait until the Lease has run out.
        _ => Ok(()),
    };
    ran.context("the controllers")?;
    kept?;
    anyhow::ensure!(drained, "calls were still under way after {DRAIN:?}");
    tracing::info!("ended");
    Ok(())
}

async fn connect() -> anyhow::Result<Client> {
    let mut config = Config::infer().await.context("no access to a cluster is configured")?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    // The controllers back off themselves, and a renewal of the Lease must not be held up.
    config.default_retry = false;
    Client::try_from(config).context("cannot make a client for the cluster")
}

/// The first SIGTERM or SIGINT asks for an orderly end, the second one does not wait for it.
fn on_signal(shutdown: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                tracing::info!("asked to end; what is under way is finished first");
                shutdown.cancel();
            }
        }
        tracing::warn!("asked again: ends at once");
        std::process::exit(1);
    });
    Ok(())
}
