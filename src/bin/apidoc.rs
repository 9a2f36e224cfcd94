//! Writes the API reference: `apidoc FILE` into a file, `apidoc` alone to standard output.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use desktop_operator::api::crd::all_crds;
use desktop_operator::api::{cluster, desktop, provider};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use schemars::schema_for;

const HEAD: &str = "\
# API reference

<!-- Written by `make generate` from the types in src/api. Changes made here are lost. -->

Every kind of the group `desktop-operator.io`, version `v1alpha1`. `kubectl explain` shows the same text. A field
whose default is *required* must be given; one with `–` may be left out and then means what its description says.
";

fn main() -> anyhow::Result<()> {
    let text = reference()?;
    match std::env::args_os().nth(1) {
        Some(path) => std::fs::write(path, text)?,
        None => std::io::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(())
}

fn reference() -> anyhow::Result<String> {
    let meanings = enum_meanings();
    let mut out = HEAD.to_owned();
    for crd in all_crds() {
        kind(&mut out, &crd, &meanings)?;
    }
    Ok(out)
}

/// Values of an enum, and each of them with what it means.
type Meanings = BTreeMap<Vec<String>, Vec<(String, String)>>;

/// CRDs only carry the values of an enum, so what they mean is read from the types.
fn enum_meanings() -> Meanings {
    let roots = [
        schema_for!(provider::DesktopProviderSpec),
        schema_for!(provider::DesktopProviderStatus),
        schema_for!(cluster::DesktopClusterSpec),
        schema_for!(cluster::DesktopClusterStatus),
        schema_for!(desktop::DesktopSpec),
        schema_for!(desktop::DesktopStatus),
    ];
    let definitions = roots
        .iter()
        .filter_map(|root| root.get("$defs")?.as_object())
        .flat_map(|defs| defs.values());
    let mut meanings = BTreeMap::new();
    for variants in definitions.filter_map(|d| d.get("oneOf")?.as_array()) {
        let values: Option<Vec<(String, String)>> = variants
            .iter()
            .map(|v| Some((v.get("const")?.as_str()?.into(), v.get("description")?.as_str()?.into())))
            .collect();
        if let Some(values) = values {
            meanings.insert(values.iter().map(|(name, _)| name.clone()).collect(), values);
        }
    }
    meanings
}

fn kind(out: &mut String, crd: &CustomResourceDefinition, meanings: &Meanings) -> anyhow::Result<()> {
    let names = &crd.spec.names;
    writeln!(out, "\n## {}\n", names.kind)?;
    for version in &crd.spec.versions {
        let Some(schema) = version.schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref()) else {
            continue;
        };
        if let Some(text) = &schema.description {
            writeln!(out, "{}\n", one_line(text))?;
        }
        writeln!(
            out,
            "`apiVersion: {}/{}`, {}, `kubectl get {}`",
            crd.spec.group,
            version.name,
            if crd.spec.scope == "Cluster" {
                "for the whole cluster"
            } else {
                "in a namespace"
            },
            names.short_names.as_deref().unwrap_or_default().join(", "),
        )?;
        for (section, title) in [("spec", "Spec"), ("status", "Status")] {
            let Some(part) = schema.properties.as_ref().and_then(|p| p.get(section)) else {
                continue;
            };
            let mut rows = Rows {
                meanings,
                defaults: section == "spec",
                fields: String::new(),
                rules: String::new(),
            };
            rows.walk(part, "")?;
            let columns = if rows.defaults { "Type | Default" } else { "Type" };
            let line = "---|".repeat(columns.split('|').count() + 2);
            writeln!(
                out,
                "\n### {} {title}\n\n| Field | {columns} | Meaning |\n|{line}",
                names.kind
            )?;
            out.push_str(&rows.fields);
            if !rows.rules.is_empty() {
                writeln!(out, "\nThe API server checks:\n\n{}", rows.rules.trim_end())?;
            }
        }
    }
    Ok(())
}

struct Rows<'a> {
    meanings: &'a Meanings,
    /// Whether defaults are shown: nobody writes a status by hand.
    defaults: bool,
    fields: String,
    rules: String,
}

impl Rows<'_> {
    fn walk(&mut self, schema: &JSONSchemaProps, path: &str) -> anyhow::Result<()> {
        for rule in schema.x_kubernetes_validations.iter().flatten() {
            let text = rule.message.as_deref().unwrap_or(&rule.rule);
            writeln!(self.rules, "- {}", one_line(text))?;
        }
        let required = schema.required.as_deref().unwrap_or_default();
        for (name, child) in schema.properties.iter().flatten() {
            let here = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            write!(self.fields, "| `{here}` | {} |", cell(&type_of(child)))?;
            if self.defaults {
                let default = match &child.default {
                    Some(value) => format!("`{}`", value.0),
                    None if required.contains(name) => "*required*".to_owned(),
                    None => "–".to_owned(),
                };
                write!(self.fields, " {} |", cell(&default))?;
            }
            writeln!(self.fields, " {} |", cell(&self.meaning(child)))?;
            let (inner, here) = match child.items.as_ref() {
                Some(JSONSchemaPropsOrArray::Schema(item)) => (item.as_ref(), format!("{here}[]")),
                _ => (child, here),
            };
            // Conditions are the same everywhere and explained by Kubernetes itself.
            if name != "conditions" {
                self.walk(inner, &here)?;
            }
        }
        Ok(())
    }

    fn meaning(&self, schema: &JSONSchemaProps) -> String {
        let mut text = one_line(schema.description.as_deref().unwrap_or_default());
        let known = values(schema).and_then(|values| self.meanings.get(&values));
        for (value, meaning) in known.into_iter().flatten() {
            let _ = write!(text, "<br>`{value}`: {}", one_line(meaning));
        }
        text
    }
}

fn values(schema: &JSONSchemaProps) -> Option<Vec<String>> {
    let values = schema.enum_.as_ref()?;
    values.iter().map(|v| v.0.as_str().map(str::to_owned)).collect()
}

fn type_of(schema: &JSONSchemaProps) -> String {
    if let Some(values) = values(schema) {
        return values.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(" | ");
    }
    let name = match (schema.type_.as_deref(), schema.format.as_deref()) {
        (Some("string"), Some("date-time")) => "time".to_owned(),
        (Some("array"), _) => match schema.items.as_ref() {
            Some(JSONSchemaPropsOrArray::Schema(item)) => format!("list of {}", type_of(item)),
            _ => "list".to_owned(),
        },
        (Some("object"), _) => match schema.additional_properties.as_ref() {
            Some(JSONSchemaPropsOrBool::Schema(value)) => format!("map to {}", type_of(value)),
            _ => "object".to_owned(),
        },
        (Some(other), _) => other.to_owned(),
        (None, _) => "any".to_owned(),
    };
    let limits = [
        range(schema.min_length, schema.max_length, " characters"),
        range(schema.min_items, schema.max_items, " items"),
        range(schema.minimum, schema.maximum, ""),
        schema.max_properties.map(|n| format!("at most {n} keys")),
        schema.pattern.as_ref().map(|p| format!("`{p}`")),
    ];
    std::iter::once(name)
        .chain(limits.into_iter().flatten())
        .collect::<Vec<_>>()
        .join(", ")
}

fn range<T: std::fmt::Display>(min: Option<T>, max: Option<T>, unit: &str) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) => Some(format!("{min}–{max}{unit}")),
        (Some(min), None) => Some(format!("at least {min}{unit}")),
        (None, Some(max)) => Some(format!("at most {max}{unit}")),
        (None, None) => None,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A pipe would end the cell, even inside code.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
