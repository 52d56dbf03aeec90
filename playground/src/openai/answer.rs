//! The texts of the mock model. The same conversation always gets the same answer.
//!
//! The model understands a few questions about the conversation, so that a test can see what it
//! remembers. It does not know the format of Chat Completions.

/// The answer to the last of these user messages.
pub fn answer(user_messages: &[String]) -> String {
    let Some((last, earlier)) = user_messages.split_last() else {
        return "Nobody has said anything yet.".to_owned();
    };
    let question = normalise(last);
    if question.contains("what did i say first") {
        return match earlier.first() {
            Some(first) => format!("The first thing you said was: \"{}\"", quote(first)),
            None => "You have said nothing before this message.".to_owned(),
        };
    }
    if question.contains("what did i say before") || question.contains("what did i just say") {
        return match earlier.last() {
            Some(previous) => format!("Before this you said: \"{}\"", quote(previous)),
            None => "You have said nothing before this message.".to_owned(),
        };
    }
    if question.contains("how many messages") {
        return match user_messages.len() {
            1 => "You have sent 1 message in this conversation.".to_owned(),
            count => format!("You have sent {count} messages in this conversation."),
        };
    }
    if question.contains("opening hours") || question.contains("opening times") {
        return OPENING_HOURS.to_owned();
    }
    if let Some(length) = wanted_length(&question) {
        return prose(length);
    }
    format!(
        "Nice to hear from you! You said: \"{}\" (message {} of our conversation)",
        quote(last),
        user_messages.len()
    )
}

/// An answer in Markdown, as models write it.
const OPENING_HOURS: &str = "\
## Opening hours

We are **open** on [most days](https://shop.example/hours_and_*days*):

| Day | Hours |
|---|---|
| Monday | 9–17 |
| Sunday | *closed* |

* Ring `+1 555 0199` or
* write to <shop@shop.example>

---

> Note: 2 * 3 * 4 is 24, ~~5~~ 6 days a week, `snake_case`.";

/// Sentences in paragraphs, exactly `length` characters.
pub fn prose(length: usize) -> String {
    let mut text = String::new();
    let mut number: usize = 0;
    while text.len() < length {
        let sentence = SENTENCES
            .get(number.checked_rem(SENTENCES.len()).unwrap_or(0))
            .copied()
            .unwrap_or("And so on.");
        number = number.saturating_add(1);
        text.push_str(sentence);
        text.push_str(if number.is_multiple_of(5) {
            "\n\n"
        } else {
            " "
        });
    }
    // The sentences are ASCII, so a byte is a character. The text always ends with a full stop.
    text.truncate(length.saturating_sub(1));
    let ended = text.trim_end().len();
    text.truncate(ended);
    while text.len() < length {
        text.push('.');
    }
    text
}

const SENTENCES: [&str; 11] = [
    "The harbour wakes before the town does.",
    "Nets are mended under a lamp while the gulls argue about the roof.",
    "By six the first boat is out, and its engine can be heard for a long time.",
    "Nobody speaks much.",
    "There is coffee in a flask, and bread, and a radio that only gets one station.",
    "The weather report is read twice, slowly, as if to children.",
    "Around noon the wind turns and everything smells of salt and tar.",
    "A dog sleeps on the warm boards and is stepped over with care.",
    "When the boats come back, the prices are already written on the slate.",
    "What is left over goes to the cats behind the ice house.",
    "In the evening the windows light up one after the other, and the day is told again.",
];

/// The longest text that the model writes, in characters.
const MAX_PROSE: usize = 100_000;
/// The longest quote of a message, in characters.
const MAX_QUOTE: usize = 500;

/// Lower case, letters and digits only, single spaces.
fn normalise(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || c.is_whitespace())
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The N of "write N characters".
fn wanted_length(question: &str) -> Option<usize> {
    let words: Vec<&str> = question.split(' ').collect();
    words.windows(3).find_map(|window| match window {
        ["write", number, "characters" | "character"] => number
            .parse()
            .ok()
            .map(|length: usize| length.min(MAX_PROSE)),
        _ => None,
    })
}

fn quote(message: &str) -> String {
    let mut quoted: String = message.chars().take(MAX_QUOTE).collect();
    if quoted.len() < message.len() {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(messages: &[&str]) -> String {
        let owned: Vec<String> = messages.iter().map(|&text| text.to_owned()).collect();
        answer(&owned)
    }

    #[test]
    fn the_first_message_is_remembered() {
        assert!(ask(&["Red kite", "Blue", "WHAT did I say -- first?!"]).contains("\"Red kite\""));
        assert!(ask(&["What did I say first?"]).contains("nothing before"));
    }

    #[test]
    fn the_previous_message_is_remembered() {
        assert!(ask(&["Red", "Blue", "what did I say before?"]).contains("\"Blue\""));
        assert!(ask(&["Red", "Blue", "So what did I just say"]).contains("\"Blue\""));
        assert!(ask(&["what did I just say?"]).contains("nothing before"));
    }

    #[test]
    fn messages_are_counted() {
        assert!(ask(&["How many messages?"]).contains("1 message "));
        assert!(ask(&["a", "b", "how many messages was that"]).contains("3 messages"));
    }

    #[test]
    fn opening_hours_are_told_in_markdown() {
        assert!(ask(&["What are your opening hours?"]).contains("**open**"));
    }

    #[test]
    fn prose_has_exactly_the_wanted_length() {
        for length in [0, 1, 2, 39, 40, 41, 160, 1601, 20_000] {
            assert_eq!(prose(length).chars().count(), length);
        }
        assert_eq!(
            ask(&["Please write 1,700 characters."]).chars().count(),
            1700
        );
        assert!(prose(2000).contains("\n\n"));
    }

    #[test]
    fn anything_else_is_quoted_with_its_number() {
        let said = ask(&["Hi", "Grüße 👋"]);
        assert!(
            said.contains("\"Grüße 👋\"") && said.contains("message 2"),
            "{said}"
        );
        assert!(ask(&[&"x".repeat(600)]).contains("x…\""));
    }
}
