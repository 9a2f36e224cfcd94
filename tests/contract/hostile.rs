//! Endpoints that lead somewhere else than to a vendor, asked for by manifest: whatever listens there hears nothing.
//!
//! The listeners are real, on every address of this machine. That each of them can be reached is shown first, and that
//! nobody came at the end: connections are accepted in their order, so one of our own tells that there was none before.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use desktop_operator::api::DesktopProviderSpec;
use desktop_operator::backend::connect::{ConnectError, ConnectSettings, connect};
use desktop_operator::http::endpoint::EndpointPolicy;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::gws::vendor::Notes;

/// What a manifest may try. `PORT` is that of a listener on every address of this machine, `SELF` an address of its own
/// beside loopback.
const HOSTILE: &[&str] = &[
    // This machine, by its addresses and names.
    "http://127.0.0.1:PORT",
    "https://127.0.0.1:PORT",
    "HTTP://127.0.0.1:PORT/",
    "http://127.0.0.2:PORT",
    "http://127.255.255.254:PORT",
    "http://0.0.0.0:PORT",
    "http://SELF:PORT",
    "https://SELF:PORT",
    "http://[::1]:PORT",
    "https://[::1]:PORT",
    "http://[0:0:0:0:0:0:0:1]:PORT",
    "http://[::]:PORT",
    "http://[::ffff:127.0.0.1]:PORT",
    "http://[::ffff:7f00:1]:PORT",
    "http://[::127.0.0.1]:PORT",
    "http://[64:ff9b::127.0.0.1]:PORT",
    "http://[::1%25lo]:PORT",
    "http://[::1%lo]:PORT",
    "http://localhost:PORT",
    "https://localhost:PORT",
    "http://LocalHost:PORT",
    "http://localhost.:PORT",
    "http://localhost.localdomain:PORT",
    "http://ip6-localhost:PORT",
    "http://vendor.localhost:PORT",
    // The same in other spellings of a number.
    "http://127.1:PORT",
    "http://127.0.1:PORT",
    "http://2130706433:PORT",
    "http://0x7f000001:PORT",
    "http://0x7f.1:PORT",
    "http://0x7f.0.0.1:PORT",
    "http://127.0.0.0x1:PORT",
    "http://017700000001:PORT",
    "http://0177.0.0.1:PORT",
    "http://0000:PORT",
    "http://0:PORT",
    "http://127.0.0.1.:PORT",
    "http://127.000.000.001:PORT",
    "http://127.0.0.1\u{200b}:PORT",
    // The same in letters that only look like it.
    "http://①②⑦.⓪.⓪.①:PORT",
    "http://127。0。0。1:PORT",
    "http://127．0．0．1:PORT",
    "http://１２７.0.0.1:PORT",
    "http://ｌocalhost:PORT",
    "http://lo\u{ad}calhost:PORT",
    "http://%6cocalhost:PORT",
    "http://127.0.0.1%2f:PORT",
    // An allowed place in front of it.
    "https://vendor.example.com@127.0.0.1:PORT",
    "https://vendor.example.com:443@127.0.0.1:PORT",
    "https://vendor.example.com%40127.0.0.1:PORT",
    "https://vendor.example.com:x@127.0.0.1:PORT",
    "https://vendor.example.com\\@127.0.0.1:PORT",
    "https://vendor.example.com/@127.0.0.1:PORT",
    "https://vendor.example.com#@127.0.0.1:PORT",
    "https://vendor.example.com?@127.0.0.1:PORT",
    "https://127.0.0.1:PORT#@vendor.example.com",
    "https://127.0.0.1:PORT/@vendor.example.com",
    "https://127.0.0.1:PORT\\@vendor.example.com",
    "https://127.0.0.1:PORT?vendor.example.com",
    "https://vendor.example.com https://127.0.0.1:PORT",
    "https://vendor.example.com\r\nHost: 127.0.0.1:PORT",
    "https://vendor.example.com\thttp://127.0.0.1:PORT",
    // Other schemes, and none.
    "//127.0.0.1:PORT",
    "127.0.0.1:PORT",
    "http:127.0.0.1:PORT",
    "http:/127.0.0.1:PORT",
    "http:///127.0.0.1:PORT",
    "http:\\\\127.0.0.1:PORT",
    "ws://127.0.0.1:PORT",
    "ftp://127.0.0.1:PORT",
    "gopher://127.0.0.1:PORT",
    "dict://127.0.0.1:PORT",
    "socks5://127.0.0.1:PORT",
    "unix:/var/run/docker.sock",
    "file:///etc/passwd",
    "data:text/plain,hello",
    "jar:http://127.0.0.1:PORT!/",
    "view-source:http://127.0.0.1:PORT",
    // Ports that a parser may read otherwise.
    "http://127.0.0.1:0PORT",
    "http://127.0.0.1:+PORT",
    "http://127.0.0.1: PORT",
    "http://127.0.0.1:PORT:80",
    " http://127.0.0.1:PORT",
    "http://127.0.0.1:PORT ",
    // Without a port: its listeners are on 80 and 443, where a test may listen there.
    "http://127.0.0.1",
    "https://127.0.0.1",
    "http://localhost",
    "https://localhost",
    "http://[::1]",
    "https://[::1]",
    // What clouds and clusters keep for themselves.
    "http://169.254.169.254",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166",
    "http://[::ffff:169.254.169.254]",
    "http://[fd00:ec2::254]",
    "https://100.100.100.200",
    "http://metadata.google.internal",
    "https://kubernetes.default.svc",
    "https://10.0.0.1:6443",
    "http://[fe80::1]:PORT",
];

/// What a region may try: it is a part of the vendor's host name.
const REGIONS: &[&str] = &[
    "x@127.0.0.1:PORT/",
    "127.0.0.1:PORT/",
    "127.0.0.1:PORT#",
    "127.0.0.1:PORT?",
    "x.localhost:PORT/",
    "..localhost",
    "\\127.0.0.1:PORT\\",
    "a\r\nHost: 127.0.0.1:PORT",
];

/// What an allowed place may answer in order to have its caller go on to the listener.
const ANSWERS: &[&str] = &[
    "301 Moved Permanently\r\nLocation: http://127.0.0.1:PORT/",
    "302 Found\r\nLocation: http://localhost:PORT/",
    "302 Found\r\nLocation: //127.0.0.1:PORT/",
    "303 See Other\r\nLocation: http://[::1]:PORT/",
    "307 Temporary Redirect\r\nLocation: http://127.0.0.1:PORT/",
    "308 Permanent Redirect\r\nLocation: http://2130706433:PORT/",
    "300 Multiple Choices\r\nLocation: http://127.0.0.1:PORT/",
    "305 Use Proxy\r\nLocation: http://127.0.0.1:PORT/",
    "200 OK\r\nRefresh: 0; url=http://127.0.0.1:PORT/",
    "200 OK\r\nAlt-Svc: h2=\"127.0.0.1:PORT\"; ma=3600",
    "200 OK\r\nContent-Location: http://127.0.0.1:PORT/",
    "201 Created\r\nLocation: http://127.0.0.1:PORT/",
    "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nLink: <http://127.0.0.1:PORT/>; rel=preconnect",
    "503 Service Unavailable\r\nRetry-After: 0\r\nLocation: http://127.0.0.1:PORT/",
];

/// The vendors' blocks, and the fields of each that hold a URL.
fn blocks() -> [(&'static str, Value, &'static [&'static str]); 4] {
    let project = "0123456789abcdef0123456789abcdef";
    [
        ("gws", json!({"region": "cn-hangzhou"}), &["endpoint"]),
        (
            "cloudDesktop",
            json!({"region": "cn-hangzhou", "extendedApi": true}),
            &["endpoint"],
        ),
        ("capitalOnline", json!({"siteId": "site-1"}), &["endpoint"]),
        (
            "huaweiWorkspace",
            json!({"region": "cn-north-4", "projectId": project}),
            &["endpoint", "iamEndpoint"],
        ),
    ]
}

fn spec(vendor: &str, block: &Value) -> DesktopProviderSpec {
    serde_json::from_value(json!({
        vendor: block,
        "credentialsSecretRef": {"namespace": "n", "name": "s"},
        "allowedNamespaces": {},
        "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
    }))
    .unwrap()
}

/// A key, or, for Huawei, a person who logs in: only those need the second endpoint.
fn secret(vendor: &str) -> BTreeMap<String, Vec<u8>> {
    let login = [("domainName", "d"), ("userName", "u"), ("password", "p")];
    let key = [("accessKeyId", "i"), ("accessKeySecret", "s")];
    let values: &[(&str, &str)] = if vendor == "huaweiWorkspace" { &login } else { &key };
    let bytes = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
    values.iter().map(bytes).collect()
}

/// The operator's own way from a manifest to a call.
async fn ask(vendor: &str, block: &Value, allowed: &[String]) -> Result<(), ConnectError> {
    let settings = ConnectSettings {
        endpoints: EndpointPolicy::new(allowed).unwrap(),
        observer: Arc::new(Notes::default()),
        deadline: Duration::from_secs(2),
    };
    let backend = connect("account", &spec(vendor, block), &secret(vendor), &settings)?;
    // Whether it is answered does not matter here, only who is asked.
    let _ = backend.list_clusters().await;
    Ok(())
}

/// Listens on every address of this machine, and keeps count of who came.
struct Trap {
    port: u16,
    visits: tokio::sync::mpsc::UnboundedReceiver<String>,
    task: JoinHandle<()>,
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Trap {
    /// At a port, or at any with 0; `None` where this process may not listen.
    async fn set(port: u16) -> Option<Self> {
        // Without IPv6 there is nothing to be reached by it, either.
        let listener = match TcpListener::bind(("::", port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(("0.0.0.0", port)).await.ok()?,
        };
        let port = listener.local_addr().unwrap().port();
        let (told, visits) = tokio::sync::mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut line = vec![0; 64];
                let length = stream.read(&mut line).await.unwrap_or_default();
                let _ = told.send(String::from_utf8_lossy(&line[..length]).into_owned());
            }
        });
        Some(Self { port, visits, task })
    }

    /// Comes by itself, and tells who came before.
    async fn visitors(&mut self) -> Vec<String> {
        let mut own = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        own.write_all(b"own").await.unwrap();
        own.shutdown().await.unwrap();
        let mut before = Vec::new();
        loop {
            match self.visits.recv().await.unwrap() {
                visit if visit == "own" => return before,
                visit => before.push(visit),
            }
        }
    }

    fn fill(&self, text: &str, own_address: &str) -> String {
        text.replace("PORT", &self.port.to_string())
            .replace("SELF", own_address)
    }
}

/// An address of this machine that is not loopback, where it has one. Nothing is sent in order to learn it.
fn own_address() -> String {
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    let outwards = probe.connect("192.0.2.1:9").and_then(|()| probe.local_addr());
    outwards.map_or("127.0.0.3".to_owned(), |address| address.ip().to_string())
}

/// A place that gives this answer to whoever comes.
async fn answering(answer: String) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 16 * 1024];
            let _ = stream.read(&mut request).await;
            let text = format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    (url, task)
}

fn with(block: &Value, field: &str, value: &str) -> Value {
    let mut block = block.clone();
    block[field] = value.into();
    block
}

#[tokio::test]
async fn a_trap_hears_who_may_come() {
    let own = own_address();
    let mut asked = Vec::new();
    for url in ["http://127.0.0.1:PORT", "http://localhost:PORT", "http://SELF:PORT"] {
        for (vendor, block, fields) in blocks() {
            for field in fields {
                let (own, block) = (own.clone(), block.clone());
                asked.push(async move {
                    let mut trap = Trap::set(0).await.unwrap();
                    let url = trap.fill(url, &own);
                    // The other place of the vendor is nowhere, so that nobody is called in earnest.
                    let nowhere = "http://127.0.0.1:1".to_owned();
                    let elsewhere = fields.iter().fold(block, |b, f| with(&b, f, &nowhere));
                    let answer = ask(vendor, &with(&elsewhere, field, &url), &[url.clone(), nowhere]).await;
                    assert_eq!(answer, Ok(()));
                    // Huawei's Workspace is called by somebody who has logged in, which fails here.
                    let heard = !trap.visitors().await.is_empty();
                    assert_eq!(
                        heard,
                        fields.len() == 1 || *field == "iamEndpoint",
                        "{url} {vendor} {field}"
                    );
                });
            }
        }
    }
    join_all(asked).await;
}

#[tokio::test]
async fn hostile_endpoints_reach_no_listener() {
    const { assert!(HOSTILE.len() >= 40) };
    let trap = Trap::set(0).await.unwrap();
    let own = own_address();
    let mut further = Vec::new();
    for port in [80, 443] {
        further.extend(Trap::set(port).await);
    }
    let allowed = ["https://vendor.example.com".to_owned()];
    for url in HOSTILE {
        let url = trap.fill(url, &own);
        for (vendor, block, fields) in blocks() {
            for field in fields {
                let elsewhere = fields.iter().fold(block.clone(), |b, f| with(&b, f, &allowed[0]));
                let asked = ask(vendor, &with(&elsewhere, field, &url), &allowed).await;
                let Err(error @ ConnectError::Endpoint { .. }) = asked else {
                    panic!("{url:?} as {vendor}.{field}: {asked:?}");
                };
                assert!(error.to_string().contains(&format!("spec.{vendor}.{field}")), "{error}");
            }
        }
    }
    further.push(trap);
    for mut trap in further {
        assert_eq!(trap.visitors().await, Vec::<String>::new(), "port {}", trap.port);
    }
}

#[tokio::test]
async fn hostile_regions_reach_no_listener() {
    let mut trap = Trap::set(0).await.unwrap();
    for region in REGIONS {
        let region = trap.fill(region, "127.0.0.1");
        for (vendor, block, _) in blocks().into_iter().filter(|(_, block, _)| !block["region"].is_null()) {
            let asked = ask(vendor, &with(&block, "region", &region), &[]).await;
            assert!(asked.is_err(), "{region:?} of {vendor}");
        }
    }
    assert_eq!(trap.visitors().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_an_allowed_place_answers_leads_nowhere() {
    // One after the other they would take minutes: a read that fails is repeated.
    let asked = ANSWERS.iter().map(async |answer| {
        let mut trap = Trap::set(0).await.unwrap();
        let (url, task) = answering(trap.fill(answer, "127.0.0.1")).await;
        let vendors = blocks().map(async |(vendor, block, fields)| {
            let at = fields.iter().fold(block, |b, f| with(&b, f, &url));
            assert_eq!(ask(vendor, &at, std::slice::from_ref(&url)).await, Ok(()));
        });
        join_all(vendors).await;
        task.abort();
        assert_eq!(trap.visitors().await, Vec::<String>::new(), "{answer}");
    });
    join_all(asked).await;
}
