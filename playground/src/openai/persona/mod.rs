//! The mock model as a persona in a call: a customer or an agent, each played from its description.
//!
//! It plays what the system message says in labelled lines (`part`), and goes by what the other
//! persona has said (`heard`). The same messages always get the same line, and no line comes twice
//! in a conversation (`choice`). Not here: who speaks when, and how a call ends. That is the
//! Worker's business. The score of a conversation is in `score`.

use serde_json::{Value, json};

use self::choice::Choice;
use self::heard::Heard;
use self::part::{Part, Side};
use super::messages::Spoken;
use crate::fault::BodyFault;

mod agent;
mod choice;
mod customer;
mod direction;
mod heard;
mod part;
mod sentence;
mod topic;

/// The name of the answer's schema, by which a request of a persona is known.
pub const NAME: &str = "persona_line";

/// The next line of the persona whom `instructions` describe.
pub fn line(instructions: &[String], spoken: &[Spoken], fault: Option<BodyFault>) -> Value {
    let part = Part::read(instructions);
    let heard = Heard::read(spoken);
    let choice = Choice::new(&part, spoken);
    if let (Some(BodyFault::SameLine), Some(last)) = (fault, choice.last()) {
        return json!({"say": last, "ends_call": false});
    }
    let may_end = fault != Some(BodyFault::NoGoodbye);
    let line = match part.side {
        Side::Agent => agent::line(&part, &heard, &choice, may_end),
        Side::Customer => customer::line(&part, &heard, &choice, may_end),
    };
    json!({"say": line.say, "ends_call": line.ends_call})
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests;
