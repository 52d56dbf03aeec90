//! Scripts of messages and expected answers (`--script FILE`).
//!
//! `> text` sends a message. The lines below it say what answers it: `< text` is a line of the answer, and all
//! of them are the whole answer; `<~ words` are words that it contains; `<*` is any answer, `<-` is none. Lines
//! that begin with `#` are comments. Not here: sending (`phone`).

use std::fmt::Write as _;
use std::time::Duration;

use super::phone::{Conversation, Failure, REST_TIMEOUT, now};
use super::show::{no_playground, show_waiting};
use crate::base::console::print_line;
use crate::webhook::twiml::Message;

/// A message, and what is expected of its answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The line of the file, from 1.
    line: usize,
    text: String,
    expected: Vec<Expected>,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// A line of the answer.
    Line(String),
    /// Words that it contains.
    Words(String),
    /// Any answer.
    Any,
    /// No answer.
    Nothing,
}

/// Reads a script.
///
/// # Errors
/// A sentence that names the line that is wrong.
pub fn read(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index.saturating_add(1);
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let rest = |mark: &str| {
            line.strip_prefix(mark).map(|rest| {
                rest.strip_prefix(' ')
                    .filter(|_| mark == ">")
                    .unwrap_or(rest)
                    .to_owned()
            })
        };
        if let Some(text) = rest(">") {
            if text.trim().is_empty() {
                return Err(format!("line {number}: there is no text after >"));
            }
            steps.push(Step {
                line: number,
                text,
                expected: Vec::new(),
            });
            continue;
        }
        let expected = match line {
            "<*" => Expected::Any,
            "<-" => Expected::Nothing,
            "<" => Expected::Line(String::new()),
            _ => match (rest("<~ "), rest("< ")) {
                (Some(words), _) => Expected::Words(words),
                (None, Some(line)) => Expected::Line(line),
                (None, None) => {
                    return Err(format!(
                        "line {number} begins with none of >, < and a space, <~ and a space, <*, <- and #"
                    ));
                }
            },
        };
        match steps.last_mut() {
            Some(step) => {
                step.expected.push(expected);
                if step.expected.contains(&Expected::Nothing) && step.expected.len() > 1 {
                    return Err(format!("line {number}: <- allows no other line beside it"));
                }
            }
            None => {
                return Err(format!(
                    "line {number} expects an answer before any message"
                ));
            }
        }
    }
    if steps.is_empty() {
        return Err("it has no message: a line with > sends one".to_owned());
    }
    Ok(steps)
}

/// Plays a script to its end. Returns whether every answer was the expected one.
///
/// # Errors
/// If a message could not be sent.
pub fn play(conversation: &Conversation, steps: &[Step]) -> Result<bool, Failure> {
    let mut differences = 0_usize;
    for step in steps {
        let found = match answer_to(conversation, step) {
            Ok(answer) => difference(step, &answer),
            Err(Failure::BadAnswer(reason)) => Some(format!("  {reason}\n")),
            Err(failure @ Failure::NotSent(_)) => return Err(failure),
        };
        print_line(&format!(
            "{}  line {}: {}",
            if found.is_some() {
                "DIFFERS"
            } else {
                "ok     "
            },
            step.line,
            step.text
        ));
        if let Some(difference) = found {
            differences = differences.saturating_add(1);
            print_line(difference.trim_end());
        }
    }
    let all = steps.len();
    print_line(&match differences {
        0 => format!("\nAll {all} messages were answered as expected."),
        _ => format!("\n{differences} of {all} answers differ."),
    });
    Ok(differences == 0)
}

/// How long a late answer may contradict that there is none.
const NOTHING_COMES: Duration = Duration::from_secs(2);

/// The texts of all messages that answer a step, in lines.
fn answer_to(conversation: &Conversation, step: &Step) -> Result<String, Failure> {
    let inbound = conversation.message(&step.text);
    let beginning = now();
    let answer = conversation.phone.send(&inbound)?.read?;
    let mut texts: Vec<String> = answer.messages.into_iter().map(|one| one.text).collect();
    let limit = if step.expected == [Expected::Nothing] {
        beginning.1.elapsed().saturating_add(NOTHING_COMES)
    } else {
        REST_TIMEOUT
    };
    if texts.is_empty() && conversation.waits && !step.expected.is_empty() {
        let each = |message: Message, _| texts.push(message.text);
        let waited =
            conversation
                .phone
                .wait_for_rest(&inbound, beginning, limit, each, show_waiting);
        waited.map_err(|_| Failure::BadAnswer(no_playground(&conversation.phone.playground)))?;
    }
    Ok(texts.join("\n"))
}

/// How an answer differs from what is expected.
fn difference(step: &Step, answer: &str) -> Option<String> {
    let whole: Vec<&str> = step
        .expected
        .iter()
        .filter_map(|one| match one {
            Expected::Line(line) => Some(line.as_str()),
            _ => None,
        })
        .collect();
    let lines: Vec<&str> = answer.lines().map(str::trim_end).collect();
    let is_as_expected = step.expected.iter().all(|one| match one {
        Expected::Line(_) => lines == whole,
        Expected::Words(words) => answer.contains(words.as_str()),
        Expected::Any => !answer.is_empty(),
        Expected::Nothing => answer.is_empty(),
    });
    if is_as_expected {
        return None;
    }
    let mut shown = String::new();
    for one in &step.expected {
        // Writing to a text cannot fail.
        let _ = match one {
            Expected::Line(line) => writeln!(shown, "  expected  < {line}"),
            Expected::Words(words) => writeln!(shown, "  expected  <~ {words}"),
            Expected::Any => writeln!(shown, "  expected  <* (any answer)"),
            Expected::Nothing => writeln!(shown, "  expected  <- (no answer)"),
        };
    }
    for line in &lines {
        let _ = writeln!(shown, "  answered  < {}", super::bubble::printable(line));
    }
    if lines.is_empty() {
        shown.push_str("  answered  <- (no answer)\n");
    }
    Some(shown)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const SCRIPT: &str = "# Greets\n> Hello\n< Hi\n< there\n\n> And?\n<~ more\n<*\n> STOP\n<-\n";

    #[test]
    fn a_script_has_messages_with_the_lines_that_answer_them() {
        let steps = read(SCRIPT).unwrap();
        let shown: Vec<_> = steps
            .iter()
            .map(|step| (step.line, step.text.as_str(), step.expected.len()))
            .collect();
        assert_eq!(shown, [(2, "Hello", 2), (6, "And?", 2), (9, "STOP", 1)]);
    }

    #[test]
    fn the_lines_of_an_answer_must_be_all_of_it() {
        let steps = read(SCRIPT).unwrap();
        let first = steps.first().unwrap();
        assert_eq!(difference(first, "Hi\nthere"), None);
        for answer in ["Hi", "there\nHi", "Hi\nthere\nagain", ""] {
            let shown = difference(first, answer).unwrap();
            assert!(shown.contains("expected  < Hi\n"), "{shown}");
        }
    }

    #[test]
    fn words_any_answer_and_none_are_compared() {
        let steps = read(SCRIPT).unwrap();
        let (more, stop) = (steps.get(1).unwrap(), steps.get(2).unwrap());
        assert_eq!(difference(more, "There is more."), None);
        assert!(difference(more, "Nothing").is_some());
        assert_eq!(difference(stop, ""), None);
        assert!(
            difference(stop, "Goodbye")
                .unwrap()
                .contains("answered  < Goodbye")
        );
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (script, reason) in [
            ("< Hi\n", "line 1 expects an answer before any message"),
            ("> Hello\nHi\n", "line 2 begins with none of"),
            ("> Hello\n</ ^Hi\n", "line 2 begins with none of"),
            ("> Hello\n<-\n< Hi\n", "line 3: <- allows no other line"),
            ("> Hello\n> \n", "line 2: there is no text after >"),
            ("# only a comment\n", "it has no message"),
        ] {
            let error = read(script).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
