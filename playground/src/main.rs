//! The playground: mocks of the services that Switchboard uses, on this machine only.
//!
//! `playground serve` is a mock OpenAI, a mock Twilio REST API and a page with phones. `playground
//! say` is a phone in the terminal: it sends one message to the Worker as Twilio would, and shows
//! the answer. Both only talk to loopback. The playground is a tool for development and tests, and
//! is never deployed.
//!
//! These are its layers, the lowest first. A file imports only from its own layer and from lower
//! ones, and imports never form a circle. `tests/layers.rs` checks both.
//!
//! 1. `base`: tools without any knowledge of the playground.
//! 2. `fault`: faults, and which of them a request gets.
//! 3. `feed`: the events for the page.
//! 4. `request_log`: the requests to the mock services.
//! 5. `http`: requests and answers of the mock services.
//! 6. `openai`: the mock OpenAI.
//! 7. `twilio`: the mock Twilio REST API.
//! 8. `shop`: the web services of a shop, behind tools, hand-off and intake.
//! 9. `segment`: the mock Segment.
//! 10. `webhook`: the webhook that Twilio posts for an inbound message.
//! 11. `phones`: the phones of the page.
//! 12. `voice`: Twilio's voice side, the calls of the phones.
//! 13. `assistants`: the assistants that the phones can write to, and their files.
//! 14. `personas`: the personas and scenarios of synthetic conversations.
//! 15. `launcher`: what `npm start` tells, and what the page asks of it.
//! 16. `playground`: the state.
//! 17. `exchange`: one request to a mock service.
//! 18. `control`: the control routes.
//! 19. `page`: the pages and their routes.
//! 20. `server`: the server.
//! 21. `serve`: the command that runs the server.
//! 22. `say`: the phone in the terminal.
//! 23. `main`: the command line.

#![allow(
    clippy::doc_markdown,
    reason = "OpenAI and WhatsApp are names, and clap prints doc comments as help"
)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod assistants;
mod base;
mod control;
mod exchange;
mod fault;
mod feed;
mod http;
mod launcher;
mod openai;
mod page;
mod personas;
mod phones;
mod playground;
mod request_log;
mod say;
mod segment;
mod serve;
mod server;
mod shop;
mod twilio;
mod voice;
mod webhook;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(options) => serve::run(*options),
        Command::Say(options) => say::run(*options),
    }
}

/// A mock OpenAI, a mock Twilio and phones, to try Switchboard on one machine
#[derive(Debug, Parser)]
#[command(name = "playground", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a mock OpenAI, a mock Twilio REST API and a page with phones on 127.0.0.1, until
    /// Ctrl-C
    Serve(Box<serve::Options>),
    /// Send one message to the local Worker as Twilio would, and show the answer
    Say(Box<say::Options>),
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
mod tests {
    use super::*;

    #[test]
    fn no_option_sets_the_listen_address() {
        for option in [
            "--host",
            "--bind",
            "--address",
            "--listen",
            "--ip",
            "--interface",
        ] {
            let arguments = [
                "playground",
                "serve",
                "--twilio-auth-token",
                "t",
                option,
                "0.0.0.0",
            ];
            assert!(Cli::try_parse_from(arguments).is_err(), "{option}");
        }
        for port in ["0.0.0.0:8788", ":8788", "[::]:8788", "65536"] {
            let arguments = [
                "playground",
                "serve",
                "--twilio-auth-token",
                "t",
                "--port",
                port,
            ];
            assert!(Cli::try_parse_from(arguments).is_err(), "--port {port}");
        }
    }

    #[test]
    fn the_options_of_serve_are_the_documented_ones() {
        use clap::CommandFactory as _;
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        let mut names: Vec<&str> = serve
            .get_arguments()
            .map(|argument| argument.get_id().as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "admin_token",
                "assistants",
                "call_speed",
                "date",
                "desk_secret",
                "intake_secret",
                "intelligence_service",
                "openai_api_key",
                "orders_secret",
                "packages",
                "personas",
                "port",
                "pseudonym_key",
                "public_url",
                "quiet",
                "scenarios",
                "segment_write_key",
                "twilio_auth_token",
                "worker"
            ]
        );
    }
}
