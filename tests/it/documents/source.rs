//! Finds names in Rust and JavaScript sources: paths of routes, variants of enums, quoted words.
//!
//! Not here: Markdown, which is in `markdown`.

use std::collections::BTreeSet;

/// The paths of routes among the constants of a source. `/admin/` alone is a prefix.
pub fn paths_in(source: &str) -> Vec<String> {
    let is_path = |value: &str| {
        ["/twilio/", "/admin/"]
            .iter()
            .any(|prefix| value.starts_with(prefix))
            && !value.ends_with('/')
    };
    after_each(source, ": &str = \"")
        .filter(|value| is_path(value))
        .map(str::to_owned)
        .collect()
}

/// The names of an enum's variants, in the form that `serde` writes.
pub fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let body = source
        .split_once(&format!("pub enum {name} {{\n"))
        .unwrap()
        .1
        .split_once("\n}\n")
        .unwrap()
        .0;
    let mut names = BTreeSet::new();
    let mut renamed = None;
    for line in body.lines().filter_map(|line| line.strip_prefix("    ")) {
        if let Some(rest) = line.strip_prefix("#[serde(rename = \"") {
            renamed = rest.split('"').next().map(str::to_owned);
        } else if line.starts_with(|c: char| c.is_ascii_uppercase()) {
            let variant: String = line
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            names.insert(renamed.take().unwrap_or_else(|| snake_case(&variant)));
        }
    }
    names
}

/// `SomeName` as `some_name`.
pub fn snake_case(name: &str) -> String {
    let letters = name.char_indices().map(|(at, c)| {
        let separator = if at > 0 && c.is_ascii_uppercase() {
            "_"
        } else {
            ""
        };
        format!("{separator}{}", c.to_ascii_lowercase())
    });
    letters.collect()
}

/// What stands between each `opening`, which ends with a quotation mark, and the next quotation mark.
pub fn after_each<'t>(text: &'t str, opening: &str) -> impl Iterator<Item = &'t str> {
    text.split(opening)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect::<Vec<_>>()
        .into_iter()
}

/// The words right after each `opening`.
pub fn words_after<'t>(text: &'t str, opening: &str) -> impl Iterator<Item = &'t str> {
    text.split(opening)
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next())
}
