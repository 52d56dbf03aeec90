//! Tests of the draft: what it may state, and the one that code lays out.

use super::{press_release, whole};
use crate::messaging::intake::{Problems, check_draft, plain};

#[test]
fn a_draft_states_no_number_quotation_or_address_that_no_field_has() {
    let (_, state) = whole();
    for (draft, numbers, quotations, addresses) in [
        (
            "The prize of 25000 euros, on December 5, 2026.",
            false,
            false,
            false,
        ),
        (
            "“We build boats that last,” says Ana Holm.",
            false,
            false,
            false,
        ),
        (
            "Write to ana@birch.example or +15550142.",
            false,
            false,
            false,
        ),
        ("The prize of 26,000 euros.", true, false, false),
        ("It has 4 employees.", true, false, false),
        ("It has ٤٢٠ employees.", true, false, false),
        (
            "\"We build the best boats,\" says Ana Holm.",
            false,
            true,
            false,
        ),
        ("“We build boats", false, true, false),
        ("Write to press@birch.example.", false, false, true),
        ("See birch.com for more.", false, false, true),
        ("Call +15550143.", true, false, true),
    ] {
        let expected = Problems {
            numbers,
            quotations,
            addresses,
            length: false,
        };
        assert_eq!(check_draft(draft, &state), expected, "{draft}");
    }
    assert!(check_draft(" ", &state).length);
    assert!(check_draft(&"x".repeat(6001), &state).length);
}

#[test]
fn the_fields_laid_out_by_code_pass_the_check() {
    let (config, state) = whole();
    let text = plain(&state, press_release(&config).1);
    assert_eq!(check_draft(&text, &state), Problems::default(), "{text}");
    // Every name in it, a capital within a line, is in a field or is a label.
    let facts = state.facts().join(" ");
    for line in text.lines() {
        let said = line.split_once(": ").map_or(line, |(_, said)| said);
        for word in said.split(|c: char| !c.is_alphanumeric()) {
            let is_name = word.chars().next().is_some_and(char::is_uppercase);
            assert!(!is_name || facts.contains(word), "{word}");
        }
    }
}
