//! The settings that tests run with.
//!
//! Not here: which values a setting takes (`src/config/`).

use switchboard::config::{AssistantFile, Config, ConfigError, Sources};

/// The auth token that signs webhooks.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

const MINIMAL: [(&str, &str); 3] = [
    ("TWILIO_AUTH_TOKEN", TOKEN),
    ("OPENAI_API_KEY", "sk-test-planted-key"),
    ("PSEUDONYM_KEY", "a-pseudonym-key-of-enough-length"),
];

/// The smallest valid configuration with these changes; an empty value unsets a setting.
pub fn config(changes: &[(&str, &str)]) -> Result<Config, Vec<ConfigError>> {
    config_with(changes, &[])
}

/// The same with these assistants beside the one of `assistants/default.toml`: their names and
/// files.
pub fn config_with(
    changes: &[(&str, &str)],
    assistants: &[(&str, &str)],
) -> Result<Config, Vec<ConfigError>> {
    let lookup = |name: &str| {
        changes
            .iter()
            .chain(&MINIMAL)
            .find(|(other, _)| *other == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let default = ("default", include_str!("../../../assistants/default.toml"));
    let file = |(name, text): &(&str, &str)| AssistantFile {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
    };
    let files: Vec<_> = assistants.iter().chain(&[default]).map(file).collect();
    Config::parse(&Sources {
        setting: &lookup,
        files: &files,
        is_time_zone: &|zone| offset_minutes(zone).is_some(),
    })
}

/// The time zones of the tests: what they are ahead of UTC, all year.
pub fn offset_minutes(zone: &str) -> Option<i32> {
    match zone {
        "UTC" => Some(0),
        "Europe/Berlin" => Some(60),
        "America/New_York" => Some(-300),
        "America/Chicago" => Some(-360),
        "America/Denver" | "America/Phoenix" => Some(-420),
        "America/Los_Angeles" => Some(-480),
        _ => None,
    }
}
