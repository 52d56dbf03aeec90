//! Callers: who calls, as far as Twilio says so.
//!
//! Not here: the names that stand for a caller in logs and storage (`pseudonym`).

use std::fmt;

use super::Address;

/// Who calls. Every text is one: a caller whose number nobody understands is still a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody that Twilio names.
    Known(CallerId),
    /// Somebody who withholds the number.
    Withheld,
}

/// The name that Twilio gives a caller: a phone number such as `+15550100`, `client:ana` of an app,
/// `sip:ana@example.com`, or whatever else a network passes on.
#[derive(Clone, PartialEq, Eq)]
pub struct CallerId(String);

/// What stands in the place of a number that is withheld. Source: Twilio, "Upcoming changes to
/// withheld caller ID behavior for `<Dial>` calls" (2022): the words themselves, or their letters on
/// a keypad.
const WITHHELD: [(&str, &str); 6] = [
    ("anonymous", "266696687"),
    ("restricted", "7378742833"),
    ("unavailable", "86282452253"),
    ("blocked", "2562533"),
    ("unknown", "8656696"),
    ("private", "7748283"),
];

impl Caller {
    /// Reads what Twilio says about a caller. It may say nothing.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() || is_withheld(text) {
            Self::Withheld
        } else {
            Self::Known(CallerId(text.to_owned()))
        }
    }

    /// The caller's phone number, if it has one.
    #[must_use]
    pub fn number(&self) -> Option<Address> {
        let Self::Known(id) = self else { return None };
        id.0.parse().ok().filter(Address::is_number)
    }
}

impl CallerId {
    /// The name as Twilio gives it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Personal data: the debug form does not show it.
impl fmt::Debug for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerId(..)")
    }
}

/// Whether a text says that the number is withheld. A SIP address says so by its user (RFC 3323,
/// section 4.1.1.3).
fn is_withheld(text: &str) -> bool {
    let user = text.strip_prefix("sip:").or(text.strip_prefix("sips:"));
    let said = user.map_or(text, |user| user.split('@').next().unwrap_or_default());
    let digits = said.strip_prefix('+').unwrap_or(said);
    WITHHELD
        .iter()
        .any(|(word, on_keypad)| said.eq_ignore_ascii_case(word) || digits == *on_keypad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_known_by_whatever_twilio_names() {
        for (text, number) in [
            ("+15550100", Some("+15550100")),
            (" +15550100", Some("+15550100")),
            ("whatsapp:+15550100", Some("whatsapp:+15550100")),
            ("client:ana", None),
            ("sip:ana@example.com", None),
            ("sip:+15550100@example.com", None),
            ("55501", None),
            ("15550100", None),
            ("anon", None),
            ("client:anonymous", None),
        ] {
            let caller = Caller::read(text);
            let Caller::Known(id) = &caller else {
                panic!("{text}");
            };
            assert_eq!(id.as_str(), text.trim());
            let found = caller.number();
            assert_eq!(found.as_ref().map(Address::as_str), number, "{text}");
        }
    }

    #[test]
    fn every_way_to_withhold_a_number_is_the_same_caller() {
        for text in [
            "",
            " ",
            "anonymous",
            "Anonymous",
            "ANONYMOUS",
            "Restricted",
            "Unavailable",
            "unknown",
            "blocked",
            "private",
            "+266696687",
            "266696687",
            "+7378742833",
            "+86282452253",
            "+2562533",
            "+8656696",
            "sip:anonymous@anonymous.invalid",
            "sips:Anonymous@example.com",
        ] {
            assert_eq!(Caller::read(text), Caller::Withheld, "{text}");
            assert_eq!(Caller::read(text).number(), None);
        }
    }

    #[test]
    fn the_numbers_of_a_withheld_caller_are_its_words_on_a_keypad() {
        for (word, on_keypad) in WITHHELD {
            let digit = |letter: char| match letter {
                'a'..='c' => '2',
                'd'..='f' => '3',
                'g'..='i' => '4',
                'j'..='l' => '5',
                'm'..='o' => '6',
                'p'..='s' => '7',
                't'..='v' => '8',
                _ => '9',
            };
            assert_eq!(word.chars().map(digit).collect::<String>(), on_keypad);
        }
    }

    #[test]
    fn the_debug_form_does_not_show_a_caller() {
        let shown = format!("{:?}", Caller::read("+15550100"));
        assert!(!shown.contains("555"), "{shown}");
    }
}
