//! What an operator and Twilio tell a thread, beside messages: erasures and delivery receipts. A
//! thread that follows another passes them on.
//!
//! Not here: the contact's own erasure (`thread`).

use std::rc::Rc;

use super::{Inner, ThreadPlatform};
use crate::{
    event::{self, Erased, ErasedBy, Event},
    messaging::{
        api::{Erase, Erasure, RecordDelivery},
        state::State,
    },
    object::StepHost,
    platform::PlatformError,
};

impl<P: ThreadPlatform> Inner<P> {
    /// Erases the contact's data in every thread of the contact.
    pub(super) async fn erase(self: &Rc<Self>, call: Erase) -> Result<Erasure, PlatformError> {
        let by = ErasedBy::Operator;
        let erase = |state: &mut State, now| {
            let erased = state.erase(now, &self.config);
            state.plan_erasure(call.phone_hash.clone(), by, now);
            (erased, state.leader().cloned())
        };
        let (mut erased, leader) = self.step(erase).await?;
        self.cancel_turn();
        if leader.is_none() || erased != Erased::default() {
            let phone_hash = call.phone_hash.clone();
            self.log_erased(phone_hash, by, erased);
        }
        erased.add(&self.erase_within_wait(self.platform.now()).await);
        let erasure = |state: &State, _| Erasure {
            erased,
            kv_deleted: !state.is_erasing(),
            opted_out: state.is_opted_out(),
        };
        let mut erasure = self.read(erasure).await?;
        if let Some(leader) = leader {
            let others = self.ask_leader(&leader, &call).await?;
            erasure.erased.add(&others.erased);
            erasure.kv_deleted &= others.kv_deleted;
            erasure.opted_out = others.opted_out;
        }
        Ok(erasure)
    }

    /// Records and logs a delivery receipt.
    pub(super) async fn record_delivery(
        &self,
        receipt: RecordDelivery,
    ) -> Result<(), PlatformError> {
        let record = |state: &mut State, now| {
            let (sid, progress) = (&receipt.sid, receipt.progress);
            // The thread that leads has sent what this one does not know.
            let leader = state.leader().filter(|_| !state.outbox.has_sent(sid));
            match leader.cloned() {
                Some(leader) => Err(leader),
                None => Ok(state.record_delivery(sid, progress, receipt.code, now)),
            }
        };
        let recorded = match self.step(record).await? {
            Err(leader) => return self.ask_leader(&leader, &receipt).await,
            Ok(recorded) => recorded,
        };
        let RecordDelivery {
            code, phone_hash, ..
        } = receipt;
        if let Some(status) = recorded.ended {
            let delivery = Event::Delivery {
                phone_hash: phone_hash.clone(),
                status,
                code,
            };
            event::log(&self.platform, &delivery);
        }
        self.opted_out_at_twilio(phone_hash, recorded.opted_out);
        Ok(())
    }
}
