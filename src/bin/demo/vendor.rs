//! The vendors the story can be told of: their manifests, and what somebody does in their consoles.

use clap::ValueEnum;
use desktop_operator::sim::{CapitalOnlineEdit, CloudDesktopEdit, EditError, GwsEdit, HuaweiEdit, Sim};

/// People of the story.
const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
/// The project that a simulated Huawei account begins with.
const PROJECT: &str = "0bec5db98280d2d02fd6c00c2de791ce";

macro_rules! manifests {
    ($folder:literal) => {
        [
            include_str!(concat!("../../../config/demo/", $folder, "/1-account.yaml")),
            include_str!(concat!("../../../config/demo/", $folder, "/2-cluster.yaml")),
            include_str!(concat!("../../../config/demo/", $folder, "/3-desktops.yaml")),
        ]
    };
}

/// A vendor the story can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Vendor {
    /// Alibaba Cloud GWS.
    Gws,
    /// Alibaba Cloud CloudDesktop.
    CloudDesktop,
    /// CapitalOnline gcw.
    CapitalOnline,
    /// Huawei Cloud Workspace.
    HuaweiWorkspace,
}

impl Vendor {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Gws => "Alibaba Cloud GWS",
            Self::CloudDesktop => "Alibaba Cloud CloudDesktop",
            Self::CapitalOnline => "CapitalOnline gcw",
            Self::HuaweiWorkspace => "Huawei Cloud Workspace",
        }
    }

    /// Folder under `config/demo`.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Gws => "gws",
            Self::CloudDesktop => "cloud-desktop",
            Self::CapitalOnline => "capital-online",
            Self::HuaweiWorkspace => "huawei-workspace",
        }
    }

    /// The manifests, in the order in which they are applied.
    pub fn manifests(self) -> [&'static str; 3] {
        match self {
            Self::Gws => manifests!("gws"),
            Self::CloudDesktop => manifests!("cloud-desktop"),
            Self::CapitalOnline => manifests!("capital-online"),
            Self::HuaweiWorkspace => manifests!("huawei-workspace"),
        }
    }

    /// The manifests of an image and a pool, at vendors where images can be made of desktops.
    pub fn pool(self) -> Option<&'static str> {
        match self {
            Self::Gws => Some(include_str!("../../../config/demo/gws/4-pool.yaml")),
            Self::HuaweiWorkspace => Some(include_str!("../../../config/demo/huawei-workspace/4-pool.yaml")),
            Self::CloudDesktop | Self::CapitalOnline => None,
        }
    }

    /// Whether the vendor has pools of its own; elsewhere the operator makes one of Desktops.
    pub fn has_pools(self) -> bool {
        self == Self::HuaweiWorkspace
    }

    /// Whether the vendor's clusters are made, and are gone at the end.
    pub fn makes_clusters(self) -> bool {
        self == Self::Gws
    }

    /// The vendor knows the people of the story.
    pub fn invite(self, sim: &Sim, account: &str) -> Result<(), EditError> {
        for name in PEOPLE {
            let (account, name) = (account.to_owned(), name.to_owned());
            let email = format!("{name}@example.com");
            match self {
                // Users there are the account's own, which another product keeps.
                Self::Gws => continue,
                Self::CloudDesktop => sim.edit(CloudDesktopEdit::AddUser { account, name, email })?,
                Self::CapitalOnline => sim.edit(CapitalOnlineEdit::AddSubAccount { account, email, name })?,
                Self::HuaweiWorkspace => sim.edit(HuaweiEdit::AddUser {
                    project: PROJECT.to_owned(),
                    name,
                })?,
            };
        }
        Ok(())
    }

    /// Somebody stops a desktop in the vendor's console.
    pub fn stop(self, sim: &Sim, desktop: String) -> Result<(), EditError> {
        match self {
            Self::Gws => sim.edit(GwsEdit::StopInstance { instance: desktop })?,
            Self::CloudDesktop => sim.edit(CloudDesktopEdit::SetDesktopStatus {
                desktop,
                status: "Stopped".to_owned(),
            })?,
            Self::CapitalOnline => sim.edit(CapitalOnlineEdit::SetVmStatus {
                vm: desktop,
                status: "stop".to_owned(),
            })?,
            Self::HuaweiWorkspace => sim.edit(HuaweiEdit::SetDesktopState {
                desktop,
                status: "SHUTOFF".to_owned(),
                task: String::new(),
                login: "UNREGISTER".to_owned(),
            })?,
        };
        Ok(())
    }
}
