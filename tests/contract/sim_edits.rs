//! Changes behind the client's back, odd types, and both from outside the process.

use desktop_operator::sim::{Edit, GwsEdit, Kind, Ledger, SimConfig};
use serde_json::{Value, json};

use crate::sim_client::{start, strict, text};

#[tokio::test]
async fn what_is_changed_by_hand_shows_on_the_wire_and_not_in_the_ledger() {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    let id = client.desktop(&sim, &cluster, "a").await;
    let before = sim.ledger().position();
    let instance = || id.clone();
    let edits = [
        GwsEdit::RenameInstance {
            instance: "a".to_owned(),
            name: "b".to_owned(),
        },
        GwsEdit::StopInstance { instance: instance() },
        GwsEdit::SetUser {
            instance: instance(),
            user: Some(("bob".to_owned(), "7".to_owned())),
        },
        GwsEdit::SetExpiry {
            instance: instance(),
            at: Some("2031-02-03T04:05:06Z".parse().unwrap()),
        },
    ];
    for edit in edits {
        assert_eq!(sim.edit(edit).unwrap(), id);
    }
    let row = client.call("DescribeInstances", &[]).await["Instances"][0].clone();
    let expected = json!({
        "Name": "b", "Status": "Stopped", "StoppedMode": "KeepCharging", "UserName": "bob", "UserUid": 7,
        "ExpireTime": "2031-02-03T04:05Z", "InstanceChargeType": "PrePaid",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&row[field], value, "{field}");
    }
    assert!(sim.ledger().writes_since(before).is_empty());

    sim.edit(GwsEdit::SetInstanceStatus {
        instance: id.clone(),
        status: "Levitating".to_owned(),
    })
    .unwrap();
    assert_eq!(
        client.call("DescribeInstances", &[]).await["Instances"][0]["Status"],
        "Levitating"
    );
    sim.edit(GwsEdit::DeleteInstance { instance: id.clone() }).unwrap();
    assert_eq!(client.call("DescribeInstances", &[]).await["TotalCount"], 0);
    assert!(sim.edit(GwsEdit::DeleteInstance { instance: id }).is_err());
}

#[tokio::test]
async fn clusters_policies_and_images_can_be_changed_by_hand() {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    client
        .call("SetClusterDnat", &[("ClusterId", &cluster), ("NatId", "ngw-1")])
        .await;
    let named = || cluster.clone();
    for edit in [
        GwsEdit::SetPolicy {
            cluster: named(),
            field: "Clipboard".to_owned(),
            value: "write".to_owned(),
        },
        GwsEdit::RenameCluster {
            cluster: named(),
            name: "theirs".to_owned(),
        },
        GwsEdit::DetachNat { cluster: named() },
        GwsEdit::SetClusterStatus {
            cluster: named(),
            status: "indebt".to_owned(),
        },
    ] {
        sim.edit(edit).unwrap();
    }
    let row = client.call("DescribeClusters", &[]).await["Clusters"][0].clone();
    assert_eq!(
        (&row["Name"], &row["NatId"], &row["Status"]),
        (&json!("theirs"), &json!(""), &json!("indebt"))
    );
    let own = [("ClusterId", cluster.as_str())];
    assert_eq!(client.call("DescribeClusterPolicy", &own).await["Clipboard"], "write");
    assert_eq!(
        client.refused("SetClusterDnat", &[own[0], ("NatId", "")]).await,
        (400, "InDebt".to_owned())
    );

    let image = sim
        .edit(GwsEdit::AddImage {
            account: "testid".to_owned(),
            name: "golden".to_owned(),
            size: 50,
        })
        .unwrap();
    sim.edit(GwsEdit::SetImageStatus {
        image: "golden".to_owned(),
        status: "CreateFailed".to_owned(),
    })
    .unwrap();
    let images = client.call("DescribeImages", &[]).await["Images"].clone();
    let row = images
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["ImageId"] == image.as_str())
        .unwrap();
    assert_eq!(
        (&row["Name"], &row["Status"]),
        (&json!("golden"), &json!("CreateFailed"))
    );
    sim.edit(GwsEdit::DeleteImage { image }).unwrap();
    sim.edit(GwsEdit::DeleteCluster { cluster }).unwrap();
    assert_eq!(client.call("DescribeClusters", &[]).await["TotalCount"], 0);
}

#[tokio::test]
async fn sessions_open_and_close() {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    let id = client.desktop(&sim, &cluster, "a").await;
    let open = |at: &str| GwsEdit::OpenSession {
        instance: "a".to_owned(),
        client: "laptop".to_owned(),
        at: Some(at.parse().unwrap()),
    };
    sim.edit(open("2026-03-01T08:00:00Z")).unwrap();
    sim.edit(GwsEdit::CloseSessions {
        instance: "a".to_owned(),
        at: Some("2026-03-01T17:30:00.5Z".parse().unwrap()),
    })
    .unwrap();
    sim.edit(open("2026-03-05T08:00:00Z")).unwrap();

    let connections = async |from: &str, to: &str| {
        let days = [("ClusterId", cluster.as_str()), ("StartTime", from), ("EndTime", to)];
        let task = text(&client.call("DescribeClusterConnections", &days).await, "TaskId");
        let own = [days[0], days[1], days[2], ("TaskId", task.as_str())];
        loop {
            let answer = client.call("DescribeClusterConnections", &own).await;
            if answer["TaskFinished"] == true {
                return answer["Connections"].clone();
            }
        }
    };
    let both = connections("2026-03-01", "2026-03-05").await;
    let closed = json!({
        "ClientName": "laptop", "InstanceId": id, "LogoffStatus": "0",
        "LogonTime": "2026-03-01T08:00:00.000Z", "LogoffTime": "2026-03-01T17:30:00.500Z",
    });
    assert_eq!((both.as_array().unwrap().len(), &both[0]), (2, &closed));
    assert_eq!(
        (&both[1]["LogoffStatus"], &both[1]["LogoffTime"]),
        (&json!(""), &json!(""))
    );
    assert_eq!(connections("2026-03-02", "2026-03-04").await, json!([]));
    assert_eq!(
        connections("2026-03-07", "2026-03-06").await.as_array().unwrap().len(),
        1,
        "still open"
    );
}

#[tokio::test]
async fn odd_types_are_odd_in_the_documented_ways_and_stay_so() {
    let (sim, client) = start(SimConfig::fast(20.0)).await;
    let none = client.call("DescribeClusters", &[]).await;
    assert_eq!((none.get("Clusters"), &none["TotalCount"]), (None, &json!(0)));
    let cluster = client.cluster(&sim).await;
    let one = client.call("DescribeClusters", &[]).await;
    assert_eq!(one["Clusters"]["ClusterId"], cluster.as_str(), "one cluster is no list");
    assert!(one.get("ExtraInfo").is_some());
    client.cluster(&sim).await;
    let two = client.call("DescribeClusters", &[]).await;
    assert_eq!(two["Clusters"].as_array().unwrap().len(), 2);

    let add = |name: &str| {
        sim.edit(GwsEdit::AddInstance {
            cluster: cluster.clone(),
            name: name.to_owned(),
            instance_type: "ecs.g6.large".to_owned(),
            image_id: "m-windows2019".to_owned(),
        })
        .unwrap()
    };
    let (a, b) = (add("a"), add("b"));
    for id in [&a, &b] {
        let user = [("InstanceId", id.as_str()), ("UserName", "u"), ("UserUid", "5")];
        client.call("SetInstanceUser", &user).await;
    }
    let listed = client.call("DescribeInstances", &[]).await;
    assert_eq!(listed["TotalCount"], "2");
    assert_eq!(
        listed["Instances"],
        client.call("DescribeInstances", &[]).await["Instances"]
    );
    let rows = listed["Instances"].as_array().unwrap();
    let as_text: Vec<bool> = rows.iter().map(|row| row["IsBoundUser"].is_string()).collect();
    assert!(as_text.contains(&true) && as_text.contains(&false), "{listed}");
    for row in rows {
        assert!(
            row.get("UserId").is_some() != row.get("UserUid").is_some(),
            "one name of the two: {row}"
        );
    }
    let domain = client.call("DescribeClusterADDomain", &[("ClusterId", &cluster)]).await;
    assert_eq!(
        (&domain["TaskFinished"], &domain["IsSupported"]),
        (&json!("true"), &json!("false"))
    );
}

#[tokio::test]
async fn edits_and_ledger_are_there_over_http() {
    let (sim, client) = start(strict()).await;
    let cluster = client.cluster(&sim).await;
    let edit = json!({"target": "gws", "edit": "addInstance", "cluster": cluster, "name": "orphan"});
    assert!(matches!(
        serde_json::from_value(edit.clone()).unwrap(),
        Edit::Gws(GwsEdit::AddInstance { .. })
    ));
    let post = async |body: &Value| {
        client
            .http
            .post(format!("{}/_sim/edit", sim.url()))
            .json(body)
            .send()
            .await
            .unwrap()
    };
    let made: Value = post(&edit).await.json().await.unwrap();
    let unknown = json!({"target": "gws", "edit": "deleteImage", "image": "m-unheard-of"});
    assert_eq!(post(&unknown).await.status(), 404);
    assert_eq!(post(&json!({"target": "gws", "edit": "explode"})).await.status(), 422);

    let get = async |path: &str| client.http.get(format!("{}{path}", sim.url())).send().await.unwrap();
    let state: Value = get("/_sim/state").await.json().await.unwrap();
    let id = text(&made, "id");
    assert_eq!(state["gws"]["instances"][&id]["name"], "orphan");
    assert!(!state.to_string().contains("testsecret"));

    let ledger: Ledger = get("/_sim/ledger").await.json().await.unwrap();
    assert_eq!(ledger.committed("CreateCluster").len(), 1);
    assert_eq!(
        (
            ledger.existing(Kind::Instance).len(),
            ledger.ever_created(Kind::Instance).len()
        ),
        (1, 0)
    );
    let tail: Ledger = get(&format!("/_sim/ledger?since={}", ledger.position()))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(tail.entries().len(), 0);
    assert_eq!(get("/elsewhere").await.status(), 404);
}
