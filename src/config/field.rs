//! The optional fields of a request to the model: those that an endpoint may not know.
//!
//! Not here: which of them a request has, and what an endpoint says about them (`openai`).

use serde::Serialize;

/// A field that a request can do without. `messages` and `model` are no such fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// How much the model reasons.
    ReasoningEffort,
    /// The most tokens of an answer.
    MaxCompletionTokens,
    /// The same by its older name. It is sent where the newer one is left out.
    MaxTokens,
    /// What the stream of an answer contains.
    StreamOptions,
    /// Whether the answer is streamed.
    Stream,
    /// The contact's pseudonym, for OpenAI's safety checks.
    SafetyIdentifier,
    /// The contact's pseudonym, for the cache of prompts.
    PromptCacheKey,
    /// That the model must answer now, without calling a tool.
    ToolChoice,
    /// The tools that the model may call.
    Tools,
    /// The schema that an answer has.
    ResponseFormat,
    /// What the endpoint said beside its earlier calls of tools: thoughts and signatures, in
    /// whichever fields they came.
    ReasoningContent,
}

impl Field {
    /// All fields. A field comes after those whose name contains its own.
    pub const ALL: [Self; 11] = [
        Self::ReasoningEffort,
        Self::MaxCompletionTokens,
        Self::MaxTokens,
        Self::StreamOptions,
        Self::Stream,
        Self::SafetyIdentifier,
        Self::PromptCacheKey,
        Self::ToolChoice,
        Self::Tools,
        Self::ResponseFormat,
        Self::ReasoningContent,
    ];

    /// Its name in a request, in the settings and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReasoningEffort => "reasoning_effort",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
            Self::StreamOptions => "stream_options",
            Self::Stream => "stream",
            Self::SafetyIdentifier => "safety_identifier",
            Self::PromptCacheKey => "prompt_cache_key",
            Self::ToolChoice => "tool_choice",
            Self::Tools => "tools",
            Self::ResponseFormat => "response_format",
            Self::ReasoningContent => "reasoning_content",
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields(u16);

impl Fields {
    /// Whether the field is in the set.
    #[must_use]
    pub fn contains(self, field: Field) -> bool {
        self.0 & Self::from(field).0 != 0
    }

    /// The fields of both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The fields that are in both sets.
    #[must_use]
    pub fn shared_with(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The fields that are not in the other set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The fields, in the order of [`Field::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL
            .into_iter()
            .filter(move |field| self.contains(*field))
    }
}

impl From<Field> for Fields {
    fn from(field: Field) -> Self {
        Self(1 << field as u8)
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        fields
            .into_iter()
            .fold(Self::default(), |all, field| all.and(field.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        for field in Field::ALL {
            assert_eq!(Field::named(field.name()), Some(field));
            assert_eq!(Fields::from(field).iter().collect::<Vec<_>>(), [field]);
            assert_eq!(
                serde_json::to_value(field).unwrap(),
                field.name(),
                "the log's name is the request's"
            );
        }
        let two: Fields = [Field::Stream, Field::MaxTokens].into_iter().collect();
        assert!(two.contains(Field::Stream) && !two.contains(Field::ReasoningEffort));
        assert_eq!(two.without(Field::Stream.into()), Field::MaxTokens.into());
        assert_eq!(two.shared_with(Field::Stream.into()), Field::Stream.into());
        assert!(Fields::default().is_empty());
        assert_eq!(Field::named("messages"), None);
    }
}
