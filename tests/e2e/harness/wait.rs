//! Conditions awaited. Nothing here sleeps for luck: a condition is asked for until it holds or the deadline passes,
//! and the deadline is far beyond what a loaded machine needs.

use std::fmt::{Debug, Display};
use std::time::{Duration, Instant};

use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::show;

const DEADLINE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(50);

/// Asks until the probe answers `Ok`. `Err` carries the state seen, and the last one is shown when time is up.
pub async fn eventually<T, E, F>(what: &str, mut probe: F) -> T
where
    E: Display,
    F: AsyncFnMut() -> Result<T, E>,
{
    let started = Instant::now();
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(state) if started.elapsed() > DEADLINE => {
                panic!("{what}: not within {DEADLINE:?}; last seen:\n{state}")
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Waits until an object is as described, and returns it.
pub async fn object<K>(api: &Api<K>, name: &str, what: &str, condition: impl Fn(&K) -> bool) -> K
where
    K: Resource + Clone + DeserializeOwned + Serialize + Debug,
{
    eventually(&format!("{name} {what}"), async || match api.get_opt(name).await {
        Ok(Some(object)) if condition(&object) => Ok(object),
        Ok(Some(object)) => Err(show(&object)),
        Ok(None) => Err("no such object".to_owned()),
        Err(error) => Err(error.to_string()),
    })
    .await
}

/// Waits until an object is gone.
pub async fn gone<K>(api: &Api<K>, name: &str)
where
    K: Resource + Clone + DeserializeOwned + Serialize + Debug,
{
    eventually(&format!("{name} is gone"), async || match api.get_opt(name).await {
        Ok(None) => Ok(()),
        Ok(Some(object)) => Err(show(&object)),
        Err(error) => Err(error.to_string()),
    })
    .await;
}
