//! One HTTP request and its answer: no redirects, no proxy, a deadline over everything, a cap on the body, and errors
//! that name neither the URL nor what was sent.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use reqwest::redirect::Policy;

use super::endpoint::{Endpoint, PublicOnly};

/// Largest answer that is read.
pub const MAX_BODY: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection came about: the vendor has seen nothing of the request.
    #[error("no connection: {0}")]
    NotSent(String),
    /// The request, or part of it, may have reached the vendor.
    #[error("{0}")]
    MaybeSent(String),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// How long the vendor asks to wait.
    pub retry_after: Option<Duration>,
    /// Body, complete.
    pub body: Vec<u8>,
}

/// Sends requests to one endpoint.
#[derive(Clone, Debug)]
pub struct Transport {
    client: reqwest::Client,
    endpoint: Endpoint,
    deadline: Duration,
}

impl Transport {
    /// A transport to this endpoint; every request and its answer take at most `deadline`.
    pub fn new(endpoint: Endpoint, deadline: Duration) -> Result<Self, TransportError> {
        // Only the first call in a process has an effect, and all of them ask for the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(deadline.min(Duration::from_secs(10)))
            .pool_idle_timeout(Duration::from_secs(15))
            .user_agent(concat!("desktop-operator/", env!("CARGO_PKG_VERSION")));
        if !endpoint.allowed_by_name {
            builder = builder.dns_resolver(Arc::new(PublicOnly)).https_only(true);
        }
        let client = builder.build().map_err(|e| TransportError::NotSent(words(e)))?;
        Ok(Self {
            client,
            endpoint,
            deadline,
        })
    }

    /// Posts a form. It is sent once.
    pub async fn post_form(&self, form: &[(String, String)]) -> Result<Answer, TransportError> {
        let request = self.client.post(self.endpoint.url.clone()).form(form);
        match tokio::time::timeout(self.deadline, exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::MaybeSent(format!(
                "no complete answer within {:?}",
                self.deadline
            ))),
        }
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<Answer, TransportError> {
    let response = request.send().await.map_err(|error| {
        if error.is_connect() || error.is_builder() {
            TransportError::NotSent(words(error))
        } else {
            TransportError::MaybeSent(words(error))
        }
    })?;
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    // Alibaba's own header counts milliseconds, the standard one seconds.
    let retry_after = header("x-acs-retry-after")
        .map(Duration::from_millis)
        .or_else(|| header("retry-after").map(Duration::from_secs))
        .map(|wait| wait.min(Duration::from_secs(3600)));
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| TransportError::MaybeSent(words(error)))?;
        if body.len() + piece.len() > MAX_BODY {
            return Err(TransportError::MaybeSent("the answer is longer than 1 MiB".into()));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer {
        status,
        retry_after,
        body,
    })
}

/// What went wrong, without the URL: it may carry what must not be seen.
fn words(error: reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "could not connect"
    } else if error.is_redirect() {
        "redirected"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the exchange broke off"
    };
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("{kind} ({})", printable(&cause.to_string()))
}

/// At most 128 printable characters of a text that somebody else wrote.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(128)
        .collect()
}
