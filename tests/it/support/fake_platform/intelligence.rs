//! The fake Twilio Intelligence. It keeps the rules of the API, and transcribes what a test says was heard.
//!
//! Not here: the recording, and Twilio's webhooks (`support::phone`).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::{Value, json};
use switchboard::{
    base::time::UnixMillis,
    platform::{Clock, HttpError, HttpRequest, HttpResponse},
};
use tokio::task::spawn_local;

use super::{Act, FakePlatform, after};

/// The service, and its setting.
pub const INTELLIGENCE_SERVICE: &str = "GA0123456789abcdef0123456789abcdef";
pub const WITH_INTELLIGENCE: (&str, &str) = ("INTELLIGENCE_SERVICE_SID", INTELLIGENCE_SERVICE);

/// What the service knows.
#[derive(Default)]
pub(super) struct Intelligence {
    /// The reactions to the next requests. When empty, it does what it is asked for.
    acts: RefCell<VecDeque<Act>>,
    /// The method and path of each request.
    requests: RefCell<Vec<(UnixMillis, String)>>,
    made: RefCell<Vec<MadeTranscript>>,
    /// What is heard: sentences as the API lists them.
    sentences: RefCell<Vec<Value>>,
    operators: RefCell<Vec<Value>>,
    /// How long it works, and the status after that.
    takes: Cell<Duration>,
    ends: Cell<Option<&'static str>>,
}

/// A transcript that was made.
#[derive(Clone, Debug)]
pub struct MadeTranscript {
    pub sid: String,
    pub key: String,
    pub recording: String,
    created_at: UnixMillis,
}

impl FakePlatform {
    /// Scripts the service's reactions to the next requests.
    pub fn intelligence(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.intelligence.acts.borrow_mut().extend(acts);
    }

    /// What the service hears in each recording from now on.
    pub fn intelligence_hears(&self, sentences: Vec<Value>, operators: Vec<Value>) {
        *self.0.intelligence.sentences.borrow_mut() = sentences;
        *self.0.intelligence.operators.borrow_mut() = operators;
    }

    /// What the service hears.
    pub fn intelligence_sentences(&self) -> Vec<Value> {
        self.0.intelligence.sentences.borrow().clone()
    }

    /// How long the service works on a transcript, and its status after that.
    pub fn intelligence_takes(&self, takes: Duration, ends: &'static str) {
        self.0.intelligence.takes.set(takes);
        self.0.intelligence.ends.set(Some(ends));
    }

    /// The transcripts that were made, oldest first.
    pub fn transcripts_made(&self) -> Vec<MadeTranscript> {
        self.0.intelligence.made.borrow().clone()
    }

    /// The requests that reached the service, each with its time.
    pub fn intelligence_requests(&self) -> Vec<(UnixMillis, String)> {
        self.0.intelligence.requests.borrow().clone()
    }

    pub(super) async fn intelligence_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        let service = &self.0.intelligence;
        let (_, path) = request
            .url
            .split_once("https://intelligence.twilio.com")
            .unwrap();
        let asked = format!("{} {path}", request.method);
        service.requests.borrow_mut().push((self.now(), asked));
        assert!(
            request
                .headers
                .iter()
                .any(|(name, value)| name == "Authorization" && value.starts_with("Basic "))
        );
        let act = service.acts.borrow_mut().pop_front();
        let act = act.unwrap_or(after(60, Act::Say("")));
        // The service goes on even if nobody waits for its answer any more.
        let (give, take) = tokio::sync::oneshot::channel();
        let (fake, request, path) = (self.clone(), request.clone(), path.to_owned());
        spawn_local(async move {
            let answer = &mut |_: &str| fake.transcribes(&request, &path);
            let _ = give.send(fake.act(act, answer).await);
        });
        take.await.unwrap()
    }

    fn transcribes(&self, request: &HttpRequest, path: &str) -> (u16, String) {
        let service = &self.0.intelligence;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let parts: Vec<&str> = path.split('/').collect();
        let known = |sid: &str| {
            let made = service.made.borrow();
            made.iter().find(|one| one.sid == sid).cloned()
        };
        let not_found = (404, json!({ "code": 20404, "status": 404 }).to_string());
        let page = |key: &str, items: Vec<Value>| {
            (
                200,
                json!({ key: items, "meta": { "key": key, "next_page_url": null } }).to_string(),
            )
        };
        match (request.method, parts.as_slice()) {
            ("POST", ["", "v2", "Transcripts"]) => self.makes(request),
            ("GET", ["", "v2", "Transcripts"]) => {
                assert!(
                    query.keys().eq(["PageSize", "ServiceSid", "SourceSid"]),
                    "{query:?}"
                );
                let made = service.made.borrow();
                let of_recording = made
                    .iter()
                    .rev()
                    .filter(|one| one.recording == query["SourceSid"]);
                page(
                    "transcripts",
                    of_recording.map(|one| self.shows(one)).collect(),
                )
            }
            ("GET", ["", "v2", "Transcripts", sid]) => match known(sid) {
                Some(one) => (200, self.shows(&one).to_string()),
                None => not_found,
            },
            ("GET", ["", "v2", "Transcripts", sid, list]) => {
                let is_ready =
                    known(sid).is_some_and(|one| self.shows(&one)["status"] == "completed");
                assert_eq!(query["Redacted"], "false");
                match *list {
                    _ if !is_ready => not_found,
                    "Sentences" => page("sentences", service.sentences.borrow().clone()),
                    "OperatorResults" => {
                        page("operator_results", service.operators.borrow().clone())
                    }
                    other => panic!("{other}"),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn makes(&self, request: &HttpRequest) -> (u16, String) {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body.to_bytes())
            .into_owned()
            .collect();
        assert!(
            form.keys().eq(["Channel", "CustomerKey", "ServiceSid"]),
            "{form:?}"
        );
        assert_eq!(form["ServiceSid"], INTELLIGENCE_SERVICE);
        assert!((1..=64).contains(&form["CustomerKey"].chars().count()));
        let channel: Value = serde_json::from_str(&form["Channel"]).unwrap();
        let recording = channel["media_properties"]["source_sid"].as_str().unwrap();
        assert!(recording.starts_with("RE") && recording.len() == 34);
        for participant in channel["participants"].as_array().unwrap() {
            assert!(participant["channel_participant"].is_u64());
            assert!(["Customer", "Agent"].contains(&participant["role"].as_str().unwrap()));
        }
        let mut made = self.0.intelligence.made.borrow_mut();
        let one = MadeTranscript {
            sid: format!("GT{:032x}", 0x6700 + made.len()),
            key: form["CustomerKey"].clone(),
            recording: recording.to_owned(),
            created_at: self.now(),
        };
        made.push(one.clone());
        (
            202,
            json!({ "sid": one.sid, "status": "queued", "customer_key": one.key }).to_string(),
        )
    }

    /// A transcript as the API shows it.
    fn shows(&self, one: &MadeTranscript) -> Value {
        let service = &self.0.intelligence;
        let is_done = self.now().since(one.created_at) >= service.takes.get();
        let status = if is_done {
            service.ends.get().unwrap_or("completed")
        } else {
            "in-progress"
        };
        json!({ "sid": one.sid, "status": status, "customer_key": one.key, "service_sid": INTELLIGENCE_SERVICE, "duration": "61" })
    }
}
