//! What each vendor can do, as data: planning asks before anything is called, and docs/vendors/capabilities.md is made
//! from it.

/// How a vendor's clusters come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterOrigin {
    /// They are created and deleted like desktops.
    Created,
    /// A cluster is a network of a site: the site's default one can be made and repaired, others are adopted, and none
    /// can be deleted through the vendor's API.
    Network,
    /// The account has exactly one, set up in the vendor's console. It is used as it is found and never deleted.
    Tenant,
}

/// How a creation whose answer was lost is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateIdentity {
    /// The new desktop carries our mark in its name or its tags, and listings show it.
    Mark,
    /// The call takes a token: sent again with the same one, the vendor answers again instead of creating again.
    Token,
}

/// How the vendor names desktops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// The display name with our mark behind it.
    Marked,
    /// A host name of at most 15 characters, made of the resource's UID.
    Short,
    /// The vendor chooses.
    Vendor,
}

/// Whether a desktop can be renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rename {
    /// At any time.
    Free,
    /// Only by restarting it, which a manifest must allow.
    Restarts,
    /// Not at all.
    No,
}

/// Who chooses the system disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemDiskChoice {
    /// The manifest must.
    Required,
    /// The flavor determines it.
    Fixed,
}

/// Whether the image of an existing desktop can be replaced. It wipes the system disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageChange {
    /// Not at all.
    No,
    /// At any time.
    Running,
    /// While it is stopped.
    Stopped,
}

/// What a vendor knows of users.
#[allow(clippy::struct_excessive_bools, reason = "a table of yes and no")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Users {
    /// An existing desktop can be assigned to somebody.
    pub assign: bool,
    /// Somebody must be named when a desktop is created.
    pub required: bool,
    /// The vendor's number is needed beside the name.
    pub needs_uid: bool,
    /// A desktop can be taken from its user again.
    pub unassign: bool,
    /// Taking a desktop from its user, or giving it to another, needs it stopped.
    pub change_needs_stop: bool,
}

/// How desktops are paid for.
#[allow(clippy::struct_excessive_bools, reason = "a table of yes and no")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// A desktop can be bought for a period.
    pub subscription: bool,
    /// A period can be counted in weeks.
    pub weeks: bool,
    /// A desktop paid by use can be turned into a subscription.
    pub convert: bool,
    /// A subscription can be renewed.
    pub renew: bool,
    /// A desktop that is paid for in advance can be deleted before its term ends.
    pub delete_prepaid: bool,
    /// The vendor tells what a desktop costs.
    pub price: bool,
}

/// What a vendor can do. The controllers ask before they call.
#[allow(clippy::struct_excessive_bools, reason = "a table of yes and no")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Name of the vendor as in the provider's block, e.g. `gws`.
    pub vendor: &'static str,
    /// The vendor's service-linked role must exist before the first cluster.
    pub service_linked_role: bool,
    /// How clusters come about.
    pub clusters: ClusterOrigin,
    /// A cluster can be renamed.
    pub rename_cluster: bool,
    /// How a lost answer to a creation is found again.
    pub create_identity: CreateIdentity,
    /// Desktops can be listed. Without it nothing of a desktop is known but what was asked for.
    pub observe_desktops: bool,
    /// How desktops are named when they are created.
    pub naming: Naming,
    /// Fields of the session policy that can be enforced, by their name in the spec, sorted.
    pub policy_fields: &'static [&'static str],
    /// A NAT gateway can be attached.
    pub nat: bool,
    /// A directory can be linked.
    pub directory: bool,
    /// Desktops can be started, stopped and restarted.
    pub power: bool,
    /// Whether desktops can be renamed.
    pub rename: Rename,
    /// Who chooses the system disk.
    pub system_disk: SystemDiskChoice,
    /// A desktop needs a subnet, its own or its cluster's.
    pub needs_subnet: bool,
    /// A desktop needs a zone, which its cluster names.
    pub needs_zone: bool,
    /// Desktops carry a label beside their name.
    pub label: bool,
    /// A desktop can have a public address or a bandwidth of its own.
    pub public_address: bool,
    /// What is known of users.
    pub users: Users,
    /// Whether the image of an existing desktop can be replaced.
    pub change_image: ImageChange,
    /// The vendor tells which image a desktop was made from.
    pub observe_image: bool,
    /// Applications can be published instead of a desktop.
    pub applications: bool,
    /// GPU display settings can be set.
    pub display_policy: bool,
    /// How desktops are paid for.
    pub payment: Payment,
    /// Images can be made from desktops.
    pub capture_image: bool,
    /// Images can be renamed.
    pub rename_image: bool,
    /// Images can be deleted.
    pub delete_image: bool,
    /// Who is connected can be read.
    pub sessions: bool,
    /// The vendor has pools of its own.
    pub native_pools: bool,
}
