//! How speech recognition mishears words: now and then a vowel is another one, as in "Iva" for "Aiva".
//!
//! The same words are always misheard in the same way.

/// From one misheard word to the next. Short words do not count.
const STEP: usize = 7;
/// The shortest word that is misheard, in characters.
const SHORTEST: usize = 4;
/// Each vowel is taken for the next one.
const VOWELS: &str = "aeioua";

/// The words as they are understood. The first long word is one of the misheard ones.
pub fn misheard(words: &str) -> String {
    let mut long = 0_usize;
    let heard: Vec<String> = words
        .split(' ')
        .map(|word| {
            if word.chars().count() < SHORTEST {
                return word.to_owned();
            }
            let is_misheard = long.is_multiple_of(STEP);
            long = long.saturating_add(1);
            if is_misheard {
                other_vowel(word)
            } else {
                word.to_owned()
            }
        })
        .collect();
    heard.join(" ")
}

/// The word with another first vowel.
fn other_vowel(word: &str) -> String {
    let mut is_changed = false;
    word.chars()
        .map(|letter| {
            let next = next_vowel(letter).filter(|_| !is_changed);
            is_changed = is_changed || next.is_some();
            next.unwrap_or(letter)
        })
        .collect()
}

fn next_vowel(letter: char) -> Option<char> {
    let mut vowels = VOWELS.chars();
    vowels.find(|vowel| *vowel == letter.to_ascii_lowercase())?;
    let next = vowels.next()?;
    Some(if letter.is_uppercase() {
        next.to_ascii_uppercase()
    } else {
        next
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_words_are_misheard_always_in_the_same_way_and_none_is_lost() {
        assert_eq!(misheard("This is Aiva."), "Thos is Aiva.");
        assert_eq!(misheard("I am Aiva."), "I am Eiva.");
        assert_eq!(misheard("no"), "no");
        let long = "where have they been when they said that this would have come";
        let heard = misheard(long);
        let differ = |(a, b): &(&str, &str)| a != b;
        let both = long.split(' ').zip(heard.split(' '));
        assert_eq!(both.filter(differ).count(), 2, "{heard}");
        assert_eq!(heard.split(' ').count(), long.split(' ').count());
    }
}
