//! Jobs: how far one got, and how it ended.

use super::client::{Ask, Client};
use super::errors::of_one;
use super::paging::Row;
use crate::backend::decode::{Fields, Odd};
use crate::backend::{BackendError, Result, TaskState};

/// The call that tells of a job.
const SHOW: &str = "ShowJob";
/// The call that tells of its parts.
const PARTS: &str = "ListItaSubJobs";

/// How a job, or a part of one, stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Running,
    Succeeded,
    Failed,
    /// It has ended, and how is not said.
    Ended,
}

/// The words seen for jobs and their parts; no document lists those for jobs. One that is not known counts as under
/// way, because nothing may be concluded from it.
fn stand(word: &str) -> Stand {
    match word {
        "SUCCESS" => Stand::Succeeded,
        "FAIL" | "FAILED" => Stand::Failed,
        "COMPLETE" | "COMPLETED" => Stand::Ended,
        _ => Stand::Running,
    }
}

/// What of a job counts.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub stand: Stand,
    pub code: Option<String>,
    pub reason: Option<String>,
    /// How many parts there are.
    pub total: Option<i64>,
    pub parts: Vec<Part>,
}

/// A part of a job.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub id: String,
    pub stand: Stand,
    pub code: Option<String>,
    pub reason: Option<String>,
}

impl Row for Part {
    const ROWS: &'static str = "jobs";
    const OWN: &'static [&'static str] = &["id"];

    fn read(fields: Fields<'_>) -> std::result::Result<Self, Odd> {
        Ok(Self {
            id: fields.id("id")?.ok_or(Odd::missing("id"))?,
            stand: stand(&fields.text("status")?.ok_or(Odd::missing("status"))?),
            code: fields.text("error_code")?,
            reason: fields.text("fail_reason")?,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// Reads a job. One without a status is not read at all: nothing may be concluded from that either.
pub(super) fn read(fields: Fields<'_>) -> std::result::Result<Job, Odd> {
    let parts = fields.rows("sub_jobs", &["id"])?.unwrap_or_default();
    let parts: std::result::Result<Vec<Part>, Odd> = parts.into_iter().map(Part::read).collect();
    Ok(Job {
        stand: stand(&fields.text("status")?.ok_or(Odd::missing("status"))?),
        code: fields.text("job_error_code")?,
        reason: fields.text("fail_reason")?,
        total: fields.int("sub_jobs_total")?,
        parts: parts?,
    })
}

/// The id of the job in an answer.
pub(super) fn started(fields: Fields<'_>) -> std::result::Result<String, Odd> {
    fields.id("job_id")?.ok_or(Odd::missing("job_id"))
}

impl Client {
    /// How far a job got. It has succeeded only when each of its parts has.
    pub(super) async fn job(&self, id: &str) -> Result<TaskState> {
        let ask = Ask::get(SHOW, &["workspace-jobs", id]);
        let job = self.send(&ask, |fields, _| read(fields)).await?;
        if job.stand == Stand::Running {
            return Ok(TaskState::Running);
        }
        let told = i64::try_from(job.parts.len()).ok();
        let complete = job.total.is_none_or(|total| told == Some(total)) && !job.parts.is_empty();
        let parts = if complete || job.total == Some(0) {
            job.parts.clone()
        } else {
            self.list(&Ask::get(PARTS, &["workspace-sub-jobs"]).with("job_id", id))
                .await?
        };
        Ok(outcome(&job, &parts))
    }

    /// Whether a pool has a part of a job in this state.
    pub(super) async fn has_parts(&self, pool_id: &str, state: &str) -> Result<bool> {
        let ask = Ask::get(PARTS, &["workspace-sub-jobs"])
            .with("desktop_pool_id", pool_id)
            .with("status", state);
        let parts: Vec<Part> = self.list(&ask).await?;
        Ok(!parts.is_empty())
    }
}

/// How a job that has ended ended.
pub(super) fn outcome(job: &Job, parts: &[Part]) -> TaskState {
    if let Some(failed) = parts.iter().find(|part| part.stand == Stand::Failed) {
        let (code, reason) = (failed.code.clone(), failed.reason.clone());
        return TaskState::Failed(failure(code.or(job.code.clone()), reason.or(job.reason.clone())));
    }
    if job.stand == Stand::Failed {
        return TaskState::Failed(failure(job.code.clone(), job.reason.clone()));
    }
    if parts
        .iter()
        .all(|part| part.stand == Stand::Succeeded || part.stand == Stand::Ended)
    {
        TaskState::Finished
    } else {
        TaskState::Running
    }
}

fn failure(code: Option<String>, reason: Option<String>) -> BackendError {
    of_one(SHOW, code, reason)
}
