//! Markdown out: the Markdown that a model writes becomes text that the channel can show.
//!
//! `pulldown-cmark` finds the markup. Everything that it does not recognise stays byte for byte, so
//! `2 * 3 * 4`, `snake_case` and prices are unharmed. Nothing is added but WhatsApp's marks and the
//! parentheses around the URL of a link, and the text never gets longer. Not here: cutting the text
//! into parts (`twilio::parts`).

mod edits;
mod guards;
mod pass;

#[cfg(test)]
mod tests;

use crate::identity::Channel;

use pass::{Code, pass};

/// The text as a person on this channel reads it.
///
/// WhatsApp shows `*bold*`, `_italic_`, `~struck~`, code and quotes, so these get its own marks. The
/// other channels show plain text. Source: WhatsApp, "How to format your messages".
///
/// The result is not longer than `text`, and rendering it again changes nothing. Code that would read
/// as Markdown without its marks keeps them.
#[must_use]
pub fn render(text: &str, channel: Channel) -> String {
    let rendered = settle(text, channel);
    // An odd text can come out as other Markdown. It then stays as the model wrote it.
    let is_stable = rendered == text || settle(&rendered, channel) == rendered;
    if is_stable && (!rendered.trim().is_empty() || text.trim().is_empty()) {
        rendered
    } else {
        text.to_owned()
    }
}

/// Renders the text. If the result would still read as Markdown, code and escapes keep their marks.
fn settle(text: &str, channel: Channel) -> String {
    let bare = pass(text, channel, Code::Bare);
    if bare == text || pass(&bare, channel, Code::Bare) == bare {
        bare
    } else {
        pass(text, channel, Code::Marked)
    }
}
