//! A pool of the vendor's own.

use std::sync::Arc;
use std::time::Duration;

use crate::api::DesktopPool;
use crate::controller::context::Context;
use crate::controller::error::Error;

/// One pass.
pub(super) async fn reconcile(context: &Arc<Context>, object: &Arc<DesktopPool>) -> Result<Duration, Error> {
    let _ = object;
    Ok(context.settings.inventory_slow)
}
