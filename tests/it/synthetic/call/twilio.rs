//! [`Line`]: a synthetic call as Twilio conducts it: signed webhooks of both legs, their sockets, and frames that come as
//! a voice speaks.
//!
//! Not here: what is said, which the run decides.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::{
    http::{self, Upgrade},
    platform::Clock,
    synthetic::{call_url::LegUrl, plan::Leg},
};

use super::{CALLEE, CALLER};
use crate::support::{
    FakePlatform, Incoming, MadeCall, ORIGIN, TOKEN,
    operator::ACCOUNT,
    phone::{Verb, post, verbs},
    signature::sign_text,
};

/// One call between the two numbers.
pub struct Line {
    pub fake: FakePlatform,
    pub made: MadeCall,
    /// The name of the run's object.
    pub run: String,
    /// What Twilio does not do.
    pub omits: Omits,
    /// How many of all frames were seen.
    seen: usize,
    /// The legs that were told to end, and have hung up.
    pub ended: Vec<Leg>,
    /// Everything that was spoken: when it was sent, on which leg, and what.
    pub spoken: Vec<(u64, Leg, String)>,
}

/// What Twilio leaves out.
#[derive(Clone, Copy, Default)]
pub struct Omits {
    /// It does not say when a leg speaks.
    pub speaking: bool,
    /// It does not say what was played.
    pub played: bool,
    /// It does not tell the action of `<Connect>`.
    pub action: bool,
    /// It does not call the status callback.
    pub status: bool,
}

/// What a leg is for Twilio.
pub fn sid(made: &MadeCall, leg: Leg) -> String {
    match leg {
        Leg::Caller => made.sid.clone(),
        Leg::Callee => format!("CAcb{}", &made.sid[4..]),
    }
}

impl Line {
    /// The newest call that the Worker has made. Waits for it.
    pub async fn made(fake: &FakePlatform) -> Self {
        Self::made_after(fake, 0).await
    }

    /// The call after so many others. Waits for it.
    pub async fn made_after(fake: &FakePlatform, others: usize) -> Self {
        for _ in 0..20_000 {
            if let Some(made) = fake.calls_made().get(others) {
                let url = made.form["Url"].strip_prefix(ORIGIN).unwrap();
                let run = url.split('/').nth(3).unwrap().to_owned();
                assert_eq!(url, format!("/twilio/synthetic/{run}/voice"));
                assert_eq!(
                    made.form["StatusCallback"],
                    format!("{ORIGIN}/twilio/synthetic/{run}/status")
                );
                assert_eq!((&*made.form["From"], &*made.form["To"]), (CALLER, CALLEE));
                return Self {
                    fake: fake.clone(),
                    made: made.clone(),
                    run,
                    omits: Omits::default(),
                    seen: fake.frames().len(),
                    ended: Vec::new(),
                    spoken: Vec::new(),
                };
            }
            fake.sleep(Duration::from_millis(50)).await;
        }
        panic!("no call was made");
    }

    /// The next call, with both legs connected: first the number that is called answers.
    pub async fn connected(fake: &FakePlatform) -> Self {
        let mut line = Self::made(fake).await;
        line.connect().await;
        line
    }

    pub async fn connect(&mut self) {
        for leg in [Leg::Callee, Leg::Caller] {
            let verbs = self.answers(leg).await;
            self.opens(leg, &verbs).await;
            self.sets_up(leg).await;
            self.fake.sleep(Duration::from_millis(400)).await;
        }
    }

    pub fn sid(&self, leg: Leg) -> String {
        sid(&self.made, leg)
    }

    /// A leg asks for TwiML.
    pub async fn answers(&self, leg: Leg) -> Vec<Verb> {
        let path = match leg {
            Leg::Caller => format!("/twilio/synthetic/{}/voice", self.run),
            Leg::Callee => "/twilio/voice".to_owned(),
        };
        self.webhook(leg, &path, &[("CallStatus", "in-progress")])
            .await
    }

    pub async fn webhook(&self, leg: Leg, path: &str, fields: &[(&str, &str)]) -> Vec<Verb> {
        let (sid, direction) = match leg {
            Leg::Caller => (self.sid(leg), "outbound-api"),
            Leg::Callee => (self.sid(leg), "inbound"),
        };
        let usual = [
            ("CallSid", sid.as_str()),
            ("AccountSid", ACCOUNT),
            ("From", CALLER),
            ("To", CALLEE),
            ("Direction", direction),
        ];
        let response = post(&self.fake, path, &[&usual, fields].concat()).await;
        match response.status {
            200 => verbs(&response.body),
            204 => Vec::new(),
            status => panic!("{status}: {}", response.body),
        }
    }

    /// The upgrade of a socket at this URL, signed as Twilio signs it.
    pub fn upgrade(&self, url: &str, signature: &str) -> Upgrade {
        let path = url.strip_prefix("wss://example.com").unwrap();
        let mut request = Incoming::new("GET", path);
        request.headers.push(("Upgrade", "websocket".to_owned()));
        request
            .headers
            .push(("X-Twilio-Signature", signature.to_owned()));
        http::upgrade(&self.fake, Ok(self.fake.config()), &request)
    }

    /// The place of the socket in an answer.
    pub fn leg_url(&self, verbs: &[Verb]) -> LegUrl {
        let relay = verbs
            .iter()
            .find(|verb| verb.name == "ConversationRelay")
            .expect("a relay");
        let url = relay.attribute("url").unwrap();
        let Upgrade::VerifiedLeg(leg) = self.upgrade(url, &sign_text(TOKEN, url)) else {
            panic!("the upgrade is refused");
        };
        leg
    }

    /// Opens the socket of an answer.
    pub async fn opens(&self, leg: Leg, verbs: &[Verb]) {
        let url = self.leg_url(verbs);
        assert_eq!((url.leg, url.run.to_string()), (leg, self.run.clone()));
        assert!(self.may_open(leg, verbs).await);
    }

    /// Opens the socket of an answer, unless the run has ended in the meantime.
    pub async fn may_open(&self, leg: Leg, verbs: &[Verb]) -> bool {
        let secret = self.leg_url(verbs).secret;
        let runner = self.fake.runner(&self.run);
        runner.connect(leg, &secret).await.unwrap()
    }

    pub async fn sets_up(&self, leg: Leg) {
        let frame = json!({
            "type": "setup", "sessionId": format!("VX{:032x}", leg.socket()), "callSid": self.sid(leg),
            "from": CALLER, "to": CALLEE, "callStatus": "IN_PROGRESS",
            "direction": if leg == Leg::Caller { "outbound-api" } else { "inbound" },
        });
        self.frame(leg, frame).await;
    }

    /// A frame from Twilio.
    pub async fn frame(&self, leg: Leg, frame: Value) {
        let (runner, frame) = (self.fake.runner(&self.run), frame.to_string());
        runner.frame(leg.socket(), &frame).await;
    }

    pub async fn info(&self, leg: Leg, name: &str, value: &str) {
        let frame = json!({ "type": "info", "name": name, "value": value });
        self.frame(leg, frame).await;
    }

    /// Goes on until both legs have hung up, or for so long.
    pub async fn talk_for(&mut self, time: Duration) {
        let until = self.fake.now().plus(time);
        while self.ended.len() < 2 && self.fake.now() < until {
            for (at, leg, frame) in self.new_frames() {
                self.receives(at, leg, &frame).await;
            }
            self.fake.sleep(Duration::from_millis(50)).await;
        }
    }

    /// Goes on until both legs have hung up.
    pub async fn talk(&mut self) {
        self.talk_for(Duration::from_mins(20)).await;
        assert_eq!(self.ended.len(), 2, "both legs have hung up");
    }

    fn new_frames(&mut self) -> Vec<(u64, Leg, Value)> {
        let frames = self.fake.frames();
        let new = frames[self.seen..].iter().map(|(at, socket, frame)| {
            let leg = Leg::ALL.into_iter().find(|leg| leg.socket() == *socket);
            (at.0, leg.unwrap(), serde_json::from_str(frame).unwrap())
        });
        let new = new.collect();
        self.seen = frames.len();
        new
    }

    async fn receives(&mut self, at: u64, leg: Leg, frame: &Value) {
        match frame["type"].as_str().unwrap() {
            "text" => {
                assert_eq!(frame["last"], true, "a line is sent whole");
                let words = frame["token"].as_str().unwrap();
                assert!(!words.trim().is_empty(), "an empty line is not sent");
                self.spoken.push((at, leg, words.to_owned()));
                self.speaks(leg, words).await;
            }
            "end" => self.ends(leg, "ended", "in-progress").await,
            other => panic!("{other}"),
        }
    }

    /// A leg speaks, and the other one recognises the words.
    pub async fn speaks(&self, leg: Leg, words: &str) {
        self.fake.sleep(Duration::from_millis(320)).await;
        if !self.omits.speaking {
            self.info(leg, "agentSpeaking", "on").await;
        }
        let count = u64::try_from(words.split_whitespace().count()).unwrap();
        self.fake.sleep(Duration::from_millis(300 * count)).await;
        if !self.omits.played {
            self.info(leg, "tokensPlayed", words).await;
        }
        if !self.omits.speaking {
            self.info(leg, "agentSpeaking", "off").await;
        }
        let other = Leg::of(leg.speaker().other());
        let prompt =
            json!({ "type": "prompt", "voicePrompt": words, "lang": "en-US", "last": true });
        self.frame(other, prompt).await;
    }

    /// A leg's relay ends, and it hangs up. With the caller, the whole call is over.
    pub async fn ends(&mut self, leg: Leg, session: &str, call: &str) {
        if self.ended.contains(&leg) {
            return;
        }
        self.fake.runner(&self.run).closed(leg.socket()).await;
        if !self.omits.action {
            self.fake.sleep(Duration::from_millis(700)).await;
            let verbs = self.action(leg, session, call).await;
            let names: Vec<&str> = verbs.iter().map(|verb| verb.name.as_str()).collect();
            assert_eq!(names, ["Hangup"]);
        }
        self.ended.push(leg);
        if self.ended.len() == 2 && !self.omits.status {
            self.is_over("completed").await;
        }
    }

    /// The action of `<Connect>`.
    pub async fn action(&self, leg: Leg, session: &str, call: &str) -> Vec<Verb> {
        let path = format!("/twilio/synthetic/{}/{}/ended", self.run, leg.as_str());
        let fields = [("SessionStatus", session), ("CallStatus", call)];
        self.webhook(leg, &path, &fields).await
    }

    /// The status callback.
    pub async fn is_over(&self, status: &str) {
        let path = format!("/twilio/synthetic/{}/status", self.run);
        self.webhook(Leg::Caller, &path, &[("CallStatus", status)])
            .await;
    }
}
