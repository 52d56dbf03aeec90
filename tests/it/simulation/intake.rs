//! The guided intake: its form, what the model reads and drafts, and how it errs.
//!
//! Not here: what must hold of an intake (`invariants::intake`), and the service that gets it (`hand_off`).

use serde_json::{Map, Value, json};
use switchboard::platform::{HttpRequest, HttpResponse};

use super::state::Simulation;
use crate::support::response::{completion, response};

/// The intake of the assistants that have one. Its service is on the desk's host.
pub const INTAKE: &str = r#"
[intake]
draft = "Draft a note of these fields."
deliver_to = "https://desk.example/intake"
secret = "DESK_SECRET"
expires_after_minutes = 30

[[intake.fields]]
name = "kind"
label = "Kind"
ask = "What kind is it?"
kind = "choice"
choices = ["News", "Event"]

[[intake.fields]]
name = "name"
label = "Name"
ask = "What is its name?"

[[intake.fields]]
name = "email"
label = "E-mail"
ask = "What is the e-mail address?"
kind = "email"
required = false

[[intake.fields]]
name = "points"
label = "Points"
ask = "What are the points?"
kind = "list"
required = false
"#;

/// Its fields.
pub const FIELDS: [&str; 4] = ["kind", "name", "email", "points"];
/// How long an unfinished one is kept, in milliseconds.
pub const LIFETIME: u64 = 1_800_000;
/// Parts of drafts and answers of the model that nobody may read.
pub const NEVER_READ: [&str; 3] = ["987654321", "never said", "It is saved"];

/// What a request asks, if it is one of an intake.
pub enum Form {
    /// To read what a contact has said.
    Read(Value),
    /// To draft of these fields.
    Draft(Value),
}

impl Form {
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let body: Value = serde_json::from_slice(&request.body.to_bytes()).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let prompt = messages.first()?["content"].as_str()?;
        let last = &messages.last()?["content"];
        let text = last[0]["text"].as_str().or(last.as_str())?;
        if prompt.contains("Reply with one JSON object") {
            Some(Self::Read(serde_json::from_str(text).ok()?))
        } else if prompt.contains("Draft a note of these fields.") {
            Some(Self::Draft(serde_json::from_str(text).ok()?))
        } else {
            None
        }
    }
}

impl Simulation {
    /// What the model reads or drafts.
    pub fn say_of_form(&self, name: &str, form: &Form) -> HttpResponse {
        let text = match form {
            Form::Read(data) => self.reading(name, data),
            Form::Draft(fields) => self.draft(name, fields),
        };
        response(200, completion(&text, "stop").to_string())
    }

    fn reading(&self, name: &str, data: &Value) -> String {
        let random = &self.random;
        if random.chance(60) {
            self.count("readings that are no JSON");
            self.invariants.borrow_mut().told_of_calls(name, false);
            return "I would rather talk about something else.".to_owned();
        }
        let asked = data["asked"].as_str().unwrap_or_default();
        let mut read = Map::new();
        for field in FIELDS {
            let is_known = data["fields"].get(field).is_some();
            let odds = match (asked == field, is_known) {
                (true, _) => 750,
                (false, false) => 600,
                (false, true) => 60,
            };
            let value = random.chance(odds).then(|| self.value(name, field));
            read.insert(field.to_owned(), value.unwrap_or(Value::Null));
        }
        let answer = match random.below(10) {
            0 | 1 => {
                let number = self.invariants.borrow_mut().next_number();
                json!(format!("Gladly, note#{number}"))
            }
            2 => json!("It is saved."),
            _ => Value::Null,
        };
        let confirm = match random.below(10) {
            _ if asked != "confirm" => Value::Null,
            0..4 => json!("yes"),
            4 => json!("no"),
            _ => Value::Null,
        };
        let skip = random.chance(100);
        json!({ "fields": read, "skip": skip, "confirm": confirm, "answer": answer }).to_string()
    }

    /// A value of a field. Some are not of its kind.
    fn value(&self, name: &str, field: &str) -> Value {
        let number = || self.invariants.borrow_mut().next_number();
        let is_wrong = self.random.chance(80);
        let value = match field {
            "kind" if is_wrong => return json!("Something else"),
            "kind" => json!(self.random.pick(&["News", "event"])),
            "email" if is_wrong => return json!("nobody at home"),
            "email" => json!(format!("v{}@xyzzy.example", number())),
            "points" if is_wrong => return json!([]),
            "points" => json!([
                format!("xyzzy-v{}", number()),
                format!("xyzzy-v{}", number())
            ]),
            _ if is_wrong => return json!(" "),
            _ => json!(format!("xyzzy-v{}", number())),
        };
        self.invariants
            .borrow_mut()
            .model_reads(name, field, &value);
        value
    }

    fn draft(&self, name: &str, fields: &Value) -> String {
        match self.random.below(6) {
            0 => "A note about 987654321 things.".to_owned(),
            1 => "\"We never said that,\" they say.".to_owned(),
            _ => {
                let title = fields["name"].as_str().unwrap_or_default();
                let draft = format!("A note about {title}");
                self.invariants.borrow_mut().model_drafts(name, &draft);
                draft
            }
        }
    }
}

/// The state with an intake that has forgotten its values.
pub fn without_values(state: &str) -> String {
    let mut state: Value = serde_json::from_str(state).unwrap_or_default();
    let current = state.pointer_mut("/intakes/current");
    if let Some(current) = current.and_then(Value::as_object_mut) {
        current.remove("values");
    }
    state.to_string()
}

/// The state with the intakes of the one before, if it has dropped them.
pub fn with_intakes_of(before: &str, state: &str) -> String {
    let before: Value = serde_json::from_str(before).unwrap_or_default();
    let mut state: Value = serde_json::from_str(state).unwrap_or_default();
    if let (Some(kept), Some(fields)) = (before.get("intakes"), state.as_object_mut()) {
        fields.entry("intakes").or_insert(kept.clone());
    }
    state.to_string()
}
