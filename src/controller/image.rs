//! `DesktopImage`: gathers what is known, asks the plan, carries out one action.

mod gather;
mod reads;

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

pub use self::reads::ImageReads;
use super::context::Context;
use super::creation::{self, Sent};
use super::error::Error;
use super::kind::Kind;
use super::status::{Stored, add_finalizer, has_finalizer, remove_finalizer, uid, write};
use super::{annotation, provider, reference};
use crate::api::common::Binding;
use crate::api::desktop::ImageSource;
use crate::api::{Desktop, DesktopImage, DesktopImageStatus, IMAGE_FINALIZER, PAUSED_ANNOTATION};
use crate::backend::{Backend, BackendError, ErrorClass, Operation, Receipt, TaskState};
use crate::plan::desktop::Hold;
use crate::plan::image::{Action, ImageView, Inputs, Plan, answered, holds, plan, polled};
use crate::plan::stalled_by;

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

/// The provider an image belongs to: the recorded one, else the declared one.
#[must_use]
pub fn provider_of(image: &DesktopImage) -> &str {
    let recorded = image.status.as_ref().and_then(|s| s.binding.as_ref());
    recorded.map_or(&image.spec.provider_ref.name, |b| &b.provider)
}

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

/// The Desktop that an image is captured from, by name.
#[must_use]
pub fn captured_from(image: &DesktopImage) -> Option<&str> {
    image.spec.capture.as_ref().map(|c| c.desktop_ref.name.as_str())
}

/// The image for whose sake a Desktop is left as it is: of several the one it is held for already, else the first by
/// name.
#[must_use]
pub fn hold(context: &Context, desktop: &Desktop) -> Option<Hold> {
    let status = desktop.status.as_ref()?;
    let id = status.id.as_deref()?;
    let (namespace, name) = (desktop.namespace(), desktop.name_any());
    let images = context.images.state();
    let mut found: Vec<Hold> = images
        .iter()
        .filter_map(|image| image.0.as_ref().ok())
        .filter(|image| image.namespace() == namespace && captured_from(image) == Some(name.as_str()))
        .filter(|image| {
            let paused = annotation(*image, PAUSED_ANNOTATION) == Some("true");
            image.status.as_ref().is_some_and(|s| holds(s, paused, id))
        })
        .filter_map(|image| {
            Some(Hold {
                image: image.name_any(),
                power: image.spec.capture.as_ref()?.power,
            })
        })
        .collect();
    found.sort_by(|a, b| a.image.cmp(&b.image));
    let held = status.held.as_ref().map(|h| h.image.as_str());
    let present = found.iter().position(|hold| held == Some(hold.image.as_str()));
    found.into_iter().nth(present.unwrap_or_default())
}

impl Kind for DesktopImage {
    const CONTROLLER: &'static str = "desktopimage";

    async fn reconcile(context: &Arc<Context>, object: &Arc<Self>) -> Result<Duration, Error> {
        let deleting = object.meta().deletion_timestamp.is_some();
        if !has_finalizer(&**object) {
            if deleting {
                forget(context, object)?;
            } else {
                add_finalizer(context, &**object).await?;
            }
            return Ok(context.settings.cluster_slow);
        }
        if provider::is_connecting(context, provider_of(object)) {
            return Ok(provider::CONNECTING);
        }
        let gathered = gather::gather(context, object).await?;
        let status = object.status();
        let limits = context.limits(context.settings.cluster_fast, context.settings.cluster_slow);
        let inputs = gathered.inputs(object, &status, &limits, context.now())?;
        let plan = plan(&inputs);
        context.image_reads.set_pace(inputs.uid, plan.pace);
        carry_out(context, object, &inputs, plan, gathered.backend.clone()).await
    }
}

async fn carry_out(
    context: &Arc<Context>,
    object: &DesktopImage,
    inputs: &Inputs<'_>,
    plan: Plan,
    backend: Option<Arc<dyn Backend>>,
) -> Result<Duration, Error> {
    let Plan {
        action,
        mut status,
        mut notices,
        healing,
        again,
        ..
    } = plan;
    let backend = match (&action, backend) {
        (Action::None, _) => None,
        (Action::Release, _) => {
            context.publish(object, notices).await;
            remove_finalizer(context, object).await?;
            forget(context, object)?;
            return Ok(context.settings.cluster_slow);
        }
        (_, Some(backend)) => Some(backend),
        (_, None) => return Err(Error::Stale),
    };
    let held = status.held_desktop_id.is_some() || inputs.status.held_desktop_id.is_some();
    let Some(backend) = backend else {
        creation::count_ready(context, "DesktopImage", object, &status);
        let written = write(context, object, status).await?;
        context.publish(&written, notices).await;
        if held {
            wake_source(context, object);
        }
        return Ok(again);
    };
    match action {
        Action::None | Action::Release => {}
        Action::Create(operation) => {
            create(context, object, inputs, status, backend, operation).await?;
            context.publish(object, notices).await;
            return Ok(again);
        }
        Action::Submit(operation) => {
            if !context.leadership.may_send() {
                return Err(Error::Stale);
            }
            let answer = backend.submit(&operation).await;
            log(context, object, &operation, &answer);
            if answer.is_ok() {
                for field in healing {
                    context.metrics.drift_healed("DesktopImage", field);
                }
            } else {
                notices.retain(|n| n.reason != "DriftDetected");
            }
            let (after, told) = answered(inputs, status, &operation, &answer);
            status = after;
            notices.extend(told.filter(|t| !stalled_by(&inputs.status.conditions, t.reason)));
            // What was listed before the change says nothing of what is now.
            context.image_reads.outdated(provider_of(object));
        }
        Action::Poll(task) => match backend.poll(&task).await {
            Ok(TaskState::Running) => {}
            Ok(TaskState::Finished) => {
                status = polled(inputs, status, Ok(())).0;
                context.image_reads.outdated(provider_of(object));
            }
            Ok(TaskState::Failed(error)) => {
                tracing::warn!(%error, "a task failed");
                let (after, told) = polled(inputs, status, Err(&error));
                status = after;
                notices.extend(told);
            }
            Err(error) => {
                tracing::warn!(%error, "a task could not be polled");
                if !error.class.heals_by_itself() {
                    status = polled(inputs, status, Ok(())).0;
                }
            }
        },
    }
    let written = write(context, object, status).await?;
    context.publish(&written, notices).await;
    Ok(again.min(context.settings.cluster_fast))
}

fn log(context: &Context, object: &DesktopImage, operation: &Operation, answer: &Result<Receipt, BackendError>) {
    match answer {
        Ok(_) => tracing::info!(operation = operation.name(), "sent"),
        Err(error) => {
            tracing::warn!(operation = operation.name(), %error, "refused");
            if error.class == ErrorClass::Auth {
                // Credentials that are refused here are checked at the provider, which says so for all.
                provider::suspect(context, provider_of(object));
            }
        }
    }
}

async fn create(
    context: &Arc<Context>,
    object: &DesktopImage,
    inputs: &Inputs<'_>,
    status: DesktopImageStatus,
    backend: Arc<dyn Backend>,
    operation: Operation,
) -> Result<(), Error> {
    let Some(intent) = status.create.clone() else {
        return Err(Error::Stale);
    };
    let binding = Binding {
        uid: inputs.uid.to_owned(),
        provider: object.spec.provider_ref.name.clone(),
        cluster_id: None,
        since_time: intent.start_time.clone(),
        adopted: false,
    };
    let sent = Sent {
        intent,
        binding,
        limits: *inputs.limits,
    };
    creation::create(context, object, status, sent, backend, operation).await
}

/// The Desktop that an image is made from looks again: it is to be held, or let go.
fn wake_source(context: &Context, object: &DesktopImage) {
    if let (Some(name), Some(namespace)) = (captured_from(object), object.namespace()) {
        let _ = context.wake_desktop.send(ObjectRef::new(name).within(&namespace));
    }
}

fn forget(context: &Context, object: &DesktopImage) -> Result<(), Error> {
    context.forget(uid(object)?);
    wake_source(context, object);
    // A provider that waits for its last user looks again.
    let name = provider_of(object);
    if let Some(provider) = context.providers.find(|p| p.meta().name.as_deref() == Some(name))
        && let Ok(provider) = &provider.0
    {
        let _ = context.wake_provider.send(reference(provider));
    }
    Ok(())
}
