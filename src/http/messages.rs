//! `POST /twilio/messages`: an incoming message. The thread of its two addresses receives it and
//! answers.
//!
//! Not here: checks that all webhooks share (`webhook`), and the answer itself
//! (`messaging::thread`).

use std::time::Duration;

use super::{
    platform::WorkerPlatform,
    request::Request,
    response::Response,
    webhook::{self, Rejection},
};
use crate::{
    base::time::UnixMillis,
    config::Config,
    conversation::outbox::ReplyTarget,
    event::{self, Event, ObjectKind},
    messaging::{
        api::{Receive, Reply},
        inbound::{Inbound, Message},
    },
    object::{in_time, with_retry},
    twilio::{parts, twiml},
};

/// The latest time for an answer, counted from the message's arrival. Twilio waits 15 seconds. The
/// thread takes up to 14.5 of them: the longest `REPLY_WITHIN_MS`, and its check of the budget.
/// After a 503 Twilio can retry, or call the fallback URL.
const MESSAGE_TIME: Duration = Duration::from_millis(14_800);

/// Answers the webhook.
pub(super) async fn answer<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    // The time counts from before the body arrives.
    let arrived = platform.now();
    // (3) to (5) Form, signature, fields.
    let message = webhook::verified(config, request, url, "From", |form| {
        Inbound::from_form(form, config.max_message_chars)
    });
    let message = message.await?;
    let reply = match message.get() {
        // (6) The thread receives the message.
        Inbound::Message(received) => {
            receive(platform, config, received, message.token(), url, arrived).await?
        }
        Inbound::Ignored { from, reason } => {
            let (phone_hash, reason) = (config.pseudonym_key.phone_hash(from), *reason);
            event::log(platform, &Event::MessageIgnored { phone_hash, reason });
            Reply::Empty
        }
    };
    // (10) The reply, as TwiML.
    let parts = match reply {
        Reply::Text(text) => parts::split(&text),
        Reply::Empty => Vec::new(),
    };
    let body = twiml::messages(&parts).map_err(|_| Rejection::Twiml)?;
    Ok(Response::new(200, twiml::CONTENT_TYPE, body))
}

/// Calls the thread's object, which lives in another process, perhaps on another continent.
async fn receive<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    message: &Message,
    token: usize,
    url: &str,
    arrived: UnixMillis,
) -> Result<Reply, Rejection<'c>> {
    let keys = &config.pseudonym_key;
    let token = config.twilio_tokens.get(token);
    let token =
        token.ok_or_else(|| Rejection::Object(ObjectKind::Thread, "no such token".into()))?;
    let Message {
        sid,
        from,
        contact,
        to,
        account,
        service,
        input,
        images,
        voice_notes,
        unread,
        quoted,
    } = message.clone();
    let thread = keys.pair(&contact.primary, &to);
    let number = contact.number.as_ref();
    let receive = Receive {
        sid,
        input,
        images,
        voice_notes,
        unread,
        number_thread: number.map(|number| keys.pair(number, &to)),
        quoted,
        quoted_text: None,
        quoted_as_of: 0,
        phone_hash: keys.phone_hash(&from),
        reply_to: ReplyTarget {
            contact: from,
            number: to,
            service,
            account,
            token: keys.token_id(token),
            origin: webhook::origin(config, url).to_owned(),
        },
        arrived,
        usage: platform.take(),
    };
    let time_left = MESSAGE_TIME.saturating_sub(platform.now().since(arrived));
    // The thread receives each message only once, so the call may be made twice.
    let call = with_retry(async || platform.call(thread.as_str(), &receive).await);
    in_time(platform, time_left, call).await.map_err(|error| {
        platform.count(&receive.usage);
        Rejection::Object(ObjectKind::Thread, error.reason)
    })
}
