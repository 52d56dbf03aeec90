//! How an assistant hands a contact over to a person.
//!
//! Not here: the hand-off itself (`messaging`).

use std::time::Duration;

use super::{
    super::toml_file::Table,
    secrets::Secrets,
    tools::{SignedUrl, optional_signed_url},
};
use crate::identity::{Address, FlowSid};

/// A hand-off.
#[derive(Clone, Debug)]
pub struct HandOff {
    /// The web service that gets the contact's messages.
    pub target: Option<SignedUrl>,
    /// The phone number that is told of each message by SMS.
    pub number: Option<Address>,
    /// Whether that SMS has the message's text.
    pub include_text: bool,
    /// The Studio flow that is started.
    pub studio_flow: Option<FlowSid>,
    /// How long a hand-off lasts at most.
    pub lasts: Duration,
}

/// The hand-off of a file.
pub(super) fn parse(file: &mut Table<'_, '_>, secrets: &mut Secrets<'_, '_>) -> Option<HandOff> {
    let mut table = file.table("hand_off")?;
    let has_url = table.has("url") || table.has("secret");
    let target = optional_signed_url(&mut table, "url", "secret", secrets);
    let number = table.text("number").and_then(|number| {
        number.parse(|text| {
            let address = text.parse::<Address>().ok();
            address
                .filter(|address| address.is_number() && address.as_str().starts_with('+'))
                .ok_or("must be a phone number in E.164, such as +15550100")
        })
    });
    let include_text = table.flag("include_text").unwrap_or(false);
    let studio_flow = table.text("studio_flow").and_then(|flow| {
        flow.parse(|text| {
            text.parse::<FlowSid>()
                .map_err(|_| "must be the SID of a Studio flow: FW and 32 hex digits")
        })
    });
    let hours = table.number("hours", 1..=168).unwrap_or(12);
    if !has_url && !table.has("number") && !table.has("studio_flow") {
        table.error("must have a url, a number or a studio_flow");
    }
    table.finish();
    Some(HandOff {
        target,
        number,
        include_text,
        studio_flow,
        lasts: Duration::from_hours(hours.into()),
    })
}
