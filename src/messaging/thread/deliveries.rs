//! The signed webhooks of a thread, and what follows from their ends.
//!
//! Not here: the requests (`conversation::deliveries`).

use super::{Inner, ThreadPlatform};
use crate::{
    base::time::UnixMillis,
    conversation::deliveries::{self, Deliveries, Delivery, DeliveryEnd, DeliveryStore},
    messaging::state::{EndedDelivery, State},
    object::StepHost,
    platform::PlatformError,
};

impl<P: ThreadPlatform> Inner<P> {
    /// Sends the signed webhooks whose time has come.
    pub(super) async fn send_deliveries(&self) -> Result<(), PlatformError> {
        let _delivering = self.delivering.lock().await;
        deliveries::drain(self, &self.platform, &self.config).await
    }
}

impl<P: ThreadPlatform> DeliveryStore for Inner<P> {
    async fn change_deliveries<R>(
        &self,
        decide: impl FnOnce(&mut Deliveries, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        self.step(|state, now| decide(&mut state.deliveries, now))
            .await
    }

    async fn end_delivery(
        &self,
        delivery: &Delivery,
        end: DeliveryEnd,
    ) -> Result<bool, PlatformError> {
        let end = |state: &mut State, now| state.end_delivery(delivery, end, now, &self.config);
        match self.step(end).await? {
            EndedDelivery::Gone => return Ok(false),
            EndedDelivery::Ended => {}
            EndedDelivery::OfIntake(ended) => self.log_intake(ended),
        }
        Ok(true)
    }
}
