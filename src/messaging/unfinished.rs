//! Whether a message ends as if more came: an open end, the announcement of a question, an image
//! without a sentence, a mere greeting.
//!
//! The signs are punctuation, and short lists of whole messages in the languages that carriers
//! name. A message that ends so waits a moment for the next one, so a sign must be rare in a
//! message that is complete. Not here: how long it waits (`thread::joins`).

/// The characters with which a sentence goes on.
const OPEN_ENDS: &[char] = &[',', ':', '…', '-', '–', '—', '&', '،', '、', '，', '：'];

/// The characters with which a sentence ends.
const ENDS: &[char] = &['.', '!', '?', '。', '！', '？', '؟', '।'];

/// Greetings after which people write what they want, in the languages that carriers name.
const GREETINGS: &[&str] = &[
    "hi",
    "hey",
    "hello",
    "hiya",
    "howdy",
    "good morning",
    "good afternoon",
    "good evening",
    "hola",
    "buenas",
    "buenos días",
    "buenos dias",
    "buenas tardes",
    "buenas noches",
    "bonjour",
    "bonsoir",
    "salut",
    "coucou",
    "hallo",
    "guten morgen",
    "guten tag",
    "guten abend",
    "grüß gott",
    "moin",
    "servus",
    "ciao",
    "salve",
    "buongiorno",
    "buonasera",
    "olá",
    "ola",
    "oi",
    "bom dia",
    "boa tarde",
    "boa noite",
    "hoi",
    "goedemorgen",
    "goedemiddag",
    "goedenavond",
];

/// Words that may follow a greeting.
const GREETED: &[&str] = &["there", "all", "everyone", "again"];

/// Sentences that only announce a question.
const ANNOUNCEMENTS: &[&str] = &[
    "question",
    "a question",
    "quick question",
    "i have a question",
    "i have a quick question",
    "i ve a question",
    "one more thing",
    "one more question",
    "tengo una pregunta",
    "una pregunta",
    "j ai une question",
    "une question",
    "ich habe eine frage",
    "ich hab eine frage",
    "eine frage",
    "kurze frage",
    "ho una domanda",
    "una domanda",
    "tenho uma pergunta",
    "tenho uma dúvida",
    "uma pergunta",
    "ik heb een vraag",
    "een vraag",
];

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing says that more comes.
    Complete,
    /// People often write more after it: an image without a sentence, or a greeting.
    PerhapsMore,
    /// It says that more comes: an open end, or the announcement of a question.
    MoreToCome,
}

impl Ending {
    /// How a message of this text ends, with images or without.
    #[must_use]
    pub fn of(text: &str, has_images: bool) -> Self {
        let text = text.trim_end();
        if text.ends_with("..") || text.ends_with(OPEN_ENDS) {
            return Self::MoreToCome;
        }
        if has_images {
            return if text.ends_with(ENDS) {
                Self::Complete
            } else {
                Self::PerhapsMore
            };
        }
        let mut words = words(text);
        if ANNOUNCEMENTS.contains(&words.join(" ").as_str()) {
            return Self::MoreToCome;
        }
        words.pop_if(|last| GREETED.contains(&last.as_str()));
        if GREETINGS.contains(&words.join(" ").as_str()) {
            return Self::PerhapsMore;
        }
        Self::Complete
    }
}

/// The words of a short text that asks nothing, in lower case. Any other text has none.
fn words(text: &str) -> Vec<String> {
    // The known sentences are shorter, so a long text is not even split.
    const LONGEST: usize = 60;
    if text.len() > LONGEST || text.contains(['?', '？', '؟']) {
        return Vec::new();
    }
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        Ending::{Complete, MoreToCome, PerhapsMore},
        *,
    };
    use proptest::prelude::*;

    #[test]
    fn an_open_end_and_an_announcement_say_that_more_comes() {
        for text in [
            "I need three things:",
            "so...",
            "well…",
            "I want two, ",
            "the first is -",
            "それと、",
            "I have a question",
            "I've a question.",
            "Quick question!",
            "J’ai une question",
            "Ich hab' eine Frage",
        ] {
            assert_eq!(Ending::of(text, false), MoreToCome, "{text}");
        }
        assert_eq!(Ending::of("the first:", true), MoreToCome);
    }

    #[test]
    fn a_bare_image_and_a_greeting_often_have_more_after_them() {
        for text in ["hi", "Hi!", "hello there 👋", "Guten Tag.", "BUENOS DÍAS"] {
            assert_eq!(Ending::of(text, false), PerhapsMore, "{text}");
        }
        assert_eq!(Ending::of("", true), PerhapsMore);
        assert_eq!(Ending::of("the front", true), PerhapsMore);
    }

    #[test]
    fn an_ordinary_message_is_complete() {
        for text in [
            "do you open on sunday?",
            "do you open on sunday",
            "I have a question about my order",
            "any question?",
            "ok",
            "yes",
            "2",
            "thanks",
            "hi, do you open on sunday",
            "hello?",
            "good",
            "e-mail me at a@example.com",
            "The shop opens at 9.",
            "🙂",
            "see you ;)",
            "let x = 1;",
            "",
        ] {
            assert_eq!(Ending::of(text, false), Complete, "{text}");
        }
        assert_eq!(Ending::of("What is this?", true), Complete);
    }

    proptest! {
        #[test]
        fn a_question_is_complete_and_a_comma_is_not(text in "\\PC{0,80}", images: bool) {
            prop_assert_eq!(Ending::of(&format!("{text}x?"), images), Complete);
            prop_assert_eq!(Ending::of(&format!("{text},"), images), MoreToCome);
        }
    }
}
