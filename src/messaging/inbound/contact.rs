//! The addresses of one contact: WhatsApp may name a person by a user id, by a number, or by both.
//!
//! Not here: how their threads become one (`messaging::state::links`).

use crate::{
    identity::{Address, Channel},
    twilio::form::Form,
};

/// The addresses by which a webhook names a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactAddresses {
    /// The address that names the contact's thread: the WhatsApp user id, if there is one. It stays
    /// when the person hides the number.
    pub primary: Address,
    /// The number of a contact whose primary address is a user id, if Twilio sent it, too.
    pub number: Option<Address>,
}

impl ContactAddresses {
    /// The addresses of the contact `address`, which a webhook names. `ExternalUserId` holds the
    /// user id, whether `From` is a number or that id. `WaId` holds the number without its `+`.
    /// Neither is needed for an answer, so a value in another form is not used. Source: Twilio's
    /// announcement of WhatsApp user names, as quoted in dimagi/open-chat-studio #3322, and
    /// nyaruka/courier #1000.
    #[must_use]
    pub fn read(form: &Form, address: &Address) -> Self {
        let alone = Self {
            primary: address.clone(),
            number: None,
        };
        if address.channel() != Channel::WhatsApp {
            return alone;
        }
        if address.is_number() {
            let user = whatsapp(form.get("ExternalUserId").unwrap_or_default());
            return match user.filter(|user| !user.is_number()) {
                Some(user) => Self {
                    primary: user,
                    number: Some(address.clone()),
                },
                None => alone,
            };
        }
        let number = form.get("WaId").map(|id| id.trim_start_matches('+'));
        let number = number.and_then(|digits| whatsapp(&format!("+{digits}")));
        Self { number, ..alone }
    }
}

/// A WhatsApp address, with or without its prefix.
fn whatsapp(text: &str) -> Option<Address> {
    let address: Address = if text.starts_with("whatsapp:") {
        text.parse().ok()?
    } else {
        format!("whatsapp:{text}").parse().ok()?
    };
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "whatsapp:US.13491208655302741918";
    const NUMBER: &str = "whatsapp:+15550100";

    fn read(address: &str, fields: &[(&str, &str)]) -> (String, Option<String>) {
        let form = Form::from_pairs(fields);
        let contact = ContactAddresses::read(&form, &address.parse().unwrap());
        let text = |address: Address| address.as_str().to_owned();
        (text(contact.primary), contact.number.map(text))
    }

    #[test]
    fn a_user_id_is_the_primary_address_and_a_number_beside_it_is_the_other() {
        let joined = (USER.to_owned(), Some(NUMBER.to_owned()));
        for (address, fields) in [
            (NUMBER, [("ExternalUserId", USER)]),
            (NUMBER, [("ExternalUserId", "US.13491208655302741918")]),
            (USER, [("WaId", "15550100")]),
            (USER, [("WaId", "+15550100")]),
        ] {
            assert_eq!(read(address, &fields), joined, "{address} {fields:?}");
        }
        assert_eq!(
            read(USER, &[("ExternalUserId", USER)]),
            (USER.to_owned(), None)
        );
    }

    #[test]
    fn another_channel_or_another_form_joins_nothing() {
        for (address, fields) in [
            (NUMBER, [("ExternalUserId", "")]),
            (NUMBER, [("ExternalUserId", "not an id")]),
            (NUMBER, [("ExternalUserId", "15550101")]),
            (NUMBER, [("ExternalUserId", "whatsapp:+15550101")]),
            (NUMBER, [("WaId", "15550101")]),
            (USER, [("WaId", "US.13491208655302741918")]),
            (USER, [("WaId", "")]),
            ("+15550100", [("ExternalUserId", USER)]),
            ("rcs:+15550100", [("ExternalUserId", USER)]),
            ("messenger:2745689751200", [("WaId", "15550100")]),
        ] {
            assert_eq!(
                read(address, &fields),
                (address.to_owned(), None),
                "{fields:?}"
            );
        }
    }
}
