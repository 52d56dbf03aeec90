//! The transcript of a synthetic conversation, and how it is written as JSON.
//!
//! A line is stored once, with its speaker. Who is "assistant" and who is "user" depends on who
//! looks at it ([`seen_by`]). Not here: what is said next (`run::state`).

use serde::{Deserialize, Serialize};

use crate::{base::time::UnixMillis, config::Speaker, conversation::history::Turn};

/// What one side has said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub n: u32,
    /// Who has said it.
    pub speaker: Speaker,
    /// The whole line. It is empty if the speaker said nothing.
    pub text: String,
    /// What the other side has heard, if that differs. On a call, what was recognised there: a
    /// measurement, because the other side gets the words themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<String>,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it was complete.
    pub ended_at: UnixMillis,
    /// What is special about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

impl Line {
    /// What the other side knows of it.
    #[must_use]
    pub fn heard(&self) -> &str {
        let is_cut = self.marks.contains(&Mark::Interrupted);
        let heard = self.heard.as_deref().filter(|_| is_cut);
        heard.unwrap_or(&self.text)
    }
}

/// What is special about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The other side cut in, and did not hear the end.
    Interrupted,
    /// It cuts in.
    Interrupts,
    /// The speaker was told to mishear a name.
    MisheardName,
    /// The speaker was told to give a wrong order number.
    WrongOrderNumber,
    /// The speaker was told to change the topic.
    TopicChange,
    /// The speaker says nothing.
    Silence,
    /// The speaker was told to be impatient.
    Impatience,
    /// The speaker wants to end the conversation.
    Goodbye,
    /// The call ended while it was being spoken.
    CutOff,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// By whom.
    pub by: EndedBy,
    /// Why.
    pub reason: EndReason,
}

/// Who ended a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The agent said goodbye first.
    Agent,
    /// The customer said goodbye first.
    Customer,
    /// A limit.
    Limit,
    /// The operator.
    Operator,
    /// Something failed.
    Failure,
}

impl EndedBy {
    /// Its word in transcripts and in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Customer => "customer",
            Self::Limit => "limit",
            Self::Operator => "operator",
            Self::Failure => "failure",
        }
    }
}

impl From<Speaker> for EndedBy {
    fn from(speaker: Speaker) -> Self {
        match speaker {
            Speaker::Agent => Self::Agent,
            Speaker::Customer => Self::Customer,
        }
    }
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// They said goodbye.
    Goodbye,
    /// The limit of lines.
    Turns,
    /// The limit of time.
    Seconds,
    /// The requests that were reserved for the run are used up.
    Requests,
    /// A persona repeated itself.
    Repetition,
    /// The model failed twice for one line.
    ModelFailed,
    /// The assistant handed the customer over to a person.
    HandedOff,
    /// The operator cancelled the batch.
    Cancelled,
    /// The files of the personas are wrong or have changed since the run was planned.
    Configuration,
    /// The call was not made, or nobody could be connected.
    CallFailed,
    /// Only one leg of the call was connected.
    OneLeg,
    /// A leg of the call, or its socket, ended before the conversation.
    LegLost,
}

impl EndReason {
    /// Its word in transcripts and in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Goodbye => "goodbye",
            Self::Turns => "turns",
            Self::Seconds => "seconds",
            Self::Requests => "requests",
            Self::Repetition => "repetition",
            Self::ModelFailed => "model_failed",
            Self::HandedOff => "handed_off",
            Self::Cancelled => "cancelled",
            Self::Configuration => "configuration",
            Self::CallFailed => "call_failed",
            Self::OneLeg => "one_leg",
            Self::LegLost => "leg_lost",
        }
    }
}

/// What one side is told when nobody has spoken yet.
pub const CONNECTED: &str = "[The call is connected. You speak first.]";

/// The conversation as one side sees it: its own lines are those of the assistant.
///
/// Returns the turns before, and what the side answers now.
#[must_use]
pub fn seen_by(viewer: Speaker, lines: &[Line]) -> (Vec<Turn>, String) {
    let mut turns: Vec<Turn> = Vec::new();
    // What the viewer has heard and not answered yet, and its own lines since.
    let (mut heard, mut own) = (Vec::new(), Vec::new());
    for line in lines {
        if line.speaker == viewer {
            own.push(line.text.as_str());
            continue;
        }
        if !own.is_empty() {
            turns.push(turn(&heard, &own));
            (heard, own) = (Vec::new(), Vec::new());
        }
        heard.push(shown(line));
    }
    if !own.is_empty() {
        turns.push(turn(&heard, &own));
        heard.clear();
    }
    (turns, words_of(&heard))
}

fn turn(heard: &[String], own: &[&str]) -> Turn {
    Turn {
        user: words_of(heard),
        assistant: own.join("\n"),
    }
}

fn words_of(heard: &[String]) -> String {
    if heard.is_empty() {
        CONNECTED.to_owned()
    } else {
        heard.join("\n")
    }
}

/// A line as the other side notices it.
fn shown(line: &Line) -> String {
    let heard = line.heard();
    if heard.is_empty() {
        "[The other person says nothing.]".to_owned()
    } else {
        heard.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u32, speaker: Speaker, text: &str) -> Line {
        Line {
            n,
            speaker,
            text: text.to_owned(),
            heard: None,
            started_at: UnixMillis(0),
            ended_at: UnixMillis(0),
            marks: Vec::new(),
        }
    }

    #[test]
    fn each_side_sees_its_own_lines_as_the_assistants() {
        let lines = [
            line(1, Speaker::Agent, "Hello."),
            line(2, Speaker::Customer, "Where is it?"),
        ];
        let (turns, words) = seen_by(Speaker::Agent, &lines);
        assert_eq!(
            turns,
            [Turn {
                user: CONNECTED.into(),
                assistant: "Hello.".into()
            }]
        );
        assert_eq!(words, "Where is it?");
        let (turns, words) = seen_by(Speaker::Customer, &lines[..1]);
        assert!(turns.is_empty());
        assert_eq!(words, "Hello.");
    }

    #[test]
    fn who_speaks_first_is_told_that_the_call_is_connected() {
        assert_eq!(seen_by(Speaker::Customer, &[]), (vec![], CONNECTED.into()));
    }

    #[test]
    fn of_a_line_that_was_cut_off_only_its_speaker_knows_the_end() {
        let mut cut = line(1, Speaker::Agent, "We can offer you a refund.");
        cut.heard = Some("We can offer".into());
        cut.marks.push(Mark::Interrupted);
        assert_eq!(seen_by(Speaker::Customer, &[cut.clone()]).1, "We can offer");
        let lines = [cut, line(2, Speaker::Customer, "No!")];
        let (turns, _) = seen_by(Speaker::Agent, &lines);
        assert_eq!(turns[0].assistant, "We can offer you a refund.");
    }

    #[test]
    fn a_silence_is_told_to_the_other_side() {
        let lines = [
            line(1, Speaker::Agent, "Hello?"),
            line(2, Speaker::Customer, ""),
        ];
        let (_, words) = seen_by(Speaker::Agent, &lines);
        assert_eq!(words, "[The other person says nothing.]");
    }
}
