//! What is sent: every parameter of every call, where it stands, and nothing else.

use std::collections::HashSet;

use desktop_operator::api::desktop::{
    Application, Billing, BillingMode, DesktopUser, InternetChargeType, OnDelete, Period, PeriodUnit, PublicAddress,
    SystemDisk, WorkMode,
};
use desktop_operator::backend::model::TicketRequest;
use desktop_operator::backend::{
    ClusterSpec, DesktopSpec, ErrorClass, Operation, Place, PolicyValues, Task, TaskKind, TaskState,
};
use jiff::Timestamp;
use jiff::civil::date;
use serde_json::json;

use super::vendor::{KEY_ID, Reply, TOKEN, Vendor};

/// An operation and what must be sent for it, sorted by name.
pub struct Case {
    pub operation: Operation,
    pub action: &'static str,
    pub form: Vec<(&'static str, &'static str)>,
}

fn case(operation: Operation, action: &'static str, form: &[(&'static str, &'static str)]) -> Case {
    Case {
        operation,
        action,
        form: form.to_vec(),
    }
}

pub fn place(cluster_id: &str) -> Place {
    Place {
        cluster_id: cluster_id.into(),
        ..Place::default()
    }
}

pub fn user(name: &str, uid: Option<&str>) -> DesktopUser {
    DesktopUser {
        name: name.into(),
        uid: uid.map(Into::into),
        email: None,
        group: None,
    }
}

pub fn desktop() -> DesktopSpec {
    DesktopSpec {
        uid: "3f2a0c1e-0000-4000-8000-000000000001".into(),
        attempt: 1,
        resent: false,
        place: place("gws-1"),
        name: "alice-0123".into(),
        flavor: "ecs.g6.large".into(),
        image_id: "m-1".into(),
        disk: Some(SystemDisk {
            category: "cloud_essd".into(),
            size_gib: 80,
        }),
        work_mode: WorkMode::Desktop,
        applications: Vec::new(),
        public_address: None,
        user: None,
        billing: Billing::default(),
    }
}

/// With everything that a desktop can have.
fn rich_desktop() -> DesktopSpec {
    DesktopSpec {
        work_mode: WorkMode::Application,
        applications: vec![
            Application {
                name: "notepad".into(),
                path: r"C:\Windows\System32\notepad.exe".into(),
                args: Some("c:/temp.txt".into()),
            },
            Application {
                name: "画图 *~/+&=".into(),
                path: r"C:\p.exe".into(),
                args: None,
            },
        ],
        place: Place {
            subnet_id: Some("vsw-1".into()),
            ..place("gws-1")
        },
        public_address: Some(PublicAddress {
            charge_type: InternetChargeType::PayByBandwidth,
            bandwidth_in: 10,
            bandwidth_out: 20,
        }),
        billing: Billing {
            mode: BillingMode::Subscription,
            period: Some(Period {
                count: 3,
                unit: PeriodUnit::Month,
            }),
            paid_until: None,
            auto_renew: true,
            on_delete: OnDelete::LetExpire,
        },
        ..desktop()
    }
}

pub fn policy(pairs: &[(&'static str, &str)]) -> PolicyValues {
    PolicyValues(
        pairs
            .iter()
            .map(|(field, value)| (*field, (*value).to_owned()))
            .collect(),
    )
}

pub fn operations() -> Vec<Case> {
    let (cluster_id, desktop_id, image_id) = (String::from("gws-1"), String::from("i-1"), String::from("m-1"));
    let (c, d, m) = (("ClusterId", "gws-1"), ("InstanceId", "i-1"), ("ImageId", "m-1"));
    let name = || String::from("研发 集群*~/+&=");
    let n = ("Name", "研发 集群*~/+&=");
    let directory = [("DomainDnsIp", "10.0.0.1"), ("DomainName", "corp.example.com")];
    let mut cases = cluster_operations(&cluster_id, c, &directory);
    cases.extend([
        case(
            Operation::RenameCluster {
                cluster_id: cluster_id.clone(),
                name: name(),
            },
            "SetClusterName",
            &[c, n],
        ),
        case(Operation::DeleteCluster { cluster_id }, "DeleteCluster", &[c]),
        case(
            Operation::RenameDesktop {
                desktop_id: desktop_id.clone(),
                name: name(),
            },
            "SetInstanceName",
            &[d, n],
        ),
        case(
            Operation::StartDesktop {
                desktop_id: desktop_id.clone(),
            },
            "StartInstance",
            &[d],
        ),
        case(
            Operation::StopDesktop {
                desktop_id: desktop_id.clone(),
            },
            "StopInstance",
            &[d],
        ),
        case(
            Operation::RestartDesktop {
                desktop_id: desktop_id.clone(),
            },
            "RestartInstance",
            &[d],
        ),
        case(
            Operation::AssignUser {
                desktop_id: desktop_id.clone(),
                user: user("alice", Some("1234")),
            },
            "SetInstanceUser",
            &[d, ("UserId", "1234"), ("UserName", "alice"), ("UserUid", "1234")],
        ),
        case(
            Operation::SetDisplayPolicy {
                desktop_id: desktop_id.clone(),
                visual_lossless: true,
                optimize_for3d: false,
            },
            "SetInstancePolicy",
            &[
                ("AsyncMode", "true"),
                d,
                ("OptimizeFor3d", "off"),
                ("VisualLossless", "on"),
            ],
        ),
        case(
            Operation::CreateImage {
                desktop_id: desktop_id.clone(),
                name: name(),
            },
            "CreateImage",
            &[d, n],
        ),
        case(Operation::DeleteDesktop { desktop_id }, "DeleteInstance", &[d]),
        case(
            Operation::RenameImage {
                image_id: image_id.clone(),
                name: name(),
            },
            "SetImageName",
            &[m, n],
        ),
        case(Operation::DeleteImage { image_id }, "DeleteImage", &[m]),
    ]);
    cases.extend(creations(c, m));
    cases
}

type Pair = (&'static str, &'static str);

fn cluster_operations(cluster_id: &str, c: Pair, directory: &[Pair; 2]) -> Vec<Case> {
    let cluster_id = cluster_id.to_owned();
    vec![
        case(
            Operation::SetPolicy {
                cluster_id: cluster_id.clone(),
                values: policy(&[
                    ("clipboard", "ClientToDesktop"),
                    ("localDrive", "ReadOnly"),
                    ("udp", "true"),
                    ("usbRedirection", "false"),
                    ("watermark", "true"),
                ]),
            },
            "SetClusterPolicy",
            &[
                ("AsyncMode", "true"),
                ("Clipboard", "read"),
                c,
                ("LocalDrive", "read"),
                ("UdpPort", "on"),
                ("UsbRedirect", "off"),
                ("Watermark", "on"),
            ],
        ),
        case(
            Operation::SetDirectory {
                cluster_id: cluster_id.clone(),
                domain_name: "corp.example.com".into(),
                dns_ip: "10.0.0.1".into(),
                admin: "administrator".into(),
                password: "canary pass&word".into(),
            },
            "SetClusterADDomain",
            &[
                c,
                ("DomainAdmin", "administrator"),
                ("DomainDelete", "false"),
                directory[0],
                directory[1],
                ("DomainPassword", "canary pass&word"),
            ],
        ),
        case(
            Operation::RemoveDirectory {
                cluster_id: cluster_id.clone(),
                domain_name: "corp.example.com".into(),
                dns_ip: "10.0.0.1".into(),
            },
            "SetClusterADDomain",
            &[
                c,
                ("DomainDelete", "true"),
                directory[0],
                directory[1],
                ("DomainPassword", ""),
            ],
        ),
        case(
            Operation::SetNat {
                cluster_id: cluster_id.clone(),
                nat: Some(("ngw-1".into(), Some("1.2.3.4".into()))),
            },
            "SetClusterDnat",
            &[c, ("NatEip", "1.2.3.4"), ("NatId", "ngw-1")],
        ),
        case(
            Operation::SetNat {
                cluster_id: cluster_id.clone(),
                nat: Some(("ngw-1".into(), None)),
            },
            "SetClusterDnat",
            &[c, ("NatId", "ngw-1")],
        ),
        case(
            Operation::SetNat { cluster_id, nat: None },
            "SetClusterDnat",
            &[c, ("NatId", "")],
        ),
    ]
}

fn creations(c: Pair, m: Pair) -> Vec<Case> {
    let cluster = |subnet: Option<&str>| {
        Operation::CreateCluster(ClusterSpec {
            cluster_type: "gws.s1.standard".into(),
            vpc_id: Some("vpc-1".into()),
            subnet_id: subnet.map(Into::into),
        })
    };
    let kind = [("ClusterType", "gws.s1.standard"), ("VpcId", "vpc-1")];
    vec![
        case(cluster(None), "CreateCluster", &kind),
        case(
            cluster(Some("vsw-1")),
            "CreateCluster",
            &[kind[0], ("VSwitchId", "vsw-1"), kind[1]],
        ),
        case(
            Operation::CreateDesktop(Box::new(desktop())),
            "CreateInstance",
            &[
                ("AllocatePublicAddress", "false"),
                c,
                m,
                ("InstanceChargeType", "PostPaid"),
                ("InstanceType", "ecs.g6.large"),
                ("Name", "alice-0123"),
                ("SystemDiskCategory", "cloud_essd"),
                ("SystemDiskSize", "80"),
                ("WorkMode", "Desktop"),
            ],
        ),
        case(
            Operation::CreateDesktop(Box::new(rich_desktop())),
            "CreateInstance",
            &[
                ("AllocatePublicAddress", "true"),
                ("AppList.1.AppArgs", "c:/temp.txt"),
                ("AppList.1.AppName", "notepad"),
                ("AppList.1.AppPath", r"C:\Windows\System32\notepad.exe"),
                ("AppList.2.AppName", "画图 *~/+&="),
                ("AppList.2.AppPath", r"C:\p.exe"),
                ("AutoRenew", "True"),
                c,
                m,
                ("InstanceChargeType", "PrePaid"),
                ("InstanceType", "ecs.g6.large"),
                ("InternetChargeType", "PayByBandwidth"),
                ("InternetMaxBandwidthIn", "10"),
                ("InternetMaxBandwidthOut", "20"),
                ("Name", "alice-0123"),
                ("Period", "3"),
                ("PeriodUnit", "Month"),
                ("SystemDiskCategory", "cloud_essd"),
                ("SystemDiskSize", "80"),
                ("VSwitchId", "vsw-1"),
                ("WorkMode", "Application"),
            ],
        ),
    ]
}

/// An answer that satisfies every change.
pub fn anything() -> Reply {
    Reply::ok(json!({"RequestId": "r-1", "ClusterId": "gws-1", "InstanceId": "i-1", "ImageId": "m-1", "TaskId": "t-1"}))
}

#[tokio::test]
async fn every_operation_sends_its_parameters() {
    let vendor = Vendor::saying(anything()).await;
    let backend = vendor.backend();
    for (number, case) in operations().into_iter().enumerate() {
        backend.submit(&case.operation).await.unwrap();
        let seen = vendor.seen();
        assert_eq!(seen.len(), number + 1);
        assert_eq!(seen[number].action(), case.action);
        assert_eq!(seen[number].own(), case.form, "{}", case.action);
    }
}

#[tokio::test]
async fn the_call_stands_in_the_url_and_what_it_is_about_in_the_body() {
    let vendor = Vendor::saying(anything()).await;
    let backend = vendor.backend();
    let before = Timestamp::now();
    for case in operations() {
        backend.submit(&case.operation).await.unwrap();
    }
    let seen = vendor.seen();
    let nonces: HashSet<&str> = seen.iter().map(|s| s.query["SignatureNonce"].as_str()).collect();
    assert_eq!(nonces.len(), seen.len(), "each request has a nonce of its own");
    for request in &seen {
        let names: Vec<&str> = request.query.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "AccessKeyId",
                "Action",
                "Format",
                "Signature",
                "SignatureMethod",
                "SignatureNonce",
                "SignatureVersion",
                "Timestamp",
                "Version"
            ]
        );
        assert_eq!(request.query["AccessKeyId"], KEY_ID);
        assert_eq!(request.query["Version"], "2019-06-18");
        assert_eq!(request.query["Format"], "JSON");
        assert_eq!(request.form["SecurityToken"], TOKEN);
        let time = &request.query["Timestamp"];
        assert_eq!(time.len(), "2026-11-23T08:00:00Z".len());
        assert!(time.parse::<Timestamp>().unwrap().as_second() >= before.as_second());
        for secret in ["pass", "canary/token", "canary%2Ftoken"] {
            assert!(!request.head.contains(secret), "{}", request.head);
        }
    }
    let connections: HashSet<usize> = seen.iter().map(|s| s.connection).collect();
    assert_eq!(connections.len(), seen.len(), "each change has a connection of its own");
}

#[tokio::test]
async fn reads_share_a_connection() {
    let vendor = Vendor::saying(Reply::ok(json!({"RequestId": "r", "TotalCount": 0}))).await;
    let backend = vendor.backend();
    for _ in 0..3 {
        backend.list_clusters().await.unwrap();
    }
    assert!(vendor.seen().iter().all(|seen| seen.connection == 0));
}

#[tokio::test]
async fn what_cannot_be_right_is_not_sent() {
    let vendor = Vendor::saying(anything()).await;
    let backend = vendor.backend();
    let endless = DesktopSpec {
        billing: Billing {
            mode: BillingMode::Subscription,
            ..Billing::default()
        },
        ..desktop()
    };
    let whole = [
        ("clipboard", "Disabled"),
        ("localDrive", "Disabled"),
        ("udp", "true"),
        ("usbRedirection", "false"),
        ("watermark", "false"),
    ];
    let mut unknown = whole;
    unknown[0].1 = "Sometimes";
    let set_policy = |values: &[(&'static str, &str)]| Operation::SetPolicy {
        cluster_id: "gws-1".into(),
        values: policy(values),
    };
    for operation in [
        Operation::CreateDesktop(Box::new(endless)),
        set_policy(&whole[1..]),
        set_policy(&unknown),
        Operation::AssignUser {
            desktop_id: "i-1".into(),
            user: user("alice", None),
        },
        Operation::CreateDesktop(Box::new(DesktopSpec {
            disk: None,
            ..desktop()
        })),
        Operation::UnassignUser {
            desktop_id: "i-1".into(),
        },
        Operation::RebuildDesktop {
            desktop_id: "i-1".into(),
            image_id: "m-1".into(),
        },
    ] {
        let error = backend.submit(&operation).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Invalid, "{error}");
    }
    assert!(vendor.seen().is_empty());
}

fn task(kind: TaskKind) -> Task {
    let sessions = kind == TaskKind::Sessions;
    Task {
        kind,
        object_id: "x-1".into(),
        task_id: "t-1".into(),
        from: sessions.then(|| date(2020, 8, 31)),
        to: sessions.then(|| date(2020, 9, 7)),
    }
}

#[tokio::test]
async fn tasks_are_polled_by_the_call_that_describes_their_object() {
    let vendor = Vendor::script(vec![
        Reply::ok(json!({"RequestId": "r", "TaskFinished": "false"})),
        Reply::ok(json!({"RequestId": "r", "TaskFinished": false})),
        Reply::ok(json!({"RequestId": "r", "TaskFinished": "True"})),
        Reply::ok(json!({"RequestId": "r", "TaskFinished": true})),
        Reply::ok(json!({"RequestId": "r", "TaskFinished": 1})),
    ])
    .await;
    let backend = vendor.backend();
    let (running, finished) = (TaskState::Running, TaskState::Finished);
    let days = [("EndTime", "2020-09-07"), ("StartTime", "2020-08-31")];
    let (asynchronous, t) = (("AsyncMode", "true"), ("TaskId", "t-1"));
    for (number, (kind, state, action, form)) in [
        (
            TaskKind::Policy,
            &running,
            "DescribeClusterPolicy",
            vec![asynchronous, ("ClusterId", "x-1"), t],
        ),
        (
            TaskKind::Directory,
            &running,
            "DescribeClusterADDomain",
            vec![("ClusterId", "x-1"), t],
        ),
        (
            TaskKind::DisplayPolicy,
            &finished,
            "DescribeInstancePolicy",
            vec![asynchronous, ("InstanceId", "x-1"), t],
        ),
        (
            TaskKind::Sessions,
            &finished,
            "DescribeClusterConnections",
            vec![("ClusterId", "x-1"), days[0], days[1], t],
        ),
        (
            TaskKind::Ticket,
            &finished,
            "GetConnectTicket",
            vec![asynchronous, ("InstanceId", "x-1"), t],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(&backend.poll(&task(kind)).await.unwrap(), state, "{action}");
        let seen = &vendor.seen()[number];
        assert_eq!((seen.action(), seen.own()), (action, form));
    }
}

#[tokio::test]
async fn a_task_that_says_nothing_is_not_finished() {
    let vendor = Vendor::saying(Reply::ok(json!({"RequestId": "r", "TaskId": "t-1"}))).await;
    let error = vendor.backend().poll(&task(TaskKind::Policy)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient);
}

#[tokio::test]
async fn what_is_done_at_once_has_no_task() {
    let vendor = Vendor::saying(Reply::ok(json!({"RequestId": "r", "TaskId": ""}))).await;
    let backend = vendor.backend();
    for case in operations()
        .into_iter()
        .filter(|case| case.action == "SetClusterPolicy")
    {
        assert_eq!(backend.submit(&case.operation).await.unwrap().task, None);
    }
}

#[tokio::test]
async fn a_ticket_is_asked_for_once_and_decoded() {
    let vendor = Vendor::script(vec![
        Reply::ok(json!({"RequestId": "r", "TaskId": "t-1", "TaskFinished": "false"})),
        Reply::ok(json!({"RequestId": "r", "TaskId": "t-1", "TaskFinished": "false", "Ticket": ""})),
        // "[WFClient]\nVersion=2\n" in two lines and without padding.
        Reply::ok(json!({"RequestId": "r", "TaskId": "t-1", "TaskFinished": "true", "Ticket": "W1dGQ2xpZW50XQpW\r\nZXJzaW9uPTIK"})),
    ])
    .await;
    let backend = vendor.backend();
    let request = TicketRequest {
        desktop_id: "i-1".into(),
        application: Some("notepad".into()),
        credentials: Some(("alice".into(), "canary-password".into())),
    };
    let begun = backend.request_ticket(&request).await.unwrap();
    assert!(backend.fetch_ticket(&request, &begun).await.unwrap().is_none());
    let ticket = backend.fetch_ticket(&request, &begun).await.unwrap().unwrap();
    assert_eq!(
        secrecy::ExposeSecret::expose_secret(&ticket.content),
        "[WFClient]\nVersion=2\n"
    );
    assert!(!format!("{ticket:?} {request:?}").contains("WFClient"));
    let asked = [
        ("AppName", "notepad"),
        ("AsyncMode", "true"),
        ("InstanceId", "i-1"),
        ("Password", "canary-password"),
        ("UserName", "alice"),
    ];
    let seen = vendor.seen();
    assert_eq!(seen[0].own(), asked);
    for later in &seen[1..] {
        assert!(later.own().contains(&("TaskId", "t-1")));
        assert!(!later.head.contains("canary-password"));
    }
}
