//! Tables: a row becomes a line, `a: b` for two columns and `a | b | c` for more.
//!
//! Not here: the markup within a cell (`inline`).

/// Whether a table begins with these two lines: a header, and as many `---` as it has cells.
pub(super) fn begins(header: &str, delimiters: &str) -> bool {
    let is_delimiter = |cell: &&str| {
        let dashes = cell.trim_matches(':');
        !dashes.is_empty()
            && dashes.bytes().all(|b| b == b'-')
            && cell.len().saturating_sub(dashes.len()) <= 2
    };
    let cells = cells(delimiters);
    header.contains('|')
        && delimiters.contains(['|', ':'])
        && delimiters.contains('-')
        && cells.iter().all(|cell| is_delimiter(&cell.as_str()))
        && cells.len() == self::cells(header).len()
}

/// Whether the line is a row of a table.
pub(super) fn is_row(line: &str) -> bool {
    line.contains('|')
}

/// The cells of a row, trimmed.
pub(super) fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut escaped = false;
    let mut ended = false;
    for c in row.chars() {
        ended = c == '|' && !escaped;
        if ended {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            if c == '|' {
                // `\|` is a `|` within the cell.
                cell.pop();
            }
            cell.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    if ended {
        cells.pop();
    }
    for cell in &mut cells {
        *cell = cell.trim().to_owned();
    }
    cells
}

/// A row as a line. `columns` is the number of cells of the header.
pub(super) fn line(cells: &[String], columns: usize) -> String {
    let filled: Vec<&String> = cells.iter().filter(|cell| !cell.is_empty()).collect();
    match filled.as_slice() {
        [first, second] if columns == 2 && first.ends_with(':') => format!("{first} {second}"),
        [first, second] if columns == 2 => format!("{first}: {second}"),
        [only] if columns <= 2 => (*only).clone(),
        _ => cells.join(" | ").trim().to_owned(),
    }
}
