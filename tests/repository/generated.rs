//! Files that are made from the code are what the code makes.

use std::collections::BTreeMap;
use std::path::Path;

use desktop_operator::api::crd::crd_files;

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
