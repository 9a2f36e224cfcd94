//! The front door of Workspace and the form of its answers.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::params::{flatten, invalid};
use super::{auth, iam, quirks, routes};
use crate::sim::vendor::{ApiError, Call, Done, Refusal, Request, Vendor};
use crate::sim::world::World;

/// Huawei's API gateway in front of Workspace and of the identity service.
pub(crate) struct Gateway;

impl Vendor for Gateway {
    fn admit(&self, world: &mut World, request: &Request) -> Result<Call, Refusal> {
        let body = if request.body.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(&request.body)
        };
        let content = body.as_ref().cloned().unwrap_or_default();
        let segments: Vec<String> = request
            .path
            .split('/')
            .skip(1)
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let (action, path, checked) = match segments.as_slice() {
            [v3, auth, tokens] if (v3.as_str(), auth.as_str(), tokens.as_str()) == ("v3", "auth", "tokens") => {
                let checked = if request.method == "POST" {
                    iam::admit(world, &content)
                } else {
                    Err(no_such_api())
                };
                (routes::TOKEN.0, Vec::new(), checked)
            }
            [_, project, rest @ ..] => {
                let route = routes::find(&request.method, rest);
                // The gateway looks for the API before it asks who calls.
                let checked = match &route {
                    Some(_) => auth::admit(world, request, project),
                    None => Err(no_such_api()),
                };
                let (name, mut path) = route.unwrap_or((request.method.as_str(), Vec::new()));
                path.push(("project_id", project.clone()));
                (name, path, checked)
            }
            _ => ("", Vec::new(), Err(no_such_api())),
        };
        let action = action.to_owned();
        let params = flatten(path, &request.query, &content);
        let checked = checked.and_then(|account| match body {
            Ok(_) => Ok(account),
            Err(_) => Err(invalid("The request message is not JSON.")),
        });
        match checked {
            Ok(account) => Ok(Call {
                account,
                action,
                params,
                body: content,
            }),
            Err(error) => Err(Refusal { action, params, error }),
        }
    }

    fn execute(&self, world: &mut World, call: &Call) -> Result<Done, ApiError> {
        if call.action == routes::TOKEN.0 {
            return routes::TOKEN.1(world, call);
        }
        let action = routes::action(&call.action).ok_or_else(no_such_api)?;
        if call.action != "ListWorkspaces" && call.tenant(world)?.status != "SUBSCRIBED" {
            return Err(ApiError::new(403, "WKS.00010099", "The Workspace service is disabled."));
        }
        action(world, call)
    }

    fn success(&self, world: &World, _request_id: &str, done: &Done) -> Value {
        if done.body.is_empty() {
            return Value::Null;
        }
        let mut body = done.body.clone();
        if world.settings.quirks {
            quirks::answer(&mut body);
        }
        Value::Object(body)
    }

    /// Three forms: the identity service's, the billing centre's, and that of everybody else.
    fn error(&self, request_id: &str, error: &ApiError) -> Value {
        if error.code.starts_with("IAM.") {
            return json!({"error": {"code": error.http, "message": error.message, "title": "Refused"}});
        }
        if error.code.starts_with("CBC.") {
            return json!({"errorCode": error.code, "errorMsg": error.message});
        }
        let mut body = json!({"error_code": error.code, "error_msg": error.message});
        if let Some(fields) = body.as_object_mut() {
            if error.code.starts_with("APIG") {
                fields.insert("request_id".to_owned(), json!(request_id));
            } else {
                fields.insert("error_detail".to_owned(), json!(error.message));
            }
            if error.http == 403 {
                fields.insert("encoded_authorization_message".to_owned(), json!("XQAAAQAAAAA-sealed"));
            }
        }
        body
    }

    fn throttled(&self) -> ApiError {
        ApiError::new(429, "APIG.0308", "The throttling threshold has been reached.")
    }

    fn retry_after(&self, milliseconds: u64) -> (&'static str, String) {
        ("retry-after", milliseconds.div_ceil(1000).to_string())
    }

    fn headers(&self, request_id: &str) -> Vec<(&'static str, String)> {
        vec![("x-request-id", request_id.to_owned())]
    }

    fn never_finish(&self, world: &mut World, task: &str) {
        if let Some(job) = world.huawei.jobs.get_mut(task) {
            for part in job.parts.iter_mut().filter(|part| part.ended.is_none()) {
                part.due = None;
            }
        }
    }

    fn hide(&self, world: &mut World, id: &str, until: u64) {
        let huawei = &mut world.huawei;
        if let Some(desktop) = huawei.desktops.get_mut(id) {
            desktop.visible_from = until;
        }
        if let Some(pool) = huawei.pools.get_mut(id) {
            pool.visible_from = until;
        }
        if let Some(user) = huawei.users.get_mut(id) {
            user.visible_from = until;
        }
        if let Some(group) = huawei.policy_groups.get_mut(id) {
            group.visible_from = until;
        }
    }
}

/// The gateway has nothing at this path.
fn no_such_api() -> ApiError {
    ApiError::new(
        404,
        "APIGW.0101",
        "The API does not exist or has not been published in the environment.",
    )
}
