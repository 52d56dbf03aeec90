//! The settings: variables and secrets, parsed once, with all errors found together.
//!
//! A setting has one place: its entry in the table of `settings`. Tests hold the documentation, `wrangler.toml` and
//! `.dev.vars.example` against it. A value that does not parse is an error that names the setting. It is never replaced by
//! a default, and never shown.

mod parsers;
mod reader;
mod settings;

pub use reader::{DefaultValue, Kind, Setting, SettingError};
pub use settings::{Config, SETTINGS};

/// What a million tokens cost, in millionths of the operator's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Tokens of requests.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
}

impl Config {
    /// Whether OpenAI itself answers, and not another server with the same API. That is so at OpenAI's own hosts, and through
    /// Cloudflare's AI Gateway, which passes a request on unchanged. The playground stands for OpenAI on this machine, with a
    /// key of its own (`sk-playground-…`), so that it sees what OpenAI would see.
    #[must_use]
    pub fn is_openai(&self) -> bool {
        let (url, key) = (&self.openai_base_url, self.openai_api_key.expose());
        let in_playground = url.is_loopback() && key.starts_with("sk-playground-");
        url.is_openai_host() || url.is_gateway_to_openai() || in_playground
    }

    /// What the model costs, if the operator has said so.
    #[must_use]
    pub fn prices(&self) -> Option<Prices> {
        let (input, output) = (self.openai_price_input?, self.openai_price_output?);
        Some(Prices { input, output })
    }
}

#[cfg(test)]
pub(crate) mod tests;
