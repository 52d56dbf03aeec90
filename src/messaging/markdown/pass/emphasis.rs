//! Emphasis: its delimiters become the mark of the channel, or nothing.
//!
//! Not here: which mark an element gets (`pass`), and what is no emphasis (`guards`).

use std::ops::Range;

use super::Pass;
use crate::messaging::markdown::guards::is_literal;

impl Pass<'_> {
    /// `**Note:**text` is no emphasis in CommonMark, because the second `**` stands between a mark and
    /// a letter. Models write it and mean bold, above all in languages without spaces.
    pub(super) fn stray_bold(&mut self, range: &Range<usize>) {
        let before = self
            .text
            .get(..range.start)
            .and_then(|head| head.chars().last());
        let after = self.at(range.end);
        let ends = before.is_some_and(|c| ".:,!?;)。：，！？；）」』》”".contains(c))
            && after.is_some_and(char::is_alphanumeric);
        let begins = after.is_some_and(|c| !c.is_whitespace())
            && !before.is_some_and(|c| c.is_ascii_alphanumeric());
        match self.stray.take() {
            Some(start) if ends => {
                let mark = if self.whatsapp && self.bold == 0 {
                    "*"
                } else {
                    ""
                };
                self.delimiters(&(start..range.end), 2, mark);
            }
            _ if begins => self.stray = Some(range.start),
            _ => {}
        }
    }

    /// Replaces the delimiters of emphasis by `mark`, unless a person means them as they stand.
    pub(super) fn delimiters(&mut self, outer: &Range<usize>, length: usize, mark: &str) {
        let inner = outer.start.saturating_add(length)..outer.end.saturating_sub(length);
        let within_url = |at: usize| self.urls.iter().any(|url| url.contains(&at));
        if is_literal(self.text, outer, &inner)
            || within_url(outer.start)
            || within_url(outer.end.saturating_sub(1))
        {
            return;
        }
        // WhatsApp shows marks as they are that touch a letter or go beyond a line.
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let before = self
            .text
            .get(..outer.start)
            .and_then(|head| head.chars().last());
        let content = self.text.get(inner.clone()).unwrap_or_default();
        let is_shown = content.contains('\n') || touches(before) || touches(self.at(outer.end));
        let mark = if is_shown { "" } else { mark };
        self.edits.replace(outer.start..inner.start, mark);
        self.edits.replace(inner.end..outer.end, mark);
    }
}
