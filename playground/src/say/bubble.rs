//! Messages as bubbles in the terminal.

use std::fmt::Write as _;

use crate::webhook::twiml::Message;

/// A message as a bubble of several lines.
pub fn bubble(message: &Message) -> String {
    let mut lines: Vec<String> = Vec::new();
    let options =
        textwrap::Options::new(BUBBLE_WIDTH).word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut add = |text: &str| {
        for wrapped in textwrap::wrap(text, &options) {
            lines.push(wrapped.into_owned());
        }
    };
    for line in printable(&message.text).split('\n') {
        add(line);
    }
    for url in &message.media {
        add(&printable(&format!("[media] {url}")));
    }
    let width = lines
        .iter()
        .map(|line| textwrap::core::display_width(line))
        .max()
        .unwrap_or(0);
    let rule = "─".repeat(width.saturating_add(2));
    let mut drawn = format!("╭{rule}╮\n");
    for line in &lines {
        let gap = " ".repeat(width.saturating_sub(textwrap::core::display_width(line)));
        // Writing to a text cannot fail.
        let _ = writeln!(drawn, "│ {line}{gap} │");
    }
    let _ = write!(drawn, "╰{rule}╯");
    drawn
}

/// `text` without control characters, which could change the state of the terminal.
pub fn printable(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .flat_map(|character| {
            let shown = match character {
                '\t' => "    ",
                '\n' => "\n",
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "\u{fffd}",
                _ if character.is_control() => "\u{fffd}",
                _ => "",
            };
            let itself = shown.is_empty().then_some(character);
            shown.chars().chain(itself)
        })
        .collect()
}

/// The width of the text in a bubble, in columns.
const BUBBLE_WIDTH: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bubble_is_wrapped_and_its_lines_are_equally_wide() {
        let message = Message {
            text: format!(
                "Grüße 👋 日本\n\n{} {}",
                "word ".repeat(30),
                "x".repeat(130)
            ),
            media: vec!["https://example.com/a.png".to_owned()],
        };
        let drawn = bubble(&message);
        let widths: Vec<usize> = drawn.lines().map(textwrap::core::display_width).collect();
        assert!(widths.iter().all(|&width| width == 64), "{drawn}");
        assert!(
            drawn.contains("│ Grüße 👋 日本")
                && drawn.contains("[media] https://example.com/a.png")
        );
        assert!(drawn.starts_with('╭') && drawn.ends_with('╯'));
    }

    #[test]
    fn an_answer_cannot_control_the_terminal() {
        let shown = printable("a\u{1b}[31mb\u{202e}c\u{7}\td\r\ne");
        assert_eq!(shown, "a\u{fffd}[31mb\u{fffd}c\u{fffd}    d\ne");
    }
}
