//! The `.toml` files of a folder.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// The name of each file without its ending, and its content, in the order of the names. A file that
/// cannot be read is left out: the Worker says what is wrong with it.
pub fn read<T: DeserializeOwned>(folder: &Path) -> Vec<(String, T)> {
    let files = files(folder).into_iter();
    files
        .filter_map(|(name, path)| {
            let content = toml::from_str(&std::fs::read_to_string(&path).ok()?).ok()?;
            Some((name, content))
        })
        .collect()
}

/// The name of each file without its ending, and its path, in the order of the names.
pub fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(String, PathBuf)> = files
        .filter_map(|file| {
            let path = file.path();
            let is_toml = path.extension().is_some_and(|ending| ending == "toml");
            let name = path.file_stem().filter(|_| is_toml)?.to_str()?.to_owned();
            Some((name, path))
        })
        .collect();
    files.sort();
    files
}
