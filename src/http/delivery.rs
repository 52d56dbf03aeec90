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
        number,
        progress,
        code,
    } = update.get().clone();
    if let Some(progress) = progress {
        let thread = config.pseudonym_key.pair(&contact, &number);
        let record = RecordDelivery {
            sid,
            progress,
            code,
            phone_hash: config.pseudonym_key.phone_hash(&contact),
        };
        let recorded = with_retry(async || platform.call(thread.as_str(), &record).await);
        in_time(platform, OBJECT_TIME, recorded)
            .await
            .map_err(|error| Rejection::Thread(error.reason))?;
    }
    Ok(Response::empty(204))
}
