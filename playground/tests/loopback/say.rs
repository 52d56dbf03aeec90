//! `playground say`: the form that it posts, how it shows an answer, and the addresses that it rejects.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Output;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::{Playground, TOKENS, command};
use crate::mock_worker::{field, header, http, is_signed, read_request};

/// A stand-in for the Worker that gives one answer.
struct Worker {
    port: u16,
    thread: JoinHandle<String>,
}

impl Worker {
    /// Answers one request with `answer` (raw HTTP) and then runs `after`.
    fn answering(answer: String, after: impl FnOnce() + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&mut stream).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            drop(stream);
            after();
            request
        });
        Self { port, thread }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The request.
    fn request(self) -> String {
        self.thread.join().unwrap()
    }
}

fn twiml(body: &str) -> String {
    http("200 OK", "text/xml; charset=utf-8", body)
}

fn say(arguments: &[&str]) -> Output {
    command()
        .arg("say")
        .args(arguments)
        .env("TWILIO_AUTH_TOKEN", TOKENS[0])
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Says hello to a Worker that answers `answer`, without waiting for more.
fn hello(answer: String) -> Output {
    let worker = Worker::answering(answer, || {});
    let output = say(&["Hello", "--no-wait", "--worker", &worker.url()]);
    worker.request();
    output
}

#[test]
fn it_posts_a_signed_form_and_shows_each_message_as_a_bubble() {
    let worker = Worker::answering(
        twiml(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Message>Hi &amp; bye</Message><Message>Grüße 👋</Message></Response>",
        ),
        || {},
    );
    let url = worker.url();
    let output = say(&["Hello 👋 +1", "--worker", &url]);
    let shown = out(&output);
    assert!(output.status.success(), "{}", err(&output));
    assert!(
        shown.contains("╭──────────╮\n│ Hi & bye │\n╰──────────╯\n"),
        "{shown}"
    );
    assert!(shown.contains("│ Grüße 👋 │"), "{shown}");
    let last = shown.lines().last().unwrap();
    assert!(
        last.starts_with("200 in ") && last.ends_with(" ms"),
        "{shown}"
    );
    let request = worker.request();
    assert!(request.starts_with("POST /twilio/messages HTTP/1.1\r\n"));
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(header(head, "user-agent"), "TwilioProxy/1.1");
    assert_eq!(field(&request, "Body"), "Hello 👋 +1");
    assert_eq!(field(&request, "From"), "+15550100");
    assert!(is_signed(&request, &url));
}

#[test]
fn the_signature_depends_on_the_public_url_and_the_first_token() {
    let signature = |options: &[&str]| {
        let worker = Worker::answering(twiml("<Response/>"), || {});
        let url = worker.url();
        let mut arguments = vec!["x", "--no-wait", "--sid", "SM1", "--worker", &url];
        arguments.extend(options);
        assert!(say(&arguments).status.success());
        let request = worker.request();
        header(&request, "x-twilio-signature").to_owned()
    };
    let public = ["--public-url", "https://example.com"];
    let one = signature(&public);
    assert_eq!(
        one,
        signature(&public),
        "the same message, the same signature"
    );
    assert_ne!(one, signature(&["--public-url", "https://example.org"]));
    assert_eq!(
        one,
        signature(&[
            "--public-url",
            "https://example.com/",
            "--token",
            "first-token,other"
        ])
    );
    assert_ne!(
        one,
        signature(&["--public-url", "https://example.com", "--token", "other"])
    );
}

#[test]
fn an_empty_answer_is_explained() {
    let output = hello(twiml("<Response/>"));
    assert!(output.status.success());
    assert!(out(&output).contains(
        "no message in this answer; if the model was slow the answer comes later by the REST API"
    ));
}

#[test]
fn an_answer_by_rest_is_shown_when_it_comes() {
    let playground = Playground::start();
    let port = playground.port;
    let playground = std::sync::Arc::new(playground);
    let twilio = std::sync::Arc::clone(&playground);
    let worker = Worker::answering(twiml("<Response/>"), move || {
        std::thread::sleep(Duration::from_millis(600));
        twilio.text_to("+15550101", "for another contact");
        twilio.text_to("+15550100", "by REST");
        twilio.text_to("+15550100", "in two parts");
    });
    playground.text_to("+15550100", "from an earlier conversation");
    std::thread::sleep(Duration::from_millis(5));
    let output = say(&[
        "Hello",
        "--worker",
        &worker.url(),
        "--playground",
        &format!("http://127.0.0.1:{port}"),
    ]);
    let shown = out(&output);
    assert!(output.status.success());
    assert!(
        shown.contains("│ by REST │") && shown.contains("│ in two parts │"),
        "{shown}"
    );
    assert!(shown.contains("by the REST API after "), "{shown}");
    assert!(
        !shown.contains("another contact") && !shown.contains("earlier"),
        "{shown}"
    );
    worker.request();
}

#[test]
fn a_rejection_is_shown_with_the_text_of_the_worker() {
    let output = hello(http("403 Forbidden", "text/plain", "forbidden\u{1b}[2J"));
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("403 in "), "{}", out(&output));
    assert!(
        err(&output).contains("forbidden\u{fffd}[2J"),
        "{}",
        err(&output)
    );
}

#[test]
fn an_answer_that_twilio_would_reject_is_an_error_with_its_code() {
    for (answer, code) in [
        (twiml(" <?xml version=\"1.0\"?><Response/>"), "12100"),
        (twiml("<Response><Say>Hi</Say></Response>"), "12200"),
        (http("200 OK", "application/json", "{}"), "12300"),
        (
            twiml(&format!(
                "<Response><Message>{}</Message></Response>",
                "x".repeat(1601)
            )),
            "14103",
        ),
        (
            http("503 Service Unavailable", "text/plain", "later"),
            "11200",
        ),
    ] {
        let output = hello(answer);
        assert_eq!(output.status.code(), Some(1), "{code}");
        assert!(err(&output).contains(code), "{code}: {}", err(&output));
    }
}

#[test]
fn a_worker_that_does_not_listen_is_explained() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}", free.local_addr().unwrap().port());
    drop(free);
    let output = say(&["Hello", "--worker", &url]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains(&format!(
            "nothing is listening at {url}: start it with npm start"
        )),
        "{}",
        err(&output)
    );
}

#[test]
fn a_missing_playground_is_not_a_failure() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}", free.local_addr().unwrap().port());
    drop(free);
    let worker = Worker::answering(twiml("<Response/>"), || {});
    let output = say(&["Hello", "--worker", &worker.url(), "--playground", &url]);
    worker.request();
    assert!(output.status.success());
    assert!(
        out(&output).contains("no playground at"),
        "{}",
        out(&output)
    );
}

#[test]
fn a_worker_beyond_loopback_is_rejected_before_anything_is_sent() {
    for url in [
        "http://192.0.2.1:8787",
        "https://switchboard.example.com",
        "http://127.0.0.1@192.0.2.1",
    ] {
        for option in ["--worker", "--playground"] {
            let output = say(&["Hello", option, url]);
            assert_eq!(output.status.code(), Some(2), "{option} {url}");
            assert!(err(&output).contains(url) && out(&output).is_empty());
        }
    }
}

#[test]
fn a_missing_token_is_explained() {
    let output = command().args(["say", "Hello"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("TWILIO_AUTH_TOKEN"));
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let worker = Worker::answering(
        twiml("<Response><Message>direct</Message></Response>"),
        || {},
    );
    let output = command()
        .args(["say", "Hello", "--no-wait", "--worker", &worker.url()])
        .env("TWILIO_AUTH_TOKEN", TOKENS[0])
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("http_proxy", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .output()
        .unwrap();
    assert!(out(&output).contains("direct"), "{}", err(&output));
    worker.request();
}

#[test]
fn an_attached_file_is_uploaded_to_the_playground() {
    let playground = Playground::start();
    let worker = Worker::answering(twiml("<Response/>"), || {});
    let file = std::env::temp_dir().join(format!("playground-say-{}.gif", std::process::id()));
    std::fs::write(&file, b"GIF89a").unwrap();
    let (worker_url, playground_url) = (worker.url(), playground.url(""));
    let named = file.to_str().unwrap();
    let output = say(&[
        "Look",
        "--no-wait",
        "--media",
        named,
        "--worker",
        &worker_url,
        "--playground",
        &playground_url,
    ]);
    std::fs::remove_file(&file).unwrap();
    assert!(output.status.success(), "{}", err(&output));
    let request = worker.request();
    let value = |name: &str| field(&request, name);
    assert_eq!(
        (value("NumMedia"), value("MediaContentType0")),
        ("1".to_owned(), "image/gif".to_owned())
    );
    assert!(
        value("MediaUrl0").starts_with(&format!("{playground_url}/2010-04-01/Accounts/")),
        "{}",
        value("MediaUrl0")
    );
}

#[test]
fn a_file_that_cannot_be_attached_is_named_and_nothing_is_posted() {
    let missing = say(&["--media", "no-such-file.png", "--no-wait"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        err(&missing).contains("--media no-such-file.png: neither an address nor a file"),
        "{}",
        err(&missing)
    );
}

#[test]
fn a_quote_a_button_and_a_form_are_sent_on_whatsapp_alone() {
    let send = |arguments: &[&str]| {
        let worker = Worker::answering(twiml("<Response/>"), || {});
        let url = worker.url();
        let all = [
            &["--no-wait", "--channel", "whatsapp", "--worker", &url],
            arguments,
        ]
        .concat();
        assert!(say(&all).status.success());
        worker.request()
    };
    let request = send(&["yes", "--quote", "SM0123456789abcdef0123456789abcdef"]);
    assert_eq!(
        field(&request, "OriginalRepliedMessageSid"),
        "SM0123456789abcdef0123456789abcdef"
    );
    let request = send(&["--button", "Book=table_7"]);
    for (name, value) in [
        ("Body", "Book"),
        ("ButtonText", "Book"),
        ("ButtonPayload", "table_7"),
    ] {
        assert_eq!(field(&request, name), value);
    }
    let request = send(&["--flow", "{\"guests\":\"4\"}"]);
    assert_eq!(field(&request, "InteractiveData"), "{\"guests\":\"4\"}");
    assert_eq!(field(&request, "MessageType"), "interactive");
    let output = say(&["Hello", "--quote", "SMx"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("need --channel whatsapp"));
}
