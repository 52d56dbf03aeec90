//! The mock Twilio: creating, listing and reading messages, its credentials and its errors.

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Playground, TOKENS, basic, messages_path};

#[test]
fn a_created_message_is_a_full_resource_and_can_be_read_again() {
    let playground = Playground::start();
    let answer = playground.create(&[
        ("To", "+15550100"),
        ("From", "+15005550006"),
        ("Body", &"a".repeat(161)),
    ]);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let message = answer.json();
    let sid = message["sid"].as_str().unwrap();
    assert!(sid.starts_with("SM") && sid.len() == 34);
    assert_eq!(message["status"], "queued");
    assert_eq!(message["num_segments"], "2");
    assert_eq!(message["num_media"], "0");
    assert_eq!(message["direction"], "outbound-api");
    assert_eq!(message["account_sid"], ACCOUNT);
    assert_eq!(message["date_sent"], Value::Null);
    assert!(
        message["date_created"]
            .as_str()
            .unwrap()
            .ends_with(" +0000")
    );
    assert_eq!(
        message["uri"],
        format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json")
    );
    let read = playground.get(message["uri"].as_str().unwrap());
    assert_eq!(read.status, 200);
    assert_eq!(read.json()["body"], message["body"]);
    assert_eq!(read.json()["status"], "delivered");
    let missing = playground.get(&format!(
        "/2010-04-01/Accounts/{ACCOUNT}/Messages/SM{}.json",
        "0".repeat(32)
    ));
    assert_eq!(
        (missing.status, missing.json()["code"].clone()),
        (404, json!(20404))
    );
}

#[test]
fn media_whatsapp_and_messaging_services_are_accepted() {
    let playground = Playground::start();
    let media = playground.create(&[
        ("To", "+15550100"),
        ("From", "+15550199"),
        ("MediaUrl", "https://example.com/a.png"),
        ("MediaUrl", "https://example.com/b.png"),
    ]);
    assert_eq!(media.json()["num_media"], "2");
    assert!(media.json()["sid"].as_str().unwrap().starts_with("MM"));
    let whatsapp = playground.create(&[
        ("To", "whatsapp:+15550100"),
        ("From", "whatsapp:+15550199"),
        ("Body", &"ж".repeat(1600)),
    ]);
    assert_eq!(
        (whatsapp.status, whatsapp.json()["num_segments"].clone()),
        (201, json!("1"))
    );
    let service = format!("MG{}", "a".repeat(32));
    let service = playground.create(&[
        ("To", "+15550100"),
        ("MessagingServiceSid", &service),
        ("Body", "x"),
    ]);
    assert_eq!(service.json()["status"], "accepted");
    assert_eq!(service.json()["from"], Value::Null);
}

#[test]
fn every_channel_is_accepted_with_its_own_addresses() {
    let playground = Playground::start();
    let service = format!("MG{}", "a".repeat(32));
    for (to, sender) in [
        (
            "whatsapp:US.13491208655302741918",
            ("From", "whatsapp:+15550199"),
        ),
        (
            "whatsapp:US.ENT.11815799212886844830",
            ("From", "whatsapp:+15550199"),
        ),
        ("rcs:+15550100", ("From", "rcs:brand_x_agent")),
        ("+15550100", ("From", "rcs:brand_x_agent")),
        ("rcs:+15550100", ("MessagingServiceSid", &service)),
        (
            "messenger:2745689751200",
            ("From", "messenger:1415523888600"),
        ),
    ] {
        let answer = playground.create(&[("To", to), sender, ("Body", "x")]);
        assert_eq!(answer.status, 201, "{to} {}", answer.text());
        assert_eq!(answer.json()["to"], to);
    }
}

#[test]
fn invalid_messages_get_the_error_code_of_twilio() {
    let playground = Playground::start();
    let (to, from, body) = (("To", "+15550100"), ("From", "+15550199"), ("Body", "x"));
    let whatsapp = ("To", "whatsapp:+15550100");
    let long = "a".repeat(1601);
    let emoji = "👋".repeat(801);
    let cases: Vec<(u32, Vec<(&str, &str)>)> = vec![
        (21604, vec![from, body]),
        (21604, vec![("To", ""), from, body]),
        (21603, vec![to, body]),
        (21619, vec![to, from]),
        (21619, vec![to, from, ("Body", "")]),
        (21617, vec![to, from, ("Body", &long)]),
        (21617, vec![to, from, ("Body", &emoji)]),
        (21211, vec![("To", "5550100"), from, body]),
        (21211, vec![("To", "+05550100"), from, body]),
        (21211, vec![("To", "+15005550001"), from, body]),
        (21612, vec![("To", "+15005550002"), from, body]),
        (21408, vec![("To", "+15005550003"), from, body]),
        (21610, vec![("To", "+15005550004"), from, body]),
        (21614, vec![("To", "+15005550009"), from, body]),
        (21212, vec![to, ("From", "+15005550001"), body]),
        (21212, vec![to, ("From", "me"), body]),
        (21606, vec![to, ("From", "+15005550007"), body]),
        (21611, vec![to, ("From", "+15005550008"), body]),
        (21266, vec![to, ("From", "+15550100"), body]),
        (21910, vec![whatsapp, from, body]),
        (21910, vec![to, ("From", "whatsapp:+15550199"), body]),
        (63007, vec![whatsapp, ("From", "whatsapp:nobody"), body]),
        (21211, vec![("To", "whatsapp:us.1349"), from, body]),
        (
            21211,
            vec![("To", "whatsapp:13491208655302741918"), from, body],
        ),
        (21211, vec![("To", "rcs:brand_x_agent"), from, body]),
        (21211, vec![("To", "messenger:+15550100"), from, body]),
        (21910, vec![("To", "rcs:+15550100"), from, body]),
        (21910, vec![whatsapp, ("From", "rcs:brand_x_agent"), body]),
        (63007, vec![to, ("From", "rcs:+15550199"), body]),
        (
            63007,
            vec![("To", "messenger:1"), ("From", "messenger:page"), body],
        ),
        (21620, vec![to, from, ("MediaUrl", "a.png")]),
        (21609, vec![to, from, body, ("StatusCallback", "here")]),
        (21701, vec![to, ("MessagingServiceSid", "MG1"), body]),
        (20001, vec![to, from, body, ("ValidityPeriod", "0")]),
        (20001, vec![to, from, body, ("Boddy", "x")]),
        (20001, vec![to, from, body, ("Body", "y")]),
    ];
    for (code, form) in cases {
        let answer = playground.create(&form);
        let error = answer.json();
        assert_eq!(
            (answer.status, error["code"].clone()),
            (400, json!(code)),
            "{:.200}",
            format!("{form:?}")
        );
        assert_eq!(error["status"], 400);
        assert!(
            error["more_info"]
                .as_str()
                .unwrap()
                .ends_with(&code.to_string())
        );
    }
    assert!(playground.sent_messages().is_empty());
    let typo = playground.create(&[to, from, body, ("Boddy", "x")]).json();
    assert!(typo["message"].as_str().unwrap().contains("Boddy"));
}

#[test]
fn the_credential_must_be_the_account_in_the_path_and_one_of_the_tokens() {
    let playground = Playground::start();
    let other_account = format!("AC{}", "f".repeat(32));
    let form = b"To=%2B15550100&From=%2B15550199&Body=x";
    let send = |authorization: &str, path: &str| {
        let headers = [
            ("authorization", authorization),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        playground.send("POST", path, &headers, form)
    };
    for token in TOKENS {
        assert_eq!(send(&basic(ACCOUNT, token), &messages_path()).status, 201);
    }
    for wrong in [
        basic(ACCOUNT, "wrong"),
        basic(ACCOUNT, ""),
        basic(ACCOUNT, &TOKENS.join(",")),
        basic(&other_account, TOKENS[0]),
        basic(&format!("SK{}", "f".repeat(32)), TOKENS[0]),
        "Basic !!!".to_owned(),
        format!("Bearer {}", TOKENS[0]),
    ] {
        let answer = send(&wrong, &messages_path());
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (401, json!(20003)),
            "{wrong}"
        );
    }
    assert_eq!(
        playground.send("GET", &messages_path(), &[], b"").status,
        401
    );
    let indexes: Vec<Value> = playground
        .requests()
        .iter()
        .take(3)
        .map(|request| request["token_index"].clone())
        .collect();
    assert_eq!(indexes, [json!(0), json!(1), Value::Null]);
}

#[test]
fn a_list_is_filtered_newest_first_and_paged() {
    let playground = Playground::start();
    for number in 0..5 {
        playground.text_to("+15550100", &format!("number {number}"));
    }
    playground.text_to("+15550101", "to another");
    let list = |query: &str| playground.get(&format!("{}?{query}", messages_path()));
    let bodies = |query: &str| -> Vec<String> {
        let answer = list(query);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let messages = answer.json()["messages"].as_array().unwrap().clone();
        messages
            .iter()
            .map(|message| message["body"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(bodies("To=%2B15550101"), ["to another"]);
    assert_eq!(bodies("From=%2B15550199").len(), 6);
    assert_eq!(bodies("From=%2B15550198").len(), 0);
    assert_eq!(bodies("DateSent%3E=2020-01-01").len(), 6);
    assert_eq!(bodies("DateSent%3E%3D=2020-01-01T00:00:00Z").len(), 6);
    assert_eq!(bodies("DateSent%3E=2999-01-01").len(), 0);
    assert_eq!(bodies("DateSent%3C=2999-01-01").len(), 6);
    assert_eq!(bodies("DateSent%3C=2020-01-01").len(), 0);
    assert_eq!(bodies("DateSent=2020-01-01").len(), 0);
    let first = list("To=%2B15550100&PageSize=2").json();
    assert_eq!(first["messages"][0]["body"], "number 4");
    assert_eq!(
        (
            first["page"].clone(),
            first["start"].clone(),
            first["end"].clone()
        ),
        (json!(0), json!(0), json!(1))
    );
    assert_eq!(first["previous_page_uri"], Value::Null);
    let mut seen = 2;
    let mut next = first["next_page_uri"].clone();
    while let Some(uri) = next.as_str() {
        let page = playground.get(uri).json();
        seen += page["messages"].as_array().unwrap().len();
        next = page["next_page_uri"].clone();
    }
    assert_eq!(seen, 5);
    for query in [
        "Recipient=%2B15550100",
        "DateSent=yesterday",
        "PageSize=many",
    ] {
        assert_eq!(
            (list(query).status, list(query).json()["code"].clone()),
            (400, json!(20001)),
            "{query}"
        );
    }
}

#[test]
fn another_account_sees_nothing_of_a_message() {
    let playground = Playground::start();
    let uri = playground.text_to("+15550100", "mine").json()["uri"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = format!("AC{}", "f".repeat(32));
    let credential = basic(&other, TOKENS[0]);
    let get = |path: &str| playground.send("GET", path, &[("authorization", &credential)], b"");
    assert_eq!(get(&uri.replace(ACCOUNT, &other)).status, 404);
    let list = get(&messages_path().replace(ACCOUNT, &other)).json();
    assert_eq!(list["messages"], json!([]));
}

#[test]
fn the_typing_indicator_is_checked() {
    let playground = Playground::start();
    let path = "/v3/Indicators/Typing.json";
    let sid = format!("SM{}", "a".repeat(32));
    for body in [
        json!({"channel": "WHATSAPP", "messageId": sid}),
        json!({"channel": "RCS", "from": "rcs:shop", "to": "rcs:+15550100", "event": "START"}),
    ] {
        let good = playground.post_json(path, &body);
        assert_eq!((good.status, good.json()), (200, json!({"success": true})));
    }
    let sent = playground.create(&[("To", "+15550100"), ("From", "+15550199"), ("Body", "x")]);
    for body in [
        json!({"channel": "WHATSAPP", "messageId": "SM1"}),
        json!({"channel": "whatsapp", "messageId": sid}),
        json!({"channel": "SMS", "messageId": sid}),
        json!({"channel": "WHATSAPP"}),
        json!({"channel": "WHATSAPP", "messageId": sent.json()["sid"]}),
        json!({"channel": "RCS", "from": "MG1", "to": "rcs:+15550100", "event": "START"}),
        json!({"channel": "RCS", "from": "rcs:shop", "to": "+15550100", "event": "START"}),
        json!({"channel": "RCS", "from": "rcs:shop", "to": "rcs:+15550100"}),
    ] {
        assert_eq!(playground.post_json(path, &body).status, 400, "{body}");
    }
    let form = [("messageId", sid.as_str()), ("channel", "whatsapp")];
    assert_eq!(playground.post_form(path, &form).status, 400, "a form");
    let old = playground.post_form("/v2/Indicators/Typing.json", &form);
    assert_eq!((old.status, old.json()["code"].clone()), (400, json!(400)));
}

#[test]
fn messages_that_are_created_within_a_second_arrive_in_another_order() {
    let playground = Playground::start();
    let bodies = || -> Vec<String> {
        let sent = playground.sent_messages();
        let body = |message: &Value| message["body"].as_str().unwrap().to_owned();
        sent.iter().map(body).collect()
    };
    playground.text_to("+15550100", "one");
    playground.text_to("+15550101", "for another phone");
    playground.text_to("+15550100", "two");
    assert_eq!(bodies(), ["two", "for another phone", "one"]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    playground.text_to("+15550100", "three");
    assert_eq!(bodies(), ["two", "for another phone", "one", "three"]);
}

#[test]
fn the_text_of_a_message_can_be_changed_and_the_list_can_lag() {
    let playground = Playground::start();
    let lists = |body: &str| {
        let list = playground.get(&messages_path()).json();
        let messages = list["messages"].as_array().unwrap().clone();
        messages.iter().any(|message| message["body"] == body)
    };
    for (fault, shown) in [
        (
            "trial",
            Some("Sent from your Twilio trial account - “a” – b…"),
        ),
        ("redacted", Some("")),
        ("smart_encoded", Some("\"a\" - b...")),
        ("listed_late", None),
    ] {
        playground.fault(&json!({
            "service": "twilio", "body": fault, "connection": "act_then_drop", "contains": "“a”"
        }));
        let form = [
            ("To", "+15550100"),
            ("From", "+15550199"),
            ("Body", "“a” – b…"),
        ];
        assert!(playground.try_post_form(&messages_path(), &form).is_err());
        if let Some(shown) = shown {
            assert!(lists(shown), "{fault}");
        }
        assert!(!lists("“a” – b…"), "{fault}");
    }
}

#[test]
fn unknown_paths_and_methods_get_an_error_of_twilio() {
    let playground = Playground::start();
    let account = format!("/2010-04-01/Accounts/{ACCOUNT}");
    for (method, path, status, code) in [
        ("GET", format!("{account}/Nothing.json"), 404, 20404),
        ("DELETE", format!("{account}/Messages.json"), 405, 20004),
        ("GET", "/v2/Indicators/Typing.json".to_owned(), 405, 20004),
    ] {
        let answer = playground.send(
            method,
            &path,
            &[("authorization", &basic(ACCOUNT, TOKENS[0]))],
            b"",
        );
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (status, json!(code)),
            "{method} {path}"
        );
    }
    let text = [
        ("authorization", &*basic(ACCOUNT, TOKENS[0])),
        ("content-type", "application/json"),
    ];
    assert_eq!(
        playground
            .send("POST", &messages_path(), &text, b"{}")
            .status,
        400
    );
}
