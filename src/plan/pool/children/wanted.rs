//! What a Desktop of a pool should be, and how it becomes that.

use jiff::Timestamp;

use super::{Child, Draft, Wanted};
use crate::api::desktop::{BillingMode, DesktopSpec, DesktopUser, OnImageChange, OnLoss};
use crate::api::{POOL_LABEL, REVISION_LABEL, REVISION_SINCE_ANNOTATION, SETTLE_ANNOTATION};
use crate::backend::Capabilities;
use crate::backend::capabilities::ImageChange;
use crate::plan::whole_seconds;

/// How a Desktop that exists becomes what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Its own controller sees to it.
    InPlace,
    /// In place as well, but what is on its system disk is lost.
    Rebuilt,
    /// It is deleted and made anew.
    Replaced,
}

/// How `child` becomes `wanted`.
pub(super) fn how(child: &Child<'_>, wanted: &DesktopSpec, capabilities: &Capabilities) -> How {
    let spec = &child.desktop.spec;
    let made = child.status().and_then(|s| s.image_id.as_ref());
    let image = |source: &DesktopSpec| source.image.as_ref().and_then(|i| i.id.clone());
    let image_changes = image(wanted) != made.cloned().or_else(|| image(spec));
    let fixed = spec.flavor != wanted.flavor
        || spec.system_disk != wanted.system_disk
        || spec.work_mode != wanted.work_mode
        || spec.applications != wanted.applications
        || spec.network != wanted.network;
    let billing = match (spec.billing.mode, wanted.billing.mode) {
        (BillingMode::Subscription, BillingMode::PayAsYouGo) => true,
        (BillingMode::PayAsYouGo, BillingMode::Subscription) => !capabilities.payment.convert,
        _ => false,
    };
    if fixed || billing || (image_changes && capabilities.change_image == ImageChange::No) {
        How::Replaced
    } else if image_changes {
        How::Rebuilt
    } else {
        How::InPlace
    }
}

/// Whether something of it is missing at the Desktop.
pub(super) fn differs(child: &Child<'_>, wanted: &Wanted) -> bool {
    let metadata = &child.desktop.metadata;
    let has = |all: Option<&std::collections::BTreeMap<String, String>>, key: &String, value: &String| {
        all.is_some_and(|all| all.get(key) == Some(value))
    };
    child.desktop.spec != wanted.spec
        || !wanted
            .metadata
            .labels
            .iter()
            .all(|(k, v)| has(metadata.labels.as_ref(), k, v))
        || !wanted
            .metadata
            .annotations
            .iter()
            .all(|(k, v)| has(metadata.annotations.as_ref(), k, v))
}

impl Draft<'_> {
    /// A Desktop of the present template; none while its image has no id.
    pub(super) fn wanted(&self, user: Option<DesktopUser>, capabilities: &Capabilities) -> Option<Wanted> {
        let image_id = self.inputs.image.as_ref().ok()?;
        let spec = self.inputs.spec;
        let template = &spec.template.spec;
        let mut image = template.image.clone();
        // Not the reference: else a new image behind it would reach all desktops at once, past the roll-out.
        image.id = Some(image_id.clone());
        image.reference = None;
        let on_image_change = match capabilities.change_image {
            ImageChange::No => OnImageChange::Report,
            ImageChange::Running | ImageChange::Stopped => OnImageChange::Rebuild,
        };
        let desktop = DesktopSpec {
            cluster_ref: template.cluster_ref.clone(),
            display_name: None,
            existing_id: None,
            flavor: Some(template.flavor.clone()),
            image: Some(image),
            system_disk: template.system_disk.clone(),
            work_mode: template.work_mode,
            applications: template.applications.clone(),
            network: template.network.clone(),
            user,
            power: template.power,
            power_schedule: template.power_schedule.clone(),
            display_policy: template.display_policy.clone(),
            billing: template.billing.clone(),
            huawei_workspace: template.huawei_workspace.clone(),
            on_image_change,
            on_loss: OnLoss::Report,
            deletion_policy: spec.deletion_policy,
        };
        Some(self.labelled(desktop))
    }

    /// The Desktop as it is, but for what does not wait for a roll-out.
    pub(super) fn kept(&self, child: &Child<'_>, user: Option<DesktopUser>) -> Wanted {
        self.labelled(DesktopSpec {
            user,
            deletion_policy: self.inputs.spec.deletion_policy,
            ..child.desktop.spec.clone()
        })
    }

    fn labelled(&self, spec: DesktopSpec) -> Wanted {
        let mut metadata = self.inputs.spec.template.metadata.clone().unwrap_or_default();
        // What only the pool writes would be another value with each pass if the template held it, too.
        metadata.labels.remove(REVISION_LABEL);
        metadata
            .annotations
            .retain(|key, _| key != REVISION_SINCE_ANNOTATION && key != SETTLE_ANNOTATION);
        metadata.labels.insert(POOL_LABEL.into(), self.inputs.name.to_owned());
        Wanted { spec, metadata }
    }
}

impl Wanted {
    /// Says which revision it is of, and since when.
    pub(super) fn of_revision(mut self, revision: &str, now: Timestamp) -> Self {
        let (labels, annotations) = (&mut self.metadata.labels, &mut self.metadata.annotations);
        labels.insert(REVISION_LABEL.into(), revision.to_owned());
        let since = whole_seconds(now).0.to_string();
        annotations.insert(REVISION_SINCE_ANNOTATION.into(), since);
        self
    }
}
