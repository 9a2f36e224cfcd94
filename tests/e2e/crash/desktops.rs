//! The operator dies at every request in the life of a desktop.

use serde_json::json;

use desktop_operator::api::Desktop;
use desktop_operator::sim::{GwsEdit, SimConfig};

use super::bench::{Bench, points};
use crate::proxy::Moment;
use crate::world::IMAGE;

/// Fewer would mean that the proxies see less than they should.
const AT_LEAST: usize = 40;

#[tokio::test]
async fn a_desktop_survives_a_crash_at_every_request() {
    let mut bench = Bench::start(SimConfig::fast(20.0), &["--leader-elect=false"]).await;
    let office = bench.world.office().await.status.unwrap().id.unwrap();
    let foreign = bench.world.edit(GwsEdit::AddInstance {
        cluster: office,
        name: "somebody-else".into(),
        instance_type: "ecs.g6.large".into(),
        image_id: IMAGE.into(),
    });
    bench.world.ready_desktop("bystander", json!({})).await;
    let bystander = bench.world.id("bystander").await;
    let (made, gone) = bench.reference::<Desktop>("reference").await;
    let start = bench.world.ledger().position();

    for (prefix, moment) in [("b", Moment::Before), ("a", Moment::After)] {
        let all = points(prefix, made);
        bench.crash_making::<Desktop>(&all, moment).await;
        bench.crash_deleting::<Desktop>(&all, gone, moment).await;
        bench
            .give_up::<Desktop>(&points(&format!("g{prefix}"), made), moment)
            .await;
    }
    let late = points("late", made);
    bench.arrive_late::<Desktop>(&late).await;
    bench.crash_twice::<Desktop>(&points("twice", made)).await;

    bench.no_orphans("office").await;
    let ledger = bench.world.ledger();
    for untouched in [foreign, bystander] {
        let touched: Vec<_> = ledger
            .writes_since(start)
            .into_iter()
            .filter(|e| e.ids.contains(&untouched))
            .collect();
        assert!(touched.is_empty(), "{touched:?}");
    }
    bench.report.show("a desktop survives a crash at every request");
    assert!(bench.report.distinct() >= AT_LEAST);
}
