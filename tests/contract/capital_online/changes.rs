//! Changes of a desktop that exists: power, disk, user, name, label, deletion.

use desktop_operator::api::desktop::DesktopState;
use desktop_operator::backend::{Backend, ErrorClass, Operation, TaskState};
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, Fault, Sim};

use super::backend::{created, ended, job, start, stopped, user};
use super::client::{IMAGE, OFFICE_IMAGE, OTHER_IMAGE, own_net, uuid};

fn start_it(id: &str) -> Operation {
    Operation::StartDesktop {
        desktop_id: id.to_owned(),
    }
}

fn rebuild(id: &str, image: &str) -> Operation {
    Operation::RebuildDesktop {
        desktop_id: id.to_owned(),
        image_id: image.to_owned(),
    }
}

fn assign(id: &str, who: desktop_operator::api::desktop::DesktopUser) -> Operation {
    Operation::AssignUser {
        desktop_id: id.to_owned(),
        user: who,
    }
}

fn delete(id: &str) -> Operation {
    Operation::DeleteDesktop {
        desktop_id: id.to_owned(),
    }
}

fn add_person(sim: &Sim, email: &str) {
    sim.edit(CapitalOnlineEdit::AddSubAccount {
        account: "testid".to_owned(),
        email: email.to_owned(),
        name: email.split('@').next().unwrap().to_owned(),
    })
    .unwrap();
}

fn bound_to(sim: &Sim, id: &str) -> Option<String> {
    sim.read(|world| {
        let capital = &world.capital_online;
        let user = capital.vms[id].user.as_ref()?;
        Some(capital.sub_accounts[user].email.clone())
    })
}

async fn done(sim: &Sim, backend: &dyn Backend, operation: &Operation) {
    let receipt = backend
        .submit(operation)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    if receipt.task.is_some() {
        ended(sim, backend, &receipt).await.unwrap();
    }
}

#[tokio::test]
async fn power() {
    let (sim, backend) = start(Edition::Y2022).await;
    let id = stopped(&sim, &*backend).await;
    let off = Operation::StopDesktop { desktop_id: id.clone() };
    assert_eq!(backend.submit(&off).await.unwrap_err().class, ErrorClass::Conflict);
    done(&sim, &*backend, &start_it(&id)).await;
    done(&sim, &*backend, &Operation::RestartDesktop { desktop_id: id.clone() }).await;
    let listed = backend.list_desktops(&own_net(&sim).id).await.unwrap();
    assert_eq!(listed[0].state, DesktopState::Running);
}

#[tokio::test]
async fn a_task_that_fails_or_is_not_known() {
    let (sim, backend) = start(Edition::Y2022).await;
    let id = stopped(&sim, &*backend).await;
    sim.edit(CapitalOnlineEdit::FailTask {
        action: "OperateVm".to_owned(),
        reason: "平台".to_owned(),
    })
    .unwrap();
    let receipt = backend.submit(&start_it(&id)).await.unwrap();
    assert_eq!(ended(&sim, &*backend, &receipt).await, Err("平台".to_owned()));
    let error = backend.poll(&job(&format!("{}/{}", uuid(), uuid()))).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound);
    sim.fault(Fault::on("OperateVm").never_finish_task());
    let receipt = backend.submit(&start_it(&id)).await.unwrap();
    sim.wait_for(|world| world.capital_online.vms[&id].status == "using")
        .await
        .unwrap();
    assert_eq!(backend.poll(&receipt.task.unwrap()).await.unwrap(), TaskState::Running);
}

#[tokio::test]
async fn a_disk_is_wiped_at_most_once() {
    let (sim, backend) = start(Edition::Y2022).await;
    let id = created(&sim, &*backend).await;
    let wipes = || sim.read(|world| world.capital_online.vms[&id].wipes);
    let error = backend.submit(&rebuild(&id, OTHER_IMAGE)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict);
    done(&sim, &*backend, &Operation::StopDesktop { desktop_id: id.clone() }).await;
    for (image, class) in [("image-x", ErrorClass::NotFound), (OFFICE_IMAGE, ErrorClass::Invalid)] {
        assert_eq!(backend.submit(&rebuild(&id, image)).await.unwrap_err().class, class);
    }
    assert_eq!(
        backend.submit(&rebuild("vm-x", IMAGE)).await.unwrap_err().class,
        ErrorClass::NotFound
    );
    // Everything was seen beforehand.
    assert!(sim.ledger().calls("RebuildVm").is_empty());

    done(&sim, &*backend, &rebuild(&id, OTHER_IMAGE)).await;
    assert_eq!(wipes(), 1);
    // The answer is lost: it is in doubt, and not sent again by itself although it is a GET.
    sim.fault(Fault::on("RebuildVm").after_commit().reset());
    let error = backend.submit(&rebuild(&id, IMAGE)).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
    assert_eq!((wipes(), sim.ledger().calls("RebuildVm").len()), (2, 2));
    // Switched on between the look and the call.
    sim.wait_for(|world| world.capital_online.vms[&id].status == "stop")
        .await
        .unwrap();
    sim.fault(Fault::on("RebuildVm").code(200, "13004", "仅支持关机状态"));
    let error = backend.submit(&rebuild(&id, IMAGE)).await.unwrap_err();
    assert_eq!((error.class, wipes()), (ErrorClass::Conflict, 2));
}

#[tokio::test]
async fn users_come_change_and_go() {
    let (sim, backend) = start(Edition::Y2022).await;
    for email in ["alice@example.com", "bob@example.com", "alice@other.example"] {
        add_person(&sim, email);
    }
    let id = created(&sim, &*backend).await;
    let unassign = Operation::UnassignUser { desktop_id: id.clone() };
    // By a name that two have, by one that nobody has.
    let error = backend.submit(&assign(&id, user("alice", None))).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Invalid, "{error}");
    let error = backend.submit(&assign(&id, user("carol", None))).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound, "{error}");
    let error = backend
        .submit(&assign(&id, user("alice", Some("lice@example.com"))))
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::NotFound, "{error}");

    // For the first time also while it is on; to another and to nobody only while it is off.
    done(&sim, &*backend, &assign(&id, user("alice", Some("Alice@Example.com")))).await;
    assert_eq!(bound_to(&sim, &id).as_deref(), Some("alice@example.com"));
    let error = backend.submit(&assign(&id, user("bob", None))).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::Conflict, Some("13011"))
    );
    let error = backend.submit(&unassign).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_deref()),
        (ErrorClass::Conflict, Some("13012"))
    );
    done(&sim, &*backend, &Operation::StopDesktop { desktop_id: id.clone() }).await;
    done(&sim, &*backend, &assign(&id, user("bob", None))).await;
    assert_eq!(bound_to(&sim, &id).as_deref(), Some("bob@example.com"));
    let listed = backend.list_desktops(&own_net(&sim).id).await.unwrap();
    assert_eq!(listed[0].user_email.as_deref(), Some("bob@example.com"));
    done(&sim, &*backend, &unassign).await;
    assert_eq!(bound_to(&sim, &id), None);
    assert_eq!(sim.ledger().committed("BindAccounts").len(), 1);
    assert_eq!(sim.ledger().committed("ChangeAccount").len(), 1);

    sim.edit(CapitalOnlineEdit::SetSubAccountStatus {
        user: "bob@example.com".to_owned(),
        status: "error".to_owned(),
    })
    .unwrap();
    let error = backend.submit(&assign(&id, user("bob", None))).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict, "{error}");
}

#[tokio::test]
async fn the_newer_editions_partial_answers_are_read_for_the_desktop() {
    let (sim, backend) = start(Edition::Y2023).await;
    add_person(&sim, "alice@example.com");
    let id = created(&sim, &*backend).await;
    done(&sim, &*backend, &assign(&id, user("alice", None))).await;
    let error = backend
        .submit(&Operation::UnassignUser { desktop_id: id.clone() })
        .await
        .unwrap_err();
    assert_eq!(error.class, ErrorClass::Conflict, "{error}");
    assert!(error.message.contains("云桌面"), "{error}");
    assert!(bound_to(&sim, &id).is_some());
    // A broken network is configured anew, when a restart is asked for.
    sim.edit(CapitalOnlineEdit::SetVmStatus {
        vm: id.clone(),
        status: "netErr".to_owned(),
    })
    .unwrap();
    done(&sim, &*backend, &Operation::RestartDesktop { desktop_id: id.clone() }).await;
    assert_eq!(sim.ledger().committed("ConfigNet").len(), 1);
    done(&sim, &*backend, &Operation::RestartDesktop { desktop_id: id }).await;
    assert_eq!(sim.ledger().committed("OperateVm").len(), 1);
}

#[tokio::test]
async fn names_and_labels() {
    let (sim, backend) = start(Edition::Y2022).await;
    let id = created(&sim, &*backend).await;
    let rename = |id: &str| Operation::RenameDesktop {
        desktop_id: id.to_owned(),
        name: "研发 *~/+&=".to_owned(),
    };
    done(&sim, &*backend, &rename(&id)).await;
    let label = Operation::LabelDesktop {
        desktop_id: id.clone(),
        label: "0123".to_owned(),
    };
    done(&sim, &*backend, &label).await;
    let listed = backend.list_desktops(&own_net(&sim).id).await.unwrap();
    assert_eq!(listed[0].name.as_deref(), Some("研发 *~/+&="));
    assert_eq!(listed[0].label.as_deref(), Some("0123"));
    assert_eq!(
        backend.submit(&rename("vm-x")).await.unwrap_err().class,
        ErrorClass::NotFound
    );
}

#[tokio::test]
async fn deletion() {
    let (sim, backend) = start(Edition::Y2022).await;
    let id = created(&sim, &*backend).await;
    done(&sim, &*backend, &delete(&id)).await;
    sim.wait_for(|world| world.capital_online.vms.is_empty()).await.unwrap();
    assert!(backend.submit(&delete(&id)).await.unwrap().gone);
    assert!(backend.list_desktops(&own_net(&sim).id).await.unwrap().is_empty());
    // Something else that is not there does not make a desktop gone.
    for (status, code) in [(404, "InvalidVm.NotFound"), (404, "UnsupportedAction"), (200, "10005")] {
        sim.fault(Fault::on("DeleteVm").code(status, code, "words"));
        let error = backend.submit(&delete(&id)).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code));
    }
}

#[tokio::test]
async fn what_there_is_no_call_for_is_not_sent() {
    let (sim, backend) = start(Edition::Y2022).await;
    for operation in [
        Operation::DeleteCluster {
            cluster_id: own_net(&sim).id,
        },
        Operation::DeleteImage {
            image_id: IMAGE.to_owned(),
        },
    ] {
        assert_eq!(backend.submit(&operation).await.unwrap_err().class, ErrorClass::Invalid);
    }
    assert!(backend.get_policy("vpc").await.is_err());
    assert_eq!(sim.ledger().entries().len(), 0);
}
