//! What the model is told to play a persona, and how its line is read.
//!
//! The constant part comes first, and nothing in a prompt changes during a conversation, so the
//! model's cache serves it. Not here: asking the model (`run::speak`).

use serde_json::{Value, json};

use crate::{
    config::{Agent, Customer, Scenario},
    openai::json_object,
};

/// The rules of a persona.
const RULES: &str = "\
You play one person in a phone call, to make data for tests. Stay in your role. You are not an \
assistant, and you never say that you are a machine or that this is a test.

- Say one to three short sentences of spoken language. No lists, no headings, no emoji, no stage \
directions.
- Never say what you have said before. Never say the other person's lines.
- Say only what your person can know. Facts are given when they are asked for, not all at once.
- A text in square brackets is for you alone: follow it, and never mention it.
- When everything is said, or when your person has had enough, say goodbye and set `ends_call`. \
When the other person has said goodbye, say goodbye in one sentence and set `ends_call`.

Reply with one JSON object and nothing else: {\"say\": your words, \"ends_call\": true or false}.";

/// The system prompt of an agent.
#[must_use]
pub fn agent(scenario: &Scenario, agent: &Agent) -> String {
    let Agent {
        name,
        role,
        opening,
        competence,
        attitude,
        product_knowledge,
        characteristics,
        farewell,
        sound,
    } = agent;
    format!(
        "{RULES}\n\nScenario: {}\nGoal of the call: {}\nYou are: the agent\nLanguage: {}\n\
         Name: {name}\nRole: {role}\nOpening: {opening}\nCompetence: {}\nAttitude: {attitude}\n\
         Product knowledge: {product_knowledge}\nCharacteristics: {}\nFarewell: {farewell}",
        scenario.setting,
        scenario.goal,
        sound.language,
        competence.as_str(),
        characteristics.join("; "),
    )
}

/// The system prompt of a customer.
#[must_use]
pub fn customer(scenario: &Scenario, customer: &Customer) -> String {
    let Customer {
        name,
        issue,
        desired_resolution,
        demeanour,
        technical_proficiency,
        patience,
        escalation_trigger,
        hangs_up_when,
        expected_length,
        facts,
        sound,
    } = customer;
    format!(
        "{RULES}\n\nScenario: {}\nYou are: the customer\nLanguage: {}\nName: {name}\nIssue: {issue}\n\
         Desired resolution: {desired_resolution}\nDemeanour: {demeanour}\n\
         Technical proficiency: {}\nPatience: {}\nEscalates when: {escalation_trigger}\n\
         Hangs up when: {hangs_up_when}\nExpected length: {}\nFacts: {}",
        scenario.setting,
        sound.language,
        technical_proficiency.as_str(),
        patience.as_str(),
        expected_length.as_str(),
        facts.join(" | "),
    )
}

/// What the speaker is told now, at the end of what it has heard.
#[must_use]
pub fn with_direction(heard: &str, direction: Option<&str>) -> String {
    match direction {
        Some(direction) => format!("{heard}\n[Direction: {direction}]"),
        None => heard.to_owned(),
    }
}

/// The strict JSON Schema of a line, as `response_format` wants it.
#[must_use]
pub fn line_schema() -> Value {
    json!({
        "type": "json_schema",
        "json_schema": {
            "name": "persona_line",
            "strict": true,
            "schema": {
                "type": "object",
                "required": ["say", "ends_call"],
                "additionalProperties": false,
                "properties": {
                    "say": { "type": "string" },
                    "ends_call": { "type": "boolean" },
                },
            },
        },
    })
}

/// What a persona says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Its words.
    pub text: String,
    /// Whether it wants to end the call.
    pub ends_call: bool,
}

/// The longest line, in characters.
pub const MAX_LINE: usize = 1000;

/// Reads a line. `None`: it is not the JSON that was asked for, or has no words.
#[must_use]
pub fn read_line(answer: &str) -> Option<Spoken> {
    let answer = json_object(answer)?;
    let text = answer.get("say")?.as_str()?.trim();
    let text: String = text.chars().take(MAX_LINE).collect();
    (!text.is_empty()).then(|| Spoken {
        text,
        ends_call: answer.get("ends_call") == Some(&Value::Bool(true)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_and_without_a_fence() {
        let line = Spoken {
            text: "Bye.".into(),
            ends_call: true,
        };
        let json = r#"{"say":" Bye. ","ends_call":true}"#;
        assert_eq!(read_line(json), Some(line.clone()));
        assert_eq!(read_line(&format!("```json\n{json}\n```")), Some(line));
    }

    #[test]
    fn what_is_no_line_is_never_spoken() {
        for answer in [
            "I am sorry, something went wrong.",
            r#"{"error":"overloaded"}"#,
            r#"{"say":"  ","ends_call":false}"#,
            r#"{"say":5}"#,
            r#"["say"]"#,
            "",
        ] {
            assert_eq!(read_line(answer), None, "{answer}");
        }
    }

    #[test]
    fn a_direction_stands_on_a_line_of_its_own() {
        assert_eq!(
            with_direction("Hello.", Some("Wait.")),
            "Hello.\n[Direction: Wait.]"
        );
        assert_eq!(with_direction("Hello.", None), "Hello.");
    }
}
