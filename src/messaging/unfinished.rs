//! Whether a message ends as if more came: an open end, a picture without a word, a mere greeting.
//!
//! Only signs that hold in every language are read, and a short list of greetings. A message that
//! is taken for unfinished waits a moment for the next one, so a sign must be rare in a message
//! that is complete. Not here: how long it waits (`state`).

/// The characters with which a sentence goes on.
const OPEN_ENDS: &[char] = &[
    ',', ';', ':', '…', '-', '–', '—', '&', '،', '؛', '、', '，', '；', '：',
];

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

/// Whether a message of this text, with pictures or without, ends as if more came.
#[must_use]
pub fn ends_as_if_more_came(text: &str, has_pictures: bool) -> bool {
    let text = text.trim_end();
    let goes_on = text.ends_with("..") || text.ends_with(OPEN_ENDS);
    let is_caption = has_pictures && !text.ends_with(ENDS);
    goes_on || is_caption || is_greeting(text)
}

fn is_greeting(text: &str) -> bool {
    // The longest greeting has few characters, so a long text is not even split.
    const LONGEST: usize = 60;
    if text.len() > LONGEST || text.contains(['?', '？', '؟']) {
        return false;
    }
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let greeting = match words.split_last() {
        Some((last, before)) if GREETED.contains(&last.as_str()) => before,
        _ => &words,
    };
    GREETINGS.contains(&greeting.join(" ").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_open_end_a_bare_picture_and_a_greeting_end_as_if_more_came() {
        for text in [
            "hi",
            "Hi!",
            "hello there 👋",
            "Guten Tag.",
            "BUENOS DÍAS",
            "one more thing:",
            "so...",
            "well…",
            "I want two, ",
            "the first is -",
            "それと、",
        ] {
            assert!(ends_as_if_more_came(text, false), "{text}");
        }
        assert!(ends_as_if_more_came("", true));
        assert!(ends_as_if_more_came("the front", true));
    }

    #[test]
    fn an_ordinary_message_does_not() {
        for text in [
            "do you open on sunday?",
            "I have a question",
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
        ] {
            assert!(!ends_as_if_more_came(text, false), "{text}");
        }
        assert!(!ends_as_if_more_came("What is this?", true));
    }

    proptest! {
        #[test]
        fn a_question_is_never_unfinished_and_a_comma_always_is(text in "\\PC{0,80}", pictures: bool) {
            let question = format!("{text}x?");
            prop_assert!(!ends_as_if_more_came(&question, pictures));
            let open = format!("{text},");
            prop_assert!(ends_as_if_more_came(&open, pictures));
        }
    }
}
