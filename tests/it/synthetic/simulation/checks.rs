//! What must hold whatever happens: of requests to the model, of the day's budget, of stored batches and of the log.
//!
//! Not here: what must hold of a transcript (`transcripts`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use switchboard::{
    base::time::UnixMillis,
    config::Speaker,
    synthetic::plan::{BatchId, BatchPlan},
};

use super::faults::Faults;

/// The words of every failure of the model.
pub const BROKEN: &str = "BROKEN-PIPE";
/// What no line of the log has: words of lines, of failures, of personas, and the operator's label.
const NOT_LOGGED: [&str; 9] = [
    "zebra", BROKEN, "Ada", "Ben", "Cleo", "Dan", "Hello", "48213", "nightly",
];
/// How long a run may go on after its batch was cancelled: as long as it does not answer, at most.
const CANCEL_LAG: u64 = 6 * 60_000;

pub struct Checks {
    pub breach: Option<String>,
    pub checked: u64,
    pub counters: BTreeMap<&'static str, u64>,
    pub batches: BTreeMap<String, BatchSeen>,
    runs: BTreeMap<String, RunSeen>,
    /// Requests that were reserved and not given back, by the day for which they were counted.
    outstanding: BTreeMap<u64, u64>,
    /// Calls to the budget object that go on. What it has counted is ahead of `outstanding` then.
    calls: u64,
    /// The days on which the budget object was called.
    days: BTreeSet<u64>,
    cap: u64,
    faults_until: u64,
    faults: u64,
}

#[derive(Default)]
pub struct RunSeen {
    granted: BTreeMap<u64, u64>,
    released: BTreeMap<u64, u64>,
    pub made: u64,
    /// Those since its state was damaged.
    pub made_since: u64,
    pub damaged: bool,
    asking: bool,
    /// The texts that the model has given it, and how often.
    pub texts: BTreeMap<String, u64>,
}

impl RunSeen {
    fn reserved(&self) -> u64 {
        self.granted.values().sum::<u64>() - self.released.values().sum::<u64>()
    }
}

pub struct BatchSeen {
    pub id: BatchId,
    pub plan: BatchPlan,
    pub first: Speaker,
    pub records: Vec<String>,
    pub numbers: BTreeSet<u32>,
    pub deleted_at: Option<u64>,
    pub cancelled_at: Option<u64>,
    /// Whether the operator has left it paused.
    pub left_paused: bool,
}

impl Checks {
    pub fn new(faults: &Faults) -> Self {
        Self {
            breach: None,
            checked: 0,
            counters: BTreeMap::new(),
            batches: BTreeMap::new(),
            runs: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            calls: 0,
            days: BTreeSet::new(),
            cap: faults.cap.into(),
            faults_until: faults.until,
            faults: 0,
        }
    }

    pub fn check(&mut self, holds: bool, words: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds && self.breach.is_none() {
            self.breach = Some(words());
        }
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counters.entry(what).or_default() += 1;
    }

    pub fn fault(&mut self, what: &'static str) {
        self.faults += 1;
        self.count(what);
    }

    pub fn logged(&mut self, line: &str) {
        let word = NOT_LOGGED.iter().find(|word| line.contains(**word));
        self.check(word.is_none(), || format!("{word:?} is logged: {line}"));
        let event: Value = serde_json::from_str(line).unwrap_or_default();
        match event["event"].as_str() {
            Some("synthetic_run") => self.count("runs that were logged"),
            Some("object_failed") => self.count("failures that were logged"),
            Some("internal_error") => self.count("damage that was logged"),
            _ => {}
        }
    }

    pub fn run(&mut self, name: &str) -> &mut RunSeen {
        self.runs.entry(name.to_owned()).or_default()
    }

    pub fn damaged(&mut self, name: &str) {
        let run = self.run(name);
        run.damaged = true;
        run.made_since = 0;
    }

    // The budget.

    pub fn granted(&mut self, name: &str, day: u64, count: u32) {
        *self.run(name).granted.entry(day).or_default() += u64::from(count);
        let outstanding = self.outstanding.entry(day).or_default();
        *outstanding += u64::from(count);
        let (outstanding, cap) = (*outstanding, self.cap);
        self.check(outstanding <= cap, || {
            format!("{outstanding} requests are reserved on one day, over the cap of {cap}")
        });
    }

    /// So much was given back on a day.
    pub fn released(&mut self, name: &str, day: u64, count: u32) {
        let run = self.run(name);
        let granted = run.granted.get(&day).copied().unwrap_or_default();
        let released = run.released.entry(day).or_default();
        *released += u64::from(count);
        let (released, made) = (*released, run.made_since);
        self.count("reservations that were given back");
        self.check(released + made <= granted, || {
            format!(
                "{name:.9} has given back {released} of {granted} requests of the day, and made {made}"
            )
        });
        if let Some(outstanding) = self.outstanding.get_mut(&day) {
            *outstanding = outstanding.saturating_sub(count.into());
        }
    }

    pub fn budget_is_called(&mut self) {
        self.calls += 1;
    }

    /// A call to the budget object has ended. It has counted so many requests on a day.
    pub fn counted(&mut self, day: u64, calls: u64) {
        self.calls -= 1;
        let settled = self.calls == 0;
        let outstanding = self.outstanding.get(&day).copied().unwrap_or_default();
        self.check(!settled || calls >= outstanding, || {
            format!("the budget has counted {calls} requests of {outstanding}")
        });
        self.days.insert(day);
        if self.days.len() > 1 {
            self.count("calls to the budget on a second day");
        }
    }

    // The model.

    /// A run asks the model.
    pub fn asked(&mut self, name: &str, stored: &str, body: &Value, now: u64, wall: UnixMillis) {
        self.count("requests to the model");
        let run = self.run(name);
        run.made += 1;
        run.made_since += 1;
        let (made, since, reserved) = (run.made, run.made_since, run.reserved());
        let was_asking = std::mem::replace(&mut run.asking, true);
        self.check(!was_asking, || format!("{name:.9} asks twice at once"));
        self.check(made <= reserved, || {
            format!("{name:.9} makes {made} requests, and has reserved {reserved}")
        });
        self.check(!body.to_string().contains(BROKEN), || {
            format!("{name:.9} tells the model of an error")
        });
        self.check_batch_goes_on(name, now);
        let stored: Value = serde_json::from_str(stored).unwrap_or_default();
        let stored = &stored["run"];
        self.check(stored.is_object(), || {
            format!("{name:.9} makes a request and does not run")
        });
        let used = stored["used"].as_u64().unwrap_or_default();
        self.check(used >= since, || {
            format!("{name:.9} makes request {since}, and {used} are counted")
        });
        let format = &body["response_format"]["json_schema"]["name"];
        if format == "conversation_score" {
            self.count("requests for scores");
            return self.check_judged(stored, body);
        }
        let lines = stored["lines"].as_array().map_or(0, Vec::len);
        let limits = &stored["plan"]["limits"];
        let (turns, seconds) = (limits["turns"].as_u64(), limits["seconds"].as_u64());
        self.check(turns.is_some_and(|turns| (lines as u64) < turns), || {
            format!("{name:.9} asks for a line after {lines} lines")
        });
        let begun = UnixMillis(stored["begun_at"].as_u64().unwrap_or_default());
        let spent = wall.since(begun).as_secs();
        self.check(seconds.is_some_and(|seconds| spent < seconds), || {
            format!("{name:.9} asks for a line after {spent} s")
        });
        self.check(stored["ended"].is_null(), || {
            format!("{name:.9} asks for a line after its end")
        });
        self.check_conversation(name, stored, body);
    }

    fn check_batch_goes_on(&mut self, name: &str, now: u64) {
        let Some(batch) = name
            .split_once('-')
            .and_then(|(id, _)| self.batches.get(id))
        else {
            return self.check(false, || format!("nobody knows {name}"));
        };
        let (deleted, cancelled) = (batch.deleted_at, batch.cancelled_at);
        let late = cancelled.map(|at| at.max(self.faults_until) + CANCEL_LAG);
        self.check(deleted.is_none(), || {
            format!("{name:.9} makes a request after its batch was deleted")
        });
        self.check(late.is_none_or(|late| now < late), || {
            format!("{name:.9} makes a request long after its batch was cancelled")
        });
    }

    /// What a side is told is what was stored: its own lines as the assistant's, and the last one of the other.
    fn check_conversation(&mut self, name: &str, stored: &Value, body: &Value) {
        let lines = stored["lines"].as_array().cloned().unwrap_or_default();
        let first = &stored["first"];
        let own_turn = |line: &Value| (line["speaker"] == *first) == (lines.len() % 2 == 0);
        let own: Vec<&str> = lines
            .iter()
            .filter(|line| own_turn(line))
            .filter_map(|line| line["text"].as_str().filter(|text| !text.is_empty()))
            .collect();
        let messages = body["messages"].as_array().unwrap();
        let told: Vec<&str> = messages
            .iter()
            .filter(|message| message["role"] == "assistant")
            .filter_map(|message| message["content"].as_str().filter(|text| !text.is_empty()))
            .collect();
        self.check(own == told, || {
            format!("{name:.9} asks with {told:?}, and has said {own:?}")
        });
        let heard = |line: &Value| {
            let heard = line["heard"].as_str().or(line["text"].as_str());
            heard.unwrap_or_default().to_owned()
        };
        let heard = lines.last().map(heard).unwrap_or_default();
        let last = messages.last().unwrap();
        let content = last["content"].as_str().unwrap_or_default();
        self.check(
            last["role"] == "user" && content.starts_with(&heard),
            || format!("{name:.9} answers {content:?}, and has heard {heard:?}"),
        );
    }

    fn check_judged(&mut self, stored: &Value, body: &Value) {
        let messages = body["messages"].as_array().unwrap();
        let told = messages.last().unwrap()["content"]
            .as_str()
            .unwrap_or_default();
        let told: Value = serde_json::from_str(told).unwrap_or_default();
        let told = told["lines"].as_array().map_or(0, Vec::len);
        let lines = stored["lines"].as_array().map_or(0, Vec::len);
        let is_over = !stored["ended"].is_null();
        self.check(is_over && told == lines, || {
            format!("the judge reads {told} of {lines} lines, at the end: {is_over}")
        });
    }

    pub fn left_model(&mut self, name: &str) {
        self.run(name).asking = false;
    }

    /// The model has given a run this text.
    pub fn answered(&mut self, name: &str, text: &str) {
        *self.run(name).texts.entry(text.to_owned()).or_default() += 1;
    }

    // What is stored.

    pub fn run_stored(&mut self, name: &str, state: &str) {
        let state: Value = serde_json::from_str(state).unwrap_or_default();
        let lines = state["run"]["lines"].as_array();
        let numbers = lines.into_iter().flatten().map(|line| line["n"].as_u64());
        let in_order = numbers.zip(1..).all(|(n, expected)| n == Some(expected));
        self.check(in_order, || {
            format!("the lines of {name:.9} are out of order")
        });
        let reserved = self.run(name).reserved();
        let used = state["run"]["used"].as_u64().unwrap_or_default();
        self.check(used <= reserved, || {
            format!("{name:.9} has used {used} of {reserved} requests")
        });
    }

    /// A batch has stored its state: each number that was taken is somewhere, once.
    pub fn batch_stored(&mut self, name: &str, state: &str) {
        let state: Value = serde_json::from_str(state).unwrap_or_default();
        let batch = &state["batch"];
        if !batch.is_object() {
            return;
        }
        let number = |field: &str| batch[field].as_u64().unwrap_or_default();
        let running = batch["running"].as_object().map_or(0, serde_json::Map::len) as u64;
        let returned = batch["returned"].as_array().map_or(0, Vec::len) as u64;
        let (taken, known) = (number("next") - 1, number("ended") + running + returned);
        let is_cancelled = batch["control"] == "cancel";
        self.check(known == taken || (is_cancelled && known < taken), || {
            format!("{name:.9} has taken {taken} numbers and knows {known}")
        });
        let (count, at_once) = (&batch["plan"]["count"], &batch["plan"]["at_once"]);
        let most = at_once.as_u64().unwrap_or_default();
        let fits = taken <= count.as_u64().unwrap_or_default();
        self.check(fits && (running <= most || is_cancelled), || {
            format!("{name:.9} has taken {taken} of {count} numbers, and {running} of {most} run")
        });
    }

    /// In a run without any fault, exactly what was asked is counted.
    pub fn end(&mut self) {
        if self.faults > 0 || self.days.len() > 1 {
            return;
        }
        self.count("runs in which everything was exact");
        let batches = std::mem::take(&mut self.batches);
        for (name, run) in std::mem::take(&mut self.runs) {
            let batch = name.split_once('-').and_then(|(id, _)| batches.get(id));
            let exact = batch.is_some_and(|one| one.cancelled_at.or(one.deleted_at).is_none());
            let (made, reserved) = (run.made, run.reserved());
            self.check(!exact || made == reserved, || {
                format!("{name:.9} has made {made} requests, and {reserved} stay reserved")
            });
        }
        self.batches = batches;
    }
}
