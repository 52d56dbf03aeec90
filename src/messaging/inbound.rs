//! An inbound message, from the fields of Twilio's webhook to a clean text.
//!
//! Parsing and cleaning only; everything here is pure. Not here: the signature (`twilio::signature`), and what becomes of
//! the message (`sender`). Field names and forms: Twilio, "Twilio's request to your incoming message webhook URL".

use serde::{Deserialize, Serialize};

use crate::{
    event::{DeliveryStatus, FieldProblem},
    identity::{AccountSid, Address, MessageSid, ServiceSid},
    messaging::keywords::Keyword,
    twilio::{
        fields::{FieldError, optional, reject_repeated, required},
        form::Form,
        media::{Attached, ImageUrl},
    },
};

/// One inbound message that is well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Twilio's id of the message; a retry carries the same.
    pub sid: MessageSid,
    /// Who wrote it.
    pub from: Address,
    /// The number that was written to.
    pub to: Address,
    /// The account that owns the number; needed to answer by REST.
    pub account: Option<AccountSid>,
    /// The Messaging Service that the number belongs to, if any; a later answer goes out through it.
    pub service: Option<ServiceSid>,
    /// What was said.
    pub input: Input,
    /// The pictures that belong to an [`Input::Text`].
    pub images: Vec<ImageUrl>,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A text for the assistant, cleaned; empty only where there are pictures.
    Text(String),
    /// A command, as the whole message.
    Keyword {
        /// What it asks for.
        keyword: Keyword,
        /// Whether Twilio's Advanced Opt-Out took it for one too, and has answered it itself.
        by_twilio: bool,
    },
    /// A text longer than `MAX_MESSAGE_CHARS`.
    TooLong,
    /// Nothing is left after cleaning.
    Empty,
    /// Media that cannot be read are among what was sent.
    Media,
}

impl Message {
    /// Reads a webhook's fields. `max_chars` is `MAX_MESSAGE_CHARS`, counted in Unicode scalar values after cleaning.
    ///
    /// # Errors
    /// A field that is repeated, or the first that is missing or malformed.
    pub fn from_form(form: &Form, max_chars: usize) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let media = Attached::read(form);
        let input = input(form, &media, max_chars);
        let images = match (&input, media) {
            (Input::Text(_), Attached::Pictures(images)) => images,
            _ => Vec::new(),
        };
        let message = Self {
            sid: required(form, "MessageSid")?,
            from: required(form, "From")?,
            to: required(form, "To")?,
            account: optional(form, "AccountSid")?,
            service: optional(form, "MessagingServiceSid")?,
            input,
            images,
        };
        // Only what is written to may be a short code: nobody texts from one.
        if message.from.is_short_code() {
            return Err(FieldError {
                field: "From",
                problem: FieldProblem::Malformed,
            });
        }
        Ok(message)
    }
}

fn input(form: &Form, media: &Attached, max_chars: usize) -> Input {
    let body = clean(form.get("Body").unwrap_or_default());
    let text = if body.is_empty() && *media == Attached::Nothing {
        interactive_text(form).unwrap_or_default()
    } else {
        body
    };
    // With Advanced Opt-Out an account has words of its own for these (Twilio, "Advanced Opt-Out").
    let by_twilio = match form.get("OptOutType") {
        Some("STOP") => Some(Keyword::OptOut),
        Some("START") => Some(Keyword::OptIn),
        Some("HELP") => Some(Keyword::Help),
        _ => None,
    };
    if let Some(command) = by_twilio.or_else(|| Keyword::of(&text)) {
        Input::Keyword {
            keyword: command,
            by_twilio: by_twilio.is_some(),
        }
    } else if text.chars().count() > max_chars {
        Input::TooLong
    } else if *media == Attached::Other {
        Input::Media
    } else if text.is_empty() && *media == Attached::Nothing {
        Input::Empty
    } else {
        Input::Text(text)
    }
}

/// What a message without a body says: the button that was pressed, the entry of a list that was chosen, or a place. Source:
/// Twilio, "Twilio's request to your incoming message webhook URL", rich messaging parameters.
fn interactive_text(form: &Form) -> Option<String> {
    let said = |field: &str| form.get(field).map(clean).filter(|text| !text.is_empty());
    ["ButtonText", "ButtonPayload", "ListTitle", "ListId"]
        .into_iter()
        .find_map(said)
        .or_else(|| place(form))
}

/// A place that was sent, as one line: `My location: 52.52, 13.405 (Label, Address)`.
fn place(form: &Form) -> Option<String> {
    let degrees = |field: &str, most: u32| {
        form.get(field)
            .map(str::trim)
            .filter(|text| is_degrees(text, most))
    };
    let (latitude, longitude) = (degrees("Latitude", 90)?, degrees("Longitude", 180)?);
    let in_one_line = |field: &str| {
        form.get(field)
            .map(|text| clean(text).split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let names: Vec<String> = ["Label", "Address"]
        .into_iter()
        .filter_map(in_one_line)
        .filter(|name| !name.is_empty())
        .collect();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(", "))
    };
    Some(format!("My location: {latitude}, {longitude}{names}"))
}

/// Whether `text` is a decimal number of degrees from -`most` to `most`. (The library's own reading of floating-point numbers
/// would take more room in the bundle than all of this module.)
fn is_degrees(text: &str, most: u32) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |digits: &str| {
        (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let in_range =
        |whole: u32| whole < most || (whole == most && fraction.bytes().all(|b| b == b'0'));
    digits(whole) && digits(fraction) && whole.parse().is_ok_and(in_range)
}

/// Removes what could confuse a reader or a model: CRLF and CR become LF; control characters (C0 but newline and tab, DEL,
/// C1) and Unicode's bidirectional controls go; outer white space is trimmed.
#[must_use]
pub fn clean(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = unified.chars().filter(|c| !is_unwanted(*c)).collect();
    kept.trim().to_owned()
}

fn is_unwanted(c: char) -> bool {
    // U+061C and U+200E/F are marks, U+202A..E embeddings and overrides, U+2066..9 isolates (Unicode UAX #9).
    let bidirectional = matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    bidirectional || (c.is_control() && c != '\n' && c != '\t')
}

/// What Twilio reports of a message that was sent, in a status callback. Source: Twilio, "Track outbound message status".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The message.
    pub sid: MessageSid,
    /// The contact that it was sent to.
    pub contact: Address,
    /// The number that it was sent from.
    pub number: Address,
    /// What became of it; none for a step on the way, such as `queued` or `sent`.
    pub status: Option<DeliveryStatus>,
    /// Twilio's error code, if it did not arrive.
    pub code: Option<u32>,
}

impl StatusUpdate {
    /// Reads a status callback's fields.
    ///
    /// # Errors
    /// A field that is repeated, or the first that is missing or malformed.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let status: Option<String> = optional(form, "MessageStatus")?;
        Ok(Self {
            sid: required(form, "MessageSid")?,
            contact: required(form, "To")?,
            number: required(form, "From")?,
            status: match status.as_deref() {
                None => {
                    return Err(FieldError {
                        field: "MessageStatus",
                        problem: FieldProblem::Missing,
                    });
                }
                Some("delivered") => Some(DeliveryStatus::Delivered),
                Some("undelivered") => Some(DeliveryStatus::Undelivered),
                Some("failed") => Some(DeliveryStatus::Failed),
                Some(_) => None,
            },
            code: optional(form, "ErrorCode")?,
        })
    }
}

#[cfg(test)]
mod tests {
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
    fn addresses_that_are_not_e164_are_refused() {
        let good = [
            "+1555010",
            "+155501001234567",
            "whatsapp:+15550100",
            "55501",
        ];
        for text in good {
            assert!(text.parse::<Address>().is_ok(), "{text}");
        }
        let bad = [
            "",
            "+",
            "15550100555",
            "+155501",
            "+1555010012345678",
            "+05550100",
            "whatsapp:",
            "whatsapp:55501",
            "+1555a0100",
            "+1555 0100",
            " +15550100",
            "+15550100\n",
            "sms:+15550100",
            "++15550100",
            "12",
            "123456789",
            "+１５５５０１００",
            "WhatsApp:+15550100",
        ];
        for text in bad {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
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
    fn a_repeated_field_that_is_read_is_refused_in_either_order_and_any_other_is_not() {
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
                let refused = FieldError {
                    field,
                    problem: FieldProblem::Repeated,
                };
                assert_eq!(
                    Message::from_form(&form, 12).unwrap_err(),
                    refused,
                    "{name}"
                );
                assert_eq!(
                    StatusUpdate::from_form(&form).unwrap_err(),
                    refused,
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
    fn a_byte_order_mark_belongs_to_the_name_that_it_stands_before() {
        let form = Form::parse(
            format!("\u{feff}MessageSid={SID}&From=%2B15550100&To=%2B15550199").as_bytes(),
        )
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

    const PICTURE: &str = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1";

    #[test]
    fn pictures_belong_to_the_text_and_need_none() {
        let images = [
            ("NumMedia", "1"),
            ("MediaUrl0", PICTURE),
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
    fn a_command_and_a_text_that_is_too_long_come_before_media() {
        let images = [
            ("NumMedia", "1"),
            ("MediaUrl0", PICTURE),
            ("MediaContentType0", "image/jpeg"),
        ];
        for (body, input) in [("Reset", RESET), ("0123456789abc", Input::TooLong)] {
            let message = parse(&[&images[..], &[("Body", body)]].concat()).unwrap();
            assert_eq!((message.input, message.images), (input, vec![]));
        }
        let video = parse(&[
            ("NumMedia", "1"),
            ("MediaUrl0", PICTURE),
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
            ("MediaUrl0", PICTURE),
            ("MediaContentType0", "audio/ogg"),
            ("Body", "listen"),
        ])
        .unwrap();
        assert_eq!((message.input, message.images), (Input::Media, vec![]));
    }

    fn long(fields: &[(&str, &str)]) -> Input {
        let ids = [
            ("MessageSid", SID),
            ("From", "whatsapp:+15550100"),
            ("To", "whatsapp:+15550199"),
            ("Body", ""),
        ];
        Message::from_form(&Form::from_pairs(&[&ids[..], fields].concat()), 80)
            .unwrap()
            .input
    }

    #[test]
    fn a_place_is_one_line_of_text() {
        let place = [("Latitude", "52.5200"), ("Longitude", "-13.405")];
        assert_eq!(
            long(&place),
            Input::Text("My location: 52.5200, -13.405".into())
        );
        let named = [
            &place[..],
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
            long(&[&place[..], &[("Address", endless.as_str())]].concat()),
            Input::TooLong
        );
    }

    #[test]
    fn a_place_that_is_none_is_not_a_text() {
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
    fn a_button_or_an_entry_of_a_list_is_its_text_and_can_be_a_command() {
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
        assert_eq!(long(&[("ButtonText", "Start over")]), RESET);
    }

    #[test]
    fn a_body_comes_before_a_button_and_a_place() {
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
    fn a_command_is_known_by_its_words_and_by_what_twilio_took_it_for() {
        let command = |command, by_twilio| Input::Keyword {
            keyword: command,
            by_twilio,
        };
        assert_eq!(input_of(" Reset! "), command(Keyword::Reset, false));
        assert_eq!(input_of("stop"), command(Keyword::OptOut, false));
        assert_eq!(
            input_of("delete my data!"),
            command(Keyword::Erase, false),
            "though it is longer than a message may be"
        );
        assert_eq!(input_of("please stop"), Input::Text("please stop".into()));
        assert_eq!(
            input_of("YES"),
            Input::Text("YES".into()),
            "what it means depends on whether the sender is opted out"
        );
        let typed = |kind: &str| {
            parse(&[("Body", "ARRET"), ("OptOutType", kind)])
                .unwrap()
                .input
        };
        assert_eq!(typed("STOP"), command(Keyword::OptOut, true));
        assert_eq!(typed("START"), command(Keyword::OptIn, true));
        assert_eq!(typed("HELP"), command(Keyword::Help, true));
        assert_eq!(typed("OTHER"), Input::Text("ARRET".into()));
        assert_eq!(
            parse(&[("Body", "STOP"), ("NumMedia", "1")]).unwrap().input,
            command(Keyword::OptOut, false)
        );
    }

    #[test]
    fn the_debug_form_of_an_address_shows_no_number() {
        assert!(!format!("{:?}", parse(&[]).unwrap()).contains("555"));
    }
}
