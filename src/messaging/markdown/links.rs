//! Links: targets in parentheses, reference definitions, and addresses that stand in the text.
//!
//! Not here: finding the brackets around a link's text (`inline`).

use std::cell::Cell;

/// A target, and the length of its source.
pub(super) struct Target<'t> {
    /// The address.
    pub url: &'t str,
    /// The length in bytes.
    pub length: usize,
}

/// The target `(url "title")` at the start of `text`.
pub(super) fn target(text: &str) -> Option<Target<'_>> {
    let body = text.strip_prefix('(')?.trim_start();
    let (url, rest) = destination(body)?;
    let rest = title(rest.trim_start()).trim_start();
    let rest = rest.strip_prefix(')')?;
    Some(Target {
        url,
        length: text.len().saturating_sub(rest.len()),
    })
}

/// The address at the start of `text`, and the rest. A word such as in `f[0](x)` is no address.
fn destination(text: &str) -> Option<(&str, &str)> {
    if let Some(body) = text.strip_prefix('<') {
        let (url, rest) = body.split_once('>')?;
        return (!url.contains(['\n', '<'])).then_some((url, rest));
    }
    let end = balanced_end(text, |c| c.is_whitespace() || c.is_control());
    let (url, rest) = text.split_at_checked(end)?;
    (url.is_empty() || is_address(url)).then_some((url, rest))
}

/// Parentheses in an address are not deeper than this.
const DEEPEST: usize = 32;

/// Where the first unbalanced `)` is, or the first character that `stops`.
fn balanced_end(text: &str, stops: impl Fn(char) -> bool) -> usize {
    let mut depth = 0usize;
    let mut end = |c: char| {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            _ => {}
        }
        stops(c) || depth > DEEPEST
    };
    text.find(&mut end).unwrap_or(text.len())
}

fn is_address(url: &str) -> bool {
    url.contains(['.', '/', ':', '#', '@'])
}

/// What follows after a title in quotes, or all of `text`.
fn title(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.split_once(quote))
        .map_or(text, |(_, rest)| rest)
}

/// A link as it is shown.
pub(super) enum Shown<'t> {
    /// The text says everything.
    Text,
    /// The address says everything.
    Url(&'t str),
    /// Both: `text (url)`.
    Both(&'t str),
}

/// How a link with this text is shown.
pub(super) fn shown<'t>(text: &str, url: &'t str) -> Shown<'t> {
    let shown_url = ["mailto:", "tel:"]
        .into_iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .unwrap_or(url);
    let text = text.trim();
    if url.is_empty() || url.starts_with('#') {
        Shown::Text
    } else if text.is_empty() || bare(text) == bare(url) {
        if url == shown_url {
            Shown::Url(url)
        } else {
            Shown::Text
        }
    } else {
        Shown::Both(shown_url)
    }
}

/// What makes an address differ from another.
fn bare(address: &str) -> String {
    let lower = address.trim().to_lowercase();
    if let Some(number) = lower.strip_prefix("tel:").or(Some(&lower))
        && number.starts_with(['+', '('])
    {
        return number.chars().filter(char::is_ascii_digit).collect();
    }
    let inner = ["https://", "http://", "mailto:"]
        .into_iter()
        .find_map(|scheme| lower.strip_prefix(scheme))
        .unwrap_or(&lower);
    inner
        .trim_start_matches("www.")
        .trim_end_matches('/')
        .to_owned()
}

/// The address in angle brackets at the start of `text`, and its length.
pub(super) fn autolink(text: &str) -> Option<(&str, usize)> {
    let (inner, _) = text.strip_prefix('<')?.split_once('>')?;
    let valid = !inner.contains(|c: char| c.is_whitespace() || c == '<')
        && (scheme(inner).is_some() || is_email(inner));
    let shown = inner.strip_prefix("mailto:").unwrap_or(inner);
    valid.then_some((shown, inner.len().saturating_add(2)))
}

fn is_email(text: &str) -> bool {
    let domain = |domain: &str| domain.contains('.') && !domain.contains('@');
    text.split_once('@')
        .is_some_and(|(name, rest)| !name.is_empty() && domain(rest))
}

/// The length of the scheme with which an address begins.
fn scheme(text: &str) -> Option<usize> {
    const LONGEST: usize = 20;
    let name = text
        .bytes()
        .take(LONGEST)
        .take_while(|b| b.is_ascii_alphanumeric() || b"+.-".contains(b))
        .count();
    let (name, rest) = text.split_at_checked(name)?;
    let slashes = rest.starts_with("://") && name.starts_with(|c: char| c.is_ascii_alphabetic());
    let known = ["mailto", "tel"].contains(&name) && rest.starts_with(':');
    if name == "www" || name.starts_with("www.") {
        return Some(4);
    }
    (slashes || known).then(|| name.len().saturating_add(1))
}

/// The address that begins a word, without the punctuation after it.
pub(super) fn bare_url(text: &str) -> Option<&str> {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let scheme = if begins { scheme(text)? } else { return None };
    let stops =
        |c: char| c.is_whitespace() || "<>\"`]|。，、；：！？）（「」『』《》“”‘’„…".contains(c);
    let end = balanced_end(text, stops);
    let url = text
        .get(..end)?
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '~', '\'']);
    (url.len() > scheme).then_some(url)
}

/// Reference definitions such as `[label]: https://example.com`.
pub(super) struct Definitions<'t>(Vec<Definition<'t>>);

struct Definition<'t> {
    label: String,
    url: &'t str,
    /// Whether the contact can read the address already.
    shown: Cell<bool>,
}

impl<'t> Definitions<'t> {
    /// The definitions in an answer.
    pub fn of(text: &'t str) -> Self {
        Self(text.lines().filter_map(definition).collect())
    }

    /// The address for a label, and whether it was shown before. From now on it counts as shown.
    pub fn resolve(&self, label: &str) -> Option<(&'t str, bool)> {
        let label = normalised(label);
        let found = self.0.iter().find(|known| known.label == label)?;
        Some((found.url, found.shown.replace(true)))
    }

    /// Whether the address that `line` defines was shown, if it is a definition. If it was not, it
    /// is shown there.
    pub fn was_shown(&self, line: &str) -> Option<bool> {
        let definition = definition(line)?;
        self.resolve(&definition.label).map(|(_, shown)| shown)
    }
}

fn definition(line: &str) -> Option<Definition<'_>> {
    let (label, rest) = line.trim_start().strip_prefix('[')?.split_once("]:")?;
    let (url, rest) = destination(rest.trim_start())?;
    let valid = !label.is_empty()
        && !label.starts_with('^')
        && !label.contains(['[', ']'])
        && !url.is_empty()
        && title(rest.trim()).trim().is_empty();
    valid.then(|| Definition {
        label: normalised(label),
        url,
        shown: Cell::new(false),
    })
}

fn normalised(label: &str) -> String {
    let words: Vec<&str> = label.split_whitespace().collect();
    words.join(" ").to_lowercase()
}
