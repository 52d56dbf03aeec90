//! Twilio's voice side: the calls of the phones to the Worker, those of the Worker to the phones, and
//! those between two numbers of the account, of which each leg runs TwiML of its own.
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
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use self::call::Call;
use self::clock::Clock;
use self::leg::Leg;
use self::log::CallLog;
use self::origin::Origin;
use self::signal::Signal;
use crate::base::random::random_hex;
use crate::base::shared::{lock, push_newest};
use crate::phones::call_faults::{CallFaults, DialOutcome};
use crate::phones::outgoing::Outgoing;
use crate::twilio::Twilio;
use crate::twilio::calls::{CallList, Direction, MadeCall};
use crate::twilio::numbers::Callee;
use crate::twilio::recordings::Recordings;

mod call;
mod clock;
mod dial;
mod frames;
mod leg;
mod listen;
mod log;
mod notices;
mod origin;
mod parameters;
mod post;
mod progress;
mod recording;
mod relay;
mod ring;
mod rules;
mod session;
mod signal;
mod socket;
mod speech;
mod tape;
mod target;
mod twiml;
mod utterance;
mod verb;
mod words;

pub use self::signal::Action;

/// The calls of the phones.
pub struct Calls(Arc<Shared>);

/// What the phones and the REST API share.
struct Shared {
    outgoing: Arc<Outgoing>,
    list: Arc<CallList>,
    recordings: Arc<Recordings>,
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

/// A call that begins.
struct Start {
    log: Arc<CallLog>,
    origin: Origin,
    leg: Leg,
    faults: CallFaults,
    clock: Clock,
    signals: (UnboundedSender<Signal>, UnboundedReceiver<Signal>),
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
    /// No calls yet. `twilio` has what they share with the REST API. The clock of each call runs `speed`
    /// times as fast as the machine's.
    pub fn new(outgoing: Arc<Outgoing>, twilio: &Twilio, speed: u32, quiet: bool) -> Self {
        let shared = Arc::new(Shared {
            outgoing,
            list: Arc::clone(&twilio.calls),
            recordings: Arc::clone(&twilio.recordings),
            speed,
            quiet,
            kept: Mutex::default(),
        });
        let dialler = Arc::downgrade(&shared);
        twilio.calls.set_dialler(move |made| {
            if let Some(shared) = dialler.upgrade() {
                shared.ring(made);
            }
        });
        let teller = Arc::downgrade(&shared);
        twilio.intelligence.set_teller(move |notice| {
            if let Some(shared) = teller.upgrade() {
                let outgoing = Arc::clone(&shared.outgoing);
                tokio::spawn(notices::tell(outgoing, notice, shared.quiet));
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
        let start = self.0.start(log, Origin::Phone);
        self.0.run(&mut calls, Start { faults, ..start });
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
    /// The Worker calls a phone, which is busy if it is in a call, or a number of the account, which
    /// never is.
    fn ring(&self, made: MadeCall) {
        let mut calls = lock(&self.kept);
        let pair = (made.to.clone(), made.from.clone());
        let log = self.log(made.sid.clone(), pair.clone(), Direction::Outbound);
        let mut start = self.start(log, Origin::Made(made.clone()));
        let Some(callee) = made.callee else {
            if is_busy(&calls, &pair.0, &pair.1) {
                start.faults.dial = DialOutcome::Busy;
            }
            return self.run(&mut calls, start);
        };
        let outcome = self.outgoing.switches.of(&pair).call.dial;
        if callee.voice_url.is_empty() || outcome != DialOutcome::Answered {
            return self.run(&mut calls, start);
        }
        let other = self.other_leg(made.from, made.to, callee, &mut start);
        self.run(&mut calls, start);
        self.run(&mut calls, other);
    }

    /// The leg that `first` calls. They are bridged, and share one clock.
    fn other_leg(&self, from: String, to: String, callee: Callee, first: &mut Start) -> Start {
        let sid = format!("CA{}", random_hex());
        let log = self.log(sid, (from, to), Direction::Inbound);
        let mut other = self.start(log, Origin::Leg(callee));
        other.clock = first.clock;
        let signals = (first.signals.0.clone(), other.signals.0.clone());
        (first.leg, other.leg) = Leg::pair(signals.0, signals.1);
        other
    }

    /// A call that begins now, without faults.
    fn start(&self, log: Arc<CallLog>, origin: Origin) -> Start {
        Start {
            log,
            origin,
            leg: Leg::alone(),
            faults: CallFaults::default(),
            clock: Clock::start(self.speed),
            signals: unbounded_channel(),
        }
    }

    fn log(&self, sid: String, parties: (String, String), direction: Direction) -> Arc<CallLog> {
        let feed = Arc::clone(&self.outgoing.feed);
        Arc::new(CallLog::new(sid, parties, direction, feed, self.quiet))
    }

    fn run(&self, calls: &mut VecDeque<Live>, start: Start) {
        let (signals, received) = start.signals;
        let (log, orders) = (start.log, signals.clone());
        self.list
            .add(&log.sid, log.parties(), log.direction, move |order| {
                // A call that is over takes no orders.
                orders.send(Signal::Order(order)).is_ok()
            });
        let call = Call {
            log: Arc::clone(&log),
            list: Arc::clone(&self.list),
            recordings: Arc::clone(&self.recordings),
            outgoing: Arc::clone(&self.outgoing),
            leg: start.leg,
            signals: received,
            clock: start.clock,
            faults: start.faults,
            answered_at: None,
            origin: start.origin,
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
