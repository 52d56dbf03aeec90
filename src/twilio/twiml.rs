//! TwiML: the XML that answers a messaging webhook, and the writer of all TwiML.
//!
//! Source: Twilio, "TwiML for Programmable Messaging". Not here: cutting a long answer (`parts`), and
//! the TwiML of calls (`voice::twiml`).

use std::{borrow::Cow, io};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

/// The content type of every TwiML answer.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// A response with one `<Message>` for each part, in order. Without parts it is an empty
/// `<Response/>`, and Twilio sends nothing.
///
/// # Errors
/// When the XML writer fails. Writing to memory never does.
pub fn messages(parts: &[String]) -> io::Result<String> {
    response(parts.is_empty(), |writer| {
        for part in parts {
            writer
                .create_element("Message")
                .write_text_content(BytesText::new(&allowed(part)))?;
        }
        Ok(())
    })
}

/// A document with its `<Response>`, and what `write` puts into it.
pub(super) fn response(
    is_empty: bool,
    write: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>,
) -> io::Result<String> {
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let response = writer.create_element("Response");
    if is_empty {
        response.write_empty()?;
    } else {
        response.write_inner_content(write)?;
    }
    String::from_utf8(writer.into_inner()).map_err(io::Error::other)
}

/// `text` without the characters that XML 1.0 forbids (W3C, "Extensible Markup Language 1.0",
/// production 2). One of them would make the whole answer unreadable (Twilio error 12100).
pub(super) fn allowed(text: &str) -> Cow<'_, str> {
    let forbidden = |c: char| matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}');
    if text.contains(forbidden) {
        text.replace(forbidden, "").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::{Reader, events::Event};

    use super::*;

    /// The texts of the messages, read back by a parser.
    fn read(xml: &str) -> Vec<String> {
        let mut reader = Reader::from_str(xml);
        let (mut texts, mut current) = (Vec::new(), None::<String>);
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) if tag.name().as_ref() == "Message" => {
                    current = Some(String::new());
                }
                Event::End(tag) if tag.name().as_ref() == "Message" => {
                    texts.push(current.take().unwrap());
                }
                Event::Text(text) => current.as_mut().unwrap().push_str(&text),
                Event::GeneralRef(name) => {
                    let text = quick_xml::escape::unescape(&format!("&{};", &*name))
                        .unwrap()
                        .into_owned();
                    current.as_mut().unwrap().push_str(&text);
                }
                Event::Eof => return texts,
                _ => {}
            }
        }
    }

    #[test]
    fn an_empty_answer_is_an_empty_response() {
        assert_eq!(
            messages(&[]).unwrap(),
            r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#
        );
    }

    #[test]
    fn markup_in_an_answer_is_text() {
        let hostile =
            "</Message><Redirect>https://evil.example</Redirect> & \"quotes\" ]]>".to_owned();
        let xml = messages(std::slice::from_ref(&hostile)).unwrap();
        assert!(!xml.contains("<Redirect>"));
        assert_eq!(read(&xml), [hostile]);
    }

    #[test]
    fn characters_that_xml_forbids_are_removed() {
        let xml = messages(&["a\0b\u{b}c\u{1f}d\u{ffff}e\tf\ng".to_owned()]).unwrap();
        assert_eq!(read(&xml), ["abcde\tf\ng"]);
    }

    proptest! {
        #[test]
        fn any_text_comes_out_as_it_went_in(parts in prop::collection::vec("[^\0-\u{8}\u{b}-\u{1f}\u{fffe}\u{ffff}]{1,60}", 0..4)) {
            prop_assert_eq!(read(&messages(&parts).unwrap()), parts);
        }
    }
}
