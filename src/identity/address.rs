//! Addresses: who writes, and what was written to, on each of Twilio's channels.
//!
//! Not here: the names that stand for an address in logs and storage (`pseudonym`).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Malformed;

/// An address as Twilio writes it, such as `+15550100`, `whatsapp:US.13491208655302741918`,
/// `rcs:brand_x_agent` or the short code `55501`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// The channel of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// SMS and MMS.
    Sms,
    /// WhatsApp: numbers, and the user ids of people with a user name.
    WhatsApp,
    /// RCS: numbers, and the agents of businesses.
    Rcs,
    /// Facebook Messenger: ids of people and pages.
    Messenger,
}

impl Channel {
    /// Its name for other programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::WhatsApp => "whatsapp",
            Self::Rcs => "rcs",
            Self::Messenger => "messenger",
        }
    }
}

/// The way on which somebody talks with an assistant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Messages.
    Messages(Channel),
    /// A phone call.
    Call,
    /// A synthetic conversation: nobody is a person.
    Synthetic,
}

impl Medium {
    /// Its name for other programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages(channel) => channel.name(),
            Self::Call => "call",
            Self::Synthetic => "synthetic",
        }
    }
}

/// Every channel but SMS, with the prefix of its addresses.
const PREFIXES: [(Channel, &str); 3] = [
    (Channel::WhatsApp, "whatsapp:"),
    (Channel::Rcs, "rcs:"),
    (Channel::Messenger, "messenger:"),
];

impl Address {
    /// The address as Twilio writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its channel.
    #[must_use]
    pub fn channel(&self) -> Channel {
        split(&self.0).0
    }

    /// The number or id without the channel.
    #[must_use]
    pub fn id(&self) -> &str {
        split(&self.0).1
    }

    /// Whether its id is a phone number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        is_e164(self.id())
    }

    /// Whether it can be called: a phone number by itself.
    #[must_use]
    pub fn is_phone(&self) -> bool {
        is_e164(&self.0)
    }

    /// Whether a message to it can arrive. Short codes and alphanumeric sender ids take none.
    #[must_use]
    pub fn is_answerable(&self) -> bool {
        self.channel() != Channel::Sms || is_e164(&self.0)
    }

    /// Whether it may be a phone number that lost its `+` on the way: digits alone, and as many as
    /// a number has. It may also be a long short code, so only its place can tell.
    #[must_use]
    pub fn may_lack_plus(&self) -> bool {
        self.channel() == Channel::Sms && all_digits(&self.0) && self.0.len() >= MIN_DIGITS
    }

    /// Whether a contact can write to it: short codes take messages, alphanumeric sender ids do
    /// not.
    #[must_use]
    pub fn can_be_written_to(&self) -> bool {
        self.is_answerable() || is_short_code(&self.0)
    }
}

/// The forms that Twilio documents: E.164, short codes of 3 to 8 digits, alphanumeric sender ids,
/// and on the other channels a number or an id. Source: Twilio, "How to Use Channel Addresses" and
/// "Alphanumeric Sender ID".
impl FromStr for Address {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let valid = match split(text) {
            (Channel::Sms, id) => is_e164(id) || is_short_code(id) || is_sender_id(id),
            (Channel::Messenger, id) => is_channel_id(id),
            (_, id) => is_e164(id) || (is_channel_id(id) && !all_digits(id)),
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

fn split(text: &str) -> (Channel, &str) {
    PREFIXES
        .into_iter()
        .find_map(|(channel, prefix)| Some((channel, text.strip_prefix(prefix)?)))
        .unwrap_or((Channel::Sms, text))
}

/// The fewest digits of a phone number, with its country.
const MIN_DIGITS: usize = 7;

fn is_e164(id: &str) -> bool {
    id.strip_prefix('+').is_some_and(|digits| {
        (MIN_DIGITS..=15).contains(&digits.len()) && all_digits(digits) && !digits.starts_with('0')
    })
}

fn is_short_code(id: &str) -> bool {
    (3..=8).contains(&id.len()) && all_digits(id)
}

/// Up to 11 letters, digits, spaces and some marks, with at least one letter. It does not begin
/// like a number, and has no space at its ends.
fn is_sender_id(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b" +-_&.".contains(&b);
    (1..=11).contains(&id.len())
        && !id.starts_with('+')
        && id.trim() == id
        && id.bytes().all(allowed)
        && id.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A WhatsApp user id such as `US.13491208655302741918`, an RCS agent such as `brand_x_agent`, or a
/// Messenger id of digits. Outside Messenger, digits alone are a number that lost its `+`.
fn is_channel_id(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=128).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.bytes().all(allowed)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_that_twilio_sends_has_its_channel() {
        for (text, channel, id, answerable) in [
            ("+15550100", Channel::Sms, "+15550100", true),
            ("68849", Channel::Sms, "68849", false),
            ("SUPPORT", Channel::Sms, "SUPPORT", false),
            ("My Bank-24", Channel::Sms, "My Bank-24", false),
            ("whatsapp:+15550100", Channel::WhatsApp, "+15550100", true),
            (
                "whatsapp:US.13491208655302741918",
                Channel::WhatsApp,
                "US.13491208655302741918",
                true,
            ),
            ("rcs:+15550100", Channel::Rcs, "+15550100", true),
            ("rcs:brand_x_agent", Channel::Rcs, "brand_x_agent", true),
            (
                "messenger:2745689751200",
                Channel::Messenger,
                "2745689751200",
                true,
            ),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(
                (address.channel(), address.id(), address.is_answerable()),
                (channel, id, answerable),
                "{text}"
            );
            assert_eq!(address.as_str(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_malformed() {
        for text in [
            "",
            "14155553031",
            "whatsapp:14155553031",
            "rcs:14155553031",
            "+0123456789",
            "+",
            "+1",
            "+155501",
            "+1555010012345678",
            "+1555a0100",
            "+1555 0100",
            " +15550100",
            "+15550100\n",
            "++15550100",
            "+１５５５０１００",
            "12",
            "123456789",
            " Bank",
            "WhatsApp:+15550100",
            "sms:+15550100",
            "whatsapp:55501",
            "ABCDEFGHIJKL",
            "whatsapp:",
            "whatsapp:US 1349",
            "whatsapp:whatsapp:+15550100",
            "rcs:.agent",
            "sip:someone@example.com",
            "client:someone",
            "+1555\n0100",
        ] {
            assert_eq!(text.parse::<Address>(), Err(Malformed), "{text}");
        }
    }
}
