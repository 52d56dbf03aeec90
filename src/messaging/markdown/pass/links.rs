//! Links: `text (url)`, or the text alone.
//!
//! Not here: URLs that stand in a text by themselves (`guards`).

use pulldown_cmark::LinkType;

use super::{Open, Pass};
use crate::messaging::markdown::guards::is_address;

impl Pass<'_> {
    /// A link as `text (url)`, or as its text alone if that says as much.
    pub(super) fn link(&mut self, open: &Open<'_>) {
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
            LinkType::Inline if !is_address(url) => {}
            LinkType::Inline => {
                let Some(content) = open.content.clone() else {
                    return self.edits.replace(range, url.to_string());
                };
                let text = self.text.get(content.clone()).unwrap_or_default();
                let tail = if says_as_much(text, url) {
                    String::new()
                } else {
                    let shown = ["mailto:", "tel:"]
                        .into_iter()
                        .find_map(|scheme| url.strip_prefix(scheme));
                    format!(" ({})", shown.unwrap_or(url))
                };
                self.edits.remove(range.start..content.start);
                self.edits.replace(content.end..range.end, tail);
            }
            // Its definition stays in the text.
            _ => {}
        }
    }
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
