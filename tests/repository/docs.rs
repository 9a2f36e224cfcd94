//! The API reference is made from the types, and what the documents link to exists.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use desktop_operator::controller::settings::Settings;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn api_reference_is_current() {
    let output = Command::new(env!("CARGO_BIN_EXE_apidoc")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = std::fs::read(root().join("docs/api.md")).unwrap();
    assert!(
        output.stdout == written,
        "docs/api.md is out of date: run `make generate`"
    );
}

#[test]
fn relative_links_lead_somewhere() {
    let mut broken = Vec::new();
    for file in documents().unwrap() {
        let text = std::fs::read_to_string(&file).unwrap();
        for target in link_targets(&text) {
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !file.parent().unwrap().join(path).exists() {
                broken.push(format!("{}: {target}", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

#[test]
fn every_setting_is_described_with_its_default() {
    let text = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `--")).collect();
    let command = Settings::augment_args(clap::Command::new("operator"));
    let mut missing = Vec::new();
    for argument in command.get_arguments() {
        let flag = format!("`--{}`", argument.get_long().unwrap());
        let defaults: Vec<String> = argument
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_str().unwrap()))
            .collect();
        let described = |row: &&str| row.contains(&flag) && defaults.iter().all(|default| row.contains(default));
        if !rows.iter().any(described) {
            missing.push(format!("{flag} {defaults:?}"));
        }
    }
    assert!(missing.is_empty(), "not in docs/operations.md: {missing:#?}");
}

/// Words in the same spelling that are no reasons: values, kinds, operations.
const NOT_REASONS: [&str; 17] = [
    "Both",
    "ClientToDesktop",
    "Desktop",
    "DesktopCluster",
    "DesktopToClient",
    "Disabled",
    "False",
    "KeepCharging",
    "ReadOnly",
    "ReadWrite",
    "Reconcile",
    "RemoveDirectory",
    "SetDirectory",
    "SetDisplayPolicy",
    "SetPolicy",
    "True",
    "Unknown",
];

#[test]
fn every_reason_is_explained() {
    let text = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let mut missing = Vec::new();
    for file in files_below(&["src/plan", "src/controller"], "rs").unwrap() {
        if file.ends_with("tests.rs") {
            continue;
        }
        let source = std::fs::read_to_string(&file)
            .unwrap()
            .replace("\\\"", "")
            .replace("'\"'", "");
        let code = source.split("#[cfg(test)]").next().unwrap();
        for word in code.split('"').skip(1).step_by(2).filter(|word| is_camel_case(word)) {
            if !NOT_REASONS.contains(&word) && !text.contains(&format!("`{word}`")) {
                missing.push(format!("{word} ({})", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "reasons that docs/operations.md does not explain: {missing:#?}"
    );
}

fn is_camel_case(word: &str) -> bool {
    word.len() > 2
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.contains(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_alphabetic())
}

/// The Markdown files of the root and of `docs/`.
fn documents() -> std::io::Result<Vec<PathBuf>> {
    let mut files = files_below(&["docs"], "md")?;
    for entry in std::fs::read_dir(root())? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "md") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Files with this ending in these folders and all below them.
fn files_below(folders: &[&str], extension: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// What stands in the round brackets of `[text](target)`.
fn link_targets(text: &str) -> Vec<String> {
    let prose = without_code(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// Code may hold anything that looks like a link.
fn without_code(text: &str) -> String {
    let outside_fences = text.split("```").step_by(2);
    outside_fences.flat_map(|part| part.split('`').step_by(2)).collect()
}
