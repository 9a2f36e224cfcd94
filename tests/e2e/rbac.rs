//! What the operator, and the users of a cluster, may do under the chart's roles: as much as they need, and no more.

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider};
use desktop_operator::devenv::client_for;
use desktop_operator::sim::{Sim, SimConfig};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::json;

use crate::chart_rbac_fixture::{install_rbac, operator_kubeconfig};
use crate::harness::{Env, Operator, eventually};
use crate::world::{Vendor, World};

const OURS: [&str; 5] = [
    "desktopproviders",
    "desktopclusters",
    "desktops",
    "desktopimages",
    "desktoppools",
];
const GROUP: &str = "desktop-operator.io";

/// Somebody whose rights are asked for.
struct Subject<'a> {
    env: &'a Env,
    user: String,
}

impl Subject<'_> {
    /// Whether they may do this. `resource` may be `kind/subresource`; an empty namespace means the whole cluster.
    async fn may(&self, verb: &str, group: &str, resource: &str, namespace: &str) -> bool {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let text = |s: &str| Some(s.to_owned()).filter(|s| !s.is_empty());
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(self.user.clone()),
                groups: Some(vec!["system:authenticated".into()]),
                resource_attributes: Some(ResourceAttributes {
                    verb: text(verb),
                    group: text(group),
                    resource: text(resource),
                    subresource: text(subresource),
                    namespace: text(namespace),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let answered = self
            .env
            .all::<SubjectAccessReview>()
            .create(&PostParams::default(), &review)
            .await
            .unwrap();
        answered.status.unwrap().allowed
    }

    /// The API server learns of new roles a moment after they are written.
    async fn will(&self, verb: &str, group: &str, resource: &str, namespace: &str) {
        eventually(
            &format!("{} may {verb} {resource} in '{namespace}'", self.user),
            async || {
                if self.may(verb, group, resource, namespace).await {
                    Ok(())
                } else {
                    Err("denied")
                }
            },
        )
        .await;
    }

    async fn may_not(&self, verb: &str, group: &str, resource: &str, namespace: &str) {
        assert!(
            !self.may(verb, group, resource, namespace).await,
            "{} may {verb} {resource} in '{namespace}'",
            self.user
        );
    }
}

async fn operator<'a>(env: &'a Env, values: &[&str]) -> Subject<'a> {
    let account = install_rbac(env, values).await;
    Subject {
        env,
        user: format!("system:serviceaccount:{}:{account}", env.namespace),
    }
}

#[tokio::test]
async fn the_operator_may_do_its_work() {
    let env = Env::shared().await;
    let operator = operator(&env, &[]).await;
    for kind in OURS {
        for verb in ["get", "list", "watch", "patch"] {
            operator.will(verb, GROUP, kind, "").await;
        }
        operator.will("update", GROUP, &format!("{kind}/status"), "").await;
    }
    // The Desktops of pools.
    for verb in ["create", "delete"] {
        operator.will(verb, GROUP, "desktops", "").await;
    }
    operator.will("update", GROUP, "desktoppools/finalizers", "").await;
    operator.will("get", "", "namespaces", "").await;
    for verb in ["create", "patch"] {
        operator.will(verb, "events.k8s.io", "events", "").await;
    }
    for verb in ["get", "create", "update", "delete"] {
        operator
            .will(verb, "coordination.k8s.io", "leases", &env.namespace)
            .await;
    }
    operator.will("get", "", "secrets", &env.namespace).await;
}

#[tokio::test]
async fn the_operator_may_do_nothing_else() {
    let env = Env::shared().await;
    let operator = operator(&env, &[]).await;
    // Once the last binding is known to the API server, so are the others.
    operator.will("get", "", "secrets", &env.namespace).await;
    operator.will("get", GROUP, "desktops", "").await;
    operator
        .will("get", "coordination.k8s.io", "leases", &env.namespace)
        .await;
    let other = env.create_namespace("other-", &[]).await;
    let here = env.namespace.as_str();
    for kind in OURS {
        for verb in ["create", "update", "delete", "deletecollection"] {
            let of_pools = kind == "desktops" && ["create", "delete"].contains(&verb);
            if !of_pools {
                operator.may_not(verb, GROUP, kind, here).await;
            }
        }
        for verb in ["get", "patch", "create", "delete"] {
            operator.may_not(verb, GROUP, &format!("{kind}/status"), here).await;
        }
        if kind != "desktoppools" {
            operator
                .may_not("update", GROUP, &format!("{kind}/finalizers"), here)
                .await;
        }
    }
    operator.may_not("update", GROUP, "desktoppools/scale", here).await;
    for verb in ["list", "watch", "create", "update", "patch", "delete"] {
        operator.may_not(verb, "", "secrets", here).await;
        operator.may_not(verb, "", "namespaces", "").await;
    }
    for verb in ["list", "watch", "patch", "deletecollection"] {
        operator.may_not(verb, "coordination.k8s.io", "leases", here).await;
    }
    for verb in ["get", "list", "watch", "update", "delete"] {
        operator.may_not(verb, "events.k8s.io", "events", here).await;
        operator.may_not(verb, "", "events", here).await;
    }
    operator.may_not("get", "", "secrets", &other).await;
    operator.may_not("get", "", "secrets", "kube-system").await;
    operator.may_not("get", "", "secrets", "").await;
    for verb in ["get", "list", "create", "update", "delete"] {
        operator.may_not(verb, "coordination.k8s.io", "leases", &other).await;
        operator.may_not(verb, "", "pods", here).await;
        operator.may_not(verb, "", "configmaps", here).await;
        operator.may_not(verb, "apps", "deployments", here).await;
        operator
            .may_not(verb, "apiextensions.k8s.io", "customresourcedefinitions", "")
            .await;
    }
    for (verb, resource) in [("create", "pods/exec"), ("create", "serviceaccounts/token"), ("*", "*")] {
        operator.may_not(verb, "", resource, here).await;
    }
    for (verb, resource) in [
        ("create", "clusterrolebindings"),
        ("bind", "clusterroles"),
        ("escalate", "roles"),
    ] {
        operator.may_not(verb, "rbac.authorization.k8s.io", resource, "").await;
    }
    operator.may_not("*", "*", "*", "").await;
    operator.may_not("*", GROUP, "*", "").await;
    operator.may_not("impersonate", "", "users", "").await;
}

#[tokio::test]
async fn secrets_are_open_where_the_values_say() {
    let env = Env::shared().await;
    let credentials = env.create_namespace("credentials-", &[]).await;
    let office = env.create_namespace("office-", &[]).await;
    let values = [
        "--set".to_owned(),
        format!("credentials.namespaces={{{credentials}}},directory.secretNamespaces={{{office}}}"),
    ];
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let operator = operator(&env, &values).await;
    operator.will("get", "", "secrets", &credentials).await;
    operator.will("get", "", "secrets", &office).await;
    // The namespace of the release is not named, hence not open.
    operator.may_not("get", "", "secrets", &env.namespace).await;
    operator.may_not("list", "", "secrets", &office).await;
}

#[tokio::test]
async fn secrets_of_the_whole_cluster_must_be_asked_for() {
    let env = Env::shared().await;
    let operator = operator(&env, &["--set", "secrets.clusterWide=true"]).await;
    operator.will("get", "", "secrets", "kube-system").await;
    for verb in ["list", "watch", "update", "delete"] {
        operator.may_not(verb, "", "secrets", "kube-system").await;
    }
}

#[tokio::test]
async fn users_get_our_kinds_with_the_roles_they_have() {
    let env = Env::shared().await;
    install_rbac(&env, &[]).await;
    let mut users = Vec::new();
    for role in ["view", "edit", "admin"] {
        let user = format!("{}-{role}", env.namespace);
        env.apply(&format!(
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {role}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {user}}}]
"
        ))
        .await;
        users.push(Subject { env: &env, user });
    }
    let here = env.namespace.as_str();
    for kind in ["desktopclusters", "desktops", "desktopimages", "desktoppools"] {
        for user in &users {
            for verb in ["get", "list", "watch"] {
                user.will(verb, GROUP, kind, here).await;
            }
            user.may_not("get", GROUP, kind, "default").await;
            user.may_not("update", GROUP, &format!("{kind}/status"), here).await;
        }
        for verb in ["create", "update", "patch", "delete"] {
            users[0].may_not(verb, GROUP, kind, here).await;
            users[1].will(verb, GROUP, kind, here).await;
            users[2].will(verb, GROUP, kind, here).await;
        }
    }
    users[0].may_not("update", GROUP, "desktoppools/scale", here).await;
    users[0].will("get", GROUP, "desktoppools/scale", here).await;
    users[1].will("update", GROUP, "desktoppools/scale", here).await;
    for user in &users {
        for verb in ["get", "list", "create", "update", "patch", "delete"] {
            user.may_not(verb, GROUP, "desktopproviders", "").await;
        }
    }
}

#[tokio::test]
async fn the_operators_token_is_bound_by_its_roles() {
    let env = Env::shared().await;
    env.create_secret("account", &[("accessKeyId", "x")]).await;
    let client = client_for(&operator_kubeconfig(&env).await).await.unwrap();
    let own: Api<Secret> = Api::namespaced(client.clone(), &env.namespace);
    eventually("the operator reads a Secret by name", async || own.get("account").await).await;
    let providers: Api<DesktopProvider> = Api::all(client.clone());
    eventually("the operator lists providers", async || {
        providers.list(&ListParams::default()).await
    })
    .await;
    let forbidden = |error: kube::Error| matches!(&error, kube::Error::Api(status) if status.code == 403);
    assert!(forbidden(own.list(&ListParams::default()).await.unwrap_err()));
    let clusters: Api<DesktopCluster> = Api::namespaced(client, &env.namespace);
    assert!(forbidden(
        clusters.delete("any", &DeleteParams::default()).await.unwrap_err()
    ));
}

/// Every call the operator makes to the API server in the life of a provider, a cluster and a desktop is allowed:
/// election, creation lock, Secret, namespace, finalizers, status, events.
#[tokio::test]
async fn a_whole_life_passes_under_these_roles() {
    let env = Env::own().await;
    let sim = Sim::start(SimConfig::fast(4.0)).await.unwrap();
    let kubeconfig = operator_kubeconfig(&env).await;
    let mut operator = Operator::builder(&env)
        .allow_endpoint(sim.url())
        .kubeconfig(kubeconfig)
        .start();
    operator.ready().await;
    let world = World {
        operator,
        sim,
        env,
        vendor: Vendor::gws(),
    };
    world.credentials("testid", "testsecret").await;
    world.env.apply(&world.provider()).await;
    world.office().await;
    world
        .ready_desktop("alice", json!({"user": {"name": "alice", "uid": "1234"}}))
        .await;
    world.event("alice", "Ready").await;
    world
        .patch::<Desktop>("alice", json!({"spec": {"power": "Stopped"}}))
        .await;
    world.ready::<Desktop>("alice").await;
    world.delete::<Desktop>("alice").await;
    world.gone::<Desktop>("alice").await;
    world.delete::<DesktopCluster>("office").await;
    world.gone::<DesktopCluster>("office").await;
    world.delete::<DesktopProvider>("acme").await;
    world.gone::<DesktopProvider>("acme").await;
    let log = world.operator.log();
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("is forbidden")).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}
