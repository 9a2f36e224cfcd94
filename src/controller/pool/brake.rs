//! What the brake of a namespace depends on: its annotation, and what its pools have and have removed.

use kube::{Resource, ResourceExt};

use crate::api::{BRAKE_RELEASED_UNTIL_ANNOTATION, DesktopPool, REMOVAL_BRAKE_ANNOTATION};
use crate::controller::context::Context;
use crate::controller::error::Error;
use crate::controller::{annotation, namespace};
use crate::plan::pool::brake::{Brake, Facts};

/// The brake of the namespace of a pool, as it holds for this pool. Whoever removes something by it holds
/// [`PoolMemory::gate`](super::memory::PoolMemory::gate) from here until the removal is written.
pub(super) async fn facts(context: &Context, object: &DesktopPool) -> Result<Facts, Error> {
    let namespace = object.namespace().unwrap_or_default();
    let annotations = namespace::metadata(context, &namespace)
        .await?
        .annotations
        .unwrap_or_default();
    let mut facts = Facts {
        brake: Brake::read(annotations.get(REMOVAL_BRAKE_ANNOTATION).map(String::as_str)),
        released_until: annotation(object, BRAKE_RELEASED_UNTIL_ANNOTATION).and_then(|at| at.parse().ok()),
        ..Facts::default()
    };
    // Its own status is newer here than in the store.
    let own = object.meta().uid.clone();
    let pools = context.pools.state();
    let others = pools
        .iter()
        .filter_map(|pool| pool.0.as_ref().ok())
        .filter(|pool| pool.namespace().as_deref() == Some(namespace.as_str()) && pool.meta().uid != own);
    for pool in others.chain([object]) {
        let Some(status) = &pool.status else { continue };
        let uid = pool.meta().uid.as_deref().unwrap_or_default();
        // What this process wrote last may not have come back yet.
        let removals = context.pool_memory.removals_of(uid);
        facts
            .removals
            .extend(removals.unwrap_or_else(|| status.removals.clone()));
        let there = usize::try_from(status.replicas).unwrap_or_default();
        facts.desktops = facts.desktops.saturating_add(there);
    }
    Ok(facts)
}
