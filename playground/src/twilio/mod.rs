//! The mock Twilio REST API: messages, media, the typing indicator, calls, transcripts of recordings,
//! phone numbers and Messaging Services.
//!
//! It delivers nothing and makes no status callbacks. Inbound webhooks are made by `webhook/`, those of
//! calls and transcripts by `voice/`.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use self::calls::CallList;
use self::error::{not_found, wrong_method};
use self::intelligence::{Intelligence, Service};
use self::messages::Outbox;
use self::numbers::{Callee, Numbers};
use self::recordings::Recordings;
use self::values::is_sid;
use crate::feed::Feed;
use crate::http::call::{Authorization, Call};
use crate::http::reply::{Prepared, Reply};

pub mod calls;
mod error;
pub mod intelligence;
pub mod media_store;
pub mod messages;
pub mod numbers;
mod page;
pub mod recordings;
pub mod text;
mod typing;
pub mod values;

pub use self::error::error_reply;

/// The mock Twilio.
pub struct Twilio {
    /// The accepted auth tokens.
    tokens: Vec<String>,
    /// The files that can be attached to a message.
    pub media: media_store::MediaStore,
    /// The messages that were sent.
    pub outbox: Arc<Outbox>,
    /// The calls.
    pub calls: Arc<CallList>,
    /// The recordings of calls.
    pub recordings: Arc<Recordings>,
    /// The transcripts of recordings.
    pub intelligence: Intelligence,
    /// The phone numbers and Messaging Services of the accounts.
    pub numbers: Numbers,
    feed: Arc<Feed>,
}

impl Twilio {
    /// A mock that accepts each of `tokens`. It adds what it sends to `outbox`, and to `feed` for
    /// the page. Every account has `numbers`, besides others. Calls to them go to `worker`. `service`
    /// makes transcripts.
    pub fn new(
        tokens: Vec<String>,
        numbers: Vec<String>,
        worker: Callee,
        service: Service,
        outbox: Arc<Outbox>,
        feed: Arc<Feed>,
    ) -> Self {
        let recordings = Arc::<Recordings>::default();
        Self {
            tokens,
            media: media_store::MediaStore::default(),
            outbox,
            calls: Arc::default(),
            intelligence: Intelligence::new(service, Arc::clone(&recordings)),
            recordings,
            numbers: Numbers::new(numbers, worker),
            feed,
        }
    }

    /// Checks the Basic credential: the account in the path and one of the auth tokens.
    pub fn authorize(&self, call: &Call) -> Authorization {
        let token_index = credential(call).and_then(|(account, token)| {
            let is_account = match account_in(&call.path) {
                Some(wanted) => wanted == account,
                None => is_sid(&account, "AC"),
            };
            self.tokens
                .iter()
                .position(|accepted| is_account && *accepted == token)
        });
        // The target of a media redirect needs no credentials. If some came, their index is shown.
        Authorization {
            granted: token_index.is_some() || call.path.starts_with("/media/"),
            token_index,
        }
    }

    /// Checks an authorized request.
    ///
    /// # Errors
    /// The answer to a request that cannot be served.
    pub fn prepare<'a>(&'a self, call: &Call) -> Result<Prepared<'a>, Reply> {
        let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["v3", "Indicators", "Typing.json"]) => {
                typing::typing(&self.feed, &self.outbox, call)
            }
            ("POST", ["v2", "Indicators", "Typing.json"]) => Err(typing::old_version()),
            (_, ["2010-04-01", "Accounts", account, rest @ ..]) if is_sid(account, "AC") => {
                self.prepare_for_account((*account).to_owned(), rest, call)
            }
            (_, ["v1", "Services", rest @ ..]) => {
                let (account, _) = credential(call).ok_or_else(|| not_found(call))?;
                numbers::services(&self.numbers, account, rest, call)
            }
            (_, ["v2", "Transcripts", rest @ ..]) => {
                let (account, _) = credential(call).ok_or_else(|| not_found(call))?;
                self.intelligence.prepare(&account, rest, call)
            }
            ("GET", ["media", sid]) => self.media.file(sid).ok_or_else(|| not_found(call)),
            (_, ["v2" | "v3", "Indicators", "Typing.json"] | ["media", _]) => {
                Err(wrong_method(&call.method))
            }
            _ => Err(not_found(call)),
        }
    }

    /// Checks a request for a path below an account. `rest` is the part after the account.
    fn prepare_for_account<'a>(
        &'a self,
        account: String,
        rest: &[&str],
        call: &Call,
    ) -> Result<Prepared<'a>, Reply> {
        match (call.method.as_str(), rest) {
            ("POST", ["Messages.json"]) => {
                messages::create(&self.outbox, &self.feed, account, call)
            }
            ("GET", ["Messages.json"]) => messages::list(&self.outbox, account, call),
            ("GET", ["Messages", file]) => {
                messages::read(&self.outbox, &account, file).ok_or_else(|| not_found(call))
            }
            ("GET", ["Messages", message, "Media", sid]) => self
                .media
                .redirect(&account, message, sid)
                .ok_or_else(|| not_found(call)),
            ("POST", ["Calls.json"]) => calls::create(&self.calls, &self.numbers, &account, call),
            ("GET", ["Calls.json"]) => calls::list(&self.calls, account, call),
            ("GET", ["Calls", file]) => {
                calls::read(&self.calls, &account, file).ok_or_else(|| not_found(call))
            }
            ("POST", ["Calls", file]) => calls::update(&self.calls, &account, file, call),
            (
                _,
                ["Messages.json" | "Calls.json"]
                | ["Messages" | "Calls", _]
                | ["Messages", _, "Media", _],
            ) => Err(wrong_method(&call.method)),
            _ => numbers::numbers(&self.numbers, account, rest, call),
        }
    }
}

/// The account and the token in the Basic credential.
fn credential(call: &Call) -> Option<(String, String)> {
    let decoded = BASE64_STANDARD.decode(call.credential("basic")?).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (account, token) = decoded.split_once(':')?;
    Some((account.to_owned(), token.to_owned()))
}

fn account_in(path: &str) -> Option<&str> {
    path.strip_prefix("/2010-04-01/Accounts/")?
        .split('/')
        .next()
}
