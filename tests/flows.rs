//! Whole flows, natively: the real front and engines over the pretend world, with faults, in virtual time.
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

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::join_all;
use serde_json::Value;
use switchboard::{
    command::{self, Command},
    platform::{Clock, Stored},
};
use world::{
    Act, CDN, GIF, Incoming, NUMBER, TOKEN, World, after, fresh_sid, media_url, run, texts,
    webhook, with_media,
};

const ANNA: &str = "+15550100";
const BEN: &str = "+15550101";
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// The user messages of a request to the model, in order.
fn users(request: &Value) -> Vec<&str> {
    let messages = request["messages"].as_array().unwrap();
    messages
        .iter()
        .filter(|message| message["role"] == "user")
        .map(|message| message["content"].as_str().unwrap())
        .collect()
}

// One turn after the other.

#[test]
fn a_text_is_answered_and_remembered() {
    run(|| async {
        let world = World::new();
        assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
        assert_eq!(
            world.text(ANNA, "2").await,
            ["answer to 2"],
            "digits reach the model as they are"
        );
        let requests = world.model_requests();
        assert_eq!(users(&requests[1]), ["Hello", "2"]);
        let roles: Vec<_> = requests[1]["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["role"].clone())
            .collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"]);
        assert_eq!(world.text(BEN, "Hi").await, ["answer to Hi"]);
        assert_eq!(
            users(&world.model_requests()[2]),
            ["Hi"],
            "another sender has another conversation"
        );
    });
}

#[test]
fn a_warm_conversation_reads_nothing_from_kv_and_writes_one_revision_a_turn() {
    run(|| async {
        let world = World::new();
        for _ in 0..3 {
            world.text(ANNA, "Hello").await;
            world.pass(SECOND).await;
        }
        assert_eq!(world.kv_reads(), 0);
        let revisions: Vec<_> = world
            .kv_keys()
            .iter()
            .map(|key| key.rsplit('/').next().unwrap().to_owned())
            .collect();
        assert_eq!(revisions, ["1", "2", "3"]);
    });
}

#[test]
fn a_restarted_object_goes_on_from_kv() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.text(ANNA, "two").await;
        world.pass(SECOND).await;
        world.kill(ANNA);
        world.text(ANNA, "three").await;
        assert_eq!(users(&world.model_requests()[2]), ["one", "two", "three"]);
        assert_eq!(world.kv_reads(), 1);
    });
}

#[test]
fn an_answered_turn_is_logged_with_what_it_cost() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "Hello").await;
        let turn = &world.events_named("turn")[0];
        assert_eq!(turn["outcome"], "answered");
        assert_eq!(turn["delivery"], "inline");
        assert_eq!(
            (turn["messages"].as_u64(), turn["model_requests"].as_u64()),
            (Some(1), Some(1))
        );
        assert_eq!(
            (
                turn["prompt_tokens"].as_u64(),
                turn["completion_tokens"].as_u64()
            ),
            (Some(2), Some(1))
        );
        assert!(turn["duration_ms"].as_u64().unwrap() >= 100);
        assert_eq!(turn["failure"], Value::Null);
    });
}

#[test]
fn messages_that_need_no_model_are_answered_without_it() {
    run(|| async {
        let world = World::with(&[("MAX_MESSAGE_CHARS", "10")]);
        assert_eq!(
            world.text(ANNA, "more than ten").await,
            ["That message is too long for me. Please keep it to 10 characters."]
        );
        assert_eq!(world.text(ANNA, " \u{200f}").await, ["Please send text."]);
        for types in [&["audio/ogg"][..], &["image/jpeg", "application/pdf"]] {
            let media = with_media(ANNA, "Look", &fresh_sid(), types);
            assert_eq!(
                texts(&world.post(&media).await.body),
                [
                    "I can read text and pictures (JPEG, PNG, GIF or WebP), but no other kind of file."
                ]
            );
        }
        assert!(world.media_requests().is_empty());
        assert!(world.model_requests().is_empty());
        assert!(world.kv_keys().is_empty());
    });
}

#[test]
fn a_long_answer_goes_out_in_parts() {
    run(|| async {
        let world = World::with(&[("MAX_SEGMENTS", "100")]);
        let long: &'static str = Box::leak("All is well. ".repeat(300).into_boxed_str());
        world.model([Act::Say(long)]);
        let parts = world.text(ANNA, "tell me").await;
        assert_eq!(parts.len(), 3);
        assert!(
            parts
                .iter()
                .all(|part| part.len() <= 1600 && part.ends_with("well."))
        );
    });
}

// Commands and consent.

const CARL: &str = "whatsapp:+15550102";
const OPTED_OUT: &str =
    "You will get no more messages from us. Reply START if you change your mind.";
const OPTED_IN: &str = "Your messages are answered here. Reply STOP to end that.";
const ERASED: &str = "Done: your data is erased. Nothing of what was said is kept.";
const ERASING: &str =
    "Your data is being erased: I remember nothing of it, and soon nothing of it is stored.";
const NOTHING: [&str; 0] = [];

fn typed(from: &str, body: &str, kind: &str) -> Vec<(String, String)> {
    let mut fields = webhook(from, body, &fresh_sid());
    fields.push(("OptOutType".to_owned(), kind.to_owned()));
    fields
}

#[test]
fn a_sender_that_opts_out_is_sent_nothing_more_until_it_opts_in() {
    run(|| async {
        let world = World::new();
        for (from, confirmed) in [(ANNA, false), (CARL, true)] {
            let expect = |text: &str| {
                if confirmed {
                    vec![text.to_owned()]
                } else {
                    Vec::new()
                }
            };
            world.text(from, "Hello").await;
            assert_eq!(world.text(from, "stop!").await, expect(OPTED_OUT));
            let asked = world.model_requests().len();
            for text in [
                "Are you there?",
                "STOP",
                "help",
                "reset",
                "",
                "delete my data",
            ] {
                assert_eq!(world.text(from, text).await, NOTHING, "{text}");
            }
            assert_eq!(
                world.model_requests().len(),
                asked,
                "the model is asked nothing for it"
            );
            assert_eq!(world.text(from, "start").await, expect(OPTED_IN));
            assert_eq!(
                world.text(from, "Hello again").await,
                ["answer to Hello again"]
            );
        }
        assert!(world.sent().is_empty());
        assert_eq!(world.events_named("message_ignored").len(), 2 * 4);
        let states: Vec<_> = world
            .events_named("consent")
            .iter()
            .map(|event| event["state"].clone())
            .collect();
        assert_eq!(
            states,
            [
                "opted_out",
                "opted_out",
                "opted_in",
                "opted_out",
                "opted_out",
                "opted_in"
            ]
        );
    });
}

#[test]
fn every_word_that_opts_out_does_and_yes_opts_in_only_while_opted_out() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "1000")]);
        for (command, words) in command::WORDS {
            for word in *words {
                if *command != Command::OptOut {
                    continue;
                }
                assert_eq!(world.text(CARL, word).await, [OPTED_OUT], "{word}");
                assert_eq!(world.text(CARL, "Yes.").await, [OPTED_IN], "{word}");
            }
        }
        assert_eq!(world.text(CARL, "Yes.").await, ["answer to Yes."]);
    });
}

#[test]
fn what_twilio_took_for_a_keyword_is_obeyed_and_twilio_has_answered_help() {
    run(|| async {
        let world = World::new();
        assert_eq!(
            texts(&world.post(&typed(ANNA, "AIDE", "HELP")).await.body),
            NOTHING
        );
        assert_eq!(
            texts(&world.post(&typed(ANNA, "ARRET", "STOP")).await.body),
            NOTHING
        );
        assert_eq!(world.text(ANNA, "Hello").await, NOTHING);
        assert_eq!(
            texts(&world.post(&typed(ANNA, "DEBUT", "START")).await.body),
            NOTHING
        );
        assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
    });
}

#[test]
fn help_is_answered_in_the_operators_words_without_the_model() {
    run(|| async {
        let world = World::with(&[("HELP_TEXT", "Ring +1 555 0199.")]);
        for word in ["HELP", "info?"] {
            assert_eq!(world.text(ANNA, word).await, ["Ring +1 555 0199."]);
        }
        assert!(World::new().text(ANNA, "help").await[0].contains("DELETE MY DATA"));
        assert!(world.model_requests().is_empty());
    });
}

#[test]
fn an_answer_under_way_is_not_sent_to_a_sender_that_opts_out() {
    run(|| async {
        let world = World::new();
        world.model([after(20_000, Act::Say("too late"))]);
        let (during, waits, stop) = (
            world.text(ANNA, "slow"),
            async {
                world.pass(SECOND).await;
                world.text(ANNA, "waits").await
            },
            async {
                world.pass(2 * SECOND).await;
                world.text(ANNA, "STOP").await
            },
        );
        let (during, waits, stop) = tokio::join!(during, waits, stop);
        assert_eq!((during.len(), waits.len(), stop.len()), (0, 0, 0));
        assert_eq!(
            world.now().since(world.started()),
            2 * SECOND,
            "nobody waits for what will not come"
        );
        world.pass(HOUR / 2).await;
        assert!(world.sent().is_empty());
        assert_eq!(world.model_requests().len(), 1);
        let turn = &world.events_named("turn")[0];
        assert_eq!(
            (turn["outcome"].as_str(), turn["delivery"].as_str()),
            (Some("cancelled"), Some("none"))
        );
        assert_eq!(
            (turn["failure"].as_str(), turn["model_requests"].as_u64()),
            (Some("cancelled"), Some(1))
        );
        assert_eq!(world.events_named("consent")[0]["dropped_messages"], 2);
    });
}

#[test]
fn a_late_answer_is_not_tried_with_another_token_after_its_sender_has_opted_out() {
    run(|| async {
        let world = World::with(&[(
            "TWILIO_AUTH_TOKEN",
            &format!("{TOKEN},fedcba9876543210fedcba9876543210"),
        )]);
        world.model([after(12_000, Act::Say("slow"))]);
        world.twilio([after(4000, Act::Status(401, ""))]);
        world.text(CARL, "Hello").await;
        world.pass(3 * SECOND).await;
        assert_eq!(world.rest_tokens().len(), 1, "the first is being tried");
        world.text(CARL, "STOP").await;
        world.pass(60 * SECOND).await;
        assert_eq!(world.rest_tokens().len(), 1);
        assert!(world.sent().is_empty());
    });
}

#[test]
fn parts_that_are_not_sent_yet_are_not_sent_to_a_sender_that_opts_out() {
    run(|| async {
        let world = World::with(&[("MAX_SEGMENTS", "100")]);
        let long: &'static str = Box::leak("All is well. ".repeat(300).into_boxed_str());
        world.model([after(12_000, Act::Say(long))]);
        world.twilio([after(50, Act::Say("")), after(5000, Act::Say(""))]);
        assert_eq!(world.text(ANNA, "slow and long").await, NOTHING);
        world.pass(3 * SECOND).await;
        assert_eq!(
            world.sent().len(),
            1,
            "the second one is on its way to Twilio"
        );
        world.text(ANNA, "STOP").await;
        world.text(ANNA, "START").await;
        world.model([after(12_000, Act::Say("the next late answer"))]);
        assert_eq!(world.text(ANNA, "slow again").await, NOTHING);
        world.pass(60 * SECOND).await;
        assert_eq!(world.sent().len(), 3);
        assert_eq!(
            world.sent()[2],
            "the next late answer",
            "whole, though the old one's end came in between"
        );
        assert_eq!(world.events_named("consent")[0]["dropped_parts"], 2);
    });
}

#[test]
fn a_copy_brings_no_answer_to_a_sender_that_has_opted_out() {
    run(|| async {
        let world = World::new();
        let sid = fresh_sid();
        assert_eq!(
            world.message(CARL, "Hello", &sid).await,
            ["answer to Hello"]
        );
        let stop = fresh_sid();
        assert_eq!(world.message(CARL, "STOP", &stop).await, [OPTED_OUT]);
        assert_eq!(
            world.message(CARL, "STOP", &stop).await,
            [OPTED_OUT],
            "the same webhook, again"
        );
        assert_eq!(world.message(CARL, "Hello", &sid).await, NOTHING);
        assert!(
            !world
                .stored(CARL)
                .keys()
                .any(|key| key.starts_with("answer")),
            "nothing is kept to be sent"
        );
    });
}

/// What storage holds of a sender: its keys, and of the state the fields that are not empty.
fn left(world: &World, from: &str) -> Vec<String> {
    let empty = [
        Value::Null,
        Value::from(0),
        Value::Bool(false),
        serde_json::json!([]),
        serde_json::json!({}),
    ];
    let stored = world
        .stored(from)
        .into_iter()
        .flat_map(|(key, text)| match key.as_str() {
            "state" => {
                let state: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
                let fields = state
                    .into_iter()
                    .filter(|(name, value)| name != "v" && !empty.contains(value));
                fields.map(|(name, _)| format!("state.{name}")).collect()
            }
            _ => vec![key],
        });
    stored.collect()
}

#[test]
fn an_opt_out_survives_everything_and_is_all_that_stays() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "Hello").await;
        world.text(ANNA, "STOP").await;
        world.pass(3 * HOUR).await;
        assert_eq!(
            left(&world, ANNA),
            ["opted_out", "state.today", "state.turns"]
        );
        world.pass(24 * HOUR).await;
        assert_eq!(left(&world, ANNA), ["opted_out"]);
        assert_eq!(world.alarm(ANNA), None);
        world.kill(ANNA);
        assert_eq!(world.text(ANNA, "Hello").await, NOTHING);
        world.text(ANNA, "START").await;
        world.pass(24 * HOUR).await;
        assert!(world.stored(ANNA).is_empty());
    });
}

#[test]
fn stop_start_and_erasure_are_obeyed_over_the_rate_limit_without_a_word() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "1")]);
        world.text(CARL, "Hello").await;
        world.pass(SECOND).await;
        assert_eq!(world.text(CARL, "delete my data").await, NOTHING);
        assert!(world.kv_keys().is_empty());
        assert_eq!(world.text(CARL, "STOP").await, NOTHING);
        world.pass(60 * SECOND).await;
        assert_eq!(world.text(CARL, "Hello").await, NOTHING);
        assert_eq!(world.text(CARL, "START").await, NOTHING);
        world.pass(60 * SECOND).await;
        assert_eq!(world.text(CARL, "Hello").await, ["answer to Hello"]);
    });
}

#[test]
fn delete_my_data_erases_what_was_said_cancels_what_is_under_way_and_confirms_once() {
    run(|| async {
        let world = World::new();
        for text in ["PLANTED one", "PLANTED two"] {
            world.text(ANNA, text).await;
        }
        world.model([after(8000, Act::Say("PLANTED answer"))]);
        let sid = fresh_sid();
        let (during, erased) = tokio::join!(world.text(ANNA, "PLANTED three"), async {
            world.pass(SECOND).await;
            world.message(ANNA, "DELETE MY DATA!", &sid).await
        });
        assert_eq!((during, erased), (Vec::new(), vec![ERASED.to_owned()]));
        let left = format!("{:?} {:?}", world.kv_values(), world.stored(ANNA));
        assert!(
            !left.contains("PLANTED") && !left.contains("5550100"),
            "{left}"
        );
        assert!(
            !world
                .stored(ANNA)
                .keys()
                .any(|key| key.starts_with("answer"))
        );
        let event = &world.events_named("erased")[0];
        assert_eq!(event["by"], "sender");
        assert_eq!(
            event["erased"],
            serde_json::json!({ "turns": 2, "revisions": 2, "pending_messages": 1, "waiting_sends": 0, "answers": 2 })
        );
        assert_eq!(
            world.message(ANNA, "DELETE MY DATA!", &sid).await,
            [ERASED],
            "the same webhook, again"
        );
        world.pass(30 * SECOND).await;
        assert!(world.sent().is_empty());
        assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
        assert_eq!(users(world.model_requests().last().unwrap()), ["Hello"]);
        assert_eq!(world.events_named("erased").len(), 1);
    });
}

#[test]
fn what_kv_does_not_delete_at_once_is_deleted_later_and_the_sender_is_told_the_truth() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "PLANTED").await;
        world.pass(SECOND).await;
        world.kv_fails(true);
        let sid = fresh_sid();
        assert_eq!(world.message(ANNA, "delete my data", &sid).await, [ERASING]);
        assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
        assert_eq!(
            users(world.model_requests().last().unwrap()),
            ["Hello"],
            "out of reach at once"
        );
        world.kill(ANNA);
        world.pass(60 * SECOND).await;
        assert!(world.kv_values().concat().contains("PLANTED"));
        world.kv_fails(false);
        world.pass(60 * SECOND).await;
        assert!(!world.kv_values().concat().contains("PLANTED"));
        assert_eq!(world.kv_keys().len(), 1, "the new conversation stays");
        assert_eq!(world.message(ANNA, "delete my data", &sid).await, [ERASED]);
    });
}

#[test]
fn a_revision_that_is_being_written_when_the_sender_erases_is_deleted_too() {
    run(|| async {
        let world = World::new();
        world.kv_write_takes(3 * SECOND);
        world.text(ANNA, "PLANTED").await;
        assert_eq!(world.text(ANNA, "delete my data").await, [ERASED]);
        world.pass(60 * SECOND).await;
        assert!(world.kv_keys().is_empty());
    });
}

#[test]
fn a_write_that_failed_and_came_through_is_erased_also_after_a_later_one() {
    run(|| async {
        let world = World::new();
        world.kv_acts_and_fails(true);
        world.text(ANNA, "PLANTED one").await;
        world.pass(SECOND).await;
        world.kv_acts_and_fails(false);
        world.text(ANNA, "PLANTED two").await;
        world.pass(SECOND).await;
        assert_eq!(world.kv_keys().len(), 2);
        assert_eq!(world.text(ANNA, "delete my data").await, [ERASED]);
        assert!(world.kv_keys().is_empty());
    });
}

#[test]
fn a_slow_kv_keeps_nobody_waiting_for_the_erasure() {
    run(|| async {
        let world = World::new();
        world.kv_write_takes(40 * SECOND);
        world.text(ANNA, "PLANTED").await;
        let began = world.now();
        assert_eq!(world.text(ANNA, "delete my data").await, [ERASING]);
        assert_eq!(world.now().since(began), 10 * SECOND);
        world.pass(60 * SECOND).await;
        assert!(world.kv_keys().is_empty());
    });
}

// The operator.

async fn admin(world: &World, method: &'static str, path: &str) -> (u16, Value) {
    admin_answer(world, Incoming::new(method, path)).await
}

/// Asks an admin route about the sender with these addresses.
async fn admin_of(world: &World, what: &str, from: &str, to: &str) -> (u16, Value) {
    let pair = serde_json::json!({ "from": from, "to": to }).to_string();
    admin_answer(
        world,
        Incoming::json(&format!("/admin/senders/{what}"), &pair),
    )
    .await
}

async fn admin_answer(world: &World, mut request: Incoming) -> (u16, Value) {
    request
        .headers
        .push(("Authorization", format!("Bearer {ADMIN}")));
    let response = world.handle(&mut request).await;
    (
        response.status,
        serde_json::from_str(&response.body).unwrap_or_default(),
    )
}

const ADMIN: &str = "an-admin-token-of-enough-characters";
const WITH_ADMIN: (&str, &str) = ("ADMIN_TOKEN", ADMIN);

#[test]
fn usage_adds_up_what_all_senders_did_today() {
    run(|| async {
        let prices = [
            ("OPENAI_PRICE_INPUT", "0.5"),
            ("OPENAI_PRICE_OUTPUT", "2"),
            ("RATE_LIMIT_PER_MINUTE", "4"),
            WITH_ADMIN,
        ];
        let world = World::with(&prices);
        world.text(ANNA, "one").await;
        world.model([after(12_000, Act::Say("late"))]);
        world.text(ANNA, "two").await;
        world.pass(5 * SECOND).await;
        world.text(ANNA, "").await;
        for _ in 0..3 {
            world.text(BEN, "three").await;
        }
        world.text(BEN, "STOP").await;
        world.text(BEN, "ignored").await;
        world.pass(60 * SECOND).await;
        world.text(BEN, "ignored").await;
        world.pass(60 * SECOND).await;
        let mut forged = Incoming::signed(&webhook(ANNA, "x", &fresh_sid()));
        forged.sign("another token", &[]);
        world.handle(&mut forged).await;
        world
            .handle(&mut Incoming::new("POST", "/twilio/messages"))
            .await;
        let (status, usage) = admin(&world, "GET", "/admin/usage").await;
        assert_eq!(status, 200);
        let expected = serde_json::json!({
            "day": "2026-11-22",
            "model_requests": { "used": 5, "cap": 1000 },
            "messages_sent": { "used": 1, "cap": 1000 },
            "budget_unreadable": false,
            "tokens": { "prompt": 2 + 4 + 2 + 4 + 6, "completion": 5 },
            "estimated_cost": 0.000_019,
            "messages_in": 8,
            "answers": { "inline": 1 + 1 + 3, "by_rest": 1 },
            "refusals": { "invalid_signature": 1, "bad_request": 1, "suspicious_request": 0, "rate_limited": 1, "opted_out": 1, "budget_exhausted": 0 },
        });
        assert_eq!(usage, expected);
    });
}

#[test]
fn a_budget_that_cannot_be_read_is_shown_as_such_and_opened_by_the_operator_or_by_midnight() {
    run(|| async {
        for opened_by_operator in [true, false] {
            let world = World::with(&[WITH_ADMIN]);
            world.budget_holds(Stored::Unreadable);
            let used_up = "Sorry, I can't take more questions today. Please try again tomorrow.";
            assert_eq!(world.text(ANNA, "one").await, [used_up]);
            assert_eq!(
                world.events_named("internal_error")[0]["reason"],
                "budget_unreadable"
            );
            let (_, usage) = admin(&world, "GET", "/admin/usage").await;
            assert_eq!(
                (
                    &usage["budget_unreadable"],
                    &usage["model_requests"]["used"]
                ),
                (&true.into(), &0.into())
            );
            if opened_by_operator {
                let expected = serde_json::json!({ "model_requests": 0, "messages_sent": 0, "budget_unreadable": true });
                let (status, reset) = admin(&world, "POST", "/admin/budget/reset").await;
                assert_eq!((status, &reset["reset"]), (200, &expected));
                let event = &world.events_named("budget_reset")[0];
                assert!(
                    expected
                        .as_object()
                        .unwrap()
                        .iter()
                        .all(|(name, value)| event[name] == *value),
                    "{event}"
                );
            } else {
                world.pass(12 * 60 * 60 * SECOND).await;
            }
            assert_eq!(world.text(ANNA, "two").await, ["answer to two"]);
            let (_, usage) = admin(&world, "GET", "/admin/usage").await;
            assert_eq!(
                (
                    &usage["budget_unreadable"],
                    &usage["model_requests"]["used"]
                ),
                (&false.into(), &1.into())
            );
            assert_eq!(world.events_named("internal_error").len(), 1);
        }
    });
}

#[test]
fn a_reset_allows_as_much_again_as_a_whole_day_does() {
    run(|| async {
        let world = World::with(&[WITH_ADMIN, ("MAX_DAILY_CALLS", "1")]);
        assert_eq!(world.text(ANNA, "one").await, ["answer to one"]);
        assert_ne!(world.text(BEN, "two").await, ["answer to two"]);
        let (_, reset) = admin(&world, "POST", "/admin/budget/reset").await;
        assert_eq!(
            reset,
            serde_json::json!({ "reset": { "model_requests": 1, "messages_sent": 0, "budget_unreadable": false } })
        );
        assert_eq!(world.text(BEN, "three").await, ["answer to three"]);
        assert_ne!(world.text(ANNA, "four").await, ["answer to four"]);
    });
}

#[test]
fn what_was_counted_is_reported_within_a_minute_and_when_that_fails_a_minute_later() {
    run(|| async {
        let world = World::with(&[WITH_ADMIN]);
        let inline =
            async || admin(&world, "GET", "/admin/usage").await.1["answers"]["inline"].clone();
        world.text(ANNA, "help").await;
        assert_eq!(inline().await, 0);
        world.budget_fails(true);
        world.pass(61 * SECOND).await;
        world.budget_fails(false);
        assert_eq!(
            (inline().await, world.events_named("object_failed").len()),
            (Value::from(0), 1)
        );
        world.pass(61 * SECOND).await;
        assert_eq!(inline().await, 1);
        world.pass(61 * SECOND).await;
        assert_eq!(inline().await, 1, "once");
    });
}

#[test]
fn counting_costs_no_request_and_no_write_of_its_own_while_messages_come() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        let commits = world.commits(ANNA);
        world.text(ANNA, "two").await;
        world.pass(SECOND).await;
        assert_eq!(world.budget_calls(), 2, "one for each request to the model");
        assert_eq!(world.commits(ANNA) - commits, 2, "taken in, and ended");
    });
}

#[test]
fn a_sender_is_shown_without_texts_and_erased_by_the_operator() {
    run(|| async {
        let world = World::with(&[WITH_ADMIN]);
        let blank = serde_json::json!({
            "opted_out": false, "turns": 0, "revision": null, "expires_at": null, "turn_running": false,
            "pending_messages": 0, "waiting_sends": 0, "messages_last_minute": 0,
        });
        assert_eq!(admin_of(&world, "show", ANNA, NUMBER).await, (200, blank));
        assert!(world.stored(ANNA).is_empty(), "looking stores nothing");
        world.text(ANNA, "PLANTED").await;
        world.pass(SECOND).await;
        let (_, shown) = admin_of(&world, "show", ANNA, NUMBER).await;
        assert_eq!(
            (
                &shown["turns"],
                &shown["revision"],
                &shown["messages_last_minute"]
            ),
            (&1.into(), &1.into(), &1.into())
        );
        assert!(
            shown["expires_at"]
                .as_str()
                .unwrap()
                .starts_with("2026-11-22T13:00:00"),
            "{shown}"
        );
        let erased = serde_json::json!({ "turns": 1, "revisions": 1, "pending_messages": 0, "waiting_sends": 0, "answers": 1 });
        let expected = serde_json::json!({ "erased": erased, "kv": "deleted", "opted_out": false });
        assert_eq!(
            admin_of(&world, "erase", ANNA, NUMBER).await,
            (200, expected)
        );
        let left = format!("{:?} {:?}", world.kv_values(), world.stored(ANNA));
        assert!(!left.contains("PLANTED"), "{left}");
        let event = &world.events_named("erased")[0];
        assert_eq!(
            (&event["by"], event["phone_hash"].as_str().map(str::len)),
            (&"operator".into(), Some(8))
        );
        assert!(!world.log_text().contains("5550100"));
        world.kv_fails(true);
        world.text(ANNA, "Hello").await;
        assert_eq!(
            admin_of(&world, "erase", ANNA, NUMBER).await.1["kv"],
            "being_deleted"
        );
    });
}

#[test]
fn the_sender_of_another_number_is_another_sender() {
    run(|| async {
        let world = World::with(&[WITH_ADMIN]);
        world.text(ANNA, "Hello").await;
        for (from, to) in [(ANNA, "+15550198"), ("whatsapp:+15550100", NUMBER)] {
            assert_eq!(
                admin_of(&world, "show", from, to).await.1["turns"],
                0,
                "{from} {to}"
            );
            assert_eq!(
                admin_of(&world, "erase", from, to).await.1["erased"]["turns"],
                0,
                "{from} {to}"
            );
        }
        assert_eq!(admin_of(&world, "show", ANNA, NUMBER).await.1["turns"], 1);
    });
}

// Segments.

#[test]
fn an_sms_answer_is_made_to_fit_its_segments_before_it_is_stored_and_sent_and_whatsapp_is_left_alone()
 {
    run(|| async {
        let world = World::with(&[("MAX_SEGMENTS", "2")]);
        let typeset = "It’s “so” – yes…";
        let long: &'static str = Box::leak("All’s well at sea. ".repeat(30).into_boxed_str());
        world.model([
            Act::Say(typeset),
            Act::Say(long),
            Act::Say(typeset),
            Act::Say(long),
        ]);
        assert_eq!(world.text(ANNA, "one").await, ["It's \"so\" - yes..."]);
        let [cut] = <[String; 1]>::try_from(world.text(ANNA, "two").await).unwrap();
        assert!(
            cut.starts_with("All's well")
                && cut.ends_with("at sea...")
                && (280..=306).contains(&cut.len()),
            "{cut}"
        );
        let whatsapp = format!("whatsapp:{ANNA}");
        assert_eq!(world.text(&whatsapp, "one").await, [typeset]);
        assert_eq!(world.text(&whatsapp, "two").await, [long.trim()]);
        let segments: Vec<_> = world
            .events_named("turn")
            .iter()
            .map(|turn| turn["segments"].as_u64())
            .collect();
        assert_eq!(segments, [Some(1), Some(2), None, None]);
        world.text(ANNA, "three").await;
        let remembered = &world.model_requests()[4]["messages"];
        assert_eq!(
            (
                remembered[2]["content"].as_str(),
                remembered[4]["content"].as_str()
            ),
            (Some("It's \"so\" - yes..."), Some(cut.as_str()))
        );
    });
}

#[test]
fn a_late_sms_answer_is_the_same_that_is_remembered_and_its_segments_are_counted_over_its_parts() {
    run(|| async {
        let world = World::with(&[("MAX_SEGMENTS", "13")]);
        let long: &'static str = Box::leak("All’s well at sea. ".repeat(200).into_boxed_str());
        world.model([after(12_000, Act::Say(long))]);
        assert!(world.text(ANNA, "one").await.is_empty());
        world.pass(5 * SECOND).await;
        let sent = world.sent();
        assert_eq!(sent.len(), 2);
        assert!(sent[1].ends_with("at sea..."));
        assert_eq!(world.events_named("turn")[0]["segments"], 13);
        world.text(ANNA, "two").await;
        assert_eq!(
            world.model_requests()[1]["messages"][2]["content"],
            sent.join(" ")
        );
    });
}

#[test]
fn a_failed_turn_logs_the_segments_of_its_fixed_sentence() {
    run(|| async {
        let world = World::new();
        world.model([Act::Status(400, "")]);
        world.text(ANNA, "Hello").await;
        assert_eq!(world.events_named("turn")[0]["segments"], 1);
    });
}

// Pictures.

/// Sends a message with pictures and returns the texts of the answer.
async fn picture(world: &World, from: &str, body: &str, count: usize) -> Vec<String> {
    let response = world
        .post(&with_media(
            from,
            body,
            &fresh_sid(),
            &vec!["image/jpeg"; count],
        ))
        .await;
    assert_eq!(response.status, 200);
    texts(&response.body)
}

#[test]
fn a_picture_reaches_the_model_in_its_turn_alone_and_is_stored_nowhere() {
    run(|| async {
        let world = World::new();
        assert_eq!(
            picture(&world, ANNA, "What is this?", 1).await,
            ["answer to What is this?\n[1 picture] and 1 pictures"]
        );
        assert_eq!(
            world.media_requests(),
            [
                (media_url(0), Some(TOKEN.to_owned())),
                (CDN.to_owned(), None)
            ]
        );
        let shown = format!("data:image/gif;base64,{}", BASE64_STANDARD.encode(GIF));
        assert_eq!(
            world.model_requests()[0]["messages"][1]["content"][1]["image_url"]["url"],
            shown,
            "as what it is, not as what was said"
        );
        world.pass(SECOND).await;
        world.text(ANNA, "And now?").await;
        assert_eq!(
            users(&world.model_requests()[1]),
            ["What is this?\n[1 picture]", "And now?"]
        );
        let kept = format!(
            "{:?}{:?}{}",
            world.stored(ANNA),
            world.kv_values(),
            world.log_text()
        );
        for trace in [
            "planted-picture",
            &BASE64_STANDARD.encode("-the-planted-picture")[..20],
            "twiliocdn",
            "/Media/",
        ] {
            assert!(!kept.contains(trace), "{trace}");
        }
    });
}

#[test]
fn pictures_without_a_text_make_a_turn_too() {
    run(|| async {
        let world = World::new();
        assert_eq!(
            picture(&world, ANNA, "", 2).await,
            ["answer to [2 pictures] and 2 pictures"]
        );
        assert_eq!(world.budget_used().await, 1);
    });
}

#[test]
fn a_picture_that_cannot_be_had_is_said_so_and_costs_no_model_request() {
    const NOT_FETCHED: &str = "Sorry, I couldn't open your picture. Please send it again.";
    let huge: &'static str =
        Box::leak(format!("GIF89a{}", "x".repeat(5 * 1024 * 1024)).into_boxed_str());
    for (acts, said, failure) in [
        (
            vec![Act::Status(404, "")],
            NOT_FETCHED,
            "picture_not_fetched",
        ),
        (vec![Act::Drop], NOT_FETCHED, "picture_not_fetched"),
        (
            vec![Act::Say(""), Act::Status(500, "")],
            NOT_FETCHED,
            "picture_not_fetched",
        ),
        (
            vec![after(60_000, Act::Say(""))],
            NOT_FETCHED,
            "picture_not_fetched",
        ),
        (
            vec![Act::Say(""), Act::Body("<html>")],
            "I can read text and pictures (JPEG, PNG, GIF or WebP), but no other kind of file.",
            "picture_type",
        ),
        (
            vec![Act::Say(""), Act::Body(huge)],
            "Sorry, that is too large for me. Please send pictures of at most 5 MB in all.",
            "picture_too_large",
        ),
    ] {
        run(|| async {
            let world =
                World::with(&[("REPLY_WITHIN_MS", "14000"), ("OPENAI_TIMEOUT_MS", "10000")]);
            world.text(ANNA, "Hello").await;
            world.media(acts);
            assert_eq!(picture(&world, ANNA, "Look", 1).await, [said]);
            let turn = world.events_named("turn").pop().unwrap();
            assert_eq!(
                (turn["outcome"].as_str(), turn["failure"].as_str()),
                (Some("failed"), Some(failure))
            );
            assert_eq!(
                (
                    turn["model_requests"].as_u64(),
                    world.model_requests().len(),
                    world.budget_used().await
                ),
                (Some(0), 1, 1)
            );
            world.text(ANNA, "And now?").await;
            assert_eq!(
                users(&world.model_requests()[1]),
                ["Hello", "And now?"],
                "what failed is no part of the conversation"
            );
        });
    }
}

#[test]
fn pictures_of_one_turn_are_too_large_together() {
    run(|| async {
        let world = World::new();
        let large: &'static str =
            Box::leak(format!("GIF89a{}", "x".repeat(3 * 1024 * 1024)).into_boxed_str());
        world.media([
            Act::Say(""),
            Act::Body(large),
            Act::Say(""),
            Act::Body(large),
        ]);
        assert_eq!(
            picture(&world, ANNA, "", 2).await,
            ["Sorry, that is too large for me. Please send pictures of at most 5 MB in all."]
        );
        assert!(world.model_requests().is_empty());
    });
}

#[test]
fn a_picture_at_another_host_is_not_asked_for() {
    run(|| async {
        let world = World::new();
        let mut fields = with_media(ANNA, "", &fresh_sid(), &["image/jpeg"]);
        fields.retain(|(name, _)| name != "MediaUrl0");
        fields.push((
            "MediaUrl0".to_owned(),
            "https://evil.example/Media/1".to_owned(),
        ));
        assert_eq!(
            texts(&world.post(&fields).await.body),
            ["Sorry, I couldn't open your picture. Please send it again."]
        );
        assert!(world.media_requests().is_empty());
        assert_eq!(world.events_named("turn")[0]["failure"], "picture_address");
    });
}

#[test]
fn another_token_is_tried_for_a_picture_when_the_first_is_refused() {
    run(|| async {
        let other = "fedcba9876543210fedcba9876543210";
        let world = World::with(&[("TWILIO_AUTH_TOKEN", &format!("{other},{TOKEN}"))]);
        world.media([Act::Status(401, "")]);
        assert_eq!(
            picture(&world, ANNA, "Look", 1).await,
            ["answer to Look\n[1 picture] and 1 pictures"]
        );
        let tokens: Vec<_> = world
            .media_requests()
            .into_iter()
            .map(|(_, token)| token)
            .collect();
        assert_eq!(
            tokens,
            [Some(TOKEN.to_owned()), Some(other.to_owned()), None],
            "the one that verified the message first"
        );
    });
}

#[test]
fn a_picture_that_comes_twice_is_fetched_once_and_answered_alike() {
    run(|| async {
        let world = World::new();
        let fields = with_media(
            ANNA,
            "Look",
            "MM0000000000000000000000000000000a",
            &["image/jpeg"],
        );
        let answers = join_all((0..3).map(|_| world.post(&fields))).await;
        let again = world.post(&fields).await;
        for answer in answers.iter().chain([&again]) {
            assert_eq!(
                texts(&answer.body),
                ["answer to Look\n[1 picture] and 1 pictures"]
            );
        }
        assert_eq!(
            (world.media_requests().len(), world.model_requests().len()),
            (2, 1)
        );
    });
}

#[test]
fn a_turn_with_a_picture_goes_on_after_the_object_has_vanished_and_fetches_it_again() {
    // While the picture is fetched, and while the model is asked.
    for (media, model) in [
        (after(8000, Act::Say("")), after(100, Act::Say(""))),
        (Act::Say(""), after(8000, Act::Say(""))),
    ] {
        run(|| async {
            let world = World::new();
            world.media([media]);
            world.model([model]);
            let fields = with_media(ANNA, "Look", &fresh_sid(), &["image/jpeg"]);
            let mut webhook = Box::pin(world.post(&fields));
            tokio::select! {
                _ = &mut webhook => panic!("too early"),
                () = world.pass(3 * SECOND) => {}
            }
            assert!(
                world.stored(ANNA)["state"].contains(&media_url(0)),
                "where it is, as long as the turn runs"
            );
            world.kill(ANNA);
            assert_eq!(webhook.await.status, 503);
            world.pass(30 * SECOND).await;
            assert_eq!(world.sent(), ["answer to Look\n[1 picture] and 1 pictures"]);
            assert!(!world.stored(ANNA)["state"].contains("/Media/"));
        });
    }
}

#[test]
fn messages_and_pictures_that_come_during_a_turn_are_answered_together() {
    run(|| async {
        let world = World::new();
        world.model([after(3000, Act::Say("first"))]);
        let first = world.text(ANNA, "one");
        let others = async {
            world.pass(SECOND).await;
            join_all([
                picture(&world, ANNA, "two", 1),
                picture(&world, ANNA, "", 1),
            ])
            .await
        };
        let (_, others) = futures_util::future::join(first, others).await;
        assert_eq!(
            others[1],
            ["answer to two\n[1 picture]\n[1 picture] and 2 pictures"]
        );
        assert!(others[0].is_empty());
    });
}

#[test]
fn a_reset_with_a_picture_is_a_reset() {
    run(|| async {
        let world = World::new();
        assert!(picture(&world, ANNA, "reset", 1).await[0].starts_with("Done"));
        assert!(world.media_requests().is_empty());
    });
}

// Duplicates.

#[test]
fn a_duplicate_gets_the_same_answer_at_no_cost() {
    run(|| async {
        let world = World::new();
        let sid = fresh_sid();
        let first = world.message(ANNA, "Hello", &sid).await;
        assert_eq!(world.message(ANNA, "Hello", &sid).await, first);
        world.pass(SECOND).await;
        let commits = world.commits(ANNA);
        assert_eq!(world.message(ANNA, "Hello", &sid).await, first);
        assert_eq!(world.commits(ANNA), commits, "nothing is written for it");
        world.kill(ANNA);
        assert_eq!(
            world.message(ANNA, "Hello", &sid).await,
            first,
            "after a restart too"
        );
        assert_eq!(world.model_requests().len(), 1);
    });
}

#[test]
fn fifty_duplicates_at_once_make_one_model_request_and_get_one_answer_fifty_times() {
    run(|| async {
        let world = World::new();
        let sid = fresh_sid();
        let answers = join_all((0..50).map(|_| world.message(ANNA, "Hello", &sid))).await;
        assert!(answers.iter().all(|answer| answer == &["answer to Hello"]));
        assert_eq!(answers.len(), 50);
        assert_eq!(world.model_requests().len(), 1);
        assert_eq!(world.events_named("turn").len(), 1);
    });
}

#[test]
fn a_duplicate_of_a_fixed_answer_is_the_same_fixed_answer() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "2")]);
        let (empty, reset, limited) = (fresh_sid(), fresh_sid(), fresh_sid());
        let first = [
            world.message(ANNA, "", &empty).await,
            world.message(ANNA, "reset", &reset).await,
            world.message(ANNA, "x", &limited).await,
        ];
        let again = [
            world.message(ANNA, "", &empty).await,
            world.message(ANNA, "reset", &reset).await,
            world.message(ANNA, "x", &limited).await,
        ];
        assert_eq!(first, again);
        assert!(first[2][0].contains("try again in"));
    });
}

// Turns.

#[test]
fn messages_that_come_during_a_turn_are_answered_together_by_the_next() {
    run(|| async {
        let world = World::new();
        world.model([
            after(3000, Act::Say("first answer")),
            after(1000, Act::Say("second answer")),
        ]);
        let later = |milliseconds, text| {
            let world = world.clone();
            async move {
                world.pass(Duration::from_millis(milliseconds)).await;
                world.text(ANNA, text).await
            }
        };
        let answers = join_all([
            later(0, "one"),
            later(500, "two"),
            later(1000, "three"),
            later(1500, "four"),
        ])
        .await;
        assert_eq!(answers[0], ["first answer"]);
        assert!(
            answers[1].is_empty() && answers[2].is_empty(),
            "the answer goes out on the last of them"
        );
        assert_eq!(answers[3], ["second answer"]);
        let requests = world.model_requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(users(&requests[1]), ["one", "two\nthree\nfour"]);
        assert_eq!(world.model_at_once(), 1);
        assert_eq!(world.events_named("turn")[1]["messages"], 3);
    });
}

#[test]
fn turns_of_one_sender_never_interleave_and_those_of_others_do() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "30")]);
        let burst: Vec<String> = (0..20).map(|i| format!("m{i}")).collect();
        let answers = join_all(burst.iter().map(|text| world.text(ANNA, text))).await;
        assert_eq!(world.model_at_once(), 1);
        assert_eq!(
            world.model_requests().len(),
            2,
            "the first message, and the nineteen that came meanwhile"
        );
        assert_eq!(answers.iter().flatten().count(), 2);
        let heard: Vec<String> = users(&world.model_requests()[1])
            .join("\n")
            .lines()
            .map(str::to_owned)
            .collect();
        assert_eq!(heard, burst, "in order, and none lost");
        join_all([world.text(ANNA, "x"), world.text(BEN, "y")]).await;
        assert_eq!(world.model_at_once(), 2);
    });
}

#[test]
fn reset_waits_for_its_turn_and_clears_the_conversation() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        assert_eq!(world.kv_keys().len(), 1);
        world.model([after(2000, Act::Say("slow answer"))]);
        let reset = async {
            world.pass(SECOND).await;
            world.text(ANNA, "Start Over").await
        };
        let (slow, reset, after_reset) =
            futures_util::join!(world.text(ANNA, "two"), reset, async {
                world.pass(SECOND + SECOND / 2).await;
                world.text(ANNA, "three").await
            });
        assert_eq!(slow, ["slow answer"]);
        assert_eq!(
            reset,
            ["Done: our conversation is cleared. What would you like to talk about?"]
        );
        assert_eq!(after_reset, ["answer to three"]);
        assert_eq!(users(&world.model_requests()[2]), ["three"]);
        world.pass(SECOND).await;
        assert_eq!(
            world.kv_keys().len(),
            1,
            "the old revisions are deleted: {:?}",
            world.kv_keys()
        );
        assert!(
            world
                .kv_values()
                .iter()
                .all(|value| !value.contains("one") && !value.contains("two"))
        );
        assert_eq!(world.events_named("turn")[2]["outcome"], "reset");
    });
}

#[test]
fn a_reset_erases_the_stored_answers_too() {
    run(|| async {
        let world = World::new();
        let sid = fresh_sid();
        world.model([Act::Say("a private answer")]);
        world.message(ANNA, "a private question", &sid).await;
        world.pass(SECOND).await;
        world.text(ANNA, "reset").await;
        world.pass(SECOND).await;
        assert!(
            !world
                .stored(ANNA)
                .values()
                .any(|value| value.contains("private")),
            "{:?}",
            world.stored(ANNA)
        );
        assert!(world.kv_keys().is_empty());
        assert!(
            world
                .message(ANNA, "a private question", &sid)
                .await
                .is_empty(),
            "known, and no longer answered"
        );
        assert_eq!(world.model_requests().len(), 1);
    });
}

// Limits.

#[test]
fn the_rate_limit_is_exact_and_slides() {
    run(|| async {
        let world = World::new();
        for i in 0..10 {
            assert_eq!(world.text(ANNA, "Hello").await.len(), 1, "{i}");
            world.pass(SECOND).await;
        }
        let refused = world.text(ANNA, "Hello").await;
        // Each answer took 100 ms, so 11 s have passed since the first was taken in.
        assert_eq!(
            refused,
            ["That's more messages than I can take in. Please try again in 49 seconds."]
        );
        assert!(world.text(ANNA, "Hello").await.is_empty(), "told once");
        assert_eq!(
            world.text(BEN, "Hello").await.len(),
            1,
            "others are not concerned"
        );
        let told: Vec<_> = world
            .security_events("rate_limit_exceeded")
            .iter()
            .map(|event| event["details"]["told"].clone())
            .collect();
        assert_eq!(told, [true, false]);
        world.pass(Duration::from_millis(48_800)).await;
        assert!(world.text(ANNA, "a moment too early").await.is_empty());
        world.pass(Duration::from_millis(200)).await;
        assert_eq!(world.text(ANNA, "on time").await.len(), 1);
        assert!(
            world
                .text(ANNA, "the window has slid by one message only")
                .await
                .is_empty()
        );
        assert_eq!(world.model_requests().len(), 12);
    });
}

#[test]
fn a_refused_message_costs_no_write_but_for_the_first() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "1")]);
        world.text(ANNA, "Hello").await;
        world.text(ANNA, "told").await;
        world.pass(SECOND).await;
        let commits = world.commits(ANNA);
        for _ in 0..20 {
            assert!(world.text(ANNA, "silent").await.is_empty());
        }
        assert_eq!(world.commits(ANNA), commits);
        assert_eq!(world.security_events("rate_limit_exceeded").len(), 21);
    });
}

#[test]
fn a_clock_that_steps_back_neither_opens_nor_jams_the_rate_limit() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "2")]);
        world.text(ANNA, "one").await;
        world.text(ANNA, "two").await;
        world.step_clock(-3_600_000);
        assert_eq!(
            world.text(ANNA, "three").await,
            ["That's more messages than I can take in. Please try again in 60 seconds."]
        );
        world.pass(61 * SECOND).await;
        assert_eq!(world.text(ANNA, "four").await, ["answer to four"]);
    });
}

#[test]
fn a_thousand_messages_at_once_against_a_cap_of_100_make_exactly_100_requests() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS", "100")]);
        let senders: Vec<String> = (0..1000).map(|i| format!("+155501{i:05}")).collect();
        let answers = join_all(senders.iter().map(|from| world.text(from, "Hello"))).await;
        assert_eq!(world.model_requests().len(), 100);
        let polite = answers
            .iter()
            .filter(|answer| answer[0].starts_with("Sorry, I can't take more questions today"))
            .count();
        assert_eq!(polite, 900);
        let logged = world
            .events_named("turn")
            .iter()
            .filter(|turn| turn["failure"] == "budget_exhausted")
            .count();
        assert_eq!(logged, 900, "one event each");
    });
}

#[test]
fn an_unreachable_budget_makes_no_request() {
    run(|| async {
        let world = World::new();
        world.budget_fails(true);
        let apology = "Sorry, I can't answer right now. Please try again in a few minutes.";
        assert_eq!(
            world.text(ANNA, "Hello").await,
            [apology],
            "tomorrow would be wrong"
        );
        assert!(world.model_requests().is_empty());
        assert_eq!(
            world.events_named("turn")[0]["failure"],
            "budget_unreachable"
        );
        world.budget_fails(false);
        world.text(ANNA, "again").await;
        assert_eq!(
            users(&world.model_requests()[0]),
            ["again"],
            "the refused turn is no part of the conversation"
        );
    });
}

#[test]
fn every_retry_is_reserved_and_the_last_one_that_the_budget_allows_is_the_last_one_made() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS", "2")]);
        world.model([
            Act::Status(500, ""),
            Act::Status(500, ""),
            Act::Say("never asked for"),
        ]);
        assert_eq!(
            world.text(ANNA, "Hello").await,
            ["Sorry, I can't take more questions today. Please try again tomorrow."]
        );
        assert_eq!(world.model_requests().len(), 2);
    });
}

// The model fails.

#[test]
fn each_failure_of_the_model_ends_in_one_apology_and_stays_out_of_the_conversation() {
    const QUOTA: &str = r#"{"error":{"message":"planted-error-text","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    const APOLOGY: &str = "Sorry, I can't answer right now. Please try again in a few minutes.";
    let filtered = r#"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#;
    let cases: [(Act, usize, &str, &str); 14] = [
        (Act::Drop, 3, "connection_failed", APOLOGY),
        (Act::Status(408, ""), 3, "busy", APOLOGY),
        (Act::Status(409, ""), 3, "busy", APOLOGY),
        (Act::Later("1"), 3, "busy", APOLOGY),
        (
            Act::Status(500, "planted-error-text"),
            3,
            "server_error",
            APOLOGY,
        ),
        (Act::Status(429, QUOTA), 1, "insufficient_quota", APOLOGY),
        (Act::Status(400, ""), 1, "rejected", APOLOGY),
        (Act::Status(401, ""), 1, "unauthorized", APOLOGY),
        (Act::Status(403, ""), 1, "unauthorized", APOLOGY),
        (Act::Status(404, ""), 1, "rejected", APOLOGY),
        (
            Act::Body(r#"{"choices":[{"message":{"content":null}}]}"#),
            1,
            "empty_answer",
            APOLOGY,
        ),
        (
            Act::Body("<html>planted-error-text</html>"),
            1,
            "unexpected_response",
            APOLOGY,
        ),
        (
            Act::Body(filtered),
            1,
            "content_filter",
            "Sorry, I can't help with that.",
        ),
        (after(70_000, Act::Say("too late")), 1, "timeout", APOLOGY),
    ];
    for (act, requests, failure, answer) in cases {
        run(|| async {
            let world = World::new();
            world.model(vec![act.clone(); requests]);
            let inline = world.text(ANNA, "failing").await;
            world.pass(Duration::from_secs(70)).await;
            let answers = [inline, world.sent()].concat();
            assert_eq!(answers, [answer], "{failure}");
            assert_eq!(world.model_requests().len(), requests, "{failure}");
            let turn = &world.events_named("turn")[0];
            assert_eq!(
                (turn["outcome"].as_str(), turn["failure"].as_str()),
                (Some("failed"), Some(failure))
            );
            assert!(!world.log_text().contains("planted"));
            let mut state: Value = serde_json::from_str(&world.stored(ANNA)["state"]).unwrap();
            // A copy of the message is answered the same.
            state["answers"].take();
            assert!(
                !state.to_string().contains("Sorry") && !state.to_string().contains("failing"),
                "{failure}"
            );
            world.kill(ANNA);
            world.text(ANNA, "after").await;
            assert_eq!(
                users(world.model_requests().last().unwrap()),
                ["after"],
                "{failure}"
            );
            assert!(world.kv_values().is_empty(), "{failure}");
        });
    }
}

#[test]
fn a_passing_failure_is_tried_again_and_the_answer_comes() {
    run(|| async {
        let world = World::new();
        world.model([Act::Drop, Act::Later("3"), Act::Say("at last")]);
        let started = world.now();
        assert_eq!(world.text(ANNA, "Hello").await, ["at last"]);
        assert!(
            world.now().since(started) >= 3 * SECOND,
            "Retry-After is honoured"
        );
        assert_eq!(world.events_named("turn")[0]["model_requests"], 3);
    });
}

#[test]
fn an_answer_that_used_up_its_tokens_before_the_first_word_is_a_failure_of_its_own_and_its_tokens_are_counted()
 {
    const SENTENCE: &str =
        "Sorry, that was too much for one answer. Please ask something shorter or simpler.";
    const USED_UP: &str = r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}],"usage":{"prompt_tokens":7,"completion_tokens":1000}}"#;
    run(|| async {
        let world = World::with(&[WITH_ADMIN]);
        world.model([Act::Body(USED_UP)]);
        let sid = fresh_sid();
        assert_eq!(world.message(ANNA, "Prove it", &sid).await, [SENTENCE]);
        assert_eq!(
            world.message(ANNA, "Prove it", &sid).await,
            [SENTENCE],
            "a copy is told the same"
        );
        assert_eq!(
            world.model_requests().len(),
            1,
            "to ask once more would cost as much and help as little"
        );

        let turn = &world.events_named("turn")[0];
        assert_eq!(
            (turn["outcome"].as_str(), turn["failure"].as_str()),
            (Some("failed"), Some("token_limit"))
        );
        assert_eq!(
            (
                turn["prompt_tokens"].as_u64(),
                turn["completion_tokens"].as_u64()
            ),
            (Some(7), Some(1000))
        );
        world.pass(61 * SECOND).await;
        let (_, usage) = admin(&world, "GET", "/admin/usage").await;
        assert_eq!(
            usage["tokens"],
            serde_json::json!({ "prompt": 7, "completion": 1000 })
        );

        world.kill(ANNA);
        world.text(ANNA, "after").await;
        assert_eq!(
            users(world.model_requests().last().unwrap()),
            ["after"],
            "it is no part of the conversation"
        );
    });
}

#[test]
fn a_failed_answer_is_logged_with_the_tokens_that_it_cost() {
    for (reason, failure) in [
        ("content_filter", "content_filter"),
        ("stop", "empty_answer"),
    ] {
        let body = format!(
            r#"{{"choices":[{{"message":{{"content":""}},"finish_reason":"{reason}"}}],"usage":{{"prompt_tokens":7,"completion_tokens":3}}}}"#
        );
        let body: &'static str = Box::leak(body.into_boxed_str());
        run(|| async {
            let world = World::new();
            world.model([Act::Body(body)]);
            world.text(ANNA, "Hello").await;
            let turn = &world.events_named("turn")[0];
            assert_eq!(turn["failure"], failure);
            assert_eq!(
                (
                    turn["prompt_tokens"].as_u64(),
                    turn["completion_tokens"].as_u64()
                ),
                (Some(7), Some(3))
            );
        });
    }
}

#[test]
fn a_refusal_and_a_truncated_answer_are_answers() {
    run(|| async {
        let world = World::new();
        world.model([
            Act::Body(r#"{"choices":[{"message":{"content":null,"refusal":"I won't."},"finish_reason":"stop"}]}"#),
            Act::Body(r#"{"choices":[{"message":{"content":"Once upon"},"finish_reason":"length"}]}"#),
        ]);
        assert_eq!(world.text(ANNA, "one").await, ["I won't."]);
        assert_eq!(world.text(ANNA, "two").await, ["Once upon..."]);
        let remarks: Vec<_> = world
            .events_named("turn")
            .iter()
            .map(|turn| (turn["outcome"].clone(), turn["failure"].clone()))
            .collect();
        assert_eq!(
            remarks,
            [
                ("answered".into(), "refusal".into()),
                ("answered".into(), "length".into())
            ]
        );
    });
}

// The model is slow.

#[test]
fn a_slow_answer_is_sent_by_rest_once() {
    run(|| async {
        let world = World::new();
        world.model([after(20_000, Act::Say("slow answer"))]);
        let (sid, started) = (fresh_sid(), world.now());
        assert!(world.message(ANNA, "Hello", &sid).await.is_empty());
        let waited = world.now().since(started);
        assert!(
            waited >= 10 * SECOND && waited <= 10 * SECOND + SECOND / 2,
            "{waited:?}, with a look at the budget"
        );
        world.pass(15 * SECOND).await;
        assert_eq!(world.sent(), ["slow answer"]);
        let form = &world.sent_forms()[0];
        assert_eq!(
            (form["To"].as_str(), form["From"].as_str()),
            (ANNA, world::NUMBER)
        );
        assert!(
            world.message(ANNA, "Hello", &sid).await.is_empty(),
            "a duplicate gets what the first got"
        );
        world.pass(HOUR / 2).await;
        assert_eq!(world.sent().len(), 1);
        assert_eq!(world.model_requests().len(), 1);
        assert_eq!(world.events_named("turn")[0]["delivery"], "late");
        assert_eq!(world.events_named("late_part")[0]["outcome"], "sent");
        world.text(ANNA, "and?").await;
        assert_eq!(
            users(&world.model_requests()[1]),
            ["Hello", "and?"],
            "it is part of the conversation"
        );
    });
}

#[test]
fn a_long_slow_answer_is_sent_in_parts_in_order() {
    run(|| async {
        let world = World::with(&[("MAX_SEGMENTS", "100")]);
        let long: &'static str = Box::leak(
            (0..400)
                .map(|i| format!("Sentence {i}. "))
                .collect::<String>()
                .into_boxed_str(),
        );
        world.model([after(12_000, Act::Say(long))]);
        world.text(ANNA, "Hello").await;
        world.pass(15 * SECOND).await;
        assert_eq!(world.sent().len(), 4);
        assert_eq!(world.sent().join(" "), long.trim());
    });
}

#[test]
fn an_answer_that_is_being_stored_when_the_wait_ends_still_goes_out_inline_and_once() {
    run(|| async {
        let world = World::new();
        world.storage_takes(ANNA, Duration::from_millis(100));
        world.model([after(9800, Act::Say("just in time"))]);
        let started = world.now();
        assert_eq!(world.text(ANNA, "Hello").await, ["just in time"]);
        assert!(
            world.now().since(started) > 10 * SECOND,
            "the wait had ended"
        );
        world.pass(60 * SECOND).await;
        assert!(world.sent().is_empty());
    });
}

#[test]
fn whichever_webhook_still_waits_carries_the_answer() {
    run(|| async {
        let world = World::new();
        world.model([after(12_000, Act::Say("slow answer"))]);
        let sid = fresh_sid();
        let retry = async {
            world.pass(11 * SECOND).await;
            world.message(ANNA, "Hello", &sid).await
        };
        let (first, retry) = futures_util::join!(world.message(ANNA, "Hello", &sid), retry);
        assert!(first.is_empty());
        assert_eq!(retry, ["slow answer"]);
        world.pass(HOUR / 2).await;
        assert!(world.sent().is_empty());
    });
}

#[test]
fn a_message_behind_a_slow_turn_is_answered_late_and_in_order() {
    run(|| async {
        let world = World::new();
        world.model([
            after(9000, Act::Say("first")),
            after(9000, Act::Say("second")),
        ]);
        let second = async {
            world.pass(SECOND).await;
            world.text(ANNA, "two").await
        };
        let (first, second) = futures_util::join!(world.text(ANNA, "one"), second);
        assert_eq!(first, ["first"]);
        assert!(second.is_empty());
        world.pass(10 * SECOND).await;
        assert_eq!(world.sent(), ["second"]);
    });
}

#[test]
fn a_late_answer_that_twilio_did_not_process_is_sent_again() {
    run(|| async {
        let world = World::new();
        world.model([after(11_000, Act::Say("later"))]);
        world.twilio([Act::Later("1"), Act::Later("1")]);
        world.text(ANNA, "one").await;
        world.pass(30 * SECOND).await;
        assert_eq!(world.sent(), ["later"]);
        assert_eq!(world.lookups(), 0, "429 is no unknown outcome");
    });
}

#[test]
fn a_send_with_an_unknown_outcome_that_went_out_is_found_and_not_sent_again() {
    // Acted upon, and the answer lost; or acted upon after we stopped waiting.
    for unknown in [Act::ThenDrop, after(12_000, Act::Say(""))] {
        run(|| async {
            let world = World::with(&[("MAX_SEGMENTS", "100")]);
            let long: &'static str = Box::leak("All is well. ".repeat(200).into_boxed_str());
            world.model([after(11_000, Act::Say(long))]);
            world.twilio([unknown.clone()]);
            world.text(ANNA, "Hello").await;
            world.pass(120 * SECOND).await;
            assert_eq!(
                world.sent().join(" "),
                long.trim(),
                "each part once, in order"
            );
            assert!(world.lookups() >= 1);
            let outcomes: Vec<_> = world
                .events_named("late_part")
                .iter()
                .map(|event| event["outcome"].clone())
                .collect();
            assert_eq!(outcomes, ["sent", "sent"]);
        });
    }
}

#[test]
fn a_send_with_an_unknown_outcome_that_did_not_go_out_is_sent_again_once_that_is_certain() {
    for unknown in [Act::Drop, Act::Status(500, ""), after(20_000, Act::Drop)] {
        run(|| async {
            let world = World::new();
            world.model([after(11_000, Act::Say("answer"))]);
            world.twilio([unknown.clone()]);
            world.text(ANNA, "Hello").await;
            world.pass(25 * SECOND).await;
            assert!(world.sent().is_empty(), "Twilio may still be at it");
            world.pass(60 * SECOND).await;
            assert_eq!(world.sent(), ["answer"]);
        });
    }
}

#[test]
fn an_equal_answer_sent_before_is_not_taken_for_the_one_that_is_looked_for() {
    run(|| async {
        let world = World::new();
        world.model([
            after(11_000, Act::Say("same")),
            after(11_000, Act::Say("same")),
        ]);
        world.text(ANNA, "one").await;
        world.pass(2 * SECOND).await;
        world.twilio([Act::Drop]);
        world.text(ANNA, "two").await;
        world.pass(120 * SECOND).await;
        assert_eq!(world.sent(), ["same", "same"]);
    });
}

#[test]
fn a_late_answer_is_given_up_after_a_quarter_of_an_hour_without_a_word_from_twilio() {
    run(|| async {
        let world = World::new();
        world.model([
            after(11_000, Act::Say("one")),
            after(11_000, Act::Say("two")),
        ]);
        world.twilio(vec![Act::Drop; 400]);
        world.text(ANNA, "one").await;
        world.pass(Duration::from_secs(16 * 60)).await;
        let events = world.events_named("late_part");
        assert_eq!(
            (events.len(), events[0]["outcome"].as_str()),
            (1, Some("unknown"))
        );
        let lookups = world.lookups();
        assert!(
            (5..60).contains(&lookups),
            "{lookups} look-ups, with growing waits"
        );
        world.pass(25 * HOUR).await;
        assert!(world.stored(ANNA).is_empty());
    });
}

#[test]
fn a_late_answer_that_twilio_refuses_for_good_ends_and_is_logged_by_code() {
    run(|| async {
        let world = World::new();
        let long: &'static str = Box::leak("All is well. ".repeat(200).into_boxed_str());
        world.model([after(11_000, Act::Say(long))]);
        world.twilio([Act::Status(
            400,
            r#"{"code":21610,"message":"planted-error-text","status":400}"#,
        )]);
        world.text(ANNA, "Hello").await;
        world.pass(HOUR / 2).await;
        assert!(
            world.sent().is_empty(),
            "the other parts are not sent either"
        );
        let events = world.events_named("late_part");
        assert_eq!(
            (
                events.len(),
                events[0]["outcome"].as_str(),
                events[0]["code"].as_u64()
            ),
            (1, Some("refused"), Some(21610))
        );
        assert!(!world.log_text().contains("planted"));
    });
}

#[test]
fn a_late_answer_goes_out_although_the_token_that_verified_it_was_rotated_away() {
    run(|| async {
        let newer = "fedcba9876543210fedcba9876543210";
        let world = World::with(&[("TWILIO_AUTH_TOKEN", &format!("{},{newer}", world::TOKEN))]);
        world.model([after(11_000, Act::Say("late"))]);
        world.twilio([Act::Status(401, r#"{"code":20003,"status":401}"#)]);
        world.text(ANNA, "Hello").await;
        world.pass(20 * SECOND).await;
        assert_eq!(world.sent(), ["late"]);
        assert_eq!(world.rest_tokens(), [world::TOKEN, newer]);
    });
}

#[test]
fn a_send_that_a_second_token_made_is_awaited_as_long_as_any_other_before_it_is_made_again() {
    run(|| async {
        let world = World::with(&[(
            "TWILIO_AUTH_TOKEN",
            &format!("{},fedcba9876543210fedcba9876543210", world::TOKEN),
        )]);
        world.model([after(11_000, Act::Say("late"))]);
        world.twilio([
            after(9000, Act::Status(401, r#"{"code":20003,"status":401}"#)),
            after(29_000, Act::Say("")),
        ]);
        world.text(ANNA, "Hello").await;
        world.pass(120 * SECOND).await;
        assert_eq!(world.sent(), ["late"]);
    });
}

#[test]
fn typing_is_shown_on_whatsapp_once_a_turn_takes_two_seconds_and_its_failure_changes_nothing() {
    run(|| async {
        let world = World::new();
        world.model([
            Act::Say("quick"),
            after(3000, Act::Say("slow")),
            after(3000, Act::Say("slow on SMS")),
        ]);
        let (anna, sid, started) = ("whatsapp:+15550100", fresh_sid(), world.now());
        assert_eq!(world.text(anna, "one").await, ["quick"]);
        assert_eq!(world.message(anna, "two", &sid).await, ["slow"]);
        assert_eq!(world.text(BEN, "three").await, ["slow on SMS"]);
        let typing = world.typing();
        assert_eq!(typing.len(), 1);
        assert!(typing[0].0.since(started) >= 2 * SECOND);
        assert_eq!(typing[0].1, format!("messageId={sid}&channel=whatsapp"));
    });
}

// The object vanishes.

#[test]
fn a_turn_that_was_cut_off_is_run_again_once_and_answered_by_rest() {
    run(|| async {
        let world = World::with(&[("MAX_DAILY_CALLS", "2")]);
        world.model([
            after(5000, Act::Say("lost with the object")),
            after(1000, Act::Say("answer")),
        ]);
        let killed = async {
            world.pass(2 * SECOND).await;
            world.kill(ANNA);
        };
        let fresh = fresh_sid();
        let (response, ()) = futures_util::join!(world.try_message(ANNA, "Hello", &fresh), killed);
        assert_eq!(
            response.status, 503,
            "Twilio may try again, or its fallback"
        );
        world.pass(60 * SECOND).await;
        assert_eq!(world.sent(), ["answer"]);
        assert_eq!(world.model_requests().len(), 2);
        assert!(
            world.text(BEN, "Hi").await[0].starts_with("Sorry"),
            "both requests were counted"
        );
    });
}

#[test]
fn a_retry_after_the_object_vanished_carries_the_answer() {
    run(|| async {
        let world = World::new();
        world.model([
            after(5000, Act::Say("lost")),
            after(1000, Act::Say("answer")),
        ]);
        let sid = fresh_sid();
        let killed = async {
            world.pass(2 * SECOND).await;
            world.kill(ANNA);
        };
        let (first, ()) = futures_util::join!(world.try_message(ANNA, "Hello", &sid), killed);
        assert_eq!(first.status, 503);
        assert_eq!(world.message(ANNA, "Hello", &sid).await, ["answer"]);
        world.pass(HOUR / 2).await;
        assert!(world.sent().is_empty());
        assert_eq!(world.model_requests().len(), 2);
    });
}

#[test]
fn a_turn_that_is_cut_off_twice_ends_with_an_apology() {
    run(|| async {
        let world = World::new();
        world.model([
            after(8000, Act::Say("lost")),
            after(8000, Act::Say("lost too")),
            Act::Say("never asked for"),
        ]);
        let kills = async {
            for _ in 0..2 {
                world.pass(12 * SECOND).await;
                world.kill(ANNA);
            }
        };
        world.kill(ANNA);
        let killed_at_once = async {
            world.pass(SECOND).await;
            world.kill(ANNA);
        };
        let fresh = fresh_sid();
        let (_, (), ()) = futures_util::join!(
            world.try_message(ANNA, "Hello", &fresh),
            killed_at_once,
            kills
        );
        world.pass(120 * SECOND).await;
        assert_eq!(
            world.sent(),
            ["Sorry, I can't answer right now. Please try again in a few minutes."]
        );
        assert_eq!(world.model_requests().len(), 2);
        assert_eq!(
            world.events_named("turn").last().unwrap()["failure"],
            "interrupted"
        );
    });
}

#[test]
fn a_part_that_was_being_sent_when_the_object_vanished_is_looked_for_and_comes_once() {
    // Twilio acts on it or not, whether the object still listens or has vanished.
    for act in [
        after(3000, Act::Say("")),
        after(3000, Act::Drop),
        after(1000, Act::Say("")),
    ] {
        run(|| async {
            let world = World::new();
            world.model([after(11_000, Act::Say("answer"))]);
            world.twilio([act.clone()]);
            world.text(ANNA, "Hello").await;
            world.pass(2 * SECOND).await;
            world.kill(ANNA);
            world.pass(120 * SECOND).await;
            assert_eq!(world.sent(), ["answer"]);
        });
    }
}

// Stores fail.

#[test]
fn an_alarm_that_fails_sets_one_of_its_own_before_the_runtime_rings_no_more() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "Hello").await;
        world.pass(SECOND).await;
        let due = world.alarm(ANNA).unwrap();
        world.commits_fail(ANNA, 1);
        world.pass(due.since(world.now())).await;
        world.pass(SECOND).await;
        assert_eq!(world.alarm(ANNA), Some(due.plus(10 * SECOND)));
        assert_eq!(world.events_named("object_failed").len(), 1);
        world.pass(25 * HOUR).await;
        assert!(world.stored(ANNA).is_empty());
    });
}

#[test]
fn a_message_that_could_not_be_stored_is_not_taken_in() {
    run(|| async {
        let world = World::new();
        let sid = fresh_sid();
        world.storage_fails(ANNA, true);
        let response = world.post(&webhook(ANNA, "Hello", &sid)).await;
        assert_eq!(response.status, 503);
        assert!(
            world.model_requests().is_empty(),
            "nothing is sent before the message is stored"
        );
        world.storage_fails(ANNA, false);
        assert_eq!(
            world.message(ANNA, "Hello", &sid).await,
            ["answer to Hello"]
        );
    });
}

#[test]
fn a_stored_state_that_cannot_be_read_is_logged_and_does_not_lock_the_sender_out() {
    // The last is readable, and would have a copy of its message wait for ever.
    let torn = include_str!("vectors/sender_state_v1.json")
        .trim()
        .replace("{\"answer\":1}", "\"waiting\"");
    for (value, reason) in [
        ("", "state_unreadable"),
        ("{}", "state_unreadable"),
        ("{\"v\":2}", "state_unreadable"),
        ("[1]", "state_unreadable"),
        (&torn, "state_salvaged"),
    ] {
        run(|| async {
            let world = World::new();
            world.overwrite_storage(ANNA, "state", value);
            assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
            assert_eq!(world.events_named("internal_error")[0]["reason"], reason);
            assert!(!world.log_text().contains(ANNA));
        });
    }
}

/// Pinned: a deploy meets the state that the release before it stored.
#[test]
fn the_stored_state_is_version_1_and_is_still_read() {
    run(|| async {
        let world = World::new();
        let pinned = include_str!("vectors/sender_state_v1.json").trim();
        world.overwrite_storage(ANNA, "state", pinned);
        let seen = "SM000000000000000000000000000000aa";
        assert_eq!(
            world.message(ANNA, "one", seen).await,
            NOTHING,
            "its answer is not in the state of that release"
        );
        world.text(ANNA, "three").await;
        assert_eq!(
            users(&world.model_requests()[0]),
            ["two", "three"],
            "with the turn that KV does not have"
        );
    });
}

#[test]
fn a_conversation_that_kv_does_not_give_is_treated_as_empty_and_logged() {
    for (value, reason) in [
        ("{\"v\":", "corrupt"),
        ("{\"v\":99,\"turns\":[]}", "unknown_version"),
    ] {
        run(|| async {
            let world = World::new();
            world.text(ANNA, "one").await;
            world.pass(20 * SECOND).await;
            world.overwrite_kv(value);
            world.kill(ANNA);
            assert_eq!(world.text(ANNA, "two").await, ["answer to two"]);
            assert_eq!(users(&world.model_requests()[1]), ["two"]);
            assert_eq!(
                world.events_named("conversation_unreadable")[0]["reason"],
                reason
            );
        });
    }
}

#[test]
fn that_kv_has_taken_a_turn_is_stored_with_the_next_step_and_when_it_is_lost_the_same_revision_is_written_again()
 {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        assert_eq!(world.kv_keys().len(), 1);
        assert!(
            world.stored(ANNA)["state"].contains("\"user\":\"one\""),
            "not stored yet"
        );
        world.kill(ANNA);
        world.pass(20 * SECOND).await;
        assert_eq!(
            world.kv_keys().len(),
            1,
            "the pretend KV would not take other contents"
        );
        assert!(!world.stored(ANNA)["state"].contains("\"user\""));
        world.text(ANNA, "two").await;
        assert_eq!(users(&world.model_requests()[1]), ["one", "two"]);
    });
}

#[test]
fn a_turn_that_kv_did_not_take_is_kept_and_saved_later() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        world.kv_fails(true);
        assert_eq!(
            world.text(ANNA, "two").await,
            ["answer to two"],
            "the answer goes out all the same"
        );
        assert_eq!(world.text(ANNA, "three").await, ["answer to three"]);
        world.pass(20 * SECOND).await;
        world.kv_fails(false);
        world.kill(ANNA);
        world.text(ANNA, "four").await;
        assert_eq!(
            users(&world.model_requests()[3]),
            ["one", "two", "three", "four"]
        );
        assert!(world.events_named("kv_failed").len() >= 2);
        world.pass(600 * SECOND).await;
        assert!(
            !world.stored(ANNA)["state"].contains("\"user\""),
            "the object keeps no turn that KV has"
        );
        assert!(world.kv_values().last().unwrap().contains("three"));
    });
}

#[test]
fn a_conversation_that_kv_could_not_give_for_a_while_is_not_lost() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(20 * SECOND).await;
        world.kill(ANNA);
        world.kv_fails(true);
        world.text(ANNA, "two").await;
        assert_eq!(
            users(&world.model_requests()[1]),
            ["two"],
            "the answer does not wait for KV"
        );
        assert_eq!(
            world.events_named("conversation_unreadable")[0]["reason"],
            "kv_failed"
        );
        world.kv_fails(false);
        world.kv_read_takes(20 * SECOND);
        let started = world.now();
        world.text(ANNA, "three").await;
        assert_eq!(users(&world.model_requests()[2]), ["two", "three"]);
        assert!(
            world.now().since(started) < 6 * SECOND,
            "nor for a slow one"
        );
        world.kv_read_takes(Duration::from_millis(5));
        world.text(ANNA, "four").await;
        assert_eq!(
            users(&world.model_requests()[3]),
            ["one", "two", "three", "four"]
        );
        world.pass(HOUR / 2).await;
        assert!(world.kv_values().last().unwrap().contains("one"));
    });
}

#[test]
fn a_turn_that_ends_while_a_save_still_loads_the_conversation_is_not_lost() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        world.kv_fails(true);
        world.text(ANNA, "two").await;
        world.kill(ANNA);
        world.kv_fails(false);
        world.kv_read_takes(4 * SECOND);
        world.pass(6 * SECOND).await; // the alarm's save is loading
        world.kv_read_takes(Duration::ZERO);
        world.text(ANNA, "three").await;
        world.pass(20 * SECOND).await;
        world.kill(ANNA);
        world.text(ANNA, "four").await;
        assert_eq!(
            users(&world.model_requests()[3]),
            ["one", "two", "three", "four"]
        );
    });
}

#[test]
fn a_turn_that_ends_while_kv_is_being_written_is_saved_too() {
    run(|| async {
        let world = World::new();
        world.kv_write_takes(2 * SECOND);
        world.text(ANNA, "one").await;
        world.text(ANNA, "two").await;
        world.pass(5 * SECOND).await;
        world.kill(ANNA);
        world.text(ANNA, "three").await;
        assert_eq!(users(&world.model_requests()[2]), ["one", "two", "three"]);
    });
}

#[test]
fn a_turn_ends_on_time_although_its_webhook_has_left_and_the_alarm_is_late() {
    run(|| async {
        let world = World::new();
        world.alarms_late_by(40 * SECOND);
        world.model([after(12_000, Act::Say("slow answer"))]);
        world.text(ANNA, "Hello").await;
        world.pass(3 * SECOND).await;
        assert_eq!(world.events_named("turn").len(), 1);
        world.pass(60 * SECOND).await;
        assert_eq!(world.sent(), ["slow answer"]);
    });
}

#[test]
fn a_reset_deletes_a_revision_whose_write_came_through_although_it_failed() {
    run(|| async {
        let world = World::new();
        world.kv_acts_and_fails(true);
        world.text(ANNA, "a private question").await;
        world.pass(SECOND).await;
        assert_eq!(world.kv_keys().len(), 1);
        world.kv_acts_and_fails(false);
        world.text(ANNA, "reset").await;
        world.pass(SECOND).await;
        assert!(world.kv_keys().is_empty());
    });
}

// Rows.

#[test]
fn five_messages_of_one_sender_write_no_more_rows_than_the_promises_need() {
    // A minute is the lifetime that `npm run bench` measures with.
    for ttl in ["3600", "60"] {
        run(|| async {
            let world = World::with(&[("CONVERSATION_TTL_SECONDS", ttl)]);
            world.objects_last(10 * SECOND);
            let mut rows = Vec::new();
            let (mut written, mut rung) = (0, 0);
            let mut note = |what: &'static str| {
                rows.push((what, world.rows(ANNA) - written, world.alarms(ANNA) - rung));
                (written, rung) = (world.rows(ANNA), world.alarms(ANNA));
            };
            for (gap, text) in [
                (0, "one"),
                (3, "two"),
                (3, "three"),
                (25, "four"),
                (25, "five"),
            ] {
                world.pass(gap * SECOND).await;
                note("meanwhile");
                assert_eq!(world.text(ANNA, text).await, [format!("answer to {text}")]);
                note(text);
            }
            world.pass(40 * SECOND).await;
            note("meanwhile");
            world.pass(25 * HOUR).await;
            note("until expired");
            assert!(world.stored(ANNA).is_empty());
            let expected = [
                ("meanwhile", 0, 0),
                // Taken in, the alarm for the turn, ended.
                ("one", 3, 0),
                ("meanwhile", 0, 0),
                ("two", 2, 0),
                ("meanwhile", 0, 0),
                ("three", 2, 0),
                // That KV has the turns, so that their texts go; the alarm for the counts.
                ("meanwhile", 2, 1),
                ("four", 3, 0),
                ("meanwhile", 2, 1),
                ("five", 3, 0),
                ("meanwhile", 2, 1),
                // The counts are taken away, to be reported; the alarm for the end. That one empties storage, which is no row.
                // What the day has cost is left, and goes at midnight: a write, and the alarm for it.
                ("until expired", 4, 3),
            ];
            assert_eq!(rows, expected);
            assert_eq!(
                (world.budget_rows(), world.kv_reads()),
                (6, 2),
                "five reservations and a report; two that found no object"
            );
        });
    }
}

#[test]
fn an_alarm_after_which_the_state_is_stored_already_writes_nothing_but_the_next_alarm() {
    run(|| async {
        let world = World::new();
        world.model([after(11_000, Act::Say("late"))]);
        world.twilio([Act::Later("1"), Act::Later("1")]);
        world.text(ANNA, "Hello").await;
        world.pass(2 * SECOND).await;
        let (rows, alarms) = (world.rows(ANNA), world.alarms(ANNA));
        world.pass(3 * SECOND).await;
        assert_eq!(
            (world.rows(ANNA) - rows, world.alarms(ANNA) - alarms),
            (3, 1),
            "before it is sent, after it was not, the alarm"
        );
        world.pass(5 * SECOND).await;
        assert_eq!(world.sent(), ["late"]);
    });
}

// Answers.

/// An answer of 1400 characters, of which six are too many for the state.
fn long_answer(number: usize) -> String {
    format!("{number}. {}", "word ".repeat(279))
        .trim_end()
        .to_owned()
}

/// Writes messages that get these long answers, and returns their ids.
async fn long_answers(
    world: &World,
    numbers: std::ops::RangeInclusive<usize>,
) -> Vec<(String, usize)> {
    let mut sids = Vec::new();
    for number in numbers {
        world.model([Act::Say(long_answer(number).leak())]);
        let sid = fresh_sid();
        assert_eq!(
            world.message(ANNA, "at length", &sid).await,
            [long_answer(number)]
        );
        world.pass(SECOND).await;
        sids.push((sid, number));
    }
    sids
}

#[test]
fn copies_get_the_same_answers_again_when_those_are_too_many_for_the_state() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "100")]);
        let sids = long_answers(&world, 1..=14).await;
        let keys: Vec<String> = world.stored(ANNA).into_keys().collect();
        assert_eq!(keys, ["answers/10", "answers/5", "state"]);
        assert!(world.stored(ANNA)["state"].len() < 16_000);
        let rows = world.rows(ANNA);
        for killed in [false, true] {
            for (sid, number) in &sids {
                assert_eq!(
                    world.message(ANNA, "at length", sid).await,
                    [long_answer(*number)]
                );
            }
            if !killed {
                world.kill(ANNA);
            }
        }
        assert_eq!(
            (world.model_requests().len(), world.rows(ANNA)),
            (14, rows),
            "and cost nothing"
        );
    });
}

#[test]
fn a_reset_an_opt_out_and_an_erasure_take_all_answers_back_at_once() {
    for (command, left, keys) in [
        ("reset", 1, vec!["state"]),
        ("STOP", 0, vec!["opted_out", "state"]),
        ("delete my data", 0, vec!["state"]),
    ] {
        run(|| async {
            let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "100")]);
            let sids = long_answers(&world, 1..=8).await;
            world.kv_fails(true);
            world.text(ANNA, command).await;
            let stored = world.stored(ANNA);
            assert_eq!(stored.keys().collect::<Vec<_>>(), keys, "{command}");
            assert_eq!(
                stored["state"].matches("\"text\":\"").count(),
                left,
                "{command}: the reset's own answer at most"
            );
            for (sid, _) in sids {
                assert_eq!(
                    world.message(ANNA, "at length", &sid).await,
                    NOTHING,
                    "{command}"
                );
            }
        });
    }
}

#[test]
fn an_answer_that_lies_beside_the_state_goes_on_time_and_the_others_of_its_row_stay() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "100")]);
        let first = long_answers(&world, 1..=1).await.remove(0).0;
        world.pass(HOUR / 2).await;
        let sids = long_answers(&world, 2..=6).await;
        let row = |world: &World| world.stored(ANNA).get("answers/5").cloned();
        assert!(row(&world).unwrap().contains("1. word"));
        world.pass(HOUR / 2).await;
        world.text(ANNA, "Hello").await;
        let (text, second) = (row(&world).unwrap(), &sids[0].0);
        assert!(!text.contains("1. word") && text.contains("2. word"));
        assert_eq!(
            world.message(ANNA, "at length", second).await,
            [long_answer(2)]
        );
        assert_ne!(
            world.message(ANNA, "at length", &first).await,
            [long_answer(1)]
        );
        world.pass(HOUR / 2 + 60 * SECOND).await;
        world.text(ANNA, "Hello again").await;
        assert_eq!(row(&world), None);
    });
}

#[test]
fn an_erasure_deletes_again_what_came_to_kv_after_a_reset_had_deleted_it() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "a private question").await;
        world.pass(SECOND).await;
        let (key, value) = (world.kv_keys().remove(0), world.kv_values().remove(0));
        world.text(ANNA, "reset").await;
        world.pass(SECOND).await;
        assert!(world.kv_keys().is_empty());
        world.write_kv(&key, &value);
        world.text(ANNA, "delete my data").await;
        assert!(world.kv_keys().is_empty());
    });
}

// Time.

#[test]
fn everything_is_gone_when_the_conversation_expires() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "Hello").await;
        world.pass(HOUR - 2 * SECOND).await;
        assert!(!world.stored(ANNA).is_empty() && !world.kv_keys().is_empty());
        world.pass(4 * SECOND).await;
        assert_eq!(
            left(&world, ANNA),
            ["state.today", "state.turns"],
            "how many requests the day has cost"
        );
        assert!(world.kv_keys().is_empty());
        world.text(ANNA, "again").await;
        assert_eq!(users(&world.model_requests()[1]), ["again"]);
        world.pass(24 * HOUR).await;
        assert!(world.stored(ANNA).is_empty(), "{:?}", world.stored(ANNA));
        assert_eq!(world.alarm(ANNA), None);
    });
}

#[test]
fn an_expired_conversation_is_forgotten_although_the_alarm_is_late() {
    run(|| async {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(30 * SECOND).await;
        world.alarms_late_by(600 * SECOND);
        world.text(ANNA, "two").await;
        world.pass(HOUR + SECOND).await;
        assert!(!world.stored(ANNA).is_empty(), "the alarm has not rung yet");
        world.text(ANNA, "three").await;
        assert_eq!(users(&world.model_requests()[2]), ["three"]);
    });
}

#[test]
fn a_turn_that_kv_never_took_expires_with_its_conversation() {
    run(|| async {
        let world = World::new();
        world.kv_fails(true);
        world.text(ANNA, "one").await;
        world.alarms_late_by(600 * SECOND);
        world.pass(HOUR + SECOND).await;
        world.text(ANNA, "two").await;
        world.kv_fails(false);
        world.kill(ANNA);
        world.text(ANNA, "three").await;
        assert_eq!(users(&world.model_requests()[2]), ["two", "three"]);
    });
}

#[test]
fn a_turn_keeps_the_conversation_for_another_hour_and_old_answers_go_on_time() {
    run(|| async {
        let world = World::new();
        let sid = fresh_sid();
        world.message(ANNA, "one", &sid).await;
        world.pass(HOUR / 2).await;
        world.text(ANNA, "two").await;
        world.pass(HOUR / 2 + 60 * SECOND).await;
        world.text(ANNA, "three").await;
        assert_eq!(users(&world.model_requests()[2]), ["one", "two", "three"]);
        let state = world.stored(ANNA)["state"].clone();
        assert!(!state.contains("answer to one"), "it is older than an hour");
        assert!(state.contains("answer to two") && state.contains("answer to three"));
        world.pass(25 * HOUR).await;
        assert!(world.stored(ANNA).is_empty());
    });
}

#[test]
fn a_number_of_a_revision_is_not_given_again_while_kv_may_still_hold_it() {
    run(|| async {
        let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
        world.kv_fails(true);
        world.text(ANNA, "one").await;
        world.pass(30 * SECOND).await;
        world.kv_fails(false);
        world.pass(20 * SECOND).await;
        assert_eq!(
            world.kv_keys().len(),
            1,
            "saved late, with the least lifetime that KV takes: beyond the conversation's"
        );
        world.pass(20 * SECOND).await;
        world.text(ANNA, "two").await;
        world.pass(SECOND).await;
        let keys = world.kv_keys();
        assert_eq!(
            keys.len(),
            2,
            "the pretend KV refuses a key that changes: {keys:?}"
        );
        world.pass(25 * HOUR).await;
        assert!(world.stored(ANNA).is_empty());
    });
}

#[test]
fn fixed_answers_alone_leave_nothing_behind_either() {
    run(|| async {
        let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "1")]);
        world.text(ANNA, "").await;
        world.text(ANNA, "refused").await;
        world.pass(25 * HOUR).await;
        assert!(world.stored(ANNA).is_empty(), "{:?}", world.stored(ANNA));
    });
}

#[test]
fn a_conversation_that_expires_during_a_turn_was_there_when_it_began() {
    run(|| async {
        let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
        world.text(ANNA, "one").await;
        world.pass(55 * SECOND).await;
        world.model([after(8000, Act::Say("slow"))]);
        assert_eq!(world.text(ANNA, "two").await, ["slow"]);
        world.text(ANNA, "three").await;
        assert_eq!(users(&world.model_requests()[2]), ["one", "two", "three"]);
    });
}

#[test]
fn addresses_are_stored_only_while_a_turn_needs_them() {
    run(|| async {
        let world = World::new();
        world.model([after(1000, Act::Say("answer"))]);
        let during = async {
            world.pass(SECOND / 2).await;
            assert!(
                world.stored(ANNA)["state"].contains(ANNA),
                "a late answer would need it"
            );
        };
        futures_util::join!(world.text(ANNA, "Hello"), during);
        world.pass(SECOND).await;
        assert!(
            !world
                .stored(ANNA)
                .values()
                .any(|value| value.contains(ANNA))
        );
    });
}
