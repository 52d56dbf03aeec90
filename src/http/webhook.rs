//! The checks that all Twilio webhooks share (form, signature, fields), and the response to a
//! rejected webhook.
//!
//! Not here: the handling of each webhook (`messages`, `delivery`).

use super::{
    platform::WorkerPlatform,
    request::{BodyError, Request, has_media_type, read_body, target_of},
    response::{self, JSON, Response, bad_request},
};
use crate::{
    base::usage::{RejectionCounts, UsageCounters},
    config::{Config, ConfigError},
    event::{self, Event, InternalProblem, ObjectKind, Security},
    identity::{Address, PhoneHash},
    twilio::{
        fields::FieldError,
        form::{Form, FormError},
        signature::{self, SignatureError, Verified},
    },
};

/// Why a webhook is rejected.
pub(super) enum Rejection<'c> {
    /// Settings are missing or wrong.
    Configuration(&'c [ConfigError]),
    /// The body was not read to its end.
    Body(BodyError),
    /// The body is not a form.
    Form(FormError),
    /// Twilio did not sign it.
    Signature(SignatureError, PhoneHash),
    /// A field is missing, malformed or repeated.
    Field(FieldError, PhoneHash),
    /// An object failed.
    Object(ObjectKind, String),
    /// The answer could not be written as TwiML.
    Twiml,
}

/// Reads a form, verifies it, and parses its fields. `contact` is the field that names the contact,
/// for the log.
pub(super) async fn verified<'c, T>(
    config: &Config,
    request: &mut impl Request,
    url: &str,
    contact: &str,
    parse: impl FnOnce(&Form) -> Result<T, FieldError>,
) -> Result<Verified<T>, Rejection<'c>> {
    // (3) The form.
    let body = read_body(request, "application/x-www-form-urlencoded").await;
    let form = Form::parse(&body.map_err(Rejection::Body)?).map_err(Rejection::Form)?;
    // (4) The signature, over the URL as it came.
    let phone_hash = phone_hash(config, &form, contact);
    let signature = request.header("X-Twilio-Signature");
    let signed_url = format!("{}{}", origin(config, url), target_of(url));
    let tokens = &config.twilio_tokens;
    let form = signature::verify_form(&signed_url, form, signature.as_deref(), tokens)
        .map_err(|error| Rejection::Signature(error, phone_hash.clone()))?;
    // (5) The fields.
    form.try_map(|form| parse(&form))
        .map_err(|error| Rejection::Field(error, phone_hash))
}

/// The same for a webhook that has its fields as JSON or as a form. The signed URL of JSON holds the
/// hash of the body.
pub(super) async fn verified_json_or_form<'c, T>(
    config: &Config,
    request: &mut impl Request,
    url: &str,
    parse_json: impl FnOnce(&[u8]) -> Result<T, FieldError>,
    parse_form: impl FnOnce(&Form) -> Result<T, FieldError>,
) -> Result<Verified<T>, Rejection<'c>> {
    // No field names a contact.
    let nobody = PhoneHash::nobody;
    if !has_media_type(request, JSON) {
        return verified(config, request, url, "From", parse_form).await;
    }
    let body = read_body(request, JSON).await.map_err(Rejection::Body)?;
    let signature = request.header("X-Twilio-Signature");
    let signed_url = format!("{}{}", origin(config, url), target_of(url));
    let tokens = &config.twilio_tokens;
    signature::verify_json(&signed_url, &body, signature.as_deref(), tokens)
        .map_err(|error| Rejection::Signature(error, nobody()))?
        .try_map(parse_json)
        .map_err(|error| Rejection::Field(error, nobody()))
}

/// The origin that Twilio reached: the configured one, or the request's own.
pub(super) fn origin<'a>(config: &'a Config, url: &'a str) -> &'a str {
    match &config.public_url {
        Some(origin) => origin.as_str(),
        None => url.strip_suffix(target_of(url)).unwrap_or(url),
    }
}

/// Logs and counts a rejection, and answers it. The answer contains nothing that would help a
/// forger.
pub(super) fn reject(platform: &impl WorkerPlatform, rejection: Rejection<'_>) -> Response {
    platform.count(&UsageCounters {
        rejections: counted(&rejection),
        ..UsageCounters::EMPTY
    });
    let security = |phone_hash, details| {
        event::log(
            platform,
            &Event::Security {
                phone_hash,
                details,
            },
        );
    };
    match rejection {
        Rejection::Configuration(errors) => {
            let mut settings: Vec<_> = errors.iter().map(ConfigError::place).collect();
            settings.dedup();
            let details = Security::ConfigurationInvalid { settings };
            security(PhoneHash::nobody(), details);
            response::not_configured()
        }
        Rejection::Body(error) => error.response(),
        Rejection::Form(error) => bad_request(&error.to_string()),
        Rejection::Signature(error, phone_hash) => {
            let reason = error.to_string();
            security(phone_hash, Security::InvalidSignature { reason });
            response::forbidden()
        }
        Rejection::Field(error, phone_hash) => {
            let FieldError { field, problem } = error;
            security(phone_hash, Security::SuspiciousRequest { field, problem });
            bad_request(&error.to_string())
        }
        Rejection::Object(object, reason) => {
            event::log(platform, &Event::ObjectFailed { object, reason });
            response::try_later()
        }
        Rejection::Twiml => {
            let reason = InternalProblem::Twiml;
            event::log(platform, &Event::InternalError { reason });
            response::internal_error()
        }
    }
}

fn counted(rejection: &Rejection<'_>) -> RejectionCounts {
    let mut counts = RejectionCounts::default();
    match rejection {
        Rejection::Signature(..) => counts.invalid_signature = 1,
        Rejection::Field(..) => counts.suspicious_request = 1,
        Rejection::Body(_) | Rejection::Form(_) => counts.bad_request = 1,
        Rejection::Configuration(_) | Rejection::Object(..) | Rejection::Twiml => {}
    }
    counts
}

/// The hash of the contact that a form names. It is for the log only: nothing has verified it yet.
fn phone_hash(config: &Config, form: &Form, contact: &str) -> PhoneHash {
    let address = form.get(contact);
    let address = address.and_then(|address| address.parse::<Address>().ok());
    address.map_or_else(PhoneHash::nobody, |address| {
        config.pseudonym_key.phone_hash(&address)
    })
}
