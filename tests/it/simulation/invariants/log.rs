//! What is logged: known events without personal data, and each end of a turn once. Also what a kill makes unknown.
//!
//! Not here: the end that storage shows (`stored`).

use switchboard::conversation::history::Turn;

use super::{Invariants, MARKERS};

impl Invariants {
    /// An incarnation of an object has vanished.
    pub fn killed(&mut self, name: &str, at: u64) {
        let Some(sender) = self
            .senders
            .get_mut(name)
            .filter(|sender| !sender.untracked)
        else {
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
            "outbox_part",
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
        if event == "outbox_part" {
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
                    real = sender.untracked || sender.logged_sent <= sender.created;
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
            // A read that takes too long is given up, which the fake KV does not see.
            self.kv_read_failed(name);
        }
        if event != "turn" {
            return;
        }
        self.check(
            text("outcome") != "answered" || text("reply_via") != "none",
            || "an answer of the model's was withheld".into(),
        );
        if text("reply_via") == "none" && text("outcome") != "cancelled" {
            self.count("answers withheld");
        }
        let Some(name) = object else { return };
        if let Some(sender) = self.senders.get_mut(name).filter(|sender| sender.untracked) {
            sender.late_turns +=
                u64::from(text("outcome") == "answered" && text("reply_via") == "rest");
            return;
        }
        let Some(mut sender) = self.senders.remove(name) else {
            return;
        };
        if text("outcome") == "cancelled" {
            let cancelled = sender.turns.values().any(|turn| turn.cancelled.is_some());
            self.check(cancelled && text("reply_via") == "none", || {
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
            let (outcome, reply_via) = (text("outcome"), text("reply_via"));
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
            self.count(match (outcome.as_str(), reply_via.as_str()) {
                ("answered", "webhook") => "answered inline",
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
            } else if reply_via == "rest" {
                sender.fixed_allowed += 1;
            }
            // A reset that was given up may have erased the conversation in KV before.
            sender.loose |= outcome == "failed" && turn.reset;
            if outcome == "reset" {
                sender.history.clear();
                (sender.excused, sender.forbidden) = (0, 0);
                erased = true;
            }
            turn.outcome = Some((outcome, reply_via));
        }
        if erased {
            sender
                .turns
                .values_mut()
                .for_each(|turn| turn.erased = true);
        }
        self.senders.insert(name.to_owned(), sender);
    }
}
