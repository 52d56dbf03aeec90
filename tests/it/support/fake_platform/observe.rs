//! What a test sees afterwards: the log, requests to others, KV and storage.
//!
//! Not here: the answers to webhooks (`webhooks`).

use std::collections::BTreeMap;

use serde_json::Value;
use switchboard::{
    base::time::UnixMillis,
    platform::{Clock, HttpRequest, Storage, Stored},
};

use super::{FakePlatform, START};

impl FakePlatform {
    pub fn events(&self) -> Vec<Value> {
        self.0
            .log
            .borrow()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn events_named(&self, name: &str) -> Vec<Value> {
        self.events()
            .into_iter()
            .filter(|event| event["event"] == name)
            .collect()
    }

    pub fn security_events(&self, kind: &str) -> Vec<Value> {
        self.events_named("security_event")
            .into_iter()
            .filter(|event| event["details"]["kind"] == kind)
            .collect()
    }

    pub fn log_text(&self) -> String {
        self.0.log.borrow().join("\n")
    }

    pub fn model_requests(&self) -> Vec<Value> {
        self.0.model_requests.borrow().clone()
    }

    /// The bodies of the requests to transcribe.
    pub fn transcribed(&self) -> Vec<Vec<u8>> {
        self.0.transcribed.borrow().clone()
    }

    /// The requests to the model: when each was made, and whole.
    pub fn model_calls(&self) -> Vec<(UnixMillis, HttpRequest)> {
        self.0.model_calls.borrow().clone()
    }

    /// The hosts that were asked for an answer, in order.
    pub fn hosts_asked(&self) -> Vec<String> {
        let calls = self.model_calls();
        let host = |url: &str| url.split('/').nth(2).unwrap().to_owned();
        calls.iter().map(|(_, call)| host(&call.url)).collect()
    }

    /// The most requests that the model had at once.
    pub fn model_at_once(&self) -> usize {
        self.0.model_at_once.get().1
    }

    /// The requests to the model that have not ended.
    pub fn model_in_flight(&self) -> usize {
        self.0.model_at_once.get().0
    }

    /// The bodies of the messages sent by REST.
    pub fn sent(&self) -> Vec<String> {
        self.0
            .sent
            .borrow()
            .iter()
            .map(|form| form["Body"].clone())
            .collect()
    }

    /// When Twilio created each message.
    pub fn created_at(&self) -> Vec<UnixMillis> {
        self.0.created_at.borrow().clone()
    }

    pub fn sent_forms(&self) -> Vec<BTreeMap<String, String>> {
        self.0.sent.borrow().clone()
    }

    /// The ids that Twilio gave the texts that webhooks carried.
    pub fn replied_sids(&self) -> Vec<String> {
        let replied = self.0.replied.borrow();
        replied
            .iter()
            .map(|message| message["sid"].clone())
            .collect()
    }

    /// When the test started, by the wall clock.
    pub fn started(&self) -> UnixMillis {
        UnixMillis(START)
    }

    /// How often the budget object was called.
    pub fn budget_calls(&self) -> usize {
        self.0.budget_calls.get()
    }

    /// The methods that threads have called on other threads, since this was last asked.
    pub fn thread_calls(&self) -> Vec<&'static str> {
        self.0.thread_calls.take()
    }

    /// The auth tokens that messages were sent with.
    pub fn rest_tokens(&self) -> Vec<String> {
        self.0.rest_tokens.borrow().clone()
    }

    /// The requests to the media servers: URL and token.
    pub fn media_requests(&self) -> Vec<(String, Option<String>)> {
        self.0.media_requests.borrow().clone()
    }

    /// When the typing indicator was requested, and the bodies of the requests.
    pub fn typing(&self) -> Vec<(UnixMillis, String)> {
        self.0.typing.borrow().clone()
    }

    /// How often the list of sent messages was requested from Twilio.
    pub fn lookups(&self) -> usize {
        self.0.lookups.get()
    }

    /// How many requests the budget object has counted.
    pub async fn budget_used(&self) -> u64 {
        let stored = Storage::get(&self.0.budget_disk, "used").await.unwrap();
        stored.and_then(Stored::text).map_or(0, |text| {
            serde_json::from_str::<Value>(&text).unwrap()["calls"]
                .as_u64()
                .unwrap()
        })
    }

    pub fn kv_keys(&self) -> Vec<String> {
        let now = self.now();
        self.0
            .kv
            .borrow()
            .iter()
            .filter(|(_, (_, expires_at))| now < *expires_at)
            .map(|(key, _)| key.clone())
            .collect()
    }

    pub fn kv_values(&self) -> Vec<String> {
        self.0
            .kv
            .borrow()
            .values()
            .map(|(value, _)| value.clone())
            .collect()
    }

    pub fn kv_reads(&self) -> usize {
        self.0.kv_reads.get()
    }

    pub fn stored(&self, from: &str) -> BTreeMap<String, String> {
        let values = self.disk(&self.name(from)).0.values.borrow().clone();
        values
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.text()?)))
            .collect()
    }

    pub fn alarm(&self, from: &str) -> Option<UnixMillis> {
        self.disk(&self.name(from)).0.alarm.get()
    }

    pub fn commits(&self, from: &str) -> usize {
        self.disk(&self.name(from)).0.commits.get()
    }

    /// The rows that the thread has written, as Cloudflare bills them: each key put or deleted, each alarm set.
    pub fn rows(&self, from: &str) -> usize {
        self.disk(&self.name(from)).0.rows.get()
    }

    /// The rows that the budget object has written.
    pub fn budget_rows(&self) -> usize {
        self.0.budget_disk.0.rows.get()
    }

    /// How often the alarm of the thread has rung.
    pub fn alarms(&self, from: &str) -> usize {
        self.0
            .objects
            .borrow()
            .get(self.name(from).as_str())
            .map_or(0, |object| object.alarms)
    }

    pub fn object_names(&self) -> Vec<String> {
        self.0.objects.borrow().keys().cloned().collect()
    }
}
