//! The verbs that listen to the person: `<Gather>` and `<Record>`.

use serde_json::json;

use super::call::{Call, Flow};
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
        let mut prompts_ms: u64 = 0;
        for prompt in &gather.prompts {
            let length = match prompt {
                Verb::Say { text, .. } => {
                    self.log.show("token", json!({"text": text, "last": true}));
                    self.log.show("heard", json!({"text": text}));
                    self.log.show("finished", json!({}));
                    time_for(text.chars().count())
                }
                Verb::Pause(seconds) => seconds.saturating_mul(1000),
                _ => 0,
            };
            prompts_ms = prompts_ms.saturating_add(length);
        }
        if !gather.barge_in {
            let flow = self.pause(prompts_ms).await;
            if !matches!(flow, Flow::Next) {
                return flow;
            }
            prompts_ms = 0;
        }
        let patience = prompts_ms.saturating_add(gather.timeout.saturating_mul(1000));
        let done = self.listen(&gather, patience).await;
        let result = match done {
            Done::Left(flow) => return flow,
            Done::Said(words) => named(&[
                ("SpeechResult", &words),
                ("Confidence", "0.9"),
                ("Language", "en-US"),
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
            post_empty: false,
            barge_in: true,
        };
        let patience = record.timeout.saturating_mul(1000);
        let words = match self.listen(&listening, patience).await {
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

    /// Waits for the person. Each key starts the wait anew.
    async fn listen(&mut self, gather: &Gather, patience: u64) -> Done {
        let mut digits = String::new();
        let mut end = self.clock.now().saturating_add(patience);
        loop {
            let signal = tokio::select! {
                biased;
                signal = self.signals.recv() => signal,
                () = self.clock.sleep_until(end) => {
                    return if digits.is_empty() {
                        Done::Nothing
                    } else {
                        Done::Pressed(digits, None)
                    };
                }
            };
            match signal {
                Some(Signal::Person(Action::Speak)) => {}
                Some(Signal::Person(Action::Say { text })) if gather.input.speech => {
                    self.log.show("prompt", json!({"text": text, "last": true}));
                    return Done::Said(text);
                }
                Some(Signal::Person(Action::Press { digits: keys })) if gather.input.dtmf => {
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
                    let wait = gather.timeout.saturating_mul(1000);
                    end = self.clock.now().saturating_add(wait);
                }
                other => {
                    if let Some(flow) = self.unheard(other) {
                        return Done::Left(flow);
                    }
                }
            }
        }
    }
}
