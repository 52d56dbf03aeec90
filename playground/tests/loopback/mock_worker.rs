//! A mock Worker, and what it reads in a request.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use crate::harness::{Playground, TOKENS};

pub const PSEUDONYM_KEY: &str = "a key of pseudonyms for tests, 32 characters";
pub const ADMIN_TOKEN: &str = "an admin token for tests, 32 characters long";

/// A mock Worker. It answers every request and keeps it.
pub struct Worker {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Worker {
    /// A Worker that answers with `answer`, which is raw HTTP.
    pub fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
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

    /// A Worker whose every answer is one message.
    pub fn saying(text: &'static str) -> Self {
        Self::start(move |_| {
            http(
                "200 OK",
                "text/xml",
                &format!("<Response><Message>{text}</Message></Response>"),
            )
        })
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A playground whose phones write to this Worker.
    pub fn playground(&self) -> Playground {
        Playground::start_with(&[
            "--quiet",
            "--worker",
            &self.url,
            "--pseudonym-key",
            PSEUDONYM_KEY,
            "--admin-token",
            ADMIN_TOKEN,
        ])
    }
}

/// Reads one request. `None`: the connection ended before.
pub fn read_request(stream: &mut TcpStream) -> Option<String> {
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

/// A raw answer.
pub fn http(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The value of a header.
pub fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map_or("", |(_, value)| value)
}

/// The form in a request.
pub fn form_of(request: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(request.split_once("\r\n\r\n").unwrap().1.as_bytes())
        .into_owned()
        .collect()
}

/// A parameter in a request.
pub fn field(request: &str, name: &str) -> String {
    form_of(request)
        .into_iter()
        .find(|(other, _)| other == name)
        .map(|(_, value)| value)
        .unwrap_or_default()
}

/// Whether the request carries the signature of the playground's first token, for a message.
pub fn is_signed(request: &str, url: &str) -> bool {
    is_signed_for(request, &format!("{url}/twilio/messages"))
}

/// The same for any URL.
pub fn is_signed_for(request: &str, url: &str) -> bool {
    let mut form = form_of(request);
    form.sort();
    let signed: String = form
        .into_iter()
        .map(|(name, value)| name + &value)
        .collect();
    header(request, "x-twilio-signature") == signature_of(&format!("{url}{signed}"))
}

/// The signature of a text by the playground's first token.
pub fn signature_of(text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKENS[0].as_bytes()).unwrap();
    mac.update(text.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}
