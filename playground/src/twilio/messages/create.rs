//! Creating a message: `POST …/Messages.json`.
//!
//! It is stricter than Twilio in one point: an unknown parameter is rejected, so that a typing
//! error is noticed.

use axum::http::StatusCode;
use serde_json::json;

use super::outbox::{Direction, Message, Outbox, Stage};
use crate::base::address::{MESSENGER, RCS, WHATSAPP, id_of, prefix_of};
use crate::base::random::random_hex;
use crate::base::time::now_ms;
use crate::feed::Feed;
use crate::http::call::{Call, form_as_json};
use crate::http::reply::{Prepared, Reply};
use crate::twilio::error::{bad, unknown_parameter};
use crate::twilio::text::{MAX_BODY_UNITS, units};
use crate::twilio::values::{
    form_of, is_e164, is_messenger_id, is_rcs_agent, is_sid, is_web_address, is_whatsapp_user,
    value_of,
};

/// Checks a request to create a message.
///
/// # Errors
/// The error of Twilio.
pub fn create<'a>(
    outbox: &'a Outbox,
    feed: &'a Feed,
    account: String,
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    let form = form_of(call)?;
    check(&form)?;
    let value = |name: &str| value_of(&form, name);
    let text = |name: &str| value(name).unwrap_or_default().to_owned();
    let media = media_urls(&form).len();
    let prefix = if media == 0 { "SM" } else { "MM" };
    let mut message = Message {
        sid: format!("{prefix}{}", random_hex()),
        account,
        to: text("To"),
        from: value("From").map(str::to_owned),
        messaging_service: value("MessagingServiceSid").map(str::to_owned),
        body: text("Body"),
        shown_body: None,
        listed_after: 0,
        media,
        accepted_at: 0,
        direction: Direction::Api,
        parameters: form_as_json(form.clone()),
    };
    Ok(Prepared {
        message_text: message.body.clone(),
        deprecation: None,
        act: Box::new(move |fault| {
            message.accepted_at = now_ms();
            message.alter(fault);
            let resource = message.resource(Stage::Created);
            let event = json!({
                "sid": message.sid,
                "to": message.to,
                "from": message.from,
                "text": message.body,
                "at": message.accepted_at
            });
            feed.publish("message", event);
            outbox.add(message);
            Reply::json(StatusCode::CREATED, resource)
        }),
    })
}

/// Checks the parameters.
///
/// # Errors
/// The error of Twilio about the first that it would reject.
fn check(form: &[(String, String)]) -> Result<(), Reply> {
    for (name, _) in form {
        let Some((_, repeatable)) = PARAMETERS.iter().find(|(known, _)| known == name) else {
            return Err(unknown_parameter(name));
        };
        if !repeatable && form.iter().filter(|(other, _)| other == name).count() > 1 {
            return Err(bad(
                20001,
                &format!("The parameter {name} is given more than once."),
            ));
        }
    }
    let value = |name: &str| value_of(form, name);
    let to = value("To").ok_or_else(|| bad(21604, "A 'To' address is required."))?;
    let from = value("From");
    let messaging_service = value("MessagingServiceSid");
    if from.is_none() && messaging_service.is_none() {
        return Err(bad(
            21603,
            "A 'From' address or a 'MessagingServiceSid' is required.",
        ));
    }
    check_to(to)?;
    if let Some(from) = from {
        check_from(from, to)?;
    }
    if let Some(sid) = messaging_service
        && !is_sid(sid, "MG")
    {
        return Err(bad(
            21701,
            "The 'MessagingServiceSid' is not MG and 32 hex digits.",
        ));
    }
    let media = media_urls(form);
    let body = value("Body").unwrap_or_default();
    if body.is_empty() && media.is_empty() && value("ContentSid").is_none() {
        return Err(bad(
            21619,
            "A 'Body', a 'MediaUrl' or a 'ContentSid' is required.",
        ));
    }
    if units(body) > MAX_BODY_UNITS {
        return Err(bad(21617, "The 'Body' is longer than 1600 characters."));
    }
    if media.len() > MAX_MEDIA {
        return Err(bad(21623, "There are more than 10 'MediaUrl'."));
    }
    if let Some(url) = media.iter().find(|url| !is_web_address(url)) {
        return Err(bad(
            21620,
            &format!("The 'MediaUrl' {url} is not a web address."),
        ));
    }
    if value("StatusCallback").is_some_and(|url| !is_web_address(url)) {
        return Err(bad(21609, "The 'StatusCallback' is not a web address."));
    }
    if let Some(seconds) = value("ValidityPeriod")
        && !seconds
            .parse()
            .is_ok_and(|seconds: u32| (1..=36_000).contains(&seconds))
    {
        return Err(bad(
            20001,
            "The 'ValidityPeriod' must be from 1 to 36000 seconds.",
        ));
    }
    Ok(())
}

fn media_urls(form: &[(String, String)]) -> Vec<&str> {
    form.iter()
        .filter(|(name, value)| name == "MediaUrl" && !value.is_empty())
        .map(|(_, value)| value.as_str())
        .collect()
}

/// Rejects addresses that cannot receive, and the magic test numbers of Twilio.
fn check_to(to: &str) -> Result<(), Reply> {
    let id = id_of(to);
    match id {
        "+15005550002" => Err(bad(21612, "There is no way from 'From' to 'To'.")),
        "+15005550003" => Err(bad(
            21408,
            "This account may not send to the region of 'To'.",
        )),
        "+15005550004" => Err(bad(
            21610,
            "The recipient has opted out of messages from 'From'.",
        )),
        "+15005550009" => Err(bad(21614, "The 'To' number cannot receive messages.")),
        "+15005550001" => Err(invalid_to()),
        _ if to.starts_with(MESSENGER) && is_messenger_id(id) => Ok(()),
        _ if to.starts_with(WHATSAPP) && is_whatsapp_user(id) => Ok(()),
        _ if is_e164(id) && !to.starts_with(MESSENGER) => Ok(()),
        _ => Err(invalid_to()),
    }
}

fn invalid_to() -> Reply {
    bad(21211, "The 'To' number is not a valid phone number.")
}

fn check_from(from: &str, to: &str) -> Result<(), Reply> {
    // An RCS agent writes to a number with or without the prefix.
    let to_a_number = prefix_of(from) == Some(RCS) && prefix_of(to).is_none();
    if prefix_of(from) != prefix_of(to) && !to_a_number {
        return Err(bad(21910, "'From' and 'To' must be of the same channel."));
    }
    if from == to {
        return Err(bad(21266, "'From' and 'To' cannot be the same."));
    }
    let id = id_of(from);
    let known = match prefix_of(from) {
        None => return check_number(from),
        Some(WHATSAPP) => is_e164(id) && id != "+15005550001",
        Some(RCS) => is_rcs_agent(id),
        Some(_) => is_messenger_id(id),
    };
    if known {
        Ok(())
    } else {
        Err(bad(63007, "There is no channel with this 'From' address."))
    }
}

fn check_number(from: &str) -> Result<(), Reply> {
    let short_code =
        (3..=8).contains(&from.len()) && from.bytes().all(|byte| byte.is_ascii_digit());
    match from {
        "+15005550007" => Err(bad(
            21606,
            "The 'From' number does not belong to this account.",
        )),
        "+15005550008" => Err(bad(21611, "The queue of the 'From' number is full.")),
        "+15005550001" => Err(invalid_from()),
        _ if is_e164(from) || short_code => Ok(()),
        _ => Err(invalid_from()),
    }
}

fn invalid_from() -> Reply {
    bad(
        21212,
        "The 'From' number is not a valid phone number, short code or sender.",
    )
}

/// The most files that a message can have.
const MAX_MEDIA: usize = 10;

/// The parameters of the request, and whether they may be repeated.
const PARAMETERS: [(&str, bool); 25] = [
    ("To", false),
    ("From", false),
    ("MessagingServiceSid", false),
    ("Body", false),
    ("MediaUrl", true),
    ("ContentSid", false),
    ("ContentVariables", false),
    ("StatusCallback", false),
    ("ApplicationSid", false),
    ("MaxPrice", false),
    ("ProvideFeedback", false),
    ("Attempt", false),
    ("ValidityPeriod", false),
    ("ForceDelivery", false),
    ("ContentRetention", false),
    ("AddressRetention", false),
    ("SmartEncoded", false),
    ("PersistentAction", true),
    ("TrafficType", false),
    ("ShortenUrls", false),
    ("ScheduleType", false),
    ("SendAt", false),
    ("SendAsMms", false),
    ("RiskCheck", false),
    ("Tags", false),
];
