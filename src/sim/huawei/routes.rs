//! Which method and path is which operation, by the names of the vendor's published client.

use http::Method;

use super::params::Result;
use super::{catalog, desktop, iam, image, job, policy, pool, pool_life, tags, user, work};
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// Carries out one operation.
pub(super) type Action = fn(&mut World, &Call) -> Result<Done>;

/// An operation: method, path below the project, name, what it does.
type Route = (&'static str, &'static str, &'static str, Action);

/// The token call, which has no project in its path.
pub(super) const TOKEN: (&str, Action) = ("KeystoneCreateUserTokenByPassword", iam::create_token);

/// Every operation; where several paths fit, the first one counts.
const ROUTES: &[Route] = &[
    ("GET", "workspaces", "ListWorkspaces", catalog::list_workspaces),
    ("GET", "products", "ListProducts", catalog::list_products),
    ("GET", "availability-zones", "ListAvailabilityZones", |world, _| {
        Ok(catalog::list_zones(world))
    }),
    ("GET", "quotas", "ShowQuotas", catalog::show_quotas),
    ("GET", "images", "ListImages", image::list),
    ("GET", "users", "ListUsers", user::list),
    ("POST", "users", "CreateDesktopUser", user::create),
    ("POST", "users/batch-create", "BatchCreateUsers", user::batch_create),
    ("POST", "users/batch-delete", "BatchDeleteUser", user::batch_delete),
    ("GET", "users/{user_id}", "ListUserDetail", user::show),
    ("PUT", "users/{user_id}", "UpdateUserInfo", user::update),
    ("DELETE", "users/{user_id}", "DeleteUser", user::delete),
    ("GET", "workspace-jobs/{job_id}", "ShowJob", job::show),
    ("GET", "workspace-sub-jobs", "ListItaSubJobs", job::list),
    ("GET", "desktops", "ListDesktops", desktop::list),
    ("GET", "desktops/detail", "ListDesktopsDetail", desktop::list_detail),
    ("POST", "desktops", "CreateDesktop", desktop::create),
    (
        "POST",
        "desktops/batch-delete",
        "BatchDeleteDesktops",
        desktop::batch_delete,
    ),
    ("POST", "desktops/action", "BatchRunDesktops", work::power),
    ("POST", "desktops/attach", "AttachInstances", work::attach),
    ("POST", "desktops/detach", "DetachInstances", work::detach),
    (
        "POST",
        "desktops/rebuild",
        "BatchRebuildDesktopsSystemDisk",
        work::rebuild,
    ),
    ("POST", "desktops/resize", "ResizeDesktop", work::resize),
    (
        "POST",
        "desktops/desktop-to-image",
        "ChangeDesktopToImage",
        image::create,
    ),
    ("GET", "desktops/{desktop_id}", "ShowDesktopDetail", desktop::show),
    ("PUT", "desktops/{desktop_id}", "UpdateDesktop", desktop::rename),
    ("DELETE", "desktops/{desktop_id}", "DeleteDesktop", desktop::delete),
    ("GET", "desktops/{desktop_id}/tags", "ShowTagByDesktopId", tags::show),
    ("POST", "desktops/{desktop_id}/tags", "CreateTag", tags::create),
    (
        "POST",
        "desktops/{desktop_id}/tags/action",
        "BatchChangeTags",
        tags::change,
    ),
    ("DELETE", "desktops/{desktop_id}/tags/{key}", "DeleteTag", tags::delete),
    ("GET", "policy-groups", "ListPolicyGroup", policy::list),
    ("POST", "policy-groups", "CreatePolicyGroup", policy::create),
    (
        "GET",
        "policy-groups/detail",
        "ListPolicyGroupInfo",
        policy::list_detail,
    ),
    (
        "GET",
        "policy-groups/{policy_group_id}",
        "ListPolicyDetailInfoById",
        policy::show,
    ),
    (
        "PUT",
        "policy-groups/{policy_group_id}",
        "UpdatePolicyGroup",
        policy::update,
    ),
    (
        "DELETE",
        "policy-groups/{policy_group_id}",
        "DeletePolicyGroup",
        policy::delete,
    ),
    (
        "GET",
        "policy-groups/{policy_group_id}/policies",
        "ListPoliciesOfPolicyGroup",
        policy::show_policies,
    ),
    (
        "PUT",
        "policy-groups/{policy_group_id}/policies",
        "UpdatePoliciesOfPolicyGroup",
        policy::set_policies,
    ),
    (
        "GET",
        "policy-groups/{policy_group_id}/targets",
        "ListTargetOfPolicyGroup",
        policy::list_targets,
    ),
    (
        "PUT",
        "policy-groups/{policy_group_id}/targets",
        "BatchUpdateTargetOfPolicyGroup",
        policy::set_targets,
    ),
    ("GET", "desktop-pools", "ListDesktopPools", pool::list),
    ("POST", "desktop-pools", "CreateDesktopPool", pool_life::create),
    ("GET", "desktop-pools/{pool_id}", "ShowDesktopPoolDetail", pool::show),
    ("PUT", "desktop-pools/{pool_id}", "UpdateDesktopPool", pool::update),
    (
        "DELETE",
        "desktop-pools/{pool_id}",
        "DeleteDesktopPool",
        pool_life::delete,
    ),
    (
        "POST",
        "desktop-pools/{pool_id}/expand",
        "ExpandDesktopPool",
        pool_life::expand,
    ),
    (
        "POST",
        "desktop-pools/{pool_id}/rebuild",
        "RebuildDesktopPool",
        pool_life::rebuild,
    ),
    (
        "POST",
        "desktop-pools/{pool_id}/resize",
        "ResizeDesktopPool",
        pool_life::resize,
    ),
    (
        "POST",
        "desktop-pools/{pool_id}/action",
        "ExecuteDesktopPoolAction",
        pool_life::act,
    ),
    (
        "GET",
        "desktop-pools/{pool_id}/users",
        "ListDesktopPoolAuthorizedObjects",
        pool::list_members,
    ),
    (
        "POST",
        "desktop-pools/{pool_id}/users",
        "CreateDesktopPoolAuthorizedObjects",
        pool::change_members,
    ),
    (
        "GET",
        "desktop-pools/{pool_id}/desktops",
        "ListPoolDesktopsDetail",
        pool::list_desktops,
    ),
];

/// The parameters of a path, when it fits a pattern.
fn fit(pattern: &'static str, path: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut params = Vec::new();
    let mut rest = path.iter();
    for part in pattern.split('/') {
        let segment = rest.next().filter(|segment| !segment.is_empty())?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => params.push((name, segment.clone())),
            None if part == segment => {}
            None => return None,
        }
    }
    rest.next().is_none().then_some(params)
}

/// Name and path parameters of the operation at a path below the project.
pub(super) fn find(method: &Method, path: &[String]) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    ROUTES
        .iter()
        .filter(|(verb, ..)| method == verb)
        .find_map(|(_, pattern, name, _)| Some((*name, fit(pattern, path)?)))
}

/// The names of all operations, the token call among them.
pub fn operations() -> impl Iterator<Item = &'static str> {
    let of_workspace = ROUTES.iter().map(|(_, _, name, _)| *name);
    of_workspace.chain([TOKEN.0])
}

/// What an operation does.
pub(super) fn action(name: &str) -> Option<Action> {
    ROUTES
        .iter()
        .find(|(_, _, known, _)| *known == name)
        .map(|(.., action)| *action)
}
