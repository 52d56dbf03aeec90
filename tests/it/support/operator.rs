//! What an operator asks for: calls that an assistant makes.
//!
//! Not here: the operator's routes about contacts (`http`).

use serde_json::{Value, json};
use switchboard::http::Response;

use super::{FakePlatform, Incoming, WITH_ADMIN, bearer, phone::Call};

/// The account that calls are made with.
pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

/// The assistant that calls, from the number of the tests.
pub const DESK: &str = "numbers = [\"+15550199\"]\nprompt = \"Be kind.\"\n";

/// A platform with an assistant that can call, at any hour.
pub fn with_calls(changes: &[(&str, &str)]) -> FakePlatform {
    let usual = [
        WITH_ADMIN,
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("CALL_HOURS", "00:00-24:00"),
    ];
    // The first of two values counts.
    let settings = [changes, &usual].concat();
    FakePlatform::with_assistants(&settings, &[("desk", DESK)])
}

impl FakePlatform {
    /// The operator wants a call.
    pub async fn wants_call(&self, body: &Value) -> Response {
        let mut request = Incoming::json("/admin/calls", &body.to_string());
        request.headers.push(("Authorization", bearer()));
        self.handle(&mut request).await
    }

    /// The operator has the assistant call Anna. Returns the call's id.
    pub async fn calls_anna(&self) -> String {
        let wanted =
            json!({ "to": "+15550100", "assistant": "desk", "context": "Her boat is ready." });
        let response = self.wants_call(&wanted).await;
        assert_eq!(response.status, 202, "{}", response.body);
        let answer: Value = serde_json::from_str(&response.body).unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    /// The newest call that Twilio makes.
    pub fn newest_call(&self) -> Call {
        Call::made(self, self.calls_made().last().expect("a call"))
    }

    /// How far a call has come, as the operator sees it.
    pub async fn call_state(&self, id: &str) -> Value {
        let mut request = Incoming::new("GET", &format!("/admin/calls/{id}"));
        request.headers.push(("Authorization", bearer()));
        let response = self.handle(&mut request).await;
        match response.status {
            200 => {
                let mut shown: Value = serde_json::from_str(&response.body).unwrap();
                assert_eq!(shown.as_object_mut().unwrap().remove("id").unwrap(), id);
                shown
            }
            status => status.into(),
        }
    }
}
