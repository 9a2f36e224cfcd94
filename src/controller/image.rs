//! `DesktopImage`: gathers what is known, asks the plan, carries out one action.

use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use kube::runtime::reflector::ObjectRef;

use super::context::Context;
use super::error::Error;
use super::kind::Kind;
use super::status::Stored;
use crate::api::desktop::ImageSource;
use crate::api::{DesktopImage, DesktopImageStatus, IMAGE_FINALIZER};
use crate::plan::image::ImageView;

/// The image that a manifest of this namespace names, as far as something can be made from it.
#[must_use]
pub fn resolve(context: &Context, namespace: &str, source: &ImageSource) -> ImageView {
    let Some(reference) = &source.reference else {
        return ImageView::of_id(source.id.as_deref().unwrap_or_default());
    };
    let found = context.images.get(&ObjectRef::new(&reference.name).within(namespace));
    match found.as_ref().and_then(|image| image.0.as_ref().ok()) {
        Some(image) => ImageView::of(image),
        None => ImageView::not_found(&reference.name),
    }
}

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
