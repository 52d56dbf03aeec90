//! Reads Markdown: tables, code, headings.
//!
//! Not here: what a document has to say.

use std::collections::BTreeSet;

use super::project::read;

/// The rows of the first Markdown table whose first column is called `first_column`; a `\|` does not end a cell.
pub fn table(document: &str, first_column: &str) -> Vec<Vec<String>> {
    let heading = format!("| {first_column} |");
    let start = document
        .lines()
        .position(|line| line.starts_with(&heading))
        .unwrap_or_else(|| panic!("no table begins with the column {first_column}"));
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

/// The row of `name` in the table of `file` whose first column is called `first_column`.
pub fn row_of(file: &str, first_column: &str, name: &str) -> Vec<String> {
    let rows = table(&read(file), first_column);
    rows.into_iter()
        .find(|row| row[0] == format!("`{name}`"))
        .unwrap_or_else(|| panic!("{}, lacks a row of `{name}`", place(file, first_column)))
}

/// Where a table is, in words: its file, and the heading above it.
pub fn place(file: &str, first_column: &str) -> String {
    let document = read(file);
    let column = format!("| {first_column} |");
    let heading = document
        .lines()
        .take_while(|line| !line.starts_with(&column))
        .filter(|line| line.starts_with('#'))
        .last()
        .map_or("", |line| line.trim_start_matches('#').trim());
    format!("{file}, table under \"{heading}\"")
}

/// The first cells of a table of `file`, without backticks.
pub fn first_cells(file: &str, first_column: &str) -> BTreeSet<String> {
    let mut cells = BTreeSet::new();
    for row in table(&read(file), first_column) {
        let cell = row[0].trim_matches('`').to_owned();
        let place = place(file, first_column);
        assert!(!cells.contains(&cell), "{place}, has {cell} twice");
        cells.insert(cell);
    }
    cells
}

/// The texts between backticks, sorted; remarks in parentheses are left out.
pub fn code_spans(text: &str) -> Vec<String> {
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

/// The code blocks of a language in a document, without the indentation of a list.
pub fn code_blocks(document: &str, language: &str) -> Vec<String> {
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

/// The anchor that the hosting platform gives a heading.
pub fn anchor_of(line: &str) -> Option<String> {
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

/// The lines with headings. A `#` within code is none.
pub fn headings(document: &str) -> Vec<&str> {
    let mut in_code = false;
    let outside = document.lines().filter(|line| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        !in_code
    });
    outside.filter(|line| line.starts_with('#')).collect()
}
