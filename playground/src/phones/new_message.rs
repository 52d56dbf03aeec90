//! A message that a phone of the page wants to send, and whether it can be sent.
//!
//! Not here: sending it (`outgoing`).

use serde::{Deserialize, Serialize};

use crate::webhook::channel::Channel;
use crate::webhook::inbound::{Inbound, Rich};

/// A message that the page wants to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    channel: Channel,
    from: String,
    to: String,
    #[serde(default)]
    text: String,
    /// Its files.
    #[serde(default)]
    pub(super) media: Vec<Attachment>,
    #[serde(default)]
    rich: Rich,
}

/// An attached file. It was uploaded before.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    url: String,
    content_type: String,
    /// What the person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// The longest text. It is longer than the Worker accepts, so its answer to that can be tested.
const MAX_TEXT: usize = 20_000;
/// The longest number or media type.
const MAX_NAME: usize = 100;
const MAX_FILE_NAME: usize = 255;
const MAX_URL: usize = 2_000;
const MAX_MEDIA: usize = 10;

impl NewMessage {
    /// Whether it can be sent.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, value) in [("from", &self.from), ("to", &self.to)] {
            if value.trim().is_empty() || value.chars().count() > MAX_NAME {
                return Err(format!(
                    "`{name}` must be a number or an id, such as +15550100"
                ));
            }
        }
        if self.text.chars().count() > MAX_TEXT {
            return Err(format!("`text` must have at most {MAX_TEXT} characters"));
        }
        if self.media.len() > MAX_MEDIA {
            return Err(format!("a message carries at most {MAX_MEDIA} files"));
        }
        let Rich {
            quoted,
            button,
            flow,
        } = &self.rich;
        let button = button.iter().flat_map(|one| [&one.text, &one.payload]);
        let rich = quoted.iter().chain(button).chain(flow);
        if rich
            .map(|text| text.chars().count())
            .any(|length| length > MAX_TEXT)
        {
            return Err(format!(
                "`rich` must have at most {MAX_TEXT} characters a field"
            ));
        }
        if !self.rich.is_empty() && self.channel != Channel::Whatsapp {
            return Err("quotes, buttons and forms need WhatsApp".to_owned());
        }
        for media in &self.media {
            let web_address = media.url.starts_with("http://") || media.url.starts_with("https://");
            if !web_address || media.url.len() > MAX_URL {
                return Err("the `url` of a file must be a web address".to_owned());
            }
            if media.content_type.is_empty() || media.content_type.chars().count() > MAX_NAME {
                return Err("the `content_type` of a file is missing or too long".to_owned());
            }
            let name = media.name.as_deref().unwrap_or_default();
            if name.chars().count() > MAX_FILE_NAME {
                return Err("the `name` of a file is too long".to_owned());
            }
        }
        Ok(())
    }

    /// The message as a webhook has it.
    pub(super) fn inbound(&self) -> Inbound {
        let urls = self.media.iter().map(|media| media.url.clone());
        let types = self.media.iter().map(|media| media.content_type.clone());
        let mut inbound = Inbound::new(
            self.channel,
            &self.from,
            &self.to,
            &self.text,
            urls.collect(),
            None,
        );
        inbound.media_types = types.collect();
        inbound.rich = self.rich.clone();
        inbound
    }
}
