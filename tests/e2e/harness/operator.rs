//! The real operator binary as a child process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};

use desktop_operator::devenv::Process;
use rustix::process::Signal;

use super::{Env, eventually};

static STARTED: AtomicU32 = AtomicU32::new(0);

/// How an operator is to be started.
pub struct OperatorBuilder<'a> {
    env: &'a Env,
    kubeconfig: PathBuf,
    args: Vec<String>,
    variables: Vec<(String, String)>,
}

impl OperatorBuilder<'_> {
    /// An endpoint that providers may name, usually the simulator's.
    pub fn allow_endpoint(self, url: &str) -> Self {
        self.arg(format!("--allow-endpoint={url}"))
    }

    /// One more flag. A later one overrides the harness's.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// One more environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signs in with this kubeconfig instead of the one that the chart's roles are bound to.
    pub fn kubeconfig(mut self, path: PathBuf) -> Self {
        self.kubeconfig = path;
        self
    }

    /// Starts the process. It may not be ready yet: see [`Operator::ready`].
    pub fn start(self) -> Operator {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = self.env.plane().folder().join(format!("operator-{number}.log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_desktop-operator"));
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("RUST_LOG", "info,desktop_operator=debug")
            .env("RUST_BACKTRACE", "1")
            .envs(self.variables)
            .args(self.args);
        let process = self.env.plane().process_group().spawn("operator", &mut command, &log);
        Operator {
            process: process.unwrap(),
        }
    }
}

/// A running operator. Dropping it kills it; when the test has failed, its log is shown.
pub struct Operator {
    process: Process,
}

impl Operator {
    /// An operator for this environment's cluster: Leases in the test's namespace, any free port, and intervals as
    /// short as the machine can take.
    pub fn builder(env: &Env) -> OperatorBuilder<'_> {
        let args = [
            format!("--namespace={}", env.namespace),
            "--address=127.0.0.1:0".into(),
            "--inventory-fast=200ms".into(),
            "--inventory-slow=1s".into(),
            "--cluster-fast=200ms".into(),
            "--cluster-slow=1s".into(),
            "--session-interval=1s".into(),
            "--display-policy-interval=1s".into(),
            "--catalog-interval=2s".into(),
            "--secret-interval=500ms".into(),
            "--intent-lifetime=3s".into(),
            "--settle=2s".into(),
            "--empty-listing-gap=200ms".into(),
            "--backoff-base=300ms".into(),
            "--backoff-max=3s".into(),
        ];
        OperatorBuilder {
            env,
            kubeconfig: env.operator_kubeconfig.clone(),
            args: args.to_vec(),
            variables: Vec::new(),
        }
    }

    /// An operator that may call the vendor at these endpoints, started and ready.
    pub async fn start(env: &Env, endpoints: &[&str]) -> Self {
        let builder = endpoints
            .iter()
            .fold(Self::builder(env), |b, url| b.allow_endpoint(url));
        let mut operator = builder.start();
        operator.ready().await;
        operator
    }

    /// Where health and metrics are served: the address in the first line of the log that says `listening`.
    pub async fn address(&mut self) -> SocketAddr {
        eventually("the operator listens", async || {
            self.must_run();
            let log = self.log();
            log.lines().find_map(listening).ok_or(log)
        })
        .await
    }

    /// Waits until `/readyz` says yes.
    pub async fn ready(&mut self) {
        let url = format!("http://{}/readyz", self.address().await);
        eventually("the operator is ready", async || {
            self.must_run();
            let response = reqwest::get(&url).await.map_err(|error| error.to_string())?;
            if response.status().is_success() {
                return Ok(());
            }
            Err(format!(
                "{} {}",
                response.status(),
                response.text().await.unwrap_or_default()
            ))
        })
        .await;
    }

    /// What `/metrics` says.
    pub async fn metrics(&mut self) -> String {
        let url = format!("http://{}/metrics", self.address().await);
        reqwest::get(&url)
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .text()
            .await
            .unwrap()
    }

    /// Everything it has said.
    pub fn log(&self) -> String {
        std::fs::read(self.process.log_file())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// SIGKILL: a crash.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// SIGSTOP: a process that is not scheduled, and does not know it.
    pub fn pause(&mut self) {
        self.process.signal(Signal::STOP).unwrap();
    }

    /// SIGCONT: ends [`Operator::pause`].
    pub fn resume(&mut self) {
        self.process.signal(Signal::CONT).unwrap();
    }

    /// SIGTERM: an orderly end; see [`Operator::wait`].
    pub fn terminate(&mut self) {
        self.process.signal(Signal::TERM).unwrap();
    }

    /// Waits until the process has ended.
    pub async fn wait(&mut self) -> ExitStatus {
        eventually("the operator ends", async || {
            self.process.exited().unwrap().ok_or_else(|| self.process.tail())
        })
        .await
    }

    /// Whether it still runs.
    pub fn running(&mut self) -> bool {
        self.process.exited().unwrap().is_none()
    }

    fn must_run(&mut self) {
        if let Some(status) = self.process.exited().unwrap() {
            panic!("the operator ended ({status})");
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of the operator ---\n{}", self.log());
        }
    }
}

fn listening(line: &str) -> Option<SocketAddr> {
    const HOST: &str = "127.0.0.1:";
    let rest = line.to_ascii_lowercase().contains("listening").then_some(line)?;
    let rest = &rest[rest.find(HOST)? + HOST.len()..];
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    format!("{HOST}{}", &rest[..digits]).parse().ok()
}

#[test]
fn the_address_is_found_in_text_and_json_logs() {
    let expected = Some("127.0.0.1:8080".parse().unwrap());
    assert_eq!(listening("INFO listening address=127.0.0.1:8080"), expected);
    assert_eq!(
        listening(r#"{"message":"listening","address":"127.0.0.1:8080"}"#),
        expected
    );
    assert_eq!(listening("INFO connected to 127.0.0.1:8080"), None);
}
