//! A server of a few lines that checks signatures, keeps what it was sent and answers as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use desktop_operator::backend::Backend;
use desktop_operator::http::sign::rpc;
use desktop_operator::sim::capital_online::Edition;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::backend::backend_at;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub query: BTreeMap<String, String>,
    pub body: Value,
}

impl Seen {
    pub fn action(&self) -> &str {
        &self.query["Action"]
    }

    fn check_signature(&self) {
        let params = self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let text = rpc::string_to_sign(self.method.as_str(), params);
        assert_eq!(self.query["Signature"], rpc::sign(b"testsecret", "", &text), "{text}");
    }
}

/// Chooses status and body.
type Script = dyn Fn(&Seen) -> (u16, Value) + Send + Sync;

struct Shared {
    seen: Mutex<Vec<Seen>>,
    script: Box<Script>,
}

pub struct Vendor {
    pub url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Vendor {
    pub async fn start(script: impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            script: Box::new(script),
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, shared, task }
    }

    /// Always the same data, as a success.
    pub async fn saying(data: Value) -> Self {
        Self::start(move |_| (200, success(&data))).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The only request of an action.
    pub fn only(&self, action: &str) -> Seen {
        let seen = self.seen();
        let mut found = seen.into_iter().filter(|seen| seen.action() == action);
        let only = found.next().expect("a request");
        assert!(found.next().is_none(), "{action} was sent again");
        only
    }

    pub fn backend(&self, edition: Edition) -> Arc<dyn Backend> {
        backend_at(&self.url, edition, Duration::from_secs(30))
    }
}

pub fn success(data: &Value) -> Value {
    json!({"Code": "Success", "Message": "", "Data": data})
}

pub fn refusal(code: &str) -> Value {
    json!({"Code": code, "Message": "参数错误", "Data": null})
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let seen = Seen {
        method,
        path: uri.path().to_owned(),
        headers,
        query: query.into_owned().collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    seen.check_signature();
    let (status, body) = (shared.script)(&seen);
    shared.seen.lock().unwrap().push(seen);
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}
