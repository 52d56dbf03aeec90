//! The settings: their page, `wrangler.toml`, `.dev.vars.example`, and the examples of assistants' files.
//!
//! Not here: bindings and the rest of `wrangler.toml`, which are in `deployed`.

use std::collections::BTreeSet;

use serde_json::Value;
use switchboard::config::{
    AssistantFile, Config, DefaultValue, FixedText, Kind, Language, SETTINGS, Setting, Sources,
};

use super::{
    markdown::{code_blocks, first_cells, place, table},
    project::{read, wrangler},
    report::{assert_has, assert_lists},
};

const PAGE: &str = "docs/settings.md";

#[test]
fn the_settings_page_lists_the_settings_of_the_code_with_their_kinds_and_defaults() {
    let rows = settings_table()
        .into_iter()
        .map(|row| format!("| {} | {} | {} |", row[0], row[1], row[2]));
    let settings = SETTINGS.iter().map(|setting| {
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
        format!("| `{}` | {kind} | {default} |", setting.name)
    });
    assert_lists(&place(PAGE, "Name"), rows, settings);
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
            assert_eq!(
                accepts(name, &value.to_string()),
                allowed,
                "{}, row {name}, says \"{low} to {high}\", but the code {} {value}. Write the range of the code.",
                place(PAGE, "Name"),
                if allowed { "refuses" } else { "accepts" },
            );
        }
    }
    assert!(ranges >= 16, "only {ranges} ranges were read");
}

#[test]
fn wrangler_toml_sets_every_variable_to_its_default_and_no_secret() {
    let wrangler = wrangler();
    let vars = wrangler["vars"].as_table().unwrap();
    for (name, value) in vars {
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .unwrap_or_else(|| {
                panic!("wrangler.toml, [vars], has {name}, which is no setting. Remove it.")
            });
        assert_eq!(
            setting.kind,
            Kind::Var,
            "wrangler.toml, [vars], has {name}, which is a secret. Remove it."
        );
        let value = value.as_str().expect("a setting is text");
        if let DefaultValue::Value(default) = setting.default {
            assert_eq!(
                value, default,
                "wrangler.toml, [vars]: {name} is {value:?}. Write the default, {default:?}."
            );
        }
    }
    let expected: BTreeSet<_> = SETTINGS
        .iter()
        .filter(|setting| has_value(setting))
        .map(|setting| setting.name)
        .collect();
    let listed: BTreeSet<_> = vars.keys().map(String::as_str).collect();
    assert_has("wrangler.toml, [vars]", listed, expected);
}

/// `npm run doctor` says how to set each of them.
#[test]
fn doctor_knows_which_settings_are_secret() {
    let checks = read("scripts/lib/checks.mjs");
    let list = checks.split("const SECRETS = [").nth(1).unwrap();
    let known = list
        .split(']')
        .next()
        .unwrap()
        .split('"')
        .skip(1)
        .step_by(2);
    let secrets = SETTINGS
        .iter()
        .filter(|setting| setting.kind == Kind::Secret);
    assert_has(
        "scripts/lib/checks.mjs, SECRETS",
        known,
        secrets.map(|setting| setting.name),
    );
}

#[test]
fn the_example_of_local_settings_lists_every_setting_once_with_its_default() {
    let example = read(".dev.vars.example");
    // The secrets that files of assistants name are no settings.
    let (of_settings, of_files) = example
        .split_once("# Secrets that files of assistants name.")
        .unwrap();
    for name in ["ORDERS_SECRET", "DESK_SECRET", "INTAKE_SECRET"] {
        assert!(
            of_files.contains(&format!("\n{name}=")),
            ".dev.vars.example, after the line about secrets of files, lacks {name}="
        );
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
    let names = lines.iter().map(|(_, name, _)| name);
    let of_the_code = SETTINGS.iter().map(|setting| setting.name);
    assert_lists(
        ".dev.vars.example, above the secrets of files",
        names,
        of_the_code,
    );
    for ((set, name, value), setting) in lines.into_iter().zip(SETTINGS) {
        // Locally, the admin routes exist, so that `npm run admin` can be tried.
        let generated = setting.default == DefaultValue::Required || name == "ADMIN_TOKEN";
        let comment = if generated { "without" } else { "with" };
        assert_eq!(
            set, generated,
            ".dev.vars.example, line of {name}: write it {comment} `# ` before it, because only what is required is set"
        );
        let wrong = |wanted: &str| {
            format!(".dev.vars.example, line of {name}: it has {value:?}. Write {name}={wanted}")
        };
        match setting.default {
            _ if generated => assert!(!value.is_empty(), "{}", wrong("generated-by-npm-start")),
            DefaultValue::Required
            | DefaultValue::Off
            | DefaultValue::RequestOrigin
            | DefaultValue::InLanguage
            | DefaultValue::InAssistant
            | DefaultValue::NoReasoning => {
                assert_eq!(value, "", "{}", wrong(""));
            }
            DefaultValue::Value(default) => assert_eq!(value, default, "{}", wrong(default)),
        }
    }
}

#[test]
fn the_settings_page_lists_the_names_of_the_fixed_texts_and_the_languages() {
    let names: BTreeSet<&str> = FixedText::ALL.iter().map(|text| text.name()).collect();
    let column = "Name of a text";
    assert_has(&place(PAGE, column), first_cells(PAGE, column), names);
    let page = read(PAGE);
    for language in Language::ALL {
        let code = language.code();
        assert!(
            page.contains(&format!("`{code}`")),
            "{PAGE} lacks the language `{code}`"
        );
    }
}

#[test]
fn the_files_in_the_assistants_page_and_in_this_project_are_right() {
    let default = |text: String| AssistantFile {
        name: "default".to_owned(),
        text,
    };
    let bundled = default(read("assistants/default.toml"));
    let mut blocks = code_blocks(&read("docs/assistants.md"), "toml");
    let guide = code_blocks(&read("docs/guide.md"), "toml");
    assert!(!blocks.is_empty() && !guide.is_empty());
    blocks.extend(guide);
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
            "docs/assistants.md or docs/guide.md has an example with these errors:\n{}",
            files[1].text
        );
        assert_eq!(checked["assistants"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_readme_shows_the_assistant_as_it_is() {
    let file = read("assistants/default.toml");
    let shown = code_blocks(&read("README.md"), "toml").concat();
    assert!(shown.contains("prompt = "), "README.md shows no prompt");
    for line in shown.lines().filter(|line| !line.is_empty()) {
        assert!(
            file.lines().any(|other| other == line),
            "README.md, \"Make it yours\", shows a line that assistants/default.toml has not: {line}"
        );
    }
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
    table(&read(PAGE), "Name")
}
