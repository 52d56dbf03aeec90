//! `playground say`: posts one signed inbound message to the local Worker and shows what comes back.
//!
//! It gives up where Twilio would give up, and refuses to post anywhere but to this machine.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::attach::attach;
use crate::request_log::now_ms;
use crate::twiml::{self, Message};
use crate::webhook::{Channel, Inbound};
use crate::webhook_client::{NoAnswer, PATIENCE, Signed, WebhookClient, loopback_origin};
use crate::{EXIT_USAGE, print_error, print_line, tokens_of};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// What the person writes; may be left out, as in a message of media only
    #[arg(default_value = "", hide_default_value = true)]
    text: String,
    /// Who writes
    #[arg(long, default_value = "+15550100", value_name = "NUMBER")]
    from: String,
    /// The number that is written to
    #[arg(long, default_value = "+15550199", value_name = "NUMBER")]
    to: String,
    /// How the message travels
    #[arg(long, value_enum, default_value_t = Channel::Sms)]
    channel: Channel,
    /// Attach what is at this address, or this file; may be repeated
    #[arg(long, value_name = "URL or FILE")]
    media: Vec<String>,
    /// Where the Worker listens; loopback only
    #[arg(long, default_value = "http://127.0.0.1:8787", value_name = "URL")]
    worker: String,
    /// The origin to sign for, if the Worker's PUBLIC_URL is set
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Send under this MessageSid again instead of a fresh one, as a retry does
    #[arg(long, value_name = "SID")]
    sid: Option<String>,
    /// The auth token to sign with; of several with commas the first
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Where the playground listens, to show an answer that comes later; loopback only
    #[arg(long, default_value = "http://127.0.0.1:8788", value_name = "URL")]
    playground: String,
    /// Do not wait for an answer that comes later
    #[arg(long)]
    no_wait: bool,
}

/// Runs the command. 0: the Worker answered as Twilio wants it. 1: it did not. 2: nothing was sent.
pub fn run(options: Options) -> ExitCode {
    match Plan::new(options).and_then(|plan| plan.carry_out()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::NotSent(reason)) => {
            print_error("say", &reason);
            ExitCode::from(EXIT_USAGE)
        }
        Err(Failure::BadAnswer(reason)) => {
            print_error("say", &reason);
            ExitCode::FAILURE
        }
    }
}

/// Why no reply can be shown.
enum Failure {
    /// Nothing reached the Worker.
    NotSent(String),
    /// The Worker's answer is no good.
    BadAnswer(String),
}

/// The options, checked.
struct Plan {
    inbound: Inbound,
    carrier: WebhookClient,
    /// Where to look for a later answer.
    playground: Option<String>,
}

/// How long, and how often, to look for a later answer.
const LATE_TIMEOUT: Duration = Duration::from_secs(65);
const LATE_INTERVAL: Duration = Duration::from_millis(250);
/// How long to look for more parts after the first part of a later answer.
const LATE_REST: Duration = Duration::from_millis(1500);

impl Plan {
    fn new(options: Options) -> Result<Self, Failure> {
        let playground =
            loopback_origin("--playground", &options.playground).map_err(Failure::NotSent)?;
        let token = options.token.as_deref().and_then(|list| tokens_of(list).into_iter().next()).ok_or_else(|| {
            Failure::NotSent("no token to sign with: set TWILIO_AUTH_TOKEN to the one in .dev.vars, or give --token".to_owned())
        })?;
        let carrier = WebhookClient::new(&options.worker, options.public_url.as_deref(), token)
            .map_err(Failure::NotSent)?;
        let (media, media_types) = attach(&playground, &options.media).map_err(Failure::NotSent)?;
        let inbound = Inbound::new(
            options.channel,
            &options.from,
            &options.to,
            &options.text,
            media,
            options.sid,
        );
        Ok(Self {
            inbound: Inbound {
                media_types,
                ..inbound
            },
            carrier,
            playground: (!options.no_wait).then_some(playground),
        })
    }

    fn carry_out(&self) -> Result<(), Failure> {
        let webhook = self
            .carrier
            .webhook(
                &self.inbound.parameters(),
                Signed::Truly,
                &crate::random_hex(),
            )
            .map_err(|error| Failure::NotSent(format!("cannot sign: {error}")))?;
        print_line(&format!(
            "{} from {} to {}",
            self.inbound.sid, self.inbound.from, self.inbound.to
        ));
        let sent_at = now_ms();
        let clock = Instant::now();
        let answer = self
            .carrier
            .post(&webhook, PATIENCE)
            .map_err(|reason| self.no_answer(reason))?;
        let took = format!("{} in {} ms", answer.status, clock.elapsed().as_millis());
        if answer.status != 200 {
            let shown = twiml::printable(&String::from_utf8_lossy(&answer.body));
            print_line(&took);
            return Err(Failure::BadAnswer(format!(
                "the Worker refused, which Twilio would report as 11200:\n{shown}"
            )));
        }
        let answer =
            twiml::read(answer.content_type().as_deref(), &answer.body).map_err(|complaint| {
                print_line(&took);
                Failure::BadAnswer(format!(
                    "Twilio would report {}: {}\n{}",
                    complaint.code,
                    complaint.reason,
                    twiml::printable(&String::from_utf8_lossy(&answer.body))
                ))
            })?;
        for message in &answer.messages {
            print_line(&twiml::bubble(message));
        }
        print_line(&took);
        if let Some(address) = &answer.redirect {
            print_line(&format!(
                "the answer redirects to {}; say does not follow",
                twiml::printable(address)
            ));
        } else if answer.messages.is_empty() {
            print_line(
                "no message in this answer; if the model was slow the answer comes later by the REST API",
            );
            if let Some(playground) = &self.playground {
                self.wait_for_late(playground, sent_at, clock);
            }
        }
        Ok(())
    }

    /// What it means that the request brought no answer.
    fn no_answer(&self, reason: NoAnswer) -> Failure {
        let worker = self.carrier.worker();
        match reason {
            NoAnswer::TimedOut => Failure::BadAnswer(
                "no answer within 15 s: Twilio would have given up and reported 11200".to_owned(),
            ),
            NoAnswer::NotListening => Failure::NotSent(format!(
                "nothing is listening at {worker}: start it with npm start"
            )),
            NoAnswer::Broken(error) => {
                Failure::BadAnswer(format!("no answer from {worker}: {error} (Twilio: 11200)"))
            }
        }
    }

    /// Looks for messages sent through REST since `sent_at` and shows them.
    fn wait_for_late(&self, playground: &str, sent_at: u64, clock: Instant) {
        print_line("waiting for it up to 65 s; Ctrl-C ends that");
        let mut shown = 0_usize;
        let mut until = LATE_TIMEOUT;
        while clock.elapsed() < until {
            let messages = match self.late_messages(playground, sent_at) {
                Ok(messages) => messages,
                Err(error) => {
                    print_line(&format!(
                        "cannot see later answers, no playground at {playground}: {error}"
                    ));
                    return;
                }
            };
            for message in messages.get(shown..).unwrap_or_default() {
                print_line(&twiml::bubble(message));
                print_line(&format!(
                    "by the REST API after {} ms",
                    clock.elapsed().as_millis()
                ));
                until = clock.elapsed().saturating_add(LATE_REST);
            }
            shown = shown.max(messages.len());
            std::thread::sleep(LATE_INTERVAL);
        }
        if shown == 0 {
            print_line("none came within 65 s");
        }
    }

    /// The messages to the person, sent since `sent_at`, oldest first.
    fn late_messages(&self, playground: &str, sent_at: u64) -> anyhow::Result<Vec<Message>> {
        let body = self
            .carrier
            .agent()
            .get(format!("{playground}/playground/messages?since={sent_at}"))
            .call()?
            .body_mut()
            .read_to_string()?;
        let body: Value = serde_json::from_str(&body)?;
        let text = |message: &Value, name: &str| {
            message.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let messages = body.get("messages").and_then(Value::as_array);
        Ok(messages
            .into_iter()
            .flatten()
            .filter(|message| {
                text(message, "to").as_deref() == Some(&self.inbound.from)
                    // A message sent through a Messaging Service has no sender yet.
                    && text(message, "from").is_none_or(|from| from == self.inbound.to)
            })
            .map(|message| Message {
                text: text(message, "body").unwrap_or_default(),
                media: match message.pointer("/parameters/MediaUrl") {
                    Some(Value::String(url)) => vec![url.clone()],
                    Some(Value::Array(urls)) => urls
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect(),
                    _ => Vec::new(),
                },
            })
            .collect())
    }
}
