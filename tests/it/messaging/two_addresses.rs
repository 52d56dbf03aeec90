//! One person with two addresses on WhatsApp, a user id and a number: one conversation, one opt-out, one erasure.
//!
//! Not here: which fields name the two (`messaging::inbound::contact`), and random faults (`simulation`).

use serde_json::Value;

use super::{ERASED, ERASING, OPTED_IN, OPTED_OUT, admin_answer, left, users};
use crate::support::{
    Act, FakePlatform, HOUR, Incoming, NOTHING, SECOND, WITH_ADMIN, after, fresh_sid, texts,
    webhook,
};

const USER: &str = "whatsapp:US.13491208655302741918";
const PHONE: &str = "whatsapp:+15550102";
const TO: &str = "whatsapp:+15550199";

/// A message from the number that names the user id, too.
fn both(body: &str, sid: &str) -> Vec<(String, String)> {
    let mut fields = webhook(PHONE, body, sid);
    fields.push(("ExternalUserId".to_owned(), USER.to_owned()));
    fields.push(("WaId".to_owned(), "15550102".to_owned()));
    fields
}

async fn by_both(platform: &FakePlatform, body: &str) -> Vec<String> {
    let response = platform.post(&both(body, &fresh_sid())).await;
    assert_eq!(response.status, 200, "{}", response.body);
    texts(&response.body)
}

fn last_conversation(platform: &FakePlatform) -> Vec<String> {
    let requests = platform.model_requests();
    let users = users(requests.last().unwrap()).into_iter();
    users.map(str::to_owned).collect()
}

async fn operator(platform: &FakePlatform, what: &str, from: &str) -> Value {
    let pair = serde_json::json!({ "from": from, "to": TO }).to_string();
    let request = Incoming::json(&format!("/admin/contacts/{what}"), &pair);
    let (status, answer) = admin_answer(platform, request).await;
    assert_eq!(status, 200);
    answer
}

/// Neither thread remembers anything.
fn assert_nothing_left(platform: &FakePlatform) {
    for from in [USER, PHONE] {
        assert!(
            platform.stored(from).is_empty(),
            "{:?}",
            left(platform, from)
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_person_has_one_conversation_whichever_address_a_message_names() {
    let platform = FakePlatform::new();
    by_both(&platform, "one").await;
    assert_eq!(platform.thread_calls(), ["follow"]);
    platform.text(USER, "two").await;
    by_both(&platform, "three").await;
    assert!(platform.thread_calls().is_empty(), "it is joined once");
    platform.text(PHONE, "four").await;
    assert_eq!(platform.thread_calls(), ["receive"]);
    assert_eq!(
        last_conversation(&platform),
        ["one", "two", "three", "four"]
    );
    let log = platform.log_text();
    assert!(!log.contains("555") && !log.contains("1349"), "{log}");
    for name in platform.object_names() {
        assert!(!name.contains("555") && !name.contains("1349"), "{name}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_user_id_whose_webhook_has_the_number_in_another_field_is_the_same_person() {
    let platform = FakePlatform::new();
    let mut fields = webhook(USER, "one", &fresh_sid());
    fields.push(("WaId".to_owned(), "15550102".to_owned()));
    assert_eq!(platform.post(&fields).await.status, 200);
    platform.text(PHONE, "two").await;
    assert_eq!(last_conversation(&platform), ["one", "two"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn answers_by_rest_go_to_the_address_that_wrote_and_their_receipts_are_logged_once() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("by REST"))]);
    assert_eq!(by_both(&platform, "Hello").await, NOTHING);
    platform.pass(5 * SECOND).await;
    let sent = &platform.sent_forms()[0];
    assert_eq!((&*sent["To"], &*sent["From"]), (PHONE, TO));
    for _ in 0..2 {
        let receipt = [
            ("MessageSid", sent["sid"].as_str()),
            ("MessageStatus", "delivered"),
            ("To", PHONE),
            ("From", TO),
        ];
        let mut receipt = Incoming::receipt(&receipt);
        assert_eq!(platform.handle(&mut receipt).await.status, 204);
    }
    assert_eq!(platform.events_named("delivery").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_under_either_address_holds_for_both_and_so_does_an_opt_in() {
    for (out, others) in [(PHONE, [USER, PHONE]), (USER, [PHONE, USER])] {
        let platform = FakePlatform::new();
        by_both(&platform, "Hello").await;
        assert_eq!(platform.text(out, "STOP").await, [OPTED_OUT]);
        for from in others {
            assert_eq!(platform.text(from, "Hello?").await, NOTHING, "{from}");
        }
        assert_eq!(by_both(&platform, "Hello?").await, NOTHING);
        assert_eq!(platform.model_requests().len(), 1);
        // It holds for as long as it is in force, and everything else goes.
        platform.pass(30 * HOUR).await;
        for from in [USER, PHONE] {
            let left = left(&platform, from);
            let small = ["opted_out", "state.links", "state.turns"];
            assert!(
                left.iter().all(|key| small.contains(&key.as_str())),
                "{left:?}"
            );
            assert!(left.len() > 1, "{left:?}");
        }
        assert_eq!(platform.text(out, "Hello?").await, NOTHING);
        assert_eq!(platform.text(others[0], "START").await, [OPTED_IN]);
        platform.pass(SECOND).await;
        for from in [USER, PHONE] {
            assert_eq!(platform.text(from, "Hi").await, ["answer to Hi"], "{from}");
        }
        platform.pass(30 * HOUR).await;
        assert_nothing_left(&platform);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_of_the_number_alone_holds_when_the_user_id_first_shows_up() {
    let platform = FakePlatform::new();
    platform.text(PHONE, "STOP").await;
    platform.pass(2 * HOUR).await;
    assert_eq!(by_both(&platform, "Hello?").await, NOTHING);
    assert_eq!(platform.text(USER, "Hello?").await, NOTHING);
    assert!(platform.model_requests().is_empty());
    assert_eq!(platform.text(USER, "START").await, [OPTED_IN]);
    assert_eq!(platform.text(PHONE, "Hi").await, ["answer to Hi"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_also_stops_the_answer_that_the_number_still_waits_for() {
    let platform = FakePlatform::new();
    platform.model([after(14_000, Act::Say("too late"))]);
    let (first, ()) = tokio::join!(platform.text(PHONE, "Slow one"), async {
        platform.pass(SECOND).await;
        by_both(&platform, "Hello").await;
        assert_eq!(platform.text(USER, "STOP").await, [OPTED_OUT]);
    });
    assert_eq!(first, NOTHING);
    platform.pass(60 * SECOND).await;
    assert!(platform.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_that_the_number_received_alone_is_not_answered_anew_after_the_join() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    platform.message(PHONE, "Hello", &sid).await;
    by_both(&platform, "Hi").await;
    assert_eq!(
        platform.message(PHONE, "Hello", &sid).await,
        ["answer to Hello"]
    );
    assert_eq!(platform.model_requests().len(), 2);
    let sid = fresh_sid();
    for _ in 0..2 {
        let response = platform.post(&both("twice", &sid)).await;
        assert_eq!(texts(&response.body), ["answer to twice"]);
        let passed_on = platform.message(PHONE, "twice", &sid).await;
        assert_eq!(passed_on, ["answer to twice"]);
    }
    assert_eq!(platform.model_requests().len(), 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_by_either_address_erases_what_both_said() {
    for eraser in [USER, PHONE] {
        let platform = FakePlatform::new();
        platform.text(PHONE, "PLANTED one").await;
        by_both(&platform, "PLANTED two").await;
        platform.pass(SECOND).await;
        assert_eq!(platform.kv_keys().len(), 2);
        assert_eq!(platform.text(eraser, "delete my data").await, [ERASED]);
        assert!(platform.kv_keys().is_empty());
        for from in [USER, PHONE] {
            let stored = format!("{:?}", platform.stored(from));
            assert!(!stored.contains("PLANTED"), "{stored}");
        }
        let erased = platform.events_named("erased");
        assert!(erased.iter().all(|event| event["by"] == "contact"));
        let turns: u64 = erased
            .iter()
            .map(|event| event["erased"]["turns"].as_u64().unwrap())
            .sum();
        assert_eq!(turns, 2, "{erased:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_that_the_other_thread_does_not_hear_is_repeated_and_the_truth_is_told() {
    let platform = FakePlatform::new();
    platform.text(PHONE, "PLANTED one").await;
    by_both(&platform, "PLANTED two").await;
    platform.pass(SECOND).await;
    for acts in [false, true] {
        platform.thread_calls_fail([acts]);
        assert_eq!(platform.text(USER, "delete my data").await, [ERASING]);
        platform.pass(15 * SECOND).await;
        assert!(platform.kv_keys().is_empty());
    }
    assert_eq!(platform.text(USER, "delete my data").await, [ERASED]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_operator_sees_and_erases_a_person_by_either_address() {
    for address in [USER, PHONE] {
        let platform = FakePlatform::with(&[WITH_ADMIN]);
        platform.text(PHONE, "PLANTED one").await;
        by_both(&platform, "PLANTED two").await;
        platform.text(USER, "PLANTED three").await;
        platform.pass(SECOND).await;
        assert_eq!(operator(&platform, "show", address).await["turns"], 2);
        let erased = operator(&platform, "erase", address).await;
        assert_eq!(erased["erased"]["turns"], 3, "{address}");
        assert_eq!(erased["kv"], "deleted");
        assert!(platform.kv_keys().is_empty());
        assert_eq!(operator(&platform, "show", address).await["turns"], 0);
        let events = platform.events_named("erased");
        assert!(events.iter().all(|event| event["by"] == "operator"));
        by_both(&platform, "STOP").await;
        assert_eq!(
            operator(&platform, "show", address).await["opted_out"],
            true
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_waits_for_the_join_and_twilio_tries_again_if_it_fails() {
    for acts in [false, true] {
        let platform = FakePlatform::new();
        platform.text(PHONE, "STOP").await;
        platform.thread_calls_fail([acts]);
        let sid = fresh_sid();
        assert_eq!(platform.post(&both("Hello?", &sid)).await.status, 503);
        assert!(platform.model_requests().is_empty());
        let response = platform.post(&both("Hello?", &sid)).await;
        assert_eq!((response.status, texts(&response.body)), (200, Vec::new()));
        assert!(platform.model_requests().is_empty(), "the opt-out holds");
        assert_eq!(platform.text(PHONE, "START").await, [OPTED_IN]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_join_that_was_cut_off_is_finished_by_the_alarm_and_both_threads_are_forgotten() {
    let platform = FakePlatform::new();
    platform.thread_calls_fail([true]);
    assert_eq!(
        platform.post(&both("Hello?", &fresh_sid())).await.status,
        503
    );
    assert!(!platform.stored(PHONE).is_empty(), "it follows already");
    platform.kill(USER);
    platform.kill(PHONE);
    platform.pass(2 * HOUR).await;
    assert_nothing_left(&platform);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn consent_and_links_outlive_restarts_of_both_threads() {
    let platform = FakePlatform::new();
    by_both(&platform, "Hello").await;
    // The other thread does not hear of it at first.
    platform.thread_calls_fail([false]);
    platform.text(USER, "STOP").await;
    platform.pass(SECOND).await;
    for from in [USER, PHONE] {
        platform.kill(from);
    }
    platform.pass(30 * SECOND).await;
    assert!(platform.stored(PHONE).contains_key("opted_out"));
    // What the leader knew is lost. The number's own flag still holds.
    platform.overwrite_storage(USER, "state", "{}");
    platform.kill(USER);
    for from in [PHONE, USER] {
        assert_eq!(platform.text(from, "Hello?").await, NOTHING, "{from}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_share_of_the_day_is_one_for_both_addresses() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "3")]);
    platform.text(PHONE, "one").await;
    by_both(&platform, "two").await;
    platform.text(USER, "three").await;
    assert!(platform.text(PHONE, "four").await[0].starts_with("Sorry"));
    assert_eq!(platform.model_requests().len(), 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_number_that_got_a_new_user_id_belongs_to_the_new_one() {
    let platform = FakePlatform::new();
    by_both(&platform, "of the first").await;
    let other = "whatsapp:US.99999999999999999999";
    let mut fields = webhook(PHONE, "of the second", &fresh_sid());
    fields.push(("ExternalUserId".to_owned(), other.to_owned()));
    assert_eq!(platform.post(&fields).await.status, 200);
    platform.text(PHONE, "by the number").await;
    assert_eq!(
        last_conversation(&platform),
        ["of the second", "by the number"]
    );
    platform.text(USER, "of the first again").await;
    assert_eq!(
        last_conversation(&platform),
        ["of the first", "of the first again"]
    );
    platform.pass(30 * HOUR).await;
    for from in [USER, PHONE, other] {
        assert!(
            platform.stored(from).is_empty(),
            "{:?}",
            left(&platform, from)
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_release_of_unknown_outcome_does_not_part_a_person_who_writes_again() {
    let platform = FakePlatform::new();
    by_both(&platform, "of yesterday").await;
    platform.thread_calls();
    platform.thread_calls_fail([true]);
    while platform.thread_calls().is_empty() {
        platform.pass(5 * SECOND).await;
    }
    assert!(
        platform.stored(PHONE).is_empty(),
        "it does not follow any more"
    );
    by_both(&platform, "one").await;
    platform.text(PHONE, "two").await;
    platform.text(USER, "three").await;
    assert_eq!(last_conversation(&platform), ["one", "two", "three"]);
    platform.pass(30 * HOUR).await;
    assert_nothing_left(&platform);
}
