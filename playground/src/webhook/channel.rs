//! The channels of a message, and how Twilio writes the addresses on each.
//!
//! Not here: the other parameters of a message (`inbound`).

use serde::Deserialize;

use crate::base::address::{MESSENGER, RCS, WHATSAPP};

/// The channel of a message from a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A text message, or an MMS if it has media.
    Sms,
    /// A WhatsApp message of a person whose number is shown.
    Whatsapp,
    /// A WhatsApp message of a person with a user name, who has a user id and no number.
    WhatsappUser,
    /// An RCS message to the agent of a business.
    Rcs,
    /// A message of Facebook Messenger.
    Messenger,
    /// A text message of a short code, such as a bank's. Nobody can answer it.
    ShortCode,
}

impl Channel {
    /// The addresses of a contact and of the number, if none are given.
    pub fn default_addresses(self) -> (&'static str, &'static str) {
        match self {
            Self::Sms | Self::Whatsapp => ("+15550100", "+15550199"),
            Self::WhatsappUser => ("US.13491208655302741918", "+15550199"),
            Self::Rcs => ("+15550100", "brand_x_agent"),
            Self::Messenger => ("2745689751200", "1415523888600"),
            Self::ShortCode => ("68849", "+15550199"),
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Sms | Self::ShortCode => "",
            Self::Whatsapp | Self::WhatsappUser => WHATSAPP,
            Self::Rcs => RCS,
            Self::Messenger => MESSENGER,
        }
    }
}

/// An address with the prefix of its channel.
pub fn address(channel: Channel, address: &str) -> String {
    let prefix = channel.prefix();
    if address.starts_with(prefix) {
        address.to_owned()
    } else {
        format!("{prefix}{address}")
    }
}
