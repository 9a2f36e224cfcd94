//! Who is woken by what a listing brings.

use async_trait::async_trait;

use super::*;
use crate::api::desktop::DesktopState;
use crate::backend::connect::capabilities;
use crate::backend::{
    Capabilities, Catalog, ErrorClass, ObservedCluster, ObservedImage, Operation, Receipt, Result, Task, TaskState,
};

/// A vendor that nobody asks: what a listing brought is handed in.
struct Unasked;

#[async_trait]
impl Backend for Unasked {
    fn capabilities(&self) -> &'static Capabilities {
        capabilities()[0].1
    }

    async fn catalog(&self) -> Result<Catalog> {
        Err(self.unsupported("Catalog"))
    }

    async fn list_clusters(&self) -> Result<Vec<ObservedCluster>> {
        Err(self.unsupported("ListClusters"))
    }

    async fn list_desktops(&self, _: &str) -> Result<Vec<ObservedDesktop>> {
        Err(self.unsupported("ListDesktops"))
    }

    async fn list_images(&self) -> Result<Vec<ObservedImage>> {
        Err(self.unsupported("ListImages"))
    }

    async fn submit(&self, _: &Operation) -> Result<Receipt> {
        Err(self.unsupported("Submit"))
    }

    async fn poll(&self, _: &Task) -> Result<TaskState> {
        Err(self.unsupported("Poll"))
    }
}

fn object(name: &str) -> ObjectRef<Guarded<Desktop>> {
    ObjectRef::new(name).within("design")
}

fn desktop(id: &str, state: DesktopState) -> ObservedDesktop {
    ObservedDesktop {
        id: id.into(),
        vendor_state: format!("{state:?}"),
        state,
        ..ObservedDesktop::default()
    }
}

fn running(ids: &[&str]) -> Vec<ObservedDesktop> {
    ids.iter().map(|id| desktop(id, DesktopState::Running)).collect()
}

/// A listing in which `alice` waits for `i-1` and `bob` for `i-2`, both of which it has shown once.
fn settled() -> Listing {
    let backend: Arc<dyn Backend> = Arc::new(Unasked);
    let listing = Listing::new(&backend, "gws-1", CancellationToken::new());
    listing.watch(object("alice"), Some("i-1"), Some(Pace::Slow));
    listing.watch(object("bob"), Some("i-2"), Some(Pace::Slow));
    let woken = succeeded(&listing, running(&["i-1", "i-2"]));
    assert_eq!(woken, ["alice", "bob"], "the first listing is news for everybody");
    listing
}

/// The names of those who are woken by a complete listing.
fn succeeded(listing: &Listing, desktops: Vec<ObservedDesktop>) -> Vec<String> {
    names(listing.succeeded(Timestamp::UNIX_EPOCH, desktops))
}

/// The names of those who are woken by a failure.
fn failed(listing: &Listing, class: ErrorClass) -> Vec<String> {
    names(listing.failed(BackendError::new(class, "DescribeInstances", "no")))
}

fn names(woken: Vec<ObjectRef<Guarded<Desktop>>>) -> Vec<String> {
    let mut names: Vec<String> = woken.into_iter().map(|object| object.name).collect();
    names.sort();
    names
}

const NOBODY: [&str; 0] = [];

#[test]
fn what_did_not_change_wakes_nobody() {
    let listing = settled();
    assert_eq!(succeeded(&listing, running(&["i-1", "i-2"])), NOBODY);
    // Somebody else's desktop is nobody's business here.
    assert_eq!(succeeded(&listing, running(&["i-2", "i-1", "i-9"])), NOBODY);
}

#[test]
fn a_change_wakes_who_waits_for_it() {
    let listing = settled();
    let changed = || {
        vec![
            desktop("i-1", DesktopState::Stopped),
            desktop("i-2", DesktopState::Running),
        ]
    };
    assert_eq!(succeeded(&listing, changed()), ["alice"]);
    assert_eq!(succeeded(&listing, changed()), NOBODY);
    let view = listing.view(Some("i-1"));
    assert_eq!(view.snapshot.get("i-1").unwrap().state, DesktopState::Stopped);
}

#[test]
fn who_looks_for_a_mark_is_woken_by_every_listing() {
    let listing = settled();
    listing.watch(object("carol"), None, None);
    for _ in 0..3 {
        assert_eq!(succeeded(&listing, running(&["i-1", "i-2"])), ["carol"]);
    }
}

#[test]
fn absence_is_told_once_and_once_more_and_then_known() {
    let listing = settled();
    for (count, woken) in [(1, &["alice"][..]), (2, &["alice"]), (3, &[]), (4, &[])] {
        assert_eq!(succeeded(&listing, running(&["i-2"])), woken, "{count}");
        assert_eq!(listing.view(Some("i-1")).absent, count);
        assert_eq!(listing.view(Some("i-2")).absent, 0);
    }
    // It was there all the time, and a further absence begins anew.
    assert_eq!(succeeded(&listing, running(&["i-1", "i-2"])), ["alice"]);
    assert_eq!(listing.view(Some("i-1")).absent, 0);
    assert_eq!(succeeded(&listing, running(&["i-2"])), ["alice"]);
    assert_eq!(listing.view(Some("i-1")).absent, 1);
}

#[test]
fn absence_counts_from_when_somebody_asks() {
    let listing = settled();
    assert_eq!(succeeded(&listing, running(&["i-1", "i-2"])), NOBODY);
    listing.watch(object("dave"), Some("i-4"), None);
    assert_eq!(listing.view(Some("i-4")).absent, 0);
    assert_eq!(succeeded(&listing, running(&["i-1", "i-2"])), ["dave"]);
    assert_eq!(listing.view(Some("i-4")).absent, 1);
    listing.unwatch(&object("dave"));
    assert_eq!(succeeded(&listing, running(&["i-1", "i-2"])), NOBODY);
    assert_eq!(listing.view(Some("i-4")).absent, 0);
}

#[test]
fn a_failure_makes_nothing_absent() {
    let listing = settled();
    for _ in 0..5 {
        failed(&listing, ErrorClass::Transient);
    }
    let view = listing.view(Some("i-1"));
    assert_eq!(view.absent, 0);
    assert!(view.snapshot.get("i-1").is_some());
}

#[test]
fn a_passing_fault_is_told_once_it_lasts() {
    let listing = settled();
    for failure in 1..PERSISTENT {
        assert_eq!(failed(&listing, ErrorClass::Transient), NOBODY, "{failure}");
        assert!(listing.view(None).error.is_none(), "{failure}");
    }
    assert_eq!(failed(&listing, ErrorClass::Transient), ["alice", "bob"]);
    assert!(listing.view(None).error.is_some());
    assert_eq!(failed(&listing, ErrorClass::Transient), NOBODY);
}

#[test]
fn what_needs_a_human_is_told_at_once_and_once() {
    let listing = settled();
    assert_eq!(failed(&listing, ErrorClass::Forbidden), ["alice", "bob"]);
    assert!(listing.view(None).error.is_some());
    assert_eq!(failed(&listing, ErrorClass::Forbidden), NOBODY);
    assert_eq!(failed(&listing, ErrorClass::Auth), ["alice", "bob"]);
}

#[test]
fn recovery_wakes_everybody_once() {
    let listing = settled();
    failed(&listing, ErrorClass::Transient);
    assert_eq!(succeeded(&listing, running(&["i-1", "i-2"])), ["alice", "bob"]);
    assert!(listing.view(None).error.is_none());
    assert_eq!(succeeded(&listing, running(&["i-1", "i-2"])), NOBODY);
    // The count of failures began anew, too.
    for _ in 1..PERSISTENT {
        assert_eq!(failed(&listing, ErrorClass::Transient), NOBODY);
    }
}
