//! Damage: one stored value becomes something else.
//!
//! Not here: when it comes (`objects`), and what must hold afterwards (`invariants::bounds`).

use serde_json::{Map, Value};
use switchboard::platform::Stored;

use super::{
    objects::BUDGET,
    state::Simulation,
    storage::{OPTED_OUT, Rows, STATE},
};

impl Simulation {
    /// Replaces one stored value by a damaged one.
    pub fn damage(&self, name: &str, rows: &mut Rows) {
        let keys: Vec<String> = rows.values.keys().cloned().collect();
        if keys.is_empty() {
            return;
        }
        let key = &keys[usize::try_from(self.random.below(keys.len() as u64)).unwrap()];
        let Some(Stored::Text(text)) = rows.values.get(key).cloned() else {
            return;
        };
        let mut damaged = match serde_json::from_str(&text) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let names: Vec<String> = damaged.keys().cloned().collect();
        let field = names
            .get(usize::try_from(self.random.below(names.len() as u64)).unwrap())
            .cloned()
            .unwrap_or_default();
        if name == BUDGET {
            // A readable count with a wrong number could not be recognised.
            let value = match self.random.below(5) {
                0 => Stored::Unreadable,
                1 => Stored::Text(self.random.pick(&["{}", "42", "null", ""]).into()),
                2 => Stored::Text(text.replace("\"v\":1", "\"v\":2")),
                3 => Stored::Text(text.replace(
                    self.random.pick(&["\"day\"", "\"calls\"", "\"v\""]),
                    "\"x\"",
                )),
                _ => Stored::Text(
                    text[..usize::try_from(self.random.below(text.len() as u64)).unwrap()]
                        .to_owned(),
                ),
            };
            self.trace(|| format!("{key} becomes {value:?}"));
            rows.values.insert(key.clone(), value);
            return;
        }
        self.calls.damaged(name);
        let mut unreadable = true;
        let value = match self.random.below(8) {
            0 => Stored::Unreadable,
            1 => Stored::Text("{}".into()),
            2 => Stored::Text(self.random.pick(&["42", "null", "false", ""]).into()),
            3 => {
                damaged.insert("v".into(), 2.into());
                Stored::Text(serde_json::to_string(&damaged).unwrap())
            }
            4 | 5 if !names.is_empty() => {
                damaged.remove(&field);
                unreadable = ["v", "records"].contains(&field.as_str());
                Stored::Text(serde_json::to_string(&damaged).unwrap())
            }
            6 if !names.is_empty() => {
                damaged.insert(field.clone(), self.random.pick(&[42, -1]).into());
                unreadable = ["v", "records"].contains(&field.as_str());
                Stored::Text(serde_json::to_string(&damaged).unwrap())
            }
            _ => {
                let end = usize::try_from(self.random.below(text.len() as u64)).unwrap();
                Stored::Text(text[..text.floor_char_boundary(end)].to_owned())
            }
        };
        self.trace(|| format!("{name:.6}: {key} becomes {value:?}"));
        if key != OPTED_OUT {
            let state = if key == STATE {
                Some(text.as_str())
            } else {
                rows.text(STATE)
            };
            self.invariants
                .borrow_mut()
                .damaged(name, state, key == STATE && unreadable);
        }
        rows.values.insert(key.clone(), value);
    }
}
