//! Phone numbers and Messaging Services as the API shows them.

use serde_json::{Map, Value, json};

use crate::base::random::random_hex;
use crate::base::time::now_ms;
use crate::twilio::values::rfc2822;

/// A resource as the API shows it.
pub type Resource = Map<String, Value>;

/// A phone number whose fields are the usual ones, except for those in `more`.
pub fn number(
    account: &str,
    phone_number: &str,
    friendly_name: &str,
    more: &[(&str, Value)],
) -> Resource {
    let sid = format!("PN{}", random_hex());
    let date = rfc2822(now_ms());
    let resource = json!({
        "account_sid": account,
        "address_requirements": "none",
        "api_version": "2010-04-01",
        "beta": false,
        "capabilities": {"voice": true, "sms": true, "mms": true, "fax": false},
        "date_created": date,
        "date_updated": date,
        "friendly_name": friendly_name,
        "origin": "twilio",
        "phone_number": phone_number,
        "sid": sid,
        "sms_application_sid": "",
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": "",
        "status": "in-use",
        "status_callback": "",
        "status_callback_method": "POST",
        "trunk_sid": null,
        "uri": format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"),
        "voice_application_sid": "",
        "voice_caller_id_lookup": false,
        "voice_fallback_method": "POST",
        "voice_fallback_url": "",
        "voice_method": "POST",
        "voice_receive_mode": "voice",
        "voice_url": ""
    });
    fields_of(resource, more)
}

/// A Messaging Service.
pub fn service(
    account: &str,
    friendly_name: &str,
    use_inbound_webhook_on_number: bool,
) -> Resource {
    let sid = format!("MG{}", random_hex());
    let resource = json!({
        "account_sid": account,
        "fallback_method": "POST",
        "fallback_url": null,
        "friendly_name": friendly_name,
        "inbound_method": "POST",
        "inbound_request_url": "https://another.example/service",
        "sid": sid,
        "status_callback": null,
        "url": format!("https://messaging.twilio.com/v1/Services/{sid}"),
        "use_inbound_webhook_on_number": use_inbound_webhook_on_number
    });
    fields_of(resource, &[])
}

fn fields_of(resource: Value, more: &[(&str, Value)]) -> Resource {
    let mut fields = match resource {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    fields
}

/// A new SID.
pub fn sid(prefix: &str) -> Value {
    format!("{prefix}{}", random_hex()).into()
}

/// A field that is a text.
pub fn text<'r>(resource: &'r Resource, name: &str) -> &'r str {
    resource
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Whether this is the resource with the SID `sid`.
pub fn is(resource: &Resource, sid: &str) -> bool {
    text(resource, "sid") == sid
}
