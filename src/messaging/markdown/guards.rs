//! Guards: text that Markdown would read as markup, but a person means as it stands.
//!
//! Not here: the markup itself (`pass`).

use std::ops::Range;

/// Whether these delimiters stand within words, as in `2*3*4`, `a*b + c*d`, `__init__` or `2**3**4`,
/// in a face such as `^_^` or `*_*`, or in a blank such as `Name:____`. `outer` is the whole markup,
/// `inner` what is between the delimiters.
pub(super) fn is_literal(text: &str, outer: &Range<usize>, inner: &Range<usize>) -> bool {
    let before = text.get(..outer.start).and_then(|head| head.chars().last());
    let after = text.get(outer.end..).and_then(|tail| tail.chars().next());
    let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let single = inner.start.saturating_sub(outer.start) == 1;
    let within_words = if single {
        word(before) || word(after)
    } else {
        word(before) && word(after)
    };
    let content = text.get(inner.clone()).unwrap_or_default();
    let is_dunder = text
        .get(outer.clone())
        .is_some_and(|outer| outer.starts_with("__"))
        && content
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let mark = text.get(outer.start..).and_then(|tail| tail.chars().next());
    let is_mark = |c: &char| Some(*c) == mark;
    let run = |from: usize| {
        let (head, tail) = text.split_at_checked(from).unwrap_or_default();
        let before = head.chars().rev().take_while(is_mark).count();
        tail.chars()
            .take_while(is_mark)
            .count()
            .saturating_add(before)
    };
    let is_blank = run(outer.start) > 3 || run(inner.end) > 3;
    let in_face = mark == Some('_') && single && before.is_some_and(|c| "^-<>=@.¯\\".contains(c));
    let readable = content.contains(|c: char| c.is_alphanumeric() || !c.is_ascii());
    within_words || is_dunder || is_blank || in_face || !readable
}

/// Whether the word that ends here is the beginning of a path, such as `C:` or `\\\\server`.
pub(super) fn is_path(before: &str) -> bool {
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let drive = |text: &str| text.len() == 2 && text.ends_with(':');
    word.starts_with("\\\\") || word.get(..2).is_some_and(drive)
}

/// Whether the target of a link looks like an address. In `f[0](x)` it does not.
pub(super) fn is_address(url: &str) -> bool {
    url.is_empty() || url.contains(['.', '/', ':', '#', '@'])
}

/// Whether a tag of this name belongs to an element that begins and ends in the text. `before` and
/// `after` are the text around the tag.
pub(super) fn is_complete(name: &str, closing: bool, before: &str, after: &str) -> bool {
    const FARTHEST: usize = 2000;
    let contains = |bytes: &[u8], part: String| {
        bytes
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    if closing {
        let near = before.len().saturating_sub(FARTHEST);
        contains(
            before.as_bytes().get(near..).unwrap_or_default(),
            format!("<{name}>"),
        )
    } else {
        let near = after.len().min(FARTHEST);
        contains(
            after.as_bytes().get(..near).unwrap_or_default(),
            format!("</{name}>"),
        )
    }
}

/// The bare URLs of a text. What looks like markup within them is part of the address.
pub(super) fn bare_urls(text: &str) -> Vec<Range<usize>> {
    let mut urls = Vec::new();
    for scheme in ["http://", "https://", "www."] {
        for (start, _) in text.match_indices(scheme) {
            let rest = text.get(start..).unwrap_or_default();
            let length = rest
                .find(|c: char| c.is_whitespace() || "<>()[]\"`".contains(c))
                .unwrap_or(rest.len());
            let url = rest.get(..length).unwrap_or_default();
            // Marks and punctuation at its end belong to the sentence.
            let url = url.trim_end_matches(['*', '_', '~', '.', ',', ':', ';', '!', '?', '\'']);
            urls.push(start..start.saturating_add(url.len()));
        }
    }
    urls
}

/// Whether a quoted line begins like a comparison, `> 18 years`, or like a face, `>:(`.
pub(super) fn is_comparison(marks: &str, after: &str) -> bool {
    let is_face = !marks.ends_with(' ') && after.starts_with([':', ';', '_', '.', '<', '(']);
    is_face || after.starts_with(|c: char| c.is_ascii_digit() || "=$€£".contains(c))
}

/// The characters whose backslash a model writes because of Markdown. Others are left: `C:\path`,
/// `\\server`.
pub(super) fn is_escapable(c: char) -> bool {
    "*_~`#[]>|-+.!$".contains(c)
}
