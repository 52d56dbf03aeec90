//! Hand-offs: the assistant is silent, the contact is told once, and what is said becomes part of the conversation.
//!
//! Not here: what the desk gets (`deliveries`), and how it fails (`simulation::hand_off`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, de::IgnoredAny};
use switchboard::{
    config::{FixedText, Language},
    conversation::history::Turn,
    messaging::keywords::Keyword,
};

use super::{
    Invariants,
    deliveries::Delivery,
    records::{Contact, Message, TurnRecord},
    stored_state::StoredState,
};
use crate::simulation::fault_plan::MAX_MESSAGE_CHARS;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct StoredHandOff {
    running: Option<StoredRunning>,
    said: Vec<IgnoredAny>,
    sent: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct StoredRunning {
    by: String,
}

/// The hand-offs of a contact.
#[derive(Default)]
pub struct Handed {
    /// What was said in the hand-off that runs.
    running: Option<Vec<Line>>,
    begins: usize,
    /// The messages that begun one, and when.
    begun_by: BTreeMap<String, u64>,
    /// The messages whose webhooks told of one.
    told: BTreeSet<String>,
    told_by_rest: usize,
    /// Texts and numbers of files that must be delivered, but are no deliveries yet.
    pub(super) passed: VecDeque<(String, u64)>,
    /// All deliveries, in order.
    pub(super) deliveries: Vec<Delivery>,
    /// The operator's answers that were accepted.
    said: BTreeSet<String>,
    /// Deliveries that were given up, which is not logged yet.
    pub(super) given_up: u64,
}

struct Line {
    at: u64,
    by_operator: bool,
    text: String,
}

/// A request that is on its way when its reason ends may arrive this much later, in milliseconds.
pub(super) const LAG: u64 = 1000;

impl Handed {
    /// Nothing of it is followed any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn runs(&self) -> bool {
        self.running.is_some()
    }
}

impl Contact {
    /// Whether a turn was cancelled a moment ago.
    pub(super) fn has_just_cancelled(&self, at: u64) -> bool {
        let just = |turn: &TurnRecord| turn.cancelled.is_some_and(|since| at < since + LAG);
        self.turns.values().any(just)
    }

    /// The contact writes this during a hand-off.
    pub(super) fn passes_on(&mut self, message: &Message, at: u64) {
        let Some(lines) = &mut self.handed.running else {
            return;
        };
        let files = (message.media > 0).then(|| format!("[{} files]", message.media));
        let words = Some(message.text.clone()).filter(|text| !text.is_empty());
        // The assistant reads no more of a message, later.
        let cut = |text: String| match text.char_indices().nth(MAX_MESSAGE_CHARS - 1) {
            Some((at, last)) if at + last.len_utf8() < text.len() => format!("{}…", &text[..at]),
            _ => text,
        };
        lines.push(Line {
            at,
            by_operator: false,
            text: words
                .map(cut)
                .into_iter()
                .chain(files)
                .collect::<Vec<_>>()
                .join("\n"),
        });
        let passed = (message.text.clone(), message.media);
        self.handed.passed.push_back(passed);
    }
}

impl Invariants {
    /// Begins and ends a hand-off as the stored state does, before its new messages are looked at.
    pub(super) fn hand_off_stored(&mut self, contact: &mut Contact, state: &StoredState, at: u64) {
        let running = state.hand_off.running.as_ref();
        let runs = running.is_some();
        let by_model = running.is_some_and(|running| running.by == "assistant");
        if by_model && !contact.handed.runs() {
            self.model_hands_over(contact, at);
        } else if runs && !contact.handed.runs() {
            self.hand_off_begins(contact, at);
            let new = |sid: &&str| !contact.admitted.contains(*sid);
            let mut sids = state.records.iter().map(|seen| seen.sid.as_str());
            match sids.rfind(new).map(str::to_owned) {
                Some(sid) => drop(contact.handed.begun_by.insert(sid, at)),
                None => self.count("hand-offs by an operator"),
            }
        } else if !runs && contact.handed.runs() && !self.has_new_erasure(contact, state) {
            self.hand_off_ends(contact, at);
        }
    }

    fn has_new_erasure(&self, contact: &Contact, state: &StoredState) -> bool {
        let mut sids = state.records.iter().map(|seen| &seen.sid);
        sids.any(|sid| {
            let message = self.messages.get(sid);
            let erases = message.is_some_and(|one| one.command == Some(Keyword::Erase));
            erases && !contact.admitted.contains(sid)
        })
    }

    /// What waits for an answer is passed on instead.
    fn hand_off_begins(&mut self, contact: &mut Contact, at: u64) {
        self.count("hand-offs");
        contact.handed.running = Some(Vec::new());
        contact.handed.begins += 1;
        let mut waiting = Vec::new();
        if let Some(turn) = contact
            .open
            .take()
            .and_then(|key| contact.turns.get_mut(&key))
        {
            self.count("turns that a hand-off cancelled");
            (turn.ended, turn.cancelled) = (true, Some(at));
            turn.outcome = Some(("cancelled".into(), "none".into()));
            waiting.clone_from(&turn.sids);
        }
        contact.owed -= contact.queue.len();
        waiting.extend(contact.queue.drain(..));
        for sid in waiting {
            let message = self.messages.get(&sid).cloned().unwrap_or_default();
            if message.passes || message.command == Some(Keyword::Cancel) {
                contact.passes_on(&message, at);
            }
        }
    }

    /// The model hands over at the end of a turn. Its messages and those that wait are passed on.
    fn model_hands_over(&mut self, contact: &mut Contact, at: u64) {
        self.count("hand-offs");
        self.count("hand-offs by the model");
        contact.handed.running = Some(Vec::new());
        contact.handed.begins += 1;
        let turn = contact.open.and_then(|key| contact.turns.get_mut(&key));
        let asked = turn.as_ref().is_some_and(|turn| turn.is_handed_over);
        self.check(asked, || {
            "a hand-off of the model's that it has not asked for".into()
        });
        let mut passed = Vec::new();
        if let Some(turn) = turn {
            // Its answer is the fixed text, and nothing that the model said.
            (turn.hands_over, turn.answer) = (true, None);
            passed.clone_from(&turn.sids);
        }
        contact.owed -= contact.queue.len();
        passed.extend(contact.queue.drain(..));
        for sid in passed {
            let message = self.messages.get(&sid).cloned().unwrap_or_default();
            if message.passes || message.command == Some(Keyword::Cancel) {
                contact.passes_on(&message, at);
            }
        }
    }

    /// What was said becomes part of the conversation.
    fn hand_off_ends(&mut self, contact: &mut Contact, at: u64) {
        self.count("hand-offs that ended");
        let mut lines = contact.handed.running.take().unwrap_or_default();
        lines.retain(|line| at - line.at < self.ttl);
        if lines.is_empty() {
            return;
        }
        if contact
            .last_answered
            .is_some_and(|end| at >= end + self.ttl)
        {
            contact.forbidden = contact.history.len();
            contact.excused = contact.forbidden;
        }
        let turns = into_turns(lines);
        contact
            .history
            .extend(turns.into_iter().map(|turn| (turn, false)));
        contact.last_answered = Some(at);
    }

    /// What the state holds of a hand-off and of deliveries, after its new messages were looked at.
    pub(super) fn deliveries_stored(
        &mut self,
        contact: &mut Contact,
        state: &StoredState,
        has_reset: bool,
        at: u64,
    ) {
        for id in &state.hand_off.sent {
            if contact.handed.said.insert(id.clone()) {
                self.count("answers of operators");
                let text = self.operator_texts.get(id).cloned().unwrap_or_default();
                if let Some(lines) = &mut contact.handed.running {
                    let by_operator = true;
                    lines.push(Line {
                        at,
                        by_operator,
                        text,
                    });
                }
            }
        }
        if let Some(lines) = &mut contact.handed.running {
            let kept = state.hand_off.said.len();
            let surplus = lines.len().saturating_sub(kept);
            let gone: Vec<_> = lines.drain(..surplus).collect();
            let known = lines.len() == kept;
            let ttl = self.ttl;
            let old = |line: &Line| at - line.at >= ttl;
            let forward = self.forward;
            self.check(
                known && (has_reset || !forward || gone.iter().all(old)),
                || "a hand-off has forgotten what was said, or made it up".into(),
            );
        }
        self.deliveries_accepted(contact, state, at);
        self.deliveries_ended(contact, state, at);
    }

    /// An erasure drops what waits, and the hand-off.
    pub(super) fn hand_off_erased(&mut self, contact: &mut Contact, at: u64) {
        contact.handed.running = None;
        let waiting = contact.handed.deliveries.iter_mut();
        let mut dropped = 0;
        for one in waiting.filter(|one| one.ended.is_none()) {
            one.ended = Some(at);
            dropped += 1;
        }
        for _ in 0..dropped {
            self.count("deliveries that an erasure dropped");
        }
    }

    /// An operator writes an answer.
    pub fn operator_writes(&mut self, name: &str, id: &str, text: &str) {
        self.add_answer(name, text.to_owned());
        self.operator_repeats(id, text);
    }

    /// An operator's answer comes with this id.
    pub fn operator_repeats(&mut self, id: &str, text: &str) {
        self.operator_texts.insert(id.to_owned(), text.to_owned());
    }

    /// A contact was told by REST that a person comes, perhaps.
    pub(super) fn told_by_rest(&mut self, contact: &mut Contact, text: &str) {
        if contact.untracked || text != FixedText::HandedOver.in_language(Language::English) {
            return;
        }
        self.count("contacts that were told of a hand-off");
        contact.handed.told_by_rest += 1;
        self.told_once(contact);
    }

    fn told_once(&mut self, contact: &Contact) {
        let handed = &contact.handed;
        let (told, begins) = (handed.told.len() + handed.told_by_rest, handed.begins);
        self.check(told <= begins, || {
            format!("a contact was told {told} times of {begins} hand-offs")
        });
    }

    /// A webhook of this message got these texts.
    pub(super) fn told_of_hand_off(
        &mut self,
        contact: &mut Contact,
        sid: &str,
        first: Option<&str>,
    ) {
        if contact.untracked {
            return;
        }
        let notice = FixedText::HandedOver.in_language(Language::English);
        let tells = first == Some(notice);
        if tells {
            contact.handed.told.insert(sid.to_owned());
            self.told_once(contact);
            self.count("contacts that were told of a hand-off");
        } else if let Some(begun) = contact.handed.begun_by.get(sid) {
            let cancelled = contact.dropped_at.is_some_and(|at| at >= *begun);
            let all_fixed_answers = contact.admissions.len() >= 40;
            self.check(cancelled || all_fixed_answers, || {
                "a contact that asked for a person was not told that one comes".into()
            });
        }
    }

    pub(super) fn end_handed(&mut self, name: &str, contact: &Contact) {
        let handed = &contact.handed;
        self.check(!handed.runs(), || "a hand-off never ended".into());
        let waits = handed.deliveries.iter().filter(|one| one.ended.is_none());
        let waits = waits.count();
        self.check(waits == 0 && handed.given_up == 0, || {
            let given_up = handed.given_up;
            format!("{waits} deliveries wait, {given_up} were given up without a word")
        });
        for id in &handed.said {
            let text = self.operator_texts.get(id);
            let key = text.map(|text| (name.to_owned(), text.clone()));
            let sent = key.is_some_and(|key| self.sent.contains_key(&key));
            self.check(sent || contact.give_ups > 0, || {
                format!("an operator's answer was never sent: {id}")
            });
        }
    }
}

/// The lines as turns: those of the contact, and the answers to them.
fn into_turns(lines: Vec<Line>) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for Line {
        by_operator, text, ..
    } in lines
    {
        let begins = turns
            .last()
            .is_none_or(|turn| !by_operator && !turn.assistant.is_empty());
        if begins {
            turns.push(Turn {
                user: String::new(),
                assistant: String::new(),
            });
        }
        let turn = turns.last_mut().unwrap();
        let side = if by_operator {
            &mut turn.assistant
        } else {
            &mut turn.user
        };
        if !side.is_empty() {
            side.push('\n');
        }
        side.push_str(&text);
    }
    turns
}
