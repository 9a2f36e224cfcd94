//! Every answer of the vendor's document, read the way the controllers would have it read. The document has no
//! examples but tables, of which these are made.

use desktop_operator::api::cluster::ClusterState;
use desktop_operator::api::desktop::DesktopState;
use desktop_operator::backend::{
    DirectoryState, ErrorClass, Flavor, ImageState, ObservedCluster, ObservedDesktop, ObservedImage, ObservedUser,
};
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::{at, examples, examples_but};
use crate::gws::vendor::{Reply, Vendor};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn the_tenant_is_the_only_cluster() {
    let vendor = examples().await;
    let backend = at(&vendor);
    let cluster = ObservedCluster {
        id: "vpc-xxx".into(),
        name: Some("xxx".into()),
        vendor_state: "Active".into(),
        state: ClusterState::Running,
        vpc_id: Some("vpc-xxx".into()),
        domain_name: Some("xxx.com".into()),
        ..ObservedCluster::default()
    };
    assert_eq!(backend.list_clusters().await.unwrap(), std::slice::from_ref(&cluster));
    assert_eq!(backend.get_cluster("vpc-xxx").await.unwrap(), Some(cluster));
    assert_eq!(backend.get_cluster("vpc-other").await.unwrap(), None);
    let directory = DirectoryState {
        supported: Some(false),
        domain_name: Some("xxx.com".into()),
        dns_ip: Some("192.168.0.1".into()),
    };
    assert_eq!(backend.get_directory("vpc-xxx").await.unwrap(), directory);
}

#[tokio::test]
async fn desktops_images_and_users() {
    let vendor = examples().await;
    let backend = at(&vendor);
    let desktop = ObservedDesktop {
        id: "desktop-xxx".into(),
        cluster_id: Some("vpc-xxx".into()),
        name: Some("xxx".into()),
        vendor_state: "Running".into(),
        state: DesktopState::Running,
        flavor: Some("desktop.n1.small".into()),
        user_name: Some("user-xxx".into()),
        private_address: Some("192.168.0.3".into()),
        prepaid: Some(true),
        expires: Some(time("2020-10-02T17:02:03Z")),
        created: Some(time("2020-09-02T17:02:03Z")),
        ..ObservedDesktop::default()
    };
    assert_eq!(backend.list_desktops("vpc-xxx").await.unwrap(), [desktop]);
    let image = |custom| ObservedImage {
        id: "img-xxx".into(),
        name: Some("xxx".into()),
        vendor_state: String::new(),
        state: ImageState::Available,
        progress: Some(100),
        size_gib: None,
        custom,
        created: Some(time("2020-09-02T17:02:03Z")),
        ..ObservedImage::default()
    };
    // The same answer to both types of image.
    assert_eq!(backend.list_images().await.unwrap(), [image(true), image(false)]);
    let user = ObservedUser {
        name: "user-xxx".into(),
        email: Some("user@xxx.com".into()),
        usable: true,
        ..ObservedUser::default()
    };
    assert_eq!(backend.list_users().await.unwrap(), [user]);
}

#[tokio::test]
async fn the_catalog() {
    let vendor = examples().await;
    let catalog = at(&vendor).catalog().await.unwrap();
    let flavor = Flavor {
        id: "desktop.ga1.2xlarge".into(),
        cpus: Some(8),
        memory_gib: Some(20),
        gpu: Some("xxx".into()),
        ..Flavor::default()
    };
    assert_eq!(catalog.flavors, [flavor]);
    assert_eq!(catalog.regions, ["cn-hangzhou"]);
    assert!(catalog.cluster_types.is_empty());
}

/// A server that gives an action another answer.
async fn saying(action: &'static str, body: Value) -> Vendor {
    examples_but(move |asked| (asked == action).then(|| Reply::ok(body.clone()))).await
}

#[tokio::test]
async fn lists_come_in_any_form() {
    let row = json!({"RegionId": "cn-beijing"});
    for regions in [
        json!([row]),
        row.clone(),
        json!({"Region": [row]}),
        json!([row]).to_string().into(),
        json!({"Region": [row]}).to_string().into(),
    ] {
        let vendor = saying("DescribeRegions", json!({"RequestId": "r", "Regions": regions})).await;
        assert_eq!(
            at(&vendor).catalog().await.unwrap().regions,
            ["cn-beijing"],
            "{regions}"
        );
    }
    let row = json!({"TypeItemId": "b", "Cpu": "2", "Memory": 4.0});
    for types in [
        json!({"TypeItems": [row, {"TypeItemId": "a"}]}),
        json!({"DesktopTypeItems": {"Item": [row, {"TypeItemId": "a", "Gpu": 0, "GpuSpec": ""}]}}),
    ] {
        let mut body = json!({"RequestId": "r", "More": {"a": [1]}});
        body.as_object_mut().unwrap().extend(types.as_object().unwrap().clone());
        let vendor = saying("DescribeDesktopTypeItems", body).await;
        let flavors = at(&vendor).catalog().await.unwrap().flavors;
        let ids: Vec<_> = flavors.iter().map(|flavor| (flavor.id.as_str(), flavor.cpus)).collect();
        assert_eq!(ids, [("a", None), ("b", Some(2))], "{types}");
    }
    for users in [
        json!({"Name": "a"}),
        json!([{"Name": "a"}]),
        json!({"UserInfo": {"Name": "a", "Email": ""}}),
    ] {
        let vendor = saying(
            "DescribeActivityDirectoryUsers",
            json!({"RequestId": "r", "Users": users}),
        )
        .await;
        let listed = at(&vendor).list_users().await.unwrap();
        assert_eq!((listed.len(), listed[0].usable), (1, false), "{users}");
    }
}

#[tokio::test]
async fn what_is_missing_is_not_taken_for_nothing() {
    let cases = [
        ("DescribeRegions", json!({})),
        ("DescribeRegions", json!({"Regions": "cn-beijing"})),
        ("DescribeRegions", json!({"Regions": [{"LocalName": "x"}]})),
        ("DescribeDesktopTypeItems", json!({})),
        ("DescribeDesktopTypeItems", json!({"TypeItems": []})),
        ("DescribeActivityDirectoryUsers", json!({})),
        ("DescribeActivityDirectoryUsers", json!({"Users": null})),
        ("DescribeActivityDirectoryUsers", json!({"Users": [{"Email": "a@b"}]})),
        ("DescribeDesktopOwner", json!({})),
        ("DescribeDesktopOwner", json!({"Status": "Active"})),
        ("DescribeDesktops", json!({})),
        ("DescribeDesktops", json!({"Total": 1})),
        (
            "DescribeDesktops",
            json!({"Total": 2, "Desktops": [{"DesktopId": "a"}]}),
        ),
        (
            "DescribeDesktops",
            json!({"Total": 1, "Desktops": [{"Status": "Running"}]}),
        ),
        ("DescribeImages", json!({"Total": 1, "Images": []})),
    ];
    join_all(cases.into_iter().map(|(action, body)| async move {
        let shown = format!("{action} {body}");
        let vendor = saying(action, body).await;
        let backend = at(&vendor);
        let error = match action {
            "DescribeRegions" | "DescribeDesktopTypeItems" => backend.catalog().await.unwrap_err(),
            "DescribeActivityDirectoryUsers" => backend.list_users().await.unwrap_err(),
            "DescribeDesktopOwner" => backend.list_clusters().await.unwrap_err(),
            "DescribeDesktops" => backend.list_desktops("vpc-xxx").await.unwrap_err(),
            _ => backend.list_images().await.unwrap_err(),
        };
        assert_eq!((error.class, error.action), (ErrorClass::Transient, action), "{shown}");
    }))
    .await;
}

#[tokio::test]
async fn a_tenant_that_is_being_set_up() {
    for (body, expected) in [
        (json!({"Status": "Config"}), None),
        (
            json!({"Status": "Config", "OwnerVpcId": "vpc-1"}),
            Some(ClusterState::Creating),
        ),
        (
            json!({"Status": "active", "OwnerVpcId": "vpc-1"}),
            Some(ClusterState::Running),
        ),
        (
            json!({"Status": "Levitating", "OwnerVpcId": "vpc-1"}),
            Some(ClusterState::Unknown),
        ),
    ] {
        let vendor = saying("DescribeDesktopOwner", body.clone()).await;
        let listed = at(&vendor).list_clusters().await.unwrap();
        assert_eq!(listed.first().map(|cluster| cluster.state), expected, "{body}");
    }
}

#[tokio::test]
async fn states_are_read_in_any_case_and_unknown_words_mean_nothing() {
    for (word, state) in [
        ("Creating", DesktopState::Creating),
        ("PENDING", DesktopState::Creating),
        ("Starting", DesktopState::Starting),
        ("running", DesktopState::Running),
        ("Stopping", DesktopState::Stopping),
        ("Stopped", DesktopState::Stopped),
        ("Rebooting", DesktopState::Restarting),
        ("Rebuilding", DesktopState::Restarting),
        ("Deleting", DesktopState::Deleting),
        ("Expired", DesktopState::Suspended),
        ("Failed", DesktopState::Failed),
        ("Levitating", DesktopState::Unknown),
        ("", DesktopState::Unknown),
    ] {
        let rows = json!({"Total": 1, "Desktops": [{"DesktopId": "a", "Status": word}]});
        let vendor = saying("DescribeDesktops", rows).await;
        let listed = at(&vendor).list_desktops("vpc-1").await.unwrap();
        assert_eq!((listed[0].state, listed[0].vendor_state.as_str()), (state, word));
    }
    for (word, process, state) in [
        ("", "100%", ImageState::Available),
        ("", "40%", ImageState::Creating),
        ("", "", ImageState::Unknown),
        ("Whatever", "100%", ImageState::Available),
        ("Available", "", ImageState::Available),
        ("Available", "99%", ImageState::Creating),
        ("Creating", "100%", ImageState::Creating),
        ("CreateFailed", "100%", ImageState::Failed),
        ("UnAvailable", "100%", ImageState::Unavailable),
        ("Deleted", "100%", ImageState::Missing),
    ] {
        let rows = json!({"Total": 1, "Images": [{"ImageId": "a", "Status": word, "Process": process}]});
        let vendor = saying("DescribeImages", rows).await;
        let listed = at(&vendor).list_images().await.unwrap();
        assert_eq!(listed[0].state, state, "{word} {process}");
    }
}
