//! A page of the playground: it watches the feed, sends messages and sets switches.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Answer, Playground};
use crate::mock_worker::PSEUDONYM_KEY;

/// A page that watches the feed.
pub struct Watcher {
    lines: std::io::Lines<BufReader<TcpStream>>,
    pub last_id: String,
}

impl Watcher {
    /// Opens the feed, after the event that the page saw last.
    pub fn open(playground: &Playground, last_id: Option<&str>) -> Self {
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

    /// The next event.
    pub fn next(&mut self) -> Value {
        loop {
            let line = self
                .lines
                .next()
                .expect("the feed goes on")
                .expect("an event comes");
            if let Some(id) = line.strip_prefix("id: ") {
                id.clone_into(&mut self.last_id);
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// The next event of `kind`. Others are ignored.
    pub fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next();
            if event["type"] == kind {
                return event;
            }
        }
    }
}

/// Posts JSON.
pub fn post(playground: &Playground, path: &str, body: &Value) -> Answer {
    playground.send(
        "POST",
        path,
        &[("content-type", "application/json")],
        body.to_string().as_bytes(),
    )
}

/// Sends a message from the first phone, and returns its SID.
pub fn send(playground: &Playground, text: &str) -> String {
    let order = json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "text": text});
    let answer = post(playground, "/playground/phone/messages", &order);
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["sid"].as_str().unwrap().to_owned()
}

/// Sets the switches of one phone, or of all.
pub fn switch(playground: &Playground, phone: Option<(&str, &str)>, switches: &Value) -> Answer {
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

/// The pseudonym of a pair of addresses, as the Worker computes it.
pub fn name_of(from: &str, to: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(PSEUDONYM_KEY.as_bytes()).unwrap();
    mac.update(format!("pair\0{from}\0{to}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
