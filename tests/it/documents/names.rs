//! The names in documents that stand between backticks: files, identifiers, settings, options of the npm commands. Each must exist.
//!
//! Not here: tests with their files (`named_tests`), and npm commands and links (`pages`).

use std::collections::BTreeSet;

use super::project::{code, documents, files_below, read};

/// Beside the documents, these name things of the code.
const OTHER_DOCUMENTS: [&str; 2] = ["bench/NOTES.md", "fuzz/README.md"];

/// Files that a reader or a command makes.
const MADE: [&str; 3] = ["assistants/bakery.toml", "fuzz/artifacts/", "fuzz/found/"];

/// Names of other projects, and those that a document only gives as an example.
const OTHERS: [&str; 4] = ["encodeInto", "sms_splitter", "snake_case", "table_7"];

/// `npm run deploy` passes the first two on to wrangler. The other one is of vLLM.
const OPTIONS_OF_OTHERS: [&str; 3] = ["--name", "--tag", "--reasoning-parser"];

#[test]
fn every_file_that_a_document_names_exists() {
    let files = files_below("");
    let exists = |path: &str| {
        let folder = format!("{}/", path.trim_end_matches('/'));
        files
            .iter()
            .any(|file| file == path || file.starts_with(&folder))
    };
    let folders: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.split_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    let (mut named, mut lost) = (0, BTreeSet::new());
    for (document, span) in all_spans() {
        let path = span.split(": ").next().unwrap();
        let is_path = path
            .split_once('/')
            .is_some_and(|(folder, _)| folders.contains(folder))
            && path
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        if is_path && !MADE.contains(&path) {
            named += 1;
            if !exists(path) {
                lost.insert(format!("{document} names {path}, which does not exist."));
            }
        }
    }
    assert_none(&lost);
    assert!(named >= 100, "only {named} files were found");
}

#[test]
fn every_identifier_that_a_document_names_is_in_the_code() {
    let words = words_of(&code());
    let (mut named, mut lost) = (0, BTreeSet::new());
    for (document, span) in all_spans() {
        if !is_identifier(&span) || OTHERS.contains(&span.as_str()) {
            continue;
        }
        named += 1;
        let unknown = span.split("::").filter(|word| !is_known(word, &words));
        lost.extend(
            unknown.map(|word| {
                format!("{document} names `{span}`, but {word} is nowhere in the code.")
            }),
        );
    }
    assert_none(&lost);
    assert!(named >= 300, "only {named} identifiers were found");
}

#[test]
fn every_option_that_a_document_names_is_one_of_its_command() {
    let all_sources = sources_of_commands();
    let (mut named, mut lost) = (0, BTreeSet::new());
    for (document, text) in all_spans().into_iter().chain(all_lines()) {
        let command = text.trim_start_matches("$ ").strip_prefix("npm ");
        let command = command.map(|rest| rest.trim_start_matches("run ").trim_start_matches("-s "));
        let name = match command.and_then(|rest| rest.split([' ', ':']).next()) {
            Some(name) => name,
            None if text.starts_with("--") => "",
            None => continue,
        };
        let folders = ["scripts/", "scripts/lib/", "playground/src/"];
        let beginnings = folders.map(|folder| format!("{folder}{name}"));
        let sources = all_sources
            .iter()
            .filter(|(file, _)| beginnings.iter().any(|own| file.starts_with(own)));
        let sources: Vec<&str> = sources.map(|(_, source)| source.as_str()).collect();
        let command_line = text.split(['#', '"']).next().unwrap();
        let options = command_line
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .filter(|word| word.len() > 2 && word.starts_with("--"));
        for option in options {
            named += 1;
            if !has_option(&sources, option) && !OPTIONS_OF_OTHERS.contains(&option) {
                lost.insert(format!(
                    "{document} names {option}, which is no option: {text}"
                ));
            }
        }
    }
    assert_none(&lost);
    assert!(named >= 150, "only {named} options were found");
}

#[test]
fn a_name_that_has_gone_would_be_noticed() {
    let words = words_of("fn end_turn() {}\nenum Reason { OtherStatus }\n");
    assert!(is_identifier("State::end_turn") && is_identifier("OPENAI_MODEL"));
    assert!(!is_identifier("STOP") && !is_identifier("_emphasis_") && !is_identifier("a b_c"));
    assert!(is_known("end_turn", &words) && is_known("other_status", &words));
    assert!(is_known("end_t…", &words));
    assert!(!is_known("end_turns", &words) && !is_known("some_status", &words));
}

/// The sources of all npm commands, by their paths.
fn sources_of_commands() -> Vec<(String, String)> {
    let files = ["scripts/", "playground/src/"].map(files_below);
    let files = files.into_iter().flatten();
    files.map(|file| (file.clone(), read(&file))).collect()
}

/// Help texts have an option as it is typed, and code its name.
fn has_option(sources: &[&str], option: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    let quoted = format!("\"{}\"", option.trim_start_matches('-'));
    let has = |source: &&str| source.split(option).skip(1).any(is_end) || source.contains(&quoted);
    sources.iter().any(has)
}

fn assert_none(lost: &BTreeSet<String>) {
    let lost: Vec<_> = lost.iter().map(String::as_str).collect();
    assert!(lost.is_empty(), "\n{}\nCorrect them.\n", lost.join("\n"));
}

/// What stands between backticks in all documents, outside of blocks of code.
fn all_spans() -> Vec<(String, String)> {
    let mut spans = Vec::new();
    for (document, text) in all_texts() {
        let outside = text.split("```").step_by(2).collect::<String>();
        let of_document = outside.split('`').skip(1).step_by(2);
        spans.extend(of_document.map(|span| (document.clone(), span.replace('\n', " "))));
    }
    spans
}

/// The lines of all blocks of code.
fn all_lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (document, text) in all_texts() {
        let blocks = text.split("```").skip(1).step_by(2);
        let of_document = blocks.flat_map(str::lines);
        lines.extend(of_document.map(|line| (document.clone(), line.trim().to_owned())));
    }
    lines
}

/// All documents with their texts.
fn all_texts() -> impl Iterator<Item = (String, String)> {
    let others = OTHER_DOCUMENTS.map(str::to_owned);
    let all = documents().into_iter().chain(others);
    all.map(|document| (document.clone(), read(&document)))
}

/// Whether it looks like a name of the code: `end_turn`, `State::end_turn`, `ThreadObject`, `OPENAI_MODEL`. A `…` may end it.
fn is_identifier(span: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && !word.starts_with('_')
            && !word.ends_with('_')
            && !word.starts_with(|c: char| c.is_ascii_digit())
            && word
                .trim_end_matches('…')
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let is_pascal_case = span.starts_with(|c: char| c.is_ascii_uppercase())
        && span.contains(|c: char| c.is_ascii_lowercase())
        && span.chars().skip(1).any(|c| c.is_ascii_uppercase());
    let is_camel_case = span.starts_with(|c: char| c.is_ascii_lowercase())
        && span.contains(|c: char| c.is_ascii_uppercase());
    span.split("::").all(is_word)
        && (span.contains('_') || span.contains("::") || is_pascal_case || is_camel_case)
}

/// Whether the code has the word, or the variant of an enum that `serde` writes so.
fn is_known(word: &str, words: &BTreeSet<String>) -> bool {
    if let Some(beginning) = word.strip_suffix('…') {
        return words.iter().any(|word| word.starts_with(beginning));
    }
    let variant = word.split('_').map(|part| {
        let (first, rest) = part.split_at(usize::from(!part.is_empty()));
        first.to_uppercase() + rest
    });
    words.contains(word) || words.contains(&variant.collect::<String>())
}

fn words_of(source: &str) -> BTreeSet<String> {
    source
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .map(str::to_owned)
        .collect()
}
