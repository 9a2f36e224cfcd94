//! What the simulator's desktops, tokens, users and images do.

use desktop_operator::sim::{AccountEdit, CloudDesktopEdit, Kind, Outcome, Sim, SimConfig};
use serde_json::{Value, json};

use super::client::{start, usual, usual_but, usual_without};
use crate::sim_client::{strict, text};

/// A world in which nothing goes on unless time is made to jump.
fn still() -> SimConfig {
    SimConfig::fast(0.000_1).strict()
}

/// Lets everything come to its end that is under way.
fn let_a_year_pass(sim: &Sim) {
    let milliseconds = 365 * 24 * 60 * 60 * 1000;
    sim.edit(AccountEdit::Advance { milliseconds }).unwrap();
}

#[tokio::test]
async fn a_desktop_is_made_used_and_released() {
    let (sim, client) = start(still()).await;
    let made = client.call("CreateDesktop", &usual()).await;
    let id = text(&made, "DesktopId");
    let own = [("DesktopId", id.as_str())];
    let status = || sim.read(|world| world.cloud_desktop.desktops[&id].status.clone());
    let refused = async |actions: &[&str]| {
        for action in actions {
            let wrong_state = (403, "IncorrectDesktopStatus".to_owned());
            assert_eq!(
                client.refused(action, &own).await,
                wrong_state,
                "{action} of {}",
                status()
            );
        }
    };
    assert_eq!(
        client.call("DescribeDesktops", &own).await["Desktops"][0]["Status"],
        "Creating"
    );
    refused(&["DeleteDesktop", "StopDesktop", "StartDesktop", "RebootDesktop"]).await;
    let_a_year_pass(&sim);
    for (action, on_its_way, at_last) in [
        ("RebootDesktop", "Rebooting", "Running"),
        ("StopDesktop", "Stopping", "Stopped"),
        ("StartDesktop", "Starting", "Running"),
    ] {
        client.call(action, &own).await;
        assert_eq!(status(), on_its_way);
        refused(&["StopDesktop", "StartDesktop", "RebootDesktop"]).await;
        let_a_year_pass(&sim);
        assert_eq!(status(), at_last);
    }
    let image = [own[0], ("ImageId", "img-win2016"), ("ImageType", "default")];
    assert_eq!(client.refused("ReplaceDesktopImage", &image).await.0, 403, "it runs");
    client.call("StopDesktop", &own).await;
    let_a_year_pass(&sim);
    client.call("ReplaceDesktopImage", &image).await;
    assert_eq!(status(), "Rebuilding");
    refused(&["DeleteDesktop", "StartDesktop"]).await;
    let_a_year_pass(&sim);
    assert_eq!(status(), "Stopped");

    client.call("DeleteDesktop", &own).await;
    client.call("DeleteDesktop", &own).await;
    refused(&["StopDesktop", "StartDesktop"]).await;
    let_a_year_pass(&sim);
    let gone = (404, "InvalidDesktopId.NotFound".to_owned());
    assert_eq!(client.refused("DeleteDesktop", &own).await, gone);
    let ledger = sim.ledger();
    assert_eq!(ledger.committed("CreateDesktop")[0].ids, std::slice::from_ref(&id));
    assert!(ledger.existing(Kind::Instance).is_empty());
    sim.read(|world| {
        let orders = &world.cloud_desktop.orders;
        assert_eq!((orders.len(), &orders[0].id), (1, &text(&made, "OrderId")));
    });
}

#[tokio::test]
async fn everything_required_is_required_in_either_first_letter() {
    let (sim, client) = start(strict()).await;
    for (name, _) in usual().iter().filter(|(name, _)| *name != "ImageType") {
        let refused = client.refused("CreateDesktop", &usual_without(name)).await;
        assert_eq!(refused, (400, "MissingParameter".to_owned()), "{name}");
    }
    // Without a type, the image is looked for among the account's own.
    let refused = client.refused("CreateDesktop", &usual_without("ImageType")).await;
    assert_eq!(refused, (404, "InvalidImageId.NotFound".to_owned()));
    let small = usual().map(|(name, value)| {
        let first = name[..1].to_lowercase();
        (first + &name[1..], value)
    });
    let small: Vec<(&str, &str)> = small.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    client.call("CreateDesktop", &small).await;
    assert_eq!(
        sim.ledger().committed("CreateDesktop")[0].param("UserName"),
        Some("alice")
    );
}

#[tokio::test]
async fn a_token_does_its_work_once() {
    let (sim, client) = start(strict()).await;
    let with_token = [&usual()[..], &[("ClientToken", "t-1")]].concat();
    let first = client.call("CreateDesktop", &with_token).await;
    let again = client.call("CreateDesktop", &with_token).await;
    assert_eq!(
        (&first["DesktopId"], &first["OrderId"]),
        (&again["DesktopId"], &again["OrderId"])
    );
    let ledger = sim.ledger();
    assert_eq!(ledger.ever_created(Kind::Instance).len(), 1);
    let outcomes: Vec<Outcome> = ledger.calls("CreateDesktop").iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [Outcome::Committed, Outcome::Read]);

    let other = [&usual_but("UserName", "bob")[..], &[("ClientToken", "t-1")]].concat();
    let mismatch = (400, "IdempotentParameterMismatch".to_owned());
    assert_eq!(client.refused("CreateDesktop", &other).await, mismatch);
    let long = "x".repeat(65);
    let refused = client
        .refused("CreateDesktop", &[&usual()[..], &[("ClientToken", &long)]].concat())
        .await;
    assert_eq!(refused, (400, "InvalidClientToken".to_owned()));
    // Another call has tokens of its own.
    let renewal = [("DesktopId", "cd-unheard-of"), ("Period", "1"), ("ClientToken", "t-1")];
    let gone = (404, "InvalidDesktopId.NotFound".to_owned());
    assert_eq!(client.refused("RenewDesktop", &renewal).await, gone);
}

#[tokio::test]
async fn a_refusal_does_not_use_up_the_token_and_a_day_does() {
    let (sim, client) = start(strict()).await;
    let refused = [&usual_but("UserName", "carol")[..], &[("ClientToken", "t-2")]].concat();
    let no_user = (404, "InvalidUserName.NotFound".to_owned());
    assert_eq!(client.refused("CreateDesktop", &refused).await, no_user);
    let email = [("UserName", "carol"), ("Email", "carol@corp.example")];
    client.call("CreateUser", &email).await;
    let first = client.call("CreateDesktop", &refused).await;
    sim.edit(AccountEdit::Advance {
        milliseconds: 24 * 60 * 60 * 1000,
    })
    .unwrap();
    let second = client.call("CreateDesktop", &refused).await;
    assert_ne!(first["DesktopId"], second["DesktopId"]);
    sim.edit(CloudDesktopEdit::ForgetTokens {
        account: "testid".to_owned(),
    })
    .unwrap();
    let third = client.call("CreateDesktop", &refused).await;
    assert_ne!(second["DesktopId"], third["DesktopId"]);
}

#[tokio::test]
async fn what_is_paid_in_advance_is_renewed_and_never_released() {
    let (sim, client) = start(strict()).await;
    let prepaid = |period: &'static str| [&usual_but("ChargeType", "PREPAY")[..], &[("Period", period)]].concat();
    for period in ["0", "10", "11", "13", "37", "one"] {
        let refused = client.refused("CreateDesktop", &prepaid(period)).await;
        assert_eq!(refused, (400, "InvalidPeriod".to_owned()), "{period}");
    }
    let id = text(&client.call("CreateDesktop", &prepaid("12")).await, "DesktopId");
    let ends = || sim.read(|world| world.cloud_desktop.desktops[&id].expires.unwrap());
    let before = ends();
    for _ in 0..2 {
        let renewal = [("DesktopId", id.as_str()), ("Period", "1"), ("ClientToken", "r-1")];
        client.call("RenewDesktop", &renewal).await;
    }
    let days = ends().duration_since(before).as_hours() / 24;
    assert!((28..=31).contains(&days), "renewed by {days} days");
    let refused = client.refused("DeleteDesktop", &[("DesktopId", &id)]).await;
    assert_eq!(refused, (403, "ChargeTypeViolation".to_owned()));

    let by_use = client.desktop(&sim, &[("Period", "99")]).await;
    let refused = client
        .refused("RenewDesktop", &[("DesktopId", &by_use), ("Period", "1")])
        .await;
    assert_eq!(refused, (403, "ChargeTypeViolation".to_owned()));
}

#[tokio::test]
async fn the_owner_must_be_ready_and_resellers_must_say_for_whom() {
    let (sim, client) = start(strict()).await;
    let account = || "testid".to_owned();
    sim.edit(CloudDesktopEdit::SetOwnerStatus {
        account: account(),
        status: "Config".to_owned(),
    })
    .unwrap();
    assert_eq!(client.call("DescribeDesktopOwner", &[]).await["Status"], "Config");
    let refused = client.refused("CreateDesktop", &usual()).await;
    assert_eq!(refused, (403, "IncorrectOwnerStatus".to_owned()));
    sim.edit(CloudDesktopEdit::SetOwnerStatus {
        account: account(),
        status: "Active".to_owned(),
    })
    .unwrap();
    sim.edit(CloudDesktopEdit::SetReseller {
        account: account(),
        reseller: true,
    })
    .unwrap();
    let refused = client.refused("CreateDesktop", &usual()).await;
    assert_eq!(refused, (400, "MissingParameter".to_owned()));
    let id = client.desktop(&sim, &[("OwnerId", "4711")]).await;
    let refused = client.refused("DeleteDesktop", &[("DesktopId", &id)]).await;
    assert_eq!(refused, (400, "MissingParameter".to_owned()));
    client
        .call("DeleteDesktop", &[("DesktopId", &id), ("OwnerId", "4711")])
        .await;
}

#[tokio::test]
async fn images_are_filtered_by_every_condition_at_once() {
    let (sim, client) = start(strict()).await;
    for name in ["golden-1", "golden-2", "other"] {
        sim.edit(CloudDesktopEdit::AddImage {
            account: "testid".to_owned(),
            name: name.to_owned(),
            desktop_type: "common".to_owned(),
        })
        .unwrap();
    }
    let names = async |own: &[(&str, &str)]| {
        let answer = client.call("DescribeImages", own).await;
        let rows = answer["Images"].as_array().unwrap().clone();
        rows.iter().map(|row| text(row, "ImageName")).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]).await, ["golden-1", "golden-2", "other"]);
    assert_eq!(
        names(&[("ImageName", "gold"), ("Page", "2"), ("PageSize", "1")]).await,
        ["golden-2"]
    );
    assert!(names(&[("TypeItemId", "desktop.ga1.1xlarge")]).await.is_empty());
    assert!(names(&[("ToDate", "2020-01-01 00:00:00")]).await.is_empty());
    assert_eq!(names(&[("FromDate", "2020-01-01 00:00:00")]).await.len(), 3);
    let of_the_vendor = [("ImageType", "default"), ("TypeItemId", "desktop.ga1.1xlarge")];
    assert_eq!(names(&of_the_vendor).await, ["windows-2019-gpu"]);
    for (name, value) in [("PageSize", "101"), ("FromDate", "yesterday"), ("ImageType", "shared")] {
        assert_eq!(
            client.refused("DescribeImages", &[(name, value)]).await,
            (400, format!("Invalid{name}"))
        );
    }
    let unfit = usual_but("TypeItemId", "desktop.ga1.1xlarge");
    let refused = client.refused("CreateDesktop", &unfit).await;
    assert_eq!(refused, (400, "InvalidImageId.NotSupported".to_owned()));
}

#[tokio::test]
async fn odd_types_are_odd_and_stay_so() {
    let (sim, client) = start(SimConfig::fast(20.0)).await;
    let regions = text(&client.call("DescribeRegions", &[]).await, "Regions");
    let regions: Value = serde_json::from_str(&regions).unwrap();
    assert_eq!(regions.as_array().unwrap().len(), 4);
    let one = client
        .call("DescribeDesktopTypeItems", &[("TypeItemId", "desktop.n1.medium")])
        .await;
    assert_eq!(
        (&one["TypeItemId"], &one["Cpu"]),
        (&json!("desktop.n1.medium"), &json!("2"))
    );
    let many = client.call("DescribeDesktopTypeItems", &[]).await;
    assert_eq!(many["TypeItems"]["TypeItem"].as_array().unwrap().len(), 7);
    let stock = [("TypeITemId", "desktop.n1.small"), ("ZoneId", "cn-hangzhou-h")];
    assert_eq!(
        client.call("DescribeAvailableResource", &stock).await["Available"],
        "true"
    );

    let none = client.call("DescribeDesktops", &[]).await;
    assert_eq!((none.get("Desktops"), &none["Total"]), (None, &json!("0")));
    client.desktop(&sim, &[]).await;
    assert!(
        client.call("DescribeDesktops", &[]).await["Desktops"]
            .get("DesktopId")
            .is_some()
    );
    client.desktop(&sim, &[]).await;
    let two = client.call("DescribeDesktops", &[("PageSize", "50")]).await;
    assert_eq!(two["Desktops"]["Desktop"].as_array().unwrap().len(), 2);
    // Against their names, but as the document describes them.
    assert_eq!((&two["PageCount"], &two["Page"]), (&json!("1"), &json!(50)));
    let made = client.call("CreateDesktop", &usual()).await;
    assert!(made["OrderId"].is_number(), "{made}");
}
