//! The playground: everything that Switchboard talks to, mocked, on this machine alone.
//!
//! `playground serve` is a mock OpenAI, a mock Twilio REST API and a page with phones; `playground say` is a phone for
//! the terminal: it sends one message to the Worker as Twilio would and shows the reply. Neither ever speaks to anything
//! beyond loopback.
//! It is a tool for development and tests, no part of what is deployed.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

mod answer;
mod attach;
mod exchange;
mod fault;
mod image_check;
mod media_store;
mod models;
mod openai;
mod page;
mod pseudonyms;
mod request_log;
mod say;
mod server;
mod signature;
mod twilio;
mod twiml;
mod webhook;
mod webhook_client;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(options) => serve(options),
        Command::Say(options) => say::run(options),
    }
}

/// A mock OpenAI, a mock Twilio and a phone, for trying Switchboard on one machine
#[derive(Debug, Parser)]
#[command(name = "playground", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Pretend to be OpenAI and Twilio's REST API on 127.0.0.1, and show phones in the browser, until Ctrl-C
    Serve(ServeOptions),
    /// Send one message to the local Worker as Twilio would, and show the reply as a phone would
    Say(say::Options),
}

#[derive(Debug, Args)]
struct ServeOptions {
    /// Port on 127.0.0.1; 0 takes any free one, which the ready line names
    #[arg(long, default_value_t = 8788)]
    port: u16,
    /// The auth token that REST requests must have; several with commas
    #[arg(
        long,
        env = "TWILIO_AUTH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    twilio_auth_token: String,
    /// The API key that requests to OpenAI must have; without it any key is good
    #[arg(
        long,
        env = "OPENAI_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    openai_api_key: Option<String>,
    /// Where the Worker listens that the page's phones write to; loopback only
    #[arg(long, default_value = "http://127.0.0.1:8787", value_name = "URL")]
    worker: String,
    /// The origin to sign for, if the Worker's PUBLIC_URL is set
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The Worker's ADMIN_TOKEN, for the page to show budget and limits
    #[arg(
        long,
        env = "ADMIN_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    admin_token: Option<String>,
    /// The Worker's PSEUDONYM_KEY, for the page to tell whose a log line or a conversation is
    #[arg(
        long,
        env = "PSEUDONYM_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pseudonym_key: Option<String>,
    /// The day that it is for the mock OpenAI, in UTC: some models have a last one; today without it
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<chrono::NaiveDate>,
    /// Print no line for each request
    #[arg(long)]
    quiet: bool,
}

/// The exit code for a command that cannot be carried out as given; that of clap, too.
const EXIT_USAGE: u8 = 2;

fn serve(options: ServeOptions) -> ExitCode {
    let twilio_tokens = tokens_of(&options.twilio_auth_token);
    if twilio_tokens.is_empty() {
        print_error(
            "playground",
            "--twilio-auth-token (or TWILIO_AUTH_TOKEN) is empty: give the token that the Worker has",
        );
        return ExitCode::from(EXIT_USAGE);
    }
    let signing_token = twilio_tokens.first().cloned().unwrap_or_default();
    let carrier = match webhook_client::WebhookClient::new(
        &options.worker,
        options.public_url.as_deref(),
        signing_token,
    ) {
        Ok(carrier) => carrier,
        Err(reason) => {
            print_error("playground", &reason);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let names = pseudonyms::Pseudonyms::new(options.pseudonym_key);
    let feed = Arc::new(page::feed::Feed::default());
    let playground = exchange::Playground {
        twilio_tokens,
        openai_key: options.openai_api_key.filter(|key| !key.is_empty()),
        clock: models::Clock::new(options.date),
        media: media_store::MediaStore::default(),
        faults: fault::Faults::default(),
        request_log: Arc::new(request_log::RequestLog::new(
            options.quiet,
            Arc::clone(&feed),
        )),
        outbox: twilio::Outbox::default(),
        numbers: twilio::Numbers::default(),
        feed,
        fault_switches: page::switches::FaultSwitches::default(),
        outgoing: page::outgoing::Outgoing::new(
            carrier,
            names,
            options.admin_token.filter(|token| !token.is_empty()),
        ),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error("playground", &format!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(server::serve(options.port, playground));
    // Requests that are still waiting are not waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(server::StartError::PortInUse(port)) => {
            let reason = format!(
                "port {port} on 127.0.0.1 is in use: stop the program that has it, or choose another with --port"
            );
            print_error("playground", &reason);
            ExitCode::from(EXIT_USAGE)
        }
        Err(server::StartError::Other(error)) => {
            print_error("playground", &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The tokens in a comma-separated list.
fn tokens_of(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Prints one line at once. A reader that has gone away is no reason to stop.
fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// Prints why `command` did not do what it was asked.
fn print_error(command: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "{command}: {reason}");
}

/// 32 hex digits that differ from call to call and from run to run. They name things and are no secret.
fn random_hex() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
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
    fn no_option_takes_another_address_to_listen_on() {
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
                "date",
                "openai_api_key",
                "port",
                "pseudonym_key",
                "public_url",
                "quiet",
                "twilio_auth_token",
                "worker"
            ]
        );
    }

    #[test]
    fn random_names_differ() {
        let names: std::collections::HashSet<String> = (0..1000).map(|_| random_hex()).collect();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn a_list_of_tokens_is_split_at_commas() {
        assert_eq!(tokens_of(" a, b,,"), ["a", "b"]);
        assert!(tokens_of(" , ").is_empty());
    }
}
