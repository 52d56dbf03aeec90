//! `POST /twilio/messages/status`: a delivery receipt for a message that was sent by REST. Its
//! thread records it.
//!
//! Not here: parsing the receipt (`messaging::inbound`), and its effect on the thread
//! (`messaging`).

use super::{
    platform::{OBJECT_TIME, WorkerPlatform},
    request::Request,
    response::Response,
    webhook::{self, Rejection},
};
use crate::{
    config::Config,
    conversation::outbox::Progress,
    event::{self, Event, ObjectKind},
    messaging::{api::RecordDelivery, inbound::DeliveryReceipt},
    object::{in_time, with_retry},
};

/// Answers the webhook. Twilio expects a 204.
pub(super) async fn answer<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    let update = webhook::verified(config, request, url, "To", DeliveryReceipt::from_form).await?;
    let DeliveryReceipt {
        sid,
        contact,
        primary,
        number,
        progress,
        code,
    } = update.get().clone();
    let keys = &config.pseudonym_key;
    let phone_hash = keys.phone_hash(&contact);
    match (progress, number) {
        // Twilio would send the same again after an error, so a step before the end is accepted.
        (None, _) | (Some(Progress::Sent), None) => {}
        (Some(progress), Some(number)) => {
            let thread = keys.pair(&primary, &number);
            let record = RecordDelivery {
                sid,
                progress,
                code,
                phone_hash,
            };
            let recorded = with_retry(async || platform.call(thread.as_str(), &record).await);
            in_time(platform, OBJECT_TIME, recorded)
                .await
                .map_err(|error| Rejection::Object(ObjectKind::Thread, error.reason))?;
        }
        // Without a sender nobody can say which thread sent it. The failure is seen all the same.
        (Some(Progress::Ended(status)), None) => event::log(
            platform,
            &Event::Delivery {
                phone_hash,
                status,
                code,
            },
        ),
    }
    Ok(Response::empty(204))
}
