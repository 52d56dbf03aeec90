//! [`FakePlatform`]: the real engines over virtual time, with a model, a Twilio, a KV and objects that can be told to fail, and
//! a recorded log. Time is tokio's paused clock: it moves when everybody waits.
//!
//! Not a mock of any decision: the product makes them all. Random faults are in `simulation`.

mod calls;
mod control;
mod desk;
mod disk;
mod http;
mod intelligence;
mod model;
mod numbers;
mod object_ports;
mod objects;
mod observe;
mod rest_calls;
mod runs;
mod segment;
mod tools;
mod twilio;
mod webhooks;
mod worker_ports;

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
    time::Duration,
};

use serde_json::Value;
use switchboard::{
    base::{time::UnixMillis, usage::UsageCounters},
    config::{Config, ConfigError},
    conversation::{budget::Budget, model_run::EndpointMemory},
    platform::{DeployedVersion, HttpRequest, PlatformError},
};
use tokio::time::Instant;

use super::settings;
use disk::Disk;
use object_ports::PlainObject;
use objects::Object;

pub use control::{Act, Alteration, Piece, after};
use desk::Execution;
pub use desk::{DESK, FLOW};
pub use intelligence::{INTELLIGENCE_SERVICE, WITH_INTELLIGENCE};
pub use model::HEARD;
use model::Plays;
pub use rest_calls::MadeCall;
pub use runs::personas;
pub use segment::WITH_SEGMENT;
pub use tools::SIGNING_SECRET;
use tools::TOOLS_ORIGIN;
pub use twilio::{CDN, GIF};

/// 2026-11-22T12:00:00Z.
const START: u64 = 1_795_348_800_000;

/// The fake platform of one test. Cheap to clone.
#[derive(Clone)]
pub struct FakePlatform(Rc<Inner>);

struct Inner {
    config: Result<Config, Vec<ConfigError>>,
    started: Instant,
    /// How far the wall clock has been stepped, in milliseconds.
    step: Cell<i64>,
    log: RefCell<Vec<String>>,
    deployed: RefCell<Option<DeployedVersion>>,
    /// What the isolate remembers of the model's endpoints.
    endpoints: RefCell<EndpointMemory>,
    /// The model's next reactions. When empty, it answers normally.
    model: RefCell<VecDeque<Act>>,
    model_requests: RefCell<Vec<Value>>,
    /// The same with their time, URL and headers.
    model_calls: RefCell<Vec<(UnixMillis, HttpRequest)>>,
    model_at_once: Cell<(usize, usize)>,
    /// The next reactions to requests to transcribe. When empty, a fixed text was heard.
    transcriptions: RefCell<VecDeque<Act>>,
    /// The bodies of the requests to transcribe.
    transcribed: RefCell<Vec<Vec<u8>>>,
    /// The next reactions of the tools' service. When empty, it answers normally.
    tools: RefCell<VecDeque<Act>>,
    tool_calls: RefCell<Vec<(UnixMillis, HttpRequest)>>,
    tools_at_once: Cell<(usize, usize)>,
    twilio: RefCell<VecDeque<Act>>,
    sent: RefCell<Vec<BTreeMap<String, String>>>,
    created_at: RefCell<Vec<UnixMillis>>,
    /// Messages that webhooks were answered with. Twilio lists them too.
    replied: RefCell<Vec<BTreeMap<String, String>>>,
    rest_tokens: RefCell<Vec<String>>,
    lookups: Cell<usize>,
    /// The media servers' next reactions. When empty, they redirect and serve [`GIF`].
    media: RefCell<VecDeque<Act>>,
    /// The requests to the media servers: URL and token.
    media_requests: RefCell<Vec<(String, Option<String>)>>,
    /// The desk's next reactions, and the webhooks that have reached it.
    desk: RefCell<VecDeque<Act>>,
    desk_requests: RefCell<Vec<HttpRequest>>,
    /// Studio's next reactions, and the executions: form and date.
    studio: RefCell<VecDeque<Act>>,
    executions: RefCell<Vec<Execution>>,
    typing: RefCell<Vec<(UnixMillis, String)>>,
    /// What Twilio answers to typing indicators. When empty, the connection breaks.
    typing_answers: RefCell<VecDeque<(u16, &'static str)>>,
    /// What the isolate has said.
    said: RefCell<BTreeSet<&'static str>>,
    /// What Twilio does to the texts of messages.
    alteration: Cell<Alteration>,
    kv: RefCell<BTreeMap<String, (String, UnixMillis)>>,
    kv_reads: Cell<usize>,
    kv_fails: Cell<bool>,
    kv_acts_and_fails: Cell<bool>,
    kv_write_takes: Cell<Duration>,
    kv_read_takes: Cell<Duration>,
    alarms_late_by: Cell<Duration>,
    /// How long after its last call or alarm an object is evicted, if at all.
    objects_last: Cell<Option<Duration>>,
    budget: OnceCell<Budget<PlainObject>>,
    budget_disk: Disk,
    budget_fails: Cell<bool>,
    budget_takes: Cell<Duration>,
    budget_calls: Cell<usize>,
    lockouts: RefCell<BTreeMap<String, Disk>>,
    lockout_fails: Cell<bool>,
    /// The objects that do not answer the Worker: "THREAD", "BUDGET", "ADMIN_LOCKOUT".
    hanging: Cell<&'static [&'static str]>,
    objects_take: Cell<Duration>,
    /// What the Worker has counted and not reported.
    counted: Cell<UsageCounters>,
    /// What the next calls to threads fail with.
    object_errors: RefCell<VecDeque<PlatformError>>,
    /// The methods that threads have called on other threads.
    thread_calls: RefCell<Vec<&'static str>>,
    /// What becomes of the next of these calls: `true` acts, but its reply is lost.
    thread_calls_fail: RefCell<VecDeque<bool>>,
    objects: RefCell<BTreeMap<String, Object>>,
    calls: calls::Calls,
    runs: runs::Runs,
    numbers: numbers::Numbers,
    segment: segment::Segment,
    intelligence: intelligence::Intelligence,
    /// How the model plays personas and judges.
    plays: Cell<Plays>,
}

impl FakePlatform {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With these changes to the minimal settings; an empty value unsets a setting.
    pub fn with(changes: &[(&str, &str)]) -> Self {
        Self::with_assistants(changes, &[])
    }

    /// With these assistants, too: their names and files.
    pub fn with_assistants(changes: &[(&str, &str)], assistants: &[(&str, &str)]) -> Self {
        Self(Rc::new(Inner {
            config: settings::config_with(changes, assistants),
            started: Instant::now(),
            step: Cell::default(),
            log: RefCell::default(),
            deployed: RefCell::default(),
            endpoints: RefCell::default(),
            model: RefCell::default(),
            model_requests: RefCell::default(),
            model_calls: RefCell::default(),
            model_at_once: Cell::default(),
            transcriptions: RefCell::default(),
            transcribed: RefCell::default(),
            tools: RefCell::default(),
            tool_calls: RefCell::default(),
            tools_at_once: Cell::default(),
            twilio: RefCell::default(),
            sent: RefCell::default(),
            created_at: RefCell::default(),
            replied: RefCell::default(),
            rest_tokens: RefCell::default(),
            lookups: Cell::default(),
            media: RefCell::default(),
            media_requests: RefCell::default(),
            desk: RefCell::default(),
            desk_requests: RefCell::default(),
            studio: RefCell::default(),
            executions: RefCell::default(),
            typing: RefCell::default(),
            typing_answers: RefCell::default(),
            said: RefCell::default(),
            alteration: Cell::default(),
            kv: RefCell::default(),
            kv_reads: Cell::default(),
            kv_fails: Cell::default(),
            kv_acts_and_fails: Cell::default(),
            kv_read_takes: Cell::new(Duration::from_millis(5)),
            kv_write_takes: Cell::new(Duration::from_millis(20)),
            alarms_late_by: Cell::default(),
            objects_last: Cell::default(),
            budget: OnceCell::new(),
            budget_disk: Disk::default(),
            budget_fails: Cell::default(),
            budget_takes: Cell::default(),
            budget_calls: Cell::default(),
            lockouts: RefCell::default(),
            lockout_fails: Cell::default(),
            hanging: Cell::default(),
            objects_take: Cell::default(),
            counted: Cell::default(),
            object_errors: RefCell::default(),
            thread_calls: RefCell::default(),
            thread_calls_fail: RefCell::default(),
            objects: RefCell::default(),
            calls: calls::Calls::default(),
            runs: runs::Runs::default(),
            numbers: numbers::Numbers::default(),
            segment: segment::Segment::default(),
            intelligence: intelligence::Intelligence::default(),
            plays: Cell::default(),
        }))
    }

    pub fn config(&self) -> &Config {
        self.0.config.as_ref().unwrap()
    }
}
