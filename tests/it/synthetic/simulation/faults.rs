//! The fault plan of a seed: which faults come, and how often.
//!
//! Not here: the effect of a fault (`world`, `ports`, `model`).

use crate::simulation::random::Random;

/// The probability of each fault in thousandths, until faults end.
#[derive(Debug)]
pub struct Faults {
    /// When the run begins, in milliseconds since the Unix epoch.
    pub start: u64,
    /// When faults end, in milliseconds.
    pub until: u64,
    /// Requests to the model that a day may have.
    pub cap: u32,
    /// Kills at any one await.
    pub kill: u64,
    pub kills_at_most: u64,
    /// When an object is killed, whatever it does.
    pub timed_kills: Vec<u64>,
    /// Kills of a run after which its stored state is damaged.
    pub damage: u64,
    pub call_fails: u64,
    pub call_hangs: u64,
    pub call_doubled: u64,
    pub budget_fails: u64,
    pub budget_hangs: u64,
    pub storage_fails: u64,
    pub storage_slow: u64,
    pub alarm_late: u64,
    pub alarm_twice: u64,
    pub model_fails: u64,
    pub model_slow: u64,
    pub model_repeats: u64,
    /// Lines in which a side says goodbye.
    pub goodbye: u64,
    pub judge_lies: u64,
    /// When the clock is put forward or back, and by how many milliseconds.
    pub clock: Vec<(u64, i64)>,
}

/// 2026-11-22T12:00:00Z.
const NOON: u64 = 1_795_348_800_000;
pub const DAY: u64 = 86_400_000;

impl Faults {
    pub fn new(random: &Random) -> Self {
        // One run in ten has no fault at all: there everything must be exact.
        let quiet = random.chance(100);
        let often = |rare: u64, frequent: u64| {
            let drawn = random.pick(&[0, 0, rare, frequent]);
            if quiet { 0 } else { drawn }
        };
        let until = random.between(30, 400) * 1000;
        let start = if random.chance(150) {
            NOON + DAY / 2 - random.between(1, 60) * 1000
        } else {
            NOON + random.below(3_600_000)
        };
        let is_short = random.chance(120);
        let steps = if quiet || random.chance(850) { 0 } else { 2 };
        Self {
            start,
            until,
            cap: if is_short {
                u32::try_from(random.between(62, 200)).unwrap()
            } else {
                100_000
            },
            kill: often(2, 15),
            kills_at_most: random.pick(&[1, 3, 8, 20]),
            timed_kills: (0..often(1, 4)).map(|_| random.below(until)).collect(),
            damage: often(0, 200),
            call_fails: often(30, 250),
            call_hangs: often(10, 80),
            call_doubled: often(50, 300),
            budget_fails: often(30, 300),
            budget_hangs: often(20, 150),
            storage_fails: often(5, 50),
            storage_slow: often(20, 200),
            alarm_late: often(100, 600),
            alarm_twice: often(50, 300),
            model_fails: often(60, 400),
            model_slow: often(100, 600),
            model_repeats: random.pick(&[0, 0, 50, 400]),
            goodbye: random.pick(&[0, 60, 150, 400]),
            judge_lies: random.pick(&[0, 0, 500]),
            clock: (0..steps)
                .map(|_| {
                    (
                        random.below(until),
                        random.pick(&[-7200, -61, -5, 40, 3600]),
                    )
                })
                .map(|(at, seconds)| (at, seconds * 1000 + 7))
                .collect(),
        }
    }
}
