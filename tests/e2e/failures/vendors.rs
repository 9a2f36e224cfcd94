//! The same at the other vendors: what is wrong with an account or a desktop is said, and heals by itself.

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider};
use desktop_operator::sim::{CapitalOnlineEdit, CloudDesktopEdit, Edit, Fault, HuaweiEdit, SimConfig};
use serde_json::json;

use super::accounts::closed_port;
use super::holds;
use crate::world::{PROJECT, Seen, Vendor, World};

/// A vendor and how it comes to refuse a desktop.
struct Place {
    name: &'static str,
    vendor: Vendor,
    /// A call that a provider makes before it is Ready.
    first: &'static str,
    /// Takes the usual flavor out of stock, or puts it back.
    stock: fn(bool) -> Edit,
    /// Uses up the quota, or renews it; some vendors have none that can be seen beforehand.
    quota: Option<fn(bool) -> Edit>,
}

fn places() -> [Place; 3] {
    [
        Place {
            name: "capital",
            vendor: Vendor::capital_online(),
            first: "QuerySites",
            stock: |in_stock| {
                let product = "900d5a10-0000-4000-8000-000000000001".into();
                CapitalOnlineEdit::SetStock { product, in_stock }.into()
            },
            quota: Some(|used_up| {
                let cycle = "minute".into();
                CapitalOnlineEdit::SetQuota { cycle, used_up }.into()
            }),
        },
        Place {
            name: "cloud",
            vendor: Vendor::cloud_desktop(true),
            first: "DescribeRegions",
            stock: |in_stock| {
                CloudDesktopEdit::SetStock {
                    type_item_id: "desktop.n1.small".into(),
                    zone_id: "cn-hangzhou-i".into(),
                    in_stock,
                }
                .into()
            },
            quota: None,
        },
        Place {
            name: "huawei",
            vendor: Vendor::huawei(),
            first: "ListProducts",
            stock: |in_stock| {
                let product = "workspace.x86.ultimate.large2".into();
                HuaweiEdit::SetStock { product, in_stock }.into()
            },
            quota: Some(|used_up| {
                HuaweiEdit::SetQuota {
                    project: PROJECT.into(),
                    resource: "general_instances".into(),
                    limit: if used_up { 0 } else { 100 },
                }
                .into()
            }),
        },
    ]
}

const RIGHT: (&str, &str) = ("testid", "testsecret");

#[tokio::test]
async fn an_account_of_any_vendor_that_cannot_be_used_says_why_and_heals() {
    let nobody = format!("http://{}", closed_port());
    let world = World::start_with(SimConfig::fast(4.0), |o| o.allow_endpoint(&nobody)).await;
    let places = places();
    for Place {
        name, vendor, first, ..
    } in &places
    {
        world.sim.fault(Fault::on(first).always().html());
        let url = world.sim.url();
        world.provider_at(&format!("{name}-html"), vendor, url, RIGHT).await;
        world
            .provider_at(&format!("{name}-wrong"), vendor, url, ("testid", "wrong"))
            .await;
        world
            .provider_at(&format!("{name}-closed"), vendor, &nobody, RIGHT)
            .await;
    }
    for Place { name, .. } in &places {
        for (case, stalled, reason, words) in [
            ("html", false, "VendorUnavailable", "without a readable answer"),
            ("wrong", true, "CredentialsInvalid", "spec.credentialsSecretRef"),
            ("closed", false, "VendorUnavailable", "not sent"),
        ] {
            let seen: DesktopProvider = world.reason(&format!("{name}-{case}"), "Ready", reason).await;
            assert_eq!(seen.condition("Stalled").is_some(), stalled, "{name}-{case}");
            holds(&seen.says("Ready"), &[words, "Next attempt after"]);
        }
    }
    world.sim.clear_faults();
    for Place { name, vendor, .. } in &places {
        for case in ["wrong", "closed"] {
            world
                .provider_at(&format!("{name}-{case}"), vendor, world.sim.url(), RIGHT)
                .await;
        }
        for case in ["html", "wrong", "closed"] {
            world.ready::<DesktopProvider>(&format!("{name}-{case}")).await;
        }
    }
}

#[tokio::test]
async fn what_any_vendor_refuses_names_the_field_and_heals() {
    let world = World::start().await;
    let places = places();
    for Place { name, vendor, .. } in &places {
        world.provider_at(name, vendor, world.sim.url(), RIGHT).await;
        world.cluster_at(name, vendor).await;
    }
    for Place { name, vendor, .. } in &places {
        world.ready::<DesktopCluster>(name).await;
        world
            .desktop_at(name, name, vendor, json!({"flavor": "none-of-these"}))
            .await;
    }
    for Place {
        name, vendor, stock, ..
    } in &places
    {
        let seen: Desktop = world.reason(name, "Stalled", "NotFoundAtVendor").await;
        holds(&seen.says("Ready"), &["spec.flavor", "Next attempt after"]);
        world.edit(stock(false));
        world
            .patch::<Desktop>(name, json!({"spec": {"flavor": vendor.desktop["flavor"]}}))
            .await;
    }
    for Place { name, stock, quota, .. } in &places {
        let seen: Desktop = world.reason(name, "Ready", "OutOfStock").await;
        assert!(seen.condition("Stalled").is_none());
        if let Some(quota) = quota {
            world.edit(quota(true));
        } else {
            let refused = Fault::on("CreateDesktop").with("UserName", "alice").always();
            let refused = refused.code(403, "QuotaExceed.Desktop", "The quota is used up.");
            world.sim.fault(refused);
        }
        world.edit(stock(true));
    }
    for Place { name, quota, .. } in &places {
        let seen: Desktop = world.reason(name, "Stalled", "QuotaExceeded").await;
        holds(&seen.says("Ready"), &["Raise the quota", "Next attempt after"]);
        match quota {
            Some(quota) => drop(world.edit(quota(false))),
            None => world.sim.clear_faults(),
        }
    }
    for Place { name, .. } in &places {
        let seen: Desktop = world.ready(name).await;
        assert!(seen.condition("Stalled").is_none() && seen.status.unwrap().retry.is_none());
    }
    assert_eq!(world.instances(), places.len());
}
