//! The assistants that the phones can write to: the names of the files, and the numbers in them.
//!
//! Not here: anything else in a file. The Worker reads and checks it.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// An assistant, as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assistant {
    /// Its name: that of its file.
    pub name: String,
    /// The numbers and addresses that it answers. Without any, it answers the rest.
    pub numbers: Vec<String>,
}

/// What is read of a file.
#[derive(Deserialize)]
struct Numbers {
    #[serde(default)]
    numbers: Vec<String>,
}

/// The assistants in the `.toml` files of a folder, by name. A file that cannot be read is left out:
/// the Worker says what is wrong with it.
pub fn read(folder: &Path) -> Vec<Assistant> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut assistants: Vec<Assistant> = files
        .filter_map(|file| {
            let path = file.path();
            let is_toml = path.extension().is_some_and(|ending| ending == "toml");
            let name = path.file_stem().filter(|_| is_toml)?.to_str()?.to_owned();
            let Numbers { numbers } = toml::from_str(&std::fs::read_to_string(&path).ok()?).ok()?;
            Some(Assistant { name, numbers })
        })
        .collect();
    assistants.sort_by(|one, other| one.name.cmp(&other.name));
    assistants
}
