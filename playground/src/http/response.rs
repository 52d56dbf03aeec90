//! The bytes of an answer, defective if a fault says so.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::reply::{Payload, Reply};
use crate::fault::BodyFault;

impl Reply {
    /// The HTTP response, with the defect that `fault` asks for.
    pub fn into_response(self, fault: Option<BodyFault>) -> Response {
        let (mut content_type, mut parts) = match self.payload {
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
                parts = vec![Bytes::from_static(HTML_ERROR)];
            }
            _ => {}
        }
        let streamed = parts.len() > 1;
        let length: usize = parts.iter().map(Bytes::len).sum();
        let body = if fault == Some(BodyFault::Truncated) {
            ChunkedBody::broken_off(&parts)
        } else if streamed {
            ChunkedBody::paced(parts, fault)
        } else {
            Body::from(parts.pop().unwrap_or_default())
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        if !streamed {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

/// Neither UTF-8 nor JSON.
const GARBAGE: &[u8] =
    b"\x1f\x8b\x00\xff\xfe{\"id\":\xc3\x28,,\x00\x80 not an answer \xf0\x28\x8c\xbc";

/// The error page of a proxy.
const HTML_ERROR: &[u8] = b"<html><head><title>Bad gateway</title></head>\
    <body>The gateway is confused.</body></html>";

/// A body that is sent in parts and may break off, which makes the server close the connection.
struct ChunkedBody(mpsc::Receiver<Result<Bytes, BrokenOff>>);

/// The error that ends a body too early.
#[derive(Debug)]
struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("broken off by a fault")
    }
}

impl std::error::Error for BrokenOff {}

impl ChunkedBody {
    /// Sends all parts, as fast as `fault` says.
    fn paced(parts: Vec<Bytes>, fault: Option<BodyFault>) -> Body {
        const LATE: Duration = Duration::from_secs(4);
        const SLOW: Duration = Duration::from_millis(200);
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            for (number, part) in parts.into_iter().enumerate() {
                match fault {
                    Some(BodyFault::StreamLate) if number == 1 => tokio::time::sleep(LATE).await,
                    Some(BodyFault::StreamSlow) if number > 0 => tokio::time::sleep(SLOW).await,
                    // Only the client ends it.
                    Some(BodyFault::StreamStall) if number == 1 => return sender.closed().await,
                    _ => {}
                }
                if sender.send(Ok(part)).await.is_err() {
                    return;
                }
            }
        });
        Body::new(Self(receiver))
    }

    /// Sends the first half, waits until it has left, and breaks off.
    fn broken_off(parts: &[Bytes]) -> Body {
        const TIME_TO_SEND: Duration = Duration::from_millis(20);
        let all: Vec<u8> = parts.concat();
        let half = all.len().div_euclid(2);
        let first = Bytes::copy_from_slice(all.get(..half).unwrap_or_default());
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            if sender.send(Ok(first)).await.is_ok() {
                tokio::time::sleep(TIME_TO_SEND).await;
                // An error means that the client is gone already.
                let _ = sender.send(Err(BrokenOff)).await;
            }
        });
        Body::new(Self(receiver))
    }
}

impl HttpBody for ChunkedBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.0
            .poll_recv(context)
            .map(|part| part.map(|part| part.map(Frame::data)))
    }
}
