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
    let mut sources = files_below("src/");
    sources.retain(|file| file.ends_with(".rs"));
    sources
}

/// All files of the project below a folder, without what is built, installed or kept by git.
pub fn files_below(folder: &str) -> BTreeSet<String> {
    const OTHERS: [&str; 8] = [
        ".git",
        ".wrangler",
        "build",
        "fuzz/artifacts",
        "fuzz/found",
        "fuzz/target",
        "playground/target",
        "target",
    ];
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{folder}{name}");
            if name == "node_modules" || OTHERS.contains(&path.as_str()) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(format!("{path}/"));
            } else {
                found.insert(path);
            }
        }
    }
    found
}

/// The text of all code and configuration, without comments.
pub fn code() -> String {
    let mut all = String::new();
    for file in files_below("") {
        let marks: &[&str] = match file.rsplit('.').next().unwrap_or_default() {
            "rs" | "js" | "mjs" | "ts" => &["//"],
            "toml" | "yml" => &["# "],
            "json" | "html" | "css" | "example" => &[],
            _ => continue,
        };
        for line in read(&file).lines() {
            let is_comment = marks.iter().any(|mark| line.trim_start().starts_with(mark));
            if !is_comment {
                all.push_str(line);
                all.push('\n');
            }
        }
    }
    all
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
