//! TwiML that answers the webhooks of a call.
//!
//! Every attribute that we rely on is written out: defaults differ between accounts, and Twilio has
//! changed some. Sources: Twilio, "`<ConversationRelay>`", "`<Recording>`", "`<Dial>`". Not here: calls
//! without a relay (`gather`), and which answer a call gets (`voice` above).

use std::{io, time::Duration};

use quick_xml::{Writer, events::BytesText};

use super::say::{Sentence, say};
use crate::{
    config::{TranscriptionProvider, TtsProvider, Voice},
    identity::Address,
    twilio::twiml::{allowed, response},
};

/// The silence after which Twilio takes the caller's words for complete, in milliseconds. With less,
/// one sentence comes as several prompts.
const SPEECH_TIMEOUT_MS: &str = "1000";
/// What a relay tells beside what was said.
const EVENTS: &str = "speaker-events tokens-played";

/// The relay that answers a call.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// Where Twilio asks for more TwiML when the relay has ended.
    pub action: &'a str,
    /// The socket, as [`super::relay_url::RelayUrl::url`] writes it.
    pub url: &'a str,
    /// What is said first. A relay that takes the place of one that died says nothing.
    pub greeting: Option<&'a str>,
    /// How the assistant sounds and listens.
    pub voice: &'a Voice,
    /// Whether the recording of the call begins. It goes on when a relay ends, so only the first relay
    /// of a call begins it.
    pub starts_recording: bool,
}

/// The relay of one leg of a synthetic call.
#[derive(Clone, Copy, Debug)]
pub struct ConnectLeg<'a> {
    /// Where Twilio asks for more TwiML when the relay has ended.
    pub action: &'a str,
    /// The socket.
    pub url: &'a str,
    /// The language in which the leg speaks.
    pub speaks: &'a str,
    /// The name of an Amazon voice.
    pub voice: &'a str,
    /// The language that the other leg speaks.
    pub hears: &'a str,
    /// Where Twilio tells of the recording, if this leg begins one. A call has one recording, so one leg
    /// begins it.
    pub recording: Option<&'a str>,
}

/// A person whom the caller is put through to.
#[derive(Clone, Copy, Debug)]
pub struct Dial<'a> {
    /// What is said before.
    pub sentence: Option<Sentence<'a>>,
    /// The person's number.
    pub number: &'a Address,
    /// The number that the person sees: the one that was called. Without it, the caller's.
    pub caller_id: Option<&'a Address>,
    /// Where Twilio asks for more TwiML when the dialling has ended.
    pub action: &'a str,
    /// How long it rings. Twilio takes 5 to 600 seconds.
    pub timeout: Duration,
}

/// Connects the call with a relay.
///
/// # Errors
/// When the XML writer fails. Writing to memory never does.
pub fn connect(connect: &Connect<'_>) -> io::Result<String> {
    let voice = connect.voice;
    let mut attributes = vec![("url", connect.url)];
    attributes.extend(
        connect
            .greeting
            .map(|greeting| ("welcomeGreeting", greeting)),
    );
    // Of what comes while a sentence is said that it does not cut off, only keys count, if any do.
    let (reported, keys) = if voice.ask_digits {
        ("dtmf", "true")
    } else {
        ("none", "false")
    };
    attributes.extend([
        // Never by a key: the `#` behind a number would cut the answer to it off.
        ("welcomeGreetingInterruptible", "speech"),
        ("interruptible", "speech"),
        ("interruptSensitivity", "high"),
        ("reportInputDuringAgentSpeech", reported),
        ("preemptible", "false"),
        // A "yes" must not be swallowed.
        ("ignoreBackchannel", "false"),
        ("dtmfDetection", keys),
        ("language", voice.language.as_str()),
        ("ttsProvider", voice.tts_provider.as_str()),
        ("voice", voice.name.as_str()),
        (
            "transcriptionProvider",
            voice.transcription_provider.as_str(),
        ),
        ("speechModel", voice.speech_model.as_str()),
        ("speechTimeout", SPEECH_TIMEOUT_MS),
        ("profanityFilter", "false"),
        ("partialPrompts", "false"),
        ("events", EVENTS),
    ]);
    if voice.transcription_provider == TranscriptionProvider::Deepgram {
        attributes.push(("deepgramSmartFormat", "true"));
    }
    response(false, |writer| {
        if connect.starts_recording {
            start_recording(writer, None)?;
        }
        relay(writer, connect.action, &attributes)
    })
}

/// Connects a leg of a synthetic call with a relay that says nothing by itself and cannot be interrupted.
///
/// # Errors
/// When the XML writer fails. Writing to memory never does.
pub fn connect_leg(leg: &ConnectLeg<'_>) -> io::Result<String> {
    let attributes = [
        ("url", leg.url),
        ("welcomeGreetingInterruptible", "none"),
        // What the other leg says is no interruption: only the words of the run are spoken.
        ("interruptible", "none"),
        ("reportInputDuringAgentSpeech", "none"),
        ("preemptible", "false"),
        ("ignoreBackchannel", "false"),
        ("dtmfDetection", "false"),
        ("language", leg.speaks),
        ("transcriptionLanguage", leg.hears),
        ("ttsProvider", TtsProvider::Amazon.as_str()),
        ("voice", leg.voice),
        (
            "transcriptionProvider",
            TranscriptionProvider::Deepgram.as_str(),
        ),
        ("speechModel", "nova-3-general"),
        ("deepgramSmartFormat", "true"),
        ("speechTimeout", SPEECH_TIMEOUT_MS),
        ("profanityFilter", "false"),
        ("partialPrompts", "false"),
        ("events", EVENTS),
    ];
    response(false, |writer| {
        if let Some(callback) = leg.recording {
            start_recording(writer, Some(callback))?;
        }
        relay(writer, leg.action, &attributes)
    })
}

/// Says a sentence, and hangs up.
///
/// # Errors
/// When the XML writer fails. Writing to memory never does.
pub fn say_and_hang_up(sentence: Sentence<'_>) -> io::Result<String> {
    response(false, |writer| {
        say(writer, sentence)?;
        empty(writer, "Hangup", &[])
    })
}

/// Hangs up.
///
/// # Errors
/// When the XML writer fails. Writing to memory never does.
pub fn hang_up() -> io::Result<String> {
    response(false, |writer| empty(writer, "Hangup", &[]))
}

/// Puts the caller through to a person.
///
/// # Errors
/// When the XML writer fails. Writing to memory never does.
pub fn dial(dial: &Dial<'_>) -> io::Result<String> {
    let seconds = dial.timeout.as_secs().clamp(5, 600).to_string();
    response(false, |writer| {
        if let Some(sentence) = dial.sentence {
            say(writer, sentence)?;
        }
        let mut element = writer
            .create_element("Dial")
            .with_attribute(("action", allowed(dial.action).as_ref()))
            .with_attribute(("timeout", seconds.as_str()));
        if let Some(number) = dial.caller_id {
            element = element.with_attribute(("callerId", number.as_str()));
        }
        element.write_inner_content(|writer| {
            writer
                .create_element("Number")
                .write_text_content(BytesText::new(dial.number.as_str()))?;
            Ok(())
        })?;
        Ok(())
    })
}

/// Connects the call with a relay of these attributes.
fn relay(
    writer: &mut Writer<Vec<u8>>,
    action: &str,
    attributes: &[(&str, &str)],
) -> io::Result<()> {
    writer
        .create_element("Connect")
        .with_attribute(("action", allowed(action).as_ref()))
        .write_inner_content(|writer| empty(writer, "ConversationRelay", attributes))?;
    Ok(())
}

/// The recording of the call begins. Twilio tells the callback of it, if there is one.
pub(super) fn start_recording(
    writer: &mut Writer<Vec<u8>>,
    callback: Option<&str>,
) -> io::Result<()> {
    let mut recording = vec![
        ("channels", "dual"),
        ("track", "both"),
        ("trim", "do-not-trim"),
    ];
    if let Some(callback) = callback {
        recording.extend([
            ("recordingStatusCallback", callback),
            ("recordingStatusCallbackMethod", "POST"),
            ("recordingStatusCallbackEvent", "completed absent"),
        ]);
    }
    writer
        .create_element("Start")
        .write_inner_content(|writer| empty(writer, "Recording", &recording))?;
    Ok(())
}

/// An element without content.
fn empty(writer: &mut Writer<Vec<u8>>, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
    let mut element = writer.create_element(name);
    for (name, value) in attributes {
        element = element.with_attribute((*name, allowed(value).as_ref()));
    }
    element.write_empty()?;
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
