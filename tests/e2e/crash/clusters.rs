//! The operator dies at every request in the life of a cluster, which has no name while it is created.

use desktop_operator::api::DesktopCluster;
use desktop_operator::sim::SimConfig;

use super::bench::{Bench, points};
use crate::proxy::Moment;

const AT_LEAST: usize = 40;

#[tokio::test]
async fn a_cluster_survives_a_crash_at_every_request() {
    let prefixes = ["b", "a", "gb", "ga", "late", "twice"];
    let numbers = 1..40;
    let mut config = SimConfig::fast(20.0);
    config.vpcs = prefixes
        .iter()
        .flat_map(|p| numbers.clone().map(move |n| format!("vpc-{p}{n:02}")))
        .chain(["vpc-reference".to_owned()])
        .collect();
    let mut bench = Bench::start(config, &["--leader-elect=false"]).await;
    let (made, gone) = bench.reference::<DesktopCluster>("reference").await;
    for (prefix, moment) in [("b", Moment::Before), ("a", Moment::After)] {
        let all = points(prefix, made);
        bench.crash_making::<DesktopCluster>(&all, moment).await;
        bench.crash_deleting::<DesktopCluster>(&all, gone, moment).await;
        bench
            .give_up::<DesktopCluster>(&points(&format!("g{prefix}"), made), moment)
            .await;
    }
    bench.arrive_late::<DesktopCluster>(&points("late", made)).await;
    bench.crash_twice::<DesktopCluster>(&points("twice", made)).await;
    bench.report.show("a cluster survives a crash at every request");
    assert!(bench.report.distinct() >= AT_LEAST);
}
