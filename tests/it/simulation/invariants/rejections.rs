//! What Twilio says of a message: that the contact has opted out there, and that it is on its way.
//!
//! Not here: the texts (`replies`).

use super::{Invariants, records::Contact};

/// Messages that are created within this time can arrive in any order.
const SHUFFLED: u64 = 1000;

impl Invariants {
    /// Twilio refuses a create that began then, because the contact has opted out there.
    pub fn refused_opted_out(&mut self, to: &str, began: u64, at: u64) {
        self.refused(to, at);
        let Some(contact) = self.contact_at(to) else {
            return;
        };
        contact.may_be_out = true;
        let knew = contact.told_out.is_some_and(|told| began > told) && !contact.untracked;
        self.check(!knew, || {
            "a message was sent to a contact that has opted out at Twilio".into()
        });
    }

    /// Twilio may report that the contact has opted out there.
    pub fn may_opt_out(&mut self, to: &str) {
        if let Some(contact) = self.contact_at(to) {
            contact.may_be_out = true;
        }
    }

    /// A create that began then was refused with the words that the contact has opted out at Twilio. That says nothing if the
    /// message was dropped meanwhile: the thread cannot tell then whether the contact has opted in since.
    pub fn told_by_refusal(&mut self, to: &str, began: u64, at: u64) {
        let contact = self.contact_at(to);
        let dropped_at = contact.and_then(|contact| contact.dropped_at);
        if dropped_at.is_none_or(|dropped| dropped < began) {
            self.told_opted_out(to, began, at);
        }
    }

    /// A thread was told that its contact has opted out at Twilio, about a message from `since`. That says nothing if the
    /// contact has opted in meanwhile.
    pub fn told_opted_out(&mut self, to: &str, since: u64, at: u64) {
        // A thread that cannot store it has to ask again.
        if self.patience == u64::MAX {
            return;
        }
        if let Some(contact) = self.contact_at(to)
            && contact.opted_in.is_none_or(|opted_in| opted_in < since)
        {
            contact.told_out.get_or_insert(at);
        }
    }

    /// A state was stored. If it is opted out, and Twilio has said so, then that is why.
    pub(super) fn opt_out_at_twilio_stored(&mut self, contact: &mut Contact, at: u64) {
        if contact.stored_out && contact.opted_out.is_none() && contact.may_be_out {
            self.count("opt-outs that Twilio reported");
            self.opted_out_by_twilio(contact, at);
        }
    }

    /// Twilio has created a message. The request began at `began`.
    pub fn in_order(&mut self, to: &str, began: u64, at: u64) {
        let forward = self.forward;
        let Some(contact) = self.contact_at(to) else {
            return;
        };
        // An erasure or an opt-out dropped the part while Twilio was slow. The thread has forgotten it, so
        // no later answer waits for it.
        if contact.dropped_at.is_some_and(|dropped| began <= dropped) {
            return;
        }
        let last = contact.last_created.replace(at);
        let ordered = forward && !contact.untracked && at >= contact.unordered_until;
        let early = ordered && last.is_some_and(|last| at < last + SHUFFLED);
        self.check(!early, || {
            "a part was created so early that it can arrive before the one before it".into()
        });
    }

    /// Twilio has passed on the last message, and says so.
    pub fn passed_on(&mut self, to: &str) {
        if let Some(contact) = self.contact_at(to) {
            contact.last_created = None;
        }
    }

    /// A create of unknown outcome began then. It can come out of order.
    pub fn order_unknown(&mut self, to: &str, began: u64) {
        if let Some(contact) = self.contact_at(to) {
            contact.unordered_until = began + 60_000;
        }
    }

    fn contact_at(&mut self, address: &str) -> Option<&mut Contact> {
        let mut contacts = self.contacts.values_mut();
        contacts.find(|contact| contact.has(address))
    }
}
