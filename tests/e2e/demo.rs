//! What a newcomer tries first: `make demo`, here without a terminal, and the manifests of the README.

use std::process::Stdio;

use tokio::process::Command;

use crate::harness::{Env, room};

/// What is told of the first vendor, in this order, whatever stands between.
const STORY: [&str; 15] = [
    "At Alibaba Cloud GWS",
    "We declare an account, a cluster and three desktops",
    "All five are Ready",
    "Somebody opens the clipboard",
    "The manifest says ClientToDesktop (the vendor's word is \"read\"); at the vendor it is now \"readwrite\".",
    "! DesktopCluster office: ",
    "Found, reported and healed: at the vendor the clipboard is \"read\" again.",
    "Somebody stops Alice's desktop",
    "Her manifest says Running, so it was started again.",
    "The image and all desktops of the pool are Ready",
    "One more desktop, and nothing else has changed.",
    "We delete everything at once",
    "! DesktopProvider aliyun-hangzhou: ",
    "clusters created 1, deleted 1, left 0",
    "desktops created 7, deleted 7, left 0",
];
/// What is told of those without captured images.
const CHAPTER: [&str; 5] = [
    "We declare an account, a cluster and three desktops",
    "All five are Ready",
    "Her manifest says Running, so it was started again.",
    "We delete everything at once",
    "desktops created 3, deleted 3, left 0",
];
/// What is told of the one with pools of its own.
const NATIVE: [&str; 7] = [
    "We declare an account, a cluster and three desktops",
    "All five are Ready",
    "Her manifest says Running, so it was started again.",
    "The image and all desktops of the pool are Ready",
    "One more desktop, and nothing else has changed.",
    "We delete everything at once",
    "desktops created 7, deleted 7, left 0",
];

#[tokio::test]
async fn the_demo_tells_its_story_and_ends_well() {
    let _room = room().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.stdin(Stdio::null()).env_remove("KUBECONFIG").kill_on_drop(true);
    let output = command.output().await.unwrap();
    let story = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{story}\n--- errors ---\n{errors}",
        output.status
    );
    assert!(!story.contains('\x1b'), "colours where there is no terminal:\n{story}");
    let others = [
        ("At Alibaba Cloud CloudDesktop", &CHAPTER[..]),
        ("At CapitalOnline gcw", &CHAPTER),
        ("At Huawei Cloud Workspace", &NATIVE),
    ];
    let others = others
        .into_iter()
        .flat_map(|(title, chapter)| [title].into_iter().chain(chapter.iter().copied()));
    let mut rest = story.as_str();
    for text in STORY.into_iter().chain(others).chain(["That was all"]) {
        let Some((_, after)) = rest.split_once(text) else {
            panic!("{text:?} is not told, or not in its place:\n{story}");
        };
        rest = after;
    }
    let gone = story.lines().filter(|line| line.ends_with("  gone")).count();
    // Five at each vendor; an image and a pool at two of them, and four desktops of a pool.
    assert_eq!(gone, 28, "objects seen to go:\n{story}");
}

#[tokio::test]
async fn the_manifests_of_the_readme_are_accepted() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let manifests: Vec<&str> = readme
        .split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .collect();
    assert_eq!(manifests.len(), 1);
    let env = Env::shared().await;
    for namespace in ["desktop-system", "design"] {
        env.apply(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}"
        ))
        .await;
    }
    env.dry_run(manifests[0]).await.unwrap();
}
