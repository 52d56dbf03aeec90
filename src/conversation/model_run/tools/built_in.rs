//! The tools that are built in: what they take, and what a call of one does.
//!
//! They call nobody. Not here: calls (`tools`), and what comes of an effect (`messaging`, `voice`).

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::{
    config::{ASK_DIGITS_TOOL, Assistant, END_CONVERSATION_TOOL, HAND_OFF_TOOL},
    identity::Medium,
};

/// What a built-in tool does, once the turn is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The conversation ends: it is cleared after the answer.
    EndConversation,
    /// The contact is handed over to a person, for this reason.
    HandOff(String),
    /// The caller is asked for digits. It is an effect and not a result, because a run cannot wait for
    /// a person: its time is short, and a call's object leaves memory between two keys. So the question
    /// is the answer of the turn, and the keys are what the caller says in the next one. They could be
    /// told as the result of the call, too. But then the call, with what its endpoint wants to see
    /// again beside it, would have to be stored, which this project promises not to do.
    AskDigits(AskDigits),
}

/// What a caller is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskDigits {
    /// What is said.
    pub question: String,
    /// The most digits.
    pub most: u8,
}

impl Effect {
    /// What is said as the answer, if this ends the turn.
    pub(super) fn question(&self) -> Option<&str> {
        match self {
            Self::AskDigits(asked) => Some(&asked.question),
            Self::EndConversation | Self::HandOff(_) => None,
        }
    }
}

/// The longest question, in characters.
const MAX_QUESTION: usize = 500;
/// The most digits that can be asked for. The longest numbers that people have at hand, those of bank
/// accounts, have fewer.
const MAX_DIGITS: u8 = 32;

/// A tool that is built in.
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) parameters: Value,
    /// What a call with these arguments does, if they are right.
    pub(super) effect: fn(&Map<String, Value>) -> Option<Effect>,
    /// Whether a call of it is the end of the turn. It must then be the only call of its round.
    pub(super) ends_turn: bool,
    /// The word for arguments that are not right, and for a call that is not alone and should be.
    pub(super) fails_as: &'static str,
    /// What the model is told.
    pub(super) result: &'static str,
    /// Whether an assistant has it.
    pub(super) is_of: fn(&Assistant, Medium) -> bool,
}

/// The tools that are built in.
pub(super) static BUILT_IN: LazyLock<[BuiltIn; 3]> = LazyLock::new(|| {
    [
        BuiltIn {
            name: END_CONVERSATION_TOOL,
            description: "Ends the conversation, when the contact has said goodbye or everything is \
            settled. Your next answer is the last one, and everything that was said is forgotten.",
            parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
            effect: |_| Some(Effect::EndConversation),
            ends_turn: false,
            fails_as: "invalid_arguments",
            result: "done",
            is_of: |assistant, _| assistant.end_conversation,
        },
        BuiltIn {
            name: HAND_OFF_TOOL,
            description: "Hands the contact over to a person, when the contact asks for one or you \
            cannot help. The contact is told, and from then on a person answers.",
            parameters: json!({
                "type": "object",
                "properties": { "reason": { "type": "string", "description": "Why, in one sentence" } },
                "required": ["reason"],
                "additionalProperties": false,
            }),
            effect: |arguments| {
                let reason = arguments.get("reason")?.as_str()?.trim();
                let is_alone = arguments.len() == 1 && !reason.is_empty();
                is_alone.then(|| Effect::HandOff(reason.to_owned()))
            },
            ends_turn: false,
            fails_as: "hand_off_failed",
            result: "handed_over",
            is_of: |assistant, medium| match medium {
                Medium::Messages(_) | Medium::Synthetic => assistant.hand_off.is_some(),
                Medium::Call => assistant.voice.hand_off_to.is_some(),
            },
        },
        BuiltIn {
            name: ASK_DIGITS_TOOL,
            description: "Asks the caller for a number, which the caller presses on the phone's keys. Your \
            question is said, and your turn ends. The digits are in the next message. Call no other tool with it.",
            parameters: json!({
                "type": "object",
                "properties": {
                    "question": {
                        "type": "string",
                        "description": "What is said, such as: Please enter your order number, and then press the hash key.",
                    },
                    "max_digits": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": MAX_DIGITS,
                        "description": "The most digits. The entry ends after so many, or with the hash key",
                    },
                },
                "required": ["question", "max_digits"],
                "additionalProperties": false,
            }),
            effect: ask_digits,
            ends_turn: true,
            fails_as: "not_asked",
            result: "asked",
            is_of: |assistant, medium| medium == Medium::Call && assistant.voice.ask_digits,
        },
    ]
});

fn ask_digits(arguments: &Map<String, Value>) -> Option<Effect> {
    let question = arguments.get("question")?.as_str()?.trim();
    let most = u8::try_from(arguments.get("max_digits")?.as_u64()?).ok()?;
    let is_right = arguments.len() == 2
        && (1..=MAX_QUESTION).contains(&question.chars().count())
        && (1..=MAX_DIGITS).contains(&most);
    is_right.then(|| {
        Effect::AskDigits(AskDigits {
            question: question.to_owned(),
            most,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_asked_for_with_a_question_and_a_number_that_is_possible() {
        let asked = |arguments: Value| ask_digits(arguments.as_object().unwrap());
        let right = json!({ "question": " Your order? ", "max_digits": 4 });
        let question = "Your order?".to_owned();
        let expected = Effect::AskDigits(AskDigits { question, most: 4 });
        assert_eq!(asked(right), Some(expected));
        for wrong in [
            json!({}),
            json!({ "question": "Your order?" }),
            json!({ "question": "", "max_digits": 4 }),
            json!({ "question": "x".repeat(501), "max_digits": 4 }),
            json!({ "question": "Your order?", "max_digits": 0 }),
            json!({ "question": "Your order?", "max_digits": 33 }),
            json!({ "question": "Your order?", "max_digits": "4" }),
            json!({ "question": "Your order?", "max_digits": 4, "call": "+15550142" }),
        ] {
            assert_eq!(asked(wrong.clone()), None, "{wrong}");
        }
    }
}
