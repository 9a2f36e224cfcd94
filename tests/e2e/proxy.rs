//! Between the operator and everybody it talks to: counts the requests that change something, by the object they
//! concern, and holds, breaks or answers the chosen one before or after it takes effect.

mod describe;
mod script;

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode, header};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::harness::Env;
use describe::{Step, api_step, learn, vendor_step};
pub use script::{At, Cut, Effect, Moment, Script, Verdict};

static WRITTEN: AtomicU32 = AtomicU32::new(0);
const LONGEST: usize = 16 << 20;

/// A proxy in front of one upstream. Dropping it ends it, and all connections through it.
pub struct Proxy {
    url: String,
    _stop: DropGuard,
}

/// Who is behind a proxy.
enum Upstream {
    Api(Client),
    Vendor(reqwest::Client, String),
}

struct Shared {
    upstream: Upstream,
    script: Script,
}

impl Proxy {
    /// In front of the API server. The operator needs no credentials: the proxy has those that the chart gives it.
    pub async fn to_api(env: &Env, script: &Script) -> Self {
        let file = Kubeconfig::read_from(&env.operator_kubeconfig).unwrap();
        let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .unwrap();
        // What is sent twice here would be a fault nobody scripted.
        config.default_retry = false;
        config.read_timeout = None;
        let client = Client::try_from(config).unwrap();
        Self::start(Upstream::Api(client), script).await
    }

    /// In front of the vendor.
    pub async fn to_vendor(url: &str, script: &Script) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self::start(Upstream::Vendor(client, url.to_owned()), script).await
    }

    async fn start(upstream: Upstream, script: &Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            upstream,
            script: script.clone(),
        });
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let serve = axum::serve(listener, Router::new().fallback(enter).with_state(shared)).into_future();
        tokio::spawn(async move {
            tokio::select! {
                _ = serve => {}
                () = stopped.cancelled() => {}
            }
        });
        Self {
            url,
            _stop: stop.drop_guard(),
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A kubeconfig that leads here.
    pub fn kubeconfig(&self, env: &Env) -> PathBuf {
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let path = env.plane().folder().join(format!("proxy-{number}.kubeconfig"));
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": self.url}}],
            "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
            "current-context": "proxy",
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}

async fn enter(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return Ok(broken());
    };
    // In a task of its own: what was sent arrives although its sender has died meanwhile.
    let passed = tokio::spawn(async move { shared.pass(parts, body).await }).await;
    Ok(passed.unwrap_or_else(|_| broken()))
}

impl Shared {
    async fn pass(&self, parts: Parts, body: Bytes) -> Response {
        let step = match self.upstream {
            Upstream::Api(_) => self.script.with_names(|names| api_step(names, &parts, &body)),
            Upstream::Vendor(..) => self.script.with_names(|names| vendor_step(names, &parts, &body)),
        };
        let Some(mut step) = step else {
            return self.forward(parts, body).await.unwrap_or_else(|_| broken());
        };
        let cut = self.script.arrived(&mut step);
        if let Some(Cut { effect, .. }) = cut.filter(|cut| cut.moment == Moment::Before)
            && let Some(answer) = self.strike(&step, effect).await
        {
            return answer;
        }
        let answer = self.answered(&step, parts, body).await;
        if let Some(Cut { effect, .. }) = cut.filter(|cut| cut.moment == Moment::After)
            && let Some(answer) = self.strike(&step, effect).await
        {
            return answer;
        }
        answer
    }

    /// What the operator gets instead; `None` when the request or its answer is to go on.
    async fn strike(&self, step: &Step, effect: Effect) -> Option<Response> {
        match effect {
            Effect::Hold => match self.script.hold(step).await {
                Verdict::GoOn => None,
                Verdict::Drop => Some(broken()),
            },
            Effect::Status(code) if matches!(self.upstream, Upstream::Api(_)) => Some(status(code)),
            Effect::Break | Effect::Status(_) => Some(broken()),
        }
    }

    async fn answered(&self, step: &Step, parts: Parts, body: Bytes) -> Response {
        let Ok(response) = self.forward(parts, body.clone()).await else {
            return broken();
        };
        let (head, answer) = response.into_parts();
        let Ok(answer) = to_bytes(answer, LONGEST).await else {
            return broken();
        };
        self.script.with_names(|names| learn(names, step, &body, &answer));
        self.script.concluded(step, head.status.as_u16());
        Response::from_parts(head, Body::from(answer))
    }

    async fn forward(&self, mut parts: Parts, body: Bytes) -> Result<Response, String> {
        match &self.upstream {
            Upstream::Api(client) => {
                for name in [
                    header::HOST,
                    header::AUTHORIZATION,
                    header::CONNECTION,
                    header::CONTENT_LENGTH,
                ] {
                    parts.headers.remove(name);
                }
                parts.version = http::Version::default();
                parts.extensions = http::Extensions::default();
                let request = Request::from_parts(parts, kube::client::Body::from(body));
                let response = client.send(request).await.map_err(|e| e.to_string())?;
                let (mut head, body) = response.into_parts();
                without_framing(&mut head.headers);
                head.version = http::Version::default();
                Ok(Response::from_parts(head, Body::new(body)))
            }
            Upstream::Vendor(client, url) => {
                let path = parts.uri.path_and_query().map_or("", |p| p.as_str());
                // The host stays what it was: some vendors' signatures cover it.
                without_framing(&mut parts.headers);
                let request = client
                    .request(parts.method, format!("{url}{path}"))
                    .headers(parts.headers);
                let request = request.body(body);
                let response = request.send().await.map_err(|e| e.to_string())?;
                let (code, mut headers) = (response.status(), response.headers().clone());
                let body = response.bytes().await.map_err(|e| e.to_string())?;
                without_framing(&mut headers);
                let mut answer = Response::new(Body::from(body));
                *answer.status_mut() = code;
                *answer.headers_mut() = headers;
                Ok(answer)
            }
        }
    }
}

/// How the body travels is agreed anew on each connection.
fn without_framing(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

/// An answer that begins well and ends with the connection.
fn broken() -> Response {
    let lost = futures::stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(lost))
}

/// An answer of the API server's kind.
fn status(code: u16) -> Response {
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        _ => "ServiceUnavailable",
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "scripted", "reason": reason, "code": code,
    });
    let mut answer = Response::new(Body::from(body.to_string()));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
    let json = header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}
