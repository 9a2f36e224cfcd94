//! Writes the CustomResourceDefinitions: `crdgen DIR` into a folder, `crdgen` alone to standard output.

use std::io::Write;

use desktop_operator::api::crd::crd_files;

fn main() -> anyhow::Result<()> {
    let directory = std::env::args_os().nth(1).map(std::path::PathBuf::from);
    let mut out = std::io::stdout().lock();
    for (name, yaml) in crd_files()? {
        match &directory {
            Some(dir) => {
                std::fs::create_dir_all(dir)?;
                std::fs::write(dir.join(name), yaml)?;
            }
            None => writeln!(out, "---\n{yaml}")?,
        }
    }
    Ok(())
}
