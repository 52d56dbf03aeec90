//! What is deployed: the bindings, classes and observability of `wrangler.toml`, the routes, and Twilio's codes.
//!
//! Not here: the settings, which are in `settings`.

use std::collections::BTreeSet;

use switchboard::twilio::rest::codes::{CODES, Disposition};

use super::{
    markdown::{first_cells, place, table},
    project::{read, sources, wrangler},
    report::{assert_has, assert_lists},
    source::{after_each, paths_in, words_after},
};

const OPERATING_PAGE: &str = "docs/operating.md";

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
    let version = text(&wrangler["version_metadata"]["binding"]);
    assert!(
        sources
            .iter()
            .any(|source| source.contains(&format!("get_binding(\"{version}\")"))),
        "wrangler.toml, [version_metadata]: no source reads the binding {version}"
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

/// wrangler passes neither bindings nor settings on to an environment.
#[test]
fn staging_repeats_the_bindings_and_settings_of_production() {
    let production = toml::Value::Table(wrangler());
    let staging = part(&production, "env.staging");
    for key in [
        "durable_objects.bindings",
        "kv_namespaces",
        "version_metadata",
        "vars",
    ] {
        let repeated = entries(part(staging, key));
        let place = format!("wrangler.toml, env.staging.{key}");
        assert_has(&place, repeated, entries(part(&production, key)));
    }
}

fn part<'t>(of: &'t toml::Value, path: &str) -> &'t toml::Value {
    path.split('.').fold(of, |of, key| &of[key])
}

/// The entries of a list or a table of `wrangler.toml`, without what each environment has for itself: its address, and the id of its
/// namespace.
fn entries(part: &toml::Value) -> Vec<String> {
    let pairs = |table: &toml::Table| -> Vec<String> {
        let kept = table
            .iter()
            .filter(|(key, _)| !["PUBLIC_URL", "id"].contains(&key.as_str()));
        kept.map(|(key, value)| format!("{key} = {value}"))
            .collect()
    };
    match part {
        toml::Value::Array(rows) => rows
            .iter()
            .map(|row| pairs(row.as_table().unwrap()).join(", "))
            .collect(),
        part => pairs(part.as_table().unwrap()),
    }
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
    let cells = ["Webhook", "Route"].map(|table| first_cells(OPERATING_PAGE, table));
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
    let place =
        format!("{OPERATING_PAGE}, tables under \"The webhooks\" and \"The admin routes\", paths");
    assert_has(&place, documented, of_the_code);
}

#[test]
fn the_page_of_twilios_errors_has_the_codes_as_the_code_knows_them() {
    let page = "docs/twilio-errors.md";
    let documented = table(&read(page), "Code");
    let documented = documented
        .iter()
        .map(|row| format!("| {} |", row.join(" | ")));
    let of_the_code = CODES.iter().map(|known| {
        let does = match known.disposition {
            Disposition::Never => "Never",
            Disposition::Later => "Later",
            Disposition::OptOut => "Opt-out",
        };
        let (code, meaning, action) = (known.code, known.meaning, known.action);
        format!("| {code} | {does} | {meaning} | {action} |")
    });
    assert_lists(&place(page, "Code"), documented, of_the_code);
}
