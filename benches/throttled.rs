//! Whether an account that its vendor throttles slows down others: how long the calls of one account take while another
//! is at rest, and while that other works and is throttled. The bar is twice as long at the 99th percentile.
//!
//! `make bench` runs it. It measures time, so it is no test: on a busy machine it says something about the machine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers, which may end with an error"
)]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use desktop_operator::backend::Backend;
use desktop_operator::backend::connect::{ConnectSettings, connect};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::Unobserved;
use desktop_operator::sim::{Account, Fault, HuaweiEdit, Sim, SimConfig};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The account that is throttled, and the one that is measured.
const LOUD: &str = "loud";
const QUIET: &str = "quiet";
/// Calls that are measured in one round, from so many callers.
const CALLS: usize = 400;
const CALLERS: usize = 4;
/// Rounds of each kind, in turn, so that a slow moment of the machine meets both kinds.
const ROUNDS: usize = 9;
/// How many times as long a call may take while the other account is throttled.
const BAR: f64 = 2.0;

/// The block of an account's provider at each vendor.
fn blocks(account: &str) -> [(&'static str, Value); 4] {
    let site = "51735a10-0000-4000-8000-000000000001";
    [
        ("gws", json!({"region": "cn-hangzhou"})),
        ("capitalOnline", json!({"siteId": site})),
        ("cloudDesktop", json!({"region": "cn-hangzhou"})),
        (
            "huaweiWorkspace",
            json!({"region": "cn-north-4", "projectId": project(account)}),
        ),
    ]
}

/// The project of an account at Huawei Workspace.
fn project(account: &str) -> String {
    if account == LOUD { "1" } else { "2" }.repeat(32)
}

/// An account at one vendor. Its own limit is out of the way: what it would add to a call is not what is measured.
fn account(sim: &Sim, name: &str, word: &str, mut block: Value) -> Arc<dyn Backend> {
    block["endpoint"] = json!(sim.url());
    let spec = json!({
        word: block,
        "credentialsSecretRef": {"namespace": "n", "name": "s"},
        "allowedNamespaces": {},
        "rateLimit": {"requestsPerSecond": 1_000_000, "burst": 1_000_000},
    });
    let secret: BTreeMap<String, Vec<u8>> = [("accessKeyId", name), ("accessKeySecret", "secret")]
        .map(|(field, value)| (field.to_owned(), value.as_bytes().to_vec()))
        .into();
    let settings = ConnectSettings {
        endpoints: EndpointPolicy::new(&[sim.url().to_owned()]).unwrap(),
        observer: Arc::new(Unobserved),
        deadline: Duration::from_secs(30),
    };
    connect(name, &serde_json::from_value(spec).unwrap(), &secret, &settings).unwrap()
}

/// How long each of the quiet account's calls took, shortest first.
async fn measure(quiet: &Arc<dyn Backend>) -> Vec<Duration> {
    let callers = (0..CALLERS).map(|_| async {
        let mut took = Vec::with_capacity(CALLS / CALLERS);
        for _ in 0..CALLS / CALLERS {
            let begun = Instant::now();
            quiet.list_clusters().await.unwrap();
            took.push(begun.elapsed());
        }
        took
    });
    let mut all = join_all(callers).await.concat();
    all.sort_unstable();
    all
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

/// Measures one vendor; answers whether the bar is kept.
async fn vendor(sim: &Sim, word: &str, [loud, quiet]: [Value; 2]) -> bool {
    let loud = account(sim, LOUD, word, loud);
    let quiet = account(sim, QUIET, word, quiet);
    let working = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (loud, working) = (Arc::clone(&loud), Arc::clone(&working));
        callers.spawn(async move {
            loop {
                if working.load(Ordering::Relaxed) {
                    // That it is refused is not what is measured.
                    let _ = loud.list_clusters().await;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }
    measure(&quiet).await;
    let mut seen = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    for _ in 0..ROUNDS {
        for (throttled, (halves, tails)) in seen.iter_mut().enumerate() {
            working.store(throttled == 1, Ordering::Relaxed);
            if throttled == 1 {
                sim.fault(Fault::on("*").by(LOUD).always().throttle(50));
            }
            let took = measure(&quiet).await;
            sim.clear_faults();
            halves.push(percentile(&took, 50));
            tails.push(percentile(&took, 99));
        }
    }
    let [alone, throttled] = seen.map(|(halves, tails)| (median(halves), median(tails)));
    let ratio = throttled.1.as_secs_f64() / alone.1.as_secs_f64();
    println!(
        "{word:<16} alone: p50 {:>9.2?} p99 {:>9.2?}   throttled: p50 {:>9.2?} p99 {:>9.2?}   p99 ratio {ratio:.2}",
        alone.0, alone.1, throttled.0, throttled.1
    );
    ratio <= BAR
}

#[tokio::main]
async fn main() -> ExitCode {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let config = SimConfig {
        accounts: vec![Account::new(LOUD, "secret"), Account::new(QUIET, "secret")],
        ..SimConfig::fast(50.0)
    };
    let sim = Sim::start(config).await.unwrap();
    for name in [LOUD, QUIET] {
        let edit = HuaweiEdit::AddProject {
            account: name.to_owned(),
            project: project(name),
            region: "cn-north-4".to_owned(),
        };
        sim.edit(edit).unwrap();
    }
    println!("calls of one account while another is at rest, and while it is throttled");
    let mut kept = true;
    for ((word, loud), (_, quiet)) in blocks(LOUD).into_iter().zip(blocks(QUIET)) {
        kept &= vendor(&sim, word, [loud, quiet]).await;
    }
    if kept {
        return ExitCode::SUCCESS;
    }
    println!("over the bar: the throttled account slows the other one down");
    ExitCode::FAILURE
}
