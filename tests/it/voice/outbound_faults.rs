//! What goes wrong when a call is made: it is made at most once, and its end becomes known.
//!
//! Not here: calls that are made as they should (`outbound`).

use std::time::Duration;

use serde_json::json;
use switchboard::{
    identity::Caller,
    voice::api::{Dial, Dialled},
};

use crate::support::{
    Act, FakePlatform, ORIGIN, SECOND, TOKEN, after,
    operator::{ACCOUNT, with_calls},
    phone::Call,
};

fn dialled(fake: &FakePlatform) -> Vec<String> {
    let events = fake.events_named("call_dialled");
    let outcome = |event: &serde_json::Value| event["outcome"].as_str().unwrap().to_owned();
    events.iter().map(outcome).collect()
}

async fn wait(fake: &FakePlatform, seconds: u64) {
    fake.pass(Duration::from_secs(seconds)).await;
}

fn ended_by(fake: &FakePlatform) -> String {
    let ends = fake.events_named("call");
    assert_eq!(ends.len(), 1, "{ends:?}");
    ends[0]["ended_by"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_answer_was_lost_is_looked_up_and_never_made_again() {
    for lost in [
        Act::ThenDrop,
        after(11_000, Act::Say("")),
        Act::Status(503, "{}"),
    ] {
        let fake = with_calls(&[]);
        let was_made = !matches!(lost, Act::Status(..));
        fake.twilio([lost]);
        let id = fake.calls_anna().await;
        assert_eq!(fake.call_state(&id).await, json!({ "state": "dialling" }));
        if !was_made {
            // Twilio has made it although it answered 503.
            fake.foreign_call("+15550100", "+15550199");
        }
        wait(&fake, 16).await;
        assert_eq!(dialled(&fake), ["unknown", "made"]);
        assert_eq!(fake.calls_made().len(), 1);
        fake.calls_are("no-answer");
        wait(&fake, 120).await;
        assert_eq!(ended_by(&fake), "no_answer");
        assert_eq!(fake.call_minutes().await, 0);
        assert_eq!(fake.calls_made().len(), 1);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_answer_was_lost_is_talked_when_the_person_answers() {
    let fake = with_calls(&[]);
    fake.twilio([Act::ThenDrop]);
    let id = fake.calls_anna().await;
    let mut call = fake.newest_call();
    call.after(SECOND).await;
    call.answered().await;
    call.says("Yes?").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "answer to Yes?");
    call.after(Duration::from_secs(10)).await;
    assert_eq!(fake.call_lists(), 0, "Twilio has told of it");
    assert_eq!(fake.call_state(&id).await["state"], "talking");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_twilio_does_not_have_is_given_up_once_that_is_certain() {
    let fake = with_calls(&[]);
    fake.twilio([Act::Drop]);
    let id = fake.calls_anna().await;
    wait(&fake, 29).await;
    assert!(fake.call_lists() > 1, "it may be listed late");
    assert_eq!(fake.call_minutes().await, 1);
    wait(&fake, 10).await;
    assert_eq!(dialled(&fake), ["unknown", "not_made"]);
    assert_eq!(ended_by(&fake), "not_made");
    assert_eq!(fake.call_minutes().await, 0, "it is given back");
    assert_eq!(fake.call_state(&id).await["ended_by"], "not_made");
    wait(&fake, 1200).await;
    assert!(fake.calls_made().is_empty(), "it is not made later");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_is_listed_late_is_found() {
    let fake = with_calls(&[]);
    fake.twilio([Act::Drop]);
    fake.calls_anna().await;
    wait(&fake, 12).await;
    fake.foreign_call("+15550100", "+15550199");
    wait(&fake, 6).await;
    assert_eq!(dialled(&fake), ["unknown", "made"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_twilio_that_gives_no_list_is_asked_again_and_the_call_is_given_up_after_a_quarter_of_an_hour()
 {
    let fake = with_calls(&[]);
    fake.twilio([Act::Drop]);
    fake.twilio(std::iter::repeat_n(Act::Status(503, "{}"), 60));
    let id = fake.calls_anna().await;
    wait(&fake, 890).await;
    assert_eq!(fake.call_state(&id).await["state"], "dialling");
    wait(&fake, 90).await;
    assert_eq!(ended_by(&fake), "lost");
    assert_eq!(fake.call_minutes().await, 1, "it may have been talked");
    assert!(fake.rest_tokens().len() < 25, "the waits grow");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn two_calls_that_it_can_be_are_not_taken_for_it() {
    let fake = with_calls(&[]);
    fake.twilio([Act::ThenDrop]);
    let id = fake.calls_anna().await;
    fake.foreign_call("+15550100", "+15550199");
    fake.calls_are("completed");
    wait(&fake, 60).await;
    assert_eq!(dialled(&fake), ["unknown"]);
    assert_eq!(fake.call_state(&id).await["state"], "dialling");
    let call = Call::made(&fake, &fake.calls_made()[0]);
    call.response("/twilio/voice/status", &[("CallStatus", "busy")])
        .await;
    assert_eq!(ended_by(&fake), "busy");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_twilio_refuses_is_told_with_its_code_and_costs_nothing() {
    let fake = with_calls(&[]);
    let wanted = json!({ "to": "+15550100", "assistant": "desk" });
    for (act, status, says) in [
        (Act::Status(400, r#"{"code":21211}"#), 409, "error 21211"),
        (Act::Status(400, r#"{"code":21210}"#), 409, "error 21210"),
        (Act::Status(403, r#"{"code":21215}"#), 409, "error 21215"),
        (Act::Status(429, r#"{"code":20429}"#), 409, "error 20429"),
        (
            Act::Status(401, r#"{"code":20003}"#),
            409,
            "TWILIO_AUTH_TOKEN",
        ),
    ] {
        fake.twilio([act]);
        let response = fake.wants_call(&wanted).await;
        assert_eq!(response.status, status);
        assert!(response.body.contains(says), "{}", response.body);
    }
    assert_eq!(dialled(&fake), ["rejected"; 5]);
    assert_eq!(fake.events_named("call_dialled")[0]["code"], 21211);
    assert_eq!(fake.call_minutes().await, 0);
    wait(&fake, 1200).await;
    assert_eq!(fake.rest_tokens().len(), 5, "nothing is tried again");
    assert!(fake.events_named("call").is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_is_made_with_the_next_token_if_twilio_does_not_accept_the_first() {
    const NEW: &str = "fedcba9876543210fedcba9876543210";
    let tokens = format!("{NEW},{TOKEN}");
    let fake = with_calls(&[("TWILIO_AUTH_TOKEN", &tokens)]);
    fake.twilio([Act::Status(401, "{}")]);
    fake.calls_anna().await;
    assert_eq!(fake.rest_tokens(), [NEW, TOKEN]);
    assert_eq!(fake.calls_made().len(), 1);
    assert_eq!(dialled(&fake), ["made"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_was_being_made_when_its_object_vanished_is_looked_up() {
    for was_made in [true, false] {
        let fake = with_calls(&[]);
        // Twilio goes on with a request that nobody waits for.
        let act = if was_made { Act::Say("") } else { Act::Drop };
        fake.twilio([after(3000, act)]);
        let waiting = fake.clone();
        let wish = tokio::task::spawn_local(async move {
            let wanted = json!({ "to": "+15550100", "assistant": "desk" });
            waiting.wants_call(&wanted).await
        });
        wait(&fake, 1).await;
        let id = fake.call_names().pop().unwrap();
        wish.abort();
        fake.evict_call(&id);
        wait(&fake, 50).await;
        if was_made {
            assert_eq!(dialled(&fake), ["made"]);
        } else {
            assert_eq!(dialled(&fake), ["not_made"]);
            assert_eq!(fake.call_minutes().await, 0);
        }
        assert_eq!(fake.calls_made().len(), usize::from(was_made));
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_of_whose_end_twilio_tells_nothing_is_looked_up() {
    for (status, end, minutes) in [
        ("busy", "busy", 0),
        ("no-answer", "no_answer", 0),
        // Somebody has answered, and Twilio could not reach us.
        ("completed", "lost", 1),
    ] {
        let fake = with_calls(&[]);
        fake.calls_anna().await;
        wait(&fake, 50).await;
        fake.calls_are(status);
        assert_eq!(fake.call_lists(), 0);
        wait(&fake, 10).await;
        assert_eq!(fake.call_lists(), 1);
        assert_eq!(ended_by(&fake), end);
        assert_eq!(fake.call_minutes().await, minutes);
        assert_eq!(dialled(&fake), ["made"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_wish_that_comes_twice_makes_one_call() {
    let fake = with_calls(&[]);
    fake.lose_call_replies(1);
    let id = fake.calls_anna().await;
    assert_eq!(fake.calls_made().len(), 1);
    assert_eq!(fake.call_minutes().await, 1);
    assert_eq!(fake.call_state(&id).await["state"], "dialling");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn two_equal_wishes_at_once_make_one_call() {
    let fake = with_calls(&[]);
    let keys = &fake.config().pseudonym_key;
    let (name, to) = (keys.call_of_ours([7; 16]), "+15550100".parse().unwrap());
    let dial = Dial {
        caller: keys.caller(&Caller::read("+15550100"), None),
        phone_hash: keys.phone_hash(&to),
        to,
        from: "+15550199".parse().unwrap(),
        account: ACCOUNT.parse().unwrap(),
        context: None,
        origin: ORIGIN.to_owned(),
    };
    let phone = fake.phone(name.as_str());
    let (one, other) = tokio::join!(phone.dial(dial.clone()), phone.dial(dial));
    assert_eq!(
        (one.unwrap(), other.unwrap()),
        (Dialled::Made, Dialled::Made)
    );
    assert_eq!(fake.calls_made().len(), 1);
    assert_eq!(fake.call_minutes().await, 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answered_call_of_whose_end_nothing_is_heard_is_ended_by_rest() {
    let fake = with_calls(&[]);
    let id = fake.calls_anna().await;
    let mut call = fake.newest_call();
    call.answered().await;
    fake.phone(&id).closed(1).await;
    wait(&fake, 31).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    assert_eq!(ended_by(&fake), "lost");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_is_answered_after_it_was_given_up_is_hung_up() {
    let fake = with_calls(&[]);
    fake.calls_anna().await;
    let call = fake.newest_call();
    call.response("/twilio/voice/status", &[("CallStatus", "no-answer")])
        .await;
    let verbs = call
        .webhook("/twilio/voice", &[("CallStatus", "in-progress")])
        .await;
    assert_eq!(verbs[0].name, "Hangup");
}
