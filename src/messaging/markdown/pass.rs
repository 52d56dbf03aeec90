//! One pass over a Markdown text: each element of the parser becomes edits of the source.
//!
//! Not here: when a second pass is needed (`markdown`).

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::{
    edits::Edits,
    guards::{bare_urls, is_comparison, is_escapable, is_literal},
};
use crate::identity::Channel;

/// What becomes of the marks around code, and of backslashes and entities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// They go.
    Bare,
    /// They stay.
    Marked,
}

/// Renders the text once.
pub(super) fn pass(text: &str, channel: Channel, code: Code) -> String {
    let mut pass = Pass {
        text,
        whatsapp: channel == Channel::WhatsApp,
        code,
        edits: Edits::default(),
        urls: bare_urls(text),
        open: Vec::new(),
        bold: 0,
        literal: 0,
        quotes: 0,
        text_end: 0,
    };
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        pass.event(event, range);
    }
    pass.edits.apply(text)
}

struct Pass<'t> {
    text: &'t str,
    whatsapp: bool,
    code: Code,
    edits: Edits,
    urls: Vec<Range<usize>>,
    open: Vec<Open<'t>>,
    /// How many open elements show their text in bold.
    bold: usize,
    /// How many open elements are code or HTML.
    literal: usize,
    /// How many block quotes are open.
    quotes: usize,
    /// Where the last inline element ended.
    text_end: usize,
}

/// An open element, and what it contains so far.
struct Open<'t> {
    range: Range<usize>,
    /// Where its inline content begins and ends.
    content: Option<Range<usize>>,
    link: Option<(LinkType, CowStr<'t>)>,
    is_bold: bool,
}

impl<'t> Pass<'t> {
    fn event(&mut self, event: Event<'t>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text, range),
            Event::Code(_) => self.code_span(range),
            Event::InlineHtml(html) | Event::Html(html) => self.html(&html, range),
            Event::HardBreak => self.edits.replace(range, "\n"),
            Event::Rule => self.edits.remove(range),
            Event::SoftBreak => self.text_end = range.end,
            Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'t>, range: Range<usize>) {
        let mut open = Open {
            range: range.clone(),
            content: None,
            link: None,
            is_bold: false,
        };
        match tag {
            Tag::Strong | Tag::Emphasis => {
                open.is_bold = matches!(tag, Tag::Strong) || self.at(range.start) == Some('*');
                self.inline(&range);
            }
            Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. } => self.inline(&range),
            Tag::Heading { .. } => open.is_bold = true,
            Tag::CodeBlock(ref kind) => {
                self.literal = self.literal.saturating_add(1);
                if let CodeBlockKind::Fenced(info) = kind {
                    self.fence(&range, info);
                }
            }
            Tag::HtmlBlock => self.literal = self.literal.saturating_add(1),
            Tag::BlockQuote(_) => {
                if self.quotes == 0 && !self.whatsapp {
                    self.block_quote(&range);
                }
                self.quotes = self.quotes.saturating_add(1);
            }
            Tag::Item => self.item(&range),
            Tag::TableHead | Tag::TableRow => self.table_row(&range),
            _ => {}
        }
        if let Tag::Link {
            link_type,
            dest_url,
            ..
        }
        | Tag::Image {
            link_type,
            dest_url,
            ..
        } = tag
        {
            open.link = Some((link_type, dest_url));
        }
        self.bold = self.bold.saturating_add(usize::from(open.is_bold));
        self.open.push(open);
    }

    fn end(&mut self, tag: TagEnd) {
        let Some(open) = self.open.pop() else {
            return;
        };
        self.bold = self.bold.saturating_sub(usize::from(open.is_bold));
        let within_bold = self.bold > 0;
        match tag {
            TagEnd::Strong => {
                let mark = if self.whatsapp && !within_bold {
                    "*"
                } else {
                    ""
                };
                self.delimiters(&open.range, 2, mark);
            }
            TagEnd::Emphasis => {
                let mark = match (self.whatsapp, self.at(open.range.start)) {
                    (true, Some('*')) if !within_bold => "*",
                    (true, Some('_')) => "_",
                    _ => "",
                };
                self.delimiters(&open.range, 1, mark);
            }
            TagEnd::Strikethrough if self.is(&open.range, "~~") => {
                let mark = if self.whatsapp { "~" } else { "" };
                self.delimiters(&open.range, 2, mark);
            }
            TagEnd::Heading(_) => self.heading(&open),
            TagEnd::Link | TagEnd::Image => self.link(&open),
            TagEnd::CodeBlock | TagEnd::HtmlBlock => {
                self.literal = self.literal.saturating_sub(1);
            }
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            _ => {}
        }
    }

    /// Replaces the delimiters of emphasis by `mark`, unless a person means them as they stand.
    fn delimiters(&mut self, outer: &Range<usize>, length: usize, mark: &str) {
        let inner = outer.start.saturating_add(length)..outer.end.saturating_sub(length);
        let within_url = |at: usize| self.urls.iter().any(|url| url.contains(&at));
        if is_literal(self.text, outer, &inner)
            || within_url(outer.start)
            || within_url(outer.end.saturating_sub(1))
        {
            return;
        }
        self.edits.replace(outer.start..inner.start, mark);
        self.edits.replace(inner.end..outer.end, mark);
    }

    fn text(&mut self, shown: &str, range: Range<usize>) {
        self.inline(&range);
        if self.literal > 0 {
            return;
        }
        // The parser leaves out the backslash of an escape.
        let backslash = range.start.checked_sub(1);
        if let Some(backslash) = backslash.filter(|at| *at >= self.text_end)
            && self.code == Code::Bare
            && self.at(backslash) == Some('\\')
            && self.at(range.start).is_some_and(is_escapable)
        {
            self.edits.remove(backslash..range.start);
        }
        // An entity such as `&amp;`.
        let is_entity = self.text.get(range.clone()).is_some_and(|source| {
            source != shown && source.starts_with('&') && source.ends_with(';')
        });
        if is_entity && self.code == Code::Bare && !shown.chars().any(char::is_control) {
            self.edits.replace(range.clone(), shown);
        }
        self.text_end = range.end;
    }

    fn code_span(&mut self, range: Range<usize>) {
        self.inline(&range);
        self.text_end = range.end;
        if self.code == Code::Marked || self.whatsapp {
            return;
        }
        let ticks = self.text.get(range.clone()).map_or(0, |span| {
            span.len()
                .saturating_sub(span.trim_start_matches('`').len())
        });
        let inner = range.start.saturating_add(ticks)..range.end.saturating_sub(ticks);
        self.edits.remove(range.start..inner.start);
        self.edits.remove(inner.end..range.end);
    }

    /// `<br>` is a new line. Other tags of formatting go, and everything else stays.
    fn html(&mut self, html: &str, range: Range<usize>) {
        const FORMATTING: [&str; 14] = [
            "b", "i", "u", "s", "em", "strong", "del", "p", "span", "code", "sub", "sup", "small",
            "mark",
        ];
        self.inline(&range);
        self.text_end = range.end;
        let name = html.trim().trim_matches(['<', '>', '/', ' ']);
        if name.eq_ignore_ascii_case("br") {
            let before_newline = self.at(range.end) == Some('\n') || html.ends_with('\n');
            self.edits
                .replace(range, if before_newline { "" } else { "\n" });
        } else if FORMATTING.iter().any(|tag| name.eq_ignore_ascii_case(tag)) {
            self.edits.remove(range);
        }
    }

    /// A link as `text (url)`, or as its text alone if that says as much.
    fn link(&mut self, open: &Open<'t>) {
        let Some((kind, url)) = &open.link else {
            return;
        };
        let range = open.range.clone();
        match kind {
            LinkType::Autolink | LinkType::Email => {
                self.edits
                    .remove(range.start..range.start.saturating_add(1));
                self.edits.remove(range.end.saturating_sub(1)..range.end);
            }
            LinkType::Inline => {
                let Some(content) = open.content.clone() else {
                    return self.edits.replace(range, url.to_string());
                };
                let text = self.text.get(content.clone()).unwrap_or_default();
                let tail = if says_as_much(text, url) {
                    String::new()
                } else {
                    format!(" ({url})")
                };
                self.edits.remove(range.start..content.start);
                self.edits.replace(content.end..range.end, tail);
            }
            // Its definition stays in the text.
            _ => {}
        }
    }

    /// A heading as a line of its own, in bold where the channel can show it.
    fn heading(&mut self, open: &Open<'t>) {
        let Some(content) = open.content.clone() else {
            return self.edits.remove(open.range.clone());
        };
        let mark = if self.whatsapp { "*" } else { "" };
        let end = open.range.start.saturating_add(
            self.text
                .get(open.range.clone())
                .unwrap_or_default()
                .trim_end()
                .len(),
        );
        let underline = self.text.get(content.end..end).unwrap_or_default().trim();
        let is_setext = self.at(open.range.start) != Some('#');
        // A line such as `--` before a signature makes no heading.
        if is_setext && underline.len() < 3 {
            return;
        }
        self.edits.replace(open.range.start..content.start, mark);
        self.edits.replace(content.end..end, mark);
    }

    /// Removes the lines of a code fence, or on WhatsApp the name of the language.
    fn fence(&mut self, range: &Range<usize>, info: &str) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let Some(first_end) = source.find('\n') else {
            return;
        };
        let first_end = range.start.saturating_add(first_end);
        if self.whatsapp {
            if !info.is_empty() && self.is(range, "```") {
                self.edits.remove(range.start.saturating_add(3)..first_end);
            }
            return;
        }
        if self.code == Code::Marked {
            return;
        }
        self.edits.remove(range.start..first_end.saturating_add(1));
        let body = source.trim_end();
        let last = body.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let closing = body.get(last..).unwrap_or_default();
        let is_fence = ["```", "~~~"]
            .iter()
            .any(|fence| closing.trim_start_matches([' ', '>']).starts_with(fence));
        if last > 0 && is_fence {
            let end = range.start.saturating_add(body.len());
            self.edits.remove(range.start.saturating_add(last)..end);
        }
    }

    /// Removes the marks of a quote at the beginning of its lines.
    fn block_quote(&mut self, range: &Range<usize>) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let mut start = range.start;
        for line in source.split_inclusive('\n') {
            let unquoted = line.trim_start_matches([' ', '>']);
            let length = line.len().saturating_sub(unquoted.len());
            if line.get(..length).is_some_and(|marks| marks.contains('>'))
                && !is_comparison(unquoted)
            {
                self.edits.remove(start..start.saturating_add(length));
            }
            start = start.saturating_add(line.len());
        }
    }

    /// `*` before an item becomes `-`, which is not read as emphasis. Other marks and all numbers stay.
    fn item(&mut self, range: &Range<usize>) {
        if self.at(range.start) == Some('*') {
            self.edits
                .replace(range.start..range.start.saturating_add(1), "-");
        }
    }

    /// A row without its outer bars. After the first row, the line of dashes goes.
    fn table_row(&mut self, range: &Range<usize>) {
        let source = self.text.get(range.clone()).unwrap_or_default();
        let inner = source.trim();
        let inner = inner.strip_prefix('|').unwrap_or(inner).trim_start();
        let inner = inner.strip_suffix('|').unwrap_or(inner).trim_end();
        let start = range.start.saturating_add(offset_in(source, inner));
        self.edits.remove(range.start..start);
        let end = start.saturating_add(inner.len());
        let line_end = |from: usize| {
            let rest = self.text.get(from..).unwrap_or_default();
            from.saturating_add(rest.find('\n').unwrap_or(rest.len()))
        };
        let row_end = line_end(end);
        self.edits.remove(end..row_end);
        let dashes_start = row_end.saturating_add(1).min(self.text.len());
        let dashes_end = line_end(dashes_start);
        let dashes = self.text.get(dashes_start..dashes_end).unwrap_or_default();
        let is_dashes = dashes.contains('-') && dashes.chars().all(|c| "|-: \t>".contains(c));
        if is_dashes {
            self.edits.remove(row_end..dashes_end);
        }
    }

    /// Notes that an inline element is at `range`.
    fn inline(&mut self, range: &Range<usize>) {
        if let Some(open) = self.open.last_mut() {
            let content = open.content.get_or_insert_with(|| range.clone());
            content.end = content.end.max(range.end);
        }
    }

    fn at(&self, at: usize) -> Option<char> {
        self.text.get(at..)?.chars().next()
    }

    fn is(&self, range: &Range<usize>, start: &str) -> bool {
        self.text
            .get(range.clone())
            .is_some_and(|source| source.starts_with(start))
    }
}

/// Where `part` begins in `whole`, whose end or middle it is.
fn offset_in(whole: &str, part: &str) -> usize {
    whole.find(part).unwrap_or_default()
}

/// Whether the text of a link says as much as its URL.
fn says_as_much(text: &str, url: &str) -> bool {
    let bare = |url: &str| {
        let url = url.trim_end_matches('/');
        ["https://", "http://", "mailto:", "tel:", "sms:", "www."]
            .into_iter()
            .fold(url.to_owned(), |url, scheme| {
                url.strip_prefix(scheme).unwrap_or(&url).to_owned()
            })
            .to_lowercase()
    };
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    url.is_empty()
        || url.starts_with('#')
        || bare(text) == bare(url)
        || (url.starts_with("tel:") && digits(text) == digits(url))
}
