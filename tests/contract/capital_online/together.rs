//! What is asked for at the same moment goes out as one call, and each desktop gets its own answer.

use desktop_operator::backend::{ErrorClass, Operation};
use desktop_operator::sim::capital_online::Edition;
use desktop_operator::sim::{CapitalOnlineEdit, Fault, Sim};
use futures::future::join_all;

use super::backend::start;
use super::client::own_net;

fn add(sim: &Sim, count: usize) -> Vec<String> {
    let net = own_net(sim).id;
    let add = |n| {
        let name = format!("desktop {n}");
        sim.edit(CapitalOnlineEdit::AddVm { net: net.clone(), name }).unwrap()
    };
    (0..count).map(add).collect()
}

fn stop(id: &str) -> Operation {
    Operation::StopDesktop {
        desktop_id: id.to_owned(),
    }
}

#[tokio::test]
async fn a_class_is_switched_off_by_two_calls() {
    let (sim, backend) = start(Edition::Y2022).await;
    let ids = add(&sim, 60);
    let operations: Vec<_> = ids.iter().map(|id| stop(id)).collect();
    let receipts = join_all(operations.iter().map(|operation| backend.submit(operation))).await;
    for (id, receipt) in ids.iter().zip(&receipts) {
        let task = receipt.as_ref().unwrap().task.as_ref().unwrap();
        assert_eq!(&task.object_id, id);
    }
    // Fifty at most in one.
    assert_eq!(sim.ledger().committed("OperateVm").len(), 2);
    sim.wait_for(|world| world.capital_online.vms.values().all(|vm| vm.status == "stop"))
        .await
        .unwrap();
}

#[tokio::test]
async fn one_that_does_not_allow_it_does_not_stop_the_others() {
    let (sim, backend) = start(Edition::Y2022).await;
    let ids = add(&sim, 3);
    sim.edit(CapitalOnlineEdit::SetVmStatus {
        vm: ids[1].clone(),
        status: "stop".to_owned(),
    })
    .unwrap();
    let operations: Vec<_> = ids.iter().map(|id| stop(id)).collect();
    let receipts = join_all(operations.iter().map(|operation| backend.submit(operation))).await;
    assert!(receipts[0].is_ok() && receipts[2].is_ok());
    assert_eq!(receipts[1].as_ref().unwrap_err().class, ErrorClass::Conflict);
}

#[tokio::test]
async fn doubt_is_everybodys_and_nothing_is_sent_again() {
    let (sim, backend) = start(Edition::Y2022).await;
    let ids = add(&sim, 3);
    sim.fault(Fault::on("OperateVm").after_commit().reset());
    let operations: Vec<_> = ids.iter().map(|id| stop(id)).collect();
    let receipts = join_all(operations.iter().map(|operation| backend.submit(operation))).await;
    for receipt in receipts {
        assert_eq!(receipt.unwrap_err().class, ErrorClass::Ambiguous);
    }
    assert_eq!(sim.ledger().calls("OperateVm").len(), 1);
}

#[tokio::test]
async fn different_wishes_are_different_calls_and_a_restart_is_its_own() {
    let (sim, backend) = start(Edition::Y2022).await;
    let ids = add(&sim, 4);
    let label = |id: &String, label: &str| Operation::LabelDesktop {
        desktop_id: id.clone(),
        label: label.to_owned(),
    };
    let operations = [
        label(&ids[0], "a"),
        label(&ids[1], "a"),
        label(&ids[2], "b"),
        Operation::RestartDesktop {
            desktop_id: ids[2].clone(),
        },
        Operation::RestartDesktop {
            desktop_id: ids[3].clone(),
        },
    ];
    for receipt in join_all(operations.iter().map(|operation| backend.submit(operation))).await {
        receipt.unwrap();
    }
    assert_eq!(sim.ledger().committed("UpdateVmLabels").len(), 2);
    assert_eq!(sim.ledger().committed("OperateVm").len(), 2);
    sim.read(|world| assert_eq!(world.capital_online.vms[&ids[1]].label, "a"));
}

#[tokio::test]
async fn whoever_gives_up_leaves_the_others_their_answer() {
    let (sim, backend) = start(Edition::Y2022).await;
    let ids = add(&sim, 2);
    let (first, second) = (stop(&ids[0]), stop(&ids[1]));
    let given_up = backend.submit(&first);
    let waiting = backend.submit(&second);
    // Polled once, which is when it asks, and then dropped.
    tokio::select! {
        biased;
        _ = given_up => panic!("too early"),
        () = std::future::ready(()) => {}
    }
    waiting.await.unwrap();
    assert_eq!(sim.ledger().committed("OperateVm").len(), 1);
}
