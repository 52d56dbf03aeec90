//! Requests to the model: each one reserved, one turn at a time, and about the turn that is stored.
//!
//! Not here: the caps of a day (`bounds`), and the conversation in a request (`conversation`).

use switchboard::{
    conversation::history::Turn,
    twilio::{parts, segments},
};

use super::{
    Invariants, is_fixed,
    records::{Answer, TurnRecord},
};
use crate::simulation::{fault_plan::MAX_SEGMENTS, intake::Form};

impl Invariants {
    /// An incarnation of a thread may make one request.
    pub fn may_ask(&mut self, name: &str, incarnation: u64) {
        if let Some(contact) = self.contacts.get_mut(name) {
            *contact.grants.entry(incarnation).or_default() += 1;
        }
    }

    /// A request to transcribe has reached the endpoint: reserved, and not while the model is asked.
    pub fn transcribing(&mut self, name: &str, incarnation: u64, at: u64) {
        let Some(mut contact) = self.contacts.remove(name) else {
            return;
        };
        self.count("transcriptions");
        let granted = contact.grants.entry(incarnation).or_default();
        let reserved = *granted > 0;
        *granted = granted.saturating_sub(1);
        self.check(reserved, || {
            "a voice note was transcribed without a reservation".into()
        });
        self.check(
            !contact.handed.runs() || contact.has_just_cancelled(at),
            || "a voice note was transcribed during a hand-off".into(),
        );
        self.check(contact.at_model == 0, || {
            "a voice note was transcribed while the model was asked".into()
        });
        self.cost_a_request(&mut contact, at);
        if let Some(turn) = contact.open.and_then(|key| contact.turns.get_mut(&key)) {
            turn.transcriptions += 1;
            contact.transcribed_turns += u64::from(turn.transcriptions == 1);
            // Three attempts for each voice note, in each of two incarnations.
            let (made, most) = (turn.transcriptions, 6 * turn.sids.len());
            self.check(made <= u64::try_from(most).unwrap(), || {
                format!("a turn was transcribed {made} times")
            });
        }
        self.contacts.insert(name.to_owned(), contact);
    }

    /// A request has reached the model. `turns` is the conversation in it, `input` the new input.
    pub fn asked(
        &mut self,
        name: &str,
        incarnation: u64,
        turns: &[Turn],
        input: &str,
        form: Option<&Form>,
        at: u64,
    ) {
        let Some(mut contact) = self.contacts.remove(name) else {
            return;
        };
        self.count("model requests");
        let granted = contact.grants.entry(incarnation).or_default();
        let reserved = *granted > 0;
        *granted = granted.saturating_sub(1);
        self.check(reserved, || {
            "a model request was made without a reservation".into()
        });
        self.check(contact.at_model == 0, || {
            "two turns of one contact are at the model at once".into()
        });
        contact.at_model += 1;
        self.cost_a_request(&mut contact, at);
        if contact.untracked {
            self.contacts.insert(name.to_owned(), contact);
            return;
        }
        // A cancelled turn ends in storage a moment before its task notices.
        let just_cancelled = |turn: &TurnRecord| {
            turn.cancelled
                .is_some_and(|cancelled| at < cancelled + 1000)
                && (turn.input == input || matches!(form, Some(Form::Draft(_))))
        };
        if contact.turns.values().any(just_cancelled) {
            self.count("requests of turns that were just cancelled");
            self.contacts.insert(name.to_owned(), contact);
            return;
        }
        self.check(!contact.handed.runs(), || {
            format!("the model was asked during a hand-off: {input}")
        });
        let texts = turns
            .iter()
            .flat_map(|turn| [turn.user.as_str(), turn.assistant.as_str()])
            .chain([input]);
        for text in texts {
            self.check(!is_fixed(text), || {
                format!("a fixed sentence was sent to the model: {text}")
            });
        }
        let open = contact.open.filter(|_| contact.unlogged.is_none());
        match open.and_then(|key| contact.turns.get_mut(&key)) {
            Some(turn) if matches!(form, Some(Form::Draft(_))) => {
                turn.drafts += 1;
                // Two drafts in each of two incarnations.
                let (drafts, most) = (turn.drafts, 4 * (self.endpoints + 2) + turn.mendable);
                self.check(drafts <= most, || {
                    format!("a turn asked {drafts} times for a draft")
                });
            }
            Some(turn) => {
                turn.requests += 1;
                if turn.requests > 1 && !turn.incarnations.contains(&incarnation) {
                    self.count("turns begun again");
                }
                turn.incarnations.insert(incarnation);
                if turn.asked != input || !turn.inputs.contains_key(&incarnation) {
                    input.clone_into(&mut turn.asked);
                    *turn.inputs.entry(incarnation).or_default() += 1;
                }
                let inputs: u64 = turn.inputs.values().sum();
                let most_inputs = 2 + u64::from(turn.attempt);
                let anew = turn.inputs[&incarnation] > 1;
                let (requests, begun) = (turn.requests, turn.incarnations.len());
                let most = most_inputs * (self.endpoints + 2) + turn.mendable;
                self.check(turn.input == input && !turn.reset, || {
                    format!("the model was asked something else than the turn: {input}")
                });
                if anew {
                    self.count("turns asked anew");
                }
                self.check(inputs <= most_inputs, || {
                    format!("a turn was asked anew too often: {inputs} inputs")
                });
                self.check(requests <= most && begun <= 2, || {
                    format!("a turn was at the model {requests} times, in {begun} incarnations")
                });
            }
            None => self.check(false, || {
                format!("the model was asked outside of a stored turn: {input}")
            }),
        }
        match form {
            None => self.conversation(&mut contact, turns, at, "a model request"),
            Some(form) => {
                self.check(self.has_intake && turns.is_empty(), || {
                    "a request of an intake has a conversation".into()
                });
                if let Form::Draft(fields) = form {
                    self.count("drafts");
                    self.asked_for_draft(&contact, fields);
                }
            }
        }
        self.contacts.insert(name.to_owned(), contact);
    }

    /// The model has found a conversation of so many turns too long.
    pub fn told_too_long(&mut self, name: &str, turns: usize) {
        self.count("conversations that were too long");
        let Some(contact) = self.contacts.get_mut(name) else {
            return;
        };
        contact.may_be_left = Some(contact.may_be_left.unwrap_or(turns).min(turns / 2));
        // A shorter conversation may be lost with its object, before KV has it.
        contact.read_trouble = true;
        self.told_mendable(name);
    }

    /// The model has refused a field.
    pub fn told_unsupported(&mut self, name: &str) {
        self.count("fields that were refused");
        self.told_mendable(name);
    }

    /// The turn may make one more request.
    pub(super) fn told_mendable(&mut self, name: &str) {
        let Some(contact) = self.contacts.get_mut(name) else {
            return;
        };
        if let Some(turn) = contact.open.and_then(|key| contact.turns.get_mut(&key)) {
            turn.mendable += 1;
        }
    }

    /// Whether a request of this thread is under way.
    pub fn is_asking(&self, name: &str) -> bool {
        self.contacts
            .get(name)
            .is_some_and(|contact| contact.at_model > 0)
    }

    /// The object has the model's answer, or has stopped waiting.
    pub fn model_left(&mut self, name: &str, answer: Option<usize>) {
        let Some(contact) = self.contacts.get_mut(name) else {
            return;
        };
        contact.at_model = contact.at_model.saturating_sub(1);
        if let (Some(key), Some(answer)) = (contact.open, answer)
            && let Some(turn) = contact.turns.get_mut(&key)
        {
            turn.answer = Some(answer);
            let text = self.answers[answer].text.clone();
            contact.sayings.push(text);
        }
    }

    /// Records an answer, and returns its number.
    pub fn add_answer(&mut self, contact: &str, text: String) -> usize {
        let sms = self
            .contacts
            .get(contact)
            .is_none_or(|contact| !contact.address.starts_with("whatsapp:"));
        self.add_answer_by(contact, text, sms)
    }

    /// Records an answer by SMS or on another channel.
    pub(super) fn add_answer_by(&mut self, contact: &str, text: String, sms: bool) -> usize {
        let text = if sms {
            segments::fit(&text, MAX_SEGMENTS)
        } else {
            text
        };
        let number = self.answers.len();
        let parts = parts::split(&text);
        for part in &parts {
            let key = (contact.to_owned(), part.clone());
            self.parts.entry(key).or_default().push(number);
        }
        self.answers.push(Answer {
            contact: contact.to_owned(),
            text,
            parts,
        });
        number
    }
}
