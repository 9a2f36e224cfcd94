//! Every call of the vendors' documents, and whether the kinds have a use for it.

use std::collections::BTreeSet;
use std::path::Path;

use desktop_operator::sim::huawei;

/// The calls of one vendor.
pub struct Calls {
    /// Those that providers, clusters and desktops need: a life from manifests must reach each of them.
    pub reached: &'static [&'static str],
    /// Those that an image needs from its capture or adoption to its end.
    pub images: &'static [&'static str],
    /// Those that a pool of the vendor's own needs.
    pub pools: &'static [&'static str],
    /// Those that no kind needs: of users, or another way to what one of the others does.
    pub others: &'static [&'static str],
}

/// The calls of the GWS document.
pub const GWS: Calls = Calls {
    reached: &[
        "CreateServiceLinkedRole",
        "DescribeAvailableResource",
        "CreateCluster",
        "DescribeClusters",
        "SetClusterName",
        "DeleteCluster",
        "SetClusterPolicy",
        "DescribeClusterPolicy",
        "SetClusterADDomain",
        "DescribeClusterADDomain",
        "SetClusterDnat",
        "DescribeClusterConnections",
        "CreateInstance",
        "DescribeInstances",
        "DeleteInstance",
        "SetInstanceName",
        "StartInstance",
        "StopInstance",
        "RestartInstance",
        "SetInstanceUser",
        "SetInstancePolicy",
        "DescribeInstancePolicy",
    ],
    images: &["DescribeImages", "CreateImage", "SetImageName", "DeleteImage"],
    pools: &[],
    // A ticket is for whoever connects. It has contract tests.
    others: &["GetConnectTicket"],
};

pub const CAPITAL_ONLINE: Calls = Calls {
    reached: &[
        "QuerySites",
        "QueryProducts",
        "GetLineBillingScheme",
        "GetDefaultNet",
        "GetCustomNet",
        "CreateDefaultNet",
        "SupplyDefaultNet",
        "QueryTask",
        "CreateVm",
        "QueryVms",
        "QueryVm",
        "QueryExpireVms",
        "QueryVmPrice",
        "GetEipPrice",
        "QuerySubAccounts",
        "BindAccounts",
        "ChangeAccount",
        "UnbindAccounts",
        "ChangeVmName",
        "UpdateVmLabels",
        "OperateVm",
        "RebuildVm",
        "UpdateOrder",
        "RenewalOrder",
        "DeleteVm",
    ],
    // Asked by desktops as well.
    images: &["QueryImages"],
    pools: &[],
    others: &[
        "CreateSubAccount",
        "CreateSubAccounts",
        "ChangeSubAccountName",
        "ChangeSubAccountRemark",
    ],
};

/// The document's and the published client's.
pub const CLOUD_DESKTOP: Calls = Calls {
    reached: &[
        "DescribeRegions",
        "DescribeDesktopTypeItems",
        "DescribeAvailableResource",
        "DescribeDesktopOwner",
        "DescribeActivityDirectoryUsers",
        "CreateDesktop",
        "RenewDesktop",
        "DeleteDesktop",
        "DescribeDesktops",
        "StartDesktop",
        "StopDesktop",
        "RebootDesktop",
        "ModifyDesktop",
        "ModifyDesktopUser",
        "ReplaceDesktopImage",
    ],
    // Asked by desktops as well.
    images: &["DescribeImages"],
    pools: &[],
    others: &["CreateUser"],
};

pub const HUAWEI: Calls = Calls {
    reached: &[
        "KeystoneCreateUserTokenByPassword",
        "ListWorkspaces",
        "ListProducts",
        "ListAvailabilityZones",
        "ShowQuotas",
        "ListDesktopsDetail",
        "ShowDesktopDetail",
        "CreateDesktop",
        "DeleteDesktop",
        "UpdateDesktop",
        "BatchRunDesktops",
        "AttachInstances",
        "DetachInstances",
        "BatchRebuildDesktopsSystemDisk",
        "ShowJob",
        "ListPolicyGroup",
        "ListPolicyDetailInfoById",
        "CreatePolicyGroup",
        "UpdatePoliciesOfPolicyGroup",
        "BatchUpdateTargetOfPolicyGroup",
    ],
    images: &["ListImages", "ChangeDesktopToImage"],
    pools: &[
        "ListUsers",
        "ListDesktopPools",
        "CreateDesktopPool",
        "ShowDesktopPoolDetail",
        "UpdateDesktopPool",
        "DeleteDesktopPool",
        "ExpandDesktopPool",
        "RebuildDesktopPool",
        "ExecuteDesktopPoolAction",
        "ListDesktopPoolAuthorizedObjects",
        "CreateDesktopPoolAuthorizedObjects",
        "ListPoolDesktopsDetail",
        "BatchDeleteDesktops",
        "ListItaSubJobs",
    ],
    others: &[
        "CreateDesktopUser",
        "BatchCreateUsers",
        "BatchDeleteUser",
        "ListUserDetail",
        "UpdateUserInfo",
        "DeleteUser",
        "ResizeDesktopPool",
        "ListDesktops",
        "ResizeDesktop",
        "ShowTagByDesktopId",
        "CreateTag",
        "BatchChangeTags",
        "DeleteTag",
        "ListPolicyGroupInfo",
        "UpdatePolicyGroup",
        "DeletePolicyGroup",
        "ListPoliciesOfPolicyGroup",
        "ListTargetOfPolicyGroup",
    ],
};

impl Calls {
    /// Each call stands in one of the lists, once.
    fn are(&self, known: &BTreeSet<String>) {
        let listed: Vec<String> = [self.reached, self.images, self.pools, self.others]
            .concat()
            .iter()
            .map(|&c| c.to_owned())
            .collect();
        assert_eq!(listed.len(), known.len(), "a call is listed twice, or not at all");
        assert_eq!(&listed.into_iter().collect::<BTreeSet<_>>(), known);
    }
}

/// The calls of a document, by its examples.
fn examples(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_call_of_the_documents_has_its_place() {
    GWS.are(&examples("gws"));
    CAPITAL_ONLINE.are(&examples("capital_online"));
    CLOUD_DESKTOP.are(&examples("cloud-desktop"));
    HUAWEI.are(&huawei::operations().map(str::to_owned).collect());
}
