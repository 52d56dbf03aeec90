//! Edits of a text: ranges that are removed or replaced. Everything else stays as it is.
//!
//! Not here: which edits there are (`pass`).

use std::ops::Range;

/// The edits of one text, in any order.
#[derive(Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Removes the range.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.replace(range, String::new());
    }

    /// Replaces the range.
    pub(super) fn replace(&mut self, range: Range<usize>, by: impl Into<String>) {
        self.0.push((range, by.into()));
    }

    /// The edited text. An edit within another one is left out, and so is one that is not within the
    /// text. Lines that became empty leave at most one blank line.
    pub(super) fn apply(mut self, text: &str) -> String {
        self.0
            .sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut edited = String::with_capacity(text.len());
        let mut at = 0;
        for (range, by) in &self.0 {
            let Some(between) = text.get(at..range.start) else {
                continue;
            };
            if text.get(range.clone()).is_none() {
                continue;
            }
            edited.push_str(between);
            edited.push_str(by);
            at = range.end;
        }
        edited.push_str(text.get(at..).unwrap_or_default());
        if edited == text {
            return edited;
        }
        while edited.contains("\n\n\n") {
            edited = edited.replace("\n\n\n", "\n\n");
        }
        edited.trim().to_owned()
    }
}
