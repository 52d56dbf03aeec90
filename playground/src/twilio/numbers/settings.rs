//! The settings that can be changed, and the values that Twilio accepts for them.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::resource::Resource;
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::twilio::error::{bad, unknown_parameter};
use crate::twilio::values::{form_of, is_web_address};

/// The fields that a form changes.
///
/// # Errors
/// The error of Twilio.
pub fn changes(call: &Call, settings: &[Setting]) -> Result<Resource, Reply> {
    let mut changes = Map::new();
    for (name, value) in form_of(call)? {
        let Some((_, field, allowed)) = settings.iter().find(|(known, ..)| *known == name) else {
            return Err(unknown_parameter(&name));
        };
        let value = allowed.parse(&name, &value)?;
        if changes.insert((*field).to_owned(), value).is_some() {
            return Err(bad(
                20001,
                &format!("The parameter {name} is given more than once."),
            ));
        }
    }
    Ok(changes)
}

/// A setting: its parameter, its field, and its allowed values.
pub type Setting = (&'static str, &'static str, Allowed);

/// The values that a parameter may have.
#[derive(Clone, Copy)]
pub enum Allowed {
    /// A URL that Twilio can reach, or an empty text. Other values get this error code.
    Url(u32),
    /// GET or POST.
    Method,
    /// POST, because the playground posts the webhooks of calls.
    Post,
    /// An empty text, because no account has an application.
    Application,
    /// true or false.
    Flag,
    /// At most 64 characters.
    Name,
}

/// The settings of a phone number that concern messages, and its webhook of calls.
pub const NUMBER_SETTINGS: [Setting; 10] = [
    ("FriendlyName", "friendly_name", Allowed::Name),
    ("SmsUrl", "sms_url", Allowed::Url(21402)),
    ("SmsMethod", "sms_method", Allowed::Method),
    ("SmsFallbackUrl", "sms_fallback_url", Allowed::Url(21402)),
    ("SmsFallbackMethod", "sms_fallback_method", Allowed::Method),
    (
        "SmsApplicationSid",
        "sms_application_sid",
        Allowed::Application,
    ),
    ("StatusCallback", "status_callback", Allowed::Url(21502)),
    (
        "StatusCallbackMethod",
        "status_callback_method",
        Allowed::Method,
    ),
    ("VoiceUrl", "voice_url", Allowed::Url(21402)),
    ("VoiceMethod", "voice_method", Allowed::Post),
];

/// The settings of a Messaging Service.
pub const SERVICE_SETTINGS: [Setting; 7] = [
    ("FriendlyName", "friendly_name", Allowed::Name),
    (
        "InboundRequestUrl",
        "inbound_request_url",
        Allowed::Url(20001),
    ),
    ("InboundMethod", "inbound_method", Allowed::Method),
    ("FallbackUrl", "fallback_url", Allowed::Url(20001)),
    ("FallbackMethod", "fallback_method", Allowed::Method),
    ("StatusCallback", "status_callback", Allowed::Url(20001)),
    (
        "UseInboundWebhookOnNumber",
        "use_inbound_webhook_on_number",
        Allowed::Flag,
    ),
];

impl Allowed {
    fn parse(self, name: &str, value: &str) -> Result<Value, Reply> {
        let rejected = |code: u32, why: &str| Err(bad(code, &format!("{name} {why}: {value}")));
        match self {
            Self::Url(code) if !value.is_empty() && !is_public_web_address(value) => {
                rejected(code, "is not a valid URL")
            }
            Self::Method if !matches!(value, "GET" | "POST") => {
                rejected(21403, "is neither GET nor POST")
            }
            Self::Post if value != "POST" => rejected(
                21403,
                "is not POST: the playground posts the webhooks of calls",
            ),
            Self::Application if !value.is_empty() => {
                rejected(20001, "is no application of this account")
            }
            Self::Name if value.chars().count() > 64 => {
                rejected(20001, "is longer than 64 characters")
            }
            Self::Flag => match value {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => rejected(20001, "is neither true nor false"),
            },
            _ => Ok(value.into()),
        }
    }
}

/// Whether the servers of Twilio could reach a URL: it must not lead to this machine or its
/// network.
fn is_public_web_address(url: &str) -> bool {
    let authority = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let is_private_name = match name.rsplit_once('.') {
        Some((_, top_level)) => matches!(top_level, "localhost" | "local"),
        None => true,
    };
    // An IPv6 address, in brackets, has no dot before its first colon.
    let is_private_address = match name.parse() {
        Ok(IpAddr::V4(address)) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
        }
        _ => false,
    };
    is_web_address(url) && !is_private_name && !is_private_address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_twilio_could_not_reach_is_rejected() {
        for url in [
            "https://a.example/x#rc=3&rp=all",
            "http://a.example",
            "https://user:pw@a.example:8443/?x=1",
            "https://203.0.113.7/",
        ] {
            assert!(is_public_web_address(url), "{url}");
        }
        for url in [
            "a.example",
            "ftp://a.example/",
            "https://",
            "https:///path",
            "https://a.example/with space",
            "http://localhost:8787/",
            "http://worker.localhost/",
            "https://printer.local/",
            "http://127.0.0.1:8787/",
            "http://user@127.0.0.1/",
            "https://10.0.0.1/",
            "https://192.168.1.1/",
            "https://169.254.1.1/",
            "http://[::1]:8787/",
            "https://intranet/",
        ] {
            assert!(!is_public_web_address(url), "{url}");
        }
    }
}
