//! The caps of a UTC day: requests to the model, requests of one contact, messages by REST, fixed sentences.
//!
//! The budget object says for which day it has counted a reservation. What a contact uses is counted by the clock, while the
//! clock only goes forward. Under a clock that steps back or jumps, the cap times the number of days that it has shown must
//! hold. Not here: the rate limit (`stored`).

use std::collections::BTreeMap;

use switchboard::{
    config::{FixedText, Language},
    conversation::budget::{Item, Reservation},
    messaging::{MAX_CANNED_REPLIES_PER_DAY, canned_replies},
};

use super::{Invariants, records::Contact};
use crate::simulation::fault_plan::DAY;

/// The longest time between counting a request and its arrival at the model.
const REQUEST_LAG: u64 = 60_000;
/// The longest time between counting a fixed sentence and its delivery by a late copy or by REST.
const REPLY_LAG: u64 = 1_800_000;

/// How often something happened on each UTC day.
#[derive(Default)]
pub struct DayCount(BTreeMap<u64, u64>);

impl DayCount {
    /// Counts one more for the day of `at`, and returns the count of that day. Shortly after midnight the product may have
    /// counted for the day before, so that day is filled first.
    fn add(&mut self, at: u64, lag: u64, cap: u64) -> u64 {
        let (day, counted_from) = (at / DAY, at.saturating_sub(lag) / DAY);
        let before = (counted_from < day && self.on(counted_from) < cap).then_some(counted_from);
        let count = self.0.entry(before.unwrap_or(day)).or_default();
        *count += 1;
        *count
    }

    fn on(&self, day: u64) -> u64 {
        self.0.get(&day).copied().unwrap_or(0)
    }
}

impl Invariants {
    /// The budget object has granted an item for this day.
    pub fn granted(&mut self, item: Item, day: u64) {
        // A clock that jumps ahead opens a new day, and the count of the old day is lost.
        let (day, days) = if self.jumps {
            (0, self.openings.get())
        } else {
            (day, 1)
        };
        let (grants, cap, what) = match item {
            Item::ModelRequest => (&mut self.granted_requests, self.cap, "requests"),
            Item::Message => (&mut self.granted_messages, self.message_cap, "messages"),
            Item::CallMinute => panic!("`calls` counts the minutes"),
        };
        let granted = grants.entry(day).or_default();
        *granted += 1;
        let (granted, cap) = (*granted, cap * days);
        self.check(granted <= cap, || {
            format!("{granted} {what} were granted on one day, over the cap of {cap}")
        });
    }

    /// A request of this contact has reached the model.
    pub(super) fn cost_a_request(&mut self, contact: &mut Contact, at: u64) {
        contact.requests += 1;
        let (requests, cap) = (contact.requests, self.contact_cap * self.openings.get());
        self.check(contact.damaged || requests <= cap, || {
            format!("a contact had {requests} requests, over its cap of {cap}")
        });
        if self.forward && !contact.damaged {
            let cap = self.contact_cap;
            let today = contact
                .requests_by_day
                .add(self.start + at, REQUEST_LAG, cap);
            self.check(today <= cap, || {
                format!("a contact had {today} requests on one day, over its cap of {cap}")
            });
        }
    }

    /// Twilio has created a message.
    pub(super) fn cost_a_message(&mut self) {
        self.created += 1;
        let (created, cap) = (self.created, self.message_cap * self.openings.get());
        self.check(created <= cap + self.unknown_creates, || {
            format!("{created} messages were created, over the cap of {cap}")
        });
        let granted: u64 = self.granted_messages.values().sum();
        self.check(created <= granted + self.unknown_creates, || {
            format!("{created} messages were created, and {granted} were reserved")
        });
    }

    /// A contact got a fixed sentence, on a webhook or by REST. Copies of a message count once.
    pub(super) fn got_fixed(&mut self, contact: &mut Contact, text: &str, by: &str, at: u64) {
        let at = self.start + at;
        let by_day = self.forward && !contact.damaged;
        // A turn that had a voice note transcribed has cost a request. Whatever it says then is not counted.
        let most = u64::from(MAX_CANNED_REPLIES_PER_DAY) + contact.transcribed_turns;
        if [canned_replies::NO_BUDGET, canned_replies::NO_MORE_TODAY].contains(&text) {
            if contact.told.insert(by.to_owned()) && by_day {
                let today = contact.told_by_day.add(at, REPLY_LAG, 1);
                self.check(today <= 1, || {
                    format!("a contact was told {today} times on one day that the day is used up")
                });
            }
        } else if ![
            canned_replies::APOLOGY,
            canned_replies::FILTERED,
            canned_replies::TOKEN_LIMIT,
            FixedText::HandedOver.in_language(Language::English),
            FixedText::IntakeSaved.in_language(Language::English),
            FixedText::IntakeNotSaved.in_language(Language::English),
        ]
        .contains(&text)
        {
            // The four others may have cost a request to the model, and the end of an intake is told once.
            if contact.fixed.insert(by.to_owned()) && by_day {
                let today = contact.fixed_by_day.add(at, REPLY_LAG, most);
                self.check(today <= most, || {
                    format!("a contact got {today} fixed answers on one day")
                });
            }
        }
        let (days, told, fixed) = (
            self.openings.get(),
            contact.told.len() as u64,
            contact.fixed.len() as u64,
        );
        self.check(contact.damaged || told <= days, || {
            format!("a contact was told {told} times that the day is used up, in {days} days")
        });
        self.check(contact.damaged || fixed <= most * days, || {
            format!("a contact got {fixed} fixed answers in {days} days")
        });
        if fixed == u64::from(MAX_CANNED_REPLIES_PER_DAY) {
            self.count("contacts that got all fixed answers of the day");
        }
    }

    /// Two days after a clock that had jumped was right again, the budget object was asked for one request.
    pub fn asked_after_a_jump(&mut self, reservation: Option<Reservation>) {
        self.count("budgets that were asked after a clock jump");
        self.check(reservation == Some(Reservation::Granted), || {
            format!("the budget does not open again after a clock jump: {reservation:?}")
        });
    }

    /// On this day the budget object found its count damaged.
    pub fn budget_unreadable(&mut self, day: u64) {
        self.budget_unreadable = Some(day);
    }

    /// On this day the budget object said that a cap is reached. A run never reaches the large caps, but an unreadable count
    /// closes the day.
    pub fn exhausted(&mut self, cap: u32, day: u64) {
        let holds = cap < 1000 || !self.forward || self.budget_unreadable == Some(day);
        self.check(holds, || {
            "the budget is used up on a day on which it is not".into()
        });
        if cap >= 1000 {
            self.count("days that a damaged budget closed");
        }
    }

    /// A thread was told that no message can be sent by REST today.
    pub fn no_message_left(&mut self, name: &str, at: u64) {
        if let Some(contact) = self.contacts.get_mut(name) {
            contact.refused_at = Some(at);
        }
    }

    /// The outcome of a create is unknown. An object whose clock has jumped does not find the message in Twilio's list, and
    /// creates it again.
    pub fn unknown_create(&mut self) {
        self.unknown_creates += u64::from(self.jumps);
    }
}
