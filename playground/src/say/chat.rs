//! A chat in the terminal: each line that is typed is a message.
//!
//! Where the input is not a terminal, each of its lines is a message. Not here: sending (`phone`), and how an
//! answer is shown (`show`).

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::phone::{Conversation, Failure, now};
use super::show::{show_answer, show_rest};
use crate::base::console::{print_error, print_line};
use crate::webhook::inbound::Inbound;

/// Chats until the input ends or `/quit`. Returns whether every message was sent and answered rightly.
///
/// # Errors
/// If the input is not a terminal and has nothing to send.
pub fn chat(conversation: &Conversation) -> Result<bool, Failure> {
    let is_terminal = std::io::stdin().is_terminal();
    let Inbound { from, to, .. } = &conversation.template;
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
/again  sends the last message again, with the same MessageSid
/quit   ends the chat, as Ctrl-D and Ctrl-C do";

/// Sends a message, and shows what answers it.
fn exchange(conversation: &Conversation, inbound: &Inbound) -> Result<(), Failure> {
    let beginning = now();
    let answer = conversation.phone.send(inbound)?.read?;
    if !show_answer(&answer, None) && conversation.waits {
        show_rest(conversation, inbound, beginning, |_| {});
    }
    Ok(())
}
