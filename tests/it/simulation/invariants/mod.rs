//! The invariants: what must hold of a run, whatever fails.
//!
//! [`Invariants`] is told what reached the outside (answers to webhooks, model requests, REST messages, KV writes, log lines)
//! and what became durable in storage. From the stored state it reads only which messages were taken in, and which turn they
//! are in. Not here: how the simulation fails (`fault_plan`).

mod caps;
mod conversation;
mod deadlines;
mod deliveries;
mod end;
mod hand_off;
mod intake;
mod intake_texts;
mod log;
mod model;
mod quotes;
mod records;
mod rejections;
mod replies;
mod stored;
mod stored_state;
mod tools;
mod untracked;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use switchboard::{
    config::{FixedText, Language},
    messaging::canned_replies,
};

use super::fault_plan::FaultPlan;
use records::{Answer, Contact, TurnKey};
use tools::ToolCall;

pub use records::Message;

/// Parts of numbers, texts, answers and names. They must not appear where personal data does not belong.
pub const MARKERS: [&str; 6] = [
    "US.1349",
    "+1555",
    "5550100",
    "xyzzy",
    "answer#",
    "Wilhelmina",
];

#[derive(Default)]
pub struct Invariants {
    /// The first breach.
    pub breach: Option<String>,
    /// How many times an invariant was checked.
    pub checks: u64,
    pub counters: BTreeMap<&'static str, u64>,
    pub contacts: BTreeMap<String, Contact>,
    pub messages: BTreeMap<String, Message>,
    pub answers: Vec<Answer>,
    /// By contact and part: the answers that have it, and how often Twilio has created it.
    parts: BTreeMap<(String, String), Vec<usize>>,
    sent: BTreeMap<(String, String), u64>,
    by_webhook: BTreeMap<usize, BTreeSet<String>>,
    token_turn: BTreeMap<String, (String, TurnKey)>,
    /// Calls of tools by their ids, and the answers that objects have heard.
    tool_calls: BTreeMap<String, ToolCall>,
    tool_results: BTreeSet<(String, u64, String)>,
    numbers: u64,
    /// Whether the assistant has an intake.
    has_intake: bool,
    /// The longest that a tapback or a quote may be looked up, in milliseconds.
    look_up: u64,
    /// By id: what operators have written.
    operator_texts: BTreeMap<String, String>,
    /// Grants by the day for which the budget object has counted them.
    granted_requests: BTreeMap<u64, u64>,
    granted_messages: BTreeMap<u64, u64>,
    hashes: BTreeMap<String, String>,
    /// When the run began, in milliseconds since the Unix epoch.
    start: u64,
    rate_limit: usize,
    cap: u64,
    contact_cap: u64,
    message_cap: u64,
    /// How many UTC days there have been.
    openings: Rc<Cell<u64>>,
    /// Messages that Twilio has created.
    created: u64,
    /// Creates with an unknown outcome, in runs with clock jumps.
    unknown_creates: u64,
    /// On which day the budget's count could not be read.
    budget_unreadable: Option<u64>,
    ttl: u64,
    /// Whether the clock neither steps back nor jumps.
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
    /// How many endpoints the model has.
    endpoints: u64,
    /// Whether an endpoint is well all the time.
    one_is_well: bool,
}

impl Invariants {
    pub fn new(fault_plan: &FaultPlan, openings: Rc<Cell<u64>>) -> Self {
        Self {
            start: fault_plan.start,
            rate_limit: usize::try_from(fault_plan.rate_limit).unwrap(),
            cap: fault_plan.cap,
            ttl: fault_plan.ttl_seconds * 1000,
            forward: fault_plan.clock_steps.is_empty() && fault_plan.clock_jumps.is_empty(),
            jumps: !fault_plan.clock_jumps.is_empty(),
            reply_within: fault_plan.reply_within,
            slow_storage: fault_plan.storage_slow > 0,
            contact_cap: fault_plan.contact_cap,
            message_cap: fault_plan.message_cap,
            openings,
            // An intake waits for its service, too.
            turn_limit: fault_plan.model_timeout + if fault_plan.intake { 6000 } else { 2000 },
            has_intake: fault_plan.intake,
            look_up: if fault_plan.quotes { 8000 } else { 0 },
            patience: if fault_plan.storage_fails > 0 {
                u64::MAX
            } else {
                fault_plan.reply_within + 180_000
            },
            endpoints: if fault_plan.second { 2 } else { 1 },
            one_is_well: fault_plan.first_down.is_some(),
            steps: fault_plan.clock_steps.iter().map(|(_, back)| back).sum(),
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

    /// A number that nothing else in the run has.
    pub fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub fn add_contact(&mut self, name: &str, address: &str, hash: &str) {
        self.hashes.insert(hash.to_owned(), name.to_owned());
        self.contacts.insert(
            name.to_owned(),
            Contact {
                address: address.to_owned(),
                ..Contact::default()
            },
        );
        self.check(!MARKERS.iter().any(|marker| name.contains(marker)), || {
            "an object's name holds personal data".into()
        });
    }

    /// A contact has a second address, whose thread follows the first one's.
    pub fn add_address(&mut self, name: &str, address: &str, hash: &str, thread: &str) {
        self.hashes.insert(hash.to_owned(), name.to_owned());
        if let Some(contact) = self.contacts.get_mut(name) {
            contact.other = Some((address.to_owned(), thread.to_owned()));
        }
    }

    /// The contact whose second address has this thread.
    pub fn leader(&self, thread: &str) -> Option<(&String, &Contact)> {
        self.contacts.iter().find(|(_, contact)| {
            let other = contact.other.as_ref();
            other.is_some_and(|(_, follower)| follower == thread)
        })
    }

    pub fn is_opted_out(&self, name: &str) -> bool {
        self.contacts
            .get(name)
            .is_some_and(|contact| contact.opted_out.is_some())
    }
}

/// The answer to HELP.
pub const HELP: &str = "Ask away.";

/// Whether the text is a fixed sentence of the product.
fn is_fixed(text: &str) -> bool {
    [
        canned_replies::APOLOGY,
        canned_replies::RESET,
        canned_replies::NO_BUDGET,
        canned_replies::NO_MORE_TODAY,
        canned_replies::FILTERED,
        canned_replies::TOKEN_LIMIT,
    ]
    .contains(&text)
        || [
            canned_replies::NOT_AN_IMAGE,
            canned_replies::IMAGE_NOT_FETCHED,
            canned_replies::IMAGE_TOO_LARGE,
            canned_replies::NO_VOICE,
            canned_replies::VOICE_FORMAT,
            canned_replies::VOICE_TOO_LONG,
            canned_replies::VOICE_SILENT,
            canned_replies::VOICE_NOT_FETCHED,
            canned_replies::NO_IMAGES,
        ]
        .contains(&text)
        || text == HELP
        || [
            FixedText::NoText,
            FixedText::OptedOut,
            FixedText::OptedIn,
            FixedText::Erasing,
            FixedText::Erased,
            FixedText::HandedOver,
            FixedText::AssistantAgain,
            FixedText::IntakeSaved,
            FixedText::IntakeNotSaved,
        ]
        .iter()
        .any(|notice| notice.in_language(Language::English) == text)
        || text.starts_with("That message is too long for me.")
        || text.starts_with("That's more messages than I can take in.")
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
