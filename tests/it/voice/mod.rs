//! Phone calls, on the fake platform and in virtual time: from the webhook to the end of the call.
//!
//! Not here: frames and TwiML by themselves (`src/twilio/voice`), and the real runtime (`tests/e2e`).

mod admission;
mod barge_in;
mod digits;
mod ending;
mod failures;
mod gather;
mod hand_off;
mod hang_up;
mod minutes;
mod outbound;
mod outbound_faults;
mod recorded;
mod resuming;
mod sockets;
mod turns;

use serde_json::Value;

use crate::support::FakePlatform;

/// What the model was told in the newest request, after the prompt.
fn told(fake: &FakePlatform) -> Vec<String> {
    let requests = fake.model_requests();
    let messages = requests.last().unwrap()["messages"].as_array().unwrap();
    let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
    messages[1..].iter().map(text).collect()
}
