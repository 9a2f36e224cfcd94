//! A whole life at the simulator, with odd types; and long listings.

use desktop_operator::api::cluster::ClusterState;
use desktop_operator::api::desktop::{BillingMode, DesktopState, DesktopUser, Period, PeriodUnit, UserGroup};
use desktop_operator::backend::{Backend, DesktopSpec, ErrorClass, ObservedDesktop, Operation, Receipt};
use desktop_operator::sim::{CloudDesktopEdit, Fault, Kind, Sim, SimConfig};

use super::account::{at_sim, desktop, user};
use super::calls::term;
use crate::waiting::until;

async fn is(backend: &dyn Backend, id: &str, state: DesktopState) -> ObservedDesktop {
    until(|| async {
        let listed = backend.list_desktops("vpc-1").await.unwrap();
        listed
            .into_iter()
            .find(|desktop| desktop.id == id && desktop.state == state)
    })
    .await
}

async fn submit(backend: &dyn Backend, operation: Operation) -> Receipt {
    backend.submit(&operation).await.unwrap()
}

fn create(spec: DesktopSpec) -> Operation {
    Operation::CreateDesktop(Box::new(spec))
}

#[tokio::test]
async fn a_desktop_lives_and_dies() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = &*at_sim(&sim, true, "testsecret");
    backend.prepare().await.unwrap();
    let catalog = backend.catalog().await.unwrap();
    assert_eq!(catalog.flavors.len(), 7);
    assert_eq!(
        catalog.regions,
        ["cn-beijing", "cn-hangzhou", "cn-shanghai", "cn-shenzhen"]
    );
    let large = catalog.flavors.iter().find(|f| f.id == "desktop.ga1.4xlarge").unwrap();
    assert_eq!((large.cpus, large.gpu.as_deref()), (Some(16), Some("2 x AMD S7150")));
    let tenant = backend.get_cluster("vpc-1").await.unwrap().unwrap();
    assert_eq!(tenant.state, ClusterState::Running);
    assert!(backend.list_desktops("vpc-1").await.unwrap().is_empty());

    let receipt = submit(backend, create(desktop())).await;
    assert!(receipt.order_id.is_some());
    let id = receipt.id.unwrap();
    let made = is(backend, &id, DesktopState::Running).await;
    assert_eq!(made.user_name.as_deref(), Some("alice"));
    assert_eq!(made.image_id.as_deref(), Some("img-win2019"));
    assert_eq!((made.prepaid, made.expires), (Some(false), None));
    assert!(made.created.is_some() && made.private_address.is_some());

    let name = "桌面 1*~/+&=";
    let desktop_id = || id.clone();
    let rename = Operation::RenameDesktop {
        desktop_id: desktop_id(),
        name: name.into(),
    };
    submit(backend, rename).await;
    let assign = Operation::AssignUser {
        desktop_id: desktop_id(),
        user: DesktopUser {
            group: Some(UserGroup::Administrators),
            ..user("bob")
        },
    };
    submit(backend, assign).await;
    let changed = is(backend, &id, DesktopState::Running).await;
    assert_eq!(
        (changed.name.as_deref(), changed.user_name.as_deref()),
        (Some(name), Some("bob"))
    );

    submit(
        backend,
        Operation::RestartDesktop {
            desktop_id: desktop_id(),
        },
    )
    .await;
    is(backend, &id, DesktopState::Running).await;
    submit(
        backend,
        Operation::StopDesktop {
            desktop_id: desktop_id(),
        },
    )
    .await;
    is(backend, &id, DesktopState::Stopped).await;
    let again = backend
        .submit(&Operation::StopDesktop {
            desktop_id: desktop_id(),
        })
        .await
        .unwrap_err();
    assert_eq!(again.class, ErrorClass::Conflict);
    rebuild(&sim, backend, &id).await;
    submit(
        backend,
        Operation::StartDesktop {
            desktop_id: desktop_id(),
        },
    )
    .await;
    is(backend, &id, DesktopState::Running).await;

    submit(
        backend,
        Operation::DeleteDesktop {
            desktop_id: desktop_id(),
        },
    )
    .await;
    until(|| async {
        let listed = backend.list_desktops("vpc-1").await.unwrap();
        listed.is_empty().then_some(())
    })
    .await;
    let gone = submit(
        backend,
        Operation::DeleteDesktop {
            desktop_id: desktop_id(),
        },
    )
    .await;
    assert!(gone.gone);
    assert!(sim.ledger().existing(Kind::Instance).is_empty());
}

async fn rebuild(sim: &Sim, backend: &dyn Backend, id: &str) {
    let golden = sim
        .edit(CloudDesktopEdit::AddImage {
            account: "testid".into(),
            name: "golden".into(),
            desktop_type: "common".into(),
        })
        .unwrap();
    let images = backend.list_images().await.unwrap();
    let own: Vec<_> = images.iter().filter(|image| image.custom).collect();
    assert_eq!((images.len(), own.len(), own[0].id.as_str()), (4, 1, golden.as_str()));
    let replace = |image_id: &str| Operation::RebuildDesktop {
        desktop_id: id.to_owned(),
        image_id: image_id.to_owned(),
    };
    let error = backend.submit(&replace("img-gone")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound, "{error}");
    submit(backend, replace(&golden)).await;
    let rebuilt = is(backend, id, DesktopState::Stopped).await;
    assert_eq!(rebuilt.image_id.as_deref(), Some(golden.as_str()));
    // A lost answer is not asked for again: a second wipe would not be the first.
    sim.fault(Fault::on("ReplaceDesktopImage").after_commit().reset());
    let error = backend.submit(&replace("img-win2016")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
    let ledger = sim.ledger();
    assert_eq!(ledger.calls("ReplaceDesktopImage").len(), 2);
    assert_eq!(
        ledger.committed("ReplaceDesktopImage")[1].param("ImageType"),
        Some("default")
    );
    is(backend, id, DesktopState::Stopped).await;
}

#[tokio::test]
async fn a_subscription_is_renewed_once_for_each_token_and_cannot_be_deleted() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = &*at_sim(&sim, true, "testsecret");
    let mut spec = desktop();
    spec.billing.mode = BillingMode::Subscription;
    spec.billing.period = Some(Period {
        count: 1,
        unit: PeriodUnit::Month,
    });
    let id = submit(backend, create(spec)).await.id.unwrap();
    let made = is(backend, &id, DesktopState::Running).await;
    assert_eq!(made.prepaid, Some(true));
    let renew = || Operation::RenewDesktop {
        desktop_id: id.clone(),
        term: term(2, PeriodUnit::Month, false),
    };
    sim.fault(Fault::on("RenewDesktop").after_commit().reset());
    let error = backend.submit(&renew()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
    assert!(submit(backend, renew()).await.order_id.is_some());
    assert_eq!(sim.ledger().committed("RenewDesktop").len(), 1);
    let renewed = is(backend, &id, DesktopState::Running).await;
    let days = renewed
        .expires
        .unwrap()
        .duration_since(made.expires.unwrap())
        .as_hours()
        / 24;
    assert!((59..=62).contains(&days), "{days}");
    let error = backend
        .submit(&Operation::DeleteDesktop { desktop_id: id.clone() })
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict, "{error}");
    assert!(!backend.capabilities().payment.delete_prepaid);
}

#[tokio::test]
async fn by_the_document_alone_a_desktop_is_created_and_deleted() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    sim.edit(CloudDesktopEdit::SetExtended {
        account: "testid".into(),
        served: false,
    })
    .unwrap();
    let backend = &*at_sim(&sim, false, "testsecret");
    let id = submit(backend, create(desktop())).await.id.unwrap();
    // There is no listing: the deletion itself is asked until the desktop is not there.
    let delete = || Operation::DeleteDesktop { desktop_id: id.clone() };
    until(|| async {
        match backend.submit(&delete()).await {
            Ok(receipt) => receipt.gone.then_some(()),
            Err(error) => {
                assert_eq!(error.class, ErrorClass::Conflict, "{error}");
                None
            }
        }
    })
    .await;
    assert!(sim.ledger().existing(Kind::Instance).is_empty());
    // An account that is promised more than the vendor serves says so.
    let error = at_sim(&sim, true, "testsecret")
        .list_desktops("vpc-1")
        .await
        .unwrap_err();
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::Invalid, Some("InvalidApi.NotFound"))
    );
}

#[tokio::test]
async fn a_listing_is_whole_or_none() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let add = |number: usize| {
        sim.edit(CloudDesktopEdit::AddDesktop {
            account: "testid".into(),
            name: format!("d{number}"),
            type_item_id: "desktop.n1.small".into(),
            image_id: "img-win2019".into(),
            user_name: "alice".into(),
        })
        .unwrap()
    };
    let mut ids: Vec<String> = (0..120).map(add).collect();
    ids.sort();
    let backend = at_sim(&sim, true, "testsecret");
    let ids_of = |listed: Vec<ObservedDesktop>| {
        let mut ids: Vec<String> = listed.into_iter().map(|desktop| desktop.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids_of(backend.list_desktops("vpc-1").await.unwrap()), ids);
    assert_eq!(sim.ledger().calls("DescribeDesktops").len(), 3);

    // One goes while it is read: it is begun anew.
    sim.fault(Fault::on("DescribeDesktops").with("Page", "2").hold());
    let reading = backend.list_desktops("vpc-1");
    let changing = async {
        sim.wait_for_held(1).await.unwrap();
        let gone = ids.remove(0);
        sim.edit(CloudDesktopEdit::DeleteDesktop { desktop: gone }).unwrap();
        sim.release_all();
    };
    let (listed, ()) = tokio::join!(reading, changing);
    assert_eq!(ids_of(listed.unwrap()), ids);

    sim.fault(Fault::on("DescribeDesktops").with("Page", "3").always().truncated());
    let error = backend.list_desktops("vpc-1").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient);
}

#[tokio::test]
async fn wrong_credentials_are_told_from_other_errors() {
    let sim = Sim::start(SimConfig::fast(20.0)).await.unwrap();
    let backend = at_sim(&sim, true, "wrong-secret");
    for error in [
        backend.catalog().await.unwrap_err(),
        backend.submit(&create(desktop())).await.unwrap_err(),
        backend
            .submit(&Operation::DeleteDesktop { desktop_id: "d".into() })
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.class, ErrorClass::Auth, "{error}");
        assert!(!format!("{error} {error:?}").contains("testid"), "{error:?}");
    }
}
