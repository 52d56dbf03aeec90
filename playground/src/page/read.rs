//! Reading the body of a request of the page.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::de::DeserializeOwned;

use crate::base::content_type;
use crate::http::control::control_error;

/// Reads a JSON body. Its content type must be JSON, which the form of another site cannot have.
///
/// # Errors
/// The answer to a body that cannot be read.
pub fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Box<Response>> {
    let header = headers.get(header::CONTENT_TYPE);
    let is_json = header
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| content_type::essence(value) == "application/json");
    if !is_json {
        return Err(Box::new(control_error(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content type must be application/json",
        )));
    }
    serde_json::from_slice(body)
        .map_err(|error| Box::new(control_error(StatusCode::BAD_REQUEST, &error.to_string())))
}
