//! A running simulator.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::config::SimConfig;
use super::connection::{Cut, CuttableListener};
use super::edit::{self, Edit, EditError};
use super::fault::{Armed, Fault};
use super::ledger::Ledger;
use super::server::{Shared, router};
use super::world::{Held, World};

/// How long [`Sim::wait_for`] waits before it gives up: long enough for the slowest machine, short enough for a test
/// that will never end.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long [`Sim::stop`] waits for answers that are on their way.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The port could not be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Address asked for.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A condition that did not come true; shows the last requests.
#[derive(Debug, thiserror::Error)]
#[error("the condition did not come true; the last requests were:{recent}")]
pub struct Stuck {
    recent: String,
}

/// A running simulator. Dropping it stops it.
pub struct Sim {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Sim {
    /// Starts a simulator in tasks of the current runtime; it answers as soon as this returns.
    pub async fn start(config: SimConfig) -> Result<Self, SimError> {
        let refused = |source| SimError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let shared = Arc::new(Shared::new(World::new(&config)));
        let app = router(shared.clone()).into_make_service_with_connect_info::<Cut>();
        let shutdown = shared.shutdown.clone();
        let ticking = shared.clone();
        let server = tokio::spawn(async move {
            let serve = axum::serve(CuttableListener(listener), app)
                .with_graceful_shutdown(async move { shutdown.cancelled().await });
            let (result, ()) = tokio::join!(serve.into_future(), ticking.tick());
            if let Err(error) = result {
                tracing::error!(%error, "the simulator stopped serving");
            }
        });
        Ok(Self {
            url: format!("http://{address}"),
            shared,
            server,
        })
    }

    /// Address to send requests to, e.g. `http://127.0.0.1:34567`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Arms a fault, behind those that are armed already.
    pub fn fault(&self, fault: Fault) {
        self.shared.change(|world| world.faults.push(Armed::new(fault)));
    }

    /// Disarms every fault. Requests already held stay held.
    pub fn clear_faults(&self) {
        self.shared.change(|world| world.faults.clear());
    }

    /// Makes a change behind the client's back; returns the id of the object it concerned, or made. Wherever an edit
    /// names an object, its id or its name will do.
    pub fn edit(&self, edit: impl Into<Edit>) -> Result<String, EditError> {
        self.shared.change(|world| edit::apply(world, edit.into()))
    }

    /// Looks at the world. Nothing happens in it meanwhile, so look quickly.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.shared.read(look)
    }

    /// The ledger as it is now.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.read(|world| world.ledger.clone())
    }

    /// Waits until a condition holds. It is looked at after every change, so there is no need to sleep or poll.
    pub async fn wait_for(&self, mut holds: impl FnMut(&World) -> bool) -> Result<(), Stuck> {
        let mut changes = self.shared.watch();
        let wait = async {
            while !self.read(&mut holds) {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.map_err(|_| self.stuck())
    }

    /// Waits until at least `count` requests are held, and returns them.
    pub async fn wait_for_held(&self, count: usize) -> Result<Vec<Held>, Stuck> {
        self.wait_for(|world| world.held.len() >= count).await?;
        Ok(self.held())
    }

    /// Requests that wait to be released.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        self.read(|world| world.held.clone())
    }

    /// Lets a held request go on; does nothing when there is none of that number.
    pub fn release(&self, id: u64) {
        self.shared.release(id);
    }

    /// Lets every held request go on.
    pub fn release_all(&self) {
        for held in self.held() {
            self.shared.release(held.id);
        }
    }

    /// Stops answering and waits until the last answer is out, though not for one that trickles without end.
    pub async fn stop(mut self) {
        self.shared.shutdown.cancel();
        match tokio::time::timeout(FAREWELL, &mut self.server).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the simulator ended badly"),
            Err(_) => self.server.abort(),
        }
    }

    fn stuck(&self) -> Stuck {
        let recent = self.read(|world| {
            world
                .ledger
                .entries()
                .rev()
                .take(12)
                .fold(String::new(), |mut text, entry| {
                    let code = entry.code.as_deref().unwrap_or_default();
                    let _ = write!(
                        text,
                        "\n  {} {} {:?} {code} {:?}",
                        entry.seq, entry.action, entry.outcome, entry.ids
                    );
                    text
                })
        });
        Stuck { recent }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
    }
}
