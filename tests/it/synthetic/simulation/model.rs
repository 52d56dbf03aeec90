//! The fake model: lines of personas and of an assistant, scores, failures, and answers that come too late.
//!
//! Not here: what must hold of a request (`checks`).

use std::rc::Rc;

use serde_json::{Map, Value, json};
use switchboard::platform::{HttpError, HttpRequest, HttpResponse};

use super::{
    checks::BROKEN,
    mutation::Mutation,
    world::{Name, World},
};
use crate::support::response::{completion, response};

impl World {
    pub async fn ask(
        self: &Rc<Self>,
        name: &Name,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        let run = &name.1;
        let body: Value = serde_json::from_slice(&request.body.to_bytes()).unwrap();
        let stored = self.stored(name, "run").unwrap_or_default();
        let kind = body["response_format"]["json_schema"]["name"].as_str();
        self.trace(|| {
            format!(
                "{run:.9} asks the model: {}",
                kind.unwrap_or("an assistant's line")
            )
        });
        let (now, wall) = (self.executor.now(), self.wall());
        self.checks
            .borrow_mut()
            .asked(run, &stored, &body, now, wall);
        let asking = Asking(Rc::clone(self), run.clone());
        let slow = self.fault(self.faults.model_slow, "slow answers");
        let takes = if slow {
            self.random.between(3000, 40_000)
        } else {
            self.random.between(100, 2500)
        };
        self.executor.sleep(takes).await;
        let answered = self.answer(run, kind, &stored, &body);
        drop(asking);
        answered
    }

    fn answer(
        &self,
        run: &str,
        kind: Option<&str>,
        stored: &str,
        body: &Value,
    ) -> Result<HttpResponse, HttpError> {
        let fails = self.fault(self.faults.model_fails, "failures of the model");
        if fails && self.is(Mutation::ErrorSpoken) && kind == Some("persona_line") {
            return Ok(said(
                &json!({ "say": format!("Sorry, {BROKEN}."), "ends_call": false }).to_string(),
            ));
        }
        if fails {
            return self.failure(kind);
        }
        let stored: Value = serde_json::from_str(stored).unwrap_or_default();
        match kind {
            Some("persona_line") => {
                let (text, ends_call) = self.line(run, body);
                let text = if self.is(Mutation::HalfALine) && text.len() > 30 {
                    text[..text.len() / 2].to_owned()
                } else {
                    text
                };
                Ok(said(
                    &json!({ "say": text, "ends_call": ends_call }).to_string(),
                ))
            }
            Some(_) => Ok(said(
                &self.scores(&stored["run"]["lines"], body).to_string(),
            )),
            None => Ok(said(&self.line(run, body).0)),
        }
    }

    /// A failure, whose words nobody may hear.
    fn failure(&self, kind: Option<&str>) -> Result<HttpResponse, HttpError> {
        let problem = json!({ "error": { "message": BROKEN } }).to_string();
        match self.random.below(9) {
            0 => Ok(response(500, problem)),
            1 => Ok(response(429, problem)),
            2 => Ok(response(400, problem)),
            3 => Ok(response(401, problem)),
            4 => Ok(response(200, BROKEN)),
            5 => Ok(response(200, "")),
            6 => Err(HttpError::Connection),
            // An assistant may say what it wants, so this is no failure there.
            7 if kind.is_some() => Ok(said(BROKEN)),
            8 if kind.is_some() => Ok(said(&json!({ "error": BROKEN, "say": "  " }).to_string())),
            _ => Err(HttpError::Unreadable),
        }
    }

    /// A line that nobody has said before, or one that its speaker has said before.
    fn line(&self, run: &str, body: &Value) -> (String, bool) {
        let own = body["messages"].as_array().unwrap().iter();
        let own: Vec<&str> = own
            .filter(|message| message["role"] == "assistant")
            .filter_map(|message| message["content"].as_str().filter(|text| !text.is_empty()))
            .collect();
        let repeats = !own.is_empty() && self.random.chance(self.faults.model_repeats);
        let text = if repeats {
            self.count("lines that a side said again");
            own[usize::try_from(self.random.below(own.len() as u64)).unwrap()].to_owned()
        } else {
            self.texts.set(self.texts.get() + 1);
            let words = (0..4).map(|_| format!("z{:012x}", self.random.next() >> 16));
            format!(
                "zebra {} {}.",
                self.texts.get(),
                words.collect::<Vec<_>>().join(" ")
            )
        };
        let ends_call = self.random.chance(self.faults.goodbye);
        self.checks.borrow_mut().answered(run, &text);
        (text, ends_call)
    }

    fn scores(&self, lines: &Value, body: &Value) -> Value {
        let schema = &body["response_format"]["json_schema"]["schema"];
        let names = schema["properties"]["criteria"]["required"]
            .as_array()
            .unwrap();
        let verdict = |name: &Value| {
            let verdict = json!({ "met": self.random.chance(800), "quote": self.quote(lines) });
            (name.as_str().unwrap().to_owned(), verdict)
        };
        let criteria: Map<_, _> = names.iter().map(verdict).collect();
        let mood = || json!({ "start": self.random.below(9), "end": -1 });
        let rating = || json!({ "value": self.random.below(300), "because": names[0] });
        let mut scores = json!({
            "criteria": criteria,
            "resolution": self.random.pick(&["resolved", "partly", "unresolved"]),
            "escalated": false,
            "sentiment": { "agent": mood(), "customer": mood() },
            "churn_risk": rating(),
            "propensity_to_buy": rating(),
            "satisfaction": rating(),
        });
        if self.random.chance(self.faults.judge_lies / 3) {
            self.count("scores that lack a part");
            scores.as_object_mut().unwrap().remove("satisfaction");
        }
        scores
    }

    /// Words of the transcript, or words that are not in it.
    fn quote(&self, lines: &Value) -> String {
        let lines = lines.as_array().unwrap();
        let line = &lines[usize::try_from(self.random.below(lines.len() as u64)).unwrap()];
        let text = line["heard"].as_str().or(line["text"].as_str()).unwrap();
        if !self.random.chance(self.faults.judge_lies) {
            return text.to_uppercase();
        }
        self.count("false quotes");
        match self.random.below(3) {
            0 => "You get a million.".to_owned(),
            1 => text.chars().skip(2).take(9).collect(),
            _ => String::new(),
        }
    }
}

fn said(text: &str) -> HttpResponse {
    let mut completion = completion(text, "stop");
    completion["usage"] = json!({ "prompt_tokens": 9, "completion_tokens": 3 });
    response(200, completion.to_string())
}

struct Asking(Rc<World>, String);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.checks.borrow_mut().left_model(&self.1);
    }
}
