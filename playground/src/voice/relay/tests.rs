//! The order of recorded sessions, and the rules of barge-in.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops where it fails"
)]

use serde_json::{Value, json};

use super::{Closing, Effect, Session};
use crate::phones::call_faults::CallFaults;
use crate::voice::leg::Voice;
use crate::voice::verb::{Input, Relay};

/// A session with a clock that only tests move.
struct Rig {
    session: Session,
    now: u64,
    sent: Vec<Value>,
    shown: Vec<(&'static str, Value)>,
    alerts: Vec<u32>,
    voice: Vec<Voice>,
    closed: Option<Closing>,
}

/// A relay that reports everything.
fn relay() -> Relay {
    Relay {
        language: "en-US".to_owned(),
        report: Input::of("none"),
        dtmf: true,
        speaker_events: true,
        tokens_played: true,
        ..Relay::default()
    }
}

impl Rig {
    fn new(relay: Relay) -> Self {
        Self::with(relay, CallFaults::default())
    }

    fn with(relay: Relay, faults: CallFaults) -> Self {
        Self {
            session: Session::new(relay, faults, false, 0),
            now: 0,
            sent: Vec::new(),
            shown: Vec::new(),
            alerts: Vec::new(),
            voice: Vec::new(),
            closed: None,
        }
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(frame) => self.sent.push(frame),
                Effect::Show(event, fields) => self.shown.push((event, fields)),
                Effect::Alert(code, _) => self.alerts.push(code),
                Effect::Voice(voice) => self.voice.push(voice),
                Effect::Close(closing) => {
                    assert!(self.closed.is_none(), "closed twice");
                    self.closed = Some(closing);
                }
            }
        }
    }

    /// Time passes, as the clock of a call lets it pass.
    fn wait(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        while let Some(at) = self.session.next_wake().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            let effects = self.session.advance(self.now);
            self.take(effects);
        }
        self.now = end;
        let effects = self.session.advance(end);
        self.take(effects);
    }

    fn frame(&mut self, frame: &Value) {
        let effects = self.session.receive(&frame.to_string(), self.now);
        self.take(effects);
    }

    fn text(&mut self, token: &str, last: bool) {
        self.frame(&json!({"type": "text", "token": token, "last": last}));
    }

    fn speak(&mut self) {
        let effects = self.session.speak(self.now);
        self.take(effects);
    }

    fn say(&mut self, words: &str) {
        let effects = self.session.say(words, self.now);
        self.take(effects);
    }

    fn press(&mut self, digit: char) {
        let effects = self.session.press(digit, self.now);
        self.take(effects);
    }

    /// What was sent since the last look, in short.
    fn look(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent).iter().map(short).collect()
    }
}

fn short(frame: &Value) -> String {
    let text = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
    match frame["type"].as_str().unwrap() {
        "info" => format!("{} {}", text("name"), text("value")),
        "prompt" if frame["last"] == true => format!("prompt {}", text("voicePrompt")),
        "prompt" => format!("partial {}", text("voicePrompt")),
        "interrupt" => format!("interrupt {}", text("utteranceUntilInterrupt")),
        "dtmf" => format!("dtmf {}", text("digit")),
        other => other.to_owned(),
    }
}

#[test]
fn words_are_played_clause_by_clause_and_the_voice_ends_with_them() {
    let mut rig = Rig::new(relay());
    rig.text("I heard:", false);
    rig.text(" one and two.", false);
    rig.text("", true);
    rig.wait(329);
    assert_eq!(
        rig.look(),
        [""; 0],
        "the voice begins 330 ms after the first token"
    );
    rig.wait(1);
    assert_eq!(rig.look(), ["agentSpeaking on"]);
    rig.wait(10_000);
    assert_eq!(
        rig.look(),
        [
            "tokensPlayed I heard:",
            "tokensPlayed one and two.",
            "agentSpeaking off"
        ]
    );
    let finished = rig.shown.iter().filter(|(event, _)| *event == "finished");
    assert_eq!(finished.count(), 1);
}

#[test]
fn the_first_tokens_are_played_before_the_answer_is_closed() {
    let mut rig = Rig::new(relay());
    rig.text("Yes, we do. ", false);
    rig.wait(1300);
    assert_eq!(
        rig.look(),
        [
            "agentSpeaking on",
            "tokensPlayed Yes,",
            "tokensPlayed we do."
        ]
    );
    // The model stalls. The voice falls silent, and comes back with the next tokens.
    rig.wait(2000);
    assert_eq!(rig.look(), ["agentSpeaking off"]);
    rig.text("Until nine.", true);
    rig.wait(3000);
    assert_eq!(
        rig.look(),
        [
            "agentSpeaking on",
            "tokensPlayed Until nine.",
            "agentSpeaking off"
        ]
    );
}

#[test]
fn a_short_stall_does_not_end_the_voice() {
    let mut rig = Rig::new(relay());
    rig.text("Well", false);
    rig.wait(700);
    rig.text(" then.", true);
    rig.wait(3000);
    assert_eq!(
        rig.look(),
        [
            "agentSpeaking on",
            "tokensPlayed Well then.",
            "agentSpeaking off"
        ]
    );
}

#[test]
fn the_greeting_begins_after_the_setup() {
    let mut rig = Rig::new(Relay {
        greeting: "Hello.".to_owned(),
        ..relay()
    });
    rig.wait(1029);
    assert_eq!(rig.look(), [""; 0]);
    rig.wait(5000);
    assert_eq!(
        rig.look(),
        [
            "agentSpeaking on",
            "tokensPlayed Hello.",
            "agentSpeaking off"
        ]
    );
}

#[test]
fn a_barge_in_reports_the_fragment_in_the_recorded_order_and_purges_the_queue() {
    let mut rig = Rig::new(relay());
    for number in 1..=12 {
        rig.text(&format!("Sentence {number} of twelve. "), number == 12);
    }
    // 330 ms, then the 21 characters of the first sentence, and 14 more.
    rig.wait(330 + 1400 + 934);
    rig.look();
    rig.speak();
    assert_eq!(
        rig.look(),
        [
            "clientSpeaking on",
            "tokensPlayed Sentence 2 of",
            "interrupt Sentence 2 of",
            "agentSpeaking off"
        ]
    );
    rig.say("Stop");
    rig.wait(60_000);
    assert_eq!(rig.look(), ["clientSpeaking off", "prompt Stop"]);
}

#[test]
fn the_duration_of_an_interrupt_is_a_number() {
    let mut rig = Rig::new(relay());
    rig.text("A long sentence without any mark", true);
    rig.wait(330 + 1000);
    rig.speak();
    let interrupt = rig
        .sent
        .iter()
        .find(|frame| frame["type"] == "interrupt")
        .unwrap();
    assert_eq!(interrupt["utteranceUntilInterrupt"], "A long sentence");
    assert_eq!(interrupt["durationUntilInterruptMs"], 1000);
}

#[test]
fn an_answer_that_cannot_be_interrupted_goes_on_and_the_words_are_lost() {
    let mut rig = Rig::new(Relay {
        interruptible: Input::of("none"),
        ..relay()
    });
    rig.text("This is said to its end", true);
    rig.wait(500);
    rig.look();
    rig.say("Stop");
    rig.wait(10_000);
    assert_eq!(
        rig.look(),
        [
            "clientSpeaking on",
            "clientSpeaking off",
            "tokensPlayed This is said to its end",
            "agentSpeaking off"
        ]
    );
}

#[test]
fn words_that_do_not_interrupt_are_reported_if_that_was_asked_for() {
    let mut rig = Rig::new(Relay {
        interruptible: Input::of("dtmf"),
        report: Input::of("speech"),
        ..relay()
    });
    rig.text("This is said to its end", true);
    rig.wait(500);
    rig.look();
    rig.say("Yes");
    rig.wait(10_000);
    let sent = rig.look();
    assert!(sent.contains(&"prompt Yes".to_owned()), "{sent:?}");
    assert!(
        !sent.iter().any(|frame| frame.starts_with("interrupt")),
        "{sent:?}"
    );
}

#[test]
fn a_message_has_its_own_rule_for_interruptions() {
    let mut rig = Rig::new(relay());
    rig.frame(&json!({"type": "text", "token": "Goodbye", "last": true, "interruptible": false}));
    rig.wait(400);
    rig.look();
    rig.speak();
    assert_eq!(rig.look(), ["clientSpeaking on"]);
}

#[test]
fn the_greeting_has_its_own_rule_for_interruptions() {
    let mut rig = Rig::new(Relay {
        greeting: "This call may be recorded.".to_owned(),
        greeting_interruptible: Input::of("none"),
        ..relay()
    });
    rig.wait(1500);
    rig.look();
    rig.speak();
    assert_eq!(rig.look(), ["clientSpeaking on"]);
}

#[test]
fn a_key_is_reported_and_interrupts_only_where_it_may() {
    for (interruptible, report, expected) in [
        ("any", "none", &["interrupt Lon", "dtmf 5"] as &[_]),
        ("speech", "none", &[]),
        ("speech", "dtmf", &["dtmf 5"]),
    ] {
        let mut rig = Rig::new(Relay {
            interruptible: Input::of(interruptible),
            report: Input::of(report),
            speaker_events: false,
            tokens_played: false,
            ..relay()
        });
        rig.text("Long", true);
        rig.wait(330 + 200);
        rig.press('5');
        assert_eq!(rig.look(), expected, "{interruptible} {report}");
    }
    let mut rig = Rig::new(Relay {
        dtmf: false,
        ..relay()
    });
    rig.press('5');
    assert_eq!(
        rig.look(),
        [""; 0],
        "without dtmfDetection nothing is reported"
    );
}

#[test]
fn a_preemptible_message_is_cut_by_a_later_one_without_an_interrupt() {
    let mut rig = Rig::new(relay());
    let filler =
        json!({"type": "text", "token": "One moment please", "last": true, "preemptible": true});
    rig.frame(&filler);
    rig.wait(330 + 700);
    rig.look();
    rig.text("We open at nine.", true);
    rig.wait(5000);
    assert_eq!(
        rig.look(),
        [
            "tokensPlayed One moment",
            "tokensPlayed We open at nine.",
            "agentSpeaking off"
        ]
    );
}

#[test]
fn a_preemptible_message_does_not_cut_what_came_before_it() {
    let mut rig = Rig::new(relay());
    rig.text("We open at nine.", true);
    rig.wait(700);
    rig.frame(&json!({"type": "text", "token": "And more.", "last": true, "preemptible": true}));
    rig.wait(5000);
    let sent = rig.look();
    assert!(
        sent.contains(&"tokensPlayed We open at nine.".to_owned()),
        "{sent:?}"
    );
    assert!(
        sent.contains(&"tokensPlayed And more.".to_owned()),
        "{sent:?}"
    );
}

#[test]
fn digits_wait_behind_the_speech_and_are_reported_when_sent() {
    let mut rig = Rig::new(relay());
    rig.text("Here they come.", true);
    rig.frame(&json!({"type": "sendDigits", "digits": "1234#"}));
    rig.wait(10_000);
    assert_eq!(
        rig.look(),
        [
            "agentSpeaking on",
            "tokensPlayed Here they come.",
            "tokensPlayed 1234#",
            "agentSpeaking off"
        ]
    );
}

#[test]
fn partial_prompts_are_cumulative_and_the_last_one_comes_again() {
    let mut rig = Rig::new(Relay {
        partial: true,
        ..relay()
    });
    rig.say("Do you open on Sunday?");
    rig.wait(5000);
    assert_eq!(
        rig.look(),
        [
            "clientSpeaking on",
            "partial Do you",
            "partial Do you open on",
            "partial Do you open on Sunday?",
            "clientSpeaking off",
            "prompt Do you open on Sunday?"
        ]
    );
}

#[test]
fn the_silence_that_ends_a_prompt_can_be_set() {
    let mut rig = Rig::new(Relay {
        speech_timeout: Some(1200),
        ..relay()
    });
    rig.say("Hello");
    rig.wait(1199);
    assert_eq!(rig.look(), ["clientSpeaking on", "clientSpeaking off"]);
    rig.wait(1);
    assert_eq!(rig.look(), ["prompt Hello"]);
}

#[test]
fn faults_cut_and_double_prompts_and_drop_info() {
    let mut rig = Rig::with(
        relay(),
        CallFaults {
            pieces: true,
            doubled: true,
            no_info: true,
            ..CallFaults::default()
        },
    );
    rig.say("the um I want");
    rig.text("Yes.", true);
    rig.wait(9000);
    assert_eq!(
        rig.look(),
        [
            "prompt the um",
            "prompt the um",
            "prompt I want",
            "prompt I want"
        ]
    );
    assert!(
        rig.shown.iter().any(|(event, _)| *event == "speaking"),
        "the page still shows it"
    );
}

#[test]
fn a_piece_that_comes_while_the_assistant_speaks_interrupts_it_in_the_recorded_order() {
    let faults = CallFaults {
        pieces: true,
        ..CallFaults::default()
    };
    let mut rig = Rig::with(relay(), faults);
    rig.say("the um I want a table");
    rig.wait(350);
    assert_eq!(
        rig.look(),
        ["clientSpeaking on", "clientSpeaking off", "prompt the um"]
    );
    // A model that answers at once.
    rig.text("Which table do you want?", true);
    rig.wait(600);
    assert_eq!(
        rig.look(),
        [
            "agentSpeaking on",
            "clientSpeaking on",
            "tokensPlayed Whic",
            "interrupt Whic",
            "agentSpeaking off"
        ]
    );
    // One that answers while the person goes on.
    rig.text("Which one", true);
    rig.wait(650);
    assert_eq!(
        rig.look(),
        [
            "clientSpeaking off",
            "agentSpeaking on",
            "tokensPlayed Whic",
            "interrupt Whic",
            "agentSpeaking off",
            "prompt I want"
        ]
    );
    // One that has not answered.
    rig.wait(5000);
    assert_eq!(
        rig.look(),
        ["clientSpeaking on", "clientSpeaking off", "prompt a table"]
    );
}

#[test]
fn a_piece_that_cannot_interrupt_is_lost_if_nothing_else_was_asked_for() {
    let faults = CallFaults {
        pieces: true,
        ..CallFaults::default()
    };
    let mut rig = Rig::with(
        Relay {
            interruptible: Input::of("none"),
            ..relay()
        },
        faults,
    );
    rig.say("I want");
    rig.wait(350);
    rig.text("This is said to its end, whatever comes meanwhile", true);
    rig.wait(10_000);
    let sent = rig.look();
    assert_eq!(
        sent.iter()
            .filter(|frame| frame.starts_with("prompt"))
            .count(),
        1,
        "{sent:?}"
    );
    assert!(!sent.iter().any(|frame| frame.starts_with("interrupt")));
}

#[test]
fn the_tenth_refused_message_in_a_row_closes_the_socket() {
    let mut rig = Rig::new(relay());
    for _ in 0..9 {
        rig.frame(&json!("not a message"));
    }
    // One that is valid begins the count anew.
    rig.text("Hi.", true);
    for _ in 0..9 {
        rig.frame(&json!({"type": "speak", "text": "x"}));
    }
    assert_eq!(rig.closed, None);
    assert!(rig.alerts.iter().all(|code| *code == 64107) && rig.alerts.len() == 18);
    let last = rig.sent.last().unwrap();
    let description = last["description"].as_str().unwrap();
    assert_eq!(last["type"], "error");
    assert!(
        description.starts_with("Invalid message received, code: 64107, {"),
        "{description}"
    );
    rig.frame(&json!([]));
    assert_eq!(rig.closed, Some(Closing::Malformed));
}

#[test]
fn an_end_closes_the_socket_soon_and_the_speech_drains() {
    let mut rig = Rig::new(relay());
    rig.text(
        "Somebody will help you. Please hold the line for a while.",
        true,
    );
    rig.wait(1000);
    let handoff = r#"{"reason":"asked"}"#;
    rig.frame(&json!({"type": "end", "handoffData": handoff}));
    rig.wait(89);
    assert_eq!(rig.closed, None);
    rig.wait(1);
    assert_eq!(rig.closed, Some(Closing::Ended(Some(handoff.to_owned()))));
    rig.shown.clear();
    let effects = rig.session.drain(rig.now, false);
    rig.take(effects);
    assert_eq!(
        rig.shown[0],
        ("heard", json!({"text": "Somebody will help you."}))
    );
    let (event, cut) = rig.shown.last().unwrap();
    assert_eq!(
        (*event, cut["heard"].as_str().unwrap()),
        ("cut", "Please hold t")
    );
}
