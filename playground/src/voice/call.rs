//! One call, from its first webhook to its status callback: it fetches TwiML and does what each verb
//! says. Not here: how it begins (`ring.rs`), its status callbacks (`progress.rs`), the verbs that listen
//! to the person (`listen.rs`) and the relay (`session.rs`).

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::clock::Clock;
use super::leg::{Leg, Voice};
use super::log::CallLog;
use super::origin::Origin;
use super::parameters::{Parameters, common};
use super::post::{Kind, post};
use super::signal::{Action, Signal};
use super::speech::time_for;
use super::twiml;
use super::verb::Verb;
use crate::phones::call_faults::CallFaults;
use crate::phones::outgoing::Outgoing;
use crate::twilio::calls::{CallList, Order, Progress, Status};
use crate::twilio::recordings::Recordings;
use crate::webhook::answer::{TwilioError, twilio_error};

/// A call.
pub struct Call {
    /// What happened in it.
    pub log: Arc<CallLog>,
    /// The calls of the REST API.
    pub list: Arc<CallList>,
    /// The recordings of all calls.
    pub recordings: Arc<Recordings>,
    /// The Worker, and what is known of the phones.
    pub outgoing: Arc<Outgoing>,
    /// How the other side hears it.
    pub leg: Leg,
    /// What the other side and the REST API do.
    pub signals: UnboundedReceiver<Signal>,
    /// The clock.
    pub clock: Clock,
    /// The faults of this call alone.
    pub faults: CallFaults,
    /// When it was answered.
    pub answered_at: Option<u64>,
    /// Who began it.
    pub origin: Origin,
}

/// What comes after a verb.
#[derive(Debug)]
pub enum Flow {
    /// The next verb.
    Next,
    /// Another document.
    Document(Source),
    /// The end of the call.
    Over(Status),
}

/// Where a document is.
#[derive(Debug)]
pub enum Source {
    /// At this URL. It gets the parameters, and the verb that asks for it says what kind it is.
    Url(String, Parameters),
    /// Here.
    Text(String),
}

/// How many documents a call has at most. Twilio has no such limit; a loop would never end.
const MAX_DOCUMENTS: usize = 100;
/// How long a file or a tone is.
const PLAY_MS: u64 = 3000;

impl Call {
    /// The call, until it is over.
    pub async fn run(mut self) {
        let over = match self.begin().await {
            Ok(source) => self.follow(source).await,
            Err(over) => over,
        };
        self.end(over).await;
    }

    async fn follow(&mut self, mut source: Source) -> Status {
        for number in 0..MAX_DOCUMENTS {
            let kind = if number == 0 {
                Kind::Voice
            } else {
                Kind::Action
            };
            let flow = match self.fetch(source, kind).await {
                Ok((verbs, base)) => self.execute(verbs, base.as_deref()).await,
                Err(flow) => flow,
            };
            match flow {
                Flow::Document(next) => source = next,
                Flow::Over(status) => return status,
                Flow::Next => return self.hung_up(),
            }
        }
        self.alert(&twilio_error(
            11205,
            "the call went through too many documents",
        ));
        self.hung_up()
    }

    async fn execute(&mut self, verbs: Vec<Verb>, base: Option<&str>) -> Flow {
        for verb in verbs {
            match self.verb(verb, base).await {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    async fn verb(&mut self, verb: Verb, base: Option<&str>) -> Flow {
        if !matches!(
            verb,
            Verb::Reject(_) | Verb::Pause(_) | Verb::Redirect(_) | Verb::Connect(_)
        ) {
            self.answer();
        }
        match verb {
            Verb::Say { text, times } => self.say(&text, times).await,
            Verb::Play => self.pause(PLAY_MS).await,
            Verb::Pause(seconds) => self.pause(seconds.saturating_mul(1000)).await,
            Verb::Connect(connect) => self.connect(*connect, base).await,
            Verb::Dial(dial) => self.dial(dial, base).await,
            Verb::Redirect(url) => self.document(base, Some(&url), Vec::new()),
            Verb::Hangup => {
                self.log.show("verb", json!({"text": "Hang up"}));
                Flow::Over(Status::Completed)
            }
            Verb::Reject(busy) => {
                self.log.show("verb", json!({"text": "Rejected"}));
                Flow::Over(if busy { Status::Busy } else { Status::NoAnswer })
            }
            Verb::Gather(gather) => self.gather(gather, base).await,
            Verb::Record(record) => self.record(&record, base).await,
            Verb::StartRecording(wanted) => {
                self.start_recording(wanted);
                Flow::Next
            }
        }
    }

    /// The call is answered, if it was not before.
    pub fn answer(&mut self) {
        if self.answered_at.is_none() {
            self.answered_at = Some(self.clock.now());
            self.list.set_status(&self.log.sid, Status::InProgress, 0);
            self.log.show("answered", json!({}));
            match self.origin {
                Origin::Phone => {}
                Origin::Made(_) => {
                    self.told(&[Progress::Answered]);
                    self.limit();
                }
                Origin::Leg(_) => self.leg.answers(),
            }
        }
    }

    /// The status of the call now.
    pub fn status(&self) -> Status {
        match self.answered_at {
            Some(_) => Status::InProgress,
            None => Status::Ringing,
        }
    }

    /// The status of the call once the person has hung up.
    pub fn hung_up(&self) -> Status {
        match self.answered_at {
            Some(_) => Status::Completed,
            None => Status::NoAnswer,
        }
    }

    /// The faults that are on now.
    pub fn faults(&self) -> CallFaults {
        let pair = (self.log.from.clone(), self.log.to.clone());
        self.faults.and(self.outgoing.switches.of(&pair).call)
    }

    /// Reports an error.
    pub fn alert(&self, error: &TwilioError) {
        self.log.alert(error.code, &error.reason);
    }

    /// Reads text aloud, so many times.
    async fn say(&mut self, text: &str, times: u32) -> Flow {
        // 0 is forever, which for a call is 1000 times.
        let times = if times == 0 { 1000 } else { times };
        for _ in 0..times {
            self.log.show("token", json!({"text": text, "last": true}));
            self.log.show("speaking", json!({"on": true}));
            self.leg.voice(Voice::Begins, self.clock.now());
            let flow = self.pause(time_for(text.chars().count())).await;
            if !matches!(flow, Flow::Next) {
                return flow;
            }
            let now = self.clock.now();
            self.leg.voice(Voice::Says(text.to_owned()), now);
            self.leg.voice(Voice::Ends, now);
            self.log.show("heard", json!({"text": text}));
            self.log.show("speaking", json!({"on": false}));
            self.log.show("finished", json!({}));
        }
        Flow::Next
    }

    /// Goes on with the document of an action. Without an address it is the current document.
    pub fn document(&self, base: Option<&str>, url: Option<&str>, more: Parameters) -> Flow {
        match (url, base) {
            (Some(url), _) if url.contains("://") => {
                Flow::Document(Source::Url(url.to_owned(), more))
            }
            (Some(path), Some(base)) if path.starts_with('/') => {
                let end = base
                    .match_indices('/')
                    .nth(2)
                    .map_or(base.len(), |(end, _)| end);
                let origin = base.get(..end).unwrap_or_default();
                Flow::Document(Source::Url(format!("{origin}{path}"), more))
            }
            (None, Some(base)) => Flow::Document(Source::Url(base.to_owned(), more)),
            _ => {
                let reason = "the address of an action must be absolute in TwiML of the REST API";
                self.alert(&twilio_error(15004, reason));
                Flow::Over(self.hung_up())
            }
        }
    }

    /// Waits. The person may hang up meanwhile.
    pub async fn pause(&mut self, milliseconds: u64) -> Flow {
        let end = self.clock.now().saturating_add(milliseconds);
        loop {
            tokio::select! {
                biased;
                signal = self.signals.recv() => {
                    if let Some(flow) = self.unheard(signal) {
                        return flow;
                    }
                }
                () = self.clock.sleep_until(end) => return Flow::Next,
            }
        }
    }

    /// What comes of a signal while nobody listens to the person.
    pub fn unheard(&self, signal: Option<Signal>) -> Option<Flow> {
        match signal {
            None | Some(Signal::Person(Action::HangUp) | Signal::Order(Order::Complete)) => {
                Some(Flow::Over(self.hung_up()))
            }
            Some(Signal::Order(Order::Twiml(text))) => Some(Flow::Document(Source::Text(text))),
            Some(Signal::Order(Order::Url(url))) => {
                Some(Flow::Document(Source::Url(url, Vec::new())))
            }
            Some(Signal::Person(_)) => {
                let text = "Nobody listens: Twilio reports nothing.";
                self.log.show("note", json!({"text": text}));
                None
            }
        }
    }

    /// Gets a document, and its URL if it has one.
    ///
    /// # Errors
    /// What happens instead.
    async fn fetch(
        &mut self,
        source: Source,
        kind: Kind,
    ) -> Result<(Vec<Verb>, Option<String>), Flow> {
        let (url, more) = match source {
            Source::Text(text) => {
                let verbs = twiml::read_text(&text).map_err(|error| self.refuse(&error))?;
                return Ok((verbs, None));
            }
            Source::Url(url, more) => (url, more),
        };
        let mut parameters = self.parameters(self.status());
        parameters.extend(more);
        let answer = self.post(kind, url.clone(), parameters);
        tokio::pin!(answer);
        let answer = loop {
            tokio::select! {
                // The webhook is posted even if the other side hangs up at this moment.
                biased;
                answer = &mut answer => break answer,
                signal = self.signals.recv() => {
                    if let Some(flow) = self.unheard(signal) {
                        return Err(flow);
                    }
                }
            }
        };
        let answer = answer.map_err(|reason| self.refuse(&twilio_error(11200, &reason)))?;
        let verbs = twiml::read(answer.content_type().as_deref(), &answer.body);
        let verbs = verbs.map_err(|error| self.refuse(&error))?;
        Ok((verbs, Some(url)))
    }

    /// Ends the call because of an error. A call that was not answered sounds busy.
    fn refuse(&self, error: &TwilioError) -> Flow {
        self.alert(error);
        Flow::Over(match self.answered_at {
            Some(_) => Status::Completed,
            None => Status::Busy,
        })
    }

    /// The parameters of a webhook.
    pub fn parameters(&self, status: Status) -> Parameters {
        let CallLog { sid, direction, .. } = &*self.log;
        common(sid, self.log.parties(), *direction, status)
    }

    /// Posts a webhook.
    pub fn post(
        &self,
        kind: Kind,
        url: String,
        parameters: Parameters,
    ) -> impl Future<Output = Result<crate::webhook::client::Answer, String>> + use<> {
        let (outgoing, log) = (Arc::clone(&self.outgoing), Arc::clone(&self.log));
        post(outgoing, log, kind, url, parameters)
    }

    /// Posts a webhook, while the call goes on.
    pub fn post_later(&self, kind: Kind, url: String, parameters: Parameters) {
        let (posted, log) = (self.post(kind, url, parameters), Arc::clone(&self.log));
        tokio::spawn(async move {
            if let Err(reason) = posted.await {
                log.alert(11200, &reason);
            }
        });
    }

    /// The call is over.
    async fn end(mut self, over: Status) {
        let now = self.clock.now();
        self.leg.hangs_up(now);
        let talked = self
            .answered_at
            .map_or(0, |since| now.saturating_sub(since));
        let seconds = talked.div_ceil(1000);
        self.list.set_status(&self.log.sid, over, seconds);
        self.log
            .end(json!({"status": over.name(), "seconds": seconds}));
        self.told_of_the_end(over, seconds).await;
        self.finish_recording().await;
        self.log.show("reported", json!({}));
    }
}
