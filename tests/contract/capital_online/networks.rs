//! Clusters are networks of the site: the default one is made and repaired, the others are found.

use desktop_operator::api::cluster::ClusterState;
use desktop_operator::backend::{Backend, ClusterSpec, ErrorClass, ObservedCluster, Operation};
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, Fault};
use serde_json::json;

use super::backend::{ended, start};
use super::client::own_net;
use super::vendor::{Vendor, success};

fn make(vpc_id: Option<&str>) -> Operation {
    Operation::CreateCluster(ClusterSpec {
        cluster_type: String::new(),
        vpc_id: vpc_id.map(str::to_owned),
        subnet_id: None,
    })
}

async fn default(backend: &dyn Backend) -> Option<ObservedCluster> {
    let listed = backend.list_clusters().await.unwrap();
    listed.into_iter().find(|cluster| cluster.default_network)
}

#[tokio::test]
async fn the_default_network_is_made_and_repaired() {
    for edition in [Edition::Y2022, Edition::Y2023] {
        let (sim, backend) = start(edition).await;
        assert_eq!(backend.list_clusters().await.unwrap().len(), 1);
        assert!(default(&*backend).await.is_none());
        let receipt = backend.submit(&make(None)).await.unwrap();
        assert_eq!(receipt.id, None);
        ended(&sim, &*backend, &receipt).await.unwrap();
        let made = default(&*backend).await.unwrap();
        assert_eq!((made.state, made.incomplete), (ClusterState::Running, false));
        assert_eq!(made.vpc_id.as_ref(), Some(&made.id));
        assert_eq!(made.gateways.len(), if edition == Edition::Y2022 { 2 } else { 0 });
        assert!(made.created.is_some());

        for edit in [
            CapitalOnlineEdit::BreakNet { net: made.id.clone() },
            CapitalOnlineEdit::SetNetStatus {
                net: made.id.clone(),
                status: "erro".to_owned(),
            },
        ] {
            sim.edit(edit).unwrap();
            let broken = default(&*backend).await.unwrap();
            assert!(broken.incomplete, "{broken:?}");
            assert_ne!(broken.vendor_state, "ok");
            let repair = Operation::RepairCluster {
                cluster_id: made.id.clone(),
            };
            let receipt = backend.submit(&repair).await.unwrap();
            assert_eq!(receipt.task.as_ref().unwrap().object_id, made.id);
            ended(&sim, &*backend, &receipt).await.unwrap();
            assert!(!default(&*backend).await.unwrap().incomplete);
        }
    }
}

#[tokio::test]
async fn a_network_of_the_owners_is_neither_made_nor_repaired() {
    let (sim, backend) = start(Edition::Y2022).await;
    let own = own_net(&sim).id;
    let repair = Operation::RepairCluster {
        cluster_id: own.clone(),
    };
    assert_eq!(backend.submit(&repair).await.unwrap_err().class, ErrorClass::NotFound);
    assert_eq!(
        backend.submit(&make(Some(&own))).await.unwrap_err().class,
        ErrorClass::Invalid
    );
    assert!(sim.ledger().writes_since(0).is_empty());
    for (word, state) in [
        ("erro", ClusterState::Failed),
        ("creating", ClusterState::Creating),
        ("updating", ClusterState::Creating),
        ("starting", ClusterState::Creating),
        ("deleting", ClusterState::Unknown),
        ("shutdown", ClusterState::Unknown),
        ("stopping", ClusterState::Unknown),
        ("ok", ClusterState::Running),
    ] {
        sim.edit(CapitalOnlineEdit::SetNetStatus {
            net: own.clone(),
            status: word.to_owned(),
        })
        .unwrap();
        let found = backend.get_cluster(&own).await.unwrap().unwrap();
        assert_eq!((found.state, found.vendor_state.as_str()), (state, word));
        assert!(!found.incomplete);
    }
    assert_eq!(backend.get_cluster("vpc-x").await.unwrap(), None);
}

#[tokio::test]
async fn what_the_vendor_refuses_leaves_open_how_far_it_got() {
    let (sim, backend) = start(Edition::Y2022).await;
    sim.fault(Fault::on("CreateDefaultNet").after_commit().reset());
    let error = backend.submit(&make(None)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
    // It is there already, which is what the vendor says with this code, among other things.
    let error = backend.submit(&make(None)).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::Ambiguous, Some("13500"))
    );
    assert!(default(&*backend).await.is_some());
    sim.fault(Fault::on("CreateDefaultNet").code(200, "10007", "权限不足"));
    assert_eq!(
        backend.submit(&make(None)).await.unwrap_err().class,
        ErrorClass::Forbidden
    );
}

#[tokio::test]
async fn deleted_parts_are_not_there_and_a_listed_default_network_comes_once() {
    let part = |id: &str, status: &str| json!({"id": id, "status": status, "conf_id": "1", "conf_name": "l"});
    let net = json!({
        "vpcId": "vpc-1",
        "subnets": [part("s-1", "deleted"), part("s-2", "ok")],
        "vGateways": [part("g-1", "ok")],
    });
    let vendor = Vendor::start(move |seen| match seen.action() {
        "GetDefaultNet" => (200, success(&net)),
        _ => (200, success(&json!([net]))),
    })
    .await;
    let listed = vendor.backend(Edition::Y2022).list_clusters().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].default_network && !listed[0].incomplete);
    assert_eq!((listed[0].subnets.len(), listed[0].gateways.len()), (1, 1));
    for odd in [json!([]), json!(7), json!({"vpcName": "no id"})] {
        let vendor = Vendor::saying(odd.clone()).await;
        assert!(vendor.backend(Edition::Y2022).list_clusters().await.is_err(), "{odd}");
    }
}
