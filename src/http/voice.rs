//! The webhooks of a call.
//!
//! `POST /twilio/voice` is answered with TwiML that connects the call to a socket, or listens, or refuses the call. It comes
//! for a call that comes in, and for one of ours that somebody has answered. The call's object decides. What comes next
//! when the socket has ended, or a person was dialled, is TwiML, too. Not here: calls without a socket (`gather`), checks
//! that all webhooks share (`webhook`), synthetic calls (`synthetic_call`), the talk (`voice` above), and the socket
//! (`sockets`, `runtime`).

mod gather;

use std::time::Duration;

use super::{
    platform::{OBJECT_TIME, WorkerPlatform},
    request::Request,
    response::Response,
    synthetic_call,
    voice_answer::{hang_up, secret, twiml_response},
    webhook::{self, Rejection, origin},
};
use crate::{
    config::{Assistant, Config, FixedText, VoiceMode},
    event::{self, ObjectKind},
    identity::{Address, Pseudonym},
    object::{in_time, with_retry},
    platform::{Method, PlatformError},
    twilio::voice::{
        Direction,
        fields::{CallStatusUpdate, DialEnded, IncomingCall, RelayEnded, SessionStatus},
        relay_url::RelayUrl,
        say::Sentence as Spoken,
        twiml,
        webhook_url::{
            CALL_STATUS_PATH, DIALLED_PATH, ENDED_PATH, HEARD_PATH, WAIT_PATH, call_of_ours,
            object_of, webhook_url,
        },
    },
    voice::{
        api::{Admit, CallOver, Next, RelayEnd, Sentence},
        state::{RINGS_FOR, assistant},
    },
};

/// Answers one of the webhooks of a call.
pub(super) async fn answer<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
    path: &str,
) -> Result<Response, Rejection<'c>> {
    match path {
        ENDED_PATH => ended(platform, config, request, url).await,
        HEARD_PATH => gather::heard(platform, config, request, url).await,
        WAIT_PATH => gather::wait(platform, config, request, url).await,
        DIALLED_PATH => dialled(config, request, url).await,
        CALL_STATUS_PATH => status(platform, config, request, url).await,
        _ => incoming(platform, config, request, url).await,
    }
}

async fn incoming<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    let person = person_in(url);
    let call = webhook::verified(config, request, url, person, IncomingCall::from_form).await?;
    if synthetic_call::is_between_ours(config, call.get()) {
        return synthetic_call::answer_callee(platform, config, url, call.get()).await;
    }
    let token = config.twilio_tokens.get(call.token());
    let token = token.ok_or_else(|| Rejection::Object(ObjectKind::Call, "no such token".into()))?;
    let answered = Answered::new(config, url, call.get());
    if config.voice_mode == VoiceMode::Off {
        return answered.say(FixedText::CallNotAvailable);
    }
    let keys = &config.pseudonym_key;
    let name = object_of(keys, url, &call.get().call);
    let secret = secret(platform)?;
    let IncomingCall {
        call: sid,
        account,
        person,
        number,
        direction,
    } = call.get().clone();
    let admit = Admit {
        sid,
        account,
        token: keys.token_id(token),
        caller: keys.caller(&person, number.as_ref()),
        phone_hash: keys.caller_hash(&person),
        number,
        door: (config.voice_mode == VoiceMode::Relay).then(|| secret.hash()),
        is_outbound: direction == Direction::Outbound,
        usage: platform.take(),
    };
    match ask(platform, &name, &admit).await {
        Ok(next) => answered.next(next, Some(&RelayUrl { call: name, secret })),
        Err(error) => {
            platform.count(&admit.usage);
            // The caller hears a sentence. After a 503 it would hear Twilio's own words for an error.
            event::log_failure(platform, ObjectKind::Call, error);
            answered.say(FixedText::CallNoCapacity)
        }
    }
}

/// The action of `<Connect>`.
async fn ended<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    let ended = webhook::verified(config, request, url, person_in(url), |form| {
        Ok((RelayEnded::from_form(form)?, IncomingCall::from_form(form)?))
    });
    let ended = ended.await?;
    let (ended, call) = ended.get();
    let name = object_of(&config.pseudonym_key, url, &ended.call);
    let secret = secret(platform)?;
    let end = RelayEnd {
        session: ended.session.clone(),
        door: secret.hash(),
        call_is_over: ended.call_status.is_final()
            || ended.session_status == SessionStatus::Completed,
    };
    let next = ask(platform, &name, &end).await;
    let next = next.map_err(|error| Rejection::Object(ObjectKind::Call, error.reason))?;
    let relay = RelayUrl { call: name, secret };
    Answered::new(config, url, call).next(next, Some(&relay))
}

/// The action of `<Dial>`.
async fn dialled<'c>(
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    let dialled = webhook::verified(config, request, url, person_in(url), |form| {
        Ok((DialEnded::from_form(form)?, IncomingCall::from_form(form)?))
    });
    let dialled = dialled.await?;
    let (dialled, call) = dialled.get();
    let answered = Answered::new(config, url, call);
    if dialled.was_answered() || dialled.call_status.is_final() {
        hang_up()
    } else {
        answered.say(FixedText::CallNobodyReached)
    }
}

/// The status callback of a call. Only a final status says something new.
async fn status<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    let person = person_in(url);
    let update =
        webhook::verified(config, request, url, person, CallStatusUpdate::from_form).await?;
    let CallStatusUpdate { call, status, .. } = update.get();
    if status.is_final() {
        let name = object_of(&config.pseudonym_key, url, call);
        let told = ask(platform, &name, &CallOver { status: *status }).await;
        told.map_err(|error| Rejection::Object(ObjectKind::Call, error.reason))?;
    }
    Ok(Response::empty(204))
}

/// The field that names the person at the other end of the call. It is for the log, before the webhook is verified.
fn person_in(url: &str) -> &'static str {
    if call_of_ours(url).is_some() {
        "To"
    } else {
        "From"
    }
}

/// Calls the call's object.
async fn ask<M: Method>(
    platform: &impl WorkerPlatform,
    name: &Pseudonym,
    method: &M,
) -> Result<M::Reply, PlatformError> {
    // Each of its methods may be called twice.
    let asked = with_retry(async || platform.call(name.as_str(), method).await);
    in_time(platform, OBJECT_TIME, asked).await
}

/// The TwiML for a call to one assistant.
struct Answered<'a> {
    assistant: &'a Assistant,
    /// Our number.
    number: Option<&'a Address>,
    /// Whether we have called the person.
    is_outbound: bool,
    origin: &'a str,
    /// How long the person may be silent.
    silence: Duration,
    /// The object that the URLs of a call of ours name.
    ours: Option<Pseudonym>,
}

impl<'a> Answered<'a> {
    fn new(config: &'a Config, url: &'a str, call: &'a IncomingCall) -> Self {
        let number = call.number.as_ref();
        Self {
            assistant: assistant(number, config),
            number,
            is_outbound: call.direction == Direction::Outbound,
            origin: origin(config, url),
            silence: config.voice_silence,
            ours: call_of_ours(url),
        }
    }

    /// What Twilio does next. Only a call that may be connected to a socket has a `relay`.
    fn next<'c>(&self, next: Next, relay: Option<&RelayUrl>) -> Result<Response, Rejection<'c>> {
        match next {
            Next::Connect { greet } => match relay {
                Some(relay) => twiml_response(twiml::connect(&twiml::Connect {
                    url: &relay.url(self.origin),
                    action: &self.url(ENDED_PATH),
                    greeting: greet
                        .then(|| self.assistant.greeting(self.is_outbound))
                        .as_deref(),
                    voice: &self.assistant.voice,
                    starts_recording: greet && self.assistant.voice.record,
                })),
                None => hang_up(),
            },
            Next::Document(document) => self.document(&document),
            Next::Wait { number, says } => self.wait(number, &says),
            Next::Say(Sentence::NoCapacity) => self.say(FixedText::CallNoCapacity),
            Next::Say(Sentence::TooOften) => self.say(FixedText::CallTooOften),
            Next::Say(Sentence::Failed) => self.say(FixedText::CallGivenUp),
            Next::Dial => self.dial(None),
            Next::HangUp => hang_up(),
        }
    }

    fn dial<'c>(&self, sentence: Option<Spoken<'_>>) -> Result<Response, Rejection<'c>> {
        match &self.assistant.voice.hand_off_to {
            Some(number) => twiml_response(twiml::dial(&twiml::Dial {
                sentence,
                number,
                caller_id: self.number,
                action: &self.url(DIALLED_PATH),
                timeout: RINGS_FOR,
            })),
            None => hang_up(),
        }
    }

    fn say<'c>(&self, text: FixedText) -> Result<Response, Rejection<'c>> {
        twiml_response(twiml::say_and_hang_up(Spoken {
            text: self.assistant.text(text),
            language: &self.assistant.voice.language,
            voice: None,
        }))
    }

    fn url(&self, path: &str) -> String {
        webhook_url(self.origin, path, self.ours.as_ref())
    }
}
