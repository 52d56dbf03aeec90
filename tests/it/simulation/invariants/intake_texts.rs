//! What a contact reads of an intake: only questions, texts of the product, values and drafts; and that it is saved, when it is.
//!
//! Not here: the values (`intake`).

use std::collections::BTreeSet;

use serde_json::Value;
use switchboard::config::{FixedText, Language};

use super::{
    Invariants,
    intake::{RESULT, texts},
    is_fixed,
    records::{Contact, TurnKey},
    stored_state::StoredState,
};

impl Invariants {
    /// The answer of an intake's turn that has ended, as the state holds it.
    pub(super) fn intake_answer(
        &mut self,
        contact: &mut Contact,
        name: &str,
        key: TurnKey,
        state: &StoredState,
    ) {
        let Some(turn) = contact.turns.get(&key) else {
            return;
        };
        if !self.has_intake || turn.answer.is_some() {
            return;
        }
        let Some(text) = state.answer_of(key.1).filter(|text| !is_fixed(text)) else {
            return;
        };
        let own = contact
            .intakes
            .current
            .iter()
            .flat_map(|one| one.values.values());
        let read = contact
            .intakes
            .read
            .iter()
            .filter(|(turn, ..)| *turn == key);
        let read = read.filter_map(|(.., value)| serde_json::from_str(value).ok());
        let mut values: BTreeSet<String> = contact.intakes.values.clone();
        values.extend(own.flat_map(texts));
        values.extend(read.collect::<Vec<Value>>().iter().flat_map(texts));
        for line in text.lines().filter(|line| !line.is_empty()) {
            let drafted = contact.intakes.drafts.contains(line);
            let known = drafted || is_known(line, &values);
            self.check(known, || {
                format!("an intake says what nobody wrote: {line}")
            });
        }
        let sms = !contact.address.starts_with("whatsapp:");
        contact.sayings.push(text.clone());
        let number = self.add_answer_by(name, text, sms);
        if let Some(turn) = contact.turns.get_mut(&key) {
            (turn.answer, turn.is_stored_answer) = (Some(number), true);
        }
    }

    /// The answers of an intake to a contact that is not followed: only that they are the product's.
    pub(super) fn untracked_answers(&mut self, contact: &Contact, name: &str, state: &StoredState) {
        if !self.has_intake {
            return;
        }
        for text in state.answers() {
            let key = (name.to_owned(), text.clone());
            if !is_fixed(&text) && !self.parts.contains_key(&key) {
                let sms = !contact.address.starts_with("whatsapp:");
                self.add_answer_by(name, text, sms);
            }
        }
    }

    /// A contact reads this. "Saved" is said only of what the service has taken.
    pub(super) fn told_of_intake(&mut self, contact: &mut Contact, text: &str, by: &str) {
        if contact.untracked {
            return;
        }
        let results = contact
            .handed
            .deliveries
            .iter()
            .filter(|one| one.purpose == RESULT);
        let (taken, others): (Vec<_>, Vec<_>) = results.partition(|one| one.taken);
        let lost = others.iter().filter(|one| one.ended.is_some()).count();
        let taken = taken.len();
        if text.starts_with(FixedText::IntakeSaved.in_language(Language::English)) {
            self.count("contacts that read that an intake is saved");
            contact.intakes.told_saved.insert(by.to_owned());
            let told = contact.intakes.told_saved.len();
            self.check(told <= taken, || {
                format!("a contact read {told} times that an intake is saved, and {taken} are")
            });
        }
        if text.starts_with(FixedText::IntakeNotSaved.in_language(Language::English)) {
            self.count("contacts that read that an intake is not saved");
            contact.intakes.told_lost.insert(by.to_owned());
            let told = contact.intakes.told_lost.len();
            self.check(told <= lost, || {
                format!(
                    "a contact read {told} times that an intake is not saved, and {lost} are not"
                )
            });
        }
    }
}

/// Whether a line is a question, a text of the product, a value after its label, or the model's reply to something besides.
fn is_known(line: &str, values: &BTreeSet<String>) -> bool {
    const QUESTIONS: [&str; 6] = [
        "What kind is it?",
        "What is its name?",
        "What is the e-mail address?",
        "What are the points?",
        "1. News",
        "2. Event",
    ];
    const LABELS: [&str; 4] = ["Kind", "Name", "E-mail", "Points"];
    let bare = line.trim_start_matches(['-', '•', '*', ' ']);
    let after_label = LABELS
        .iter()
        .find_map(|label| bare.strip_prefix(label)?.strip_prefix(':'));
    let is_value = |text: &str| text.is_empty() || values.contains(text);
    let mut fixed = FixedText::ALL.iter().flat_map(|text| {
        let text = text.in_language(Language::English);
        LABELS.map(|label| text.replace("{field}", label))
    });
    QUESTIONS.contains(&line)
        || values.contains(bare)
        || after_label.is_some_and(|value| is_value(value.trim()))
        || bare.starts_with("Gladly, note#")
        || is_fixed(line)
        || fixed.any(|text| text == line)
}
