//! The customer: it states its issue, gives facts when it is asked, reacts in its own way, and says
//! goodbye in time.

use super::choice::{Choice, Line};
use super::direction::Direction;
use super::heard::Heard;
use super::part::{Level, Part, Side};
use super::sentence::{WISH, is_mixed_up, numbers, sentence, wrong};

mod words;

/// The customer's next line.
pub fn line(part: &Part, heard: &Heard, choice: &Choice, may_end: bool) -> Line {
    if may_end && let Some(say) = last_line(part, heard, choice) {
        return Line {
            say,
            ends_call: true,
        };
    }
    let directed = heard.direction.and_then(|direction| match direction {
        Direction::WrongNumber => wrong_fact(part, choice),
        _ => direction.instead(Side::Customer, choice),
    });
    let say = directed.unwrap_or_else(|| {
        let name = heard.name();
        let first = heard
            .direction
            .and_then(|direction| direction.opening(Side::Customer, name.as_deref(), choice));
        joined([first, Some(own_line(part, heard, choice))])
    });
    Line {
        say,
        ends_call: false,
    }
}

/// The goodbye, if it is time for one.
fn last_line(part: &Part, heard: &Heard, choice: &Choice) -> Option<String> {
    let patience = part.level("Patience");
    let tone = part.tone();
    let fresh = |pool: &[&str]| choice.fresh(pool, "");
    if choice.turn() == 0 {
        return None;
    }
    if heard.says_goodbye() || heard.direction == Some(Direction::Goodbye) {
        return fresh(&words::GOODBYES);
    }
    if has_escalated(choice)
        && escalates_at(patience).is_some_and(|limit| heard.vague_lines() > limit)
    {
        return fresh(&words::HANGS_UP);
    }
    // The agent's goodbye is the line after this one.
    let is_time = heard.lines.saturating_add(2) >= lines(part.level("Expected length"), patience);
    let is_heard = choice.turn() >= LEAST_TURNS;
    let still_escalates = wants_to_escalate(patience, heard, choice);
    let still_corrects = correction(part, heard, choice).is_some();
    (is_time && is_heard && !still_escalates && !still_corrects)
        .then(|| {
            fresh(if heard.is_help() {
                words::satisfied(tone)
            } else {
                words::disappointed(tone)
            })
        })
        .flatten()
}

/// The customer says two things before its goodbye, however short the call is.
const LEAST_TURNS: usize = 2;

/// How many lines of both a call has that goes well.
fn lines(length: Level, patience: Level) -> usize {
    let usual: usize = match length {
        Level::Low => 6,
        Level::Medium => 10,
        Level::High => 16,
    };
    match patience {
        Level::Low => usual.saturating_sub(2),
        Level::Medium => usual,
        Level::High => usual.saturating_add(2),
    }
}

/// The number of vague answers after which a customer wants somebody else. A patient one never does.
fn escalates_at(patience: Level) -> Option<usize> {
    match patience {
        Level::Low => Some(1),
        Level::Medium => Some(3),
        Level::High => None,
    }
}

fn wants_to_escalate(patience: Level, heard: &Heard, choice: &Choice) -> bool {
    let is_enough = escalates_at(patience).is_some_and(|limit| heard.vague_lines() >= limit);
    is_enough && !has_escalated(choice)
}

fn has_escalated(choice: &Choice) -> bool {
    choice.has_said("supervisor")
}

/// The line without stage directions.
fn own_line(part: &Part, heard: &Heard, choice: &Choice) -> String {
    let noun = part.topic.words().noun;
    let tone = part.tone();
    let said = first_line(part, choice)
        .or_else(|| {
            heard
                .is_silent
                .then(|| choice.fresh(&words::SILENCE, noun))?
        })
        .or_else(|| {
            let wants = wants_to_escalate(part.level("Patience"), heard, choice);
            wants.then(|| choice.fresh(&words::ESCALATES, noun))?
        })
        .or_else(|| correction(part, heard, choice))
        .or_else(|| answer(part, heard, choice));
    let more = || {
        let is_vague = heard.vague_lines() > 0;
        let reaction = choice.fresh(words::reaction(tone, is_vague), noun);
        let question = choice.fresh(&words::QUESTIONS, noun);
        let fact = next_fact(part, heard, choice);
        let next = match (question, fact) {
            (Some(question), Some(fact)) => {
                let is_fact = choice.turn().is_multiple_of(2);
                Some(if is_fact { fact } else { question })
            }
            (question, fact) => question.or(fact),
        };
        next.map(|next| joined([reaction, Some(next)]))
    };
    said.or_else(more).unwrap_or_else(|| {
        let count = choice.turn();
        format!("I have said {count} things by now, and I am still waiting because of {noun}.")
    })
}

/// Who calls, and why.
fn first_line(part: &Part, choice: &Choice) -> Option<String> {
    if choice.turn() > 0 {
        return None;
    }
    let greeting = choice.fresh(words::greeting(part.tone()), part.text("Name"));
    let issue = part.text("Issue");
    let issue = (!issue.is_empty()).then(|| sentence(issue));
    Some(joined([
        greeting,
        issue,
        choice.fresh(&part.topic.words().stated, ""),
    ]))
}

/// The right number, if the agent has a wrong one or asks again for one that was wrong.
fn correction(part: &Part, heard: &Heard, choice: &Choice) -> Option<String> {
    let heard_numbers = numbers(&heard.newest);
    let facts = part.facts();
    let is_known = |number: &String| facts.iter().any(|fact| fact.contains(number.as_str()));
    let fact_for = |wrong: &String| {
        let mixed_up = |fact: &&&str| numbers(fact).iter().any(|right| is_mixed_up(right, wrong));
        facts.iter().find(mixed_up)
    };
    let asks_again = heard.asks() && heard.says(&["number", "right?", "correct?"]);
    let own_wrong = choice.own().iter().flat_map(|line| numbers(line));
    let own_wrong = own_wrong.filter(|number| asks_again && !is_known(number));
    let wrong = heard_numbers.into_iter().chain(own_wrong);
    let mut wrong = wrong.filter(|number| !is_known(number));
    let fact = wrong.find_map(|number| fact_for(&number))?;
    choice.fresh(&words::CORRECTIONS, &sentence(fact))
}

/// What the agent wants to know, and once what the customer wants.
fn answer(part: &Part, heard: &Heard, choice: &Choice) -> Option<String> {
    let wish = wish(part, choice);
    if !heard.asks() && wish.is_none() {
        return None;
    }
    let wants_wish = heard.says(&["would you like", "settle it for you"]);
    let is_read_back = heard.says(&["is that right?", "correct?"]);
    let fact = || {
        if !heard.asks() || (wants_wish && wish.is_some()) {
            return None;
        }
        if is_read_back && let Some(yes) = choice.fresh(&words::YES, "") {
            return Some(yes);
        }
        let pool = words::before_a_fact(part.level("Technical proficiency"));
        let fact = next_fact(part, heard, choice)?;
        Some(joined([choice.fresh(pool, ""), Some(fact)]))
    };
    let said = joined([fact(), wish.clone()]);
    (!said.is_empty()).then_some(said)
}

/// What the customer wants, until it has said so.
fn wish(part: &Part, choice: &Choice) -> Option<String> {
    let wish = part.text("Desired resolution");
    let is_new = !wish.is_empty() && !choice.has_said(WISH);
    is_new.then(|| sentence(&format!("{WISH}{wish}")))
}

/// The fact that fits best to what was heard, of those that the customer has not told.
fn next_fact(part: &Part, heard: &Heard, choice: &Choice) -> Option<String> {
    let asked = heard.newest.to_lowercase();
    let fits = |fact: &str| {
        let lower = fact.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric());
        let shared = words.filter(|word| is_telling(word) && asked.contains(word));
        shared.count()
    };
    let facts = part.facts().into_iter();
    let untold = facts.filter(|fact| !choice.has_said(fact.trim_end_matches('.')));
    // Of equals the first one.
    let best = untold.rev().max_by_key(|fact| fits(fact))?;
    Some(sentence(best))
}

/// Whether a word says what a fact is about.
fn is_telling(word: &str) -> bool {
    word.len() > 2 && !["and", "are", "for", "has", "the", "was"].contains(&word)
}

/// A fact whose number is wrong.
fn wrong_fact(part: &Part, choice: &Choice) -> Option<String> {
    let facts = part.facts();
    let with_number = facts
        .iter()
        .filter_map(|fact| Some((fact, numbers(fact).pop()?)));
    let wrong = with_number.map(|(fact, number)| sentence(&fact.replace(&number, &wrong(&number))));
    let mut unsaid = wrong.filter(|fact| !choice.has_said(fact));
    unsaid.next()
}

fn joined<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
