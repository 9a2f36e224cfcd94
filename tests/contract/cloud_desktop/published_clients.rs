//! The published clients as judges of the simulator.

use desktop_operator::sim::{Kind, Outcome};

use crate::sim_published_clients::{assert_whole_life, walked};

/// The actions of the document, and those that only the published client knows.
const ACTIONS: [&str; 17] = [
    "CreateDesktop",
    "CreateUser",
    "DeleteDesktop",
    "DescribeActivityDirectoryUsers",
    "DescribeAvailableResource",
    "DescribeDesktopOwner",
    "DescribeDesktopTypeItems",
    "DescribeDesktops",
    "DescribeImages",
    "DescribeRegions",
    "ModifyDesktop",
    "ModifyDesktopUser",
    "RebootDesktop",
    "RenewDesktop",
    "ReplaceDesktopImage",
    "StartDesktop",
    "StopDesktop",
];

async fn judge(script: &str) {
    let ledger = walked(script).await;
    assert_whole_life(&ledger, &ACTIONS, &[Kind::Instance, Kind::User]);
    // Two desktops and one renewal, each asked for twice with the same token.
    assert_eq!(ledger.committed("CreateDesktop").len(), 2);
    assert_eq!(ledger.committed("RenewDesktop").len(), 1);
    let with_status_200: Vec<_> = ledger
        .calls("CreateUser")
        .into_iter()
        .filter(|call| call.outcome == Outcome::Refused && call.status == 200)
        .collect();
    assert_eq!(with_status_200.len(), 3);
}

#[tokio::test]
async fn the_core_library_for_python_walks_a_whole_life() {
    judge("cloud_desktop_core.py").await;
}

#[tokio::test]
async fn the_core_library_for_node_walks_a_whole_life() {
    judge("cloud_desktop_pop.py").await;
}
