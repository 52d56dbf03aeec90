//! `playground say`: a phone in the terminal. It posts one signed inbound message to the local Worker and
//! shows the answer, chats, or plays a script.
//!
//! Like Twilio it gives up after 15 seconds. It only posts to this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use self::attach::attach;
use self::phone::{Conversation, Failure, Phone};
use self::show::{show_answer, show_rest};
use crate::base::console::{EXIT_USAGE, print_error, print_line};
use crate::base::loopback::loopback_origin;
use crate::openai::HEARD;
use crate::webhook::channel::Channel;
use crate::webhook::client::{WebhookClient, tokens_of};
use crate::webhook::inbound::{Button, Inbound, Rich};

mod attach;
mod bubble;
mod chat;
mod phone;
mod script;
mod show;

/// The options of the command.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The text of the message. A message with media needs none. Without a text, each line of the input
    /// is a message
    text: Option<String>,
    /// Send the lines of this file that begin with ">", and compare the answers with those below them:
    /// "< text" is a line of the answer, "<~ words" is part of it, "<*" is any answer, "<-" is none
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "sid", "media", "voice", "quote", "button", "flow"])]
    script: Option<PathBuf>,
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

/// Runs the command. The exit code is 0 if Twilio would accept the answer and it is the expected one, 1
/// if not, and 2 if nothing was sent.
pub fn run(options: Options) -> ExitCode {
    let is_chat = options.text.is_none() && !has_content(&options);
    if is_chat && (options.sid.is_some() || options.quote.is_some()) {
        print_error(
            "say",
            "--sid and --quote are for one message: give it a text",
        );
        return ExitCode::from(EXIT_USAGE);
    }
    let script = options.script.clone();
    let text = options.text.clone().unwrap_or_default();
    let done = conversation_of(options).and_then(|conversation| match script {
        Some(file) => {
            let named = |reason: String| Failure::NotSent(format!("{}: {reason}", file.display()));
            let text = std::fs::read_to_string(&file)
                .map_err(|error| named(format!("cannot be read: {error}")))?;
            script::play(&conversation, &script::read(&text).map_err(named)?)
        }
        None if is_chat => chat::chat(&conversation),
        None => send_one(&conversation, &text).map(|()| true),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            print_error("say", failure.reason());
            match failure {
                Failure::NotSent(_) => ExitCode::from(EXIT_USAGE),
                Failure::BadAnswer(_) => ExitCode::FAILURE,
            }
        }
    }
}

/// Whether there is something to send without a text.
fn has_content(options: &Options) -> bool {
    let Options {
        media,
        voice,
        button,
        flow,
        ..
    } = options;
    !media.is_empty() || !voice.is_empty() || button.is_some() || flow.is_some()
}

/// Checks the options.
fn conversation_of(options: Options) -> Result<Conversation, Failure> {
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
        "",
        media,
        None,
    );
    Ok(Conversation {
        phone: Phone { client, playground },
        waits: !options.no_wait,
        template: Inbound {
            media_types,
            user_id: options.user_id,
            group: options.group,
            service: options.service,
            rich,
            ..inbound
        },
        sid: options.sid,
    })
}

/// Sends one message, and prints all about its answer.
fn send_one(conversation: &Conversation, text: &str) -> Result<(), Failure> {
    let inbound = conversation.message(text);
    print_line(&format!(
        "{} from {} to {}",
        inbound.sid, inbound.from, inbound.to
    ));
    let beginning = phone::now();
    let answered = conversation.phone.send(&inbound)?;
    let answer = answered.read.inspect_err(|_| print_line(&answered.took))?;
    if show_answer(&answer, Some(&answered.took)) {
        return Ok(());
    }
    print_line(
        "no message in this answer; if the model was slow the answer comes later by the REST API",
    );
    if conversation.waits {
        print_line("waiting for it up to 65 s; press Ctrl-C to stop");
        show_rest(conversation, &inbound, beginning, |after| {
            print_line(&format!("by the REST API after {} ms", after.as_millis()));
        });
    }
    Ok(())
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
