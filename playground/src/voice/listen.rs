//! The verbs that listen to the person: `<Gather>` and `<Record>`.

use serde_json::json;

use super::call::{Call, Flow};
use super::leg::Voice;
use super::parameters::named;
use super::signal::{Action, Signal};
use super::speech::time_for;
use super::verb::{Gather, Record, Verb};
use crate::base::random::random_hex;

/// What the person did.
enum Done {
    /// They said this.
    Said(String),
    /// They pressed these keys. The last one ended them, if it is given.
    Pressed(String, Option<char>),
    /// Nothing.
    Nothing,
    /// The call goes on elsewhere.
    Left(Flow),
}

impl Call {
    /// Waits for digits or words, while the prompts are said.
    pub async fn gather(&mut self, gather: Gather, base: Option<&str>) -> Flow {
        self.log.show("verb", json!({"text": "Listening"}));
        let mut prompt = Prompt::new(&gather.prompts, self.clock.now());
        if !prompt.text.is_empty() {
            let text = &prompt.text;
            self.log.show("token", json!({"text": text, "last": true}));
            self.log.show("speaking", json!({"on": true}));
            self.leg.voice(Voice::Begins, self.clock.now());
        }
        if !gather.barge_in {
            let flow = self.pause(prompt.length).await;
            if !matches!(flow, Flow::Next) {
                return flow;
            }
            self.say_to_the_end(&mut prompt);
        }
        let patience = gather.timeout.saturating_mul(1000);
        let done = self.listen(&gather, prompt, patience).await;
        let result = match done {
            Done::Left(flow) => return flow,
            Done::Said(words) => named(&[
                ("SpeechResult", &words),
                ("Confidence", "0.9"),
                ("Language", &gather.language),
            ]),
            Done::Pressed(digits, key) => {
                let key = key.map(String::from).unwrap_or_default();
                named(&[("Digits", &digits), ("FinishedOnKey", &key)])
            }
            Done::Nothing if gather.post_empty => named(&[("Digits", "")]),
            Done::Nothing => return Flow::Next,
        };
        self.document(base, gather.action.as_deref(), result)
    }

    /// Records what the person says. They speak by typing, so the recording is only a name.
    pub async fn record(&mut self, record: &Record, base: Option<&str>) -> Flow {
        self.log.show("verb", json!({"text": "Beep. Recording"}));
        let listening = Gather {
            action: None,
            prompts: Vec::new(),
            input: super::verb::Input::of("any"),
            timeout: record.timeout,
            digits: Some(1),
            finish_on: record.finish_on.clone(),
            language: String::new(),
            post_empty: false,
            barge_in: true,
        };
        let patience = record.timeout.saturating_mul(1000);
        let silence = Prompt::new(&[], self.clock.now());
        let words = match self.listen(&listening, silence, patience).await {
            Done::Left(flow) => return flow,
            Done::Said(words) => words,
            Done::Pressed(..) | Done::Nothing => return Flow::Next,
        };
        let sid = format!("RE{}", random_hex());
        let seconds = time_for(words.chars().count()).div_ceil(1000).to_string();
        let account = crate::twilio::media_store::ACCOUNT_SID;
        let path = format!("/2010-04-01/Accounts/{account}/Recordings/{sid}");
        let url = format!("https://api.twilio.com{path}");
        let result = named(&[
            ("RecordingUrl", &url),
            ("RecordingSid", &sid),
            ("RecordingDuration", &seconds),
            ("Digits", ""),
        ]);
        self.document(base, record.action.as_deref(), result)
    }

    /// Waits for the person, from the end of the prompt on. Each key starts the wait anew, and nobody
    /// waits for the end of silence while the person speaks.
    async fn listen(&mut self, gather: &Gather, mut prompt: Prompt, patience: u64) -> Done {
        let mut digits = String::new();
        let mut end = prompt.end().saturating_add(patience);
        loop {
            let wake = if prompt.is_said { end } else { prompt.end() };
            let signal = tokio::select! {
                biased;
                signal = self.signals.recv() => signal,
                () = self.clock.sleep_until(wake) => {
                    if !prompt.is_said {
                        self.say_to_the_end(&mut prompt);
                        continue;
                    }
                    return if digits.is_empty() {
                        Done::Nothing
                    } else {
                        Done::Pressed(digits, None)
                    };
                }
            };
            match signal {
                Some(Signal::Person(Action::Speak)) if gather.input.speech => {
                    self.interrupt(&mut prompt);
                    end = end.max(self.clock.now().saturating_add(LONGEST_WORDS_MS));
                }
                // Another leg has made a sound, and no words.
                Some(Signal::Person(Action::Say { text })) if text.trim().is_empty() => {
                    end = self.clock.now().saturating_add(patience);
                }
                Some(Signal::Person(Action::Say { text })) if gather.input.speech => {
                    self.interrupt(&mut prompt);
                    self.log.show("prompt", json!({"text": text, "last": true}));
                    let took = time_for(text.chars().count());
                    self.leg.heard(&text, took, self.clock.now());
                    return Done::Said(text);
                }
                Some(Signal::Person(Action::Press { digits: keys })) if gather.input.dtmf => {
                    self.interrupt(&mut prompt);
                    for key in keys.chars() {
                        self.log
                            .show("dtmf", json!({"digit": key, "reported": true}));
                        if gather.finish_on.contains(key) {
                            return Done::Pressed(digits, Some(key));
                        }
                        digits.push(key);
                        if gather.digits == Some(digits.len()) {
                            return Done::Pressed(digits, None);
                        }
                    }
                    end = self.clock.now().saturating_add(patience);
                }
                other => {
                    if let Some(flow) = self.unheard(other) {
                        return Done::Left(flow);
                    }
                }
            }
        }
    }

    /// The prompt has been said.
    fn say_to_the_end(&mut self, prompt: &mut Prompt) {
        if std::mem::replace(&mut prompt.is_said, true) || prompt.text.is_empty() {
            return;
        }
        self.log.show("heard", json!({"text": prompt.text}));
        self.log.show("speaking", json!({"on": false}));
        self.log.show("finished", json!({}));
        self.falls_silent(prompt.text.clone());
    }

    /// The person cuts the prompt off, if it is being said.
    fn interrupt(&mut self, prompt: &mut Prompt) {
        if std::mem::replace(&mut prompt.is_said, true) || prompt.text.is_empty() {
            return;
        }
        let after = self.clock.now().saturating_sub(prompt.began);
        let heard = prompt.heard_within(after);
        self.log.show("heard", json!({"text": heard}));
        self.log
            .show("interrupted", json!({"heard": heard, "after_ms": after}));
        self.log.show("speaking", json!({"on": false}));
        self.falls_silent(heard);
    }

    /// The voice has said this, and no more.
    fn falls_silent(&mut self, heard: String) {
        let now = self.clock.now();
        self.leg.voice(Voice::Says(heard), now);
        self.leg.voice(Voice::Ends, now);
    }
}

/// What is said while the person is listened to.
struct Prompt {
    text: String,
    began: u64,
    /// How long it takes, in milliseconds.
    length: u64,
    /// Whether it has been said, or was cut off.
    is_said: bool,
}

impl Prompt {
    fn new(verbs: &[Verb], now: u64) -> Self {
        let (mut texts, mut length) = (Vec::new(), 0_u64);
        for verb in verbs {
            length = length.saturating_add(match verb {
                Verb::Say { text, .. } => {
                    texts.push(text.as_str());
                    time_for(text.chars().count())
                }
                Verb::Pause(seconds) => seconds.saturating_mul(1000),
                _ => 0,
            });
        }
        Self {
            text: texts.join(" "),
            began: now,
            length,
            is_said: length == 0,
        }
    }

    fn end(&self) -> u64 {
        self.began.saturating_add(self.length)
    }

    /// The words that were heard within so many milliseconds.
    fn heard_within(&self, milliseconds: u64) -> String {
        let whole = self.text.chars().count();
        let heard = (0..=whole).rfind(|count| time_for(*count) <= milliseconds);
        let heard: String = self.text.chars().take(heard.unwrap_or_default()).collect();
        heard.trim_end().to_owned()
    }
}

/// The longest that Twilio listens to words. Not recorded.
const LONGEST_WORDS_MS: u64 = 60_000;
