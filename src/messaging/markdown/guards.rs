//! Guards: text that Markdown would read as markup, but a person means as it stands.
//!
//! Not here: the markup itself (`pass`).

use std::ops::Range;

/// Whether these delimiters stand within words, as in `2*3*4`, `a*b + c*d`, `__init__` or `2**3**4`.
/// `outer` is the whole markup, `inner` what is between the delimiters.
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
    within_words || is_dunder
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

/// Whether a quoted line begins like a comparison: `> 18 years`.
pub(super) fn is_comparison(after_mark: &str) -> bool {
    after_mark.starts_with(|c: char| c.is_ascii_digit() || "=$€£".contains(c))
}

/// The characters whose backslash a model writes because of Markdown. Others are left: `C:\path`,
/// `\\server`.
pub(super) fn is_escapable(c: char) -> bool {
    "*_~`#[]>|-+.!$".contains(c)
}
