//! What the tests share: [`FakePlatform`], one signer, one request builder, one TwiML reader, one set of settings, and one
//! builder of completions.
//!
//! The fuzz crate includes `signature`, `twiml`, `settings` and `response` by their paths. Not here: tests.

pub mod documented;
mod fake_platform;
pub mod gather;
pub mod operator;
pub mod phone;
mod request;
pub mod response;
pub mod settings;
pub mod signature;
pub mod twiml;

use std::time::Duration;

pub use fake_platform::{
    Act, Alteration, CDN, DESK, FLOW, FakePlatform, GIF, HEARD, INTELLIGENCE_SERVICE, MadeCall,
    Piece, SIGNING_SECRET, WITH_INTELLIGENCE, WITH_SEGMENT, after, personas,
};
pub use request::{Incoming, bearer, fresh_sid, media_url, sign_json, webhook, with_media};
pub use settings::TOKEN;
pub use signature::sign;
pub use twiml::texts;

/// Where the Worker is reached, and the number that contacts write to.
pub const ORIGIN: &str = "https://example.com";
pub const NUMBER: &str = "+15550199";

/// Contacts: two by SMS, one by WhatsApp.
pub const ANNA: &str = "+15550100";
pub const BEN: &str = "+15550101";
pub const CARL: &str = "whatsapp:+15550102";

/// No answer on the webhook.
pub const NOTHING: [&str; 0] = [];

pub const SECOND: Duration = Duration::from_secs(1);
pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);

/// The operator's token, and the setting that makes it valid.
pub const ADMIN_TOKEN: &str = "an-admin-token-of-enough-characters";
pub const WITH_ADMIN: (&str, &str) = ("ADMIN_TOKEN", ADMIN_TOKEN);
