//! Changes behind the client's back.

use serde::{Deserialize, Serialize};

use super::capital_online::edit::CapitalOnlineEdit;
use super::cloud_desktop::edit::CloudDesktopEdit;
use super::gws::edit::GwsEdit;
use super::huawei::edit::HuaweiEdit;
use super::world::{Key, World};

/// A change made by hand: in the vendor's console, by somebody else, or by time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "camelCase")]
pub enum Edit {
    /// Accounts, keys and time.
    Account(AccountEdit),
    /// Objects of Alibaba GWS.
    Gws(GwsEdit),
    /// Objects of Huawei Workspace.
    Huawei(HuaweiEdit),
    /// Objects of Alibaba CloudDesktop.
    CloudDesktop(CloudDesktopEdit),
    /// Objects of CapitalOnline gcw.
    CapitalOnline(CapitalOnlineEdit),
}

/// Changes of accounts, keys and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AccountEdit {
    /// Adds a key to an account, or replaces its secret.
    AddKey {
        /// Account.
        account: String,
        /// Access key id.
        key_id: String,
        /// Access key secret.
        secret: String,
    },
    /// Switches a key on or off.
    SetKeyActive {
        /// Access key id.
        key_id: String,
        /// Whether it may be used.
        active: bool,
    },
    /// Makes time jump, so that what takes long is over.
    Advance {
        /// How far.
        milliseconds: u64,
    },
}

/// Why an edit was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such object.
    #[error("there is no {0}")]
    NotFound(String),
    /// The edit makes no sense.
    #[error("{0}")]
    Invalid(String),
}

impl From<GwsEdit> for Edit {
    fn from(edit: GwsEdit) -> Self {
        Self::Gws(edit)
    }
}

impl From<HuaweiEdit> for Edit {
    fn from(edit: HuaweiEdit) -> Self {
        Self::Huawei(edit)
    }
}

impl From<CloudDesktopEdit> for Edit {
    fn from(edit: CloudDesktopEdit) -> Self {
        Self::CloudDesktop(edit)
    }
}

impl From<CapitalOnlineEdit> for Edit {
    fn from(edit: CapitalOnlineEdit) -> Self {
        Self::CapitalOnline(edit)
    }
}

impl From<AccountEdit> for Edit {
    fn from(edit: AccountEdit) -> Self {
        Self::Account(edit)
    }
}

/// Makes an edit; returns the id of the object it concerned, or made.
pub(crate) fn apply(world: &mut World, edit: Edit) -> Result<String, EditError> {
    match edit {
        Edit::Gws(edit) => super::gws::edit::apply(world, edit),
        Edit::Huawei(edit) => super::huawei::edit::apply(world, edit),
        Edit::CloudDesktop(edit) => super::cloud_desktop::edit::apply(world, edit),
        Edit::CapitalOnline(edit) => super::capital_online::edit::apply(world, edit),
        Edit::Account(AccountEdit::AddKey {
            account,
            key_id,
            secret,
        }) => {
            let key = Key {
                account,
                secret,
                active: true,
            };
            world.add_key(&key_id, key);
            Ok(key_id)
        }
        Edit::Account(AccountEdit::SetKeyActive { key_id, active }) => match world.key_mut(&key_id) {
            Some(key) => {
                key.active = active;
                Ok(key_id)
            }
            None => Err(EditError::NotFound(format!("key {key_id}"))),
        },
        Edit::Account(AccountEdit::Advance { milliseconds }) => {
            world.clock.jump(milliseconds);
            world.advance();
            Ok(String::new())
        }
    }
}
