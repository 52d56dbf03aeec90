//! The TwiML reader for calls: it reads the answer of the Worker as Twilio would.
//!
//! A mistake that Twilio's debugger would report is an error with the same code. Not here: what is
//! done for each verb (`call.rs`), and the attributes (`rules.rs`).

use super::rules::{check, is_too_long};
use super::verb::{Connect, Dial, Gather, Input, Record, Recorded, Relay, StartRecording, Verb};
use crate::webhook::answer::{AnswerText, TwilioError, not_twiml, text_of, twilio_error};
use crate::webhook::xml::{self, Element};

/// Reads a document.
///
/// # Errors
/// The error because of which Twilio would end the call.
pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Vec<Verb>, TwilioError> {
    match text_of(content_type, body)? {
        AnswerText::Xml(text) => read_text(text),
        AnswerText::Plain(_) => Err(not_twiml(content_type.unwrap_or_default())),
    }
}

/// Reads the text of a document.
///
/// # Errors
/// As [`read`].
pub fn read_text(text: &str) -> Result<Vec<Verb>, TwilioError> {
    let root = xml::read(text)?;
    if root.name != "Response" {
        let name = &root.name;
        return Err(off_schema(&format!(
            "the root element is <{name}>, not <Response>"
        )));
    }
    no_text(&root)?;
    check(&root).map_err(|reason| off_schema(&reason))?;
    root.children.iter().map(verb).collect()
}

fn off_schema(reason: &str) -> TwilioError {
    twilio_error(
        12200,
        &format!("the answer is XML, but not TwiML for calls: {reason}"),
    )
}

fn no_text(element: &Element) -> Result<(), TwilioError> {
    if element.text.trim().is_empty() {
        Ok(())
    } else {
        let name = &element.name;
        Err(off_schema(&format!(
            "there is text in <{name}> outside of its elements"
        )))
    }
}

fn no_children(element: &Element) -> Result<(), TwilioError> {
    match element.children.first() {
        None => Ok(()),
        Some(child) => Err(misplaced(child, element)),
    }
}

fn misplaced(child: &Element, parent: &Element) -> TwilioError {
    off_schema(&format!(
        "<{}> cannot be inside <{}>",
        child.name, parent.name
    ))
}

fn verb(element: &Element) -> Result<Verb, TwilioError> {
    check(element).map_err(|reason| match element.name.as_str() {
        "ConversationRelay" => twilio_error(64101, &reason),
        _ => off_schema(&reason),
    })?;
    match element.name.as_str() {
        "Connect" => return connect(element),
        "Dial" => return dial(element),
        "Gather" => return gather(element),
        "Start" => return start(element),
        // What is inside `<Say>` is SSML.
        "Say" => {}
        _ => no_children(element)?,
    }
    let text = element.text.trim().to_owned();
    let number = |name: &str, usual| number(element, name, usual);
    Ok(match element.name.as_str() {
        "Say" if text.is_empty() && element.children.is_empty() => {
            return Err(twilio_error(13510, "<Say> has no text"));
        }
        "Say" if is_too_long(&spoken(element), element.attribute("voice")) => {
            return Err(twilio_error(13521, "<Say> has too much text"));
        }
        "Say" => Verb::Say {
            text: spoken(element),
            times: u32::try_from(number("loop", 1)).unwrap_or(1),
        },
        "Play" => Verb::Play,
        "Pause" => Verb::Pause(number("length", 1)),
        "Redirect" if text.is_empty() => {
            return Err(off_schema("<Redirect> has no address"));
        }
        "Redirect" => Verb::Redirect(text),
        "Hangup" => Verb::Hangup,
        "Reject" => Verb::Reject(element.attribute("reason") == Some("busy")),
        "Record" => Verb::Record(Record {
            action: owned(element, "action"),
            timeout: number("timeout", 5),
            finish_on: owned(element, "finishOnKey").unwrap_or_else(|| "1234567890*#".to_owned()),
        }),
        name => return Err(off_schema(&format!("there is no verb <{name}>"))),
    })
}

/// The words of `<Say>`, without its markup.
fn spoken(element: &Element) -> String {
    let mut text = element.text.clone();
    for child in &element.children {
        text.push(' ');
        text.push_str(&spoken(child));
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn connect(element: &Element) -> Result<Verb, TwilioError> {
    no_text(element)?;
    let [relay] = element.children.as_slice() else {
        return Err(off_schema("<Connect> must have one element"));
    };
    if relay.name != "ConversationRelay" {
        return Err(misplaced(relay, element));
    }
    check(relay).map_err(|reason| twilio_error(64101, &reason))?;
    no_text(relay)?;
    let mut parameters = Vec::new();
    for child in &relay.children {
        check(child).map_err(|reason| off_schema(&reason))?;
        no_children(child)?;
        match (child.name.as_str(), child.attribute("name")) {
            ("Parameter", Some(name)) => {
                let value = child.attribute("value").unwrap_or_default();
                parameters.push((name.to_owned(), value.to_owned()));
            }
            ("Language", _) if child.attribute("code").is_some() => {}
            ("Parameter" | "Language", _) => {
                let name = &child.name;
                return Err(off_schema(&format!("<{name}> has no name or code")));
            }
            _ => return Err(misplaced(child, relay)),
        }
    }
    let word = |name: &str| relay.attribute(name);
    let input = |name: &str, usual| Input::of(word(name).unwrap_or(usual));
    let is_on = |name: &str| word(name) == Some("true");
    let reports = |event: &str| {
        let lists = [word("events"), word("debug")];
        let mut events = lists.into_iter().flatten().flat_map(|list| list.split(' '));
        events.any(|other| other == event)
    };
    let language = word("transcriptionLanguage").or(word("language"));
    Ok(Verb::Connect(Box::new(Connect {
        action: owned(element, "action"),
        relay: Relay {
            url: owned(relay, "url").unwrap_or_default(),
            greeting: owned(relay, "welcomeGreeting").unwrap_or_default(),
            greeting_interruptible: input("welcomeGreetingInterruptible", "any"),
            interruptible: input("interruptible", "any"),
            report: input("reportInputDuringAgentSpeech", "none"),
            preemptible: is_on("preemptible"),
            dtmf: is_on("dtmfDetection"),
            partial: is_on("partialPrompts"),
            language: language.unwrap_or("en-US").to_owned(),
            speech_timeout: word("speechTimeout").and_then(|value| value.parse().ok()),
            speaker_events: reports("speaker-events"),
            tokens_played: reports("tokens-played"),
            parameters,
        },
    })))
}

fn dial(element: &Element) -> Result<Verb, TwilioError> {
    let mut targets = Vec::new();
    let text = element.text.trim();
    if !text.is_empty() {
        targets.push(text.to_owned());
    }
    for child in &element.children {
        if !matches!(child.name.as_str(), "Number" | "Sip" | "Client") {
            return Err(misplaced(child, element));
        }
        check(child).map_err(|reason| off_schema(&reason))?;
        no_children(child)?;
        targets.push(child.text.trim().to_owned());
    }
    Ok(Verb::Dial(Dial {
        action: owned(element, "action"),
        targets,
    }))
}

fn gather(element: &Element) -> Result<Verb, TwilioError> {
    no_text(element)?;
    if element.attribute("speechTimeout") == Some("auto")
        && element.attribute("speechModel").is_some()
    {
        let reason = "<Gather> cannot have speechTimeout=\"auto\" with a speechModel";
        return Err(twilio_error(13327, reason));
    }
    let is_prompt = |child: &&Element| matches!(child.name.as_str(), "Say" | "Play" | "Pause");
    if let Some(child) = element.children.iter().find(|child| !is_prompt(child)) {
        return Err(misplaced(child, element));
    }
    let prompts: Result<_, _> = element.children.iter().map(verb).collect();
    let inputs: Vec<&str> = element
        .attribute("input")
        .unwrap_or("dtmf")
        .split(' ')
        .collect();
    let digits = element.attribute("numDigits");
    Ok(Verb::Gather(Gather {
        action: owned(element, "action"),
        prompts: prompts?,
        input: Input {
            dtmf: inputs.contains(&"dtmf"),
            speech: inputs.contains(&"speech"),
        },
        timeout: number(element, "timeout", 5),
        digits: digits.and_then(|digits| digits.parse().ok()),
        finish_on: owned(element, "finishOnKey").unwrap_or_else(|| "#".to_owned()),
        language: owned(element, "language").unwrap_or_else(|| "en-US".to_owned()),
        post_empty: element.attribute("actionOnEmptyResult") == Some("true"),
        barge_in: element.attribute("bargeIn") != Some("false"),
    }))
}

fn start(element: &Element) -> Result<Verb, TwilioError> {
    no_text(element)?;
    let [recording] = element.children.as_slice() else {
        return Err(off_schema("<Start> must have one element"));
    };
    if recording.name != "Recording" {
        return Err(misplaced(recording, element));
    }
    check(recording).map_err(|reason| off_schema(&reason))?;
    no_children(recording)?;
    let events = recording.attribute("recordingStatusCallbackEvent");
    let events = events.unwrap_or(Recorded::Completed.name());
    let is_wanted = |status: &Recorded| events.split(' ').any(|event| event == status.name());
    let all = [Recorded::InProgress, Recorded::Completed, Recorded::Absent];
    Ok(Verb::StartRecording(StartRecording {
        callback: owned(recording, "recordingStatusCallback"),
        events: all.into_iter().filter(is_wanted).collect(),
    }))
}

fn owned(element: &Element, name: &str) -> Option<String> {
    element.attribute(name).map(str::to_owned)
}

fn number(element: &Element, name: &str, usual: u64) -> u64 {
    let value = element.attribute(name);
    value.and_then(|value| value.parse().ok()).unwrap_or(usual)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
mod tests;
