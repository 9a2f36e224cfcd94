//! Runs helm on our chart. Shared by the crates of tests that need it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// The pinned helm, built the first time it is asked for.
static HELM: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(root().join("tests/tools/helm/build.sh"))
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "tests/tools/helm/build.sh: {}", output.status);
    String::from_utf8(output.stdout).unwrap().trim().into()
});

/// The folder of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the chart.
pub fn chart() -> PathBuf {
    root().join("charts/desktop-operator")
}

/// A helm that keeps nothing and reads nothing outside of `home`.
pub fn command(home: &Path) -> Command {
    let mut command = Command::new(&*HELM);
    command
        .env_remove("KUBECONFIG")
        .env("HELM_CACHE_HOME", home.join("cache"))
        .env("HELM_CONFIG_HOME", home.join("config"))
        .env("HELM_DATA_HOME", home.join("data"));
    command
}

/// `helm template`, with more arguments.
pub fn try_template(release: &str, namespace: &str, args: &[&str]) -> Result<String, String> {
    let home = tempfile::tempdir().unwrap();
    let output = command(home.path())
        .args(["template", release, "--namespace", namespace])
        .arg(chart())
        .args(args)
        .output()
        .unwrap();
    answer(&output)
}

/// As [`try_template`]; a refusal fails the test.
pub fn template(release: &str, namespace: &str, args: &[&str]) -> String {
    try_template(release, namespace, args).unwrap_or_else(|error| panic!("{error}"))
}

/// What a run said on standard output if it succeeded, otherwise all it said.
pub fn answer(output: &Output) -> Result<String, String> {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    Err(format!(
        "{}\n{stdout}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}
