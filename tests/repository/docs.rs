//! The API reference is made from the types, and what the documents link to exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use desktop_operator::http::observe::CallObserver;
use desktop_operator::ops::metrics::Metrics;

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
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
            let leads_to = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            let found = leads_to.exists() && (heading.is_empty() || anchors(&leads_to).contains(heading));
            if !found {
                broken.push(format!("{}: {target}", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

#[test]
fn every_flag_is_described_with_its_default() {
    let output = Command::new(env!("CARGO_BIN_EXE_desktop-operator"))
        .arg("--help")
        .env_remove("POD_NAMESPACE")
        .env_remove("ALLOW_ENDPOINTS")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let flags = flags(&help);
    assert!(flags.len() > 20, "{help}");
    let text = operations();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `--")).collect();
    let described = |flag: &str, default: Option<&str>| {
        let (flag, default) = (format!("`{flag}`"), default.map(|d| format!("`{d}`")));
        rows.iter()
            .any(|row| row.contains(&flag) && default.as_ref().is_none_or(|d| row.contains(d)))
    };
    let missing: Vec<_> = flags.iter().filter(|(f, d)| !described(f, d.as_deref())).collect();
    assert!(missing.is_empty(), "not in docs/operations.md: {missing:#?}");
    let known = |row: &&&str| flags.iter().any(|(flag, _)| row.contains(&format!("| `{flag}`")));
    let outdated: Vec<_> = rows.iter().filter(|row| !known(row)).collect();
    assert!(outdated.is_empty(), "no flags: {outdated:#?}");
}

/// The flags of a program and their defaults, as its help tells them; those of every program aside.
fn flags(help: &str) -> Vec<(String, Option<String>)> {
    let mut flags: Vec<(String, Option<String>)> = Vec::new();
    for line in help.lines().map(str::trim) {
        if line.starts_with("--") {
            let flag = line.split([' ', '[', '=']).next().unwrap();
            flags.push((flag.to_owned(), None));
        } else if let Some(default) = line.strip_prefix("[default: ")
            && let Some((_, last)) = flags.last_mut()
        {
            *last = Some(default.trim_end_matches(']').to_owned());
        }
    }
    flags
}

/// The grace period is longer than all that the process waits for when it ends; the document says so with the chart's
/// own number.
#[test]
fn the_grace_period_is_that_of_the_chart() {
    let values = std::fs::read_to_string(root().join("charts/desktop-operator/values.yaml")).unwrap();
    let key = "terminationGracePeriodSeconds";
    let seconds = values
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    let said = format!("`{key}` is {} in the chart", seconds.unwrap());
    assert!(
        operations().replace('\n', " ").contains(&said),
        "not in docs/operations.md: {said}"
    );
}

/// Every annotation that the operator reads is told of, in the table and where it is needed.
#[test]
fn every_annotation_is_described() {
    let source = std::fs::read_to_string(root().join("src/api/mod.rs")).unwrap();
    let lines = source.lines().filter(|line| line.contains("_ANNOTATION: &str"));
    let names: BTreeSet<String> = lines
        .map(|line| line.rsplit_once('/').unwrap().1.trim_end_matches("\";").to_owned())
        .collect();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, table) = readme.split_once("| annotation (").unwrap();
    let table = table.split("\n\n").next().unwrap();
    let described: BTreeSet<String> = first_cells(table)
        .iter()
        .map(|cell| cell.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(described, names);
}

/// Every condition has its row.
#[test]
fn every_condition_is_described() {
    let source = std::fs::read_to_string(root().join("src/api/condition.rs")).unwrap();
    let constants = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(": &str = \""));
    let names: BTreeSet<String> = constants
        .map(|(_, value)| value.trim_end_matches("\";").to_owned())
        .collect();
    let text = operations();
    assert_eq!(first_cells(section(&text, "## Conditions")), names);
}

#[test]
fn every_metric_is_described() {
    let exposed = every_metric();
    let families: BTreeSet<String> = exposed
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        })
        .collect();
    let text = operations();
    let described = first_cells(section(&text, "## Metrics"));
    assert_eq!(described, families);
}

#[test]
fn every_alert_is_described() {
    let rules = std::fs::read_to_string(root().join("config/prometheus/rules.yaml")).unwrap();
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    let text = operations();
    let described = first_cells(section(&text, "## Alerts"));
    assert_eq!(described, names);
}

/// What the operator exposes, with a series in every family.
pub fn every_metric() -> String {
    let metrics = Metrics::default();
    let second = Duration::from_secs(1);
    metrics.leader("lease", true);
    metrics.controller_started("desktop", 32);
    metrics.reconcile_started("desktop");
    metrics.reconcile_ended("desktop", "panic", second);
    metrics.became_ready("Desktop", second);
    metrics.drift_healed("Desktop", "power");
    metrics.orphans("provider", "cluster", Some(1));
    metrics.pool_removed(1);
    metrics.rollout_halted();
    metrics.called("account", "action", "ok", second);
    metrics.throttled("account", second);
    metrics.encode()
}

fn operations() -> String {
    std::fs::read_to_string(root().join("docs/operations.md")).unwrap()
}

/// What stands below a headline, up to the next one.
fn section<'a>(text: &'a str, headline: &str) -> &'a str {
    let (_, below) = text.split_once(headline).unwrap();
    below.split("\n## ").next().unwrap()
}

/// The first cells of the rows of a table, where they are code.
fn first_cells(table: &str) -> BTreeSet<String> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next().map(str::to_owned))
        .collect()
}

/// Words in the same spelling that are no reasons: values, kinds, calls, and what is shown of an operation.
const NOT_REASONS: [&str; 20] = [
    "Both",
    "ClientToDesktop",
    "Create",
    "DescribeImages",
    "Desktop",
    "DesktopCluster",
    "DesktopImage",
    "DesktopPool",
    "DesktopToClient",
    "Disabled",
    "Dynamic",
    "False",
    "KeepCharging",
    "ReadOnly",
    "ReadWrite",
    "Reconcile",
    "SetImageName",
    "Static",
    "True",
    "Unknown",
];

#[test]
fn every_reason_is_explained() {
    let text = operations();
    let mut operations = camel_case_words(&root().join("src/backend/model.rs"));
    operations.extend(camel_case_words(&root().join("src/backend/pool.rs")));
    let mut files = files_below(&["src/plan", "src/controller"], "rs").unwrap();
    files.extend(["src/backend/connect.rs", "src/backend/error.rs"].map(|file| root().join(file)));
    let tests: BTreeSet<String> = files.iter().flat_map(|file| test_modules(file)).collect();
    let mut missing = Vec::new();
    let is_test = |file: &PathBuf| tests.contains(&stem(file)) || file.iter().any(|part| part == "tests");
    for file in files.iter().filter(|file| !is_test(file)) {
        for word in camel_case_words(file).difference(&operations) {
            if !NOT_REASONS.contains(&word.as_str()) && !text.contains(&format!("`{word}`")) {
                missing.push(format!("{word} ({})", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "reasons that docs/operations.md does not explain: {missing:#?}"
    );
}

/// The string literals of a file that are one word in the spelling of reasons; those of its tests aside.
fn camel_case_words(file: &Path) -> BTreeSet<String> {
    let source = std::fs::read_to_string(file).unwrap();
    let source = source.replace("\\\"", "").replace("'\"'", "");
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let literals = code.split('"').skip(1).step_by(2);
    literals.filter(|word| is_camel_case(word)).map(str::to_owned).collect()
}

/// The modules that a file declares for its tests, in files of their own.
fn test_modules(file: &Path) -> Vec<String> {
    let source = std::fs::read_to_string(file).unwrap();
    let after = source.split("#[cfg(test)]\nmod ").skip(1);
    let names = after.filter_map(|rest| rest.lines().next()?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
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

/// What the headings of a document are linked to by.
fn anchors(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|heading| {
            let kept = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            kept.chars()
                .filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
                .collect()
        })
        .collect()
}

/// Code may hold anything that looks like a link.
fn without_code(text: &str) -> String {
    let outside_fences = text.split("```").step_by(2);
    outside_fences.flat_map(|part| part.split('`').step_by(2)).collect()
}
