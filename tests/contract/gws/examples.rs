//! Every example answer of the vendor's document, read the way the controllers would have it read.

use std::path::Path;

use desktop_operator::api::cluster::ClusterState;
use desktop_operator::api::desktop::DesktopState;
use desktop_operator::backend::model::TicketRequest;
use desktop_operator::backend::{
    Backend, DirectoryState, ErrorClass, ImageState, ObservedCluster, ObservedDesktop, ObservedImage, Operation,
    PolicyValues, Receipt, Session, Task, TaskKind, TaskState,
};
use jiff::Timestamp;
use jiff::civil::date;

use super::calls::operations;
use super::vendor::{Reply, Vendor};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn task(kind: TaskKind, object_id: &str) -> Task {
    let days = (kind == TaskKind::Sessions).then(|| date(2020, 9, 1));
    Task {
        kind,
        object_id: object_id.to_owned(),
        task_id: "t-xxx".to_owned(),
        from: days,
        to: days,
    }
}

/// A server that answers every action with its example.
async fn vendor() -> Vendor {
    Vendor::start(|seen, _| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/gws")
            .join(format!("{}.json", seen.action()));
        Reply::Raw(200, Vec::new(), std::fs::read(file).unwrap())
    })
    .await
}

#[tokio::test]
async fn listings() {
    let vendor = vendor().await;
    let backend = vendor.backend();
    let cluster = ObservedCluster {
        id: "gws-xxx".to_owned(),
        name: Some("cluster-xxx".into()),
        vendor_state: "running".to_owned(),
        state: ClusterState::Running,
        vpc_id: Some("vpc-xxx".into()),
        desktops: Some(1),
        domain_name: Some("xxx.com".into()),
        nat_id: Some("ngw-xxx".into()),
        nat_eip: Some("1.2.3.4".into()),
        created: Some(time("2019-09-25T08:17:39Z")),
        ..ObservedCluster::default()
    };
    assert_eq!(backend.list_clusters().await.unwrap(), std::slice::from_ref(&cluster));
    assert_eq!(backend.get_cluster("gws-xxx").await.unwrap(), Some(cluster));
    assert_eq!(backend.get_cluster("gws-other").await.unwrap(), None);

    let desktop = ObservedDesktop {
        id: "i-xxx".to_owned(),
        cluster_id: Some("gws-xxx".into()),
        name: Some("c0-i00-xx-t6-2c8g".into()),
        vendor_state: "Stopped".to_owned(),
        state: DesktopState::Stopped,
        stopped_mode: Some("停止".into()),
        flavor: Some("ecs.g6.large".into()),
        image_id: Some("m-xxx".into()),
        user_name: Some("user-xxx".into()),
        user_uid: Some("1234".into()),
        prepaid: Some(false),
        // The example says 2099.
        expires: None,
        created: Some(time("2019-10-12T07:35:00Z")),
        ..ObservedDesktop::default()
    };
    assert_eq!(backend.list_desktops("gws-xxx").await.unwrap(), [desktop]);
    assert_eq!(backend.list_desktops("gws-other").await.unwrap(), []);

    let image = ObservedImage {
        id: "m-bp125mb261tmk6tqvoni".to_owned(),
        name: Some("windows 2016 标准版 citrix 1903".into()),
        vendor_state: "Available".to_owned(),
        state: ImageState::Available,
        progress: Some(100),
        size_gib: Some(40),
        custom: false,
        created: Some(time("2019-05-27T05:33:42Z")),
        ..ObservedImage::default()
    };
    assert_eq!(backend.list_images().await.unwrap(), [image]);

    let catalog = backend.catalog().await.unwrap();
    assert_eq!(
        catalog.cluster_types,
        [("cn-hangzhou-i".to_owned(), "gws.s1.standard".to_owned())]
    );
}

#[tokio::test]
async fn descriptions() {
    let vendor = vendor().await;
    let backend = vendor.backend();
    backend.prepare().await.unwrap();
    let values = |pairs: &[(&'static str, &str)]| PolicyValues(pairs.iter().map(|(f, v)| (*f, (*v).into())).collect());
    assert_eq!(
        backend.get_policy("gws-xxx").await.unwrap(),
        values(&[
            ("clipboard", "Both"),
            ("localDrive", "ReadWrite"),
            ("udp", "true"),
            ("usbRedirection", "false"),
            ("watermark", "false"),
        ])
    );
    assert_eq!(
        backend.get_display_policy("i-xxx").await.unwrap(),
        values(&[("optimizeFor3d", "true"), ("visualLossless", "false")])
    );
    let directory = DirectoryState {
        supported: Some(true),
        domain_name: Some("abc.com".into()),
        dns_ip: Some("192.168.12.34".into()),
    };
    assert_eq!(backend.get_directory("gws-xxx").await.unwrap(), directory);
    for (kind, object) in [
        (TaskKind::Policy, "gws-xxx"),
        (TaskKind::Directory, "gws-xxx"),
        (TaskKind::DisplayPolicy, "i-xxx"),
        (TaskKind::Sessions, "gws-xxx"),
        (TaskKind::Ticket, "i-xxx"),
    ] {
        let state = backend.poll(&task(kind, object)).await.unwrap();
        assert_eq!(state, TaskState::Finished, "{kind:?}");
    }
}

#[tokio::test]
async fn sessions_and_tickets() {
    let vendor = vendor().await;
    let backend = vendor.backend();
    let day = date(2020, 9, 1);
    let expected = task(TaskKind::Sessions, "gws-xxx");
    let begun = backend.request_sessions("gws-xxx", day, day).await.unwrap();
    assert_eq!(begun, expected);
    let session = Session {
        desktop_id: "i-xxx".to_owned(),
        client_name: Some("client-xxx".into()),
        logon: Some(time("2020-09-01T01:02:03.456Z")),
        logoff: Some(time("2020-09-03T01:02:03.456Z")),
        open: false,
    };
    assert_eq!(backend.fetch_sessions(&begun).await.unwrap(), Some(vec![session]));

    let request = TicketRequest {
        desktop_id: "i-xxx".to_owned(),
        application: None,
        credentials: None,
    };
    let begun = backend.request_ticket(&request).await.unwrap();
    assert_eq!(begun, task(TaskKind::Ticket, "i-xxx"));
    // The example's ticket is a row of X, which decodes to no text.
    let error = backend.fetch_ticket(&request, &begun).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient);
    assert_eq!(error.message, "the ticket is not text in base64");
}

/// What the example of an operation's action yields.
fn expected(operation: &Operation) -> Receipt {
    let (id, kind) = match operation {
        Operation::CreateCluster(_) => (Some(String::from("gws-xxx")), None),
        Operation::CreateDesktop(_) => (Some(String::from("i-xxx")), None),
        Operation::CreateImage { .. } => (Some(String::from("m-xxx")), None),
        Operation::SetPolicy { .. } => (None, Some((TaskKind::Policy, "gws-1"))),
        Operation::SetDirectory { .. } | Operation::RemoveDirectory { .. } => {
            (None, Some((TaskKind::Directory, "gws-1")))
        }
        Operation::SetDisplayPolicy { .. } => (None, Some((TaskKind::DisplayPolicy, "i-1"))),
        _ => (None, None),
    };
    Receipt {
        id,
        task: kind.map(|(kind, object)| task(kind, object)),
        ..Receipt::default()
    }
}

#[tokio::test]
async fn every_change_and_no_example_left_over() {
    let vendor = vendor().await;
    let backend = vendor.backend();
    for case in operations() {
        let mut receipt = backend.submit(&case.operation).await.unwrap();
        assert!(receipt.request_id.take().is_some(), "{}", case.action);
        assert_eq!(receipt, expected(&case.operation), "{}", case.action);
    }
    touch_everything_else(&*backend).await;
    let seen = vendor.seen();
    let mut examples = 0;
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gws")).unwrap() {
        let path = file.unwrap().path();
        let action = path.file_stem().unwrap().to_str().unwrap();
        assert!(seen.iter().any(|s| s.action() == action), "{action} is never called");
        examples += 1;
    }
    assert_eq!(examples, 27);
}

async fn touch_everything_else(backend: &dyn Backend) {
    backend.prepare().await.unwrap();
    backend.catalog().await.unwrap();
    backend.list_clusters().await.unwrap();
    backend.list_desktops("gws-xxx").await.unwrap();
    backend.list_images().await.unwrap();
    backend.get_policy("gws-xxx").await.unwrap();
    backend.get_display_policy("i-xxx").await.unwrap();
    backend.get_directory("gws-xxx").await.unwrap();
    backend.poll(&task(TaskKind::Sessions, "gws-xxx")).await.unwrap();
    backend.poll(&task(TaskKind::Ticket, "i-xxx")).await.unwrap();
}
