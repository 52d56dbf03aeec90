//! Twilio's receipts about messages that were sent by REST. They can be late or missing.
//!
//! Not here: incoming messages (`webhook`).

use std::rc::Rc;

use switchboard::http;

use super::{
    executor::OUTSIDE, mutation::Mutation, state::Simulation, twilio::UNSUBSCRIBED,
    worker_ports::WorkerPlatform,
};
use crate::support::{Incoming, TOKEN};

impl Simulation {
    /// Twilio reports what becomes of a message, perhaps.
    pub fn receipts(self: &Rc<Self>, sid: &str, to: &str, from: &str) {
        let (sim, message) = (
            Rc::clone(self),
            [sid.to_owned(), to.to_owned(), from.to_owned()],
        );
        if self.is(Mutation::PartsNotAwaited) {
            let (sim, message) = (Rc::clone(self), message.clone());
            self.executor.spawn(OUTSIDE, async move {
                sim.sleep(600).await;
                sim.post_receipt(&message, "sent", 0).await;
            });
        }
        if !self.fault(self.fault_plan.receipts, "receipts") {
            return;
        }
        let created = self.executor.now();
        self.executor.spawn(OUTSIDE, async move {
            sim.sleep(sim.random.between(50, 4000)).await;
            sim.invariants.borrow_mut().passed_on(&message[1]);
            sim.post_receipt(&message, "sent", 0).await;
            sim.sleep(sim.random.between(50, 20_000)).await;
            match sim.random.below(12) {
                0 => {
                    sim.opt_out_at_twilio(&message[1]);
                    sim.invariants.borrow_mut().may_opt_out(&message[1]);
                    let ignored = sim.is(Mutation::OptOutReceiptIgnored);
                    let code = if ignored { 30003 } else { UNSUBSCRIBED };
                    let answered = sim.post_receipt(&message, "undelivered", code).await;
                    let holds = sim.opted_out_at_twilio.borrow().contains(&message[1]);
                    if answered && holds {
                        let now = sim.executor.now();
                        sim.invariants
                            .borrow_mut()
                            .told_opted_out(&message[1], created, now);
                    }
                }
                1 => drop(sim.post_receipt(&message, "failed", 30003).await),
                _ => drop(sim.post_receipt(&message, "delivered", 0).await),
            }
        });
    }

    /// Posts a receipt, and returns whether it was accepted.
    async fn post_receipt(
        self: &Rc<Self>,
        [sid, to, from]: &[String; 3],
        status: &str,
        code: u32,
    ) -> bool {
        let code = code.to_string();
        let mut fields: Vec<(String, String)> = [
            ("MessageSid", sid.as_str()),
            ("MessageStatus", status),
            ("To", to),
            ("From", from),
            ("ErrorCode", &code),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if code == "0" {
            fields.pop();
        }
        self.trace(|| format!("a receipt of {}: {status} {code}", &sid[26..]));
        let mut request = Incoming::signed(&fields);
        request.url.push_str("/status");
        request.sign(TOKEN, &fields);
        let worker = WorkerPlatform::new(self);
        let response = http::handle(&worker, Ok(&self.config), &mut request).await;
        response.status == 204
    }
}
