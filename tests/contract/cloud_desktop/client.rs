//! The bare client, for CloudDesktop.

use desktop_operator::sim::{Sim, SimConfig};
use serde_json::Value;

use crate::sim_client::{self, Params, encoded, refusal, text};

/// A client that hides nothing of the answer.
pub struct Client(pub sim_client::Client);

/// A simulator in which nothing takes long, and a client of it.
pub async fn start(config: SimConfig) -> (Sim, Client) {
    let (sim, client) = sim_client::start(config).await;
    (sim, Client(client))
}

impl Client {
    /// The system parameters of an action and its own; not signed yet.
    pub fn params(&self, action: &str, own: &[(&str, &str)]) -> Params {
        let mut params = self.0.params(action, own);
        params.insert("Version".to_owned(), "2017-03-01".to_owned());
        params
    }

    /// Sends a signed POST with everything in the form.
    pub async fn send(&self, action: &str, own: &[(&str, &str)]) -> reqwest::Response {
        self.post(&self.0.sign("POST", self.params(action, own))).await
    }

    /// Sends a POST as it is.
    pub async fn post(&self, params: &Params) -> reqwest::Response {
        let request = self
            .0
            .http
            .post(format!("{}/", self.0.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded(params));
        request.send().await.expect("an answer")
    }

    /// Calls an action that must succeed.
    pub async fn call(&self, action: &str, own: &[(&str, &str)]) -> Value {
        let response = self.send(action, own).await;
        let status = response.status();
        let body: Value = response.json().await.expect("JSON");
        assert!(status.is_success() && body.get("Code").is_none(), "{action}: {body}");
        body
    }

    /// Calls an action that must be refused; returns status and code.
    pub async fn refused(&self, action: &str, own: &[(&str, &str)]) -> (u16, String) {
        refusal(self.send(action, own).await).await
    }

    /// Makes a desktop and waits until it runs.
    pub async fn desktop(&self, sim: &Sim, more: &[(&str, &str)]) -> String {
        let id = text(
            &self.call("CreateDesktop", &[&usual()[..], more].concat()).await,
            "DesktopId",
        );
        sim.wait_for(|world| world.cloud_desktop.desktops[&id].status == "Running")
            .await
            .unwrap();
        id
    }
}

/// Parameters of a usual desktop.
pub fn usual() -> [(&'static str, &'static str); 9] {
    [
        ("TypeItemId", "desktop.n1.small"),
        ("ChargeType", "POSTPAY"),
        ("VpcId", "vpc-1"),
        ("ZoneId", "cn-hangzhou-h"),
        ("VSwitchId", "vsw-1"),
        ("ImageId", "img-win2019"),
        ("ImageType", "default"),
        ("UserName", "alice"),
        ("UserGroup", "Users"),
    ]
}

/// Parameters of a usual desktop with one of them changed.
pub fn usual_but(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let others = usual().into_iter().filter(|(other, _)| *other != name);
    others.chain([(name, value)]).collect()
}

/// Parameters of a usual desktop without one of them.
pub fn usual_without(name: &str) -> Vec<(&'static str, &'static str)> {
    usual().into_iter().filter(|(other, _)| *other != name).collect()
}
