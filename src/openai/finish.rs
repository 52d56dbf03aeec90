//! Why the model stopped, in the words of all servers.
//!
//! Not here: what comes of it (`response`).

use serde_json::Value;

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// The answer is complete, or the word is not known.
    Complete,
    /// A limit of tokens cut it short.
    Length,
    /// A filter withheld it.
    Filtered,
    /// The server failed. Whatever text there is, is not an answer.
    Failed,
}

impl Finish {
    /// Reads a `finish_reason`. `None` if there is none yet.
    ///
    /// Sources: the API references of OpenAI, Azure, OpenRouter (`error`), Mistral
    /// (`model_length`), Anthropic, Gemini, DeepSeek, Zhipu, and the code of vLLM (`abort`) and
    /// Text Generation Inference (`eos_token`).
    pub(super) fn read(value: &Value) -> Option<Self> {
        // SGLang's own form is an object.
        let word = value.as_str().or_else(|| value.get("type")?.as_str())?;
        let finish = match word.trim().to_ascii_lowercase().as_str() {
            // Alibaba's streams have the word "null" until they end.
            "" | "null" | "none" | "unspecified" => return None,
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "max_completion_tokens"
            | "max_new_tokens"
            | "max_length"
            | "model_length"
            | "token_limit"
            | "incomplete"
            | "model_context_window_exceeded" => Self::Length,
            "content_filter"
            | "content_filtered"
            | "content-filter"
            | "guardrail_intervened"
            | "safety"
            | "image_safety"
            | "prohibited_content"
            | "blocklist"
            | "recitation"
            | "spii"
            | "sensitive"
            | "refusal" => Self::Filtered,
            "error"
            | "failed"
            | "abort"
            | "aborted"
            | "cancelled"
            | "canceled"
            | "timeout"
            | "network_error"
            | "server_error"
            | "insufficient_system_resource" => Self::Failed,
            _ => Self::Complete,
        };
        Some(finish)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_of_other_servers_are_understood() {
        for (word, finish) in [
            ("stop", Finish::Complete),
            ("end_turn", Finish::Complete),
            ("eos", Finish::Complete),
            ("eos_token", Finish::Complete),
            ("STOP", Finish::Complete),
            ("tool_calls", Finish::Complete),
            ("a word of tomorrow", Finish::Complete),
            ("length", Finish::Length),
            ("max_tokens", Finish::Length),
            ("MAX_TOKENS", Finish::Length),
            ("model_length", Finish::Length),
            ("content_filter", Finish::Filtered),
            ("SAFETY", Finish::Filtered),
            ("PROHIBITED_CONTENT", Finish::Filtered),
            ("error", Finish::Failed),
            ("insufficient_system_resource", Finish::Failed),
            ("abort", Finish::Failed),
        ] {
            assert_eq!(Finish::read(&json!(word)), Some(finish), "{word}");
        }
        assert_eq!(
            Finish::read(&json!({ "type": "length" })),
            Some(Finish::Length)
        );
    }

    #[test]
    fn a_reason_that_says_nothing_is_none() {
        for silent in [
            json!(null),
            json!(""),
            json!("null"),
            json!(1),
            json!([]),
            json!({}),
        ] {
            assert_eq!(Finish::read(&silent), None, "{silent}");
        }
    }
}
