//! What Twilio does when the Worker sends a message: it says, plays or sends something, or ends the
//! session.

use serde_json::json;

use super::{Effect, Later, Session};
use crate::voice::frames::{Interruptible, Message};
use crate::voice::speech::{Content, Item, Text};
use crate::voice::verb::Input;

/// From `end` to the close.
const END_MS: u64 = 90;
/// How long a file is. The playground does not fetch it.
const FILE_MS: u64 = 2000;
/// How long a digit is.
const DIGIT_MS: u64 = 200;

impl Session {
    /// Does what the message says.
    pub(super) fn obey(&mut self, message: Message, now: u64, effects: &mut Vec<Effect>) {
        let preempts = |given: Option<bool>| given.unwrap_or(self.relay.preemptible);
        let interrupts = |given: Option<Interruptible>| {
            given.map_or(self.relay.interruptible, |given| given.input())
        };
        let cut = match message {
            Message::Text {
                token,
                last,
                interruptible,
                preemptible,
                ..
            } => {
                effects.push(Effect::Show("token", json!({"text": token, "last": last})));
                self.answering = !last;
                let item = Item {
                    content: Content::Text(Text::new(&token)),
                    interruptible: interrupts(interruptible),
                    preemptible: preempts(preemptible),
                    open: !last,
                };
                let cut = self.speech.text(&token, item, now);
                if last && !self.speech.is_busy() {
                    effects.push(Effect::Show("finished", json!({})));
                }
                cut
            }
            Message::Play {
                source,
                times,
                interruptible,
                preemptible,
            } => {
                effects.push(Effect::Show("play", json!({"source": source})));
                let times = times.unwrap_or(1);
                let times = if times == 0 { 1000 } else { times };
                let item = Item {
                    content: Content::Sound(String::new(), FILE_MS.saturating_mul(times)),
                    interruptible: interrupts(interruptible),
                    preemptible: preempts(preemptible),
                    open: false,
                };
                self.speech.item(item, now)
            }
            Message::SendDigits { digits } => {
                effects.push(Effect::Show("digits", json!({"digits": digits})));
                let count = u64::try_from(digits.len()).unwrap_or(u64::MAX);
                let item = Item {
                    content: Content::Sound(digits, DIGIT_MS.saturating_mul(count)),
                    interruptible: Input::of("none"),
                    preemptible: false,
                    open: false,
                };
                self.speech.item(item, now)
            }
            Message::Language {
                transcription_language,
                ..
            } => {
                if let Some(language) = transcription_language {
                    self.relay.language = language;
                }
                None
            }
            Message::End { handoff_data } => {
                let at = now.saturating_add(END_MS);
                self.later.clear();
                self.later.push_back((at, Later::Close(handoff_data)));
                None
            }
        };
        if let Some(heard) = cut {
            self.tokens(&heard.fragment, effects);
            effects.push(Effect::Show("cut", json!({"heard": heard.fragment})));
        }
        self.play(now, effects);
    }
}
