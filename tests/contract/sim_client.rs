//! A client of a few lines that signs by the book and hides nothing of the answer.

use std::collections::BTreeMap;
use std::sync::Once;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desktop_operator::sim::{Sim, SimConfig};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha1::Sha1;
use uuid::Uuid;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Parameters of a request, by name.
pub type Params = BTreeMap<String, String>;

/// A client of one simulator.
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
    pub key_id: String,
    pub secret: String,
}

/// A simulator in which nothing takes long, and a client of it.
pub async fn start(config: SimConfig) -> (Sim, Client) {
    let sim = Sim::start(config).await.expect("the simulator starts");
    let client = Client::new(&sim, "testid", "testsecret");
    (sim, client)
}

/// Declared types and little waiting.
pub fn strict() -> SimConfig {
    SimConfig::fast(20.0).strict()
}

impl Client {
    pub fn new(sim: &Sim, key_id: &str, secret: &str) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            rustls::crypto::ring::default_provider()
                .install_default()
                .expect("no other provider");
        });
        Self {
            http: reqwest::Client::new(),
            url: sim.url().to_owned(),
            key_id: key_id.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// The system parameters of an action and its own; not signed yet.
    pub fn params(&self, action: &str, own: &[(&str, &str)]) -> Params {
        let nonce = Uuid::new_v4().to_string();
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let system = [
            ("Action", action),
            ("Version", "2019-06-18"),
            ("Format", "JSON"),
            ("AccessKeyId", &self.key_id),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Timestamp", &now),
        ];
        system
            .iter()
            .chain(own)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Adds the signature.
    pub fn sign(&self, method: &str, mut params: Params) -> Params {
        let query = encoded(&params);
        let text = format!("{method}&%2F&{}", utf8_percent_encode(&query, RESERVED));
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{}&", self.secret).as_bytes()).expect("any length");
        mac.update(text.as_bytes());
        params.insert("Signature".to_owned(), STANDARD.encode(mac.finalize().into_bytes()));
        params
    }

    /// Sends a signed GET.
    pub async fn send(&self, action: &str, own: &[(&str, &str)]) -> reqwest::Result<reqwest::Response> {
        self.get(&self.sign("GET", self.params(action, own))).await
    }

    /// Sends a GET as it is.
    pub async fn get(&self, params: &Params) -> reqwest::Result<reqwest::Response> {
        self.http.get(format!("{}/?{}", self.url, encoded(params))).send().await
    }

    /// Calls an action that must succeed.
    pub async fn call(&self, action: &str, own: &[(&str, &str)]) -> Value {
        let response = self.send(action, own).await.expect("an answer");
        let status = response.status();
        let body: Value = response.json().await.expect("JSON");
        assert!(status.is_success(), "{action}: {body}");
        body
    }

    /// Calls an action that must be refused; returns status and code.
    pub async fn refused(&self, action: &str, own: &[(&str, &str)]) -> (u16, String) {
        refusal(self.send(action, own).await.expect("an answer")).await
    }

    /// Makes a cluster and waits until it runs.
    pub async fn cluster(&self, sim: &Sim) -> String {
        self.call("CreateServiceLinkedRole", &[]).await;
        let params = [("ClusterType", "gws.s1.standard"), ("VpcId", "vpc-1")];
        let id = text(&self.call("CreateCluster", &params).await, "ClusterId");
        sim.wait_for(|world| world.gws.clusters[&id].status == "running")
            .await
            .unwrap();
        id
    }

    /// Makes a desktop and waits until it is registered.
    pub async fn desktop(&self, sim: &Sim, cluster: &str, name: &str) -> String {
        let created = self
            .call("CreateInstance", &as_refs(&desktop_params(cluster, name)))
            .await;
        let id = text(&created, "InstanceId");
        sim.wait_for(|world| world.gws.instances[&id].status == "Registered")
            .await
            .unwrap();
        id
    }
}

/// Parameters that make a usual desktop.
pub fn desktop_params(cluster: &str, name: &str) -> Params {
    [
        ("ClusterId", cluster),
        ("ImageId", "m-windows2019"),
        ("InstanceType", "ecs.g6.large"),
        ("SystemDiskCategory", "cloud_ssd"),
        ("SystemDiskSize", "80"),
        ("WorkMode", "Desktop"),
        ("AllocatePublicAddress", "false"),
        ("Name", name),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Parameters as [`Client::call`] takes them.
pub fn as_refs(params: &Params) -> Vec<(&str, &str)> {
    params
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Parameters as a query or a form.
pub fn encoded(params: &Params) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let pairs: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// Status and code of a refusal in the vendor's own form.
pub async fn refusal(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.expect("JSON");
    for field in ["RequestId", "HostId", "Code", "Message", "Recommend"] {
        assert!(
            body[field].as_str().is_some_and(|text| !text.is_empty()),
            "no {field} in {body}"
        );
    }
    (status, text(&body, "Code"))
}

/// A text field that must be there.
pub fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {value}"))
        .to_owned()
}
