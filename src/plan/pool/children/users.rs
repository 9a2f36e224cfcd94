//! Whose the desktops of a pool are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Child, Draft};
use crate::api::REMOVE_FIRST_ANNOTATION;
use crate::api::desktop::DesktopUser;
use crate::backend::Capabilities;

/// Who should have which desktop.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    /// The user of each Desktop, by its name.
    of: BTreeMap<String, Option<DesktopUser>>,
    /// Who has none.
    pub(super) waiting: VecDeque<DesktopUser>,
    /// Desktops of people who are not named any more, and from whom they cannot be taken.
    pub(super) former: usize,
}

impl People {
    pub(super) fn of(&self, child: &Child<'_>) -> Option<&DesktopUser> {
        self.of.get(child.name())?.as_ref()
    }

    /// Whether it is somebody's, or is about to be.
    pub(super) fn has(&self, child: &Child<'_>) -> bool {
        child.assigned() || self.of(child).is_some()
    }

    fn give(&mut self, child: &Child<'_>, user: Option<DesktopUser>) {
        self.of.insert(child.name().to_owned(), user);
    }
}

impl Draft<'_> {
    /// Whoever has a desktop keeps it; whoever has none gets one that is nobody's.
    pub(super) fn people(&self, capabilities: &Capabilities) -> People {
        let children: Vec<&Child<'_>> = self.active().collect();
        let mut people = People::default();
        let Some(listed) = &self.inputs.spec.users else {
            for child in children {
                people.give(child, child.desktop.spec.user.clone());
            }
            return people;
        };
        let mut served = BTreeSet::new();
        for child in &children {
            let has = child.desktop.spec.user.as_ref();
            let entry = has.and_then(|user| listed.iter().find(|u| u.name == user.name));
            let user = match (has, entry) {
                (Some(_), Some(entry)) if served.insert(entry.name.as_str()) => Some(entry.clone()),
                (Some(_), _) if capabilities.users.unassign => None,
                (Some(former), _) => {
                    people.former += 1;
                    Some(former.clone())
                }
                (None, _) => None,
            };
            people.give(child, user);
        }
        let waiting = listed.iter().filter(|u| !served.contains(u.name.as_str()));
        people.waiting = waiting.cloned().collect();
        if capabilities.users.assign {
            self.assign(&mut people, &children);
        }
        people
    }

    fn assign(&self, people: &mut People, children: &[&Child<'_>]) {
        let revision = self.revision();
        let seen = |child: &Child<'_>, user: &DesktopUser| {
            let at_vendor = child.status().and_then(|s| s.user.as_ref());
            at_vendor.is_some_and(|u| u.name == user.name)
        };
        // Somebody assigned at the vendor has that desktop already.
        for child in children.iter().filter(|c| c.desktop.spec.user.is_none()) {
            if let Some(at) = people.waiting.iter().position(|user| seen(child, user)) {
                let user = people.waiting.remove(at);
                people.give(child, user);
            }
        }
        let free = |people: &People, child: &Child<'_>| {
            let going = child.annotation(REMOVE_FIRST_ANNOTATION) == Some("true");
            !people.has(child) && !child.stalled() && !going
        };
        let (updated, outdated): (Vec<&Child<'_>>, Vec<_>) = children
            .iter()
            .filter(|c| free(people, c))
            .partition(|c| c.revision() == revision.as_deref());
        // One that is still to be made is better than one that is to be changed.
        let replicas = self.inputs.spec.replicas.and_then(|r| usize::try_from(r).ok());
        let to_come = replicas.unwrap_or_default().saturating_sub(children.len());
        for child in updated {
            if let Some(user) = people.waiting.pop_front() {
                people.give(child, Some(user));
            }
        }
        for child in outdated {
            if people.waiting.len() > to_come
                && let Some(user) = people.waiting.pop_front()
            {
                people.give(child, Some(user));
            }
        }
    }
}
