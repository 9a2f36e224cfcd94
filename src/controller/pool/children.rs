//! A pool that is made of Desktops.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};

use super::memory::Touched;
use super::{brake, capabilities_of, cluster_of};
use crate::api::{Desktop, DesktopPool, FIELD_MANAGER, PAUSED_ANNOTATION};
use crate::controller::annotation;
use crate::controller::context::{Context, Guarded};
use crate::controller::error::{Error, is_not_found};
use crate::controller::status::{Stored, add_finalizer, has_finalizer, remove_finalizer, uid, write};
use crate::plan::image::Obstacle;
use crate::plan::pool::brake::Facts;
use crate::plan::pool::children::{Child, Home, Inputs, Plan, Step, Wanted, plan, slot_of};

/// Passes of a pool are no closer together: two hundred desktops that change are no two hundred statuses.
const PACE: Duration = Duration::from_millis(300);
/// How soon the watch is looked at again while it does not show what was done.
const BEHIND: Duration = Duration::from_millis(100);
/// Finalizer of Kubernetes while it takes from an object what belongs to it.
const ORPHAN: &str = "orphan";
/// Calls to the API server at the same time.
const AT_ONCE: usize = 8;

/// One pass.
pub(super) async fn reconcile(context: &Arc<Context>, object: &Arc<DesktopPool>) -> Result<Duration, Error> {
    let deleting = object.meta().deletion_timestamp.is_some();
    let own_uid = uid(&**object)?;
    if !has_finalizer(&**object) {
        if deleting {
            context.pool_memory.forget(own_uid);
        } else {
            add_finalizer(context, &**object).await?;
        }
        return Ok(context.settings.inventory_slow);
    }
    let namespace = object.namespace().unwrap_or_default();
    let version = |name: &str| {
        let found = context
            .desktops
            .get(&ObjectRef::<Guarded<Desktop>>::new(name).within(&namespace))?;
        found.meta().resource_version.clone()
    };
    if context.pool_memory.is_behind(own_uid, version) {
        return Ok(BEHIND);
    }
    if let Some(wait) = context.pool_memory.pace(own_uid, PACE) {
        return Ok(wait);
    }
    let gathered = gather(context, object, &namespace);
    let plan = gathered.plan(context, object, &Facts::default())?;
    // The namespace is asked only when something is to be removed, or was.
    if plan.removed == 0 && object.status().removals.is_empty() {
        return carry_out(context, object, &gathered, plan).await;
    }
    let gate = context.pool_memory.gate.lock().await;
    let facts = brake::facts(context, object).await?;
    let plan = gathered.plan(context, object, &facts)?;
    let written = record(context, object, plan).await?;
    drop(gate);
    finish(context, object, &gathered, written).await
}

/// What was gathered, owned, so that the inputs can borrow it.
struct Gathered {
    /// The Desktops of the pool, by slot.
    desktops: BTreeMap<u32, Arc<Guarded<Desktop>>>,
    taken: BTreeMap<u32, bool>,
    home: Result<&'static crate::backend::Capabilities, (&'static str, String)>,
    image: Result<String, Obstacle>,
    /// Why the API server refused a step of the last pass.
    refused: Option<String>,
}

fn gather(context: &Context, object: &DesktopPool, namespace: &str) -> Gathered {
    let (name, own_uid) = (object.name_any(), object.meta().uid.as_deref());
    let mut desktops = BTreeMap::new();
    let mut taken = BTreeMap::new();
    for desktop in context.desktops.state() {
        let meta = desktop.meta();
        let here = meta.namespace.as_deref() == Some(namespace);
        let Some(slot) = meta.name.as_deref().filter(|_| here).and_then(|n| slot_of(&name, n)) else {
            continue;
        };
        let owner = meta
            .owner_references
            .iter()
            .flatten()
            .find(|o| o.controller == Some(true));
        // One that cannot be read is nobody's to change.
        if owner.is_some_and(|o| Some(o.uid.as_str()) == own_uid) && desktop.0.is_ok() {
            desktops.insert(slot, desktop);
        } else {
            taken.insert(slot, meta.deletion_timestamp.is_some());
        }
    }
    Gathered {
        desktops,
        taken,
        home: home(context, object),
        image: super::image(context, object),
        refused: own_uid.and_then(|uid| context.pool_memory.refused(uid)),
    }
}

/// What the vendor of the pool can do, or why that is not known.
fn home(
    context: &Context,
    object: &DesktopPool,
) -> Result<&'static crate::backend::Capabilities, (&'static str, String)> {
    let name = &object.spec.template.spec.cluster_ref.name;
    let Some(cluster) = cluster_of(context, object) else {
        let message = format!("DesktopCluster {name} (spec.template.spec.clusterRef) does not exist.");
        return Err(("ClusterNotFound", message));
    };
    if cluster.metadata.deletion_timestamp.is_some() {
        return Err(("ClusterDeleting", format!("DesktopCluster {name} is being deleted.")));
    }
    capabilities_of(context, &cluster).ok_or_else(|| {
        let provider = crate::controller::cluster::provider_of(&cluster);
        let message = format!("DesktopProvider {provider} (of DesktopCluster {name}) does not exist.");
        ("ProviderNotFound", message)
    })
}

impl Gathered {
    fn plan(&self, context: &Context, object: &DesktopPool, facts: &Facts) -> Result<Plan, Error> {
        let status = object.status();
        let limits = context.limits(context.settings.inventory_fast, context.settings.inventory_slow);
        let children: Vec<Child<'_>> = self
            .desktops
            .iter()
            .filter_map(|(slot, desktop)| {
                let desktop = desktop.0.as_ref().ok()?;
                Some(Child { slot: *slot, desktop })
            })
            .collect();
        Ok(plan(&Inputs {
            name: object.meta().name.as_deref().ok_or(Error::Malformed("name"))?,
            generation: object.metadata.generation.unwrap_or_default(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            orphaning: object.finalizers().iter().any(|f| f == ORPHAN),
            paused: annotation(object, PAUSED_ANNOTATION) == Some("true"),
            spec: &object.spec,
            status: &status,
            children: &children,
            taken: &self.taken,
            home: match &self.home {
                Ok(capabilities) => Home::Known(capabilities),
                Err((reason, message)) => Home::Unknown { reason, message },
            },
            image: &self.image,
            brake: facts,
            refused: self.refused.as_deref(),
            limits: &limits,
            now: context.now(),
        }))
    }

    fn named(&self, name: &str) -> Option<&Desktop> {
        let mut all = self.desktops.values().filter_map(|d| d.0.as_ref().ok());
        all.find(|d| d.metadata.name.as_deref() == Some(name))
    }
}

async fn carry_out(
    context: &Arc<Context>,
    object: &DesktopPool,
    gathered: &Gathered,
    plan: Plan,
) -> Result<Duration, Error> {
    let written = record(context, object, plan).await?;
    finish(context, object, gathered, written).await
}

/// Writes the status, and with it what is to be removed, before anything is done.
async fn record(context: &Arc<Context>, object: &DesktopPool, plan: Plan) -> Result<Plan, Error> {
    if plan.release {
        return Ok(plan);
    }
    let removals = plan.status.removals.clone();
    write(context, object, plan.status.clone()).await?;
    context.pool_memory.wrote_removals(uid(object)?, removals);
    Ok(plan)
}

async fn finish(
    context: &Arc<Context>,
    object: &DesktopPool,
    gathered: &Gathered,
    plan: Plan,
) -> Result<Duration, Error> {
    context.publish(object, plan.notices).await;
    if plan.release {
        remove_finalizer(context, object).await?;
        context.forget(uid(object)?);
        context.pool_memory.forget(uid(object)?);
        return Ok(context.settings.inventory_slow);
    }
    if plan.halted {
        context.metrics.rollout_halted();
    }
    if plan.steps.is_empty() {
        context.pool_memory.was_refused(uid(object)?, None);
        return Ok(plan.again);
    }
    if !context.leadership.may_send() {
        return Err(Error::Stale);
    }
    let (touched, failure) = take(context, object, gathered, &plan.steps).await;
    let deleted = |step: &&Step| matches!(step, Step::Delete { name } if touched.iter().any(|t| t.name == *name));
    let removed = plan.steps.iter().filter(deleted).take(plan.removed).count();
    context.metrics.pool_removed(removed);
    context.pool_memory.touched(uid(object)?, touched);
    match failure {
        None => {
            context.pool_memory.was_refused(uid(object)?, None);
            Ok(plan.again.min(PACE))
        }
        Some(error) => {
            // The next pass says so; whatever is not a refusal leaves what was said.
            if let Some(words) = refusal(&error) {
                context.pool_memory.was_refused(uid(object)?, Some(words));
            }
            Err(error.into())
        }
    }
}

/// The words of an API server that understood the request and will not do it.
fn refusal(error: &kube::Error) -> Option<String> {
    match error {
        kube::Error::Api(status) if (400..500).contains(&status.code) && !matches!(status.code, 401 | 408 | 429) => {
            Some(status.message.clone())
        }
        _ => None,
    }
}

/// Takes the steps; answers which Desktops they touched, and the first failure.
async fn take(
    context: &Context,
    object: &DesktopPool,
    gathered: &Gathered,
    steps: &[Step],
) -> (Vec<Touched>, Option<kube::Error>) {
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<Desktop> = Api::namespaced(context.client.clone(), &namespace);
    let taken: Vec<Result<Option<Touched>, kube::Error>> = futures::stream::iter(steps.to_vec())
        .map(|step| step_by_step(context, &api, object, gathered, step))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut touched = Vec::new();
    let mut failure = None;
    for result in taken {
        match result {
            Ok(Some(one)) => touched.push(one),
            Ok(None) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    (touched, failure)
}

/// Takes one step, unless the process has ceased to be the leader. What is not as it was seen is left for the next pass.
async fn step_by_step(
    context: &Context,
    api: &Api<Desktop>,
    object: &DesktopPool,
    gathered: &Gathered,
    step: Step,
) -> Result<Option<Touched>, kube::Error> {
    if !context.leadership.may_send() {
        return Ok(None);
    }
    let creating = matches!(step, Step::Create { .. });
    let (name, version, result) = match step {
        Step::Create { slot, wanted } => {
            let name = format!("{}-{slot}", object.name_any());
            let desktop = made(object, &name, &wanted);
            let parameters = PostParams {
                field_manager: Some(FIELD_MANAGER.into()),
                ..PostParams::default()
            };
            (name, None, api.create(&parameters, &desktop).await.map(|_| ()))
        }
        Step::Change { name, wanted } => {
            let Some(seen) = gathered.named(&name) else {
                return Ok(None);
            };
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.into()),
                ..PatchParams::default()
            };
            let patch = Patch::Merge(change(seen, &wanted));
            let result = api.patch(&name, &parameters, &patch).await.map(|_| ());
            (name, seen.resource_version(), result)
        }
        Step::Delete { name } => {
            let Some(seen) = gathered.named(&name) else {
                return Ok(None);
            };
            let parameters = DeleteParams {
                preconditions: Some(Preconditions {
                    resource_version: seen.resource_version(),
                    uid: seen.uid(),
                }),
                ..DeleteParams::default()
            };
            let result = api.delete(&name, &parameters).await.map(|_| ());
            (name, seen.resource_version(), result)
        }
    };
    match result {
        Ok(()) => Ok(Some(Touched { name, version })),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
            tracing::debug!(desktop = name, "it is not as it was seen");
            Ok(None)
        }
        Err(error) if is_not_found(&error) && !creating => Ok(None),
        Err(error) => Err(error),
    }
}

/// The Desktop of a slot.
fn made(object: &DesktopPool, name: &str, wanted: &Wanted) -> Desktop {
    let mut desktop = Desktop::new(name, wanted.spec.clone());
    desktop.metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: object.namespace(),
        labels: Some(wanted.metadata.labels.clone()),
        annotations: Some(wanted.metadata.annotations.clone()).filter(|a| !a.is_empty()),
        owner_references: object.controller_owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    };
    desktop
}

/// The merge patch that makes a Desktop what it should be, provided that it is still as it was seen.
fn change(seen: &Desktop, wanted: &Wanted) -> Value {
    let before = serde_json::to_value(&seen.spec).unwrap_or_default();
    let after = serde_json::to_value(&wanted.spec).unwrap_or_default();
    json!({
        "metadata": {
            "uid": seen.metadata.uid,
            "resourceVersion": seen.metadata.resource_version,
            "labels": wanted.metadata.labels,
            "annotations": wanted.metadata.annotations,
        },
        "spec": difference(&before, &after),
    })
}

/// The merge patch from one value to another: what is gone is null.
fn difference(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return after.clone();
    };
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let mut patch: serde_json::Map<String, Value> = gone.map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in after {
        match before.get(key) {
            Some(old) if old == value => {}
            Some(old) => {
                patch.insert(key.clone(), difference(old, value));
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_holds_what_differs_and_takes_out_what_is_gone() {
        let before =
            json!({"image": {"id": "a"}, "user": {"name": "alice", "uid": "7"}, "power": "Running", "disk": [1, 2]});
        let after =
            json!({"image": {"id": "b"}, "user": {"name": "bob"}, "power": "Running", "disk": [2], "flavor": "x"});
        assert_eq!(
            difference(&before, &after),
            json!({"image": {"id": "b"}, "user": {"name": "bob", "uid": null}, "disk": [2], "flavor": "x"})
        );
        assert_eq!(
            difference(&after, &json!({"power": "Running"})),
            json!({"image": null, "user": null, "disk": null, "flavor": null})
        );
        assert_eq!(difference(&before, &before), json!({}));
    }
}
