//! Tests of the settings of OpenAI: its server, key, effort and prices.

use super::parse;
use crate::config::Prices;

#[test]
fn an_effort_is_any_word_and_nothing_else() {
    for good in [
        "none",
        "low",
        "xhigh",
        "max",
        "Extra_high-2",
        &"x".repeat(20),
    ] {
        assert_eq!(
            parse(&[("OPENAI_REASONING_EFFORT", good)])
                .unwrap()
                .openai_reasoning_effort
                .as_deref(),
            Some(good)
        );
    }
    for bad in [
        " ",
        "very high",
        "low,high",
        "h\u{f6}chste",
        "\"low\"",
        &"x".repeat(21),
    ] {
        assert_eq!(
            parse(&[("OPENAI_REASONING_EFFORT", bad)]).unwrap_err()[0].place(),
            "OPENAI_REASONING_EFFORT",
            "{bad}"
        );
    }
    assert_eq!(
        parse(&[("OPENAI_REASONING_EFFORT", "")])
            .unwrap()
            .openai_reasoning_effort,
        None
    );
}

#[test]
fn openai_is_told_from_other_servers_by_its_hosts_and_by_the_gateways_path() {
    let is_openai = |url, key| {
        parse(&[("OPENAI_BASE_URL", url), ("OPENAI_API_KEY", key)])
            .unwrap()
            .assistants
            .default()
            .endpoints
            .get(0)
            .is_openai()
    };
    for own in [
        "https://api.openai.com/v1",
        "https://eu.api.openai.com/v1",
        "https://us.api.openai.com/v1/",
        "https://gateway.ai.cloudflare.com/v1/account/gateway/openai",
        "https://gateway.ai.cloudflare.com/v1/account/gateway/openai/",
    ] {
        assert!(is_openai(own, "sk-test"), "{own}");
    }
    for other in [
        "https://openai.com/v1",
        "https://notapi.openai.com/v1",
        "https://api.openai.com.example/v1",
        "https://models.example/v1/account/gateway/openai",
        "https://gateway.ai.cloudflare.com/v1/account/gateway/compat",
        "https://gateway.ai.cloudflare.com/v1/account/gateway/workers-ai/v1",
        "https://gateway.ai.cloudflare.com/v1/account/gateway/azure-openai/resource/deployment",
        "https://gateway.ai.cloudflare.com/v1/account/openai",
        "https://gateway.ai.cloudflare.com/v1//gateway/openai",
        "http://127.0.0.1:11434/v1",
    ] {
        assert!(!is_openai(other, "sk-test"), "{other}");
    }
    assert!(
        is_openai("http://127.0.0.1:8788/v1", "sk-playground-1"),
        "the playground stands for it"
    );
    assert!(
        !is_openai("https://models.example/v1", "sk-playground-1"),
        "on this machine only"
    );
}

#[test]
fn an_openai_key_must_look_like_one_for_openai_itself_only() {
    for url in ["https://api.openai.com/v1", "https://eu.api.openai.com/v1"] {
        assert_eq!(
            parse(&[("OPENAI_API_KEY", "key"), ("OPENAI_BASE_URL", url)]).unwrap_err()[0].place(),
            "OPENAI_API_KEY"
        );
    }
    assert!(
        parse(&[
            ("OPENAI_API_KEY", "key"),
            ("OPENAI_BASE_URL", "https://models.example/v1")
        ])
        .is_ok()
    );
}

#[test]
fn prices_are_exact_decimals_and_come_in_pairs() {
    let both = |input, output| {
        parse(&[
            ("OPENAI_PRICE_INPUT", input),
            ("OPENAI_PRICE_OUTPUT", output),
        ])
    };
    assert_eq!(
        both("0.15", "10").unwrap().prices(),
        Some(Prices {
            input: 150_000,
            output: 10_000_000
        })
    );
    assert_eq!(
        both("0.000001", "999999.999999").unwrap().prices(),
        Some(Prices {
            input: 1,
            output: 999_999_999_999
        })
    );
    assert_eq!(parse(&[]).unwrap().prices(), None);
    for bad in [
        "free",
        "-1",
        ".5",
        "1.",
        "1e3",
        "1,5",
        "0.0000001",
        "1000000",
        "$1",
    ] {
        assert_eq!(
            both(bad, "1").unwrap_err()[0].place(),
            "OPENAI_PRICE_INPUT",
            "{bad}"
        );
    }
    assert_eq!(
        parse(&[("OPENAI_PRICE_INPUT", "1")]).unwrap_err()[0].place(),
        "OPENAI_PRICE_OUTPUT"
    );
    assert_eq!(
        parse(&[("OPENAI_PRICE_OUTPUT", "1")]).unwrap_err()[0].place(),
        "OPENAI_PRICE_INPUT"
    );
}
