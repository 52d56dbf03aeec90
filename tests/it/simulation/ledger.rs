//! What has happened in a run, and what must hold of it: the invariants.
//!
//! The ledger is told what reached the outside (webhook answers, model requests, REST messages, KV writes, log lines) and what
//! became durable in storage. From the stored state it reads only which messages were taken in and which turn they are in.

mod bounds;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use serde::Deserialize;
use switchboard::{
    command::Command,
    conversation::{Conversation, MAX_CHARS, MAX_TURNS, Turn},
    platform::Batch,
    twilio::{parts, segments},
    wording::{self, Notice},
};

use super::{
    plan::{MAX_MESSAGE_CHARS, MAX_SEGMENTS, Plan},
    world::{OPTED_OUT, STATE},
};

/// What must never be found where personal data does not belong: numbers, texts, answers, names.
pub const MARKERS: [&str; 5] = ["+1555", "5550100", "xyzzy", "answer#", "Wilhelmina"];

#[derive(Default)]
pub struct Ledger {
    /// The first breach.
    pub breach: Option<String>,
    /// How many times an invariant was checked.
    pub checks: u64,
    pub counters: BTreeMap<&'static str, u64>,
    pub senders: BTreeMap<String, Sender>,
    pub messages: BTreeMap<String, Message>,
    pub answers: Vec<Answer>,
    /// The answers that have this part.
    parts: BTreeMap<String, Vec<usize>>,
    sent: BTreeMap<String, u64>,
    inline: BTreeMap<usize, BTreeSet<String>>,
    token_turn: BTreeMap<String, (String, TurnKey)>,
    grants_by_day: BTreeMap<u64, u64>,
    hashes: BTreeMap<String, String>,
    rate_limit: usize,
    cap: u64,
    contact_cap: u64,
    message_cap: u64,
    /// How many UTC days there have been.
    openings: Rc<Cell<u64>>,
    /// Messages that Twilio has created.
    created: u64,
    /// Creates of which nobody was told what came of them, under a clock that jumps.
    unknown_creates: u64,
    /// On which day the budget's count could not be read.
    budget_unreadable: Option<u64>,
    ttl: u64,
    /// Whether the clock never steps back.
    forward: bool,
    jumps: bool,
    reply_within: u64,
    slow_storage: bool,
    /// The longest that a turn may run once it works, in milliseconds.
    turn_limit: u64,
    /// The longest that a turn may wait until it works.
    patience: u64,
    /// How far the clock steps back in all, in milliseconds.
    steps: u64,
}

/// One pair of addresses.
#[derive(Default)]
pub struct Sender {
    pub address: String,
    admitted: BTreeSet<String>,
    admissions: Vec<u64>,
    /// Taken in and in no turn yet.
    queue: VecDeque<String>,
    /// Messages that must be in turns.
    owed: usize,
    /// Since when the sender is opted out.
    opted_out: Option<u64>,
    /// Stored values were damaged.
    damaged: bool,
    /// Turns are not followed any more: stored values were damaged, or the clock has jumped.
    adrift: bool,
    /// The messages in the state that was stored last, of a sender that is adrift.
    known: BTreeSet<String>,
    last_words: Option<String>,
    /// Requests that reached the model.
    requests: u64,
    /// Who told that the day is used up; and who brought another fixed sentence.
    told: BTreeSet<String>,
    fixed: BTreeSet<String>,
    /// Messages that Twilio has created, late parts that were logged as sent, and turns that were logged as answered late.
    created: u64,
    logged_sent: u64,
    late_turns: u64,
    /// Whether storage says so.
    stored_out: bool,
    /// When the erasures were stored that messages asked for.
    erasures: BTreeMap<String, u64>,
    epoch: u64,
    turns: BTreeMap<TurnKey, TurnRecord>,
    open: Option<TurnKey>,
    /// The turn whose end is stored and not logged.
    unlogged: Option<TurnKey>,
    history: Vec<(Turn, bool)>,
    /// The turns before this one may be missing from the conversation.
    excused: usize,
    /// The turns before this one must not be in the conversation.
    forbidden: usize,
    /// KV could not be read, or an end was not logged: the conversation may have become shorter.
    loose: bool,
    /// KV could not be read, once at least: a revision that is written again may be shorter.
    read_trouble: bool,
    /// What each revision was written with, and until when KV may hold it.
    revisions: BTreeMap<String, (String, u64)>,
    last_end: Option<u64>,
    /// When the newest answered turn ended, from which the conversation's lifetime counts.
    last_answered: Option<u64>,
    at_model: u64,
    fixed_allowed: u64,
    fixed_sent: u64,
    give_ups: u64,
    /// When Twilio last refused a message to them.
    refused_at: Option<u64>,
    /// Reservations that were granted and not used, by incarnation.
    grants: BTreeMap<u64, u64>,
}

type TurnKey = (u64, u64);

#[derive(Default)]
struct TurnRecord {
    sids: Vec<String>,
    input: String,
    reset: bool,
    ended: bool,
    unlogged: bool,
    outcome: Option<(String, String)>,
    answer: Option<usize>,
    /// Its answer was forgotten since, or must not be sent any more.
    erased: bool,
    /// When the sender called it off while it ran.
    cancelled: Option<u64>,
    incarnations: BTreeSet<u64>,
    requests: u64,
    /// Since when it waits to be worked on.
    waits: u64,
    /// Which incarnation works on it, and since when.
    works: Option<(u64, u64)>,
}

/// A message that was written.
#[derive(Clone, Default)]
pub struct Message {
    pub sender: String,
    /// Whether it asks for a turn, while the sender is opted in.
    pub turn: bool,
    /// What it asks for beside that; an opt-in that is a `turn` too is one while the sender is opted out.
    pub command: Option<Command>,
    pub token: String,
    /// Webhooks that got a 200.
    pub answered: u64,
    /// Webhooks that got another answer or none.
    pub failed: u64,
    pub limited: u64,
}

/// What the model answered.
pub struct Answer {
    pub sender: String,
    pub text: String,
    pub parts: Vec<String>,
}

#[derive(Deserialize)]
struct StoredState {
    seen: Vec<StoredSid>,
    turn: Option<StoredTurn>,
}

#[derive(Deserialize)]
struct StoredSid {
    sid: String,
}

#[derive(Deserialize)]
struct StoredTurn {
    number: u64,
    attempt: u32,
    messages: Vec<StoredMessage>,
}

#[derive(Deserialize)]
struct StoredMessage {
    sid: String,
    text: Option<String>,
    #[serde(default)]
    pictures: Vec<String>,
}

impl Ledger {
    pub fn new(plan: &Plan, openings: Rc<Cell<u64>>) -> Self {
        Self {
            rate_limit: usize::try_from(plan.rate_limit).unwrap(),
            cap: plan.cap,
            ttl: plan.ttl_seconds * 1000,
            forward: plan.clock_steps.is_empty() && plan.clock_jumps.is_empty(),
            jumps: !plan.clock_jumps.is_empty(),
            reply_within: plan.reply_within,
            slow_storage: plan.storage_slow > 0,
            contact_cap: plan.contact_cap,
            message_cap: plan.message_cap,
            openings,
            turn_limit: plan.model_timeout + 2000,
            patience: if plan.storage_fails > 0 {
                u64::MAX
            } else {
                plan.reply_within + 180_000
            },
            steps: plan.clock_steps.iter().map(|(_, back)| back).sum(),
            ..Self::default()
        }
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counters.entry(what).or_default() += 1;
    }

    pub fn check(&mut self, holds: bool, words: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds && self.breach.is_none() {
            self.breach = Some(words());
        }
    }

    pub fn add_sender(&mut self, name: &str, address: &str, hash: &str) {
        self.hashes.insert(hash.to_owned(), name.to_owned());
        self.senders.insert(
            name.to_owned(),
            Sender {
                address: address.to_owned(),
                ..Sender::default()
            },
        );
        self.check(!MARKERS.iter().any(|marker| name.contains(marker)), || {
            "an object's name holds personal data".into()
        });
    }

    pub fn is_opted_out(&self, name: &str) -> bool {
        self.senders
            .get(name)
            .is_some_and(|sender| sender.opted_out.is_some())
    }

    /// What a sender object wrote at `at` has become durable.
    pub fn stored(&mut self, name: &str, batch: &Batch, at: u64) {
        let Some(mut sender) = self.senders.remove(name) else {
            return;
        };
        let puts = |key: &str| {
            batch
                .puts
                .iter()
                .find(|(other, _)| other == key)
                .map(|(_, value)| value.as_str())
        };
        let deletes = |key: &str| batch.clear || batch.deletes.iter().any(|other| other == key);
        sender.stored_out = puts(OPTED_OUT).is_some() || (sender.stored_out && !deletes(OPTED_OUT));
        match puts(STATE) {
            None if deletes(STATE) => {
                sender.epoch += 1;
                sender.known.clear();
                let open = sender.open.is_some() || !sender.queue.is_empty();
                self.check(!open, || {
                    "storage was emptied while a message waited".into()
                });
                self.opt_out_is_stored(&sender);
            }
            None => {}
            Some(text) => match serde_json::from_str::<StoredState>(text) {
                Ok(state) => self.stored_state(name, &mut sender, state, at),
                Err(error) => self.check(false, || {
                    format!("the ledger cannot read the stored state: {error}")
                }),
            },
        }
        self.senders.insert(name.to_owned(), sender);
    }

    fn stored_state(&mut self, name: &str, sender: &mut Sender, state: StoredState, at: u64) {
        if sender.adrift {
            self.stored_adrift(sender, state, at);
            self.opt_out_is_stored(sender);
            return;
        }
        for StoredSid { sid } in &state.seen {
            if !sender.admitted.insert(sid.clone()) {
                continue;
            }
            self.count("messages taken in");
            let message = self.messages.get(sid).cloned().unwrap_or_default();
            let was_out = sender.opted_out.is_some();
            let command = message.command.filter(|_| was_out || !message.turn);
            if matches!(
                command,
                Some(Command::OptOut | Command::OptIn | Command::Erase)
            ) {
                // They are obeyed over the limit, too.
                self.obeyed(sender, command, at);
                if command == Some(Command::Erase) {
                    sender.erasures.insert(sid.clone(), at);
                }
                continue;
            }
            sender.admissions.push(at);
            let nth = sender.admissions.len();
            if self.forward && nth > self.rate_limit {
                let first = sender.admissions[nth - 1 - self.rate_limit];
                self.check(at >= first + 60_000, || {
                    format!(
                        "more messages than the rate limit within a minute, from {first} to {at} ms"
                    )
                });
            }
            let turn = message.turn && !was_out;
            if turn {
                sender.queue.push_back(sid.clone());
                sender.owed += 1;
            }
            if message.turn && was_out {
                self.count("messages that an opt-out kept from the model");
            }
            if self.forward
                && turn
                && sender.open.is_none()
                && sender.last_answered.is_some_and(|end| at >= end + self.ttl)
            {
                sender.forbidden = sender.history.len();
            }
        }
        self.opt_out_is_stored(sender);
        let key = state.turn.as_ref().map(|turn| (sender.epoch, turn.number));
        if let Some(open) = sender.open.filter(|open| Some(*open) != key) {
            self.check(sender.unlogged.is_none(), || {
                "a turn ended and was not logged".into()
            });
            sender.unlogged = Some(open);
            sender.last_end = Some(at);
            if let Some(turn) = sender.turns.get_mut(&open) {
                turn.ended = true;
                let (forward, limit, patience) = (self.forward, self.turn_limit, self.patience);
                match turn.works {
                    Some((_, since)) => {
                        let took = at - since;
                        self.check(!forward || patience == u64::MAX || took <= limit, || {
                            format!("a turn ran for {took} ms")
                        });
                    }
                    None => {
                        let waited = at.saturating_sub(turn.waits);
                        self.check(!forward || waited <= patience, || {
                            format!("a turn waited for {waited} ms to be ended")
                        });
                    }
                }
            }
        }
        if let (Some(key), Some(turn)) = (key, state.turn) {
            let sids: Vec<String> = turn
                .messages
                .iter()
                .map(|message| message.sid.clone())
                .collect();
            self.check(turn.attempt <= 2, || {
                "a turn was begun more than twice".into()
            });
            if let Some(record) = sender.turns.get(&key) {
                self.check(record.sids == sids && !record.ended, || {
                    "a turn changed, or began again after its end".into()
                });
            } else {
                let expected: Vec<String> = sender
                    .queue
                    .drain(..sids.len().min(sender.queue.len()))
                    .collect();
                self.check(expected == sids, || format!("a turn's messages are not the next ones in order: {sids:?}, not {expected:?}"));
                for sid in &sids {
                    let token = self
                        .messages
                        .get(sid)
                        .map(|message| message.token.clone())
                        .unwrap_or_default();
                    let before = self.token_turn.insert(token, (name.to_owned(), key));
                    self.check(before.is_none(), || {
                        format!("message {sid} is in two turns")
                    });
                }
                let reset = turn.messages.iter().any(|message| message.text.is_none());
                let picture = |message: &StoredMessage| {
                    if message.pictures.is_empty() {
                        ""
                    } else {
                        "\n[1 picture]"
                    }
                };
                let texts: Vec<String> = turn
                    .messages
                    .iter()
                    .filter_map(|message| {
                        Some(format!("{}{}", message.text.as_ref()?, picture(message)))
                    })
                    .collect();
                self.count(if reset { "resets" } else { "turns" });
                let said: usize = turn
                    .messages
                    .iter()
                    .filter_map(|message| message.text.as_deref())
                    .map(chars)
                    .sum();
                self.check(said <= MAX_MESSAGE_CHARS || sids.len() == 1, || {
                    format!("a turn holds {said} characters")
                });
                if sids.len() > 1 {
                    self.count("turns of several messages");
                }
                sender.turns.insert(
                    key,
                    TurnRecord {
                        sids,
                        input: texts.join("\n"),
                        reset,
                        waits: at,
                        ..TurnRecord::default()
                    },
                );
            }
        }
        sender.open = key;
    }

    fn opt_out_is_stored(&mut self, sender: &Sender) {
        self.check(sender.stored_out == sender.opted_out.is_some(), || {
            "an opt-out was lost, or came by itself".into()
        });
    }

    /// A sender's wish about itself is stored: what is under way is called off.
    fn obeyed(&mut self, sender: &mut Sender, command: Option<Command>, at: u64) {
        match command {
            Some(Command::OptOut) => {
                self.count("opt-outs");
                sender.opted_out.get_or_insert(at);
            }
            Some(Command::OptIn) => {
                self.count("opt-ins");
                sender.opted_out = None;
                return;
            }
            _ => {
                self.count("erasures");
                sender.history.clear();
                (sender.excused, sender.forbidden) = (0, 0);
            }
        }
        sender.owed -= sender.queue.drain(..).count();
        if let Some(turn) = sender
            .open
            .take()
            .and_then(|key| sender.turns.get_mut(&key))
        {
            self.count("turns called off");
            (turn.ended, turn.cancelled) = (true, Some(at));
            turn.outcome = Some(("cancelled".into(), "none".into()));
        }
        sender
            .turns
            .values_mut()
            .for_each(|turn| turn.erased = true);
        // What was still to be sent is given up.
        sender.give_ups += 1;
    }

    /// A sender object asks Twilio to send this.
    pub fn sending(&mut self, name: &str) {
        let out = self
            .senders
            .get(name)
            .is_some_and(|sender| sender.opted_out.is_some());
        self.check(!out, || {
            "something was sent to a sender that is opted out".into()
        });
    }

    /// Whom this message erased, and when.
    pub fn erasure(&self, sid: &str) -> Option<(String, u64)> {
        let name = &self.messages.get(sid)?.sender;
        Some((name.clone(), *self.senders.get(name)?.erasures.get(sid)?))
    }

    /// A webhook was told that everything is erased; these are the conversations that KV has had since before.
    pub fn told_erased(&mut self, name: &str, conversations: &[String]) {
        let Some(sender) = self.senders.get(name).filter(|sender| !sender.adrift) else {
            return;
        };
        let kept: Vec<Turn> = sender
            .history
            .iter()
            .map(|(turn, _)| turn.clone())
            .collect();
        for text in conversations {
            let turns = Conversation::decode(text)
                .map(|conversation| conversation.turns().to_vec())
                .unwrap_or_default();
            self.check(turns.iter().all(|turn| kept.contains(turn)), || {
                "KV has what a sender was told is erased".into()
            });
        }
        self.count("erasures that were confirmed");
    }

    /// An incarnation of an object has vanished.
    pub fn killed(&mut self, name: &str, at: u64) {
        let Some(sender) = self.senders.get_mut(name).filter(|sender| !sender.adrift) else {
            return;
        };
        if let Some(turn) = sender.open.and_then(|key| sender.turns.get_mut(&key)) {
            (turn.works, turn.waits) = (None, at);
        }
        if sender
            .refused_at
            .take()
            .is_some_and(|refused| at < refused + 2000)
        {
            // Perhaps it was stored that the answer is given up, and not logged any more.
            sender.give_ups += 1;
        }
        if let Some(key) = sender.unlogged.take() {
            // Whether it was answered or not nobody knows any more.
            sender.loose = true;
            sender.fixed_allowed += 1;
            let answer = sender.turns.get_mut(&key).and_then(|turn| {
                turn.unlogged = true;
                turn.answer.map(|answer| (turn.input.clone(), answer))
            });
            if let Some((user, answer)) = answer {
                sender.history.push((
                    Turn {
                        user,
                        assistant: self.answers[answer].text.clone(),
                    },
                    true,
                ));
                sender.last_answered = sender.last_end;
            }
            self.count("ends that a kill left unlogged");
        }
    }

    /// A line of the log.
    pub fn logged(&mut self, line: &str, object: Option<&str>) {
        const EVENTS: [&str; 11] = [
            "security_event",
            "turn",
            "late_part",
            "conversation_unreadable",
            "kv_failed",
            "object_failed",
            "internal_error",
            "delivery",
            "consent",
            "message_ignored",
            "erased",
        ];
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let event = value["event"].as_str().unwrap_or_default();
        self.check(EVENTS.contains(&event) && !line.contains('\n'), || {
            format!("a log line is no event: {line}")
        });
        self.check(!MARKERS.iter().any(|marker| line.contains(marker)), || {
            format!("a log line holds personal data: {line}")
        });
        // What is damaged is logged.
        let damaged =
            object.is_none_or(|name| self.senders.get(name).is_none_or(|sender| sender.damaged));
        self.check(event != "internal_error" || damaged, || {
            format!("an internal error: {line}")
        });
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        if event == "late_part" {
            let outcome = text("outcome");
            self.count(match outcome.as_str() {
                "sent" => "late parts sent",
                "refused" => "late parts refused",
                "unknown" => "late parts unknown",
                _ => "late parts undeliverable",
            });
            let mut real = true;
            if let Some(sender) = self
                .hashes
                .get(&text("phone_hash"))
                .and_then(|name| self.senders.get_mut(name))
            {
                if outcome == "sent" {
                    sender.logged_sent += 1;
                    real = sender.adrift || sender.logged_sent <= sender.created;
                } else {
                    sender.give_ups += 1;
                }
            }
            self.check(real, || {
                "a part was logged as sent that Twilio has not created".into()
            });
        }
        if let (Some(name), "conversation_unreadable", "kv_failed" | "storage_failed") =
            (object, event, text("reason").as_str())
        {
            // A read that takes too long is given up, which the pretend KV does not see.
            self.kv_read_failed(name);
        }
        if event != "turn" {
            return;
        }
        self.check(
            text("outcome") != "answered" || text("delivery") != "none",
            || "an answer of the model's was withheld".into(),
        );
        if text("delivery") == "none" && text("outcome") != "cancelled" {
            self.count("answers withheld");
        }
        let Some(name) = object else { return };
        if let Some(sender) = self.senders.get_mut(name).filter(|sender| sender.adrift) {
            sender.late_turns +=
                u64::from(text("outcome") == "answered" && text("delivery") == "late");
            return;
        }
        let Some(mut sender) = self.senders.remove(name) else {
            return;
        };
        if text("outcome") == "cancelled" {
            let cancelled = sender.turns.values().any(|turn| turn.cancelled.is_some());
            self.check(cancelled && text("delivery") == "none", || {
                format!("a turn was called off by nobody: {line}")
            });
            self.senders.insert(name.to_owned(), sender);
            return;
        }
        let key = sender.unlogged.take();
        self.check(key.is_some(), || {
            format!("an end was logged that is not stored: {line}")
        });
        let mut erased = false;
        if let Some(turn) = key.and_then(|key| sender.turns.get_mut(&key)) {
            let (outcome, delivery) = (text("outcome"), text("delivery"));
            let messages = value["messages"]
                .as_u64()
                .and_then(|number| usize::try_from(number).ok());
            self.check(messages == Some(turn.sids.len()), || {
                format!(
                    "a turn of {} messages was logged as {line}",
                    turn.sids.len()
                )
            });
            self.check(outcome != "failed" || value["failure"].is_string(), || {
                format!("a failure without a reason: {line}")
            });
            self.count(match (outcome.as_str(), delivery.as_str()) {
                ("answered", "inline") => "answered inline",
                ("answered", _) => "answered late",
                ("reset", _) => "reset",
                _ => "failed",
            });
            if outcome == "answered" {
                self.check(turn.answer.is_some(), || {
                    "a turn was answered without the model".into()
                });
                if let Some(answer) = turn.answer {
                    let assistant = self.answers[answer].text.clone();
                    sender.history.push((
                        Turn {
                            user: turn.input.clone(),
                            assistant,
                        },
                        false,
                    ));
                    sender.last_answered = sender.last_end;
                }
            } else if delivery == "late" {
                sender.fixed_allowed += 1;
            }
            // A reset that was given up may have erased the conversation in KV before.
            sender.loose |= outcome == "failed" && turn.reset;
            if outcome == "reset" {
                sender.history.clear();
                (sender.excused, sender.forbidden) = (0, 0);
                erased = true;
            }
            turn.outcome = Some((outcome, delivery));
        }
        if erased {
            sender
                .turns
                .values_mut()
                .for_each(|turn| turn.erased = true);
        }
        self.senders.insert(name.to_owned(), sender);
    }

    /// The budget object has granted a request on this day to an incarnation of a sender.
    pub fn granted(&mut self, name: &str, incarnation: u64, day: u64) {
        // A clock that jumps days ahead opens a day, and what was counted before is forgotten when it is right again.
        let (day, days) = if self.jumps {
            (0, self.openings.get())
        } else {
            (day, 1)
        };
        let granted = self.grants_by_day.entry(day).or_default();
        *granted += 1;
        let (granted, cap) = (*granted, self.cap * days);
        self.check(granted <= cap, || {
            format!("{granted} requests were granted on one day, over the cap of {cap}")
        });
        if let Some(sender) = self.senders.get_mut(name) {
            *sender.grants.entry(incarnation).or_default() += 1;
        }
    }

    /// A request has reached the model. `turns` is the conversation in it, `input` the new input.
    pub fn asked(&mut self, name: &str, incarnation: u64, turns: &[Turn], input: &str, at: u64) {
        let Some(mut sender) = self.senders.remove(name) else {
            return;
        };
        self.count("model requests");
        let granted = sender.grants.entry(incarnation).or_default();
        let reserved = *granted > 0;
        *granted = granted.saturating_sub(1);
        self.check(reserved, || {
            "a model request was made without a reservation".into()
        });
        self.check(sender.at_model == 0, || {
            "two turns of one sender are at the model at once".into()
        });
        sender.at_model += 1;
        self.cost_a_request(&mut sender);
        if sender.adrift {
            self.senders.insert(name.to_owned(), sender);
            return;
        }
        // The end of a turn that is called off is stored a moment before the object knows of it.
        let just_cancelled = |turn: &TurnRecord| {
            turn.cancelled
                .is_some_and(|cancelled| at < cancelled + 1000)
                && turn.input == input
        };
        if sender.turns.values().any(just_cancelled) {
            self.count("requests of turns that were just called off");
            self.senders.insert(name.to_owned(), sender);
            return;
        }
        let texts = turns
            .iter()
            .flat_map(|turn| [turn.user.as_str(), turn.assistant.as_str()])
            .chain([input]);
        for text in texts {
            self.check(!is_fixed(text), || {
                format!("a fixed sentence was sent to the model: {text}")
            });
        }
        let open = sender.open.filter(|_| sender.unlogged.is_none());
        match open.and_then(|key| sender.turns.get_mut(&key)) {
            Some(turn) => {
                turn.requests += 1;
                if turn.requests > 1 && !turn.incarnations.contains(&incarnation) {
                    self.count("turns begun again");
                }
                turn.incarnations.insert(incarnation);
                let (requests, begun) = (turn.requests, turn.incarnations.len());
                self.check(turn.input == input && !turn.reset, || {
                    format!("the model was asked something else than the turn: {input}")
                });
                self.check(requests <= 6 && begun <= 2, || {
                    format!("a turn was at the model {requests} times, in {begun} incarnations")
                });
            }
            None => self.check(false, || {
                format!("the model was asked outside of a stored turn: {input}")
            }),
        }
        self.conversation(&mut sender, turns, at, "a model request");
        self.senders.insert(name.to_owned(), sender);
    }

    /// The model's client has its answer, or has left.
    pub fn model_left(&mut self, name: &str, answer: Option<usize>) {
        let Some(sender) = self.senders.get_mut(name) else {
            return;
        };
        sender.at_model = sender.at_model.saturating_sub(1);
        if let (Some(key), Some(answer)) = (sender.open, answer)
            && let Some(turn) = sender.turns.get_mut(&key)
        {
            turn.answer = Some(answer);
        }
    }

    /// Makes an answer known: its number.
    pub fn add_answer(&mut self, sender: &str, text: String) -> usize {
        let sms = self
            .senders
            .get(sender)
            .is_none_or(|sender| !sender.address.starts_with("whatsapp:"));
        let text = if sms {
            segments::fit(&text, MAX_SEGMENTS)
        } else {
            text
        };
        let number = self.answers.len();
        let parts = parts::split(&text);
        for part in &parts {
            self.parts.entry(part.clone()).or_default().push(number);
        }
        self.answers.push(Answer {
            sender: sender.to_owned(),
            text,
            parts,
        });
        number
    }

    pub fn kv_read_failed(&mut self, name: &str) {
        if let Some(sender) = self.senders.get_mut(name) {
            sender.loose = true;
            sender.read_trouble = true;
        }
    }

    /// A conversation is given to KV.
    pub fn saved(&mut self, key: &str, value: &str, ttl: u64, at: u64) {
        let name = key.split('/').nth(1).unwrap_or_default().to_owned();
        self.check(
            ttl >= 60 && ttl <= (self.ttl + self.steps) / 1000 + 1,
            || format!("KV was given a lifetime of {ttl} s"),
        );
        self.check(!MARKERS.iter().any(|marker| key.contains(marker)), || {
            format!("a KV key holds personal data: {key}")
        });
        let Some(mut sender) = self.senders.remove(&name) else {
            return self.check(false, || format!("a KV key names nobody: {key}"));
        };
        if let Some((before, until)) = sender
            .revisions
            .insert(key.to_owned(), (value.to_owned(), at + ttl * 1000))
        {
            let same = before == value || sender.read_trouble || sender.adrift || at >= until;
            self.count("revisions that were written again");
            self.check(same, || {
                format!("a revision was written twice, with different contents: {key:.30}")
            });
        }
        match Conversation::decode(value) {
            Ok(conversation) => {
                for turn in conversation.turns() {
                    self.check(!is_fixed(&turn.assistant), || {
                        format!("a fixed sentence is in KV: {}", turn.assistant)
                    });
                }
                self.conversation(&mut sender, conversation.turns(), at, "KV");
            }
            Err(error) => self.check(false, || {
                format!(
                    "KV was given something else than a conversation: {}",
                    error.label()
                )
            }),
        }
        self.senders.insert(name, sender);
    }

    /// The conversation that is used must be what was answered, in order: all of it that is not trimmed, reset or expired.
    fn conversation(&mut self, sender: &mut Sender, turns: &[Turn], at: u64, place: &str) {
        if sender.adrift {
            return;
        }
        let mut left = sender.history.len();
        for turn in turns.iter().rev() {
            while left > 0 && sender.history[left - 1].1 && sender.history[left - 1].0 != *turn {
                left -= 1;
            }
            let same = left > 0 && sender.history[left - 1].0 == *turn;
            self.check(same, || {
                format!(
                    "the conversation in {place} has a turn that was not answered there: {}",
                    turn.user
                )
            });
            if !same {
                return;
            }
            left -= 1;
        }
        let forbidden = sender.forbidden;
        self.check(turns.is_empty() || left >= forbidden, || {
            format!("an expired conversation is in {place}")
        });
        while left > 0 && sender.history[left - 1].1 {
            left -= 1;
        }
        if left <= sender.excused {
            return;
        }
        let chars: usize = turns
            .iter()
            .chain([&sender.history[left - 1].0])
            .map(|turn| chars(&turn.user) + chars(&turn.assistant))
            .sum();
        let trimmed = turns.len() == MAX_TURNS || chars > MAX_CHARS;
        let expired = sender.last_answered.is_some_and(|end| at >= end + self.ttl) || !self.forward;
        if sender.loose || expired {
            sender.excused = left;
            self.count("conversations that became shorter");
        } else if !trimmed {
            self.check(false, || {
                format!(
                    "the conversation in {place} lacks {} answered turns",
                    left - sender.excused
                )
            });
        } else {
            self.check(true, String::new);
            self.count("conversations trimmed");
        }
    }

    /// A webhook of this message got a 200 with these texts.
    pub fn answered(&mut self, sid: &str, texts: &[String], at: u64) {
        let Some(message) = self.messages.get_mut(sid) else {
            return;
        };
        message.answered += 1;
        let name = message.sender.clone();
        let Some(first) = texts.first() else { return };
        // An answer may have been on its way when the sender opted out.
        let late = self.senders[&name]
            .opted_out
            .is_some_and(|since| at > since + 5000);
        let about_consent = [Notice::OptedOut, Notice::OptedIn]
            .iter()
            .any(|notice| notice.text("") == *first);
        self.check(!late || about_consent, || {
            format!("a sender that is opted out was answered: {first}")
        });
        let Some(answers) = self.parts.get(first) else {
            self.check(texts.len() == 1 && is_fixed(first), || {
                format!("a webhook got a text that nobody wrote: {first}")
            });
            if let Some(mut sender) = self.senders.remove(&name) {
                self.got_fixed(&mut sender, first, sid);
                self.senders.insert(name, sender);
            }
            return;
        };
        let sender = &self.senders[&name];
        let is_its = |answer: usize| {
            sender
                .turns
                .values()
                .any(|turn| turn.answer == Some(answer) && turn.sids.iter().any(|one| one == sid))
        };
        let its = answers.iter().copied().find(|answer| is_its(*answer));
        let (in_turn, answer, alone) =
            (its.is_some(), its.unwrap_or(answers[0]), answers.len() == 1);
        let own = self.answers[answer].sender == name;
        self.check(own, || "a webhook got the answer to somebody else".into());
        let whole = self.answers[answer].parts == texts;
        self.check(whole, || "a webhook got a part of an answer".into());
        if self.senders[&name].adrift {
            return;
        }
        self.check(in_turn, || {
            format!("the webhook of {sid} got the answer to another message")
        });
        let carriers = self.inline.entry(answer).or_default();
        carriers.insert(sid.to_owned());
        let carriers = carriers.len();
        self.check(carriers == 1, || {
            "one answer was given to the webhooks of two messages".into()
        });
        let late = self.answers[answer]
            .parts
            .iter()
            .any(|part| self.sent.contains_key(part));
        self.check(!late || !alone, || {
            "an answer was given to a webhook, and sent by REST".into()
        });
        self.count("webhooks that carried an answer");
    }

    /// Twilio has created a message.
    pub fn sent(&mut self, to: &str, body: &str) {
        self.count("REST messages");
        self.cost_a_message();
        let name = self
            .senders
            .iter()
            .find(|(_, sender)| sender.address == to)
            .map(|(name, _)| name.clone())
            .unwrap_or_default();
        let Some(mut sender) = self.senders.remove(&name) else {
            return self.check(false, || "a message was sent to nobody".into());
        };
        sender.created += 1;
        let adrift = sender.adrift;
        let fixed = !self.parts.contains_key(body);
        if fixed {
            self.check(is_fixed(body), || {
                format!("a text was sent that nobody wrote: {body}")
            });
            sender.fixed_sent += 1;
            let by = format!("REST {}", sender.fixed_sent);
            self.got_fixed(&mut sender, body, &by);
        }
        self.senders.insert(name, sender);
        let Some(answers) = self.parts.get(body) else {
            return;
        };
        let (answer, of) = (answers[0], answers.len() as u64);
        let address = self
            .senders
            .get(&self.answers[answer].sender)
            .map(|sender| sender.address.clone());
        self.check(address.as_deref() == Some(to), || {
            "an answer was sent to somebody else".into()
        });
        let times = self.sent.entry(body.to_owned()).or_default();
        *times += 1;
        let times = *times;
        if adrift {
            return;
        }
        self.check(times <= of, || {
            format!(
                "a part was sent {times} times: {}",
                body.chars().take(60).collect::<String>()
            )
        });
        self.check(of > 1 || !self.inline.contains_key(&answer), || {
            "an answer was sent by REST, and given to a webhook".into()
        });
    }

    /// Twilio has refused to create a message.
    pub fn refused(&mut self, to: &str, at: u64) {
        if let Some(sender) = self
            .senders
            .values_mut()
            .find(|sender| sender.address == to)
        {
            sender.refused_at = Some(at);
        }
    }

    /// Everything has come to rest.
    pub fn end(&mut self) {
        let senders = std::mem::take(&mut self.senders);
        for (name, sender) in &senders {
            self.end_adrift(sender);
            if sender.adrift {
                continue;
            }
            self.equal_answers(sender);
            self.check(sender.queue.is_empty() && sender.open.is_none(), || {
                "a message was taken in, and its turn never ended".into()
            });
            let (sent, allowed) = (sender.fixed_sent, sender.fixed_allowed);
            self.check(sent <= allowed, || {
                format!("{sent} fixed sentences were sent to {name:.6} for {allowed} turns")
            });
            for turn in sender.turns.values() {
                self.ended(turn, sender);
            }
            let in_turns: usize = sender.turns.values().map(|turn| turn.sids.len()).sum();
            let wanted = sender.owed;
            self.check(in_turns == wanted, || {
                format!("{wanted} messages were taken in, {in_turns} are in turns")
            });
        }
        let lost = self.messages.iter().find(|(sid, message)| {
            let taken_in = |sender: &Sender| sender.adrift || sender.admitted.contains(*sid);
            message.answered > message.limited
                && !senders.get(&message.sender).is_some_and(taken_in)
        });
        let lost = lost.map(|(sid, _)| sid.clone());
        self.check(lost.is_none(), || {
            format!(
                "message {} got a 200 and was not taken in",
                lost.unwrap_or_default()
            )
        });
        self.senders = senders;
    }

    /// Of answers with one text as many must have been created as were to be sent by REST.
    fn equal_answers(&mut self, sender: &Sender) {
        let mut equal: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for turn in sender.turns.values() {
            let Some(text) = turn.answer.map(|answer| &self.answers[answer].text) else {
                continue;
            };
            if self
                .parts
                .get(text)
                .is_some_and(|answers| answers.len() > 1)
            {
                let (late, unlogged) = equal.entry(text.clone()).or_default();
                *late += u64::from(
                    turn.outcome
                        .as_ref()
                        .is_some_and(|(what, how)| what == "answered" && how == "late"),
                );
                *unlogged += u64::from(turn.unlogged);
            }
        }
        for (text, (late, unlogged)) in equal {
            let created = self.sent.get(&text).copied().unwrap_or(0);
            let enough = created >= late || sender.give_ups > 0;
            self.check(created <= late + unlogged && enough, || {
                format!("of {late} late equal answers {created} were created")
            });
        }
    }

    fn ended(&mut self, turn: &TurnRecord, sender: &Sender) {
        self.check(turn.ended, || format!("a turn never ended: {}", turn.input));
        let Some((outcome, delivery)) = &turn.outcome else {
            return self.check(turn.unlogged, || {
                format!("a turn's end was not logged: {}", turn.input)
            });
        };
        let (Some(answer), "answered") = (turn.answer, outcome.as_str()) else {
            return;
        };
        let carrier = turn
            .sids
            .last()
            .and_then(|sid| self.messages.get(sid))
            .cloned()
            .unwrap_or_default();
        if delivery == "inline" {
            let carried = self.inline.contains_key(&answer);
            if !carried {
                self.count("inline answers whose webhook had left");
            }
            self.check(carried || carrier.failed > 0 || turn.erased, || {
                format!(
                    "an answer was to be given to a webhook, and was not: {}",
                    turn.input
                )
            });
        } else {
            let parts = self.answers[answer].parts.clone();
            let missing = parts
                .iter()
                .filter(|part| !self.sent.contains_key(*part))
                .count();
            let gave_up = sender.give_ups;
            self.check(missing == 0 || gave_up > 0, || {
                format!(
                    "{missing} parts were never sent, without a reason: {}",
                    turn.input
                )
            });
        }
    }
}

/// What HELP is answered.
pub const HELP: &str = "Ask away.";

/// Whether a text is one of the product's own.
fn is_fixed(text: &str) -> bool {
    [
        wording::APOLOGY,
        wording::RESET,
        wording::NO_BUDGET,
        wording::NO_MORE_TODAY,
        wording::FILTERED,
        wording::TOKEN_LIMIT,
    ]
    .contains(&text)
        || [
            wording::NOT_A_PICTURE,
            wording::PICTURE_NOT_FETCHED,
            wording::PICTURE_TOO_LARGE,
        ]
        .contains(&text)
        || [
            Notice::NoText,
            Notice::OptedOut,
            Notice::OptedIn,
            Notice::Help,
            Notice::Erasing,
            Notice::Erased,
        ]
        .iter()
        .any(|notice| notice.text(HELP) == text)
        || text.starts_with("That message is too long for me.")
        || text.starts_with("That's more messages than I can take in.")
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
