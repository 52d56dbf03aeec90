//! Sockets: each secret opens one, in its time.
//!
//! Not here: what is sent over them (`floor`).

use std::rc::Rc;

use crate::simulation::{calls::relay::Outcome, state::Simulation};

/// How long a secret opens a socket, in milliseconds.
const OPENS_FOR: u64 = 60_000;

impl Simulation {
    /// Twilio has opened a socket with this secret.
    pub(in crate::simulation::calls) fn socket_opened(
        &self,
        name: &str,
        secret: &str,
        session: u32,
    ) {
        let now = self.executor.now();
        let is_forward =
            self.fault_plan.clock_steps.is_empty() && self.fault_plan.clock_jumps.is_empty();
        let opened = self.calls.with(name, |call| {
            let before = std::mem::replace(&mut call.session, session);
            (call.is_set_up, call.has_ended_session) = (false, false);
            call.has_open_words = false;
            call.owed = None;
            let is_later = session > before || call.is_damaged;
            let known = call.secrets.iter_mut().find(|known| known.text == secret);
            let used = known.map(|known| {
                let is_in_time = now <= known.given + OPENS_FOR || !is_forward;
                (std::mem::replace(&mut known.was_used, true), is_in_time)
            });
            (is_later, used)
        });
        let (is_later, used) = opened.unwrap_or_default();
        self.check(used == Some((false, true)), || {
            format!("a socket was opened with a secret that was used or is too old: {used:?}")
        });
        self.check(is_later, || {
            "a session has the number of one before it".into()
        });
    }

    /// The object has closed the socket of a session.
    pub fn closed_by_call(self: &Rc<Self>, name: &str, session: u32, code: u16) {
        self.trace(|| format!("{name:.6} closes session {session} with {code}"));
        self.count("sockets that the object closed");
        self.check(matches!(code, 1000 | 1008 | 1011), || {
            format!("a socket was closed with {code}")
        });
        self.calls.with(name, |call| {
            if call.session == session {
                call.has_ended_session = true;
                call.owed = None;
            }
        });
        if let Some(session) = self.calls.session(name, session) {
            let sim = Rc::clone(self);
            self.executor
                .spawn(crate::simulation::executor::OUTSIDE, async move {
                    sim.sleep(sim.random.between(1, 60)).await;
                    sim.close_socket(&session, Outcome::Failed);
                });
        }
    }
}
