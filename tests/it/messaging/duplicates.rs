//! Copies of a message: each gets the same answer again, at no cost, from the stored answers.
//!
//! Not here: copies that come while the answer goes out by REST (`outbox`).

use futures_util::future::join_all;

use crate::support::{ANNA, Act, FakePlatform, HOUR, NOTHING, SECOND, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_duplicate_gets_the_same_answer_at_no_cost() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    let first = platform.message(ANNA, "Hello", &sid).await;
    assert_eq!(platform.message(ANNA, "Hello", &sid).await, first);
    platform.pass(SECOND).await;
    let commits = platform.commits(ANNA);
    assert_eq!(platform.message(ANNA, "Hello", &sid).await, first);
    assert_eq!(platform.commits(ANNA), commits, "nothing is written for it");
    platform.kill(ANNA);
    assert_eq!(
        platform.message(ANNA, "Hello", &sid).await,
        first,
        "after a restart too"
    );
    assert_eq!(platform.model_requests().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn fifty_duplicates_at_once_make_one_model_request_and_get_one_answer_fifty_times() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    let answers = join_all((0..50).map(|_| platform.message(ANNA, "Hello", &sid))).await;
    assert!(answers.iter().all(|answer| answer == &["answer to Hello"]));
    assert_eq!(answers.len(), 50);
    assert_eq!(platform.model_requests().len(), 1);
    assert_eq!(platform.events_named("turn").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_duplicate_of_a_fixed_answer_is_the_same_fixed_answer() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "2")]);
    let (empty, reset, limited) = (fresh_sid(), fresh_sid(), fresh_sid());
    let first = [
        platform.message(ANNA, "", &empty).await,
        platform.message(ANNA, "reset", &reset).await,
        platform.message(ANNA, "x", &limited).await,
    ];
    let again = [
        platform.message(ANNA, "", &empty).await,
        platform.message(ANNA, "reset", &reset).await,
        platform.message(ANNA, "x", &limited).await,
    ];
    assert_eq!(first, again);
    assert!(first[2][0].contains("try again in"));
}

/// An answer of 1400 characters. Six of them do not fit into the state.
fn long_answer(number: usize) -> String {
    format!("{number}. {}", "word ".repeat(279))
        .trim_end()
        .to_owned()
}

/// Sends messages that get these long answers, and returns their ids.
async fn long_answers(
    platform: &FakePlatform,
    numbers: std::ops::RangeInclusive<usize>,
) -> Vec<(String, usize)> {
    let mut sids = Vec::new();
    for number in numbers {
        platform.model([Act::Say(long_answer(number).leak())]);
        let sid = fresh_sid();
        assert_eq!(
            platform.message(ANNA, "at length", &sid).await,
            [long_answer(number)]
        );
        platform.pass(SECOND).await;
        sids.push((sid, number));
    }
    sids
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn copies_get_the_same_answers_again_when_those_are_too_many_for_the_state() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "100")]);
    let sids = long_answers(&platform, 1..=14).await;
    let keys: Vec<String> = platform.stored(ANNA).into_keys().collect();
    assert_eq!(keys, ["answers/10", "answers/5", "state"]);
    assert!(platform.stored(ANNA)["state"].len() < 16_000);
    let rows = platform.rows(ANNA);
    for killed in [false, true] {
        for (sid, number) in &sids {
            assert_eq!(
                platform.message(ANNA, "at length", sid).await,
                [long_answer(*number)]
            );
        }
        if !killed {
            platform.kill(ANNA);
        }
    }
    assert_eq!(
        (platform.model_requests().len(), platform.rows(ANNA)),
        (14, rows),
        "and cost nothing"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reset_an_opt_out_and_an_erasure_take_all_answers_back_at_once() {
    for (command, left, keys) in [
        ("reset", 1, vec!["state"]),
        ("STOP", 0, vec!["opted_out", "state"]),
        ("delete my data", 0, vec!["state"]),
    ] {
        let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "100")]);
        let sids = long_answers(&platform, 1..=8).await;
        platform.kv_fails(true);
        platform.text(ANNA, command).await;
        let stored = platform.stored(ANNA);
        assert_eq!(stored.keys().collect::<Vec<_>>(), keys, "{command}");
        assert_eq!(
            stored["state"].matches("\"text\":\"").count(),
            left,
            "{command}: the reset's own answer at most"
        );
        for (sid, _) in sids {
            assert_eq!(
                platform.message(ANNA, "at length", &sid).await,
                NOTHING,
                "{command}"
            );
        }
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_lies_beside_the_state_goes_on_time_and_the_others_of_its_row_stay() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "100")]);
    let first = long_answers(&platform, 1..=1).await.remove(0).0;
    platform.pass(HOUR / 2).await;
    let sids = long_answers(&platform, 2..=6).await;
    let row = |platform: &FakePlatform| platform.stored(ANNA).get("answers/5").cloned();
    assert!(row(&platform).unwrap().contains("1. word"));
    platform.pass(HOUR / 2).await;
    platform.text(ANNA, "Hello").await;
    let (text, second) = (row(&platform).unwrap(), &sids[0].0);
    assert!(!text.contains("1. word") && text.contains("2. word"));
    assert_eq!(
        platform.message(ANNA, "at length", second).await,
        [long_answer(2)]
    );
    assert_ne!(
        platform.message(ANNA, "at length", &first).await,
        [long_answer(1)]
    );
    platform.pass(HOUR / 2 + 60 * SECOND).await;
    platform.text(ANNA, "Hello again").await;
    assert_eq!(row(&platform), None);
}
