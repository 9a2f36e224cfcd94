//! The vendor's published client as judge of the simulator.

use std::collections::BTreeSet;
use std::path::Path;

use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{Kind, Outcome};
use tokio::process::Command;

use super::client::quick;

/// Every action of the document's older edition.
const ACTIONS: [&str; 30] = [
    "BindAccounts",
    "ChangeAccount",
    "ChangeSubAccountName",
    "ChangeSubAccountRemark",
    "ChangeVmName",
    "CreateDefaultNet",
    "CreateSubAccount",
    "CreateSubAccounts",
    "CreateVm",
    "DeleteVm",
    "GetCustomNet",
    "GetDefaultNet",
    "GetEipPrice",
    "GetLineBillingScheme",
    "OperateVm",
    "QueryExpireVms",
    "QueryImages",
    "QueryProducts",
    "QuerySites",
    "QuerySubAccounts",
    "QueryTask",
    "QueryVm",
    "QueryVmPrice",
    "QueryVms",
    "RebuildVm",
    "RenewalOrder",
    "SupplyDefaultNet",
    "UnbindAccounts",
    "UpdateOrder",
    "UpdateVmLabels",
];

/// What the newer one has beside them.
const NEWER: [&str; 3] = ["ConfigNet", "GetVpcBandwidth", "OffAndUnbind"];

async fn judge(edition: Edition, word: &str, actions: BTreeSet<&str>) {
    let (sim, _client) = quick(edition).await;
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/run.sh");
    let output = Command::new(run)
        .args(["capital_online_sdk.py", sim.url(), "testid", "testsecret", word])
        .output()
        .await
        .expect("run.sh runs");
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let ledger = sim.ledger();
    let answered: BTreeSet<&str> = ledger
        .entries()
        .filter(|entry| matches!(entry.outcome, Outcome::Committed | Outcome::Read))
        .map(|entry| entry.action.as_str())
        .collect();
    assert_eq!(answered, actions);
    assert!(!ledger.ever_created(Kind::Instance).is_empty());
    assert!(ledger.existing(Kind::Instance).is_empty());
}

#[tokio::test]
async fn the_published_client_walks_a_whole_life() {
    judge(Edition::Y2022, "2022", ACTIONS.into()).await;
}

#[tokio::test]
async fn the_published_client_walks_a_whole_life_of_the_newer_edition() {
    judge(Edition::Y2023, "2023", ACTIONS.into_iter().chain(NEWER).collect()).await;
}
