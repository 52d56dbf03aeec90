//! The endpoints of an assistant's model: `OPENAI_BASE_URL`, and its fallbacks after it.
//!
//! Not here: which endpoint is asked when (`conversation::model_run`), and requests (`openai`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    field::{Field, Fields},
    parsers::{self, Parsed},
};
use crate::base::{secret::Secret, url::BaseUrl};

/// An endpoint that speaks Chat Completions, and the model that is asked there.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The base of its API.
    pub base_url: BaseUrl,
    /// The model's name.
    pub model: String,
    /// The bearer key.
    pub key: Secret,
    /// How much the model should reason. Without it, `openai` decides what to send.
    pub reasoning_effort: Option<String>,
    /// The fields that it is never sent.
    pub omitted: Fields,
    /// Headers that it gets beside the usual ones.
    pub headers: Vec<ExtraHeader>,
}

impl Endpoint {
    /// Whether OpenAI itself answers, and not another server with the same API. This is so at
    /// OpenAI's own hosts, and behind Cloudflare's AI Gateway, which passes requests on unchanged.
    ///
    /// The playground on this machine counts as OpenAI, so that it receives what OpenAI would. Its
    /// keys start with `sk-playground-`.
    #[must_use]
    pub fn is_openai(&self) -> bool {
        let in_playground =
            self.base_url.is_loopback() && self.key.expose().starts_with("sk-playground-");
        self.base_url.is_openai_host() || self.base_url.is_gateway_to_openai() || in_playground
    }
}

/// The endpoints, in the order in which they are asked. There is at least one.
#[derive(Clone, Debug)]
pub struct Endpoints {
    first: Endpoint,
    fallbacks: Vec<Endpoint>,
}

impl Endpoints {
    /// These endpoints.
    #[must_use]
    pub fn new(first: Endpoint, fallbacks: Vec<Endpoint>) -> Self {
        Self { first, fallbacks }
    }

    /// Those that are asked when the first one fails.
    #[must_use]
    pub fn fallbacks(&self) -> &[Endpoint] {
        &self.fallbacks
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.fallbacks.len().saturating_add(1)
    }

    /// The endpoint of that number. 0 is that of `OPENAI_BASE_URL`, which also stands for numbers
    /// that do not exist.
    #[must_use]
    pub fn get(&self, number: usize) -> &Endpoint {
        let fallback = number.checked_sub(1).and_then(|at| self.fallbacks.get(at));
        fallback.unwrap_or(&self.first)
    }
}

/// A header that an operator gave.
#[derive(Clone, Debug)]
pub struct ExtraHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// Who says the assistant's prompt in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemRole {
    /// A message of the role `system`.
    System,
    /// A message of the role `developer`, which OpenAI's reasoning models call it.
    Developer,
    /// The first message of the user begins with it. Some models know no other role.
    User,
}

/// An entry of `OPENAI_FALLBACKS`. Its secrets are still names.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// The base of its API.
    pub base_url: BaseUrl,
    /// The model's name.
    pub model: String,
    /// The name of the secret that holds the key.
    pub key: String,
    /// How much the model should reason.
    pub reasoning_effort: Option<String>,
    /// The fields that it is never sent.
    pub omitted: Fields,
    /// The name of the secret that holds its extra headers.
    pub headers: Option<String>,
}

/// The most fallbacks.
const MAX_FALLBACKS: usize = 4;
/// The most extra headers.
const MAX_HEADERS: usize = 20;
/// The longest value of an extra header.
const MAX_HEADER_VALUE: usize = 4096;

/// Headers that an operator cannot set: the runtime's own, and those that decide how a body is read
/// or whether a gateway answers from its cache.
const RESERVED_HEADERS: [&str; 13] = [
    "accept-encoding",
    "cf-aig-skip-cache",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The list of fallbacks, as JSON.
pub(super) fn fallbacks(text: &str) -> Parsed<Vec<Fallback>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        base_url: String,
        model: String,
        key: String,
        reasoning_effort: Option<String>,
        omit_fields: Option<FieldList>,
        headers: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum FieldList {
        Text(String),
        List(Vec<String>),
    }
    let entry = |entry: Entry| {
        let names = match entry.omit_fields {
            None => String::new(),
            Some(FieldList::Text(text)) => text,
            Some(FieldList::List(names)) => names.join(","),
        };
        Ok(Fallback {
            base_url: BaseUrl::parse(&entry.base_url).map_err(
                |_| "has a base_url that is no https URL without query (http for this machine only)",
            )?,
            model: parsers::non_blank(&entry.model).map_err(|_| "has a blank model")?,
            key: secret_name(&entry.key)?,
            reasoning_effort: match entry.reasoning_effort.filter(|effort| !effort.is_empty()) {
                Some(effort) => Some(
                    parsers::effort(&effort)
                        .map_err(|_| "has a reasoning_effort that is no word such as low")?,
                ),
                None => None,
            },
            omitted: omitted(&names)
                .map_err(|_| "has omit_fields with a name that OPENAI_OMIT_FIELDS does not take")?,
            headers: entry.headers.map(|name| secret_name(&name)).transpose()?,
        })
    };
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(
        |_| "must be a JSON list of {\"base_url\", \"model\", \"key\": \"NAME_OF_SECRET\"}",
    )?;
    if entries.len() > MAX_FALLBACKS {
        return Err("must have at most 4 entries");
    }
    entries.into_iter().map(entry).collect()
}

/// The name of a secret. It may be shown, so a key that stands in its place must not pass for one.
pub(super) fn secret_name(text: &str) -> Parsed<String> {
    let has_form = text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.contains('_')
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if has_form {
        Ok(text.to_owned())
    } else {
        Err(
            "must name secrets in capital letters, digits and _, with a _ in it, such as BACKUP_KEY",
        )
    }
}

/// Whether a key can be one for that URL. Only OpenAI's own keys have a known form. The keys of
/// other servers do not.
pub(super) fn key_fits(key: &Secret, url: &BaseUrl) -> bool {
    !url.is_openai_host() || key.expose().starts_with("sk-")
}

/// The fields that are left out, separated by commas.
pub(super) fn omitted(text: &str) -> Parsed<Fields> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(Field::named)
        .collect::<Option<Fields>>()
        .ok_or(
            "must be a list of reasoning_effort, max_completion_tokens, max_tokens, stream, \
             safety_identifier, prompt_cache_key, tool_choice and tools, separated by commas",
        )
}

/// Who says the prompt.
pub(super) fn system_role(text: &str) -> Parsed<SystemRole> {
    match text {
        "system" => Ok(SystemRole::System),
        "developer" => Ok(SystemRole::Developer),
        "user" => Ok(SystemRole::User),
        _ => Err("must be system, developer or user"),
    }
}

/// Extra headers: a JSON object of names and values. Sources: RFC 9110, section 5.1 (names) and 5.5
/// (values).
pub(super) fn headers(text: &str) -> Parsed<Vec<ExtraHeader>> {
    const PROBLEM: &str = "must be a JSON object of header names to values, all of them strings";
    let fields: BTreeMap<String, String> = serde_json::from_str(text).map_err(|_| PROBLEM)?;
    if fields.len() > MAX_HEADERS {
        return Err("must have at most 20 headers");
    }
    let mut headers: Vec<ExtraHeader> = Vec::new();
    for (name, value) in fields {
        let name = parsers::header_name(&name)
            .map_err(|_| "has a header whose name is not that of one")?;
        if RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err("has a header that cannot be set, such as Host or Content-Type");
        }
        if headers
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&name))
        {
            return Err("has the same header twice");
        }
        let is_visible = value.bytes().all(|b| (b' '..=b'~').contains(&b));
        if value.is_empty() || value.trim() != value || !is_visible {
            return Err("has a header whose value is not visible ASCII");
        }
        if value.len() > MAX_HEADER_VALUE {
            return Err("has a header whose value is longer than 4096 characters");
        }
        let value = Secret::new(value);
        headers.push(ExtraHeader { name, value });
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
