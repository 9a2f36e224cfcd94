//! Finds the binaries of the control plane.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::error::{DevenvError, io};

/// Builds the binaries from pinned Go modules and prints their folder.
const SCRIPT: &str = "tests/control-plane/build.sh";
const TOOLS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];

/// A folder with etcd, kube-apiserver, kube-controller-manager and kubectl: `KUBEBUILDER_ASSETS` when it is set, otherwise
/// the cache of `tests/control-plane/build.sh`, which is looked for from the current folder upwards and builds them
/// the first time (several minutes).
pub async fn locate() -> Result<PathBuf, DevenvError> {
    if let Some(folder) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|f| !f.is_empty()) {
        return check(PathBuf::from(folder));
    }
    let from = std::env::current_dir().map_err(io("current folder"))?;
    let script = from
        .ancestors()
        .map(|folder| folder.join(SCRIPT))
        .find(|script| script.is_file())
        .ok_or(DevenvError::NoAssets { from })?;
    // Its progress goes to our standard error: a silent first build would look like a hang.
    let output = tokio::process::Command::new("bash")
        .arg(&script)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(io(format!("run {}", script.display())))?;
    if !output.status.success() {
        return Err(DevenvError::Build {
            script,
            status: output.status,
        });
    }
    check(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// The folder, if it is complete.
pub(super) fn check(folder: PathBuf) -> Result<PathBuf, DevenvError> {
    match TOOLS.into_iter().find(|tool| !is_file(&folder, tool)) {
        Some(tool) => Err(DevenvError::MissingTool { folder, tool }),
        None => Ok(folder),
    }
}

fn is_file(folder: &Path, tool: &str) -> bool {
    folder.join(tool).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_folder_is_refused_by_the_name_of_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        for tool in ["etcd", "kube-apiserver"] {
            std::fs::write(folder.path().join(tool), "").unwrap();
        }
        let error = check(folder.path().to_owned()).unwrap_err();
        assert!(error.to_string().ends_with("has no kube-controller-manager"), "{error}");
    }
}
