//! What the invariants know of each call and of each caller.
//!
//! Not here: what must hold of it (`invariants`).

use std::collections::{BTreeMap, BTreeSet};

/// What is known of a call.
#[derive(Default)]
pub struct Record {
    /// The digits of the caller's number.
    pub digits: String,
    /// The call's hash in the log.
    pub hash: String,

    /// When it was stored that the call was admitted, and that it has ended.
    pub admitted: Option<u64>,
    pub over: Option<u64>,
    /// Whether Twilio knows no more of it, and whether it was ended by REST.
    pub is_over_at_twilio: bool,
    pub is_hung_up: bool,
    /// How often its end was logged.
    pub logged: u64,
    /// Whether its end may have been stored and not logged.
    pub may_be_unlogged: bool,
    /// Whether its state was damaged. Then it may end in any way.
    pub is_damaged: bool,

    /// Minutes that the budget object has granted it, that it was told of, that it has given back, and that it has used.
    pub minutes_granted: u64,
    pub minutes_told: u64,
    pub minutes_given_back: u64,
    pub minutes_used: u64,
    /// Whether one of its requests was broken off, so that a minute may be lost.
    pub was_cancelled: bool,

    /// Requests to the model that were granted of the day and of the caller's share, and that were made.
    pub requests_granted: u64,
    pub share_granted: u64,
    pub requests: u64,

    /// The secrets of its sockets, in the order in which they were given.
    pub secrets: Vec<Secret>,
    /// The newest session.
    pub session: u32,
    /// Whether the object has handled the first frame of it.
    pub is_set_up: bool,
    /// Whether the object has ended the newest session, or begun its last sentence.
    pub has_ended_session: bool,
    pub is_closing: bool,

    /// Frames that the object has not handled yet, and what follows once it has.
    pub in_flight: u64,
    pub pending: Vec<Told>,
    /// What the caller has said, and whether a current socket has carried it.
    pub said: BTreeMap<String, bool>,

    /// The documents of a call without a socket, by their numbers: what each of them says.
    pub documents: BTreeMap<u32, String>,
    /// Whether the model has asked for digits, and nobody has pressed any since. How many.
    pub wants_digits: Option<u8>,
    /// How often it has asked for digits, its newest question, and the session in which that was last asked anew.
    pub digits_asked: u64,
    pub question: String,
    pub asked_anew_in: u32,
    /// Every key that the caller has pressed, and those of each entry that are like no other.
    pub pressed: String,
    pub entries: Vec<String>,

    /// The turns, as the model was asked.
    pub turns: Vec<Turn>,
    /// The turns before this one must not speak any more.
    pub silent_before: usize,
    /// Whether words were sent that no frame has closed.
    pub has_open_words: bool,
    /// Counts what separates two turns.
    pub breaks: u64,
    /// What Twilio has spoken of the model's answers.
    pub played: String,
    /// Whether the object was told that something was played since it is in memory.
    pub knows_played: bool,
    /// Counts what the caller is owed an answer to.
    pub owed: Option<u64>,
    pub owed_count: u64,
    /// Whether each frame has come in order and once.
    pub is_honest: bool,
}

/// A secret that opens a socket once.
pub struct Secret {
    pub text: String,
    pub given: u64,
    pub was_used: bool,
}

/// A turn: one or several requests for the same words.
pub struct Turn {
    /// What the caller said.
    pub words: String,
    /// What separated it from the turn before.
    pub breaks: u64,
    /// What the model says in the newest request, as a voice can say it, without spaces.
    pub reply: String,
    /// Whether the newest request is answered as a whole.
    pub is_whole: bool,
    /// Whether the end of the turn was logged.
    pub is_over: bool,
    /// Whether the model has called something that ends the call, in this turn or in one that it repeats.
    pub ends_call: bool,
    /// Whether it does so in the newest request, and has done so in one before. Then it cannot ask for digits.
    pub may_have_effects: bool,
    pub has_effects: bool,
    /// What was sent to be spoken, without spaces.
    pub spoken: String,
    /// How much of it was before the newest request.
    pub spoken_before: usize,
    /// Whether the newest request is answered with calls of tools.
    pub calls_tools: bool,
    /// What the model has said in each earlier request before it called tools, and no document has.
    pub unsaid: Vec<String>,
    /// Whether its object does not know what was played of it: it has left memory since, and perhaps lost what it had sent,
    /// or it was not told in time.
    pub is_lost: bool,
    /// The words that had been played when the caller cut in.
    pub heard: Option<BTreeSet<String>>,
}

/// What the object was told by a frame.
pub enum Told {
    /// The first frame of a session.
    SetUp { session: u32, turns: usize },
    /// The caller has said something new.
    Words { turns: usize },
    /// It may have said something new, or the frame says nothing new.
    Perhaps,
    /// The caller has pressed a key.
    Key,
    /// The caller has cut in, when these words had been played.
    Interrupt {
        turns: usize,
        heard: Option<BTreeSet<String>>,
    },
}

/// What is known of a caller.
#[derive(Default)]
pub struct CallerRecord {
    /// Calls that were accepted.
    pub calls: BTreeSet<String>,
    pub requests: u64,
    pub is_damaged: bool,
}

/// Minutes that the budget object has counted.
#[derive(Default)]
pub struct Minutes(BTreeMap<u64, i64>);

impl Minutes {
    /// Counts for a day, and returns its sum.
    pub fn add(&mut self, day: u64, count: i64) -> i64 {
        let sum = self.0.entry(day).or_default();
        *sum += count;
        *sum
    }
}

impl Record {
    /// The object has left memory, or has another socket: it does not know what is still played of these turns.
    pub fn floor_is_forgotten(&mut self) {
        self.knows_played = false;
        self.turns.iter_mut().for_each(|turn| turn.is_lost = true);
    }
}

/// The words of a caller as the conversation has them: without the keys that were pressed.
pub fn without_keys(words: &str) -> String {
    match keys_in(words) {
        Some(keys) => words.replace(&format!("[keys pressed: {keys}]"), "[keys pressed]"),
        None => words.to_owned(),
    }
}

/// The keys in the words of a caller, as the model is told of them.
pub fn keys_in(words: &str) -> Option<&str> {
    let (_, behind) = words.split_once("[keys pressed: ")?;
    behind.split_once(']').map(|(keys, _)| keys)
}

/// The text without spaces.
pub fn tight(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A word of the model: the `at`th of this answer. How a word begins says which of its answer it is, so that half a word is
/// not taken for another one.
pub fn model_word(answer: u64, at: u64) -> String {
    format!("w{at:03}x{answer:03}{MODEL_WORD}")
}

/// The words of the model in a text. Each has the same length, and no two are the same.
pub fn model_words(text: &str) -> BTreeSet<String> {
    words_like(text, MODEL_WORD, 8, 6)
}

/// The words of callers in a text.
pub fn caller_words(text: &str) -> BTreeSet<String> {
    words_like(text, CALLER_WORD, 0, 9)
}

/// The words that have `part` in them, with so many characters before it and from there on.
fn words_like(text: &str, part: &str, before: usize, length: usize) -> BTreeSet<String> {
    let found = text.match_indices(part);
    found
        .filter_map(|(at, _)| text.get(at.checked_sub(before)?..at + length))
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .map(str::to_owned)
        .collect()
}

/// The end of each word that the model says, and the beginning of each that a caller says.
pub const MODEL_WORD: &str = "quince";
pub const CALLER_WORD: &str = "xyzzy";
