//! The calls of the fake Twilio's REST API.
//!
//! It keeps Twilio's rules: a call has what it needs, and only a call that goes on can be ended. Not here:
//! messages (`twilio`), and Twilio's webhooks (`support::phone`).

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Value, json};
use switchboard::platform::{Clock, HttpError, HttpRequest, HttpResponse};

use super::{Act, FakePlatform, twilio::date_of_twilio};

/// The calls that Twilio knows.
#[derive(Default)]
pub(super) struct RestCalls {
    made: RefCell<Vec<MadeCall>>,
    /// The ids of the calls that were ended.
    ended: RefCell<Vec<String>>,
    /// The paths and queries of the lists that were asked for.
    lists: RefCell<Vec<String>>,
}

/// A call that was made by REST.
#[derive(Clone, Debug)]
pub struct MadeCall {
    pub sid: String,
    pub form: BTreeMap<String, String>,
    pub status: &'static str,
    created: String,
}

impl FakePlatform {
    /// The calls that were made by REST, oldest first.
    pub fn calls_made(&self) -> Vec<MadeCall> {
        self.0.calls.rest.made.borrow().clone()
    }

    /// The calls that were ended by REST.
    pub fn calls_ended(&self) -> Vec<String> {
        self.0.calls.rest.ended.borrow().clone()
    }

    /// How often Twilio was asked which calls there are.
    pub fn call_lists(&self) -> usize {
        self.0.calls.rest.lists.borrow().len()
    }

    /// The calls that were made have this status from now on.
    pub fn calls_are(&self, status: &'static str) {
        let mut made = self.0.calls.rest.made.borrow_mut();
        made.iter_mut().for_each(|call| call.status = status);
    }

    /// Another program makes a call between these numbers.
    pub fn foreign_call(&self, to: &str, from: &str) {
        let form =
            [("To", to), ("From", from)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.make_call(form.into());
    }

    /// Answers a request for calls.
    pub(super) async fn call_answer(
        &self,
        request: &HttpRequest,
        act: Act,
    ) -> Result<HttpResponse, HttpError> {
        let (_, path) = request.url.split_once("/Calls").expect("calls");
        let body = request.body.to_text();
        let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let mut done = |_: &str| match (request.method, path.strip_prefix('/')) {
            ("POST", None) => self.made(path, &form),
            ("POST", Some(file)) => self.ended(file, &body),
            ("GET", None) => self.listed(path),
            other => panic!("{other:?}"),
        };
        self.act(act, &mut done).await
    }

    fn made(&self, path: &str, form: &BTreeMap<String, String>) -> (u16, String) {
        assert_eq!(path, ".json");
        let known = [
            "From",
            "StatusCallback",
            "TimeLimit",
            "Timeout",
            "To",
            "Url",
        ];
        assert!(form.keys().eq(known), "{form:?}");
        for name in ["Url", "StatusCallback"] {
            assert!(
                form[name].starts_with("https://"),
                "Twilio reaches no other"
            );
        }
        let seconds = |name: &str| form[name].parse::<u32>().unwrap();
        assert!(
            (5..=600).contains(&seconds("Timeout")) && (1..=14_400).contains(&seconds("TimeLimit"))
        );
        let sid = self.make_call(form.clone());
        (201, json!({ "sid": sid, "status": "queued" }).to_string())
    }

    fn make_call(&self, form: BTreeMap<String, String>) -> String {
        let mut made = self.0.calls.rest.made.borrow_mut();
        let sid = format!("CA{:032x}", 0x0ca0_0000 + made.len());
        made.push(MadeCall {
            sid: sid.clone(),
            form,
            status: "ringing",
            created: date_of_twilio(self.now()),
        });
        sid
    }

    fn ended(&self, file: &str, body: &str) -> (u16, String) {
        let sid = file.strip_suffix(".json").expect("JSON").to_owned();
        assert_eq!(body, "Status=completed");
        let mut ended = self.0.calls.rest.ended.borrow_mut();
        if ended.contains(&sid) {
            return (400, r#"{"code":21220}"#.to_owned());
        }
        ended.push(sid);
        (200, "{}".to_owned())
    }

    fn listed(&self, path: &str) -> (u16, String) {
        let rest = &self.0.calls.rest;
        rest.lists.borrow_mut().push(path.to_owned());
        let query = path.strip_prefix(".json?").expect("a list");
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        assert!(query.keys().eq(["From", "PageSize", "To"]), "{query:?}");
        let fits = |call: &&MadeCall| {
            ["To", "From"]
                .iter()
                .all(|name| call.form[*name] == query[*name])
        };
        let resource = |call: &MadeCall| json!({ "sid": call.sid, "status": call.status, "direction": "outbound-api", "date_created": call.created });
        let made = rest.made.borrow();
        let calls: Vec<Value> = made.iter().rev().filter(fits).map(resource).collect();
        (
            200,
            json!({ "calls": calls, "next_page_uri": null }).to_string(),
        )
    }
}
