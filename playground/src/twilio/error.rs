//! The errors of Twilio, in its own shape.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::fault::ErrorOverrides;
use crate::http::call::Call;
use crate::http::reply::Reply;

/// The usual error for `status`, with the fields that a fault overrides.
pub fn error_reply(status: u16, overrides: Option<&ErrorOverrides>) -> Reply {
    let (code, message) = match status {
        400 => (20001, "The request is not valid."),
        401 => (20003, "The account and its auth token do not match."),
        403 => (20403, "This account may not do that."),
        404 => (20404, "There is no such resource."),
        405 => (20004, "This method is not possible here."),
        413 => (20413, "The request is too large."),
        429 => (20429, "Too many requests at once."),
        503 => (20503, "The service is not available at the moment."),
        500.. => (20500, "The server failed to do this."),
        other => (
            i64::from(other).saturating_add(20_000),
            "The request cannot be served.",
        ),
    };
    let no_overrides = ErrorOverrides::default();
    let overrides = overrides.unwrap_or(&no_overrides);
    let code = overrides.code.clone().unwrap_or_else(|| code.into());
    let message = overrides.message.as_deref().unwrap_or(message);
    let mut body = error_body(status, &code, message);
    if let (Some(more_info), Some(fields)) = (&overrides.more_info, body.as_object_mut()) {
        fields.insert("more_info".to_owned(), more_info.clone().into());
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    Reply::json(status, body)
}

/// A parameter that does not exist.
pub fn unknown_parameter(name: &str) -> Reply {
    bad(20001, &format!("There is no parameter {name} here."))
}

/// A path that does not exist.
pub fn not_found(call: &Call) -> Reply {
    missing(&format!("There is no resource {}.", call.path))
}

/// Something else in the request that does not exist.
pub fn missing(message: &str) -> Reply {
    Reply::json(
        StatusCode::NOT_FOUND,
        error_body(404, &20404.into(), message),
    )
}

/// A method that the path does not support.
pub fn wrong_method(method: &Method) -> Reply {
    let message = format!("{method} is not possible here.");
    Reply::json(
        StatusCode::METHOD_NOT_ALLOWED,
        error_body(405, &20004.into(), &message),
    )
}

/// An invalid request, with the error code of Twilio.
pub fn bad(code: u32, message: &str) -> Reply {
    Reply::json(
        StatusCode::BAD_REQUEST,
        error_body(400, &code.into(), message),
    )
}

fn error_body(status: u16, code: &Value, message: &str) -> Value {
    json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status
    })
}
