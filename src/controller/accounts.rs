//! The vendor accounts in use, by the name of their provider.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::context::lock;
use crate::backend::Backend;
use crate::backend::connect::ConnectSettings;

/// A connected account.
#[derive(Clone)]
pub struct Account {
    /// Which credentials and which spec it was connected with.
    pub version: String,
    /// Whether clusters and desktops may call through it: it has been reached, and takes these credentials. Until
    /// then only its provider asks, at the pace of its backoff.
    pub usable: bool,
    /// How it is called.
    pub backend: Arc<dyn Backend>,
}

/// The vendor accounts in use.
pub struct Accounts {
    /// How accounts are connected.
    pub connect: ConnectSettings,
    known: Mutex<HashMap<String, Account>>,
    checked: Mutex<HashMap<String, Instant>>,
}

impl Accounts {
    /// No account yet.
    #[must_use]
    pub fn new(connect: ConnectSettings) -> Self {
        Self {
            connect,
            known: Mutex::default(),
            checked: Mutex::default(),
        }
    }

    /// The account of a provider, if it is connected and usable.
    #[must_use]
    pub fn get(&self, provider: &str) -> Option<Account> {
        self.connected(provider).filter(|account| account.usable)
    }

    /// The account of a provider, if it is connected, for the provider's own check.
    #[must_use]
    pub fn connected(&self, provider: &str) -> Option<Account> {
        lock(&self.known).get(provider).cloned()
    }

    /// Says whether an account may be used; true when that is news.
    pub fn set_usable(&self, provider: &str, usable: bool) -> bool {
        let mut known = lock(&self.known);
        let Some(account) = known.get_mut(provider) else {
            return false;
        };
        std::mem::replace(&mut account.usable, usable) != usable
    }

    /// Connects an account, or replaces it by newer credentials.
    pub fn put(&self, provider: &str, account: Account) {
        lock(&self.checked).remove(provider);
        lock(&self.known).insert(provider.to_owned(), account);
    }

    /// The account may not be used any more; true when it was.
    pub fn remove(&self, provider: &str) -> bool {
        lock(&self.known).remove(provider).is_some()
    }

    /// The account was asked and answered.
    pub fn checked(&self, provider: &str) {
        lock(&self.checked).insert(provider.to_owned(), Instant::now());
    }

    /// Whether it was asked and answered within this time.
    #[must_use]
    pub fn checked_within(&self, provider: &str, interval: Duration) -> bool {
        lock(&self.checked)
            .get(provider)
            .is_some_and(|at| at.elapsed() < interval)
    }

    /// The account was refused elsewhere; true when nobody knew yet.
    pub fn suspect(&self, provider: &str) -> bool {
        lock(&self.checked).remove(provider).is_some()
    }
}
