//! The fake model of a call: an answer that comes word for word, slowly, with pauses, broken off, or not at all.
//!
//! Not here: the model of messages (`simulation::model`), and what must hold of a request (`invariants::asked`).

use std::{collections::VecDeque, rc::Rc};

use serde_json::{Value, json};
use switchboard::platform::{HttpError, HttpOpened, HttpRequest, HttpResponse};

use super::records::model_word;
use crate::{
    simulation::{
        body::{Body, Piece},
        executor::{OUTSIDE, promise},
        model::said,
        mutation::Mutation,
        object_ports::ObjectPlatform,
        state::Simulation,
        tools,
    },
    support::response::{completion, response},
};

/// What the model says to a request.
pub struct Said {
    /// The text of the answer as a voice says it, as far as it comes.
    pub spoken: String,
    /// Whether it comes to its end.
    pub is_whole: bool,
    /// Whether it calls tools, and something that ends the call.
    pub calls_tools: bool,
    pub ends_call: bool,
    /// The question by which it asks for digits, and how many.
    pub question: Option<(String, u8)>,
    pieces: VecDeque<(u64, Piece)>,
}

impl Simulation {
    pub async fn ask_model_in_a_call(
        self: &Rc<Self>,
        platform: &ObjectPlatform,
        request: &HttpRequest,
        timeout: u64,
    ) -> Result<HttpOpened<Body>, HttpError> {
        self.durable(&platform.name).await;
        let (turns, input) = said(request);
        let (_, allows_calls) = tools::of_request(request);
        self.trace(|| format!("{:.6} asks the model: {input}", platform.name));
        let body = request.body.to_text();
        self.call_asked(&platform.name, &turns, &input, &body);
        let (give, take) = promise();
        let (sim, name) = (Rc::clone(self), platform.name.clone());
        let (number, alive) = (platform.number, Rc::clone(&platform.alive));
        self.executor.spawn(OUTSIDE, async move {
            let said = sim.model_says(allows_calls).await;
            if let (Ok(said), true) = (&said, alive.get()) {
                sim.trace(|| format!("the model says to {name:.6}.{number}: {}", said.spoken));
            }
            give.give(said);
        });
        match self.executor.within(timeout, take).await {
            None => Err(HttpError::Timeout),
            Some(None) => Err(HttpError::Connection),
            Some(Some(Err(Ok(failed)))) => {
                if self.is(Mutation::ErrorSpoken) {
                    let text = format!("Error {}: try later", failed.status);
                    let whole = response(200, completion(&text, "stop").to_string());
                    return Ok(Body::in_pieces(self, whole));
                }
                Ok(Body::in_pieces(self, failed))
            }
            Some(Some(Err(Err(error)))) => Err(error),
            Some(Some(Ok(said))) => {
                self.model_answers(&platform.name, &said);
                let head = response(200, "");
                let opened = Body::in_pieces(self, head);
                Ok(HttpOpened {
                    body: Body::new(self, said.pieces),
                    ..opened
                })
            }
        }
    }

    /// What the model says, or the response or the error without which there is nothing to say.
    async fn model_says(
        &self,
        allows_calls: bool,
    ) -> Result<Said, Result<HttpResponse, HttpError>> {
        let (plan, random) = (&self.fault_plan, &self.random);
        let slow = self.fault(plan.model_slow, "slow answers of the model");
        let wait = if slow {
            random.between(1500, 12_000)
        } else {
            random.between(30, 900)
        };
        self.sleep(wait).await;
        if self.fault(plan.model_fails, "failures of the model") {
            return Err(match random.below(6) {
                0 => Ok(response(503, "")),
                1 => Ok(response(401, r#"{"error":{"message":"xyzzy"}}"#)),
                2 => Ok(response(429, "")),
                3 => Err(HttpError::Connection),
                4 => Ok(response(200, "<html>")),
                _ => Ok(response(
                    200,
                    r#"{"error":{"code":502,"message":"quince xyzzy"}}"#,
                )),
            });
        }
        let often = if self.calls.plan.asks_digits {
            450
        } else {
            200
        };
        if allows_calls && random.chance(often) {
            return Ok(self.calls_tools());
        }
        if self.fault(plan.model_particular, "answers without a word") {
            return Ok(Said::of(self, &[], true));
        }
        let words = self.next_answer();
        if self.fault(self.calls.plan.model_breaks, "answers that broke off") {
            return Ok(self.breaks_off(&words));
        }
        if random.chance(60) {
            self.count("answers that were not streamed");
            let (text, spoken) = joined(&words);
            let whole = completion(&text, "stop").to_string().into_bytes();
            return Ok(Said {
                spoken,
                is_whole: true,
                calls_tools: false,
                ends_call: false,
                question: None,
                pieces: [(10, Piece::Bytes(whole))].into(),
            });
        }
        Ok(Said::of(self, &words, true))
    }

    /// The words of the next answer, as the model writes them and as a voice says them. Each is said once in the run.
    fn next_answer(&self) -> Vec<[String; 2]> {
        const FORMS: [[&str; 2]; 10] = [
            ["@", "@"],
            ["@", "@"],
            ["@,", "@,"],
            ["@.", "@."],
            ["@?", "@?"],
            ["**@**", "@"],
            ["https://@.example.com/page.", "@ dot example dot com."],
            ["[@](https://example.com)", "@"],
            ["@ & so 🎉", "@ and so"],
            ["\n- @\n", "@."],
        ];
        let number = self.invariants.borrow_mut().next_number();
        let count = self.random.between(1, 24);
        let words = (0..count).map(|at| {
            let word = model_word(number, at);
            // Whether the end of a line is said depends on the word after it.
            let forms = if at + 1 < count {
                &FORMS[..]
            } else {
                &FORMS[..9]
            };
            let form = self.random.pick(forms);
            form.map(|form| format!("{} ", form.replace('@', &word)))
        });
        words.collect()
    }

    /// Calls of tools, sometimes after words.
    fn calls_tools(&self) -> Said {
        let random = &self.random;
        let words = if random.chance(500) {
            self.next_answer()
        } else {
            Vec::new()
        };
        let number = self.invariants.borrow_mut().next_number();
        let question = format!("{}?", model_word(number, 0));
        let most = random.pick(&[6, 6, 8, 12]);
        let asks = json!({ "question": question, "max_digits": most });
        let (name, arguments) = match random.below(4) {
            _ if self.calls.plan.asks_digits && random.chance(700) => ("ask_digits", asks),
            0 if self.calls.plan.hands_over => ("hand_off", json!({ "reason": "xyzzy is lost" })),
            0 | 1 if self.calls.plan.has_tools => ("end_conversation", json!({})),
            2 => ("no_such_tool", json!({})),
            _ => ("order_status", json!({ "order": random.below(3) })),
        };
        self.count("calls of tools in a call");
        let mut said = Said::of(self, &words, false);
        said.calls_tools = true;
        said.ends_call = ["hand_off", "end_conversation"].contains(&name);
        said.question = (name == "ask_digits").then_some((question, most));
        let call = json!({
            "index": 0, "id": "c1", "type": "function",
            "function": { "name": name, "arguments": arguments.to_string() },
        });
        let calls = chunk(&json!({ "tool_calls": [call] }), &json!("tool_calls"));
        said.pieces.push_back((20, calls));
        said.pieces.push_back((1, done()));
        said
    }

    /// An answer that ends in the middle: without a word, by a broken connection, an error, or silence.
    fn breaks_off(&self, words: &[[String; 2]]) -> Said {
        let kept = self.random.below(words.len() as u64 + 1);
        let words = &words[..usize::try_from(kept).unwrap()];
        let mut said = Said::of(self, words, false);
        let error = json!({ "error": { "message": "quince", "code": 502 } });
        let end = match self.random.below(5) {
            _ if self.is(Mutation::CutStreamEnded) => done(),
            0 => Piece::Break,
            1 => Piece::Hang,
            2 => Piece::Bytes(format!("data: {error}\n\n").into_bytes()),
            3 => chunk(&json!({}), &json!("content_filter")),
            // The connection ends as if nothing was missing.
            _ => return said,
        };
        said.pieces.push_back((30, end));
        said
    }
}

impl Said {
    /// These words in pieces of any length, with pauses.
    fn of(sim: &Simulation, words: &[[String; 2]], is_whole: bool) -> Self {
        let (text, mut spoken) = joined(words);
        let (random, mut rest) = (&sim.random, text.as_str());
        let mut pieces = VecDeque::new();
        while !rest.is_empty() {
            let length = random.between(1, 30);
            let end = rest.char_indices().nth(usize::try_from(length).unwrap());
            let (piece, behind) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
            let stalls = sim.fault(sim.calls.plan.model_stalls / 8, "answers that stalled");
            let pause = if stalls {
                random.between(2000, 12_000)
            } else {
                random.between(5, 250)
            };
            pieces.push_back((pause, chunk(&json!({ "content": piece }), &Value::Null)));
            rest = behind;
        }
        if is_whole {
            let reason = if random.chance(80) { "length" } else { "stop" };
            if reason == "length" && !text.trim().is_empty() {
                // The product marks an answer that was cut.
                spoken.push('…');
            }
            pieces.push_back((10, chunk(&json!({}), &json!(reason))));
            if random.chance(900) {
                pieces.push_back((random.below(30), done()));
            }
        }
        Self {
            spoken,
            is_whole,
            calls_tools: false,
            ends_call: false,
            question: None,
            pieces,
        }
    }
}

/// Words as one text, as the model writes it and as a voice says it.
fn joined(words: &[[String; 2]]) -> (String, String) {
    let all = |form: usize| words.iter().map(|word| word[form].as_str()).collect();
    (all(0), all(1))
}

fn chunk(delta: &Value, finish: &Value) -> Piece {
    let chunk = json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
    Piece::Bytes(format!("data: {chunk}\n\n").into_bytes())
}

fn done() -> Piece {
    Piece::Bytes(b"data: [DONE]\n\n".to_vec())
}
