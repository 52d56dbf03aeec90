//! Copies of a message: each gets the same answer again, at no cost, from the stored answers.
//!
//! Not here: copies that come while the answer is late (`outbox`).

use futures_util::future::join_all;

use crate::support::{ANNA, Act, HOUR, NOTHING, SECOND, World, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_duplicate_gets_the_same_answer_at_no_cost() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn fifty_duplicates_at_once_make_one_model_request_and_get_one_answer_fifty_times() {
    let world = World::new();
    let sid = fresh_sid();
    let answers = join_all((0..50).map(|_| world.message(ANNA, "Hello", &sid))).await;
    assert!(answers.iter().all(|answer| answer == &["answer to Hello"]));
    assert_eq!(answers.len(), 50);
    assert_eq!(world.model_requests().len(), 1);
    assert_eq!(world.events_named("turn").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_duplicate_of_a_fixed_answer_is_the_same_fixed_answer() {
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
}

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

#[tokio::test(flavor = "local", start_paused = true)]
async fn copies_get_the_same_answers_again_when_those_are_too_many_for_the_state() {
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reset_an_opt_out_and_an_erasure_take_all_answers_back_at_once() {
    for (command, left, keys) in [
        ("reset", 1, vec!["state"]),
        ("STOP", 0, vec!["opted_out", "state"]),
        ("delete my data", 0, vec!["state"]),
    ] {
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
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_lies_beside_the_state_goes_on_time_and_the_others_of_its_row_stay() {
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
}
