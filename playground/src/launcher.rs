//! What `npm start` has told the playground about the Worker that it runs, and what the page asks of
//! `npm start`.
//!
//! Not here: starting the Worker. The playground prints what the page wants, and `npm start`, which
//! reads what the playground prints, does it.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::base::console::print_line;
use crate::base::shared::lock;

/// What `npm start` has told.
#[derive(Default)]
pub struct Launcher {
    told: Mutex<Option<Told>>,
}

/// What `npm start` tells. It never tells the value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The names of the settings in `.dev.vars` that have a value.
    pub settings: BTreeSet<String>,
    /// Which OpenAI the Worker asks.
    pub openai: OpenAi,
    /// The host of the Twilio that the Worker asks. Without one it asks the playground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    twilio: Option<String>,
}

/// Which OpenAI the Worker asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAi {
    /// The one that it asks now.
    asked: Asked,
    /// Whether there is a key for the real one, so that the page can choose.
    can_switch: bool,
    /// The one that a Worker is started for.
    #[serde(default)]
    starting: Option<Choice>,
    /// Why the last switch did not succeed.
    #[serde(default)]
    problem: Option<String>,
}

/// Which OpenAI is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Asked {
    /// The mock one of the playground.
    Mock,
    /// The real one, which costs money.
    Real,
    /// The one that `OPENAI_BASE_URL` names: its host.
    Other(String),
    /// None: there is no key.
    Nobody,
}

/// One of the two that the page can choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The mock one of the playground.
    Mock,
    /// The real one, which costs money.
    Real,
}

impl Launcher {
    /// Keeps what `npm start` tells.
    pub fn tell(&self, told: Told) {
        *lock(&self.told) = Some(told);
    }

    /// Asks `npm start` to start the Worker for another OpenAI.
    ///
    /// # Errors
    /// A sentence that says why that is not possible.
    pub fn choose(&self, choice: Choice) -> Result<(), &'static str> {
        match lock(&self.told).as_ref() {
            None => Err("only `npm start` can switch OpenAI, and it did not start this playground"),
            Some(told) if !told.openai.can_switch => Err(
                "there is nothing to switch: set OPENAI_API_KEY in .dev.vars to a key of OpenAI, \
                 without OPENAI_BASE_URL",
            ),
            Some(_) => {
                print_line(match choice {
                    Choice::Mock => "playground: the page chooses the mock OpenAI",
                    Choice::Real => "playground: the page chooses the real OpenAI",
                });
                Ok(())
            }
        }
    }
}
