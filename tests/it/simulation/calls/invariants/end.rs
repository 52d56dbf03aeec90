//! The end of a call: each one ends, in its time, and nothing of it is left.
//!
//! Not here: the log line about it (`log`).

use serde_json::Value;
use switchboard::platform::WriteBatch;

use crate::simulation::{
    calls::{
        STATE,
        records::{CALLER_WORD, MODEL_WORD},
    },
    state::Simulation,
};

/// How long a call may take beyond its longest time: the last sentence, Twilio's time to act on it, and storage.
const AFTER_TIME_UP: u64 = 60_000;
/// The same where only a document can say the last sentence: Twilio may ask for it late, and then not tell of the end.
const AFTER_TIME_UP_OF_DOCUMENTS: u64 = 100_000;
/// How long a secret is waited for, and Twilio after it.
const UNTIL_LOST: u64 = 95_000;
/// How long the end of a call is remembered, with the delay of the alarm.
const REMEMBERED: u64 = 601_000;

impl Simulation {
    /// A write of a call is durable now.
    pub fn call_stored(&self, name: &str, batch: &WriteBatch) {
        let now = self.executor.now();
        if batch.clear {
            let over = self.calls.with(name, |call| call.over).flatten();
            let is_late = over.is_some_and(|over| now > over + REMEMBERED);
            self.check(!is_late || !self.is_in_time(), || {
                format!("{name:.6} was remembered for too long after its end")
            });
        }
        let puts = batch.puts.iter().filter(|(key, _)| key == STATE);
        for (_, text) in puts {
            let state: Value = serde_json::from_str(text).unwrap_or_default();
            let digits = self.calls.with(name, |call| {
                if state["call"].is_object() {
                    call.admitted.get_or_insert(now);
                } else if state["over"].is_object() {
                    call.over.get_or_insert(now);
                }
                call.digits.clone()
            });
            let has_number = digits.is_some_and(|digits| text.contains(&digits));
            self.check(!has_number, || "a call stores its caller's number".into());
            self.keys_are_stored_for_their_turn(name, state.clone());
            if state["call"].is_object() {
                continue;
            }
            let has_words = text.contains(CALLER_WORD) || text.contains(MODEL_WORD);
            self.check(!has_words, || {
                format!("what was said in a call is stored after its end: {text}")
            });
            self.a_call_ends_in_its_time(name);
        }
    }

    /// Whether alarms ring in time.
    fn is_in_time(&self) -> bool {
        let plan = &self.fault_plan;
        let is_forward = plan.clock_steps.is_empty() && plan.clock_jumps.is_empty();
        is_forward
            && plan.alarm_late + plan.storage_fails + plan.budget_hangs == 0
            && self.calls.plan.caller_fails + self.calls.plan.hang_up_fails == 0
    }

    fn a_call_ends_in_its_time(&self, name: &str) {
        let times = self
            .calls
            .with(name, |call| call.admitted.zip(call.over))
            .flatten();
        let Some((admitted, over)) = times else {
            return;
        };
        let after = if self.calls.plan.gathers {
            AFTER_TIME_UP_OF_DOCUMENTS
        } else {
            AFTER_TIME_UP
        };
        let most = (self.calls.plan.longest * 1000 + after).max(UNTIL_LOST);
        self.check(over <= admitted + most || !self.is_in_time(), || {
            format!(
                "{name:.6} ended after {} ms, and may last {most}",
                over - admitted
            )
        });
    }

    /// The object of a call was killed. `lost` says whether it lost writes.
    pub fn call_killed(&self, name: &str, lost: bool) {
        let handles_frames = self.calls.with(name, |call| call.in_flight > 0);
        let lost = lost || handles_frames == Some(true);
        self.floor_is_lost(name);
        self.lose_sent(name);
        let is_spoken = self.is_spoken(name);
        self.calls.with(name, |call| {
            // What is still spoken was said by an object that nobody remembers.
            call.is_honest &= !is_spoken;
            call.floor_is_forgotten();
            if call.over.is_some() && call.logged == 0 {
                call.may_be_unlogged = true;
            }
            if lost {
                // What was heard may be stored no more.
                call.turns.iter_mut().for_each(|turn| turn.heard = None);
            }
        });
    }

    /// Everything has settled.
    pub fn check_calls(&self) {
        let names: Vec<String> = self.calls.records.borrow().keys().cloned().collect();
        for name in names {
            let end = self.calls.with(&name, |call| {
                let may_differ = call.is_damaged || call.may_be_unlogged;
                (call.admitted, call.over, call.logged, may_differ)
            });
            let (admitted, over, logged, may_differ) = end.unwrap_or_default();
            if admitted.is_none() {
                self.count("calls that were not admitted");
                continue;
            }
            if logged == 0 && may_differ {
                self.count("ends of calls that a kill left unlogged");
            }
            self.check(over.is_some() || may_differ, || {
                format!("{name:.6} never ended")
            });
            self.check(logged == 1 || may_differ, || {
                format!("{name:.6} was admitted, and its end was logged {logged} times")
            });
            self.every_minute_is_settled(&name);
        }
    }
}
