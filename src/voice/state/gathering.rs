//! A call without a socket: Twilio gets documents, one after the other.
//!
//! A document says something, and what Twilio gathers then comes with the document's number. So a request that comes again
//! is answered like the first one, and the next document is made once. What the caller said is stored before the model is
//! asked, so that an object that was restarted meanwhile goes on with it. Not here: the turn itself (`voice::call`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Call, State, ending::SENTENCE_GRACE, keys::Entry, speech_time};
use crate::{
    base::time::UnixMillis,
    config::Config,
    conversation::dialling::TWILIO_TIME,
    event::CallEnd,
    twilio::voice::gather::Gathered,
    voice::api::{Document, Next, Then},
};

/// Where the words of a call go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Over the socket of this session, as they come.
    Socket(u32),
    /// Into the next document, all at once.
    Document,
}

/// The documents of a call without a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gathering {
    /// The newest document.
    document: Document,
    /// Whether Twilio has posted what it has gathered.
    is_heard: bool,
    /// How often the model was asked for an answer to that.
    asked: u32,
    /// How often Twilio was told to wait for the next document.
    waits: u32,
    /// What the next document says.
    says: String,
    /// When Twilio must have asked for something again. A call that it asks nothing about is over.
    back_by: UnixMillis,
}

/// What comes of a request for the next document.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    /// The model is asked for an answer to these words.
    Ask(String),
    /// The object was restarted too often while the model was asked for an answer to these words.
    Lost(String),
    /// Twilio does this.
    Now(Next),
}

/// How often the model is asked for the same words.
const MAX_ASKED: u32 = 2;
/// The documents in a row that ask the caller to wait. After those, it waits in silence.
const MAX_FILLERS: u32 = 2;
/// The longest that Twilio listens to words without a pause.
const LONGEST_WORDS: Duration = Duration::from_mins(1);

impl Gathering {
    /// A call that is greeted.
    pub(super) fn new(greeting: &str, now: UnixMillis, config: &Config) -> Self {
        let mut gathering = Self {
            document: Document::default(),
            is_heard: false,
            asked: 0,
            waits: 0,
            says: greeting.to_owned(),
            back_by: now,
        };
        gathering.make_document(Then::Listen, None, now, config);
        gathering
    }

    /// These words are part of the next document.
    pub(super) fn say(&mut self, words: &str) {
        let words = words.trim();
        if !self.says.is_empty() && !words.is_empty() {
            self.says.push(' ');
        }
        self.says.push_str(words);
    }

    /// Makes the next document of what is to be said. It takes so many keys, if the caller is asked for keys.
    fn make_document(&mut self, then: Then, keys: Option<u8>, now: UnixMillis, config: &Config) {
        self.document = Document {
            number: self.document.number.saturating_add(1),
            says: std::mem::take(&mut self.says),
            keys,
            then,
        };
        (self.is_heard, self.asked, self.waits) = (false, 0, 0);
        // Each key may come as late as a first word.
        let pauses = config
            .voice_silence
            .saturating_mul(u32::from(keys.unwrap_or_default()));
        let listens = config
            .voice_silence
            .saturating_add(LONGEST_WORDS.max(pauses));
        let spoken = now.plus(speech_time(&self.document.says));
        self.back_by = spoken.plus(listens).plus(TWILIO_TIME);
    }

    /// When the call is given up.
    pub(super) fn back_by(&self) -> UnixMillis {
        self.back_by
    }
}

impl State {
    /// Where words go now, if anybody can hear them.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        let gathers = self.call.as_ref()?.gathering.is_some();
        if gathers {
            Some(Line::Document)
        } else {
            self.live_session().map(Line::Socket)
        }
    }

    /// These words are part of the next document, if there are documents.
    pub fn add_to_document(&mut self, words: &str) {
        if let Some(gathering) = self.gathering() {
            gathering.say(words);
        }
    }

    /// The newest document, if there are documents.
    #[must_use]
    pub fn document(&self) -> Option<&Document> {
        Some(&self.call.as_ref()?.gathering.as_ref()?.document)
    }

    /// Twilio posts what a document has gathered. Returns whether it is the first time, and the call is not ending.
    pub fn hear(&mut self, number: u32, heard: &Gathered, now: UnixMillis) -> bool {
        let Some(Call {
            gathering: Some(gathering),
            unanswered,
            closing,
            hang_up,
            ..
        }) = &mut self.call
        else {
            return false;
        };
        // Words of another document were answered before.
        if gathering.document.number != number || gathering.is_heard {
            return false;
        }
        gathering.is_heard = true;
        gathering.back_by = now.plus(TWILIO_TIME);
        *hang_up = None;
        let goes_on = closing.is_none();
        if goes_on {
            match heard {
                Gathered::Words(words) => {
                    words.clone_into(unanswered);
                    self.drop_entry();
                }
                Gathered::Keys(keys) => self.enter(keys),
                Gathered::Nothing => {}
            }
        }
        goes_on
    }

    /// What comes of a request for the document after this one, while no turn runs. If it would say nothing, it says
    /// `otherwise`.
    pub fn due(&mut self, number: u32, otherwise: &str, now: UnixMillis, config: &Config) -> Due {
        let Some(call) = &mut self.call else {
            return Due::Now(self.after_the_end());
        };
        let Some(gathering) = &mut call.gathering else {
            return Due::Now(Next::HangUp);
        };
        if gathering.document.number != number {
            return Due::Now(Next::Document(gathering.document.clone()));
        }
        let keys = call.entry.as_ref().and_then(Entry::takes);
        let then = match &mut call.closing {
            None if !call.unanswered.is_empty() => {
                let words = call.unanswered.clone();
                if gathering.asked >= MAX_ASKED {
                    return Due::Lost(words);
                }
                gathering.asked = gathering.asked.saturating_add(1);
                return Due::Ask(words);
            }
            None => Then::Listen,
            Some(closing) => {
                closing.is_told = true;
                let said = now.plus(speech_time(&gathering.says));
                closing.end_by = said.plus(SENTENCE_GRACE);
                match closing.end {
                    CallEnd::HandedOff => Then::Dial,
                    _ => Then::HangUp,
                }
            }
        };
        if gathering.says.is_empty() {
            gathering.say(otherwise);
        }
        gathering.make_document(then, keys, now, config);
        Due::Now(Next::Document(gathering.document.clone()))
    }

    /// The turn runs, and Twilio has waited long enough for one request. The caller hears `filler`, unless it has heard it
    /// often.
    pub fn wait(&mut self, number: u32, filler: &str, now: UnixMillis) -> Next {
        let Some(gathering) = self.gathering() else {
            return self.after_the_end();
        };
        let is_told = gathering.waits < MAX_FILLERS;
        gathering.waits = gathering.waits.saturating_add(1);
        let says = if is_told { filler } else { "" };
        gathering.back_by = now.plus(speech_time(says)).plus(TWILIO_TIME);
        let says = says.to_owned();
        Next::Wait { number, says }
    }

    /// What Twilio does when it asks about a call that has ended.
    #[must_use]
    pub(super) fn after_the_end(&self) -> Next {
        let handed_off = self.over.is_some_and(|over| over.end == CallEnd::HandedOff);
        if handed_off { Next::Dial } else { Next::HangUp }
    }

    fn gathering(&mut self) -> Option<&mut Gathering> {
        self.call.as_mut()?.gathering.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::usage::UsageCounters, config::tests::parse, identity::Caller, voice::api::Admit,
    };

    #[test]
    fn a_request_that_comes_again_before_its_answer_was_made_is_heard_once() {
        let (config, now) = (parse(&[]).unwrap(), UnixMillis(1_795_348_800_000));
        let keys = &config.pseudonym_key;
        let caller = Caller::read("+15550100");
        let admit = Admit {
            sid: "CA0123456789abcdef0123456789abcdef".parse().unwrap(),
            account: None,
            token: keys.token_id(&config.twilio_tokens[0]),
            number: None,
            door: None,
            caller: keys.caller(&caller, None),
            phone_hash: keys.caller_hash(&caller),
            is_outbound: false,
            usage: UsageCounters::EMPTY,
        };
        let mut state = State::new();
        assert!(state.admit(&admit, now, &config));
        assert!(state.hear(1, &Gathered::Nothing, now));
        assert!(
            !state.hear(1, &Gathered::Nothing, now),
            "an object that restarts hears it again"
        );
        assert!(
            !state.hear(2, &Gathered::Nothing, now),
            "there is no such document"
        );
    }
}
