//! Fault switches: the faults that are turned on at the page, for one phone or for all.
//!
//! A fault of a mock service becomes a [`Fault`] for each request of the phone. Faults of the
//! webhook are made by `outgoing.rs`, those of calls by `voice/`. Faults for a number of requests are
//! in `fault/`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call_faults::CallFaults;
use crate::base::shared::lock;
use crate::fault::{BodyFault, ConnectionFault, Fault, Service};
use crate::http::call::Call;
use crate::webhook::pseudonyms::Pseudonyms;

/// The faults of one phone, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each switch is a field of the JSON"
)]
pub struct Switches {
    /// How many seconds the model needs for every answer. 0 is off.
    pub slow_model: u32,
    /// The model answers 500 to every request.
    pub model_error: bool,
    /// The model answers, but the answer is lost.
    pub model_drop: bool,
    /// Twilio sends a message for the REST API, but its answer is lost.
    pub rest_drop: bool,
    /// Twilio loses the first answer to a webhook and sends the webhook again.
    pub retry: bool,
    /// Twilio sends every webhook twice at once.
    pub duplicate: bool,
    /// Webhooks are signed with a wrong token.
    pub forged: bool,
    /// How the web services of the shop fail.
    pub shop: ShopFault,
    /// What goes wrong in calls.
    pub call: CallFaults,
}

/// How the web services of the shop fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShopFault {
    /// They do not.
    #[default]
    None,
    /// They take three seconds.
    Slow,
    /// They answer 500.
    Error,
    /// They answer bytes that are not JSON.
    NotJson,
    /// They answer 20 kB.
    TooLong,
    /// They redirect.
    Redirect,
    /// They never answer.
    Hang,
    /// They answer a picture's content type.
    WrongType,
}

impl ShopFault {
    fn fault(self) -> Option<Fault> {
        let fault = Fault::new(Service::Shop);
        let header = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
        Some(match self {
            Self::None => return None,
            Self::Slow => Fault {
                delay_ms: Some(3000),
                ..fault
            },
            Self::Error => Fault {
                status: Some(500),
                ..fault
            },
            Self::NotJson => Fault {
                body: Some(BodyFault::Garbage),
                ..fault
            },
            Self::TooLong => Fault {
                body: Some(BodyFault::Oversize),
                ..fault
            },
            Self::Redirect => Fault {
                status: Some(302),
                headers: header("Location", "/tools/elsewhere"),
                ..fault
            },
            Self::Hang => Fault {
                delay_ms: Some(600_000),
                ..fault
            },
            Self::WrongType => Fault {
                headers: header("Content-Type", "image/png"),
                ..fault
            },
        })
    }
}

/// The limit of `slow_model`, in seconds.
pub const MAX_SLOW: u32 = 120;

/// The addresses of a contact and of the number that they write to.
pub type Pair = (String, String);

/// The switches of all phones.
#[derive(Default)]
pub struct FaultSwitches(Mutex<State>);

#[derive(Default)]
struct State {
    all: Switches,
    phones: BTreeMap<Pair, Switches>,
}

/// How many phones can have switches of their own.
const MAX_PHONES: usize = 100;

impl FaultSwitches {
    /// Sets the switches of one phone, or of all.
    ///
    /// # Errors
    /// A sentence that says why they cannot be set.
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

    /// The faults of a phone: its own and those of all phones.
    pub fn of(&self, pair: &Pair) -> Switches {
        let state = self.lock();
        let own = state.phones.get(pair).copied().unwrap_or_default();
        state.all.and(own)
    }

    /// All switches, for the page.
    pub fn shown(&self) -> Value {
        let state = self.lock();
        let phones: Vec<Value> = state
            .phones
            .iter()
            .map(|((from, to), switches)| json!({"from": from, "to": to, "switches": switches}))
            .collect();
        json!({"all": state.all, "phones": phones})
    }

    /// The fault of a request to a mock service, if one is on for its phone.
    pub fn fault(&self, service: Service, call: &Call, pseudonyms: &Pseudonyms) -> Option<Fault> {
        let state = self.lock();
        let is_of: Box<dyn Fn(&Pair) -> bool> = match service {
            // Its events belong to no phone.
            Service::Segment => return None,
            Service::Openai | Service::Shop => {
                let contact = call.contact();
                Box::new(move |(from, to)| {
                    contact.is_some() && pseudonyms.pair(from, to) == contact
                })
            }
            Service::Twilio => {
                if call.method != "POST" || !call.path.ends_with("/Messages.json") {
                    return None;
                }
                let form = call.form();
                Box::new(move |(contact, number)| {
                    let value = |wanted: &str| {
                        let field = form.iter().find(|(name, _)| name == wanted);
                        field.map(|(_, value)| value.as_str())
                    };
                    // A message of a Messaging Service has no sender yet.
                    value("To") == Some(contact) && value("From").is_none_or(|from| from == number)
                })
            }
        };
        let own = state
            .phones
            .iter()
            .find(|(pair, _)| is_of(pair))
            .map(|(_, switches)| *switches);
        state.all.and(own.unwrap_or_default()).fault(service)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
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
            shop: if self.shop == ShopFault::None {
                other.shop
            } else {
                self.shop
            },
            call: self.call.and(other.call),
        }
    }

    fn fault(self, service: Service) -> Option<Fault> {
        let fault = Fault::new(service);
        match service {
            Service::Openai => {
                let delay_ms =
                    (self.slow_model > 0).then(|| u64::from(self.slow_model).saturating_mul(1000));
                let connection = self.model_drop.then_some(ConnectionFault::ActThenDrop);
                // A lost connection has no status.
                let status = (self.model_error && connection.is_none()).then_some(500);
                let any = delay_ms.is_some() || connection.is_some() || status.is_some();
                any.then_some(Fault {
                    status,
                    delay_ms,
                    connection,
                    ..fault
                })
            }
            Service::Shop => self.shop.fault(),
            Service::Segment => None,
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
        let switches = FaultSwitches::default();
        let (one, two) = (
            ("a".to_owned(), "x".to_owned()),
            ("b".to_owned(), "x".to_owned()),
        );
        switches
            .set(
                Some(one.clone()),
                Switches {
                    forged: true,
                    slow_model: 3,
                    ..Switches::default()
                },
            )
            .unwrap();
        switches
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
            switches.of(&one),
            Switches {
                forged: true,
                retry: true,
                slow_model: 3,
                ..Switches::default()
            }
        );
        assert_eq!(
            switches.of(&two),
            Switches {
                retry: true,
                slow_model: 2,
                ..Switches::default()
            }
        );
        switches
            .set(Some(one.clone()), Switches::default())
            .unwrap();
        assert_eq!(switches.of(&one), switches.of(&two));
        assert!(
            switches
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
    fn the_switches_make_one_fault_for_each_service() {
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
