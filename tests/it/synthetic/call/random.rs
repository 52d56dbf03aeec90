//! Calls with random faults: objects that vanish, callbacks that come twice or not at all, legs that do not come or are
//! lost, a Twilio that refuses or does not answer, a model that fails, and small caps.
//!
//! Whatever fails: every run is accounted for once, no line is spoken twice or while another one is, every call is made
//! once and ends, and what was used stays counted. A seed repeats a run: `SEED=7 cargo test --test it synthetic::call::random`, and
//! `CALL_RUNS=1000` runs more than 400.
//! Not here: faults of storage and of other objects (`simulation`), which runs without calls have in the same way.

use std::{cell::Cell, time::Duration};

use oorandom::Rand64;
use serde_json::{Value, json};
use switchboard::synthetic::plan::Leg;

use super::{
    calls,
    twilio::{Line, Omits},
    with,
};
use crate::{
    simulation::run::number,
    support::{Act, FakePlatform, after},
    synthetic::{begin, progress, transcripts},
};

/// What has become of one seed.
struct Outcome {
    /// How its runs ended.
    reasons: Vec<String>,
    /// Whether exactly what was used stayed reserved.
    is_exact: bool,
}

/// What happens in one seed.
struct Random(Cell<u64>);

impl Random {
    fn chance(&self, per_cent: u64) -> bool {
        self.below(100) < per_cent
    }

    fn below(&self, most: u64) -> u64 {
        let mut random = Rand64::new(u128::from(self.0.get()));
        self.0.set(random.rand_u64());
        random.rand_range(0..most)
    }
}

fn seeds() -> std::ops::Range<u64> {
    if let Some(seed) = number("SEED") {
        return seed..seed + 1;
    }
    let first = number("FIRST_SEED").unwrap_or(1);
    first..first + number("CALL_RUNS").unwrap_or(400)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn whatever_fails_every_call_is_made_once_ends_and_is_accounted_for() {
    let mut reasons = std::collections::BTreeSet::new();
    let mut inexact = Vec::new();
    for seed in seeds() {
        let outcome = one(seed).await;
        reasons.extend(outcome.reasons);
        inexact.extend((!outcome.is_exact).then_some(seed));
    }
    let most = seeds().count() / 100 + 1;
    assert!(
        inexact.len() <= most,
        "more than is due to objects that vanished: {inexact:?}"
    );
    if seeds().count() > 1 {
        // A test in which nothing fails would show nothing.
        for reason in [
            "goodbye",
            "call_failed",
            "one_leg",
            "leg_lost",
            "model_failed",
            "seconds",
        ] {
            assert!(reasons.contains(reason), "{reason} in {reasons:?}");
        }
    }
}

async fn one(seed: u64) -> Outcome {
    let random = Random(Cell::new(seed));
    let fake = with(&[(
        "MAX_DAILY_CALL_MINUTES",
        if random.chance(20) { "20" } else { "200" },
    )]);
    let count = u32::try_from(1 + random.below(3)).unwrap();
    let mut body = calls(count);
    if random.chance(20) {
        fake.personas_never_say_goodbye();
        body["limits"] = json!({ "seconds": 30 + random.below(40), "turns": 40 });
    }
    let batch = begin(&fake, &body).await;
    let mut made = 0;
    let mut spoken: Vec<Vec<String>> = Vec::new();
    // Calls until the batch is finished, or waits for the next day.
    for _ in 0..600 {
        faults_of_services(&fake, &random);
        if fake.calls_made().len() > made {
            let mut line = Line::made_after(&fake, made).await;
            made += 1;
            conduct(&mut line, &random).await;
            spoken.push(
                line.spoken
                    .iter()
                    .map(|(_, _, words)| words.clone())
                    .collect(),
            );
        }
        fake.pass(Duration::from_secs(2)).await;
        if random.chance(10) {
            fake.kill_runs();
        }
        let status = progress(&fake, &batch).await["status"].clone();
        if status == "finished" || (status == "waits_for_budget" && fake.call_minutes().await > 0) {
            break;
        }
    }
    fake.pass(Duration::from_mins(30)).await;
    check(&fake, &batch, count, &spoken, seed).await
}

fn faults_of_services(fake: &FakePlatform, random: &Random) {
    if random.chance(4) {
        fake.model([
            Act::Status(500, "{}"),
            Act::Say("an error"),
            Act::Status(400, "{}"),
        ]);
    }
    if random.chance(3) {
        let act = match random.below(4) {
            0 => Act::Drop,
            1 => Act::ThenDrop,
            2 => Act::Status(400, r#"{"code":21210}"#),
            _ => after(9000, Act::Say("")),
        };
        fake.twilio([act]);
    }
}

/// One call from its beginning to its end, as Twilio conducts it.
async fn conduct(line: &mut Line, random: &Random) {
    let fake = line.fake.clone();
    line.omits = Omits {
        speaking: random.chance(15),
        played: random.chance(15),
        action: random.chance(15),
        status: random.chance(15),
    };
    if random.chance(8) {
        // Nobody answers.
        fake.pass(Duration::from_mins(1)).await;
        if random.chance(70) {
            line.is_over("no-answer").await;
        }
        return;
    }
    let comes = [true, !random.chance(10)];
    let mut order = Leg::ALL;
    if random.chance(50) {
        order.reverse();
    }
    for (leg, comes) in order.into_iter().zip(comes) {
        fake.pass(Duration::from_millis(random.below(3000))).await;
        if !comes {
            continue;
        }
        let mut verbs = line.answers(leg).await;
        if random.chance(20) {
            verbs = line.answers(leg).await;
        }
        if verbs[0].name == "Hangup" {
            // The run has ended in the meantime.
            return line.is_over("completed").await;
        }
        if !line.may_open(leg, &verbs).await {
            return line.is_over("completed").await;
        }
        line.sets_up(leg).await;
    }
    for _ in 0..400 {
        line.talk_for(Duration::from_millis(300 + random.below(4000)))
            .await;
        if line.ended.len() == 2 {
            break;
        }
        if fake.calls_ended().contains(&line.made.sid) {
            // It was ended by REST.
            for leg in Leg::ALL {
                line.ends(leg, "completed", "completed").await;
            }
            break;
        }
        match random.below(40) {
            0..3 => fake.kill_runs(),
            3 => {
                let leg = Leg::ALL[usize::try_from(random.below(2)).unwrap()];
                line.ends(leg, "failed", "in-progress").await;
            }
            _ => {}
        }
    }
    if random.chance(30) {
        for leg in Leg::ALL {
            fake.runner(&line.run).closed(leg.socket()).await;
            line.action(leg, "completed", "completed").await;
        }
        line.is_over("completed").await;
    }
}

async fn check(
    fake: &FakePlatform,
    batch: &str,
    count: u32,
    spoken: &[Vec<String>],
    seed: u64,
) -> Outcome {
    let all = transcripts(fake, batch).await;
    let shown = progress(fake, batch).await;
    assert_eq!(shown["running"], 0, "seed {seed}: {shown}");
    if shown["status"] != "waits_for_budget" {
        assert_eq!(all.len(), count as usize, "seed {seed}: {shown}");
    }
    let mut numbers: Vec<u64> = all
        .iter()
        .map(|run| run["number"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(
        numbers.len(),
        all.len(),
        "seed {seed}: a run was stored twice"
    );
    // Each run has made one call at most.
    let mut runs: Vec<String> = fake
        .calls_made()
        .iter()
        .map(|made| made.form["Url"].clone())
        .collect();
    let made = runs.len();
    runs.sort();
    runs.dedup();
    assert_eq!(runs.len(), made, "seed {seed}: a call was made twice");
    // What was spoken in a call are lines of its transcript, in order and once.
    for (made, spoken) in fake.calls_made().iter().zip(spoken) {
        let run = made.form["Url"].split('/').nth(5).unwrap();
        let Some(run) = all.iter().find(|other| other["run"] == run) else {
            continue;
        };
        let texts: Vec<&Value> = run["turns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|turn| &turn["text"])
            .collect();
        let mut lines = texts.iter();
        for words in spoken {
            assert!(
                lines.any(|text| **text == json!(words)),
                "seed {seed}: {words} in {texts:?}"
            );
        }
    }
    let minutes: u64 = all
        .iter()
        .filter_map(|run| run["cost"]["call_minutes"].as_u64())
        .sum();
    let requests: u64 = all
        .iter()
        .filter_map(|run| run["cost"]["model_requests"].as_u64())
        .sum();
    // What a run gives back is lost if its object vanishes right then: it stays reserved until the day is over.
    let counted = [
        (fake.call_minutes().await, minutes, "minutes"),
        (fake.model_requests_reserved().await, requests, "requests"),
    ];
    for (reserved, used, what) in counted {
        assert!(u64::from(reserved) >= used, "seed {seed}: {what} are free");
    }
    let is_exact = counted
        .iter()
        .all(|(reserved, used, _)| u64::from(*reserved) == *used);
    let reasons = all
        .iter()
        .map(|run| run["ended"]["reason"].as_str().unwrap().to_owned())
        .collect();
    Outcome { reasons, is_exact }
}
