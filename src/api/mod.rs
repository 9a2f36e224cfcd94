//! The custom resources of the API group `desktop-operator.io/v1alpha1`.
//!
//! Everything a user may write and everything the operator reports is defined here, together with the rules the
//! API server enforces. This module knows no vendor protocol, no HTTP and no controller.
//!
//! Blocks that mean something when they are empty, and references whose fields belong together, are atomic to
//! server-side apply. Emptied field by field they would end as null, which the API server then refuses.

pub mod cluster;
pub mod common;
pub mod condition;
pub mod crd;
pub mod desktop;
pub mod image;
pub mod pool;
pub mod provider;

pub use cluster::{DesktopCluster, DesktopClusterSpec, DesktopClusterStatus};
pub use desktop::{Desktop, DesktopSpec, DesktopStatus};
pub use image::{DesktopImage, DesktopImageSpec, DesktopImageStatus};
pub use pool::{DesktopPool, DesktopPoolSpec, DesktopPoolStatus};
pub use provider::{DesktopProvider, DesktopProviderSpec, DesktopProviderStatus};

/// The API group of every kind.
pub const GROUP: &str = "desktop-operator.io";
/// The only version served so far.
pub const VERSION: &str = "v1alpha1";
/// Field manager and event reporter name of the operator.
pub const FIELD_MANAGER: &str = "desktop-operator";

/// Finalizer that keeps a [`DesktopProvider`] while a cluster or desktop still needs its credentials.
pub const PROVIDER_FINALIZER: &str = "desktopproviders.desktop-operator.io/in-use";
/// Finalizer that keeps a [`DesktopCluster`] until the vendor's cluster is observed gone.
pub const CLUSTER_FINALIZER: &str = "desktopclusters.desktop-operator.io/cleanup";
/// Finalizer that keeps a [`Desktop`] until the vendor's desktop is observed gone.
pub const DESKTOP_FINALIZER: &str = "desktops.desktop-operator.io/cleanup";
/// Finalizer that keeps a [`DesktopImage`] until the vendor's image is observed gone.
pub const IMAGE_FINALIZER: &str = "desktopimages.desktop-operator.io/cleanup";
/// Finalizer that keeps a [`DesktopPool`] until its desktops, and the vendor's pool, are observed gone.
pub const POOL_FINALIZER: &str = "desktoppools.desktop-operator.io/cleanup";

/// Label of a Desktop that belongs to a pool: the pool's name.
pub const POOL_LABEL: &str = "desktop-operator.io/pool";
/// Label of a Desktop that belongs to a pool: the revision of the template it was last made or changed by.
pub const REVISION_LABEL: &str = "desktop-operator.io/revision";

/// `"true"` stops every vendor call for the object, deletion included, until the annotation is removed.
pub const PAUSED_ANNOTATION: &str = "desktop-operator.io/paused";
/// Any new value restarts the desktop once; the handled value is kept in `status.restart`.
pub const RESTART_ANNOTATION: &str = "desktop-operator.io/restart";
/// On a deleted object: the exact vendor id (or `none`), given by a human, releases the object without a vendor
/// call. What is left at the vendor is then the human's to remove.
pub const ABANDON_ANNOTATION: &str = "desktop-operator.io/abandon";
/// On an object whose creation ended in doubt: the attempt number, given by a human who looked at the vendor's
/// account, allows the next attempt.
pub const RETRY_CREATE_ANNOTATION: &str = "desktop-operator.io/retry-create";
/// On a `DesktopProvider`: the identity (as in its status and its condition) that a human has confirmed to be the account
/// its objects live in.
pub const ACCEPT_IDENTITY_ANNOTATION: &str = "desktop-operator.io/accept-identity";
/// On a Desktop: what a human found out about a call whose answer was lost, as its condition asks for it:
/// `rebuild-<n>-done`, `rebuild-<n>-repeat` or `purchase-<n>-repeat`. On a [`DesktopPool`] of the vendor's own:
/// `work-<n>-settled`.
pub const SETTLE_ANNOTATION: &str = "desktop-operator.io/settle";
/// On a Desktop of a pool, written by the operator: when it came to its revision.
pub const REVISION_SINCE_ANNOTATION: &str = "desktop-operator.io/revision-since";
/// `"true"` on a Desktop of a pool: it is the first to go when there are too many. On a [`DesktopPool`] of the vendor's
/// own: the vendor ids of such desktops, separated by commas.
pub const REMOVE_FIRST_ANNOTATION: &str = "desktop-operator.io/remove-first";
/// `"true"` on a Desktop of a pool: the pool neither removes it nor makes it anew. On a [`DesktopPool`] of the vendor's
/// own: the vendor ids of such desktops, separated by commas.
pub const PROTECT_ANNOTATION: &str = "desktop-operator.io/protect";
/// On a namespace: the share of the desktops of its pools that may be removed within a window, such as `20%/1h`.
pub const REMOVAL_BRAKE_ANNOTATION: &str = "desktop-operator.io/removal-brake";
/// On a `DesktopPool`: until this moment (RFC 3339) the brake of the namespace does not hold it.
pub const BRAKE_RELEASED_UNTIL_ANNOTATION: &str = "desktop-operator.io/brake-released-until";
