//! A chat in the terminal: each line that is typed is a message.
//!
//! Where the input is not a terminal, each of its lines is a message. Not here: sending (`phone`).

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use super::bubble::bubble;
use super::phone::{Conversation, Failure, REST_TIMEOUT, now};
use crate::base::console::{print_error, print_line};
use crate::webhook::inbound::Inbound;
use crate::webhook::twiml::Message;

/// Chats until the input ends or `/quit`. Returns whether every message was sent and answered rightly.
///
/// # Errors
/// If the input is not a terminal and has nothing to send.
pub fn chat(conversation: &Conversation) -> Result<bool, Failure> {
    let is_terminal = std::io::stdin().is_terminal();
    let Inbound { from, to, .. } = conversation.message("");
    print_line(&format!("{from} writes to {to}."));
    if is_terminal {
        print_line(
            "Each line is a message. /again sends the last one again, /help helps, /quit ends.",
        );
    }
    let mut all_well = true;
    let mut last: Option<Inbound> = None;
    let mut lines = std::io::stdin().lock().lines();
    loop {
        if is_terminal {
            let mut out = std::io::stdout().lock();
            let _ = write!(out, "> ");
            let _ = out.flush();
        }
        let Some(Ok(line)) = lines.next() else {
            break;
        };
        let inbound = match line.trim() {
            "" => continue,
            "/quit" => return Ok(all_well),
            "/help" => {
                print_line(HELP);
                continue;
            }
            "/again" => {
                let Some(inbound) = last.take() else {
                    print_line("Nothing was sent yet.");
                    continue;
                };
                inbound
            }
            text if text.starts_with('/') && !text.starts_with("//") => {
                print_line(&format!(
                    "There is no {text}. /help lists what there is, and two slashes send it as a message."
                ));
                continue;
            }
            text => conversation.message(text.strip_prefix('/').unwrap_or(text)),
        };
        if !is_terminal {
            print_line(&format!("> {}", inbound.shown_text()));
        }
        if let Err(failure) = exchange(conversation, &inbound) {
            all_well = false;
            print_error("say", failure.reason());
        }
        last = Some(inbound);
    }
    if is_terminal {
        print_line("");
    } else if last.is_none() {
        return Err(Failure::NotSent(
            "there is no text, and the input has no line to send".to_owned(),
        ));
    }
    Ok(all_well)
}

const HELP: &str = "\
Words of the assistant work as on a phone: STOP, START, HELP, RESET, DELETE MY DATA.
/again  sends the last message again, with the same MessageSid, as a retry of Twilio
/quit   ends the chat, as Ctrl-D and Ctrl-C do";

/// Sends a message, and shows what answers it.
fn exchange(conversation: &Conversation, inbound: &Inbound) -> Result<(), Failure> {
    let beginning = now();
    let answered = conversation.phone.send(inbound)?;
    let answer = answered.read?;
    for message in &answer.messages {
        print_line(&bubble(message));
    }
    if let Some(notice) = redirect_notice(answer.redirect.as_deref()) {
        print_line(&notice);
    } else if answer.messages.is_empty() && conversation.waits {
        let clear = clear_line();
        let each = |message: Message, _| print_line(&format!("{clear}{}", bubble(&message)));
        let found =
            conversation
                .phone
                .wait_for_rest(inbound, beginning, REST_TIMEOUT, each, show_waiting);
        print_line(&format!(
            "{clear}{}",
            match found {
                Ok(0) => "no answer came within 65 s".to_owned(),
                Ok(_) => String::new(),
                Err(_) => no_playground(&conversation.phone.playground),
            }
        ));
    }
    Ok(())
}

/// The notice about an answer that redirects.
pub fn redirect_notice(url: Option<&str>) -> Option<String> {
    let url = super::bubble::printable(url?);
    Some(format!(
        "the answer redirects to {url}; say does not follow"
    ))
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
pub fn clear_line() -> &'static str {
    if std::io::stdout().is_terminal() {
        "\r\u{1b}[K"
    } else {
        ""
    }
}
