//! Waiting for what the simulator does in its own time.

use std::time::Duration;

/// Asks until there is an answer; the test runner gives up on one that never comes.
pub async fn until<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
