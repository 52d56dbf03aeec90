//! The methods of the budget object, with their arguments and replies.
//!
//! Not here: the counts (`budget`).

use serde::{Deserialize, Serialize};

use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    platform::Method,
};

/// The items that cost money and have a daily cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A request to the model. The cap is `MAX_DAILY_CALLS`.
    ModelRequest,
    /// A message that is sent by REST. The cap is `MAX_DAILY_MESSAGES`.
    Message,
    /// A begun minute of a call. The cap is `MAX_DAILY_CALL_MINUTES`.
    CallMinute,
}

/// The binding of the class.
const BINDING: &str = "BUDGET";

/// The name of the one budget object.
pub const NAME: &str = "budget";

/// Reserves items: all of them, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// The item.
    pub item: Item,
    /// How many of them are reserved. An isolate of an earlier release asks for one, and does not say so.
    #[serde(default = "one")]
    pub count: u32,
    /// How many of them a day may have.
    pub cap: u32,
    /// Usage that the caller has counted since its last call.
    pub usage: UsageCounters,
}

fn one() -> u32 {
    1
}

impl Method for Reserve {
    type Reply = Reservation;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "reserve";
}

/// Gives back items that were reserved, and are certain not to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The item.
    pub item: Item,
    /// How many of them.
    pub count: u32,
    /// When the last of them was reserved. The count of another day is not changed.
    pub reserved_at: UnixMillis,
}

impl Method for Release {
    type Reply = ();
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "release";
}

/// Checks whether one item could be reserved now, and reserves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The item.
    pub item: Item,
    /// How many of them a day may have.
    pub cap: u32,
}

impl Method for Check {
    type Reply = Reservation;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "check";
}

/// Adds usage to the day, and shows the day's usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddUsage {
    /// The usage to add.
    pub usage: UsageCounters,
}

impl Method for AddUsage {
    type Reply = DayUsage;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "add_usage";
}

/// Resets the counts of the day that have a cap. The reply shows the counts from before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset;

impl Method for Reset {
    type Reply = DayUsage;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "reset";
}

/// Whether the request may be made, or the message sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reservation {
    /// It may, once. The item is counted.
    Granted,
    /// The day's budget is used up.
    Exhausted,
}

/// The usage of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayUsage {
    /// The UTC day, counted from 1970-01-01.
    pub day: u64,
    /// Requests to the model that were reserved.
    pub calls: u32,
    /// Messages that were reserved, to be sent by REST.
    pub messages: u32,
    /// Minutes of calls that were reserved.
    pub call_minutes: u32,
    /// The usage that was reported.
    pub usage: UsageCounters,
    /// Whether the stored count could not be read. Then nothing more may be reserved on this day,
    /// whatever the counts say.
    pub unreadable: bool,
}
