//! Policies: what is wanted against what is observed, row by row.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::cluster::{Clipboard, LocalDrive, PolicyRow, PolicyState, SessionPolicy};
use crate::api::condition::{self, Truth};
use crate::api::desktop::DisplayPolicy;
use crate::backend::PolicyValues;

/// What a vendor reports for a setting that has no meaning on this desktop.
pub const NOT_APPLICABLE: &str = "N/A";

/// Field names and values of a session policy, in the words of the spec. What was not said and the vendor cannot
/// enforce is not asked for.
#[must_use]
pub fn session_values(policy: &SessionPolicy, supported: &[&str]) -> PolicyValues {
    let clipboard = match policy.clipboard {
        Clipboard::Disabled => "Disabled",
        Clipboard::ClientToDesktop => "ClientToDesktop",
        Clipboard::DesktopToClient => "DesktopToClient",
        Clipboard::Both => "Both",
    };
    let local_drive = match policy.local_drive {
        LocalDrive::Disabled => "Disabled",
        LocalDrive::ReadOnly => "ReadOnly",
        LocalDrive::ReadWrite => "ReadWrite",
    };
    let udp = policy.udp.or_else(|| supported.contains(&"udp").then_some(true));
    let values = [
        ("clipboard", Some(clipboard.to_owned())),
        ("localDrive", Some(local_drive.to_owned())),
        ("udp", udp.map(|udp| udp.to_string())),
        ("usbRedirection", Some(policy.usb_redirection.to_string())),
        ("watermark", Some(policy.watermark.enabled.to_string())),
    ];
    PolicyValues(
        values
            .into_iter()
            .filter_map(|(field, value)| Some((field, value?)))
            .collect(),
    )
}

/// Field names and values of a display policy, in the words of the spec.
#[must_use]
pub fn display_values(policy: &DisplayPolicy) -> PolicyValues {
    PolicyValues(vec![
        ("optimizeFor3d", policy.optimize_for3d.to_string()),
        ("visualLossless", policy.visual_lossless.to_string()),
    ])
}

/// One row a field.
#[must_use]
pub fn rows(
    wanted: &PolicyValues,
    observed: Option<&PolicyValues>,
    supported: &[&str],
    previous: &[PolicyRow],
) -> Vec<PolicyRow> {
    wanted
        .0
        .iter()
        .map(|(field, desired)| {
            let seen = observed.and_then(|o| o.get(field)).map(str::to_owned);
            let before = previous.iter().find(|r| r.field == *field);
            let state = if !supported.contains(field) {
                PolicyState::Unsupported
            } else if seen.as_deref() == Some(NOT_APPLICABLE) {
                PolicyState::NotApplicable
            } else if seen.as_deref() == Some(desired.as_str()) {
                PolicyState::Enforced
            } else {
                match before {
                    // Not read this time: nothing new is known.
                    Some(row) if seen.is_none() && row.desired == *desired => row.state,
                    Some(row)
                        if row.desired == *desired
                            && matches!(row.state, PolicyState::Enforced | PolicyState::Drifted) =>
                    {
                        PolicyState::Drifted
                    }
                    _ => PolicyState::Pending,
                }
            };
            let observed = seen.or_else(|| before.and_then(|row| row.observed.clone()));
            PolicyRow {
                field: (*field).to_owned(),
                desired: desired.clone(),
                observed,
                state,
            }
        })
        .collect()
}

/// Rows that have to be set.
#[must_use]
pub fn needs_change(rows: &[PolicyRow]) -> bool {
    rows.iter()
        .any(|r| matches!(r.state, PolicyState::Pending | PolicyState::Drifted))
}

/// Fields in this state, by name.
#[must_use]
pub fn fields_in(rows: &[PolicyRow], state: PolicyState) -> Vec<&str> {
    rows.iter()
        .filter(|r| r.state == state)
        .map(|r| r.field.as_str())
        .collect()
}

/// Sets `PolicyEnforced` from the rows.
pub fn set_condition(conditions: &mut Vec<Condition>, rows: &[PolicyRow], generation: i64, now: Timestamp) {
    let (truth, reason, message) = summary(rows);
    condition::set(
        conditions,
        condition::POLICY_ENFORCED,
        truth,
        reason,
        &message,
        generation,
        now,
    );
}

fn summary(rows: &[PolicyRow]) -> (Truth, &'static str, String) {
    if rows.is_empty() {
        return (
            Truth::True,
            "NotDeclared",
            "No policy is declared; the vendor's settings are left alone.".into(),
        );
    }
    for (state, reason, words) in [
        (PolicyState::Unsupported, "Unsupported", "The vendor cannot enforce"),
        (
            PolicyState::Drifted,
            "Drifted",
            "Changed behind our back and being set again",
        ),
        (PolicyState::Pending, "Pending", "Not yet enforced"),
    ] {
        let fields = fields_in(rows, state);
        if !fields.is_empty() {
            return (Truth::False, reason, format!("{words}: {}.", fields.join(", ")));
        }
    }
    let apart = fields_in(rows, PolicyState::NotApplicable);
    if apart.len() == rows.len() {
        return (
            Truth::True,
            "NotApplicable",
            "The settings have no meaning on this desktop.".into(),
        );
    }
    (Truth::True, "Enforced", "Every declared field is as wanted.".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&'static str, &str)]) -> PolicyValues {
        PolicyValues(pairs.iter().map(|(f, v)| (*f, (*v).to_owned())).collect())
    }

    #[test]
    fn rows_tell_pending_from_drift() {
        let wanted = values(&[("clipboard", "Disabled"), ("udp", "true")]);
        let supported = ["clipboard"];
        let first = rows(&wanted, Some(&values(&[("clipboard", "Both")])), &supported, &[]);
        assert_eq!(first[0].state, PolicyState::Pending);
        assert_eq!(first[1].state, PolicyState::Unsupported);
        let second = rows(&wanted, Some(&values(&[("clipboard", "Disabled")])), &supported, &first);
        assert_eq!(second[0].state, PolicyState::Enforced);
        let third = rows(
            &wanted,
            Some(&values(&[("clipboard", "readwrite?")])),
            &supported,
            &second,
        );
        assert_eq!(
            (third[0].state, third[0].observed.as_deref()),
            (PolicyState::Drifted, Some("readwrite?"))
        );
        let unread = rows(&wanted, None, &supported, &third);
        assert_eq!(
            unread[0].state,
            PolicyState::Drifted,
            "what was not read is not forgotten"
        );
    }
}
