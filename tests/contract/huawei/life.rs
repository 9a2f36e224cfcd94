//! Whole lives at the simulator.

use desktop_operator::api::cluster::ClusterState;
use desktop_operator::api::desktop::DesktopState;
use desktop_operator::backend::pool::{
    Autoscale, AutoscaleType, PoolChange, PoolMember, PoolPower, PoolScope, PoolSpec, PoolState, PoolUpdate,
};
use desktop_operator::backend::{ErrorClass, Login, Operation, TaskState};
use desktop_operator::sim::{HuaweiEdit, Kind};

use super::backend::{create, done, made, named, ours, policy, start, submit, user, with_key, with_login};
use super::client::{IMAGE, PRODUCT, PROJECT};
use crate::waiting::until;

const OTHER_IMAGE: &str = "d6b368bc-a24d-4fb5-a8fb-727356a53f33";

#[tokio::test]
async fn a_tenant_and_its_catalog() {
    let (_sim, backend) = start().await;
    let tenants = backend.list_clusters().await.unwrap();
    let [tenant] = &tenants[..] else { panic!("{tenants:?}") };
    assert_eq!((tenant.id.as_str(), tenant.state), (PROJECT, ClusterState::Running));
    assert_eq!(tenant.vpc_id.as_deref(), Some("vpc-1"));
    assert_eq!(tenant.subnets.len(), 3);
    assert_eq!(tenant.domain_name.as_deref(), Some("office.example"));
    assert!(backend.get_cluster("other").await.unwrap().is_none());
    let flavors = backend.catalog().await.unwrap().flavors;
    let large = flavors.iter().find(|flavor| flavor.id == PRODUCT).unwrap();
    assert_eq!(
        (large.cpus, large.memory_gib, large.available),
        (Some(2), Some(4), Some(true))
    );
    assert!(flavors.iter().any(|flavor| flavor.available == Some(false)));
    assert!(flavors.iter().any(|flavor| flavor.gpu.is_some()));
    let images = backend.list_images().await.unwrap();
    assert!(
        images.len() == 3 && images.iter().all(|image| !image.custom),
        "{images:?}"
    );
}

#[tokio::test]
async fn a_desktop_lives_and_dies() {
    let (sim, backend) = start().await;
    let backend = &*backend;
    let receipt = submit(backend, create()).await;
    assert!(receipt.id.is_none() && receipt.task.is_some() && receipt.request_id.is_some());
    let desktop = ours(backend, DesktopState::Running).await;
    assert_eq!(desktop.name.as_deref(), Some("dsk3f2a0c1e0000"));
    assert_eq!(desktop.flavor.as_deref(), Some(PRODUCT));
    assert_eq!(desktop.image_id.as_deref(), Some(IMAGE));
    assert_eq!((desktop.prepaid, desktop.user_name.as_deref()), (Some(false), None));
    assert!(desktop.private_address.is_some() && desktop.created.is_some());
    sim.read(|world| {
        let desktop = world.huawei.desktop("dsk3f2a0c1e0000").unwrap();
        assert_eq!(
            (desktop.subnet_id.as_str(), desktop.availability_zone.as_str()),
            ("subnet-2", "cn-north-7a")
        );
    });
    let id = || desktop.id.clone();

    submit(backend, Operation::StopDesktop { desktop_id: id() }).await;
    assert_eq!(ours(backend, DesktopState::Stopped).await.vendor_state, "SHUTOFF");
    submit(backend, Operation::StartDesktop { desktop_id: id() }).await;
    ours(backend, DesktopState::Running).await;
    submit(backend, Operation::RestartDesktop { desktop_id: id() }).await;
    ours(backend, DesktopState::Running).await;
    let rename = Operation::RenameDesktop {
        desktop_id: id(),
        name: "alice".into(),
    };
    submit(backend, rename).await;
    assert_eq!(
        ours(backend, DesktopState::Running).await.name.as_deref(),
        Some("alice")
    );

    let capture = Operation::CreateImage {
        desktop_id: id(),
        name: "golden".into(),
    };
    assert!(submit(backend, capture).await.id.is_none());
    let images = backend.list_images().await.unwrap();
    let golden = images
        .iter()
        .find(|image| image.name.as_deref() == Some("golden"))
        .unwrap();
    assert!(golden.custom);
    ours(backend, DesktopState::Running).await;
    let rebuild = Operation::RebuildDesktop {
        desktop_id: id(),
        image_id: golden.id.clone(),
    };
    submit(backend, rebuild).await;
    let after = ours(backend, DesktopState::Running).await;
    assert_eq!(after.image_id.as_ref(), Some(&golden.id));

    let delete = Operation::DeleteDesktop { desktop_id: id() };
    assert!(!submit(backend, delete.clone()).await.gone);
    until(|| async { backend.list_desktops(PROJECT).await.unwrap().is_empty().then_some(()) }).await;
    assert!(submit(backend, delete).await.gone);
    let ledger = sim.ledger();
    assert_eq!(ledger.ever_created(Kind::Instance).len(), 1);
    let deletion = ledger.committed("DeleteDesktop")[0].clone();
    assert_eq!(deletion.param("email_notification"), Some("false"));
    assert_eq!(deletion.param("delete_users"), Some("false"));
}

#[tokio::test]
async fn users_come_go_and_change() {
    let (sim, backend) = start().await;
    let backend = &*backend;
    let made_users = backend.create_users(&[named("alice")]).await.unwrap();
    assert!(made_users.iter().all(Result::is_ok));
    let answers = backend
        .create_users(&[named("bob"), named("alice"), named("carol")])
        .await
        .unwrap();
    let classes: Vec<Option<ErrorClass>> = answers
        .iter()
        .map(|answer| answer.as_ref().err().map(|e| e.class))
        .collect();
    assert_eq!(classes, [None, Some(ErrorClass::Invalid), None]);
    let answers = backend.create_users(&[named("dave"), named("erin")]).await.unwrap();
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(sim.ledger().committed("BatchCreateUsers").len(), 1);
    sim.edit(HuaweiEdit::SetUserLocked {
        user: "erin".into(),
        locked: true,
    })
    .unwrap();
    let users = backend.list_users().await.unwrap();
    assert_eq!(users.len(), 5);
    let erin = users.iter().find(|user| user.name == "erin").unwrap();
    assert_eq!((erin.usable, erin.vendor_state.as_deref()), (false, Some("locked")));
    assert_eq!(erin.email.as_deref(), Some("erin@office.example"));

    let desktop_id = made(backend).await.id;
    let assign = |name: &str| Operation::AssignUser {
        desktop_id: desktop_id.clone(),
        user: user(name),
    };
    let now = async || ours(backend, DesktopState::Running).await.user_name;
    submit(backend, assign("alice")).await;
    assert_eq!(now().await.as_deref(), Some("alice"));
    // Somebody else's is first taken from them, and then asked for again.
    submit(backend, assign("bob")).await;
    assert_eq!(now().await, None);
    submit(backend, assign("bob")).await;
    assert_eq!(now().await.as_deref(), Some("bob"));
    let unassign = Operation::UnassignUser {
        desktop_id: desktop_id.clone(),
    };
    submit(backend, unassign.clone()).await;
    assert_eq!(now().await, None);
    let error = backend.submit(&unassign).await.unwrap_err();
    assert_eq!(
        error.class,
        ErrorClass::Conflict,
        "a refusal within an answer that says 200"
    );
    let error = backend.submit(&assign("nobody")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Invalid);
}

#[tokio::test]
async fn the_policy_is_one_group_for_everything() {
    let (sim, backend) = start().await;
    let backend = &*backend;
    let read = async || backend.get_policy(PROJECT).await.unwrap();
    let not_applied = async || read().await.0.iter().all(|(_, value)| value == "NotApplied");
    assert!(not_applied().await && read().await.0.len() == 4);
    let set = |values| Operation::SetPolicy {
        cluster_id: PROJECT.into(),
        values,
    };
    submit(backend, set(policy("ClientToDesktop", true))).await;
    assert_eq!(read().await, policy("ClientToDesktop", true));
    submit(backend, set(policy("Both", false))).await;
    assert_eq!(read().await, policy("Both", false));
    sim.read(|world| {
        assert_eq!(world.huawei.policy_groups.len(), 1);
        let group = world.huawei.policy_group("desktop_operator").unwrap();
        assert_eq!(
            group.policies["audio"]["audio_redirection_enable"], true,
            "what is not ours stays"
        );
    });

    let leaf = HuaweiEdit::SetPolicy {
        group: "desktop_operator".into(),
        leaf: "/file_and_clipboard/clipboard_redirection".into(),
        value: "SOMETHING_NEW".into(),
    };
    sim.edit(leaf).unwrap();
    assert_eq!(read().await.get("clipboard"), Some("SOMETHING_NEW"));
    sim.edit(HuaweiEdit::ClearTargets {
        group: "desktop_operator".into(),
    })
    .unwrap();
    assert!(not_applied().await, "what applies to nothing enforces nothing");
    submit(backend, set(policy("Disabled", true))).await;
    assert_eq!(read().await, policy("Disabled", true));
    sim.edit(HuaweiEdit::DeletePolicyGroup {
        group: "desktop_operator".into(),
    })
    .unwrap();
    assert!(not_applied().await);
    let unknown = backend.submit(&set(policy("Sideways", true))).await.unwrap_err();
    assert_eq!(unknown.class, ErrorClass::Invalid);
}

#[allow(clippy::too_many_lines, reason = "a life from its beginning to its end")]
#[tokio::test]
async fn a_pool_lives_and_dies() {
    let (sim, backend) = start().await;
    let pools = backend.pools().unwrap();
    let change = async |change: PoolChange| done(&*backend, pools.change_pool(&change).await.unwrap()).await;
    backend
        .create_users(&[named("carol")])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let create = PoolChange::Create(Box::new(PoolSpec {
        name: "class".into(),
        size: 2,
        flavor: PRODUCT.into(),
        image_id: IMAGE.into(),
        system_disk: ("SAS".into(), 80),
        subnet_ids: vec!["subnet-1".into()],
        ..PoolSpec::default()
    }));
    sim.edit(HuaweiEdit::AddDesktop {
        project: PROJECT.into(),
        name: "alone".into(),
        pool: None,
    })
    .unwrap();
    change(create.clone()).await;
    let again = pools.change_pool(&create).await.unwrap_err();
    assert_eq!(again.class, ErrorClass::Invalid, "names are given once");
    let pool_id = pools.find_pool("class").await.unwrap().unwrap().id;
    assert!(
        pools.find_pool("clas").await.unwrap().is_none(),
        "part of a name is not the name"
    );
    let id = || pool_id.clone();
    let at_rest = async |count: i64| {
        until(|| async {
            let pool = pools.get_pool(&pool_id).await.unwrap().unwrap();
            (pool.state == PoolState::Steady && pool.desktops == Some(count)).then_some(pool)
        })
        .await
    };
    let pool = at_rest(2).await;
    assert_eq!(
        (pool.dynamic, pool.cpus, pool.memory_gib),
        (Some(false), Some(2), Some(4))
    );
    assert_eq!((pool.autoscale, pool.maintenance), (None, Some(false)));
    assert!(!pools.is_pool_busy(&pool_id).await.unwrap());
    let more = PoolChange::Expand { pool_id: id(), more: 1 };
    let task = pools.change_pool(&more).await.unwrap().task.unwrap();
    assert!(pools.is_pool_busy(&pool_id).await.unwrap(), "its job has begun");
    until(|| async { (backend.poll(&task).await.unwrap() == TaskState::Finished).then_some(()) }).await;
    at_rest(3).await;
    assert!(!pools.is_pool_busy(&pool_id).await.unwrap());
    // Those that are named are made anew, and no others; the pool's image stays.
    let inside = pools.list_pool_desktops(&pool_id).await.unwrap();
    assert!(inside.iter().all(|desktop| desktop.login == Some(Login::Nobody)));
    let before = pools.get_pool(&pool_id).await.unwrap().unwrap().image_id;
    change(PoolChange::RebuildDesktops {
        pool_id: id(),
        image_id: OTHER_IMAGE.into(),
        desktop_ids: vec![inside[0].id.clone()],
    })
    .await;
    assert_eq!(at_rest(3).await.image_id, before);
    let inside = pools.list_pool_desktops(&pool_id).await.unwrap();
    let changed = inside
        .iter()
        .filter(|desktop| desktop.image_id.as_deref() == Some(OTHER_IMAGE));
    assert_eq!(changed.count(), 1);
    assert_eq!(pools.list_pools().await.unwrap().len(), 1);

    let users = backend.list_users().await.unwrap();
    let member = PoolMember {
        id: users[0].id.clone().unwrap(),
        name: "carol".into(),
        group: false,
        privilege: "users".into(),
    };
    let members = vec![member.clone()];
    change(PoolChange::AddMembers {
        pool_id: id(),
        members: members.clone(),
    })
    .await;
    assert_eq!(pools.list_pool_members(&pool_id).await.unwrap(), [member]);
    let raised = vec![PoolMember {
        privilege: "administrators".into(),
        ..members[0].clone()
    }];
    change(PoolChange::ChangeMembers {
        pool_id: id(),
        members: raised.clone(),
    })
    .await;
    assert_eq!(pools.list_pool_members(&pool_id).await.unwrap(), raised);
    change(PoolChange::RemoveMembers { pool_id: id(), members }).await;
    assert!(pools.list_pool_members(&pool_id).await.unwrap().is_empty());

    let growth = Autoscale {
        kind: Some(AutoscaleType::AutoCreated),
        max_created: Some(1),
        min_idle: Some(4),
        step: Some(1),
    };
    let update = |autoscale| PoolChange::Update {
        pool_id: id(),
        update: PoolUpdate {
            autoscale: Some(autoscale),
            description: Some("third form".into()),
            maintenance: Some(false),
            ..PoolUpdate::default()
        },
    };
    change(update(Some(growth.clone()))).await;
    let grown = at_rest(4).await;
    assert_eq!(
        (grown.autoscale, grown.description.as_deref()),
        (Some(growth), Some("third form"))
    );
    let rebuild = PoolChange::Rebuild {
        pool_id: id(),
        image_id: IMAGE.into(),
        scope: PoolScope::Idle,
    };
    change(rebuild).await;
    at_rest(4).await;
    let power = |power| PoolChange::Power { pool_id: id(), power };
    change(power(PoolPower::Hibernate)).await;
    at_rest(4).await;
    change(power(PoolPower::Start)).await;
    at_rest(4).await;

    let delete = PoolChange::Delete { pool_id: id() };
    let error = pools.change_pool(&delete).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict);
    change(update(None)).await;
    let inside = pools.list_pool_desktops(&pool_id).await.unwrap();
    assert_eq!(inside.len(), 4);
    change(PoolChange::DeleteDesktops {
        pool_id: id(),
        desktop_ids: inside.into_iter().map(|desktop| desktop.id).collect(),
    })
    .await;
    assert!(!change(delete.clone()).await.gone);
    assert!(change(delete).await.gone);
    assert!(pools.get_pool(&pool_id).await.unwrap().is_none());
    assert_eq!(sim.ledger().existing(Kind::Instance).len(), 1, "the one alone stays");
}

#[tokio::test]
async fn a_login_is_renewed_when_it_is_stale() {
    let (sim, _) = start().await;
    let backend = with_login(&sim, "testsecret");
    backend.list_clusters().await.unwrap();
    backend.list_images().await.unwrap();
    let logins = || sim.ledger().calls("KeystoneCreateUserTokenByPassword").len();
    assert_eq!(logins(), 1, "a token serves for many calls");
    let expire = || {
        sim.edit(HuaweiEdit::ExpireTokens {
            account: "testid".into(),
        })
        .unwrap()
    };
    expire();
    backend.list_clusters().await.unwrap();
    assert_eq!(logins(), 2);
    expire();
    // A change, too: what is refused at the door has changed nothing.
    backend.submit(&create()).await.unwrap();
    assert_eq!((logins(), sim.ledger().committed("CreateDesktop").len()), (3, 1));

    let wrong = with_login(&sim, "canary-4711").list_clusters().await.unwrap_err();
    assert_eq!(wrong.class, ErrorClass::Auth);
    assert!(!format!("{wrong} {wrong:?}").contains("canary"));
    let error = with_login(&sim, "canary-4711").submit(&create()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Auth, "nothing was sent");
    with_key(&sim).list_clusters().await.unwrap();
}
