//! An XML document as a tree, read as strictly as Twilio reads TwiML.
//!
//! Not here: what its elements mean (`twiml`, and for calls `voice::twiml`).

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::answer::{TwilioError, twilio_error};

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Its attributes, in order.
    pub attributes: Vec<(String, String)>,
    /// The elements in it.
    pub children: Vec<Element>,
    /// The text in it, without that of its children.
    pub text: String,
}

impl Element {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads a document.
///
/// # Errors
/// The error 12100, if it is not well-formed.
pub fn read(text: &str) -> Result<Element, TwilioError> {
    if let Some(character) = text.chars().find(|&character| !is_xml_character(character)) {
        let code = u32::from(character);
        return Err(malformed(&format!(
            "the character U+{code:04X} is forbidden"
        )));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    // The open elements, the root first.
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut first = true;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| malformed(&error.to_string()))?;
        match event {
            Event::Decl(_) if !first => {
                return Err(malformed("there is something before the XML declaration"));
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err(malformed("a document type is not allowed")),
            Event::Start(_) if root.is_some() => {
                return Err(malformed("there is more than one root element"));
            }
            Event::Start(start) => open.push(element(&start)?),
            Event::Empty(_) => return Err(malformed("an empty element was not expanded")),
            Event::End(_) => {
                let ended = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(parent) => parent.children.push(ended),
                    None => root = Some(ended),
                }
            }
            Event::Text(text) => add(&mut open, &text.xml10_content())?,
            Event::CData(text) => add(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = reference
                    .resolve_char_ref()
                    .map_err(|error| malformed(&error.to_string()))?;
                let name = reference.into_inner();
                match (character, resolve_xml_entity(&name)) {
                    (Some(character), _) if is_xml_character(character) => {
                        add(&mut open, &character.to_string())?;
                    }
                    (None, Some(text)) => add(&mut open, text)?,
                    _ => return Err(malformed(&format!("&{name}; stands for nothing"))),
                }
            }
            Event::Eof => break,
        }
        first = false;
    }
    match (open.last(), root) {
        (Some(element), _) => Err(malformed(&format!("<{}> is not closed", element.name))),
        (None, Some(root)) => Ok(root),
        (None, None) => Err(malformed("there is no element")),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, TwilioError> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| malformed(&error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| malformed(&error.to_string()))?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element {
        name: start.name().as_ref().to_owned(),
        attributes,
        ..Element::default()
    })
}

/// Adds text to the innermost open element.
fn add(open: &mut [Element], text: &str) -> Result<(), TwilioError> {
    match open.last_mut() {
        Some(element) => {
            element.text.push_str(text);
            Ok(())
        }
        None if text.trim().is_empty() => Ok(()),
        None => Err(malformed("there is text outside of the root element")),
    }
}

/// The answer is not XML.
fn malformed(reason: &str) -> TwilioError {
    twilio_error(
        12100,
        &format!("the answer is not well-formed XML: {reason}"),
    )
}

/// Whether XML 1.0 allows the character.
fn is_xml_character(character: char) -> bool {
    let is_white_space = matches!(character, '\t' | '\n' | '\r');
    is_white_space
        || matches!(character, ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
