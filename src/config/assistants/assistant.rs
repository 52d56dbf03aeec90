//! What an assistant is, and which one answers what.
//!
//! Not here: how its file is read (`parse`), and what it does (`conversation`, `messaging`).

use std::collections::BTreeMap;

use super::{
    super::{
        endpoint::Endpoints,
        texts::{FixedText, Language, Overrides},
    },
    hand_off::HandOff,
    intake::Intake,
    prompt::Prompt,
    tools::Tool,
    voice::Voice,
};
use crate::identity::{Address, ServiceSid};

/// What an assistant is.
#[derive(Clone, Debug)]
pub struct Assistant {
    /// Its name.
    pub name: String,
    /// Whether it exists on a developer's machine only.
    pub local_only: bool,
    /// The numbers, addresses and Messaging Services that it answers.
    pub numbers: Vec<Claim>,
    /// What the model is told.
    pub prompt: Prompt,
    /// Where the model is asked.
    pub endpoints: Endpoints,
    /// The most tokens that one answer may cost, reasoning included.
    pub max_completion_tokens: u32,
    /// The model that transcribes voice notes.
    pub transcription_model: String,
    /// The language of its fixed texts.
    pub language: Language,
    /// Its own fixed texts.
    pub(super) texts: Overrides,
    /// What it can do beside talking.
    pub tools: Vec<Tool>,
    /// Whether the model may end the conversation, by the tool `end_conversation`.
    pub end_conversation: bool,
    /// What it asks for, one question at a time.
    pub intake: Option<Intake>,
    /// How it hands a contact over to a person.
    pub hand_off: Option<HandOff>,
    /// How it sounds and listens on the phone.
    pub voice: Voice,
}

impl Assistant {
    /// The first of its numbers that can call.
    #[must_use]
    pub fn phone(&self) -> Option<&Address> {
        let mut numbers = self.numbers.iter().filter_map(|claim| match claim {
            Claim::Address(address) => Some(address),
            Claim::Service(_) => None,
        });
        numbers.find(|address| address.is_phone())
    }

    /// Whether the model is offered tools, its own or built-in ones.
    #[must_use]
    pub fn has_tools(&self) -> bool {
        offers_tools(
            &self.tools,
            self.end_conversation,
            self.hand_off.as_ref(),
            self.voice.offers_tools(),
        )
    }

    /// A fixed text: the assistant's own, or that of its language.
    #[must_use]
    pub fn text(&self, text: FixedText) -> &str {
        let own = self.texts.get(&text);
        own.map_or_else(|| text.in_language(self.language), String::as_str)
    }

    /// What is said first in a call that comes in, or that we make. If it is recorded, the person is told so
    /// before anything else.
    #[must_use]
    pub fn greeting(&self, is_outbound: bool) -> String {
        let (own, text) = if is_outbound {
            (
                &self.voice.outbound_greeting,
                FixedText::CallOutboundGreeting,
            )
        } else {
            (&self.voice.greeting, FixedText::CallGreeting)
        };
        let greeting = own.as_deref().unwrap_or_else(|| self.text(text));
        if self.voice.record {
            format!("{} {greeting}", self.text(FixedText::CallRecorded))
        } else {
            greeting.to_owned()
        }
    }

    /// A fixed text with `value` in the place of its placeholder.
    #[must_use]
    pub fn text_with(&self, text: FixedText, value: &impl ToString) -> String {
        text.filled(self.text(text), value)
    }
}

/// Whether an assistant with these parts offers the model tools, `on_the_phone` alone or always.
pub(super) fn offers_tools(
    own: &[Tool],
    end_conversation: bool,
    hand_off: Option<&HandOff>,
    on_the_phone: bool,
) -> bool {
    !own.is_empty() || end_conversation || hand_off.is_some() || on_the_phone
}

/// Something that a contact can write to, and that one assistant answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// A number or address.
    Address(Address),
    /// A Messaging Service, with all its numbers.
    Service(ServiceSid),
}

impl Claim {
    /// As it stands in a file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Address(address) => address.as_str(),
            Self::Service(service) => service.as_str(),
        }
    }
}

/// All assistants of a deployment.
#[derive(Clone, Debug)]
pub struct Assistants {
    default: Assistant,
    others: Vec<Assistant>,
    /// Which of the others answers what.
    claimed: BTreeMap<Claim, usize>,
}

impl Assistants {
    /// The assistants. Of two that claim the same, the first has it.
    pub(super) fn new(default: Assistant, others: Vec<Assistant>) -> Self {
        let mut claimed = BTreeMap::new();
        for (at, assistant) in others.iter().enumerate() {
            for claim in &assistant.numbers {
                claimed.entry(claim.clone()).or_insert(at);
            }
        }
        Self {
            default,
            others,
            claimed,
        }
    }

    /// The assistant that answers a message to this number, which may have come by a Messaging
    /// Service. The number says more than the service.
    #[must_use]
    pub fn answering(&self, number: &Address, service: Option<&ServiceSid>) -> &Assistant {
        let of_number = self.claimed.get(&Claim::Address(number.clone()));
        let of_service = || {
            let service = service?.clone();
            self.claimed.get(&Claim::Service(service))
        };
        let found = of_number.or_else(of_service);
        found
            .and_then(|at| self.others.get(*at))
            .unwrap_or(&self.default)
    }

    /// The assistant of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Assistant> {
        self.iter().find(|assistant| assistant.name == name)
    }

    /// The assistant that answers the rest.
    #[must_use]
    pub fn default(&self) -> &Assistant {
        &self.default
    }

    /// All of them, `default` first.
    pub fn iter(&self) -> impl Iterator<Item = &Assistant> {
        std::iter::once(&self.default).chain(&self.others)
    }
}
