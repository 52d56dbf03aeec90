//! Examples of JSON in the documents, so that a test can compare them with what is sent.
//!
//! Not here: what documents say in words (`documents`).

use std::{fs, path::Path};

use serde_json::{Deserializer, Value};

/// The names of the fields of the first JSON object on a page of `docs` that has these words.
pub fn documented_fields(page: &str, words: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    let text = fs::read_to_string(path).unwrap();
    let before = &text[..text.find(words).unwrap()];
    let object = &text[before.rfind("\n{").unwrap()..];
    let mut values = Deserializer::from_str(object).into_iter::<Value>();
    fields(&values.next().unwrap().unwrap())
}

/// The names of an object's fields, sorted.
pub fn fields(object: &Value) -> Vec<String> {
    let mut names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}
