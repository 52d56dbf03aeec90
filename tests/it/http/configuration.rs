//! A missing or wrong setting closes the routes.
//!
//! Not here: which values a setting takes (`src/config/`).

use super::{fields, only_security_event};
use crate::support::{FakePlatform, Incoming};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_missing_or_wrong_setting_closes_the_route_and_is_named_without_its_value() {
    let platform = FakePlatform::with(&[
        ("TWILIO_AUTH_TOKEN", ""),
        ("PSEUDONYM_KEY", "planted-short"),
        ("MAX_DAILY_CALLS", "planted"),
    ]);
    let mut request = Incoming::signed(&fields());
    let response = platform.handle(&mut request).await;
    assert_eq!(
        (response.status, response.body.as_str()),
        (503, "Not configured: see /health\n")
    );
    let event = only_security_event(&platform, "configuration_invalid");
    assert_eq!(
        event["details"]["settings"],
        serde_json::json!(["TWILIO_AUTH_TOKEN", "PSEUDONYM_KEY", "MAX_DAILY_CALLS"])
    );
    let health = platform.handle(&mut Incoming::new("GET", "/health")).await;
    assert_eq!(health.status, 503);
    for name in ["TWILIO_AUTH_TOKEN", "PSEUDONYM_KEY", "MAX_DAILY_CALLS"] {
        assert!(health.body.contains(name));
    }
    assert!(!health.body.contains("planted") && !platform.log_text().contains("planted"));
}
