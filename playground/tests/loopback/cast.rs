//! Two personas in a call, as the Worker asks the model for them: the messages, the schemas, and the
//! conversation that comes of it. The personas and scenarios are those of the project.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Answer, Playground, chat};

/// The folder of the project.
fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of the files in a folder of the project, without their ending.
pub fn files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(project().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn read(folder: &str, name: &str) -> toml::Table {
    let path = project().join(folder).join(format!("{name}.toml"));
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// A value of a file in one line. Lists are joined by `separator`.
fn value(table: &toml::Table, name: &str, separator: &str) -> String {
    match &table[name] {
        toml::Value::Array(list) => {
            let texts: Vec<&str> = list.iter().map(|text| text.as_str().unwrap()).collect();
            texts.join(separator)
        }
        other => other.as_str().unwrap().to_owned(),
    }
}

/// The two personas of a call, and its scenario.
pub struct Cast {
    pub agent: String,
    pub customer: String,
    pub agent_speaks_first: bool,
    pub expected_length: String,
    /// The names and questions of the criteria.
    pub criteria: Vec<(String, String)>,
}

impl Cast {
    pub fn new(agent: &str, customer: &str, scenario: &str) -> Self {
        let (agent, customer) = (
            read("personas/agents", agent),
            read("personas/customers", customer),
        );
        let scenario = read("scenarios", scenario);
        let lines = |persona: &toml::Table, labels: &[(&str, &str)]| -> String {
            let line = |(label, name): &(&str, &str)| {
                let separator = if *name == "facts" { " | " } else { "; " };
                format!("{label}: {}\n", value(persona, name, separator))
            };
            labels.iter().map(line).collect()
        };
        let setting = value(&scenario, "setting", "");
        let rules =
            format!("Play one persona in a phone call. Say one line.\nScenario: {setting}\n");
        let goal = value(&scenario, "goal", "");
        let criteria = scenario["success_criteria"].as_array().unwrap();
        let criteria = criteria.iter().map(|criterion| {
            let text = |name: &str| criterion[name].as_str().unwrap().to_owned();
            (text("name"), text("asks"))
        });
        Self {
            agent: format!(
                "{rules}Goal of the call: {goal}\nYou are: the agent\n{}",
                lines(&agent, &AGENT_LABELS)
            ),
            customer: format!(
                "{rules}You are: the customer\n{}",
                lines(&customer, &CUSTOMER_LABELS)
            ),
            agent_speaks_first: value(&scenario, "first_speaker", "") == "agent",
            expected_length: value(&customer, "expected_length", ""),
            criteria: criteria.collect(),
        }
    }
}

const AGENT_LABELS: [(&str, &str); 8] = [
    ("Name", "name"),
    ("Role", "role"),
    ("Opening", "opening"),
    ("Competence", "competence"),
    ("Attitude", "attitude"),
    ("Product knowledge", "product_knowledge"),
    ("Characteristics", "characteristics"),
    ("Farewell", "farewell"),
];
const CUSTOMER_LABELS: [(&str, &str); 10] = [
    ("Name", "name"),
    ("Issue", "issue"),
    ("Desired resolution", "desired_resolution"),
    ("Demeanour", "demeanour"),
    ("Technical proficiency", "technical_proficiency"),
    ("Patience", "patience"),
    ("Escalates when", "escalation_trigger"),
    ("Hangs up when", "hangs_up_when"),
    ("Expected length", "expected_length"),
    ("Facts", "facts"),
];

/// A line of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub by_agent: bool,
    pub text: String,
    pub ends_call: bool,
}

/// The request for a persona's next line.
pub fn line_request(cast: &Cast, by_agent: bool, lines: &[Line], direction: &str) -> Value {
    let system = if by_agent {
        &cast.agent
    } else {
        &cast.customer
    };
    let mut messages = vec![("system", system.clone())];
    if lines.is_empty() {
        let connected = "[The call is connected. You speak first.]".to_owned();
        messages.push(("user", connected));
    }
    for line in lines {
        let role = if line.by_agent == by_agent {
            "assistant"
        } else {
            "user"
        };
        messages.push((role, line.text.clone()));
    }
    if !direction.is_empty() {
        let last = messages.last_mut().unwrap();
        last.1 = format!("{}\n[Direction: {direction}]", last.1);
    }
    let messages: Vec<(&str, &str)> = messages
        .iter()
        .map(|(role, content)| (*role, content.as_str()))
        .collect();
    let mut request = chat(&messages);
    request["response_format"] = form(
        "persona_line",
        &[
            ("say", json!({"type": "string"})),
            ("ends_call", json!({"type": "boolean"})),
        ],
    );
    request
}

/// The line in an answer.
pub fn line_of(answer: &Answer, by_agent: bool) -> Line {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let content = answer.json()["choices"][0]["message"]["content"].clone();
    let line: Value = serde_json::from_str(content.as_str().unwrap()).unwrap();
    assert_eq!(line.as_object().unwrap().len(), 2, "{line}");
    Line {
        by_agent,
        text: line["say"].as_str().unwrap().to_owned(),
        ends_call: line["ends_call"].as_bool().unwrap(),
    }
}

/// A persona's next line.
pub fn next_line(
    playground: &Playground,
    cast: &Cast,
    by_agent: bool,
    lines: &[Line],
    direction: &str,
) -> Line {
    let request = line_request(cast, by_agent, lines, direction);
    line_of(&playground.complete(&request), by_agent)
}

/// The first `most` lines of a conversation, or all of them.
pub fn conversation(playground: &Playground, cast: &Cast, most: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut by_agent = cast.agent_speaks_first;
    while lines.len() < most {
        let line = next_line(playground, cast, by_agent, &lines, "");
        let answers_goodbye = lines.last().is_some_and(|last| last.ends_call);
        let is_over = answers_goodbye && line.ends_call;
        lines.push(line);
        if is_over {
            break;
        }
        by_agent = !by_agent;
    }
    lines
}

/// The request for the score of a conversation.
pub fn score_request(cast: &Cast, lines: &[Line]) -> Value {
    let asks = cast.criteria.iter();
    let asks: Vec<String> = asks
        .map(|(name, asks)| format!("Criterion {name}: {asks}"))
        .collect();
    let lines: Vec<Value> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let speaker = if line.by_agent { "agent" } else { "customer" };
            json!({"n": index + 1, "speaker": speaker, "text": line.text})
        })
        .collect();
    let system = format!("Score the conversation.\n{}", asks.join("\n"));
    let transcript = json!({ "lines": lines }).to_string();
    let mut request = chat(&[("system", &system), ("user", &transcript)]);
    request["response_format"] = score_form(cast);
    request
}

fn score_form(cast: &Cast) -> Value {
    let names: Vec<&String> = cast.criteria.iter().map(|(name, _)| name).collect();
    let criterion = object(&[
        ("met", json!({"type": "boolean"})),
        ("quote", json!({"type": "string"})),
    ]);
    let of_names: Vec<(&str, Value)> = names
        .iter()
        .map(|name| (name.as_str(), criterion.clone()))
        .collect();
    let mood = json!({"type": "integer", "minimum": -2, "maximum": 2});
    let course = object(&[("start", mood.clone()), ("end", mood)]);
    let value = object(&[
        (
            "value",
            json!({"type": "integer", "minimum": 0, "maximum": 100}),
        ),
        ("because", json!({"type": "string", "enum": names})),
    ]);
    let outcomes = ["resolved", "partly", "unresolved"];
    form(
        "conversation_score",
        &[
            ("criteria", object(&of_names)),
            ("resolution", json!({"type": "string", "enum": outcomes})),
            ("escalated", json!({"type": "boolean"})),
            (
                "sentiment",
                object(&[("agent", course.clone()), ("customer", course)]),
            ),
            ("churn_risk", value.clone()),
            ("propensity_to_buy", value.clone()),
            ("satisfaction", value),
        ],
    )
}

/// A strict form of an answer.
fn form(name: &str, properties: &[(&str, Value)]) -> Value {
    json!({"type": "json_schema", "json_schema": {
        "name": name, "strict": true, "schema": object(properties)
    }})
}

fn object(properties: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let fields: serde_json::Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({"type": "object", "required": names, "additionalProperties": false, "properties": fields})
}
