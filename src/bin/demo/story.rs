//! The story, step by step.

use anyhow::{Context, bail, ensure};
use desktop_operator::api::condition;
use desktop_operator::api::desktop::DesktopState;
use desktop_operator::sim::{GwsEdit, Kind};

use crate::board::Board;
use crate::screen::Screen;
use crate::show::Show;
use crate::stage::Stage;
use crate::vendor::Vendor;

/// Objects of the manifests that the operator looks after.
const OBJECTS: usize = 5;
const DESKTOPS: usize = 3;
const CLUSTER: &str = "office";
/// The pool, how many desktops it begins with, and how many it has in the end.
const POOL: &str = "class";
const CLASS: [usize; 2] = [3, 4];

/// One vendor's part of the story.
struct Chapter {
    vendor: Vendor,
    /// Desktops and clusters that were made in the chapters before.
    before: [usize; 2],
}

impl Chapter {
    fn new(vendor: Vendor, stage: &Stage) -> Self {
        let ledger = stage.vendor.ledger();
        let made = |kind| ledger.ever_created(kind).len();
        Self {
            vendor,
            before: [made(Kind::Instance), made(Kind::Cluster)],
        }
    }

    /// What the vendor's books say at the end: a kind of object, its name, how many were made before and now.
    fn books(&self) -> Vec<(Kind, &'static str, usize, usize)> {
        let pool = if self.vendor.pool().is_some() { CLASS[1] } else { 0 };
        let mut books = vec![(Kind::Instance, "desktops", self.before[0], DESKTOPS + pool)];
        if self.vendor.makes_clusters() {
            books.insert(0, (Kind::Cluster, "clusters", self.before[1], 1));
        }
        books
    }
}

/// What is about to be seen.
pub fn welcome(screen: &mut Screen) -> anyhow::Result<()> {
    screen.headline("Cloud desktops as Kubernetes resources")?;
    screen.say(
        "Three things start now on this machine: a Kubernetes API server, a simulator that speaks the protocols of four\n\
         desktop vendors, and the operator, which keeps an account at each of them as the manifests say. The simulator is\n\
         faster than a vendor, everything else is as in real life.",
    )?;
    Ok(())
}

/// The story of each vendor, one after the other; with `keep`, the last one without its end.
pub async fn all(show: &mut Show, stage: &mut Stage, vendors: &[Vendor], keep: bool) -> anyhow::Result<()> {
    for (number, vendor) in vendors.iter().enumerate() {
        let chapter = Chapter::new(*vendor, stage);
        show.board.told.clear();
        show.screen.headline(&format!("At {}", vendor.title()))?;
        rise(show, stage, &chapter).await?;
        if *vendor == Vendor::Gws {
            policy_drift(show, stage).await?;
        }
        power_drift(show, stage, &chapter).await?;
        if let Some(manifests) = vendor.pool() {
            pool(show, stage, *vendor, manifests).await?;
        }
        if keep && number + 1 == vendors.len() {
            return stay(show, stage).await;
        }
        farewell(show, stage, &chapter).await?;
    }
    let seconds = show.screen.seconds();
    show.screen.say(&format!(
        "\nThat was all, in {seconds:.0} seconds. `make demo KEEP=1` leaves it running, `make demo VENDOR=gws` tells of one\n\
         vendor."
    ))?;
    Ok(())
}

/// Whatever the viewer does.
async fn stay(show: &mut Show, stage: &mut Stage) -> anyhow::Result<()> {
    show.screen
        .headline("Everything keeps running until Ctrl-C. In another terminal:")?;
    show.screen.say(&format!(
        "  export KUBECONFIG={}\n  kubectl get vdi --all-namespaces\n  kubectl describe desktop --namespace design alice",
        stage.kubeconfig().display()
    ))?;
    show.screen
        .say(&format!("The vendor's side: {}/_sim/state", stage.vendor.url()))?;
    show.follow(stage, |_, _| false).await
}

async fn rise(show: &mut Show, stage: &mut Stage, chapter: &Chapter) -> anyhow::Result<()> {
    let begun = show.screen.seconds();
    show.screen.headline(&format!(
        "We declare an account, a cluster and three desktops (the manifests are in config/demo/{})",
        chapter.vendor.folder()
    ))?;
    show.screen.say(if chapter.vendor.makes_clusters() {
        "The operator checks the account, creates the cluster, sets its session policy, and only then creates the\n\
         desktops, assigns their users and switches Carol's off."
    } else {
        "The operator checks the account, finds the place where its desktops live, creates them there, assigns their\n\
         users and switches Carol's off."
    })?;
    stage.apply(chapter.vendor).await?;
    show.until(stage, "everything Ready", |board, _| board.all_ready(OBJECTS))
        .await?;
    let created = stage.vendor.ledger().ever_created(Kind::Instance).len() - chapter.before[0];
    ensure!(
        created == DESKTOPS,
        "the vendor created {created} desktops instead of {DESKTOPS}"
    );
    let seconds = show.screen.seconds() - begun;
    show.linger(stage, OBJECTS).await?;
    told(
        show,
        &format!("All five are Ready {seconds:.1} seconds after that: the vendor's account is as declared."),
    )
}

async fn policy_drift(show: &mut Show, stage: &mut Stage) -> anyhow::Result<()> {
    let id = cluster_id(&show.board)?;
    let before = clipboard(stage, &id)?;
    show.screen
        .headline("Somebody opens the clipboard in the vendor's console, and tells nobody")?;
    stage.vendor.edit(GwsEdit::SetPolicy {
        cluster: id.clone(),
        field: "Clipboard".to_owned(),
        value: "readwrite".to_owned(),
    })?;
    show.screen.say(&format!(
        "The manifest says ClientToDesktop (the vendor's word is {before:?}); at the vendor it is now {:?}.",
        clipboard(stage, &id)?
    ))?;
    let seen = show.board.told.len();
    show.until(stage, "the clipboard set back", |board, stage| {
        clipboard(stage, &id).is_ok_and(|now| now == before)
            && board.told[seen..].iter().any(|told| told.about.contains(CLUSTER))
            && board.all_ready(OBJECTS)
            && policy_enforced(board)
    })
    .await?;
    told(
        show,
        &format!("Found, reported and healed: at the vendor the clipboard is {before:?} again."),
    )
}

async fn power_drift(show: &mut Show, stage: &mut Stage, chapter: &Chapter) -> anyhow::Result<()> {
    show.screen
        .headline("Somebody stops Alice's desktop in the vendor's console")?;
    let id = show
        .board
        .desktops
        .get("alice")
        .and_then(|desktop| desktop.status.as_ref()?.id.clone())
        .context("Alice's desktop has no id")?;
    chapter.vendor.stop(&stage.vendor, id)?;
    show.until(stage, "the stop noticed", |board, _| !board.all_ready(OBJECTS))
        .await?;
    show.until(stage, "Alice's desktop running again", |board, _| {
        let now = board.desktops.get("alice").and_then(|d| d.status.as_ref()?.state);
        now == Some(DesktopState::Running) && board.all_ready(OBJECTS)
    })
    .await?;
    told(show, "Her manifest says Running, so it was started again.")
}

async fn pool(show: &mut Show, stage: &mut Stage, vendor: Vendor, manifests: &str) -> anyhow::Result<()> {
    let begun = show.screen.seconds();
    show.screen
        .headline("We declare an image, made of Carol's desktop, and a pool of desktops made from it")?;
    show.screen.say(if vendor.has_pools() {
        "This vendor has pools of its own: the operator makes one, and the vendor makes its desktops."
    } else {
        "This vendor has no pools: the operator makes one of Desktops, each named after the pool and its number."
    })?;
    stage.apply_text(manifests).await?;
    // An image and a pool, and its desktops where they are objects of ours.
    let objects = |desktops: usize| OBJECTS + 2 + if vendor.has_pools() { 0 } else { desktops };
    show.until(stage, "the pool Ready", |board, _| {
        pool_is(board, CLASS[0]) && board.all_ready(objects(CLASS[0]))
    })
    .await?;
    let seconds = show.screen.seconds() - begun;
    told(
        show,
        &format!("The image and all desktops of the pool are Ready {seconds:.1} seconds after that."),
    )?;
    show.screen
        .headline(&format!("kubectl scale dpool {POOL} --replicas={}", CLASS[1]))?;
    stage.scale(POOL, CLASS[1]).await?;
    show.until(stage, "the pool scaled", |board, _| {
        pool_is(board, CLASS[1]) && board.all_ready(objects(CLASS[1]))
    })
    .await?;
    told(show, "One more desktop, and nothing else has changed.")
}

fn pool_is(board: &Board, desktops: usize) -> bool {
    let status = board.pools.get(POOL).and_then(|pool| pool.status.as_ref());
    status.is_some_and(|status| {
        usize::try_from(status.ready_replicas) == Ok(desktops) && status.replicas == status.ready_replicas
    })
}

async fn farewell(show: &mut Show, stage: &mut Stage, chapter: &Chapter) -> anyhow::Result<()> {
    let books = chapter.books();
    show.screen
        .headline("We delete everything at once, and in the wrong order: the account first")?;
    show.screen.say(
        "Nothing may be lost at the vendor, so the operator takes its own order: the account waits for the cluster,\n\
         the cluster for its desktops, and each object goes only when it was seen gone at the vendor.",
    )?;
    stage.delete().await?;
    show.until(stage, "everything deleted", |board, _| board.is_empty())
        .await?;
    // A cluster that was seen deleted stays in the vendor's listing for a while.
    show.until(stage, "everything gone at the vendor", |_, stage| {
        let ledger = stage.vendor.ledger();
        books.iter().all(|(kind, ..)| ledger.existing(*kind).is_empty())
    })
    .await?;
    show.screen.settle();
    show.screen.headline("The vendor's own books")?;
    let ledger = stage.vendor.ledger();
    let mut balanced = true;
    for (kind, name, before, expected) in books {
        let created = ledger.ever_created(kind).len() - before;
        let left = ledger.existing(kind).len();
        show.screen.say(&format!(
            "  {name} created {created}, deleted {}, left {left}",
            created - left
        ))?;
        balanced &= created == expected && left == 0;
    }
    if !balanced {
        bail!("the books are not balanced");
    }
    Ok(())
}

/// The end of a step.
fn told(show: &mut Show, text: &str) -> anyhow::Result<()> {
    show.screen.say(&format!("{:6.1}s   {text}", show.screen.seconds()))?;
    Ok(())
}

fn cluster_id(board: &Board) -> anyhow::Result<String> {
    let cluster = board.clusters.get(CLUSTER).context("the cluster is gone")?;
    let id = cluster.status.as_ref().and_then(|status| status.id.clone());
    id.context("the cluster has no id")
}

fn policy_enforced(board: &Board) -> bool {
    let status = board.clusters.get(CLUSTER).and_then(|cluster| cluster.status.as_ref());
    status.is_some_and(|status| condition::is_true(&status.conditions, condition::POLICY_ENFORCED))
}

/// What the vendor itself says.
fn clipboard(stage: &Stage, cluster_id: &str) -> anyhow::Result<String> {
    stage
        .vendor
        .read(|world| Some(world.gws.cluster(cluster_id)?.policy.get("Clipboard")?.clone()))
        .context("the vendor knows no clipboard setting of the cluster")
}
