use super::{Level, PersonaFile, Personas, Speaker, parse};
use crate::config::FileError;

const AGENT: &str = r#"
name = "Ada Ng"
role = "support agent of an online shop"
opening = "Hello, this is Ada. How can I help?"
competence = "high"
attitude = "warm"
product_knowledge = "All about orders."
characteristics = ["repeats what it heard"]
farewell = "Wishes a nice day."
"#;

const SCENARIO: &str = r#"
setting = """A customer
calls a shop."""
goal = "The order is found."
first_speaker = "agent"
[[success_criteria]]
name = "order_found"
asks = "Was the order found?"
[limits]
turns = 12
"#;

fn read(path: &str, text: &str) -> Result<Personas, Vec<FileError>> {
    parse(&[PersonaFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }])
}

fn errors(path: &str, text: &str) -> Vec<String> {
    let errors = read(path, text).expect_err("the file is wrong");
    let shown = |error: &FileError| format!("{}:{} {}", error.line, error.field, error.problem);
    errors.iter().map(shown).collect()
}

#[test]
fn a_persona_is_named_by_its_file() {
    let personas = read("personas/agents/ada-ng.toml", AGENT).expect("right");
    let agent = &personas.agents[&"ada-ng".parse().expect("an id")];
    assert_eq!(agent.name, "Ada Ng");
    assert_eq!(agent.competence, Level::High);
    assert_eq!(agent.sound.language, "en-US");
    assert_eq!(agent.sound.voice, "Joanna-Neural");
}

#[test]
fn what_a_scenario_leaves_out_has_a_default_and_its_texts_are_one_line() {
    let personas = read("scenarios/lost.toml", SCENARIO).expect("right");
    let scenario = &personas.scenarios[&"lost".parse().expect("an id")];
    assert_eq!(scenario.setting, "A customer calls a shop.");
    assert_eq!(scenario.first_speaker, Speaker::Agent);
    assert_eq!(scenario.limits.turns, 12);
    assert_eq!(scenario.limits.seconds, 300);
}

#[test]
fn an_error_names_the_line_and_the_field_and_what_would_be_right() {
    let wrong = AGENT
        .replace("competence = \"high\"", "competence = \"superb\"")
        .replace("attitude", "atitude");
    assert_eq!(
        errors("personas/agents/ada.toml", &wrong),
        [
            "1:attitude is missing",
            "5:competence must be low, medium or high",
            "6:atitude is not a field here; the nearest is attitude",
        ]
    );
}

#[test]
fn a_scenario_has_criteria_with_different_names() {
    let twice = SCENARIO.replace(
        "[limits]",
        "[[success_criteria]]\nname = \"order_found\"\nasks = \"Again?\"\n[limits]",
    );
    assert_eq!(
        errors("scenarios/lost.toml", &twice),
        ["10:success_criteria[1].name is the name of another criterion, too"]
    );
    let none = "setting = \"x\"\ngoal = \"y\"\nfirst_speaker = \"agent\"\n";
    assert_eq!(
        errors("scenarios/lost.toml", none),
        ["1:success_criteria is missing"]
    );
}

#[test]
fn a_limit_outside_its_range_is_an_error() {
    let long = SCENARIO.replace("turns = 12", "turns = 61");
    assert_eq!(
        errors("scenarios/lost.toml", &long),
        ["10:limits.turns must be a whole number, 2 to 60"]
    );
}

#[test]
fn a_file_whose_name_is_no_id_is_an_error() {
    let errors = errors("personas/agents/Ada Ng.toml", AGENT);
    assert_eq!(
        errors,
        ["1: has a name that is no id: it must be 1 to 40 lower-case letters, digits and hyphens"]
    );
}
