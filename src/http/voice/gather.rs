//! The webhooks of a call without a socket: what the caller has said, and the wait for an answer to it.
//!
//! The URL of each of them names a document of the call in its query, which Twilio signs with the rest. Not here: which
//! document comes next (`voice` above), and the checks of the signature (`webhook`).

use super::{
    super::{
        platform::WorkerPlatform,
        request::{Request, target_of},
        response::Response,
        voice_answer::{hang_up, twiml_response},
        webhook::{self, Rejection},
    },
    Answered, ask, person_in,
};
use crate::{
    config::{Config, FixedText},
    event::{self, FieldProblem, ObjectKind},
    platform::PlatformError,
    twilio::{
        fields::FieldError,
        form::Form,
        voice::{
            fields::IncomingCall,
            gather::{GatherEnded, Listen, listen, redirect},
            say::{Sentence, say_voice},
            twiml,
            webhook_url::{HEARD_PATH, WAIT_PATH, object_of},
        },
    },
    voice::api::{AskAgain, Document, Heard, Then},
};

/// The name of the document's number in a URL.
const DOCUMENT: &str = "document";

/// The action of `<Gather>`.
pub(super) async fn heard<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    let parse = |form: &Form| Ok((number_in(url)?, GatherEnded::from_form(form)?));
    let heard = webhook::verified(config, request, url, person_in(url), parse).await?;
    let (number, GatherEnded { call, gathered }) = heard.get().clone();
    let name = object_of(&config.pseudonym_key, url, &call.call);
    let answered = Answered::new(config, url, &call);
    match ask(platform, &name, &Heard { number, gathered }).await {
        Ok(next) => answered.next(next, None),
        Err(error) => {
            log_failure(platform, error);
            // The object knows whether it has heard the words.
            answered.wait(number, "")
        }
    }
}

/// Twilio asks again for the answer.
pub(super) async fn wait<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    let parse = |form: &Form| Ok((number_in(url)?, IncomingCall::from_form(form)?));
    let waiting = webhook::verified(config, request, url, person_in(url), parse).await?;
    let (number, call) = waiting.get();
    let name = object_of(&config.pseudonym_key, url, &call.call);
    let answered = Answered::new(config, url, call);
    match ask(platform, &name, &AskAgain { number: *number }).await {
        Ok(next) => answered.next(next, None),
        Err(error) => {
            log_failure(platform, error);
            answered.say(FixedText::CallGivenUp)
        }
    }
}

/// A caller never hears an error of ours: what it hears instead is in the answer.
fn log_failure(platform: &impl WorkerPlatform, error: PlatformError) {
    event::log_failure(platform, ObjectKind::Call, error);
}

impl Answered<'_> {
    /// What a document says and does.
    pub(super) fn document<'c>(&self, document: &Document) -> Result<Response, Rejection<'c>> {
        let name = say_voice(&self.assistant.voice);
        let sentence = self.sentence(&document.says, name.as_deref());
        match document.then {
            Then::Listen => twiml_response(listen(&Listen {
                action: &self.numbered(HEARD_PATH, document.number),
                sentence,
                voice: &self.assistant.voice,
                silence: self.silence,
                keys: document.keys,
                // The recording goes on in the documents that follow.
                starts_recording: document.number == 1 && self.assistant.voice.record,
            })),
            Then::Dial => self.dial(Some(sentence)),
            Then::HangUp if document.says.is_empty() => hang_up(),
            Then::HangUp => twiml_response(twiml::say_and_hang_up(sentence)),
        }
    }

    /// The caller waits for the answer to a document.
    pub(super) fn wait<'c>(&self, number: u32, says: &str) -> Result<Response, Rejection<'c>> {
        let name = say_voice(&self.assistant.voice);
        let sentence = self.sentence(says, name.as_deref());
        twiml_response(redirect(sentence, &self.numbered(WAIT_PATH, number)))
    }

    fn sentence<'s>(&'s self, text: &'s str, voice: Option<&'s str>) -> Sentence<'s> {
        Sentence {
            text,
            language: &self.assistant.voice.language,
            voice,
        }
    }

    fn numbered(&self, path: &str, document: u32) -> String {
        let url = self.url(path);
        let sign = if url.contains('?') { '&' } else { '?' };
        format!("{url}{sign}{DOCUMENT}={document}")
    }
}

/// The document that a URL names.
fn number_in(url: &str) -> Result<u32, FieldError> {
    let error = |problem| FieldError {
        field: DOCUMENT,
        problem,
    };
    let query = target_of(url).split_once('?').map(|(_, query)| query);
    let mut values = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .filter(|(name, _)| name == DOCUMENT)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => Err(error(FieldProblem::Missing)),
        (Some(number), None) => number.parse().map_err(|_| error(FieldProblem::Malformed)),
        (Some(_), Some(_)) => Err(error(FieldProblem::Repeated)),
    }
}
