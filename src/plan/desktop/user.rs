//! Whose a desktop is.

use super::Draft;
use super::steady::{Correction, Next};
use crate::api::desktop::{DesktopState, DesktopUser, ObservedUser};
use crate::backend::{ObservedDesktop, Operation};

/// An assignment as it is kept in the status.
pub(super) fn recorded(user: &DesktopUser) -> ObservedUser {
    ObservedUser {
        name: user.name.clone(),
        uid: user.uid.clone(),
        email: user.email.clone(),
    }
}

/// Whether the vendor's user is the one that is wanted: by e-mail address where both have one, else by name, and by
/// number where both have one.
fn is_user(wanted: &DesktopUser, seen: Option<&ObservedUser>) -> bool {
    let Some(seen) = seen else { return false };
    let differs = |a: Option<&String>, b: Option<&String>| a.is_some() && b.is_some() && a != b;
    let same_email = matches!((&wanted.email, &seen.email), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b));
    let by_email = wanted.email.is_some() && seen.email.is_some();
    let same = if by_email { same_email } else { wanted.name == seen.name };
    same && !differs(wanted.uid.as_ref(), seen.uid.as_ref())
}

impl Draft<'_> {
    /// What has to be done about the user of a desktop.
    pub(super) fn user(&mut self, observed: &ObservedDesktop) -> Next {
        let seen = self.status.user.clone();
        let Some(capabilities) = self.inputs.capabilities else {
            return Next::Nothing;
        };
        let vendor = capabilities.vendor;
        let stopped = observed.state == DesktopState::Stopped;
        let must_stop = capabilities.users.change_needs_stop && seen.is_some() && !stopped;
        let Some(wanted) = &self.inputs.spec.user else {
            return self.without_user(observed, seen.as_ref(), must_stop);
        };
        if is_user(wanted, seen.as_ref()) {
            self.status.assigned_user = Some(recorded(wanted));
            return Next::Nothing;
        }
        // Where users are given at creation, nobody may be shown yet.
        if !capabilities.users.assign {
            if seen.is_none() && self.status.assigned_user.as_ref() == Some(&recorded(wanted)) {
                return Next::Nothing;
            }
            let message = format!(
                "spec.user is {}, and {vendor} cannot assign an existing desktop to somebody else. Set it back, or \
                 delete this object and create a new one.",
                wanted.name
            );
            return Next::Stalled("Unsupported", message);
        }
        let before = self.inputs.status;
        let was_ours = self.status.assigned_user.as_ref() == Some(&recorded(wanted));
        if must_stop && was_ours {
            // Somebody gave it to another at the vendor, who may be working on it.
            let message = format!(
                "The desktop was given to {} behind our back. It is given back to {} when it is next stopped, because \
                 {vendor} changes the user of stopped desktops only.",
                seen.as_ref().map_or("nobody", |user| user.name.as_str()),
                wanted.name
            );
            return Next::Later("UserDrifted", message);
        }
        if must_stop {
            return Next::Correct(Correction {
                operation: Operation::StopDesktop {
                    desktop_id: observed.id.clone(),
                },
                field: "user",
                drifted: false,
                words: format!("The desktop is being stopped, to be assigned to {}.", wanted.name),
            });
        }
        Next::Correct(Correction {
            operation: Operation::AssignUser {
                desktop_id: observed.id.clone(),
                user: wanted.clone(),
            },
            field: "user",
            drifted: is_user(wanted, before.user.as_ref()) || was_ours,
            words: format!("The desktop is being assigned to {}.", wanted.name),
        })
    }

    /// Nobody is wanted: an assignment of ours is taken back, anybody else's is left alone.
    fn without_user(&mut self, observed: &ObservedDesktop, seen: Option<&ObservedUser>, must_stop: bool) -> Next {
        let Some(ours) = self.status.assigned_user.clone() else {
            return Next::Nothing;
        };
        let still =
            seen.is_some_and(|seen| seen.name == ours.name || (seen.email.is_some() && seen.email == ours.email));
        if !still {
            self.status.assigned_user = None;
            return Next::Nothing;
        }
        let users = self.inputs.capabilities.map(|c| c.users);
        if !users.is_some_and(|u| u.unassign) {
            let message = format!(
                "spec.user was removed, but {} cannot take a desktop from its user. Set it back to {}, or delete this \
                 object.",
                self.inputs.capabilities.map_or("the vendor", |c| c.vendor),
                ours.name
            );
            return Next::Stalled("Unsupported", message);
        }
        let (operation, words) = if must_stop {
            let operation = Operation::StopDesktop {
                desktop_id: observed.id.clone(),
            };
            (
                operation,
                format!("The desktop is being stopped, to be taken from {}.", ours.name),
            )
        } else {
            let operation = Operation::UnassignUser {
                desktop_id: observed.id.clone(),
            };
            (operation, format!("The desktop is being taken from {}.", ours.name))
        };
        Next::Correct(Correction {
            operation,
            field: "user",
            drifted: false,
            words,
        })
    }
}
