//! The fake endpoint that transcribes: what was said, silence, and failures.
//!
//! Not here: what must hold of a request (`invariants::model`).

use std::rc::Rc;

use serde_json::json;
use switchboard::platform::{HttpError, HttpResponse};

use super::{
    executor::{OUTSIDE, promise},
    mutation::Mutation,
    object_ports::ObjectPlatform,
    state::Simulation,
};
use crate::support::response::response;

/// What is said in each voice note.
pub const SPOKEN: &str = "xyzzy, said aloud";

impl Simulation {
    pub async fn transcribe(
        self: &Rc<Self>,
        platform: &ObjectPlatform,
        timeout: u64,
    ) -> Result<HttpResponse, HttpError> {
        let (name, number) = (&platform.name, platform.number);
        let times = if self.is(Mutation::TranscriptionNotReserved) {
            2
        } else {
            1
        };
        for _ in 0..times {
            let at = self.executor.now();
            self.invariants.borrow_mut().transcribing(name, number, at);
        }
        self.trace(|| format!("{name:.6} has a voice note transcribed"));
        let (give, take) = promise();
        let sim = Rc::clone(self);
        self.executor.spawn(OUTSIDE, async move {
            give.give(sim.transcription().await);
        });
        let answer = self.executor.within(timeout, take).await;
        let answer = match answer {
            None => Err(HttpError::Timeout),
            Some(answer) => answer.unwrap_or(Err(HttpError::Connection)),
        };
        self.trace(|| match &answer {
            Ok(answer) => format!("{name:.6} hears {}", answer.status),
            Err(error) => format!("{name:.6} hears nothing: {error}"),
        });
        answer
    }

    async fn transcription(&self) -> Result<HttpResponse, HttpError> {
        let slow = self.fault(self.fault_plan.model_slow, "slow answers of the model");
        self.sleep(if slow {
            self.random.between(3000, 70_000)
        } else {
            self.random.between(50, 2500)
        })
        .await;
        let fails = self.fault_plan.model_fails;
        if self.fault(fails, "transcriptions that failed") {
            return match self.random.below(8) {
                0 => Err(HttpError::Connection),
                1 => Err(HttpError::Unreadable),
                2 => Ok(response(429, "")),
                3 => Ok(response(503, "")),
                4 => Ok(response(404, "")),
                5 => Ok(response(200, "<html>")),
                6 => Ok(response(
                    400,
                    r#"{"error":{"message":"Unsupported file format"}}"#,
                )),
                _ => {
                    self.count("transcriptions without a word");
                    Ok(response(200, r#"{"text":""}"#))
                }
            };
        }
        Ok(response(200, json!({ "text": SPOKEN }).to_string()))
    }
}
