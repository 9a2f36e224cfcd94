//! The identity service's one call: a token for a password.

use serde_json::{Value, json};

use super::model::Token;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

/// How long a token is good.
const LIFE: u64 = 24 * 60 * 60 * 1000;

/// The account whose name and password a request holds: the user is the key's id, the password its secret.
pub(super) fn admit(world: &World, body: &Value) -> Result<String, ApiError> {
    let identity = &body["auth"]["identity"];
    let user = &identity["password"]["user"];
    let by_password = identity["methods"]
        .as_array()
        .is_some_and(|methods| methods.iter().any(|method| method == "password"));
    let (Some(name), Some(password), Some(_)) = (
        user["name"].as_str(),
        user["password"].as_str(),
        user["domain"]["name"].as_str().filter(|name| !name.is_empty()),
    ) else {
        return Err(refused(400, "Expecting to find user name, password and domain."));
    };
    if !by_password {
        return Err(refused(400, "Expecting the method password."));
    }
    match world.key(name) {
        Some(key) if key.active && key.secret == password => Ok(key.account.clone()),
        _ => Err(refused(401, "The username or password is wrong.")),
    }
}

fn refused(http: u16, message: &str) -> ApiError {
    ApiError::new(http, &format!("IAM.{http}"), message)
}

/// `POST /v3/auth/tokens`.
pub(super) fn create_token(world: &mut World, call: &Call) -> Result<Done, ApiError> {
    let scope = &call.body["auth"]["scope"]["project"];
    let project = world
        .huawei
        .projects
        .values()
        .find(|project| {
            project.account == call.account
                && match (scope["id"].as_str(), scope["name"].as_str()) {
                    (Some(id), _) => project.id == id,
                    (None, Some(name)) => project.region == name,
                    (None, None) => false,
                }
        })
        .cloned()
        .ok_or_else(|| refused(404, "Could not find the project of the scope."))?;
    let now = world.now();
    let until = now.saturating_add(LIFE);
    let date = |moment| {
        world
            .clock
            .date(moment)
            .strftime("%Y-%m-%dT%H:%M:%S.000000Z")
            .to_string()
    };
    let domain = json!({"id": format!("{:032x}", 1), "name": call.body["auth"]["identity"]["password"]["user"]["domain"]["name"]});
    let body = json!({"token": {
        "methods": ["password"],
        "issued_at": date(now),
        "expires_at": date(until),
        "user": {"id": format!("{:032x}", 2), "name": call.account, "domain": domain},
        "project": {"id": project.id, "name": project.region, "domain": domain},
        "roles": [{"id": "0", "name": "te_admin"}],
        "catalog": [],
    }});
    let number = world.serial();
    // As long as the vendor's are, so that nobody takes a token for something short.
    let token = format!("MIIsim{number:06}{}", "QmF0dGVyeQ".repeat(120));
    let issued = Token {
        account: call.account.clone(),
        project: project.id,
        until,
    };
    world.huawei.tokens.insert(token.clone(), issued);
    let mut done = Done {
        status: Some(201),
        headers: vec![("x-subject-token", token)],
        ..Done::default()
    };
    if let Value::Object(fields) = body {
        done.body = fields;
    }
    Ok(done)
}
