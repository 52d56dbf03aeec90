//! The deterministic simulation: the real engines over a platform that fails at random, and what must hold whatever happens.
//!
//! `cargo test --test it simulation::` runs 20 000 seeds of messages and as many of calls; `SEEDS=n` and `FIRST_SEED=n` choose
//! others. `SEED=n` runs exactly that one and prints every event. A run that breaks an invariant prints its seed and its events
//! too. `npm run simulate` runs many more seeds. Not here: what only calls have (`calls`), single scenarios (`messaging`,
//! `voice`, `faults`), and the runtime itself (`tests/e2e`).

mod alarms;
mod body;
mod budget_ports;
mod calls;
mod coverage;
mod damage;
pub mod executor;
mod fault_plan;
mod hand_off;
mod intake;
mod invariants;
mod kv;
mod model;
mod mutation;
mod object_ports;
mod objects;
pub mod random;
mod receipts;
pub mod run;
mod state;
mod storage;
mod thread_calls;
mod tools;
mod transcription;
mod twilio;
mod webhook;
mod words;
mod worker_ports;
mod workload;

use std::time::Instant;

use futures_util::FutureExt;
use switchboard::{
    platform::Clock,
    twilio::media::{Weight, slot},
};

use coverage::EVERYTHING;
use mutation::Mutation;
use run::{number, print, run, run_all, run_here};
use state::{Simulation, World};
use worker_ports::WorkerPlatform;

const SEEDS: u64 = 20_000;

#[test]
fn every_message_is_answered_once_whatever_fails() {
    must_hold(World::Messages);
}

#[test]
fn every_kind_of_fault_and_of_end_comes_about() {
    must_come_about(World::Messages, &EVERYTHING);
}

#[test]
fn a_seed_replays_exactly() {
    must_replay(World::Messages);
}

/// A killed object is polled until its tasks end. Time stands still for it, also while it waits for memory.
#[test]
fn an_object_that_is_killed_while_it_waits_for_memory_ends() {
    for seed in 1..200 {
        let run = move || {
            let clock = WorkerPlatform::new(&Simulation::new(World::Messages, seed, None, false));
            let take = |weight| slot(&clock, weight, clock.now()).now_or_never();
            let taken = [Weight::Large, Weight::Small, Weight::Small].map(take);
            assert!(matches!(taken, [Some(Ok(_)), Some(Ok(_)), Some(Err(_))]));
            run_here(World::Messages, seed, None, false);
        };
        std::thread::spawn(run).join().unwrap();
    }
}

#[test]
fn two_incarnations_over_one_storage_are_noticed() {
    must_break(World::Messages, Mutation::LockRemoved, 50);
}

#[test]
fn a_repeated_message_that_is_taken_for_a_new_one_is_noticed() {
    must_break(World::Messages, Mutation::DedupeAfterTheCall, 100);
}

#[test]
fn a_budget_that_is_counted_after_the_request_is_noticed() {
    must_break(World::Messages, Mutation::BudgetCountedAfter, 100);
}

#[test]
fn a_send_of_unknown_outcome_that_is_repeated_blindly_is_noticed() {
    must_break(World::Messages, Mutation::AmbiguousSendRetried, 200);
}

#[test]
fn an_alarm_that_is_not_set_again_is_noticed() {
    must_break(World::Messages, Mutation::AlarmNotRearmed, 100);
}

#[test]
fn an_apology_in_a_conversation_is_noticed() {
    must_break(World::Messages, Mutation::ApologyStored, 100);
}

#[test]
fn thoughts_in_an_answer_are_noticed() {
    must_break(World::Messages, Mutation::ThoughtsWithoutTags, 100);
}

#[test]
fn half_an_answer_of_a_stream_that_broke_off_is_noticed() {
    must_break(World::Messages, Mutation::CutStreamEnded, 100);
}

#[test]
fn an_erasure_that_leaves_something_in_kv_is_noticed() {
    must_break(World::Messages, Mutation::DeleteNotDone, 200);
}

#[test]
fn an_opt_out_that_is_forgotten_is_noticed() {
    must_break(World::Messages, Mutation::OptOutLost, 200);
}

#[test]
fn a_commit_that_is_believed_before_it_is_stored_is_noticed() {
    must_break(World::Messages, Mutation::CommitNotAwaited, 100);
}

#[test]
fn an_opt_out_that_is_not_found_is_noticed() {
    must_break(World::Messages, Mutation::OptOutKeyIgnored, 200);
}

#[test]
fn messages_by_rest_without_a_cap_are_noticed() {
    must_break(World::Messages, Mutation::MessageCapIgnored, 200);
}

#[test]
fn a_contact_that_a_restart_gives_a_new_share_of_the_day_is_noticed() {
    must_break(World::Messages, Mutation::ContactCapIgnored, 200);
}

#[test]
fn an_automatic_reply_that_is_answered_without_end_is_noticed() {
    must_break(World::Messages, Mutation::LoopForgotten, 400);
}

#[test]
fn an_answer_on_a_webhook_that_is_taken_for_one_by_rest_is_noticed() {
    must_break(World::Messages, Mutation::EqualTextTaken, 600);
}

#[test]
fn a_transcription_without_a_reservation_is_noticed() {
    must_break(World::Messages, Mutation::TranscriptionNotReserved, 600);
}

#[test]
fn a_look_up_that_believes_only_equal_texts_is_noticed() {
    must_break(World::Messages, Mutation::OnlyEqualTextsFound, 600);
}

#[test]
fn an_opt_out_at_twilio_that_is_ignored_is_noticed() {
    must_break(World::Messages, Mutation::OptOutAtTwilioIgnored, 600);
    must_break(World::Messages, Mutation::OptOutReceiptIgnored, 2000);
}

#[test]
fn parts_that_do_not_wait_for_one_another_are_noticed() {
    must_break(World::Messages, Mutation::PartsNotAwaited, 600);
}

#[test]
fn a_damaged_value_that_stops_a_contact_is_noticed() {
    must_break(World::Messages, Mutation::DamageNotMet, 200);
}

#[test]
fn a_damaged_budget_that_begins_anew_is_noticed() {
    must_break(World::Messages, Mutation::DamagedBudgetOpens, 2000);
}

#[test]
fn a_day_far_ahead_that_the_budget_believes_is_noticed() {
    must_break(World::Messages, Mutation::FarDayBelieved, 2000);
}

#[test]
fn a_request_to_another_endpoint_that_is_not_reserved_is_noticed() {
    must_break(World::Messages, Mutation::FallbackNotReserved, 200);
}

#[test]
fn an_endpoint_that_hangs_and_leaves_the_next_no_time_is_noticed() {
    must_break(World::Messages, Mutation::TimeNotShared, 1000);
}

#[test]
fn a_joined_message_that_the_request_lacks_is_noticed() {
    must_break(World::Messages, Mutation::JoinForgotten, 100);
}

#[test]
fn a_turn_that_is_asked_anew_without_a_reservation_is_noticed() {
    must_break(World::Messages, Mutation::AskedAgainUnreserved, 200);
}

#[test]
fn a_restart_that_lets_a_turn_be_asked_anew_more_often_is_noticed() {
    must_break(World::Messages, Mutation::AskedAgainForgotten, 2000);
}

#[test]
fn a_number_that_goes_its_own_way_is_noticed() {
    must_break(World::Messages, Mutation::NumberNotFollowing, 400);
}

#[test]
fn a_number_that_does_not_hear_of_an_opt_out_is_noticed() {
    must_break(World::Messages, Mutation::ConsentNotTold, 2000);
}

#[test]
fn a_result_of_a_tool_that_did_not_come_is_noticed() {
    must_break(World::Messages, Mutation::ToolResultInvented, 200);
}

#[test]
fn an_id_that_two_calls_share_is_noticed() {
    must_break(World::Messages, Mutation::ToolIdOfArguments, 200);
}

#[test]
fn a_hand_off_that_a_restart_forgets_is_noticed() {
    must_break(World::Messages, Mutation::HandOffForgotten, 2000);
}

#[test]
fn a_contact_that_is_told_twice_of_a_hand_off_is_noticed() {
    must_break(World::Messages, Mutation::ToldForgotten, 2000);
}

#[test]
fn an_erasure_that_forgets_what_an_operator_has_answered_is_noticed() {
    must_break(World::Messages, Mutation::NewIdAfterAnErasure, 400);
}

#[test]
fn a_repeated_delivery_with_another_id_is_noticed() {
    must_break(World::Messages, Mutation::NewIdForARepeat, 400);
}

#[test]
fn a_message_that_no_desk_has_taken_and_that_is_dropped_is_noticed() {
    must_break(World::Messages, Mutation::RefusalTakenForAYes, 400);
}

#[test]
fn an_intake_that_a_restart_forgets_is_noticed() {
    must_break(World::Messages, Mutation::IntakeForgotten, 400);
}

#[test]
fn an_intake_that_an_erasure_leaves_is_noticed() {
    must_break(World::Messages, Mutation::IntakeKept, 400);
}

#[test]
fn a_result_of_an_intake_under_two_ids_is_noticed() {
    must_break(World::Messages, Mutation::IntakeIdOfATry, 400);
}

#[test]
fn saved_that_is_said_before_it_is_is_noticed() {
    must_break(World::Messages, Mutation::SavedTooEarly, 400);
}

#[test]
fn a_hand_off_by_the_model_that_is_not_kept_is_noticed() {
    must_break(World::Messages, Mutation::HandOffByModelLost, 400);
}

/// No seed breaks an invariant: the usual number of them, those of the environment, or one that prints every event.
fn must_hold(world: World) {
    if let Some(seed) = number("SEED") {
        let run = run(world, seed, None, true);
        print(&run.trace.join("\n"));
        print(&format!("seed {seed}: {} invariants checked", run.checks));
        assert_eq!(run.breach, None, "seed {seed}");
        return;
    }
    let (first, seeds) = (
        number("FIRST_SEED").unwrap_or(1),
        number("SEEDS").unwrap_or(SEEDS),
    );
    let started = Instant::now();
    let total = run_all(first, seeds, |seed| run(world, seed, None, false));
    let seconds = started.elapsed().as_secs_f64();
    let rate = f64::from(u32::try_from(total.seeds).unwrap()) / seconds;
    print(&format!(
        "simulation of {world:?}: {} seeds from {first}, {} invariants checked, {seconds:.1} s, {rate:.0} seeds/s",
        total.seeds, total.checks
    ));
    if std::env::var("COUNTERS").is_ok() {
        for (what, times) in &total.counters {
            print(&format!("{times:>10}  {what}"));
        }
    }
    if let Some((seed, breach)) = total.breach {
        print(&run(world, seed, None, true).trace.join("\n"));
        panic!(
            "seed {seed}: {breach}\nTo see it again: SEED={seed} cargo test --test it {}",
            std::thread::current().name().unwrap_or("simulation")
        );
    }
}

/// The first seeds reach all of this at least once.
fn must_come_about(world: World, everything: &[&str]) {
    if number("SEED").is_some() {
        return;
    }
    let total = run_all(1, 1500, |seed| run(world, seed, None, false));
    for what in everything {
        assert!(
            total.counters.get(what).is_some_and(|times| *times > 0),
            "never in {} seeds: {what}",
            total.seeds
        );
    }
}

/// The same seed does the same again.
fn must_replay(world: World) {
    for seed in 1..20 {
        let (first, second) = (run(world, seed, None, true), run(world, seed, None, true));
        assert!(first.trace.len() > 5);
        assert_eq!(first.trace, second.trace, "seed {seed}");
    }
}

/// The mutation must break an invariant within this many seeds. Without it they break none.
fn must_break(world: World, mutation: Mutation, seeds: u64) {
    run::must_break(&format!("{world:?}: {mutation:?}"), seeds, |seed| {
        run(world, seed, Some(mutation), false)
    });
}
