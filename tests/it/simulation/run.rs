//! Runs seeds: one, or many on all cores until one breaks an invariant.
//!
//! Not here: what a run does (`state`), and which runs are tests (`simulation`).

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    calls,
    executor::{self, Step},
    mutation::Mutation,
    state::{Simulation, World},
    workload,
};

pub struct Run {
    pub breach: Option<String>,
    pub checks: u64,
    pub counters: BTreeMap<&'static str, u64>,
    pub trace: Vec<String>,
}

/// The longest run: two days for clocks that step back, and as many days as clocks jump ahead.
const LONGEST: u64 = 12 * 24 * 3_600_000;
const MOST_STEPS: u64 = 3_000_000;

/// Runs one seed on a thread of its own, as in a new isolate: what the product keeps for each isolate starts empty.
pub fn run(world: World, seed: u64, mutation: Option<Mutation>, traced: bool) -> Run {
    let run = move || run_here(world, seed, mutation, traced);
    std::thread::spawn(run).join().unwrap()
}

/// Runs one seed in this isolate, with what it keeps.
pub fn run_here(world: World, seed: u64, mutation: Option<Mutation>, traced: bool) -> Run {
    let sim = Simulation::new(world, seed, mutation, traced);
    sim.trace(|| format!("seed {seed}: {:?}", sim.fault_plan));
    match world {
        World::Messages => workload::begin(&sim),
        World::Calls => calls::begin(&sim),
    }
    workload::disturb(&sim);
    let went = catch_unwind(AssertUnwindSafe(|| {
        for step in 0.. {
            match sim.executor.step(&sim.random) {
                Step::Waits(group) if group != executor::OUTSIDE => sim.perhaps_kill(group),
                Step::Waits(_) | Step::Went => {}
                Step::Idle => {
                    sim.check_end();
                    break;
                }
            }
            let mut invariants = sim.invariants.borrow_mut();
            if sim.executor.now() > LONGEST || step > MOST_STEPS {
                invariants.check(false, || "the run does not settle".into());
            }
            if invariants.breach.is_some() {
                break;
            }
        }
    }));
    if let Err(panic) = went {
        let mut invariants = sim.invariants.borrow_mut();
        invariants.check(false, || words_of(&*panic));
    }
    let breach = sim.invariants.borrow().breach.clone();
    if let Some(breach) = &breach {
        sim.trace(|| format!("BROKEN: {breach}"));
    }
    let trace = sim.trace.as_ref().map(RefCell::take).unwrap_or_default();
    let invariants = std::mem::take(&mut *sim.invariants.borrow_mut());
    sim.take_down();
    Run {
        breach,
        checks: invariants.checks,
        counters: invariants.counters,
        trace,
    }
}

/// What a panic says.
pub fn words_of(panic: &dyn std::any::Any) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let words = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a panic: {}", words.unwrap_or_default())
}

#[derive(Default)]
pub struct Total {
    pub seeds: u64,
    pub checks: u64,
    pub counters: BTreeMap<&'static str, u64>,
    pub breach: Option<(u64, String)>,
}

/// Runs that many seeds on all cores, until one breaks an invariant.
pub fn run_all(first: u64, seeds: u64, run: impl Fn(u64) -> Run + Sync) -> Total {
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
                    let run = run(seed);
                    let mut total = total.lock().unwrap();
                    total.seeds += 1;
                    total.checks += run.checks;
                    run.counters.into_iter().for_each(|(what, times)| {
                        *total.counters.entry(what).or_default() += times;
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

/// A run with this mistake must break an invariant within this many seeds. Without it they break none.
pub fn must_break(mistake: &str, seeds: u64, run: impl Fn(u64) -> Run) {
    if number("SEED").is_some() {
        return;
    }
    for seed in 1..=seeds {
        if let Some(breach) = run(seed).breach {
            print(&format!(
                "simulation: {mistake} noticed at seed {seed}: {breach}"
            ));
            return;
        }
    }
    panic!("{mistake} was not noticed within {seeds} seeds");
}

pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}"))
    })
}

/// Prints past the capture of the test harness, so that passing tests show it too.
pub fn print(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
