//! `playground say`: posts one signed inbound message to the local Worker and shows what comes back.
//!
//! It gives up where Twilio would give up, and refuses to post anywhere but to this machine.

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Uri, header};
use serde_json::Value;

use crate::attach::attach;
use crate::journal::now_ms;
use crate::phone::{self, Message};
use crate::signature::sign;
use crate::webhook::{Channel, Inbound};
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
    worker: String,
    signed_url: String,
    token: String,
    /// Where to look for a later answer.
    playground: Option<String>,
    agent: ureq::Agent,
}

const PATH: &str = "/twilio/messages";
/// How long Twilio waits for a connection and for the whole answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long, and how often, to look for a later answer.
const LATE_TIMEOUT: Duration = Duration::from_secs(65);
const LATE_INTERVAL: Duration = Duration::from_millis(250);
/// How long to look for more parts after the first part of a later answer.
const LATE_REST: Duration = Duration::from_millis(1500);
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

impl Plan {
    fn new(options: Options) -> Result<Self, Failure> {
        let worker = loopback_origin("--worker", &options.worker).map_err(Failure::NotSent)?;
        let playground = loopback_origin("--playground", &options.playground).map_err(Failure::NotSent)?;
        let public = match &options.public_url {
            Some(url) => origin("--public-url", url).map_err(Failure::NotSent)?.0,
            None => worker.clone(),
        };
        let token = options.token.as_deref().and_then(|list| tokens_of(list).into_iter().next()).ok_or_else(|| {
            Failure::NotSent("no token to sign with: set TWILIO_AUTH_TOKEN to the one in .dev.vars, or give --token".to_owned())
        })?;
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(ANSWER_TIMEOUT))
            .user_agent("TwilioProxy/1.1")
            .build()
            .new_agent();
        let (media, media_types) = attach(&playground, &options.media).map_err(Failure::NotSent)?;
        let inbound = Inbound::new(options.channel, &options.from, &options.to, &options.text, media, options.sid);
        Ok(Self {
            inbound: Inbound { media_types, ..inbound },
            signed_url: format!("{public}{PATH}"),
            worker,
            token,
            playground: (!options.no_wait).then_some(playground),
            agent,
        })
    }

    fn carry_out(&self) -> Result<(), Failure> {
        let parameters = self.inbound.parameters();
        let signature =
            sign(&self.token, &self.signed_url, &parameters).map_err(|error| Failure::NotSent(format!("cannot sign: {error}")))?;
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&parameters).finish();
        print_line(&format!("{} from {} to {}", self.inbound.sid, self.inbound.from, self.inbound.to));
        let sent_at = now_ms();
        let clock = Instant::now();
        let mut response = self
            .agent
            .post(format!("{}{PATH}", self.worker))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
            .header("X-Twilio-Signature", signature)
            .header("I-Twilio-Idempotency-Token", crate::random_hex())
            .send(form)
            .map_err(|error| self.no_answer(&error))?;
        let status = response.status();
        let content_type = text_of(response.headers(), "content-type");
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(|error| self.no_answer(&error))?;
        let took = format!("{} in {} ms", status.as_u16(), clock.elapsed().as_millis());
        if status.as_u16() != 200 {
            let shown = phone::printable(&String::from_utf8_lossy(&body));
            print_line(&took);
            return Err(Failure::BadAnswer(format!("the Worker refused, which Twilio would report as 11200:\n{shown}")));
        }
        let answer = phone::read(content_type.as_deref(), &body).map_err(|complaint| {
            print_line(&took);
            Failure::BadAnswer(format!(
                "Twilio would report {}: {}\n{}",
                complaint.code,
                complaint.reason,
                phone::printable(&String::from_utf8_lossy(&body))
            ))
        })?;
        for message in &answer.messages {
            print_line(&phone::bubble(message));
        }
        print_line(&took);
        if let Some(address) = &answer.redirect {
            print_line(&format!("the answer redirects to {}; say does not follow", phone::printable(address)));
        } else if answer.messages.is_empty() {
            print_line("no message in this answer; if the model was slow the answer comes later by the REST API");
            if let Some(playground) = &self.playground {
                self.wait_for_late(playground, sent_at, clock);
            }
        }
        Ok(())
    }

    /// What it means that the request brought no answer.
    fn no_answer(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::Timeout(_) => {
                Failure::BadAnswer("no answer within 15 s: Twilio would have given up and reported 11200".to_owned())
            }
            error if is_refused(error) => Failure::NotSent(format!("nothing is listening at {}: start it with npm start", self.worker)),
            error => Failure::BadAnswer(format!("no answer from {}: {error} (Twilio: 11200)", self.worker)),
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
                    print_line(&format!("cannot see later answers, no playground at {playground}: {error}"));
                    return;
                }
            };
            for message in messages.get(shown..).unwrap_or_default() {
                print_line(&phone::bubble(message));
                print_line(&format!("by the REST API after {} ms", clock.elapsed().as_millis()));
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
        let body = self.agent.get(format!("{playground}/playground/messages?since={sent_at}")).call()?.body_mut().read_to_string()?;
        let body: Value = serde_json::from_str(&body)?;
        let text = |message: &Value, name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
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
                    Some(Value::Array(urls)) => urls.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                    _ => Vec::new(),
                },
            })
            .collect())
    }
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn is_refused(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        ureq::Error::ConnectionFailed => true,
        _ => false,
    }
}

/// The origin of a loopback address, such as `http://127.0.0.1:8787`.
fn loopback_origin(option: &str, url: &str) -> Result<String, String> {
    let (origin, host) = origin(option, url)?;
    if !origin.starts_with("http://") {
        return Err(format!("{option} {url}: only http:// is spoken on loopback"));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if loopback {
        Ok(origin)
    } else if host.eq_ignore_ascii_case("localhost") {
        // The name could be made to mean another machine.
        Ok(origin.replacen(&host, "127.0.0.1", 1))
    } else {
        Err(format!("{option} {url}: {host} is not this machine; pretend messages go to loopback only, such as http://127.0.0.1:8787"))
    }
}

/// The origin of a web address, and its host.
fn origin(option: &str, url: &str) -> Result<(String, String), String> {
    let unusable = |reason: &str| format!("{option} {url}: {reason}");
    let uri: Uri = url.parse().map_err(|_| unusable("not a web address"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(unusable("not a web address such as http://127.0.0.1:8787"));
    };
    if !matches!(scheme, "http" | "https") {
        return Err(unusable("not a web address such as http://127.0.0.1:8787"));
    }
    if authority.as_str().contains('@') {
        return Err(unusable("user names are not taken"));
    }
    if uri.path() != "/" && !uri.path().is_empty() || uri.query().is_some() {
        return Err(unusable("give scheme, host and port only, no path"));
    }
    Ok((format!("{scheme}://{authority}"), authority.host().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_taken() {
        for (url, origin) in [
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("http://127.0.0.1:8787/", "http://127.0.0.1:8787"),
            ("http://127.8.9.1:1", "http://127.8.9.1:1"),
            ("http://[::1]:8787", "http://[::1]:8787"),
            ("http://localhost:8787", "http://127.0.0.1:8787"),
        ] {
            assert_eq!(loopback_origin("--worker", url).as_deref(), Ok(origin));
        }
    }

    #[test]
    fn addresses_beyond_loopback_are_refused() {
        for url in [
            "http://example.com",
            "http://0.0.0.0:8787",
            "http://10.0.0.1:8787",
            "http://[::]:8787",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1@example.com",
            "http://example.com@127.0.0.1",
            "http://2130706433",
            "https://127.0.0.1:8787",
            "http://127.0.0.1:8787/other",
            "127.0.0.1:8787",
            "/twilio",
            "",
        ] {
            assert!(loopback_origin("--worker", url).is_err(), "{url}");
        }
    }
}
