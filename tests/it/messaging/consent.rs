//! Opting out and in, HELP, and what becomes of answers to somebody who has opted out.
//!
//! Not here: the erasure of data (`erasure`).

use switchboard::command;
use switchboard::command::Command;
use switchboard::platform::Clock;

use super::{OPTED_IN, OPTED_OUT, left};
use crate::support::{
    ANNA, Act, CARL, HOUR, NOTHING, SECOND, TOKEN, World, after, fresh_sid, texts, webhook,
};

fn typed(from: &str, body: &str, kind: &str) -> Vec<(String, String)> {
    let mut fields = webhook(from, body, &fresh_sid());
    fields.push(("OptOutType".to_owned(), kind.to_owned()));
    fields
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_sender_that_opts_out_is_sent_nothing_more_until_it_opts_in() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn every_word_that_opts_out_does_and_yes_opts_in_only_while_opted_out() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_twilio_took_for_a_keyword_is_obeyed_and_twilio_has_answered_help() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn help_is_answered_in_the_operators_words_without_the_model() {
    let world = World::with(&[("HELP_TEXT", "Ring +1 555 0199.")]);
    for word in ["HELP", "info?"] {
        assert_eq!(world.text(ANNA, word).await, ["Ring +1 555 0199."]);
    }
    assert!(World::new().text(ANNA, "help").await[0].contains("DELETE MY DATA"));
    assert!(world.model_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_under_way_is_not_sent_to_a_sender_that_opts_out() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_is_not_tried_with_another_token_after_its_sender_has_opted_out() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn parts_that_are_not_sent_yet_are_not_sent_to_a_sender_that_opts_out() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_copy_brings_no_answer_to_a_sender_that_has_opted_out() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_survives_everything_and_is_all_that_stays() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn stop_start_and_erasure_are_obeyed_over_the_rate_limit_without_a_word() {
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
}
