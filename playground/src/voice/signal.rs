//! What a call has to react to: the person, and the REST API.

use serde::Deserialize;

use crate::twilio::calls::Order;

/// What the person does in a call.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// They answer a call of the Worker.
    Answer,
    /// They begin to speak.
    Speak,
    /// They have said this.
    Say {
        /// The words.
        text: String,
    },
    /// They press keys.
    Press {
        /// The keys.
        digits: String,
    },
    /// They hang up.
    HangUp,
    /// A fault: the WebSocket of the relay dies.
    DropSocket,
}

/// Something that a call has to react to.
pub enum Signal {
    /// The person does this.
    Person(Action),
    /// The REST API wants this.
    Order(Order),
}
