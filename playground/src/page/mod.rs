//! The page: phones in the browser, with all that happens around a message beside them.
//!
//! (1) `GET /` and its files are compiled in, and name nothing from another host.
//! (2) `GET /playground/events` is the feed, from which the page builds all that it shows.
//! (3) `POST /playground/phone/…` sends and replays, `PUT /playground/switches` sets faults.
//! (4) `POST /playground/log` takes the Worker's log lines in; `GET /playground/worker/…` asks its admin routes.
//! (5) [`guard`] keeps pages of other sites out of all of it.
//!
//! Not here: the mock services.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::exchange::{Payload, Playground};
use crate::page::outgoing::Order;
use crate::page::switches::{FaultSwitches, Switches};
use crate::server::{answer, control_error};
use crate::webhook::{Channel, address};
use crate::webhook_client::{NoAnswer, no_answer};

pub mod feed;
pub mod outgoing;
pub mod switches;

/// The routes of the page.
pub fn routes() -> Router<Arc<Playground>> {
    let files = FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(|| async { file.response() }))
    });
    files
        .route("/playground/events", get(events))
        .route("/playground/setup", get(setup))
        .route("/playground/phone/messages", post(send))
        .route("/playground/phone/replay", post(replay))
        .route("/playground/switches", put(set_switches))
        .route("/playground/conversation", get(conversation))
        .route("/playground/media/{sid}", get(picture))
        .route("/playground/log", post(log))
        .route("/playground/worker/usage", get(usage))
        .route("/playground/worker/sender", get(sender))
}

/// Refuses what a page of another site can make a browser send, and what reaches this address under another name
/// (DNS rebinding); and forbids pages everything that this one does not need. The mock services have credentials of
/// their own and are left alone.
pub async fn guard(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if ["/v1/", "/v2/", "/2010-04-01/"]
        .iter()
        .any(|service| path.starts_with(service))
    {
        return next.run(request).await;
    }
    let mut response = match refusal(request.headers()) {
        Some(reason) => control_error(StatusCode::FORBIDDEN, reason),
        None => next.run(request).await,
    };
    let policy = if FILES.iter().any(|file| file.path == path) {
        PAGE_POLICY
    } else {
        OTHER_POLICY
    };
    for (name, value) in [(header::CONTENT_SECURITY_POLICY, policy)]
        .into_iter()
        .chain(SECURITY_HEADERS)
    {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

impl File {
    fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.content));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        response
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static FILES: [File; 8] = [
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        content: include_str!("../../web/index.html"),
    },
    File {
        path: "/web/style.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("../../web/style.css"),
    },
    File {
        path: "/web/icon.svg",
        content_type: "image/svg+xml",
        content: include_str!("../../web/icon.svg"),
    },
    File {
        path: "/web/main.js",
        content_type: SCRIPT,
        content: include_str!("../../web/main.js"),
    },
    File {
        path: "/web/phone.js",
        content_type: SCRIPT,
        content: include_str!("../../web/phone.js"),
    },
    File {
        path: "/web/inspector.js",
        content_type: SCRIPT,
        content: include_str!("../../web/inspector.js"),
    },
    File {
        path: "/web/faults.js",
        content_type: SCRIPT,
        content: include_str!("../../web/faults.js"),
    },
    File {
        path: "/web/dom.js",
        content_type: SCRIPT,
        content: include_str!("../../web/dom.js"),
    },
];

const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What is not the page is no page at all, an uploaded file least of all.
const OTHER_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Why a request may not reach the playground.
fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text("host").unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if !["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return Some("the playground answers to 127.0.0.1 and localhost only");
    }
    if text("origin").is_some_and(|origin| origin != format!("http://{host}")) {
        return Some("the playground takes no requests from other web pages");
    }
    // A link on another page may lead to the page; nothing else may come from there.
    let navigation = text("sec-fetch-mode") == Some("navigate");
    if !navigation
        && text("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site))
    {
        return Some("the playground takes no requests from other web pages");
    }
    None
}

async fn events(State(playground): State<Arc<Playground>>, headers: HeaderMap) -> Response {
    playground
        .feed
        .watch(headers.get("last-event-id").and_then(|id| id.to_str().ok()))
}

/// What the page needs to know at its start.
async fn setup(State(playground): State<Arc<Playground>>) -> Response {
    let outgoing = &playground.outgoing;
    let known = json!({"worker": outgoing.carrier.worker(), "names": outgoing.names.known(), "switches": playground.fault_switches.shown()});
    answer(StatusCode::OK, &known)
}

async fn send(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<Order>(&headers, &body) {
        Ok(order) => match outgoing::send(&playground, order) {
            Ok(sid) => answer(StatusCode::ACCEPTED, &json!({"sid": sid})),
            Err(reason) => control_error(StatusCode::BAD_REQUEST, &reason),
        },
        Err(refused) => *refused,
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
        Ok(Replay { sid }) => match outgoing::replay(&playground, &sid) {
            Ok(()) => answer(StatusCode::ACCEPTED, &json!({"sid": sid})),
            Err(reason) => control_error(StatusCode::NOT_FOUND, &reason),
        },
        Err(refused) => *refused,
    }
}

/// A phone, as the page names it.
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
struct Setting {
    /// Without one, the switches of all phones are set.
    #[serde(default)]
    phone: Option<Phone>,
    switches: Switches,
}

async fn set_switches(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let setting = match read::<Setting>(&headers, &body) {
        Ok(setting) => setting,
        Err(refused) => return *refused,
    };
    let of_model = setting.switches.slow_model > 0
        || setting.switches.model_error
        || setting.switches.model_drop;
    if of_model && setting.phone.is_some() && !playground.outgoing.names.known() {
        let reason = "without the Worker's PSEUDONYM_KEY the playground cannot tell which phone a request to the model belongs to: \
                      switch it on for all phones, or start the playground with the key";
        return control_error(StatusCode::CONFLICT, reason);
    }
    let fault_switches: &FaultSwitches = &playground.fault_switches;
    match fault_switches.set(setting.phone.map(|phone| phone.pair()), setting.switches) {
        Ok(()) => {
            let shown = fault_switches.shown();
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
    let Some(name) = playground.outgoing.names.pair(&from, &to) else {
        let reason = "the playground was started without the Worker's PSEUDONYM_KEY, so it cannot tell whose conversation a request holds";
        return control_error(StatusCode::CONFLICT, reason);
    };
    let newest = playground.request_log.newest_of(&name);
    let shown = newest
        .and_then(|record| serde_json::to_value(record).ok())
        .map(without_images);
    answer(StatusCode::OK, &json!({"request": shown}))
}

/// A file that was attached, for its preview. The mock Twilio's own address for it is the Worker's, and in the request_log.
async fn picture(State(playground): State<Arc<Playground>>, Path(sid): Path<String>) -> Response {
    let Some(file) = playground.media.file(&sid) else {
        return control_error(
            StatusCode::NOT_FOUND,
            "this file was not attached, or is no longer kept",
        );
    };
    let Payload::Bytes(content_type, parts) = (file.act)(None).payload else {
        return control_error(StatusCode::NOT_FOUND, "this is no file");
    };
    let mut response = Response::new(Body::from(parts.concat()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

/// One line of the Worker's log.
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
        Err(refused) => *refused,
    }
}

async fn usage(State(playground): State<Arc<Playground>>) -> Response {
    ask_worker(playground, "/admin/usage", None).await
}

async fn sender(State(playground): State<Arc<Playground>>, Query(phone): Query<Phone>) -> Response {
    let (from, to) = phone.pair();
    ask_worker(
        playground,
        "/admin/senders/show",
        Some(json!({"from": from, "to": to})),
    )
    .await
}

const MAX_LOG_LINE: usize = 16 * 1024;
/// A text longer than this that is a file in itself is not shown whole.
const MAX_INLINE_FILE: usize = 200;

/// Asks one of the Worker's admin routes, with this JSON where there is any. What it says comes as `body`, what keeps it from saying anything as `problem`.
async fn ask_worker(
    playground: Arc<Playground>,
    path: &'static str,
    body: Option<Value>,
) -> Response {
    let told = |problem: String| answer(StatusCode::OK, &json!({"problem": problem}));
    let Some(token) = playground.outgoing.admin_token.clone() else {
        return told(
            "The playground was started without ADMIN_TOKEN. Set it in .dev.vars (at least 32 characters) and start again.".to_owned(),
        );
    };
    let asked = tokio::task::spawn_blocking(move || {
        let carrier = &playground.outgoing.carrier;
        let worker = carrier.worker().to_owned();
        let (url, bearer) = (format!("{worker}{path}"), format!("Bearer {token}"));
        let asked = match body {
            None => carrier
                .agent()
                .get(url)
                .header(header::AUTHORIZATION, bearer)
                .call(),
            Some(body) => {
                let request = carrier
                    .agent()
                    .post(url)
                    .header(header::AUTHORIZATION, bearer);
                request
                    .header(header::CONTENT_TYPE, "application/json")
                    .send(body.to_string())
            }
        };
        let answer = asked.map(|mut response| {
            let text = response
                .body_mut()
                .with_config()
                .limit(64 * 1024)
                .read_to_string()
                .unwrap_or_default();
            (
                response.status().as_u16(),
                serde_json::from_str::<Value>(&text).ok(),
                text,
            )
        });
        (worker, answer.map_err(no_answer))
    });
    let Ok((worker, result)) = asked.await else {
        return told("Asking the Worker failed.".to_owned());
    };
    match result {
        Ok((200, Some(body), _)) => answer(StatusCode::OK, &json!({"body": body})),
        Ok((404, ..)) => told(
            "The Worker has no admin routes (404): ADMIN_TOKEN is not set in its settings."
                .to_owned(),
        ),
        Ok((401, ..)) => told(
            "The Worker refused ADMIN_TOKEN (401): it has another one than the playground."
                .to_owned(),
        ),
        Ok((429, ..)) => told(
            "The Worker saw too many wrong tokens (429). Wait a minute, then try again.".to_owned(),
        ),
        Ok((status, _, text)) => told(format!(
            "The Worker answered {status}: {:.200}",
            text.lines().next().unwrap_or_default()
        )),
        Err(NoAnswer::NotListening) => told(format!(
            "Nothing is listening at {worker}: start the Worker."
        )),
        Err(NoAnswer::TimedOut) => told(format!("No answer from {worker} within 15 s.")),
        Err(NoAnswer::Broken(error)) => told(format!("No answer from {worker}: {error}.")),
    }
}

/// Reads a JSON body, which must say that it is one: a form of another site cannot.
fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Box<Response>> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if essence != "application/json" {
        return Err(Box::new(control_error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content type must be application/json",
        )));
    }
    serde_json::from_slice(body)
        .map_err(|error| Box::new(control_error(StatusCode::BAD_REQUEST, &error.to_string())))
}

/// The same with `data:` URLs cut short.
fn without_images(mut value: Value) -> Value {
    fn cut(value: &mut Value) {
        match value {
            Value::String(text) if text.starts_with("data:") && text.len() > MAX_INLINE_FILE => {
                let kind = text.split([';', ',']).next().unwrap_or_default();
                *text = format!("{kind}, {} characters", text.len());
            }
            Value::Array(values) => values.iter_mut().for_each(cut),
            Value::Object(fields) => fields.values_mut().for_each(cut),
            _ => {}
        }
    }
    cut(&mut value);
    value
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn refused(pairs: &[(&'static str, &str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        refusal(&headers).is_some()
    }

    #[test]
    fn only_names_of_this_machine_are_answered_to() {
        for host in [
            "127.0.0.1:8788",
            "localhost:8788",
            "localhost",
            "[::1]:1",
            "127.0.0.1",
        ] {
            assert!(!refused(&[("host", host)]), "{host}");
        }
        for host in [
            "",
            "evil.example:8788",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8788",
            "127.0.0.1:8788.evil.example",
            "0.0.0.0:8788",
        ] {
            assert!(refused(&[("host", host)]), "{host}");
        }
        assert!(refused(&[]));
    }

    #[test]
    fn only_the_page_itself_may_send() {
        let from = |origin| refused(&[("host", "localhost:8788"), ("origin", origin)]);
        assert!(!from("http://localhost:8788"));
        for origin in [
            "http://127.0.0.1:8788",
            "http://localhost:3000",
            "https://localhost:8788",
            "https://evil.example",
            "null",
        ] {
            assert!(from(origin), "{origin}");
        }
        let with = |site, mode| {
            refused(&[
                ("host", "localhost:8788"),
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
            ])
        };
        assert!(
            !with("same-origin", "cors")
                && !with("none", "navigate")
                && !with("cross-site", "navigate")
        );
        assert!(with("cross-site", "no-cors") && with("same-site", "cors"));
    }

    #[test]
    fn pictures_in_a_conversation_are_cut_short() {
        let picture = format!("data:image/png;base64,{}", "A".repeat(1000));
        let cut = without_images(
            json!({"content": [{"image_url": {"url": picture}}, {"text": "data: none"}]}),
        );
        assert_eq!(
            cut,
            json!({"content": [{"image_url": {"url": "data:image/png, 1022 characters"}}, {"text": "data: none"}]})
        );
    }
}
