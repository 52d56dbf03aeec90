//! Rules that depend on the model, and fields that exclude or need each other.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::fields::listed;
use super::models::{self, Model};
use super::problem::{Problem, unrecognized};

/// The model that the request names.
pub fn find_model(
    fields: &Map<String, Value>,
    today: NaiveDate,
) -> Result<&'static Model, Problem> {
    let Some(name) = fields.get("model").and_then(Value::as_str) else {
        return Err(Problem::invalid("The request names no model.".to_owned()));
    };
    let gone = |message: String| {
        Problem::invalid(message)
            .status(404)
            .code("model_not_found")
    };
    let model = models::find(name).ok_or_else(|| {
        gone(format!(
            "The model `{name}` does not exist or you do not have access to it."
        ))
    })?;
    if !model.answers_on(today) {
        let page = "https://platform.openai.com/docs/deprecations";
        return Err(gone(format!(
            "The model `{name}` has been deprecated, learn more here: {page}"
        )));
    }
    Ok(model)
}

/// The reasoning effort: the one in the request, or the default of the model.
pub fn effort<'a>(fields: &'a Map<String, Value>, model: &Model) -> &'a str {
    fields
        .get("reasoning_effort")
        .and_then(Value::as_str)
        .unwrap_or(model.default_effort)
}

/// A parameter that the model does not support.
pub fn unsupported(name: &str, instead: &str) -> Problem {
    let message =
        format!("Unsupported parameter: '{name}' is not supported with this model.{instead}");
    Problem::invalid(message)
        .param(name)
        .code("unsupported_parameter")
}

/// Rejects fields that exclude each other, or that this model does not support.
pub fn check_combinations(fields: &Map<String, Value>, model: &Model) -> Result<(), Problem> {
    let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let unsupported_value = |name: &str, value: &str, instead: &str| {
        let message = format!(
            "Unsupported value: '{name}' does not support {value} with this model. {instead}"
        );
        Problem::invalid(message)
            .param(name)
            .code("unsupported_value")
    };
    if given("max_tokens").is_some() && given("max_completion_tokens").is_some() {
        let message = "'max_tokens' and 'max_completion_tokens' cannot both be given.";
        return Err(Problem::invalid(message.to_owned())
            .param("max_tokens")
            .code("invalid_parameter_combination"));
    }
    if given("stream_options").is_some() && given("stream") != Some(&Value::Bool(true)) {
        let message = "'stream_options' needs 'stream' to be true.";
        return Err(Problem::invalid(message.to_owned()).param("stream_options"));
    }
    if given("top_logprobs").is_some() && given("logprobs") != Some(&Value::Bool(true)) {
        let message = "'top_logprobs' needs 'logprobs' to be true.";
        return Err(Problem::invalid(message.to_owned()).param("top_logprobs"));
    }
    if !model.reasons() {
        return match given("reasoning_effort") {
            Some(_) => Err(unrecognized("reasoning_effort")),
            None => Ok(()),
        };
    }
    if given("max_tokens").is_some() {
        return Err(unsupported(
            "max_tokens",
            " Use 'max_completion_tokens' instead.",
        ));
    }
    if let Some(effort) = given("reasoning_effort").and_then(Value::as_str)
        && !model.efforts.contains(&effort)
    {
        let instead = format!("Supported values are: {}.", listed(model.efforts));
        return Err(unsupported_value(
            "reasoning_effort",
            &format!("'{effort}'"),
            &instead,
        ));
    }
    for name in ["temperature", "top_p"] {
        if let Some(value) = given(name)
            && value
                .as_f64()
                .is_some_and(|number| (number - 1.0).abs() > f64::EPSILON)
        {
            return Err(unsupported_value(
                name,
                &value.to_string(),
                "Only the default (1) value is supported.",
            ));
        }
    }
    for name in [
        "frequency_penalty",
        "presence_penalty",
        "logprobs",
        "logit_bias",
        "stop",
    ] {
        if given(name)
            .is_some_and(|value| value.as_f64() != Some(0.0) && *value != Value::Bool(false))
        {
            return Err(unsupported(name, ""));
        }
    }
    let has_tools = given("tools")
        .and_then(Value::as_array)
        .is_some_and(|tools| !tools.is_empty());
    if has_tools && !model.tools_with_reasoning && effort(fields, model) != "none" {
        let message = format!(
            "Function tools with reasoning_effort are not supported for {} in \
             /v1/chat/completions. To use function tools, use /v1/responses or set \
             reasoning_effort to 'none'.",
            model.name
        );
        return Err(Problem::invalid(message).param("reasoning_effort"));
    }
    Ok(())
}
