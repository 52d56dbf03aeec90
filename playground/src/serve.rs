//! `playground serve`: its options, and the state that they make.
//!
//! Not here: the server itself, which is in `server`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

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
use crate::server::{self, StartError};
use crate::shop::{Secrets, Shop};
use crate::twilio::Twilio;
use crate::twilio::intelligence::Service;
use crate::twilio::messages::Outbox;
use crate::twilio::numbers::Callee;
use crate::twilio::values::is_sid;
use crate::voice::Calls;
use crate::webhook::client::{WebhookClient, tokens_of};
use crate::webhook::pseudonyms::Pseudonyms;
use clap::Args;

/// The options of the command.
#[derive(Debug, Args)]
pub struct Options {
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

/// Serves until Ctrl-C, and says why if it cannot.
pub fn run(options: Options) -> ExitCode {
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
fn start(options: Options) -> Result<(), (ExitCode, String)> {
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
fn playground_of(options: Options) -> Result<Playground, String> {
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
