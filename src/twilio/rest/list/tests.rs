use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
};

use serde_json::{Value, json};

use super::*;
use crate::{
    config::tests::parse,
    platform::{HttpError, HttpOpened, HttpRequest, HttpResponse},
};

const SINCE: UnixMillis = UnixMillis(1_795_318_055_000); // 2026-11-22T03:27:35Z
const NOW: &str = "Sun, 22 Nov 2026 03:27:36 +0000";
const LATER: &str = "Sun, 22 Nov 2026 03:27:38 +0000";
const BEFORE: &str = "Sun, 22 Nov 2026 03:26:30 +0000";
const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";

/// Twilio, with an answer for each path.
#[derive(Default)]
struct Twilio {
    pages: BTreeMap<String, (u16, Value)>,
    asked: RefCell<Vec<String>>,
}

impl Http for Twilio {
    type Body = VecDeque<Vec<u8>>;

    async fn send(&self, request: &HttpRequest, _: Duration) -> Result<HttpResponse, HttpError> {
        let path = request.url.trim_start_matches("https://api.twilio.com");
        self.asked.borrow_mut().push(path.to_owned());
        let (status, body) = self.pages.get(path).ok_or(HttpError::Connection)?;
        Ok(HttpResponse {
            status: *status,
            retry_after: None,
            location: None,
            body: body.to_string().into_bytes(),
        })
    }

    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<Self::Body>, HttpError> {
        self.send(request, timeout).await.map(HttpOpened::from)
    }
}

fn sid(number: u32) -> MessageSid {
    format!("SM{number:032x}").parse().unwrap()
}

fn listed(number: u32, body: &str, date: &str) -> Value {
    json!({ "sid": sid(number).as_str(), "body": body, "date_created": date, "direction": "outbound-api" })
}

fn path(to: &str, from: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("To", to);
    if let Some(from) = from {
        query.append_pair("From", from);
    }
    query.append_pair("PageSize", "100");
    format!(
        "/2010-04-01/Accounts/{ACCOUNT}/Messages.json?{}",
        query.finish()
    )
}

async fn find_at(
    twilio: &Twilio,
    (to, from): (&str, &str),
    service: Option<&str>,
    known: &[MessageSid],
) -> Found {
    let config = parse(&[]).unwrap();
    let service = service.map(|sid| sid.parse().unwrap());
    let context = TwilioRequestContext {
        account: &ACCOUNT.parse().unwrap(),
        token: &config.twilio_tokens[0],
        service: service.as_ref(),
        from: &from.parse().unwrap(),
        to: &to.parse().unwrap(),
        origin: "https://a.example",
    };
    let wanted = Wanted {
        body: "“The part” – see you…",
        since: SINCE,
        known,
    };
    find_message(twilio, &config.twilio_api_base_url, context, wanted).await
}

const PAIR: (&str, &str) = ("+15550100", "+15550199");

async fn find(messages: Value, known: &[MessageSid]) -> Found {
    let list = json!({ "messages": messages, "next_page_uri": null });
    let twilio = Twilio {
        pages: [(path(PAIR.0, Some(PAIR.1)), (200, list))].into(),
        ..Twilio::default()
    };
    find_at(&twilio, PAIR, None, known).await
}

#[tokio::test]
async fn a_message_is_found_whatever_twilio_did_to_its_text() {
    for body in [
        json!("“The part” – see you…"),
        json!("Sent from your Twilio trial account - “The part” – see you…"),
        json!("Sent from your Twilio trial account - \"The part\" - see you..."),
        json!("\"The part\" - see you..."),
        json!(""),
        json!(null),
        json!("[redacted]"),
    ] {
        let mut message = listed(1, "", NOW);
        message["body"] = body.clone();
        assert_eq!(
            find(json!([message]), &[]).await,
            Found::Sent(sid(1)),
            "{body}"
        );
    }
    let mut without = listed(1, "", NOW);
    without.as_object_mut().unwrap().remove("body");
    assert_eq!(find(json!([without]), &[]).await, Found::Sent(sid(1)));
}

#[tokio::test]
async fn a_message_of_another_part_or_of_before_or_of_another_kind_is_not_taken() {
    let equal = "“The part” – see you…";
    assert_eq!(
        find(json!([listed(1, equal, NOW)]), &[sid(1)]).await,
        Found::Absent
    );
    assert_eq!(
        find(json!([listed(1, equal, BEFORE)]), &[]).await,
        Found::Absent
    );
    for direction in ["inbound", "outbound-reply", "outbound-call"] {
        let mut message = listed(1, equal, NOW);
        message["direction"] = direction.into();
        assert_eq!(
            find(json!([message]), &[]).await,
            Found::Absent,
            "{direction}"
        );
    }
    assert_eq!(find(json!([]), &[]).await, Found::Absent);
}

#[tokio::test]
async fn of_several_messages_the_text_decides_and_then_the_order() {
    let prefixed = "Sent from your Twilio trial account - \"The part\" - see you...";
    let list = json!([
        listed(4, "another", LATER),
        listed(3, prefixed, LATER),
        listed(2, "“The part” – see you…", NOW),
        listed(1, "something else", NOW),
    ]);
    for (known, found) in [
        (vec![], sid(2)),
        (vec![sid(2)], sid(3)),
        (vec![sid(2), sid(3)], sid(1)),
        (vec![sid(1), sid(2), sid(3)], sid(4)),
    ] {
        assert_eq!(find(list.clone(), &known).await, Found::Sent(found));
    }
}

#[tokio::test]
async fn a_service_is_asked_for_by_the_contact_alone_and_its_messages_count() {
    let mut other = listed(1, "“The part” – see you…", NOW);
    other["messaging_service_sid"] = "MGfedcba9876543210fedcba9876543210".into();
    let mut ours = listed(2, "", NOW);
    ours["messaging_service_sid"] = SERVICE.into();
    let mut twilio = Twilio::default();
    let list = json!({ "messages": [other] });
    twilio.pages.insert(path(PAIR.0, None), (200, list));
    assert_eq!(
        find_at(&twilio, PAIR, Some(SERVICE), &[]).await,
        Found::Absent
    );
    let list = json!({ "messages": [other, ours] });
    twilio.pages.insert(path(PAIR.0, None), (200, list));
    assert_eq!(
        find_at(&twilio, PAIR, Some(SERVICE), &[]).await,
        Found::Sent(sid(2))
    );
}

#[tokio::test]
async fn each_form_of_an_address_by_rcs_is_asked_for() {
    for (pair, forms) in [
        (
            ("rcs:+15550100", "rcs:shop_agent"),
            ["rcs:+15550100", "+15550100"],
        ),
        (
            ("+15550100", "rcs:shop_agent"),
            ["+15550100", "rcs:+15550100"],
        ),
    ] {
        let mut twilio = Twilio::default();
        let empty = json!({ "messages": [] });
        let list = json!({ "messages": [listed(1, "", NOW)] });
        twilio.pages.insert(path(forms[0], None), (200, empty));
        twilio.pages.insert(path(forms[1], None), (200, list));
        let found = find_at(&twilio, pair, Some(SERVICE), &[]).await;
        assert_eq!(found, Found::Sent(sid(1)), "{pair:?}");
    }
    let whatsapp = ("whatsapp:US.13491208655302741918", "whatsapp:+15550199");
    let list = json!({ "messages": [listed(1, "", NOW)] });
    let twilio = Twilio {
        pages: [(path(whatsapp.0, Some(whatsapp.1)), (200, list))].into(),
        ..Twilio::default()
    };
    assert_eq!(
        find_at(&twilio, whatsapp, None, &[]).await,
        Found::Sent(sid(1))
    );
}

#[tokio::test]
async fn pages_are_read_as_far_as_they_can_have_the_message() {
    let second = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json?Page=1&PageToken=PA1");
    let page = |messages: Value, next: Option<&str>| {
        (200, json!({ "messages": messages, "next_page_uri": next }))
    };
    let known: Vec<_> = (10..20).map(sid).collect();
    let full: Vec<_> = (10..20).map(|number| listed(number, "", NOW)).collect();
    let mut twilio = Twilio::default();
    twilio
        .pages
        .insert(path(PAIR.0, Some(PAIR.1)), page(json!(full), Some(&second)));
    assert_eq!(
        find_at(&twilio, PAIR, None, &known).await,
        Found::NotAsked,
        "the second page fails"
    );
    twilio
        .pages
        .insert(second.clone(), page(json!([listed(1, "", NOW)]), None));
    assert_eq!(
        find_at(&twilio, PAIR, None, &known).await,
        Found::Sent(sid(1))
    );
    twilio.pages.insert(
        second.clone(),
        page(json!([listed(10, "", NOW)]), Some(&second)),
    );
    assert_eq!(
        find_at(&twilio, PAIR, None, &known).await,
        Found::NotAsked,
        "a list without end"
    );
    let old = json!([listed(10, "", NOW), listed(2, "", BEFORE)]);
    twilio
        .pages
        .insert(path(PAIR.0, Some(PAIR.1)), page(old, Some(&second)));
    assert_eq!(
        find_at(&twilio, PAIR, None, &known).await,
        Found::Absent,
        "the rest is older"
    );
    twilio.asked.borrow_mut().clear();
    let away = page(json!(full), Some("@elsewhere.example/"));
    twilio.pages.insert(path(PAIR.0, Some(PAIR.1)), away);
    assert_eq!(find_at(&twilio, PAIR, None, &known).await, Found::NotAsked);
    assert_eq!(
        twilio.asked.borrow().len(),
        1,
        "no other host gets the credentials"
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_read_says_nothing() {
    for (status, body, found) in [
        (401, json!({ "code": 20003 }), Found::Unauthorized),
        (500, json!({}), Found::NotAsked),
        (429, json!({ "code": 20429 }), Found::NotAsked),
        (200, json!("<html>"), Found::NotAsked),
        (200, json!({}), Found::NotAsked),
    ] {
        let twilio = Twilio {
            pages: [(path(PAIR.0, Some(PAIR.1)), (status, body))].into(),
            ..Twilio::default()
        };
        assert_eq!(find_at(&twilio, PAIR, None, &[]).await, found, "{status}");
    }
}

#[test]
fn a_date_from_twilio_is_read() {
    assert_eq!(parse_date("Sun, 22 Nov 2026 03:27:35 +0000"), Some(SINCE));
    assert_eq!(parse_date("yesterday"), None);
}
