//! Changes behind the client's back.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Image, Vm};
use super::{account, net, time, vm};
use crate::sim::edit::EditError;
use crate::sim::ledger::Kind;
use crate::sim::world::World;

type Result<T> = std::result::Result<T, EditError>;

/// A change of gcw objects made by hand: in the vendor's console, by somebody else, or by fate. Desktops and networks
/// go by id or name, sub-accounts by id or e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CapitalOnlineEdit {
    /// Adds a desktop that is on, in a network, of the first product and image that fit.
    AddVm {
        /// Network.
        net: String,
        /// Name.
        name: String,
    },
    /// Renames a desktop.
    RenameVm {
        /// Desktop.
        vm: String,
        /// New name.
        name: String,
    },
    /// Sets a desktop's status to any text, e.g. `asNeedExpired`.
    SetVmStatus {
        /// Desktop.
        vm: String,
        /// Status.
        status: String,
    },
    /// Labels a desktop.
    SetVmLabel {
        /// Desktop.
        vm: String,
        /// Label.
        label: String,
    },
    /// Binds a desktop to a sub-account, or to nobody.
    SetVmUser {
        /// Desktop.
        vm: String,
        /// Sub-account.
        user: Option<String>,
    },
    /// Sets the end of a desktop's term; without one it is paid by the minute.
    SetVmExpiry {
        /// Desktop.
        vm: String,
        /// End.
        at: Option<Timestamp>,
    },
    /// Makes orders for a desktop fail, or work again.
    RefuseOrders {
        /// Desktop.
        vm: String,
        /// Whether they fail.
        refuse: bool,
    },
    /// Removes a desktop.
    DeleteVm {
        /// Desktop.
        vm: String,
    },
    /// Adds a network of the account's owner.
    AddNet {
        /// Account.
        account: String,
        /// Site.
        site: String,
        /// Name.
        name: String,
    },
    /// Sets the status of every part of a network, e.g. `erro`.
    SetNetStatus {
        /// Network.
        net: String,
        /// Status.
        status: String,
    },
    /// Takes the subnets and all but one gateway from a network, so that it must be supplied.
    BreakNet {
        /// Network.
        net: String,
    },
    /// Removes a network.
    DeleteNet {
        /// Network.
        net: String,
    },
    /// Adds an image of an account's own for every product, available at every site.
    AddImage {
        /// Account.
        account: String,
        /// Name.
        name: String,
    },
    /// Sets the status of an image at a site; without one it is not there at all.
    SetImageStatus {
        /// Image.
        image: String,
        /// Site.
        site: String,
        /// Status.
        status: Option<String>,
    },
    /// Adds a usable sub-account.
    AddSubAccount {
        /// Account.
        account: String,
        /// E-mail address.
        email: String,
        /// Name.
        name: String,
    },
    /// Sets the status of a sub-account, e.g. `error`.
    SetSubAccountStatus {
        /// Sub-account.
        user: String,
        /// Status.
        status: String,
    },
    /// Renames a sub-account.
    RenameSubAccount {
        /// Sub-account.
        user: String,
        /// New name.
        name: String,
    },
    /// Removes a sub-account.
    DeleteSubAccount {
        /// Sub-account.
        user: String,
    },
    /// Puts a product in or out of stock.
    SetStock {
        /// Product.
        product: String,
        /// Whether there is any.
        in_stock: bool,
    },
    /// Uses up the quota of a billing cycle, `minute` or `month`, or renews it.
    SetQuota {
        /// Billing cycle.
        cycle: String,
        /// Whether it is used up.
        used_up: bool,
    },
    /// Makes the next task of an action fail.
    FailTask {
        /// Action.
        action: String,
        /// What the vendor says.
        reason: String,
    },
}

/// Makes an edit; returns the id of the object it concerned, or made.
pub(crate) fn apply(world: &mut World, edit: CapitalOnlineEdit) -> Result<String> {
    use CapitalOnlineEdit as E;
    match edit {
        E::AddVm { net, name } => add_vm(world, &net, &name),
        E::RenameVm { vm, name } => with_vm(world, &vm, |vm| vm.name = name),
        E::SetVmStatus { vm, status } => with_vm(world, &vm, |vm| {
            vm.status = status;
            vm.steps.clear();
        }),
        E::SetVmLabel { vm, label } => with_vm(world, &vm, |vm| vm.label = label),
        E::SetVmUser { vm, user } => {
            let user = user.map(|user| user_id(world, &user)).transpose()?;
            with_vm(world, &vm, |vm| vm.user = user)
        }
        E::SetVmExpiry { vm, at } => with_vm(world, &vm, |vm| {
            vm.expires = at;
            vm.auto_renew = false;
        }),
        E::RefuseOrders { vm, refuse } => with_vm(world, &vm, |vm| vm.refuses_orders = refuse),
        E::DeleteVm { vm } => {
            let id = with_vm(world, &vm, |_| {})?;
            time::remove(world, &id);
            Ok(id)
        }
        E::SetStock { product, in_stock } => {
            toggle(&mut world.capital_online.out_of_stock, &product, !in_stock);
            Ok(product)
        }
        E::SetQuota { cycle, used_up } => {
            toggle(&mut world.capital_online.used_up, &cycle, used_up);
            Ok(cycle)
        }
        E::FailTask { action, reason } => {
            world.capital_online.failing.push((action.clone(), reason));
            Ok(action)
        }
        edit => edit_others(world, edit),
    }
}

fn toggle(set: &mut std::collections::BTreeSet<String>, name: &str, inside: bool) {
    if inside {
        set.insert(name.to_owned());
    } else {
        set.remove(name);
    }
}

fn edit_others(world: &mut World, edit: CapitalOnlineEdit) -> Result<String> {
    use CapitalOnlineEdit as E;
    match edit {
        E::AddNet { account, site, name } => {
            if world.capital_online.site(&site).is_none() {
                return Err(EditError::NotFound(format!("site {site}")));
            }
            let id = net::add(world, &account, &site, None, &name, true);
            world.born(Kind::Cluster, &id, &account, false);
            Ok(id)
        }
        E::SetNetStatus { net, status } => with_net(world, &net, |net| {
            net.steps.clear();
            for part in net.subnets.iter_mut().chain(&mut net.gateways) {
                part.status.clone_from(&status);
            }
        }),
        E::BreakNet { net } => with_net(world, &net, |net| {
            net.subnets.clear();
            net.gateways.truncate(1);
        }),
        E::DeleteNet { net } => {
            let id = with_net(world, &net, |_| {})?;
            time::remove(world, &id);
            Ok(id)
        }
        E::AddImage { account, name } => Ok(add_image(world, &account, &name)),
        E::SetImageStatus { image, site, status } => {
            let found = world.capital_online.images.get_mut(&image);
            let sites = &mut found
                .ok_or_else(|| EditError::NotFound(format!("image {image}")))?
                .sites;
            match status {
                Some(status) => sites.insert(site, status),
                None => sites.remove(&site),
            };
            Ok(image)
        }
        E::AddSubAccount { account, email, name } => Ok(account::add(world, &account, &email, &name, "", false)),
        E::SetSubAccountStatus { user, status } => {
            let id = user_id(world, &user)?;
            if let Some(user) = world.capital_online.sub_accounts.get_mut(&id) {
                user.status = status;
                user.ready_at = None;
            }
            Ok(id)
        }
        E::RenameSubAccount { user, name } => {
            let id = user_id(world, &user)?;
            if let Some(user) = world.capital_online.sub_accounts.get_mut(&id) {
                user.name = name;
            }
            Ok(id)
        }
        E::DeleteSubAccount { user } => {
            let id = user_id(world, &user)?;
            time::remove(world, &id);
            Ok(id)
        }
        _ => Err(EditError::Invalid("not an edit of gcw".to_owned())),
    }
}

fn with_vm(world: &mut World, named: &str, change: impl FnOnce(&mut Vm)) -> Result<String> {
    let missing = || EditError::NotFound(format!("desktop {named}"));
    let id = world.capital_online.vm(named).ok_or_else(missing)?.id.clone();
    change(world.capital_online.vms.get_mut(&id).ok_or_else(missing)?);
    time::wake(world);
    Ok(id)
}

fn with_net(world: &mut World, named: &str, change: impl FnOnce(&mut super::model::Net)) -> Result<String> {
    let missing = || EditError::NotFound(format!("network {named}"));
    let id = world.capital_online.net(named).ok_or_else(missing)?.id.clone();
    change(world.capital_online.nets.get_mut(&id).ok_or_else(missing)?);
    Ok(id)
}

fn user_id(world: &World, named: &str) -> Result<String> {
    let found = world.capital_online.sub_account(named).map(|user| user.id.clone());
    found.ok_or_else(|| EditError::NotFound(format!("sub-account {named}")))
}

fn add_image(world: &mut World, account: &str, name: &str) -> String {
    let number = world.capital_online.serial();
    let capital = &mut world.capital_online;
    let available = capital
        .sites
        .iter()
        .map(|site| (site.id.clone(), "Available".to_owned()));
    let image = Image {
        id: net::uuid("1a6e0000", number),
        account: Some(account.to_owned()),
        name: name.to_owned(),
        size: 32.0,
        products: capital.products.iter().map(|product| product.id.clone()).collect(),
        sites: available.collect::<BTreeMap<_, _>>(),
    };
    let id = image.id.clone();
    capital.images.insert(id.clone(), image);
    world.born(Kind::Image, &id, account, false);
    id
}

fn add_vm(world: &mut World, net: &str, name: &str) -> Result<String> {
    let capital = &world.capital_online;
    let missing = |what: &str| EditError::NotFound(what.to_owned());
    let net = capital.net(net).ok_or_else(|| missing("network"))?;
    let product = capital
        .products
        .iter()
        .find(|product| product.sites.contains(&net.site_id))
        .ok_or_else(|| missing("product"))?;
    let image = capital
        .images
        .values()
        .find(|image| image.products.contains(&product.id))
        .ok_or_else(|| missing("image"))?;
    let line = net
        .line
        .or_else(|| net.gateways.first().and_then(|gateway| gateway.line));
    let vm = Vm {
        id: String::new(),
        account: net.account.clone(),
        name: name.to_owned(),
        status: "using".to_owned(),
        site_id: net.site_id.clone(),
        product_id: product.id.clone(),
        image_id: image.id.clone(),
        wipes: 0,
        vpc_id: net.id.clone(),
        subnet_id: net.subnets.first().map(|part| part.id.clone()).unwrap_or_default(),
        line: line.unwrap_or_default(),
        bandwidth: 5,
        ssd: None,
        expires: None,
        auto_renew: false,
        label: String::new(),
        user: None,
        refuses_orders: false,
        created: world.clock.date(world.now()),
        number: 0,
        visible_from: 0,
        steps: VecDeque::new(),
    };
    Ok(vm::add(world, vm, false))
}
