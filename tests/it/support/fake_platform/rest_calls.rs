//! The calls of the fake Twilio's REST API.
//!
//! It keeps Twilio's rules: only a call that goes on can be ended. Not here: messages (`twilio`), and
//! Twilio's webhooks (`support::phone`).

use switchboard::platform::{HttpError, HttpRequest, HttpResponse};

use super::{Act, FakePlatform};

impl FakePlatform {
    /// The calls that were ended by REST.
    pub fn calls_ended(&self) -> Vec<String> {
        self.0.calls.ended.borrow().clone()
    }

    /// Answers a request for the resource of a call.
    pub(super) async fn call_answer(
        &self,
        request: &HttpRequest,
        act: Act,
    ) -> Result<HttpResponse, HttpError> {
        let (_, file) = request.url.rsplit_once("/Calls/").expect("a call");
        let sid = file.strip_suffix(".json").expect("JSON").to_owned();
        assert_eq!(request.method, "POST");
        assert_eq!(request.body.to_text(), "Status=completed");
        self.act(act, &mut |_| {
            let mut ended = self.0.calls.ended.borrow_mut();
            if ended.contains(&sid) {
                return (400, r#"{"code":21220}"#.to_owned());
            }
            ended.push(sid.clone());
            (200, "{}".to_owned())
        })
        .await
    }
}
