//! `DesktopPool`: one of the vendor's own, or many Desktops.

mod brake;
mod children;
pub mod memory;
mod native;

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};

use super::cluster;
use super::context::Context;
use super::error::Error;
use super::kind::Kind;
use super::status::Stored;
use crate::api::{DesktopCluster, DesktopPool, DesktopPoolStatus, POOL_FINALIZER};
use crate::backend::{Capabilities, connect};
use crate::plan::image::Obstacle;

impl Stored for DesktopPool {
    type Status = DesktopPoolStatus;
    const FINALIZER: &'static str = POOL_FINALIZER;

    fn api(context: &Context, namespace: Option<&str>) -> Api<Self> {
        Api::namespaced(context.client.clone(), namespace.unwrap_or_default())
    }

    fn status(&self) -> DesktopPoolStatus {
        self.status.clone().unwrap_or_default()
    }

    fn set_status(&mut self, status: DesktopPoolStatus) {
        self.status = Some(status);
    }
}

impl Kind for DesktopPool {
    const CONTROLLER: &'static str = "desktoppool";

    async fn reconcile(context: &Arc<Context>, object: &Arc<Self>) -> Result<Duration, Error> {
        if is_native(context, object) {
            native::reconcile(context, object).await
        } else {
            children::reconcile(context, object).await
        }
    }
}

/// The cluster a pool names.
fn cluster_of(context: &Context, object: &DesktopPool) -> Option<DesktopCluster> {
    let name = &object.spec.template.spec.cluster_ref.name;
    let at = ObjectRef::new(name).within(&object.namespace().unwrap_or_default());
    context.clusters.get(&at)?.0.clone().ok()
}

/// Whether the pool is one of the vendor's own: it was recorded as one, or its vendor has pools.
fn is_native(context: &Context, object: &DesktopPool) -> bool {
    let recorded = object
        .status
        .as_ref()
        .is_some_and(|s| s.binding.is_some() || s.create.is_some());
    recorded
        || cluster_of(context, object)
            .is_some_and(|cluster| capabilities_of(context, &cluster).is_some_and(|c| c.native_pools))
}

/// What the vendor of a cluster can do.
fn capabilities_of(context: &Context, cluster: &DesktopCluster) -> Option<&'static Capabilities> {
    let name = cluster::provider_of(cluster);
    let provider = context.providers.get(&ObjectRef::new(name));
    let spec = provider.as_ref().and_then(|p| p.0.as_ref().ok()).map(|p| &p.spec);
    spec.and_then(connect::capabilities_of)
}

/// The vendor id of the template's image, for the account and the disks of the pool.
fn image(context: &Context, object: &DesktopPool) -> Result<String, Obstacle> {
    let template = &object.spec.template.spec;
    let recorded = object
        .status
        .as_ref()
        .and_then(|s| s.binding.as_ref())
        .map(|b| b.provider.clone());
    let provider = recorded.or_else(|| cluster_of(context, object).map(|c| cluster::provider_of(&c).to_owned()));
    let disk = template.system_disk.as_ref().map(|disk| disk.size_gib);
    let namespace = object.namespace().unwrap_or_default();
    let view = super::image::resolve(context, &namespace, &template.image);
    view.usable("spec.template.spec", &provider.unwrap_or_default(), disk)
}
