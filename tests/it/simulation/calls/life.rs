//! The life of a call at Twilio: the first webhook, one session after the other, the person who is dialled, and the end.
//!
//! Not here: what happens in a session (`callers`), and the requests themselves (`requests`).

use std::{cell::Cell, rc::Rc};

use switchboard::{
    config::{FixedText, Language},
    http::{self, Upgrade},
    identity::Pseudonym,
    twilio::voice::relay_url::RelaySecret,
};

use super::{
    plan::PERSON,
    records::{Record, Secret},
    relay::{Outcome, Session},
};
use crate::{
    simulation::{
        executor::OUTSIDE,
        object_ports::vanished,
        objects::{Engine, Kind},
        state::Simulation,
        worker_ports::WorkerPlatform,
    },
    support::{Incoming, TOKEN, phone::Verb, signature::sign_text},
};

/// A call at Twilio.
pub struct Life {
    pub number: u64,
    pub sid: String,
    /// The name of its object.
    pub name: String,
    digits: String,
    /// What its caller still has to say.
    pub sentences: Cell<u64>,
    pub is_silent: Cell<bool>,
    pub has_hung_up: Cell<bool>,
    is_over: Cell<bool>,
}

impl Life {
    pub fn new(sim: &Rc<Simulation>, number: u64, digits: &str) -> Rc<Self> {
        let sid = format!("CA{number:032x}");
        let pseudonym: Pseudonym = sim.config.pseudonym_key.call(&sid.parse().unwrap());
        let name = pseudonym.as_str().to_owned();
        let hash = serde_json::to_value(pseudonym.call_hash()).unwrap();
        let record = Record {
            digits: digits.to_owned(),
            hash: hash.as_str().unwrap().to_owned(),
            is_honest: true,
            ..Record::default()
        };
        sim.calls.records.borrow_mut().insert(name.clone(), record);
        Rc::new(Self {
            number,
            sid,
            name,
            digits: digits.to_owned(),
            sentences: Cell::new(sim.random.between(0, 8)),
            is_silent: Cell::default(),
            has_hung_up: Cell::default(),
            is_over: Cell::default(),
        })
    }

    pub fn from(&self) -> String {
        format!("+{}", self.digits)
    }
}

impl Simulation {
    pub(super) async fn call_lives(self: &Rc<Self>, life: &Rc<Life>) {
        self.count("calls of callers");
        self.trace(|| {
            format!(
                "{:.6} is call {} from {}",
                life.name, life.number, life.digits
            )
        });
        self.disturb_call(life);
        let mut verbs = self.incoming(life).await;
        let mut is_first = true;
        loop {
            let named = |name: &str| verbs.iter().find(|verb| verb.name == name);
            if let Some(relay) = named("ConversationRelay") {
                let url = relay.attribute("url").unwrap().to_owned();
                let greeting = relay.attribute("welcomeGreeting").map(str::to_owned);
                self.check(greeting.is_some() == is_first, || {
                    "a caller is greeted at the first socket, and only there".into()
                });
                is_first = false;
                let (session, outcome) = self.session(life, &url, greeting).await;
                verbs = self.session_ended(life, session, outcome).await;
            } else if named("Gather").is_some() {
                verbs = self.gathers(life, &verbs).await;
            } else if named("Redirect").is_some() {
                verbs = self.waits(life, &verbs).await;
            } else if let Some(person) = named("Number") {
                self.says_last(life, &verbs);
                self.check(person.text == PERSON, || {
                    format!("a caller was put through to {}", person.text)
                });
                self.count("callers who were put through");
                verbs = self.dialled(life).await;
            } else {
                self.says_last(life, &verbs);
                break;
            }
        }
        life.is_over.set(true);
        self.calls
            .with(&life.name, |call| call.is_over_at_twilio = true);
        self.trace(|| format!("{:.6} is over at Twilio", life.name));
        self.tell_status(life).await;
    }

    /// What happens to a call at any time.
    fn disturb_call(self: &Rc<Self>, life: &Rc<Life>) {
        if self.random.chance(self.calls.plan.hangs_up) {
            let (sim, life) = (Rc::clone(self), Rc::clone(life));
            self.executor.spawn(OUTSIDE, async move {
                sim.sleep(sim.random.between(1, 60_000)).await;
                life.has_hung_up.set(true);
                sim.count("callers who hung up");
                let sessions = sim.calls.sessions.borrow().clone();
                for session in sessions.values().filter(|one| one.name == life.name) {
                    sim.close_socket(session, Outcome::HungUp);
                }
            });
        }
        let (sim, life) = (Rc::clone(self), Rc::clone(life));
        self.executor.spawn(OUTSIDE, async move {
            while !life.is_over.get() {
                sim.sleep(sim.random.between(3000, 20_000)).await;
                if sim.fault(sim.calls.plan.leaves_memory, "calls that may leave memory") {
                    sim.leave_memory(&life.name);
                }
            }
        });
    }

    /// An object in which nothing happens leaves memory. Its sockets stay.
    fn leave_memory(&self, name: &str) {
        let mut objects = self.objects.borrow_mut();
        let Some(object) = objects.get_mut(name) else {
            return;
        };
        let mut all = object.incarnations.iter();
        let is_quiet = all.all(|one| !self.executor.has_group(one.number)) && !self.is_spoken(name);
        if is_quiet && object.disk.writes.is_empty() {
            object.incarnations.clear();
            drop(objects);
            self.calls.with(name, Record::floor_is_forgotten);
            self.count("calls that left memory");
            self.trace(|| format!("{name:.6} leaves memory"));
        }
    }

    /// Twilio opens the socket, and the caller talks. Returns the session, if there is one, and its end.
    async fn session(
        self: &Rc<Self>,
        life: &Rc<Life>,
        url: &str,
        greeting: Option<String>,
    ) -> (Option<Rc<Session>>, Outcome) {
        self.sleep(self.random.between(20, 400)).await;
        if life.has_hung_up.get() {
            return (None, Outcome::HungUp);
        }
        if self.fault(self.calls.plan.not_opened, "sockets that were not opened") {
            return (None, Outcome::Failed);
        }
        let Some(number) = self.open_socket(&life.name, url, true).await else {
            self.count("sockets that were refused");
            return (None, Outcome::Failed);
        };
        let id = format!("VX{:016x}{number:016x}", life.number);
        let (session, ended) = Session::new(&life.name, number, id);
        let key = (life.name.clone(), number);
        let before = self.calls.session(&life.name, number.wrapping_sub(1));
        self.calls
            .sessions
            .borrow_mut()
            .insert(key, Rc::clone(&session));
        self.disturb_session(life, &session, before, url);
        let (sim, inner, talks) = (Rc::clone(self), Rc::clone(life), Rc::clone(&session));
        self.executor.spawn(OUTSIDE, async move {
            sim.talk(&inner, &talks, greeting).await;
        });
        let outcome = ended.await.unwrap_or(Outcome::Failed);
        (Some(session), outcome)
    }

    /// What happens to a session: its socket dies, an old one still carries frames, and others try its secret.
    fn disturb_session(
        self: &Rc<Self>,
        life: &Rc<Life>,
        session: &Rc<Session>,
        before: Option<Rc<Session>>,
        url: &str,
    ) {
        let plan = &self.calls.plan;
        if self.fault(plan.socket_dies, "sockets that died") {
            let (sim, session) = (Rc::clone(self), Rc::clone(session));
            self.executor.spawn(OUTSIDE, async move {
                sim.sleep(sim.random.between(100, 40_000)).await;
                sim.close_socket(&session, Outcome::Failed);
            });
        }
        if let Some(before) = before.filter(|_| self.random.chance(plan.old_frames)) {
            let (sim, life) = (Rc::clone(self), Rc::clone(life));
            self.executor.spawn(OUTSIDE, async move {
                for _ in 0..sim.random.between(1, 4) {
                    sim.sleep(sim.random.between(1000, 8000)).await;
                    let words = sim.next_words(&life);
                    sim.carry_old(&before, &words);
                }
            });
        }
        if self.random.chance(plan.intruders) {
            let (sim, name, url) = (Rc::clone(self), life.name.clone(), url.to_owned());
            self.executor.spawn(OUTSIDE, async move {
                for _ in 0..sim.random.between(1, 3) {
                    sim.sleep(sim.random.between(10, 30_000)).await;
                    let guess = format!("{}{:032x}", &url[..url.len() - 32], sim.random.next());
                    let url = sim.random.pick(&[&url, &url, &guess]);
                    sim.count("sockets that others tried to open");
                    let opened = sim.open_socket(&name, url, false).await;
                    sim.check(opened.is_none(), || {
                        "a secret that was used or guessed has opened a socket".into()
                    });
                }
            });
        }
    }

    /// Opens the socket of a URL. Returns the number of its session, or nothing if it is refused.
    async fn open_socket(self: &Rc<Self>, name: &str, url: &str, is_twilio: bool) -> Option<u32> {
        let mut request = Incoming::new("GET", url.strip_prefix("wss://example.com").unwrap());
        let signature = sign_text(TOKEN, url);
        let headers = [
            ("Upgrade", "websocket".to_owned()),
            ("X-Twilio-Signature", signature),
        ];
        request.headers.extend(headers);
        let worker = WorkerPlatform::new(self);
        let upgrade = http::upgrade(&worker, Ok(&self.config), &request);
        let Upgrade::Verified(relay) = upgrade else {
            self.check(false, || "the upgrade that Twilio signed is refused".into());
            return None;
        };
        self.check(relay.call.as_str() == name, || {
            "the URL of a socket names another call".into()
        });
        self.name_object(Kind::Call, name);
        let secret: RelaySecret = relay.secret;
        let opened = self.call(name, async move |engine| {
            let Engine::Call(phone) = engine else {
                return vanished();
            };
            phone.connect(&secret).await
        });
        let session = opened.await.ok().flatten();
        if let (Some(session), true) = (session, is_twilio) {
            self.socket_opened(name, &url[url.len() - 32..], session);
        }
        session
    }

    /// An answer has given Twilio the secret of a socket.
    pub(super) fn note_secrets(&self, life: &Life, verbs: &[Verb]) {
        let relays = verbs.iter().filter(|verb| verb.name == "ConversationRelay");
        for relay in relays {
            let url = relay.attribute("url").unwrap();
            let given = self.executor.now();
            self.calls.with(&life.name, |call| {
                call.secrets.push(Secret {
                    text: url[url.len() - 32..].to_owned(),
                    given,
                    was_used: false,
                });
            });
        }
    }
}

/// Whether this is a sentence that is spoken without the model.
pub fn is_fixed(text: &str) -> bool {
    let mut spoken = FixedText::ALL.iter().filter(|text| text.is_spoken());
    spoken.any(|fixed| fixed.in_language(Language::English) == text)
}
