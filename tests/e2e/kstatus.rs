//! What Helm, Flux and Argo CD make of our objects. kstatus is Flux's own library, and the Argo CD script runs in the
//! Lua that Argo CD runs it in; a small Go program in `tests/kstatus` calls both.

use std::io::Write;
use std::process::{Command, Stdio};

use desktop_operator::api::condition::{self, Stamp, Truth};
use desktop_operator::api::{DESKTOP_FINALIZER, Desktop, DesktopStatus};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, ResourceExt};
use serde::Deserialize;
use serde_json::json;

use crate::harness::Env;

/// What the tools say of one object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub kstatus: String,
    pub kstatus_message: String,
    pub argo: String,
    pub argo_message: String,
}

/// One verdict an object, in their order.
pub fn verdicts(objects: &[DynamicObject]) -> Vec<Verdict> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kstatus");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/config/argocd/health.lua");
    let mut program = Command::new("go")
        .args(["run", ".", script])
        .current_dir(folder)
        .envs([
            ("GOTOOLCHAIN", "local"),
            ("GOFLAGS", "-mod=readonly"),
            ("CGO_ENABLED", "0"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(objects).unwrap();
    program.stdin.take().unwrap().write_all(&input).unwrap();
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A situation: its name, what is written to the conditions, and the expected verdicts.
struct Situation {
    name: &'static str,
    write: fn(&Stamp, &mut Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>),
    /// The generation in the status is behind.
    outdated: bool,
    /// The object is deleted, and a finalizer holds it.
    deleted: bool,
    kstatus: &'static str,
    argo: &'static str,
    says: &'static str,
}

const LIVE: Situation = Situation {
    name: "",
    write: |_, _| {},
    outdated: false,
    deleted: false,
    kstatus: "InProgress",
    argo: "Progressing",
    says: "",
};

fn situations() -> [Situation; 9] {
    [
        Situation {
            name: "creating",
            write: |stamp, conditions| stamp.working(conditions, "Creating", "the vendor makes it"),
            says: "the vendor makes it",
            ..LIVE
        },
        Situation {
            name: "running",
            write: |stamp, conditions| stamp.ready(conditions, "Running", "as wanted"),
            kstatus: "Current",
            argo: "Healthy",
            says: "as wanted",
            ..LIVE
        },
        Situation {
            name: "stopped",
            write: |stamp, conditions| stamp.ready(conditions, "Stopped", "stopped, as wanted"),
            kstatus: "Current",
            argo: "Healthy",
            says: "stopped, as wanted",
            ..LIVE
        },
        Situation {
            name: "changed",
            write: |stamp, conditions| stamp.ready(conditions, "Running", "as wanted"),
            outdated: true,
            says: "Waiting for the operator to see the latest change",
            ..LIVE
        },
        Situation {
            name: "stalled",
            write: |stamp, conditions| {
                stamp.stalled(conditions, "OutOfStock", "no such flavor");
            },
            kstatus: "Failed",
            argo: "Degraded",
            says: "no such flavor",
            ..LIVE
        },
        Situation {
            name: "unreachable",
            write: |stamp, conditions| stamp.unknown(conditions, "VendorUnreachable", "no answer"),
            says: "no answer",
            ..LIVE
        },
        Situation {
            name: "paused",
            write: |stamp, conditions| {
                stamp.working(conditions, "Updating", "the name changes");
                stamp.set(
                    conditions,
                    condition::PAUSED,
                    Truth::True,
                    "Annotation",
                    "paused by annotation",
                );
            },
            argo: "Suspended",
            says: "paused by annotation",
            ..LIVE
        },
        Situation {
            name: "deleting",
            write: |stamp, conditions| stamp.working(conditions, "Deleting", "the vendor deletes it"),
            deleted: true,
            kstatus: "Terminating",
            says: "Being deleted",
            ..LIVE
        },
        Situation {
            name: "blocked",
            write: |stamp, conditions| {
                stamp.deletion_blocked(conditions, "Subscription", "paid until spring");
            },
            deleted: true,
            kstatus: "Terminating",
            says: "paid until spring",
            ..LIVE
        },
    ]
}

async fn arrange(env: &Env, situation: &Situation) {
    let desktops = env.api::<Desktop>();
    let desktop = format!(
        "{{apiVersion: desktop-operator.io/v1alpha1, kind: Desktop, metadata: {{name: {}, finalizers: [{}]}}, \
         spec: {{clusterRef: {{name: office}}, existingId: i-1}}}}",
        situation.name, DESKTOP_FINALIZER
    );
    env.apply(&desktop).await;
    if situation.deleted {
        desktops.delete(situation.name, &DeleteParams::default()).await.unwrap();
    }
    let generation = desktops.get(situation.name).await.unwrap().metadata.generation.unwrap();
    let seen = if situation.outdated { generation - 1 } else { generation };
    let mut status = DesktopStatus {
        observed_generation: seen,
        ..DesktopStatus::default()
    };
    let stamp = Stamp {
        generation: seen,
        now: Timestamp::now(),
    };
    (situation.write)(&stamp, &mut status.conditions);
    let patch = Patch::Merge(json!({ "status": status }));
    desktops
        .patch_status(situation.name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_tools_of_others_read_our_status_as_it_is_meant() {
    let env = Env::shared().await;
    // An object nobody has looked at: the case that kstatus calls done unless the CRD says otherwise.
    env.apply(
        "{apiVersion: desktop-operator.io/v1alpha1, kind: Desktop, metadata: {name: fresh}, \
         spec: {clusterRef: {name: office}, existingId: i-1}}",
    )
    .await;
    let situations = situations();
    for situation in &situations {
        arrange(&env, situation).await;
    }
    let fresh = Situation {
        name: "fresh",
        says: "Waiting for the operator",
        ..LIVE
    };
    let expected: Vec<&Situation> = situations.iter().chain([&fresh]).collect();

    let resource = ApiResource::erase::<Desktop>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(env.client.clone(), &env.namespace, &resource);
    let mut objects = Vec::new();
    for situation in &expected {
        objects.push(api.get(situation.name).await.unwrap());
    }
    for ((situation, object), verdict) in expected.iter().zip(&objects).zip(verdicts(&objects)) {
        let name = object.name_any();
        assert_eq!(verdict.kstatus, situation.kstatus, "{name}: {verdict:?}");
        assert_eq!(verdict.argo, situation.argo, "{name}: {verdict:?}");
        assert_eq!(verdict.argo_message, situation.says, "{name}: {verdict:?}");
        assert!(!verdict.kstatus_message.is_empty(), "{name}: {verdict:?}");
    }

    // The finalizer would keep the namespace for ever.
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    for situation in &situations {
        env.api::<Desktop>()
            .patch(situation.name, &PatchParams::default(), &release)
            .await
            .unwrap();
    }
}
