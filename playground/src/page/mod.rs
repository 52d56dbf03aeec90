//! The pages: phones in the browser with an inspector of what happens around their messages, and
//! synthetic conversations.
//!
//! - `GET /`, `GET /runs` and their files are compiled in (`files.rs`).
//! - `GET /playground/events` is the feed, from which the page builds all that it shows.
//! - `POST /playground/phone/…` sends and replays messages, those of `say` (`signed`), too. `PUT /playground/switches` sets faults.
//! - `/playground/calls` starts, shows and controls calls (`calls.rs`).
//! - `/playground/assistants` reads, checks and saves the files of assistants (`assistants.rs`).
//! - `/playground/launcher` and `/playground/openai` are between the page and `npm start`
//!   (`launcher.rs`).
//! - `POST /playground/build` receives the state of the Worker's build (`build.rs`).
//! - `POST /playground/log` receives the log lines of the Worker. `GET /playground/worker/…` asks
//!   its admin routes (`worker.rs`). `/playground/batches` is for synthetic conversations
//!   (`batches.rs`).
//! - `guard` rejects requests from pages of other sites (`guard.rs`).

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use self::conversation::without_images;
use self::read::read;
use self::worker::{AdminMethod, ask_worker};
use crate::base::voice_note::{MEDIA_TYPE, voice_note};
use crate::http::control::{answer, control_error};
use crate::http::reply::Payload;
use crate::openai::HEARD;
use crate::phones::new_message::NewMessage;
use crate::phones::outgoing::SignedMessage;
use crate::phones::switches::{ShopFault, Switches};
use crate::playground::Playground;
use crate::webhook::channel::{Channel, address};

mod assistants;
mod batches;
mod build;
mod calls;
mod conversation;
mod files;
mod guard;
mod launcher;
mod read;
mod worker;

pub use self::guard::guard;

/// The routes of the pages.
pub fn routes() -> Router<Arc<Playground>> {
    files::routes()
        .merge(calls::routes())
        .merge(batches::routes())
        .merge(assistants::routes())
        .merge(launcher::routes())
        .merge(build::routes())
        .route("/playground/events", get(events))
        .route("/playground/setup", get(setup))
        .route("/playground/phone/messages", post(send))
        .route("/playground/phone/replay", post(replay))
        .route("/playground/phone/signed", post(deliver))
        .route("/playground/switches", put(set_switches))
        .route("/playground/conversation", get(conversation))
        .route("/playground/media/{sid}", get(attachment))
        .route("/playground/voice-note", get(voice))
        .route("/playground/log", post(log))
        .route("/playground/worker/usage", get(usage))
        .route("/playground/worker/contact", get(contact))
}

async fn events(State(playground): State<Arc<Playground>>, headers: HeaderMap) -> Response {
    playground
        .feed
        .watch(headers.get("last-event-id").and_then(|id| id.to_str().ok()))
}

/// What the page needs when it starts.
async fn setup(State(playground): State<Arc<Playground>>) -> Response {
    let setup = json!({
        "worker": playground.outgoing.client.worker(),
        "switches": playground.switches.shown(),
        "assistants": playground.assistants.list()
    });
    answer(StatusCode::OK, &setup)
}

async fn send(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<NewMessage>(&headers, &body) {
        Ok(message) => match playground.outgoing.send(message) {
            Ok(sid) => answer(StatusCode::ACCEPTED, &json!({"sid": sid})),
            Err(reason) => control_error(StatusCode::BAD_REQUEST, &reason),
        },
        Err(error) => *error,
    }
}

/// A message of the phone in the terminal (`say`), so that the page shows it, too.
async fn deliver(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<SignedMessage>(&headers, &body) {
        Ok(signed) => match playground.outgoing.deliver(signed).await {
            Some(answered) => answer(StatusCode::OK, &answered),
            None => control_error(
                StatusCode::CONFLICT,
                "the playground would sign it otherwise, or post it to another Worker",
            ),
        },
        Err(error) => *error,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    sid: String,
}

async fn replay(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<Replay>(&headers, &body) {
        Ok(Replay { sid }) => match playground.outgoing.replay(&sid) {
            Ok(()) => answer(StatusCode::ACCEPTED, &json!({"sid": sid})),
            Err(reason) => control_error(StatusCode::NOT_FOUND, &reason),
        },
        Err(error) => *error,
    }
}

/// A phone of the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Phone {
    channel: Channel,
    from: String,
    to: String,
}

impl Phone {
    /// Its addresses, with the prefix of its channel.
    fn pair(&self) -> (String, String) {
        (
            address(self.channel, &self.from),
            address(self.channel, &self.to),
        )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetSwitches {
    /// The phone. Without one, the switches are for all phones.
    #[serde(default)]
    phone: Option<Phone>,
    switches: Switches,
}

async fn set_switches(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let SetSwitches { phone, switches } = match read(&headers, &body) {
        Ok(request) => request,
        Err(error) => return *error,
    };
    let by_pseudonym = switches.slow_model > 0
        || switches.model_error
        || switches.model_drop
        || switches.shop != ShopFault::None;
    if by_pseudonym && phone.is_some() && !playground.pseudonyms.has_key() {
        let reason = "without the Worker's PSEUDONYM_KEY the playground cannot tell which phone a \
                      request to the model or the shop belongs to: switch it on for all phones, or start the \
                      playground with the key";
        return control_error(StatusCode::CONFLICT, reason);
    }
    match playground
        .switches
        .set(phone.map(|phone| phone.pair()), switches)
    {
        Ok(()) => {
            let shown = playground.switches.shown();
            playground
                .feed
                .publish("switches", json!({"switches": shown}));
            answer(StatusCode::OK, &shown)
        }
        Err(reason) => control_error(StatusCode::BAD_REQUEST, &reason),
    }
}

/// The newest request to the model for a phone.
async fn conversation(
    State(playground): State<Arc<Playground>>,
    Query(phone): Query<Phone>,
) -> Response {
    let (from, to) = phone.pair();
    let Some(name) = playground.pseudonyms.pair(&from, &to) else {
        let reason = "the playground was started without the Worker's PSEUDONYM_KEY, so it cannot \
                      tell which phone a conversation belongs to";
        return control_error(StatusCode::CONFLICT, reason);
    };
    let newest = playground.request_log.newest_of(&name);
    let shown = newest
        .and_then(|record| serde_json::to_value(record).ok())
        .map(without_images);
    answer(StatusCode::OK, &json!({"request": shown}))
}

/// An attached file, for its preview. The Worker uses the address of the mock Twilio instead, which
/// is in the request log.
async fn attachment(
    State(playground): State<Arc<Playground>>,
    Path(sid): Path<String>,
) -> Response {
    let Some(file) = playground.twilio.media.file(&sid) else {
        return control_error(
            StatusCode::NOT_FOUND,
            "this file was never attached, or is too old",
        );
    };
    let Payload::Bytes(content_type, parts) = (file.act)(None).payload else {
        return control_error(StatusCode::NOT_FOUND, "this is not a file");
    };
    let mut response = Response::new(Body::from(parts.concat()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

#[derive(Deserialize)]
struct Voice {
    #[serde(default)]
    words: String,
}

/// A voice note that says the words in the query.
async fn voice(Query(Voice { words }): Query<Voice>) -> Response {
    let words = words.trim();
    let file = voice_note(if words.is_empty() { HEARD } else { words }, VOICE_SECONDS);
    let mut response = Response::new(Body::from(file));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

/// The length of a voice note.
const VOICE_SECONDS: u32 = 2;

/// One line of the log of the Worker.
async fn log(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if body.len() > MAX_LOG_LINE {
        return control_error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "a log line has at most 16384 bytes",
        );
    }
    match read::<Value>(&headers, &body) {
        Ok(line) if line.is_object() => {
            playground.feed.publish("log", json!({"line": line}));
            answer(StatusCode::ACCEPTED, &json!({}))
        }
        Ok(_) => control_error(StatusCode::BAD_REQUEST, "a log line is a JSON object"),
        Err(error) => *error,
    }
}

async fn usage(State(playground): State<Arc<Playground>>) -> Response {
    ask_worker(playground, AdminMethod::Get, "/admin/usage").await
}

async fn contact(
    State(playground): State<Arc<Playground>>,
    Query(phone): Query<Phone>,
) -> Response {
    let (from, to) = phone.pair();
    let method = AdminMethod::Post(json!({"from": from, "to": to}));
    ask_worker(playground, method, "/admin/contacts/show").await
}

const MAX_LOG_LINE: usize = 16 * 1024;
