//! The webhooks of a synthetic call.
//!
//! The leg of the number that calls has webhooks of its own, which name the run. The number that is
//! called has the ordinary webhook for calls (`voice`), which finds the run by the two numbers: there is
//! one call at a time between them. Not here: the conversation (`synthetic`), and the sockets (`sockets`).

use super::{
    platform::{OBJECT_TIME, WorkerPlatform},
    request::Request,
    response::Response,
    voice_answer::{hang_up, secret, twiml_response},
    webhook::{self, Rejection, origin},
};
use crate::{
    config::Config,
    event::{self, ObjectKind},
    identity::CallSid,
    object::{in_time, with_retry},
    platform::{Method, PlatformError},
    synthetic::{
        api::{
            AnswerLeg, BATCHES_NAME, CallRecorded, FindLine, LegEnded, LegRelay, Recording,
            RunCallOver,
        },
        call_url::{Kind, LegUrl, Webhook},
        plan::{Leg, RunId},
    },
    twilio::voice::{
        Direction,
        fields::{CallStatusUpdate, IncomingCall, RecordingStatus, RecordingUpdate, RelayEnded},
        twiml,
    },
};

/// Answers one of the webhooks that name a run.
pub(super) async fn answer<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
    webhook: Webhook,
) -> Result<Response, Rejection<'c>> {
    let Webhook { run, kind } = webhook;
    match kind {
        Kind::Voice => {
            let call = IncomingCall::from_form;
            let call = webhook::verified(config, request, url, "To", call).await?;
            answer_leg(platform, config, url, &run, Leg::Caller, &call.get().call).await
        }
        Kind::Ended(leg) => {
            let ended = RelayEnded::from_form;
            let ended = webhook::verified(config, request, url, "To", ended).await?;
            let sid = ended.get().call.clone();
            told(platform, &run, &LegEnded { leg, sid }).await?;
            hang_up()
        }
        Kind::Status => {
            let update = CallStatusUpdate::from_form;
            let update = webhook::verified(config, request, url, "To", update).await?;
            let CallStatusUpdate { call, status, .. } = update.get();
            if status.is_final() {
                let sid = call.clone();
                told(platform, &run, &RunCallOver { sid }).await?;
            }
            Ok(Response::empty(204))
        }
        Kind::Recording => {
            let update = RecordingUpdate::from_form;
            let update = webhook::verified(config, request, url, "To", update).await?;
            let RecordingUpdate { recording, status } = update.get().clone();
            let recording = match status {
                RecordingStatus::Completed => Some(Recording::Completed(recording)),
                RecordingStatus::Absent => Some(Recording::Absent),
                RecordingStatus::Failed => Some(Recording::Failed),
                RecordingStatus::Other => None,
            };
            if let Some(recording) = recording {
                told(platform, &run, &CallRecorded(recording)).await?;
            }
            Ok(Response::empty(204))
        }
    }
}

/// Whether a call is one between the two numbers of synthetic calls. No assistant answers it, also when
/// no run has it any more.
pub(super) fn is_between_ours(config: &Config, call: &IncomingCall) -> bool {
    let (Some(from), Some(to)) = (&config.synthetic_caller, &config.synthetic_callee) else {
        return false;
    };
    call.direction == Direction::Inbound
        && call.number.as_ref() == Some(to)
        && call.person.number().as_ref() == Some(from)
}

/// Answers the leg of the number that is called.
pub(super) async fn answer_callee<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    url: &str,
    call: &IncomingCall,
) -> Result<Response, Rejection<'c>> {
    let found = with_retry(async || platform.call(BATCHES_NAME, &FindLine).await);
    match in_time(platform, OBJECT_TIME, found).await {
        Ok(Some(run)) => answer_leg(platform, config, url, &run, Leg::Callee, &call.call).await,
        Ok(None) => hang_up(),
        Err(error) => not_answered(platform, ObjectKind::Batch, error),
    }
}

async fn answer_leg<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    url: &str,
    run: &RunId,
    leg: Leg,
    sid: &CallSid,
) -> Result<Response, Rejection<'c>> {
    let secret = secret(platform)?;
    let answer = AnswerLeg {
        leg,
        sid: sid.clone(),
        door: secret.hash(),
    };
    let relay = match ask(platform, run, &answer).await {
        Ok(Some(relay)) => relay,
        Ok(None) => return hang_up(),
        Err(error) => return not_answered(platform, ObjectKind::Run, error),
    };
    let LegRelay {
        speaks,
        voice,
        hears,
        records,
    } = relay;
    let origin = origin(config, url);
    let of_run = |kind| {
        let run = run.clone();
        Webhook { run, kind }.url(origin)
    };
    let socket = LegUrl {
        run: run.clone(),
        leg,
        secret,
    };
    twiml_response(twiml::connect_leg(&twiml::ConnectLeg {
        action: &of_run(Kind::Ended(leg)),
        url: &socket.url(origin),
        speaks: &speaks,
        voice: &voice,
        hears: &hears,
        recording: records.then(|| of_run(Kind::Recording)).as_deref(),
    }))
}

/// The leg hangs up. After a 503, the other leg would hear Twilio's own words for an error.
fn not_answered<'c>(
    platform: &impl WorkerPlatform,
    object: ObjectKind,
    error: PlatformError,
) -> Result<Response, Rejection<'c>> {
    event::log_failure(platform, object, error);
    hang_up()
}

/// Tells a run what has happened.
async fn told<'c>(
    platform: &impl WorkerPlatform,
    run: &RunId,
    method: &impl Method<Reply = ()>,
) -> Result<(), Rejection<'c>> {
    let told = ask(platform, run, method).await;
    told.map_err(|error| Rejection::Object(ObjectKind::Run, error.reason))
}

/// Calls the run's object. Each of its methods may be called twice.
async fn ask<M: Method>(
    platform: &impl WorkerPlatform,
    run: &RunId,
    method: &M,
) -> Result<M::Reply, PlatformError> {
    let name = run.to_string();
    let asked = with_retry(async || platform.call(&name, method).await);
    in_time(platform, OBJECT_TIME, asked).await
}
