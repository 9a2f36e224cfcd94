//! The simulated vendor as a process, for the demo and for clients in other processes.

use std::io::Write;
use std::net::SocketAddr;

use clap::Parser;
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{Account, Sim, SimConfig};
use tokio::signal::unix::{SignalKind, signal};

/// Answers as a cloud desktop vendor would.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Account that may call, as ID:SECRET; may be given several times [default: testid:testsecret]
    #[arg(long = "account", value_name = "ID:SECRET")]
    accounts: Vec<Account>,
    /// Everything that takes time takes this many times less.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Answer with the odd types of the vendor's examples (the default).
    #[arg(long, conflicts_with = "strict")]
    quirks: bool,
    /// Answer with the declared types, as the vendor's published clients need it.
    #[arg(long)]
    strict: bool,
    /// Another network that exists; may be given several times.
    #[arg(long = "vpc", value_name = "ID")]
    vpcs: Vec<String>,
    /// Edition of CapitalOnline's document that is served, 2022 or 2023.
    #[arg(long, default_value = "2022")]
    capital_online_edition: Edition,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut config = SimConfig {
        listen: args.listen,
        speed: args.speed,
        quirks: !args.strict,
        vpcs: args.vpcs,
        capital_online: args.capital_online_edition,
        ..SimConfig::default()
    };
    if !args.accounts.is_empty() {
        config.accounts = args.accounts;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let sim = Sim::start(config).await?;
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on {}", sim.url())?;
        out.flush()?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    sim.stop().await;
    Ok(())
}
