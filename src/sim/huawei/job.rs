//! Jobs and their parts.

use serde_json::{Value, json};

use super::model::{Birth, Effect, Job, SubJob};
use super::params::{Result, not_found, uuid};
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// A part of a job that is about to begin.
pub(super) struct Part {
    pub desktop: Option<String>,
    pub user: Option<String>,
    pub birth: Option<Birth>,
    pub effect: Effect,
}

impl Part {
    /// A part that works on a desktop which is there.
    pub fn on(desktop: &str, effect: Effect) -> Self {
        Self {
            desktop: Some(desktop.to_owned()),
            user: None,
            birth: None,
            effect,
        }
    }
}

/// Begins a job whose parts take so long; returns its id.
pub(super) fn begin(
    world: &mut World,
    project: &str,
    kind: &str,
    pool: Option<&str>,
    parts: Vec<Part>,
    takes: u64,
) -> String {
    let now = world.now();
    let id = uuid(world);
    let number = world.serial();
    let due = now.saturating_add(takes);
    let parts: Vec<SubJob> = parts
        .into_iter()
        .map(|part| {
            let id = uuid(world);
            if let Some(birth) = &part.birth {
                world.wake_at(birth.at);
            }
            SubJob {
                id,
                state: if part.birth.is_some() { "WAITING" } else { "RUNNING" }.to_owned(),
                desktop: part.desktop,
                user: part.user,
                failure: None,
                ended: None,
                birth: part.birth,
                due: Some(due),
                effect: part.effect,
            }
        })
        .collect();
    let job = Job {
        id: id.clone(),
        project: project.to_owned(),
        kind: kind.to_owned(),
        pool: pool.map(str::to_owned),
        parts,
        begun: now,
        number,
    };
    world.huawei.jobs.insert(id.clone(), job);
    world.wake_at(due);
    id
}

/// The answer of a call that began a job.
pub(super) fn answer(job: &str, ids: Vec<String>) -> Done {
    Done {
        wrote: true,
        ids,
        task: Some(job.to_owned()),
        ..Done::default()
    }
    .field("job_id", job)
}

/// Whether a job on a pool has not ended.
pub(super) fn pool_is_busy(world: &World, pool: &str) -> bool {
    world
        .huawei
        .jobs
        .values()
        .any(|job| job.pool.as_deref() == Some(pool) && !job.ended())
}

fn date(world: &World, moment: u64) -> String {
    world.clock.date(moment).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn show_part(world: &World, job: &Job, part: &SubJob) -> Value {
    let desktop = part.desktop.as_ref().and_then(|id| world.huawei.desktops.get(id));
    let mut entities = json!({});
    if let (Some(fields), Some(id)) = (entities.as_object_mut(), &part.desktop) {
        fields.insert("desktop_id".to_owned(), json!(id));
        if let Some(desktop) = desktop {
            fields.insert("desktop_name".to_owned(), json!(desktop.computer_name));
            fields.insert("product_id".to_owned(), json!(desktop.product_id));
        }
        if let Some(user) = &part.user {
            fields.insert("user_name".to_owned(), json!(user));
        }
    }
    let (code, reason) = part.failure.clone().unwrap_or_default();
    json!({
        "id": part.id,
        "job_type": job.kind,
        "entities": entities,
        "begin_time": date(world, job.begun),
        "end_time": part.ended.map(|moment| date(world, moment)),
        "status": part.state,
        "error_code": code,
        "fail_reason": reason,
        "project_id": job.project,
        "job_id": job.id,
        "process": if part.ended.is_some() { 100 } else { 40 },
    })
}

/// The word for a job as a whole, which no document gives. Of every other one the end alone is told, not how it ended.
fn status(world: &World, job: &Job) -> &'static str {
    let failed = job.parts.iter().any(|part| part.failure.is_some());
    match (job.ended(), failed) {
        (false, _) => "RUNNING",
        (true, _) if world.settings.quirks && job.number.is_multiple_of(2) => "COMPLETE",
        (true, false) => "SUCCESS",
        (true, true) => "FAIL",
    }
}

/// `GET /workspace-jobs/{job_id}`.
pub(super) fn show(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.path_param("job_id");
    let job = world
        .huawei
        .jobs
        .get(&id)
        .filter(|job| call.owns(&job.project))
        .ok_or_else(|| not_found("job", &id))?;
    let parts: Vec<Value> = job.parts.iter().map(|part| show_part(world, job, part)).collect();
    let failure = job
        .parts
        .iter()
        .find_map(|part| part.failure.clone())
        .unwrap_or_default();
    let ended = job
        .ended()
        .then(|| job.parts.iter().filter_map(|part| part.ended).max());
    Ok(Done::default()
        .field("id", job.id.as_str())
        .field("job_type", job.kind.as_str())
        .field("status", status(world, job))
        .field("begin_time", date(world, job.begun))
        .field("end_time", ended.map(|moment| date(world, moment.unwrap_or(job.begun))))
        .field("job_error_code", failure.0)
        .field("fail_reason", failure.1)
        .field("sub_jobs_total", parts.len())
        .field("sub_jobs", parts))
}

/// `GET /workspace-sub-jobs`.
pub(super) fn list(world: &mut World, call: &Call) -> Result<Done> {
    let mut jobs: Vec<&Job> = world
        .huawei
        .jobs
        .values()
        .filter(|job| call.owns(&job.project))
        .filter(|job| call.asked("job_id").is_none_or(|wanted| job.id == wanted))
        .filter(|job| call.asked("job_type").is_none_or(|wanted| job.kind == wanted))
        .filter(|job| {
            call.asked("desktop_pool_id")
                .is_none_or(|wanted| job.pool.as_deref() == Some(wanted))
        })
        .collect();
    jobs.sort_by_key(|job| job.number);
    let rows: Vec<Value> = jobs
        .into_iter()
        .flat_map(|job| job.parts.iter().map(move |part| (job, part)))
        .filter(|(_, part)| call.asked("status").is_none_or(|wanted| part.state == wanted))
        .map(|(job, part)| show_part(world, job, part))
        .collect();
    let (total, rows) = call.slice(rows, 1000, 0..=1000)?;
    Ok(Done::default().field("total_count", total).field("jobs", rows))
}
