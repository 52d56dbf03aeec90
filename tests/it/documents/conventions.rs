//! The files that keep dependencies and workflows in order: Dependabot, the workflows, the form of the deploy button.
//!
//! Not here: whether the workflows run. Only the hosting platform can tell.

use std::{collections::BTreeSet, fs};

use super::{
    project::{files_of, package, read, root},
    report::assert_has,
};

const CI: &str = ".github/workflows/ci.yml";

#[test]
fn dependabot_and_ci_know_every_lock_file() {
    let locks = lock_files("");
    assert!(locks.len() >= 7, "only {locks:?} were found");
    let mut expected = BTreeSet::from(["github-actions /".to_owned()]);
    let (mut manifests, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for lock in &locks {
        let (folder, file) = lock.rsplit_once('/').unwrap_or(("", lock));
        let ecosystem = match file {
            "Cargo.lock" => {
                manifests.insert(lock.replace("Cargo.lock", "Cargo.toml"));
                "cargo"
            }
            "package-lock.json" => {
                folders.insert(if folder.is_empty() { "." } else { folder }.to_owned());
                "npm"
            }
            _ => "pip",
        };
        expected.insert(format!("{ecosystem} /{folder}"));
    }
    let dependabot = read(".github/dependabot.yml");
    let entries = dependabot.split("- package-ecosystem: ").skip(1);
    let listed: BTreeSet<String> = entries
        .map(|entry| entry.split_whitespace().take(3).collect::<Vec<_>>())
        .map(|words| format!("{} {}", words[0], words[2]))
        .collect();
    assert_has(
        ".github/dependabot.yml, ecosystems and folders",
        listed,
        expected,
    );
    assert_has(
        &format!("{CI}, job crates, matrix"),
        matrix("manifest"),
        manifests,
    );
    assert_has(
        &format!("{CI}, job packages, matrix"),
        matrix("folder"),
        folders,
    );
}

/// A tag can be moved to other code, a commit cannot.
#[test]
fn every_action_is_pinned_by_its_commit_and_names_its_version() {
    let mut pinned = 0;
    for file in files_of(".github/workflows/", ".yml") {
        for line in read(&file).lines() {
            let Some((_, used)) = line.split_once("uses: ") else {
                continue;
            };
            if used.starts_with("./") {
                continue;
            }
            let is_pinned = used
                .split_once('@')
                .and_then(|(_, version)| version.split_once(" # v"))
                .is_some_and(|(commit, _)| {
                    commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
                });
            assert!(
                is_pinned,
                "{file}: write `uses: <action>@<commit, 40 hex digits> # v<version>` instead of `uses: {used}`"
            );
            pinned += 1;
        }
    }
    assert!(pinned >= 5, "only {pinned} actions were found");
}

/// The button asks for every line of `.dev.vars.example` that is no comment.
#[test]
fn the_deploy_button_explains_every_secret_that_it_asks_for() {
    let example = read(".dev.vars.example");
    let asked: BTreeSet<&str> = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        .collect();
    let package = package();
    let explained = package["cloudflare"]["bindings"].as_object().unwrap();
    for (name, binding) in explained {
        assert!(
            binding["description"].is_string(),
            "package.json, cloudflare.bindings, {name}, lacks a description"
        );
    }
    assert_has(
        "package.json, cloudflare.bindings",
        explained.keys().collect::<BTreeSet<_>>(),
        asked,
    );
}

/// The values of a key of CI's matrix, such as `folder: [., bench]`.
fn matrix(key: &str) -> BTreeSet<String> {
    let ci = read(CI);
    let opening = format!("{key}: [");
    let values = ci
        .split(opening.as_str())
        .nth(1)
        .and_then(|rest| rest.split(']').next());
    values
        .unwrap_or_default()
        .split(", ")
        .map(str::to_owned)
        .collect()
}

/// The lock files in a folder and below it.
fn lock_files(folder: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        let skipped =
            name.starts_with('.') || ["node_modules", "target", "build"].contains(&name.as_str());
        if entry.file_type().unwrap().is_dir() {
            if !skipped {
                found.extend(lock_files(&path));
            }
        } else if ["Cargo.lock", "package-lock.json", "requirements.txt"].contains(&name.as_str()) {
            found.insert(path);
        }
    }
    found
}
