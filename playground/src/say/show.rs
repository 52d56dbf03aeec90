//! How the phone in the terminal shows an answer: bubbles, and what is waited for.
//!
//! Not here: sending (`phone`).

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::bubble::{bubble, printable};
use super::phone::{Conversation, REST_TIMEOUT};
use crate::base::console::print_line;
use crate::webhook::inbound::Inbound;
use crate::webhook::twiml::{self, Message};

/// Shows the messages of an answer, how long it `took` if that is wanted, and where it leads to. Returns
/// whether there is a message or a redirect.
pub fn show_answer(answer: &twiml::Answer, took: Option<&str>) -> bool {
    for message in &answer.messages {
        print_line(&bubble(message));
    }
    if let Some(took) = took {
        print_line(took);
    }
    if let Some(url) = &answer.redirect {
        print_line(&format!(
            "the answer redirects to {}; say does not follow",
            printable(url)
        ));
    }
    answer.redirect.is_some() || !answer.messages.is_empty()
}

/// Waits for messages that are sent by REST, and shows them. `each` is told when each has come.
pub fn show_rest(
    conversation: &Conversation,
    inbound: &Inbound,
    beginning: (u64, Instant),
    each: impl Fn(Duration),
) {
    let clear = clear_line();
    let show = |message: Message, after: Duration| {
        print_line(&format!("{clear}{}", bubble(&message)));
        each(after);
    };
    let found =
        conversation
            .phone
            .wait_for_rest(inbound, beginning, REST_TIMEOUT, show, show_waiting);
    match found {
        Ok(0) => print_line(&format!("{clear}no answer came within 65 s")),
        Ok(_) => {}
        Err(error) => print_line(&format!(
            "{clear}{}: {error}",
            no_playground(&conversation.phone.playground)
        )),
    }
}

/// Says that answers by REST cannot be shown.
pub fn no_playground(playground: &str) -> String {
    format!("cannot show answers that are sent by REST, no playground at {playground}")
}

/// Shows in a terminal how long somebody has waited.
pub fn show_waiting(waited: Duration) {
    if std::io::stdout().is_terminal() {
        let mut out = std::io::stdout().lock();
        let _ = write!(out, "\r\u{1b}[Kwaiting {} s", waited.as_secs());
        let _ = out.flush();
    }
}

/// Removes what `show_waiting` has written.
fn clear_line() -> &'static str {
    if std::io::stdout().is_terminal() {
        "\r\u{1b}[K"
    } else {
        ""
    }
}
