//! The HTML that models put into Markdown: `<br>`, and tags such as `<b>` and `</b>`.
//!
//! Anything else in angle brackets is text, for example `<your name>` and `a < b`. Not here: links in
//! angle brackets (`links`).

/// What stands in angle brackets at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// `<br>`.
    Break,
    /// The first or last tag of an element that only formats, or a comment.
    Formatting,
}

/// Elements whose tags can be left out.
const FORMATTING: &[&str] = &[
    "b", "big", "center", "code", "del", "details", "div", "em", "font", "i", "ins", "kbd", "mark",
    "p", "pre", "s", "small", "span", "strike", "strong", "sub", "summary", "sup", "u",
];

/// No tag with its attributes is longer, in bytes.
const LONGEST: usize = 200;

/// The tag at the start of `rest`, and its length. `before` is the text before it. A tag counts
/// only if its element is complete.
pub(super) fn tag(before: &str, rest: &str) -> Option<(Tag, usize)> {
    if let Some(comment) = rest.strip_prefix("<!--") {
        let near = comment.as_bytes().get(..comment.len().min(FARTHEST))?;
        let length = near
            .windows("-->".len())
            .position(|window| window == b"-->")?
            .saturating_add("<!---->".len());
        return Some((Tag::Formatting, length));
    }
    let body = rest.strip_prefix('<')?;
    let end = body.bytes().take(LONGEST).position(|b| b == b'>')?;
    let inner = body.get(..end)?;
    let length = end.saturating_add(2);
    let (closing, inner) = match inner.strip_prefix('/') {
        Some(inner) => (true, inner),
        None => (false, inner.trim_end_matches('/')),
    };
    let name = inner
        .split(|c: char| c.is_ascii_whitespace())
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if name == "br" {
        return Some((Tag::Break, length));
    }
    if !FORMATTING.contains(&name.as_str()) || inner.contains('<') {
        return None;
    }
    let complete = if closing {
        let near = before.len().saturating_sub(FARTHEST);
        contains(
            before.as_bytes().get(near..).unwrap_or_default(),
            &format!("<{name}"),
        )
    } else {
        let near = rest.len().min(FARTHEST);
        contains(
            rest.as_bytes().get(..near).unwrap_or_default(),
            &format!("</{name}>"),
        )
    };
    complete.then_some((Tag::Formatting, length))
}

/// How far the other tag of an element may be, in bytes.
const FARTHEST: usize = 2000;

/// Whether the bytes contain the ASCII text `part`, in any case.
fn contains(bytes: &[u8], part: &str) -> bool {
    bytes
        .windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}
