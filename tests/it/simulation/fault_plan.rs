//! The fault plan of a seed: settings, faults and how often they come, and the clock.
//!
//! Not here: the effect of a fault (`objects`, `storage`, `model`, `twilio`, `kv`).

use super::{
    hand_off::HAND_OFF,
    intake::INTAKE,
    random::Random,
    tools::{FRONT_DESK, TOOLS},
};
use crate::support::{SIGNING_SECRET, TOKEN};

/// The settings, and the probability of each fault in thousandths, until faults end.
#[derive(Debug)]
pub struct FaultPlan {
    /// Whether contacts on WhatsApp have a user id and a number.
    pub two_addresses: bool,
    /// Calls from one thread to another that fail, before or after they act.
    pub thread_calls_fail: u64,
    /// Whether one contact asks for fixed answers many times.
    pub chatty: bool,
    pub contacts: u64,
    pub messages: u64,
    pub ttl_seconds: u64,
    pub rate_limit: u64,
    pub reply_within: u64,
    /// How long after a request began a message breaks it off.
    pub join_within: u64,
    pub model_timeout: u64,
    pub cap: u64,
    /// Requests to the model that one contact may have a day.
    pub contact_cap: u64,
    /// Messages by REST that a day may have.
    pub message_cap: u64,
    pub two_tokens: bool,
    /// When the run begins, in milliseconds since the Unix epoch.
    pub start: u64,
    /// When the clock steps back, and by how much.
    pub clock_steps: Vec<(u64, u64)>,
    /// When the clock jumps ahead, by how much, and for how long.
    pub clock_jumps: Vec<(u64, u64, u64)>,
    /// When an object is killed, whatever it does.
    pub timed_kills: Vec<u64>,
    /// When faults end, in milliseconds.
    pub faults_until: u64,
    /// Kills at any one await.
    pub kill: u64,
    pub kills_at_most: u64,
    pub model_slow: u64,
    pub model_fails: u64,
    pub model_long: u64,
    pub create_slow: u64,
    pub create_fails: u64,
    pub create_unknown: u64,
    pub list_fails: u64,
    /// How long Twilio's list lags behind, in milliseconds.
    pub list_lag: u64,
    /// What Twilio does to the texts of messages: 0 nothing, 1 a trial account's sentence, 2 it hides them, 3 Smart Encoding.
    pub alteration: u64,
    /// Messages about which Twilio sends receipts.
    pub receipts: u64,
    pub media_fails: u64,
    pub kv_slow: u64,
    pub kv_read_fails: u64,
    pub kv_write_fails: u64,
    pub kv_stale: u64,
    pub storage_slow: u64,
    pub storage_fails: u64,
    pub alarm_late: u64,
    pub alarm_twice: u64,
    pub object_unreachable: u64,
    pub budget_unreachable: u64,
    /// Calls to the budget object that take minutes, or never end.
    pub budget_hangs: u64,
    /// Calls to KV that take up to 300 s, or never end.
    pub kv_hangs: u64,
    /// Calls that need seconds from the Worker to the object.
    pub hop_slow: u64,
    /// Kills after which a stored value of a thread is damaged.
    pub damage: u64,
    /// Kills after which the stored value of the budget object is damaged.
    pub budget_damage: u64,
    /// Answers of the model that are the same short text.
    pub same_answers: u64,
    pub duplicates: u64,
    pub hang_up: u64,
    pub twilio_retries: u64,
    pub bursts: u64,
    /// Whether one contact more is a machine that answers each answer.
    pub automatic: bool,
    /// Whether there is a second endpoint.
    pub second: bool,
    /// Failures of the second endpoint.
    pub second_fails: u64,
    /// Errors that name a cause which the product can act on.
    pub model_particular: u64,
    /// Whether the assistant has tools.
    pub tools: bool,
    /// Calls of tools that fail, or are slow.
    pub tools_fail: u64,
    /// Whether the assistant can hand over.
    pub hands_over: bool,
    /// Requests to the desk that fail, or are slow.
    pub desk_fails: u64,
    /// Whether the desk never takes a message.
    pub desk_down: bool,
    /// Whether the assistant has a guided intake.
    pub intake: bool,
    /// Whether contacts quote messages and react to them.
    pub quotes: bool,
    /// How the first endpoint fails all the time, while the second one is well.
    pub first_down: Option<Down>,
}

/// A lasting failure of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    Unreachable,
    Hangs,
    Status(u16),
}

impl Down {
    fn any(random: &Random) -> Self {
        random.pick(&[
            Self::Unreachable,
            Self::Hangs,
            Self::Status(401),
            Self::Status(402),
            Self::Status(404),
            Self::Status(429),
            Self::Status(503),
        ])
    }
}

/// 2026-11-22T12:00:00Z.
const NOON: u64 = 1_795_348_800_000;
pub const DAY: u64 = 86_400_000;

impl FaultPlan {
    #[allow(clippy::too_many_lines, reason = "one line a fault")]
    pub fn new(random: &Random) -> Self {
        // Each fault is absent, rare or frequent in a run, independently of the others.
        let often = |rare: u64, frequent: u64| random.pick(&[0, 0, rare, frequent]);
        let faults_until = random.between(60, 400) * 1000;
        let midnight = random.chance(150);
        let start = if midnight {
            NOON + DAY / 2 - random.between(1, 200) * 1000
        } else {
            NOON + random.below(3_600_000)
        };
        let few = |odds: u64, most: u64| {
            if random.chance(odds) {
                random.between(1, most)
            } else {
                0
            }
        };
        let mut fault_plan = Self {
            two_addresses: false,
            thread_calls_fail: 0,
            chatty: random.chance(20),
            contacts: random.between(2, 4),
            messages: random.between(2, 9),
            ttl_seconds: random.pick(&[60, 3600, 3600]),
            rate_limit: random.pick(&[2, 3, 5, 10, 10]),
            reply_within: random.pick(&[10_000, 10_000, 14_000, 3000, 1000]),
            join_within: random.pick(&[1500, 1500, 1500, 0, 300, 5000]),
            model_timeout: random.pick(&[60_000, 60_000, 20_000, 5000]),
            cap: random.pick(&[1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 0, 3, 8, 15]),
            contact_cap: random.pick(&[200, 200, 200, 200, 200, 1, 3, 8]),
            message_cap: random.pick(&[5000, 5000, 5000, 5000, 5000, 5000, 0, 1, 4]),
            two_tokens: random.chance(200),
            start,
            clock_steps: (0..few(120, 3))
                .map(|_| {
                    (
                        random.below(faults_until),
                        random.pick(&[1, 5, 30, 61, 600, 3600, 7200]) * 1000 + random.below(1000),
                    )
                })
                .collect(),
            clock_jumps: (0..few(60, 2))
                .map(|_| {
                    (
                        random.below(faults_until),
                        random.between(1, 9) * DAY / 2,
                        random.between(1, 40_000),
                    )
                })
                .collect(),
            timed_kills: (0..few(500, 4))
                .map(|_| random.below(faults_until))
                .collect(),
            faults_until,
            kill: often(2, 15),
            kills_at_most: random.pick(&[1, 3, 8, 20]),
            model_slow: often(100, 600),
            model_fails: often(80, 500),
            model_long: random.pick(&[0, 0, 50, 300, 900]),
            create_slow: often(50, 300),
            create_fails: often(50, 400),
            create_unknown: often(80, 600),
            list_fails: often(100, 600),
            list_lag: random.pick(&[0, 0, 2000, 20_000]),
            alteration: random.pick(&[0, 0, 1, 2, 3]),
            receipts: often(300, 1000),
            media_fails: often(100, 600),
            kv_slow: often(50, 400),
            kv_read_fails: often(50, 500),
            kv_write_fails: often(100, 600),
            kv_stale: often(200, 900),
            storage_slow: often(20, 200),
            storage_fails: random.pick(&[0, 0, 0, 0, 0, 10, 60]),
            alarm_late: often(100, 600),
            alarm_twice: often(50, 300),
            object_unreachable: often(20, 200),
            budget_unreachable: often(20, 300),
            budget_hangs: often(30, 300),
            kv_hangs: often(30, 300),
            hop_slow: often(50, 400),
            damage: random.pick(&[0, 0, 0, 0, 0, 300, 900]),
            budget_damage: random.pick(&[0, 0, 0, 0, 0, 500]),
            same_answers: often(300, 900),
            duplicates: often(100, 600),
            hang_up: often(20, 200),
            twilio_retries: random.pick(&[0, 1, 2, 5]),
            bursts: often(200, 900),
            automatic: random.chance(100),
            second: random.chance(500),
            second_fails: often(80, 500),
            model_particular: often(50, 300),
            tools: false,
            tools_fail: 0,
            hands_over: false,
            desk_fails: 0,
            desk_down: false,
            intake: false,
            quotes: false,
            first_down: random.chance(100).then(|| Down::any(random)),
        };
        if random.chance(150) {
            // The same answer many times, on webhooks and by REST, while creates get lost.
            (
                fault_plan.same_answers,
                fault_plan.create_unknown,
                fault_plan.create_fails,
            ) = (900, 600, 0);
            (
                fault_plan.reply_within,
                fault_plan.ttl_seconds,
                fault_plan.messages,
            ) = (1000, 3600, 9);
        }
        fault_plan.two_addresses = random.chance(500);
        fault_plan.thread_calls_fail = random.pick(&[0, 0, 50, 300]);
        if fault_plan.first_down.is_some() {
            fault_plan.only_the_first_endpoint_fails();
        }
        fault_plan
    }

    /// Takes away everything else for which a turn may end without an answer.
    fn only_the_first_endpoint_fails(&mut self) {
        (self.second, self.second_fails) = (true, 0);
        (self.model_timeout, self.model_slow) = (60_000, 0);
        (self.model_fails, self.model_particular) = (0, 0);
        (self.cap, self.contact_cap) = (1000, 200);
        (self.budget_unreachable, self.budget_hangs) = (0, 0);
        (self.storage_fails, self.damage, self.budget_damage) = (0, 0, 0);
        self.clock_steps.clear();
        self.clock_jumps.clear();
    }

    /// Gives the assistant of some runs tools. Their faults are drawn apart from all others, so that
    /// a seed without tools stays as it is.
    pub fn with_tools(mut self, seed: u64) -> Self {
        self.tools = seed.is_multiple_of(3);
        self.tools_fail = Random::new(seed).pick(&[0, 100, 600]);
        self
    }

    /// Lets the assistant of some runs hand over, in the same way. Their clock does not step back, so
    /// that it is known what is said in a hand-off and not forgotten.
    pub fn with_hand_off(mut self, seed: u64) -> Self {
        let random = Random::new(seed ^ 0x5EED);
        self.hands_over = seed.is_multiple_of(5);
        self.desk_fails = random.pick(&[0, 200, 700]);
        self.desk_down = random.chance(120);
        if self.hands_over {
            self.clock_steps.clear();
        }
        self
    }

    /// Gives the assistant of some runs a guided intake, in the same way. Their contacts write more.
    pub fn with_intake(mut self, seed: u64) -> Self {
        self.intake = seed.is_multiple_of(4);
        if self.intake {
            self.messages += 8;
            self.clock_steps.clear();
        }
        self
    }

    /// The plan of a run of calls. The faults of messages are not used, and those of tools are drawn apart.
    pub fn for_calls(mut self, seed: u64) -> Self {
        self.tools_fail = Random::new(seed).pick(&[0, 100, 600]);
        self.first_down = None;
        self
    }

    /// Lets the contacts of some runs quote and react.
    pub fn with_quotes(mut self, seed: u64) -> Self {
        self.quotes = Random::new(seed ^ 0x0FF3).chance(300);
        self
    }

    /// The file of the assistant, if it has one.
    pub fn assistant(&self) -> Option<String> {
        let tools = if self.tools { TOOLS } else { "" };
        let hand_off = if self.hands_over { HAND_OFF } else { "" };
        let intake = if self.intake { INTAKE } else { "" };
        let has_file = self.tools || self.hands_over || self.intake;
        has_file.then(|| format!("{FRONT_DESK}{tools}{hand_off}{intake}"))
    }

    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let token = if self.two_tokens {
            format!("{OLD_TOKEN},{TOKEN}")
        } else {
            TOKEN.to_owned()
        };
        let fallbacks = if self.second { FALLBACKS } else { "" };
        vec![
            ("OPENAI_FALLBACKS", fallbacks.to_owned()),
            ("SECOND_KEY", "second-key".to_owned()),
            ("TWILIO_AUTH_TOKEN", token),
            ("RATE_LIMIT_PER_MINUTE", self.rate_limit.to_string()),
            ("MAX_DAILY_CALLS", self.cap.to_string()),
            ("MAX_DAILY_CALLS_PER_CONTACT", self.contact_cap.to_string()),
            ("MAX_DAILY_MESSAGES", self.message_cap.to_string()),
            ("MAX_MESSAGE_CHARS", MAX_MESSAGE_CHARS.to_string()),
            ("MAX_SEGMENTS", MAX_SEGMENTS.to_string()),
            ("CONVERSATION_TTL_SECONDS", self.ttl_seconds.to_string()),
            ("REPLY_WITHIN_MS", self.reply_within.to_string()),
            ("JOIN_WITHIN_MS", self.join_within.to_string()),
            ("OPENAI_TIMEOUT_MS", self.model_timeout.to_string()),
            ("ORDERS_SECRET", SIGNING_SECRET.to_owned()),
            ("DESK_SECRET", SIGNING_SECRET.to_owned()),
            ("HELP_TEXT", super::invariants::HELP.to_owned()),
        ]
    }
}

/// The longest way from the Worker to an object, in milliseconds.
pub const LONGEST_HOP: u64 = 6000;

/// The second endpoint.
const FALLBACKS: &str =
    r#"[{"base_url":"https://second.example/v1","model":"llama","key":"SECOND_KEY"}]"#;

const OLD_TOKEN: &str = "fedcba9876543210fedcba9876543210";
pub const MAX_MESSAGE_CHARS: usize = 80;
/// Two parts, and less than the longest answer of the model.
pub const MAX_SEGMENTS: usize = 20;
