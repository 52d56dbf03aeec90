//! The floor: one turn speaks at a time, no word of an old one goes out, and nothing is spoken that nobody has said.
//!
//! Not here: what the model is asked (`asked`).

use std::rc::Rc;

use serde_json::Value;
use switchboard::config::{FixedText, Language};

use crate::simulation::{
    calls::{
        STATE,
        life::is_fixed,
        records::{Record, model_words, tight},
    },
    state::Simulation,
};

/// How long a frame and its answer may take in storage and in other objects, beyond the wait for a word.
const SLACK: u64 = 2500;

impl Simulation {
    /// The object has sent a frame over the socket of a session.
    pub fn sent_by_call(self: &Rc<Self>, name: &str, session: u32, text: &str) {
        self.trace(|| format!("{name:.6} sends to session {session}: {text}"));
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        let broken = self
            .calls
            .with(name, |call| match frame["type"].as_str() {
                Some("text") => call.words_were_sent(session, &frame),
                Some("end") => call.end_was_sent(session, &frame),
                _ => Err(format!(
                    "a frame of a type that Twilio does not know: {text}"
                )),
            })
            .unwrap_or(Ok(()));
        let what = broken.as_ref().err().cloned();
        self.check(broken.is_ok(), || what.unwrap_or_default());
        if let Some(fixed) = frame["token"].as_str().filter(|token| is_fixed(token)) {
            self.count(said(fixed));
        }
        if let Some(session) = self.calls.session(name, session) {
            self.object_sends(&session, text);
        }
    }

    /// The caller said something. It must hear an answer, or that it takes a moment.
    pub(in crate::simulation::calls) async fn must_hear_something(&self, name: &str, owed: u64) {
        self.sleep(self.calls.plan.first_word + SLACK).await;
        let is_owed = self.calls.with(name, |call| {
            call.owed == Some(owed) && call.over.is_none() && !call.is_damaged
        });
        let excused = self.fault_plan.storage_fails > 0
            || !self.fault_plan.clock_steps.is_empty()
            || !self.fault_plan.clock_jumps.is_empty()
            || self.has_begun_to_end(name);
        self.check(excused || is_owed != Some(true), || {
            format!("{name:.6}: a caller who said something heard nothing")
        });
    }

    /// Whether it is stored that the call is being ended, or that its socket is lost. A kill can keep the object from
    /// saying so.
    fn has_begun_to_end(&self, name: &str) -> bool {
        let objects = self.objects.borrow();
        let stored = objects
            .get(name)
            .and_then(|object| object.disk.visible.text(STATE));
        let state: Value = serde_json::from_str(stored.unwrap_or_default()).unwrap_or_default();
        let call = &state["call"];
        !call["closing"].is_null() || !call["session"]["lost_at"].is_null()
    }

    /// The object was killed: what was in memory is gone.
    pub(in crate::simulation::calls) fn floor_is_lost(&self, name: &str) {
        self.calls.with(name, |call| {
            call.in_flight = 0;
            call.pending.clear();
            call.owed = None;
            call.breaks += 1;
            call.silent_before = call.turns.len();
        });
    }
}

impl Record {
    fn words_were_sent(&mut self, session: u32, frame: &Value) -> Result<(), String> {
        self.is_current(session)?;
        let token = frame["token"].as_str();
        let token = token.ok_or_else(|| format!("a frame without words: {frame}"))?;
        let (Some(is_last), Some(is_preemptible)) =
            (frame["last"].as_bool(), frame["preemptible"].as_bool())
        else {
            return Err(format!("a frame whose flags are missing: {frame}"));
        };
        self.nothing_follows_the_last_sentence()?;
        self.owed = None;
        if is_fixed(token) {
            self.is_closing |= frame["interruptible"] == false;
            let is_filler = token == FixedText::CallOneMoment.in_language(Language::English);
            return match (is_last, is_preemptible == is_filler) {
                (true, true) => Ok(()),
                _ => Err(format!("a fixed sentence with the wrong flags: {frame}")),
            };
        }
        if is_preemptible || frame.get("interruptible").is_some() {
            return Err(format!("an answer with the flags of a sentence: {frame}"));
        }
        // The socket on which the question was asked is lost.
        let is_anew = token == self.question && is_last && self.asked_anew_in < session;
        if is_anew && session > 1 {
            self.asked_anew_in = session;
            let heard = self.turns.iter_mut().filter_map(|turn| turn.heard.as_mut());
            heard.for_each(|heard| heard.extend(model_words(token)));
            return Ok(());
        }
        self.only_what_the_model_says(token, is_last)
    }

    /// The words belong to the turn that has the floor, and go on where it was.
    fn only_what_the_model_says(&mut self, token: &str, is_last: bool) -> Result<(), String> {
        let (silent_before, count) = (self.silent_before, self.turns.len());
        let new = tight(token);
        let Some(turn) = self.turns.last_mut() else {
            return Err(format!("words that nobody has said: {token}"));
        };
        let begun = turn.spoken.get(turn.spoken_before..).unwrap_or_default();
        let goes_on = turn.reply.starts_with(&format!("{begun}{new}"));
        if !goes_on {
            let mut older = self.turns.iter().rev().skip(1);
            let is_old = older.any(|turn| !new.is_empty() && turn.reply.contains(&new));
            return Err(if is_old {
                format!("two turns speak at a time: {token}")
            } else {
                format!("words that nobody has said: {token}")
            });
        }
        if count <= silent_before {
            return Err(format!("a word of a turn that was broken off: {token}"));
        }
        turn.spoken.push_str(&new);
        let had_words = std::mem::replace(&mut self.has_open_words, !is_last) || !new.is_empty();
        if !had_words {
            return Err("an answer without a word was closed".into());
        }
        Ok(())
    }

    fn end_was_sent(&mut self, session: u32, frame: &Value) -> Result<(), String> {
        self.is_current(session)?;
        self.owed = None;
        self.has_ended_session = true;
        let data = frame["handoffData"].as_str().unwrap_or_default();
        let told: Value = serde_json::from_str(data).unwrap_or_default();
        let reason = told["reason"].as_str();
        match reason.filter(|_| told.as_object().is_some_and(|data| data.len() == 1)) {
            Some(_) => Ok(()),
            None => Err(format!(
                "a session ends with other data than its reason: {data}"
            )),
        }
    }

    /// The newest session, and it has not ended.
    fn is_current(&self, session: u32) -> Result<(), String> {
        if session != self.session {
            return Err(format!(
                "session {session} is spoken to, and session {} is the newest",
                self.session
            ));
        }
        if self.has_ended_session {
            return Err(format!("session {session} is spoken to after its end"));
        }
        Ok(())
    }

    fn nothing_follows_the_last_sentence(&self) -> Result<(), String> {
        if self.is_closing {
            return Err("something is said after the last sentence of the call".into());
        }
        Ok(())
    }
}

/// The name of a fixed sentence among the counters.
fn said(text: &str) -> &'static str {
    let named = |fixed: &&FixedText| fixed.in_language(Language::English) == text;
    let fixed = FixedText::ALL
        .iter()
        .filter(|text| text.is_spoken())
        .find(named);
    fixed.map_or("call_nothing", |fixed| fixed.name())
}
