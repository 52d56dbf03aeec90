//! The parameters of the webhooks of a call, in Twilio's names.

use crate::base::time::now_ms;
use crate::twilio::calls::{Direction, Status};
use crate::twilio::media_store::ACCOUNT_SID;
use crate::twilio::values::rfc2822;

/// Names and values, in the order of a form.
pub type Parameters = Vec<(String, String)>;

/// The parameters of every webhook of a call.
pub fn common(
    sid: &str,
    (from, to): (&str, &str),
    direction: Direction,
    status: Status,
) -> Parameters {
    let mut parameters = Parameters::new();
    let mut add = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
    add("AccountSid", ACCOUNT_SID);
    add("ApiVersion", "2010-04-01");
    add("CallSid", sid);
    add("CallStatus", status.name());
    add("CallToken", "{\"parentCallInfoToken\":\"playground\"}");
    add("Direction", direction.name());
    for (name, address) in [("From", from), ("Caller", from), ("To", to), ("Called", to)] {
        add(name, address);
        let of_phone = address
            == if direction == Direction::Inbound {
                from
            } else {
                to
            };
        // Twilio sends unknown details of a number as empty parameters.
        add(
            &format!("{name}City"),
            if of_phone { "" } else { "SAN FRANCISCO" },
        );
        add(&format!("{name}State"), "CA");
        add(&format!("{name}Zip"), "");
        add(&format!("{name}Country"), "US");
    }
    add("StirVerstat", "TN-Validation-Passed-A");
    parameters
}

/// The parameters of the action of `<Connect>`, besides the common ones.
pub fn session(sid: &str, status: &str, seconds: u64) -> Parameters {
    named(&[
        ("SessionId", sid),
        ("SessionStatus", status),
        ("SessionDuration", &seconds.to_string()),
    ])
}

/// The error of a session.
pub fn failure(code: u32, message: &str) -> Parameters {
    named(&[("ErrorCode", &code.to_string()), ("ErrorMessage", message)])
}

/// The parameters of the status callback at the end of a call, besides the common ones.
pub fn status(seconds: u64, number: usize) -> Parameters {
    let mut parameters = named(&[
        ("CallDuration", &seconds.to_string()),
        ("Duration", &seconds.div_ceil(60).to_string()),
    ]);
    parameters.extend(progress(number));
    parameters
}

/// The parameters of every status callback, besides the common ones.
pub fn progress(number: usize) -> Parameters {
    named(&[
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", &number.to_string()),
        ("Timestamp", &rfc2822(now_ms())),
    ])
}

/// Parameters.
pub fn named(pairs: &[(&str, &str)]) -> Parameters {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
