//! The words that steer an intake at any moment. They are the whole message, and never reach the
//! model. The words of all languages count.
//!
//! Not here: STOP, CANCEL and the other keywords, and how words are compared (`keywords`).

use serde::{Deserialize, Serialize};

use crate::messaging::keywords::folded;

/// What a contact wants of an intake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// To know what it can write.
    Menu,
    /// To see what is there so far.
    Status,
    /// The question before.
    Back,
    /// The next question, without an answer to this one.
    Skip,
    /// No intake any more.
    Cancel,
}

/// The words of each command, as people write them. START OVER is a keyword, and CANCEL, too.
#[rustfmt::skip]
pub const WORDS: &[(Command, &[&str])] = &[
    (Command::Menu, &["menu", "main menu", "menú principal", "hauptmenü"]),
    (
        Command::Status,
        &[
            "status", "summary", "statut", "résumé", "estado", "resumen", "situação", "resumo",
            "zwischenstand", "zusammenfassung", "stato", "riepilogo", "overzicht",
        ],
    ),
    (
        Command::Back,
        &[
            "back", "go back", "retour", "revenir", "atrás", "volver", "voltar", "zurück",
            "indietro", "terug",
        ],
    ),
    (
        Command::Skip,
        &[
            "skip", "skip it", "passer", "omitir", "saltar", "pular", "überspringen", "salta",
            "overslaan",
        ],
    ),
    (
        Command::Cancel,
        &[
            "cancel intake", "never mind", "nevermind",
            "annuler", "laisse tomber", "laissez tomber", "olvídalo", "déjalo", "deixa pra lá",
            "esquece", "anular", "abbrechen", "vergiss es", "annulla", "lascia stare", "annuleren",
            "laat maar",
        ],
    ),
];

#[rustfmt::skip]
const YES: &[&str] = &[
    "yes", "y", "yes please", "ok", "okay", "correct", "that is right", "thats right",
    "oui", "sí", "sim", "ja", "sì", "d'accord", "vale", "certo", "klopt", "richtig",
];

const NO: &[&str] = &["no", "n", "nope", "non", "não", "nein", "nee"];

/// The longest command, in bytes.
const LONGEST: usize = 100;

impl Command {
    /// The command that the whole `text` is.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let found = WORDS.iter().find(|(_, words)| is_one_of(text, words));
        found.map(|(command, _)| *command)
    }
}

/// Whether the whole `text` says yes to a summary.
#[must_use]
pub fn confirms(text: &str) -> bool {
    is_one_of(text, YES)
}

/// Whether the whole `text` says no to it.
#[must_use]
pub fn declines(text: &str) -> bool {
    is_one_of(text, NO)
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let text = folded(text);
    words.iter().any(|word| folded(word) == text)
}
