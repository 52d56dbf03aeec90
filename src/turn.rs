//! One turn's work on the model: reserve, ask, try again, give up.
//!
//! Not here: which messages make a turn, and what becomes of its answer (`sender`).

use std::{future::Future, time::Duration};

use futures_util::{
    future::{Either, join, select},
    pin_mut,
};

use crate::{
    budget::{Item, Reservation, ReserveCall},
    config::Config,
    conversation::Conversation,
    event::{self, Event},
    openai::{self, Completion, Decoded, Failure, Tokens},
    platform::{
        Budgets, Clock, Http, HttpRequest, Log, PlatformError, Random, UnixMillis, in_time, millis,
        with_retry,
    },
    pseudonym::Pseudonym,
    twilio::media::Picture,
    usage::Tally,
};

/// What came of asking the model, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The model's answer, or why there is none.
    pub result: Result<Completion, Failure>,
    /// Requests that were made.
    pub requests: u32,
    /// Tokens that they cost, as far as the responses said, whatever the result is.
    pub tokens: Tokens,
    /// Time spent, waits included, in milliseconds.
    pub model_ms: u64,
    /// What was counted and the budget object now has.
    pub reported: Tally,
}

impl Asked {
    /// No request was made.
    #[must_use]
    pub fn nothing(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            requests: 0,
            tokens: Tokens::default(),
            model_ms: 0,
            reported: Tally::EMPTY,
        }
    }

    /// The tokens as counts of the day.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let Tokens {
            prompt: prompt_tokens,
            completion: completion_tokens,
        } = self.tokens;
        Tally {
            prompt_tokens,
            completion_tokens,
            ..Tally::EMPTY
        }
    }
}

/// What the model is asked.
#[derive(Debug)]
pub struct Question<'a> {
    /// What was said.
    pub input: &'a str,
    /// The pictures to look at.
    pub pictures: Vec<Picture>,
    /// When work on it began.
    pub begun: UnixMillis,
    /// What was counted; the first reservation takes it along.
    pub tally: Tally,
}

/// A contact's own share of the day. Its first request is counted before the model is asked; a further one is counted here.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait Share {
    /// Counts one more request, if the contact has one left today.
    async fn reserve(&self) -> bool;
}

/// Asks the model a question, after `conversation`, which loads while the first request is reserved. The conversation is given
/// back for the turn to be added to.
///
/// Every request is reserved before it is made, of the day's budget and of the contact's `share`; all of them, with the waits
/// between and what was done before, share `OPENAI_TIMEOUT_MS`, as does the wait for the budget object. When `called_off` comes
/// first, a request that is under way is broken off.
pub async fn ask(
    platform: &(impl Clock + Log + Random + Http + Budgets),
    config: &Config,
    sender: &Pseudonym,
    share: &impl Share,
    conversation: impl Future<Output = Conversation>,
    question: Question<'_>,
    called_off: impl Future,
) -> (Asked, Conversation) {
    let started = platform.now();
    let remaining = config
        .openai
        .timeout
        .saturating_sub(started.since(question.begun));
    let (reserved, conversation) = join(
        reserve(platform, config, question.tally, remaining),
        conversation,
    )
    .await;
    let mut asked = Asked::nothing(Failure::Rejected);
    if !matches!(reserved, Err(Failure::BudgetUnreachable)) {
        asked.reported = question.tally;
    }
    let request = openai::request(
        &config.openai,
        sender,
        &conversation,
        question.input,
        &question.pictures,
    );
    // They are in the request now, and large.
    drop(question.pictures);
    asked.result = match (reserved, request) {
        (Err(failure), _) => Err(failure),
        (Ok(()), Ok(request)) => {
            let exchange = exchange(
                platform,
                config,
                share,
                &request,
                question.begun,
                &mut asked,
            );
            pin_mut!(exchange, called_off);
            match select(called_off, exchange).await {
                Either::Left(_) => Err(Failure::Cancelled),
                Either::Right((result, _)) => result,
            }
        }
        (Ok(()), Err(_)) => Err(Failure::Rejected),
    };
    asked.model_ms = millis(platform.now().since(started));
    (asked, conversation)
}

/// Makes the request, which is reserved, and tries again while that may help; every further try is reserved too. What the
/// requests cost is added to `asked` as they are made.
async fn exchange(
    platform: &(impl Clock + Log + Random + Http + Budgets),
    config: &Config,
    share: &impl Share,
    request: &HttpRequest,
    begun: UnixMillis,
    asked: &mut Asked,
) -> Result<Completion, Failure> {
    let remaining = || {
        config
            .openai
            .timeout
            .saturating_sub(platform.now().since(begun))
    };
    loop {
        let retries = asked.requests;
        asked.requests = retries.saturating_add(1);
        let answer = platform
            .send(request, remaining().max(Duration::from_millis(1)))
            .await;
        let Decoded { result, tokens } = openai::decode(answer.as_ref().map_err(|error| *error));
        asked.tokens.add(tokens);
        let failure = match result {
            Ok(completion) => return Ok(completion),
            Err(failure) => failure,
        };
        let asked_to_wait = answer
            .as_ref()
            .ok()
            .and_then(|response| response.retry_after.as_deref());
        let wait = openai::retry_after(
            failure,
            asked_to_wait,
            platform.now(),
            retries,
            remaining(),
            platform.unit(),
        );
        platform.sleep(wait.ok_or(failure)?).await;
        if !share.reserve().await {
            return Err(failure);
        }
        reserve(platform, config, Tally::EMPTY, remaining()).await?;
    }
}

/// Says whether the budget has a request left, before anything is done for one.
///
/// # Errors
/// [`Failure::BudgetExhausted`], or [`Failure::BudgetUnreachable`] when it is not known within `limit`.
pub async fn look(
    platform: &(impl Budgets + Clock + Log),
    config: &Config,
    limit: Duration,
) -> Result<(), Failure> {
    let look = platform.look(Item::ModelRequest, config.max_daily_calls);
    granted(platform, in_time(platform, limit, look).await)
}

async fn reserve(
    platform: &(impl Budgets + Clock + Log),
    config: &Config,
    tally: Tally,
    limit: Duration,
) -> Result<(), Failure> {
    let call = ReserveCall {
        item: Item::ModelRequest,
        cap: config.max_daily_calls,
        tally,
    };
    // Reserved twice at worst, never not at all.
    let reserve = with_retry(async || Budgets::reserve(platform, call).await);
    granted(platform, in_time(platform, limit, reserve).await)
}

fn granted(
    platform: &(impl Clock + Log),
    reservation: Result<Reservation, PlatformError>,
) -> Result<(), Failure> {
    match reservation {
        Ok(Reservation::Granted) => Ok(()),
        Ok(Reservation::Exhausted) => Err(Failure::BudgetExhausted),
        Err(error) => {
            event::log(
                platform,
                &Event::ObjectFailed {
                    object: "budget",
                    reason: error.reason,
                },
            );
            Err(Failure::BudgetUnreachable)
        }
    }
}
