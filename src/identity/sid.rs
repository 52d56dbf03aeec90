//! Twilio's ids: each kind has its own type.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Malformed;

/// Defines a type for one kind of Twilio id: a prefix of two letters and 32 hex digits.
macro_rules! sid {
    ($(#[$doc:meta])* $name:ident, $($prefix:literal)|+) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;
            fn from_str(text: &str) -> Result<Self, Malformed> {
                let digits = None$(.or_else(|| text.strip_prefix($prefix)))+;
                match digits {
                    Some(hex) if hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(Self(text.to_owned())),
                    _ => Err(Malformed),
                }
            }
        }
    };
}

sid!(
    /// Twilio's id of a message.
    MessageSid, "SM" | "MM"
);
sid!(
    /// Twilio's id of an account or subaccount.
    AccountSid, "AC"
);
sid!(
    /// Twilio's id of a Messaging Service.
    ServiceSid, "MG"
);
sid!(
    /// Twilio's id of a Studio flow.
    FlowSid, "FW"
);
sid!(
    /// Twilio's id of a call.
    CallSid, "CA"
);
sid!(
    /// Twilio's id of a recording.
    RecordingSid, "RE"
);
sid!(
    /// Twilio's id of a service of Intelligence.
    IntelligenceServiceSid, "GA"
);
sid!(
    /// Twilio's id of a transcript that Intelligence makes of a recording.
    TranscriptSid, "GT"
);
