//! The check of all files without a deployment: what is wrong, which secrets are not there, and which
//! assistants there are. `npm run assistants` shows it.
//!
//! Not here: the check of a deployment, which needs all settings (`Config::parse`, `/health`).

use std::{cell::RefCell, collections::BTreeSet};

use serde::Serialize;

use super::{
    assistants::{Assistant, Claim},
    reader::ConfigError,
    settings::{Config, SETTINGS, Sources},
};

/// What stands in for a setting that is required and not there.
const STAND_INS: [(&str, &str); 4] = [
    ("TWILIO_AUTH_TOKEN", "00000000000000000000000000000000"),
    ("OPENAI_API_KEY", "sk-not-set"),
    ("PSEUDONYM_KEY", "00000000000000000000000000000000"),
    // Files for local use are checked, too.
    ("TWILIO_API_BASE_URL", "http://127.0.0.1"),
];
/// What stands in for a secret that a file names. It is a signing secret.
const SECRET_STAND_IN: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

/// Checks the files with the settings that are there, and returns the result as JSON.
#[must_use]
pub fn check(sources: &Sources<'_>) -> String {
    #[derive(Serialize)]
    struct Checked {
        errors: Vec<ConfigError>,
        missing_secrets: BTreeSet<String>,
        assistants: Vec<Summary>,
    }
    let missing = RefCell::new(BTreeSet::new());
    let stand_in = |name: &str| {
        let is_setting = SETTINGS.iter().any(|setting| setting.name == name);
        let fixed = STAND_INS.iter().find(|(other, _)| *other == name);
        match fixed {
            Some((_, value)) => Some((*value).to_owned()),
            None if is_setting => None,
            None => {
                missing.borrow_mut().insert(name.to_owned());
                Some(SECRET_STAND_IN.to_owned())
            }
        }
    };
    let lookup = |name: &str| {
        if name == "TWILIO_API_BASE_URL" {
            return stand_in(name);
        }
        let own = (sources.setting)(name).filter(|value| !value.is_empty());
        own.or_else(|| stand_in(name))
    };
    let parsed = Config::parse(&Sources {
        setting: &lookup,
        ..*sources
    });
    let missing_secrets = missing.into_inner();
    let is_stand_in = |error: &ConfigError| match error {
        ConfigError::Setting(error) => missing_secrets.contains(error.setting.as_ref()),
        ConfigError::File(_) => false,
    };
    let (errors, assistants) = match parsed {
        Ok(config) => (Vec::new(), summaries(config.assistants.iter())),
        Err(errors) => (
            errors
                .into_iter()
                .filter(|error| !is_stand_in(error))
                .collect(),
            Vec::new(),
        ),
    };
    let checked = Checked {
        errors,
        missing_secrets,
        assistants,
    };
    // Writing to memory never fails.
    serde_json::to_string(&checked).unwrap_or_default()
}

/// An assistant in the table.
#[derive(Serialize)]
struct Summary {
    name: String,
    numbers: Vec<String>,
    model: String,
    tools: Vec<String>,
    /// The number of its fields.
    intake: usize,
    hand_off: bool,
    local_only: bool,
}

fn summaries<'a>(assistants: impl Iterator<Item = &'a Assistant>) -> Vec<Summary> {
    let summary = |assistant: &Assistant| Summary {
        name: assistant.name.clone(),
        numbers: assistant
            .numbers
            .iter()
            .map(|claim: &Claim| claim.as_str().to_owned())
            .collect(),
        model: assistant.endpoints.get(0).model.clone(),
        tools: assistant
            .tools
            .iter()
            .map(|tool| tool.name.clone())
            .collect(),
        intake: assistant
            .intake
            .as_ref()
            .map_or(0, |intake| intake.fields.len()),
        hand_off: assistant.hand_off.is_some(),
        local_only: assistant.local_only,
    };
    assistants.map(summary).collect()
}
