//! Calls of the REST API: one is ended.
//!
//! Source: Twilio's OpenAPI description, `twilio_api_v2010`, and "Call resource". Not here: when a call
//! is ended (`voice`).

use serde::Deserialize;
use serde_json::Value;

use super::{Credentials, TIMEOUT, create::code_in, form_request};
use crate::{
    base::url::BaseUrl,
    identity::CallSid,
    platform::{Http, HttpRequest},
};

/// Our knowledge of a call after the request to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// Twilio has ended it.
    Now,
    /// It was over before, or Twilio knows no such call.
    Before,
    /// Twilio did not accept the token (401). It can be asked with another one.
    Unauthorized,
    /// Twilio refused for good, with this error code, or with this status if there was no code.
    Rejected(u32),
    /// It is not known. The request can be repeated: a call ends once.
    Unknown,
}

/// "Call is not in-progress". Source: Twilio, "Error and Warning Dictionary".
const NOT_IN_PROGRESS: u32 = 21220;

/// Ends a call, whatever it is doing.
pub async fn complete_call(
    http: &impl Http,
    base: &BaseUrl,
    credentials: Credentials<'_>,
    call: &CallSid,
) -> Completed {
    let request = complete_request(base, credentials, call);
    match http.send(&request, TIMEOUT).await {
        Ok(response) => completed(response.status, &response.body),
        Err(_) => Completed::Unknown,
    }
}

fn complete_request(base: &BaseUrl, credentials: Credentials<'_>, call: &CallSid) -> HttpRequest {
    let url = base.join(&format!("{}/{}.json", calls(credentials), call.as_str()));
    form_request(url, credentials, "Status=completed".to_owned())
}

/// The path of an account's calls.
fn calls(credentials: Credentials<'_>) -> String {
    format!(
        "/2010-04-01/Accounts/{}/Calls",
        credentials.account.as_str()
    )
}

fn completed(status: u16, body: &[u8]) -> Completed {
    let code = code_of(body);
    match status {
        200..=299 => Completed::Now,
        404 => Completed::Before,
        _ if code == Some(NOT_IN_PROGRESS) => Completed::Before,
        401 => Completed::Unauthorized,
        // Too many requests at once, or a proxy on the way gave up waiting.
        408 | 429 => Completed::Unknown,
        400..=499 => Completed::Rejected(code.unwrap_or(status.into())),
        _ => Completed::Unknown,
    }
}

/// The code of an error.
fn code_of(body: &[u8]) -> Option<u32> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        code: Value,
    }
    let refusal = serde_json::from_slice::<Refusal>(body).unwrap_or_default();
    code_in(&refusal.code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::parse;

    #[test]
    fn a_call_is_ended_as_twilio_documents_it() {
        let config = parse(&[]).unwrap();
        let credentials = Credentials {
            account: &"AC0123456789abcdef0123456789abcdef".parse().unwrap(),
            token: &config.twilio_tokens[0],
        };
        let call = "CA0123456789abcdef0123456789abcdef".parse().unwrap();
        let request = complete_request(&config.twilio_api_base_url, credentials, &call);
        assert_eq!(
            request.url,
            "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef\
             /Calls/CA0123456789abcdef0123456789abcdef.json"
        );
        assert_eq!(request.method, "POST");
        assert_eq!(request.body.to_text(), "Status=completed");
    }

    #[test]
    fn a_call_that_is_over_is_no_failure_and_an_unclear_answer_is_unknown() {
        for (status, body, expected) in [
            (200, "{}", Completed::Now),
            (404, r#"{"code":20404}"#, Completed::Before),
            (404, "<html>", Completed::Before),
            (400, r#"{"code":21220}"#, Completed::Before),
            (400, r#"{"code":"21220"}"#, Completed::Before),
            (401, r#"{"code":20003}"#, Completed::Unauthorized),
            (400, r#"{"code":20001}"#, Completed::Rejected(20001)),
            (403, "", Completed::Rejected(403)),
            (408, "", Completed::Unknown),
            (429, r#"{"code":20429}"#, Completed::Unknown),
            (500, r#"{"code":20500}"#, Completed::Unknown),
            (302, "", Completed::Unknown),
        ] {
            let found = completed(status, body.as_bytes());
            assert_eq!(found, expected, "{status} {body}");
        }
    }
}
