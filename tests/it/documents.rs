//! The documents and the configuration files say what the code does.
//!
//! `README.md`, `SECURITY.md`, `CHANGELOG.md`, `wrangler.toml` and `.dev.vars.example` are read as they are and held against
//! the code and against each other. Not here: whether a sentence is well said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a test may fail loudly"
)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;
use switchboard::{
    config::{Config, DefaultValue, Kind, SETTINGS, Setting},
    event::{
        ConsentState, ConversationProblem, DeliveryStatus, DenialReason, Erased, ErasedBy, Event,
        FieldProblem, InternalProblem, KvOperation, ObjectKind, OutboxOutcome, ReplyVia, Security,
        TurnEnded, TurnOutcome,
    },
    identity::PhoneHash,
    messaging::{
        canned_replies::{self, CannedReply},
        keywords::{Keyword, WORDS, YES},
    },
};

// SECURITY.md and the tests.

#[test]
fn every_test_that_the_security_policy_names_exists() {
    let references = test_references(&read("SECURITY.md"));
    assert!(
        references.len() >= 40,
        "only {} references were found",
        references.len()
    );
    for (file, name) in references {
        let path = root().join(&file);
        assert!(
            path.is_file(),
            "SECURITY.md names {file}, which does not exist"
        );
        let source = fs::read_to_string(path).unwrap();
        assert!(is_test(&file, &source, &name), "{file} has no test {name}");
    }
}

#[test]
fn every_promise_of_the_security_policy_names_a_test() {
    let promises = table(&read("SECURITY.md"), "Promise");
    assert!(promises.len() >= 20);
    for row in promises {
        assert!(
            !test_references(&row[2]).is_empty(),
            "no test shows: {}",
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

// Settings.

#[test]
fn the_readmes_table_lists_the_settings_of_the_code_with_their_kinds_and_defaults() {
    let rows: Vec<_> = settings_table()
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone(), row[2].clone()))
        .collect();
    let settings: Vec<_> = SETTINGS
        .iter()
        .map(|setting| {
            let kind = match setting.kind {
                Kind::Secret => "secret",
                Kind::Var => "var",
            };
            let default = match setting.default {
                DefaultValue::Required => "required".to_owned(),
                DefaultValue::Off => "off".to_owned(),
                DefaultValue::RequestOrigin => "the request's own origin".to_owned(),
                DefaultValue::NoReasoning => "`none` where it is OpenAI's own".to_owned(),
                DefaultValue::Value(value) => format!("`{value}`"),
            };
            (format!("`{}`", setting.name), kind.to_owned(), default)
        })
        .collect();
    assert_eq!(rows, settings);
}

#[test]
fn the_readmes_ranges_are_those_that_the_code_allows() {
    let mut ranges = 0;
    for row in settings_table() {
        let Some((low, high)) = row[3]
            .split_once(" to ")
            .and_then(|(low, high)| Some((low.parse::<i64>().ok()?, high.parse::<i64>().ok()?)))
        else {
            continue;
        };
        ranges += 1;
        let name = row[0].trim_matches('`');
        for (value, allowed) in [
            (low, true),
            (high, true),
            (low - 1, false),
            (high + 1, false),
        ] {
            assert_eq!(accepts(name, &value.to_string()), allowed, "{name}={value}");
        }
    }
    assert_eq!(ranges, 10);
}

#[test]
fn wrangler_toml_sets_every_variable_to_its_default_and_no_secret() {
    let wrangler = wrangler();
    let vars = wrangler["vars"].as_table().unwrap();
    for (name, value) in vars {
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .unwrap_or_else(|| panic!("{name} is no setting"));
        assert_eq!(setting.kind, Kind::Var, "{name} is a secret");
        assert_eq!(
            Some(setting.default),
            value.as_str().map(leaked).map(DefaultValue::Value),
            "{name}"
        );
    }
    // A prompt is for an operator to write; the code's own is described there in words.
    let expected: BTreeSet<_> = SETTINGS
        .iter()
        .filter(|setting| has_value(setting))
        .map(|setting| setting.name)
        .collect();
    let listed: BTreeSet<_> = vars
        .keys()
        .map(String::as_str)
        .chain(["ASSISTANT_PROMPT"])
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn the_example_of_local_settings_lists_every_setting_once_with_its_default() {
    let example = read(".dev.vars.example");
    let lines: Vec<(bool, &str, &str)> = example
        .lines()
        .filter_map(|line| {
            let (set, assignment) = line
                .strip_prefix("# ")
                .map_or((true, line), |rest| (false, rest));
            let (name, value) = assignment.split_once('=')?;
            let is_name =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            is_name.then_some((set, name, value))
        })
        .collect();
    let names: Vec<_> = lines.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(
        names,
        SETTINGS
            .iter()
            .map(|setting| setting.name)
            .collect::<Vec<_>>()
    );
    for ((set, name, value), setting) in lines.into_iter().zip(SETTINGS) {
        // Locally the admin routes are there, so that `npm run admin` can be tried.
        let generated = setting.default == DefaultValue::Required || name == "ADMIN_TOKEN";
        assert_eq!(set, generated, "{name} is set exactly if it is required");
        match setting.default {
            _ if generated => assert!(!value.is_empty(), "{name} has a value to be replaced"),
            DefaultValue::Required
            | DefaultValue::Off
            | DefaultValue::RequestOrigin
            | DefaultValue::NoReasoning => {
                assert_eq!(value, "", "{name}");
            }
            DefaultValue::Value(default) => assert_eq!(value, default, "{name}"),
        }
    }
}

// The deployed configuration.

#[test]
fn bindings_and_classes_are_those_of_the_code() {
    let wrangler = wrangler();
    let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
    let objects = wrangler["durable_objects"]["bindings"].as_array().unwrap();
    let pairs: BTreeSet<_> = objects
        .iter()
        .map(|object| (text(&object["name"]), text(&object["class_name"])))
        .collect();
    let expected = [
        ("SENDER", "SenderObject"),
        ("BUDGET", "BudgetObject"),
        ("TRIES", "TriesObject"),
    ];
    assert_eq!(
        pairs,
        expected
            .map(|(name, class)| (name.to_owned(), class.to_owned()))
            .into()
    );
    let namespaces: Vec<_> = wrangler["kv_namespaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|namespace| text(&namespace["binding"]))
        .collect();
    assert_eq!(namespaces, ["CONVERSATIONS"]);

    let services = read("src/runtime/services.rs");
    let called: BTreeSet<_> = after_each(&services, "call_object(&self.env, \"")
        .chain(after_each(&services, "call_object(&self.0.env, \""))
        .collect();
    assert_eq!(called, expected.map(|(name, _)| name).into());
    assert_eq!(
        after_each(&services, "env.kv(\"").collect::<BTreeSet<_>>(),
        ["CONVERSATIONS"].into()
    );
    let entry = read("src/runtime/entry.js");
    let classes: BTreeSet<_> = words_after(&entry, "export class ").collect();
    assert_eq!(classes, expected.map(|(_, class)| class).into());
}

#[test]
fn every_object_class_is_made_with_sqlite_storage() {
    let wrangler = wrangler();
    let migrations = wrangler["migrations"].as_array().unwrap();
    assert!(
        migrations
            .iter()
            .all(|migration| migration.get("new_classes").is_none())
    );
    let made: BTreeSet<_> = migrations
        .iter()
        .filter_map(|migration| migration.get("new_sqlite_classes"))
        .flat_map(|classes| {
            classes
                .as_array()
                .unwrap()
                .iter()
                .map(|class| class.as_str().unwrap())
        })
        .collect();
    assert_eq!(made, ["SenderObject", "BudgetObject", "TriesObject"].into());
}

/// From this date on, emptying an object's storage removes its alarm too.
#[test]
fn the_compatibility_date_is_one_on_which_deleting_everything_deletes_the_alarm() {
    let date = wrangler()["compatibility_date"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(date.len() == 10 && *date >= *"2026-02-24", "{date}");
}

#[test]
fn the_log_is_kept() {
    assert_eq!(wrangler()["observability"]["enabled"].as_bool(), Some(true));
    assert_eq!(
        wrangler()["observability"]["logs"]["enabled"].as_bool(),
        Some(true)
    );
}

/// The platform's own line for each request would hold its URL, query included, and its headers.
#[test]
fn the_platforms_own_request_log_is_off() {
    assert_eq!(
        wrangler()["observability"]["logs"]["invocation_logs"].as_bool(),
        Some(false)
    );
}

// The log.

#[test]
fn the_documented_events_are_those_of_the_code() {
    let source = read("src/event.rs");
    let (events, kinds) = (variants(&source, "Event"), variants(&source, "Security"));
    let security = read("SECURITY.md");
    assert_eq!(
        first_cells(&read("README.md"), "Event"),
        events,
        "README.md"
    );
    assert_eq!(first_cells(&security, "Event"), events, "SECURITY.md");
    assert_eq!(first_cells(&security, "Kind"), kinds, "SECURITY.md");
}

#[test]
fn the_documented_fields_are_those_that_are_logged() {
    let security = read("SECURITY.md");
    let mut seen = BTreeSet::new();
    for event in sample_events() {
        let logged = serde_json::to_value(&event).unwrap();
        let name = logged["event"].as_str().unwrap().to_owned();
        let row = row_of(&security, "Event", &name);
        assert_eq!(
            code_spans(&row[1]),
            keys_without(&logged, "event"),
            "{name}"
        );
        if let Event::Security { .. } = event {
            let kind = logged["details"]["kind"].as_str().unwrap();
            let row = row_of(&security, "Kind", kind);
            assert_eq!(
                code_spans(&row[2]),
                keys_without(&logged["details"], "kind"),
                "{kind}"
            );
        }
        seen.insert(name);
    }
    assert_eq!(
        seen,
        variants(&read("src/event.rs"), "Event"),
        "every event has a sample here"
    );
}

#[test]
fn the_readme_lists_every_failure_that_a_turn_can_have() {
    let source = read("src/openai.rs");
    let mut expected = BTreeSet::new();
    for source in [&source, &read("src/twilio/media.rs")] {
        let labels = source
            .split_once("fn label(self)")
            .unwrap()
            .1
            .split_once("\n    }\n")
            .unwrap()
            .0;
        expected.extend(after_each(labels, "=> \"").map(str::to_owned));
    }
    assert!(expected.len() >= 10);
    // What is unusual about a good answer is told in the same field.
    expected.extend(
        after_each(&source, "Some(\"")
            .filter(|word| ["length", "refusal"].contains(word))
            .map(str::to_owned),
    );
    assert_eq!(first_cells(&read("README.md"), "Failure"), expected);
}

#[test]
fn the_readme_quotes_what_a_sender_reads() {
    let readme = read("README.md");
    let notices = [
        CannedReply::TooLong(4000),
        CannedReply::NoText,
        CannedReply::Media,
        CannedReply::SlowDown(57),
        CannedReply::OptedOut,
        CannedReply::OptedIn,
        CannedReply::Erased,
        CannedReply::Erasing,
    ];
    for text in notices.map(|notice| notice.text("")) {
        assert!(readme.contains(&text), "{text}");
    }
    for text in [
        canned_replies::RESET,
        canned_replies::APOLOGY,
        canned_replies::NO_BUDGET,
        canned_replies::FILTERED,
        canned_replies::TOKEN_LIMIT,
        canned_replies::IMAGE_NOT_FETCHED,
        canned_replies::IMAGE_TOO_LARGE,
    ] {
        assert!(readme.contains(text), "{text}");
    }
}

#[test]
fn the_readmes_table_lists_every_word_of_every_command() {
    let words = |command| {
        WORDS
            .iter()
            .filter(move |(other, _)| *other == command)
            .flat_map(|(_, words)| *words)
    };
    let rows = table(&read("README.md"), "Words");
    let listed: Vec<Vec<String>> = rows.iter().map(|row| code_spans(&row[0])).collect();
    for command in [
        Keyword::OptOut,
        Keyword::OptIn,
        Keyword::Help,
        Keyword::Erase,
        Keyword::Reset,
    ] {
        let yes = (command == Keyword::OptIn).then_some(YES);
        let mut expected: Vec<String> = words(command)
            .copied()
            .chain(yes)
            .map(str::to_uppercase)
            .collect();
        expected.sort();
        assert!(listed.contains(&expected), "{expected:?}");
    }
    assert_eq!(rows.len(), WORDS.len());
}

// Commands, versions, links.

#[test]
fn the_npm_commands_in_the_documents_are_those_of_package_json() {
    let scripts: BTreeSet<String> = package()["scripts"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for file in ["README.md", "SECURITY.md", "CHANGELOG.md", "docs/design.md"] {
        for name in npm_commands(&read(file)) {
            assert!(scripts.contains(&name), "{file} names `npm run {name}`");
        }
    }
    assert_eq!(
        npm_commands(&read("README.md")),
        scripts,
        "the README names all of them"
    );
}

#[test]
fn the_readme_names_every_option_of_npm_start() {
    let source = read("scripts/start.mjs");
    let help = source
        .split("const HELP = `")
        .nth(1)
        .unwrap()
        .split("`;")
        .next()
        .unwrap();
    let options: BTreeSet<_> = help
        .split_whitespace()
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .collect();
    assert!(options.contains("--port"));
    let readme = read("README.md");
    for option in options {
        assert!(
            readme.contains(option.trim_end_matches(['.', ']'])),
            "{option}"
        );
    }
}

#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(package()["version"].as_str(), Some(version));
    assert!(read("CHANGELOG.md").contains(&format!("\n## [{version}] - ")));
    let (series, _) = version.rsplit_once('.').unwrap();
    assert_eq!(
        table(&read("SECURITY.md"), "Version")[0][0],
        format!("{series}.x")
    );
    assert!(read("README.md").contains(&format!(r#"{{"status":"ok","version":"{version}"}}"#)));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut links = 0;
    for file in ["README.md", "SECURITY.md", "CHANGELOG.md", "docs/design.md"] {
        let text = read(file);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .filter(|target| !target.starts_with("http"))
        {
            links += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = if path.is_empty() {
                root().join(file)
            } else {
                root().join(file).parent().unwrap().join(path)
            };
            assert!(linked.is_file(), "{file} links to {target}");
            let anchors = || {
                fs::read_to_string(&linked)
                    .unwrap()
                    .lines()
                    .filter_map(anchor_of)
                    .collect::<Vec<_>>()
            };
            assert!(
                anchor.is_empty() || anchors().iter().any(|other| other == anchor),
                "{file} links to {target}"
            );
        }
    }
    assert!(links >= 10);
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn wrangler() -> toml::Table {
    read("wrangler.toml").parse().unwrap()
}

fn package() -> Value {
    serde_json::from_str(&read("package.json")).unwrap()
}

fn leaked(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn has_value(setting: &Setting) -> bool {
    matches!(setting.default, DefaultValue::Value(_))
}

/// Whether the code takes `value` for the setting `name`, in a configuration that is good otherwise.
fn accepts(name: &str, value: &str) -> bool {
    let lookup = |other: &str| match other {
        _ if other == name => Some(value.to_owned()),
        "TWILIO_AUTH_TOKEN" | "PSEUDONYM_KEY" => {
            Some("0123456789abcdef0123456789abcdef".to_owned())
        }
        "OPENAI_API_KEY" => Some("sk-test".to_owned()),
        _ => None,
    };
    Config::parse(lookup).is_ok()
}

fn settings_table() -> Vec<Vec<String>> {
    table(&read("README.md"), "Name")
}

/// The rows of the first Markdown table whose first column is called `first_column`; a `\|` does not end a cell.
fn table(document: &str, first_column: &str) -> Vec<Vec<String>> {
    let heading = format!("| {first_column} |");
    let start = document
        .lines()
        .position(|line| line.starts_with(&heading))
        .unwrap_or_else(|| panic!("no table {heading}"));
    document
        .lines()
        .skip(start + 2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.replace("\\|", "\u{0}");
            let cells = cells.trim_matches('|').split('|');
            cells
                .map(|cell| cell.trim().replace('\u{0}', "|"))
                .collect()
        })
        .collect()
}

fn row_of(document: &str, first_column: &str, name: &str) -> Vec<String> {
    let rows = table(document, first_column);
    rows.into_iter()
        .find(|row| row[0] == format!("`{name}`"))
        .unwrap_or_else(|| panic!("{name} is not in the table {first_column}"))
}

fn first_cells(document: &str, first_column: &str) -> BTreeSet<String> {
    let rows = table(document, first_column);
    let cells: BTreeSet<String> = rows
        .iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    assert_eq!(
        cells.len(),
        rows.len(),
        "a row of {first_column} is there twice"
    );
    cells
}

/// The texts between backticks, sorted; remarks in parentheses are left out.
fn code_spans(text: &str) -> Vec<String> {
    let outside = text.split('(').enumerate().map(|(at, part)| {
        if at == 0 {
            part
        } else {
            part.split_once(')').map_or("", |(_, rest)| rest)
        }
    });
    let outside: String = outside.collect();
    let mut spans: Vec<String> = outside
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    spans.sort();
    spans
}

fn keys_without(object: &Value, key: &str) -> Vec<String> {
    let mut keys: Vec<String> = object
        .as_object()
        .unwrap()
        .keys()
        .filter(|other| *other != key)
        .cloned()
        .collect();
    keys.sort();
    keys
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

/// The names under which the variants of an enum of `event.rs` are logged.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
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

fn snake_case(name: &str) -> String {
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

/// One of each event, with every field that it can have.
fn sample_events() -> Vec<Event> {
    let nobody = PhoneHash::nobody;
    let turn = TurnEnded {
        phone_hash: nobody(),
        outcome: TurnOutcome::Failed,
        failure: Some("timeout"),
        reply_via: ReplyVia::Rest,
        messages: 1,
        segments: Some(1),
        duration_ms: 0,
        model_ms: 0,
        model_requests: 0,
        prompt_tokens: 0,
        completion_tokens: 0,
    };
    let security = [
        Security::RateLimitExceeded {
            limit: 10,
            told: true,
        },
        Security::InvalidSignature {
            reason: "missing".into(),
        },
        Security::ConfigurationInvalid {
            settings: Vec::new(),
        },
        Security::SuspiciousRequest {
            field: "From",
            problem: FieldProblem::Missing,
        },
        Security::AdminDenied {
            reason: DenialReason::Locked,
        },
    ];
    let mut events = vec![
        Event::Turn(turn),
        Event::OutboxPart {
            phone_hash: nobody(),
            outcome: OutboxOutcome::Rejected,
            code: Some(1),
        },
        Event::Delivery {
            phone_hash: nobody(),
            status: DeliveryStatus::Failed,
            code: Some(1),
        },
        Event::Consent {
            phone_hash: nobody(),
            state: ConsentState::OptedOut,
            dropped_messages: 0,
            dropped_parts: 0,
        },
        Event::MessageIgnored {
            phone_hash: nobody(),
        },
        Event::BudgetReset {
            model_requests: 1,
            messages_sent: 1,
            budget_unreadable: true,
        },
        Event::Erased {
            phone_hash: nobody(),
            by: ErasedBy::Contact,
            erased: Erased::default(),
        },
        Event::ConversationUnreadable {
            reason: ConversationProblem::Corrupt,
        },
        Event::KvFailed {
            operation: KvOperation::Put,
        },
        Event::ObjectFailed {
            object: ObjectKind::Thread,
            reason: String::new(),
        },
        Event::InternalError {
            reason: InternalProblem::Twiml,
        },
    ];
    events.extend(security.map(|details| Event::Security {
        phone_hash: nobody(),
        details,
    }));
    events
}

/// What stands between each `opening`, which ends with a quotation mark, and the next quotation mark.
fn after_each<'t>(text: &'t str, opening: &str) -> impl Iterator<Item = &'t str> {
    text.split(opening)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect::<Vec<_>>()
        .into_iter()
}

fn words_after<'t>(text: &'t str, opening: &str) -> impl Iterator<Item = &'t str> {
    text.split(opening)
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next())
}

/// The names of the scripts that a document runs by npm.
fn npm_commands(document: &str) -> BTreeSet<String> {
    let word = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == ':')
            .collect::<String>()
    };
    let by_name = document.split("npm run ").skip(1).map(word);
    let short = ["start", "test"]
        .into_iter()
        .filter(|name| document.contains(&format!("npm {name}")))
        .map(str::to_owned);
    by_name
        .chain(short)
        .filter(|name| !name.is_empty())
        .collect()
}

/// The anchor that the hosting platform gives a heading.
fn anchor_of(line: &str) -> Option<String> {
    let title = line
        .strip_prefix('#')?
        .trim_start_matches('#')
        .strip_prefix(' ')?;
    let kept = title.to_lowercase().replace(' ', "-");
    Some(
        kept.chars()
            .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect(),
    )
}
