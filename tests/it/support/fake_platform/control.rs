//! What a test decides: answers, failures, delays, and damage.
//!
//! Not here: requests (`webhooks`) and what was seen (`observe`).

use std::time::Duration;

use switchboard::platform::{Clock, DeployedVersion, PlatformError, Stored};

use super::{FakePlatform, twilio::date_of_twilio};
use crate::support::fresh_sid;

/// A reaction of the model or of Twilio to one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// The model answers with this text. Twilio accepts the message.
    Say(&'static str),
    /// Answers with this status and body.
    Status(u16, &'static str),
    /// Answers 429 with this `Retry-After`.
    Later(&'static str),
    /// Answers 200 with this body.
    Body(&'static str),
    /// Answers 200 with this file.
    File(&'static [u8]),
    /// Answers 200 with a stream of these pieces, whatever they hold.
    Stream(Vec<Piece>),
    /// Breaks the connection.
    Drop,
    /// Acts on the request, then breaks the connection.
    ThenDrop,
    /// Waits this many milliseconds first.
    After(u64, Box<Act>),
}

/// A step of a stream.
#[derive(Clone, Debug)]
pub enum Piece {
    /// These bytes come.
    Bytes(Vec<u8>),
    /// Nothing comes for this many milliseconds.
    Silence(u64),
    /// The connection breaks.
    Break,
}

/// What Twilio does to the texts of messages, as its list shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alteration {
    /// Nothing.
    #[default]
    None,
    /// A trial account's sentence comes first.
    Trial,
    /// The text is hidden.
    Redacted,
    /// Characters outside of GSM-7 are replaced.
    SmartEncoded,
}

pub fn after(milliseconds: u64, act: Act) -> Act {
    Act::After(milliseconds, Box::new(act))
}

impl FakePlatform {
    /// The platform names this version of the Worker.
    pub fn set_deployed(&self, id: &str, tag: Option<&str>) {
        *self.0.deployed.borrow_mut() = Some(DeployedVersion {
            id: id.to_owned(),
            tag: tag.map(str::to_owned),
            timestamp: Some("2026-11-28T03:00:00Z".to_owned()),
        });
    }

    /// Scripts the model's reactions to the next requests.
    pub fn model(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.model.borrow_mut().extend(acts);
    }

    /// Scripts the reactions to the next requests to transcribe. `Say` is what was heard.
    pub fn transcriptions(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.transcriptions.borrow_mut().extend(acts);
    }

    /// Scripts Twilio's reactions to the next REST requests.
    pub fn twilio(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.twilio.borrow_mut().extend(acts);
    }

    /// What Twilio does to the texts of messages from now on.
    pub fn alters_texts(&self, alteration: Alteration) {
        self.0.alteration.set(alteration);
    }

    /// Scripts Twilio's answers to the next typing indicators: status and body.
    pub fn typing_answers(&self, answers: impl IntoIterator<Item = (u16, &'static str)>) {
        self.0.typing_answers.borrow_mut().extend(answers);
    }

    /// A message of another program, between the same addresses.
    pub fn foreign_message(&self, to: &str, from: &str, body: &str) {
        let sent = [
            ("sid", fresh_sid()),
            ("To", to.to_owned()),
            ("From", from.to_owned()),
            ("Body", body.to_owned()),
            ("direction", "outbound-api".to_owned()),
            ("date_created", date_of_twilio(self.now())),
        ];
        let sent = sent.map(|(name, value)| (name.to_owned(), value));
        self.0.replied.borrow_mut().push(sent.into());
    }

    /// Scripts the reactions of Twilio's media servers.
    pub fn media(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.media.borrow_mut().extend(acts);
    }

    pub fn kv_fails(&self, fails: bool) {
        self.0.kv_fails.set(fails);
    }

    /// KV writes, but reports a failure.
    pub fn kv_acts_and_fails(&self, fails: bool) {
        self.0.kv_acts_and_fails.set(fails);
    }

    pub fn kv_read_takes(&self, duration: Duration) {
        self.0.kv_read_takes.set(duration);
    }

    pub fn kv_write_takes(&self, duration: Duration) {
        self.0.kv_write_takes.set(duration);
    }

    pub fn alarms_late_by(&self, duration: Duration) {
        self.0.alarms_late_by.set(duration);
    }

    /// Objects are evicted this long after their last call or alarm.
    pub fn objects_last(&self, duration: Duration) {
        self.0.objects_last.set(Some(duration));
    }

    pub fn budget_fails(&self, fails: bool) {
        self.0.budget_fails.set(fails);
    }

    /// How long the budget object takes to answer.
    pub fn budget_takes(&self, duration: Duration) {
        self.0.budget_takes.set(duration);
    }

    /// Sets the stored count of the budget object. Call it before the first message.
    pub fn budget_holds(&self, value: Stored) {
        self.0
            .budget_disk
            .0
            .values
            .borrow_mut()
            .insert("used".to_owned(), value);
    }

    pub fn lockout_fails(&self, fails: bool) {
        self.0.lockout_fails.set(fails);
    }

    /// How long a call from the Worker to a thread is under way.
    pub fn objects_take(&self, duration: Duration) {
        self.0.objects_take.set(duration);
    }

    /// The Worker's calls to these objects ("THREAD", "BUDGET", "ADMIN_LOCKOUT") never end.
    pub fn hangs(&self, objects: &'static [&'static str]) {
        self.0.hanging.set(objects);
    }

    /// The next calls to threads fail with these errors, before they reach the object.
    pub fn object_errors(&self, errors: impl IntoIterator<Item = PlatformError>) {
        self.0.object_errors.borrow_mut().extend(errors);
    }

    /// The next calls from one thread to another fail. `true`: after the other has acted.
    pub fn thread_calls_fail(&self, acts: impl IntoIterator<Item = bool>) {
        self.0.thread_calls_fail.borrow_mut().extend(acts);
    }

    pub fn storage_fails(&self, from: &str, fails: bool) {
        self.disk(&self.name(from)).0.fails.set(fails);
    }

    /// The next commits fail.
    pub fn commits_fail(&self, from: &str, times: usize) {
        self.disk(&self.name(from)).0.commits_fail.set(times);
    }

    /// How long a commit takes until it is confirmed.
    pub fn storage_takes(&self, from: &str, duration: Duration) {
        self.disk(&self.name(from)).0.takes.set(duration);
    }

    pub fn step_clock(&self, milliseconds: i64) {
        self.0.step.set(self.0.step.get() + milliseconds);
    }

    pub fn overwrite_kv(&self, value: &str) {
        self.0
            .kv
            .borrow_mut()
            .values_mut()
            .for_each(|(text, _)| *text = value.to_owned());
    }

    /// Writes to KV, like a late write of an object that has vanished.
    pub fn write_kv(&self, key: &str, value: &str) {
        let entry = (value.to_owned(), self.now().plus(Duration::from_hours(1)));
        self.0.kv.borrow_mut().insert(key.to_owned(), entry);
    }

    pub fn overwrite_storage(&self, from: &str, key: &str, value: &str) {
        self.disk(&self.name(from))
            .0
            .values
            .borrow_mut()
            .insert(key.to_owned(), Stored::Text(value.to_owned()));
    }

    /// The stored value is not a text any more, or the runtime cannot read it.
    pub fn damage_storage(&self, from: &str, key: &str) {
        self.disk(&self.name(from))
            .0
            .values
            .borrow_mut()
            .insert(key.to_owned(), Stored::Unreadable);
    }

    /// The object vanishes with its memory. A webhook that waits gets an error.
    pub fn kill(&self, from: &str) {
        self.vanish(self.name(from).as_str());
    }
}
