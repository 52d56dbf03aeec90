//! The phone numbers and Messaging Services of the mock Twilio: found, changed and reset.

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Playground, TOKENS, basic};

#[test]
fn a_number_is_found_by_a_part_of_it() {
    let playground = Playground::start();
    let found = |query: &str| {
        let list = list(&playground, query);
        list.iter()
            .map(|number| number["phone_number"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("PhoneNumber=%2B15550199"), ["+15550199"]);
    assert_eq!(
        found("PhoneNumber=%2B15550150"),
        ["+155501501", "+15550150"]
    );
    assert_eq!(found("PhoneNumber=5550*99"), ["+15550199"]);
    assert_eq!(found("PhoneNumber=%2B15550100"), [""; 0]);
    assert_eq!(found("").len(), 9);
    assert_eq!(found("PageSize=3").len(), 3);
}

#[test]
fn each_page_of_a_list_links_to_the_next() {
    let playground = Playground::start();
    let (mut seen, mut next) = (0, format!("{}?PageSize=3", numbers_path()));
    while !next.is_empty() {
        let page = playground.get(&next).json();
        seen += page["incoming_phone_numbers"].as_array().unwrap().len();
        next = page["next_page_uri"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
    }
    assert_eq!(seen, 9);
    let first = playground.get("/v1/Services?PageSize=1").json();
    let next = first["meta"]["next_page_url"]
        .as_str()
        .unwrap()
        .strip_prefix(&playground.url(""))
        .unwrap()
        .to_owned();
    let second = playground.get(&next).json();
    assert_eq!(second["meta"]["next_page_url"], Value::Null);
    assert_ne!(first["services"][0]["sid"], second["services"][0]["sid"]);
}

#[test]
fn a_change_is_shown_by_every_route_until_it_is_reset() {
    let playground = Playground::start();
    let uri = uri_of(&playground, "+15550199");
    let url = "https://switchboard.example/twilio/messages#rc=3&rp=all";
    let form = [
        ("SmsUrl", url),
        ("SmsMethod", "GET"),
        ("SmsFallbackUrl", "http://fallback.example"),
        ("FriendlyName", "x"),
    ];
    let answer = playground.post_form(&uri, &form);
    assert_eq!(
        (answer.status, answer.json()["sms_url"].clone()),
        (200, json!(url)),
        "{}",
        answer.text()
    );
    let read = playground.get(&uri).json();
    assert_eq!(
        (
            &read["sms_method"],
            &read["sms_fallback_url"],
            &read["friendly_name"]
        ),
        (
            &json!("GET"),
            &json!("http://fallback.example"),
            &json!("x")
        )
    );
    assert_eq!(
        list(&playground, "PhoneNumber=%2B15550199").first(),
        Some(&read)
    );
    let shown = playground.control("GET", "numbers", &Value::Null).json();
    assert_eq!(shown["accounts"][ACCOUNT]["numbers"][0], read);
    let cleared = playground
        .post_form(&uri, &[("SmsUrl", ""), ("SmsFallbackUrl", "")])
        .json();
    assert_eq!(
        (&cleared["sms_url"], &cleared["sms_fallback_url"]),
        (&json!(""), &json!(""))
    );
    playground.control("DELETE", "numbers", &Value::Null);
    assert_eq!(
        list(&playground, "PhoneNumber=%2B15550199")[0]["sms_method"],
        "POST"
    );
    assert_eq!(
        playground.get(&uri).status,
        404,
        "after a reset the number has another sid"
    );
}

#[test]
fn the_callee_of_synthetic_calls_has_the_workers_webhook() {
    let playground =
        Playground::start_with(&["--quiet", "--public-url", "https://switchboard.example"]);
    let found = |number: &str| {
        let list = list(&playground, &format!("PhoneNumber=%2B{number}"));
        let [number] = list.try_into().unwrap();
        number
    };
    let callee = found("15550156");
    assert_eq!(
        callee["voice_url"],
        "https://switchboard.example/twilio/voice"
    );
    assert_eq!(
        callee["status_callback"],
        "https://switchboard.example/twilio/voice/status"
    );
    assert_eq!(
        (&callee["voice_method"], &callee["capabilities"]["voice"]),
        (&json!("POST"), &json!(true))
    );
    assert_eq!(found("15550155")["voice_url"], "");
    let uri = uri_of(&playground, "+15550155");
    let url = "https://switchboard.example/twilio/voice";
    let answer = playground.post_form(&uri, &[("VoiceUrl", url), ("VoiceMethod", "POST")]);
    assert_eq!(
        (answer.status, &answer.json()["voice_url"]),
        (200, &json!(url))
    );
    for (name, value, code) in [
        ("VoiceUrl", "http://127.0.0.1:8787/twilio/voice", 21402),
        ("VoiceMethod", "GET", 21403),
    ] {
        let answer = playground.post_form(&uri, &[(name, value)]);
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(code)));
    }
}

#[test]
fn a_change_that_twilio_would_reject_is_rejected() {
    let playground = Playground::start();
    let uri = uri_of(&playground, "+15550150");
    let before = playground.get(&uri).json();
    let long = "x".repeat(65);
    let cases: Vec<(u32, Vec<(&str, &str)>)> = vec![
        (
            21402,
            vec![("SmsUrl", "switchboard.example/twilio/messages")],
        ),
        (
            21402,
            vec![("SmsUrl", "http://127.0.0.1:8787/twilio/messages")],
        ),
        (
            21402,
            vec![("SmsUrl", "https://switchboard.example/with space")],
        ),
        (
            21402,
            vec![
                ("SmsMethod", "POST"),
                ("SmsFallbackUrl", "ftp://switchboard.example"),
            ],
        ),
        (21502, vec![("StatusCallback", "localhost")]),
        (21403, vec![("SmsMethod", "PUT")]),
        (21403, vec![("SmsMethod", "")]),
        (
            20001,
            vec![("SmsApplicationSid", "AP0123456789abcdef0123456789abcdef")],
        ),
        (20001, vec![("FriendlyName", &long)]),
        (20001, vec![("SmsURL", "https://switchboard.example/")]),
        (20001, vec![("SmsMethod", "GET"), ("SmsMethod", "POST")]),
    ];
    for (code, form) in cases {
        let answer = playground.post_form(&uri, &form);
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (400, json!(code)),
            "{form:?}"
        );
    }
    assert_eq!(playground.get(&uri).json(), before);
}

#[test]
fn numbers_need_a_valid_credential_and_belong_to_one_account() {
    let playground = Playground::start();
    let uri = uri_of(&playground, "+15550199");
    let other = format!("AC{}", "f".repeat(32));
    let get = |path: &str, account: &str, token: &str| {
        let answer = playground.send(
            "GET",
            path,
            &[("authorization", &basic(account, token))],
            b"",
        );
        (answer.status, answer.json()["code"].clone())
    };
    assert_eq!(get(&uri, ACCOUNT, "wrong"), (401, json!(20003)));
    assert_eq!(get(&uri, &other, TOKENS[0]), (401, json!(20003)));
    assert_eq!(
        get(&uri.replace(ACCOUNT, &other), &other, TOKENS[0]),
        (404, json!(20404))
    );
    assert_eq!(get("/v1/Services", ACCOUNT, "wrong"), (401, json!(20003)));
    let service = services(&playground)[0]["sid"].as_str().unwrap().to_owned();
    assert_eq!(
        get(&format!("/v1/Services/{service}"), &other, TOKENS[0]),
        (404, json!(20404))
    );
}

#[test]
fn a_messaging_service_knows_its_numbers_and_takes_its_webhooks() {
    let playground = Playground::start();
    let services = services(&playground);
    assert_eq!(services.len(), 2);
    let path = format!("/v1/Services/{}", services[0]["sid"].as_str().unwrap());
    let sid = |number: &str| {
        playground.get(&uri_of(&playground, number)).json()["sid"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let member = playground.get(&format!("{path}/PhoneNumbers/{}", sid("+15550153")));
    assert_eq!(
        (member.status, member.json()["phone_number"].clone()),
        (200, json!("+15550153"))
    );
    assert_eq!(
        playground
            .get(&format!("{path}/PhoneNumbers/{}", sid("+15550199")))
            .status,
        404
    );

    let callback = "https://switchboard.example/twilio/messages/status";
    let form = [
        ("InboundRequestUrl", "https://switchboard.example/x#rc=3"),
        ("StatusCallback", callback),
        ("UseInboundWebhookOnNumber", "true"),
    ];
    let answer = playground.post_form(&path, &form);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let read = playground.get(&path).json();
    assert_eq!(
        (
            &read["status_callback"],
            &read["use_inbound_webhook_on_number"]
        ),
        (&json!(callback), &json!(true))
    );
    for form in [
        ("InboundRequestUrl", "x"),
        ("InboundMethod", "PUT"),
        ("UseInboundWebhookOnNumber", "yes"),
        ("SmsUrl", "https://a.example/"),
    ] {
        assert_eq!(playground.post_form(&path, &[form]).status, 400, "{form:?}");
    }
    assert_eq!(playground.get(&path).json(), read);
}

#[test]
fn nothing_can_be_bought_or_released() {
    let playground = Playground::start();
    let credential = basic(ACCOUNT, TOKENS[0]);
    for (method, path) in [
        ("POST", numbers_path()),
        ("DELETE", uri_of(&playground, "+15550199")),
        ("POST", "/v1/Services".to_owned()),
    ] {
        let headers = [
            ("authorization", &*credential),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        assert_eq!(
            playground.send(method, &path, &headers, b"").status,
            405,
            "{method} {path}"
        );
    }
    assert_eq!(list(&playground, "").len(), 9);
}

fn numbers_path() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json")
}

fn list(playground: &Playground, query: &str) -> Vec<Value> {
    let answer = playground.get(&format!("{}?{query}", numbers_path()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["incoming_phone_numbers"]
        .as_array()
        .unwrap()
        .clone()
}

fn uri_of(playground: &Playground, number: &str) -> String {
    let number = list(playground, "")
        .into_iter()
        .find(|other| other["phone_number"] == number)
        .unwrap();
    number["uri"].as_str().unwrap().to_owned()
}

fn services(playground: &Playground) -> Vec<Value> {
    playground.get("/v1/Services").json()["services"]
        .as_array()
        .unwrap()
        .clone()
}
