//! Markdown: an answer that the model marked up becomes what the channel can show.
//!
//! SMS, RCS and Messenger get plain text, WhatsApp its own marks. Lines stay lines, and whatever is
//! not clearly markup comes out as it came in. CommonMark would change more than people want: it
//! takes indented text for code, renumbers lists, and reads `2*3*4` and `^_^` as emphasis. Not
//! here: length limits and parts (`twilio::segments`, `twilio::parts`). The rules of delimiter runs,
//! links and code spans are those of CommonMark 0.31, tables and `~~` those of GitHub Flavored
//! Markdown. WhatsApp's marks: WhatsApp, "How to format your messages". Why no library parses:
//! docs/model.md.

mod blocks;
mod emphasis;
mod entities;
mod html;
mod inline;
mod lines;
mod links;
mod marks;
mod tables;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use crate::identity::Channel;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Plain text.
    Plain,
    /// Plain text in which code, escapes and entities keep their marks.
    PlainWithLiterals,
    /// WhatsApp's marks.
    WhatsApp,
}

/// An answer as `channel` can show it.
///
/// Nothing visible is added but `(`, `)`, `:`, `|`, `-`, `>` and WhatsApp's marks. The result has at
/// most 4 bytes more than the answer, and 2 more for each `|`, `>` and tab in it. Plain text that is
/// converted again stays the same.
#[must_use]
pub fn to_channel(answer: &str, channel: Channel) -> String {
    let shown = if channel == Channel::WhatsApp {
        blocks::render(answer, Form::WhatsApp)
    } else {
        plain(answer)
    };
    if shown.trim().is_empty() {
        // An answer of marks alone, such as `---`.
        return answer.to_owned();
    }
    shown
}

/// An answer can hold markup within markup within markup, but not so often.
const MAX_PASSES: usize = 50;

/// Plain text that reads the same when it is converted again.
fn plain(answer: &str) -> String {
    let mut text = answer.to_owned();
    for _ in 0..MAX_PASSES {
        let next = pass(&text);
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// One conversion. If code such as `__init__` would read as markup without its marks, code, escapes
/// and entities keep theirs.
fn pass(text: &str) -> String {
    let bare = blocks::render(text, Form::Plain);
    if bare == text || blocks::render(&bare, Form::Plain) == bare {
        return bare;
    }
    blocks::render(text, Form::PlainWithLiterals)
}
