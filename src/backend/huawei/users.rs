//! Users.

use serde_json::{Map, Value, json};

use super::client::{Ask, Client};
use crate::backend::{BackendError, ErrorClass, Result, UserSpec};

/// Most users in one call.
const MOST: usize = 200;
const ONE: &str = "CreateDesktopUser";
const MANY: &str = "BatchCreateUsers";

/// A user as it is made. With an address it activates itself by mail; without, the directory must know it.
fn body(user: &UserSpec) -> Value {
    let mut fields = Map::new();
    fields.insert("user_name".to_owned(), json!(user.name));
    let how = match &user.email {
        Some(email) => {
            fields.insert("user_email".to_owned(), json!(email));
            "USER_ACTIVATE"
        }
        None => "ADMIN_ACTIVATE",
    };
    fields.insert("active_type".to_owned(), json!(how));
    if let Some(remark) = &user.remark {
        fields.insert("description".to_owned(), json!(remark));
    }
    Value::Object(fields)
}

impl Client {
    /// Creates users; one answer each, in their order.
    ///
    /// Many go out in one call, whose answer names nobody. When it is refused nobody was made, and each is tried alone,
    /// so that one bad user does not stand in the way of the others.
    pub(super) async fn create_users(&self, users: &[UserSpec]) -> Result<Vec<Result<()>>> {
        let mut answers = Vec::with_capacity(users.len());
        for batch in users.chunks(MOST) {
            if let [user] = batch {
                answers.push(self.create_user(user).await);
                continue;
            }
            let bodies: Vec<Value> = batch.iter().map(body).collect();
            let ask = Ask::post(MANY, &["users", "batch-create"], json!({"users": bodies}));
            match self.send(&ask, |_, _| Ok(())).await {
                Ok(()) => answers.extend(batch.iter().map(|_| Ok(()))),
                Err(error) if error.class == ErrorClass::Invalid => {
                    for user in batch {
                        answers.push(self.create_user(user).await);
                    }
                }
                Err(error) => answers.extend(batch.iter().map(|_| Err::<(), BackendError>(error.clone()))),
            }
        }
        Ok(answers)
    }

    async fn create_user(&self, user: &UserSpec) -> Result<()> {
        let ask = Ask::post(ONE, &["users"], body(user));
        self.send(&ask, |fields, _| fields.id("id").map(|_| ())).await
    }
}
