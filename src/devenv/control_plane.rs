//! etcd, kube-apiserver and kube-controller-manager as child processes.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::error::{DevenvError, io, kube as kube_error};
use super::process::{Process, ProcessGroup};
use super::{assets, kubeconfig};

/// How often a free port may turn out to be taken by somebody else before it is an error.
const PORT_ATTEMPTS: u32 = 5;
const POLL: Duration = Duration::from_millis(50);
const ADMIN: &str = "admin";

/// What a control plane should be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder with etcd, kube-apiserver and kube-controller-manager; found by [`super::locate_assets`] when `None`.
    pub assets: Option<PathBuf>,
    /// Users beside the administrator. They may do nothing until a role is bound to them.
    pub users: Vec<User>,
    /// Controllers to run, in the spelling of `kube-controller-manager --controllers`.
    pub controllers: Vec<String>,
    /// More flags for kube-apiserver.
    pub apiserver_args: Vec<String>,
    /// How long to wait for the API server.
    pub ready_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            assets: None,
            users: Vec::new(),
            controllers: [
                "clusterrole-aggregation-controller",
                "garbage-collector-controller",
                "namespace-controller",
            ]
            .map(str::to_owned)
            .to_vec(),
            apiserver_args: Vec::new(),
            ready_within: Duration::from_mins(3),
        }
    }
}

/// Somebody who can sign in with a token.
#[derive(Clone, Debug)]
pub struct User {
    /// Name, as role bindings see it. A service account is `system:serviceaccount:NAMESPACE:NAME`.
    pub name: String,
    /// Groups, as role bindings see them.
    pub groups: Vec<String>,
    token: String,
}

impl User {
    /// A user with a token of its own.
    #[must_use]
    pub fn new(name: impl Into<String>, groups: &[&str]) -> Self {
        Self {
            name: name.into(),
            groups: groups.iter().map(|&g| g.to_owned()).collect(),
            token: uuid::Uuid::new_v4().simple().to_string(),
        }
    }
}

/// A Kubernetes control plane of our own: everything an API client can ask of a cluster, and no nodes.
///
/// Several can run side by side. Dropping one, or ending the process in whatever way, ends all its parts and
/// removes its files.
#[derive(Debug)]
pub struct ControlPlane {
    // Fields are dropped in this order: first the processes, last the files they use.
    parts: Mutex<Parts>,
    group: ProcessGroup,
    users: Vec<User>,
    assets: PathBuf,
    options: Options,
    port: u16,
    kubeconfigs: AtomicU32,
    folder: TempDir,
}

#[derive(Debug)]
struct Parts {
    controller_manager: Option<Process>,
    apiserver: Option<Process>,
    etcd: Process,
}

impl ControlPlane {
    /// Starts a control plane and waits until it is ready: a few seconds, once the binaries are there.
    pub async fn start(options: Options) -> Result<Self, DevenvError> {
        let assets = match &options.assets {
            Some(folder) => assets::check(folder.clone())?,
            None => assets::locate().await?,
        };
        let folder = tempfile::Builder::new()
            .prefix("devenv-")
            .tempdir()
            .map_err(io("make a temporary folder"))?;
        let group = ProcessGroup::new(folder.path()).map_err(io("start a process group"))?;
        let mut users = vec![User::new(ADMIN, &["system:masters"])];
        users.extend(options.users.iter().cloned());
        write_tokens(&folder.path().join("tokens.csv"), &users)?;
        let etcd = start_etcd(&group, &assets, folder.path())?;
        let mut plane = Self {
            parts: Mutex::new(Parts {
                controller_manager: None,
                apiserver: None,
                etcd,
            }),
            group,
            users,
            assets,
            options,
            port: 0,
            kubeconfigs: AtomicU32::new(0),
            folder,
        };
        plane.first_start().await?;
        Ok(plane)
    }

    /// The kubectl of the same version.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.assets.join("kubectl")
    }

    /// A kubeconfig of an administrator. The file goes away with the control plane.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin.kubeconfig")
    }

    /// A kubeconfig of one of the users in [`Options::users`].
    pub fn kubeconfig_for_user(&self, name: &str) -> Result<PathBuf, DevenvError> {
        let user = self
            .users
            .iter()
            .find(|user| user.name == name)
            .ok_or_else(|| DevenvError::UnknownUser(name.to_owned()))?;
        self.kubeconfig_for_token(&user.token)
    }

    /// A kubeconfig that signs in with this token, for instance one that was requested for a service account.
    pub fn kubeconfig_for_token(&self, token: &str) -> Result<PathBuf, DevenvError> {
        let number = self.kubeconfigs.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("{number}.kubeconfig"));
        self.write_kubeconfig(&path, "user", token)?;
        Ok(path)
    }

    /// A client with the rights of an administrator. It belongs to the runtime it is made in.
    pub async fn client(&self) -> Result<Client, DevenvError> {
        client_for(&self.kubeconfig()).await
    }

    /// Address of the API server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Folder with the logs of the parts and the kubeconfigs. Others may put files there too.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The processes that end with this control plane, for those who want theirs among them.
    #[must_use]
    pub fn process_group(&self) -> &ProcessGroup {
        &self.group
    }

    /// Kills the API server as a crash would. Its data stays.
    pub async fn kill_apiserver(&self) -> Result<(), DevenvError> {
        match self.parts.lock().await.apiserver.take() {
            Some(mut apiserver) => apiserver.kill().map(drop).map_err(io("kill kube-apiserver")),
            None => Ok(()),
        }
    }

    /// Starts the API server again, at the same address and with the same data, and waits until it is ready.
    pub async fn start_apiserver(&self) -> Result<(), DevenvError> {
        let mut parts = self.parts.lock().await;
        if parts.apiserver.is_none() {
            parts.apiserver = Some(self.spawn_apiserver(self.port)?);
        }
        self.wait_ready(&mut parts).await
    }

    /// Kills the API server and starts it again.
    pub async fn restart_apiserver(&self) -> Result<(), DevenvError> {
        self.kill_apiserver().await?;
        self.start_apiserver().await
    }

    /// Ends all parts and removes the files. Dropping does the same, but cannot say whether the files are gone.
    pub fn stop(self) -> Result<(), DevenvError> {
        let Self {
            parts, group, folder, ..
        } = self;
        drop(parts);
        drop(group);
        folder.close().map_err(io("remove the files of the control plane"))
    }

    async fn first_start(&mut self) -> Result<(), DevenvError> {
        let mut attempt = 1;
        loop {
            self.port = free_port()?;
            let apiserver = self.spawn_apiserver(self.port)?;
            let mut parts = self.parts.lock().await;
            parts.apiserver = Some(apiserver);
            match self.wait_ready(&mut parts).await {
                Ok(()) => break,
                // Between our looking for a free port and its use, somebody else may have taken it.
                Err(DevenvError::Exited { log, .. })
                    if attempt < PORT_ATTEMPTS && log.contains("address already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
        let controller_manager = self.spawn_controller_manager()?;
        self.parts.lock().await.controller_manager = Some(controller_manager);
        Ok(())
    }

    fn spawn_apiserver(&self, port: u16) -> Result<Process, DevenvError> {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        // The server makes its own certificate in --cert-dir before it reads the service account keys, so the
        // key of the certificate can sign service account tokens too.
        let key = at("certs/apiserver.key");
        let flags = [
            format!("--etcd-servers=unix://{}", at("etcd.sock")),
            format!("--cert-dir={}", at("certs")),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={port}"),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            format!("--service-account-signing-key-file={key}"),
            format!("--service-account-key-file={key}"),
            format!("--token-auth-file={}", at("tokens.csv")),
            "--authorization-mode=RBAC".into(),
            // Pods are only admitted, never run: they need no service account.
            "--disable-admission-plugins=ServiceAccount".into(),
            // Nothing reaches the server through a Service, and loopback is no address for one.
            "--endpoint-reconciler-type=none".into(),
            "--service-cluster-ip-range=10.0.0.0/24".into(),
        ];
        let mut command = Command::new(self.assets.join("kube-apiserver"));
        command.args(flags).args(&self.options.apiserver_args);
        self.spawn("kube-apiserver", &mut command)
    }

    fn spawn_controller_manager(&self) -> Result<Process, DevenvError> {
        let mut command = Command::new(self.assets.join("kube-controller-manager"));
        command
            .arg(format!("--kubeconfig={}", self.kubeconfig().display()))
            .arg(format!("--controllers={}", self.options.controllers.join(",")))
            .args(["--leader-elect=false", "--secure-port=0"]);
        self.spawn("kube-controller-manager", &mut command)
    }

    fn spawn(&self, name: &str, command: &mut Command) -> Result<Process, DevenvError> {
        spawn(&self.group, self.folder.path(), name, command)
    }

    async fn wait_ready(&self, parts: &mut Parts) -> Result<(), DevenvError> {
        let started = Instant::now();
        let mut client = None;
        loop {
            let Parts { apiserver, etcd, .. } = parts;
            for part in apiserver.iter_mut().chain([etcd]) {
                if let Some(status) = part.exited().map_err(io(format!("look at {}", part.name())))? {
                    return Err(DevenvError::Exited {
                        name: part.name().to_owned(),
                        status,
                        log: part.tail(),
                    });
                }
            }
            let last = match self.ready(&mut client).await {
                Ok(()) => return Ok(()),
                Err(error) => error.to_string(),
            };
            if started.elapsed() > self.options.ready_within {
                return Err(DevenvError::NotReady {
                    after: self.options.ready_within,
                    last,
                    log: parts.apiserver.as_ref().map(Process::tail).unwrap_or_default(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn ready(&self, client: &mut Option<Client>) -> Result<(), DevenvError> {
        if client.is_none() {
            // The certificate appears only once the server has started.
            self.write_kubeconfig(&self.kubeconfig(), ADMIN, &self.users[0].token)?;
        }
        let client = match client {
            Some(client) => client,
            None => client.insert(self.client().await?),
        };
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .map_err(|e| DevenvError::Kubeconfig(e.to_string()))?;
        client
            .request_text(request)
            .await
            .map(drop)
            .map_err(kube_error("/readyz"))
    }

    fn write_kubeconfig(&self, path: &Path, user: &str, token: &str) -> Result<(), DevenvError> {
        let certificate = self.folder.path().join("certs/apiserver.crt");
        let ca = std::fs::read(&certificate).map_err(io("read the API server's certificate"))?;
        kubeconfig::write(path, &self.url(), &ca, user, token)
    }
}

/// A client for a kubeconfig file.
pub async fn client_for(path: &Path) -> Result<Client, DevenvError> {
    // An error means that the process already has a provider, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let failed = |e: &dyn std::fmt::Display| DevenvError::Kubeconfig(format!("{}: {e}", path.display()));
    let file = Kubeconfig::read_from(path).map_err(|e| failed(&e))?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .map_err(|e| failed(&e))?;
    Client::try_from(config).map_err(|e| failed(&e))
}

fn start_etcd(group: &ProcessGroup, assets: &Path, folder: &Path) -> Result<Process, DevenvError> {
    // Sockets in our own folder cannot be taken by anybody else, as ports can.
    let client = format!("unix://{}", folder.join("etcd.sock").display());
    let peer = format!("unix://{}", folder.join("peer.sock").display());
    let mut command = Command::new(assets.join("etcd"));
    command
        .arg(format!("--data-dir={}", folder.join("etcd").display()))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        // The data need not survive the machine, only our own crashes.
        .arg("--unsafe-no-fsync");
    spawn(group, folder, "etcd", &mut command)
}

fn spawn(group: &ProcessGroup, folder: &Path, name: &str, command: &mut Command) -> Result<Process, DevenvError> {
    let log = folder.join(format!("{name}.log"));
    group
        .spawn(name, command.current_dir(folder), &log)
        .map_err(io(format!("start {name}")))
}

fn write_tokens(path: &Path, users: &[User]) -> Result<(), DevenvError> {
    let line = |User { name, groups, token }: &User| format!("{token},{name},{name},\"{}\"", groups.join(","));
    let lines = users.iter().map(line).collect::<Vec<_>>().join("\n");
    std::fs::write(path, lines).map_err(io("write the users"))
}

fn free_port() -> Result<u16, DevenvError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(io("look for a free port"))
}
