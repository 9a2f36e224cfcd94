//! Dependencies between the modules run one way, and planning is pure.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::paths::{Named, paths};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What each module of the crate may name, itself aside.
const LAYERS: [(&str, &[&str]); 8] = [
    ("api", &[]),
    ("http", &[]),
    ("backend", &["api", "http"]),
    ("plan", &["api", "backend"]),
    ("ops", &["api", "http::observe"]),
    ("controller", &["api", "backend", "http", "ops", "plan"]),
    ("sim", &[]),
    ("devenv", &["api"]),
];

/// What planning must not name: the outside world, the clock and chance.
const IMPURE_CRATES: [&str; 9] = [
    "axum",
    "governor",
    "kube",
    "rand",
    "reqwest",
    "rustix",
    "tempfile",
    "tokio",
    "tokio_util",
];
const IMPURE_STD: [&str; 6] = ["env", "fs", "io", "net", "process", "thread"];
const IMPURE_CALLS: [(&str, &str); 6] = [
    ("Instant", "now"),
    ("SystemTime", "now"),
    ("Timestamp", "now"),
    ("Uuid", "new_v4"),
    ("Uuid", "now_v7"),
    ("Zoned", "now"),
];

/// The only file that may choose between the vendors.
const CHOOSER: &str = "src/backend/connect.rs";

/// Folders under `src/backend` that are no vendor: a style of wire that several vendors share.
const SHARED: [&str; 1] = ["rpc"];

/// A file of the library and its place in the crate.
struct Source {
    file: String,
    module: Vec<String>,
    text: String,
}

impl Source {
    fn paths(&self) -> Vec<Named> {
        paths(&self.text, &self.module)
    }
}

#[test]
fn modules_depend_one_way() {
    let offenders: Vec<_> = library().iter().flat_map(against_the_direction).collect();
    assert!(offenders.is_empty(), "{offenders:#?}");
}

#[test]
fn every_module_has_its_direction() {
    let modules: BTreeSet<String> = library()
        .into_iter()
        .filter_map(|source| source.module.first().cloned())
        .collect();
    let known: BTreeSet<String> = LAYERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(modules, known);
}

#[test]
fn vendors_do_not_know_each_other() {
    let vendors = vendors();
    let offenders: Vec<_> = library()
        .iter()
        .flat_map(|source| foreign_vendors(source, &vendors))
        .collect();
    assert!(offenders.is_empty(), "{offenders:#?}");
}

#[test]
fn planning_is_pure() {
    let offenders: Vec<_> = library().iter().flat_map(impure).collect();
    assert!(offenders.is_empty(), "{offenders:#?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> = sources(&Path::new(ROOT).join("src"))
        .into_iter()
        .filter(|file| !std::fs::read_to_string(file).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

/// The checks above would be worth nothing if they could not fail.
#[test]
fn the_checks_find_what_they_look_for() {
    let source = |file: &str, module: &[&str], text: &str| Source {
        file: file.to_owned(),
        module: module.iter().map(|&m| m.to_owned()).collect(),
        text: text.to_owned(),
    };
    let wrong = source(
        "src/plan/x.rs",
        &["plan", "x"],
        "use crate::api::A;\nuse super::super::controller::B;",
    );
    assert_eq!(
        against_the_direction(&wrong),
        ["src/plan/x.rs:2: plan may not name crate::controller::B"]
    );
    let wrong = source(
        "src/ops/x.rs",
        &["ops", "x"],
        "use crate::http::{endpoint::A, observe::B};",
    );
    assert_eq!(
        against_the_direction(&wrong),
        ["src/ops/x.rs:1: ops may not name crate::http::endpoint::A"]
    );

    let vendors = ["one", "two"].map(str::to_owned).into();
    let wrong = source(
        "src/backend/one/x.rs",
        &["backend", "one", "x"],
        "use super::super::two::A;\nuse super::B;",
    );
    assert_eq!(
        foreign_vendors(&wrong, &vendors),
        ["src/backend/one/x.rs:1: names the vendor two"]
    );
    let wrong = source(
        "src/controller/x.rs",
        &["controller", "x"],
        "use crate::backend::one::A;",
    );
    assert_eq!(
        foreign_vendors(&wrong, &vendors),
        ["src/controller/x.rs:1: names the vendor one"]
    );

    let text = "fn f() {\nlet now = Timestamp::now();\njiff::Timestamp::now();\nuse std::fs;\ntokio::spawn();\n}";
    let lines: Vec<String> = impure(&source("x", &["plan"], text));
    assert_eq!(
        lines,
        [
            "x:2: Timestamp::now",
            "x:3: jiff::Timestamp::now",
            "x:4: std::fs",
            "x:5: tokio::spawn"
        ]
    );
    assert!(impure(&source("x", &["controller"], text)).is_empty());
}

fn against_the_direction(source: &Source) -> Vec<String> {
    let Some(own) = source.module.first() else {
        return Vec::new();
    };
    let allowed = LAYERS
        .iter()
        .find(|(name, _)| name == own)
        .map_or(&[][..], |(_, allowed)| allowed);
    let permits = |path: &[String]| {
        let inside = path.join("::");
        allowed
            .iter()
            .any(|prefix| inside == *prefix || inside.starts_with(&format!("{prefix}::")))
    };
    source
        .paths()
        .into_iter()
        .filter(|named| named.path[0] == "crate" && named.path[1] != *own && !permits(&named.path[1..]))
        .map(|named| {
            format!(
                "{}:{}: {own} may not name {}",
                source.file,
                named.line,
                named.path.join("::")
            )
        })
        .collect()
}

fn foreign_vendors(source: &Source, vendors: &BTreeSet<String>) -> Vec<String> {
    let own = (source.module.first().is_some_and(|m| m == "backend"))
        .then(|| source.module.get(1))
        .flatten();
    source
        .paths()
        .into_iter()
        .filter(|_| source.file != CHOOSER)
        .filter_map(|named| match &named.path[..] {
            [root, backend, vendor, ..] if root == "crate" && backend == "backend" => (vendors.contains(vendor)
                && own != Some(vendor))
            .then(|| format!("{}:{}: names the vendor {vendor}", source.file, named.line)),
            _ => None,
        })
        .collect()
}

fn impure(source: &Source) -> Vec<String> {
    if source.module.first().is_none_or(|m| m != "plan") {
        return Vec::new();
    }
    let is_impure = |path: &[String]| {
        IMPURE_CRATES.contains(&path[0].as_str())
            || (path[0] == "std" && IMPURE_STD.contains(&path[1].as_str()))
            || path.windows(2).any(|pair| IMPURE_CALLS.contains(&(&pair[0], &pair[1])))
    };
    source
        .paths()
        .into_iter()
        .filter(|named| is_impure(&named.path))
        .map(|named| format!("{}:{}: {}", source.file, named.line, named.path.join("::")))
        .collect()
}

/// The files of the library; binaries may name everything.
fn library() -> Vec<Source> {
    let root = Path::new(ROOT).join("src");
    sources(&root)
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if module[0] == "bin" || module == ["main"] || module == ["lib"] {
                return None;
            }
            if module.last().is_some_and(|name| name == "mod") {
                module.pop();
            }
            let file = path.strip_prefix(ROOT).unwrap().display().to_string();
            let text = std::fs::read_to_string(&path).unwrap();
            Some(Source { file, module, text })
        })
        .collect()
}

fn vendors() -> BTreeSet<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join("src/backend")).unwrap();
    entries
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !SHARED.contains(&name.as_str()))
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
