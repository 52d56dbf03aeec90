//! The TwiML reader for messages: it reads the answer of the Worker as Twilio would.
//!
//! A mistake that the debugger of Twilio would report is an error with the same code. `<Redirect>`
//! is reported, but not followed. Not here: reading XML (`xml`).

use super::answer::{AnswerText, TwilioError, text_of, twilio_error};
use super::xml::{self, Element};
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

/// Reads the answer to an inbound message.
///
/// # Errors
/// The error because of which Twilio would send no message.
pub fn read(content_type: Option<&str>, body: &[u8]) -> Result<Answer, TwilioError> {
    let answer = match text_of(content_type, body)? {
        AnswerText::Xml(text) => read_twiml(&xml::read(text)?)?,
        AnswerText::Plain(text) => Answer {
            messages: vec![Message {
                text: text.to_owned(),
                media: Vec::new(),
            }],
            redirect: None,
        },
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

/// The answer is XML, but not TwiML.
fn off_schema(reason: &str) -> TwilioError {
    twilio_error(
        12200,
        &format!("the answer is XML, but not TwiML for messages: {reason}"),
    )
}

fn read_twiml(root: &Element) -> Result<Answer, TwilioError> {
    if root.name != "Response" {
        let reason = format!("the root element is <{}>, not <Response>", root.name);
        return Err(off_schema(&reason));
    }
    has_only(root, &[])?;
    if !root.text.trim().is_empty() {
        return Err(off_schema(
            "there is text in <Response> outside of <Message>",
        ));
    }
    let mut answer = Answer::default();
    for child in &root.children {
        match child.name.as_str() {
            "Message" => answer.messages.push(message(child)?),
            "Redirect" => {
                has_only(child, &["method"])?;
                answer.redirect = Some(words_of(child)?);
            }
            _ => return Err(misplaced(child, root)),
        }
    }
    Ok(answer)
}

fn message(element: &Element) -> Result<Message, TwilioError> {
    has_only(
        element,
        &["to", "from", "action", "method", "statusCallback"],
    )?;
    let mut message = Message {
        text: element.text.trim().to_owned(),
        media: Vec::new(),
    };
    for child in &element.children {
        match child.name.as_str() {
            "Body" => message.text.push_str(&words_of(child)?),
            "Media" => message.media.push(words_of(child)?),
            _ => return Err(misplaced(child, element)),
        }
        has_only(child, &[])?;
    }
    Ok(message)
}

/// The text of an element that has no others in it, without the surrounding white space.
fn words_of(element: &Element) -> Result<String, TwilioError> {
    match element.children.first() {
        Some(child) => Err(misplaced(child, element)),
        None => Ok(element.text.trim().to_owned()),
    }
}

/// The element has no attributes but these, and those of namespaces.
fn has_only(element: &Element, known: &[&str]) -> Result<(), TwilioError> {
    let unknown = element
        .attributes
        .iter()
        .find(|(name, _)| !name.starts_with("xmlns") && !known.contains(&name.as_str()));
    match unknown {
        Some((name, _)) => Err(off_schema(&format!(
            "<{}> has no attribute {name}",
            element.name
        ))),
        None => Ok(()),
    }
}

fn misplaced(child: &Element, parent: &Element) -> TwilioError {
    let reason = format!("<{}> cannot be inside <{}>", child.name, parent.name);
    off_schema(&reason)
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
