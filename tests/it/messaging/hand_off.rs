//! A contact that is handed over to a person: by its word or by an operator, until somebody ends it.
//!
//! Not here: which parts of a message a person reads (`passed_on`), the routes' refusals of malformed requests (`http`), and hand-offs among faults (`simulation`).

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::{base::secret::Secret, webhooks};

use super::{admin_answer, left, users};
use crate::support::{
    ANNA, Act, BEN, CARL, DAY, DESK, FLOW, FakePlatform, HOUR, Incoming, NOTHING, NUMBER, SECOND,
    WITH_ADMIN, after,
    documented::{documented_fields, fields},
    fresh_sid, media_url, webhook, with_media,
};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const HANDED_OVER: &str = "A person will answer you here. Until then the assistant is silent. Reply ASSISTANT to talk to it again.";
const AGAIN: &str = "You are talking to the automated assistant again.";
const STAFF: &str = "+15550177";

/// An assistant for [`NUMBER`] on SMS and WhatsApp with this `[hand_off]`.
pub(super) fn with_hand_off(changes: &[(&str, &str)], hand_off: &str) -> FakePlatform {
    let file = format!(
        "numbers = [\"{NUMBER}\", \"whatsapp:{NUMBER}\"]\nprompt = \"Be kind.\"\n[hand_off]\n{hand_off}\n"
    );
    let mut settings = vec![WITH_ADMIN, ("DESK_SECRET", KEY)];
    settings.extend(changes);
    FakePlatform::with_assistants(&settings, &[("front-desk", &file)])
}

fn with_desk() -> FakePlatform {
    with_hand_off(&[], &desk())
}

pub(super) fn desk() -> String {
    format!("url = \"{DESK}\"\nsecret = \"DESK_SECRET\"\nhours = 2")
}

async fn operator(
    platform: &FakePlatform,
    what: &str,
    from: &str,
    text: Option<&str>,
) -> (u16, Value) {
    let text = text.map(|text| json!({ "text": text }));
    operator_with(platform, what, from, text).await
}

/// The same with these fields.
async fn operator_with(
    platform: &FakePlatform,
    what: &str,
    from: &str,
    fields: Option<Value>,
) -> (u16, Value) {
    let to = if from.starts_with("whatsapp:") {
        format!("whatsapp:{NUMBER}")
    } else {
        NUMBER.to_owned()
    };
    let mut body = json!({ "from": from, "to": to });
    for (name, value) in fields.iter().flat_map(|fields| fields.as_object().unwrap()) {
        body[name] = value.clone();
    }
    let path = format!("/admin/contacts/{what}");
    admin_answer(platform, Incoming::json(&path, &body.to_string())).await
}

/// The states and causes of the hand-offs in the log.
fn logged(platform: &FakePlatform) -> Vec<(String, String)> {
    let events = platform.events_named("hand_off");
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    events
        .iter()
        .map(|event| (text(event, "state"), text(event, "by")))
        .collect()
}

fn texts(platform: &FakePlatform) -> Vec<String> {
    let bodies = platform.desk_bodies();
    bodies
        .iter()
        .map(|body| body["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_contact_that_asks_for_a_person_is_told_once_and_its_messages_are_passed_on_signed_and_in_order()
 {
    let platform = with_desk();
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
    assert_eq!(platform.text(ANNA, "Agent!").await, [HANDED_OVER]);
    assert_eq!(platform.text(ANNA, "My order is late").await, NOTHING);
    assert_eq!(platform.text(ANNA, "human").await, NOTHING);
    platform.pass(SECOND).await;
    assert_eq!(
        platform.model_requests().len(),
        1,
        "the model is asked nothing"
    );
    assert_eq!(texts(&platform), ["Agent!", "My order is late", "human"]);
    let (requests, bodies) = (platform.desk_requests(), platform.desk_bodies());
    let body = &bodies[1];
    for (field, value) in [
        ("event", json!("handed_over_message")),
        ("assistant", json!("front-desk")),
        ("channel", json!("sms")),
        ("contact", json!(ANNA)),
        ("number", json!(NUMBER)),
        ("media", json!(0)),
    ] {
        assert_eq!(body[field], value, "{field}");
    }
    let time = body["time"].as_str().unwrap();
    assert!(time.starts_with("2026-11-22T12:00:0"), "{time}");
    assert_eq!(body["conversation"].as_str().unwrap().len(), 64);
    assert_eq!(body["conversation"], bodies[0]["conversation"]);
    assert_ne!(body["id"], bodies[0]["id"]);
    for request in &requests {
        let header = |name: &str| {
            let mut found = request.headers.iter().filter(|(other, _)| other == name);
            found.next().unwrap().1.clone()
        };
        let text = request.body.to_text();
        let body: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(header("webhook-id"), body["id"]);
        let key = Secret::new(KEY.trim_start_matches("whsec_").to_owned());
        let timestamp = header("webhook-timestamp").parse().unwrap();
        let signature = webhooks::signature(&key, &header("webhook-id"), timestamp, &text);
        assert_eq!(header("webhook-signature"), signature);
    }
    assert_eq!(logged(&platform), [("begun".into(), "contact".into())]);
    let delivered = platform.events_named("signed_webhook");
    assert_eq!(delivered.len(), 3);
    assert!(
        delivered
            .iter()
            .all(|event| event["outcome"] == "delivered")
    );
    assert!(!platform.log_text().contains("5550100") && !platform.log_text().contains("order"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_a_hand_off_in_the_file_a_word_for_a_person_is_an_ordinary_message() {
    let platform = FakePlatform::new();
    assert_eq!(platform.text(ANNA, "agent").await, ["answer to agent"]);
    assert_eq!(platform.text(ANNA, "bot").await, ["answer to bot"]);
    let platform = with_desk();
    assert_eq!(platform.text(ANNA, "bot").await, ["answer to bot"]);
    assert_eq!(
        platform.text(ANNA, "an agent of change").await,
        ["answer to an agent of change"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_contact_ends_it_by_a_word_and_the_model_knows_what_was_said() {
    let platform = with_desk();
    platform.text(CARL, "Hello").await;
    platform.text(CARL, "agent").await;
    platform.text(CARL, "Where is it?").await;
    let (status, said) = operator(&platform, "messages", CARL, Some("On its way. Ana")).await;
    assert_eq!((status, said), (202, json!({ "queued": true })));
    platform.pass(5 * SECOND).await;
    assert_eq!(platform.sent(), ["On its way. Ana"]);
    platform.text(CARL, "Thanks").await;
    assert_eq!(platform.text(CARL, "Assistant").await, [AGAIN]);
    assert_eq!(
        platform.text(CARL, "And now?").await,
        ["answer to And now?"]
    );
    let requests = platform.model_requests();
    assert_eq!(requests.len(), 2);
    let told: Vec<_> = requests[1]["messages"].as_array().unwrap()[1..]
        .iter()
        .map(|message| {
            (
                message["role"].as_str().unwrap(),
                message["content"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("user", "Hello"),
            ("assistant", "answer to Hello"),
            ("user", "agent\nWhere is it?"),
            ("assistant", "On its way. Ana"),
            ("user", "Thanks"),
            ("user", "And now?"),
        ]
    );
    assert_eq!(
        logged(&platform),
        [
            ("begun".into(), "contact".into()),
            ("ended".into(), "contact".into())
        ]
    );
    platform.pass(SECOND).await;
    assert_eq!(texts(&platform), ["agent", "Where is it?", "Thanks"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_was_said_in_a_hand_off_survives_the_object_and_expires_with_the_conversation() {
    let platform = with_hand_off(&[("CONVERSATION_TTL_SECONDS", "600")], &desk());
    platform.text(ANNA, "agent").await;
    platform.text(ANNA, "early").await;
    platform.pass(Duration::from_secs(500)).await;
    platform.text(ANNA, "late").await;
    platform.kill(ANNA);
    platform.pass(Duration::from_secs(200)).await;
    assert_eq!(operator(&platform, "release", ANNA, None).await.0, 200);
    platform.kill(ANNA);
    platform.text(ANNA, "And now?").await;
    assert_eq!(users(&platform.model_requests()[0]), ["late", "And now?"]);
    platform.pass(DAY).await;
    assert_eq!(left(&platform, ANNA), NOTHING);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_hand_off_that_ends_before_a_late_alarm_brings_nothing_back_that_has_expired() {
    let platform = with_hand_off(&[("CONVERSATION_TTL_SECONDS", "600")], &desk());
    platform.text(ANNA, "Before").await;
    platform.text(ANNA, "agent").await;
    platform.text(ANNA, "early").await;
    platform.alarms_late_by(Duration::from_mins(5));
    platform.pass(Duration::from_secs(500)).await;
    platform.text(ANNA, "late").await;
    platform.pass(Duration::from_secs(101)).await;
    platform.text(ANNA, "bot").await;
    platform.text(ANNA, "And now?").await;
    let asked = platform.model_requests();
    assert_eq!(users(asked.last().unwrap()), ["late", "And now?"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn it_ends_after_its_hours() {
    let platform = with_desk();
    platform.text(ANNA, "agent").await;
    platform.pass(HOUR + Duration::from_mins(59)).await;
    assert_eq!(platform.text(ANNA, "still there?").await, NOTHING);
    platform.pass(Duration::from_mins(2)).await;
    let all = logged(&platform);
    assert_eq!(
        all.last().unwrap(),
        &("ended".to_owned(), "time".to_owned())
    );
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
    platform.pass(DAY).await;
    assert_eq!(left(&platform, ANNA), NOTHING);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_operator_takes_a_contact_over_answers_and_releases_it() {
    let platform = with_desk();
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
    let refused = operator(&platform, "messages", ANNA, Some("Hi")).await;
    assert_eq!(refused.0, 409, "nobody is handed over");
    let (status, begun) = operator(&platform, "hand-over", ANNA, None).await;
    assert_eq!(
        (status, begun),
        (200, json!({ "handed_off": true, "begun": true }))
    );
    let (_, begun) = operator(&platform, "hand-over", ANNA, None).await;
    assert_eq!(begun, json!({ "handed_off": true, "begun": false }));
    assert_eq!(
        operator(&platform, "messages", ANNA, Some("Hi")).await.0,
        409
    );
    let (_, shown) = operator(&platform, "show", ANNA, None).await;
    assert_eq!(shown["handed_off"], true);
    assert_eq!(
        platform.text(ANNA, "One").await,
        [HANDED_OVER],
        "with its next message"
    );
    assert_eq!(platform.text(ANNA, "Two").await, NOTHING);
    assert_eq!(
        operator(&platform, "messages", ANNA, Some(" Hi ")).await.0,
        202
    );
    platform.pass(5 * SECOND).await;
    assert_eq!(platform.sent(), ["Hi"]);
    let (status, ended) = operator(&platform, "release", ANNA, None).await;
    assert_eq!(
        (status, ended),
        (200, json!({ "handed_off": false, "ended": true }))
    );
    let (_, ended) = operator(&platform, "release", ANNA, None).await;
    assert_eq!(ended, json!({ "handed_off": false, "ended": false }));
    assert_eq!(platform.text(ANNA, "Three").await, ["answer to Three"]);
    assert_eq!(
        logged(&platform),
        [
            ("begun".into(), "operator".into()),
            ("ended".into(), "operator".into())
        ]
    );
    assert_eq!(texts(&platform), ["One", "Two"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_operators_answer_with_an_id_is_sent_once_however_often_it_is_posted() {
    let platform = with_desk();
    operator(&platform, "hand-over", ANNA, None).await;
    platform.text(ANNA, "One").await;
    let answer = async |text: &str, id: Option<&str>| {
        let mut fields = json!({ "text": text });
        if let Some(id) = id {
            fields["id"] = id.into();
        }
        let (status, body) = operator_with(&platform, "messages", ANNA, Some(fields)).await;
        assert_eq!((status, body), (202, json!({ "queued": true })));
        platform.pass(5 * SECOND).await;
    };
    answer("Hi", Some("desk 7")).await;
    answer("Hi", Some("desk 7")).await;
    answer("Hi", Some("desk 7 ")).await;
    assert_eq!(platform.sent(), ["Hi"]);
    answer("Hi", Some("desk 8")).await;
    answer("Hi", None).await;
    answer("Hi", None).await;
    assert_eq!(platform.sent(), ["Hi", "Hi", "Hi", "Hi"]);
    operator(&platform, "release", ANNA, None).await;
    answer("Hi", Some("desk 7")).await;
    assert_eq!(platform.sent().len(), 4, "nor after the hand-off");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_operator_cannot_take_over_where_the_assistant_has_no_hand_off() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    assert_eq!(operator(&platform, "hand-over", ANNA, None).await.0, 409);
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn messages_that_wait_for_an_answer_are_passed_on_and_the_request_is_broken_off() {
    let platform = with_desk();
    platform.model([after(8000, Act::Say("too late"))]);
    let first = {
        let platform = platform.clone();
        tokio::task::spawn_local(async move { platform.text(ANNA, "Where is it?").await })
    };
    platform.pass(4 * SECOND).await;
    assert_eq!(platform.text(ANNA, "agent").await, [HANDED_OVER]);
    assert_eq!(first.await.unwrap(), NOTHING);
    platform.pass(20 * SECOND).await;
    assert_eq!(texts(&platform), ["Where is it?", "agent"]);
    assert!(platform.sent().is_empty());
    let turns = platform.events_named("turn");
    assert_eq!(turns[0]["outcome"], "cancelled");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_operators_answer_is_bound_by_opt_out_and_by_the_days_messages() {
    let platform = with_hand_off(&[("MAX_DAILY_MESSAGES", "1")], &desk());
    platform.text(ANNA, "agent").await;
    assert_eq!(
        operator(&platform, "messages", ANNA, Some("one")).await.0,
        202
    );
    platform.pass(5 * SECOND).await;
    assert_eq!(
        operator(&platform, "messages", ANNA, Some("two")).await.0,
        429
    );
    platform.text(ANNA, "STOP").await;
    platform.pass(DAY / 2).await;
    let platform = with_desk();
    platform.text(ANNA, "agent").await;
    platform.text(ANNA, "STOP").await;
    assert_eq!(
        operator(&platform, "messages", ANNA, Some("two")).await.0,
        409
    );
    platform.pass(60 * SECOND).await;
    assert!(platform.sent().is_empty());
    assert_eq!(platform.text(ANNA, "not passed on").await, NOTHING);
    assert_eq!(texts(&platform), ["agent"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn keywords_and_the_rate_limit_go_on_working() {
    let platform = with_hand_off(&[("RATE_LIMIT_PER_MINUTE", "4")], &desk());
    platform.text(ANNA, "agent").await;
    let help = platform.text(ANNA, "HELP").await;
    assert!(help[0].starts_with("This is an automated assistant."));
    platform.text(ANNA, "one").await;
    platform.text(ANNA, "two").await;
    let limited = platform.text(ANNA, "three").await;
    assert!(
        limited[0].starts_with("That's more messages"),
        "{limited:?}"
    );
    platform.pass(60 * SECOND).await;
    assert_eq!(texts(&platform), ["agent", "one", "two"]);
    assert_eq!(
        platform.text(ANNA, "DELETE MY DATA").await,
        ["Your data is erased."]
    );
    assert_eq!(
        platform.text(ANNA, "Hello").await,
        ["answer to Hello"],
        "an erasure ends it"
    );
    assert_eq!(users(&platform.model_requests()[0]), ["Hello"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_drops_what_was_not_delivered() {
    let platform = with_desk();
    platform.desk([Act::Drop]);
    platform.text(ANNA, "agent").await;
    platform.text(ANNA, "a secret").await;
    platform.pass(SECOND).await;
    let (_, answer) = operator(&platform, "erase", ANNA, None).await;
    assert_eq!(answer["erased"]["deliveries"], 2);
    platform.pass(HOUR).await;
    assert_eq!(platform.desk_requests().len(), 1, "nothing is tried again");
    platform.pass(2 * DAY).await;
    assert_eq!(left(&platform, ANNA), NOTHING);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_desk_that_fails_gets_each_message_later_with_the_same_id_and_body() {
    let platform = with_desk();
    platform.desk([
        Act::Status(500, ""),
        Act::Drop,
        after(30_000, Act::Say("")),
        Act::Status(302, ""),
        Act::ThenDrop,
    ]);
    platform.text(ANNA, "agent").await;
    platform.text(ANNA, "two").await;
    platform.pass(SECOND).await;
    platform.kill(ANNA);
    platform.pass(Duration::from_mins(5)).await;
    assert_eq!(
        texts(&platform),
        ["agent", "agent", "agent", "agent", "agent", "agent", "two"],
        "in order"
    );
    let requests = platform.desk_requests();
    let sent: Vec<_> = requests[..6].iter().map(|one| one.body.to_text()).collect();
    assert!(sent.iter().all(|body| *body == sent[0]));
    let outcomes: Vec<_> = platform
        .events_named("signed_webhook")
        .iter()
        .map(|event| (event["outcome"].clone(), event["failures"].clone()))
        .collect();
    assert_eq!(
        outcomes,
        [
            (json!("delayed"), json!(1)),
            (json!("delivered"), json!(5)),
            (json!("delivered"), json!(0))
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_that_no_desk_takes_is_given_up_after_a_day_and_logged() {
    let platform = with_desk();
    platform.desk(std::iter::repeat_n(Act::Status(503, ""), 500));
    platform.text(ANNA, "agent").await;
    platform.pass(DAY + SECOND).await;
    let last = platform.events_named("signed_webhook").pop().unwrap();
    assert_eq!(last["outcome"], "given_up");
    assert_eq!(last["purpose"], "handed_over_message");
    let tried = platform.desk_requests().len();
    assert!((90..200).contains(&tried), "{tried}");
    platform.pass(DAY).await;
    assert_eq!(platform.desk_requests().len(), tried);
    assert_eq!(left(&platform, ANNA), NOTHING);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn files_are_counted_and_not_read() {
    let platform = with_desk();
    platform.text(ANNA, "agent").await;
    let two = ["image/jpeg", "audio/ogg"];
    let sent = with_media(ANNA, "see", &fresh_sid(), &two);
    assert!(crate::support::texts(&platform.post(&sent).await.body).is_empty());
    let other = with_media(ANNA, "", &fresh_sid(), &["application/pdf"]);
    assert!(crate::support::texts(&platform.post(&other).await.body).is_empty());
    platform.pass(SECOND).await;
    let bodies = platform.desk_bodies();
    assert_eq!(
        (&bodies[1]["text"], &bodies[1]["media"]),
        (&json!("see"), &json!(2))
    );
    assert_eq!(
        (&bodies[2]["text"], &bodies[2]["media"]),
        (&json!(""), &json!(1))
    );
    assert!(platform.media_requests().is_empty() && platform.transcribed().is_empty());
    assert!(
        !platform.desk_requests()[1]
            .body
            .to_text()
            .contains(&media_url(0))
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_operators_number_is_noted_once_a_minute_without_the_text() {
    let platform = with_hand_off(&[], &format!("number = \"{STAFF}\""));
    platform.text(CARL, "agent").await;
    platform.text(CARL, "a secret").await;
    platform.pass(30 * SECOND).await;
    platform.text(CARL, "another").await;
    platform.pass(31 * SECOND).await;
    platform.text(CARL, "a third").await;
    platform.pass(10 * SECOND).await;
    let sent = platform.sent_forms();
    assert_eq!(sent.len(), 2);
    for note in &sent {
        assert_eq!(
            (note["To"].as_str(), note["From"].as_str()),
            (STAFF, NUMBER)
        );
        assert!(note["Body"].starts_with("A contact ("), "{}", note["Body"]);
        assert!(!note["Body"].contains("secret") && !note["Body"].contains("5550102"));
    }
    assert!(platform.desk_requests().is_empty());
    // What the operator's carrier says of a note says nothing of the contact.
    platform.twilio([Act::Status(400, r#"{"code":21610}"#)]);
    platform.pass(60 * SECOND).await;
    platform.text(CARL, "a fourth").await;
    platform.pass(10 * SECOND).await;
    let (_, shown) = operator(&platform, "show", CARL, None).await;
    assert_eq!(
        (&shown["opted_out"], &shown["handed_off"]),
        (&json!(false), &json!(true))
    );
    let parts = platform.events_named("outbox_part");
    assert_eq!(parts.last().unwrap()["outcome"], "rejected");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_note_has_the_text_where_the_file_allows_it_and_counts_for_the_days_messages() {
    let file = format!("number = \"{STAFF}\"\ninclude_text = true");
    let platform = with_hand_off(&[("MAX_DAILY_MESSAGES", "1")], &file);
    platform.text(ANNA, "agent").await;
    platform.pass(61 * SECOND).await;
    platform.text(ANNA, "again").await;
    platform.pass(10 * SECOND).await;
    let sent = platform.sent();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].ends_with("\n+15550100: agent"), "{}", sent[0]);
    let parts = platform.events_named("outbox_part");
    assert_eq!(parts.last().unwrap()["outcome"], "daily_limit");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_studio_flow_is_started_once_for_a_hand_off() {
    let platform = with_hand_off(&[], &format!("studio_flow = \"{FLOW}\""));
    platform.text(ANNA, "agent").await;
    platform.text(ANNA, "more").await;
    platform.pass(60 * SECOND).await;
    let executions = platform.executions();
    assert_eq!(executions.len(), 1);
    let [(to, contact), (from, number), (name, parameters)] = &executions[0][..] else {
        panic!("{executions:?}");
    };
    assert_eq!((to.as_str(), contact.as_str()), ("To", ANNA));
    assert_eq!((from.as_str(), number.as_str()), ("From", NUMBER));
    let parameters: Value = serde_json::from_str(parameters).unwrap();
    assert_eq!(name, "Parameters");
    assert_eq!(parameters["assistant"], "front-desk");
    assert_eq!(parameters["reason"], "asked for a person");
    assert_eq!(parameters["conversation"].as_str().unwrap().len(), 64);
    assert_eq!(
        platform.events_named("studio_flow")[0]["outcome"],
        "started"
    );
    platform.text(ANNA, "bot").await;
    platform.text(ANNA, "agent").await;
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.executions().len(), 2, "one more for the next");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_flow_whose_start_has_an_unknown_outcome_is_looked_up_and_never_started_again() {
    for (acts, started, outcome) in [
        (vec![Act::ThenDrop], 1, "started"),
        (vec![Act::Drop], 0, "unknown"),
        (vec![after(20_000, Act::Say(""))], 0, "unknown"),
        (vec![Act::ThenDrop, Act::Status(500, "")], 1, "started"),
        (vec![Act::Status(429, r#"{"code":20429}"#)], 1, "started"),
        (vec![Act::Status(400, r#"{"code":20001}"#)], 0, "rejected"),
    ] {
        let platform = with_hand_off(&[], &format!("studio_flow = \"{FLOW}\""));
        platform.studio(acts.clone());
        platform.text(ANNA, "agent").await;
        platform.pass(SECOND).await;
        platform.kill(ANNA);
        platform.pass(Duration::from_mins(10)).await;
        assert_eq!(platform.executions().len(), started, "{acts:?}");
        let events = platform.events_named("studio_flow");
        assert_eq!(events.len(), 1, "{acts:?}");
        assert_eq!(events[0]["outcome"], outcome, "{acts:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_flow_is_started_for_a_contact_that_has_opted_out_meanwhile() {
    let platform = with_hand_off(&[], &format!("studio_flow = \"{FLOW}\""));
    platform.studio([Act::Status(429, r#"{"code":20429}"#)]);
    platform.text(ANNA, "agent").await;
    platform.pass(SECOND / 2).await;
    platform.text(ANNA, "STOP").await;
    platform.pass(Duration::from_mins(10)).await;
    assert!(platform.executions().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_copy_of_a_message_is_passed_on_once_and_answered_alike() {
    let platform = with_desk();
    let sid = fresh_sid();
    assert_eq!(platform.message(BEN, "agent", &sid).await, [HANDED_OVER]);
    assert_eq!(platform.message(BEN, "agent", &sid).await, [HANDED_OVER]);
    let sid = fresh_sid();
    for _ in 0..3 {
        assert_eq!(platform.message(BEN, "one", &sid).await, NOTHING);
    }
    platform.pass(SECOND).await;
    assert_eq!(texts(&platform), ["agent", "one"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_hand_off_of_a_person_with_two_addresses_belongs_to_the_thread_that_leads() {
    const USER: &str = "whatsapp:US.13491208655302741918";
    const PHONE: &str = "whatsapp:+15550103";
    let platform = with_desk();
    assert_eq!(platform.text(PHONE, "agent").await, [HANDED_OVER]);
    let mut fields = webhook(PHONE, "From both", &fresh_sid());
    fields.push(("ExternalUserId".to_owned(), USER.to_owned()));
    let joined = platform.post(&fields).await;
    assert!(
        crate::support::texts(&joined.body).is_empty(),
        "{}",
        joined.body
    );
    assert_eq!(
        operator(&platform, "messages", PHONE, Some("Hi")).await.0,
        202
    );
    platform.pass(5 * SECOND).await;
    assert_eq!(platform.sent(), ["Hi"]);
    let (_, ended) = operator(&platform, "release", PHONE, None).await;
    assert_eq!(ended, json!({ "handed_off": false, "ended": true }));
    for (from, text) in [(PHONE, "one"), (USER, "two")] {
        assert_eq!(
            platform.text(from, text).await,
            [format!("answer to {text}")]
        );
    }
    assert_eq!(texts(&platform), ["agent", "From both"]);
}

const CALLS: &str = r#"{"choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"hand_off","arguments":"{\"reason\":\"The order is lost.\"}"}},{"id":"b","type":"function","function":{"name":"hand_off","arguments":"{\"reason\":\"Twice.\"}"}}]}}]}"#;

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_hands_a_contact_over_and_the_contact_reads_the_fixed_text() {
    let platform = with_hand_off(&[], &format!("{}\nstudio_flow = \"{FLOW}\"", desk()));
    platform.model([
        Act::Body(CALLS),
        Act::Say("Somebody calls you in a minute!"),
    ]);
    assert_eq!(platform.text(ANNA, "It is lost").await, [HANDED_OVER]);
    assert_eq!(platform.text(ANNA, "Hello?").await, NOTHING);
    platform.pass(60 * SECOND).await;
    let bodies = platform.desk_bodies();
    assert_eq!(texts(&platform), ["It is lost", "Hello?"]);
    assert_eq!(bodies[0]["reason"], "The order is lost.");
    let documented = documented_fields("hand-off.md", "handed_over_message");
    assert_eq!(fields(&bodies[0]), documented);
    assert!(bodies[1].get("reason").is_none());
    let parameters: Value = serde_json::from_str(&platform.executions()[0][2].1).unwrap();
    assert_eq!(parameters["reason"], "The order is lost.");
    let requests = platform.model_requests();
    assert_eq!(requests.len(), 2);
    let told = requests[1]["messages"].to_string();
    assert!(
        told.contains("handed_over") && !told.contains("hand_off_failed"),
        "{told}"
    );
    assert_eq!(logged(&platform), [("begun".into(), "assistant".into())]);
    let turns = platform.events_named("turn");
    assert_eq!(turns[0]["outcome"], "handed_over");
    assert!(!platform.log_text().contains("lost"));
    assert_eq!(platform.text(ANNA, "bot").await, [AGAIN]);
    platform.text(ANNA, "And now?").await;
    let last = platform.model_requests().pop().unwrap();
    assert_eq!(users(&last), ["It is lost\nHello?", "And now?"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_model_that_calls_the_tool_with_other_arguments_hands_nobody_over() {
    const WRONG: &str = r#"{"choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"hand_off","arguments":"{\"number\":\"+15550188\"}"}},{"id":"b","type":"function","function":{"name":"hand_off","arguments":"{\"reason\":\" \"}"}}]}}]}"#;
    let platform = with_desk();
    platform.model([Act::Body(WRONG), Act::Say("I could not reach anybody.")]);
    let answer = platform.text(ANNA, "It is lost").await;
    assert_eq!(answer, ["I could not reach anybody."]);
    let told = platform.model_requests()[1]["messages"].to_string();
    assert!(told.contains("hand_off_failed"), "{told}");
    assert!(logged(&platform).is_empty() && platform.desk_requests().is_empty());
}

/// Pinned, because a deploy meets the state that the previous release stored.
#[tokio::test(flavor = "local", start_paused = true)]
async fn a_stored_hand_off_is_still_read() {
    let platform = with_hand_off(&[], &format!("{}\nstudio_flow = \"{FLOW}\"", desk()));
    let pinned = include_str!("../../vectors/thread_state_v1_assistants.json").trim();
    platform.overwrite_storage(ANNA, "state", pinned);
    assert_eq!(platform.text(ANNA, "two").await, NOTHING);
    assert_eq!(
        operator(&platform, "messages", ANNA, Some("Hi")).await.0,
        202
    );
    platform.pass(60 * SECOND).await;
    assert!(platform.events_named("internal_error").is_empty());
    assert_eq!(texts(&platform), ["one", "two"]);
    assert_eq!(platform.executions().len(), 1);
    assert_eq!(platform.text(ANNA, "bot").await, [AGAIN]);
    platform.text(ANNA, "three").await;
    assert_eq!(
        users(&platform.model_requests()[0]),
        ["zero\none\ntwo", "three"]
    );
}
