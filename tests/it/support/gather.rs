//! What Twilio does in a call without a socket: it posts what a document has gathered, and follows redirects.
//!
//! It is an extension of [`Call`]. Not here: how Twilio speaks and listens.

use super::phone::{Call, Verb};

impl Call {
    /// Posts to the URL that a document names, as Twilio does.
    pub async fn follows(&self, url: &str, fields: &[(&str, &str)]) -> Vec<Verb> {
        let path = url.strip_prefix(super::ORIGIN).expect("a URL of ours");
        let answered = [("CallStatus", "in-progress")];
        self.webhook(path, &[&answered, fields].concat()).await
    }

    /// The caller has said this to a document. Returns the next one.
    pub async fn tells(&self, document: &[Verb], words: &str) -> Vec<Verb> {
        let fields = [("SpeechResult", words), ("Confidence", "0.92")];
        self.follows(action(document), &fields).await
    }

    /// The caller was silent.
    pub async fn is_silent(&self, document: &[Verb]) -> Vec<Verb> {
        self.follows(action(document), &[("Digits", "")]).await
    }

    /// The call is over, as Twilio tells by the status callback.
    pub async fn is_over(&self) {
        let fields = [("CallStatus", "completed"), ("CallDuration", "9")];
        let response = self.response("/twilio/voice/status", &fields).await;
        assert_eq!(response.status, 204);
    }
}

/// Where a document posts what it gathers.
pub fn action(document: &[Verb]) -> &str {
    let gather = document.iter().find(|verb| verb.name == "Gather");
    gather.expect("it listens").attribute("action").unwrap()
}

/// Where a document redirects to.
pub fn redirect(document: &[Verb]) -> &str {
    let redirect = document.iter().find(|verb| verb.name == "Redirect");
    &redirect.expect("it redirects").text
}

/// What a document says.
pub fn says(document: &[Verb]) -> String {
    let say = document.iter().filter(|verb| verb.name == "Say");
    say.map(|verb| verb.text.as_str()).collect()
}

/// The names of a document's elements.
pub fn names(document: &[Verb]) -> Vec<&str> {
    document.iter().map(|verb| verb.name.as_str()).collect()
}
