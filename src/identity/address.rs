//! Addresses: phone numbers on a channel, as Twilio writes them.
//!
//! Not here: the names that stand for an address in logs and storage (`pseudonym`).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Malformed;

/// A phone number on a channel: `+15550100`, `whatsapp:+15550100`, or a short code such as `55501`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

const WHATSAPP: &str = "whatsapp:";

impl Address {
    /// The address as Twilio writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number without the channel.
    #[must_use]
    pub fn number(&self) -> &str {
        self.0.strip_prefix(WHATSAPP).unwrap_or(&self.0)
    }

    /// Whether it is on WhatsApp.
    #[must_use]
    pub fn is_whatsapp(&self) -> bool {
        self.0.starts_with(WHATSAPP)
    }

    /// Whether it is a short code.
    #[must_use]
    pub fn is_short_code(&self) -> bool {
        !self.number().starts_with('+')
    }
}

/// E.164 with an optional channel, or a short code of 3 to 8 digits.
impl FromStr for Address {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let all_digits = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        let e164 = |number: &str| {
            number.strip_prefix('+').is_some_and(|digits| {
                (7..=15).contains(&digits.len()) && all_digits(digits) && !digits.starts_with('0')
            })
        };
        let valid = match text.strip_prefix(WHATSAPP) {
            Some(number) => e164(number),
            None => e164(text) || ((3..=8).contains(&text.len()) && all_digits(text)),
        };
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed)
        }
    }
}

impl TryFrom<String> for Address {
    type Error = Malformed;
    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

/// Personal data: the debug form does not show it.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}
