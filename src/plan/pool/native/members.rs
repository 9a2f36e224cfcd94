//! Who may use a pool. A list that is declared is the whole truth; one that is left out is nobody's business here.

use super::{Action, Draft};
use crate::api::desktop::{DesktopUser, UserGroup};
use crate::api::pool::HuaweiUserGroup;
use crate::backend::pool::{ObservedPool, PoolChange, PoolMember};

/// Most members in one call.
const MOST: usize = 500;

/// The vendor's word for what somebody may do.
fn privilege(group: Option<UserGroup>, observed: &ObservedPool) -> &'static str {
    let linux = observed.image_os[0]
        .as_deref()
        .is_some_and(|os| os.eq_ignore_ascii_case("linux"));
    match (group, linux) {
        (Some(UserGroup::Administrators), false) => "administrators",
        (Some(UserGroup::Administrators), true) => "sudo",
        (_, false) => "users",
        (_, true) => "default",
    }
}

/// Whether two names mean the same user: the directory does not tell `Alice` from `alice`.
#[must_use]
pub fn is_same_user(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// What differs.
#[derive(Default)]
struct Difference {
    add: Vec<PoolMember>,
    remove: Vec<PoolMember>,
    change: Vec<PoolMember>,
    unknown: Vec<String>,
    /// Users whose ids have to be read first.
    unread: bool,
}

impl Draft<'_> {
    pub(super) fn declared_groups(&self) -> Option<&[HuaweiUserGroup]> {
        self.inputs.spec.huawei_workspace.as_ref()?.groups.as_deref()
    }

    /// Lets in who is missing, and puts out who is not declared.
    pub(super) fn members(&mut self, observed: &ObservedPool) -> bool {
        if self.inputs.spec.users.is_none() && self.declared_groups().is_none() {
            return false;
        }
        let Some(members) = self.inputs.members else {
            self.working("Listing", "Waiting for the list of who may use the pool.");
            self.action = Action::Reread;
            return true;
        };
        let Difference {
            add,
            remove,
            change,
            unknown,
            unread,
        } = self.difference(members, observed);
        if unread {
            self.working("Listing", "Waiting for the list of the account's users.");
            self.action = Action::Reread;
            return true;
        }
        let pool_id = observed.id.clone();
        let next = [
            (add, "AddMembers", "let in"),
            (change, "ChangeMembers", "given other rights"),
            (remove, "RemoveMembers", "put out"),
        ];
        for (mut members, action, words) in next {
            if members.is_empty() {
                continue;
            }
            members.truncate(MOST);
            let message = format!("{} users or groups are {words}.", members.len());
            if self.may_send(action, "SettingMembers", &message) {
                self.drifted(
                    "users",
                    &format!("Who may use the pool was changed at the vendor: {message}"),
                );
                self.action = Action::Change(match action {
                    "AddMembers" => PoolChange::AddMembers { pool_id, members },
                    "ChangeMembers" => PoolChange::ChangeMembers { pool_id, members },
                    _ => PoolChange::RemoveMembers { pool_id, members },
                });
            }
            return true;
        }
        if unknown.is_empty() {
            return false;
        }
        let named = unknown.get(..10).unwrap_or(&unknown).join(", ");
        let message = format!(
            "spec.users names users that the account does not have: {named}. Create them, or correct the names."
        );
        self.stalled("UserNotFound", &message);
        true
    }

    fn difference(&self, members: &[PoolMember], observed: &ObservedPool) -> Difference {
        let mut found = Difference::default();
        if let Some(wanted) = &self.inputs.spec.users {
            self.users(wanted, members, observed, &mut found);
        }
        if let Some(wanted) = self.declared_groups() {
            let missing = wanted
                .iter()
                .filter(|g| !members.iter().any(|m| m.group && m.id == g.id));
            found.add.extend(missing.map(|group| PoolMember {
                id: group.id.clone(),
                name: group.name.clone(),
                group: true,
                privilege: privilege(None, observed).to_owned(),
            }));
            let extra = members
                .iter()
                .filter(|m| m.group && !wanted.iter().any(|g| g.id == m.id));
            found.remove.extend(extra.cloned());
        }
        found
    }

    fn users(&self, wanted: &[DesktopUser], members: &[PoolMember], observed: &ObservedPool, found: &mut Difference) {
        for user in wanted {
            let privilege = privilege(user.group, observed).to_owned();
            if let Some(member) = members.iter().find(|m| !m.group && is_same_user(&m.name, &user.name)) {
                // What nobody declared is left as it is.
                if user.group.is_some() && member.privilege != privilege {
                    found.change.push(PoolMember {
                        privilege,
                        ..member.clone()
                    });
                }
                continue;
            }
            let Some(users) = self.inputs.users else {
                found.unread = true;
                continue;
            };
            let id = users
                .iter()
                .find(|u| is_same_user(&u.name, &user.name))
                .and_then(|u| u.id.clone());
            match id {
                Some(id) => found.add.push(PoolMember {
                    id,
                    name: user.name.clone(),
                    group: false,
                    privilege,
                }),
                None => found.unknown.push(user.name.clone()),
            }
        }
        let extra = members
            .iter()
            .filter(|m| !m.group && !wanted.iter().any(|u| is_same_user(&u.name, &m.name)));
        found.remove.extend(extra.cloned());
    }
}
