//! Tests of the settings, and the least configuration that other tests start from.

mod openai;

use std::time::Duration;

use super::*;

/// The least that makes a valid configuration.
pub(crate) const MINIMAL: [(&str, &str); 3] = [
    ("TWILIO_AUTH_TOKEN", "0123456789abcdef0123456789abcdef"),
    ("OPENAI_API_KEY", "sk-test"),
    ("PSEUDONYM_KEY", "0123456789abcdef0123456789abcdef"),
];

/// The configuration with these settings, and the least that makes it valid.
pub(crate) fn parse(changes: &[(&str, &str)]) -> Result<Config, Vec<ConfigError>> {
    parse_with(changes, &[default_file()])
}

/// The least that makes a valid file of `default`.
pub(crate) fn default_file() -> AssistantFile {
    AssistantFile {
        name: "default".to_owned(),
        text: "prompt = \"Be brief.\"".to_owned(),
    }
}

/// The same with these files of assistants.
pub(crate) fn parse_with(
    changes: &[(&str, &str)],
    files: &[AssistantFile],
) -> Result<Config, Vec<ConfigError>> {
    let lookup = |name: &str| {
        changes
            .iter()
            .chain(&MINIMAL)
            .find(|(other, _)| *other == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Config::parse(&Sources {
        setting: &lookup,
        files,
        is_time_zone: &|name| name == "Europe/Berlin",
    })
}

/// The settings that are wrong, in order.
fn wrong_settings(errors: &[ConfigError]) -> Vec<String> {
    errors
        .iter()
        .map(|error| error.place().into_owned())
        .collect()
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let config = parse(&[]).unwrap();
    assert_eq!(
        config.openai_base_url.join("/x"),
        "https://api.openai.com/v1/x"
    );
    let default = config.assistants.default();
    let endpoint = default.endpoints.get(0);
    assert_eq!(endpoint.model, "gpt-6-luna");
    assert_eq!(
        (
            endpoint.reasoning_effort.as_deref(),
            default.max_completion_tokens
        ),
        (None, 1000)
    );
    assert_eq!(config.openai_timeout, Duration::from_mins(1));
    assert_eq!(
        config.twilio_api_base_url.join(""),
        "https://api.twilio.com"
    );
    assert_eq!(
        (
            config.rate_limit_per_minute,
            config.max_daily_calls,
            config.max_message_chars
        ),
        (10, 1000, 4000)
    );
    assert_eq!(
        (
            config.max_daily_calls_per_contact,
            config.max_daily_messages
        ),
        (Some(100), 1000)
    );
    assert_eq!(
        parse(&[("MAX_DAILY_CALLS_PER_CONTACT", "0")])
            .unwrap()
            .max_daily_calls_per_contact,
        None,
        "no limit"
    );
    assert_eq!(config.conversation_ttl, Duration::from_hours(1));
    assert_eq!(config.reply_within, Duration::from_secs(10));
    assert!(
        config.admin_token.is_none()
            && config.segment_write_key.is_none()
            && config.public_url.is_none()
    );
}

#[test]
fn all_setting_errors_are_found_together_and_show_no_value() {
    let planted = |name: &str| (name != "TWILIO_AUTH_TOKEN").then(|| " planted value\n".to_owned());
    let errors = Config::parse(&Sources {
        setting: &planted,
        files: &[default_file()],
        is_time_zone: &|_| false,
    })
    .unwrap_err();
    let names = wrong_settings(&errors);
    let all_but_free_text: Vec<_> = SETTINGS
        .iter()
        .map(|setting| setting.name)
        .filter(|name| {
            ![
                "OPENAI_MODEL",
                "OPENAI_TRANSCRIPTION_MODEL",
                "ASSISTANT_PROMPT",
                "HELP_TEXT",
            ]
            .contains(name)
        })
        .collect();
    assert_eq!(names, all_but_free_text);
    assert!(!format!("{errors:?}").contains("planted"));
}

#[test]
fn a_number_that_does_not_parse_is_an_error_and_not_the_default() {
    for (name, bad) in [
        ("MAX_DAILY_CALLS", "abc"),
        ("MAX_DAILY_CALLS", "-1"),
        ("MAX_DAILY_CALLS", "+5"),
        ("MAX_DAILY_CALLS", "1e3"),
        ("MAX_DAILY_CALLS", "99999999999"),
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("CONVERSATION_TTL_SECONDS", "59"),
        ("REPLY_WITHIN_MS", "14001"),
        ("OPENAI_TIMEOUT_MS", "1.5"),
        ("OPENAI_MAX_COMPLETION_TOKENS", "0"),
        ("OPENAI_MAX_COMPLETION_TOKENS", "128001"),
        ("MAX_MESSAGE_CHARS", " 4000"),
    ] {
        let errors = parse(&[(name, bad)]).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].place(), name);
    }
    assert_eq!(
        parse(&[("MAX_DAILY_CALLS", "0")]).unwrap().max_daily_calls,
        0
    );
}

#[test]
fn tokens_are_lists_of_32_hex_digits() {
    let two = "0123456789abcdef0123456789abcdef, fedcba9876543210fedcba9876543210";
    assert_eq!(
        parse(&[("TWILIO_AUTH_TOKEN", two)])
            .unwrap()
            .twilio_tokens
            .len(),
        2
    );
    for bad in [
        "12345",
        "0123456789abcdef0123456789abcdeg",
        "0123456789abcdef0123456789abcdef,",
        ",",
    ] {
        assert_eq!(
            parse(&[("TWILIO_AUTH_TOKEN", bad)]).unwrap_err()[0].place(),
            "TWILIO_AUTH_TOKEN"
        );
    }
}

#[test]
fn the_header_that_tells_a_clients_address_has_the_name_of_one() {
    assert_eq!(parse(&[]).unwrap().admin_client_header, "CF-Connecting-IP");
    for good in ["X-Real-IP", "true-client-ip", "x_client", &"x".repeat(100)] {
        assert_eq!(
            parse(&[("ADMIN_CLIENT_HEADER", good)])
                .unwrap()
                .admin_client_header,
            good
        );
    }
    for bad in [
        " ",
        "X-Real-IP ",
        "X Real IP",
        "X-Real-IP:",
        "X-Real-IP,X-Other",
        "X-R\u{e9}al-IP",
        "a\nb",
        &"x".repeat(101),
    ] {
        assert_eq!(
            parse(&[("ADMIN_CLIENT_HEADER", bad)]).unwrap_err()[0].place(),
            "ADMIN_CLIENT_HEADER",
            "{bad}"
        );
    }
}

#[test]
fn urls_are_https_except_on_this_machine() {
    for good in [
        "https://a.example",
        "https://a.example:8443/v1/",
        "http://127.0.0.1:8788/v1",
        "http://localhost:1",
        "http://[::1]:8788",
    ] {
        assert!(parse(&[("OPENAI_BASE_URL", good)]).is_ok(), "{good}");
    }
    for bad in [
        "a.example",
        "http://a.example",
        "ftp://localhost",
        "https://",
        "https://a.example?x=1",
        "https://u:p@a.example",
        "https://a.example:0",
        "https://a b",
    ] {
        assert!(parse(&[("OPENAI_BASE_URL", bad)]).is_err(), "{bad}");
    }
    assert_eq!(
        parse(&[("PUBLIC_URL", "https://a.example/")])
            .unwrap()
            .public_url
            .unwrap()
            .as_str(),
        "https://a.example"
    );
    assert!(parse(&[("PUBLIC_URL", "https://a.example/twilio")]).is_err());
}

#[test]
fn a_help_text_fits_one_message() {
    assert!(parse(&[("HELP_TEXT", &"x".repeat(1600))]).is_ok());
    assert_eq!(
        parse(&[("HELP_TEXT", &"x".repeat(1601))]).unwrap_err()[0].place(),
        "HELP_TEXT"
    );
    assert_eq!(
        parse(&[("HELP_TEXT", " ")]).unwrap_err()[0].place(),
        "HELP_TEXT"
    );
}

#[test]
fn a_secret_is_never_shown() {
    let shown = format!("{:?}", parse(&[]).unwrap());
    for (_, value) in MINIMAL {
        assert!(!shown.contains(value));
    }
}
