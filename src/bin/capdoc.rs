//! Writes the table of what each vendor can do: `capdoc FILE` into a file, `capdoc` alone to standard output.

use std::fmt::Write as _;
use std::io::Write as _;

use desktop_operator::backend::Capabilities;
use desktop_operator::backend::capabilities::{
    ClusterOrigin, CreateIdentity, ImageChange, Naming, Payment, Rename, SystemDiskChoice, Users,
};
use desktop_operator::backend::connect::capabilities;

const HEAD: &str = "\
# What each vendor can do

<!-- Written by `make generate` from the capabilities in src/backend. Changes made here are lost. -->

The operator asks this table before it calls anybody. A manifest that asks for what a vendor cannot do is `Stalled` with
`Unsupported`, and the message names the field; nothing is sent. What the words mean is below the tables.
";

const WORDS: &str = "
## What the words mean

- **created**: clusters are made and deleted like desktops. **network**: a cluster is a network of the site; the default
  one can be made, others are found, and none is ever deleted. **tenant**: the account has exactly one, set up in the
  vendor's console; it is found and never deleted.
- **mark**: what was created is found again by the UID of its object, in its name or its tags. **token**: the call is
  sent again with the same token, and the vendor answers again instead of creating again.
- **display name and UID**: `<display name>-dsk<32 hex digits>`. **15 characters of the UID**: `dsk<12 hex digits>`, and
  the whole UID in a tag. **the vendor's**: nothing of ours is in the name.
- **by restarting it**: only with `huaweiWorkspace.renameByRestart: true`.
- **while stopped**: the operator stops the desktop before.
";

fn main() -> anyhow::Result<()> {
    let text = table()?;
    match std::env::args_os().nth(1) {
        Some(path) => std::fs::write(path, text)?,
        None => std::io::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(())
}

fn table() -> anyhow::Result<String> {
    let vendors = capabilities();
    let columns: Vec<Vec<Section>> = vendors.iter().map(|(_, can)| sections(can)).collect();
    let first = columns.first().ok_or_else(|| anyhow::anyhow!("there is no vendor"))?;
    let mut out = HEAD.to_owned();
    for (s, section) in first.iter().enumerate() {
        let names: Vec<&str> = vendors.iter().map(|(name, _)| *name).collect();
        writeln!(out, "\n## {}\n\n| | {} |", section.title, names.join(" | "))?;
        writeln!(out, "|---|{}", "---|".repeat(names.len()))?;
        for (r, (what, _)) in section.rows.iter().enumerate() {
            let cells = columns
                .iter()
                .filter_map(|column| Some(column.get(s)?.rows.get(r)?.1.as_str()));
            writeln!(out, "| {what} | {} |", cells.collect::<Vec<_>>().join(" | "))?;
        }
    }
    out.push_str(WORDS);
    Ok(out)
}

/// A part of the table: what can be asked for, and this vendor's answer.
struct Section {
    title: &'static str,
    rows: Vec<(&'static str, String)>,
}

/// Taken apart to the last field, so that none can be added and left out of the table.
#[allow(clippy::too_many_lines, reason = "a table")]
fn sections(can: &Capabilities) -> Vec<Section> {
    let Capabilities {
        vendor: _,
        service_linked_role,
        clusters,
        rename_cluster,
        create_identity,
        observe_desktops,
        naming,
        policy_fields,
        nat,
        directory,
        power,
        rename,
        system_disk,
        needs_subnet,
        needs_zone,
        label,
        public_address,
        users,
        change_image,
        observe_image,
        applications,
        display_policy,
        payment,
        capture_image,
        rename_image,
        delete_image,
        sessions,
        native_pools,
    } = *can;
    let Users {
        assign,
        required,
        needs_uid,
        unassign,
        change_needs_stop,
    } = users;
    let Payment {
        subscription,
        weeks,
        convert,
        renew,
        delete_prepaid,
        price,
    } = payment;
    let origin = match clusters {
        ClusterOrigin::Created => "created",
        ClusterOrigin::Network => "network",
        ClusterOrigin::Tenant => "tenant",
    };
    let identity = match create_identity {
        CreateIdentity::Mark => "mark",
        CreateIdentity::Token => "token",
    };
    let named = match naming {
        Naming::Marked => "display name and UID",
        Naming::Short => "15 characters of the UID",
        Naming::Vendor => "the vendor's",
    };
    let renamed = match rename {
        Rename::Free => "yes",
        Rename::Restarts => "by restarting it",
        Rename::No => "no",
    };
    let disk = match system_disk {
        SystemDiskChoice::Required => "required",
        SystemDiskChoice::Fixed => "by the flavor",
    };
    let image = match change_image {
        ImageChange::No => "no",
        ImageChange::Running => "yes",
        ImageChange::Stopped => "while stopped",
    };
    let policy = if policy_fields.is_empty() {
        "no".to_owned()
    } else {
        let fields: Vec<String> = policy_fields.iter().map(|field| format!("`{field}`")).collect();
        fields.join(", ")
    };
    let section = |title, rows| Section { title, rows };
    vec![
        section(
            "Clusters",
            vec![
                ("How a `DesktopCluster` comes about", origin.into()),
                ("Its `displayName`", yes(rename_cluster)),
                ("Fields of `policy` that can be enforced", policy),
                ("`directory`", yes(directory)),
                ("`network.nat`", yes(nat)),
                ("`status.sessions`, and `status.session` of its desktops", yes(sessions)),
                ("Needs the vendor's service-linked role", yes(service_linked_role)),
            ],
        ),
        section(
            "Desktops",
            vec![
                ("How a creation whose answer was lost is found", identity.into()),
                ("Name at the vendor", named.into()),
                ("`displayName` of an existing desktop", renamed.into()),
                ("Its UID as a label beside the name", yes(label)),
                ("Its state can be read", yes(observe_desktops)),
                ("`power`, `powerSchedule`, and the annotation `restart`", yes(power)),
                ("`systemDisk`", disk.into()),
                ("A subnet must be named, here or in the cluster", yes(needs_subnet)),
                ("The cluster must name a zone", yes(needs_zone)),
                ("`network.publicAddress`", yes(public_address)),
                ("`applications`", yes(applications)),
                ("`displayPolicy`", yes(display_policy)),
            ],
        ),
        section(
            "Users",
            vec![
                ("`user` of an existing desktop can be changed", yes(assign)),
                ("`user` can be removed again", yes(unassign)),
                ("`user` is needed to create a desktop", yes(required)),
                ("`user.uid` is needed beside the name", yes(needs_uid)),
                ("A change of the user needs the desktop stopped", yes(change_needs_stop)),
            ],
        ),
        section(
            "Images",
            vec![
                ("`onImageChange: Rebuild`", image.into()),
                ("The vendor tells which image a desktop has", yes(observe_image)),
                ("An image can be made from a desktop", yes(capture_image)),
                ("An image can be renamed", yes(rename_image)),
                ("An image can be deleted", yes(delete_image)),
            ],
        ),
        section(
            "Payment",
            vec![
                ("`billing.mode: Subscription`", yes(subscription)),
                ("`billing.period.unit: Week`", yes(weeks)),
                ("From `PayAsYouGo` to `Subscription`", yes(convert)),
                ("`billing.paidUntil`", yes(renew)),
                (
                    "A subscription can be deleted before its term ends",
                    yes(delete_prepaid),
                ),
                ("`status.price`", yes(price)),
            ],
        ),
        section("Pools", vec![("The vendor has pools of its own", yes(native_pools))]),
    ]
}

fn yes(can: bool) -> String {
    if can { "yes" } else { "no" }.to_owned()
}
