//! The agent: it asks for what identifies the case, explains by its competence, and does what the
//! customer wants, or does not.

use super::choice::{Choice, Line};
use super::direction::Direction;
use super::heard::Heard;
use super::part::{Level, Part, Side, Tone};
use super::sentence::{numbers, sentence, wish_in, wrong};

/// An agent ends a call by itself with its line of this number, counted from 0.
const LAST_TURN: usize = 12;

/// The agent's next line.
pub fn line(part: &Part, heard: &Heard, choice: &Choice, may_end: bool) -> Line {
    let goes_on = |say: String| Line {
        say,
        ends_call: false,
    };
    let opening = part.text("Opening");
    if choice.turn() == 0 && !opening.is_empty() {
        return goes_on(opening.to_owned());
    }
    let is_over = heard.says_goodbye()
        || heard.direction == Some(Direction::Goodbye)
        || choice.turn() >= LAST_TURN;
    if may_end && is_over {
        return Line {
            say: farewell(part, heard, choice),
            ends_call: true,
        };
    }
    let directed = heard.direction.and_then(|direction| match direction {
        Direction::WrongNumber => wrong_number(heard, choice),
        _ => direction.instead(Side::Agent, choice),
    });
    if let Some(say) = directed {
        return goes_on(say);
    }
    let name = heard.name();
    let first = heard
        .direction
        .and_then(|direction| direction.opening(Side::Agent, name.as_deref(), choice));
    let parts = [first, Some(own_line(part, heard, choice))];
    goes_on(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// The line without stage directions.
fn own_line(part: &Part, heard: &Heard, choice: &Choice) -> String {
    let competence = part.level("Competence");
    let noun = part.topic.words().noun;
    if heard.is_silent
        && let Some(say) = choice.fresh(&SILENCE, noun)
    {
        return say;
    }
    if heard.says(&["supervisor", "manager"]) {
        let pool = if competence == Level::Low {
            &NO_SUPERVISOR
        } else {
            &SUPERVISOR
        };
        if let Some(say) = choice.fresh(pool, noun) {
            return say;
        }
    }
    let number = numbers(&heard.newest).pop();
    let noted = number
        .filter(|number| !choice.has_said(number))
        .and_then(|number| choice.fresh(&NOTED, &number));
    let pool = answers(competence);
    let said = step(part, heard, choice, competence)
        .or_else(|| choice.fresh(&[fitting(heard, pool)?], noun))
        .or_else(|| choice.fresh(pool, noun))
        .unwrap_or_else(|| format!("I add point {} to my notes on {noun}.", choice.turn()));
    noted
        .into_iter()
        .chain([said])
        .collect::<Vec<_>>()
        .join(" ")
}

/// The step of the agent's plan, if there is one left.
fn step(part: &Part, heard: &Heard, choice: &Choice, competence: Level) -> Option<String> {
    let words = part.topic.words();
    let say = |pool: &[&str]| choice.fresh(pool, words.noun);
    let both = |one: Option<String>, two: Option<String>| Some(format!("{} {}", one?, two?));
    let ask = || {
        // An agent who does not listen asks for a number that it has.
        let has_number = heard.number().is_some() && competence != Level::Low;
        let question = if has_number {
            say(&words.asked)
        } else {
            say(&ASK_NUMBER)
        };
        both(say(sympathy(part.tone())), question)
    };
    let turn = choice.turn().max(1);
    match (competence, turn) {
        (_, 1) => ask(),
        (Level::High, 2) => both(say(&words.explained), say(&words.settled)),
        (Level::High, 3) => promise(heard, choice, &PROMISES),
        (Level::Medium, 2) => say(&words.asked),
        (Level::Medium, 3) => say(&words.explained),
        (Level::Medium, 4) => promise(heard, choice, &HALF_PROMISES),
        (Level::Low, 2 | 5) => say(&VAGUE),
        (Level::Low, 3) => both(say(&HOLD), say(&words.asked)),
        (Level::Low, 4) => promise(heard, choice, &NO_PROMISES),
        _ => None,
    }
}

/// The answer to a question that customers ask, if it was asked.
fn fitting(heard: &Heard, pool: &[&'static str]) -> Option<&'static str> {
    let asked = QUESTIONS.iter().position(|words| heard.says(&[words]))?;
    pool.get(asked).copied()
}

/// What the agent says to the customer's wish.
fn promise(heard: &Heard, choice: &Choice, pool: &[&str]) -> Option<String> {
    match heard.all().rev().find_map(wish_in) {
        Some(wish) => choice.fresh(pool, wish),
        None => choice.fresh(&ASK_WISH, ""),
    }
}

/// A number that is not the one which the customer gave.
fn wrong_number(heard: &Heard, choice: &Choice) -> Option<String> {
    let number = heard.number().unwrap_or_else(|| "70012".to_owned());
    choice.fresh(&WRONG_NUMBERS, &wrong(&number))
}

fn farewell(part: &Part, heard: &Heard, choice: &Choice) -> String {
    let pool = match part.tone() {
        Tone::Warm => &WARM_FAREWELLS,
        Tone::Curt => &CURT_FAREWELLS,
        Tone::Anxious => &ANXIOUS_FAREWELLS,
        Tone::Formal => &FORMAL_FAREWELLS,
    };
    let name = heard.name().unwrap_or_else(|| "and good luck".to_owned());
    let fallback = || sentence(&format!("goodbye, and {} thanks", choice.turn()));
    choice.fresh(pool, &name).unwrap_or_else(fallback)
}

fn sympathy(tone: Tone) -> &'static [&'static str] {
    match tone {
        Tone::Warm => &[
            "I am sorry to hear that.",
            "Oh, that must be annoying.",
            "Thank you for telling me, we will sort it out.",
        ],
        Tone::Curt => &["Right.", "Okay, got it.", "Yes, well."],
        Tone::Anxious => &["Oh, um, sorry about that.", "Oh no. Okay. Let me see."],
        Tone::Formal => &[
            "I understand.",
            "Thank you for explaining that.",
            "I have taken note of that.",
        ],
    }
}

fn answers(competence: Level) -> &'static [&'static str] {
    match competence {
        Level::High => &HIGH_ANSWERS,
        Level::Medium => &MEDIUM_ANSWERS,
        Level::Low => &LOW_ANSWERS,
    }
}

const ASK_NUMBER: [&str; 4] = [
    "Could you give me your order or customer number, please?",
    "Which number do I find you under, the one of the order or of the account?",
    "May I have the number of your account or your order?",
    "What is the number of your account or your order?",
];
const NOTED: [&str; 4] = [
    "Thank you, I have {} here.",
    "{}, I have found it.",
    "So that is {}, is that right?",
    "I have written down {}.",
];
const ASK_WISH: [&str; 2] = [
    "What would you like us to do?",
    "What would settle it for you?",
];
const PROMISES: [&str; 3] = [
    "You asked for {}, and that is what we do. I have put it through just now.",
    "I have arranged it: {}. You get a confirmation today.",
    "Then let us do exactly that: {}. It is done from my side.",
];
const HALF_PROMISES: [&str; 3] = [
    "I can ask for {}, but a manager has to approve it. You hear from us within three days.",
    "A part of it I can do at once. For {} I send a request to my colleagues today.",
    "Normally we can do that: {}. I have put in the request.",
];
const NO_PROMISES: [&str; 3] = [
    "Hm, {}? I'm not sure that we do that.",
    "I don't know whether I may promise that: {}.",
    "For {} you would need another department, I think.",
];
const VAGUE: [&str; 5] = [
    "I'm not sure what to do about {}, to be honest.",
    "I don't know why that is. I would have to ask a colleague about {}.",
    "I can't see anything about {} here.",
    "That is another department, I only see the first page of it.",
    "I have no idea who has dealt with {}.",
];
const HOLD: [&str; 3] = [
    "Let me put you on hold for a moment. Okay, nobody there.",
    "One second, the page is still loading.",
    "Sorry, I have to look for the right form first.",
];
const SILENCE: [&str; 4] = [
    "Hello, are you still there?",
    "I cannot hear you at the moment. Are you still on the line?",
    "Take your time, I am still here.",
    "If you can hear me, please say something about {}.",
];
const SUPERVISOR: [&str; 3] = [
    "I understand that. My supervisor calls you back today, and I go on with it meanwhile.",
    "You can have that. I have asked the head of the team to call you within the hour.",
    "I pass it on to my supervisor now, with all that you have told me.",
];
const NO_SUPERVISOR: [&str; 3] = [
    "There is nobody else here right now, so there is nothing I can do.",
    "I'm not sure that they would say anything else.",
    "I don't know how to put you through to anybody.",
];
const WRONG_NUMBERS: [&str; 3] = [
    "So the number is {}, is that right?",
    "I have you here under the number {}.",
    "Let me read it back: the number is {}. Correct?",
];
/// Words of questions. The answers to them come first in each pool of answers, in this order.
const QUESTIONS: [&str; 5] = [
    "how long",
    "in writing",
    "cost",
    "does not work out",
    "have to do",
];
const HIGH_ANSWERS: [&str; 11] = [
    "It takes three working days at most.",
    "You get a confirmation by e-mail, with a reference in it.",
    "No, there is no cost for you in this.",
    "If it is not done by then, call us with the reference, and we start right there.",
    "No, you do not have to do anything. I do it from here.",
    "Yes, I have noted that, and it goes into the confirmation as well.",
    "I have checked it twice: nothing is left open about {}.",
    "Whoever answers next time reads my notes and knows about {}.",
    "I also make sure that it does not happen again.",
    "That is a fair question. The answer is yes, and I write it down for you.",
    "Is there anything else that I can do for you today?",
];
const MEDIUM_ANSWERS: [&str; 11] = [
    "Let me look that up. It should be done within a week.",
    "You get a message once my colleagues have looked at {}.",
    "As far as I know it does not cost you anything.",
    "Then you call again, and we look at {} once more.",
    "Normally that works without your doing anything.",
    "I believe so, and I note it here.",
    "I have to check that, one moment. Yes, it is in the notes.",
    "I can write that down for the colleagues who deal with {}.",
    "The system says that it is in progress.",
    "Let me go through it again, so that {} is really covered.",
    "Can I help you with anything else?",
];
const LOW_ANSWERS: [&str; 11] = [
    "They never tell us how long that takes.",
    "I'm not sure, perhaps it is on the website.",
    "I don't know, I only write down what you say.",
    "Hm, usually people just call again.",
    "You could try it once more yourself, I suppose.",
    "Um, could you tell me that again?",
    "The list here does not say anything about that.",
    "Somebody will read my note about {}.",
    "It is probably just slow, these things are.",
    "I have to ask you for patience with {}.",
    "Was there anything else?",
];
const WARM_FAREWELLS: [&str; 3] = [
    "Thank you for calling, {}. All the best, and goodbye!",
    "It was good to talk to you, {}. Goodbye, and take care!",
    "Thanks for your patience, {}. Have a lovely day, goodbye!",
];
const CURT_FAREWELLS: [&str; 3] = [
    "Right, that is it then. Goodbye.",
    "Fine. Goodbye.",
    "Everything else comes in writing. Goodbye.",
];
const ANXIOUS_FAREWELLS: [&str; 3] = [
    "Okay, um, sorry again. Goodbye!",
    "I hope that it works now. Sorry, and goodbye!",
    "Thanks for being so patient with me. Goodbye!",
];
const FORMAL_FAREWELLS: [&str; 3] = [
    "Thank you for your call. Goodbye.",
    "I have noted everything. Goodbye, {}.",
    "That concludes it from our side. Goodbye, and a pleasant day.",
];
