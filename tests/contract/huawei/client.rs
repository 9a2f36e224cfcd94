//! A client of a few lines that signs by the book and hides nothing of the answer.

use desktop_operator::sim::{Sim, SimConfig};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::sim_client;

/// The project of the simulator's first account.
pub const PROJECT: &str = "0bec5db98280d2d02fd6c00c2de791ce";

/// An image of the vendor's own.
pub const IMAGE: &str = "cc3bbc0b-9441-461b-b80b-48c52f3aed08";

/// A product that can be had.
pub const PRODUCT: &str = "workspace.x86.ultimate.large2";

/// A client of one simulator.
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
    pub key_id: String,
    pub secret: String,
    pub project: String,
}

/// A simulator in which nothing takes long, and a client of it.
pub async fn start(config: SimConfig) -> (Sim, Client) {
    let sim = Sim::start(config).await.expect("the simulator starts");
    let client = Client::new(&sim, "testid", "testsecret", PROJECT);
    (sim, client)
}

impl Client {
    pub fn new(sim: &Sim, key_id: &str, secret: &str, project: &str) -> Self {
        // The other client's constructor also sets up what HTTPS needs, which reqwest asks for even where it is not used.
        let http = sim_client::Client::new(sim, key_id, secret).http;
        Self {
            http,
            url: sim.url().to_owned(),
            key_id: key_id.to_owned(),
            secret: secret.to_owned(),
            project: project.to_owned(),
        }
    }

    /// Now, as the signature wants it.
    pub fn date(shift_minutes: i64) -> String {
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(shift_minutes);
        now.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// The value of `Authorization` for headers that are signed as they are given, in this order.
    pub fn authorization(&self, method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &str) -> String {
        let date = headers
            .iter()
            .find(|(name, _)| *name == "x-sdk-date")
            .map_or("", |(_, value)| *value);
        let lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let lines = lines.concat();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let hash = hex::encode(Sha256::digest(body));
        let canonical = format!("{method}\n{path}/\n{query}\n{lines}\n{names}\n{hash}");
        let text = format!("SDK-HMAC-SHA256\n{date}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("any length");
        mac.update(text.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        format!(
            "SDK-HMAC-SHA256 Access={}, SignedHeaders={names}, Signature={signature}",
            self.key_id
        )
    }

    /// Sends a signed request; the query must be sorted and encoded already.
    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = format!("/v2/{}/{path}", self.project);
        let host = self.url.trim_start_matches("http://");
        let date = Self::date(0);
        let text = body.map(Value::to_string).unwrap_or_default();
        let headers = [("host", host), ("x-sdk-date", date.as_str())];
        let authorization = self.authorization(method, &path, query, &headers, &text);
        let question = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{path}{question}{query}", self.url);
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http
            .request(method, url)
            .header("x-sdk-date", date)
            .header("authorization", authorization)
            .body(text)
            .send()
            .await
            .expect("an answer")
    }

    /// A read that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.send("GET", path, None).await;
        let status = response.status();
        let body: Value = response.json().await.expect("JSON");
        assert!(status.is_success(), "{path}: {body}");
        body
    }

    /// A change that must succeed; returns its status and its body, if it has one.
    pub async fn change(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let sent = (!body.is_null()).then_some(body);
        let response = self.send(method, path, sent).await;
        let status = response.status();
        let text = response.text().await.expect("a text");
        assert!(status.is_success(), "{method} {path}: {text}");
        (status.as_u16(), serde_json::from_str(&text).unwrap_or_default())
    }

    /// A POST that must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.change("POST", path, &body).await.1
    }

    /// A request that must be refused; returns status and code.
    pub async fn refused(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let sent = (!body.is_null()).then_some(body);
        refusal(self.send(method, path, sent).await).await
    }

    /// Makes a desktop and waits until somebody can log on to it.
    pub async fn desktop(&self, sim: &Sim, name: &str) -> String {
        self.post("desktops", desktop_body(name)).await;
        let ready = |world: &desktop_operator::sim::World| {
            world.huawei.desktop(name).is_some_and(|desktop| {
                (desktop.login_status.as_str(), desktop.task_status.as_str()) == ("REGISTERED", "")
            })
        };
        sim.wait_for(ready).await.unwrap();
        sim.read(|world| world.huawei.desktop(name).expect("it is there").id.clone())
    }

    /// Asks for a token with a name and a password.
    pub async fn token(&self, name: &str, password: &str, scope: Value) -> Response {
        let user = json!({"name": name, "password": password, "domain": {"name": "office"}});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": scope},
        }});
        self.http
            .post(format!("{}/v3/auth/tokens", self.url))
            .header("content-type", "application/json;charset=utf8")
            .body(body.to_string())
            .send()
            .await
            .expect("an answer")
    }
}

/// What makes a usual desktop.
pub fn desktop_body(name: &str) -> Value {
    json!({
        "desktop_type": "DEDICATED",
        "product_id": PRODUCT,
        "image_type": "gold",
        "image_id": IMAGE,
        "root_volume": {"type": "SAS", "size": 80},
        "size": 1,
        "desktop_name": name,
        "tags": [{"key": "owner", "value": "uid-1"}],
    })
}

/// What makes a usual pool.
pub fn pool_body(name: &str, size: u32) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "size": size,
        "product_id": PRODUCT,
        "image_type": "gold",
        "image_id": IMAGE,
        "root_volume": {"type": "SAS", "size": 80},
        "subnet_ids": ["subnet-1"],
    })
}

/// Status and code of a refusal in any of the vendor's forms.
pub async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("x-request-id"), "no request id");
    let body: Value = response.json().await.expect("JSON");
    let code = [&body["error_code"], &body["errorCode"], &body["error"]["code"]]
        .into_iter()
        .find(|code| !code.is_null())
        .unwrap_or_else(|| panic!("no code in {body}"));
    (status, code.as_str().map_or_else(|| code.to_string(), str::to_owned))
}
