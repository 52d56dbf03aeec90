//! A guided intake from its first question to its delivery: the questions, the words that steer it, the draft, and handing it in.
//!
//! Not here: the values and the check of a draft (`src/messaging/intake`).

use serde_json::{Value, json};
use switchboard::messaging::canned_replies;

use super::{ERASED, OPTED_OUT, left, users};
use crate::support::{
    ANNA, Act, BEN, CARL, DAY, DESK, FakePlatform, HOUR, NOTHING, NUMBER, SECOND, after,
    documented::{documented_fields, fields},
    fresh_sid,
};

const FILE: &str = include_str!("../../../assistants/press-release.toml");
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SAVED: &str = "Saved: we have your answers and the draft.";
const PENDING: &str = "I am handing it in now, and will write to you when it is saved.";
const NOT_SAVED: &str =
    "Sorry, it could not be handed in, so nothing is saved. Write START OVER to try again.";
const CHECK: &str = "Please check this. Reply YES if it is right, or write what to change.";
const FIRST: &str = "What do you want to announce?\n1. Product launch\n2. Partnership\n3. Funding\n4. Event\n5. Award";
const COMPANY: &str = "What is the name of the company?";
const HEADLINE: &str = "What should the headline say?";
const DRAFT: &str = "Birch & Bay wins the Harbour Prize 2026\n\nBirch & Bay has won a prize of 25000 euros.\n\n\"We build boats that last,\" says Ana Holm.\n\nContact: Ana Holm, ana@birch.example, +15550142";

fn file() -> String {
    FILE.replace("local_only = true", "")
        .replace(
            "\"+15550120\", \"whatsapp:+15550120\"",
            &format!("\"{NUMBER}\", \"whatsapp:{NUMBER}\""),
        )
        .replace("http://127.0.0.1:8788/tools/intake", DESK)
}

fn with(changes: &[(&str, &str)], file: &str) -> FakePlatform {
    let mut settings = vec![
        ("INTAKE_SECRET", KEY),
        ("JOIN_WITHIN_MS", "0"),
        ("RATE_LIMIT_PER_MINUTE", "100"),
    ];
    settings.extend(changes);
    FakePlatform::with_assistants(&settings, &[("press-release", file)])
}

fn press() -> FakePlatform {
    with(&[], &file())
}

/// The model reads these fields.
fn reads(fields: &Value) -> Act {
    reads_and(fields, &json!({}))
}

fn reads_and(fields: &Value, more: &Value) -> Act {
    let mut answer = json!({ "fields": fields, "skip": null, "confirm": null, "answer": null });
    for (name, value) in more.as_object().unwrap() {
        answer[name] = value.clone();
    }
    Act::Say(Box::leak(answer.to_string().into_boxed_str()))
}

fn all() -> Value {
    json!({
        "announcement_type": "Award",
        "company": "Birch & Bay",
        "headline": "Birch & Bay wins the Harbour Prize 2026",
        "key_facts": ["The prize is worth 25,000 euros"],
        "quotes": [{ "quote": "We build boats that last.", "speaker": "Ana Holm" }],
        "boilerplate": "Birch & Bay builds wooden boats.",
        "contact_name": "Ana Holm",
        "contact_email": "ana@birch.example",
        "contact_phone": "+1 555 0142",
    })
}

/// An intake that waits for a yes.
async fn confirming(platform: &FakePlatform, from: &str) {
    platform.model([reads(&all())]);
    let told = platform.text(from, "Here is all of it").await.concat();
    assert!(told.starts_with(CHECK), "{told}");
}

fn outcomes(platform: &FakePlatform) -> Vec<String> {
    let events = platform.events_named("intake");
    let text = |event: &Value| event["outcome"].as_str().unwrap().to_owned();
    events.iter().map(text).collect()
}

/// How often "saved" was said so far.
fn saved(platform: &FakePlatform, answers: &[String]) -> usize {
    let sent = platform.sent();
    sent.iter()
        .chain(answers)
        .filter(|text| text.contains("Saved:"))
        .count()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_whole_press_release_is_asked_for_drafted_and_saved() {
    let platform = press();
    platform.model([reads_and(
        &json!({}),
        &json!({ "answer": "Hello! I am glad to help." }),
    )]);
    let first = platform.text(CARL, "Hi").await;
    assert_eq!(first, [format!("Hello! I am glad to help.\n\n{FIRST}")]);
    assert_eq!(
        platform.text(CARL, "5").await,
        [COMPANY],
        "without the model"
    );
    assert_eq!(platform.model_requests().len(), 1);
    let all = all();
    let mut last = String::new();
    for name in [
        "company",
        "headline",
        "key_facts",
        "quotes",
        "boilerplate",
        "contact_name",
        "contact_email",
        "contact_phone",
    ] {
        platform.model([reads(&json!({ name: all[name] }))]);
        last = platform.text(CARL, "an answer").await.concat();
    }
    assert!(last.starts_with(CHECK), "{last}");
    assert!(last.contains("Announcement: Award") && last.contains("Phone: +15550142"));
    assert!(
        platform.desk_requests().is_empty(),
        "nothing is handed in before the yes"
    );
    platform.model([Act::Say(DRAFT)]);
    let told = platform.text(CARL, "Yes").await;
    assert_eq!(told, [format!("{SAVED}\n\nHere is the draft:\n\n{DRAFT}")]);
    let [body] = &platform.desk_bodies()[..] else {
        panic!("one delivery");
    };
    assert_eq!(
        (body["type"].as_str(), body["draft"].as_str()),
        (Some("intake"), Some(DRAFT))
    );
    assert_eq!(body["fields"]["contact_phone"], "+15550142");
    assert_eq!(body["fields"]["announcement_type"], "Award");
    assert_eq!(body["channel"], "whatsapp");
    assert_eq!(fields(body), documented_fields("intake.md", "completed_at"));
    assert!(
        !body.to_string().contains("+15550102"),
        "the contact is a pseudonym"
    );
    assert_eq!(outcomes(&platform), ["begun", "completed", "delivered"]);
    assert_eq!(platform.events_named("intake")[2]["fields"], 9);
    let log = platform.log_text();
    assert!(!log.contains("Birch") && !log.contains("Holm") && !log.contains("birch"));
    // Afterwards the assistant talks as usual, and another one can begin.
    assert_eq!(platform.text(CARL, "Thanks").await, ["answer to Thanks"]);
    let again = platform.text(CARL, "start over").await;
    assert_eq!(again, [format!("We begin again.\n\n{FIRST}")]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_reads_by_a_strict_schema_without_the_conversation_and_drafts_of_the_fields_alone()
 {
    let platform = press();
    confirming(&platform, ANNA).await;
    platform.model([Act::Say(DRAFT)]);
    platform.text(ANNA, "yes").await;
    let [read, drafted] = &platform.model_requests()[..] else {
        panic!("two requests");
    };
    assert_eq!(read["response_format"]["json_schema"]["strict"], true);
    let data: Value = serde_json::from_str(users(read)[0]).unwrap();
    assert_eq!(data["asked"], "announcement_type");
    assert_eq!(data["message"], "Here is all of it");
    let system = read["messages"][0]["content"].as_str().unwrap();
    assert!(system.starts_with("You help people of a company") && !system.contains("Here is all"));
    assert!(drafted["response_format"].is_null());
    assert_eq!(drafted["messages"].as_array().unwrap().len(), 2);
    let mut expected = all();
    expected["contact_phone"] = "+15550142".into();
    let fields: Value = serde_json::from_str(users(drafted)[0]).unwrap();
    assert_eq!(fields, expected);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn corrections_wrong_values_and_questions_in_between_bring_the_question_again() {
    let platform = press();
    platform.model([
        reads(&json!({ "announcement_type": "Event", "company": "Birch" })),
        reads_and(&json!({}), &json!({ "answer": "A headline is one line." })),
        reads(&json!({ "company": "Birch & Bay" })),
        reads(&json!({ "contact_email": "ana at birch" })),
        reads(&json!({ "headline": "H" })),
    ]);
    assert_eq!(platform.text(ANNA, "An event of Birch").await, [HEADLINE]);
    let between = platform.text(ANNA, "What is a headline?").await;
    assert_eq!(between, [format!("A headline is one line.\n\n{HEADLINE}")]);
    assert_eq!(
        platform.text(ANNA, "No, it is Birch & Bay").await,
        [HEADLINE]
    );
    let wrong = platform.text(ANNA, "Mail: ana at birch").await;
    assert_eq!(
        wrong,
        [format!(
            "E-mail: please give an e-mail address, such as ana@example.org.\n\n{HEADLINE}"
        )]
    );
    platform.text(ANNA, "H").await;
    let status = platform.text(ANNA, "status").await.concat();
    assert!(
        status.contains("Company: Birch & Bay\nHeadline: H\n\nWhat are the key facts?"),
        "{status}"
    );
    assert!(!status.contains("E-mail"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_words_that_steer_an_intake_work_at_any_moment_without_the_model() {
    let platform = press();
    platform.model([reads(&json!({ "announcement_type": "Award", "company": "B", "headline": "H", "key_facts": ["f"] }))]);
    let quotes = platform.text(ANNA, "all this").await;
    assert!(quotes[0].starts_with("Is there a quote"));
    let menu = platform.text(ANNA, "MENU").await.concat();
    assert!(
        menu.starts_with("You can write STATUS, BACK, SKIP"),
        "{menu}"
    );
    assert!(platform.text(ANNA, "back").await[0].starts_with("What are the key facts?"));
    assert!(platform.text(ANNA, "skip").await[0].starts_with("Is there a quote"));
    assert!(
        platform.text(ANNA, "Überspringen").await[0].starts_with("Please send the boilerplate")
    );
    assert!(platform.text(ANNA, "skip").await[0].starts_with("About the company: this is needed"));
    let again = platform.text(ANNA, "start over").await;
    assert_eq!(again, [format!("We begin again.\n\n{FIRST}")]);
    assert_eq!(platform.text(ANNA, "1").await, [COMPANY]);
    let cancelled = platform.text(ANNA, "never mind").await.concat();
    assert!(
        cancelled.starts_with("Cancelled: your answers are deleted"),
        "{cancelled}"
    );
    assert_eq!(platform.model_requests().len(), 1);
    assert_eq!(outcomes(&platform), ["begun", "cancelled"]);
    assert_eq!(
        platform.text(ANNA, "status").await,
        ["answer to status"],
        "an ordinary word again"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn cancel_ends_an_intake_on_whatsapp_and_is_an_opt_out_by_sms_and_stop_always() {
    let platform = press();
    platform.model([reads(&json!({}))]);
    platform.text(CARL, "Hi").await;
    let cancelled = platform.text(CARL, "CANCEL").await.concat();
    assert!(
        cancelled.ends_with("Write STOP to get no more messages."),
        "{cancelled}"
    );
    assert_eq!(
        platform.text(CARL, "Hello").await,
        ["answer to Hello"].map(str::to_owned).to_vec()
    );
    assert_eq!(
        platform.text(CARL, "CANCEL").await,
        [OPTED_OUT],
        "no intake is open"
    );
    platform.model([reads(&json!({})), reads(&json!({}))]);
    platform.text(ANNA, "Hi").await;
    assert_eq!(
        platform.text(ANNA, "CANCEL").await,
        NOTHING,
        "Twilio has opted the contact out"
    );
    assert_eq!(platform.text(ANNA, "Hello").await, NOTHING);
    platform.text(BEN, "Hi").await;
    platform.text(BEN, "STOP").await;
    assert!(
        !platform.stored(BEN)["state"].contains("intakes"),
        "an opt-out ends it"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn saved_is_said_after_it_is_saved_and_never_before() {
    let platform = press();
    confirming(&platform, ANNA).await;
    platform.desk(std::iter::repeat_n(Act::Status(500, ""), 8));
    platform.model([Act::Say(DRAFT)]);
    let told = platform.text(ANNA, "yes").await;
    assert_eq!(
        told,
        [format!("{PENDING}\n\nHere is the draft:\n\n{DRAFT}")]
    );
    platform.pass(200 * SECOND).await;
    assert_eq!(saved(&platform, &told), 0, "the service has not taken it");
    platform.pass(HOUR).await;
    assert_eq!(platform.sent(), [SAVED]);
    let ids = platform.desk_requests();
    assert_eq!(ids.len(), 9);
    let id = |at: usize| {
        ids[at]
            .headers
            .iter()
            .find(|(name, _)| name == "webhook-id")
            .unwrap()
            .1
            .clone()
    };
    assert!((1..9).all(|at| id(at) == id(0)), "it is one delivery");
    assert_eq!(outcomes(&platform), ["begun", "completed", "delivered"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_delivery_that_never_works_is_given_up_after_a_day_and_said_so() {
    let platform = press();
    confirming(&platform, ANNA).await;
    platform.desk(std::iter::repeat_n(Act::Status(500, ""), 500));
    platform.model([Act::Say(DRAFT)]);
    let told = platform.text(ANNA, "yes").await;
    platform.pass(DAY + HOUR).await;
    assert_eq!(platform.sent(), [NOT_SAVED]);
    assert_eq!(saved(&platform, &told), 0);
    assert_eq!(outcomes(&platform), ["begun", "completed", "given_up"]);
    platform.pass(2 * DAY).await;
    assert!(
        platform.stored(ANNA).is_empty(),
        "{:?}",
        platform.stored(ANNA)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_intake_survives_restarts_in_the_middle_and_in_the_delivery() {
    let platform = press();
    platform.model([reads(
        &json!({ "announcement_type": "Award", "company": "B" }),
    )]);
    platform.text(ANNA, "An award of B").await;
    platform.kill(ANNA);
    let status = platform.text(ANNA, "status").await.concat();
    assert!(status.contains("Company: B"), "{status}");
    confirming(&platform, ANNA).await;
    platform.model([Act::Say(DRAFT)]);
    platform.desk([after(20_000, Act::Say(""))]);
    let killed = async {
        platform.pass(2 * SECOND).await;
        platform.kill(ANNA);
    };
    let sid = fresh_sid();
    let (response, ()) = futures_util::join!(platform.try_message(ANNA, "yes", &sid), killed);
    assert_eq!(response.status, 503);
    let requests = platform.model_requests().len();
    platform.pass(120 * SECOND).await;
    let sent = platform.sent().concat();
    assert_eq!(saved(&platform, &[]), 1, "{sent}");
    assert!(sent.contains(DRAFT));
    assert_eq!(
        platform.model_requests().len(),
        requests,
        "the draft was kept"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_intake_whose_last_turn_a_hand_off_cancels_is_handed_in_once() {
    let hand_off = format!("\n[hand_off]\nurl = \"{DESK}\"\nsecret = \"INTAKE_SECRET\"\n");
    let platform = with(&[], &format!("{}{hand_off}", file()));
    confirming(&platform, ANNA).await;
    platform.model([Act::Say(DRAFT)]);
    platform.desk([after(20_000, Act::Say(""))]);
    let asks = async {
        platform.pass(2 * SECOND).await;
        platform.text(ANNA, "agent").await
    };
    let (told, asked) = futures_util::join!(platform.text(ANNA, "yes"), asks);
    assert_eq!((told.len(), asked.len()), (0, 1), "{told:?} {asked:?}");
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), [SAVED]);
    platform.text(ANNA, "bot").await;
    let again = platform.text(ANNA, "yes").await;
    assert_eq!(again, ["answer to yes"], "the intake has ended");
    platform.pass(60 * SECOND).await;
    let bodies = platform.desk_bodies();
    let ids: std::collections::BTreeSet<String> = platform
        .desk_requests()
        .iter()
        .zip(&bodies)
        .filter(|(_, body)| body["type"] == "intake")
        .map(|(request, _)| request.headers[1].1.clone())
        .collect();
    assert_eq!(ids.len(), 1, "it is one delivery");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_word_whose_intake_has_ended_while_it_waited_is_for_the_model_and_counted_for_the_contact()
 {
    let platform = with(&[("MAX_DAILY_CALLS_PER_CONTACT", "3")], &file());
    let nothing = json!({});
    platform.model([reads(&nothing), after(5000, reads(&nothing))]);
    assert_eq!(platform.text(ANNA, "Hi").await, [FIRST]);
    let later = async |seconds, text| {
        platform.pass(seconds * SECOND).await;
        platform.text(ANNA, text).await.concat()
    };
    let (first, ended, status) = futures_util::join!(
        platform.text(ANNA, "Hm"),
        later(1, "never mind"),
        later(2, "status")
    );
    assert_eq!(first, [FIRST]);
    assert!(ended.starts_with("Cancelled:"), "{ended}");
    assert_eq!(status, "answer to status");
    assert_eq!(
        platform.text(ANNA, "Hello").await,
        [canned_replies::NO_MORE_TODAY],
        "each of the three requests counts"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_intake_expires_by_its_own_time_or_with_the_conversation() {
    let own = press();
    let short = with(&[], &file().replace("expires_after_minutes = 1440", ""));
    for (platform, lives) in [(&own, DAY), (&short, HOUR)] {
        platform.model([reads(
            &json!({ "announcement_type": "Award", "company": "B" }),
        )]);
        platform.text(ANNA, "An award of B").await;
        platform.pass(lives.saturating_sub(10 * SECOND)).await;
        assert!(platform.stored(ANNA)["state"].contains("intakes"));
        platform.pass(20 * SECOND).await;
        assert_eq!(outcomes(platform), ["begun", "expired"]);
        assert!(!left(platform, ANNA).contains(&"state.intakes".to_owned()));
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_takes_the_intake_and_what_is_being_delivered() {
    let platform = press();
    platform.desk(std::iter::repeat_n(Act::Status(500, ""), 500));
    confirming(&platform, CARL).await;
    platform.model([Act::Say(DRAFT)]);
    platform.text(CARL, "yes").await;
    assert!(platform.stored(CARL)["state"].contains("birch.example"));
    assert_eq!(platform.text(CARL, "delete my data").await, [ERASED]);
    assert!(!platform.stored(CARL)["state"].contains("birch.example"));
    let tried = platform.desk_requests().len();
    platform.pass(2 * DAY).await;
    assert_eq!(platform.desk_requests().len(), tried);
    assert!(platform.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_cannot_be_read_is_asked_for_once_more_and_then_the_question_comes_again() {
    let platform = press();
    platform.model([
        reads(&json!({ "announcement_type": "Award" })),
        Act::Say("Sure!"),
        Act::Say("{}"),
        Act::Say("what?"),
        reads(&json!({ "company": "B" })),
    ]);
    assert_eq!(platform.text(ANNA, "An award").await, [COMPANY]);
    let sorry = platform.text(ANNA, "B").await;
    assert_eq!(
        sorry,
        [format!(
            "Sorry, I can't answer right now. Please try again in a few minutes.\n\n{COMPANY}"
        )]
    );
    assert_eq!(
        platform.text(ANNA, "B").await,
        [HEADLINE],
        "the second try was read"
    );
    assert_eq!(platform.model_requests().len(), 5);
    assert_eq!(
        platform.events_named("turn")[1]["failure"],
        "unexpected_response"
    );
    let counted = &platform.stored(ANNA)["state"];
    assert!(
        counted.contains("\"calls\":5"),
        "each request was counted: {counted}"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_server_that_refuses_the_schema_is_asked_without_it() {
    let platform = press();
    platform.model([
        Act::Status(400, r#"{"error":{"code":"unsupported_parameter","param":"response_format","message":"Unsupported parameter: 'response_format'"}}"#),
        reads(&json!({ "announcement_type": "Award" })),
    ]);
    assert_eq!(platform.text(ANNA, "An award").await, [COMPANY]);
    let requests = platform.model_requests();
    assert!(
        requests[0].get("response_format").is_some()
            && requests[1].get("response_format").is_none()
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_draft_with_other_facts_is_asked_for_once_more_and_then_laid_out_by_code() {
    let platform = press();
    confirming(&platform, ANNA).await;
    platform.model([
        Act::Say("The prize is worth 26,000 euros."),
        Act::Say("\"We are the best,\" says Ana Holm."),
    ]);
    let told = platform.text(ANNA, "yes").await.concat();
    assert!(
        told.starts_with(SAVED) && told.contains("Headline: Birch & Bay wins"),
        "{told}"
    );
    assert!(!told.contains("26,000") && !told.contains("best"));
    let second = platform.model_requests()[2]["messages"][0]["content"].to_string();
    assert!(
        second.contains("An earlier draft had numbers that are not in the fields")
            && !second.contains("26,000")
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_draft_that_the_model_cannot_make_now_leaves_the_question() {
    let platform = press();
    confirming(&platform, ANNA).await;
    platform.model([Act::Status(401, ""), Act::Say(DRAFT)]);
    let sorry = platform.text(ANNA, "yes").await.concat();
    assert!(
        sorry.starts_with("Sorry") && sorry.contains(CHECK),
        "{sorry}"
    );
    assert!(platform.text(ANNA, "yes").await[0].starts_with(SAVED));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_a_service_the_draft_alone_is_sent_and_nothing_is_called_saved() {
    let text = file().replace(
        &format!("deliver_to = \"{DESK}\"\nsecret = \"INTAKE_SECRET\""),
        "",
    );
    let platform = with(&[], &text);
    confirming(&platform, ANNA).await;
    platform.model([Act::Say(DRAFT)]);
    let told = platform.text(ANNA, "yes").await;
    assert_eq!(told, [format!("Here is the draft:\n\n{DRAFT}")]);
    assert!(platform.desk_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn digits_are_no_menu_choice_unless_a_choice_was_asked() {
    let platform = press();
    platform.model([
        reads(&json!({})),
        reads(&json!({ "company": "2", "announcement_type": "Event" })),
    ]);
    platform.text(ANNA, "Hi").await;
    assert!(platform.text(ANNA, "9").await[0].starts_with("Announcement: please choose one"));
    assert_eq!(platform.text(ANNA, "2").await, [COMPANY]);
    assert_eq!(platform.text(ANNA, "2").await, [HEADLINE]);
    let status = platform.text(ANNA, "status").await.concat();
    assert!(
        status.contains("Announcement: Partnership\nCompany: 2"),
        "{status}"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn two_quick_answers_are_taken_in_one_after_the_other_and_two_contacts_share_nothing() {
    let platform = press();
    platform.model([
        reads(&json!({ "announcement_type": "Award" })),
        reads(&json!({})),
    ]);
    platform.text(ANNA, "An award").await;
    platform.text(BEN, "Hi").await;
    platform.model([
        after(3000, reads(&json!({ "company": "B" }))),
        after(3000, reads(&json!({ "headline": "H" }))),
    ]);
    let second = async {
        platform.pass(SECOND).await;
        platform.text(ANNA, "H").await
    };
    let (first, second) = futures_util::join!(platform.text(ANNA, "B"), second);
    assert_eq!(first, [HEADLINE]);
    assert!(second[0].starts_with("What are the key facts?"));
    assert_eq!(platform.model_at_once(), 1);
    let status = platform.text(ANNA, "status").await.concat();
    assert!(status.contains("Company: B\nHeadline: H"));
    assert!(platform.text(BEN, "status").await[0].starts_with("I have nothing yet."));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_reading_comes_by_rest_and_a_copy_of_the_message_asks_nothing_again() {
    let platform = press();
    platform.model([after(
        14_000,
        reads(&json!({ "announcement_type": "Award" })),
    )]);
    let sid = fresh_sid();
    assert_eq!(platform.message(ANNA, "An award", &sid).await, NOTHING);
    platform.pass(30 * SECOND).await;
    assert_eq!(platform.sent(), [COMPANY]);
    assert_eq!(platform.message(ANNA, "An award", &sid).await, NOTHING);
    assert_eq!(platform.model_requests().len(), 1);
}
