//! What pools have in common, whether they are made of Desktops or are the vendor's own: the revision of a template, how
//! many desktops may be out of service, which of them go first when there are too many, and the brake of a namespace.

pub mod brake;
pub mod children;
pub mod native;
pub mod removal;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api::POOL_LABEL;
use crate::api::pool::DesktopTemplateSpec;

/// Bytes of the digest that a revision shows: enough that two templates of a pool never share one.
const REVISION_BYTES: usize = 5;

/// Names a template together with the image that it stands for: desktops of the same revision are alike. What an image
/// is called in the manifest does not count, only what it is at the vendor.
///
/// A field that is added to the template later has to be left out of its JSON while it is not used: else the next
/// version of the operator would roll out every pool.
#[must_use]
pub fn revision(template: &DesktopTemplateSpec, image_id: &str) -> String {
    let mut value = serde_json::to_value(template).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("image".into(), image_id.into());
    }
    let digest = Sha256::digest(value.to_string().as_bytes());
    hex::encode(digest.get(..REVISION_BYTES).unwrap_or(&digest))
}

/// The selector of the Desktops of a pool.
#[must_use]
pub fn selector(pool: &str) -> String {
    format!("{POOL_LABEL}={pool}")
}

/// How many of `desired` desktops may be out of service while a change is rolled out: a share is rounded down, and at
/// least one always may.
#[must_use]
pub fn max_unavailable(declared: &IntOrString, desired: usize) -> usize {
    let count = match declared {
        IntOrString::Int(count) => usize::try_from(*count).unwrap_or_default(),
        IntOrString::String(share) => {
            let percent: usize = share.strip_suffix('%').and_then(|p| p.parse().ok()).unwrap_or_default();
            desired.saturating_mul(percent.min(100)) / 100
        }
    };
    count.max(1)
}

/// How many of `desired` desktops a change is tried on first: the share is rounded up.
#[must_use]
pub fn canaries(percent: i32, desired: usize) -> usize {
    let percent = usize::try_from(percent.clamp(0, 100)).unwrap_or_default();
    desired.saturating_mul(percent).div_ceil(100)
}

/// A number as statuses keep it.
#[must_use]
pub fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// `1 desktop`, `2 desktops`.
#[must_use]
pub fn desktops(number: usize) -> String {
    match number {
        1 => "1 desktop".to_owned(),
        more => format!("{more} desktops"),
    }
}

/// `1 desktop is`, `2 desktops are`.
#[must_use]
pub fn desktops_are(number: usize) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", desktops(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(spec: &serde_json::Value) -> DesktopTemplateSpec {
        let mut whole =
            serde_json::json!({"clusterRef": {"name": "office"}, "flavor": "small", "image": {"id": "m-1"}});
        if let (Some(whole), Some(spec)) = (whole.as_object_mut(), spec.as_object()) {
            whole.extend(spec.clone());
        }
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_revision_is_that_of_the_template_and_the_image_it_stands_for() {
        let plain = template(&serde_json::json!({}));
        let first = revision(&plain, "m-1");
        assert_eq!(first.len(), 2 * REVISION_BYTES);
        assert_eq!(first, revision(&plain, "m-1"));
        assert_ne!(first, revision(&plain, "m-2"));
        let named = template(&serde_json::json!({"image": {"ref": {"name": "golden"}}}));
        assert_eq!(first, revision(&named, "m-1"));
        assert_ne!(first, revision(&named, "m-2"));
        let other = template(&serde_json::json!({"power": "Stopped"}));
        assert_ne!(first, revision(&other, "m-1"));
    }

    /// The digest of a template stays what it was: another one would roll out every pool with an upgrade.
    #[test]
    fn a_revision_outlives_the_version_that_made_it() {
        assert_eq!(revision(&template(&serde_json::json!({})), "m-1"), "fb9c41601e");
    }

    #[test]
    fn a_share_is_rounded_down_but_never_to_nothing() {
        let share = |text: &str, of| max_unavailable(&IntOrString::String(text.into()), of);
        assert_eq!(share("10%", 200), 20);
        assert_eq!(share("10%", 19), 1);
        assert_eq!(share("10%", 3), 1);
        assert_eq!(share("100%", 7), 7);
        assert_eq!(share("nonsense", 100), 1);
        assert_eq!(max_unavailable(&IntOrString::Int(3), 200), 3);
        assert_eq!(max_unavailable(&IntOrString::Int(0), 200), 1);
    }

    #[test]
    fn canaries_are_rounded_up() {
        assert_eq!(canaries(10, 200), 20);
        assert_eq!(canaries(10, 11), 2);
        assert_eq!(canaries(1, 1), 1);
        assert_eq!(canaries(100, 7), 7);
        assert_eq!(canaries(50, 0), 0);
    }
}
