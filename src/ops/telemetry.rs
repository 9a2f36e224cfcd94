//! Logs, on standard error.

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Below `info` these libraries write whole requests, and with them signatures and tokens. A name stands for all that
/// begin with it.
const NEVER_BELOW_INFO: [&str; 7] = ["h2", "hyper", "hyper_util", "kube_client", "reqwest", "rustls", "tower"];

/// How to log.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct LogOptions {
    /// Form of the log lines. What is logged is set by `RUST_LOG`; without it, `info`.
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` is no filter.
    #[error("RUST_LOG: {0}")]
    Filter(#[from] ParseError),
    /// A log was set up before.
    #[error(transparent)]
    Init(#[from] TryInitError),
}

/// Starts to log, for the whole process and once.
pub fn init(options: LogOptions) -> Result<(), TelemetryError> {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colored = io::stderr().is_terminal() && !no_color;
    subscriber(&wanted, options.log_format, colored, io::stderr)?.try_init()?;
    Ok(())
}

fn subscriber<W>(wanted: &str, format: LogFormat, colored: bool, writer: W) -> Result<impl Subscriber, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let wanted = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(wanted)?;
    // A filter of its own, because a longer target in RUST_LOG would win over one more directive.
    let allowed = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(NEVER_BELOW_INFO.map(|target| (target, LevelFilter::INFO)));
    let lines = fmt::layer().with_writer(writer).with_ansi(colored);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    Ok(tracing_subscriber::registry().with(allowed).with(wanted).with(lines))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(wanted: &str, format: LogFormat, speak: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(wanted, format, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, speak);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn libraries_that_write_requests_stay_at_info() {
        for wanted in [
            "trace",
            "hyper=trace,tower::buffer=trace,reqwest::connect=trace,hyper_util=trace",
        ] {
            let text = logged(wanted, LogFormat::Text, || {
                tracing::debug!(target: "hyper::client", "secret");
                tracing::debug!(target: "hyper_util::client::legacy", "secret");
                tracing::trace!(target: "reqwest::connect", "secret");
                tracing::debug!(target: "tower::buffer", "secret");
                tracing::debug!(target: "kube_client::client", "secret");
                tracing::debug!(target: "h2::codec", "secret");
                tracing::debug!(target: "rustls::client", "secret");
                tracing::warn!(target: "hyper::client", "heard");
            });
            assert!(!text.contains("secret"), "RUST_LOG={wanted}: {text}");
            assert!(text.contains("heard"), "RUST_LOG={wanted}: {text}");
        }
    }

    #[test]
    fn without_a_wish_info_is_logged() {
        let text = logged("", LogFormat::Text, || {
            tracing::info!("heard");
            tracing::debug!("too much");
        });
        assert!(text.contains("heard") && !text.contains("too much"), "{text}");
    }

    #[test]
    fn a_wish_is_heard() {
        let text = logged("warn,desktop_operator=debug", LogFormat::Text, || {
            tracing::debug!("heard");
            tracing::info!(target: "other", "too much");
        });
        assert!(text.contains("heard") && !text.contains("too much"), "{text}");
    }

    #[test]
    fn json_is_an_object_a_line() {
        let text = logged("", LogFormat::Json, || {
            tracing::info!(address = "127.0.0.1:1", "listening");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(line["message"], "listening");
        assert_eq!(line["address"], "127.0.0.1:1");
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        assert!(subscriber("desktop_operator=loud", LogFormat::Text, false, io::stderr).is_err());
    }
}
