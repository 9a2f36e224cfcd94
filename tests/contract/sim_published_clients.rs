//! The vendor's published clients as judges of the simulator.

use std::collections::BTreeSet;
use std::path::Path;

use desktop_operator::sim::{Kind, Ledger, Outcome, Sim};
use tokio::process::Command;

use crate::sim_client::strict;

/// Every action of the document.
const ACTIONS: [&str; 27] = [
    "CreateCluster",
    "CreateImage",
    "CreateInstance",
    "CreateServiceLinkedRole",
    "DeleteCluster",
    "DeleteImage",
    "DeleteInstance",
    "DescribeAvailableResource",
    "DescribeClusterADDomain",
    "DescribeClusterConnections",
    "DescribeClusterPolicy",
    "DescribeClusters",
    "DescribeImages",
    "DescribeInstancePolicy",
    "DescribeInstances",
    "GetConnectTicket",
    "RestartInstance",
    "SetClusterADDomain",
    "SetClusterDnat",
    "SetClusterName",
    "SetClusterPolicy",
    "SetImageName",
    "SetInstanceName",
    "SetInstancePolicy",
    "SetInstanceUser",
    "StartInstance",
    "StopInstance",
];

/// Runs a published client's script against a simulator of its own, and returns what that saw.
pub async fn walked(script: &str) -> Ledger {
    let sim = Sim::start(strict()).await.unwrap();
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/run.sh");
    let output = Command::new(run)
        .args([script, sim.url(), "testid", "testsecret"])
        .output()
        .await
        .expect("run.sh runs");
    assert!(
        output.status.success(),
        "{script}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    sim.ledger()
}

/// Whether every one of these actions was answered, and no other, and of these kinds something was made and nothing is
/// left.
pub fn assert_whole_life(ledger: &Ledger, actions: &[&str], kinds: &[Kind]) {
    let answered: BTreeSet<&str> = ledger
        .entries()
        .filter(|entry| matches!(entry.outcome, Outcome::Committed | Outcome::Read))
        .map(|entry| entry.action.as_str())
        .collect();
    assert_eq!(answered, actions.iter().copied().collect());
    for kind in kinds {
        assert!(!ledger.ever_created(*kind).is_empty());
        assert!(ledger.existing(*kind).is_empty(), "{kind:?} left behind");
    }
}

async fn judge(script: &str) {
    let kinds = [Kind::Cluster, Kind::Instance, Kind::Image];
    assert_whole_life(&walked(script).await, &ACTIONS, &kinds);
}

#[tokio::test]
async fn the_published_client_walks_a_whole_life() {
    judge("gws_tea.py").await;
}

#[tokio::test]
async fn the_published_core_library_walks_a_whole_life() {
    judge("gws_core.py").await;
}
