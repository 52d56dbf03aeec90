//! One request to a mock service, from its arrival to its answer.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

use crate::base::content_type::essence;
use crate::base::time::now_ms;
use crate::fault::{BodyFault, ConnectionFault, ErrorOverrides, Fault, Service};
use crate::http::call::{Authorization, Call};
use crate::http::connection::Connection;
use crate::http::reply::{Payload, Reply};
use crate::playground::Playground;
use crate::request_log::{Entry, Outcome, Record, shown_headers};
use crate::{openai, segment, shop, twilio};

/// Handles one request to `service`.
pub async fn handle(
    playground: &Playground,
    service: Service,
    connection: Connection,
    request: Request,
) -> Response {
    // (1) Read the whole request.
    let (call, too_large) = read(request).await;
    // (2) Check the credential, and add the request to the log.
    let authorization = match service {
        Service::Openai => playground.openai.authorize(&call),
        Service::Twilio => playground.twilio.authorize(&call),
        Service::Shop => playground.shop.authorize(&call),
        Service::Segment => playground.segment.authorize(&call),
    };
    let record = record_of(service, &call, &authorization);
    let mut entry = playground.request_log.open(record);
    // (3) Reject what the real service would reject. A fault never hides an invalid request.
    let prepared = if too_large {
        Err(error_reply(service, 413, None))
    } else if !authorization.granted && service != Service::Segment {
        Err(match service {
            Service::Shop => playground.shop.refusal(&call),
            _ => error_reply(service, 401, None),
        })
    } else {
        match service {
            Service::Openai => playground.openai.prepare(&call),
            Service::Twilio => playground.twilio.prepare(&call),
            Service::Shop => playground.shop.prepare(&call),
            // It answers requests with an unknown key, and drops what is in them.
            Service::Segment => playground.segment.prepare(&call),
        }
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(reply) => return send(entry, reply, None),
    };
    if let Some(deprecation) = &prepared.deprecation {
        entry.deprecated(deprecation.clone());
    }
    // (4) Find the fault.
    let fault = match find_fault(playground, service, &call, &prepared.message_text) {
        Ok(Some(fault)) => fault,
        Ok(None) => return send(entry, (prepared.act)(None), None),
        Err(reply) => return send(entry, reply, None),
    };
    entry.note(fault.summary());
    // (5) Carry out the request, and inject the fault.
    tokio::time::sleep(fault.delay()).await;
    if let Some(connection_fault) = fault.connection {
        if connection_fault == ConnectionFault::ActThenDrop {
            (prepared.act)(fault.body);
        }
        entry.dropped();
        return connection.reset().await;
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

/// The largest body that is accepted, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The same for a form with files: a recording may have 25 MB.
const MAX_FORM: usize = 26 * 1024 * 1024;
/// The largest body that is read, in bytes. A client that sends more than the limit can still
/// read the error 413, because its connection is not closed while it writes.
const MAX_READ: usize = 4 * MAX_BODY;
/// Reads a request, and returns whether its body is too large.
async fn read(request: Request) -> (Call, bool) {
    let (parts, body) = request.into_parts();
    let is_form = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| essence(value) == "multipart/form-data");
    let limit = if is_form { MAX_FORM } else { MAX_BODY };
    let body = axum::body::to_bytes(body, MAX_READ)
        .await
        .ok()
        .filter(|body| body.len() <= limit);
    let too_large = body.is_none();
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body: body.unwrap_or_default(),
    };
    (call, too_large)
}

/// The fault for a request. A directive in the message comes first, then the oldest fault of the
/// control route that matches, then the switches of the page.
///
/// # Errors
/// The answer to a directive that cannot be read.
fn find_fault(
    playground: &Playground,
    service: Service,
    call: &Call,
    message_text: &str,
) -> Result<Option<Fault>, Reply> {
    let directive = Fault::from_text(service, message_text).map_err(|reason| {
        let overrides = ErrorOverrides {
            message: Some(format!("Fault directive not understood: {reason}")),
            ..ErrorOverrides::default()
        };
        error_reply(service, 400, Some(&overrides))
    })?;
    let ordered = || playground.faults.take(service, |text| call.contains(text));
    let switched_on = || {
        playground
            .switches
            .fault(service, call, &playground.pseudonyms)
    };
    let is_meant =
        |fault: &Fault| fault.endpoint.is_none() || fault.endpoint == openai::endpoint(call);
    let directive = directive.filter(is_meant);
    Ok(directive.or_else(ordered).or_else(switched_on))
}

/// Closes the log entry, and makes the response.
fn send(mut entry: Entry, reply: Reply, fault: Option<BodyFault>) -> Response {
    if let Payload::Json(body) = &reply.payload {
        entry.said(body);
    }
    entry.answered(reply.status.as_u16());
    reply.into_response(fault)
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
        answer: None,
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
        Service::Shop => shop::error_reply(status),
        Service::Segment => segment::error_reply(status),
    }
}
