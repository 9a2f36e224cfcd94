//! What an error code of GWS means. The vendor publishes no list for this product, so rules decide, not a table.

use crate::backend::ErrorClass;

/// Codes that mean success where other products use them.
const SUCCESS: [&str; 4] = ["200", "ok", "success", "true"];

/// Whether a code in an answer means an error.
#[must_use]
pub fn is_error(code: &str) -> bool {
    !SUCCESS.contains(&code.to_ascii_lowercase().as_str())
}

/// The class of an error code, given the HTTP status it came with.
#[must_use]
pub fn classify(code: &str, status: u16) -> ErrorClass {
    let lower = code.to_ascii_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|p| lower.starts_with(p));
    let has = |parts: &[&str]| parts.iter().any(|p| lower.contains(p));
    if starts(&["throttling"]) || status == 429 {
        ErrorClass::Throttled
    } else if lower == "signaturenonceused" || starts(&["serviceunavailable", "internalerror", "unknownerror"]) {
        ErrorClass::Transient
    } else if starts(&[
        "invalidaccesskeyid",
        "signaturedoesnotmatch",
        "incompletesignature",
        "invalidsecuritytoken",
    ]) || starts(&[
        "missingaccesskeyid",
        "missingsecuritytoken",
        "invalidtimestamp",
        "invalidaccesskeysecret",
    ]) || lower == "invalidsignaturemethod"
    {
        ErrorClass::Auth
    } else if starts(&["indebt", "insufficientbalance", "notenabled", "account.arrearage"]) || has(&["arrearage"]) {
        ErrorClass::Billing
    } else if has(&["nostock", "outofstock", "soldout"]) {
        ErrorClass::OutOfStock
    } else if has(&["quotaexceed", "limitexceed"]) {
        ErrorClass::Quota
    } else if starts(&["forbidden", "notauthorized", "nopermission", "unauthorized"]) {
        ErrorClass::Forbidden
    } else if starts(&[
        "invalidapi",
        "nosuchversion",
        "invalidversion",
        "invalidproduct",
        "invalidprotocol",
    ]) || starts(&["unsupportedhttpmethod"])
    {
        ErrorClass::Invalid
    } else if has(&[
        "incorrect",
        "invalidclusterstatus",
        "invalidinstancestatus",
        "conflict",
        "operationdenied",
    ]) || has(&["chargetypeviolation", "partfailure"])
    {
        ErrorClass::Conflict
    } else if has(&["aliyunerror", "ecserror"]) {
        ErrorClass::Transient
    } else if missing_object(&lower) {
        ErrorClass::NotFound
    } else if starts(&["missing", "invalid"]) {
        ErrorClass::Invalid
    } else {
        by_status(status)
    }
}

/// The objects that operations work on; anything else that is not found is a wrong value in the spec.
fn missing_object(lower: &str) -> bool {
    let object = ["cluster", "instanceid", "invalidimage.", "resource", "task"]
        .iter()
        .any(|o| lower.contains(o));
    lower.ends_with("notfound") && object && !lower.contains("imageid") && !lower.contains("clustertype")
}

/// The class when only the status is known.
#[must_use]
pub fn by_status(status: u16) -> ErrorClass {
    match status {
        401 => ErrorClass::Auth,
        403 | 407 => ErrorClass::Forbidden,
        404 => ErrorClass::NotFound,
        409 => ErrorClass::Conflict,
        429 => ErrorClass::Throttled,
        400 | 405..=428 => ErrorClass::Invalid,
        _ => ErrorClass::Transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_class() {
        use ErrorClass as C;
        for (code, status, class) in [
            ("Throttling", 400, C::Throttled),
            ("Throttling.User", 429, C::Throttled),
            ("Throttling.Api.Risk", 429, C::Throttled),
            ("ServiceUnavailable", 503, C::Transient),
            ("InternalError", 500, C::Transient),
            ("UnknownError", 500, C::Transient),
            ("SignatureNonceUsed", 400, C::Transient),
            ("AliyunError", 406, C::Transient),
            ("EcsError", 406, C::Transient),
            ("InvalidAccessKeyId.NotFound", 404, C::Auth),
            ("InvalidAccessKeyId.Inactive", 400, C::Auth),
            ("SignatureDoesNotMatch", 400, C::Auth),
            ("IncompleteSignature", 400, C::Auth),
            ("InvalidSecurityToken.Expired", 400, C::Auth),
            ("InvalidTimeStamp.Expired", 400, C::Auth),
            ("InvalidSignatureMethod", 400, C::Auth),
            ("Forbidden", 403, C::Forbidden),
            ("Forbidden.RAM", 403, C::Forbidden),
            ("Forbidden.RiskControl", 403, C::Forbidden),
            ("NotAuthorized", 407, C::Forbidden),
            ("InvalidApi.NotFound", 404, C::Invalid),
            ("NoSuchVersion", 400, C::Invalid),
            ("MissingParameter", 400, C::Invalid),
            ("MissingClusterId", 400, C::Invalid),
            ("InvalidParameter.Format", 400, C::Invalid),
            ("InvalidInstanceType.NotFound", 400, C::Invalid),
            ("InvalidImageId.NotFound", 404, C::Invalid),
            ("InvalidVpcId.NotFound", 404, C::Invalid),
            ("InvalidClusterType.NotFound", 404, C::Invalid),
            ("InvalidParams", 400, C::Invalid),
            ("ClusterNotFound", 404, C::NotFound),
            ("InvalidInstanceId.NotFound", 404, C::NotFound),
            ("InvalidClusterId.NotFound", 404, C::NotFound),
            ("InvalidClusterStatus", 403, C::Conflict),
            ("IncorrectInstanceStatus", 403, C::Conflict),
            ("ConflictOpt", 403, C::Conflict),
            ("PartFailure", 409, C::Conflict),
            ("NotEnabled", 400, C::Billing),
            ("InDebt", 400, C::Billing),
            ("QuotaExceed.Instance", 403, C::Quota),
            ("Instance.QuotaExceeded", 403, C::Quota),
            ("OperationDenied.NoStock", 403, C::OutOfStock),
            ("SomethingNew", 400, C::Invalid),
            ("SomethingNew", 500, C::Transient),
        ] {
            assert_eq!(classify(code, status), class, "{code} {status}");
        }
    }
}
