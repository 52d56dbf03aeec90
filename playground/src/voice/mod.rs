//! Twilio's voice side: the calls of the phones to the Worker, and those of the Worker to the phones.
//!
//! A call posts its webhooks, does what the TwiML in the answers says, and speaks the protocol of
//! ConversationRelay. Twilio hears and speaks; here, what the person types is heard, and what is said
//! is shown. What Twilio would refuse is an error here, too.
//!
//! It shares no code with the Worker on purpose: shared code would share its mistakes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::call::Call;
use self::clock::Clock;
use self::log::CallLog;
use self::signal::Signal;
use crate::base::random::random_hex;
use crate::base::shared::{lock, push_newest};
use crate::phones::call_faults::{CallFaults, DialOutcome};
use crate::phones::outgoing::Outgoing;
use crate::twilio::calls::{CallList, Direction, MadeCall};

mod call;
mod clock;
mod dial;
mod frames;
mod listen;
mod log;
mod parameters;
mod post;
mod relay;
mod ring;
mod rules;
mod session;
mod signal;
mod socket;
mod speech;
mod target;
mod twiml;
mod utterance;
mod verb;
mod words;
mod xml;

pub use self::signal::Action;

/// The calls of the phones.
pub struct Calls(Arc<Shared>);

/// What the phones and the REST API share.
struct Shared {
    outgoing: Arc<Outgoing>,
    list: Arc<CallList>,
    /// How many times as fast as the machine's clock the clock of a call runs.
    speed: u32,
    quiet: bool,
    kept: Mutex<VecDeque<Live>>,
}

/// A call that a phone wants to make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    from: String,
    to: String,
    /// The faults of this call, besides those that are switched on.
    #[serde(default)]
    faults: CallFaults,
}

struct Live {
    log: Arc<CallLog>,
    signals: UnboundedSender<Signal>,
}

/// Why something cannot be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is wrong.
    Invalid(String),
    /// There is no such call.
    Unknown,
    /// The phone is in a call, or the call is over.
    Conflict(&'static str),
}

/// How many calls are kept. The oldest are dropped first.
const KEPT_CALLS: usize = 100;
/// The longest number.
const MAX_NUMBER: usize = 100;
/// The longest text that is said, and the most keys that are pressed at once.
const MAX_WORDS: usize = 5_000;
const MAX_KEYS: usize = 100;

impl Calls {
    /// No calls yet. `list` is the same for the REST API. The clock of each call runs `speed` times as
    /// fast as the machine's.
    pub fn new(outgoing: Arc<Outgoing>, list: &Arc<CallList>, speed: u32, quiet: bool) -> Self {
        let shared = Arc::new(Shared {
            outgoing,
            list: Arc::clone(list),
            speed,
            quiet,
            kept: Mutex::default(),
        });
        let dialler = Arc::downgrade(&shared);
        list.set_dialler(move |made| {
            if let Some(shared) = dialler.upgrade() {
                shared.ring(made);
            }
        });
        Self(shared)
    }

    /// Starts a call, and returns its SID. The feed has all that follows.
    ///
    /// # Errors
    /// Why the phone cannot call.
    pub fn start(&self, call: NewCall) -> Result<String, Refusal> {
        let NewCall { from, to, faults } = call;
        for (name, value) in [("from", &from), ("to", &to)] {
            if value.trim().is_empty() || value.chars().count() > MAX_NUMBER {
                return Err(Refusal::Invalid(format!(
                    "`{name}` must be a number, such as +15550100"
                )));
            }
        }
        let mut calls = lock(&self.0.kept);
        if is_busy(&calls, &from, &to) {
            return Err(Refusal::Conflict("this phone is in a call already"));
        }
        let sid = format!("CA{}", random_hex());
        let log = self.0.log(sid.clone(), (from, to), Direction::Inbound);
        self.0.run(&mut calls, log, faults, None);
        Ok(sid)
    }

    /// The person does something in a call.
    ///
    /// # Errors
    /// Why they cannot.
    pub fn act(&self, sid: &str, action: Action) -> Result<(), Refusal> {
        check(&action)?;
        let calls = lock(&self.0.kept);
        let live = find(&calls, sid)?;
        if live.log.is_over() || live.signals.send(Signal::Person(action)).is_err() {
            return Err(Refusal::Conflict("this call is over"));
        }
        Ok(())
    }

    /// All calls, without their events.
    pub fn list(&self) -> Value {
        let shown = |live: &Live| {
            let CallLog {
                sid,
                from,
                to,
                direction,
                ..
            } = &*live.log;
            let (direction, over) = (direction.name(), live.log.is_over());
            json!({"sid": sid, "from": from, "to": to, "direction": direction, "over": over})
        };
        let calls: Vec<Value> = lock(&self.0.kept).iter().map(shown).collect();
        json!({"calls": calls})
    }

    /// One call, with its events after the one with this number.
    ///
    /// # Errors
    /// There is no such call.
    pub fn show(&self, sid: &str, after: u64) -> Result<Value, Refusal> {
        Ok(find(&lock(&self.0.kept), sid)?.log.shown(after))
    }

    /// The frames on the WebSockets of a call.
    ///
    /// # Errors
    /// There is no such call.
    pub fn frames(&self, sid: &str) -> Result<Value, Refusal> {
        Ok(find(&lock(&self.0.kept), sid)?.log.frames())
    }
}

impl Shared {
    /// The Worker calls a phone. One that is in a call is busy.
    fn ring(&self, made: MadeCall) {
        let MadeCall { sid, from, to, .. } = made.clone();
        let mut calls = lock(&self.kept);
        let mut faults = CallFaults::default();
        if is_busy(&calls, &to, &from) {
            faults.dial = DialOutcome::Busy;
        }
        let log = self.log(sid, (to, from), Direction::Outbound);
        self.run(&mut calls, log, faults, Some(made));
    }

    fn log(&self, sid: String, parties: (String, String), direction: Direction) -> Arc<CallLog> {
        let feed = Arc::clone(&self.outgoing.feed);
        Arc::new(CallLog::new(sid, parties, direction, feed, self.quiet))
    }

    fn run(
        &self,
        calls: &mut VecDeque<Live>,
        log: Arc<CallLog>,
        faults: CallFaults,
        made: Option<MadeCall>,
    ) {
        let (signals, received) = unbounded_channel();
        let orders = signals.clone();
        self.list
            .add(&log.sid, log.parties(), log.direction, move |order| {
                // A call that is over takes no orders.
                orders.send(Signal::Order(order)).is_ok()
            });
        let call = Call {
            log: Arc::clone(&log),
            list: Arc::clone(&self.list),
            outgoing: Arc::clone(&self.outgoing),
            signals: received,
            clock: Clock::start(self.speed),
            faults,
            answered_at: None,
            made,
        };
        tokio::spawn(call.run());
        push_newest(calls, Live { log, signals }, KEPT_CALLS);
    }
}

/// Whether a phone is in a call with a number.
fn is_busy(calls: &VecDeque<Live>, phone: &str, number: &str) -> bool {
    let mut running = calls.iter().filter(|live| !live.log.is_over());
    running.any(|live| live.log.from == phone && live.log.to == number)
}

fn find<'c>(calls: &'c VecDeque<Live>, sid: &str) -> Result<&'c Live, Refusal> {
    let found = calls.iter().find(|live| live.log.sid == sid);
    found.ok_or(Refusal::Unknown)
}

fn check(action: &Action) -> Result<(), Refusal> {
    let wrong = match action {
        Action::Say { text } if text.trim().is_empty() => "`text` must be what is said",
        Action::Say { text } if text.chars().count() > MAX_WORDS => "`text` is too long",
        Action::Press { digits }
            if digits.is_empty()
                || digits.len() > MAX_KEYS
                || !digits.chars().all(|key| "0123456789*#".contains(key)) =>
        {
            "`digits` must be of 0 to 9, * and #"
        }
        _ => return Ok(()),
    };
    Err(Refusal::Invalid(wrong.to_owned()))
}
