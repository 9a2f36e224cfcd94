//! From a provider's spec to an account: where it is called, and what is wrong with it.

use std::sync::Arc;
use std::time::Duration;

use desktop_operator::api::provider::CapitalOnlineArea;
use desktop_operator::backend::capital_online::host;
use desktop_operator::backend::connect::{ConnectError, ConnectSettings, connect};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::Unobserved;
use serde_json::json;

use super::backend::{provider, secret};
use super::client::SITE;

fn settings() -> ConnectSettings {
    ConnectSettings {
        endpoints: EndpointPolicy::new(&[]).unwrap(),
        observer: Arc::new(Unobserved),
        deadline: Duration::from_secs(1),
    }
}

#[test]
fn each_area_has_its_gateway() {
    assert_eq!(host(CapitalOnlineArea::China), "cdsapi.capitalonline.net");
    assert_eq!(host(CapitalOnlineArea::Asia), "cdsapi-asia.capitalonline.net");
    assert_eq!(host(CapitalOnlineArea::America), "cdsapi-us.capitalonline.net");
}

#[tokio::test]
async fn what_it_can_do_is_known_before_anybody_is_called() {
    let block = json!({"siteId": SITE, "area": "Asia"});
    let backend = connect("account", &provider(&block), &secret(), &settings()).unwrap();
    let capabilities = backend.capabilities();
    assert_eq!(capabilities.vendor, "capitalOnline");
    // A session policy that nobody can enforce fails closed.
    assert!(capabilities.policy_fields.is_empty());
}

#[tokio::test]
async fn what_is_wrong_is_said_with_the_field() {
    let elsewhere = json!({"siteId": SITE, "endpoint": "http://127.0.0.1:1"});
    let refused = connect("account", &provider(&elsewhere), &secret(), &settings());
    let error = refused.err().expect("not on the list");
    assert!(matches!(error, ConnectError::Endpoint { .. }), "{error}");
    assert!(
        error.to_string().starts_with("spec.capitalOnline.endpoint: "),
        "{error}"
    );
    let mut incomplete = secret();
    incomplete.remove("accessKeySecret");
    let refused = connect("account", &provider(&json!({"siteId": SITE})), &incomplete, &settings());
    let error = refused.err().expect("no secret");
    assert!(matches!(error, ConnectError::Credentials(_)), "{error}");
}
