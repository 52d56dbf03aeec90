//! The settings: variables and secrets. They are parsed once, and all errors are found together.
//!
//! A setting has one place: its entry in the table of `settings`. Tests compare the documentation,
//! `wrangler.toml` and `.dev.vars.example` with the table. A value that does not parse is an error
//! that names the setting. It is never replaced by the default, and never shown.
//!
//! The fixed texts are in `texts`. Not here: reading the environment (`runtime`), and closing the routes on an error (`http`).

mod parsers;
mod reader;
mod settings;
mod texts;

pub use reader::{DefaultValue, Kind, Setting, SettingError};
pub use settings::{Config, SETTINGS};
pub use texts::{FixedText, Language, english};

/// The prices of a million tokens, in millionths of the operator's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// The price of request tokens.
    pub input: u64,
    /// The price of answer tokens.
    pub output: u64,
}

impl Config {
    /// Whether OpenAI itself answers, and not another server with the same API. This is so at
    /// OpenAI's own hosts, and behind Cloudflare's AI Gateway, which passes requests on unchanged.
    ///
    /// The playground on this machine counts as OpenAI, so that it receives what OpenAI would. Its
    /// keys start with `sk-playground-`.
    #[must_use]
    pub fn is_openai(&self) -> bool {
        let (url, key) = (&self.openai_base_url, self.openai_api_key.expose());
        let in_playground = url.is_loopback() && key.starts_with("sk-playground-");
        url.is_openai_host() || url.is_gateway_to_openai() || in_playground
    }

    /// The model's prices, if the operator has set them.
    #[must_use]
    pub fn prices(&self) -> Option<Prices> {
        let (input, output) = (self.openai_price_input?, self.openai_price_output?);
        Some(Prices { input, output })
    }
}

#[cfg(test)]
pub(crate) mod tests;
