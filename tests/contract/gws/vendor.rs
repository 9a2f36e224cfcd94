//! A server of a few lines: checks signatures, keeps what it was sent, and answers as it is told. It speaks plain TCP,
//! because half of what it has to do no HTTP library would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use desktop_operator::api::DesktopProviderSpec;
use desktop_operator::backend::Backend;
use desktop_operator::backend::connect::{ConnectSettings, connect};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::CallObserver;
use desktop_operator::http::sign::rpc;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub const KEY_ID: &str = "canary-key-id";
pub const KEY_SECRET: &str = "canary-key-secret";
pub const TOKEN: &str = "canary/token+==";

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub head: String,
    pub query: BTreeMap<String, String>,
    pub form: BTreeMap<String, String>,
    /// Number of the connection it came on.
    pub connection: usize,
}

impl Seen {
    pub fn action(&self) -> &str {
        &self.query["Action"]
    }

    /// Parameters of the action, as pairs.
    pub fn own(&self) -> Vec<(&str, &str)> {
        let token = |name: &str| name == "SecurityToken";
        let own = self.form.iter().filter(|(name, _)| !token(name));
        own.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn check_signature(&self) {
        let params = self.query.iter().chain(&self.form);
        let text = rpc::string_to_sign("POST", params.map(|(name, value)| (name.as_str(), value.as_str())));
        let expected = rpc::sign(KEY_SECRET.as_bytes(), "&", &text);
        assert_eq!(self.query["Signature"], expected, "{text}");
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A JSON answer.
    Json(u16, Value),
    /// Any answer.
    Raw(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The answer ends before its length says so.
    Truncated,
    /// The connection is reset.
    Reset,
    /// There is no answer, and the connection stays.
    Silence,
}

impl Reply {
    pub fn ok(body: Value) -> Self {
        Self::Json(200, body)
    }

    /// An error in the vendor's form.
    pub fn error(status: u16, code: &str) -> Self {
        let body = json!({"RequestId": "r-1", "HostId": "h", "Code": code, "Message": "words", "Recommend": "u"});
        Self::Json(status, body)
    }
}

/// Chooses the reply to a request, given how many came before it.
type Script = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

pub struct Vendor {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Vendor {
    pub async fn start(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                for connection in 0.. {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(stream, connection, Arc::clone(&seen), Arc::clone(&script)));
                }
            }
        });
        Self { url, seen, task }
    }

    /// Always the same reply.
    pub async fn saying(reply: Reply) -> Self {
        Self::start(move |_, _| reply.clone()).await
    }

    /// One reply after the other, the last one for ever.
    pub async fn script(replies: Vec<Reply>) -> Self {
        Self::start(move |_, number| replies[number.min(replies.len() - 1)].clone()).await
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request there was.
    pub fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen.into_iter().next().unwrap()
    }

    /// The account at this server.
    pub fn backend(&self) -> Arc<dyn Backend> {
        self.backend_with(Arc::new(Notes::default()), Duration::from_secs(30))
    }

    pub fn backend_with(&self, observer: Arc<dyn CallObserver>, deadline: Duration) -> Arc<dyn Backend> {
        backend_at(&self.url, observer, deadline)
    }
}

/// The account at a place.
pub fn backend_at(url: &str, observer: Arc<dyn CallObserver>, deadline: Duration) -> Arc<dyn Backend> {
    let settings = ConnectSettings {
        endpoints: EndpointPolicy::new(&[url.to_owned()]).unwrap(),
        observer,
        deadline,
    };
    connect("account", &spec(Some(url)), &secret(), &settings).unwrap()
}

pub fn spec(endpoint: Option<&str>) -> DesktopProviderSpec {
    serde_json::from_value(json!({
        "gws": {"region": "cn-hangzhou", "endpoint": endpoint},
        "credentialsSecretRef": {"namespace": "n", "name": "s"},
        "allowedNamespaces": {},
        "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
    }))
    .unwrap()
}

pub fn secret() -> BTreeMap<String, Vec<u8>> {
    [
        ("accessKeyId", KEY_ID),
        ("accessKeySecret", KEY_SECRET),
        ("securityToken", TOKEN),
    ]
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .into()
}

/// Keeps what an account reports of itself.
#[derive(Default)]
pub struct Notes {
    pub calls: Mutex<Vec<(&'static str, &'static str)>>,
    pub waits: Mutex<Vec<Duration>>,
}

impl CallObserver for Notes {
    fn called(&self, account: &str, action: &'static str, outcome: &'static str, _: Duration) {
        assert_eq!(account, "account");
        self.calls.lock().unwrap().push((action, outcome));
    }

    fn throttled(&self, account: &str, waited: Duration) {
        assert_eq!(account, "account");
        self.waits.lock().unwrap().push(waited);
    }
}

async fn serve(mut stream: TcpStream, connection: usize, seen: Arc<Mutex<Vec<Seen>>>, script: Arc<Script>) {
    while let Some(mut request) = receive(&mut stream).await {
        request.connection = connection;
        request.check_signature();
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match script(&request, number) {
            Reply::Json(status, body) => {
                let json = vec![("Content-Type", "application/json".to_owned())];
                send(&mut stream, status, &json, body.to_string().as_bytes()).await;
            }
            Reply::Raw(status, headers, body) => send(&mut stream, status, &headers, &body).await,
            Reply::Truncated => {
                let cut =
                    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"RequestId\":\"r-1\",\"InstanceId\":\"i-1\"";
                stream.write_all(cut).await.unwrap();
                return;
            }
            Reply::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let header = |name: &str| {
        let mut lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let length: usize = header("content-length").unwrap().parse().unwrap();
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let target = head
        .strip_prefix("POST /?")
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    Some(Seen {
        query: pairs(target.as_bytes()),
        form: pairs(&bytes[end..end + length]),
        head,
        connection: 0,
    })
}

fn pairs(text: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// Whoever hangs up early, as a client does that has read enough, is no fault here.
async fn send(stream: &mut TcpStream, status: u16, headers: &[(&'static str, String)], body: &[u8]) {
    let length = [("Content-Length", body.len().to_string())];
    let lines = length
        .iter()
        .chain(headers)
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!("HTTP/1.1 {status} X\r\n{}\r\n", lines.collect::<String>());
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
}
