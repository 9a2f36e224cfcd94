//! A client of a few lines that signs by the book and hides nothing of the answer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desktop_operator::sim::capital_online::{Edition, Net};
use desktop_operator::sim::{AccountEdit, Sim, SimConfig};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha1::Sha1;
use uuid::Uuid;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A second at speed 1 lasts this many milliseconds in a world that stands nearly still.
pub const SECOND: u64 = 1_000_000;

/// Site, product and image that exist from the beginning.
pub const SITE: &str = "51735a10-0000-4000-8000-000000000001";
pub const OTHER_SITE: &str = "51735a10-0000-4000-8000-000000000002";
pub const PRODUCT: &str = "900d5a10-0000-4000-8000-000000000001";
pub const SMALL: &str = "900d5a10-0000-4000-8000-000000000002";
pub const IMAGE: &str = "1a6e5a10-0000-4000-8000-000000000001";
pub const OTHER_IMAGE: &str = "1a6e5a10-0000-4000-8000-000000000002";
pub const OFFICE_IMAGE: &str = "1a6e5a10-0000-4000-8000-000000000003";

/// Parameters in a query.
pub type Query = BTreeMap<String, String>;

/// A client of one simulator.
pub struct Client {
    pub http: reqwest::Client,
    pub url: String,
    pub key_id: String,
    pub secret: String,
}

/// A simulator of an edition in which nothing takes long, and a client of it.
pub async fn quick(edition: Edition) -> (Sim, Client) {
    begin(SimConfig {
        capital_online: edition,
        ..SimConfig::fast(20.0).strict()
    })
    .await
}

/// A simulator in which time stands nearly still and is moved by hand, so that no state can be missed.
pub async fn still(edition: Edition) -> (Sim, Client) {
    begin(SimConfig {
        capital_online: edition,
        ..SimConfig::fast(0.001).strict()
    })
    .await
}

pub async fn begin(config: SimConfig) -> (Sim, Client) {
    let sim = Sim::start(config).await.expect("the simulator starts");
    let client = Client::new(&sim, "testid", "testsecret");
    (sim, client)
}

pub fn pass(sim: &Sim, milliseconds: u64) {
    sim.edit(AccountEdit::Advance { milliseconds }).unwrap();
}

/// A request's own number.
pub fn uuid() -> String {
    Uuid::new_v4().to_string()
}

/// The network that the account has from the beginning.
pub fn own_net(sim: &Sim) -> Net {
    sim.read(|world| {
        let mut nets = world.capital_online.nets.values();
        nets.find(|net| net.custom).expect("a network").clone()
    })
}

impl Client {
    pub fn new(sim: &Sim, key_id: &str, secret: &str) -> Self {
        Self {
            http: crate::sim_client::Client::new(sim, key_id, secret).http,
            url: sim.url().to_owned(),
            key_id: key_id.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// The system parameters of an action and more; not signed yet.
    pub fn query(&self, action: &str, own: &[(&str, &str)]) -> Query {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let system = [
            ("Action", action),
            ("Version", "2019-08-08"),
            ("AccessKeyId", &self.key_id),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &uuid()),
            ("Timestamp", &now),
        ];
        system
            .iter()
            .chain(own)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Adds the signature: the key is the bare secret.
    pub fn sign(&self, method: &str, mut query: Query) -> Query {
        let text = format!("{method}&%2F&{}", utf8_percent_encode(&encoded(&query), RESERVED));
        let mut mac = Hmac::<Sha1>::new_from_slice(self.secret.as_bytes()).expect("any length");
        mac.update(text.as_bytes());
        query.insert("Signature".to_owned(), STANDARD.encode(mac.finalize().into_bytes()));
        query
    }

    /// Sends a GET as it is.
    pub async fn get(&self, query: &Query) -> reqwest::Result<reqwest::Response> {
        self.http
            .get(format!("{}/gcw?{}", self.url, encoded(query)))
            .send()
            .await
    }

    /// Sends a POST as it is.
    pub async fn post(&self, query: &Query, body: &Value) -> reqwest::Result<reqwest::Response> {
        self.http
            .post(format!("{}/gcw/?{}", self.url, encoded(query)))
            .json(body)
            .send()
            .await
    }

    /// Sends an action as the document says: reads by GET, and RebuildVm; the rest by POST.
    pub async fn send(&self, action: &str, own: &Value) -> reqwest::Result<reqwest::Response> {
        let get = action.starts_with("Get")
            || action == "RebuildVm"
            || (action.starts_with("Query") && action != "QueryVmPrice");
        if get {
            let texts: Vec<(&str, String)> = own
                .as_object()
                .expect("parameters")
                .iter()
                .map(|(name, value)| {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    (name.as_str(), text)
                })
                .collect();
            let pairs: Vec<(&str, &str)> = texts.iter().map(|(name, value)| (*name, value.as_str())).collect();
            self.get(&self.sign("GET", self.query(action, &pairs))).await
        } else {
            self.post(&self.sign("POST", self.query(action, &[])), own).await
        }
    }

    /// Calls an action that must succeed; returns its data.
    pub async fn call(&self, action: &str, own: Value) -> Value {
        let body = self.whole(action, own).await;
        let (code, data) = if body.get("Code").is_some() {
            ("Code", "Data")
        } else {
            ("code", "data")
        };
        assert_eq!(body[code], "Success", "{action}: {body}");
        body[data].clone()
    }

    /// The whole answer to a call, whatever it says.
    pub async fn whole(&self, action: &str, mut own: Value) -> Value {
        if own.get("requestId").is_none() {
            own["requestId"] = json!(uuid());
        }
        let response = self.send(action, &own).await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// Calls an action that must be refused by the service; returns the code.
    pub async fn refused(&self, action: &str, own: Value) -> String {
        let body = self.whole(action, own).await;
        assert!(body["Message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        assert_eq!(body["Data"], Value::Null);
        body["Code"].as_str().expect("a code").to_owned()
    }

    /// Status of a desktop.
    pub async fn status(&self, vm: &str) -> String {
        let data = self.call("QueryVm", json!({"vmId": vm})).await;
        data["status"].as_str().expect("a status").to_owned()
    }

    /// Makes a desktop in the account's own network.
    pub async fn create(&self, sim: &Sim, name: &str) -> String {
        let data = self.call("CreateVm", vm_params(sim, name)).await;
        data["vmIds"][0].as_str().expect("an id").to_owned()
    }
}

/// Parameters that make a usual desktop, numbers as text.
pub fn vm_params(sim: &Sim, name: &str) -> Value {
    let net = own_net(sim);
    let mut params = json!({
        "siteId": SITE,
        "productId": PRODUCT,
        "imageId": IMAGE,
        "name": name,
        "num": "1",
        "billCycle": "minute",
        "qos": "5",
        "vpcId": net.id,
        "subnetNetId": net.subnets[0].id,
    });
    if let Some(gateway) = net.gateways.first() {
        params["vGatewayNetId"] = json!(gateway.id);
        params["vGatewayConfId"] = json!(gateway.line.expect("a line").to_string());
    }
    params
}

/// As [`vm_params`], with other parameters; those that are null are left out.
pub fn vm_params_with(sim: &Sim, own: &Value) -> Value {
    let mut params = vm_params(sim, "a");
    for (name, value) in own.as_object().expect("parameters") {
        params[name.as_str()] = value.clone();
    }
    params
        .as_object_mut()
        .expect("parameters")
        .retain(|_, value| !value.is_null());
    params
}

/// Parameters as a query.
pub fn encoded(query: &Query) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}
