//! The fake Twilio: its REST API and its media servers.
//!
//! Not here: its webhooks (`webhooks`).

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use switchboard::{
    base::time::UnixMillis,
    platform::{Clock, HttpError, HttpRequest, HttpResponse},
};

use super::{Act, Alteration, FakePlatform, after};
use crate::support::fresh_sid;

/// Where a media address redirects to.
pub const CDN: &str = "https://mms.twiliocdn.com/AC/an-image";
/// The first bytes of a GIF, enough to be recognised.
pub const GIF: &str = "GIF89a-the-planted-image";

impl FakePlatform {
    pub(super) async fn twilio_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        self.0
            .rest_tokens
            .borrow_mut()
            .push(token_of(request).unwrap());
        let act = self
            .0
            .twilio
            .borrow_mut()
            .pop_front()
            .unwrap_or(after(50, Act::Say("")));
        if request.url.contains("/Calls") {
            return self.call_answer(request, act).await;
        }
        if request.url.contains("/IncomingPhoneNumbers") {
            let mut listed = |_: &str| (200, self.list_of_numbers(&request.url));
            return self.act(act, &mut listed).await;
        }
        if request.method == "GET" {
            self.0.lookups.set(self.0.lookups.get() + 1);
            return self
                .act(act, &mut |_| (200, self.list_of_sent(&request.url)))
                .await;
        }
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body.to_bytes())
            .into_owned()
            .collect();
        self.act(act, &mut |_| {
            let mut sent = form.clone();
            sent.insert("sid".to_owned(), fresh_sid());
            sent.insert("direction".to_owned(), "outbound-api".to_owned());
            sent.insert("date_created".to_owned(), date_of_twilio(self.now()));
            let body = json!({ "sid": sent["sid"] }).to_string();
            self.0.sent.borrow_mut().push(sent);
            self.0.created_at.borrow_mut().push(self.now());
            (201, body)
        })
        .await
    }

    pub(super) async fn media_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        self.0
            .media_requests
            .borrow_mut()
            .push((request.url.clone(), token_of(request)));
        let redirect = request
            .url
            .starts_with("https://api.twilio.com/")
            .then_some(CDN);
        let act = self
            .0
            .media
            .borrow_mut()
            .pop_front()
            .unwrap_or(after(50, Act::Say("")));
        let mut answer = self
            .act(act, &mut |_| {
                if redirect.is_some() {
                    (307, String::new())
                } else {
                    (200, GIF.to_owned())
                }
            })
            .await?;
        answer.location = redirect.filter(|_| answer.status == 307).map(str::to_owned);
        if answer.body.len() > request.limit {
            Err(HttpError::TooLarge)
        } else {
            Ok(answer)
        }
    }

    /// The messages that were sent between the addresses of a list request, newest first.
    fn list_of_sent(&self, url: &str) -> String {
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes())
                .into_owned()
                .collect();
        let mut listed = [
            self.0.sent.borrow().as_slice(),
            self.0.replied.borrow().as_slice(),
        ]
        .concat();
        listed.sort_by_key(|message| message["sid"].clone());
        let fits = |message: &&BTreeMap<String, String>| {
            ["To", "From"].iter().all(|key| {
                query
                    .get(*key)
                    .is_none_or(|value| message.get(*key) == Some(value))
            })
        };
        let alteration = self.0.alteration.get();
        let body = |text: &str| match alteration {
            Alteration::None => json!(text),
            Alteration::Trial => {
                json!(format!("Sent from your Twilio trial account - {text}"))
            }
            Alteration::Redacted => json!(""),
            Alteration::SmartEncoded => {
                json!(
                    text.replace(['“', '”'], "\"")
                        .replace('…', "...")
                        .replace('–', "-")
                )
            }
        };
        let resource = |message: &BTreeMap<String, String>| json!({ "sid": message["sid"], "body": body(&message["Body"]), "direction": message["direction"], "date_created": message["date_created"] });
        json!({ "messages": listed.iter().rev().filter(fits).map(resource).collect::<Vec<_>>() })
            .to_string()
    }
}

/// The auth token in a request's Basic credentials.
fn token_of(request: &HttpRequest) -> Option<String> {
    let credentials = request
        .headers
        .iter()
        .find_map(|(_, value)| value.strip_prefix("Basic "))?;
    let credentials = String::from_utf8(BASE64_STANDARD.decode(credentials).unwrap()).unwrap();
    Some(credentials.split(':').nth(1).unwrap().to_owned())
}

/// A time in the format of RFC 2822, as Twilio writes it.
pub(super) fn date_of_twilio(at: UnixMillis) -> String {
    let date = std::time::UNIX_EPOCH + Duration::from_millis(at.0);
    httpdate::fmt_http_date(date).replace("GMT", "+0000")
}
