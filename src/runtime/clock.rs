//! The runtime's clock, timers and time zones.
//!
//! Not here: the trait `Clock` (`platform`).

use std::time::Duration;

use futures_util::FutureExt;
use wasm_bindgen::prelude::*;
use worker::{
    Delay,
    js_sys::{self, Reflect},
};

use crate::base::time::UnixMillis;

/// The time of the runtime's clock. `worker::Date` would create an object for it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number, far below 2^53"
)]
pub fn now() -> UnixMillis {
    UnixMillis(js_sys::Date::now() as u64)
}

/// Waits. If the future is dropped, the timer is cancelled: otherwise it would keep an object
/// alive.
///
/// It is shared, because a `Delay` wakes only the task that polled it first, and another task may
/// wait now.
pub async fn sleep(duration: Duration) {
    Delay::from(duration).shared().await;
}

/// How far a time zone is ahead of UTC at that moment, in minutes.
///
/// The runtime knows all time zones, so the Worker carries no table of them. `longOffset` gives
/// `GMT`, `GMT+05:30` and the like. Source: ECMA-402, "`timeZoneName`".
pub fn offset_minutes(zone: &str, at: UnixMillis) -> Option<i32> {
    let options = js_sys::Object::new();
    for (name, value) in [("timeZone", zone), ("timeZoneName", "longOffset")] {
        Reflect::set(&options, &name.into(), &value.into()).ok()?;
    }
    let format = Format::new("en-US", &options).ok()?;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    let text = format.format(at.0 as f64).ok()?;
    let (_, offset) = text.rsplit_once("GMT")?;
    if offset.is_empty() {
        return Some(0);
    }
    let (sign, rest) = match offset.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, offset.strip_prefix(['-', '\u{2212}'])?),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let minutes: i32 = minutes.get(..2).unwrap_or(minutes).parse().ok()?;
    let hours: i32 = hours.parse().ok()?;
    let minutes = hours.saturating_mul(60).saturating_add(minutes);
    Some(minutes.saturating_mul(sign))
}

#[wasm_bindgen]
extern "C" {
    /// `Intl.DateTimeFormat`. That of `js_sys` does not catch what an unknown zone throws.
    #[wasm_bindgen(js_namespace = Intl, js_name = DateTimeFormat)]
    type Format;
    #[wasm_bindgen(constructor, js_namespace = Intl, js_class = "DateTimeFormat", catch)]
    fn new(locale: &str, options: &js_sys::Object) -> Result<Format, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn format(this: &Format, at: f64) -> Result<String, JsValue>;
}
