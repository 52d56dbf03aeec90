//! Who can talk in a synthetic conversation, and about what: the names in the files of personas and
//! scenarios.
//!
//! Not here: anything else in a file. The Worker reads and checks it.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::toml_folder;

/// Where the files are.
#[derive(Debug, Default)]
pub struct Folders {
    /// The folder that has `agents` and `customers`.
    pub personas: Option<PathBuf>,
    /// The folder of the scenarios.
    pub scenarios: Option<PathBuf>,
}

/// Who can talk, and about what.
#[derive(Debug, Serialize)]
pub struct Cast {
    agents: Vec<Identified<Agent>>,
    customers: Vec<Identified<Customer>>,
    scenarios: Vec<Identified<Scenario>>,
}

impl Folders {
    /// Reads the files as they are now.
    pub fn read(&self) -> Cast {
        let personas = self.personas.as_deref();
        Cast {
            agents: identified(personas.map(|folder| folder.join("agents")).as_deref()),
            customers: identified(personas.map(|folder| folder.join("customers")).as_deref()),
            scenarios: identified(self.scenarios.as_deref()),
        }
    }
}

/// A file with its id, which is its name.
#[derive(Debug, Serialize)]
struct Identified<T> {
    id: String,
    #[serde(flatten)]
    content: T,
}

#[derive(Debug, Serialize, Deserialize)]
struct Agent {
    name: String,
    role: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Customer {
    name: String,
    issue: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Scenario {
    goal: String,
    #[serde(rename(serialize = "criteria"))]
    success_criteria: Vec<Criterion>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Criterion {
    name: String,
    asks: String,
}

fn identified<T: DeserializeOwned>(folder: Option<&Path>) -> Vec<Identified<T>> {
    let files = folder.map(toml_folder::read::<T>).unwrap_or_default();
    files
        .into_iter()
        .map(|(id, content)| Identified { id, content })
        .collect()
}
