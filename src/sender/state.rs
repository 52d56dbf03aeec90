//! What a sender object remembers, and every decision it takes: pure, with the time passed in.
//!
//! The whole state is one stored value, so that each step is atomic. It holds the newest answers too, which repeated messages
//! get again; those that are too many lie beside it, many in a row, so that the state stays small. What expires goes by itself;
//! only an opt-out stays, for as long as it is in force. It is stored under a key of its own, so that it outlives a state that
//! cannot be read. Every list has a bound, so that the value stays far below the 2 MB that storage takes. Not here: waiting,
//! storing, sending (`sender`).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Erased, Route, SenderCall, Summary};
use crate::{
    command::{self, Command},
    config::Config,
    conversation,
    message::{DeliveryStatus, Input, MessageSid},
    platform::{UnixMillis, millis},
    pseudonym::PhoneHash,
    twilio::{media::PictureUrl, parts, rest::CLOCK_DIFFERENCE},
    usage::{Refusals, Tally},
    wording::Notice,
};

/// Everything that one sender object remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    v: u32,
    /// When messages were taken in during the last minute, oldest first.
    admitted: Vec<UnixMillis>,
    /// The newest refusal that was told to the sender.
    refusal: Option<Refusal>,
    /// The messages that were taken in during the conversation's lifetime, with what each was answered.
    seen: Vec<Seen>,
    /// Taken in and in no turn yet, in order.
    pending: Vec<Pending>,
    /// The turn that runs.
    turn: Option<Running>,
    /// How many turns there have been; numbers the turns.
    turns: u64,
    conversation: Option<Kept>,
    /// Turns that the conversation in KV does not have yet, oldest first.
    unsaved: Vec<Unsaved>,
    /// Revisions that KV may still hold, oldest first.
    revisions: Vec<Revision>,
    /// The messages sent by REST during the conversation's lifetime.
    sent: Vec<Sent>,
    /// Answers to be sent by REST, oldest first.
    late: Vec<Late>,
    /// When work that is left over must be looked at, if there is any.
    wake_at: Option<UnixMillis>,
    /// How often in a row KV has refused the conversation.
    save_failures: u32,
    /// When KV is tried again.
    save_not_before: UnixMillis,
    /// Whether the sender wants to be sent nothing. Not stored with the state, but under a key of its own.
    #[serde(skip)]
    opted_out: bool,
    /// When KV is asked to delete again.
    delete_not_before: UnixMillis,
    /// What was counted and is not reported yet.
    tally: Tally,
    /// When it is reported, if no request takes it along before.
    report_at: Option<UnixMillis>,
    /// The newest answers, oldest first.
    answers: Vec<Answer>,
    /// The rows beside the state, which hold older answers.
    answer_rows: Vec<AnswerRow>,
    /// What the sender has cost this UTC day.
    today: Today,
}

const VERSION: u32 = 1;

/// What a sender has cost a UTC day. It is kept until the day is over, also through an erasure: else erasing would lift the
/// caps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Today {
    /// The day, counted from 1970-01-01.
    day: u64,
    /// Requests to the model.
    calls: u32,
    /// Answers that no request to the model was made for.
    fixed_replies: u32,
    /// Whether the sender was told that a daily limit is reached.
    told: bool,
}

impl Today {
    fn is_empty(&self) -> bool {
        self.calls == 0 && self.fixed_replies == 0 && !self.told
    }

    fn end(&self) -> UnixMillis {
        UnixMillis::start_of_day(self.day.saturating_add(1))
    }
}

/// The answers a day that a sender gets without a request to the model: fixed sentences, HELP among them. Each costs a
/// message, and nothing else limits them but the rate.
pub const MAX_FIXED_REPLIES_PER_DAY: u32 = 50;

/// A limit of a UTC day that a message met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DailyLimit {
    /// `MAX_DAILY_CALLS_PER_CONTACT`.
    CallsPerContact,
    /// `MAX_DAILY_CALLS`.
    Calls,
    /// `MAX_DAILY_MESSAGES`.
    Messages,
    /// [`MAX_FIXED_REPLIES_PER_DAY`].
    FixedReplies,
}

/// The most messages whose ids are remembered; the oldest is forgotten first. Copies come within minutes.
const MAX_SEEN: usize = 4000;
/// The most messages sent by REST that are remembered.
const MAX_SENT: usize = 1000;
/// The most revisions that KV may hold: older ones are deleted early.
const MAX_REVISIONS: usize = 1000;
/// The most bytes of texts that wait for their turn. A message beyond is refused like one over the rate limit.
const MAX_PENDING_BYTES: usize = 256 * 1024;
/// The most bytes of answers that wait to be sent by REST. Of what is beyond, the oldest is given up.
const MAX_LATE_BYTES: usize = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Refusal {
    sid: MessageSid,
    at: UnixMillis,
    notice: Notice,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    sid: MessageSid,
    at: UnixMillis,
    outcome: Outcome,
}

/// What a message that was taken in is answered by its webhook, each time it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its turn has not ended.
    Waiting,
    /// Nothing: the answer went out on a later message of its turn, or by REST.
    Nothing,
    /// The answer of this turn.
    Answer(u64),
    /// A fixed sentence.
    Notice(Notice),
}

/// An answer, which a message that comes again is given again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The turn that it ended.
    pub turn: u64,
    /// What was said.
    pub text: String,
}

/// Which answers lie in a row beside the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// The row's number: that of the newest turn it was made for.
    pub number: u64,
    /// The turns whose answers it holds.
    pub turns: Vec<u64>,
}

/// Where the answer of a turn is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the state; this is the text.
    State(String),
    /// In the row of this number.
    Row(u64),
}

/// The answers in the state have at most so many bytes together; only the newest one may be longer.
const MAX_ANSWER_BYTES: usize = 8 * 1024;

/// A message that waits for its turn, or is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// Its id.
    pub sid: MessageSid,
    /// When it was taken in.
    pub at: UnixMillis,
    /// The sender's hash for the log.
    pub phone_hash: PhoneHash,
    /// How it can be answered later.
    pub route: Route,
    /// Its text; none asks for a reset.
    pub text: Option<String>,
    /// Where its pictures are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<PictureUrl>,
}

/// A turn that has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Its number.
    pub number: u64,
    /// The messages that it answers, in order; never empty.
    pub messages: Vec<Pending>,
    /// How often it was begun.
    pub attempt: u32,
    /// Whether the sender has no request to the model left today, so that the turn ends without one.
    #[serde(default)]
    pub over_limit: bool,
}

impl Running {
    /// Whether it clears the conversation.
    pub fn is_reset(&self) -> bool {
        self.messages.iter().any(|message| message.text.is_none())
    }

    /// Whether its answer goes out by SMS.
    pub fn is_sms(&self) -> bool {
        self.messages
            .last()
            .is_some_and(|last| !last.route.sender.is_whatsapp())
    }

    /// The user's input: the texts, a line each, and after each text a line that stands for its pictures.
    pub fn input(&self) -> String {
        let lines = self.messages.iter().flat_map(|message| {
            let pictures = match message.pictures.len() {
                0 => None,
                1 => Some("[1 picture]".to_owned()),
                count => Some(format!("[{count} pictures]")),
            };
            message
                .text
                .clone()
                .filter(|text| !text.is_empty())
                .into_iter()
                .chain(pictures)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The pictures, in order, each with how its message can be answered.
    pub fn pictures(&self) -> impl Iterator<Item = (&Route, &PictureUrl)> {
        self.messages.iter().flat_map(|message| {
            message
                .pictures
                .iter()
                .map(|picture| (&message.route, picture))
        })
    }
}

/// How often a turn may be begun: once, and once more after the object has vanished.
const MAX_ATTEMPTS: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// The revision that KV has, once it has one.
    revision: Option<u64>,
    expires_at: UnixMillis,
    /// How many turns it has had.
    #[serde(default)]
    turns: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Revision {
    number: u64,
    expires_at: UnixMillis,
    #[serde(default)]
    fate: Fate,
    /// Until when a write of it that took too long may still come to KV; a deletion before that does not count.
    #[serde(default)]
    lands_until: UnixMillis,
    /// Whether it may have been on its way to KV when its turn was dropped. Whoever deletes it waits for that write first.
    #[serde(default)]
    being_written: bool,
}

/// What is to become of a revision, or has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    /// It expires by itself.
    #[default]
    Expires,
    /// KV must delete it.
    Doomed,
    /// KV has deleted it; its number is not given again yet.
    Deleted,
}

/// A turn that KV does not have yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unsaved {
    /// The turn's number, which becomes the revision's: so a revision that is written again, after a failure or a restart,
    /// is the same.
    turn: u64,
    /// The user's input.
    user: String,
    /// The answer.
    assistant: String,
}

impl Unsaved {
    /// What was said.
    pub fn said(self) -> conversation::Turn {
        conversation::Turn {
            user: self.user,
            assistant: self.assistant,
        }
    }
}

/// A message that was sent by REST.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sent {
    sid: MessageSid,
    at: UnixMillis,
    /// What Twilio has reported of it.
    statuses: Vec<DeliveryStatus>,
}

/// An answer to be sent by REST.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Late {
    /// The turn that it answers.
    #[serde(default)]
    pub turn: u64,
    /// Whom it goes to.
    pub route: Route,
    /// The sender's hash for the log.
    pub phone_hash: PhoneHash,
    /// The parts that are left, in order; never empty.
    pub parts: Vec<String>,
    /// When sending the first of them was begun, while its outcome is not known.
    attempt: Option<UnixMillis>,
    /// Whether the clock was ahead then, so that the attempt may have begun earlier: at most as long ago as an answer is tried.
    #[serde(default)]
    attempt_unsure: bool,
    /// How often in a row Twilio has not processed it, or could not be asked about it.
    tries: u32,
    not_before: UnixMillis,
    /// Whether the first part is reserved: counted for `MAX_DAILY_MESSAGES`.
    #[serde(default)]
    reserved: bool,
    /// When what is left of it is given up.
    give_up_at: UnixMillis,
}

/// What is to be done about a late answer.
#[derive(Clone, Debug, PartialEq)]
pub enum LateStep {
    /// Reserve its first part, then send it.
    Reserve(Late),
    /// Send its first part, which is marked as being sent.
    Send(Late),
    /// Find out whether its first part was sent by the attempt that began then.
    LookUp(Late, UnixMillis),
    /// It took too long, and is dropped; `true` if its first part may have been sent.
    GaveUp(Late, bool),
}

/// How long a late answer is tried for.
const LATE_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The longest wait before a late answer is tried again.
const MAX_LATE_WAIT: Duration = Duration::from_secs(64);
/// How long after an attempt Twilio is first asked what came of it, and again.
const LOOK_UP_WAIT: Duration = Duration::from_secs(5);
/// A message that Twilio does not list this long after the attempt was certainly not sent by it.
const CERTAINLY_ABSENT: Duration = Duration::from_secs(30);

/// What the sender object does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is taken in, or was before; this is its outcome so far.
    Known(Outcome),
    /// It is over the rate limit; the notice is for the sender, the first time in a window.
    Limited(Option<Notice>),
    /// The sender has got all fixed replies of the day: the message is taken in, and not answered.
    Unanswered,
    /// The sender is opted out: the message is not read.
    Ignored,
    /// The sender is opted out from now on.
    OptedOut(Outcome, Dropped),
    /// The sender is opted in again.
    OptedIn(Outcome),
    /// What was kept of the sender is erased.
    Erased(Outcome, Erased),
}

/// What will not be answered, or not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Messages that waited for their turn, or were in it.
    pub messages: usize,
    /// Parts of late answers.
    pub parts: usize,
}

/// Who carries an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A webhook that waits for it.
    Inline,
    /// Twilio's REST API.
    Late,
    /// Nobody: a limit of the day is reached, and the sender was told so before.
    Unsaid(DailyLimit),
    /// Nobody: the turn was called off while it ran.
    Cancelled,
}

/// Work that was left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A turn is to be run.
    Turn,
    /// Late answers are to be sent.
    Late,
    /// Revisions are to be deleted from KV.
    Delete,
    /// What was counted is to be reported.
    Report,
    /// The conversation is to be saved.
    Save,
}

/// What is to be done about the turn that is in the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Resume {
    /// There is none.
    Nothing,
    /// Run it.
    Run(Running),
    /// It was cut off too often: end it with an apology.
    GiveUp(Running),
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// With an answer of the model's, which becomes part of the conversation.
    Answered {
        /// The user's input.
        input: String,
        /// The answer.
        text: String,
    },
    /// With a text that is no part of the conversation.
    Failed(&'static str),
    /// With a limit of the day, of which the sender is told once.
    Limited(DailyLimit, &'static str),
    /// With a cleared conversation.
    Reset(&'static str),
}

impl Ended {
    /// What the sender is answered.
    pub fn text(&self) -> &str {
        match self {
            Self::Answered { text, .. } => text,
            Self::Failed(text) | Self::Limited(_, text) | Self::Reset(text) => text,
        }
    }
}

const WINDOW: Duration = Duration::from_secs(60);
/// The alarm comes this much before a webhook stops waiting, so that the object has work to do when the webhook leaves.
const ALARM_MARGIN: Duration = Duration::from_millis(250);
/// KV refuses a lifetime below this.
const MIN_KV_TTL: Duration = Duration::from_secs(60);

impl Default for State {
    fn default() -> Self {
        Self {
            v: VERSION,
            admitted: Vec::new(),
            refusal: None,
            seen: Vec::new(),
            pending: Vec::new(),
            turn: None,
            turns: 0,
            conversation: None,
            unsaved: Vec::new(),
            revisions: Vec::new(),
            sent: Vec::new(),
            late: Vec::new(),
            wake_at: None,
            save_failures: 0,
            save_not_before: UnixMillis(0),
            opted_out: false,
            delete_not_before: UnixMillis(0),
            tally: Tally::EMPTY,
            report_at: None,
            answers: Vec::new(),
            answer_rows: Vec::new(),
            today: Today::default(),
        }
    }
}

/// A stored state, as far as it could be read.
#[derive(Debug)]
pub enum Decoded {
    /// All of it.
    Whole(State),
    /// Parts of it were damaged, and are as if they had not been there.
    Salvaged(State),
    /// Nothing of it: another version, or no JSON.
    Unreadable,
}

impl State {
    /// Reads a stored state.
    pub fn decode(text: &str) -> Decoded {
        if conversation::stored_version(text) != Some(VERSION) {
            // Another release may mean something else by the same words.
            return Decoded::Unreadable;
        }
        if let Some(state) = serde_json::from_str::<Self>(text)
            .ok()
            .filter(Self::is_whole)
        {
            return Decoded::Whole(state);
        }
        salvage(text).map_or(Decoded::Unreadable, Decoded::Salvaged)
    }

    /// A state of which nothing is known. Its turns are numbered from the time, so that no
    /// number is given again that an older state has given: KV may still hold a revision under it.
    pub fn unknown(now: UnixMillis) -> Self {
        Self {
            turns: now.0,
            ..Self::default()
        }
    }

    /// The hash for the log of whoever sent a message that waits for its turn, or is in it.
    pub fn phone_hash(&self, sid: &MessageSid) -> Option<PhoneHash> {
        let in_turn = self.turn.iter().flat_map(|turn| &turn.messages);
        in_turn
            .chain(&self.pending)
            .find(|message| message.sid == *sid)
            .map(|message| message.phone_hash.clone())
    }

    /// Whether the sender wants to be sent nothing.
    pub fn is_opted_out(&self) -> bool {
        self.opted_out
    }

    /// Notes what is stored of an opt-out.
    pub fn set_opted_out(&mut self, opted_out: bool) {
        self.opted_out = opted_out;
    }

    /// Mends what a damaged state lacks: no message waits for a turn that never comes, and no number is given again.
    fn make_whole(&mut self) {
        let in_turn = self.turn.iter().flat_map(|turn| &turn.messages);
        let awaited: Vec<MessageSid> = in_turn
            .chain(&self.pending)
            .map(|message| message.sid.clone())
            .collect();
        for seen in &mut self.seen {
            if seen.outcome == Outcome::Waiting && !awaited.contains(&seen.sid) {
                seen.outcome = Outcome::Nothing;
            }
        }
        let numbers = self
            .unsaved
            .iter()
            .map(|unsaved| unsaved.turn)
            .chain(self.revisions.iter().map(|revision| revision.number));
        let numbers = numbers
            .chain(self.answers.iter().map(|answer| answer.turn))
            .chain(self.late.iter().map(|late| late.turn));
        let numbers = numbers
            .chain(self.turn_number())
            .chain(self.conversation.and_then(|kept| kept.revision));
        self.turns = numbers.fold(self.turns, u64::max);
        if self.turn.is_none() && !self.pending.is_empty() {
            // Its attempts are counted as if it had run once: what is damaged is not tried without end.
            let messages = std::mem::take(&mut self.pending);
            self.turns = self.turns.saturating_add(1);
            self.turn = Some(Running {
                number: self.turns,
                messages,
                attempt: 1,
                over_limit: false,
            });
        }
    }

    /// Whether a turn runs while a message is pending, and every message that waits is in one of the two. Where that is not
    /// so, a copy of the message would wait for a turn that never comes.
    fn is_whole(&self) -> bool {
        let in_turn = self.turn.iter().flat_map(|turn| &turn.messages);
        let awaited: Vec<&MessageSid> = in_turn
            .chain(&self.pending)
            .map(|message| &message.sid)
            .collect();
        (self.turn.is_some() || self.pending.is_empty())
            && self
                .seen
                .iter()
                .all(|seen| seen.outcome != Outcome::Waiting || awaited.contains(&&seen.sid))
    }

    /// Takes a message in, or not: one atomic step.
    pub fn admit(&mut self, call: &SenderCall, now: UnixMillis, config: &Config) -> Admission {
        if let Some(outcome) = self.outcome(&call.sid) {
            return Admission::Known(outcome);
        }
        if let Some(refusal) = self
            .refusal
            .as_ref()
            .filter(|refusal| refusal.sid == call.sid)
        {
            return Admission::Limited(Some(refusal.notice));
        }
        let free_at = self
            .limited_until(now, config.rate_limit_per_minute)
            .or_else(|| self.full_until(call, now));
        if let Some(admission) = self.obey(call, free_at.is_some(), now, config) {
            return admission;
        }
        if let Some(free_at) = free_at {
            return Admission::Limited(if self.opted_out {
                None
            } else {
                self.refuse(call, now, free_at)
            });
        }
        if self.opted_out {
            self.counted(
                &Tally {
                    refusals: Refusals {
                        opted_out: 1,
                        ..Refusals::default()
                    },
                    ..Tally::EMPTY
                },
                now,
            );
            self.take_in(call, now, Outcome::Nothing);
            return Admission::Ignored;
        }
        let notice = match &call.input {
            Input::TooLong => Notice::TooLong(config.max_message_chars),
            Input::Empty => Notice::NoText,
            Input::Media => Notice::Media,
            Input::Command {
                command: Command::Help,
                by_twilio: false,
            } => Notice::Help,
            Input::Command {
                command: Command::Help,
                by_twilio: true,
            } => {
                self.take_in(call, now, Outcome::Nothing);
                return Admission::Known(Outcome::Nothing);
            }
            Input::Text(_) | Input::Command { .. } => {
                let text = if let Input::Text(text) = &call.input {
                    Some(text.clone())
                } else {
                    None
                };
                let (sid, phone_hash, route) = (
                    call.sid.clone(),
                    call.phone_hash.clone(),
                    call.route.clone(),
                );
                self.pending.push(Pending {
                    sid,
                    at: now,
                    phone_hash,
                    route,
                    text,
                    pictures: call.pictures.clone(),
                });
                self.begin_turn(now, config);
                self.wake(
                    call.arrived
                        .min(now)
                        .plus(config.reply_within)
                        .minus(ALARM_MARGIN),
                );
                self.take_in(call, now, Outcome::Waiting);
                return Admission::Known(Outcome::Waiting);
            }
        };
        let outcome = self.fixed_reply(notice, now);
        self.take_in(call, now, outcome);
        if outcome == Outcome::Nothing {
            Admission::Unanswered
        } else {
            Admission::Known(outcome)
        }
    }

    /// A fixed sentence, or nothing once the sender has got [`MAX_FIXED_REPLIES_PER_DAY`] today.
    fn fixed_reply(&mut self, notice: Notice, now: UnixMillis) -> Outcome {
        if self.may_reply_unpaid(now) {
            Outcome::Notice(notice)
        } else {
            Outcome::Nothing
        }
    }

    /// Whether one more answer may go out that no request to the model was made for; it is counted.
    fn may_reply_unpaid(&mut self, now: UnixMillis) -> bool {
        let today = self.today(now);
        let may = today.fixed_replies < MAX_FIXED_REPLIES_PER_DAY;
        today.fixed_replies = today.fixed_replies.saturating_add(u32::from(may));
        may
    }

    /// Counts one request to the model, if the sender has one left today.
    pub fn reserve_call(&mut self, now: UnixMillis, config: &Config) -> bool {
        let today = self.today(now);
        let may = config
            .max_daily_calls_per_contact
            .is_none_or(|cap| today.calls < cap);
        today.calls = today.calls.saturating_add(u32::from(may));
        may
    }

    /// The counts of the UTC day of `now`, see [`UnixMillis::day_of_count`].
    fn today(&mut self, now: UnixMillis) -> &mut Today {
        self.today = match now.day_of_count(self.today.day) {
            Some(day) => Today { day, ..self.today },
            None => Today {
                day: now.utc_day(),
                ..Today::default()
            },
        };
        &mut self.today
    }

    /// Tells the sender of a message that its answer will not come by REST today, unless it was told so before. An answer that
    /// has come meanwhile is given.
    pub fn tell_no_late_answer(&mut self, sid: &MessageSid, now: UnixMillis) -> (Outcome, bool) {
        match self.outcome(sid).unwrap_or(Outcome::Nothing) {
            Outcome::Waiting if !std::mem::replace(&mut self.today(now).told, true) => {
                (Outcome::Notice(Notice::NoMoreToday), true)
            }
            Outcome::Waiting => (Outcome::Nothing, true),
            outcome => (outcome, false),
        }
    }

    fn take_in(&mut self, call: &SenderCall, now: UnixMillis, outcome: Outcome) {
        self.admitted.push(now);
        self.remember(call, now, outcome);
        let answers_inline = u64::from(matches!(outcome, Outcome::Notice(_)));
        self.counted(
            &Tally {
                messages_in: 1,
                answers_inline,
                ..Tally::EMPTY
            },
            now,
        );
    }

    /// Remembers what a message is answered; the oldest that nobody waits for is forgotten when there are too many.
    fn remember(&mut self, call: &SenderCall, now: UnixMillis, outcome: Outcome) {
        if self.seen.len() >= MAX_SEEN
            && let Some(oldest) = self
                .seen
                .iter()
                .position(|seen| seen.outcome != Outcome::Waiting)
        {
            self.seen.remove(oldest);
        }
        self.seen.push(Seen {
            sid: call.sid.clone(),
            at: now,
            outcome,
        });
    }

    /// Does what a sender can ask for about itself, whatever the rate limit is; over the limit it is done without a word.
    fn obey(
        &mut self,
        call: &SenderCall,
        limited: bool,
        now: UnixMillis,
        config: &Config,
    ) -> Option<Admission> {
        let command = match &call.input {
            Input::Command { command, .. } => *command,
            Input::Text(text) if self.opted_out && command::is_yes(text) => Command::OptIn,
            _ => return None,
        };
        // On SMS Twilio itself confirms these two.
        let is_confirmed = call.route.sender.is_whatsapp() && !limited;
        let (outcome, admission) = match command {
            Command::OptOut => {
                let tells = is_confirmed && !self.opted_out;
                let outcome = if tells {
                    self.fixed_reply(Notice::OptedOut, now)
                } else {
                    Outcome::Nothing
                };
                (outcome, Admission::OptedOut(outcome, self.opt_out()))
            }
            Command::OptIn => {
                self.opted_out = false;
                let outcome = if is_confirmed {
                    self.fixed_reply(Notice::OptedIn, now)
                } else {
                    Outcome::Nothing
                };
                (outcome, Admission::OptedIn(outcome))
            }
            Command::Erase => {
                let erased = self.erase(now, config);
                let notice = if self.doomed().is_empty() {
                    Notice::Erased
                } else {
                    Notice::Erasing
                };
                let tells = !self.opted_out && !limited;
                let outcome = if tells {
                    self.fixed_reply(notice, now)
                } else {
                    Outcome::Nothing
                };
                (outcome, Admission::Erased(outcome, erased))
            }
            Command::Help | Command::Reset => return None,
        };
        if limited {
            self.remember(call, now, outcome);
        } else {
            self.take_in(call, now, outcome);
        }
        Some(admission)
    }

    /// From now on nothing is sent to the sender: no answer that is under way, and none that a copy would get again.
    fn opt_out(&mut self) -> Dropped {
        self.opted_out = true;
        self.refusal = None;
        self.call_off()
    }

    /// Forgets what was said and answered, and what is under way. What stays: that the sender is opted out; the ids and times
    /// of messages, so that a copy of one is not taken for a new one, and the rate limit holds; and the numbers of revisions,
    /// until KV has deleted them, and what the day has cost, until it is over.
    pub fn erase(&mut self, now: UnixMillis, config: &Config) -> Erased {
        let answers = self
            .seen
            .iter()
            .filter(|seen| matches!(seen.outcome, Outcome::Answer(_)))
            .count();
        let turns = self.conversation.map_or(0, |kept| kept.turns);
        let Dropped { messages, parts } = self.call_off();
        self.refusal = None;
        // Their ids stay, so that a look-up takes none of them for another message.
        self.sent.iter_mut().for_each(|sent| sent.statuses.clear());
        // What an object that vanished was writing may have come to KV after a reset had deleted it.
        let deleted = self
            .revisions
            .iter_mut()
            .filter(|revision| revision.fate == Fate::Deleted);
        deleted.for_each(|revision| revision.fate = Fate::Expires);
        self.doom_conversation(now, config);
        Erased {
            turns,
            revisions: self.doomed().len(),
            pending_messages: messages,
            waiting_sends: parts,
            answers,
        }
    }

    /// Ends everything that is under way without a word, and takes back the answers that copies would get.
    fn call_off(&mut self) -> Dropped {
        let running = self.turn.take().map_or(0, |turn| turn.messages.len());
        let messages = self.pending.drain(..).count().saturating_add(running);
        let parts = self.late.drain(..).map(|late| late.parts.len()).sum();
        self.seen
            .iter_mut()
            .for_each(|seen| seen.outcome = Outcome::Nothing);
        Dropped { messages, parts }
    }

    /// Forgets the conversation, and has KV delete every revision of it.
    fn doom_conversation(&mut self, now: UnixMillis, config: &Config) {
        self.drop_conversation(now.plus(config.conversation_ttl.max(MIN_KV_TTL)));
        let expiring = self
            .revisions
            .iter_mut()
            .filter(|revision| revision.fate == Fate::Expires);
        expiring.for_each(|revision| revision.fate = Fate::Doomed);
        if !self.doomed().is_empty() {
            self.delete_not_before = now;
            self.wake(now.plus(WORK_CHECK));
        }
    }

    /// What a message that was taken in is answered.
    pub fn outcome(&self, sid: &MessageSid) -> Option<Outcome> {
        self.seen
            .iter()
            .find(|seen| seen.sid == *sid)
            .map(|seen| seen.outcome)
    }

    /// When the next message can be taken in, if not now. The window slides exactly: a message counts for 60 s from the
    /// moment it was taken in. A time in the future, left by a clock that stepped back, counts as now.
    fn limited_until(&mut self, now: UnixMillis, limit: u32) -> Option<UnixMillis> {
        self.admitted.retain(|at| now.since(*at) < WINDOW);
        self.admitted.iter_mut().for_each(|at| *at = (*at).min(now));
        let surplus = self
            .admitted
            .len()
            .checked_sub(usize::try_from(limit).unwrap_or(usize::MAX))?;
        self.admitted.get(surplus).map(|at| at.plus(WINDOW))
    }

    fn refuse(
        &mut self,
        call: &SenderCall,
        now: UnixMillis,
        free_at: UnixMillis,
    ) -> Option<Notice> {
        let told_lately = self
            .refusal
            .as_ref()
            .is_some_and(|refusal| refusal.at <= now && now.since(refusal.at) < WINDOW);
        if told_lately || !self.may_reply_unpaid(now) {
            return None;
        }
        let notice = Notice::SlowDown(millis(free_at.since(now)).div_ceil(1000).max(1));
        self.refusal = Some(Refusal {
            sid: call.sid.clone(),
            at: now,
            notice,
        });
        Some(notice)
    }

    /// When there is room again for a message, if there is none: what waits for its turn has a bound.
    fn full_until(&self, call: &SenderCall, now: UnixMillis) -> Option<UnixMillis> {
        let bytes = |text: &str, pictures: &[PictureUrl]| {
            pictures
                .iter()
                .map(PictureUrl::len)
                .sum::<usize>()
                .saturating_add(text.len())
        };
        let waiting = self.pending.iter().map(|message| {
            bytes(
                message.text.as_deref().unwrap_or_default(),
                &message.pictures,
            )
        });
        let new = if let Input::Text(text) = &call.input {
            bytes(text, &call.pictures)
        } else {
            0
        };
        (waiting.sum::<usize>().saturating_add(new) > MAX_PENDING_BYTES).then(|| now.plus(WINDOW))
    }

    /// Makes the next turn of what is pending, if none runs: a reset by itself, or texts up to the next reset, of at most
    /// `MAX_MESSAGE_CHARS` together or one. The turn's first request to the model is counted for the sender with it.
    fn begin_turn(&mut self, now: UnixMillis, config: &Config) {
        if self.turn.is_some() || self.pending.is_empty() {
            return;
        }
        let mut room = config.max_message_chars;
        let fits = |message: &&Pending| {
            let chars = message.text.as_ref().map(|text| text.chars().count());
            let left = chars.and_then(|chars| room.checked_sub(chars));
            room = left.unwrap_or(0);
            left.is_some()
        };
        let texts = self.pending.iter().take_while(fits).count();
        let messages: Vec<Pending> = self.pending.drain(..texts.max(1)).collect();
        let is_reset = messages.iter().any(|message| message.text.is_none());
        let over_limit = !is_reset && !self.reserve_call(now, config);
        self.turns = self.turns.saturating_add(1);
        self.turn = Some(Running {
            number: self.turns,
            messages,
            attempt: 1,
            over_limit,
        });
    }

    /// What is to be done about the turn in the state. `begun_here` is the turn that this incarnation of the object has
    /// begun and not run; any other was begun by one that has vanished.
    pub fn resume(&mut self, begun_here: bool, now: UnixMillis, config: &Config) -> Resume {
        self.expire(now);
        let Some(turn) = self.turn.clone() else {
            return Resume::Nothing;
        };
        if begun_here || turn.over_limit {
            return Resume::Run(turn);
        }
        // Another attempt is another request.
        if turn.attempt >= MAX_ATTEMPTS || (!turn.is_reset() && !self.reserve_call(now, config)) {
            return Resume::GiveUp(turn);
        }
        let again = Running {
            attempt: turn.attempt.saturating_add(1),
            ..turn
        };
        self.turn = Some(again.clone());
        Resume::Run(again)
    }

    /// The number of the turn that runs.
    pub fn turn_number(&self) -> Option<u64> {
        self.turn.as_ref().map(|turn| turn.number)
    }

    /// Ends the turn of that number, if it still runs, and begins the next. `waiting` are the messages that webhooks wait for:
    /// if the turn's last one is among them, its webhook carries the answer, else REST does. `requests` were made to the model,
    /// if that is known; an answer without one is bounded by the day.
    pub fn end_turn(
        &mut self,
        number: u64,
        ended: &Ended,
        requests: Option<u32>,
        waiting: &[MessageSid],
        now: UnixMillis,
        config: &Config,
    ) -> Delivery {
        let Some(turn) = self.turn.take_if(|turn| turn.number == number) else {
            return Delivery::Cancelled;
        };
        let unsaid = self.unsaid(&turn, ended, requests, now);
        let last = turn.messages.last();
        let inline = unsaid.is_none() && last.is_some_and(|last| waiting.contains(&last.sid));
        for seen in &mut self.seen {
            let is_last = last.is_some_and(|last| last.sid == seen.sid);
            if turn.messages.iter().any(|message| message.sid == seen.sid) {
                seen.outcome = if is_last && inline {
                    Outcome::Answer(turn.number)
                } else {
                    Outcome::Nothing
                };
            }
        }
        match ended {
            Ended::Answered { input, text } => {
                self.unsaved.push(Unsaved {
                    turn: turn.number,
                    user: input.clone(),
                    assistant: text.clone(),
                });
                // A conversation holds no more turns than these, whatever came before them.
                self.unsaved
                    .drain(..self.unsaved.len().saturating_sub(conversation::MAX_TURNS));
                let (revision, turns) = self
                    .conversation
                    .map_or((None, 0), |kept| (kept.revision, kept.turns));
                self.conversation = Some(Kept {
                    revision,
                    expires_at: now.plus(config.conversation_ttl),
                    turns: turns.saturating_add(1),
                });
                self.wake(now.plus(WORK_CHECK));
            }
            Ended::Failed(_) | Ended::Limited(..) => {}
            Ended::Reset(_) => {
                self.doom_conversation(now, config);
                // What was answered is part of what is forgotten; a message that comes again now gets nothing. Only what a
                // webhook is just about to fetch is left to it.
                for seen in &mut self.seen {
                    let earlier =
                        matches!(seen.outcome, Outcome::Answer(earlier) if earlier != turn.number);
                    if earlier && !waiting.contains(&seen.sid) {
                        seen.outcome = Outcome::Nothing;
                    }
                }
            }
        }
        if inline {
            self.counted(
                &Tally {
                    answers_inline: 1,
                    ..Tally::EMPTY
                },
                now,
            );
            self.answers.push(Answer {
                turn: turn.number,
                text: ended.text().to_owned(),
            });
        } else if let (Some(last), None) = (last, unsaid) {
            let (route, phone_hash, parts) = (
                last.route.clone(),
                last.phone_hash.clone(),
                parts::split(ended.text()),
            );
            let give_up_at = now.plus(LATE_LIFETIME);
            self.late.push(Late {
                turn: turn.number,
                route,
                phone_hash,
                parts,
                attempt: None,
                attempt_unsure: false,
                tries: 0,
                not_before: now,
                reserved: false,
                give_up_at,
            });
        }
        self.give_up_surplus(now);
        self.begin_turn(now, config);
        if self.turn.is_some() {
            self.wake(now.plus(config.reply_within).minus(ALARM_MARGIN));
        }
        self.forget(now, config);
        match unsaid {
            Some(limit) => Delivery::Unsaid(limit),
            None if inline => Delivery::Inline,
            None => Delivery::Late,
        }
    }

    /// Gives up the oldest of the answers to be sent by REST that are too long together.
    fn give_up_surplus(&mut self, now: UnixMillis) {
        let mut bytes = 0usize;
        for late in self.late.iter_mut().rev() {
            bytes = late
                .parts
                .iter()
                .fold(bytes, |bytes, part| bytes.saturating_add(part.len()));
            if bytes > MAX_LATE_BYTES {
                (late.give_up_at, late.not_before) = (now, now);
            }
        }
    }

    /// Decides whether a limit of the day keeps a turn's answer from being said, and counts what the turn has cost.
    fn unsaid(
        &mut self,
        turn: &Running,
        ended: &Ended,
        requests: Option<u32>,
        now: UnixMillis,
    ) -> Option<DailyLimit> {
        let today = self.today(now);
        if requests == Some(0) && !turn.over_limit && !turn.is_reset() && turn.attempt == 1 {
            // The request that was counted when the turn began was not made.
            today.calls = today.calls.saturating_sub(1);
        }
        match ended {
            Ended::Limited(limit, _) => std::mem::replace(&mut today.told, true).then_some(*limit),
            _ if requests != Some(0) => None,
            _ => (!self.may_reply_unpaid(now)).then_some(DailyLimit::FixedReplies),
        }
    }

    /// The revisions that KV is to delete.
    pub fn doomed(&self) -> Vec<u64> {
        let doomed = self
            .revisions
            .iter()
            .filter(|revision| revision.fate == Fate::Doomed);
        doomed.map(|revision| revision.number).collect()
    }

    /// KV has deleted these revisions. One whose write may still come is deleted again later.
    pub fn deleted(&mut self, revisions: &[u64], now: UnixMillis) {
        let deleted = self
            .revisions
            .iter_mut()
            .filter(|revision| revisions.contains(&revision.number) && revision.lands_until <= now);
        deleted
            .for_each(|revision| (revision.fate, revision.being_written) = (Fate::Deleted, false));
        if self.doomed().is_empty() {
            let erasing = self
                .seen
                .iter_mut()
                .filter(|seen| seen.outcome == Outcome::Notice(Notice::Erasing));
            erasing.for_each(|seen| seen.outcome = Outcome::Notice(Notice::Erased));
        }
    }

    /// KV did not delete all.
    pub fn delete_failed(&mut self, now: UnixMillis) {
        self.delete_not_before = now.plus(DELETE_WAIT);
        self.wake(self.delete_not_before);
    }

    /// The revision in KV that the conversation goes on from, if there is one yet, and the turns that it does not have. A
    /// conversation that has expired is none.
    pub fn stored_conversation(&self, now: UnixMillis) -> Option<(Option<u64>, &[Unsaved])> {
        self.conversation
            .filter(|kept| now < kept.expires_at)
            .map(|kept| (kept.revision, self.unsaved.as_slice()))
    }

    /// The next revision, if there is something to save: its number and its lifetime.
    pub fn next_save(&self, now: UnixMillis) -> Option<(u64, Duration)> {
        let kept = self.conversation.filter(|kept| now < kept.expires_at)?;
        let number = self.unsaved.last()?.turn;
        let seconds = millis(kept.expires_at.since(now)).div_ceil(1000);
        Some((number, Duration::from_secs(seconds).max(MIN_KV_TTL)))
    }

    /// KV has the revision.
    pub fn saved(&mut self, number: u64, ttl: Duration, now: UnixMillis) {
        // A reset may have come while it was written: then the conversation is another.
        let is_of_conversation = self.unsaved.iter().any(|unsaved| unsaved.turn == number);
        self.revisions.retain(|revision| now < revision.expires_at);
        // The write of an earlier turn may have come through although it failed, or was cut off.
        let earlier = self
            .unsaved
            .iter()
            .map(|unsaved| unsaved.turn)
            .filter(|turn| *turn < number);
        let written: Vec<u64> = earlier.chain([number]).collect();
        for number in written {
            self.may_exist(number, now.plus(ttl), UnixMillis::default());
        }
        let surplus = self.revisions.len().saturating_sub(MAX_REVISIONS);
        let oldest = self.revisions.iter_mut().take(surplus);
        oldest
            .filter(|revision| revision.fate == Fate::Expires)
            .for_each(|revision| revision.fate = Fate::Doomed);
        self.unsaved.retain(|unsaved| unsaved.turn > number);
        self.save_failures = 0;
        if let Some(kept) = self.conversation.as_mut().filter(|_| is_of_conversation) {
            kept.revision = Some(number);
        }
    }

    /// KV may hold this revision, at most until then. One that was to be deleted, or was, is deleted again.
    fn may_exist(&mut self, number: u64, expires_at: UnixMillis, lands_until: UnixMillis) {
        if let Some(revision) = self
            .revisions
            .iter_mut()
            .find(|revision| revision.number == number)
        {
            revision.expires_at = revision.expires_at.max(expires_at);
            revision.lands_until = revision.lands_until.max(lands_until);
            if revision.fate == Fate::Deleted {
                revision.fate = Fate::Doomed;
            }
        } else {
            self.revisions.push(Revision {
                number,
                expires_at,
                fate: Fate::Expires,
                lands_until,
                being_written: false,
            });
        }
    }

    /// KV took too long for the revision: it may still come.
    pub fn save_took_too_long(&mut self, number: u64, ttl: Duration, now: UnixMillis) {
        let lands_until = now.plus(LATE_WRITE);
        self.may_exist(number, lands_until.plus(ttl), lands_until);
        self.save_failed(now);
    }

    /// KV did not take the revision, or did and failed to say so.
    pub fn save_failed(&mut self, now: UnixMillis) {
        self.save_failures = self.save_failures.saturating_add(1);
        self.save_not_before = now.plus(
            SAVE_WAIT
                .saturating_mul(1u32 << self.save_failures.min(5))
                .min(MAX_SAVE_WAIT),
        );
        self.wake(self.save_not_before);
    }

    /// What is to be done about the first late answer, when its time has come.
    pub fn next_late(&mut self, now: UnixMillis) -> Option<LateStep> {
        let late = self
            .late
            .first_mut()
            .filter(|late| late.not_before <= now)?;
        if late.give_up_at <= now {
            let late = self.late.remove(0);
            let may_be_sent = late.attempt.is_some();
            return Some(LateStep::GaveUp(late, may_be_sent));
        }
        let found = late.clone();
        Some(match late.attempt {
            Some(since) if late.attempt_unsure => {
                LateStep::LookUp(found, since.minus(LATE_LIFETIME))
            }
            Some(since) => LateStep::LookUp(found, since),
            None if late.reserved => {
                (late.attempt, late.attempt_unsure) = (Some(now), false);
                LateStep::Send(found)
            }
            None => LateStep::Reserve(found),
        })
    }

    /// The first part of a turn's late answer is reserved: it is to be sent now, unless it was called off meanwhile.
    pub fn late_reserved(&mut self, turn: u64, now: UnixMillis) -> Option<Late> {
        let late = self.late_of(turn)?;
        let found = late.clone();
        (late.reserved, late.attempt, late.attempt_unsure) = (true, Some(now), false);
        Some(found)
    }

    /// The first part of a turn's late answer was sent, under this id if it is known.
    pub fn late_sent(&mut self, turn: u64, sid: Option<MessageSid>, now: UnixMillis) {
        self.sent.extend(sid.map(|sid| Sent {
            sid,
            at: now,
            statuses: Vec::new(),
        }));
        let Some(late) = self.late_of(turn) else {
            return;
        };
        late.parts.drain(..1.min(late.parts.len()));
        (late.attempt, late.tries, late.not_before, late.reserved) = (None, 0, now, false);
        if late.parts.is_empty() {
            self.late.remove(0);
            self.counted(
                &Tally {
                    answers_by_rest: 1,
                    ..Tally::EMPTY
                },
                now,
            );
        }
    }

    /// Twilio did not process the first part: it is due again later.
    pub fn late_not_processed(&mut self, turn: u64, now: UnixMillis) {
        self.late_again(turn, now, None);
    }

    /// Twilio could not be asked what came of the first part.
    pub fn late_not_looked_up(&mut self, turn: u64, now: UnixMillis) {
        let attempt = self.late_of(turn).and_then(|late| late.attempt);
        self.late_again(turn, now, attempt);
    }

    fn late_again(&mut self, turn: u64, now: UnixMillis, attempt: Option<UnixMillis>) {
        if let Some(late) = self.late_of(turn) {
            late.attempt = attempt;
            late.tries = late.tries.saturating_add(1);
            late.not_before = now
                .plus(Duration::from_secs(1u64 << late.tries.min(6)).min(MAX_LATE_WAIT))
                .min(late.give_up_at);
        }
    }

    /// What came of sending the first part is not known: Twilio will be asked.
    pub fn late_unknown(&mut self, turn: u64, now: UnixMillis) {
        if let Some(late) = self.late_of(turn) {
            late.not_before = now.plus(LOOK_UP_WAIT);
        }
    }

    /// Twilio does not list the first part. After a while that is certain, and it is sent again.
    pub fn late_absent(&mut self, turn: u64, now: UnixMillis) {
        if let Some(late) = self.late_of(turn) {
            if late
                .attempt
                .is_none_or(|since| now.since(since) >= CERTAINLY_ABSENT)
            {
                (late.attempt, late.not_before) = (None, now);
            } else {
                late.not_before = now.plus(LOOK_UP_WAIT);
            }
        }
    }

    /// A turn's late answer can't be sent at all.
    pub fn drop_late(&mut self, turn: u64) {
        if self.late_of(turn).is_some() {
            self.late.remove(0);
        }
    }

    /// Twilio refused the token, and the first part is tried anew with another, unless it was called off meanwhile.
    pub fn late_tried_again(&mut self, turn: u64, now: UnixMillis) -> bool {
        let late = self.late_of(turn);
        // What becomes of this attempt may be seen as late as of any other.
        late.map(|late| (late.attempt, late.attempt_unsure) = (Some(now), false))
            .is_some()
    }

    /// The first late answer, if it is that turn's: the sender may have called it off while it was being sent.
    fn late_of(&mut self, turn: u64) -> Option<&mut Late> {
        self.late.first_mut().filter(|late| late.turn == turn)
    }

    /// Notes what Twilio reports of a message; returns whether that is new. Reports come in any order and more than once, so
    /// they are told apart by message and status. Of a message that is not known, or no longer, each counts as new.
    pub fn report(&mut self, sid: &MessageSid, status: DeliveryStatus) -> bool {
        let Some(sent) = self.sent.iter_mut().find(|sent| sent.sid == *sid) else {
            return true;
        };
        let new = !sent.statuses.contains(&status);
        if new {
            sent.statuses.push(status);
        }
        new
    }

    /// The ids of the messages that were sent, which a look-up must not take for another.
    pub fn sent_sids(&self) -> Vec<MessageSid> {
        self.sent.iter().map(|sent| sent.sid.clone()).collect()
    }

    /// What is to be done now.
    pub fn work(&self, now: UnixMillis) -> Option<Work> {
        if self.turn.is_some() {
            Some(Work::Turn)
        } else if self.late.first().is_some_and(|late| late.not_before <= now) {
            Some(Work::Late)
        } else if !self.doomed().is_empty() && self.delete_not_before <= now {
            Some(Work::Delete)
        } else if self.report_at.is_some_and(|at| at <= now) {
            Some(Work::Report)
        } else if self.next_save(now).is_some() && self.save_not_before <= now {
            Some(Work::Save)
        } else {
            None
        }
    }

    /// The alarm has rung, and all work was done that could be done.
    pub fn rest(&mut self, now: UnixMillis, config: &Config) {
        self.wake_at = None;
        // A turn goes on with the conversation that it began with.
        if self.turn.is_none() {
            self.expire(now);
        }
        self.forget(now, config);
        if self.turn.is_some() {
            self.wake(now.plus(SAVE_WAIT));
        }
        if self.next_save(now).is_some() {
            self.wake(self.save_not_before);
        }
        if !self.doomed().is_empty() {
            self.wake(self.delete_not_before);
        }
    }

    /// Forgets a conversation whose time is over.
    fn expire(&mut self, now: UnixMillis) {
        if self.conversation.is_some_and(|kept| kept.expires_at <= now) {
            self.drop_conversation(now.plus(MIN_KV_TTL));
        }
    }

    /// Forgets the conversation, but not the revisions that KV may still hold, of unsaved turns too until `expires_at`: as long
    /// as one exists its number must not be given again, or a stale read could bring back what is forgotten.
    fn drop_conversation(&mut self, expires_at: UnixMillis) {
        self.conversation = None;
        for unsaved in std::mem::take(&mut self.unsaved) {
            self.may_exist(unsaved.turn, expires_at, UnixMillis::default());
            self.revisions
                .iter_mut()
                .filter(|revision| revision.number == unsaved.turn)
                .for_each(|revision| revision.being_written = true);
        }
    }

    /// Forgets what is no longer needed to recognise messages and to answer them again.
    fn forget(&mut self, now: UnixMillis, config: &Config) {
        self.seen.retain(|seen| {
            seen.outcome == Outcome::Waiting || now.since(seen.at) < config.conversation_ttl
        });
        self.admitted.retain(|at| now.since(*at) < WINDOW);
        self.refusal
            .take_if(|refusal| now.since(refusal.at) >= WINDOW);
        self.revisions.retain(|revision| now < revision.expires_at);
        self.sent
            .retain(|sent| now < sent.at.plus(sent_lifetime(config)));
        self.sent.drain(..self.sent.len().saturating_sub(MAX_SENT));
        if now.day_of_count(self.today.day).is_none() {
            self.today = Today::default();
        }
    }

    /// Whether there is nothing left to remember but an opt-out, so that storage can be emptied.
    pub fn is_blank(&self) -> bool {
        self.today.is_empty()
            && self.tally.is_empty()
            && self.admitted.is_empty()
            && self.refusal.is_none()
            && self.seen.is_empty()
            && self.pending.is_empty()
            && self.turn.is_none()
            && self.conversation.is_none()
            && self.late.is_empty()
            && self.sent.is_empty()
            && self.revisions.is_empty()
    }

    /// What was counted and is not reported yet.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// This was counted, or could not be reported.
    pub fn counted(&mut self, tally: &Tally, now: UnixMillis) {
        if !tally.is_empty() {
            self.tally.add(tally);
            self.report_at.get_or_insert(now.plus(REPORT_WAIT));
        }
    }

    /// This was reported.
    pub fn reported(&mut self, tally: &Tally) {
        self.tally.subtract(tally);
        self.report_at.take_if(|_| self.tally.is_empty());
    }

    /// The state without texts, ids and addresses.
    pub fn summary(&self, now: UnixMillis) -> Summary {
        let kept = self.conversation.filter(|kept| now < kept.expires_at);
        Summary {
            opted_out: self.opted_out,
            turns: kept.map_or(0, |kept| kept.turns),
            revision: kept.and_then(|kept| kept.revision),
            expires_at: kept.map(|kept| kept.expires_at),
            turn_running: self.turn.is_some(),
            pending_messages: self.pending.len(),
            waiting_sends: self.late.iter().map(|late| late.parts.len()).sum(),
            messages_last_minute: self
                .admitted
                .iter()
                .filter(|at| now.since(**at) < WINDOW)
                .count(),
        }
    }

    /// Where the answer of that turn is, if it is kept.
    pub fn answer(&self, turn: u64) -> Option<Place> {
        let here = self
            .answers
            .iter()
            .find(|answer| answer.turn == turn)
            .map(|answer| Place::State(answer.text.clone()));
        here.or_else(|| {
            self.answer_rows
                .iter()
                .find(|row| row.turns.contains(&turn))
                .map(|row| Place::Row(row.number))
        })
    }

    /// Drops the answers that no message can get any more. If those that are left are too long for the state, all but the
    /// newest move into one row, which is given back.
    pub fn sort_answers(&mut self) -> Option<(u64, Vec<Answer>)> {
        let turn = |seen: &Seen| {
            if let Outcome::Answer(turn) = seen.outcome {
                Some(turn)
            } else {
                None
            }
        };
        // In order, since messages are answered in the order in which they were taken in.
        let needed: Vec<u64> = self.seen.iter().filter_map(turn).collect();
        let is_needed = |turn: &u64| needed.binary_search(turn).is_ok();
        self.answers.retain(|answer| is_needed(&answer.turn));
        self.answer_rows
            .iter_mut()
            .for_each(|row| row.turns.retain(is_needed));
        self.answer_rows.retain(|row| !row.turns.is_empty());
        if self
            .answers
            .iter()
            .map(|answer| answer.text.len())
            .sum::<usize>()
            <= MAX_ANSWER_BYTES
        {
            return None;
        }
        let newest = self.answers.pop()?;
        let older = std::mem::replace(&mut self.answers, vec![newest]);
        let number = older.last()?.turn;
        self.answer_rows.push(AnswerRow {
            number,
            turns: older.iter().map(|answer| answer.turn).collect(),
        });
        Some((number, older))
    }

    /// The rows of `before` that hold answers which no message can get any more, with the turns whose answers stay in them.
    pub fn thinned_rows(&self, before: &Self) -> Vec<AnswerRow> {
        let now = |row: &AnswerRow| {
            let turns = self
                .answer_rows
                .iter()
                .find(|other| other.number == row.number)
                .map(|row| row.turns.clone());
            AnswerRow {
                number: row.number,
                turns: turns.unwrap_or_default(),
            }
        };
        before
            .answer_rows
            .iter()
            .map(|row| (row, now(row)))
            .filter(|(row, now)| *row != now)
            .map(|(_, now)| now)
            .collect()
    }

    /// Of an object that begins anew: the one before it may have been writing a turn to KV, and that write may still come.
    pub fn expect_late_writes(&mut self, now: UnixMillis, config: &Config) {
        let lands_until = now.plus(LATE_WRITE);
        let dropped = self
            .revisions
            .iter()
            .filter(|revision| revision.being_written)
            .map(|revision| revision.number);
        let turns: Vec<u64> = dropped
            .chain(self.unsaved.iter().map(|unsaved| unsaved.turn))
            .collect();
        self.revisions
            .iter_mut()
            .for_each(|revision| revision.being_written = false);
        for turn in turns {
            self.may_exist(
                turn,
                lands_until.plus(config.conversation_ttl.max(MIN_KV_TTL)),
                lands_until,
            );
        }
    }

    /// Takes no time for longer ahead than it can have been set: a clock that jumped ahead for a moment must not put work off
    /// for days.
    pub fn distrust_future(&mut self, now: UnixMillis, config: &Config) {
        let within = |at: &mut UnixMillis, wait: Duration| *at = (*at).min(now.plus(wait));
        let passed = self
            .seen
            .iter_mut()
            .map(|seen| &mut seen.at)
            .chain(self.sent.iter_mut().map(|sent| &mut sent.at));
        let passed = passed.chain(self.refusal.iter_mut().map(|refusal| &mut refusal.at));
        passed.for_each(|at| within(at, Duration::ZERO));
        let kv_ttl = config.conversation_ttl.max(MIN_KV_TTL);
        self.conversation
            .iter_mut()
            .for_each(|kept| within(&mut kept.expires_at, config.conversation_ttl));
        for revision in &mut self.revisions {
            within(
                &mut revision.expires_at,
                kv_ttl.saturating_add(KV_MOMENT).saturating_add(LATE_WRITE),
            );
            within(&mut revision.lands_until, LATE_WRITE);
        }
        for late in &mut self.late {
            late.attempt_unsure |= late.attempt.is_some_and(|at| at > now);
            late.attempt
                .iter_mut()
                .for_each(|at| within(at, Duration::ZERO));
            within(&mut late.not_before, MAX_LATE_WAIT);
            within(&mut late.give_up_at, LATE_LIFETIME);
        }
        self.wake_at
            .iter_mut()
            .for_each(|at| within(at, MAX_SAVE_WAIT.max(config.reply_within)));
        self.report_at
            .iter_mut()
            .for_each(|at| within(at, REPORT_WAIT));
        within(&mut self.save_not_before, MAX_SAVE_WAIT);
        within(&mut self.delete_not_before, DELETE_WAIT);
    }

    /// Forgets when to look at work, if there is none: a time that is over must not bring the next alarm forward.
    pub fn forget_wake_without_work(&mut self, now: UnixMillis) {
        if !self.has_work(now) {
            self.wake_at = None;
        }
    }

    fn has_work(&self, now: UnixMillis) -> bool {
        self.turn.is_some()
            || !self.late.is_empty()
            || !self.doomed().is_empty()
            || self.next_save(now).is_some()
    }

    /// The alarm's new time, if it changes; it is set for `set`, as far as is known.
    pub fn new_alarm(
        &self,
        set: Option<UnixMillis>,
        now: UnixMillis,
        config: &Config,
    ) -> Option<UnixMillis> {
        let seen = self
            .seen
            .iter()
            .map(|seen| seen.at.plus(config.conversation_ttl));
        let last_seen = seen
            .chain(
                self.sent
                    .iter()
                    .map(|sent| sent.at.plus(sent_lifetime(config))),
            )
            .max();
        let window = self
            .admitted
            .last()
            .copied()
            .max(self.refusal.as_ref().map(|refusal| refusal.at))
            .map(|at| at.plus(WINDOW));
        let revision = self
            .revisions
            .iter()
            .map(|revision| revision.expires_at)
            .max();
        // KV counts whole seconds from when it was written: what it holds a moment longer is forgotten together with the rest.
        let with_revisions = |at| {
            revision
                .filter(|end| at < *end && end.since(at) <= KV_MOMENT)
                .unwrap_or(at)
        };
        let expiry = self
            .conversation
            .map(|kept| kept.expires_at)
            .or(last_seen)
            .map(with_revisions);
        let work = self
            .late
            .first()
            .map(|late| late.not_before)
            .into_iter()
            .chain(self.wake_at)
            .min();
        let day_ends = (!self.today.is_empty()).then(|| self.today.end());
        let memory = work.or(expiry).or(window).or(revision).or(day_ends);
        // An alarm set for now, inside the alarm, can get lost: a millisecond from now at the earliest.
        let due = memory
            .into_iter()
            .chain(self.report_at)
            .min()?
            .max(now.plus(Duration::from_millis(1)));
        let changes = match set {
            None => true,
            // An alarm that comes too early looks, finds nothing, and is set anew: cheaper than moving it every time.
            Some(set) => due < set || (!self.has_work(now) && set != due),
        };
        changes.then_some(due)
    }

    fn wake(&mut self, at: UnixMillis) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }
}

/// How long the id of a message that was sent by REST is remembered: at least as long as it could be taken for another that
/// is looked for.
fn sent_lifetime(config: &Config) -> Duration {
    config
        .conversation_ttl
        .max(LATE_LIFETIME.saturating_add(CLOCK_DIFFERENCE))
}

/// The damaged state without the fields, and the entries of lists, that cannot be read.
fn salvage(text: &str) -> Option<State> {
    let stored = serde_json::from_str::<Map<String, Value>>(text).ok()?;
    // By way of text: the code that reads and writes a state as a `Value` would be as large again.
    let mut whole =
        serde_json::from_str::<Map<String, Value>>(&serde_json::to_string(&State::default()).ok()?)
            .ok()?;
    let state = |fields: &Map<String, Value>| {
        serde_json::from_str::<State>(&serde_json::to_string(fields).ok()?).ok()
    };
    let reads = |whole: &Map<String, Value>, name: &str, value: &Value| {
        let mut with = whole.clone();
        with.insert(name.to_owned(), value.clone());
        state(&with).is_some()
    };
    for (name, value) in stored {
        if reads(&whole, &name, &value) {
            whole.insert(name, value);
        } else if let Value::Array(entries) = value {
            let kept = entries
                .into_iter()
                .filter(|entry| reads(&whole, &name, &Value::Array(vec![entry.clone()])))
                .collect();
            let kept = Value::Array(kept);
            if reads(&whole, &name, &kept) {
                whole.insert(name, kept);
            }
        }
    }
    let mut state = state(&whole)?;
    state.make_whole();
    Some(state)
}

/// How long after a turn the alarm looks whether the conversation was saved, or deleted: not before the alarm that is set for
/// the turn itself, so that it need not be moved.
const WORK_CHECK: Duration = Duration::from_secs(10);
/// How long after a failure KV is tried again, at first.
const SAVE_WAIT: Duration = Duration::from_secs(5);
/// The longest that KV is left in peace after failures.
const MAX_SAVE_WAIT: Duration = Duration::from_secs(160);
/// How long after a failure KV is asked to delete again.
const DELETE_WAIT: Duration = Duration::from_secs(20);
/// How long what was counted waits for a request that could take it along.
const REPORT_WAIT: Duration = Duration::from_secs(60);
/// How long after it was given up a write may still come to KV.
const LATE_WRITE: Duration = Duration::from_secs(10 * 60);
/// How much longer than the conversation lasts KV holds it, if it was written at once: the rest of a second, and the write.
const KV_MOMENT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::tests::MINIMAL,
        message::Address,
        pseudonym::{PseudonymKey, TokenId},
    };

    const NOW: UnixMillis = UnixMillis(1_795_348_800_000);

    fn config() -> Config {
        Config::parse(|name| {
            MINIMAL
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| (*value).to_owned())
        })
        .unwrap()
    }

    fn call(sid: &str, input: Input, config: &Config) -> SenderCall {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let key: &PseudonymKey = &config.pseudonym_key;
        let token: TokenId = key.token_id(&config.twilio_tokens[0]);
        let (sender, number) = (address("+15550100"), address("+15550199"));
        let phone_hash = key.phone_hash(&sender);
        let route = Route {
            sender,
            number,
            service: None,
            account: None,
            token,
            origin: "https://a.example".into(),
        };
        SenderCall {
            sid: sid.parse().unwrap(),
            input,
            pictures: Vec::new(),
            phone_hash,
            route,
            arrived: NOW,
            counted: Tally::EMPTY,
        }
    }

    /// A turn was answered on the webhook of `first`, and the reset behind it ends while `waiting`.
    fn reset_behind_a_turn(waiting: &[MessageSid]) -> (Option<Outcome>, Option<Place>) {
        let (config, mut state) = (config(), State::default());
        let first = call(
            "SM0000000000000000000000000000000a",
            Input::Text("Hello".into()),
            &config,
        );
        let reset = Input::Command {
            command: Command::Reset,
            by_twilio: false,
        };
        state.admit(&first, NOW, &config);
        state.admit(
            &call("SM0000000000000000000000000000000b", reset, &config),
            NOW,
            &config,
        );
        let answered = Ended::Answered {
            input: "Hello".into(),
            text: "answer".into(),
        };
        let waits = std::slice::from_ref(&first.sid);
        assert_eq!(
            state.end_turn(1, &answered, Some(1), waits, NOW, &config),
            Delivery::Inline
        );
        state.end_turn(2, &Ended::Reset("done"), Some(0), waiting, NOW, &config);
        state.sort_answers();
        (state.outcome(&first.sid), state.answer(1))
    }

    #[test]
    fn a_reset_takes_no_answer_from_a_webhook_that_is_about_to_fetch_it() {
        let first = "SM0000000000000000000000000000000a".parse().unwrap();
        assert_eq!(
            reset_behind_a_turn(&[first]),
            (
                Some(Outcome::Answer(1)),
                Some(Place::State("answer".into()))
            )
        );
        assert_eq!(reset_behind_a_turn(&[]), (Some(Outcome::Nothing), None));
    }
}
