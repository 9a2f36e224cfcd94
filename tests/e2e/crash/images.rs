//! The operator dies at every request in the life of an image that is captured.

use desktop_operator::api::desktop::DesktopState;
use desktop_operator::api::{Desktop, DesktopImage};
use desktop_operator::sim::SimConfig;

use super::bench::{Bench, Mortal, points, source_of};
use crate::harness::object;
use crate::proxy::Moment;
use crate::world::Seen;

/// Fewer would mean that the proxies see less than they should.
const AT_LEAST: usize = 16;

#[tokio::test]
async fn an_image_survives_a_crash_at_every_request() {
    let mut config = SimConfig::fast(20.0);
    config.capture_needs_stopped = true;
    let mut bench = Bench::start(config, &["--leader-elect=false"]).await;
    bench.world.office().await;
    let (made, gone) = bench.reference::<DesktopImage>("reference").await;
    let mut all = Vec::new();
    for (prefix, moment) in [("b", Moment::Before), ("a", Moment::After)] {
        let half = points(prefix, made);
        bench.crash_making::<DesktopImage>(&half, moment).await;
        // Whatever was cut, the desktop is as it was.
        for (name, _) in &half {
            object(&bench.world.api::<Desktop>(), &source_of(name), "runs again", |d| {
                let status = d.status.as_ref();
                let runs = status.is_some_and(|s| s.state == Some(DesktopState::Running) && s.held.is_none());
                runs && d.is("Ready", "True")
            })
            .await;
        }
        bench.crash_deleting::<DesktopImage>(&half, gone, moment).await;
        all.extend(half);
    }
    // What a dead operator had sent arrives when its successor is at work.
    let late = points("late", made);
    bench.arrive_late::<DesktopImage>(&late).await;
    let ledger = bench.world.ledger();
    assert_eq!(ledger.committed(DesktopImage::CREATE).len(), 1 + all.len() + late.len());
    bench.report.show("an image survives a crash at every request");
    assert!(bench.report.distinct() >= AT_LEAST);
}
