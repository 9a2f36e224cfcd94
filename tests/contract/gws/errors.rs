//! What the vendor's error codes come to, for a read and for a change.

use std::time::Duration;

use desktop_operator::backend::ErrorClass as C;
use desktop_operator::backend::Operation;
use serde_json::json;

use super::calls::{desktop, operations};
use super::vendor::{KEY_ID, KEY_SECRET, Reply, TOKEN, Vendor};

/// HTTP status, code, class for a read, class for a change.
const CODES: &[(u16, &str, C, C)] = &[
    (400, "Throttling", C::Throttled, C::Throttled),
    (400, "Throttling.User", C::Throttled, C::Throttled),
    (429, "Throttling.Api", C::Throttled, C::Throttled),
    (429, "Throttling.Api.Risk", C::Throttled, C::Throttled),
    (429, "SomethingNew", C::Throttled, C::Throttled),
    (503, "ServiceUnavailable", C::Transient, C::Ambiguous),
    (500, "InternalError", C::Transient, C::Ambiguous),
    (500, "UnknownError", C::Transient, C::Ambiguous),
    (400, "InternalError.Timeout", C::Transient, C::Ambiguous),
    (406, "AliyunError", C::Transient, C::Ambiguous),
    (406, "EcsError", C::Transient, C::Ambiguous),
    (409, "PartFailure", C::Transient, C::Ambiguous),
    // It was made for this request, so an earlier copy of the request has arrived.
    (400, "SignatureNonceUsed", C::Transient, C::Ambiguous),
    (404, "InvalidAccessKeyId.NotFound", C::Auth, C::Auth),
    (400, "InvalidAccessKeyId.Inactive", C::Auth, C::Auth),
    (400, "InvalidAccessKeySecret", C::Auth, C::Auth),
    (400, "SignatureDoesNotMatch", C::Auth, C::Auth),
    (403, "SignatureDoesNotMatch", C::Auth, C::Auth),
    (400, "InvalidSignatureMethod", C::Auth, C::Auth),
    (400, "IncompleteSignature", C::Auth, C::Auth),
    (400, "InvalidSecurityToken.Expired", C::Auth, C::Auth),
    (400, "MissingSecurityToken", C::Auth, C::Auth),
    (400, "MissingAccessKeyId", C::Auth, C::Auth),
    (400, "InvalidTimeStamp.Expired", C::Auth, C::Auth),
    (400, "InvalidTimeStamp.Format", C::Auth, C::Auth),
    (403, "Forbidden", C::Forbidden, C::Forbidden),
    (403, "Forbidden.RAM", C::Forbidden, C::Forbidden),
    (403, "Forbidden.RiskControl", C::Forbidden, C::Forbidden),
    (407, "NotAuthorized", C::Forbidden, C::Forbidden),
    (403, "NoPermission", C::Forbidden, C::Forbidden),
    (404, "InvalidApi.NotFound", C::Invalid, C::Invalid),
    (400, "NoSuchVersion", C::Invalid, C::Invalid),
    (404, "InvalidProduct.NotFound", C::Invalid, C::Invalid),
    (400, "InvalidProtocol.NeedSsl", C::Invalid, C::Invalid),
    (400, "UnsupportedHTTPMethod", C::Invalid, C::Invalid),
    (400, "MissingParameter", C::Invalid, C::Invalid),
    (400, "MissingVpcId", C::Invalid, C::Invalid),
    (400, "InvalidParameter.Size", C::Invalid, C::Invalid),
    (400, "InvalidParams", C::Invalid, C::Invalid),
    (
        400,
        "InvalidSystemDiskCategory.ValueNotSupported",
        C::Invalid,
        C::Invalid,
    ),
    (404, "InvalidImageId.NotFound", C::NotFound, C::NotFound),
    (404, "InvalidInstanceId.NotFound", C::NotFound, C::NotFound),
    (404, "ClusterNotFound", C::NotFound, C::NotFound),
    (403, "InvalidClusterStatus", C::Conflict, C::Conflict),
    (403, "IncorrectInstanceStatus", C::Conflict, C::Conflict),
    (403, "ConflictOpt", C::Conflict, C::Conflict),
    (403, "OperationDenied.InstanceCreating", C::Conflict, C::Conflict),
    (403, "DependencyViolation", C::Conflict, C::Conflict),
    (400, "NotEnabled", C::Billing, C::Billing),
    (400, "InDebt", C::Billing, C::Billing),
    (400, "Account.Arrearage", C::Billing, C::Billing),
    (403, "InsufficientBalance", C::Billing, C::Billing),
    (400, "QuotaExceed.Instance", C::Quota, C::Quota),
    (403, "Instance.QuotaExceeded", C::Quota, C::Quota),
    (403, "OperationDenied.NoStock", C::OutOfStock, C::OutOfStock),
    (403, "Zone.SoldOut", C::OutOfStock, C::OutOfStock),
    // An error, whatever the status says.
    (200, "InvalidParameter", C::Invalid, C::Invalid),
    (200, "InternalError", C::Transient, C::Ambiguous),
    // What nobody has seen says nothing about what was done, and a server that stumbles says nothing either.
    (400, "SomethingNew", C::Transient, C::Ambiguous),
    (403, "SomethingNew", C::Transient, C::Ambiguous),
    (404, "SomethingNew", C::Transient, C::Ambiguous),
    (500, "InvalidParameter", C::Transient, C::Ambiguous),
    (502, "Forbidden", C::Transient, C::Ambiguous),
];

#[tokio::test]
async fn codes_have_classes() {
    let vendor = Vendor::start(|seen, _| {
        let number: usize = seen.form["ClusterId"].parse().unwrap();
        let (status, code, ..) = CODES[number];
        let error = Reply::error(status, code);
        // Longer than a read waits within a call.
        match error {
            Reply::Json(status, body) => Reply::Raw(
                status,
                vec![("x-acs-retry-after", "4000".to_owned())],
                body.to_string().into_bytes(),
            ),
            other => other,
        }
    })
    .await;
    for (number, (status, code, read, change)) in CODES.iter().enumerate() {
        // An account each: throttling slows an account down.
        let backend = vendor.backend();
        let error = backend.get_policy(&number.to_string()).await.unwrap_err();
        assert_eq!(
            (error.class, error.action),
            (*read, "DescribeClusterPolicy"),
            "{status} {code}"
        );
        let backend = vendor.backend();
        let mut spec = desktop();
        spec.place.cluster_id = number.to_string();
        let error = backend
            .submit(&Operation::CreateDesktop(Box::new(spec)))
            .await
            .unwrap_err();
        assert_eq!(
            (error.class, error.action),
            (*change, "CreateInstance"),
            "{status} {code}"
        );
        assert_eq!(error.code.as_deref(), Some(*code));
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
        assert_eq!(error.retry_after, Some(Duration::from_secs(4)));
    }
}

#[tokio::test]
async fn a_refusal_that_is_not_complete_is_none() {
    for body in [
        json!({"Code": "InvalidParameter", "Message": "no request id"}),
        json!({"Code": "InvalidParameter", "RequestId": ""}),
        json!({"Code": 400, "RequestId": "r"}),
        json!({"Code": {"a": 1}, "RequestId": "r"}),
        json!({"Code": ["InvalidParameter"], "RequestId": "r"}),
        json!({"Message": "no code", "RequestId": "r"}),
        json!(["Code", "InvalidParameter"]),
        json!("InvalidParameter"),
        json!(null),
    ] {
        for status in [200, 400, 404] {
            let vendor = Vendor::saying(Reply::Json(status, body.clone())).await;
            let operation = Operation::CreateDesktop(Box::new(desktop()));
            let error = vendor.backend().submit(&operation).await.unwrap_err();
            assert_eq!(error.class, C::Ambiguous, "{status} {body}");
            vendor.only();
        }
    }
}

#[tokio::test]
async fn codes_of_success_are_no_errors() {
    for code in [
        json!("200"),
        json!("OK"),
        json!("Success"),
        json!("success"),
        json!(200),
        json!(""),
        json!(null),
    ] {
        let vendor = Vendor::saying(Reply::ok(json!({"Code": code, "RequestId": "r", "TotalCount": 0}))).await;
        assert!(vendor.backend().list_clusters().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_is_deleted_and_not_there_is_deleted() {
    for (action, code) in [
        ("DeleteCluster", "ClusterNotFound"),
        ("DeleteInstance", "InvalidInstanceId.NotFound"),
        ("DeleteImage", "InvalidImageId.NotFound"),
    ] {
        let delete = |code: &'static str| async move {
            let vendor = Vendor::saying(Reply::error(404, code)).await;
            let case = operations().into_iter().find(|case| case.action == action).unwrap();
            vendor.backend().submit(&case.operation).await
        };
        assert!(delete(code).await.is_ok(), "{code}");
        for other in [
            "InvalidRegionId.NotFound",
            "InvalidAccessKeyId.NotFound",
            "InvalidApi.NotFound",
        ] {
            assert!(delete(other).await.is_err(), "{action} {other}");
        }
    }
    let vendor = Vendor::saying(Reply::error(404, "InvalidInstanceId.NotFound")).await;
    let start = Operation::StartDesktop {
        desktop_id: "i-1".into(),
    };
    assert_eq!(vendor.backend().submit(&start).await.unwrap_err().class, C::NotFound);
}

#[tokio::test]
async fn a_cluster_is_gone_only_if_it_is_the_cluster_that_is_not_found() {
    let vendor = Vendor::saying(Reply::error(404, "InvalidClusterId.NotFound")).await;
    let backend = vendor.backend();
    assert_eq!(backend.get_cluster("gws-1").await.unwrap(), None);
    assert_eq!(backend.list_desktops("gws-1").await.unwrap(), []);
    for code in [
        "InvalidRegionId.NotFound",
        "InvalidClusterType.NotFound",
        "InvalidApi.NotFound",
        "Forbidden",
    ] {
        let vendor = Vendor::saying(Reply::error(404, code)).await;
        assert!(vendor.backend().get_cluster("gws-1").await.is_err(), "{code}");
        assert!(vendor.backend().list_desktops("gws-1").await.is_err(), "{code}");
    }
}

#[tokio::test]
async fn a_role_that_exists_is_as_good_as_made() {
    let vendor = Vendor::saying(Reply::error(409, "EntityAlreadyExists.Role")).await;
    vendor.backend().prepare().await.unwrap();
    let vendor = Vendor::saying(Reply::error(403, "Forbidden.RAM")).await;
    assert_eq!(vendor.backend().prepare().await.unwrap_err().class, C::Forbidden);
}

/// A server may repeat whatever it was sent, wherever it likes.
#[tokio::test]
async fn secrets_do_not_come_back() {
    let password = "canary pass&word";
    let forms = |secret: &str| {
        let once = desktop_operator::http::sign::rpc::percent_encode(secret);
        let twice = desktop_operator::http::sign::rpc::percent_encode(&once);
        [secret.to_owned(), once, twice]
    };
    let secrets: Vec<String> = [KEY_ID, KEY_SECRET, TOKEN, password]
        .iter()
        .flat_map(|s| forms(s))
        .collect();
    let directory = operations()
        .into_iter()
        .find(|case| case.action == "SetClusterADDomain")
        .unwrap();
    for secret in &secrets {
        // Also where the text is cut.
        let long = format!("{}{secret}", "x".repeat(250));
        let bodies = [
            json!({"RequestId": secret, "HostId": secret, "Code": secret, "Message": secret}),
            json!({"RequestId": "r", "Code": "InvalidParameter", "Message": long}),
            json!({"RequestId": "r", "Code": "SignatureDoesNotMatch", "Message": format!("server string to sign is:{secret}")}),
            json!({"RequestId": "r", "TaskId": {"a": secret}}),
            json!({"RequestId": "r", "TaskId": format!("a b{secret}")}),
        ];
        for body in bodies {
            for status in [200, 400, 500] {
                let vendor = Vendor::saying(Reply::Json(status, body.clone())).await;
                let error = vendor.backend().submit(&directory.operation).await.unwrap_err();
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("canary"), "{shown}");
            }
        }
        let page = format!("<html>{secret}</html>").into_bytes();
        let vendor = Vendor::saying(Reply::Raw(200, vec![("X-Echo", secret.replace(' ', "_"))], page)).await;
        let error = vendor.backend().submit(&directory.operation).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    let debug = format!("{:?}", directory.operation);
    assert!(!debug.contains("canary"), "{debug}");
}
