//! Reads the files of personas and scenarios.
//!
//! Not here: how a field is read (`toml_file`).

use std::{collections::BTreeMap, str::FromStr};

use super::{
    super::{
        parsers::{self, Parsed},
        reader::FileError,
        toml_file::{Found, Reader, Table},
    },
    Agent, Criterion, Customer, Length, Level, Limits, PersonaFile, Personas, SECONDS, Scenario,
    Sound, Speaker, TURNS,
    id::NotAnId,
};

/// The folder of the agents.
const AGENTS: &str = "personas/agents/";
/// The folder of the customers.
const CUSTOMERS: &str = "personas/customers/";
/// The folder of the scenarios.
const SCENARIOS: &str = "scenarios/";
/// The longest text of a field, in characters.
const MAX_TEXT: usize = 1000;
/// The longest entry of a list, in characters.
const MAX_ENTRY: usize = 200;
/// The most characteristics of an agent, and the most criteria of a scenario.
const MAX_ENTRIES: usize = 8;
/// The most facts of a customer.
const MAX_FACTS: usize = 12;
/// The largest file, in bytes.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// Reads all files.
///
/// # Errors
/// Everything that is wrong in them, in the order of the files.
pub fn parse(files: &[PersonaFile]) -> Result<Personas, Vec<FileError>> {
    let mut personas = Personas::default();
    let mut errors = Vec::new();
    for file in files {
        let path = file.path.as_str();
        if let Some(name) = path.strip_prefix(AGENTS) {
            add(&mut personas.agents, file, name, agent, &mut errors);
        } else if let Some(name) = path.strip_prefix(CUSTOMERS) {
            add(&mut personas.customers, file, name, customer, &mut errors);
        } else if let Some(name) = path.strip_prefix(SCENARIOS) {
            add(&mut personas.scenarios, file, name, scenario, &mut errors);
        }
    }
    if errors.is_empty() {
        Ok(personas)
    } else {
        Err(errors)
    }
}

/// Reads a file, and adds what it describes.
fn add<I: FromStr<Err = NotAnId> + Ord, T>(
    all: &mut BTreeMap<I, T>,
    file: &PersonaFile,
    name: &str,
    read: impl Fn(&mut Table<'_, '_>) -> Option<T>,
    errors: &mut Vec<FileError>,
) {
    let whole = |problem: String| FileError {
        file: file.path.clone(),
        line: 1,
        field: String::new(),
        problem,
    };
    let id = match name.strip_suffix(".toml").unwrap_or(name).parse::<I>() {
        Ok(id) => id,
        Err(error) => return errors.push(whole(format!("has a name that is no id: it {error}"))),
    };
    if file.text.len() > MAX_FILE_BYTES {
        return errors.push(whole("must have at most 64 kB".to_owned()));
    }
    let reader = Reader::new(file.path.clone(), &file.text);
    let read = reader.parse().and_then(|table| {
        let mut table = Table::of_file(&reader, &table);
        let read = read(&mut table);
        table.finish();
        read
    });
    let own = reader.into_errors();
    if let Some(read) = read.filter(|_| own.is_empty()) {
        all.insert(id, read);
    }
    errors.extend(own);
}

fn agent(table: &mut Table<'_, '_>) -> Option<Agent> {
    let name = line(table, "name");
    let role = line(table, "role");
    let opening = line(table, "opening");
    let competence = word(table, "competence", Level::parse);
    let attitude = line(table, "attitude");
    let product_knowledge = line(table, "product_knowledge");
    let characteristics = lines(table, "characteristics", MAX_ENTRIES);
    let farewell = line(table, "farewell");
    let sound = sound(table, "Joanna-Neural");
    Some(Agent {
        name: name?,
        role: role?,
        opening: opening?,
        competence: competence?,
        attitude: attitude?,
        product_knowledge: product_knowledge?,
        characteristics: characteristics?,
        farewell: farewell?,
        sound: sound?,
    })
}

fn customer(table: &mut Table<'_, '_>) -> Option<Customer> {
    let name = line(table, "name");
    let issue = line(table, "issue");
    let desired_resolution = line(table, "desired_resolution");
    let demeanour = line(table, "demeanour");
    let technical_proficiency = word(table, "technical_proficiency", Level::parse);
    let patience = word(table, "patience", Level::parse);
    let escalation_trigger = line(table, "escalation_trigger");
    let hangs_up_when = line(table, "hangs_up_when");
    let expected_length = word(table, "expected_length", Length::parse);
    let facts = lines(table, "facts", MAX_FACTS);
    let sound = sound(table, "Matthew-Neural");
    Some(Customer {
        name: name?,
        issue: issue?,
        desired_resolution: desired_resolution?,
        demeanour: demeanour?,
        technical_proficiency: technical_proficiency?,
        patience: patience?,
        escalation_trigger: escalation_trigger?,
        hangs_up_when: hangs_up_when?,
        expected_length: expected_length?,
        facts: facts?,
        sound: sound?,
    })
}

fn scenario(table: &mut Table<'_, '_>) -> Option<Scenario> {
    let setting = line(table, "setting");
    let goal = line(table, "goal");
    let first_speaker = word(table, "first_speaker", |text| match text {
        "agent" => Ok(Speaker::Agent),
        "customer" => Ok(Speaker::Customer),
        _ => Err("must be agent or customer"),
    });
    let criteria = criteria(table);
    let limits = table.table("limits").map_or(Limits::default(), |mut own| {
        let default = Limits::default();
        let limits = Limits {
            turns: own.number("turns", TURNS).unwrap_or(default.turns),
            seconds: own.number("seconds", SECONDS).unwrap_or(default.seconds),
        };
        own.finish();
        limits
    });
    Some(Scenario {
        setting: setting?,
        goal: goal?,
        criteria: criteria?,
        first_speaker: first_speaker?,
        limits,
    })
}

fn criteria(table: &mut Table<'_, '_>) -> Option<Vec<Criterion>> {
    if !table.has("success_criteria") {
        table.missing("success_criteria");
        return None;
    }
    let mut criteria: Vec<Criterion> = Vec::new();
    let entries = table.tables("success_criteria");
    if !(1..=MAX_ENTRIES).contains(&entries.len()) {
        table.error("must have 1 to 8 success_criteria");
    }
    for mut entry in entries {
        let name = entry.required_text("name").and_then(|name| {
            name.parse(|text| {
                let is_new = criteria.iter().all(|criterion| criterion.name != **text);
                criterion_name(text).and_then(|name| {
                    is_new
                        .then_some(name)
                        .ok_or("is the name of another criterion, too")
                })
            })
        });
        let asks = line(&mut entry, "asks");
        entry.finish();
        criteria.extend(name.zip(asks).map(|(name, asks)| Criterion { name, asks }));
    }
    Some(criteria)
}

/// A name that can be a key of the scores.
fn criterion_name(text: &str) -> Parsed<String> {
    let is_name = (1..=40).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    is_name
        .then(|| text.to_owned())
        .ok_or("must be 1 to 40 lower-case letters, digits and underscores, a letter first")
}

fn sound(table: &mut Table<'_, '_>, voice: &str) -> Option<Sound> {
    let language = optional(table, "language", "en-US", parsers::language_tag);
    let voice = optional(table, "voice", voice, parsers::plain_name);
    Some(Sound {
        language: language?,
        voice: voice?,
    })
}

/// A field that may be missing. `None`: it is wrong, and that is reported.
fn optional(
    table: &mut Table<'_, '_>,
    name: &'static str,
    default: &str,
    parse: impl Fn(&str) -> Parsed<String>,
) -> Option<String> {
    if table.has(name) {
        word(table, name, parse)
    } else {
        Some(default.to_owned())
    }
}

/// A word of a list that must be there.
fn word<T>(
    table: &mut Table<'_, '_>,
    name: &'static str,
    parse: impl Fn(&str) -> Parsed<T>,
) -> Option<T> {
    table
        .required_text(name)
        .and_then(|found| found.parse(|text| parse(text)))
}

/// A text that must be there. In a prompt it stands on one line.
fn line(table: &mut Table<'_, '_>, name: &'static str) -> Option<String> {
    let found = table.required_text(name)?;
    one_line(&found, MAX_TEXT)
}

/// A list of texts that must be there.
fn lines(table: &mut Table<'_, '_>, name: &'static str, most: usize) -> Option<Vec<String>> {
    if !table.has(name) {
        table.missing(name);
        return None;
    }
    let entries = table.texts(name)?;
    if !(1..=most).contains(&entries.len()) {
        table.error(format!("must have 1 to {most} {name}"));
        return None;
    }
    entries
        .iter()
        .map(|entry| one_line(entry, MAX_ENTRY))
        .collect()
}

fn one_line(found: &Found<'_, '_, &str>, longest: usize) -> Option<String> {
    found.parse(|text| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        if text.chars().any(char::is_control) {
            return Err("must have no control characters".to_owned());
        }
        if (1..=longest).contains(&text.chars().count()) {
            Ok(text)
        } else {
            Err(format!("must have 1 to {longest} characters"))
        }
    })
}
