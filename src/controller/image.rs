//! `DesktopImage`: gathers what is known, asks the plan, carries out one action.

use std::sync::Arc;
use std::time::Duration;

use kube::Api;

use super::context::Context;
use super::error::Error;
use super::kind::Kind;
use super::status::Stored;
use crate::api::{DesktopImage, DesktopImageStatus, IMAGE_FINALIZER};

impl Stored for DesktopImage {
    type Status = DesktopImageStatus;
    const FINALIZER: &'static str = IMAGE_FINALIZER;

    fn api(context: &Context, namespace: Option<&str>) -> Api<Self> {
        Api::namespaced(context.client.clone(), namespace.unwrap_or_default())
    }

    fn status(&self) -> DesktopImageStatus {
        self.status.clone().unwrap_or_default()
    }

    fn set_status(&mut self, status: DesktopImageStatus) {
        self.status = Some(status);
    }
}

impl Kind for DesktopImage {
    const CONTROLLER: &'static str = "desktopimage";

    async fn reconcile(context: &Arc<Context>, object: &Arc<Self>) -> Result<Duration, Error> {
        let _ = object;
        Ok(context.settings.inventory_slow)
    }
}
