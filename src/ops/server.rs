//! Health and metrics over HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;

use super::metrics::{CONTENT_TYPE, Metrics};
use super::readiness::Readiness;

/// Serves `/livez`, `/readyz` and `/metrics`.
pub struct Server {
    listener: TcpListener,
    routes: Router,
}

impl Server {
    /// Takes the address, so that a port that is in use is an error at the start and not later.
    pub async fn bind(address: SocketAddr, metrics: Arc<Metrics>, readiness: Readiness) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        tracing::info!(address = %listener.local_addr()?, "listening");
        Ok(Self {
            listener,
            routes: routes(metrics, readiness),
        })
    }

    /// Answers until it is dropped.
    pub async fn serve(self) -> io::Result<()> {
        axum::serve(self.listener, self.routes).await
    }
}

fn routes(metrics: Arc<Metrics>, readiness: Readiness) -> Router {
    Router::new()
        // Nothing but a runtime that does not get to it keeps it from answering: what a restart does not cure, such
        // as an API server that is away, is no reason for one.
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(encoded).with_state(metrics))
}

/// The parts that wait, and for what; an empty object when none does.
async fn readyz(State(readiness): State<Readiness>) -> impl IntoResponse {
    let waiting = readiness.report();
    let status = if waiting.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(waiting))
}

async fn encoded(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    async fn ask(url: &str) -> (u16, String, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let response = reqwest::get(url).await.unwrap();
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        (response.status().as_u16(), kind, response.text().await.unwrap())
    }

    #[tokio::test]
    async fn health_and_metrics_are_served() {
        let readiness = Readiness::default();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(any, Arc::default(), readiness.clone()).await.unwrap();
        let base = format!("http://{}", server.listener.local_addr().unwrap());
        tokio::spawn(server.serve());

        readiness.waiting("desktop", "the first listing");
        let (status, kind, body) = ask(&format!("{base}/readyz")).await;
        assert_eq!((status, kind.as_str()), (503, "application/json"));
        assert_eq!(body, r#"{"desktop":"the first listing"}"#);
        assert_eq!(ask(&format!("{base}/livez")).await.0, 200);

        readiness.ready("desktop");
        let (status, _, body) = ask(&format!("{base}/readyz")).await;
        assert_eq!((status, body.as_str()), (200, "{}"));

        let (status, kind, body) = ask(&format!("{base}/metrics")).await;
        assert_eq!((status, kind.as_str()), (200, CONTENT_TYPE));
        assert!(body.ends_with("# EOF\n"), "{body}");
    }
}
