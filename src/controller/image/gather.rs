//! Everything an image's plan depends on.

use std::sync::Arc;

use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};

use super::provider_of;
use super::reads::ImageRead;
use crate::api::{
    ABANDON_ANNOTATION, Desktop, DesktopImage, DesktopImageStatus, DesktopPool, PAUSED_ANNOTATION,
    RETRY_CREATE_ANNOTATION, condition,
};
use crate::backend::{Backend, ErrorClass};
use crate::controller::context::Context;
use crate::controller::error::Error;
use crate::controller::status::{Stored, uid};
use crate::controller::{annotation, permission, provider};
use crate::plan::Limits;
use crate::plan::image::{Inputs, Listing, ProviderView, Source, SourceView};

/// What was gathered, owned, so that the inputs can borrow it.
pub(super) struct Gathered {
    pub(super) backend: Option<Arc<dyn Backend>>,
    provider: ProviderView,
    read: ImageRead,
    source: SourceView,
    used_by: Vec<String>,
    shared_with: Vec<String>,
    in_flight: bool,
    writer: String,
}

impl Gathered {
    pub(super) fn inputs<'a>(
        &'a self,
        object: &'a DesktopImage,
        status: &'a DesktopImageStatus,
        limits: &'a Limits,
        now: Timestamp,
    ) -> Result<Inputs<'a>, Error> {
        let error = self.read.lasting_error();
        // What was listed before a lasting failure may no longer hold.
        let started = self.read.started.filter(|_| error.is_none() && self.backend.is_some());
        Ok(Inputs {
            name: object.meta().name.as_deref().ok_or(Error::Malformed("name"))?,
            uid: uid(object)?,
            generation: object.metadata.generation.unwrap_or_default(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            paused: annotation(object, PAUSED_ANNOTATION) == Some("true"),
            abandon: annotation(object, ABANDON_ANNOTATION),
            retry_create: annotation(object, RETRY_CREATE_ANNOTATION).and_then(|n| n.parse().ok()),
            spec: &object.spec,
            status,
            provider: self.provider.clone(),
            capabilities: self.backend.as_ref().map(|b| b.capabilities()),
            listing: started.map(|started| Listing {
                started,
                images: &self.read.images,
                before: self.read.before.as_ref().map(|ids| ids.as_slice()),
            }),
            error,
            source: self.source.clone(),
            used_by: &self.used_by,
            shared_with: &self.shared_with,
            in_flight: self.in_flight,
            writer: &self.writer,
            limits,
            now,
        })
    }
}

pub(super) async fn gather(context: &Arc<Context>, object: &DesktopImage) -> Result<Gathered, Error> {
    let uid = uid(object)?.to_owned();
    let deleting = object.metadata.deletion_timestamp.is_some();
    let paused = annotation(object, PAUSED_ANNOTATION) == Some("true");
    let namespace = object.namespace().unwrap_or_default();
    let account = provider_of(object);
    let provider = provider::view(context, account, &namespace).await?;
    let usable = match &provider {
        ProviderView::Usable => true,
        // What is there, or was asked for, may still be watched and cleaned up.
        ProviderView::Unusable { reason, .. } => *reason == permission::NOT_ALLOWED && (deleting || is_begun(object)),
    };
    let backend = context
        .accounts
        .get(account)
        .map(|a| a.backend)
        .filter(|_| usable && !paused);
    let read = match &backend {
        Some(backend) if is_listed(object, &**backend) => {
            context.image_reads.get(account, &uid, backend, &context.settings).await
        }
        _ => ImageRead::default(),
    };
    if read.lasting_error().is_some_and(|e| e.class == ErrorClass::Auth) {
        provider::suspect(context, account);
    }
    Ok(Gathered {
        provider,
        read,
        source: source(context, object),
        used_by: if deleting { used_by(context, object) } else { Vec::new() },
        shared_with: shared_with(context, object, &uid),
        in_flight: context.is_in_flight(&uid),
        writer: uuid::Uuid::new_v4().to_string(),
        backend,
    })
}

/// Whether the account's images tell anything of this one: where none can be captured, none is looked for.
fn is_listed(object: &DesktopImage, backend: &dyn Backend) -> bool {
    is_begun(object) || object.spec.capture.is_none() || backend.capabilities().capture_image
}

/// Whether there is, or may be, something at the vendor that is this object's.
fn is_begun(object: &DesktopImage) -> bool {
    let status = object.status.as_ref();
    status.is_some_and(|s| s.id.is_some() || s.create.is_some())
}

/// The Desktop that the image is made from.
fn source(context: &Context, object: &DesktopImage) -> SourceView {
    let Some(name) = super::captured_from(object) else {
        return SourceView::NotNeeded;
    };
    let namespace = object.namespace().unwrap_or_default();
    let found = context.desktops.get(&ObjectRef::new(name).within(&namespace));
    let Some(desktop) = found.as_ref().and_then(|d| d.0.as_ref().ok()) else {
        return SourceView::Unusable {
            reason: "DesktopNotFound",
            message: format!("Desktop {name} (spec.capture.desktopRef) does not exist."),
            stalled: false,
        };
    };
    source_view(object, desktop)
}

fn source_view(object: &DesktopImage, desktop: &Desktop) -> SourceView {
    let name = desktop.name_any();
    let status = desktop.status.clone().unwrap_or_default();
    let binding = status.binding.filter(|b| desktop.meta().uid.as_ref() == Some(&b.uid));
    let (Some(id), Some(binding)) = (status.id, binding) else {
        let ready = condition::find(&status.conditions, condition::READY);
        let words = ready.map_or_else(
            || "nothing is known of it yet.".to_owned(),
            |c| format!("{}; what that means is in its own conditions.", c.reason),
        );
        return SourceView::Unusable {
            reason: "DesktopNotReady",
            message: format!("Desktop {name} (spec.capture.desktopRef) is not there yet: {words}"),
            stalled: false,
        };
    };
    let account = &object.spec.provider_ref.name;
    if binding.provider != *account {
        return SourceView::Unusable {
            reason: "WrongProvider",
            message: format!(
                "spec.providerRef is {account}, but Desktop {name} (spec.capture.desktopRef) is in the account of {}: \
                 create this object again with that one.",
                binding.provider
            ),
            stalled: true,
        };
    }
    SourceView::Desktop(Source {
        held: status.held.is_some_and(|held| held.image == object.name_any()),
        connected: status.session.map(|session| session.connected),
        state: status.state,
        name,
        id,
    })
}

/// Desktops and pools that refer to this image.
fn used_by(context: &Context, object: &DesktopImage) -> Vec<String> {
    let (namespace, name) = (object.namespace(), object.name_any());
    let refers = |source: Option<&crate::api::desktop::ImageSource>| {
        source
            .and_then(|s| s.reference.as_ref())
            .is_some_and(|r| r.name == name)
    };
    let desktops = context.desktops.state();
    let desktops = desktops
        .iter()
        .filter(|d| d.namespace() == namespace)
        .filter(|d| {
            d.0.as_ref()
                .is_ok_and(|d| refers(d.spec.image.as_ref()) || is_made_from(d, object))
        })
        .map(|d| format!("Desktop {}", d.name_any()));
    let pools = context.pools.state();
    let pools = pools
        .iter()
        .filter(|p| p.namespace() == namespace)
        .filter(|p| p.0.as_ref().is_ok_and(|p| refers(Some(&p.spec.template.spec.image))))
        .map(|p| format!("DesktopPool {}", p.name_any()));
    let mut users: Vec<String> = desktops.chain(pools).collect();
    users.sort();
    users
}

/// Whether a Desktop is one of a pool, and of this image: pools hand on ids, not references. Until its roll-out is over
/// the pool may have to go back.
fn is_made_from(desktop: &Desktop, image: &DesktopImage) -> bool {
    let mut owners = desktop.owner_references().iter();
    let of_pool = owners.any(|o| o.controller == Some(true) && o.kind == DesktopPool::kind(&()));
    let id = image.status.as_ref().and_then(|s| s.id.as_ref());
    of_pool && id.is_some() && desktop.spec.image.as_ref().and_then(|i| i.id.as_ref()) == id
}

/// Other DesktopImages that have recorded the same id in the same account.
fn shared_with(context: &Context, object: &DesktopImage, own_uid: &str) -> Vec<String> {
    let Some(id) = object.status.as_ref().and_then(|s| s.id.as_deref()) else {
        return Vec::new();
    };
    let same = |other: &DesktopImage| {
        other.meta().uid.as_deref() != Some(own_uid)
            && provider_of(other) == provider_of(object)
            && other.status().id.as_deref() == Some(id)
    };
    let images = context.images.state();
    let mut others: Vec<String> = images
        .iter()
        .filter_map(|other| other.0.as_ref().ok())
        .filter(|other| same(other))
        .map(|other| {
            format!(
                "DesktopImage {}/{}",
                other.namespace().unwrap_or_default(),
                other.name_any()
            )
        })
        .collect();
    others.sort();
    others
}
