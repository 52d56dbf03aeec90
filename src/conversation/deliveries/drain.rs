//! Draining the deliveries: one signed request for each.
//!
//! Not here: their order and waits (`deliveries`), and the signature (`webhooks`).

use std::time::Duration;

use super::{Deliveries, Delivery, DeliveryEnd, DeliveryStep};
use crate::{
    base::time::UnixMillis,
    config::{Config, SignedUrl},
    event::{self, DeliveryOutcome, DeliveryPurpose, Event},
    platform::{Clock, Http, Log, PlatformError},
    webhooks::{self, Outcome},
};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes. Only its status counts.
const MAX_ANSWER: usize = 64 * 1024;

/// Where deliveries are stored.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait DeliveryStore {
    /// Changes the deliveries in one atomic step.
    ///
    /// # Errors
    /// When storage failed.
    async fn change_deliveries<R>(
        &self,
        decide: impl FnOnce(&mut Deliveries, UnixMillis) -> R,
    ) -> Result<R, PlatformError>;

    /// A delivery has ended: drops it and does what follows from its end, in one atomic step.
    /// Returns whether it was still there. An erasure may have dropped it.
    ///
    /// # Errors
    /// When storage failed. The delivery is then sent again, with the same id.
    async fn end_delivery(
        &self,
        delivery: &Delivery,
        end: DeliveryEnd,
    ) -> Result<bool, PlatformError>;
}

/// Sends the deliveries whose time has come, one after the other.
///
/// # Errors
/// When storage failed.
pub async fn drain(
    store: &impl DeliveryStore,
    platform: &(impl Clock + Log + Http),
    config: &Config,
) -> Result<(), PlatformError> {
    let next = |deliveries: &mut Deliveries, now| deliveries.next_step(now);
    while let Some(step) = store.change_deliveries(next).await? {
        let (delivery, end) = match step {
            DeliveryStep::GiveUp(delivery) => (delivery, DeliveryEnd::GivenUp),
            DeliveryStep::Send(delivery) => match send(platform, config, &delivery).await {
                None => (delivery, DeliveryEnd::Delivered),
                Some(reason) => {
                    let failed = |deliveries: &mut Deliveries, now| {
                        deliveries.mark_failed(&delivery.id, now)
                    };
                    if store.change_deliveries(failed).await?.is_some() {
                        log(platform, &delivery, DeliveryOutcome::Delayed, Some(reason));
                    }
                    continue;
                }
            },
        };
        if store.end_delivery(&delivery, end).await? {
            let outcome = match end {
                DeliveryEnd::Delivered => DeliveryOutcome::Delivered,
                DeliveryEnd::GivenUp => DeliveryOutcome::GivenUp,
            };
            log(platform, &delivery, outcome, None);
        }
    }
    Ok(())
}

/// Sends a delivery. Returns why the service has not taken it, if it has not.
async fn send(
    platform: &(impl Clock + Http),
    config: &Config,
    delivery: &Delivery,
) -> Option<&'static str> {
    let Some(target) = target(config, delivery) else {
        // The file of the assistant may come back with the next deployment.
        return Some("no_target");
    };
    let (now, body) = (platform.now(), delivery.body.clone());
    let request = webhooks::request(target, delivery.id.as_str(), now, body, MAX_ANSWER);
    let response = platform.send(&request, TIMEOUT).await;
    // A refusal is tried again, too: the service may be repaired within the day.
    match Outcome::of(response.as_ref().map_err(|error| *error)) {
        Outcome::Delivered => None,
        failed => Some(failed.label()),
    }
}

/// The service that gets a delivery, if the configuration still has it.
fn target<'c>(config: &'c Config, delivery: &Delivery) -> Option<&'c SignedUrl> {
    let mut assistants = config.assistants.iter();
    let assistant = assistants.find(|one| one.name == delivery.assistant)?;
    match delivery.purpose {
        DeliveryPurpose::HandedOverMessage => assistant.hand_off.as_ref()?.target.as_ref(),
        DeliveryPurpose::IntakeResult => assistant.intake.as_ref()?.deliver_to.as_ref(),
    }
}

fn log(
    platform: &(impl Clock + Log),
    delivery: &Delivery,
    outcome: DeliveryOutcome,
    reason: Option<&'static str>,
) {
    let event = Event::SignedWebhook {
        phone_hash: delivery.phone_hash.clone(),
        purpose: delivery.purpose,
        outcome,
        failures: delivery.tries.saturating_add(u32::from(reason.is_some())),
        reason,
    };
    event::log(platform, &event);
}
