//! One model run: reserve the budget, ask the model, try again, give up.
//!
//! Not here: which messages make a turn, and sending the answer (`messaging`).

use std::{future::Future, time::Duration};

use futures_util::{
    future::{Either, join, select},
    pin_mut,
};

use crate::{
    base::{
        image::Image,
        time::{UnixMillis, millis},
        usage::UsageCounters,
    },
    config::Config,
    conversation::{
        budget::{self, Check, Item, Reservation, Reserve},
        history::Conversation,
        voice_error::VoiceError,
    },
    event::{self, Event, ObjectKind},
    identity::Pseudonym,
    object::{in_time, with_retry},
    openai::{self, Completion, Decoded, OpenAiError, Tokens},
    platform::{Clock, Http, HttpRequest, Log, Objects, PlatformError, Random},
    twilio::media::FetchError,
};

/// The result of a model run, and its cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRun {
    /// The model's answer, or the reason why there is none.
    pub result: Result<Completion, Failure>,
    /// Requests to the model that were made.
    pub requests: u32,
    /// Requests that were made before, to transcribe voice notes.
    pub transcriptions: u32,
    /// The tokens of all responses, whatever the result is.
    pub tokens: Tokens,
    /// The time spent, waits included, in milliseconds.
    pub model_ms: u64,
    /// The usage that the budget object now has.
    pub reported: UsageCounters,
}

impl ModelRun {
    /// A run that made no request.
    #[must_use]
    pub fn without_request(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            requests: 0,
            transcriptions: 0,
            tokens: Tokens::default(),
            model_ms: 0,
            reported: UsageCounters::EMPTY,
        }
    }

    /// The tokens as usage of the day.
    #[must_use]
    pub fn usage(&self) -> UsageCounters {
        UsageCounters {
            prompt_tokens: self.tokens.prompt,
            completion_tokens: self.tokens.completion,
            ..UsageCounters::EMPTY
        }
    }
}

/// The reason why a model run gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// OpenAI gave no completion.
    OpenAi(OpenAiError),
    /// The day's budget is used up. No request was made.
    BudgetExhausted,
    /// The contact has used up its share of the day. No request was made.
    ContactLimit,
    /// The budget object did not answer. No request was made.
    BudgetUnreachable,
    /// The object vanished during the turn, twice. No third request was made.
    Interrupted,
    /// The contact cancelled the turn while it ran. The request was aborted.
    Cancelled,
    /// An image could not be fetched. No request was made.
    Image(FetchError),
    /// A file is not an image of a type that is read, whatever its declared type.
    NotAnImage,
    /// A voice note has no transcript. The model was not asked.
    Voice(VoiceError),
}

impl Failure {
    /// Its stable name in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::OpenAi(error) => error.label(),
            Self::BudgetExhausted => "budget_exhausted",
            Self::ContactLimit => "contact_limit",
            Self::BudgetUnreachable => "budget_unreachable",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Image(FetchError::Address) => "image_address",
            Self::Image(FetchError::NotFetched) => "image_not_fetched",
            Self::Image(FetchError::TooLarge) => "image_too_large",
            Self::NotAnImage => "image_type",
            Self::Voice(error) => error.label(),
        }
    }
}

/// The input of a model run.
#[derive(Debug)]
pub struct ModelInput<'a> {
    /// The contact's words.
    pub text: &'a str,
    /// The images that belong to them.
    pub images: Vec<Image>,
    /// When work on the turn began.
    pub begun: UnixMillis,
    /// Usage to report. The first reservation carries it.
    pub usage: UsageCounters,
}

/// A contact's share of the day. The first request of a turn is counted when the turn begins; this
/// counts each further one.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait ContactShare {
    /// Counts one more request, if the contact has one left today.
    async fn reserve(&self) -> bool;
}

/// Runs the model. `conversation` loads while the first request is reserved; it is returned, so
/// that the turn can be added.
///
/// Every request is reserved before it is made: from the day's budget and from the contact's
/// `share`. The requests, the waits between them, the wait for the budget object and the work
/// before share `OPENAI_TIMEOUT_MS`. When `cancelled` comes first, the current request is aborted.
pub async fn run(
    platform: &(impl Clock + Log + Random + Http + Objects),
    config: &Config,
    thread: &Pseudonym,
    share: &impl ContactShare,
    conversation: impl Future<Output = Conversation>,
    input: ModelInput<'_>,
    cancelled: impl Future,
) -> (ModelRun, Conversation) {
    let started = platform.now();
    let spent = started.since(input.begun);
    let remaining = config.openai_timeout.saturating_sub(spent);
    let reserved = reserve(platform, config, input.usage, remaining);
    let (reserved, conversation) = join(reserved, conversation).await;
    let mut run = ModelRun::without_request(Failure::OpenAi(OpenAiError::Rejected));
    if !matches!(reserved, Err(Failure::BudgetUnreachable)) {
        run.reported = input.usage;
    }
    let history = conversation
        .turns()
        .iter()
        .map(|turn| (turn.user.as_str(), turn.assistant.as_str()));
    let request = openai::request(config, thread, history, input.text, &input.images);
    // The request holds the images now, and they are large.
    drop(input.images);
    run.result = match (reserved, request) {
        (Err(failure), _) => Err(failure),
        (Ok(()), Ok(request)) => {
            let exchange = exchange(platform, config, share, &request, input.begun, &mut run);
            pin_mut!(exchange, cancelled);
            match select(cancelled, exchange).await {
                Either::Left(_) => Err(Failure::Cancelled),
                Either::Right((result, _)) => result,
            }
        }
        (Ok(()), Err(_)) => Err(Failure::OpenAi(OpenAiError::Rejected)),
    };
    run.model_ms = millis(platform.now().since(started));
    (run, conversation)
}

/// Makes the reserved request, and retries while that may help. Every retry is reserved first. The
/// costs are added to `run` as they arise.
async fn exchange(
    platform: &(impl Clock + Log + Random + Http + Objects),
    config: &Config,
    share: &impl ContactShare,
    request: &HttpRequest,
    begun: UnixMillis,
    run: &mut ModelRun,
) -> Result<Completion, Failure> {
    let remaining = || {
        let spent = platform.now().since(begun);
        config.openai_timeout.saturating_sub(spent)
    };
    loop {
        let retries = run.requests;
        run.requests = retries.saturating_add(1);
        let timeout = remaining().max(Duration::from_millis(1));
        let response = platform.send(request, timeout).await;
        let Decoded { result, tokens } = openai::decode(response.as_ref().map_err(|error| *error));
        run.tokens.add(tokens);
        let error = match result {
            Ok(completion) => return Ok(completion),
            Err(error) => error,
        };
        let retry_after = response
            .as_ref()
            .ok()
            .and_then(|response| response.retry_after.as_deref());
        let jitter = platform.next_f64();
        let wait = openai::retry_after(
            error,
            retry_after,
            platform.now(),
            retries,
            remaining(),
            jitter,
        );
        platform.sleep(wait.ok_or(Failure::OpenAi(error))?).await;
        if !share.reserve().await {
            return Err(Failure::OpenAi(error));
        }
        reserve(platform, config, UsageCounters::EMPTY, remaining()).await?;
    }
}

/// Checks whether the budget has a request left, before any work is done for one.
///
/// # Errors
/// [`Failure::BudgetExhausted`], or [`Failure::BudgetUnreachable`] when the answer does not come
/// within `limit`.
pub async fn check_budget(
    platform: &(impl Objects + Clock + Log),
    config: &Config,
    limit: Duration,
) -> Result<(), Failure> {
    let check = Check {
        item: Item::ModelRequest,
        cap: config.max_daily_calls,
    };
    let checked = platform.call(budget::NAME, &check);
    granted(platform, in_time(platform, limit, checked).await)
}

/// Reserves one request from the day's budget.
///
/// # Errors
/// As [`check_budget`].
pub(super) async fn reserve(
    platform: &(impl Objects + Clock + Log),
    config: &Config,
    usage: UsageCounters,
    limit: Duration,
) -> Result<(), Failure> {
    let reserve = Reserve {
        item: Item::ModelRequest,
        cap: config.max_daily_calls,
        usage,
    };
    // At worst the request is reserved twice, but never unreserved.
    let reserved = with_retry(async || platform.call(budget::NAME, &reserve).await);
    granted(platform, in_time(platform, limit, reserved).await)
}

fn granted(
    platform: &(impl Clock + Log),
    reservation: Result<Reservation, PlatformError>,
) -> Result<(), Failure> {
    match reservation {
        Ok(Reservation::Granted) => Ok(()),
        Ok(Reservation::Exhausted) => Err(Failure::BudgetExhausted),
        Err(error) => {
            let object = ObjectKind::Budget;
            let reason = error.reason;
            event::log(platform, &Event::ObjectFailed { object, reason });
            Err(Failure::BudgetUnreachable)
        }
    }
}
