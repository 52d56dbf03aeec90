//! Hand-offs: the desk that gets messages of contacts, the operator, and how both fail.
//!
//! Not here: what must hold of a hand-off (`invariants::hand_off`).

use std::rc::Rc;

use serde_json::Value;
use switchboard::{
    identity::Address,
    messaging::{
        api::{HandBack, Say, TakeOver},
        keywords::Keyword,
    },
    object::Engine as _,
    platform::{HttpError, HttpRequest, HttpResponse, Method},
};

use super::{
    executor::{OUTSIDE, promise},
    mutation::Mutation,
    object_ports::{ObjectPlatform, vanished},
    objects::Engine,
    state::Simulation,
    workload::write_text,
};
use crate::support::response::response;

/// Where the desk is.
pub const DESK_URL: &str = "https://desk.example/";

/// How the assistant of runs with hand-offs hands over.
pub const HAND_OFF: &str = r#"
[hand_off]
url = "https://desk.example/messages"
secret = "DESK_SECRET"
hours = 1
"#;

/// A contact that an operator serves.
pub struct Served<'a> {
    pub index: u64,
    /// The name of its thread.
    pub name: &'a str,
    /// Its address, and the one that it writes to.
    pub from: &'a str,
    pub to: &'a str,
}

impl Simulation {
    /// A thread sends a message of its contact to the desk.
    pub async fn ask_desk(
        self: &Rc<Self>,
        platform: &ObjectPlatform,
        request: &HttpRequest,
        timeout: u64,
    ) -> Result<HttpResponse, HttpError> {
        let body = request.body.to_text().clone();
        let header = request
            .headers
            .iter()
            .find(|(name, _)| name == "webhook-id");
        let mut id = header.unwrap().1.clone();
        let is_result = body.contains("\"type\":\"intake\"");
        if self.is(Mutation::NewIdForARepeat) || (is_result && self.is(Mutation::IntakeIdOfATry)) {
            id = self.invariants.borrow().id_of_a_repeat(&platform.name, &id);
        }
        self.trace(|| format!("{:.6} passes on {id:.6}", platform.name));
        self.invariants
            .borrow_mut()
            .desk_asked(&platform.name, &id, &body, self.executor.now());
        let too_early = is_result && self.is(Mutation::SavedTooEarly);
        let (give, take) = promise();
        let (sim, name) = (Rc::clone(self), platform.name.clone());
        self.executor.spawn(OUTSIDE, async move {
            let answer = sim.desk().await;
            if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                sim.invariants.borrow_mut().desk_took(&name, &id);
            }
            give.give(answer);
        });
        if too_early {
            return Ok(response(200, ""));
        }
        let answer = self.executor.within(timeout, take).await;
        let answer = match answer {
            None => Err(HttpError::Timeout),
            Some(None) => Err(HttpError::Connection),
            Some(Some(answer)) => answer,
        };
        self.trace(|| {
            let status = answer.as_ref().map(|answer| answer.status);
            format!("{:.6} hears from the desk: {status:?}", platform.name)
        });
        match answer {
            Ok(answer) if answer.status == 404 && self.is(Mutation::RefusalTakenForAYes) => {
                Ok(response(200, ""))
            }
            answer => answer,
        }
    }

    /// The desk's answer. One that never comes is lost, although the desk may have taken the message.
    async fn desk(&self) -> Result<HttpResponse, HttpError> {
        let fails = self.fault_plan.desk_fails;
        if self.fault(fails, "slow desks") {
            self.hang(40_000).await;
        } else {
            self.sleep(self.random.between(20, 800)).await;
        }
        if self.fault_plan.desk_down || self.fault(fails, "desks that failed") {
            return match self.random.below(4) {
                0 => Err(HttpError::Connection),
                1 => Ok(response(503, "")),
                2 => Ok(response(302, "")),
                _ => Ok(response(404, "")),
            };
        }
        Ok(response(200, "a desk"))
    }

    /// An operator takes the contact over, answers it and releases it, a few times.
    pub async fn operate(self: &Rc<Self>, contact: &Served<'_>) {
        let name = contact.name;
        let number: Address = contact.to.parse().unwrap();
        let address = contact.from.parse().unwrap();
        let phone_hash = self.config.pseudonym_key.phone_hash(&address);
        for _ in 0..self.random.below(6) {
            self.sleep(self.random.below(60_000)).await;
            match self.random.below(4) {
                0 => {
                    let (number, phone_hash) = (number.clone(), phone_hash.clone());
                    let call = TakeOver { number, phone_hash };
                    self.operator(name, call).await;
                }
                1 => {
                    let phone_hash = phone_hash.clone();
                    self.operator(name, HandBack { phone_hash }).await;
                }
                _ => self.answer_as_a_person(contact).await,
            }
        }
    }

    /// An operator's answer. Sometimes the call is made twice, perhaps after an erasure.
    async fn answer_as_a_person(self: &Rc<Self>, contact: &Served<'_>) {
        let (number, mut id, text) = {
            let mut invariants = self.invariants.borrow_mut();
            let number = invariants.answers.len();
            let (id, text) = (format!("say{number}"), format!("answer#{number} of Ana"));
            invariants.operator_writes(contact.name, &id, &text);
            (number as u64, id, text)
        };
        for attempt in 0..self.random.between(1, 2) {
            let say = Say {
                text: text.clone(),
                id: id.clone(),
            };
            self.operator(contact.name, say).await;
            self.sleep(self.random.below(3000)).await;
            if self.random.chance(300) {
                let first = 0x5000 + 4 * number + 2 * attempt;
                self.begins_anew(contact, first).await;
                if self.is(Mutation::NewIdAfterAnErasure) {
                    id.push('b');
                    let mut invariants = self.invariants.borrow_mut();
                    invariants.operator_repeats(&id, &text);
                }
            }
        }
    }

    /// A contact erases its data and asks for a person again, with messages of this number and the next.
    async fn begins_anew(self: &Rc<Self>, contact: &Served<'_>, number: u64) {
        let Served {
            index,
            name,
            from,
            to,
            ..
        } = *contact;
        let erase = ("delete my data".to_owned(), false, Some(Keyword::Erase));
        let ask = ("agent".to_owned(), false, None);
        for (number, said) in [(number, erase), (number + 1, ask)] {
            write_text(self, index, number, name, from, to, said);
            self.sleep(self.random.between(1000, 8000)).await;
        }
    }

    /// A call of an operator's. It may fail like any other.
    async fn operator<M: Method + 'static>(self: &Rc<Self>, name: &str, method: M) {
        self.trace(|| format!("{name:.6} an operator calls {}", M::NAME));
        if self.fault(self.fault_plan.object_unreachable, "an unreachable thread") {
            return;
        }
        let arguments = serde_json::to_string(&method).unwrap();
        let call = async move |engine| {
            let Engine::Thread(thread) = engine else {
                return vanished();
            };
            thread.call(M::NAME, &arguments).await
        };
        let reply = self.call(name, call).await;
        self.trace(|| format!("{name:.6} the operator hears {reply:?}"));
    }
}

/// The state without its hand-off.
pub fn without_hand_off(state: &str) -> String {
    let mut state: Value = serde_json::from_str(state).unwrap_or_default();
    if let Some(fields) = state.as_object_mut() {
        fields.remove("hand_off");
    }
    state.to_string()
}

/// The state with a hand-off that the contact was not told of.
pub fn not_told(state: &str) -> String {
    let mut state: Value = serde_json::from_str(state).unwrap_or_default();
    if let Some(told) = state.pointer_mut("/hand_off/running/told") {
        *told = false.into();
    }
    state.to_string()
}
