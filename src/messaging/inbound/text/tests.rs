use super::*;
use crate::messaging::{
    inbound::{Inbound, Input},
    keywords::Keyword,
};

#[test]
fn control_characters_and_bidirectional_overrides_are_removed() {
    assert_eq!(clean("a\u{0}b\u{7}c\u{7f}d\u{85}e"), "abcde");
    assert_eq!(
        clean("x\u{202e}evil\u{202c}\u{2066}y\u{2069}\u{200f}"),
        "xevily"
    );
    assert_eq!(
        clean("\r\n one\r\ntwo\rthree\tfour\n\n"),
        "one\ntwo\nthree\tfour"
    );
    assert_eq!(
        clean("👩‍👩‍👧 é ü"),
        "👩‍👩‍👧 é ü",
        "joiners and combining marks stay"
    );
}

fn long(fields: &[(&str, &str)]) -> Input {
    let ids = [
        ("MessageSid", "SM0123456789abcdef0123456789abcdef"),
        ("From", "whatsapp:+15550100"),
        ("To", "whatsapp:+15550199"),
        ("Body", ""),
    ];
    match Inbound::from_form(&Form::from_pairs(&[&ids[..], fields].concat()), 80).unwrap() {
        Inbound::Message(message) => message.input,
        Inbound::Ignored { reason, .. } => panic!("ignored: {reason:?}"),
    }
}

#[test]
fn a_location_is_one_line_of_text() {
    let location = [("Latitude", "52.5200"), ("Longitude", "-13.405")];
    assert_eq!(
        long(&location),
        Input::Text("My location: 52.5200, -13.405".into())
    );
    let named = [
        &location[..],
        &[
            ("Label", "The\nharbour \u{202e}"),
            ("Address", " 1 Pier Rd\r\nHarbourton "),
        ],
    ]
    .concat();
    assert_eq!(
        long(&named),
        Input::Text("My location: 52.5200, -13.405 (The harbour, 1 Pier Rd Harbourton)".into())
    );
    let endless = "x".repeat(100);
    assert_eq!(
        long(&[&location[..], &[("Address", endless.as_str())]].concat()),
        Input::TooLong
    );
}

#[test]
fn an_invalid_location_is_not_a_text() {
    for (latitude, longitude) in [("90.0", "-180.000"), ("-0.5", "+179.99")] {
        let text = format!("My location: {latitude}, {longitude}");
        assert_eq!(
            long(&[("Latitude", latitude), ("Longitude", longitude)]),
            Input::Text(text)
        );
    }
    for (latitude, longitude) in [
        ("90.01", "0"),
        ("1.", "0"),
        (".5", "0"),
        ("--1", "0"),
        ("99999999999", "0"),
        ("91", "0"),
        ("0", "180.1"),
        ("NaN", "0"),
        ("inf", "0"),
        ("1e1", "0"),
        ("", "0"),
        ("north", "0"),
    ] {
        assert_eq!(
            long(&[("Latitude", latitude), ("Longitude", longitude)]),
            Input::Empty,
            "{latitude} {longitude}"
        );
    }
    assert_eq!(long(&[("Latitude", "1")]), Input::Empty);
    assert_eq!(
        long(&[("Label", "Harbour"), ("Address", "1 Pier Rd")]),
        Input::Empty
    );
}

#[test]
fn a_button_or_a_list_entry_is_its_text_and_can_be_a_keyword() {
    assert_eq!(
        long(&[
            ("ButtonText", " Yes,\u{7} please "),
            ("ButtonPayload", "yes-1")
        ]),
        Input::Text("Yes, please".into())
    );
    assert_eq!(
        long(&[("ButtonText", ""), ("ButtonPayload", "yes-1")]),
        Input::Text("yes-1".into())
    );
    assert_eq!(
        long(&[("ListTitle", "Fish"), ("ListId", "f")]),
        Input::Text("Fish".into())
    );
    assert_eq!(long(&[("ListId", "f")]), Input::Text("f".into()));
    assert_eq!(
        long(&[("ButtonText", "Start over")]),
        Input::Keyword {
            keyword: Keyword::Reset,
            by_twilio: false
        }
    );
}
