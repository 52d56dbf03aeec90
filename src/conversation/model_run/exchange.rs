//! The requests of a model run: the rounds of tools, which endpoint is asked, with what, and for how
//! long.
//!
//! `openai::next` decides about each error. Here are the order of the endpoints, the reservations
//! and the time. Not here: the first reservation (`model_run`), and the calls of tools (`tools`).

use std::time::Duration;

use serde_json::Value;

use super::{
    ContactShare, Failure, Listener, ModelRun, RemembersEndpoints, Words, reserve,
    route::{Passing, Route},
    streamed::{Answered, Hearing},
    tools::Toolbox,
};
use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    config::{Assistant, Config, Endpoint, Field, Fields},
    conversation::history::Conversation,
    event::{self, Event},
    identity::Pseudonym,
    openai::{
        self, Attempt, Completion, Decoded, Next, Offer, OpenAiError, Reply, RequestContent, Round,
    },
    platform::{Clock, Http, HttpRequest, Log, Objects, Random},
};

/// What the model is asked, and with which means.
pub(super) struct Asked<'a, P> {
    pub(super) platform: &'a P,
    pub(super) config: &'a Config,
    pub(super) assistant: &'a Assistant,
    /// The system prompt.
    pub(super) prompt: &'a str,
    pub(super) thread: &'a Pseudonym,
    pub(super) share: &'a dyn ContactShare,
    /// The contact's words. Their images are kept until the model has answered, because another
    /// endpoint may have to see them.
    pub(super) words: Words,
    /// When work on the turn began.
    pub(super) begun: UnixMillis,
    /// When the run began.
    pub(super) started: UnixMillis,
    /// What the model may call.
    pub(super) tools: Option<Toolbox<'a, P>>,
    /// The schema of the answer, if it is JSON.
    pub(super) schema: Option<&'a Value>,
    /// Who hears the answer while it comes.
    pub(super) listener: Option<&'a dyn Listener>,
}

/// The most rounds of tools. After them the model must answer.
const MAX_ROUNDS: usize = 5;

/// What was said in the turn so far, and what the model may do now.
#[derive(Clone, Copy)]
struct Talk<'t> {
    conversation: &'t Conversation,
    rounds: &'t [Round],
    offer: Offer<'t>,
}

impl<P> Asked<'_, P>
where
    P: Clock + Log + Random + Http + Objects + RemembersEndpoints,
{
    /// Makes the reserved request, and the calls that the model asks for, round after round, until it
    /// answers. The costs are added to `run` as they arise.
    ///
    /// The request after a round is reserved before its calls are made: a call whose result the model
    /// never hears would be worse than none.
    pub(super) async fn exchange(
        &self,
        conversation: &mut Conversation,
        run: &mut ModelRun,
    ) -> Result<Completion, Failure> {
        let functions = self.tools.as_ref().map(Toolbox::functions);
        let functions = functions.unwrap_or_default();
        let mut route = self.route();
        let mut rounds = Vec::new();
        loop {
            let offer = Offer {
                functions: &functions,
                must_answer: rounds.len() >= MAX_ROUNDS,
            };
            let reply = self.reply(&mut route, conversation, &rounds, offer, run);
            match reply.await? {
                Reply::Answer(completion) => return Ok(completion),
                Reply::Calls(called) => {
                    if let Some(listener) = self.listener {
                        listener.calls_tools();
                    }
                    // Without tools on offer, no response is a call.
                    let nothing = Failure::OpenAi(OpenAiError::Empty);
                    let tools = self.tools.as_ref().ok_or(nothing)?;
                    let question = tools.question(&called);
                    if question.is_none() {
                        self.reserve_next().await?;
                    }
                    let count = u32::try_from(called.calls.len()).unwrap_or(u32::MAX);
                    run.tool_rounds = run.tool_rounds.saturating_add(1);
                    run.tool_calls = run.tool_calls.saturating_add(count);
                    if let Some(text) = question {
                        // A person answers it, and no further request.
                        run.effects = tools.effects();
                        self.hearing().iter().for_each(|ear| ear.say(&text, run));
                        let finish_note = None;
                        return Ok(Completion { text, finish_note });
                    }
                    // The rest of the time is the model's.
                    let time = self.remaining().checked_div(2).unwrap_or_default();
                    rounds.push(tools.round(called, route.number, time).await);
                    // They count even if no answer follows.
                    run.effects = tools.effects();
                }
            }
        }
    }

    /// Reserves the request that follows a round of tools.
    async fn reserve_next(&self) -> Result<(), Failure> {
        if self.remaining().is_zero() {
            return Err(Failure::OpenAi(OpenAiError::Timeout));
        }
        if !self.share.reserve().await {
            return Err(Failure::ContactLimit);
        }
        self.reserve_of_day().await
    }

    /// Reserves another request from the day's budget, unless it is reserved already.
    async fn reserve_of_day(&self) -> Result<(), Failure> {
        if self.share.is_prepaid() {
            return Ok(());
        }
        let usage = UsageCounters::EMPTY;
        reserve(self.platform, self.config, usage, self.remaining()).await
    }

    /// Makes the reserved request. After an error it asks the endpoint once more in another way, or
    /// the next endpoint. When all were asked, it retries those whose error may pass. Every further
    /// request is reserved first. Once words were passed on, an error ends it.
    async fn reply(
        &self,
        route: &mut Route,
        conversation: &mut Conversation,
        rounds: &[Round],
        offer: Offer<'_>,
        run: &mut ModelRun,
    ) -> Result<Reply, Failure> {
        loop {
            let endpoint = self.endpoint(route);
            let omitted = self.omitted(endpoint, route);
            let talk = Talk {
                conversation,
                rounds,
                offer,
            };
            let sent = self.sent(route.number, omitted, talk);
            let allows_calls = offer.allows_calls() && sent.contains(Field::Tools);
            let request = self.request(route.number, omitted, talk)?;
            let answered = self.ask(&request, allows_calls, route, run).await;
            let Decoded { result, tokens } = answered.decoded;
            run.tokens.add(tokens);
            let error = match result {
                Ok(reply) => {
                    let refused = route.refused_here();
                    self.platform
                        .endpoint_memory(|memory| memory.answered(endpoint, refused));
                    run.endpoint = Some(route.number);
                    return Ok(reply);
                }
                Err(error) => error,
            };
            let attempt = Attempt {
                sent,
                had_images: !self.words.images.is_empty(),
                turns: conversation.turns().len(),
                shortened: route.shortened,
                omissions: route.omissions,
            };
            let error = openai::in_view_of(error, &attempt);
            let failure = Failure::OpenAi(error);
            let next = openai::next(error, &attempt);
            if answered.was_heard {
                if next == Next::AnotherEndpoint {
                    self.note_failure(route, error, None);
                }
                return Err(failure);
            }
            match next {
                Next::Without(fields) => self.leave_out(fields, route),
                Next::Shorter => {
                    let dropped_turns = conversation.drop_older_half();
                    route.shortened = true;
                    self.log(&Event::ConversationShortened { dropped_turns });
                }
                Next::AnotherEndpoint => {
                    self.note_failure(route, error, answered.retry_after);
                    self.move_on(route, error).await.ok_or(failure)?;
                }
                Next::AbleEndpoint => {
                    self.note_inability(route, error);
                    self.move_on(route, error).await.ok_or(failure)?;
                }
                Next::GiveUp => return Err(failure),
            }
            if self.remaining().is_zero() || !self.share.reserve().await {
                return Err(failure);
            }
            self.reserve_of_day().await?;
        }
    }

    /// The endpoint that is asked.
    fn endpoint(&self, route: &Route) -> &Endpoint {
        self.assistant.endpoints.get(route.number)
    }

    /// The endpoints in the order of this turn.
    fn route(&self) -> Route {
        let endpoints = &self.assistant.endpoints;
        let (with_images, now) = (!self.words.images.is_empty(), self.platform.now());
        let order = |memory: &mut super::EndpointMemory| memory.order(endpoints, with_images, now);
        let mut fresh = self.platform.endpoint_memory(order);
        Route {
            number: fresh.pop_front().unwrap_or_default(),
            fresh,
            ..Route::default()
        }
    }

    /// The fields that the endpoint is not sent: by the settings, by what the isolate remembers, and
    /// by what it said in this turn.
    fn omitted(&self, endpoint: &Endpoint, route: &Route) -> Fields {
        let refused = self
            .platform
            .endpoint_memory(|memory| memory.refused(endpoint));
        endpoint.omitted.and(refused).and(route.refused_here())
    }

    /// Sends the request. The endpoint has its share of the time that is left: as much as each of
    /// those that were not asked yet.
    async fn ask(
        &self,
        request: &HttpRequest,
        allows_calls: bool,
        route: &Route,
        run: &mut ModelRun,
    ) -> Answered {
        let endpoints_left = u32::try_from(route.fresh.len()).unwrap_or(u32::MAX);
        let share = self
            .remaining()
            .checked_div(endpoints_left.saturating_add(1))
            .unwrap_or_default()
            .max(Duration::from_millis(1));
        run.requests = run.requests.saturating_add(1);
        match self.hearing() {
            Some(hearing) => hearing.ask(request, share, allows_calls, run).await,
            None => Answered::of(self.platform.send(request, share).await, allows_calls),
        }
    }

    /// Who hears the answer, and in which time.
    fn hearing(&self) -> Option<Hearing<'_, P>> {
        self.listener.map(|listener| Hearing {
            platform: self.platform,
            listener,
            started: self.started,
            ends: self.begun.plus(self.config.openai_timeout),
        })
    }

    /// The request. It is made anew for each attempt, so that only one is in memory at a time.
    fn request(
        &self,
        endpoint: usize,
        omitted: Fields,
        talk: Talk<'_>,
    ) -> Result<HttpRequest, Failure> {
        let said = self.said(endpoint, talk);
        let (config, assistant) = (self.config, self.assistant);
        let endpoint = assistant.endpoints.get(endpoint);
        openai::request(config, assistant, endpoint, omitted, self.thread, said)
            .map_err(|_| Failure::OpenAi(OpenAiError::Rejected))
    }

    /// The optional fields of a request to this endpoint.
    fn sent(&self, endpoint: usize, omitted: Fields, talk: Talk<'_>) -> Fields {
        let said = self.said(endpoint, talk);
        openai::sent(
            self.assistant.endpoints.get(endpoint),
            omitted,
            said.facts(),
        )
    }

    /// What a request to this endpoint says.
    fn said<'s>(
        &'s self,
        endpoint: usize,
        talk: Talk<'s>,
    ) -> RequestContent<'s, impl Iterator<Item = (&'s str, &'s str)>> {
        let turns = talk.conversation.turns().iter();
        RequestContent {
            prompt: self.prompt,
            history: turns.map(|turn| (turn.user.as_str(), turn.assistant.as_str())),
            input: &self.words.text,
            images: &self.words.images,
            rounds: talk.rounds,
            endpoint,
            offer: talk.offer,
            schema: self.schema,
            streams: self.listener.is_some(),
        }
    }

    /// Leaves out fields that the endpoint refused. The isolate remembers them when it has answered
    /// without them.
    fn leave_out(&self, fields: Fields, route: &mut Route) {
        let (endpoint, refused) = (route.number, route.refused_here());
        route.refused.insert(endpoint, refused.and(fields));
        route.omissions = route.omissions.saturating_add(1);
        for field in fields.iter() {
            self.log(&Event::FieldOmitted { endpoint, field });
        }
    }

    /// Notes that the endpoint has failed.
    fn note_failure(&self, route: &mut Route, error: OpenAiError, retry_after: Option<String>) {
        let (number, now) = (route.number, self.platform.now());
        let endpoint = self.endpoint(route);
        self.platform
            .endpoint_memory(|memory| memory.failed(endpoint, now));
        if openai::may_pass(error) {
            route.passing.push_back(Passing {
                number,
                error,
                retry_after,
            });
        }
    }

    /// Notes what the endpoint cannot do. It answers other requests.
    fn note_inability(&self, route: &Route, error: OpenAiError) {
        if error == OpenAiError::NoImages {
            let endpoint = self.endpoint(route);
            self.platform
                .endpoint_memory(|memory| memory.takes_no_images(endpoint));
        }
    }

    /// Moves on to an endpoint that was not asked yet, at once. If there is none, to one whose error
    /// may pass, after a wait. `None` if nothing is left to try in the time.
    async fn move_on(&self, route: &mut Route, error: OpenAiError) -> Option<()> {
        if let Some(number) = route.fresh.pop_front() {
            let (endpoint, reason) = (route.number, error.label());
            self.log(&Event::EndpointFailed { endpoint, reason });
            route.number = number;
        } else {
            let (number, wait) = self.retry(route)?;
            self.platform.sleep(wait).await;
            route.number = number;
        }
        Some(())
    }

    /// The endpoint to retry, and the wait before: of those whose error may pass, the first that asks
    /// for no longer wait than there is time.
    fn retry(&self, route: &mut Route) -> Option<(usize, Duration)> {
        let (now, remaining) = (self.platform.now(), self.remaining());
        let jitter = self.platform.next_f64();
        let wait = |passing: &Passing| {
            let asked = passing.retry_after.as_deref();
            openai::retry_after(passing.error, asked, now, route.retries, remaining, jitter)
        };
        let mut waits = route.passing.iter().enumerate();
        let (at, wait) = waits.find_map(|(at, passing)| Some((at, wait(passing)?)))?;
        let passing = route.passing.remove(at)?;
        route.retries = route.retries.saturating_add(1);
        Some((passing.number, wait))
    }

    fn remaining(&self) -> Duration {
        let spent = self.platform.now().since(self.begun);
        self.config.openai_timeout.saturating_sub(spent)
    }

    fn log(&self, event: &Event) {
        event::log(self.platform, event);
    }
}
