//! A mock Worker that answers calls: TwiML for its webhooks, and a relay on a WebSocket.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

use crate::harness::{Playground, wait_until};
use crate::mock_worker::{http, read_request};
use crate::page_client::post;

/// The WebSocket of the Worker.
pub type Socket = WebSocket<TcpStream>;

/// A mock Worker.
pub struct RelayWorker {
    pub url: String,
    posts: Arc<Mutex<Vec<String>>>,
    upgrades: Arc<Mutex<Vec<String>>>,
    /// The sessions that have ended. `false`: its relay panicked.
    sessions: Arc<Mutex<Vec<bool>>>,
}

impl Drop for RelayWorker {
    /// A relay that panicked fails the test.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let opened = self.upgrades().len();
        wait_until("all sessions have ended", || {
            self.sessions.lock().unwrap().len() == opened
        });
        assert!(
            self.sessions.lock().unwrap().iter().all(|ok| *ok),
            "a relay panicked"
        );
    }
}

/// The phone that calls, and the number.
pub const FROM: &str = "+15550100";
pub const TO: &str = "+15550199";

impl RelayWorker {
    /// A Worker whose webhooks are answered by `twiml`, which gets the path, the request and the
    /// Worker's authority, and whose relay is `relay`, which gets the number of the session.
    pub fn start(
        twiml: impl Fn(&str, &str, &str) -> String + Send + Sync + 'static,
        relay: impl Fn(Socket, usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let url = format!("http://{authority}");
        let posts = Arc::new(Mutex::new(Vec::new()));
        let upgrades = Arc::new(Mutex::new(Vec::new()));
        let sessions = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::clone(&sessions);
        let (kept, opened) = (Arc::clone(&posts), Arc::clone(&upgrades));
        let (twiml, relay) = (Arc::new(twiml), Arc::new(relay));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, opened) = (Arc::clone(&kept), Arc::clone(&opened));
                let ended = Arc::clone(&ended);
                let (twiml, relay) = (Arc::clone(&twiml), Arc::clone(&relay));
                let authority = authority.clone();
                std::thread::spawn(move || {
                    let mut stream = stream;
                    let head = peek_head(&stream);
                    let is_upgrade = head.to_ascii_lowercase().contains("upgrade: websocket");
                    if is_upgrade && !path_of(&head).ends_with("/refused") {
                        let number = {
                            let mut opened = opened.lock().unwrap();
                            opened.push(head);
                            opened.len()
                        };
                        let session = std::panic::AssertUnwindSafe(|| {
                            relay(accept(stream).unwrap(), number);
                        });
                        let result = std::panic::catch_unwind(session);
                        ended.lock().unwrap().push(result.is_ok());
                        return;
                    }
                    let Some(request) = read_request(&mut stream) else {
                        return;
                    };
                    kept.lock().unwrap().push(request.clone());
                    let path = path_of(&request);
                    let answer = match path.as_str() {
                        "/twilio/voice/status" => http("204 No Content", "text/plain", ""),
                        _ if is_upgrade => http("403 Forbidden", "text/plain", "Forbidden"),
                        _ => http("200 OK", "text/xml", &twiml(&path, &request, &authority)),
                    };
                    // The playground may have hung up.
                    let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
                });
            }
        });
        Self {
            url,
            posts,
            upgrades,
            sessions,
        }
    }

    /// A playground whose phones call this Worker, with a clock that runs 20 times as fast.
    pub fn playground(&self) -> Playground {
        let worker = ["--quiet", "--worker", &self.url, "--call-speed", "20"];
        Playground::start_with(&worker)
    }

    /// The webhooks so far.
    pub fn posts(&self) -> Vec<String> {
        self.posts.lock().unwrap().clone()
    }

    /// The webhooks to a path so far.
    pub fn posts_to(&self, path: &str) -> Vec<String> {
        let mut posts = self.posts();
        posts.retain(|request| path_of(request) == path);
        posts
    }

    /// The heads of the upgrades so far.
    pub fn upgrades(&self) -> Vec<String> {
        self.upgrades.lock().unwrap().clone()
    }
}

/// A Worker that connects each call to its relay, and answers the action with `after`.
pub fn relayed(
    attributes: &'static str,
    after: &'static str,
    relay: impl Fn(Socket, usize) + Send + Sync + 'static,
) -> RelayWorker {
    RelayWorker::start(
        move |path, _, authority| match path {
            "/twilio/voice" => connect(authority, attributes),
            _ => after.to_owned(),
        },
        relay,
    )
}

/// TwiML that connects to the relay of the Worker at `authority`.
pub fn connect(authority: &str, attributes: &str) -> String {
    format!(
        "<Response><Connect action=\"http://{authority}/twilio/voice/ended\"><ConversationRelay \
         url=\"ws://{authority}/twilio/relay/a/b\" events=\"speaker-events tokens-played\" \
         {attributes}/></Connect></Response>"
    )
}

pub const EMPTY: &str = "<Response/>";

/// Waits for the next message of the playground, and reads it. `None`: the socket is closed.
pub fn receive(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Waits for a message of this type.
pub fn receive_type(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let frame = receive(socket).unwrap_or_else(|| panic!("no {kind} came"));
        if frame["type"] == kind {
            return frame;
        }
    }
}

pub fn say(socket: &mut Socket, frame: &Value) {
    socket.send(Message::text(frame.to_string())).unwrap();
}

/// Reads until the socket is closed.
pub fn until_closed(socket: &mut Socket) {
    while receive(socket).is_some() {}
}

/// A call on a playground.
pub struct Call<'p> {
    pub playground: &'p Playground,
    pub sid: String,
}

impl<'p> Call<'p> {
    pub fn start(playground: &'p Playground, faults: &Value) -> Self {
        let order = json!({"from": FROM, "to": TO, "faults": faults});
        let answer = post(playground, "/playground/calls", &order);
        assert_eq!(answer.status, 202, "{}", answer.text());
        let sid = answer.json()["sid"].as_str().unwrap().to_owned();
        Self { playground, sid }
    }

    /// What the person does.
    pub fn act(&self, action: &Value) {
        let answer = post(self.playground, &self.path(), action);
        assert_eq!(answer.status, 202, "{action}: {}", answer.text());
    }

    pub fn path(&self) -> String {
        format!("/playground/calls/{}", self.sid)
    }

    pub fn events(&self) -> Vec<Value> {
        let shown = self.playground.send("GET", &self.path(), &[], b"").json();
        shown["events"].as_array().unwrap().clone()
    }

    /// Waits for an event that `is_it`, and returns it.
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let events = self.events();
            if let Some(event) = events.iter().find(|event| is_it(event)) {
                return event.clone();
            }
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "waited in vain for {what}: {events:#?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for an event of this name.
    pub fn event(&self, name: &str) -> Value {
        self.wait_for(name, |event| event["event"] == name)
    }

    /// Waits until the call is over and its status callback is posted.
    pub fn over(&self) -> Value {
        self.event("reported");
        self.event("over")
    }

    /// The codes of the errors.
    pub fn alerts(&self) -> Vec<u64> {
        let alerts = self.events();
        let alerts = alerts.iter().filter(|event| event["event"] == "alert");
        alerts
            .map(|event| event["code"].as_u64().unwrap())
            .collect()
    }
}

fn path_of(request: &str) -> String {
    request.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The head of the request, which stays in the stream.
fn peek_head(stream: &TcpStream) -> String {
    let mut buffer = [0; 4096];
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let count = stream.peek(&mut buffer).unwrap_or(0);
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        if count == 0 || text.contains("\r\n\r\n") {
            return text.split("\r\n\r\n").next().unwrap_or_default().to_owned();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    String::new()
}
