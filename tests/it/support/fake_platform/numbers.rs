//! The phone numbers of the fake Twilio's account.
//!
//! Not here: calls between them (`rest_calls`).

use std::cell::RefCell;

use serde_json::{Value, json};

use super::FakePlatform;

/// The numbers, as Twilio lists them.
#[derive(Default)]
pub(super) struct Numbers(RefCell<Vec<Value>>);

impl FakePlatform {
    /// The account has this number, which does this with calls.
    pub fn has_number(&self, number: &str, voice_url: &str) {
        self.has_number_as(json!({
            "phone_number": number,
            "capabilities": { "voice": true, "sms": true, "mms": false, "fax": false },
            "voice_url": voice_url,
            "voice_method": "POST",
            "voice_application_sid": "",
            "trunk_sid": null,
        }));
    }

    /// The account has a number that Twilio lists like this, in the place of one that it had.
    pub fn has_number_as(&self, listed: Value) {
        let mut numbers = self.0.numbers.0.borrow_mut();
        numbers.retain(|other| other["phone_number"] != listed["phone_number"]);
        numbers.push(listed);
    }

    /// The list of numbers: those that contain what is looked for.
    pub(super) fn list_of_numbers(&self, url: &str) -> String {
        let (_, query) = url.split_once(".json?").expect("a list");
        let mut query = form_urlencoded::parse(query.as_bytes());
        let (name, wanted) = query.next().expect("a number");
        assert_eq!((name.as_ref(), query.next()), ("PhoneNumber", None));
        let numbers = self.0.numbers.0.borrow();
        let fits = |number: &&Value| number["phone_number"].as_str().unwrap().contains(&*wanted);
        let found: Vec<&Value> = numbers.iter().filter(fits).collect();
        json!({ "incoming_phone_numbers": found, "page": 0, "next_page_uri": null }).to_string()
    }
}
