//! The assistant's tools: the file that has them, the model's calls, and a service that fails.
//!
//! Not here: what must hold of a call and of its result (`invariants::tools`).

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::platform::{HttpError, HttpRequest, HttpResponse};

use super::{
    executor::{OUTSIDE, promise},
    mutation::Mutation,
    object_ports::ObjectPlatform,
    state::Simulation,
};
use crate::support::response::response;

/// Where the tools' service is.
pub const TOOLS_URL: &str = "https://shop.example/";

/// The beginning of an assistant's file.
pub const FRONT_DESK: &str = r#"
numbers = ["+15550199", "whatsapp:+15550199"]
prompt = "You are the front desk."
"#;

/// Its tools.
pub const TOOLS: &str = r#"
[[tools]]
name = "order_status"
description = "Looks up an order."
parameters = { type = "object", properties = { order = { type = "integer" } }, required = ["order"] }
url = "https://shop.example/orders"
secret = "ORDERS_SECRET"
timeout_ms = 3000
"#;

/// The results of tools in a request, in order, and whether it allows more calls.
pub fn of_request(request: &HttpRequest) -> (Vec<Value>, bool) {
    let body: Value = serde_json::from_slice(&request.body.to_bytes()).unwrap();
    let messages = body["messages"].as_array().unwrap();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    let results = results
        .map(|message| serde_json::from_str(message["content"].as_str().unwrap()).unwrap())
        .collect();
    let allows = body.get("tools").is_some() && body.get("tool_choice").is_none();
    (results, allows)
}

impl Simulation {
    /// Calls of the model, if it makes some now.
    pub fn calls(&self, name: &str) -> Option<HttpResponse> {
        if !self
            .random
            .chance(if self.fault_plan.tools { 400 } else { 80 })
        {
            return None;
        }
        if self.fault_plan.hands_over && (!self.fault_plan.tools || self.random.chance(200)) {
            return Some(self.call_for_a_person(name));
        }
        self.invariants.borrow_mut().told_of_calls(name, false);
        self.count("calls of tools");
        let call = |order: u64| {
            let name = if order == 3 {
                "no_such_tool"
            } else {
                "order_status"
            };
            let arguments = if order == 2 { json!("x") } else { json!(order) };
            let arguments = json!({ "order": arguments }).to_string();
            json!({ "type": "function", "function": { "name": name, "arguments": arguments } })
        };
        let calls: Vec<_> = (0..self.random.between(1, 4))
            .map(|_| call(self.random.pick(&[0, 0, 0, 1, 1, 2, 3])))
            .collect();
        Some(with_calls(&calls))
    }

    /// The model calls for a person, sometimes with arguments that are not right.
    fn call_for_a_person(&self, name: &str) -> HttpResponse {
        let reason = self.random.pick(&["xyzzy is lost.", "xyzzy is lost.", " "]);
        let is_right = !reason.trim().is_empty();
        self.invariants.borrow_mut().told_of_calls(name, is_right);
        self.count("calls for a person");
        let arguments = json!({ "reason": reason }).to_string();
        let function = json!({ "name": "hand_off", "arguments": arguments });
        with_calls(&[json!({ "type": "function", "function": function })])
    }

    pub async fn ask_tool(
        self: &Rc<Self>,
        platform: &ObjectPlatform,
        request: &HttpRequest,
        timeout: u64,
    ) -> Result<HttpResponse, HttpError> {
        let body: Value = serde_json::from_slice(&request.body.to_bytes()).unwrap();
        let header = request
            .headers
            .iter()
            .find(|(name, _)| name == "webhook-id");
        let id = if self.is(Mutation::ToolIdOfArguments) {
            body["arguments"].to_string()
        } else {
            header.unwrap().1.clone()
        };
        let (name, number) = (platform.name.as_str(), platform.number);
        self.trace(|| format!("{name:.6} calls a tool: {}", body["arguments"]));
        self.invariants
            .borrow_mut()
            .tool_called(name, number, &id, &body);
        let (give, take) = promise();
        let sim = Rc::clone(self);
        self.executor
            .spawn(OUTSIDE, async move { give.give(sim.tool().await) });
        let answer = self.executor.within(timeout, take).await;
        let (response, token) = match answer {
            None => (Err(HttpError::Timeout), None),
            Some(None) => (Err(HttpError::Connection), None),
            Some(Some(answer)) => answer,
        };
        self.trace(|| format!("{name:.6} hears from the tool: {token:?}"));
        if let Some(token) = &token {
            let mut invariants = self.invariants.borrow_mut();
            invariants.tool_answered(name, number, &id, token);
        } else if self.is(Mutation::ToolResultInvented) {
            return Ok(response_with("tool#invented"));
        }
        response
    }

    /// What the service answers, and the token in it.
    async fn tool(&self) -> (Result<HttpResponse, HttpError>, Option<String>) {
        let fails = self.fault_plan.tools_fail;
        let slow = self.fault(fails, "slow tools");
        self.sleep(if slow {
            self.random.between(2000, 9000)
        } else {
            self.random.between(20, 800)
        })
        .await;
        if self.fault(fails, "tools that failed") {
            let failure = match self.random.below(5) {
                0 => Err(HttpError::Connection),
                1 => Ok(response(500, "")),
                2 => Ok(response(404, "")),
                3 => Ok(response(302, "")),
                _ => Ok(response(200, b"\xff".to_vec())),
            };
            return (failure, None);
        }
        let token = self.invariants.borrow_mut().next_token();
        (Ok(response_with(&token)), Some(token))
    }
}

fn with_calls(calls: &[Value]) -> HttpResponse {
    let message = json!({ "content": "I look it up.", "tool_calls": calls });
    let body = json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }] });
    response(200, body.to_string())
}

fn response_with(token: &str) -> HttpResponse {
    response(200, json!({ "token": token }).to_string())
}
