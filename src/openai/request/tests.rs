//! What a request has, and which endpoint is sent what.

use super::*;
use crate::{
    base::{image::ImageType, time::UnixMillis},
    config::tests::parse,
    identity::{Channel, Medium},
};

fn config(changes: &[(&str, &str)]) -> Config {
    parse(changes).unwrap()
}

fn pseudonym() -> Pseudonym {
    Pseudonym::from_object_name("ab12".into())
}

fn build(changes: &[(&str, &str)]) -> HttpRequest {
    built(changes, false)
}

fn built(changes: &[(&str, &str)], streams: bool) -> HttpRequest {
    let config = config(changes);
    let assistant = config.assistants.default();
    let prompt = prompt(assistant);
    let said = RequestContent {
        prompt: &prompt,
        history: [("Hi", "Hello")].into_iter(),
        input: "And \"now\"?",
        images: &[],
        rounds: &[],
        endpoint: 0,
        offer: Offer::default(),
        schema: None,
        streams,
    };
    let endpoint = assistant.endpoints.get(0);
    let omitted = endpoint.omitted;
    request(&config, assistant, endpoint, omitted, &pseudonym(), said).unwrap()
}

fn prompt(assistant: &Assistant) -> String {
    let (now, channel) = (UnixMillis(0), Channel::Sms);
    assistant.prompt.render(now, 0, Medium::Messages(channel))
}

#[test]
fn the_system_prompt_comes_once_and_the_turns_in_order() {
    let request = build(&[("ASSISTANT_PROMPT", "Be kind.")]);
    assert_eq!(request.url, "https://api.openai.com/v1/chat/completions");
    assert_eq!(
        request.body.to_text(),
        r#"{"model":"gpt-6-luna","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"And \"now\"?"}],"reasoning_effort":"none","max_completion_tokens":1000,"stream":false,"safety_identifier":"ab12","prompt_cache_key":"ab12"}"#
    );
    assert!(
        request
            .headers
            .contains(&("Authorization".into(), "Bearer sk-test".to_owned()))
    );
}

/// The fields of a request beside the messages, as JSON.
fn fields(changes: &[(&str, &str)]) -> serde_json::Value {
    let mut body: serde_json::Value =
        serde_json::from_slice(&build(changes).body.to_bytes()).unwrap();
    body.as_object_mut().unwrap().remove("messages");
    body
}

const OTHER_SERVERS: [&str; 3] = [
    "https://models.example/v1",
    "http://127.0.0.1:11434/v1",
    "https://gateway.ai.cloudflare.com/v1/account/gateway/workers-ai/v1",
];

#[test]
fn another_server_gets_no_field_that_only_openai_knows() {
    for url in OTHER_SERVERS {
        let expected = serde_json::json!({ "model": "gpt-6-luna", "max_completion_tokens": 1000, "stream": false });
        assert_eq!(fields(&[("OPENAI_BASE_URL", url)]), expected, "{url}");
    }
    let gateway = "https://gateway.ai.cloudflare.com/v1/account/gateway/openai";
    assert_eq!(
        fields(&[("OPENAI_BASE_URL", gateway)]),
        fields(&[]),
        "the gateway passes all on to OpenAI"
    );
}

#[test]
fn an_effort_that_is_set_is_sent_unchanged_to_every_server_and_model() {
    for url in [&OTHER_SERVERS[..], &["https://api.openai.com/v1"]].concat() {
        for model in ["gpt-6-luna", "gpt-6-astra", "llama"] {
            let sent = fields(&[
                ("OPENAI_BASE_URL", url),
                ("OPENAI_MODEL", model),
                ("OPENAI_REASONING_EFFORT", "Xhigh"),
            ]);
            assert_eq!(sent["reasoning_effort"], "Xhigh", "{url} {model}");
        }
    }
}

#[test]
fn a_model_that_would_reject_the_effort_none_does_not_get_it() {
    let effort = |model| {
        fields(&[("OPENAI_MODEL", model)])
            .get("reasoning_effort")
            .cloned()
    };
    for model in [
        "gpt-6-luna",
        "gpt-6.1-terra",
        "gpt-5.1",
        "gpt-5.4-nano",
        "gpt-7",
        "o30",
    ] {
        assert_eq!(effort(model), Some("none".into()), "{model}");
    }
    for model in [
        "gpt-4o-mini",
        "gpt-4o",
        "gpt-4.1-mini-2025-04-14",
        "ft:gpt-4o-mini-2024-07-18:org::id",
        "ft:gpt-4.1:org::id",
        "gpt-4-turbo",
        "gpt-5-mini",
        "gpt-6-astra",
        "gpt-6.2-sol",
        "o3-mini",
    ] {
        assert_eq!(effort(model), None, "{model}");
    }
}

#[test]
fn the_token_limit_is_the_configured_one() {
    assert_eq!(
        fields(&[("OPENAI_MAX_COMPLETION_TOKENS", "128000")])["max_completion_tokens"],
        128_000
    );
}

#[test]
fn only_the_newest_message_has_images() {
    let images = [
        (ImageType::Gif, &b"GIF89a"[..]),
        (ImageType::Jpeg, b"\xFF\xD8\xFF"),
    ]
    .map(|(kind, bytes)| Image {
        kind,
        bytes: bytes.to_vec(),
    });
    let config = config(&[]);
    let assistant = config.assistants.default();
    let said = RequestContent {
        prompt: "Be brief.",
        history: [("[1 picture]", "A gull.")].into_iter(),
        input: "And these?",
        images: &images,
        rounds: &[],
        endpoint: 0,
        offer: Offer::default(),
        schema: None,
        streams: false,
    };
    let endpoint = assistant.endpoints.get(0);
    let omitted = Fields::default();
    let request = request(&config, assistant, endpoint, omitted, &pseudonym(), said).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&request.body.to_bytes()).unwrap();
    assert_eq!(
        body["messages"][1],
        serde_json::json!({ "role": "user", "content": "[1 picture]" })
    );
    assert_eq!(
        body["messages"][3],
        serde_json::json!({ "role": "user", "content": [
            { "type": "text", "text": "And these?" },
            { "type": "image_url", "image_url": { "url": "data:image/gif;base64,R0lGODlh" } },
            { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,/9j/" } },
        ]})
    );
}

#[test]
fn a_gateway_is_told_not_to_cache() {
    let skips = |request: HttpRequest| {
        request
            .headers
            .iter()
            .any(|(name, _)| *name == "cf-aig-skip-cache")
    };
    assert!(skips(build(&[(
        "OPENAI_BASE_URL",
        "https://gateway.ai.cloudflare.com/v1/account/gateway/openai"
    )])));
    assert!(!skips(build(&[])));
}

#[test]
fn tools_are_offered_and_each_round_follows_the_message() {
    let config = config(&[("OPENAI_BASE_URL", "https://models.example/v1")]);
    let assistant = config.assistants.default();
    let endpoint = assistant.endpoints.get(0);
    let parameters = serde_json::json!({ "type": "object" });
    let functions = [tools::Function {
        name: "look",
        description: "Looks.",
        parameters: &parameters,
    }];
    let call = |arguments: serde_json::Value| tools::ToolCall {
        name: "look".to_owned(),
        arguments: arguments.as_object().cloned(),
        ..tools::ToolCall::default()
    };
    let round = |calls: Vec<(tools::ToolCall, String)>| Round {
        calls,
        ..Round::default()
    };
    let rounds = [
        round(vec![
            (
                call(serde_json::json!({ "id": 7 })),
                "{\"result\":1}".to_owned(),
            ),
            (
                call(serde_json::json!(null)),
                "{\"error\":\"timeout\"}".to_owned(),
            ),
        ]),
        round(vec![(
            call(serde_json::json!({})),
            "{\"result\":2}".to_owned(),
        )]),
    ];
    let body = |must_answer, omitted: Fields| {
        let said = RequestContent {
            schema: None,
            streams: false,
            prompt: "p",
            history: std::iter::empty(),
            input: "And now?",
            images: &[],
            rounds: &rounds,
            endpoint: 0,
            offer: Offer {
                functions: &functions,
                must_answer,
            },
        };
        let request = request(&config, assistant, endpoint, omitted, &pseudonym(), said);
        let bytes = request.unwrap().body.to_bytes();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
    };
    let asked = body(false, Fields::default());
    assert_eq!(
        asked["tools"],
        serde_json::json!([{ "type": "function", "function": { "name": "look", "description": "Looks.", "parameters": { "type": "object" } } }])
    );
    assert!(asked.get("tool_choice").is_none());
    assert_eq!(
        asked["messages"].as_array().unwrap()[1..],
        serde_json::json!([
            { "role": "user", "content": "And now?" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "call00000", "type": "function", "function": { "name": "look", "arguments": "{\"id\":7}" } },
                { "id": "call00001", "type": "function", "function": { "name": "look", "arguments": "{}" } },
            ] },
            { "role": "tool", "content": "{\"result\":1}", "tool_call_id": "call00000" },
            { "role": "tool", "content": "{\"error\":\"timeout\"}", "tool_call_id": "call00001" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "call01000", "type": "function", "function": { "name": "look", "arguments": "{}" } },
            ] },
            { "role": "tool", "content": "{\"result\":2}", "tool_call_id": "call01000" },
        ])
        .as_array()
        .unwrap()[..]
    );
    assert_eq!(body(true, Fields::default())["tool_choice"], "none");
    let without = body(true, Field::Tools.into());
    assert!(without.get("tools").is_none() && without.get("tool_choice").is_none());
    let without = body(true, Field::ToolChoice.into());
    assert!(without.get("tools").is_some() && without.get("tool_choice").is_none());
}

#[test]
fn only_the_endpoint_that_called_sees_again_what_it_said_beside_its_calls() {
    let config = config(&[("OPENAI_BASE_URL", "https://models.example/v1")]);
    let assistant = config.assistants.default();
    let message = serde_json::json!({
        "reasoning_content": "Look it up.",
        "tool_calls": [{ "id": "a", "function": { "name": "look" }, "extra_content": { "google": 1 } }],
    });
    let body = serde_json::json!({ "choices": [{ "message": message }] }).to_string();
    let response = crate::platform::HttpResponse {
        status: 200,
        retry_after: None,
        location: None,
        body: body.into_bytes(),
    };
    let decoded = super::super::decode(Ok(&response), true);
    let Ok(super::super::Reply::Calls(called)) = decoded.result else {
        panic!("{decoded:?}");
    };
    let results = called.calls.into_iter().map(|call| (call, "1".to_owned()));
    let rounds = [Round {
        endpoint: 0,
        calls: results.collect(),
        repeated: called.repeated,
    }];
    let asked = |number, omitted: Fields| {
        let said = RequestContent {
            schema: None,
            streams: false,
            prompt: "p",
            history: std::iter::empty(),
            input: "And now?",
            images: &[],
            rounds: &rounds,
            endpoint: number,
            offer: Offer::default(),
        };
        let endpoint = assistant.endpoints.get(0);
        let request = request(&config, assistant, endpoint, omitted, &pseudonym(), said);
        let bytes = request.unwrap().body.to_bytes();
        let body = serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        body["messages"].as_array().unwrap()[2..].to_vec()
    };
    let function = serde_json::json!({ "name": "look", "arguments": "{}" });
    let result = |id| serde_json::json!({ "role": "tool", "content": "1", "tool_call_id": id });
    let without = |id| {
        let call = serde_json::json!({ "id": id, "type": "function", "function": function });
        vec![
            serde_json::json!({ "role": "assistant", "content": null, "tool_calls": [call] }),
            result(id),
        ]
    };
    assert_eq!(
        asked(0, Fields::default()),
        [
            serde_json::json!({ "role": "assistant", "content": null, "reasoning_content": "Look it up.", "tool_calls": [
                { "id": "a", "type": "function", "function": function, "extra_content": { "google": 1 } },
            ] }),
            result("a"),
        ]
    );
    assert_eq!(asked(0, Field::ReasoningContent.into()), without("a"));
    assert_eq!(asked(1, Fields::default()), without("call00000"));
}

#[test]
fn an_answer_is_streamed_if_somebody_hears_it_and_only_openai_is_asked_for_its_cost() {
    for (url, omitted, expected) in [
        (
            "https://api.openai.com/v1",
            "",
            r#""stream":true,"stream_options":{"include_usage":true}"#,
        ),
        (
            "https://api.openai.com/v1",
            "stream_options",
            r#""stream":true,"safety"#,
        ),
        ("https://api.openai.com/v1", "stream", r#"1000,"safety"#),
        ("https://models.example/v1", "", r#""stream":true}"#),
    ] {
        let changes = [("OPENAI_BASE_URL", url), ("OPENAI_OMIT_FIELDS", omitted)];
        let body = built(&changes, true).body.to_text();
        assert!(body.contains(expected), "{body}");
        let sent = body.contains("stream_options");
        assert_eq!(sent, expected.contains("stream_options"), "{body}");
    }
}
