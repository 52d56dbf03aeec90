//! Stage directions: how a persona is to speak its next line.

use super::choice::Choice;
use super::part::Side;
use super::sentence::misheard;

/// A direction that can be followed. Any other is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Interrupt the other.
    Interrupt,
    /// Get the other's name wrong.
    MishearName,
    /// Give a wrong number.
    WrongNumber,
    /// Talk about something else.
    ChangeTopic,
    /// Be impatient.
    Impatience,
    /// Say goodbye.
    Goodbye,
}

impl Direction {
    /// Reads a direction, such as `Direction: Show impatience.`
    pub fn read(text: &str) -> Option<Self> {
        let plain = text.to_lowercase();
        let has = |words: &[&str]| words.iter().all(|word| plain.contains(word));
        let found = [
            (has(&["interrupt"]), Self::Interrupt),
            (
                has(&["mishear"]) || has(&["wrong", "name"]),
                Self::MishearName,
            ),
            (has(&["wrong", "number"]), Self::WrongNumber),
            (has(&["topic"]), Self::ChangeTopic),
            (has(&["impatien"]), Self::Impatience),
            (has(&["goodbye"]) || has(&["end the call"]), Self::Goodbye),
        ];
        let mut found = found.into_iter().filter(|(is_meant, _)| *is_meant);
        found.next().map(|(_, direction)| direction)
    }

    /// What the persona says first, before its line.
    pub fn opening(self, side: Side, name: Option<&str>, choice: &Choice) -> Option<String> {
        match (self, side) {
            (Self::Interrupt, _) => choice.fresh(&INTERRUPTIONS, ""),
            (Self::MishearName, _) => {
                let wrong = name.map_or_else(|| "Wanda".to_owned(), misheard);
                choice.fresh(&MISHEARD, &wrong)
            }
            (Self::Impatience, Side::Customer) => choice.fresh(&IMPATIENT_CUSTOMER, ""),
            (Self::Impatience, Side::Agent) => choice.fresh(&IMPATIENT_AGENT, ""),
            _ => None,
        }
    }

    /// What the persona says instead of its line.
    pub fn instead(self, side: Side, choice: &Choice) -> Option<String> {
        match (self, side) {
            (Self::ChangeTopic, Side::Customer) => choice.fresh(&OTHER_TOPICS_CUSTOMER, ""),
            (Self::ChangeTopic, Side::Agent) => choice.fresh(&OTHER_TOPICS_AGENT, ""),
            _ => None,
        }
    }
}

const INTERRUPTIONS: [&str; 6] = [
    "Sorry, let me stop you there.",
    "Hold on, I have to interrupt you.",
    "Wait, before you go on.",
    "No, no, one moment.",
    "Let me just cut in here.",
    "Excuse me, I was not finished.",
];
const MISHEARD: [&str; 5] = [
    "Did I get that right, your name is {}?",
    "Listen, {}.",
    "All right, {}.",
    "It was {}, was it not?",
    "So, {}, to come back to it.",
];
const IMPATIENT_CUSTOMER: [&str; 5] = [
    "I do not have all day.",
    "Can we get to the point, please?",
    "This is taking far too long.",
    "I have been on this call long enough.",
    "Could you hurry up a little?",
];
const IMPATIENT_AGENT: [&str; 5] = [
    "There are other callers waiting.",
    "Could you come to the point, please?",
    "We have been through this.",
    "I need short answers now.",
    "Let us keep this quick.",
];
const OTHER_TOPICS_CUSTOMER: [&str; 5] = [
    "Before I forget, something else: are you open on public holidays?",
    "By the way, do you still have that loyalty programme?",
    "Something quite different: can I pay in instalments at your company?",
    "Oh, and my neighbour wants to become a customer. Whom should she call?",
    "Another thing, the music on your hold line is dreadful. Who picks it?",
];
const OTHER_TOPICS_AGENT: [&str; 5] = [
    "Before I forget, something else: may we send you our newsletter?",
    "By the way, have you seen our new online account?",
    "Something quite different: are we still calling you on the right phone number?",
    "While I have you, would you answer one question for our survey?",
    "Another thing, our office moves in spring. Did you get the notice?",
];
