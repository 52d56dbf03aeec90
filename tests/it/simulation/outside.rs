//! What is outside of the Worker in the simulated world: the model, Twilio's REST API and KV, failing as the plan says. Not here:
//! objects and their storage (`world`), and what an object sees of all this (`platform`).

use std::{
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, UNIX_EPOCH},
};

use serde::Deserialize;
use serde_json::json;
use switchboard::{
    conversation::Turn,
    platform::{HttpError, HttpRequest, HttpResponse, PlatformError},
    wording,
};

use super::{
    executor::{WORLD, promise},
    plan::Mutation,
    platform::Platform,
    world::World,
};

pub struct KvEntry {
    pub value: String,
    pub written: u64,
    pub expires_at: u64,
}

pub struct Created {
    pub sid: String,
    pub to: String,
    pub from: String,
    pub body: String,
    pub at: u64,
    pub direction: &'static str,
}

const NUMBER: &str = "+15550199";
/// Where the pretend Twilio keeps all pictures.
const CDN: &str = "https://mms.twiliocdn.com/picture";

impl World {
    // The model.

    pub async fn ask_model(
        self: &Rc<Self>,
        platform: &Platform,
        request: &HttpRequest,
        timeout: u64,
    ) -> Result<HttpResponse, HttpError> {
        #[derive(Deserialize)]
        struct Body {
            messages: Vec<Said>,
        }
        #[derive(Deserialize)]
        struct Said {
            content: serde_json::Value,
        }
        /// The text of a message, alone or beside pictures.
        fn text(content: serde_json::Value) -> String {
            let beside = content.get(0).and_then(|part| part["text"].as_str());
            beside.or(content.as_str()).unwrap_or_default().to_owned()
        }
        let body: Body = serde_json::from_str(&request.body).unwrap();
        let mut said = body
            .messages
            .into_iter()
            .skip(1)
            .map(|said| text(said.content));
        let (mut turns, mut input) = (Vec::new(), String::new());
        while let Some(user) = said.next() {
            match said.next() {
                Some(assistant) => turns.push(Turn { user, assistant }),
                None => input = user,
            }
        }
        self.say(|| {
            format!(
                "{:.6} asks the model, after {} turns: {}",
                platform.name,
                turns.len(),
                input.replace('\n', " | ")
            )
        });
        self.ledger.borrow_mut().asked(
            &platform.name,
            platform.number,
            &turns,
            &input,
            self.executor.now(),
        );
        let (mut leaving, answer) = (
            AtModel {
                world: Rc::clone(self),
                name: platform.name.clone(),
                answer: None,
            },
            promise(),
        );
        let (give, take) = answer;
        let (world, name) = (Rc::clone(self), platform.name.clone());
        self.executor.spawn(
            WORLD,
            async move { give.give(world.model(&name, &input).await) },
        );
        let answer = self.executor.within(timeout, take).await;
        let (response, number) = match answer {
            None => (Err(HttpError::Timeout), None),
            Some(None) => (Err(HttpError::Connection), None),
            Some(Some(answer)) => answer,
        };
        leaving.answer = number;
        self.say(|| match &response {
            Ok(response) => format!(
                "{:.6} hears from the model: {} {}",
                platform.name,
                response.status,
                number.map_or(String::new(), |n| format!("answer#{n}"))
            ),
            Err(error) => format!("{:.6} hears from the model: {error}", platform.name),
        });
        match &response {
            Ok(response) if response.status == 200 => {}
            _ if self.is(Mutation::ApologyStored) => {
                let number = self
                    .ledger
                    .borrow_mut()
                    .add_answer(&platform.name, wording::APOLOGY.to_owned());
                leaving.answer = Some(number);
                return Ok(completion(wording::APOLOGY, "stop"));
            }
            _ => {}
        }
        response
    }

    async fn model(
        &self,
        name: &str,
        input: &str,
    ) -> (Result<HttpResponse, HttpError>, Option<usize>) {
        let slow = self.fault(self.plan.model_slow, "slow answers of the model");
        self.sleep(if slow {
            self.random.between(3000, 70_000)
        } else {
            self.random.between(50, 2500)
        })
        .await;
        let status = |status: u16, body: &str| {
            (
                Ok(HttpResponse {
                    status,
                    retry_after: None,
                    location: None,
                    body: body.as_bytes().to_vec(),
                }),
                None,
            )
        };
        if self.fault(self.plan.model_fails, "failures of the model") {
            let later = |seconds: &str| HttpResponse {
                status: 429,
                retry_after: Some(seconds.to_owned()),
                location: None,
                body: Vec::new(),
            };
            return match self.random.below(13) {
                0 => (Ok(later("2")), None),
                1 => (Ok(later("30")), None),
                2 => status(
                    429,
                    r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#,
                ),
                3 => status(500, "<html>"),
                4 => status(503, ""),
                5 => status(401, ""),
                6 => status(400, r#"{"error":{}}"#),
                7 => status(200, "<html>"),
                8 => status(200, r#"{"choices":[{"message":{"content":null}}]}"#),
                9 => status(
                    200,
                    r#"{"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}"#,
                ),
                // It acts, and drops the answer.
                10 => (Err(HttpError::Unreadable), None),
                _ => (Err(HttpError::Connection), None),
            };
        }
        if self.fault(self.plan.same_answers, "equal answers") {
            let text = format!("answer#same for {name:.6}");
            let number = self.ledger.borrow_mut().add_answer(name, text.clone());
            return (Ok(completion(&text, "stop")), Some(number));
        }
        let number = self.ledger.borrow().answers.len();
        let mut text = format!("answer#{number} to {}", input.replace('\n', ", "));
        if self.fault(self.plan.model_long, "answers of several parts") {
            for word in 0..self.random.between(50, 420) {
                text.push_str(&format!(" word{number}x{word}"));
            }
        }
        let (said, response) = match self.random.below(20) {
            0 => (format!("{text}…"), completion(&text, "length")),
            1 => {
                let body =
                    json!({ "choices": [{ "message": { "content": null, "refusal": text } }] })
                        .to_string();
                (
                    text,
                    HttpResponse {
                        status: 200,
                        retry_after: None,
                        location: None,
                        body: body.into_bytes(),
                    },
                )
            }
            _ => (text.clone(), completion(&text, "stop")),
        };
        let number = self.ledger.borrow_mut().add_answer(name, said);
        (Ok(response), Some(number))
    }

    // Twilio's REST API.

    pub async fn ask_twilio(
        self: &Rc<Self>,
        name: &str,
        request: &HttpRequest,
        timeout: u64,
    ) -> Result<HttpResponse, HttpError> {
        if request.method == "POST" && request.url.ends_with("/Messages.json") {
            self.ledger.borrow_mut().sending(name);
        }
        let attempts = if self.is(Mutation::AmbiguousSendRetried) && request.method == "POST" {
            2
        } else {
            1
        };
        let mut answer = Err(HttpError::Connection);
        for _ in 0..attempts {
            let (give, take) = promise();
            let (world, request) = (Rc::clone(self), request.clone());
            self.executor.spawn(WORLD, async move {
                let answer = world.twilio(&request).await;
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
        } else if request.method == "GET" && (path.contains("/Media/") || path == CDN) {
            self.picture(request, path).await
        } else if path.ends_with("/Typing.json") {
            self.count("typing indicators");
            self.sleep(self.random.between(10, 3000)).await;
            Ok(json_response(
                self.random.pick(&[200, 200, 400, 500]),
                &json!({}),
            ))
        } else {
            self.ledger.borrow_mut().check(false, || {
                format!("an unknown request: {} {path}", request.method)
            });
            Err(HttpError::Connection)
        };
        self.say(|| match &answer {
            Ok(answer) => format!("Twilio answers {} to a {}", answer.status, request.method),
            Err(_) => format!("Twilio breaks off a {}", request.method),
        });
        answer
    }

    /// A picture: Twilio leads to where it is kept, without credentials.
    async fn picture(&self, request: &HttpRequest, path: &str) -> Result<HttpResponse, HttpError> {
        self.sleep(self.random.between(5, 1000)).await;
        let (kept, shown) = (path == CDN, !request.headers.is_empty());
        self.ledger.borrow_mut().check(shown != kept, || {
            "credentials were shown to the wrong host, or not to Twilio".into()
        });
        if self.fault(self.plan.media_fails, "pictures that could not be fetched") {
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
        self.count("pictures");
        let location = (!kept).then(|| CDN.to_owned());
        Ok(HttpResponse {
            status: if kept { 200 } else { 307 },
            retry_after: None,
            location,
            body: b"GIF89a".to_vec(),
        })
    }

    async fn create(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let form: BTreeMap<String, String> = form_urlencoded::parse(request.body.as_bytes())
            .into_owned()
            .collect();
        self.say(|| format!("a POST of {}: {:.40}", form["To"], form["Body"]));
        let error = |status: u16, code: u32| {
            Ok(json_response(
                status,
                &json!({ "code": code, "message": "no", "status": status }),
            ))
        };
        let began = self.executor.now();
        if self.fault(self.plan.create_slow, "slow creates") {
            self.sleep(self.random.between(500, 9000)).await;
        }
        if self.fault(self.plan.create_fails, "refused creates") {
            self.ledger
                .borrow_mut()
                .refused(&form["To"], self.executor.now());
            return match self.random.below(6) {
                0..3 => error(429, 20429),
                3 if self.plan.two_tokens => error(401, 20003),
                _ => error(400, self.random.pick(&[21610, 63016, 21211])),
            };
        }
        if !self.fault(self.plan.create_unknown, "creates of unknown outcome") {
            self.sleep(self.random.between(20, 500)).await;
            return Ok(self.act(&form));
        }
        self.ledger.borrow_mut().unknown_create();
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
        self.say(|| format!("Twilio creates a message to {to}: {body:.40}"));
        self.ledger.borrow_mut().sent(&to, &body);
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
            at: self.plan.start + self.executor.now(),
            direction: "outbound-api",
        });
        response
    }

    /// A webhook of this sender got these texts: Twilio makes messages of them, which its list has beside the others.
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
                self.plan.start + self.executor.now(),
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
        if self.fault(self.plan.list_fails, "lookups that failed") {
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

    // KV.

    pub async fn kv_put(&self, key: String, value: String, ttl: u64) -> Result<(), PlatformError> {
        self.sleep(if self.fault(self.plan.kv_slow, "slow KV") {
            self.random.between(100, 12_000)
        } else {
            self.random.between(5, 60)
        })
        .await;
        if self.fault(self.plan.kv_hangs, "KV that hangs") {
            self.hang(300_000).await;
        }
        let fails = self.fault(self.plan.kv_write_fails, "KV writes that failed");
        if !fails || self.random.chance(300) {
            let now = self.executor.now();
            let expires_at = now + ttl * 1000;
            self.say(|| {
                format!(
                    "KV stores {key:.25}…/{}",
                    key.rsplit('/').next().unwrap_or_default()
                )
            });
            let mut kv = self.kv.borrow_mut();
            kv.insert(
                key,
                KvEntry {
                    value,
                    written: now,
                    expires_at,
                },
            );
        }
        if fails {
            Err(PlatformError::new("429 too many requests"))
        } else {
            Ok(())
        }
    }

    pub async fn kv_get(&self, name: &str, key: &str) -> Result<Option<String>, PlatformError> {
        self.count("KV reads");
        self.sleep(if self.fault(self.plan.kv_slow, "slow KV") {
            self.random.between(100, 12_000)
        } else {
            self.random.between(2, 40)
        })
        .await;
        if self.fault(self.plan.kv_hangs, "KV that hangs") {
            self.hang(300_000).await;
        }
        if self.fault(self.plan.kv_read_fails, "KV reads that failed") {
            self.ledger.borrow_mut().kv_read_failed(name);
            return Err(PlatformError::new("kv is down"));
        }
        let now = self.executor.now();
        let expired = self
            .kv
            .borrow()
            .get(key)
            .is_some_and(|entry| entry.expires_at <= now);
        if expired {
            self.count("revisions that expired before the next was saved");
            self.ledger.borrow_mut().kv_read_failed(name);
        }
        let (value, fresh) = match self.kv.borrow().get(key) {
            Some(entry) if now < entry.expires_at => {
                (Some(entry.value.clone()), now < entry.written + 60_000)
            }
            _ => (None, false),
        };
        if fresh && self.fault(self.plan.kv_stale, "stale KV reads") {
            // A key that is written once can only be missing.
            self.ledger.borrow_mut().kv_read_failed(name);
            return Ok(None);
        }
        Ok(value)
    }
}

fn completion(text: &str, reason: &str) -> HttpResponse {
    let body = json!({ "choices": [{ "message": { "content": text, "refusal": null }, "finish_reason": reason }] });
    json_response(200, &body)
}

fn json_response(status: u16, body: &serde_json::Value) -> HttpResponse {
    HttpResponse {
        status,
        retry_after: None,
        location: None,
        body: body.to_string().into_bytes(),
    }
}

struct AtModel {
    world: Rc<World>,
    name: String,
    answer: Option<usize>,
}

impl Drop for AtModel {
    fn drop(&mut self) {
        self.world
            .ledger
            .borrow_mut()
            .model_left(&self.name, self.answer);
    }
}
