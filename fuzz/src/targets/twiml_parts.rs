//! An answer on its way to Twilio: parts within the limits, nothing lost, and XML that a parser reads back.
//!
//! Not here: segments.

use switchboard::twilio::{
    parts::{self, MAX_PART_UNITS, MAX_PARTS},
    twiml,
};

use crate::support::twiml::texts;

/// An answer on its way to Twilio. The bytes are its text.
pub fn twiml_parts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parts = parts::split(&text);
    assert!(parts.len() <= MAX_PARTS);
    assert!(
        parts
            .iter()
            .all(|part| !part.trim().is_empty() && part.encode_utf16().count() <= MAX_PART_UNITS)
    );
    let visible = |text: &str| text.split_whitespace().collect::<String>();
    let (said, whole) = (visible(&parts.concat()), visible(&text));
    if said != whole {
        assert_eq!(
            parts.len(),
            MAX_PARTS,
            "only what no ten parts hold is left out"
        );
        assert!(
            said.strip_suffix('…')
                .is_some_and(|said| whole.starts_with(said)),
            "and that is marked, and at the end"
        );
    }

    let xml = twiml::messages(&parts).expect("writing to memory");
    assert!(!xml.contains(is_forbidden_in_xml));
    let kept = parts
        .iter()
        .map(|part| one_line_end(&part.replace(is_forbidden_in_xml, "")));
    let read: Vec<String> = texts(&xml).iter().map(|text| one_line_end(text)).collect();
    assert_eq!(read, kept.collect::<Vec<_>>());
}

/// The characters outside of production 2 of XML 1.0.
fn is_forbidden_in_xml(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// XML parsers turn every line end into a newline.
fn one_line_end(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}
