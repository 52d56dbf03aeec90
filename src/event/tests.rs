use std::cell::RefCell;

use super::*;
use crate::base::time::UnixMillis;

#[derive(Default)]
struct Recorder(RefCell<Vec<String>>);

impl Clock for Recorder {
    fn now(&self) -> UnixMillis {
        UnixMillis(0)
    }
    async fn sleep(&self, _: std::time::Duration) {}
}

impl Log for Recorder {
    fn write(&self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

fn line(event: &Event) -> String {
    let recorder = Recorder::default();
    log(&recorder, event);
    recorder.0.take().concat()
}

#[test]
fn security_events_have_the_promised_form() {
    let security = |details| {
        line(&Event::Security {
            phone_hash: PhoneHash::nobody(),
            details,
        })
    };
    assert_eq!(
        security(Security::RateLimitExceeded {
            limit: 10,
            told: true
        }),
        r#"{"event":"security_event","phone_hash":"00000000","details":{"kind":"rate_limit_exceeded","limit":10,"told":true},"time":"1970-01-01T00:00:00.000Z"}"#
    );
    assert_eq!(
        security(Security::InvalidSignature {
            reason: "mismatch".into()
        }),
        r#"{"event":"security_event","phone_hash":"00000000","details":{"kind":"invalid_signature","reason":"mismatch"},"time":"1970-01-01T00:00:00.000Z"}"#
    );
    assert_eq!(
        security(Security::ConfigurationInvalid {
            settings: vec!["PSEUDONYM_KEY".into()]
        }),
        r#"{"event":"security_event","phone_hash":"00000000","details":{"kind":"configuration_invalid","settings":["PSEUDONYM_KEY"]},"time":"1970-01-01T00:00:00.000Z"}"#
    );
    assert_eq!(
        security(Security::SuspiciousRequest {
            field: "From",
            problem: FieldProblem::Malformed
        }),
        r#"{"event":"security_event","phone_hash":"00000000","details":{"kind":"suspicious_request","field":"From","problem":"malformed"},"time":"1970-01-01T00:00:00.000Z"}"#
    );
}

#[test]
fn an_event_is_one_line_whatever_the_platform_says() {
    let text = line(&Event::ObjectFailed {
        object: ObjectKind::Thread,
        reason: "two\nlines".into(),
    });
    assert!(!text.contains('\n'));
    assert!(text.starts_with(r#"{"event":"object_failed","object":"thread","#));
}
