//! The fake Twilio: REST API, media servers, and its list of messages.
//!
//! Not here: its webhooks (`webhook`).

use std::{
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Value, json};
use switchboard::platform::{HttpError, HttpRequest, HttpResponse};

use super::{executor::OUTSIDE, executor::promise, mutation::Mutation, state::Simulation};
use crate::support::{NUMBER, response::response};

pub struct Created {
    pub sid: String,
    pub to: String,
    pub from: String,
    /// As the list shows it.
    pub body: Option<String>,
    /// Whether that is what was sent.
    pub unchanged: bool,
    pub at: u64,
    /// When the list shows it, by the run's clock.
    pub listed_at: u64,
    pub direction: &'static str,
}

/// The code of an opt-out.
pub const UNSUBSCRIBED: u32 = 21610;
/// Where the fake Twilio keeps all images.
const CDN: &str = "https://mms.twiliocdn.com/image";
/// Where it keeps all voice notes.
const BUCKET: &str = "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/voice";
/// What the id of a voice note begins with.
pub const VOICE: &str = "MEvoice";

impl Simulation {
    pub async fn ask_twilio(
        self: &Rc<Self>,
        name: &str,
        request: &HttpRequest,
        timeout: u64,
    ) -> Result<HttpResponse, HttpError> {
        if request.method == "POST" && request.url.ends_with("/Messages.json") {
            self.invariants.borrow_mut().sending(name);
        }
        let attempts = if self.is(Mutation::AmbiguousSendRetried) && request.method == "POST" {
            2
        } else {
            1
        };
        let began = self.executor.now();
        let mut answer: Result<HttpResponse, HttpError> = Err(HttpError::Connection);
        for _ in 0..attempts {
            let (give, take) = promise();
            let (sim, request) = (Rc::clone(self), request.clone());
            self.executor.spawn(OUTSIDE, async move {
                let answer = sim.twilio(&request).await;
                give.give(answer);
            });
            answer = match self.executor.within(timeout, take).await {
                None => Err(HttpError::Timeout),
                Some(answer) => answer.unwrap_or(Err(HttpError::Connection)),
            };
            if answer.is_ok() {
                break;
            }
        }
        if let Ok(response) = &mut answer
            && let Some(to) = self.told_opted_out(request, response)
        {
            let now = self.executor.now();
            self.invariants
                .borrow_mut()
                .told_by_refusal(&to, began, now);
            if self.is(Mutation::OptOutAtTwilioIgnored) {
                *response = json_response(400, &json!({ "code": 21211 }));
            }
        }
        answer
    }

    /// The contact of a create that was refused because of an opt-out, if it still holds.
    fn told_opted_out(&self, request: &HttpRequest, response: &HttpResponse) -> Option<String> {
        let refused = response.status == 400
            && String::from_utf8_lossy(&response.body).contains(&UNSUBSCRIBED.to_string());
        let body = request.body.to_bytes();
        let form = form_urlencoded::parse(&body);
        let to = form.into_owned().find(|(name, _)| name == "To");
        let to = to.map(|(_, to)| to).filter(|_| refused)?;
        let holds = self.opted_out_at_twilio.borrow().contains(&to);
        holds.then_some(to)
    }

    async fn twilio(self: &Rc<Self>, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let path = request.url.split('?').next().unwrap_or_default();
        let answer = if request.method == "GET" && path.ends_with("/Messages.json") {
            self.list(request).await
        } else if request.method == "POST" && path.ends_with("/Messages.json") {
            self.create(request).await
        } else if request.method == "GET"
            && (path.contains("/Media/") || [CDN, BUCKET].contains(&path))
        {
            self.file(request, path).await
        } else if request.method == "POST" && path.contains("/Calls/") {
            self.end_call_by_rest(request, path).await
        } else if path.ends_with("/Typing.json") {
            self.count("typing indicators");
            self.sleep(self.random.between(10, 3000)).await;
            Ok(json_response(
                self.random.pick(&[200, 200, 400, 500]),
                &json!({}),
            ))
        } else {
            self.invariants.borrow_mut().check(false, || {
                format!("an unknown request: {} {path}", request.method)
            });
            Err(HttpError::Connection)
        };
        self.trace(|| match &answer {
            Ok(answer) => format!("Twilio answers {} to a {}", answer.status, request.method),
            Err(_) => format!("Twilio breaks off a {}", request.method),
        });
        answer
    }

    /// An image or a voice note: Twilio redirects to its storage, which must get no credentials.
    async fn file(&self, request: &HttpRequest, path: &str) -> Result<HttpResponse, HttpError> {
        self.sleep(self.random.between(5, 1000)).await;
        let (kept, shown) = ([CDN, BUCKET].contains(&path), !request.headers.is_empty());
        self.invariants.borrow_mut().check(shown != kept, || {
            "credentials were shown to the wrong host, or not to Twilio".into()
        });
        if self.fault(
            self.fault_plan.media_fails,
            "images that could not be fetched",
        ) {
            let failures = [
                Err(HttpError::Connection),
                Err(HttpError::TooLarge),
                Err(HttpError::Unreadable),
                Ok(404),
                Ok(500),
                Ok(200),
            ];
            return self
                .random
                .pick(&failures)
                .map(|status| json_response(status, &json!({})));
        }
        let is_voice = path == BUCKET || path.contains(VOICE);
        let (what, place, file) = if is_voice {
            ("voice notes", BUCKET, &b"OggS"[..])
        } else {
            ("images", CDN, &b"GIF89a"[..])
        };
        self.count(what);
        let location = (!kept).then(|| place.to_owned());
        Ok(HttpResponse {
            status: if kept { 200 } else { 307 },
            retry_after: None,
            location,
            body: file.to_vec(),
        })
    }

    async fn create(self: &Rc<Self>, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body.to_bytes())
            .into_owned()
            .collect();
        self.trace(|| format!("a POST of {}: {:.40}", form["To"], form["Body"]));
        let error = |status: u16, code: u32| {
            Ok(json_response(
                status,
                &json!({ "code": code, "message": "no", "status": status }),
            ))
        };
        let began = self.executor.now();
        if self.fault(self.fault_plan.create_slow, "slow creates") {
            self.sleep(self.random.between(500, 9000)).await;
        }
        if self.opted_out_at_twilio.borrow().contains(&form["To"]) {
            self.invariants
                .borrow_mut()
                .refused_opted_out(&form["To"], began, self.executor.now());
            self.count("rejections after an opt-out at Twilio");
            return error(400, UNSUBSCRIBED);
        }
        if self.fault(self.fault_plan.create_fails, "refused creates") {
            let (to, now) = (&form["To"], self.executor.now());
            self.invariants.borrow_mut().refused(to, now);
            return match self.random.below(8) {
                0..2 => error(429, 20429),
                2 => error(400, 14107),
                3 if self.fault_plan.two_tokens => error(401, 20003),
                4 => error(429, 63038),
                5 => {
                    self.opt_out_at_twilio(to);
                    self.invariants
                        .borrow_mut()
                        .refused_opted_out(to, began, now);
                    error(400, UNSUBSCRIBED)
                }
                _ => error(400, self.random.pick(&[63016, 21211])),
            };
        }
        if !self.fault(self.fault_plan.create_unknown, "creates of unknown outcome") {
            self.sleep(self.random.between(20, 500)).await;
            return Ok(self.act(&form, began));
        }
        self.invariants.borrow_mut().unknown_create();
        self.invariants
            .borrow_mut()
            .order_unknown(&form["To"], began);
        match self.random.below(7) {
            0 => error(500, 20500),
            1 => {
                self.act(&form, began);
                error(503, 20503)
            }
            2 => Err(HttpError::Connection),
            3 => {
                self.act(&form, began);
                self.sleep(self.random.below(3000)).await;
                Err(HttpError::Connection)
            }
            4 => {
                self.act(&form, began);
                Err(HttpError::Unreadable)
            }
            5 => {
                let response = self.act(&form, began);
                self.sleep(self.random.between(9000, 25_000)).await;
                Ok(response)
            }
            // The client has given up by then.
            _ => {
                self.count("creates after the client had left");
                self.sleep(
                    self.random
                        .between(10_000, 28_000)
                        .saturating_sub(self.executor.now() - began),
                )
                .await;
                Ok(self.act(&form, began))
            }
        }
    }

    /// From now on this contact has opted out at Twilio, until it writes START.
    pub fn opt_out_at_twilio(&self, contact: &str) {
        self.count("opt-outs at Twilio");
        self.opted_out_at_twilio
            .borrow_mut()
            .insert(contact.to_owned());
    }

    fn act(self: &Rc<Self>, form: &BTreeMap<String, String>, began: u64) -> HttpResponse {
        let (to, body) = (form["To"].clone(), form["Body"].clone());
        let sid = format!(
            "SM{:032x}",
            0xF000_0000_u64 + self.created.borrow().len() as u64
        );
        self.trace(|| format!("Twilio creates a message to {to}: {body:.40}"));
        let now = self.executor.now();
        self.invariants.borrow_mut().sent(&to, &body, now);
        self.invariants.borrow_mut().in_order(&to, began, now);
        let channel = if to.starts_with("whatsapp:") {
            "whatsapp:"
        } else {
            ""
        };
        let from = form
            .get("From")
            .cloned()
            .unwrap_or_else(|| format!("{channel}{NUMBER}"));
        let response = json_response(
            201,
            &json!({ "sid": sid, "status": "queued", "error_code": null }),
        );
        self.receipts(&sid, &to, &from);
        // The product relies on 30 s after which a message that is not listed does not exist.
        let lag = self
            .fault_plan
            .list_lag
            .min((began + 28_500).saturating_sub(now));
        if lag > 0 {
            self.count("messages that were not listed yet");
        }
        let shown = self.altered(&body);
        self.created.borrow_mut().push(Created {
            sid,
            to,
            from,
            unchanged: shown.as_deref() == Some(&body),
            body: shown,
            at: self.fault_plan.start + now,
            listed_at: now + lag,
            direction: "outbound-api",
        });
        response
    }

    /// A text as Twilio's list shows it.
    fn altered(&self, body: &str) -> Option<String> {
        if self.fault_plan.alteration > 0 {
            self.count("messages with a changed text");
        }
        match self.fault_plan.alteration {
            1 => Some(format!("Sent from your Twilio trial account - {body}")),
            2 => self.random.chance(500).then(String::new),
            3 => Some(body.replace('#', "-")),
            _ => Some(body.to_owned()),
        }
    }

    /// A webhook of this contact was answered with these texts. Twilio lists them as messages too.
    pub fn replied(&self, person: &str, number: &str, texts: &[String]) {
        let direction = if self.is(Mutation::EqualTextTaken) {
            "outbound-api"
        } else {
            "outbound-reply"
        };
        for body in texts {
            let sid = format!(
                "SM{:032x}",
                0xF000_0000_u64 + self.created.borrow().len() as u64
            );
            let (to, from, at) = (
                person.to_owned(),
                number.to_owned(),
                self.fault_plan.start + self.executor.now(),
            );
            self.created.borrow_mut().push(Created {
                sid,
                to,
                from,
                body: Some(body.clone()),
                unchanged: true,
                at,
                listed_at: 0,
                direction,
            });
        }
    }

    async fn list(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        self.count("lookups");
        self.sleep(self.random.between(20, 800)).await;
        if self.fault(self.fault_plan.list_fails, "lookups that failed") {
            return match self.random.below(4) {
                0 => Ok(json_response(500, &json!({}))),
                1 => Ok(json_response(429, &json!({ "code": 20429 }))),
                2 => {
                    self.sleep(30_000).await;
                    Err(HttpError::Connection)
                }
                _ => Err(HttpError::Connection),
            };
        }
        let query = request.url.split_once('?').map_or("", |(_, query)| query);
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let number = |name: &str, default: usize| {
            query
                .get(name)
                .and_then(|text| text.parse().ok())
                .unwrap_or(default)
        };
        let (page, size) = (number("Page", 0), number("PageSize", 50));
        let matches =
            |field: &str, value: &str| query.get(field).is_none_or(|wanted| wanted == value);
        let created = self.created.borrow();
        let found: Vec<&Created> = created
            .iter()
            .rev()
            .filter(|one| matches("To", &one.to) && matches("From", &one.from))
            .filter(|one| one.listed_at <= self.executor.now())
            .filter(|one| one.unchanged || !self.is(Mutation::OnlyEqualTextsFound))
            .collect();
        let messages: Vec<_> = found
            .iter()
            .skip(page * size)
            .take(size)
            .map(|one| {
                let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(one.at)).replace("GMT", "+0000");
                json!({ "sid": one.sid, "to": one.to, "from": one.from, "body": one.body, "date_created": date, "date_sent": date,
                        "status": "delivered", "direction": one.direction })
            })
            .collect();
        let next = (found.len() > (page + 1) * size).then(|| {
            let kept = query.iter().filter(|(name, _)| *name != "Page");
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(kept)
                .append_pair("Page", &(page + 1).to_string())
                .finish();
            format!("/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json?{query}")
        });
        Ok(json_response(
            200,
            &json!({ "messages": messages, "next_page_uri": next }),
        ))
    }
}

pub fn json_response(status: u16, body: &Value) -> HttpResponse {
    response(status, body.to_string())
}
