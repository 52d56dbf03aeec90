//! The `.toml` files of a folder.

use std::path::Path;

use serde::de::DeserializeOwned;

/// The name of each file without its ending, and its content, in the order of the names. A file that
/// cannot be read is left out: the Worker says what is wrong with it.
pub fn read<T: DeserializeOwned>(folder: &Path) -> Vec<(String, T)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut read: Vec<(String, T)> = files
        .filter_map(|file| {
            let path = file.path();
            let is_toml = path.extension().is_some_and(|ending| ending == "toml");
            let name = path.file_stem().filter(|_| is_toml)?.to_str()?.to_owned();
            let content = toml::from_str(&std::fs::read_to_string(&path).ok()?).ok()?;
            Some((name, content))
        })
        .collect();
    read.sort_by(|(one, _), (other, _)| one.cmp(other));
    read
}
