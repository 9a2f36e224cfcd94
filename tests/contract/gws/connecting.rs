//! Which accounts are connected, and where to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use desktop_operator::backend::ErrorClass;
use desktop_operator::backend::connect::{ConnectError, ConnectSettings, connect};
use desktop_operator::backend::gws::CAPABILITIES;
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::Unobserved;
use desktop_operator::http::transport::{Effect, Request, Transport, TransportError};
use serde_json::json;
use tokio::net::TcpListener;

use super::vendor::{Reply, Vendor, secret, spec};

fn settings(allowed: &[&str]) -> ConnectSettings {
    let allowed: Vec<String> = allowed.iter().map(|&entry| entry.to_owned()).collect();
    ConnectSettings {
        endpoints: EndpointPolicy::new(&allowed).unwrap(),
        observer: Arc::new(Unobserved),
        deadline: Duration::from_secs(5),
    }
}

fn refusal(
    spec: &desktop_operator::api::DesktopProviderSpec,
    secret: &BTreeMap<String, Vec<u8>>,
    allowed: &[&str],
) -> ConnectError {
    match connect("account", spec, secret, &settings(allowed)) {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

#[test]
fn the_vendors_own_endpoint_needs_no_permission() {
    let backend = connect("account", &spec(None), &secret(), &settings(&[])).unwrap();
    assert_eq!(backend.capabilities(), &CAPABILITIES);
    assert_eq!(CAPABILITIES.vendor, "gws");
}

#[test]
fn a_refusal_names_the_field_and_the_remedy_and_no_secret() {
    let without = |key: &str| {
        let mut secret = secret();
        secret.remove(key);
        secret
    };
    let with = |key: &str, value: &str| {
        let mut secret = secret();
        secret.insert(key.to_owned(), value.as_bytes().to_vec());
        secret
    };
    let elsewhere = spec(Some("https://elsewhere.example.com"));
    let mut nowhere = spec(None);
    nowhere.gws.as_mut().unwrap().region = "evil.com/".to_owned();
    let mut nobody = spec(None);
    nobody.gws = None;
    let mut never = spec(None);
    never.rate_limit.burst = 0;
    let usual = spec(None);
    for (spec, secret, reason, words) in [
        (&usual, without("accessKeyId"), "CredentialsInvalid", "accessKeyId"),
        (
            &usual,
            without("accessKeySecret"),
            "CredentialsInvalid",
            "accessKeySecret",
        ),
        (
            &usual,
            with("accessKeySecret", "can ary"),
            "CredentialsInvalid",
            "accessKeySecret",
        ),
        (
            &usual,
            with("securityToken", "\n"),
            "CredentialsInvalid",
            "securityToken",
        ),
        (&elsewhere, secret(), "EndpointNotAllowed", "--allow-endpoint"),
        (&elsewhere, secret(), "EndpointNotAllowed", "spec.gws.endpoint"),
        (&nowhere, secret(), "InvalidSpec", "spec.gws.region"),
        (&nobody, secret(), "InvalidSpec", "gws"),
        (&never, secret(), "InvalidSpec", "spec.rateLimit"),
    ] {
        let error = refusal(spec, &secret, &[]);
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!format!("{error} {error:?}").contains("ary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_place_that_is_not_allowed_sees_no_connection() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    for endpoint in [
        format!("http://127.0.0.1:{port}"),
        format!("http://127.1:{port}"),
        format!("http://2130706433:{port}"),
        format!("http://0x7f000001:{port}"),
        format!("http://0177.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
        format!("http://0.0.0.0:{port}"),
        format!("https://vendor.example.com@127.0.0.1:{port}"),
        format!("https://vendor.example.com#@127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}/vendor.example.com"),
    ] {
        let error = refusal(&spec(Some(&endpoint)), &secret(), &["https://vendor.example.com"]);
        assert_eq!(error.reason(), "EndpointNotAllowed", "{endpoint}");
    }
    // A name the vendor's template could make, were it turned to the inside by whoever answers for it.
    let endpoint = EndpointPolicy::default().resolve("localhost", None).unwrap();
    let transport = Transport::new(&endpoint, Duration::from_secs(5)).unwrap();
    let error = transport
        .send(Effect::Change, Request::form(&[], &[]))
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
    assert!(error.to_string().contains("not a public address"), "{error}");
    assert!(futures::FutureExt::now_or_never(canary.accept()).is_none());
}

#[tokio::test]
async fn redirects_lead_nowhere() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}/latest/meta-data", canary.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let headers = vec![("Location", place.clone())];
        let vendor = Vendor::saying(Reply::Raw(status, headers, b"{}".to_vec())).await;
        let error = vendor.backend().list_images().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient);
        assert!(error.message.contains("redirects are not followed"), "{error}");
    }
    assert!(futures::FutureExt::now_or_never(canary.accept()).is_none());
}

#[tokio::test]
async fn no_proxy_is_taken_from_the_environment() {
    // A change of the environment would concern every test of this process, so another one is asked.
    let vendor = Vendor::saying(Reply::ok(json!({"RequestId": "r", "TotalCount": 0}))).await;
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", canary.local_addr().unwrap());
    let run = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "gws::connecting::child_with_a_proxy", "--ignored"])
        .env("CONTRACT_VENDOR", &vendor.url)
        .envs(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, &proxy)))
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .output()
        .await
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    vendor.only();
    assert!(futures::FutureExt::now_or_never(canary.accept()).is_none());
}

#[tokio::test]
#[ignore = "run by no_proxy_is_taken_from_the_environment"]
async fn child_with_a_proxy() {
    let Ok(url) = std::env::var("CONTRACT_VENDOR") else {
        return;
    };
    let backend = super::vendor::backend_at(&url, Arc::new(Unobserved), Duration::from_secs(5));
    assert!(backend.list_clusters().await.unwrap().is_empty());
}
