//! The tools of a turn: which calls are made, with which ids, and what the model is told of them.
//!
//! The model chooses a tool by its name and gives it arguments. Everything else comes from the
//! assistant's file and from the turn: the URL, the id, whose conversation it is. A call goes out
//! only if the tool's schema accepts its arguments. What a tool answers is told to the model as data
//! and to nobody else; a failure is told in a word. Not here: the rounds (`exchange`), what the
//! built-in tools do (`built_in`), the words (`result`), and the signature (`webhooks`).

mod built_in;
mod result;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};

use self::{
    built_in::{BUILT_IN, BuiltIn},
    result::{Done, MAX_ANSWER_BYTES, Told, answered},
};
use crate::{
    base::time::{UnixMillis, millis},
    config::{Assistant, Config, Tool},
    event::{self, Event, ToolOutcome},
    identity::{Address, Medium, PhoneHash, Pseudonym, WebhookId},
    openai::{Called, Function, Round, ToolCall},
    platform::{Clock, Http, HttpError, Log},
    webhooks::{self, Outcome},
};

pub use built_in::{AskDigits, Effect};

/// For whom tools are called.
#[derive(Debug)]
pub struct Caller<'a> {
    /// The number of the turn.
    pub turn: u64,
    /// Twilio's id of the first message of the turn, or of the call. Numbers of turns may come again
    /// after an erasure; it does not.
    pub first: &'a str,
    /// The contact, if it is known.
    pub contact: Option<&'a Address>,
    /// The way on which the contact talks.
    pub medium: Medium,
    /// The contact's hash for the log.
    pub phone_hash: &'a PhoneHash,
    /// Whether a call was made. It stays so when the turn is asked anew.
    pub has_called: &'a Cell<bool>,
}

/// The most calls of one round that are made.
const MAX_CALLS: usize = 16;
/// The most calls that are made at once. The runtime lets six connections wait for a response, and
/// queues any other. A call in that queue would use up its time before it is sent. Source:
/// Cloudflare, "Limits", "Simultaneous open connections".
const MAX_AT_ONCE: usize = 6;

/// The tools of one turn.
pub(super) struct Toolbox<'a, P> {
    platform: &'a P,
    config: &'a Config,
    assistant: &'a Assistant,
    thread: &'a Pseudonym,
    caller: Caller<'a>,
    /// The ids of calls that are made or were answered, by tool and arguments: which of the equal
    /// calls they are.
    used: RefCell<BTreeMap<String, BTreeSet<u32>>>,
    effects: RefCell<Vec<Effect>>,
    told: Told,
}

impl<'a, P: Clock + Log + Http> Toolbox<'a, P> {
    pub(super) fn new(
        platform: &'a P,
        config: &'a Config,
        assistant: &'a Assistant,
        thread: &'a Pseudonym,
        caller: Caller<'a>,
    ) -> Self {
        Self {
            platform,
            config,
            assistant,
            thread,
            caller,
            used: RefCell::default(),
            effects: RefCell::default(),
            told: Told::default(),
        }
    }

    /// What the model is offered.
    pub(super) fn functions(&self) -> Vec<Function<'a>> {
        let own = self.assistant.tools.iter().map(|tool| Function {
            name: &tool.name,
            description: &tool.description,
            parameters: tool.parameters.json(),
        });
        let built_in = self.built_in().map(|tool| Function {
            name: tool.name,
            description: tool.description,
            parameters: &tool.parameters,
        });
        own.chain(built_in).collect()
    }

    /// The built-in tools that the assistant has.
    fn built_in(&self) -> impl Iterator<Item = &'static BuiltIn> {
        let (assistant, medium) = (self.assistant, self.caller.medium);
        BUILT_IN
            .iter()
            .filter(move |tool| (tool.is_of)(assistant, medium))
    }

    /// What the built-in tools that were called do.
    pub(super) fn effects(&self) -> Vec<Effect> {
        self.effects.borrow().clone()
    }

    /// Makes the calls of a round side by side. `endpoint` is the number of the endpoint that called,
    /// and `time` what they may take together.
    pub(super) async fn round(&self, called: Called, endpoint: usize, time: Duration) -> Round {
        let until = self.platform.now().plus(time);
        let Called { calls, repeated } = called;
        let made = calls
            .iter()
            .enumerate()
            .map(|(at, call)| self.call(at, call, until));
        let results: Vec<String> = stream::iter(made).buffered(MAX_AT_ONCE).collect().await;
        Round {
            endpoint,
            calls: calls.into_iter().zip(results).collect(),
            repeated,
        }
    }

    /// Makes one call, and logs it. Returns what the model is told.
    async fn call(&self, at: usize, call: &ToolCall, until: UnixMillis) -> String {
        let begun = self.platform.now();
        let mut own = self.assistant.tools.iter();
        let own = own.find(|tool| tool.name == call.name);
        let built_in = self.built_in().find(|tool| tool.name == call.name);
        let name = own.map(|tool| tool.name.as_str());
        let name = name.or(built_in.map(|tool| tool.name));
        let done = match (own, built_in) {
            _ if at >= MAX_CALLS => ToolOutcome::TooManyCalls.into(),
            (Some(tool), _) => self.ask(tool, call, begun, until).await,
            (None, Some(tool)) => self.note(tool, call),
            (None, None) => ToolOutcome::UnknownTool.into(),
        };
        self.log(name, done.outcome, begun);
        done.result
    }

    fn log(&self, tool: Option<&str>, outcome: ToolOutcome, begun: UnixMillis) {
        event::log(
            self.platform,
            &Event::ToolCalled {
                phone_hash: self.caller.phone_hash.clone(),
                // A name that the assistant does not have is the model's text, and not logged.
                tool: tool.map(str::to_owned),
                outcome,
                duration_ms: millis(self.platform.now().since(begun)),
            },
        );
    }

    /// Makes the call that ends the turn, if the calls are this one alone and nothing else is to come
    /// after the turn. Returns what is said.
    pub(super) fn question(&self, called: &Called) -> Option<String> {
        let [call] = called.calls.as_slice() else {
            return None;
        };
        let mut built_in = self.built_in().filter(|tool| tool.ends_turn);
        let tool = built_in.find(|tool| tool.name == call.name)?;
        let effect = call.arguments.as_ref().and_then(tool.effect)?;
        let question = effect.question()?.to_owned();
        let mut effects = self.effects.borrow_mut();
        if !effects.is_empty() {
            return None;
        }
        effects.push(effect);
        self.log(Some(tool.name), ToolOutcome::Answered, self.platform.now());
        Some(question)
    }

    /// Notes what a built-in tool does.
    fn note(&self, tool: &BuiltIn, call: &ToolCall) -> Done {
        let effect = call.arguments.as_ref().and_then(tool.effect);
        let Some(effect) = effect.filter(|_| !tool.ends_turn) else {
            let result = json!({ "error": tool.fails_as });
            return Done::built_in(ToolOutcome::InvalidArguments, &result);
        };
        let mut effects = self.effects.borrow_mut();
        let same =
            |other: &Effect| std::mem::discriminant(other) == std::mem::discriminant(&effect);
        if !effects.iter().any(same) {
            effects.push(effect);
        }
        let result = json!({ "result": tool.result });
        Done::built_in(ToolOutcome::Answered, &result)
    }

    /// Asks the service of a tool, if the schema accepts the arguments and an answer can still be told.
    async fn ask(&self, tool: &Tool, call: &ToolCall, now: UnixMillis, until: UnixMillis) -> Done {
        let arguments = call.arguments.clone().map(Value::Object);
        let Some(arguments) = arguments.filter(|value| tool.parameters.accepts(value)) else {
            return ToolOutcome::InvalidArguments.into();
        };
        if !self.told.leaves_room() {
            return ToolOutcome::TooLarge.into();
        }
        let done = self.send(tool, arguments, now, until).await;
        if !self.told.add(done.answer) {
            return ToolOutcome::TooLarge.into();
        }
        done
    }

    /// Makes the call.
    async fn send(
        &self,
        tool: &Tool,
        arguments: Value,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Done {
        let time = until.since(now).min(tool.timeout);
        if time.is_zero() {
            return ToolOutcome::Timeout.into();
        }
        let content = format!("{} {arguments}", tool.name);
        let occurrence = self.take_occurrence(&content);
        let id = self.id(tool, &content, occurrence);
        let Ok(body) = self.body(tool, &id, arguments) else {
            return ToolOutcome::InvalidArguments.into();
        };
        let request = webhooks::request(&tool.target, id.as_str(), now, body, MAX_ANSWER_BYTES);
        self.caller.has_called.set(true);
        let response = self.platform.send(&request, time).await;
        let outcome = match (&response, Outcome::of(response.as_ref().map_err(|e| *e))) {
            (Ok(response), Outcome::Delivered) => return answered(&response.body),
            (Err(HttpError::TooLarge), _) => ToolOutcome::TooLong,
            (Err(HttpError::Unreadable), _) => ToolOutcome::Unreadable,
            (_, Outcome::TimedOut) => ToolOutcome::Timeout,
            (_, Outcome::Refused) => ToolOutcome::Rejected,
            (_, Outcome::Unreachable | Outcome::Delivered) => ToolOutcome::Unreachable,
        };
        if matches!(outcome, ToolOutcome::Timeout | ToolOutcome::Unreachable) {
            // Nobody knows whether the tool acted. If the model calls it again, the id says that it
            // is the same call.
            self.give_back_occurrence(&content, occurrence);
        }
        outcome.into()
    }

    /// Which of the equal calls of the turn this is, from 0.
    fn take_occurrence(&self, content: &str) -> u32 {
        let mut used = self.used.borrow_mut();
        let used = used.entry(content.to_owned()).or_default();
        let free = (0..=u32::MAX).find(|number| !used.contains(number));
        let free = free.unwrap_or_default();
        used.insert(free);
        free
    }

    fn give_back_occurrence(&self, content: &str, occurrence: u32) {
        if let Some(used) = self.used.borrow_mut().get_mut(content) {
            used.remove(&occurrence);
        }
    }

    /// The id of a call. It is the same in whichever round the call is made, and when the turn is
    /// run again after its object has vanished.
    fn id(&self, tool: &Tool, content: &str, occurrence: u32) -> WebhookId {
        let key = &self.config.pseudonym_key;
        let first = self.caller.first;
        let content = format!("{first} {occurrence} {content}");
        let purpose = format!("tool {}", tool.name);
        key.webhook_id(self.thread, self.caller.turn, &purpose, &content)
    }

    fn body(
        &self,
        tool: &Tool,
        id: &WebhookId,
        arguments: Value,
    ) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Body<'b> {
            tool: &'b str,
            arguments: Value,
            call_id: &'b str,
            conversation: &'b str,
            assistant: &'b str,
            channel: &'static str,
            /// Whether nobody is a person, so that nothing may be carried out.
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            sandbox: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            contact: Option<&'b str>,
        }
        let contact = self.caller.contact;
        serde_json::to_string(&Body {
            tool: &tool.name,
            arguments,
            call_id: id.as_str(),
            conversation: self.thread.as_str(),
            assistant: &self.assistant.name,
            channel: self.caller.medium.name(),
            sandbox: self.caller.medium == Medium::Synthetic,
            contact: contact.filter(|_| tool.share_number).map(Address::as_str),
        })
    }
}
