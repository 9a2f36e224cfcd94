//! What a running operator counts: everything the alerts and the dashboard ask for, and nothing by object.

use std::collections::BTreeSet;

use desktop_operator::api::Desktop;
use desktop_operator::sim::GwsEdit;
use serde_json::json;

use crate::harness::eventually;
use crate::helm;
use crate::world::World;

/// Every label there is. None of them names an object that is not an account.
const LABELS: [&str; 10] = [
    "account",
    "action",
    "controller",
    "field",
    "kind",
    "le",
    "name",
    "outcome",
    "result",
    "version",
];

/// The metrics that a file asks for.
fn asked_for(file: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(helm::root().join(file)).unwrap();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = ["controller_runtime_", "leader_election_", "desktop_operator_"];
    let metrics = words.filter(|word| ours.iter().any(|start| word.starts_with(start)));
    metrics.map(str::to_owned).collect()
}

/// Name and labels of every series.
fn series(exposed: &str) -> Vec<(String, Vec<(String, String)>)> {
    let lines = exposed.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, _) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap();
            // No value has a comma or a quote in it.
            let labels = labels.split(',').filter(|label| !label.is_empty()).map(|label| {
                let (key, value) = label.split_once('=').unwrap();
                (key.to_owned(), value.trim_matches('"').to_owned())
            });
            (name.to_owned(), labels.collect())
        })
        .collect()
}

#[tokio::test]
async fn what_is_asked_for_is_there_and_no_object_is_named() {
    let mut world = World::start_with(desktop_operator::sim::SimConfig::fast(4.0), |operator| {
        operator.arg("--leader-elect=true").arg("--concurrency=7")
    })
    .await;
    // So slow that calls must wait.
    world
        .env
        .apply(&world.provider().replace(
            r#""burst":500,"requestsPerSecond":500"#,
            r#""burst":1,"requestsPerSecond":20"#,
        ))
        .await;
    world.office().await;
    let alice = json!({"displayName": "the-desk-of-alice", "user": {"name": "alice-liddell", "uid": "4242"}});
    world.ready_desktop("alice", alice).await;
    let id = world.id("alice").await;
    world.edit(GwsEdit::StopInstance { instance: id.clone() });
    world.event("alice", "DriftDetected").await;
    world.ready::<Desktop>("alice").await;

    let files = ["config/prometheus/rules.yaml", "config/grafana/desktop-operator.json"];
    let mut missing: BTreeSet<String> = files.into_iter().flat_map(asked_for).collect();
    assert!(missing.len() > 8, "{missing:?}");
    let exposed = eventually("every metric that is asked for is there", async || {
        let exposed = world.operator.metrics().await;
        let there: BTreeSet<String> = series(&exposed).into_iter().map(|(name, _)| name).collect();
        missing.retain(|name| !there.contains(name));
        if missing.is_empty() {
            Ok(exposed)
        } else {
            Err(format!("{missing:?}\nin\n{exposed}"))
        }
    })
    .await;
    for line in [
        r#"leader_election_master_status{name="desktop-operator"} 1"#,
        r#"controller_runtime_max_concurrent_reconciles{controller="desktop"} 7"#,
        r#"controller_runtime_max_concurrent_reconciles{controller="desktopcluster"} 7"#,
        r#"controller_runtime_max_concurrent_reconciles{controller="desktopprovider"} 7"#,
        r#"controller_runtime_reconcile_panics_total{controller="desktop"} 0"#,
        r#"desktop_operator_time_to_ready_seconds_count{kind="Desktop"} 1"#,
        r#"desktop_operator_time_to_ready_seconds_count{kind="DesktopCluster"} 1"#,
    ] {
        assert!(exposed.lines().any(|l| l == line), "{line} is not in\n{exposed}");
    }

    let allowed = BTreeSet::from(LABELS);
    for (name, labels) in series(&exposed) {
        for (label, value) in &labels {
            assert!(allowed.contains(label.as_str()), "{name} has a label {label}");
            let must = match label.as_str() {
                "account" => Some("acme"),
                "name" => Some("desktop-operator"),
                _ => None,
            };
            assert!(must.is_none_or(|must| must == value), "{name}: {label} is {value}");
        }
    }
    let office = world.get::<desktop_operator::api::DesktopCluster>("office").await;
    let office = office.status.unwrap().id.unwrap();
    for object in ["alice", "liddell", "4242", "office", &id, &office, &world.env.namespace] {
        assert!(!exposed.contains(object), "{object} is named in\n{exposed}");
    }
}
