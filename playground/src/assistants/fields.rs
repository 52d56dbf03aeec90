//! The two fields of a file that the page also shows as fields of a form: the prompt and the model.
//!
//! `toml_edit` changes one value and keeps the comments, the order and all else as it is.

use serde::{Deserialize, Serialize};
use toml_edit::{DocumentMut, value};

/// The values of the fields, each as far as the file has it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Values {
    prompt: Option<String>,
    model: Option<String>,
    language: Option<String>,
}

/// A change of one field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    field: Field,
    value: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Field {
    Prompt,
    Model,
}

impl Values {
    /// The values in a text. `None`: it is not TOML.
    pub fn of(text: &str) -> Option<Self> {
        let document: DocumentMut = text.parse().ok()?;
        let value = |name: &str| Some(document.get(name)?.as_str()?.to_owned());
        Some(Self {
            prompt: value("prompt"),
            model: value("model"),
            language: value("language"),
        })
    }
}

impl Change {
    /// The text with this change. A field without a value is left out. A text that is not TOML stays
    /// as it is.
    pub fn apply(&self, text: &str) -> String {
        let name = match self.field {
            Field::Prompt => "prompt",
            Field::Model => "model",
        };
        let Ok(mut document) = text.parse::<DocumentMut>() else {
            return text.to_owned();
        };
        if self.value.trim().is_empty() {
            document.remove(name);
            return document.to_string();
        }
        let mut changed = value(self.value.as_str());
        match document.get_mut(name) {
            // Its key stays, with the comments before it.
            Some(old) => {
                if let (Some(old), Some(new)) = (old.as_value(), changed.as_value_mut()) {
                    // The comment behind the value.
                    *new.decor_mut() = old.decor().clone();
                }
                *old = changed;
            }
            None => {
                document.insert(name, changed);
            }
        }
        document.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    const FILE: &str = "\
# An assistant.
numbers = [\"+15550121\"] # its number

prompt = \"\"\"
You are \\
short.
\"\"\"

model = \"one\" # the model
# The end.
[[tools]]
name = \"a\"
";

    fn set(text: &str, field: Field, value: &str) -> String {
        let value = value.to_owned();
        Change { field, value }.apply(text)
    }

    #[test]
    fn a_change_of_one_field_keeps_every_other_line() {
        let changed = set(FILE, Field::Model, "two");
        assert_eq!(changed, FILE.replace("\"one\"", "\"two\""));
        let changed = set(FILE, Field::Prompt, "You are a \"boat\".\nBe \\ brief.\n");
        let lines: Vec<&str> = changed.lines().collect();
        let others = FILE.lines().filter(|line| !FILE_PROMPT.contains(line));
        for line in others {
            assert!(lines.contains(&line), "{line} is missing in {changed}");
        }
        let values = Values::of(&changed).unwrap();
        assert_eq!(
            values.prompt.as_deref(),
            Some("You are a \"boat\".\nBe \\ brief.\n")
        );
    }

    const FILE_PROMPT: [&str; 4] = ["prompt = \"\"\"", "You are \\", "short.", "\"\"\""];

    #[test]
    fn a_field_that_was_not_there_comes_before_the_first_table() {
        let text = "numbers = [\"+15550121\"]\n\n[[tools]]\nname = \"a\"\n";
        let changed = set(text, Field::Model, "two");
        assert_eq!(Values::of(&changed).unwrap().model.as_deref(), Some("two"));
        assert!(changed.find("model").unwrap() < changed.find("[[tools]]").unwrap());
    }

    #[test]
    fn a_field_without_a_value_is_left_out() {
        let changed = set(FILE, Field::Model, " ");
        assert_eq!(Values::of(&changed).unwrap().model, None);
    }

    #[test]
    fn a_text_that_is_not_toml_stays_as_it_is() {
        let text = "prompt = \"You";
        assert_eq!(set(text, Field::Prompt, "new"), text);
        assert_eq!(Values::of(text), None);
    }
}
