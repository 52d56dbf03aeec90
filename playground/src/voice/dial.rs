//! `<Dial>`: another phone rings, and is answered or not.

use serde_json::json;

use super::call::{Call, Flow};
use super::parameters::named;
use super::verb::Dial;
use crate::base::random::random_hex;
use crate::phones::call_faults::DialOutcome;
use crate::twilio::values::is_e164;
use crate::webhook::answer::twilio_error;

/// How long the other phone rings, and how long its owner talks.
const RING_MS: u64 = 3000;
const TALK_MS: u64 = 20_000;

impl Call {
    /// Calls somebody else, and connects them if they answer.
    pub async fn dial(&mut self, dial: Dial, base: Option<&str>) -> Flow {
        let targets = dial.targets.join(", ");
        self.log
            .show("verb", json!({"text": format!("Calling {targets}")}));
        let is_known = |target: &String| {
            is_e164(target) || target.starts_with("sip:") || target.starts_with("client:")
        };
        let mut parameters = named(&[("DialCallSid", &format!("CA{}", random_hex()))]);
        let outcome = if dial.targets.is_empty() || !dial.targets.iter().all(is_known) {
            self.alert(&twilio_error(
                13224,
                "<Dial> has no number that can be called",
            ));
            "failed"
        } else {
            let flow = self.pause(RING_MS).await;
            if !matches!(flow, Flow::Next) {
                return flow;
            }
            match self.faults().dial {
                DialOutcome::Busy => "busy",
                DialOutcome::NoAnswer => "no-answer",
                DialOutcome::Answered => {
                    let text = "Somebody answers, and the person talks to them";
                    self.log.show("verb", json!({"text": text}));
                    let flow = self.pause(TALK_MS).await;
                    if let Flow::Over(over) = flow {
                        parameters.extend(named(&[("DialCallStatus", "completed")]));
                        let action = dial.action.as_deref();
                        self.farewell(action, base, 0, parameters).await;
                        return Flow::Over(over);
                    }
                    if !matches!(flow, Flow::Next) {
                        return flow;
                    }
                    let seconds = TALK_MS.div_euclid(1000).to_string();
                    parameters.extend(named(&[("DialCallDuration", &seconds)]));
                    "completed"
                }
            }
        };
        self.log.show(
            "verb",
            json!({"text": format!("The other phone: {outcome}")}),
        );
        parameters.extend(named(&[
            ("DialCallStatus", outcome),
            (
                "DialBridged",
                if outcome == "completed" {
                    "true"
                } else {
                    "false"
                },
            ),
        ]));
        match dial.action {
            Some(action) => self.document(base, Some(&action), parameters),
            None => Flow::Next,
        }
    }
}
