//! The verbs of TwiML for calls, as far as they have an effect here. `twiml.rs` reads them.

/// One verb.
#[derive(Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads a text aloud, so many times.
    Say {
        /// The text.
        text: String,
        /// How often.
        times: u32,
    },
    /// Plays a file, or tones.
    Play,
    /// Waits so many seconds.
    Pause(u64),
    /// Connects the call to a relay.
    Connect(Box<Connect>),
    /// Calls somebody else.
    Dial(Dial),
    /// Goes on with another document.
    Redirect(String),
    /// Ends the call.
    Hangup,
    /// Does not answer the call. `true`: as if the line were busy.
    Reject(bool),
    /// Waits for digits or words.
    Gather(Gather),
    /// Records what the person says.
    Record(Record),
    /// Starts to record the call, while it goes on.
    StartRecording(StartRecording),
}

/// `<Start><Recording>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRecording {
    /// Where its status is posted to, as it is written.
    pub callback: Option<String>,
    /// Which of them.
    pub events: Vec<Recorded>,
}

/// The status of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It has begun.
    InProgress,
    /// It is complete.
    Completed,
    /// There is nothing in it.
    Absent,
}

impl Recorded {
    /// The name of Twilio.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Absent => "absent",
        }
    }
}

/// `<Connect>` with its relay.
#[derive(Debug, PartialEq, Eq)]
pub struct Connect {
    /// Where the end of the session is posted to.
    pub action: Option<String>,
    /// The relay.
    pub relay: Relay,
}

/// `<ConversationRelay>`: the attributes that have an effect here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an attribute of the element"
)]
pub struct Relay {
    /// The address of the WebSocket, as it is written.
    pub url: String,
    /// What is said first.
    pub greeting: String,
    /// What interrupts the greeting.
    pub greeting_interruptible: Input,
    /// What interrupts everything else.
    pub interruptible: Input,
    /// What is reported although it does not interrupt.
    pub report: Input,
    /// Whether a later message cuts what is being said.
    pub preemptible: bool,
    /// Whether digits are reported.
    pub dtmf: bool,
    /// Whether prompts are reported before they are final.
    pub partial: bool,
    /// The language of the prompts.
    pub language: String,
    /// The silence that ends a prompt, in milliseconds. `None`: Twilio decides.
    pub speech_timeout: Option<u64>,
    /// Whether it is reported who is speaking.
    pub speaker_events: bool,
    /// Whether it is reported what was played.
    pub tokens_played: bool,
    /// The parameters.
    pub parameters: Vec<(String, String)>,
}

/// What the person can do while something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// They press a key.
    pub dtmf: bool,
    /// They speak.
    pub speech: bool,
}

impl Default for Input {
    fn default() -> Self {
        Self::of("any")
    }
}

impl Input {
    /// By its word in an attribute.
    pub fn of(word: &str) -> Self {
        let any = matches!(word, "any" | "true");
        Self {
            dtmf: any || word == "dtmf",
            speech: any || word == "speech",
        }
    }
}

/// `<Dial>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Dial {
    /// Where the outcome is posted to.
    pub action: Option<String>,
    /// Who is called: numbers, SIP addresses or clients.
    pub targets: Vec<String>,
}

/// `<Gather>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Gather {
    /// Where the result is posted to. `None`: to the document itself.
    pub action: Option<String>,
    /// What is said meanwhile.
    pub prompts: Vec<Verb>,
    /// What it waits for.
    pub input: Input,
    /// How long it waits, in seconds.
    pub timeout: u64,
    /// How many digits are enough.
    pub digits: Option<usize>,
    /// The key that ends the digits.
    pub finish_on: String,
    /// The language of the words.
    pub language: String,
    /// Whether no result is posted, too.
    pub post_empty: bool,
    /// Whether the person can interrupt the prompts.
    pub barge_in: bool,
}

/// `<Record>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// Where the recording is posted to. `None`: to the document itself.
    pub action: Option<String>,
    /// The silence that ends it, in seconds.
    pub timeout: u64,
    /// The keys that end it.
    pub finish_on: String,
}
