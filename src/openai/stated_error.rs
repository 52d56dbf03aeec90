//! An error that a server states inside a response with the status 200.
//!
//! OpenRouter and other gateways begin the response before the model has answered, so an error
//! that comes later cannot change the status any more. Source: OpenRouter, "Errors and debugging".
//!
//! Not here: responses with an error's status (`response`), and the words (`error::wording`).

use serde_json::Value;

use super::{
    OpenAiError,
    error::{stated_meaning, wording},
};

/// The error that an object of the response states: the whole response, a chunk or a choice.
pub(super) fn stated_error(object: &Value) -> Option<OpenAiError> {
    let stated = object.get("error").filter(|error| says_something(error));
    // Cloudflare has a list of errors.
    let listed = || object.get("errors")?.get(0).filter(|e| says_something(e));
    // vLLM and Anthropic mark the object that is itself the error. Other gateways give it a status.
    let itself = || {
        let is_marked = ["object", "type", "status"]
            .into_iter()
            .any(|name| object.get(name).and_then(Value::as_str) == Some("error"));
        let has_status = object.is_object() && status(object).is_some();
        let is_error = object.get("choices").is_none_or(Value::is_null) && has_status;
        (is_marked || is_error).then_some(object)
    };
    stated.or_else(listed).or_else(itself).map(meaning)
}

/// The meaning of an error: that of the status that it names, or else of its labels.
fn meaning(error: &Value) -> OpenAiError {
    // Some gateways wrap the error of the server behind them.
    let error = error.get(0).unwrap_or(error);
    let error = error
        .get("error")
        .filter(|e| e.is_object())
        .unwrap_or(error);
    let labels = labels(error);
    let is = |wordings: &wording::Wordings| wordings.fit_labels(&labels);
    let metadata = error.get("metadata");
    let flagged = metadata.is_some_and(|metadata| metadata.get("reasons").is_some());
    if is(&wording::NO_CREDIT) {
        return OpenAiError::InsufficientQuota;
    }
    if flagged || is(&wording::FILTERED) {
        return OpenAiError::Filtered;
    }
    match status(error) {
        Some(402) => OpenAiError::InsufficientQuota,
        Some(status) => stated_meaning(status, error),
        None if is(&wording::BUSY) => OpenAiError::Busy,
        None if is(&wording::UNAUTHORIZED) => OpenAiError::Unauthorized,
        None if is(&wording::REJECTED) => stated_meaning(400, error),
        // The server has failed while it answered, whatever it calls it.
        None => OpenAiError::ServerError,
    }
}

/// Whether an `error` is more than an empty form, such as null or `{"code":0,"message":""}`.
fn says_something(error: &Value) -> bool {
    match error {
        Value::Null => false,
        Value::Bool(failed) => *failed,
        Value::Number(_) => !is_fine(number(error)),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(errors) => !errors.is_empty(),
        Value::Object(fields) => {
            let fine = ["code", "status", "status_code"]
                .into_iter()
                .filter_map(|name| fields.get(name))
                .any(|code| is_fine(number(code)));
            !fine && fields.values().any(says_something)
        }
    }
}

/// Whether a code means that nothing is wrong.
fn is_fine(code: Option<u64>) -> bool {
    matches!(code, Some(0 | 200..=299))
}

/// The status that the error names, as a number or as text.
fn status(error: &Value) -> Option<u16> {
    ["code", "status", "status_code", "http_status", "http_code"]
        .into_iter()
        .filter_map(|name| error.get(name))
        .chain([error])
        .filter_map(number)
        .find(|number| (400..=599).contains(number))
        .and_then(|number| number.try_into().ok())
}

/// A number, or the number that a text is.
fn number(value: &Value) -> Option<u64> {
    match value {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what is no code stays none"
        )]
        Value::Number(number) => number.as_u64().or_else(|| {
            Some(number.as_f64()?)
                .filter(|n| *n >= 0.0)
                .map(|n| n as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The labels of the error, in lower case. A message for people is not among them.
fn labels(error: &Value) -> Vec<String> {
    ["code", "type", "status", "reason", "error_type"]
        .into_iter()
        .filter_map(|name| error.get(name)?.as_str())
        .chain(error.as_str())
        .map(|word| word.trim().to_ascii_lowercase().replace([' ', '-'], "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_means_what_its_status_or_its_words_mean() {
        for (error, expected) in [
            (
                json!({ "code": 502, "message": "Provider returned error" }),
                OpenAiError::ServerError,
            ),
            (json!({ "code": "503" }), OpenAiError::ServerError),
            (json!({ "code": 504.0 }), OpenAiError::ServerError),
            (json!({ "code": 429 }), OpenAiError::Busy),
            (json!({ "code": 408 }), OpenAiError::Busy),
            (
                json!({ "code": null, "type": "rate_limit_exceeded" }),
                OpenAiError::Busy,
            ),
            (
                json!({ "code": 8, "status": "RESOURCE_EXHAUSTED" }),
                OpenAiError::Busy,
            ),
            (json!({ "code": "Rate-Limit" }), OpenAiError::Busy),
            (json!("Too Many Requests"), OpenAiError::Busy),
            (json!({ "code": "Throttling.RateQuota" }), OpenAiError::Busy),
            (json!([{ "code": 429 }]), OpenAiError::Busy),
            (
                json!({ "error": { "code": 429 }, "message": "m" }),
                OpenAiError::Busy,
            ),
            (
                json!({ "code": 429, "type": "insufficient_quota" }),
                OpenAiError::InsufficientQuota,
            ),
            (json!({ "code": 402 }), OpenAiError::InsufficientQuota),
            (json!({ "code": 401 }), OpenAiError::Unauthorized),
            (
                json!({ "type": "authentication_error" }),
                OpenAiError::Unauthorized,
            ),
            (json!({ "code": 400 }), OpenAiError::Rejected),
            (
                json!({ "type": "invalid_request_error" }),
                OpenAiError::Rejected,
            ),
            (
                json!({ "code": 403, "metadata": { "reasons": ["violence"], "flagged_input": "x" } }),
                OpenAiError::Filtered,
            ),
            (json!({ "code": "content_filter" }), OpenAiError::Filtered),
            (
                json!({ "code": "upstream_insufficient_balance_error" }),
                OpenAiError::InsufficientQuota,
            ),
            (json!({ "code": "1113" }), OpenAiError::InsufficientQuota),
            (
                json!({ "type": "insufficient_funds" }),
                OpenAiError::InsufficientQuota,
            ),
            (json!({ "code": "1301" }), OpenAiError::Filtered),
            (
                json!({ "code": "ResponsibleAIPolicyViolation" }),
                OpenAiError::Filtered,
            ),
            (
                json!({ "type": "overloaded_error" }),
                OpenAiError::ServerError,
            ),
            (json!("model is overloaded"), OpenAiError::ServerError),
            (json!({ "message": "boom" }), OpenAiError::ServerError),
            (json!({ "code": 1_302 }), OpenAiError::ServerError),
            (
                json!({ "code": -1, "message": "" }),
                OpenAiError::ServerError,
            ),
            (json!(true), OpenAiError::ServerError),
            (json!(500), OpenAiError::ServerError),
        ] {
            let body = json!({ "error": error });
            assert_eq!(stated_error(&body), Some(expected), "{error}");
        }
    }

    #[test]
    fn the_error_is_found_where_servers_put_it() {
        for body in [
            json!({ "error": { "code": 429 }, "choices": null }),
            json!({ "object": "error", "message": "m", "code": 429 }),
            json!({ "type": "error", "error": { "type": "rate_limit_error", "message": "m" } }),
            json!({ "code": 429, "msg": "m" }),
            json!({ "status": "429", "choices": null }),
            json!({ "success": false, "errors": [{ "code": 429, "message": "m" }] }),
        ] {
            assert_eq!(stated_error(&body), Some(OpenAiError::Busy), "{body}");
        }
    }

    #[test]
    fn an_empty_form_is_no_error() {
        for error in [
            json!(null),
            json!(false),
            json!(0),
            json!(""),
            json!({}),
            json!([]),
            json!({ "code": 0, "message": "" }),
            json!({ "code": 0, "message": "success" }),
            json!({ "code": "200", "message": "OK", "details": {} }),
            json!({ "code": null, "message": "", "details": {} }),
        ] {
            assert_eq!(stated_error(&json!({ "error": error })), None, "{error}");
        }
        for fine in [
            json!({ "choices": [], "status": 500, "code": 0 }),
            json!({}),
            json!(null),
            json!({ "errors": [] }),
            json!([]),
        ] {
            assert_eq!(stated_error(&fine), None, "{fine}");
        }
    }
}
