//! Reads the files of the project.
//!
//! Not here: what they have to say.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

/// The folder of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the project.
pub fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The Markdown files at the root and in `docs`.
pub fn documents() -> BTreeSet<String> {
    let pages: BTreeSet<_> = ["", "docs/"]
        .into_iter()
        .flat_map(|directory| files_of(directory, ".md"))
        .collect();
    assert!(pages.contains("README.md") && pages.contains("docs/settings.md"));
    pages
}

/// The Rust files below `src`.
pub fn sources() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut directories = vec!["src/".to_owned()];
    while let Some(directory) = directories.pop() {
        found.extend(files_of(&directory, ".rs"));
        for entry in fs::read_dir(root().join(&directory)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                let name = entry.file_name().into_string().unwrap();
                directories.push(format!("{directory}{name}/"));
            }
        }
    }
    found
}

/// The files of a directory whose names have this ending, as paths from the root.
pub fn files_of(directory: &str, ending: &str) -> Vec<String> {
    fs::read_dir(root().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .map(|name| format!("{directory}{name}"))
        .collect()
}

/// `wrangler.toml`.
pub fn wrangler() -> toml::Table {
    read("wrangler.toml").parse().unwrap()
}

/// `package.json`.
pub fn package() -> Value {
    serde_json::from_str(&read("package.json")).unwrap()
}
