//! One bounded HTTP exchange with one endpoint.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::{Client, ClientBuilder, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use url::Url;

use super::endpoint::Endpoint;
use super::resolve::PublicOnly;
use super::sign::rpc::percent_encode;

/// Largest answer that is read.
pub const MAX_BODY: usize = 1 << 20;

/// Longest time a connection may take; what is left of the deadline is for the vendor's work.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next read: less than servers usually keep it.
const IDLE: Duration = Duration::from_secs(15);

/// Whether a request changes anything at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It may be repeated at will.
    Read,
    /// It is sent once.
    Change,
}

/// What is sent. Secrets belong into the body, or into headers marked sensitive: URLs are logged by gateways.
#[derive(Debug)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path in the spelling that is signed; empty for the endpoint's own.
    pub path: String,
    /// Query in the spelling that is signed, without its question mark.
    pub query: String,
    /// Headers beside those every request has.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Request {
    /// A POST to the endpoint's own path, with a form in the body.
    #[must_use]
    pub fn form(query: &[(&str, &str)], form: &[(&str, &str)]) -> Self {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self {
            method: Method::POST,
            path: String::new(),
            query: encode(query),
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, form_type)]),
            body: encode(form).into_bytes(),
        }
    }
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, at most [`MAX_BODY`] bytes.
    pub body: Vec<u8>,
}

/// No complete answer. The text holds neither URL nor body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing of the request has left this machine.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may have arrived and may have been carried out.
    #[error("no complete answer: {0}")]
    NoAnswer(String),
    /// The answer is larger than any that the vendor documents.
    #[error("the answer exceeds {MAX_BODY} bytes")]
    TooLarge,
}

/// The HTTP client cannot be built, e.g. because the system has no root certificates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct SetupError(String);

/// Sends requests to one endpoint. Follows no redirects, uses no proxy from the environment and verifies TLS always.
#[derive(Clone, Debug)]
pub struct Transport {
    url: Url,
    reads: Client,
    changes: Client,
}

impl Transport {
    /// A transport for `endpoint` that gives every exchange at most `deadline`.
    pub fn new(endpoint: &Endpoint, deadline: Duration) -> Result<Self, SetupError> {
        let build = |builder: ClientBuilder| builder.build().map_err(|error| SetupError(reason(&error)));
        Ok(Self {
            url: endpoint.url().clone(),
            reads: build(builder(endpoint, deadline)?)?,
            // A kept connection that the vendor closes while a request is written to it leaves that request in doubt.
            // A read is then repeated; a change gets a connection of its own, so that this cannot happen to it.
            changes: build(builder(endpoint, deadline)?.pool_max_idle_per_host(0))?,
        })
    }

    /// Sends one request.
    pub async fn send(&self, effect: Effect, request: Request) -> Result<Answer, TransportError> {
        let mut url = self.url.clone();
        if !request.path.is_empty() {
            url.set_path(&request.path);
        }
        if !request.query.is_empty() {
            url.set_query(Some(&request.query));
        }
        let client = match effect {
            Effect::Read => &self.reads,
            Effect::Change => &self.changes,
        };
        let response = client
            .request(request.method, url)
            .header(header::ACCEPT, "application/json")
            .headers(request.headers)
            .body(request.body)
            .send()
            .await
            .map_err(unanswered)?;
        read(response).await
    }
}

fn builder(endpoint: &Endpoint, deadline: Duration) -> Result<ClientBuilder, SetupError> {
    let builder = Client::builder()
        .user_agent(concat!("desktop-operator/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        // The signature of a repeated request is stale; whoever signs also repeats.
        .retry(retry::never())
        .referer(false)
        .connect_timeout(CONNECT.min(deadline))
        .pool_idle_timeout(IDLE)
        .timeout(deadline)
        .https_only(endpoint.is_https())
        .tls_backend_preconfigured(tls(endpoint.is_https())?);
    Ok(if endpoint.may_be_private() {
        builder
    } else {
        builder.dns_resolver(PublicOnly)
    })
}

/// TLS 1.2 or 1.3 by ring, chosen here and not for the whole process, where only one library can choose.
///
/// The system's root certificates are trusted, not compiled-in ones: they are kept up to date with the system or the
/// container image, and `SSL_CERT_FILE` adds a company's own.
fn tls(needed: bool) -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let setup = |error: rustls::Error| SetupError(reason(&error));
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(setup)?;
    let mut config = if needed {
        versions.with_platform_verifier().map_err(setup)?.with_no_client_auth()
    } else {
        // A plain endpoint must not fail for want of certificates that it does not use.
        versions
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// `name=value&…` in the spelling that is also signed, so that no server can read `+` another way.
#[must_use]
pub fn encode(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    pairs.join("&")
}

async fn read(mut response: reqwest::Response) -> Result<Answer, TransportError> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

fn unanswered(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let text = if error.is_timeout() {
        "the deadline has passed".to_owned()
    } else {
        reason(&error)
    };
    // Only what failed while connecting is known not to have been sent: name, TCP, TLS.
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(text)
    } else {
        TransportError::NoAnswer(text)
    }
}

/// The innermost cause: what the layers above it say is only where it happened.
fn reason(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::endpoint::EndpointPolicy;

    fn endpoint(url: &str) -> Endpoint {
        let policy = EndpointPolicy::new(&[url.to_owned()]).unwrap();
        policy.resolve("vendor.example.com", Some(url)).unwrap()
    }

    #[tokio::test]
    async fn a_refused_connection_was_not_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let transport = Transport::new(&endpoint(&format!("http://127.0.0.1:{port}")), CONNECT).unwrap();
        let error = transport
            .send(Effect::Change, Request::form(&[("Secret", "canary")], &[]))
            .await
            .unwrap_err();
        assert!(matches!(error, TransportError::NotSent(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }

    #[test]
    fn the_body_is_encoded_as_it_is_signed() {
        assert_eq!(encode(&[("Name", "a b+c"), ("NatId", "")]), "Name=a%20b%2Bc&NatId=");
    }

    #[test]
    fn a_client_for_tls_finds_root_certificates() {
        assert!(Transport::new(&endpoint("https://vendor.example.com"), CONNECT).is_ok());
    }
}
