//! Quotes: a message that the assistant reads is what the contact wrote, perhaps behind a quote of what was said before and is
//! not forgotten.
//!
//! Not here: whether a tapback is one (`messaging::inbound::tapback`): it is answered, or it gets nothing.

use super::{Invariants, records::Contact};

impl Invariants {
    /// This text of a message waits for an answer. The contact wrote `body`.
    pub(super) fn text_waits(&mut self, contact: &Contact, text: &str, body: &str) {
        if text == body {
            return;
        }
        let quoted: Vec<_> = text
            .lines()
            .map_while(|line| line.strip_prefix("> "))
            .collect();
        let rest: Vec<_> = text.lines().skip(quoted.len()).collect();
        let rest = rest.join("\n");
        self.check(!quoted.is_empty() && rest == body, || {
            format!("a message is read as {text:?}, not {body:?}")
        });
        self.count("messages with a quote");
        let quoted = letters(quoted.join("\n").trim_end_matches('…')).to_lowercase();
        // A keyword is remembered in its plain form: "Cancel!" as "cancel".
        let is_said = |said: &String| letters(said).to_lowercase().contains(&quoted);
        let known = contact.sayings.iter().any(is_said);
        self.check(known, || {
            format!("a message quotes what was not said, or is forgotten: {text:?}")
        });
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}
