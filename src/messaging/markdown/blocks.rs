//! The lines of an answer together: paragraphs, lists, code, tables, quotes.
//!
//! Lines stay lines: what is no markup is written as it was, with its indentation. Not here: what a
//! single line is (`lines`), and the markup within a paragraph (`inline`).

use super::{
    Form, inline,
    lines::{self, Fence, Item, Line},
    links::Definitions,
    tables,
};

/// The answer in `form`.
pub(super) fn render(answer: &str, form: Form) -> String {
    let lines = lines::lines(answer);
    let mut writer = Writer {
        form,
        definitions: Definitions::of(answer),
        out: Vec::new(),
        paragraph: Paragraph::default(),
        list: Vec::new(),
        after_blank: false,
        after_rule: false,
    };
    let mut rest = lines.as_slice();
    while let Some((line, after)) = rest.split_first() {
        let taken = writer.take(*line, after);
        rest = after.get(taken..).unwrap_or_default();
    }
    writer.end_paragraph(false);
    writer.out.join("\n")
}

/// Lines that are read together, so that emphasis can go from one to the next.
#[derive(Default)]
struct Paragraph<'t> {
    quoted: bool,
    /// The marker of a list item, with its indentation.
    prefix: String,
    /// Whether its first line begins with `+`.
    after_plus: bool,
    lines: Vec<&'t str>,
}

struct Writer<'t> {
    form: Form,
    definitions: Definitions<'t>,
    out: Vec<String>,
    paragraph: Paragraph<'t>,
    /// The columns of the markers of the items around this line.
    list: Vec<usize>,
    after_blank: bool,
    /// A rule is one blank line, whatever blank lines are around it.
    after_rule: bool,
}

impl<'t> Writer<'t> {
    /// Takes a line, and as many of those `after` it as belong to it. Their number.
    fn take(&mut self, line: Line<'t>, after: &[Line<'t>]) -> usize {
        if self.paragraph.quoted != line.quoted {
            self.end_paragraph(false);
        }
        let next = after.first().filter(|next| next.quoted == line.quoted);
        if line.text.trim().is_empty() {
            self.blank(line);
            return 0;
        }
        let after_rule = std::mem::take(&mut self.after_rule);
        let after_blank = std::mem::take(&mut self.after_blank);
        if let Some(fence) = Fence::begin(line.text)
            && let Some(taken) = self.code(fence, line, after)
        {
            return taken;
        }
        if next.is_some_and(|next| tables::begins(line.text, next.text)) {
            return self.table(line, after);
        }
        if lines::is_rule(line.text) {
            self.end_paragraph(false);
            self.list.clear();
            self.after_rule = true;
            if !after_rule && self.out.last().is_some_and(|last| !last.trim().is_empty()) {
                self.write(line.quoted, "");
            }
            return 0;
        }
        if lines::is_underline(line.text)
            && !self.paragraph.lines.is_empty()
            && self.paragraph.prefix.is_empty()
        {
            self.end_paragraph(true);
            return 0;
        }
        if let Some(title) = lines::heading(line.text) {
            self.end_paragraph(false);
            self.list.clear();
            self.begin_paragraph(line.quoted, String::new(), title);
            self.end_paragraph(true);
            return 0;
        }
        let begins_with_plus = |text: &str| text.trim_start().starts_with("+ ");
        let among_plus =
            next.is_some_and(|next| begins_with_plus(next.text)) || self.paragraph.after_plus;
        if let Some(item) = lines::item(line.text, among_plus)
            && (item.indent <= 3 || !self.list.is_empty())
        {
            self.end_paragraph(false);
            self.item(line.quoted, item);
            self.paragraph.after_plus = begins_with_plus(line.text);
            return 0;
        }
        if let Some(was_shown) = self.definitions.was_shown(line.text) {
            self.end_paragraph(false);
            if !was_shown {
                self.write(line.quoted, line.text);
            }
            return 0;
        }
        if after_blank && !line.text.starts_with([' ', '\t']) {
            self.list.clear();
        }
        if self.paragraph.lines.is_empty() {
            self.begin_paragraph(line.quoted, String::new(), line.text);
        } else {
            self.paragraph.lines.push(line.text);
        }
        0
    }

    fn blank(&mut self, line: Line<'t>) {
        self.end_paragraph(false);
        self.after_blank = true;
        if !self.after_rule {
            self.write(line.quoted, line.text);
        }
    }

    /// A block of code, if the line begins one.
    fn code(&mut self, fence: Fence, line: Line<'t>, after: &[Line<'t>]) -> Option<usize> {
        let block = after
            .iter()
            .take_while(|inner| inner.quoted == line.quoted)
            .count();
        let end = after
            .iter()
            .take(block)
            .position(|inner| fence.is_ended_by(inner.text));
        let to_the_end = fence.may_stay_open() && block == after.len();
        let code = after.get(..end.unwrap_or(block)).unwrap_or_default();
        let is_blank = code.iter().all(|line| line.text.trim().is_empty());
        if is_blank || (end.is_none() && !to_the_end) {
            return None;
        }
        self.end_paragraph(false);
        match self.form {
            Form::Plain => {}
            Form::PlainWithLiterals => self.write(line.quoted, line.text),
            Form::WhatsApp => self.write(line.quoted, "```"),
        }
        for inner in code {
            let text = match self.form {
                Form::PlainWithLiterals => inner.text,
                Form::Plain | Form::WhatsApp => fence.inner(inner.text),
            };
            self.write(inner.quoted, text);
        }
        let closing = end.and_then(|end| after.get(end)).map(|line| line.text);
        match self.form {
            Form::Plain => {}
            Form::PlainWithLiterals => {
                if let Some(closing) = closing {
                    self.write(line.quoted, closing);
                }
            }
            Form::WhatsApp => self.write(line.quoted, "```"),
        }
        Some(end.map_or(block, |end| end.saturating_add(1)))
    }

    /// A table: its rows as lines, the header in bold where there is bold.
    fn table(&mut self, header: Line<'t>, after: &[Line<'t>]) -> usize {
        self.end_paragraph(false);
        let columns = tables::cells(header.text).len();
        let rows = after
            .iter()
            .skip(1)
            .take_while(|row| row.quoted == header.quoted && tables::is_row(row.text))
            .count();
        let rows = rows.saturating_add(1);
        self.row(header, columns, true);
        for row in after.iter().take(rows).skip(1) {
            self.row(*row, columns, false);
        }
        rows
    }

    fn row(&mut self, row: Line<'_>, columns: usize, heading: bool) {
        let cells = tables::cells(row.text);
        let plain: Vec<String> = if heading && self.form == Form::WhatsApp {
            cells
        } else {
            cells.iter().map(|cell| self.inline(cell, false)).collect()
        };
        let line = tables::line(&plain, columns);
        let line = if heading && self.form == Form::WhatsApp {
            self.inline(&line, true)
        } else {
            line
        };
        if !line.is_empty() {
            self.write(row.quoted, &line);
        }
    }

    /// A list item, two spaces further in than the item that it belongs to.
    fn item(&mut self, quoted: bool, item: Item<'t>) {
        while self
            .list
            .last()
            .is_some_and(|outer| item.indent < outer.saturating_add(2))
        {
            self.list.pop();
        }
        let base = self.list.first().copied().unwrap_or(item.indent);
        let indent = base.saturating_add(self.list.len().saturating_mul(2));
        self.list.push(item.indent);
        let space = if item.marker == "-" { " " } else { "" };
        let prefix = format!("{}{}{space}", " ".repeat(indent), item.marker);
        self.begin_paragraph(quoted, prefix, item.text);
    }

    fn begin_paragraph(&mut self, quoted: bool, prefix: String, line: &'t str) {
        self.paragraph = Paragraph {
            quoted,
            prefix,
            after_plus: false,
            lines: vec![line],
        };
    }

    fn end_paragraph(&mut self, heading: bool) {
        let Paragraph {
            quoted,
            prefix,
            lines,
            ..
        } = std::mem::take(&mut self.paragraph);
        if lines.is_empty() {
            return;
        }
        let text = self.inline(&lines.join("\n"), heading);
        let text = format!("{prefix}{text}");
        for line in text.split('\n') {
            self.write(quoted, line);
        }
    }

    fn inline(&self, text: &str, heading: bool) -> String {
        inline::render(text, self.form, heading, &self.definitions)
    }

    /// Writes a line. WhatsApp has a mark for quotes.
    fn write(&mut self, quoted: bool, line: &str) {
        self.out.push(if quoted && self.form == Form::WhatsApp {
            format!("> {line}").trim_end().to_owned()
        } else {
            line.to_owned()
        });
    }
}
