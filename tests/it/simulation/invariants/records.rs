//! What is known of each pair of addresses, turn, message and answer.
//!
//! Not here: what must hold of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{caps::DayCount, hand_off::Handed, intake::Intakes};
use switchboard::{conversation::history::Turn, messaging::keywords::Keyword};

/// One pair of addresses.
#[derive(Default)]
pub struct Contact {
    pub address: String,
    /// The other address of the same person, and the thread of it, which follows.
    pub other: Option<(String, String)>,
    pub(super) admitted: BTreeSet<String>,
    pub(super) admissions: Vec<u64>,
    /// Messages that were taken in and are not in a turn yet.
    pub(super) queue: VecDeque<String>,
    /// How many messages must be in turns.
    pub(super) owed: usize,
    /// Since when the contact is opted out.
    pub(super) opted_out: Option<u64>,
    /// Stored values were damaged.
    pub(super) damaged: bool,
    /// Turns are not followed any more, because stored values were damaged or the clock has jumped.
    pub(super) untracked: bool,
    /// If untracked: the messages in the last stored state.
    pub(super) known: BTreeSet<String>,
    pub(super) last_words: Option<String>,
    /// Automatic replies in a row that got a turn, and when the newest came.
    pub(super) automatic: (u64, u64),
    /// Requests that reached the model.
    pub(super) requests: u64,
    pub(super) requests_by_day: DayCount,
    /// The messages that told that the day is used up, and those that carried another fixed sentence.
    pub(super) told: BTreeSet<String>,
    pub(super) told_by_day: DayCount,
    pub(super) fixed: BTreeSet<String>,
    pub(super) fixed_by_day: DayCount,
    /// The turns that had a voice note transcribed.
    pub(super) transcribed_turns: u64,
    /// Messages created by Twilio, parts logged as sent, and turns logged as answered by REST.
    pub(super) created: u64,
    pub(super) logged_sent: u64,
    pub(super) rest_turns: u64,
    /// Whether an opt-out is in storage.
    pub(super) stored_out: bool,
    /// By message: when its erasure was stored.
    pub(super) erasures: BTreeMap<String, u64>,
    pub(super) epoch: u64,
    pub(super) turns: BTreeMap<TurnKey, TurnRecord>,
    pub(super) open: Option<TurnKey>,
    /// The turn whose end is stored but not logged yet.
    pub(super) unlogged: Option<TurnKey>,
    pub(super) history: Vec<(Turn, bool)>,
    /// How long it was when the newest turn ended.
    pub(super) history_at_end: usize,
    pub(super) handed: Handed,
    pub(super) intakes: Intakes,
    /// What was said in the conversation, and can be quoted.
    pub(super) sayings: Vec<String>,
    /// The messages that Twilio has created and the thread does not know to be sent yet, oldest first.
    pub(super) unconfirmed: VecDeque<String>,
    /// Turns before this one may be missing from the conversation.
    pub(super) excused: usize,
    /// Turns before this one must not be in the conversation.
    pub(super) forbidden: usize,
    /// A KV read failed or an end was not logged, so the conversation may have become shorter.
    pub(super) loose: bool,
    /// The turns that must be left of a conversation that the model found too long.
    pub(super) may_be_left: Option<usize>,
    /// A KV read has failed at least once, so a revision that is written again may be shorter.
    pub(super) read_trouble: bool,
    /// By key: the value of the revision, and until when KV may hold it.
    pub(super) revisions: BTreeMap<String, (String, u64)>,
    pub(super) last_end: Option<u64>,
    /// When the newest answered turn ended, from which the conversation's lifetime counts.
    pub(super) last_answered: Option<u64>,
    pub(super) at_model: u64,
    pub(super) fixed_allowed: u64,
    pub(super) fixed_sent: u64,
    pub(super) give_ups: u64,
    /// When Twilio last rejected a message to this contact.
    pub(super) refused_at: Option<u64>,
    /// Whether Twilio has said, or may have said, that the contact has opted out there.
    pub(super) may_be_out: bool,
    /// Since when the thread knows that. Nothing may be sent then.
    pub(super) told_out: Option<u64>,
    /// When the contact last opted in.
    pub(super) opted_in: Option<u64>,
    /// When Twilio created the last message, as long as the next one must wait for it.
    pub(super) last_created: Option<u64>,
    /// When an erasure or an opt-out last dropped what waited to be sent.
    pub(super) dropped_at: Option<u64>,
    /// Until when a create of unknown outcome may come out of order.
    pub(super) unordered_until: u64,
    /// By incarnation: reservations that were granted and not used yet.
    pub(super) grants: BTreeMap<u64, u64>,
}

impl Contact {
    pub fn is_untracked(&self) -> bool {
        self.untracked
    }

    /// Whether this is one of the contact's addresses.
    pub fn has(&self, address: &str) -> bool {
        let other = self.other.as_ref();
        self.address == address || other.is_some_and(|(other, _)| other == address)
    }
}

pub(super) type TurnKey = (u64, u64);

#[derive(Default)]
pub(super) struct TurnRecord {
    /// Errors that allow one more request each.
    pub(super) mendable: u64,
    pub(super) sids: Vec<String>,
    pub(super) input: String,
    pub(super) reset: bool,
    pub(super) ended: bool,
    pub(super) unlogged: bool,
    pub(super) outcome: Option<(String, String)>,
    pub(super) answer: Option<usize>,
    /// Its answer was erased, or must not be sent any more.
    pub(super) erased: bool,
    /// When the contact cancelled it.
    pub(super) cancelled: Option<u64>,
    pub(super) incarnations: BTreeSet<u64>,
    pub(super) requests: u64,
    pub(super) transcriptions: u64,
    /// How often it was asked anew, as stored.
    pub(super) asked_again: u32,
    /// How often it was begun, as stored.
    pub(super) attempt: u32,
    /// The model has called for a person, and was told that one comes.
    pub(super) calls_person: bool,
    pub(super) is_handed_over: bool,
    /// Something could not be stored since then, perhaps its end.
    pub(super) may_begin_again: bool,
    /// The stored state says that it hands the contact over.
    pub(super) hands_over: bool,
    /// Its answer is an intake's, and was read from the stored state.
    pub(super) is_stored_answer: bool,
    /// Requests for a draft.
    pub(super) drafts: u64,
    /// What the model was last asked, and by incarnation: how many different inputs it was asked.
    pub(super) asked: String,
    pub(super) inputs: BTreeMap<u64, u64>,
    /// Since when it waits to run.
    pub(super) waits: u64,
    /// The incarnation that runs it, and since when.
    pub(super) works: Option<(u64, u64)>,
}

/// A message that was written.
#[derive(Clone, Default)]
pub struct Message {
    pub contact: String,
    /// Whether it starts a turn while the contact is opted in.
    pub turn: bool,
    /// Its keyword. An opt-in that is a `turn` too (YES) is a keyword only while the contact is opted out.
    pub command: Option<Keyword>,
    pub token: String,
    /// Whether it is passed on during a hand-off, with this text and so many files.
    pub passes: bool,
    pub text: String,
    pub media: u64,
    /// Whether it may have another effect than a turn: a word that begins or ends a hand-off.
    pub word: bool,
    /// Whether a machine wrote it in answer to an answer. It may get none.
    pub automatic: bool,
    /// Webhooks that got a 200.
    pub answered: u64,
    /// Webhooks that got another answer or none.
    pub failed: u64,
    pub limited: u64,
}

/// An answer of the model.
pub struct Answer {
    pub contact: String,
    pub text: String,
    pub parts: Vec<String>,
}
