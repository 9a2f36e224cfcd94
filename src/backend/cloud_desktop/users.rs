//! Users of the account's directory.

use super::{CloudDesktop, invalid, map};
use crate::backend::Result;
use crate::backend::error::{BackendError, ErrorClass};
use crate::backend::model::{ObservedUser, UserSpec};
use crate::backend::rpc::Params;

const ACTION: &str = "CreateUser";

/// Longest name the vendor takes.
const LONGEST_NAME: usize = 16;

impl CloudDesktop {
    /// The user of exactly this name. Directories do not tell capital letters from small ones.
    pub(super) async fn find_user(&self, name: &str) -> Result<Option<ObservedUser>> {
        let params = Params::new().set("UserName", name);
        let found = self
            .client
            .read("DescribeActivityDirectoryUsers", &params, map::users)
            .await?;
        Ok(found.into_iter().find(|user| same_name(&user.name, name)))
    }

    /// Creates a user. One that is there already with the same address is created.
    pub(super) async fn create_user(&self, user: &UserSpec) -> Result<()> {
        if user.name.is_empty() || user.name.chars().count() > LONGEST_NAME {
            return Err(invalid(ACTION, "a user's name has 1 to 16 characters"));
        }
        let Some(email) = &user.email else {
            return Err(invalid(ACTION, "a user needs an e-mail address"));
        };
        let params = Params::new().set("UserName", &user.name).set("Email", email);
        let created = self
            .client
            .change(ACTION, &params, |fields| map::created_user(fields, &user.name))
            .await;
        match created {
            Err(error) if error.class == ErrorClass::Ambiguous => self.look(user, email, error).await,
            result => result,
        }
    }

    /// What an answer leaves open the directory settles: a sentence that a creation failed does not say why, and may
    /// mean that the user is there already.
    async fn look(&self, user: &UserSpec, email: &str, error: BackendError) -> Result<()> {
        let Ok(found) = self.find_user(&user.name).await else {
            return Err(error);
        };
        match found {
            Some(found) if found.email.as_deref().is_some_and(|other| same_name(other, email)) => Ok(()),
            Some(_) => {
                let message = format!("the user {} is there already, with another e-mail address", user.name);
                Err(BackendError {
                    class: ErrorClass::Conflict,
                    message,
                    ..error
                })
            }
            // The vendor said that it failed, and nobody is there: it may be tried again.
            None if error.code.is_some() => Err(BackendError {
                class: ErrorClass::Transient,
                ..error
            }),
            None => Err(error),
        }
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
