//! The fuzz targets: each takes any bytes, gives them to one parser, and checks what must hold of the outcome.
//!
//! Shared by the binaries for `cargo fuzz` (`fuzz_targets/`) and the property tests (`tests/fuzz_targets.rs`, which includes
//! this file by its path). A breach is a panic. Not here: where the bytes come from.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a broken property must fail loudly"
)]

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{FutureExt, future::LocalBoxFuture};
use hmac::{Hmac, KeyInit, Mac};
use quick_xml::{Reader, events::Event};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use switchboard::{
    budget::{Budget, Item, Reservation, ReserveCall},
    config::{Config, Secret},
    conversation::{Conversation, MAX_CHARS, MAX_TURNS},
    message::{self, Input, Message},
    openai::{self, Failure, MAX_RETRIES},
    platform::{
        Batch, Budgets, Clock, Http, HttpError, HttpRequest, HttpResponse, Kv, Log, PlatformError,
        Random, Spawn, Storage, Stored, UnixMillis,
    },
    pseudonym::Pseudonym,
    sender::{Reply, Sender, SenderCall},
    twilio::{
        form::{Form, FormError},
        parts::{self, MAX_PART_UNITS, MAX_PARTS},
        signature::{SignatureError, verify_form, verify_json},
        twiml,
    },
    usage::Tally,
};

/// The name of a target, which is that of its binary and its corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 4] = [
    ("form_signature", form_signature),
    ("twiml_parts", twiml_parts),
    ("openai_response", openai_response),
    ("stored_state", stored_state),
];

const TOKEN: &str = "a-token-that-is-in-no-corpus-file";

/// A form and its signature. The bytes are a line with the URL, a line with the signature header, and the body.
pub fn form_signature(data: &[u8]) {
    let [url, header, body] = lines(data);
    let (url, header) = (
        String::from_utf8_lossy(url),
        String::from_utf8_lossy(header),
    );
    let tokens = [
        Secret::new("another token".into()),
        Secret::new(TOKEN.into()),
    ];
    json_is_verified_as_a_whole(&url, &header, body, &tokens);

    let lenient: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let form = match Form::parse(body) {
        Ok(form) => form,
        Err(FormError::PercentEncoding) => return assert!(has_broken_percent(body)),
        Err(FormError::Utf8) => {
            return assert!(
                lenient
                    .iter()
                    .any(|(key, value)| format!("{key}{value}").contains('\u{FFFD}'))
            );
        }
    };
    assert!(!has_broken_percent(body));
    assert_eq!(
        form.pairs()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect::<Vec<_>>(),
        lenient,
        "a well-formed body is read as every library reads it"
    );
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&lenient)
        .finish();
    assert_eq!(Form::parse(encoded.as_bytes()).as_ref(), Ok(&form));

    let refused =
        verify_form(&url, form.clone(), Some(&header), &tokens).expect_err("nobody signed this");
    let malformed = BASE64_STANDARD
        .decode(&*header)
        .map_or(true, |bytes| bytes.len() != 20);
    assert_eq!(
        refused,
        if header.is_empty() {
            SignatureError::Missing
        } else {
            malformed_or_wrong(malformed)
        }
    );

    let signature = sign(&url, &signed_text(&form));
    let verified = verify_form(&url, form.clone(), Some(&signature), &tokens)
        .expect("what is signed verifies");
    assert_eq!((verified.get(), verified.token()), (&form, 1));
    let elsewhere = verify_form(&format!("{url}x"), form.clone(), Some(&signature), &tokens);
    assert_eq!(elsewhere, Err(SignatureError::Mismatch), "another URL");
    if let Ok(changed) = Form::parse(&with_a_byte_changed(body)) {
        // What is signed has no separators, so some forms share their signature: then, and only then, it stays good.
        let same = signed_text(&changed) == signed_text(&form);
        assert_eq!(
            verify_form(&url, changed, Some(&signature), &tokens).is_ok(),
            same,
            "a changed byte"
        );
    }
    if let Ok(message) = Message::from_form(&form, 100) {
        assert!(!message.from.is_short_code());
        if let Input::Text(text) = &message.input {
            assert!(
                !text.is_empty() && text.chars().count() <= 100 && message::clean(text) == *text
            );
        }
    }
}

fn json_is_verified_as_a_whole(url: &str, header: &str, body: &[u8], tokens: &[Secret]) {
    assert!(
        verify_json(url, body, Some(header), tokens).is_err(),
        "nobody signed this"
    );
    let hash: String = Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let base = url.split(['?', '#']).next().unwrap_or_default();
    let url = format!("{base}?bodySHA256={hash}");
    let signature = sign(&url, "");
    let verified =
        verify_json(&url, body, Some(&signature), tokens).expect("what is signed verifies");
    assert_eq!((*verified.get(), verified.token()), (body, 1));
    let changed =
        verify_json(&url, &with_a_byte_changed(body), Some(&signature), tokens).map(|_| ());
    assert_eq!(changed, Err(SignatureError::Mismatch), "a changed byte");
}

/// An answer on its way to Twilio. The bytes are its text.
pub fn twiml_parts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parts = parts::split(&text);
    assert!(parts.len() <= MAX_PARTS);
    assert!(
        parts
            .iter()
            .all(|part| !part.trim().is_empty() && part.encode_utf16().count() <= MAX_PART_UNITS)
    );
    let visible = |text: &str| text.split_whitespace().collect::<String>();
    let (said, whole) = (visible(&parts.concat()), visible(&text));
    if said != whole {
        assert_eq!(
            parts.len(),
            MAX_PARTS,
            "only what no ten parts hold is left out"
        );
        assert!(
            said.strip_suffix('…')
                .is_some_and(|said| whole.starts_with(said)),
            "and that is marked, and at the end"
        );
    }

    let xml = twiml::messages(&parts).expect("writing to memory");
    assert!(!xml.contains(is_forbidden_in_xml));
    let kept = parts
        .iter()
        .map(|part| one_line_end(&part.replace(is_forbidden_in_xml, "")));
    let read: Vec<String> = read_messages(&xml)
        .iter()
        .map(|text| one_line_end(text))
        .collect();
    assert_eq!(read, kept.collect::<Vec<_>>());
}

/// An answer of OpenAI's. The bytes are a line with the status, a line with `Retry-After`, and the body.
pub fn openai_response(data: &[u8]) {
    let [status, retry_after, body] = lines(data);
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|status| status.parse().ok())
        .unwrap_or(200);
    let response = HttpResponse {
        status,
        retry_after: None,
        location: None,
        body: body.to_vec(),
    };
    let openai::Decoded { result, tokens } = openai::decode(Ok(&response));
    if status != 200 {
        assert_eq!(
            tokens,
            openai::Tokens::default(),
            "only a completion is charged"
        );
    }
    match result {
        Ok(completion) => {
            assert_eq!(status, 200);
            // Null where a field that we do not read is broken; arrays, which serde takes for a struct, are left aside as well.
            let json: Value = serde_json::from_slice(body).unwrap_or_default();
            let message = &json["choices"][0]["message"];
            if message.is_object() {
                let field = if completion.remark == Some("refusal") {
                    "refusal"
                } else {
                    "content"
                };
                let said = message[field].as_str().unwrap_or_default().trim();
                let ellipsis = if completion.remark == Some("length") {
                    "…"
                } else {
                    ""
                };
                assert_eq!(
                    completion.text,
                    format!("{said}{ellipsis}"),
                    "the text is the model's"
                );
            }
            assert!(!completion.text.trim().is_empty());
            assert!(matches!(
                completion.remark,
                None | Some("length" | "refusal")
            ));
            assert!(completion.text.len() <= body.len() + "…".len());
        }
        Err(failure) => {
            let expected = match status {
                200 => matches!(
                    failure,
                    Failure::Unexpected | Failure::Empty | Failure::TokenLimit | Failure::Filtered
                ),
                401 | 403 => failure == Failure::Unauthorized,
                429 => matches!(failure, Failure::Busy | Failure::InsufficientQuota),
                400..=499 => matches!(failure, Failure::Busy | Failure::Rejected),
                500..=599 => failure == Failure::ServerError,
                _ => failure == Failure::Unexpected,
            };
            assert!(expected, "{status} is no {}", failure.label());
            waits_stay_within_their_time(failure, &String::from_utf8_lossy(retry_after));
        }
    }
}

fn waits_stay_within_their_time(failure: Failure, retry_after: &str) {
    let passing = matches!(
        failure,
        Failure::Busy | Failure::ServerError | Failure::Connection
    );
    for retries in 0..=MAX_RETRIES {
        let wait = openai::retry_after(
            failure,
            Some(retry_after),
            NOW,
            retries,
            Duration::from_secs(30),
            0.5,
        );
        assert!(wait.is_none_or(|wait| passing
            && retries < MAX_RETRIES
            && wait < Duration::from_secs(30)
            && !wait.is_zero()));
    }
}

/// What a store gives back. The bytes are the text of a conversation, of a sender's state and of the budget alike.
pub fn stored_state(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    stored_conversation(&text);
    stored_budget(&text);
    stored_sender(&text);
}

fn stored_conversation(text: &str) {
    let Ok(conversation) = Conversation::decode(text) else {
        return;
    };
    let chars = conversation
        .turns()
        .iter()
        .map(|turn| turn.user.chars().count() + turn.assistant.chars().count());
    assert!(conversation.turns().len() <= MAX_TURNS && chars.sum::<usize>() <= MAX_CHARS);
    let encoded = conversation.encode().expect("writing to memory");
    assert_eq!(Conversation::decode(&encoded), Ok(conversation));
}

fn stored_budget(text: &str) {
    const CAP: u32 = 3;
    let object = Object::holding("used", text);
    let budget = Budget::new(object.clone());
    let outcomes = (0..5)
        .map(|_| {
            at_once(budget.reserve(
                ReserveCall {
                    item: Item::ModelRequest,
                    cap: CAP,
                    tally: Tally::EMPTY,
                },
                NOW,
            ))
        })
        .collect::<Vec<_>>();
    let granted = outcomes
        .iter()
        .filter(|outcome| **outcome == Ok(Reservation::Granted))
        .count();
    assert!(granted <= CAP as usize, "never beyond the cap");
    let stored = object.value("used");
    assert!(outcomes.iter().all(Result::is_ok), "damage is no error");
    if object.logged("budget_unreadable") {
        assert!(
            granted == 0 && stored.contains(r#""exhausted":true"#),
            "a count that cannot be read is used up, durably"
        );
    }
    if granted > 0 {
        let json: Value = serde_json::from_str(&stored).expect("the count is JSON");
        assert!(
            json["calls"]
                .as_u64()
                .is_some_and(|calls| (granted as u64..=CAP.into()).contains(&calls)),
            "what is granted is counted"
        );
    }
    let before: Value = serde_json::from_str(text).unwrap_or_default();
    let number = |name: &str| before[name].as_u64().unwrap_or_default();
    if number("day") >= NOW.utc_day() && number("calls") >= CAP.into() {
        assert_eq!(granted, 0, "a day that is used up stays so");
    }
}

fn stored_sender(text: &str) {
    let object = Object::holding("state", text);
    let sender = object.start();
    let reply = object.deliver(&sender, FRESH);
    let unreadable = object.logged("state_unreadable");
    if unreadable {
        assert_eq!(
            (&reply, object.0.asked.get()),
            (&Reply::Text("answer".into()), 1),
            "met as a stranger, who is answered"
        );
    }
    let asked = object.0.asked.get();
    let again = object.deliver(&sender, FRESH);
    if let Reply::Text(text) = &reply {
        assert!(!text.is_empty());
        assert_eq!(again, reply, "a copy gets the same");
    }
    assert_eq!(object.0.asked.get(), asked, "a copy asks nobody");
    if !unreadable {
        // Ids that the corpus uses, so that what the state says of them is read as well.
        for known in KNOWN {
            object.deliver(&sender, known);
        }
    }
    object.ring_until_quiet(&sender);
    assert!(
        object.0.asked.get() <= object.0.reserved.get(),
        "no request that is not reserved"
    );
    if unreadable {
        return assert!(
            object.0.values.borrow().is_empty(),
            "nothing is left after the conversation's time"
        );
    }
    object.0.log.borrow_mut().clear();
    object.deliver(&object.start(), AFTER_RESTART);
    assert!(
        !object.logged("state_unreadable"),
        "what it stores it can read"
    );
}

/// 2026-11-22T12:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_348_800_000);
const FRESH: &str = "SM0000000000000000000000000000f001";
const AFTER_RESTART: &str = "SM0000000000000000000000000000f002";
const KNOWN: [&str; 3] = [
    "SM000000000000000000000000000000aa",
    "SM000000000000000000000000000000ab",
    "SM000000000000000000000000000000ac",
];

/// The platform of one sender object, in which nothing ever waits: every future is ready when it is first polled.
#[derive(Clone, Debug, Default)]
struct Object(Rc<Inner>);

#[derive(Default)]
struct Inner {
    now: Cell<u64>,
    looks_at_the_clock: Cell<u32>,
    values: RefCell<BTreeMap<String, String>>,
    alarm: Cell<Option<UnixMillis>>,
    /// What KV gives for every key.
    kv: String,
    asked: Cell<u32>,
    reserved: Cell<u32>,
    sent: Cell<u32>,
    log: RefCell<Vec<String>>,
    tasks: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inner")
    }
}

impl Object {
    fn holding(key: &str, value: &str) -> Self {
        let values = RefCell::new([(key.to_owned(), value.to_owned())].into());
        Self(Rc::new(Inner {
            now: Cell::new(NOW.0),
            values,
            kv: value.to_owned(),
            ..Inner::default()
        }))
    }

    fn start(&self) -> Sender<Self> {
        thread_local! {
            static CONFIG: Rc<Config> = Rc::new(Config::parse(setting).expect("the settings are valid"));
        }
        Sender::new(
            self.clone(),
            CONFIG.with(Rc::clone),
            Pseudonym::from_object_name("ab".repeat(32)),
        )
    }

    fn deliver(&self, sender: &Sender<Self>, sid: &str) -> Reply {
        let reply =
            at_once(sender.deliver(call(sid))).expect("storage works, so a message is answered");
        self.finish_tasks();
        reply
    }

    /// Rings whenever an alarm is set, as often as an ordinary conversation needs it and more.
    fn ring_until_quiet(&self, sender: &Sender<Self>) {
        for _ in 0..12 {
            let Some(at) = self.0.alarm.take() else {
                return;
            };
            self.0.now.set(self.0.now.get().max(at.0));
            at_once(sender.alarm()).expect("storage works, so the alarm does");
            self.finish_tasks();
        }
    }

    fn finish_tasks(&self) {
        loop {
            let Some(task) = self.0.tasks.borrow_mut().pop() else {
                return;
            };
            at_once(task);
        }
    }

    fn logged(&self, words: &str) -> bool {
        self.0.log.borrow().iter().any(|line| line.contains(words))
    }

    fn value(&self, key: &str) -> String {
        self.0.values.borrow().get(key).cloned().unwrap_or_default()
    }
}

fn setting(name: &str) -> Option<String> {
    let value = match name {
        "TWILIO_AUTH_TOKEN" => "0123456789abcdef0123456789abcdef",
        "OPENAI_API_KEY" => "sk-test",
        "PSEUDONYM_KEY" => "a-pseudonym-key-of-enough-length",
        _ => return None,
    };
    Some(value.to_owned())
}

fn call(sid: &str) -> SenderCall {
    let route = json!({
        "sender": "+15550100", "number": "+15550199", "service": null, "account": "AC0123456789abcdef0123456789abcdef",
        "token": "0000000000000000", "origin": "https://example.com",
    });
    let call = json!({ "sid": sid, "input": { "text": "Hello" }, "phone_hash": "00000000", "route": route, "arrived": NOW });
    serde_json::from_value(call).expect("the call is one")
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing waits here")
}

impl Clock for Object {
    fn now(&self) -> UnixMillis {
        let looks = self.0.looks_at_the_clock.get() + 1;
        // Every step looks at the clock; what takes so many for a handful of messages turns in circles.
        assert!(looks < 20_000, "the object turns in circles");
        self.0.looks_at_the_clock.set(looks);
        UnixMillis(self.0.now.get())
    }
    async fn sleep(&self, duration: Duration) {
        self.0
            .now
            .set(UnixMillis(self.0.now.get()).plus(duration).0);
    }
}

impl Log for Object {
    fn write(&self, line: &str) {
        assert!(
            serde_json::from_str::<Value>(line).is_ok(),
            "a log line is JSON"
        );
        self.0.log.borrow_mut().push(line.to_owned());
    }
}

impl Random for Object {
    fn unit(&self) -> f64 {
        0.5
    }
}

impl Http for Object {
    async fn send(&self, request: &HttpRequest, _: Duration) -> Result<HttpResponse, HttpError> {
        let (status, body) = if request.url.starts_with("https://api.openai.com/") {
            self.0.asked.set(self.0.asked.get() + 1);
            (
                200,
                r#"{"choices":[{"message":{"content":"answer"}}]}"#.to_owned(),
            )
        } else if request.method == "GET" {
            (200, r#"{"messages":[]}"#.to_owned())
        } else {
            self.0.sent.set(self.0.sent.get() + 1);
            (201, format!(r#"{{"sid":"SM{:032x}"}}"#, self.0.sent.get()))
        };
        Ok(HttpResponse {
            status,
            retry_after: None,
            location: None,
            body: body.into_bytes(),
        })
    }
}

impl Kv for Object {
    async fn get(&self, _: &str) -> Result<Option<String>, PlatformError> {
        Ok(Some(self.0.kv.clone()))
    }
    async fn put(&self, _: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        assert!(
            ttl >= Duration::from_secs(60),
            "KV refuses a lifetime below 60 s"
        );
        assert!(
            Conversation::decode(value).is_ok(),
            "what it saves it can read"
        );
        Ok(())
    }
    async fn delete(&self, _: &str) -> Result<(), PlatformError> {
        Ok(())
    }
}

impl Storage for Object {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        Ok(self.0.values.borrow().get(key).cloned().map(Stored::Text))
    }
    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        let mut values = self.0.values.borrow_mut();
        if batch.clear {
            values.clear();
            self.0.alarm.take();
        }
        values.extend(batch.puts);
        batch
            .deletes
            .iter()
            .for_each(|key| drop(values.remove(key)));
        self.0.alarm.set(batch.alarm.or(self.0.alarm.get()));
        Ok(())
    }
}

impl Spawn for Object {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.0.tasks.borrow_mut().push(task);
    }
}

impl Budgets for Object {
    async fn reserve(&self, _: ReserveCall) -> Result<Reservation, PlatformError> {
        self.0.reserved.set(self.0.reserved.get() + 1);
        Ok(Reservation::Granted)
    }

    async fn look(&self, _: Item, _: u32) -> Result<Reservation, PlatformError> {
        Ok(Reservation::Granted)
    }

    async fn report(&self, _: Tally) -> Result<(), PlatformError> {
        Ok(())
    }
}

/// The first line, the second line, and the rest.
fn lines(data: &[u8]) -> [&[u8]; 3] {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    [(); 3].map(|()| lines.next().unwrap_or_default())
}

fn has_broken_percent(body: &[u8]) -> bool {
    let digits = |at: usize| {
        body.get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    (0..body.len()).any(|at| body[at] == b'%' && !digits(at))
}

/// `bytes` with another byte in a place that depends on them, or with one more if there are none.
fn with_a_byte_changed(bytes: &[u8]) -> Vec<u8> {
    let sum = bytes.iter().fold(7usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    let mut changed = bytes.to_vec();
    match bytes.len().checked_sub(1) {
        None => changed.push(b'x'),
        Some(last) => changed[sum % (last + 1)] ^= 1 << (sum / 7 % 8),
    }
    changed
}

fn malformed_or_wrong(malformed: bool) -> SignatureError {
    if malformed {
        SignatureError::Malformed
    } else {
        SignatureError::Mismatch
    }
}

/// What Twilio signs of a form: keys in byte order, the different values of a repeated key as JavaScript sorts them.
fn signed_text(form: &Form) -> String {
    let mut fields: BTreeMap<&[u8], BTreeSet<Vec<u16>>> = BTreeMap::new();
    for (key, value) in form.pairs() {
        fields
            .entry(key.as_bytes())
            .or_default()
            .insert(value.encode_utf16().collect());
    }
    let pairs = fields
        .iter()
        .flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
    pairs
        .map(|(key, value)| {
            format!(
                "{}{}",
                String::from_utf8_lossy(key),
                String::from_utf16_lossy(value)
            )
        })
        .collect()
}

fn sign(url: &str, fields: &str) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(TOKEN.as_bytes()).expect("HMAC takes any key");
    mac.update(url.as_bytes());
    mac.update(fields.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// XML 1.0, production 2, the other way round.
fn is_forbidden_in_xml(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Readers of XML turn every line end into a newline.
fn one_line_end(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The texts of the messages, read by a parser; other elements or text outside are a breach.
fn read_messages(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut texts, mut current, mut open) = (Vec::new(), None::<String>, Vec::new());
    loop {
        match reader.read_event().expect("the XML is well formed") {
            Event::Decl(_) => {}
            Event::Start(tag) => {
                open.push(tag.name().as_ref().to_owned());
                match open.join("/").as_str() {
                    "Response" => {}
                    "Response/Message" => current = Some(String::new()),
                    other => panic!("{other} is no element of an answer"),
                }
            }
            Event::End(_) => {
                open.pop();
                texts.extend(current.take());
            }
            Event::Empty(tag) => assert!(tag.name().as_ref() == "Response" && open.is_empty()),
            Event::Text(text) => current
                .as_mut()
                .expect("text is in a message")
                .push_str(&text),
            Event::GeneralRef(name) => {
                let text: Cow<'_, str> = quick_xml::escape::unescape(&format!("&{};", &*name))
                    .expect("a reference")
                    .into_owned()
                    .into();
                current
                    .as_mut()
                    .expect("text is in a message")
                    .push_str(&text);
            }
            Event::Eof => return texts,
            other => panic!("{other:?} is no part of an answer"),
        }
    }
}
