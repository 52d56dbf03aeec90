//! Twilio's requests about a call: signed webhooks, once or twice or never, and in any order.
//!
//! Not here: when they come (`life`).

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::{
    http::{self, Response},
    platform::{HttpError, HttpRequest, HttpResponse},
};

use super::{
    life::Life,
    relay::{Outcome, Session},
};
use crate::{
    simulation::{
        executor::{OUTSIDE, promise},
        state::Simulation,
        twilio::json_response,
        worker_ports::WorkerPlatform,
    },
    support::{
        Incoming, ORIGIN, TOKEN,
        phone::{Verb, verbs},
    },
};

/// How long Twilio waits for an answer, in milliseconds.
const PATIENCE: u64 = 15_000;

impl Simulation {
    /// Posts a webhook of a call. Returns the answer, if it came in time.
    pub(super) async fn post(
        self: &Rc<Self>,
        life: &Life,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Option<Response> {
        let from = life.from();
        let usual = [
            ("CallSid", life.sid.as_str()),
            ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
            ("From", &from),
            ("To", "+15550199"),
            ("Called", "+15550199"),
            ("Direction", "inbound"),
            ("CallerName", "Wilhelmina"),
        ];
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let fields: Vec<_> = usual.iter().chain(fields).map(own).collect();
        let mut request = Incoming::signed(&fields);
        request.url = format!("{ORIGIN}{path}");
        request.sign(TOKEN, &fields);
        let (give, take) = promise();
        let worker = WorkerPlatform::new(self);
        let config = Rc::clone(&self.config);
        self.executor.spawn(OUTSIDE, async move {
            give.give(http::handle(&worker, Ok(&config), &mut request).await);
        });
        let response = self.executor.within(PATIENCE, take).await.flatten();
        self.trace(|| {
            let status = response.as_ref().map(|response| response.status);
            format!("{:.6} {path} gets {status:?}", life.name)
        });
        response
    }

    /// The call comes in. Returns what Twilio does then.
    pub(super) async fn incoming(self: &Rc<Self>, life: &Rc<Life>) -> Vec<Verb> {
        let (sim, inner) = (Rc::clone(self), Rc::clone(life));
        let again = self.fault(self.calls.plan.webhook_twice, "calls that came twice");
        if again {
            let sooner = self.random.below(2000);
            self.executor.spawn(OUTSIDE, async move {
                sim.sleep(sooner).await;
                sim.answer_to_call(&inner).await;
            });
            self.sleep(self.random.below(2000)).await;
        }
        self.answer_to_call(life).await
    }

    async fn answer_to_call(self: &Rc<Self>, life: &Life) -> Vec<Verb> {
        let response = self
            .post(life, "/twilio/voice", &[("CallStatus", "ringing")])
            .await;
        let status = response.as_ref().map(|response| response.status);
        self.check(status == Some(200), || {
            format!("a call that came in got {status:?} within 15 s")
        });
        let verbs = response.map_or(Vec::new(), |response| verbs(&response.body));
        self.note_secrets(life, &verbs);
        self.note_document(life, &verbs);
        verbs
    }

    /// A session has ended, or could not begin: the action of `<Connect>`. Returns what Twilio does then.
    pub(super) async fn session_ended(
        self: &Rc<Self>,
        life: &Rc<Life>,
        session: Option<Rc<Session>>,
        outcome: Outcome,
    ) -> Vec<Verb> {
        let (status, data, wait) = match outcome {
            Outcome::HungUp => ("completed", String::new(), 650),
            Outcome::Ended(data) => ("ended", data, 700),
            Outcome::Failed => ("failed", String::new(), 1200),
        };
        self.sleep(self.random.between(wait / 2, wait * 2)).await;
        let plan = &self.calls.plan;
        if self.fault(plan.action_missing, "actions that did not come") {
            return Vec::new();
        }
        let is_hung_up = self.calls.with(&life.name, |call| call.is_hung_up);
        let is_over = life.has_hung_up.get() || is_hung_up == Some(true);
        let session = session.map_or(String::new(), |session| session.id.clone());
        let times = if self.fault(plan.action_twice, "actions that came twice") {
            2
        } else {
            1
        };
        let mut verbs = Vec::new();
        for _ in 0..times {
            let fields = [
                ("SessionId", session.as_str()),
                ("SessionStatus", if is_over { "completed" } else { status }),
                (
                    "CallStatus",
                    if is_over { "completed" } else { "in-progress" },
                ),
                ("SessionDuration", "12"),
                ("HandoffData", data.as_str()),
            ];
            verbs = self.answer_to_action(life, &fields).await;
            self.sleep(self.random.below(3000)).await;
        }
        if is_over { Vec::new() } else { verbs }
    }

    async fn answer_to_action(self: &Rc<Self>, life: &Life, fields: &[(&str, &str)]) -> Vec<Verb> {
        let data = fields[4].1;
        let told = serde_json::from_str::<Value>(data).is_ok_and(|data| data["reason"].is_string());
        self.check(data.is_empty() || told, || {
            format!("a session was ended with data of nobody: {data}")
        });
        let kills = self.kills.get();
        let response = self.post(life, "/twilio/voice/ended", fields).await;
        let status = response.as_ref().map(|response| response.status);
        self.check(matches!(status, Some(200 | 503)), || {
            format!("the action of a session got {status:?}")
        });
        let plan = &self.fault_plan;
        let reachable = plan.object_unreachable + plan.hop_slow + plan.storage_fails == 0;
        let excused = !reachable || plan.storage_slow > 0 || self.kills.get() > kills;
        self.check(status == Some(200) || excused, || {
            "the action of a session was not answered".into()
        });
        let Some(response) = response.filter(|response| response.status == 200) else {
            self.count("actions that got no answer");
            return Vec::new();
        };
        let verbs = verbs(&response.body);
        self.note_secrets(life, &verbs);
        verbs
    }

    /// A person was dialled.
    pub(super) async fn dialled(self: &Rc<Self>, life: &Life) -> Vec<Verb> {
        self.sleep(self.random.between(1000, 25_000)).await;
        let status = self.random.pick(&["completed", "busy", "no-answer"]);
        let fields = [("DialCallStatus", status), ("CallStatus", "in-progress")];
        let response = self.post(life, "/twilio/voice/dialled", &fields).await;
        let status = response.as_ref().map(|response| response.status);
        self.check(status == Some(200), || {
            format!("the action of a dialled call got {status:?}")
        });
        response.map_or(Vec::new(), |response| verbs(&response.body))
    }

    /// Status callbacks of a call that is over. They overtake one another.
    pub(super) async fn tell_status(self: &Rc<Self>, life: &Life) {
        let plan = &self.calls.plan;
        let mut statuses = vec!["completed"];
        if self.fault(plan.status_missing, "ends of calls that were not told") {
            statuses.clear();
        }
        if self.fault(plan.status_twice, "status callbacks out of order") {
            let early = ["in-progress", "ringing", "initiated", "completed"];
            statuses.push(self.random.pick(&early));
            statuses.insert(0, self.random.pick(&early[..3]));
        }
        for status in statuses {
            self.sleep(self.random.below(3000)).await;
            let fields = [("CallStatus", status), ("CallDuration", "9")];
            let response = self.post(life, "/twilio/voice/status", &fields).await;
            let status = response.map(|response| response.status);
            self.check(matches!(status, Some(204 | 503)), || {
                format!("a status callback got {status:?}")
            });
        }
    }

    /// A call's object asks Twilio to end the call.
    pub fn end_call_by_rest(
        self: &Rc<Self>,
        request: &HttpRequest,
        path: &str,
    ) -> impl Future<Output = Result<HttpResponse, HttpError>> {
        let (sim, body) = (Rc::clone(self), request.body.to_text());
        let sid = path
            .rsplit('/')
            .next()
            .and_then(|file| file.strip_suffix(".json"));
        let sid = sid.and_then(|sid| sid.parse().ok());
        async move {
            sim.check(body == "Status=completed" && sid.is_some(), || {
                format!("a call is ended with {body}")
            });
            let name = sid.map(|sid| sim.config.pseudonym_key.call(&sid));
            let name = name.map_or(String::new(), |name| name.as_str().to_owned());
            sim.sleep(sim.random.between(20, 500)).await;
            let fails = sim.fault(sim.calls.plan.hang_up_fails, "ends by REST that failed");
            let kind = if fails { sim.random.below(4) } else { 4 };
            match kind {
                0 => return Ok(json_response(503, &json!({ "code": 20503 }))),
                1 => return Err(HttpError::Connection),
                _ => {}
            }
            let was_over = sim.calls.with(&name, |call| {
                std::mem::replace(&mut call.is_hung_up, true) || call.is_over_at_twilio
            });
            sim.check(was_over.is_some(), || "a call of nobody is ended".into());
            let sessions = sim.calls.sessions.borrow().clone();
            for session in sessions.values().filter(|one| one.name == name) {
                sim.close_socket(session, Outcome::HungUp);
            }
            match kind {
                2 => Err(HttpError::Connection),
                3 => {
                    sim.sleep(30_000).await;
                    Err(HttpError::Connection)
                }
                _ if was_over == Some(true) => {
                    sim.count("calls that were over before they were ended by REST");
                    Ok(json_response(400, &json!({ "code": 21220 })))
                }
                _ => {
                    sim.count("calls that were ended by REST");
                    Ok(json_response(200, &json!({})))
                }
            }
        }
    }
}
