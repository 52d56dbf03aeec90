//! The mock OpenAI: `POST /v1/chat/completions`, plain and streamed, the same under `/fallback`, and
//! `POST /v1/audio/transcriptions`.
//!
//! Besides chatting and calling tools, its model reads a form (`intake`), plays a persona in a call
//! (`persona`) and scores a conversation (`score`). It is as strict about requests as the real API,
//! for everything that a client with text, images, tools and answers by a schema can meet. It accepts
//! audio in a request and ignores it.

use axum::http::Method;
use chrono::NaiveDate;

use self::models::Clock;
use self::problem::Problem;
use self::request::Request;
use crate::http::call::{Authorization, Call};
use crate::http::reply::{Prepared, Reply};

mod answer;
mod compatible;
mod completion;
mod fields;
mod image_check;
mod intake;
mod messages;
mod model_rules;
mod models;
mod persona;
mod problem;
mod request;
mod schema;
mod score;
mod server;
mod shape;
mod thoughts;
mod tokens;
mod tool_arguments;
mod tool_messages;
mod tool_use;
mod tools;
mod transcription;

pub use self::problem::error_reply;
pub use self::server::endpoint;
pub use self::transcription::HEARD;

/// The mock OpenAI.
pub struct OpenAi {
    /// The only key that is accepted; `None` accepts any.
    key: Option<String>,
    /// Some models are shut down on a certain day.
    clock: Clock,
}

impl OpenAi {
    /// A mock that accepts `key`, or any key without one. With `date` it is always that day.
    pub fn new(key: Option<String>, date: Option<NaiveDate>) -> Self {
        Self {
            key: key.filter(|key| !key.is_empty()),
            clock: Clock::new(date),
        }
    }

    /// Checks the bearer key.
    pub fn authorize(&self, call: &Call) -> Authorization {
        let granted = call.credential("bearer").is_some_and(|key| {
            !key.is_empty() && self.key.as_deref().is_none_or(|accepted| accepted == key)
        });
        Authorization {
            granted,
            token_index: None,
        }
    }

    /// Checks an authorized request.
    ///
    /// # Errors
    /// The answer to a request that the real API would reject too.
    pub fn prepare(&self, call: &Call) -> Result<Prepared<'static>, Reply> {
        let transcribes = call.path == "/v1/audio/transcriptions";
        if server::endpoint(call).is_none() && !transcribes {
            let message = format!("There is nothing at {} {}.", call.method, call.path);
            return Err(Problem::invalid(message).status(404).reply());
        }
        if call.method != Method::POST {
            let message = format!("{} is not possible here, only POST.", call.method);
            return Err(Problem::invalid(message)
                .code("method_not_supported")
                .status(405)
                .reply());
        }
        if transcribes {
            return transcription::prepare(call, self.clock.today()).map_err(Problem::reply);
        }
        let kind = server::of_directive(call);
        if let Some(refusal) = kind.and_then(|kind| server::refusal(kind, call)) {
            return Err(refusal);
        }
        let request = Request::read(call, self.clock.today(), kind).map_err(Problem::reply)?;
        Ok(Prepared {
            message_text: server::fault_text(call),
            deprecation: request.model.deprecation(),
            act: Box::new(move |fault| request.complete(fault)),
        })
    }
}
