//! Creating a transcript, and finding out whether one was created.
//!
//! Not here: reading it (`read`).

use serde::{Deserialize, Serialize};

use super::{TRANSCRIPTS, TranscriptStatus, Unread, get};
use crate::{
    base::url::BaseUrl,
    identity::{IntelligenceServiceSid, RecordingSid, TranscriptSid},
    platform::{Clock, Http, HttpRequest},
    twilio::rest::{Created, Credentials, create::create, form_request},
};

/// A transcript that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewTranscript<'a> {
    /// The service that makes it. Its operators analyse it.
    pub service: &'a IntelligenceServiceSid,
    /// The recording.
    pub recording: &'a RecordingSid,
    /// Our own key, of at most [`MAX_KEY`] characters. It comes back in the webhook.
    pub key: &'a str,
    /// Who is said to be on the channels of the recording, from channel 1 on.
    pub roles: [Role; 2],
}

/// The longest key, in characters. Twilio counts "double-byte" ones, and ours are ASCII.
pub const MAX_KEY: usize = 64;

/// The role of a participant, for operators that tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Role {
    /// Who calls about something.
    Customer,
    /// Who helps.
    Agent,
}

/// The result of the search for a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundTranscript {
    /// There is one with our key, which has come so far. Of several, the oldest.
    One(TranscriptSid, TranscriptStatus),
    /// None is listed.
    Absent,
}

/// Creates a transcript. Twilio answers 202, and begins to work.
pub async fn create_transcript(
    http: &impl Http,
    base: &BaseUrl,
    credentials: Credentials<'_>,
    new: NewTranscript<'_>,
) -> Created<TranscriptSid> {
    let request = create_request(base, credentials, new);
    create(http, &request).await
}

/// Looks for the transcript of a recording that has our key. The API has no filter for the key, but one
/// for the recording.
///
/// # Errors
/// When there is no list that could be read.
pub async fn find_transcript(
    http: &(impl Http + Clock),
    base: &BaseUrl,
    credentials: Credentials<'_>,
    wanted: NewTranscript<'_>,
) -> Result<FoundTranscript, Unread> {
    #[derive(Deserialize)]
    struct Page {
        transcripts: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        sid: String,
        #[serde(default)]
        status: Option<String>,
        #[serde(default)]
        customer_key: Option<String>,
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("ServiceSid", wanted.service.as_str())
        .append_pair("SourceSid", wanted.recording.as_str())
        .append_pair("PageSize", "50")
        .finish();
    let path = format!("{TRANSCRIPTS}?{query}");
    let page: Page = get(http, base, credentials, &path).await?;
    let ours = page
        .transcripts
        .into_iter()
        .filter(|one| one.customer_key.as_deref() == Some(wanted.key));
    // Twilio lists the newest first.
    let found = ours
        .filter_map(|one| {
            let status = TranscriptStatus::read(one.status.as_deref().unwrap_or_default());
            Some(FoundTranscript::One(one.sid.parse().ok()?, status))
        })
        .next_back();
    Ok(found.unwrap_or(FoundTranscript::Absent))
}

pub(super) fn create_request(
    base: &BaseUrl,
    credentials: Credentials<'_>,
    new: NewTranscript<'_>,
) -> HttpRequest {
    #[derive(Serialize)]
    struct Channel<'a> {
        media_properties: MediaProperties<'a>,
        participants: [Participant; 2],
    }
    #[derive(Serialize)]
    struct MediaProperties<'a> {
        source_sid: &'a str,
    }
    #[derive(Serialize)]
    struct Participant {
        channel_participant: u8,
        role: Role,
    }
    let [first, second] = new.roles;
    let channel = Channel {
        media_properties: MediaProperties {
            source_sid: new.recording.as_str(),
        },
        participants: [(1, first), (2, second)].map(|(channel_participant, role)| Participant {
            channel_participant,
            role,
        }),
    };
    // Writing to memory never fails.
    let channel = serde_json::to_string(&channel).unwrap_or_default();
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("ServiceSid", new.service.as_str())
        .append_pair("Channel", &channel)
        .append_pair("CustomerKey", new.key)
        .finish();
    form_request(base.join(TRANSCRIPTS), credentials, form)
}
