//! What the scenarios stand on: a control plane, a namespace, manifests in, conditions awaited, the operator's process.

#![allow(
    dead_code,
    unused_imports,
    reason = "a tool box; which tools are in use changes with the scenarios"
)]

mod apply;
mod operator;
mod wait;

use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ObjectMeta, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Client, Resource};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::chart_rbac_fixture::settled_operator_kubeconfig;
use desktop_operator::devenv::{ControlPlane, Options, User, install_crds};

pub use apply::{documents, message};
pub use operator::{Operator, OperatorBuilder};
pub use wait::{eventually, gone, object};

/// A control plane takes about 800 MB and most of a core while it starts.
const OWN_PLANES: usize = 2;
static OWN: Semaphore = Semaphore::const_new(OWN_PLANES);
static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();

/// A user to whom nothing is allowed until the test binds a role, in every control plane.
pub const NOBODY: &str = "nobody";

/// A namespace of the test's own in a control plane with our CRDs.
pub struct Env {
    /// Administrator of the cluster.
    pub client: Client,
    /// Empty, and nobody else's.
    pub namespace: String,
    /// Administrator of the cluster, as a file.
    pub kubeconfig: PathBuf,
    /// The operator as the chart installs it in the test's namespace; the administrator where no operator is meant to
    /// run.
    pub operator_kubeconfig: PathBuf,
    plane: Plane,
}

/// Waits until there is room for one more control plane, for a test that lets another program start it.
pub async fn room() -> SemaphorePermit<'static> {
    OWN.acquire().await.unwrap()
}

enum Plane {
    Shared(&'static ControlPlane),
    Own(
        Box<ControlPlane>,
        #[allow(dead_code, reason = "held")] SemaphorePermit<'static>,
    ),
}

impl Deref for Plane {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        match self {
            Self::Shared(plane) => plane,
            Self::Own(plane, _) => plane,
        }
    }
}

impl Env {
    /// In the control plane that the tests of this process share. It ends with the process.
    pub async fn shared() -> Self {
        let plane = SHARED.get_or_init(|| start(Options::default())).await;
        Self::new(Plane::Shared(plane)).await
    }

    /// In a control plane of its own, for tests that run an operator or disturb the API server. The operator has
    /// exactly the rights that the chart gives it.
    pub async fn own() -> Self {
        Self::own_with(Options::default()).await
    }

    /// As [`Env::own`], with other options.
    pub async fn own_with(options: Options) -> Self {
        let permit = room().await;
        let plane = start(options).await;
        let mut env = Self::new(Plane::Own(Box::new(plane), permit)).await;
        env.operator_kubeconfig = settled_operator_kubeconfig(&env).await;
        env
    }

    async fn new(plane: Plane) -> Self {
        let client = plane.client().await.unwrap();
        let kubeconfig = plane.kubeconfig();
        let mut env = Self {
            client,
            namespace: String::new(),
            operator_kubeconfig: kubeconfig.clone(),
            kubeconfig,
            plane,
        };
        env.namespace = env.create_namespace("e2e-", &[]).await;
        env
    }

    /// The control plane, to restart its API server for instance.
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// Objects of a kind in the test's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Objects of a kind in the whole cluster, or of a cluster-scoped kind.
    pub fn all<K>(&self) -> Api<K>
    where
        K: Resource,
        K::DynamicType: Default,
    {
        Api::all(self.client.clone())
    }

    /// Another namespace, with labels; answers its name.
    pub async fn create_namespace(&self, prefix: &str, labels: &[(&str, &str)]) -> String {
        let namespace = Namespace {
            metadata: ObjectMeta {
                generate_name: Some(prefix.to_owned()),
                labels: Some(labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let created = self
            .all::<Namespace>()
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
        created.metadata.name.unwrap()
    }

    /// A Secret in the test's namespace.
    pub async fn create_secret(&self, name: &str, data: &[(&str, &str)]) {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            string_data: Some(data.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
            ..Secret::default()
        };
        self.api::<Secret>()
            .create(&PostParams::default(), &secret)
            .await
            .unwrap();
    }

    /// Applies every document of a YAML text on the server side, in order. Objects without a namespace come into
    /// the test's.
    pub async fn apply(&self, yaml: &str) -> Vec<DynamicObject> {
        self.try_apply(yaml)
            .await
            .unwrap_or_else(|error| panic!("{error}\nwas the answer to\n{yaml}"))
    }

    /// As [`Env::apply`]; stops at the first document that is refused.
    pub async fn try_apply(&self, yaml: &str) -> kube::Result<Vec<DynamicObject>> {
        apply::apply(&self.client, &self.namespace, yaml, false).await
    }

    /// What [`Env::try_apply`] would do, without doing it.
    pub async fn dry_run(&self, yaml: &str) -> kube::Result<Vec<DynamicObject>> {
        apply::apply(&self.client, &self.namespace, yaml, true).await
    }

    /// Runs kubectl as administrator and returns its exit code and what it printed, standard output before standard
    /// error.
    pub fn kubectl(&self, args: &[&str]) -> (i32, String) {
        let output = Command::new(self.plane.kubectl())
            .arg(format!("--kubeconfig={}", self.kubeconfig.display()))
            .args(args)
            .output()
            .unwrap();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap_or(-1), text)
    }
}

impl Drop for Env {
    /// A failed test shows what it left behind.
    fn drop(&mut self) {
        let namespace = format!("--namespace={}", self.namespace);
        let what = match self.plane {
            Plane::Own(..) => ["vdi", "--all-namespaces"],
            Plane::Shared(_) => ["desktopclusters,desktops", &namespace],
        };
        if std::thread::panicking() {
            let (_, text) = self.kubectl(&["get", "--output=yaml", what[0], what[1]]);
            eprintln!("--- objects ---\n{text}");
        }
    }
}

async fn start(mut options: Options) -> ControlPlane {
    options.users.push(User::new(NOBODY, &[]));
    let plane = ControlPlane::start(options)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    install_crds(&plane.client().await.unwrap()).await.unwrap();
    plane
}

/// Shows an object as YAML, for messages.
fn show(object: &impl serde::Serialize) -> String {
    serde_saphyr::to_string(object).unwrap_or_else(|error| format!("(not shown: {error})"))
}
