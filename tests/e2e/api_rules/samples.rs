//! The published files: samples, CRDs and what kubectl makes of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use desktop_operator::api::crd::crd_files;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, ResourceExt};
use serde_json::Value;

use crate::harness::{Env, documents, eventually};

const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/samples");
const KUSTOMIZE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/kustomize/kustomizeconfig.yaml");

fn manifests() -> Vec<PathBuf> {
    manifests_in(Path::new(SAMPLES))
}

fn manifests_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// In the order of their names, those of the folder itself first: what a reader would do.
#[tokio::test]
async fn every_sample_applies_and_applying_it_again_changes_nothing() {
    let env = Env::own().await;
    let folders = std::fs::read_dir(SAMPLES).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    let further = folders.iter().flat_map(|folder| manifests_in(folder));
    for file in manifests().into_iter().chain(further) {
        // The first file makes the namespaces; nothing can be tried in a namespace that is not there.
        env.dry_run(&text(&file))
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        env.apply(&text(&file)).await;
        // The API server itself stores an object anew when it is applied for the second time, whatever its kind.
        let second = env.apply(&text(&file)).await;
        let third = env.apply(&text(&file)).await;
        for (before, after) in second.iter().zip(&third) {
            assert_eq!(
                before.resource_version(),
                after.resource_version(),
                "{}",
                before.name_any()
            );
            assert!(
                after.metadata.generation.is_none_or(|generation| generation == 1),
                "{}",
                after.name_any()
            );
        }
    }
}

#[tokio::test]
async fn kubectl_applies_shows_explains_and_sees_no_difference() {
    let env = Env::own().await;
    let run = |args: &[&str]| {
        let (code, text) = env.kubectl(args);
        assert_eq!(code, 0, "kubectl {args:?}: {text}");
        text
    };

    run(&["apply", "-f", SAMPLES]);
    run(&["diff", "-f", SAMPLES]);
    run(&["apply", "--server-side", "--force-conflicts", "-f", SAMPLES]);
    run(&["diff", "--server-side", "-f", SAMPLES]);
    run(&["apply", "--server-side", "--force-conflicts", "-f", CRDS]);
    run(&["diff", "--server-side", "-f", CRDS]);

    let table = run(&["get", "vdi", "-A"]);
    for header in [
        "NAME READY REASON VENDOR LOCATION AGE",
        "NAMESPACE NAME READY STATE POLICY DESKTOPS PROVIDER AGE",
        "NAMESPACE NAME READY STATE USER CLUSTER EXPIRES AGE",
        "NAMESPACE NAME READY STATE PROGRESS SIZE ID AGE",
    ] {
        let found = table.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.join(" ") == header || words.join(" ") == format!("NAMESPACE {header}")
        });
        assert!(found, "no line {header:?} in\n{table}");
    }
    for line in [
        "desktopprovider.desktop-operator.io/aliyun-hangzhou",
        "desktopcluster.desktop-operator.io/office",
        "desktop.desktop-operator.io/alice",
        "desktopimage.desktop-operator.io/windows-golden",
    ] {
        assert!(table.contains(line), "no {line} in\n{table}");
    }

    let selected = run(&[
        "get",
        "dsk",
        "-A",
        "--field-selector=spec.clusterRef.name=studio",
        "--no-headers",
    ]);
    let names: Vec<_> = selected
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(names, ["bob-render", "cad"]);

    // kubectl reads the published OpenAPI, which follows a new CRD after a moment.
    for (field, says) in [
        ("desktop.spec.power", "Whether the desktop should run."),
        (
            "desktopcluster.spec.policy.clipboard",
            "Direction in which the clipboard may carry data.",
        ),
        ("desktopprovider.spec.rateLimit.burst", "Calls that may go out at once."),
    ] {
        eventually(&format!("kubectl explains {field}"), async || {
            match env.kubectl(&["explain", field]) {
                (0, text) if text.contains(says) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
}

/// GitOps tools compare what we publish with what the API server keeps. A key or value of ours that it drops or
/// writes differently would be a difference for ever.
#[tokio::test]
async fn the_api_server_keeps_the_crds_as_published() {
    let env = Env::shared().await;
    let crds = Api::<DynamicObject>::all_with(env.client.clone(), &ApiResource::erase::<CustomResourceDefinition>(&()));
    for (file, yaml) in crd_files().unwrap() {
        let published = documents(&yaml).remove(0);
        let name = published["metadata"]["name"].as_str().unwrap();
        let live = crds.get(name).await.unwrap();
        assert_contains(&live.data["spec"], &published["spec"], &file);
        assert!(!yaml.contains("nullable"), "{file} has a nullable field");
        let conditions = live.data["status"]["conditions"].as_array().unwrap();
        assert!(
            conditions.iter().all(|c| c["type"] != "NonStructuralSchema"),
            "{file}: {conditions:?}"
        );
    }
}

fn assert_contains(live: &Value, published: &Value, at: &str) {
    match published {
        Value::Object(map) => {
            for (key, value) in map {
                assert_contains(&live[key], value, &format!("{at}.{key}"));
            }
        }
        Value::Array(items) => {
            assert_eq!(live.as_array().map(Vec::len), Some(items.len()), "{at}");
            for (index, value) in items.iter().enumerate() {
                assert_contains(&live[index], value, &format!("{at}[{index}]"));
            }
        }
        value => assert_eq!(live, value, "{at}"),
    }
}

/// With our configuration, kustomize renames references along with what they refer to.
#[tokio::test]
async fn kustomize_renames_what_our_objects_refer_to() {
    let env = Env::shared().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("kustomizeconfig.yaml", &text(Path::new(KUSTOMIZE)));
    let mut resources = String::new();
    for file in manifests() {
        let name = file.file_name().unwrap().to_str().unwrap();
        // The generator takes the place of the provider's Secret.
        let kept: Vec<String> = documents(&text(&file))
            .into_iter()
            .filter(|object| !(object["kind"] == "Secret" && object["metadata"]["name"] == "aliyun"))
            .map(|mut object| {
                object["metadata"].as_object_mut().unwrap().remove("namespace");
                object.to_string()
            })
            .collect();
        write(name, &kept.join("\n---\n"));
        writeln!(resources, "  - {name}").unwrap();
    }
    let kustomization = format!(
        "namePrefix: prod-\nconfigurations: [kustomizeconfig.yaml]\nresources:\n{resources}\
         secretGenerator:\n  - {{name: aliyun, literals: [accessKeyId=a, accessKeySecret=b]}}\n"
    );
    write("kustomization.yaml", &kustomization);
    let (code, yaml) = env.kubectl(&["kustomize", &folder.path().display().to_string()]);
    assert_eq!(code, 0, "{yaml}");
    let objects = documents(&yaml);
    let find = |kind: &str, name: &str| {
        let of =
            |object: &&Value| object["kind"] == kind && object["metadata"]["name"].as_str().unwrap().starts_with(name);
        objects
            .iter()
            .find(of)
            .unwrap_or_else(|| panic!("no {kind} {name} in\n{yaml}"))
    };
    let provider = find("DesktopProvider", "prod-aliyun-hangzhou");
    let secret = find("Secret", "prod-aliyun-");
    assert_eq!(
        provider["spec"]["credentialsSecretRef"]["name"],
        secret["metadata"]["name"]
    );
    let cluster = &find("DesktopCluster", "prod-studio")["spec"];
    assert_eq!(cluster["providerRef"]["name"], "prod-aliyun-hangzhou");
    assert_eq!(
        cluster["directory"]["passwordSecretRef"]["name"],
        "prod-corp-domain-admin"
    );
    assert_eq!(
        find("Desktop", "prod-alice")["spec"]["clusterRef"]["name"],
        "prod-office"
    );
    let image = &find("DesktopImage", "prod-windows-golden")["spec"];
    assert_eq!(image["providerRef"]["name"], "prod-aliyun-hangzhou");
    assert_eq!(image["capture"]["desktopRef"]["name"], "prod-alice");
    assert_eq!(
        find("Desktop", "prod-erin")["spec"]["image"]["ref"]["name"],
        "prod-windows-golden"
    );
}
