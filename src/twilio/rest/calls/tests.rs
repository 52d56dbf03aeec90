use super::*;
use crate::config::{Config, tests::parse};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const CALL: &str = "CA0123456789abcdef0123456789abcdef";
const OTHER: &str = "CA0123456789abcdef0123456789abcdee";
/// 2026-11-22T03:27:35Z.
const SINCE: UnixMillis = UnixMillis(1_795_318_055_000);

fn with_credentials<R>(look: impl FnOnce(&Config, Credentials<'_>) -> R) -> R {
    let config = parse(&[]).unwrap();
    let credentials = Credentials {
        account: &ACCOUNT.parse().unwrap(),
        token: &config.twilio_tokens[0],
    };
    look(&config, credentials)
}

fn wanted<R>(sid: Option<&str>, look: impl FnOnce(WantedCall<'_>) -> R) -> R {
    let sid = sid.map(|sid| sid.parse().unwrap());
    look(WantedCall {
        to: &"+15550100".parse().unwrap(),
        from: &"+15550199".parse().unwrap(),
        since: SINCE,
        sid: sid.as_ref(),
    })
}

#[test]
fn a_call_is_created_as_twilio_documents_it() {
    let request = with_credentials(|config, credentials| {
        let call = NewCall {
            to: &"+15550100".parse().unwrap(),
            from: &"+15550199".parse().unwrap(),
            url: "https://a.example/twilio/voice?call=1",
            status_callback: "https://a.example/twilio/voice/status?call=1",
            rings_for: Duration::from_secs(30),
            time_limit: Duration::from_mins(10),
        };
        create_request(&config.twilio_api_base_url, credentials, call)
    });
    assert_eq!(
        request.url,
        format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Calls.json")
    );
    assert_eq!(
        request.body.to_text(),
        "To=%2B15550100&From=%2B15550199&Url=https%3A%2F%2Fa.example%2Ftwilio%2Fvoice%3Fcall%3D1\
         &StatusCallback=https%3A%2F%2Fa.example%2Ftwilio%2Fvoice%2Fstatus%3Fcall%3D1\
         &Timeout=30&TimeLimit=600"
    );
}

#[test]
fn the_calls_from_our_number_to_the_person_are_listed() {
    let path =
        with_credentials(|_, credentials| wanted(None, |wanted| first_page(credentials, wanted)));
    assert_eq!(
        path,
        format!(
            "/2010-04-01/Accounts/{ACCOUNT}/Calls.json?To=%2B15550100&From=%2B15550199&PageSize=100"
        )
    );
}

#[test]
fn the_one_call_that_was_created_since_is_ours() {
    let listed = |sid: &str, direction: &str, date: &str| {
        format!(
            r#"{{"sid":"{sid}","status":"no-answer","direction":"{direction}","date_created":"{date}"}}"#
        )
    };
    let (young, old) = (
        "Sun, 22 Nov 2026 03:27:36 +0000",
        "Sun, 22 Nov 2026 03:26:30 +0000",
    );
    let one = FoundCall::One(CALL.parse().unwrap(), CallStatus::NoAnswer);
    for (calls, sid, expected) in [
        (vec![], None, FoundCall::Absent),
        (vec![listed(CALL, "outbound-api", young)], None, one.clone()),
        (vec![listed(CALL, "outbound-api", "")], None, one.clone()),
        (
            vec![listed(CALL, "outbound-api", old)],
            None,
            FoundCall::Absent,
        ),
        (
            vec![listed(CALL, "outbound-dial", young)],
            None,
            FoundCall::Absent,
        ),
        (
            vec![listed("CA1", "outbound-api", young)],
            None,
            FoundCall::Absent,
        ),
        (
            vec![
                listed(OTHER, "outbound-api", young),
                listed(CALL, "outbound-api", young),
            ],
            None,
            FoundCall::Unclear,
        ),
        (
            vec![
                listed(OTHER, "outbound-api", young),
                listed(CALL, "outbound-api", young),
            ],
            Some(CALL),
            one.clone(),
        ),
        (
            vec![listed(OTHER, "outbound-api", young)],
            Some(CALL),
            FoundCall::Absent,
        ),
        (
            vec![listed(OTHER, "outbound-dial", young); PAGE_SIZE],
            None,
            FoundCall::Unclear,
        ),
    ] {
        let body = format!(r#"{{"calls":[{}]}}"#, calls.join(","));
        let page: Page = serde_json::from_str(&body).unwrap();
        let found = wanted(sid, |wanted| page.find(wanted));
        assert_eq!(found, expected, "{body} {sid:?}");
    }
}

#[test]
fn a_call_is_ended_as_twilio_documents_it() {
    let call = CALL.parse().unwrap();
    let request = with_credentials(|config, credentials| {
        complete_request(&config.twilio_api_base_url, credentials, &call)
    });
    assert_eq!(
        request.url,
        format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json")
    );
    assert_eq!(request.method, "POST");
    assert_eq!(request.body.to_text(), "Status=completed");
}

#[test]
fn a_call_that_is_over_is_no_failure_and_an_unclear_answer_is_unknown() {
    for (status, body, expected) in [
        (200, "{}", Completed::Now),
        (404, r#"{"code":20404}"#, Completed::Before),
        (404, "<html>", Completed::Before),
        (400, r#"{"code":21220}"#, Completed::Before),
        (400, r#"{"code":"21220"}"#, Completed::Before),
        (401, r#"{"code":20003}"#, Completed::Unauthorized),
        (400, r#"{"code":20001}"#, Completed::Rejected(20001)),
        (403, "", Completed::Rejected(403)),
        (408, "", Completed::Unknown),
        (429, r#"{"code":20429}"#, Completed::Unknown),
        (500, r#"{"code":20500}"#, Completed::Unknown),
        (302, "", Completed::Unknown),
    ] {
        let found = completed(status, body.as_bytes());
        assert_eq!(found, expected, "{status} {body}");
    }
}
