//! The assistants that the phones can write to, and their files: the page reads, checks and saves
//! them.
//!
//! `check` has the Worker's own parser. Not here: what becomes of a saved file (`npm start`).

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::base::toml_folder;

mod check;
mod fields;
mod file;

pub use self::check::Checked;
pub use self::fields::Change;
pub use self::file::{Content, Saved};

/// An assistant, as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assistant {
    /// Its name: that of its file.
    pub name: String,
    /// The numbers and addresses that it answers. Without any, it answers the rest.
    pub numbers: Vec<String>,
}

/// What is read of a file to find who answers a number.
#[derive(Deserialize)]
struct Numbers {
    #[serde(default)]
    numbers: Vec<String>,
}

/// The folder of the assistants, if there is one.
#[derive(Default)]
pub struct Assistants {
    folder: Option<PathBuf>,
    /// Held while a file is compared and written.
    writing: Mutex<()>,
}

impl Assistants {
    /// The assistants in the files of a folder.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            writing: Mutex::default(),
        }
    }

    /// The assistants, by name. One whose file is not TOML is left out.
    pub fn list(&self) -> Vec<Assistant> {
        let folder = self.folder.as_deref();
        let files = folder.map(toml_folder::read::<Numbers>).unwrap_or_default();
        let files = files.into_iter();
        files
            .map(|(name, Numbers { numbers })| Assistant { name, numbers })
            .collect()
    }

    /// The names of all files, in order.
    pub fn names(&self) -> Vec<String> {
        let files = self.folder.as_deref().map(toml_folder::files);
        let files = files.unwrap_or_default().into_iter();
        files.map(|(name, _)| name).collect()
    }

    /// The text of a file.
    ///
    /// # Errors
    /// A sentence that says why it cannot be edited.
    pub fn read(&self, name: &str) -> Result<Content, String> {
        file::read(&self.path(name)?)
    }

    /// What the Worker would say about the files with this text in place of one of them.
    ///
    /// # Errors
    /// As [`Assistants::read`].
    pub fn check(&self, name: &str, text: &str) -> Result<Checked, String> {
        let stored = self.read(name)?.text;
        let others: Vec<(String, String)> = self
            .names()
            .into_iter()
            .filter(|other| other != name)
            .filter_map(|other| {
                let text = self.read(&other).ok()?.text;
                Some((other, text))
            })
            .collect();
        Ok(check::check(&others, name, &stored, text))
    }

    /// Writes a file whose text was read as `version`, if it is right.
    ///
    /// # Errors
    /// As [`Assistants::read`], or a sentence that says why it could not be written.
    pub fn save(&self, name: &str, text: &str, version: &str) -> Result<Saved, String> {
        let path = self.path(name)?;
        let _writing = crate::base::shared::lock(&self.writing);
        let checked = self.check(name, text)?;
        if !checked.errors.is_empty() {
            return Ok(Saved::Wrong(checked));
        }
        file::write(&path, text, version)
    }

    /// The path of a file of the folder. It is never made of the name, only found by it.
    fn path(&self, name: &str) -> Result<PathBuf, String> {
        let Some(folder) = self.folder.as_deref() else {
            return Err(
                "the playground was started without --assistants, so it has no files to edit"
                    .to_owned(),
            );
        };
        let is_named = |(other, path): (String, PathBuf)| (other == name).then_some(path);
        let path = toml_folder::files(folder).into_iter().find_map(is_named);
        let path = path.ok_or_else(|| format!("there is no assistant named {name:.60}"))?;
        require_plain_file(&path)?;
        Ok(path)
    }
}

/// A link could lead out of the folder.
fn require_plain_file(path: &Path) -> Result<(), String> {
    let is_plain = path
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file());
    is_plain
        .then_some(())
        .ok_or_else(|| "this is a link and no plain file: edit it with an editor".to_owned())
}
