//! Conversations of two personas whom the mock OpenAI plays, and their scores.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cast::{
    Cast, Line, conversation, files, line_of, line_request, next_line, score_request,
};
use crate::harness::Playground;

/// Longer than any conversation that ends by itself.
const MOST_LINES: usize = 40;

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn every_pair_ends_with_goodbye_in_about_the_expected_length_and_repeats_no_line() {
    let playground = Playground::start();
    let scenarios = files("scenarios");
    let pairs = files("personas/agents").into_iter().enumerate();
    for (row, agent) in pairs {
        for (column, customer) in files("personas/customers").into_iter().enumerate() {
            let scenario = &scenarios[(row + column) % scenarios.len()];
            let cast = Cast::new(&agent, &customer, scenario);
            let lines = conversation(&playground, &cast, MOST_LINES);
            let place = format!("{agent}, {customer}, {scenario}: {:#?}", texts(&lines));
            let (last, before) = (&lines[lines.len() - 1], &lines[..lines.len() - 2]);
            assert!(
                last.ends_call && last.text.to_lowercase().contains("bye"),
                "{place}"
            );
            assert!(before.iter().all(|line| !line.ends_call), "{place}");
            let distinct: BTreeSet<&str> = texts(&lines).into_iter().collect();
            assert_eq!(distinct.len(), lines.len(), "{place}");
            let most = match cast.expected_length.as_str() {
                "short" => 9,
                "medium" => 13,
                _ => 19,
            };
            assert!((4..=most).contains(&lines.len()), "{place}");
        }
    }
}

#[test]
fn a_short_call_is_shorter_than_a_long_one() {
    let playground = Playground::start();
    let length = |customer: &str| {
        let cast = Cast::new("priya-raman", customer, "billing-dispute");
        conversation(&playground, &cast, MOST_LINES).len()
    };
    let lengths = ["dana-whitfield", "lucia-ferreira", "eleanor-fitzgerald"].map(length);
    assert_eq!(lengths, [7, 11, 17]);
}

#[test]
fn a_conversation_depends_on_who_speaks_and_on_the_scenario_and_on_nothing_else() {
    let playground = Playground::start();
    let of = |agent: &str, customer: &str, scenario: &str| {
        conversation(
            &playground,
            &Cast::new(agent, customer, scenario),
            MOST_LINES,
        )
    };
    let one = of("priya-raman", "dana-whitfield", "billing-dispute");
    assert_eq!(one, of("priya-raman", "dana-whitfield", "billing-dispute"));
    for other in [
        of("tyler-brandt", "dana-whitfield", "billing-dispute"),
        of("priya-raman", "rob-castellano", "billing-dispute"),
        of("priya-raman", "dana-whitfield", "lost-delivery"),
    ] {
        let both: Vec<&str> = texts(&one);
        let same = texts(&other)
            .iter()
            .filter(|text| both.contains(text))
            .count();
        assert!(same * 2 < one.len(), "{one:#?} {other:#?}");
    }
    let said = texts(&one).join(" ");
    for words in [
        "Larkfield Mobile",
        "taken twice",
        "48213",
        "What I want is the second payment back",
    ] {
        assert!(said.contains(words), "{words} is missing: {one:#?}");
    }
}

#[test]
fn an_impatient_customer_leaves_an_agent_who_does_not_know() {
    let playground = Playground::start();
    let customer_said = |agent: &str| {
        let cast = Cast::new(agent, "rob-castellano", "complaint-follow-up");
        let lines = conversation(&playground, &cast, MOST_LINES);
        let own = lines.into_iter().filter(|line| !line.by_agent);
        own.map(|line| line.text).collect::<Vec<_>>().join(" ")
    };
    let said = customer_said("tyler-brandt");
    assert!(
        said.contains("supervisor") && said.contains("hanging up"),
        "{said}"
    );
    let said = customer_said("noor-haddad");
    assert!(!said.contains("supervisor"), "{said}");
}

#[test]
fn directions_are_followed() {
    let playground = Playground::start();
    let cast = Cast::new("priya-raman", "dana-whitfield", "billing-dispute");
    let lines = conversation(&playground, &cast, 3);
    let usual = next_line(&playground, &cast, false, &lines, "");
    let directed = |direction: &str| {
        let line = next_line(&playground, &cast, false, &lines, direction);
        assert_ne!(line.text, usual.text, "{direction}");
        line
    };
    assert!(
        directed("Mishear the other person's name.")
            .text
            .contains("Briya")
    );
    let wrong = directed("Give a wrong order number, and correct it if asked.");
    assert!(
        wrong.text.contains("48231") && !wrong.text.contains("48213"),
        "{wrong:?}"
    );
    let mut after = lines.clone();
    after.extend([
        wrong,
        Line {
            by_agent: true,
            text: "Is that number right?".to_owned(),
            ends_call: false,
        },
    ]);
    let corrected = next_line(&playground, &cast, false, &after, "");
    assert!(corrected.text.contains("48213"), "{corrected:?}");
    let topic = directed("Change the topic.");
    assert!(
        topic.text.contains('?') && !topic.text.contains("payment"),
        "{topic:?}"
    );
    for direction in ["Interrupt the other person.", "Show impatience."] {
        let line = directed(direction);
        assert!(line.text.ends_with(&usual.text), "{direction} {line:?}");
    }
    let unknown = next_line(&playground, &cast, false, &lines, "Sing.");
    assert_eq!(unknown, usual);
    let to_agent = next_line(
        &playground,
        &cast,
        true,
        &lines[..2],
        "Mishear the other person's name.",
    );
    assert!(to_agent.text.contains("Tana"), "{to_agent:?}");
}

fn score(playground: &Playground, cast: &Cast, lines: &[Line]) -> Value {
    let answer = playground.complete(&score_request(cast, lines));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let content = answer.json()["choices"][0]["message"]["content"].clone();
    serde_json::from_str(content.as_str().unwrap()).unwrap()
}

#[test]
fn a_score_fits_its_schema_and_quotes_the_transcript_word_for_word() {
    let playground = Playground::start();
    let mut met = 0;
    for scenario in files("scenarios") {
        let cast = Cast::new("ingrid-solheim", "amina-diallo", &scenario);
        let lines = conversation(&playground, &cast, MOST_LINES);
        let score = score(&playground, &cast, &lines);
        let names: BTreeSet<&String> = cast.criteria.iter().map(|(name, _)| name).collect();
        let criteria = score["criteria"].as_object().unwrap();
        assert_eq!(criteria.keys().collect::<BTreeSet<_>>(), names);
        for (name, result) in criteria {
            let quote = result["quote"].as_str().unwrap();
            let is_met = result["met"].as_bool().unwrap();
            assert_eq!(is_met, !quote.is_empty(), "{name}");
            assert!(
                lines.iter().any(|line| line.text.contains(quote)),
                "{name}: {quote}"
            );
            met += usize::from(is_met);
        }
        for name in ["churn_risk", "propensity_to_buy", "satisfaction"] {
            let value = score[name]["value"].as_i64().unwrap();
            assert!((0..=100).contains(&value), "{name}: {value}");
            assert!(criteria.contains_key(score[name]["because"].as_str().unwrap()));
        }
        for (who, when) in [
            ("agent", "start"),
            ("agent", "end"),
            ("customer", "start"),
            ("customer", "end"),
        ] {
            let mood = score["sentiment"][who][when].as_i64().unwrap();
            assert!((-2..=2).contains(&mood), "{who} {when}: {mood}");
        }
        assert_eq!(score.as_object().unwrap().len(), 7);
    }
    assert!(
        met >= 12,
        "only {met} criteria of a competent agent are met"
    );
}

#[test]
fn a_call_that_went_well_scores_better_than_one_that_did_not() {
    let playground = Playground::start();
    let of = |agent: &str| {
        let cast = Cast::new(agent, "rob-castellano", "complaint-follow-up");
        let lines = conversation(&playground, &cast, MOST_LINES);
        score(&playground, &cast, &lines)
    };
    let (good, bad) = (of("priya-raman"), of("tyler-brandt"));
    assert_eq!(
        (&good["escalated"], &bad["escalated"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(bad["resolution"], "unresolved");
    assert_ne!(good["resolution"], "unresolved");
    let value = |score: &Value, name: &str| score[name]["value"].as_i64().unwrap();
    assert!(
        value(&good, "satisfaction") > value(&bad, "satisfaction"),
        "{good} {bad}"
    );
    assert!(
        value(&good, "churn_risk") < value(&bad, "churn_risk"),
        "{good} {bad}"
    );
}

#[test]
fn a_schema_that_strict_mode_does_not_know_is_refused() {
    let playground = Playground::start();
    let cast = Cast::new("priya-raman", "dana-whitfield", "billing-dispute");
    for mut request in [
        line_request(&cast, true, &[], ""),
        score_request(&cast, &[]),
    ] {
        request["response_format"]["json_schema"]["schema"]["additionalProperties"] = json!(true);
        let answer = playground.complete(&request);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains("additionalProperties"));
    }
}

#[test]
fn a_line_is_counted_in_tokens_cut_by_their_limit_and_streamed_like_any_answer() {
    let playground = Playground::start();
    let cast = Cast::new("priya-raman", "dana-whitfield", "billing-dispute");
    let mut request = line_request(&cast, true, &[], "");
    let answer = playground.complete(&request);
    let usage = answer.json()["usage"].clone();
    assert!(usage["prompt_tokens"].as_u64().unwrap() > 100, "{usage}");
    assert!(usage["completion_tokens"].as_u64().unwrap() > 10, "{usage}");
    let whole = line_of(&answer, true).text;
    request["max_completion_tokens"] = json!(5);
    let cut = playground.complete(&request).json();
    assert_eq!(cut["choices"][0]["finish_reason"], "length");
    request["max_completion_tokens"] = json!(500);
    request["stream"] = json!(true);
    let streamed = playground.complete(&request).text();
    let chunks = streamed
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let deltas = chunks.filter_map(|chunk| {
        let chunk: Value = serde_json::from_str(chunk).ok()?;
        Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())
    });
    let line: Value = serde_json::from_str(&deltas.collect::<String>()).unwrap();
    assert_eq!(line["say"], whole);
}
