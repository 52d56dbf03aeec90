//! The layers of the playground: imports only go down, and never form a circle.
//!
//! The order of the layers is the list in the header of `src/main.rs`. The test reads each path in
//! the sources, such as `crate::feed::Feed`, in `use` declarations and in expressions. Comments and
//! test modules do not count.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

#[test]
fn imports_go_down_and_form_no_circle() {
    let sources = sources();
    assert!(sources.len() > 20, "the sources were not found");
    let problems = problems(&sources);
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn an_upward_import_is_found() {
    for line in [
        "use crate::playground::Playground;",
        "use super::page;",
        "use crate::{\n    base::random,\n    openai::{self, OpenAi},\n};",
        "fn planted() { crate::server::serve(); }",
    ] {
        assert_found("feed", line, "higher layer");
    }
}

#[test]
fn a_circle_inside_a_layer_is_found() {
    for line in [
        "use super::model_rules::effort;",
        "use super::OpenAi;",
        "use crate::openai::{request::Request, tokens};",
        "fn planted() { super::completion::complete(); }",
    ] {
        assert_found("openai::fields", line, "circle");
    }
}

#[test]
fn comments_and_tests_do_not_count() {
    let mut sources = sources();
    let before = problems(&sources);
    let source = sources.get_mut(&path("feed")).unwrap();
    *source = format!(
        "// see crate::server::serve\n{source}\n#[cfg(test)]\nmod more {{ use crate::server; }}"
    );
    assert_eq!(problems(&sources), before);
}

/// Plants `line` in a module, and checks that a problem of this kind names the file and the line.
fn assert_found(module: &str, line: &str, kind: &str) {
    let mut sources = sources();
    let source = sources.get_mut(&path(module)).unwrap();
    *source = format!("{line}\n{source}");
    let problems = problems(&sources);
    let is_named = |problem: &String| {
        let file = file_of(&path(module), &sources);
        problem.starts_with(&format!("{file}: "))
            && problem.contains(kind)
            && problem.ends_with(&one_line(line))
    };
    assert!(problems.iter().any(is_named), "{line}: {problems:?}");
}

/// The path of a module, such as `["openai", "models"]`. The path of the root is empty.
type Module = Vec<String>;
/// The sources by module.
type Sources = BTreeMap<Module, String>;

/// An import: the line that it is in, and the module that it names.
#[derive(PartialEq, Eq)]
struct Import {
    line: String,
    target: Module,
}

fn path(module: &str) -> Module {
    module.split("::").map(str::to_owned).collect()
}

fn file_of(module: &Module, sources: &Sources) -> String {
    let is_folder = sources
        .keys()
        .any(|other| other != module && other.starts_with(module));
    match (module.join("/"), is_folder) {
        (path, _) if path.is_empty() => "main.rs".to_owned(),
        (path, true) => format!("{path}/mod.rs"),
        (path, false) => format!("{path}.rs"),
    }
}

/// A sentence for each import that goes up or is part of a circle.
fn problems(sources: &Sources) -> Vec<String> {
    let layers = layers(sources.get(&Module::new()).unwrap());
    let level = |module: &Module| {
        let layer = module.first().map_or("main", String::as_str);
        let position = layers.iter().position(|other| other == layer);
        position.unwrap_or_else(|| panic!("the header of main.rs does not list {layer}"))
    };
    let mut problems = Vec::new();
    let mut report = |kind: &str, module: &Module, Import { line, target }: &Import| {
        let (file, other) = (file_of(module, sources), file_of(target, sources));
        problems.push(format!("{file}: imports {kind}, {other}: {line}"));
    };
    // Without the upward imports, a circle stays inside its layer.
    let mut graph: BTreeMap<&Module, Vec<Import>> = BTreeMap::new();
    for (module, source) in sources {
        let mut imports = imports(module, source, sources);
        imports.dedup();
        let is_upward = |import: &mut Import| level(&import.target) > level(module);
        for import in imports.extract_if(.., is_upward) {
            report("from a higher layer", module, &import);
        }
        graph.insert(module, imports);
    }
    for (module, imports) in &graph {
        for import in imports {
            if reaches(&graph, &import.target, module) {
                report("in a circle", module, import);
            }
        }
    }
    problems
}

/// Whether `from` imports `to`, directly or through others.
fn reaches(graph: &BTreeMap<&Module, Vec<Import>>, from: &Module, to: &Module) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut waiting = vec![from];
    while let Some(module) = waiting.pop() {
        if module == to {
            return true;
        }
        let imports = graph.get(module).into_iter().flatten();
        waiting.extend(
            imports
                .map(|import| &import.target)
                .filter(|target| seen.insert(target)),
        );
    }
    false
}

/// The layers in the header of `main.rs`, the lowest first.
fn layers(main: &str) -> Vec<String> {
    let header = main.lines().take_while(|line| line.starts_with("//!"));
    let items = header.filter_map(|line| line.trim_start_matches("//! ").split_once(". `"));
    items
        .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|(_, rest)| rest.split_once('`'))
        .map(|(layer, _)| layer.to_owned())
        .collect()
}

/// The imports of a module.
fn imports(module: &Module, source: &str, sources: &Sources) -> Vec<Import> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut imports = Vec::new();
    for (start, _) in code.match_indices("::") {
        let (before, after) = code.split_at(start);
        let name = before.rsplit(|c| !is_name(c)).next().unwrap_or_default();
        let earlier = before.strip_suffix(name).unwrap_or_default();
        let base = match name {
            // The rest of a path that has been read already.
            _ if name.is_empty() || earlier.ends_with("::") => continue,
            "crate" => Module::new(),
            "self" => module.clone(),
            "super" => parent(module),
            // A module inside this one.
            _ => [module.as_slice(), &[name.to_owned()]].concat(),
        };
        if !sources.contains_key(&base) {
            continue;
        }
        let mut paths = Vec::new();
        let rest = read_path(after.trim_start_matches("::"), base, &mut paths);
        let line_start = earlier.rfind('\n').map_or(0, |end| end.saturating_add(1));
        let line_end = code.len().saturating_sub(rest.len());
        let line_end = rest
            .find('\n')
            .map_or(code.len(), |end| line_end.saturating_add(end));
        let line = code.get(line_start..line_end).unwrap_or_default();
        for path in paths {
            let target = longest_module(path, sources);
            if target != *module {
                imports.push(Import {
                    line: one_line(line),
                    target,
                });
            }
        }
    }
    imports
}

/// Reads the path at the beginning of `text`, below `base`. A list in braces gives several paths.
/// Returns the text behind it.
fn read_path<'t>(text: &'t str, mut base: Module, paths: &mut Vec<Module>) -> &'t str {
    if let Some(list) = text.strip_prefix('{') {
        let mut rest = list;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if let Some(rest) = rest.strip_prefix('}') {
                return rest;
            }
            if rest.is_empty() {
                return rest;
            }
            rest = read_path(rest, base.clone(), paths);
        }
    }
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name {
        "super" => base = parent(&base),
        "self" => {}
        _ => base.push(name.to_owned()),
    }
    if let Some(rest) = rest.strip_prefix("::") {
        return read_path(rest, base, paths);
    }
    paths.push(base);
    // A glob has no name. It must not stop the reader of a list.
    rest.strip_prefix('*').unwrap_or(rest)
}

/// The longest beginning of `path` that is a module.
fn longest_module(mut path: Module, sources: &Sources) -> Module {
    while !sources.contains_key(&path) {
        path.pop();
    }
    path
}

fn parent(module: &Module) -> Module {
    module
        .split_last()
        .map_or_else(Module::new, |(_, parent)| parent.to_vec())
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All sources of the playground.
fn sources() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Sources::new();
    read_folder(&root, &Module::new(), &mut sources);
    sources
}

fn read_folder(folder: &Path, module: &Module, sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let inner = [module.as_slice(), &[name.to_owned()]].concat();
        if file.is_dir() {
            read_folder(&file, &inner, sources);
        } else {
            let module = if matches!(name, "main" | "mod") {
                module.clone()
            } else {
                inner
            };
            sources.insert(module, fs::read_to_string(&file).unwrap());
        }
    }
}
