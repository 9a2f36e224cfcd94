//! What a simulated vendor is to the server: who may call, what a call does, how answers look.

use std::collections::BTreeMap;

use axum::body::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

use super::ledger::Kind;
use super::world::World;

/// A request as it came off the wire.
pub(crate) struct Request {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A request whose sender is known.
pub(crate) struct Call {
    pub account: String,
    pub action: String,
    pub params: BTreeMap<String, String>,
    /// The JSON body, of vendors that take one.
    pub body: Value,
}

/// A request that was refused at the door.
pub(crate) struct Refusal {
    pub action: String,
    pub params: BTreeMap<String, String>,
    pub error: ApiError,
}

/// An error as the vendor would answer it.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub http: u16,
    pub code: String,
    pub message: String,
}

impl ApiError {
    pub fn new(http: u16, code: &str, message: &str) -> Self {
        Self {
            http,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// What a call came to.
#[derive(Default)]
pub(crate) struct Done {
    /// The answer's own fields, as declared; the vendor adds what every answer has.
    pub body: Map<String, Value>,
    /// Whether it changed something.
    pub wrote: bool,
    /// Objects it made or worked on.
    pub ids: Vec<String>,
    /// Object it made.
    pub made: Option<(Kind, String)>,
    /// Task it started.
    pub task: Option<String>,
    /// HTTP status, where success is not 200.
    pub status: Option<u16>,
    /// Headers of the answer beside the usual ones.
    pub headers: Vec<(&'static str, String)>,
}

impl Done {
    /// A read.
    pub fn read(body: Map<String, Value>) -> Self {
        Self {
            body,
            ..Self::default()
        }
    }

    /// A change of an object.
    pub fn wrote(id: &str) -> Self {
        Self {
            wrote: true,
            ids: vec![id.to_owned()],
            ..Self::default()
        }
    }

    /// Adds a field to the answer.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body.insert(name.to_owned(), value.into());
        self
    }
}

/// A simulated vendor.
pub(crate) trait Vendor: Sync {
    /// Finds out who calls, and refuses whoever must not.
    fn admit(&self, world: &mut World, request: &Request) -> Result<Call, Refusal>;

    /// Carries out a call.
    fn execute(&self, world: &mut World, call: &Call) -> Result<Done, ApiError>;

    /// Body of a successful answer.
    fn success(&self, world: &World, request_id: &str, done: &Done) -> Value;

    /// Body of an error.
    fn error(&self, request_id: &str, error: &ApiError) -> Value;

    /// The error that tells a client to slow down.
    fn throttled(&self) -> ApiError;

    /// The header that says how long a client is to wait.
    fn retry_after(&self, milliseconds: u64) -> (&'static str, String) {
        ("x-acs-retry-after", milliseconds.to_string())
    }

    /// Headers that every answer has.
    fn headers(&self, _request_id: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Makes a task stay unfinished.
    fn never_finish(&self, world: &mut World, task: &str);

    /// Keeps a new object out of listings until a moment.
    fn hide(&self, world: &mut World, id: &str, until: u64);
}

/// The parameters with everything secret replaced.
pub(crate) fn redacted(params: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let secret = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        last.to_ascii_lowercase().contains("password") || matches!(last, "Signature" | "SecurityToken")
    };
    params
        .iter()
        .map(|(name, value)| {
            let shown = if secret(name) && !value.is_empty() {
                "***"
            } else {
                value
            };
            (name.clone(), shown.to_owned())
        })
        .collect()
}
