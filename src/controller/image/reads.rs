//! What was last listed of each account's images, shared by all DesktopImages of the account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

use crate::backend::{Backend, BackendError, ObservedImage};
use crate::controller::context::lock;
use crate::controller::observations::lasting;
use crate::controller::settings::Settings;
use crate::plan::Pace;

/// The images of an account, as last listed.
#[derive(Clone, Debug, Default)]
pub struct ImageRead {
    /// When the latest complete listing was begun.
    pub started: Option<Timestamp>,
    /// What it held.
    pub images: Arc<Vec<ObservedImage>>,
    /// The ids that the complete listing before it held.
    pub before: Option<Arc<Vec<String>>>,
    /// The latest failure, if the latest attempt failed.
    pub error: Option<BackendError>,
    failures: u32,
    at: Option<Instant>,
}

impl ImageRead {
    /// The failure, once it is worth saying.
    #[must_use]
    pub fn lasting_error(&self) -> Option<&BackendError> {
        lasting(self.error.as_ref(), self.failures)
    }

    fn is_due(&self, pace: Pace, settings: &Settings) -> bool {
        let Some(at) = self.at else { return true };
        let interval = match pace {
            Pace::Fast => settings.cluster_fast,
            Pace::Slow => settings.cluster_slow,
        };
        let interval = interval
            .saturating_mul(1 << self.failures.min(4))
            .min(settings.cluster_slow.max(interval));
        // Half a beat early is on time: the pass itself was woken by a timer of this very length.
        at.elapsed() >= interval / 2
    }

    fn take(&mut self, started: Timestamp, answer: Result<Vec<ObservedImage>, BackendError>) {
        self.at = Some(Instant::now());
        match answer {
            Ok(images) => {
                let ids = |images: &[ObservedImage]| images.iter().map(|image| image.id.clone()).collect();
                self.before = self.started.map(|_| Arc::new(ids(&self.images)));
                self.images = Arc::new(images);
                self.started = Some(started);
                self.failures = 0;
                self.error = None;
            }
            Err(error) => {
                tracing::warn!(%error, "images could not be listed");
                self.failures = self.failures.saturating_add(1);
                self.error = Some(error);
            }
        }
    }
}

struct OfAccount {
    backend: Arc<dyn Backend>,
    read: ImageRead,
}

type Slot = Arc<AsyncMutex<Option<OfAccount>>>;

/// What was last listed of each account's images, by provider.
#[derive(Default)]
pub struct ImageReads {
    accounts: Mutex<HashMap<String, Slot>>,
    paces: Mutex<HashMap<String, Pace>>,
}

impl ImageReads {
    /// The images of an account, listed anew when that is due for the object of this UID. Several that ask at once
    /// wait for one listing.
    pub async fn get(&self, provider: &str, uid: &str, backend: &Arc<dyn Backend>, settings: &Settings) -> ImageRead {
        let pace = lock(&self.paces).get(uid).copied().unwrap_or(Pace::Fast);
        let slot = Arc::clone(lock(&self.accounts).entry(provider.to_owned()).or_default());
        let mut slot = slot.lock().await;
        // Listed with other credentials it says nothing of this account.
        let kept = slot.take().filter(|kept| Arc::ptr_eq(&kept.backend, backend));
        let mut account = kept.unwrap_or_else(|| OfAccount {
            backend: Arc::clone(backend),
            read: ImageRead::default(),
        });
        if account.read.is_due(pace, settings) {
            let started = Timestamp::now();
            let answer = backend.list_images().await;
            account.read.take(started, answer);
        }
        let read = account.read.clone();
        *slot = Some(account);
        read
    }

    /// Sets how soon the images should be listed again for an object.
    pub fn set_pace(&self, uid: &str, pace: Pace) {
        lock(&self.paces).insert(uid.to_owned(), pace);
    }

    /// What was listed may no longer hold: the next who asks has it listed again.
    pub fn outdated(&self, provider: &str) {
        let slot = lock(&self.accounts).get(provider).cloned();
        // Whoever lists at this moment has it newer than any change that was answered before.
        if let Some(slot) = slot
            && let Ok(mut slot) = slot.try_lock()
            && let Some(account) = slot.as_mut()
        {
            account.read.at = account.read.at.filter(|_| account.read.failures > 0);
        }
    }

    /// An object is gone.
    pub fn forget(&self, uid: &str) {
        lock(&self.paces).remove(uid);
    }

    /// An account may not be used any more.
    pub fn end_account(&self, provider: &str) {
        lock(&self.accounts).remove(provider);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::ErrorClass;
    use crate::controller::observations::PERSISTENT;

    fn image(id: &str) -> ObservedImage {
        ObservedImage {
            id: id.into(),
            ..ObservedImage::default()
        }
    }

    #[test]
    fn a_failure_keeps_what_was_listed_and_is_said_when_it_lasts() {
        let mut read = ImageRead::default();
        let now = Timestamp::UNIX_EPOCH;
        read.take(now, Ok(vec![image("m-1")]));
        assert_eq!((read.images.len(), read.before.is_none()), (1, true));
        let transient = || BackendError::new(ErrorClass::Transient, "DescribeImages", "no");
        for count in 1..=PERSISTENT {
            read.take(now, Err(transient()));
            assert_eq!(read.lasting_error().is_some(), count >= PERSISTENT);
        }
        assert_eq!(read.images.len(), 1);
        read.take(now, Ok(Vec::new()));
        assert_eq!(read.before.as_deref(), Some(&vec!["m-1".to_owned()]));
        assert!(read.lasting_error().is_none());
        read.take(now, Err(BackendError::new(ErrorClass::Auth, "DescribeImages", "no")));
        assert!(read.lasting_error().is_some(), "what does not heal is said at once");
    }
}
