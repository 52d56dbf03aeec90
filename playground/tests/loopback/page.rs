//! The page's routes: what a phone sends reaches the Worker as Twilio would send it, what happens is told in the feed, and
//! pages of other sites get nowhere. The page itself is tested in a browser, by `tests/browser`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

use crate::harness::{Answer, Playground, TOKENS, chat, messages_path, wait_until};

const NAMES_KEY: &str = "a key of pseudonyms for tests, 32 characters";
const ADMIN_TOKEN: &str = "an admin token for tests, 32 characters long";

/// A mock Worker that answers every request by `answer`, and keeps them.
struct Worker {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Worker {
    fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut stream = stream;
                    let Some(request) = read_request(&mut stream) else {
                        return;
                    };
                    kept.lock().unwrap().push(request.clone());
                    // The playground may have hung up.
                    let _ = stream.write_all(answer(&request).as_bytes());
                });
            }
        });
        Self { url, requests }
    }

    fn saying(text: &'static str) -> Self {
        Self::start(move |_| {
            http(
                "200 OK",
                "text/xml",
                &format!("<Response><Message>{text}</Message></Response>"),
            )
        })
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A playground whose phones write to this Worker.
    fn playground(&self) -> Playground {
        Playground::start_with(&[
            "--quiet",
            "--worker",
            &self.url,
            "--pseudonym-key",
            NAMES_KEY,
            "--admin-token",
            ADMIN_TOKEN,
        ])
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= header(head, "content-length").parse().unwrap_or(0)
        {
            return Some(text);
        }
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&buffer[..count]);
    }
}

fn http(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map_or("", |(_, value)| value)
}

fn form_of(request: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(request.split_once("\r\n\r\n").unwrap().1.as_bytes())
        .into_owned()
        .collect()
}

fn field(request: &str, name: &str) -> String {
    form_of(request)
        .into_iter()
        .find(|(other, _)| other == name)
        .map(|(_, value)| value)
        .unwrap_or_default()
}

/// Whether the request carries the signature of the playground's first token.
fn is_signed(request: &str, url: &str) -> bool {
    let mut form = form_of(request);
    form.sort();
    let signed: String = form
        .into_iter()
        .map(|(name, value)| name + &value)
        .collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKENS[0].as_bytes()).unwrap();
    mac.update(format!("{url}/twilio/messages{signed}").as_bytes());
    header(request, "x-twilio-signature") == BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// What the Worker calls a pair, worked out by the test.
fn name_of(from: &str, to: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(NAMES_KEY.as_bytes()).unwrap();
    mac.update(format!("pair\0{from}\0{to}").as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A page that watches the feed.
struct Watcher {
    lines: std::io::Lines<BufReader<TcpStream>>,
    last_id: String,
}

impl Watcher {
    fn open(playground: &Playground, last_id: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", playground.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let last = last_id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        write!(
            stream,
            "GET /playground/events HTTP/1.1\r\nHost: 127.0.0.1\r\n{last}\r\n"
        )
        .unwrap();
        Self {
            lines: BufReader::new(stream).lines(),
            last_id: String::new(),
        }
    }

    fn next(&mut self) -> Value {
        loop {
            let line = self
                .lines
                .next()
                .expect("the feed goes on")
                .expect("an event comes");
            if let Some(id) = line.strip_prefix("id: ") {
                self.last_id = id.to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// The next event of `kind`; others are passed over.
    fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next();
            if event["type"] == kind {
                return event;
            }
        }
    }
}

fn post(playground: &Playground, path: &str, body: &Value) -> Answer {
    playground.send(
        "POST",
        path,
        &[("content-type", "application/json")],
        body.to_string().as_bytes(),
    )
}

fn send(playground: &Playground, text: &str) -> String {
    let order = json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "text": text});
    let answer = post(playground, "/playground/phone/messages", &order);
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["sid"].as_str().unwrap().to_owned()
}

fn switch(playground: &Playground, phone: Option<(&str, &str)>, switches: &Value) -> Answer {
    let phone =
        phone.map(|(channel, from)| json!({"channel": channel, "from": from, "to": "+15550199"}));
    let body = json!({"phone": phone, "switches": switches}).to_string();
    playground.send(
        "PUT",
        "/playground/switches",
        &[("content-type", "application/json")],
        body.as_bytes(),
    )
}

#[test]
fn a_webhooks_answer_is_listed_as_a_reply_beside_what_the_api_was_asked_to_send() {
    let worker = Worker::saying("Yes.");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    send(&playground, "Is it so?");
    feed.next_of("answered");
    playground.text_to("+15550100", "Yes.");
    let listed = playground
        .get(&format!("{}?To=%2B15550100", messages_path()))
        .json();
    let directions: Vec<&str> = listed["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["direction"].as_str().unwrap())
        .collect();
    assert_eq!(directions, ["outbound-api", "outbound-reply"]);
    assert_eq!(playground.sent_messages().len(), 1, "one was sent by REST");
}

#[test]
fn a_message_from_the_page_is_a_signed_webhook_and_its_answer_is_in_the_feed() {
    let worker = Worker::saying("Hi &amp; bye");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    assert_eq!(feed.next()["type"], "start");
    let order = json!({
        "channel": "whatsapp", "from": "+15550100", "to": "+15550199", "text": "Grüße 👋",
        "media": [{"url": "http://127.0.0.1:1/picture", "content_type": "image/png"}]
    });
    let sid = post(&playground, "/playground/phone/messages", &order).json()["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let sent = feed.next_of("sent");
    let answered = feed.next_of("answered");
    let [request] = worker.requests().try_into().unwrap();
    assert!(is_signed(&request, &worker.url));
    assert_eq!(header(&request, "user-agent"), "TwilioProxy/1.1");
    assert_eq!(field(&request, "MessageSid"), sid);
    assert_eq!(field(&request, "From"), "whatsapp:+15550100");
    assert_eq!(field(&request, "Body"), "Grüße 👋");
    assert_eq!(
        (
            field(&request, "MediaUrl0"),
            field(&request, "MediaContentType0")
        ),
        (
            "http://127.0.0.1:1/picture".to_owned(),
            "image/png".to_owned()
        )
    );
    assert_eq!(
        (
            sent["sid"].clone(),
            sent["kind"].clone(),
            sent["forged"].clone()
        ),
        (json!(sid), json!("message"), json!(false))
    );
    assert_eq!(
        sent["name"],
        name_of("whatsapp:+15550100", "whatsapp:+15550199")
    );
    assert!(
        sent["request"]["headers"]
            .as_array()
            .unwrap()
            .contains(&json!([
                "X-Twilio-Signature",
                header(&request, "x-twilio-signature")
            ]))
    );
    assert_eq!(answered["exchange"], sent["exchange"]);
    assert_eq!(answered["status"], 200);
    assert_eq!(
        answered["messages"],
        json!([{"text": "Hi & bye", "media": []}])
    );
    assert!(
        answered["body"].as_str().unwrap().starts_with("<Response>")
            && answered["took_ms"].is_u64()
    );
}

#[test]
fn a_replay_is_the_same_form_under_the_same_sid_and_is_truly_signed() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    switch(&playground, None, &json!({"forged": true}));
    let sid = send(&playground, "Again and again");
    feed.next_of("answered");
    assert_eq!(
        post(
            &playground,
            "/playground/phone/replay",
            &json!({"sid": sid})
        )
        .status,
        202
    );
    assert_eq!(feed.next_of("sent")["kind"], "replay");
    feed.next_of("answered");
    let [first, second] = worker.requests().try_into().unwrap();
    assert_eq!(form_of(&first), form_of(&second));
    assert!(!is_signed(&first, &worker.url) && is_signed(&second, &worker.url));
    let token = |request: &str| header(request, "i-twilio-idempotency-token").to_owned();
    assert!(!token(&first).is_empty() && token(&first) == token(&second));
    let unknown = post(
        &playground,
        "/playground/phone/replay",
        &json!({"sid": "SM1"}),
    );
    assert_eq!(unknown.status, 404);
}

#[test]
fn a_duplicate_is_the_same_webhook_twice_at_once() {
    let gate = Arc::new(std::sync::Barrier::new(2));
    // Neither is answered before both are there.
    let worker = Worker::start(move |_| {
        gate.wait();
        http(
            "200 OK",
            "text/xml",
            "<Response><Message>Hi</Message></Response>",
        )
    });
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    switch(
        &playground,
        Some(("sms", "+15550100")),
        &json!({"duplicate": true}),
    );
    send(&playground, "Twice");
    let mut kinds = [feed.next_of("sent"), feed.next_of("sent")]
        .map(|event| event["kind"].as_str().unwrap().to_owned());
    kinds.sort();
    assert_eq!(kinds, ["duplicate", "message"]);
    for _ in 0..2 {
        assert_eq!(feed.next_of("answered")["status"], 200);
    }
    let [first, second] = worker.requests().try_into().unwrap();
    assert_eq!(form_of(&first), form_of(&second));
    assert!(is_signed(&first, &worker.url) && is_signed(&second, &worker.url));
}

#[test]
fn a_retry_follows_a_lost_answer_with_the_same_sid_and_idempotency_token() {
    // Slower than Twilio is said to wait, the first time.
    let worker = Worker::start(|_| {
        std::thread::sleep(Duration::from_millis(400));
        http(
            "200 OK",
            "text/xml",
            "<Response><Message>Hi</Message></Response>",
        )
    });
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    switch(&playground, None, &json!({"retry": true}));
    send(&playground, "Lost");
    let (first, lost) = (feed.next_of("sent"), feed.next_of("answered"));
    assert_eq!(
        (first["kind"].clone(), lost["lost"].clone()),
        (json!("message"), json!(true))
    );
    assert!(
        lost["problem"]
            .as_str()
            .unwrap()
            .starts_with("Twilio hung up"),
        "{lost}"
    );
    let (second, answered) = (feed.next_of("sent"), feed.next_of("answered"));
    assert_eq!(
        (
            second["kind"].clone(),
            answered["lost"].clone(),
            answered["status"].clone()
        ),
        (json!("retry"), json!(false), json!(200))
    );
    let [one, two] = worker.requests().try_into().unwrap();
    assert_eq!(form_of(&one), form_of(&two));
    assert_eq!(
        header(&one, "i-twilio-idempotency-token"),
        header(&two, "i-twilio-idempotency-token")
    );
}

#[test]
fn a_forged_message_is_not_signed_by_the_token_and_the_refusal_is_told() {
    let worker = Worker::start(|_| http("403 Forbidden", "text/plain", "Forbidden"));
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    switch(
        &playground,
        Some(("sms", "+15550100")),
        &json!({"forged": true}),
    );
    send(&playground, "Not Twilio");
    assert_eq!(feed.next_of("sent")["forged"], true);
    let answered = feed.next_of("answered");
    assert_eq!(
        (
            answered["status"].clone(),
            answered["complaint"]["code"].clone(),
            answered["body"].clone()
        ),
        (json!(403), json!(11200), json!("Forbidden"))
    );
    let [request] = worker.requests().try_into().unwrap();
    assert!(
        !is_signed(&request, &worker.url) && header(&request, "x-twilio-signature").len() == 28
    );
}

#[test]
fn what_keeps_an_answer_from_coming_is_told_in_words() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let playground = Playground::start_with(&["--quiet", "--worker", &url]);
    let mut feed = Watcher::open(&playground, None);
    send(&playground, "Anybody there?");
    let sent = feed.next_of("sent");
    assert_eq!(
        (sent["name"].clone(), sent["phone_hash"].clone()),
        (Value::Null, Value::Null),
        "there is no key to work them out with"
    );
    assert_eq!(
        feed.next_of("answered")["problem"],
        format!("nothing is listening at {url}: start the Worker")
    );
}

#[test]
fn orders_that_cannot_be_sent_are_refused_with_what_is_wrong() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    for (order, reason) in [
        (
            json!({"channel": "sms", "from": "", "to": "+15550199"}),
            "`from`",
        ),
        (
            json!({"channel": "fax", "from": "+15550100", "to": "+15550199"}),
            "fax",
        ),
        (
            json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "txt": "a"}),
            "txt",
        ),
        (
            json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "text": "x".repeat(20_001)}),
            "20000 characters",
        ),
        (
            json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "media": [{"url": "file:///etc/passwd", "content_type": "a/b"}]}),
            "web address",
        ),
    ] {
        let answer = post(&playground, "/playground/phone/messages", &order);
        assert_eq!(answer.status, 400, "{order}");
        assert!(
            answer.json()["error"].as_str().unwrap().contains(reason),
            "{}",
            answer.text()
        );
    }
    assert!(worker.requests().is_empty());
}

#[test]
fn late_answers_typing_and_requests_come_through_the_feed() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    playground.text_to("+15550100", "late");
    let message = feed.next_of("message");
    assert_eq!(
        (
            message["to"].clone(),
            message["from"].clone(),
            message["text"].clone()
        ),
        (json!("+15550100"), json!("+15550199"), json!("late"))
    );
    let sid = format!("SM{}", "1".repeat(32));
    assert_eq!(
        playground
            .post_form(
                "/v2/Indicators/Typing.json",
                &[("messageId", &sid), ("channel", "whatsapp")]
            )
            .status,
        200
    );
    assert_eq!(feed.next_of("typing")["sid"], sid);
    let mut request = chat(&[("user", "Hello [fault status=503]")]);
    request["safety_identifier"] = json!("somebody");
    playground.complete(&request);
    let mut of_model = || loop {
        let call = feed.next_of("call");
        if call["service"] == "openai" {
            return call;
        }
    };
    let (began, ended) = (of_model(), of_model());
    assert_eq!(
        (began["outcome"].clone(), began["name"].clone()),
        (json!("pending"), json!("somebody"))
    );
    assert_eq!(
        (ended["status"].clone(), ended["fault"].clone()),
        (json!(503), json!("status 503"))
    );
}

#[test]
fn a_page_that_comes_back_gets_what_it_missed_and_a_new_one_all() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let mut first = Watcher::open(&playground, None);
    playground.text_to("+15550100", "one");
    assert_eq!(first.next_of("message")["text"], "one");
    let seen = first.last_id.clone();
    drop(first);
    playground.text_to("+15550100", "two");
    let mut back = Watcher::open(&playground, Some(&seen));
    assert_eq!(back.next_of("message")["text"], "two");
    for last_id in [None, Some("of-another-run"), Some("0123-7"), Some("")] {
        let mut fresh = Watcher::open(&playground, last_id);
        assert_eq!(fresh.next()["type"], "start", "{last_id:?}");
        assert_eq!(fresh.next_of("message")["text"], "one");
        assert_eq!(fresh.next_of("message")["text"], "two");
    }
}

#[test]
fn switched_faults_hit_the_phone_that_they_are_for_until_they_are_off() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let ask = |from: &str| {
        let mut request = chat(&[("user", "Hello")]);
        request["safety_identifier"] = json!(name_of(from, "+15550199"));
        playground
            .try_complete(&request)
            .map(|answer| answer.status)
            .ok()
    };
    assert_eq!(
        switch(
            &playground,
            Some(("sms", "+15550100")),
            &json!({"model_error": true})
        )
        .status,
        200
    );
    assert_eq!(
        (ask("+15550100"), ask("+15550100"), ask("+15550101")),
        (Some(500), Some(500), Some(200))
    );
    switch(
        &playground,
        Some(("sms", "+15550101")),
        &json!({"model_drop": true, "rest_drop": true}),
    );
    assert_eq!(ask("+15550101"), None);
    let lost = playground.try_post_form(
        &crate::harness::messages_path(),
        &[("To", "+15550101"), ("From", "+15550199"), ("Body", "x")],
    );
    assert!(lost.is_err(), "the answer is lost");
    assert_eq!(
        playground.sent_messages().len(),
        1,
        "but the message is sent"
    );
    assert_eq!(playground.text_to("+15550100", "x").status, 201);
    for from in ["+15550100", "+15550101"] {
        switch(&playground, Some(("sms", from)), &json!({}));
    }
    assert_eq!((ask("+15550100"), ask("+15550101")), (Some(200), Some(200)));
    switch(&playground, None, &json!({"model_error": true}));
    assert_eq!(ask("+15550100"), Some(500));
    let shown = playground.control("GET", "setup", &Value::Null).json();
    assert_eq!(
        (
            shown["switches"]["all"]["model_error"].clone(),
            shown["switches"]["phones"].clone()
        ),
        (json!(true), json!([]))
    );
}

#[test]
fn a_fault_of_the_model_for_one_phone_needs_the_key_that_names_it() {
    let playground = Playground::start();
    let refused = switch(
        &playground,
        Some(("sms", "+15550100")),
        &json!({"slow_model": 3}),
    );
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("PSEUDONYM_KEY"));
    assert_eq!(
        switch(&playground, None, &json!({"slow_model": 3})).status,
        200
    );
    assert_eq!(
        switch(&playground, None, &json!({"slow_model": 1000})).status,
        400
    );
}

#[test]
fn the_conversation_of_a_phone_is_the_newest_request_to_the_model_with_its_name() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let path = "/playground/conversation?channel=sms&from=%2B15550100&to=%2B15550199";
    let shown = || playground.send("GET", path, &[], b"").json()["request"].clone();
    assert_eq!(shown(), Value::Null);
    let picture = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 3742]].concat();
    let picture = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(picture));
    for (from, text) in [
        ("+15550100", "older"),
        ("+15550100", "newest"),
        ("+15550101", "of another"),
    ] {
        let mut request = chat(&[("user", text)]);
        request["safety_identifier"] = json!(name_of(from, "+15550199"));
        request["messages"][0]["content"] = json!([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": picture}}]);
        assert_eq!(playground.complete(&request).status, 200);
    }
    let content = shown()["body"]["messages"][0]["content"].clone();
    assert_eq!(content[0]["text"], "newest");
    assert_eq!(
        content[1]["image_url"]["url"],
        "data:image/png, 5022 characters"
    );
}

#[test]
fn an_attached_file_can_be_looked_at_by_the_page_and_by_nothing_that_it_could_run_in() {
    let playground = Playground::start();
    let file = b"<script>alert(1)</script>";
    let kept = playground
        .send(
            "POST",
            "/playground/media",
            &[("content-type", "text/html")],
            file,
        )
        .json();
    let sid = kept["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let shown = playground.send("GET", &format!("/playground/media/{sid}"), &[], b"");
    assert_eq!(
        (
            shown.status,
            shown.header("content-type"),
            shown.body.as_slice()
        ),
        (200, "text/html", file.as_slice())
    );
    assert!(
        shown
            .header("content-security-policy")
            .contains("default-src 'none'")
            && shown.header("content-security-policy").ends_with("sandbox")
    );
    assert!(
        playground.requests().is_empty(),
        "the journal is about the Worker's requests"
    );
    assert_eq!(
        playground
            .send("GET", "/playground/media/ME1", &[], b"")
            .status,
        404
    );
}

#[test]
fn log_lines_are_taken_in_within_limits() {
    let playground = Playground::start();
    let mut feed = Watcher::open(&playground, None);
    assert_eq!(
        post(
            &playground,
            "/playground/log",
            &json!({"event": "turn", "outcome": "answered"})
        )
        .status,
        202
    );
    assert_eq!(
        feed.next_of("log")["line"],
        json!({"event": "turn", "outcome": "answered"})
    );
    assert_eq!(
        post(
            &playground,
            "/playground/log",
            &json!({"event": "x".repeat(17_000)})
        )
        .status,
        413
    );
    for line in [json!([]), json!("turn"), json!(1)] {
        assert_eq!(
            post(&playground, "/playground/log", &line).status,
            400,
            "{line}"
        );
    }
    let log = |content_type: &[(&str, &str)], body: &[u8]| {
        playground
            .send("POST", "/playground/log", content_type, body)
            .status
    };
    assert_eq!(
        log(&[("content-type", "application/json")], b"{\"event\":"),
        400
    );
    assert_eq!(log(&[("content-type", "text/plain")], b"{}"), 415);
    assert_eq!(log(&[], b"{}"), 415);
}

#[test]
fn the_workers_admin_routes_are_asked_with_the_token() {
    let worker = Worker::start(|request| match request.lines().next().unwrap_or_default() {
        "GET /admin/usage HTTP/1.1" => http("200 OK", "application/json", r#"{"messages_in":5}"#),
        "POST /admin/contacts/show HTTP/1.1" => {
            assert!(
                request.ends_with(r#"{"from":"whatsapp:+15550100","to":"whatsapp:+15550199"}"#),
                "{request}"
            );
            http("200 OK", "application/json", r#"{"turns":3}"#)
        }
        _ => http("500 Oh", "text/plain", "unexpected"),
    });
    let playground = worker.playground();
    let usage = playground.send("GET", "/playground/worker/usage", &[], b"");
    assert_eq!(usage.json(), json!({"body": {"messages_in": 5}}));
    let contact = playground.send(
        "GET",
        "/playground/worker/contact?channel=whatsapp&from=%2B15550100&to=%2B15550199",
        &[],
        b"",
    );
    assert_eq!(contact.json(), json!({"body": {"turns": 3}}));
    for request in worker.requests() {
        assert_eq!(
            header(&request, "authorization"),
            format!("Bearer {ADMIN_TOKEN}")
        );
    }
}

#[test]
fn what_keeps_the_admin_routes_from_answering_is_said() {
    for (status, word) in [
        ("404 Not Found", "ADMIN_TOKEN is not set"),
        ("401 Unauthorized", "refused ADMIN_TOKEN"),
        ("429 Too Many", "Wait a minute"),
        ("503 No", "answered 503: {}"),
    ] {
        let worker = Worker::start(move |_| http(status, "application/json", "{}"));
        let problem = worker
            .playground()
            .send("GET", "/playground/worker/usage", &[], b"")
            .json()["problem"]
            .clone();
        assert!(
            problem.as_str().unwrap().contains(word),
            "{status}: {problem}"
        );
    }
    let without = Playground::start()
        .send("GET", "/playground/worker/usage", &[], b"")
        .json();
    assert!(
        without["problem"]
            .as_str()
            .unwrap()
            .contains("started without ADMIN_TOKEN"),
        "{without}"
    );
}

#[test]
fn the_page_and_its_files_name_no_other_host_and_may_load_nothing_from_one() {
    let playground = Playground::start();
    let page = playground.send("GET", "/", &[], b"");
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'")
            && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), value);
    }
    let html = page.text();
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick="));
    let files: Vec<&str> = html
        .split('"')
        .filter(|text| text.starts_with("/web/"))
        .collect();
    assert!(files.len() >= 3);
    for file in files.into_iter().chain([
        "/web/phone.js",
        "/web/inspector.js",
        "/web/faults.js",
        "/web/dom.js",
    ]) {
        let answer = playground.send("GET", file, &[], b"");
        assert_eq!(answer.status, 200, "{file}");
        let text = answer.text().replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("://") && !text.contains("innerHTML"),
            "{file}"
        );
    }
}

#[test]
fn other_web_pages_can_neither_drive_the_playground_nor_read_from_it() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let order = json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "text": "Hello"})
        .to_string();
    let json = ("content-type", "application/json");
    let own = format!("http://127.0.0.1:{}", playground.port);
    let status = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        playground
            .send(method, path, headers, body.as_bytes())
            .status
    };
    let attacks: [&[(&str, &str)]; 6] = [
        &[json, ("origin", "https://evil.example")],
        &[json, ("origin", "null")],
        &[json, ("origin", "http://127.0.0.1:1")],
        &[json, ("sec-fetch-site", "cross-site")],
        &[json, ("host", "evil.example:8788")],
        &[json, ("host", "127.0.0.1.evil.example")],
    ];
    for headers in attacks {
        for (method, path) in [
            ("POST", "/playground/phone/messages"),
            ("POST", "/playground/phone/replay"),
            ("PUT", "/playground/switches"),
            ("POST", "/playground/log"),
            ("POST", "/playground/faults"),
            ("DELETE", "/playground/requests"),
            ("GET", "/playground/requests"),
            ("GET", "/playground/events"),
            ("GET", "/playground/worker/usage"),
            ("GET", "/playground/nothing"),
        ] {
            assert_eq!(
                status(method, path, headers, &order),
                403,
                "{method} {path} {headers:?}"
            );
        }
    }
    // What a form can send without asking: a body that is not said to be JSON.
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        assert_eq!(
            status(
                "POST",
                "/playground/phone/messages",
                &[("content-type", content_type)],
                &order
            ),
            415
        );
    }
    assert_eq!(status("GET", "/", &[("host", "evil.example")], ""), 403);
    assert!(worker.requests().is_empty());
    assert_eq!(
        status(
            "POST",
            "/playground/phone/messages",
            &[json, ("origin", &own), ("sec-fetch-site", "same-origin")],
            &order
        ),
        202
    );
    wait_until("the page's own message arrives", || {
        worker.requests().len() == 1
    });
}

#[test]
fn a_worker_beyond_loopback_is_refused_at_the_start() {
    let output = crate::harness::command()
        .args([
            "serve",
            "--port",
            "0",
            "--twilio-auth-token",
            "t",
            "--worker",
            "http://192.0.2.1:8787",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("192.0.2.1")
    );
}
