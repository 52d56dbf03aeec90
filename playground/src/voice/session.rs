//! A relay in a call: the socket is opened, the session runs, and its end is posted to the action.
//!
//! The closes, their order and their delays are those of recorded sessions. Not here: what happens in a
//! session (`relay.rs`).

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::call::{Call, Flow};
use super::leg::Voice;
use super::parameters::{Parameters, failure, named, session};
use super::post::Kind;
use super::relay::{Closing, Effect, Session};
use super::signal::{Action, Signal};
use super::socket::{Socket, connect};
use super::speech::time_for;
use super::target::target;
use super::verb::{Connect, Relay};
use crate::base::random::random_hex;
use crate::twilio::calls::{Order, Status};
use crate::twilio::media_store::ACCOUNT_SID;
use crate::webhook::answer::{TwilioError, twilio_error};
use crate::webhook::client::Signature;

/// How a session ended.
enum Ending {
    /// The person or the REST API has hung up.
    HungUp,
    /// The Worker has ended it.
    Ended(Option<String>),
    /// The socket is gone.
    Lost,
    /// The REST API has given the call another document.
    Replaced(Order),
}

/// From the answer of the Worker to the connection.
const CONNECT_MS: u64 = 300;
/// The same with the fault.
const SLOW_MS: u64 = 4000;
/// From the end of a session to its action.
const HUNG_UP_MS: u64 = 650;
const ENDED_MS: u64 = 700;
const LOST_MS: u64 = 1200;
/// How long Twilio's side waits for the other side's close.
const CLOSE_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(500);

impl Call {
    /// Connects the call to a relay.
    pub async fn connect(&mut self, verb: Connect, base: Option<&str>) -> Flow {
        if verb.action.is_none() {
            let text = "<Connect> has no action: when its session is lost, the call is over.";
            self.log.show("note", json!({"text": text}));
        }
        let wait = if self.faults().slow_connect {
            SLOW_MS
        } else {
            CONNECT_MS
        };
        let flow = self.pause(wait).await;
        if !matches!(flow, Flow::Next) {
            return flow;
        }
        let sid = format!("VX{}", random_hex());
        let mut socket = match self.open(&verb.relay).await {
            Ok(socket) => socket,
            Err(error) => return self.unconnected(&error, &sid, verb.action.as_deref(), base),
        };
        self.log
            .show("relay", json!({"state": "open", "session": sid}));
        let greeting = &verb.relay.greeting;
        if !greeting.is_empty() {
            let shown = json!({"text": greeting, "last": true});
            self.log.show("token", shown);
        }
        let setup = self.setup(&sid, &verb.relay);
        let began = self.clock.now();
        let is_bridged = self.leg.is_bridged();
        let mut relay = Session::new(verb.relay, self.faults(), is_bridged, began);
        self.answer();
        let ending = match self.send(&mut socket, &setup).await {
            Ok(()) => self.converse(&mut socket, &mut relay).await,
            Err(()) => Ending::Lost,
        };
        let hung_up = matches!(ending, Ending::HungUp);
        let now = self.clock.now();
        for effect in relay.drain(now, hung_up) {
            match effect {
                Effect::Show(event, fields) => self.log.show(event, fields),
                Effect::Voice(voice) => self.leg.voice(voice, now),
                Effect::Send(_) | Effect::Alert(..) | Effect::Close(_) => {}
            }
        }
        self.leg.voice(Voice::Ends, now);
        // A socket that has died is gone from now on, and not only when Twilio has told so.
        drop(socket);
        let seconds = self.clock.now().saturating_sub(began).div_ceil(1000);
        self.after(ending, &sid, seconds, verb.action.as_deref(), base)
            .await
    }

    /// Opens the socket.
    async fn open(&self, relay: &Relay) -> Result<Socket, TwilioError> {
        let target = target(&relay.url, &self.outgoing.client)?;
        let signature = if self.faults().forged_upgrade {
            Signature::Forged
        } else {
            Signature::Genuine
        };
        let unable = |reason: String| {
            twilio_error(64102, &format!("unable to connect to the relay: {reason}"))
        };
        // A relay is signed over its URL alone, exactly as it is written.
        let signature = self
            .outgoing
            .client
            .signature(&relay.url, &[], signature)
            .map_err(|error| unable(error.to_string()))?;
        connect(&target, &signature).await.map_err(unable)
    }

    /// There is no connection. A caller hears that the line is busy.
    fn unconnected(
        &self,
        error: &TwilioError,
        sid: &str,
        action: Option<&str>,
        base: Option<&str>,
    ) -> Flow {
        self.alert(error);
        match (self.answered_at, action) {
            (None, _) => Flow::Over(Status::Busy),
            (Some(_), None) => Flow::Over(Status::Completed),
            (Some(_), Some(action)) => {
                let mut parameters = session(sid, "failed", 0);
                parameters.extend(failure(error.code, "Unable to connect to websocket URL"));
                self.document(base, Some(action), parameters)
            }
        }
    }

    /// The first message.
    fn setup(&self, sid: &str, relay: &Relay) -> Value {
        let status = match self.answered_at {
            Some(_) => "IN_PROGRESS",
            None => "RINGING",
        };
        let (from, to) = self.log.parties();
        let parameters: Map<String, Value> = relay
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        json!({
            "type": "setup",
            "sessionId": sid,
            "accountSid": ACCOUNT_SID,
            "parentCallSid": "",
            "callSid": self.log.sid,
            "from": from,
            "to": to,
            "forwardedFrom": to,
            "callerName": "",
            "direction": self.log.direction.name(),
            "callType": "PSTN",
            "callStatus": status,
            "customParameters": parameters
        })
    }

    /// The session, until it ends.
    async fn converse(&mut self, socket: &mut Socket, relay: &mut Session) -> Ending {
        loop {
            let wake = relay.next_wake();
            let clock = self.clock;
            let time = async move {
                match wake {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let effects = tokio::select! {
                biased;
                signal = self.signals.recv() => match signal {
                    Some(Signal::Person(Action::DropSocket)) => {
                        self.log.show("relay", json!({"state": "closed", "code": 1006}));
                        // Without lingering, dropping the socket sends a reset. If that fails, it is
                        // an ordinary end of the connection.
                        let _ = socket.get_ref().set_zero_linger();
                        return Ending::Lost;
                    }
                    Some(Signal::Person(Action::Answer)) => Vec::new(),
                    Some(Signal::Person(Action::Speak)) => relay.speak(clock.now()),
                    Some(Signal::Person(Action::Say { text })) => {
                        relay.set_faults(self.faults());
                        self.leg.heard(&text, time_for(text.chars().count()), clock.now());
                        relay.say(&text, clock.now())
                    }
                    Some(Signal::Person(Action::Press { digits })) => digits
                        .chars()
                        .flat_map(|digit| relay.press(digit, clock.now()))
                        .collect(),
                    Some(Signal::Order(order @ (Order::Twiml(_) | Order::Url(_)))) => {
                        self.close(socket, CloseCode::Normal, CLOSING).await;
                        return Ending::Replaced(order);
                    }
                    None | Some(Signal::Person(Action::HangUp) | Signal::Order(Order::Complete)) => {
                        self.close(socket, CloseCode::Normal, CLOSING).await;
                        return Ending::HungUp;
                    }
                },
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => {
                        self.log.frame("worker", &text);
                        relay.receive(&text, clock.now())
                    }
                    // Twilio knows no other messages. Tungstenite answers pings itself.
                    Some(Ok(Message::Binary(_))) => {
                        self.log.frame("worker", "(binary)");
                        relay.receive("(binary)", clock.now())
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Vec::new(),
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map_or(1005, |frame| u16::from(frame.code));
                        self.log.show("relay", json!({"state": "closed", "code": code, "by": "worker"}));
                        finish(socket).await;
                        return Ending::Lost;
                    }
                    Some(Err(_)) | None => {
                        self.log.show("relay", json!({"state": "closed", "code": 1006}));
                        return Ending::Lost;
                    }
                },
                () = time => relay.advance(clock.now()),
            };
            if let Some(ending) = self.perform(socket, effects).await {
                return ending;
            }
        }
    }

    /// Does what the session wants. `Some`: it has ended.
    async fn perform(&mut self, socket: &mut Socket, effects: Vec<Effect>) -> Option<Ending> {
        for effect in effects {
            match effect {
                Effect::Show(event, fields) => self.log.show(event, fields),
                Effect::Alert(code, reason) => self.log.alert(code, &reason),
                Effect::Voice(voice) => self.leg.voice(voice, self.clock.now()),
                Effect::Send(frame) => {
                    if self.send(socket, &frame).await.is_err() {
                        self.log
                            .show("relay", json!({"state": "closed", "code": 1006}));
                        return Some(Ending::Lost);
                    }
                }
                Effect::Close(Closing::Ended(_)) if self.faults().silent => {
                    let text = "A fault: Twilio does not end the session.";
                    self.log.show("note", json!({"text": text}));
                }
                Effect::Close(Closing::Ended(handoff)) => {
                    self.close(socket, CloseCode::Normal, CLOSING).await;
                    return Some(Ending::Ended(handoff));
                }
                Effect::Close(Closing::Malformed) => {
                    self.close(socket, CloseCode::Invalid, MALFORMED).await;
                    return Some(Ending::Lost);
                }
            }
        }
        None
    }

    async fn send(&self, socket: &mut Socket, frame: &Value) -> Result<(), ()> {
        let frame = frame.to_string();
        self.log.frame("twilio", &frame);
        socket.send(Message::text(frame)).await.map_err(|_| ())
    }

    async fn close(&self, socket: &mut Socket, code: CloseCode, reason: &'static str) {
        let shown = json!({"state": "closed", "code": u16::from(code), "reason": reason});
        self.log.show("relay", shown);
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        // The other side may be gone.
        let _ = socket.close(Some(frame)).await;
        finish(socket).await;
    }

    /// What comes after a session.
    async fn after(
        &mut self,
        ending: Ending,
        sid: &str,
        seconds: u64,
        action: Option<&str>,
        base: Option<&str>,
    ) -> Flow {
        let (wait, status, more) = match ending {
            Ending::Replaced(order) => {
                return self
                    .unheard(Some(Signal::Order(order)))
                    .unwrap_or(Flow::Next);
            }
            Ending::HungUp => {
                self.farewell(action, base, HUNG_UP_MS, session(sid, "completed", seconds))
                    .await;
                return Flow::Over(Status::Completed);
            }
            Ending::Ended(handoff) => {
                let handoff = handoff.map(|data| named(&[("HandoffData", &data)]));
                (ENDED_MS, "ended", handoff.unwrap_or_default())
            }
            Ending::Lost if self.faults().silent => {
                let text = "A fault: Twilio does not tell that the socket is lost.";
                self.log.show("note", json!({"text": text}));
                return self.pause(u64::MAX).await;
            }
            Ending::Lost => {
                let error = twilio_error(64105, "the WebSocket of the relay ended");
                self.alert(&error);
                (LOST_MS, "failed", failure(64105, "Websocket ended"))
            }
        };
        let flow = self.pause(wait).await;
        let mut parameters = session(sid, status, seconds);
        parameters.extend(more);
        match (flow, action) {
            (Flow::Next, Some(action)) => self.document(base, Some(action), parameters),
            (Flow::Next, None) if status == "failed" => Flow::Over(Status::Completed),
            (Flow::Over(over), action) => {
                self.farewell(action, base, 0, parameters).await;
                Flow::Over(over)
            }
            (flow, _) => flow,
        }
    }

    /// Posts to an action after the person has hung up. Its TwiML is not read.
    pub async fn farewell(
        &self,
        action: Option<&str>,
        base: Option<&str>,
        wait: u64,
        more: Parameters,
    ) {
        let Some(action) = action else { return };
        let end = self.clock.now().saturating_add(wait);
        self.clock.sleep_until(end).await;
        if let Flow::Document(super::call::Source::Url(url, more)) =
            self.document(base, Some(action), more)
        {
            let mut parameters = self.parameters(Status::Completed);
            parameters.extend(more);
            if let Err(reason) = self.post(Kind::Action, url, parameters).await {
                self.alert(&twilio_error(11200, &reason));
            }
        }
    }
}

/// Completes the close of both sides, if the other side does its part.
async fn finish(socket: &mut Socket) {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    // A side that is gone does not.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, rest).await;
}

/// The reasons of closes, as recorded.
const CLOSING: &str = "Closing websocket session";
const MALFORMED: &str = "Too many consecutive malformed messages.";
