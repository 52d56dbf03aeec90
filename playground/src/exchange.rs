//! One request to a mock service from its arrival to its answer, with the fault that was ordered for it.
//!
//! What a good answer or an error looks like is the service's business ([`crate::openai`], [`crate::twilio`]); this module
//! owns the order of events, the bytes of a defective body and the end of the TCP connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use hyper::body::Frame;
use serde_json::{Map, Value};
use tokio::sync::{Notify, mpsc};

use crate::fault::{BodyFault, ConnectionFault, ErrorOverrides, Fault, Faults, Service};
use crate::media_store::MediaStore;
use crate::models::Clock;
use crate::page::feed::Feed;
use crate::page::outgoing::Outgoing;
use crate::page::switches::FaultSwitches;
use crate::request_log::{Entry, Outcome, Record, RequestLog, now_ms, person_in, shown_headers};
use crate::{openai, twilio};

/// All that the mock services share.
pub struct Playground {
    /// The auth tokens that the mock Twilio accepts.
    pub twilio_tokens: Vec<String>,
    /// The only key that the mock OpenAI accepts; `None` accepts any.
    pub openai_key: Option<String>,
    /// Which day it is for the mock OpenAI, whose models have a last one.
    pub clock: Clock,
    /// The files that can be attached to a message.
    pub media: MediaStore,
    /// Faults that the control route has set.
    pub faults: Faults,
    /// The requests that came in.
    pub request_log: Arc<RequestLog>,
    /// The messages that were sent through REST.
    pub outbox: twilio::Outbox,
    /// The phone numbers and Messaging Services of the accounts.
    pub numbers: twilio::Numbers,
    /// What happens, for the pages that watch.
    pub feed: Arc<Feed>,
    /// Faults that are switched on at the page.
    pub fault_switches: FaultSwitches,
    /// What the page's phones send from.
    pub outgoing: Outgoing,
}

/// The TCP connection of a request, as far as a handler may touch it.
#[derive(Clone, Default)]
pub struct Connection {
    reset: Arc<Notify>,
}

impl Connection {
    /// Completes when a handler wants the connection to be reset.
    pub async fn reset_wanted(&self) {
        self.reset.notified().await;
    }

    /// Has the connection reset. Does not return: the handler ends together with its connection.
    async fn reset(&self) -> Response {
        self.reset.notify_one();
        std::future::pending().await
    }
}

/// A request that has come in whole.
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query as it came, without the question mark.
    pub query: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Call {
    /// The essence of the content type, in lower case.
    pub fn content_type(&self) -> String {
        self.headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// The credential of the scheme `scheme` in `Authorization`.
    pub fn credential(&self, scheme: &str) -> Option<&str> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (given, credential) = value.split_once(' ')?;
        given
            .eq_ignore_ascii_case(scheme)
            .then_some(credential.trim())
    }

    /// The body as a form.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The name of the person that a request to the model is for.
    pub fn person(&self) -> Option<String> {
        person_in(&serde_json::from_slice(&self.body).ok()?).map(str::to_owned)
    }

    /// The body as the journal shows it.
    fn shown_body(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        let json = serde_json::from_slice(&self.body);
        match self.content_type().as_str() {
            "application/json" => json.map_or_else(|_| self.text().into(), shortened),
            "application/x-www-form-urlencoded" => form_as_json(self.form()).into(),
            _ => self.text().into(),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether `wanted` occurs in the request line or in a value of the body.
    fn contains(&self, wanted: &str) -> bool {
        let query = self.query.as_deref().unwrap_or_default();
        format!("{} {}?{query}", self.method, self.path).contains(wanted)
            || self.text().contains(wanted)
            || occurs(wanted, &self.shown_body())
    }
}

/// Whether a credential was good.
pub struct Authorization {
    /// True if it was.
    pub granted: bool,
    /// Twilio: which token it was.
    pub token_index: Option<usize>,
}

/// A request that is in order and waits to be done.
pub struct Prepared<'a> {
    /// The text that a person wrote, which may hold a fault directive.
    pub spoken: String,
    /// OpenAI: what the log says of a model that will be shut down.
    pub deprecation: Option<String>,
    /// Does what is asked for and makes the answer. It gets the fault of the body, of which it serves those that need
    /// knowledge of the service.
    pub act: Box<dyn FnOnce(Option<BodyFault>) -> Reply + Send + 'a>,
}

/// An answer before it is bytes on a connection.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// Headers beside the content type; a later one replaces an earlier one of the same name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub payload: Payload,
}

/// The body of an answer.
pub enum Payload {
    /// One JSON value.
    Json(Value),
    /// Server-sent events, each with its framing.
    Events(Vec<String>),
    /// A file of this type, in parts; without its length if there are several.
    Bytes(HeaderValue, Vec<Bytes>),
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: StatusCode, value: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            payload: Payload::Json(value),
        }
    }
}

/// Handles one request to `service`.
pub async fn handle(
    playground: &Playground,
    service: Service,
    client_connection: Connection,
    request: Request,
) -> Response {
    // (1) Take the request in whole.
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_READ)
        .await
        .ok()
        .filter(|body| body.len() <= MAX_BODY);
    let too_large = body.is_none();
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body: body.unwrap_or_default(),
    };
    // (2) Write it down, and whether its credential is good.
    let authorization = match service {
        Service::Openai => openai::authorize(playground, &call),
        Service::Twilio => twilio::authorize(playground, &call),
    };
    let mut entry = playground
        .request_log
        .open(record_of(service, &call, &authorization));
    // (3) Refuse what the real service would refuse: a fault never hides a defective request.
    let prepared = if too_large {
        Err(error_reply(service, 413, None))
    } else if !authorization.granted {
        Err(error_reply(service, 401, None))
    } else {
        match service {
            Service::Openai => openai::prepare(&call, playground.clock.today()),
            Service::Twilio => twilio::prepare(playground, &call),
        }
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(reply) => return send(entry, reply, None),
    };
    if let Some(deprecation) = &prepared.deprecation {
        entry.deprecated(deprecation.clone());
    }
    // (4) Find the fault: the one written into the message, or else the oldest ordered one that fits.
    let fault = match Fault::from_text(service, &prepared.spoken) {
        Ok(Some(fault)) => Some(fault),
        Ok(None) => {
            let ordered = playground.faults.take(service, |text| call.contains(text));
            ordered.or_else(|| {
                playground
                    .fault_switches
                    .fault(service, &call, &playground.outgoing.names)
            })
        }
        Err(reason) => {
            let overrides = ErrorOverrides {
                message: Some(format!("Fault directive not understood: {reason}")),
                ..ErrorOverrides::default()
            };
            let reply = error_reply(service, 400, Some(&overrides));
            return send(entry, reply, None);
        }
    };
    let Some(fault) = fault else {
        return send(entry, (prepared.act)(None), None);
    };
    entry.note(fault.summary());
    // (5) Fail as told.
    tokio::time::sleep(fault.delay()).await;
    if let Some(connection) = fault.connection {
        if connection == ConnectionFault::ActThenDrop {
            (prepared.act)(None);
        }
        entry.dropped();
        return client_connection.reset().await;
    }
    let mut reply = match fault.status {
        Some(status) if fault.is_failure() => error_reply(service, status, fault.error.as_ref()),
        _ => (prepared.act)(fault.body),
    };
    reply.status = fault.status_or(reply.status);
    for (name, value) in &fault.headers {
        // Both were checked when the fault was ordered.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            reply.headers.push((name, value));
        }
    }
    send(entry, reply, fault.body)
}

/// A form as JSON: a text for each name, or a list of texts where a name is repeated.
pub fn form_as_json(form: Vec<(String, String)>) -> Map<String, Value> {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in form {
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, value.into());
            }
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = Value::Array(vec![first.take(), value.into()]),
        }
    }
    fields
}

/// The largest body that is taken in, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The largest body that is read at all: up to here a client gets to read that its body is too large, instead of finding
/// the connection closed while it still writes.
const MAX_READ: usize = 4 * MAX_BODY;
/// The longest text that the journal shows whole, in bytes. Pictures are longer.
const MAX_SHOWN: usize = 256 * 1024;

/// `value` with each text that is too long cut short: the journal keeps many requests.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > MAX_SHOWN => {
            let head: String = text.chars().take(100).collect();
            format!("{head}… ({} bytes)", text.len()).into()
        }
        Value::Array(values) => values.into_iter().map(shortened).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, shortened(value)))
            .collect(),
        other => other,
    }
}

fn record_of(service: Service, call: &Call, authorization: &Authorization) -> Record {
    Record {
        number: 0,
        service,
        method: call.method.to_string(),
        path: call.path.clone(),
        query: call.query.clone(),
        received_at: now_ms(),
        authorized: authorization.granted,
        token_index: authorization.token_index,
        headers: shown_headers(&call.headers),
        body: call.shown_body(),
        deprecation: None,
        outcome: Outcome::Pending,
        status: None,
        took_ms: None,
    }
}

fn error_reply(service: Service, status: u16, overrides: Option<&ErrorOverrides>) -> Reply {
    match service {
        Service::Openai => openai::error_reply(status, overrides),
        Service::Twilio => twilio::error_reply(status, overrides),
    }
}

/// Whether `wanted` occurs in a text anywhere in `value`.
fn occurs(wanted: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(wanted),
        Value::Array(values) => values.iter().any(|value| occurs(wanted, value)),
        Value::Object(fields) => fields.values().any(|value| occurs(wanted, value)),
        _ => false,
    }
}

/// Makes the bytes of an answer, defective if `fault` says so, and closes the entry.
fn send(entry: Entry, reply: Reply, fault: Option<BodyFault>) -> Response {
    entry.answered(reply.status.as_u16());
    let (mut content_type, mut parts) = match reply.payload {
        Payload::Json(value) => (
            HeaderValue::from_static("application/json"),
            vec![Bytes::from(value.to_string())],
        ),
        Payload::Events(events) => (
            HeaderValue::from_static("text/event-stream; charset=utf-8"),
            events.into_iter().map(Bytes::from).collect(),
        ),
        Payload::Bytes(content_type, parts) => (content_type, parts),
    };
    match fault {
        Some(BodyFault::Garbage) => parts = vec![Bytes::from_static(GARBAGE)],
        Some(BodyFault::Empty) => parts = vec![Bytes::new()],
        Some(BodyFault::WrongShape) => {
            parts = vec![Bytes::from_static(br#"{"ok":true,"result":[1,2,3]}"#)];
        }
        Some(BodyFault::NotJson) => {
            content_type = HeaderValue::from_static("text/html");
            parts = vec![Bytes::from_static(b"<html><head><title>Bad gateway</title></head><body>The gateway is confused.</body></html>")];
        }
        _ => {}
    }
    let streamed = parts.len() > 1;
    let length: usize = parts.iter().map(Bytes::len).sum();
    let body = if fault == Some(BodyFault::Truncated) {
        PartwiseBody::cut_short(parts)
    } else if streamed {
        PartwiseBody::whole(parts)
    } else {
        Body::from(parts.pop().unwrap_or_default())
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    for (name, value) in reply.headers {
        headers.insert(name, value);
    }
    if !streamed {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// Neither UTF-8 nor JSON.
const GARBAGE: &[u8] =
    b"\x1f\x8b\x00\xff\xfe{\"id\":\xc3\x28,,\x00\x80 not an answer \xf0\x28\x8c\xbc";

/// A body sent part by part, which may break off. Breaking off makes the server close the connection.
struct PartwiseBody(mpsc::Receiver<Result<Bytes, CutShort>>);

/// The reason why a body ends too early.
#[derive(Debug)]
struct CutShort;

impl std::fmt::Display for CutShort {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("cut short by a fault")
    }
}

impl std::error::Error for CutShort {}

impl PartwiseBody {
    fn whole(parts: Vec<Bytes>) -> Body {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            for part in parts {
                if sender.send(Ok(part)).await.is_err() {
                    return;
                }
            }
        });
        Body::new(Self(receiver))
    }

    /// Sends the first half, gives it time to leave, and breaks off.
    fn cut_short(parts: Vec<Bytes>) -> Body {
        const TIME_TO_LEAVE: Duration = Duration::from_millis(20);
        let all: Vec<u8> = parts.concat();
        let half = all.len().div_euclid(2);
        let first = Bytes::copy_from_slice(all.get(..half).unwrap_or_default());
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            if sender.send(Ok(first)).await.is_ok() {
                tokio::time::sleep(TIME_TO_LEAVE).await;
                // If the reader has gone, there is nothing left to break off.
                let _ = sender.send(Err(CutShort)).await;
            }
        });
        Body::new(Self(receiver))
    }
}

impl HttpBody for PartwiseBody {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        self.0
            .poll_recv(context)
            .map(|part| part.map(|part| part.map(Frame::data)))
    }
}
