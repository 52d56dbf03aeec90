//! Mock media: files that a person attached to a message, as Twilio keeps them for the account.
//!
//! `POST /playground/media` takes a file in. Its address in the REST API wants the account's credentials and redirects to one
//! that wants none, as Twilio's does. Not here: whose credentials are good (`twilio.rs`), how an answer is sent (`exchange.rs`).

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::exchange::{Payload, Prepared, Reply};
use crate::fault::BodyFault;
use crate::random_hex;
use crate::webhook::ACCOUNT_SID;

/// The largest file that is taken in, in bytes. Twilio's limit is 5 MB; tests want more.
pub const MAX_FILE: usize = 16 * 1024 * 1024;
/// How many files are kept; the oldest go first.
const KEPT: usize = 50;
/// What the fault `oversize` adds to a file.
const OVERSIZE: usize = 6 * 1024 * 1024;

/// The files, oldest first.
#[derive(Default)]
pub struct MediaStore {
    files: Mutex<VecDeque<File>>,
    /// Where the playground listens.
    origin: OnceLock<String>,
}

#[derive(Clone)]
struct File {
    message: String,
    sid: String,
    content_type: HeaderValue,
    bytes: Bytes,
}

impl MediaStore {
    /// Tells where the playground listens, once it is known.
    pub fn listens_at(&self, origin: String) {
        let _ = self.origin.set(origin);
    }

    /// Keeps a file: its address in the REST API, and its type.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn keep(
        &self,
        content_type: Option<&HeaderValue>,
        bytes: Bytes,
    ) -> Result<Value, &'static str> {
        let content_type =
            content_type.filter(|value| value.to_str().is_ok_and(|text| text.contains('/')));
        let content_type = content_type
            .ok_or("the Content-Type must be the media type of the file, such as image/jpeg")?;
        if bytes.is_empty() {
            return Err("the body must be the file");
        }
        let file = File {
            message: format!("MM{}", random_hex()),
            sid: format!("ME{}", random_hex()),
            content_type: content_type.clone(),
            bytes,
        };
        let path = format!(
            "/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{}/Media/{}",
            file.message, file.sid
        );
        let shown = json!({"url": format!("{}{path}", self.origin()), "content_type": content_type.to_str().unwrap_or_default()});
        let mut files = self.lock();
        if files.len() >= KEPT {
            files.pop_front();
        }
        files.push_back(file);
        Ok(shown)
    }

    /// The answer to an authorized request for a file's address: a redirect.
    pub fn redirect(&self, account: &str, message: &str, sid: &str) -> Option<Prepared<'static>> {
        let known = self
            .lock()
            .iter()
            .any(|file| account == ACCOUNT_SID && file.message == message && file.sid == sid);
        let location = HeaderValue::from_str(&format!("{}/media/{sid}", self.origin()))
            .ok()
            .filter(|_| known)?;
        let reply = Reply {
            status: StatusCode::TEMPORARY_REDIRECT,
            headers: vec![(header::LOCATION, location)],
            payload: Payload::Bytes(HeaderValue::from_static("text/plain"), vec![Bytes::new()]),
        };
        Some(Prepared {
            spoken: String::new(),
            deprecation: None,
            act: Box::new(move |_| reply),
        })
    }

    /// The answer to a request for the file itself, by anybody.
    pub fn file(&self, sid: &str) -> Option<Prepared<'static>> {
        let file = self.lock().iter().find(|file| file.sid == sid)?.clone();
        let act = move |fault| {
            let mut parts = vec![file.bytes];
            if fault == Some(BodyFault::Oversize) {
                parts.extend(std::iter::repeat_n(
                    Bytes::from_static(&[0; 65_536]),
                    OVERSIZE.div_ceil(65_536),
                ));
            }
            let headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
            Reply {
                status: StatusCode::OK,
                headers,
                payload: Payload::Bytes(file.content_type, parts),
            }
        };
        Some(Prepared {
            spoken: String::new(),
            deprecation: None,
            act: Box::new(act),
        })
    }

    fn origin(&self) -> &str {
        self.origin.get().map_or("", String::as_str)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_files_are_dropped_beyond_the_limit() {
        let store = MediaStore::default();
        let jpeg = HeaderValue::from_static("image/jpeg");
        let sid = |kept: Value| {
            kept.get("url")
                .unwrap()
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned()
        };
        let first = sid(store.keep(Some(&jpeg), Bytes::from_static(b"x")).unwrap());
        assert!(store.file(&first).is_some());
        for _ in 0..KEPT {
            store.keep(Some(&jpeg), Bytes::from_static(b"x")).unwrap();
        }
        assert!(store.file(&first).is_none());
    }
}
