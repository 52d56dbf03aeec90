//! The fake services of the operator: the desk that gets the messages of contacts that are handed over, and Twilio's Studio.
//!
//! Not here: the messages to the contact (`twilio`).

use serde_json::{Value, json};
use switchboard::platform::{Clock, HttpError, HttpRequest, HttpResponse};

use super::{Act, FakePlatform, after};

/// Where the desk is.
pub const DESK: &str = "https://desk.example/messages";
/// The flow of the tests.
pub const FLOW: &str = "FW0123456789abcdef0123456789abcdef";

/// An execution that Studio has started: its form, and when.
pub(super) type Execution = (Vec<(String, String)>, String);

impl FakePlatform {
    /// Scripts the desk's reactions to the next webhooks. When empty, it takes them.
    pub fn desk(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.desk.borrow_mut().extend(acts);
    }

    /// The webhooks that have reached the desk, with those that it did not take.
    pub fn desk_requests(&self) -> Vec<HttpRequest> {
        self.0.desk_requests.borrow().clone()
    }

    /// The bodies of these webhooks.
    pub fn desk_bodies(&self) -> Vec<Value> {
        let bodies = self.desk_requests();
        bodies
            .iter()
            .map(|request| serde_json::from_slice(&request.body.to_bytes()).unwrap())
            .collect()
    }

    /// Scripts Studio's reactions to the next requests.
    pub fn studio(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.studio.borrow_mut().extend(acts);
    }

    /// The forms of the executions that Studio has started.
    pub fn executions(&self) -> Vec<Vec<(String, String)>> {
        let executions = self.0.executions.borrow();
        executions.iter().map(|(form, _)| form.clone()).collect()
    }

    pub(super) async fn desk_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        self.0.desk_requests.borrow_mut().push(request.clone());
        let act = self.0.desk.borrow_mut().pop_front();
        let usual = after(50, Act::Say(""));
        self.act(act.unwrap_or(usual), &mut |_| (204, String::new()))
            .await
    }

    pub(super) async fn studio_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        let act = self.0.studio.borrow_mut().pop_front();
        let act = act.unwrap_or(after(50, Act::Say("")));
        let path = request.url.split('?').next().unwrap();
        assert_eq!(
            path,
            format!("https://studio.twilio.com/v2/Flows/{FLOW}/Executions")
        );
        if request.method == "GET" {
            let resource = |(form, at): &Execution| json!({ "contact_channel_address": form[0].1, "date_created": at, "status": "active" });
            return self
                .act(act, &mut |_| {
                    let executions = self.0.executions.borrow();
                    let listed: Vec<Value> = executions.iter().map(resource).collect();
                    (200, json!({ "executions": listed }).to_string())
                })
                .await;
        }
        let form: Vec<(String, String)> = form_urlencoded::parse(&request.body.to_bytes())
            .into_owned()
            .collect();
        self.act(act, &mut |_| {
            let created = (form.clone(), self.now().to_string());
            self.0.executions.borrow_mut().push(created);
            (201, json!({ "sid": "FN0" }).to_string())
        })
        .await
    }
}
