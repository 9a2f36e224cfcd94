//! Objects change state as time passes and refuse what their state does not allow. Time stands nearly still here and
//! is moved by hand, so that no state can be missed.

use desktop_operator::sim::{AccountEdit, GwsEdit, Sim, SimConfig};
use serde_json::{Value, json};

use crate::sim_client::{Client, Params, as_refs, desktop_params, start, text};

/// Parameters beside the usual ones, and what they are refused with.
type Refused = (&'static [(&'static str, &'static str)], u16, &'static str);

/// A second at speed 1 lasts this many milliseconds here.
const SECOND: u64 = 1_000_000;

async fn still() -> (Sim, Client) {
    start(SimConfig::fast(0.001).strict()).await
}

fn pass(sim: &Sim, milliseconds: u64) {
    sim.edit(AccountEdit::Advance { milliseconds }).unwrap();
}

/// A running cluster.
async fn cluster(sim: &Sim, client: &Client) -> String {
    client.call("CreateServiceLinkedRole", &[]).await;
    let created = client
        .call(
            "CreateCluster",
            &[("ClusterType", "gws.s1.standard"), ("VpcId", "vpc-1")],
        )
        .await;
    pass(sim, 2 * SECOND);
    text(&created, "ClusterId")
}

/// A registered desktop with parameters beside the usual ones.
async fn desktop(sim: &Sim, client: &Client, cluster: &str, own: &[(&str, &str)]) -> String {
    let created = client.call("CreateInstance", &as_refs(&with(cluster, own))).await;
    pass(sim, 2 * SECOND);
    text(&created, "InstanceId")
}

/// The usual desktop with other parameters; an empty one is left out.
fn with(cluster: &str, own: &[(&str, &str)]) -> Params {
    let mut params = desktop_params(cluster, "a");
    for (name, value) in own {
        params.insert((*name).to_owned(), (*value).to_owned());
    }
    params.retain(|_, value| !value.is_empty());
    params
}

async fn row(client: &Client, list: &str, id: &str) -> Value {
    let (action, name) = match list {
        "Clusters" => ("DescribeClusters", "ClusterId"),
        "Images" => ("DescribeImages", "ImageId"),
        _ => ("DescribeInstances", "InstanceId"),
    };
    let listed = client.call(action, &[(name, id)]).await;
    let rows = listed[list].as_array().expect("a list");
    rows.iter().find(|row| row[name] == id).cloned().unwrap_or(Value::Null)
}

async fn status(client: &Client, id: &str) -> String {
    text(&row(client, "Instances", id).await, "Status")
}

#[tokio::test]
async fn a_cluster_needs_the_role_and_a_known_network() {
    let (_sim, client) = still().await;
    let create = async |own: &[(&str, &str)]| client.refused("CreateCluster", own).await;
    let good = [("ClusterType", "gws.s1.standard"), ("VpcId", "vpc-1")];
    assert_eq!(create(&good).await, (403, "Forbidden.ServiceLinkedRole".to_owned()));
    assert_eq!(
        client.call("CreateServiceLinkedRole", &[]).await["AlreadyExists"],
        false
    );
    assert_eq!(client.call("CreateServiceLinkedRole", &[]).await["AlreadyExists"], true);
    let unknown = [("ClusterType", "gws.s1.standard"), ("VpcId", "vpc-unheard-of")];
    assert_eq!(create(&unknown).await, (404, "InvalidVpcId.NotFound".to_owned()));
    let odd = [("ClusterType", "gws.s9.huge"), ("VpcId", "vpc-1")];
    assert_eq!(create(&odd).await, (400, "InvalidClusterType".to_owned()));
    assert_eq!(create(&good[..1]).await, (400, "MissingParameter".to_owned()));
}

#[tokio::test]
async fn a_cluster_lives_from_creating_to_gone() {
    let (sim, client) = still().await;
    client.call("CreateServiceLinkedRole", &[]).await;
    let created = client
        .call(
            "CreateCluster",
            &[("ClusterType", "gws.s1.standard"), ("VpcId", "vpc-1")],
        )
        .await;
    let id = text(&created, "ClusterId");
    let early = client.refused("CreateInstance", &as_refs(&with(&id, &[]))).await;
    assert_eq!(early, (403, "InvalidClusterStatus".to_owned()));
    for expected in ["creating", "starting", "running"] {
        assert_eq!(row(&client, "Clusters", &id).await["Status"], expected);
        pass(&sim, SECOND);
    }
    client.call("DeleteCluster", &[("ClusterId", &id)]).await;
    let late = client.refused("CreateInstance", &as_refs(&with(&id, &[]))).await;
    assert_eq!(late, (403, "InvalidClusterStatus".to_owned()));
    pass(&sim, SECOND / 2);
    assert_eq!(row(&client, "Clusters", &id).await["Status"], "deleted");
    pass(&sim, SECOND);
    assert_eq!(row(&client, "Clusters", &id).await, Value::Null);
    let gone = client.refused("DeleteCluster", &[("ClusterId", &id)]).await;
    assert_eq!(gone, (404, "InvalidClusterId.NotFound".to_owned()));
}

#[tokio::test]
async fn a_desktop_lives_from_creating_to_gone() {
    let (sim, client) = still().await;
    let cluster = cluster(&sim, &client).await;
    let created = client.call("CreateInstance", &as_refs(&with(&cluster, &[]))).await;
    let id = text(&created, "InstanceId");
    let own = [("InstanceId", id.as_str())];
    let wrong = (403, "IncorrectInstanceStatus".to_owned());

    assert_eq!(status(&client, &id).await, "Creating");
    for action in [
        "DeleteInstance",
        "StartInstance",
        "StopInstance",
        "RestartInstance",
        "CreateImage",
    ] {
        assert_eq!(client.refused(action, &own).await, wrong, "{action}");
    }
    pass(&sim, SECOND * 3 / 2);
    assert_eq!(status(&client, &id).await, "Initializing");
    pass(&sim, SECOND);
    assert_eq!(status(&client, &id).await, "Registered");

    client.call("StopInstance", &own).await;
    assert_eq!(status(&client, &id).await, "Stopping");
    assert_eq!(client.refused("StopInstance", &own).await, wrong);
    pass(&sim, SECOND);
    let stopped = row(&client, "Instances", &id).await;
    assert_eq!(
        (&stopped["Status"], &stopped["StoppedMode"]),
        (&json!("Stopped"), &json!("StopCharging"))
    );
    assert_eq!(client.refused("GetConnectTicket", &own).await, wrong);

    client.call("StartInstance", &own).await;
    assert_eq!(status(&client, &id).await, "Starting");
    pass(&sim, SECOND);
    client.call("RestartInstance", &own).await;
    for expected in ["Stopping", "Starting", "Unregistered", "Registered"] {
        assert_eq!(status(&client, &id).await, expected);
        pass(&sim, SECOND / 4);
    }

    let refused = client.refused("DeleteCluster", &[("ClusterId", &cluster)]).await;
    assert_eq!(refused, (403, "ConflictOpt".to_owned()));
    client.call("DeleteInstance", &own).await;
    assert_eq!(status(&client, &id).await, "Stopping");
    pass(&sim, SECOND);
    assert_eq!(row(&client, "Instances", &id).await, Value::Null);
    assert_eq!(
        client.refused("DeleteInstance", &own).await,
        (404, "InvalidInstanceId.NotFound".to_owned())
    );
}

#[tokio::test]
async fn what_cannot_be_made_is_refused() {
    let (sim, client) = still().await;
    let cluster = cluster(&sim, &client).await;
    let cases: [Refused; 16] = [
        (&[("ImageId", "")], 400, "MissingParameter"),
        (&[("ClusterId", "gws-nowhere")], 404, "InvalidClusterId.NotFound"),
        (&[("ImageId", "m-unheard-of")], 404, "InvalidImageId.NotFound"),
        (&[("InstanceType", "ecs.q9.tiny")], 400, "InvalidInstanceType.NotFound"),
        (&[("SystemDiskCategory", "floppy")], 400, "InvalidSystemDiskCategory"),
        (
            &[("SystemDiskCategory", "cloud_essd"), ("InstanceType", "ecs.n4.large")],
            400,
            "InvalidSystemDiskCategory.ValueNotSupported",
        ),
        (&[("SystemDiskSize", "30")], 400, "InvalidSystemDiskSize"),
        (&[("SystemDiskSize", "501")], 400, "InvalidSystemDiskSize"),
        (&[("SystemDiskSize", "many")], 400, "InvalidSystemDiskSize"),
        (&[("VSwitchId", "switch-1")], 404, "InvalidVSwitchId.NotFound"),
        (
            &[("AllocatePublicAddress", "maybe")],
            400,
            "InvalidAllocatePublicAddress",
        ),
        (
            &[("InternetMaxBandwidthOut", "101")],
            400,
            "InvalidInternetMaxBandwidthOut",
        ),
        (&[("WorkMode", "Application")], 400, "MissingParameter"),
        (
            &[("AppList.1.AppName", "n"), ("AppList.1.AppPath", "p")],
            400,
            "InvalidAppList",
        ),
        (
            &[
                ("InstanceChargeType", "PrePaid"),
                ("PeriodUnit", "Week"),
                ("Period", "5"),
            ],
            400,
            "InvalidPeriod",
        ),
        (
            &[
                ("InstanceChargeType", "PrePaid"),
                ("PeriodUnit", "Month"),
                ("Period", "10"),
            ],
            400,
            "InvalidPeriod",
        ),
    ];
    for (own, status, code) in cases {
        let refused = client.refused("CreateInstance", &as_refs(&with(&cluster, own))).await;
        assert_eq!(refused, (status, code.to_owned()), "{own:?}");
    }
    sim.edit(GwsEdit::SetStock {
        instance_type: "ecs.g6.large".to_owned(),
        in_stock: false,
    })
    .unwrap();
    let refused = client.refused("CreateInstance", &as_refs(&with(&cluster, &[]))).await;
    assert_eq!(refused, (403, "OperationDenied.NoStock".to_owned()));
    assert!(sim.ledger().committed("CreateInstance").is_empty());
}

#[tokio::test]
async fn prepaid_desktops_end_and_cannot_be_deleted_before() {
    let (sim, client) = still().await;
    let cluster = cluster(&sim, &client).await;
    let postpaid = desktop(&sim, &client, &cluster, &[]).await;
    assert_eq!(
        row(&client, "Instances", &postpaid).await["ExpireTime"],
        "2099-12-31T15:59Z"
    );
    let own = [
        ("InstanceChargeType", "PrePaid"),
        ("PeriodUnit", "Week"),
        ("Period", "1"),
    ];
    let prepaid = desktop(&sim, &client, &cluster, &own).await;
    let listed = row(&client, "Instances", &prepaid).await;
    let week = sim.read(|world| {
        let instance = &world.gws.instances[&prepaid];
        instance.expires.unwrap().duration_since(instance.created)
    });
    assert_eq!(
        (week.as_hours(), &listed["InstanceChargeType"]),
        (7 * 24, &json!("PrePaid"))
    );
    let refused = client.refused("DeleteInstance", &[("InstanceId", &prepaid)]).await;
    assert_eq!(refused, (403, "ChargeTypeViolation".to_owned()));
    client.call("StopInstance", &[("InstanceId", &prepaid)]).await;
    pass(&sim, 8 * 24 * 3_600_000);
    assert_eq!(
        row(&client, "Instances", &prepaid).await["StoppedMode"],
        "Not-applicable"
    );
    client.call("DeleteInstance", &[("InstanceId", &prepaid)]).await;
}

#[tokio::test]
async fn an_image_is_made_step_by_step() {
    let (sim, client) = still().await;
    let cluster = cluster(&sim, &client).await;
    let desktop = desktop(&sim, &client, &cluster, &[]).await;
    let created = client
        .call("CreateImage", &[("InstanceId", &desktop), ("Name", "golden")])
        .await;
    let id = text(&created, "ImageId");
    assert_eq!(status(&client, &desktop).await, "Cloning");
    let early = with(&cluster, &[("ImageId", &id)]);
    assert_eq!(
        client.refused("CreateInstance", &as_refs(&early)).await.1,
        "IncorrectImageStatus"
    );
    assert_eq!(
        client.refused("DeleteImage", &[("ImageId", &id)]).await.1,
        "IncorrectImageStatus"
    );

    pass(&sim, SECOND * 3 / 2);
    let image = row(&client, "Images", &id).await;
    assert_eq!(
        (&image["Status"], &image["ImageType"]),
        (&json!("Creating"), &json!("custom"))
    );
    let progress: u64 = text(&image, "Progress").trim_end_matches('%').parse().unwrap();
    assert!((50..100).contains(&progress), "{progress}%");
    pass(&sim, SECOND * 2);
    let image = row(&client, "Images", &id).await;
    assert_eq!(
        (&image["Status"], &image["Progress"]),
        (&json!("Available"), &json!("100%"))
    );
    assert_eq!(status(&client, &desktop).await, "Registered");

    client.call("DeleteImage", &[("ImageId", &id)]).await;
    pass(&sim, SECOND);
    assert_eq!(row(&client, "Images", &id).await, Value::Null);
    let system = client.refused("DeleteImage", &[("ImageId", "m-windows2019")]).await;
    assert_eq!(system, (403, "Forbidden.SystemImage".to_owned()));
}

#[tokio::test]
async fn tasks_take_effect_when_they_finish() {
    let (sim, client) = still().await;
    let cluster = cluster(&sim, &client).await;
    let policy = [
        ("ClusterId", cluster.as_str()),
        ("Clipboard", "off"),
        ("LocalDrive", "read"),
        ("UsbRedirect", "off"),
        ("Watermark", "on"),
        ("AsyncMode", "TRUE"),
    ];
    let refused = client.refused("SetClusterPolicy", &policy[..4]).await;
    assert_eq!(refused, (400, "MissingParameter".to_owned()));
    let task = text(&client.call("SetClusterPolicy", &policy).await, "TaskId");
    let poll = [
        ("ClusterId", cluster.as_str()),
        ("TaskId", &task),
        ("AsyncMode", "true"),
    ];
    let answer = client.call("DescribeClusterPolicy", &poll).await;
    assert_eq!(
        (&answer["TaskFinished"], &answer["Clipboard"]),
        (&json!(false), &Value::Null)
    );
    let now = client.call("DescribeClusterPolicy", &poll[..1]).await;
    assert_eq!(now["Clipboard"], "readwrite");
    pass(&sim, SECOND);
    let answer = client.call("DescribeClusterPolicy", &poll).await;
    assert_eq!(
        (&answer["TaskFinished"], &answer["Clipboard"]),
        (&json!(true), &json!("off"))
    );
    let other = [
        ("ClusterId", cluster.as_str()),
        ("TaskId", "t-unheard-of"),
        ("AsyncMode", "true"),
    ];
    assert_eq!(
        client.refused("DescribeClusterPolicy", &other).await.1,
        "InvalidTaskId.NotFound"
    );
}

#[tokio::test]
async fn only_advanced_clusters_know_domains() {
    let (sim, client) = still().await;
    let standard = cluster(&sim, &client).await;
    let created = client
        .call(
            "CreateCluster",
            &[("ClusterType", "gws.s1.advanced"), ("VpcId", "vpc-1")],
        )
        .await;
    let advanced = text(&created, "ClusterId");
    pass(&sim, 2 * SECOND);
    let domain = async |cluster: &str| client.call("DescribeClusterADDomain", &[("ClusterId", cluster)]).await;
    assert_eq!(domain(&standard).await["IsSupported"], false);
    assert_eq!(domain(&advanced).await["IsSupported"], true);

    let link = |cluster| {
        [
            ("ClusterId", cluster),
            ("DomainName", "corp.example"),
            ("DomainDnsIp", "192.0.2.1"),
            ("DomainPassword", "p"),
            ("DomainDelete", "False"),
        ]
    };
    let refused = client.refused("SetClusterADDomain", &link(&standard)).await;
    assert_eq!(refused, (400, "InvalidClusterType.NotSupported".to_owned()));
    client.call("SetClusterADDomain", &link(&advanced)).await;
    assert_eq!(domain(&advanced).await["DomainName"], "");
    pass(&sim, SECOND);
    assert_eq!(domain(&advanced).await["DomainName"], "corp.example");
    let desktop = desktop(&sim, &client, &advanced, &[]).await;
    let refused = client.refused("GetConnectTicket", &[("InstanceId", &desktop)]).await;
    assert_eq!(refused, (400, "MissingParameter".to_owned()));

    let mut unlink = link(&advanced);
    unlink[4].1 = "True";
    client.call("SetClusterADDomain", &unlink).await;
    pass(&sim, SECOND);
    assert_eq!(domain(&advanced).await["DomainName"], "");
    client.call("GetConnectTicket", &[("InstanceId", &desktop)]).await;
}

#[tokio::test]
async fn a_gateway_is_attached_and_detached() {
    let (sim, client) = still().await;
    let id = cluster(&sim, &client).await;
    let set = async |own: &[(&str, &str)]| {
        let own: Vec<_> = own.iter().copied().chain([("ClusterId", id.as_str())]).collect();
        let response = client.send("SetClusterDnat", &own).await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap()["Code"].clone(),
        )
    };
    assert_eq!(set(&[]).await, (400, json!("MissingParameter")));
    assert_eq!(
        set(&[("NatId", "gateway")]).await,
        (404, json!("InvalidNatId.NotFound"))
    );
    assert_eq!(
        set(&[("NatId", "ngw-2")]).await,
        (400, json!("InvalidNatId")),
        "it is in vpc-2"
    );
    assert_eq!(set(&[("NatId", "ngw-1")]).await.0, 200);
    let eip = text(&row(&client, "Clusters", &id).await, "NatEip");
    assert!(eip.parse::<std::net::Ipv4Addr>().is_ok(), "{eip}");
    assert_eq!(set(&[("NatId", "ngw-any"), ("NatEip", "192.0.2.7")]).await.0, 200);
    assert_eq!(row(&client, "Clusters", &id).await["NatEip"], "192.0.2.7");
    assert_eq!(set(&[("NatId", "")]).await.0, 200);
    assert_eq!(row(&client, "Clusters", &id).await["NatId"], "");
}

#[tokio::test]
async fn display_policies_belong_to_gpus() {
    let (sim, client) = still().await;
    let cluster = cluster(&sim, &client).await;
    for (instance_type, gpu) in [
        ("ecs.g6.large", false),
        ("ecs.gn6i-c4g1.xlarge", true),
        ("ecs.vgn6i-m4-vws.xlarge", true),
        ("ecs.ga1.xlarge", true),
    ] {
        let id = desktop(&sim, &client, &cluster, &[("InstanceType", instance_type)]).await;
        let own = [
            ("InstanceId", id.as_str()),
            ("VisualLossless", "on"),
            ("OptimizeFor3d", "on"),
        ];
        client.call("SetInstancePolicy", &own).await;
        let shown = client.call("DescribeInstancePolicy", &own[..1]).await;
        assert_eq!(
            shown["VisualLossless"],
            if gpu { "on" } else { "N/A" },
            "{instance_type}"
        );
    }
}

#[tokio::test]
async fn listings_come_in_pages() {
    let (sim, client) = still().await;
    let cluster = cluster(&sim, &client).await;
    for n in 0..60 {
        let name = format!("d{n}");
        client
            .call("CreateInstance", &as_refs(&with(&cluster, &[("Name", &name)])))
            .await;
    }
    let page = async |own: &[(&str, &str)]| {
        let listed = client.call("DescribeInstances", own).await;
        assert_eq!(listed["TotalCount"], 60);
        (
            listed["Instances"].as_array().unwrap().len(),
            listed["PageSize"].clone(),
        )
    };
    assert_eq!(page(&[]).await, (10, json!(10)));
    assert_eq!(page(&[("PageSize", "100")]).await, (50, json!(50)));
    assert_eq!(page(&[("PageSize", "50"), ("PageNumber", "2")]).await, (10, json!(50)));
    assert_eq!(page(&[("PageNumber", "99")]).await.0, 0);
    assert_eq!(
        client.refused("DescribeInstances", &[("PageSize", "0")]).await.1,
        "InvalidPageSize"
    );
    assert_eq!(
        client.call("DescribeClusters", &[]).await["Clusters"][0]["InstanceCount"],
        60
    );
}

#[tokio::test]
async fn users_go_by_either_name_of_the_number() {
    let (sim, client) = still().await;
    let cluster = cluster(&sim, &client).await;
    let id = desktop(&sim, &client, &cluster, &[]).await;
    for (field, number) in [("UserId", "1"), ("UserUid", "2")] {
        client
            .call(
                "SetInstanceUser",
                &[("InstanceId", &id), ("UserName", "alice"), (field, number)],
            )
            .await;
        let listed = client.call("DescribeInstances", &[(field, number)]).await;
        assert_eq!(listed["Instances"][0]["UserUid"].to_string(), number);
        assert_eq!(listed["Instances"][0]["UserId"].to_string(), number);
    }
    let refused = client
        .refused("SetInstanceUser", &[("InstanceId", &id), ("UserName", "bob")])
        .await;
    assert_eq!(refused, (400, "MissingParameter".to_owned()));
    assert_eq!(
        client.call("DescribeInstances", &[("UserName", "bob")]).await["TotalCount"],
        0
    );
}
