//! Keywords: words such as STOP with which a contact controls messages and data. They never reach
//! the model.
//!
//! [`WORDS`] is the only table of them, and a test compares it with docs/messages.md. The words of
//! all languages count, whatever `LANGUAGE` is: people write in their own. Not here: the effect of a
//! keyword (`messaging::state`). Sources of the words: Twilio, "Twilio support for opt-out keywords"
//! and "Proxy: opt-out keywords" (ARRET, ARRETE, ARRETT); the FCC's list of reasonable ones (47 CFR
//! 64.1200(a)(10)); AWS, "Required opt-out keywords" (ARRET, REMOVE). Words that are ordinary answers
//! are left out, even if they mean the same: NO, FIN, ENDE, BASTA, ANNULER, KÜNDIGEN.

mod fold;

use serde::{Deserialize, Serialize};

use self::fold::fold;
pub use self::fold::folded;
use crate::identity::{Address, Channel};

/// The meanings of keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// The contact wants no more messages.
    OptOut,
    /// The contact wants no more messages. During an intake on WhatsApp and Messenger, it wants no
    /// intake any more.
    Cancel,
    /// The contact wants answers again.
    OptIn,
    /// The contact asks what this service is.
    Help,
    /// The contact's data must be erased.
    Erase,
    /// A new conversation begins.
    Reset,
}

/// The words of each keyword, as people write them.
#[rustfmt::skip]
pub const WORDS: &[(Keyword, &[&str])] = &[
    (
        Keyword::OptOut,
        &[
            "stop", "stopall", "stop all", "unsubscribe", "end", "quit", "revoke", "optout",
            "opt out", "remove",
            // French
            "arrêt", "arrête", "arrett", "arrêter", "désabonner", "désabonnement", "désinscription",
            "désinscrire", "stopper",
            // Spanish and Portuguese
            "alto", "baja", "dar de baja", "darse de baja", "parar", "desuscribir",
            "sair", "pare", "descadastrar",
            // German
            "stopp", "abmelden", "abbestellen",
            // Italian
            "disiscrivi", "disiscriviti", "disiscrivimi", "cancellami",
            // Dutch
            "stoppen", "afmelden", "uitschrijven",
        ],
    ),
    (Keyword::Cancel, &["cancel", "cancelar"]),
    (Keyword::OptIn, &["start", "unstop"]),
    (Keyword::Help, &["help", "info", "aide", "ayuda", "ajuda", "hilfe", "aiuto", "hulp"]),
    (
        Keyword::Erase,
        &[
            "delete my data",
            "effacer mes données", "effacez mes données", "supprimer mes données",
            "supprimez mes données",
            "borrar mis datos", "borra mis datos", "eliminar mis datos", "elimina mis datos",
            "apagar meus dados", "apagar os meus dados", "excluir meus dados",
            "eliminar os meus dados",
            "meine daten löschen", "meine daten loeschen", "lösche meine daten",
            "loesche meine daten", "löschen sie meine daten",
            "cancella i miei dati", "elimina i miei dati",
            "wis mijn gegevens", "verwijder mijn gegevens", "mijn gegevens wissen",
            "mijn gegevens verwijderen",
        ],
    ),
    (
        Keyword::Reset,
        &[
            "reset", "restart", "start over",
            "recommencer", "réinitialiser",
            "reiniciar", "empezar de nuevo", "recomeçar", "começar de novo",
            "neustart", "neu anfangen", "neu beginnen",
            "ricomincia",
            "opnieuw beginnen",
        ],
    ),
];

/// These words opt in while the contact has opted out. Otherwise they are ordinary messages.
#[rustfmt::skip]
pub const WORDS_WHILE_OPTED_OUT: &[&str] = &[
    "yes", "subscribe",
    "début", "commencer", "reprendre", "abonner",
    "alta", "iniciar", "comenzar", "começar", "retomar",
    "starten", "anmelden",
    "inizia", "iscrivimi",
    "aanmelden", "hervatten",
];

/// These words ask for a person, where the assistant has `[hand_off]`. Otherwise they are ordinary
/// messages.
#[rustfmt::skip]
pub const WORDS_FOR_A_PERSON: &[&str] = &[
    "agent", "human", "a human", "person", "a person", "real person", "a real person",
    "live agent", "operator", "representative", "talk to a human", "talk to a person",
    "speak to a human", "speak to a person", "speak to an agent", "talk to an agent",
    // French
    "un agent", "humain", "un humain", "une personne", "conseiller", "un conseiller",
    "parler à un humain", "parler à une personne", "parler à un conseiller",
    // Spanish
    "agente", "un agente", "humano", "un humano", "persona", "una persona", "operador",
    "hablar con una persona", "hablar con un agente", "hablar con un humano",
    // Portuguese
    "um agente", "um humano", "pessoa", "uma pessoa", "atendente", "um atendente",
    "falar com uma pessoa", "falar com um atendente", "falar com um humano",
    // German
    "mensch", "ein mensch", "einen menschen", "mitarbeiter", "ein mitarbeiter", "mitarbeiterin",
    "mit einem menschen sprechen", "mit einem mitarbeiter sprechen",
    // Italian
    "umano", "un umano", "operatore", "un operatore", "parlare con una persona",
    "parlare con un operatore",
    // Dutch
    "mens", "een mens", "persoon", "een persoon", "medewerker", "een medewerker",
    "met een mens praten", "met een medewerker praten",
];

/// These words ask for the assistant while the contact is handed over to a person. Otherwise they are
/// ordinary messages.
#[rustfmt::skip]
pub const WORDS_FOR_THE_ASSISTANT: &[&str] = &[
    "bot", "assistant", "the bot", "the assistant",
    "le bot", "l'assistant", "robot",
    "asistente", "el asistente", "el bot",
    "assistente", "o assistente", "o bot",
    "assistent", "der assistent", "der bot",
    "l'assistente", "il bot",
    "de assistent", "de bot",
];

/// The longest message that can be a keyword, in bytes.
const LONGEST: usize = 200;

impl Keyword {
    /// The keyword that the whole `text` is. Case, accents, white space, punctuation and emoji around
    /// it and invisible characters do not matter.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = folded_if_short(text)?;
        WORDS
            .iter()
            .find(|(_, words)| is_one_of(&text, words))
            .map(|(keyword, _)| *keyword)
    }
}

/// Whether `text` opts in while the contact has opted out.
#[must_use]
pub fn opts_in_while_opted_out(text: &str) -> bool {
    folded_if_short(text).is_some_and(|text| is_one_of(&text, WORDS_WHILE_OPTED_OUT))
}

/// Whether `text` asks for a person, where the assistant can hand a contact over.
#[must_use]
pub fn asks_for_person(text: &str) -> bool {
    folded_if_short(text).is_some_and(|text| is_one_of(&text, WORDS_FOR_A_PERSON))
}

/// Whether `text` asks for the assistant while the contact is handed over.
#[must_use]
pub fn asks_for_assistant(text: &str) -> bool {
    folded_if_short(text).is_some_and(|text| is_one_of(&text, WORDS_FOR_THE_ASSISTANT))
}

/// The folded text, if it is short enough for a keyword.
fn folded_if_short(text: &str) -> Option<String> {
    (text.len() <= LONGEST).then(|| folded(text))
}

/// Nearly every word differs in its first letter, so hardly anything of the table is folded.
fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| fold(word).eq(text.chars()))
}

/// The words that Twilio obeys by itself.
const TWILIOS_WORDS: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "start",
    "yes",
    "unstop",
];

/// Whether Twilio itself confirms that this message opts out or in.
///
/// Twilio does so for its own words, which must be the whole message, on SMS and since March 2026 on
/// RCS. It does not for numbers that are short codes, nor on WhatsApp and Messenger. Sources: Twilio,
/// "Twilio support for opt-out keywords (SMS STOP filtering)", "Customizing HELP and STOP messages"
/// (short codes), and the changelog entry "Unified Opt-Outs across RCS, SMS, and MMS channels". A
/// word that Twilio does not know is confirmed by us.
#[must_use]
pub fn is_confirmed_by_twilio(text: &str, number: &Address) -> bool {
    let text = text.trim();
    let obeyed = match number.channel() {
        Channel::Sms => number.is_answerable(),
        Channel::Rcs => true,
        Channel::WhatsApp | Channel::Messenger => false,
    };
    obeyed
        && TWILIOS_WORDS
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FixedText, Language};

    #[test]
    fn a_keyword_is_the_whole_message_in_any_case_and_between_any_punctuation() {
        for (text, keyword) in [
            ("STOP", Keyword::OptOut),
            ("stop.", Keyword::OptOut),
            (" «Stop  All» ", Keyword::OptOut),
            ("Opt out!!", Keyword::OptOut),
            ("OPT-OUT", Keyword::OptOut),
            ("ＳＴＯＰ", Keyword::OptOut),
            ("S\u{200B}TOP", Keyword::OptOut),
            ("STOP 🛑", Keyword::OptOut),
            ("ARRET", Keyword::OptOut),
            ("ARRÊT", Keyword::OptOut),
            ("ARRE\u{302}T", Keyword::OptOut),
            ("Alto", Keyword::OptOut),
            ("BAJA.", Keyword::OptOut),
            ("Sair", Keyword::OptOut),
            ("Stopp!", Keyword::OptOut),
            ("Afmelden", Keyword::OptOut),
            ("Unstop", Keyword::OptIn),
            ("help?", Keyword::Help),
            ("¿AYUDA?", Keyword::Help),
            ("INFO", Keyword::Help),
            ("DELETE MY DATA!", Keyword::Erase),
            ("delete\nmy data", Keyword::Erase),
            ("Meine Daten loschen", Keyword::Erase),
            ("Start  Over", Keyword::Reset),
            ("👋 reset", Keyword::Reset),
        ] {
            assert_eq!(Keyword::of(text), Some(keyword), "{text}");
        }
    }

    #[test]
    fn an_ordinary_message_is_not_a_keyword() {
        for text in [
            "please stop",
            "stop it",
            "help me",
            "delete my data please",
            "delete all my data",
            "reset it",
            "startover",
            "yes",
            "no",
            "fin",
            "Ende",
            "basta",
            "annuler",
            "kündigen",
            "anmelden",
            "muy alto",
            "si",
            "ja",
            "",
            "!?",
            "2",
            "стоп",
            "ѕтор",
        ] {
            assert_eq!(Keyword::of(text), None, "{text}");
        }
        assert!(opts_in_while_opted_out("Yes!") && !opts_in_while_opted_out("yes please"));
        assert!(opts_in_while_opted_out("Debut") && !opts_in_while_opted_out(""));
        let long = format!("stop{}", "!".repeat(LONGEST));
        assert_eq!(Keyword::of(&long), None);
    }

    #[test]
    fn each_word_means_one_thing() {
        let all: Vec<String> = WORDS
            .iter()
            .flat_map(|(_, words)| *words)
            .chain(WORDS_WHILE_OPTED_OUT)
            .chain(WORDS_FOR_A_PERSON)
            .chain(WORDS_FOR_THE_ASSISTANT)
            .map(|word| folded(word))
            .collect();
        for word in &all {
            assert!(!word.is_empty());
            let times = all.iter().filter(|other| *other == word).count();
            assert_eq!(times, 1, "{word}");
        }
    }

    #[test]
    fn words_for_a_person_and_for_the_assistant_are_the_whole_message() {
        for text in [
            "Agent",
            "HUMAN!",
            "a person?",
            "Mensch",
            "hablar con una persona",
            "Umano.",
        ] {
            assert!(
                asks_for_person(text) && Keyword::of(text).is_none(),
                "{text}"
            );
        }
        for text in [
            "",
            "an agent of change",
            "is this a bot",
            "human rights",
            "no person",
        ] {
            assert!(
                !asks_for_person(text) && !asks_for_assistant(text),
                "{text}"
            );
        }
        for text in ["BOT", "Assistant.", "assistente", "L’assistant"] {
            assert!(asks_for_assistant(text) && !asks_for_person(text), "{text}");
        }
        for language in Language::ALL {
            let text = FixedText::HandedOver.in_language(language);
            let named = |word: &&str| word.len() > 3 && **word == word.to_uppercase();
            let named: Vec<&str> = text.split_whitespace().filter(named).collect();
            assert_eq!(named.len(), 1, "{text}");
            assert!(asks_for_assistant(named[0]), "{text}");
        }
    }

    #[test]
    fn the_words_that_a_fixed_text_names_work() {
        // Each instruction is in capital letters, or a whole run of such words.
        let named = |text: &str| -> Vec<Keyword> {
            let capital = |word: &&str| {
                let letters: String = word.chars().filter(|c| c.is_alphabetic()).collect();
                letters.chars().count() > 0 && letters == letters.to_uppercase()
            };
            let words: Vec<&str> = text.split_whitespace().collect();
            words
                .chunk_by(|a, b| capital(a) && capital(b) && !a.ends_with([',', '.']))
                .filter(|run| run.iter().all(&capital))
                .filter_map(|run| Keyword::of(&run.join(" ")))
                .collect()
        };
        for language in Language::ALL {
            let words = |text: FixedText| named(text.in_language(language));
            assert_eq!(words(FixedText::OptedOut), [Keyword::OptIn], "{language:?}");
            assert_eq!(words(FixedText::OptedIn), [Keyword::OptOut], "{language:?}");
            assert_eq!(
                words(FixedText::Help),
                [Keyword::Reset, Keyword::Erase, Keyword::OptOut],
                "{language:?}"
            );
        }
    }

    #[test]
    fn twilio_confirms_its_own_words_on_sms_and_rcs() {
        for (text, number, confirmed) in [
            ("STOP", "+15550199", true),
            (" stopall ", "+15550199", true),
            ("Yes", "rcs:brand_agent", true),
            ("START", "+15550199", true),
            ("stop!", "+15550199", false),
            ("STOP ALL", "+15550199", false),
            ("ARRET", "+15550199", false),
            ("STOP", "55501", false),
            ("STOP", "whatsapp:+15550199", false),
            ("STOP", "messenger:1415523888600", false),
        ] {
            let number = number.parse().unwrap();
            assert_eq!(is_confirmed_by_twilio(text, &number), confirmed, "{text}");
        }
    }
}
