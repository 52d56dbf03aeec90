//! The tests that documents name, and the lints behind a promise.
//!
//! Not here: whether a test shows what the document says.

use std::fs;

use super::{
    markdown::table,
    project::{documents, read, root},
};

#[test]
fn every_test_that_a_document_names_exists() {
    for file in documents() {
        for (source_file, name) in test_references(&read(&file)) {
            let path = root().join(&source_file);
            assert!(
                path.is_file(),
                "{file} names {source_file}, which does not exist"
            );
            let source = fs::read_to_string(path).unwrap();
            assert!(
                is_test(&source_file, &source, &name),
                "{file}: {source_file} has no test {name}"
            );
        }
    }
    for (file, least) in [("docs/promises.md", 40), ("docs/faults.md", 40)] {
        let found = test_references(&read(file)).len();
        assert!(found >= least, "only {found} references in {file}");
    }
}

#[test]
fn every_promise_names_a_test() {
    let promises = table(&read("docs/promises.md"), "Promise");
    assert!(promises.len() >= 20);
    for row in promises {
        assert!(
            !test_references(&row[2]).is_empty(),
            "docs/promises.md, row \"{}\", names no test. Write one as `file: name` in its third column.",
            row[0]
        );
    }
}

#[test]
fn a_reference_to_a_helper_or_to_nothing_would_be_noticed() {
    let source = "#[test]\nfn a_test() {}\n\nfn helper() {}\n";
    assert!(is_test("a.rs", source, "a_test"));
    assert!(!is_test("a.rs", source, "helper") && !is_test("a.rs", source, "a_tes"));
    let script = "test(\"it works\", async () => {});\nassert(\"it breaks\");\n";
    assert!(is_test("a.test.mjs", script, "\"it works\""));
    assert!(
        !is_test("a.test.mjs", script, "\"it breaks\"") && !is_test("a.test.mjs", script, "\"it\"")
    );
}

#[test]
fn the_lints_forbid_what_can_panic() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let lints = &manifest["workspace"]["lints"];
    assert_eq!(lints["rust"]["unsafe_code"].as_str(), Some("forbid"));
    let denied = [
        "unwrap_used",
        "expect_used",
        "panic",
        "indexing_slicing",
        "string_slice",
        "arithmetic_side_effects",
        "todo",
        "unimplemented",
        "unreachable",
    ];
    for lint in denied {
        assert_eq!(lints["clippy"][lint].as_str(), Some("deny"), "{lint}");
    }
    assert_eq!(
        manifest["lints"]["workspace"].as_bool(),
        Some(true),
        "the Worker's package takes them"
    );
}

/// References to tests, written as `` `file: name` ``: file and name.
fn test_references(document: &str) -> Vec<(String, String)> {
    let is_source = |file: &str| {
        ["src/", "tests/", "playground/"]
            .iter()
            .any(|dir| file.starts_with(dir))
            && !file.contains(' ')
    };
    let references = document.split('`').filter_map(|span| {
        let (file, name) = span.split_once(": ")?;
        is_source(file).then(|| (file.to_owned(), name.to_owned()))
    });
    references.collect()
}

/// Whether `source` has the test `name`: in Rust a function under `#[test]`, in JavaScript a quoted title, or a row of a table
/// of cases that tests are made of.
fn is_test(file: &str, source: &str, name: &str) -> bool {
    if file.ends_with(".mjs") {
        let is_row = |line: &str| line.trim_start().starts_with(&format!("{name}: ["));
        let written_out = source.contains(&format!("test({name},"));
        return name.starts_with('"')
            && name.ends_with('"')
            && (written_out || (source.contains("test(`") && source.lines().any(is_row)));
    }
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let defines = |line: &str| {
        line.strip_prefix("async ")
            .unwrap_or(line)
            .starts_with(&format!("fn {name}("))
    };
    let is_attribute =
        |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    lines.iter().enumerate().any(|(at, line)| {
        let attributes = lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        defines(line) && attributes.into_iter().any(|line| is_attribute(line))
    })
}
