//! Tests of what error bodies mean. The bodies have the form of real ones.

use proptest::prelude::*;

use super::*;
use crate::{
    config::{Field, Fields},
    event::UnexpectedResponse,
};

fn unsupported(fields: impl IntoIterator<Item = Field>) -> OpenAiError {
    OpenAiError::Unsupported(fields.into_iter().collect::<Fields>())
}

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
fn a_field_that_an_endpoint_does_not_know_is_named_in_whatever_words() {
    means(
        unsupported([Field::MaxCompletionTokens]),
        &[
            (
                400,
                r#"{"error":{"message":"Unsupported parameter: 'max_completion_tokens' is not supported with this model. Use 'max_tokens' instead.","type":"invalid_request_error","param":"max_completion_tokens","code":"unsupported_parameter"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unsupported parameter: 'max_completion_tokens' is not supported with this model. Use 'max_tokens' instead.","type":"invalid_request_error","param":null,"code":null}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unrecognized request argument supplied: max_completion_tokens","type":"invalid_request_error","param":null,"code":null}}"#,
            ),
            (
                422,
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":1000}]}"#,
            ),
            (
                422,
                r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":1000}]},"type":"invalid_request_error","param":null,"code":null}"#,
            ),
            (
                422,
                r#"{"object":"error","message":"{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"max_completion_tokens\"],\"msg\":\"Extra inputs are not permitted\"}]}","type":"internal_error_proxy","code":"1000"}"#,
            ),
            (
                400,
                r#"{"error":{"message":"litellm.UnsupportedParamsError: mistral does not support parameters: {'max_completion_tokens': 1000}, for model=mistral-small-latest. To drop these, set litellm.drop_params=True","type":"None","param":null,"code":"400"}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens'), 'msg': 'Extra inputs are not permitted', 'input': 1000}]","type":"BadRequestError","param":null,"code":400}"#,
            ),
            (
                400,
                r#"{"error":"unknown field `max_completion_tokens`, expected one of `messages`, `model`"}"#,
            ),
            (400, "json: unknown field \"max_completion_tokens\""),
        ],
    );
    means(
        unsupported([Field::ReasoningEffort]),
        &[
            (
                400,
                r#"{"error":{"message":"property 'reasoning_effort' is unsupported, did you mean 'reasoning_format'?","type":"invalid_request_error"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"`reasoning_effort` must be one of `none` or `default`","type":"invalid_request_error"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low', 'medium', and 'high'.","type":"invalid_request_error","param":"reasoning_effort","code":"unsupported_value"}}"#,
            ),
            (
                400,
                r#"{"code":"Client specified an invalid argument","error":"Model grok-4 does not support parameter reasoningEffort."}"#,
            ),
            (
                400,
                r#"{"error":{"message":"\"llama3\" does not support thinking","type":"api_error"}}"#,
            ),
        ],
    );
    means(
        unsupported([Field::SafetyIdentifier]),
        &[
            (
                400,
                r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"safety_identifier\": Cannot find field.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"Invalid JSON payload received. Unknown name \"safety_identifier\": Cannot find field."}]}]}}]"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unknown parameter: 'safety_identifier'.","type":"invalid_request_error","param":"safety_identifier","code":"unknown_parameter"}}"#,
            ),
        ],
    );
}

#[test]
fn all_fields_that_an_error_names_are_known_and_what_it_recommends_is_not_among_them() {
    means(
        unsupported([Field::SafetyIdentifier, Field::PromptCacheKey]),
        &[
            (
                422,
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","safety_identifier"],"msg":"Extra inputs are not permitted","input":"ab12"},{"type":"extra_forbidden","loc":["body","prompt_cache_key"],"msg":"Extra inputs are not permitted","input":"ab12"}]}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unrecognized request arguments supplied: prompt_cache_key, safety_identifier"}}"#,
            ),
        ],
    );
    means(
        unsupported([Field::Stream]),
        &[(
            400,
            r#"{"error":{"message":"Unrecognized request argument supplied: stream"}}"#,
        )],
    );
    means(
        unsupported([Field::MaxTokens]),
        &[
            (
                400,
                r#"{"error":{"message":"max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Please use 'max_tokens' instead of 'max_completion_tokens'."}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"'max_tokens' or 'max_completion_tokens' is too large: 1000. This model's maximum context length is 512 tokens and your request has 300 input tokens","type":"BadRequestError","code":400}"#,
            ),
        ],
    );
}

#[test]
fn a_conversation_that_is_too_long_is_told_from_other_errors() {
    means(
        OpenAiError::ContextTooLong,
        &[
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 4097 tokens. However, you requested 4927 tokens (3927 in the messages, 1000 in the completion). Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 2048 tokens. However, your request has 3000 input tokens.","type":"BadRequestError","param":null,"code":400}"#,
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#,
            ),
            (
                400,
                r#"{"error":"The number of tokens to keep from the initial prompt is greater than the context length."}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            ),
            (
                422,
                r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4500 `inputs` tokens and 1000 `max_new_tokens`","error_type":"validation"}"#,
            ),
            (413, ""),
            (413, "<html>Request Entity Too Large</html>"),
            (
                500,
                r#"{"error":{"code":500,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"invalid_request_error"}}"#,
            ),
        ],
    );
    means(
        OpenAiError::Busy,
        &[(
            429,
            r#"{"error":{"message":"Too many tokens, please wait before trying again."}}"#,
        )],
    );
}

#[test]
fn a_model_without_eyes_is_told_from_an_image_that_is_wrong() {
    means(
        OpenAiError::NoImages,
        &[
            (
                400,
                r#"{"error":{"message":"Invalid content type. image_url is only supported by certain models.","type":"invalid_request_error","param":"messages.[1].content.[1].type","code":null}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Failed to deserialize the JSON body into the target type: messages[7]: unknown variant `image_url`, expected `text` at line 1 column 114708","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
            ),
            (
                404,
                r#"{"error":{"message":"No endpoints found that support image input","code":404}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"'messages.1' : for 'role:user' the following must be satisfied[('messages.1.content' : value must be a string)]","type":"invalid_request_error"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"messages[1].content must be a string","type":"invalid_request_error"}}"#,
            ),
            (
                500,
                r#"{"error":{"code":500,"message":"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj","type":"server_error"}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"llama is not a multimodal model","type":"BadRequestError","code":400}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"At most 0 image(s) may be provided in one prompt.","type":"BadRequestError","code":400}"#,
            ),
            (
                400,
                r#"{"error":{"message":"This model does not support image inputs"}}"#,
            ),
        ],
    );
    means(
        OpenAiError::Rejected,
        &[(
            400,
            r#"{"error":{"message":"You uploaded an unsupported image. Please make sure your image is valid.","type":"invalid_request_error","param":null,"code":"image_parse_error"}}"#,
        )],
    );
}

#[test]
fn a_filter_is_a_filter_wherever_it_stands() {
    means(
        OpenAiError::Filtered,
        &[
            (
                400,
                r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"no words of ours","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"","type":"invalid_request_error","code":"content_policy_violation"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","code":"invalid_prompt"}}"#,
            ),
            (
                403,
                r#"{"error":{"code":403,"message":"Your chosen model requires moderation and your input was flagged","metadata":{"reasons":["violence"]}}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error"}}"#,
            ),
        ],
    );
}

#[test]
fn an_account_without_credit_is_told_from_a_busy_endpoint() {
    means(
        OpenAiError::InsufficientQuota,
        &[
            (402, ""),
            (
                402,
                r#"{"error":{"message":"Insufficient Balance","type":"unknown_error"}}"#,
            ),
            (
                429,
                r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            ),
            (
                429,
                r#"{"error":{"message":"Your account is not active, please check your billing details on our website.","type":"billing_not_active","param":null,"code":"billing_not_active"}}"#,
            ),
            (
                400,
                r#"{"error":{"code":"billing_hard_limit_reached","message":"Billing hard limit has been reached","type":"invalid_request_error"}}"#,
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#,
            ),
            (
                403,
                r#"{"code":"The caller does not have permission","error":"Your newly created team doesn't have any credits yet."}"#,
            ),
        ],
    );
    means(
        OpenAiError::Busy,
        &[
            (429, ""),
            (408, ""),
            (409, ""),
            (
                429,
                r#"{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}"#,
            ),
            (
                429,
                r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Please retry in 12s.","status":"RESOURCE_EXHAUSTED"}}]"#,
            ),
        ],
    );
}

#[test]
fn a_model_that_is_gone_is_told_from_a_wrong_path() {
    means(
        OpenAiError::ModelNotFound,
        &[
            (
                404,
                r#"{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            ),
            (
                403,
                r#"{"error":{"message":"Project `p` does not have access to model `m`","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            ),
            (
                404,
                r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"The model `m` has been decommissioned and is no longer supported.","type":"invalid_request_error","code":"model_decommissioned"}}"#,
            ),
            (
                404,
                r#"{"error":{"message":"model \"llama9\" not found, try pulling it first","type":"api_error","param":null,"code":null}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"Invalid model: mistral-9","type":"invalid_model","param":null,"code":"1500"}"#,
            ),
            (
                400,
                r#"{"error":{"message":"no/such is not a valid model ID","code":400}}"#,
            ),
            (410, ""),
        ],
    );
    means(
        OpenAiError::NotFound,
        &[
            (404, ""),
            (404, r#"{"detail":"Not Found"}"#),
            (404, "404 page not found"),
        ],
    );
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

#[test]
fn an_endpoint_that_takes_no_tools_says_so_in_whatever_words() {
    means(
        unsupported([Field::Tools]),
        &[
            (
                400,
                r#"{"error":{"message":"registry.ollama.ai/library/gemma:2b does not support tools","type":"api_error","param":null,"code":null}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","type":"BadRequestError","param":null,"code":400}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unrecognized request argument supplied: tools","type":"invalid_request_error","param":null,"code":null}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unsupported parameter: 'tools' is not supported with this model.","param":"tools","code":"unsupported_parameter"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"This model does not support Function Calling"}}"#,
            ),
            (
                404,
                r#"{"error":{"message":"No endpoints found that support tool use. To learn more about provider routing, visit the documentation","code":404}}"#,
            ),
            (
                500,
                r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#,
            ),
        ],
    );
    means(
        unsupported([Field::ToolChoice]),
        &[(
            400,
            r#"{"error":{"message":"Unknown parameter: 'tool_choice'.","param":"tool_choice"}}"#,
        )],
    );
    means(
        unsupported([Field::ReasoningEffort]),
        &[(
            400,
            r#"{"error":{"message":"Function tools with reasoning_effort are not supported for this model in /v1/chat/completions.","param":"reasoning_effort"}}"#,
        )],
    );
}
