//! The vendor's published clients as judges of the simulator.

use desktop_operator::sim::Kind;

use crate::sim_published_clients::{assert_whole_life, walked};

/// Every operation that is served.
const OPERATIONS: [&str; 54] = [
    "AttachInstances",
    "BatchChangeTags",
    "BatchCreateUsers",
    "BatchDeleteDesktops",
    "BatchDeleteUser",
    "BatchRebuildDesktopsSystemDisk",
    "BatchRunDesktops",
    "BatchUpdateTargetOfPolicyGroup",
    "ChangeDesktopToImage",
    "CreateDesktop",
    "CreateDesktopPool",
    "CreateDesktopPoolAuthorizedObjects",
    "CreateDesktopUser",
    "CreatePolicyGroup",
    "CreateTag",
    "DeleteDesktop",
    "DeleteDesktopPool",
    "DeletePolicyGroup",
    "DeleteTag",
    "DeleteUser",
    "DetachInstances",
    "ExecuteDesktopPoolAction",
    "ExpandDesktopPool",
    "KeystoneCreateUserTokenByPassword",
    "ListAvailabilityZones",
    "ListDesktopPoolAuthorizedObjects",
    "ListDesktopPools",
    "ListDesktops",
    "ListDesktopsDetail",
    "ListImages",
    "ListItaSubJobs",
    "ListPoliciesOfPolicyGroup",
    "ListPolicyDetailInfoById",
    "ListPolicyGroup",
    "ListPolicyGroupInfo",
    "ListPoolDesktopsDetail",
    "ListProducts",
    "ListTargetOfPolicyGroup",
    "ListUserDetail",
    "ListUsers",
    "ListWorkspaces",
    "RebuildDesktopPool",
    "ResizeDesktop",
    "ResizeDesktopPool",
    "ShowDesktopDetail",
    "ShowDesktopPoolDetail",
    "ShowJob",
    "ShowQuotas",
    "ShowTagByDesktopId",
    "UpdateDesktop",
    "UpdateDesktopPool",
    "UpdatePoliciesOfPolicyGroup",
    "UpdatePolicyGroup",
    "UpdateUserInfo",
];

#[tokio::test]
async fn the_published_clients_walk_a_whole_life() {
    let ledger = walked("huawei_sdk.py").await;
    let kinds = [Kind::Instance, Kind::Image, Kind::User, Kind::PolicyGroup, Kind::Pool];
    assert_whole_life(&ledger, &OPERATIONS, &kinds);
    let text = serde_json::to_string(&ledger).unwrap();
    assert!(
        !text.contains("testsecret") && !text.contains("MIIsim"),
        "a secret in the ledger"
    );
}
