//! The Dockerfile without Docker: what it copies is there and enough, and its names are those of the rest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// One instruction: its word, and the rest of its line, continuations joined.
#[derive(Debug)]
struct Instruction {
    word: String,
    rest: String,
}

impl Instruction {
    fn words(&self) -> Vec<&str> {
        self.rest.split_whitespace().collect()
    }

    /// What a COPY takes, and where to; flags left out.
    fn copied(&self) -> (Vec<&str>, &str) {
        let mut paths: Vec<&str> = self.words().into_iter().filter(|w| !w.starts_with("--")).collect();
        let to = paths.pop().unwrap();
        (paths, to)
    }

    fn from(&self) -> Option<&str> {
        self.words().iter().find_map(|word| word.strip_prefix("--from="))
    }
}

/// The stages, each with its instructions, the FROM first.
fn stages() -> Vec<Vec<Instruction>> {
    let dockerfile = text("Dockerfile");
    let lines = dockerfile.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let mut stages: Vec<Vec<Instruction>> = Vec::new();
    for line in joined.lines().filter(|line| !line.trim().is_empty()) {
        let (word, rest) = line.trim().split_once(' ').unwrap();
        let instruction = Instruction {
            word: word.to_owned(),
            rest: rest.trim().to_owned(),
        };
        if word == "FROM" {
            stages.push(Vec::new());
        }
        stages.last_mut().unwrap().push(instruction);
    }
    stages
}

fn only<'a>(stage: &'a [Instruction], word: &str) -> &'a Instruction {
    let found: Vec<_> = stage.iter().filter(|i| i.word == word).collect();
    assert_eq!(found.len(), 1, "{word}: {found:?}");
    found[0]
}

/// The words behind `flag` in a command.
fn after<'a>(command: &'a str, flag: &str) -> &'a str {
    let mut words = command.split_whitespace();
    words.find(|word| *word == flag);
    words.next().unwrap_or_else(|| panic!("no {flag} in {command}"))
}

#[test]
fn only_instructions_that_are_looked_at_here() {
    let known = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT"];
    let stages = stages();
    assert_eq!(stages.len(), 2);
    for instruction in stages.iter().flatten() {
        assert!(known.contains(&instruction.word.as_str()), "{instruction:?}");
    }
}

/// What is copied from the repository exists, is not ignored, and is a whole crate to Cargo.
#[test]
fn what_is_copied_is_there_and_enough() {
    let stages = stages();
    let ignored = text(".dockerignore");
    let let_in: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignored.lines().any(|line| line == "*"), "{ignored}");
    let context = tempfile::tempdir().unwrap();
    for copy in stages[0].iter().filter(|i| i.word == "COPY") {
        let (paths, to) = copy.copied();
        assert!(copy.from().is_none(), "{copy:?}");
        for path in paths {
            assert!(let_in.contains(&path), "{path} is kept out by .dockerignore");
            let whole = root().join(path);
            if whole.is_dir() {
                // Of a folder its content is copied, not the folder.
                copy_folder(&whole, &context.path().join(to));
            } else {
                assert!(to.ends_with('/'), "{copy:?} would make one file of several");
                fs::copy(&whole, context.path().join(to).join(path)).unwrap();
            }
        }
    }
    assert!(context.path().join("Cargo.lock").is_file(), "--locked needs it");
    let cargo = std::env::var("CARGO").unwrap_or("cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--locked", "--offline", "--format-version=1"])
        .current_dir(context.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let targets = metadata["packages"][0]["targets"].as_array().unwrap();
    let bin = after(&only(&stages[0], "RUN").rest, "--bin");
    let found = targets.iter().find(|t| t["name"] == bin && t["kind"][0] == "bin");
    let source = PathBuf::from(
        found.unwrap_or_else(|| panic!("no binary {bin}"))["src_path"]
            .as_str()
            .unwrap(),
    );
    assert!(source.is_file(), "{source:?}");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// From Cargo's binary to the entry point, the same file all the way.
#[test]
fn the_binary_that_is_built_is_the_one_that_is_started() {
    let stages = stages();
    let (build, image) = (&stages[0], &stages[1]);
    let run = &only(build, "RUN").rest;
    let commands: Vec<&str> = run.split("&&").map(str::trim).collect();
    let bin = after(run, "--bin");
    assert!(commands[0].contains("cargo build --locked --release"), "{run}");
    let moved: Vec<&str> = commands[1].split_whitespace().collect();
    assert_eq!(moved[..2], ["cp", &format!("target/release/{bin}")], "{run}");

    // The mount of the build's target is where the build writes.
    let workdir = &only(build, "WORKDIR").rest;
    assert!(run.contains(&format!("type=cache,target={workdir}/target")), "{run}");
    // What is left behind by a mount is lost with it.
    assert!(!moved[2].starts_with(workdir.as_str()), "{run}");

    let copy = only(image, "COPY");
    let name = build[0].words()[2].to_owned();
    assert_eq!((build[0].words()[1], copy.from()), ("AS", Some(name.as_str())));
    let (from, to) = copy.copied();
    assert_eq!(from, [moved[2]]);
    let entry: Vec<String> = serde_json::from_str(&only(image, "ENTRYPOINT").rest).unwrap();
    assert_eq!(entry, [to]);
}

/// What runs has the libc that it was linked to.
#[test]
fn both_stages_are_of_one_debian() {
    let stages = stages();
    let releases = [("bookworm", "debian12"), ("trixie", "debian13")];
    let (build, image) = (stages[0][0].words()[0], stages[1][0].words()[0]);
    let same = releases.iter().any(|(word, number)| {
        build.ends_with(&format!("-{word}")) && image.split(':').next().unwrap().ends_with(&format!("-{number}"))
    });
    assert!(same, "{build} and {image}");
}

/// Whichever image is used, the chart finds the same in it.
#[test]
fn both_images_and_the_chart_agree() {
    let stages = stages();
    let image = &stages[1];
    let script = text("config/image/build.sh").replace("\\\n", " ");
    let entry: Vec<String> = serde_json::from_str(&only(image, "ENTRYPOINT").rest).unwrap();
    let user = &only(image, "USER").rest;
    let port = &only(image, "EXPOSE").rest;
    assert_eq!(after(&script, "--entrypoint"), entry[0]);
    assert!(
        script.contains(&format!("\"$root{}\"", entry[0])),
        "the binary is elsewhere"
    );
    assert_eq!(after(&script, "--user"), user);
    assert_eq!(after(&script, "--exposed-ports"), format!("{port}/tcp"));
    assert_eq!(after(&script, "--bin"), after(&only(&stages[0], "RUN").rest, "--bin"));

    let deployment = text("charts/desktop-operator/templates/deployment.yaml");
    let (user, group) = user.split_once(':').unwrap();
    assert!(deployment.contains(&format!("runAsUser: {user}\n")), "{user}");
    assert!(deployment.contains(&format!("runAsGroup: {group}\n")), "{group}");
    assert!(text("charts/desktop-operator/values.yaml").contains(&format!("port: {port}\n")));
    assert!(text("src/main.rs").contains(&format!("default_value = \"0.0.0.0:{port}\"")));
}
