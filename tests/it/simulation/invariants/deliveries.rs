//! Deliveries: the desk gets each message of a hand-off and each result of an intake at least once and in order, with one id
//! and one body, unless it is erased, or given up after a day and logged.
//!
//! Which messages are passed on is known from what contacts wrote. Only their ids and bodies are read from the stored state. Not
//! here: hand-offs (`hand_off`).

use serde::Deserialize;
use serde_json::Value;

use super::{Invariants, hand_off::LAG, intake, records::Contact, stored_state::StoredState};
use crate::simulation::fault_plan::DAY;

#[derive(Deserialize)]
pub(super) struct StoredDelivery {
    id: String,
    #[serde(default)]
    purpose: String,
    body: String,
}

pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) purpose: String,
    pub(super) body: String,
    pub(super) accepted: u64,
    pub(super) asked: bool,
    /// Whether the desk has taken it.
    pub(super) taken: bool,
    /// Since when it does not wait any more.
    pub(super) ended: Option<u64>,
}

impl Invariants {
    pub(super) fn deliveries_accepted(
        &mut self,
        contact: &mut Contact,
        state: &StoredState,
        at: u64,
    ) {
        for StoredDelivery { id, purpose, body } in &state.deliveries {
            let known = contact.handed.deliveries.iter();
            if let Some(known) = known.rev().find(|one| one.id == *id) {
                let same = known.body == *body && known.ended.is_none();
                self.check(same, || format!("a delivery changed, or came again: {id}"));
                continue;
            }
            let read: Value = serde_json::from_str(body).unwrap_or_default();
            if purpose == intake::RESULT {
                self.intake_handed_in(contact, &read);
            } else {
                self.message_passed_on(contact, id, &read);
            }
            contact.handed.deliveries.push(Delivery {
                id: id.clone(),
                purpose: purpose.clone(),
                body: body.clone(),
                accepted: at,
                asked: false,
                taken: false,
                ended: None,
            });
        }
        let left = contact.handed.passed.len();
        self.check(left == 0, || {
            format!("{left} messages of a hand-off were not passed on")
        });
    }

    fn message_passed_on(&mut self, contact: &mut Contact, id: &str, body: &Value) {
        let expected = contact.handed.passed.pop_front();
        let same = expected.as_ref().is_some_and(|(text, media)| {
            body["text"] == text.as_str() && body["media"] == *media && body["id"] == id
        });
        self.check(same, || {
            format!("the next message to pass on is {expected:?}, not {body}")
        });
        self.count("messages that were passed on to a person");
    }

    pub(super) fn deliveries_ended(&mut self, contact: &mut Contact, state: &StoredState, at: u64) {
        let mut given_up = 0;
        for one in &mut contact.handed.deliveries {
            let waits = state.deliveries.iter().any(|other| other.id == one.id);
            if one.ended.is_some() || waits {
                continue;
            }
            one.ended = Some(at);
            if !one.taken {
                given_up += 1;
                let (id, age) = (one.id.clone(), at - one.accepted);
                let due = age >= DAY || !self.forward;
                self.checks += 1;
                if !due && self.breach.is_none() {
                    self.breach = Some(format!(
                        "a message is lost that the desk has not taken: {id}, after {age} ms"
                    ));
                }
            }
        }
        contact.handed.given_up += given_up;
        for _ in 0..given_up {
            self.count("deliveries given up");
        }
    }

    /// A message has reached the desk.
    pub fn desk_asked(&mut self, name: &str, id: &str, body: &str, at: u64) {
        self.count("requests to the desk");
        let Some(mut contact) = self.contacts.remove(name) else {
            return;
        };
        if !contact.untracked {
            let all = &mut contact.handed.deliveries;
            match all.iter().position(|one| one.id == id) {
                None => self.check(false, || {
                    format!("the desk got what was not accepted, or not with this id: {id}")
                }),
                Some(nth) => {
                    let waits = all[..nth]
                        .iter()
                        .any(|one| one.ended.is_none() && one.purpose == all[nth].purpose);
                    let one = &mut all[nth];
                    self.check(!waits, || {
                        format!("the desk got {id} before an earlier one")
                    });
                    self.check(one.body == body, || {
                        format!("the desk got another body for {id}")
                    });
                    let late = one.ended.is_some_and(|end| at >= end + LAG);
                    self.check(!late, || {
                        format!("the desk got {id} after its end, or after an erasure")
                    });
                    if std::mem::replace(&mut one.asked, true) {
                        self.count("deliveries that were repeated");
                    }
                }
            }
        }
        self.contacts.insert(name.to_owned(), contact);
    }

    /// The desk has taken a message.
    pub fn desk_took(&mut self, name: &str, id: &str) {
        let contact = self.contacts.get_mut(name);
        let all = contact.map(|contact| &mut contact.handed.deliveries);
        if let Some(one) = all.and_then(|all| all.iter_mut().find(|one| one.id == id)) {
            one.taken = true;
            self.count("messages that a desk took");
        }
    }

    /// The id that a delivery would have if a repeat had another one.
    pub fn id_of_a_repeat(&self, name: &str, id: &str) -> String {
        let contact = self.contacts.get(name);
        let asked = contact.is_some_and(|contact| {
            let mut all = contact.handed.deliveries.iter();
            all.any(|one| one.id == id && one.asked)
        });
        if asked {
            format!("{id}again")
        } else {
            id.to_owned()
        }
    }

    /// It was logged that a delivery was given up.
    pub(super) fn delivery_logged(&mut self, value: &Value) {
        if value["outcome"] != "given_up" {
            return;
        }
        let hash = value["phone_hash"].as_str().unwrap_or_default();
        let name = self.hashes.get(hash).cloned().unwrap_or_default();
        let Some(contact) = self.contacts.get_mut(&name).filter(|one| !one.untracked) else {
            return;
        };
        let was = contact.handed.given_up;
        contact.handed.given_up = was.saturating_sub(1);
        self.check(was > 0, || {
            "a delivery was logged as given up that was not".into()
        });
    }

    /// An object has vanished. It may not have logged what it gave up.
    pub(super) fn given_up_unlogged(contact: &mut Contact) {
        contact.handed.given_up = 0;
    }
}
