//! Pools.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::Huawei;
use super::client::Ask;
use super::errors::says_gone;
use super::map::Product;
use super::paging::Row;
use crate::backend::decode::{Fields, Odd};
use crate::backend::pool::{
    Autoscale, AutoscaleType, Disk, ObservedPool, PoolBackend, PoolChange, PoolMember, PoolPower, PoolScope, PoolSpec,
    PoolState, PoolUpdate,
};
use crate::backend::{BackendError, ErrorClass, ObservedDesktop, Receipt, Result};

type Read<T> = std::result::Result<T, Odd>;

/// The call that shows a pool.
const SHOW: &str = "ShowDesktopPoolDetail";

fn disk(fields: Fields<'_>) -> Read<Disk> {
    Ok(Disk {
        id: fields.id("id")?,
        category: fields.text("type")?,
        size_gib: fields.int("size")?,
    })
}

/// How it grows by itself: only where that is switched on, for what is left behind afterwards means nothing.
fn autoscale(fields: Fields<'_>) -> Read<Option<Autoscale>> {
    if fields.flag("enable_autoscale")? != Some(true) {
        return Ok(None);
    }
    let Some(policy) = fields.object("autoscale_policy")? else {
        return Ok(Some(Autoscale::default()));
    };
    Ok(Some(Autoscale {
        kind: match policy.text("autoscale_type")?.as_deref() {
            Some("AUTO_CREATED") => Some(AutoscaleType::AutoCreated),
            Some("ACCESS_CREATED") => Some(AutoscaleType::AccessCreated),
            _ => None,
        },
        max_created: policy.int("max_auto_created")?,
        min_idle: policy.int("min_idle")?,
        step: policy.int("once_auto_created")?,
    }))
}

impl Row for ObservedPool {
    const ROWS: &'static str = "desktop_pools";
    const OWN: &'static [&'static str] = &["id"];

    fn read(fields: Fields<'_>) -> Read<Self> {
        let vendor_state = fields.text("status")?.unwrap_or_default();
        let state = match vendor_state.as_str() {
            "STEADY" => PoolState::Steady,
            "TEMPORARY" => PoolState::Changing,
            "EXIST_FROZEN" => PoolState::Suspended,
            "ERROR" => PoolState::Failed,
            _ => PoolState::Unknown,
        };
        let product = fields.object("product")?.map(Product::read).transpose()?;
        let disks: Read<Vec<Disk>> = fields
            .rows("data_volumes", &["id"])?
            .unwrap_or_default()
            .into_iter()
            .map(disk)
            .collect();
        let mut groups = Vec::new();
        for group in fields.rows("security_groups", &["id"])?.unwrap_or_default() {
            groups.extend(group.id("id")?);
        }
        let mut subnet_ids = fields.texts("subnet_ids")?;
        if subnet_ids.is_empty() {
            // The older field, which knows only one.
            subnet_ids.extend(fields.id("subnet_id")?);
        }
        Ok(Self {
            id: fields.id("id")?.ok_or(Odd::missing("id"))?,
            name: fields.text("name")?,
            dynamic: match fields.text("type")?.as_deref() {
                Some("DYNAMIC") => Some(true),
                Some("STATIC") => Some(false),
                _ => None,
            },
            description: fields.text("description")?,
            created: fields.time("created_time")?,
            prepaid: match fields.text("charging_mode")?.as_deref() {
                Some("0") => Some(true),
                Some("1") => Some(false),
                _ => None,
            },
            desktops: fields.int("desktop_count")?,
            assigned: fields.int("desktop_used")?,
            zone_id: fields.text("availability_zone")?,
            subnet_ids,
            vpc_id: fields.id("vpc_id")?,
            flavor: product.as_ref().map(|product| product.flavor.id.clone()),
            cpus: product.as_ref().and_then(|product| product.flavor.cpus),
            memory_gib: product.as_ref().and_then(|product| product.flavor.memory_gib),
            flavor_state: product.map(|product| product.status),
            image_id: fields.id("image_id")?,
            image_name: fields.text("image_name")?,
            image_os: [
                fields.text("image_os_type")?,
                fields.text("image_os_version")?,
                fields.text("image_os_platform")?,
            ],
            image_product_code: fields.text("image_product_code")?,
            system_disk: fields.object("root_volume")?.map(disk).transpose()?,
            data_disks: disks?,
            security_groups: groups,
            retention_minutes: fields.int("disconnected_retention_period")?,
            autoscale: autoscale(fields)?,
            vendor_state,
            state,
            enterprise_project_id: fields.text("enterprise_project_id")?,
            maintenance: fields.flag("in_maintenance_mode")?,
            name_policy_id: fields.text("desktop_name_policy_id")?,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// A desktop in the listing of a pool.
struct Inside(ObservedDesktop);

impl Row for Inside {
    const ROWS: &'static str = "pool_desktops";
    const OWN: &'static [&'static str] = ObservedDesktop::OWN;

    fn read(fields: Fields<'_>) -> Read<Self> {
        ObservedDesktop::read(fields).map(Self)
    }

    fn id(&self) -> &str {
        &self.0.id
    }
}

impl Row for PoolMember {
    const ROWS: &'static str = "objects";
    const OWN: &'static [&'static str] = &["object_id"];

    fn read(fields: Fields<'_>) -> Read<Self> {
        Ok(Self {
            id: fields.id("object_id")?.ok_or(Odd::missing("object_id"))?,
            name: fields.text("object_name")?.unwrap_or_default(),
            group: fields.text("object_type")?.as_deref() == Some("USER_GROUP"),
            privilege: fields.text("user_group")?.unwrap_or_default(),
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// One that does not exist is answered as a bad request, with the code of every bad request; a read has nothing else
/// that could be bad.
fn is_absent(error: &BackendError) -> bool {
    says_gone(error) || (error.class == ErrorClass::Invalid && error.code.as_deref() == Some("WKS.0001"))
}

fn growth(autoscale: &Autoscale) -> Value {
    let mut fields = Map::new();
    if let Some(kind) = autoscale.kind {
        let word = match kind {
            AutoscaleType::AutoCreated => "AUTO_CREATED",
            AutoscaleType::AccessCreated => "ACCESS_CREATED",
        };
        fields.insert("autoscale_type".to_owned(), json!(word));
    }
    for (name, number) in [
        ("max_auto_created", autoscale.max_created),
        ("min_idle", autoscale.min_idle),
        ("once_auto_created", autoscale.step),
    ] {
        if let Some(number) = number {
            fields.insert(name.to_owned(), json!(number));
        }
    }
    Value::Object(fields)
}

fn create(spec: &PoolSpec, image_type: &str) -> Ask {
    let volume = |(category, size): &(String, i64)| json!({"type": category, "size": size});
    let mut body = json!({
        "name": spec.name,
        "type": if spec.dynamic { "DYNAMIC" } else { "STATIC" },
        "size": spec.size,
        "product_id": spec.flavor,
        "image_type": image_type,
        "image_id": spec.image_id,
        "root_volume": volume(&spec.system_disk),
        "subnet_ids": spec.subnet_ids,
        "enable_autoscale": spec.autoscale.is_some(),
    });
    if let Some(fields) = body.as_object_mut() {
        let mut put = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
        put("description", spec.description.as_ref().map(|text| json!(text)));
        put("availability_zone", spec.zone_id.as_ref().map(|zone| json!(zone)));
        put("autoscale_policy", spec.autoscale.as_ref().map(growth));
        put("disconnected_retention_period", spec.retention_minutes.map(Value::from));
        let disks: Vec<Value> = spec.data_disks.iter().map(volume).collect();
        put("data_volumes", (!disks.is_empty()).then_some(Value::Array(disks)));
        let groups: Vec<Value> = spec.security_groups.iter().map(|id| json!({"id": id})).collect();
        put("security_groups", (!groups.is_empty()).then_some(Value::Array(groups)));
    }
    Ask::post("CreateDesktopPool", &["desktop-pools"], body)
}

fn update(pool_id: &str, update: &PoolUpdate) -> Ask {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
    put("name", update.name.as_ref().map(|text| json!(text)));
    // An empty text clears the field.
    put("description", update.description.as_ref().map(|text| json!(text)));
    put(
        "disconnected_retention_period",
        update.retention_minutes.map(Value::from),
    );
    put("in_maintenance_mode", update.maintenance.map(Value::from));
    if let Some(wanted) = &update.autoscale {
        put("enable_autoscale", Some(json!(wanted.is_some())));
        put("autoscale_policy", wanted.as_ref().map(growth));
    }
    Ask::put("UpdateDesktopPool", &["desktop-pools", pool_id], Value::Object(fields))
}

fn members(pool_id: &str, action: &str, members: &[PoolMember]) -> Ask {
    let objects: Vec<Value> = members
        .iter()
        .map(|member| {
            json!({
                "object_type": if member.group { "USER_GROUP" } else { "USER" },
                "object_id": member.id,
                "object_name": member.name,
                "user_group": member.privilege,
            })
        })
        .collect();
    Ask::post(
        "CreateDesktopPoolAuthorizedObjects",
        &["desktop-pools", pool_id, "users"],
        json!({"action": action, "objects": objects}),
    )
}

/// Sent to a pool, and a job starts.
fn order(action: &'static str, pool_id: &str, verb: &str, body: Value) -> Ask {
    Ask::post(action, &["desktop-pools", pool_id, verb], body)
}

#[async_trait]
impl PoolBackend for Huawei {
    async fn list_pools(&self) -> Result<Vec<ObservedPool>> {
        self.client
            .list(&Ask::get("ListDesktopPools", &["desktop-pools"]))
            .await
    }

    async fn get_pool(&self, pool_id: &str) -> Result<Option<ObservedPool>> {
        let ask = Ask::get(SHOW, &["desktop-pools", pool_id]);
        match self.client.send(&ask, |fields, _| ObservedPool::read(fields)).await {
            Ok(pool) => Ok(Some(pool)),
            // So little a code is not believed alone: a pool that is taken for gone is let go of.
            Err(error) if is_absent(&error) => {
                let listed = self.list_pools().await?;
                if listed.iter().any(|pool| pool.id == pool_id) {
                    Err(error)
                } else {
                    Ok(None)
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn find_pool(&self, name: &str) -> Result<Option<ObservedPool>> {
        let ask = Ask::get("ListDesktopPools", &["desktop-pools"]).with("name", name);
        let found: Vec<ObservedPool> = self.client.list(&ask).await?;
        // The vendor's filter also finds longer names.
        Ok(found.into_iter().find(|pool| pool.name.as_deref() == Some(name)))
    }

    async fn list_pool_desktops(&self, pool_id: &str) -> Result<Vec<ObservedDesktop>> {
        let ask = Ask::get("ListPoolDesktopsDetail", &["desktop-pools", pool_id, "desktops"]);
        let inside: Vec<Inside> = self.client.list(&ask).await?;
        let project = self.client.project();
        Ok(inside
            .into_iter()
            .map(|Inside(desktop)| ObservedDesktop {
                cluster_id: Some(project.to_owned()),
                ..desktop
            })
            .collect())
    }

    async fn list_pool_members(&self, pool_id: &str) -> Result<Vec<PoolMember>> {
        let ask = Ask::get("ListDesktopPoolAuthorizedObjects", &["desktop-pools", pool_id, "users"]);
        self.client.list(&ask).await
    }

    async fn is_pool_busy(&self, pool_id: &str) -> Result<bool> {
        for state in ["WAITING", "RUNNING"] {
            if self.client.has_parts(pool_id, state).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn change_pool(&self, change: &PoolChange) -> Result<Receipt> {
        match change {
            PoolChange::Create(spec) => {
                let image = self.image(&spec.image_id).await?;
                let product = self.product(&spec.flavor).await?;
                self.check_quota(&product, i64::from(spec.size)).await?;
                self.start(&create(spec, &image.kind), "").await
            }
            PoolChange::Update {
                pool_id,
                update: wanted,
            } => self.do_at_once(&update(pool_id, wanted)).await,
            PoolChange::Expand { pool_id, more } => {
                let body = json!({"size": more});
                self.start(&order("ExpandDesktopPool", pool_id, "expand", body), pool_id)
                    .await
            }
            PoolChange::Rebuild {
                pool_id,
                image_id,
                scope,
            } => {
                let image = self.image(image_id).await?;
                let handle = match scope {
                    PoolScope::New => "ONLY_FOR_EXPAND",
                    PoolScope::Idle => "FOR_EXPAND_AND_IDLE",
                    PoolScope::All => "FOR_EXPAND_AND_ALL",
                };
                let body = json!({"image_id": image_id, "image_type": image.kind, "handle_type": handle});
                self.start(&order("RebuildDesktopPool", pool_id, "rebuild", body), pool_id)
                    .await
            }
            // The pool's own call takes ids, too, but a server that did not look at them would wipe every disk of the
            // pool; this one is about the desktops it names and no others.
            PoolChange::RebuildDesktops {
                pool_id,
                image_id,
                desktop_ids,
            } => {
                let image = self.image(image_id).await?;
                let body = json!({"desktop_ids": desktop_ids, "image_id": image_id, "image_type": image.kind});
                let ask = Ask::post("BatchRebuildDesktopsSystemDisk", &["desktops", "rebuild"], body);
                self.start(&ask, pool_id).await
            }
            PoolChange::Power { pool_id, power } => {
                let operation = match power {
                    PoolPower::Start => "os-start",
                    PoolPower::Stop => "os-stop",
                    PoolPower::Restart => "reboot",
                    // For single desktops the word is another one.
                    PoolPower::Hibernate => "hibernate",
                };
                let body = json!({"op_type": operation, "type": "SOFT"});
                self.start(&order("ExecuteDesktopPoolAction", pool_id, "action", body), pool_id)
                    .await
            }
            PoolChange::DeleteDesktops { pool_id, desktop_ids } => {
                let body = json!({"desktop_ids": desktop_ids, "delete_users": false, "email_notification": false});
                let ask = Ask::post("BatchDeleteDesktops", &["desktops", "batch-delete"], body);
                self.start(&ask, pool_id).await
            }
            PoolChange::AddMembers { pool_id, members: who } => self.do_at_once(&members(pool_id, "ADD", who)).await,
            PoolChange::RemoveMembers { pool_id, members: who } => {
                self.do_at_once(&members(pool_id, "REMOVE", who)).await
            }
            PoolChange::ChangeMembers { pool_id, members: who } => {
                self.do_at_once(&members(pool_id, "CHANGE_PRIVILEGE", who)).await
            }
            PoolChange::Delete { pool_id } => {
                let ask = Ask::delete("DeleteDesktopPool", &["desktop-pools", pool_id]);
                match self.do_at_once(&ask).await {
                    Err(error) if is_absent(&error) => Ok(Receipt {
                        request_id: error.request_id,
                        gone: true,
                        ..Receipt::default()
                    }),
                    result => result,
                }
            }
        }
    }
}
