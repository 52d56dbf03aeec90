//! Twilio Intelligence v2 ("Conversation Intelligence (classic)"): transcripts of recordings, with
//! sentences and the results of operators.
//!
//! There is one service. A transcript is queued, in progress and completed within a few seconds, and then
//! the service's webhook is told. It is as strict as Twilio's OpenAPI description,
//! `twilio_intelligence_v2`, and beyond it rejects unknown parameters. What is said in a transcript
//! follows from what was said in the call, with some words misheard. Not here: posting the webhook
//! (`voice/notices.rs`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use self::transcript::{DONE_MS, Transcript};
use super::error::{not_found, wrong_method};
use super::recordings::Recordings;
use crate::base::random::random_hex;
use crate::base::shared::{lock, push_newest};
use crate::base::time::now_ms;
use crate::http::call::Call;
use crate::http::reply::{Prepared, Reply};

mod create;
mod list;
mod operators;
mod sentences;
mod service;
mod transcript;

pub use self::service::Service;

/// The mock Intelligence.
pub struct Intelligence {
    service: Service,
    recordings: Arc<Recordings>,
    transcripts: Mutex<Transcripts>,
    /// Tells the service's webhook.
    teller: OnceLock<Teller>,
}

/// The newest transcripts, oldest first.
type Transcripts = VecDeque<Arc<Transcript>>;
/// Tells the webhook of a transcript.
type Teller = Box<dyn Fn(Notice) + Send + Sync>;

/// What the webhook will be told.
pub struct Notice {
    /// Where.
    pub url: String,
    /// In what time.
    pub after: Duration,
    /// What.
    pub body: Value,
}

/// How many transcripts are kept.
const KEPT: usize = 1_000;

impl Intelligence {
    /// No transcripts yet, of these recordings.
    pub fn new(service: Service, recordings: Arc<Recordings>) -> Self {
        Self {
            service,
            recordings,
            transcripts: Mutex::default(),
            teller: OnceLock::new(),
        }
    }

    /// Sets who tells the webhook.
    pub fn set_teller(&self, teller: impl Fn(Notice) + Send + Sync + 'static) {
        // It is set once, when the playground starts.
        let _ = self.teller.set(Box::new(teller));
    }

    /// Checks an authorized request below `/v2/Transcripts`, of the account in the credential. `rest` is
    /// the part after it.
    ///
    /// # Errors
    /// The answer to a request that cannot be served.
    pub fn prepare<'a>(
        &'a self,
        account: &str,
        rest: &[&str],
        call: &Call,
    ) -> Result<Prepared<'a>, Reply> {
        let found = |sid: &str| self.find(account, sid).ok_or_else(|| not_found(call));
        match (call.method.as_str(), rest) {
            ("POST", []) => {
                let transcript = self.new_transcript(account, call)?;
                Ok(Prepared::new(move |_| self.create(transcript)))
            }
            ("GET", []) => list::list(&self.transcripts, account, call),
            ("GET", [sid]) => {
                let transcript = found(sid)?;
                Ok(Prepared::new(move |_| {
                    Reply::json(StatusCode::OK, transcript.resource(now_ms()))
                }))
            }
            ("DELETE", [sid]) => {
                let sid = found(sid)?.sid.clone();
                Ok(Prepared::new(move |_| {
                    lock(&self.transcripts).retain(|other| other.sid != sid);
                    Reply::json(StatusCode::NO_CONTENT, Value::Null)
                }))
            }
            ("GET", [sid, "Sentences"]) => sentences::list(&found(sid)?, call),
            ("GET", [sid, "OperatorResults"]) => operators::list(&found(sid)?, call),
            (_, [] | [_] | [_, "Sentences" | "OperatorResults"]) => Err(wrong_method(&call.method)),
            _ => Err(not_found(call)),
        }
    }

    fn find(&self, account: &str, sid: &str) -> Option<Arc<Transcript>> {
        let transcripts = lock(&self.transcripts);
        let is_it = |other: &&Arc<Transcript>| other.sid == sid && other.account == account;
        transcripts.iter().find(is_it).cloned()
    }

    /// Reads a request for a transcript.
    ///
    /// # Errors
    /// The error of Twilio.
    fn new_transcript(&self, account: &str, call: &Call) -> Result<Transcript, Reply> {
        let wanted = create::read(&self.service, &self.recordings, call)?;
        Ok(Transcript {
            sid: format!("GT{}", random_hex()),
            account: account.to_owned(),
            service: self.service.sid.clone(),
            speed: self.service.speed,
            created_at: now_ms(),
            recording: wanted.recording,
            channel: wanted.channel,
            customer_key: wanted.customer_key,
            media_start_time: wanted.media_start_time,
        })
    }

    /// Begins a transcript. The same recording can have several, each of which would be billed.
    fn create(&self, transcript: Transcript) -> Reply {
        let resource = transcript.resource(transcript.created_at);
        let fate = transcript.recording.fate;
        if let (Some(tell), false) = (self.teller.get(), fate.fails || fate.untold) {
            let after = Duration::from_millis(DONE_MS).checked_div(self.service.speed);
            tell(Notice {
                url: self.service.webhook_url.clone(),
                after: after.unwrap_or_default(),
                body: json!({
                    "account_sid": transcript.account,
                    "service_sid": transcript.service,
                    "transcript_sid": transcript.sid,
                    "customer_key": transcript.customer_key,
                    "event_type": "voice_intelligence_transcript_available"
                }),
            });
        }
        push_newest(&mut lock(&self.transcripts), Arc::new(transcript), KEPT);
        Reply::json(StatusCode::ACCEPTED, resource)
    }
}
