//! The parameters that Twilio posts when a contact writes to a number.

use serde::Deserialize;
use serde_json::json;

use crate::base::address::id_of;
use crate::base::content_type;
use crate::base::random::random_hex;
use crate::twilio::media_store::ACCOUNT_SID;
use crate::twilio::text::segments;
use crate::webhook::channel::{Channel, address};

/// What a person sends on WhatsApp besides a text and files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rich {
    /// The SID of the message that is quoted.
    pub quoted: Option<String>,
    /// The button that is pressed.
    pub button: Option<Button>,
    /// The answers of a form (a WhatsApp Flow), as JSON.
    pub flow: Option<String>,
}

/// A button of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Button {
    /// Its text.
    pub text: String,
    /// Its payload, which the person does not see.
    pub payload: String,
}

impl Rich {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A new SID for a message with these files.
pub fn new_sid(media: &[String]) -> String {
    let prefix = if media.is_empty() { "SM" } else { "MM" };
    format!("{prefix}{}", random_hex())
}

/// A message from a contact.
#[derive(Clone)]
pub struct Inbound {
    /// Its channel.
    pub channel: Channel,
    /// The address of the contact, with the prefix of the channel.
    pub from: String,
    /// The number that receives it, with the prefix of the channel.
    pub to: String,
    /// The text.
    pub text: String,
    /// The URLs of the attached files.
    pub media: Vec<String>,
    /// Their media types.
    pub media_types: Vec<String>,
    /// The SID of the message.
    pub sid: String,
    /// The WhatsApp user id of a contact whose number is shown.
    pub user_id: Option<String>,
    /// The other members of a group.
    pub group: Vec<String>,
    /// The Messaging Service that the number belongs to.
    pub service: Option<String>,
    /// What is sent besides.
    pub rich: Rich,
}

impl Inbound {
    /// What the person sees of it: the text, or what was chosen.
    pub fn shown_text(&self) -> &str {
        let Rich { button, flow, .. } = &self.rich;
        let choice = button.as_ref().map(|button| &button.text).or(flow.as_ref());
        choice
            .filter(|_| self.text.is_empty())
            .unwrap_or(&self.text)
    }

    /// A message. The addresses get the prefix of the channel, and without `sid` the message gets a
    /// new one.
    pub fn new(
        channel: Channel,
        from: &str,
        to: &str,
        text: &str,
        media: Vec<String>,
        sid: Option<String>,
    ) -> Self {
        Self {
            channel,
            from: address(channel, from),
            to: address(channel, to),
            text: text.to_owned(),
            sid: sid.unwrap_or_else(|| new_sid(&media)),
            media_types: media
                .iter()
                .map(|url| content_type::of_path(url).to_owned())
                .collect(),
            media,
            user_id: None,
            group: Vec::new(),
            service: None,
            rich: Rich::default(),
        }
    }

    /// The parameters, in the order of the form.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        let mut add =
            |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
        add("MessageSid", &self.sid);
        add("SmsSid", &self.sid);
        add("SmsMessageSid", &self.sid);
        add("AccountSid", ACCOUNT_SID);
        add("SmsStatus", "received");
        add("ApiVersion", "2010-04-01");
        add("From", &self.from);
        add("To", &self.to);
        // WhatsApp repeats the text of a button as the text.
        let button = self.rich.button.as_ref().filter(|_| self.text.is_empty());
        add("Body", button.map_or(&self.text, |button| &button.text));
        add("NumMedia", &self.media.len().to_string());
        for (index, (url, media_type)) in self.media.iter().zip(&self.media_types).enumerate() {
            add(&format!("MediaUrl{index}"), url);
            add(&format!("MediaContentType{index}"), media_type);
        }
        if let Some(service) = &self.service {
            add("MessagingServiceSid", service);
        }
        for (index, member) in self.group.iter().enumerate() {
            add(&format!("OtherRecipients{index}"), member);
        }
        match self.channel {
            Channel::Sms | Channel::ShortCode => {
                add("NumSegments", &segments(&self.text).to_string());
                // Twilio sends unknown details of a number as empty parameters.
                add("FromCity", "");
                add("FromState", "CA");
                add("FromZip", "");
                add("FromCountry", "US");
                add("ToCity", "SAN FRANCISCO");
                add("ToState", "CA");
                add("ToZip", "");
                add("ToCountry", "US");
            }
            Channel::Rcs | Channel::Messenger => add("NumSegments", "1"),
            Channel::Whatsapp | Channel::WhatsappUser => {
                // A person with a user name has no number, so Twilio leaves out WaId.
                let number = id_of(&self.from).strip_prefix('+');
                let mut context = json!({"ProfileName": PROFILE_NAME});
                if let (Some(fields), Some(number)) = (context.as_object_mut(), number) {
                    fields.insert("WaId".to_owned(), number.into());
                }
                let metadata = json!({"type": "whatsapp", "data": {"context": context}});
                let user = match number {
                    None => Some(self.from.clone()),
                    Some(_) => self
                        .user_id
                        .as_ref()
                        .map(|id| address(Channel::WhatsappUser, id)),
                };
                if let Some(user) = user {
                    add("ExternalUserId", &user);
                }
                if let Some(number) = number {
                    add("WaId", number);
                }
                add("NumSegments", "1");
                add(
                    "MessageType",
                    if self.rich.button.is_some() {
                        "button"
                    } else if self.rich.flow.is_some() {
                        "interactive"
                    } else if self.media.is_empty() {
                        "text"
                    } else {
                        "image"
                    },
                );
                add("ProfileName", PROFILE_NAME);
                add("ReferralNumMedia", "0");
                add("ChannelMetadata", &metadata.to_string());
            }
        }
        let mut add =
            |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
        if let Some(quoted) = &self.rich.quoted {
            add("OriginalRepliedMessageSid", quoted);
            add("OriginalRepliedMessageSender", &self.to);
        }
        if let Some(button) = &self.rich.button {
            add("ButtonText", &button.text);
            add("ButtonPayload", &button.payload);
        }
        if let Some(flow) = &self.rich.flow {
            add("InteractiveData", flow);
        }
        parameters
    }
}

const PROFILE_NAME: &str = "Playground Person";

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
        parameters
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_text_message_has_the_fields_of_sms() {
        let inbound = Inbound::new(
            Channel::Sms,
            "+15550100",
            "+15550199",
            "Hi",
            Vec::new(),
            None,
        );
        let parameters = inbound.parameters();
        let sid = value(&parameters, "MessageSid").unwrap_or_default();
        assert!(sid.starts_with("SM") && sid.len() == 34, "{sid}");
        assert_eq!(value(&parameters, "SmsSid"), Some(sid));
        assert_eq!(value(&parameters, "From"), Some("+15550100"));
        assert_eq!(value(&parameters, "NumMedia"), Some("0"));
        assert_eq!(value(&parameters, "FromCity"), Some(""));
        assert_eq!(value(&parameters, "WaId"), None);
    }

    #[test]
    fn a_whatsapp_message_has_prefixed_addresses_and_the_profile() {
        let inbound = Inbound::new(
            Channel::Whatsapp,
            "+15550100",
            "whatsapp:+15550199",
            "Hi",
            Vec::new(),
            None,
        );
        let parameters = inbound.parameters();
        assert_eq!(value(&parameters, "From"), Some("whatsapp:+15550100"));
        assert_eq!(value(&parameters, "To"), Some("whatsapp:+15550199"));
        assert_eq!(value(&parameters, "WaId"), Some("15550100"));
        assert!(value(&parameters, "ProfileName").is_some());
        assert_eq!(value(&parameters, "FromCity"), None);
    }

    #[test]
    fn a_whatsapp_user_has_an_id_and_no_number_unless_both_are_known() {
        let inbound =
            |channel, from: &str| Inbound::new(channel, from, "+15550199", "Hi", Vec::new(), None);
        let user = "whatsapp:US.13491208655302741918";
        let parameters = inbound(Channel::WhatsappUser, "US.13491208655302741918").parameters();
        assert_eq!(value(&parameters, "From"), Some(user));
        assert_eq!(value(&parameters, "ExternalUserId"), Some(user));
        assert_eq!(value(&parameters, "WaId"), None);
        let both = Inbound {
            user_id: Some("US.13491208655302741918".to_owned()),
            ..inbound(Channel::Whatsapp, "+15550100")
        };
        let parameters = both.parameters();
        assert_eq!(value(&parameters, "From"), Some("whatsapp:+15550100"));
        assert_eq!(value(&parameters, "ExternalUserId"), Some(user));
        assert_eq!(value(&parameters, "WaId"), Some("15550100"));
    }

    #[test]
    fn rcs_and_messenger_have_addresses_of_their_own_and_a_group_names_its_members() {
        let rcs = Inbound::new(
            Channel::Rcs,
            "+15550100",
            "brand_x_agent",
            "Hi",
            Vec::new(),
            None,
        );
        assert_eq!(
            (&*rcs.from, &*rcs.to),
            ("rcs:+15550100", "rcs:brand_x_agent")
        );
        let messenger = Inbound::new(
            Channel::Messenger,
            "1",
            "messenger:2",
            "Hi",
            Vec::new(),
            None,
        );
        assert_eq!(
            (&*messenger.from, &*messenger.to),
            ("messenger:1", "messenger:2")
        );
        let group = Inbound {
            group: vec!["+15550101".to_owned(), "+15550102".to_owned()],
            ..Inbound::new(
                Channel::Sms,
                "+15550100",
                "+15550199",
                "Hi",
                Vec::new(),
                None,
            )
        };
        let parameters = group.parameters();
        assert_eq!(value(&parameters, "OtherRecipients1"), Some("+15550102"));
    }

    #[test]
    fn media_are_numbered_and_typed_by_their_extension() {
        let media = vec![
            "https://example.com/a.JPG?x=.png".to_owned(),
            "https://example.com/unknown".to_owned(),
        ];
        let inbound = Inbound::new(Channel::Sms, "+15550100", "+15550199", "", media, None);
        let parameters = inbound.parameters();
        assert!(inbound.sid.starts_with("MM"));
        assert_eq!(value(&parameters, "NumMedia"), Some("2"));
        assert_eq!(value(&parameters, "MediaContentType0"), Some("image/jpeg"));
        assert_eq!(
            value(&parameters, "MediaContentType1"),
            Some("application/octet-stream")
        );
        assert_eq!(
            value(&parameters, "MediaUrl1"),
            Some("https://example.com/unknown")
        );
    }

    #[test]
    fn a_quote_a_button_and_a_form_have_their_fields() {
        let mut inbound = Inbound::new(
            Channel::Whatsapp,
            "+15550100",
            "+15550199",
            "",
            vec![],
            None,
        );
        inbound.rich.quoted = Some("SMxyz".to_owned());
        inbound.rich.button = Some(Button {
            text: "Book".to_owned(),
            payload: "table_7".to_owned(),
        });
        let parameters = inbound.parameters();
        for (name, expected) in [
            ("Body", "Book"),
            ("MessageType", "button"),
            ("ButtonText", "Book"),
            ("ButtonPayload", "table_7"),
            ("OriginalRepliedMessageSid", "SMxyz"),
            ("OriginalRepliedMessageSender", "whatsapp:+15550199"),
        ] {
            assert_eq!(value(&parameters, name), Some(expected), "{name}");
        }
        inbound.rich = Rich {
            flow: Some("{}".to_owned()),
            ..Rich::default()
        };
        let parameters = inbound.parameters();
        assert_eq!(value(&parameters, "MessageType"), Some("interactive"));
        assert_eq!(value(&parameters, "InteractiveData"), Some("{}"));
        assert_eq!(value(&parameters, "Body"), Some(""));
    }

    #[test]
    fn a_given_sid_is_used_for_replays() {
        let inbound = Inbound::new(
            Channel::Sms,
            "a",
            "b",
            "",
            Vec::new(),
            Some("SMxyz".to_owned()),
        );
        assert_eq!(inbound.sid, "SMxyz");
    }
}
