//! The settings that tests run with.
//!
//! Not here: which values a setting takes (`src/config/`).

use switchboard::config::{Config, SettingError};

/// The auth token that signs webhooks.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

const MINIMAL: [(&str, &str); 3] = [
    ("TWILIO_AUTH_TOKEN", TOKEN),
    ("OPENAI_API_KEY", "sk-test-planted-key"),
    ("PSEUDONYM_KEY", "a-pseudonym-key-of-enough-length"),
];

/// The smallest valid configuration with these changes; an empty value unsets a setting.
pub fn config(changes: &[(&str, &str)]) -> Result<Config, Vec<SettingError>> {
    Config::parse(|name| {
        changes
            .iter()
            .chain(&MINIMAL)
            .find(|(other, _)| *other == name)
            .map(|(_, value)| (*value).to_owned())
    })
}
