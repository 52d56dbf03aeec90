//! The TwiML reader: it reads the answer of the Worker as Twilio would.
//!
//! A mistake that the debugger of Twilio would report is an error with the same code. `<Redirect>`
//! is reported, but not followed.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};

use crate::base::content_type;
use crate::twilio::text::{MAX_BODY_UNITS, units};

/// The content of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// The URL of `<Redirect>`.
    pub redirect: Option<String>,
}

/// One message to the contact.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The text.
    pub text: String,
    /// The URLs of the attached files.
    pub media: Vec<String>,
}

/// An error that the debugger of Twilio would show.
#[derive(Debug, PartialEq, Eq)]
pub struct TwilioError {
    /// The code of Twilio.
    pub code: u32,
    /// A sentence that says what is wrong.
    pub reason: String,
}

/// Reads the answer to an inbound message.
///
/// # Errors
/// The error because of which Twilio would send no message.
pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Answer, TwilioError> {
    let Some(content_type) = content_type else {
        return Err(twilio_error(12300, "the answer has no content type"));
    };
    if body.len() > MAX_ANSWER_BYTES {
        return Err(twilio_error(11750, "the answer is larger than 64 kB"));
    }
    let text =
        std::str::from_utf8(body).map_err(|_| twilio_error(12100, "the answer is not UTF-8"))?;
    let answer = match content_type::essence(content_type).as_str() {
        "text/xml" | "application/xml" => read_twiml(text)?,
        "text/plain" => Answer {
            messages: vec![Message {
                text: text.to_owned(),
                media: Vec::new(),
            }],
            redirect: None,
        },
        _ => {
            return Err(twilio_error(
                12300,
                &format!("{content_type:?} is not a content type for TwiML"),
            ));
        }
    };
    for message in &answer.messages {
        if message.text.is_empty() && message.media.is_empty() {
            return Err(twilio_error(14103, "a message has neither text nor media"));
        }
        let length = units(&message.text);
        if length > MAX_BODY_UNITS {
            return Err(twilio_error(
                14103,
                &format!("a message has {length} characters, more than 1600"),
            ));
        }
    }
    Ok(answer)
}

/// The longest answer that Twilio reads.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// An error with this code of Twilio.
pub fn twilio_error(code: u32, reason: &str) -> TwilioError {
    TwilioError {
        code,
        reason: reason.to_owned(),
    }
}

/// The answer is not XML.
pub fn malformed(reason: &str) -> TwilioError {
    twilio_error(
        12100,
        &format!("the answer is not well-formed XML: {reason}"),
    )
}

/// The answer is XML, but not TwiML.
fn off_schema(reason: &str) -> TwilioError {
    twilio_error(
        12200,
        &format!("the answer is XML, but not TwiML for messages: {reason}"),
    )
}

/// An element of TwiML for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Response,
    Message,
    Body,
    Media,
    Redirect,
}

impl Element {
    /// The element `name` inside `parent`, if it may be there.
    fn inside(parent: Option<Self>, name: &str) -> Option<Self> {
        match (parent, name) {
            (None, "Response") => Some(Self::Response),
            (Some(Self::Response), "Message") => Some(Self::Message),
            (Some(Self::Response), "Redirect") => Some(Self::Redirect),
            (Some(Self::Message), "Body") => Some(Self::Body),
            (Some(Self::Message), "Media") => Some(Self::Media),
            _ => None,
        }
    }

    fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Message => &["to", "from", "action", "method", "statusCallback"],
            Self::Redirect => &["method"],
            Self::Response | Self::Body | Self::Media => &[],
        }
    }
}

/// The part of the document that has been read.
#[derive(Default)]
struct Document {
    open: Vec<Element>,
    answer: Answer,
    /// The text that was read since the last tag.
    text: String,
    seen_root: bool,
}

fn read_twiml(text: &str) -> Result<Answer, TwilioError> {
    if let Some(character) = text.chars().find(|&character| !is_xml_character(character)) {
        return Err(malformed(&format!(
            "the character U+{:04X} is forbidden",
            u32::from(character)
        )));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut document = Document::default();
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
            Event::Start(start) => document.start(&start)?,
            Event::Empty(_) => return Err(malformed("an empty element was not expanded")),
            Event::End(_) => document.end(),
            Event::Text(text) => document.text(&text.xml10_content())?,
            Event::CData(text) => document.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = reference
                    .resolve_char_ref()
                    .map_err(|error| malformed(&error.to_string()))?;
                let name = reference.into_inner();
                match (character, resolve_xml_entity(&name)) {
                    (Some(character), _) if is_xml_character(character) => {
                        document.text(&character.to_string())?;
                    }
                    (None, Some(text)) => document.text(text)?,
                    _ => return Err(malformed(&format!("&{name}; stands for nothing"))),
                }
            }
            Event::Eof => break,
        }
        first = false;
    }
    match document.open.last() {
        Some(element) => Err(malformed(&format!("<{element:?}> is not closed"))),
        None if document.seen_root => Ok(document.answer),
        None => Err(malformed("there is no element")),
    }
}

impl Document {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), TwilioError> {
        let name = start.name();
        let name = name.as_ref();
        let parent = self.open.last().copied();
        if parent.is_none() && self.seen_root {
            return Err(malformed("there is more than one root element"));
        }
        let Some(element) = Element::inside(parent, name) else {
            return Err(off_schema(&match parent {
                None => format!("the root element is <{name}>, not <Response>"),
                Some(parent) => format!("<{name}> cannot be inside <{parent:?}>"),
            }));
        };
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| malformed(&error.to_string()))?;
            let key = attribute.key.as_ref();
            if !key.starts_with("xmlns") && !element.attributes().contains(&key) {
                return Err(off_schema(&format!("<{name}> has no attribute {key}")));
            }
        }
        match element {
            Element::Response => self.seen_root = true,
            Element::Message => self.answer.messages.push(Message::default()),
            // The text of the message continues after them.
            Element::Body | Element::Media => self.take_message_text(),
            Element::Redirect => {}
        }
        self.text.clear();
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Element::Message | Element::Body) => self.take_message_text(),
            Some(Element::Media) => {
                let url = std::mem::take(&mut self.text).trim().to_owned();
                if let Some(message) = self.answer.messages.last_mut() {
                    message.media.push(url);
                }
            }
            Some(Element::Redirect) => {
                self.answer.redirect = Some(std::mem::take(&mut self.text).trim().to_owned());
            }
            Some(Element::Response) | None => {}
        }
    }

    fn text(&mut self, text: &str) -> Result<(), TwilioError> {
        match self.open.last() {
            Some(Element::Response) if !text.trim().is_empty() => Err(off_schema(
                "there is text in <Response> outside of <Message>",
            )),
            None if !text.trim().is_empty() => {
                Err(malformed("there is text outside of the root element"))
            }
            _ => {
                self.text.push_str(text);
                Ok(())
            }
        }
    }

    /// Moves the text to the message, without the surrounding white space.
    fn take_message_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        if let Some(message) = self.answer.messages.last_mut() {
            message.text.push_str(text.trim());
        }
    }
}

/// Whether XML 1.0 allows the character.
pub fn is_xml_character(character: char) -> bool {
    let is_white_space = matches!(character, '\t' | '\n' | '\r');
    is_white_space
        || matches!(character, ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn xml(body: &str) -> Result<Answer, TwilioError> {
        read(Some("text/xml; charset=utf-8"), body.as_bytes())
    }

    fn texts(body: &str) -> Vec<String> {
        xml(body)
            .unwrap()
            .messages
            .into_iter()
            .map(|message| message.text)
            .collect()
    }

    #[test]
    fn messages_are_read_in_order_with_their_entities() {
        let declared = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        assert_eq!(
            texts(&format!(
                "{declared}<Response><Message>a &lt;b&gt; &amp; &#x1F44B;</Message><Message><![CDATA[c\nd]]></Message></Response>"
            )),
            ["a <b> & 👋", "c\nd"]
        );
        assert_eq!(texts("<Response/>"), Vec::<String>::new());
        assert_eq!(
            texts(&format!("{declared}<Response></Response>\n")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_message_can_have_body_and_media() {
        let answer = xml(
            "<Response>\n <Message to=\"+15550100\">\n  <Body>Look</Body>\n  <Media>https://example.com/a.png</Media>\n </Message>\n</Response>",
        );
        let message = Message {
            text: "Look".to_owned(),
            media: vec!["https://example.com/a.png".to_owned()],
        };
        assert_eq!(
            answer,
            Ok(Answer {
                messages: vec![message],
                redirect: None
            })
        );
    }

    #[test]
    fn what_twilio_would_report_is_an_error() {
        let long = format!(
            "<Response><Message>{}</Message></Response>",
            "x".repeat(1601)
        );
        let emoji = format!(
            "<Response><Message>{}</Message></Response>",
            "👋".repeat(801)
        );
        for (code, body) in [
            (12100, " <?xml version=\"1.0\"?><Response/>"),
            (12100, "\n<?xml version=\"1.0\"?><Response/>"),
            (12100, ""),
            (12100, "hello"),
            (12100, "<Response>"),
            (12100, "<Response><Message>a</Response>"),
            (12100, "<Response/><Response/>"),
            (12100, "<Response><Message>&nbsp;</Message></Response>"),
            (12100, "<Response><Message>&#1;</Message></Response>"),
            (12100, "<Response><Message>\u{1}</Message></Response>"),
            (12100, "<Response><Message a=b>c</Message></Response>"),
            (12100, "<!DOCTYPE x><Response/>"),
            (12200, "<response/>"),
            (12200, "<Response><Say>Hi</Say></Response>"),
            (12200, "<Response>Hi</Response>"),
            (
                12200,
                "<Response><Message colour=\"red\">Hi</Message></Response>",
            ),
            (
                12200,
                "<Response><Message>Hi<Message>there</Message></Message></Response>",
            ),
            (14103, "<Response><Message/></Response>"),
            (14103, &long),
            (14103, &emoji),
        ] {
            let found = xml(body).map_err(|error| error.code);
            assert_eq!(found, Err(code), "{body:.80}");
        }
    }

    #[test]
    fn the_content_type_decides_how_the_answer_is_read() {
        let code = |content_type, body| read(content_type, body).map_err(|error| error.code);
        assert_eq!(code(None, b"<Response/>"), Err(12300));
        assert_eq!(code(Some("application/json"), b"<Response/>"), Err(12300));
        assert_eq!(code(Some("text/xml"), b"\xff"), Err(12100));
        let long = vec![b' '; 65_537];
        assert_eq!(code(Some("text/xml"), long.as_slice()), Err(11750));
        assert!(code(Some("application/xml"), b"<Response/>").is_ok());
        let plain = code(Some("text/plain"), b"<Response/>").unwrap();
        assert_eq!(plain.messages.first().unwrap().text, "<Response/>");
    }
}
