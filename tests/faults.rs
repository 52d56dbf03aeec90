//! What holds when stored values are damaged, stores and objects are slow, clocks jump, and the limits of a day are reached:
//! the real front and engines over the pretend world, in virtual time.
//!
//! Not here: a turn's usual course, and the failures of the model and of Twilio (`flows.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    missing_docs,
    reason = "a test may fail loudly"
)]

mod world;

use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::Value;
use switchboard::{
    platform::Clock,
    sender::MAX_FIXED_REPLIES_PER_DAY,
    wording::{APOLOGY, NO_BUDGET, NO_MORE_TODAY},
};
use world::{Act, World, after, fresh_sid, run, with_media};

const ANNA: &str = "+15550100";
const BEN: &str = "+15550101";
const CARL: &str = "whatsapp:+15550102";
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const NOTHING: [&str; 0] = [];

/// What can become of the stored state: another version, a missing field, a torn text, another type.
const DAMAGES: [Option<&str>; 6] = [
    Some(r#"{"v":2,"opted_out":false}"#),
    Some("{}"),
    Some(r#"{"v":1,"seen":["#),
    Some("null"),
    Some(""),
    None,
];

fn damage(world: &World, from: &str, key: &str, value: Option<&str>) {
    match value {
        Some(text) => world.overwrite_storage(from, key, text),
        None => world.damage_storage(from, key),
    }
    world.kill(from);
}

/// The answers to messages in a row, each a minute after the one before.
async fn answers(world: &World, from: &str, text: &str, count: usize) -> Vec<Vec<String>> {
    let mut answers = Vec::new();
    for _ in 0..count {
        world.pass(60 * SECOND).await;
        answers.push(world.text(from, text).await);
    }
    answers
}

fn limits(world: &World) -> Vec<(String, bool)> {
    let events = world.security_events("daily_limit_reached");
    let details = |event: &Value| event["details"].clone();
    events
        .iter()
        .map(details)
        .map(|details| {
            (
                details["limit"].as_str().unwrap().to_owned(),
                details["told"].as_bool().unwrap(),
            )
        })
        .collect()
}

// Damaged values.

#[test]
fn an_opt_out_is_never_forgotten_whatever_becomes_of_the_state() {
    for value in DAMAGES {
        run(|| async {
            let world = World::new();
            world.text(CARL, "Hello").await;
            world.text(CARL, "STOP").await;
            damage(&world, CARL, "state", value);
            assert_eq!(world.text(CARL, "Hello").await, NOTHING, "{value:?}");
            assert_eq!(
                world.events_named("internal_error")[0]["reason"],
                "state_unreadable",
                "{value:?}"
            );
            world.kill(CARL);
            world.pass(3 * DAY).await;
            assert_eq!(world.text(CARL, "Hello again").await, NOTHING, "{value:?}");
            world.text(CARL, "START").await;
            assert_eq!(
                world.text(CARL, "Back").await,
                ["answer to Back"],
                "{value:?}"
            );
            world.kill(CARL);
            assert_eq!(
                world.text(CARL, "Still").await,
                ["answer to Still"],
                "{value:?}"
            );
        });
    }
}

#[test]
fn an_opt_out_that_cannot_be_read_counts_as_one() {
    for value in [Some("false"), Some(""), None] {
        run(|| async {
            let world = World::new();
            world.text(CARL, "STOP").await;
            damage(&world, CARL, "opted_out", value);
            assert_eq!(world.text(CARL, "Hello").await, NOTHING, "{value:?}");
            world.text(CARL, "START").await;
            assert_eq!(
                world.text(CARL, "Hello").await,
                ["answer to Hello"],
                "{value:?}"
            );
        });
    }
}

#[test]
fn a_sender_whose_state_cannot_be_read_is_answered_like_a_stranger_and_it_is_logged() {
    for value in DAMAGES {
        run(|| async {
            let world = World::new();
            world.text(ANNA, "Hello").await;
            world.pass(SECOND).await;
            damage(&world, ANNA, "state", value);
            assert_eq!(
                world.text(ANNA, "Hello again").await,
                ["answer to Hello again"],
                "{value:?}"
            );
            assert_eq!(world.events_named("internal_error").len(), 1, "{value:?}");
            world.pass(SECOND).await;
            world.kill(ANNA);
            assert_eq!(
                world.text(ANNA, "And again").await,
                ["answer to And again"],
                "{value:?}"
            );
            world.pass(SECOND).await;
            assert_eq!(
                world.events_named("internal_error").len(),
                1,
                "it is written anew: {value:?}"
            );
            assert_eq!(
                world.kv_keys().len(),
                3,
                "no revision's number is given twice: {value:?}"
            );
        });
    }
}

#[test]
fn what_can_be_read_of_a_damaged_state_is_kept() {
    for (field, value) in [
        ("late", "5"),
        ("admitted", "[\"soon\"]"),
        ("conversation", "[]"),
        ("unsaved", "{}"),
        ("refusal", "1"),
    ] {
        run(|| async {
            let world = World::new();
            let sid = fresh_sid();
            world.message(ANNA, "Hello", &sid).await;
            world.pass(20 * SECOND).await;
            let mut state: Value = serde_json::from_str(&world.stored(ANNA)["state"]).unwrap();
            state[field] = serde_json::from_str(value).unwrap();
            damage(&world, ANNA, "state", Some(&state.to_string()));
            assert_eq!(
                world.message(ANNA, "Hello", &sid).await,
                ["answer to Hello"],
                "{field}: a copy is still known"
            );
            assert_eq!(world.model_requests().len(), 1, "{field}");
            assert_eq!(
                world.events_named("internal_error")[0]["reason"],
                "state_salvaged",
                "{field}"
            );
        });
    }
}

#[test]
fn one_damaged_entry_of_a_list_takes_no_other_with_it() {
    run(|| async {
        let world = World::new();
        let sid = fresh_sid();
        world.message(ANNA, "Hello", &sid).await;
        world.pass(20 * SECOND).await;
        let mut state: Value = serde_json::from_str(&world.stored(ANNA)["state"]).unwrap();
        state["seen"]
            .as_array_mut()
            .unwrap()
            .insert(0, serde_json::json!({ "sid": 5 }));
        damage(&world, ANNA, "state", Some(&state.to_string()));
        assert_eq!(
            world.message(ANNA, "Hello", &sid).await,
            ["answer to Hello"]
        );
        assert_eq!(world.model_requests().len(), 1);
    });
}

#[test]
fn a_message_that_waited_in_a_damaged_state_is_answered_or_given_up_and_holds_up_nobody() {
    run(|| async {
        let world = World::new();
        world.model([after(20_000, Act::Say("slow"))]);
        world.text(ANNA, "Hello").await;
        let mut state: Value = serde_json::from_str(&world.stored(ANNA)["state"]).unwrap();
        assert!(state["turn"].is_object());
        state["turn"]["messages"] = Value::from("?");
        damage(&world, ANNA, "state", Some(&state.to_string()));
        assert_eq!(
            world.text(ANNA, "Are you there?").await,
            ["answer to Are you there?"]
        );
    });
}

#[test]
fn a_row_of_answers_that_cannot_be_read_is_logged_and_holds_none() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "100")]);
        let long: &'static str = Box::leak("word ".repeat(700).into_boxed_str());
        world.model((0..4).map(|_| Act::Say(long)));
        let sid = fresh_sid();
        world.message(CARL, "one", &sid).await;
        for text in ["two", "three", "four"] {
            world.text(CARL, text).await;
        }
        let row = world
            .stored(CARL)
            .into_keys()
            .find(|key| key.starts_with("answers/"))
            .unwrap();
        damage(&world, CARL, &row, None);
        assert_eq!(world.message(CARL, "one", &sid).await, NOTHING);
        assert_eq!(
            world.events_named("internal_error")[0]["reason"],
            "answers_unreadable"
        );
    });
}

// Limits of a day.

#[test]
fn one_contact_cannot_use_up_everybodys_day() {
    run(|| async {
        let world = World::with(&[
            ("MAX_DAILY_CALLS_PER_CONTACT", "3"),
            ("MAX_DAILY_CALLS", "10"),
        ]);
        let said = answers(&world, ANNA, "Hello", 8).await;
        assert!(
            said[..3].iter().all(|said| said == &["answer to Hello"]),
            "{said:?}"
        );
        assert_eq!(said[3], [NO_MORE_TODAY], "said once");
        assert!(said[4..].iter().all(Vec::is_empty), "{said:?}");
        assert_eq!(world.model_requests().len(), 3);
        let expected = [
            ("calls_per_contact".to_owned(), true),
            ("calls_per_contact".to_owned(), false),
        ];
        assert_eq!(limits(&world)[..2], expected);
        assert_eq!(limits(&world).len(), 5, "each message is logged");
        assert_eq!(
            world.text(BEN, "Hello").await,
            ["answer to Hello"],
            "others are answered"
        );
        world.pass(DAY).await;
        assert_eq!(
            world.text(ANNA, "Hello").await,
            ["answer to Hello"],
            "and so is the contact the next day"
        );
    });
}

#[test]
fn neither_an_erasure_nor_a_restart_nor_an_expired_conversation_gives_a_contact_more_requests() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "2")]);
        world.step_clock(-8 * 3600 * 1000);
        world.text(ANNA, "one").await;
        world.text(ANNA, "delete my data").await;
        world.kill(ANNA);
        world.pass(2 * HOUR).await;
        world.text(ANNA, "two").await;
        world.text(ANNA, "reset").await;
        world.pass(2 * HOUR).await;
        assert_eq!(world.text(ANNA, "three").await, [NO_MORE_TODAY]);
        assert_eq!(world.model_requests().len(), 2);
    });
}

#[test]
fn retries_count_for_the_contact_and_end_with_its_share() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "2")]);
        world.model([
            Act::Status(500, ""),
            Act::Status(500, ""),
            Act::Say("too many"),
        ]);
        assert_eq!(world.text(ANNA, "Hello").await, [APOLOGY]);
        assert_eq!(world.model_requests().len(), 2);
        assert_eq!(world.events_named("turn")[0]["failure"], "server_error");
    });
}

#[test]
fn a_turn_that_goes_on_after_the_object_has_vanished_counts_again_for_the_contact() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
        world.model([after(5000, Act::Say("lost")), Act::Say("too many")]);
        let killed = async {
            world.pass(2 * SECOND).await;
            world.kill(ANNA);
        };
        let sid = fresh_sid();
        let (response, ()) = join(world.try_message(ANNA, "Hello", &sid), killed).await;
        assert_eq!(response.status, 503);
        assert_eq!(
            world.message(ANNA, "Hello", &sid).await,
            [APOLOGY],
            "it may have been asked, and there is no second request"
        );
        assert_eq!(
            world.text(ANNA, "Hello again").await,
            [NO_MORE_TODAY],
            "nothing is given back"
        );
        assert_eq!(world.model_requests().len(), 1);
    });
}

#[test]
fn a_request_that_was_not_made_is_given_back_to_the_contact() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
        world.budget_fails(true);
        assert_eq!(world.text(ANNA, "Hello").await, [APOLOGY]);
        world.budget_fails(false);
        assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
    });
}

#[test]
fn no_limit_for_a_contact_is_a_choice() {
    run(|| async {
        let world = World::with(&[
            ("MAX_DAILY_CALLS_PER_CONTACT", "0"),
            ("RATE_LIMIT_PER_MINUTE", "1000"),
        ]);
        for _ in 0..150 {
            assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
        }
    });
}

#[test]
fn when_the_days_budget_is_used_up_each_sender_is_told_once() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS", "0")]);
        for from in [ANNA, BEN] {
            let said = answers(&world, from, "Hello", 5).await;
            assert_eq!(said.concat(), [NO_BUDGET], "{said:?}");
        }
        assert!(world.model_requests().is_empty() && world.sent().is_empty());
        assert_eq!(limits(&world).len(), 10);
        assert!(limits(&world).iter().all(|(limit, _)| limit == "calls"));
    });
}

#[test]
fn a_budget_that_ends_between_two_tries_is_told_once_too() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS", "1")]);
        world.model([Act::Status(500, "")]);
        let said = answers(&world, ANNA, "Hello", 3).await;
        assert_eq!(said.concat(), [NO_BUDGET]);
    });
}

#[test]
fn fixed_sentences_are_bounded_by_the_day_whatever_they_are() {
    let allowed = usize::try_from(MAX_FIXED_REPLIES_PER_DAY).unwrap();
    for (from, text) in [
        (ANNA, "HELP"),
        (ANNA, ""),
        (ANNA, "reset"),
        (CARL, "START"),
        (CARL, "delete my data"),
    ] {
        run(|| async {
            let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "1000")]);
            let mut said = 0;
            for _ in 0..allowed + 20 {
                said += world.text(from, text).await.len();
            }
            assert_eq!(said, allowed, "{text}");
            assert_eq!(
                limits(&world).is_empty(),
                ["START", "delete my data"].contains(&text),
                "{text}"
            );
            assert_eq!(
                world.text(from, "Hello").await,
                ["answer to Hello"],
                "{text}: the model is another matter"
            );
            world.pass(DAY).await;
            assert_eq!(
                world.text(from, text).await.len(),
                1,
                "{text}: the next day"
            );
        });
    }
}

#[test]
fn being_told_of_the_rate_limit_and_apologies_that_nothing_was_paid_for_are_bounded_too() {
    let allowed = usize::try_from(MAX_FIXED_REPLIES_PER_DAY).unwrap();
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "1000")]);
        world.step_clock(-8 * 3600 * 1000);
        world.budget_fails(true);
        let mut said = 0;
        for _ in 0..allowed + 10 {
            said += world.text(ANNA, "Hello").await.len();
        }
        assert_eq!(said, allowed);
    });
    run(|| async {
        let world = World::with(&[
            ("RATE_LIMIT_PER_MINUTE", "1"),
            ("MAX_DAILY_CALLS_PER_CONTACT", "0"),
        ]);
        world.step_clock(-8 * 3600 * 1000);
        let mut told = 0;
        for _ in 0..allowed + 10 {
            world.text(ANNA, "Hello").await;
            told += world.text(ANNA, "Hello").await.len();
            world.pass(61 * SECOND).await;
        }
        assert_eq!(told, allowed);
    });
}

#[test]
fn messages_by_rest_have_a_cap_for_all_senders_decided_before_they_are_sent() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_MESSAGES", "2")]);
        world.model((0..8).map(|_| after(12_000, Act::Say("slow"))));
        let said =
            join_all([ANNA, BEN, CARL, "+15550103"].map(|from| world.text(from, "Hello"))).await;
        assert!(
            said.iter().all(Vec::is_empty),
            "there was room when they waited: {said:?}"
        );
        world.pass(30 * SECOND).await;
        assert_eq!(world.sent().len(), 2);
        let outcomes = world
            .events_named("late_part")
            .into_iter()
            .filter(|event| event["outcome"] == "daily_limit")
            .count();
        assert_eq!(outcomes, 2);
        // From now on a webhook says so before it leaves, once.
        assert_eq!(world.text(ANNA, "Hello").await, [NO_MORE_TODAY]);
        world.pass(60 * SECOND).await;
        assert_eq!(world.text(ANNA, "Hello").await, NOTHING);
        world.pass(60 * SECOND).await;
        assert_eq!(world.sent().len(), 2);
        assert!(
            limits(&world)
                .iter()
                .filter(|(limit, _)| limit == "messages")
                .count()
                >= 2
        );
        world.pass(DAY).await;
        world.model([after(12_000, Act::Say("slow"))]);
        world.text(ANNA, "Hello").await;
        world.pass(30 * SECOND).await;
        assert_eq!(world.sent().len(), 3, "the next day");
    });
}

#[test]
fn a_part_that_twilio_did_not_process_is_reserved_once() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_MESSAGES", "1")]);
        world.model([after(12_000, Act::Say("slow"))]);
        world.twilio([Act::Status(429, ""), Act::Status(429, "")]);
        world.text(ANNA, "Hello").await;
        world.pass(60 * SECOND).await;
        assert_eq!(world.sent(), ["slow"]);
    });
}

// Stores and objects that are slow.

#[test]
fn a_slow_kv_stops_no_turn_after_a_reset() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        world.kv_write_takes(300 * SECOND);
        let started = world.now();
        world.text(ANNA, "reset").await;
        assert_eq!(world.text(ANNA, "two").await, ["answer to two"]);
        assert_eq!(world.text(ANNA, "three").await, ["answer to three"]);
        assert!(
            world.now().since(started) < SECOND,
            "{:?}",
            world.now().since(started)
        );
        world.pass(60 * SECOND).await;
        world.kv_write_takes(SECOND);
        world.pass(400 * SECOND).await;
        assert_eq!(
            world.kv_keys().len(),
            1,
            "in the end KV has the conversation, and nothing from before the reset"
        );
        assert!(world.kv_values()[0].contains("three") && !world.kv_values()[0].contains("one"));
    });
}

#[test]
fn a_write_that_ends_after_a_reset_brings_nothing_back() {
    run(|| async {
        let world = World::new();
        world.kv_write_takes(8 * SECOND);
        world.text(CARL, "one").await;
        world.text(CARL, "reset").await;
        world.text(CARL, "two").await;
        world.text(CARL, "STOP").await;
        world.pass(30 * SECOND).await;
        world.text(CARL, "START").await;
        world.kill(CARL);
        world.text(CARL, "three").await;
        let asked = world.model_requests().pop().unwrap()["messages"].to_string();
        assert!(asked.contains("two") && !asked.contains("one"), "{asked}");
    });
}

#[test]
fn a_write_that_comes_to_kv_long_after_it_was_given_up_is_deleted_with_the_rest() {
    run(|| async {
        let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
        world.kv_write_takes(90 * SECOND);
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        world.kv_write_takes(Duration::ZERO);
        world.pass(30 * SECOND).await;
        let (key, value) = (world.kv_keys().remove(0), world.kv_values().remove(0));
        world.pass(60 * SECOND).await;
        world.write_kv(&key, &value);
        world.text(ANNA, "delete my data").await;
        assert!(world.kv_keys().is_empty());
        world.write_kv(&key, &value);
        world.pass(60 * SECOND).await;
        assert!(
            world.kv_keys().is_empty(),
            "it may come again, and is deleted again"
        );
    });
}

#[test]
fn a_write_that_an_object_left_behind_when_it_vanished_is_deleted_when_it_comes() {
    for reset_before_it_vanished in [false, true] {
        run(|| async {
            let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
            world.text(ANNA, "one").await;
            world.pass(SECOND).await;
            let key = world.kv_keys().remove(0).replace("/1", "/2");
            world.kv_write_takes(8 * SECOND);
            world.text(ANNA, "two").await;
            if reset_before_it_vanished {
                world.text(ANNA, "reset").await;
            }
            world.kill(ANNA);
            world.kv_write_takes(Duration::ZERO);
            world.text(ANNA, "reset").await;
            let answer = world.text(ANNA, "delete my data").await.concat();
            assert!(
                answer.contains("is being erased"),
                "nobody can say yet that it is erased: {answer}"
            );
            world.write_kv(
                &key,
                r#"{"v":1,"turns":[{"user":"two","assistant":"answer to two"}]}"#,
            );
            world.pass(11 * 60 * SECOND).await;
            assert!(world.kv_keys().is_empty(), "{:?}", world.kv_keys());
            let answer = world.text(ANNA, "delete my data").await.concat();
            assert!(answer.contains("is erased"), "{answer}");
        });
    }
}

#[test]
fn an_erasure_is_answered_in_time_although_kv_is_slow_and_is_completed_later() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        world.kv_write_takes(300 * SECOND);
        let started = world.now();
        assert_eq!(world.text(ANNA, "delete my data").await.len(), 1);
        assert!(world.now().since(started) <= 10 * SECOND);
        assert_eq!(world.text(ANNA, "two").await, ["answer to two"]);
        world.kv_write_takes(SECOND);
        world.pass(400 * SECOND).await;
        assert!(!world.kv_values().concat().contains("one"));
    });
}

#[test]
fn a_budget_object_that_hangs_ends_the_turn_within_its_time_with_an_apology() {
    run(|| async {
        let world = World::with(&[("OPENAI_TIMEOUT_MS", "20000")]);
        world.budget_takes(1800 * SECOND);
        assert_eq!(world.text(ANNA, "Hello").await, NOTHING);
        world.pass(11 * SECOND).await;
        assert_eq!(
            world.events_named("turn")[0]["failure"],
            "budget_unreachable"
        );
        assert!(world.model_requests().is_empty());
        world.budget_takes(Duration::ZERO);
        world.pass(60 * SECOND).await;
        assert_eq!(world.sent(), [APOLOGY]);
        assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
    });
}

#[test]
fn a_budget_object_that_hangs_holds_up_no_other_work_of_the_alarm() {
    run(|| async {
        let world = World::new();
        world.kv_fails(true);
        world.text(ANNA, "Hello").await;
        world.kv_fails(false);
        world.budget_takes(1800 * SECOND);
        world.pass(120 * SECOND).await;
        assert_eq!(world.kv_keys().len(), 1, "the conversation is saved");
        world.budget_takes(Duration::ZERO);
        world.pass(300 * SECOND).await;
        assert_eq!(
            world.stored(ANNA)["state"]
                .matches("\"messages_in\"")
                .count(),
            0,
            "and the counts are reported in the end"
        );
    });
}

#[test]
fn a_late_answer_waits_for_a_budget_object_that_hangs_and_then_goes_out_once() {
    run(|| async {
        let world = World::new();
        world.model([after(12_000, Act::Say("slow"))]);
        world.text(ANNA, "Hello").await;
        world.budget_takes(1800 * SECOND);
        world.pass(60 * SECOND).await;
        assert!(world.sent().is_empty());
        world.budget_takes(Duration::ZERO);
        world.pass(120 * SECOND).await;
        assert_eq!(world.sent(), ["slow"]);
    });
}

// Equal texts.

#[test]
fn a_late_answer_is_not_taken_for_sent_because_an_equal_one_went_out_inline() {
    run(|| async {
        let world = World::new();
        world.model([Act::Say("Yes."), after(12_000, Act::Say("Yes."))]);
        assert_eq!(world.text(ANNA, "Is it so?").await, ["Yes."]);
        world.twilio([after(50, Act::Drop)]);
        world.text(ANNA, "Really?").await;
        world.pass(120 * SECOND).await;
        assert_eq!(
            world.sent(),
            ["Yes."],
            "it was dropped at first, and Twilio lists the inline one only"
        );
        assert_eq!(world.events_named("late_part").len(), 1);
    });
}

#[test]
fn a_late_answer_is_not_taken_for_an_older_one_however_short_a_conversation_is_remembered() {
    run(|| async {
        let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
        world.model((0..2).map(|_| after(12_000, Act::Say("Yes."))));
        world.text(ANNA, "Is it so?").await;
        world.pass(30 * SECOND).await;
        world.twilio([Act::Drop]);
        world.text(ANNA, "Really?").await;
        world.pass(120 * SECOND).await;
        assert_eq!(world.sent(), ["Yes.", "Yes."]);
        world.pass(2 * DAY).await;
        assert!(world.stored(ANNA).is_empty());
    });
}

#[test]
fn a_late_answer_is_not_taken_for_one_that_was_sent_before_an_erasure() {
    run(|| async {
        let world = World::new();
        world.model((0..2).map(|_| after(12_000, Act::Say("Yes."))));
        world.text(ANNA, "Is it so?").await;
        world.pass(5 * SECOND).await;
        assert_eq!(world.sent(), ["Yes."]);
        world.text(ANNA, "delete my data").await;
        world.twilio([Act::Drop]);
        world.text(ANNA, "Really?").await;
        world.pass(120 * SECOND).await;
        assert_eq!(world.sent(), ["Yes.", "Yes."]);
    });
}

// What one turn says and holds.

#[test]
fn a_turn_says_no_more_than_a_message_may() {
    run(|| async {
        let world = World::with(&[
            ("RATE_LIMIT_PER_MINUTE", "100"),
            ("MAX_MESSAGE_CHARS", "50"),
        ]);
        world.model([after(5000, Act::Say("first"))]);
        let texts: Vec<String> = (0..20)
            .map(|number| format!("{number:02} {}", "😀".repeat(17)))
            .collect();
        join_all(texts.iter().map(|text| world.text(ANNA, text))).await;
        let requests = world.model_requests();
        for request in &requests {
            let said = request["messages"].as_array().unwrap().last().unwrap()["content"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(said.replace('\n', "").chars().count() <= 50, "{said}");
        }
        let all: String = requests
            .iter()
            .map(|request| {
                request["messages"]
                    .as_array()
                    .unwrap()
                    .last()
                    .unwrap()
                    .to_string()
            })
            .collect();
        assert!(
            texts.iter().all(|text| all.contains(text.as_str())),
            "and nothing is left out"
        );
    });
}

#[test]
fn commands_over_the_rate_limit_do_not_grow_the_state_without_a_bound() {
    run(|| async {
        let world = World::with(&[
            ("RATE_LIMIT_PER_MINUTE", "1"),
            ("CONVERSATION_TTL_SECONDS", "86400"),
        ]);
        for _ in 0..6000 {
            world.text(ANNA, "STOP").await;
        }
        let size = world.stored(ANNA)["state"].len();
        assert!(
            size < 512 * 1024,
            "{size} bytes, of the 2 MB that a value may have"
        );
    });
}

#[test]
fn texts_that_wait_for_a_slow_turn_have_a_bound() {
    run(|| async {
        let world = World::with(&[
            ("RATE_LIMIT_PER_MINUTE", "1000"),
            ("MAX_MESSAGE_CHARS", "5000"),
            ("REPLY_WITHIN_MS", "100"),
        ]);
        world.model([after(50_000, Act::Say("slow"))]);
        let text = "😀".repeat(5000);
        join_all((0..200).map(|_| world.text(ANNA, &text))).await;
        let size = world.stored(ANNA)["state"].len();
        assert!(
            size < 1024 * 1024,
            "{size} bytes, of the 2 MB that a value may have"
        );
        assert!(!world.security_events("rate_limit_exceeded").is_empty());
    });
}

#[test]
fn an_answer_is_stored_as_long_as_it_can_be_sent_and_no_longer() {
    run(|| async {
        let world = World::new();
        let endless: &'static str = Box::leak("word ".repeat(20_000).into_boxed_str());
        world.model([Act::Say(endless)]);
        assert_eq!(world.text(CARL, "Hello").await.len(), 10);
        assert!(world.stored(CARL)["state"].len() < 60_000);
    });
}

#[test]
fn no_picture_is_fetched_where_there_is_no_budget() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS", "0")]);
        for _ in 0..3 {
            world
                .post(&with_media(ANNA, "look", &fresh_sid(), &["image/jpeg"]))
                .await;
        }
        assert!(world.media_requests().is_empty());
        let world = World::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
        world.text(ANNA, "Hello").await;
        world
            .post(&with_media(ANNA, "look", &fresh_sid(), &["image/jpeg"]))
            .await;
        assert!(world.media_requests().is_empty());
    });
}

#[test]
fn few_turns_hold_pictures_at_once_and_the_others_wait_for_their_place() {
    run(|| async {
        let world = World::new();
        world.model((0..12).map(|_| after(1000, Act::Say("seen"))));
        let senders: Vec<String> = (0..12)
            .map(|number| format!("+155501{number:02}"))
            .collect();
        let answers = join_all(senders.iter().map(|from| async {
            world
                .post(&with_media(from, "look", &fresh_sid(), &["image/jpeg"]))
                .await
                .body
                .contains("seen")
        }))
        .await;
        assert_eq!(answers.iter().filter(|seen| **seen).count(), 12);
        assert!(
            world.model_at_once() <= 4,
            "{} at once",
            world.model_at_once()
        );
    });
}

// Clocks.

#[test]
fn the_time_to_answer_counts_from_when_the_front_got_the_message() {
    run(|| async {
        let world = World::new();
        world.storage_takes(ANNA, 4 * SECOND);
        world.model([after(8000, Act::Say("slow"))]);
        let started = world.now();
        assert_eq!(world.text(ANNA, "Hello").await, NOTHING);
        let waited = world.now().since(started);
        assert!(
            waited <= 11 * SECOND,
            "{waited:?}: taking it in took four seconds of the ten"
        );
        world.pass(60 * SECOND).await;
        assert_eq!(world.sent(), ["slow"]);
    });
}

#[test]
fn the_way_to_an_object_takes_from_the_time_to_answer() {
    run(|| async {
        let world = World::new();
        world.objects_take(6 * SECOND);
        world.model([after(8000, Act::Say("slow"))]);
        for text in ["Hello", "delete my data"] {
            let started = world.now();
            world.text(ANNA, text).await;
            let waited = world.now().since(started);
            assert!(
                waited <= 11 * SECOND,
                "{text}: {waited:?}: six seconds of ten were the way"
            );
        }
    });
}

#[test]
fn a_clock_that_jumped_ahead_for_a_moment_stops_neither_late_answers_nor_deletions() {
    run(|| async {
        let world = World::new();
        let year = 365 * 24 * 3600 * 1000;
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        world.model([after(12_000, Act::Say("slow"))]);
        world.twilio([Act::Status(429, "")]);
        world.text(ANNA, "two").await;
        world.step_clock(year);
        world.pass(3 * SECOND).await;
        world.step_clock(-year);
        world.text(ANNA, "three").await;
        world.pass(180 * SECOND).await;
        assert_eq!(world.sent(), ["slow"]);
        world.pass(2 * DAY).await;
        assert!(world.stored(ANNA).is_empty(), "{:?}", world.stored(ANNA));
    });
}

#[test]
fn a_late_answer_that_was_sent_while_the_clock_was_ahead_is_found_and_not_sent_again() {
    run(|| async {
        let world = World::new();
        let days = 4 * 24 * 3600 * 1000;
        world.model([after(12_000, Act::Say("slow"))]);
        world.twilio([Act::ThenDrop]);
        world.text(ANNA, "Hello").await;
        world.step_clock(days);
        world.pass(3 * SECOND).await;
        world.step_clock(-days);
        world.alarms_late_by(180 * SECOND);
        world.pass(600 * SECOND).await;
        assert_eq!(world.sent().len(), 1, "{:?}", world.sent());
    });
}

#[test]
fn a_day_far_ahead_is_not_believed_and_lifts_no_cap() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "2")]);
        let year = 365 * 24 * 3600 * 1000;
        world.text(ANNA, "one").await;
        world.step_clock(year);
        world.text(ANNA, "two").await;
        world.text(ANNA, "three").await;
        world.step_clock(-year);
        assert_eq!(
            world.text(ANNA, "four").await,
            [NO_MORE_TODAY],
            "what the wrong day has cost counts for today"
        );
        world.pass(DAY).await;
        assert_eq!(world.text(ANNA, "five").await, ["answer to five"]);
    });
}
