//! Callers: who calls, when, and what they say and do in a session.
//!
//! Not here: how a call goes on from session to session (`life`), and how callers cut in (`speaker`).

use std::rc::Rc;

use serde_json::json;

use super::{
    frames::Meaning,
    life::Life,
    records::CALLER_WORD,
    relay::{Outcome, Session},
    speaker::Token,
};
use crate::simulation::{executor::OUTSIDE, state::Simulation};

/// Starts the calls of a run.
pub fn begin(sim: &Rc<Simulation>) {
    let (plan, random) = (&sim.calls.plan, &sim.random);
    sim.trace(|| format!("{plan:?}"));
    // Some of them at once.
    let latest = random.pick(&[1, 20_000, sim.fault_plan.faults_until * 3 / 4]);
    for number in 0..plan.calls {
        let digits = format!("1555010{}", random.below(plan.callers));
        let life = Life::new(sim, number, &digits);
        let (sim, wait) = (Rc::clone(sim), random.below(latest));
        let executor = sim.executor.clone();
        executor.spawn(OUTSIDE, async move {
            sim.sleep(wait).await;
            sim.call_lives(&life).await;
        });
    }
}

impl Simulation {
    /// Twilio says which call a session belongs to, and the caller talks until it is over.
    pub(super) async fn talk(
        self: &Rc<Self>,
        life: &Rc<Life>,
        session: &Rc<Session>,
        greeting: Option<String>,
    ) {
        self.sleep(self.random.between(50, 400)).await;
        let set_up = json!({
            "type": "setup", "sessionId": session.id, "callSid": life.sid, "from": life.from(),
            "to": "+15550199", "direction": "inbound", "callStatus": "IN_PROGRESS",
        });
        self.tell(session, &set_up, Meaning::SetUp);
        if let Some(text) = greeting {
            let token = Token {
                text,
                is_last: true,
                is_interruptible: true,
                is_preemptible: false,
            };
            self.speak(session, token);
        }
        if self.fault(self.calls.plan.floods, "floods of frames") {
            self.flood(session);
        }
        while session.is_open.get() {
            self.until_quiet(session).await;
            let pause = if session.has_cut_in.replace(false) {
                self.random.between(100, 1500)
            } else {
                self.random.between(300, 5000)
            };
            self.sleep(pause).await;
            if self.fault(self.calls.plan.falls_silent, "callers who fell silent") {
                life.is_silent.set(true);
            }
            if life.is_silent.get() {
                return;
            }
            if life.sentences.get() == 0 {
                life.has_hung_up.set(true);
                return self.close_socket(session, Outcome::HungUp);
            }
            life.sentences.set(life.sentences.get() - 1);
            if let Some(most) = self.would_press(life) {
                self.press_keys(life, session, most).await;
            } else {
                self.say_a_sentence(life, session).await;
            }
            self.until_answered(session).await;
        }
    }

    async fn until_quiet(&self, session: &Session) {
        for _ in 0..300 {
            if !session.is_open.get() || !session.speaker.is_busy() {
                return;
            }
            self.sleep(100).await;
        }
    }

    async fn until_answered(&self, session: &Session) {
        for _ in 0..self.random.pick(&[3, 20, 80, 250]) {
            if !session.is_open.get() || session.speaker.is_busy() {
                return;
            }
            self.sleep(100).await;
        }
    }

    /// The caller says a sentence, perhaps in several pieces.
    async fn say_a_sentence(self: &Rc<Self>, life: &Life, session: &Rc<Session>) {
        let random = &self.random;
        let in_pieces = self.fault(self.calls.plan.in_pieces, "sentences in pieces");
        for _ in 0..if in_pieces { random.between(2, 3) } else { 1 } {
            self.tell_info(session, "clientSpeaking", "on");
            self.sleep(random.between(200, 2000)).await;
            self.tell_info(session, "clientSpeaking", "off");
            if random.chance(50) {
                let digit = random.below(10).to_string();
                self.press_key(session, &digit);
            }
            let words = self.next_words(life);
            if random.chance(100) {
                let part = json!({ "type": "prompt", "voicePrompt": &words[..5], "last": false });
                self.tell(session, &part, Meaning::Nothing);
            }
            self.sleep(random.between(750, 1200)).await;
            let text = if random.chance(30) { " " } else { &words };
            let prompt =
                json!({ "type": "prompt", "voicePrompt": text, "lang": "en-US", "last": true });
            self.tell(session, &prompt, Meaning::Words(text.to_owned()));
        }
    }

    /// Words that nobody else says in the run.
    pub(super) fn next_words(&self, life: &Life) -> String {
        let number = self.invariants.borrow_mut().next_number();
        let mood = self.random.pick(&["please", "now", "and Wilhelmina"]);
        format!("{CALLER_WORD}{number:04} {mood} {}", life.number)
    }

    fn flood(self: &Rc<Self>, session: &Rc<Session>) {
        self.not_honest(session);
        let (sim, session) = (Rc::clone(self), Rc::clone(session));
        self.executor.spawn(OUTSIDE, async move {
            sim.sleep(sim.random.between(1000, 20_000)).await;
            for _ in 0..1100 {
                sim.tell_info(&session, "roundTripDelayMs", "5");
            }
        });
    }
}
