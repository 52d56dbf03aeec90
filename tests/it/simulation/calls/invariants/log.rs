//! What is logged of calls: known events without personal data, and each end once.
//!
//! Not here: the log of messages (`invariants::log`).

use serde_json::Value;

use crate::simulation::{
    calls::records::{MODEL_WORD, Record},
    invariants::MARKERS,
    state::Simulation,
};

const EVENTS: [&str; 11] = [
    "call",
    "call_fault",
    "call_hung_up",
    "call_refused",
    "call_turn",
    "conversation_shortened",
    "endpoint_failed",
    "field_omitted",
    "internal_error",
    "object_failed",
    "tool_called",
];

impl Simulation {
    /// A line of the log.
    pub fn call_logged(&self, line: &str, object: Option<&str>) {
        let line = &*self.mutate_call_log(line, object.unwrap_or_default());
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let event = value["event"].as_str().unwrap_or_default();
        self.check(EVENTS.contains(&event) && !line.contains('\n'), || {
            format!("a log line is not an event: {line}")
        });
        let mut markers = MARKERS.iter().chain([&MODEL_WORD]);
        self.check(!markers.any(|marker| line.contains(marker)), || {
            format!("a log line holds personal data: {line}")
        });
        let name = object.unwrap_or_default();
        self.no_keys_in(name, "the log", line);
        let is_damaged = self.calls.with(name, |call| call.is_damaged);
        self.check(
            event != "internal_error" || is_damaged != Some(false),
            || format!("an internal error: {line}"),
        );
        let told = self.calls.with(name, |call| match event {
            "call" => call.end_logged(&value),
            // What it called came too late.
            "endpoint_failed" => {
                if let Some(turn) = call.turns.last_mut() {
                    (turn.calls_tools, turn.may_have_effects) = (false, false);
                }
                Ok(())
            }
            "call_turn" => call.turn_logged(&value, self.calls.plan.gathers),
            _ => Ok(()),
        });
        let what = told.as_ref().and_then(|told| told.as_ref().err().cloned());
        self.check(what.is_none(), || what.clone().unwrap_or_default());
        match event {
            "call" => {
                self.minutes_are_settled_once(name);
                self.count("calls that ended");
                self.count_label(&value, "ended_by");
            }
            "call_turn" => self.count_label(&value, "outcome"),
            "call_refused" => self.count_label(&value, "reason"),
            "call_fault" => self.count_label(&value, "fault"),
            _ => {}
        }
    }

    fn count_label(&self, value: &Value, field: &str) {
        const LABELS: [&str; 20] = [
            "caller",
            "assistant",
            "handed_off",
            "silence",
            "time_up",
            "daily_limit",
            "failures",
            "socket_lost",
            "lost",
            "answered",
            "interrupted",
            "failed",
            "caller_limit",
            "unavailable",
            "unreadable_frame",
            "too_many_frames",
            "wrong_set_up",
            "no_set_up",
            "twilio_error",
            "other",
        ];
        let label = value[field].as_str().unwrap_or_default();
        let known = LABELS.into_iter().find(|known| *known == label);
        self.check(known.is_some(), || {
            format!("a label that nobody knows: {label}")
        });
        self.count(known.unwrap_or("other"));
    }
}

impl Record {
    /// The end of the call was logged.
    fn end_logged(&mut self, value: &Value) -> Result<(), String> {
        self.logged += 1;
        let number = |field: &str| value[field].as_u64().unwrap_or_default();
        self.minutes_used += number("minutes");
        if value["call"] != self.hash.as_str() {
            return Err(format!("a call logs the end of another one: {value}"));
        }
        if self.logged > 1 && !self.is_damaged {
            return Err("the end of a call was logged twice".into());
        }
        let begun = number("duration_ms").div_ceil(60_000).max(1);
        if number("minutes") > begun {
            return Err(format!("more minutes are charged than have begun: {value}"));
        }
        Ok(())
    }

    /// The end of a turn was logged. One that is answered was spoken whole.
    fn turn_logged(&mut self, value: &Value, gathers: bool) -> Result<(), String> {
        if let Some(turn) = self.turns.last_mut() {
            turn.is_over = true;
        }
        if value["outcome"] != "answered" {
            return Ok(());
        }
        let Some(turn) = self.turns.last() else {
            return Err("a turn was answered that the model was not asked about".into());
        };
        if turn.ends_call {
            return Ok(());
        }
        if !turn.is_whole {
            return Err("an answer that broke off is taken for whole".into());
        }
        if gathers {
            // The next document says it.
            return Ok(());
        }
        let spoken = turn.spoken.get(turn.spoken_before..).unwrap_or_default();
        if spoken != turn.reply {
            return Err(format!(
                "an answer was not spoken whole: {spoken}, and not {}",
                turn.reply
            ));
        }
        Ok(())
    }
}
