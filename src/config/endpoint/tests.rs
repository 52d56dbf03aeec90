//! Tests of the endpoints' settings: the fallbacks, the secrets that they name, and extra headers.

use super::*;
use crate::config::{ConfigError, tests::parse};

/// The one error of this value, and the setting or secret that it names.
fn error(changes: &[(&str, &str)]) -> (String, String) {
    let errors = parse(changes).expect_err(&format!("{changes:?}"));
    assert_eq!(errors.len(), 1, "{changes:?}: {errors:?}");
    let Some(ConfigError::Setting(error)) = errors.into_iter().next() else {
        panic!("{changes:?}");
    };
    (error.setting.into_owned(), error.problem.into_owned())
}

#[test]
fn fallbacks_come_after_the_first_endpoint_with_the_secrets_that_they_name() {
    let config = parse(&[
        (
            "OPENAI_FALLBACKS",
            r#"[
                {"base_url": "https://models.example/v1", "model": "llama", "key": "BACKUP_KEY", "omit_fields": "stream"},
                {"base_url": "https://api.openai.com/v1", "model": "gpt-6-astra", "key": "OPENAI_API_KEY", "reasoning_effort": "low", "headers": "OPENAI_EXTRA_HEADERS"}
            ]"#,
        ),
        ("BACKUP_KEY", "any-key"),
        ("OPENAI_EXTRA_HEADERS", r#"{"X-Title": "My bot"}"#),
        ("OPENAI_OMIT_FIELDS", "reasoning_effort"),
    ])
    .unwrap();
    let endpoints = &config.assistants.default().endpoints;
    assert_eq!(endpoints.count(), 3);
    let models: Vec<_> = (0..3).map(|at| endpoints.get(at).model.as_str()).collect();
    assert_eq!(models, ["gpt-6-luna", "llama", "gpt-6-astra"]);
    let keys: Vec<_> = (0..3).map(|at| endpoints.get(at).key.expose()).collect();
    assert_eq!(keys, ["sk-test", "any-key", "sk-test"]);
    let own: Vec<_> = (0..3).map(|at| endpoints.get(at).is_openai()).collect();
    assert_eq!(own, [true, false, true]);
    let omitted: Vec<_> = (0..3).map(|at| endpoints.get(at).omitted).collect();
    assert_eq!(
        omitted,
        [
            Field::ReasoningEffort.into(),
            Field::Stream.into(),
            Fields::default()
        ]
    );
    let headers: Vec<_> = (0..3).map(|at| endpoints.get(at).headers.len()).collect();
    assert_eq!(headers, [1, 0, 1]);
    assert_eq!(endpoints.get(2).reasoning_effort.as_deref(), Some("low"));
    assert_eq!(endpoints.get(9).model, "gpt-6-luna");
}

#[test]
fn a_list_of_fallbacks_that_does_not_parse_is_an_error_of_that_setting_without_its_value() {
    let entry = |changed: &str| {
        let fields = r#""base_url":"https://a.example/v1","model":"m","key":"PLANTED_KEY""#;
        format!("[{{{fields}{changed}}}]")
    };
    let five = format!("[{}]", [entry("").trim_matches(['[', ']']); 5].join(","));
    for bad in [
        "planted",
        "{}",
        "[1]",
        r#"[{"base_url":"https://a.example/v1","model":"m"}]"#,
        r#"[{"base_url":"http://planted.example/v1","model":"m","key":"PLANTED_KEY"}]"#,
        r#"[{"base_url":"https://a.example/v1","model":" ","key":"PLANTED_KEY"}]"#,
        r#"[{"base_url":"https://a.example/v1","model":"m","key":"sk-planted"}]"#,
        r#"[{"base_url":"https://a.example/v1","model":"m","key":"PLANTED"}]"#,
        &entry(r#","reasoning_effort":"very low""#),
        &entry(r#","omit_fields":"messages""#),
        &entry(r#","omit_fields":["model"]"#),
        &entry(r#","headers":"x-planted""#),
        &entry(r#","timeout":5"#),
        &five,
    ] {
        let (setting, problem) = error(&[("OPENAI_FALLBACKS", bad), ("PLANTED_KEY", "key")]);
        assert_eq!(setting, "OPENAI_FALLBACKS", "{bad}");
        assert!(!problem.to_lowercase().contains("planted"), "{bad}");
    }
    assert_eq!(
        parse(&[("OPENAI_FALLBACKS", "[]")])
            .unwrap()
            .assistants
            .default()
            .endpoints
            .count(),
        1
    );
}

#[test]
fn a_named_secret_that_is_missing_or_wrong_is_an_error_that_names_it() {
    let list = |key: &str| {
        let entry = r#"{"base_url":"https://api.openai.com/v1","model":"m","key":"#;
        format!(r#"[{entry}"{key}"}},{entry}"{key}"}}]"#)
    };
    let fallbacks = list("BACKUP_KEY");
    let with = |value: &str| error(&[("OPENAI_FALLBACKS", &fallbacks), ("BACKUP_KEY", value)]);
    for (value, words) in [
        ("", "missing"),
        ("two words", "visible ASCII"),
        ("key", "sk-"),
    ] {
        let (setting, problem) = with(value);
        assert_eq!(setting, "BACKUP_KEY");
        assert!(problem.contains(words), "{problem}");
    }
    let (setting, problem) = error(&[("OPENAI_FALLBACKS", &list("TWILIO_AUTH_TOKEN"))]);
    assert_eq!(setting, "TWILIO_AUTH_TOKEN");
    assert!(
        problem.contains("must not be named"),
        "other secrets are not for an endpoint to see"
    );
    let headers = r#"[{"base_url":"https://a.example/v1","model":"m","key":"OPENAI_API_KEY","headers":"MORE_HEADERS"}]"#;
    let (setting, _) = error(&[("OPENAI_FALLBACKS", headers)]);
    assert_eq!(setting, "MORE_HEADERS");
}

#[test]
fn extra_headers_are_those_that_an_operator_may_set() {
    let good = r#"{"cf-aig-authorization": "Bearer x", "HTTP-Referer": "https://a.example/?b", "X-Title": "My bot", "api-key": "k", "Authorization": "Basic x"}"#;
    let config = parse(&[("OPENAI_EXTRA_HEADERS", good)]).unwrap();
    assert_eq!(
        config.assistants.default().endpoints.get(0).headers.len(),
        5
    );
    assert!(!format!("{config:?}").contains("Bearer x"));
    let long = format!(r#"{{"X-Long": "{}"}}"#, "x".repeat(4097));
    let names: Vec<_> = (0..21).map(|n| format!(r#""X-{n}": "x""#)).collect();
    let many = format!("{{{}}}", names.join(","));
    for bad in [
        "planted",
        "[]",
        r#""planted""#,
        r#"{"X-Planted": 5}"#,
        r#"{"X Planted": "x"}"#,
        r#"{"X-Planted:": "x"}"#,
        r#"{"": "x"}"#,
        r#"{"X-Planted": ""}"#,
        r#"{"X-Planted": " x"}"#,
        r#"{"X-Planted": "x\r\nHost: planted"}"#,
        r#"{"X-Planted": "x\ny"}"#,
        r#"{"X-Planted": "\u00e9"}"#,
        r#"{"Host": "planted"}"#,
        r#"{"host": "planted"}"#,
        r#"{"Content-Length": "5"}"#,
        r#"{"CONTENT-TYPE": "text/plain"}"#,
        r#"{"Transfer-Encoding": "chunked"}"#,
        r#"{"Connection": "close"}"#,
        r#"{"cf-aig-skip-cache": "false"}"#,
        r#"{"X-Planted": "a", "x-planted": "b"}"#,
        &long,
        &many,
    ] {
        let (setting, problem) = error(&[("OPENAI_EXTRA_HEADERS", bad)]);
        assert_eq!(setting, "OPENAI_EXTRA_HEADERS", "{bad}");
        assert!(!problem.to_lowercase().contains("planted"), "{bad}");
    }
}

#[test]
fn fields_to_omit_are_optional_ones_and_the_role_is_a_known_one() {
    let omitted = |text: &str| {
        parse(&[("OPENAI_OMIT_FIELDS", text)])
            .map(|config| config.assistants.default().endpoints.clone())
    };
    let all: Vec<_> = Field::ALL.map(Field::name).into();
    for good in [&all.join(","), &all.join(" , ")] {
        assert_eq!(
            omitted(good).unwrap().get(0).omitted,
            Field::ALL.into_iter().collect()
        );
    }
    for bad in ["messages", "model", "Stream", "stream;max_tokens", "user"] {
        assert!(omitted(bad).is_err(), "{bad}");
    }
    for (text, role) in [
        ("system", SystemRole::System),
        ("developer", SystemRole::Developer),
        ("user", SystemRole::User),
    ] {
        let config = parse(&[("OPENAI_SYSTEM_ROLE", text)]).unwrap();
        assert_eq!(config.openai_system_role, role);
    }
    assert!(parse(&[("OPENAI_SYSTEM_ROLE", "User")]).is_err());
}
