//! The webhooks of a call: their paths, and their URLs.
//!
//! Twilio's id of a call names the call's object. A call that we make has its object before Twilio has
//! given it an id, so its URLs name the object, in a query that Twilio signs and returns as it is. Not
//! here: the URL of a socket (`relay_url`).

use crate::identity::{CallSid, Pseudonym, PseudonymKey};

/// The webhook for a call that comes in, or that somebody has answered.
pub const VOICE_PATH: &str = "/twilio/voice";
/// The action of `<Connect>`: the socket has ended.
pub const ENDED_PATH: &str = "/twilio/voice/ended";
/// The action of `<Gather>`: the caller has said something, or nothing.
pub const HEARD_PATH: &str = "/twilio/voice/heard";
/// Where a caller is redirected to while its answer is being written.
pub const WAIT_PATH: &str = "/twilio/voice/wait";
/// The action of `<Dial>`: a person was dialled.
pub const DIALLED_PATH: &str = "/twilio/voice/dialled";
/// The status callback of a call.
pub const CALL_STATUS_PATH: &str = "/twilio/voice/status";

/// The name of the call's object in the query of the URLs of a call that we make.
const CALL: &str = "call";

/// The URL of a webhook. `ours` is the object of a call that we make.
#[must_use]
pub fn webhook_url(origin: &str, path: &str, ours: Option<&Pseudonym>) -> String {
    let query = ours.map_or_else(String::new, |call| format!("?{CALL}={}", call.as_str()));
    format!("{origin}{path}{query}")
}

/// The object that the URL of a webhook names, if it is one of a call that we make.
#[must_use]
pub fn call_of_ours(url: &str) -> Option<Pseudonym> {
    let (_, query) = url.split_once('?')?;
    let mut calls = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == CALL);
    match (calls.next(), calls.next()) {
        (Some((_, call)), None) => call.parse().ok(),
        _ => None,
    }
}

/// The object of the call that a webhook is about.
#[must_use]
pub fn object_of(keys: &PseudonymKey, url: &str, call: &CallSid) -> Pseudonym {
    call_of_ours(url).unwrap_or_else(|| keys.call(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn the_urls_of_a_call_that_we_make_name_its_object() {
        let call: Pseudonym = NAME.parse().unwrap();
        let url = webhook_url("https://example.com", VOICE_PATH, Some(&call));
        assert_eq!(url, format!("https://example.com/twilio/voice?call={NAME}"));
        assert_eq!(
            call_of_ours(&format!("{url}&document=2")),
            Some(call.clone())
        );
        assert_eq!(call_of_ours(&url), Some(call));
        let plain = webhook_url("https://example.com", ENDED_PATH, None);
        assert_eq!(plain, "https://example.com/twilio/voice/ended");
        assert_eq!(call_of_ours(&plain), None);
    }

    #[test]
    fn what_is_no_name_names_nothing() {
        for query in [
            "?call=",
            "?call=abc",
            &format!("?call={NAME}0"),
            &format!("?call={NAME}&call={NAME}"),
            &format!("?a={NAME}"),
        ] {
            assert_eq!(
                call_of_ours(&format!("https://example.com{VOICE_PATH}{query}")),
                None,
                "{query}"
            );
        }
    }
}
