//! Answers of the control routes: JSON, and errors as `{"error": "…"}`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// An error of a control route: `reason` in JSON.
pub fn control_error(status: StatusCode, reason: &str) -> Response {
    answer(status, &json!({"error": reason}))
}

/// A JSON answer of a control route.
pub fn answer(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
