//! The attachments of `playground say`: URLs, files of this machine (`--media`), and voice notes
//! (`--voice`). Files are uploaded to the playground, which stores them like Twilio.

use std::time::Duration;

use serde_json::Value;

use crate::base::content_type;
use crate::base::voice_note::{MEDIA_TYPE, voice_note};
use crate::twilio::media_store::MAX_FILE;

/// The URLs and the media types of the files and URLs that are `wanted`, and of voice notes with the
/// words in `said`. `playground` is the origin of the playground.
///
/// # Errors
/// A sentence about the first one that cannot be attached.
pub fn attach(
    playground: &str,
    wanted: &[String],
    said: &[String],
) -> Result<(Vec<String>, Vec<String>), String> {
    let voice_notes = said.iter().map(|words| {
        let file = voice_note(words, SECONDS);
        stored(playground, MEDIA_TYPE, &file).map_err(|reason| format!("--voice: {reason}"))
    });
    let all: Result<Vec<(String, String)>, String> = wanted
        .iter()
        .map(|wanted| {
            if wanted.contains("://") {
                return Ok((wanted.clone(), content_type::of_path(wanted).to_owned()));
            }
            upload(playground, wanted).map_err(|reason| format!("--media {wanted}: {reason}"))
        })
        .chain(voice_notes)
        .collect();
    Ok(all?.into_iter().unzip())
}

fn upload(playground: &str, file: &str) -> Result<(String, String), String> {
    let bytes = std::fs::read(file)
        .map_err(|error| format!("neither an address nor a file that can be read: {error}"))?;
    if bytes.len() > MAX_FILE {
        return Err(format!(
            "the playground accepts files up to {} MB",
            MAX_FILE / (1024 * 1024)
        ));
    }
    stored(playground, content_type::of_path(file), &bytes)
}

/// The length of a voice note.
const SECONDS: u32 = 2;

fn stored(playground: &str, media_type: &str, bytes: &[u8]) -> Result<(String, String), String> {
    let stored = post(playground, media_type, bytes).map_err(|error| {
        format!("uploading it to the playground at {playground} failed: {error}")
    })?;
    let text = |name: &str| stored.get(name).and_then(Value::as_str).map(str::to_owned);
    text("url")
        .zip(text("content_type"))
        .ok_or_else(|| format!("the playground at {playground} did not return its address"))
}

const TIMEOUT: Duration = Duration::from_secs(15);

fn post(playground: &str, content_type: &str, bytes: &[u8]) -> anyhow::Result<Value> {
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
