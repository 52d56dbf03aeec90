//! Calls that the Worker makes by the REST API: a phone rings, and is answered or not.
//!
//! Not here: what happens in a call (`calls`), and the REST API of a call in progress (`call_control`).

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Playground};
use crate::mock_worker::{field, is_signed_for};
use crate::page_client::switch;
use crate::relay_worker::{
    Call, EMPTY, FROM, RelayWorker, TO, connect, receive, receive_type, relayed, until_closed,
};

/// The Worker that makes calls, and answers their webhook.
fn worker(
    relay: impl Fn(crate::relay_worker::Socket, usize) + Send + Sync + 'static,
) -> RelayWorker {
    RelayWorker::start(
        move |path, _, authority| match path {
            "/twilio/voice?call=1" => connect(authority, "welcomeGreeting=\"Hi\""),
            _ => EMPTY.to_owned(),
        },
        relay,
    )
}

fn list_path() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json")
}

/// Makes a call, and returns the resource.
fn make(playground: &Playground, worker: &str, more: &[(&str, &str)]) -> Value {
    let (url, status) = (
        format!("{worker}/twilio/voice?call=1"),
        format!("{worker}/twilio/voice/status?call=1"),
    );
    let usual = [
        ("To", FROM),
        ("From", TO),
        ("Url", url.as_str()),
        ("StatusCallback", status.as_str()),
    ];
    let answer = playground.post_form(&list_path(), &[&usual, more].concat());
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn call<'p>(playground: &'p Playground, resource: &Value) -> Call<'p> {
    let sid = resource["sid"].as_str().unwrap().to_owned();
    Call { playground, sid }
}

#[test]
fn a_phone_that_the_worker_calls_rings_and_the_webhook_comes_when_it_is_answered() {
    let worker = worker(|mut socket, _| {
        let setup = receive(&mut socket).unwrap();
        assert_eq!(
            (&setup["direction"], &setup["callStatus"]),
            (&json!("outbound-api"), &json!("IN_PROGRESS"))
        );
        assert_eq!((&setup["from"], &setup["to"]), (&json!(TO), &json!(FROM)));
        until_closed(&mut socket);
    });
    let playground = worker.playground();
    let made = make(
        &playground,
        &worker.url,
        &[("Timeout", "25"), ("TimeLimit", "600")],
    );
    assert_eq!((&made["from"], &made["to"]), (&json!(TO), &json!(FROM)));
    assert_eq!(
        (&made["direction"], &made["status"]),
        (&json!("outbound-api"), &json!("ringing"))
    );
    let call = call(&playground, &made);
    assert_eq!(call.event("ringing")["direction"], "outbound-api");
    assert!(worker.posts().is_empty(), "nobody has answered");
    call.act(&json!({"do": "answer"}));
    call.wait_for("the greeting", |event| event["event"] == "heard");
    let [voice] = worker.posts().try_into().unwrap();
    assert!(is_signed_for(
        &voice,
        &format!("{}/twilio/voice?call=1", worker.url)
    ));
    assert_eq!(
        (field(&voice, "From"), field(&voice, "To")),
        (TO.to_owned(), FROM.to_owned())
    );
    assert_eq!(
        (field(&voice, "Direction"), field(&voice, "CallStatus")),
        ("outbound-api".to_owned(), "in-progress".to_owned())
    );
    call.act(&json!({"do": "hang_up"}));
    assert_eq!(call.over()["status"], "completed");
    let [status] = worker
        .posts_to("/twilio/voice/status?call=1")
        .try_into()
        .unwrap();
    assert_eq!(field(&status, "CallStatus"), "completed");
}

#[test]
fn a_phone_that_is_not_answered_has_only_a_status_callback() {
    for (switches, action, status) in [
        (json!({}), None, "no-answer"),
        (json!({}), Some("hang_up"), "busy"),
        (json!({"call": {"dial": "busy"}}), None, "busy"),
        (
            json!({"call": {"dial": "no-answer"}}),
            Some("answer"),
            "no-answer",
        ),
    ] {
        let worker = worker(|_, _| panic!("nobody has answered"));
        let playground = worker.playground();
        let phone = Some(("sms", FROM));
        let set = switch(&playground, phone, &switches);
        assert_eq!(set.status, 200, "{}", set.text());
        let made = make(&playground, &worker.url, &[("Timeout", "5")]);
        let call = call(&playground, &made);
        if let Some(action) = action {
            call.act(&json!({"do": action}));
        }
        assert_eq!(call.over()["status"], status);
        let [told] = worker.posts().try_into().unwrap();
        assert!(
            told.starts_with("POST /twilio/voice/status?call=1 "),
            "{told}"
        );
        assert_eq!(field(&told, "CallStatus"), status);
        assert_eq!(field(&told, "CallDuration"), "0");
    }
}

#[test]
fn a_call_in_progress_ends_after_its_time_limit() {
    let worker = worker(|mut socket, _| until_closed(&mut socket));
    let playground = worker.playground();
    let made = make(&playground, &worker.url, &[("TimeLimit", "20")]);
    let call = call(&playground, &made);
    call.act(&json!({"do": "answer"}));
    let over = call.over();
    assert_eq!(over["status"], "completed");
    assert!(over["seconds"].as_u64().unwrap() >= 20);
}

#[test]
fn a_call_that_twilio_would_refuse_is_refused_with_its_code() {
    let playground = Playground::start();
    let url = "https://switchboard.example/twilio/voice";
    let usual = [("To", FROM), ("From", TO), ("Url", url)];
    let refused = |form: &[(&str, &str)]| {
        let answer = playground.post_form(&list_path(), form);
        assert_eq!(answer.status, 400, "{form:?}");
        answer.json()["code"].as_u64().unwrap()
    };
    for (at, code) in [(0, 21201), (1, 21213), (2, 21205)] {
        let mut form = usual.to_vec();
        form.remove(at);
        assert_eq!(refused(&form), code);
    }
    for (name, value, code) in [
        ("To", "15550100", 21211),
        ("To", "client:ana", 21211),
        ("To", TO, 21266),
        ("To", "+15005550001", 21217),
        ("To", "+15005550002", 21214),
        ("To", "+15005550003", 21215),
        ("To", "+15005550004", 21216),
        ("From", "15550199", 21212),
        ("From", "+15005550001", 21212),
        ("From", "+15550177", 21210),
        ("Url", "/twilio/voice", 21205),
        ("StatusCallback", "nowhere", 21205),
        ("Timeout", "601", 20001),
        ("TimeLimit", "0", 20001),
        ("Method", "PUT", 20001),
        ("Urll", url, 20001),
    ] {
        let mut form: Vec<_> = usual
            .into_iter()
            .filter(|(other, _)| *other != name)
            .collect();
        form.push((name, value));
        assert_eq!(refused(&form), code, "{name}={value}");
    }
    assert_eq!(refused(&[&usual[..], &[("To", FROM)]].concat()), 20001);
    let list = playground.get(&list_path()).json();
    assert_eq!(list["calls"], json!([]));
    let other = format!("/2010-04-01/Accounts/AC{}/Calls.json", "1".repeat(32));
    let answer = playground.send("POST", &other, &[], b"");
    assert_eq!(answer.status, 401);
}

#[test]
fn calls_are_listed_newest_first_and_filtered() {
    let worker = relayed("", EMPTY, |mut socket, _| {
        receive_type(&mut socket, "setup");
        until_closed(&mut socket);
    });
    let playground = worker.playground();
    let inbound = Call::start(&playground, &json!({}));
    let made = make(&playground, &worker.url, &[]);
    let sids = |query: &str| {
        let list = playground.get(&format!("{}?{query}", list_path())).json();
        let calls = list["calls"].as_array().unwrap().clone();
        calls
            .iter()
            .map(|call| call["sid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let made = made["sid"].as_str().unwrap();
    assert_eq!(sids(""), [made, &inbound.sid]);
    assert_eq!(sids("To=%2B15550100"), [made]);
    assert_eq!(sids("From=%2B15550100"), [inbound.sid.as_str()]);
    assert_eq!(sids("To=%2B15550100&From=%2B15550199&PageSize=100"), [made]);
    assert_eq!(sids("Status=busy"), [made], "the phone is in a call");
    assert_eq!(sids("StartTime%3E=2020-01-01").len(), 2);
    assert_eq!(sids("StartTime%3C=2020-01-01").len(), 0);
    assert_eq!(sids("PageSize=1"), [made]);
    assert_eq!(
        playground.get(&format!("{}?Too=1", list_path())).status,
        400
    );
    inbound.act(&json!({"do": "hang_up"}));
    inbound.over();
}

#[test]
fn a_call_whose_answer_is_lost_is_made_all_the_same() {
    let worker = worker(|mut socket, _| until_closed(&mut socket));
    let playground = worker.playground();
    let fault =
        json!({"service": "twilio", "connection": "act_then_drop", "contains": "/Calls.json"});
    playground.fault(&fault);
    let url = format!("{}/twilio/voice?call=1", worker.url);
    let form = [("To", FROM), ("From", TO), ("Url", url.as_str())];
    assert!(playground.try_post_form(&list_path(), &form).is_err());
    let list = playground.get(&list_path()).json();
    assert_eq!(list["calls"][0]["status"], "ringing");
}

#[test]
fn a_silent_twilio_tells_nothing_until_the_rest_api_ends_the_call() {
    let worker = relayed("", EMPTY, |mut socket, _| {
        receive_type(&mut socket, "setup");
        crate::relay_worker::say(&mut socket, &json!({"type": "end"}));
        until_closed(&mut socket);
    });
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({"silent": true}));
    call.wait_for("the fault", |event| {
        event["text"] == "A fault: Twilio does not end the session."
    });
    call.act(&json!({"do": "drop_socket"}));
    call.wait_for("the fault", |event| {
        event["text"] == "A fault: Twilio does not tell that the socket is lost."
    });
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{}.json", call.sid);
    assert_eq!(playground.get(&path).json()["status"], "in-progress");
    assert_eq!(
        playground
            .post_form(&path, &[("Status", "completed")])
            .status,
        200
    );
    call.over();
    assert_eq!(worker.posts().len(), 1, "neither an action nor a status");
}
