//! How well a line was heard: the word errors between what was said and what was recognised.
//!
//! The errors are the fewest words to replace, add or remove (the word error rate of speech
//! recognition). Case, punctuation and the shape of an apostrophe do not count. Digits are compared one
//! by one, and "seven" is "7", so that "four seven one" is "471". Nothing else is translated: "twenty"
//! is not "20", and counts as an error. Not here: which line was heard (`analysis`).

use std::{collections::HashMap, iter::Sum};

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// The errors in what was heard. In JSON it also has the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written")]
pub struct WordErrors {
    /// The words that were said.
    pub words: u32,
    /// The words to replace, add or remove. They may be more than were said.
    pub errors: u32,
}

impl WordErrors {
    /// Errors per word. `None` if nothing was said. It exceeds 1 if more was heard than was said.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.words > 0).then(|| f64::from(self.errors) / f64::from(self.words))
    }
}

impl Sum for WordErrors {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            words: sum.words.saturating_add(one.words),
            errors: sum.errors.saturating_add(one.errors),
        })
    }
}

/// The JSON of errors.
#[derive(Serialize)]
struct Written {
    words: u32,
    errors: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    word_error_rate: Option<f64>,
}

impl From<WordErrors> for Written {
    fn from(errors: WordErrors) -> Self {
        // Four digits after the point are more than a transcript of one call can tell.
        let rounded = |rate: f64| (rate * 1e4).round() / 1e4;
        Self {
            words: errors.words,
            errors: errors.errors,
            word_error_rate: errors.rate().map(rounded),
        }
    }
}

/// The words of a text that are compared. The work grows with the product of both lengths, and no
/// line of a call is as long as this.
const MAX_WORDS: usize = 1000;

const DIGITS: [&str; 10] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];

/// Compares the first thousand words that were said with the first thousand that were heard.
#[must_use]
pub fn word_errors(spoken: &str, heard: &str) -> WordErrors {
    let (spoken, heard) = (spoken_words(spoken), spoken_words(heard));
    // A number for each word makes a comparison cheap.
    let mut numbers = HashMap::new();
    let mut numbered = |words: &[String]| -> Vec<usize> {
        let words = words.iter().map(|word| {
            let next = numbers.len();
            *numbers.entry(word.clone()).or_insert(next)
        });
        words.collect()
    };
    let errors = strsim::generic_levenshtein(&numbered(&spoken), &numbered(&heard));
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    WordErrors {
        words: count(spoken.len()),
        errors: count(errors),
    }
}

/// The words of a text as they sound, as far as that is simple: each digit is a word.
pub(super) fn spoken_words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for word in words(text).into_iter().take(MAX_WORDS) {
        if let Some(digit) = DIGITS.iter().position(|digit| *digit == word) {
            all.push(digit.to_string());
        } else if word.contains(|c: char| c.is_ascii_digit()) {
            all.extend(digits_apart(&word));
        } else {
            all.push(word);
        }
    }
    all.truncate(MAX_WORDS);
    all
}

/// "b12" as "b", "1", "2".
fn digits_apart(word: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut open = false;
    for c in word.chars() {
        let is_letter = c.is_alphabetic();
        match parts.last_mut().filter(|_| open && is_letter) {
            Some(part) => part.push(c),
            None if is_letter || c.is_ascii_digit() => parts.push(c.to_string()),
            None => {}
        }
        open = is_letter;
    }
    parts
}

/// The words of a text (Unicode Standard Annex 29), in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    let text = text.replace(['’', '‘'], "'").to_lowercase();
    text.unicode_words().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(spoken: &str, heard: &str) -> (u32, u32) {
        let WordErrors { words, errors } = word_errors(spoken, heard);
        (words, errors)
    }

    #[test]
    fn replaced_added_and_removed_words_are_errors() {
        let spoken = "My parcel has not arrived yet";
        assert_eq!(counted(spoken, spoken), (6, 0));
        assert_eq!(counted(spoken, "My partial has not arrived yet"), (6, 1));
        assert_eq!(counted(spoken, "My parcel has not yet arrived"), (6, 2));
        assert_eq!(
            counted(spoken, "Well my parcel has not arrived yet"),
            (6, 1)
        );
        assert_eq!(counted(spoken, "parcel has not arrived"), (6, 2));
        assert_eq!(counted(spoken, ""), (6, 6));
        assert_eq!(counted("", "Hello there"), (0, 2));
    }

    #[test]
    fn case_punctuation_and_apostrophes_are_no_errors() {
        let heard = "I didn't order it it's wrong isn't it";
        assert_eq!(
            counted("I didn’t order it – it’s WRONG, isn't it?!", heard),
            (8, 0)
        );
        assert_eq!(counted("a well-known issue", "A well known issue."), (4, 0));
        assert_eq!(counted("Grüße, ÉTÉ", "grüße été"), (2, 0));
    }

    #[test]
    fn digits_are_compared_one_by_one_and_larger_numbers_as_they_are_written() {
        assert_eq!(
            counted(
                "Order 4711-B2, please",
                "order four seven one one b two please"
            ),
            (8, 0)
        );
        assert_eq!(counted("at 10:30", "at 10 30"), (5, 0));
        assert_eq!(counted("It costs 1,250.50", "it costs 1250.50"), (8, 0));
        assert_eq!(counted("in 20 days", "in twenty days"), (4, 2));
    }

    #[test]
    fn a_rate_is_errors_per_word_and_there_is_none_of_nothing() {
        let errors = WordErrors {
            words: 8,
            errors: 2,
        };
        assert_eq!(errors.rate(), Some(0.25));
        assert_eq!(WordErrors::default().rate(), None);
        let sum: WordErrors = [
            errors,
            WordErrors {
                words: 2,
                errors: 2,
            },
        ]
        .into_iter()
        .sum();
        assert_eq!(sum.rate(), Some(0.4));
    }

    #[test]
    fn the_rate_is_written_and_read_over() {
        let errors = WordErrors {
            words: 3,
            errors: 1,
        };
        let text = serde_json::to_string(&errors).unwrap();
        assert_eq!(text, r#"{"words":3,"errors":1,"word_error_rate":0.3333}"#);
        assert_eq!(serde_json::from_str::<WordErrors>(&text).unwrap(), errors);
        let none = serde_json::to_string(&WordErrors::default()).unwrap();
        assert_eq!(none, r#"{"words":0,"errors":0}"#);
    }

    #[test]
    fn of_a_text_without_end_the_beginning_is_compared() {
        let (spoken, heard) = ("yes ".repeat(200_000), "no ".repeat(200_000));
        assert_eq!(counted(&spoken, &heard), (1000, 1000));
        assert_eq!(counted(&"7".repeat(200_000), ""), (1000, 1000));
    }

    /// A few words, so that texts share some.
    fn text() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec!["yes", "no", "4711", "it’s", "fine,", "A", "ß"]);
        prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
    }

    proptest! {
        #[test]
        fn the_same_text_has_no_errors(text in ".{0,60}") {
            prop_assert_eq!(word_errors(&text, &text.to_lowercase()).errors, 0);
        }

        #[test]
        fn the_errors_lie_between_the_difference_in_length_and_the_longer_text(
            spoken in text(), heard in text(),
        ) {
            let (found, back) = (word_errors(&spoken, &heard), word_errors(&heard, &spoken));
            prop_assert_eq!(found.errors, back.errors);
            prop_assert!(found.errors >= found.words.abs_diff(back.words));
            prop_assert!(found.errors <= found.words.max(back.words));
        }

        #[test]
        fn a_detour_has_no_fewer_errors(one in text(), two in text(), three in text()) {
            let errors = |from: &str, to: &str| word_errors(from, to).errors;
            prop_assert!(errors(&one, &three) <= errors(&one, &two) + errors(&two, &three));
        }
    }
}
