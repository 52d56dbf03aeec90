//! `POST /twilio/intelligence`: Twilio tells that the transcript of a recording is there.
//!
//! The run of the call is told, and asks for the transcript. The webhook may be lost or come twice, see
//! `synthetic::analysis::waiting`. Not here: which fields are read (`twilio::intelligence`).

use super::{
    platform::{OBJECT_TIME, WorkerPlatform},
    request::Request,
    response::Response,
    webhook::{self, Rejection},
};
use crate::{
    config::Config,
    event::ObjectKind,
    object::{in_time, with_retry},
    synthetic::{analysis, api::TranscriptReady},
    twilio::intelligence::Notice,
};

/// The webhook of Twilio Intelligence.
pub(super) const INTELLIGENCE_PATH: &str = "/twilio/intelligence";

/// Answers the webhook. Twilio expects no body. What is about no run of ours changes nothing: a service
/// can transcribe other recordings, too.
pub(super) async fn answer<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    let (json, form) = (Notice::from_json, Notice::from_form);
    let notice = webhook::verified_json_or_form(config, request, url, json, form).await?;
    let notice = notice.get();
    let is_ours = notice.is_available
        && config.twilio_account.as_ref() == Some(&notice.account)
        && config.intelligence_service.as_ref() == Some(&notice.service);
    let key = notice.key.as_deref().filter(|_| is_ours);
    if let Some(run) = key.and_then(analysis::run_of) {
        let run = run.to_string();
        let ready = TranscriptReady {
            transcript: notice.transcript.clone(),
        };
        let told = with_retry(async || platform.call(&run, &ready).await);
        in_time(platform, OBJECT_TIME, told)
            .await
            .map_err(|error| Rejection::Object(ObjectKind::Run, error.reason))?;
    }
    Ok(Response::empty(204))
}
