//! Twilio without a relay: it says a document, gathers what the caller says or presses, posts it, and follows redirects.
//!
//! Not here: the webhooks of every call (`requests`).

use std::rc::Rc;

use switchboard::{
    config::{FixedText, Language},
    http::Response,
};

use super::{keys::Entry, life::Life, mutants, records::caller_words};
use crate::{
    simulation::{executor::OUTSIDE, mutation::Mutation, state::Simulation},
    support::{
        ORIGIN,
        phone::{Verb, verbs},
    },
};

/// The silence after which Twilio takes words for complete, in milliseconds.
const SPEECH_TIMEOUT: u64 = 2000;

type Fields = Vec<(&'static str, String)>;

impl Simulation {
    /// A document is said, and the caller is listened to. Returns what Twilio does then.
    pub(super) async fn gathers(self: &Rc<Self>, life: &Rc<Life>, document: &[Verb]) -> Vec<Verb> {
        let gather = document.iter().find(|verb| verb.name == "Gather").unwrap();
        let attribute = |name: &str| gather.attribute(name);
        let keys: Option<u8> = attribute("numDigits").map(|most| most.parse().unwrap());
        let input = if keys.is_some() {
            "dtmf speech"
        } else {
            "speech"
        };
        self.check(
            attribute("input") == Some(input) && attribute("actionOnEmptyResult") == Some("true"),
            || format!("a document does not listen: {gather:?}"),
        );
        let silence: u64 = attribute("timeout").unwrap().parse().unwrap();
        let action = attribute("action").unwrap().to_owned();
        let text = text_of(document);
        self.says(life, &text, keys);
        let has_cut_in = self.plays(life, &text, true).await;
        let Some(fields) = self.gathered(life, keys, silence * 1000, has_cut_in).await else {
            return Vec::new();
        };
        let is_owed = fields
            .iter()
            .any(|(name, text)| *name == "SpeechResult" && !text.is_empty());
        self.calls.with(&life.name, |call| call.breaks += 1);
        let next = self.post_gathered(life, &action, &fields).await;
        let says_nothing =
            text_of(&next).is_empty() && next.iter().any(|verb| verb.name == "Gather");
        self.check(!is_owed || !says_nothing, || {
            "a caller who said something hears nothing".into()
        });
        next
    }

    /// A caller is asked to wait. Returns what Twilio does then.
    pub(super) async fn waits(self: &Rc<Self>, life: &Rc<Life>, document: &[Verb]) -> Vec<Verb> {
        self.count("documents that ask to wait");
        let text = text_of(document);
        let filler = FixedText::CallOneMoment.in_language(Language::English);
        self.check(text.is_empty() || text == filler, || {
            format!("a caller who waits hears {text}")
        });
        let redirect = document
            .iter()
            .find(|verb| verb.name == "Redirect")
            .unwrap();
        self.plays(life, &text, false).await;
        self.post_gathered(life, &redirect.text, &Fields::new())
            .await
    }

    /// Twilio says the last words of a call.
    pub(super) fn says_last(&self, life: &Life, document: &[Verb]) {
        self.says(life, &text_of(document), None);
    }

    /// Twilio says this. Returns whether the caller has cut it off.
    async fn plays(self: &Rc<Self>, life: &Life, text: &str, may_cut_in: bool) -> bool {
        for _ in text.split_whitespace() {
            self.sleep(self.calls.plan.word).await;
            if self.is_gone(life) {
                return false;
            }
            if may_cut_in && self.random.chance(self.calls.plan.cuts_in) {
                self.count("callers who cut in");
                return true;
            }
        }
        false
    }

    /// Whether the call has ended at Twilio.
    fn is_gone(&self, life: &Life) -> bool {
        let is_hung_up = self.calls.with(&life.name, |call| call.is_hung_up);
        life.has_hung_up.get() || is_hung_up == Some(true)
    }

    /// What the caller says or presses, or nothing. `None`: the call is over.
    async fn gathered(
        self: &Rc<Self>,
        life: &Life,
        keys: Option<u8>,
        silence: u64,
        has_cut_in: bool,
    ) -> Option<Fields> {
        let (plan, random) = (&self.calls.plan, &self.random);
        if self.fault(plan.falls_silent, "callers who fell silent") {
            life.is_silent.set(true);
        }
        if life.is_silent.get() || random.chance(30) {
            self.passes(life, silence).await;
            self.count("documents that gathered nothing");
            let nothing = [
                Vec::new(),
                vec![("Digits", String::new())],
                vec![
                    ("SpeechResult", String::new()),
                    ("Confidence", "0.0".into()),
                ],
            ];
            return (!self.is_gone(life))
                .then(|| nothing[usize::try_from(random.below(3)).unwrap()].clone());
        }
        let pause = if has_cut_in { 100 } else { 3000 };
        self.passes(life, random.between(50, pause.min(silence - 1)))
            .await;
        if life.sentences.get() == 0 {
            life.has_hung_up.set(true);
        }
        if self.is_gone(life) {
            return None;
        }
        life.sentences.set(life.sentences.get() - 1);
        let fields = if let Some(most) = keys.filter(|_| random.chance(850)) {
            self.presses(life, most, silence).await
        } else {
            self.passes(life, random.between(200, 2000) + SPEECH_TIMEOUT)
                .await;
            let words = self.next_words(life);
            self.calls.with(&life.name, |call| {
                let said = caller_words(&words);
                call.said.extend(said.into_iter().map(|word| (word, true)));
            });
            vec![("SpeechResult", words), ("Confidence", "0.9".into())]
        };
        (!self.is_gone(life)).then_some(fields)
    }

    /// The caller presses the digits that a document takes.
    async fn presses(self: &Rc<Self>, life: &Life, most: u8, silence: u64) -> Fields {
        let Entry { keys, has_hash } = self.next_entry(life, most);
        let is_full = keys.len() >= usize::from(most);
        self.passes(life, 300 * keys.len() as u64).await;
        if !has_hash && !is_full {
            self.passes(life, silence).await;
        }
        self.calls.with(&life.name, |call| {
            call.pressed.push_str(&keys);
            call.pressed.push('#');
        });
        // The last digit ends it before the hash.
        let last_key = if has_hash && !is_full { "#" } else { "" };
        let digits = mutants::keys(self, &keys);
        vec![("Digits", digits), ("FinishedOnKey", last_key.into())]
    }

    /// Time passes, until the call is over at the latest.
    async fn passes(&self, life: &Life, milliseconds: u64) {
        let mut left = milliseconds;
        while left > 0 && !self.is_gone(life) {
            let step = left.min(500);
            self.sleep(step).await;
            left -= step;
        }
    }

    /// Posts what a document has gathered, perhaps twice. Returns what Twilio does then.
    async fn post_gathered(
        self: &Rc<Self>,
        life: &Rc<Life>,
        url: &str,
        fields: &Fields,
    ) -> Vec<Verb> {
        let plan = &self.calls.plan;
        if self.is_gone(life) || self.fault(plan.action_missing, "actions that did not come") {
            return Vec::new();
        }
        if self.fault(plan.action_twice, "documents that were asked for twice") {
            let (sim, life) = (Rc::clone(self), Rc::clone(life));
            let (url, fields) = (url.to_owned(), fields.clone());
            let wait = self.random.below(self.random.pick(&[50, 3000, 20_000]));
            self.executor.spawn(OUTSIDE, async move {
                sim.sleep(wait).await;
                let url = sim.repeated(&life, &url);
                sim.post_to_document(&life, &url, &fields).await;
            });
        }
        let response = self.post_to_document(life, url, fields).await;
        let gone = self.is_gone(life);
        response
            .filter(|_| !gone)
            .map_or(Vec::new(), |response| verbs(&response.body))
    }

    /// The URL of a request that comes again.
    fn repeated(&self, life: &Life, url: &str) -> String {
        let newest = self.calls.with(&life.name, |call| {
            call.documents.keys().next_back().copied()
        });
        match (url.split_once('='), newest.flatten()) {
            (Some((path, _)), Some(newest)) if self.is(Mutation::RepeatTakenForNew) => {
                format!("{path}={newest}")
            }
            _ => url.to_owned(),
        }
    }

    async fn post_to_document(
        self: &Rc<Self>,
        life: &Life,
        url: &str,
        fields: &Fields,
    ) -> Option<Response> {
        let path = url.strip_prefix(ORIGIN).unwrap();
        let own = fields.iter().map(|(name, text)| (*name, text.as_str()));
        let fields: Vec<_> = [("CallStatus", "in-progress")]
            .into_iter()
            .chain(own)
            .collect();
        let response = self.post(life, path, &fields).await;
        let status = response.as_ref().map(|response| response.status);
        self.check(status == Some(200), || {
            format!("{path} got {status:?} within 15 s")
        });
        let document = response.as_ref().map(|response| verbs(&response.body));
        self.note_document(life, &document.unwrap_or_default());
        response
    }

    /// An answer may be a document that listens.
    pub(super) fn note_document(&self, life: &Life, document: &[Verb]) {
        let gather = document.iter().find(|verb| verb.name == "Gather");
        let number = gather.map(|gather| {
            let action = gather.attribute("action").unwrap();
            let (_, number) = action.split_once("document=").unwrap();
            number.parse().unwrap()
        });
        if let Some(number) = number {
            self.document_came(life, number, &text_of(document));
        }
    }
}

/// What a document says.
fn text_of(document: &[Verb]) -> String {
    let says = document.iter().filter(|verb| verb.name == "Say");
    says.map(|verb| verb.text.as_str()).collect()
}
