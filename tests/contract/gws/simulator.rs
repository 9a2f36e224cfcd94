//! A whole life at the simulator, with the odd types of the document's examples.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use desktop_operator::api::cluster::ClusterState;
use desktop_operator::api::desktop::DesktopState;
use desktop_operator::backend::connect::{ConnectSettings, connect};
use desktop_operator::backend::model::TicketRequest;
use desktop_operator::backend::{
    Backend, BackendError, ClusterSpec, DesktopSpec, ErrorClass, ImageState, Operation, Receipt, Task, TaskState,
};
use desktop_operator::http::endpoint::EndpointPolicy;
use desktop_operator::http::observe::Unobserved;
use desktop_operator::sim::{Sim, SimConfig};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use secrecy::ExposeSecret;

use super::calls::{desktop, place, policy, user};
use super::vendor::spec;
use crate::waiting::until;

fn backend(sim: &Sim, secret: &str) -> Arc<dyn Backend> {
    let settings = ConnectSettings {
        endpoints: EndpointPolicy::new(&[sim.url().to_owned()]).unwrap(),
        observer: Arc::new(Unobserved),
        deadline: Duration::from_secs(30),
    };
    let secret: BTreeMap<String, Vec<u8>> = [("accessKeyId", "testid"), ("accessKeySecret", secret)]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .into();
    connect("account", &spec(Some(sim.url())), &secret, &settings).unwrap()
}

async fn finished(backend: &dyn Backend, task: &Task) {
    until(|| async { (backend.poll(task).await.unwrap() == TaskState::Finished).then_some(()) }).await;
}

async fn submit(backend: &dyn Backend, operation: Operation) -> Receipt {
    let receipt = backend.submit(&operation).await.unwrap();
    if let Some(task) = &receipt.task {
        finished(backend, task).await;
    }
    receipt
}

async fn is(backend: &dyn Backend, cluster_id: &str, desktop_id: &str, state: DesktopState) {
    until(|| async {
        let listed = backend.list_desktops(cluster_id).await.unwrap();
        let found = listed.into_iter().find(|desktop| desktop.id == desktop_id);
        found.filter(|desktop| desktop.state == state)
    })
    .await;
}

async fn cluster(backend: &dyn Backend, cluster_type: &str) -> String {
    backend.prepare().await.unwrap();
    // Once more does no harm.
    backend.prepare().await.unwrap();
    let create = Operation::CreateCluster(ClusterSpec {
        cluster_type: cluster_type.into(),
        vpc_id: Some("vpc-1".into()),
        subnet_id: None,
    });
    let id = submit(backend, create).await.id.unwrap();
    until(|| async {
        let cluster = backend.get_cluster(&id).await.unwrap();
        cluster.filter(|cluster| cluster.state == ClusterState::Running)
    })
    .await;
    id
}

async fn create(backend: &dyn Backend, cluster_id: &str) -> String {
    let create = Operation::CreateDesktop(Box::new(DesktopSpec {
        place: place(cluster_id),
        image_id: "m-windows2019".into(),
        ..desktop()
    }));
    let id = submit(backend, create).await.id.unwrap();
    is(backend, cluster_id, &id, DesktopState::Running).await;
    id
}

#[tokio::test]
async fn a_cluster_lives_and_dies() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = &*backend(&sim, "testsecret");
    let types = backend.catalog().await.unwrap().cluster_types;
    assert!(types.iter().any(|(_, kind)| kind == "gws.s1.advanced"), "{types:?}");
    let cluster_id = cluster(backend, "gws.s1.advanced").await;
    let name = "研发 集群*~/+&=";
    submit(
        backend,
        Operation::RenameCluster {
            cluster_id: cluster_id.clone(),
            name: name.into(),
        },
    )
    .await;
    let values = policy(&[
        ("clipboard", "ClientToDesktop"),
        ("localDrive", "ReadOnly"),
        ("udp", "false"),
        ("usbRedirection", "true"),
        ("watermark", "true"),
    ]);
    submit(
        backend,
        Operation::SetPolicy {
            cluster_id: cluster_id.clone(),
            values: values.clone(),
        },
    )
    .await;
    assert_eq!(backend.get_policy(&cluster_id).await.unwrap(), values);

    let (domain_name, dns_ip) = (String::from("corp.example.com"), String::from("10.0.0.1"));
    let link = Operation::SetDirectory {
        cluster_id: cluster_id.clone(),
        domain_name: domain_name.clone(),
        dns_ip: dns_ip.clone(),
        admin: "administrator".into(),
        password: "pass&word +%".into(),
    };
    submit(backend, link).await;
    let directory = backend.get_directory(&cluster_id).await.unwrap();
    assert_eq!(directory.supported, Some(true));
    assert_eq!(directory.domain_name.as_ref(), Some(&domain_name));
    let unlink = Operation::RemoveDirectory {
        cluster_id: cluster_id.clone(),
        domain_name,
        dns_ip,
    };
    submit(backend, unlink).await;
    assert_eq!(backend.get_directory(&cluster_id).await.unwrap().domain_name, None);

    for nat in [Some(("ngw-1".to_owned(), None)), None] {
        submit(
            backend,
            Operation::SetNat {
                cluster_id: cluster_id.clone(),
                nat: nat.clone(),
            },
        )
        .await;
        let cluster = backend.get_cluster(&cluster_id).await.unwrap().unwrap();
        assert_eq!(cluster.nat_id, nat.map(|(id, _)| id));
        assert_eq!(cluster.name.as_deref(), Some(name));
    }
    assert_eq!(backend.list_clusters().await.unwrap().len(), 1);

    submit(
        backend,
        Operation::DeleteCluster {
            cluster_id: cluster_id.clone(),
        },
    )
    .await;
    until(|| async {
        let cluster = backend.get_cluster(&cluster_id).await.unwrap();
        cluster
            .is_none_or(|cluster| cluster.state == ClusterState::Deleted)
            .then_some(())
    })
    .await;
    sim.stop().await;
}

#[tokio::test]
async fn a_desktop_lives_and_dies() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = &*backend(&sim, "testsecret");
    let cluster_id = cluster(backend, "gws.s1.standard").await;
    let desktop_id = create(backend, &cluster_id).await;
    let id = || desktop_id.clone();
    submit(
        backend,
        Operation::RenameDesktop {
            desktop_id: id(),
            name: "bob".into(),
        },
    )
    .await;
    let assign = Operation::AssignUser {
        desktop_id: id(),
        user: user("bob", Some("1234")),
    };
    submit(backend, assign).await;
    let listed = backend.list_desktops(&cluster_id).await.unwrap();
    assert_eq!(listed[0].name.as_deref(), Some("bob"));
    assert_eq!(listed[0].user_name.as_deref(), Some("bob"));
    assert_eq!(listed[0].user_uid.as_deref(), Some("1234"));
    assert_eq!((listed[0].prepaid, listed[0].expires), (Some(false), None));

    let request = TicketRequest {
        desktop_id: id(),
        application: None,
        credentials: None,
    };
    let task = backend.request_ticket(&request).await.unwrap();
    let ticket = until(|| async { backend.fetch_ticket(&request, &task).await.unwrap() }).await;
    assert!(!ticket.content.expose_secret().is_empty());

    let display = Operation::SetDisplayPolicy {
        desktop_id: id(),
        visual_lossless: true,
        optimize_for3d: false,
    };
    submit(backend, display).await;
    let shown = backend.get_display_policy(&desktop_id).await.unwrap();
    assert_eq!(shown.get("visualLossless"), Some("N/A"), "it has no GPU");

    submit(backend, Operation::RestartDesktop { desktop_id: id() }).await;
    is(backend, &cluster_id, &desktop_id, DesktopState::Running).await;
    submit(backend, Operation::StopDesktop { desktop_id: id() }).await;
    is(backend, &cluster_id, &desktop_id, DesktopState::Stopped).await;
    let again = backend
        .submit(&Operation::StopDesktop { desktop_id: id() })
        .await
        .unwrap_err();
    assert_eq!(again.class, ErrorClass::Conflict);
    image(backend, &desktop_id).await;
    is(backend, &cluster_id, &desktop_id, DesktopState::Stopped).await;
    submit(backend, Operation::StartDesktop { desktop_id: id() }).await;
    is(backend, &cluster_id, &desktop_id, DesktopState::Running).await;

    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let task = backend.request_sessions(&cluster_id, today, today).await.unwrap();
    let sessions = until(|| async { backend.fetch_sessions(&task).await.unwrap() }).await;
    assert_eq!(sessions, []);

    submit(backend, Operation::DeleteDesktop { desktop_id: id() }).await;
    until(|| async {
        backend
            .list_desktops(&cluster_id)
            .await
            .unwrap()
            .is_empty()
            .then_some(())
    })
    .await;
    sim.stop().await;
}

async fn image(backend: &dyn Backend, desktop_id: &str) {
    let create = Operation::CreateImage {
        desktop_id: desktop_id.into(),
        name: "golden".into(),
    };
    let image_id = submit(backend, create).await.id.unwrap();
    let rename = Operation::RenameImage {
        image_id: image_id.clone(),
        name: "gold".into(),
    };
    let image = until(|| async {
        let listed = backend.list_images().await.unwrap();
        let found = listed.into_iter().find(|image| image.id == image_id);
        found.filter(|image| image.state == ImageState::Available)
    })
    .await;
    assert!(image.custom && image.progress == Some(100), "{image:?}");
    submit(backend, rename).await;
    submit(
        backend,
        Operation::DeleteImage {
            image_id: image_id.clone(),
        },
    )
    .await;
    until(|| async {
        let listed = backend.list_images().await.unwrap();
        (!listed.iter().any(|image| image.id == image_id)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_are_told_from_other_errors() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let check = |result: Result<(), BackendError>| {
        let error = result.unwrap_err();
        assert_eq!(error.class, ErrorClass::Auth, "{error}");
        assert!(!format!("{error} {error:?}").contains("testid"), "{error:?}");
    };
    let backend = backend(&sim, "wrong-secret");
    check(backend.prepare().await);
    let create = Operation::CreateDesktop(Box::new(desktop()));
    check(backend.submit(&create).await.map(|_| ()));
    sim.stop().await;
}
