//! Tests of the fields of a message, with one file for those about media.

mod media;

use super::*;
use crate::twilio::fields::{NUMBERED, READ};

const RESET: Input = Input::Keyword {
    keyword: Keyword::Reset,
    by_twilio: false,
};
const SID: &str = "SM0123456789abcdef0123456789abcdef";

fn parse(fields: &[(&str, &str)]) -> Result<Message, FieldError> {
    match read(fields)? {
        Inbound::Message(message) => Ok(*message),
        Inbound::Ignored { reason, .. } => panic!("ignored: {reason:?}"),
    }
}

fn ignored(fields: &[(&str, &str)]) -> IgnoreReason {
    match read(fields).unwrap() {
        Inbound::Ignored { reason, .. } => reason,
        Inbound::Message(_) => panic!("not ignored"),
    }
}

fn read(fields: &[(&str, &str)]) -> Result<Inbound, FieldError> {
    let mut all = vec![
        ("MessageSid", SID),
        ("From", "+15550100"),
        ("To", "+15550199"),
    ];
    all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
    all.extend(fields);
    Inbound::from_form(&Form::from_pairs(&all), 12)
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
fn every_address_that_can_be_answered_is_kept_as_it_came() {
    for (from, to) in [
        ("+15550100", "55501"),
        ("+15550100", "rcs:brand_x_agent"),
        ("rcs:+15550100", "rcs:brand_x_agent"),
        ("messenger:2745689751200", "messenger:1415523888600"),
        ("whatsapp:US.13491208655302741918", "whatsapp:+15550199"),
    ] {
        let message = parse(&[("From", from), ("To", to)]).unwrap();
        assert_eq!(
            (message.from.as_str(), message.to.as_str()),
            (from, to),
            "{from}"
        );
        assert_eq!(message.contact.primary, message.from);
        assert_eq!(message.contact.number, None);
    }
}

#[test]
fn a_sender_that_takes_no_messages_and_a_group_are_ignored_with_the_reason() {
    for sender in ["68849", "SUPPORT", "My Bank-24"] {
        assert_eq!(
            ignored(&[("From", sender), ("Body", "STOP")]),
            IgnoreReason::NotAnswerable,
            "{sender}"
        );
    }
    for fields in [
        [
            ("OtherRecipients0", "+15550101"),
            ("OtherRecipients1", "+15550102"),
        ],
        [("Body", "Hello"), ("OtherRecipients2", "+15550101")],
    ] {
        assert_eq!(ignored(&fields), IgnoreReason::GroupMessage);
    }
    assert!(parse(&[("OtherRecipients0", ""), ("OtherRecipients", "x")]).is_ok());
    assert!(
        read(&[("From", "SUPPORT"), ("MessageSid", "")]).is_err(),
        "what is malformed stays so"
    );
}

#[test]
fn an_older_name_of_the_id_counts_where_the_newer_one_is_absent() {
    const OTHER: &str = "SM00000000000000000000000000000000";
    for (fields, sid) in [
        (vec![("MessageSid", ""), ("SmsSid", OTHER)], OTHER),
        (vec![("MessageSid", ""), ("SmsMessageSid", OTHER)], OTHER),
        (vec![("SmsSid", OTHER), ("SmsMessageSid", OTHER)], SID),
    ] {
        assert_eq!(parse(&fields).unwrap().sid.as_str(), sid, "{fields:?}");
    }
    assert_eq!(
        read(&[("MessageSid", ""), ("SmsSid", "SM1")]).unwrap_err(),
        FieldError {
            field: "SmsSid",
            problem: FieldProblem::Malformed
        }
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
    for from in ["15550100", "1555010", "14155553031"] {
        assert_eq!(parse(&[("From", from)]).unwrap_err().field, "From");
    }
    assert_eq!(
        parse(&[("To", "SUPPORT")]).unwrap_err().field,
        "To",
        "nobody can write to a sender id"
    );
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
                Inbound::from_form(&form, 12).unwrap_err(),
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
    assert!(Inbound::from_form(&Form::from_pairs(&unread), 12).is_ok());
}

#[test]
fn a_byte_order_mark_belongs_to_the_name_that_follows_it() {
    let form =
        Form::parse(format!("\u{feff}MessageSid={SID}&From=%2B15550100&To=%2B15550199").as_bytes())
            .unwrap();
    assert_eq!(
        Inbound::from_form(&form, 12).unwrap_err(),
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
    assert_eq!(input_of("stop"), keyword(Keyword::OptOut, true));
    assert_eq!(
        input_of("stop!"),
        keyword(Keyword::OptOut, false),
        "Twilio obeys only the word alone"
    );
    assert_eq!(input_of("ＳＴＯＰ"), keyword(Keyword::OptOut, false));
    assert_eq!(input_of("ARRÊT"), keyword(Keyword::OptOut, false));
    assert_eq!(input_of("help"), keyword(Keyword::Help, false));
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
        parse(&[("Body", "BYE"), ("OptOutType", kind)])
            .unwrap()
            .input
    };
    assert_eq!(typed("STOP"), keyword(Keyword::OptOut, true));
    assert_eq!(typed("START"), keyword(Keyword::OptIn, true));
    assert_eq!(typed("HELP"), keyword(Keyword::Help, true));
    assert_eq!(typed("OTHER"), Input::Text("BYE".into()));
    assert_eq!(
        parse(&[("Body", "STOP"), ("NumMedia", "1")]).unwrap().input,
        keyword(Keyword::OptOut, true)
    );
}

#[test]
fn the_debug_form_of_an_address_shows_no_number() {
    assert!(!format!("{:?}", parse(&[]).unwrap()).contains("555"));
}
