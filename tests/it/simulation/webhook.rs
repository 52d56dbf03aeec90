//! Twilio before the Worker: webhooks, copies, time-outs, hang-ups and retries.
//!
//! Not here: what is written (`workload`).

use std::rc::Rc;

use switchboard::{
    http::{self, Response},
    messaging::canned_replies::CannedReply,
};

use super::{
    executor::{OUTSIDE, promise},
    state::Simulation,
    worker_ports::WorkerPlatform,
};
use crate::support::{Incoming, texts};

pub struct Webhook {
    pub sid: String,
    pub fields: Vec<(String, String)>,
    pub latest: u64,
}

/// Twilio posts a message within this time, and retries as configured.
pub fn post_within(sim: &Rc<Simulation>, webhook: &Rc<Webhook>, within: u64) {
    let (sim, webhook) = (Rc::clone(sim), Rc::clone(webhook));
    let wait = sim.random.below(within + 1);
    let executor = sim.executor.clone();
    executor.spawn(OUTSIDE, async move {
        sim.sleep(wait).await;
        for _ in 0..=sim.fault_plan.twilio_retries {
            if sim.executor.now() > webhook.latest || attempt(&sim, &webhook).await {
                break;
            }
            sim.sleep(sim.random.between(10, 3000)).await;
            sim.count("Twilio's retries");
        }
    });
}

/// Posts one webhook, and returns whether it got a 200 in time.
async fn attempt(sim: &Rc<Simulation>, webhook: &Rc<Webhook>) -> bool {
    let (give, take) = promise();
    let began = sim.executor.now();
    let worker = Rc::new(WorkerPlatform::new(sim));
    let mut request = Incoming::signed(&webhook.fields);
    let inner = Rc::clone(&worker);
    let task = sim.executor.spawn(OUTSIDE, async move {
        let config = Rc::clone(&inner.sim.config);
        give.give(http::handle(&*inner, Ok(&config), &mut request).await);
    });
    let hangs_up = sim.fault(sim.fault_plan.hang_up, "hang-ups");
    let patience = if hangs_up {
        sim.random.below(15_000)
    } else {
        15_000
    };
    let response: Option<Response> = sim.executor.within(patience, take).await.flatten();
    let short = &webhook.sid[28..];
    if response.is_some() || !hangs_up {
        let took = sim.executor.now() - began;
        let mut invariants = sim.invariants.borrow_mut();
        invariants.webhook_took(took, worker.hop.get(), response.is_some());
    }
    match response {
        Some(response) if response.status == 200 => {
            let texts = texts(&response.body);
            sim.trace(|| {
                format!(
                    "the webhook of {short} gets {:.60}",
                    if texts.is_empty() {
                        "nothing".to_owned()
                    } else {
                        texts.join(" / ")
                    }
                )
            });
            sim.count("webhooks");
            if texts == [CannedReply::Erased.text(sim.config.assistants.default())] {
                sim.told_erased(&webhook.sid);
            }
            let field = |name: &str| {
                webhook
                    .fields
                    .iter()
                    .find(|(other, _)| other == name)
                    .map_or("", |(_, value)| value)
            };
            sim.replied(field("From"), field("To"), &texts);
            let mut invariants = sim.invariants.borrow_mut();
            let number = field("From").contains('+') && !field("ExternalUserId").is_empty();
            let joins = number || (field("From").contains("US.") && !field("WaId").is_empty());
            if let (true, Some(message)) = (joins, invariants.messages.get(&webhook.sid)) {
                sim.joined.borrow_mut().insert(message.contact.clone());
            }
            if worker.limited.get()
                && let Some(message) = invariants.messages.get_mut(&webhook.sid)
            {
                message.limited += 1;
            }
            invariants.answered(&webhook.sid, &texts, sim.executor.now());
            true
        }
        other => {
            sim.trace(|| {
                format!(
                    "the webhook of {short} gets {}",
                    other
                        .as_ref()
                        .map_or("no answer".to_owned(), |one| one.status.to_string())
                )
            });
            sim.count(if other.is_some() {
                "webhooks that got a 503"
            } else {
                "webhooks that Twilio gave up"
            });
            if other.is_none() && sim.random.chance(600) {
                // The runtime may notice that the client has left.
                sim.executor.cancel(task);
            }
            let mut invariants = sim.invariants.borrow_mut();
            let status = other.map_or(503, |response| response.status);
            invariants.check(status == 503, || format!("a webhook got a {status}"));
            if let Some(message) = invariants.messages.get_mut(&webhook.sid) {
                message.failed += 1;
            }
            false
        }
    }
}
