//! How the words of a person are cut, before Twilio has heard all of them.

/// How many partial prompts there are at most.
const PARTIALS: usize = 4;

/// A sentence in up to so many pieces, as Twilio sometimes hears one.
pub fn pieces(words: &str, most: usize) -> Vec<String> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let size = words.len().div_ceil(most.max(1)).max(1);
    words.chunks(size).map(|piece| piece.join(" ")).collect()
}

/// The beginnings of a sentence. The last one is all of it.
pub fn partials(words: &str) -> Vec<String> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let step = words.len().div_ceil(PARTIALS).max(1);
    let ends = (1..=words.len()).filter(|end| end.is_multiple_of(step) || *end == words.len());
    let beginning = |end: usize| words.get(..end).unwrap_or_default().join(" ");
    ends.map(beginning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_cut_between_words() {
        assert_eq!(
            pieces("the um I want a table", 3),
            ["the um", "I want", "a table"]
        );
        assert_eq!(pieces("Hello", 3), ["Hello"]);
        assert_eq!(
            partials("one two three"),
            ["one", "one two", "one two three"]
        );
        assert_eq!(
            partials("a b c d e f g").last().map(String::as_str),
            Some("a b c d e f g")
        );
        assert!(partials("a b c d e f g").len() <= PARTIALS);
    }
}
