//! Blocks: headings, fences, quotes, list items and tables.
//!
//! Not here: what stands within a line (`pass`, `emphasis`, `links`).

use std::ops::Range;

use super::{Code, Open, Pass};
use crate::messaging::markdown::guards::is_comparison;

impl Pass<'_> {
    /// A heading as a line of its own, in bold where the channel can show it.
    pub(super) fn heading(&mut self, open: &Open<'_>) {
        let Some(content) = open.content.clone() else {
            return self.edits.remove(open.range.clone());
        };
        let mark = if self.whatsapp { "*" } else { "" };
        let end = open.range.start.saturating_add(
            self.text
                .get(open.range.clone())
                .unwrap_or_default()
                .trim_end()
                .len(),
        );
        let underline = self.text.get(content.end..end).unwrap_or_default().trim();
        let is_setext = self.at(open.range.start) != Some('#');
        // A line such as `--` before a signature makes no heading.
        if is_setext && underline.len() < 3 {
            return;
        }
        if self.is_before_rule(&open.range) {
            // A line above `---` is no heading, and the rule is a blank line.
            let dashes = end.saturating_sub(underline.len());
            return self.edits.remove(dashes..end);
        }
        self.edits.replace(open.range.start..content.start, mark);
        self.edits.replace(content.end..end, mark);
    }

    /// Whether a heading is text above a line of dashes.
    pub(super) fn is_before_rule(&self, heading: &Range<usize>) -> bool {
        let source = self.text.get(heading.clone()).unwrap_or_default();
        !source.trim_start().starts_with('#') && source.trim_end().ends_with('-')
    }

    /// Removes the lines of a code fence, or on WhatsApp the name of the language.
    pub(super) fn fence(&mut self, range: &Range<usize>, info: &str) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let Some(first_end) = source.find('\n') else {
            return;
        };
        let first_end = range.start.saturating_add(first_end);
        if self.whatsapp {
            if !info.is_empty() && self.is(range, "```") {
                self.edits.remove(range.start.saturating_add(3)..first_end);
            }
            return;
        }
        if self.code == Code::Marked {
            return;
        }
        self.edits.remove(range.start..first_end.saturating_add(1));
        let body = source.trim_end();
        let last = body.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let closing = body.get(last..).unwrap_or_default();
        let is_fence = ["```", "~~~"]
            .iter()
            .any(|fence| closing.trim_start_matches([' ', '>']).starts_with(fence));
        if last > 0 && is_fence {
            let end = range.start.saturating_add(body.len());
            self.edits.remove(range.start.saturating_add(last)..end);
        }
    }

    /// Removes the marks of a quote at the beginning of its lines.
    pub(super) fn block_quote(&mut self, range: &Range<usize>) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let mut start = range.start;
        for line in source.split_inclusive('\n') {
            let unquoted = line.trim_start_matches([' ', '>']);
            let length = line.len().saturating_sub(unquoted.len());
            if line.get(..length).is_some_and(|marks| marks.contains('>'))
                && !line
                    .get(..length)
                    .is_some_and(|marks| is_comparison(marks, unquoted))
            {
                self.edits.remove(start..start.saturating_add(length));
            }
            start = start.saturating_add(line.len());
        }
    }

    /// `*` before an item becomes `-`, which is not read as emphasis. Other marks and all numbers stay.
    pub(super) fn item(&mut self, range: &Range<usize>) {
        let has_text = self
            .text
            .get(range.clone())
            .is_some_and(|item| item.trim().len() > 1);
        if has_text && self.at(range.start) == Some('*') {
            self.edits
                .replace(range.start..range.start.saturating_add(1), "-");
        }
    }

    /// A row without its outer bars. After the first row, the line of dashes goes.
    pub(super) fn table_row(&mut self, range: &Range<usize>) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let inner = source.trim();
        let inner = inner.strip_prefix('|').unwrap_or(inner).trim_start();
        let inner = inner.strip_suffix('|').unwrap_or(inner).trim_end();
        let start = range.start.saturating_add(offset_in(source, inner));
        self.edits.remove(range.start..start);
        let end = start.saturating_add(inner.len());
        let line_end = |from: usize| {
            let rest = self.text.get(from..).unwrap_or_default();
            from.saturating_add(rest.find('\n').unwrap_or(rest.len()))
        };
        let row_end = line_end(end);
        self.edits.remove(end..row_end);
        let dashes_start = row_end.saturating_add(1).min(self.text.len());
        let dashes_end = line_end(dashes_start);
        let dashes = self.text.get(dashes_start..dashes_end).unwrap_or_default();
        let is_dashes = dashes.contains('-') && dashes.chars().all(|c| "|-: \t>".contains(c));
        if is_dashes {
            self.edits.remove(row_end..dashes_end);
        }
    }
}

/// Where `part` begins in `whole`, whose end or middle it is.
fn offset_in(whole: &str, part: &str) -> usize {
    whole.find(part).unwrap_or_default()
}
