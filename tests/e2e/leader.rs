//! Who leads, and what becomes of the others.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};

use desktop_operator::devenv::install_crds;
use desktop_operator::ops::leader::LEASE;

use crate::harness::{Env, Operator, eventually, gone, object};

fn start(env: &Env) -> Operator {
    Operator::builder(env)
        .arg("--lease-duration=3s")
        .arg("--lease-renew=500ms")
        .start()
}

async fn leads(operator: &mut Operator) -> bool {
    let metrics = operator.metrics().await;
    let value = format!(r#"leader_election_master_status{{name="{LEASE}"}} "#);
    let line = metrics.lines().find_map(|line| line.strip_prefix(&value));
    match line {
        Some("1") => true,
        // Before it stands for election it says nothing.
        Some("0") | None => false,
        other => panic!("{other:?} in\n{metrics}"),
    }
}

/// Waits until an operator leads.
pub async fn until_it_leads(operator: &mut Operator) {
    eventually("it leads", async || {
        if leads(operator).await {
            Ok(())
        } else {
            Err(operator.log())
        }
    })
    .await;
}

async fn until_it_stands_by(operator: &mut Operator) {
    eventually("it stands by", async || {
        let log = operator.log();
        if log.contains("standing by") { Ok(()) } else { Err(log) }
    })
    .await;
}

/// One that leads and one that stands by.
async fn pair(env: &Env) -> (Operator, Operator) {
    let mut leader = start(env);
    until_it_leads(&mut leader).await;
    leader.ready().await;
    let mut standby = start(env);
    until_it_stands_by(&mut standby).await;
    standby.ready().await;
    assert!(!leads(&mut standby).await);
    assert!(leads(&mut leader).await);
    (leader, standby)
}

async fn lease(env: &Env) -> Lease {
    env.api::<Lease>().get(LEASE).await.unwrap()
}

fn holder(lease: &Lease) -> String {
    lease.spec.clone().unwrap().holder_identity.unwrap()
}

fn transitions(lease: &Lease) -> i32 {
    lease.spec.clone().unwrap().lease_transitions.unwrap()
}

#[tokio::test]
async fn one_leads_and_the_next_follows_a_crash() {
    let env = Env::own().await;
    let (mut leader, mut standby) = pair(&env).await;
    let before = lease(&env).await;
    object(&env.api::<Lease>(), LEASE, "is renewed", |l| {
        l.spec.as_ref().unwrap().renew_time > before.spec.as_ref().unwrap().renew_time
    })
    .await;
    assert_eq!(holder(&lease(&env).await), holder(&before));

    leader.kill();
    until_it_leads(&mut standby).await;
    standby.ready().await;
    let after = lease(&env).await;
    assert_ne!(holder(&after), holder(&before));
    assert_eq!(transitions(&after), transitions(&before) + 1);
}

#[tokio::test]
async fn an_orderly_end_gives_the_lease_back() {
    let env = Env::own().await;
    // A Lease so long that the test fails if it must run out.
    let mut leader = Operator::builder(&env).arg("--lease-duration=10m").start();
    until_it_leads(&mut leader).await;
    leader.ready().await;
    let before = lease(&env).await;
    let mut standby = start(&env);
    until_it_stands_by(&mut standby).await;

    leader.terminate();
    assert_eq!(leader.wait().await.code(), Some(0));
    let log = leader.log();
    assert!(log.contains("the Lease is given back"), "{log}");
    until_it_leads(&mut standby).await;
    assert_ne!(holder(&lease(&env).await), holder(&before));
}

#[tokio::test]
async fn without_another_the_lease_is_left_to_nobody() {
    let env = Env::own().await;
    let mut leader = start(&env);
    until_it_leads(&mut leader).await;
    leader.ready().await;
    leader.terminate();
    assert_eq!(leader.wait().await.code(), Some(0));
    assert_eq!(holder(&lease(&env).await), "");
}

#[tokio::test]
async fn a_standby_ends_orderly_too() {
    let env = Env::own().await;
    let (mut leader, mut standby) = pair(&env).await;
    standby.terminate();
    assert_eq!(standby.wait().await.code(), Some(0));
    assert!(leads(&mut leader).await);
}

#[tokio::test]
async fn one_that_slept_through_its_lease_ends() {
    let env = Env::own().await;
    let (mut sleeper, mut other) = pair(&env).await;
    sleeper.pause();
    until_it_leads(&mut other).await;
    let taken = lease(&env).await;

    sleeper.resume();
    let status = sleeper.wait().await;
    assert!(!status.success(), "{status}");
    let log = sleeper.log();
    assert!(log.contains("leadership lost"), "{log}");
    assert!(leads(&mut other).await);
    assert_eq!(holder(&lease(&env).await), holder(&taken));
}

#[tokio::test]
async fn one_whose_lease_is_deleted_ends() {
    let env = Env::own().await;
    let mut leader = start(&env);
    until_it_leads(&mut leader).await;
    env.api::<Lease>()
        .delete(LEASE, &DeleteParams::default())
        .await
        .unwrap();
    let status = leader.wait().await;
    assert!(!status.success(), "{status}");
}

#[tokio::test]
async fn one_that_has_only_just_begun_ends_orderly() {
    let env = Env::own().await;
    let mut leader = start(&env);
    until_it_leads(&mut leader).await;
    leader.terminate();
    assert_eq!(leader.wait().await.code(), Some(0));
    assert_eq!(holder(&lease(&env).await), "");
}

#[tokio::test]
async fn it_waits_for_the_kinds() {
    let env = Env::own().await;
    let kinds = env.all::<CustomResourceDefinition>();
    for kind in kinds.list(&ListParams::default()).await.unwrap() {
        kinds.delete(&kind.name_any(), &DeleteParams::default()).await.unwrap();
        gone(&kinds, &kind.name_any()).await;
    }
    let mut operator = start(&env);
    let url = format!("http://{}/readyz", operator.address().await);
    eventually("it says what it waits for", async || {
        let response = reqwest::get(&url).await.map_err(|e| e.to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|e| e.to_string())?;
        if status == 503 && text.contains("v1alpha1") {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await;
    let mut early = Operator::builder(&env).arg("--leader-elect=false").start();
    early.address().await;
    eventually("it waits too", async || {
        let log = early.log();
        if log.contains("the watch is interrupted") {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
    early.terminate();
    assert_eq!(
        early.wait().await.code(),
        Some(0),
        "without the kinds it ends all the same"
    );

    install_crds(&env.client).await.unwrap();
    operator.ready().await;
}
