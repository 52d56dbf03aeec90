//! Compares the documents and the configuration files with the code, and with each other.
//!
//! It reads the Markdown files at the root and in `docs`, `wrangler.toml` and `.dev.vars.example`. Not here: whether a sentence
//! is well written.

use std::{collections::BTreeSet, fmt::Debug, fs, num::NonZero, path::PathBuf};

use serde_json::Value;
use switchboard::{
    config::{
        AssistantFile, Config, DefaultValue, Field, FixedText, Kind, Language, SETTINGS, Setting,
        Sources,
    },
    event::{
        CallDialled, CallEnd, CallEnded, CallFault, CallHungUp, CallRefusal, CallTurn,
        CallTurnOutcome, ConsentBy, ConsentState, ConversationProblem, DailyLimit, DeliveryOutcome,
        DeliveryPurpose, DeliveryStatus, DenialReason, DialOutcome, Erased, ErasedBy, Event,
        FieldProblem, FlowOutcome, HandOffBy, HandOffState, HangUpOutcome, HeardWords,
        IgnoreReason, IntakeOutcome, InternalProblem, KvOperation, ObjectKind, OutboxOutcome,
        ReplyVia, Security, SegmentOutcome, SyntheticRun, ToolOutcome, TurnEnded, TurnOutcome,
        TwilioResource, TwilioSeverity, UnexpectedResponse,
    },
    identity::{PhoneHash, Pseudonym},
    messaging::keywords::{
        Keyword, WORDS, WORDS_FOR_A_PERSON, WORDS_FOR_THE_ASSISTANT, WORDS_WHILE_OPTED_OUT,
    },
    twilio::rest::codes::{CODES, Disposition},
};

const SETTINGS_PAGE: &str = "docs/settings.md";
const ASSISTANTS_PAGE: &str = "docs/assistants.md";
const MESSAGES_PAGE: &str = "docs/messages.md";
const LOGS_PAGE: &str = "docs/logs.md";
const OPERATING_PAGE: &str = "docs/operating.md";

// Documents and the tests that they name.

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
    for (file, least) in [("SECURITY.md", 40), ("docs/faults.md", 40)] {
        let found = test_references(&read(file)).len();
        assert!(found >= least, "only {found} references in {file}");
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
fn the_settings_page_lists_the_settings_of_the_code_with_their_kinds_and_defaults() {
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
                DefaultValue::InLanguage => "the text of the language".to_owned(),
                DefaultValue::InAssistant => "that of `assistants/default.toml`".to_owned(),
                DefaultValue::NoReasoning => "`none` at OpenAI's own endpoint".to_owned(),
                DefaultValue::Value(value) => format!("`{value}`"),
            };
            (format!("`{}`", setting.name), kind.to_owned(), default)
        })
        .collect();
    assert_same(SETTINGS_PAGE, &rows, &settings);
}

#[test]
fn the_ranges_of_the_settings_page_are_those_that_the_code_allows() {
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
    assert_eq!(ranges, 16);
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
    let expected: BTreeSet<_> = SETTINGS
        .iter()
        .filter(|setting| has_value(setting))
        .map(|setting| setting.name)
        .collect();
    let listed: BTreeSet<_> = vars.keys().map(String::as_str).collect();
    assert_same("wrangler.toml", &listed, &expected);
}

#[test]
fn the_example_of_local_settings_lists_every_setting_once_with_its_default() {
    let example = read(".dev.vars.example");
    // The secrets that files of assistants name are no settings.
    let (of_settings, of_files) = example
        .split_once("# Secrets that files of assistants name.")
        .unwrap();
    for name in ["ORDERS_SECRET", "DESK_SECRET", "INTAKE_SECRET"] {
        assert!(of_files.contains(&format!("\n{name}=")), "{name}");
    }
    let lines: Vec<(bool, &str, &str)> = of_settings
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
    let of_the_code: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_same(".dev.vars.example", &names, &of_the_code);
    for ((set, name, value), setting) in lines.into_iter().zip(SETTINGS) {
        // Locally, the admin routes exist, so that `npm run admin` can be tried.
        let generated = setting.default == DefaultValue::Required || name == "ADMIN_TOKEN";
        assert_eq!(set, generated, "{name} is set exactly if it is required");
        match setting.default {
            _ if generated => assert!(!value.is_empty(), "{name} has a value to be replaced"),
            DefaultValue::Required
            | DefaultValue::Off
            | DefaultValue::RequestOrigin
            | DefaultValue::InLanguage
            | DefaultValue::InAssistant
            | DefaultValue::NoReasoning => {
                assert_eq!(value, "", "{name}");
            }
            DefaultValue::Value(default) => assert_eq!(value, default, "{name}"),
        }
    }
}

#[test]
fn the_files_in_the_assistants_page_and_in_this_project_are_right() {
    let default = |text: String| AssistantFile {
        name: "default".to_owned(),
        text,
    };
    let bundled = default(read("assistants/default.toml"));
    let blocks = code_blocks(&read(ASSISTANTS_PAGE), "toml");
    assert!(!blocks.is_empty());
    for text in blocks {
        let example = AssistantFile {
            name: "example".to_owned(),
            text,
        };
        let files = [bundled.clone(), example];
        let checked = switchboard::config::check(&Sources {
            setting: &|_| None,
            files: &files,
            is_time_zone: &|zone| zone == "Europe/Berlin",
        });
        let checked: Value = serde_json::from_str(&checked).unwrap();
        assert_eq!(
            checked["errors"],
            serde_json::json!([]),
            "{}",
            files[1].text
        );
        assert_eq!(checked["assistants"].as_array().unwrap().len(), 2);
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
        ("THREAD", "ThreadObject"),
        ("BUDGET", "BudgetObject"),
        ("ADMIN_LOCKOUT", "AdminLockoutObject"),
        ("CALL", "CallObject"),
        ("CALLER", "CallerObject"),
        ("RUN", "RunObject"),
        ("BATCH", "BatchObject"),
        ("BATCHES", "BatchListObject"),
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

    // Each object's methods name its binding; the runtime passes the name on.
    let sources: Vec<String> = sources().iter().map(|file| read(file)).collect();
    let called: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| {
            after_each(source, "const BINDING: &str = \"")
                .chain(after_each(source, "const BINDING: &'static str = \""))
        })
        .collect();
    assert_eq!(called, expected.map(|(name, _)| name).into());
    let namespaces_read: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| after_each(source, "env.kv(\""))
        .collect();
    assert_eq!(namespaces_read, ["CONVERSATIONS"].into());
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
    assert_eq!(
        made,
        [
            "ThreadObject",
            "BudgetObject",
            "AdminLockoutObject",
            "CallObject",
            "CallerObject",
            "RunObject",
            "BatchObject",
            "BatchListObject"
        ]
        .into()
    );
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

/// A path is a constant of the code, and a row in the table of webhooks or in that of the admin routes.
#[test]
fn the_operating_page_lists_the_routes_of_the_code() {
    let page = read(OPERATING_PAGE);
    let cells = ["Webhook", "Route"].map(|table| first_cells(&page, table));
    let documented: BTreeSet<_> = cells
        .iter()
        .flatten()
        .filter_map(|route| route.split_once(' '))
        .map(|(_, path)| path.to_owned())
        .collect();
    let of_the_code: BTreeSet<_> = sources()
        .iter()
        .flat_map(|file| paths_in(&read(file)))
        .collect();
    assert!(of_the_code.contains("/twilio/messages"));
    assert_same(OPERATING_PAGE, &documented, &of_the_code);
}

#[test]
fn the_page_of_twilios_errors_has_the_codes_as_the_code_knows_them() {
    let documented = table(&read("docs/twilio-errors.md"), "Code");
    let of_the_code: Vec<Vec<String>> = CODES
        .iter()
        .map(|known| {
            let does = match known.disposition {
                Disposition::Never => "Never",
                Disposition::Later => "Later",
                Disposition::OptOut => "Opt-out",
            };
            let code = known.code.to_string();
            [code.as_str(), does, known.meaning, known.action]
                .map(str::to_owned)
                .into()
        })
        .collect();
    assert_eq!(documented, of_the_code);
}

// The log.

#[test]
fn the_documented_events_are_those_of_the_code() {
    let source = read("src/event.rs");
    let logs = read(LOGS_PAGE);
    for (column, name) in [("Event", "Event"), ("Kind", "Security")] {
        let documented = first_cells(&logs, column);
        assert_same(LOGS_PAGE, &documented, &variants(&source, name));
    }
}

#[test]
fn the_documented_fields_are_those_that_are_logged() {
    let logs = read(LOGS_PAGE);
    let mut seen = BTreeSet::new();
    for event in sample_events() {
        let logged = serde_json::to_value(&event).unwrap();
        let name = logged["event"].as_str().unwrap().to_owned();
        let row = row_of(&logs, "Event", &name);
        assert_eq!(
            code_spans(&row[2]),
            keys_without(&logged, "event"),
            "{name}"
        );
        if let Event::Security { .. } = event {
            let kind = logged["details"]["kind"].as_str().unwrap();
            let row = row_of(&logs, "Kind", kind);
            assert_eq!(
                code_spans(&row[2]),
                keys_without(&logged["details"], "kind"),
                "{kind}"
            );
            seen.insert(kind.to_owned());
        }
        seen.insert(name);
    }
    let source = read("src/event.rs");
    let of_the_code = &variants(&source, "Event") | &variants(&source, "Security");
    assert_same("sample_events", &seen, &of_the_code);
}

#[test]
fn the_logs_page_lists_every_failure_that_a_turn_can_have() {
    let mut expected = BTreeSet::new();
    for file in [
        "src/conversation/model_run.rs",
        "src/openai/mod.rs",
        "src/conversation/voice_error.rs",
    ] {
        let source = read(file);
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
    // The same field says what is unusual about a good answer.
    expected.extend(
        after_each(&read("src/openai/response.rs"), "Some(\"")
            .filter(|word| ["length", "refusal"].contains(word))
            .map(str::to_owned),
    );
    let documented = first_cells(&read(LOGS_PAGE), "Failure");
    assert_same(LOGS_PAGE, &documented, &expected);
}

#[test]
fn the_logs_page_says_what_a_response_can_be_that_is_not_understood() {
    let documented = first_cells(&read(LOGS_PAGE), "Response");
    let source = read("src/event/labels.rs");
    let labels = source.split_once("\n    UnexpectedResponse {\n").unwrap().1;
    let labels = labels.split_once("\n    }\n").unwrap().0;
    let labels = labels.lines().map(str::trim);
    let kinds: BTreeSet<String> = labels
        .filter_map(|line| line.strip_suffix(','))
        .map(snake_case)
        .collect();
    assert_same(LOGS_PAGE, &documented, &kinds);
}

#[test]
fn the_messages_page_quotes_what_a_contact_reads() {
    // A line of the page may end within a sentence.
    let page = read(MESSAGES_PAGE).replace('\n', " ");
    let (settings, intake) = (read(SETTINGS_PAGE), read("docs/intake.md"));
    let assistants = read("docs/assistants.md");
    for text in FixedText::ALL {
        let words = text.in_language(Language::English);
        // The answer to HELP is on the page of settings. Intakes and what is spoken have their own.
        let page = match text {
            FixedText::Help => &settings,
            text if text.name().starts_with("intake_") => &intake,
            text if text.is_spoken() => &assistants,
            _ => &page,
        };
        let words = words
            .replace("{limit}", "4000")
            .replace("{seconds}", "57")
            .replace("{words}", "…")
            .replace("{contact}", "77f0b7e1")
            .replace("in 1 second.", "in 57 seconds.");
        assert!(page.contains(&words), "{words}");
    }
}

#[test]
fn the_settings_page_lists_the_names_of_the_fixed_texts_and_the_languages() {
    let page = read(SETTINGS_PAGE);
    let names: BTreeSet<String> = FixedText::ALL
        .iter()
        .map(|text| text.name().to_owned())
        .collect();
    assert_same(SETTINGS_PAGE, &first_cells(&page, "Name of a text"), &names);
    for language in Language::ALL {
        assert!(page.contains(&format!("`{}`", language.code())));
    }
}

#[test]
fn the_messages_page_lists_every_word_of_every_keyword() {
    let rows = table(&read(MESSAGES_PAGE), "Words");
    let listed: Vec<Vec<String>> = rows.iter().map(|row| code_spans(&row[0])).collect();
    for (keyword, words) in WORDS {
        let while_out = WORDS_WHILE_OPTED_OUT.iter().copied();
        let while_out = while_out.filter(|_| *keyword == Keyword::OptIn);
        let mut expected: Vec<String> = words
            .iter()
            .copied()
            .chain(while_out)
            .map(str::to_uppercase)
            .collect();
        expected.sort();
        assert!(
            listed.contains(&expected),
            "{MESSAGES_PAGE} has no row of {expected:?}"
        );
    }
    let of_a_hand_off = table(&read(MESSAGES_PAGE), "Words of a hand-off");
    for (row, words) in of_a_hand_off
        .iter()
        .zip([WORDS_FOR_A_PERSON, WORDS_FOR_THE_ASSISTANT])
    {
        let mut expected: Vec<String> = words.iter().map(|word| word.to_uppercase()).collect();
        expected.sort();
        assert_eq!(code_spans(&row[0]), expected);
    }
    assert_eq!(of_a_hand_off.len(), 2);
    let keywords = variants(&read("src/messaging/keywords.rs"), "Keyword");
    assert_eq!(WORDS.len(), keywords.len(), "every keyword has words");
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
    for file in documents() {
        for name in npm_commands(&read(&file)) {
            assert!(scripts.contains(&name), "{file} names `npm run {name}`");
        }
    }
    assert_eq!(
        npm_commands(&read(OPERATING_PAGE)),
        scripts,
        "{OPERATING_PAGE} names all of them"
    );
}

#[test]
fn the_operating_page_names_every_option_of_npm_start() {
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
    let page = read(OPERATING_PAGE);
    for option in options {
        assert!(
            page.contains(option.trim_end_matches(['.', ']'])),
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
    for file in documents() {
        let text = read(&file);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .filter(|target| !target.starts_with("http"))
        {
            links += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = if path.is_empty() {
                root().join(&file)
            } else {
                root().join(&file).parent().unwrap().join(path)
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
    assert!(links >= 40);
}

#[test]
fn every_page_can_be_reached_from_the_readme() {
    let mut reached = BTreeSet::new();
    let mut to_read = vec!["README.md".to_owned()];
    while let Some(file) = to_read.pop() {
        let directory = if file.starts_with("docs/") {
            "docs/"
        } else {
            ""
        };
        for file_name in read(&file)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
        {
            let page = match file_name.strip_prefix("../") {
                Some(at_the_root) => at_the_root.to_owned(),
                None => format!("{directory}{file_name}"),
            };
            if documents().contains(&page) && reached.insert(page.clone()) {
                to_read.push(page);
            }
        }
    }
    reached.insert("README.md".to_owned());
    assert_eq!(reached, documents());
}

/// The README is where a visitor lands. Details have their own pages.
#[test]
fn the_readme_has_at_most_200_lines() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 200, "{lines} lines");
}

/// Compares two collections in their order, and names the entries that only one of them has.
fn assert_same<T, C>(document: &str, documented: &C, of_the_code: &C)
where
    T: Debug + PartialEq,
    C: Debug + PartialEq,
    for<'c> &'c C: IntoIterator<Item = &'c T>,
{
    let only_in = |one: &C, other: &C| -> Vec<String> {
        one.into_iter()
            .filter(|entry| !other.into_iter().any(|other| other == *entry))
            .map(|entry| format!("{entry:?}"))
            .collect()
    };
    let missing = only_in(of_the_code, documented);
    assert!(missing.is_empty(), "{document} lacks {missing:?}");
    let unknown = only_in(documented, of_the_code);
    assert!(
        unknown.is_empty(),
        "the code does not know {unknown:?}, which {document} has"
    );
    assert_eq!(documented, of_the_code, "{document} has another order");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The Markdown files at the root and in `docs`.
fn documents() -> BTreeSet<String> {
    let pages: BTreeSet<_> = ["", "docs/"]
        .into_iter()
        .flat_map(|directory| files_of(directory, ".md"))
        .collect();
    assert!(pages.contains("README.md") && pages.contains(SETTINGS_PAGE));
    pages
}

/// The code blocks of a language in a document, without the indentation of a list.
fn code_blocks(document: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for line in document.lines() {
        let fence = line.trim_start();
        match &mut block {
            None if fence == format!("```{language}") => {
                block = Some((line.len() - fence.len(), String::new()));
            }
            Some(_) if fence == "```" => blocks.extend(block.take().map(|(_, text)| text)),
            Some((indent, text)) => {
                text.push_str(line.get(*indent..).unwrap_or_default());
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// The Rust files below `src`.
fn sources() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut directories = vec!["src/".to_owned()];
    while let Some(directory) = directories.pop() {
        found.extend(files_of(&directory, ".rs"));
        for entry in fs::read_dir(root().join(&directory)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                let name = entry.file_name().into_string().unwrap();
                directories.push(format!("{directory}{name}/"));
            }
        }
    }
    found
}

/// The files of a directory whose names have this ending, as paths from the root.
fn files_of(directory: &str, ending: &str) -> Vec<String> {
    fs::read_dir(root().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .map(|name| format!("{directory}{name}"))
        .collect()
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
    let default = AssistantFile {
        name: "default".to_owned(),
        text: read("assistants/default.toml"),
    };
    Config::parse(&Sources {
        setting: &lookup,
        files: &[default],
        is_time_zone: &|_| false,
    })
    .is_ok()
}

fn settings_table() -> Vec<Vec<String>> {
    table(&read(SETTINGS_PAGE), "Name")
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

/// The paths of routes among the constants of a source. `/admin/` alone is a prefix.
fn paths_in(source: &str) -> Vec<String> {
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
#[allow(clippy::too_many_lines, reason = "one list")]
fn sample_events() -> Vec<Event> {
    let nobody = PhoneHash::nobody;
    let turn = TurnEnded {
        phone_hash: nobody(),
        outcome: TurnOutcome::Failed,
        failure: Some("timeout"),
        response: Some(UnexpectedResponse::Html),
        reply_via: ReplyVia::Rest,
        messages: 1,
        joined: NonZero::new(1),
        asked_again: NonZero::new(1),
        segments: Some(1),
        duration_ms: 0,
        model_ms: 0,
        model_requests: 0,
        transcriptions: 1,
        tool_rounds: NonZero::new(1),
        tool_calls: NonZero::new(1),
        endpoint: Some(0),
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
        Security::DailyLimitReached {
            limit: DailyLimit::Calls,
            told: true,
        },
    ];
    let mut events = vec![
        Event::Turn(turn),
        Event::ToolCalled {
            phone_hash: nobody(),
            tool: Some("order_status".to_owned()),
            outcome: ToolOutcome::Timeout,
            duration_ms: 0,
        },
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
        Event::HandOff {
            phone_hash: nobody(),
            state: HandOffState::Begun,
            by: HandOffBy::Contact,
        },
        Event::SignedWebhook {
            phone_hash: nobody(),
            purpose: DeliveryPurpose::IntakeResult,
            outcome: DeliveryOutcome::Delayed,
            failures: 1,
            reason: Some("timeout"),
        },
        Event::StudioFlow {
            phone_hash: nobody(),
            outcome: FlowOutcome::Rejected,
            code: Some(1),
        },
        Event::TypingRefused {
            status: 400,
            code: Some(1),
        },
        Event::Intake {
            phone_hash: nobody(),
            outcome: IntakeOutcome::Begun,
            fields: 1,
            duration_ms: 1,
        },
        Event::Consent {
            phone_hash: nobody(),
            state: ConsentState::OptedOut,
            by: ConsentBy::Twilio,
            dropped_messages: 0,
            dropped_parts: 0,
        },
        Event::MessageIgnored {
            phone_hash: nobody(),
            reason: IgnoreReason::OptedOut,
        },
        Event::BudgetReset {
            model_requests: 1,
            messages_sent: 1,
            call_minutes: 1,
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
        Event::CallRefused {
            phone_hash: nobody(),
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            reason: CallRefusal::DailyLimit,
        },
        Event::CallDialled(CallDialled {
            phone_hash: nobody(),
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            outcome: DialOutcome::Rejected,
            code: Some(21211),
        }),
        Event::CallTurn(CallTurn {
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            outcome: CallTurnOutcome::Failed,
            failure: Some("timeout"),
            first_words_ms: Some(1),
            model_ms: 1,
            model_requests: 1,
            tool_rounds: 1,
            prompt_tokens: 1,
            completion_tokens: 1,
        }),
        Event::Call(CallEnded {
            phone_hash: nobody(),
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            outbound: true,
            ended_by: CallEnd::Caller,
            duration_ms: 1,
            minutes: 1,
            estimated_micro_usd: Some(1),
            turns: 1,
            interruptions: 1,
            failures: 1,
            resumes: 1,
            first_words_p50_ms: Some(1),
            first_words_p95_ms: Some(1),
            model_requests: 1,
            prompt_tokens: 1,
            completion_tokens: 1,
        }),
        Event::SyntheticRun(SyntheticRun {
            batch: String::new(),
            number: 1,
            mode: "text",
            ended_by: "agent",
            reason: "goodbye",
            turns: 1,
            duration_ms: 1,
            scored: true,
            model_requests: 1,
            prompt_tokens: 1,
            completion_tokens: 1,
            call: Some(Pseudonym::from_object_name(String::new()).call_hash()),
            call_minutes: 1,
            analysis: Some("completed"),
            heard: Some(HeardWords {
                words: 1,
                errors: 1,
            }),
        }),
        Event::TwilioError {
            severity: TwilioSeverity::Error,
            code: Some(11200),
            resource: TwilioResource::Call,
        },
        Event::CallFault {
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            fault: CallFault::NoSetUp,
        },
        Event::CallHungUp(CallHungUp {
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            outcome: HangUpOutcome::Rejected,
            code: Some(20001),
        }),
        Event::SegmentEvents {
            outcome: SegmentOutcome::Late,
            count: 3,
            reason: Some("busy"),
        },
        Event::FieldOmitted {
            endpoint: 0,
            field: Field::Stream,
        },
        Event::EndpointFailed {
            endpoint: 0,
            reason: "timeout",
        },
        Event::ConversationShortened { dropped_turns: 1 },
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
