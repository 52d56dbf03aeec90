//! What the chunks of a response say together. A response that is no stream is one chunk.
//!
//! Not here: what comes of it (`response`).

use serde_json::Value;

use super::{
    OpenAiError,
    content::AnswerText,
    finish::Finish,
    stated_error::stated_error,
    tokens::Tokens,
    tools::{Called, Calls},
};

/// What a response says.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What the model said in deltas.
    deltas: AnswerText,
    /// What it said in messages.
    messages: AnswerText,
    /// What it called in deltas.
    called_in_deltas: Calls,
    /// What it called in messages.
    called_in_messages: Calls,
    /// Why it stopped.
    pub finish: Option<Finish>,
    /// The error that the server states. Nothing of the text is an answer then.
    pub error: Option<OpenAiError>,
    /// The cost.
    pub tokens: Tokens,
    /// The choices that there were.
    pub choices: Choices,
}

/// The choices of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Choices {
    /// There is no list of choices, or nothing in it can be read.
    #[default]
    Unreadable,
    /// The list of choices is empty.
    Empty,
    /// There is a choice.
    Some,
}

impl Answer {
    /// Reads the chunks. Fields that are not known are ignored, whatever they hold.
    pub(super) fn of<'v>(chunks: impl IntoIterator<Item = &'v Value>) -> Self {
        let mut answer = Self::default();
        for chunk in chunks {
            answer.add(chunk);
        }
        answer
    }

    /// Adds a chunk.
    pub(super) fn add(&mut self, chunk: &Value) {
        // Gemini sends errors in a list.
        self.add_object(chunk.get(0).unwrap_or(chunk));
    }

    /// The pieces of the text that came in deltas so far.
    pub(super) fn streamed(&self) -> &[String] {
        &self.deltas.text
    }

    /// What the model said. Perplexity's streams have both the deltas and the message so far.
    pub(super) fn said(&self) -> &AnswerText {
        if self.deltas.is_empty() {
            &self.messages
        } else {
            &self.deltas
        }
    }

    /// The tools that the model calls, if it does.
    pub(super) fn calls(&self) -> Option<Called> {
        if self.called_in_deltas.is_empty() {
            self.called_in_messages.read()
        } else {
            self.called_in_deltas.read()
        }
    }

    fn add_object(&mut self, chunk: &Value) {
        self.error = self.error.or_else(|| stated_error(chunk));
        let choices = chunk.get("choices").and_then(Value::as_array);
        // Only one choice was asked for.
        let first = choices.and_then(|choices| {
            let is_first = |choice: &&Value| choice.get("index").and_then(Value::as_u64) == Some(0);
            choices.iter().find(is_first).or_else(|| choices.first())
        });
        if let Some(choice) = first {
            self.add_choice(choice);
        } else if choices.is_some() {
            self.choices = self.choices.max(Choices::Empty);
        }
        // Moonshot's streams have the usage in the choice.
        let usage = [Some(chunk), first]
            .into_iter()
            .flatten()
            .filter_map(|holder| holder.get("usage"))
            .find(|usage| usage.is_object());
        if let Some(usage) = usage {
            // Each count is that of the whole answer so far.
            self.tokens = Tokens::read(usage);
        }
    }

    fn add_choice(&mut self, choice: &Value) {
        // OpenRouter states an error of the model's host here.
        self.error = self.error.or_else(|| stated_error(choice));
        if let Some(reason) = choice.get("finish_reason") {
            self.choices = Choices::Some;
            self.finish = Finish::read(reason).or(self.finish);
        }
        if let Some(delta) = choice.get("delta") {
            self.choices = Choices::Some;
            self.deltas.add_message(delta);
            self.called_in_deltas.add_delta(delta);
        }
        // The older Completions API has a text in place of a message.
        if let Some(message) = choice.get("message").or_else(|| choice.get("text")) {
            self.choices = Choices::Some;
            self.messages.add_message(message);
            self.called_in_messages.take_message(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::content::joined, *};

    fn text(chunks: &[Value]) -> String {
        joined(&Answer::of(chunks).said().text)
    }

    #[test]
    fn the_text_is_found_in_a_message_a_delta_or_a_text() {
        for choice in [
            json!({ "message": { "role": "assistant", "content": "Hi" } }),
            json!({ "delta": { "content": "Hi" } }),
            json!({ "text": "Hi" }),
            json!({ "message": "Hi" }),
            json!({ "index": 0, "delta": {}, "message": { "content": "Hi" } }),
            json!({ "index": "0", "message": { "content": "Hi", "reasoning_content": "Say hi.", "reasoning": "Say hi.", "tool_calls": [] } }),
            json!({ "message": { "content": "Hi" }, "logprobs": 5, "index": null, "more": [{}] }),
        ] {
            assert_eq!(text(&[json!({ "choices": [choice] })]), "Hi", "{choice}");
        }
    }

    #[test]
    fn the_first_choice_is_the_answer() {
        let choices = json!([
            { "index": 1, "message": { "content": "two" } },
            { "index": 0, "message": { "content": "one" } },
        ]);
        assert_eq!(text(&[json!({ "choices": choices })]), "one");
    }

    #[test]
    fn chunks_are_joined_and_their_last_usage_counts() {
        let chunk = |delta: Value, reason: Value, usage: Value| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }], "usage": usage });
        let tokens = |prompt, completion| json!({ "prompt_tokens": prompt, "completion_tokens": completion });
        let answer = Answer::of(&[
            chunk(
                json!({ "role": "assistant", "content": "" }),
                json!(null),
                json!(null),
            ),
            chunk(
                json!({ "reasoning_content": "Say hi." }),
                json!(null),
                tokens(7, 1),
            ),
            chunk(json!({ "content": "Hi" }), json!(null), tokens(7, 2)),
            chunk(json!({ "content": " there" }), json!(null), json!(null)),
            chunk(json!({}), json!("length"), json!(null)),
            json!({ "choices": [], "usage": tokens(7, 3) }),
        ]);
        assert_eq!(joined(&answer.said().text), "Hi there");
        assert_eq!(answer.finish, Some(Finish::Length));
        assert_eq!((answer.tokens.prompt, answer.tokens.completion), (7, 3));
        assert_eq!(answer.choices, Choices::Some);
    }

    #[test]
    fn a_message_that_repeats_the_deltas_is_not_said_twice() {
        let chunk = |delta: &str, message: &str| json!({ "choices": [{ "delta": { "content": delta }, "message": { "content": message } }] });
        let end = json!({ "choices": [{ "delta": {}, "message": { "content": "Hi there" } }] });
        assert_eq!(
            text(&[chunk("Hi", "Hi"), chunk(" there", "Hi there"), end]),
            "Hi there"
        );
    }

    #[test]
    fn what_choices_there_are_is_told_apart() {
        for (body, choices) in [
            (json!({}), Choices::Unreadable),
            (json!(null), Choices::Unreadable),
            (json!({ "choices": null }), Choices::Unreadable),
            (json!({ "choices": {} }), Choices::Unreadable),
            (json!({ "choices": [{}] }), Choices::Unreadable),
            (json!({ "choices": [null] }), Choices::Unreadable),
            (json!({ "choices": [] }), Choices::Empty),
            (json!({ "choices": [{ "message": null }] }), Choices::Some),
            (
                json!({ "choices": [{ "finish_reason": "stop" }] }),
                Choices::Some,
            ),
        ] {
            assert_eq!(Answer::of([&body]).choices, choices, "{body}");
        }
    }

    #[test]
    fn an_error_is_found_in_the_chunk_and_in_the_choice() {
        for body in [
            json!({ "error": { "code": 429 } }),
            json!([{ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED" } }]),
            json!({ "choices": [{ "error": { "code": 429 }, "message": { "content": "Ha" } }] }),
        ] {
            assert_eq!(Answer::of([&body]).error, Some(OpenAiError::Busy), "{body}");
        }
    }
}
