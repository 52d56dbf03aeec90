//! Turns: messages that wait, and the one turn that runs. A turn answers all waiting texts
//! together.
//!
//! Not here: the end of a turn (`turn_end`).

use serde::{Deserialize, Serialize};

use crate::{
    base::time::UnixMillis,
    config::{Assistant, Config},
    conversation::outbox::ReplyTarget,
    identity::{Channel, MessageSid, PhoneHash},
    messaging::{intake::Command, unfinished::Ending},
    twilio::media::MediaUrl,
};

/// The messages that wait for their turn, and the turn that runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Turns {
    /// Messages that are in no turn yet, in order.
    pending: Vec<PendingMessage>,
    active: Option<ActiveTurn>,
    /// The number of the newest turn.
    newest: u64,
    /// When the alarm must look at the turn that runs.
    check_at: Option<UnixMillis>,
}

/// A message that waits for its turn, or is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingMessage {
    /// Its id.
    pub sid: MessageSid,
    /// When it was received.
    pub at: UnixMillis,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
    /// Where an answer by REST goes.
    pub reply_to: ReplyTarget,
    /// Its text. Without one it asks for a reset.
    pub text: Option<String>,
    /// Where its images are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<MediaUrl>,
    /// Where its voice notes are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voice_notes: Vec<MediaUrl>,
    /// What it wants of an intake. It is then the only message of its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
}

/// What a message's files were found to be, once they were fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The transcripts of its voice notes, in order.
    pub heard: Vec<String>,
    /// The number of its images.
    pub images: usize,
}

/// The turn that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActiveTurn {
    /// Its number.
    pub number: u64,
    /// The messages that it answers, in order; never empty.
    pub messages: Vec<PendingMessage>,
    /// How often it was begun.
    pub attempt: u32,
    /// Whether the contact has no request to the model left today. The turn then ends without one.
    #[serde(default)]
    pub over_limit: bool,
    /// How many of its messages joined it after it had begun.
    #[serde(default)]
    pub joined: usize,
    /// How often the model was to be asked anew, because messages came while it was asked.
    #[serde(default)]
    pub asked_again: u32,
}

/// The next step for the turn in the state.
#[derive(Clone, Debug, PartialEq)]
pub enum NextRun {
    /// There is no turn.
    Nothing,
    /// Run it.
    Run(ActiveTurn),
    /// It was cut off too often. End it with an apology.
    GiveUp(ActiveTurn),
}

/// How often a turn may begin: once, and once more after its object has vanished.
const MAX_ATTEMPTS: u32 = 2;
/// How often a turn is asked anew because messages came while the model was asked. More would cost
/// more than a second answer does.
const MAX_ASKED_AGAIN: u32 = 2;
/// The most bytes of texts that wait. A message beyond is treated like one over the rate limit.
const MAX_PENDING_BYTES: usize = 256 * 1024;

impl Turns {
    /// The turn that runs.
    pub fn active(&self) -> Option<&ActiveTurn> {
        self.active.as_ref()
    }

    /// The number of the turn that runs.
    pub fn active_number(&self) -> Option<u64> {
        self.active.as_ref().map(|turn| turn.number)
    }

    /// The number of messages that wait.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Every message that waits or is in the turn that runs.
    pub fn messages(&self) -> impl Iterator<Item = &PendingMessage> {
        let active = self.active.iter().flat_map(|turn| &turn.messages);
        active.chain(&self.pending)
    }

    /// Whether there is room for a message: the texts that wait have a bound.
    pub fn has_room<'f>(&self, text: &str, files: impl Iterator<Item = &'f MediaUrl>) -> bool {
        let of = |one: &PendingMessage| {
            let files: usize = one.files().map(MediaUrl::len).sum();
            files.saturating_add(one.text.as_deref().map_or(0, str::len))
        };
        let waiting: usize = self.pending.iter().map(of).sum();
        let files: usize = files.map(MediaUrl::len).sum();
        waiting.saturating_add(text.len()).saturating_add(files) <= MAX_PENDING_BYTES
    }

    /// Adds a message.
    pub fn add(&mut self, message: PendingMessage) {
        self.pending.push(message);
    }

    /// Begins the next turn, if none runs and a message waits: a reset by itself, or texts up to
    /// the next reset. The texts have at most `max_chars` together, or there is one. `reserve`
    /// counts the first request to the model for the contact.
    pub fn begin_next(&mut self, max_chars: usize, reserve: impl FnOnce() -> bool) {
        if self.active.is_some() || self.pending.is_empty() {
            return;
        }
        let texts = self.next_texts(max_chars);
        let messages: Vec<_> = self.pending.drain(..texts.max(1)).collect();
        let over_limit = messages.iter().all(PendingMessage::is_for_model) && !reserve();
        self.begin(messages, over_limit);
    }

    /// The next message is for the model, like any other, if the intake that it wants something of
    /// `has_ended` while it waited.
    pub fn drop_command(&mut self, has_ended: impl FnOnce(&PendingMessage) -> bool) {
        if let Some(next) = self.pending.first_mut()
            && next.command.is_some()
            && has_ended(next)
        {
            next.command = None;
        }
    }

    /// The next step for the turn in the state. `begun_here`: this incarnation of the object has
    /// begun the turn and not run it. Any other turn was begun by an incarnation that has vanished;
    /// another attempt is another request, which `reserve` counts.
    pub fn next_run(&mut self, begun_here: bool, reserve: impl FnOnce() -> bool) -> NextRun {
        let Some(turn) = self.active.clone() else {
            return NextRun::Nothing;
        };
        if begun_here || turn.over_limit {
            return NextRun::Run(turn);
        }
        if turn.attempt >= MAX_ATTEMPTS || (turn.needs_model() && !reserve()) {
            return NextRun::GiveUp(turn);
        }
        let again = ActiveTurn {
            attempt: turn.attempt.saturating_add(1),
            ..turn
        };
        self.active = Some(again.clone());
        NextRun::Run(again)
    }

    /// The messages that may join the turn of that number, in order: those that wait, up to the next
    /// reset, as long as all texts of the turn have at most `max_chars` together.
    pub fn joinable(&self, number: u64, max_chars: usize) -> &[PendingMessage] {
        let Some(turn) = self.active.as_ref().filter(|turn| turn.number == number) else {
            return &[];
        };
        let said: usize = turn.messages.iter().filter_map(PendingMessage::chars).sum();
        let room = max_chars.saturating_sub(said);
        self.pending.get(..self.next_texts(room)).unwrap_or(&[])
    }

    /// The next `count` messages that wait join the turn of that number, if it still runs.
    pub fn join(&mut self, number: u64, count: usize) -> Option<ActiveTurn> {
        let turn = self.active.as_mut().filter(|turn| turn.number == number)?;
        let joining = self.pending.drain(..count.min(self.pending.len()));
        turn.joined = turn.joined.saturating_add(joining.len());
        turn.messages.extend(joining);
        Some(turn.clone())
    }

    /// Whether the turn of that number may be asked anew.
    pub fn can_ask_again(&self, number: u64) -> bool {
        let active = self.active.as_ref().filter(|turn| turn.number == number);
        active.is_some_and(|turn| turn.asked_again < MAX_ASKED_AGAIN)
    }

    /// Counts that the turn of that number is asked anew, if it may be, and `reserve` has counted a
    /// request to the model for the contact.
    pub fn ask_again(&mut self, number: u64, reserve: impl FnOnce() -> bool) -> bool {
        let may = self.can_ask_again(number) && reserve();
        if let Some(turn) = self.active.as_mut().filter(|_| may) {
            turn.asked_again = turn.asked_again.saturating_add(1);
        }
        may
    }

    /// Ends the turn of that number, if it still runs.
    pub fn end(&mut self, number: u64) -> Option<ActiveTurn> {
        self.active.take_if(|turn| turn.number == number)
    }

    /// Goes on with a turn that was just ended.
    pub fn resume(&mut self, turn: ActiveTurn) {
        self.active = Some(turn);
    }

    /// Drops all messages. Returns how many there were.
    pub fn cancel(&mut self) -> usize {
        let active = self.active.take().map_or(0, |turn| turn.messages.len());
        self.pending.drain(..).count().saturating_add(active)
    }

    /// Plans a check of the turn by the alarm.
    pub fn check(&mut self, at: UnixMillis) {
        self.check_at = Some(self.check_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Drops the planned check.
    pub fn clear_check(&mut self) {
        self.check_at = None;
    }

    /// Drops the planned check when no turn runs.
    pub fn drop_needless_check(&mut self) {
        self.check_at = self.next_wake();
    }

    /// When the alarm must look at the turn that runs.
    pub fn next_wake(&self) -> Option<UnixMillis> {
        self.check_at.filter(|_| self.active.is_some())
    }

    /// Whether nothing waits and no turn runs.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.active.is_none()
    }

    /// Whether a turn runs while a message waits. If not, the message would wait for ever.
    pub fn is_whole(&self) -> bool {
        self.active.is_some() || self.pending.is_empty()
    }

    /// Repairs a damaged part: no number below `used` is given again, and a message that waits gets
    /// its turn. That turn counts as begun once, so that a damaged turn is not repeated without
    /// end.
    pub fn repair(&mut self, used: impl Iterator<Item = u64>) {
        self.newest = used.chain(self.active_number()).fold(self.newest, u64::max);
        if !self.is_whole() {
            let messages = std::mem::take(&mut self.pending);
            self.begin(messages, false);
        }
    }

    /// A number that no turn has, for what becomes part of the conversation without one.
    pub fn take_number(&mut self) -> u64 {
        self.newest = self.newest.saturating_add(1);
        self.newest
    }

    /// Numbers the next turns from here on.
    pub fn number_from(&mut self, newest: u64) {
        self.newest = newest;
    }

    /// Limits the planned time: a clock that jumped ahead must not delay the check.
    pub fn distrust_future(&mut self, latest: UnixMillis) {
        self.check_at = self.check_at.map(|at| at.min(latest));
    }

    /// The number of the next texts that wait and have at most `room` characters together.
    fn next_texts(&self, mut room: usize) -> usize {
        let fits = |message: &&PendingMessage| {
            let left = message.chars().and_then(|chars| room.checked_sub(chars));
            room = left.unwrap_or(0);
            left.is_some()
        };
        self.pending.iter().take_while(fits).count()
    }

    fn begin(&mut self, messages: Vec<PendingMessage>, over_limit: bool) {
        self.newest = self.newest.saturating_add(1);
        self.active = Some(ActiveTurn {
            number: self.newest,
            messages,
            attempt: 1,
            over_limit,
            joined: 0,
            asked_again: 0,
        });
    }
}

impl PendingMessage {
    /// Where all its files are.
    pub fn files(&self) -> impl Iterator<Item = &MediaUrl> {
        self.images.iter().chain(&self.voice_notes)
    }

    /// Whether the model answers it. A reset and a command have a turn of their own.
    fn is_for_model(&self) -> bool {
        self.text.is_some() && self.command.is_none()
    }

    /// The characters of its text, if it is for the model.
    fn chars(&self) -> Option<usize> {
        self.text
            .as_ref()
            .filter(|_| self.is_for_model())
            .map(|text| text.chars().count())
    }
}

impl ActiveTurn {
    /// Whether it clears the conversation.
    pub fn is_reset(&self) -> bool {
        self.messages.iter().any(|message| message.text.is_none())
    }

    /// Whether a request to the model was counted for it.
    pub fn needs_model(&self) -> bool {
        self.messages.iter().all(PendingMessage::is_for_model)
    }

    /// What it wants of an intake.
    pub fn command(&self) -> Option<Command> {
        self.messages.iter().find_map(|message| message.command)
    }

    /// How its last message ends, and when that was received.
    pub fn ending(&self) -> Option<(Ending, UnixMillis)> {
        let last = self.messages.last()?;
        let text = last.text.as_deref().unwrap_or_default();
        Some((Ending::of(text, !last.images.is_empty()), last.at))
    }

    /// The assistant that answers it.
    pub fn assistant<'c>(&self, config: &'c Config) -> &'c Assistant {
        let last = self.messages.last().map(|last| &last.reply_to);
        last.map_or(config.assistants.default(), |target| {
            target.assistant(config)
        })
    }

    /// The channel of its answer.
    pub fn channel(&self) -> Channel {
        let last = self.messages.last();
        last.map_or(Channel::Sms, |last| last.reply_to.contact.channel())
    }

    /// The contact's input: a line for each text, for what each voice note says, and for the images
    /// of a message. `contents` are those of the messages, in order.
    ///
    /// What was said counts as if it had been written, without a mark: a model would repeat the mark,
    /// and talk about the recording instead of answering it.
    pub fn input(&self, contents: &[Contents]) -> String {
        let lines = self
            .messages
            .iter()
            .enumerate()
            .flat_map(|(index, message)| {
                let contents = contents.get(index).cloned().unwrap_or_default();
                let images = match contents.images {
                    0 => None,
                    1 => Some("[1 picture]".to_owned()),
                    count => Some(format!("[{count} pictures]")),
                };
                let text = message.text.clone().filter(|text| !text.is_empty());
                text.into_iter().chain(contents.heard).chain(images)
            });
        lines.collect::<Vec<_>>().join("\n")
    }
}
