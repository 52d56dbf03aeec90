//! Special words of contacts: those that steer an intake, reactions, and the ids of what they quote.
//!
//! Not here: who writes them, and when (`workload`).

use switchboard::messaging::keywords::Keyword;

use super::{fault_plan::MAX_MESSAGE_CHARS, state::Simulation};

/// What a contact says to an intake besides answers.
pub fn said_to_intake(sim: &Simulation, index: u64) -> (String, bool, Option<Keyword>) {
    let random = &sim.random;
    let (words, command): (&[&str], _) = match random.below(24) {
        0..12 => (&["Yes", "YES!"], Some(Keyword::OptIn)),
        12 => (&["no", "Nope"], None),
        13..15 => (&["1", "2.", "news", "Event"], None),
        15..19 => (&["menu", "Status", "back", "skip it", "Skip"], None),
        19 => (&["never mind", "cancel intake"], None),
        20..22 if index % 2 == 1 => (&["cancel", "Cancel!"], Some(Keyword::Cancel)),
        _ => (&["start over", "Reset"], None),
    };
    (random.pick(words).to_owned(), true, command)
}

/// A reaction to something that the contact got, or to something that nobody said.
pub fn tapback(sim: &Simulation, from: &str) -> String {
    let created = sim.created.borrow();
    let got = created.iter().rev().filter(|one| one.to == from).take(4);
    let got: Vec<&str> = got.filter_map(|one| one.body.as_deref()).collect();
    let nth = usize::try_from(sim.random.below(5)).unwrap();
    let text: String = match got.get(nth) {
        Some(text) => text.chars().take(MAX_MESSAGE_CHARS / 2).collect(),
        None => "Nobody has said that".to_owned(),
    };
    sim.count("tapbacks");
    format!("Liked “{}…”", text.trim())
}

/// The id of a message that the contact quotes: one of its own, an answer, or one that nobody knows.
pub fn quoted(sim: &Simulation, index: u64, number: u64, from: &str) -> String {
    let own = |number: u64| format!("SM{:032x}", (index + 1) * 0x1_0000 + number);
    match sim.random.below(4) {
        0 => own(number.saturating_sub(sim.random.between(1, 4))),
        1 => own(0xFFFF),
        _ => {
            let created = sim.created.borrow();
            let mut got = created.iter().rev().filter(|one| one.to == from);
            let nth = usize::try_from(sim.random.below(4)).unwrap();
            got.nth(nth).map_or(own(0xFFFF), |one| one.sid.clone())
        }
    }
}
