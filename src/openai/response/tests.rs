//! Tests of the response: answers, calls, and why there is neither.

use super::{super::Tokens, *};

fn decoded(status: u16, body: &str) -> Decoded {
    decoded_with_calls(status, body, false)
}

fn decoded_with_calls(status: u16, body: &str, allows_calls: bool) -> Decoded {
    let response = HttpResponse {
        status,
        retry_after: None,
        location: None,
        body: body.as_bytes().to_vec(),
    };
    decode(Ok(&response), allows_calls)
}

fn answer(result: Result<Reply, OpenAiError>) -> Result<Completion, OpenAiError> {
    result.map(|reply| match reply {
        Reply::Answer(completion) => completion,
        Reply::Calls(calls) => panic!("{calls:?}"),
    })
}

fn respond(status: u16, body: &str) -> Result<Completion, OpenAiError> {
    answer(decoded(status, body).result)
}

#[test]
fn calls_are_the_reply_where_they_are_allowed() {
    let calls = r#""tool_calls":[{"id":"a","type":"function","function":{"name":"look","arguments":"{}"}}]"#;
    let body = |message: &str, finish: &str| {
        format!(r#"{{"choices":[{{"message":{{{message}}},"finish_reason":"{finish}"}}]}}"#)
    };
    let with_calls =
        |message: &str, finish: &str| decoded_with_calls(200, &body(message, finish), true).result;
    let looked = |result: Result<Reply, OpenAiError>| match result {
        Ok(Reply::Calls(called)) => called.calls.len() == 1 && called.calls[0].name == "look",
        _ => false,
    };
    for beside in ["", r#""content":null,"#, r#""content":"I look it up.","#] {
        for finish in ["tool_calls", "stop", "function_call"] {
            assert!(looked(with_calls(&format!("{beside}{calls}"), finish)));
        }
    }
    assert_eq!(with_calls(calls, "length"), Err(OpenAiError::TokenLimit));
    assert_eq!(
        with_calls(calls, "content_filter"),
        Err(OpenAiError::Filtered)
    );
    assert_eq!(
        with_calls(r#""tool_calls":[]"#, "tool_calls"),
        Err(OpenAiError::Empty)
    );
    let text = with_calls(r#""content":"Hi","tool_calls":[]"#, "stop");
    assert_eq!(answer(text).unwrap().text, "Hi");
    let streamed = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"look\",\"arguments\":\"\"}}]}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n";
    assert!(looked(decoded_with_calls(200, streamed, true).result));
    let broken = streamed
        .split("data: {\"choices\":[{\"delta\":{},")
        .next()
        .unwrap();
    assert_eq!(
        decoded_with_calls(200, broken, true).result,
        Err(OpenAiError::Unexpected(UnexpectedResponse::Streamed))
    );
}

#[test]
fn calls_that_were_not_allowed_are_passed_over() {
    let calls = r#""tool_calls":[{"function":{"name":"look","arguments":"{}"}}]"#;
    assert_eq!(
        choice(&format!("{{{calls}}}"), "tool_calls"),
        Err(OpenAiError::Empty)
    );
    let text = choice(&format!(r#"{{"content":"Hi",{calls}}}"#), "stop");
    assert_eq!(text.unwrap().text, "Hi");
}

fn choice(message: &str, finish_reason: &str) -> Result<Completion, OpenAiError> {
    let body = format!(
        r#"{{"choices":[{{"message":{message},"finish_reason":"{finish_reason}"}}],"usage":{{"prompt_tokens":7,"completion_tokens":3}}}}"#
    );
    let Decoded { result, tokens } = decoded(200, &body);
    assert_eq!(
        tokens,
        Tokens {
            prompt: 7,
            completion: 3
        },
        "whatever came of them, {finish_reason} {message} cost them"
    );
    answer(result)
}

#[test]
fn a_plain_answer_is_its_trimmed_text() {
    let completion = choice(r#"{"content":" Hello.\n","refusal":null}"#, "stop").unwrap();
    assert_eq!(
        completion,
        Completion {
            text: "Hello.".into(),
            finish_note: None
        }
    );
    assert!(
        respond(200, r#"{"choices":[{"message":{"content":"x"}}]}"#).is_ok(),
        "usage and finish_reason may be absent"
    );
}

#[test]
fn an_unusual_answer_has_a_defined_outcome() {
    let text = |result: Result<Completion, OpenAiError>| {
        result.map(|completion| (completion.text, completion.finish_note))
    };
    assert_eq!(
        text(choice(r#"{"content":"Half a"}"#, "length")),
        Ok(("Half a…".into(), Some("length")))
    );
    assert_eq!(
        text(choice(r#"{"content":null,"refusal":"I won't."}"#, "stop")),
        Ok(("I won't.".into(), Some("refusal")))
    );
    assert_eq!(
        text(choice(r#"{"content":"leaked"}"#, "content_filter")),
        Err(OpenAiError::Filtered)
    );
    for empty in [r#"{"content":null}"#, r#"{"content":" \n "}"#, "{}"] {
        assert_eq!(text(choice(empty, "stop")), Err(OpenAiError::Empty));
        assert_eq!(text(choice(empty, "length")), Err(OpenAiError::TokenLimit));
    }
    assert_eq!(
        respond(200, r#"{"choices":[]}"#),
        Err(OpenAiError::NoChoice)
    );
    assert_eq!(OpenAiError::NoChoice.label(), OpenAiError::Empty.label());
}

#[test]
fn tokens_are_read_from_the_responses_that_name_them() {
    let tokens = |body| decoded(200, body).tokens;
    assert_eq!(
        tokens(r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":0}}"#),
        Tokens {
            prompt: 7,
            completion: 0
        }
    );
    for silent in [
        r#"{"choices":[]}"#,
        r#"{"choices":[],"usage":null}"#,
        r#"{"choices":[],"usage":{}}"#,
        "<html>",
    ] {
        assert_eq!(tokens(silent), Tokens::default(), "{silent}");
    }
    assert_eq!(
        decoded(500, r#"{"usage":{"prompt_tokens":7}}"#).tokens,
        Tokens::default(),
        "an error is not charged"
    );
}

#[test]
fn a_good_answer_counts_whatever_its_usage_holds() {
    for (usage, tokens) in [
        (
            r#"{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null}"#,
            (0, 0),
        ),
        (r#"{"prompt_tokens":10.5,"completion_tokens":-35}"#, (11, 0)),
        (r#"{"prompt_tokens":"many","completion_tokens":{}}"#, (0, 0)),
        (r#"{"prompt_tokens":NaN,"completion_tokens":1e999}"#, (0, 0)),
        (r#""none""#, (0, 0)),
        ("[]", (0, 0)),
    ] {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"Hi"}}}}],"usage":{usage}}}"#);
        let Decoded {
            result,
            tokens: read,
        } = decoded(200, &body);
        assert_eq!(answer(result).unwrap().text, "Hi", "{usage}");
        assert_eq!((read.prompt, read.completion), tokens, "{usage}");
    }
}

#[test]
fn an_answer_is_read_as_a_person_would_read_it() {
    for body in [
        r#"{"choices":[{"message":{"content":[{"type":"text","text":"Hi!"}]}}]}"#,
        r#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"Hi!"}]}}]}"#,
        r#"{"choices":[{"message":{"content":"<think>\nThey say hi.\n</think>\n\nHi!"}}]}"#,
        r#"{"choices":[{"message":{"content":"They say hi.\n</think>\n\nHi!"}}]}"#,
        "{\"choices\":[{\"message\":{\"content\":\"<think>x</think>\nHi!\"}}]}",
        "\u{FEFF}{\"choices\":[{\"message\":{\"content\":\"Hi!\"}}]}",
        ": OPENROUTER PROCESSING\n\n{\"choices\":[{\"message\":{\"content\":\"Hi!\"}}]}",
        "\n\n{\"choices\":[{\"message\":{\"content\":\"Hi!\"}}]}\ndata: [DONE]\n",
        r#"{"choices":[{"delta":{"content":"Hi!"},"finish_reason":"eos"}]}"#,
        r#"{"choices":[{"text":"Hi!","logprobs":7,"index":"x"}],"id":5,"created":"x","usage":false}"#,
        r#"{"choices":[{"message":{"content":"Hi!","refusal":false,"tool_calls":"x"},"finish_reason":null}],"error":null}"#,
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"!\"}}]}\r\n\r\ndata: [DONE]\r\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"<think>x</\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"think>Hi!\"},\"finish_reason\":\"stop\"}]}",
    ] {
        assert_eq!(
            respond(200, body),
            Ok(Completion {
                text: "Hi!".into(),
                finish_note: None
            }),
            "{body}"
        );
    }
    let lone = r#"{"choices":[{"message":{"content":"Hi \ud83d"}}]}"#;
    assert_eq!(respond(200, lone).unwrap().text, "Hi \u{FFFD}");
    let refusal = r#"{"choices":[{"message":{"content":[{"type":"refusal","refusal":"No."}]}}]}"#;
    assert_eq!(respond(200, refusal).unwrap().finish_note, Some("refusal"));
}

#[test]
fn an_answer_of_thoughts_alone_is_empty_or_met_the_token_limit() {
    let thoughts = r#"{"content":"<think>\nThe user asks"}"#;
    assert_eq!(choice(thoughts, "length"), Err(OpenAiError::TokenLimit));
    assert_eq!(choice(thoughts, "MAX_TOKENS"), Err(OpenAiError::TokenLimit));
    assert_eq!(choice(thoughts, "stop"), Err(OpenAiError::Empty));
}

#[test]
fn an_error_inside_a_200_is_the_error_that_it_says() {
    for (body, failure) in [
        (
            r#"{"error":{"code":502,"message":"Provider returned error"}}"#,
            OpenAiError::ServerError,
        ),
        (r#"{"error":{"code":429}}"#, OpenAiError::Busy),
        (r#"[{"error":{"code":429}}]"#, OpenAiError::Busy),
        (
            r#"{"choices":[{"message":{"content":"Half a"},"finish_reason":"error"}]}"#,
            OpenAiError::ServerError,
        ),
        (
            r#"{"choices":[{"message":{"content":"Half a"},"error":{"code":429}}]}"#,
            OpenAiError::Busy,
        ),
        (
            r#"{"error":{"code":401},"choices":[{"message":{"content":"x"}}]}"#,
            OpenAiError::Unauthorized,
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"Half a\"}}]}\n\ndata: {\"error\":{\"code\":502},\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\ndata: [DONE]\n",
            OpenAiError::ServerError,
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"Half a\"},\"finish_reason\":\"stop\"}]}\n\nevent: error\ndata: overloaded\n\n",
            OpenAiError::ServerError,
        ),
    ] {
        assert_eq!(respond(200, body), Err(failure), "{body}");
    }
    assert_eq!(
        decoded(
            200,
            r#"{"error":{"code":502},"usage":{"prompt_tokens":7,"completion_tokens":1}}"#
        )
        .tokens
        .prompt,
        7,
        "what it cost is counted"
    );
}

#[test]
fn a_stream_that_breaks_off_is_no_answer() {
    const BEGUN: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"We open at\"},\"finish_reason\":null}],\"usage\":{\"prompt_tokens\":7}}\n\n";
    let broken = Err(OpenAiError::Unexpected(UnexpectedResponse::Streamed));
    assert_eq!(respond(200, BEGUN), broken);
    assert_eq!(respond(200, &format!("{BEGUN}data: {{\"cho")), broken);
    assert_eq!(decoded(200, BEGUN).tokens.prompt, 7, "but it cost tokens");
    let ended = format!("{BEGUN}data: [DONE]");
    assert_eq!(respond(200, &ended).unwrap().text, "We open at");
    let length = format!(
        "{BEGUN}data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"length\"}}]}}\n\ndata: {{\"cho"
    );
    assert_eq!(respond(200, &length).unwrap().text, "We open at…");
}

#[test]
fn a_body_that_is_not_the_expected_json_is_a_failure() {
    for (body, what) in [
        ("", UnexpectedResponse::EmptyBody),
        (": PROCESSING\n\n", UnexpectedResponse::EmptyBody),
        ("<html>", UnexpectedResponse::Html),
        ("null", UnexpectedResponse::NoChoices),
        ("{}", UnexpectedResponse::NoChoices),
        ("[]", UnexpectedResponse::NoChoices),
        ("\"Hello\"", UnexpectedResponse::NoChoices),
        (r#"{"choices":{}}"#, UnexpectedResponse::NoChoices),
        (r#"{"choices":[5]}"#, UnexpectedResponse::NoChoices),
        ("data: {}\n\ndata: [DONE]", UnexpectedResponse::NoChoices),
        (
            r#"{"choices":[{"message":{"content":5}}]}"#,
            UnexpectedResponse::NoText,
        ),
        ("{\"choices\":[{\"mess", UnexpectedResponse::NotJson),
        ("Hello", UnexpectedResponse::NotJson),
    ] {
        let failure = OpenAiError::Unexpected(what);
        assert_eq!(respond(200, body), Err(failure), "{body}");
        assert_eq!(failure.response(), Some(what));
    }
    assert_eq!(
        respond(302, ""),
        Err(OpenAiError::Unexpected(UnexpectedResponse::OtherStatus))
    );
    assert_eq!(
        decode(Err(HttpError::TooLarge), false).result,
        Err(OpenAiError::Unexpected(UnexpectedResponse::TooLarge))
    );
}

#[test]
fn statuses_become_failures() {
    let quota = r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    for (status, body, failure) in [
        (400, "", OpenAiError::Rejected),
        (401, "", OpenAiError::Unauthorized),
        (403, "", OpenAiError::Unauthorized),
        (404, "", OpenAiError::NotFound),
        (408, "", OpenAiError::Busy),
        (409, "", OpenAiError::Busy),
        (429, "", OpenAiError::Busy),
        (429, quota, OpenAiError::InsufficientQuota),
        (500, "", OpenAiError::ServerError),
        (503, "<html>", OpenAiError::ServerError),
    ] {
        assert_eq!(respond(status, body), Err(failure), "{status}");
    }
}
