//! Files that are made from the code are what the code makes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use desktop_operator::api::crd::crd_files;
use desktop_operator::backend::connect::capabilities;

#[test]
fn the_crds_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let made: BTreeMap<String, String> = crd_files().unwrap().into_iter().collect();
    let entries = std::fs::read_dir(&folder).unwrap().map(Result::unwrap);
    let written: BTreeMap<String, String> = entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect();
    assert!(made.keys().eq(written.keys()), "crds/ holds {:?}", written.keys());
    for (file, text) in &made {
        assert!(
            written[file] == *text,
            "crds/{file} is out of date: run `make generate`"
        );
    }
}

#[test]
fn the_table_of_the_vendors_is_current() {
    let output = Command::new(env!("CARGO_BIN_EXE_capdoc")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vendors/capabilities.md");
    let made = String::from_utf8(output.stdout).unwrap();
    let written = std::fs::read_to_string(file).unwrap();
    assert!(
        made == written,
        "docs/vendors/capabilities.md is out of date: run `make generate`"
    );
}

/// Each vendor's folder declares what it can do, and none of that is left out of the table.
#[test]
fn every_vendor_has_its_column_of_the_table() {
    let columns = capabilities();
    for (column, can) in &columns {
        assert!(
            column.starts_with(&format!("`{}`", can.vendor)),
            "{column}: {}",
            can.vendor
        );
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backend");
    let modules = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("mod.rs"));
    let declared: usize = modules
        .filter_map(|module| std::fs::read_to_string(module).ok())
        .map(|source| source.matches(": Capabilities = ").count())
        .sum();
    assert_eq!(
        columns.len(),
        declared,
        "connect::capabilities() does not hold what src/backend/*/mod.rs declare"
    );
}
