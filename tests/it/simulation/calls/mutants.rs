//! The deliberate bugs of calls, between the product and the simulation.
//!
//! Not here: their list (`mutation`), and those of ports and of the model, which stand there.

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::config::{FixedText, Language};

use crate::simulation::{executor::OUTSIDE, mutation::Mutation, state::Simulation};

/// A frame as the object gets it: on which session, and its text. `None`: it does not get it.
pub fn frame(sim: &Simulation, session: u32, current: u32, text: String) -> Option<(u32, String)> {
    let is_interrupt = text.contains("\"interrupt\"");
    if is_interrupt && sim.is(Mutation::InterruptDropped) {
        return None;
    }
    if sim.is(Mutation::PlayedNotTold) && text.contains("tokensPlayed") {
        return None;
    }
    let text = if is_interrupt && sim.is(Mutation::HeardIgnored) {
        let everything = "and much more ".repeat(99);
        json!({ "type": "interrupt", "utteranceUntilInterrupt": everything }).to_string()
    } else {
        text
    };
    let session = if sim.is(Mutation::OldSessionAccepted) {
        current
    } else {
        session
    };
    Some((session, text))
}

/// After an interruption, the next words of the answer go out.
pub fn let_a_word_through(sim: &Rc<Simulation>, name: &str, session: u32, frame: &str) {
    if !sim.is(Mutation::WordLetThrough) || !frame.contains("\"interrupt\"") {
        return;
    }
    let rest = sim.calls.with(name, |call| {
        let turn = call.turns.last()?;
        let begun = turn.spoken.len() - turn.spoken_before;
        let rest: String = turn.reply.get(begun..)?.chars().take(9).collect();
        (!rest.is_empty()).then_some(rest)
    });
    if let Some(rest) = rest.flatten() {
        let (sim, name) = (Rc::clone(sim), name.to_owned());
        let executor = sim.executor.clone();
        executor.spawn(OUTSIDE, async move {
            sim.sleep(100).await;
            let word =
                json!({ "type": "text", "token": rest, "last": false, "preemptible": false });
            sim.sent_by_call(&name, session, &word.to_string());
        });
    }
}

impl Simulation {
    /// A mutation of what a call stores.
    pub fn mutate_call_state(&self, before: &str, state: &mut String) {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        if self.is(Mutation::SecretKept) {
            let (door, mut after) = (parse(before)["call"]["door"].clone(), parse(state));
            if after["call"]["door"].is_null() && !door.is_null() && after["call"].is_object() {
                after["call"]["door"] = door;
                *state = after.to_string();
            }
        }
        if self.is(Mutation::EndForgotten) {
            let (call, mut after) = (parse(before)["call"].clone(), parse(state));
            if after["over"].is_object() && call.is_object() {
                after["call"] = call;
                *state = after.to_string();
            }
        }
        if self.is(Mutation::AnswerSaidAgain) {
            let (before, mut after) = (parse(before), parse(state));
            let gathering = &mut after["call"]["gathering"];
            if gathering["document"]["number"] != before["call"]["gathering"]["document"]["number"]
                && gathering["document"]["number"].as_u64() > Some(1)
            {
                gathering["says"] = gathering["document"]["says"].clone();
                *state = after.to_string();
            }
        }
        if self.is(Mutation::KeysInConversation) {
            let keys = parse(before)["call"]["entry"]["keys"].clone();
            let keys = keys.as_str().unwrap_or_default();
            if !keys.is_empty() && parse(state)["call"]["entry"].is_null() {
                let with_keys = format!("[keys pressed: {keys}]");
                *state = state.replace("[keys pressed]", &with_keys);
            }
        }
        if self.is(Mutation::ExcuseStored) {
            let mut after = parse(state);
            let turns = after["call"]["turns"].as_array_mut();
            if let Some(turn) = turns.and_then(|turns| turns.last_mut()) {
                turn["assistant"] = FixedText::CallFailed.in_language(Language::English).into();
                *state = after.to_string();
            }
        }
    }

    /// A mutation of a line that a call logs.
    pub fn mutate_call_log(&self, line: &str, name: &str) -> String {
        let entry = self.calls.with(name, |call| call.entries.last().cloned());
        match entry.flatten() {
            Some(entry) if self.is(Mutation::KeysLogged) => {
                line.replace('}', &format!(",\"keys\":\"{entry}\"}}"))
            }
            _ => line.to_owned(),
        }
    }
}

/// The keys as the object gets them.
pub fn keys(sim: &Simulation, keys: &str) -> String {
    let times = if sim.is(Mutation::KeyCountsTwice) {
        2
    } else {
        1
    };
    let each = keys.chars().map(|key| key.to_string().repeat(times));
    each.collect()
}
