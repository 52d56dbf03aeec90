//! Tests of media: images and voice notes beside a text, and other files.

use super::{RESET, input_of, parse};
use crate::messaging::inbound::Input;

#[test]
fn an_empty_text_is_told_from_media() {
    assert_eq!(input_of(" \u{0}\n"), Input::Empty);
    assert_eq!(parse(&[]).unwrap().input, Input::Empty);
    assert_eq!(parse(&[("NumMedia", "0")]).unwrap().input, Input::Empty);
    assert_eq!(parse(&[("NumMedia", "1")]).unwrap().input, Input::Media);
}

const IMAGE: &str = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1";

#[test]
fn images_belong_to_the_text_and_need_none() {
    let images = [
        ("NumMedia", "1"),
        ("MediaUrl0", IMAGE),
        ("MediaContentType0", "image/jpeg"),
    ];
    let message = parse(&[&images[..], &[("Body", "look")]].concat()).unwrap();
    assert_eq!(
        (message.input, message.images.len()),
        (Input::Text("look".into()), 1)
    );
    let message = parse(&images).unwrap();
    assert_eq!(
        (message.input, message.images.len()),
        (Input::Text(String::new()), 1)
    );
}

#[test]
fn voice_notes_belong_to_the_text_and_need_none() {
    let voice = [
        ("NumMedia", "2"),
        ("MediaUrl0", IMAGE),
        ("MediaContentType0", "audio/ogg"),
        ("MediaUrl1", IMAGE),
        ("MediaContentType1", "image/png"),
    ];
    for body in ["", "listen"] {
        let message = parse(&[&voice[..], &[("Body", body)]].concat()).unwrap();
        assert_eq!(message.input, Input::Text(body.into()));
        assert_eq!((message.voice_notes.len(), message.images.len()), (1, 1));
    }
}

#[test]
fn a_keyword_and_a_text_that_is_too_long_come_before_media() {
    let images = [
        ("NumMedia", "1"),
        ("MediaUrl0", IMAGE),
        ("MediaContentType0", "image/jpeg"),
    ];
    for (body, input) in [("Reset", RESET), ("0123456789abc", Input::TooLong)] {
        let message = parse(&[&images[..], &[("Body", body)]].concat()).unwrap();
        assert_eq!((message.input, message.images), (input, vec![]));
    }
    let video = parse(&[
        ("NumMedia", "1"),
        ("MediaUrl0", IMAGE),
        ("MediaContentType0", "video/mp4"),
        ("Body", "reset"),
    ])
    .unwrap();
    assert_eq!(video.input, RESET);
}

#[test]
fn other_media_are_not_taken_for_a_text_that_comes_with_them() {
    let message = parse(&[
        ("NumMedia", "1"),
        ("MediaUrl0", IMAGE),
        ("MediaContentType0", "application/pdf"),
        ("Body", "read"),
    ])
    .unwrap();
    assert_eq!((message.input, message.images), (Input::Media, vec![]));
}
