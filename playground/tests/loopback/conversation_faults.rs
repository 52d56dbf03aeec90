//! Faults of personas in a call and of scores: by the control route, and by a directive in the text
//! of a persona or a scenario.

use serde_json::{Value, json};

use crate::cast::{Cast, Line, conversation, line_request, next_line, score_request};
use crate::harness::{Answer, Playground};
use crate::page_client::switch;

fn cast() -> Cast {
    Cast::new("priya-raman", "dana-whitfield", "billing-dispute")
}

/// The cast with a directive in the scenario, which both personas get.
fn directed(directive: &str) -> Cast {
    let cast = cast();
    let scenario = format!("Scenario: {directive} ");
    Cast {
        agent: cast.agent.replace("Scenario: ", &scenario),
        customer: cast.customer.replace("Scenario: ", &scenario),
        ..cast
    }
}

fn content(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["choices"][0]["message"]["content"].clone()
}

#[test]
fn personas_who_never_say_goodbye_go_on_and_on_without_repeating_themselves() {
    let playground = Playground::start();
    let cast = directed("[fault body=no_goodbye]");
    let lines = conversation(&playground, &cast, 60);
    assert_eq!(lines.len(), 60);
    for (index, line) in lines.iter().enumerate() {
        assert!(
            !line.ends_call && !line.text.to_lowercase().contains("goodbye"),
            "{line:?}"
        );
        assert!(!line.text.contains("fault"), "{line:?}");
        let earlier = &lines[..index];
        assert!(
            earlier.iter().all(|other| other.text != line.text),
            "{line:?}"
        );
    }
}

#[test]
fn a_persona_repeats_itself_as_often_as_ordered() {
    let playground = Playground::start();
    let cast = cast();
    let mut lines = conversation(&playground, &cast, 3);
    playground.fault(&json!({
        "service": "openai", "body": "same_line", "times": 2, "contains": "You are: the agent"
    }));
    for by_agent in [false, true, false, true] {
        let line = next_line(&playground, &cast, by_agent, &lines, "");
        let own = lines
            .iter()
            .rev()
            .find(|line| line.by_agent == by_agent)
            .unwrap();
        assert_eq!(line.text == own.text, by_agent, "{line:?}");
        lines.push(line);
    }
    let line = next_line(&playground, &cast, true, &lines, "");
    assert!(
        lines.iter().all(|other| other.text != line.text),
        "the fault is used up"
    );
}

#[test]
fn a_score_can_quote_what_nobody_said() {
    let playground = Playground::start();
    let cast = cast();
    let lines = conversation(&playground, &cast, 40);
    playground.fault(&json!({
        "service": "openai", "body": "false_quote", "contains": "conversation_score"
    }));
    assert!(
        conversation(&playground, &cast, 2).len() == 2,
        "lines are not meant"
    );
    let has_false_quote = || {
        let answer = content(&playground.complete(&score_request(&cast, &lines)));
        let score: Value = serde_json::from_str(answer.as_str().unwrap()).unwrap();
        let criteria = score["criteria"].as_object().unwrap().clone();
        criteria.values().any(|result| {
            let quote = result["quote"].as_str().unwrap().to_owned();
            !lines.iter().any(|line| line.text.contains(&quote))
        })
    };
    assert!(has_false_quote());
    assert!(!has_false_quote());
}

#[test]
fn an_answer_can_be_prose_instead_of_json() {
    let playground = Playground::start();
    let cast = cast();
    for request in [
        line_request(&cast, false, &[], ""),
        score_request(&cast, &[]),
    ] {
        playground.fault(&json!({"service": "openai", "body": "plain_answer"}));
        let said = content(&playground.complete(&request));
        let said = said.as_str().unwrap();
        assert!(serde_json::from_str::<Value>(said).is_err(), "{said}");
        let said = content(&playground.complete(&request));
        assert!(serde_json::from_str::<Value>(said.as_str().unwrap()).is_ok());
    }
}

#[test]
fn a_directive_counts_in_the_text_of_its_persona_and_not_in_what_is_said() {
    let playground = Playground::start();
    let own = cast();
    let failing = Cast {
        customer: own
            .customer
            .replace("Issue: ", "Issue: [fault status=503] "),
        ..cast()
    };
    let greeting = Line {
        by_agent: true,
        text: "Hello. [fault status=500]".to_owned(),
        ends_call: false,
    };
    for _ in 0..3 {
        let request = line_request(&failing, false, std::slice::from_ref(&greeting), "");
        assert_eq!(playground.complete(&request).status, 503);
    }
    let request = line_request(&own, false, std::slice::from_ref(&greeting), "");
    assert_eq!(
        playground.complete(&request).status,
        200,
        "what is said is no order"
    );
    let request = line_request(&failing, true, &[], "");
    assert_eq!(
        playground.complete(&request).status,
        200,
        "the agent is not meant"
    );
    let unreadable = directed("[fault colour=red]");
    let answer = playground.complete(&line_request(&unreadable, true, &[], ""));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("colour=red"));
}

#[test]
fn the_usual_faults_apply_to_personas_and_scores_too() {
    let playground = Playground::start();
    let mut cast = directed("[fault body=refusal]");
    let answer = playground.complete(&line_request(&cast, true, &[], ""));
    assert_eq!(content(&answer), Value::Null);
    assert!(answer.json()["choices"][0]["message"]["refusal"].is_string());
    cast.criteria[0]
        .1
        .push_str(" [fault body=empty_answer delay=1ms]");
    assert_eq!(
        content(&playground.complete(&score_request(&cast, &[]))),
        ""
    );
    let old = directed("[fault server=old]");
    let mut request = line_request(&old, true, &[], "");
    request["max_completion_tokens"] = json!(300);
    let answer = playground.complete(&request);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("max_tokens"));
    // The last one is switched on at the page, for all phones.
    let request = line_request(&self::cast(), true, &[], "");
    assert_eq!(playground.complete(&request).status, 200);
    switch(&playground, None, &json!({"model_error": true}));
    assert_eq!(playground.complete(&request).status, 500);
}
