//! Every example answer of the vendor's document, read the way the controllers would have it read.

use std::path::Path;

use desktop_operator::api::cluster::ClusterState;
use desktop_operator::api::desktop::{DesktopState, PeriodUnit};
use desktop_operator::backend::model::{Line, NetworkPart};
use desktop_operator::backend::{
    ClusterSpec, Flavor, ImageState, ObservedCluster, ObservedDesktop, ObservedImage, ObservedUser, Operation,
    TaskState, UserSpec,
};
use desktop_operator::sim::capital_online::Edition;
use serde_json::{Value, json};

use super::backend::{connect_with, create, desktop_in, job, term, user};
use super::vendor::Vendor;

/// The sites of the examples.
const LOUDI: &str = "ebbfcb70-a98f-11ec-926b-8aaa763f849e";
const XIANGYANG: &str = "32e6fd62-9bac-11ec-875a-2a8d1f4e167e";

fn example(action: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/capital_online");
    serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{action}.json"))).unwrap()).unwrap()
}

/// A server that answers every action with its example.
async fn vendor() -> Vendor {
    Vendor::start(|seen| (200, example(seen.action()))).await
}

fn at(vendor: &Vendor, site: &str) -> std::sync::Arc<dyn desktop_operator::backend::Backend> {
    let block = json!({"siteId": site, "endpoint": vendor.url});
    connect_with(&vendor.url, &block, std::time::Duration::from_secs(30))
}

#[tokio::test]
async fn the_catalog() {
    let vendor = vendor().await;
    at(&vendor, XIANGYANG).prepare().await.unwrap();
    let catalog = at(&vendor, XIANGYANG).catalog().await.unwrap();
    let line = |id: &str, name: &str| Line {
        id: id.to_owned(),
        name: Some(name.to_owned()),
    };
    assert_eq!(
        catalog.lines,
        [line("10289", "电信"), line("10298", "移动"), line("10307", "联通")]
    );
    assert_eq!(catalog.flavors, []);
    let error = at(&vendor, LOUDI).prepare().await.unwrap_err();
    assert!(error.message.contains("siteId"), "{error}");
}

#[tokio::test]
async fn flavors_images_and_prices() {
    let mut sites = example("QuerySites");
    sites["Data"][0]["siteId"] = json!(LOUDI);
    let vendor = Vendor::start(move |seen| match seen.action() {
        "QuerySites" => (200, sites.clone()),
        action => (200, example(action)),
    })
    .await;
    let backend = at(&vendor, LOUDI);
    let flavor = Flavor {
        id: "e0997510-1b69-4de8-85a8-cc44b2dd28f8".to_owned(),
        cpus: Some(14),
        memory_gib: Some(25),
        gpu: Some("NVIDIA A5000 24 GiB".to_owned()),
        price: Some("0.1868333333 per minute, 3364 per month".to_owned()),
        available: None,
    };
    assert_eq!(backend.catalog().await.unwrap().flavors, [flavor]);

    let image = |id: &str, name: &str, size_gib, custom| ObservedImage {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        vendor_state: "Available".to_owned(),
        state: ImageState::Available,
        progress: None,
        size_gib,
        custom,
        ..ObservedImage::default()
    };
    let mut listed = backend.list_images().await.unwrap();
    for image in &mut listed {
        // At the account's site it is what the image itself says; at every other it has a word of its own.
        let sites = std::mem::take(&mut image.sites);
        assert!(sites.len() > 1 && sites.is_sorted_by_key(|site| &site.id), "{sites:?}");
        assert!(
            sites
                .iter()
                .all(|site| site.usable == (site.vendor_state == "Available")),
            "{sites:?}"
        );
    }
    assert_eq!(
        listed,
        [
            image(
                "0e0f9143-35c5-4368-8c62-4bab440a9b9d",
                "Windows10-公共镜像-图像处理型",
                None,
                false
            ),
            image("e363df6f-2916-4efd-a243-50de5fb8928d", "定制模板", Some(32), true),
        ]
    );
    let elsewhere = at(&vendor, XIANGYANG).list_images().await.unwrap();
    assert!(elsewhere.iter().all(|image| image.state == ImageState::Unavailable));

    let mut spec = desktop_in("73cbf764-cdcb-11ec-a318-ee97882ecf7d");
    spec.flavor = "e0997510-1b69-4de8-85a8-cc44b2dd28f8".to_owned();
    let estimate = backend.estimate(&spec).await.unwrap();
    assert_eq!(
        (
            estimate.desktop.as_str(),
            estimate.address.as_deref(),
            estimate.per.as_str()
        ),
        ("0.11", Some("2.5/天"), "Hour")
    );
}

#[tokio::test]
async fn networks() {
    let vendor = vendor().await;
    let part = |id: &str, name: &str| NetworkPart {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        state: Some("ok".to_owned()),
    };
    let gateways = vec![
        part("8054ab84-cdcb-11ec-a318-ee97882ecf7d", "电信"),
        part("80587138-cdcb-11ec-a318-ee97882ecf7d", "移动"),
    ];
    let default = ObservedCluster {
        id: "73cbf764-cdcb-11ec-a318-ee97882ecf7d".to_owned(),
        name: Some("娄底-云桌面默认VPC".to_owned()),
        vendor_state: "ok".to_owned(),
        state: ClusterState::Running,
        vpc_id: Some("73cbf764-cdcb-11ec-a318-ee97882ecf7d".to_owned()),
        // In China's time.
        created: Some("2022-05-07T06:03:44Z".parse().unwrap()),
        default_network: true,
        subnets: vec![part("73d2c7ec-cdcb-11ec-a318-ee97882ecf7d", "子网1")],
        gateways: gateways.clone(),
        ..ObservedCluster::default()
    };
    let custom = ObservedCluster {
        id: "2c869a08-d749-11ec-9fb4-ca91557d24a6".to_owned(),
        name: Some("襄阳-云桌面默认VPC".to_owned()),
        vpc_id: Some("2c869a08-d749-11ec-9fb4-ca91557d24a6".to_owned()),
        created: None,
        default_network: false,
        subnets: vec![part("2c93fcac-d749-11ec-9fb4-ca91557d24a6", "子网1")],
        ..default.clone()
    };
    assert_eq!(at(&vendor, LOUDI).list_clusters().await.unwrap(), [default, custom]);
}

#[tokio::test]
async fn desktops() {
    let vendor = vendor().await;
    let backend = at(&vendor, LOUDI);
    let vpc = "73cbf764-cdcb-11ec-a318-ee97882ecf7d";
    let desktop = ObservedDesktop {
        id: "a8d09bab-64d4-4549-9c8c-0efe19423e5e".to_owned(),
        cluster_id: Some(vpc.to_owned()),
        name: Some("openapi_test_2".to_owned()),
        vendor_state: "using".to_owned(),
        state: DesktopState::Running,
        flavor: Some("745f6546-dc5f-492f-82d1-9eb47cd9fa2d".to_owned()),
        private_address: Some("10.1.0.14".to_owned()),
        public_address: Some("120.226.84.70".to_owned()),
        prepaid: Some(false),
        // The example says 2098.
        expires: None,
        ..ObservedDesktop::default()
    };
    assert_eq!(backend.list_desktops(vpc).await.unwrap(), [desktop]);
    assert_eq!(backend.list_desktops("another").await.unwrap(), []);
    // It has no term, so nobody asks what ends soon; the example says that nothing does.
    assert!(vendor.seen().iter().all(|seen| seen.action() != "QueryExpireVms"));
    assert_eq!(example("QueryExpireVms")["data"], json!([]));
}

#[tokio::test]
async fn people() {
    let vendor = vendor().await;
    let backend = at(&vendor, LOUDI);
    let found = ObservedUser {
        id: Some("7e7ba91e-4357-470a-9609-ce60d9d7e38f".to_owned()),
        name: "miao123".to_owned(),
        email: Some("user@example.com".to_owned()),
        remark: Some("miao123".to_owned()),
        vendor_state: None,
        usable: true,
    };
    assert_eq!(backend.list_users().await.unwrap(), [found]);
    let spec = |email: &str| UserSpec {
        name: "a".to_owned(),
        email: Some(email.to_owned()),
        remark: None,
    };
    assert_eq!(backend.create_users(&[spec("a@example.com")]).await.unwrap(), [Ok(())]);
    // The example is of one whose creation failed; it does not account for two.
    let users = [spec("a@example.com"), spec("user@example.com")];
    assert!(backend.create_users(&users).await.is_err());
    backend.rename_user("user@example.com", "b").await.unwrap();
    backend
        .remark_users(&["user@example.com".to_owned()], "r")
        .await
        .unwrap();
}

#[tokio::test]
async fn changes_and_their_tasks() {
    let vendor = vendor().await;
    let backend = at(&vendor, LOUDI);
    let vm = || "a8d09bab-64d4-4549-9c8c-0efe19423e5e".to_owned();
    let number = "6ca9ed98-27c8-4431-995f-59cc6d743dab";
    let other = "ebbfcb70-a98f-11ec-926b-8aaa763f849e";
    let mut spec = desktop_in("73cbf764-cdcb-11ec-a318-ee97882ecf7d");
    spec.flavor = "745f6546-dc5f-492f-82d1-9eb47cd9fa2d".to_owned();
    spec.image_id = "0e0f9143-35c5-4368-8c62-4bab440a9b9d".to_owned();
    let cluster = ClusterSpec {
        cluster_type: String::new(),
        vpc_id: None,
        subnet_id: None,
    };
    let tasks = [
        (create(spec), "53b150e2-bb27-4db1-8dc6-650eaba66fc2", number),
        (
            Operation::CreateCluster(cluster),
            "d460f799-6896-4d93-b037-02ee2efb3adb",
            number,
        ),
        (
            Operation::RepairCluster {
                cluster_id: "73cbf764-cdcb-11ec-a318-ee97882ecf7d".to_owned(),
            },
            "d460f799-6896-4d93-b037-02ee2efb3adb",
            number,
        ),
        (
            Operation::StopDesktop { desktop_id: vm() },
            "10e0284f-6ce5-4cb0-a61e-4858865d9295",
            other,
        ),
        (
            Operation::RestartDesktop { desktop_id: vm() },
            "10e0284f-6ce5-4cb0-a61e-4858865d9295",
            other,
        ),
        (
            Operation::DeleteDesktop { desktop_id: vm() },
            "8eb19f5b-fd44-4225-94f5-0f9e39e56695",
            other,
        ),
    ];
    for (operation, task_id, request_id) in tasks {
        let receipt = backend
            .submit(&operation)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let task = receipt.task.expect("a task");
        assert_eq!(task.task_id, format!("{task_id}/{request_id}"), "{}", operation.name());
        // The example is of a task that failed.
        let TaskState::Failed(error) = backend.poll(&task).await.unwrap() else {
            panic!("it failed");
        };
        assert!(error.message.contains("平台关机的云桌面不存在"), "{error}");
    }
    for operation in [
        Operation::RenameDesktop {
            desktop_id: vm(),
            name: "a".to_owned(),
        },
        Operation::LabelDesktop {
            desktop_id: vm(),
            label: "l".to_owned(),
        },
        Operation::AssignUser {
            desktop_id: vm(),
            user: user("miao123", Some("user@example.com")),
        },
        Operation::UnassignUser { desktop_id: vm() },
    ] {
        let receipt = backend.submit(&operation).await.unwrap();
        assert!(receipt.task.is_none() && !receipt.gone, "{}", operation.name());
    }
    for operation in [
        Operation::ConvertBilling {
            desktop_id: "1f08cc62-c24b-46dd-b190-bf139d00ee82".to_owned(),
            term: term(1, PeriodUnit::Month, false),
        },
        Operation::RenewDesktop {
            desktop_id: "1f08cc62-c24b-46dd-b190-bf139d00ee82".to_owned(),
            term: term(1, PeriodUnit::Month, false),
        },
    ] {
        backend.submit(&operation).await.unwrap();
    }
}

/// The example desktop is on, and an image is only put on one that is off.
#[tokio::test]
async fn rebuilding() {
    let mut off = example("QueryVm");
    off["Data"]["status"] = json!("stop");
    let vendor = Vendor::start(move |seen| match seen.action() {
        "QueryVm" => (200, off.clone()),
        action => (200, example(action)),
    })
    .await;
    let rebuild = Operation::RebuildDesktop {
        desktop_id: "a8d09bab-64d4-4549-9c8c-0efe19423e5e".to_owned(),
        image_id: "e363df6f-2916-4efd-a243-50de5fb8928d".to_owned(),
    };
    let receipt = at(&vendor, LOUDI).submit(&rebuild).await.unwrap();
    let expected = "0b4b8f52-def3-466f-ac37-d1069590cbe9/6ca9ed98-27c8-4431-995f-59cc6d743dab";
    assert_eq!(receipt.task.unwrap().task_id, expected);
}

#[tokio::test]
async fn every_example_is_asked_for_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/capital_online");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 30);
    let vendor = Vendor::saying(json!({"status": "Exploded"})).await;
    let error = vendor.backend(Edition::Y2022).poll(&job("t/r")).await.unwrap_err();
    assert!(error.message.contains("Exploded"), "{error}");
    assert!(vendor.backend(Edition::Y2022).poll(&job("t")).await.is_err());
}
