//! The simulation of synthetic conversations: the real runs, batches, list and budget over a platform that fails at random,
//! with an operator who interferes, and what must hold whatever happens.
//!
//! `cargo test --test it synthetic::simulation` runs 2000 seeds; `SEEDS=n` runs a tenth of n, `SEED=n` exactly that one with every
//! event. Not here: single scenarios (`synthetic::failures`), and messages (`simulation`), whose executor this uses.

mod alarms;
mod checks;
mod coverage;
mod faults;
mod model;
mod mutation;
mod operator;
mod ports;
mod transcripts;
mod world;

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::simulation::{
    executor::{OUTSIDE, Step},
    run::{self, Run, number, print, run_all, words_of},
};
use coverage::EVERYTHING;
use faults::DAY;
use mutation::Mutation;
use world::World;

const SEEDS: u64 = 2000;
/// The longest run: a day for each run that waits for a budget, and one in which runs remember their end.
const LONGEST: u64 = 15 * DAY;
const MOST_STEPS: u64 = 2_000_000;

#[test]
fn every_run_is_accounted_for_once_within_its_limits_whatever_fails() {
    if let Some(seed) = number("SEED") {
        let run = run(seed, None, true);
        print(&run.trace.join("\n"));
        print(&format!("seed {seed}: {} checks", run.checks));
        assert_eq!(run.breach, None, "seed {seed}");
        return;
    }
    let first = number("FIRST_SEED").unwrap_or(1);
    let seeds = number("SEEDS").map_or(SEEDS, |seeds| seeds / 10);
    let total = run_all(first, seeds, |seed| run(seed, None, false));
    print(&format!(
        "simulation of synthetic conversations: {} seeds from {first}, {} checks",
        total.seeds, total.checks
    ));
    if std::env::var("COUNTERS").is_ok() {
        for (what, times) in &total.counters {
            print(&format!("{times:>10}  {what}"));
        }
    }
    if let Some((seed, breach)) = total.breach {
        print(&run(seed, None, true).trace.join("\n"));
        panic!(
            "seed {seed}: {breach}\nTo see it again: SEED={seed} cargo test --test it synthetic::simulation"
        );
    }
}

#[test]
fn every_kind_of_fault_and_of_end_comes_about() {
    if number("SEED").is_some() {
        return;
    }
    let total = run_all(1, 1000, |seed| run(seed, None, false));
    for what in EVERYTHING {
        let times = total.counters.get(what).copied().unwrap_or_default();
        assert!(times > 0, "never in {} seeds: {what}", total.seeds);
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 1..20 {
        let (first, second) = (run(seed, None, true), run(seed, None, true));
        assert!(first.trace.len() > 5);
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}

#[test]
fn a_request_that_is_counted_after_it_was_made_is_noticed() {
    must_break(Mutation::CountedAfter, 50);
}

#[test]
fn a_record_that_is_stored_twice_is_noticed() {
    must_break(Mutation::RecordForgotten, 200);
}

#[test]
fn a_reservation_that_is_given_back_twice_is_noticed() {
    must_break(Mutation::ReleasedTwice, 200);
}

#[test]
fn a_reservation_that_is_given_back_on_another_day_is_noticed() {
    must_break(Mutation::ReleasedOnAnyDay, 400);
}

#[test]
fn a_goodbye_that_is_ignored_is_noticed() {
    must_break(Mutation::GoodbyeIgnored, 100);
}

#[test]
fn a_line_that_is_stored_before_it_is_complete_is_noticed() {
    must_break(Mutation::HalfALine, 50);
}

#[test]
fn a_line_that_is_stored_twice_is_noticed() {
    must_break(Mutation::LineTwice, 50);
}

#[test]
fn a_cap_that_is_asked_for_a_line_and_not_for_a_run_is_noticed() {
    must_break(Mutation::CapPerLine, 50);
}

#[test]
fn an_error_that_is_spoken_is_noticed() {
    must_break(Mutation::ErrorSpoken, 100);
}

#[test]
fn an_alarm_that_is_not_set_again_is_noticed() {
    must_break(Mutation::AlarmNotRearmed, 50);
}

#[test]
fn a_run_that_begins_after_it_was_told_to_end_is_noticed() {
    must_break(Mutation::CancelForgotten, 2000);
}

#[test]
fn a_quote_that_nobody_said_is_noticed() {
    must_break(Mutation::FalseQuoteStored, 50);
}

fn must_break(mutation: Mutation, seeds: u64) {
    run::must_break(&format!("{mutation:?}"), seeds, |seed| {
        run(seed, Some(mutation), false)
    });
}

/// Runs one seed.
fn run(seed: u64, mutation: Option<Mutation>, traced: bool) -> Run {
    let world = World::new(seed, mutation, traced);
    world.trace(|| format!("seed {seed}: {:?}", world.faults));
    operator::begin(&world);
    let went = catch_unwind(AssertUnwindSafe(|| {
        for step in 0.. {
            match world.executor.step(&world.random) {
                Step::Waits(group) if group != OUTSIDE => world.perhaps_kill(group),
                Step::Waits(_) | Step::Went => {}
                Step::Idle => {
                    world.check_end();
                    break;
                }
            }
            let mut checks = world.checks.borrow_mut();
            if world.executor.now() > LONGEST || step > MOST_STEPS {
                checks.check(false, || "the run does not settle".into());
            }
            if checks.breach.is_some() {
                break;
            }
        }
    }));
    if let Err(panic) = went {
        let mut checks = world.checks.borrow_mut();
        checks.check(false, || words_of(&*panic));
    }
    let mut checks = world.checks.borrow_mut();
    let breach = checks.breach.clone();
    if let Some(breach) = &breach {
        world.trace(|| format!("BROKEN: {breach}"));
    }
    let (checked, counters) = (checks.checked, std::mem::take(&mut checks.counters));
    drop(checks);
    world.take_down();
    let trace = world.trace.as_ref().map(RefCell::take).unwrap_or_default();
    Run {
        breach,
        checks: checked,
        counters,
        trace,
    }
}
