//! What the answers to changes hold.

use crate::backend::Result;
use crate::backend::decode::{Fields, Odd};
use crate::backend::error::{BackendError, ErrorClass, explanation};
use crate::backend::model::{Receipt, Task, TaskKind};

use super::map::{self, DATA};

/// Separates the id of a task from that of the request that began it: both are needed to ask for it.
const SEPARATOR: char = '/';

/// The answer to a change of one or several desktops.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    action: &'static str,
    request_id: String,
    /// The task, with the id of the request.
    task: Option<String>,
    /// Desktops for which it failed, and why.
    failed: Vec<(String, String)>,
}

/// Reads an answer. One with a task must name it; one without may say for which desktops it failed.
pub(super) fn answer(
    action: &'static str,
    starts_task: bool,
    request_id: &str,
    fields: Fields<'_>,
) -> std::result::Result<Answer, Odd> {
    let data = map::some_data(fields)?;
    let task = match (starts_task, data) {
        (false, _) => None,
        (true, None) => return Err(Odd::missing(DATA)),
        (true, Some(data)) => Some(task_id(request_id, data)?),
    };
    let mut failed = Vec::new();
    for row in data
        .map(|data| data.array("failedMsgs"))
        .transpose()?
        .flatten()
        .unwrap_or_default()
    {
        let id = row.id("vmId")?.ok_or(Odd::missing("vmId"))?;
        failed.push((id, reason(row)?));
    }
    // A number of failures that nothing explains leaves open which of the desktops it is about.
    let count = data
        .map(|data| data.int("failedNum"))
        .transpose()?
        .flatten()
        .unwrap_or(0);
    if usize::try_from(count) != Ok(failed.len()) {
        return Err(Odd::missing("failedMsgs"));
    }
    Ok(Answer {
        action,
        request_id: request_id.to_owned(),
        task,
        failed,
    })
}

/// Why something failed: the vendor writes the word with three s.
pub(super) fn reason(row: Fields<'_>) -> std::result::Result<String, Odd> {
    let reason = match row.text("messsage")? {
        Some(reason) => Some(reason),
        None => row.text("message")?,
    };
    Ok(reason.unwrap_or_else(|| "the vendor gives no reason".to_owned()))
}

/// The task of an answer, with what is needed to ask for it.
pub(super) fn task_id(request_id: &str, data: Fields<'_>) -> std::result::Result<String, Odd> {
    let task = data.id("taskId")?.ok_or(Odd::missing("taskId"))?;
    let answered = data.id("requestId")?;
    let request = answered.as_deref().unwrap_or(request_id);
    Ok(format!("{task}{SEPARATOR}{request}"))
}

/// The desktop that was created, and the task that makes it.
pub(super) fn created(request_id: &str, fields: Fields<'_>) -> std::result::Result<(String, String), Odd> {
    let data = map::data(fields)?;
    let ids = data.ids("vmIds")?.ok_or(Odd::missing("vmIds"))?;
    // One was asked for.
    let [id] = &ids[..] else {
        return Err(Odd::missing("vmIds"));
    };
    Ok((id.clone(), task_id(request_id, data)?))
}

/// How far a task got, in the vendor's word, and why no further.
pub(super) fn progress(fields: Fields<'_>) -> std::result::Result<(String, Option<String>), Odd> {
    let data = map::data(fields)?;
    let status = data.text("status")?.ok_or(Odd::missing("status"))?;
    Ok((status, data.text("failReason")?))
}

/// The ids of task and request.
pub(super) fn task_parts(task_id: &str) -> Option<(&str, &str)> {
    task_id.rsplit_once(SEPARATOR)
}

impl Answer {
    /// What it says of one desktop.
    pub(super) fn of(&self, id: &str) -> Result<Receipt> {
        if let Some((_, reason)) = self.failed.iter().find(|(failed, _)| failed == id) {
            // It is the state of the desktop that is in the way, as far as the document says.
            return Err(failure(ErrorClass::Conflict, self.action, reason));
        }
        Ok(Receipt {
            task: self.task.clone().map(|task_id| Task::new(TaskKind::Job, id, task_id)),
            request_id: Some(self.request_id.clone()),
            ..Receipt::default()
        })
    }
}

/// A failure that the vendor reports within a successful answer.
pub(super) fn failure(class: ErrorClass, action: &'static str, reason: &str) -> BackendError {
    BackendError::new(class, action, &explanation(reason))
}

/// What an order came to for one desktop: it must be named, among those for which it succeeded or failed.
pub(super) fn order(id: &str, fields: Fields<'_>) -> std::result::Result<std::result::Result<(), String>, Odd> {
    let data = map::data(fields)?;
    let done = data.ids("successVmIds")?.unwrap_or_default();
    let failed = data.ids("failedVmIds")?.unwrap_or_default();
    let among = |ids: &[String]| ids.iter().any(|other| other == id);
    match (among(&done), among(&failed)) {
        (true, false) => Ok(Ok(())),
        (false, true) => {
            let reason = data.text("failedMsg")?;
            Ok(Err(reason.unwrap_or_else(|| "the vendor gives no reason".to_owned())))
        }
        _ => Err(Odd::missing("successVmIds")),
    }
}
