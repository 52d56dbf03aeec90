//! Reads TwiML answers with an XML parser.
//!
//! Strict on purpose: anything but messages with text in them panics. Not here: voice TwiML.

use quick_xml::{Reader, escape::unescape, events::Event};

/// The texts of the messages in an answer.
pub fn texts(xml: &str) -> Vec<String> {
    assert!(xml.starts_with("<?xml"), "{xml}");
    let mut reader = Reader::from_str(xml);
    let (mut texts, mut current, mut open) = (Vec::new(), None::<String>, Vec::new());
    loop {
        match reader.read_event().expect("the XML is well formed") {
            Event::Decl(_) => {}
            Event::Start(tag) => {
                open.push(tag.name().as_ref().to_owned());
                match open.join("/").as_str() {
                    "Response" => {}
                    "Response/Message" => current = Some(String::new()),
                    other => panic!("{other} is not an element of an answer"),
                }
            }
            Event::End(_) => {
                open.pop();
                texts.extend(current.take());
            }
            Event::Empty(tag) => assert!(tag.name().as_ref() == "Response" && open.is_empty()),
            Event::Text(text) => current
                .as_mut()
                .expect("text is in a message")
                .push_str(&text),
            Event::GeneralRef(name) => {
                let reference = format!("&{};", &*name);
                let text = unescape(&reference).expect("a reference");
                current
                    .as_mut()
                    .expect("text is in a message")
                    .push_str(&text);
            }
            Event::Eof => return texts,
            other => panic!("{other:?} is not part of an answer"),
        }
    }
}
