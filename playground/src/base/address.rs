//! The addresses of Twilio's channels: their prefixes, and the number or id after them.

/// The prefix of a WhatsApp address.
pub const WHATSAPP: &str = "whatsapp:";
/// The prefix of an RCS address.
pub const RCS: &str = "rcs:";
/// The prefix of an address of Facebook Messenger.
pub const MESSENGER: &str = "messenger:";

/// The prefix of an address's channel; none for SMS.
pub fn prefix_of(address: &str) -> Option<&'static str> {
    [WHATSAPP, RCS, MESSENGER]
        .into_iter()
        .find(|prefix| address.starts_with(prefix))
}

/// The number or id of an address, without the prefix of its channel.
pub fn id_of(address: &str) -> &str {
    address
        .strip_prefix(prefix_of(address).unwrap_or_default())
        .unwrap_or(address)
}
