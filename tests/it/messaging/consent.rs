//! Opting out and in, HELP, and what becomes of answers to somebody who has opted out.
//!
//! Not here: the erasure of data (`erasure`).

use switchboard::messaging::keywords;
use switchboard::messaging::keywords::Keyword;
use switchboard::platform::Clock;

use super::{OPTED_IN, OPTED_OUT, left};
use crate::support::{
    ANNA, Act, CARL, FakePlatform, HOUR, NOTHING, SECOND, TOKEN, after, fresh_sid, texts, webhook,
};

fn typed(from: &str, body: &str, kind: &str) -> Vec<(String, String)> {
    let mut fields = webhook(from, body, &fresh_sid());
    fields.push(("OptOutType".to_owned(), kind.to_owned()));
    fields
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_contact_that_opts_out_is_sent_nothing_more_until_it_opts_in() {
    let platform = FakePlatform::new();
    for (from, confirmed) in [(ANNA, false), (CARL, true)] {
        let expect = |text: &str| {
            if confirmed {
                vec![text.to_owned()]
            } else {
                Vec::new()
            }
        };
        platform.text(from, "Hello").await;
        assert_eq!(platform.text(from, "stop").await, expect(OPTED_OUT));
        let asked = platform.model_requests().len();
        for text in [
            "Are you there?",
            "STOP",
            "help",
            "reset",
            "",
            "delete my data",
        ] {
            assert_eq!(platform.text(from, text).await, NOTHING, "{text}");
        }
        assert_eq!(
            platform.model_requests().len(),
            asked,
            "the model is asked nothing for it"
        );
        assert_eq!(platform.text(from, "start").await, expect(OPTED_IN));
        assert_eq!(
            platform.text(from, "Hello again").await,
            ["answer to Hello again"]
        );
    }
    assert!(platform.sent().is_empty());
    assert_eq!(platform.events_named("message_ignored").len(), 2 * 4);
    let states: Vec<_> = platform
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
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "1000")]);
    for (keyword, words) in keywords::WORDS {
        for word in *words {
            if *keyword != Keyword::OptOut {
                continue;
            }
            let upper = word.to_uppercase();
            assert_eq!(platform.text(CARL, &upper).await, [OPTED_OUT], "{word}");
            assert_eq!(platform.text(CARL, "Yes.").await, [OPTED_IN], "{word}");
            // A contact gets no more fixed replies than this on one day.
            platform.pass(2 * HOUR).await;
        }
    }
    assert_eq!(platform.text(CARL, "Yes.").await, ["answer to Yes."]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_of_other_languages_and_in_odd_letters_opt_out_and_are_confirmed_once() {
    let platform = FakePlatform::new();
    for from in [ANNA, CARL] {
        for word in [
            "ARRET",
            "ARRÊT",
            "Alto",
            "BAJA",
            "ＳＴＯＰ",
            "S\u{200b}TOP",
            "stop!",
        ] {
            assert_eq!(platform.text(from, word).await, [OPTED_OUT], "{word}");
            assert_eq!(platform.text(from, word).await, NOTHING, "{word}");
            assert_eq!(platform.text(from, "Hello").await, NOTHING);
            assert_eq!(platform.text(from, "start!").await, [OPTED_IN]);
            platform.pass(60 * SECOND).await;
        }
    }
    assert!(platform.model_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn twilio_confirms_its_own_words_and_the_account_s() {
    let platform = FakePlatform::new();
    for word in ["STOP", "stopall", "Unsubscribe", "END"] {
        assert_eq!(platform.text(ANNA, word).await, NOTHING, "{word}");
        assert_eq!(platform.text(ANNA, "yes").await, NOTHING, "{word}");
    }
    platform.pass(60 * SECOND).await;
    for from in [ANNA, CARL] {
        let stop = platform.post(&typed(from, "ADIEU", "STOP")).await;
        assert_eq!(texts(&stop.body), NOTHING);
        assert_eq!(platform.text(from, "Hello").await, NOTHING);
        let start = platform.post(&typed(from, "SALUT", "START")).await;
        assert_eq!(texts(&start.body), NOTHING);
        assert_eq!(platform.text(from, "Hello").await, ["answer to Hello"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn fixed_texts_are_in_the_language_and_in_the_operators_words() {
    let platform = FakePlatform::with(&[
        ("LANGUAGE", "de"),
        ("TEXTS", r#"{"reset":"Neu!","too_long":"Nur {limit}."}"#),
        ("MAX_MESSAGE_CHARS", "10"),
    ]);
    assert_eq!(platform.text(CARL, "").await, ["Bitte senden Sie Text."]);
    assert_eq!(platform.text(CARL, "more than ten").await, ["Nur 10."]);
    assert_eq!(platform.text(CARL, "Neustart").await, ["Neu!"]);
    assert!(platform.text(CARL, "Hilfe").await[0].contains("MEINE DATEN LÖSCHEN"));
    assert_eq!(
        platform.text(CARL, "Meine Daten löschen").await,
        ["Ihre Daten sind gelöscht."]
    );
    platform.model([Act::Status(401, "")]);
    assert_eq!(
        platform.text(CARL, "Hallo").await,
        [
            "Leider kann ich gerade nicht antworten. Bitte versuchen Sie es in ein paar Minuten wieder."
        ]
    );
    assert_eq!(
        platform.text(CARL, "abmelden").await,
        [
            "Sie bekommen keine Nachrichten mehr von uns. Antworten Sie START, wenn Sie es sich anders überlegen."
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_twilio_took_for_a_keyword_is_obeyed_and_twilio_has_answered_help() {
    let platform = FakePlatform::new();
    assert_eq!(
        texts(&platform.post(&typed(ANNA, "AIDE", "HELP")).await.body),
        NOTHING
    );
    assert_eq!(
        texts(&platform.post(&typed(ANNA, "ARRET", "STOP")).await.body),
        NOTHING
    );
    assert_eq!(platform.text(ANNA, "Hello").await, NOTHING);
    assert_eq!(
        texts(&platform.post(&typed(ANNA, "DEBUT", "START")).await.body),
        NOTHING
    );
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn help_is_answered_in_the_operators_words_without_the_model() {
    let platform = FakePlatform::with(&[("HELP_TEXT", "Ring +1 555 0199.")]);
    for word in ["HELP", "info?"] {
        assert_eq!(platform.text(ANNA, word).await, ["Ring +1 555 0199."]);
    }
    assert!(FakePlatform::new().text(ANNA, "help").await[0].contains("DELETE MY DATA"));
    assert!(platform.model_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_under_way_is_not_sent_to_a_contact_that_opts_out() {
    let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", "0")]);
    platform.model([after(20_000, Act::Say("too late"))]);
    let (during, waits, stop) = (
        platform.text(ANNA, "slow"),
        async {
            platform.pass(SECOND).await;
            platform.text(ANNA, "waits").await
        },
        async {
            platform.pass(2 * SECOND).await;
            platform.text(ANNA, "STOP").await
        },
    );
    let (during, waits, stop) = tokio::join!(during, waits, stop);
    assert_eq!((during.len(), waits.len(), stop.len()), (0, 0, 0));
    assert_eq!(
        platform.now().since(platform.started()),
        2 * SECOND,
        "nobody waits for what will not come"
    );
    platform.pass(HOUR / 2).await;
    assert!(platform.sent().is_empty());
    assert_eq!(platform.model_requests().len(), 1);
    let turn = &platform.events_named("turn")[0];
    assert_eq!(
        (turn["outcome"].as_str(), turn["reply_via"].as_str()),
        (Some("cancelled"), Some("none"))
    );
    assert_eq!(
        (turn["failure"].as_str(), turn["model_requests"].as_u64()),
        (Some("cancelled"), Some(1))
    );
    assert_eq!(platform.events_named("consent")[0]["dropped_messages"], 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_is_not_tried_with_another_token_after_its_contact_has_opted_out() {
    let platform = FakePlatform::with(&[(
        "TWILIO_AUTH_TOKEN",
        &format!("{TOKEN},fedcba9876543210fedcba9876543210"),
    )]);
    platform.model([after(12_000, Act::Say("slow"))]);
    platform.twilio([after(4000, Act::Status(401, ""))]);
    platform.text(CARL, "Hello").await;
    platform.pass(3 * SECOND).await;
    assert_eq!(platform.rest_tokens().len(), 1, "the first is being tried");
    platform.text(CARL, "STOP").await;
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.rest_tokens().len(), 1);
    assert!(platform.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn parts_that_are_not_sent_yet_are_not_sent_to_a_contact_that_opts_out() {
    let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
    let long: &'static str = Box::leak("All is well. ".repeat(300).into_boxed_str());
    platform.model([after(12_000, Act::Say(long))]);
    platform.twilio([after(50, Act::Say("")), after(5000, Act::Say(""))]);
    assert_eq!(platform.text(ANNA, "slow and long").await, NOTHING);
    platform.pass(4 * SECOND).await;
    assert_eq!(
        platform.sent().len(),
        1,
        "the second one is on its way to Twilio"
    );
    platform.text(ANNA, "STOP").await;
    platform.text(ANNA, "START").await;
    platform.model([after(12_000, Act::Say("the next answer by REST"))]);
    assert_eq!(platform.text(ANNA, "slow again").await, NOTHING);
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent().len(), 3);
    assert_eq!(
        platform.sent()[2],
        "the next answer by REST",
        "whole, though the old one's end came in between"
    );
    assert_eq!(platform.events_named("consent")[0]["dropped_parts"], 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_copy_brings_no_answer_to_a_contact_that_has_opted_out() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    assert_eq!(
        platform.message(CARL, "Hello", &sid).await,
        ["answer to Hello"]
    );
    let stop = fresh_sid();
    assert_eq!(platform.message(CARL, "STOP", &stop).await, [OPTED_OUT]);
    assert_eq!(
        platform.message(CARL, "STOP", &stop).await,
        [OPTED_OUT],
        "the same webhook, again"
    );
    assert_eq!(platform.message(CARL, "Hello", &sid).await, NOTHING);
    assert!(
        !platform
            .stored(CARL)
            .keys()
            .any(|key| key.starts_with("answer")),
        "nothing is kept to be sent"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_survives_everything_and_is_all_that_stays() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "Hello").await;
    platform.text(ANNA, "STOP").await;
    platform.pass(3 * HOUR).await;
    assert_eq!(
        left(&platform, ANNA),
        ["opted_out", "state.share", "state.turns"]
    );
    platform.pass(24 * HOUR).await;
    assert_eq!(left(&platform, ANNA), ["opted_out"]);
    assert_eq!(platform.alarm(ANNA), None);
    platform.kill(ANNA);
    assert_eq!(platform.text(ANNA, "Hello").await, NOTHING);
    platform.text(ANNA, "START").await;
    platform.pass(24 * HOUR).await;
    assert!(platform.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn stop_start_and_erasure_are_obeyed_over_the_rate_limit_without_a_word() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "1")]);
    platform.text(CARL, "Hello").await;
    platform.pass(SECOND).await;
    assert_eq!(platform.text(CARL, "delete my data").await, NOTHING);
    assert!(platform.kv_keys().is_empty());
    assert_eq!(platform.text(CARL, "STOP").await, NOTHING);
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.text(CARL, "Hello").await, NOTHING);
    assert_eq!(platform.text(CARL, "START").await, NOTHING);
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.text(CARL, "Hello").await, ["answer to Hello"]);
}
