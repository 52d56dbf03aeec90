//! The assistants that the phones can write to: the names of the files, and the numbers in them.
//!
//! Not here: anything else in a file. The Worker reads and checks it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::toml_folder;

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

/// The assistants in the files of a folder, by name.
pub fn read(folder: &Path) -> Vec<Assistant> {
    let files = toml_folder::read::<Numbers>(folder).into_iter();
    files
        .map(|(name, Numbers { numbers })| Assistant { name, numbers })
        .collect()
}
