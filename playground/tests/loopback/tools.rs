//! Tools and structured answers of the mock OpenAI: what it refuses, and what it calls.

use serde_json::{Value, json};

use crate::harness::{Playground, changed, chat};

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {
        "name": name, "description": "Looks an order up.",
        "parameters": {"type": "object", "required": ["order_id"],
            "properties": {"order_id": {"type": "string"}}}
    }})
}

/// The messages of a turn in which `call_1` and `call_2` were made.
fn called(after: &[Value]) -> Value {
    let call = |id: &str| {
        json!({"id": id, "type": "function",
            "function": {"name": "order_status", "arguments": "{\"order_id\":\"1234\"}"}})
    };
    let mut messages = vec![
        json!({"role": "user", "content": "Where is order 1234?"}),
        json!({"role": "assistant", "content": null, "tool_calls": [call("call_1"), call("call_2")]}),
    ];
    messages.extend(after.iter().cloned());
    json!({"messages": messages, "tools": [tool("order_status")]})
}

fn result(id: &str, content: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": content})
}

#[test]
fn tools_that_the_real_api_refuses_are_refused_by_name() {
    let playground = Playground::start();
    let many: Vec<Value> = (0..129).map(|n| tool(&format!("t{n}"))).collect();
    let with = |path: &str, value: Value| {
        let mut one = tool("order_status");
        *one.pointer_mut(path).unwrap() = value;
        json!({"tools": [one]})
    };
    let place = "/function/parameters";
    for (changes, param) in [
        (json!({"tools": []}), "tools"),
        (json!({"tools": many}), "tools"),
        (json!({"tools": ["x"]}), "tools[0]"),
        (with("/type", json!("custom_thing")), "tools[0].type"),
        (
            with("/function/name", json!("order status")),
            "tools[0].function.name",
        ),
        (
            with("/function/name", json!("a".repeat(65))),
            "tools[0].function.name",
        ),
        (
            with("/function/description", json!("a".repeat(1025))),
            "tools[0].function.description",
        ),
        (
            with(place, json!({"type": "string"})),
            "tools[0].function.parameters",
        ),
        (
            with(place, json!({"properties": {}})),
            "tools[0].function.parameters",
        ),
        (json!({"tool_choice": "auto"}), "tool_choice"),
        (json!({"parallel_tool_calls": false}), "parallel_tool_calls"),
        (
            json!({"tools": [tool("a")], "tool_choice": "maybe"}),
            "tool_choice",
        ),
        (
            json!({"tools": [tool("a")], "tool_choice": {"type": "function", "function": {"name": "b"}}}),
            "tool_choice",
        ),
        (
            json!({"tools": [tool("a")], "reasoning_effort": "low"}),
            "reasoning_effort",
        ),
    ] {
        let answer = playground.complete(&changed(&changes));
        assert_eq!(answer.status, 400, "{param}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(error["param"], param, "{error}");
    }
}

#[test]
fn each_call_needs_its_result_before_anything_else_is_said() {
    let playground = Playground::start();
    let user = json!({"role": "user", "content": "Well?"});
    for (after, param) in [
        (vec![], "messages.[2].role"),
        (vec![result("call_1", "{}")], "messages.[3].role"),
        (
            vec![result("call_1", "{}"), user.clone()],
            "messages.[3].role",
        ),
        (vec![result("call_3", "{}")], "messages.[2].tool_call_id"),
        (
            vec![result("call_1", "{}"), result("call_1", "{}")],
            "messages.[3].tool_call_id",
        ),
        (
            vec![
                result("call_1", "{}"),
                result("call_2", "{}"),
                user,
                result("call_1", "{}"),
            ],
            "messages.[5].role",
        ),
    ] {
        let answer = playground.complete(&changed(&called(&after)));
        assert_eq!(answer.status, 400, "{param}: {}", answer.text());
        assert_eq!(answer.json()["error"]["param"], param);
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
    }
    let orphan = json!({"messages": [{"role": "user", "content": "Hi"}, result("call_1", "{}")]});
    let answer = playground.complete(&changed(&orphan));
    assert_eq!(answer.json()["error"]["param"], "messages.[1].role");
    for calls in [
        json!([]),
        json!([{"id": "a", "type": "function", "function": {"name": "b", "arguments": {}}}]),
    ] {
        let messages = json!([{"role": "assistant", "content": null, "tool_calls": calls}]);
        let answer = playground.complete(&changed(&json!({"messages": messages})));
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
}

#[test]
fn a_question_about_an_order_becomes_a_call_and_its_result_an_answer() {
    let playground = Playground::start();
    let mut request = chat(&[("user", "Where are my two orders 1234 and 1235?")]);
    request["tools"] = json!([tool("order_status")]);
    let answer = playground.complete(&request).json();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let calls = choice["message"]["tool_calls"].as_array().unwrap();
    let arguments: Vec<&Value> = calls
        .iter()
        .map(|call| &call["function"]["arguments"])
        .collect();
    assert_eq!(
        arguments,
        [r#"{"order_id":"1234"}"#, r#"{"order_id":"1235"}"#]
    );
    assert_ne!(calls[0]["id"], calls[1]["id"]);

    let order = r#"{"status":"shipped","arrives":"Friday"}"#;
    let results = [
        result("call_1", order),
        result("call_2", r#"{"error":"timeout"}"#),
    ];
    let answer = playground.complete(&changed(&called(&results))).json();
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "Order 1234: shipped, arrives Friday. Sorry, the system for order status can't be reached \
         right now."
    );
}

#[test]
fn calls_are_streamed_in_parts_that_join() {
    let playground = Playground::start();
    let mut request = chat(&[("user", "Where is order 1234?")]);
    request["tools"] = json!([tool("order_status")]);
    request["stream"] = json!(true);
    let text = playground.complete(&request).text();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: {"));
    let mut arguments = String::new();
    let mut names = Vec::new();
    for event in events {
        let event: Value = serde_json::from_str(&format!("{{{event}")).unwrap();
        let function = &event["choices"][0]["delta"]["tool_calls"][0]["function"];
        arguments.push_str(function["arguments"].as_str().unwrap_or_default());
        names.extend(function["name"].as_str().map(str::to_owned));
    }
    assert_eq!(names, ["order_status"]);
    assert_eq!(arguments, r#"{"order_id":"1234"}"#);
}

#[test]
fn a_directive_spoils_the_calls() {
    let playground = Playground::start();
    let call = |fault: &str| {
        let mut request = chat(&[(
            "user",
            &format!("[fault tool={fault}] Where is order 1234?"),
        )]);
        request["tools"] = json!([tool("order_status")]);
        let answer = playground.complete(&request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["choices"][0]["message"].clone()
    };
    let function = |fault: &str| call(fault)["tool_calls"][0]["function"].clone();
    assert_eq!(function("unknown")["name"], "no_such_tool");
    assert!(function("object_arguments")["arguments"].is_object());
    assert_eq!(
        function("wrong_arguments")["arguments"],
        r#"{"planted": [1, 2]}"#
    );
    assert!(call("with_text")["content"].is_string());
    let broken = function("invalid_json")["arguments"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(serde_json::from_str::<Value>(&broken).is_err());
}

#[test]
fn an_answer_by_a_schema_is_json_that_fits_and_a_bad_schema_is_refused() {
    let playground = Playground::start();
    let format = |schema: Value| json!({"type": "json_schema", "json_schema": {"name": "intake", "strict": true, "schema": schema}});
    let text = json!({"type": ["string", "null"]});
    let inner = json!({"type": "object", "additionalProperties": false,
        "required": ["company", "date"], "properties": {"company": text, "date": text}});
    let schema = json!({
        "type": "object", "additionalProperties": false,
        "required": ["fields", "skip", "confirm", "answer"],
        "properties": {
            "fields": inner, "answer": text, "skip": {"type": ["boolean", "null"]},
            "confirm": {"type": ["string", "null"], "enum": ["yes", "no", null]}
        }
    });
    let ask = |asked: &str, message: &str| {
        let data = json!({"asked": asked, "fields": {}, "message": message}).to_string();
        let mut request = chat(&[("user", &data)]);
        request["response_format"] = format(schema.clone());
        let answer = playground.complete(&request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let content = answer.json()["choices"][0]["message"]["content"].clone();
        serde_json::from_str::<Value>(content.as_str().unwrap()).unwrap()
    };
    let nothing = json!({"company": null, "date": null});
    assert_eq!(
        ask("company", "Wagtail Boats"),
        json!({"fields": {"company": "Wagtail Boats", "date": null}, "skip": null, "confirm": null, "answer": null})
    );
    assert_eq!(
        ask("confirm", "yes"),
        json!({"fields": nothing, "skip": null, "confirm": "yes", "answer": null})
    );
    assert_eq!(
        ask("company", "skip"),
        json!({"fields": nothing, "skip": true, "confirm": null, "answer": null})
    );
    let bad = json!({"type": "object", "additionalProperties": false, "required": [],
        "properties": {"a": {"type": "string"}}});
    let answer = playground.complete(&changed(&json!({"response_format": format(bad)})));
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["param"], "response_format");
    let named = json!({"type": "json_schema", "json_schema": {"name": "not a name", "schema": {}}});
    let answer = playground.complete(&changed(&json!({"response_format": named})));
    assert_eq!(
        answer.json()["error"]["param"],
        "response_format.json_schema.name"
    );
}
