//! Writes the CustomResourceDefinitions: `crdgen DIR` into a folder, `crdgen DIR --chart` as templates of the Helm
//! chart, `crdgen` alone to standard output.

use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use desktop_operator::api::crd::crd_files;

/// Writes the CustomResourceDefinitions.
#[derive(Parser)]
struct Arguments {
    /// Folder to write them into, one file each.
    folder: Option<PathBuf>,
    /// As templates of the Helm chart.
    #[arg(long)]
    chart: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    for (name, yaml) in crd_files()? {
        let text = if arguments.chart { template(&yaml)? } else { yaml };
        match &arguments.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                std::fs::write(folder.join(name), text)?;
            }
            None => writeln!(out, "---\n{text}")?,
        }
    }
    Ok(())
}

/// Wraps a CRD so that the chart's values decide whether it is installed and whether it outlives the release.
fn template(yaml: &str) -> anyhow::Result<String> {
    // A description may well show a template; Helm must print it and not run it.
    let literal = yaml.replace("{{", "{{ \"{{\" }}");
    let (head, tail) = literal
        .split_once("\nmetadata:\n")
        .ok_or_else(|| anyhow::anyhow!("the CRD has no metadata"))?;
    anyhow::ensure!(
        !yaml.contains("\n  annotations:"),
        "the CRD has annotations of its own, and the template adds some"
    );
    Ok(format!(
        "{{{{- /* Written by crdgen: see charts/generate.sh. */ -}}}}\n\
         {{{{- if .Values.crds.enabled }}}}\n\
         {head}\nmetadata:\n  \
         {{{{- if .Values.crds.keep }}}}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{{{- end }}}}\n\
         {tail}\
         {{{{- end }}}}\n"
    ))
}
