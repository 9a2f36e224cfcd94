//! Writes kubeconfig files.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::error::{DevenvError, io};

/// Writes a kubeconfig that only its owner can read.
pub(super) fn write(path: &Path, server: &str, ca_pem: &[u8], user: &str, token: &str) -> Result<(), DevenvError> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "devenv",
            "cluster": {"server": server, "certificate-authority-data": STANDARD.encode(ca_pem)},
        }],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "devenv", "context": {"cluster": "devenv", "user": user}}],
        "current-context": "devenv",
    });
    let yaml = serde_saphyr::to_string(&config).map_err(|e| DevenvError::Kubeconfig(e.to_string()))?;
    let what = || format!("write {}", path.display());
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(io(what()))?;
    file.write_all(yaml.as_bytes()).map_err(io(what()))
}
