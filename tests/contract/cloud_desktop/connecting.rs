//! From the provider's spec to an account.

use std::sync::Arc;
use std::time::Duration;

use desktop_operator::backend::cloud_desktop::host;
use desktop_operator::backend::connect::{ConnectSettings, connect};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::Unobserved;

use super::account::spec;
use crate::gws::vendor::secret;

fn settings() -> ConnectSettings {
    ConnectSettings {
        endpoints: EndpointPolicy::default(),
        observer: Arc::new(Unobserved),
        deadline: Duration::from_secs(5),
    }
}

#[test]
fn the_vendors_own_endpoint_needs_no_permission() {
    assert_eq!(
        host("cn-shanghai").as_deref(),
        Ok("clouddesktop.cn-shanghai.aliyuncs.com")
    );
    for extended in [true, false] {
        let backend = connect("account", &spec(None, extended), &secret(), &settings()).unwrap();
        let capabilities = backend.capabilities();
        assert_eq!(capabilities.vendor, "cloudDesktop");
        assert_eq!(capabilities.observe_desktops, extended);
    }
}

#[test]
fn what_is_wrong_is_said_by_field() {
    let refused = |spec, secret| match connect("account", &spec, &secret, &settings()) {
        Ok(_) => panic!("connected"),
        Err(error) => (error.reason(), error.to_string()),
    };
    let (reason, text) = refused(spec(Some("http://127.0.0.1:1"), false), secret());
    assert_eq!(reason, "EndpointNotAllowed");
    assert!(text.starts_with("spec.cloudDesktop.endpoint: "), "{text}");
    let mut elsewhere = spec(None, false);
    elsewhere.cloud_desktop.as_mut().unwrap().region = "a.b".into();
    let (reason, text) = refused(elsewhere, secret());
    assert_eq!(reason, "InvalidSpec");
    assert!(text.starts_with("spec.cloudDesktop.region: "), "{text}");
    let (reason, text) = refused(spec(None, false), std::collections::BTreeMap::new());
    assert_eq!(reason, "CredentialsInvalid");
    assert!(text.starts_with("spec.credentialsSecretRef: "), "{text}");
}
