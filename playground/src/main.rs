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
//! 21. `say`: the phone in the terminal.
//! 22. `main`: the command line.

#![allow(
    clippy::doc_markdown,
    reason = "OpenAI and WhatsApp are names, and clap prints doc comments as help"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::assistants::Assistants;
use crate::base::console::{EXIT_USAGE, print_error};
use crate::fault::Faults;
use crate::feed::Feed;
use crate::launcher::Launcher;
use crate::openai::OpenAi;
use crate::personas::Folders;
use crate::phones::outgoing::{History, Outgoing};
use crate::phones::switches::FaultSwitches;
use crate::playground::Playground;
use crate::request_log::RequestLog;
use crate::segment::Segment;
use crate::server::StartError;
use crate::shop::{Secrets, Shop};
use crate::twilio::Twilio;
use crate::twilio::intelligence::Service;
use crate::twilio::messages::Outbox;
use crate::twilio::numbers::Callee;
use crate::twilio::values::is_sid;
use crate::voice::Calls;
use crate::webhook::client::{WebhookClient, tokens_of};
use crate::webhook::pseudonyms::Pseudonyms;

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
mod server;
mod shop;
mod twilio;
mod voice;
mod webhook;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(options) => serve(*options),
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
    Serve(Box<ServeOptions>),
    /// Send one message to the local Worker as Twilio would, and show the answer
    Say(Box<say::Options>),
}

#[derive(Debug, Args)]
struct ServeOptions {
    /// Port on 127.0.0.1. 0 means any free port; the first line of output names it
    #[arg(long, default_value_t = 8788)]
    port: u16,
    /// The auth token that REST requests must have, or several with commas
    #[arg(
        long,
        env = "TWILIO_AUTH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    twilio_auth_token: String,
    /// The API key that requests to OpenAI must have. Without it any key is accepted
    #[arg(
        long,
        env = "OPENAI_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    openai_api_key: Option<String>,
    /// The origin of the Worker that the phones write to, on loopback only
    #[arg(long, default_value = "http://127.0.0.1:8787", value_name = "URL")]
    worker: String,
    /// The PUBLIC_URL of the Worker, if it is set. Webhooks are signed for it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The ADMIN_TOKEN of the Worker. With it the page shows budget and limits
    #[arg(
        long,
        env = "ADMIN_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    admin_token: Option<String>,
    /// The PSEUDONYM_KEY of the Worker. With it the page shows the log and conversation of each
    /// phone
    #[arg(
        long,
        env = "PSEUDONYM_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pseudonym_key: Option<String>,
    /// The folder of the assistants. With it the page offers their numbers, and edits their files
    #[arg(long, value_name = "DIR")]
    assistants: Option<PathBuf>,
    /// The folder of the personas, which has agents/ and customers/. With it the page of synthetic
    /// conversations can begin a batch
    #[arg(long, value_name = "DIR")]
    personas: Option<PathBuf>,
    /// The folder of the scenarios
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// The folder of npm's packages. With it the page of synthetic conversations has charts
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
    /// The secret that calls to /tools/orders are signed with. Without it they are refused
    #[arg(
        long,
        env = "ORDERS_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    orders_secret: Option<String>,
    /// The same for /tools/desk
    #[arg(
        long,
        env = "DESK_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    desk_secret: Option<String>,
    /// The same for /tools/intake
    #[arg(
        long,
        env = "INTAKE_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    intake_secret: Option<String>,
    /// The write key of the mock Segment. Without it every key is known
    #[arg(long, value_name = "KEY")]
    segment_write_key: Option<String>,
    /// The service that makes transcripts of recordings: GA and 32 hex digits
    #[arg(
        long,
        default_value = "GA0123456789abcdef0123456789abcdef",
        value_name = "SID"
    )]
    intelligence_service: String,
    /// The date of the mock OpenAI in UTC, because some models are shut down on a certain day.
    /// Without it the date is today
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<chrono::NaiveDate>,
    /// How many times as fast as in reality the time of a call passes. Tests need no patience then
    #[arg(long, default_value_t = 1, value_name = "FACTOR",
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    call_speed: u32,
    /// Print no line for each request
    #[arg(long)]
    quiet: bool,
}

fn serve(options: ServeOptions) -> ExitCode {
    match start(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, reason)) => {
            print_error("playground", &reason);
            code
        }
    }
}

/// Serves until Ctrl-C.
///
/// # Errors
/// The exit code, and a sentence that says why it cannot serve.
fn start(options: ServeOptions) -> Result<(), (ExitCode, String)> {
    let usage = |reason: String| (ExitCode::from(EXIT_USAGE), reason);
    let failure = |reason: String| (ExitCode::FAILURE, reason);
    let port = options.port;
    let playground = playground_of(options).map_err(usage)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| failure(format!("cannot start: {error}")))?;
    let result = runtime.block_on(server::serve(port, playground));
    // Requests that are still delayed must not keep the process alive.
    runtime.shutdown_background();
    result.map_err(|error| match error {
        StartError::PortInUse(port) => usage(format!(
            "port {port} on 127.0.0.1 is in use: stop the program that uses it, \
             or choose another port with --port"
        )),
        StartError::Other(error) => failure(format!("{error:#}")),
    })
}

/// The state of a playground with these options.
///
/// # Errors
/// A sentence about the option that cannot be used.
fn playground_of(options: ServeOptions) -> Result<Playground, String> {
    let tokens = tokens_of(&options.twilio_auth_token);
    let Some(signing_token) = tokens.first().cloned() else {
        return Err("--twilio-auth-token (or TWILIO_AUTH_TOKEN) is empty: \
             use the token of the Worker"
            .to_owned());
    };
    if !is_sid(&options.intelligence_service, "GA") {
        return Err("--intelligence-service must be GA and 32 hex digits".to_owned());
    }
    let public_url = options.public_url.as_deref();
    let client = WebhookClient::new(&options.worker, public_url, signing_token)?;
    let feed = Arc::new(Feed::default());
    let outbox = Arc::new(Outbox::default());
    let switches = Arc::new(FaultSwitches::default());
    let pseudonyms = Arc::new(Pseudonyms::new(options.pseudonym_key));
    let secrets = Secrets {
        orders: options.orders_secret.filter(|secret| !secret.is_empty()),
        desk: options.desk_secret.filter(|secret| !secret.is_empty()),
        intake: options.intake_secret.filter(|secret| !secret.is_empty()),
    };
    let shop = Shop::new(secrets)
        .map_err(|name| format!("{name} must be whsec_ and 24 to 64 bytes in base64"))?;
    let assistants = Assistants::new(options.assistants);
    let numbers = assistants.list().into_iter();
    let numbers = numbers.flat_map(|assistant| assistant.numbers);
    let numbers = numbers.filter(|number| number.starts_with('+'));
    let twilio = Twilio::new(
        tokens,
        numbers.collect(),
        Callee {
            voice_url: client.public_url("/twilio/voice"),
            status_callback: client.public_url("/twilio/voice/status"),
        },
        Service {
            sid: options.intelligence_service,
            webhook_url: client.public_url("/twilio/intelligence"),
            speed: options.call_speed,
        },
        Arc::clone(&outbox),
        Arc::clone(&feed),
    );
    let outgoing = Arc::new(Outgoing {
        client,
        pseudonyms: Arc::clone(&pseudonyms),
        switches: Arc::clone(&switches),
        outbox,
        feed: Arc::clone(&feed),
        history: History::default(),
    });
    let calls = Calls::new(
        Arc::clone(&outgoing),
        &twilio,
        options.call_speed,
        options.quiet,
    );
    Ok(Playground {
        shop,
        segment: Segment::new(options.segment_write_key),
        assistants,
        launcher: Launcher::default(),
        personas: Folders {
            personas: options.personas,
            scenarios: options.scenarios,
        },
        packages: options.packages,
        openai: OpenAi::new(options.openai_api_key, options.date),
        twilio,
        faults: Faults::default(),
        switches,
        request_log: Arc::new(RequestLog::new(options.quiet, Arc::clone(&feed))),
        feed,
        outgoing,
        calls,
        pseudonyms,
        admin_token: options.admin_token.filter(|token| !token.is_empty()),
    })
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
