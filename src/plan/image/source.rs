//! The image that a manifest names, as whatever is made from it sees it.

use crate::api::condition;
use crate::api::{DesktopImage, DesktopImageStatus};

/// The image that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageView {
    /// It can be used.
    Usable {
        /// The vendor's id.
        id: String,
        /// Least size of a system disk made from it, in GiB, where that is known.
        least_gib: Option<i64>,
        /// The DesktopProvider whose account holds it; `None` where the manifest says the id itself.
        provider: Option<String>,
    },
    /// It cannot be used now: a DesktopImage that is not there, or not Ready.
    Unusable {
        /// Condition reason: `ImageNotFound` or `ImageNotReady`.
        reason: &'static str,
        /// Its name.
        name: String,
        /// The rest of a sentence about it.
        why: String,
    },
}

/// Why nothing can be made from an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Condition reason.
    pub reason: &'static str,
    /// Plain words.
    pub message: String,
    /// Whether it needs a human to change something; else its time comes by itself.
    pub stalled: bool,
}

impl ImageView {
    /// The image of a bare id.
    #[must_use]
    pub fn of_id(id: &str) -> Self {
        Self::Usable {
            id: id.to_owned(),
            least_gib: None,
            provider: None,
        }
    }

    /// A DesktopImage that does not exist.
    #[must_use]
    pub fn not_found(name: &str) -> Self {
        Self::Unusable {
            reason: "ImageNotFound",
            name: name.to_owned(),
            why: "does not exist.".to_owned(),
        }
    }

    /// A DesktopImage, as it is now.
    #[must_use]
    pub fn of(image: &DesktopImage) -> Self {
        let name = image.metadata.name.as_deref().unwrap_or_default();
        let unusable = |why: &str| Self::Unusable {
            reason: "ImageNotReady",
            name: name.to_owned(),
            why: format!("is not ready: {why}"),
        };
        if image.metadata.deletion_timestamp.is_some() {
            return unusable("it is being deleted.");
        }
        let nothing = DesktopImageStatus::default();
        let status = image.status.as_ref().unwrap_or(&nothing);
        let ready = condition::find(&status.conditions, condition::READY);
        let bound = status
            .binding
            .as_ref()
            .filter(|b| image.metadata.uid.as_deref() == Some(b.uid.as_str()));
        match (&status.id, bound) {
            (Some(id), Some(binding)) if ready.is_some_and(|c| c.status == "True") => Self::Usable {
                id: id.clone(),
                least_gib: status.size_gib,
                provider: Some(binding.provider.clone()),
            },
            // Its words change while it is made, and would be written again for everything that waits.
            _ => match ready {
                Some(c) => unusable(&format!("{}; what that means is in its own conditions.", c.reason)),
                None => unusable("nothing is known of it yet."),
            },
        }
    }

    /// The vendor's id for desktops of this account with a system disk of this size, or why none can be made from it.
    /// `spec` is where the manifest says what a desktop is like: `spec`, or a template within it.
    pub fn usable(&self, spec: &str, provider: &str, disk_gib: Option<i32>) -> Result<String, Obstacle> {
        let obstacle = |reason, message, stalled| {
            Err(Obstacle {
                reason,
                message,
                stalled,
            })
        };
        match self {
            Self::Unusable { reason, name, why } => {
                obstacle(reason, format!("DesktopImage {name} ({spec}.image.ref) {why}"), false)
            }
            Self::Usable {
                provider: Some(other), ..
            } if other != provider => obstacle(
                "WrongProvider",
                format!(
                    "{spec}.image.ref names an image of DesktopProvider {other}, but the desktop is made in {provider}: \
                     name an image of that account."
                ),
                true,
            ),
            Self::Usable {
                id,
                least_gib: Some(least),
                ..
            } if disk_gib.is_some_and(|size| i64::from(size) < *least) => obstacle(
                "DiskTooSmall",
                format!(
                    "{spec}.systemDisk.sizeGiB is {}, and image {id} needs {least} GiB at least.",
                    disk_gib.unwrap_or_default()
                ),
                true,
            ),
            Self::Usable { id, .. } => Ok(id.clone()),
        }
    }

    /// The vendor's id, while it can be used.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Usable { id, .. } => Some(id),
            Self::Unusable { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::api::DesktopImageSpec;
    use crate::api::common::Binding;
    use crate::api::condition::Stamp;

    const UID: &str = "3f2a0c1e-0000-4000-8000-000000000001";

    fn image(ready: bool) -> DesktopImage {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let mut status = DesktopImageStatus {
            id: Some("m-1".into()),
            size_gib: Some(40),
            binding: Some(Binding {
                uid: UID.into(),
                provider: "acme".into(),
                cluster_id: None,
                since_time: Time(now),
                adopted: false,
            }),
            ..DesktopImageStatus::default()
        };
        let stamp = Stamp { generation: 1, now };
        if ready {
            stamp.ready(&mut status.conditions, "Available", "-");
        } else {
            stamp.working(&mut status.conditions, "Creating", "-");
        }
        let spec = DesktopImageSpec {
            provider_ref: crate::api::common::ObjectRef { name: "acme".into() },
            capture: None,
            existing_id: Some("m-1".into()),
            filter: None,
            display_name: None,
            deletion_policy: None,
        };
        let mut image = DesktopImage::new("golden", spec);
        image.metadata.uid = Some(UID.into());
        image.status = Some(status);
        image
    }

    fn reason(view: &ImageView) -> &'static str {
        view.usable("spec", "acme", Some(40)).map_or_else(|o| o.reason, |_| "-")
    }

    #[test]
    fn only_a_ready_image_of_its_own_object_can_be_used() {
        let good = image(true);
        assert_eq!(ImageView::of(&good).id(), Some("m-1"));
        assert_eq!(reason(&ImageView::of(&image(false))), "ImageNotReady");
        let mut deleted = good.clone();
        deleted.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        let mut restored = good.clone();
        restored.metadata.uid = Some("another".into());
        let mut new = good;
        new.status = None;
        for image in [deleted, restored, new] {
            assert_eq!(reason(&ImageView::of(&image)), "ImageNotReady");
        }
        assert_eq!(reason(&ImageView::not_found("golden")), "ImageNotFound");
    }

    #[test]
    fn a_disk_is_at_least_as_large_as_the_image_and_the_account_is_its_own() {
        let view = ImageView::of(&image(true));
        for (size, refused) in [(Some(39), true), (Some(40), false), (None, false)] {
            assert_eq!(view.usable("spec", "acme", size).is_err(), refused, "{size:?}");
        }
        assert_eq!(view.usable("spec", "other", None).unwrap_err().reason, "WrongProvider");
        assert_eq!(
            ImageView::of_id("m-1").usable("spec", "other", Some(20)),
            Ok("m-1".into())
        );
    }
}
