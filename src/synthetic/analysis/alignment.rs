//! Which line each sentence belongs to: of all ways to give each line the sentences that follow those
//! of the line before, the one with the fewest word errors.
//!
//! This is the edit distance between all words that were said and all that were heard, with one rule
//! more: a line ends where a sentence ends. Libraries for the edit distance do not know this rule. Not
//! here: the errors of one line (`word_errors`).

use std::collections::HashMap;

use crate::synthetic::word_errors::spoken_words;

/// The most words of a side that are compared. A call of 15 minutes has fewer. The work grows with the
/// product of both.
const MAX_WORDS: usize = 3000;

/// The fewest errors on the way to a word, and where the current line's first sentence begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    errors: u32,
    from: usize,
}

impl Cell {
    fn plus(self, errors: u32) -> Self {
        Self {
            errors: self.errors.saturating_add(errors),
            ..self
        }
    }
}

/// What was heard of each line: the sentences that belong to it, in order. Every sentence with words
/// belongs to one line, if there are lines.
pub fn align(lines: &[&str], sentences: &[&str]) -> Vec<String> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut numbered = |text: &str| -> Vec<usize> {
        let words = spoken_words(text).into_iter().map(|word| {
            let next = numbers.len();
            *numbers.entry(word).or_insert(next)
        });
        words.collect()
    };
    let mut left = MAX_WORDS;
    let mut bounded = |words: Vec<usize>| {
        let words: Vec<usize> = words.into_iter().take(left).collect();
        left = left.saturating_sub(words.len());
        words
    };
    let lines: Vec<Vec<usize>> = lines.iter().map(|line| bounded(numbered(line))).collect();
    // Each sentence with words, and where its words begin among all words.
    let (mut heard, mut starts) = (Vec::new(), Vec::new());
    for sentence in sentences {
        let words = numbered(sentence);
        let fits = heard.len().saturating_add(words.len()) <= MAX_WORDS;
        if fits && !words.is_empty() {
            starts.push((heard.len(), *sentence));
            heard.extend(words);
        }
    }
    let ends = ends_of_lines(&lines, &heard, &starts);
    let mut from = 0;
    ends.into_iter()
        .map(|to| {
            let own = starts.iter().filter(|(at, _)| (from..to).contains(at));
            let own: Vec<&str> = own.map(|(_, sentence)| *sentence).collect();
            from = to;
            own.join(" ")
        })
        .collect()
}

/// Where the words of each line end among all words that were heard.
fn ends_of_lines(lines: &[Vec<usize>], heard: &[usize], starts: &[(usize, &str)]) -> Vec<usize> {
    let mut is_end: Vec<bool> = vec![false; heard.len()];
    for at in starts.iter().map(|(at, _)| *at) {
        if let Some(end) = is_end.get_mut(at) {
            *end = true;
        }
    }
    is_end.push(true);
    // The errors of all lines so far, by how many words were heard up to here.
    let mut row: Vec<Cell> = Vec::new();
    let mut ways: Vec<Vec<usize>> = Vec::new();
    for line in lines {
        row = beginnings(&row, &is_end);
        for word in line {
            row = with_word(&row, *word, heard);
        }
        ways.push(row.iter().map(|cell| cell.from).collect());
    }
    let mut ends = Vec::new();
    let mut end = heard.len();
    for way in ways.iter().rev() {
        ends.push(end);
        end = way.get(end).copied().unwrap_or_default();
    }
    ends.reverse();
    ends
}

/// The row before the first word of a line. `before` is that after the line before. The line begins
/// where a sentence ends, or with words that nobody said.
fn beginnings(before: &[Cell], is_end: &[bool]) -> Vec<Cell> {
    let mut last: Option<Cell> = None;
    let cells = is_end.iter().enumerate().map(|(at, is_end)| {
        let reached = match before.get(at) {
            Some(cell) => cell.errors,
            None if at == 0 => 0,
            None => u32::MAX,
        };
        let begins = Cell {
            errors: if *is_end { reached } else { u32::MAX },
            from: at,
        };
        let cell = last.map_or(begins, |last| begins.min(last.plus(1)));
        last = Some(cell);
        cell
    });
    cells.collect()
}

/// The row after one more word of a line.
fn with_word(row: &[Cell], word: usize, heard: &[usize]) -> Vec<Cell> {
    let (mut diagonal, mut left): (Option<Cell>, Option<Cell>) = (None, None);
    // There is one cell more than words that were heard.
    let words = std::iter::once(None).chain(heard.iter().map(Some));
    let cells = row.iter().zip(words).map(|(above, heard)| {
        let mut best = above.plus(1);
        if let (Some(diagonal), Some(heard)) = (diagonal, heard) {
            best = best.min(diagonal.plus(u32::from(*heard != word)));
        }
        if let Some(left) = left {
            best = best.min(left.plus(1));
        }
        diagonal = Some(*above);
        left = Some(best);
        best
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::synthetic::word_errors::word_errors;

    fn errors(lines: &[&str], heard: &[String]) -> u32 {
        let lines = lines.iter().zip(heard);
        lines
            .map(|(line, heard)| word_errors(line, heard).errors)
            .sum()
    }

    #[test]
    fn a_line_gets_all_the_sentences_that_it_was_cut_into() {
        let lines = [
            "Hello, this is Ada. How can I help you?",
            "I see. One moment, please.",
            "It arrives tomorrow.",
        ];
        let sentences = [
            "hello this is aida",
            "how can i help",
            "you",
            "I see one moment please",
            "it arrives to morrow",
        ];
        let expected = [
            "hello this is aida how can i help you",
            "I see one moment please",
            "it arrives to morrow",
        ];
        assert_eq!(align(&lines, &sentences), expected);
    }

    #[test]
    fn a_line_that_was_not_heard_gets_no_sentence() {
        let lines = ["Hello there.", "", "Can you hear me?", "Good bye then."];
        let expected = ["hello there", "", "", "goodbye then"];
        assert_eq!(
            align(&lines, &["hello there", "...", "goodbye then"]),
            expected
        );
        assert_eq!(align(&lines, &[]), [""; 4]);
        assert_eq!(align(&[], &["hello"]), [""; 0]);
    }

    #[test]
    fn a_call_without_end_is_compared_up_to_a_limit() {
        let long = "yes ".repeat(900);
        let (lines, sentences) = (vec![long.as_str(); 60], vec![long.as_str(); 60]);
        let heard = align(&lines, &sentences);
        assert_eq!(heard.len(), 60);
        assert!(heard.iter().map(String::len).sum::<usize>() <= MAX_WORDS * 4);
    }

    /// The least errors of all ways to give the sentences to the lines, tried one by one.
    fn least(lines: &[&str], sentences: &[&str]) -> u32 {
        match lines {
            [] => 0,
            [line] => word_errors(line, &sentences.join(" ")).errors,
            [line, rest @ ..] => (0..=sentences.len())
                .map(|taken| {
                    let own = word_errors(line, &sentences[..taken].join(" ")).errors;
                    own + least(rest, &sentences[taken..])
                })
                .min()
                .unwrap(),
        }
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        let word = prop::sample::select(vec!["yes", "no", "fine", "4711"]);
        let text = prop::collection::vec(word, 0..4).prop_map(|words| words.join(" "));
        prop::collection::vec(text, 1..5)
    }

    proptest! {
        #[test]
        fn no_other_way_has_fewer_errors(lines in texts(), sentences in texts()) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
            let heard = align(&lines, &sentences);
            prop_assert_eq!(errors(&lines, &heard), least(&lines, &sentences));
            let words = |texts: &[&str]| texts.join(" ").split_whitespace().count();
            let heard: Vec<&str> = heard.iter().map(String::as_str).collect();
            prop_assert_eq!(words(&heard), words(&sentences), "no sentence is lost or doubled");
        }
    }
}
