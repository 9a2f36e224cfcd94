//! What is secret stays secret, whatever the vendor answers: secrets are given recognisable values, everything that can
//! go wrong goes wrong, and then everything that the operator has said is searched for them.

use std::fmt::Write as _;

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider, RESTART_ANNOTATION};
use desktop_operator::sim::{Account, Fault, FaultKind, SimConfig};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::object;
use crate::world::{Seen, Vendor, World};

/// Stands in every secret text, known to the operator or not.
const CANARY: &str = "Canary";
const SECRET: &str = "Canary0accessKeySecret";
/// With characters that look different in a URL.
const PASSWORD: &str = "Canary1/P@ss+w0rd";
/// Of temporary keys; with characters that look different in a URL, too.
const TOKEN: &str = "Canary5/t0ken+Canary5==";
/// As the vendor hands it out: never known to the operator, and in one piece.
const TICKET: &str = "Q2FuYXJ5MlRpY2tldA0KW1dGQ2xpZW50XQ0KVmVyc2lvbj0yCanary2Ticket==";

/// Every call that a life makes and a fault can strike, up to the directory's password and from it on: what it has not
/// been told the vendor cannot repeat.
const BEFORE: [&str; 11] = [
    "CreateServiceLinkedRole",
    "DescribeAvailableResource",
    "CreateCluster",
    "DescribeClusters",
    "SetClusterName",
    "SetClusterPolicy",
    "SetClusterDnat",
    "DescribeClusterPolicy",
    "DescribeClusterADDomain",
    "DescribeClusterConnections",
    "DescribeInstances",
];
const AFTER: [&str; 8] = [
    "SetClusterADDomain",
    "CreateInstance",
    "SetInstanceUser",
    "SetInstancePolicy",
    "RestartInstance",
    "SetInstanceName",
    "StopInstance",
    "StartInstance",
];
const DELETIONS: [&str; 2] = ["DeleteInstance", "DeleteCluster"];

fn echo(text: &str) -> FaultKind {
    FaultKind::Echo { text: text.into() }
}

fn code(http: u16, code: &str, message: String) -> FaultKind {
    FaultKind::Code {
        http,
        code: code.into(),
        message,
    }
}

/// All kinds of faults, those that can carry a text several times.
fn kinds() -> Vec<(&'static str, FaultKind)> {
    let encoded = "Canary1%2FP%40ss%2Bw0rd";
    let twice = "Canary1%252FP%2540ss%252Bw0rd";
    let signed = format!("Specified signature is not matched. server string to sign is:POST&%2F&{twice}%26{SECRET}");
    // So that a cut would go through the middle of the secret.
    let late = format!("{} {SECRET} {PASSWORD}", "x ".repeat(120));
    vec![
        (
            "throttle",
            FaultKind::Throttle {
                retry_after_ms: Some(50),
            },
        ),
        (
            "code",
            code(
                500,
                "InternalError",
                format!("The server failed over {SECRET} and {PASSWORD}."),
            ),
        ),
        ("coded", code(400, SECRET, format!("{PASSWORD} {encoded} {twice}"))),
        ("signed", code(400, "SignatureDoesNotMatch", signed)),
        ("late", code(400, "InvalidParameter", late)),
        ("status", FaultKind::Status { http: 502, page: false }),
        ("page", FaultKind::Status { http: 503, page: true }),
        ("html", FaultKind::Html),
        ("truncated", FaultKind::Truncated),
        ("wrongtypes", FaultKind::WrongTypes),
        ("oversize", FaultKind::Oversize),
        ("slow", FaultKind::Slow { bytes_per_second: 10 }),
        ("timeout", FaultKind::Timeout),
        ("reset", FaultKind::Reset),
        ("hold", FaultKind::Hold),
        ("task", FaultKind::NeverFinishTask),
        ("visibility", FaultKind::LateVisibility { ms: 500 }),
        ("echosecret", echo(SECRET)),
        ("echopassword", echo(PASSWORD)),
        ("echotoken", echo(TOKEN)),
        (
            "tokened",
            code(
                400,
                "InvalidParameter.SecurityToken",
                format!("{TOKEN} Canary5%2Ft0ken%2BCanary5%3D%3D Canary5%252Ft0ken%252BCanary5%253D%253D"),
            ),
        ),
        ("echoticket", echo(TICKET)),
        (
            "echofile",
            echo(&format!(
                "[WFClient]\r\nLogonTicket=Canary3\r\nPassword:Canary4\r\n{TICKET}"
            )),
        ),
    ]
}

/// A place that answers everything with pages and redirects that hold the canary.
async fn babbler() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = format!("<html><head><title>{CANARY}</title></head><body>{TICKET}</body></html>");
    let answers = [
        format!("HTTP/1.1 200 OK\r\nX-Acs-Message: {CANARY}\r\n"),
        format!("HTTP/1.1 502 {CANARY}\r\n"),
        format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/{CANARY}\r\n"),
        format!("HTTP/1.1 404 Not Found\r\nContent-Type: {CANARY}\r\n"),
        format!("{CANARY} this is not HTTP\r\n"),
    ];
    tokio::spawn(async move {
        for answer in answers.iter().cycle() {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = format!("{answer}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let mut request = [0; 16 * 1024];
            // Whoever hangs up early is answered all the same.
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    url
}

async fn secret(world: &World, name: &str, data: serde_json::Value) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
    world.env.apply(&secret.to_string()).await;
}

async fn provider(world: &World, name: &str, endpoint: &str) {
    let key = json!({"accessKeyId": name, "accessKeySecret": SECRET, "securityToken": TOKEN});
    secret(world, name, key).await;
    let provider = json!({
        "apiVersion": "desktop-operator.io/v1alpha1", "kind": "DesktopProvider", "metadata": {"name": name},
        "spec": {
            "gws": {"region": "cn-hangzhou", "endpoint": endpoint},
            "credentialsSecretRef": {"namespace": world.env.namespace, "name": name},
            "allowedNamespaces": {},
            "rateLimit": {"requestsPerSecond": 500, "burst": 500},
        },
    });
    world.env.apply(&provider.to_string()).await;
}

fn strike(world: &World, actions: &[&str], kinds: &[(&str, FaultKind)]) {
    for (name, kind) in kinds {
        let repeats = serde_json::to_string(kind).unwrap().contains("w0rd");
        for action in actions.iter().filter(|action| !repeats || !BEFORE.contains(action)) {
            world.sim.fault(Fault::on(action).by(name).kind(kind.clone()));
        }
    }
}

/// Everything of ours and about ours in the cluster, as text.
async fn said_in_the_cluster(world: &World) -> String {
    async fn all<K: Seen>(world: &World, text: &mut String) {
        for object in world.api::<K>().list(&ListParams::default()).await.unwrap() {
            writeln!(text, "{}", serde_json::to_string(&object).unwrap()).unwrap();
        }
    }
    let mut text = String::new();
    all::<DesktopProvider>(world, &mut text).await;
    all::<DesktopCluster>(world, &mut text).await;
    all::<Desktop>(world, &mut text).await;
    let events: Api<Event> = world.env.all();
    for event in events.list(&ListParams::default()).await.unwrap() {
        writeln!(text, "{}", serde_json::to_string(&event).unwrap()).unwrap();
    }
    text
}

/// No line holds the canary, nor a key's secret in any other case.
fn silent(what: &str, text: &str) {
    let loud: Vec<&str> = text
        .lines()
        .filter(|line| line.to_lowercase().contains("canary"))
        .take(5)
        .collect();
    assert!(loud.is_empty(), "{what}: {loud:#?}");
}

/// Whether a desktop is ready, and carried out what a step asked for.
fn done(desktop: &Desktop, step: &serde_json::Value) -> bool {
    let restarted = desktop.status.as_ref().is_some_and(|s| s.restart.is_some());
    let restart = step["metadata"].is_object();
    desktop.is("Ready", "True") && (restarted || !restart)
}

#[tokio::test]
async fn no_secret_is_ever_told() {
    let kinds = kinds();
    let babbler = babbler().await;
    let config = SimConfig {
        accounts: kinds.iter().map(|(name, _)| Account::new(name, SECRET)).collect(),
        ..SimConfig::fast(4.0)
    };
    let mut world = World::start_with(config, |o| {
        o.allow_endpoint(&babbler)
            .variable("RUST_LOG", "trace")
            .arg("--call-deadline=1s")
            .arg("--task-deadline=1s")
            .arg("--resend=500ms")
            .arg("--session-interval=500ms")
    })
    .await;
    secret(&world, "directory", json!({"password": PASSWORD})).await;
    strike(&world, &BEFORE, &kinds);
    strike(&world, &AFTER, &kinds);
    provider(&world, "babbler", &babbler).await;
    for (name, _) in &kinds {
        provider(&world, name, world.sim.url()).await;
        let directory = json!({"domainName": "corp.example.com", "dnsIp": "192.168.12.34",
            "passwordSecretRef": {"name": "directory"}});
        let cluster = json!({
            "providerRef": {"name": name}, "directory": directory, "gws": {"clusterType": "gws.s1.advanced"},
            "network": {"nat": {"id": "ngw-1"}},
        });
        world.cluster(name, cluster).await;
        let desktop = json!({
            "clusterRef": {"name": name}, "user": {"name": name, "uid": "1"},
            "flavor": "ecs.gn6i-c4g1.xlarge", "displayPolicy": {"visualLossless": true},
        });
        world.desktop(name, desktop).await;
    }
    let mut told = String::new();
    for (name, _) in &kinds {
        world.ready::<Desktop>(name).await;
        told.push_str(&said_in_the_cluster(&world).await);
    }
    // Restarted, then renamed and stopped, then started.
    let steps = [
        json!({"metadata": {"annotations": {RESTART_ANNOTATION: "now"}}}),
        json!({"spec": {"displayName": "Renamed", "power": "Stopped"}}),
        json!({"spec": {"power": "Running"}}),
    ];
    for step in steps {
        for (name, _) in &kinds {
            world.patch::<Desktop>(name, step.clone()).await;
        }
        for (name, _) in &kinds {
            let what = "is as asked for";
            object(&world.api::<Desktop>(), name, what, |d| done(d, &step)).await;
            told.push_str(&said_in_the_cluster(&world).await);
        }
    }
    let unheard: DesktopProvider = world.reason("babbler", "Ready", "VendorUnavailable").await;
    assert!(unheard.condition("Stalled").is_none());
    strike(&world, &DELETIONS, &kinds);
    for (name, _) in &kinds {
        world.delete::<Desktop>(name).await;
        world.delete::<DesktopCluster>(name).await;
    }
    for (name, _) in &kinds {
        world.gone::<Desktop>(name).await;
        world.gone::<DesktopCluster>(name).await;
        told.push_str(&said_in_the_cluster(&world).await);
    }
    world.sim.release_all();
    told.push_str(&said_in_the_cluster(&world).await);

    silent("objects and events", &told);
    let log = world.operator.log();
    assert!(log.contains("TRACE"), "the log is as detailed as it gets");
    silent("log", &log);
    silent("metrics", &world.operator.metrics().await);
    // What the vendor says is told, as far as it is no secret.
    assert!(log.contains("The server failed over *** and ***."));
    let struck = |kind: &FaultKind| {
        world
            .ledger()
            .entries()
            .any(|e| e.fault.as_ref().is_some_and(|f| f.kind == kind.name()))
    };
    assert!(
        kinds.iter().all(|(_, kind)| struck(kind)),
        "every kind of fault has struck"
    );
    for action in BEFORE.iter().chain(&AFTER).chain(&DELETIONS) {
        let faulty = world
            .ledger()
            .entries()
            .any(|e| e.action == *action && e.fault.is_some());
        assert!(faulty, "no fault has struck {action}");
    }
}

/// The other vendors, and calls of theirs that a life makes: reads first, then changes.
fn elsewhere() -> [(&'static str, Vendor, [&'static str; 6]); 3] {
    let huawei = [
        "ListProducts",
        "ListWorkspaces",
        "ListDesktopsDetail",
        "ListImages",
        "ShowJob",
        "BatchRunDesktops",
    ];
    let capital = [
        "QuerySites",
        "GetDefaultNet",
        "QueryVms",
        "QueryImages",
        "QueryTask",
        "OperateVm",
    ];
    let cloud = [
        "DescribeRegions",
        "DescribeDesktopOwner",
        "DescribeDesktops",
        "DescribeImages",
        "DescribeDesktopTypeItems",
        "StopDesktop",
    ];
    [
        // The first account of a simulator is that of the usual project.
        ("huawei", Vendor::huawei(), huawei),
        ("capital", Vendor::capital_online(), capital),
        ("cloud", Vendor::cloud_desktop(true), cloud),
    ]
}

#[tokio::test]
async fn no_other_vendors_secret_is_told_either() {
    let places = elsewhere();
    let config = SimConfig {
        accounts: places.iter().map(|(name, ..)| Account::new(name, SECRET)).collect(),
        ..SimConfig::fast(4.0)
    };
    let mut world = World::start_with(config, |o| o.variable("RUST_LOG", "trace").arg("--resend=500ms")).await;
    let words = || format!("the string to sign was GET&%2F&{SECRET} of {TICKET}");
    for (name, vendor, actions) in &places {
        for action in actions {
            for kind in [
                echo(SECRET),
                code(500, "InternalError", words()),
                code(400, SECRET, words()),
            ] {
                world.sim.fault(Fault::on(action).by(name).kind(kind));
            }
        }
        world.provider_at(name, vendor, world.sim.url(), (name, SECRET)).await;
        world.cluster_at(name, vendor).await;
        world.desktop_at(name, name, vendor, json!({"power": "Stopped"})).await;
    }
    let mut told = String::new();
    for (name, ..) in &places {
        world.reason::<Desktop>(name, "Ready", "Stopped").await;
        told.push_str(&said_in_the_cluster(&world).await);
        world.delete::<Desktop>(name).await;
        world.gone::<Desktop>(name).await;
        told.push_str(&said_in_the_cluster(&world).await);
    }
    silent("objects and events", &told);
    let log = world.operator.log();
    assert!(log.contains("TRACE"), "the log is as detailed as it gets");
    silent("log", &log);
    silent("metrics", &world.operator.metrics().await);
    for (name, _, actions) in &places {
        let ledger = world.ledger();
        let struck = |action: &&str| {
            ledger
                .calls(action)
                .iter()
                .any(|e| e.account == *name && e.fault.is_some())
        };
        assert!(actions.iter().all(struck), "{name}");
    }
}
