//! A valid request for a completion.

use chrono::NaiveDate;
use serde_json::Value;

use super::fields::check_fields;
use super::image_check::Image;
use super::messages::{Spoken, read_message};
use super::model_rules::{check_combinations, effort, find_model};
use super::models::{Model, reasoning_tokens};
use super::problem::{Problem, missing};
use super::thoughts;
use super::tokens::{TOKENS_PER_IMAGE, tokens};
use super::tool_messages::{Unanswered, read_calls};
use super::tool_use::Done;
use super::tools::{AnswerForm, Tools, read_response_format, read_tools};
use crate::fault::Server;
use crate::http::call::Call;

/// A valid request.
pub struct Request {
    /// The server that it is for, if it is another than OpenAI.
    pub server: Option<Server>,
    /// The model that answers.
    pub model: &'static Model,
    /// The texts of the user messages, oldest first.
    pub user_messages: Vec<String>,
    /// The texts of the messages of the system, which say what the model is to do.
    pub instructions: Vec<String>,
    /// The tools.
    pub tools: Tools,
    /// The tool calls since the newest user message, with their results.
    pub done: Vec<Done>,
    /// What both sides have said, oldest first.
    pub spoken: Vec<Spoken>,
    /// The form that the answer must have.
    pub form: Option<AnswerForm>,
    /// The images in the newest user message.
    pub images: Vec<Image>,
    /// The size of the request.
    pub prompt_tokens: u64,
    /// How much the model reasons, if the token limit allows it.
    pub reasoning_tokens: u64,
    /// The token limit of the answer.
    pub max_tokens: Option<u64>,
    /// How many answers are wanted.
    pub choices: u64,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Whether a streamed answer ends with its usage.
    pub include_usage: bool,
}

impl Request {
    /// Reads and checks a request. `today` decides which models still exist. Another `server` than
    /// OpenAI knows other fields.
    ///
    /// # Errors
    /// The problem that the real API would report.
    pub fn read(call: &Call, today: NaiveDate, server: Option<Server>) -> Result<Self, Problem> {
        if call.content_type() != "application/json" {
            let message = "The content type must be application/json.";
            return Err(Problem::invalid(message.to_owned()).code("unsupported_content_type"));
        }
        let body: Value = serde_json::from_slice(&call.body).map_err(|error| {
            Problem::invalid(format!("The body of the request is not JSON: {error}."))
        })?;
        let Value::Object(mut fields) = body else {
            return Err(Problem::invalid(
                "The body of the request must be a JSON object.".to_owned(),
            ));
        };
        let takes_max_tokens = matches!(server, Some(Server::Old | Server::Strict));
        if takes_max_tokens && let Some(limit) = fields.remove("max_tokens") {
            fields.insert("max_completion_tokens".to_owned(), limit);
        }
        if let Some(messages) = fields.get_mut("messages") {
            thoughts::strip(server, messages);
        }
        check_fields(&fields)?;
        let model = find_model(&fields, today)?;
        check_combinations(&fields, model)?;
        let tools = read_tools(&fields)?;
        let form = read_response_format(&fields)?;
        let messages = fields
            .get("messages")
            .and_then(Value::as_array)
            .ok_or_else(|| missing("messages"))?;
        if messages.is_empty() {
            return Err(Problem::invalid(
                "'messages' is empty; at least one is needed.".to_owned(),
            )
            .param("messages")
            .code("empty_array"));
        }
        let (mut user_messages, mut images) = (Vec::new(), Vec::new());
        let (mut instructions, mut spoken, mut done) = (Vec::new(), Vec::new(), Vec::new());
        let (mut unanswered, mut follows_calls) = (Unanswered::default(), false);
        let mut prompt_tokens: u64 = 3;
        for (index, message) in messages.iter().enumerate() {
            let (role, content) = read_message(index, message)?;
            let image_count = u64::try_from(content.images.len()).unwrap_or(u64::MAX);
            prompt_tokens = prompt_tokens
                .saturating_add(tokens(&content.text))
                .saturating_add(TOKENS_PER_IMAGE.saturating_mul(image_count))
                .saturating_add(4);
            if role != "tool" {
                unanswered.none_left(index)?;
                follows_calls = false;
            }
            spoken.extend(Spoken::read(role, &content.text));
            match role {
                "user" => {
                    user_messages.push(content.text);
                    images = content.images;
                    done.clear();
                }
                "system" | "developer" => instructions.push(content.text),
                "assistant" => {
                    let calls = read_calls(index, message)?;
                    unanswered.called(&calls);
                    follows_calls = !calls.is_empty();
                    done.extend(calls.into_iter().map(|call| Done {
                        call,
                        result: String::new(),
                    }));
                }
                _ => {
                    let id = message.get("tool_call_id").and_then(Value::as_str);
                    let id = id.unwrap_or_default();
                    unanswered.result(index, id, follows_calls)?;
                    if let Some(one) = done.iter_mut().rfind(|one| one.call.id == id) {
                        one.result = content.text;
                    }
                }
            }
        }
        unanswered.none_left(messages.len())?;
        let number = |name: &str| fields.get(name).and_then(Value::as_u64);
        Ok(Self {
            server,
            model,
            user_messages,
            instructions,
            tools,
            done,
            spoken,
            form,
            images,
            prompt_tokens,
            reasoning_tokens: reasoning_tokens(effort(&fields, model)),
            max_tokens: number("max_completion_tokens").or_else(|| number("max_tokens")),
            choices: number("n").unwrap_or(1),
            stream: fields.get("stream") == Some(&Value::Bool(true)),
            include_usage: fields
                .get("stream_options")
                .and_then(|options| options.get("include_usage"))
                == Some(&Value::Bool(true)),
        })
    }
}
