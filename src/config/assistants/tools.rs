//! The tools of an assistant: what the model may call, and the web services behind them.
//!
//! Not here: calling them (`conversation`), and how a call is signed (`webhooks`).

use std::time::Duration;

use serde_json::{Value, json};

use super::{super::toml_file::Table, schema::Schema, secrets::Secrets};
use crate::base::{secret::Secret, url::WebhookUrl};

/// The tool that every assistant with `[hand_off]` has.
pub const HAND_OFF_TOOL: &str = "hand_off";

/// The tool of every assistant with `end_conversation = true`.
pub const END_CONVERSATION_TOOL: &str = "end_conversation";

/// The tool of every assistant whose `[voice]` has `ask_digits = true`, on the phone alone.
pub const ASK_DIGITS_TOOL: &str = "ask_digits";

/// The names of the tools that are built in. A file cannot give them to its own.
const BUILT_IN: [&str; 3] = [HAND_OFF_TOOL, END_CONVERSATION_TOOL, ASK_DIGITS_TOOL];

/// A tool.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name, by which the model calls it.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: Schema,
    /// Where a call goes, and with which signature.
    pub target: SignedUrl,
    /// How long a call may take.
    pub timeout: Duration,
    /// Whether a call names the contact's number. Otherwise it has the pseudonym alone.
    pub share_number: bool,
}

/// A web service of the operator's that is called with a signature.
#[derive(Clone, Debug)]
pub struct SignedUrl {
    /// Its URL.
    pub url: WebhookUrl,
    /// The key of the signature, from the secret that the file names.
    pub key: Secret,
}

/// The most tools of an assistant.
const MAX_TOOLS: usize = 20;
/// The longest description, in characters. Source: OpenAI, "Function calling" (1024).
const MAX_DESCRIPTION: usize = 1024;

/// The tools of a file.
pub(super) fn parse(file: &mut Table<'_, '_>, secrets: &mut Secrets<'_, '_>) -> Vec<Tool> {
    let mut tools: Vec<Tool> = Vec::new();
    let tables = file.tables("tools");
    if tables.len() > MAX_TOOLS {
        file.error("has more than 20 tools");
    }
    for mut table in tables {
        let name = table.required_text("name").and_then(|name| {
            let taken = tools.iter().any(|tool| tool.name == name.value);
            name.parse(|text| tool_name(text, taken))
        });
        let description = table.required_text("description").and_then(|text| {
            text.parse(|text| {
                let fits = text.chars().count() <= MAX_DESCRIPTION;
                fits.then(|| text.trim().to_owned())
                    .ok_or("must have at most 1024 characters")
            })
        });
        let parameters = parameters(&mut table);
        let target = signed_url(&mut table, "url", "secret", secrets);
        if let Some(method) = table.text("method")
            && method.value != "POST"
        {
            method.error("must be POST");
        }
        let timeout = table.number("timeout_ms", 100..=30_000).unwrap_or(5000);
        let share_number = table.flag("share_number").unwrap_or(false);
        table.finish();
        let tool = || {
            Some(Tool {
                name: name?,
                description: description?,
                parameters: parameters?,
                target: target?,
                timeout: Duration::from_millis(timeout.into()),
                share_number,
            })
        };
        tools.extend(tool());
    }
    tools
}

/// A URL with the secret that signs its calls. Both or none.
fn signed_url(
    table: &mut Table<'_, '_>,
    url_name: &'static str,
    secret_name: &'static str,
    secrets: &mut Secrets<'_, '_>,
) -> Option<SignedUrl> {
    let url = table.required_text(url_name);
    let local = secrets.is_local();
    let url = url.and_then(|url| url.parse(|text| WebhookUrl::parse(text, local)));
    let secret = table.required_text(secret_name);
    let key = secret.and_then(|secret| secrets.signing_key(&secret));
    Some(SignedUrl {
        url: url?,
        key: key?,
    })
}

/// A URL with the secret that signs its calls, if the table has one of them.
/// Both are known fields in any case.
pub(super) fn optional_signed_url(
    table: &mut Table<'_, '_>,
    url_name: &'static str,
    secret_name: &'static str,
    secrets: &mut Secrets<'_, '_>,
) -> Option<SignedUrl> {
    if table.has(url_name) || table.has(secret_name) {
        return signed_url(table, url_name, secret_name, secrets);
    }
    let _ = (table.text(url_name), table.text(secret_name));
    None
}

/// A name as OpenAI takes it: letters, digits, `_` and `-`, at most 64.
fn tool_name(text: &str, is_taken: bool) -> Result<String, &'static str> {
    let is_name = text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    match () {
        () if !is_name => Err("must have only letters, digits, _ and -, at most 64"),
        () if BUILT_IN.contains(&text) => Err("is the name of a tool that is built in"),
        () if is_taken => Err("is the name of another tool of this assistant"),
        () => Ok(text.to_owned()),
    }
}

/// The schema of the arguments, as a table or as JSON in a text. Without one, a tool takes none.
fn parameters(table: &mut Table<'_, '_>) -> Option<Schema> {
    let Some(found) = table.json("parameters") else {
        let none = json!({ "type": "object", "properties": {}, "additionalProperties": false });
        let is_missing = !table.has("parameters");
        return Schema::parse(&none).ok().filter(|_| is_missing);
    };
    found.parse(|value| match value {
        Value::String(text) => {
            let value = serde_json::from_str(text);
            Schema::parse(&value.map_err(|_| "is a text that is not JSON".to_owned())?)
        }
        value => Schema::parse(value),
    })
}
