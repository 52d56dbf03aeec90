//! Starts the binary, speaks HTTP to it, and ends it with the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

pub const BINARY: &str = env!("CARGO_BIN_EXE_playground");
/// The second one is being rotated in.
pub const TOKENS: [&str; 2] = ["first-token", "second-token"];
pub const KEY: &str = "sk-playground-test";
pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

/// A running playground.
pub struct Playground {
    pub child: Child,
    pub port: u16,
    output: Option<BufReader<std::process::ChildStdout>>,
}

/// An answer to one request.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A command without the settings of whoever runs the tests.
pub fn command() -> Command {
    let mut command = Command::new(BINARY);
    for name in [
        "TWILIO_AUTH_TOKEN",
        "OPENAI_API_KEY",
        "ADMIN_TOKEN",
        "PSEUDONYM_KEY",
        "ORDERS_SECRET",
        "DESK_SECRET",
        "INTAKE_SECRET",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

impl Playground {
    pub fn start() -> Self {
        Self::start_with(&["--quiet", "--openai-api-key", KEY])
    }

    pub fn start_with(options: &[&str]) -> Self {
        let mut child = command()
            .args([
                "serve",
                "--port",
                "0",
                "--twilio-auth-token",
                &TOKENS.join(","),
            ])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let port = line
            .trim()
            .strip_prefix("playground listening on http://127.0.0.1:")
            .unwrap_or_else(|| panic!("not the ready line: {line:?}"))
            .parse()
            .unwrap();
        Self {
            child,
            port,
            output: Some(output),
        }
    }

    /// The next line of its output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.as_mut().unwrap().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .new_agent();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = agent.run(request.body(body).unwrap())?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_vec()?,
        })
    }

    /// Requests a completion of `messages`, given as pairs of role and content.
    pub fn ask(&self, messages: &[(&str, &str)]) -> Answer {
        self.complete(&chat(messages))
    }

    /// Requests a completion with the right credential.
    pub fn complete(&self, request: &Value) -> Answer {
        self.try_complete(request).unwrap()
    }

    pub fn try_complete(&self, request: &Value) -> Result<Answer, ureq::Error> {
        let headers = [
            ("authorization", format!("Bearer {KEY}")),
            ("content-type", "application/json".to_owned()),
        ];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.try_send(
            "POST",
            "/v1/chat/completions",
            &headers,
            request.to_string().as_bytes(),
        )
    }

    /// The text of an answer to `messages`.
    pub fn said(&self, messages: &[(&str, &str)]) -> String {
        let answer = self.ask(messages);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Posts a form to the mock Twilio with the right credential.
    pub fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_post_form(path, form).unwrap()
    }

    /// Posts JSON to the mock Twilio with the right credential.
    pub fn post_json(&self, path: &str, body: &Value) -> Answer {
        let credential = basic(ACCOUNT, TOKENS[0]);
        let headers = [
            ("authorization", credential.as_str()),
            ("content-type", "application/json"),
        ];
        self.send("POST", path, &headers, body.to_string().as_bytes())
    }

    pub fn try_post_form(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, ureq::Error> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let headers = [
            ("authorization", basic(ACCOUNT, TOKENS[0])),
            (
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            ),
        ];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.try_send("POST", path, &headers, form.as_bytes())
    }

    /// Creates a message with the right credential.
    pub fn create(&self, form: &[(&str, &str)]) -> Answer {
        self.post_form(&messages_path(), form)
    }

    /// Creates a plain message that says `body`.
    pub fn text_to(&self, to: &str, body: &str) -> Answer {
        self.create(&[("To", to), ("From", "+15550199"), ("Body", body)])
    }

    /// Reads from the mock Twilio with the right credential.
    pub fn get(&self, path: &str) -> Answer {
        self.send(
            "GET",
            path,
            &[("authorization", &basic(ACCOUNT, TOKENS[0]))],
            b"",
        )
    }

    /// Calls a control route.
    pub fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, &format!("/playground/{path}"), &[], body.as_bytes())
    }

    /// Orders a fault.
    pub fn fault(&self, fault: &Value) {
        let answer = self.control("POST", "faults", fault);
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    pub fn requests(&self) -> Vec<Value> {
        self.control("GET", "requests", &Value::Null).json()["requests"]
            .as_array()
            .unwrap()
            .clone()
    }

    pub fn sent_messages(&self) -> Vec<Value> {
        self.control("GET", "messages", &Value::Null).json()["messages"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Sends raw bytes and gives all that came back until the connection was closed, and how it was
    /// closed.
    pub fn raw(&self, request: &str) -> (Vec<u8>, std::io::Result<()>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut received = Vec::new();
        let end = stream.read_to_end(&mut received).map(|_| ());
        (received, end)
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` holds.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let clock = Instant::now();
    while !condition() {
        assert!(
            clock.elapsed() < Duration::from_secs(10),
            "waited in vain until {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn basic(user: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    )
}

pub fn messages_path() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
}

/// A request of `messages`, given as pairs of role and content.
pub fn chat(messages: &[(&str, &str)]) -> Value {
    let messages: Vec<Value> = messages
        .iter()
        .map(|(role, content)| json!({"role": role, "content": content}))
        .collect();
    json!({"model": "gpt-6-luna", "reasoning_effort": "none", "messages": messages})
}

/// The raw bytes of a request for a completion, on a connection that could be kept.
pub fn raw_chat(message: &str) -> String {
    let body = chat(&[("user", message)]).to_string();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A playground whose date is `date`.
pub fn on(date: &str) -> Playground {
    Playground::start_with(&["--quiet", "--openai-api-key", KEY, "--date", date])
}

/// A valid request with `changes`. `null` removes a field.
pub fn changed(changes: &Value) -> Value {
    let mut request = chat(&[("system", "Be kind."), ("user", "Hello")]);
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            request.as_object_mut().unwrap().remove(name);
        } else {
            request[name] = value.clone();
        }
    }
    request
}
