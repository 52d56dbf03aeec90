//! The fake Segment. It has the documented limits, drops what it does not like without a word, and keeps an item once.
//!
//! Not here: how an answer is read (`src/segment`).

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
};

use serde_json::Value;
use switchboard::platform::{HttpError, HttpRequest, HttpResponse};

use tokio::task::spawn_local;

use super::{Act, FakePlatform, after};

/// The write key that it knows, and its setting.
pub const WITH_SEGMENT: (&str, &str) = ("SEGMENT_WRITE_KEY", "planted-write-key");

/// What it has got.
#[derive(Default)]
pub(super) struct Segment {
    /// The reactions to the next requests. When empty, it receives them.
    acts: RefCell<VecDeque<Act>>,
    requests: RefCell<Vec<HttpRequest>>,
    /// The items that it keeps, by their ids, with how often each came.
    kept: RefCell<BTreeMap<String, (Value, usize)>>,
    /// Why it has dropped items.
    dropped: RefCell<Vec<&'static str>>,
}

impl FakePlatform {
    /// Scripts Segment's reactions to the next requests.
    pub fn segment(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.segment.acts.borrow_mut().extend(acts);
    }

    /// All requests that reached it.
    pub fn segment_requests(&self) -> Vec<HttpRequest> {
        self.0.segment.requests.borrow().clone()
    }

    /// The items that it keeps.
    pub fn segment_items(&self) -> Vec<Value> {
        let kept = self.0.segment.kept.borrow();
        kept.values().map(|(item, _)| item.clone()).collect()
    }

    /// How often each item came that it keeps.
    pub fn segment_times(&self) -> Vec<usize> {
        let kept = self.0.segment.kept.borrow();
        kept.values().map(|(_, times)| *times).collect()
    }

    /// Why it has dropped items.
    pub fn segment_dropped(&self) -> Vec<&'static str> {
        self.0.segment.dropped.borrow().clone()
    }

    pub(super) async fn segment_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        let segment = &self.0.segment;
        segment.requests.borrow_mut().push(request.clone());
        let act = segment.acts.borrow_mut().pop_front();
        let act = act.unwrap_or(after(40, Act::Say("")));
        // Segment goes on even if nobody waits for its answer any more.
        let (give, take) = tokio::sync::oneshot::channel();
        let (fake, request) = (self.clone(), request.clone());
        spawn_local(async move {
            let receive = &mut |_: &str| fake.0.segment.receive(&request);
            let _ = give.send(fake.act(act, receive).await);
        });
        take.await.unwrap()
    }
}

impl Segment {
    fn receive(&self, request: &HttpRequest) -> (u16, String) {
        let refused = (400, r#"{"success":false}"#.to_owned());
        let bytes = request.body.to_bytes();
        let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(&bytes) else {
            return refused;
        };
        let authorization = request
            .headers
            .iter()
            .find(|(name, _)| name == "Authorization");
        let (Some((_, credential)), true) = (authorization, bytes.len() <= 500_000) else {
            return refused;
        };
        let received = (200, r#"{"success":true}"#.to_owned());
        // `printf planted-write-key: | base64`
        if credential != "Basic cGxhbnRlZC13cml0ZS1rZXk6" {
            self.dropped.borrow_mut().push("the write key is unknown");
            return received;
        }
        let items = body["batch"].as_array().cloned().unwrap_or_default();
        for item in items {
            if let Some(reason) = wrong(&item) {
                self.dropped.borrow_mut().push(reason);
                continue;
            }
            let id = item["messageId"].as_str().unwrap().to_owned();
            let mut kept = self.kept.borrow_mut();
            let (first, times) = kept.entry(id).or_insert_with(|| (item.clone(), 0));
            *times += 1;
            assert_eq!(*first, item, "two items have the same id");
        }
        received
    }
}

/// Why Segment drops an item.
fn wrong(item: &Value) -> Option<&'static str> {
    let id = item["messageId"].as_str().unwrap_or_default();
    if item.to_string().len() > 32_000 {
        return Some("an item is too long");
    }
    if id.is_empty() || id.len() >= 100 {
        return Some("a messageId is missing or too long");
    }
    if item["userId"].as_str().is_none_or(str::is_empty) {
        return Some("nobody is named");
    }
    match item["type"].as_str() {
        Some("identify") if item["traits"].is_object() => None,
        Some("track") if item["event"].is_string() && item["properties"].is_object() => None,
        _ => Some("the type or what belongs to it is missing"),
    }
}
