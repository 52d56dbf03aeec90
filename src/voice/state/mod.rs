//! The state of a call, and all decisions about it. This module does no I/O, and gets the time passed in.
//!
//! The whole state is one stored value, so each step is atomic. A call ends once, whoever says so first: its socket, the
//! action of `<Connect>`, the status callback, or the alarm. Then only that it has ended is remembered, for as long as
//! Twilio may ask again. Not here: waiting, storing, speaking (`voice::call`).

mod dialling;
mod ending;
mod gathering;
mod jobs;
mod keys;
mod session;
mod talk;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    base::time::UnixMillis,
    config::{Assistant, Config},
    conversation::history::Turn,
    event::CallEnd,
    identity::Address,
    twilio::voice::{relay::SessionId, relay_url::Door},
};

use super::api::Admit;

pub use dialling::{LookUp, RINGS_FOR};
pub use ending::{Finished, Retry};
pub use gathering::{Due, Line};
pub use jobs::Job;
pub use keys::{KEY_PAUSE, Keys, Resumed, joined};
pub use session::{MAX_RESUMES, SetUp};
pub use talk::{LastSaid, Talk, TurnDone, Unheard, heard_of};

/// Everything that one call's object remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    v: u32,
    /// A call of ours that nobody has answered yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    dialling: Option<dialling::Dialling>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<Call>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<Over>,
}

/// A call that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Call {
    admission: Admit,
    /// What the assistant was told of this call, if we have made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    admitted_at: UnixMillis,
    minutes: Minutes,
    /// A socket that may be opened.
    door: Option<Door>,
    session: Option<session::Session>,
    /// The documents of a call that has no socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gathering: Option<gathering::Gathering>,
    /// How many sessions there were.
    sessions: u32,
    /// How often the call went on after its socket was lost.
    resumes: u32,
    /// The last session that was lost.
    lost: Option<SessionId>,
    /// What was said and heard, oldest first.
    turns: Vec<Turn>,
    /// What the caller said and nobody has answered.
    unanswered: String,
    /// The keys that the caller was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<keys::Entry>,
    last_said: LastSaid,
    /// Whether Twilio has told what it plays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    twilio_tells: bool,
    /// Turns that failed, in a row.
    failures: u32,
    /// How often a silent caller was asked whether it is there, in a row.
    nudges: u32,
    /// When the caller's silence is too long.
    quiet_at: Option<UnixMillis>,
    closing: Option<ending::Closing>,
    /// Twilio is asked to end the call, and has not answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hang_up: Option<ending::HangUp>,
    counts: Counts,
}

/// The minutes that were reserved for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Minutes {
    reserved: u32,
    /// When the last one was reserved.
    last_at: UnixMillis,
}

/// What happened in a call, as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Turns that were answered, or failed.
    pub turns: u32,
    /// How often the caller cut in.
    pub interruptions: u32,
    /// Turns that failed.
    pub failures: u32,
    /// Requests to the model.
    pub requests: u32,
    /// Tokens of the requests.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
    /// The time from the end of the caller's words to the first word of the answer, of each turn, in milliseconds.
    pub first_words_ms: Vec<u32>,
}

/// A call that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Over {
    at: UnixMillis,
    end: CallEnd,
}

/// The version of the stored format.
const VERSION: u32 = 1;
/// A minute that is reserved, and paid.
const MINUTE: Duration = Duration::from_mins(1);
/// How long before a minute begins it is reserved.
const RESERVED_BEFORE: Duration = Duration::from_secs(5);

impl State {
    /// The state of a call that has not come yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            v: VERSION,
            ..Self::default()
        }
    }

    /// Whether another release can have written it: this one cannot read it.
    #[must_use]
    pub fn is_of_this_version(&self) -> bool {
        self.v == VERSION
    }

    /// Whether nothing is worth storing.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.call.is_none() && self.over.is_none() && self.dialling.is_none()
    }

    /// Whether the call goes on, has ended, or has not come yet.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match (&self.call, self.over, &self.dialling) {
            (Some(_), _, _) => Phase::Running,
            (None, Some(Over { end, .. }), _) => Phase::Over(end),
            (None, None, Some(_)) => Phase::Dialling,
            (None, None, None) => Phase::New,
        }
    }

    /// Admits a call whose first minute is reserved, or one of ours that was answered. Returns `false` if it was admitted or
    /// has ended before.
    pub fn admit(&mut self, admission: &Admit, now: UnixMillis, config: &Config) -> bool {
        if matches!(self.phase(), Phase::Running | Phase::Over(_)) {
            return false;
        }
        let gathering = admission.door.is_none().then(|| {
            let assistant = assistant(admission.number.as_ref(), config);
            let greeting = assistant.greeting(admission.is_outbound);
            gathering::Gathering::new(&greeting, now, config)
        });
        let (reserved_at, context) = match self.dialling.take() {
            Some(dialling) => (dialling.reserved_at, dialling.dial.context),
            None => (now, None),
        };
        self.call = Some(Call {
            admission: admission.clone(),
            context,
            admitted_at: now,
            minutes: Minutes {
                reserved: 1,
                last_at: reserved_at,
            },
            door: None,
            session: None,
            gathering,
            sessions: 0,
            resumes: 0,
            lost: None,
            turns: Vec::new(),
            unanswered: String::new(),
            entry: None,
            last_said: LastSaid::Sentence,
            twilio_tells: false,
            failures: 0,
            nudges: 0,
            quiet_at: None,
            closing: None,
            hang_up: None,
            counts: Counts::default(),
        });
        true
    }

    /// Another minute was reserved. Returns `false` if the call has ended meanwhile: nobody will use it.
    pub fn add_minute(&mut self, now: UnixMillis) -> bool {
        let Some(call) = &mut self.call else {
            return false;
        };
        call.minutes.reserved = call.minutes.reserved.saturating_add(1);
        call.minutes.last_at = now;
        true
    }

    /// Who the call is for the log and for the count of its caller, while it goes on.
    #[must_use]
    pub fn admission(&self) -> Option<&Admit> {
        self.call.as_ref().map(|call| &call.admission)
    }
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It has not come yet, or is forgotten.
    New,
    /// We have called, and nobody has answered yet.
    Dialling,
    /// It goes on.
    Running,
    /// It has ended.
    Over(CallEnd),
}

impl Call {
    /// When the last minute that was reserved is over.
    fn paid_until(&self) -> UnixMillis {
        self.admitted_at
            .plus(MINUTE.saturating_mul(self.minutes.reserved))
    }

    /// When the call has lasted as long as it may.
    fn ends_at(&self, config: &Config) -> UnixMillis {
        self.admitted_at
            .plus(longest(self.assistant(config), config))
    }

    fn assistant<'c>(&self, config: &'c Config) -> &'c Assistant {
        assistant(self.admission.number.as_ref(), config)
    }
}

/// The assistant that answers calls to this number.
#[must_use]
pub fn assistant<'c>(number: Option<&Address>, config: &'c Config) -> &'c Assistant {
    let assistants = &config.assistants;
    number.map_or(assistants.default(), |number| {
        assistants.answering(number, None)
    })
}

/// How long a call may last: the assistant's own bound, within that of all.
#[must_use]
pub fn longest(assistant: &Assistant, config: &Config) -> Duration {
    let own = assistant.voice.longest_call;
    own.map_or(config.max_call, |own| own.min(config.max_call))
}

/// About how long a voice takes for these words.
#[must_use]
pub fn speech_time(text: &str) -> Duration {
    let words = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX);
    // 2.5 words a second.
    Duration::from_millis(400).saturating_mul(words)
}
