//! The layers of the library: a module imports only from layers below its own, and no modules import each other in a circle.
//!
//! The order is that of `src/lib.rs`. Every `use` line and every path of the source is read; test modules are not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The layers, from the top down. Modules on one line do not know each other.
const LAYERS: [&[&str]; 13] = [
    &["runtime"],
    &["http"],
    &["synthetic"],
    &["messaging", "voice"],
    &["conversation"],
    &["object"],
    &["analytics"],
    &["openai", "segment", "twilio", "webhooks"],
    &["event"],
    &["config"],
    &["identity"],
    &["platform"],
    &["base"],
];

/// The imports of each file: module path to the paths that it imports, each with its line.
type Imports = BTreeMap<String, Vec<(String, String)>>;

#[test]
fn no_module_imports_from_a_layer_above_it() {
    assert_eq!(upward(&library()), Vec::<String>::new());
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    assert_eq!(circles(&library()), Vec::<String>::new());
}

#[test]
fn every_module_is_in_a_layer() {
    let layers: BTreeSet<&str> = LAYERS
        .iter()
        .flat_map(|layer| layer.iter().copied())
        .collect();
    let modules: BTreeSet<String> = library()
        .into_keys()
        .filter_map(|name| top(&name))
        .collect();
    let modules: BTreeSet<&str> = modules.iter().map(String::as_str).collect();
    assert_eq!(modules, layers);
}

#[test]
fn the_map_in_lib_rs_has_the_layers_in_this_order() {
    let map = fs::read_to_string("src/lib.rs").unwrap();
    let mut rest = map.as_str();
    for name in LAYERS.iter().copied().flatten() {
        let entry = format!("[`{name}`]");
        let plain = format!("`{name}`");
        let at = rest.find(&entry).or_else(|| rest.find(&plain));
        let at = at.unwrap_or_else(|| panic!("{name} is missing in lib.rs, or not in its place"));
        rest = &rest[at..];
    }
}

#[test]
fn an_upward_import_that_is_planted_is_found() {
    for line in [
        "use crate::http::Request;",
        "use crate::{base::time, http::{self, Request}};",
        "fn f() { crate::http::handle(); }",
        "#[cfg(test)]\nmod tests;\n\nuse crate::http::Request;",
    ] {
        let mut modules = library();
        modules.insert("base::time".into(), imports_of("base::time", line));
        let found = upward(&modules);
        assert!(!found.is_empty(), "{line}");
        assert!(
            found[0].starts_with("base::time imports from above: "),
            "{found:?}"
        );
    }
    let mut modules = library();
    let sibling = imports_of("openai::request", "use crate::twilio::parts;");
    modules.insert("openai::request".into(), sibling);
    assert_eq!(upward(&modules).len(), 1, "vendors do not know each other");
}

#[test]
fn a_circle_that_is_planted_is_found() {
    let mut modules = library();
    let back = imports_of("base::secret", "use super::time::UnixMillis;");
    modules.insert("base::secret".into(), back);
    let forth = imports_of("base::time", "use crate::base::{secret::Secret, url};");
    modules.insert("base::time".into(), forth);
    let found = circles(&modules);
    assert_eq!(found, ["base::secret and base::time"]);
}

/// Imports from a layer above, or from another module of the same layer.
fn upward(modules: &Imports) -> Vec<String> {
    let rank = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    let mut found = Vec::new();
    for (module, imports) in modules {
        let Some(own) = top(module) else { continue };
        for (path, line) in imports {
            let Some(other) = top(path).filter(|other| *other != own) else {
                continue;
            };
            if rank(&other).is_none_or(|other| Some(other) <= rank(&own)) {
                found.push(format!("{module} imports from above: {line}"));
            }
        }
    }
    found
}

/// The pairs of modules that reach each other.
fn circles(modules: &Imports) -> Vec<String> {
    let edges: BTreeMap<&str, BTreeSet<&str>> = modules
        .iter()
        .map(|(module, imports)| {
            // What a module re-exports of its own children, it does not use.
            let inside = format!("{module}::");
            let is_reexport =
                |path: &str, line: &str| line.starts_with("pub ") && path.starts_with(&inside);
            let used = imports
                .iter()
                .filter(|(path, line)| !is_reexport(path, line));
            let targets = used.filter_map(|(path, _)| module_of(modules, path));
            (
                module.as_str(),
                targets.filter(|target| target != module).collect(),
            )
        })
        .collect();
    let reached = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            let new = edges.get(module).into_iter().flatten().copied();
            open.extend(new.filter(|next| seen.insert(*next)).collect::<Vec<_>>());
        }
        seen
    };
    let reach: BTreeMap<&str, BTreeSet<&str>> = edges
        .keys()
        .map(|module| (*module, reached(module)))
        .collect();
    let mutual = |one: &str, other: &str| reach[one].contains(other) && reach[other].contains(one);
    let mut found = Vec::new();
    for one in edges.keys() {
        for other in edges.keys().filter(|other| *other > one) {
            if mutual(one, other) {
                found.push(format!("{one} and {other}"));
            }
        }
    }
    found
}

/// The module that a path leads into: the longest beginning of the path that is a module.
fn module_of<'m>(modules: &'m Imports, path: &str) -> Option<&'m str> {
    let parts: Vec<&str> = path.split("::").collect();
    let longest = (1..=parts.len())
        .rev()
        .map(|length| parts[..length].join("::"));
    longest
        .into_iter()
        .find_map(|name| modules.get_key_value(&name))
        .map(|(name, _)| name.as_str())
}

/// The first part of a module's path: its layer.
fn top(path: &str) -> Option<String> {
    path.split("::")
        .next()
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

/// All modules of the library but `lib.rs`.
fn library() -> Imports {
    let mut modules = Imports::new();
    collect(Path::new("src"), &mut Vec::new(), &mut modules);
    modules
}

fn collect(folder: &Path, parents: &mut Vec<String>, modules: &mut Imports) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            parents.push(stem);
            collect(&path, parents, modules);
            parents.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !["lib", "tests"].contains(&stem.as_str())
        {
            let own = (stem != "mod").then_some(stem);
            let name = parents
                .iter()
                .cloned()
                .chain(own)
                .collect::<Vec<_>>()
                .join("::");
            let text = fs::read_to_string(&path).unwrap();
            let imports = imports_of(&name, &text);
            modules.insert(name, imports);
        }
    }
}

/// The paths that a source imports, from the crate's root on.
fn imports_of(module: &str, source: &str) -> Vec<(String, String)> {
    let code: String = without_tests(source)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut imports = Vec::new();
    // A path that begins with a child of the module.
    for line in code.lines().map(str::trim) {
        let child = line
            .strip_prefix("mod ")
            .or_else(|| line.strip_prefix("pub mod "));
        if let Some(child) = child.and_then(|rest| rest.strip_suffix(';')) {
            for line in code.lines().map(str::trim) {
                if line.contains(&format!("use {child}::")) {
                    imports.push((format!("{module}::{child}"), line.to_owned()));
                }
            }
        }
    }
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line_start = code[..at].rfind('\n').map_or(0, |end| end + 1);
            let line = code[line_start..].lines().next().unwrap_or_default().trim();
            let is_use =
                line.trim_start_matches("pub ").starts_with("use ") || line.starts_with("pub(");
            let tree = tree_at(&code[at..], is_use);
            for path in expand(&tree) {
                imports.push((absolute(module, &path), line.to_owned()));
            }
        }
    }
    imports
}

/// The source up to its tests. Tests in a file of their own are only declared, perhaps further up.
fn without_tests(source: &str) -> &str {
    let mut tests = source.match_indices("#[cfg(test)]\n");
    let inline = tests.find(|(at, _)| {
        let item = source[*at..].lines().nth(1);
        item.is_some_and(|line| line.ends_with('{'))
    });
    inline.map_or(source, |(at, _)| &source[..at])
}

/// The use tree, or the plain path, at the beginning of a text.
fn tree_at(text: &str, is_use: bool) -> String {
    let end = if is_use {
        text.find(';').unwrap_or(text.len())
    } else {
        let ends = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
        text.find(ends).unwrap_or(text.len())
    };
    text[..end].split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The single paths of a use tree.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return vec![path.trim_end_matches("::self").to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .flat_map(|part| expand(&format!("{}{part}", prefix.trim())))
        .collect()
}

/// A path from the crate's root on. In `mod.rs` and in a file alike, `super` is the folder above the module.
fn absolute(module: &str, path: &str) -> String {
    let mut base: Vec<&str> = module.split("::").collect();
    let mut rest: Vec<&str> = path.split("::").collect();
    match rest.first().copied() {
        Some("crate") => base.clear(),
        Some("super") => drop(base.pop()),
        _ => {}
    }
    rest.remove(0);
    while rest.first() == Some(&"super") {
        base.pop();
        rest.remove(0);
    }
    base.into_iter().chain(rest).collect::<Vec<_>>().join("::")
}
