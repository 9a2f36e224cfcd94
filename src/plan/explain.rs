//! What an error means for the user, in plain words.

use crate::backend::{BackendError, ErrorClass};

/// Condition reason for an error class.
#[must_use]
pub const fn reason(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Throttled => "Throttled",
        ErrorClass::Transient => "VendorUnavailable",
        ErrorClass::Auth => "CredentialsInvalid",
        ErrorClass::Forbidden => "AccessDenied",
        ErrorClass::NotFound => "NotFoundAtVendor",
        ErrorClass::Invalid => "RefusedByVendor",
        ErrorClass::Conflict => "BusyAtVendor",
        ErrorClass::Quota => "QuotaExceeded",
        ErrorClass::OutOfStock => "OutOfStock",
        ErrorClass::Billing => "BillingProblem",
        ErrorClass::Ambiguous => "OutcomeUnknown",
    }
}

const fn advice(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Throttled => "The account is called too fast; it is tried again more slowly.",
        ErrorClass::Transient => "The vendor does not answer as it should; it is tried again.",
        ErrorClass::Auth => {
            "Put valid credentials into the provider's Secret (spec.credentialsSecretRef); they are picked up without a restart."
        }
        ErrorClass::Forbidden => "Grant the account the permission for this call.",
        ErrorClass::NotFound => "Check the ids in the spec: the vendor does not know one of them.",
        ErrorClass::Invalid => "Correct the spec: the vendor refuses a value.",
        ErrorClass::Conflict => "The object's state does not allow it at the moment; it is tried again.",
        ErrorClass::Quota => "Raise the quota of the account at the vendor, or delete what is not needed.",
        ErrorClass::OutOfStock => {
            "The vendor has none left; choose another flavor or zone, or wait: it is tried again."
        }
        ErrorClass::Billing => "Settle the account's bills at the vendor.",
        ErrorClass::Ambiguous => "It may have taken effect; the vendor's state is read before anything is sent again.",
    }
}

/// One message for a condition: what failed, what the vendor said, what to do.
#[must_use]
pub fn message(error: &BackendError) -> String {
    let code = error.code.as_deref().map(|c| format!(" ({c})")).unwrap_or_default();
    let said = error.message.trim().trim_end_matches('.');
    let (action, class) = (error.action, error.class);
    let wrong_value = matches!(class, ErrorClass::Invalid | ErrorClass::NotFound);
    let todo = match field(error) {
        Some(field) if wrong_value && IMMUTABLE.contains(&field) => format!(
            "The field is {field}, which cannot be changed on an object: delete this one and create it with another \
             value."
        ),
        Some(field) => format!("The field is {field}. {}", advice(class)),
        None => advice(class).to_owned(),
    };
    format!("{action} failed{code}: {said}. {todo}")
}

/// Fields that the API server does not let anybody change.
const IMMUTABLE: [&str; 5] = [
    "spec.network.subnetId",
    "spec.network.vpcId",
    "spec.gws.clusterType",
    "spec.network.publicAddress",
    "spec.applications",
];

/// Calls about an image as such. The id in them stands in the status, and is no field of a spec.
const OF_IMAGES: [&str; 4] = ["CreateImage", "DeleteImage", "SetImageName", "DescribeImages"];

/// The field of the spec, where the vendor's code tells which one it was.
fn field(error: &BackendError) -> Option<&'static str> {
    let code = error.code.as_deref().unwrap_or_default().to_ascii_lowercase();
    if code.contains("imageid") && OF_IMAGES.contains(&error.action) {
        return None;
    }
    [
        ("instancetype", "spec.flavor"),
        ("typeitemid", "spec.flavor"),
        ("imageid", "spec.image.id"),
        ("systemdisk", "spec.systemDisk"),
        ("disksize", "spec.systemDisk.sizeGiB"),
        ("diskcategory", "spec.systemDisk.category"),
        ("vswitch", "spec.network.subnetId"),
        ("vpc", "spec.network.vpcId"),
        ("natid", "spec.network.nat.id"),
        ("nateip", "spec.network.nat.eip"),
        ("clustertype", "spec.gws.clusterType"),
        ("domain", "spec.directory"),
        ("period", "spec.billing.period"),
        ("username", "spec.user"),
        ("userid", "spec.user"),
        ("useruid", "spec.user.uid"),
        ("bandwidth", "spec.network.publicAddress"),
        ("applist", "spec.applications"),
        ("appname", "spec.applications"),
        ("apppath", "spec.applications"),
        ("name", "spec.displayName"),
    ]
    .into_iter()
    .find(|(part, _)| code.contains(part))
    .map(|(_, field)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_its_field() {
        let mut error = BackendError::new(
            ErrorClass::Invalid,
            "CreateInstance",
            "The specified type is not found.",
        );
        error.code = Some("InvalidInstanceType.NotFound".into());
        assert_eq!(
            message(&error),
            "CreateInstance failed (InvalidInstanceType.NotFound): The specified type is not found. \
             The field is spec.flavor. Correct the spec: the vendor refuses a value."
        );
        error.code = Some("InvalidImageId.NotFound".into());
        assert!(message(&error).contains("spec.image.id"));
        // A DesktopImage has no such field.
        error.action = "DeleteImage";
        assert!(!message(&error).contains("spec.image.id"), "{}", message(&error));
        error.code = Some("InvalidVpcId.NotFound".into());
        let immutable = message(&error);
        assert!(
            immutable.contains("spec.network.vpcId") && immutable.contains("delete this one"),
            "{immutable}"
        );
    }
}
