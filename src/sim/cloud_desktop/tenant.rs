//! The tenant of an account: its configuration and the users of its directory.

use serde_json::{Value, json};

use super::model::User;
use crate::sim::ledger::Kind;
use crate::sim::rpc::invalid;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

pub(super) fn describe_owner(world: &mut World, call: &Call) -> Done {
    let owner = &world.cloud_desktop.tenant(&call.account).owner;
    let body = json!({
        "AdType": owner.ad_type,
        "Status": owner.status,
        "DomainName": owner.domain_name,
        "AdAdminName": "administrator",
        "AdIp": "192.0.2.10",
        "AdBackupIp": "192.0.2.11",
        "DnsIp": "192.0.2.10",
        "DnsBackupIp": "192.0.2.11",
        "AdOU": "OU=desktops",
        "AdGroup": "desktop-users",
        "AdTrustDomain": "",
        "OwnerSecurityGroupId": owner.security_group_id,
        "OwnerVpcId": owner.vpc_id,
        "CmUrl": format!("https://cm.{}", owner.domain_name),
        "CompanyCode": owner.company_code,
    });
    Done::read(body.as_object().cloned().unwrap_or_default())
}

fn row(user: &User) -> Value {
    json!({"Name": user.name, "Email": user.email})
}

pub(super) fn describe_users(world: &mut World, call: &Call) -> Done {
    let part = call.optional("UserName").unwrap_or_default().to_lowercase();
    let users: Vec<Value> = world
        .cloud_desktop
        .tenant(&call.account)
        .users
        .values()
        .filter(|user| user.name.to_lowercase().contains(&part))
        .map(row)
        .collect();
    Done::default().field("Users", users)
}

/// An error as only this call has them: the code is a sentence and the status says that all is well.
fn failed(sentence: &str) -> ApiError {
    ApiError::new(200, sentence, sentence)
}

pub(super) fn create_user(world: &mut World, call: &Call) -> Result<Done> {
    let name = call.required("UserName")?.to_owned();
    if name.chars().count() > 16 {
        return Err(invalid("UserName", "want at most 16 characters"));
    }
    let email = call.required("Email")?.to_owned();
    if !email.contains('@') {
        return Err(invalid("Email", "want an address"));
    }
    let tenant = world.cloud_desktop.tenant(&call.account);
    if tenant.owner.domain_name.is_empty() {
        return Err(failed("Domain name must be set!"));
    }
    if !tenant.directory_up {
        return Err(failed("AD access failed！"));
    }
    if tenant.user(&name).is_some() || tenant.unmakeable.contains(&name) {
        return Err(failed(&format!("Create user #{name}# failed!")));
    }
    let user = User {
        name: name.clone(),
        email,
    };
    let mut done = Done::wrote(&name).field("UserInfo", row(&user));
    tenant.users.insert(name.clone(), user);
    world.born(Kind::User, &name, &call.account, true);
    done.made = Some((Kind::User, name));
    Ok(done)
}
