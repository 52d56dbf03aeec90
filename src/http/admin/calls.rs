//! Calls that an operator has an assistant make: who is called, by whom, and whether that person may be.
//!
//! Everything is checked before anything costs money. Not here: the hours, the caps and the request to Twilio (`voice::call`).

use std::time::Duration;

use futures_util::future::join;
use serde_json::{Map, Value};

use super::{
    asked::{Pair, body, bounded_text, call, failed},
    shown::ShownCall,
};
use crate::{
    config::{Assistant, Config, VoiceMode},
    event::{self, CallRefusal, Event, ObjectKind},
    http::{
        platform::{OBJECT_TIME, WorkerPlatform},
        request::Request,
        response::{self, Response, bad_request, json, not_found},
        webhook::origin,
    },
    identity::{Address, Caller, Pseudonym},
    messaging::api::Show,
    object::{in_time, with_retry},
    platform::PlatformError,
    voice::api::{Dial, Dialled, Look, Progress},
};

/// Has an assistant call somebody.
pub(super) const CALLS: &str = "/admin/calls";
/// Shows how far a call has come.
pub(super) const CALL: &str = "/admin/calls/{id}";

/// How long the call's object may take: it asks two other objects, and Twilio.
const DIAL_TIME: Duration = Duration::from_secs(40);
/// The longest context, in UTF-16 units.
const MAX_CONTEXT: usize = 2000;
/// The fields of the body.
const FIELDS: [&str; 4] = ["to", "assistant", "from", "context"];
/// A contact can write to a number on these channels. An opt-out on one of them is one of calls, too.
const CHANNELS: [&str; 2] = ["", "whatsapp:"];

/// The call that a path names, if it is the path of one.
pub(super) fn id_in(path: &str) -> Option<&str> {
    let (prefix, _) = CALL.split_once('{')?;
    path.strip_prefix(prefix)
}

/// Has an assistant call somebody. 202: Twilio makes the call, or it is not known yet whether it does.
pub(super) async fn make(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
) -> Result<Response, PlatformError> {
    let url = request.url();
    let wanted = match body(request).await.and_then(|fields| read(config, &fields)) {
        Ok(wanted) => wanted,
        Err(refused) => return Ok(refused),
    };
    let Wanted { to, from, context } = wanted;
    let Some(account) = config.twilio_account.clone() else {
        return Ok(conflict(
            "TWILIO_ACCOUNT_SID is not set: calls are made with it",
        ));
    };
    if config.voice_mode == VoiceMode::Off {
        return Ok(conflict(
            "VOICE_MODE is off: the assistants do not talk on the phone",
        ));
    }
    let origin = origin(config, &url);
    // The playground is a Twilio on this machine.
    if !origin.starts_with("https://") && !config.twilio_api_base_url.is_loopback() {
        return Ok(conflict(
            "Twilio cannot reach this origin: set PUBLIC_URL to one with https",
        ));
    }
    let keys = &config.pseudonym_key;
    let id = keys.call_of_ours(platform.secret_bytes()?);
    let phone_hash = keys.phone_hash(&to);
    if has_opted_out(platform, config, &to, &from).await? {
        let (call, reason) = (id.call_hash(), CallRefusal::OptedOut);
        event::log(
            platform,
            &Event::CallRefused {
                phone_hash,
                call,
                reason,
            },
        );
        return Ok(refused(reason));
    }
    let dial = Dial {
        caller: keys.caller(&Caller::read(to.as_str()), Some(&from)),
        phone_hash,
        to,
        from,
        account,
        context,
        origin: origin.to_owned(),
    };
    // It can be called twice: it makes the call once.
    let dialled = with_retry(async || platform.call(id.as_str(), &dial).await);
    Ok(match in_time(platform, DIAL_TIME, dialled).await {
        Ok(Dialled::Made) => json(202, &ShownCall::new(&id, Progress::Dialling)),
        Ok(Dialled::Refused(reason)) => refused(reason),
        Ok(Dialled::Rejected(401)) => {
            conflict("Twilio accepts no TWILIO_AUTH_TOKEN for TWILIO_ACCOUNT_SID")
        }
        Ok(Dialled::Rejected(code)) => conflict(&format!(
            "Twilio refused the call: error {code}, see https://www.twilio.com/docs/errors/{code}"
        )),
        Err(error) => {
            let answer = failed(platform, ObjectKind::Call, error);
            let id = id.as_str();
            Response {
                body: format!("It is not known whether the call is made: see GET {CALLS}/{id}\n"),
                ..answer
            }
        }
    })
}

/// Shows how far a call has come.
pub(super) async fn look(platform: &impl WorkerPlatform, id: &str) -> Response {
    let Ok(id) = id.parse::<Pseudonym>() else {
        return not_found();
    };
    let looked = with_retry(async || platform.call(id.as_str(), &Look).await);
    match in_time(platform, OBJECT_TIME, looked).await {
        Ok(Some(progress)) => json(200, &ShownCall::new(&id, progress)),
        Ok(None) => response::plain(
            404,
            "There is no such call, or it ended more than ten minutes ago\n",
        ),
        Err(error) => failed(platform, ObjectKind::Call, error),
    }
}

/// A call that is wanted.
struct Wanted {
    to: Address,
    from: Address,
    context: Option<String>,
}

fn read(config: &Config, fields: &Map<String, Value>) -> Result<Wanted, Response> {
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        // What is not a word may be anything.
        let is_word = unknown.len() <= 20 && unknown.bytes().all(|b| b.is_ascii_lowercase());
        let name = if is_word { unknown } else { "a field" };
        return Err(bad_request(&format!(
            "{name} is not known: there are to, assistant, from and context"
        )));
    }
    let to = phone(fields, "to")?.ok_or_else(|| bad_request("to is missing"))?;
    let wanted = fields
        .get("assistant")
        .ok_or_else(|| bad_request("assistant is missing"))?;
    let assistant = wanted
        .as_str()
        .and_then(|name| config.assistants.named(name));
    let assistant = assistant.ok_or_else(|| {
        let names: Vec<&str> = config
            .assistants
            .iter()
            .map(|assistant| assistant.name.as_str())
            .collect();
        bad_request(&format!("assistant must be one of {}", names.join(", ")))
    })?;
    let from = match phone(fields, "from")? {
        Some(from) if talks_for(config, assistant, &from) => from,
        Some(_) => return Err(bad_request("from is not a number of the assistant")),
        None => assistant.phone().cloned().ok_or_else(|| {
            bad_request("the assistant has no phone number in its file: give from, a number of yours that no other assistant has")
        })?,
    };
    if from == to {
        return Err(bad_request("to is the number that would call"));
    }
    let context = match fields.get("context") {
        None | Some(Value::Null) => None,
        Some(_) => Some(bounded_text(fields, "context", MAX_CONTEXT)?.to_owned()),
    };
    Ok(Wanted { to, from, context })
}

/// Whether calls to and from that number are the assistant's.
fn talks_for(config: &Config, assistant: &Assistant, number: &Address) -> bool {
    config.assistants.answering(number, None).name == assistant.name
}

/// A phone number, if the body has one of that name.
fn phone(fields: &Map<String, Value>, name: &str) -> Result<Option<Address>, Response> {
    let Some(value) = fields.get(name) else {
        return Ok(None);
    };
    let number = value.as_str().and_then(|text| text.parse().ok());
    let number = number.filter(Address::is_phone);
    number.map(Some).ok_or_else(|| {
        bad_request(&format!(
            "{name} must be a phone number in E.164, such as +15550100"
        ))
    })
}

/// Whether the person has opted out of messages with that number, on any channel of it.
async fn has_opted_out(
    platform: &impl WorkerPlatform,
    config: &Config,
    to: &Address,
    from: &Address,
) -> Result<bool, PlatformError> {
    let asked = CHANNELS.map(|channel| async move {
        let on = |number: &Address| format!("{channel}{}", number.as_str()).parse();
        let (Ok(contact), Ok(number)) = (on(to), on(from)) else {
            return Ok(false);
        };
        let pair = Pair {
            from: contact,
            to: number,
        };
        let summary = call(platform, config, &pair, &Show, OBJECT_TIME).await?;
        Ok(summary.opted_out)
    });
    let [plain, whatsapp] = asked;
    let (plain, whatsapp) = join(plain, whatsapp).await;
    Ok(plain? || whatsapp?)
}

fn refused(reason: CallRefusal) -> Response {
    match reason {
        CallRefusal::CallerLimit => {
            too_many("CALL_RATE_LIMIT_PER_HOUR is used up with this person")
        }
        CallRefusal::DailyLimit => too_many("MAX_DAILY_CALL_MINUTES is used up until midnight UTC"),
        CallRefusal::Unavailable => response::try_later(),
        CallRefusal::OptedOut => conflict("the person has opted out of messages with this number"),
        CallRefusal::OutsideHours => {
            conflict("where the number is from it is not within CALL_HOURS now")
        }
        CallRefusal::UnknownHours => conflict(
            "it is not known which time it is where the number is from: only CALL_HOURS=00:00-24:00 allows such calls",
        ),
    }
}

fn conflict(problem: &str) -> Response {
    response::plain(409, &format!("{problem}\n"))
}

fn too_many(problem: &str) -> Response {
    response::plain(429, &format!("{problem}\n"))
}
