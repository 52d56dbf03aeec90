//! Properties of disturbances, pairs and scores over made inputs.
//!
//! Not here: examples (`src/synthetic`).

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard::{
    base::time::UnixMillis,
    config::{Criterion, Limits, Speaker},
    synthetic::{
        disturbance::{disturbances, heard_before_interruption, speaker_of},
        plan::{AgentSide, BatchId, BatchPlan, Mode, Pairing},
        score,
        transcript::{Line, seen_by},
    },
};

fn speaker() -> impl Strategy<Value = Speaker> {
    prop::sample::select(vec![Speaker::Agent, Speaker::Customer])
}

fn lines(texts: &[String], first: Speaker) -> Vec<Line> {
    let line = |(n, text): (u32, &String)| Line {
        n,
        speaker: speaker_of(n, first),
        text: text.clone(),
        heard: None,
        started_at: UnixMillis(0),
        ended_at: UnixMillis(0),
        marks: Vec::new(),
    };
    (1..).zip(texts).map(line).collect()
}

fn plan(agents: usize, customers: usize, seed: u64, all: bool) -> BatchPlan {
    let agents = (0..agents).map(|n| AgentSide::Persona(format!("a{n}").parse().unwrap()));
    let customers = (0..customers).map(|n| format!("c{n}").parse().unwrap());
    let (agents, customers) = (agents.collect(), customers.collect());
    BatchPlan {
        mode: Mode::Text,
        scenario: "late".parse().unwrap(),
        pairing: if all {
            Pairing::All { agents, customers }
        } else {
            Pairing::Random { agents, customers }
        },
        count: 10_000,
        per_minute: 60,
        at_once: 1,
        seed,
        limits: Limits::default(),
        call: None,
        label: None,
        score: true,
        disturbed: true,
    }
}

fn answer() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "",
        "order",
        "a river",
        "unhappy",
        "happy",
        "Hello, Ada",
    ]);
    let number = prop_oneof![
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        "[0-9.e+-]{0,6}".prop_map(|n| json!(n)),
        Just(Value::Null),
    ];
    let rating = (number.clone(), word.clone())
        .prop_map(|(value, because)| json!({ "value": value, "because": because }));
    let mood =
        (number.clone(), number).prop_map(|(start, end)| json!({ "start": start, "end": end }));
    let sides = (mood.clone(), mood).prop_map(|(a, b)| json!({ "agent": a, "customer": b }));
    let resolution = prop::sample::select(vec!["resolved", "partly", "unresolved", "maybe"]);
    (
        any::<bool>(),
        word,
        resolution,
        sides,
        prop::collection::vec(rating, 3),
    )
        .prop_map(|(met, quote, resolution, sentiment, ratings)| {
            json!({
                "criteria": { "order": { "met": met, "quote": quote } },
                "resolution": resolution,
                "escalated": false,
                "sentiment": sentiment,
                "churn_risk": ratings[0],
                "propensity_to_buy": ratings[1],
                "satisfaction": ratings[2],
            })
        })
}

proptest! {
    #[test]
    fn disturbances_stay_within_the_conversation_and_a_longer_one_keeps_its_seed(
        seed: u64, first in speaker(), turns in 0u32..70,
    ) {
        let disturbed = disturbances(seed, first, turns);
        prop_assert!(disturbed.len() <= 6);
        prop_assert!(disturbed.keys().all(|n| (3..=turns.min(10)).contains(n)));
        let kinds: BTreeSet<_> = disturbed.values().copied().collect();
        prop_assert_eq!(kinds.len(), disturbed.len(), "each kind at most once");
        if turns >= 10 {
            prop_assert_eq!(disturbed, disturbances(seed, first, turns + 1));
        }
    }

    #[test]
    fn who_is_interrupted_was_heard_from_the_beginning(text in "\\PC{0,80}") {
        let heard = heard_before_interruption(&text);
        let words: Vec<&str> = text.split_whitespace().collect();
        let kept: Vec<&str> = heard.split_whitespace().collect();
        prop_assert!(words.starts_with(&kept));
        prop_assert!(kept.len() >= words.len() / 2 && (kept.len() < words.len() || words.len() < 2));
    }

    #[test]
    fn all_pairs_come_equally_often_and_a_pair_follows_from_the_seed_and_the_number(
        agents in 1usize..6, customers in 1usize..6, seed: u64, rounds in 1u32..4,
    ) {
        let batch = BatchId::new([3; 16]);
        let pairs = u32::try_from(agents * customers).unwrap();
        let all = plan(agents, customers, seed, true);
        let mut seen = std::collections::BTreeMap::new();
        for number in 1..=pairs * rounds {
            let run = all.run(&batch, number).unwrap();
            *seen.entry((run.agent.as_str().to_owned(), run.customer.to_string())).or_insert(0) += 1;
        }
        prop_assert_eq!(seen.len(), agents * customers);
        prop_assert!(seen.values().all(|times| *times == rounds));
        let random = plan(agents, customers, seed, false);
        for number in [1, 7, 10_000] {
            let run = random.run(&batch, number).unwrap();
            prop_assert_eq!(&run, &random.run(&batch, number).unwrap());
            prop_assert_eq!(run.seed, all.run(&batch, number).unwrap().seed);
        }
        prop_assert!(random.run(&batch, 0).is_none());
    }

    #[test]
    fn scores_that_are_read_are_within_their_ranges_and_quote_whole_words(answer in answer()) {
        let criteria = [Criterion { name: "order".to_owned(), asks: "Was it?".to_owned() }];
        let said = ["Hello, Ada.", "I am unhappy: a river took my order!"].map(str::to_owned);
        let lines = lines(&said, Speaker::Agent);
        let Some(scores) = score::read(&answer.to_string(), "m", &criteria, &lines) else {
            return Ok(());
        };
        for rating in [&scores.churn_risk, &scores.propensity_to_buy, &scores.satisfaction] {
            prop_assert!(rating.value <= 100);
            prop_assert!(rating.because.as_deref().is_none_or(|name| name == "order"));
        }
        for mood in [scores.sentiment.agent, scores.sentiment.customer] {
            prop_assert!((-2..=2).contains(&mood.start) && (-2..=2).contains(&mood.end));
        }
        let verdict = &scores.criteria["order"];
        let wanted = &answer["criteria"]["order"];
        match wanted["quote"].as_str().unwrap() {
            _ if wanted["met"] == false => prop_assert_eq!(verdict.met, Some(false)),
            "" | "happy" => prop_assert_eq!(verdict.met, None),
            _ => prop_assert_eq!(verdict.met, Some(true)),
        }
    }

    #[test]
    fn scores_are_never_read_from_any_other_text(text in "\\PC{0,200}") {
        let criteria = [Criterion { name: "order".to_owned(), asks: "Was it?".to_owned() }];
        prop_assert!(score::read(&text, "m", &criteria, &[]).is_none());
    }

    #[test]
    fn each_side_sees_every_line_once_and_its_own_as_the_assistants(
        texts in prop::collection::vec("[a-z]{1,8}", 0..20), first in speaker(), viewer in speaker(),
    ) {
        let lines = lines(&texts, first);
        let (turns, heard) = seen_by(viewer, &lines);
        let own: Vec<&str> = turns.iter().map(|turn| turn.assistant.as_str()).collect();
        let said = lines.iter().filter(|line| line.speaker == viewer);
        prop_assert_eq!(own, said.map(|line| line.text.as_str()).collect::<Vec<_>>());
        let users = turns.iter().map(|turn| turn.user.as_str()).chain([heard.as_str()]);
        let users: Vec<&str> = users.filter(|text| !text.starts_with('[')).collect();
        let others = lines.iter().filter(|line| line.speaker != viewer);
        prop_assert_eq!(users, others.map(|line| line.text.as_str()).collect::<Vec<_>>());
    }
}
