//! One model run: reserve the budget, ask the model, call its tools, try again or elsewhere, give up.
//!
//! Not here: which messages make a turn, and sending the answer (`messaging`).

mod exchange;
mod memory;
mod route;
mod streamed;
mod tools;

use std::{future::Future, rc::Rc, time::Duration};

use futures_util::{
    future::{Either, LocalBoxFuture, join, select},
    pin_mut,
};
use serde_json::Value;

use self::tools::Toolbox;
use crate::{
    base::{
        image::Image,
        time::{UnixMillis, millis},
        usage::UsageCounters,
    },
    config::{Assistant, Config},
    conversation::{
        budget::{self, Check, Item, Reservation, Reserve},
        history::Conversation,
        voice_error::VoiceError,
    },
    identity::{Medium, Pseudonym},
    openai::{Completion, OpenAiError, Tokens},
    platform::{Clock, Http, Log, Objects, Random, TimeZones},
    twilio::media::FetchError,
};

pub use memory::{EndpointMemory, RemembersEndpoints};
pub use tools::{AskDigits, Caller, Effect};

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
    /// The number of the endpoint that answered, from 0.
    pub endpoint: Option<usize>,
    /// How often the model called tools.
    pub tool_rounds: u32,
    /// The calls of all rounds.
    pub tool_calls: u32,
    /// What the built-in tools that were called do once the turn is answered.
    pub effects: Vec<Effect>,
    /// The time spent, waits included, in milliseconds.
    pub model_ms: u64,
    /// The time until the listener heard the first words, in milliseconds. `None`: it heard none.
    pub first_words_ms: Option<u64>,
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
            endpoint: None,
            tool_rounds: 0,
            tool_calls: 0,
            effects: Vec::new(),
            model_ms: 0,
            first_words_ms: None,
            reported: UsageCounters::EMPTY,
        }
    }

    /// Whether the listener heard words of an answer, whatever the result is.
    #[must_use]
    pub fn was_heard(&self) -> bool {
        self.first_words_ms.is_some()
    }

    /// Adds the cost of an earlier run of the same turn.
    pub fn add_earlier(&mut self, earlier: &Self) {
        self.requests = self.requests.saturating_add(earlier.requests);
        self.transcriptions = self.transcriptions.saturating_add(earlier.transcriptions);
        self.tool_rounds = self.tool_rounds.saturating_add(earlier.tool_rounds);
        self.tool_calls = self.tool_calls.saturating_add(earlier.tool_calls);
        self.tokens.add(earlier.tokens);
        self.model_ms = self.model_ms.saturating_add(earlier.model_ms);
        self.reported.add(&earlier.reported);
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

/// Hears the answer while the model writes it.
pub trait Listener {
    /// The next words of the answer. Never thoughts that are marked from their beginning, and never
    /// a word of an attempt that failed before: once words of a reply were passed on, that reply is
    /// not asked for anew. Words before a call of tools and words after it are both heard.
    fn words(&self, text: &str);
    /// The model calls tools, before they are called. It comes once for each round of calls.
    fn calls_tools(&self);
}

/// The input of a model run.
pub struct ModelInput<'a, W> {
    /// The assistant that answers.
    pub assistant: &'a Assistant,
    /// Its system prompt, as it is now.
    pub prompt: &'a str,
    /// The contact's words. They are read last, right before the first request.
    pub words: W,
    /// When work on the turn began.
    pub begun: UnixMillis,
    /// Usage to report. The first reservation carries it.
    pub usage: UsageCounters,
    /// Whether the first request is reserved already.
    pub reserved: bool,
    /// For whom tools are called. Without a caller, the model is offered none.
    pub caller: Option<Caller<'a>>,
    /// The schema of the answer, if it is JSON.
    pub schema: Option<&'a Value>,
    /// Who hears the answer while it comes. Without a listener, the answer is read as a whole.
    pub listener: Option<&'a dyn Listener>,
}

/// What a contact said.
#[derive(Debug)]
pub struct Words {
    /// The text.
    pub text: String,
    /// The images that belong to it.
    pub images: Rc<Vec<Image>>,
}

/// A contact's share of the day. The first request of a turn is counted when the turn begins; this
/// counts each further one. It is used as `dyn`, so that the code of a model run exists only once.
pub trait ContactShare {
    /// Counts one more request, if the contact has one left today.
    fn reserve(&self) -> LocalBoxFuture<'_, bool>;

    /// Whether the day's budget has all requests already. Then only the share counts them.
    fn is_prepaid(&self) -> bool {
        false
    }
}

/// The system prompt of an assistant, as it is now.
pub fn prompt(
    platform: &(impl Clock + TimeZones),
    assistant: &Assistant,
    medium: Medium,
) -> String {
    let now = platform.now();
    let zone = assistant.prompt.needs_offset_of();
    let offset = zone.and_then(|zone| platform.offset_minutes(zone, now));
    let prompt = &assistant.prompt;
    prompt.render(now, offset.unwrap_or_default(), medium)
}

/// Runs the model. `conversation` loads while the first request is reserved; it is returned, so
/// that the turn can be added. If it was too long for the model, the older half of it is dropped:
/// the next turn would find it too long again, and pay for that again. After that, the input's words
/// are read.
///
/// Every request is reserved before it is made: from the day's budget and from the contact's
/// `share`. The requests, the calls of tools, the waits between them, the wait for the budget object
/// and the work before share `OPENAI_TIMEOUT_MS`. When `cancelled` comes first, the current request is aborted.
/// It is polled from the first request on.
pub async fn run(
    platform: &(impl Clock + Log + Random + Http + Objects + RemembersEndpoints),
    config: &Config,
    thread: &Pseudonym,
    share: &dyn ContactShare,
    conversation: impl Future<Output = Conversation>,
    input: ModelInput<'_, impl Future<Output = Result<Words, Failure>>>,
    cancelled: impl Future,
) -> (ModelRun, Conversation) {
    let started = platform.now();
    let spent = started.since(input.begun);
    let remaining = config.openai_timeout.saturating_sub(spent);
    let reserved = async {
        if input.reserved {
            return Ok(());
        }
        reserve(platform, config, input.usage, remaining).await
    };
    let (reserved, mut conversation) = join(reserved, conversation).await;
    let mut run = ModelRun::without_request(Failure::OpenAi(OpenAiError::Rejected));
    if !matches!(reserved, Err(Failure::BudgetUnreachable)) {
        run.reported = input.usage;
    }
    let words = match reserved {
        Ok(()) => input.words.await,
        Err(failure) => Err(failure),
    };
    run.result = match words {
        Err(failure) => Err(failure),
        Ok(words) => {
            let asked = exchange::Asked {
                platform,
                config,
                assistant: input.assistant,
                prompt: input.prompt,
                thread,
                share,
                words,
                begun: input.begun,
                started,
                tools: input
                    .caller
                    .map(|caller| Toolbox::new(platform, config, input.assistant, thread, caller)),
                schema: input.schema,
                listener: input.listener,
            };
            let exchange = asked.exchange(&mut conversation, &mut run);
            pin_mut!(exchange, cancelled);
            match select(cancelled, exchange).await {
                Either::Left(_) => Err(Failure::Cancelled),
                Either::Right((result, _)) => result,
            }
        }
    };
    run.model_ms = millis(platform.now().since(started));
    (run, conversation)
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
    granted(budget::check(platform, &check, limit).await)
}

/// Reserves one request from the day's budget.
///
/// # Errors
/// As [`check_budget`].
pub async fn reserve(
    platform: &(impl Objects + Clock + Log),
    config: &Config,
    usage: UsageCounters,
    limit: Duration,
) -> Result<(), Failure> {
    let reserve = Reserve {
        item: Item::ModelRequest,
        count: 1,
        cap: config.max_daily_calls,
        usage,
    };
    granted(budget::reserve(platform, &reserve, limit).await)
}

fn granted(reservation: Option<Reservation>) -> Result<(), Failure> {
    match reservation {
        Some(Reservation::Granted) => Ok(()),
        Some(Reservation::Exhausted) => Err(Failure::BudgetExhausted),
        None => Err(Failure::BudgetUnreachable),
    }
}
