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
    pub body: String,
    pub at: u64,
    pub direction: &'static str,
}

/// Where the fake Twilio keeps all pictures.
const CDN: &str = "https://mms.twiliocdn.com/picture";
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
        let mut answer = Err(HttpError::Connection);
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
        answer
    }

    async fn twilio(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let path = request.url.split('?').next().unwrap_or_default();
        let answer = if request.method == "GET" && path.ends_with("/Messages.json") {
            self.list(request).await
        } else if request.method == "POST" && path.ends_with("/Messages.json") {
            self.create(request).await
        } else if request.method == "GET"
            && (path.contains("/Media/") || [CDN, BUCKET].contains(&path))
        {
            self.file(request, path).await
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

    /// A picture or a voice note: Twilio redirects to its storage, which must get no credentials.
    async fn file(&self, request: &HttpRequest, path: &str) -> Result<HttpResponse, HttpError> {
        self.sleep(self.random.between(5, 1000)).await;
        let (kept, shown) = ([CDN, BUCKET].contains(&path), !request.headers.is_empty());
        self.invariants.borrow_mut().check(shown != kept, || {
            "credentials were shown to the wrong host, or not to Twilio".into()
        });
        if self.fault(
            self.fault_plan.media_fails,
            "pictures that could not be fetched",
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
            ("pictures", CDN, &b"GIF89a"[..])
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

    async fn create(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
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
        if self.fault(self.fault_plan.create_fails, "refused creates") {
            self.invariants
                .borrow_mut()
                .refused(&form["To"], self.executor.now());
            return match self.random.below(6) {
                0..3 => error(429, 20429),
                3 if self.fault_plan.two_tokens => error(401, 20003),
                _ => error(400, self.random.pick(&[21610, 63016, 21211])),
            };
        }
        if !self.fault(self.fault_plan.create_unknown, "creates of unknown outcome") {
            self.sleep(self.random.between(20, 500)).await;
            return Ok(self.act(&form));
        }
        self.invariants.borrow_mut().unknown_create();
        match self.random.below(7) {
            0 => error(500, 20500),
            1 => {
                self.act(&form);
                error(503, 20503)
            }
            2 => Err(HttpError::Connection),
            3 => {
                self.act(&form);
                self.sleep(self.random.below(3000)).await;
                Err(HttpError::Connection)
            }
            4 => {
                self.act(&form);
                Err(HttpError::Unreadable)
            }
            5 => {
                let response = self.act(&form);
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
                Ok(self.act(&form))
            }
        }
    }

    fn act(&self, form: &BTreeMap<String, String>) -> HttpResponse {
        let (to, body) = (form["To"].clone(), form["Body"].clone());
        let sid = format!(
            "SM{:032x}",
            0xF000_0000_u64 + self.created.borrow().len() as u64
        );
        self.trace(|| format!("Twilio creates a message to {to}: {body:.40}"));
        self.invariants
            .borrow_mut()
            .sent(&to, &body, self.executor.now());
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
        self.created.borrow_mut().push(Created {
            sid,
            to,
            from,
            body,
            at: self.fault_plan.start + self.executor.now(),
            direction: "outbound-api",
        });
        response
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
                body: body.clone(),
                at,
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
            format!("/2010-04-01/Accounts/AC/Messages.json?{query}")
        });
        Ok(json_response(
            200,
            &json!({ "messages": messages, "next_page_uri": next }),
        ))
    }
}

fn json_response(status: u16, body: &Value) -> HttpResponse {
    response(status, body.to_string())
}
