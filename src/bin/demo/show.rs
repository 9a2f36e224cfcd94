//! Watches the cluster, keeps the table current, and waits for what the story tells next.

use std::time::Duration;

use anyhow::Context;
use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider};
use futures::StreamExt;
use futures::stream::{BoxStream, select_all};
use k8s_openapi::api::events::v1::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};

use crate::board::{Board, Change};
use crate::screen::Screen;
use crate::stage::{NAMESPACE, Stage};

/// How often what no watch reports (the vendor, the operator's process) is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long a step of the story may take. It takes a few seconds; a busy machine gets more.
const LIMIT: Duration = Duration::from_secs(90);

/// How long what the operator tells may come after what it told about. Nothing depends on it.
const LINGER: Duration = Duration::from_secs(1);

/// The demo as its viewer sees it.
pub struct Show {
    /// Where it is shown.
    pub screen: Screen,
    /// What the cluster holds.
    pub board: Board,
    changes: BoxStream<'static, Change>,
}

/// Something that was waited for did not happen.
#[derive(Debug, thiserror::Error)]
#[error("{what}: not within {LIMIT:?}")]
pub struct Late {
    what: &'static str,
}

impl Show {
    /// Begins to watch.
    pub fn new(client: &Client, screen: Screen) -> Self {
        let changes = select_all([
            watch(Api::<DesktopProvider>::all(client.clone()), Change::Provider),
            watch(Api::<DesktopCluster>::all(client.clone()), Change::Cluster),
            watch(Api::<Desktop>::all(client.clone()), Change::Desktop),
            watch(Api::<DesktopImage>::all(client.clone()), Change::Image),
            watch(Api::<DesktopPool>::all(client.clone()), Change::Pool),
            // The events of objects without a namespace are in `default`.
            watch(Api::<Event>::namespaced(client.clone(), NAMESPACE), Change::Told),
            watch(Api::<Event>::namespaced(client.clone(), "default"), Change::Told),
        ]);
        Self {
            screen,
            board: Board::default(),
            changes: changes.boxed(),
        }
    }

    /// Shows what happens until `done`; fails when that takes too long, or when the operator ends.
    pub async fn until(
        &mut self,
        stage: &mut Stage,
        what: &'static str,
        done: impl Fn(&Board, &Stage) -> bool,
    ) -> anyhow::Result<()> {
        tokio::time::timeout(LIMIT, self.follow(stage, done))
            .await
            .map_err(|_| Late { what })?
    }

    /// Shows what happens until something was told about so many objects, so that it stands in the step of the story to
    /// which it belongs. That it comes too late, or never, is no failure.
    pub async fn linger(&mut self, stage: &mut Stage, about: usize) -> anyhow::Result<()> {
        let all_told = |board: &Board, _: &Stage| board.told_of() >= about;
        tokio::time::timeout(LINGER, self.follow(stage, all_told))
            .await
            .unwrap_or(Ok(()))
    }

    /// Shows what happens until `done`, however long it takes.
    pub async fn follow(&mut self, stage: &mut Stage, done: impl Fn(&Board, &Stage) -> bool) -> anyhow::Result<()> {
        let mut tick = tokio::time::interval(TICK);
        loop {
            self.screen.show(&self.board)?;
            if done(&self.board, stage) {
                return Ok(());
            }
            tokio::select! {
                change = self.changes.next() => {
                    let change = change.context("the watches ended")?;
                    if let Some(told) = self.board.take(change) {
                        self.screen.told(&told)?;
                    }
                }
                _ = tick.tick() => stage.check()?,
            }
        }
    }
}

fn watch<K>(api: Api<K>, wrap: fn(watcher::Event<K>) -> Change) -> BoxStream<'static, Change>
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    watcher(api, watcher::Config::default())
        .default_backoff()
        // A watch that fails is begun again; should it never succeed, what is waited for comes too late, and says so.
        .filter_map(move |event| std::future::ready(event.ok().map(wrap)))
        .boxed()
}
