//! The session policy: one policy group of ours, which applies to everything of the tenant.

use serde_json::{Map, Value, json};

use super::client::{Ask, Client};
use super::errors::says_gone;
use super::paging::Row;
use crate::backend::decode::{Fields, Odd};
use crate::backend::{BackendError, ErrorClass, PolicyValues, Receipt, Result};

/// Name of our group: digits, letters and underscores are allowed.
pub(super) const GROUP: &str = "desktop_operator";
/// Fields that can be enforced, sorted.
pub(super) const FIELDS: &[&str] = &["clipboard", "localDrive", "usbRedirection", "watermark"];
/// What every field is while there is no group of ours that applies to everything.
const NOT_APPLIED: &str = "NotApplied";
/// Type and id of the target that stands for everything.
const EVERYTHING: (&str, &str) = ("ALL", "default-apply-all-targets");
/// Its name.
const EVERYTHING_NAME: &str = "All-Targets";

/// A field: its name in the spec, the way to it on the wire, and its values in the words of both. A switch has none.
type Field = (
    &'static str,
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

const WIRE: [Field; 4] = [
    (
        "clipboard",
        &["file_and_clipboard", "clipboard_redirection"],
        &[
            ("Disabled", "DISABLED"),
            ("ClientToDesktop", "CLIENT_TO_SERVER_ENABLED"),
            ("DesktopToClient", "SERVER_TO_CLIENT_ENABLED"),
            ("Both", "TWO_WAY_ENABLED"),
        ],
    ),
    (
        "localDrive",
        &["file_and_clipboard", "file_redirection", "redirection_mode"],
        &[
            ("Disabled", "DISABLED"),
            ("ReadOnly", "READ_ONLY"),
            ("ReadWrite", "READ_AND_WRITE"),
        ],
    ),
    (
        "usbRedirection",
        &["peripherals", "usb_port_redirection", "usb_enable"],
        &[],
    ),
    ("watermark", &["watermark", "watermark_enable"], &[]),
];

/// The tree of policies for values in the words of the spec.
pub(super) fn tree(values: &PolicyValues) -> Result<Value> {
    let invalid = |field: &str| {
        let message = format!("the policy's {field} has no value this vendor knows");
        BackendError::new(ErrorClass::Invalid, "SetPolicy", &message)
    };
    let mut tree = Map::new();
    for (name, way, words) in WIRE {
        let Some(wanted) = values.get(name) else {
            return Err(invalid(name));
        };
        let leaf = match words {
            [] => json!(wanted.parse::<bool>().map_err(|_| invalid(name))?),
            words => {
                let known = words.iter().find(|(ours, _)| *ours == wanted);
                json!(known.ok_or_else(|| invalid(name))?.1)
            }
        };
        plant(&mut tree, way, leaf);
    }
    Ok(Value::Object(tree))
}

fn plant(tree: &mut Map<String, Value>, way: &[&str], leaf: Value) {
    match way {
        [] => {}
        [last] => {
            tree.insert((*last).to_owned(), leaf);
        }
        [first, rest @ ..] => {
            let branch = tree.entry(*first).or_insert_with(|| json!({}));
            if let Some(branch) = branch.as_object_mut() {
                plant(branch, rest, leaf);
            }
        }
    }
}

/// A policy group in the listing.
pub(super) struct Group {
    id: String,
    name: Option<String>,
}

impl Row for Group {
    const ROWS: &'static str = "policy_groups";
    const OWN: &'static [&'static str] = &["policy_group_id"];

    fn read(fields: Fields<'_>) -> std::result::Result<Self, Odd> {
        Ok(Self {
            id: fields.id("policy_group_id")?.ok_or(Odd::missing("policy_group_id"))?,
            name: fields.text("policy_group_name")?,
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// What a group enforces, and whether on everything.
#[derive(Debug)]
pub(super) struct InForce {
    values: PolicyValues,
    everywhere: bool,
}

/// Reads a group. A value without a word of ours stays as the vendor has it, so that it is seen to differ; one that is
/// not reported is left out, and counts as not enforced.
pub(super) fn in_force(fields: Fields<'_>) -> std::result::Result<InForce, Odd> {
    let group = fields.object("policy_group")?.ok_or(Odd::missing("policy_group"))?;
    let policies = group.object("policies")?;
    let mut values = Vec::with_capacity(WIRE.len());
    for (name, way, words) in WIRE {
        let Some(value) = leaf(policies, way)? else {
            continue;
        };
        let known = words.iter().find(|(_, theirs)| *theirs == value);
        values.push((name, known.map_or(value, |(ours, _)| (*ours).to_owned())));
    }
    let mut everywhere = false;
    for target in group.rows("targets", &["target_id"])?.unwrap_or_default() {
        let (kind, id) = (target.text("target_type")?, target.text("target_id")?);
        everywhere |= (kind.as_deref(), id.as_deref()) == (Some(EVERYTHING.0), Some(EVERYTHING.1));
    }
    Ok(InForce {
        values: PolicyValues(values),
        everywhere,
    })
}

fn leaf(tree: Option<Fields<'_>>, way: &[&'static str]) -> std::result::Result<Option<String>, Odd> {
    let (Some(tree), [first, rest @ ..]) = (tree, way) else {
        return Ok(None);
    };
    if rest.is_empty() {
        return tree.text(first);
    }
    leaf(tree.object(first)?, rest)
}

impl Client {
    /// The id of our group, found by its name: the vendor's filter also finds longer ones.
    async fn group(&self) -> Result<Option<String>> {
        let ask = Ask::get("ListPolicyGroup", &["policy-groups"]).with("policy_group_name", GROUP);
        let found: Vec<Group> = self.list(&ask).await?;
        let ours = found.into_iter().find(|group| group.name.as_deref() == Some(GROUP));
        Ok(ours.map(|group| group.id))
    }

    async fn group_in_force(&self, id: &str) -> Result<Option<InForce>> {
        let ask = Ask::get("ListPolicyDetailInfoById", &["policy-groups", id]);
        match self.send(&ask, |fields, _| in_force(fields)).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if says_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is enforced on every desktop.
    pub(super) async fn policy(&self) -> Result<PolicyValues> {
        let found = match self.group().await? {
            Some(id) => self.group_in_force(&id).await?,
            None => None,
        };
        Ok(match found {
            Some(found) if found.everywhere => found.values,
            _ => PolicyValues(FIELDS.iter().map(|field| (*field, NOT_APPLIED.to_owned())).collect()),
        })
    }

    /// Makes the group, or what is not as it should be of it. Each step may be repeated.
    pub(super) async fn set_policy(&self, values: &PolicyValues) -> Result<Receipt> {
        let tree = tree(values)?;
        let everything = json!({
            "target_type": EVERYTHING.0,
            "target_id": EVERYTHING.1,
            "target_name": EVERYTHING_NAME,
        });
        let found = match self.group().await? {
            Some(id) => self.group_in_force(&id).await?.map(|group| (id, group)),
            None => None,
        };
        let receipt = |_: Fields<'_>, request_id: Option<&str>| {
            Ok(Receipt {
                request_id: request_id.map(str::to_owned),
                ..Receipt::default()
            })
        };
        let Some((id, group)) = found else {
            let group = json!({
                "policy_group_name": GROUP,
                "priority": 1,
                "description": "Made and kept by desktop-operator.",
                "policies": tree,
                "targets": [everything],
            });
            let ask = Ask::post("CreatePolicyGroup", &["policy-groups"], json!({"policy_group": group}));
            return self
                .send(&ask, |fields, request_id| {
                    fields.id("id")?.ok_or(Odd::missing("id"))?;
                    receipt(fields, request_id)
                })
                .await;
        };
        let put = |action, part: &'static str, body| Ask::put(action, &["policy-groups", id.as_str(), part], body);
        if !group.everywhere {
            let body = json!({"add": [everything], "delete": []});
            let ask = put("BatchUpdateTargetOfPolicyGroup", "targets", body);
            self.send(&ask, receipt).await?;
        }
        let ask = put("UpdatePoliciesOfPolicyGroup", "policies", json!({"policies": tree}));
        self.send(&ask, receipt).await
    }
}
