//! One pass over a Markdown text: each element of the parser becomes edits of the source.
//!
//! Not here: when a second pass is needed (`markdown`), and the edits of blocks, emphasis and links.

mod blocks;
mod emphasis;
mod links;

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::{
    edits::Edits,
    guards::{bare_urls, is_complete, is_escapable, is_path},
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
        plain: Vec::new(),
        stray: None,
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
    /// The text of the block so far in which the parser sees no markup.
    plain: Vec<Range<usize>>,
    /// Where `**` stands that the parser takes for text, but that begins a word.
    stray: Option<usize>,
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
            Tag::Heading { .. } => open.is_bold = !self.is_before_rule(&range),
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
        if !matches!(
            tag,
            TagEnd::Strong | TagEnd::Emphasis | TagEnd::Strikethrough
        ) {
            for range in std::mem::take(&mut self.plain) {
                let source = self.text.get(range.clone()).unwrap_or_default();
                for (at, stars) in source.match_indices("**") {
                    let start = range.start.saturating_add(at);
                    self.stray_bold(&(start..start.saturating_add(stars.len())));
                }
            }
            self.stray = None;
        }
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

    fn text(&mut self, shown: &str, range: Range<usize>) {
        self.inline(&range);
        if self.literal > 0 {
            return;
        }
        match self.plain.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.plain.push(range.clone()),
        }
        // The parser leaves out the backslash of an escape.
        let backslash = range.start.checked_sub(1);
        if let Some(backslash) = backslash.filter(|at| *at >= self.text_end)
            && self.code == Code::Bare
            && self.at(backslash) == Some('\\')
            && !self
                .text
                .get(..backslash)
                .is_some_and(|head| is_path(head) || head.ends_with('¯'))
            && self.at(range.start).is_some_and(is_escapable)
        {
            self.edits.remove(backslash..range.start);
        }
        // An entity such as `&amp;`.
        let is_entity = self.text.get(range.clone()).is_some_and(|source| {
            source != shown && source.starts_with('&') && source.ends_with(';')
        });
        if is_entity
            && self.code == Code::Bare
            && !shown.contains(|c: char| c.is_control() || c == '\u{FFFD}')
        {
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
            let (before, after) = (self.text.get(..range.start), self.text.get(range.end..));
            let closing = html.trim().starts_with("</");
            if is_complete(
                name,
                closing,
                before.unwrap_or_default(),
                after.unwrap_or_default(),
            ) {
                self.edits.remove(range);
            }
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
