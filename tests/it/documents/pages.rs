//! The pages as a whole: commands, options, the version, links, and the length of the README.
//!
//! Not here: the contents of tables, which have modules of their own.

use std::{collections::BTreeSet, fs};

use super::{
    markdown::{anchor_of, headings, table},
    project::{documents, package, read, root},
    report::{assert_has, assert_lists},
};

const OPERATING_PAGE: &str = "docs/operating.md";

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
            assert!(
                scripts.contains(&name),
                "{file} names `npm run {name}`, which is not in package.json. Correct it."
            );
        }
    }
    let place = format!("{OPERATING_PAGE}, table under \"Commands\", npm commands");
    assert_has(&place, npm_commands(&read(OPERATING_PAGE)), scripts);
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
        let option = option.trim_end_matches(['.', ']']);
        assert!(
            page.contains(option),
            "{OPERATING_PAGE}, table under \"Commands\", row `npm start`, lacks {option}"
        );
    }
}

#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    let in_package = package()["version"].as_str().unwrap().to_owned();
    assert_eq!(
        in_package, version,
        "package.json: write the version of Cargo.toml, {version}"
    );
    assert!(
        read("CHANGELOG.md").contains(&format!("\n## [{version}] - ")),
        "CHANGELOG.md lacks the section `## [{version}] - <date>`"
    );
    let (series, _) = version.rsplit_once('.').unwrap();
    assert_eq!(
        table(&read("SECURITY.md"), "Version")[0][0],
        format!("{series}.x")
    );
    let health = format!(r#"{{"status":"ok","version":"{version}","#);
    assert!(
        read("README.md").contains(&health),
        "README.md, \"A real number in ten minutes\", lacks the answer of /health: `{health}…`"
    );
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
            assert!(
                linked.is_file(),
                "{file} links to {target}: there is no such file"
            );
            let anchors = || {
                fs::read_to_string(&linked)
                    .unwrap()
                    .lines()
                    .filter_map(anchor_of)
                    .collect::<Vec<_>>()
            };
            assert!(
                anchor.is_empty() || anchors().iter().any(|other| other == anchor),
                "{file} links to {target}: there is no such heading"
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
    let lost: Vec<_> = documents().difference(&reached).cloned().collect();
    assert!(
        lost.is_empty(),
        "no page links to {lost:?}. Add it to docs/README.md."
    );
}

#[test]
fn the_table_of_contents_lists_every_page_once_with_its_title() {
    let listed = table_of_contents();
    let pages: Vec<String> = documents()
        .iter()
        .filter_map(|file| file.strip_prefix("docs/"))
        .filter(|page| *page != "README.md")
        .map(|page| format!("[{}]({page})", title(&read(&format!("docs/{page}")))))
        .collect();
    assert_has("docs/README.md, its tables", listed, pages);
}

/// The first cells of all tables of the table of contents.
fn table_of_contents() -> Vec<String> {
    read("docs/README.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| ["))
        .filter_map(|line| line.split(" | ").next())
        .map(|cell| format!("[{cell}"))
        .collect()
}

fn title(page: &str) -> String {
    let first = page.lines().next().unwrap_or_default();
    first.trim_start_matches("# ").to_owned()
}

/// A page with more sections than fit on a screen begins with links to them.
#[test]
fn a_long_page_begins_with_links_to_its_sections() {
    let mut long = 0;
    for file in documents().iter().filter(|file| file.starts_with("docs/")) {
        let page = read(file);
        let sections: Vec<&str> = headings(&page)
            .into_iter()
            .filter(|line| line.starts_with("## "))
            .collect();
        if sections.len() <= 8 {
            continue;
        }
        long += 1;
        let links = page
            .lines()
            .take_while(|line| !line.starts_with("## "))
            .filter_map(|line| line.strip_prefix("- ["))
            .map(|line| format!("- [{line}"));
        let expected = sections.iter().map(|line| {
            let anchor = anchor_of(line).unwrap();
            format!("- [{}](#{anchor})", &line["## ".len()..])
        });
        assert_lists(
            &format!("{file}, list above the first section"),
            links,
            expected,
        );
    }
    assert!(long >= 3, "only {long} long pages were found");
}

/// The README is where a visitor lands. Details have their own pages.
#[test]
fn the_readme_has_at_most_200_lines() {
    let lines = read("README.md").lines().count();
    assert!(
        lines <= 200,
        "README.md has {lines} lines, more than 200. Move details to a page in docs."
    );
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
