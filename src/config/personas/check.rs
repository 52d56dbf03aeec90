//! The check of all personas and scenarios: what is wrong, and what there is. `npm run personas`
//! shows it.

use serde::Serialize;

use super::{super::reader::FileError, PersonaFile, Personas, parse};

/// Checks the files, and returns the result as JSON.
#[must_use]
pub fn check(files: &[PersonaFile]) -> String {
    let (personas, errors) = match parse(files) {
        Ok(personas) => (personas, Vec::new()),
        Err(errors) => (Personas::default(), errors),
    };
    let checked = Checked {
        errors,
        agents: personas
            .agents
            .iter()
            .map(|(id, agent)| Summary {
                id: id.as_str(),
                name: Some(&agent.name),
                about: &agent.role,
                detail: format!("competence {}", agent.competence.as_str()),
            })
            .collect(),
        customers: personas
            .customers
            .iter()
            .map(|(id, customer)| Summary {
                id: id.as_str(),
                name: Some(&customer.name),
                about: &customer.issue,
                detail: format!(
                    "patience {}, {}",
                    customer.patience.as_str(),
                    customer.expected_length.as_str()
                ),
            })
            .collect(),
        scenarios: personas
            .scenarios
            .iter()
            .map(|(id, scenario)| Summary {
                id: id.as_str(),
                name: None,
                about: &scenario.goal,
                detail: format!(
                    "{} criteria, {} turns, {} s",
                    scenario.criteria.len(),
                    scenario.limits.turns,
                    scenario.limits.seconds
                ),
            })
            .collect(),
    };
    // Writing to memory never fails.
    serde_json::to_string(&checked).unwrap_or_default()
}

#[derive(Serialize)]
struct Checked<'p> {
    errors: Vec<FileError>,
    agents: Vec<Summary<'p>>,
    customers: Vec<Summary<'p>>,
    scenarios: Vec<Summary<'p>>,
}

/// A file in the table.
#[derive(Serialize)]
struct Summary<'p> {
    id: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'p str>,
    about: &'p str,
    detail: String,
}
