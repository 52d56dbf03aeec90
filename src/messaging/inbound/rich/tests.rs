use super::*;
use crate::messaging::{
    inbound::{Inbound, Input},
    keywords::Keyword,
};

fn long(fields: &[(&str, &str)]) -> Input {
    with_body(&[&[("Body", "")], fields].concat())
}

fn with_body(fields: &[(&str, &str)]) -> Input {
    let ids = [
        ("MessageSid", "SM0123456789abcdef0123456789abcdef"),
        ("From", "whatsapp:+15550100"),
        ("To", "whatsapp:+15550199"),
    ];
    let form = Form::from_pairs(&[&ids[..], fields].concat());
    match Inbound::from_form(&form, 80).unwrap() {
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

#[test]
fn a_payload_or_an_id_is_read_only_if_it_says_more_than_the_text() {
    for (payload, text) in [
        ("book_table_7", "Book (book_table_7)"),
        ("BOOK", "Book"),
        ("book-1", "Book"),
        ("12", "Book"),
        ("book_4711", "Book (book_4711)"),
        ("book", "Book"),
        ("{\"table\":\n7}", "Book ({\"table\": 7})"),
    ] {
        let pressed = [("ButtonText", "Book"), ("ButtonPayload", payload)];
        assert_eq!(long(&pressed), Input::Text(text.into()), "{payload}");
        // Twilio repeats the text of a button in the body.
        let repeated = [&[("Body", "Book")][..], &pressed[..]].concat();
        assert_eq!(with_body(&repeated), Input::Text(text.into()), "{payload}");
    }
    assert_eq!(
        long(&[
            ("ListTitle", "Fish"),
            ("ListId", "dish-12"),
            ("ListDescription", "fresh from the harbour"),
        ]),
        Input::Text("Fish (dish-12, fresh from the harbour)".into())
    );
}

#[test]
fn a_keyword_on_a_button_is_one_whatever_its_payload() {
    assert_eq!(
        long(&[("ButtonText", "Start over"), ("ButtonPayload", "reset-7")]),
        Input::Keyword {
            keyword: Keyword::Reset,
            by_twilio: false
        }
    );
}

#[test]
fn the_fields_of_a_form_are_lines_after_what_was_written() {
    let form = ("InteractiveData", r#"{"date":"2026-10-02","guests":"4"}"#);
    let fields = "date: 2026-10-02\nguests: 4";
    assert_eq!(
        long(&[("MessageType", "interactive"), form]),
        Input::Text(fields.into())
    );
    assert_eq!(
        long(&[("FlowData", form.1), form]),
        Input::Text(fields.into()),
        "the same fields are read once"
    );
    assert_eq!(
        with_body(&[("Body", "Here you are"), form]),
        Input::Text(format!("Here you are\n{fields}"))
    );
    for malformed in ["", "{", "{\"date\":", "not JSON", "{}"] {
        assert_eq!(
            long(&[("InteractiveData", malformed)]),
            Input::Empty,
            "{malformed}"
        );
        assert_eq!(
            with_body(&[("Body", "Hello"), ("InteractiveData", malformed)]),
            Input::Text("Hello".into())
        );
    }
    let endless = format!("{{\"note\":\"{}\"}}", "x".repeat(100));
    assert_eq!(long(&[("InteractiveData", &endless)]), Input::TooLong);
}

#[test]
fn a_choice_that_comes_as_json_too_is_read_once() {
    let json = r#"{"list_reply":{"id":"dish-12","title":"Fish"}}"#;
    assert_eq!(
        long(&[("ListTitle", "Fish"), ("InteractiveData", json)]),
        Input::Text("Fish\nlist_reply.id: dish-12".into())
    );
}

#[test]
fn an_advertisement_goes_before_the_words_and_says_nothing_alone() {
    let ad = [
        ("ReferralHeadline", "Two pizzas\nfor one"),
        ("ReferralBody", "Every Tuesday"),
    ];
    assert_eq!(
        with_body(&[&[("Body", "Still on?")][..], &ad[..]].concat()),
        Input::Text("[from the ad: Two pizzas for one | Every Tuesday]\nStill on?".into())
    );
    assert_eq!(long(&ad), Input::Empty);
}

#[test]
fn a_place_is_read_beside_a_body_if_twilio_says_that_it_is_one() {
    let place = [("Latitude", "1"), ("Longitude", "2"), ("Body", "Harbour")];
    assert_eq!(with_body(&place), Input::Text("Harbour".into()));
    assert_eq!(
        with_body(&[&place[..], &[("MessageType", "location")]].concat()),
        Input::Text("Harbour\nMy location: 1, 2".into())
    );
}

#[test]
fn a_reaction_that_twilio_names_is_one() {
    for kind in ["reaction", "Reaction"] {
        assert_eq!(
            with_body(&[("MessageType", kind), ("Body", "👍")]),
            Input::Reaction
        );
    }
    assert_eq!(
        with_body(&[("MessageType", "text"), ("Body", "👍")]),
        Input::Text("👍".into())
    );
}
