//! The control routes: they order faults, add files, and show what the mock services have received.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;

use crate::fault::Fault;
use crate::http::control::{answer, control_error};
use crate::playground::Playground;
use crate::twilio::media_store::MAX_FILE;

/// The control routes.
pub fn routes() -> Router<Arc<Playground>> {
    Router::new()
        .route(
            "/playground/media",
            post(add_media).layer(DefaultBodyLimit::max(MAX_FILE)),
        )
        .route(
            "/playground/faults",
            post(add_fault).get(list_faults).delete(clear_faults),
        )
        .route(
            "/playground/requests",
            get(list_requests).delete(clear_requests),
        )
        .route("/playground/messages", get(list_messages))
        .route(
            "/playground/deliveries",
            get(list_deliveries).delete(clear_deliveries),
        )
        .route("/playground/segment", get(list_events).delete(clear_events))
        .route(
            "/playground/numbers",
            get(list_numbers).delete(reset_numbers),
        )
}

async fn add_fault(State(playground): State<Arc<Playground>>, body: Bytes) -> Response {
    match Fault::from_json(&body) {
        Ok(fault) => {
            let shown = json!(fault);
            playground.faults.add(fault);
            answer(StatusCode::CREATED, &shown)
        }
        Err(reason) => control_error(StatusCode::BAD_REQUEST, &reason),
    }
}

async fn add_media(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE);
    match playground.twilio.media.add(content_type, body) {
        Ok(kept) => answer(StatusCode::CREATED, &kept),
        Err(reason) => control_error(StatusCode::BAD_REQUEST, reason),
    }
}

async fn list_faults(State(playground): State<Arc<Playground>>) -> Response {
    answer(StatusCode::OK, &json!({"faults": playground.faults.list()}))
}

async fn clear_faults(State(playground): State<Arc<Playground>>) -> Response {
    playground.faults.clear();
    answer(StatusCode::OK, &json!({"faults": []}))
}

async fn list_requests(State(playground): State<Arc<Playground>>) -> Response {
    answer(
        StatusCode::OK,
        &json!({"requests": playground.request_log.list()}),
    )
}

async fn clear_requests(State(playground): State<Arc<Playground>>) -> Response {
    playground.request_log.clear();
    answer(StatusCode::OK, &json!({"requests": []}))
}

async fn list_messages(State(playground): State<Arc<Playground>>, uri: Uri) -> Response {
    let mut since = 0;
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match (name.as_ref(), value.parse()) {
            ("since", Ok(milliseconds)) => since = milliseconds,
            ("since", Err(_)) => {
                return control_error(
                    StatusCode::BAD_REQUEST,
                    "`since` must be a number of milliseconds since 1970",
                );
            }
            _ => {
                return control_error(
                    StatusCode::BAD_REQUEST,
                    &format!("there is no parameter `{name}`, only `since`"),
                );
            }
        }
    }
    answer(
        StatusCode::OK,
        &json!({"messages": playground.twilio.outbox.list(since)}),
    )
}

async fn list_deliveries(State(playground): State<Arc<Playground>>) -> Response {
    answer(
        StatusCode::OK,
        &json!({"deliveries": playground.shop.list()}),
    )
}

async fn clear_deliveries(State(playground): State<Arc<Playground>>) -> Response {
    playground.shop.clear();
    answer(StatusCode::OK, &json!({"deliveries": []}))
}

async fn list_events(State(playground): State<Arc<Playground>>) -> Response {
    let (events, dropped) = playground.segment.list();
    answer(
        StatusCode::OK,
        &json!({"events": events, "dropped": dropped}),
    )
}

async fn clear_events(State(playground): State<Arc<Playground>>) -> Response {
    playground.segment.clear();
    answer(StatusCode::OK, &json!({"events": [], "dropped": []}))
}

async fn list_numbers(State(playground): State<Arc<Playground>>) -> Response {
    answer(
        StatusCode::OK,
        &json!({"accounts": playground.twilio.numbers.show()}),
    )
}

async fn reset_numbers(State(playground): State<Arc<Playground>>) -> Response {
    playground.twilio.numbers.reset();
    answer(StatusCode::OK, &json!({"accounts": {}}))
}
