//! Tests of what error bodies mean. The bodies have the form of real ones.

mod causes;
mod fields;

use proptest::prelude::*;

use super::*;
use crate::event::UnexpectedResponse;

fn means(expected: OpenAiError, cases: &[(u16, &str)]) {
    for (status, body) in cases {
        assert_eq!(
            meaning(*status, body.as_bytes()),
            expected,
            "{status} {body}"
        );
    }
}

#[test]
fn an_error_that_names_no_cause_is_what_its_status_says() {
    means(
        OpenAiError::Rejected,
        &[
            (400, ""),
            (400, r#"{"error":{}}"#),
            (422, "null"),
            (
                400,
                r#"{"error":{"message":"Unrecognized request argument supplied: user"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"This model only supports stream mode"}}"#,
            ),
        ],
    );
    means(OpenAiError::Unauthorized, &[(401, ""), (403, "<html>")]);
    means(
        OpenAiError::ServerError,
        &[
            (500, ""),
            (
                503,
                r#"{"error":{"message":"The model does not exist yet: it is being loaded"}}"#,
            ),
            (529, ""),
        ],
    );
    means(
        OpenAiError::Unexpected(UnexpectedResponse::OtherStatus),
        &[(302, ""), (204, ""), (600, "")],
    );
}

#[test]
fn what_repeats_the_request_is_not_read() {
    means(
        OpenAiError::Rejected,
        &[
            (
                422,
                r#"{"detail":[{"type":"bad","loc":["body","messages"],"msg":"no","input":"maximum context length, reasoning_effort"}]}"#,
            ),
            (
                400,
                r#"{"error":{"message":"no"},"request":{"max_completion_tokens":5,"code":"context_length_exceeded"}}"#,
            ),
        ],
    );
}

proptest! {
    #[test]
    fn any_body_has_a_meaning(status in 0u16..1000, body in ".{0,300}") {
        let _ = meaning(status, body.as_bytes());
        let inside = serde_json::json!({ "error": { "message": body, "code": body, "param": body } });
        let _ = meaning(status, inside.to_string().as_bytes());
    }

    #[test]
    fn an_error_inside_others_without_end_is_read_to_a_depth(depth in 0usize..100) {
        let body = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        prop_assert_eq!(meaning(400, body.as_bytes()), OpenAiError::Rejected);
    }
}
