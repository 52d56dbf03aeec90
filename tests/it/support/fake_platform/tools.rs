//! The fake service of an assistant's tools. It verifies the signature of each call, as a real one does.
//!
//! Not here: the files of assistants that have tools (`messaging::tools`).

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use switchboard::{
    base::time::UnixMillis,
    platform::{Clock, HttpError, HttpRequest, HttpResponse},
};

use super::{Act, FakePlatform, after};

/// Where the tools' service is.
pub const TOOLS_ORIGIN: &str = "https://shop.example/";

/// Its secret.
pub const SIGNING_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

impl FakePlatform {
    /// Scripts the reactions of the tools' service. `Say` is a text that it answers.
    pub fn tools(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.tools.borrow_mut().extend(acts);
    }

    /// The calls of tools: when each was made, and whole.
    pub fn tool_calls(&self) -> Vec<(UnixMillis, HttpRequest)> {
        self.0.tool_calls.borrow().clone()
    }

    /// The bodies of the calls of tools.
    pub fn tool_bodies(&self) -> Vec<serde_json::Value> {
        let calls = self.tool_calls();
        let body = |(_, call): &(_, HttpRequest)| serde_json::from_slice(&call.body.to_bytes());
        calls.iter().map(|call| body(call).unwrap()).collect()
    }

    /// The most calls of tools at once.
    pub fn tools_at_once(&self) -> usize {
        self.0.tools_at_once.get().1
    }

    pub(super) async fn tool_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        self.0
            .tool_calls
            .borrow_mut()
            .push((self.now(), request.clone()));
        verify(request, self.now());
        let act = self.0.tools.borrow_mut().pop_front();
        let counted = Counted::new(self);
        let mut done = |said: &str| {
            let text = if said.is_empty() {
                r#"{"ok":true}"#
            } else {
                said
            };
            (200, text.to_owned())
        };
        let usual = after(100, Act::Say(""));
        let answer = self.act(act.unwrap_or(usual), &mut done).await?;
        drop(counted);
        if answer.body.len() > request.limit {
            return Err(HttpError::TooLarge);
        }
        Ok(answer)
    }
}

/// Verifies a call as the specification of Standard Webhooks says, with code of its own.
fn verify(request: &HttpRequest, now: UnixMillis) {
    let header = |name: &str| {
        let found = request.headers.iter().find(|(other, _)| other == name);
        found.unwrap_or_else(|| panic!("no {name}")).1.as_str()
    };
    assert_eq!(request.method, "POST");
    assert_eq!(header("Content-Type"), "application/json");
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    assert!(now.0.abs_diff(timestamp.parse::<u64>().unwrap() * 1000) < 300_000);
    assert!(!id.is_empty() && !id.contains('.'));
    let key = SIGNING_SECRET.strip_prefix("whsec_").unwrap();
    let key = BASE64_STANDARD.decode(key).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    for part in [id, ".", timestamp, "."] {
        mac.update(part.as_bytes());
    }
    mac.update(&request.body.to_bytes());
    let signature = header("webhook-signature").strip_prefix("v1,").unwrap();
    let signature = BASE64_STANDARD.decode(signature).unwrap();
    mac.verify_slice(&signature)
        .expect("the signature is right");
}

struct Counted<'w>(&'w FakePlatform);

impl<'w> Counted<'w> {
    fn new(fake: &'w FakePlatform) -> Self {
        let (now, most) = fake.0.tools_at_once.get();
        fake.0.tools_at_once.set((now + 1, most.max(now + 1)));
        Self(fake)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let (now, most) = self.0.0.tools_at_once.get();
        self.0.0.tools_at_once.set((now - 1, most));
    }
}
