//! Listings are complete, or an error.

use desktop_operator::backend::{ErrorClass, ObservedDesktop, Session, Task, TaskKind};
use futures::future::join_all;
use jiff::civil::date;
use serde_json::{Value, json};

use super::vendor::{Reply, Seen, Vendor};

fn rows(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers
        .map(|n| json!({"InstanceId": format!("i-{n}"), "ClusterId": "gws-1", "Status": "Registered"}))
        .collect()
}

fn answer(total: usize, rows: &[Value]) -> Reply {
    Reply::ok(json!({"RequestId": "r", "TotalCount": total, "Instances": rows}))
}

/// The page that was asked for.
fn cut(seen: &Seen, all: &[Value]) -> Vec<Value> {
    let number = |name: &str| seen.form[name].parse::<usize>().unwrap();
    let size = number("PageSize");
    assert_eq!(size, 50);
    all.iter()
        .skip((number("PageNumber") - 1) * size)
        .take(size)
        .cloned()
        .collect()
}

fn ids(desktops: &[ObservedDesktop]) -> Vec<String> {
    desktops.iter().map(|d| d.id.clone()).collect()
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("i-{n}")).collect()
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    for (count, pages) in [(0, 1), (1, 1), (49, 1), (50, 1), (51, 2), (100, 2), (137, 3)] {
        let all = rows(0..count);
        let vendor = Vendor::start(move |seen, _| answer(all.len(), &cut(seen, &all))).await;
        let desktops = vendor.backend().list_desktops("gws-1").await.unwrap();
        assert_eq!(ids(&desktops), expected(count));
        let seen = vendor.seen();
        assert_eq!(seen.len(), pages);
        assert!(seen.iter().all(|s| s.form["ClusterId"] == "gws-1"));
    }
}

#[tokio::test]
async fn a_smaller_page_than_asked_for_is_followed() {
    let all = rows(0..45);
    let vendor = Vendor::start(move |seen, _| {
        let number: usize = seen.form["PageNumber"].parse().unwrap();
        let page: Vec<Value> = all.iter().skip((number - 1) * 20).take(20).cloned().collect();
        answer(45, &page)
    })
    .await;
    assert_eq!(
        ids(&vendor.backend().list_desktops("gws-1").await.unwrap()),
        expected(45)
    );
}

#[tokio::test]
async fn rows_added_behind_while_reading_do_no_harm() {
    let vendor = Vendor::start(|seen, number| {
        let all = rows(0..60 + number * 5);
        answer(all.len(), &cut(seen, &all))
    })
    .await;
    assert_eq!(
        ids(&vendor.backend().list_desktops("gws-1").await.unwrap()),
        expected(65)
    );
    assert_eq!(vendor.seen().len(), 2);
}

#[tokio::test]
async fn rows_that_move_while_reading_are_read_again() {
    // Row 3 is deleted after the first page was read: row 50 moves onto it and would be missed.
    let vendor = Vendor::start(|seen, number| {
        let mut all = rows(0..60);
        if number > 0 {
            all.remove(3);
        }
        answer(all.len(), &cut(seen, &all))
    })
    .await;
    let found = ids(&vendor.backend().list_desktops("gws-1").await.unwrap());
    assert_eq!(found.len(), 59);
    assert!(found.contains(&"i-50".to_owned()));
    assert_eq!(vendor.seen().len(), 4);

    // One is added in front: the last row of the first page comes again on the second.
    let vendor = Vendor::start(|seen, number| {
        let mut all = rows(0..60);
        if number > 0 {
            all.insert(0, json!({"InstanceId": "i-60", "ClusterId": "gws-1"}));
        }
        answer(all.len(), &cut(seen, &all))
    })
    .await;
    assert_eq!(vendor.backend().list_desktops("gws-1").await.unwrap().len(), 61);
}

#[tokio::test]
async fn a_listing_that_never_holds_still_is_an_error() {
    // The paging is ignored: the first page comes again and again.
    let vendor = Vendor::start(|_, _| answer(100, &rows(0..50))).await;
    let error = vendor.backend().list_desktops("gws-1").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient);
    assert_eq!(error.message, "the listing changed while it was read");
    assert_eq!(vendor.seen().len(), 6);
}

#[tokio::test]
async fn a_total_that_is_not_reached_is_an_error() {
    let cases = [
        (
            "fewer rows than the total",
            json!({"TotalCount": 3, "Instances": rows(0..2)}),
        ),
        (
            "more rows than the total",
            json!({"TotalCount": 1, "Instances": rows(0..2)}),
        ),
        ("no list", json!({"TotalCount": 1})),
        ("null", json!({"TotalCount": 1, "Instances": null})),
        ("an empty list", json!({"TotalCount": 1, "Instances": []})),
        ("an empty object", json!({"TotalCount": 1, "Instances": {}})),
        ("empty text", json!({"TotalCount": "1", "Instances": ""})),
        ("text", json!({"TotalCount": 0, "Instances": "none"})),
        ("a number", json!({"TotalCount": 0, "Instances": 0})),
        ("rows that are numbers", json!({"TotalCount": 1, "Instances": [1]})),
        (
            "a row without id",
            json!({"TotalCount": 1, "Instances": [{"Status": "Stopped"}]}),
        ),
        (
            "a row with an empty id",
            json!({"TotalCount": 1, "Instances": [{"InstanceId": "", "Status": "Stopped"}]}),
        ),
        (
            "a row with an odd id",
            json!({"TotalCount": 1, "Instances": [{"InstanceId": ["i-1"]}]}),
        ),
        (
            "one row twice",
            json!({"TotalCount": 2, "Instances": [rows(0..1)[0], rows(0..1)[0]]}),
        ),
        ("no total and nothing", json!({"Instances": []})),
        ("no total and no list", json!({})),
        ("a total that is none", json!({"TotalCount": "many", "Instances": []})),
        ("a negative total", json!({"TotalCount": -1, "Instances": []})),
        ("an odd total", json!({"TotalCount": [0], "Instances": []})),
    ];
    let checks = cases.map(|(name, mut body)| async move {
        body["RequestId"] = json!("r");
        let vendor = Vendor::saying(Reply::ok(body)).await;
        let error = vendor.backend().list_desktops("gws-1").await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient, "{name}");
    });
    join_all(checks).await;
}

#[tokio::test]
async fn a_list_comes_in_many_forms() {
    let one = &rows(0..1)[0];
    for (name, instances) in [
        ("an array", json!([one])),
        ("a bare object", one.clone()),
        ("wrapped", json!({"InstanceInfo": [one]})),
        ("wrapped and bare", json!({"InstanceInfo": one})),
        ("with stray applications", json!([one, {"AppList": [{"AppName": "a"}]}])),
        (
            "with stray applications in a wrapper",
            json!([{"AppList": {"AppInfo": []}}, one]),
        ),
    ] {
        for total in [json!(1), json!("1")] {
            let body = json!({"RequestId": "r", "TotalCount": total, "Instances": instances});
            let vendor = Vendor::saying(Reply::ok(body)).await;
            assert_eq!(
                ids(&vendor.backend().list_desktops("gws-1").await.unwrap()),
                ["i-0"],
                "{name}"
            );
        }
    }
    for instances in [
        json!([]),
        json!(null),
        json!(""),
        json!({}),
        json!({"InstanceInfo": []}),
    ] {
        let body = json!({"RequestId": "r", "TotalCount": 0, "Instances": instances});
        let vendor = Vendor::saying(Reply::ok(body)).await;
        assert_eq!(vendor.backend().list_desktops("gws-1").await.unwrap(), []);
    }
}

#[tokio::test]
async fn without_a_total_the_end_is_a_page_with_nothing() {
    let all = rows(0..60);
    let vendor = Vendor::start(move |seen, _| Reply::ok(json!({"RequestId": "r", "Instances": cut(seen, &all)}))).await;
    assert_eq!(
        ids(&vendor.backend().list_desktops("gws-1").await.unwrap()),
        expected(60)
    );
    assert_eq!(vendor.seen().len(), 3);
}

#[tokio::test]
async fn a_filter_that_is_ignored_is_made_up_for() {
    let body = json!({"RequestId": "r", "TotalCount": 3, "Instances": [
        {"InstanceId": "i-1", "ClusterId": "gws-1"},
        {"InstanceId": "i-2", "ClusterId": "gws-2"},
        {"InstanceId": "i-3"},
    ]});
    let vendor = Vendor::saying(Reply::ok(body)).await;
    assert_eq!(
        ids(&vendor.backend().list_desktops("gws-1").await.unwrap()),
        ["i-1", "i-3"]
    );
    let body = json!({"RequestId": "r", "TotalCount": 2, "Clusters": [
        {"ClusterId": "gws-1", "Status": "running"},
        {"ClusterId": "gws-2", "Status": "melting"},
    ]});
    let vendor = Vendor::saying(Reply::ok(body)).await;
    let cluster = vendor.backend().get_cluster("gws-2").await.unwrap().unwrap();
    assert_eq!(cluster.vendor_state, "melting");
    assert_eq!(cluster.state, desktop_operator::api::cluster::ClusterState::Unknown);
}

#[tokio::test]
async fn rows_are_read_as_they_come() {
    let body = json!({"RequestId": "r", "TotalCount": "2", "Instances": [
        {"InstanceId": "i-1", "Status": "InUse", "UserUid": 1234, "UserId": 9, "InstanceChargeType": "PrePaid",
         "ExpireTime": "2027-01-31T15:59Z", "StoppedMode": "Not-applicable", "New": {"a": []}},
        {"InstanceId": "i-2", "Status": "Dreaming\n", "ExpireTime": "whenever", "InstanceChargeType": "Gift"},
    ]});
    let vendor = Vendor::saying(Reply::ok(body)).await;
    let desktops = vendor.backend().list_desktops("gws-1").await.unwrap();
    assert_eq!(desktops[0].user_uid.as_deref(), Some("1234"));
    assert_eq!((desktops[0].in_use, desktops[1].in_use), (true, false));
    assert_eq!(desktops[0].prepaid, Some(true));
    assert_eq!(desktops[0].expires, Some("2027-01-31T15:59:00Z".parse().unwrap()));
    assert_eq!(desktops[0].state, desktop_operator::api::desktop::DesktopState::Running);
    assert_eq!(desktops[1].vendor_state, "Dreaming");
    assert_eq!(desktops[1].state, desktop_operator::api::desktop::DesktopState::Unknown);
    assert_eq!((desktops[1].prepaid, desktops[1].expires), (None, None));
}

async fn sessions(body: Value) -> Result<Option<Vec<Session>>, ErrorClass> {
    let vendor = Vendor::saying(Reply::ok(body)).await;
    let task = Task {
        kind: TaskKind::Sessions,
        object_id: "gws-1".into(),
        task_id: "t-1".into(),
        from: Some(date(2020, 9, 1)),
        to: Some(date(2020, 9, 7)),
    };
    vendor
        .backend()
        .fetch_sessions(&task)
        .await
        .map_err(|error| error.class)
}

#[tokio::test]
async fn sessions_are_open_until_they_are_not() {
    let body = |connections: Value, total: Value| json!({"RequestId": "r", "TaskFinished": "true", "TotalCount": total, "Connections": connections});
    let open =
        json!({"InstanceId": "i-1", "LogonTime": "2020-09-01T01:02:03.456Z", "LogoffTime": "", "LogoffStatus": ""});
    let ended = json!({"InstanceId": "i-1", "LogoffTime": "2020-09-03T01:02:03.456Z", "LogoffStatus": 0});
    let unreadable = json!({"InstanceId": "i-1", "LogoffTime": "later", "LogoffStatus": ""});
    let nowhere = json!({"ClientName": "pc"});
    let found = sessions(body(json!([open, ended, unreadable, nowhere]), json!(4)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.iter().map(|s| s.open).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(
        sessions(body(open.clone(), json!("1"))).await.unwrap().unwrap().len(),
        1
    );
    assert_eq!(sessions(body(json!(null), json!(0))).await.unwrap().unwrap(), []);
    assert_eq!(sessions(body(json!([]), json!(0))).await.unwrap().unwrap(), []);
    assert_eq!(sessions(body(json!(null), json!(2))).await, Err(ErrorClass::Transient));
    assert_eq!(
        sessions(body(json!(null), json!(null))).await,
        Err(ErrorClass::Transient)
    );
    assert_eq!(
        sessions(body(json!([open]), json!(2))).await,
        Err(ErrorClass::Transient)
    );
    assert_eq!(
        sessions(json!({"RequestId": "r", "TaskFinished": false})).await,
        Ok(None)
    );
    assert_eq!(sessions(json!({"RequestId": "r"})).await, Err(ErrorClass::Transient));
}

#[tokio::test]
async fn a_policy_is_shown_as_it_is() {
    let body = json!({"RequestId": "r", "Clipboard": "Write", "LocalDrive": "sometimes", "UsbRedirect": "ON"});
    let vendor = Vendor::saying(Reply::ok(body)).await;
    let values = vendor.backend().get_policy("gws-1").await.unwrap();
    let expected = [
        ("clipboard", "DesktopToClient"),
        ("localDrive", "sometimes"),
        ("usbRedirection", "true"),
    ];
    assert_eq!(values.0, expected.map(|(field, value)| (field, value.to_owned())));
    let body = json!({"RequestId": "r", "OptimizeFor3d": "n/a", "VisualLossless": "on"});
    let vendor = Vendor::saying(Reply::ok(body)).await;
    let values = vendor.backend().get_display_policy("i-1").await.unwrap();
    assert_eq!(values.get("optimizeFor3d"), Some("N/A"));
    assert_eq!(values.get("visualLossless"), Some("true"));
    let vendor = Vendor::saying(Reply::ok(json!({"RequestId": "r", "Watermark": {"on": true}}))).await;
    assert!(vendor.backend().get_policy("gws-1").await.is_err());
}
