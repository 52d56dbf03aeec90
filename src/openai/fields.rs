//! The optional fields of a request: which of them an endpoint is sent.
//!
//! Not here: their values in JSON (`request`), and what an endpoint says about them (`error`).

use super::Offer;
use crate::config::{Endpoint, Field, Fields};

/// What decides about optional fields, beside the endpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// The tools that the model may call.
    pub offer: Offer<'a>,
    /// Whether the answer is to have a schema.
    pub has_schema: bool,
    /// Whether the answer is to come while the model writes it.
    pub streams: bool,
    /// Whether the endpoint wants to see something again of its earlier calls.
    pub has_repeated: bool,
}

/// The optional fields of a request to that endpoint, when those of `omitted` are left out.
///
/// OpenAI itself also gets the pseudonym in two fields. `safety_identifier` distinguishes contacts
/// without identifying them. `prompt_cache_key` leads a conversation's requests to the machine that
/// has its beginning in the cache. Cloudflare's AI Gateway passes both on unchanged. Other servers
/// get neither, because they may reject unknown fields.
///
/// `stream_options` asks for the cost of an answer that is streamed, and other servers get it neither.
///
/// `max_completion_tokens` has replaced `max_tokens`, which older servers know alone. So the latter
/// stands in for the former where that is left out.
///
/// `tool_choice` is sent where the model must answer. Without `tools`, servers reject it.
#[must_use]
pub fn sent(endpoint: &Endpoint, omitted: Fields, facts: Facts<'_>) -> Fields {
    let offer = facts.offer;
    let is_openai = endpoint.is_openai();
    let is_sent = |field: &Field| match field {
        Field::ReasoningEffort => effort(endpoint).is_some(),
        Field::MaxCompletionTokens | Field::Stream => true,
        Field::MaxTokens => omitted.contains(Field::MaxCompletionTokens),
        Field::SafetyIdentifier | Field::PromptCacheKey => is_openai,
        Field::StreamOptions => facts.streams && is_openai && !omitted.contains(Field::Stream),
        Field::Tools => !offer.functions.is_empty(),
        Field::ToolChoice => {
            let has_tools = !offer.functions.is_empty() && !omitted.contains(Field::Tools);
            offer.must_answer && has_tools
        }
        Field::ResponseFormat => facts.has_schema,
        Field::ReasoningContent => facts.has_repeated,
    };
    let fields: Fields = Field::ALL.into_iter().filter(is_sent).collect();
    fields.without(omitted)
}

/// The reasoning effort to send. An effort that was set is sent unchanged.
///
/// Otherwise OpenAI gets `none`: its models reason by default, which costs time and tokens, and can
/// leave none for the answer. Models that would reject `none`, and other servers, get no effort.
pub(super) fn effort(endpoint: &Endpoint) -> Option<&str> {
    let none = (endpoint.is_openai() && takes_none(&endpoint.model)).then_some("none");
    endpoint.reasoning_effort.as_deref().or(none)
}

/// Whether an OpenAI model accepts the effort `none`. Only some families do not.
fn takes_none(model: &str) -> bool {
    let base = model.strip_prefix("ft:").unwrap_or(model);
    let is_of = |family: &str| {
        base.strip_prefix(family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
    };
    !WITHOUT_NONE.into_iter().any(is_of)
}

/// The model families that reject the effort `none`. Some never reason and do not know the
/// parameter, the others always reason. Source: OpenAI, "Models".
const WITHOUT_NONE: [&str; 11] = [
    "gpt-3.5-turbo",
    "gpt-4",
    "gpt-4o",
    "gpt-4.1",
    "gpt-5",
    "gpt-6-astra",
    "gpt-6.2-astra",
    "gpt-6.2-sol",
    "o1",
    "o3",
    "o4-mini",
];
