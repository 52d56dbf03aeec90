//! Deterministic simulation: the real engines in a simulated world of faults, and what must hold whatever happens.
//!
//! `cargo test --test simulation` runs 20 000 seeds; `SEEDS=n` and `FIRST_SEED=n` choose others, and `SEED=n` runs exactly that
//! one and prints what happened, an event a line. A run that breaks an invariant prints its seed and the same. `npm run
//! simulate` runs many more. Not here: single scenarios (`flows`), and the runtime itself (`e2e`).

mod executor;
mod ledger;
mod outside;
mod people;
mod plan;
mod platform;
mod random;
mod world;

use std::{
    collections::BTreeMap,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use executor::Step;
use plan::Mutation;
use world::World;

const SEEDS: u64 = 20_000;

#[test]
fn every_message_is_answered_once_whatever_fails() {
    if let Some(seed) = number("SEED") {
        let run = run(seed, None, true);
        tell(&run.trace.join("\n"));
        tell(&format!("seed {seed}: {} invariants checked", run.checks));
        assert_eq!(run.breach, None, "seed {seed}");
        return;
    }
    let (first, seeds) = (
        number("FIRST_SEED").unwrap_or(1),
        number("SEEDS").unwrap_or(SEEDS),
    );
    let started = Instant::now();
    let total = run_all(first, seeds, None);
    let seconds = started.elapsed().as_secs_f64();
    let rate = f64::from(u32::try_from(total.seeds).unwrap()) / seconds;
    tell(&format!(
        "simulation: {} seeds from {first}, {} invariants checked, {seconds:.1} s, {rate:.0} seeds/s",
        total.seeds, total.checks
    ));
    if std::env::var("COUNTERS").is_ok() {
        for (what, times) in &total.counters {
            tell(&format!("{times:>10}  {what}"));
        }
    }
    if let Some((seed, breach)) = total.breach {
        tell(&run(seed, None, true).trace.join("\n"));
        panic!("seed {seed}: {breach}\nTo see it again: SEED={seed} cargo test --test simulation");
    }
}

#[test]
fn every_kind_of_fault_and_of_end_comes_about() {
    if number("SEED").is_some() {
        return;
    }
    let total = run_all(1, 1500, None);
    for what in EVERYTHING {
        assert!(
            total.counters.get(what).is_some_and(|times| *times > 0),
            "never in {} seeds: {what}",
            total.seeds
        );
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
fn two_incarnations_over_one_storage_are_noticed() {
    noticed(Mutation::LockRemoved, 50);
}

#[test]
fn a_repeated_message_that_is_taken_for_a_new_one_is_noticed() {
    noticed(Mutation::DedupeAfterTheCall, 100);
}

#[test]
fn a_budget_that_is_counted_after_the_request_is_noticed() {
    noticed(Mutation::BudgetCountedAfter, 100);
}

#[test]
fn a_send_of_unknown_outcome_that_is_repeated_blindly_is_noticed() {
    noticed(Mutation::AmbiguousSendRetried, 200);
}

#[test]
fn an_alarm_that_is_not_set_again_is_noticed() {
    noticed(Mutation::AlarmNotRearmed, 100);
}

#[test]
fn an_apology_in_a_conversation_is_noticed() {
    noticed(Mutation::ApologyStored, 100);
}

#[test]
fn an_erasure_that_leaves_something_in_kv_is_noticed() {
    noticed(Mutation::DeleteNotDone, 200);
}

#[test]
fn an_opt_out_that_is_forgotten_is_noticed() {
    noticed(Mutation::OptOutLost, 200);
}

#[test]
fn a_commit_that_is_believed_before_it_is_stored_is_noticed() {
    noticed(Mutation::CommitNotAwaited, 100);
}

#[test]
fn an_opt_out_that_is_not_found_is_noticed() {
    noticed(Mutation::OptOutKeyIgnored, 200);
}

#[test]
fn messages_by_rest_without_a_cap_are_noticed() {
    noticed(Mutation::MessageCapIgnored, 200);
}

#[test]
fn a_sender_that_a_restart_gives_a_new_share_of_the_day_is_noticed() {
    noticed(Mutation::ContactCapIgnored, 200);
}

#[test]
fn an_answer_on_a_webhook_that_is_taken_for_one_by_rest_is_noticed() {
    noticed(Mutation::EqualTextTaken, 600);
}

#[test]
fn a_damaged_value_that_stops_a_sender_is_noticed() {
    noticed(Mutation::DamageNotMet, 200);
}

/// The mutation must break an invariant within that many seeds, which without it break none.
fn noticed(mutation: Mutation, seeds: u64) {
    if number("SEED").is_some() {
        return;
    }
    for seed in 1..=seeds {
        if let Some(breach) = run(seed, Some(mutation), false).breach {
            tell(&format!(
                "simulation: {mutation:?} noticed at seed {seed}: {breach}"
            ));
            return;
        }
    }
    panic!("{mutation:?} was not noticed within {seeds} seeds");
}

struct Run {
    breach: Option<String>,
    checks: u64,
    counters: BTreeMap<&'static str, u64>,
    trace: Vec<String>,
}

/// No run takes longer than this: two days, for clocks that step back for hours, and as many as clocks jump ahead.
const LONGEST: u64 = 12 * 24 * 3_600_000;
const MOST_STEPS: u64 = 3_000_000;

fn run(seed: u64, mutation: Option<Mutation>, traced: bool) -> Run {
    let world = World::new(seed, mutation, traced);
    world.say(|| format!("seed {seed}: {:?}", world.plan));
    people::begin(&world);
    let went = catch_unwind(AssertUnwindSafe(|| {
        for step in 0.. {
            match world.executor.step(&world.random) {
                Step::Waits(group) if group != executor::WORLD => world.perhaps_kill(group),
                Step::Waits(_) | Step::Went => {}
                Step::Idle => {
                    world.check_end();
                    break;
                }
            }
            let mut ledger = world.ledger.borrow_mut();
            if world.executor.now() > LONGEST || step > MOST_STEPS {
                ledger.check(false, || "the world does not come to rest".into());
            }
            if ledger.breach.is_some() {
                break;
            }
        }
    }));
    if let Err(panic) = went {
        let words = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world
            .ledger
            .borrow_mut()
            .check(false, || format!("a panic: {}", words.unwrap_or_default()));
    }
    let breach = world.ledger.borrow().breach.clone();
    if let Some(breach) = &breach {
        world.say(|| format!("BROKEN: {breach}"));
    }
    let trace = world
        .trace
        .as_ref()
        .map(std::cell::RefCell::take)
        .unwrap_or_default();
    let ledger = std::mem::take(&mut *world.ledger.borrow_mut());
    world.take_down();
    Run {
        breach,
        checks: ledger.checks,
        counters: ledger.counters,
        trace,
    }
}

#[derive(Default)]
struct Total {
    seeds: u64,
    checks: u64,
    counters: BTreeMap<&'static str, u64>,
    breach: Option<(u64, String)>,
}

/// Runs that many seeds on all cores, until one breaks an invariant.
fn run_all(first: u64, seeds: u64, mutation: Option<Mutation>) -> Total {
    let (next, total) = (AtomicU64::new(first), Mutex::new(Total::default()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds || total.lock().unwrap().breach.is_some() {
                        break;
                    }
                    let run = run(seed, mutation, false);
                    let mut total = total.lock().unwrap();
                    total.seeds += 1;
                    total.checks += run.checks;
                    run.counters.into_iter().for_each(|(what, times)| {
                        *total.counters.entry(what).or_default() += times
                    });
                    if let Some(breach) = run.breach
                        && total.breach.as_ref().is_none_or(|(other, _)| seed < *other)
                    {
                        total.breach = Some((seed, breach));
                    }
                }
            });
        }
    });
    total.into_inner().unwrap()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}"))
    })
}

/// Past the capture of the test harness: what was run is of interest when it passes, too.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

const EVERYTHING: [&str; 68] = [
    "a budget that hangs",
    "a damaged budget",
    "answers withheld",
    "clock jumps",
    "damaged values",
    "equal answers",
    "exhausted budgets of messages",
    "KV that hangs",
    "slow ways to an object",
    "pictures",
    "pictures that could not be fetched",
    "erasures",
    "erasures that were confirmed",
    "messages that an opt-out kept from the model",
    "opt-ins",
    "opt-outs",
    "requests of turns that were just called off",
    "turns called off",
    "an unreachable budget",
    "an unreachable sender object",
    "answered inline",
    "answered late",
    "answers of several parts",
    "alarms that failed",
    "alarms that ring twice",
    "bursts",
    "calls that were cancelled",
    "clock steps",
    "commits lost in a kill",
    "commits that failed",
    "conversations that became shorter",
    "creates after the client had left",
    "creates of unknown outcome",
    "duplicates",
    "ends that a kill left unlogged",
    "exhausted budgets",
    "failed",
    "failures of the model",
    "hang-ups",
    "inline answers whose webhook had left",
    "kills of a sender object",
    "kills of the budget object",
    "KV deletes that failed",
    "KV reads that failed",
    "KV writes that failed",
    "late alarms",
    "late parts refused",
    "late parts sent",
    "lookups",
    "lookups that failed",
    "messages over the rate limit",
    "refused creates",
    "replies of a sender object that were lost",
    "reset",
    "rows of answers deleted",
    "rows of answers written",
    "revisions that were written again",
    "slow answers of the model",
    "slow commits",
    "slow creates",
    "slow KV",
    "stale KV reads",
    "storage reads that failed",
    "turns begun again",
    "turns of several messages",
    "Twilio's retries",
    "webhooks that got a 503",
    "webhooks that Twilio gave up",
];
