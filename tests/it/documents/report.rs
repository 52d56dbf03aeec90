//! Says what a document lacks, where to write it, and what to remove.
//!
//! Not here: reading documents and code.

use std::fmt::Display;

/// Fails unless `place` lists exactly the `expected` entries, in their order. `place` is a part of a file in words, such as
/// `README.md, table under "Settings"`.
pub fn assert_lists<F: Display, E: Display>(
    place: &str,
    found: impl IntoIterator<Item = F>,
    expected: impl IntoIterator<Item = E>,
) {
    let found: Vec<String> = found.into_iter().map(|entry| entry.to_string()).collect();
    let expected: Vec<String> = expected
        .into_iter()
        .map(|entry| entry.to_string())
        .collect();
    let problems = differences(place, &found, &expected, Order::OfTheCode);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The same where the order does not matter.
pub fn assert_has<F: Display, E: Display>(
    place: &str,
    found: impl IntoIterator<Item = F>,
    expected: impl IntoIterator<Item = E>,
) {
    let mut found: Vec<String> = found.into_iter().map(|entry| entry.to_string()).collect();
    let mut expected: Vec<String> = expected
        .into_iter()
        .map(|entry| entry.to_string())
        .collect();
    found.sort();
    expected.sort();
    let problems = differences(place, &found, &expected, Order::Any);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Whether entries have a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    OfTheCode,
    Any,
}

/// One sentence for each entry that is missing, unknown, or at the wrong place.
fn differences(place: &str, found: &[String], expected: &[String], order: Order) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, entry) in expected.iter().enumerate() {
        if !found.contains(entry) {
            let where_to = match (order, at.checked_sub(1)) {
                (Order::Any, _) => String::new(),
                (Order::OfTheCode, Some(before)) => {
                    format!(" Write it after {}.", expected[before])
                }
                (Order::OfTheCode, None) => " Write it at the beginning.".to_owned(),
            };
            problems.push(format!("{place}, lacks {entry}.{where_to}"));
        }
    }
    for entry in found.iter().filter(|entry| !expected.contains(entry)) {
        problems.push(format!(
            "{place}, has {entry}, which is unknown. Correct or remove it."
        ));
    }
    if !problems.is_empty() {
        return problems;
    }
    if found.len() > expected.len() {
        let twice = found
            .iter()
            .enumerate()
            .filter(|(at, entry)| found[..*at].contains(entry));
        return twice
            .map(|(_, entry)| format!("{place}, has {entry} twice. Remove one."))
            .collect();
    }
    let first = found.iter().zip(expected).find(|(one, other)| one != other);
    first
        .map(|(found, expected)| {
            format!("{place}, has {found} where {expected} belongs. Write {expected} there.")
        })
        .into_iter()
        .collect()
}

#[test]
fn a_missing_an_unknown_a_doubled_and_a_misplaced_entry_are_named_with_their_place() {
    let place = "README.md, table under \"Settings\"";
    let of = |found: &[&str], expected: &[&str]| {
        let owned = |entries: &[&str]| -> Vec<String> {
            entries.iter().map(|entry| (*entry).to_owned()).collect()
        };
        differences(place, &owned(found), &owned(expected), Order::OfTheCode).join("\n")
    };
    assert_eq!(of(&["A", "B"], &["A", "B"]), "");
    assert_eq!(
        of(&["A"], &["A", "MAX_ANSWER_TOKENS"]),
        format!("{place}, lacks MAX_ANSWER_TOKENS. Write it after A.")
    );
    let unordered = differences(place, &[], &["A".to_owned()], Order::Any);
    assert_eq!(unordered, [format!("{place}, lacks A.")]);
    assert_eq!(
        of(&["A", "OLD"], &["A"]),
        format!("{place}, has OLD, which is unknown. Correct or remove it.")
    );
    assert_eq!(
        of(&["A", "B", "A"], &["A", "B"]),
        format!("{place}, has A twice. Remove one.")
    );
    assert_eq!(
        of(&["B", "A"], &["A", "B"]),
        format!("{place}, has B where A belongs. Write A there.")
    );
}
