//! The plan of a run of calls: settings, what callers and Twilio do, and the faults that only calls have.
//!
//! A probability is in thousandths. Not here: the faults of every run (`fault_plan`).

use crate::simulation::{random::Random, tools::TOOLS};

/// The person that callers are put through to.
pub const PERSON: &str = "+15550150";

#[derive(Debug, Default)]
pub struct CallPlan {
    pub callers: u64,
    pub calls: u64,
    /// Minutes of calls that a day may have.
    pub minutes: u64,
    /// Calls that one caller may have in an hour.
    pub calls_an_hour: u64,
    /// The longest call, in seconds.
    pub longest: u64,
    /// How long a caller may be silent, in seconds.
    pub silence: u64,
    /// How long a caller waits for the first word, in milliseconds.
    pub first_word: u64,
    pub has_tools: bool,
    pub hands_over: bool,
    /// Whether the model may ask for digits.
    pub asks_digits: bool,
    /// Whether calls have documents and no socket.
    pub gathers: bool,
    /// How long Twilio takes for a word, in milliseconds.
    pub word: u64,
    /// Whether Twilio also says that it has stopped to speak when it waits for more words.
    pub stops_between: bool,
    /// Callers who cut in while Twilio speaks, for each word.
    pub cuts_in: u64,
    /// Interruptions after which Twilio does not say what was heard.
    pub says_nothing_heard: u64,
    /// Sentences that come as several prompts.
    pub in_pieces: u64,
    /// Callers who say nothing any more.
    pub falls_silent: u64,
    /// Callers who hang up at any moment.
    pub hangs_up: u64,
    /// Frames that are held up.
    pub frames_late: u64,
    /// Frames that come twice, overtake others, or cannot be read.
    pub frames_twisted: u64,
    /// Sockets that carry far too many frames.
    pub floods: u64,
    /// Frames that an old socket still carries.
    pub old_frames: u64,
    /// Sockets that die.
    pub socket_dies: u64,
    /// Ends of a socket that the object is not told of.
    pub end_untold: u64,
    /// Sockets that are not opened.
    pub not_opened: u64,
    /// Others who try to open a socket.
    pub intruders: u64,
    /// Webhooks of an incoming call that come twice.
    pub webhook_twice: u64,
    /// Actions that do not come, or come twice.
    pub action_missing: u64,
    pub action_twice: u64,
    /// Status callbacks that do not come, come twice, or before what they tell of.
    pub status_missing: u64,
    pub status_twice: u64,
    /// Objects that leave memory while nothing happens.
    pub leaves_memory: u64,
    /// Ends of a session that Twilio does not act on.
    pub end_ignored: u64,
    /// Requests to end a call that fail, with or without an effect.
    pub hang_up_fails: u64,
    /// Answers of the model with long pauses between words, that break off, or that never end.
    pub model_stalls: u64,
    pub model_breaks: u64,
    /// Calls to a caller's object that fail or hang.
    pub caller_fails: u64,
}

impl CallPlan {
    pub fn new(random: &Random) -> Self {
        let often = |rare: u64, frequent: u64| random.pick(&[0, 0, rare, frequent]);
        Self {
            callers: random.between(1, 3),
            calls: random.between(1, 5),
            minutes: random.pick(&[60, 60, 60, 60, 0, 1, 2, 3, 5]),
            calls_an_hour: random.pick(&[10, 10, 10, 1, 2]),
            longest: random.pick(&[30, 45, 90, 180, 180]),
            silence: random.pick(&[3, 6, 12]),
            first_word: random.pick(&[500, 1000, 2500]),
            has_tools: random.chance(500),
            hands_over: random.chance(500),
            word: random.pick(&[100, 200, 400]),
            stops_between: random.chance(300),
            cuts_in: random.pick(&[0, 10, 40, 150]),
            says_nothing_heard: often(100, 500),
            in_pieces: often(150, 600),
            falls_silent: often(30, 200),
            hangs_up: often(200, 700),
            frames_late: often(20, 200),
            frames_twisted: random.pick(&[0, 0, 0, 20, 150]),
            floods: random.pick(&[0, 0, 0, 0, 200]),
            old_frames: often(300, 900),
            socket_dies: often(200, 800),
            end_untold: often(100, 600),
            not_opened: often(30, 300),
            intruders: often(300, 900),
            webhook_twice: often(100, 600),
            action_missing: often(50, 400),
            action_twice: often(100, 500),
            status_missing: often(100, 700),
            status_twice: often(100, 500),
            leaves_memory: often(200, 800),
            model_stalls: often(50, 400),
            model_breaks: often(50, 400),
            caller_fails: often(20, 200),
            end_ignored: often(100, 600),
            hang_up_fails: often(200, 700),
            asks_digits: random.chance(500),
            gathers: random.chance(350),
        }
    }

    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mode = if self.gathers { "gather" } else { "relay" };
        vec![
            ("VOICE_MODE", mode.to_owned()),
            ("MAX_DAILY_CALL_MINUTES", self.minutes.to_string()),
            ("CALL_RATE_LIMIT_PER_HOUR", self.calls_an_hour.to_string()),
            ("MAX_CALL_SECONDS", self.longest.to_string()),
            ("VOICE_SILENCE_SECONDS", self.silence.to_string()),
            ("VOICE_FIRST_TOKEN_MS", self.first_word.to_string()),
        ]
    }

    /// The file of the assistant.
    pub fn assistant(&self) -> String {
        let tools = if self.has_tools { TOOLS } else { "" };
        let person = format!("hand_off_to = \"{PERSON}\"\n");
        let person = if self.hands_over { &person } else { "" };
        format!(
            "numbers = [\"+15550199\"]\nprompt = \"You answer the phone.\"\nend_conversation = {}\n{tools}[voice]\nask_digits = {}\n{person}",
            self.has_tools, self.asks_digits
        )
    }
}
