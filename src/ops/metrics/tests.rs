//! What is written at `/metrics`.

use std::time::Duration;

use super::Metrics;
use crate::http::observe::CallObserver;

const SECOND: Duration = Duration::from_secs(1);

/// Every family once, with one series.
fn filled() -> String {
    let metrics = Metrics::new();
    metrics.controller_started("desktop", 32);
    metrics.reconcile_started("desktop");
    metrics.reconcile_started("desktop");
    metrics.reconcile_started("desktop");
    metrics.reconcile_ended("desktop", "error", SECOND);
    metrics.reconcile_ended("desktop", "panic", SECOND);
    metrics.leader("desktop-operator", true);
    metrics.called("acme", "ListThings", "ok", SECOND);
    metrics.throttled("acme", Duration::from_millis(1500));
    metrics.became_ready("Desktop", SECOND);
    metrics.drift_healed("Desktop", "flavor");
    metrics.orphans("acme", "c-1", Some(2));
    metrics.encode()
}

#[test]
fn every_family_is_there_once_under_its_name() {
    let text = filled();
    for (name, kind) in [
        ("controller_runtime_reconcile", "counter"),
        ("controller_runtime_reconcile_errors", "counter"),
        ("controller_runtime_reconcile_panics", "counter"),
        ("controller_runtime_reconcile_time_seconds", "histogram"),
        ("controller_runtime_active_workers", "gauge"),
        ("controller_runtime_max_concurrent_reconciles", "gauge"),
        ("leader_election_master_status", "gauge"),
        ("desktop_operator_vendor_requests", "counter"),
        ("desktop_operator_vendor_request_seconds", "histogram"),
        ("desktop_operator_throttled_seconds", "counter"),
        ("desktop_operator_time_to_ready_seconds", "histogram"),
        ("desktop_operator_drift_healed", "counter"),
        ("desktop_operator_pool_removals", "counter"),
        ("desktop_operator_rollouts_halted", "counter"),
        ("desktop_operator_orphans", "gauge"),
        ("desktop_operator_build", "info"),
    ] {
        let line = format!("# TYPE {name} {kind}");
        assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{line}\n{text}");
    }
    assert_eq!(text.matches("# TYPE ").count(), 16, "{text}");
    assert!(!text.contains("_total_total"), "{text}");
}

#[test]
fn every_series_is_there_once_with_its_labels() {
    let text = filled();
    for line in [
        r#"controller_runtime_reconcile_total{controller="desktop",result="error"} 1"#,
        r#"controller_runtime_reconcile_total{controller="desktop",result="panic"} 1"#,
        r#"controller_runtime_reconcile_errors_total{controller="desktop"} 2"#,
        r#"controller_runtime_reconcile_panics_total{controller="desktop"} 1"#,
        r#"controller_runtime_reconcile_time_seconds_count{controller="desktop"} 2"#,
        r#"controller_runtime_active_workers{controller="desktop"} 1"#,
        r#"controller_runtime_max_concurrent_reconciles{controller="desktop"} 32"#,
        r#"leader_election_master_status{name="desktop-operator"} 1"#,
        r#"desktop_operator_vendor_requests_total{account="acme",action="ListThings",outcome="ok"} 1"#,
        r#"desktop_operator_vendor_request_seconds_count{action="ListThings"} 1"#,
        r#"desktop_operator_throttled_seconds_total{account="acme"} 1.5"#,
        r#"desktop_operator_time_to_ready_seconds_count{kind="Desktop"} 1"#,
        r#"desktop_operator_drift_healed_total{kind="Desktop",field="flavor"} 1"#,
        r#"desktop_operator_orphans{account="acme"} 2"#,
        concat!(
            r#"desktop_operator_build_info{version=""#,
            env!("CARGO_PKG_VERSION"),
            r#""} 1"#
        ),
    ] {
        assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{line}\n{text}");
    }
}

#[test]
fn a_controller_counts_from_zero() {
    let metrics = Metrics::new();
    metrics.controller_started("desktop", 32);
    let text = metrics.encode();
    for line in [
        r#"controller_runtime_reconcile_total{controller="desktop",result="success"} 0"#,
        r#"controller_runtime_reconcile_total{controller="desktop",result="panic"} 0"#,
        r#"controller_runtime_reconcile_errors_total{controller="desktop"} 0"#,
        r#"controller_runtime_reconcile_panics_total{controller="desktop"} 0"#,
        r#"controller_runtime_reconcile_time_seconds_count{controller="desktop"} 0"#,
        r#"controller_runtime_active_workers{controller="desktop"} 0"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[test]
fn orphans_are_summed_up_by_account_as_long_as_it_has_a_cluster() {
    let metrics = Metrics::new();
    let of = |account: &str| -> Option<String> {
        let start = format!(r#"desktop_operator_orphans{{account="{account}"}} "#);
        let text = metrics.encode();
        text.lines().find_map(|l| l.strip_prefix(&start)).map(str::to_owned)
    };
    metrics.orphans("acme", "c-1", Some(2));
    metrics.orphans("acme", "c-2", Some(3));
    metrics.orphans("other", "c-1", Some(7));
    assert_eq!(of("acme").as_deref(), Some("5"));
    metrics.orphans("acme", "c-2", None);
    assert_eq!(of("acme").as_deref(), Some("2"));
    metrics.orphans("acme", "c-1", Some(0));
    assert_eq!(of("acme").as_deref(), Some("0"));
    metrics.orphans("acme", "c-1", None);
    assert_eq!(of("acme"), None);
    assert_eq!(of("other").as_deref(), Some("7"));
}
