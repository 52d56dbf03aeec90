//! What is logged: known events without personal data, and each end of a turn once. Also what a kill makes unknown.
//!
//! Not here: the end that storage shows (`stored`).

use serde_json::Value;
use switchboard::conversation::history::Turn;

use super::{Invariants, MARKERS, records::Contact};

impl Invariants {
    /// An incarnation of an object has vanished.
    pub fn killed(&mut self, name: &str, at: u64) {
        let Some(contact) = self
            .contacts
            .get_mut(name)
            .filter(|contact| !contact.untracked)
        else {
            return;
        };
        if contact.opted_out.is_none() {
            // It may not have stored what it was told.
            contact.told_out = None;
        }
        Self::given_up_unlogged(contact);
        if let Some(turn) = contact.open.and_then(|key| contact.turns.get_mut(&key)) {
            (turn.works, turn.waits) = (None, at);
            (turn.calls_person, turn.is_handed_over) = (false, false);
        }
        if contact
            .refused_at
            .take()
            .is_some_and(|refused| at < refused + 2000)
        {
            // The object may have stored that it gave up the answer, without logging it.
            contact.give_ups += 1;
        }
        if let Some(key) = contact.unlogged.take() {
            // Nobody knows any more whether it was answered.
            contact.loose = true;
            contact.fixed_allowed += 1;
            let answer = contact.turns.get_mut(&key).and_then(|turn| {
                turn.unlogged = true;
                turn.answer.map(|answer| (turn.input.clone(), answer))
            });
            if let Some((user, answer)) = answer {
                contact.history.push((
                    Turn {
                        user,
                        assistant: self.answers[answer].text.clone(),
                    },
                    true,
                ));
                contact.last_answered = contact.last_end;
            }
            self.count("ends that a kill left unlogged");
        }
    }

    /// A line of the log.
    pub fn logged(&mut self, line: &str, object: Option<&str>) {
        const EVENTS: [&str; 22] = [
            "call_dialled",
            "call_hung_up",
            "tool_called",
            "field_omitted",
            "endpoint_failed",
            "conversation_shortened",
            "security_event",
            "turn",
            "outbox_part",
            "conversation_unreadable",
            "kv_failed",
            "object_failed",
            "internal_error",
            "delivery",
            "hand_off",
            "signed_webhook",
            "studio_flow",
            "typing_refused",
            "consent",
            "message_ignored",
            "erased",
            "intake",
        ];
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let event = value["event"].as_str().unwrap_or_default();
        self.check(EVENTS.contains(&event) && !line.contains('\n'), || {
            format!("a log line is not an event: {line}")
        });
        self.check(!MARKERS.iter().any(|marker| line.contains(marker)), || {
            format!("a log line holds personal data: {line}")
        });
        // Damage is the only reason for an internal error.
        let damaged = object.is_none_or(|name| {
            self.contacts
                .get(name)
                .is_none_or(|contact| contact.damaged)
        });
        self.check(event != "internal_error" || damaged, || {
            format!("an internal error: {line}")
        });
        match event {
            "outbox_part" => self.part_logged(&value),
            "signed_webhook" => self.delivery_logged(&value),
            "turn" => self.turn_logged(&value, object),
            "conversation_unreadable" => {
                // The object gives up a read that takes too long. The fake KV does not see that.
                if let (Some(name), "kv_failed" | "storage_failed") =
                    (object, text(&value, "reason"))
                {
                    self.kv_read_failed(name);
                }
            }
            _ => {}
        }
    }

    /// A part that was to be sent by REST was sent or given up.
    fn part_logged(&mut self, value: &Value) {
        let outcome = text(value, "outcome");
        self.count(match outcome {
            "sent" => "REST parts sent",
            "rejected" => "REST parts rejected",
            "unknown" => "REST parts unknown",
            _ => "REST parts undeliverable",
        });
        let mut real = true;
        if let Some(contact) = self
            .hashes
            .get(text(value, "phone_hash"))
            .and_then(|name| self.contacts.get_mut(name))
        {
            if outcome == "sent" {
                contact.logged_sent += 1;
                // It can be quoted from now on, also if a reset came between.
                contact.sayings.extend(contact.unconfirmed.pop_front());
                real = contact.untracked || contact.logged_sent <= contact.created;
            } else {
                contact.give_ups += 1;
            }
        }
        self.check(real, || {
            "a part was logged as sent that Twilio has not created".into()
        });
    }

    fn turn_logged(&mut self, value: &Value, object: Option<&str>) {
        let (outcome, reply_via) = (text(value, "outcome"), text(value, "reply_via"));
        // The questions of an intake cost no request to the model. They have a limit of their own.
        let is_of_model = value["model_requests"].as_u64() != Some(0);
        self.check(
            outcome != "answered" || reply_via != "none" || !is_of_model,
            || "an answer of the model's was withheld".into(),
        );
        if reply_via == "none" && outcome != "cancelled" {
            self.count("answers withheld");
        }
        let Some(name) = object else { return };
        let Some(mut contact) = self.contacts.remove(name) else {
            return;
        };
        if contact.untracked {
            contact.rest_turns += u64::from(outcome == "answered" && reply_via == "rest");
        } else if outcome == "cancelled" {
            let cancelled = contact.turns.values().any(|turn| turn.cancelled.is_some());
            self.check(cancelled && reply_via == "none", || {
                format!("a turn was cancelled by nobody: {value}")
            });
        } else {
            self.end_logged(&mut contact, value);
        }
        self.contacts.insert(name.to_owned(), contact);
    }

    /// An object could not store something.
    pub fn commit_failed(&mut self, name: &str) {
        let contact = self.contacts.get_mut(name);
        if let Some(turn) = contact.and_then(|contact| contact.turns.get_mut(&contact.open?)) {
            turn.may_begin_again = true;
        }
    }

    /// The end of a turn that is stored as ended.
    fn end_logged(&mut self, contact: &mut Contact, value: &Value) {
        let key = contact.unlogged.take();
        self.check(key.is_some(), || {
            format!("an end was logged that is not stored: {value}")
        });
        let Some(turn) = key.and_then(|key| contact.turns.get_mut(&key)) else {
            return;
        };
        let (outcome, reply_via) = (text(value, "outcome"), text(value, "reply_via"));
        let messages = value["messages"]
            .as_u64()
            .and_then(|number| usize::try_from(number).ok());
        self.check(messages == Some(turn.sids.len()), || {
            format!(
                "a turn of {} messages was logged as {value}",
                turn.sids.len()
            )
        });
        let number = |field: &str| value[field].as_u64().unwrap_or(0);
        let possible = number("joined") < turn.sids.len() as u64 && number("asked_again") <= 2;
        self.check(possible, || format!("joins that cannot be: {value}"));
        self.check(outcome != "failed" || value["failure"].is_string(), || {
            format!("a failure without a reason: {value}")
        });
        self.check(!self.one_is_well || !is_of_an_endpoint(value), || {
            format!("no answer came, although an endpoint was well: {value}")
        });
        self.count(match (outcome, reply_via) {
            ("answered", "webhook") => "answered by webhook",
            ("answered", _) => "answered by REST",
            ("reset", _) => "reset",
            ("handed_over", _) => "turns that the model handed over",
            _ => "failed",
        });
        let hands_over = turn.hands_over || contact.handed.runs();
        let kept = if outcome == "handed_over" {
            hands_over
        } else {
            // A turn that was cut off twice has stored nothing. A turn whose end could not be stored begins
            // again, and can fail before it asks the model.
            !turn.is_handed_over || turn.may_begin_again || text(value, "failure") == "interrupted"
        };
        self.check(kept, || {
            format!("the model handed over, and it was not kept: {value}")
        });
        if outcome == "answered" {
            self.check(turn.answer.is_some(), || {
                "a turn was answered without the model".into()
            });
            // A turn without the conversation does not show that it had expired.
            let before = contact.last_answered.zip(contact.last_end);
            if turn.is_stored_answer && before.is_some_and(|(end, now)| now >= end + self.ttl) {
                contact.excused = contact.history.len();
            }
            if let Some(answer) = turn.answer {
                let (user, assistant) = (turn.input.clone(), self.answers[answer].text.clone());
                contact.history.push((Turn { user, assistant }, false));
                contact.last_answered = contact.last_end;
            }
        } else if reply_via == "rest" {
            contact.fixed_allowed += 1;
        }
        // A reset that was given up may have erased the conversation in KV before.
        contact.loose |= outcome == "failed" && turn.reset;
        turn.outcome = Some((outcome.to_owned(), reply_via.to_owned()));
        if outcome == "reset" {
            // A hand-off may have ended since.
            let before = contact.history_at_end.min(contact.history.len());
            contact.history.drain(..before);
            (contact.excused, contact.forbidden) = (0, 0);
            contact
                .turns
                .values_mut()
                .for_each(|turn| turn.erased = true);
        }
    }
}

/// Whether a turn failed because of an endpoint.
fn is_of_an_endpoint(turn: &Value) -> bool {
    [
        "timeout",
        "connection_failed",
        "unreadable",
        "busy",
        "insufficient_quota",
        "unauthorized",
        "model_not_found",
        "rejected",
        "server_error",
    ]
    .contains(&text(turn, "failure"))
}

/// A text field of an event, or an empty text.
fn text<'v>(event: &'v Value, field: &str) -> &'v str {
    event[field].as_str().unwrap_or_default()
}
