//! The phone numbers and Messaging Services of each account.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use serde_json::{Map, Value, json};

use super::resource::{Resource, is, number, service, sid, text};
use crate::base::shared::lock;

/// The numbers and services of each account. An account gets them with its first request, always
/// the same ones.
pub struct Numbers {
    accounts: Mutex<BTreeMap<String, Account>>,
    /// Numbers that every account can call from, and that the API does not show.
    callers: Vec<String>,
    /// The webhooks of the Worker.
    worker: Callee,
}

/// Where a call to a number of an account goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callee {
    /// Where its TwiML is. Empty: nobody has set it.
    pub voice_url: String,
    /// Where the end of the call is posted to. Empty: nowhere.
    pub status_callback: String,
}

/// The number that synthetic calls come from, and the one that they go to. `scripts/lib/local.mjs` gives
/// them to the Worker.
const SYNTHETIC_CALLER: &str = "+15550155";
const SYNTHETIC_CALLEE: &str = "+15550156";

impl Numbers {
    /// The numbers of no account yet. Every account can call from `callers`, too. Calls to them and to
    /// the callee of synthetic calls go to `worker`.
    pub fn new(callers: Vec<String>, worker: Callee) -> Self {
        Self {
            accounts: Mutex::default(),
            callers,
            worker,
        }
    }

    /// Where a call to this number goes. `None`: it is no number of the account.
    pub fn callee(&self, account: &str, wanted: &str) -> Option<Callee> {
        if self.callers.iter().any(|caller| caller == wanted) {
            return Some(self.worker.clone());
        }
        self.with(account, |account| {
            let is_wanted = |number: &&Resource| text(number, "phone_number") == wanted;
            let number = account.numbers.iter().find(is_wanted)?;
            Some(Callee {
                voice_url: text(number, "voice_url").to_owned(),
                status_callback: text(number, "status_callback").to_owned(),
            })
        })
    }

    /// Whether an account can call from this number.
    pub fn has(&self, account: &str, wanted: &str) -> bool {
        let is_wanted = |number: &Resource| text(number, "phone_number") == wanted;
        self.callers.iter().any(|caller| caller == wanted)
            || self.with(account, |account| account.numbers.iter().any(is_wanted))
    }

    /// The numbers and services of all accounts as the API shows them, by the SID of the account.
    pub fn show(&self) -> Value {
        let accounts = self.lock();
        accounts
            .iter()
            .map(|(sid, account)| {
                let services: Vec<_> = account
                    .services
                    .iter()
                    .map(|service| &service.resource)
                    .collect();
                (
                    sid.clone(),
                    json!({"numbers": account.numbers, "services": services}),
                )
            })
            .collect::<Map<String, Value>>()
            .into()
    }

    /// Undoes all changes.
    pub fn reset(&self) {
        self.lock().clear();
    }

    /// Runs `act` on an account.
    pub fn with<R>(&self, account: &str, act: impl FnOnce(&mut Account) -> R) -> R {
        act(self
            .lock()
            .entry(account.to_owned())
            .or_insert_with(|| Account::fresh(account, &self.worker)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Account>> {
        lock(&self.accounts)
    }
}

/// The numbers and services of one account.
pub struct Account {
    /// The phone numbers.
    pub numbers: Vec<Resource>,
    /// The Messaging Services.
    pub services: Vec<Service>,
}

/// A Messaging Service.
pub struct Service {
    /// The service as the API shows it.
    pub resource: Resource,
    /// The SIDs of its numbers.
    members: Vec<Value>,
}

/// The resource that a request is about, by its SID.
pub enum Target {
    /// A phone number.
    Number(String),
    /// A Messaging Service.
    Service(String),
}

impl Account {
    /// The resource of a request.
    pub fn find(&mut self, target: &Target) -> Option<&mut Resource> {
        match target {
            Target::Number(sid) => self.numbers.iter_mut().find(|number| is(number, sid)),
            Target::Service(sid) => self
                .services
                .iter_mut()
                .map(|service| &mut service.resource)
                .find(|service| is(service, sid)),
        }
    }

    /// One number of every kind that matters when its webhook is set, and two for synthetic calls.
    fn fresh(account: &str, worker: &Callee) -> Self {
        let other_url = ("sms_url", json!("https://another.example/sms"));
        let numbers = [
            number(account, "+15550199", "the number of `npm run say`", &[]),
            // A search for +15550150 finds this number too, because it matches a part of it.
            number(account, "+155501501", "one digit more", &[]),
            number(
                account,
                "+15550150",
                "another webhook, by GET",
                &[other_url.clone(), ("sms_method", json!("GET"))],
            ),
            number(
                account,
                "+15550151",
                "an application's",
                &[other_url, ("sms_application_sid", sid("AP"))],
            ),
            number(
                account,
                "+15550152",
                "no SMS",
                &[(
                    "capabilities",
                    json!({"voice": true, "sms": false, "mms": false, "fax": false}),
                )],
            ),
            number(account, "+15550153", "in a service", &[]),
            number(
                account,
                "+15550154",
                "in a service that leaves it to its numbers",
                &[],
            ),
            number(
                account,
                SYNTHETIC_CALLER,
                "synthetic calls come from it",
                &[],
            ),
            number(
                account,
                SYNTHETIC_CALLEE,
                "synthetic calls go to it",
                &[
                    ("voice_url", json!(worker.voice_url)),
                    ("status_callback", json!(worker.status_callback)),
                ],
            ),
        ];
        let members = |wanted: &str| -> Vec<Value> {
            numbers
                .iter()
                .filter(|number| text(number, "phone_number") == wanted)
                .filter_map(|number| number.get("sid").cloned())
                .collect()
        };
        let services = vec![
            Service {
                resource: service(account, "its own webhook", false),
                members: members("+15550153"),
            },
            Service {
                resource: service(account, "the webhooks of its numbers", true),
                members: members("+15550154"),
            },
        ];
        Self {
            numbers: numbers.into(),
            services,
        }
    }

    /// A phone number as a member of a Messaging Service.
    pub fn member(&self, service: &str, number: &str) -> Option<Value> {
        let service = self
            .services
            .iter()
            .find(|other| is(&other.resource, service))?;
        let sid = service
            .members
            .iter()
            .find(|member| member.as_str() == Some(number))?;
        let number = self
            .numbers
            .iter()
            .find(|other| other.get("sid") == Some(sid))?;
        let url = format!(
            "https://messaging.twilio.com/v1/Services/{}/PhoneNumbers/{}",
            text(&service.resource, "sid"),
            text(number, "sid")
        );
        Some(json!({
            "sid": sid,
            "account_sid": number.get("account_sid"),
            "service_sid": service.resource.get("sid"),
            "phone_number": number.get("phone_number"),
            "country_code": "US",
            "capabilities": ["SMS"],
            "date_created": number.get("date_created"),
            "date_updated": number.get("date_updated"),
            "url": url
        }))
    }
}
