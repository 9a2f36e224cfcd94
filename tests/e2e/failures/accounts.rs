//! Accounts that cannot be used.

use std::net::{SocketAddr, TcpListener};

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider};
use desktop_operator::sim::{Account, AccountEdit, Fault, Sim, SimConfig};
use serde_json::{Value, json};

use super::{account, holds, put_secret, right};
use crate::world::{Seen, World};

/// A port on which nobody listens.
pub(super) fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Name, whether only a human can help, the reason, and what the message must hold.
const CASES: [(&str, bool, &str, &[&str]); 7] = [
    (
        "no-secret",
        false,
        "SecretNotFound",
        &["spec.credentialsSecretRef", "no-secret", "Create it"],
    ),
    (
        "no-key",
        true,
        "CredentialsInvalid",
        &["spec.credentialsSecretRef", "accessKeySecret", "Add it"],
    ),
    (
        "wrong-key",
        true,
        "CredentialsInvalid",
        &["spec.credentialsSecretRef", "Secret", "Next attempt after"],
    ),
    (
        "not-allowed",
        true,
        "EndpointNotAllowed",
        &["spec.gws.endpoint", "--allow-endpoint"],
    ),
    (
        "closed",
        false,
        "VendorUnavailable",
        &["not sent", "tried again", "Next attempt after"],
    ),
    (
        "html",
        false,
        "VendorUnavailable",
        &["without a readable answer", "Next attempt after"],
    ),
    (
        "denied",
        true,
        "AccessDenied",
        &["Grant the account", "Next attempt after"],
    ),
];
/// One account for each row of the table.
async fn broken_accounts(world: &World, nobody: SocketAddr) {
    let none = || json!({});
    account(world, "no-secret", Value::Null, none()).await;
    account(
        world,
        "no-key",
        json!({"accessKeyId": "no-key", "accesskeysecret": "right"}),
        none(),
    )
    .await;
    account(
        world,
        "wrong-key",
        json!({"accessKeyId": "wrong-key", "accessKeySecret": "wrong"}),
        none(),
    )
    .await;
    let elsewhere = json!({"endpoint": "http://192.0.2.1:8080"});
    account(world, "not-allowed", right("not-allowed"), elsewhere).await;
    account(
        world,
        "closed",
        right("closed"),
        json!({"endpoint": format!("http://{nobody}")}),
    )
    .await;
    world
        .sim
        .fault(Fault::on("DescribeAvailableResource").by("html").always().html());
    account(world, "html", right("html"), none()).await;
    let denied = Fault::on("*")
        .by("denied")
        .always()
        .code(403, "Forbidden.RAM", "User not authorized.");
    world.sim.fault(denied);
    account(world, "denied", right("denied"), none()).await;
}

#[tokio::test]
async fn an_account_that_cannot_be_used_says_why_and_heals() {
    let nobody = closed_port();
    let world = World::start_with(SimConfig::fast(4.0), |o| o.allow_endpoint(&format!("http://{nobody}"))).await;
    broken_accounts(&world, nobody).await;
    for (name, stalled, reason, words) in CASES {
        let seen: DesktopProvider = world.reason(name, "Ready", reason).await;
        assert!(seen.is("Ready", "False"), "{name}");
        assert_eq!(seen.condition("Stalled").is_some(), stalled, "{name}");
        assert_eq!(seen.condition("Reconciling").is_some(), !stalled, "{name}");
        holds(&seen.says("Ready"), words);
    }
    for name in ["no-key", "wrong-key", "not-allowed"] {
        let reason = CASES.iter().find(|c| c.0 == name).unwrap().2;
        world.event(name, reason).await;
    }

    // Nobody else calls through an account that does not work: the provider alone finds out when it does.
    world
        .cluster("wrong", json!({"providerRef": {"name": "wrong-key"}}))
        .await;
    world
        .cluster("closed", json!({"providerRef": {"name": "closed"}}))
        .await;
    for name in ["wrong", "closed"] {
        let cluster: DesktopCluster = world.reason(name, "Ready", "ProviderNotReady").await;
        holds(&cluster.says("Ready"), &["DesktopProvider", "Next attempt after"]);
        assert!(cluster.condition("Stalled").is_none());
    }

    put_secret(&world, "no-secret", right("no-secret")).await;
    put_secret(&world, "no-key", right("no-key")).await;
    put_secret(&world, "wrong-key", right("wrong-key")).await;
    let gws = json!({"spec": {"gws": {"endpoint": world.sim.url()}}});
    world.patch::<DesktopProvider>("not-allowed", gws).await;
    world.sim.clear_faults();
    let config = SimConfig {
        listen: nobody,
        accounts: vec![Account::new("closed", "right")],
        ..SimConfig::fast(4.0)
    };
    let late = Sim::start(config).await.unwrap();
    for (name, ..) in CASES {
        world.ready::<DesktopProvider>(name).await;
    }
    for name in ["wrong", "closed"] {
        world.ready::<DesktopCluster>(name).await;
    }
    let before_it_worked = late.ledger().entries().next().unwrap().action.clone();
    assert_eq!(before_it_worked, "CreateServiceLinkedRole");
}

#[tokio::test]
async fn credentials_that_stop_working_stop_all_calls_but_the_providers_own() {
    let world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    world.edit(AccountEdit::SetKeyActive {
        key_id: "testid".into(),
        active: false,
    });
    world
        .reason::<DesktopProvider>("acme", "Stalled", "CredentialsInvalid")
        .await;
    let alice: Desktop = world.reason("alice", "Ready", "ProviderNotConnected").await;
    assert!(alice.is("Ready", "Unknown"));
    holds(
        &alice.says("Ready"),
        &["DesktopProvider acme", "spec.credentialsSecretRef"],
    );
    let office: DesktopCluster = world.reason("office", "Ready", "ProviderNotReady").await;
    holds(
        &office.says("Ready"),
        &["DesktopProvider acme", "spec.credentialsSecretRef"],
    );
    let before = world.ledger().position();
    let check = "DescribeAvailableResource";
    world.calls_since(before, check, 2).await;
    let ledger = world.ledger();
    let others: Vec<_> = ledger
        .since(before)
        .filter(|e| e.action != check)
        .map(|e| &e.action)
        .collect();
    assert!(others.is_empty(), "{others:?}");
    world.edit(AccountEdit::SetKeyActive {
        key_id: "testid".into(),
        active: true,
    });
    world.ready::<Desktop>("alice").await;
    world.ready::<DesktopCluster>("office").await;
    world.ready::<DesktopProvider>("acme").await;
    assert_eq!((world.committed("CreateInstance"), world.instances()), (1, 1));
}
