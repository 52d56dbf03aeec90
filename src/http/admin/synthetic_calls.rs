//! What a batch of synthetic calls needs before it begins: its settings, its two numbers, its minutes.
//!
//! Not here: batches (`batches`), and the calls themselves (`synthetic::run`).

use std::time::Duration;

use serde::Serialize;

use crate::{
    config::Config,
    http::{
        platform::WorkerPlatform,
        response::{Response, bad_request, plain},
        webhook::origin,
    },
    identity::Address,
    object::{in_time, with_retry},
    platform::PlatformError,
    synthetic::{
        api::{CheckNumbers, NumberFault, NumbersCheck},
        plan::{BatchPlan, CallPlan, Leg, RunId},
    },
    twilio::voice::{
        prices::{Billed, Speech},
        webhook_url::{VOICE_PATH, webhook_url},
    },
};

/// How long both questions to Twilio may take.
const CHECK_TIME: Duration = Duration::from_secs(25);

/// What calls need beside their sides, if all settings for it are there.
pub(super) fn call_plan(config: &Config, url: &str, record: bool) -> Result<CallPlan, Response> {
    let settings = [
        ("SYNTHETIC_CALLER", config.synthetic_caller.is_some()),
        ("SYNTHETIC_CALLEE", config.synthetic_callee.is_some()),
        ("TWILIO_ACCOUNT_SID", config.twilio_account.is_some()),
    ];
    if let Some((missing, _)) = settings.iter().find(|(_, is_set)| !is_set) {
        return Err(conflict(&format!(
            "{missing} is not set: synthetic calls need it"
        )));
    }
    let origin = origin(config, url);
    // The playground is a Twilio on this machine.
    if !origin.starts_with("https://") && !config.twilio_api_base_url.is_loopback() {
        return Err(conflict(
            "Twilio cannot reach this origin: set PUBLIC_URL to one with https",
        ));
    }
    Ok(CallPlan {
        origin: origin.to_owned(),
        record,
    })
}

/// Checks whether calls of this plan can be made: the minutes of the day, and the numbers at Twilio.
/// `None`: they can.
///
/// # Errors
/// When the object that asks Twilio did not answer.
pub(super) async fn refusal(
    platform: &impl WorkerPlatform,
    config: &Config,
    plan: &BatchPlan,
    first: RunId,
) -> Result<Option<Response>, PlatformError> {
    let Some(call) = &plan.call else {
        return Ok(None);
    };
    let (needs, cap) = (plan.most_minutes_of_a_run(), config.max_daily_call_minutes);
    if needs > cap {
        return Ok(Some(bad_request(&format!(
            "a call may need {needs} minutes on its two legs, and MAX_DAILY_CALL_MINUTES allows {cap} a day: lower limits.seconds"
        ))));
    }
    let check = CheckNumbers {
        voice_url: webhook_url(&call.origin, VOICE_PATH, None),
    };
    let name = first.to_string();
    let checked = with_retry(async || platform.call(&name, &check).await);
    let checked = in_time(platform, CHECK_TIME, checked).await?;
    Ok(answer_of(config, checked, &check.voice_url))
}

fn answer_of(config: &Config, checked: NumbersCheck, voice_url: &str) -> Option<Response> {
    let (leg, fault) = match checked {
        NumbersCheck::Right => return None,
        NumbersCheck::Unauthorized => {
            return Some(conflict(
                "Twilio accepts no TWILIO_AUTH_TOKEN for TWILIO_ACCOUNT_SID",
            ));
        }
        NumbersCheck::Unknown => {
            let problem = "Twilio did not say what it does with SYNTHETIC_CALLER and SYNTHETIC_CALLEE: try again\n";
            return Some(plain(502, problem));
        }
        NumbersCheck::Wrong(leg, fault) => (leg, fault),
    };
    let (setting, number) = match leg {
        Leg::Caller => ("SYNTHETIC_CALLER", &config.synthetic_caller),
        Leg::Callee => ("SYNTHETIC_CALLEE", &config.synthetic_callee),
    };
    let number = number.as_ref().map_or("", Address::as_str);
    let should = format!(
        "at Twilio, set \"A call comes in\" of {number} to Webhook, {voice_url}, HTTP POST"
    );
    let problem = match fault {
        NumberFault::Absent => "the account has no such number".to_owned(),
        NumberFault::NoVoice => "the number has no voice".to_owned(),
        NumberFault::NoWebhook => format!("no webhook takes calls to the number: {should}"),
        NumberFault::OtherWebhook => {
            format!("another webhook takes calls to the number: {should}")
        }
        NumberFault::NotByPost => format!("the number's webhook is called with GET: {should}"),
    };
    Some(conflict(&format!("{setting}: {problem}")))
}

fn conflict(problem: &str) -> Response {
    plain(409, &format!("{problem}\n"))
}

/// What the calls of a batch may cost at most.
#[allow(
    clippy::struct_field_names,
    reason = "they are the names in the answer"
)]
#[derive(Debug, Serialize)]
pub(super) struct CallEstimate {
    /// Begun minutes of both legs, if each call lasts as long as it may.
    call_minutes_at_most: u64,
    /// The cap of the day.
    call_minutes_a_day: u32,
    /// What Twilio bills for them at list prices.
    call_usd_at_most: f64,
}

impl CallEstimate {
    /// `None`: the batch has no calls.
    pub(super) fn of(plan: &BatchPlan, config: &Config) -> Option<Self> {
        let call = plan.call.as_ref()?;
        let of_a_run = plan.most_minutes_of_a_run();
        let count = u64::from(plan.count);
        let micro_usd = call_price(of_a_run, call.record).saturating_mul(count);
        Some(Self {
            call_minutes_at_most: u64::from(of_a_run).saturating_mul(count),
            call_minutes_a_day: config.max_daily_call_minutes,
            call_usd_at_most: in_usd(micro_usd),
        })
    }
}

/// About what Twilio bills for so many minutes of both legs together, in millionths of a US dollar.
/// The recording is made on one leg.
pub(super) fn call_price(minutes: u32, record: bool) -> u64 {
    let leg = |minutes, is_outbound, is_recorded| {
        let billed = Billed {
            minutes,
            is_outbound,
            speech: Speech::Relay,
            is_recorded,
        };
        billed.estimate().unwrap_or_default()
    };
    let inbound = minutes / 2;
    let outbound = minutes.saturating_sub(inbound);
    leg(outbound, true, record).saturating_add(leg(inbound, false, false))
}

/// Dollars, with four digits after the point.
#[allow(
    clippy::cast_precision_loss,
    reason = "an estimate of less than a billion dollars"
)]
pub(super) fn in_usd(micro_usd: u64) -> f64 {
    micro_usd.div_ceil(100) as f64 / 10_000.0
}
