//! Changes to Workspace objects behind the client's back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{Effect, Project, User};
use super::{catalog, desktop, image, time};
use crate::sim::edit::EditError;
use crate::sim::world::World;

type Result<T> = std::result::Result<T, EditError>;

/// A change made by hand. Where an object is named, its id or its name will do. Everything takes effect at once, and a
/// state that is set replaces whatever the desktop was on its way to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HuaweiEdit {
    /// Makes every token of an account stale.
    ExpireTokens {
        /// Account.
        account: String,
    },
    /// Adds a project.
    AddProject {
        /// Account.
        account: String,
        /// Project id.
        project: String,
        /// Region.
        region: String,
    },
    /// Sets the tenant's status to any text; the service answers only while it is `SUBSCRIBED`.
    SetTenantStatus {
        /// Project.
        project: String,
        /// Status.
        status: String,
    },
    /// Sets a limit.
    SetQuota {
        /// Project.
        project: String,
        /// The vendor's word for the resource.
        resource: String,
        /// Limit.
        limit: i64,
    },
    /// Puts a product on sale or takes it off.
    SetStock {
        /// Product.
        product: String,
        /// Whether it can be had.
        in_stock: bool,
    },
    /// Sets a desktop's state to any words.
    SetDesktopState {
        /// Desktop.
        desktop: String,
        /// Status.
        status: String,
        /// Task; empty for none.
        #[serde(default)]
        task: String,
        /// Login status.
        login: String,
    },
    /// Renames a desktop.
    RenameDesktop {
        /// Desktop.
        desktop: String,
        /// New name; not checked.
        name: String,
    },
    /// Gives a desktop to a user, or to nobody.
    SetDesktopUser {
        /// Desktop.
        desktop: String,
        /// User and group.
        user: Option<(String, String)>,
    },
    /// Freezes a desktop because of unpaid bills, or thaws it.
    SetFrozen {
        /// Desktop.
        desktop: String,
        /// Whether it is frozen.
        frozen: bool,
    },
    /// Sets a tag, or removes it.
    SetDesktopTag {
        /// Desktop.
        desktop: String,
        /// Key.
        key: String,
        /// Value.
        value: Option<String>,
    },
    /// Removes a desktop.
    DeleteDesktop {
        /// Desktop.
        desktop: String,
    },
    /// Adds a running desktop.
    AddDesktop {
        /// Project.
        project: String,
        /// Name; not checked.
        name: String,
        /// Pool it is in.
        #[serde(default)]
        pool: Option<String>,
    },
    /// Adds a user.
    AddUser {
        /// Project.
        project: String,
        /// Name.
        name: String,
    },
    /// Removes a user, also one with a desktop.
    DeleteUser {
        /// User.
        user: String,
    },
    /// Locks a user out, or lets it in again.
    SetUserLocked {
        /// User.
        user: String,
        /// Whether it is locked.
        locked: bool,
    },
    /// Adds a private image.
    AddImage {
        /// Project.
        project: String,
        /// Name.
        name: String,
    },
    /// Lets every desktop that is made from an image end in a fault, or no more.
    SetImageBroken {
        /// Image.
        image: String,
        /// Whether it is broken.
        broken: bool,
    },
    /// Removes an image.
    DeleteImage {
        /// Image.
        image: String,
    },
    /// Sets one leaf of a group's policies.
    SetPolicy {
        /// Policy group.
        group: String,
        /// The leaf, e.g. `/watermark/watermark_enable`.
        leaf: String,
        /// Value; not checked.
        value: Value,
    },
    /// Takes everything out of what a group applies to.
    ClearTargets {
        /// Policy group.
        group: String,
    },
    /// Removes a policy group.
    DeletePolicyGroup {
        /// Policy group.
        group: String,
    },
    /// Renames a pool.
    RenamePool {
        /// Pool.
        pool: String,
        /// New name; not checked.
        name: String,
    },
    /// Sets a pool's status to any text, or lets it follow from its desktops again.
    SetPoolStatus {
        /// Pool.
        pool: String,
        /// Status.
        status: Option<String>,
    },
    /// Switches a pool's growth on or off.
    SetPoolAutoscale {
        /// Pool.
        pool: String,
        /// Whether it grows by itself.
        enabled: bool,
        /// How, as on the wire.
        policy: Value,
    },
    /// Takes everybody off a pool.
    ClearMembers {
        /// Pool.
        pool: String,
    },
    /// Removes a pool with everything in it.
    DeletePool {
        /// Pool.
        pool: String,
    },
    /// Makes what is unfinished of a job fail; the desktops it was making are broken.
    FailJob {
        /// Job id.
        job: String,
        /// Error code.
        code: String,
        /// Reason.
        reason: String,
    },
}

fn absent(what: &str, named: &str) -> EditError {
    EditError::NotFound(format!("{what} {named}"))
}

/// Makes an edit; returns the id of the object it concerned, or made.
pub(crate) fn apply(world: &mut World, edit: HuaweiEdit) -> Result<String> {
    use HuaweiEdit as E;
    let now = world.now();
    match edit {
        E::ExpireTokens { account } => {
            for token in world
                .huawei
                .tokens
                .values_mut()
                .filter(|token| token.account == account)
            {
                token.until = 0;
            }
            Ok(account)
        }
        E::AddProject {
            account,
            project,
            region,
        } => {
            let added = Project::new(&project, &account, &region);
            world.huawei.projects.insert(project.clone(), added);
            Ok(project)
        }
        E::SetTenantStatus { project, status } => {
            project_mut(world, &project)?.status = status;
            Ok(project)
        }
        E::SetQuota {
            project,
            resource,
            limit,
        } => {
            project_mut(world, &project)?.quotas.insert(resource, limit);
            Ok(project)
        }
        E::SetStock { product, in_stock } => {
            if in_stock {
                world.huawei.sold_out.remove(&product);
            } else {
                world.huawei.sold_out.insert(product.clone());
            }
            Ok(product)
        }
        E::FailJob { job, code, reason } => fail(world, &job, &code, &reason, now),
        E::AddUser { .. } | E::DeleteUser { .. } | E::SetUserLocked { .. } => edit_user(world, edit),
        E::AddImage { .. } | E::SetImageBroken { .. } | E::DeleteImage { .. } => edit_image(world, edit),
        E::SetPolicy { .. } | E::ClearTargets { .. } | E::DeletePolicyGroup { .. } => edit_group(world, edit),
        E::RenamePool { .. }
        | E::SetPoolStatus { .. }
        | E::SetPoolAutoscale { .. }
        | E::ClearMembers { .. }
        | E::DeletePool { .. } => edit_pool(world, edit),
        edit => edit_desktop(world, edit),
    }
}

fn project_mut<'w>(world: &'w mut World, id: &str) -> Result<&'w mut Project> {
    world.huawei.projects.get_mut(id).ok_or_else(|| absent("project", id))
}

fn fail(world: &mut World, id: &str, code: &str, reason: &str, now: u64) -> Result<String> {
    let job = world.huawei.jobs.get_mut(id).ok_or_else(|| absent("job", id))?;
    let mut broken = Vec::new();
    for part in job.parts.iter_mut().filter(|part| part.ended.is_none()) {
        "FAILED".clone_into(&mut part.state);
        part.failure = Some((code.to_owned(), reason.to_owned()));
        part.ended = Some(now);
        part.birth = None;
        broken.extend(
            part.desktop
                .clone()
                .map(|desktop| (desktop, matches!(part.effect, Effect::Ready))),
        );
    }
    for (desktop, making) in broken {
        if let Some(desktop) = world.huawei.desktops.get_mut(&desktop) {
            desktop.steps.clear();
            desktop.take(if making { "ERROR" } else { "" }, "", "");
            if desktop.attach_state == "ATTACHING" {
                "ATTACHFAIL".clone_into(&mut desktop.attach_state);
            }
        }
    }
    Ok(id.to_owned())
}

fn edit_user(world: &mut World, edit: HuaweiEdit) -> Result<String> {
    use HuaweiEdit as E;
    let now = world.now();
    let named = match &edit {
        E::AddUser { project, name } => {
            let account = project_mut(world, project)?.account.clone();
            let number = world.serial();
            let user = User {
                id: format!("8a2c3f9579d240820179d51e{number:08x}"),
                account,
                project: project.clone(),
                name: name.clone(),
                email: format!("{name}@office.example"),
                description: String::new(),
                active_type: "USER_ACTIVATE".to_owned(),
                locked: false,
                disabled: false,
                number,
                visible_from: 0,
            };
            return Ok(super::user::add(world, user, false));
        }
        E::DeleteUser { user } | E::SetUserLocked { user, .. } => user.clone(),
        _ => return Err(EditError::Invalid("not an edit of a user".to_owned())),
    };
    let found = world.huawei.user(&named).map(|user| user.id.clone());
    let id = found.ok_or_else(|| absent("user", &named))?;
    match (world.huawei.users.get_mut(&id), edit) {
        (Some(user), E::SetUserLocked { locked, .. }) => user.locked = locked,
        _ => time::remove(world, &id, now),
    }
    Ok(id)
}

fn edit_image(world: &mut World, edit: HuaweiEdit) -> Result<String> {
    use HuaweiEdit as E;
    let now = world.now();
    match edit {
        E::AddImage { project, name } => {
            let account = project_mut(world, &project)?.account.clone();
            let source = world
                .huawei
                .images
                .values()
                .find(|image| image.project.is_none())
                .cloned();
            let mut image = source.ok_or_else(|| absent("image", "of the vendor's own"))?;
            image.account = account;
            image.project = Some(project);
            image.name = name;
            image.created = world.clock.date(now);
            Ok(image::insert(world, image, None))
        }
        E::SetImageBroken { image, broken } => {
            let found = world.huawei.image(&image).map(|image| image.id.clone());
            let id = found.ok_or_else(|| absent("image", &image))?;
            if broken {
                world.huawei.broken_images.insert(id.clone());
            } else {
                world.huawei.broken_images.remove(&id);
            }
            Ok(id)
        }
        E::DeleteImage { image } => {
            let found = world.huawei.image(&image).map(|image| image.id.clone());
            let id = found.ok_or_else(|| absent("image", &image))?;
            time::remove(world, &id, now);
            Ok(id)
        }
        _ => Err(EditError::Invalid("not an edit of an image".to_owned())),
    }
}

fn edit_group(world: &mut World, edit: HuaweiEdit) -> Result<String> {
    use HuaweiEdit as E;
    let (E::SetPolicy { group: named, .. } | E::ClearTargets { group: named } | E::DeletePolicyGroup { group: named }) =
        &edit
    else {
        return Err(EditError::Invalid("not an edit of a policy group".to_owned()));
    };
    let found = world.huawei.policy_group(named).map(|group| group.id.clone());
    let id = found.ok_or_else(|| absent("policy group", named))?;
    let now = world.now();
    match (world.huawei.policy_groups.get_mut(&id), edit) {
        (Some(group), E::SetPolicy { leaf, value, .. }) => {
            let known = group
                .policies
                .pointer_mut(&leaf)
                .ok_or_else(|| absent("policy", &leaf))?;
            *known = value;
        }
        (Some(group), E::ClearTargets { .. }) => group.targets.clear(),
        _ => time::remove(world, &id, now),
    }
    Ok(id)
}

fn edit_pool(world: &mut World, edit: HuaweiEdit) -> Result<String> {
    use HuaweiEdit as E;
    let (E::RenamePool { pool: named, .. }
    | E::SetPoolStatus { pool: named, .. }
    | E::SetPoolAutoscale { pool: named, .. }
    | E::ClearMembers { pool: named }
    | E::DeletePool { pool: named }) = &edit
    else {
        return Err(EditError::Invalid("not an edit of a pool".to_owned()));
    };
    let found = world.huawei.pool(named).map(|pool| pool.id.clone());
    let id = found.ok_or_else(|| absent("pool", named))?;
    let now = world.now();
    match (world.huawei.pools.get_mut(&id), edit) {
        (Some(pool), E::RenamePool { name, .. }) => pool.name = name,
        (Some(pool), E::SetPoolStatus { status, .. }) => pool.status = status,
        (Some(pool), E::SetPoolAutoscale { enabled, policy, .. }) => {
            pool.autoscale = enabled;
            pool.autoscale_policy = policy;
            world.wake_at(now);
        }
        (Some(pool), E::ClearMembers { .. }) => pool.members.clear(),
        _ => {
            let inside: Vec<String> = world
                .huawei
                .desktops_of(&id)
                .map(|desktop| desktop.id.clone())
                .collect();
            for gone in inside.iter().chain([&id]) {
                time::remove(world, gone, now);
            }
        }
    }
    Ok(id)
}

fn edit_desktop(world: &mut World, edit: HuaweiEdit) -> Result<String> {
    use HuaweiEdit as E;
    let named = match &edit {
        E::AddDesktop { project, name, pool } => return add_desktop(world, project, name, pool.as_deref()),
        E::SetDesktopState { desktop, .. }
        | E::RenameDesktop { desktop, .. }
        | E::SetDesktopUser { desktop, .. }
        | E::SetFrozen { desktop, .. }
        | E::SetDesktopTag { desktop, .. }
        | E::DeleteDesktop { desktop } => desktop.clone(),
        _ => return Err(EditError::Invalid("not an edit of a desktop".to_owned())),
    };
    let found = world.huawei.desktop(&named).map(|desktop| desktop.id.clone());
    let id = found.ok_or_else(|| absent("desktop", &named))?;
    let now = world.now();
    let Some(desktop) = world.huawei.desktops.get_mut(&id) else {
        return Err(absent("desktop", &named));
    };
    match edit {
        E::SetDesktopState {
            status, task, login, ..
        } => {
            desktop.take(&status, &task, &login);
            desktop.steps.clear();
        }
        E::RenameDesktop { name, .. } => desktop.computer_name = name,
        E::SetDesktopUser { user, .. } => {
            let attached = if user.is_some() { "ATTACHED" } else { "UNATTACH" };
            attached.clone_into(&mut desktop.attach_state);
            desktop.user = user;
        }
        E::SetFrozen { frozen, .. } => desktop.frozen = frozen,
        E::SetDesktopTag { key, value, .. } => match value {
            Some(value) => {
                desktop.tags.insert(key, value);
            }
            None => {
                desktop.tags.remove(&key);
            }
        },
        _ => time::remove(world, &id, now),
    }
    Ok(id)
}

fn add_desktop(world: &mut World, project: &str, name: &str, pool: Option<&str>) -> Result<String> {
    let owner = project_mut(world, project)?.clone();
    let pool = match pool {
        None => None,
        Some(named) => {
            let found = world.huawei.pool(named).map(|pool| pool.id.clone());
            Some(found.ok_or_else(|| absent("pool", named))?)
        }
    };
    // Made as the pool makes them, or as anybody would.
    let like = pool.as_ref().and_then(|id| world.huawei.pools.get(id)).cloned();
    let image = world
        .huawei
        .images
        .values()
        .find(|image| {
            like.as_ref()
                .map_or(image.project.is_none(), |pool| pool.image_id == image.id)
        })
        .cloned();
    let image = image.ok_or_else(|| absent("image", "of the vendor's own"))?;
    let product = like.map_or("workspace.x86.ultimate.large2".to_owned(), |pool| pool.product_id);
    let product = catalog::find(&product).ok_or_else(|| absent("product", &product))?;
    let disk = super::model::Volume {
        id: String::new(),
        kind: "SAS".to_owned(),
        size: 80,
    };
    let common = desktop::Common {
        pool,
        product,
        image_id: image.id,
        image_name: image.name,
        root_volume: disk,
        data_volumes: Vec::new(),
        subnet_id: owner.subnets.first().cloned().unwrap_or_default(),
        availability_zone: catalog::DEFAULT_ZONE.to_owned(),
        tags: std::collections::BTreeMap::new(),
    };
    let mut desktop = common.desktop(world, (&owner.account, project), name, None);
    desktop.take("ACTIVE", "", "REGISTERED");
    let id = desktop.id.clone();
    time::insert(world, desktop, None);
    Ok(id)
}
