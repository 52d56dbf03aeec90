//! What the admin routes share: the body of a request, and the calls to objects.
//!
//! Not here: the routes themselves (`admin`).

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    config::Config,
    event::{self, ObjectKind},
    http::{
        platform::WorkerPlatform,
        request::{BodyError, Request, read_body},
        response::{self, Response, bad_request},
    },
    identity::Address,
    object::{in_time, with_retry},
    platform::{Method, PlatformError},
};

/// The longest answer of an operator, in UTF-16 units: one message.
const MAX_TEXT: usize = 1600;
/// The longest id that an operator's desk gives an answer, in UTF-16 units.
const MAX_ID: usize = 200;

/// A contact, and the number that the contact wrote to.
pub(super) struct Pair {
    pub(super) from: Address,
    pub(super) to: Address,
}

/// The body of a request about a contact.
pub(super) struct Call {
    pub(super) pair: Pair,
    fields: Map<String, Value>,
}

impl Call {
    /// The operator's answer.
    pub(super) fn text(&self) -> Result<&str, Response> {
        bounded_text(&self.fields, "text", MAX_TEXT)
    }

    /// The id that the operator's desk has given the answer, if any.
    pub(super) fn id(&self) -> Result<Option<&str>, Response> {
        let id = self.fields.contains_key("id");
        id.then(|| bounded_text(&self.fields, "id", MAX_ID))
            .transpose()
    }
}

/// A text of a body, of at most so many UTF-16 units.
pub(super) fn bounded_text<'f>(
    fields: &'f Map<String, Value>,
    name: &str,
    most: usize,
) -> Result<&'f str, Response> {
    let text = match fields.get(name) {
        None => return Err(bad_request(&format!("{name} is missing"))),
        Some(text) => text.as_str().map(str::trim).unwrap_or_default(),
    };
    let fits = (1..=most).contains(&text.encode_utf16().count());
    let is_clean = text.chars().all(|c| !c.is_control() || c == '\n');
    if fits && is_clean {
        return Ok(text);
    }
    let problem = format!("{name} must have 1 to {most} characters, without control characters");
    Err(bad_request(&problem))
}

/// The fields of a request's body.
pub(super) async fn body(request: &mut impl Request) -> Result<Map<String, Value>, Response> {
    let body = read_body(request, response::JSON).await;
    let body = body.map_err(BodyError::response)?;
    serde_json::from_slice(&body).map_err(|_| bad_request("the body must be a JSON object"))
}

/// Reads the two addresses from a request's body. They are not in the URL, because logs and
/// histories keep URLs.
pub(super) async fn read_call(request: &mut impl Request) -> Result<Call, Response> {
    let fields = body(request).await?;
    let address = |name: &str, fits: fn(&Address) -> bool| match fields.get(name) {
        None => Err(bad_request(&format!("{name} is missing"))),
        Some(value) => value
            .as_str()
            .and_then(|text| text.parse().ok())
            .filter(fits)
            .ok_or_else(|| bad_request(&format!("{name} is malformed"))),
    };
    let pair = Pair {
        from: address("from", Address::is_answerable)?,
        to: address("to", Address::can_be_written_to)?,
    };
    Ok(Call { pair, fields })
}

/// Calls the thread of the two addresses, which may take this time. Every method can be called twice.
pub(super) async fn call<M: Method>(
    platform: &impl WorkerPlatform,
    config: &Config,
    pair: &Pair,
    method: &M,
    time: Duration,
) -> Result<M::Reply, PlatformError> {
    let thread = config.pseudonym_key.pair(&pair.from, &pair.to);
    let called = with_retry(async || platform.call(thread.as_str(), method).await);
    in_time(platform, time, called).await
}

/// The answer when an object has failed.
pub(super) fn failed(
    platform: &impl WorkerPlatform,
    object: ObjectKind,
    error: PlatformError,
) -> Response {
    event::log_failure(platform, object, error);
    response::try_later()
}
