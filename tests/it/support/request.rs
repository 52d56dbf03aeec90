//! Requests to the Worker, and the fields of Twilio's webhooks.
//!
//! Not here: the signature itself (`signature`).

use std::{cell::Cell, collections::VecDeque};

use sha2::{Digest, Sha256};
use switchboard::http::{BodyBroken, Request};

use super::{ADMIN_TOKEN, NUMBER, ORIGIN, TOKEN, sign};

/// A request as the runtime gives it. The body comes in chunks.
#[derive(Clone)]
pub struct Incoming {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub chunks: VecDeque<Result<Vec<u8>, BodyBroken>>,
}

impl Incoming {
    pub fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            url: format!("{ORIGIN}{path}"),
            headers: Vec::new(),
            chunks: VecDeque::new(),
        }
    }

    /// A request with this JSON in its body.
    pub fn json(path: &str, body: &str) -> Self {
        let mut request = Self::new("POST", path);
        request
            .headers
            .push(("Content-Type", "application/json".to_owned()));
        request.chunks.push_back(Ok(body.as_bytes().to_vec()));
        request
    }

    /// The same, signed with [`TOKEN`] as Twilio signs JSON.
    pub fn signed_json(path: &str, body: &str) -> Self {
        let mut request = Self::json(path, body);
        sign_json(&mut request, TOKEN, body);
        request
    }

    /// A webhook with these fields, signed with [`TOKEN`] for its own URL.
    pub fn signed(fields: &[(String, String)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut request = Self::new("POST", "/twilio/messages");
        request.headers.push((
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned(),
        ));
        request.chunks.push_back(Ok(body.into_bytes()));
        request.sign(TOKEN, fields);
        request
    }

    /// A delivery receipt with these fields, signed with [`TOKEN`].
    pub fn receipt(fields: &[(impl AsRef<str>, impl AsRef<str>)]) -> Self {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()))
            .collect();
        let mut request = Self::signed(&fields);
        request.url.push_str("/status");
        request.sign(TOKEN, &fields);
        request
    }

    pub fn sign(&mut self, token: &str, fields: &[(String, String)]) {
        let signature = sign(token, &self.url, fields);
        self.headers
            .retain(|(name, _)| *name != "X-Twilio-Signature");
        self.headers.push(("X-Twilio-Signature", signature));
    }
}

impl Request for Incoming {
    fn method(&self) -> String {
        self.method.to_owned()
    }
    fn url(&self) -> String {
        self.url.clone()
    }
    fn header(&self, name: &str) -> Option<String> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
    }
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken> {
        self.chunks.pop_front().transpose()
    }
}

/// Signs a request for this JSON body: the signed URL holds its hash.
pub fn sign_json(request: &mut Incoming, token: &str, body: &str) {
    let hash = Sha256::digest(body.as_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    request.url = format!("{}?bodySHA256={hash}", request.url);
    request.sign(token, &[]);
}

/// The fields of an inbound message.
pub fn webhook(from: &str, body: &str, sid: &str) -> Vec<(String, String)> {
    let to = if from.starts_with("whatsapp:") {
        format!("whatsapp:{NUMBER}")
    } else {
        NUMBER.to_owned()
    };
    [
        ("MessageSid", sid),
        ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
        ("From", from),
        ("To", &to),
        ("Body", body),
        ("NumMedia", "0"),
        ("FromCity", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The fields of an inbound message with media of these types.
pub fn with_media(from: &str, body: &str, sid: &str, types: &[&str]) -> Vec<(String, String)> {
    let mut fields = webhook(from, body, sid);
    fields.retain(|(name, _)| name != "NumMedia");
    fields.push(("NumMedia".to_owned(), types.len().to_string()));
    for (index, media_type) in types.iter().enumerate() {
        fields.push((format!("MediaUrl{index}"), media_url(index)));
        fields.push((format!("MediaContentType{index}"), (*media_type).to_owned()));
    }
    fields
}

pub fn media_url(index: usize) -> String {
    format!(
        "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages/MM1/Media/ME{index}"
    )
}

/// The operator's `Authorization` header.
pub fn bearer() -> String {
    format!("Bearer {ADMIN_TOKEN}")
}

pub fn fresh_sid() -> String {
    thread_local! {
        static NEXT: Cell<u64> = const { Cell::new(1) };
    }
    format!("SM{:032x}", NEXT.replace(NEXT.get() + 1))
}
