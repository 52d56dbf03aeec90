//! The typing indicator: the contact sees that an answer is being written.
//!
//! Twilio has two versions of this API (public beta). The first, a form to `/v2`, is refused for
//! many accounts (twilio-node #1160). The second, JSON to `/v3`, works for WhatsApp and RCS (Twilio,
//! "Typing Indicators" and "Send an RCS typing indicator"; courier #1069, vercel/chat #918). Not
//! here: when it is shown (`messaging::thread`).

use serde::{Deserialize, Serialize};

use super::{TIMEOUT, TwilioRequestContext, authorization};
use crate::{
    base::url::BaseUrl,
    identity::{Address, Channel, MessageSid},
    platform::{Http, HttpRequest, MAX_RESPONSE_BYTES},
};

/// Twilio refused to show the typing indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypingRefused {
    /// The status of the answer.
    pub status: u16,
    /// Twilio's error code, if there was one.
    pub code: Option<u32>,
}

/// The request, in the form of each channel.
#[derive(Serialize)]
#[serde(tag = "channel", rename_all = "UPPERCASE")]
enum Indicator<'a> {
    Whatsapp {
        #[serde(rename = "messageId")]
        message_id: &'a str,
    },
    Rcs {
        from: &'a str,
        to: String,
        event: &'static str,
    },
}

/// Whether a contact who wrote to `number` can be shown that an answer is being written.
#[must_use]
pub fn can_show_typing(contact: &Address, number: &Address) -> bool {
    // A contact who writes to an RCS agent may appear with a plain number.
    contact.channel() == Channel::WhatsApp || number.channel() == Channel::Rcs
}

/// Shows that an answer to `sid` is being written, for at most 25 s. On WhatsApp it also marks the
/// message as read. Does nothing on channels without an indicator. A connection that fails does not
/// matter.
///
/// # Errors
/// When Twilio refused.
pub async fn show_typing(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    sid: &MessageSid,
) -> Result<(), TypingRefused> {
    #[derive(Deserialize)]
    struct TwilioError {
        code: Option<u32>,
    }
    let Some(request) = typing_request(base, context, sid) else {
        return Ok(());
    };
    match http.send(&request, TIMEOUT).await {
        Ok(response) if (400..=499).contains(&response.status) => {
            let error = serde_json::from_slice::<TwilioError>(&response.body).ok();
            Err(TypingRefused {
                status: response.status,
                code: error.and_then(|error| error.code),
            })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(super) fn typing_request(
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    sid: &MessageSid,
) -> Option<HttpRequest> {
    const PATH: &str = "/v3/Indicators/Typing.json";
    let indicator = indicator(context, sid)?;
    let url = match base.host() {
        "api.twilio.com" => format!("https://messaging.twilio.com{PATH}"),
        _ => base.join(PATH),
    };
    let content_type = "application/json".to_owned();
    Some(HttpRequest {
        method: "POST",
        url,
        headers: vec![
            ("Authorization".into(), authorization(context.credentials())),
            ("Content-Type".into(), content_type),
        ],
        body: serde_json::to_string(&indicator).ok()?.into(),
        limit: MAX_RESPONSE_BYTES,
    })
}

fn indicator<'a>(context: TwilioRequestContext<'a>, sid: &'a MessageSid) -> Option<Indicator<'a>> {
    if context.to.channel() == Channel::WhatsApp {
        return Some(Indicator::Whatsapp {
            message_id: sid.as_str(),
        });
    }
    // RCS needs the agent.
    (context.from.channel() == Channel::Rcs).then(|| Indicator::Rcs {
        from: context.from.as_str(),
        to: format!("rcs:{}", context.to.id()),
        event: "START",
    })
}
