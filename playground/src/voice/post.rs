//! Posting the webhooks of a call. The feed gets each of them and its answer.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};

use super::log::CallLog;
use super::parameters::Parameters;
use crate::base::random::random_hex;
use crate::base::time::{elapsed_ms, now_ms};
use crate::phones::outgoing::Outgoing;
use crate::webhook::client::{ANSWER_TIMEOUT, Answer, NoAnswer, Signature};

/// Why a webhook is posted.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// For TwiML: the call begins, or a document says so.
    Voice,
    /// A verb has ended.
    Action,
    /// The call has come further, or is over.
    Status,
    /// Its recording has come further, or is over.
    Recording,
}

/// Posts a webhook to a URL of the Worker.
///
/// # Errors
/// A sentence that says why there is no answer with a status below 400.
pub async fn post(
    outgoing: Arc<Outgoing>,
    log: Arc<CallLog>,
    kind: Kind,
    url: String,
    parameters: Parameters,
) -> Result<Answer, String> {
    let exchange = outgoing.history.next_exchange();
    let webhook = outgoing
        .client
        .webhook_to(&url, &parameters, Signature::Genuine, &random_hex());
    let request = webhook.as_ref().ok().map(|webhook| {
        json!({
            "method": "POST",
            "url": webhook.url,
            "headers": webhook.headers,
            "parameters": parameters
        })
    });
    let event = json!({
        "exchange": exchange,
        "sid": log.sid,
        "kind": kind,
        "forged": false,
        "at": now_ms(),
        "from": log.from,
        "to": log.to,
        "request": request,
        "name": outgoing.pseudonyms.pair(&log.from, &log.to),
        "phone_hash": outgoing.pseudonyms.phone_hash(&log.from)
    });
    outgoing.feed.publish("sent", event);
    let start = Instant::now();
    let answer = match webhook {
        Ok(webhook) => {
            let outgoing = Arc::clone(&outgoing);
            let posted =
                tokio::task::spawn_blocking(move || outgoing.client.post(&webhook, ANSWER_TIMEOUT));
            let posted = posted.await;
            posted.unwrap_or_else(|error| Err(NoAnswer::Broken(error.to_string())))
        }
        Err(error) => Err(NoAnswer::Broken(error.to_string())),
    };
    let answer = answer.map_err(|reason| problem(&reason, outgoing.client.worker()));
    let mut event = match &answer {
        Ok(answer) => shown(answer),
        Err(problem) => json!({"problem": problem}),
    };
    if let Some(fields) = event.as_object_mut() {
        fields.insert("exchange".to_owned(), exchange.into());
        fields.insert("took_ms".to_owned(), elapsed_ms(start).into());
        fields.insert("at".to_owned(), now_ms().into());
    }
    outgoing.feed.publish("answered", event);
    match answer {
        Ok(answer) if answer.status >= 400 => {
            let status = answer.status;
            Err(format!("the Worker answered {status}"))
        }
        other => other,
    }
}

fn shown(answer: &Answer) -> Value {
    let headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect();
    let body = String::from_utf8_lossy(&answer.body);
    json!({"status": answer.status, "headers": headers, "body": body, "messages": []})
}

fn problem(reason: &NoAnswer, worker: &str) -> String {
    match reason {
        NoAnswer::TimedOut => format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()),
        NoAnswer::NotListening => format!("nothing is listening at {worker}: start the Worker"),
        NoAnswer::Broken(error) => format!("no answer from {worker}: {error}"),
    }
}
