//! The files that a contact attached to a message, as Twilio stores them.
//!
//! `POST /playground/media` adds a file. As with Twilio, the REST address of a file requires the
//! credentials of the account, and redirects to an address that requires none.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock};

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::base::random::random_hex;
use crate::base::shared::{lock, push_newest};
use crate::fault::BodyFault;
use crate::http::reply::{Payload, Prepared, Reply};

/// The account that all messages of the playground belong to.
pub const ACCOUNT_SID: &str = "AC0123456789abcdef0123456789abcdef";
/// The largest file that is accepted, in bytes. The limit of Twilio is 5 MB; tests need more.
pub const MAX_FILE: usize = 16 * 1024 * 1024;
/// How many files are kept. The oldest are dropped first.
const KEPT: usize = 50;
/// How many bytes the fault `oversize` appends to a file.
const OVERSIZE: usize = 6 * 1024 * 1024;
/// How many of them are sent at once.
const PART: usize = 16 * 1024;

/// The files, oldest first.
#[derive(Default)]
pub struct MediaStore {
    files: Mutex<VecDeque<File>>,
    /// The origin of the playground.
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
    /// Sets the origin of the playground, once its port is known.
    pub fn set_origin(&self, origin: String) {
        let _ = self.origin.set(origin);
    }

    /// Adds a file, and returns its REST address and its type.
    ///
    /// # Errors
    /// A sentence that says why the file is rejected.
    pub fn add(
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
        let shown = json!({
            "url": format!("{}{path}", self.origin()),
            "content_type": content_type.to_str().unwrap_or_default()
        });
        push_newest(&mut self.lock(), file, KEPT);
        Ok(shown)
    }

    /// The answer to an authorized request for the REST address of a file: a redirect.
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
        Some(Prepared::new(move |_| reply))
    }

    /// The answer to a request for the file itself.
    pub fn file(&self, sid: &str) -> Option<Prepared<'static>> {
        let file = self.lock().iter().find(|file| file.sid == sid)?.clone();
        Some(Prepared::new(move |fault| {
            let mut parts = vec![file.bytes];
            if fault == Some(BodyFault::Oversize) {
                parts.extend(std::iter::repeat_n(
                    Bytes::from_static(&[0; PART]),
                    OVERSIZE.div_ceil(PART),
                ));
            }
            Reply {
                status: StatusCode::OK,
                headers: Vec::new(),
                payload: Payload::Bytes(file.content_type, parts),
            }
        }))
    }

    fn origin(&self) -> &str {
        self.origin.get().map_or("", String::as_str)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<File>> {
        lock(&self.files)
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
        let first = sid(store.add(Some(&jpeg), Bytes::from_static(b"x")).unwrap());
        assert!(store.file(&first).is_some());
        for _ in 0..KEPT {
            store.add(Some(&jpeg), Bytes::from_static(b"x")).unwrap();
        }
        assert!(store.file(&first).is_none());
    }
}
