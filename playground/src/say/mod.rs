//! `playground say`: posts one signed inbound message to the local Worker and shows the answer.
//!
//! Like Twilio it gives up after 15 seconds. It only posts to this machine.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::attach::attach;
use self::bubble::{bubble, printable};
use crate::base::console::{EXIT_USAGE, print_error, print_line};
use crate::base::loopback::loopback_origin;
use crate::base::random::random_hex;
use crate::base::time::now_ms;
use crate::openai::HEARD;
use crate::webhook::channel::Channel;
use crate::webhook::client::{
    ANSWER_TIMEOUT, Answer, NoAnswer, Signature, WebhookClient, tokens_of,
};
use crate::webhook::inbound::{Button, Inbound, Rich};
use crate::webhook::twiml::{self, Message};

mod attach;
mod bubble;

/// The options of the command.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The text of the message. A message with media needs none
    #[arg(default_value = "", hide_default_value = true)]
    text: String,
    /// The contact who writes, such as +15550100. Each channel has a default
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// The number or agent that receives the message, such as +15550199. Each channel has a default
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// The channel of the message
    #[arg(long, value_enum, default_value_t = Channel::Sms)]
    channel: Channel,
    /// The WhatsApp user id that Twilio knows for the number, such as US.13491208655302741918
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// Another member of the group that the message went to. Can be repeated
    #[arg(long, value_name = "NUMBER")]
    group: Vec<String>,
    /// The Messaging Service of the number
    #[arg(long, value_name = "SID")]
    service: Option<String>,
    /// Attach a file, or the file at this URL. Can be repeated
    #[arg(long, value_name = "URL or FILE")]
    media: Vec<String>,
    /// Attach a voice note that says these words
    #[arg(long, value_name = "WORDS", num_args = 0..=1, default_missing_value = HEARD)]
    voice: Vec<String>,
    /// Quote the message with this SID, as a reply on WhatsApp does
    #[arg(long, value_name = "SID")]
    quote: Option<String>,
    /// Press a button of a WhatsApp message: its text, and its payload after "="
    #[arg(long, value_name = "TEXT=PAYLOAD")]
    button: Option<String>,
    /// Send the answers of a WhatsApp form, as JSON
    #[arg(long, value_name = "JSON")]
    flow: Option<String>,
    /// The origin of the Worker, on loopback only
    #[arg(long, default_value = "http://127.0.0.1:8787", value_name = "URL")]
    worker: String,
    /// The PUBLIC_URL of the Worker, if it is set. The signature is made for it
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Send the message with this MessageSid instead of a new one, as a retry does
    #[arg(long, value_name = "SID")]
    sid: Option<String>,
    /// The auth token to sign with. From a list with commas the first one is used
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The origin of the playground, on loopback only. It shows answers that are sent by REST
    #[arg(long, default_value = "http://127.0.0.1:8788", value_name = "URL")]
    playground: String,
    /// Do not wait for an answer that is sent by REST
    #[arg(long)]
    no_wait: bool,
}

/// Runs the command. The exit code is 0 if Twilio would accept the answer, 1 if not, and 2 if
/// nothing was sent.
pub fn run(options: Options) -> ExitCode {
    match Command::new(options).and_then(|command| command.run()) {
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

/// Why there is no answer to show.
enum Failure {
    /// Nothing was sent.
    NotSent(String),
    /// Twilio would not accept the answer.
    BadAnswer(String),
}

/// The checked options.
struct Command {
    inbound: Inbound,
    client: WebhookClient,
    /// The playground to ask for answers that are sent by REST.
    playground: Option<String>,
}

/// How long to wait for an answer that is sent by REST, and how often to ask for it.
const REST_TIMEOUT: Duration = Duration::from_secs(65);
const REST_INTERVAL: Duration = Duration::from_millis(250);
/// How long to wait for more messages after the first one.
const NEXT_MESSAGE_TIMEOUT: Duration = Duration::from_millis(1500);

impl Command {
    fn new(options: Options) -> Result<Self, Failure> {
        let playground =
            loopback_origin("--playground", &options.playground).map_err(Failure::NotSent)?;
        let tokens = options.token.as_deref().map(tokens_of).unwrap_or_default();
        let token = tokens.into_iter().next().ok_or_else(|| {
            let reason = "no token to sign with: set TWILIO_AUTH_TOKEN to the one in .dev.vars, \
                          or give --token";
            Failure::NotSent(reason.to_owned())
        })?;
        let client = WebhookClient::new(&options.worker, options.public_url.as_deref(), token)
            .map_err(Failure::NotSent)?;
        let rich = rich(&options).map_err(Failure::NotSent)?;
        let (media, media_types) =
            attach(&playground, &options.media, &options.voice).map_err(Failure::NotSent)?;
        let (from, to) = options.channel.default_addresses();
        let inbound = Inbound::new(
            options.channel,
            options.from.as_deref().unwrap_or(from),
            options.to.as_deref().unwrap_or(to),
            &options.text,
            media,
            options.sid,
        );
        Ok(Self {
            inbound: Inbound {
                media_types,
                user_id: options.user_id,
                group: options.group,
                service: options.service,
                rich,
                ..inbound
            },
            client,
            playground: (!options.no_wait).then_some(playground),
        })
    }

    fn run(&self) -> Result<(), Failure> {
        let parameters = self.inbound.parameters();
        let webhook = self
            .client
            .webhook(&parameters, Signature::Genuine, &random_hex())
            .map_err(|error| Failure::NotSent(format!("cannot sign: {error}")))?;
        print_line(&format!(
            "{} from {} to {}",
            self.inbound.sid, self.inbound.from, self.inbound.to
        ));
        let sent_at = now_ms();
        let start = Instant::now();
        let answer = self
            .client
            .post(&webhook, ANSWER_TIMEOUT)
            .map_err(|reason| self.no_answer(reason))?;
        let took = format!("{} in {} ms", answer.status, start.elapsed().as_millis());
        let answer = read(&answer).inspect_err(|_| print_line(&took))?;
        for message in &answer.messages {
            print_line(&bubble(message));
        }
        print_line(&took);
        if let Some(url) = &answer.redirect {
            print_line(&format!(
                "the answer redirects to {}; say does not follow",
                printable(url)
            ));
        } else if answer.messages.is_empty() {
            print_line(
                "no message in this answer; if the model was slow \
                 the answer comes later by the REST API",
            );
            if let Some(playground) = &self.playground {
                self.wait_for_rest(playground, sent_at, start);
            }
        }
        Ok(())
    }

    /// The failure for a request without an answer.
    fn no_answer(&self, reason: NoAnswer) -> Failure {
        let worker = self.client.worker();
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

    /// Waits for messages that are sent by REST, and shows them.
    fn wait_for_rest(&self, playground: &str, sent_at: u64, start: Instant) {
        print_line("waiting for it up to 65 s; press Ctrl-C to stop");
        let mut shown = 0_usize;
        let mut until = REST_TIMEOUT;
        while start.elapsed() < until {
            let messages = match self.rest_messages(playground, sent_at) {
                Ok(messages) => messages,
                Err(error) => {
                    print_line(&format!(
                        "cannot show answers that are sent by REST, \
                         no playground at {playground}: {error}"
                    ));
                    return;
                }
            };
            for message in messages.get(shown..).unwrap_or_default() {
                print_line(&bubble(message));
                print_line(&format!(
                    "by the REST API after {} ms",
                    start.elapsed().as_millis()
                ));
                until = start.elapsed().saturating_add(NEXT_MESSAGE_TIMEOUT);
            }
            shown = shown.max(messages.len());
            std::thread::sleep(REST_INTERVAL);
        }
        if shown == 0 {
            print_line("no answer came within 65 s");
        }
    }

    /// The messages to the contact that were sent by REST since `sent_at`, oldest first.
    fn rest_messages(&self, playground: &str, sent_at: u64) -> anyhow::Result<Vec<Message>> {
        let body = self
            .client
            .agent()
            .get(format!("{playground}/playground/messages?since={sent_at}"))
            .call()?
            .body_mut()
            .read_to_string()?;
        let body: Value = serde_json::from_str(&body)?;
        let messages = body.get("messages").and_then(Value::as_array);
        let text = |message: &Value, name: &str| {
            message.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let is_answer = |message: &&Value| {
            text(message, "to").as_deref() == Some(&self.inbound.from)
                // A message of a Messaging Service has no sender yet.
                && text(message, "from").is_none_or(|from| from == self.inbound.to)
        };
        let read = |message: &Value| Message {
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
        };
        Ok(messages
            .into_iter()
            .flatten()
            .filter(is_answer)
            .map(read)
            .collect())
    }
}

/// What is sent besides text and files. Twilio has fields for it on WhatsApp only.
fn rich(options: &Options) -> Result<Rich, String> {
    let button = options.button.as_deref().map(|button| {
        let (text, payload) = button.split_once('=').unwrap_or((button, ""));
        Button {
            text: text.to_owned(),
            payload: payload.to_owned(),
        }
    });
    let rich = Rich {
        quoted: options.quote.clone(),
        button,
        flow: options.flow.clone(),
    };
    if !rich.is_empty() && options.channel != Channel::Whatsapp {
        return Err("--quote, --button and --flow need --channel whatsapp".to_owned());
    }
    Ok(rich)
}

/// Reads the answer of the Worker as Twilio would.
fn read(answer: &Answer) -> Result<twiml::Answer, Failure> {
    let body = || printable(&String::from_utf8_lossy(&answer.body));
    if answer.status != 200 {
        return Err(Failure::BadAnswer(format!(
            "the Worker refused, which Twilio would report as 11200:\n{}",
            body()
        )));
    }
    twiml::read(answer.content_type().as_deref(), &answer.body).map_err(|error| {
        Failure::BadAnswer(format!(
            "Twilio would report {}: {}\n{}",
            error.code,
            error.reason,
            body()
        ))
    })
}
