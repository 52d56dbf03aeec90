//! The phone numbers of an account: what Twilio does with calls to one.
//!
//! Source: Twilio's OpenAPI description, `twilio_api_v2010`, and "IncomingPhoneNumber resource". Not
//! here: whether that is right (`synthetic`).

use serde::Deserialize;

use super::{
    Credentials,
    list::{NoPage, page},
};
use crate::{base::url::BaseUrl, identity::Address, platform::Http};

/// The result of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundNumber {
    /// The account has it.
    One(OwnNumber),
    /// The account does not have it.
    Absent,
    /// Twilio did not accept the token (401). It can be asked with another one.
    Unauthorized,
    /// Twilio returned no list that could be read.
    Unclear,
}

/// What Twilio does with calls to a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnNumber {
    /// Whether it can make and take calls.
    pub has_voice: bool,
    /// The webhook for calls. It may be empty.
    pub voice_url: String,
    /// Whether the webhook is called with POST.
    pub is_by_post: bool,
    /// Whether calls go to an application or a trunk. Then the webhook is not called.
    pub is_elsewhere: bool,
}

/// Looks for a number of the account.
pub async fn find_number(
    http: &impl Http,
    base: &BaseUrl,
    credentials: Credentials<'_>,
    number: &Address,
) -> FoundNumber {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("PhoneNumber", number.as_str())
        .finish();
    let path = format!(
        "/2010-04-01/Accounts/{}/IncomingPhoneNumbers.json?{query}",
        credentials.account.as_str()
    );
    match page::<Page>(http, base, credentials, &path).await {
        Ok(page) => page.find(number),
        Err(NoPage::Unauthorized) => FoundNumber::Unauthorized,
        Err(NoPage::Unreadable) => FoundNumber::Unclear,
    }
}

#[derive(Deserialize)]
struct Page {
    incoming_phone_numbers: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    phone_number: String,
    #[serde(default)]
    capabilities: Capabilities,
    #[serde(default)]
    voice_url: Option<String>,
    #[serde(default)]
    voice_method: Option<String>,
    #[serde(default)]
    voice_application_sid: Option<String>,
    #[serde(default)]
    trunk_sid: Option<String>,
}

#[derive(Default, Deserialize)]
struct Capabilities {
    #[serde(default)]
    voice: bool,
}

impl Page {
    /// Twilio filters by parts of numbers, too.
    fn find(self, number: &Address) -> FoundNumber {
        let mut numbers = self.incoming_phone_numbers.into_iter();
        let found = numbers.find(|listed| listed.phone_number == number.as_str());
        let Some(listed) = found else {
            return FoundNumber::Absent;
        };
        let is_set = |sid: Option<String>| sid.is_some_and(|sid| !sid.is_empty());
        // POST is Twilio's default.
        let method = listed.voice_method.as_deref().unwrap_or_default();
        FoundNumber::One(OwnNumber {
            has_voice: listed.capabilities.voice,
            voice_url: listed.voice_url.unwrap_or_default(),
            is_by_post: method.is_empty() || method.eq_ignore_ascii_case("POST"),
            is_elsewhere: is_set(listed.voice_application_sid) || is_set(listed.trunk_sid),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(body: &str) -> FoundNumber {
        let page: Page = serde_json::from_str(body).unwrap();
        page.find(&"+15550100".parse().unwrap())
    }

    #[test]
    fn a_number_is_found_with_what_happens_to_its_calls() {
        let body = r#"{"incoming_phone_numbers":[{"phone_number":"+155501001","capabilities":{}},
            {"phone_number":"+15550100","capabilities":{"voice":true,"sms":false},"trunk_sid":null,
            "voice_url":"https://example.com/twilio/voice","voice_method":"POST","voice_application_sid":""}]}"#;
        let number = OwnNumber {
            has_voice: true,
            voice_url: "https://example.com/twilio/voice".into(),
            is_by_post: true,
            is_elsewhere: false,
        };
        assert_eq!(find(body), FoundNumber::One(number));
    }

    #[test]
    fn a_number_whose_name_only_contains_it_is_another_one() {
        let body = r#"{"incoming_phone_numbers":[{"phone_number":"+155501001"}]}"#;
        assert_eq!(find(body), FoundNumber::Absent);
    }

    #[test]
    fn an_application_or_a_trunk_takes_the_calls_from_the_webhook() {
        for taken in [r#""voice_application_sid":"AP1""#, r#""trunk_sid":"TK1""#] {
            let body = format!(
                r#"{{"incoming_phone_numbers":[{{"phone_number":"+15550100","voice_method":"GET",{taken}}}]}}"#
            );
            let FoundNumber::One(number) = find(&body) else {
                panic!("{body}");
            };
            assert!(number.is_elsewhere && !number.is_by_post && !number.has_voice);
        }
    }
}
