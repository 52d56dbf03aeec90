//! The check of the files, by the Worker's own parser.
//!
//! The mocks share no code with the Worker, so that a mistake in a protocol is not made on both
//! sides. A file is no protocol: the page must say of it exactly what the Worker will say.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard::config::{self, AssistantFile, Sources};

use super::fields::Values;

/// Something is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FileError {
    /// The path, such as `assistants/default.toml`.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The field, or nothing.
    #[serde(default)]
    pub field: String,
    /// What it must be.
    pub problem: String,
}

/// What the Worker says about a text.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// What is wrong with the text, or would be wrong in another file because of it.
    pub errors: Vec<FileError>,
    /// What is wrong in other files anyway.
    pub elsewhere: Vec<FileError>,
    /// The fields that the page shows. Nothing, if the text is not TOML.
    pub values: Option<Values>,
    /// The assistant as `npm run assistants` shows it, if all files are right.
    pub summary: Option<Value>,
    /// The secrets that the files name.
    pub secrets: Vec<String>,
    /// The settings that replace what the file says.
    pub replaced_by: Vec<&'static str>,
}

/// What the check of the Worker returns.
#[derive(Deserialize)]
struct Report {
    errors: Vec<ReportedError>,
    missing_secrets: Vec<String>,
    assistants: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ReportedError {
    File(FileError),
    /// No settings are read here, so there is nothing to say about them.
    Setting {},
}

/// Checks `text` as the file `name`, beside the others. `stored` is the text that the file has now.
pub fn check(others: &[(String, String)], name: &str, stored: &str, text: &str) -> Checked {
    let before = report(others, name, stored);
    let after = report(others, name, text);
    let own = format!("assistants/{name}.toml");
    let (errors, elsewhere) = file_errors(&after)
        .cloned()
        .partition(|error| error.file == own || !file_errors(&before).any(|old| old == error));
    let summary = after
        .assistants
        .into_iter()
        .find(|summary| summary.get("name").is_some_and(|other| other == name));
    Checked {
        errors,
        elsewhere,
        values: Values::of(text),
        summary,
        secrets: after.missing_secrets,
        replaced_by: replaced_by(name),
    }
}

fn file_errors(report: &Report) -> impl Iterator<Item = &FileError> {
    report.errors.iter().filter_map(|error| match error {
        ReportedError::File(error) => Some(error),
        ReportedError::Setting {} => None,
    })
}

fn report(others: &[(String, String)], name: &str, text: &str) -> Report {
    let file = |(name, text): (&str, &str)| AssistantFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let others = others.iter();
    let others = others.map(|(name, text)| (name.as_str(), text.as_str()));
    let mut files: Vec<AssistantFile> = others.chain([(name, text)]).map(file).collect();
    // In the order of the names, as the Worker has them.
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let report = config::check(&Sources {
        setting: &|_| None,
        files: &files,
        is_time_zone: &is_time_zone,
    });
    serde_json::from_str(&report).unwrap_or(Report {
        errors: Vec::new(),
        missing_secrets: Vec::new(),
        assistants: Vec::new(),
    })
}

/// Whether this machine knows the time zone. One without a list of them leaves that to the Worker.
fn is_time_zone(name: &str) -> bool {
    let list = Path::new("/usr/share/zoneinfo");
    let is_name = name
        .split('/')
        .all(|part| !part.is_empty() && !part.starts_with('.'));
    is_name && (!list.is_dir() || list.join(name).is_file())
}

/// The settings in whose place the file of `default` speaks.
fn replaced_by(name: &str) -> Vec<&'static str> {
    let in_file = config::SETTINGS.iter().filter(|setting| {
        name == "default" && setting.default == config::DefaultValue::InAssistant
    });
    in_file.map(|setting| setting.name).collect()
}
