//! [`Call`]: a phone call as Twilio conducts it, on a [`FakePlatform`]: signed webhooks, the upgrade of the socket, and
//! frames in both directions.
//!
//! Not here: how Twilio speaks and listens, which tests say by frames.

use std::{cell::Cell, time::Duration};

use quick_xml::{Reader, escape::unescape, events::Event};
use serde_json::{Value, json};
use switchboard::{
    http::{self, Response, Upgrade},
    platform::Clock,
};

use super::{FakePlatform, Incoming, MadeCall, NUMBER, ORIGIN, TOKEN, signature::sign_text};

/// A call from one number to [`NUMBER`], or one that the Worker makes from there.
pub struct Call {
    pub fake: FakePlatform,
    pub sid: String,
    /// The person's number.
    from: String,
    /// The query of the webhooks of a call that the Worker makes.
    query: Option<String>,
    /// The session that is open.
    pub session: u32,
    /// The number of frames that were read.
    read: Cell<usize>,
}

/// An element of TwiML with its attributes and its text.
#[derive(Debug, PartialEq)]
pub struct Verb {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
}

impl Verb {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Call {
    /// A call that has not come yet.
    pub fn new(fake: &FakePlatform, number: u32) -> Self {
        Self {
            fake: fake.clone(),
            sid: format!("CA{number:032x}"),
            from: "+15550100".to_owned(),
            query: None,
            session: 0,
            read: Cell::default(),
        }
    }

    /// A call that the Worker has made, and nobody has answered yet.
    pub fn made(fake: &FakePlatform, made: &MadeCall) -> Self {
        assert_eq!(made.form["From"], NUMBER);
        let (url, query) = made.form["Url"].split_once('?').unwrap();
        assert_eq!(url, format!("{ORIGIN}/twilio/voice"));
        assert_eq!(
            made.form["StatusCallback"],
            format!("{ORIGIN}/twilio/voice/status?{query}")
        );
        Self {
            sid: made.sid.clone(),
            from: made.form["To"].clone(),
            query: Some(query.to_owned()),
            ..Self::new(fake, 0)
        }
    }

    /// The person has answered, and the call was connected and greeted.
    pub async fn answered(&mut self) -> Vec<Verb> {
        let verbs = self
            .webhook("/twilio/voice", &[("CallStatus", "in-progress")])
            .await;
        self.open(&verbs).await;
        self.set_up().await;
        verbs
    }

    /// A call that was connected and greeted.
    pub async fn connected(fake: &FakePlatform) -> Self {
        let mut call = Self::new(fake, 1);
        let verbs = call.dial().await;
        call.open(&verbs).await;
        call.set_up().await;
        call
    }

    pub fn from(mut self, from: &str) -> Self {
        from.clone_into(&mut self.from);
        self
    }

    /// The name of the call's object.
    pub fn name(&self) -> String {
        if let Some(query) = &self.query {
            return query.strip_prefix("call=").unwrap().to_owned();
        }
        let key = &self.fake.config().pseudonym_key;
        key.call(&self.sid.parse().unwrap()).as_str().to_owned()
    }

    /// The call comes in.
    pub async fn dial(&self) -> Vec<Verb> {
        self.webhook("/twilio/voice", &[("CallStatus", "ringing")])
            .await
    }

    /// A webhook of the call, with these fields beside the usual ones.
    pub async fn webhook(&self, path: &str, fields: &[(&str, &str)]) -> Vec<Verb> {
        let response = self.response(path, fields).await;
        assert_eq!(response.status, 200, "{}", response.body);
        verbs(&response.body)
    }

    pub async fn response(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let person = self.from.as_str();
        let (from, to, direction) = match self.query {
            None => (person, NUMBER, "inbound"),
            Some(_) => (NUMBER, person, "outbound-api"),
        };
        let usual = [
            ("CallSid", self.sid.as_str()),
            ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
            ("From", from),
            ("Caller", from),
            ("To", to),
            ("Called", to),
            ("Direction", direction),
            ("ApiVersion", "2010-04-01"),
        ];
        // The URL of an action comes from the TwiML, with its query.
        let query = self.query.as_ref().filter(|_| !path.contains('?'));
        let query = query.map_or(String::new(), |query| format!("?{query}"));
        let fields = [&usual, fields].concat();
        post(&self.fake, &format!("{path}{query}"), &fields).await
    }

    /// The upgrade of a socket at this URL, signed as Twilio signs it.
    pub fn upgrade(&self, url: &str) -> Upgrade {
        let path = url.strip_prefix("wss://example.com").unwrap();
        let mut request = Incoming::new("GET", path);
        request.headers.push(("Upgrade", "websocket".to_owned()));
        request
            .headers
            .push(("X-Twilio-Signature", sign_text(TOKEN, url)));
        http::upgrade(&self.fake, Ok(self.fake.config()), &request)
    }

    /// Opens the socket of an answer.
    pub async fn open(&mut self, verbs: &[Verb]) {
        let relay = verbs
            .iter()
            .find(|verb| verb.name == "ConversationRelay")
            .unwrap();
        let Upgrade::Verified(relay) = self.upgrade(relay.attribute("url").unwrap()) else {
            panic!("the upgrade is refused");
        };
        let phone = self.fake.phone(relay.call.as_str());
        let session = phone.connect(&relay.secret).await.unwrap();
        self.session = session.expect("the secret is right");
    }

    pub async fn set_up(&self) {
        self.frame(json!({
            "type": "setup", "sessionId": format!("VX{:032x}", self.session), "callSid": self.sid,
            "from": self.from, "to": NUMBER, "direction": "inbound", "callStatus": "RINGING",
        }))
        .await;
    }

    /// A frame from Twilio.
    pub async fn frame(&self, frame: Value) {
        let phone = self.fake.phone(&self.name());
        phone.frame(self.session, &frame.to_string()).await;
    }

    /// The caller has said this.
    pub async fn says(&self, text: &str) {
        self.frame(json!({ "type": "prompt", "voicePrompt": text, "lang": "en-US", "last": true }))
            .await;
    }

    /// The caller cuts in after these words.
    pub async fn cuts_in(&self, heard: &str) {
        self.frame(json!({ "type": "interrupt", "utteranceUntilInterrupt": heard, "durationUntilInterruptMs": 900 }))
            .await;
    }

    /// The socket is lost, and Twilio opens the next one.
    pub async fn reconnects(&mut self) {
        self.fake.phone(&self.name()).closed(self.session).await;
        let verbs = self.ended("failed", "in-progress").await;
        self.open(&verbs).await;
        self.set_up().await;
    }

    /// The caller presses these keys, one after the other.
    pub async fn presses(&self, keys: &str) {
        for key in keys.chars() {
            self.frame(json!({ "type": "dtmf", "digit": key.to_string() }))
                .await;
        }
    }

    pub async fn info(&self, name: &str, value: &str) {
        self.frame(json!({ "type": "info", "name": name, "value": value }))
            .await;
    }

    /// Twilio has played something to its end.
    pub async fn played(&self) {
        self.info("agentSpeaking", "on").await;
        self.info("agentSpeaking", "off").await;
    }

    /// Time passes.
    pub async fn after(&self, time: Duration) {
        self.fake.sleep(time).await;
    }

    /// The frames that were sent since the last look.
    pub fn sent(&self) -> Vec<Value> {
        let frames = self.fake.frames();
        let new = frames[self.read.replace(frames.len())..].iter();
        new.filter(|(_, session, _)| *session == self.session)
            .map(|(_, _, frame)| serde_json::from_str(frame).unwrap())
            .collect()
    }

    /// What was said since the last look, without the marks.
    pub fn said(&self) -> String {
        let sent = self.sent();
        sent.iter()
            .filter_map(|frame| frame["token"].as_str())
            .collect()
    }

    /// The action of `<Connect>`.
    pub async fn ended(&self, status: &str, call_status: &str) -> Vec<Verb> {
        let session = format!("VX{:032x}", self.session);
        let fields = [
            ("SessionId", session.as_str()),
            ("SessionStatus", status),
            ("CallStatus", call_status),
            ("SessionDuration", "12"),
        ];
        self.webhook("/twilio/voice/ended", &fields).await
    }

    /// The caller hangs up: the socket closes, and the action comes.
    pub async fn hangs_up(&self) {
        self.fake.phone(&self.name()).closed(self.session).await;
        self.after(Duration::from_millis(600)).await;
        self.ended("completed", "completed").await;
    }
}

/// A webhook of Twilio's voice side with these fields and no others.
pub async fn post(fake: &FakePlatform, path: &str, fields: &[(&str, &str)]) -> Response {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let fields: Vec<_> = fields.iter().map(owned).collect();
    let mut request = Incoming::signed(&fields);
    request.url = format!("{ORIGIN}{path}");
    request.sign(TOKEN, &fields);
    let config = fake.config().clone();
    http::handle(fake, Ok(&config), &mut request).await
}

/// The elements of TwiML, without `Response` and the frames around them.
pub fn verbs(xml: &str) -> Vec<Verb> {
    let mut reader = Reader::from_str(xml);
    let mut verbs: Vec<Verb> = Vec::new();
    let verb = |tag: &quick_xml::events::BytesStart<'_>| Verb {
        name: tag.name().as_ref().to_owned(),
        attributes: tag
            .attributes()
            .map(|attribute| {
                let attribute = attribute.unwrap();
                let value = unescape(&attribute.value).unwrap().into_owned();
                (attribute.key.as_ref().to_owned(), value)
            })
            .collect(),
        text: String::new(),
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() != "Response" => {
                verbs.push(verb(&tag));
            }
            Event::Text(text) => {
                if let Some(verb) = verbs.last_mut() {
                    verb.text.push_str(&text);
                }
            }
            Event::GeneralRef(name) => {
                let text = unescape(&format!("&{};", &*name)).unwrap().into_owned();
                verbs.last_mut().unwrap().text.push_str(&text);
            }
            Event::Eof => return verbs,
            _ => {}
        }
    }
}

/// A stream of the model: words, with this many milliseconds between them.
pub fn streamed(words: &[&str], gap: u64) -> super::Act {
    let mut pieces = spoken(words, gap);
    pieces.push(chunk(&json!({}), "stop".into()));
    pieces.push(super::Piece::Bytes(b"data: [DONE]\n\n".to_vec()));
    super::Act::Stream(pieces)
}

/// The same, which breaks off after the last word.
pub fn broken_off(words: &[&str], gap: u64) -> super::Act {
    let mut pieces = spoken(words, gap);
    pieces.push(super::Piece::Break);
    super::Act::Stream(pieces)
}

fn spoken(words: &[&str], gap: u64) -> Vec<super::Piece> {
    let word = |word| chunk(&json!({ "content": word }), Value::Null);
    let words = words.iter();
    words
        .flat_map(|one| [super::Piece::Silence(gap), word(one)])
        .collect()
}

fn chunk(delta: &Value, finish: Value) -> super::Piece {
    let chunk = json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
    super::Piece::Bytes(format!("data: {chunk}\n\n").into_bytes())
}

/// A stream of the model that calls a tool.
pub fn calls(name: &str, arguments: &str) -> super::Act {
    let function = json!({ "name": name, "arguments": arguments });
    let call = json!({ "index": 0, "id": "c1", "type": "function", "function": function });
    let chunk = json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [call] }, "finish_reason": "tool_calls" }] });
    let bytes = format!("data: {chunk}\n\ndata: [DONE]\n\n").into_bytes();
    super::Act::Stream(vec![super::Piece::Bytes(bytes)])
}

/// Lets everything run that is ready.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
