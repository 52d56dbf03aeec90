//! Intakes: their values are those that the model has read or the contact has chosen, nothing but a turn changes them, each
//! is handed in once, and "saved" is said only when it is.
//!
//! From the stored state, only the intake and the text of a turn's answer are read. Not here: what the model reads
//! (`simulation::intake`), what a contact reads (`intake_texts`), and how a delivery is sent (`deliveries`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Invariants,
    records::{Contact, TurnKey},
    stored_state::StoredState,
};
use crate::simulation::intake::{FIELDS, LIFETIME, NEVER_READ};

/// The purpose of its delivery.
pub(super) const RESULT: &str = "intake_result";

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct StoredIntakes {
    current: Option<StoredIntake>,
    handing: Vec<Value>,
}

#[derive(Clone, Deserialize, PartialEq)]
pub(super) struct StoredIntake {
    stage: Value,
    #[serde(default)]
    pub(super) values: BTreeMap<String, Value>,
    #[serde(default)]
    skipped: BTreeSet<String>,
    since: u64,
    until: u64,
}

/// What a turn or the outbox holds of an answer.
#[derive(Deserialize)]
pub(super) struct StoredAnswer {
    pub(super) turn: u64,
    pub(super) text: String,
}

/// The intakes of a contact.
#[derive(Default)]
pub struct Intakes {
    pub(super) current: Option<StoredIntake>,
    /// The values that the model has read in each turn.
    pub(super) read: BTreeSet<(TurnKey, String, String)>,
    /// All texts of values of the current intake.
    pub(super) values: BTreeSet<String>,
    pub(super) drafts: BTreeSet<String>,
    /// When the intakes began that were handed in.
    pub(super) handed_in: BTreeSet<u64>,
    /// What told of it: that it is saved, or that it never will be.
    pub(super) told_saved: BTreeSet<String>,
    pub(super) told_lost: BTreeSet<String>,
    /// The contact opted out, or its data was erased: it may not be told.
    pub(super) was_dropped: bool,
}

impl StoredIntake {
    fn is_open(&self) -> bool {
        self.stage != "ended"
    }
}

impl Intakes {
    pub(super) fn is_open(&self) -> bool {
        self.current.as_ref().is_some_and(StoredIntake::is_open)
    }

    /// An opt-out or an erasure has ended it.
    pub(super) fn drop_all(&mut self) {
        (self.current, self.was_dropped) = (None, true);
        self.values.clear();
    }
}

impl Invariants {
    /// The model answers that it has read this value.
    pub fn model_reads(&mut self, name: &str, field: &str, value: &Value) {
        let Some(contact) = self.contacts.get_mut(name) else {
            return;
        };
        if let Some(turn) = contact.open {
            let value = as_stored(field, value);
            contact
                .intakes
                .read
                .insert((turn, field.to_owned(), value.to_string()));
        }
    }

    /// The model drafts this, which states only what the fields do.
    pub fn model_drafts(&mut self, name: &str, draft: &str) {
        if let Some(contact) = self.contacts.get_mut(name) {
            contact.intakes.drafts.insert(draft.to_owned());
        }
    }

    /// A request for a draft has only values that somebody said.
    pub(super) fn asked_for_draft(&mut self, contact: &Contact, fields: &Value) {
        let known = |(field, value): (&String, &Value)| {
            let in_state = contact.intakes.current.as_ref();
            in_state.is_some_and(|one| one.values.get(field) == Some(value))
                || self.was_read(contact, contact.open, field, value)
        };
        let fields = fields.as_object();
        let holds = fields.is_some_and(|fields| !fields.is_empty() && fields.iter().all(known));
        self.check(holds, || {
            format!("a draft is asked of other fields: {fields:?}")
        });
    }

    /// Whether the turn may give this value to this field.
    fn was_read(
        &self,
        contact: &Contact,
        turn: Option<TurnKey>,
        field: &str,
        value: &Value,
    ) -> bool {
        let Some(turn) = turn else { return false };
        let by_model = (turn, field.to_owned(), value.to_string());
        let chosen = || {
            let input = contact
                .turns
                .get(&turn)
                .map(|turn| turn.input.to_lowercase());
            let input = input.unwrap_or_default();
            let choice = value.as_str().unwrap_or_default().to_lowercase();
            let number = if choice == "news" { "1" } else { "2" };
            field == "kind"
                && [choice.as_str(), number].contains(&input.trim_end_matches(['.', '!']))
        };
        contact.intakes.read.contains(&by_model) || chosen()
    }

    /// What the state holds of an intake. `ends` is the turn that ends with it.
    pub(super) fn intake_stored(
        &mut self,
        contact: &mut Contact,
        state: &StoredState,
        ends: Option<TurnKey>,
        at: u64,
    ) {
        let before = contact.intakes.current.take();
        let now = self.start + at;
        let new = state.intakes.current.clone();
        let is_reset = ends.is_some_and(|key| contact.turns.get(&key).is_some_and(|one| one.reset));
        let is_handed_in = state.intakes.handing.iter().any(|one| {
            let since = one["since"].as_u64();
            since.is_some() && since == new.as_ref().map(|one| one.since)
        });
        if let Some(before) = &before {
            let goes_on = new.as_ref().filter(|one| one.since == before.since);
            match goes_on {
                None => {
                    let over = is_reset || now >= before.until || !self.forward;
                    self.check(over, || "an intake is gone before its time".into());
                    self.count("intakes that expired or began again");
                }
                Some(new) if !new.is_open() => {
                    let may_end = !before.is_open() || ends.is_some() || is_handed_in;
                    self.check(may_end && new.values.is_empty(), || {
                        "an intake ended by itself, or has not forgotten its values".into()
                    });
                }
                Some(new) => self.intake_goes_on(contact, before, new, ends),
            }
        }
        let is_same = |one: &StoredIntake| before.as_ref().is_some_and(|it| it.since == one.since);
        if let Some(begun) = new.as_ref().filter(|one| !is_same(one)) {
            self.count("intakes");
            self.check(ends.is_some(), || "an intake began by itself".into());
            contact.intakes.values.clear();
            for (field, value) in &begun.values {
                let holds = self.was_read(contact, ends, field, value);
                self.check(holds, || {
                    format!("an intake begins with a value that nobody said: {value}")
                });
            }
        }
        if let Some(new) = &new {
            let longest = now + self.ttl.max(LIFETIME);
            self.check(new.until <= longest || !self.forward, || {
                "an intake is kept too long".into()
            });
            for (field, value) in &new.values {
                let fits = is_of_kind(field, value);
                self.check(fits, || {
                    format!("a value that is not of its kind: {field} {value}")
                });
            }
            contact
                .intakes
                .values
                .extend(new.values.values().flat_map(texts));
        }
        contact.intakes.current = new;
    }

    /// Values change only by what a turn has read, and none is lost.
    fn intake_goes_on(
        &mut self,
        contact: &Contact,
        before: &StoredIntake,
        new: &StoredIntake,
        ends: Option<TurnKey>,
    ) {
        self.check(before.is_open(), || {
            "an intake goes on after its end".into()
        });
        let unchanged = before == new;
        self.check(unchanged || ends.is_some(), || {
            "an intake changed without a turn".into()
        });
        for field in before.values.keys() {
            self.check(new.values.contains_key(field), || {
                format!("an intake has lost a value: {field}")
            });
        }
        for (field, value) in &new.values {
            let same = before.values.get(field) == Some(value);
            let holds = same || self.was_read(contact, ends, field, value);
            self.check(holds, || {
                format!("an intake has a value that nobody said: {field} {value}")
            });
            if !same && before.values.contains_key(field) {
                self.count("values that were corrected");
            }
        }
        for field in before.skipped.difference(&new.skipped) {
            let has_value = new.values.contains_key(field);
            let is_asked = new.stage["asking"] == field.as_str();
            self.check(has_value || is_asked, || {
                format!("a field is not left out any more: {field}")
            });
        }
    }

    /// A result was put among the deliveries.
    pub(super) fn intake_handed_in(&mut self, contact: &mut Contact, body: &Value) {
        let current = contact.intakes.current.as_ref();
        let since = current.map(|one| one.since);
        let known = |(field, value): (&String, &Value)| {
            let stored = current.and_then(|one| one.values.get(field));
            stored == Some(value) || self.was_read(contact, contact.open, field, value)
        };
        let fields = body["fields"].as_object();
        let is_whole = fields.is_some_and(|fields| {
            fields.contains_key("kind") && fields.contains_key("name") && fields.iter().all(known)
        });
        self.check(is_whole, || {
            format!("what is handed in is not what was said: {fields:?}")
        });
        let draft = body["draft"].as_str().unwrap_or_default();
        let is_read = NEVER_READ.iter().any(|words| draft.contains(words));
        self.check(!draft.is_empty() && !is_read, || {
            format!("a draft states what no field does: {draft}")
        });
        let is_first = since.is_some_and(|since| contact.intakes.handed_in.insert(since));
        self.check(is_first, || {
            "an intake was handed in twice, under two ids".into()
        });
        self.count("intakes that were handed in");
        contact.fixed_allowed += 1;
    }

    pub(super) fn end_intakes(&mut self, contact: &Contact) {
        let intakes = &contact.intakes;
        self.check(intakes.current.is_none(), || "an intake never ended".into());
        let results = contact
            .handed
            .deliveries
            .iter()
            .filter(|one| one.purpose == RESULT);
        let results = results.count();
        let mut all = self.messages.iter();
        let left = all.any(|(sid, message)| contact.admitted.contains(sid) && message.failed > 0);
        let silent = contact.admissions.len() >= 40;
        let excused = intakes.was_dropped || contact.give_ups > 0 || left || silent;
        let told = intakes.told_saved.len() + intakes.told_lost.len();
        self.check(excused || told == results, || {
            format!("{results} intakes were handed in, and a contact was told of {told}")
        });
    }
}

/// A value as the state holds it.
fn as_stored(field: &str, value: &Value) -> Value {
    match (field, value.as_str()) {
        ("kind", Some("event")) => "Event".into(),
        _ => value.clone(),
    }
}

fn is_of_kind(field: &str, value: &Value) -> bool {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    match field {
        "kind" => value == "News" || value == "Event",
        "email" => value
            .as_str()
            .is_some_and(|text| text.ends_with("@xyzzy.example")),
        "points" => value
            .as_array()
            .is_some_and(|all| !all.is_empty() && all.iter().all(is_text)),
        _ => FIELDS.contains(&field) && is_text(value),
    }
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    let all = value
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![value.clone()]);
    all.iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
