//! What is sent: every parameter of every call, where it stands, and nothing else.

use desktop_operator::api::desktop::{
    Application, BillingMode, DesktopUser, InternetChargeType, Period, PeriodUnit, PublicAddress, SystemDisk,
    UserGroup, WorkMode,
};
use desktop_operator::backend::{
    ClusterSpec, DesktopSpec, ErrorClass, Operation, PolicyValues, Task, TaskKind, Term, UserSpec,
};

use super::account::{TOKEN, at, connected, desktop, documented_at, example_desktop, examples, spec, user};
use crate::gws::vendor::{Notes, secret};

/// An operation and what must be sent for it, sorted by name.
pub struct Case {
    pub operation: Operation,
    pub action: &'static str,
    pub form: Vec<(&'static str, &'static str)>,
    /// Only with the calls beyond the document.
    pub extended: bool,
}

pub fn term(count: i32, unit: PeriodUnit, auto_renew: bool) -> Term {
    Term {
        period: Period { count, unit },
        auto_renew,
        token: "renewal-1".into(),
    }
}

fn id() -> String {
    "desktop-1".to_owned()
}

/// Every operation that is one call.
pub fn operations() -> Vec<Case> {
    let d = ("DesktopId", "desktop-1");
    let extended = |operation, action, form: &[(&'static str, &'static str)]| Case {
        operation,
        action,
        form: form.to_vec(),
        extended: true,
    };
    let documented = |operation, action, form: &[(&'static str, &'static str)]| Case {
        extended: false,
        ..extended(operation, action, form)
    };
    let administrator = DesktopUser {
        group: Some(UserGroup::Administrators),
        ..user("bob")
    };
    let (gentle, name) = (("ForceStop", "false"), "桌面 1*~/+&=");
    vec![
        documented(Operation::DeleteDesktop { desktop_id: id() }, "DeleteDesktop", &[d]),
        documented(
            Operation::RenewDesktop {
                desktop_id: id(),
                term: term(12, PeriodUnit::Month, false),
            },
            "RenewDesktop",
            &[("ClientToken", "renewal-1"), d, ("Period", "12")],
        ),
        extended(
            Operation::RenameDesktop {
                desktop_id: id(),
                name: name.into(),
            },
            "ModifyDesktop",
            &[d, ("DesktopName", name)],
        ),
        extended(Operation::StartDesktop { desktop_id: id() }, "StartDesktop", &[d]),
        extended(Operation::StopDesktop { desktop_id: id() }, "StopDesktop", &[d, gentle]),
        extended(
            Operation::RestartDesktop { desktop_id: id() },
            "RebootDesktop",
            &[d, gentle],
        ),
        extended(
            Operation::AssignUser {
                desktop_id: id(),
                user: user("bob"),
            },
            "ModifyDesktopUser",
            &[d, ("UserGroup", "Users"), ("UserName", "bob")],
        ),
        extended(
            Operation::AssignUser {
                desktop_id: id(),
                user: administrator,
            },
            "ModifyDesktopUser",
            &[d, ("UserGroup", "Administrators"), ("UserName", "bob")],
        ),
    ]
}

#[tokio::test]
async fn every_operation_sends_its_call() {
    for case in operations() {
        let vendor = examples().await;
        let receipt = at(&vendor).submit(&case.operation).await.unwrap();
        assert!(receipt.request_id.is_some() && receipt.id.is_none() && !receipt.gone);
        assert_eq!(receipt.order_id.is_some(), case.action == "RenewDesktop");
        let seen = vendor.only();
        assert_eq!(seen.action(), case.action);
        assert_eq!(seen.own(), case.form, "{}", case.action);
        assert_eq!(seen.query["Version"], "2017-03-01");
    }
}

#[tokio::test]
async fn without_the_extended_api_only_documented_calls_are_sent() {
    for case in operations() {
        let vendor = examples().await;
        let result = documented_at(&vendor).submit(&case.operation).await;
        assert_eq!(result.is_err(), case.extended, "{}", case.action);
        if let Err(error) = result {
            assert_eq!(error.class, ErrorClass::Invalid);
            assert_eq!(vendor.seen().len(), 0, "{}", case.action);
        }
    }
    let vendor = examples().await;
    let backend = documented_at(&vendor);
    let rebuild = Operation::RebuildDesktop {
        desktop_id: id(),
        image_id: "img-xxx".into(),
    };
    assert_eq!(backend.submit(&rebuild).await.unwrap_err().class, ErrorClass::Invalid);
    let error = backend.list_desktops("vpc-xxx").await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Invalid, "{error}");
    assert_eq!(vendor.seen().len(), 0);
    assert!(!backend.capabilities().observe_desktops && at(&vendor).capabilities().observe_desktops);
}

#[tokio::test]
async fn what_there_is_no_call_for_is_not_sent() {
    let vendor = examples().await;
    let backend = at(&vendor);
    let cluster_id = || "vpc-xxx".to_owned();
    let operations = [
        Operation::CreateCluster(ClusterSpec {
            cluster_type: "x".into(),
            vpc_id: None,
            subnet_id: None,
        }),
        Operation::DeleteCluster {
            cluster_id: cluster_id(),
        },
        Operation::RepairCluster {
            cluster_id: cluster_id(),
        },
        Operation::SetPolicy {
            cluster_id: cluster_id(),
            values: PolicyValues::default(),
        },
        Operation::SetNat {
            cluster_id: cluster_id(),
            nat: None,
        },
        Operation::UnassignUser { desktop_id: id() },
        Operation::LabelDesktop {
            desktop_id: id(),
            label: "x".into(),
        },
        Operation::ConvertBilling {
            desktop_id: id(),
            term: term(1, PeriodUnit::Month, false),
        },
        Operation::CreateImage {
            desktop_id: id(),
            name: "x".into(),
        },
        Operation::DeleteImage { image_id: id() },
    ];
    for operation in operations {
        let error = backend.submit(&operation).await.unwrap_err();
        assert_eq!((error.class, error.action), (ErrorClass::Invalid, operation.name()));
    }
    let task = Task {
        kind: TaskKind::Job,
        object_id: id(),
        task_id: "t".into(),
        from: None,
        to: None,
    };
    assert_eq!(backend.poll(&task).await.unwrap_err().class, ErrorClass::Invalid);
    assert!(backend.get_policy("vpc-xxx").await.is_err());
    assert_eq!(vendor.seen().len(), 0);
}

#[tokio::test]
async fn a_creation_looks_before_it_buys() {
    let vendor = examples().await;
    let receipt = at(&vendor)
        .submit(&Operation::CreateDesktop(Box::new(example_desktop())))
        .await
        .unwrap();
    assert_eq!(receipt.id.as_deref(), Some("desktop-xxx"));
    assert_eq!(receipt.order_id.as_deref(), Some("200000000000001"));
    let seen = vendor.seen();
    let page = [("Page", "1"), ("PageSize", "50")];
    let expected: [(&str, &[(&str, &str)]); 4] = [
        (
            "DescribeImages",
            &[("ImageId", "img-xxx"), ("ImageType", "private"), page[0], page[1]],
        ),
        ("DescribeActivityDirectoryUsers", &[("UserName", "user-xxx")]),
        (
            "DescribeAvailableResource",
            &[
                ("ChargeType", "POSTPAY"),
                ("TypeITemId", "desktop.n1.small"),
                ("TypeItemId", "desktop.n1.small"),
                ("ZoneId", "cn-hangzhou-h"),
            ],
        ),
        (
            "CreateDesktop",
            &[
                ("ChargeType", "POSTPAY"),
                ("ClientToken", TOKEN),
                ("ImageId", "img-xxx"),
                ("ImageType", "private"),
                ("TypeItemId", "desktop.n1.small"),
                ("UserGroup", "Users"),
                ("UserName", "user-xxx"),
                ("VSwitchId", "vsw-1"),
                ("VpcId", "vpc-1"),
                ("ZoneId", "cn-hangzhou-h"),
            ],
        ),
    ];
    assert_eq!(seen.len(), expected.len());
    for (seen, (action, form)) in seen.iter().zip(expected) {
        assert_eq!((seen.action(), seen.own().as_slice()), (action, form));
    }
}

fn subscribed(count: i32, unit: PeriodUnit) -> DesktopSpec {
    let mut spec = example_desktop();
    spec.billing.mode = BillingMode::Subscription;
    spec.billing.period = Some(Period { count, unit });
    spec
}

#[tokio::test]
async fn a_subscription_for_an_administrator_of_a_resellers_customer() {
    let vendor = examples().await;
    let mut provider = spec(Some(&vendor.url), false);
    provider.cloud_desktop.as_mut().unwrap().owner_id = Some("4711".into());
    let backend = connected(&provider, &secret(), std::sync::Arc::new(Notes::default()));
    let mut wanted = subscribed(36, PeriodUnit::Month);
    wanted.user.as_mut().unwrap().group = Some(UserGroup::Administrators);
    wanted.place.vpc_id = None;
    wanted.attempt = 2;
    backend
        .submit(&Operation::CreateDesktop(Box::new(wanted)))
        .await
        .unwrap();
    let seen = vendor.seen();
    let form = &seen.last().unwrap().form;
    for (name, value) in [
        ("OwnerId", "4711"),
        ("ChargeType", "PREPAY"),
        ("Period", "36"),
        ("UserGroup", "Administrators"),
        // The tenant's own, where the manifest names none.
        ("VpcId", "vpc-xxx"),
        ("ClientToken", "3f2a0c1e000040008000000000000001-2"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    for operation in [
        Operation::DeleteDesktop { desktop_id: id() },
        Operation::RenewDesktop {
            desktop_id: id(),
            term: term(1, PeriodUnit::Month, false),
        },
    ] {
        backend.submit(&operation).await.unwrap();
        assert_eq!(vendor.seen().last().unwrap().form["OwnerId"], "4711");
    }
}

#[tokio::test]
async fn what_is_certainly_wrong_is_not_sent() {
    let vendor = examples().await;
    let backend = at(&vendor);
    let with = |change: fn(&mut DesktopSpec)| {
        let mut spec = desktop();
        change(&mut spec);
        spec
    };
    let mut cases = vec![
        with(|d| d.place.zone_id = None),
        with(|d| d.place.subnet_id = None),
        with(|d| d.user = None),
        with(|d| {
            d.disk = Some(SystemDisk {
                category: "cloud_ssd".into(),
                size_gib: 80,
            });
        }),
        with(|d| {
            d.public_address = Some(PublicAddress {
                charge_type: InternetChargeType::PayByTraffic,
                bandwidth_in: 1,
                bandwidth_out: 1,
            });
        }),
        with(|d| {
            d.work_mode = WorkMode::Application;
            d.applications = vec![Application {
                name: "n".into(),
                path: "p".into(),
                args: None,
            }];
        }),
        with(|d| d.billing.mode = BillingMode::Subscription),
        subscribed(1, PeriodUnit::Week),
    ];
    cases.extend([0, 10, 11, 13, 37].map(|count| subscribed(count, PeriodUnit::Month)));
    let mut renewing = subscribed(1, PeriodUnit::Month);
    renewing.billing.auto_renew = true;
    cases.push(renewing);
    for spec in cases {
        let error = backend
            .submit(&Operation::CreateDesktop(Box::new(spec.clone())))
            .await
            .unwrap_err();
        assert_eq!(error.class, ErrorClass::Invalid, "{spec:?}");
    }
    for bad in [
        term(10, PeriodUnit::Month, false),
        term(1, PeriodUnit::Week, false),
        term(1, PeriodUnit::Month, true),
    ] {
        let renew = Operation::RenewDesktop {
            desktop_id: id(),
            term: bad,
        };
        assert_eq!(backend.submit(&renew).await.unwrap_err().class, ErrorClass::Invalid);
    }
    let named = |name: &str, email: Option<&str>| UserSpec {
        name: name.into(),
        email: email.map(str::to_owned),
        remark: None,
    };
    let users = [
        named("a-name-of-seventeen", Some("a@b")),
        named("", Some("a@b")),
        named("carol", None),
    ];
    for answer in backend.create_users(&users).await.unwrap() {
        assert_eq!(answer.unwrap_err().class, ErrorClass::Invalid);
    }
    assert_eq!(vendor.seen().len(), 0);
}
