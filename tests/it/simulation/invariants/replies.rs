//! Answers to webhooks, and messages by REST: the right text, to the right contact, once.
//!
//! Not here: how many a day may have (`bounds`).

use switchboard::config::{FixedText, Language};

use super::{Invariants, is_fixed};

impl Invariants {
    /// A thread asks Twilio to send this.
    pub fn sending(&mut self, name: &str) {
        let out = self
            .contacts
            .get(name)
            .is_some_and(|contact| contact.opted_out.is_some());
        self.check(!out, || {
            "something was sent to a contact that is opted out".into()
        });
    }

    /// A webhook of this message got a 200 with these texts.
    pub fn answered(&mut self, sid: &str, texts: &[String], at: u64) {
        let Some(message) = self.messages.get_mut(sid) else {
            return;
        };
        message.answered += 1;
        let name = message.contact.clone();
        if let Some(mut contact) = self.contacts.remove(&name) {
            let first = texts.first().map(String::as_str);
            self.told_of_hand_off(&mut contact, sid, first);
            self.contacts.insert(name.clone(), contact);
        }
        let Some(first) = texts.first() else { return };
        if let Some(mut contact) = self.contacts.remove(&name) {
            self.told_of_intake(&mut contact, first, sid);
            self.contacts.insert(name.clone(), contact);
        }
        // An answer may have been on its way when the contact opted out.
        let by_rest = self.contacts[&name]
            .opted_out
            .is_some_and(|since| at > since + 5000);
        let about_consent = [FixedText::OptedOut, FixedText::OptedIn]
            .iter()
            .any(|notice| notice.in_language(Language::English) == first);
        self.check(!by_rest || about_consent, || {
            format!("a contact that is opted out was answered: {first}")
        });
        let part_of = |part: &String| (name.clone(), part.clone());
        let Some(answers) = self.parts.get(&part_of(first)) else {
            self.check(texts.len() == 1 && is_fixed(first), || {
                format!("a webhook got a text that nobody wrote to this contact: {first}")
            });
            if let Some(mut contact) = self.contacts.remove(&name) {
                self.got_fixed(&mut contact, first, sid, at);
                self.contacts.insert(name, contact);
            }
            return;
        };
        let contact = &self.contacts[&name];
        let is_its = |answer: usize| {
            contact
                .turns
                .values()
                .any(|turn| turn.answer == Some(answer) && turn.sids.iter().any(|one| one == sid))
        };
        let its = answers.iter().copied().find(|answer| is_its(*answer));
        let (in_turn, answer, alone) =
            (its.is_some(), its.unwrap_or(answers[0]), answers.len() == 1);
        let whole = self.answers[answer].parts == texts;
        self.check(whole, || "a webhook got a part of an answer".into());
        if self.contacts[&name].untracked {
            return;
        }
        self.check(in_turn, || {
            format!("the webhook of {sid} got the answer to another message")
        });
        let carriers = self.by_webhook.entry(answer).or_default();
        carriers.insert(sid.to_owned());
        let carriers = carriers.len();
        self.check(carriers == 1, || {
            "one answer was given to the webhooks of two messages".into()
        });
        let by_rest = self.answers[answer]
            .parts
            .iter()
            .any(|part| self.sent.contains_key(&part_of(part)));
        self.check(!by_rest || !alone, || {
            "an answer was given to a webhook, and sent by REST".into()
        });
        self.count("webhooks that carried an answer");
    }

    /// Twilio has created a message.
    pub fn sent(&mut self, to: &str, body: &str, at: u64) {
        self.count("REST messages");
        self.cost_a_message();
        let name = self
            .contacts
            .iter()
            .find(|(_, contact)| contact.has(to))
            .map(|(name, _)| name.clone())
            .unwrap_or_default();
        let Some(mut contact) = self.contacts.remove(&name) else {
            return self.check(false, || "a message was sent to nobody".into());
        };
        contact.created += 1;
        // What comes after a reset can be quoted, whenever it was said.
        contact.sayings.push(body.to_owned());
        contact.unconfirmed.push_back(body.to_owned());
        let untracked = contact.untracked;
        let key = (name.clone(), body.to_owned());
        let fixed = !self.parts.contains_key(&key);
        if fixed {
            self.check(is_fixed(body), || {
                format!("a text was sent that nobody wrote to this contact: {body}")
            });
            contact.fixed_sent += 1;
            let by = format!("REST {}", contact.fixed_sent);
            self.got_fixed(&mut contact, body, &by, at);
            self.told_by_rest(&mut contact, body);
        }
        let by = format!("REST {}", contact.created);
        self.told_of_intake(&mut contact, body, &by);
        self.contacts.insert(name, contact);
        let Some(answers) = self.parts.get(&key) else {
            return;
        };
        let (answer, of) = (answers[0], answers.len() as u64);
        let times = self.sent.entry(key).or_default();
        *times += 1;
        let times = *times;
        if untracked {
            return;
        }
        self.check(times <= of, || {
            format!(
                "a part was sent {times} times: {}",
                body.chars().take(60).collect::<String>()
            )
        });
        self.check(of > 1 || !self.by_webhook.contains_key(&answer), || {
            "an answer was sent by REST, and given to a webhook".into()
        });
    }

    /// Twilio has refused to create a message.
    pub fn refused(&mut self, to: &str, at: u64) {
        if let Some(contact) = self.contacts.values_mut().find(|contact| contact.has(to)) {
            contact.refused_at = Some(at);
        }
    }
}
