//! The promises of the page on synthetic conversations that no other test shows.
//!
//! Not here: what fails on the way (`failures`).

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::{
    config::{Criterion, PersonaFile, parse_personas},
    synthetic::{prompt, score},
};

use super::{begin, plain, platform, request, transcripts};
use crate::support::{FakePlatform, Incoming, WITH_ADMIN};

/// The text under a key of all messages of a role.
fn said(request: &Value, role: &str) -> Vec<String> {
    let messages = request["messages"].as_array().unwrap().iter();
    let own = messages.filter(|message| message["role"] == role);
    own.map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_longest_fields_of_personas_and_scenarios_reach_the_model_whole() {
    let (long, entry) = ("x".repeat(1000), "y".repeat(200));
    let customer = format!(
        "name = \"Kim\"\nissue = \"{long}1\"\ndesired_resolution = \"{long}\"\ndemeanour = \"{long}\"\n\
         technical_proficiency = \"low\"\npatience = \"low\"\nescalation_trigger = \"{long}\"\n\
         hangs_up_when = \"{long}\"\nexpected_length = \"long\"\nfacts = [{}]\n",
        vec![format!("\"{entry}\""); 12].join(", ")
    );
    let customer = customer.replace("x1", "");
    let scenario = format!(
        "setting = \"{long}\"\ngoal = \"{long}\"\nfirst_speaker = \"agent\"\n\
         [[success_criteria]]\nname = \"a\"\nasks = \"Was it?\"\n"
    );
    let file = |path: &str, text: String| PersonaFile {
        path: path.to_owned(),
        text,
    };
    let files = [
        file("personas/customers/kim.toml", customer),
        file("scenarios/long.toml", scenario),
    ];
    let personas = parse_personas(&files).unwrap();
    let scenario = personas.scenarios.values().next().unwrap();
    let customer = personas.customers.values().next().unwrap();
    let prompt = prompt::customer(scenario, customer);
    assert_eq!(prompt.matches(&long).count(), 5);
    assert_eq!(prompt.matches(&entry).count(), 12);
    assert!(prompt.contains(&customer.issue));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_greeting_is_heard_by_the_other_side_before_it_speaks() {
    let fake = platform();
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(2)).await;
    let first = &fake.model_requests()[0];
    assert_eq!(said(first, "user"), ["Hello, this is Ada."]);
    assert!(said(first, "assistant").is_empty());
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(run["turns"][0]["text"], "Hello, this is Ada.");
    assert_eq!(run["turns"][1]["speaker"], "customer");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn each_line_is_stored_once_and_only_one_side_has_the_floor() {
    let fake = platform();
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(2)).await;
    assert_eq!(fake.model_at_once(), 1);
    let run = &transcripts(&fake, &batch).await[0];
    let said_by = |speaker: &str| -> Vec<String> {
        let turns = run["turns"].as_array().unwrap().iter();
        let own = turns.filter(|turn| turn["speaker"] == speaker);
        own.map(|turn| turn["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let (agent, customer) = (said_by("agent"), said_by("customer"));
    assert_eq!((agent.len(), customer.len()), (4, 4));
    let lines = fake.model_requests().into_iter();
    for request in lines.filter(|one| !one.to_string().contains("conversation_score")) {
        // To a side, its own lines are the assistant's and those of the other the user's.
        let (own, mut other) = (said(&request, "assistant"), said(&request, "user"));
        other.retain(|text| !text.starts_with('['));
        let is_agent = own.first() == agent.first();
        let (mine, theirs) = if is_agent {
            (&agent, &customer)
        } else {
            (&customer, &agent)
        };
        assert!(mine.starts_with(&own), "{own:?}");
        assert!(theirs.starts_with(&other), "{other:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_line_that_no_model_has_to_say_costs_no_request() {
    let fake = platform();
    let mut body = plain(40);
    body["disturbances"] = json!(true);
    let batch = begin(&fake, &body).await;
    fake.pass(Duration::from_mins(5)).await;
    let mut silences = 0;
    for run in transcripts(&fake, &batch).await {
        let turns = run["turns"].as_array().unwrap();
        let silent = turns.iter().filter(|turn| turn["text"] == "").count();
        silences += silent;
        // The greeting is scripted, and the scores are one request.
        assert_eq!(run["cost"]["model_requests"], turns.len() - silent);
    }
    assert!(silences > 0);
    assert_eq!(
        fake.model_requests_reserved().await as usize,
        fake.model_requests().len()
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_batch_is_begun_only_with_the_operators_token_whatever_headers_say() {
    let fake = FakePlatform::with(&[WITH_ADMIN]);
    for header in [
        "X-Twilio-Signature",
        "X-Forwarded-For",
        "X-Test-Mode",
        "Cookie",
    ] {
        let mut incoming = Incoming::json("/admin/batches", &plain(1).to_string());
        incoming.headers.push((header, "skip".to_owned()));
        assert_eq!(fake.handle(&mut incoming).await.status, 401, "{header}");
    }
    fake.pass(Duration::from_mins(5)).await;
    assert!(fake.model_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn scores_are_stored_with_their_transcript_and_say_what_they_rest_on() {
    let fake = platform();
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(2)).await;
    for _ in 0..2 {
        let run = &transcripts(&fake, &batch).await[0];
        let scores = &run["scores"];
        assert_eq!(scores["resolution"], "resolved");
        assert_eq!(
            scores["satisfaction"],
            json!({ "value": 50, "because": "greeted" })
        );
        let quote = scores["criteria"]["greeted"]["quote"].as_str().unwrap();
        assert_eq!(run["turns"][0]["text"], quote);
        fake.kill_runs();
    }
}

/// OpenAI, "Structured model outputs": every object of a strict schema requires all of its properties and no others.
#[test]
fn every_object_of_a_schema_is_strict_as_the_service_demands() {
    fn check(schema: &Value) -> usize {
        let properties = schema["properties"].as_object();
        let mut objects = 0;
        if schema["type"] == "object" {
            let names: Vec<&String> = properties.unwrap().keys().collect();
            let mut required: Vec<&str> = schema["required"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap())
                .collect();
            required.sort_unstable();
            let mut names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(required, names);
            assert_eq!(schema["additionalProperties"], false);
            objects = 1;
        }
        objects
            + properties
                .into_iter()
                .flatten()
                .map(|(_, own)| check(own))
                .sum::<usize>()
    }
    let criterion = |name: &str| Criterion {
        name: name.to_owned(),
        asks: "Was it?".to_owned(),
    };
    let scores = score::schema(&[criterion("one"), criterion("two")]);
    for (schema, objects) in [(prompt::line_schema(), 1), (scores, 10)] {
        assert_eq!(schema["type"], "json_schema");
        let schema = &schema["json_schema"];
        assert_eq!(schema["strict"], true);
        let name = schema["name"].as_str().unwrap();
        assert!(name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        assert_eq!(check(&schema["schema"]), objects);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn beside_the_conversation_the_model_is_told_no_name() {
    let fake = platform();
    begin(&fake, &plain(2)).await;
    fake.pass(Duration::from_mins(2)).await;
    for mut request in fake.model_requests() {
        request.as_object_mut().unwrap().remove("messages");
        let rest = request.to_string().to_lowercase();
        for name in ["ada", "cleo", "late", "48213"] {
            assert!(!rest.contains(&format!("\"{name}")), "{name}: {rest}");
        }
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn every_transcript_says_that_it_is_synthetic() {
    let fake = platform();
    let batch = begin(&fake, &plain(3)).await;
    fake.pass(Duration::from_mins(2)).await;
    let path = format!("{batch}/runs.jsonl");
    let page = request(&fake, "GET", &path, None).await;
    assert_eq!(page.body.lines().count(), 3);
    assert!(
        page.body
            .lines()
            .all(|line| line.contains(r#""synthetic":true"#))
    );
}
