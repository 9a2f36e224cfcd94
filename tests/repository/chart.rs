//! The Helm chart: it lints, renders, refuses what it does not know, and its copies are current.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::helm;

const KINDS: [&str; 5] = [
    "desktopclusters",
    "desktopimages",
    "desktoppools",
    "desktopproviders",
    "desktops",
];

fn values_files() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(helm::root().join("tests/data/chart")).unwrap();
    folder.map(|entry| entry.unwrap().path()).collect()
}

fn render(args: &[&str]) -> Vec<Value> {
    documents(&helm::template("test", "desktops", args))
}

fn render_file(name: &str) -> Vec<Value> {
    let path = helm::root().join("tests/data/chart").join(name);
    render(&["--values", path.to_str().unwrap()])
}

fn documents(yaml: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\nin\n{yaml}"));
    all.into_iter().filter(|document| !document.is_null()).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn one<'a>(objects: &'a [Value], kind: &'a str) -> &'a Value {
    let found: Vec<&Value> = of_kind(objects, kind).collect();
    assert_eq!(found.len(), 1, "objects of kind {kind}");
    found[0]
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

#[test]
fn it_lints_with_all_values() {
    let home = tempfile::tempdir().unwrap();
    for values in values_files() {
        let output = helm::command(home.path())
            .args(["lint", "--strict", "--values"])
            .arg(&values)
            .arg(helm::chart())
            .output()
            .unwrap();
        helm::answer(&output).unwrap_or_else(|error| panic!("{}: {error}", values.display()));
    }
}

#[test]
fn everything_that_can_be_set_is_described_by_the_schema() {
    let schema: Value = read_json("values.schema.json");
    let values: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(helm::chart().join("values.yaml")).unwrap()).unwrap();
    let keys = |value: &Value| -> BTreeSet<String> { value.as_object().unwrap().keys().cloned().collect() };
    let mut described = keys(&schema["properties"]);
    assert!(described.remove("global"));
    assert_eq!(described, keys(&values));
    for (name, part) in schema["properties"].as_object().unwrap() {
        if part.get("properties").is_some() {
            assert_eq!(part["additionalProperties"], false, "{name} is open");
            assert_eq!(keys(&part["properties"]), keys(&values[name]), "{name}");
        }
    }
}

#[test]
fn unknown_and_wrong_values_are_refused() {
    for wrong in [
        "replica=2",
        "image.name=x",
        "crds.install=true",
        "replicas=two",
        "replicas=-1",
        "service.port=80",
        "image.digest=latest",
        "allowEndpoints={gws.example}",
        "credentials.namespaces={Not_A_Namespace}",
    ] {
        let answer = helm::try_template("test", "desktops", &["--set", wrong]);
        let error = answer.expect_err(wrong);
        assert!(
            error.contains("values.schema.json") || error.contains("schema"),
            "{wrong}: {error}"
        );
    }
    helm::template("test", "desktops", &["--set", "global.anything.at=all"]);
}

#[test]
fn a_cluster_that_is_too_old_is_refused() {
    let version = |v| helm::try_template("test", "desktops", &["--kube-version", v]);
    assert!(version("1.30.9").unwrap_err().contains("kubeVersion"));
    assert!(version("v1.31.2-gke.1").is_ok());
}

#[test]
fn the_copies_in_the_chart_are_current() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_crdgen"))
        .arg(folder.path())
        .arg("--chart")
        .status()
        .unwrap();
    assert!(status.success());
    let mut stale = Vec::new();
    let mut compare = |made: PathBuf, copy: String| {
        if std::fs::read(made).unwrap() != std::fs::read(helm::chart().join(&copy)).unwrap_or_default() {
            stale.push(copy);
        }
    };
    for kind in KINDS {
        let name = format!("{kind}.yaml");
        compare(folder.path().join(&name), format!("templates/crds/{name}"));
    }
    let config = helm::root().join("config");
    compare(config.join("prometheus/rules.yaml"), "files/rules.yaml".into());
    compare(
        config.join("grafana/desktop-operator.json"),
        "files/dashboard.json".into(),
    );
    assert!(stale.is_empty(), "out of date, run `make generate`: {stale:?}");
}

#[test]
fn the_crds_it_installs_are_the_published_ones() {
    let objects = render(&["--set", "crds.keep=false"]);
    let crds: Vec<&Value> = of_kind(&objects, "CustomResourceDefinition").collect();
    assert_eq!(crds.len(), KINDS.len());
    for crd in crds {
        let name = crd["spec"]["names"]["plural"].as_str().unwrap();
        let published = std::fs::read_to_string(helm::root().join(format!("crds/{name}.yaml"))).unwrap();
        assert!(
            *crd == documents(&published)[0],
            "{name} is out of date: run `make generate`"
        );
    }
    let kept = render(&[]);
    for crd in of_kind(&kept, "CustomResourceDefinition") {
        assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
    let without = render_file("single.yaml");
    assert_eq!(of_kind(&without, "CustomResourceDefinition").count(), 0);
}

#[test]
fn values_reach_the_process() {
    let objects = render_file("everything.yaml");
    let pod = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(
        container["image"],
        "registry.example/desktop-operator@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    );
    assert_eq!(
        strings(&container["args"]),
        [
            "--leader-elect=true",
            "--address=0.0.0.0:9090",
            "--allow-endpoint=https://gws.example:9443",
            "--allow-endpoint=http://10.0.0.1",
            "--allow-endpoint=https://[fd00::1]/",
            "--allow-endpoint=http://[fd00::1]:8080",
            "--concurrency=64",
        ]
    );
    let variables = container["env"].as_array().unwrap();
    let names: Vec<&str> = variables.iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["POD_NAME", "POD_NAMESPACE", "RUST_LOG"]);
    assert_eq!(container["ports"][0]["containerPort"], 9090);
    assert_eq!(container["volumeMounts"][0]["mountPath"], "/ca");
    assert_eq!(pod["serviceAccountName"], "robot");
    assert_eq!(pod["terminationGracePeriodSeconds"], 120);
    assert_eq!(pod["topologySpreadConstraints"].as_array().unwrap().len(), 1);
    assert_eq!(one(&objects, "PodDisruptionBudget")["spec"]["maxUnavailable"], "50%");
    let groups = &one(&objects, "PrometheusRule")["spec"]["groups"];
    assert!(!groups[0]["rules"].as_array().unwrap().is_empty());
    let dashboard = one(&objects, "ConfigMap")["data"]["desktop-operator.json"]
        .as_str()
        .unwrap();
    let written: Value = serde_json::from_str(dashboard).unwrap();
    assert_eq!(written, read_json("files/dashboard.json"));
}

#[test]
fn the_endpoints_that_are_allowed_can_be_reached() {
    let may_call = |objects: &[Value]| -> Vec<u64> {
        let rule = &one(objects, "NetworkPolicy")["spec"]["egress"][1]["ports"];
        let ports = rule.as_array().unwrap().iter();
        ports.map(|port| port["port"].as_u64().unwrap()).collect()
    };
    assert_eq!(may_call(&render(&[])), [443, 6443]);
    assert_eq!(may_call(&render_file("everything.yaml")), [443, 8443, 9443, 80, 8080]);
}

#[test]
fn what_is_not_wanted_is_not_made() {
    let single = render_file("single.yaml");
    for kind in [
        "PodDisruptionBudget",
        "NetworkPolicy",
        "ServiceMonitor",
        "PrometheusRule",
        "ConfigMap",
    ] {
        assert_eq!(of_kind(&single, kind).count(), 0, "{kind}");
    }
    assert_eq!(of_kind(&single, "ClusterRole").count(), 1);
    let managed = render_file("managed.yaml");
    for kind in ["ServiceAccount", "Role", "RoleBinding", "ClusterRoleBinding"] {
        assert_eq!(of_kind(&managed, kind).count(), 0, "{kind}");
    }
    let deployment = one(&managed, "Deployment");
    assert_eq!(deployment["metadata"]["name"], "vdi");
    assert_eq!(deployment["spec"]["template"]["spec"]["serviceAccountName"], "prepared");
}

#[test]
fn secrets_are_read_where_the_values_say_and_only_by_name() {
    let may_read_secrets = |objects: &[Value]| -> Vec<String> {
        let roles = objects
            .iter()
            .filter(|o| matches!(o["kind"].as_str(), Some("Role" | "ClusterRole")));
        let mut places = Vec::new();
        for role in roles {
            for rule in role["rules"].as_array().unwrap() {
                if strings(&rule["resources"]).contains(&"secrets") {
                    assert_eq!(strings(&rule["verbs"]), ["get"]);
                    places.push(role["metadata"]["namespace"].as_str().unwrap_or("*").to_owned());
                }
            }
        }
        places
    };
    assert_eq!(may_read_secrets(&render(&[])), ["desktops"]);
    let mut everything = may_read_secrets(&render_file("everything.yaml"));
    everything.sort();
    assert_eq!(everything, ["default", "kube-node-lease", "kube-public"]);
    assert_eq!(may_read_secrets(&render_file("secrets-everywhere.yaml")), ["*"]);
}

#[test]
fn no_role_has_a_wildcard() {
    for file in values_files() {
        let objects = render(&["--values", file.to_str().unwrap()]);
        let roles = objects
            .iter()
            .filter(|o| matches!(o["kind"].as_str(), Some("Role" | "ClusterRole")));
        for rule in roles.flat_map(|role| role["rules"].as_array().unwrap()) {
            for part in ["apiGroups", "resources", "verbs"] {
                assert!(strings(&rule[part]).iter().all(|word| !word.contains('*')), "{rule}");
            }
        }
    }
}

#[test]
fn selectors_meet_the_pods_and_nothing_of_another_release() {
    let objects = render_file("everything.yaml");
    let deployment = one(&objects, "Deployment");
    let selector = &deployment["spec"]["selector"]["matchLabels"];
    assert_eq!(selector["app.kubernetes.io/instance"], "test");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for (key, value) in selector.as_object().unwrap() {
        assert_eq!(labels[key], *value, "{key}");
    }
    assert_eq!(one(&objects, "Service")["spec"]["selector"], *selector);
    for kind in ["PodDisruptionBudget", "ServiceMonitor"] {
        assert_eq!(
            one(&objects, kind)["spec"]["selector"]["matchLabels"],
            *selector,
            "{kind}"
        );
    }
    assert_eq!(
        one(&objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *selector
    );
}

/// Every metric that the alerts and the dashboard ask for is one the operator has, with the labels they use.
#[test]
fn the_alerts_and_the_dashboard_know_the_metrics() {
    let exposed = super::docs::every_metric();
    let samples = words(&exposed);
    for file in ["files/rules.yaml", "files/dashboard.json"] {
        let text = std::fs::read_to_string(helm::chart().join(file)).unwrap();
        let asked: BTreeSet<&str> = words(&text).into_iter().filter(|word| is_metric(word)).collect();
        assert!(!asked.is_empty());
        let unknown: Vec<&&str> = asked.iter().filter(|word| !samples.contains(*word)).collect();
        assert!(
            unknown.is_empty(),
            "{file} asks for {unknown:?}, which are not in\n{exposed}"
        );
    }
    for label in ["account", "action", "controller", "field", "kind", "outcome", "result"] {
        assert!(
            exposed.contains(&format!("{label}=\"")),
            "no metric has the label {label}"
        );
    }
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect()
}

fn is_metric(word: &str) -> bool {
    ["controller_runtime_", "leader_election_", "desktop_operator_"]
        .iter()
        .any(|prefix| word.starts_with(prefix))
}

#[test]
fn the_image_is_built_by_the_compiler_of_the_repository() {
    let read = |name| std::fs::read_to_string(helm::root().join(name)).unwrap();
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split('"').nth(1).unwrap();
    assert!(
        read("Dockerfile").contains(&format!("FROM rust:{channel}-")),
        "{channel}"
    );
}

fn read_json(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(helm::chart().join(name)).unwrap()).unwrap()
}
