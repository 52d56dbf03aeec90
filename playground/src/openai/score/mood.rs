//! How somebody feels, by whole words: "unhappy" is not "happy".

/// How somebody feels at first and in the end, from -2 to 2.
pub fn course(lines: &[&str]) -> (i64, i64) {
    let part = lines.len().div_ceil(2).min(MOST_LINES);
    let first = lines.iter().take(part).map(|line| mood(line));
    let last = lines.iter().rev().take(part).map(|line| mood(line));
    (
        first.sum::<i64>().clamp(-2, 2),
        last.sum::<i64>().clamp(-2, 2),
    )
}

/// How many lines are the beginning and the end.
const MOST_LINES: usize = 3;

/// Whether somebody asks for another person.
pub fn escalates(line: &str) -> bool {
    let plain = line.to_lowercase();
    ESCALATING.iter().any(|word| plain.contains(word))
}

/// The good words of a line without the bad ones.
fn mood(line: &str) -> i64 {
    let plain = line.to_lowercase().replace('’', "'");
    let words: Vec<&str> = plain
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .collect();
    let count = |list: &[&str]| {
        let found = words.iter().filter(|word| list.contains(word)).count();
        i64::try_from(found).unwrap_or(0)
    };
    count(&GOOD).saturating_sub(count(&BAD))
}

const ESCALATING: [&str; 4] = ["supervisor", "manager", "somebody else", "someone else"];
const GOOD: [&str; 17] = [
    "agree",
    "appreciate",
    "glad",
    "good",
    "great",
    "happy",
    "helps",
    "kind",
    "lovely",
    "perfect",
    "pleased",
    "relief",
    "relieved",
    "settles",
    "thank",
    "thanks",
    "wonderful",
];
const BAD: [&str; 23] = [
    "angry",
    "annoyed",
    "annoying",
    "cannot",
    "disappointed",
    "enough",
    "late",
    "nobody",
    "never",
    "nowhere",
    "overdue",
    "pity",
    "problem",
    "ridiculous",
    "sorry",
    "terrible",
    "twice",
    "unbelievable",
    "unhappy",
    "unsolved",
    "waste",
    "worried",
    "wrong",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_count() {
        assert_eq!(mood("I am unhappy"), -1);
        assert_eq!(mood("I am happy, thank you"), 2);
        assert_eq!(
            course(&["This is wrong", "Hm", "Hm", "Great, thanks, lovely"]),
            (-1, 2)
        );
        assert_eq!(course(&[]), (0, 0));
    }
}
