//! What `playground say --media` attaches: addresses as they are, and files of this machine, which are given to the playground
//! to keep as Twilio keeps media.
//!
//! Not here: how the playground keeps them (`media_store.rs`), and how they are named in the webhook (`webhook.rs`).

use std::time::Duration;

use serde_json::Value;

use crate::media_store::MAX_FILE;
use crate::webhook::media_type;

/// The addresses of `wanted` and their types. `playground` is its origin.
///
/// # Errors
/// A sentence about the first that cannot be attached.
pub fn attach(playground: &str, wanted: &[String]) -> Result<(Vec<String>, Vec<String>), String> {
    let all: Result<Vec<(String, String)>, String> = wanted
        .iter()
        .map(|wanted| {
            if wanted.contains("://") {
                return Ok((wanted.clone(), media_type(wanted).to_owned()));
            }
            upload(playground, wanted).map_err(|reason| format!("--media {wanted}: {reason}"))
        })
        .collect();
    Ok(all?.into_iter().unzip())
}

fn upload(playground: &str, file: &str) -> Result<(String, String), String> {
    let bytes = std::fs::read(file)
        .map_err(|error| format!("neither an address nor a file that can be read: {error}"))?;
    if bytes.len() > MAX_FILE {
        return Err(format!(
            "the playground keeps files up to {} MB",
            MAX_FILE / (1024 * 1024)
        ));
    }
    let kept = give(playground, media_type(file), &bytes)
        .map_err(|error| format!("no playground at {playground} took it: {error}"))?;
    let text = |name: &str| kept.get(name).and_then(Value::as_str).map(str::to_owned);
    text("url")
        .zip(text("content_type"))
        .ok_or_else(|| format!("the playground at {playground} did not say where it is"))
}

const TIMEOUT: Duration = Duration::from_secs(15);

fn give(playground: &str, content_type: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT))
        .build()
        .new_agent();
    let mut response = agent
        .post(format!("{playground}/playground/media"))
        .header("Content-Type", content_type)
        .send(bytes)?;
    Ok(serde_json::from_str(
        &response.body_mut().read_to_string()?,
    )?)
}
