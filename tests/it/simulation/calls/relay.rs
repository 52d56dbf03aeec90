//! Twilio's relay: the socket of a session from Twilio's side, with all that a network does to frames.
//!
//! How a session ends is as in recorded calls. Not here: how Twilio speaks (`speaker`), and what callers do (`callers`).

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use serde_json::{Value, json};

use super::{
    frames::{Frame, Meaning},
    speaker::{Speaker, Token},
};
use crate::simulation::{
    executor::{Give, OUTSIDE, Take, promise},
    state::Simulation,
};

/// A session.
pub struct Session {
    /// The name of the call's object.
    pub name: String,
    pub number: u32,
    /// Twilio's id of the session.
    pub id: String,
    pub is_open: Cell<bool>,
    /// Whether the socket died. What was under way is lost.
    is_dead: Cell<bool>,
    ended: RefCell<Option<Give<Outcome>>>,
    /// When the last frame to the object arrives.
    last_frame: Cell<u64>,
    /// Frames of the object that are under way.
    sent: RefCell<VecDeque<String>>,
    pub speaker: Speaker,
    /// Whether the caller has cut in and goes on to speak.
    pub has_cut_in: Cell<bool>,
}

/// How a session ends.
#[derive(Debug)]
pub enum Outcome {
    /// The caller has hung up.
    HungUp,
    /// The object has ended it, with this data.
    Ended(String),
    /// The socket died, or could not be opened.
    Failed,
}

impl Session {
    /// A session that is open, and how it will end.
    pub fn new(name: &str, number: u32, id: String) -> (Rc<Self>, Take<Outcome>) {
        let (give, take) = promise();
        let session = Self {
            name: name.to_owned(),
            number,
            id,
            is_open: Cell::new(true),
            is_dead: Cell::default(),
            ended: RefCell::new(Some(give)),
            last_frame: Cell::default(),
            sent: RefCell::default(),
            speaker: Speaker::default(),
            has_cut_in: Cell::default(),
        };
        (Rc::new(session), take)
    }
}

impl Simulation {
    /// Twilio sends a frame.
    pub(super) fn tell(self: &Rc<Self>, session: &Rc<Session>, frame: &Value, meaning: Meaning) {
        if !session.is_open.get() {
            return;
        }
        let (plan, random) = (&self.calls.plan, &self.random);
        let late = self.fault(plan.frames_late, "late frames");
        let takes = if late {
            random.between(100, 4000)
        } else {
            random.between(5, 40)
        };
        let mut at = (session.last_frame.get() + 1).max(self.executor.now() + takes);
        session.last_frame.set(at);
        let frame = Frame {
            text: frame.to_string(),
            meaning,
        };
        if self.fault(plan.frames_twisted, "frames that overtake others") {
            self.not_honest(session);
            at = self.executor.now() + random.between(1, 3000);
        }
        if self.fault(plan.frames_twisted, "frames that come twice") {
            self.not_honest(session);
            let again = match &frame.meaning {
                Meaning::Interrupt(_) => Meaning::Interrupt(None),
                meaning => meaning.clone(),
            };
            let text = frame.text.clone();
            let again = Frame {
                text,
                meaning: again,
            };
            self.carry(session, at + random.between(1, 1500), again);
        }
        if self.fault(plan.frames_twisted, "frames that cannot be read") {
            self.carry(session, at + 1, self.broken_frame(&frame.text));
        }
        self.carry(session, at, frame);
    }

    /// Not each frame of the call comes in order and once.
    pub(super) fn not_honest(&self, session: &Session) {
        self.calls
            .with(&session.name, |call| call.is_honest = false);
    }

    /// A frame that nobody can read, or that says nothing.
    fn broken_frame(&self, whole: &str) -> Frame {
        let cut = usize::try_from(self.random.below(whole.len() as u64)).unwrap();
        let text = match self.random.below(7) {
            0 => whole.get(..cut).unwrap_or_default().to_owned(),
            1 => r#"{"type":"dtmf","digit":"xyzzy 5550100"}"#.to_owned(),
            2 => r#"{"type":"prompt","voicePrompt":{"xyzzy":1}}"#.to_owned(),
            3 => r#"{"type":"of tomorrow","text":"xyzzy"}"#.to_owned(),
            4 => r#"{"type":"error","description":"xyzzy, code: 64107"}"#.to_owned(),
            5 => "xyzzy".to_owned(),
            _ => r#"{"type":"info","name":"tokensPlayed","value":7}"#.to_owned(),
        };
        let meaning = Meaning::Nothing;
        Frame { text, meaning }
    }

    fn carry(self: &Rc<Self>, session: &Rc<Session>, at: u64, frame: Frame) {
        let (sim, session) = (Rc::clone(self), Rc::clone(session));
        let wait = at - self.executor.now();
        self.executor.spawn(OUTSIDE, async move {
            sim.sleep(wait).await;
            if !session.is_dead.get() {
                sim.frame_arrives(&session.name, session.number, frame);
            }
        });
    }

    /// An old socket still carries words of the caller.
    pub(super) fn carry_old(self: &Rc<Self>, session: &Rc<Session>, words: &str) {
        self.count("frames of old sockets");
        let prompt = json!({ "type": "prompt", "voicePrompt": words, "lang": "en", "last": true });
        let frame = Frame {
            text: prompt.to_string(),
            meaning: Meaning::Words(words.to_owned()),
        };
        self.frame_arrives(&session.name, session.number, frame);
    }

    /// The object sends a frame. It leaves once all that was written before is durable, in the order of sending.
    pub(super) fn object_sends(self: &Rc<Self>, session: &Rc<Session>, text: &str) {
        session.sent.borrow_mut().push_back(text.to_owned());
        let (sim, session) = (Rc::clone(self), Rc::clone(session));
        self.executor.spawn(OUTSIDE, async move {
            sim.durable(&session.name).await;
            sim.sleep(sim.random.between(5, 40)).await;
            let frame = session.sent.borrow_mut().pop_front();
            if let Some(frame) = frame.filter(|_| session.is_open.get()) {
                sim.twilio_hears(&session, &frame);
            }
        });
    }

    /// The object has vanished: what it had sent and what was not durable is lost.
    pub(super) fn lose_sent(&self, name: &str) {
        let sessions = self.calls.sessions.borrow();
        for session in sessions.values().filter(|session| session.name == name) {
            session.sent.borrow_mut().clear();
        }
    }

    /// Whether Twilio speaks in a session of this call, will speak, or has something to tell.
    pub(super) fn is_spoken(&self, name: &str) -> bool {
        let sessions = self.calls.sessions.borrow();
        let mut own = sessions.values().filter(|session| session.name == name);
        let now = self.executor.now();
        own.any(|session| session.speaker.is_busy() || session.last_frame.get() > now)
    }

    fn twilio_hears(self: &Rc<Self>, session: &Rc<Session>, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        if frame["type"] == "end" {
            let ignores = self.calls.plan.end_ignored;
            if self.fault(ignores, "ends of sessions that Twilio did not act on") {
                return;
            }
            let data = frame["handoffData"].as_str().unwrap_or_default().to_owned();
            let (sim, session) = (Rc::clone(self), Rc::clone(session));
            self.executor.spawn(OUTSIDE, async move {
                sim.sleep(sim.random.between(1, 90)).await;
                sim.close_socket(&session, Outcome::Ended(data));
            });
        } else {
            let token = Token {
                text: frame["token"].as_str().unwrap_or_default().to_owned(),
                is_last: frame["last"] == true,
                is_interruptible: frame["interruptible"] != false,
                is_preemptible: frame["preemptible"] == true,
            };
            self.speak(session, token);
        }
    }

    /// The socket is closed. The object may never be told of it.
    pub(super) fn close_socket(self: &Rc<Self>, session: &Rc<Session>, outcome: Outcome) {
        if !session.is_open.replace(false) {
            return;
        }
        self.trace(|| {
            format!(
                "{:.6} session {} ends at Twilio: {outcome:?}",
                session.name, session.number
            )
        });
        session.is_dead.set(matches!(outcome, Outcome::Failed));
        session.speaker.purge();
        // Nobody is there any more to hear an answer.
        self.calls.with(&session.name, |call| call.owed = None);
        if let Some(ended) = session.ended.take() {
            ended.give(outcome);
        }
        if self.fault(
            self.calls.plan.end_untold,
            "ends of sockets that were not told",
        ) {
            return;
        }
        let (sim, session) = (Rc::clone(self), Rc::clone(session));
        let arrives =
            session.last_frame.get().max(self.executor.now()) + self.random.between(1, 90);
        let wait = arrives - self.executor.now();
        self.executor.spawn(OUTSIDE, async move {
            sim.sleep(wait).await;
            sim.socket_closed(&session.name, session.number);
        });
    }
}
