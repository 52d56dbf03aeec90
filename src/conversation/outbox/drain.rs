//! Draining the outbox: one request to Twilio for each part, and a look-up when its outcome is
//! unknown.
//!
//! Not here: the entries and their order (`outbox`).

use std::time::Duration;

use super::{OptOutRefusal, Outbox, OutboxEntry, OutboxStep, ReplyTarget};
use crate::{
    base::{
        time::UnixMillis,
        usage::{PendingUsage, UsageCounters},
    },
    config::Config,
    conversation::budget::{self, Item, Reservation, Reserve},
    event::{self, Event, ObjectKind, OutboxOutcome},
    identity::MessageSid,
    object::in_time,
    platform::{Clock, Http, Log, Objects, PlatformError},
    twilio::rest::{self, Created, Credentials, Found, TwilioRequestContext, Wanted},
};

/// How long the budget object may take to answer.
const BUDGET_LIMIT: Duration = Duration::from_secs(10);

/// Replaces Twilio's error code when no request was possible because the webhook named no account.
const NO_ACCOUNT: u32 = 0;

/// Where an outbox is stored.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait OutboxStore {
    /// Changes the outbox in one atomic step.
    ///
    /// # Errors
    /// When storage failed.
    async fn change<R>(
        &self,
        decide: impl FnOnce(&mut Outbox, &mut PendingUsage, UnixMillis) -> R,
    ) -> Result<R, PlatformError>;

    /// Twilio has refused the first part of an answer with this code, because the contact has opted
    /// out there. The contact counts as opted out, and everything that waits is dropped.
    ///
    /// # Errors
    /// When storage failed.
    async fn opt_out(&self, entry: &OutboxEntry, code: u32)
    -> Result<OptOutRefusal, PlatformError>;
}

/// Sends the answers whose time has come, part after part.
///
/// # Errors
/// When storage failed.
pub async fn drain(
    store: &impl OutboxStore,
    platform: &(impl Clock + Log + Http + Objects),
    config: &Config,
) -> Result<(), PlatformError> {
    let drain = Drain {
        store,
        platform,
        config,
    };
    while let Some(step) = store.change(|outbox, _, now| outbox.next_step(now)).await? {
        match step {
            OutboxStep::Reserve(entry) => drain.reserve(&entry).await?,
            OutboxStep::Send(entry) => drain.send(&entry).await?,
            OutboxStep::Reconcile(entry, since) => drain.reconcile(&entry, since).await?,
            OutboxStep::GaveUp(entry) if entry.may_be_sent() => {
                drain.log(&entry, OutboxOutcome::Unknown, None);
            }
            OutboxStep::GaveUp(entry) => {
                drain.log(&entry, OutboxOutcome::Undeliverable, entry.code());
            }
        }
    }
    Ok(())
}

struct Drain<'a, S, P> {
    store: &'a S,
    platform: &'a P,
    config: &'a Config,
}

impl<S: OutboxStore, P: Clock + Log + Http + Objects> Drain<'_, S, P> {
    /// Counts the first part for `MAX_DAILY_MESSAGES`, then sends it.
    async fn reserve(&self, entry: &OutboxEntry) -> Result<(), PlatformError> {
        let turn = entry.turn;
        let reserve = Reserve {
            item: Item::Message,
            count: 1,
            cap: self.config.max_daily_messages,
            usage: UsageCounters::EMPTY,
        };
        let reserved = self.platform.call(budget::NAME, &reserve);
        match in_time(self.platform, BUDGET_LIMIT, reserved).await {
            Ok(Reservation::Granted) => {
                // The contact may have cancelled it meanwhile.
                let reserve = |outbox: &mut Outbox, now| outbox.mark_reserved(turn, now);
                match self.change(reserve).await? {
                    Some(entry) => self.send(&entry).await,
                    None => Ok(()),
                }
            }
            Ok(Reservation::Exhausted) => {
                self.change(|outbox, _| outbox.drop_entry(turn)).await?;
                self.log(entry, OutboxOutcome::DailyLimit, None);
                Ok(())
            }
            Err(error) => {
                event::log_failure(self.platform, ObjectKind::Budget, error);
                self.change(|outbox, now| outbox.mark_not_processed(turn, None, now))
                    .await
            }
        }
    }

    /// Sends the first part, which is marked.
    async fn send(&self, entry: &OutboxEntry) -> Result<(), PlatformError> {
        let turn = entry.turn;
        let base = &self.config.twilio_api_base_url;
        let mut created = Created::Rejected(NO_ACCOUNT);
        if let Some(part) = entry.parts.first() {
            for context in request_contexts(self.config, &entry.reply_to) {
                created = rest::create_message(self.platform, base, context, part).await;
                // Between two tokens the contact may have opted out.
                let retry = |outbox: &mut Outbox, now| outbox.mark_retried(turn, now);
                if created != Created::Unauthorized || !self.change(retry).await? {
                    break;
                }
            }
        }
        match created {
            Created::Sent(sid) => {
                self.mark_sent(turn, sid).await?;
                self.log(entry, OutboxOutcome::Sent, None);
                Ok(())
            }
            Created::NotProcessed(code) => {
                self.change(|outbox, now| outbox.mark_not_processed(turn, Some(code), now))
                    .await
            }
            // The operator's number takes no messages from ours.
            Created::OptedOut(code) if entry.is_note => self.drop_rejected(entry, code).await,
            Created::OptedOut(code) => {
                if self.store.opt_out(entry, code).await? == OptOutRefusal::Dropped {
                    self.log(entry, OutboxOutcome::Rejected, Some(code));
                }
                Ok(())
            }
            Created::Unknown => {
                self.change(|outbox, now| outbox.mark_unknown(turn, now))
                    .await
            }
            Created::Rejected(code) => self.drop_rejected(entry, code).await,
            Created::Unauthorized => self.drop_rejected(entry, 401).await,
        }
    }

    /// Finds out whether the first part was sent by the attempt that began at `since`.
    async fn reconcile(&self, entry: &OutboxEntry, since: UnixMillis) -> Result<(), PlatformError> {
        let turn = entry.turn;
        let base = &self.config.twilio_api_base_url;
        let known = self.change(|outbox, _| outbox.sent_sids()).await?;
        let mut found = None;
        if let Some(part) = entry.parts.first() {
            let wanted = Wanted {
                body: part,
                since,
                known: &known,
            };
            let find = async |context: TwilioRequestContext<'_>| {
                rest::find_message(self.platform, base, context, wanted).await
            };
            let contexts = request_contexts(self.config, &entry.reply_to);
            let is_refused = |found: &Found| *found == Found::Unauthorized;
            found = rest::first_accepted(contexts, is_refused, find).await;
        }
        match found.unwrap_or(Found::NotAsked) {
            Found::Sent(sid) => {
                self.mark_sent(turn, Some(sid)).await?;
                self.log(entry, OutboxOutcome::Sent, None);
                Ok(())
            }
            Found::Absent => {
                self.change(|outbox, now| outbox.mark_absent(turn, now))
                    .await
            }
            Found::NotAsked | Found::Unauthorized => {
                self.change(|outbox, now| outbox.mark_not_reconciled(turn, now))
                    .await
            }
        }
    }

    async fn mark_sent(&self, turn: u64, sid: Option<MessageSid>) -> Result<(), PlatformError> {
        let mark = |outbox: &mut Outbox, usage: &mut PendingUsage, now| {
            if outbox.mark_sent(turn, sid, now) {
                let sent = UsageCounters {
                    answers_by_rest: 1,
                    ..UsageCounters::EMPTY
                };
                usage.count(&sent, now);
            }
        };
        self.store.change(mark).await
    }

    async fn drop_rejected(&self, entry: &OutboxEntry, code: u32) -> Result<(), PlatformError> {
        self.change(|outbox, _| outbox.drop_entry(entry.turn))
            .await?;
        match code {
            NO_ACCOUNT => self.log(entry, OutboxOutcome::Undeliverable, None),
            code => self.log(entry, OutboxOutcome::Rejected, Some(code)),
        }
        Ok(())
    }

    async fn change<R>(
        &self,
        decide: impl FnOnce(&mut Outbox, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        self.store
            .change(|outbox, _, now| decide(outbox, now))
            .await
    }

    fn log(&self, entry: &OutboxEntry, outcome: OutboxOutcome, code: Option<u32>) {
        let phone_hash = entry.phone_hash.clone();
        event::log(
            self.platform,
            &Event::OutboxPart {
                phone_hash,
                outcome,
                code,
            },
        );
    }
}

/// The contexts in which a request for this target may be made: first with the token that verified
/// the message, then with the others, because the tokens may have been rotated. Without a known
/// account there are none.
pub fn request_contexts<'a>(
    config: &'a Config,
    target: &'a ReplyTarget,
) -> impl Iterator<Item = TwilioRequestContext<'a>> {
    let account = target.account.as_ref();
    let credentials = account
        .into_iter()
        .flat_map(move |account| rest::credentials(config, account, &target.token));
    credentials.map(move |Credentials { account, token }| TwilioRequestContext {
        account,
        token,
        service: target.service.as_ref(),
        from: &target.number,
        to: &target.contact,
        origin: &target.origin,
    })
}
