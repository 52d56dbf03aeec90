//! What a contact, Twilio or the operator does: requests to the Worker, and time that passes.
//!
//! Not here: how a request is made up (`support::request`).

use std::time::Duration;

use switchboard::{
    http::{self, Response},
    platform::{Clock, PlatformError},
};

use super::{FakePlatform, twilio::date_of_twilio};
use crate::support::{Incoming, fresh_sid, texts, webhook};

impl FakePlatform {
    /// Sends a text message as Twilio does, and returns the texts of the answer. Panics unless the status is 200.
    pub async fn text(&self, from: &str, body: &str) -> Vec<String> {
        self.message(from, body, &fresh_sid()).await
    }

    pub async fn message(&self, from: &str, body: &str, sid: &str) -> Vec<String> {
        let response = self.post(&webhook(from, body, sid)).await;
        assert_eq!(response.status, 200, "{}", response.body);
        texts(&response.body)
    }

    /// Posts a correctly signed webhook with these fields.
    pub async fn post(&self, fields: &[(String, String)]) -> Response {
        let response = self.handle(&mut Incoming::signed(fields)).await;
        let field = |name: &str| {
            fields
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        for text in if response.status == 200 {
            texts(&response.body)
        } else {
            Vec::new()
        } {
            let replied = [
                ("sid", fresh_sid()),
                ("direction", "outbound-reply".to_owned()),
                ("date_created", date_of_twilio(self.now())),
                ("From", field("To")),
                ("To", field("From")),
                ("Body", text),
            ];
            self.0
                .replied
                .borrow_mut()
                .push(replied.map(|(name, value)| (name.to_owned(), value)).into());
        }
        response
    }

    /// Posts a message's webhook and returns the response, whatever its status.
    pub async fn try_message(&self, from: &str, body: &str, sid: &str) -> Response {
        self.post(&webhook(from, body, sid)).await
    }

    pub async fn handle(&self, request: &mut Incoming) -> Response {
        http::handle(self, self.0.config.as_ref().map_err(Vec::as_slice), request).await
    }

    /// The whole body of a response: what it has, and what follows part by part.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub async fn whole_body(&self, response: &Response) -> Result<String, PlatformError> {
        let (mut body, mut rest) = (response.body.clone(), response.rest.clone());
        while let Some(next) = rest {
            let config = self.0.config.as_ref().unwrap();
            let (part, after) = http::next_part(self, config, &next).await?;
            body.push_str(&part);
            rest = after;
        }
        Ok(body)
    }

    /// Lets time pass, with everything that happens meanwhile.
    pub async fn pass(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
