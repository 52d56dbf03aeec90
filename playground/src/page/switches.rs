//! Switches: the faults that a person turns on at the page, for one phone or for all, until they are turned off.
//!
//! Those of the mock services become a [`Fault`] for each request that they fit; those on the way of the webhook are
//! carried out by `outgoing.rs`. Faults ordered for a number of requests are in `fault.rs`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exchange::Call;
use crate::fault::{ConnectionFault, Fault, Service};
use crate::pseudonyms::Pseudonyms;

/// What is switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switches {
    /// Seconds that the model takes for every answer; 0 for none.
    pub slow_model: u32,
    /// The model answers 500 to every request.
    pub model_error: bool,
    /// The model does its work, and its answer is lost.
    pub model_drop: bool,
    /// Twilio sends what it is asked to send by REST, and its answer is lost.
    pub rest_drop: bool,
    /// Twilio loses the first answer to a webhook and sends the webhook again.
    pub retry: bool,
    /// Twilio sends every webhook twice at once.
    pub duplicate: bool,
    /// Webhooks are signed by somebody who is not Twilio.
    pub forged: bool,
}

/// The longest that the model can be told to take, in seconds.
pub const MAX_SLOW: u32 = 120;

/// A person and the number that they write to, with the prefixes of their channel.
pub type Pair = (String, String);

/// What is switched on for whom.
#[derive(Default)]
pub struct FaultSwitches(Mutex<State>);

#[derive(Default)]
struct State {
    all: Switches,
    phones: BTreeMap<Pair, Switches>,
}

/// How many phones can have something switched on.
const MAX_PHONES: usize = 100;

impl FaultSwitches {
    /// Sets the switches of one phone, or of all.
    ///
    /// # Errors
    /// A sentence that says why that cannot be.
    pub fn set(&self, pair: Option<Pair>, switches: Switches) -> Result<(), String> {
        if switches.slow_model > MAX_SLOW {
            return Err(format!("`slow_model` must be at most {MAX_SLOW} seconds"));
        }
        let mut state = self.lock();
        match pair {
            None => state.all = switches,
            Some(pair) if switches == Switches::default() => {
                state.phones.remove(&pair);
            }
            Some(pair) => {
                if state.phones.len() >= MAX_PHONES && !state.phones.contains_key(&pair) {
                    return Err(format!("{MAX_PHONES} phones have switches on already"));
                }
                state.phones.insert(pair, switches);
            }
        }
        Ok(())
    }

    /// What is on for the phone of `pair`: its own switches and those of all.
    pub fn of(&self, pair: &Pair) -> Switches {
        let state = self.lock();
        let own = state.phones.get(pair).copied().unwrap_or_default();
        state.all.and(own)
    }

    /// All that is set, for the page.
    pub fn shown(&self) -> Value {
        let state = self.lock();
        let phones: Vec<Value> = state
            .phones
            .iter()
            .map(|((from, to), switches)| json!({"from": from, "to": to, "switches": switches}))
            .collect();
        json!({"all": state.all, "phones": phones})
    }

    /// The fault for a request to a mock service, if one is on for the phone that it belongs to.
    pub fn fault(&self, service: Service, call: &Call, names: &Pseudonyms) -> Option<Fault> {
        let state = self.lock();
        let own = match service {
            Service::Openai => {
                let person = call.person();
                let is_of =
                    |pair: &Pair| person.is_some() && names.pair(&pair.0, &pair.1) == person;
                state
                    .phones
                    .iter()
                    .find(|(pair, _)| is_of(pair))
                    .map(|(_, switches)| *switches)
            }
            Service::Twilio => {
                if call.method != "POST" || !call.path.ends_with("/Messages.json") {
                    return None;
                }
                let form = call.form();
                let value = |wanted: &str| {
                    form.iter()
                        .find(|(name, _)| name == wanted)
                        .map(|(_, value)| value.as_str())
                };
                let (to, from) = (value("To"), value("From"));
                // A message sent through a Messaging Service has no sender yet.
                let is_of = |pair: &Pair| {
                    to == Some(pair.0.as_str()) && from.is_none_or(|from| from == pair.1)
                };
                state
                    .phones
                    .iter()
                    .find(|(pair, _)| is_of(pair))
                    .map(|(_, switches)| *switches)
            }
        };
        state.all.and(own.unwrap_or_default()).fault(service)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Switches {
    fn and(self, other: Self) -> Self {
        Self {
            slow_model: self.slow_model.max(other.slow_model),
            model_error: self.model_error || other.model_error,
            model_drop: self.model_drop || other.model_drop,
            rest_drop: self.rest_drop || other.rest_drop,
            retry: self.retry || other.retry,
            duplicate: self.duplicate || other.duplicate,
            forged: self.forged || other.forged,
        }
    }

    fn fault(self, service: Service) -> Option<Fault> {
        let fault = Fault::new(service);
        match service {
            Service::Openai => {
                let delay_ms =
                    (self.slow_model > 0).then(|| u64::from(self.slow_model).saturating_mul(1000));
                let connection = self.model_drop.then_some(ConnectionFault::ActThenDrop);
                // A connection that is lost brings no status.
                let status = (self.model_error && connection.is_none()).then_some(500);
                let any = delay_ms.is_some() || connection.is_some() || status.is_some();
                any.then_some(Fault {
                    delay_ms,
                    status,
                    connection,
                    ..fault
                })
            }
            Service::Twilio => self.rest_drop.then_some(Fault {
                connection: Some(ConnectionFault::ActThenDrop),
                ..fault
            }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn a_phone_has_its_own_switches_and_those_of_all() {
        let fault_switches = FaultSwitches::default();
        let (one, two) = (
            ("a".to_owned(), "x".to_owned()),
            ("b".to_owned(), "x".to_owned()),
        );
        fault_switches
            .set(
                Some(one.clone()),
                Switches {
                    forged: true,
                    slow_model: 3,
                    ..Switches::default()
                },
            )
            .unwrap();
        fault_switches
            .set(
                None,
                Switches {
                    retry: true,
                    slow_model: 2,
                    ..Switches::default()
                },
            )
            .unwrap();
        assert_eq!(
            fault_switches.of(&one),
            Switches {
                forged: true,
                retry: true,
                slow_model: 3,
                ..Switches::default()
            }
        );
        assert_eq!(
            fault_switches.of(&two),
            Switches {
                retry: true,
                slow_model: 2,
                ..Switches::default()
            }
        );
        fault_switches
            .set(Some(one.clone()), Switches::default())
            .unwrap();
        assert_eq!(fault_switches.of(&one), fault_switches.of(&two));
        assert!(
            fault_switches
                .set(
                    None,
                    Switches {
                        slow_model: MAX_SLOW + 1,
                        ..Switches::default()
                    }
                )
                .is_err()
        );
    }

    #[test]
    fn switches_become_one_fault_for_each_service() {
        let all = Switches {
            slow_model: 2,
            model_error: true,
            model_drop: true,
            rest_drop: true,
            ..Switches::default()
        };
        let model = all.fault(Service::Openai).unwrap();
        assert_eq!(
            (model.delay_ms, model.status, model.connection),
            (Some(2000), None, Some(ConnectionFault::ActThenDrop))
        );
        assert_eq!(
            all.fault(Service::Twilio).unwrap().connection,
            Some(ConnectionFault::ActThenDrop)
        );
        let error = Switches {
            model_error: true,
            ..Switches::default()
        };
        assert_eq!(error.fault(Service::Openai).unwrap().status, Some(500));
        assert_eq!(error.fault(Service::Twilio), None);
    }
}
