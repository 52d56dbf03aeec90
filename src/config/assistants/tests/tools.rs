//! Tests of tools: their secrets, URLs, schemas and efforts.

use super::{LOCAL, SECRET, file, with};
use crate::config::{ConfigError, Sources, check, tests::default_file};

const TOOLS: &str = r#"
numbers = ["+15550199"]
prompt = "x"
[[tools]]
name = "order_status"
description = "Looks up an order."
parameters = { type = "object", properties = { id = { type = "string" } }, required = ["id"] }
url = "https://shop.example/orders"
secret = "ORDERS_SECRET"
share_number = true
[[tools]]
name = "opening_hours"
description = "Says when the shop is open."
url = "https://shop.example/hours?of=shop"
secret = "ORDERS_SECRET"
timeout_ms = 800
[hand_off]
number = "+15550142"
"#;

#[test]
fn tools_are_read_with_the_secrets_that_they_name() {
    let config = with(&[("ORDERS_SECRET", SECRET)], TOOLS).unwrap();
    let desk = config.assistants.iter().nth(1).unwrap();
    let [order, hours] = &desk.tools[..] else {
        panic!("{:?}", desk.tools);
    };
    assert_eq!(order.target.url.as_str(), "https://shop.example/orders");
    assert_eq!(
        order.parameters.json()["properties"]["id"]["type"],
        "string"
    );
    assert_eq!(order.timeout.as_millis(), 5000);
    assert!(order.share_number && !hours.share_number);
    assert_eq!(hours.timeout.as_millis(), 800);
    assert_eq!(hours.parameters.json()["additionalProperties"], false);
    assert_eq!(desk.hand_off.as_ref().unwrap().lasts.as_secs(), 12 * 3600);
    assert!(!format!("{desk:?}").contains("MDEyMzQ1"));
}

#[test]
fn a_missing_secret_is_named() {
    let errors = with(&[], TOOLS).unwrap_err();
    let [ConfigError::Setting(error)] = &errors[..] else {
        panic!("{errors:?}");
    };
    assert_eq!(error.setting, "ORDERS_SECRET");
    assert_eq!(
        error.problem,
        "is missing, but assistants/desk.toml names it"
    );
    for bad in ["short", "whsec_!!!", "whsec_MTIz"] {
        let errors = with(&[("ORDERS_SECRET", bad)], TOOLS).unwrap_err();
        assert_eq!(errors[0].place(), "ORDERS_SECRET", "{bad}");
    }
}

#[test]
fn a_file_cannot_name_a_setting_as_its_secret() {
    let stolen = TOOLS.replace("ORDERS_SECRET", "TWILIO_AUTH_TOKEN");
    assert_eq!(
        with(&[], &stolen).unwrap_err()[0].place(),
        "TWILIO_AUTH_TOKEN"
    );
}

#[test]
fn only_public_https_urls_are_called_and_this_machine_in_local_development() {
    let secret = ("ORDERS_SECRET", SECRET);
    let url = |url: &str| TOOLS.replace("https://shop.example/orders", url);
    for private in [
        "http://127.0.0.1:9999/orders",
        "http://localhost/orders",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://192.168.1.1/orders",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://localhost/",
        "https://db.internal/",
        "https://printer.local/",
        "https://router.lan/",
        "https://intranet/",
        "https://user@shop.example/",
        "https://shop.example:0/",
        "https://shop.example\\@10.0.0.1/",
        "https://shop.example#@10.0.0.1/",
        "ftp://shop.example/",
        "http://shop.example/",
    ] {
        assert!(with(&[secret], &url(private)).is_err(), "{private}");
    }
    let local = url("http://127.0.0.1:9999/orders");
    assert!(with(&[secret, LOCAL], &local).is_ok());
    assert!(
        with(&[secret, LOCAL], &url("https://10.0.0.1/")).is_err(),
        "other machines stay out of reach in local development, too"
    );
}

#[test]
fn a_file_for_local_use_is_left_out_of_a_deployment() {
    let text = format!("local_only = true\n{TOOLS}");
    let config = with(&[], &text).unwrap();
    assert_eq!(
        config.assistants.iter().count(),
        1,
        "nor is its secret missed"
    );
    let config = with(&[LOCAL, ("ORDERS_SECRET", SECRET)], &text).unwrap();
    assert_eq!(config.assistants.iter().count(), 2);
}

#[test]
fn a_check_without_settings_shows_what_is_wrong_and_which_secrets_are_not_there() {
    let checked = |text: &str| -> serde_json::Value {
        let files = [default_file(), file("desk", text)];
        let checked = check(&Sources {
            setting: &|_| None,
            files: &files,
            is_time_zone: &|_| true,
        });
        serde_json::from_str(&checked).unwrap()
    };
    let right = checked(&format!("local_only = true\n{TOOLS}"));
    assert_eq!(right["errors"], serde_json::json!([]));
    assert_eq!(
        right["missing_secrets"],
        serde_json::json!(["ORDERS_SECRET"])
    );
    assert_eq!(
        right["assistants"][1],
        serde_json::json!({
            "name": "desk", "numbers": ["+15550199"], "model": "gpt-6-luna",
            "tools": ["order_status", "opening_hours"], "intake": 0, "hand_off": true,
            "local_only": true,
        })
    );
    let wrong = checked("numbers = [\"+15550199\"]\nprompt = \"\"");
    assert_eq!(
        wrong["errors"],
        serde_json::json!([{
            "file": "assistants/desk.toml", "line": 2, "field": "prompt",
            "problem": "must not be blank",
        }])
    );
    assert_eq!(wrong["assistants"], serde_json::json!([]));
}

#[test]
fn a_schema_that_cannot_be_checked_is_an_error_of_its_file() {
    let text = TOOLS.replace(
        "type = \"string\"",
        "\"$ref\" = \"https://example.com/id.json\"",
    );
    let errors = with(&[("ORDERS_SECRET", SECRET)], &text).unwrap_err();
    let [ConfigError::File(error)] = &errors[..] else {
        panic!("{errors:?}");
    };
    assert_eq!(
        (error.line, error.field.as_str()),
        (7, "tools[0].parameters")
    );
    assert_eq!(
        error.problem,
        "has a $ref to another document, which is never fetched"
    );
}

#[test]
fn tools_with_an_effort_that_openai_refuses_are_an_error_of_their_file() {
    let secret = ("ORDERS_SECRET", SECRET);
    let errors_of = |text: &str, settings: &[(&str, &str)]| {
        let errors = with(&[&[secret], settings].concat(), text).err();
        let shown = |error: ConfigError| match error {
            ConfigError::File(error) => format!("{}:{} {}", error.file, error.line, error.field),
            ConfigError::Setting(error) => format!("{error:?}"),
        };
        errors
            .unwrap_or_default()
            .into_iter()
            .map(shown)
            .collect::<Vec<_>>()
    };
    let low = TOOLS.replace(
        "prompt = \"x\"",
        "prompt = \"x\"\nreasoning_effort = \"low\"",
    );
    let named = ["assistants/desk.toml:4 reasoning_effort"];
    assert_eq!(errors_of(&low, &[]), named);
    let elsewhere = [("OPENAI_BASE_URL", "https://models.example/v1")];
    assert!(
        errors_of(&low, &elsewhere).is_empty(),
        "another server's own affair"
    );
    let none = low.replace("\"low\"", "\"none\"");
    assert!(errors_of(&none, &[]).is_empty());
    let ending = "numbers = [\"+15550199\"]\nprompt = \"x\"\nend_conversation = true";
    let on_the_phone = ["ask_digits = true", "hand_off_to = \"+15550142\""]
        .map(|field| format!("numbers = [\"+15550199\"]\nprompt = \"x\"\n[voice]\n{field}"));
    let [asking, handing] = &on_the_phone;
    for text in [TOOLS, ending, asking, handing] {
        let settings = [("OPENAI_REASONING_EFFORT", "low")];
        assert!(errors_of(text, &settings).is_empty(), "it is not inherited");
        let config = with(&[secret, settings[0]], text).unwrap();
        let desk = config.assistants.iter().nth(1).unwrap();
        assert_eq!(desk.endpoints.get(0).reasoning_effort, None);
    }
    let without = "numbers = [\"+15550199\"]\nprompt = \"x\"\nreasoning_effort = \"low\"";
    assert!(errors_of(without, &[]).is_empty(), "it has no tools");
}
