//! Tests of the fields that an error names.

use super::means;
use crate::{
    config::{Field, Fields},
    openai::OpenAiError,
};

fn unsupported(fields: impl IntoIterator<Item = Field>) -> OpenAiError {
    OpenAiError::Unsupported(fields.into_iter().collect::<Fields>())
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

#[test]
fn an_endpoint_may_refuse_to_see_its_thoughts_again() {
    means(
        unsupported([Field::ReasoningContent]),
        &[
            (
                400,
                r#"{"error":{"message":"'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning_content' is unsupported)]","type":"invalid_request_error"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"messages[2].reasoning: reasoning is not supported with this model"}}"#,
            ),
            (
                422,
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","messages",2,"assistant","reasoning_content"],"msg":"Extra inputs are not permitted","input":"x"}]}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unknown parameter: 'messages[2].tool_calls[0].extra_content'.","param":"messages[2].tool_calls[0].extra_content","code":"unknown_parameter"}}"#,
            ),
        ],
    );
}
