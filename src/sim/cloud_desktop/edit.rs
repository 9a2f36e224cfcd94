//! Changes to CloudDesktop behind the client's back.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Desktop, Image, User};
use super::{catalog, desktop, time};
use crate::sim::edit::EditError;
use crate::sim::ledger::Kind;
use crate::sim::world::World;

type Result<T> = std::result::Result<T, EditError>;

/// A change made by hand. Where an object is named, its id or its name will do. Everything takes effect at once, and a
/// status that is set replaces whatever the object was on its way to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CloudDesktopEdit {
    /// Sets the status of an account's configuration: `Active`, `Config`, or any text.
    SetOwnerStatus {
        /// Account.
        account: String,
        /// Status.
        status: String,
    },
    /// Moves an account's configuration to another network.
    SetOwnerVpc {
        /// Account.
        account: String,
        /// Network.
        vpc_id: String,
    },
    /// Sets the domain of an account; empty is none.
    SetDomain {
        /// Account.
        account: String,
        /// Domain.
        domain_name: String,
    },
    /// Makes an account's directory answer, or not.
    SetDirectoryUp {
        /// Account.
        account: String,
        /// Whether it answers.
        up: bool,
    },
    /// Lets the directory make a user, or not.
    SetMakeable {
        /// Account.
        account: String,
        /// Name of the user.
        user: String,
        /// Whether it does.
        makeable: bool,
    },
    /// Makes an account act for others, who must be named.
    SetReseller {
        /// Account.
        account: String,
        /// Whether it does.
        reseller: bool,
    },
    /// Serves an account the calls that are not in the document, or does not.
    SetExtended {
        /// Account.
        account: String,
        /// Whether they are served.
        served: bool,
    },
    /// Forgets the tokens of all requests, as if much time had passed.
    ForgetTokens {
        /// Account.
        account: String,
    },
    /// Adds a user, or changes the address of one.
    AddUser {
        /// Account.
        account: String,
        /// Name.
        name: String,
        /// Address; may be empty.
        #[serde(default)]
        email: String,
    },
    /// Removes a user.
    DeleteUser {
        /// Account.
        account: String,
        /// Name.
        name: String,
    },
    /// Adds a running desktop, paid by use, that no request asked for.
    AddDesktop {
        /// Account.
        account: String,
        /// Name.
        name: String,
        /// Type.
        #[serde(default = "usual_type")]
        type_item_id: String,
        /// Image.
        #[serde(default = "usual_image")]
        image_id: String,
        /// User.
        #[serde(default = "usual_user")]
        user_name: String,
    },
    /// Renames a desktop.
    RenameDesktop {
        /// Desktop.
        desktop: String,
        /// New name.
        name: String,
    },
    /// Sets a desktop's status to any text.
    SetDesktopStatus {
        /// Desktop.
        desktop: String,
        /// Status.
        status: String,
    },
    /// Gives a desktop to another user, or another group to its user.
    SetUser {
        /// Desktop.
        desktop: String,
        /// Name; not checked.
        user_name: String,
        /// Group; not checked.
        user_group: String,
    },
    /// Puts another image on a desktop.
    SetDesktopImage {
        /// Desktop.
        desktop: String,
        /// Image; not checked.
        image_id: String,
    },
    /// Sets when a desktop ends; with a date it is paid in advance, without one by use.
    SetExpiry {
        /// Desktop.
        desktop: String,
        /// When.
        at: Option<Timestamp>,
    },
    /// Removes a desktop, as its end does.
    DeleteDesktop {
        /// Desktop.
        desktop: String,
    },
    /// Adds an image of an account's own.
    AddImage {
        /// Account.
        account: String,
        /// Name.
        name: String,
        /// Kind of desktops it fits, `common` or `gpu`.
        #[serde(default = "common")]
        desktop_type: String,
    },
    /// Sets an image's status to any text, and how much of it is made.
    SetImageStatus {
        /// Image.
        image: String,
        /// Status.
        status: String,
        /// Percentage made.
        progress: u8,
    },
    /// Removes an image.
    DeleteImage {
        /// Image.
        image: String,
    },
    /// Puts a type in or out of stock.
    SetStock {
        /// Type.
        type_item_id: String,
        /// Zone.
        zone_id: String,
        /// Whether there is any.
        in_stock: bool,
    },
}

fn usual_type() -> String {
    "desktop.n1.small".to_owned()
}

fn usual_image() -> String {
    "img-win2019".to_owned()
}

fn usual_user() -> String {
    "alice".to_owned()
}

fn common() -> String {
    "common".to_owned()
}

/// Makes an edit; returns the id of the object it concerned, or made.
pub(crate) fn apply(world: &mut World, edit: CloudDesktopEdit) -> Result<String> {
    use CloudDesktopEdit as E;
    match edit {
        E::AddImage {
            account,
            name,
            desktop_type,
        } => Ok(add_image(world, &account, &name, desktop_type)),
        E::SetImageStatus {
            image,
            status,
            progress,
        } => {
            let image = find_image(world, &image)?;
            image.status = status;
            image.progress = progress.min(100);
            Ok(image.id.clone())
        }
        E::DeleteImage { image } => {
            let id = find_image(world, &image)?.id.clone();
            let now = world.now();
            time::remove(world, &id, now);
            Ok(id)
        }
        E::SetStock {
            type_item_id,
            zone_id,
            in_stock,
        } => {
            let place = (type_item_id.clone(), zone_id);
            if in_stock {
                world.cloud_desktop.out_of_stock.remove(&place);
            } else {
                world.cloud_desktop.out_of_stock.insert(place);
            }
            Ok(type_item_id)
        }
        E::AddDesktop {
            account,
            name,
            type_item_id,
            image_id,
            user_name,
        } => Ok(add_desktop(world, &account, name, type_item_id, image_id, user_name)),
        E::RenameDesktop { .. }
        | E::SetDesktopStatus { .. }
        | E::SetUser { .. }
        | E::SetDesktopImage { .. }
        | E::SetExpiry { .. }
        | E::DeleteDesktop { .. } => edit_desktop(world, edit),
        edit => edit_tenant(world, edit),
    }
}

fn find_image<'w>(world: &'w mut World, image: &str) -> Result<&'w mut Image> {
    let id = world.cloud_desktop.image(image).map(|found| found.id.clone());
    id.and_then(|id| world.cloud_desktop.images.get_mut(&id))
        .ok_or_else(|| EditError::NotFound(format!("image {image}")))
}

fn edit_tenant(world: &mut World, edit: CloudDesktopEdit) -> Result<String> {
    use CloudDesktopEdit as E;
    match edit {
        E::SetOwnerStatus { account, status } => {
            world.cloud_desktop.tenant(&account).owner.status = status;
            Ok(account)
        }
        E::SetOwnerVpc { account, vpc_id } => {
            world.cloud_desktop.tenant(&account).owner.vpc_id = vpc_id;
            Ok(account)
        }
        E::SetDomain { account, domain_name } => {
            world.cloud_desktop.tenant(&account).owner.domain_name = domain_name;
            Ok(account)
        }
        E::SetDirectoryUp { account, up } => {
            world.cloud_desktop.tenant(&account).directory_up = up;
            Ok(account)
        }
        E::SetMakeable {
            account,
            user,
            makeable,
        } => {
            let unmakeable = &mut world.cloud_desktop.tenant(&account).unmakeable;
            if makeable {
                unmakeable.remove(&user);
            } else {
                unmakeable.insert(user);
            }
            Ok(account)
        }
        E::SetReseller { account, reseller } => {
            world.cloud_desktop.tenant(&account).reseller = reseller;
            Ok(account)
        }
        E::SetExtended { account, served } => {
            world.cloud_desktop.tenant(&account).extended = served;
            Ok(account)
        }
        E::ForgetTokens { account } => {
            world.cloud_desktop.tokens.retain(|(owner, ..), _| *owner != account);
            Ok(account)
        }
        E::AddUser { account, name, email } => {
            let user = User {
                name: name.clone(),
                email,
            };
            let users = &mut world.cloud_desktop.tenant(&account).users;
            if users.insert(name.clone(), user).is_none() {
                world.born(Kind::User, &name, &account, false);
            }
            Ok(name)
        }
        E::DeleteUser { account, name } => {
            let now = world.now();
            let removed = world.cloud_desktop.tenant(&account).users.remove(&name);
            removed.ok_or_else(|| EditError::NotFound(format!("user {name}")))?;
            world.ledger.died(&name, now);
            Ok(name)
        }
        _ => Err(EditError::Invalid("not an edit of an account".to_owned())),
    }
}

fn edit_desktop(world: &mut World, edit: CloudDesktopEdit) -> Result<String> {
    use CloudDesktopEdit as E;
    let (E::RenameDesktop { desktop: named, .. }
    | E::SetDesktopStatus { desktop: named, .. }
    | E::SetUser { desktop: named, .. }
    | E::SetDesktopImage { desktop: named, .. }
    | E::SetExpiry { desktop: named, .. }
    | E::DeleteDesktop { desktop: named }) = &edit
    else {
        return Err(EditError::Invalid("not an edit of a desktop".to_owned()));
    };
    let id = world.cloud_desktop.desktop(named).map(|desktop| desktop.id.clone());
    let Some(desktop) = id.and_then(|id| world.cloud_desktop.desktops.get_mut(&id)) else {
        return Err(EditError::NotFound(format!("desktop {named}")));
    };
    let id = desktop.id.clone();
    match edit {
        E::RenameDesktop { name, .. } => desktop.name = name,
        E::SetDesktopStatus { status, .. } => {
            desktop.status = status;
            desktop.steps.clear();
        }
        E::SetUser {
            user_name, user_group, ..
        } => {
            desktop.user_name = user_name;
            desktop.user_group = user_group;
        }
        E::SetDesktopImage { image_id, .. } => desktop.image_id = image_id,
        E::SetExpiry { at, .. } => {
            desktop.expires = at;
            let charge_type = if at.is_some() { "PREPAY" } else { "POSTPAY" };
            charge_type.clone_into(&mut desktop.charge_type);
        }
        _ => {
            let now = world.now();
            time::remove(world, &id, now);
        }
    }
    Ok(id)
}

fn add_desktop(
    world: &mut World,
    account: &str,
    name: String,
    type_item_id: String,
    image_id: String,
    user_name: String,
) -> String {
    let vpc_id = world.cloud_desktop.tenant(account).owner.vpc_id.clone();
    let new = Desktop {
        id: String::new(),
        account: account.to_owned(),
        order_id: String::new(),
        name,
        status: "Running".to_owned(),
        type_item_id,
        charge_type: "POSTPAY".to_owned(),
        vpc_id,
        zone_id: catalog::ZONES[0].to_owned(),
        v_switch_id: "vsw-1".to_owned(),
        image_id,
        image_type: "default".to_owned(),
        user_name,
        user_group: "Users".to_owned(),
        ip: String::new(),
        created: world.clock.date(world.now()),
        expires: None,
        deleting: false,
        number: 0,
        visible_from: 0,
        steps: VecDeque::new(),
    };
    desktop::add(world, new, false)
}

fn add_image(world: &mut World, account: &str, name: &str, desktop_type: String) -> String {
    let id = world.id("img");
    let image = Image {
        id: id.clone(),
        account: Some(account.to_owned()),
        name: name.to_owned(),
        description: String::new(),
        platform: "windows".to_owned(),
        desktop_type,
        status: "Available".to_owned(),
        progress: 100,
        created: world.clock.date(world.now()),
    };
    world.cloud_desktop.images.insert(id.clone(), image);
    world.born(Kind::Image, &id, account, false);
    id
}
