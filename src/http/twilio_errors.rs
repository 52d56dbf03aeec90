//! `POST /twilio/errors`: Twilio reports an error or a warning of the account.
//!
//! It is sorted into the log and counted. Not here: which fields are read (`twilio::debugger`).

use super::{
    platform::WorkerPlatform,
    request::Request,
    response::Response,
    webhook::{self, Rejection},
};
use crate::{
    base::usage::UsageCounters,
    config::Config,
    event::{self, Event, TwilioSeverity},
    twilio::debugger::DebuggerEvent,
};

/// The webhook of Twilio's debugger.
pub(super) const ERRORS_PATH: &str = "/twilio/errors";

/// Answers the webhook. Twilio expects no body.
pub(super) async fn answer<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Rejection<'c>> {
    // No field names a contact.
    let report = webhook::verified(config, request, url, "From", DebuggerEvent::from_form).await?;
    let DebuggerEvent {
        severity,
        code,
        resource,
    } = *report.get();
    event::log(
        platform,
        &Event::TwilioError {
            severity,
            code,
            resource,
        },
    );
    let mut usage = UsageCounters::EMPTY;
    match severity {
        TwilioSeverity::Error => usage.twilio_errors = 1,
        TwilioSeverity::Warning => usage.twilio_warnings = 1,
        TwilioSeverity::Info => {}
    }
    platform.count(&usage);
    Ok(Response::empty(204))
}
