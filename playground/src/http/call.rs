//! A request to a mock service.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::multipart::{Part, parts};
use crate::base::content_type;
use crate::request_log::contact_in;

/// A request with its complete body.
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, without the question mark.
    pub query: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Call {
    /// The media type of the body, without parameters.
    pub fn content_type(&self) -> String {
        self.headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(content_type::essence)
            .unwrap_or_default()
    }

    /// The credential in `Authorization`, if it is of this scheme.
    pub fn credential(&self, scheme: &str) -> Option<&str> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (given, credential) = value.split_once(' ')?;
        given
            .eq_ignore_ascii_case(scheme)
            .then_some(credential.trim())
    }

    /// The body as a form.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The parts of a multipart form.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parts(&self) -> Result<Vec<Part>, String> {
        let content_type = self.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        parts(content_type.unwrap_or_default(), self.body.clone())
    }

    /// The query as name and value pairs.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let query = self.query.as_deref().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The host that the request names.
    pub fn host(&self) -> String {
        let host = self.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        host.unwrap_or("127.0.0.1").to_owned()
    }

    /// The name of the contact that a request to the model is for.
    pub fn contact(&self) -> Option<String> {
        contact_in(&serde_json::from_slice(&self.body).ok()?).map(str::to_owned)
    }

    /// The body as the request log shows it.
    pub fn shown_body(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        let json = serde_json::from_slice(&self.body);
        match self.content_type().as_str() {
            "application/json" => json.map_or_else(|_| self.text().into(), shortened),
            "application/x-www-form-urlencoded" => form_as_json(self.form()).into(),
            "multipart/form-data" => self.shown_parts().into(),
            _ => self.text().into(),
        }
    }

    /// The fields of a multipart form. A file is its name and size.
    fn shown_parts(&self) -> Map<String, Value> {
        let shown = |part: Part| {
            let value = match &part.file_name {
                Some(name) => format!("{name} ({} bytes)", part.bytes.len()),
                None => part.text(),
            };
            (part.name, value)
        };
        let parts = self.parts().unwrap_or_default();
        form_as_json(parts.into_iter().map(shown).collect())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether `wanted` occurs in the request line or in a value of the body.
    pub fn contains(&self, wanted: &str) -> bool {
        let query = self.query.as_deref().unwrap_or_default();
        format!("{} {}?{query}", self.method, self.path).contains(wanted)
            || self.text().contains(wanted)
            || occurs(wanted, &self.shown_body())
    }
}

/// Whether the credential of a request was accepted.
pub struct Authorization {
    /// True if it was.
    pub granted: bool,
    /// Twilio: the index of the auth token that was used.
    pub token_index: Option<usize>,
}

/// A form as JSON. A repeated name becomes a list.
pub fn form_as_json(form: Vec<(String, String)>) -> Map<String, Value> {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in form {
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, value.into());
            }
            Some(Value::Array(values)) => values.push(value.into()),
            Some(first) => *first = Value::Array(vec![first.take(), value.into()]),
        }
    }
    fields
}

/// Longer texts are cut in the request log, in bytes. Images in a request are longer.
const MAX_SHOWN: usize = 256 * 1024;

/// Cuts the long texts in `value`, because the request log keeps many requests.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > MAX_SHOWN => {
            let head: String = text.chars().take(100).collect();
            format!("{head}… ({} bytes)", text.len()).into()
        }
        Value::Array(values) => values.into_iter().map(shortened).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, shortened(value)))
            .collect(),
        other => other,
    }
}

/// Whether `wanted` occurs in any text in `value`.
fn occurs(wanted: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(wanted),
        Value::Array(values) => values.iter().any(|value| occurs(wanted, value)),
        Value::Object(fields) => fields.values().any(|value| occurs(wanted, value)),
        _ => false,
    }
}
