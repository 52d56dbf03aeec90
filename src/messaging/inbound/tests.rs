use super::*;
use crate::twilio::fields::{NUMBERED, READ};

const RESET: Input = Input::Keyword {
    keyword: Keyword::Reset,
    by_twilio: false,
};
const SID: &str = "SM0123456789abcdef0123456789abcdef";

fn parse(fields: &[(&str, &str)]) -> Result<Message, FieldError> {
    let mut all = vec![
        ("MessageSid", SID),
        ("From", "+15550100"),
        ("To", "+15550199"),
    ];
    all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
    all.extend(fields);
    Message::from_form(&Form::from_pairs(&all), 12)
}

fn input_of(body: &str) -> Input {
    parse(&[("Body", body)]).unwrap().input
}

#[test]
fn a_plain_message_is_read() {
    let message = parse(&[
        ("Body", " Hello "),
        ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
    ])
    .unwrap();
    assert_eq!(message.from.as_str(), "+15550100");
    assert_eq!(message.input, Input::Text("Hello".into()));
    assert!(message.account.is_some());
}

#[test]
fn a_short_code_can_be_written_to_but_does_not_write() {
    assert!(parse(&[("To", "55501")]).is_ok());
    assert_eq!(
        parse(&[("From", "55501")]),
        Err(FieldError {
            field: "From",
            problem: FieldProblem::Malformed
        })
    );
}

#[test]
fn a_missing_or_malformed_field_is_named_without_its_value() {
    for field in ["MessageSid", "From", "To"] {
        assert_eq!(
            parse(&[(field, "")]),
            Err(FieldError {
                field,
                problem: FieldProblem::Missing
            })
        );
        let error = parse(&[(field, "secret-value")]).unwrap_err();
        assert_eq!(
            error,
            FieldError {
                field,
                problem: FieldProblem::Malformed
            }
        );
        assert!(!error.to_string().contains("secret-value"));
    }
    for sid in [
        "SM0123456789abcdef0123456789abcde",
        "XX0123456789abcdef0123456789abcdef",
        "SM0123456789abcdef0123456789abcdeg",
    ] {
        assert!(parse(&[("MessageSid", sid)]).is_err(), "{sid}");
    }
    assert!(parse(&[("AccountSid", "AC1")]).is_err());
}

#[test]
fn a_repeated_field_that_is_read_is_rejected_in_either_order_and_any_other_is_not() {
    let plain = [
        ("MessageSid", SID),
        ("From", "+15550100"),
        ("To", "+15550199"),
        ("MessageStatus", "delivered"),
    ];
    let numbered = NUMBERED.map(|field| (field, format!("{field}0")));
    let names = READ
        .map(|field| (field, field.to_owned()))
        .into_iter()
        .chain(numbered);
    for (field, name) in names {
        for (first, second) in [
            ("+15550100", "+15550101"),
            ("+15550101", "+15550100"),
            ("same", "same"),
        ] {
            let others: Vec<_> = plain
                .into_iter()
                .filter(|(other, _)| *other != name)
                .collect();
            let form = Form::from_pairs(
                &[
                    &[(name.as_str(), first)],
                    others.as_slice(),
                    &[(name.as_str(), second)],
                ]
                .concat(),
            );
            let rejected = FieldError {
                field,
                problem: FieldProblem::Repeated,
            };
            assert_eq!(
                Message::from_form(&form, 12).unwrap_err(),
                rejected,
                "{name}"
            );
            assert_eq!(
                DeliveryReceipt::from_form(&form).unwrap_err(),
                rejected,
                "{name}"
            );
        }
    }
    let unread = [
        &plain[..],
        &[
            ("ProfileName", "A"),
            ("ProfileName", "B"),
            ("MediaUrl", "x"),
            ("MediaUrl", "y"),
        ],
    ]
    .concat();
    assert!(Message::from_form(&Form::from_pairs(&unread), 12).is_ok());
}

#[test]
fn a_byte_order_mark_belongs_to_the_name_that_follows_it() {
    let form =
        Form::parse(format!("\u{feff}MessageSid={SID}&From=%2B15550100&To=%2B15550199").as_bytes())
            .unwrap();
    assert_eq!(
        Message::from_form(&form, 12).unwrap_err(),
        FieldError {
            field: "MessageSid",
            problem: FieldProblem::Missing
        }
    );
}

#[test]
fn the_limit_counts_characters_after_cleaning() {
    assert_eq!(
        input_of("  0123456789ab  "),
        Input::Text("0123456789ab".into())
    );
    assert_eq!(input_of("éééééééééééé"), Input::Text("éééééééééééé".into()));
    assert_eq!(input_of("0123456789abc"), Input::TooLong);
}

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

#[test]
fn a_body_comes_before_a_button_and_a_location() {
    let message = parse(&[
        ("Body", "Hello"),
        ("ButtonText", "Yes"),
        ("Latitude", "1"),
        ("Longitude", "1"),
    ])
    .unwrap();
    assert_eq!(message.input, Input::Text("Hello".into()));
}

#[test]
fn a_keyword_is_recognised_by_its_words_and_by_twilios_opt_out_type() {
    let keyword = |keyword, by_twilio| Input::Keyword { keyword, by_twilio };
    assert_eq!(input_of(" Reset! "), keyword(Keyword::Reset, false));
    assert_eq!(input_of("stop"), keyword(Keyword::OptOut, false));
    assert_eq!(
        input_of("delete my data!"),
        keyword(Keyword::Erase, false),
        "though it is longer than a message may be"
    );
    assert_eq!(input_of("please stop"), Input::Text("please stop".into()));
    assert_eq!(
        input_of("YES"),
        Input::Text("YES".into()),
        "its meaning depends on whether the contact has opted out"
    );
    let typed = |kind: &str| {
        parse(&[("Body", "ARRET"), ("OptOutType", kind)])
            .unwrap()
            .input
    };
    assert_eq!(typed("STOP"), keyword(Keyword::OptOut, true));
    assert_eq!(typed("START"), keyword(Keyword::OptIn, true));
    assert_eq!(typed("HELP"), keyword(Keyword::Help, true));
    assert_eq!(typed("OTHER"), Input::Text("ARRET".into()));
    assert_eq!(
        parse(&[("Body", "STOP"), ("NumMedia", "1")]).unwrap().input,
        keyword(Keyword::OptOut, false)
    );
}

#[test]
fn the_debug_form_of_an_address_shows_no_number() {
    assert!(!format!("{:?}", parse(&[]).unwrap()).contains("555"));
}
