//! Transcribing the recording of a call: the port to a service that does it, and its one
//! implementation, Twilio Intelligence v2.
//!
//! A transcript is created once, and its creation is not repeated blindly. Sizes are bounded here, so
//! that what is stored is. Not here: the requests (`twilio::intelligence`), when they are made
//! (`synthetic::run`), and what a transcript says about a conversation (`synthetic::analysis`).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    base::url::BaseUrl,
    config::Config,
    identity::{AccountSid, IntelligenceServiceSid, RecordingSid, TranscriptSid},
    platform::{Clock, Http},
    twilio::{
        intelligence::{
            self, FoundTranscript, NewTranscript, Role, TranscriptStatus, Unread,
            create_transcript, find_transcript,
        },
        rest::{Created, Credentials, all_credentials, first_accepted},
    },
};

/// A service that transcribes recordings.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait Transcriber {
    /// The id of a transcript.
    type Id;

    /// Creates the transcript of a recording. It keeps our key, of at most 64 ASCII characters.
    async fn create(&self, recording: &RecordingSid, key: &str) -> Requested<Self::Id>;

    /// Looks for a transcript whose creation has an unknown outcome. `None`: there is none.
    ///
    /// # Errors
    /// When it is not known.
    async fn find(&self, recording: &RecordingSid, key: &str) -> Result<Option<Self::Id>, NotRead>;

    /// How far a transcript is.
    ///
    /// # Errors
    /// When it is not known.
    async fn progress(&self, transcript: &Self::Id) -> Result<Progress, NotRead>;

    /// Reads a transcript that is ready.
    ///
    /// # Errors
    /// When it was not read to its end.
    async fn read(&self, transcript: &Self::Id) -> Result<Transcribed, NotRead>;
}

/// What came of the request to create a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested<Id> {
    /// It was created.
    Created(Id),
    /// It was not. The request can be made again later.
    Later,
    /// It never will be.
    Never(Refusal),
    /// It may have been created. It is to be looked for.
    Unknown,
}

/// Why something was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRead {
    /// It can be tried again, not before this wait is over.
    Later(Option<Duration>),
    /// It never will be.
    Never(Refusal),
}

/// Why a service refuses for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It accepts none of our tokens.
    Unauthorized,
    /// It refuses this: its error code, or the status if there was none.
    Rejected(u32),
}

/// How far a transcript is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The service works on it.
    Working,
    /// It can be read.
    Ready,
    /// There will be none.
    Failed,
}

/// A transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcribed {
    /// Its sentences, in order.
    pub sentences: Vec<Sentence>,
    /// What operators have found.
    pub operators: Vec<OperatorResult>,
}

/// A sentence that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The channel of the recording.
    pub channel: u32,
    /// When it begins, in milliseconds after the recording began.
    pub starts_ms: Option<u32>,
    /// The words.
    pub text: String,
}

/// What an operator has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorResult {
    /// Its name.
    pub name: String,
    /// Its type, such as `text-generation`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The fields of the service's answer that say something. `null`: they are too long to be kept.
    pub result: Option<Map<String, Value>>,
}

/// The most characters of all sentences that are kept. A call of 15 minutes has a fifth of them.
const MAX_CHARS: usize = 100_000;
/// The longest sentence, in characters.
const MAX_SENTENCE_CHARS: usize = 2000;
/// The most results of operators that are kept.
const MAX_OPERATORS: usize = 20;
/// The longest result of an operator, in bytes of JSON.
const MAX_RESULT_BYTES: usize = 4096;
/// The longest name of an operator or a type, in characters.
const MAX_NAME_CHARS: usize = 100;

/// Twilio Intelligence v2.
#[derive(Debug)]
pub struct IntelligenceV2<'a, P> {
    platform: &'a P,
    config: &'a Config,
    base: &'a BaseUrl,
    account: &'a AccountSid,
    service: &'a IntelligenceServiceSid,
}

impl<'a, P: Http + Clock> IntelligenceV2<'a, P> {
    /// The service of the configuration. `None`: there is none.
    #[must_use]
    pub fn of(platform: &'a P, config: &'a Config) -> Option<Self> {
        Some(Self {
            platform,
            config,
            base: &config.twilio_intelligence_base_url,
            account: config.twilio_account.as_ref()?,
            service: config.intelligence_service.as_ref()?,
        })
    }

    fn wanted<'n>(&'n self, recording: &'n RecordingSid, key: &'n str) -> NewTranscript<'n> {
        NewTranscript {
            service: self.service,
            recording,
            key,
            // Sources differ about the order of channels, so these are a guess for operators. Nothing
            // of ours rests on it.
            roles: [Role::Customer, Role::Agent],
        }
    }

    /// Asks with each token, until one is accepted.
    async fn ask<T>(
        &self,
        ask: impl AsyncFn(Credentials<'_>) -> Result<T, Unread>,
    ) -> Result<T, NotRead> {
        let tokens = all_credentials(self.config, self.account);
        let is_refused = |answer: &Result<T, Unread>| matches!(answer, Err(Unread::Unauthorized));
        match first_accepted(tokens, is_refused, ask).await {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(Unread::Refused(code))) => Err(NotRead::Never(Refusal::Rejected(code))),
            Some(Err(Unread::Later { wait })) => Err(NotRead::Later(wait)),
            Some(Err(Unread::Unauthorized)) | None => Err(NotRead::Never(Refusal::Unauthorized)),
        }
    }
}

impl<P: Http + Clock> Transcriber for IntelligenceV2<'_, P> {
    type Id = TranscriptSid;

    async fn create(&self, recording: &RecordingSid, key: &str) -> Requested<TranscriptSid> {
        let new = self.wanted(recording, key);
        let create = async |credentials: Credentials<'_>| {
            create_transcript(self.platform, self.base, credentials, new).await
        };
        let tokens = all_credentials(self.config, self.account);
        let is_refused = |created: &Created<_>| *created == Created::Unauthorized;
        match first_accepted(tokens, is_refused, create).await {
            Some(Created::Sent(Some(id))) => Requested::Created(id),
            Some(Created::Sent(None) | Created::Unknown) => Requested::Unknown,
            Some(Created::NotProcessed(_)) => Requested::Later,
            Some(Created::Rejected(code) | Created::OptedOut(code)) => {
                Requested::Never(Refusal::Rejected(code))
            }
            Some(Created::Unauthorized) | None => Requested::Never(Refusal::Unauthorized),
        }
    }

    async fn find(
        &self,
        recording: &RecordingSid,
        key: &str,
    ) -> Result<Option<TranscriptSid>, NotRead> {
        let wanted = self.wanted(recording, key);
        let find = async |credentials: Credentials<'_>| {
            find_transcript(self.platform, self.base, credentials, wanted).await
        };
        Ok(match self.ask(find).await? {
            FoundTranscript::One(id, _) => Some(id),
            FoundTranscript::Absent => None,
        })
    }

    async fn progress(&self, id: &TranscriptSid) -> Result<Progress, NotRead> {
        let look = async |credentials: Credentials<'_>| {
            intelligence::transcript(self.platform, self.base, credentials, id).await
        };
        Ok(match self.ask(look).await? {
            TranscriptStatus::Working => Progress::Working,
            TranscriptStatus::Completed => Progress::Ready,
            TranscriptStatus::Failed | TranscriptStatus::Canceled => Progress::Failed,
        })
    }

    async fn read(&self, id: &TranscriptSid) -> Result<Transcribed, NotRead> {
        let read = async |credentials: Credentials<'_>| {
            let (platform, base) = (self.platform, self.base);
            let sentences = intelligence::sentences(platform, base, credentials, id).await?;
            let results = intelligence::operator_results(platform, base, credentials, id).await?;
            Ok((sentences, results))
        };
        let (sentences, results) = self.ask(read).await?;
        Ok(Transcribed {
            sentences: bounded(sentences),
            operators: results
                .into_iter()
                .take(MAX_OPERATORS)
                .map(operator_result)
                .collect(),
        })
    }
}

fn bounded(read: Vec<intelligence::Sentence>) -> Vec<Sentence> {
    let mut left = MAX_CHARS;
    let sentences = read.into_iter().map(sentence).take_while(|sentence| {
        let length = sentence.text.chars().count();
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    sentences.collect()
}

fn sentence(read: intelligence::Sentence) -> Sentence {
    Sentence {
        channel: read.channel,
        starts_ms: read.starts_ms,
        text: first(read.text, MAX_SENTENCE_CHARS),
    }
}

fn operator_result(read: intelligence::OperatorResult) -> OperatorResult {
    let length = serde_json::to_string(&read.result).map_or(usize::MAX, |text| text.len());
    OperatorResult {
        name: first(read.name, MAX_NAME_CHARS),
        kind: first(read.kind, MAX_NAME_CHARS),
        result: (length <= MAX_RESULT_BYTES).then_some(read.result),
    }
}

/// The first characters of a text.
fn first(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_of_a_transcript_is_bounded() {
        let long = intelligence::Sentence {
            channel: 1,
            index: 0,
            starts_ms: None,
            ends_ms: None,
            text: "é".repeat(5000),
            confidence_percent: None,
        };
        let kept = bounded(vec![long; 1000]);
        assert_eq!(kept[0].text, "é".repeat(2000));
        assert_eq!(kept.len(), 50);
        let result = |length: usize| {
            let json_results = json!({ "json_results": "x".repeat(length) });
            operator_result(intelligence::OperatorResult {
                name: "n".repeat(200),
                kind: "json".to_owned(),
                result: json_results.as_object().cloned().unwrap(),
            })
        };
        assert_eq!(result(1).name.len(), 100);
        assert!(result(4000).result.is_some());
        assert_eq!(result(5000).result, None);
    }
}
